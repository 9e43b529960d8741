//! The three real sets through their mappings, each row accounted for. Skipped, with a line that says so, where a set is absent.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use eddy_ingest::load::{self, Collected, LoadConfig, Report, Sink};
use eddy_ingest::metrics::Metrics;
use tokio_util::sync::CancellationToken;

fn data() -> PathBuf {
    std::env::var_os("EDDY_TEST_DATA").map_or_else(
        || {
            Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"))
                .join("../../shared/data")
        },
        PathBuf::from,
    )
}

async fn load_set(file: &str, mapping: &str) -> Option<(Report, Collected)> {
    let path = data().join(file);
    if !path.exists() {
        println!(
            "skipped: {} is absent, so {mapping} is not tried on real rows",
            path.display()
        );
        return None;
    }
    let state = tempfile::tempdir().expect("a folder");
    let sink = Arc::new(Mutex::new(Collected::default()));
    let config = LoadConfig {
        path,
        mapping: mapping.to_owned(),
        state_dir: state.path().to_owned(),
        progress: false,
    };
    let begun = std::time::Instant::now();
    let report = load::run(
        config,
        Sink::Memory(Arc::clone(&sink)),
        Metrics::new().expect("metrics"),
        CancellationToken::new(),
    )
    .await
    .expect("the load runs");
    println!("{mapping}: {report:?} in {:?}", begun.elapsed());
    let collected = std::mem::take(&mut *sink.lock().expect("one writer"));
    let mut ids = std::collections::HashSet::new();
    for line in &collected.lines {
        let (event, canonical) = eddy_events::codec::canonicalise(line).expect("a valid event");
        assert_eq!(
            String::from_utf8_lossy(&canonical),
            String::from_utf8_lossy(line),
            "lines of the loader are canonical"
        );
        assert!(ids.insert(event.identity()), "{} stands twice", event.envelope.id);
    }
    Some((report, collected))
}

#[tokio::test]
async fn every_row_of_amazon_india_becomes_a_shipment() {
    let Some((report, _)) = load_set("amazon_india_sale_report.parquet", "amazon_india").await else {
        return;
    };
    assert_eq!(
        (report.read, report.accepted, report.dead_letters.len()),
        (128_975, 128_975, 0)
    );
    assert!(report.balances());
}

#[tokio::test]
async fn uci_online_retail_leaves_out_only_stock_and_bad_debt_adjustments() {
    let Some((report, _)) = load_set("uci_online_retail.parquet", "uci_online_retail").await else {
        return;
    };
    assert!(report.balances());
    assert_eq!(report.read, 541_909);
    assert_eq!(report.dead_letters.get("stock_adjustment"), Some(&1336));
    assert_eq!(report.dead_letters.get("bad_debt_adjustment"), Some(&3));
    assert_eq!(report.accepted, 541_909 - 1339);
}

#[tokio::test]
async fn olist_orders_without_items_are_the_only_ones_refused() {
    let Some((report, _)) = load_set("olist_sample_orders.parquet", "olist").await else {
        return;
    };
    assert!(report.balances());
    assert_eq!((report.read, report.accepted), (8000, 7932));
    assert_eq!(report.dead_letters.get("order_without_items"), Some(&68));
}
