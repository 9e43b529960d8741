//! The Grafana dashboard names only metrics that the engine exposes.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_metric_of_the_dashboard_is_one_that_the_engine_registers() {
    let root = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"))
        .join("..");
    let sources: String = ["ingest", "log", "processors", "query"]
        .iter()
        .map(|room| std::fs::read_to_string(root.join(room).join("src/metrics.rs")).unwrap())
        .collect();
    let text = std::fs::read_to_string(root.join("dashboards/grafana/eddy.json")).unwrap();
    let board: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let named: BTreeSet<&str> = panels
        .iter()
        .flat_map(|p| p["targets"].as_array().unwrap())
        .flat_map(|t| {
            t["expr"]
                .as_str()
                .unwrap()
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        })
        .filter(|word| word.starts_with("eddy_"))
        .collect();
    assert!(named.len() > 20);
    for name in named {
        let family = name
            .strip_suffix("_bucket")
            .or_else(|| name.strip_suffix("_count"))
            .unwrap_or(name);
        assert!(
            sources.contains(&format!("\"{family}\"")),
            "no metric is called {family}"
        );
    }
}
