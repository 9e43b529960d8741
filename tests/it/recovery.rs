//! Crashes: `kill -9` at any moment, a dead log server, an interrupt; nothing accepted is lost and nothing is counted twice.

use serde_json::Value;

use crate::engine::{Engine, nats_servers, within};

fn simulate(engine: &Engine) {
    engine.run(&[
        "simulate", "--orders", "1500", "--days", "60", "--seed", "3", "--skus", "200", "--quiet",
    ]);
}

#[test]
fn an_interrupt_stops_everything_within_five_seconds() {
    let mut engine = Engine::start();
    assert_eq!(engine.nats_servers().len(), 1);
    let took = engine.interrupt();
    assert!(took.as_secs_f64() < 5.0, "took {took:?}");
    assert!(engine.nats_servers().is_empty());
}

#[test]
fn killing_the_engine_leaves_no_server_behind_and_loses_nothing() {
    let mut undisturbed = Engine::start();
    simulate(&undisturbed);
    let expected = undisturbed.digest();
    undisturbed.interrupt();

    let mut engine = Engine::with(&["--durability", "synced"]);
    let mut feed = engine
        .command(&[
            "simulate", "--orders", "1500", "--days", "60", "--seed", "3", "--skus", "200", "--quiet",
        ])
        .spawn()
        .unwrap();
    within(60, "some events", || {
        (engine.number("select coalesce(max(events), 0) from eddy_meta.progress") > 2_000).then_some(())
    });
    engine.kill();
    feed.kill().unwrap();
    feed.wait().unwrap();
    let dir = engine.dir().to_owned();
    within(10, "the private server to end with its engine", || {
        nats_servers(&dir).is_empty().then_some(())
    });

    engine.up();
    simulate(&engine);
    let got = engine.digest();
    assert_eq!(
        got["projections"], expected["projections"],
        "rows do not depend on a crash"
    );

    let replayed: Value =
        serde_json::from_str(&engine.run(&["replay", "--data-dir", dir.to_str().unwrap()])).unwrap();
    assert_eq!(replayed["projections"], got["projections"]);
    assert_eq!(
        replayed["outputs"], got["outputs"],
        "live outputs equal those of a replay of the same log"
    );
}

#[test]
fn a_dead_log_server_is_started_again_and_the_engine_goes_on() {
    let engine = Engine::start();
    simulate(&engine);
    let before = engine.digest();
    let server = engine.nats_servers()[0];
    assert!(
        std::process::Command::new("kill")
            .args(["-9", &server.to_string()])
            .status()
            .unwrap()
            .success()
    );
    within(30, "another server", || {
        let servers = engine.nats_servers();
        (servers.len() == 1 && servers[0] != server).then_some(())
    });
    let one = crate::post::placed("Oafter", "S1").to_string();
    within(30, "events are accepted again", || {
        (engine.post("application/cloudevents+json", one.as_bytes()).0 == 202).then_some(())
    });
    let after = engine.digest();
    assert!(after["sequence"].as_u64() > before["sequence"].as_u64());
    assert_eq!(
        engine.number("select count(*) from orders where order_id = 'Oafter'"),
        1
    );
}

/// What `/readyz` says the first time that it says yes.
fn first_ready(engine: &Engine) -> Value {
    within(60, "ready again", || {
        let (status, said) = engine.ask_ready()?;
        let said: Value = serde_json::from_str(&said).unwrap();
        if status == 503 {
            let detail = said["detail"].as_str().unwrap();
            assert!(
                detail.contains("being restored") || detail.contains("the tables stand at sequence"),
                "{detail}"
            );
        }
        (status == 200).then_some(said)
    })
}

#[test]
fn ready_after_a_restart_means_that_the_tables_hold_the_log() {
    let mut engine = Engine::start();
    simulate(&engine);
    let (status, answer) = engine.post("application/cloudevents+json", b"{\"specversion\": \"1.0\"}");
    assert_eq!(status, 202, "{answer}");
    let before = engine.digest()["sequence"].as_u64().unwrap();

    // First from the log alone, for no snapshot was made; then from the snapshot of the interrupt.
    engine.kill();
    let dir = engine.dir().to_owned();
    within(10, "the private server to end with its engine", || {
        nats_servers(&dir).is_empty().then_some(())
    });
    for way in ["killed", "interrupted"] {
        engine.spawn();
        assert_eq!(first_ready(&engine)["sequence"].as_u64(), Some(before), "{way}");
        within(30, "the dead letter is read again", || {
            (engine.number("select count(*) from dead_letters") == 1).then_some(())
        });
        assert_eq!(first_ready(&engine)["sequence"].as_u64(), Some(before), "{way}");
        engine.interrupt();
    }
}
