//! Reads a stream in order, each message once, across restarts of the server, and proves it: a gap in the sequences is
//! an error, never passed over. It waits on the server without asking again and again; nothing is acknowledged, because the
//! reader's owner keeps its own position with its own state.

use std::time::Duration;

use async_nats::Message;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use eddy_events::subjects;
use futures::{FutureExt, StreamExt};
use serde::Deserialize;
use tokio::sync::watch;

use crate::Error;
use crate::connection::{Connection, chain};
use crate::log::{info, state};
use crate::message::LogMessage;
use crate::metrics::Metrics;

/// Messages asked for at once.
const PULL_MESSAGES: usize = 8192;
/// Bytes asked for at once; well over the largest message, and under what a server lets wait for a client (64 MB).
const PULL_BYTES: usize = 24 << 20;
/// Bytes handed out at once, about.
const CHUNK_BYTES: usize = 8 << 20;

/// A position in one stream, and the way on from there.
pub struct Reader {
    connection: Connection,
    stream: &'static str,
    subject: String,
    /// The last sequence handed out.
    after: u64,
    /// When the stream was made, in nanoseconds since 1970, once it is known: a stream of the same name may be another one.
    created: Option<i128>,
    /// Messages the server knew behind the last one handed out.
    pending: u64,
    /// Whether every sequence of the stream is of this subject, so that sequences must not skip.
    alone: bool,
    pull: Option<Pull>,
    metrics: Metrics,
}

/// A consumer on the server, and what it delivered so far.
struct Pull {
    messages: pull::Stream,
    delivered: u64,
    epoch: watch::Receiver<u64>,
}

impl Reader {
    pub(crate) fn new(
        connection: Connection,
        stream: &'static str,
        subject: String,
        after: u64,
        metrics: Metrics,
    ) -> Reader {
        Reader {
            connection,
            stream,
            subject,
            after,
            created: None,
            pending: 0,
            alone: true,
            pull: None,
            metrics,
        }
    }

    /// The sequence of the last message handed out, or the one it was opened with.
    pub fn position(&self) -> u64 {
        self.after
    }

    /// Messages behind the last one handed out, as the server knew when it sent that one.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// The next messages in order: at least one, at most `max_messages` or about 8 MB, without waiting for more than the
    /// first. Waits for as long as the log is idle or away. May be dropped while it waits; nothing is lost then.
    ///
    /// Fails with [`Error::LogCut`] when messages are missing, [`Error::LogBehind`] when the log ends before the position, and
    /// [`Error::LogReplaced`] when the stream is no longer the one that was read.
    pub async fn next_chunk(&mut self, max_messages: usize) -> Result<Vec<LogMessage>, Error> {
        loop {
            let mut pull = match self.pull.take() {
                Some(pull) => pull,
                None => self.open().await?,
            };
            let Some(first) = wait(&mut pull).await else {
                // Reconnected, or the consumer has gone: go on after the last message.
                self.metrics.reader_restarts.inc();
                continue;
            };
            // From here on nothing is awaited, so that a dropped future cannot lose what was received.
            let mut chunk = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(message) = next {
                match self.accept(&mut pull, message) {
                    Accepted::Message(message) => {
                        bytes += message.payload.len();
                        self.after = message.sequence;
                        chunk.push(message);
                    }
                    Accepted::Missed => {
                        // Messages were lost on their way: the consumer is opened anew at the first of them.
                        self.metrics.reader_restarts.inc();
                        return if chunk.is_empty() {
                            Box::pin(self.next_chunk(max_messages)).await
                        } else {
                            Ok(self.measured(chunk, bytes))
                        };
                    }
                    Accepted::Gap { first_available } if chunk.is_empty() => {
                        self.explain(first_available).await?;
                        // Other subjects have the sequences between: begin again with that knowledge.
                        return Box::pin(self.next_chunk(max_messages)).await;
                    }
                    // What came before the gap is good; the gap is met again by the next call.
                    Accepted::Gap { .. } => return Ok(self.measured(chunk, bytes)),
                }
                if chunk.len() >= max_messages || bytes >= CHUNK_BYTES {
                    break;
                }
                next = match pull.messages.next().now_or_never() {
                    Some(Some(Ok(message))) => Some(message.message),
                    // Errors are met again by the next wait.
                    _ => None,
                };
            }
            self.pull = Some(pull);
            return Ok(self.measured(chunk, bytes));
        }
    }

    fn measured(&self, chunk: Vec<LogMessage>, bytes: usize) -> Vec<LogMessage> {
        self.metrics.read_chunk_messages.observe(chunk.len() as f64);
        self.metrics.read_messages.inc_by(chunk.len() as u64);
        self.metrics.read_bytes.inc_by(bytes as u64);
        chunk
    }

    fn accept(&mut self, pull: &mut Pull, message: Message) -> Accepted {
        let delivery = message.reply.as_deref().and_then(Delivery::parse);
        let Some(delivery) = delivery.filter(|d| d.consumer_sequence == pull.delivered + 1) else {
            return Accepted::Missed;
        };
        pull.delivered = delivery.consumer_sequence;
        if self.alone && delivery.stream_sequence != self.after + 1 {
            return Accepted::Gap {
                first_available: delivery.stream_sequence,
            };
        }
        self.pending = delivery.pending;
        let micros = delivery.nanos / 1000;
        Accepted::Message(LogMessage::new(
            delivery.stream_sequence,
            micros,
            message.subject.into_string(),
            message.payload,
            message.headers,
        ))
    }

    /// A gap is good only when the sequences between belong to other subjects.
    async fn explain(&mut self, first_available: u64) -> Result<(), Error> {
        let state = state(&self.connection, self.stream).await?;
        if state.subjects_count <= 1
            || state.deleted_count.unwrap_or(0) > 0
            || state.first_sequence > self.after + 1
        {
            return Err(Error::LogCut {
                expected: self.after + 1,
                first_available,
            });
        }
        self.alone = false;
        Ok(())
    }

