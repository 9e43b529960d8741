//! Metric names of the tables and the SQL front ends, and the registry that gathers them.
//!
//! Nothing is registered by itself: the caller hands in a registry.

use std::sync::Arc;
use std::time::Duration;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::live::LiveTables;
use crate::sql::{Error, QueryEngine};

/// Where a query came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// `POST /v1/sql`.
    Http,
    /// The PostgreSQL wire.
    Postgres,
    /// The process itself: pages, the command line.
    Internal,
}

impl Front {
    fn as_str(self) -> &'static str {
        match self {
            Front::Http => "http",
            Front::Postgres => "postgres",
            Front::Internal => "internal",
        }
    }
}

const SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
    30.0, 60.0, 300.0,
];

/// Counters of the query engine.
#[derive(Debug, Clone)]
pub struct QueryMetrics {
    seconds: HistogramVec,
    failed: IntCounterVec,
    running: IntGauge,
}

/// A query that runs; it counts as running until this is dropped.
#[derive(Debug)]
pub(crate) struct Running(IntGauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl QueryMetrics {
    pub(crate) fn new() -> QueryMetrics {
        QueryMetrics {
            seconds: made(HistogramVec::new(
                HistogramOpts::new("eddy_query_seconds", "time from question to end of answer")
                    .buckets(SECONDS.to_vec()),
                &["front"],
            )),
            failed: made(IntCounterVec::new(
                Opts::new(
                    "eddy_query_failures_total",
                    "queries that ended without an answer, by reason (timeout, memory, busy, ...)",
                ),
                &["front", "reason"],
            )),
            running: made(IntGauge::new("eddy_query_running", "queries that run now")),
        }
    }

    pub(crate) fn running(&self) -> Running {
        self.running.inc();
        Running(self.running.clone())
    }

    pub(crate) fn answered(&self, front: Front, took: Duration) {
        self.seconds
            .with_label_values(&[front.as_str()])
            .observe(took.as_secs_f64());
    }

    pub(crate) fn failed(&self, front: Front, error: &Error, took: Duration) {
        self.failed
            .with_label_values(&[front.as_str(), error.kind()])
            .inc();
        self.answered(front, took);
    }
}

/// Counters of the live tables.
#[derive(Debug, Clone)]
pub(crate) struct TableMetrics {
    rows: IntCounter,
    seconds: Histogram,
    snapshots: IntCounter,
}

impl TableMetrics {
    pub(crate) fn new() -> TableMetrics {
        TableMetrics {
            rows: made(IntCounter::new(
                "eddy_tables_rows_applied_total",
                "rows upserted or deleted in live tables",
            )),
            seconds: made(Histogram::with_opts(
                HistogramOpts::new(
                    "eddy_tables_apply_seconds",
                    "time to apply changes and publish a snapshot",
                )
                .buckets(SECONDS.to_vec()),
            )),
            snapshots: made(IntCounter::new(
                "eddy_tables_snapshots_total",
                "snapshots published",
            )),
        }
    }

    pub(crate) fn applied(&self, rows: usize, took: Duration) {
        self.rows.inc_by(rows as u64);
        self.seconds.observe(took.as_secs_f64());
        self.snapshots.inc();
    }
}

/// Names and labels above are constants; they are right or no test passes.
fn made<T>(metric: prometheus::Result<T>) -> T {
    metric.expect("metric names and labels are valid")
}

/// Registers everything of the tables and the engine.
pub fn register(registry: &Registry, engine: &QueryEngine) -> prometheus::Result<()> {
    let tables = engine.tables();
    let counters = tables.metrics();
    registry.register(Box::new(counters.rows.clone()))?;
    registry.register(Box::new(counters.seconds.clone()))?;
    registry.register(Box::new(counters.snapshots.clone()))?;
    let queries = engine.metrics();
    registry.register(Box::new(queries.seconds.clone()))?;
    registry.register(Box::new(queries.failed.clone()))?;
    registry.register(Box::new(queries.running.clone()))?;
    registry.register(Box::new(Sizes::new(Arc::clone(tables))?))
}

/// Sizes of the tables, read when asked for.
struct Sizes {
    tables: Arc<LiveTables>,
    rows: IntGaugeVec,
    dead: IntGaugeVec,
    bytes: IntGaugeVec,
}

impl Sizes {
    fn new(tables: Arc<LiveTables>) -> prometheus::Result<Sizes> {
        let gauge = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["table"]);
        Ok(Sizes {
            tables,
            rows: gauge("eddy_table_rows", "live rows")?,
            dead: gauge(
                "eddy_table_dead_rows",
                "replaced rows whose slots are not yet reclaimed",
            )?,
            bytes: gauge("eddy_table_bytes", "memory of rows, bitmaps and key index")?,
        })
    }
}

impl Collector for Sizes {
    fn desc(&self) -> Vec<&Desc> {
        [&self.rows, &self.dead, &self.bytes]
            .into_iter()
            .flat_map(Collector::desc)
            .collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for table in self.tables.snapshot().tables() {
            let name: &str = &table.spec().name;
            self.rows.with_label_values(&[name]).set(table.rows() as i64);
            self.dead.with_label_values(&[name]).set(table.dead() as i64);
            self.bytes.with_label_values(&[name]).set(table.bytes() as i64);
        }
        [&self.rows, &self.dead, &self.bytes]
            .into_iter()
            .flat_map(Collector::collect)
            .collect()
    }
}
