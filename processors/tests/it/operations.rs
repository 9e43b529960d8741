//! Operations: terms that pass and are met late, and advice on what becomes of a line.

use eddy_events::returns::{Disposition, Grade};
use eddy_events::{Body, Event, Timestamp, feedback, money, returns};
use serde_json::{Value, json};

use crate::history::*;
use crate::support::{LOGGED_AT, Row, Run, config};

/// Terms and advice alone.
fn run(events: &[Event]) -> Run {
    let mut run = Run::with(eddy_processors::Config {
        scores: false,
        ..config()
    });
    run.play(events, 1);
    run
}

fn tick(hour: i64) -> Event {
    let at = Timestamp::utc(START + hour * HOUR);
    event(
        &format!("tick-{hour}"),
        hour,
        Body::ClockTicked(feedback::ClockTicked { at }),
    )
}

fn policy(id: &str, hour: i64, body: Value) -> Event {
    let published = feedback::Published {
        version: id.into(),
        digest: "d".into(),
        body: Some(body),
        artefact: None,
    };
    event(id, hour, Body::PolicyPublished(published))
}

fn at(hour: i64) -> String {
    (START + hour * HOUR).to_string()
}

/// Outputs of a type, as JSON.
fn told(run: &Run, kind: &str) -> Vec<Value> {
    let outputs = run.out.outputs.iter().map(|(_, output)| output);
    outputs
        .filter(|output| output.type_name.as_str() == kind)
        .map(|output| output.data.value())
        .collect()
}

fn breaches(run: &Run) -> Vec<(&str, &str, String, &str)> {
    let rows = run
        .tables
        .get("sla_breaches")
        .into_iter()
        .flat_map(|rows| rows.values());
    let mut found: Vec<_> = rows
        .map(|row| {
            let cell = |name: &str| row.get(name).map_or("", String::as_str);
            let hour = |name: &str| cell(name).parse::<i64>().map_or(-1, |at| (at - START) / HOUR);
            let resolved = if cell("resolved_at").is_empty() {
                "open"
            } else {
                "resolved"
            };
            (
                cell("subject_id"),
                cell("sla"),
                hour("due_at").to_string(),
                resolved,
            )
        })
        .collect();
    found.sort();
    found
}

fn request(hour: i64) -> Vec<Event> {
    let request = requested("r1", Some("o1"), vec![asked(Some("l1"), "s1", 1)]);
    let authorised = returns::Authorised {
        rma_id: "r1".into(),
        policy_version: None,
        by: None,
    };
    vec![
        event("q", hour, Body::ReturnRequested(Box::new(request))),
        event("ok", hour + 2, Body::ReturnAuthorised(authorised)),
    ]
}

fn picked_up(hour: i64) -> Event {
    let body = returns::Pickup {
        rma_id: "r1".into(),
        awb: None,
        courier: None,
        scheduled_for: None,
        reason: None,
    };
    event("up", hour, Body::ReturnPickedUp(body))
}

fn arrived(hour: i64) -> Event {
    event(
        "g",
        hour,
        Body::ReturnReceived(received("r1", "hub-1", &[("l1", "s1", 1)])),
    )
}

fn graded(id: &str, hour: i64, grade: Grade) -> Event {
    event(
        id,
        hour,
        Body::ReturnInspected(inspected("r1", "l1", Some("hub-1"), grade)),
    )
}

fn decided(hour: i64, disposition: Disposition) -> Event {
    let body = returns::Dispositioned {
        rma_id: "r1".into(),
        line_id: "l1".into(),
        disposition,
        expected_recovery_minor: None,
    };
    event("dp", hour, Body::ReturnDispositioned(body))
}

