//! Which events were folded before: a set of identities that never forgets, in bounded memory.
//!
//! Recent identities are in a table in memory. A snapshot seals the table, writes it as a sorted run (see [`crate::runs`]) and starts
//! a new one; of sealed identities 10.3 bits each stay in memory. Kept of an event are 64 bits of its identity, 32 of its fingerprint, and
//! what it told of. Two of a billion different events share their 64 bits with odds of 1 in 37; the later of such a pair would be
//! taken for a conflicting repeat and become a dead letter, visibly. A repeat with another body passes for a plain
//! duplicate with odds of 1 in 4 billion.

use std::path::Path;
use std::sync::Arc;

use hashbrown::HashTable;

use crate::error::Error;
use crate::fold::Owner;
use crate::runs::{self, Entry, Run, Use};

/// A sealed table, waiting to be written.
pub(crate) type Sealed = Arc<HashTable<Entry>>;

/// The set.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    recent: HashTable<Entry>,
    sealed: Vec<Sealed>,
    runs: Vec<Arc<Run>>,
}

/// What a snapshot needs of the set.
pub(crate) struct SeenJob {
    sealed: Vec<Sealed>,
    pub(crate) runs: Vec<Arc<Run>>,
}

/// The half of an identity that is kept.
pub(crate) fn key_of(identity: u128) -> u64 {
    identity as u64
}

/// The quarter of a fingerprint that is kept.
pub(crate) fn print_of(fingerprint: u128) -> u32 {
    fingerprint as u32
}

impl Seen {
    /// What is remembered of an event.
    pub(crate) fn find(&self, key: u64) -> Option<Entry> {
        let held = |table: &HashTable<Entry>| table.find(key, |entry| entry.key == key).copied();
        held(&self.recent)
            .or_else(|| self.sealed.iter().rev().find_map(|table| held(table)))
            .or_else(|| self.runs.iter().rev().find_map(|run| run.find(key)))
    }

    /// Whether an event is among the recent ones.
    pub(crate) fn guess(&self, key: u64) -> bool {
        self.recent.find(key, |entry| entry.key == key).is_some()
    }

    /// Remembers an event, in place of what was remembered of it.
    pub(crate) fn insert(&mut self, key: u64, print: u32, owner: Owner) {
        let entry = Entry {
            key,
            print,
            owner: owner.pack(),
        };
        match self.recent.find_mut(key, |held| held.key == key) {
            Some(held) => *held = entry,
            None => {
                self.recent.insert_unique(key, entry, |entry| entry.key);
            }
        }
    }

    /// Remembers an event that [`Seen::find`] did not find.
    pub(crate) fn insert_new(&mut self, key: u64, print: u32, owner: Owner) {
        let owner = owner.pack();
        self.recent
            .insert_unique(key, Entry { key, print, owner }, |entry| entry.key);
    }

    /// Identities not yet in a run.
    pub(crate) fn unsealed(&self) -> usize {
        self.recent.len() + self.sealed.iter().map(|table| table.len()).sum::<usize>()
    }

    /// All identities.
    pub(crate) fn len(&self) -> u64 {
        self.unsealed() as u64 + self.runs.iter().map(|run| run.entries).sum::<u64>()
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.recent.allocation_size()
            + self
                .sealed
                .iter()
                .map(|table| table.allocation_size())
                .sum::<usize>()
            + self.runs.iter().map(|run| run.memory()).sum::<usize>()
    }

    /// Seals what is in memory and says what is to be written.
    pub(crate) fn begin_snapshot(&mut self) -> SeenJob {
        if !self.recent.is_empty() {
            let capacity = self.recent.len().min(1 << 20);
            let full = std::mem::replace(&mut self.recent, HashTable::with_capacity(capacity));
            self.sealed.push(Arc::new(full));
        }
        SeenJob {
            sealed: self.sealed.clone(),
            runs: self.runs.clone(),
        }
    }

    /// The sealed tables that `runs` now hold may go.
    pub(crate) fn finish_snapshot(&mut self, sealed: usize, runs: Vec<Arc<Run>>) {
        self.sealed.drain(..sealed);
        self.runs = runs;
    }

    /// A set that consists of the runs of a snapshot.
    pub(crate) fn restore(dir: &Path, runs: &[(u32, u64)]) -> Result<Self, Error> {
        let runs = runs
            .iter()
            .map(|(id, entries)| Run::open(dir, Use::Seen, *id, *entries).map(Arc::new))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            runs,
            ..Self::default()
        })
    }
}

impl SeenJob {
    /// How many sealed tables this writes.
    pub(crate) fn sealed(&self) -> usize {
        self.sealed.len()
    }

    /// Writes the sealed tables as one run and merges runs of like size; gives the runs that hold everything afterwards.
    pub(crate) fn write(&self, dir: &Path, mut next_id: impl FnMut() -> u32) -> Result<Vec<Arc<Run>>, Error> {
        let mut runs = self.runs.clone();
        // Youngest first, so that of several words about one event the last stays.
        let mut entries: Vec<Entry> = self
            .sealed
            .iter()
            .rev()
            .flat_map(|table| table.iter().copied())
            .collect();
        if !entries.is_empty() {
            entries.sort_by_key(|entry| entry.key);
            entries.dedup_by_key(|entry| entry.key);
            runs.push(Arc::new(Run::write(
                dir,
                Use::Seen,
                next_id(),
                entries.len() as u64,
                entries.into_iter(),
            )?));
        }
        runs::merge_alike(dir, runs, next_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> u64 {
        n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn what_was_sealed_and_merged_is_still_known() {
        let dir = tempfile::tempdir().unwrap();
        let mut seen = Seen::default();
        let mut ids = 0;
        let mut known = 0;
        for round in 0..12 {
            for _ in 0..500 + round * 10 {
                seen.insert(key(known), known as u32, Owner::Order(known as u32));
                known += 1;
            }
            let job = seen.begin_snapshot();
            assert_eq!(
                seen.find(key(known - 1)).map(|entry| entry.print),
                Some((known - 1) as u32)
            );
            let runs = job
                .write(dir.path(), || {
                    ids += 1;
                    ids
                })
                .unwrap();
            seen.finish_snapshot(job.sealed(), runs);
        }
        assert!(seen.runs.len() < 6, "{} runs", seen.runs.len());
        assert_eq!(seen.len(), known);
        assert!((0..known).all(|n| {
            seen.find(key(n))
                .is_some_and(|entry| entry.owner == Owner::Order(n as u32).pack())
        }));
        assert!((known..known + 5_000).all(|n| seen.find(key(n)).is_none()));
        let metas: Vec<(u32, u64)> = seen.runs.iter().map(|run| (run.id, run.entries)).collect();
        let again = Seen::restore(dir.path(), &metas).unwrap();
        assert!((0..known).all(|n| again.find(key(n)).is_some()));
    }
}
