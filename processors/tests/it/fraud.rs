//! Fraud, by given / when / then: what raises an alert, what excuses, what takes it back, and what people's verdicts do.

use eddy_events::feedback::{AlertReview, AuditSampleReviewed, ClockTicked, Published, Verdict};
use eddy_events::output::{OutputKind, OutputType};
use eddy_events::{Body, Event, Timestamp, context, money, order, returns, shipment};
use serde_json::{Value, json};

use crate::history::*;
use crate::support::Run;

const DAY: i64 = 24;

/// An article of 1,000 g that may come back within ten days.
fn article(sku: &str) -> Event {
    let item = context::CatalogueItemUpdated {
        weight_g: Some(1_000),
        returnable_days: Some(10),
        ..catalogue(sku, "phone", 900_000)
    };
    event(
        &format!("cat-{sku}"),
        -10,
        Body::ContextCatalogueItemUpdated(item),
    )
}

fn sold(id: &str, customer: &str, hour: i64) -> Event {
    let placed = order::Placed {
        payment_mode: order::PaymentMode::Prepaid,
        instrument_hash: Some(format!("ih-{customer}").into()),
        ..placed(id, customer, vec![line("l1", "s1", 1, 900_000)])
    };
    event(&format!("{id}-p"), hour, Body::OrderPlaced(Box::new(placed)))
}

fn sent(id: &str, hour: i64) -> Vec<Event> {
    let awb = format!("a-{id}");
    let manifest = shipment::Manifested {
        weight_g: Some(1_050),
        lines: Some(vec![shipment::Line {
            line_id: "l1".into(),
            sku: "s1".into(),
            qty: 1,
            serial: Some(format!("SN-{id}-000001").into()),
            batch: None,
        }]),
        ..manifested(&awb, id)
    };
    vec![
        event(
            &format!("{id}-m"),
            hour,
            Body::ShipmentManifested(Box::new(manifest)),
        ),
        event(
            &format!("{id}-d"),
            hour + 40,
            Body::ShipmentDelivered(delivered(&awb)),
        ),
    ]
}

/// A sale that was delivered, and a request to take it back on the fifth day.
fn asked_back(id: &str, customer: &str) -> Vec<Event> {
    let mut told = vec![article("s1"), sold(id, customer, 0)];
    told.extend(sent(id, 5));
    let request = returns::Requested {
        customer_id: Some(customer.into()),
        ..requested(&format!("r-{id}"), Some(id), vec![asked(Some("l1"), "s1", 1)])
    };
    told.push(event(
        &format!("{id}-q"),
        5 * DAY,
        Body::ReturnRequested(Box::new(request)),
    ));
    told
}

/// The way back: manifested, weighed at pickup.
fn handed(id: &str, weight_g: u32) -> Vec<Event> {
    let awb = format!("b-{id}");
    let manifest = shipment::Manifested {
        leg: shipment::Leg::Reverse,
        rma_id: Some(format!("r-{id}").into()),
        destination_pincode: "110001".into(),
        ..manifested(&awb, id)
    };
    let pickup = shipment::Scan {
        weight_g: Some(weight_g),
        ..scan(&awb)
    };
    vec![
        event(
            &format!("{id}-bm"),
            6 * DAY,
            Body::ShipmentManifested(Box::new(manifest)),
        ),
        event(&format!("{id}-bp"), 6 * DAY + 5, Body::ShipmentPickedUp(pickup)),
    ]
}

fn came(id: &str, weight_g: u32, hour: i64) -> Event {
    let receipt = returns::Received {
        weight_g: Some(weight_g),
        ..received(&format!("r-{id}"), "hub-1", &[("l1", "s1", 1)])
    };
    event(&format!("{id}-rc"), hour, Body::ReturnReceived(receipt))
}

fn looked_at(id: &str, matched: returns::Match, hour: i64) -> Event {
    let inspection = returns::Inspected {
        matched: Some(matched),
        ..inspected(&format!("r-{id}"), "l1", Some("hub-1"), returns::Grade::Reject)
    };
    event(&format!("{id}-in{hour}"), hour, Body::ReturnInspected(inspection))
}