#[test]
fn a_term_that_passes_is_told_once_and_resolved_by_what_was_awaited() {
    let mut run = run(&request(0));
    run.play(&[tick(49)], 1);
    assert!(breaches(&run).is_empty(), "two hours are left");
    run.play(&[tick(51), tick(70)], 1);
    let found = told(&run, "eddy.sla.breached");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["sla"], "pickup_stalled");
    assert_eq!(found[0]["subject_id"], "r1");
    assert_eq!(found[0]["order_id"], "o1");
    let key = ["return", "r1", "pickup_stalled", &at(50)];
    assert_eq!(run.cell("sla_breaches", &key, "breached_at"), at(51));
    assert_eq!(run.cell("sla_breaches", &key, "resolved_at"), "");
    run.play(&[picked_up(75)], 1);
    assert_eq!(run.cell("sla_breaches", &key, "resolved_at"), at(75));
    assert_eq!(told(&run, "eddy.sla.breached").len(), 1);
}

/// After weeks of silence the first event finds more terms passed than a 16-bit number counts: each is told, in the order of its cause.
#[test]
fn one_event_may_bring_more_outputs_than_sixteen_bits_count() {
    const RETURNS: u32 = 70_000;
    let bare = eddy_processors::Config {
        scores: false,
        anomalies: false,
        ..config()
    };
    let mut engine = eddy_processors::Engine::new(bare).unwrap();
    let mut out = eddy_processors::Emitted::default();
    let mut sequence = 0;
    let mut feed = |out: &mut _, event: &Event| {
        sequence += 1;
        let position = eddy_events::Position { sequence, index: 0 };
        let line = eddy_events::codec::encode(event);
        engine.apply(eddy_processors::Prepared::decode(position, LOGGED_AT, &line), out);
    };
    for number in 0..RETURNS {
        let rma = format!("r{number}");
        let request = requested(&rma, None, vec![asked(Some("l1"), "s1", 1)]);
        let authorised = returns::Authorised {
            rma_id: rma.as_str().into(),
            policy_version: None,
            by: None,
        };
        let bodies = [
            Body::ReturnRequested(Box::new(request)),
            Body::ReturnAuthorised(authorised),
        ];
        for (step, body) in bodies.into_iter().enumerate() {
            feed(&mut out, &event(&format!("{rma}-{step}"), 0, body));
        }
    }
    out.outputs.clear();
    feed(&mut out, &tick(23 * 24));
    let causes: Vec<_> = out.outputs.iter().map(|(cause, _)| *cause).collect();
    assert_eq!(causes.len(), RETURNS as usize);
    assert!(causes.is_sorted_by(|one, next| one < next));
    assert!(causes.iter().all(|cause| cause.count == RETURNS));
    let last = causes.last().unwrap();
    assert!(last.is_last());
    assert_eq!(last.to_string().parse(), Ok(*last));
    assert!(!causes[65_535].is_last());
}

#[test]
fn the_awaited_event_itself_brings_the_breach_when_it_is_the_first_to_pass_the_term() {
    let mut log = request(0);
    log.push(picked_up(90));
    let run = run(&log);
    let key = ["return", "r1", "pickup_stalled", &at(50)];
    assert_eq!(run.cell("sla_breaches", &key, "resolved_at"), at(90));
}

#[test]
fn a_late_report_of_work_in_time_resolves_with_its_own_time() {
    let mut run = run(&request(0));
    run.play(&[tick(60), picked_up(20)], 1);
    let key = ["return", "r1", "pickup_stalled", &at(50)];
    assert_eq!(run.cell("sla_breaches", &key, "resolved_at"), at(20));
}

#[test]
fn each_step_of_a_return_has_its_term() {
    let mut log = request(0);
    log.extend([
        picked_up(10),
        tick(260),
        arrived(270),
        tick(320),
        graded("i", 330, Grade::A),
        tick(380),
        decided(390, Disposition::Restock),
        tick(500),
    ]);
    let mut run = run(&log);
    assert_eq!(
        breaches(&run),
        [
            ("r1", "disposition_overdue", "378".to_owned(), "resolved"),
            ("r1", "inspection_overdue", "318".to_owned(), "resolved"),
            ("r1", "receipt_missing", "250".to_owned(), "resolved"),
            ("r1", "restock_overdue", "462".to_owned(), "open"),
        ]
    );
    let key = ["return", "r1", "inspection_overdue", &at(318)];
    assert_eq!(run.cell("sla_breaches", &key, "facility"), "hub-1");
    run.play(
        &[event(
            "re",
            510,
            Body::ReturnRestocked(processed("r1", "l1", "s1", 1)),
        )],
        1,
    );
    assert!(breaches(&run).iter().all(|(.., state)| *state == "resolved"));
}

