//! Sorted, immutable files of hashes: where [`crate::seen`] and [`crate::key_index`] put what no longer fits in memory.
//!
//! A run holds entries of 16 bytes, sorted by key. In memory stay a filter of 10 bits an entry, in blocks of one cache line, which lets
//! 1 in 100 absent keys through, and every 256th key. A lookup that passes the filter reads 4 kB. Runs are merged so that there are
//! never more than about the logarithm of their total size.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;

/// Who put something in a run, which names its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Identities of events.
    Seen,
    /// Keys of entities.
    Keys,
}

impl Use {
    const ALL: [Self; 2] = [Self::Seen, Self::Keys];

    fn prefix(self) -> &'static str {
        match self {
            Self::Seen => "seen-",
            Self::Keys => "keys-",
        }
    }
}

/// What is remembered of an event, or of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Half of the identity of the event, or the hash of the key.
    pub(crate) key: u64,
    /// A quarter of the event's fingerprint; 0 for a key.
    pub(crate) print: u32,
    /// What the event told of, see [`crate::fold::Owner`], or the number of the key.
    pub(crate) owner: u32,
}

/// Bytes of an entry in a file.
const ENTRY: usize = 16;
/// Entries between two fences.
const FENCE: usize = 256;
/// Bits of a block of the filter, one cache line.
const BLOCK_WORDS: usize = 8;

impl Entry {
    fn write(self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.key.to_le_bytes());
        out[8..12].copy_from_slice(&self.print.to_le_bytes());
        out[12..16].copy_from_slice(&self.owner.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self {
            key: u64::from(word(0)) | u64::from(word(4)) << 32,
            print: word(8),
            owner: word(12),
        }
    }
}

/// A blocked Bloom filter: all six bits of a key lie in one block.
#[derive(Debug)]
struct Filter {
    words: Vec<u64>,
    blocks: u64,
}

impl Filter {
    fn with_capacity(entries: u64) -> Self {
        let blocks = (entries * 10).div_ceil(64 * BLOCK_WORDS as u64).max(1);
        Self {
            words: vec![0; usize::try_from(blocks).unwrap_or(1) * BLOCK_WORDS],
            blocks,
        }
    }

