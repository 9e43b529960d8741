//! Names and meaning of every metric of the log. Counts and measures; it decides nothing and serves nothing.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::{Durability, Error};

/// The log's metrics. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) batch_events: Histogram,
    pub(crate) batch_bytes: Histogram,
    pub(crate) publish_seconds: Histogram,
    pub(crate) queue_events: IntGauge,
    pub(crate) queue_bytes: IntGauge,
    pub(crate) appended_events: IntCounter,
    pub(crate) appended_bytes: IntCounter,
    pub(crate) overloaded: IntCounter,
    pub(crate) publish_retries: IntCounter,
    pub(crate) publish_failures: IntCounterVec,
    pub(crate) connections: IntCounter,
    pub(crate) disconnections: IntCounter,
    pub(crate) durability: IntGauge,
    pub(crate) read_chunk_messages: Histogram,
    pub(crate) read_messages: IntCounter,
    pub(crate) read_bytes: IntCounter,
    pub(crate) reader_restarts: IntCounter,
    pub(crate) derived_outputs: IntCounter,
    pub(crate) derived_seconds: Histogram,
    pub(crate) dead_letters: IntCounterVec,
}

impl Metrics {
    /// Registers everything in `registry`; fails when the names are taken, that is, when it is done twice.
    pub fn register(registry: &Registry) -> Result<Metrics, Error> {
        Self::build(|collector| registry.register(collector))
            .map_err(|e| Error::Config(format!("cannot register the log's metrics: {e}")))
    }

    /// Counts without being shown anywhere.
    pub fn unregistered() -> Metrics {
        Self::build(|_| Ok(())).expect("the names and buckets of the metrics are constants and valid")
    }

    fn build(
        mut register: impl FnMut(Box<dyn prometheus::core::Collector>) -> prometheus::Result<()>,
    ) -> prometheus::Result<Metrics> {
        // From 50 µs (acknowledged from memory) to 26 s (a retry through a server's restart).
        let seconds = prometheus::exponential_buckets(0.00005, 2.0, 20)?;
        let counts = prometheus::exponential_buckets(1.0, 4.0, 8)?;
        let bytes = prometheus::exponential_buckets(256.0, 4.0, 9)?;
        let mut histogram = |name: &str, help: &str, buckets: &Vec<f64>| {
            let metric = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.clone()))?;
            register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let batch_events = histogram(
            "eddy_log_batch_events",
            "Events in one published record batch.",
            &counts,
        )?;
        let batch_bytes = histogram(
            "eddy_log_batch_bytes",
            "Bytes of one published record batch.",
            &bytes,
        )?;
        let publish_seconds = histogram(
            "eddy_log_publish_seconds",
            "From publish to acknowledgement of one record batch.",
            &seconds,
        )?;
        let read_chunk_messages = histogram(
            "eddy_log_read_chunk_messages",
            "Messages handed to a reader at once.",
            &counts,
        )?;
        let derived_seconds = histogram(
            "eddy_log_derived_publish_seconds",
            "From publish to acknowledgement of one set of outputs.",
            &seconds,
        )?;
        let mut counter = |name: &str, help: &str| {
            let metric = IntCounter::new(name, help)?;
            register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let appended_events = counter(
            "eddy_log_appended_events_total",
            "Events acknowledged by the log.",
        )?;
        let appended_bytes = counter("eddy_log_appended_bytes_total", "Bytes acknowledged by the log.")?;
        let overloaded = counter(
            "eddy_log_overloaded_total",
            "Appends refused because too much was waiting.",
        )?;
        let publish_retries = counter(
            "eddy_log_publish_retries_total",
            "Publishes repeated with the same message id.",
        )?;
        let connections = counter(
            "eddy_log_connections_total",
            "Connections made to the server, the first included.",
        )?;
        let disconnections = counter(
            "eddy_log_disconnections_total",
            "Connections to the server that were lost.",
        )?;
        let read_messages = counter("eddy_log_read_messages_total", "Messages read from the log.")?;
        let read_bytes = counter("eddy_log_read_bytes_total", "Bytes read from the log.")?;
        let reader_restarts = counter(
            "eddy_log_reader_restarts_total",
            "Times a reader began again after its last message.",
        )?;
        let derived_outputs = counter(
            "eddy_log_derived_outputs_total",
            "Outputs acknowledged by the derived stream.",
        )?;
        let mut gauge = |name: &str, help: &str| {
            let metric = IntGauge::new(name, help)?;
            register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let queue_events = gauge("eddy_log_queue_events", "Events waiting to be appended.")?;
        let queue_bytes = gauge("eddy_log_queue_bytes", "Bytes waiting to be appended.")?;
        let durability = gauge(
            "eddy_log_durability",
            "What an acknowledgement means: 2 synced to disk, 1 relaxed, 0 the server does not tell.",
        )?;
        let mut labelled = |name: &str, help: &str, label: &str| {
            let metric = IntCounterVec::new(Opts::new(name, help), &[label])?;
            register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let publish_failures = labelled(
            "eddy_log_publish_failures_total",
            "Record batches given up, by kind of failure.",
            "kind",
        )?;
        let dead_letters = labelled(
            "eddy_log_dead_letters_total",
            "Dead letters acknowledged, by origin.",
            "origin",
        )?;
        Ok(Metrics {
            batch_events,
            batch_bytes,
            publish_seconds,
            queue_events,
            queue_bytes,
            appended_events,
            appended_bytes,
            overloaded,
            publish_retries,
            publish_failures,
            connections,
            disconnections,
            durability,
            read_chunk_messages,
            read_messages,
            read_bytes,
            reader_restarts,
            derived_outputs,
            derived_seconds,
            dead_letters,
        })
    }

    pub(crate) fn set_durability(&self, durability: Durability) {
        self.durability.set(match durability {
            Durability::Synced => 2,
            Durability::Relaxed => 1,
            Durability::Unknown => 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_register_once_and_refuse_a_second_time() {
        let registry = Registry::new();
        Metrics::register(&registry).unwrap();
        assert!(Metrics::register(&registry).is_err());
    }
}
