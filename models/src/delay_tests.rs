//! Laws of the delay curve.

use proptest::prelude::*;

use super::*;
use crate::random::Random;

/// Sums of days of delivery that come back with `ever` and an exponential delay of mean `mean`, as of the end of the last day.
fn drawn(seed: u64, days: usize, daily: usize, ever: f64, mean: f64) -> ([u64; AGES], [u64; AGES]) {
    let mut random = Random::new(seed);
    let (mut returned, mut at_risk) = ([0; AGES], [0; AGES]);
    for day in 0..days {
        let since = days - 1 - day;
        for age in &mut at_risk[..=since.min(AGES - 1)] {
            *age += daily as u64;
        }
        for _ in 0..daily {
            let delivered = day as f64 + random.unit();
            let delay = -mean * (1.0 - random.unit()).ln();
            if random.unit() < ever && delivered + delay < days as f64 {
                returned[(delay as usize).min(AGES - 1)] += 1;
            }
        }
    }
    (returned, at_risk)
}

#[test]
fn censoring_does_not_shorten_the_delay() {
    // Half of what was delivered is younger than the mean delay.
    let (returned, at_risk) = drawn(1, 40, 4_000, 0.2, 10.0);
    let curve = Curve::fit(&returned, &at_risk, None);
    for age in [0.5, 1.0, 3.5, 7.0, 14.0, 21.0] {
        let (known, learned) = (
            0.2 * (1.0 - (-age / 10.0_f64).exp()),
            curve.ever * curve.share(age),
        );
        assert!((known - learned).abs() < 0.004, "{known} {learned} at {age}");
    }
    let naive = returned[..7].iter().sum::<u64>() as f64 / returned.iter().sum::<u64>() as f64;
    assert!(naive > 0.6, "what came is mostly of the quick: {naive}");
}

#[test]
fn the_day_of_delivery_counts_for_half_a_day() {
    let (returned, at_risk) = drawn(2, 300, 2_000, 0.2, 2.0);
    let curve = Curve::fit(&returned, &at_risk, None);
    // Mean of 1 - e^(-x/2) over ages spread over a day.
    let known = |to: f64| 1.0 - 2.0 * ((-(to - 1.0) / 2.0).exp() - (-to / 2.0_f64).exp());
    for day in 0..6 {
        let age = f64::from(day) + 0.5;
        // Straight lines between whole days cost at most this where the delay is steepest at its start.
        let miss = curve.share(age) - known(age + 0.5);
        assert!(miss.abs() < 0.02, "{miss} at {age}");
    }
}

#[test]
fn a_small_category_leans_on_the_curve_of_all_in_shape_and_keeps_its_level() {
    let (returned, at_risk) = drawn(3, 200, 2_000, 0.2, 5.0);
    let all = Curve::fit(&returned, &at_risk, None);
    let (returned, at_risk) = drawn(4, 200, 3, 0.02, 30.0);
    let small = Curve::fit(&returned, &at_risk, Some(&all));
    assert!((small.ever - 0.02).abs() < 0.012, "{}", small.ever);
    assert!((small.share(5.0) - all.share(5.0)).abs() < 0.15);
    let (returned, at_risk) = drawn(5, 200, 2_000, 0.02, 30.0);
    let large = Curve::fit(&returned, &at_risk, Some(&all));
    assert!((large.share(30.0) - 0.64).abs() < 0.05, "{}", large.share(30.0));
}

#[test]
fn nothing_seen_gives_what_was_assumed() {
    let curve = Curve::fit(&[0; AGES], &[0; AGES], None);
    assert!((curve.ever - 0.1).abs() < 1e-6);
    assert!((curve.share(10.0) - Curve::default().share(10.0)).abs() < 1e-9);
    assert!(curve.share(f64::NAN) == 0.0 && curve.share(-1.0) == 0.0 && curve.share(1e9) == 1.0);
}

#[test]
fn a_cohort_is_final_where_its_window_closes() {
    let (mut returned, at_risk) = ([0; AGES], [10_000_000; AGES]);
    returned[..14].fill(100_000);
    let curve = Curve::fit(&returned, &at_risk, None);
    assert_eq!(curve.final_days(), 14);
    assert!(Curve::default().final_days() > 40);
}

proptest! {
    #[test]
    fn share_never_falls_and_ends_at_one(
        returned in proptest::array::uniform32(0_u64..50),
        steps in proptest::array::uniform32(0_u64..1_000),
        ages in (0.0..130.0_f64, 0.0..130.0_f64),
    ) {
        let (mut by_age, mut at_risk) = ([0; AGES], [0; AGES]);
        by_age[..32].copy_from_slice(&returned);
        for (age, units) in at_risk.iter_mut().enumerate() {
            *units = steps.iter().skip(age).sum();
        }
        let curve = Curve::fit(&by_age, &at_risk, None);
        let again = Curve::fit(&by_age, &at_risk, Some(&curve));
        for curve in [curve, again] {
            let (young, old) = (ages.0.min(ages.1), ages.0.max(ages.1));
            prop_assert!(curve.share(young) <= curve.share(old));
            prop_assert!((0.0..=1.0).contains(&curve.share(young)));
            prop_assert!((0.0..=1.0).contains(&curve.ever));
            prop_assert_eq!(curve.share(AGES as f64), 1.0);
            prop_assert!((1..=AGES).contains(&curve.final_days()));
        }
    }

    #[test]
    fn more_units_of_the_same_kind_change_nothing_but_the_weight(scale in 2_u64..50) {
        let (returned, at_risk) = drawn(9, 90, 2_000, 0.2, 5.0);
        let one = Curve::fit(&returned, &at_risk, None);
        let many = Curve::fit(&returned.map(|n| n * scale), &at_risk.map(|n| n * scale), None);
        prop_assert!((one.ever - many.ever).abs() < 1e-3);
        prop_assert!((one.share(4.0) - many.share(4.0)).abs() < 1e-3);
        prop_assert!(many.returns > one.returns);
    }
}
