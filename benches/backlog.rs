//! A backlog of JSON batches in JetStream, to rows that a query sees: fetching, decoding, deduplication, folds, outputs
//! published, live tables. nats-server, the driver and the tables share the machine.

use std::time::{Duration, Instant};

use bytes::Bytes;
use eddy_log::{Durability, Log, LogConfig, Server, ServerConfig};
use eddy_processors::driver::{Deps, Driver};
use eddy_processors::{Change, DriverConfig};
use eddy_query::LiveTables;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::http::Connection;
use crate::report::figure;
use crate::world;

/// Events of a message.
const BATCH: usize = 1_000;

pub fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(false));
    runtime.block_on(measure(true));
}

/// Appends a world to a log; returns its events and bytes.
pub async fn append_world(log: &Log, orders: u64) -> (usize, usize) {
    let appender = log.bulk_appender(0).unwrap();
    let (mut events, mut bytes) = (0, 0);
    let mut batch = Vec::with_capacity(BATCH);
    let mut pending = std::collections::VecDeque::new();
    for line in world::lines(orders) {
        events += 1;
        bytes += line.len();
        batch.push(Bytes::from(line));
        if batch.len() == BATCH {
            pending.push_back(appender.submit_waiting(std::mem::take(&mut batch)).await.unwrap());
            if pending.len() > 4
                && let Some(first) = pending.pop_front()
            {
                first.await.unwrap();
            }
        }
    }
    pending.push_back(appender.submit_waiting(batch).await.unwrap());
    for acknowledgement in pending {
        acknowledgement.await.unwrap();
    }
    (events, bytes)
}

async fn measure(scores: bool) {
    let dir = tempfile::tempdir().unwrap();
    let config = ServerConfig {
        durability: Durability::Relaxed,
        ..ServerConfig::new(dir.path())
    };
    let server = Server::start(config).await.unwrap();
    let mut config = LogConfig::of(&server.endpoint());
    config.durability = Durability::Relaxed;
    let log = Log::connect(config, eddy_log::Metrics::unregistered())
        .await
        .unwrap();
    let (events, bytes) = append_world(&log, 200_000).await;
    let end = log.last_sequence().await.unwrap();
    let note = format!(
        "{events} simulated events, {} bytes each, {BATCH} a message; outputs published, all tables kept",
        bytes / events
    );

    if !scores {
        let begin = Instant::now();
        let mut reader = log.reader(0, 0).unwrap();
        while reader.position() < end {
            reader.next_chunk(2_048).await.unwrap();
        }
        figure(
            "backlog",
            "reading alone, the limit of the log",
            events as f64 / begin.elapsed().as_secs_f64(),
            "events/s",
            &note,
        );
    }

    let tables = LiveTables::new(eddy_processors::tables()).unwrap();
    let registry = prometheus::Registry::new();
    let metrics = eddy_processors::Metrics::register(&registry).unwrap();
    let deps = Deps {
        log: log.clone(),
        metrics,
    };
    let state = dir.path().join("state");
    let (driver, _control) = Driver::new(
        deps,
        DriverConfig::new(
            eddy_processors::Config {
                scores,
                ..eddy_processors::Config::default()
            },
            Some(state),
        ),
    );
    let stop = CancellationToken::new();
    let sink = {
        let tables = tables.clone();
        move |changes: Vec<(usize, Change)>, progress: eddy_processors::Progress| {
            apply(&tables, changes, progress)
        }
    };
    let begin = Instant::now();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { driver.run(sink, stop).await }
    });
    while tables.snapshot().sequence() < end {
        assert!(!running.is_finished(), "the driver ended");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let seconds = begin.elapsed().as_secs_f64();
    figure(
        "backlog",
        if scores {
            "the same, and every parcel scored and decided about"
        } else {
            "JetStream to queryable rows"
        },
        events as f64 / seconds,
        "events/s",
        &note,
    );
    for family in registry.gather() {
        let name = family.name();
        if name.ends_with("_seconds") && !name.contains("visible") {
            let sum: f64 = family
                .get_metric()
                .iter()
                .map(|m| m.get_histogram().get_sample_sum())
                .sum();
            eprintln!("  {name}: {sum:.2} s of {seconds:.2} s");
        }
    }
    for table in tables.snapshot().tables() {
        if table.rows() > 0 {
            eprintln!(
                "  {}: {} rows, {} bytes a row",
                table.spec().name,
                table.rows(),
                table.bytes() / table.rows()
            );
        }
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    server.shutdown().await;
}

/// Gives rows to tables, as the engine's own wiring does.
pub fn apply(tables: &LiveTables, changes: Vec<(usize, Change)>, progress: eddy_processors::Progress) {
    let changes = changes
        .into_iter()
        .map(|(table, change)| match change {
            Change::Upsert(rows) => (table, eddy_query::Change::Upsert(rows)),
            Change::Delete(keys) => (table, eddy_query::Change::Delete(keys)),
        })
        .collect();
    let progress = eddy_query::Progress {
        shard: progress.shard,
        sequence: progress.sequence,
        event_time_micros: progress.event_time_micros,
        logged_at_micros: progress.logged_at_micros,
        events: progress.events,
    };
    tables.apply(changes, progress).unwrap();
}

/// Posts so many shipments of client 99 in large bodies.
pub fn post_shipments(engine: &Engine, count: usize) {
    let mut connection = Connection::open(&engine.http).unwrap();
    for from in (0..count).step_by(2_000) {
        let body: String = (from..count.min(from + 2_000))
            .map(|n| world::manifested(99, n) + "\n")
            .collect();
        loop {
            let (status, answer) = connection
                .post("/v1/events", "application/x-ndjson", body.as_bytes())
                .unwrap();
            if status == 202 {
                break;
            }
            assert_eq!(status, 429, "{}", String::from_utf8_lossy(&answer));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
