//! `POST /v1/events`: validates each event, appends the good ones, buries the bad ones with their reasons, and answers when the log
//! holds them.

use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use eddy_events::{Reason, Rejection, codec};
use eddy_log::DeadLetter;
use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::body::{Framing, split};
use super::limits::Seen;
use super::problem::Problem;
use super::{Gateway, Inner};

pub(super) async fn post(State(gateway): State<Gateway>, headers: HeaderMap, body: Body) -> Response {
    match gateway.inner.take_in(&headers, body).await {
        Ok(outcome) => outcome.into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// What became of the events of a request.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) accepted: usize,
    pub(super) duplicates: usize,
    pub(super) rejected: Vec<(usize, Rejection)>,
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let body = if self.rejected.is_empty() {
            format!(
                "{{\"accepted\":{},\"duplicates\":{},\"rejected\":[]}}",
                self.accepted, self.duplicates
            )
        } else {
            let rejected: Vec<Value> = self
                .rejected
                .iter()
                .map(|(index, rejection)| told(*index, rejection))
                .collect();
            json!({ "accepted": self.accepted, "duplicates": self.duplicates, "rejected": rejected })
                .to_string()
        };
        (
            StatusCode::ACCEPTED,
            [(header::CONTENT_TYPE, "application/json")],
            body,
        )
            .into_response()
    }
}

fn told(index: usize, rejection: &Rejection) -> Value {
    json!({
        "index": index,
        "id": rejection.id,
        "field": rejection.field,
        "reason": rejection.reason.as_str(),
        "detail": rejection.detail,
    })
}

/// Good events of a request, ready to be appended.
#[derive(Default)]
struct Sorted {
    lines: Vec<Bytes>,
    names: Vec<(u128, u64)>,
    duplicates: usize,
    rejected: Vec<(usize, Rejection)>,
}

