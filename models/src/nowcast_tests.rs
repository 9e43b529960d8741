//! Laws of the nowcast.

use proptest::prelude::*;

use super::*;
use crate::random::Random;

fn cohort(delivered: f64, returned: f64, maturity: f64) -> Cohort {
    Cohort {
        delivered,
        returned,
        exposure: delivered * maturity,
        clump: 1.0,
    }
}

#[test]
fn nothing_delivered_is_what_was_believed() {
    let rate = nowcast(&Cohort::default(), &Prior::new(0.2, 50.0));
    assert_eq!((rate.raw, rate.maturity, rate.adjusted), (0.0, 0.0, 0.2));
    let rate = nowcast(&Cohort::default(), &Prior::new(0.2, 0.0));
    assert!(rate.adjusted.is_finite() && rate.upper.is_finite());
}

#[test]
fn without_a_prior_it_is_the_chain_ladder_and_with_a_firm_one_bornhuetter_ferguson() {
    let young = cohort(1_000.0, 30.0, 0.25);
    let ladder = nowcast(&young, &Prior::new(0.5, 0.0));
    assert!((ladder.adjusted - 0.12).abs() < 1e-9, "{ladder:?}");
    let firm = nowcast(&young, &Prior::new(0.1, 1e12));
    // Of a binomial: 970 left, each with 0.1 x 0.75 / (1 - 0.1 x 0.25).
    assert!((firm.adjusted - (30.0 + 970.0 * 0.075 / 0.975) / 1_000.0).abs() < 1e-9);
}

#[test]
fn small_lucky_samples_do_not_lead() {
    let prior = Prior::new(0.1, 60.0);
    let lucky = nowcast(&cohort(3.0, 2.0, 1.0), &prior);
    let bad = nowcast(&cohort(400.0, 80.0, 1.0), &prior);
    assert!(lucky.raw > bad.raw && lucky.propensity_lower < bad.propensity_lower);
}

#[test]
fn two_returned_twice_of_one_delivered_is_no_negative_count() {
    let rate = nowcast(&cohort(1.0, 2.0, 0.3), &Prior::new(0.1, 10.0));
    assert_eq!(
        (rate.raw, rate.adjusted, rate.lower, rate.upper),
        (2.0, 2.0, 2.0, 2.0)
    );
}

#[test]
fn money_in_clumps_knows_no_more_than_its_lines() {
    let prior = Prior::new(0.1, 100.0);
    let units = nowcast(&cohort(200.0, 10.0, 0.5), &prior);
    let paise = Cohort {
        delivered: 200.0 * 49_900.0,
        returned: 10.0 * 49_900.0,
        exposure: 100.0 * 49_900.0,
        clump: 49_900.0,
    };
    let money = nowcast(&paise, &prior);
    for (a, b) in [
        (units.adjusted, money.adjusted),
        (units.lower, money.lower),
        (units.upper, money.upper),
        (units.propensity_lower, money.propensity_lower),
    ] {
        assert!((a - b).abs() < 1e-12);
    }
}

/// Cohorts drawn from the model itself: how often the interval holds the end.
#[test]
fn the_interval_holds_nine_of_ten_whatever_the_size_and_maturity() {
    let mut random = Random::new(7);
    let between = 60.0;
    for delivered in [10_usize, 60, 300, 2_000] {
        for maturity in [0.0, 0.1, 0.25, 0.5, 0.8] {
            let (mut held, mut below) = (0, 0);
            let cohorts = 3_000;
            for _ in 0..cohorts {
                // Gamma of shape 6 = sum of exponentials: mean 0.1, strength 60.
                let theta: f64 = (0..6).map(|_| -(1.0 - random.unit()).ln()).sum::<f64>() / between;
                let (mut now, mut end) = (0, 0);
                for _ in 0..delivered {
                    let back = random.unit() < theta;
                    end += i32::from(back);
                    now += i32::from(back && random.unit() < maturity);
                }
                let young = cohort(delivered as f64, f64::from(now), maturity);
                let rate = nowcast(&young, &Prior::new(0.1, between));
                let end = f64::from(end) / delivered as f64;
                held += i32::from(end >= rate.lower - 1e-9 && end <= rate.upper + 1e-9);
                below += i32::from(end < rate.lower - 1e-9);
            }
            let (share, below) = (
                f64::from(held) / f64::from(cohorts),
                f64::from(below) / f64::from(cohorts),
            );
            // A count that is mostly nought has no interval of just nine in ten.
            let few = delivered as f64 * 0.1 * (1.0 - maturity) < 1.5;
            assert!(
                (0.87..if few { 0.99 } else { 0.95 }).contains(&share),
                "{delivered} at {maturity}: {share}"
            );
            assert!(below < 0.075, "{delivered} at {maturity}: {below} below");
        }
    }
}

proptest! {
    #[test]
    fn all_is_in_order(
        delivered in 1.0..1e6_f64,
        share in 0.0..=1.0_f64,
        maturity in 0.0..=1.0_f64,
        mean in 0.0..=1.0_f64,
        strength in 0.0..1e6_f64,
    ) {
        let rate = nowcast(&cohort(delivered, (delivered * share).floor(), maturity), &Prior::new(mean, strength));
        prop_assert!(rate.raw <= rate.lower + 1e-12 && rate.lower <= rate.adjusted + 1e-12, "{rate:?}");
        prop_assert!(rate.adjusted <= rate.upper + 1e-12 && rate.upper <= 1.0 + 1e-12, "{rate:?}");
        prop_assert!(rate.propensity_lower <= rate.propensity + 1e-12, "{rate:?}");
        prop_assert!(rate.propensity <= rate.propensity_upper + 1e-12, "{rate:?}");
    }

    #[test]
    fn more_returns_never_lower_the_adjusted_rate(
        delivered in 2.0..10_000.0_f64,
        share in 0.0..1.0_f64,
        maturity in 0.0..=1.0_f64,
        mean in 0.0..=1.0_f64,
        strength in 0.0..10_000.0_f64,
    ) {
        let delivered = delivered.floor();
        let returned = (share * (delivered - 1.0)).floor();
        let prior = Prior::new(mean, strength);
        let less = nowcast(&cohort(delivered, returned, maturity), &prior);
        let more = nowcast(&cohort(delivered, returned + 1.0, maturity), &prior);
        prop_assert!(more.adjusted >= less.adjusted - 1e-12);
        prop_assert!(more.propensity >= less.propensity);
    }

    #[test]
    fn a_mature_cohort_is_its_raw_rate(delivered in 1_u32..100_000, share in 0.0..=1.0_f64, mean in 0.0..=1.0_f64, strength in 0.0..1e6_f64) {
        let delivered = f64::from(delivered);
        let rate = nowcast(&cohort(delivered, (delivered * share).floor(), 1.0), &Prior::new(mean, strength));
        prop_assert!((rate.adjusted - rate.raw).abs() < 1e-12);
        prop_assert!(rate.upper - rate.lower < 1e-12);
    }

    #[test]
    fn time_narrows_the_interval_of_what_keeps_coming_as_expected(delivered in 50.0..5_000.0_f64, mean in 0.02..0.4_f64) {
        let width = |maturity: f64| {
            let rate = nowcast(&cohort(delivered, delivered * mean * maturity, maturity), &Prior::new(mean, 200.0));
            rate.upper - rate.lower
        };
        prop_assert!(width(0.2) >= width(0.5) && width(0.5) >= width(0.9));
    }
}