#[test]
fn a_parcel_without_scans_is_missed_each_time_anew() {
    let log = [
        event("m", 0, Body::ShipmentManifested(Box::new(manifested("a1", "o1")))),
        event("u", 5, Body::ShipmentPickedUp(scan("a1"))),
        event("t", 100, Body::ShipmentInTransit(scan("a1"))),
        tick(219),
    ];
    let mut run = run(&log);
    assert!(breaches(&run).is_empty(), "each scan moves the term");
    run.play(
        &[
            tick(221),
            event("t2", 230, Body::ShipmentInTransit(scan("a1"))),
            tick(349),
            tick(351),
        ],
        1,
    );
    assert_eq!(
        breaches(&run),
        [
            ("a1", "missing_scan", "220".to_owned(), "resolved"),
            ("a1", "missing_scan", "350".to_owned(), "open"),
        ]
    );
    run.play(
        &[
            event("d", 352, Body::ShipmentDelivered(delivered("a1"))),
            tick(900),
        ],
        1,
    );
    assert_eq!(told(&run, "eddy.sla.breached").len(), 2);
    assert!(breaches(&run).iter().all(|(.., state)| *state == "resolved"));
}

#[test]
fn a_parcel_that_brings_a_return_back_is_its_pickup() {
    let mut back = manifested("b1", "o1");
    back.leg = eddy_events::shipment::Leg::Reverse;
    back.rma_id = Some("r1".into());
    let mut log = request(0);
    log.extend([
        event("m", 3, Body::ShipmentManifested(Box::new(back))),
        event("u", 30, Body::ShipmentPickedUp(scan("b1"))),
        tick(100),
    ]);
    assert!(breaches(&run(&log)).is_empty());
}

#[test]
fn a_log_of_the_past_in_any_order_breaches_nothing_that_was_done() {
    let mut log = vec![tick(600)];
    log.extend(request(0));
    log.extend([
        graded("i", 60, Grade::A),
        arrived(40),
        event("re", 90, Body::ReturnRestocked(processed("r1", "l1", "s1", 1))),
        picked_up(20),
        tick(700),
    ]);
    assert!(breaches(&run(&log)).is_empty());
    let late: Vec<Event> = [tick(600)]
        .into_iter()
        .chain(request(0))
        .chain([tick(602)])
        .collect();
    assert_eq!(
        breaches(&run(&late)).len(),
        1,
        "what was not done is told after its grace"
    );
}

#[test]
fn a_refund_is_due_when_it_says_so_else_by_the_policy() {
    let mut stated = refund("f1", Some("r1"), None, 700);
    stated.due_at = Some(Timestamp::utc(START + 30 * HOUR));
    let log = [
        event("x", 0, Body::RefundInitiated(Box::new(stated.clone()))),
        event(
            "y",
            0,
            Body::RefundInitiated(Box::new(refund("f2", None, None, 1))),
        ),
        tick(31),
        tick(169),
        event("z", 170, Body::RefundIssued(Box::new(stated))),
    ];
    assert_eq!(
        breaches(&run(&log)),
        [
            ("f1", "refund_overdue", "30".to_owned(), "resolved"),
            ("f2", "refund_overdue", "168".to_owned(), "open"),
        ]
    );
}

fn claim(amount: i64) -> Box<money::SupplierClaim> {
    Box::new(money::SupplierClaim {
        claim_id: "sc1".into(),
        supplier_id: "v1".into(),
        rma_id: Some("r1".into()),
        sku: "s1".into(),
        amount_minor: amount,
        due_at: Some(Timestamp::utc(START + 100 * HOUR)),
    })
}

