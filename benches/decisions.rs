//! From an event that is sent over HTTP to the decision that a subscriber of the derived stream holds, log synced: writers post one event a request, each at
//! moments that nothing orders (a Poisson process); of ten events one is a manifest that is scored and decided about, as in a parcel's life, or all are. The time
//! runs from before the request until the message is there. The first second is not counted: an engine that has just started meets its first of everything.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use eddy_log::{Endpoint, Log, LogConfig};
use eddy_models::random::Random;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::http::{Connection, request};
use crate::report::{figure, quantile};
use crate::world;

/// Writers, each with its connection.
const WRITERS: usize = 16;
/// Not counted at the start.
const WARM: Duration = Duration::from_secs(1);

pub fn run() {
    for (rate, scans) in [(2_000, 9), (10_000, 9), (2_000, 0)] {
        let engine = Engine::start(&["--durability", "synced"]);
        let told = network();
        let mut connection = Connection::open(&engine.http).unwrap();
        let (status, answer) = connection
            .post("/v1/events", "application/x-ndjson", told.as_bytes())
            .unwrap();
        assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
        let mut samples = measure(&engine, rate, scans, Duration::from_secs(10));
        let each = if scans == 0 {
            "a decision for each"
        } else {
            "a decision for one in ten"
        };
        let note = format!(
            "{rate} events/s in single requests, log synced, {each}; from before the request until a subscriber holds it; {} decisions",
            samples.received.len()
        );
        for (name, q) in [("p50", 0.50), ("p99", 0.99)] {
            let what = format!("event sent to decision received at {rate} events/s, {each}, {name}");
            figure(
                "decisions",
                &what,
                quantile(&mut samples.received, q),
                "ms",
                &note,
            );
            let what = format!("the same events, sent to answered, {name}");
            figure(
                "decisions",
                &what,
                quantile(&mut samples.answered, q),
                "ms",
                &note,
            );
        }
    }
}

/// Four couriers that serve all, and a policy under which every parcel is decided about.
fn network() -> String {
    let event = |id: &str, kind: &str, data: Value| {
        json!({ "specversion": "1.0", "id": id, "source": "urn:bench", "type": format!("eddy.{kind}"), "time": "2026-11-02T00:00:00+05:30", "data": data })
            .to_string()
    };
    let from = "2026-11-01T00:00:00+05:30";
    let mut told = vec![event(
        "policy",
        "policy.published",
        json!({ "version": "v1", "digest": "d1", "body": { "ndr": { "threshold": 0.001, "least_gain_minor": 1 } } }),
    )];
    for (courier, price) in [("blue", 4_000), ("red", 3_900), ("green", 3_800), ("grey", 3_700)] {
        told.push(event(
            &format!("s-{courier}"),
            "context.serviceability_updated",
            json!({ "courier": courier, "pincode_prefix": "56", "cod": true, "prepaid": true, "reverse": true, "valid_from": from }),
        ));
        told.push(event(
            &format!("t-{courier}"),
            "context.tariff_published",
            json!({ "courier": courier, "zone_from": "1", "zone_to": "5", "base_minor": price, "per_500g_minor": 1_000, "transit_days": 3, "valid_from": from }),
        ));
    }
    told.join("\n")
}

/// Milliseconds from before a request until it was answered, which is when the log holds the event, and until its decision was received.
struct Samples {
    answered: Vec<f64>,
    received: Vec<f64>,
}

fn measure(engine: &Engine, rate: usize, scans: usize, span: Duration) -> Samples {
    let stop = Arc::new(AtomicBool::new(false));
    let endpoint = Endpoint::read(&engine.dir).expect("the private server is there");
    let (ready, listening) = mpsc::channel();
    let subscriber = std::thread::spawn({
        let stop = stop.clone();
        move || received(&endpoint, &stop, &ready)
    });
    // The subscriber is there before the first event, as a routing engine is.
    listening.recv().expect("the subscriber listens");
    let counted = Instant::now() + WARM;
    let end = counted + span;
    let writers: Vec<_> = (0..WRITERS)
        .map(|client| {
            let addr = engine.http.clone();
            std::thread::spawn(move || {
                let mut connection = Connection::open(&addr).unwrap();
                let mut sent = Vec::new();
                let mut random = Random::new(client as u64);
                let gap = WRITERS as f64 / rate as f64;
                let mut due = Instant::now();
                for n in 0.. {
                    due += Duration::from_secs_f64(gap * -(1.0 - random.unit()).ln());
                    if let Some(wait) = due.checked_duration_since(Instant::now()) {
                        std::thread::sleep(wait);
                    }
                    if Instant::now() >= end {
                        break;
                    }
                    let parcel = n / (scans + 1);
                    let manifest = n % (scans + 1) == 0;
                    let body = if manifest {
                        world::manifested(client, parcel)
                    } else {
                        world::scanned(client, parcel, n % (scans + 1))
                    };
                    let bytes = request("/v1/events", "application/cloudevents+json", body.as_bytes());
                    let before = Instant::now();
                    let (status, _) = connection.exchange(&bytes).unwrap();
                    assert_eq!(status, 202);
                    if manifest && before > counted {
                        sent.push((world::awb(client, parcel), before, before.elapsed()));
                    }
                }
                sent
            })
        })
        .collect();
    let sent: Vec<(String, Instant, Duration)> =
        writers.into_iter().flat_map(|w| w.join().unwrap()).collect();
    engine.settle();
    std::thread::sleep(Duration::from_millis(500));
    stop.store(true, Ordering::Relaxed);
    let received = subscriber.join().unwrap();
    eprintln!(
        "  {} events sent, {} decisions received",
        sent.len(),
        received.len()
    );
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    Samples {
        answered: sent.iter().map(|(_, _, took)| ms(*took)).collect(),
        received: sent
            .iter()
            .filter_map(|(awb, at, _)| Some(ms(received.get(awb)?.duration_since(*at))))
            .collect(),
    }
}

/// When the decision about each parcel was there.
fn received(endpoint: &Endpoint, stop: &AtomicBool, ready: &mpsc::Sender<()>) -> HashMap<String, Instant> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let log = Log::connect(LogConfig::of(endpoint), eddy_log::Metrics::unregistered())
            .await
            .unwrap();
        let mut reader = log.derived_reader(0, 0).unwrap();
        let mut received = HashMap::new();
        // Nothing comes yet, so this ends once the consumer was made and waited with.
        let waiting = reader.next_chunk(1_000);
        assert!(
            tokio::time::timeout(Duration::from_secs(2), waiting)
                .await
                .is_err()
        );
        ready.send(()).unwrap();
        while !stop.load(Ordering::Relaxed) {
            let next = tokio::time::timeout(Duration::from_millis(100), reader.next_chunk(1_000)).await;
            let Ok(messages) = next else { continue };
            let now = Instant::now();
            for message in messages.unwrap() {
                if message.kind == "reroute" {
                    let event: Value = serde_json::from_slice(&message.payload).unwrap();
                    received.insert(event["data"]["awb"].as_str().unwrap().to_owned(), now);
                }
            }
        }
        received
    })
}
