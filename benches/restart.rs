//! A restart with ten million events of state: from the start of the command until a query answers with all of it.

use std::path::Path;
use std::time::Instant;

use eddy_log::{Durability, Log, LogConfig, Server, ServerConfig};

use crate::backlog::append_world;
use crate::engine::Engine;
use crate::http::Connection;
use crate::report::figure;

pub fn run() {
    for scores in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let events = append(dir.path());
        let alone = crate::engine::without_scores(dir.path());
        let relaxed = ["--durability", "relaxed"];
        if scores {
            measure(dir.path(), events, &relaxed, ", parcels scored");
        } else {
            measure(
                dir.path(),
                events,
                &[&relaxed[..], &["--config", &alone]].concat(),
                "",
            );
        }
    }
}

/// A log of a simulated world; how many events it holds.
fn append(dir: &Path) -> usize {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let config = ServerConfig {
            durability: Durability::Relaxed,
            ..ServerConfig::new(dir)
        };
        let server = Server::start(config).await.unwrap();
        let mut config = LogConfig::of(&server.endpoint());
        config.durability = Durability::Relaxed;
        let log = Log::connect(config, eddy_log::Metrics::unregistered())
            .await
            .unwrap();
        let (events, _) = append_world(&log, 850_000).await;
        server.shutdown().await;
        events
    })
}

/// Folds the log from nothing, stops and restarts.
fn measure(dir: &Path, events: usize, args: &[&str], scored: &str) {
    let figure = |what: &str, value: f64, unit: &str| {
        let note = format!("{events} events of a simulated world");
        figure("restart", &format!("{what}{scored}"), value, unit, &note);
    };
    let begin = Instant::now();
    let engine = Engine::on(dir.to_owned(), args);
    engine.settle();
    figure(
        "whole log from nothing",
        events as f64 / begin.elapsed().as_secs_f64(),
        "events/s",
    );
    let rows = shipments(&engine);
    figure(
        "resident memory of the engine after it",
        engine.resident_bytes() as f64 / f64::from(1 << 20),
        "MiB",
    );
    let begin = Instant::now();
    engine.stop();
    figure("stop, with the last snapshot", begin.elapsed().as_secs_f64(), "s");
    let begin = Instant::now();
    let engine = Engine::on(dir.to_owned(), args);
    assert_eq!(shipments(&engine), rows);
    figure("restart to answering", begin.elapsed().as_secs_f64(), "s");
    figure(
        "resident memory after the restart",
        engine.resident_bytes() as f64 / f64::from(1 << 20),
        "MiB",
    );
}

fn shipments(engine: &Engine) -> String {
    let mut connection = Connection::open(&engine.http).unwrap();
    let body = br#"{"sql":"select count(*) as n from shipments"}"#;
    let (status, answer) = connection.post("/v1/sql", "application/json", body).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["rows"].to_string()
}