#[test]
fn a_claim_against_a_supplier_that_is_not_answered_is_overdue() {
    let mut run = run(&[event("f", 0, Body::SupplierClaimFiled(*claim(100))), tick(101)]);
    assert_eq!(
        breaches(&run),
        [("sc1", "claim_overdue", "100".to_owned(), "open")]
    );
    run.play(&[event("s", 110, Body::SupplierClaimSettled(*claim(60)))], 1);
    assert_eq!(breaches(&run)[0].3, "resolved");
    assert_eq!(run.cell("supplier_claims", &["sc1"], "claimed_minor"), "100");
    assert_eq!(run.cell("supplier_claims", &["sc1"], "settled_minor"), "60");
}

#[test]
fn a_breach_whose_end_is_taken_back_is_open_again_and_not_told_twice() {
    let mut run = run(&request(0));
    run.play(&[tick(60), picked_up(61)], 1);
    assert_eq!(breaches(&run)[0].3, "resolved");
    run.play(&[event("v", 62, Body::EventVoided(voided("up"))), tick(64)], 1);
    assert_eq!(
        breaches(&run),
        [("r1", "pickup_stalled", "50".to_owned(), "open")]
    );
    assert_eq!(told(&run, "eddy.sla.breached").len(), 1);
    run.play(&[event("w", 65, Body::EventVoided(voided("q")))], 1);
    assert_eq!(
        breaches(&run)[0].3,
        "resolved",
        "without a request nothing is awaited"
    );
}

#[test]
fn a_policy_sets_the_hours_and_turns_terms_off() {
    let sla = json!({"sla": {"pickup_hours": 12, "receipt_hours": null}});
    let mut log = vec![policy("p7", 0, sla)];
    log.extend(request(0));
    log.extend([tick(15), picked_up(16), tick(900)]);
    let run = run(&log);
    assert_eq!(
        breaches(&run),
        [("r1", "pickup_stalled", "14".to_owned(), "resolved")]
    );
    let key = ["return", "r1", "pickup_stalled", &at(14)];
    assert_eq!(run.cell("sla_breaches", &key, "policy_version"), "p7");
}

#[test]
fn a_slip_in_a_policy_is_a_dead_letter_and_the_one_before_stays() {
    let mut run = run(&[
        policy("p1", 0, json!({"sla": {"pickup_hours": 12}})),
        policy("p2", 1, json!({"sla": {"pickup_hour": 20}})),
        policy(
            "p3",
            1,
            json!({"sla": {"scan_hours": 9}, "dispositions": {"routes": {"burn": {}}}}),
        ),
    ]);
    let fields: Vec<&str> = run
        .out
        .dead_letters
        .iter()
        .map(|(_, letter)| letter.field.as_str())
        .collect();
    assert_eq!(fields, ["data.body.sla", "data.body.dispositions"]);
    run.play(&request(0), 1);
    run.play(&[tick(15)], 1);
    assert_eq!(breaches(&run)[0].2, "14");
}

/// An order whose line was delivered a month before its return is inspected.
fn sold() -> Vec<Event> {
    let mut one = line("l1", "s1", 1, 100_000);
    one.category = Some("kurta".into());
    one.supplier_id = Some("v1".into());
    vec![
        event("p", 0, Body::OrderPlaced(Box::new(placed("o1", "c1", vec![one])))),
        event("m", 1, Body::ShipmentManifested(Box::new(manifested("a1", "o1")))),
        event("d", 24, Body::ShipmentDelivered(delivered("a1"))),
    ]
}

fn advice<'a>(run: &'a Run, rma: &str) -> &'a Row {
    run.row("dispositions", &[rma, "l1"]).expect("advice")
}

