//! Anomalies of how things run: each subject found in a small shop where it shifts, none where nothing does, and the same rows however the day is cut.

use eddy_events::feedback::{AnomalyReviewed, AnomalyVerdict};
use eddy_events::money::{ExchangeCreated, Tender};
use eddy_events::returns::Grade;
use eddy_events::shipment::NdrReason;
use eddy_events::{Body, Event, Timestamp};

use crate::history::{
    Dice, HOUR, START, arrived_by, asked, event, failed, inspected, line, manifested, placed, received,
    refund, requested, scan,
};
use crate::support::{Row, Run, config};

const DAY: i64 = 24;
/// The shop opens so many days before the start of the other tests, so that all of it lies before the log took it.
const OPENED: i64 = -60 * DAY;
const DAYS: i64 = 120;
/// Day from which something gets worse.
const SHIFT: i64 = 80;
const ORDERS: i64 = 60;
/// What is watched besides return rates.
const SUBJECTS: [&str; 6] = [
    "damage",
    "inspection_backlog",
    "refund_delay",
    "ndr",
    "missing_scans",
    "missing_refunds",
];

/// Sixty orders a day by three couriers to three zones, packed by six; three in ten come back. One in five first attempts fails, one in ten inspected lines is broken, one
/// parcel in fifty lies, one refund in twenty is late, one in fifty is never begun, and desks take a day. From a day on one of these is worse in one slice.
fn shop(trouble: &str) -> Vec<Event> {
    let mut dice = Dice::new(5);
    let mut told = Vec::new();
    for day in 0..DAYS {
        for nth in 0..ORDERS {
            let worse = |subject: &str| trouble == subject && day >= SHIFT;
            let id = format!("{day}-{nth}");
            let (order, awb, rma) = (format!("o{id}"), format!("a{id}"), format!("r{id}"));
            let (courier, zone) = (dice.roll(3), 1 + dice.roll(3));
            let (packer, desk) = (dice.roll(6), dice.roll(2));
            let at = OPENED + day * DAY + nth / 8;
            let mut of = line("l1", "s1", 1, 50_000);
            of.category = Some("shirt".into());
            let mut order_placed = placed(&order, &format!("c{id}"), vec![of]);
            order_placed.destination_pincode = format!("{zone}11001").into();
            told.push(event(
                &format!("p{id}"),
                at,
                Body::OrderPlaced(Box::new(order_placed)),
            ));
            let mut parcel = manifested(&awb, &order);
            parcel.courier = format!("k{courier}").into();
            parcel.packer = Some(format!("pk{packer}").into());
            parcel.facility = Some("dc".into());
            told.push(event(
                &format!("m{id}"),
                at + 1,
                Body::ShipmentManifested(Box::new(parcel)),
            ));
            told.push(event(
                &format!("u{id}"),
                at + 2,
                Body::ShipmentPickedUp(scan(&awb)),
            ));
            let lies = dice.chance(if worse("missing_scans") && courier == 2 {
                40
            } else {
                2
            });
            let out = at + 20 + if lies { 5 * DAY } else { 0 };
            told.push(event(
                &format!("t{id}"),
                out,
                Body::ShipmentOutForDelivery(scan(&awb)),
            ));
            let fails = dice.chance(if worse("ndr") && (courier, zone) == (1, 3) {
                65
            } else {
                20
            });
            if fails {
                told.push(event(
                    &format!("f{id}"),
                    out + 3,
                    Body::ShipmentDeliveryFailed(failed(&awb, NdrReason::CustomerUnavailable)),
                ));
            }
            let arrived = out + if fails { 26 } else { 4 };
            told.push(arrived_by(&format!("d{id}"), &awb, arrived));
            if !dice.chance(30) {
                continue;
            }
            let broken = dice.chance(if worse("damage") && packer == 3 { 60 } else { 10 });
            let mut back = asked(Some("l1"), "s1", 1);
            back.reason = if broken { "broken_on_arrival" } else { "too_small" }.into();
            back.reason_group = Some(if broken { "damaged_in_transit" } else { "size_fit" }.into());
            let asked_at = arrived + 5 + dice.roll(60) as i64;
            told.push(event(
                &format!("q{id}"),
                asked_at,
                Body::ReturnRequested(Box::new(requested(&rma, Some(&order), vec![back]))),
            ));
            let here = asked_at + 48;
            let facility = format!("desk{desk}");
            told.push(event(
                &format!("e{id}"),
                here,
                Body::ReturnReceived(received(&rma, &facility, &[("l1", "s1", 1)])),
            ));
            let slow = worse("inspection_backlog") && desk == 1;
            let looked = here + 6 + dice.roll(24) as i64 + if slow { 7 * DAY } else { 0 };
            told.push(event(
                &format!("i{id}"),
                looked,
                Body::ReturnInspected(inspected(&rma, "l1", Some(&facility), Grade::A)),
            ));
            let forgotten = dice.chance(match trouble {
                "missing_refunds" if desk == 1 && day >= SHIFT => 40,
                _ => 2,
            });
            if forgotten {
                continue;
            }
            let bank = dice.chance(50);
            let late = dice.chance(if worse("refund_delay") && bank { 50 } else { 5 });
            let mut pay = refund(&format!("b{id}"), Some(&rma), Some("l1"), 50_000);
            pay.tender = if bank { Tender::Bank } else { Tender::Original };
            pay.due_at = Some(Timestamp::utc(START + (looked + 3 * DAY) * HOUR));
            told.push(event(
                &format!("n{id}"),
                looked + 1,
                Body::RefundInitiated(Box::new(pay.clone())),
            ));
            told.push(event(
                &format!("y{id}"),
                looked + if late { 6 * DAY } else { 30 },
                Body::RefundIssued(Box::new(pay)),
            ));
        }
    }
    told.retain(|event| event.envelope.time.micros < START + (OPENED + DAYS * DAY - 6) * HOUR);
    told.sort_by_key(|event| event.envelope.time.micros);
    told
}

