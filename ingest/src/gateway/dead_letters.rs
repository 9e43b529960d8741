//! Dead letters over HTTP: browse the newest first, and send again those that are good by now.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use eddy_events::Timestamp;
use eddy_log::dead_letters::StoredDeadLetter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::{Gateway, Inner};

/// Dead letters read from the stream at once while looking for those that fit.
const READ_AT_ONCE: u64 = 500;
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 1000;
/// Most dead letters that one call sends again.
const REDRIVE_MAX: usize = 10_000;

/// What to look for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    reason: Option<String>,
    source: Option<String>,
    origin: Option<String>,
    /// RFC 3339; only what was refused at or after it.
    since: Option<String>,
    /// Text anywhere in body, detail, field or id, whatever the case.
    q: Option<String>,
    sequence: Option<u64>,
    limit: Option<usize>,
    /// Only older than this sequence: `next` of the page before.
    cursor: Option<u64>,
}

struct Fits {
    filter: Filter,
    since: Option<i64>,
    text: Option<String>,
}

impl Fits {
    fn new(filter: Filter) -> Result<Self, Problem> {
        let since = match &filter.since {
            None => None,
            Some(text) => Some(
                text.parse::<Timestamp>()
                    .map_err(|error| bad(format!("since: {error}")))?
                    .micros,
            ),
        };
        let text = filter.q.as_ref().map(|text| text.to_lowercase());
        Ok(Self { filter, since, text })
    }

    fn holds(&self, stored: &StoredDeadLetter) -> bool {
        let letter = &stored.letter;
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        same(&self.filter.reason, Some(&letter.reason))
            && same(&self.filter.source, letter.source.as_deref())
            && same(&self.filter.origin, Some(&letter.origin))
            && self.since.is_none_or(|since| letter.received_at_micros >= since)
            && self.text.as_ref().is_none_or(|text| {
                [
                    letter.body.as_str(),
                    &letter.detail,
                    &letter.field,
                    letter.id.as_deref().unwrap_or_default(),
                ]
                .iter()
                .any(|part| part.to_lowercase().contains(text))
            })
    }
}

fn bad(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", detail)
}