#[test]
fn an_inspected_line_is_advised_on_with_its_alternatives() {
    let mut log = sold();
    log.extend(request(700));
    log.extend([arrived(740), graded("i", 24 + 720, Grade::A)]);
    let mut run = run(&log);
    let told = told(&run, "eddy.disposition.recommended");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["recommended"], "restock");
    // 90% of what is left of 1,000 after 30 days at 5% a month, less 30 for the handling.
    assert_eq!(told[0]["expected_recovery_minor"], 85_500 - 3_000);
    let routes = told[0]["alternatives"]["routes"].as_array().unwrap();
    let names: Vec<&str> = routes
        .iter()
        .map(|route| route["route"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["restock", "refurbish", "liquidate", "scrap", "vendor"]);
    assert_eq!(told[0]["alternatives"]["kept"], 0.95);
    assert_eq!(advice(&run, "r1")["expected_recovery_minor"], "82500");
    assert!(!advice(&run, "r1").contains_key("decided"));

    let mut end = processed("r1", "l1", "s1", 1);
    end.recovered_minor = Some(28_000);
    run.play(
        &[
            decided(750, Disposition::Liquidate),
            event("li", 760, Body::ReturnLiquidated(end)),
        ],
        1,
    );
    let row = advice(&run, "r1");
    assert_eq!(row["recommended"], "restock");
    assert_eq!(
        (row["decided"].as_str(), row["done"].as_str()),
        ("liquidate", "liquidated")
    );
    assert_eq!(row["recovered_minor"], "28000");
    run.play(&[event("v", 770, Body::EventVoided(voided("li")))], 1);
    assert!(!advice(&run, "r1").contains_key("done"));
}

#[test]
fn a_worse_grade_on_second_sight_is_advised_on_again() {
    let mut log = sold();
    log.extend(request(700));
    log.extend([arrived(740), graded("i", 744, Grade::A)]);
    let mut run = run(&log);
    let again = inspected("r1", "l1", Some("hub-1"), Grade::C);
    run.play(&[event("i2", 750, Body::ReturnReinspected(again))], 1);
    assert_eq!(advice(&run, "r1")["recommended"], "refurbish");
    assert_eq!(told(&run, "eddy.disposition.recommended").len(), 2);
}

#[test]
fn what_a_route_brought_before_moves_what_is_expected_of_it() {
    let mut log = sold();
    for number in 0..60 {
        let (rma, hour) = (format!("old{number}"), 100 + number);
        let request = requested(&rma, Some("o1"), vec![asked(Some("l1"), "s1", 1)]);
        let id = |what: &str| format!("{what}-{number}");
        log.push(event(&id("q"), hour, Body::ReturnRequested(Box::new(request))));
        let mut seen = inspected(&rma, "l1", Some("hub-1"), Grade::A);
        seen.confidence = None;
        log.push(event(&id("i"), hour + 1, Body::ReturnInspected(seen)));
        let mut end = processed(&rma, "l1", "s1", 1);
        end.recovered_minor = Some(5_000);
        log.push(event(&id("e"), hour + 2, Body::ReturnRestocked(end)));
    }
    log.extend(request(700));
    log.extend([arrived(740), graded("i", 744, Grade::A)]);
    let run = run(&log);
    let row = advice(&run, "r1");
    let alternatives: Value = serde_json::from_str(&row["alternatives"]).unwrap();
    let restock = &alternatives["routes"][0];
    assert_eq!(restock["learned_from"], 60);
    let share = restock["share"].as_f64().unwrap();
    assert!((0.05..0.2).contains(&share), "{share}");
    assert_eq!(
        row["recommended"], "refurbish",
        "which brings more than what the shelf brought"
    );
}

#[test]
fn a_fault_that_the_supplier_answers_for_goes_back_to_it() {
    let mut log = sold();
    let mut asked = asked(Some("l1"), "s1", 1);
    asked.reason_group = Some("defect".into());
    let request = requested("r1", Some("o1"), vec![asked]);
    log.extend([
        event("q", 100, Body::ReturnRequested(Box::new(request))),
        arrived(140),
        graded("i", 150, Grade::D),
    ]);
    let run = run(&log);
    assert_eq!(advice(&run, "r1")["recommended"], "vendor");
}
