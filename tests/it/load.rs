//! Real sets through their mappings: the reconciliation balances to the row, a second load adds nothing, an interruption
//! resumes, and every answer equals the same question asked of the Parquet files by DuckDB (`tests/oracles`).

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::engine::{Engine, real_data, text, within};

fn loaded(engine: &Engine, path: &Path, mapping: &str) -> Value {
    let said = engine.run(&["load", path.to_str().unwrap(), "--mapping", mapping]);
    let line = said.lines().last().expect("a line at the end");
    let counts: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {said}"));
    assert_eq!(balance(&counts), counts["read"].as_u64().unwrap(), "{counts}");
    counts
}

fn balance(counts: &Value) -> u64 {
    let dead: u64 = counts["dead_letters"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    counts["accepted"].as_u64().unwrap() + counts["duplicates"].as_u64().unwrap() + dead
}

fn python() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    cache.join("eddy/venv/bin/python")
}

/// Rows as DuckDB gives them, as text.
fn duckdb(sql: &str, folder: &Path) -> Option<Vec<Vec<String>>> {
    let script = r#"
import duckdb, json, sys
rows = duckdb.sql(sys.argv[1].replace("{data}", sys.argv[2])).fetchall()
print(json.dumps([[None if v is None else str(v) if not isinstance(v, (int, float)) else v for v in row] for row in rows]))
"#;
    let output = Command::new(python())
        .args(["-c", script, sql, folder.to_str()?])
        .output();
    let Ok(output) = output else {
        println!("skipped: DuckDB is not installed; `scripts/setup test` installs it");
        return None;
    };
    assert!(output.status.success(), "{sql}\n{}", text(&output));
    let rows: Vec<Vec<Value>> = serde_json::from_slice(&output.stdout).unwrap();
    Some(rows.iter().map(|row| row.iter().map(spelled).collect()).collect())
}

/// One spelling for a value of either engine: integers and floats alike to nine digits, dates without midnight.
fn spelled(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Number(n) => {
            let n = n.as_f64().unwrap();
            if n.fract() == 0.0 {
                format!("{n:.0}")
            } else {
                format!("{n:.9}")
            }
        }
        Value::String(text) => text
            .replace('T', " ")
            .trim_end_matches('Z')
            .trim_end_matches(" 00:00:00")
            .to_owned(),
        other => other.to_string(),
    }
}

/// Asks each pair of `tests/oracles/<set>` of both engines.
fn agree(engine: &Engine, set: &str, data: &Path) {
    let folder =
        Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"))
            .join("tests/oracles")
            .join(set);
    let mut names: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(".duckdb.sql"))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no oracles in {}", folder.display());
    for path in names {
        let name = path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".duckdb.sql")
            .to_owned();
        let theirs = std::fs::read_to_string(&path).unwrap();
        let ours = std::fs::read_to_string(folder.join(format!("{name}.eddy.sql"))).unwrap();
        let Some(mut expected) = duckdb(&theirs, data) else {
            return;
        };
        let mut got: Vec<Vec<String>> = engine
            .rows(&ours)
            .iter()
            .map(|row| row.iter().map(spelled).collect())
            .collect();
        expected.sort();
        got.sort();
        assert!(!expected.is_empty(), "{set}/{name}: the oracle has no rows");
        let first = expected.iter().zip(&got).find(|(a, b)| a != b);
        assert!(
            expected == got,
            "{set}/{name}: {} rows from the files, {} from the engine; first difference {first:?}",
            expected.len(),
            got.len()
        );
        println!("{set}/{name}: {} rows agree", got.len());
    }
}

#[test]
fn amazon_india_equals_its_file_and_a_second_load_adds_nothing() {
    let Some(file) = real_data("amazon_india_sale_report.parquet") else {
        return;
    };
    let engine = Engine::start();
    let first = loaded(&engine, &file, "amazon_india");
    assert_eq!(first["read"], 128_975);
    engine.settle();
    agree(&engine, "amazon_india", file.parent().unwrap());
    let digest = engine.digest();
    let second = loaded(&engine, &file, "amazon_india");
    assert_eq!(second["accepted"], 0, "{second}");
    assert_eq!(engine.digest()["projections"], digest["projections"]);
}

#[test]
fn uci_online_retail_equals_its_file_after_an_interruption() {
    let Some(file) = real_data("uci_online_retail.parquet") else {
        return;
    };
    let engine = Engine::start();
    let mut load = engine
        .command(&["load", file.to_str().unwrap(), "--mapping", "uci_online_retail"])
        .spawn()
        .unwrap();
    within(60, "part of the file", || {
        (engine.number("select count(*) from orders") > 500).then_some(())
    });
    load.kill().unwrap();
    load.wait().unwrap();
    let counts = loaded(&engine, &file, "uci_online_retail");
    assert_eq!(counts["read"], 541_909, "{counts}");
    engine.settle();
    agree(&engine, "uci_online_retail", file.parent().unwrap());
}

#[test]
fn olist_equals_its_files() {
    let Some(file) = real_data("olist_sample_orders.parquet") else {
        return;
    };
    let engine = Engine::start();
    loaded(&engine, file.parent().unwrap(), "olist");
    engine.settle();
    agree(&engine, "olist", file.parent().unwrap());
}

#[test]
fn a_wrong_mapping_a_missing_column_and_a_cut_file_are_named() {
    let engine = Engine::start();
    let dir = tempfile::tempdir().unwrap();
    let refused = |args: &[&str]| {
        let output = engine.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        text(&output)
    };
    let csv = dir.path().join("some.csv");
    std::fs::write(&csv, "a,b\n1,2\n").unwrap();
    let csv = csv.to_str().unwrap();
    let said = refused(&["load", csv, "--mapping", "nonsense"]);
    assert!(
        said.contains("nonsense") && said.contains("amazon_india"),
        "{said}"
    );
    let said = refused(&["load", csv, "--mapping", "amazon_india"]);
    assert!(said.contains("column"), "{said}");
    let said = refused(&["load", "/nowhere/at/all.csv", "--mapping", "amazon_india"]);
    assert!(said.contains("/nowhere/at/all.csv"), "{said}");
    let cut = dir.path().join("cut.parquet");
    std::fs::write(&cut, b"PAR1 and then nothing").unwrap();
    let said = refused(&["load", cut.to_str().unwrap(), "--mapping", "amazon_india"]);
    assert!(said.contains("cut.parquet"), "{said}");
}
