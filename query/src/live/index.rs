//! The key index: from the hash of a key to the position of its row, four bytes an entry.
//!
//! The writer changes it while readers with older snapshots look keys up. So each change also leaves a note of what it replaced;
//! a reader first looks through the notes younger than its snapshot. Notes are few and bounded: a reader too old for them is told so and scans.
//! Keys themselves are not kept here; the caller compares the stored columns.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

const SHARDS: usize = 256;
/// Notes kept per shard; at 300,000 changes a second they reach about 0.2 s back, far longer than a key lookup holds its snapshot.
const NOTES: usize = 256;

/// Chunk slot and row in one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Position(pub(crate) u32);

impl Position {
    pub(crate) fn new(slot: usize, row: u32) -> Position {
        Position((slot as u32) << 16 | row)
    }

    pub(crate) fn slot(self) -> usize {
        (self.0 >> 16) as usize
    }

    pub(crate) fn row(self) -> u32 {
        self.0 & 0xffff
    }
}

struct Note {
    generation: u64,
    hash: u64,
    before: Option<Position>,
}

#[derive(Default)]
struct Shard {
    rows: HashTable<u32>,
    notes: VecDeque<Note>,
    /// Notes of this generation and older may be gone.
    forgotten: u64,
}

impl Shard {
    fn note(&mut self, generation: u64, hash: u64, before: Option<Position>) {
        if self.notes.len() >= NOTES
            && let Some(oldest) = self.notes.pop_front()
        {
            self.forgotten = oldest.generation;
        }
        self.notes.push_back(Note {
            generation,
            hash,
            before,
        });
    }
}

/// What the index knows of a key as of one generation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    Found(Position),
    Absent,
    /// The snapshot is older than the notes: only a scan can tell.
    TooOld,
}

pub(crate) struct KeyIndex {
    shards: Box<[RwLock<Shard>]>,
    /// Differs from process to process, so that no one can choose keys that collide. Never reaches an output.
    pub(crate) seed: u64,
}

impl std::fmt::Debug for KeyIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyIndex").finish_non_exhaustive()
    }
}

impl KeyIndex {
    pub(crate) fn new() -> KeyIndex {
        KeyIndex {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            seed: RandomState::new().hash_one(0x0ed_d1e5_u64),
        }
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        // hashbrown uses the lowest and the seven highest bits; these lie between.
        &self.shards[(hash >> 40) as usize % SHARDS]
    }

    /// Points the key at `position`; returns the position it had.
    pub(crate) fn put(
        &self,
        hash: u64,
        position: Position,
        generation: u64,
        is_key: impl Fn(Position) -> bool,
        hash_of: impl Fn(Position) -> u64,
    ) -> Option<Position> {
        let mut shard = self.shard(hash).write().unwrap_or_else(PoisonError::into_inner);
        let before = match shard
            .rows
            .entry(hash, |p| is_key(Position(*p)), |p| hash_of(Position(*p)))
        {
            Entry::Occupied(mut entry) => Some(Position(std::mem::replace(entry.get_mut(), position.0))),
            Entry::Vacant(entry) => {
                entry.insert(position.0);
                None
            }
        };
        shard.note(generation, hash, before);
        before
    }

    /// Forgets the key; returns the position it had.
    pub(crate) fn remove(
        &self,
        hash: u64,
        generation: u64,
        is_key: impl Fn(Position) -> bool,
    ) -> Option<Position> {
        let mut shard = self.shard(hash).write().unwrap_or_else(PoisonError::into_inner);
        let before = match shard.rows.find_entry(hash, |p| is_key(Position(*p))) {
            Ok(entry) => Position(entry.remove().0),
            Err(_) => return None,
        };
        shard.note(generation, hash, Some(before));
        Some(before)
    }

    /// Where the key was at `generation`. `is_live_key` answers from that snapshot: is there a live row with this key at the position.
    pub(crate) fn get(&self, hash: u64, generation: u64, is_live_key: impl Fn(Position) -> bool) -> Lookup {
        let shard = self.shard(hash).read().unwrap_or_else(PoisonError::into_inner);
        if shard.forgotten > generation {
            return Lookup::TooOld;
        }
        let from = shard.notes.partition_point(|n| n.generation <= generation);
        for note in shard.notes.range(from..).filter(|n| n.hash == hash) {
            // The oldest change after the snapshot tells what stood there at the snapshot.
            match note.before {
                Some(position) if is_live_key(position) => return Lookup::Found(position),
                // Another key with the same 64 bits.
                Some(_) => continue,
                None => return Lookup::Absent,
            }
        }
        match shard.rows.find(hash, |p| is_live_key(Position(*p))) {
            Some(position) => Lookup::Found(Position(*position)),
            None => Lookup::Absent,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let shards = self.shards.iter().map(|s| {
            let shard = s.read().unwrap_or_else(PoisonError::into_inner);
            shard.rows.allocation_size() + shard.notes.capacity() * size_of::<Note>()
        });
        shards.sum::<usize>() + SHARDS * size_of::<RwLock<Shard>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reader_sees_the_position_of_its_own_generation() {
        let index = KeyIndex::new();
        let (old, new) = (Position::new(0, 1), Position::new(0, 2));
        assert_eq!(index.put(7, old, 1, |_| false, |_| 7), None);
        assert_eq!(index.put(7, new, 2, |p| p == old, |_| 7), Some(old));
        assert_eq!(index.get(7, 0, |p| p == old), Lookup::Absent);
        assert_eq!(index.get(7, 1, |p| p == old), Lookup::Found(old));
        assert_eq!(index.get(7, 2, |p| p == new), Lookup::Found(new));
        assert_eq!(index.remove(7, 3, |p| p == new), Some(new));
        assert_eq!(index.get(7, 2, |p| p == new), Lookup::Found(new));
        assert_eq!(index.get(7, 3, |_| true), Lookup::Absent);
    }

    #[test]
    fn reader_older_than_the_notes_is_told_to_scan() {
        let index = KeyIndex::new();
        for generation in 1..=NOTES as u64 + 5 {
            index.put(7, Position(generation as u32), generation, |_| true, |_| 7);
        }
        assert_eq!(index.get(7, 4, |_| true), Lookup::TooOld);
        assert!(matches!(index.get(7, 5, |_| true), Lookup::Found(_)));
    }
}
