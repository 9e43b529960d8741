//! How far a load has come, in a small file that is replaced at once.
//!
//! A checkpoint speaks of one file (by its content), one mapping (by its text) and one log (by an event that must still stand where it
//! was put). It lags behind the log, never ahead: after a crash the last appends may be sent again, with the same ids, and the fold
//! counts them once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Error;

/// What became of the rows of the driving file; this is the JSON line that `eddy load` ends with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Rows read.
    pub read: u64,
    /// Rows whose events are in the log because of this load.
    pub accepted: u64,
    /// Rows that were loaded before.
    pub duplicates: u64,
    /// Rows that made no event, by reason.
    pub dead_letters: BTreeMap<String, u64>,
    /// Events sent to the log.
    pub events: u64,
}

impl Report {
    /// Whether every row is accounted for.
    pub fn balances(&self) -> bool {
        self.read == self.accepted + self.duplicates + self.dead_letters.values().sum::<u64>()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.events += other.events;
        for (reason, count) in &other.dead_letters {
            *self.dead_letters.entry(reason.clone()).or_default() += count;
        }
    }
}

/// The file's content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) mapping: String,
    pub(super) mapping_digest: String,
    pub(super) file_digest: String,
    /// The first row that is not yet held.
    pub(super) next_row: u64,
    pub(super) complete: bool,
    pub(super) report: Report,
    /// The last message that holds an event of this load, and the fingerprint of that event.
    pub(super) sequence: u64,
    pub(super) fingerprint: String,
}

pub(super) struct Store {
    path: PathBuf,
}

impl Store {
    pub(super) fn new(folder: &Path, mapping: &str, file_digest: &str) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(|source| Error::State {
            path: folder.to_owned(),
            source,
        })?;
        let name: String = mapping
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        Ok(Self {
            path: folder.join(format!(
                "{name}-{}.json",
                &file_digest[..file_digest.len().min(16)]
            )),
        })
    }

    /// The checkpoint, if there is one that can be read; a damaged one is as none.
    pub(super) fn load(&self) -> Option<Checkpoint> {
        serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()
    }

    /// Replaces the checkpoint at once: written beside, made durable, renamed.
    pub(super) fn save(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let failed = |source| Error::State {
            path: self.path.clone(),
            source,
        };
        let beside = self.path.with_extension("new");
        let mut file = File::create(&beside).map_err(failed)?;
        serde_json::to_writer(&mut file, checkpoint).map_err(|error| failed(error.into()))?;
        file.flush().and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&beside, &self.path).map_err(failed)
    }
}

/// A digest of files in order: it tells versions of a file apart, and is no defence against a forger.
pub(super) fn digest(paths: &[PathBuf]) -> Result<String, Error> {
    let mut hasher = twox_hash::XxHash3_128::new();
    let mut buffer = vec![0; 1 << 20];
    for path in paths {
        let open = |source| Error::Open {
            path: path.clone(),
            source,
        };
        let mut file = File::open(path).map_err(open)?;
        loop {
            let read = file.read(&mut buffer).map_err(open)?;
            if read == 0 {
                break;
            }
            hasher.write(&buffer[..read]);
        }
        hasher.write(&[0]);
    }
    Ok(format!("{:032x}", hasher.finish_128()))
}
