//! Lines that were delivered lately, each with the series it belongs to: what a case's why is counted from.
//!
//! Bounded by time: a line is forgotten when no onset can lie before it any more.

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;

use bitcode::{Decode, Encode};
use eddy_models::shift::{GROUPS, WINDOW_DAYS};

use crate::interner::NO_SYMBOL;
use crate::rates::sold::Sold;

/// Dimensions of the series; the last is a candidate cause only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub(crate) enum Dimension {
    #[default]
    Sku,
    Style,
    StyleSize,
    Category,
    CategorySize,
    Supplier,
    Seller,
    Packer,
    Lane,
    Courier,
    Facility,
    State,
    Batch,
}

/// How many dimensions there are, and how many of them are watched.
pub(crate) const DIMENSIONS: usize = 13;
pub(crate) const WATCHED: usize = DIMENSIONS - 1;
/// The first dimension that cuts across articles.
const ACROSS: usize = Dimension::Supplier as usize;

impl Dimension {
    pub(crate) const ALL: [Self; DIMENSIONS] = [
        Self::Sku,
        Self::Style,
        Self::StyleSize,
        Self::Category,
        Self::CategorySize,
        Self::Supplier,
        Self::Seller,
        Self::Packer,
        Self::Lane,
        Self::Courier,
        Self::Facility,
        Self::State,
        Self::Batch,
    ];

    /// The word of the tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Sku => "sku",
            Self::Style => "style",
            Self::StyleSize => "style,size",
            Self::Category => "category",
            Self::CategorySize => "category,size",
            Self::Supplier => "supplier",
            Self::Seller => "seller",
            Self::Packer => "packer",
            Self::Lane => "courier,zone",
            Self::Courier => "courier",
            Self::Facility => "facility",
            Self::State => "state",
            Self::Batch => "batch",
        }
    }

    /// Whether its values hold articles of several kinds.
    pub(crate) fn cuts_across(self) -> bool {
        self as usize >= ACROSS
    }

    /// Whether a value of it is two symbols.
    pub(crate) fn is_pair(self) -> bool {
        matches!(self, Self::StyleSize | Self::CategorySize | Self::Lane)
    }

    /// Value of a line; `None` when nobody told it.
    pub(crate) fn of(self, sold: &Sold) -> Option<(u32, u32)> {
        let told = |symbol: u32| (symbol != NO_SYMBOL).then_some((symbol, 0));
        let pair = |a: u32, b: u32| (a != NO_SYMBOL && b != NO_SYMBOL).then_some((a, b));
        match self {
            Self::Sku => Some((sold.sku, 0)),
            Self::Style => told(sold.style),
            Self::StyleSize => pair(sold.style, sold.size),
            Self::Category => told(sold.category),
            Self::CategorySize => pair(sold.category, sold.size),
            Self::Supplier => told(sold.supplier),
            Self::Seller => told(sold.seller),
            Self::Packer => told(sold.packer),
            Self::Lane => {
                (sold.courier != NO_SYMBOL && sold.zone != 0).then_some((sold.courier, u32::from(sold.zone)))
            }
            Self::Courier => told(sold.courier),
            Self::Facility => told(sold.facility),
            Self::State => told(sold.state),
            Self::Batch => told(sold.batch),
        }
    }
}

/// No series: the line has no such value.
pub(crate) const NO_SERIES: u32 = u32::MAX;

/// One delivered line.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Line {
    /// Order and symbol of the line.
    pub(crate) id: (u32, u32),
    pub(crate) series: [u32; DIMENSIONS],
    /// Symbol.
    pub(crate) category: u32,
    /// Day of delivery, and the day at whose end it was known.
    pub(crate) day: i32,
    pub(crate) known: i32,
    /// Index of the day at whose end its return was known, and group of the reason.
    pub(crate) returned: Option<(i32, u8)>,
    pub(crate) value_minor: i64,
    /// A case that was known when it was delivered explains it.
    pub(crate) explained: bool,
    /// Expected to come back: by its class, by what its category does of late, and by its article's own level.
    pub(crate) expected: [f32; 3],
    /// Shares of the groups of reasons in that.
    pub(crate) mix: [f32; GROUPS],
}

