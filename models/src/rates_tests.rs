//! Behaviour of rates.

use super::*;
use crate::random::Random;
use proptest::prelude::*;

const DAY: i64 = 86_400_000_000;

fn fixed(levels: usize, k: f64) -> Rates {
    Rates::new(Config {
        strengths: vec![Strength::Fixed(k); levels],
        ..Config::new(levels, 0.2)
    })
}

#[test]
fn an_unseen_chain_reads_as_the_prior() {
    let reading = fixed(3, 10.0).read(&[1, 2, 3], 0);
    assert_eq!((reading.rate, reading.lift, reading.count), (0.2, 0.0, 0.0));
}

#[test]
fn two_levels_by_hand() {
    let mut rates = fixed(2, 2.0);
    for (lane, failed) in [(7, true), (7, true), (8, false), (8, false)] {
        rates.observe(&[0, lane], 0, failed, 1.0);
    }
    // All: (2 + 2 * 0.2) / (4 + 2) = 0.4; lane 7: (2 + 2 * 0.4) / (2 + 2) = 0.7; lane 8: 0.8 / 4 = 0.2; lane 9 as all.
    for (lane, rate) in [(7, 0.7), (8, 0.2), (9, 0.4)] {
        assert!((rates.read(&[0, lane], 0).rate - rate).abs() < 1e-12);
    }
}

#[test]
fn evidence_halves_with_its_half_life() {
    let mut rates = fixed(1, 2.0);
    rates.observe(&[5], 0, true, 1.0);
    let reading = rates.read(&[5], 60 * DAY);
    assert!((reading.count - 0.5).abs() < 1e-12 && (reading.failed - 0.5).abs() < 1e-12);
}

#[test]
fn an_outage_on_a_lane_shows_after_fifty_failures_and_leaves_other_lanes_alone() {
    let (truth, outage) = (0.25, 0.75);
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut rates = Rates::new(Config::new(3, 0.2));
        let mut at = 0;
        for _ in 0..20_000 {
            let lane = random.below(40) as u64;
            rates.observe(&[0, lane % 8, lane], at, random.unit() < truth, 1.0);
            at += DAY / 200;
        }
        // The outage: lane 3 alone, among parcels of every other lane, some sixty attempts a day.
        let (mut failures, mut others) = (0, 0.0);
        while failures < 50 {
            let lane = random.below(40) as u64;
            rates.observe(&[0, lane % 8, lane], at, random.unit() < truth, 1.0);
            let failed = random.unit() < outage;
            rates.observe(&[0, 3, 3], at, failed, 1.0);
            failures += u32::from(failed);
            at += DAY / 66;
        }
        for lane in (0..40).filter(|l| l % 8 != 3) {
            others += rates.read(&[0, lane % 8, lane], at).recent / 35.0;
        }
        let recent = rates.read(&[0, 3, 3], at).recent;
        assert!((recent - outage).abs() < 0.15, "seed {seed}: {recent}");
        assert!((others - truth).abs() < 0.1, "seed {seed}: {others}");
    }
}

#[test]
fn an_outage_is_within_a_twentieth_on_average() {
    let mut sum = 0.0;
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let mut rates = Rates::new(Config::new(2, 0.25));
        let mut at = 0;
        for _ in 0..4_000 {
            rates.observe(&[0, random.below(20) as u64], at, random.unit() < 0.25, 1.0);
            at += DAY / 200;
        }
        let mut failures = 0;
        while failures < 50 {
            let failed = random.unit() < 0.8;
            rates.observe(&[0, 3], at, failed, 1.0);
            failures += u32::from(failed);
            at += DAY / 66;
        }
        sum += rates.read(&[0, 3], at).recent / 200.0;
    }
    assert!((sum - 0.8).abs() < 0.05, "{sum}");
}

#[test]
fn a_change_of_mix_is_no_outage() {
    let mut rates = Rates::new(Config::new(2, 0.2));
    let mut random = Random::new(4);
    let mut at = 0;
    for i in 0..10_000 {
        let cash = i % 2;
        rates.observe(&[0, cash], at, random.unit() < [0.02, 0.4][cash as usize], 1.0);
        at += DAY / 300;
    }
    for _ in 0..300 {
        rates.observe(&[0, 1], at, random.unit() < 0.4, 1.0);
        at += DAY / 300;
    }
    assert!(rates.read(&[0, 0], at).lift.abs() < 0.35);
}

#[test]
fn learned_strength_follows_how_much_cells_differ() {
    let learned = |spread: f64| {
        let mut rates = Rates::new(Config::new(2, 0.25));
        let mut random = Random::new(11);
        for i in 0..40_000 {
            let cell = random.below(400) as u64;
            let p = if cell.is_multiple_of(2) {
                0.25 - spread
            } else {
                0.25 + spread
            };
            rates.observe(&[0, cell], i * DAY / 2_000, random.unit() < p, 1.0);
        }
        rates.strengths()[1]
    };
    assert!(learned(0.0) >= 200.0);
    assert!(learned(0.2) <= 6.0);
}

#[test]
fn memory_is_bounded() {
    let mut rates = Rates::new(Config {
        capacity: 1_000,
        ..Config::new(2, 0.2)
    });
    for i in 0..20_000 {
        rates.observe(&[0, i], i as i64, i % 3 == 0, 1.0);
    }
    assert!(rates.len() <= 1_000);
    assert!(rates.read(&[0, 1], 20_000).count < 1.0, "an old cell is gone");
    assert!(
        (rates.read(&[0, 1], 20_000).rate - 0.333).abs() < 0.01,
        "the widest level stayed"
    );
}

proptest! {
    #[test]
    fn slow_rate_is_the_naive_sum(told in prop::collection::vec((0_u64..4, 0_i64..100, any::<bool>()), 1..60)) {
        let mut rates = fixed(2, 3.0);
        for &(lane, day, failed) in &told {
            rates.observe(&[0, lane], day * DAY, failed, 1.0);
        }
        let now = 120;
        let sums = |keep: &dyn Fn(u64) -> bool| {
            told.iter().filter(|t| keep(t.0)).fold((0.0, 0.0), |(n, s), t| {
                let w = (-((now - t.1) as f64) / 60.0).exp2();
                (n + w, s + w * f64::from(u8::from(t.2)))
            })
        };
        let (n, s) = sums(&|_| true);
        let all = (s + 3.0 * 0.2) / (n + 3.0);
        for lane in 0..5 {
            let (n, s) = sums(&|l| l == lane);
            let rate = (s + 3.0 * all) / (n + 3.0);
            prop_assert!((rates.read(&[0, lane], now * DAY).rate - rate).abs() < 1e-9);
        }
    }

    #[test]
    fn a_snapshot_goes_on_as_the_whole(told in prop::collection::vec((0_u64..40, 0_i64..100, any::<bool>()), 1..80), cut in 0_usize..80) {
        let cut = cut.min(told.len());
        let tell = |rates: &mut Rates, part: &[(u64, i64, bool)]| for &(lane, day, failed) in part {
            rates.observe(&[0, lane], day * DAY, failed, 1.0);
        };
        let config = Config { capacity: 24, ..Config::new(2, 0.2) };
        let mut whole = Rates::new(config.clone());
        tell(&mut whole, &told);
        let mut first = Rates::new(config);
        tell(&mut first, &told[..cut]);
        let mut restored: Rates = bitcode::decode(&bitcode::encode(&first)).unwrap();
        tell(&mut restored, &told[cut..]);
        prop_assert_eq!(bitcode::encode(&whole), bitcode::encode(&restored));
    }
}
