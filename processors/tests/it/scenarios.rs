//! Single behaviours: given events, when one more comes, then these rows and outputs.

use eddy_events::{Body, Event, Timestamp, codec, context, order, returns, shipment};

use crate::history::*;
use crate::support::{LOGGED_AT, Run, config, projections};

fn shop() -> Vec<Event> {
    vec![
        event(
            "p",
            0,
            Body::OrderPlaced(Box::new(placed(
                "o1",
                "c1",
                vec![line("l1", "s1", 2, 1000), line("l2", "s2", 1, 500)],
            ))),
        ),
        event("m", 4, Body::ShipmentManifested(Box::new(manifested("a1", "o1")))),
        event("u", 5, Body::ShipmentPickedUp(scan("a1"))),
    ]
}

/// Scores have tests of their own.
fn run(events: &[Event]) -> Run {
    let mut run = Run::with(eddy_processors::Config {
        scores: false,
        operations: false,
        ..config()
    });
    run.play(events, 1);
    run
}

fn and(run: &mut Run, id: &str, hour: i64, body: Body) {
    run.play(&[event(id, hour, body)], 1);
}

fn arrives(id: &str, awb: &str, hour: i64) -> Event {
    event(id, hour, Body::ShipmentDelivered(delivered(awb)))
}

#[test]
fn late_event_after_delivery_does_not_reopen_the_shipment() {
    let mut run = run(&shop());
    run.play(&[arrives("d", "a1", 50)], 1);
    and(&mut run, "t", 60, Body::ShipmentInTransit(scan("a1")));
    assert_eq!(run.cell("shipments", &["a1"], "status"), "delivered");
    assert_eq!(run.cell("orders", &["o1"], "status"), "delivered");
}

#[test]
fn scans_before_the_manifest_make_a_row_of_their_own() {
    let mut run = run(&[event(
        "f",
        9,
        Body::ShipmentDeliveryFailed(failed("a1", shipment::NdrReason::Unreachable)),
    )]);
    assert_eq!(run.cell("shipments", &["a1"], "status"), "delivery_failed");
    assert_eq!(run.cell("shipments", &["a1"], "order_id"), "");
    run.play(&shop(), 1);
    assert_eq!(run.cell("shipments", &["a1"], "order_id"), "o1");
    assert_eq!(run.cell("shipments", &["a1"], "ndr_reason"), "unreachable");
    assert_eq!(run.cell("orders", &["o1"], "status"), "shipped");
}

#[test]
fn a_returned_line_lands_in_the_cohort_of_its_delivery_day_in_the_tenants_zone() {
    let mut run = run(&shop());
    // 19:00 UTC is half past midnight of the next day in India.
    run.play(&[arrives("d", "a1", 19)], 1);
    let request = requested("r1", Some("o1"), vec![asked(Some("l1"), "s1", 1)]);
    and(&mut run, "q", 300, Body::ReturnRequested(Box::new(request)));
    let line = ["o1", "l1"];
    assert_eq!(run.cell("order_lines", &line, "delivered_on"), "2026-11-02");
    assert_eq!(run.cell("order_lines", &line, "delivered_qty"), "2");
    assert_eq!(run.cell("order_lines", &line, "requested_qty"), "1");
    assert_eq!(run.cell("order_lines", &line, "returned_qty"), "0");
    and(
        &mut run,
        "g",
        400,
        Body::ReturnReceived(received("r1", "hub-1", &[("l1", "s1", 1)])),
    );
    assert_eq!(run.cell("order_lines", &line, "returned_qty"), "1");
    assert_eq!(run.cell("returns", &["r1", "l1"], "status"), "received");
    assert_eq!(run.cell("facilities", &["hub-1"], "to_inspect"), "1");
}

#[test]
fn more_back_than_was_sold_is_seen_beside_what_was_delivered() {
    let mut run = run(&shop());
    run.play(&[arrives("d", "a1", 50)], 1);
    and(
        &mut run,
        "g",
        90,
        Body::ReturnReceived(received("r1", "hub-1", &[("l2", "s2", 5)])),
    );
    let request = requested("r1", Some("o1"), vec![asked(Some("l2"), "s2", 1)]);
    and(&mut run, "q", 80, Body::ReturnRequested(Box::new(request)));
    assert_eq!(run.cell("order_lines", &["o1", "l2"], "delivered_qty"), "1");
    assert_eq!(run.cell("order_lines", &["o1", "l2"], "returned_qty"), "5");
}

