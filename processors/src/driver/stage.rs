//! The thread that owns the engine: folds what arrives, hands over outputs and then rows, and says when to snapshot.

#![allow(clippy::disallowed_methods)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use tokio::sync::mpsc as async_mpsc;

use super::{DriverConfig, QUEUE, ToFold, ToPublish, ToSink, micros_now};
use crate::engine::{Emitted, Engine};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::snapshot::{Job, Written};

/// The thread that owns the engine.
pub(super) struct FoldStage {
    pub(super) engine: Engine,
    pub(super) config: DriverConfig,
    pub(super) metrics: Metrics,
    pub(super) rows: SyncSender<ToSink>,
    /// Handings-over of rows that the sink has not taken yet.
    pub(super) waiting: Arc<AtomicUsize>,
    pub(super) outputs: async_mpsc::Sender<ToPublish>,
    pub(super) jobs: Option<SyncSender<(Job, u64)>>,
    pub(super) written: mpsc::Receiver<Result<Written, Error>>,
}

/// How soon it is tried again to hand over rows that the sink had no room for.
const AGAIN: Duration = Duration::from_millis(1);

/// When a snapshot was last begun, and whether one is being written.
struct Schedule {
    begun: Instant,
    events: u64,
    writing: bool,
}

impl FoldStage {
    /// Folds until the end is said, or until nobody is left to say it.
    pub(super) fn run(mut self, inbox: &mpsc::Receiver<ToFold>) {
        let mut emitted = Emitted::default();
        let mut number = 0;
        let mut schedule = Schedule {
            begun: Instant::now(),
            events: self.engine.counts().events,
            writing: false,
        };
        // Events whose rows are still to be handed over.
        let mut owed = 0;
        let mut ending = false;
        while !ending {
            if let Ok(written) = self.written.try_recv() {
                self.snapshot_written(written, &mut schedule);
            }
            // With nothing to read, only snapshots wake it: the time of the next, or the end of the present one.
            let mut wait = self
                .config
                .snapshot_every
                .saturating_sub(schedule.begun.elapsed())
                .max(Duration::from_millis(10));
            if schedule.writing {
                wait = wait.min(Duration::from_millis(50));
            }
            if owed > 0 {
                wait = wait.min(AGAIN);
            }
            let first = match inbox.recv_timeout(wait) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                // Nobody said that this is the end, so it is a kill.
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let (mut folded, mut batches) = (0_usize, 0_usize);
            let mut question = None;
            let mut next = first;
            let begun = Instant::now();
            while let Some(message) = next.take() {
                match message {
                    ToFold::Batch(batch) => {
                        folded += batch.events.len();
                        batches += 1;
                        self.engine.apply_all(batch.events, &mut emitted);
                        self.engine.passed(batch.sequence, batch.logged_at);
                    }
                    ToFold::Digest(answer) => question = Some(answer),
                    ToFold::Ask(question) => question(&self.engine),
                    ToFold::End => ending = true,
                }
                // What has arrived meanwhile goes into the same rows, up to a bound.
                if folded < self.config.batch_events && !ending && question.is_none() {
                    next = inbox.try_recv().ok();
                }
            }
            if batches > 0 {
                owed += folded.max(1);
                self.metrics.fold_seconds.observe(begun.elapsed().as_secs_f64());
                self.metrics.batch_events.observe(folded as f64);
                if !self.hand_over_outputs(&mut emitted, &mut number) {
                    return;
                }
            }
            if owed > 0 && (self.sink_has_room() || owed >= self.config.batch_events || ending) {
                if !self.hand_over_rows() {
                    return;
                }
                owed = 0;
            }
            if let Some(answer) = question {
                let _ = answer.send(self.engine.digest());
            }
            if !ending {
                self.snapshot_when_due(&mut schedule, number);
            }
        }
        self.last_snapshot(&mut schedule, number);
    }

    /// False when nobody takes them any more.
    fn hand_over_outputs(&mut self, emitted: &mut Emitted, number: &mut u64) -> bool {
        if emitted.outputs.is_empty() && emitted.dead_letters.is_empty() {
            return true;
        }
        *number += 1;
        let emitted = std::mem::take(emitted);
        let outputs = ToPublish {
            number: *number,
            emitted,
        };
        self.outputs.blocking_send(outputs).is_ok()
    }

