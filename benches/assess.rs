//! Returns about to be authorised, asked about one after another over HTTP while events arrive.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::engine::Engine;
use crate::freshness::Writers;
use crate::http::{Connection, request};
use crate::report::{figure, quantile};

/// Orders of the world asked about.
const ORDERS: usize = 20_000;

pub fn run() {
    let engine = Engine::start(&["--durability", "synced"]);
    let world = [
        "simulate", "--orders", "20000", "--days", "60", "--seed", "4", "--quiet",
    ];
    assert!(engine.command(&world).status().unwrap().success());
    engine.settle();
    let sql = json!({ "sql": "select order_id, line_id from order_lines where delivered_at is not null order by order_id limit 5000" });
    let mut connection = Connection::open(&engine.http).unwrap();
    let (status, body) = connection
        .exchange(&request(
            "/v1/sql",
            "application/json",
            sql.to_string().as_bytes(),
        ))
        .unwrap();
    assert_eq!(status, 200);
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let lines = answer["rows"].as_array().unwrap();
    let writers = Writers::start(&engine.http, 2_000, usize::MAX, None);
    let mut samples = Vec::new();
    let end = Instant::now() + Duration::from_secs(10);
    for line in lines.iter().cycle() {
        if Instant::now() >= end {
            break;
        }
        let asked = json!({ "order_id": line[0], "lines": [{ "line_id": line[1], "qty": 1 }] });
        let bytes = request(
            "/v1/returns/assess",
            "application/json",
            asked.to_string().as_bytes(),
        );
        let begin = Instant::now();
        let (status, _) = connection.exchange(&bytes).unwrap();
        samples.push(begin.elapsed().as_secs_f64() * 1e3);
        assert_eq!(status, 200);
    }
    writers.stop();
    let note = format!(
        "a world of {ORDERS} orders, one connection; {} questions",
        samples.len()
    );
    for (name, q) in [("p50", 0.50), ("p99", 0.99)] {
        let what = format!("a return assessed while 2,000 events/s arrive, {name}");
        figure("assess", &what, quantile(&mut samples, q), "ms", &note);
    }
}
