//! The PostgreSQL wire with the real psql.

use std::process::Command;

use crate::engine::Engine;
use crate::post::{delivered, manifested, placed};

fn psql(engine: &Engine, sql: &str) -> Option<String> {
    let (host, port) = engine.pg.split_once(':').unwrap();
    let output = Command::new("psql")
        .args([
            "-h", host, "-p", port, "-U", "eddy", "-d", "eddy", "-At", "-c", sql,
        ])
        .env("PGCONNECT_TIMEOUT", "10")
        .output();
    match output {
        Ok(output) => {
            assert!(output.status.success(), "{sql}: {}", crate::engine::text(&output));
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(_) => {
            println!("skipped: psql is not installed");
            None
        }
    }
}

#[test]
fn psql_lists_describes_and_reads() {
    let engine = Engine::start();
    let lines = [
        placed("O1", "S1"),
        manifested("A1", "O1"),
        delivered("A1", "2026-11-05T12:00:00+05:30"),
    ]
    .map(|event| event.to_string())
    .join("\n");
    assert_eq!(engine.post("application/x-ndjson", lines.as_bytes()).0, 202);
    engine.settle();
    let Some(tables) = psql(&engine, "\\dt") else {
        return;
    };
    assert!(
        tables.contains("shipments") && tables.contains("orders"),
        "{tables}"
    );
    let columns = psql(&engine, "\\d shipments").unwrap();
    assert!(
        columns.contains("awb") && columns.contains("delivered_at"),
        "{columns}"
    );
    assert_eq!(
        psql(&engine, "select awb, status from shipments").unwrap().trim(),
        "A1|delivered"
    );
}
