//! Loss prevention by HTTP: verdicts that do not overwrite each other, links, and returns about to be authorised.

use serde_json::{Value, json};

use crate::engine::{Engine, within};

fn post(engine: &Engine, path: &str, body: &Value) -> (u16, Value) {
    let (status, answer) = engine.request("POST", path, "application/json", body.to_string().as_bytes());
    (status, serde_json::from_str(&answer).unwrap_or_default())
}

fn rows(engine: &Engine, sql: &str) -> Vec<Vec<Value>> {
    within(60, sql, || Some(engine.rows(sql)).filter(|rows| !rows.is_empty()))
}

/// An engine with a world in which something was suspected.
fn shop() -> Engine {
    let engine = Engine::start();
    engine.run(&[
        "simulate", "--orders", "2500", "--days", "60", "--seed", "3", "--quiet",
    ]);
    let end: Value = serde_json::from_str(&engine.get("/v1/status").1).unwrap();
    let end = end["log_sequence"].as_u64().unwrap();
    within(60, "all is folded", || {
        let rows = engine.rows("select sequence from eddy_meta.progress");
        (rows[0][0].as_u64()? >= end).then_some(())
    });
    engine
}

#[test]
fn two_people_who_review_one_alert_do_not_overwrite_each_other() {
    let engine = shop();
    let open = rows(
        &engine,
        "select alert_id, status, updated_at, customer_id from fraud_alerts where status = 'open' and customer_id is not null limit 1",
    );
    let [id, status, updated_at, customer] = &open[0][..] else {
        panic!("{open:?}")
    };
    let path = format!("/v1/alerts/{}/review", id.as_str().unwrap());
    let verdict = |verdict: &str, actor: &str| json!({ "verdict": verdict, "actor": actor, "reason": "looked at the scale", "expected_status": status, "expected_updated_at": updated_at });
    let (code, answer) = post(&engine, &path, &verdict("dismissed", "asha"));
    assert_eq!((code, &answer["accepted"]), (202, &json!(1)), "{answer}");
    let (code, answer) = post(&engine, &path, &verdict("confirmed", "ravi"));
    assert_eq!(
        (code, &answer["alert"]["actor"]),
        (409, &json!("asha")),
        "{answer}"
    );
    // Who has seen it may say otherwise: a later word stands.
    let overruled = json!({ "verdict": "confirmed", "actor": "ravi", "reason": "second parcel found", "loss_minor": 120_000, "expected_status": "dismissed" });
    assert_eq!(post(&engine, &path, &overruled).0, 202);
    let sql = format!(
        "select status, actor, confirmed_loss_minor from fraud_alerts where alert_id = '{}'",
        id.as_str().unwrap()
    );
    within(30, "the verdict is a row", || {
        (engine.rows(&sql)[0] == [json!("confirmed"), json!("ravi"), json!(120_000)]).then_some(())
    });
    let (code, links) = engine.get(&format!("/v1/customers/{}/links", customer.as_str().unwrap()));
    let links: Value = serde_json::from_str(&links).unwrap();
    assert_eq!(code, 200);
    assert!(
        links["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|node| node["center"] == true),
        "{links}"
    );
}

#[test]
fn what_cannot_be_reviewed_is_told() {
    let engine = Engine::start();
    let verdict = json!({ "verdict": "confirmed", "actor": "asha", "reason": "seen" });
    assert_eq!(
        post(&engine, "/v1/alerts/FA0000000000000001/review", &verdict).0,
        404
    );
    let mut silent = verdict.clone();
    silent["reason"] = json!(" ");
    let (code, problem) = post(&engine, "/v1/alerts/FA0000000000000001/review", &silent);
    assert_eq!(code, 422);
    assert!(problem["detail"].as_str().unwrap().contains("reason"));
    let mut odd = verdict;
    odd["verdict"] = json!("guilty");
    assert_eq!(post(&engine, "/v1/alerts/FA0000000000000001/review", &odd).0, 422);
    assert_eq!(engine.get("/v1/customers/nobody/links").0, 404);
}

#[test]
fn a_return_is_assessed_by_the_policy_in_force() {
    let engine = shop();
    let lines = rows(
        &engine,
        "select l.order_id, l.line_id, l.delivered_at, l.delivered_qty from order_lines l join orders o using (order_id) join customers c using (customer_id)
         where l.delivered_at is not null and l.requested_qty = 0 and c.returned_lines = 0 order by l.delivered_at desc limit 1",
    );
    let [order, line, delivered_at, qty] = &lines[0][..] else {
        panic!("{lines:?}")
    };
    let ask = |qty: &Value, at: &Value, order: &Value| {
        let body = json!({ "order_id": order, "lines": [{ "line_id": line, "qty": qty }], "at": at });
        let (code, answer) = post(&engine, "/v1/returns/assess", &body);
        assert_eq!(code, 200, "{answer}");
        answer
    };
    let answer = ask(qty, delivered_at, order);
    assert_eq!(answer["decision"], "approve", "{answer}");
    assert_eq!(answer["policy_version"], "default");
    let answer = ask(&json!(qty.as_u64().unwrap() + 1), delivered_at, order);
    assert_eq!(
        (&answer["decision"], &answer["reasons"][0]["rule"]),
        (&json!("decline"), &json!("quantity")),
        "{answer}"
    );
    let answer = ask(qty, &json!("2099-01-01T00:00:00Z"), order);
    assert_eq!(
        (&answer["decision"], &answer["reasons"][0]["rule"]),
        (&json!("decline"), &json!("window")),
        "{answer}"
    );
    assert_eq!(ask(qty, delivered_at, &json!("O-unknown"))["decision"], "review");
    let nothing = json!({ "order_id": order, "lines": [] });
    assert_eq!(post(&engine, "/v1/returns/assess", &nothing).0, 422);
}

#[test]
fn another_policy_is_tried_on_the_alerts_of_the_past() {
    let engine = shop();
    let file = engine.dir().join("strict.json");
    std::fs::write(&file, json!({ "fraud": { "alert_above": 0.9 } }).to_string()).unwrap();
    let dir = engine.dir().to_str().unwrap().to_owned();
    let told = engine.run(&[
        "backtest",
        "--json",
        "--data-dir",
        &dir,
        "--policy",
        file.to_str().unwrap(),
    ]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let alerts = |name: &str| -> u64 {
        let of = told[name]["alerts"].as_object().unwrap().values();
        of.map(|of| of["alerts"].as_u64().unwrap()).sum()
    };
    assert!(alerts("policy_of_the_log") > alerts("policy_to_try"), "{told}");
    assert!(told["alerts_compared"]["fewer"].as_u64().unwrap() > 0);
}
