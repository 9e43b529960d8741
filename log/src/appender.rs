//! Group commit: one publish in flight a shard, and what arrives meanwhile is the next record batch. So a quiet log
//! answers at once and a busy one fills its messages by itself.
//!
//! An append returns when the log holds its lines. A publish whose acknowledgement is lost is repeated with the same
//! message id, and the server drops the repeat; only when that fails for longer than [`AppenderConfig::give_up`] is the
//! outcome unknown, and the caller told so. Order among appends of one appender is kept. It does not look into lines.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use bytes::Bytes;
use eddy_events::subjects;
use tokio::sync::{Notify, oneshot};

use crate::Error;

mod batch;

use crate::connection::{Connection, Publish};
use crate::metrics::Metrics;
pub use batch::{AppendAck, Run};
use batch::{Waiting, join, take};

/// Header with the number of events in a message.
pub const COUNT_HEADER: &str = "Eddy-Count";
/// Content type of a record batch.
pub const BATCH_CONTENT_TYPE: &str = "application/cloudevents-batch+json";
/// Room for the headers and the protocol line of a message within the server's `max_payload`.
const HEADER_ROOM: usize = 4096;

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
        limits.max_batch_bytes = limits
            .max_batch_bytes
            .min(connection.client.max_payload().saturating_sub(HEADER_ROOM));
        limits.give_up = limits.give_up.min(Duration::from_secs(40));
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            arrived: Notify::new(),
            room: Notify::new(),
            limits,
            metrics,
        });
        let publisher = Publisher {
            connection,
            subject,
            shared: shared.clone(),
            name: unique_name(),
            count: 0,
        };
        tokio::spawn(publisher.run());
        Appender {
            handle: Arc::new(Handle { shared }),
        }
    }

    /// The largest line that fits a message.
    pub fn max_line_bytes(&self) -> usize {
        self.handle.shared.limits.max_batch_bytes - 2
    }

    /// Appends lines and returns when the log holds them all. Refused at once with [`Error::Overloaded`] when too much
    /// waits already. If an error is told for several lines, some of the first may be in the log.
    pub async fn append(&self, lines: Vec<Bytes>) -> Result<AppendAck, Error> {
        self.submit(lines)?.await
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

/// A name no other appender has, so that message ids are unique.
fn unique_name() -> String {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    format!(
        "{:x}-{:x}-{:x}",
        now,
        std::process::id(),
        STARTED.fetch_add(1, Ordering::Relaxed)
    )
}

/// The task that owns the only publish in flight.
struct Publisher {
    connection: Connection,
    subject: String,
    shared: Arc<Shared>,
    name: String,
    count: u64,
}

impl Publisher {
    async fn run(mut self) {
        loop {
            let taken = {
                let mut queue = self.shared.queue();
                let taken = take(&mut queue.waiting, &self.shared.limits);
                if taken.is_empty() && queue.closed {
                    return;
                }
                taken
            };
            if taken.is_empty() {
                self.shared.arrived.notified().await;
                continue;
            }
            self.write(taken).await;
        }
    }

    /// Writes appends that share a message, or one that needs several.
    async fn write(&mut self, taken: Vec<Waiting>) {
        let events: usize = taken.iter().map(|w| w.lines.len()).sum();
        let bytes: usize = taken.iter().map(|w| w.bytes).sum();
        let begun = Instant::now();
        match &taken[..] {
            [one]
                if one.lines.len() > self.shared.limits.max_batch_events
                    || one.bytes > self.shared.limits.max_batch_bytes =>
            {
                let outcome = self.write_split(&one.lines).await;
                self.release(events, bytes, begun);
                if let Some(waiting) = taken.into_iter().next() {
                    let _ = waiting.done.send(outcome);
                }
            }
            _ => {
                let payload = join(taken.iter().flat_map(|w| &w.lines), bytes);
                let outcome = self.publish(payload, events as u32).await;
                self.release(events, bytes, begun);
                let mut index = 0;
                for waiting in taken {
                    let count = waiting.lines.len() as u32;
                    let answer = match &outcome {
                        Ok(sequence) => Ok(AppendAck {
                            runs: vec![Run {
                                sequence: *sequence,
                                index,
                                count,
                            }],
                        }),
                        Err(error) => Err(repeat(error)),
                    };
                    index += count;
                    // The caller may have gone; the lines are in the log all the same.
                    let _ = waiting.done.send(answer);
                }
            }
        }
    }

    async fn write_split(&mut self, lines: &[Bytes]) -> Result<AppendAck, Error> {
        let mut ack = AppendAck::default();
        let mut rest = lines;
        while !rest.is_empty() {
            let mut bytes = 2;
            let fitting = rest
                .iter()
                .take(self.shared.limits.max_batch_events)
                .take_while(|line| {
                    bytes += line.len() + 2;
                    bytes <= self.shared.limits.max_batch_bytes + 2
                })
                .count()
                .max(1);
            let (now, later) = rest.split_at(fitting);
            let sequence = self.publish(join(now, bytes), now.len() as u32).await?;
            ack.runs.push(Run {
                sequence,
                index: 0,
                count: now.len() as u32,
            });
            rest = later;
        }
        Ok(ack)
    }

    fn release(&self, events: usize, bytes: usize, begun: Instant) {
        let mut queue = self.shared.queue();
        queue.events -= events;
        queue.bytes -= bytes;
        let rate = bytes as f64 / begun.elapsed().as_secs_f64().max(1e-6);
        queue.rate = if queue.rate > 0.0 {
            0.9 * queue.rate + 0.1 * rate
        } else {
            rate
        };
        drop(queue);
        self.shared.metrics.queue_events.sub(events as i64);
        self.shared.metrics.queue_bytes.sub(bytes as i64);
        self.shared.room.notify_waiters();
    }

    /// Publishes one message until its outcome is known or time is up.
    async fn publish(&mut self, payload: Bytes, events: u32) -> Result<u64, Error> {
        self.count += 1;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{}-{:x}", self.name, self.count));
        headers.insert("Content-Type", BATCH_CONTENT_TYPE);
        headers.insert(subjects::FRAMING_HEADER, subjects::FRAMING_LINES);
        headers.insert(COUNT_HEADER, events.to_string());
        let (limits, metrics) = (&self.shared.limits, &self.shared.metrics);
        let bytes = payload.len();
        let begun = Instant::now();
        let mut ambiguous = false;
        let mut pause = Duration::from_millis(5);
        loop {
            let error = match self
                .connection
                .publish(
                    &self.subject,
                    headers.clone(),
                    payload.clone(),
                    limits.ack_timeout,
                )
                .await
            {
                Ok(ack) => {
                    metrics.publish_seconds.observe(begun.elapsed().as_secs_f64());
                    metrics.batch_events.observe(f64::from(events));
                    metrics.batch_bytes.observe(bytes as f64);
                    metrics.appended_events.inc_by(events.into());
                    metrics.appended_bytes.inc_by(bytes as u64);
                    return Ok(ack.sequence);
                }
                Err(Publish::Final(error)) if ambiguous => Error::Unconfirmed {
                    waited: begun.elapsed(),
                    reason: error.to_string(),
                },
                Err(Publish::Final(error)) => error,
                Err(Publish::Ambiguous(reason)) => {
                    ambiguous = true;
                    Error::Unconfirmed {
                        waited: begun.elapsed(),
                        reason,
                    }
                }
                Err(Publish::Transient(reason) | Publish::WrongLast(reason)) if ambiguous => {
                    Error::Unconfirmed {
                        waited: begun.elapsed(),
                        reason,
                    }
                }
                Err(Publish::Transient(reason) | Publish::WrongLast(reason)) => {
                    Error::request("append", reason)
                }
            };
            let retry = matches!(error, Error::Unconfirmed { .. } | Error::Request { .. });
            if !retry || begun.elapsed() + pause >= limits.give_up {
                metrics.publish_failures.with_label_values(&[kind(&error)]).inc();
                return Err(error);
            }
            tracing::debug!(%error, "publishing again with the same id");
            metrics.publish_retries.inc();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }
}

/// The same failure for each append that shared the message.
fn repeat(error: &Error) -> Error {
    match error {
        Error::StorageFull { reason } => Error::StorageFull {
            reason: reason.clone(),
        },
        Error::Refused { doing, code, reason } => Error::Refused {
            doing: doing.clone(),
            code: *code,
            reason: reason.clone(),
        },
        Error::Unconfirmed { waited, reason } => Error::Unconfirmed {
            waited: *waited,
            reason: reason.clone(),
        },
        Error::Request { doing, reason } => Error::Request {
            doing: doing.clone(),
            reason: reason.clone(),
        },
        other => Error::request("append", other),
    }
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::StorageFull { .. } => "storage_full",
        Error::Unconfirmed { .. } => "unconfirmed",
        Error::Refused { .. } => "refused",
        _ => "unreachable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_names_differ() {
        assert_ne!(unique_name(), unique_name());
    }
}
