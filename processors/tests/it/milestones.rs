//! Milestones: what is told to whoever informs the customer, once each, and not after what follows it.

use eddy_events::{Body, Event, money, returns, shipment};

use crate::history::*;
use crate::support::{Run, config};

/// Scores have tests of their own.
fn run() -> Run {
    Run::with(eddy_processors::Config {
        scores: false,
        operations: false,
        ..config()
    })
}

/// The milestones that these events reach, one after another, with the number of the event.
fn told(events: &[Event]) -> Vec<(u64, String)> {
    let mut run = run();
    run.play(events, 1);
    run.out
        .outputs
        .iter()
        .map(|(cause, output)| {
            let milestone = output.data.value()["milestone"].as_str().unwrap_or("").to_owned();
            (cause.sequence, milestone)
        })
        .collect()
}

fn names(events: &[Event]) -> Vec<String> {
    told(events).into_iter().map(|(_, name)| name).collect()
}

fn order() -> Vec<Event> {
    let lines = vec![line("l1", "s1", 2, 1000), line("l2", "s2", 1, 500)];
    vec![
        event("p", 0, Body::OrderPlaced(Box::new(placed("o1", "c1", lines)))),
        event("m", 4, Body::ShipmentManifested(Box::new(manifested("a1", "o1")))),
        event("u", 5, Body::ShipmentPickedUp(scan("a1"))),
    ]
}

fn request(id: &str, hour: i64) -> Event {
    let request = requested("r1", Some("o1"), vec![asked(Some("l1"), "s1", 1)]);
    event(id, hour, Body::ReturnRequested(Box::new(request)))
}

fn authorised(id: &str, hour: i64) -> Event {
    let body = returns::Authorised {
        rma_id: "r1".into(),
        policy_version: None,
        by: None,
    };
    event(id, hour, Body::ReturnAuthorised(body))
}

fn rejected(id: &str, hour: i64) -> Event {
    let body = returns::Rejected {
        rma_id: "r1".into(),
        reason: "late".into(),
        policy_version: None,
    };
    event(id, hour, Body::ReturnRejected(body))
}

fn arrived(id: &str, hour: i64) -> Event {
    event(
        id,
        hour,
        Body::ReturnReceived(received("r1", "hub-1", &[("l1", "s1", 1)])),
    )
}

#[test]
fn an_order_and_its_return_are_told_step_by_step_once_each() {
    let paid = |kind: fn(Box<money::Refund>) -> Body| kind(Box::new(refund("f1", Some("r1"), None, 700)));
    let mut log = order();
    log.extend([
        event("o", 30, Body::ShipmentOutForDelivery(scan("a1"))),
        event("o-again", 31, Body::ShipmentOutForDelivery(scan("a1"))),
        event("d", 50, Body::ShipmentDelivered(delivered("a1"))),
        event("d-again", 51, Body::ShipmentDelivered(delivered("a1"))),
        request("q", 60),
        authorised("ok", 61),
        authorised("ok-again", 62),
        arrived("g", 90),
        event(
            "i",
            91,
            Body::ReturnInspected(inspected("r1", "l1", None, returns::Grade::A)),
        ),
        event("x", 92, paid(Body::RefundInitiated)),
        event("z", 93, paid(Body::RefundFailed)),
        event("y", 94, paid(Body::RefundIssued)),
        event("late", 93, paid(Body::RefundInitiated)),
    ]);
    let expected = [
        (3, "order_shipped"),
        (4, "out_for_delivery"),
        (6, "order_delivered"),
        (8, "return_requested"),
        (9, "return_authorised"),
        (11, "return_received"),
        (12, "return_inspected"),
        (13, "refund_initiated"),
        (14, "refund_failed"),
        (15, "refund_issued"),
    ];
    assert_eq!(told(&log), expected.map(|(at, name)| (at, name.to_owned())));
}

