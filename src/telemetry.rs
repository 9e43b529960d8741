//! Structured logs on standard error, and OpenTelemetry traces when a collector is configured: a span for each HTTP request, in its
//! caller's trace, and for what Eddy's crates do in it. A collector that is away costs nothing but its traces.
//! Metrics are Prometheus and live with the crates they measure.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::HeaderMap;
use axum::response::Response;
use opentelemetry::KeyValue;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tower_http::trace::TraceLayer;
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// How long the end of the engine waits for the last traces.
const FLUSH: Duration = Duration::from_millis(400);
/// How long one export may take.
const EXPORT: Duration = Duration::from_secs(5);

/// Keeps the exporter; flushes what it holds when dropped.
#[must_use]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// A router whose requests are traced, if anything is.
    pub fn traced(&self, router: Router) -> Router {
        if self.provider.is_none() {
            return router;
        }
        let layer = TraceLayer::new_for_http()
            .make_span_with(request_span)
            .on_request(())
            .on_response(|response: &Response, _: Duration, span: &Span| {
                let status = response.status();
                span.record("http.response.status_code", i64::from(status.as_u16()));
                if status.is_server_error() {
                    span.record("otel.status_code", "ERROR");
                }
            });
        router.layer(layer)
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take()
            && let Err(error) = provider.shutdown_with_timeout(FLUSH)
        {
            eprintln!("eddy: the last traces were not exported: {error}");
        }
    }
}

/// A span as OpenTelemetry names those of servers.
fn request_span(request: &Request) -> Span {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let span = tracing::debug_span!(
        "request",
        otel.name = format!("{} {route}", request.method()).trim_end(),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = %request.method(),
        http.route = route,
        url.path = request.uri().path(),
        http.response.status_code = tracing::field::Empty,
    );
    let caller = TraceContextPropagator::new().extract(&Headers(request.headers()));
    // Refused only where no trace is made of the span.
    let _ = span.set_parent(caller);
    span
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

/// Starts logging: readable lines on a terminal, JSON lines elsewhere; `EDDY_LOG` sets levels
/// (for instance `info,eddy_log=debug`). Traces go to `endpoint` (OTLP over HTTP) when given.
pub fn start(endpoint: Option<&str>) -> anyhow::Result<Telemetry> {
    let levels = EnvFilter::try_from_env("EDDY_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,async_nats=warn,datafusion_postgres=warn,datafusion=warn"));
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if terminal {
        lines
            .with_ansi(std::env::var_os("NO_COLOR").is_none())
            .with_target(false)
            .boxed()
    } else {
        lines.json().flatten_event(true).boxed()
    };
    let provider = endpoint.map(exporter).transpose()?;
    let traces = provider.as_ref().map(|provider| {
        // Not by `EDDY_LOG`: fewer lines are no wish for fewer traces.
        let ours = FilterFn::new(|of| {
            of.target().starts_with("eddy") && (of.is_span() || *of.level() <= Level::INFO)
        });
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("eddy"))
            .with_filter(ours.with_max_level_hint(LevelFilter::DEBUG))
    });
    tracing_subscriber::registry()
        .with(lines.with_filter(levels))
        .with(traces)
        .try_init()
        .context("logging was started twice")?;
    Ok(Telemetry { provider })
}

fn exporter(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    if !endpoint.starts_with("http://") {
        bail!(
            "traces cannot be exported to {endpoint}: otlp_endpoint (OTEL_EXPORTER_OTLP_ENDPOINT) must be a collector's address for OTLP over \
             plain HTTP, such as http://127.0.0.1:4318"
        );
    }
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let otlp = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(&url)
        .with_timeout(EXPORT)
        .build()
        .with_context(|| format!("cannot export traces to {url}"))?;
    let resource = Resource::builder()
        .with_service_name("eddy")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(Watched {
            otlp,
            url,
            failing: AtomicBool::new(false),
        })
        .with_resource(resource)
        .build())
}

/// An exporter that says once when its collector goes, and once when it is back.
#[derive(Debug)]
struct Watched {
    otlp: opentelemetry_otlp::SpanExporter,
    url: String,
    failing: AtomicBool,
}

impl SpanExporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let outcome = self.otlp.export(batch).await;
        match (&outcome, self.failing.swap(outcome.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => {
                tracing::warn!(%error, url = self.url, spans, "traces are not exported; the engine goes on without");
            }
            (Ok(()), true) => tracing::info!(url = self.url, "traces are exported again"),
            _ => {}
        }
        outcome
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.otlp.shutdown()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}