impl Line {
    /// What it adds to a series of a dimension.
    pub(crate) fn mass(&self, dimension: Dimension) -> f64 {
        let at = match dimension {
            Dimension::Category => 0,
            dimension if dimension.cuts_across() => 2,
            _ => 1,
        };
        f64::from(self.expected[at])
    }
}

/// Days beyond the window for which a line is kept: the margin by which an onset may be wrong.
const MARGIN_DAYS: i32 = 6;

/// First day of knowledge that is kept at the end of `today`.
pub(crate) fn kept_from(today: i32) -> i32 {
    today - WINDOW_DAYS - MARGIN_DAYS
}

/// Lines that stand together. A block is never moved, however many there are, and goes as a whole.
const BLOCK: usize = 1 << 12;
/// Lines of a series that are found before the first of them is read: they lie far apart, and are fetched while others are.
const FETCHED: usize = 16;

/// The lines, by their number; numbers rise in the order in which lines became known.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Lines {
    /// From the block of the first one.
    blocks: VecDeque<Vec<Line>>,
    /// By how much the number of the line that its series of a dimension was told of before is less; nought when there was none. Apart from the lines, close together: series are walked by it.
    before: [VecDeque<Vec<u32>>; DIMENSIONS],
    /// Number of the first one, and of the next.
    first: u64,
    next: u64,
    /// Number by order and symbol of the line.
    numbers: BTreeMap<(u32, u32), u64>,
}

impl Lines {
    pub(crate) fn push(&mut self, line: Line) -> u64 {
        let number = self.next;
        if self.place(number).0 == self.blocks.len() {
            self.blocks.push_back(Vec::with_capacity(BLOCK));
            for before in &mut self.before {
                before.push_back(Vec::with_capacity(BLOCK));
            }
        }
        self.numbers.insert(line.id, number);
        if let Some(block) = self.blocks.back_mut() {
            block.push(line);
        }
        for block in self.before.iter_mut().filter_map(VecDeque::back_mut) {
            block.push(0);
        }
        self.next += 1;
        number
    }

    /// Block and place in it of a number that is not before the first.
    #[allow(clippy::cast_possible_truncation)]
    fn place(&self, number: u64) -> (usize, usize) {
        let block = BLOCK as u64;
        (
            (number / block - self.first / block) as usize,
            (number % block) as usize,
        )
    }

    /// The number of the next one.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Line> {
        if number < self.first {
            return None;
        }
        let (block, at) = self.place(number);
        self.blocks.get(block)?.get(at)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Line> {
        if number < self.first {
            return None;
        }
        let (block, at) = self.place(number);
        self.blocks.get_mut(block)?.get_mut(at)
    }

    pub(crate) fn find(&self, id: (u32, u32)) -> Option<u64> {
        self.numbers.get(&id).copied()
    }

    /// The first number that is kept.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Notes which line a line's series of a dimension was told of before, as the number of that one and one more; nought for none.
    pub(crate) fn follows(&mut self, number: u64, dimension: Dimension, before: u64) {
        let (block, at) = self.place(number);
        let of = self.before[dimension as usize].get_mut(block);
        if let Some(of) = of.and_then(|block| block.get_mut(at)) {
            let less = (number + 1).saturating_sub(before);
            *of = if before == 0 {
                0
            } else {
                u32::try_from(less).unwrap_or(0)
            };
        }
    }

    /// Lines of a series from the one before `next` on, latest first.
    pub(crate) fn back(&self, dimension: Dimension, next: u64) -> Back<'_> {
        Back {
            lines: self,
            before: &self.before[dimension as usize],
            next,
            found: [0; FETCHED],
            at: 0,
            len: 0,
        }
    }

    /// Forgets the lines that were known before `day`.
    pub(crate) fn forget(&mut self, day: i32) {
        let mut to = self.first;
        while let Some(line) = self.get(to).filter(|line| line.known < day) {
            let id = line.id;
            if self.numbers.get(&id) == Some(&to) {
                self.numbers.remove(&id);
            }
            to += 1;
        }
        let (whole, _) = self.place(to);
        self.blocks.drain(..whole.min(self.blocks.len()));
        for before in &mut self.before {
            before.drain(..whole.min(before.len()));
        }
        self.first = to;
    }
}

