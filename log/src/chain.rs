//! Publishing that a crash can neither repeat nor skip: every message names its cause, and every publish names the last
//! message of the chain it expects on the server. So after any interruption the server's own last message tells where to go on,
//! and a publish of somebody who does not know the latest one is refused.
//!
//! Two ways to the same end. Pipelined: all messages on their way at once, each expecting the very message before it, by
//! its id, as the last of the stream, so that after a refusal nothing behind it can slip in. It is fast when an
//! acknowledgement is cheap and nobody else writes the stream. Atomic: one batch that is stored or not; a fixed cost of some 15 ms,
//! but one expectation and one acknowledgement. Where the stream takes batches, the way is chosen by what acknowledgements cost of late.
//! A stream with copies is never pipelined: its leader checks the expectations of what is on its way before what came earlier is stored, and
//! an expected id that fails is met so late that nats-server 2.15 takes it for a broken disk and ends the stream.
//!
//! A server may persist the stream lazily and lose its end when it dies. What was published of late is therefore kept in memory and
//! published again when the stream turns out to end before it.
//!
//! It decides nothing about what is published, and keeps nothing on disk.

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::stream::{Config, LastRawMessageErrorKind};
use bytes::Bytes;
use eddy_events::Cause;

use crate::Error;
use crate::atomic::{self, Outcome, Outgoing};
use crate::connection::{Connection, Publish, chain as causes, classify};

/// Header that names the publisher, a new name at each opening.
pub(crate) const WRITER_HEADER: &str = "Eddy-Writer";
/// Messages on their way at once, by number and bytes.
const WINDOW: usize = 4096;
const BATCH_BYTES: usize = 4 << 20;
/// Bytes of published messages that are kept. A server's lazy write is behind by milliseconds, unless the power fails.
const KEPT_BYTES: usize = 32 << 20;
/// An atomic batch costs this much, and this much more for each message (measured with nats-server 2.15 on two cores).
const ATOMIC_FIXED: f64 = 0.015;
const ATOMIC_EACH: f64 = 0.00003;
/// So few are rather published one by one than as a batch.
const FEW: usize = 32;
/// So many tell what one more costs. Of fewer most of the time is the way there and back, and a batch that seems cheaper than what they suggest is not.
const MANY: usize = 16;
/// After somebody else came between, this many sets are published without relying on being alone in the stream.
const CONTESTED: u32 = 64;
const ACK_TIMEOUT: Duration = Duration::from_secs(10);
const GIVE_UP: Duration = Duration::from_secs(30);

/// One message to come.
#[derive(Clone)]
pub(crate) struct Link {
    pub cause: Cause,
    pub subject: String,
    pub content_type: &'static str,
    pub payload: Bytes,
}

/// The end of a chain of messages, all under one subject filter of one stream.
pub(crate) struct Chain {
    connection: Connection,
    stream: &'static str,
    /// All subjects of the chain, and of nobody else's.
    filter: String,
    writer: String,
    last_sequence: u64,
    last_cause: Option<Cause>,
    batches: u64,
    /// Nothing was published by this writer yet.
    fresh: bool,
    /// Sets still to be published without relying on being alone in the stream.
    contested: u32,
    /// Seconds that few messages took of late, which is the way there and back, and each of many beyond that.
    alone: f64,
    each: f64,
    /// The stream takes atomic batches.
    batched: bool,
    /// The stream has copies on other servers.
    replicated: bool,
    kept: Kept,
}

/// What was published last, in order.
#[derive(Default)]
struct Kept {
    /// What stands in the chain before the first of them.
    before: Option<Cause>,
    links: VecDeque<Link>,
    bytes: usize,
}

impl Kept {
    fn push(&mut self, link: Link) {
        self.bytes += link.payload.len();
        self.links.push_back(link);
        while self.bytes > KEPT_BYTES
            && let Some(first) = self.links.pop_front()
        {
            self.before = Some(first.cause);
            self.bytes -= first.payload.len();
        }
    }