#[test]
fn each_attempt_is_told_with_its_number_and_reason() {
    let mut log = order();
    for attempt in 0..2 {
        let hour = 30 + attempt * 24;
        log.push(event(
            &format!("o{attempt}"),
            hour,
            Body::ShipmentOutForDelivery(scan("a1")),
        ));
        let failure = failed("a1", shipment::NdrReason::CustomerUnavailable);
        log.push(event(
            &format!("f{attempt}"),
            hour + 5,
            Body::ShipmentDeliveryFailed(failure),
        ));
    }
    let mut run = run();
    run.play(&log, 1);
    let told: Vec<(String, u64)> = run.out.outputs[1..]
        .iter()
        .map(|(_, output)| {
            let data = output.data.value();
            (
                data["milestone"].as_str().unwrap().into(),
                data["attempt_no"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("out_for_delivery", 1),
        ("delivery_failed", 1),
        ("out_for_delivery", 2),
        ("delivery_failed", 2),
    ];
    assert_eq!(told, expected.map(|(name, attempt)| (name.to_owned(), attempt)));
    let last = run.out.outputs.last().unwrap().1.data.value();
    assert_eq!(last["ndr_reason"], "customer_unavailable");
    assert_eq!(last["order_id"], "o1");
}

#[test]
fn what_is_overtaken_is_not_told_any_more() {
    let mut log = order();
    log.extend([
        arrived("g", 90),
        request("q", 60),
        authorised("ok", 61),
        rejected("no", 62),
    ]);
    assert_eq!(names(&log), ["order_shipped", "return_received"]);
    let late_scan = [
        event("d", 50, Body::ShipmentDelivered(delivered("a1"))),
        event("o", 30, Body::ShipmentOutForDelivery(scan("a1"))),
    ];
    let log: Vec<Event> = order().into_iter().chain(late_scan).collect();
    assert_eq!(names(&log), ["order_shipped", "order_delivered"]);
}

#[test]
fn a_refusal_is_told_and_what_would_have_followed_is_not() {
    let log = [request("q", 60), rejected("no", 61), authorised("ok", 59)];
    assert_eq!(names(&log), ["return_requested", "return_rejected"]);
    let log = [request("q", 60), rejected("no", 61), arrived("g", 90)];
    assert_eq!(
        names(&log),
        ["return_requested", "return_rejected", "return_received"]
    );
}

#[test]
fn a_parcel_on_the_way_back_is_no_delivery_to_the_buyer() {
    let mut back = manifested("b1", "o1");
    back.leg = shipment::Leg::Reverse;
    back.rma_id = Some("r1".into());
    let log = [
        event("m", 70, Body::ShipmentManifested(Box::new(back))),
        event("u", 71, Body::ShipmentPickedUp(scan("b1"))),
        event("o", 72, Body::ShipmentOutForDelivery(scan("b1"))),
    ];
    assert!(names(&log).is_empty());
}

#[test]
fn an_exchange_is_told_with_its_new_order() {
    let exchange = money::ExchangeCreated {
        exchange_id: "x1".into(),
        rma_id: "r1".into(),
        line_id: "l1".into(),
        new_order_id: "o2".into(),
        price_difference_minor: Some(-50),
    };
    let mut run = run();
    let again = money::ExchangeCreated {
        price_difference_minor: Some(0),
        ..exchange.clone()
    };
    run.play(
        &[
            event("x", 70, Body::ExchangeCreated(exchange)),
            event("x-again", 71, Body::ExchangeCreated(again)),
        ],
        1,
    );
    let [(_, told)] = run.out.outputs.as_slice() else {
        panic!("{:?}", run.out.outputs)
    };
    assert_eq!(told.subject, "x1");
    assert_eq!(told.data.value()["new_order_id"], "o2");
    assert_eq!(run.cell("exchanges", &["x1"], "price_difference_minor"), "0");
    run.play(&[event("v", 72, Body::EventVoided(voided("x-again")))], 1);
    assert_eq!(run.cell("exchanges", &["x1"], "price_difference_minor"), "-50");
    run.play(&[event("w", 73, Body::EventVoided(voided("x")))], 1);
    assert!(run.row("exchanges", &["x1"]).is_none());
}
