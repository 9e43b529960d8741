//! Scores and decisions: told at each stage from what the log held before, learned from outcomes, decided by the policy, each once.

use eddy_events::feedback::{Published, RerouteFeedback};
use eddy_events::output::{OutputKind, OutputType};
use eddy_events::{Body, Event, Timestamp, context, shipment};
use serde_json::{Value, json};

use crate::history::*;
use crate::support::{Run, config};

fn order(id: &str, hour: i64) -> Event {
    let placed = placed(id, &format!("c-{id}"), vec![line("l1", "s1", 1, 90_000)]);
    event(&format!("{id}-p"), hour, Body::OrderPlaced(Box::new(placed)))
}

fn sent(id: &str, courier: &str, hour: i64) -> Event {
    let manifest = shipment::Manifested {
        courier: courier.into(),
        ..manifested(&format!("a-{id}"), id)
    };
    event(
        &format!("{id}-m"),
        hour,
        Body::ShipmentManifested(Box::new(manifest)),
    )
}

/// A parcel from placing to its end.
pub fn life(id: &str, courier: &str, hour: i64, arrives: bool) -> Vec<Event> {
    let awb = format!("a-{id}");
    let mut life = vec![
        order(id, hour),
        sent(id, courier, hour + 4),
        event(&format!("{id}-u"), hour + 6, Body::ShipmentPickedUp(scan(&awb))),
        event(
            &format!("{id}-o"),
            hour + 30,
            Body::ShipmentOutForDelivery(scan(&awb)),
        ),
    ];
    if arrives {
        life.push(event(
            &format!("{id}-d"),
            hour + 33,
            Body::ShipmentDelivered(delivered(&awb)),
        ));
    } else {
        let reason = shipment::NdrReason::CustomerUnavailable;
        life.push(event(
            &format!("{id}-f"),
            hour + 33,
            Body::ShipmentDeliveryFailed(failed(&awb, reason)),
        ));
        life.push(event(
            &format!("{id}-r"),
            hour + 50,
            Body::ShipmentRtoInitiated(setback(&awb)),
        ));
    }
    life
}

/// Two couriers that serve everything; `slow` fails, `swift` delivers.
fn network(capacity: Option<u32>) -> Vec<Event> {
    let at = |hour: i64| Timestamp::utc(START + hour * HOUR);
    let mut told = Vec::new();
    for courier in ["swift", "slow"] {
        let serves = context::ServiceabilityUpdated {
            courier: courier.into(),
            pincode_prefix: "411".into(),
            cod: true,
            prepaid: true,
            reverse: true,
            max_weight_g: None,
            max_cod_minor: None,
            embargo: None,
            valid_from: at(-1),
        };
        told.push(event(
            &format!("{courier}-s"),
            -1,
            Body::ContextServiceabilityUpdated(serves),
        ));
        let charges = context::TariffPublished {
            courier: courier.into(),
            zone_from: "1".into(),
            zone_to: "4".into(),
            base_minor: 4_000,
            per_500g_minor: 1_000,
            cod_fee_minor: None,
            rto_fee_minor: Some(4_000),
            transit_days: 3,
            valid_from: at(-1),
        };
        told.push(event(
            &format!("{courier}-t"),
            -1,
            Body::ContextTariffPublished(charges),
        ));
        if let Some(capacity) = capacity {
            let takes = context::CourierCapacityUpdated {
                courier: courier.into(),
                pincode_prefix: None,
                leg: shipment::Leg::Forward,
                capacity,
                valid_from: at(-1),
                valid_to: at(9_000),
            };
            told.push(event(
                &format!("{courier}-c"),
                -1,
                Body::ContextCourierCapacityUpdated(takes),
            ));
        }
    }
    told
}

fn policy(id: &str, hour: i64, body: Value) -> Event {
    let published = Published {
        version: id.into(),
        digest: id.into(),
        body: Some(json!({ "ndr": body })),
        artefact: None,
    };
    event(id, hour, Body::PolicyPublished(published))
}

/// An engine that has seen `slow` fail and `swift` deliver a hundred times each.
pub fn taught(capacity: Option<u32>, policy_body: Value) -> Run {
    let mut run = Run::new();
    run.play(&network(capacity), 1);
    for n in 0..100 {
        run.play(&life(&format!("x{n}"), "slow", n * 3, false), 3);
        run.play(&life(&format!("y{n}"), "swift", n * 3 + 1, true), 3);
    }
    run.play(&[policy("v1", 400, policy_body)], 1);
    run.out.outputs.clear();
    run
}

fn reroutes(run: &Run) -> Vec<(OutputType, Value)> {
    let told = run
        .out
        .outputs
        .iter()
        .filter(|(_, output)| output.kind == OutputKind::Reroute);
    told.map(|(_, output)| (output.type_name, output.data.value()))
        .collect()
}

