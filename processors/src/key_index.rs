//! Keys that left memory: which are to go, how a snapshot writes them, and where they are found again.
//!
//! Numbers follow the order of arrival and old keys go cold, so the lowest numbers of an [`crate::interner::Interner`] go first. They
//! stand in sorted runs (see [`crate::runs`]), from the 64-bit hash of a key to its number; 10.3 bits a key stay in memory. A run
//! only proposes: the string itself decides. Two keys of one hash are twins, and a run could give but one of them, so only
//! the first of them ever goes into a run and the others stay in memory. A billion keys have a pair of twins with odds of 1 in 37.
//!
//! Deliberately absent: the index in memory, which is the interner's.

use std::path::Path;
use std::sync::Arc;

use bitcode::{Decode, Encode};

use crate::error::Error;
use crate::interner::{PAGE, StringPage};
use crate::runs::{self, Entry, Run, Use};
use crate::segments::{Location, Segments};

/// Bytes that a key takes in a table that has just grown: 9 a bucket, and 7 of 16 buckets are taken. A plan that reckons with them is kept
/// when the table grows next.
const SLOT_BYTES: usize = 21;
/// Keys of one kind that one snapshot spills at most: 64 MB while they are sorted.
const AT_ONCE: u32 = 1 << 22;

/// The keys that are not in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spilled {
    /// Numbers below it are in the runs, or twins.
    pub(crate) below: u32,
    /// Numbers below `below` that are in no run, ascending.
    pub(crate) twins: Vec<u32>,
    runs: Vec<Arc<Run>>,
}

/// Spilled keys as a snapshot names them.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Named {
    below: u32,
    twins: Vec<u32>,
    runs: Vec<(u32, u64)>,
}

impl Named {
    /// Ids of the runs.
    pub(crate) fn runs(&self) -> impl Iterator<Item = u32> {
        self.runs.iter().map(|(id, _)| *id)
    }
}

impl Spilled {
    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The number of the key of this hash, if it is of no other key of the same hash.
    pub(crate) fn find(&self, hash: u64) -> Option<u32> {
        let entry = self.runs.iter().rev().find_map(|run| run.find(hash));
        entry.map(|entry| entry.owner)
    }

    /// Whether a number must be in memory, since it is in no run.
    pub(crate) fn lacks(&self, number: u32) -> bool {
        number >= self.below || self.twins.binary_search(&number).is_ok()
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.twins.len() * 4 + self.runs.iter().map(|run| run.memory()).sum::<usize>()
    }

    /// As a snapshot names them.
    pub(crate) fn named(&self) -> Named {
        Named {
            below: self.below,
            twins: self.twins.clone(),
            runs: self.runs.iter().map(|run| (run.id, run.entries)).collect(),
        }
    }

    /// The keys that a snapshot names.
    pub(crate) fn open(dir: &Path, named: &Named) -> Result<Self, Error> {
        let runs = named
            .runs
            .iter()
            .map(|(id, entries)| Run::open(dir, Use::Keys, *id, *entries).map(Arc::new))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            below: named.below,
            twins: named.twins.clone(),
            runs,
        })
    }
}

/// What a snapshot needs of one kind of keys.
pub(crate) struct KeysJob {
    pub(crate) spilled: Spilled,
    /// Numbers below it are to be spilled.
    pub(crate) until: u32,
    pub(crate) hash: fn(&str) -> u64,
}

impl KeysJob {
    /// Writes a run of the keys that are to go, read from their pages, which this snapshot wrote before. Gives all that is spilled
    /// afterwards.
    pub(crate) fn write(
        self,
        segments: &Segments,
        pages: &[Location],
        mut next_id: impl FnMut() -> u32,
    ) -> Result<Spilled, Error> {
        let mut spilled = self.spilled;
        if self.until <= spilled.below {
            return Ok(spilled);
        }
        let mut entries = read(segments, pages, spilled.below, self.until, self.hash)?;
        entries.sort_unstable_by_key(|entry| (entry.key, entry.owner));
        let (mut alone, mut last) = (0, None);
        for at in 0..entries.len() {
            let entry = entries[at];
            let twin = last == Some(entry.key) || known(&spilled.runs, entry.key)?;
            last = Some(entry.key);
            if twin {
                spilled.twins.push(entry.owner);
            } else {
                entries[alone] = entry;
                alone += 1;
            }
        }
        entries.truncate(alone);
        spilled.twins.sort_unstable();
        spilled.below = self.until;
        if !entries.is_empty() {
            let (id, total) = (next_id(), entries.len() as u64);
            let run = Run::write(segments.dir(), Use::Keys, id, total, entries.into_iter())?;
            spilled.runs.push(Arc::new(run));
        }
        spilled.runs = runs::merge_alike(segments.dir(), spilled.runs, next_id)?;
        Ok(spilled)
    }
}