    /// Whether rows would be taken without a wait. While the sink is busy, as when it seals a chunk, the fold goes on, so that no decision waits for a table.
    fn sink_has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < QUEUE
    }

    /// False when nobody takes them any more.
    fn hand_over_rows(&mut self) -> bool {
        let begun = Instant::now();
        let changes = self.engine.take_changes();
        self.metrics.rows_seconds.observe(begun.elapsed().as_secs_f64());
        let progress = self.engine.progress();
        self.measure(&progress);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.rows.send(ToSink::Rows(changes, progress)).is_ok()
    }

    fn measure(&self, progress: &Progress) {
        let counts = self.engine.counts();
        let rise =
            |counter: &prometheus::IntCounter, to: u64| counter.inc_by(to.saturating_sub(counter.get()));
        rise(&self.metrics.events, counts.events);
        rise(&self.metrics.duplicates, counts.duplicates);
        rise(&self.metrics.dead_letters, counts.dead_letters);
        rise(&self.metrics.outputs, counts.outputs);
        self.metrics
            .sequence
            .set(i64::try_from(progress.sequence).unwrap_or(i64::MAX));
        self.metrics.event_time_ms.set(progress.event_time_micros / 1000);
    }

    fn snapshot_when_due(&mut self, schedule: &mut Schedule, outputs: u64) {
        let events = self.engine.counts().events - schedule.events;
        let due = events >= self.config.snapshot_events
            || self.engine.wants_snapshot()
            || (events > 0 && schedule.begun.elapsed() >= self.config.snapshot_every);
        if due && !schedule.writing {
            self.begin_snapshot(schedule, outputs);
        } else if events == 0 && schedule.begun.elapsed() >= self.config.snapshot_every {
            schedule.begun = Instant::now();
        }
    }

    fn begin_snapshot(&mut self, schedule: &mut Schedule, outputs: u64) {
        schedule.begun = Instant::now();
        schedule.events = self.engine.counts().events;
        let Some(jobs) = &self.jobs else { return };
        schedule.writing = jobs.send((self.engine.begin_snapshot(), outputs)).is_ok();
    }

    fn snapshot_written(&mut self, written: Result<Written, Error>, schedule: &mut Schedule) {
        schedule.writing = false;
        match written {
            Ok(written) => {
                self.metrics
                    .snapshot_seconds
                    .observe(schedule.begun.elapsed().as_secs_f64());
                self.metrics.snapshot_bytes.inc_by(written.bytes);
                self.metrics
                    .snapshot_sequence
                    .set(i64::try_from(written.sequence).unwrap_or(i64::MAX));
                self.metrics.snapshot_at_ms.set(micros_now() / 1000);
                self.engine.finish_snapshot(written);
                let memory = self.engine.memory();
                let set = |gauge: &prometheus::IntGauge, bytes: usize| {
                    gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX))
                };
                set(&self.metrics.state_bytes, memory.state_bytes);
                set(&self.metrics.index_bytes, memory.index_bytes);
                set(&self.metrics.seen_bytes, memory.seen_bytes);
                self.metrics
                    .seen_events
                    .set(i64::try_from(memory.seen_events).unwrap_or(i64::MAX));
            }
            Err(error) => {
                self.metrics.snapshot_failures.inc();
                tracing::error!(%error, "snapshot failed; the one before stands, and the next one will hold all");
                self.engine.abandon_snapshot();
            }
        }
    }

    /// Makes a last snapshot, so that the next start has nothing to replay.
    fn last_snapshot(mut self, schedule: &mut Schedule, outputs: u64) {
        self.await_snapshot(schedule);
        if self.engine.counts().events > schedule.events {
            self.begin_snapshot(schedule, outputs);
            self.await_snapshot(schedule);
        }
    }

    fn await_snapshot(&mut self, schedule: &mut Schedule) {
        if schedule.writing
            && let Ok(written) = self.written.recv()
        {
            self.snapshot_written(written, schedule);
        }
    }
}