    fn places(&self, key: u64) -> (usize, u64) {
        // The key is a hash already; the upper half picks the block and a second mix the bits.
        let block = ((u128::from(key) * u128::from(self.blocks)) >> 64) as usize * BLOCK_WORDS;
        (block, key.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn insert(&mut self, key: u64) {
        let (block, mut bits) = self.places(key);
        for _ in 0..6 {
            let bit = (bits >> 55) as usize;
            self.words[block + bit / 64] |= 1 << (bit % 64);
            bits = bits.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        }
    }

    fn may_hold(&self, key: u64) -> bool {
        let (block, mut bits) = self.places(key);
        for _ in 0..6 {
            let bit = (bits >> 55) as usize;
            if self.words[block + bit / 64] & (1 << (bit % 64)) == 0 {
                return false;
            }
            bits = bits.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        }
        true
    }
}

/// One run.
#[derive(Debug)]
pub(crate) struct Run {
    of: Use,
    pub(crate) id: u32,
    pub(crate) entries: u64,
    file: File,
    path: PathBuf,
    filter: Filter,
    fences: Vec<u64>,
}

fn path(dir: &Path, of: Use, id: u32) -> PathBuf {
    dir.join(format!("{}{id:08}.run", of.prefix()))
}

/// The id of the run that a file of this name holds.
pub(crate) fn id_of(name: &str) -> Option<u32> {
    let id = Use::ALL
        .into_iter()
        .find_map(|of| name.strip_prefix(of.prefix()))?
        .strip_suffix(".run")?;
    id.parse().ok()
}

impl Run {
    /// Writes a run of sorted entries, and opens it.
    pub(crate) fn write(
        dir: &Path,
        of: Use,
        id: u32,
        total: u64,
        entries: impl Iterator<Item = Entry>,
    ) -> Result<Self, Error> {
        let path = path(dir, of, id);
        let file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .read(true)
            .open(&path);
        let file = file.map_err(|source| Error::io("create", &path, source))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let mut filter = Filter::with_capacity(total);
        let mut fences = Vec::new();
        let (mut count, mut crc, mut bytes) = (0_u64, crc32fast::Hasher::new(), [0; ENTRY]);
        for entry in entries {
            if count.is_multiple_of(FENCE as u64) {
                fences.push(entry.key);
            }
            filter.insert(entry.key);
            entry.write(&mut bytes);
            crc.update(&bytes);
            out.write_all(&bytes)
                .map_err(|source| Error::io("write", &path, source))?;
            count += 1;
        }
        let tail = crc.finalize().to_le_bytes();
        out.write_all(&tail)
            .and_then(|()| out.flush())
            .map_err(|source| Error::io("write", &path, source))?;
        let file = out
            .into_inner()
            .map_err(|error| Error::io("write", &path, error.into_error()))?;
        file.sync_all()
            .map_err(|source| Error::io("sync", &path, source))?;
        Ok(Self {
            of,
            id,
            entries: count,
            file,
            path,
            filter,
            fences,
        })
    }

    /// Opens a run that a snapshot names, and checks it.
    pub(crate) fn open(dir: &Path, of: Use, id: u32, entries: u64) -> Result<Self, Error> {
        let path = path(dir, of, id);
        let mut file = File::open(&path).map_err(|source| Error::io("open", &path, source))?;
        let length = file
            .metadata()
            .map_err(|source| Error::io("read", &path, source))?
            .len();
        if length != entries * ENTRY as u64 + 4 {
            return Err(Error::Corrupt {
                path,
                what: "it is longer or shorter than its snapshot says",
            });
        }
        let mut filter = Filter::with_capacity(entries);
        let mut fences = Vec::with_capacity(usize::try_from(entries / FENCE as u64).unwrap_or(0) + 1);
        let mut crc = crc32fast::Hasher::new();
        let mut buffer = vec![0; ENTRY * FENCE * 64];
        let mut left = entries;
        while left > 0 {
            let now = left.min((buffer.len() / ENTRY) as u64) as usize;
            let bytes = &mut buffer[..now * ENTRY];
            file.read_exact(bytes)
                .map_err(|source| Error::io("read", &path, source))?;
            crc.update(bytes);
            for (at, entry) in bytes.chunks_exact(ENTRY).enumerate() {
                let entry = Entry::read(entry);
                if at.is_multiple_of(FENCE) {
                    fences.push(entry.key);
                }
                filter.insert(entry.key);
            }
            left -= now as u64;
        }
        let mut tail = [0; 4];
        file.read_exact(&mut tail)
            .map_err(|source| Error::io("read", &path, source))?;
        if u32::from_le_bytes(tail) != crc.finalize() {
            return Err(Error::Corrupt {
                path,
                what: "the checksum of a run does not fit",
            });
        }
        Ok(Self {
            of,
            id,
            entries,
            file,
            path,
            filter,
            fences,
        })
    }

    /// What is remembered of a key.
    pub(crate) fn find(&self, key: u64) -> Option<Entry> {
        // As with state pages: without this there is no right answer, so the driver stops and starts from the snapshot again.
        self.try_find(key)
            .unwrap_or_else(|error| panic!("run lost: {error}"))
    }

    /// As [`Run::find`], for those who can do without the answer.
    pub(crate) fn try_find(&self, key: u64) -> Result<Option<Entry>, Error> {
        if !self.filter.may_hold(key) {
            return Ok(None);
        }
        let Some(fence) = self.fences.partition_point(|first| *first <= key).checked_sub(1) else {
            return Ok(None);
        };
        let from = (fence * FENCE) as u64;
        let count = (self.entries - from).min(FENCE as u64) as usize;
        let mut buffer = [0; ENTRY * FENCE];
        let bytes = &mut buffer[..count * ENTRY];
        self.file
            .read_exact_at(bytes, from * ENTRY as u64)
            .map_err(|source| Error::io("read", &self.path, source))?;
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            let entry = Entry::read(&bytes[middle * ENTRY..]);
            match entry.key.cmp(&key) {
                std::cmp::Ordering::Equal => return Ok(Some(entry)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.filter.words.len() * 8 + self.fences.len() * 8
    }

    fn scan(&self) -> Result<Scan<'_>, Error> {
        let mut scan = Scan {
            run: self,
            at: 0,
            buffer: Vec::new(),
            next: 0,
            failed: None,
        };
        scan.fill();
        match scan.failed.take() {
            Some(error) => Err(error),
            None => Ok(scan),
        }
    }
}

/// Reads a run from the beginning.
struct Scan<'a> {
    run: &'a Run,
    at: u64,
    buffer: Vec<u8>,
    next: usize,
    failed: Option<Error>,
}

impl Scan<'_> {
    fn fill(&mut self) {
        let count = (self.run.entries - self.at).min(16_384) as usize;
        self.buffer.resize(count * ENTRY, 0);
        self.next = 0;
        if let Err(source) = self
            .run
            .file
            .read_exact_at(&mut self.buffer, self.at * ENTRY as u64)
        {
            self.failed = Some(Error::io("read", &self.run.path, source));
            self.buffer.clear();
        }
        self.at += count as u64;
    }

    fn peek(&self) -> Option<Entry> {
        (self.next < self.buffer.len()).then(|| Entry::read(&self.buffer[self.next..]))
    }

    fn pop(&mut self) {
        self.next += ENTRY;
        if self.next >= self.buffer.len() && self.at < self.run.entries {
            self.fill();
        }
    }
}

/// Merges the youngest of `runs`, which stand the oldest first, so that few are left. A run is merged with all younger ones once they
/// are together as large: each entry is rewritten a logarithm of times.
pub(crate) fn merge_alike(
    dir: &Path,
    mut runs: Vec<Arc<Run>>,
    next_id: impl FnOnce() -> u32,
) -> Result<Vec<Arc<Run>>, Error> {
    let mut from = runs.len();
    let mut younger = 0;
    for at in (0..runs.len()).rev() {
        if at + 1 < runs.len() && runs[at].entries <= younger {
            from = at;
        }
        younger += runs[at].entries;
    }
    if from < runs.len() {
        let merged = merge(dir, next_id(), &runs[from..])?;
        runs.truncate(from);
        runs.push(Arc::new(merged));
    }
    Ok(runs)
}

/// Merges runs, the oldest first, into one. Of several words about one event the youngest stays.
fn merge(dir: &Path, id: u32, runs: &[Arc<Run>]) -> Result<Run, Error> {
    let of = runs[0].of;
    let total = runs.iter().map(|run| run.entries).sum();
    let mut scans = runs.iter().map(|run| run.scan()).collect::<Result<Vec<_>, _>>()?;
    let merged = std::iter::from_fn(|| {
        let least = scans.iter().filter_map(|scan| Some(scan.peek()?.key)).min()?;
        let mut youngest = None;
        for scan in &mut scans {
            if let Some(entry) = scan.peek().filter(|entry| entry.key == least) {
                youngest = Some(entry);
                scan.pop();
            }
        }
        youngest
    });
    let run = Run::write(dir, of, id, total, merged)?;
    if let Some(error) = scans.into_iter().find_map(|scan| scan.failed) {
        let _ = fs::remove_file(path(dir, of, id));
        return Err(error);
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(from: u64, step: u64, count: u64) -> Vec<Entry> {
        (0..count)
            .map(|n| {
                let key = (from + n * step).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                Entry {
                    key,
                    print: n as u32,
                    owner: (n * 7) as u32,
                }
            })
            .collect::<Vec<_>>()
    }

    fn write(dir: &Path, id: u32, mut all: Vec<Entry>) -> Run {
        all.sort_by_key(|entry| entry.key);
        Run::write(dir, Use::Seen, id, all.len() as u64, all.into_iter()).unwrap()
    }

    #[test]
    fn a_run_finds_what_it_holds_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let held = entries(0, 2, 10_000);
        let run = write(dir.path(), 1, held.clone());
        let again = Run::open(dir.path(), Use::Seen, 1, 10_000).unwrap();
        for entry in &held {
            assert_eq!(run.find(entry.key), Some(*entry));
            assert_eq!(again.find(entry.key), Some(*entry));
        }
        let absent = entries(1, 2, 10_000);
        assert!(absent.iter().all(|entry| run.find(entry.key).is_none()));
        let let_through = absent
            .iter()
            .filter(|entry| run.filter.may_hold(entry.key))
            .count();
        assert!(let_through < 250, "{let_through} of 10,000 passed the filter");
    }

    #[test]
    fn merged_runs_hold_all_entries() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (entries(0, 2, 40_000), entries(1, 2, 3_000));
        let runs = [(1, &a), (2, &b)].map(|(id, held)| Arc::new(write(dir.path(), id, held.clone())));
        let merged = Arc::new(merge(dir.path(), 3, &runs).unwrap());
        assert_eq!(merged.entries, 43_000);
        assert!(
            a.iter()
                .chain(&b)
                .all(|entry| merged.find(entry.key) == Some(*entry))
        );
        let newer: Vec<Entry> = a.iter().map(|entry| Entry { owner: 1, ..*entry }).collect();
        let last = merge(
            dir.path(),
            5,
            &[merged, Arc::new(write(dir.path(), 4, newer.clone()))],
        )
        .unwrap();
        assert_eq!(last.entries, 43_000);
        assert!(
            b.iter()
                .chain(&newer)
                .all(|entry| last.find(entry.key) == Some(*entry))
        );
    }

    #[test]
    fn files_of_every_use_are_known_by_name() {
        for of in Use::ALL {
            let path = path(Path::new(""), of, 42);
            assert_eq!(id_of(&path.display().to_string()), Some(42));
        }
        assert_eq!(id_of("pages-00000042.seg"), None);
        assert_eq!(id_of("keys-00000042.tmp"), None);
    }

    #[test]
    fn a_damaged_run_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(write(dir.path(), 1, entries(0, 1, 1_000)));
        let path = path(dir.path(), Use::Seen, 1);
        let mut bytes = fs::read(&path).unwrap();
        bytes[777] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(
            Run::open(dir.path(), Use::Seen, 1, 1_000),
            Err(Error::Corrupt { .. })
        ));
        bytes.truncate(500);
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(
            Run::open(dir.path(), Use::Seen, 1, 1_000),
            Err(Error::Corrupt { .. })
        ));
    }
}
