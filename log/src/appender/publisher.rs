//! Publishes what waits in the queue of an appender: one message in flight, repeated with its id until its outcome is known. It takes
//! no appends and refuses none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use bytes::Bytes;
use eddy_events::subjects;

use super::Shared;
use super::batch::{AppendAck, Run, Waiting, join, take};
use crate::Error;
use crate::connection::Publish;

/// Header with the number of events in a message.
pub const COUNT_HEADER: &str = "Eddy-Count";
/// Content type of a record batch.
pub const BATCH_CONTENT_TYPE: &str = "application/cloudevents-batch+json";

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
pub(super) struct Publisher {
    subject: String,
    shared: Arc<Shared>,
    name: String,
    count: u64,
}

impl Publisher {
    pub fn new(subject: String, shared: Arc<Shared>) -> Publisher {
        Publisher {
            subject,
            shared,
            name: unique_name(),
            count: 0,
        }
    }

    /// Writes what arrives until the last appender has gone and nothing waits.
    pub async fn run(mut self) {
        loop {
            let taken = {
                let mut queue = self.shared.queue();
                let taken = take(
                    &mut queue.waiting,
                    self.shared.limits.max_batch_events,
                    self.shared.batch_bytes(),
                );
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
        let together = if events <= self.shared.limits.max_batch_events && bytes <= self.shared.batch_bytes()
        {
            let payload = join(taken.iter().flat_map(|w| &w.lines), bytes);
            Some(self.publish(payload, events as u32).await)
        } else {
            None
        };
        let answers = match together {
            // One that needs several messages, or a server that takes smaller ones than a moment ago.
            None | Some(Err(Error::TooLarge { .. })) => {
                let mut answers = Vec::with_capacity(taken.len());
                for waiting in &taken {
                    answers.push(self.write_split(&waiting.lines).await);
                }
                answers
            }
            Some(outcome) => shares(&outcome, &taken),
        };
        self.release(events, bytes, begun);
        for (waiting, answer) in taken.into_iter().zip(answers) {
            // The caller may have gone; the lines are in the log all the same.
            let _ = waiting.done.send(answer);
        }
    }

    /// Writes one append in as many messages as it needs.
    async fn write_split(&mut self, lines: &[Bytes]) -> Result<AppendAck, Error> {
        let mut ack = AppendAck::default();
        let mut rest = lines;
        while !rest.is_empty() {
            let limit = self.shared.batch_bytes();
            let mut bytes = 2;
            let fitting = rest
                .iter()
                .take(self.shared.limits.max_batch_events)
                .take_while(|line| {
                    bytes += line.len() + 2;
                    bytes <= limit + 2
                })
                .count()
                .max(1);
            let (now, later) = rest.split_at(fitting);
            match self.publish(join(now, bytes), now.len() as u32).await {
                Ok(sequence) => ack.runs.push(Run {
                    sequence,
                    index: 0,
                    count: now.len() as u32,
                }),
                // The server takes less than a moment ago.
                Err(Error::TooLarge { .. }) if now.len() > 1 => continue,
                Err(error) => return Err(error),
            }
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
        // No further attempt can even be sent.
        let mut futile = false;
        let mut pause = Duration::from_millis(5);
        loop {
            let error = match self
                .shared
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
                Err(Publish::Final(error)) if ambiguous => {
                    futile = matches!(error, Error::TooLarge { .. });
                    Error::Unconfirmed {
                        waited: begun.elapsed(),
                        reason: error.to_string(),
                    }
                }
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
            if futile || !retry || begun.elapsed() + pause >= limits.give_up {
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

/// What each of the appends that shared a message is told.
fn shares(outcome: &Result<u64, Error>, taken: &[Waiting]) -> Vec<Result<AppendAck, Error>> {
    let mut index = 0;
    taken
        .iter()
        .map(|waiting| {
            let count = waiting.lines.len() as u32;
            let run = |sequence| Run {
                sequence,
                index,
                count,
            };
            let answer = match outcome {
                Ok(sequence) => Ok(AppendAck {
                    runs: vec![run(*sequence)],
                }),
                Err(error) => Err(repeat(error)),
            };
            index += count;
            answer
        })
        .collect()
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
        Error::NotPermitted {
            doing,
            reason,
            remedy,
        } => Error::NotPermitted {
            doing: doing.clone(),
            reason: reason.clone(),
            remedy: remedy.clone(),
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
        Error::Refused { .. } | Error::NotPermitted { .. } => "refused",
        Error::TooLarge { .. } => "too_large",
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
