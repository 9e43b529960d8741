//! Strings to dense numbers: each distinct string is stored once and named by a `u32` ever after.
//!
//! Numbers follow the order of the log, so they stay inside the engine: rows, outputs and digests only ever hold the strings. Strings are
//! paged like all state (see [`crate::slab`]). Of the index the youngest part is in memory, and the rest on disk once a snapshot
//! has put it there (see [`crate::key_index`]). Strings are never removed.

use std::path::Path;

use bitcode::{Decode, Encode};
use hashbrown::HashTable;
use twox_hash::XxHash3_64;

use crate::error::Error;
use crate::key_index::{KeysJob, Named, Size, Spilled};
use crate::segments::{Location, Segments};
use crate::slab::Slab;

/// Strings a page.
pub(crate) const PAGE: u32 = 1024;

/// One page of strings, end to end.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct StringPage {
    text: String,
    ends: Vec<u32>,
}

impl StringPage {
    /// Reads a page as its slab wrote it.
    pub(crate) fn read(segments: &Segments, location: Location) -> Result<Self, Error> {
        let page: Option<[Self; 1]> = bitcode::decode::<Vec<Self>>(&segments.read(location)?)
            .ok()
            .and_then(|pages| pages.try_into().ok());
        let [page] = page.ok_or_else(|| Error::Corrupt {
            path: segments.path(location.segment),
            what: "a page of keys cannot be decoded",
        })?;
        Ok(page)
    }

    pub(crate) fn get(&self, index: usize) -> &str {
        let start = if index == 0 {
            0
        } else {
            self.ends[index - 1] as usize
        };
        &self.text[start..self.ends[index] as usize]
    }
}

/// An entry of the index: half of the string's hash, and its number.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    number: u32,
}

/// A set of strings with dense numbers. `BITS` are the bits of a hash that count: all, but in tests of strings that share one.
#[derive(Debug, Default)]
pub(crate) struct Interner<const BITS: u64 = { u64::MAX }> {
    /// All strings that are not spilled, and spilled ones that were needed again.
    index: HashTable<Slot>,
    pub(crate) pages: Slab<StringPage, 1>,
    len: u32,
    spilled: Spilled,
}

/// Spreads the stored half of a hash again, so that growing the index never reads a string.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn insert(index: &mut HashTable<Slot>, slot: Slot) {
    index.insert_unique(spread(slot.hash), slot, |slot| spread(slot.hash));
}

impl<const BITS: u64> Interner<BITS> {
    fn hash_of(text: &str) -> u64 {
        XxHash3_64::oneshot(text.as_bytes()) & BITS
    }

