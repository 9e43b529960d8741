//! An answer under way: its schema, its snapshot, and batches as they come. Dropping it stops the query.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::physical_plan::spill::get_record_batch_memory_size;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Error, sizes};
use crate::live::Snapshot;
use crate::metrics::{Front, QueryMetrics};

/// What a running query sends.
#[derive(Debug)]
pub(super) enum Part {
    /// Rows, and what they take of the query's memory until someone has read them.
    Batch(
        RecordBatch,
        #[allow(dead_code, reason = "held, not read")] Arc<MemoryReservation>,
    ),
    Failed(Error),
    /// Everything was sent. Without it the query broke off, and what came so far is not the answer.
    End,
}

/// Bytes that the front ends write out at once.
const PIECE: u64 = 4 << 20;
/// Bytes of one row of an answer.
const ROW: u64 = 64 << 20;

/// A batch in pieces that can be written out at once. Until all are read it counts against the memory of the query: a client may take its
/// time.
pub(super) fn pieces(batch: &RecordBatch, pool: &Arc<dyn MemoryPool>) -> Result<Vec<Part>, Error> {
    let columns: Vec<usize> = (0..batch.num_columns()).collect();
    let written = sizes::of(batch, &columns, 0, batch.num_rows());
    let held = MemoryConsumer::new("the answer").register(pool);
    // What the batch shares with the tables is not its own.
    let own = get_record_batch_memory_size(batch).min(usize::try_from(written).unwrap_or(usize::MAX));
    held.try_grow(own).map_err(|e| Error::running(&e))?;
    let held = Arc::new(held);
    let mut pieces = Vec::new();
    let mut rest = vec![(0, batch.num_rows(), written)];
    while let Some((from, rows, bytes)) = rest.pop() {
        if rows > 1 && bytes > PIECE {
            let half = rows / 2;
            rest.push((
                from + half,
                rows - half,
                sizes::of(batch, &columns, from + half, rows - half),
            ));
            rest.push((from, half, sizes::of(batch, &columns, from, half)));
        } else if bytes > ROW {
            return Err(Error::Memory(format!(
                "a row of the answer has {} MiB and the limit is {} MiB; ask for rows instead of one long list or text",
                bytes >> 20,
                ROW >> 20
            )));
        } else if rows > 0 {
            pieces.push(Part::Batch(batch.slice(from, rows), Arc::clone(&held)));
        }
    }
    Ok(pieces)
}

/// A running query's answer.
#[derive(Debug)]
pub struct Answer {
    schema: SchemaRef,
    batches: mpsc::Receiver<Part>,
    task: JoinHandle<()>,
    snapshot: Arc<Snapshot>,
    started: Instant,
    late: Pin<Box<tokio::time::Sleep>>,
    time: Duration,
    watch: Option<(QueryMetrics, Front)>,
    ended: bool,
}

impl Answer {
    pub(super) fn new(
        batches: mpsc::Receiver<Part>,
        task: JoinHandle<()>,
        snapshot: Arc<Snapshot>,
        started: Instant,
        deadline: tokio::time::Instant,
        time: Duration,
    ) -> Answer {
        // The query watches its own deadline; a plan that never comes up for air is given up from here a little later.
        let late = Box::pin(tokio::time::sleep_until(deadline + Duration::from_millis(200)));
        let schema = Arc::new(Schema::empty());
        Answer {
            schema,
            batches,
            task,
            snapshot,
            started,
            late,
            time,
            watch: None,
            ended: false,
        }
    }

    /// From here on there is an answer, and its end is counted here.
    pub(super) fn begin(&mut self, schema: SchemaRef, metrics: QueryMetrics, front: Front) {
        self.schema = schema;
        self.watch = Some((metrics, front));
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The snapshot the query reads.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The last log sequence in the snapshot.
    pub fn sequence(&self) -> u64 {
        self.snapshot.sequence()
    }

    /// Time since the question came.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The whole answer; for small ones.
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>, Error> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await {
            batches.push(batch?);
        }
        Ok(batches)
    }

    fn end(&mut self, error: Option<&Error>) {
        self.ended = true;
        if let Some((metrics, front)) = self.watch.take() {
            match error {
                Some(error) => metrics.failed(front, error, self.started.elapsed()),
                None => metrics.answered(front, self.started.elapsed()),
            }
        }
    }
}

impl Stream for Answer {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.batches.poll_recv(cx) {
            Poll::Ready(Some(Part::Batch(batch, _))) => Poll::Ready(Some(Ok(batch))),
            Poll::Ready(Some(Part::Failed(error))) => {
                self.end(Some(&error));
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(Some(Part::End)) => {
                self.end(None);
                Poll::Ready(None)
            }
            Poll::Ready(None) => {
                let error = Error::Internal("the query broke off; the log of the engine says where".into());
                self.end(Some(&error));
                Poll::Ready(Some(Err(error)))
            }
            Poll::Pending => {
                if self.late.as_mut().poll(cx).is_ready() {
                    let error = Error::TimedOut(self.time);
                    self.end(Some(&error));
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.task.abort();
        if !self.ended {
            self.end(Some(&Error::Cancelled));
        }
    }
}
