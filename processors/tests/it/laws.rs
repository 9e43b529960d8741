//! The laws, over generated histories: rows converge, batches do not matter, replay equals live, streaming equals the naive batch.

use eddy_events::feedback::{AlertReview, ClockTicked, Verdict};
use eddy_events::{Body, Event};
use proptest::prelude::*;

use crate::history::{Dice, HOUR, START, event, history};
use crate::oracle;
use crate::support::{Run, Tables, projections};

/// Another order of the same events, with some of them repeated.
fn disorder(events: &[Event], seed: u64) -> Vec<Event> {
    let mut dice = Dice::new(seed);
    let mut all = events.to_vec();
    for event in events {
        if dice.chance(25) {
            all.push(event.clone());
        }
    }
    dice.shuffle(&mut all);
    all
}

/// A log in which people speak about the alerts that it raises: verdicts of all kinds, some of them twice, each somewhere after the middle. Ticks let its terms pass.
pub fn with_reviews(log: &[Event], seed: u64) -> Vec<Event> {
    let mut run = Run::new();
    run.play(log, 9);
    let mut dice = Dice::new(seed ^ 0x5eed);
    let mut all = log.to_vec();
    let alerts = run
        .tables
        .get("fraud_alerts")
        .into_iter()
        .flat_map(|rows| rows.keys());
    for (number, key) in alerts
        .enumerate()
        .flat_map(|(number, key)| [(number * 2, key), (number * 2 + 1, key)])
    {
        let said = AlertReview {
            alert_id: key[0].as_str().into(),
            actor: "asha".into(),
            verdict: Some(*dice.pick(Verdict::ALL)),
            reason: None,
            loss_minor: dice.chance(30).then_some(700),
        };
        let body = match dice.roll(6) {
            0 => Body::AlertAssigned(said),
            1 => Body::AlertAppealed(said),
            2 => Body::AlertOverturned(said),
            _ => Body::AlertReviewed(said),
        };
        let word = event(&format!("word-{number}"), 70 + dice.roll(90) as i64, body);
        for _ in 0..1 + dice.roll(2) {
            let middle = all.len() / 2;
            let at = middle + dice.roll((all.len() - middle + 1) as u64) as usize;
            all.insert(at, word.clone());
        }
    }
    for number in 0..dice.roll(6) as i64 {
        let hour = 150 * (number + 1) + dice.roll(100) as i64;
        let body = Body::ClockTicked(ClockTicked {
            at: eddy_events::Timestamp::utc(START + hour * HOUR),
        });
        let middle = all.len() / 2;
        let at = middle + dice.roll((all.len() - middle + 1) as u64) as usize;
        all.insert(at, event(&format!("tick-{number}"), hour, body));
    }
    all
}

/// The tables that repeat what fraud told, without positions in the log.
fn of_fraud(tables: &Tables) -> Tables {
    let mut tables: Tables = tables
        .iter()
        .filter(|(name, _)| ["fraud_alerts", "return_scores"].contains(&name.as_str()))
        .map(|(name, rows)| (name.clone(), rows.clone()))
        .collect();
    tables
        .values_mut()
        .flat_map(|rows| rows.values_mut())
        .for_each(|row| {
            row.remove("sequence");
        });
    tables
}

/// Fails with the first row that differs, which tells more than two whole sets of tables.
pub fn same(what: &str, left: &Tables, right: &Tables) {
    for (table, rows) in left {
        let others = right.get(table);
        for (key, row) in rows {
            let other = others.and_then(|others| others.get(key));
            assert_eq!(Some(row), other, "{what}: {table} {key:?}");
        }
    }
    for (table, rows) in right {
        for key in rows.keys() {
            assert!(
                left.get(table).is_some_and(|rows| rows.contains_key(key)),
                "{what}: {table} {key:?} is only on the right"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_ends_in_the_same_rows(seed in any::<u64>(), orders in 1_usize..6, other in any::<u64>()) {
        let events = history(seed, orders);
        let mut one = Run::new();
        one.play(&events, 7);
        let mut two = Run::new();
        two.play(&disorder(&events, other), 5);
        same("disorder", &projections(&one.tables), &projections(&two.tables));
        prop_assert_eq!(one.engine.digest().projections, two.engine.digest().projections);
    }

    #[test]
    fn batch_sizes_do_not_matter(seed in any::<u64>(), orders in 1_usize..6, batch in 1_usize..50) {
        let events = with_reviews(&disorder(&history(seed, orders), seed), seed);
        let mut one = Run::new();
        one.play(&events, 1);
        let mut many = Run::new();
        many.play(&events, batch);
        same("batches", &one.tables, &many.tables);
        prop_assert_eq!(one.engine.digest(), many.engine.digest());
        prop_assert_eq!(&one.out.outputs, &many.out.outputs);
    }

    #[test]
    fn rows_handed_over_one_by_one_are_the_rows_of_a_full_reading(seed in any::<u64>(), orders in 1_usize..6, batch in 1_usize..9) {
        let mut run = Run::new();
        run.play(&disorder(&history(seed, orders), seed), batch);
        let scanned = run.scanned();
        same("scan", &run.tables, &scanned);
    }

    #[test]
    fn streaming_equals_the_naive_batch(seed in any::<u64>(), orders in 1_usize..6, batch in 1_usize..30) {
        let events = history(seed, orders);
        let mut run = Run::new();
        run.play(&disorder(&events, seed), batch);
        oracle::compare(&projections(&run.tables), &oracle::recompute(&events));
    }

    #[test]
    fn repeats_change_neither_alerts_nor_scores_of_returns(seed in any::<u64>(), orders in 1_usize..6, other in any::<u64>()) {
        let log = with_reviews(&disorder(&history(seed, orders), seed), seed);
        let mut one = Run::new();
        one.play(&log, 7);
        let mut dice = Dice::new(other);
        let mut repeated: Vec<Event> = Vec::new();
        for event in &log {
            repeated.push(event.clone());
            if dice.chance(40) {
                let old = dice.roll(repeated.len() as u64) as usize;
                repeated.push(repeated[old].clone());
            }
        }
        let mut two = Run::new();
        two.play(&repeated, 5);
        same("repeats", &of_fraud(&one.tables), &of_fraud(&two.tables));
    }

    #[test]
    fn replay_equals_live(seed in any::<u64>(), orders in 1_usize..6, batch in 1_usize..30) {
        let log = with_reviews(&disorder(&history(seed, orders), seed), seed);
        let mut live = Run::new();
        live.play(&log, batch);
        let mut replay = Run::new();
        replay.play(&log, usize::MAX);
        same("replay", &live.tables, &replay.tables);
        prop_assert_eq!(live.engine.digest(), replay.engine.digest());
        prop_assert_eq!(live.engine.counts(), replay.engine.counts());
    }
}
