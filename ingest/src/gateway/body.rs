//! Bodies: read within bounds, and cut into events by their content type.

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use eddy_events::{Rejection, codec};
use futures::StreamExt;

use super::limits::Share;
use super::problem::Problem;
use super::{Inner, events};

/// How a body holds its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    One,
    Batch,
    Lines,
    /// Attributes in headers, the data as body.
    Binary,
}

impl Framing {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let given = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let kind = given.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/cloudevents+json") {
            return Ok(Self::One);
        }
        if kind.eq_ignore_ascii_case("application/cloudevents-batch+json") {
            return Ok(Self::Batch);
        }
        if kind.eq_ignore_ascii_case("application/x-ndjson")
            || kind.eq_ignore_ascii_case("application/ndjson")
        {
            return Ok(Self::Lines);
        }
        if headers.contains_key("ce-id") && (kind.is_empty() || kind.eq_ignore_ascii_case("application/json"))
        {
            return Ok(Self::Binary);
        }
        Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            format!(
                "the content type `{}` is not read here; send application/cloudevents+json, application/cloudevents-batch+json or application/x-ndjson",
                given.chars().take(100).collect::<String>()
            ),
        ))
    }
}

impl Inner {
    /// Reads a body, never holding more than the limit of it, nor more of all bodies together than the budget.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<(Bytes, Share), Problem> {
        let limit = self.config.max_body_bytes;
        let too_large = || {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                format!("a body may have {limit} bytes; send the events in several requests, or load a file with `eddy load`"),
            )
            .closing()
        };
        let told = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse::<usize>().ok());
        if told.is_some_and(|told| told > limit) {
            // A client that asked first has sent nothing yet, and reading would tell it to go on.
            if !headers.contains_key(header::EXPECT) {
                discard(body.into_data_stream()).await;
            }
            return Err(too_large());
        }
        let share = self.budget.take(told.unwrap_or(limit)).ok_or_else(|| {
            self.metrics.throttled.with_label_values(&["overloaded"]).inc();
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "overloaded",
                "too many bodies are being read at once; come back as Retry-After says",
            )
            .retry_after(std::time::Duration::from_secs(1))
        })?;
        let mut stream = body.into_data_stream();
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(part) = stream.next().await {
            let part = part.map_err(|error| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    "body_cut_short",
                    format!("the body ended early: {error}; nothing of it was taken"),
                )
                .closing()
            })?;
            if first.len() + rest.len() + part.len() > limit {
                return Err(too_large());
            }
            if first.is_empty() && rest.is_empty() {
                // Mostly the body comes in one part, which then is not copied.
                first = part;
                continue;
            }
            if rest.is_empty() {
                rest.reserve(told.unwrap_or(first.len() + part.len()));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&part);
        }
        let body = if rest.is_empty() { first } else { rest.freeze() };
        self.metrics.bytes.inc_by(body.len() as u64);
        Ok((body, share))
    }
}

/// Reads and forgets a part of what a refused client still sends: many read the answer only when they have sent all, and a connection
/// closed before is to them a broken one. Bounded in bytes and time.
async fn discard(mut stream: BodyDataStream) {
    const MOST: usize = 32 << 20;
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
    let drained = async {
        let mut bytes = 0;
        while let Some(Ok(part)) = stream.next().await {
            bytes += part.len();
            if bytes > MOST {
                break;
            }
        }
    };
    // Either way the answer is sent and the connection ends.
    let _ = tokio::time::timeout(PATIENCE, drained).await;
}

/// The events of a body as raw JSON. An unreadable array is the only fault that cannot be told of one event.
pub(super) fn split<'a>(
    framing: Framing,
    body: &'a [u8],
    whole: &'a mut Vec<u8>,
    headers: &HeaderMap,
) -> Result<Vec<&'a [u8]>, Rejection> {
    Ok(match framing {
        Framing::One => vec![body],
        Framing::Batch => codec::split_batch(body)?
            .into_iter()
            .map(|raw| raw.get().as_bytes())
            .collect(),
        Framing::Lines => codec::split_ndjson(body).collect(),
        Framing::Binary => {
            *whole = events::from_headers(headers, body);
            vec![whole]
        }
    })
}