pub(super) async fn browse(
    State(gateway): State<Gateway>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Response {
    let page = async {
        let Query(filter) = filter.map_err(|error| {
            bad(format!(
                "{}; the parameters are reason, source, origin, since, q, sequence, limit, cursor",
                error.body_text()
            ))
        })?;
        gateway.inner.page(Fits::new(filter)?).await
    };
    match page.await {
        Ok(page) => ([(header::CONTENT_TYPE, "application/json")], page.to_string()).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// What to send again: sequences, or all that fit a filter.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Redrive {
    #[serde(default, alias = "ids")]
    sequences: Vec<u64>,
    reason: Option<String>,
    source: Option<String>,
    origin: Option<String>,
    since: Option<String>,
    q: Option<String>,
}

pub(super) async fn redrive(
    State(gateway): State<Gateway>,
    request: Result<Json<Redrive>, JsonRejection>,
) -> Response {
    let outcome = async {
        let Json(request) = request.map_err(|error| {
            bad(format!(
                "{}; send {{\"sequences\": [..]}} or a filter such as {{\"reason\": \"..\"}}",
                error.body_text()
            ))
        })?;
        gateway.inner.redrive(request).await
    };
    match outcome.await {
        Ok(outcome) => ([(header::CONTENT_TYPE, "application/json")], outcome.to_string()).into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn told(stored: &StoredDeadLetter) -> Value {
    let letter = &stored.letter;
    json!({
        "sequence": stored.sequence,
        "received_at": Timestamp::utc(letter.received_at_micros),
        "origin": letter.origin,
        "source": letter.source,
        "id": letter.id,
        "type": letter.kind,
        "reason": letter.reason,
        "field": letter.field,
        "detail": letter.detail,
        "body": letter.body,
        "bytes_total": letter.bytes_total,
        "digest": letter.digest,
        "whole": letter.is_whole(),
        "cause": stored.cause.map(|cause| cause.to_string()),
    })
}

impl Inner {
    async fn page(&self, fits: Fits) -> Result<Value, Problem> {
        let limit = fits.filter.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(bad(format!("limit is 1 to {LIMIT_MAX}")));
        }
        let (found, next) = match fits.filter.sequence {
            Some(sequence) => (self.letters(sequence, sequence).await?, None),
            None => self.newest(&fits, limit).await?,
        };
        Ok(json!({ "dead_letters": found.iter().map(told).collect::<Vec<_>>(), "next": next }))
    }

    async fn letters(&self, from: u64, to: u64) -> Result<Vec<StoredDeadLetter>, Problem> {
        self.store
            .letters(from, to)
            .await
            .map_err(|error| Problem::of_log(&error))
    }

    /// The newest that fit, newest first, and where the next page begins.
    async fn newest(
        &self,
        fits: &Fits,
        limit: usize,
    ) -> Result<(Vec<StoredDeadLetter>, Option<u64>), Problem> {
        let (first, last) = self
            .store
            .extent()
            .await
            .map_err(|error| Problem::of_log(&error))?;
        let mut end = fits
            .filter
            .cursor
            .map_or(last, |cursor| last.min(cursor.saturating_sub(1)));
        let mut found = Vec::new();
        while end >= first && end > 0 {
            let begin = first.max(end.saturating_sub(READ_AT_ONCE - 1));
            for stored in self.letters(begin, end).await?.into_iter().rev() {
                if fits.holds(&stored) {
                    let sequence = stored.sequence;
                    found.push(stored);
                    if found.len() == limit {
                        return Ok((found, (sequence > first).then_some(sequence)));
                    }
                }
            }
            end = begin - 1;
        }
        Ok((found, None))
    }

    /// Validates the kept bytes again and appends what is good now. The dead letters stay where they are: the stream is a record.
    async fn redrive(&self, request: Redrive) -> Result<Value, Problem> {
        self.admit()?;
        let chosen = if request.sequences.is_empty() {
            if [
                &request.reason,
                &request.source,
                &request.origin,
                &request.since,
                &request.q,
            ]
            .iter()
            .all(|part| part.is_none())
            {
                return Err(bad(
                    "name sequences, or a filter of reason, source, origin, since, q".to_owned(),
                ));
            }
            let filter = Filter {
                reason: request.reason,
                source: request.source,
                origin: request.origin,
                since: request.since,
                q: request.q,
                ..Filter::default()
            };
            let (mut found, _) = self.newest(&Fits::new(filter)?, REDRIVE_MAX).await?;
            // In the order in which they came.
            found.reverse();
            found
        } else {
            if request.sequences.len() > REDRIVE_MAX {
                return Err(bad(format!("at most {REDRIVE_MAX} sequences are taken at once")));
            }
            let mut found = Vec::new();
            for sequence in &request.sequences {
                let letters = self.letters(*sequence, *sequence).await?;
                if letters.is_empty() {
                    return Err(Problem::new(
                        StatusCode::NOT_FOUND,
                        "not_found",
                        format!("there is no dead letter {sequence}; nothing was sent again"),
                    ));
                }
                found.extend(letters);
            }
            found
        };
        let (whole, cut): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|stored| stored.letter.is_whole());
        // A letter of the loader holds a row of a file, and one of a webhook its document: no events, until a mapping reads them again.
        let (events, rows): (Vec<_>, Vec<_>) = whole.into_iter().partition(|stored| {
            !matches!(stored.letter.origin.as_str(), "webhook") && is_event(&stored.letter.body)
        });
        let raw: Vec<&[u8]> = events
            .iter()
            .map(|stored| stored.letter.body.as_bytes())
            .collect();
        let outcome = self.append_good(&raw).await?;
        let rejected: Vec<Value> = outcome
            .rejected
            .iter()
            .map(|(index, rejection)| {
                json!({ "sequence": events[*index].sequence, "reason": rejection.reason.as_str(), "field": rejection.field, "detail": rejection.detail })
            })
            .chain(rows.iter().map(|stored| {
                json!({ "sequence": stored.sequence, "reason": "not_an_event", "field": "", "detail": "it is a row of a file or a document of a webhook; mend the mapping and load or send it again" })
            }))
            .chain(cut.iter().map(|stored| {
                json!({ "sequence": stored.sequence, "reason": "too_large", "field": "", "detail": "only the beginning of its bytes was kept; send it again from its source" })
            }))
            .collect();
        self.metrics
            .redriven
            .with_label_values(&["accepted"])
            .inc_by(outcome.accepted as u64);
        self.metrics
            .redriven
            .with_label_values(&["rejected"])
            .inc_by(rejected.len() as u64);
        Ok(json!({ "accepted": outcome.accepted, "duplicates": outcome.duplicates, "rejected": rejected }))
    }
}

fn is_event(body: &str) -> bool {
    serde_json::from_str::<Value>(body).is_ok_and(|value| value.get("specversion").is_some())
}