/// Lines of a series with their numbers, latest first.
pub(crate) struct Back<'a> {
    lines: &'a Lines,
    before: &'a VecDeque<Vec<u32>>,
    /// Number of the line that is found next, and one more.
    next: u64,
    found: [u64; FETCHED],
    at: usize,
    len: usize,
}

impl Back<'_> {
    fn find(&mut self) {
        (self.at, self.len) = (0, 0);
        while let Some(number) = self
            .next
            .checked_sub(1)
            .filter(|number| *number >= self.lines.first)
            && self.len < FETCHED
        {
            let (block, at) = self.lines.place(number);
            let Some(before) = self.before.get(block).and_then(|block| block.get(at)) else {
                break;
            };
            self.next = match before {
                0 => 0,
                before => self.next - u64::from(*before),
            };
            self.found[self.len] = number;
            self.len += 1;
        }
        for number in &self.found[..self.len] {
            if let Some(line) = self.lines.get(*number) {
                black_box((line.known, line.series[0]));
            }
        }
    }
}

impl<'a> Iterator for Back<'a> {
    type Item = (u64, &'a Line);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.len {
            self.find();
        }
        let number = *self.found[..self.len].get(self.at)?;
        self.at += 1;
        Some((number, self.lines.get(number)?))
    }
}

#[cfg(test)]
mod tests {
    use eddy_models::random::Random;

    use super::*;

    fn line(id: u32, known: i32, series: u32) -> Line {
        Line {
            id: (id, 0),
            series: [series; DIMENSIONS],
            category: 0,
            day: known - 1,
            known,
            returned: None,
            value_minor: i64::from(id),
            explained: false,
            expected: [0.0; 3],
            mix: [0.0; GROUPS],
        }
    }

    #[test]
    fn lines_are_found_by_number_and_by_series_until_they_are_forgotten() {
        const SERIES: usize = 7;
        let mut random = Random::new(5);
        let mut lines = Lines::default();
        let mut plain: Vec<Line> = Vec::new();
        let mut next = [0_u64; SERIES];
        for day in 0..40 {
            for _ in 0..(random.unit() * 2_000.0) as usize {
                let series = (random.unit() * SERIES as f64) as usize;
                let one = line(plain.len() as u32, day, series as u32);
                assert_eq!(lines.push(one.clone()), plain.len() as u64);
                for dimension in Dimension::ALL {
                    lines.follows(plain.len() as u64, dimension, next[series]);
                }
                plain.push(one);
                next[series] = plain.len() as u64;
            }
            lines.forget(day - 9);
            let first = plain
                .iter()
                .position(|line| line.known >= day - 9)
                .unwrap_or(plain.len());
            assert_eq!((lines.first(), lines.next()), (first as u64, plain.len() as u64));
            assert!(first == 0 || lines.get(first as u64 - 1).is_none());
            for (series, next) in next.into_iter().enumerate() {
                let told = lines
                    .back(Dimension::Lane, next)
                    .map(|(number, line)| (number, line.value_minor));
                let of = plain.iter().enumerate().skip(first).rev();
                let of = of.filter(|(_, line)| line.series[0] == series as u32);
                assert!(
                    told.eq(of.map(|(at, line)| (at as u64, line.value_minor))),
                    "day {day}"
                );
            }
        }
        assert!(
            lines.first() > 2 * BLOCK as u64 && lines.blocks.len() < 6,
            "nothing was forgotten"
        );
        assert_eq!(lines.find((3, 0)), None);
        let last = plain.len() as u64 - 1;
        assert_eq!(lines.find((last as u32, 0)), Some(last));
        let again: Lines = bitcode::decode(&bitcode::encode(&lines)).unwrap();
        assert!(
            again
                .back(Dimension::Sku, next[3])
                .map(|(n, _)| n)
                .eq(lines.back(Dimension::Sku, next[3]).map(|(n, _)| n))
        );
    }
}
