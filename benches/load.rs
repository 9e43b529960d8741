//! Durable load of files: canonical events as NDJSON, and a real set through its mapping where it is present.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use crate::engine::Engine;
use crate::report::figure;
use crate::world;

pub fn run() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("world.ndjson");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    for line in world::lines(100_000) {
        file.write_all(&line).unwrap();
        file.write_all(b"\n").unwrap();
    }
    file.flush().unwrap();
    drop(file);
    for scores in [false, true] {
        measure(&path, "canonical", "NDJSON of a simulated world", scores);
    }
    let data = std::env::var_os("EDDY_TEST_DATA")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    for (file, mapping) in [
        ("amazon_india_sale_report", "amazon_india"),
        ("uci_online_retail", "uci_online_retail"),
    ] {
        let path = data.join(file).with_extension("parquet");
        if path.exists() {
            for scores in [false, true] {
                measure(&path, mapping, "Parquet through its mapping", scores);
            }
        } else {
            eprintln!("  skipped: {} is not there", path.display());
        }
    }
}

fn measure(path: &std::path::Path, mapping: &str, what: &str, scores: bool) {
    let synced = ["--durability", "synced"];
    let (engine, scored) = if scores {
        (Engine::start(&synced), ", parcels scored")
    } else {
        (Engine::unscored(&synced), "")
    };
    let begin = Instant::now();
    let output = engine
        .command(&["load", path.to_str().unwrap(), "--mapping", mapping, "--quiet"])
        .output()
        .unwrap();
    let seconds = begin.elapsed().as_secs_f64();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line = String::from_utf8(output.stdout).unwrap();
    let counts: Value = serde_json::from_str(line.lines().last().unwrap()).unwrap();
    let note =
        format!("{what}; whole command, engine folding at the same time, fsync before each acknowledgement");
    let events = counts["events"].as_f64().unwrap();
    let rows = counts["read"].as_f64().unwrap();
    let note = format!("{note}; {rows} rows, {events} events");
    if rows != events {
        let what = format!("durable file load, rows of {mapping}{scored}");
        figure("load", &what, rows / seconds, "rows/s", &note);
    }
    figure(
        "load",
        &format!("durable file load, {mapping}{scored}"),
        events / seconds,
        "events/s",
        &note,
    );
    engine.settle();
    let whole = begin.elapsed().as_secs_f64();
    figure(
        "load",
        &format!("the same until the last row is queryable, {mapping}{scored}"),
        events / whole,
        "events/s",
        &note,
    );
}
