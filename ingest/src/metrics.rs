//! Metrics of the gateway and the loader: their names stand here and nowhere else.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Counters and histograms. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Requests to the gateway, by route and status.
    pub requests: IntCounterVec,
    /// Events accepted by the gateway.
    pub events_accepted: IntCounter,
    /// Events that the gateway had seen shortly before.
    pub events_duplicate: IntCounter,
    /// Events rejected by the gateway, by reason.
    pub events_rejected: IntCounterVec,
    /// Bytes of bodies taken in.
    pub bytes: IntCounter,
    /// Seconds from the whole body to the acknowledgement of the log.
    pub ack_seconds: Histogram,
    /// Requests sent away for later, by cause (`rate`, `overloaded`).
    pub throttled: IntCounterVec,
    /// Requests under way.
    pub in_flight: IntGauge,
    /// Dead letters sent again, by outcome (`accepted`, `rejected`).
    pub redriven: IntCounterVec,
    /// Rows read by the loader.
    pub loader_rows: IntCounter,
    /// Events sent by the loader.
    pub loader_events: IntCounter,
}

impl Metrics {
    /// Metrics entered in a registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self::new()?;
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.events_accepted.clone()))?;
        registry.register(Box::new(metrics.events_duplicate.clone()))?;
        registry.register(Box::new(metrics.events_rejected.clone()))?;
        registry.register(Box::new(metrics.bytes.clone()))?;
        registry.register(Box::new(metrics.ack_seconds.clone()))?;
        registry.register(Box::new(metrics.throttled.clone()))?;
        registry.register(Box::new(metrics.in_flight.clone()))?;
        registry.register(Box::new(metrics.redriven.clone()))?;
        registry.register(Box::new(metrics.loader_rows.clone()))?;
        registry.register(Box::new(metrics.loader_events.clone()))?;
        Ok(metrics)
    }

    /// Metrics that nobody reads, for the command line and for tests.
    pub fn new() -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| IntCounter::new(name, help);
        let labelled =
            |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let buckets = vec![
            0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
            5.0,
        ];
        Ok(Self {
            requests: labelled(
                "eddy_ingest_requests_total",
                "requests to the gateway",
                &["route", "status"],
            )?,
            events_accepted: counter(
                "eddy_ingest_events_accepted_total",
                "events accepted by the gateway",
            )?,
            events_duplicate: counter(
                "eddy_ingest_events_duplicate_total",
                "events the gateway had seen shortly before",
            )?,
            events_rejected: labelled(
                "eddy_ingest_events_rejected_total",
                "events rejected by the gateway",
                &["reason"],
            )?,
            bytes: counter("eddy_ingest_body_bytes_total", "bytes of bodies taken in")?,
            ack_seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "eddy_ingest_ack_seconds",
                    "seconds from the whole body to the acknowledgement of the log",
                )
                .buckets(buckets),
            )?,
            throttled: labelled(
                "eddy_ingest_throttled_total",
                "requests sent away for later",
                &["cause"],
            )?,
            in_flight: IntGauge::new("eddy_ingest_in_flight", "requests under way")?,
            redriven: labelled(
                "eddy_ingest_redriven_total",
                "dead letters sent again",
                &["outcome"],
            )?,
            loader_rows: counter("eddy_loader_rows_total", "rows read by the loader")?,
            loader_events: counter("eddy_loader_events_total", "events sent by the loader")?,
        })
    }
}
