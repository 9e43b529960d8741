//! Return rates and their shifts, as a shop's days tell them.

use std::collections::BTreeMap;

use eddy_events::{Body, Event};

use crate::history::{Dice, HOUR, START, arrived_by, asked, event, line, manifested, placed, requested};
use crate::support::Run;

const DAY: i64 = 24;
/// The shop opens so many days before the start of the other tests, so that all of it lies before the log took it.
const OPENED: i64 = -60 * DAY;
const DAYS: i64 = 130;
/// Day from which one article comes back more often.
const SHIFT: i64 = 88;
const SKUS: i64 = 12;
const LINES: i64 = 6;

/// Twelve articles of four styles, six lines each a day; one in ten comes back within four days, three of ten of them as defects, and of `bad` from a day on nearly one in two, all as defects.
fn shop(bad: Option<i64>) -> Vec<Event> {
    let mut dice = Dice::new(11);
    let mut told = Vec::new();
    for day in 0..DAYS {
        for sku in 0..SKUS {
            for nth in 0..LINES {
                let id = format!("{day}-{sku}-{nth}");
                let at = OPENED + day * DAY + nth;
                let mut of = line("l1", &format!("s{sku:02}"), 1, 50_000);
                of.style = Some(format!("t{}", sku / 3).into());
                of.category = Some("shirt".into());
                of.size = Some(["S", "M", "L"][(sku % 3) as usize].into());
                told.push(event(
                    &format!("p{id}"),
                    at,
                    Body::OrderPlaced(Box::new(placed(
                        &format!("o{id}"),
                        &format!("c{}", nth + sku),
                        vec![of],
                    ))),
                ));
                told.push(event(
                    &format!("m{id}"),
                    at + 1,
                    Body::ShipmentManifested(Box::new(manifested(&format!("a{id}"), &format!("o{id}")))),
                ));
                told.push(arrived_by(&format!("d{id}"), &format!("a{id}"), at + 9));
                let shifted = bad == Some(sku) && day >= SHIFT;
                if dice.chance(if shifted { 45 } else { 10 }) {
                    let after = 10 + dice.roll(86) as i64;
                    let mut back = asked(Some("l1"), &format!("s{sku:02}"), 1);
                    let defect = shifted || dice.chance(30);
                    back.reason = if defect { "defective" } else { "too_small" }.into();
                    back.reason_group = Some(if defect { "defect" } else { "size_fit" }.into());
                    let request = requested(&format!("r{id}"), Some(&format!("o{id}")), vec![back]);
                    told.push(event(
                        &format!("q{id}"),
                        at + 9 + after,
                        Body::ReturnRequested(Box::new(request)),
                    ));
                }
            }
        }
    }
    told.retain(|event| event.envelope.time.micros < START + (OPENED + DAYS * DAY - 6) * HOUR);
    told.sort_by_key(|event| event.envelope.time.micros);
    told
}

fn figure(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row.get(column)
        .unwrap_or_else(|| panic!("no {column}"))
        .parse()
        .unwrap()
}

#[test]
fn a_shift_is_one_anomaly_that_names_its_article_and_its_onset() {
    let mut run = Run::new();
    run.play(&shop(Some(7)), 5_000);
    let found = run.tables.get("anomalies").expect("an anomaly");
    assert_eq!(found.len(), 1, "{found:#?}");
    let row = found.values().next().unwrap();
    assert_eq!((row["dimension"].as_str(), row["value"].as_str()), ("sku", "s07"));
    assert_eq!(row["direction"], "up");
    assert_eq!(row["reason_group"], "defect");
    assert!(figure(row, "q_value") <= 0.1);
    assert!(figure(row, "observed") > 2.0 * figure(row, "expected"));
    let first: jiff::civil::Date = "2026-09-02".parse().unwrap();
    let shift = first.checked_add(jiff::Span::new().days(SHIFT)).unwrap();
    let onset: jiff::civil::Date = row["onset"].parse().unwrap();
    let late = (onset - shift).get_days();
    assert!((-5..=5).contains(&late), "{onset} for {shift}");
    let cause: serde_json::Value = serde_json::from_str(&row["cause"]).unwrap();
    assert_eq!(cause[0]["dimension"], "sku");
    assert_eq!(cause[0]["value"], "s07");
    let told: Vec<&str> = run
        .out
        .outputs
        .iter()
        .map(|(_, output)| output.type_name.as_str())
        .filter(|name| name.starts_with("eddy.anomaly."))
        .collect();
    assert_eq!(told[0], "eddy.anomaly.detected");
    assert!(told.len() < 12, "told when it grows, not each day: {told:?}");
}

