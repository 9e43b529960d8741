//! The gateway through its router: what it takes, what it refuses and what it says, and that no good event suffers for a bad neighbour.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use eddy_ingest::Metrics;
use eddy_ingest::gateway::{Gateway, GatewayConfig, Held, check_listen};
use futures::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

struct Front {
    router: axum::Router,
    held: Arc<Mutex<Held>>,
}

fn front(config: GatewayConfig) -> Front {
    let held = Arc::new(Mutex::new(Held::default()));
    let gateway =
        Gateway::to_memory(config, Arc::clone(&held), Metrics::new().expect("metrics")).expect("a gateway");
    Front {
        router: gateway.router(),
        held,
    }
}

impl Front {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router
            .clone()
            .oneshot(request)
            .await
            .expect("the router answers")
    }

    async fn post(&self, kind: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::post("/v1/events")
            .header("content-type", kind)
            .body(body.into())
            .expect("a request");
        read(self.send(request).await).await
    }

    async fn call(&self, request: Request<Body>) -> (StatusCode, Value) {
        read(self.send(request).await).await
    }

    fn lines(&self) -> usize {
        self.held.lock().expect("held").lines.len()
    }

    fn buried(&self) -> Vec<String> {
        self.held
            .lock()
            .expect("held")
            .dead_letters
            .iter()
            .map(|letter| letter.reason.clone())
            .collect()
    }
}

async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    if !status.is_success() {
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    let body = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .expect("a body");
    (status, serde_json::from_slice(&body).expect("json"))
}

const ONE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
const LINES: &str = "application/x-ndjson";

fn cancelled(id: &str, reason: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "urn:test", "type": "eddy.order.cancelled", "subject": "o1",
        "time": "2026-01-02T03:04:05+05:30", "data": {"order_id": "o1", "by": "customer", "reason": reason}
    })
}

#[tokio::test]
async fn one_event_a_batch_and_lines_are_accepted_when_held() {
    let front = front(GatewayConfig::default());
    let (status, answer) = front.post(ONE, cancelled("a", "x").to_string()).await;
    assert_eq!(
        (status, answer),
        (
            StatusCode::ACCEPTED,
            json!({"accepted": 1, "duplicates": 0, "rejected": []})
        )
    );
    let batch = json!([cancelled("b", "x"), cancelled("c", "x")]).to_string();
    assert_eq!(front.post(BATCH, batch).await.1["accepted"], 2);
    let lines = format!("{}\n\n{}\r\n", cancelled("d", "x"), cancelled("e", "x"));
    assert_eq!(
        front.post("application/x-ndjson; charset=utf-8", lines).await.1["accepted"],
        2
    );
    assert_eq!(front.lines(), 5);
}

#[tokio::test]
async fn binary_mode_reads_the_attributes_from_headers() {
    let front = front(GatewayConfig::default());
    let request = Request::post("/v1/events")
        .header("content-type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", "bin-1")
        .header("ce-source", "urn:test")
        .header("ce-type", "eddy.order.cancelled")
        .header("ce-subject", "o1")
        .header("ce-time", "2026-01-02T03:04:05Z")
        .body(Body::from(r#"{"order_id":"o1","by":"customer"}"#))
        .expect("a request");
    let (status, answer) = front.call(request).await;
    assert_eq!(
        (status, &answer["accepted"]),
        (StatusCode::ACCEPTED, &json!(1)),
        "{answer}"
    );
}

#[tokio::test]
async fn a_bad_neighbour_costs_no_good_event() {
    let front = front(GatewayConfig::default());
    let mut unknown = cancelled("u", "x");
    unknown["type"] = json!("eddy.order.vanished");
    let mut nameless = cancelled("n", "x");
    nameless.as_object_mut().expect("object").remove("id");
    let mut typed = cancelled("t", "x");
    typed["data"]["order_id"] = json!(17);
    let mut future = cancelled("f", "x");
    future["time"] = json!("2199-01-01T00:00:00Z");
    let mut ancient = cancelled("old", "x");
    ancient["time"] = json!("1969-01-01T00:00:00Z");
    let placed = json!({
        "specversion": "1.0", "id": "q", "source": "urn:test", "type": "eddy.order.placed", "subject": "o1", "time": "2026-01-02T03:04:05Z",
        "data": {"order_id": "o1", "customer_id": "c", "payment_mode": "cod", "channel": "web", "destination_pincode": "400001",
            "lines": [{"line_id": "1", "sku": "s", "qty": -3, "unit_price_minor": 1}]}
    });
    let deep = format!("{}{}{}", "{\"data\":".repeat(5000), "1", "}".repeat(5000));
    let lines = [
        cancelled("good-1", "x").to_string(),
        "{\"specversion\":".to_owned(),
        unknown.to_string(),
        nameless.to_string(),
        typed.to_string(),
        future.to_string(),
        ancient.to_string(),
        placed.to_string(),
        deep,
        cancelled("good-2", "x").to_string(),
    ];
    let (status, answer) = front.post(LINES, lines.join("\n")).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(answer["accepted"], 2);
    let told: Vec<(u64, &str)> = answer["rejected"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            (
                one["index"].as_u64().expect("index"),
                one["reason"].as_str().expect("reason"),
            )
        })
        .collect();
    let reasons: Vec<&str> = told.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(
        told.iter().map(|(index, _)| *index).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8]
    );
    assert_eq!(
        reasons[..6],
        [
            "malformed_json",
            "unknown_type",
            "missing_field",
            "wrong_type",
            "time_in_future",
            "invalid_time"
        ]
    );
    assert_eq!(answer["rejected"][6]["field"], "data.lines[0].qty");
    assert_eq!(reasons[7], "too_deep");
    assert_eq!(front.lines(), 2);
    assert_eq!(front.buried(), reasons);
}