#[test]
fn each_stage_is_scored_and_its_reasons_add_up() {
    let mut run = Run::new();
    run.play(&life("o1", "swift", 0, false), 1);
    for (subject, stage) in [
        ("o1", "placed"),
        ("a-o1", "manifested"),
        ("a-o1", "out_for_delivery"),
        ("a-o1", "attempt_failed"),
    ] {
        let p: f64 = run
            .cell("ndr_scores", &[subject, stage], "probability")
            .parse()
            .unwrap();
        let why: Value =
            serde_json::from_str(run.cell("ndr_scores", &[subject, stage], "contributions")).unwrap();
        let sum: f64 = why
            .as_array()
            .unwrap()
            .iter()
            .map(|reason| reason["contribution"].as_f64().unwrap())
            .sum();
        assert!((sum - (p / (1.0 - p)).ln()).abs() < 1e-4, "{stage}: {sum} of {p}");
        assert!(
            why[0]["topic"] == "base" && why.as_array().unwrap().len() > 1,
            "{why}"
        );
    }
    let last = run.cell("ndr_scores", &["a-o1", "attempt_failed"], "probability");
    assert_eq!(run.cell("shipments", &["a-o1"], "risk"), last);
    assert_eq!(run.cell("ndr_scores", &["a-o1", "manifested"], "order_id"), "o1");
}

#[test]
fn after_a_failure_the_reasons_tell_what_made_the_risk_at_the_door() {
    let mut run = taught(None, json!({}));
    run.play(&life("n1", "slow", 401, false), 1);
    let why: Value =
        serde_json::from_str(run.cell("ndr_scores", &["a-n1", "attempt_failed"], "contributions")).unwrap();
    let features: Vec<&str> = why
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|reason| reason["feature"].as_str())
        .collect();
    assert!(
        features.iter().any(|feature| feature.starts_with("courier"))
            && !features.iter().any(|feature| feature.starts_with("door")),
        "{features:?}"
    );
}

#[test]
fn a_score_knows_nothing_of_later_events() {
    let mut events = network(None);
    for n in 0..30 {
        events.extend(life(&format!("x{n}"), "slow", n * 3, n % 3 == 0));
    }
    let mut whole = Run::new();
    whole.play(&events, 5);
    for cut in [40, 77, 120] {
        let mut prefix = Run::new();
        prefix.play(&events[..cut], 9);
        let told = &prefix.out.outputs;
        assert!(told.len() > 20);
        assert_eq!(told[..], whole.out.outputs[..told.len()]);
    }
}

#[test]
fn outcomes_are_learned() {
    let mut run = taught(None, json!({}));
    run.play(
        &[
            order("n1", 401),
            sent("n1", "slow", 402),
            order("n2", 401),
            sent("n2", "swift", 402),
        ],
        1,
    );
    let risk = |awb: &str| run.cell("shipments", &[awb], "risk").parse::<f64>().unwrap();
    assert!(risk("a-n1") > 0.6, "{}", risk("a-n1"));
    assert!(risk("a-n2") < 0.3, "{}", risk("a-n2"));
}

#[test]
fn a_parcel_at_risk_is_sent_by_the_better_courier_once() {
    let mut run = taught(None, json!({"threshold": 0.5}));
    run.play(&[order("n1", 401), sent("n1", "slow", 402)], 1);
    let told = reroutes(&run);
    let [(OutputType::RerouteRecommended, decision)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        (&decision["action"], &decision["to_courier"]),
        (&json!("switch_courier"), &json!("swift"))
    );
    assert_eq!(decision["policy_version"], "v1");
    assert!(decision["risk_after"].as_f64() < decision["risk_before"].as_f64());
    assert!(decision["expected_gain_minor"].as_i64() > Some(1_000));
    let id = decision["decision_id"].as_str().unwrap().to_owned();

    // The same news again brings no second decision.
    let again = shipment::CourierAssigned {
        awb: "a-n1".into(),
        courier: "slow".into(),
        previous_courier: None,
        decision_id: None,
    };
    run.play(&[event("again", 403, Body::ShipmentCourierAssigned(again))], 1);
    assert_eq!(reroutes(&run).len(), 1);

    let executed = RerouteFeedback {
        decision_id: id.as_str().into(),
        awb: "a-n1".into(),
        actor: None,
        courier: None,
        action: None,
        reason: None,
    };
    run.play(&[event("done", 404, Body::RerouteExecuted(executed))], 1);
    assert_eq!(run.cell("routing_decisions", &[&id], "outcome"), "executed");
    run.play(
        &[event("end", 440, Body::ShipmentDelivered(delivered("a-n1")))],
        1,
    );
    assert_eq!(run.cell("routing_decisions", &[&id], "outcome"), "delivered");
}

#[test]
fn what_was_promised_to_a_courier_counts_against_its_capacity() {
    let mut run = taught(Some(2), json!({"threshold": 0.5}));
    for n in 0..4 {
        let id = format!("n{n}");
        run.play(&[order(&id, 401), sent(&id, "slow", 402)], 1);
    }
    let told = reroutes(&run);
    let kinds: Vec<bool> = told
        .iter()
        .map(|(kind, _)| *kind == OutputType::RerouteRecommended)
        .collect();
    assert_eq!(kinds, [true, true, false, false], "{told:?}");
    let excluded = &told[2].1["alternatives"][1];
    assert_eq!(
        (&excluded["courier"], &excluded["rule"]),
        (&json!("swift"), &json!("no capacity left today"))
    );
}

