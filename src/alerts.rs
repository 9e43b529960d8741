//! What loss prevention asks and says: verdicts on alerts, who is linked to whom, and whether a return may be authorised.
//!
//! A verdict is an event like any other. Two people who decide about one alert do not overwrite each other: whoever has not seen the other's word is told it
//! instead. Verdicts pass one by one, and each waits until the fold has heard it, so there is no moment between looking and writing.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use eddy_events::Timestamp;
use eddy_log::Log;
use eddy_processors::driver::Control;
use eddy_processors::{Application, Progress, Standing};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::publish;
use crate::serve::problem;

/// How long a verdict waits for the fold.
const PATIENCE: Duration = Duration::from_secs(10);

struct Alerts {
    log: Log,
    control: Control,
    /// One verdict at a time.
    turn: Mutex<()>,
}

/// The routes.
pub fn router(log: Log, control: Control) -> Router {
    Router::new()
        .route("/v1/alerts/{id}/review", post(review))
        .route("/v1/customers/{id}/links", get(links))
        .route("/v1/returns/assess", post(assess))
        .with_state(Arc::new(Alerts {
            log,
            control,
            turn: Mutex::new(()),
        }))
}

/// A verdict.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Review {
    verdict: Verdict,
    actor: String,
    reason: String,
    #[serde(default)]
    loss_minor: Option<i64>,
    /// What the reviewer saw; without it, whatever stands is overruled.
    #[serde(default)]
    expected_status: Option<String>,
    #[serde(default)]
    expected_updated_at: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Confirmed,
    Dismissed,
    NeedsMore,
    Appealed,
    Overturned,
}

impl Verdict {
    /// Type of the event, and its own verdict.
    const fn event(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Confirmed => ("eddy.alert.reviewed", Some("confirmed")),
            Self::Dismissed => ("eddy.alert.reviewed", Some("dismissed")),
            Self::NeedsMore => ("eddy.alert.reviewed", Some("needs_more")),
            Self::Appealed => ("eddy.alert.appealed", None),
            Self::Overturned => ("eddy.alert.overturned", None),
        }
    }
}

impl Review {
    /// Whether the reviewer saw what stands.
    fn saw(&self, standing: &Standing) -> bool {
        let status = self.expected_status.as_deref();
        let at = self.expected_updated_at.as_deref().map(Timestamp::parse);
        let stands = Timestamp::parse(&standing.updated_at);
        status.is_none_or(|status| status == standing.status)
            && at.is_none_or(|at| at.map(|at| at.micros) == stands.map(|at| at.micros))
    }
}

async fn review(
    State(alerts): State<Arc<Alerts>>,
    Path(id): Path<String>,
    body: Result<Json<Review>, JsonRejection>,
) -> Response {
    let review = match body {
        Ok(Json(review)) => review,
        Err(error) => return problem(error.status(), &error.body_text()),
    };
    if review.actor.trim().is_empty() || review.reason.trim().is_empty() {
        return problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            "a verdict needs an actor and a reason: somebody may have to defend it",
        );
    }
    let _turn = alerts.turn.lock().await;
    let (progress, standing) = match alerts.standing(&id).await {
        Ok((progress, Some(standing))) => (progress, standing),
        Ok((_, None)) => {
            let detail = format!("no alert {id} was raised; `select alert_id from fraud_alerts` lists them");
            return problem(StatusCode::NOT_FOUND, &detail);
        }
        Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, &error),
    };
    if !review.saw(&standing) {
        return conflict(&id, &standing);
    }
    let (kind, verdict) = review.verdict.event();
    let now = moment(
        jiff::Timestamp::now().as_microsecond(),
        progress.event_time_micros,
    );
    let mut data = json!({ "alert_id": id, "actor": review.actor, "reason": review.reason });
    if let Some(verdict) = verdict {
        data["verdict"] = json!(verdict);
    }
    if let Some(loss) = review.loss_minor {
        data["loss_minor"] = json!(loss);
    }
    let event = json!({
        "specversion": "1.0",
        "id": format!("{id}-{}", jiff::Timestamp::now().as_microsecond()),
        "source": "urn:eddy:reviews",
        "type": kind,
        "subject": id,
        "time": now.to_string(),
        "datacontenttype": "application/json",
        "tenantid": alerts.log.tenant(),
        "data": data,
    });
    let sequence = match publish::event(&alerts.log, &event).await {
        Ok(sequence) => sequence,
        Err(error) if error.downcast_ref::<eddy_log::Error>().is_some() => {
            return problem(StatusCode::SERVICE_UNAVAILABLE, &format!("{error:#}"));
        }
        Err(error) => return problem(StatusCode::UNPROCESSABLE_ENTITY, &format!("{error:#}")),
    };
    alerts.heard(&id, sequence).await;
    let told = json!({ "accepted": 1, "sequence": sequence });
    (StatusCode::ACCEPTED, Json(told)).into_response()
}

/// Event time of a verdict: now, unless the log is of the past, whose clock a verdict must not move by more than makes it the latest word.
fn moment(now: i64, clock: i64) -> Timestamp {
    const DAY_US: i64 = 86_400_000_000;
    const TICK_US: i64 = 1_000;
    Timestamp::utc(if now - clock > DAY_US {
        clock + TICK_US
    } else {
        now
    })
}

/// Who did what meanwhile.
fn conflict(id: &str, standing: &Standing) -> Response {
    let Standing {
        status,
        updated_at,
        actor,
        reason,
    } = standing;
    let who = if actor.is_empty() { "the engine" } else { actor };
    let body = json!({
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": format!("alert {id} is {status} since {updated_at}, by {who}; look again, then decide"),
        "alert": { "status": status, "updated_at": updated_at, "actor": actor, "reason": reason },
    });
    (
        StatusCode::CONFLICT,
        [(axum::http::header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

impl Alerts {
    /// How far the fold is, and where an alert stands there.
    async fn standing(&self, id: &str) -> Result<(Progress, Option<Standing>), String> {
        let id = id.to_owned();
        self.control
            .ask_engine(move |engine| (engine.progress(), engine.alert(&id)))
            .await
            .map_err(|error| error.to_string())
    }

    /// Waits until the fold has heard an event. The event is in the log whatever comes of the wait.
    async fn heard(&self, id: &str, sequence: u64) {
        let heard = async {
            while let Ok((at, _)) = self.standing(id).await
                && at.sequence < sequence
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, heard).await.is_err() {
            tracing::warn!(
                sequence,
                "the fold is behind: a verdict is in the log and not yet heard"
            );
        }
    }
}

async fn links(State(alerts): State<Arc<Alerts>>, Path(id): Path<String>) -> Response {
    let customer = id.clone();
    match alerts
        .control
        .ask_engine(move |engine| engine.links(&customer))
        .await
    {
        Ok(Some(told)) => Json(told).into_response(),
        Ok(None) => {
            let detail = format!("no customer {id} is known; `select customer_id from customers` lists them");
            problem(StatusCode::NOT_FOUND, &detail)
        }
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn assess(
    State(alerts): State<Arc<Alerts>>,
    body: Result<Json<Application>, JsonRejection>,
) -> Response {
    let asked = match body {
        Ok(Json(asked)) => asked,
        Err(error) => return problem(error.status(), &error.body_text()),
    };
    match alerts
        .control
        .ask_engine(move |engine| engine.assess_return(&asked))
        .await
    {
        Ok(Ok(told)) => Json(told).into_response(),
        Ok(Err(slip)) => problem(StatusCode::UNPROCESSABLE_ENTITY, &slip),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
