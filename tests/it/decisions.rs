//! Decisions reach a subscriber that follows the sample client, each exactly once, whoever is killed when.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::{Engine, nats_servers, within};

/// A courier that serves all, its price, and a policy under which every parcel is decided about.
fn network() -> String {
    let event = |id: &str, kind: &str, data: Value| {
        json!({ "specversion": "1.0", "id": id, "source": "urn:shop:test", "type": format!("eddy.{kind}"),
            "time": "2026-11-02T00:00:00+05:30", "data": data })
        .to_string()
    };
    let mut told = Vec::new();
    for (courier, price) in [("blue", 4_000), ("red", 3_000)] {
        told.push(event(
            &format!("s-{courier}"),
            "context.serviceability_updated",
            json!({ "courier": courier, "pincode_prefix": "56", "cod": true, "prepaid": true, "reverse": true, "valid_from": "2026-11-01T00:00:00+05:30" }),
        ));
        told.push(event(
            &format!("t-{courier}"),
            "context.tariff_published",
            json!({ "courier": courier, "zone_from": "1", "zone_to": "5", "base_minor": price, "per_500g_minor": 1_000, "transit_days": 3,
                "valid_from": "2026-11-01T00:00:00+05:30" }),
        ));
    }
    told.push(event(
        "policy",
        "policy.published",
        json!({ "version": "v1", "digest": "d1", "body": { "ndr": { "threshold": 0.01, "least_gain_minor": 1 } } }),
    ));
    told.join("\n")
}

/// Posts parcels, ten at a time, until told to stop; a post that failed is made again.
fn feed(http: String, stop: Arc<AtomicBool>, parcels: Arc<AtomicUsize>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        while !stop.load(Ordering::Relaxed) {
            let first = parcels.load(Ordering::Relaxed);
            let body: Vec<String> = (first..first + 10)
                .map(|n| crate::post::manifested(&format!("A{n}"), &format!("O{n}")).to_string())
                .collect();
            let post = client
                .post(format!("http://{http}/v1/events"))
                .header("content-type", "application/x-ndjson")
                .body(body.join("\n"));
            match post.send().await {
                Ok(answer) if answer.status() == 202 => {
                    parcels.store(first + 10, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(40)).await;
                }
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
}

/// A running client; ends with the value.
struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The sample client, built beside the tests.
fn client(dir: &Path, ledger: &Path) -> Client {
    let folder = std::env::current_exe().unwrap();
    let binary = folder
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/follow_decisions");
    let client = Command::new(binary)
        .args([
            "--data-dir",
            dir.to_str().unwrap(),
            "--ledger",
            ledger.to_str().unwrap(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the example follow_decisions is built with the tests");
    Client(client)
}

fn carried_out(ledger: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(ledger).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let id = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["decision"]["decision_id"].as_str().unwrap().to_owned()
    };
    whole.lines().map(id).collect()
}

/// `EDDY_KILLS` asks for more kills than the few that every run has time for.
fn kills() -> usize {
    let asked = std::env::var("EDDY_KILLS").ok();
    asked.map_or(4, |kills| kills.parse().expect("EDDY_KILLS is a number"))
}

#[test]
fn each_decision_is_carried_out_once_whoever_is_killed() {
    // Snapshots come often, so that kills fall before, into and after them.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[snapshots]\nevery_seconds = 1\n").unwrap();
    let config = file.path().to_str().unwrap();
    let mut engine = Engine::with(&["--durability", "synced", "--config", config]);
    let (status, answer) = engine.post("application/x-ndjson", network().as_bytes());
    assert_eq!(status, 202, "{answer}");
    let dir: PathBuf = engine.dir().to_owned();
    let ledger = dir.join("ledger.ndjson");
    let (stop, parcels) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let feeding = std::thread::spawn({
        let (http, stop, parcels) = (engine.http.clone(), stop.clone(), parcels.clone());
        move || feed(http, stop, parcels)
    });
    let mut following = client(&dir, &ledger);
    for kill in 0..kills() {
        let before = carried_out(&ledger).len();
        within(60, "decisions are carried out again", || {
            (carried_out(&ledger).len() > before + 20).then_some(())
        });
        // Now the engine, now the client, now both.
        if kill % 3 != 1 {
            engine.kill();
            within(10, "the private server to end with its engine", || {
                nats_servers(&dir).is_empty().then_some(())
            });
            engine.up();
        }
        if kill % 3 != 0 {
            drop(following);
            following = client(&dir, &ledger);
        }
    }
    stop.store(true, Ordering::Relaxed);
    feeding.join().unwrap();
    engine.settle();
    let decided: BTreeSet<String> = engine
        .rows("select decision_id from routing_decisions")
        .iter()
        .map(|row| row[0].as_str().unwrap().to_owned())
        .collect();
    // A post that was taken before a kill and answered after it is made again, so the log may hold more than was acknowledged.
    assert!(
        decided.len() >= parcels.load(Ordering::Relaxed),
        "every parcel is decided about"
    );
    within(60, "the client has carried out all", || {
        (carried_out(&ledger).len() >= decided.len()).then_some(())
    });
    drop(following);
    let carried_out = carried_out(&ledger);
    println!("{} decisions through {} kills", carried_out.len(), kills());
    let once: BTreeSet<String> = carried_out.iter().cloned().collect();
    assert_eq!(once.len(), carried_out.len(), "none twice");
    assert_eq!(once, decided, "none missed, none made up");
}

#[test]
fn a_program_asks_over_nats_what_each_courier_would_do() {
    let engine = Engine::start();
    let parcel = crate::post::manifested("A1", "O1").to_string();
    let (status, answer) = engine.post(
        "application/x-ndjson",
        format!("{}\n{parcel}", network()).as_bytes(),
    );
    assert_eq!(status, 202, "{answer}");
    engine.settle();
    let endpoint = eddy_log::Endpoint::read(engine.dir()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = async_nats::ConnectOptions::new().token(endpoint.token);
        let client = options.connect(endpoint.url).await.unwrap();
        let ask = async |question: &str| -> Value {
            let answer = client
                .request("eddy.requests.default.scores", question.to_owned().into())
                .await;
            serde_json::from_slice(&answer.unwrap().payload).unwrap()
        };
        let told = ask(r#"{"awb": "A1"}"#).await;
        let couriers = told["couriers"].as_array().unwrap();
        assert_eq!(couriers.len(), 2, "{told}");
        assert!(
            couriers[0]["courier"] == "blue" && couriers[1]["expected_cost_minor"].is_i64(),
            "{told}"
        );
        assert!(
            ask(r#"{"awb": "A9"}"#).await["error"]
                .as_str()
                .unwrap()
                .contains("A9")
        );
        assert!(
            ask("{").await["error"]
                .as_str()
                .unwrap()
                .contains("cannot be read")
        );
    });
}