impl Inner {
    async fn take_in(&self, headers: &HeaderMap, body: Body) -> Result<Outcome, Problem> {
        self.admit()?;
        let framing = Framing::of(headers)?;
        let (body, _share) = self.read(headers, body).await?;
        let mut whole = Vec::new();
        let raw = match split(framing, &body, &mut whole, headers) {
            Ok(raw) => raw,
            Err(rejection) => return Err(self.refuse_whole(&body, rejection).await),
        };
        if raw.is_empty() {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "empty",
                "the body holds no event",
            ));
        }
        if raw.len() > self.config.max_batch_events {
            let detail = format!(
                "a request may hold {} events and this one holds {}; send several requests, or load a file with `eddy load`",
                self.config.max_batch_events,
                raw.len()
            );
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "batch_too_large",
                detail,
            ));
        }
        let outcome = self.append_all(&raw, "gateway").await?;
        // One event that is no JSON at all: the request is wrong, not only what it holds.
        if framing == Framing::One
            && outcome
                .rejected
                .first()
                .is_some_and(|(_, rejection)| rejection.reason == Reason::MalformedJson)
        {
            let (index, rejection) = &outcome.rejected[0];
            return Err(malformed(rejection).with("rejected", json!([told(*index, rejection)])));
        }
        Ok(outcome)
    }

    /// A body that cannot be cut into events: kept as one dead letter, and told.
    async fn refuse_whole(&self, body: &[u8], rejection: Rejection) -> Problem {
        self.count(&rejection);
        self.bury(&[(0, rejection.clone())], &[body], "gateway").await;
        malformed(&rejection).with("rejected", json!([told(0, &rejection)]))
    }

    fn count(&self, rejection: &Rejection) {
        self.metrics
            .events_rejected
            .with_label_values(&[rejection.reason.as_str()])
            .inc();
    }

    /// Validates, appends and buries. The answer is given only when the log holds the good ones.
    pub(super) async fn append_all(&self, raw: &[&[u8]], origin: &str) -> Result<Outcome, Problem> {
        let outcome = self.append_good(raw).await?;
        if !outcome.rejected.is_empty() {
            for (_, rejection) in &outcome.rejected {
                self.count(rejection);
            }
            self.bury(&outcome.rejected, raw, origin).await;
        }
        Ok(outcome)
    }

    /// Validates and appends; what is refused is only told.
    pub(super) async fn append_good(&self, raw: &[&[u8]]) -> Result<Outcome, Problem> {
        let begun = Instant::now();
        let sorted = self.sort(raw);
        if let Some(bucket) = &self.bucket {
            bucket.take(raw.len());
        }
        let accepted = sorted.lines.len();
        if accepted > 0 {
            self.store.append(sorted.lines).await.map_err(|error| {
                if matches!(error, eddy_log::Error::Overloaded { .. }) {
                    self.metrics.throttled.with_label_values(&["overloaded"]).inc();
                }
                Problem::of_log(&error)
            })?;
            self.recent.remember(sorted.names);
        }
        self.metrics.events_accepted.inc_by(accepted as u64);
        self.metrics.events_duplicate.inc_by(sorted.duplicates as u64);
        self.metrics.ack_seconds.observe(begun.elapsed().as_secs_f64());
        Ok(Outcome {
            accepted,
            duplicates: sorted.duplicates,
            rejected: sorted.rejected,
        })
    }

    fn sort(&self, raw: &[&[u8]]) -> Sorted {
        let now = crate::now_micros();
        let mut sorted = Sorted {
            lines: Vec::with_capacity(raw.len()),
            names: Vec::with_capacity(raw.len()),
            ..Sorted::default()
        };
        // Only a batch can repeat itself.
        let mut here: FxHashMap<u128, u64> = FxHashMap::default();
        let several = raw.len() > 1;
        for (index, raw) in raw.iter().enumerate() {
            let decoded = codec::canonicalise(raw)
                .and_then(|(event, line)| event.check_logged_at(now).map(|()| (event, line)));
            let (event, line) = match decoded {
                Ok(good) => good,
                Err(rejection) => {
                    sorted.rejected.push((index, rejection));
                    continue;
                }
            };
            let identity = event.identity();
            #[expect(
                clippy::cast_possible_truncation,
                reason = "64 of 128 bits tell two bodies of one event apart"
            )]
            let print = eddy_events::fingerprint(&line) as u64;
            let mut seen = self.recent.look(identity, print);
            if let (Seen::Never, Some(known)) = (seen, here.get(&identity)) {
                seen = if *known == print {
                    Seen::Same
                } else {
                    Seen::Different
                };
            }
            match seen {
                Seen::Same => sorted.duplicates += 1,
                Seen::Different => {
                    let detail = "an event of this source and id came before with another body; the first counts, send a correction under a new id";
                    let rejection = Rejection::new("id", Reason::IdConflict, detail);
                    sorted.rejected.push((
                        index,
                        rejection.named(&event.envelope.id, &event.envelope.source, event.body.type_name()),
                    ));
                }
                Seen::Never => {
                    if several {
                        here.insert(identity, print);
                    }
                    sorted.names.push((identity, print));
                    sorted.lines.push(Bytes::from(line));
                }
            }
        }
        sorted
    }

    /// Keeps what was refused. The sender was told in any case, so a failure here is logged and not answered.
    pub(super) async fn bury(&self, rejected: &[(usize, Rejection)], raw: &[&[u8]], origin: &str) {
        let now = crate::now_micros();
        let letters: Vec<DeadLetter> = rejected
            .iter()
            .map(|(index, rejection)| {
                DeadLetter::new(
                    origin,
                    now,
                    rejection,
                    raw.get(*index).copied().unwrap_or_default(),
                )
            })
            .collect();
        if let Err(error) = self.store.bury(&letters).await {
            tracing::error!(%error, count = letters.len(), "dead letters could not be kept; their senders were told");
        }
    }
}

fn malformed(rejection: &Rejection) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "malformed_json",
        format!(
            "{}; nothing of the body was taken. With application/x-ndjson one bad line does not touch the others",
            rejection.detail
        ),
    )
}

/// A CloudEvent in binary mode as one in structured mode. Header values are texts; `dataversion` is the one number.
pub(super) fn from_headers(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut event = Vec::with_capacity(body.len() + 256);
    event.push(b'{');
    for (name, value) in headers {
        let (Some(name), Ok(value)) = (name.as_str().strip_prefix("ce-"), value.to_str()) else {
            continue;
        };
        let value = match value.parse::<u16>() {
            Ok(number) if name == "dataversion" => Value::from(number),
            _ => Value::from(value),
        };
        event.extend_from_slice(format!("{}:{value},", Value::from(name)).as_bytes());
    }
    event.extend_from_slice(b"\"data\":");
    event.extend_from_slice(if body.is_empty() { b"null" } else { body });
    event.push(b'}');
    event
}
