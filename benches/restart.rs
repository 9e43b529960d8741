//! A restart with ten million events of state: from the start of the command until a query answers with all of it.

use std::time::Instant;

use eddy_log::{Durability, Log, LogConfig, Server, ServerConfig};

use crate::backlog::append_world;
use crate::engine::Engine;
use crate::http::Connection;
use crate::report::figure;

pub fn run() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let events = runtime.block_on(async {
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
        let (events, _) = append_world(&log, 850_000).await;
        server.shutdown().await;
        events
    });
    drop(runtime);
    let begin = Instant::now();
    let engine = Engine::on(dir.path().to_owned(), &["--durability", "relaxed"]);
    engine.settle();
    let note = format!("{events} events of a simulated world");
    figure(
        "restart",
        "whole log from nothing",
        events as f64 / begin.elapsed().as_secs_f64(),
        "events/s",
        &note,
    );
    let rows = shipments(&engine);
    figure(
        "restart",
        "resident memory of the engine after it",
        engine.resident_bytes() as f64 / f64::from(1 << 20),
        "MiB",
        &note,
    );
    let begin = Instant::now();
    engine.stop();
    figure(
        "restart",
        "stop, with the last snapshot",
        begin.elapsed().as_secs_f64(),
        "s",
        &note,
    );
    let begin = Instant::now();
    let engine = Engine::on(dir.path().to_owned(), &["--durability", "relaxed"]);
    assert_eq!(shipments(&engine), rows);
    figure(
        "restart",
        "restart to answering",
        begin.elapsed().as_secs_f64(),
        "s",
        &note,
    );
    figure(
        "restart",
        "resident memory after the restart",
        engine.resident_bytes() as f64 / f64::from(1 << 20),
        "MiB",
        &note,
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