#[tokio::test]
async fn malformed_json_says_so_and_its_bytes_are_kept() {
    let front = front(GatewayConfig::default());
    let (status, problem) = front.post(ONE, "{nonsense").await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::BAD_REQUEST, &json!("malformed_json"))
    );
    let broken = format!("[{},{{\"id\":", cancelled("g", "x"));
    let (status, problem) = front.post(BATCH, broken).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        problem["detail"].as_str().expect("detail").contains("x-ndjson"),
        "{problem}"
    );
    assert_eq!(front.buried(), ["malformed_json", "malformed_json"]);
    assert_eq!(front.lines(), 0);
    assert_eq!(front.post(LINES, "\n \n").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_repeat_is_a_duplicate_and_another_body_under_the_same_id_a_conflict() {
    let front = front(GatewayConfig::default());
    front.post(ONE, cancelled("a", "x").to_string()).await;
    assert_eq!(
        front.post(ONE, cancelled("a", "x").to_string()).await.1,
        json!({"accepted": 0, "duplicates": 1, "rejected": []})
    );
    let (status, answer) = front.post(ONE, cancelled("a", "another").to_string()).await;
    assert_eq!(
        (status, &answer["rejected"][0]["reason"]),
        (StatusCode::ACCEPTED, &json!("id_conflict"))
    );
    let batch = json!([cancelled("b", "x"), cancelled("b", "x"), cancelled("b", "y")]).to_string();
    let (_, answer) = front.post(BATCH, batch).await;
    assert_eq!(
        (
            &answer["accepted"],
            &answer["duplicates"],
            answer["rejected"].as_array().map(Vec::len)
        ),
        (&json!(1), &json!(1), Some(1))
    );
    assert_eq!(front.lines(), 2);
}

#[tokio::test]
async fn a_body_of_100_megabytes_is_refused_without_reading_it() {
    let front = front(GatewayConfig {
        max_body_bytes: 1 << 20,
        ..GatewayConfig::default()
    });
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let parts = futures::stream::iter((0..1600).map(move |_| {
        counter.fetch_add(1 << 16, std::sync::atomic::Ordering::Relaxed);
        Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 1 << 16]))
    }));
    let request = Request::post("/v1/events")
        .header("content-type", LINES)
        .body(Body::from_stream(parts.boxed()))
        .expect("a request");
    let response = front.send(request).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(response.headers()["connection"], "close");
    let (_, problem) = read(response).await;
    assert!(
        problem["detail"].as_str().expect("detail").contains("eddy load"),
        "{problem}"
    );
    assert!(
        sent.load(std::sync::atomic::Ordering::Relaxed) <= 2 << 20,
        "only the limit is read"
    );
    let told = Request::post("/v1/events")
        .header("content-type", LINES)
        .header("content-length", "104857600")
        .body(Body::empty())
        .expect("a request");
    assert_eq!(front.send(told).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn too_many_events_in_a_request_are_refused_whole() {
    let front = front(GatewayConfig {
        max_batch_events: 2,
        ..GatewayConfig::default()
    });
    let lines: String = (0..3)
        .map(|n| format!("{}\n", cancelled(&n.to_string(), "x")))
        .collect();
    let (status, problem) = front.post(LINES, lines).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("batch_too_large"))
    );
    assert_eq!(front.lines(), 0);
}

#[tokio::test]
async fn an_unknown_content_type_is_told_which_are_read() {
    let front = front(GatewayConfig::default());
    let (status, problem) = front.post("text/plain", "x").await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(
        problem["detail"]
            .as_str()
            .expect("detail")
            .contains("cloudevents-batch+json")
    );
}

