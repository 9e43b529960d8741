//! State that outlives the process: snapshots, restoring, and where memory goes.

use std::sync::Arc;

use eddy_events::Cause;

use crate::error::Error;
use crate::seen::Seen;
use crate::segments::Segments;
use crate::slab;
use crate::snapshot::{self, Job, Written};
use crate::world::{KEY_SLABS, STRINGS};

use super::{Config, Engine, Small, place_of};

/// Where memory goes, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Entity state, spilled above the configured bound.
    pub state_bytes: usize,
    /// Indexes from keys to entities, spilled above the configured bound but for a filter.
    pub index_bytes: usize,
    /// Identities of events, spilled but for a filter.
    pub seen_bytes: usize,
    /// Events remembered.
    pub seen_events: u64,
}

impl Engine {
    /// Whether so much waits in memory for a snapshot that one should be made now.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.seen.unsealed() >= self.config.seen_in_memory
    }

    /// Takes references to all that a snapshot must write. The next one may begin when this one was finished or abandoned.
    pub fn begin_snapshot(&mut self) -> Job {
        self.settle();
        let small = Small {
            sequence: self.sequence,
            clock: self.clock,
            logged_at: self.logged_at,
            counts: self.counts,
            outputs: self.outputs.clone(),
            last_output: self.last_output,
            governance: self.world.governance.clone(),
            tariffs: self.world.tariffs.clone(),
            ndr: self.ndr.small.clone(),
            routing: self.routing.small.clone(),
            fraud: self.fraud.small.clone(),
            rates: self.rates.small.clone(),
            anomalies: self.anomalies.small.clone(),
            operations: self.operations.small.clone(),
        };
        let slabs = self
            .slabs()
            .into_iter()
            .map(|slab| slab.begin_snapshot())
            .collect();
        let keys = self.world.begin_keys(self.config.index_bytes);
        Job::new(small, slabs, self.seen.begin_snapshot(), keys, self.config.seed())
    }

    /// The snapshot is durable: what it holds may leave memory.
    pub fn finish_snapshot(&mut self, written: Written) {
        for (slab, locations) in self.slabs().into_iter().zip(&written.slabs) {
            slab.finish_snapshot(locations);
            slab.age();
        }
        self.seen.finish_snapshot(written.sealed, written.runs);
        self.world.finish_keys(written.keys, self.config.index_bytes);
        let memory = self.config.memory_bytes;
        slab::spill(&mut self.slabs(), STRINGS, memory);
    }

    /// The snapshot failed; what it was to write goes into the next one.
    pub fn abandon_snapshot(&mut self) {
        for slab in self.slabs() {
            slab.abandon_snapshot();
        }
    }

    /// Estimated bytes in memory: entity state, indexes, identities.
    #[must_use]
    pub fn memory(&mut self) -> Memory {
        Memory {
            state_bytes: self.slabs().iter().map(|slab| slab.hot_bytes()).sum(),
            index_bytes: self.world.index_bytes()
                + self.fraud.index_bytes()
                + self.operations.index_bytes()
                + self.rates.index_bytes()
                + self.anomalies.series.index_bytes(),
            seen_bytes: self.seen.memory(),
            seen_events: self.seen.len(),
        }
    }

    /// The engine as it was at the newest sound snapshot, or `None` when there is none.
    ///
    /// # Errors
    /// When the folder cannot be read, or the time zone is not known. A damaged snapshot is no error: the one before is taken.
    pub fn restore(config: &Config, segments: &Arc<Segments>) -> Result<Option<Self>, Error> {
        Self::restore_unless(config, segments, |_| false)
    }

    /// As [`Engine::restore`], but no further than the outputs that are published: a snapshot beyond the last one was made before the server lost
    /// the end of the derived stream. It is removed, so that the engine makes those outputs again; unless the log itself, which ends at
    /// `end`, does not reach it, which is for the reader of the log to refuse.
    ///
    /// # Errors
    /// As [`Engine::restore`].
    pub fn restore_published(
        config: &Config,
        segments: &Arc<Segments>,
        last: Option<Cause>,
        end: u64,
    ) -> Result<Option<Self>, Error> {
        let last = last.map(place_of);
        Self::restore_unless(config, segments, |engine| {
            engine.sequence <= end && engine.last_output > last
        })
    }

    fn restore_unless(
        config: &Config,
        segments: &Arc<Segments>,
        beyond: impl Fn(&Self) -> bool,
    ) -> Result<Option<Self>, Error> {
        for candidate in snapshot::candidates(segments.dir())? {
            match Self::restore_from(config, segments, &candidate) {
                Ok(engine) if beyond(&engine) => {
                    tracing::warn!(snapshot = %candidate.display(), "the derived stream lost outputs that this snapshot holds as published; the one before is tried");
                    std::fs::remove_file(&candidate)
                        .map_err(|source| Error::io("remove", &candidate, source))?;
                }
                Ok(engine) => return Ok(Some(engine)),
                Err(error @ Error::UnknownZone { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, snapshot = %candidate.display(), "snapshot passed over; the one before is tried");
                }
            }
        }
        Ok(None)
    }

    fn restore_from(
        config: &Config,
        segments: &Arc<Segments>,
        path: &std::path::Path,
    ) -> Result<Self, Error> {
        let manifest = snapshot::Manifest::read(path, config.seed())?;
        manifest.check_pages(segments)?;
        let mut engine = Self::new(config.clone())?;
        let slabs = engine.slabs();
        if slabs.len() != manifest.slabs.len() || KEY_SLABS.len() != manifest.keys.len() {
            return Err(Error::Corrupt {
                path: path.to_path_buf(),
                what: "it is of another version of the engine",
            });
        }
        for (slab, locations) in slabs.into_iter().zip(&manifest.slabs) {
            slab.restore(segments, locations);
        }
        for (keys, named) in engine.world.keys().into_iter().zip(&manifest.keys) {
            keys.restore(segments.dir(), named)?;
        }
        engine.world.reindex();
        engine.seen = Seen::restore(segments.dir(), &manifest.runs)?;
        let small = manifest.small;
        engine.sequence = small.sequence;
        engine.clock = small.clock;
        engine.logged_at = small.logged_at;
        engine.counts = small.counts;
        engine.outputs = small.outputs;
        engine.last_output = small.last_output;
        engine.world.governance = small.governance;
        engine.world.tariffs = small.tariffs;
        engine.ndr.restore(small.ndr);
        engine.routing.small = small.routing;
        engine.fraud.small = small.fraud;
        engine.fraud.reindex();
        engine.rates.small = small.rates;
        engine.rates.reindex();
        engine.anomalies.small = small.anomalies;
        engine.anomalies.series.reindex();
        engine.rates.remember_rows();
        engine.operations.small = small.operations;
        engine.operations.reindex();
        Ok(engine)
    }
}
