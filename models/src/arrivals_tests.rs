//! Laws of the forecast.

use proptest::prelude::*;

use super::*;
use crate::random::Random;

#[test]
fn a_row_too_short_to_learn_from_gives_what_the_curve_expects() {
    let curve = Curve::default();
    assert_eq!(forecast(&[], &[], &curve, 1.0), [Day::default(); AHEAD]);
    let day = forecast(&[1_000], &[0], &curve, 1.0)[0];
    assert!(day.expected > 1.0 && day.p90 > day.expected, "{day:?}");
}

#[test]
fn weekdays_of_deliveries_and_arrivals_are_found() {
    let curve = Curve::default();
    // Nothing is delivered and nothing arrives on the last day of the week.
    let delivered: Vec<u64> = (0..210).map(|day| if day % 7 == 6 { 0 } else { 1_000 }).collect();
    let arrived: Vec<u64> = (0..210).map(|day| if day % 7 == 6 { 0 } else { 100 }).collect();
    let days = forecast(&delivered, &arrived, &curve, 1.0);
    assert!(days[6].expected < 10.0, "{:?}", days[6]);
    assert!((days[0].expected - 100.0).abs() < 5.0, "{:?}", days[0]);
}

#[test]
fn a_sale_delivered_is_a_wave_to_come() {
    let curve = Curve::default();
    let mut delivered = vec![1_000; 210];
    let calm = forecast(&delivered, &[100; 210], &curve, 1.0);
    delivered[205..].fill(3_000);
    let wave = forecast(&delivered, &[100; 210], &curve, 1.0);
    assert!(wave[3].expected > 1.3 * calm[3].expected);
}

#[test]
fn four_days_in_five_lie_within_the_band() {
    let mut random = Random::new(5);
    let curve = Curve::default();
    let (mut inside, mut judged) = (0, 0);
    for _ in 0..40 {
        let (mut delivered, mut arrived) = (Vec::new(), vec![0_u64; 400]);
        for day in 0..260 {
            let units = 150 + random.below(100);
            delivered.push(units as u64);
            for _ in 0..units {
                if random.unit() < 0.1 {
                    let delay = -9.5 * (1.0 - random.unit()).ln() + random.unit();
                    arrived[(day + delay as usize).min(399)] += 1;
                }
            }
        }
        let days = forecast(&delivered[..240], &arrived[..240], &curve, 1.0);
        for (ahead, day) in days.iter().enumerate() {
            let came = arrived[240 + ahead] as f64;
            inside += i32::from(came >= day.p10 && came <= day.p90);
            judged += 1;
        }
    }
    let share = f64::from(inside) / f64::from(judged);
    assert!((0.74..0.86).contains(&share), "{share}");
}

proptest! {
    #[test]
    fn quantiles_are_in_order_and_nothing_is_negative(
        delivered in proptest::collection::vec(0_u64..500, 0..150),
        share in 0.0..=1.0_f64,
        seed in 0_u64..1_000,
    ) {
        let mut random = Random::new(seed);
        let arrived: Vec<u64> = delivered.iter().map(|_| random.below(60) as u64).collect();
        for day in forecast(&delivered, &arrived, &Curve::default(), share) {
            prop_assert!(day.p10 >= 0.0 && day.p10 <= day.p50 && day.p50 <= day.p90, "{day:?}");
            prop_assert!(day.expected.is_finite() && day.expected >= 0.0);
        }
    }
}