    /// Takes out what came after this message, the beginning for none. `None` when that is no longer known.
    fn take_after(&mut self, cause: Option<Cause>) -> Option<VecDeque<Link>> {
        let from = if cause == self.before {
            0
        } else {
            self.links.iter().position(|link| Some(link.cause) == cause)? + 1
        };
        let lost = self.links.split_off(from);
        self.bytes -= lost.iter().map(|link| link.payload.len()).sum::<usize>();
        Some(lost)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Pipelined,
    Atomic,
}

struct Last {
    sequence: u64,
    cause: Option<Cause>,
    writer: Option<String>,
}

impl Chain {
    /// Looks up where the chain ends.
    pub async fn open(connection: Connection, stream: &'static str, filter: String) -> Result<Chain, Error> {
        let writer = connection
            .client
            .new_inbox()
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .to_string();
        let mut chain = Chain {
            connection,
            stream,
            filter,
            writer,
            last_sequence: 0,
            last_cause: None,
            batches: 0,
            fresh: true,
            contested: 0,
            alone: 0.0,
            each: 0.0,
            batched: false,
            replicated: false,
            kept: Kept::default(),
        };
        let begun = Instant::now();
        loop {
            match chain.find_end().await {
                // A cluster between two leaders has no answer for a while.
                Err(Error::Request { .. }) if begun.elapsed() < GIVE_UP => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                outcome => return outcome.map(|()| chain),
            }
        }
    }

    async fn find_end(&mut self) -> Result<(), Error> {
        let config = self.config().await?;
        self.batched = config.allow_atomic_publish;
        self.replicated = config.num_replicas > 1;
        if let Some(last) = self.read_last().await? {
            self.last_sequence = last.sequence;
            self.last_cause = Some(last.cause.ok_or_else(|| Error::Malformed {
                stream: self.stream,
                sequence: last.sequence,
                reason: format!(
                    "it has no {} header; only eddy may publish to {}",
                    Cause::HEADER,
                    self.filter
                ),
            })?);
            self.kept.before = self.last_cause;
        }
        Ok(())
    }

    /// The cause of the last message of the chain.
    pub fn last_cause(&self) -> Option<Cause> {
        self.last_cause
    }

