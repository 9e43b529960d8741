//! Names of the processors' metrics. Whoever runs the driver gives the registry.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Opts, Registry};

/// Metrics of one driver.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) events: IntCounter,
    pub(crate) duplicates: IntCounter,
    pub(crate) dead_letters: IntCounter,
    pub(crate) outputs: IntCounter,
    pub(crate) sequence: IntGauge,
    pub(crate) lag_messages: IntGauge,
    pub(crate) event_time_ms: IntGauge,
    pub(crate) batch_events: Histogram,
    pub(crate) decode_seconds: Histogram,
    pub(crate) fold_seconds: Histogram,
    pub(crate) rows_seconds: Histogram,
    pub(crate) sink_seconds: Histogram,
    pub(crate) publish_seconds: Histogram,
    pub(crate) visible_seconds: Histogram,
    pub(crate) snapshot_seconds: Histogram,
    pub(crate) snapshot_bytes: IntCounter,
    pub(crate) snapshot_failures: IntCounter,
    pub(crate) snapshot_sequence: IntGauge,
    pub(crate) snapshot_at_ms: IntGauge,
    pub(crate) state_bytes: IntGauge,
    pub(crate) index_bytes: IntGauge,
    pub(crate) seen_bytes: IntGauge,
    pub(crate) seen_events: IntGauge,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// When one of the names is taken in the registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
            let metric = IntCounter::with_opts(Opts::new(name, help))?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        }
        fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
            let metric = IntGauge::with_opts(Opts::new(name, help))?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        }
        fn seconds(registry: &Registry, name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
            let buckets = prometheus::exponential_buckets(0.000_05, 2.0, 20)?;
            let metric = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        }
        let batch = HistogramOpts::new(
            "eddy_fold_batch_events",
            "Events folded between two handings-over of rows.",
        )
        .buckets(prometheus::exponential_buckets(1.0, 4.0, 10)?);
        let batch_events = Histogram::with_opts(batch)?;
        registry.register(Box::new(batch_events.clone()))?;
        let r = registry;
        Ok(Self {
            events: counter(
                r,
                "eddy_fold_events_total",
                "Events read from the log by the fold.",
            )?,
            duplicates: counter(
                r,
                "eddy_fold_duplicates_total",
                "Events that repeated one folded before.",
            )?,
            dead_letters: counter(r, "eddy_fold_dead_letters_total", "Events that the fold refused.")?,
            outputs: counter(r, "eddy_fold_outputs_total", "Outputs derived from events.")?,
            sequence: gauge(r, "eddy_fold_sequence", "Last stream sequence applied.")?,
            lag_messages: gauge(
                r,
                "eddy_fold_lag_messages",
                "Messages of the log behind the last one read.",
            )?,
            event_time_ms: gauge(
                r,
                "eddy_fold_event_time_ms",
                "Largest event time, in milliseconds since 1970.",
            )?,
            batch_events,
            decode_seconds: seconds(r, "eddy_fold_decode_seconds", "Time to decode a batch.")?,
            fold_seconds: seconds(r, "eddy_fold_apply_seconds", "Time to fold a batch.")?,
            rows_seconds: seconds(
                r,
                "eddy_fold_rows_seconds",
                "Time to settle sums and build rows for a batch.",
            )?,
            sink_seconds: seconds(
                r,
                "eddy_fold_sink_seconds",
                "Time the tables take for a batch of rows.",
            )?,
            publish_seconds: seconds(
                r,
                "eddy_fold_publish_seconds",
                "Time to publish the outputs of a batch.",
            )?,
            visible_seconds: seconds(
                r,
                "eddy_fold_visible_seconds",
                "From the log's receipt of a message to its rows in the tables.",
            )?,
            snapshot_seconds: seconds(
                r,
                "eddy_fold_snapshot_seconds",
                "Time to write a snapshot, beside the fold.",
            )?,
            snapshot_bytes: counter(
                r,
                "eddy_fold_snapshot_bytes_total",
                "Bytes of state pages written by snapshots.",
            )?,
            snapshot_failures: counter(r, "eddy_fold_snapshot_failures_total", "Snapshots that failed.")?,
            snapshot_sequence: gauge(
                r,
                "eddy_fold_snapshot_sequence",
                "Last stream sequence of the newest snapshot.",
            )?,
            snapshot_at_ms: gauge(
                r,
                "eddy_fold_snapshot_at_ms",
                "When the newest snapshot was written, in milliseconds since 1970.",
            )?,
            state_bytes: gauge(r, "eddy_fold_state_bytes", "Entity state in memory, estimated.")?,
            index_bytes: gauge(
                r,
                "eddy_fold_index_bytes",
                "Indexes from keys to entities in memory.",
            )?,
            seen_bytes: gauge(r, "eddy_fold_seen_bytes", "Identities of events in memory.")?,
            seen_events: gauge(
                r,
                "eddy_fold_seen_events",
                "Events remembered, in memory or in runs.",
            )?,
        })
    }
}
