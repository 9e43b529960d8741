//! Metrics against figures by hand and against naive versions.

use super::*;
use proptest::prelude::*;

const P: [f64; 6] = [0.9, 0.8, 0.8, 0.4, 0.3, 0.1];
const Y: [bool; 6] = [true, true, false, false, true, false];

#[test]
fn figures_by_hand() {
    // Pairs: 0.9 beats 3, 0.8 ties one and beats 2, 0.3 beats 1: (3 + 2.5 + 1) / 9.
    assert!((auc(&P, &Y) - 6.5 / 9.0).abs() < 1e-12);
    // Precision 1 at the first, 2 of 3 at the tie, 3 of 5 at the last.
    assert!((average_precision(&P, &Y) - (1.0 + 2.0 / 3.0 + 3.0 / 5.0) / 3.0).abs() < 1e-12);
    let brier_by_hand = (0.01 + 0.04 + 0.64 + 0.16 + 0.49 + 0.01) / 6.0;
    assert!((brier(&P, &Y) - brier_by_hand).abs() < 1e-12);
    let loss =
        -(0.9_f64.ln() + 0.8_f64.ln() + 0.2_f64.ln() + 0.6_f64.ln() + 0.3_f64.ln() + 0.9_f64.ln()) / 6.0;
    assert!((log_loss(&P, &Y) - loss).abs() < 1e-12);
    // Six rows are six bins.
    assert!((calibration_error(&P, &Y) - (0.1 + 0.2 + 0.8 + 0.4 + 0.7 + 0.1) / 6.0).abs() < 1e-12);
    let at = at_threshold(&P, &Y, 0.5);
    assert_eq!(
        (at.flag_rate, at.precision, at.recall),
        (0.5, 2.0 / 3.0, 2.0 / 3.0)
    );
}

#[test]
fn perfect_reversed_and_constant() {
    let failed = [false, false, true, true];
    assert_eq!(auc(&[0.1, 0.2, 0.3, 0.4], &failed), 1.0);
    assert_eq!(auc(&[0.4, 0.3, 0.2, 0.1], &failed), 0.0);
    assert_eq!(auc(&[0.4; 4], &failed), 0.5);
    assert_eq!(average_precision(&[0.4; 4], &failed), 0.5);
    assert!(auc(&[0.1], &[true]).is_nan());
}

#[test]
fn thirty_rows_make_fifteen_bins_of_two() {
    let p: Vec<f64> = (0..30).map(|i| f64::from(i) / 30.0).collect();
    let failed: Vec<bool> = (0..30).map(|i| i % 2 == 1).collect();
    assert!(reliability(&p, &failed).all(|bin| bin.count == 2.0 && bin.observed == 0.5));
    assert_eq!(reliability(&p, &failed).count(), BINS);
}

#[test]
fn the_interval_holds_the_truth_and_is_seeded() {
    let mut random = Random::new(1);
    let failed: Vec<bool> = (0..2_000).map(|_| random.unit() < 0.2).collect();
    let shifted = |random: &mut Random, by: f64| -> Vec<f64> {
        failed
            .iter()
            .map(|&f| random.unit() + if f { by } else { 0.0 })
            .collect()
    };
    let (better, worse) = (shifted(&mut random, 0.5), shifted(&mut random, 0.1));
    let difference = auc_difference(&better, &worse, &failed, 400, 7);
    assert!(difference.low > 0.0 && difference.low < difference.mean && difference.mean < difference.high);
    assert_eq!(difference, auc_difference(&better, &worse, &failed, 400, 7));
    let none = auc_difference(&better, &better, &failed, 50, 7);
    assert_eq!((none.low, none.mean, none.high), (0.0, 0.0, 0.0));
}

fn naive_auc(p: &[f64], failed: &[bool]) -> f64 {
    let (mut won, mut pairs) = (0.0, 0.0);
    for i in (0..p.len()).filter(|&i| failed[i]) {
        for j in (0..p.len()).filter(|&j| !failed[j]) {
            pairs += 1.0;
            won += if p[i] > p[j] {
                1.0
            } else if p[i] == p[j] {
                0.5
            } else {
                0.0
            };
        }
    }
    won / pairs
}

fn naive_average_precision(p: &[f64], failed: &[bool]) -> f64 {
    let (mut sum, mut hits) = (0.0, 0.0);
    for i in (0..p.len()).filter(|&i| failed[i]) {
        let above = |j: &usize| p[*j] >= p[i];
        let seen = (0..p.len()).filter(above).count() as f64;
        let found = (0..p.len()).filter(above).filter(|&j| failed[j]).count() as f64;
        sum += found / seen;
        hits += 1.0;
    }
    sum / hits
}

proptest! {
    #[test]
    fn ranking_is_the_naive_one(rows in prop::collection::vec((0_u8..12, any::<bool>()), 2..80)) {
        let p: Vec<f64> = rows.iter().map(|row| f64::from(row.0) / 12.0).collect();
        let failed: Vec<bool> = rows.iter().map(|row| row.1).collect();
        prop_assume!(failed.iter().any(|&f| f) && failed.iter().any(|&f| !f));
        prop_assert!((auc(&p, &failed) - naive_auc(&p, &failed)).abs() < 1e-12);
        prop_assert!((average_precision(&p, &failed) - naive_average_precision(&p, &failed)).abs() < 1e-12);
    }

    #[test]
    fn auc_does_not_see_a_rising_map(rows in prop::collection::vec((-4.0_f64..4.0, any::<bool>()), 2..60)) {
        let s: Vec<f64> = rows.iter().map(|row| row.0).collect();
        let failed: Vec<bool> = rows.iter().map(|row| row.1).collect();
        prop_assume!(failed.iter().any(|&f| f) && failed.iter().any(|&f| !f));
        let p: Vec<f64> = s.iter().map(|&s| crate::sigmoid(s)).collect();
        prop_assert!((auc(&s, &failed) - auc(&p, &failed)).abs() < 1e-9);
    }
}
