//! Laws of beliefs.

use proptest::prelude::*;

use super::*;
use crate::random::Random;

#[test]
fn how_much_members_differ_is_found_again() {
    for (between, assumed) in [(30.0, 300.0), (300.0, 30.0)] {
        let mut random = Random::new(3);
        let mut groups = Vec::new();
        for group in 0..20 {
            let mean = 0.05 + 0.01 * f64::from(group);
            let mut spread = Spread::default();
            for _ in 0..80 {
                let units = 20 + random.below(200);
                // A normal propensity of variance mean / between, from twelve uniform draws.
                let normal = (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
                let theta = (mean + normal * (mean / between).sqrt()).clamp(0.0, 1.0);
                let returned = (0..units).filter(|_| random.unit() < theta).count();
                spread.add(Evidence::of(returned as u64, units as f64));
            }
            groups.push(spread);
        }
        let found = super::between(&groups, assumed);
        assert!(
            found / between > 0.75 && found / between < 1.35,
            "{found} of {between}"
        );
    }
}

#[test]
fn members_that_do_not_differ_count_for_much() {
    let mut spread = Spread::default();
    for _ in 0..200 {
        spread.add(Evidence::of(10, 100.0));
    }
    assert!(spread.between(50.0) > 500.0);
    assert_eq!(Spread::default().between(50.0), 50.0);
}

proptest! {
    #[test]
    fn a_belief_lies_between_what_was_believed_and_what_was_seen(
        mean in 0.0..=1.0_f64, strength in 0.1..1e4_f64, returned in 0_u64..1_000, more in 0.0..1e4_f64,
    ) {
        let seen = Evidence::of(returned, returned as f64 + more);
        let told = Prior::new(mean, strength).told(seen);
        if seen.exposure > 0.0 {
            let rate = seen.returned / seen.exposure;
            prop_assert!(told.mean >= mean.min(rate) - 1e-12 && told.mean <= mean.max(rate) + 1e-12);
        }
        prop_assert!(told.strength >= strength);
    }

    #[test]
    fn of_a_member_one_never_knows_more(mean in 0.0..=1.0_f64, strength in 0.1..1e6_f64, between in 5.0..1e5_f64) {
        let member = Prior::new(mean, strength).member(between);
        prop_assert_eq!(member.mean, mean);
        prop_assert!(member.strength <= strength && member.strength <= between);
    }
}
