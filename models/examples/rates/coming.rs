//! Forecasts of arrivals as of past days, against what came, a seasonal naive forecast and a trailing mean.

use std::collections::BTreeMap;

use eddy_models::arrivals::{AHEAD, forecast};
use eddy_models::delay::Curve;

use super::facts::{Basis, Facts};

/// Quantiles that are judged.
const QUANTILES: [f64; 3] = [0.1, 0.5, 0.9];

/// How the forecasts of one class of series did.
#[derive(Default)]
struct Score {
    days: f64,
    came: f64,
    inside: f64,
    below: f64,
    /// Pinball loss of ours, the seasonal naive and the trailing mean, and absolute error of their middle.
    pinball: [f64; 3],
    absolute: [f64; 3],
}

impl Score {
    fn add(&mut self, came: f64, forecasts: [[f64; 3]; 3]) {
        self.days += 1.0;
        self.came += came;
        let [low, _, high] = forecasts[0];
        self.inside += f64::from(u8::from(came >= low && came <= high));
        self.below += f64::from(u8::from(came < low));
        for (at, quantiles) in forecasts.iter().enumerate() {
            self.absolute[at] += (came - quantiles[1]).abs();
            for (quantile, level) in quantiles.iter().zip(QUANTILES) {
                let miss = came - quantile;
                self.pinball[at] += (miss * level).max(miss * (level - 1.0)) / 3.0;
            }
        }
    }
}

/// Quantiles of a forecast that is last week's (`weeks`), or the mean of four, with the errors that the same made in the six weeks before.
fn simple(arrived: &[u64], weekly: bool) -> [[f64; 3]; AHEAD] {
    let point = |now: usize, ahead: usize| {
        if weekly {
            arrived[now - 7 + ahead % 7] as f64
        } else {
            arrived[now - 28..now].iter().sum::<u64>() as f64 / 28.0
        }
    };
    let now = arrived.len();
    std::array::from_fn(|ahead| {
        let mut errors: Vec<f64> = (now.saturating_sub(42 + AHEAD).max(28)..now)
            .flat_map(|origin| (0..AHEAD).map(move |ahead| (origin, ahead)))
            .filter(|(origin, other)| origin + other < now && other / 7 == ahead / 7)
            .map(|(origin, other)| {
                let expected = point(origin, other);
                (arrived[origin + other] as f64 - expected) / (expected + 1.0).sqrt()
            })
            .collect();
        errors.sort_by(f64::total_cmp);
        let expected = point(now, ahead);
        QUANTILES.map(|level| {
            let at = (level * (errors.len() - 1) as f64) as usize;
            errors[at].mul_add((expected + 1.0).sqrt(), expected).max(0.0)
        })
    })
}

/// Arrivals by category and place, as heard of by the end of `now` days.
fn arrivals(facts: &Facts, basis: Basis, now: usize) -> BTreeMap<(usize, usize), Vec<u64>> {
    let mut arrivals = BTreeMap::new();
    for back in facts.backs(basis) {
        if back.known < now as f64 && back.at >= 0.0 {
            let key = (facts.category(back.line), back.place);
            let row: &mut Vec<u64> = arrivals.entry(key).or_insert_with(|| vec![0; now]);
            row[back.at as usize] += u64::from(back.units);
        }
    }
    arrivals
}

fn summed<'a>(rows: impl IntoIterator<Item = &'a Vec<u64>>, days: usize) -> Vec<u64> {
    let mut sum = vec![0; days];
    for row in rows {
        for (sum, units) in sum.iter_mut().zip(row) {
            *sum += units;
        }
    }
    sum
}

/// Judges forecasts as of the days given and prints a table.
pub fn judge(facts: &Facts, days: impl IntoIterator<Item = usize>, basis: Basis) {
    let last = facts.days + 60;
    let end = arrivals(facts, basis, last);
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    for now in days {
        let (all, curves) = facts.curves(now, basis);
        let delivered = facts.delivered(now);
        let seen = arrivals(facts, basis, now);
        let mut one = |what: &'static str,
                       delivered: &[u64],
                       arrived: &[u64],
                       curve: &Curve,
                       share: f64,
                       came: &[u64]| {
            let ours = forecast(delivered, arrived, curve, share);
            let (naive, mean) = (simple(arrived, true), simple(arrived, false));
            for (ahead, day) in ours.iter().enumerate() {
                let ours = [day.p10, day.p50, day.p90];
                let score = scores.entry(what).or_default();
                score.add(came[now + ahead] as f64, [ours, naive[ahead], mean[ahead]]);
            }
        };
        let of = |rows: &BTreeMap<(usize, usize), Vec<u64>>,
                  category: Option<usize>,
                  place: Option<usize>,
                  days: usize| {
            let rows = rows.iter().filter(|((c, p), _)| {
                category.is_none_or(|one| one == *c) && place.is_none_or(|one| one == *p)
            });
            summed(rows.map(|(_, row)| row), days)
        };
        let total = of(&seen, None, None, now);
        one(
            "total",
            &summed(&delivered, now),
            &total,
            &all,
            1.0,
            &of(&end, None, None, last),
        );
        let all_arrived: u64 = total.iter().sum();
        for (category, curve) in curves.iter().enumerate() {
            let arrived = of(&seen, Some(category), None, now);
            let came = of(&end, Some(category), None, last);
            one("category", &delivered[category], &arrived, curve, 1.0, &came);
            if basis == Basis::Requested {
                continue;
            }
            for place in 0..facts.places {
                let at_place: u64 = of(&seen, None, Some(place), now).iter().sum();
                let share = at_place as f64 / all_arrived.max(1) as f64;
                let arrived = of(&seen, Some(category), Some(place), now);
                let came = of(&end, Some(category), Some(place), last);
                let daily = arrived.iter().rev().take(28).sum::<u64>() as f64 / 28.0;
                let what = if daily >= 1.0 {
                    "facility and category, a unit a day or more"
                } else {
                    "facility and category, less"
                };
                one(what, &delivered[category], &arrived, curve, share, &came);
            }
        }
        if basis == Basis::Received {
            for place in 0..facts.places {
                let arrived = of(&seen, None, Some(place), now);
                let share = arrived.iter().sum::<u64>() as f64 / all_arrived.max(1) as f64;
                let came = of(&end, None, Some(place), last);
                one("facility", &summed(&delivered, now), &arrived, &all, share, &came);
            }
        }
    }
    println!(
        "\n| arrivals | days | mean | within 10 to 90% | below | pinball loss: ours / seasonal naive / trailing mean | absolute error of the middle |\n|---|---|---|---|---|---|---|"
    );
    for (what, score) in scores {
        let each = |sums: [f64; 3]| {
            let [ours, naive, mean] = sums.map(|sum| sum / score.days);
            format!("{ours:.3} / {naive:.3} / {mean:.3}")
        };
        println!(
            "| {what} | {} | {:.1} | {:.1}% | {:.1}% | {} | {} |",
            score.days,
            score.came / score.days,
            100.0 * score.inside / score.days,
            100.0 * score.below / score.days,
            each(score.pinball),
            each(score.absolute)
        );
    }
}
