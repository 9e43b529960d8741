//! Models that the log promotes: they serve from the promotion on, stand in the shadow, and go back.

use std::collections::BTreeMap;

use eddy_events::feedback::Published;
use eddy_events::output::OutputKind;
use eddy_events::{Body, Event};
use eddy_models::artefact::{Artefact, Window};
use eddy_models::calibration::Maps;
use eddy_models::forest::{Forest, Split, Tree};
use eddy_models::model::Trained;
use eddy_processors::Segments;
use eddy_processors::training::{LEARNER, SCHEMA};
use serde_json::{Value, json};

use crate::history::*;
use crate::risk::{life, taught};
use crate::support::{Run, config};

/// A model that adds to the learner's log-odds, and the digest of its file.
fn adds(version: &str, log_odds: f32) -> (Vec<u8>, String) {
    let split = Split {
        feature: LEARNER as u16,
        threshold: 0.0,
        missing_above: false,
    };
    let tree = Tree {
        splits: vec![split],
        values: vec![log_odds, log_odds],
        cover: vec![1.0, 1.0],
    };
    let artefact = Artefact {
        version: version.to_owned(),
        schema: SCHEMA.name.to_owned(),
        schema_digest: SCHEMA.digest(),
        window: Window::default(),
        metrics: BTreeMap::new(),
        model: Trained::Over {
            score: LEARNER,
            forest: Forest {
                features: SCHEMA.len(),
                base: 0.0,
                trees: vec![tree],
            },
        },
        calibration: Maps::default(),
    };
    artefact.write().unwrap()
}

fn promotion(subject: &str, version: &str, digest: &str, hour: i64) -> Event {
    let published = Published {
        version: version.into(),
        digest: digest.into(),
        body: None,
        artefact: None,
    };
    let id = format!("promote-{subject}-{version}-{hour}");
    let mut event = event(&id, hour, Body::ModelPromoted(published));
    event.envelope.subject = subject.into();
    event
}

/// The last score told.
fn score(run: &Run) -> Value {
    let scores = run.out.outputs.iter().rev();
    let mut scores = scores.filter(|(_, output)| output.kind == OutputKind::NdrScore);
    scores.next().expect("a score").1.data.value()
}

/// Plays a parcel, and gives the score of its first stage with the log-odds that its reasons add up to.
fn told(run: &mut Run, id: &str, hour: i64) -> (f64, String) {
    run.play(&life(id, "slow", hour, false)[..2], 1);
    let score = score(run);
    let reasons = score["contributions"].as_array().unwrap();
    let sum: f64 = reasons
        .iter()
        .map(|reason| reason["contribution"].as_f64().unwrap())
        .sum();
    let p = score["probability"].as_f64().unwrap();
    assert!(((p / (1.0 - p)).ln() - sum).abs() < 1e-4, "{score}");
    (sum, score["model_version"].as_str().unwrap().to_owned())
}

#[test]
fn a_promoted_model_serves_from_its_promotion_on_and_the_learner_again_after_going_back() {
    let mut run = taught(None, json!({}));
    let (learner, version) = told(&mut run, "before", 500);
    assert_eq!(version, "online-1");
    let (bytes, digest) = adds("m-1", -2.5);
    run.feed_with(&promotion("ndr", "m-1", &digest, 501), Ok(bytes));
    let (served, version) = told(&mut run, "during", 502);
    assert_eq!(version, "m-1");
    // The learner's own calibration is not the promoted model's.
    assert!((served - learner + 2.5).abs() < 1.0, "{served} after {learner}");
    run.play(&[promotion("ndr", "online-1", "online-1", 503)], 1);
    let (again, version) = told(&mut run, "after", 504);
    assert_eq!(version, "online-1");
    assert!((again - learner).abs() < 0.3, "{again} after {learner}");
    assert_eq!(run.out.dead_letters.len(), 0);
}

