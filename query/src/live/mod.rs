//! Live tables: columnar, updated by key, read through snapshots of all tables at one sequence.
//!
//! A table is a list of chunks. An upsert appends the new version to the open chunk and clears the old row's bit; full chunks are
//! sealed into a compact form in the background; chunks that are half dead are emptied a little with each apply. A snapshot shares everything with the writer, who copies
//! what it changes: the pieces at the tail, and 8 kB of bitmap for each chunk in which a row died.
//! There is no SQL here, and no durability: tables are derived from the log.

mod chunk;
mod column;
mod frame;
mod index;
mod inverted;
mod sealer;
mod snapshot;
mod spec;
mod table;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use tokio::sync::broadcast;

pub(crate) use chunk::{Chunk, Piece, Range, Standing};
pub(crate) use column::{Column, Kept, Numbering};
pub use frame::{Changed, Frame, Keys};
pub(crate) use index::Position;
pub(crate) use inverted::Inverted;
pub use snapshot::{Snapshot, TableSnapshot};
pub use spec::TableSpec;

use crate::metrics::TableMetrics;
use sealer::Sealer;
use table::Table;

/// What can go wrong between a batch and a table.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A declared schema cannot become a table.
    #[error("table `{table}`: {problem}")]
    Schema {
        /// The table.
        table: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two tables of one name.
    #[error("table `{0}` is declared twice")]
    Twice(String),
    /// A change names a table that does not exist.
    #[error("there is no table number {0}")]
    NoTable(usize),
    /// A batch does not fit its table.
    #[error("batch for table `{table}`: {problem}")]
    Batch {
        /// The table.
        table: String,
        /// What does not fit.
        problem: String,
    },
    /// Arrow refused an operation.
    #[error("arrow: {0}")]
    Arrow(#[source] arrow::error::ArrowError),
    /// An invariant of the tables does not hold.
    #[error("live tables are broken: {0}")]
    Broken(&'static str),
    /// The thread that seals chunks cannot be started.
    #[error("the sealing thread cannot be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// How far a shard of the log has been applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Shard of the log.
    pub shard: u32,
    /// Last stream sequence applied.
    pub sequence: u64,
    /// Largest event time, in microseconds since 1970.
    pub event_time_micros: i64,
    /// When the log took the last message, in microseconds since 1970.
    pub logged_at_micros: i64,
    /// Events applied since the beginning of the log.
    pub events: u64,
}

/// A change of one table.
#[derive(Debug, Clone)]
pub enum Change {
    /// Whole rows; a row replaces the one with its key.
    Upsert(RecordBatch),
    /// Keys (the key columns in key order, or whole rows) whose rows go.
    Delete(RecordBatch),
}

impl From<RecordBatch> for Change {
    fn from(rows: RecordBatch) -> Change {
        Change::Upsert(rows)
    }
}

/// Sizes that only tests and measurements change.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Row slots of a chunk, 1 to 65,536.
    pub chunk_rows: usize,
    /// A chunk is full at this many bytes, however few rows.
    pub chunk_bytes: usize,
    /// Neighbouring pieces of one size that are merged.
    pub merge_width: usize,
    /// Rows that an apply moves out of half-dead chunks, besides twice as many as it brings.
    pub compact_rows: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            chunk_rows: 65_536,
            chunk_bytes: 128 << 20,
            merge_width: 8,
            compact_rows: 512,
        }
    }
}

struct Writer {
    tables: Vec<Table>,
    sealer: Sealer,
    progress: Vec<Progress>,
    generation: u64,
}

/// The tables: one writer applies changes, any number of readers take snapshots.
pub struct LiveTables {
    specs: Vec<Arc<TableSpec>>,
    writer: Mutex<Writer>,
    current: ArcSwap<Snapshot>,
    frames: broadcast::Sender<Arc<Frame>>,
    metrics: TableMetrics,
}

impl std::fmt::Debug for LiveTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveTables")
            .field("tables", &self.specs.len())
            .finish_non_exhaustive()
    }
}

/// Frames a slow subscriber may lie behind before it loses the oldest.
const FRAMES: usize = 1_024;

impl LiveTables {
    /// Makes empty tables from their schemas; a table's number is its place in the list.
    pub fn new(schemas: Vec<SchemaRef>) -> Result<Arc<LiveTables>, Error> {
        LiveTables::with_options(schemas, Options::default())
    }

