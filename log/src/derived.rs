//! The derived stream: outputs of a shard, one a message, each with its cause, chained so that a restart neither repeats
//! nor skips one. Subscribers resume by cause, not by sequence. It does not compute outputs, and does not remember
//! which are due: its owner asks [`DerivedPublisher::last_cause`] and goes on after it.

use std::str::FromStr;
use std::time::Instant;

use eddy_events::output::Output;
use eddy_events::{Cause, subjects};

use crate::Error;
use crate::chain::{Chain, Link};
use crate::connection::Connection;
use crate::message::LogMessage;
use crate::metrics::Metrics;
use crate::reader::Reader;

const CONTENT_TYPE: &str = "application/cloudevents+json";

/// Publishes the outputs of one shard.
pub struct DerivedPublisher {
    chain: Chain,
    tenant: String,
    shard: u32,
    metrics: Metrics,
}

impl DerivedPublisher {
    pub(crate) async fn open(
        connection: Connection,
        tenant: &str,
        shard: u32,
        metrics: Metrics,
    ) -> Result<DerivedPublisher, Error> {
        let chain = Chain::open(
            connection,
            subjects::EDDY_DERIVED,
            subjects::derived_all(tenant, shard),
        )
        .await?;
        Ok(DerivedPublisher {
            chain,
            tenant: tenant.into(),
            shard,
            metrics,
        })
    }

    /// The cause of the last output that the stream holds; everything up to it is published.
    pub fn last_cause(&self) -> Option<Cause> {
        self.chain.last_cause()
    }

    /// Stream sequence of the last output, 0 before the first.
    pub fn last_sequence(&self) -> u64 {
        self.chain.last_sequence()
    }

    /// Publishes outputs in order and returns when all are acknowledged. Those at or before the last cause are left
    /// out, so that a restarted engine may offer again what it computes again.
    ///
    /// [`Error::Fenced`] means that another engine has gone on with this shard.
    pub async fn publish(&mut self, outputs: Vec<(Cause, Output)>) -> Result<(), Error> {
        let links = self.due(outputs)?;
        let (begun, count) = (Instant::now(), links.len());
        self.chain.publish(links).await?;
        if count > 0 {
            self.metrics.derived_outputs.inc_by(count as u64);
            self.metrics
                .derived_seconds
                .observe(begun.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn due(&self, outputs: Vec<(Cause, Output)>) -> Result<Vec<Link>, Error> {
        let mut after = self.last_cause();
        let mut links = Vec::with_capacity(outputs.len());
        for (cause, output) in outputs {
            if cause.shard != self.shard {
                return Err(Error::Config(format!(
                    "an output of shard {} was given to the publisher of shard {}",
                    cause.shard, self.shard
                )));
            }
            if self.last_cause().is_some_and(|last| cause <= last) {
                continue;
            }
            if after.is_some_and(|after| cause <= after) {
                return Err(Error::Config(format!(
                    "output {cause} comes after {} but not behind it",
                    after.unwrap_or(cause)
                )));
            }
            after = Some(cause);
            links.push(Link {
                cause,
                subject: subjects::derived(&self.tenant, self.shard, output.kind),
                content_type: CONTENT_TYPE,
                payload: output.encode().into(),
            });
        }
        Ok(links)
    }
}

/// One output as it was published.
#[derive(Clone, Debug)]
pub struct DerivedMessage {
    /// Sequence in the derived stream.
    pub sequence: u64,
    /// When it was published, in microseconds since 1970.
    pub published_at_micros: i64,
    /// What caused it.
    pub cause: Cause,
    /// Last word of its subject.
    pub kind: String,
    /// The CloudEvent, canonical.
    pub payload: bytes::Bytes,
}

/// Reads the outputs of one shard in order.
pub struct DerivedReader {
    reader: Reader,
}

impl DerivedReader {
    pub(crate) fn new(reader: Reader) -> DerivedReader {
        DerivedReader { reader }
    }

    /// The next outputs; see [`Reader::next_chunk`].
    pub async fn next_chunk(&mut self, max_messages: usize) -> Result<Vec<DerivedMessage>, Error> {
        self.reader
            .next_chunk(max_messages)
            .await?
            .into_iter()
            .map(parse)
            .collect()
    }
}

fn parse(message: LogMessage) -> Result<DerivedMessage, Error> {
    let cause = message
        .header(Cause::HEADER)
        .and_then(|c| Cause::from_str(c).ok())
        .ok_or_else(|| Error::Malformed {
            stream: subjects::EDDY_DERIVED,
            sequence: message.sequence,
            reason: format!("it has no {} header", Cause::HEADER),
        })?;
    Ok(DerivedMessage {
        sequence: message.sequence,
        published_at_micros: message.logged_at_micros,
        cause,
        kind: message.subject.rsplit('.').next().unwrap_or_default().to_string(),
        payload: message.payload,
    })
}
