//! Dead letters: what was refused, with the reason and its bytes, so that nothing disappears without a trace. It
//! stores and reads them; mending and sending them again is the gateway's work.

use std::str::FromStr;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use bytes::Bytes;
use eddy_events::{Cause, Rejection, subjects};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::atomic::{self, Outgoing};
use crate::chain::{Chain, Link};
use crate::connection::Publish;
use crate::log::Log;
use crate::message::LogMessage;
use crate::range::RangeReader;
use crate::reader::Reader;
use crate::{Error, log};

/// Bytes of a refused body that are kept; of a longer one its digest and its beginning.
pub const BODY_KEPT: usize = 64 * 1024;
const CONTENT_TYPE: &str = "application/json";
/// The server holds a batch in memory until it is committed.
const BATCH_BYTES: usize = 4 << 20;
/// An atomic batch has a fixed cost of some 15 ms; so few are rather published each on its own.
const FEW: usize = 32;
/// Below the streams' window of a minute within which a repeat is recognised.
const GIVE_UP: Duration = Duration::from_secs(25);

/// One refused event, or a refused body that held perhaps several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// When it was refused, in microseconds since 1970; the time of the log for what the fold refused.
    pub received_at_micros: i64,
    /// The part of Eddy that refused it: `gateway`, `loader`, `fold` or `webhook`.
    pub origin: String,
    /// CloudEvents source, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// CloudEvents id, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// CloudEvents type, if it could be read.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Code of the reason.
    pub reason: String,
    /// The field that is wrong, as a path; empty for the whole.
    pub field: String,
    /// What is wrong, in words.
    pub detail: String,
    /// The refused bytes as text, at most 64 kB of them; what is no UTF-8 is replaced.
    pub body: String,
    /// SHA-256 of all the refused bytes, in hexadecimal.
    pub digest: String,
    /// How many bytes were refused.
    pub bytes_total: u64,
}

impl DeadLetter {
    /// A dead letter from a rejection and the refused bytes.
    pub fn new(origin: &str, received_at_micros: i64, rejection: &Rejection, body: &[u8]) -> DeadLetter {
        let text = |s: &Option<eddy_events::SmolStr>| s.as_ref().map(|s| s.to_string());
        DeadLetter {
            received_at_micros,
            origin: origin.into(),
            source: text(&rejection.source),
            id: text(&rejection.id),
            kind: text(&rejection.kind),
            reason: rejection.reason.to_string(),
            field: rejection.field.clone(),
            detail: rejection.detail.clone(),
            body: kept(body),
            digest: Sha256::digest(body).iter().map(|b| format!("{b:02x}")).collect(),
            bytes_total: body.len() as u64,
        }
    }

    /// Whether `body` holds all of it.
    pub fn is_whole(&self) -> bool {
        self.bytes_total <= BODY_KEPT as u64
    }
}

/// An origin becomes a token of a subject.
fn check_origin(origin: &str) -> Result<&str, Error> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    // `fold` belongs to the chained publisher.
    if origin.is_empty() || origin == "fold" || !origin.bytes().all(word) {
        return Err(Error::Config(format!(
            "`{origin}` cannot be the origin of a dead letter; use a word such as `gateway`"
        )));
    }
    Ok(origin)
}

/// The beginning of a body, cut at a character.
fn kept(body: &[u8]) -> String {
    let mut end = body.len().min(BODY_KEPT);
    if end < body.len() {
        while end > 0 && (body[end] & 0b1100_0000) == 0b1000_0000 {
            end -= 1;
        }
    }
    String::from_utf8_lossy(&body[..end]).into_owned()
}

/// A dead letter as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDeadLetter {
    /// Sequence in the stream of dead letters.
    pub sequence: u64,
    /// When it was stored, in microseconds since 1970.
    pub logged_at_micros: i64,
    /// The event that was refused, if it is in the log, that is, if the fold refused it.
    pub cause: Option<Cause>,
    /// The record.
    pub letter: DeadLetter,
}

/// The dead letters of a tenant. Cheap to clone.
#[derive(Clone)]
pub struct DeadLetters {
    log: Log,
}

impl DeadLetters {
    pub(crate) fn new(log: Log) -> DeadLetters {
        DeadLetters { log }
    }

    /// Stores dead letters of something that is not in the log. Returns when the server has acknowledged all; after an error
    /// some may be stored, and storing all again does no harm but a repeat.
    pub async fn publish(&self, letters: &[DeadLetter]) -> Result<(), Error> {
        let mut outgoing = Vec::with_capacity(letters.len());
        for letter in letters {
            let mut headers = HeaderMap::new();
            headers.insert("Content-Type", CONTENT_TYPE);
            let subject = subjects::dead_letters(self.log.tenant(), check_origin(&letter.origin)?);
            outgoing.push(Outgoing {
                subject,
                headers,
                payload: encode(letter)?,
            });
        }
        let mut rest = &mut outgoing[..];
        if rest.len() <= FEW {
            futures::future::try_join_all(rest.chunks_mut(1).map(|one| self.publish_batch(one))).await?;
            rest = &mut [];
        }
        while !rest.is_empty() {
            let now;
            (now, rest) = rest.split_at_mut(atomic::fitting(
                rest.iter().map(|m| m.payload.len()),
                BATCH_BYTES,
                atomic::MOST,
            ));
            self.publish_batch(now).await?;
        }
        for letter in letters {
            self.log
                .metrics
                .dead_letters
                .with_label_values(&[&letter.origin])
                .inc();
        }
        Ok(())
    }