    /// As `new`, with other sizes.
    pub fn with_options(schemas: Vec<SchemaRef>, options: Options) -> Result<Arc<LiveTables>, Error> {
        let options = Options {
            chunk_rows: options.chunk_rows.clamp(1, 65_536),
            chunk_bytes: options.chunk_bytes.clamp(1, 1 << 29),
            merge_width: options.merge_width.max(2),
            compact_rows: options.compact_rows.max(1),
        };
        let specs = schemas
            .iter()
            .map(|s| TableSpec::new(s).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        for (i, spec) in specs.iter().enumerate() {
            if specs[..i].iter().any(|s| s.name == spec.name) {
                return Err(Error::Twice(spec.name.to_string()));
            }
        }
        let tables: Vec<Table> = specs
            .iter()
            .enumerate()
            .map(|(i, s)| Table::new(Arc::clone(s), i, options))
            .collect();
        let snapshot = Snapshot {
            generation: 0,
            progress: Vec::new(),
            applied_at_micros: now_micros(),
            tables: tables.iter().map(|t| Arc::new(t.snapshot(0))).collect(),
        };
        let writer = Writer {
            tables,
            sealer: Sealer::start().map_err(Error::Thread)?,
            progress: Vec::new(),
            generation: 0,
        };
        Ok(Arc::new(LiveTables {
            specs,
            writer: Mutex::new(writer),
            current: ArcSwap::from_pointee(snapshot),
            frames: broadcast::channel(FRAMES).0,
            metrics: TableMetrics::new(),
        }))
    }

    pub(crate) fn metrics(&self) -> &TableMetrics {
        &self.metrics
    }

    /// The tables' specifications, in the order the schemas were given.
    pub fn specs(&self) -> &[Arc<TableSpec>] {
        &self.specs
    }

    /// Applies changes in the given order and publishes one snapshot with all of them. Readers see all or nothing.
    ///
    /// Call it from one thread at a time; it computes and does not wait for readers. After an error nothing is
    /// published, and the tables are to be rebuilt from the log.
    pub fn apply<C: Into<Change>>(&self, changes: Vec<(usize, C)>, progress: Progress) -> Result<(), Error> {
        let started = std::time::Instant::now();
        let mut guard = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = &mut *guard;
        let generation = writer.generation + 1;
        while let Some(sealed) = writer.sealer.finished() {
            writer.tables[sealed.table].install(sealed.slot, sealed.id, sealed.piece);
        }
        let mut frame = (self.frames.receiver_count() > 0).then(Vec::new);
        let mut rows = 0;
        for (number, change) in changes {
            let table = writer.tables.get_mut(number).ok_or(Error::NoTable(number))?;
            let (keys, count) = match change.into() {
                Change::Upsert(batch) => (
                    table.upsert(&batch, generation, &writer.sealer)?,
                    batch.num_rows(),
                ),
                Change::Delete(keys) => (table.delete(&keys, generation, &writer.sealer)?, keys.num_rows()),
            };
            rows += count;
            if let Some(changed) = frame.as_mut() {
                frame::note(changed, number, &table.spec.name, &keys, count);
            }
        }
        match writer.progress.iter_mut().find(|p| p.shard == progress.shard) {
            Some(known) => *known = progress,
            None => {
                writer.progress.push(progress);
                writer.progress.sort_by_key(|p| p.shard);
            }
        }
        writer.generation = generation;
        self.publish(writer);
        self.metrics.applied(rows, started.elapsed());
        if let Some(changed) = frame {
            let frame = Frame {
                shard: progress.shard,
                sequence: progress.sequence,
                event_time_micros: progress.event_time_micros,
                changed,
            };
            // No receiver left: nothing to tell.
            let _ = self.frames.send(Arc::new(frame));
        }
        Ok(())
    }

    /// Waits until every full chunk is sealed, and publishes the tables so. Contents are the same; for measuring memory.
    pub fn settle(&self) {
        let mut guard = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = &mut *guard;
        while let Some(sealed) = writer.sealer.wait() {
            writer.tables[sealed.table].install(sealed.slot, sealed.id, sealed.piece);
        }
        writer.generation += 1;
        self.publish(writer);
    }

    fn publish(&self, writer: &mut Writer) {
        let before = self.current.load();
        let generation = writer.generation;
        let tables = writer.tables.iter_mut().zip(&before.tables).map(|(table, old)| {
            if std::mem::take(&mut table.dirty) {
                Arc::new(table.snapshot(generation))
            } else {
                Arc::clone(old)
            }
        });
        let snapshot = Snapshot {
            generation,
            progress: writer.progress.clone(),
            applied_at_micros: now_micros(),
            tables: tables.collect(),
        };
        self.current.store(Arc::new(snapshot));
    }

    /// The last published snapshot; holding it keeps its rows as they were.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// What changes from now on, a frame an apply.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Frame>> {
        self.frames.subscribe()
    }
}

fn now_micros() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_micros() as i64)
}
