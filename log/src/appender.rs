//! Group commit: one publish in flight a shard, and what arrives meanwhile is the next record batch. So a quiet log
//! answers at once and a busy one fills its messages by itself.
//!
//! An append returns when the log holds its lines. A publish whose acknowledgement is lost is repeated with the same
//! message id, and the server drops the repeat; only when that fails for longer than [`AppenderConfig::give_up`] is the
//! outcome unknown, and the caller told so. Order among appends of one appender is kept. It does not look into lines.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tracing::Instrument;

use crate::Error;

mod batch;
mod publisher;

use crate::connection::Connection;
use crate::metrics::Metrics;
use batch::Waiting;
pub use batch::{AppendAck, Run};
use publisher::Publisher;
pub use publisher::{BATCH_CONTENT_TYPE, COUNT_HEADER};
/// Limits of an appender.
#[derive(Clone, Debug)]
pub struct AppenderConfig {
    /// Events in one message.
    pub max_batch_events: usize,
    /// Bytes in one message; the server's `max_payload` may set it lower.
    pub max_batch_bytes: usize,
    /// Events waiting, the ones in flight included, before appends are refused.
    pub max_queue_events: usize,
    /// Bytes waiting, the ones in flight included, before appends are refused.
    pub max_queue_bytes: usize,
    /// How long one attempt waits for its acknowledgement.
    pub ack_timeout: Duration,
    /// How long attempts are repeated. At most 40 s: the server recognises repeats for 60.
    pub give_up: Duration,
}

impl Default for AppenderConfig {
    fn default() -> Self {
        Self {
            max_batch_events: 4096,
            max_batch_bytes: 4 << 20,
            max_queue_events: 65_536,
            max_queue_bytes: 64 << 20,
            ack_timeout: Duration::from_secs(5),
            give_up: Duration::from_secs(25),
        }
    }
}

impl AppenderConfig {
    /// For loaders: batches of about 1 MB or 2,000 events, and room for a hundred of them.
    pub fn bulk() -> Self {
        Self {
            max_batch_events: 2_000,
            max_batch_bytes: 1 << 20,
            max_queue_events: 200_000,
            max_queue_bytes: 128 << 20,
            ..Self::default()
        }
    }
}

/// Appends lines to one shard. Clones share one queue; it ends when the last of them is dropped and all is written.
#[derive(Clone)]
pub struct Appender {
    handle: Arc<Handle>,
}

/// Wakes the publishing task a last time when the last clone goes.
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.arrived.notify_one();
    }
}

struct Shared {
    connection: Connection,
    queue: Mutex<Queue>,
    /// Something waits, or the end has come.
    arrived: Notify,
    /// Room was made.
    room: Notify,
    limits: AppenderConfig,
    metrics: Metrics,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Queued and in flight.
    events: usize,
    bytes: usize,
    closed: bool,
    /// Bytes a second of late, for the advice when to come back.
    rate: f64,
}

impl Shared {
    /// Bytes of lines that fit a message at this moment.
    fn batch_bytes(&self) -> usize {
        self.limits.max_batch_bytes.min(self.connection.max_bytes())
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Appender {
    pub(crate) fn start(
        connection: Connection,
        subject: String,
        mut limits: AppenderConfig,
        metrics: Metrics,
    ) -> Appender {
        limits.give_up = limits.give_up.min(Duration::from_secs(40));
        let shared = Arc::new(Shared {
            connection,
            queue: Mutex::default(),
            arrived: Notify::new(),
            room: Notify::new(),
            limits,
            metrics,
        });
        tokio::spawn(Publisher::new(subject, shared.clone()).run());
        Appender {
            handle: Arc::new(Handle { shared }),
        }
    }

    /// The largest line that fits a message, as the server is configured at this moment.
    pub fn max_line_bytes(&self) -> usize {
        self.handle.shared.batch_bytes().saturating_sub(2)
    }

    /// Appends lines and returns when the log holds them all. Refused at once with [`Error::Overloaded`] when too much
    /// waits already. If an error is told for several lines, some of the first may be in the log.
    pub async fn append(&self, lines: Vec<Bytes>) -> Result<AppendAck, Error> {
        let span = tracing::debug_span!("append", events = lines.len() as i64);
        self.submit(lines)?.instrument(span).await
    }

    /// Takes a place in the queue, and tells the outcome later. Submitted in order means appended in order.
    pub fn submit(
        &self,
        lines: Vec<Bytes>,
    ) -> Result<impl Future<Output = Result<AppendAck, Error>> + Send + 'static + use<>, Error> {
        let pending = self.enqueue(&mut Some(lines))?;
        Ok(async move { pending.await.unwrap_or(Err(Error::Closed)) })
    }

    /// The same, but waits for room instead of being refused: back-pressure for loaders.
    pub async fn submit_waiting(
        &self,
        lines: Vec<Bytes>,
    ) -> Result<impl Future<Output = Result<AppendAck, Error>> + Send + 'static + use<>, Error> {
        let mut lines = Some(lines);
        loop {
            let room = self.handle.shared.room.notified();
            tokio::pin!(room);
            // Before the look at the queue, so that room made in between is not missed.
            room.as_mut().enable();
            match self.enqueue(&mut lines) {
                Err(Error::Overloaded { .. }) => room.await,
                Err(error) => return Err(error),
                Ok(pending) => return Ok(async move { pending.await.unwrap_or(Err(Error::Closed)) }),
            }
        }
    }

    /// Takes the lines out of `lines` only when they are accepted.
    fn enqueue(
        &self,
        lines: &mut Option<Vec<Bytes>>,
    ) -> Result<oneshot::Receiver<Result<AppendAck, Error>>, Error> {
        let shared = &self.handle.shared;
        let (done, pending) = oneshot::channel();
        let taken = lines.as_deref().unwrap_or_default();
        let limit = self.max_line_bytes();
        let mut bytes = 0;
        for line in taken {
            if line.len() > limit {
                return Err(Error::TooLarge {
                    bytes: line.len(),
                    limit,
                });
            }
            bytes += line.len() + 2;
        }
        let events = taken.len();
        if events == 0 {
            let _ = done.send(Ok(AppendAck::default()));
            return Ok(pending);
        }
        let mut queue = shared.queue();
        let full = queue.events + events > shared.limits.max_queue_events
            || queue.bytes + bytes > shared.limits.max_queue_bytes;
        // Alone it is let through whatever its size, or it never would be.
        if full && queue.events > 0 {
            shared.metrics.overloaded.inc();
            // The time to write what waits, at the rate of late.
            let seconds = if queue.rate > 0.0 {
                queue.bytes as f64 / queue.rate
            } else {
                1.0
            };
            return Err(Error::Overloaded {
                retry_after: Duration::from_secs_f64(seconds.clamp(0.05, 30.0)),
                queued_events: queue.events,
                queued_bytes: queue.bytes,
            });
        }
        queue.events += events;
        queue.bytes += bytes;
        shared.metrics.queue_events.add(events as i64);
        shared.metrics.queue_bytes.add(bytes as i64);
        queue.waiting.push_back(Waiting {
            lines: lines.take().unwrap_or_default(),
            bytes,
            done,
        });
        drop(queue);
        shared.arrived.notify_one();
        Ok(pending)
    }
}
