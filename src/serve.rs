//! The HTTP front door: joins the routers of the rooms and adds what belongs to the process as a whole:
//! health, readiness, status, digest and metrics. Who may pass is `sign_in.rs`'s.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use eddy_ingest::gateway::{Gateway, GatewayConfig};
use eddy_log::{Endpoint, Log};
use eddy_processors::driver::Control;
use eddy_query::{LiveTables, QueryEngine};
use prometheus::{Registry, TextEncoder};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::config::{Config, Nats};
use crate::sign_in::{self, Gate};
use crate::{readiness, same_site};

/// What the process as a whole can be asked.
pub struct Engine {
    pub config: Config,
    /// Absolute, for callers with another working folder.
    pub data_dir: std::path::PathBuf,
    pub log: Log,
    pub private: Option<Endpoint>,
    pub tables: Arc<LiveTables>,
    pub control: Control,
    /// Where the log ended when the engine started.
    pub end_at_start: u64,
    pub registry: Registry,
    pub stopping: CancellationToken,
}

/// Everything under one address.
pub fn router(
    engine: Arc<Engine>,
    gateway: Gateway,
    query: QueryEngine,
    stop: CancellationToken,
) -> anyhow::Result<Router> {
    let pages = eddy_dashboards::router(eddy_dashboards::DashboardDeps {
        tables: engine.tables.clone(),
        query: Arc::new(query.clone()),
        zone: engine.config.zone.clone(),
        pg: Some(engine.config.pg.to_string()),
        query_seconds: engine.config.limits.query_seconds,
        query_memory_bytes: engine.config.limits.query_memory_bytes as u64,
        guarded: engine.config.token.is_some(),
        shutdown: stop,
    })?;
    let gate = engine.config.token.as_deref().map(Gate::new).transpose()?;
    let control = engine.control.clone();
    let log = engine.log.clone();
    let own = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/digest", get(digest))
        .route("/v1/log", get(log_address))
        .route("/metrics", get(metrics))
        .with_state(engine.clone());
    let document: Arc<str> = crate::openapi::document().to_string().into();
    let document =
        move || async move { ([(header::CONTENT_TYPE, "application/json")], document.to_string()) };
    let open = Router::new()
        .route("/openapi.json", get(document))
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .with_state(engine)
        .merge(eddy_dashboards::assets());
    let guarded = own
        .merge(gateway.router())
        .merge(crate::scores::router(query.clone(), control.clone()))
        .merge(crate::alerts::router(log, control))
        .merge(eddy_query::http::router(query))
        .merge(pages);
    let guarded = match gate {
        Some(gate) => guarded
            .layer(middleware::from_fn_with_state(gate.clone(), sign_in::guard))
            .merge(sign_in::router(gate)),
        None => guarded,
    };
    Ok(guarded
        .merge(open)
        .fallback(nowhere)
        .layer(middleware::from_fn(same_site::refuse_others))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        )))
}

/// The gateway's bounds as configured; its router is guarded here, with all others.
pub fn gateway_config(config: &Config) -> GatewayConfig {
    GatewayConfig {
        max_body_bytes: config.limits.body_bytes,
        events_per_second: (config.limits.events_per_second > 0).then_some(config.limits.events_per_second),
        webhooks: config.webhooks.clone(),
        ..GatewayConfig::default()
    }
}

/// A problem document of RFC 9457.
pub fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

async fn nowhere(request: Request) -> Response {
    let detail = format!(
        "there is nothing at {}; /openapi.json lists what is",
        request.uri().path()
    );
    problem(StatusCode::NOT_FOUND, &detail)
}

/// Alive: the process answers. Nothing else is claimed.
async fn health() -> &'static str {
    "ok\n"
}

/// Ready: the tables hold what the log held when the engine started, and the log takes and gives events.
async fn ready(State(engine): State<Arc<Engine>>) -> Response {
    if engine.stopping.is_cancelled() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the engine is stopping");
    }
    let sequence = engine.tables.snapshot().sequence();
    let waits = readiness::waits_for(engine.control.is_running(), sequence, engine.end_at_start);
    if let Some(waits) = waits {
        return problem(StatusCode::SERVICE_UNAVAILABLE, &waits);
    }
    if !engine.log.is_ready().await {
        return problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "the log does not answer; `eddy doctor` says more",
        );
    }
    Json(json!({ "ready": true, "sequence": sequence })).into_response()
}

async fn status(State(engine): State<Arc<Engine>>) -> Response {
    let snapshot = engine.tables.snapshot();
    let extent = match engine.log.extent().await {
        Ok(extent) => extent,
        Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    };
    let report = engine.log.durability();
    let tables: Vec<Value> = snapshot
        .tables()
        .iter()
        .map(|table| json!({ "name": table.spec().name, "rows": table.rows(), "bytes": table.bytes() }))
        .collect();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "tenant": engine.config.tenant,
        "sequence": snapshot.sequence(),
        "event_time_micros": snapshot.event_time_micros(),
        "log_sequence": extent.last,
        "log_first": extent.first,
        "log_bytes": extent.bytes,
        "nats": { "private": engine.private.is_some(), "version": engine.log.server_version().to_string() },
        "durability": { "wanted": report.wanted.as_str(), "actual": report.actual.as_str(), "evidence": report.evidence, "kept": report.is_kept() },
        "data_dir": engine.data_dir,
        "tables": tables,
    }))
    .into_response()
}

/// How a loader on this machine reaches the log. Who may call this may write events anyway: with a token configured,
/// this asks for it like every other call.
async fn log_address(State(engine): State<Arc<Engine>>) -> Response {
    let (url, token, credentials, ca) = match (&engine.private, &engine.config.nats) {
        (Some(endpoint), _) => (endpoint.url.as_str(), Some(endpoint.token.as_str()), None, None),
        (
            None,
            Nats::External {
                url,
                token,
                credentials,
                ca,
                ..
            },
        ) => (url.as_str(), token.as_deref(), credentials.as_ref(), ca.as_ref()),
        (None, Nats::Private { .. }) => {
            return problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "the private nats-server does not run",
            );
        }
    };
    Json(json!({
        "url": url,
        "token": token,
        "credentials": credentials,
        "ca": ca,
        "tenant": engine.config.tenant,
        "synced": engine.config.synced,
        "data_dir": engine.data_dir,
    }))
    .into_response()
}

async fn digest(State(engine): State<Arc<Engine>>) -> Response {
    let last = engine.log.last_sequence().await;
    match (engine.control.digest().await, last) {
        (Ok(digest), Ok(last)) => Json(json!({
            "sequence": digest.sequence,
            "projections": digest.projections,
            "outputs": digest.outputs,
            "log_sequence": last,
        }))
        .into_response(),
        (Err(error), _) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        (_, Err(error)) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn metrics(State(engine): State<Arc<Engine>>) -> Response {
    match TextEncoder::new().encode_to_string(&engine.registry.gather()) {
        Ok(text) => (
            [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
            text,
        )
            .into_response(),
        Err(error) => problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("metrics cannot be written: {error}"),
        ),
    }
}
