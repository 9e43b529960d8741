//! How fast a backlog of the log becomes rows, on a private nats-server: reading, decoding, folding, rows, outputs and snapshots. The sink
//! counts rows and drops them, so the live tables come on top.
//!
//! `cargo run --release -p eddy-processors --example backlog_speed -- [orders]`.

#![allow(clippy::disallowed_methods)]

#[path = "story/mod.rs"]
mod story;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use eddy_log::{Log, LogConfig, Server, ServerConfig};
use eddy_processors::{Change, Config, Deps, DriverConfig, Metrics, Progress};
use tokio_util::sync::CancellationToken;

/// Time of this process on cores so far; zero where the kernel does not tell.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .skip(11)
        .take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let orders = std::env::args()
        .nth(1)
        .map_or(150_000, |arg| arg.parse().expect("the number of orders"));
    let dir = std::env::temp_dir().join(format!("eddy-backlog-{}", std::process::id()));
    let server = Server::start(ServerConfig::new(dir.join("nats")))
        .await
        .expect("a nats-server");
    let log = Log::connect(
        LogConfig::of(&server.endpoint()),
        eddy_log::Metrics::unregistered(),
    )
    .await
    .expect("the log");
    let lines: Vec<Bytes> = story::lines(orders).into_iter().map(Bytes::from).collect();
    let count = lines.len();
    let appender = log.bulk_appender(0).expect("an appender");
    let begun = Instant::now();
    for chunk in lines.chunks(1_000) {
        appender.append(chunk.to_vec()).await.expect("an acknowledgement");
    }
    println!(
        "append    {:.0} events/s, 1,000 a message, one at a time",
        count as f64 / begun.elapsed().as_secs_f64()
    );
    let last = log.last_sequence().await.expect("the end of the log");

    let (rows, sequence) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let sink = {
        let (rows, sequence) = (Arc::clone(&rows), Arc::clone(&sequence));
        move |changes: Vec<(usize, Change)>, progress: Progress| {
            for (_, change) in &changes {
                if let Change::Upsert(batch) = change {
                    rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
                }
            }
            sequence.store(progress.sequence, Ordering::Release);
        }
    };
    let registry = prometheus::Registry::new();
    let metrics = Metrics::register(&registry).expect("an empty registry");
    let shutdown = CancellationToken::new();
    let config = DriverConfig::new(Config::default(), Some(dir.join("state")));
    let deps = Deps {
        log: log.clone(),
        metrics,
    };
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    let running = tokio::spawn(eddy_processors::run(deps, config, sink, shutdown.clone()));
    while sequence.load(Ordering::Acquire) < last {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "backlog   {:.0} events/s, {count} events in {seconds:.2} s, {} rows",
        count as f64 / seconds,
        rows.load(Ordering::Relaxed)
    );

    println!(
        "          {:.2} s on cores, the server's beside; {:.2} us an event",
        cpu_seconds() - cpu,
        (cpu_seconds() - cpu) / count as f64 * 1e6
    );
    for family in registry.gather() {
        let histogram = family.get_metric()[0].get_histogram();
        if histogram.get_sample_count() > 0 && family.name().ends_with("_seconds") {
            println!(
                "    {:<28} {:>7.2} s in {} steps",
                family.name(),
                histogram.get_sample_sum(),
                histogram.get_sample_count()
            );
        }
    }

    // Live and idle: one event at a time, from its acknowledgement to the sink.
    let mut waits: Vec<f64> = Vec::new();
    for line in story::lines(100).into_iter().take(500) {
        let line = String::from_utf8(line)
            .expect("lines are text")
            .replace("urn:", "urn:live:");
        let position = appender
            .append(vec![Bytes::from(line)])
            .await
            .expect("an acknowledgement")
            .last_sequence();
        let begun = Instant::now();
        while sequence.load(Ordering::Acquire) < position {
            tokio::task::yield_now().await;
        }
        waits.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    waits.sort_by(f64::total_cmp);
    println!(
        "live      acknowledged to sink: p50 {:.2} ms, p99 {:.2} ms",
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100]
    );
    shutdown.cancel();
    running.await.expect("the driver").expect("a clean stop");
    server.shutdown().await;
    let _ = std::fs::remove_dir_all(&dir);
}