    /// The number of `text`, given now if it is new.
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        let hash = Self::hash_of(text);
        let half = hash as u32;
        let pages = &self.pages;
        if let Some(slot) = self.index.find(spread(half), |slot| {
            slot.hash == half && string(pages, slot.number) == text
        }) {
            return slot.number;
        }
        if !self.spilled.is_empty()
            && let Some(number) = self.recall(hash, text)
        {
            return number;
        }
        let number = self.len;
        if number.is_multiple_of(PAGE) {
            self.pages.push(StringPage::default());
        }
        let page = self.pages.get_mut(number / PAGE);
        page.text.push_str(text);
        page.ends.push(page.text.len() as u32);
        self.len += 1;
        insert(&mut self.index, Slot { hash: half, number });
        number
    }

    /// The number of a spilled string. It is kept in memory as long as there is room.
    #[cold]
    fn recall(&mut self, hash: u64, text: &str) -> Option<u32> {
        let number = self.spilled.find(hash)?;
        if string(&self.pages, number) != text {
            return None;
        }
        // The table grows for new strings only, so that old ones that are needed again take no more than what is free.
        if self.index.len() < self.index.capacity() {
            let hash = hash as u32;
            insert(&mut self.index, Slot { hash, number });
        }
        Some(number)
    }

    /// The number of `text`, if it has one.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let hash = Self::hash_of(text);
        let half = hash as u32;
        let held = self.index.find(spread(half), |slot| {
            slot.hash == half && self.get(slot.number) == text
        });
        match held {
            Some(slot) => Some(slot.number),
            None if self.spilled.is_empty() => None,
            None => self.spilled.find(hash).filter(|number| self.get(*number) == text),
        }
    }

    /// The number that `text` probably has: only half of its hash is compared, and only with strings in memory.
    pub(crate) fn guess(&self, text: &str) -> Option<u32> {
        let half = Self::hash_of(text) as u32;
        self.index
            .find(spread(half), |slot| slot.hash == half)
            .map(|slot| slot.number)
    }

    /// The string of a number.
    pub(crate) fn get(&self, number: u32) -> &str {
        string(&self.pages, number)
    }

    /// How many strings there are.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// What is in memory of the index, and what is not.
    pub(crate) fn size(&self) -> Size {
        Size {
            len: self.len,
            below: self.spilled.below,
            held: self.index.len(),
            spilled_bytes: self.spilled.memory(),
        }
    }

    /// Bytes held by the index.
    pub(crate) fn index_bytes(&self) -> usize {
        self.index.allocation_size() + self.spilled.memory()
    }

    /// What a snapshot that spills the numbers below `until` needs.
    pub(crate) fn begin_snapshot(&self, until: u32) -> KeysJob {
        KeysJob {
            spilled: self.spilled.clone(),
            until,
            hash: Self::hash_of,
        }
    }

    /// The snapshot is durable: what it spilled can be found on disk.
    pub(crate) fn finish_snapshot(&mut self, spilled: Spilled) {
        self.spilled = spilled;
    }

    /// Drops what can be found on disk from memory. It reads no string, and takes as long as the growing of the table did.
    pub(crate) fn trim(&mut self) {
        let kept = (self.len - self.spilled.below) as usize + self.spilled.twins.len();
        if self.index.len() == kept {
            return;
        }
        let mut index = HashTable::with_capacity(kept);
        for slot in std::mem::take(&mut self.index) {
            if self.spilled.lacks(slot.number) {
                insert(&mut index, slot);
            }
        }
        self.index = index;
    }

    /// Takes the spilled strings of a snapshot; [`Interner::reindex`] finds the others.
    pub(crate) fn restore(&mut self, dir: &Path, named: &Named) -> Result<(), Error> {
        self.spilled = Spilled::open(dir, named)?;
        Ok(())
    }

    /// Builds the index in memory again from the restored pages. Pages of spilled strings are not read.
    pub(crate) fn reindex(&mut self) {
        let below = self.spilled.below;
        let mut index = HashTable::new();
        let mut len = below;
        self.pages.for_each_from(below / PAGE, |page, strings| {
            let first = page * PAGE;
            for at in (below.saturating_sub(first) as usize)..strings.ends.len() {
                let hash = Self::hash_of(strings.get(at)) as u32;
                insert(&mut index, Slot { hash, number: len });
                len += 1;
            }
        });
        for &number in &self.spilled.twins {
            let hash = Self::hash_of(string(&self.pages, number)) as u32;
            insert(&mut index, Slot { hash, number });
        }
        self.index = index;
        self.len = len;
    }
}

fn string(pages: &Slab<StringPage, 1>, number: u32) -> &str {
    pages.get(number / PAGE).get((number % PAGE) as usize)
}

/// The number that stands for "not told" among symbols.
pub(crate) const NO_SYMBOL: u32 = 0;

/// The number that stands for "no such entity" among keys.
pub(crate) const NO_KEY: u32 = u32::MAX;

/// Words that repeat: couriers, categories, states, sizes, line ids. Number 0 is the empty string and means "not told".
#[derive(Debug)]
pub(crate) struct Symbols(pub(crate) Interner);

impl Default for Symbols {
    fn default() -> Self {
        let mut interner = Interner::default();
        interner.intern("");
        Self(interner)
    }
}

impl Symbols {
    /// The symbol of a word.
    pub(crate) fn of(&mut self, word: &str) -> u32 {
        self.0.intern(word)
    }

    /// The symbol of a word that may be absent.
    pub(crate) fn of_option(&mut self, word: Option<&str>) -> u32 {
        word.map_or(NO_SYMBOL, |word| self.0.intern(word))
    }

    /// The word, or `None` for "not told".
    pub(crate) fn word(&self, symbol: u32) -> Option<&str> {
        (symbol != NO_SYMBOL).then(|| self.0.get(symbol))
    }

    /// The word, empty for "not told".
    pub(crate) fn text(&self, symbol: u32) -> &str {
        self.0.get(symbol)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::slab::Paged;
    use crate::snapshot::write_pages;

    /// Where the tests put what leaves memory.
    struct Disk {
        dir: tempfile::TempDir,
        segments: Arc<Segments>,
        ids: u32,
    }

    impl Disk {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let segments = Segments::open(dir.path()).unwrap();
            Self {
                dir,
                segments,
                ids: 0,
            }
        }

        /// Spills the strings below `until`, as a snapshot does. Gives what it would name.
        fn spill<const BITS: u64>(
            &mut self,
            interner: &mut Interner<BITS>,
            until: u32,
        ) -> (Named, Vec<Location>) {
            let job = interner.begin_snapshot(until);
            let pages = [interner.pages.begin_snapshot()];
            let mut next_id = || {
                self.ids += 1;
                self.ids
            };
            let (pages, _) = write_pages(&self.segments, next_id(), &pages).unwrap();
            let spilled = job.write(&self.segments, &pages[0], next_id).unwrap();
            interner.pages.attach(&self.segments);
            interner.pages.finish_snapshot(&pages[0]);
            interner.finish_snapshot(spilled);
            interner.trim();
            (interner.spilled.named(), pages[0].clone())
        }

        fn restore<const BITS: u64>(&self, named: &Named, pages: &[Location]) -> Interner<BITS> {
            let mut interner = Interner::default();
            interner.pages.restore(&self.segments, pages);
            interner.restore(self.dir.path(), named).unwrap();
            interner.reindex();
            interner
        }
    }