#[test]
fn a_model_in_the_shadow_is_judged_and_never_told() {
    let mut run = taught(None, json!({}));
    let mut plain = taught(None, json!({}));
    let (bytes, digest) = adds("m-2", 3.0);
    run.feed_with(&promotion("ndr/shadow", "m-2", &digest, 501), Ok(bytes));
    for n in 0..20 {
        for run in [&mut run, &mut plain] {
            run.play(&life(&format!("z{n}"), "swift", 510 + n * 2, true), 1);
        }
    }
    let probability = |run: &Run| score(run)["probability"].as_f64();
    assert_eq!(probability(&run), probability(&plain));
    assert_eq!(score(&run)["model_version"], "online-1");
    let figure = |version: &str, metric: &str| -> f64 {
        let rows = run.tables["model_performance"].iter();
        let mut found = rows.filter(|(key, _)| {
            key[0] == version && key[1] == "manifested" && key[2] == "all" && key[4] == metric
        });
        let (_, row) = found
            .next_back()
            .unwrap_or_else(|| panic!("no {metric} of {version}"));
        let (_, cell) = row.iter().find(|(name, _)| *name == "figure").unwrap();
        cell.parse::<f64>().unwrap()
    };
    assert!(figure("m-2", "predicted_rate") > figure("online-1", "predicted_rate"));
    assert!(
        figure("m-2", "log_loss") > figure("online-1", "log_loss"),
        "all were delivered"
    );
}

#[test]
fn what_cannot_be_promoted_is_a_dead_letter_and_the_one_before_serves_on() {
    let mut run = taught(None, json!({}));
    let (bytes, digest) = adds("m-1", 1.0);
    run.feed_with(&promotion("ndr", "m-1", &digest, 501), Ok(bytes.clone()));
    let slips = [
        (
            promotion("ndr", "m-2", "abc", 502),
            Err("the store holds no such thing".to_owned()),
        ),
        (promotion("ndr", "m-3", "abc", 503), Ok(bytes)),
        (promotion("ndr", "m-4", &digest, 504), Ok(b"{}".to_vec())),
    ];
    for (n, (event, artefact)) in slips.into_iter().enumerate() {
        run.feed_with(&event, artefact);
        assert_eq!(run.out.dead_letters.len(), n + 1);
        assert!(run.out.dead_letters[n].1.detail.contains("stays in force"));
    }
    assert_eq!(told(&mut run, "p", 510).1, "m-1");
}

#[test]
fn the_model_that_another_replaces_goes_on_in_the_shadow() {
    let mut run = taught(None, json!({}));
    let (first, one) = adds("m-1", 1.0);
    let (second, two) = adds("m-2", 0.5);
    run.feed_with(&promotion("ndr", "m-1", &one, 501), Ok(first));
    run.feed_with(&promotion("ndr", "m-2", &two, 502), Ok(second));
    // What stands in the shadow needs no file to come back; it is found missing here and serves all the same.
    run.feed_with(&promotion("ndr", "m-1", &one, 503), Err("gone".to_owned()));
    assert_eq!(run.out.dead_letters.len(), 0);
    assert_eq!(told(&mut run, "p", 510).1, "m-1");
}

#[test]
fn a_snapshot_goes_on_with_the_models_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let segments = Segments::open(dir.path()).unwrap();
    let mut run = taught(None, json!({}));
    run.engine.attach(&segments);
    let (bytes, digest) = adds("m-1", -1.0);
    run.feed_with(&promotion("ndr", "m-1", &digest, 501), Ok(bytes));
    run.play(&life("kept", "slow", 502, false)[..2], 1);
    let job = run.engine.begin_snapshot();
    let written = job.write(&segments).unwrap();
    run.engine.finish_snapshot(written);
    let mut restored = Run::from(
        eddy_processors::Engine::restore(&config(), &segments)
            .unwrap()
            .unwrap(),
    );
    for run in [&mut run, &mut restored] {
        run.play(&life("kept", "slow", 502, false)[2..], 1);
        run.play(&life("next", "swift", 520, true), 1);
    }
    assert_eq!(score(&run), score(&restored));
    assert_eq!(run.engine.digest(), restored.engine.digest());
}
