//! The loader and the gateway against a real nats-server: what they answer is in the log. Skipped, with a line that says so, where no
//! server is installed.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use eddy_ingest::Metrics;
use eddy_ingest::gateway::{Gateway, GatewayConfig};
use eddy_ingest::load::{self, LoadConfig, Sink};
use eddy_log::{Log, LogConfig, Server, ServerConfig};
use prometheus::Registry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

struct Place {
    server: Server,
    log: Log,
    folder: tempfile::TempDir,
}

async fn place() -> Option<Place> {
    if let Err(error) = eddy_log::binary::find(None) {
        println!("skipped: {error}");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(ServerConfig::new(folder.path().join("data")))
        .await
        .expect("a server");
    let log = Log::connect(
        LogConfig::of(&server.endpoint()),
        eddy_log::Metrics::unregistered(),
    )
    .await
    .expect("a log");
    Some(Place { server, log, folder })
}

async fn lines(log: &Log) -> Vec<String> {
    let extent = log.extent().await.expect("an extent");
    if extent.messages == 0 {
        return Vec::new();
    }
    let messages = log
        .read_range(0, extent.first, extent.last)
        .expect("a reader")
        .collect()
        .await
        .expect("messages");
    messages
        .iter()
        .flat_map(|message| {
            eddy_events::codec::split_lines(&message.payload)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn event(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "urn:test", "type": "eddy.order.cancelled", "subject": "o", "time": "2026-01-02T03:04:05Z",
        "data": {"order_id": "o", "by": "customer"}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_gateway_accepts_is_in_the_log_and_what_it_refuses_among_the_dead_letters() {
    let Some(place) = place().await else { return };
    let gateway = Gateway::start(GatewayConfig::default(), &place.log, &Registry::new()).expect("a gateway");
    let router = gateway.router();
    let body = format!("{}\n{}\n{}\n", event("a"), "{\"type\":1}", event("b"));
    let request = Request::post("/v1/events")
        .header("content-type", "application/x-ndjson")
        .body(Body::from(body))
        .expect("a request");
    let response = router.clone().oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), 202);
    assert_eq!(lines(&place.log).await.len(), 2);
    let response = router
        .oneshot(
            Request::get("/v1/dead-letters")
                .body(Body::empty())
                .expect("a request"),
        )
        .await
        .expect("an answer");
    let page: Value = serde_json::from_slice(
        &axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .expect("a body"),
    )
    .expect("json");
    assert_eq!(page["dead_letters"].as_array().map(Vec::len), Some(1), "{page}");
    assert_eq!(page["dead_letters"][0]["body"], "{\"type\":1}");
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_is_in_the_log_once_and_another_log_gets_it_again() {
    let Some(place) = place().await else { return };
    let path = place.folder.path().join("events.ndjson");
    let text: String = (0..5000)
        .map(|n| format!("{}\n", event(&n.to_string())))
        .collect();
    std::fs::write(&path, text).expect("a file");
    let config = LoadConfig {
        path,
        mapping: "canonical".to_owned(),
        state_dir: place.folder.path().join("state"),
        progress: false,
    };
    let load = |log: Log| {
        load::run(
            config.clone(),
            Sink::Log(log),
            Metrics::new().expect("metrics"),
            CancellationToken::new(),
        )
    };
    let report = load(place.log.clone()).await.expect("loads");
    assert_eq!((report.read, report.accepted, report.events), (5000, 5000, 5000));
    let again = load(place.log.clone()).await.expect("loads");
    assert_eq!((again.accepted, again.duplicates), (0, 5000));
    let mut found = lines(&place.log).await;
    assert_eq!(found.len(), 5000);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 5000);
    place.server.shutdown().await;
    // The state folder is the same and the log another: what it says no longer holds.
    let other = Server::start(ServerConfig::new(place.folder.path().join("other")))
        .await
        .expect("a server");
    let log = Log::connect(
        LogConfig::of(&other.endpoint()),
        eddy_log::Metrics::unregistered(),
    )
    .await
    .expect("a log");
    assert_eq!(load(log.clone()).await.expect("loads").accepted, 5000);
    assert_eq!(lines(&log).await.len(), 5000);
    other.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once_lose_nothing() {
    let Some(place) = place().await else { return };
    let gateway = Gateway::start(GatewayConfig::default(), &place.log, &Registry::new()).expect("a gateway");
    let router = Arc::new(gateway.router());
    let clients = (0..16).map(|client| {
        let router = Arc::clone(&router);
        tokio::spawn(async move {
            for n in 0..50 {
                let request = Request::post("/v1/events")
                    .header("content-type", "application/cloudevents+json")
                    .body(Body::from(event(&format!("{client}-{n}")).to_string()))
                    .expect("a request");
                let response = (*router).clone().oneshot(request).await.expect("an answer");
                assert_eq!(response.status(), 202);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("a client ends");
    }
    assert_eq!(lines(&place.log).await.len(), 800);
    place.server.shutdown().await;
}