#[test]
fn switched_off_decisions_are_told_as_suppressed() {
    let mut run = taught(None, json!({"threshold": 0.5, "enabled": false}));
    run.play(&[order("n1", 401), sent("n1", "slow", 402)], 1);
    let told = reroutes(&run);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, OutputType::RerouteSuppressed);
    assert_eq!(
        (&told[0].1["action"], &told[0].1["to_courier"]),
        (&json!("none"), &Value::Null)
    );
    assert!(
        told[0].1["reason"]
            .as_str()
            .unwrap()
            .starts_with("decisions are switched off")
    );
}

#[test]
fn after_pickup_no_other_courier_is_recommended() {
    let mut run = taught(None, json!({"threshold": 0.5}));
    run.play(&life("n1", "slow", 401, false)[..1], 1);
    // The pickup is known before the manifest.
    run.play(
        &[
            event("u", 402, Body::ShipmentPickedUp(scan("a-n1"))),
            sent("n1", "slow", 401),
        ],
        1,
    );
    assert!(reroutes(&run).is_empty());
    let reason = shipment::NdrReason::CustomerUnavailable;
    run.play(
        &[event(
            "f",
            430,
            Body::ShipmentDeliveryFailed(failed("a-n1", reason)),
        )],
        1,
    );
    let told = reroutes(&run);
    assert_eq!(told.len(), 1);
    let actions: Vec<&str> = told[0].1["alternatives"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["action"].as_str().unwrap())
        .collect();
    assert!(
        !actions.contains(&"switch_courier") && actions.contains(&"rto"),
        "{actions:?}"
    );
    let fix = told[0].1["alternatives"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["action"] == "fix_address")
        .unwrap();
    assert_eq!(fix["feasible"], false);
}

#[test]
fn an_engine_without_scores_tells_none() {
    let mut run = Run::with(eddy_processors::Config {
        scores: false,
        ..config()
    });
    run.play(&life("o1", "swift", 0, true), 1);
    assert!(!run.tables.contains_key("ndr_scores"));
    assert!(
        run.out
            .outputs
            .iter()
            .all(|(_, output)| output.kind == OutputKind::Milestone)
    );
}

#[test]
fn a_policy_with_a_slip_is_a_dead_letter_and_the_one_before_stays_in_force() {
    let mut run = taught(None, json!({ "threshold": 0.6 }));
    run.play(&[policy("v2", 401, json!({ "treshold": 0.1 }))], 1);
    let refused: Vec<_> = run.out.dead_letters.iter().map(|(_, letter)| letter).collect();
    assert_eq!(refused.len(), 1);
    let detail = &refused[0].detail;
    assert!(
        detail.contains("treshold") && detail.contains("stays in force"),
        "{detail}"
    );
    run.play(&[order("late", 410), sent("late", "slow", 414)], 1);
    let told = reroutes(&run);
    assert!(
        told.iter().all(|(_, data)| data["policy_version"] == "v1"),
        "{told:?}"
    );
    assert!(!told.is_empty());
}

#[test]
fn scores_are_judged_once_their_outcome_is_known() {
    let run = taught(None, json!({}));
    let mut figures = std::collections::BTreeMap::new();
    for (key, row) in &run.tables["model_performance"] {
        let [_, stage, slice, _, metric] = &key[..] else {
            panic!("{key:?}")
        };
        if stage == "manifested" && metric == "outcomes" {
            *figures.entry(slice.clone()).or_insert(0.0) += row["figure"].parse::<f64>().unwrap();
        }
    }
    // Each of two hundred parcels counts once in each of its slices; of the latest few outcomes a cell may not have told yet.
    for (slice, least) in [
        ("all", 190.0),
        ("courier=slow", 95.0),
        ("courier=swift", 95.0),
        ("payment_mode=cod", 190.0),
    ] {
        let told = figures.get(slice).copied().unwrap_or_default();
        assert!((least..=least * 200.0 / 190.0).contains(&told), "{slice}: {told}");
    }
}

#[test]
fn every_decision_about_a_parcel_learns_how_it_ended() {
    let mut run = taught(None, json!({ "threshold": 0.5 }));
    run.play(&life("n1", "slow", 401, false), 1);
    let told = reroutes(&run);
    let ids: Vec<&str> = told
        .iter()
        .filter_map(|(_, data)| data["decision_id"].as_str())
        .collect();
    assert!(
        ids.len() > 1,
        "one before pickup, one after the failed attempt: {told:?}"
    );
    for id in ids {
        assert_eq!(
            run.cell("routing_decisions", &[id], "outcome"),
            "not_delivered",
            "{id}"
        );
    }
}
