//! Events posted over HTTP: one, a batch, lines; what is bad is named, what is good is kept.

use serde_json::{Value, json};

use crate::engine::Engine;

pub fn placed(order: &str, sku: &str) -> Value {
    json!({
        "specversion": "1.0", "id": format!("p-{order}"), "source": "urn:shop:test", "type": "eddy.order.placed",
        "subject": order, "time": "2026-11-02T18:41:07+05:30", "datacontenttype": "application/json",
        "data": { "order_id": order, "customer_id": format!("c-{order}"), "payment_mode": "cod", "channel": "web",
            "destination_pincode": "560001", "destination_state": "KA",
            "lines": [{ "line_id": "1", "sku": sku, "category": "kurta", "size": "M", "qty": 2, "unit_price_minor": 49900 }] }
    })
}

pub fn manifested(awb: &str, order: &str) -> Value {
    json!({
        "specversion": "1.0", "id": format!("m-{awb}"), "source": "urn:courier:test", "type": "eddy.shipment.manifested",
        "subject": awb, "time": "2026-11-03T09:00:00+05:30",
        "data": { "awb": awb, "order_id": order, "leg": "forward", "courier": "blue", "origin_pincode": "110001", "destination_pincode": "560001" }
    })
}

pub fn delivered(awb: &str, time: &str) -> Value {
    json!({
        "specversion": "1.0", "id": format!("d-{awb}"), "source": "urn:courier:test", "type": "eddy.shipment.delivered",
        "subject": awb, "time": time, "data": { "awb": awb }
    })
}

#[test]
fn one_a_batch_and_lines_are_acknowledged_and_become_rows() {
    let engine = Engine::with(&["--durability", "synced"]);
    let one = placed("O1", "S1").to_string();
    let (status, answer) = engine.post("application/cloudevents+json", one.as_bytes());
    assert_eq!((status, answer["accepted"].as_u64()), (202, Some(1)), "{answer}");

    let batch = json!([placed("O2", "S1"), manifested("A2", "O2")]).to_string();
    let (status, answer) = engine.post("application/cloudevents-batch+json", batch.as_bytes());
    assert_eq!((status, answer["accepted"].as_u64()), (202, Some(2)), "{answer}");

    let lines = format!(
        "{}\n{}\n",
        delivered("A2", "2026-11-05T12:00:00+05:30"),
        placed("O3", "S2")
    );
    let (status, answer) = engine.post("application/x-ndjson", lines.as_bytes());
    assert_eq!((status, answer["accepted"].as_u64()), (202, Some(2)), "{answer}");

    engine.settle();
    assert_eq!(engine.number("select count(*) from orders"), 3);
    let rows = engine.rows("select awb, order_id, status, courier from shipments");
    assert_eq!(
        rows,
        vec![vec![json!("A2"), json!("O2"), json!("delivered"), json!("blue")]]
    );
    assert_eq!(engine.number("select count(*) from events"), 5);
}

#[test]
fn a_bad_neighbour_loses_nothing_and_is_browsed_and_redriven() {
    let engine = Engine::start();
    let mut bad = placed("O2", "S1");
    bad["data"]["lines"][0]["qty"] = json!(-1);
    let mut unknown = placed("O3", "S1");
    unknown["type"] = json!("eddy.order.teleported");
    let batch = json!([placed("O1", "S1"), bad, unknown, { "specversion": "1.0" }]).to_string();
    let (status, answer) = engine.post("application/cloudevents-batch+json", batch.as_bytes());
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["accepted"], 1);
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), 3, "{answer}");
    assert_eq!(rejected[0]["index"], 1);
    assert!(rejected[0]["field"].as_str().unwrap().contains("qty"), "{answer}");
    assert_eq!(rejected[1]["reason"], "unknown_type");

    crate::engine::within(10, "dead letters as rows", || {
        (engine.number("select count(*) from dead_letters") == 3).then_some(())
    });
    assert_eq!(engine.number("select count(*) from orders"), 1);
    let listed = engine.run(&["dlq", "list"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let sequence = listed.split_whitespace().next().unwrap();
    assert!(engine.run(&["dlq", "show", sequence]).contains("reason"));
    engine.run(&["dlq", "redrive", "--reason", "unknown_type"]);
}

#[test]
fn the_same_event_twice_is_one_and_another_body_is_a_dead_letter() {
    let engine = Engine::start();
    let first = placed("O1", "S1");
    let mut other = placed("O1", "S9");
    other["data"]["lines"][0]["qty"] = json!(7);
    for event in [&first, &first, &other] {
        let (status, answer) = engine.post("application/cloudevents+json", event.to_string().as_bytes());
        assert_eq!(status, 202, "{answer}");
    }
    engine.settle();
    let rows = engine.rows("select sku, qty from order_lines");
    assert_eq!(rows, vec![vec![json!("S1"), json!(2)]]);
    crate::engine::within(10, "the conflict as a dead letter", || {
        let rows = engine.rows("select reason from dead_letters");
        (rows == vec![vec![json!("id_conflict")]]).then_some(())
    });
}
