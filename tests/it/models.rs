//! Training and promoting as an operator does it: from the log of a running engine, by the command line.

use serde_json::{Value, json};

use crate::engine::{Engine, within};

/// Waits until a query counts this much or more.
fn counts(engine: &Engine, what: &str, query: &str, least: u64) {
    within(60, what, || {
        let answer: Value = serde_json::from_str(&engine.run(&["sql", "--format", "json", query])).unwrap();
        (answer["rows"][0][0].as_u64()? >= least).then_some(())
    });
}

#[test]
fn a_model_is_trained_promoted_judged_and_taken_back() {
    let engine = Engine::start();
    engine.run(&[
        "simulate", "--orders", "2500", "--days", "40", "--seed", "5", "--quiet",
    ]);
    let dir = engine.dir().to_str().unwrap().to_owned();
    let trained = engine.run(&["train", "--json", "--promote", "--force", "--data-dir", &dir]);
    let report: Value = serde_json::from_str(&trained).unwrap();
    let version = report["version"].as_str().unwrap();
    assert!(report["quality"].as_array().unwrap().len() > 8, "{report}");
    let in_force = format!("select count(*) from eddy_meta.models where version = '{version}' and in_force");
    counts(&engine, "the promotion is seen", &in_force, 1);
    // Parcels to come are scored by the model, and judged.
    let parcels = (0..30).flat_map(|n| {
        let awb = format!("T{n}");
        let manifested = crate::post::manifested(&awb, &format!("O{n}"));
        [
            manifested,
            crate::post::delivered(&awb, "2026-11-05T09:00:00+05:30"),
        ]
    });
    let body: Vec<String> = parcels.map(|event| event.to_string()).collect();
    let (status, answer) = engine.post("application/x-ndjson", body.join("\n").as_bytes());
    assert_eq!((status, &answer["accepted"]), (202, &json!(60)), "{answer}");
    let served = format!("select count(*) from ndr_scores where model_version = '{version}'");
    counts(&engine, "the model serves", &served, 1);
    let judged = format!(
        "select count(*) from model_performance where model_version = '{version}' and metric = 'outcomes'"
    );
    counts(&engine, "the model is judged", &judged, 1);
    engine.run(&["models", "promote", "online-1", "--data-dir", &dir]);
    let back = "select count(*) from eddy_meta.models where version = 'online-1' and in_force";
    counts(&engine, "the learner is back", back, 1);
    assert!(engine.run(&["models", "list"]).contains(version));
    let end = "select sequence from eddy_meta.progress";
    let replayed: Value = serde_json::from_str(&engine.run(&["replay", "--data-dir", &dir])).unwrap();
    counts(
        &engine,
        "all is folded",
        end,
        replayed["sequence"].as_u64().unwrap(),
    );
    let live: Value = serde_json::from_str(&engine.run(&["digest"])).unwrap();
    assert_eq!(live, replayed, "a replay finds the artefact and tells the same");
}

#[test]
fn a_model_that_is_nowhere_is_refused_before_anything_is_published() {
    let engine = Engine::start();
    let dir = engine.dir().to_str().unwrap();
    let args = ["models", "promote", "m-1", "--digest", "abc", "--data-dir", dir];
    let refused = engine.command(&args).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("holds no artefact abc") && said.contains("eddy train"),
        "{said}"
    );
}
