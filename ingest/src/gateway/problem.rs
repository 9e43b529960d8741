//! Answers that say no: problem documents of RFC 9457, each with what to do.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// Why a request was not done.
#[derive(Debug)]
pub struct Problem {
    pub(super) status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after: Option<Duration>,
    close: bool,
    more: Map<String, Value>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_after: None,
            close: false,
            more: Map::new(),
        }
    }

    /// When to come back.
    pub(super) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The rest of the body is not read, so the connection cannot be used again.
    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// What the log's failure means to a sender.
    pub(super) fn of_log(error: &eddy_log::Error) -> Self {
        match error {
            eddy_log::Error::Overloaded { retry_after, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "overloaded", error.to_string())
                    .retry_after(*retry_after)
            }
            eddy_log::Error::StorageFull { .. } => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "storage_full",
                error.to_string(),
            ),
            eddy_log::Error::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", error.to_string())
            }
            _ => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "log_unavailable",
                format!("{error}; send the request again with the same ids, a repeat does no harm"),
            )
            .retry_after(Duration::from_secs(1)),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = self.more;
        body.insert("type".to_owned(), json!("about:blank"));
        body.insert(
            "title".to_owned(),
            json!(self.status.canonical_reason().unwrap_or("error")),
        );
        body.insert("status".to_owned(), json!(self.status.as_u16()));
        body.insert("code".to_owned(), json!(self.code));
        body.insert("detail".to_owned(), json!(self.detail));
        let mut response = (self.status, Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(wait) = self.retry_after {
            // Whole seconds, never 0: a client that obeys must not come back at once.
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(
                    wait.as_secs().max(1) + u64::from(wait.as_secs() > 0 && wait.subsec_nanos() > 0),
                ),
            );
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