#[tokio::test]
async fn who_comes_too_fast_is_told_when_to_come_back() {
    let front = front(GatewayConfig {
        events_per_second: Some(1),
        ..GatewayConfig::default()
    });
    let batch = json!([cancelled("a", "x"), cancelled("b", "x"), cancelled("c", "x")]).to_string();
    assert_eq!(front.post(BATCH, batch).await.0, StatusCode::ACCEPTED);
    let request = Request::post("/v1/events")
        .header("content-type", ONE)
        .body(Body::from(cancelled("d", "x").to_string()))
        .expect("a request");
    let response = front.send(request).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .expect("text")
        .parse()
        .expect("seconds");
    assert!((1..=4).contains(&wait));
}

#[tokio::test]
async fn a_log_full_of_work_is_answered_429_and_nothing_is_lost_or_taken() {
    let front = front(GatewayConfig::default());
    front.held.lock().expect("held").overloaded = true;
    let request = Request::post("/v1/events")
        .header("content-type", ONE)
        .body(Body::from(cancelled("a", "x").to_string()))
        .expect("a request");
    let response = front.send(request).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "2");
    front.held.lock().expect("held").overloaded = false;
    // Not remembered as seen: the repeat is the first.
    assert_eq!(
        front.post(ONE, cancelled("a", "x").to_string()).await.1["accepted"],
        1
    );
}

