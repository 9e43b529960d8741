//! Snapshots: all state at one sequence of the log, on disk, and which files of the folder are alive.
//!
//! A snapshot is a manifest (`snapshot-<sequence>.eddy`) that names pages in segments, and runs of identities and of keys. Only what
//! changed since the last one is written; pages that did not change are named where they stand. When less than half of the segments is
//! alive, the snapshot rewrites all pages into one. The manifest is checksummed, synced, and renamed into place after everything it
//! names is synced. The last two are kept, and of segments and runs what they name.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitcode::{Decode, Encode};

use crate::engine::Small;
use crate::error::Error;
use crate::key_index::{KeysJob, Named, Spilled};
use crate::runs::{self, Run};
use crate::seen::SeenJob;
use crate::segments::{Location, Segments};
use crate::slab::SlabJob;
use crate::world::KEY_SLABS;

/// The beginning of every manifest. The number changes with the layout of the state; older snapshots are then passed over, and
/// the state is rebuilt from the log.
const MAGIC: &[u8; 8] = b"EDDYSN20";
/// Snapshots kept.
const KEPT: usize = 2;
/// Segments are rewritten into one when less than this part of their bytes is alive.
const ALIVE: u64 = 2;

/// What a snapshot consists of.
#[derive(Debug, Encode, Decode)]
pub(crate) struct Manifest {
    pub(crate) small: Small,
    pub(crate) slabs: Vec<Vec<Location>>,
    /// Id and number of entries of each run of identities.
    pub(crate) runs: Vec<(u32, u64)>,
    /// The spilled keys of each kind of entity.
    pub(crate) keys: Vec<Named>,
}

/// A snapshot to be written, on whichever thread.
pub struct Job {
    small: Small,
    slabs: Vec<SlabJob>,
    seen: SeenJob,
    keys: Vec<KeysJob>,
    seed: u64,
}

/// A snapshot that is durable.
pub struct Written {
    pub(crate) slabs: Vec<Vec<Location>>,
    pub(crate) sealed: usize,
    pub(crate) runs: Vec<Arc<Run>>,
    pub(crate) keys: Vec<Spilled>,
    /// Last stream sequence it holds.
    pub sequence: u64,
    /// Bytes written for it.
    pub bytes: u64,
}

impl Job {
    pub(crate) fn new(
        small: Small,
        slabs: Vec<SlabJob>,
        seen: SeenJob,
        keys: Vec<KeysJob>,
        seed: u64,
    ) -> Self {
        Self {
            small,
            slabs,
            seen,
            keys,
            seed,
        }
    }

    /// Last stream sequence it holds.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.small.sequence
    }

    /// Writes the snapshot and makes it durable. Afterwards files that no kept snapshot names are removed.
    ///
    /// # Errors
    /// When the folder cannot be written; what was there before is then still good.
    pub fn write(self, segments: &Segments) -> Result<Written, Error> {
        let dir = segments.dir();
        let mut next_id = next_id(dir)?;
        let mut fresh_id = || {
            next_id += 1;
            next_id
        };
        let sealed = self.seen.sealed();
        let runs = self.seen.write(dir, &mut fresh_id)?;
        let (slabs, bytes) = write_pages(segments, fresh_id(), &self.slabs)?;
        let keys = self
            .keys
            .into_iter()
            .zip(&slabs[KEY_SLABS])
            .map(|(keys, pages)| keys.write(segments, pages, &mut fresh_id))
            .collect::<Result<Vec<_>, _>>()?;
        let manifest = Manifest {
            small: self.small,
            slabs,
            runs: runs.iter().map(|run| (run.id, run.entries)).collect(),
            keys: keys.iter().map(Spilled::named).collect(),
        };
        manifest.write(dir, self.seed)?;
        sweep(segments, self.seed)?;
        Ok(Written {
            slabs: manifest.slabs,
            sealed,
            runs,
            keys,
            sequence: manifest.small.sequence,
            bytes,
        })
    }
}

/// Writes changed pages, or all of them when the segments are mostly dead.
pub(crate) fn write_pages(
    segments: &Segments,
    id: u32,
    slabs: &[SlabJob],
) -> Result<(Vec<Vec<Location>>, u64), Error> {
    let mut alive = 0;
    let mut named = BTreeSet::new();
    for location in slabs.iter().flat_map(|slab| slab.stored.iter().flatten()) {
        alive += u64::from(location.bytes);
        named.insert(location.segment);
    }
    let held: u64 = named
        .iter()
        .filter_map(|segment| fs::metadata(segments.path(*segment)).ok())
        .map(|file| file.len())
        .sum();
    let rewrite = held > alive * ALIVE && held > 1 << 20;
    let mut out = segments.create(id)?;
    let mut places = Vec::with_capacity(slabs.len());
    for slab in slabs {
        let mut locations: Vec<Option<Location>> = slab.stored.clone();
        for (page, bytes) in &slab.changed {
            locations[*page as usize] = Some(out.append(&bytes.encode())?);
        }
        let mut whole = Vec::with_capacity(locations.len());
        for (old, now) in slab.stored.iter().zip(locations) {
            let now = now.expect("a page is either stored or written now");
            whole.push(if rewrite && *old == Some(now) {
                out.append(&segments.read(now)?)?
            } else {
                now
            });
        }
        places.push(whole);
    }
    let bytes = out.finish()?;
    Ok((places, bytes))
}