    fn key(n: u32) -> String {
        format!("key-{n}")
    }

    /// Each of `known` strings has its number, in an order in which those are asked that were forgotten longest.
    fn knows<const BITS: u64>(interner: &mut Interner<BITS>, known: u32) {
        for n in 0..known {
            assert_eq!(interner.intern(&key(n)), n);
            assert_eq!(interner.get(n), key(n));
        }
        assert_eq!(interner.len(), known);
    }

    #[test]
    fn a_string_keeps_its_number_across_many_pages() {
        let mut interner = <Interner>::default();
        for n in 0..5_000 {
            assert_eq!(interner.intern(&key(n)), n);
        }
        for n in (0..5_000).rev() {
            assert_eq!(interner.intern(&key(n)), n);
            assert_eq!(interner.get(n), key(n));
        }
        interner.reindex();
        assert_eq!(interner.len(), 5_000);
        assert_eq!(interner.intern("key-4321"), 4_321);
    }

    #[test]
    fn a_spilled_string_keeps_its_number() {
        let mut disk = Disk::new();
        let mut interner = <Interner>::default();
        for round in 1..=7 {
            for n in interner.len()..round * 1_500 {
                assert_eq!(interner.intern(&key(n)), n);
            }
            disk.spill(&mut interner, round * 1_500 - 700);
            assert_eq!(interner.index.len(), 700, "the rest left memory");
            assert!(interner.index_bytes() < 700 * 21 + 2 * round as usize * 1_500);
            knows(&mut interner, round * 1_500);
        }
    }

    #[test]
    fn strings_needed_again_take_only_what_is_free() {
        let mut disk = Disk::new();
        let mut interner = <Interner>::default();
        for n in 0..5_000 {
            interner.intern(&key(n));
        }
        disk.spill(&mut interner, 4_000);
        let bytes = interner.index_bytes();
        knows(&mut interner, 5_000);
        assert_eq!(interner.index_bytes(), bytes);
        assert!(interner.index.len() > 1_000, "some are kept");
        assert_eq!(interner.guess(&key(4_999)), Some(4_999));
    }

    #[test]
    fn strings_of_one_hash_keep_their_own_numbers() {
        // 4,096 hashes for 6,000 strings: twins within a run, across runs, and of new strings with spilled ones.
        let mut disk = Disk::new();
        let mut interner = Interner::<0xFFF>::default();
        let (mut named, mut pages) = disk.spill(&mut interner, 0);
        for round in 1..=6 {
            for n in interner.len()..round * 1_000 {
                assert_eq!(interner.intern(&key(n)), n);
            }
            (named, pages) = disk.spill(&mut interner, round * 1_000 - 100);
            knows(&mut interner, round * 1_000);
        }
        assert!(interner.spilled.twins.len() > 1_000);
        knows(&mut disk.restore::<0xFFF>(&named, &pages), 6_000);
    }

    #[test]
    fn a_restored_index_goes_on_and_reads_no_page_of_spilled_strings() {
        let mut disk = Disk::new();
        let mut interner = <Interner>::default();
        for n in 0..5_000 {
            interner.intern(&key(n));
        }
        let (named, pages) = disk.spill(&mut interner, 3_000);
        let mut restored: Interner = disk.restore(&named, &pages);
        assert_eq!(restored.index.len(), 2_000);
        knows(&mut restored, 5_000);
        assert_eq!(restored.intern("another"), 5_000);

        let mut lost = pages.clone();
        for page in &mut lost[..2] {
            page.segment = u32::MAX;
        }
        let mut restored: Interner = disk.restore(&named, &lost);
        assert_eq!(restored.intern(&key(4_000)), 4_000);

        let (named, pages) = disk.spill(&mut interner, 5_000);
        knows(&mut disk.restore::<{ u64::MAX }>(&named, &pages), 5_000);
    }

    #[test]
    fn symbol_zero_means_not_told() {
        let mut symbols = Symbols::default();
        assert_eq!(symbols.of_option(None), NO_SYMBOL);
        assert_eq!(symbols.of(""), NO_SYMBOL);
        let symbol = symbols.of("delhivery");
        assert_eq!(symbols.word(symbol), Some("delhivery"));
        assert_eq!(symbols.word(NO_SYMBOL), None);
    }
}
