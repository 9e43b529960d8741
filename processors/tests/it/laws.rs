//! The laws, over generated histories: rows converge, batches do not matter, replay equals live, streaming equals the naive batch.

use eddy_events::Event;
use proptest::prelude::*;

use crate::history::{Dice, history};
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
        let events = disorder(&history(seed, orders), seed);
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
    fn replay_equals_live(seed in any::<u64>(), orders in 1_usize..6, batch in 1_usize..30) {
        let log = disorder(&history(seed, orders), seed);
        let mut live = Run::new();
        live.play(&log, batch);
        let mut replay = Run::new();
        replay.play(&log, usize::MAX);
        prop_assert_eq!(live.engine.digest(), replay.engine.digest());
        prop_assert_eq!(live.engine.counts(), replay.engine.counts());
    }
}
