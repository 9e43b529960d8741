//! What would have come of another policy, told from what came of the one that decided: inverse propensity weighting, normalised (Swaminathan and
//! Joachims 2015), with a bootstrap interval over decisions.
//!
//! Both policies are asked at the same places of the log. Where the other one would have done what was done, the outcome counts with one over the
//! probability with which it was done; where it would have done something else, nothing is known. So a log without exploration can only judge policies that do the
//! same, and `matched` says how many decisions speak. Where the other policy decides nothing, it leaves the parcel as it is.

use std::collections::HashMap;

use eddy_models::random::Random;
use serde::Serialize;

use crate::routing::Logged;
use crate::routing::decide::action;

/// Draws of the bootstrap.
const DRAWS: usize = 400;

/// A mean and its 95% interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// The policy of the log beside another, over decisions that were carried out and whose parcel ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct OffPolicy {
    /// Decisions that were carried out and whose parcel ended.
    pub decisions: usize,
    /// Of these, where the other policy would have done the same.
    pub matched: usize,
    /// As many equally weighted decisions say as much as the weighted ones do (Kish).
    pub effective: f64,
    /// Share of parcels that failed under the policy of the log.
    pub failure_rate: Estimate,
    /// The same under the other policy; none where nothing matched.
    pub failure_rate_other: Option<Estimate>,
    /// Mean cost a decision, minor units: price of what was done, and of the failure if it failed.
    pub cost_minor: Estimate,
    /// The same under the other policy.
    pub cost_minor_other: Option<Estimate>,
}

/// Weight under the other policy, failure, cost.
type Row = (f64, f64, f64);

pub(super) fn judge(logged: &[Logged], other: &[Logged]) -> OffPolicy {
    let chosen: HashMap<_, _> = other.iter().map(|one| (one.place, one.choice)).collect();
    let leave = action("none");
    let rows: Vec<Row> = logged
        .iter()
        .filter_map(|one| {
            let came = one.came?;
            let same = match chosen.get(&one.place) {
                Some(choice) => *choice == one.choice,
                None => one.choice.0 == leave,
            };
            let weight = if same { 1.0 / one.propensity.max(1e-6) } else { 0.0 };
            Some((weight, f64::from(u8::from(came.failed)), came.cost_minor))
        })
        .collect();
    let weights = || rows.iter().map(|row| row.0);
    let (sum, squares) = (weights().sum::<f64>(), weights().map(|w| w * w).sum::<f64>());
    let matched = weights().filter(|weight| *weight > 0.0).count();
    let said = matched > 0;
    let plain = |value: fn(&Row) -> f64| estimate(&rows, |_| 1.0, value);
    let weighted = |value: fn(&Row) -> f64| said.then(|| estimate(&rows, |row| row.0, value));
    OffPolicy {
        decisions: rows.len(),
        matched,
        effective: if said { sum * sum / squares } else { 0.0 },
        failure_rate: plain(|row| row.1),
        failure_rate_other: weighted(|row| row.1),
        cost_minor: plain(|row| row.2),
        cost_minor_other: weighted(|row| row.2),
    }
}

/// The weighted mean with its percentile interval; draws in which nothing has a weight say nothing.
fn estimate(rows: &[Row], weight: impl Fn(&Row) -> f64, value: fn(&Row) -> f64) -> Estimate {
    let mean = |rows: &mut dyn Iterator<Item = &Row>| {
        let (mut sum, mut all) = (0.0, 0.0);
        for row in rows {
            sum += weight(row) * value(row);
            all += weight(row);
        }
        sum / all
    };
    if rows.is_empty() {
        return Estimate::default();
    }
    let mut random = Random::new(1);
    let mut draws: Vec<f64> = (0..DRAWS)
        .map(|_| mean(&mut (0..rows.len()).map(|_| &rows[random.below(rows.len())])))
        .filter(|mean| mean.is_finite())
        .collect();
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| draws.get((share * draws.len() as f64) as usize).copied();
    let whole = mean(&mut rows.iter());
    Estimate {
        mean: whole,
        lower: at(0.025).unwrap_or(whole),
        upper: at(0.975).unwrap_or(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Came;

    /// A world of two actions, of which 1 halves the failures: the log draws them at random, and another policy always takes one.
    #[test]
    fn a_policy_that_was_never_followed_is_told_from_draws() {
        let mut random = Random::new(7);
        let mut logged = Vec::new();
        for n in 0..4_000_u64 {
            let explored = random.unit() < 0.3;
            let failed = random.unit() < if explored { 0.3 } else { 0.6 };
            logged.push(Logged {
                place: (n, 0, 0),
                choice: if explored {
                    (action("reattempt"), 0)
                } else {
                    (action("none"), 0)
                },
                propensity: if explored { 0.3 } else { 0.7 },
                came: Some(Came {
                    failed,
                    cost_minor: if failed { 10_000.0 } else { 500.0 },
                }),
            });
        }
        let always: Vec<Logged> = logged
            .iter()
            .map(|one| Logged {
                choice: (action("reattempt"), 0),
                ..*one
            })
            .collect();
        let told = judge(&logged, &always);
        let other = told.failure_rate_other.unwrap();
        assert!((told.failure_rate.mean - 0.51).abs() < 0.03, "{told:?}");
        assert!(
            other.lower < 0.3 && 0.3 < other.upper && other.upper - other.lower < 0.1,
            "{told:?}"
        );
        // A policy that decides nothing leaves everything as it is.
        let never = judge(&logged, &[]).failure_rate_other.unwrap();
        assert!(never.lower < 0.6 && 0.6 < never.upper, "{never:?}");
    }

    #[test]
    fn without_a_match_nothing_is_said() {
        let one = Logged {
            place: (1, 0, 0),
            choice: (action("reattempt"), 0),
            propensity: 1.0,
            came: Some(Came {
                failed: true,
                cost_minor: 1.0,
            }),
        };
        let told = judge(&[one], &[]);
        assert_eq!(
            (told.decisions, told.matched, told.failure_rate_other),
            (1, 0, None)
        );
    }
}