fn known(runs: &[Arc<Run>], key: u64) -> Result<bool, Error> {
    for run in runs {
        if run.try_find(key)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The keys of the numbers from `from` to `until`, hashed.
fn read(
    segments: &Segments,
    pages: &[Location],
    from: u32,
    until: u32,
    hash: fn(&str) -> u64,
) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::with_capacity((until - from) as usize);
    for page in from / PAGE..until.div_ceil(PAGE) {
        let strings = StringPage::read(segments, pages[page as usize])?;
        let first = page * PAGE;
        for number in first.max(from)..first.saturating_add(PAGE).min(until) {
            entries.push(Entry {
                key: hash(strings.get((number - first) as usize)),
                print: 0,
                owner: number,
            });
        }
    }
    Ok(entries)
}

/// How large one kind of keys is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// All keys.
    pub(crate) len: u32,
    /// Numbers below it are spilled.
    pub(crate) below: u32,
    /// Keys in memory; spilled ones that were needed again are among them.
    pub(crate) held: usize,
    /// Bytes that stay in memory of the spilled ones.
    pub(crate) spilled_bytes: usize,
}

/// Whether the indexes outgrew `bound` bytes, or would when they grow next.
pub(crate) fn over(bound: usize, sizes: &[Size]) -> bool {
    let bytes = |size: &Size| size.held * SLOT_BYTES + size.spilled_bytes;
    sizes.iter().map(bytes).sum::<usize>() > bound
}

/// Below which number the keys of each kind are to be spilled, so that half of `bound` is free afterwards. Kinds of few keys keep them all.
pub(crate) fn plan(bound: usize, sizes: &[Size]) -> Vec<u32> {
    if !over(bound, sizes) {
        return sizes.iter().map(|size| size.below).collect();
    }
    let filters: usize = sizes.iter().map(|size| size.spilled_bytes).sum();
    // When filters fill the bound some keys stay all the same: without them each event would go to the disk.
    let budget = (bound / 2).saturating_sub(filters).max(bound / 8);
    let share = share(
        budget / SLOT_BYTES,
        sizes
            .iter()
            .map(|size| (size.len - size.below) as usize)
            .collect(),
    );
    let until = |size: &Size| {
        let from = size.len.saturating_sub(share);
        from.clamp(size.below, size.below.saturating_add(AT_ONCE))
    };
    sizes.iter().map(until).collect()
}

/// The largest share such that parts that are cut down to it fit `budget`.
fn share(mut budget: usize, mut parts: Vec<usize>) -> u32 {
    parts.sort_unstable();
    let count = parts.len();
    for (at, part) in parts.into_iter().enumerate() {
        let share = budget / (count - at);
        if part > share {
            return u32::try_from(share).unwrap_or(u32::MAX);
        }
        budget -= part;
    }
    u32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(parts: &[(u32, u32, usize)]) -> Vec<Size> {
        parts
            .iter()
            .map(|(len, below, spilled_bytes)| Size {
                len: *len,
                below: *below,
                held: (len - below) as usize,
                spilled_bytes: *spilled_bytes,
            })
            .collect()
    }

    #[test]
    fn within_the_bound_nothing_leaves_memory() {
        let within = sizes(&[(1_000, 0, 0), (500, 100, 160)]);
        assert_eq!(plan(1_400 * SLOT_BYTES + 160, &within), [0, 100]);
        assert_ne!(plan(1_400 * SLOT_BYTES + 159, &within), [0, 100]);
    }

    #[test]
    fn over_the_bound_the_largest_are_cut_and_half_of_it_is_free() {
        let sizes = sizes(&[(10_000, 0, 0), (50, 0, 0), (9_000, 2_000, 0)]);
        assert_eq!(plan(2 * SLOT_BYTES * 2_050, &sizes), [9_000, 0, 8_000]);
    }

    #[test]
    fn keys_needed_again_count_and_so_do_filters() {
        let mut sizes = sizes(&[(2_000, 1_000, 0)]);
        let bound = SLOT_BYTES * 1_600;
        assert!(!over(bound, &sizes));
        sizes[0].held += 700;
        assert_eq!(plan(bound, &sizes), [1_200]);
        sizes[0].spilled_bytes = SLOT_BYTES * 300;
        assert_eq!(plan(bound, &sizes), [1_500]);
        sizes[0].spilled_bytes = SLOT_BYTES * 3_000;
        assert_eq!(plan(bound, &sizes), [1_800], "an eighth of the bound is left");
    }

    #[test]
    fn one_snapshot_has_bounded_work() {
        assert_eq!(plan(0, &sizes(&[(100_000_000, 7, 0)])), [7 + AT_ONCE]);
    }
}
