//! What the ranking of causes names in plain cases.

use super::why::{Anomaly, Candidate, rank};

fn candidate(
    dimension: &str,
    value: &str,
    (observed, expected): (f64, f64),
    shared: (f64, f64),
    values: usize,
) -> Candidate {
    Candidate {
        dimension: dimension.to_owned(),
        value: value.to_owned(),
        observed,
        expected,
        known: 200.0,
        shared_observed: shared.0,
        shared_expected: shared.1,
        values,
        begins: false,
        parents: Vec::new(),
    }
}

const ANOMALY: Anomaly = Anomaly {
    observed: 40.0,
    expected: 10.0,
    rises: true,
};

fn first(table: &[Candidate]) -> Option<&str> {
    rank(&ANOMALY, table)
        .first()
        .map(|cause| table[cause.row].dimension.as_str())
}

#[test]
fn the_article_is_named_when_the_rest_of_its_style_is_well() {
    let mut table = vec![
        candidate("sku", "a", (40.0, 10.0), (40.0, 10.0), 5_000),
        candidate("style", "t", (82.0, 40.0), (40.0, 10.0), 1_300),
        candidate("category", "shirt", (430.0, 400.0), (40.0, 10.0), 16),
    ];
    assert_eq!(first(&table), Some("sku"));
    table[0].parents = vec![1, 2];
    table[1].parents = vec![2];
    let causes = rank(&ANOMALY, &table);
    assert_eq!(
        causes[1].explained_by,
        Some(0),
        "the style says the same again: {causes:?}"
    );
}

#[test]
fn the_supplier_is_named_when_several_of_its_articles_are_up() {
    let table = [
        candidate("sku", "a", (40.0, 10.0), (40.0, 10.0), 5_000),
        candidate("supplier", "s", (160.0, 50.0), (40.0, 10.0), 60),
    ];
    assert_eq!(first(&table), Some("supplier"));
}

#[test]
fn the_batch_is_named_when_the_excess_begins_with_it() {
    let mut table = [
        candidate("sku", "a", (40.0, 10.0), (40.0, 10.0), 5_000),
        candidate("batch", "b", (40.0, 10.0), (40.0, 10.0), 10_000),
    ];
    assert_eq!(
        first(&table),
        Some("sku"),
        "without its own onset the batch is one of many"
    );
    table[1].begins = true;
    assert_eq!(first(&table), Some("batch"));
}

#[test]
fn the_packer_is_named_not_the_article_that_happened_to_be_packed() {
    let table = [
        candidate("sku", "a", (12.0, 6.0), (12.0, 6.0), 5_000),
        candidate("facility", "w", (60.0, 30.0), (12.0, 6.0), 20),
        candidate("packer", "p", (42.0, 10.0), (10.0, 1.0), 160),
    ];
    let anomaly = Anomaly {
        observed: 12.0,
        expected: 6.0,
        rises: true,
    };
    let causes = rank(&anomaly, &table);
    assert_eq!(causes[0].row, 2);
}

#[test]
fn a_fall_is_explained_by_what_fell() {
    let table = [
        candidate("sku", "a", (2.0, 25.0), (2.0, 25.0), 5_000),
        candidate("category", "shirt", (390.0, 400.0), (2.0, 25.0), 16),
    ];
    let anomaly = Anomaly {
        observed: 2.0,
        expected: 25.0,
        rises: false,
    };
    let causes = rank(&anomaly, &table);
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].row, 0);
    assert!(causes[0].factor < 0.2 && causes[0].share > 0.9);
}

#[test]
fn where_nothing_stands_out_no_cause_is_named() {
    let table = [
        candidate("packer", "p", (6.0, 4.0), (6.0, 4.0), 160),
        candidate("lane", "l", (5.0, 4.0), (5.0, 4.0), 81),
    ];
    assert!(rank(&ANOMALY, &table).is_empty());
}