    /// Among sequences of other subjects a gap does not show, so what was deleted is asked for. Events alone are never deleted.
    async fn check_deleted(&self) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Info {
            state: State,
        }
        #[derive(Deserialize)]
        struct State {
            #[serde(default)]
            deleted: Vec<u64>,
        }
        if self.stream != subjects::EDDY_EVENTS {
            return Ok(());
        }
        let asked = serde_json::json!({ "deleted_details": true });
        let info: Info = self
            .connection
            .context
            .request(format!("STREAM.INFO.{}", self.stream), &asked)
            .await
            .map_err(|e| Error::request(format!("look up {}", self.stream), chain(&e)))?;
        let mut gone = info
            .state
            .deleted
            .into_iter()
            .filter(|sequence| *sequence > self.after);
        let Some(expected) = gone.next() else {
            return Ok(());
        };
        let first_available = gone.fold(expected + 1, |next, sequence| next + u64::from(sequence == next));
        Err(Error::LogCut {
            expected,
            first_available,
        })
    }

    /// A new consumer after the last message, however long the server or the stream is away.
    async fn open(&mut self) -> Result<Pull, Error> {
        const LONGEST: Duration = Duration::from_secs(1);
        let mut pause = Duration::from_millis(10);
        let mut told = false;
        loop {
            let error = match self.try_open().await {
                Err(error @ Error::Request { .. }) => error,
                outcome => return outcome,
            };
            if pause == LONGEST && !told {
                tracing::warn!(%error, stream = self.stream, after = self.after, "the log cannot be read; it is waited for");
                told = true;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
    }

    async fn try_open(&mut self) -> Result<Pull, Error> {
        // Taken before anything is asked, so that a reconnect during the opening counts.
        let mut epoch = self.connection.epoch.clone();
        epoch.mark_unchanged();
        let info = info(&self.connection, self.stream).await?;
        let created = info.created.unix_timestamp_nanos();
        if *self.created.get_or_insert(created) != created {
            return Err(Error::LogReplaced {
                stream: self.stream,
                position: self.after,
            });
        }
        let state = info.state;
        if state.last_sequence < self.after {
            return Err(Error::LogBehind {
                position: self.after,
                last: state.last_sequence,
            });
        }
        if state.first_sequence > self.after + 1 {
            return Err(Error::LogCut {
                expected: self.after + 1,
                first_available: state.first_sequence,
            });
        }
        if state.subjects_count > 1 && state.deleted_count.unwrap_or(0) > 0 {
            self.check_deleted().await?;
        }
        self.alone = state.subjects_count <= 1;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: self.after + 1,
            },
            ack_policy: AckPolicy::None,
            filter_subject: self.subject.clone(),
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: Duration::from_secs(60),
            ..Default::default()
        };
        let failed = |e: &dyn std::error::Error| Error::request(format!("read {}", self.stream), chain(e));
        let made = self
            .connection
            .context
            .create_consumer_on_stream(config, self.stream);
        let request = format!("$JS.API.CONSUMER.CREATE.{}", self.stream);
        let consumer = self
            .connection
            .permitted(&format!("read {}", self.stream), &request, made)
            .await?
            .map_err(|e| failed(&e))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(PULL_MESSAGES)
            .max_bytes_per_batch(PULL_BYTES)
            .expires(Duration::from_secs(30))
            .heartbeat(Duration::from_secs(5))
            .messages()
            .await
            .map_err(|e| failed(&e))?;
        Ok(Pull {
            messages,
            delivered: 0,
            epoch,
        })
    }
}

enum Accepted {
    Message(LogMessage),
    Missed,
    Gap { first_available: u64 },
}

/// The next message, or nothing when the consumer is to be opened again.
async fn wait(pull: &mut Pull) -> Option<Message> {
    tokio::select! {
        // Messages first: those received before a reconnect are good.
        biased;
        next = pull.messages.next() => match next {
            Some(Ok(message)) => Some(message.message),
            Some(Err(error)) => {
                tracing::debug!(%error, "the consumer is opened again");
                None
            }
            None => None,
        },
        _ = pull.epoch.changed() => None,
    }
}

/// What the reply subject of a delivered message tells:
/// `$JS.ACK[.<domain>.<account>].<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<nanoseconds>.<pending>[.<token>]`
struct Delivery {
    stream_sequence: u64,
    consumer_sequence: u64,
    nanos: i64,
    pending: u64,
}

impl Delivery {
    fn parse(reply: &str) -> Option<Delivery> {
        let rest = reply.strip_prefix("$JS.ACK.")?;
        let tokens = rest.split('.').count();
        // Seven in the first form; domain and account come before them in the second.
        let mut fields = rest.split('.').skip(if tokens == 7 { 3 } else { 5 });
        Some(Delivery {
            stream_sequence: fields.next()?.parse().ok()?,
            consumer_sequence: fields.next()?.parse().ok()?,
            nanos: fields.next()?.parse().ok()?,
            pending: fields.next()?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_reply_subject_are_read() {
        for reply in [
            "$JS.ACK.S.c.1.17.3.1700000000000000000.42",
            "$JS.ACK._.acc.S.c.1.17.3.1700000000000000000.42.tok",
        ] {
            let delivery = Delivery::parse(reply).unwrap();
            assert_eq!(
                (
                    delivery.stream_sequence,
                    delivery.consumer_sequence,
                    delivery.pending
                ),
                (17, 3, 42)
            );
        }
        assert!(Delivery::parse("_INBOX.x").is_none());
    }
}