fn found(run: &Run, subject: &str) -> Vec<Row> {
    let rows = run.tables.get("anomalies").into_iter().flatten();
    rows.map(|(_, row)| row.clone())
        .filter(|row| row["subject"] == subject)
        .collect()
}

/// The one anomaly of a subject, of a slice, with an onset about the shift.
#[track_caller]
fn finds(subject: &str, dimension: &str, value: &str) -> Run {
    let mut run = Run::new();
    run.play(&shop(subject), 5_000);
    let rows = found(&run, subject);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let row = &rows[0];
    assert_eq!(
        (row["dimension"].as_str(), row["value"].as_str()),
        (dimension, value)
    );
    assert_eq!(row["direction"], "up");
    assert!(!row.contains_key("reason_group"), "{row:#?}");
    let first: jiff::civil::Date = "2026-09-02".parse().unwrap();
    let shift = first.checked_add(jiff::Span::new().days(SHIFT)).unwrap();
    let onset: jiff::civil::Date = row["onset"].parse().unwrap();
    let off = (onset - shift).get_days();
    assert!((-3..=6).contains(&off), "{onset} for {shift}");
    let number = |column: &str| row[column].parse::<f64>().unwrap();
    assert!(number("q_value") <= 0.1);
    assert!(number("observed") > 1.8 * number("expected"), "{row:#?}");
    assert!(number("at_stake_minor") > 0.0 || subject == "ndr" || subject == "missing_scans");
    let others: Vec<String> = SUBJECTS
        .iter()
        .filter(|other| **other != subject)
        .flat_map(|other| found(&run, other))
        .map(|row| row["subject"].clone())
        .collect();
    assert!(others.is_empty(), "{others:?}");
    run
}

#[test]
fn attempts_that_fail_on_a_lane_are_one_anomaly() {
    let run = finds("ndr", "courier,zone", "k1,3");
    let told: Vec<serde_json::Value> = run
        .out
        .outputs
        .iter()
        .filter(|(_, output)| output.type_name.as_str() == "eddy.anomaly.detected")
        .map(|(_, output)| serde_json::from_str(output.data.as_str()).unwrap())
        .filter(|data: &serde_json::Value| data["subject"] == "ndr")
        .collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["value"], "k1,3");
}

#[test]
fn parcels_of_a_courier_that_nobody_scans_are_one_anomaly() {
    finds("missing_scans", "courier", "k2");
}

#[test]
fn damage_found_at_inspection_is_the_packers() {
    finds("damage", "packer", "pk3");
}

#[test]
fn a_desk_that_falls_behind_its_own_pace_is_an_anomaly() {
    finds("inspection_backlog", "facility", "desk1");
}

#[test]
fn refunds_that_miss_their_term_are_an_anomaly_of_the_way_they_are_paid() {
    finds("refund_delay", "tender", "bank");
}

#[test]
fn lines_for_which_a_desk_begins_no_refund_are_an_anomaly() {
    finds("missing_refunds", "facility", "desk1");
}

