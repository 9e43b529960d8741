//! A bounded table of cells by integer key: open addressing in two plain vectors.
//!
//! A hash map of the standard library would do but for two things: its bytes in a snapshot depend on its layout, and it cannot be
//! bounded. Here the vectors are the state, so a restored table goes on exactly as the saved one would have. When it is full the
//! lightest quarter is forgotten, by weight and then by key; the work is spread over the insertions that filled it.

use bitcode::{Decode, Encode};

use crate::random::mix;

/// The key that marks an empty slot; a caller's nought is mapped to another number.
const EMPTY: u64 = 0;
const SMALLEST: usize = 16;

/// Cells by key.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Table<C> {
    keys: Vec<u64>,
    cells: Vec<C>,
    len: usize,
    capacity: usize,
}

impl<C: Clone + Default> Table<C> {
    /// A table that keeps at most `capacity` cells.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            keys: Vec::new(),
            cells: Vec::new(),
            len: 0,
            capacity: capacity.max(4),
        }
    }

    /// Number of cells.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The cell of a key.
    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<&C> {
        if self.keys.is_empty() {
            return None;
        }
        let slot = self.slot(plain(key));
        (self.keys[slot] != EMPTY).then(|| &self.cells[slot])
    }

    /// The cell of a key, new if need be. `weight` says what a cell is worth when the table is full.
    pub(crate) fn entry(&mut self, key: u64, weight: impl Fn(&C) -> f64) -> &mut C {
        let key = plain(key);
        if self.keys.is_empty() {
            self.resize(SMALLEST);
        }
        let mut slot = self.slot(key);
        if self.keys[slot] == EMPTY {
            if self.len >= self.capacity {
                self.forget(weight);
                slot = self.slot(key);
            } else if (self.len + 1) * 4 > self.keys.len() * 3 {
                self.resize(self.keys.len() * 2);
                slot = self.slot(key);
            }
            self.keys[slot] = key;
            self.len += 1;
        }
        &mut self.cells[slot]
    }

    /// Where a key is, or the empty slot where it would be.
    #[inline]
    fn slot(&self, key: u64) -> usize {
        let mask = self.keys.len() - 1;
        let mut slot = mix(key) as usize & mask;
        while self.keys[slot] != EMPTY && self.keys[slot] != key {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn take(&mut self) -> Vec<(u64, C)> {
        let keys = std::mem::take(&mut self.keys);
        let cells = std::mem::take(&mut self.cells);
        self.len = 0;
        keys.into_iter()
            .zip(cells)
            .filter(|(key, _)| *key != EMPTY)
            .collect()
    }

    fn fill(&mut self, slots: usize, entries: Vec<(u64, C)>) {
        self.keys = vec![EMPTY; slots];
        self.cells = vec![C::default(); slots];
        self.len = entries.len();
        for (key, cell) in entries {
            let slot = self.slot(key);
            self.keys[slot] = key;
            self.cells[slot] = cell;
        }
    }

    fn resize(&mut self, slots: usize) {
        let entries = self.take();
        self.fill(slots, entries);
    }

    fn forget(&mut self, weight: impl Fn(&C) -> f64) {
        let slots = self.keys.len();
        let mut entries = self.take();
        entries.sort_by(|a, b| weight(&b.1).total_cmp(&weight(&a.1)).then(a.0.cmp(&b.0)));
        entries.truncate(self.capacity - self.capacity / 4);
        self.fill(slots, entries);
    }
}

const fn plain(key: u64) -> u64 {
    if key == EMPTY { u64::MAX } else { key }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn holds_what_a_map_holds(keys in prop::collection::vec(0_u64..400, 0..600)) {
            let mut table = Table::<u32>::new(10_000);
            let mut map = BTreeMap::new();
            for &key in &keys {
                *table.entry(key, |&c| f64::from(c)) += 1;
                *map.entry(key).or_insert(0_u32) += 1;
            }
            prop_assert_eq!(table.len(), map.len());
            for key in 0..400 {
                prop_assert_eq!(table.get(key), map.get(&key));
            }
        }
    }

    #[test]
    fn a_full_table_forgets_the_lightest() {
        let mut table = Table::<u32>::new(100);
        for key in 0..1_000 {
            for _ in 0..if key < 10 { 50 } else { 1 } {
                *table.entry(key, |&c| f64::from(c)) += 1;
            }
            assert!(table.len() <= 100);
        }
        assert!((0..10).all(|key| table.get(key) == Some(&50)));
        assert!(table.get(999).is_some());
    }

    #[test]
    fn bytes_depend_on_the_history_alone() {
        let told = |table: &mut Table<u32>, keys: std::ops::Range<u64>| {
            for key in keys {
                *table.entry(key * 7, |&c| f64::from(c)) += 1;
            }
        };
        let mut whole = Table::new(60);
        told(&mut whole, 0..200);
        let mut first = Table::new(60);
        told(&mut first, 0..90);
        let mut restored: Table<u32> = bitcode::decode(&bitcode::encode(&first)).unwrap();
        told(&mut restored, 90..200);
        assert_eq!(bitcode::encode(&whole), bitcode::encode(&restored));
    }
}