    /// Repeats a batch until its outcome is known. The message id of its first message tells the server, and the server us, that an
    /// earlier attempt has stored it.
    async fn publish_batch(&self, batch: &mut [Outgoing]) -> Result<(), Error> {
        let connection = &self.log.publishing;
        let id = connection
            .client
            .new_inbox()
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .to_string();
        if let Some(first) = batch.first_mut() {
            first.headers.insert("Nats-Msg-Id", id.as_str());
        }
        let begun = Instant::now();
        for attempt in 0u32.. {
            let error = match atomic::publish(connection, &format!("{id}-{attempt}"), batch.to_vec()).await {
                Ok(_) => return Ok(()),
                Err(Publish::Final(error)) => return Err(error),
                Err(Publish::Ambiguous(reason)) => Error::Unconfirmed {
                    waited: begun.elapsed(),
                    reason,
                },
                Err(Publish::Transient(reason) | Publish::WrongLast(reason)) => {
                    Error::request("store dead letters", reason)
                }
            };
            if begun.elapsed() > GIVE_UP {
                return Err(error);
            }
            self.log.metrics.publish_retries.inc();
            tokio::time::sleep(Duration::from_millis((5u64 << attempt.min(6)).min(250))).await;
        }
        Err(Error::Closed)
    }

    /// Stores what the fold of a shard refuses, chained by cause, so that a restart neither repeats nor skips one.
    pub async fn of_fold(&self, shard: u32) -> Result<FoldDeadLetters, Error> {
        let subject = subjects::dead_letters(self.log.tenant(), &format!("fold.{shard}"));
        let chain = Chain::open(
            self.log.publishing.clone(),
            subjects::EDDY_DEAD_LETTERS,
            subject.clone(),
        )
        .await?;
        Ok(FoldDeadLetters {
            chain,
            subject,
            log: self.log.clone(),
        })
    }

    /// Follows all dead letters of the tenant, beginning after a sequence.
    pub fn reader(&self, after_sequence: u64) -> DeadLetterReader {
        let reader = Reader::new(
            self.log.reading.clone(),
            subjects::EDDY_DEAD_LETTERS,
            self.all(),
            after_sequence,
            self.log.metrics.clone(),
        );
        DeadLetterReader { reader }
    }

    /// The dead letters `from..=to`, read once.
    pub async fn range(&self, from: u64, to: u64) -> Result<Vec<StoredDeadLetter>, Error> {
        let range = RangeReader::new(
            self.log.reading.clone(),
            subjects::EDDY_DEAD_LETTERS,
            self.all(),
            from,
            to,
        );
        range.collect().await?.into_iter().map(parse).collect()
    }

    /// One dead letter.
    pub async fn get(&self, sequence: u64) -> Result<StoredDeadLetter, Error> {
        parse(crate::range::message(&self.log.reading, subjects::EDDY_DEAD_LETTERS, sequence).await?)
    }

    /// Where they begin and end, all tenants together.
    pub async fn extent(&self) -> Result<log::Extent, Error> {
        self.log.dead_letter_extent().await
    }

    fn all(&self) -> String {
        subjects::dead_letters(self.log.tenant(), ">")
    }
}

/// Dead letters of one shard's fold.
pub struct FoldDeadLetters {
    chain: Chain,
    subject: String,
    log: Log,
}

impl FoldDeadLetters {
    /// The cause of the last one stored.
    pub fn last_cause(&self) -> Option<Cause> {
        self.chain.last_cause()
    }

    /// Stores dead letters in order of their causes; those at or before the last cause are left out.
    pub async fn publish(&mut self, letters: &[(Cause, DeadLetter)]) -> Result<(), Error> {
        let last = self.last_cause();
        let links = letters
            .iter()
            .filter(|(cause, _)| last.is_none_or(|last| *cause > last))
            .map(|(cause, letter)| {
                Ok(Link {
                    cause: *cause,
                    subject: self.subject.clone(),
                    content_type: CONTENT_TYPE,
                    payload: encode(letter)?,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let count = links.len() as u64;
        self.chain.publish(links).await?;
        self.log
            .metrics
            .dead_letters
            .with_label_values(&["fold"])
            .inc_by(count);
        Ok(())
    }
}

/// Follows the dead letters.
pub struct DeadLetterReader {
    reader: Reader,
}

impl DeadLetterReader {
    /// The next dead letters; see [`Reader::next_chunk`].
    pub async fn next_chunk(&mut self, max_messages: usize) -> Result<Vec<StoredDeadLetter>, Error> {
        self.reader
            .next_chunk(max_messages)
            .await?
            .into_iter()
            .map(parse)
            .collect()
    }
}

fn encode(letter: &DeadLetter) -> Result<Bytes, Error> {
    let payload = serde_json::to_vec(letter)
        .map_err(|e| Error::Config(format!("a dead letter cannot be written: {e}")))?;
    Ok(payload.into())
}

fn parse(message: LogMessage) -> Result<StoredDeadLetter, Error> {
    let letter = serde_json::from_slice(&message.payload).map_err(|e| Error::Malformed {
        stream: subjects::EDDY_DEAD_LETTERS,
        sequence: message.sequence,
        reason: e.to_string(),
    })?;
    Ok(StoredDeadLetter {
        sequence: message.sequence,
        logged_at_micros: message.logged_at_micros,
        cause: message
            .header(Cause::HEADER)
            .and_then(|c| Cause::from_str(c).ok()),
        letter,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_body_is_cut_at_a_character_and_its_digest_is_of_all() {
        let body = "é".repeat(BODY_KEPT).into_bytes();
        let rejection = Rejection::new("data.awb", eddy_events::Reason::MissingField, "awb is missing");
        let letter = DeadLetter::new("gateway", 0, &rejection, &body[1..]);
        assert_eq!(letter.bytes_total as usize, body.len() - 1);
        assert!(!letter.is_whole());
        assert!(letter.body.len() <= BODY_KEPT + 3);
        assert_eq!(letter.digest.len(), 64);
    }
}