#[test]
fn an_undelivered_parcel_that_goes_back_is_in_no_return_rate() {
    let mut run = run(&shop());
    and(&mut run, "i", 50, Body::ShipmentRtoInitiated(setback("a1")));
    and(&mut run, "b", 90, Body::ShipmentRtoDelivered(setback("a1")));
    assert_eq!(run.cell("order_lines", &["o1", "l1"], "delivered_on"), "");
    assert_eq!(run.cell("orders", &["o1"], "status"), "rto");
    assert_eq!(
        run.cell("courier_lanes", &["swift", "110", "411", "cod"], "rto"),
        "1"
    );
}

#[test]
fn a_delivery_on_the_rto_leg_is_an_rto_delivery() {
    let mut back = manifested("a2", "o1");
    back.leg = shipment::Leg::Rto;
    let mut run = run(&shop());
    and(&mut run, "m2", 40, Body::ShipmentManifested(Box::new(back)));
    run.play(&[arrives("d2", "a2", 70)], 1);
    assert_eq!(run.cell("shipments", &["a2"], "status"), "rto_delivered");
    assert_eq!(run.cell("order_lines", &["o1", "l1"], "delivered_on"), "");
    let told: Vec<_> = run
        .out
        .outputs
        .iter()
        .map(|(_, output)| output.data.value()["milestone"].clone())
        .collect();
    assert_eq!(told, ["order_shipped", "rto_delivered"]);
}

#[test]
fn the_same_id_with_another_body_is_a_dead_letter_and_the_first_stands() {
    let mut run = run(&shop());
    let mut other = placed("o1", "c2", vec![line("l1", "s1", 9, 1)]);
    other.channel = order::Channel::Phone;
    and(&mut run, "p", 0, Body::OrderPlaced(Box::new(other)));
    assert_eq!(run.cell("orders", &["o1"], "customer_id"), "c1");
    let (cause, letter) = &run.out.dead_letters[0];
    assert_eq!(letter.reason, "id_conflict");
    assert_eq!(cause.sequence, 4);
    assert_eq!(run.engine.counts().duplicates, 0);
    run.play(&shop(), 2);
    assert_eq!(
        (run.engine.counts().duplicates, run.engine.counts().dead_letters),
        (3, 1)
    );
}

#[test]
fn an_event_more_than_a_day_ahead_of_the_log_is_a_dead_letter() {
    let mut run = Run::new();
    let event = &shop()[0];
    run.feed_line(&codec::encode(event), START - 25 * HOUR);
    run.feed_line(b"{\"not\": an event", LOGGED_AT);
    run.flush();
    assert!(run.tables.is_empty());
    let reasons: Vec<&str> = run
        .out
        .dead_letters
        .iter()
        .map(|(_, letter)| letter.reason.as_str())
        .collect();
    assert_eq!(reasons, ["time_in_future", "malformed_json"]);
    assert_eq!(
        run.engine.progress().event_time_micros,
        0,
        "the clock does not follow what was refused"
    );
    run.feed_line(&codec::encode(event), START - 23 * HOUR);
    run.flush();
    assert!(run.row("orders", &["o1"]).is_some());
}

#[test]
fn a_voided_event_takes_its_rows_back() {
    let mut run = run(&shop());
    run.play(&[arrives("d", "a1", 50)], 1);
    and(&mut run, "v", 99, Body::EventVoided(voided("p")));
    assert_eq!(run.row("order_lines", &["o1", "l1"]), None);
    assert!(!run.tables.contains_key("customers"));
    and(&mut run, "w", 99, Body::EventVoided(voided("d")));
    assert_eq!(run.cell("shipments", &["a1"], "status"), "picked_up");
}

#[test]
fn the_catalogue_fills_what_lines_leave_open_also_afterwards() {
    let mut run = run(&shop());
    run.play(&[arrives("d", "a1", 50)], 1);
    assert_eq!(run.cell("order_lines", &["o1", "l1"], "category"), "");
    and(
        &mut run,
        "k",
        1,
        Body::ContextCatalogueItemUpdated(catalogue("s1", "kurta", 900)),
    );
    assert_eq!(run.cell("order_lines", &["o1", "l1"], "category"), "kurta");
    and(
        &mut run,
        "n",
        1,
        Body::ContextPincodePublished(pincode("411001", "Maharashtra")),
    );
    assert_eq!(run.cell("orders", &["o1"], "destination_state"), "Maharashtra");
    assert_eq!(
        run.cell("order_lines", &["o1", "l1"], "destination_state"),
        "Maharashtra"
    );
}

#[test]
fn a_tick_moves_the_clock_and_no_row() {
    let mut run = run(&shop());
    let before = projections(&run.tables);
    let at = shop()[0].envelope.time;
    and(
        &mut run,
        "tick",
        70,
        Body::ClockTicked(eddy_events::feedback::ClockTicked { at }),
    );
    assert_eq!(projections(&run.tables), before);
    assert_eq!(run.engine.progress().event_time_micros, START + 70 * HOUR);
}

