//! Reads a part of a stream once, or one message of it, by direct requests: no consumer is made on the server, so it is
//! for queries and not for following the log.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageError, LastRawMessageErrorKind, Stream};
use async_nats::{HeaderMap, Message};
use eddy_events::Timestamp;
use futures::StreamExt;

use crate::Error;
use crate::connection::{Connection, chain};
use crate::message::LogMessage;

const PAGE_MESSAGES: u64 = 1024;
const PAGE_BYTES: usize = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// The messages of a range, page by page.
pub struct RangeReader {
    connection: Connection,
    stream: &'static str,
    subject: String,
    next: u64,
    last: u64,
}

impl RangeReader {
    pub(crate) fn new(
        connection: Connection,
        stream: &'static str,
        subject: String,
        from: u64,
        to: u64,
    ) -> RangeReader {
        RangeReader {
            connection,
            stream,
            subject,
            next: from.max(1),
            last: to,
        }
    }

    /// The next page, of at most 1,024 messages or about 16 MB; empty at the end of the range or of the stream.
    pub async fn next_chunk(&mut self) -> Result<Vec<LogMessage>, Error> {
        if self.next > self.last {
            return Ok(Vec::new());
        }
        let wanted = (self.last - self.next).saturating_add(1).min(PAGE_MESSAGES);
        let page = self.page(wanted).await?;
        let mut messages = Vec::with_capacity(page.len());
        for message in page {
            let message = stored(self.stream, self.next, message)?;
            self.next = message.sequence + 1;
            if message.sequence > self.last {
                break;
            }
            messages.push(message);
        }
        if messages.is_empty() && self.next <= self.last {
            messages.extend(self.next_of_leader().await?);
        }
        if messages.is_empty() {
            self.next = u64::MAX;
        }
        Ok(messages)
    }

    /// Any replica answers a page, and one may lag behind what was acknowledged already. So where its messages end, the leader is asked
    /// whether there are more.
    async fn next_of_leader(&mut self) -> Result<Option<LogMessage>, Error> {
        let found = leader(&self.connection, self.stream, self.next)
            .await?
            .get_first_raw_message_by_subject(&self.subject, self.next)
            .await;
        let message = told(self.stream, self.next, found)?.filter(|message| message.sequence <= self.last);
        if let Some(message) = &message {
            self.next = message.sequence + 1;
        }
        Ok(message)
    }

    /// All messages that are left. For small ranges.
    pub async fn collect(mut self) -> Result<Vec<LogMessage>, Error> {
        let mut all = Vec::new();
        loop {
            let page = self.next_chunk().await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    async fn page(&self, wanted: u64) -> Result<VecDeque<Message>, Error> {
        let doing = || format!("read {} from {}", self.stream, self.next);
        let request = serde_json::json!({
            "seq": self.next,
            "next_by_subj": self.subject,
            "batch": wanted,
            "max_bytes": PAGE_BYTES,
        });
        let client = &self.connection.client;
        let inbox = client.new_inbox();
        let mut answers = client
            .subscribe(inbox.clone())
            .await
            .map_err(|e| Error::request(doing(), chain(&e)))?;
        client
            .publish_with_reply(
                format!("$JS.API.DIRECT.GET.{}", self.stream),
                inbox,
                request.to_string().into(),
            )
            .await
            .map_err(|e| Error::request(doing(), chain(&e)))?;
        let mut page = VecDeque::new();
        loop {
            let message = tokio::time::timeout(PATIENCE, answers.next())
                .await
                .map_err(|_| Error::request(doing(), "nothing within 10 s"))?
                .ok_or_else(|| Error::request(doing(), "the connection was closed"))?;
            match message.status.map(|status| status.as_u16()) {
                None => page.push_back(message),
                // The end of the page, or no message at or after this sequence.
                Some(204 | 404) => return Ok(page),
                Some(status) => {
                    return Err(Error::request(
                        doing(),
                        format!("{status} {}", message.description.unwrap_or_default()),
                    ));
                }
            }
        }
    }
}

/// One message by its sequence.
pub(crate) async fn message(
    connection: &Connection,
    stream: &'static str,
    sequence: u64,
) -> Result<LogMessage, Error> {
    let subject = format!("$JS.API.DIRECT.GET.{stream}");
    let request = serde_json::json!({ "seq": sequence }).to_string();
    let doing = || format!("read message {sequence} of {stream}");
    let message = connection
        .client
        .request(subject, request.into())
        .await
        .map_err(|e| Error::request(doing(), chain(&e)))?;
    match message.status.map(|status| status.as_u16()) {
        None => stored(stream, sequence, message),
        // A replica that lags does not have it yet.
        Some(404) => {
            let found = leader(connection, stream, sequence)
                .await?
                .get_raw_message(sequence)
                .await;
            told(stream, sequence, found)?.ok_or(Error::NotFound { sequence })
        }
        Some(status) => Err(Error::request(
            doing(),
            format!("{status} {}", message.description.unwrap_or_default()),
        )),
    }
}

async fn leader(connection: &Connection, stream: &'static str, about: u64) -> Result<Stream<()>, Error> {
    connection
        .context
        .get_stream_no_info(stream)
        .await
        .map_err(|e| Error::request(format!("read message {about} of {stream}"), chain(&e)))
}

/// What the leader has, if anything.
fn told(
    stream: &'static str,
    about: u64,
    found: Result<StreamMessage, LastRawMessageError>,
) -> Result<Option<LogMessage>, Error> {
    match found {
        Ok(message) => Ok(Some(LogMessage::new(
            message.sequence,
            (message.time.unix_timestamp_nanos() / 1000) as i64,
            message.subject.into_string(),
            message.payload,
            Some(message.headers),
        ))),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(Error::request(
            format!("read message {about} of {stream}"),
            chain(&error),
        )),
    }
}

/// The answer to a direct request carries what the stream knows in headers.
fn stored(stream: &'static str, about: u64, message: Message) -> Result<LogMessage, Error> {
    let malformed = |reason: &str| Error::Malformed {
        stream,
        sequence: about,
        reason: reason.into(),
    };
    let headers = message.headers.unwrap_or_default();
    let header = |headers: &HeaderMap, name: &str| headers.get(name).map(|v| v.as_str().to_owned());
    let sequence = header(&headers, "Nats-Sequence")
        .and_then(|s| s.parse().ok())
        .ok_or_else(|| malformed("the answer names no sequence"))?;
    let time = header(&headers, "Nats-Time-Stamp")
        .and_then(|t| Timestamp::parse(&t))
        .ok_or_else(|| malformed("the answer names no time"))?;
    let subject = header(&headers, "Nats-Subject").ok_or_else(|| malformed("the answer names no subject"))?;
    Ok(LogMessage::new(
        sequence,
        time.micros,
        subject,
        message.payload,
        Some(headers),
    ))
}