fn paid_back(id: &str, hour: i64) -> Event {
    let refund = money::Refund {
        order_id: Some(id.into()),
        instrument_hash: None,
        ..refund(&format!("f-{id}"), Some(&format!("r-{id}")), Some("l1"), 900_000)
    };
    event(&format!("{id}-rf"), hour, Body::RefundIssued(Box::new(refund)))
}

fn tick(hour: i64) -> Event {
    let at = Timestamp::utc(START + hour * HOUR);
    event(
        &format!("tick-{hour}"),
        hour,
        Body::ClockTicked(ClockTicked { at }),
    )
}

fn reviewed(id: &str, alert: &str, verdict: Verdict, hour: i64) -> Event {
    let review = AlertReview {
        alert_id: alert.into(),
        actor: "asha".into(),
        verdict: Some(verdict),
        reason: Some("seen".into()),
        loss_minor: Some(900_000),
    };
    event(id, hour, Body::AlertReviewed(review))
}

fn policy(id: &str, hour: i64, body: Value) -> Event {
    let published = Published {
        version: id.into(),
        digest: id.into(),
        body: Some(json!({ "fraud": body })),
        artefact: None,
    };
    event(id, hour, Body::PolicyPublished(published))
}

/// Type, pattern and data of the alerts told.
fn alerts(run: &Run) -> Vec<(OutputType, String, Value)> {
    run.out
        .outputs
        .iter()
        .filter(|(_, output)| output.kind == OutputKind::FraudAlert)
        .map(|(_, output)| {
            let data = output.data.value();
            (
                output.type_name,
                data["pattern"].as_str().unwrap_or("").to_owned(),
                data,
            )
        })
        .collect()
}

/// The one alert of a pattern, with its status in the table.
fn alert(run: &Run, pattern: &str) -> Option<(String, String)> {
    let rows = run.tables.get("fraud_alerts")?;
    let row = rows.values().find(|row| row["pattern"] == pattern)?;
    Some((row["alert_id"].clone(), row["status"].clone()))
}

fn status(run: &Run, pattern: &str) -> String {
    alert(run, pattern).map(|(_, status)| status).unwrap_or_default()
}

fn score(run: &Run, rma: &str) -> f64 {
    run.cell("return_scores", &[rma], "score").parse().unwrap()
}

#[test]
fn an_empty_box_raises_one_alert_with_its_evidence() {
    let mut run = Run::new();
    run.play(&asked_back("o1", "c1"), 1);
    let quiet = score(&run, "r-o1");
    run.play(&handed("o1", 200), 1);
    run.play(&[came("o1", 190, 8 * DAY)], 1);
    run.play(&[looked_at("o1", returns::Match::PartsMissing, 9 * DAY)], 1);
    let told = alerts(&run);
    let raised: Vec<_> = told
        .iter()
        .filter(|(kind, pattern, _)| *kind == OutputType::FraudAlertRaised && pattern == "empty_box")
        .collect();
    assert_eq!(raised.len(), 1, "{told:?}");
    let data = &raised[0].2;
    assert_eq!(
        (&data["subject_kind"], &data["subject_id"]),
        (&json!("return"), &json!("r-o1"))
    );
    assert_eq!(
        (&data["status"], &data["action"]),
        (&json!("open"), &json!("review"))
    );
    assert_eq!(data["evidence"][0]["id"], "o1-rc");
    assert_eq!(data["evidence"][0]["source"], "urn:test");
    assert_eq!(data["counter_evidence"][0]["looked_for"], "courier pilferage");
    assert_eq!(data["counter_evidence"][0]["found"], false);
    assert!(score(&run, "r-o1") > 0.5 && quiet < 0.05, "{quiet}");
    assert!(
        run.cell("return_scores", &["r-o1"], "patterns")
            .contains("empty_box")
    );
}