#[tokio::test]
async fn bodies_held_at_once_are_bounded() {
    let front = front(GatewayConfig {
        max_body_bytes: 1000,
        max_held_bytes: 1000,
        ..GatewayConfig::default()
    });
    let (hold, waiting) = futures::channel::oneshot::channel::<()>();
    let slow = futures::stream::once(async move {
        let _ = waiting.await;
        Ok::<_, std::io::Error>(Bytes::from(cancelled("slow", "x").to_string()))
    });
    let request = Request::post("/v1/events")
        .header("content-type", ONE)
        .body(Body::from_stream(slow.boxed()))
        .expect("a request");
    let mut first = Box::pin(front.send(request));
    assert!(futures::poll!(&mut first).is_pending());
    let (status, problem) = front.post(ONE, cancelled("quick", "x").to_string()).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("overloaded"))
    );
    hold.send(()).expect("the request waits");
    assert_eq!(first.await.status(), StatusCode::ACCEPTED);
    assert_eq!(
        front.post(ONE, cancelled("quick", "x").to_string()).await.0,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn a_token_is_asked_for_when_there_is_one() {
    let front = front(GatewayConfig {
        tokens: vec!["old".to_owned(), "secret".to_owned()],
        ..GatewayConfig::default()
    });
    assert_eq!(
        front.post(ONE, cancelled("a", "x").to_string()).await.0,
        StatusCode::UNAUTHORIZED
    );
    let with = |token: &str| {
        Request::post("/v1/events")
            .header("content-type", ONE)
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from(cancelled("a", "x").to_string()))
            .expect("a request")
    };
    assert_eq!(front.call(with("secres")).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(front.call(with("secret")).await.0, StatusCode::ACCEPTED);
}

#[test]
fn an_address_that_others_reach_needs_a_token() {
    let open = "0.0.0.0:8080".parse().expect("address");
    let local = "127.0.0.1:8080".parse().expect("address");
    assert!(
        check_listen(open, None)
            .expect_err("refused")
            .to_string()
            .contains("set a token")
    );
    assert!(check_listen(open, Some("")).is_err());
    assert!(check_listen(open, Some("t")).is_ok());
    assert!(check_listen(local, None).is_ok());
}

#[tokio::test]
async fn dead_letters_can_be_browsed_and_searched() {
    let front = front(GatewayConfig::default());
    for n in 0..5 {
        let mut event = cancelled(&format!("e{n}"), "x");
        event["data"]["by"] = json!(if n % 2 == 0 { "nobody" } else { "customer" });
        event["type"] = json!(if n % 2 == 0 {
            "eddy.order.cancelled"
        } else {
            "eddy.order.vanished"
        });
        front.post(ONE, event.to_string()).await;
    }
    let get = |query: &str| {
        Request::get(format!("/v1/dead-letters{query}"))
            .body(Body::empty())
            .expect("a request")
    };
    let (_, page) = front.call(get("?limit=2")).await;
    let sequences = |page: &Value| {
        page["dead_letters"]
            .as_array()
            .expect("list")
            .iter()
            .map(|one| one["sequence"].as_u64().unwrap_or(0))
            .collect::<Vec<_>>()
    };
    assert_eq!((sequences(&page), &page["next"]), (vec![5, 4], &json!(4)));
    let (_, page) = front.call(get("?limit=10&cursor=4")).await;
    assert_eq!((sequences(&page), &page["next"]), (vec![3, 2, 1], &Value::Null));
    assert_eq!(
        sequences(&front.call(get("?reason=unknown_type")).await.1),
        [4, 2]
    );
    assert_eq!(
        sequences(&front.call(get("?q=NOBODY&source=urn:test")).await.1),
        [5, 3, 1]
    );
    assert_eq!(
        sequences(&front.call(get("?since=2200-01-01T00:00:00Z")).await.1),
        [0u64; 0]
    );
    assert_eq!(sequences(&front.call(get("?sequence=3")).await.1), [3]);
    assert_eq!(
        front.call(get("?since=yesterday")).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(front.call(get("?colour=red")).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_redrive_sends_what_is_good_by_now_and_says_why_the_rest_is_not() {
    let front = front(GatewayConfig::default());
    let mut event = cancelled("r", "x");
    event["type"] = json!("eddy.order.vanished");
    front.post(ONE, event.to_string()).await;
    // The same bytes are good once the catalogue knows them: a letter whose body is good stands for it.
    {
        let mut held = front.held.lock().expect("held");
        let mut good = held.dead_letters[0].clone();
        good.body = cancelled("r2", "x").to_string();
        held.dead_letters.push(good);
    }
    let redrive = |body: Value| {
        Request::post("/v1/dead-letters/redrive")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .expect("a request")
    };
    let (status, outcome) = front.call(redrive(json!({"reason": "unknown_type"}))).await;
    assert_eq!(
        (status, &outcome["accepted"]),
        (StatusCode::OK, &json!(1)),
        "{outcome}"
    );
    assert_eq!(
        (
            &outcome["rejected"][0]["sequence"],
            &outcome["rejected"][0]["reason"]
        ),
        (&json!(1), &json!("unknown_type"))
    );
    assert_eq!(
        (front.lines(), front.buried().len()),
        (1, 2),
        "what is still bad is not buried twice"
    );
    assert_eq!(
        front.call(redrive(json!({"sequences": [2]}))).await.1["duplicates"],
        1
    );
    assert_eq!(
        front.call(redrive(json!({"sequences": [99]}))).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(front.call(redrive(json!({}))).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_couriers_own_document_becomes_an_event_by_its_mapping() {
    let front = front(GatewayConfig::default());
    let scan = |kind: &str, status: &str, code: &str| {
        let document = json!({"Shipment": {"AWB": 1234567, "NSLCode": code, "Status": {"Status": status, "StatusType": kind,
            "StatusDateTime": "2026-01-09T17:10:42.767", "StatusLocation": "Chandigarh", "Instructions": "as told"}}});
        Request::post("/v1/webhooks/delhivery")
            .body(Body::from(document.to_string()))
            .expect("a request")
    };
    for (kind, status, code, wanted) in [
        ("DL", "Delivered", "EOD-38", "eddy.shipment.delivered"),
        ("DL", "RTO", "RT-110", "eddy.shipment.rto_delivered"),
        ("UD", "Pending", "EOD-11", "eddy.shipment.delivery_failed"),
        ("UD", "Dispatched", "X-DDD3FD", "eddy.shipment.out_for_delivery"),
        ("UD", "In Transit", "X-ILL1F", "eddy.shipment.in_transit"),
    ] {
        let (status, answer) = front.call(scan(kind, status, code)).await;
        assert_eq!(
            (status, &answer["accepted"]),
            (StatusCode::ACCEPTED, &json!(1)),
            "{answer}"
        );
        let line = front
            .held
            .lock()
            .expect("held")
            .lines
            .last()
            .cloned()
            .expect("a line");
        let event: Value = serde_json::from_slice(&line).expect("json");
        assert_eq!(
            (&event["type"], &event["data"]["raw_code"], &event["time"]),
            (
                &json!(wanted),
                &json!(code),
                &json!("2026-01-09T17:10:42.767+05:30")
            )
        );
    }
    let (status, answer) = front.call(scan("PP", "Open", "X-PPOM")).await;
    assert_eq!(
        (
            status,
            &answer["accepted"],
            answer["rejected"].as_array().map(Vec::len)
        ),
        (StatusCode::ACCEPTED, &json!(0), Some(1))
    );
    assert_eq!(front.buried(), ["not_mapped"]);
    let unknown = Request::post("/v1/webhooks/pigeon")
        .body(Body::from("{}"))
        .expect("a request");
    let (status, problem) = front.call(unknown).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(problem["detail"].as_str().expect("detail").contains("delhivery"));
}
