//! Several messages stored together or not at all (JetStream's atomic batch publishing), with one acknowledgement. It sends one
//! attempt and tells its outcome; what to do about it is the caller's business.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;

use crate::Error;
use crate::connection::{Connection, Publish, chain, classify};

/// The largest batch a server takes.
pub(crate) const MOST: usize = 1000;
const ACK_TIMEOUT: Duration = Duration::from_secs(10);
/// JetStream's code for a batch that holds a message id it has seen.
const DUPLICATE: u64 = 10201;

/// A message to publish.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub subject: String,
    pub headers: HeaderMap,
    pub payload: Bytes,
}

/// What an attempt came to.
pub(crate) enum Outcome {
    /// Stored; the last message has this sequence.
    Stored(u64),
    /// A message id of the batch was seen before: an earlier attempt has stored it.
    Duplicate,
}

/// One attempt to publish `messages`, one alone as usual, several as a batch of the name `id`.
pub(crate) async fn publish(
    connection: &Connection,
    id: &str,
    messages: Vec<Outgoing>,
) -> Result<Outcome, Publish> {
    let mut epoch = connection.epoch.clone();
    epoch.mark_unchanged();
    let count = messages.len();
    let mut messages = messages.into_iter().enumerate();
    let Some((_, mut last)) = messages.next_back() else {
        return Err(Publish::Final(Error::Config("a batch of no messages".into())));
    };
    for (index, mut message) in messages {
        mark(&mut message.headers, id, index);
        // No answer is asked for: the commit's tells about all.
        connection
            .client
            .publish_with_headers(message.subject, message.headers, message.payload)
            .await
            .map_err(|e| Publish::Transient(chain(&e)))?;
    }
    if count > 1 {
        mark(&mut last.headers, id, count - 1);
        last.headers.insert("Nats-Batch-Commit", "1");
    }
    let commit = async {
        let ack = connection
            .context
            .publish_with_headers(last.subject.clone(), last.headers, last.payload)
            .await
            .map_err(classify)?;
        ack.await.map_err(classify)
    };
    let commit = async {
        let permitted = connection.permitted("publish", &last.subject, commit).await;
        permitted.map_err(Publish::Final)?
    };
    let outcome = tokio::select! {
        // The answer first: it may have come before the connection was lost.
        biased;
        ack = tokio::time::timeout(ACK_TIMEOUT, commit) => ack.unwrap_or_else(|_| Err(Publish::Ambiguous(format!("nothing within {} s", ACK_TIMEOUT.as_secs())))),
        Ok(()) = epoch.changed() => Err(Publish::Ambiguous("the connection was lost".into())),
    };
    match outcome {
        Ok(ack) if ack.duplicate => Ok(Outcome::Duplicate),
        Ok(ack) => Ok(Outcome::Stored(ack.sequence)),
        Err(Publish::Final(Error::Refused { code: DUPLICATE, .. })) => Ok(Outcome::Duplicate),
        // A batch that the server gave up, for instance because it restarted in the middle, is refused and stores nothing.
        Err(Publish::Final(Error::Refused { reason, .. })) if count > 1 => Err(Publish::Transient(reason)),
        Err(error) => Err(error),
    }
}

fn mark(headers: &mut HeaderMap, id: &str, index: usize) {
    headers.insert("Nats-Batch-Id", id);
    headers.insert("Nats-Batch-Sequence", (index + 1).to_string());
}

/// How many of the payloads go together, at least one.
pub(crate) fn fitting(payloads: impl Iterator<Item = usize>, max_bytes: usize, max_count: usize) -> usize {
    let mut bytes = 0;
    payloads
        .take(max_count)
        .take_while(|len| {
            bytes += len;
            bytes <= max_bytes
        })
        .count()
        .max(1)
}