#[test]
fn a_parcel_emptied_on_the_way_accuses_nobody() {
    let mut run = Run::new();
    run.play(&asked_back("o1", "c1"), 1);
    run.play(&handed("o1", 1_040), 1);
    run.play(
        &[
            came("o1", 190, 8 * DAY),
            looked_at("o1", returns::Match::PartsMissing, 9 * DAY),
        ],
        1,
    );
    assert_eq!(status(&run, "empty_box"), "", "{:?}", alerts(&run));
}

#[test]
fn an_alert_goes_when_its_evidence_is_voided() {
    let mut run = Run::new();
    run.play(&asked_back("o1", "c1"), 1);
    run.play(&handed("o1", 200), 1);
    run.play(&[came("o1", 190, 8 * DAY)], 1);
    assert_eq!(status(&run, "empty_box"), "open");
    run.play(&[event("v1", 9 * DAY, Body::EventVoided(voided("o1-rc")))], 1);
    assert_eq!(status(&run, "empty_box"), "cleared");
    let last = alerts(&run).pop().unwrap();
    assert_eq!(last.0, OutputType::FraudAlertCleared);
}

#[test]
fn a_sale_that_comes_late_clears_the_return_without_one() {
    let mut run = Run::new();
    let told = asked_back("o1", "c1");
    let (request, sale) = (&told[told.len() - 1], &told[1]);
    run.play(&[article("s1"), request.clone()], 1);
    assert_eq!(
        status(&run, "no_matching_sale"),
        "",
        "an order that is named may still come"
    );
    run.play(&[tick(8 * DAY - 1)], 1);
    assert_eq!(status(&run, "no_matching_sale"), "");
    run.play(&[tick(8 * DAY + 1)], 1);
    assert_eq!(status(&run, "no_matching_sale"), "open");
    run.play(std::slice::from_ref(sale), 1);
    assert_eq!(status(&run, "no_matching_sale"), "cleared");
}

#[test]
fn a_refund_whose_goods_never_come_is_told_by_the_first_event_past_the_deadline() {
    let mut run = Run::new();
    run.play(&asked_back("o1", "c1"), 1);
    run.play(&[paid_back("o1", 6 * DAY), tick(13 * DAY - 1)], 1);
    assert_eq!(status(&run, "refund_before_receipt"), "");
    run.play(&[tick(13 * DAY + 1)], 1);
    assert_eq!(status(&run, "refund_before_receipt"), "open");
    let (cause, output) = run.out.outputs.last().unwrap();
    assert_eq!(output.type_name, OutputType::FraudAlertRaised);
    assert_eq!(
        output.causation_id.as_deref(),
        Some(&*format!("tick-{}", 13 * DAY + 1))
    );
    assert_eq!(cause.sequence, run.engine.progress().sequence);
    // The parcel turns up.
    run.play(&[came("o1", 1_000, 15 * DAY)], 1);
    assert_eq!(status(&run, "refund_before_receipt"), "cleared");
}

#[test]
fn fake_attempts_are_the_agents_and_never_the_buyers() {
    let mut run = Run::new();
    for n in 0..40 {
        let id = format!("h{n}");
        run.play(&attempt(&id, "honest", n, true), 2);
    }
    for n in 0..8 {
        let id = format!("x{n}");
        run.play(&attempt(&id, "faker", 50 + n, false), 2);
    }
    let told = alerts(&run);
    assert!(!told.is_empty());
    for (_, pattern, data) in &told {
        assert_eq!(
            (pattern.as_str(), &data["subject_kind"]),
            ("fake_attempt", &json!("courier_agent"))
        );
        assert_eq!(
            (&data["agent"], &data["customer_id"]),
            (&json!("faker"), &Value::Null)
        );
        assert_eq!(data["courier"], "swift");
    }
}

fn attempt(id: &str, agent: &str, hour: i64, proven: bool) -> Vec<Event> {
    let awb = format!("a-{id}");
    let failure = shipment::DeliveryFailed {
        agent: Some(agent.into()),
        proof: Some(shipment::Proof {
            call: Some(proven),
            gps: Some(proven),
            otp: Some(false),
            signature: None,
        }),
        ..failed(&awb, shipment::NdrReason::CustomerUnavailable)
    };
    vec![
        event(
            &format!("{id}-m"),
            hour,
            Body::ShipmentManifested(Box::new(manifested(&awb, id))),
        ),
        event(
            &format!("{id}-f"),
            hour + 1,
            Body::ShipmentDeliveryFailed(failure),
        ),
    ]
}

