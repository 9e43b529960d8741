//! What is refused, and that the refusal tells the way out.

use std::os::unix::fs::PermissionsExt as _;

use crate::engine::{Engine, eddy, text};
use crate::ports::free_port;

fn refused(args: &[&str], envs: &[(&str, &str)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (http, pg) = (
        format!("127.0.0.1:{}", free_port()),
        format!("127.0.0.1:{}", free_port()),
    );
    let mut command = eddy();
    command.arg("up");
    if !args.contains(&"--data-dir") {
        command.args(["--data-dir", dir.path().to_str().unwrap()]);
    }
    if !args.contains(&"--http") {
        command.args(["--http", &http]);
    }
    if !args.contains(&"--pg") {
        command.args(["--pg", &pg]);
    }
    let output = command.args(args).envs(envs.iter().copied()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    text(&output)
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_changes_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let said = refused(&["--http", &addr], &[]);
    assert!(said.contains(&addr) && said.contains("--http"), "{said}");
    let said = refused(&["--pg", &addr], &[]);
    assert!(said.contains(&addr) && said.contains("--pg"), "{said}");
}

#[test]
fn another_address_without_a_token_is_refused() {
    let said = refused(&["--http", "0.0.0.0:0"], &[]);
    assert!(said.contains("--token"), "{said}");
}

#[test]
fn an_old_nats_server_is_refused_with_its_version() {
    let dir = tempfile::tempdir().unwrap();
    let fake = dir.path().join("nats-server");
    std::fs::write(&fake, "#!/bin/sh\necho 'nats-server: v2.9.1'\n").unwrap();
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    let said = refused(&[], &[("EDDY_NATS_SERVER", fake.to_str().unwrap())]);
    assert!(said.contains("2.9.1") && said.contains("install-nats"), "{said}");
}

#[test]
fn a_data_folder_in_use_is_refused() {
    let engine = Engine::start();
    let said = refused(&["--data-dir", engine.dir().to_str().unwrap()], &[]);
    assert!(said.contains("use"), "{said}");
}

#[test]
fn sql_that_writes_never_ends_or_is_wrong_is_refused_and_harms_nothing() {
    let engine = Engine::start();
    for sql in [
        "create table t (a int)",
        "insert into orders values ('x')",
        "delete from orders",
        "drop table orders",
        "copy orders to '/tmp/x.csv'",
        "select 1; drop table orders",
        "select * from nowhere",
        "selec 1",
    ] {
        let (status, said) = engine.sql(sql);
        assert!((400..500).contains(&status), "{sql}: {status} {said}");
        assert!(said.contains("detail"), "{sql}: {said}");
    }
    let body = serde_json::json!({
        "sql": "select count(*) from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b",
        "timeout_ms": 300
    });
    let (status, said) = engine.request("POST", "/v1/sql", "application/json", body.to_string().as_bytes());
    assert!(
        (400..600).contains(&status) && said.contains("time"),
        "{status} {said}"
    );
    assert_eq!(engine.number("select count(*) from orders"), 0);
    let (status, _) = engine.get("/healthz");
    assert_eq!(status, 200);
}

#[test]
fn a_body_over_the_limit_is_413_and_other_nonsense_is_named() {
    let engine = Engine::start();
    let (status, said) = engine.post("application/x-ndjson", &vec![b' '; 17 << 20]);
    assert_eq!(status, 413, "{said}");
    let (status, said) = engine.post("application/cloudevents+json", b"{\"specversion\": ");
    assert_eq!(status, 400, "{said}");
    let (status, said) = engine.post("text/plain", b"hello");
    assert_eq!(status, 415, "{said}");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let (status, said) = engine.post("application/cloudevents-batch+json", deep.as_bytes());
    assert!((200..500).contains(&status), "{status} {said}");
    let (status, _) = engine.get("/healthz");
    assert_eq!(status, 200);
}

#[test]
fn no_engine_is_exit_code_three() {
    let output = eddy()
        .args(["sql", "select 1", "--http", &format!("127.0.0.1:{}", free_port())])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("eddy up"));
}

#[test]
fn every_call_that_is_described_is_served() {
    let engine = Engine::start();
    let document: serde_json::Value = serde_json::from_str(&engine.get("/openapi.json").1).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            if path == "/v1/live" {
                continue; // an endless stream; the pages' tests read it
            }
            let (status, _) = engine.request(&method.to_uppercase(), path, "application/json", b"{}");
            assert!(
                status != 405 && (status != 404 || path.contains('{')),
                "{method} {path}: {status}"
            );
        }
    }
    assert_eq!(engine.get("/no/such/thing").0, 404);
}
