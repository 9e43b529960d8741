//! Structured logs on standard error, and OpenTelemetry traces when a collector is configured.
//! Metrics are Prometheus and live with the crates they measure.

use std::io::IsTerminal;

use anyhow::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// Keeps the exporter; flushes what it holds when dropped.
#[must_use]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take()
            && let Err(error) = provider.shutdown()
        {
            eprintln!("eddy: the last traces were not exported: {error}");
        }
    }
}

/// Starts logging: readable lines on a terminal, JSON lines elsewhere; `EDDY_LOG` sets levels
/// (for instance `info,eddy_log=debug`). Traces go to `endpoint` (OTLP over HTTP) when given.
pub fn start(endpoint: Option<&str>) -> anyhow::Result<Telemetry> {
    let filter = || {
        EnvFilter::try_from_env("EDDY_LOG").unwrap_or_else(|_| {
            EnvFilter::new("info,async_nats=warn,datafusion_postgres=warn,datafusion=warn")
        })
    };
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
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("eddy"))
            .with_filter(filter())
    });
    tracing_subscriber::registry()
        .with(lines.with_filter(filter()))
        .with(traces)
        .try_init()
        .context("logging was started twice")?;
    Ok(Telemetry { provider })
}

fn exporter(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(&url)
        .build()
        .with_context(|| format!("cannot export traces to {url}"))?;
    let resource = opentelemetry_sdk::Resource::builder()
        .with_service_name("eddy")
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}