#[test]
fn whoever_sends_back_nearly_everything_is_found_and_whoever_keeps_most_is_not() {
    let mut run = Run::new();
    run.play(&[article("s1")], 1);
    for (customer, back) in [("serial", 8), ("loyal", 2)] {
        for n in 0..10 {
            let id = format!("{customer}-{n}");
            let hour = n * 3 * DAY;
            run.play(&[sold(&id, customer, hour)], 1);
            run.play(&sent(&id, hour + 2), 1);
            if n < back {
                let request = returns::Requested {
                    customer_id: Some(customer.into()),
                    ..requested(&format!("r-{id}"), Some(&id), vec![asked(Some("l1"), "s1", 1)])
                };
                run.play(
                    &[event(
                        &format!("{id}-q"),
                        hour + 50,
                        Body::ReturnRequested(Box::new(request)),
                    )],
                    1,
                );
            }
        }
    }
    let customers: Vec<String> = alerts(&run)
        .into_iter()
        .filter(|(_, pattern, _)| pattern == "serial_returner")
        .map(|(_, _, data)| data["customer_id"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        !customers.is_empty() && customers.iter().all(|customer| customer == "serial"),
        "{customers:?}"
    );
}

/// A decoy returned by somebody of whom phone and device are told.
fn decoy(id: &str, customer: &str) -> Vec<Event> {
    let mut told = asked_back(id, customer);
    told.extend(handed(id, 900));
    told.push(came(id, 880, 8 * DAY));
    told.push(looked_at(id, returns::Match::MismatchClass, 9 * DAY));
    told
}

#[test]
fn a_verdict_sets_the_status_teaches_and_can_be_taken_back() {
    let mut run = Run::new();
    run.play(&decoy("o1", "c1"), 1);
    let (id, open) = alert(&run, "decoy").unwrap();
    assert_eq!(open, "open");
    run.play(&[reviewed("rv1", &id, Verdict::Confirmed, 10 * DAY)], 1);
    assert_eq!(run.cell("fraud_alerts", &[&id], "status"), "confirmed");
    assert_eq!(run.cell("fraud_alerts", &[&id], "actor"), "asha");
    assert_eq!(run.cell("fraud_alerts", &[&id], "confirmed_loss_minor"), "900000");
    // Repeating the event changes nothing.
    let before = run.engine.digest();
    run.play(&[reviewed("rv1", &id, Verdict::Confirmed, 10 * DAY)], 1);
    assert_eq!(run.engine.digest().outputs, before.outputs);
    // Whoever was confirmed is looked at with other eyes.
    let mut other = Run::new();
    other.play(&asked_back("o2", "c2"), 1);
    let stranger = score(&other, "r-o2");
    run.play(&asked_back("o2", "c1"), 1);
    let known = score(&run, "r-o2");
    assert!(known > stranger * 3.0, "{known} {stranger}");
    let overturned = AlertReview {
        alert_id: id.as_str().into(),
        actor: "ravi".into(),
        verdict: None,
        reason: None,
        loss_minor: None,
    };
    run.play(&[event("ov", 11 * DAY, Body::AlertOverturned(overturned))], 1);
    assert_eq!(run.cell("fraud_alerts", &[&id], "status"), "overturned");
    assert!(score(&run, "r-o2") < known);
}

#[test]
fn dismissals_and_audits_lower_what_such_a_finding_is_worth() {
    let mut run = Run::new();
    run.play(&decoy("o1", "c1"), 1);
    let first = score(&run, "r-o1");
    for n in 0..12 {
        let (order, customer) = (format!("d{n}"), format!("cd{n}"));
        run.play(&decoy(&order, &customer), 1);
        let audit = AuditSampleReviewed {
            rma_id: format!("r-{order}").into(),
            actor: "asha".into(),
            fraudulent: false,
            pattern: None,
        };
        run.play(
            &[event(
                &format!("au{n}"),
                10 * DAY,
                Body::AuditSampleReviewed(audit),
            )],
            1,
        );
    }
    run.play(&decoy("o2", "c2"), 1);
    assert!(
        score(&run, "r-o2") < first * 0.7,
        "{} {first}",
        score(&run, "r-o2")
    );
}

#[test]
fn an_alert_that_nobody_decides_runs_out() {
    let mut run = Run::new();
    run.play(&[policy("v1", -1, json!({"expire_days": 20}))], 1);
    run.play(&decoy("o1", "c1"), 1);
    run.play(&[tick(9 * DAY + 19 * DAY)], 1);
    assert_eq!(status(&run, "decoy"), "open");
    run.play(&[tick(9 * DAY + 21 * DAY)], 1);
    assert_eq!(status(&run, "decoy"), "expired");
    assert_eq!(alerts(&run).pop().unwrap().0, OutputType::FraudAlertExpired);
}

#[test]
fn a_policy_turns_patterns_off_and_blocking_on() {
    let mut run = Run::new();
    run.play(
        &[policy(
            "v7",
            -1,
            json!({"patterns": {"empty_box": {"enabled": false}, "decoy": {"action": "block", "block_above": 0.3}}}),
        )],
        1,
    );
    run.play(&decoy("o1", "c1"), 1);
    let (id, _) = alert(&run, "decoy").unwrap();
    assert_eq!(run.cell("fraud_alerts", &[&id], "action"), "block");
    assert_eq!(run.cell("fraud_alerts", &[&id], "policy_version"), "v7");
    run.play(&asked_back("o2", "c2"), 1);
    run.play(&handed("o2", 200), 1);
    run.play(&[came("o2", 190, 8 * DAY)], 1);
    assert_eq!(status(&run, "empty_box"), "");
}

#[test]
fn a_fraud_policy_with_a_slip_is_a_dead_letter() {
    let mut run = Run::new();
    run.play(&[policy("v1", 0, json!({"patterns": {"empty_boks": {}}}))], 1);
    let [(_, letter)] = &run.out.dead_letters[..] else {
        panic!("{:?}", run.out.dead_letters)
    };
    assert!(
        letter.detail.contains("empty_boks") && letter.detail.contains("stays in force"),
        "{}",
        letter.detail
    );
}

#[test]
fn linked_accounts_have_a_cluster_and_a_reason() {
    let mut run = Run::new();
    for (n, phone) in [(1, "ph-1"), (2, "ph-1"), (3, "ph-3")] {
        let placed = order::Placed {
            phone_hash: Some(phone.into()),
            device_hash: Some(if n > 1 { "dev" } else { "own" }.into()),
            ..placed(&format!("o{n}"), &format!("c{n}"), vec![line("l1", "s1", 1, 100)])
        };
        run.play(
            &[event(&format!("p{n}"), n, Body::OrderPlaced(Box::new(placed)))],
            1,
        );
    }
    assert_eq!(run.cell("customers", &["c2"], "cluster_id"), "c1");
    assert_eq!(run.cell("customers", &["c1"], "cluster_id"), "c1");
    assert_eq!(run.cell("customers", &["c3"], "cluster_id"), "");
    let why = run.engine.why_linked("c1", "c3").unwrap();
    assert_eq!(why[0]["shared"][0]["kind"], "phone");
    assert_eq!(why[1]["shared"][0]["kind"], "device");
    assert_eq!(why[1]["shared"][0]["merges"], false);
}

#[test]
fn an_exchange_or_a_claim_that_is_voided_no_longer_makes_a_second_refund() {
    let exchange = money::ExchangeCreated {
        exchange_id: "x1".into(),
        rma_id: "r-o1".into(),
        line_id: "l1".into(),
        new_order_id: "o9".into(),
        price_difference_minor: None,
    };
    let claim = money::Claim {
        claim_id: "cl1".into(),
        order_id: "o1".into(),
        line_id: Some("l1".into()),
        awb: None,
        customer_id: "c1".into(),
        kind: money::ClaimKind::Chargeback,
        amount_minor: 900_000,
        image_hash: None,
        outcome: None,
    };
    for body in [Body::ExchangeCreated(exchange), Body::ClaimSubmitted(claim)] {
        let mut run = Run::new();
        run.play(&asked_back("o1", "c1"), 1);
        run.play(&[came("o1", 1_000, 8 * DAY), paid_back("o1", 9 * DAY)], 1);
        assert_eq!(status(&run, "double_dip"), "");
        run.play(&[event("second", 10 * DAY, body)], 1);
        assert_eq!(status(&run, "double_dip"), "open");
        run.play(&[event("v1", 11 * DAY, Body::EventVoided(voided("second")))], 1);
        assert_eq!(status(&run, "double_dip"), "cleared");
    }
}

#[test]
fn a_picture_of_a_claim_that_was_voided_was_never_shown() {
    let claim = |id: &str, order: &str, customer: &str| money::Claim {
        claim_id: id.into(),
        order_id: order.into(),
        line_id: Some("l1".into()),
        awb: None,
        customer_id: customer.into(),
        kind: money::ClaimKind::Damaged,
        amount_minor: 900_000,
        image_hash: Some("picture".into()),
        outcome: None,
    };
    let mut run = Run::new();
    run.play(&asked_back("o1", "c1"), 1);
    run.play(&asked_back("o2", "c2"), 1);
    run.play(
        &[
            event("k1", 6 * DAY, Body::ClaimSubmitted(claim("cl1", "o1", "c1"))),
            event("k2", 7 * DAY, Body::ClaimSubmitted(claim("cl2", "o2", "c2"))),
        ],
        1,
    );
    assert_eq!(status(&run, "false_damage_claim"), "open");
    run.play(&[event("v1", 8 * DAY, Body::EventVoided(voided("k2")))], 1);
    assert_eq!(status(&run, "false_damage_claim"), "cleared");
}

#[test]
fn an_audit_that_is_voided_teaches_nothing_in_the_end() {
    let mut run = Run::new();
    run.play(&decoy("o1", "c1"), 1);
    let before = score(&run, "r-o1");
    let audit = AuditSampleReviewed {
        rma_id: "r-o1".into(),
        actor: "asha".into(),
        fraudulent: false,
        pattern: None,
    };
    run.play(&[event("au1", 10 * DAY, Body::AuditSampleReviewed(audit))], 1);
    run.play(&[event("v1", 11 * DAY, Body::EventVoided(voided("au1")))], 1);
    run.play(&decoy("o2", "c2"), 1);
    assert!(
        (score(&run, "r-o2") - before).abs() < 0.01,
        "{} {before}",
        score(&run, "r-o2")
    );
}

#[test]
fn what_was_voided_before_it_came_shows_nothing() {
    let mut run = Run::new();
    run.play(&asked_back("o1", "c1"), 1);
    run.play(&handed("o1", 200), 1);
    run.play(&[event("v1", 7 * DAY, Body::EventVoided(voided("o1-rc")))], 1);
    run.play(&[came("o1", 190, 8 * DAY)], 1);
    assert_eq!(status(&run, "empty_box"), "");
}

#[test]
fn fraud_is_found_without_scores_of_parcels() {
    let mut run = Run::with(eddy_processors::Config {
        risk: false,
        ..crate::support::config()
    });
    run.play(&decoy("o1", "c1"), 1);
    assert_eq!(status(&run, "decoy"), "open");
    assert!(!run.tables.contains_key("ndr_scores"));
}

#[test]
fn an_engine_without_scores_raises_nothing() {
    let mut run = Run::with(eddy_processors::Config {
        scores: false,
        ..crate::support::config()
    });
    run.play(&decoy("o1", "c1"), 1);
    assert!(alerts(&run).is_empty());
    assert!(!run.tables.contains_key("return_scores"));
}