#[test]
fn a_shop_where_nothing_shifts_has_no_anomaly() {
    let mut run = Run::new();
    run.play(&shop(None), 5_000);
    assert!(
        !run.tables.contains_key("anomalies"),
        "{:#?}",
        run.tables["anomalies"]
    );
}

#[test]
fn how_often_rows_are_asked_for_changes_neither_rates_nor_anomalies() {
    let log = shop(Some(7));
    let mut often = Run::new();
    often.play(&log, 150);
    let mut once = Run::new();
    once.play(&log, log.len());
    let scanned = often.scanned();
    for table in ["rates_now", "return_maturity", "return_forecast", "anomalies"] {
        assert_eq!(often.tables.get(table), once.tables.get(table), "{table}");
        assert_eq!(often.tables.get(table), scanned.get(table), "{table} as scanned");
    }
    assert_eq!(often.out.outputs, once.out.outputs);
}

#[test]
fn rates_of_now_count_what_was_delivered_in_the_window_and_expect_what_is_still_to_come() {
    let log = shop(None);
    let mut run = Run::new();
    run.play(&log, 5_000);
    let row = run.row("rates_now", &["sku", "s03"]).unwrap().clone();
    // The last day is under way: the window is the ninety before it.
    let from = OPENED + (DAYS - 91) * DAY;
    let until = OPENED + (DAYS - 1) * DAY;
    let midnight = START / HOUR;
    assert_eq!(
        midnight % 24,
        0,
        "hours count from a midnight in UTC, half past five in India"
    );
    let delivered: Vec<String> = log
        .iter()
        .filter_map(|event| match &event.body {
            Body::ShipmentDelivered(body) if body.awb.contains("-3-") => {
                let hour = (event.envelope.time.micros - START) / HOUR;
                // Midnight in India is half past six in the evening before in UTC.
                let day = (hour * 2 + 11).div_euclid(48) * 24;
                (from..until).contains(&day).then(|| body.awb[1..].to_owned())
            }
            _ => None,
        })
        .collect();
    assert_eq!(figure(&row, "delivered"), delivered.len() as f64);
    let end = until * 2 - 11;
    let returned = log
        .iter()
        .filter(|event| match &event.body {
            Body::ReturnRequested(body) => {
                let hour = (event.envelope.time.micros - START) / HOUR;
                hour * 2 < end && delivered.iter().any(|id| body.rma_id[1..] == **id)
            }
            _ => false,
        })
        .count();
    assert_eq!(figure(&row, "returned"), returned as f64);
    assert_eq!((row["style"].as_str(), row["category"].as_str()), ("t1", "shirt"));
    assert_eq!(row["top_reason"], "size_fit");
    let (raw, adjusted) = (figure(&row, "raw_rate"), figure(&row, "adjusted_rate"));
    assert!(adjusted > raw && adjusted < raw + 0.02, "{raw} {adjusted}");
    assert!(figure(&row, "lower") <= adjusted && adjusted <= figure(&row, "upper"));
    assert!((0.06..0.14).contains(&figure(&row, "propensity")));
    let maturity: Vec<f64> = run.tables["return_maturity"]
        .values()
        .filter(|row| row["category"] == "shirt" && row["basis"] == "requested")
        .map(|row| figure(row, "maturity"))
        .collect();
    assert_eq!(maturity.len(), 120);
    assert!(
        maturity.windows(2).all(|pair| pair[0] >= pair[1]),
        "younger days are less mature"
    );
    assert!(maturity[0] > 0.99 && maturity[119] < 0.3);
}
