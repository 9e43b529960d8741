//! A message of a stream, and how its events are cut out of it. It reads no event.

use async_nats::HeaderMap;
use bytes::Bytes;
use eddy_events::framing::Events;
use eddy_events::{Framing, Rejection, subjects};

/// One message of a stream.
#[derive(Clone, Debug)]
pub struct LogMessage {
    /// Stream sequence, from 1.
    pub sequence: u64,
    /// When the server stored it, in microseconds since 1970.
    pub logged_at_micros: i64,
    /// Subject it was published to.
    pub subject: String,
    /// How its events are written.
    pub framing: Framing,
    /// Its bytes.
    pub payload: Bytes,
    /// Its headers.
    pub headers: Option<HeaderMap>,
}

impl LogMessage {
    pub(crate) fn new(
        sequence: u64,
        logged_at_micros: i64,
        subject: String,
        payload: Bytes,
        headers: Option<HeaderMap>,
    ) -> LogMessage {
        let framing = framing(headers.as_ref(), &payload);
        LogMessage {
            sequence,
            logged_at_micros,
            subject,
            framing,
            payload,
            headers,
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.as_ref()?.get(name).map(|v| v.as_str())
    }

    /// Its events in the order of their indexes, each as its bytes; see [`Framing::split`].
    pub fn events(&self) -> Result<Events<'_>, Box<Rejection>> {
        self.framing.split(&self.payload).map_err(Box::new)
    }
}

fn framing(headers: Option<&HeaderMap>, payload: &[u8]) -> Framing {
    let header = |name: &str| headers.and_then(|h| h.get(name)).map(|v| v.as_str());
    if header(subjects::FRAMING_HEADER) == Some(subjects::FRAMING_LINES) {
        return Framing::Lines;
    }
    match header("Content-Type") {
        Some(kind) if kind.starts_with("application/cloudevents-batch") => Framing::Batch,
        // A producer without headers: the first character tells.
        None if payload.trim_ascii_start().starts_with(b"[") => Framing::Batch,
        _ => Framing::Single,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_is_told_by_headers_and_else_by_the_first_character() {
        let with = |name: &str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value);
            headers
        };
        assert_eq!(
            framing(Some(&with("Eddy-Framing", "lines")), b"[]"),
            Framing::Lines
        );
        assert_eq!(
            framing(
                Some(&with("Content-Type", "application/cloudevents-batch+json")),
                b"[]"
            ),
            Framing::Batch
        );
        assert_eq!(
            framing(Some(&with("Content-Type", "application/cloudevents+json")), b"{}"),
            Framing::Single
        );
        assert_eq!(framing(None, b" [{}]"), Framing::Batch);
        assert_eq!(framing(None, b"{}"), Framing::Single);
    }
}
