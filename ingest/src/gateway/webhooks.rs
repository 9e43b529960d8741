//! `POST /v1/webhooks/{source}`: a courier's or shop's own document through a mapping, the same language as for files.
//!
//! A document is kept whole as a dead letter when one of its rows makes no event, so that a better mapping can read it again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use eddy_events::{Reason, Rejection};
use eddy_log::DeadLetter;

use super::events::Outcome;
use super::problem::Problem;
use super::{Gateway, Inner};
use crate::mapping::bind::bind_documents;
use crate::mapping::program::Program;
use crate::mapping::{self, Loaded, MappingError, WEBHOOKS};

pub(super) struct Webhooks {
    by_name: BTreeMap<String, Webhook>,
}

struct Webhook {
    path: Option<String>,
    program: Mutex<Program>,
}

impl Webhooks {
    pub(super) fn new(own: &[PathBuf]) -> Result<Self, MappingError> {
        let mut by_name = BTreeMap::new();
        let embedded = WEBHOOKS.iter().map(|(name, text)| mapping::read(name, text));
        for loaded in embedded.chain(own.iter().map(|path| mapping::find(&path.to_string_lossy()))) {
            let Loaded { mapping, .. } = loaded?;
            let path = mapping.inputs.get("rows").and_then(|input| input.path.clone());
            let program = Mutex::new(bind_documents(&mapping)?);
            by_name.insert(mapping.name, Webhook { path, program });
        }
        Ok(Self { by_name })
    }
}

pub(super) async fn post(
    State(gateway): State<Gateway>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match gateway.inner.take_document(&source, &headers, body).await {
        Ok(outcome) => outcome.into_response(),
        Err(problem) => problem.into_response(),
    }
}

impl Inner {
    async fn take_document(&self, source: &str, headers: &HeaderMap, body: Body) -> Result<Outcome, Problem> {
        self.admit()?;
        let Some(webhook) = self.webhooks.by_name.get(source) else {
            let known = self
                .webhooks
                .by_name
                .keys()
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            let short: String = source.chars().take(60).collect();
            return Err(Problem::new(
                StatusCode::NOT_FOUND,
                "unknown_webhook",
                format!(
                    "no mapping for webhooks of `{short}`; there are {known}, and a mapping file of your own can be configured"
                ),
            ));
        };
        let (body, _share) = self.read(headers, body).await?;
        let document: serde_json::Value = match serde_json::from_slice(&body) {
            Ok(document) => document,
            Err(error) => {
                let rejection = Rejection::new("", Reason::MalformedJson, error.to_string());
                self.bury(&[(0, rejection)], &[&body], "webhook").await;
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    "malformed_json",
                    format!("{error}; a webhook's body is one json document"),
                ));
            }
        };
        let mapped = webhook
            .program
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .map_document(&document, webhook.path.as_deref());
        let raw: Vec<&[u8]> = mapped.lines.iter().map(Vec::as_slice).collect();
        let mut outcome = if raw.is_empty() {
            Outcome::default()
        } else {
            self.append_all(&raw, "webhook").await?
        };
        let now = crate::now_micros();
        let mut letters = Vec::new();
        for refused in mapped.refused {
            let reason = Reason::from_word(&refused.reason).unwrap_or(Reason::InvalidValue);
            let rejection = Rejection::new(refused.field, reason, refused.detail);
            let mut letter = DeadLetter::new("webhook", now, &rejection, &body);
            letter.source = Some(source.to_owned());
            letter.reason = refused.reason;
            letters.push(letter);
            outcome
                .rejected
                .push((usize::try_from(refused.row).unwrap_or_default(), rejection));
        }
        if mapped.rows == 0 {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "nothing_found",
                "the document holds nothing where the mapping looks; it was not taken",
            ));
        }
        if !letters.is_empty()
            && let Err(error) = self.store.bury(&letters).await
        {
            tracing::error!(%error, "dead letters could not be kept; their sender was told");
        }
        Ok(outcome)
    }
}