#[test]
fn an_exchange_answers_a_line_as_a_refund_does() {
    let mut log = shop("missing_refunds");
    let begun: std::collections::BTreeSet<String> = log
        .iter()
        .filter_map(|event| match &event.body {
            Body::RefundInitiated(refund) => refund.rma_id.as_deref().map(str::to_owned),
            _ => None,
        })
        .collect();
    let mut exchanges = Vec::new();
    for told in &log {
        let Body::ReturnInspected(body) = &told.body else {
            continue;
        };
        if !begun.contains(body.rma_id.as_str()) {
            let hours = (told.envelope.time.micros - START) / HOUR;
            exchanges.push(event(
                &format!("x{}", body.rma_id),
                hours + 1,
                Body::ExchangeCreated(ExchangeCreated {
                    exchange_id: format!("x{}", body.rma_id).into(),
                    rma_id: body.rma_id.clone(),
                    line_id: "l1".into(),
                    new_order_id: format!("n{}", body.rma_id).into(),
                    price_difference_minor: None,
                }),
            ));
        }
    }
    assert!(exchanges.len() > 50, "{}", exchanges.len());
    log.extend(exchanges);
    log.sort_by_key(|event| event.envelope.time.micros);
    let mut run = Run::new();
    run.play(&log, 5_000);
    let rows = found(&run, "missing_refunds");
    assert!(rows.is_empty(), "{rows:#?}");
}

#[test]
fn a_shop_that_runs_as_ever_has_no_anomaly() {
    let mut run = Run::new();
    run.play(&shop(""), 5_000);
    for subject in SUBJECTS {
        let rows = found(&run, subject);
        assert!(rows.is_empty(), "{rows:#?}");
    }
}

#[test]
fn without_scores_of_parcels_attempts_are_held_against_their_past() {
    let mut run = Run::with(eddy_processors::Config {
        risk: false,
        ..config()
    });
    run.play(&shop("ndr"), 5_000);
    let rows = found(&run, "ndr");
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(rows[0]["value"], "k1,3");
}

#[test]
fn how_often_rows_are_asked_for_changes_no_anomaly() {
    let log = shop("ndr");
    let mut often = Run::new();
    often.play(&log, 150);
    let mut once = Run::new();
    once.play(&log, log.len());
    let scanned = often.scanned();
    assert_eq!(often.tables.get("anomalies"), once.tables.get("anomalies"));
    assert_eq!(often.tables.get("anomalies"), scanned.get("anomalies"));
    assert_eq!(often.out.outputs, once.out.outputs);
}

/// What of a row does not tell when it was looked at, nor the last digits of a sum.
fn gist(run: &Run) -> Vec<[String; 5]> {
    let rows = run.tables.get("anomalies").into_iter().flatten();
    let of =
        |row: &Row| ["subject", "dimension", "value", "onset", "observed"].map(|column| row[column].clone());
    rows.map(|(_, row)| of(row)).collect()
}

#[test]
fn the_order_within_a_day_changes_no_anomaly() {
    let log = shop("refund_delay");
    // Scores of parcels follow the order of the log; the rest is read at the day's close.
    let without = || {
        Run::with(eddy_processors::Config {
            risk: false,
            ..config()
        })
    };
    let mut as_told = without();
    as_told.play(&log, 5_000);
    let mut days: std::collections::BTreeMap<i64, Vec<Event>> = std::collections::BTreeMap::new();
    for event in log {
        // India is five and a half hours ahead.
        let day = (event.envelope.time.micros + 11 * HOUR / 2).div_euclid(DAY * HOUR);
        days.entry(day).or_default().push(event);
    }
    let mut dice = Dice::new(3);
    let mut shuffled = without();
    for mut day in days.into_values() {
        dice.shuffle(&mut day);
        shuffled.play(&day, 997);
    }
    assert_eq!(gist(&shuffled), gist(&as_told));
    assert!(!gist(&as_told).is_empty());
}

#[test]
fn what_is_said_of_it_stands_in_its_row() {
    let mut run = finds("ndr", "courier,zone", "k1,3");
    let id = found(&run, "ndr")[0]["anomaly_id"].clone();
    let said = AnomalyReviewed {
        anomaly_id: id.as_str().into(),
        actor: "op-1".into(),
        verdict: AnomalyVerdict::Acknowledged,
        reason: None,
        into: None,
    };
    run.play(
        &[event("said", OPENED + DAYS * DAY, Body::AnomalyReviewed(said))],
        1,
    );
    let row = run.row("anomalies", &[&id]).unwrap();
    assert_eq!(
        (row["status"].as_str(), row["actor"].as_str()),
        ("acknowledged", "op-1")
    );
}