    /// The stream sequence of the last message of the chain, 0 before the first.
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// Publishes all, in order; returns when the server has acknowledged them.
    ///
    /// After [`Error::Fenced`] or [`Error::OutputsLost`] this publisher is of no more use. After any other error the chain holds a
    /// beginning of the links, whose end is [`Chain::last_cause`]; going on with the rest is right.
    pub async fn publish(&mut self, links: Vec<Link>) -> Result<(), Error> {
        let mut rest = VecDeque::from(links);
        let begun = Instant::now();
        let mut pause = Duration::from_millis(5);
        self.contested = self.contested.saturating_sub(1);
        while !rest.is_empty() {
            let (way, count) = self.plan(&rest);
            let now = &rest.make_contiguous()[..count];
            let outcome = match way {
                Way::Pipelined => self.pipelined(now).await,
                Way::Atomic => self.atomic(now).await,
            };
            let error = match outcome {
                Ok(sequence) => {
                    self.advance(&mut rest, count, sequence);
                    continue;
                }
                Err(Publish::Final(error)) => {
                    // Part of a pipeline may be stored.
                    return match self.look(&mut rest).await {
                        Ok(()) | Err(Error::Request { .. }) => Err(error),
                        Err(worse) => Err(worse),
                    };
                }
                Err(Publish::WrongLast(reason)) => match self.look(&mut rest).await {
                    // Not fenced, so another chain of the same stream came between.
                    Ok(()) if self.contested < CONTESTED => {
                        self.contested = CONTESTED;
                        continue;
                    }
                    Ok(()) | Err(Error::Request { .. }) => {
                        Error::request(format!("publish to {}", self.filter), reason)
                    }
                    Err(error) => return Err(error),
                },
                Err(Publish::Ambiguous(reason)) => Error::Unconfirmed {
                    waited: begun.elapsed(),
                    reason,
                },
                Err(Publish::Transient(reason)) => {
                    Error::request(format!("publish to {}", self.filter), reason)
                }
            };
            if begun.elapsed() > GIVE_UP {
                return Err(error);
            }
            tracing::debug!(%error, subject = self.filter, "looking where the chain ends");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
            match self.look(&mut rest).await {
                // The server is away: the next attempt fails, or brings us here again.
                Ok(()) | Err(Error::Request { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The first `count` of `rest` are stored, the last of them at `sequence`.
    fn advance(&mut self, rest: &mut VecDeque<Link>, count: usize, sequence: u64) {
        self.fresh = false;
        self.last_sequence = sequence;
        for link in rest.drain(..count) {
            self.last_cause = Some(link.cause);
            self.kept.push(link);
        }
    }

    /// How to publish, and how many of `rest` now.
    fn plan(&self, rest: &VecDeque<Link>) -> (Way, usize) {
        let sizes = || rest.iter().map(|link| link.payload.len());
        let pipeline = atomic::fitting(sizes(), BATCH_BYTES, WINDOW);
        let count = pipeline as f64;
        let pipelined = self.alone + count * self.each;
        let cheap = !self.batched || pipelined <= ATOMIC_FIXED + count * ATOMIC_EACH;
        if self.contested == 0 && cheap && !self.replicated {
            (Way::Pipelined, pipeline)
        } else if !self.batched || rest.len() <= FEW {
            (Way::Atomic, 1)
        } else {
            (Way::Atomic, atomic::fitting(sizes(), BATCH_BYTES, atomic::MOST))
        }
    }

    /// Looks where the chain ends: takes from `rest` what it holds already, and puts before it what the server lost. Fails when somebody
    /// else went on with the chain.
    async fn look(&mut self, rest: &mut VecDeque<Link>) -> Result<(), Error> {
        let last = self.read_last().await?;
        let found = last.as_ref().map_or(0, |last| last.sequence);
        if found == self.last_sequence {
            return Ok(());
        }
        let (cause, writer) = last.map_or((None, None), |last| (last.cause, last.writer));
        if found < self.last_sequence {
            let lost = self.kept.take_after(cause).ok_or_else(|| Error::OutputsLost {
                subject: self.filter.clone(),
                found,
                known: self.last_sequence,
            })?;
            tracing::warn!(
                messages = lost.len(),
                subject = self.filter,
                "the server lost the end of the stream; it is published again"
            );
            for link in lost.into_iter().rev() {
                rest.push_front(link);
            }
            self.last_sequence = found;
            self.last_cause = cause;
            return Ok(());
        }
        let Some(cause) = cause else {
            return Err(self.fenced(found));
        };
        let stored = if writer.as_deref() == Some(&self.writer) {
            rest.iter()
                .position(|link| link.cause == cause)
                .map(|index| index + 1)
        } else if self.fresh {
            // What the former engine had sent when it died came in after the chain was opened: it is gone on from there, as
            // if it had been opened now.
            Some(rest.partition_point(|link| link.cause <= cause))
        } else {
            None
        };
        let stored = stored.ok_or_else(|| self.fenced(found))?;
        let fresh = self.fresh;
        self.advance(rest, stored, found);
        self.fresh = fresh;
        self.last_cause = Some(cause);
        if fresh {
            self.kept = Kept {
                before: Some(cause),
                ..Kept::default()
            };
        }
        Ok(())
    }

    async fn config(&self) -> Result<Config, Error> {
        let stream = self
            .connection
            .context
            .get_stream(self.stream)
            .await
            .map_err(|e| Error::request(format!("look up stream {}", self.stream), causes(&e)))?;
        Ok(stream.cached_info().config.clone())
    }

    fn fenced(&self, found: u64) -> Error {
        Error::Fenced {
            subject: self.filter.clone(),
            found,
            known: self.last_sequence,
        }
    }

    /// The last message of the chain, from the stream's leader.
    async fn read_last(&self) -> Result<Option<Last>, Error> {
        let doing = || format!("look where {} ends", self.filter);
        let stream = self
            .connection
            .context
            .get_stream_no_info(self.stream)
            .await
            .map_err(|e| Error::request(doing(), causes(&e)))?;
        match stream.get_last_raw_message_by_subject(&self.filter).await {
            Ok(message) => {
                let header = |name: &str| message.headers.get(name).map(|v| v.as_str().to_owned());
                Ok(Some(Last {
                    sequence: message.sequence,
                    cause: header(Cause::HEADER).and_then(|c| Cause::from_str(&c).ok()),
                    writer: header(WRITER_HEADER),
                }))
            }
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => Ok(None),
                _ => Err(Error::request(doing(), causes(&error))),
            },
        }
    }

    /// One attempt for one batch; gives the sequence of its last message. All of it is stored or nothing.
    async fn atomic(&mut self, links: &[Link]) -> Result<u64, Publish> {
        self.batches += 1;
        let id = format!("{}-{:x}", self.writer, self.batches);
        let mut messages: Vec<_> = links.iter().map(|link| self.outgoing(link)).collect();
        if let Some(first) = messages.first_mut() {
            // For a batch as a whole: nothing of others can come between its messages.
            self.expect(&mut first.headers);
        }
        match atomic::publish(&self.connection, &id, messages).await? {
            Outcome::Stored(sequence) => Ok(sequence),
            // No message ids are used here.
            Outcome::Duplicate => Err(Publish::Ambiguous("the server calls it a duplicate".into())),
        }
    }

    /// One attempt for all of `links` at once; gives the sequence of the last. A beginning of them is stored, or all.
    ///
    /// The first expects a sequence, which fences; the others expect the id of the one before, which holds the writer's name. Expected
    /// sequences would not do for them: those of a zombie may be met by the messages of its heir.
    async fn pipelined(&mut self, links: &[Link]) -> Result<u64, Publish> {
        let mut epoch = self.connection.epoch.clone();
        epoch.mark_unchanged();
        let begun = Instant::now();
        let run = async {
            let mut acks = Vec::with_capacity(links.len());
            let mut before = None;
            for link in links {
                let Outgoing {
                    subject,
                    mut headers,
                    payload,
                } = self.outgoing(link);
                let id = format!("{}/{}", self.writer, link.cause);
                headers.insert("Nats-Msg-Id", id.as_str());
                match before.replace(id) {
                    None => self.expect(&mut headers),
                    Some(before) => headers.insert("Nats-Expected-Last-Msg-Id", before),
                }
                acks.push(
                    self.connection
                        .context
                        .publish_with_headers(subject, headers, payload)
                        .await
                        .map_err(classify)?,
                );
            }
            let mut last = self.last_sequence;
            for ack in acks {
                last = ack.await.map_err(classify)?.sequence;
            }
            Ok(last)
        };
        let outcome = tokio::select! {
            biased;
            outcome = tokio::time::timeout(ACK_TIMEOUT, run) => outcome.unwrap_or_else(|_| Err(Publish::Ambiguous(format!("nothing within {} s", ACK_TIMEOUT.as_secs())))),
            Ok(()) = epoch.changed() => Err(Publish::Ambiguous("the connection was lost".into())),
        };
        if outcome.is_ok() {
            let took = begun.elapsed().as_secs_f64();
            let of_late = |known: f64, now: f64| if known > 0.0 { 0.8 * known + 0.2 * now } else { now };
            if links.len() < MANY {
                self.alone = of_late(self.alone, took);
                // It says little about many on their way together; old measurements of those fade.
                self.each *= 0.99;
            } else {
                self.each = of_late(self.each, (took - self.alone).max(0.0) / links.len() as f64);
            }
        }
        outcome
    }

    fn expect(&self, headers: &mut HeaderMap) {
        headers.insert(
            "Nats-Expected-Last-Subject-Sequence",
            self.last_sequence.to_string(),
        );
        headers.insert(
            "Nats-Expected-Last-Subject-Sequence-Subject",
            self.filter.as_str(),
        );
    }

    fn outgoing(&self, link: &Link) -> Outgoing {
        let mut headers = HeaderMap::new();
        headers.insert(Cause::HEADER, link.cause.to_string());
        headers.insert(WRITER_HEADER, self.writer.as_str());
        headers.insert("Content-Type", link.content_type);
        Outgoing {
            subject: link.subject.clone(),
            headers,
            payload: link.payload.clone(),
        }
    }
}
