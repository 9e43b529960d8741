//! Rows by word, of a column of a sealed piece that is stored as codes: made once it was asked often enough which rows hold one, so that whoever asks for one article of five thousand
//! reads its rows and not the codes of all.
//!
//! A piece never changes, so neither does what is made here; which of the rows live is for others to say.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray, StringViewArray};
use hashbrown::HashTable;
use twox_hash::XxHash3_64;

use super::column::Column;

/// Times that a column was asked before its rows are sorted.
const PATIENCE: u8 = 2;

/// What was asked of one column, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    times: AtomicU8,
    rows: OnceLock<Inverted>,
}

impl Asked {
    /// The rows of `column` by word. Made now if it was asked before and there is some `budget` left, which that takes one of.
    pub(super) fn of(&self, column: &Column, budget: &mut usize) -> Option<&Inverted> {
        if let Some(rows) = self.rows.get() {
            return Some(rows);
        }
        column.dictionary()?;
        if self.times.load(Ordering::Relaxed) < PATIENCE {
            self.times.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *budget = budget.checked_sub(1)?;
        let rows = Inverted::of(column)?;
        Some(self.rows.get_or_init(|| rows))
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.get().map_or(0, Inverted::bytes)
    }
}

/// Rows by word.
#[derive(Debug)]
pub(crate) struct Inverted {
    words: StringViewArray,
    /// Codes by hash of their words.
    codes: HashTable<u16>,
    /// Where the rows of each code begin, and where the last end.
    begins: Vec<u32>,
    rows: Vec<u16>,
}

impl Inverted {
    fn of(column: &Column) -> Option<Self> {
        match column {
            Column::Codes8(codes, words) => Self::sorted(codes, words),
            Column::Codes16(codes, words) => Self::sorted(codes, words),
            Column::Plain(_) | Column::Text(_) | Column::Null(..) => None,
        }
    }

    fn sorted<T: ArrowPrimitiveType>(codes: &PrimitiveArray<T>, words: &StringViewArray) -> Option<Self>
    where
        T::Native: Into<u32>,
    {
        let last = u16::try_from(codes.len().checked_sub(1)?).ok()?;
        let of = |row: u16| {
            let row = usize::from(row);
            let code: u32 = codes.value(row).into();
            codes.is_valid(row).then_some(code as usize)
        };
        let mut begins = vec![0_u32; words.len() + 1];
        for code in (0..=last).filter_map(of) {
            begins[code + 1] += 1;
        }
        for code in 0..words.len() {
            begins[code + 1] += begins[code];
        }
        let mut next = begins.clone();
        let mut rows = vec![0; begins[words.len()] as usize];
        for row in 0..=last {
            if let Some(code) = of(row) {
                rows[next[code] as usize] = row;
                next[code] += 1;
            }
        }
        let hash = |code: &u16| hash(words.value(usize::from(*code)));
        let mut by_hash = HashTable::with_capacity(words.len());
        for code in 0..u16::try_from(words.len()).ok()? {
            by_hash.insert_unique(hash(&code), code, hash);
        }
        Some(Self {
            words: words.clone(),
            codes: by_hash,
            begins,
            rows,
        })
    }

    fn code(&self, word: &str) -> Option<usize> {
        let is = |code: &u16| self.words.value(usize::from(*code)) == word;
        self.codes.find(hash(word), is).map(|code| usize::from(*code))
    }

    fn range(&self, code: usize) -> std::ops::Range<usize> {
        self.begins[code] as usize..self.begins[code + 1] as usize
    }

    /// How many rows hold one of `words`, of which no two are alike.
    pub(crate) fn count(&self, words: &[String]) -> usize {
        let codes = words.iter().filter_map(|word| self.code(word));
        codes.map(|code| self.range(code).len()).sum()
    }

    /// Which rows hold one of `words`, in their order.
    pub(crate) fn rows(&self, words: &[String]) -> Vec<u32> {
        let codes: Vec<usize> = words.iter().filter_map(|word| self.code(word)).collect();
        let of = |code: &usize| self.rows[self.range(*code)].iter().copied().map(u32::from);
        let mut rows: Vec<u32> = codes.iter().flat_map(of).collect();
        if codes.len() > 1 {
            rows.sort_unstable();
        }
        rows
    }

    fn bytes(&self) -> usize {
        self.codes.allocation_size() + self.begins.len() * 4 + self.rows.len() * 2
    }
}

fn hash(word: &str) -> u64 {
    XxHash3_64::oneshot(word.as_bytes())
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn the_rows_of_a_word_are_those_that_hold_it() {
        for entries in [3, 40, 300] {
            let text = |row: usize| (row % 7 != 6).then(|| format!("entry {}", row * row % entries));
            let column =
                Column::Text((0..10_001).map(text).collect::<StringArray>()).seal(&DataType::Utf8View);
            let inverted = Inverted::of(&column).expect("few entries");
            for asked in [vec![1], vec![0, 1], vec![4, 2, 0], vec![entries], vec![]] {
                let words: Vec<String> = asked.iter().map(|at| format!("entry {at}")).collect();
                let holds = |row: &usize| text(*row).is_some_and(|text| words.contains(&text));
                let rows: Vec<u32> = (0..10_001).filter(holds).map(|row| row as u32).collect();
                assert_eq!(inverted.rows(&words), rows, "{words:?} of {entries} entries");
                assert_eq!(inverted.count(&words), rows.len());
            }
        }
    }

    #[test]
    fn rows_are_sorted_for_who_asks_again_as_far_as_the_budget_goes() {
        let text = (0..100).map(|row| Some(["a", "b"][row % 2]));
        let column = Column::Text(text.collect::<StringArray>()).seal(&DataType::Utf8View);
        let (asked, mut budget) = (Asked::default(), 1);
        assert!(asked.of(&column, &mut budget).is_none() && asked.of(&column, &mut budget).is_none());
        assert!(asked.of(&column, &mut 0).is_none(), "no budget");
        assert_eq!((asked.bytes(), budget), (0, 1));
        assert!(asked.of(&column, &mut budget).is_some() && asked.bytes() > 200);
        assert!(asked.of(&column, &mut 0).is_some(), "it is there");
        assert_eq!(budget, 0);
    }
}
