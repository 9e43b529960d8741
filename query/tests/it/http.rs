//! `POST /v1/sql`, through the router without a socket.

use ::http::{Request, StatusCode, header};
use arrow::array::AsArray;
use arrow::ipc::reader::StreamReader;
use axum::Router;
use axum::body::{Body, to_bytes};
use eddy_query::{Limits, http};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::sample::{engine, engine_with};

async fn call(router: &Router, request: Request<Body>) -> (StatusCode, ::http::HeaderMap, Vec<u8>) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    (
        parts.status,
        parts.headers,
        to_bytes(body, 1 << 30).await.unwrap().to_vec(),
    )
}

fn post(body: &Value, accept: &str) -> Request<Body> {
    Request::post("/v1/sql")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, accept)
        .body(Body::from(body.to_string()))
        .unwrap()
}

async fn ask(router: &Router, body: Value) -> (StatusCode, Value) {
    let (status, headers, body) = call(router, post(&body, "application/json")).await;
    let value: Value = serde_json::from_slice(&body).unwrap();
    let kind = headers.get(header::CONTENT_TYPE).unwrap();
    assert_eq!(
        kind,
        if status.is_success() {
            "application/json"
        } else {
            "application/problem+json"
        }
    );
    (status, value)
}

#[tokio::test]
async fn json_answer_has_columns_rows_sequence_and_time() {
    let router = http::router(engine());
    let sql =
        "select awb, courier, weight_g, risk, updated_at, weight_g > 101 as heavy, 9007199254740993 as big
               from parcels where awb in ($1, $2) order by awb";
    let (status, answer) = ask(
        &router,
        json!({"sql": sql, "params": ["AWB00000001", "AWB00000004"]}),
    )
    .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let names: Vec<&str> = answer["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["awb", "courier", "weight_g", "risk", "updated_at", "heavy", "big"]
    );
    assert_eq!(answer["columns"][2]["type"], "bigint");
    assert_eq!(answer["columns"][4]["type"], "timestamp with time zone");
    assert_eq!(
        answer["rows"][0],
        json!([
            "AWB00000001",
            "delhivery",
            101,
            null,
            "2023-11-14T22:13:21Z",
            false,
            9007199254740993_i64
        ])
    );
    assert_eq!(
        answer["rows"][1],
        json!([
            "AWB00000004",
            null,
            104,
            0,
            "2023-11-14T22:13:24Z",
            true,
            9007199254740993_i64
        ])
    );
    assert_eq!(answer["sequence"], 31);
    assert!(answer["elapsed_ms"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn sequence_of_the_snapshot_is_in_a_header_whatever_the_format() {
    let router = http::router(engine());
    for accept in [
        "application/json",
        "text/csv",
        "application/vnd.apache.arrow.stream",
        "*/*",
    ] {
        let (status, headers, _) = call(&router, post(&json!({"sql": "select 1"}), accept)).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers.get("eddy-sequence").unwrap(), "31", "{accept}");
    }
}

#[tokio::test]
async fn csv_has_a_head_and_quotes_what_needs_it() {
    let router = http::router(engine());
    let body = json!({"sql": "select city, number, kind from depots where number = 2 order by city"});
    let (_, headers, body) = call(&router, post(&body, "text/csv")).await;
    assert_eq!(headers.get(header::CONTENT_TYPE).unwrap(), "text/csv");
    let expected = "city,number,kind\r\ndelhi,2,returns\r\nmumbai,2,\r\npune,2,\"it's, \"\"odd\"\"\"\r\n";
    assert_eq!(String::from_utf8(body).unwrap(), expected);
}

#[tokio::test]
async fn arrow_stream_holds_the_same_rows() {
    let router = http::router(engine());
    for (sql, rows) in [
        ("select awb, weight_g from parcels order by awb", 1_000),
        ("select awb, weight_g from parcels where false", 0),
    ] {
        let (_, _, body) = call(
            &router,
            post(&json!({"sql": sql}), "application/vnd.apache.arrow.stream"),
        )
        .await;
        let batches: Vec<_> = StreamReader::try_new(body.as_slice(), None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(batches.iter().map(|b| b.num_rows()).sum::<usize>(), rows);
        if let Some(first) = batches.first() {
            assert_eq!(first.column(0).as_string::<i32>().value(0), "AWB00000000");
        }
    }
}

#[tokio::test]
async fn large_answer_is_refused_as_json_and_streamed_as_csv() {
    let router = http::router(engine_with(Limits {
        json_rows: 500,
        threads: 2,
        ..Limits::default()
    }));
    let sql = json!({"sql": "select value from generate_series(1, 300000)"});
    let (status, problem) = ask(&router, sql.clone()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(problem["detail"].as_str().unwrap().contains("text/csv"));
    let (status, _, body) = call(&router, post(&sql, "text/csv")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body.iter().filter(|b| **b == b'\n').count(), 300_001);
}

#[tokio::test]
async fn problems_say_what_is_wrong_and_where() {
    let router = http::router(engine_with(Limits {
        query_memory: 16 << 20,
        threads: 2,
        ..Limits::default()
    }));
    let cases = [
        (json!({"sql": "selec 1"}), 400, "urn:eddy:problem:sql:syntax"),
        (
            json!({"sql": "select weight from parcels"}),
            400,
            "urn:eddy:problem:sql:unknown_name",
        ),
        (
            json!({"sql": "delete from parcels"}),
            403,
            "urn:eddy:problem:sql:read_only",
        ),
        (
            json!({"sql": "select $1::bigint"}),
            400,
            "urn:eddy:problem:sql:parameters",
        ),
        (
            json!({"sql": "select * from generate_series(1, 100000000) order by value * -1"}),
            422,
            "urn:eddy:problem:sql:memory",
        ),
        (
            json!({"sql": "select count(*) from generate_series(1, 1000000) a cross join generate_series(1, 1000000)", "timeout_ms": 50}),
            504,
            "urn:eddy:problem:sql:timeout",
        ),
        (
            json!({"sql": format!("select '{}'", "x".repeat(300_000))}),
            413,
            "urn:eddy:problem:sql:too_complex",
        ),
        (json!({"query": "select 1"}), 400, "urn:eddy:problem:body"),
        (
            json!({"sql": "select 1", "params": [[1]]}),
            400,
            "urn:eddy:problem:body",
        ),
    ];
    for (body, status, kind) in cases {
        let (got, problem) = ask(&router, body.clone()).await;
        assert_eq!(
            (got.as_u16(), problem["type"].as_str().unwrap()),
            (status, kind),
            "{problem}"
        );
        assert_eq!(problem["status"], status);
    }
    let (_, problem) = ask(&router, json!({"sql": "select\n weight from parcels"})).await;
    assert_eq!(problem["position"], json!({"line": 2, "column": 2}));
}

#[tokio::test]
async fn wrong_method_format_and_size_have_their_own_status() {
    let router = http::router(engine());
    let (status, headers, _) = call(&router, Request::get("/v1/sql").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(headers.get(header::ALLOW).unwrap(), "POST");
    let (status, _, body) = call(&router, post(&json!({"sql": "select 1"}), "image/png")).await;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE);
    assert!(String::from_utf8(body).unwrap().contains("text/csv"));
    let (status, _, _) = call(&router, post(&json!({"sql": "x".repeat(4 << 20)}), "*/*")).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn statement_may_come_as_plain_text() {
    let router = http::router(engine());
    let request = Request::post("/v1/sql")
        .header(header::CONTENT_TYPE, "application/sql")
        .body(Body::from("select 40 + 2 as n"))
        .unwrap();
    let (status, _, body) = call(&router, request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap()["rows"],
        json!([[42]])
    );
}

#[tokio::test]
async fn metrics_count_answers_and_failures() {
    let engine = engine();
    let registry = prometheus::Registry::new();
    eddy_query::metrics::register(&registry, &engine).unwrap();
    let router = http::router(engine);
    ask(&router, json!({"sql": "select 1"})).await;
    ask(&router, json!({"sql": "delete from parcels"})).await;
    let families = registry.gather();
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&families)
        .unwrap();
    assert!(
        text.contains("eddy_query_seconds_count{front=\"http\"} 2"),
        "{text}"
    );
    assert!(
        text.contains("eddy_query_failures_total{front=\"http\",reason=\"read_only\"} 1"),
        "{text}"
    );
    assert!(text.contains("eddy_table_rows{table=\"parcels\"} 1000"), "{text}");
    assert!(text.contains("eddy_tables_snapshots_total 31"), "{text}");
}