#[test]
fn a_return_line_without_receipt_is_known_by_its_sku_until_goods_arrive() {
    let mut run = Run::new();
    and(
        &mut run,
        "q",
        60,
        Body::ReturnRequested(Box::new(requested("r1", None, vec![asked(None, "s1", 1)]))),
    );
    assert_eq!(run.cell("returns", &["r1", "sku:s1"], "status"), "requested");
    and(
        &mut run,
        "g",
        90,
        Body::ReturnReceived(received("r1", "hub-1", &[("l7", "s1", 1)])),
    );
    assert_eq!(run.row("returns", &["r1", "sku:s1"]), None);
    assert_eq!(run.cell("returns", &["r1", "l7"], "reason"), "size_fit");
}

#[test]
fn inspection_and_shelf_empty_the_queues() {
    let mut run = Run::new();
    and(
        &mut run,
        "g",
        90,
        Body::ReturnReceived(received("r1", "hub-1", &[("l1", "s1", 1)])),
    );
    and(
        &mut run,
        "i",
        95,
        Body::ReturnInspected(inspected("r1", "l1", None, returns::Grade::A)),
    );
    let queues = |run: &Run| {
        let cell = |column| run.cell("facilities", &["hub-1"], column).to_owned();
        (cell("to_inspect"), cell("to_restock"), cell("inspected_per_day"))
    };
    assert_eq!(
        queues(&run),
        ("0".into(), "0".into(), (1.0 / 7.0_f64).to_string())
    );
    let decision = returns::Dispositioned {
        rma_id: "r1".into(),
        line_id: "l1".into(),
        disposition: returns::Disposition::Restock,
        expected_recovery_minor: None,
    };
    and(&mut run, "x", 96, Body::ReturnDispositioned(decision));
    assert_eq!(queues(&run).1, "1");
    and(
        &mut run,
        "y",
        97,
        Body::ReturnRestocked(processed("r1", "l1", "s1", 1)),
    );
    assert_eq!(queues(&run).1, "0");
    assert_eq!(run.cell("returns", &["r1", "l1"], "status"), "restocked");
}

#[test]
fn the_latest_policy_of_a_subject_is_in_force() {
    let publish = |version: &str| {
        Body::PolicyPublished(eddy_events::feedback::Published {
            version: version.into(),
            digest: "d".into(),
            body: Some(serde_json::json!({"threshold": 0.8})),
            artefact: None,
        })
    };
    let mut run = Run::new();
    and(&mut run, "2", 20, publish("v2"));
    and(&mut run, "1", 10, publish("v1"));
    assert_eq!(run.cell("policies", &["subject", "v1"], "in_force"), "false");
    assert_eq!(run.cell("policies", &["subject", "v2"], "in_force"), "true");
    assert_eq!(
        run.cell("policies", &["subject", "v2"], "body"),
        r#"{"threshold":0.8}"#
    );
}

#[test]
fn every_column_says_what_it_means() {
    for schema in eddy_processors::tables() {
        assert!(schema.metadata()["comment"].ends_with('.'));
        for field in schema.fields() {
            assert!(
                field
                    .metadata()
                    .get("comment")
                    .is_some_and(|comment| comment.ends_with('.')),
                "{}",
                field.name()
            );
        }
    }
}

#[test]
fn a_tariff_is_a_row_until_it_is_voided() {
    let charges = |base_minor: i64| context::TariffPublished {
        courier: "swift".into(),
        zone_from: "4".into(),
        zone_to: "1".into(),
        base_minor,
        per_500g_minor: 1_000,
        cod_fee_minor: None,
        rto_fee_minor: Some(3_000),
        transit_days: 3,
        valid_from: Timestamp::utc(START),
    };
    let mut run = Run::new();
    let tell = |id: &str, hour: i64, base: i64| event(id, hour, Body::ContextTariffPublished(charges(base)));
    // Of two for one road and beginning the later word stands, in whatever order they come.
    run.play(&[tell("b", 2, 6_000), tell("a", 1, 5_000)], 1);
    let prices = |run: &Run| -> Vec<String> {
        let rows = run.tables.get("tariffs").into_iter().flatten();
        rows.map(|(_, row)| row["base_minor"].clone() + " " + &row["rto_fee_minor"])
            .collect()
    };
    assert_eq!(prices(&run), ["6000 3000"]);
    run.play(&[event("v", 3, Body::EventVoided(voided("b")))], 1);
    assert_eq!(prices(&run), ["5000 3000"]);
    run.play(&[event("w", 3, Body::EventVoided(voided("a")))], 1);
    assert!(prices(&run).is_empty());
}