impl Manifest {
    fn write(&self, dir: &Path, seed: u64) -> Result<(), Error> {
        let body = bitcode::encode(self);
        let mut bytes = Vec::with_capacity(body.len() + 32);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&seed.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        let path = dir.join(format!("snapshot-{:020}.eddy", self.small.sequence));
        let temporary = dir.join("snapshot.tmp");
        let mut file = File::create(&temporary).map_err(|source| Error::io("create", &temporary, source))?;
        file.write_all(&bytes)
            .and_then(|()| file.sync_all())
            .map_err(|source| Error::io("write", &temporary, source))?;
        // The folder first, for the segments and runs in it; then the name, then the folder again.
        sync_dir(dir)?;
        fs::rename(&temporary, &path).map_err(|source| Error::io("rename", &temporary, source))?;
        sync_dir(dir)
    }

    /// Reads and checks a manifest.
    pub(crate) fn read(path: &Path, seed: u64) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::io("read", path, source))?;
        let corrupt = |what| Error::Corrupt {
            path: path.to_path_buf(),
            what,
        };
        let (head, body) = bytes
            .split_at_checked(20)
            .ok_or_else(|| corrupt("it is too short"))?;
        if &head[..8] != MAGIC {
            return Err(corrupt("it is of another version of the engine"));
        }
        if head[8..16] != seed.to_le_bytes() {
            return Err(corrupt(
                "it was made under another shard, tenant, time zone or currency",
            ));
        }
        if head[16..20] != crc32fast::hash(body).to_le_bytes() {
            return Err(corrupt("the checksum of a snapshot does not fit"));
        }
        bitcode::decode(body).map_err(|_| corrupt("it cannot be decoded"))
    }

    /// Checks that every page it names is there and is what was written.
    pub(crate) fn check_pages(&self, segments: &Segments) -> Result<(), Error> {
        for location in self.slabs.iter().flatten() {
            segments.read(*location)?;
        }
        Ok(())
    }
}

fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| Error::io("sync", dir, source))
}

fn files(dir: &Path) -> Result<Vec<(PathBuf, String)>, Error> {
    let entries = fs::read_dir(dir).map_err(|source| Error::io("read", dir, source))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| Error::io("read", dir, source))?;
        files.push((entry.path(), entry.file_name().to_string_lossy().into_owned()));
    }
    Ok(files)
}

/// Manifests in the folder, the newest first.
pub(crate) fn candidates(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found: Vec<PathBuf> = files(dir)?
        .into_iter()
        .filter(|(_, name)| name.starts_with("snapshot-") && name.ends_with(".eddy"))
        .map(|(path, _)| path)
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

fn id_of(name: &str) -> Option<u32> {
    let segment = name
        .strip_prefix("pages-")
        .and_then(|rest| rest.strip_suffix(".seg"));
    match segment {
        Some(id) => id.parse().ok(),
        None => runs::id_of(name),
    }
}

/// Ids are never used twice, not even those of files that a crash left behind.
fn next_id(dir: &Path) -> Result<u32, Error> {
    Ok(files(dir)?
        .iter()
        .filter_map(|(_, name)| id_of(name))
        .max()
        .unwrap_or(0))
}

/// Removes what no kept snapshot names.
fn sweep(segments: &Segments, seed: u64) -> Result<(), Error> {
    let dir = segments.dir();
    let mut named = BTreeSet::new();
    let mut kept = 0;
    for path in candidates(dir)? {
        match Manifest::read(&path, seed) {
            Ok(manifest) if kept < KEPT => {
                kept += 1;
                named.extend(manifest.slabs.iter().flatten().map(|location| location.segment));
                named.extend(manifest.runs.iter().map(|(id, _)| *id));
                named.extend(manifest.keys.iter().flat_map(Named::runs));
            }
            // Older than the kept ones, or of no use.
            _ => drop(fs::remove_file(&path)),
        }
    }
    for (path, name) in files(dir)? {
        if let Some(id) = id_of(&name).filter(|id| !named.contains(id)) {
            if name.starts_with("pages-") {
                segments.remove(id);
            } else {
                drop(fs::remove_file(&path));
            }
        }
    }
    Ok(())
}
