//! Sums by key: a slab of entries and an index that finds them.
//!
//! An entry is never removed, since its number may wait in a list; whether it still has a row is for its owner to say.

use std::hash::Hash;

use bitcode::{Decode, DecodeOwned, Encode};
use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::slab::Slab;

/// Entries a page.
pub(crate) const PAGE: usize = 256;

/// A key and its sums.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Entry<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    /// The slot is taken; pages are filled with empty entries.
    taken: bool,
}

/// Sums by key.
#[derive(Debug)]
pub(crate) struct Ledger<K, V> {
    index: HashTable<(u32, u32)>,
    pub(crate) entries: Slab<Entry<K, V>, PAGE>,
    len: u32,
}

impl<K, V> Default for Ledger<K, V> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            entries: Slab::default(),
            len: 0,
        }
    }
}

fn half<K: Hash>(key: &K) -> u32 {
    use std::hash::Hasher;
    let mut hasher = FxHasher::default();
    key.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl<K, V> Ledger<K, V>
where
    K: Copy + Default + Eq + Hash + Encode + DecodeOwned + Send + Sync + 'static,
    V: Clone + Default + Encode + DecodeOwned + Send + Sync + 'static,
{
    /// The number of `key`, given now if it is new.
    pub(crate) fn number(&mut self, key: &K) -> u32 {
        let half = half(key);
        let entries = &self.entries;
        if let Some((_, number)) = self.index.find(spread(half), |(hash, number)| {
            *hash == half && entries.get(*number).key == *key
        }) {
            return *number;
        }
        let number = self.len;
        self.len += 1;
        self.entries.reserve(number);
        let entry = self.entries.get_mut(number);
        entry.key = *key;
        entry.taken = true;
        self.index
            .insert_unique(spread(half), (half, number), |(hash, _)| spread(*hash));
        number
    }

    /// The number of `key`, if it has one.
    pub(crate) fn find(&self, key: &K) -> Option<u32> {
        let half = half(key);
        let found = self.index.find(spread(half), |(hash, number)| {
            *hash == half && self.entries.get(*number).key == *key
        });
        found.map(|(_, number)| *number)
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Builds the index again from the restored pages.
    pub(crate) fn reindex(&mut self) {
        self.index.clear();
        let (index, len) = (&mut self.index, &mut self.len);
        *len = 0;
        self.entries.for_each(|number, entry| {
            if entry.taken {
                let half = half(&entry.key);
                index.insert_unique(spread(half), (half, number), |(hash, _)| spread(*hash));
                *len = number + 1;
            }
        });
    }

    /// Bytes held by the index. It is never spilled: there are no more entries than couriers have lanes, or cohorts have cells, however
    /// many orders there are.
    pub(crate) fn index_bytes(&self) -> usize {
        self.index.allocation_size()
    }
}
