//! From raw log-odds to calibrated log-odds: Platt, beta and isotonic maps, and how each is fitted.
//!
//! Platt (1999) is `a s + b` on the log-odds `s`. Beta (Kull, Silva Filho and Flach 2017) is `a ln p - b ln(1 - p) + c` with `a` and `b` not negative.
//! Isotonic is pool-adjacent-violators, joined by straight lines in log-odds. The first two are drawn towards changing nothing by a penalty, so
//! that few outcomes move little.

use bitcode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{exact, logit, sigmoid};

/// Kind of map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The level alone: a shift in log-odds.
    Level,
    /// A straight line in log-odds.
    Platt,
    /// A line for each tail.
    Beta,
    /// Any rising steps.
    Isotonic,
}

/// A fitted map.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Map {
    /// Changes nothing.
    #[default]
    Identity,
    /// `slope * s + shift`.
    Platt {
        /// Factor of the log-odds.
        #[serde(with = "exact::number")]
        slope: f64,
        /// Added.
        #[serde(with = "exact::number")]
        shift: f64,
    },
    /// `low * ln p - high * ln(1 - p) + shift`.
    Beta {
        /// Factor of `ln p`.
        #[serde(with = "exact::number")]
        low: f64,
        /// Factor of `-ln(1 - p)`.
        #[serde(with = "exact::number")]
        high: f64,
        /// Added.
        #[serde(with = "exact::number")]
        shift: f64,
    },
    /// Straight lines between knots, level outside of them.
    Isotonic {
        /// Raw log-odds, ascending.
        #[serde(with = "exact")]
        raw: Vec<f64>,
        /// Calibrated log-odds, not descending.
        #[serde(with = "exact")]
        calibrated: Vec<f64>,
    },
}

/// One outcome with the raw log-odds that were given for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct Sample {
    /// Raw log-odds.
    pub log_odds: f64,
    /// What happened.
    pub failed: bool,
    /// What it counts.
    pub weight: f64,
}

impl Map {
    /// Calibrated log-odds.
    #[must_use]
    pub fn apply(&self, s: f64) -> f64 {
        match self {
            Self::Identity => s,
            Self::Platt { slope, shift } => slope * s + shift,
            Self::Beta { low, high, shift } => low * ln_p(s) - high * ln_p(-s) + shift,
            Self::Isotonic { raw, calibrated } => {
                let above = raw.partition_point(|&knot| knot <= s);
                match above {
                    0 => calibrated.first().copied().unwrap_or(s),
                    _ if above == raw.len() => calibrated[above - 1],
                    _ => {
                        let share = (s - raw[above - 1]) / (raw[above] - raw[above - 1]);
                        calibrated[above - 1] * (1.0 - share) + calibrated[above] * share
                    }
                }
            }
        }
    }

    /// Fits a map. `strength` is how many outcomes "changes nothing" is worth; an isotonic map has one failure and one success spread over each step
    /// instead.
    #[must_use]
    pub fn fit(method: Method, samples: &[Sample], strength: f64) -> Self {
        Self::fit_from(method, samples, strength, &Self::Identity)
    }

    /// [`Map::fit`], sought from a map fitted before: soon found where outcomes of late changed little.
    #[must_use]
    pub fn fit_from(method: Method, samples: &[Sample], strength: f64, before: &Self) -> Self {
        if samples.is_empty() {
            return Self::Identity;
        }
        let line = match before {
            Self::Platt { slope, shift } => [*slope, *shift],
            _ => [1.0, 0.0],
        };
        match method {
            Method::Level => {
                let shift = level(samples, strength, line[1]);
                Self::Platt { slope: 1.0, shift }
            }
            Method::Platt => {
                let [slope, shift] = newton(samples, |s| [s, 1.0], ([1.0, 0.0], line), [strength; 2]);
                // A falling line would turn the ranking round; then the level alone is learned, as `Level` does.
                if slope > 0.0 {
                    return Self::Platt { slope, shift };
                }
                Self::Platt {
                    slope: 1.0,
                    shift: level(samples, strength, 0.0),
                }
            }
            Method::Beta => {
                let start = match before {
                    Self::Beta { low, high, shift } => [*low, *high, *shift],
                    _ => [1.0, 1.0, 0.0],
                };
                let [low, high, shift] = newton(
                    samples,
                    |s| [ln_p(s), -ln_p(-s), 1.0],
                    ([1.0, 1.0, 0.0], start),
                    [strength; 3],
                );
                if low >= 0.0 && high >= 0.0 {
                    Self::Beta { low, high, shift }
                } else {
                    Self::fit(Method::Platt, samples, strength)
                }
            }
            Method::Isotonic => isotonic(samples),
        }
    }
}

/// `ln p` of log-odds, without loss in the tails.
fn ln_p(s: f64) -> f64 {
    -((-s).max(0.0) + (-s.abs()).exp().ln_1p())
}

/// The shift alone.
fn level(samples: &[Sample], strength: f64, start: f64) -> f64 {
    let start = ([1.0, 0.0], [1.0, start]);
    let [_, shift] = newton(samples, |s| [s, 1.0], start, [f64::INFINITY, strength]);
    shift
}

/// Logistic regression on a few features by Newton steps, from `theta` on, each parameter drawn to its `home` as by so many outcomes; infinity holds it
/// there.
fn newton<const N: usize>(
    samples: &[Sample],
    features: impl Fn(f64) -> [f64; N],
    (home, mut theta): ([f64; N], [f64; N]),
    strength: [f64; N],
) -> [f64; N] {
    // What one outcome weighs in the Hessian: little where failures are rare, and then the penalty must be little too.
    let curve = |sample: &Sample| {
        let p = sigmoid(sample.log_odds);
        p * (1.0 - p) * sample.weight
    };
    let weight: f64 = samples.iter().map(|sample| sample.weight).sum();
    let outcome = (samples.iter().map(curve).sum::<f64>() / weight).max(1e-4);
    let penalty = strength.map(|strength| {
        if strength.is_finite() {
            strength * outcome
        } else {
            1e12
        }
    });
    for _ in 0..25 {
        let mut gradient = [0.0; N];
        let mut hessian = [[0.0; N]; N];
        for i in 0..N {
            gradient[i] = penalty[i] * (theta[i] - home[i]);
            hessian[i][i] = penalty[i] + 1e-9;
        }
        for sample in samples {
            let x = features(sample.log_odds);
            let s: f64 = (0..N).map(|i| theta[i] * x[i]).sum();
            let p = sigmoid(s);
            let error = sample.weight * (p - f64::from(u8::from(sample.failed)));
            let curve = sample.weight * p * (1.0 - p);
            for i in 0..N {
                gradient[i] += error * x[i];
                for j in 0..N {
                    hessian[i][j] += curve * x[i] * x[j];
                }
            }
        }
        let step = solve(hessian, gradient);
        let length = step.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        // A long step is cut: far from the solution the curve is not the parabola it is taken for.
        let scale = if length > 1.0 { 1.0 / length } else { 1.0 };
        for i in 0..N {
            theta[i] -= step[i] * scale;
        }
        // Steps shrink by their square: the next one would be nothing.
        if length < 1e-5 {
            break;
        }
    }
    theta
}

/// Solves a small symmetric positive system by elimination.
fn solve<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> [f64; N] {
    for i in 0..N {
        for j in i + 1..N {
            let factor = a[j][i] / a[i][i];
            let pivot = a[i];
            for (under, above) in a[j][i..].iter_mut().zip(&pivot[i..]) {
                *under -= factor * above;
            }
            b[j] -= factor * b[i];
        }
    }
    for i in (0..N).rev() {
        for j in i + 1..N {
            b[i] -= a[i][j] * b[j];
        }
        b[i] /= a[i][i];
    }
    b
}

fn isotonic(samples: &[Sample]) -> Map {
    struct Step {
        weight: f64,
        failed: f64,
        raw: f64,
    }
    let mut sorted = samples.to_vec();
    sorted.sort_by(|a, b| a.log_odds.total_cmp(&b.log_odds).then(a.failed.cmp(&b.failed)));
    let mut steps: Vec<Step> = Vec::new();
    let mut last = f64::NAN;
    for sample in &sorted {
        let (weight, failed) = (sample.weight, if sample.failed { sample.weight } else { 0.0 });
        let raw = sample.log_odds * weight;
        // Equal scores are one step whatever they came to.
        match steps.last_mut() {
            Some(step) if sample.log_odds == last => {
                step.weight += weight;
                step.failed += failed;
                step.raw += raw;
            }
            _ => steps.push(Step { weight, failed, raw }),
        }
        last = sample.log_odds;
    }
    let mut pooled: Vec<Step> = Vec::new();
    for step in steps {
        pooled.push(step);
        while let [.., a, b] = &pooled[..] {
            if a.failed / a.weight < b.failed / b.weight {
                break;
            }
            let (b, a) = (pooled.pop().expect("two"), pooled.pop().expect("two"));
            pooled.push(Step {
                weight: a.weight + b.weight,
                failed: a.failed + b.failed,
                raw: a.raw + b.raw,
            });
        }
    }
    let (mut raw, mut calibrated): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let mean = sorted
        .iter()
        .map(|s| if s.failed { s.weight } else { 0.0 })
        .sum::<f64>()
        / sorted.iter().map(|s| s.weight).sum::<f64>();
    for step in &pooled {
        // Two outcomes of the mean keep steps off nought and one; smoothing must not undo the order.
        let p = ((step.failed + 2.0 * mean) / (step.weight + 2.0)).clamp(1e-6, 1.0 - 1e-6);
        let floor = calibrated.last().copied().unwrap_or(f64::NEG_INFINITY);
        raw.push(step.raw / step.weight);
        calibrated.push(logit(p).max(floor));
    }
    Map::Isotonic { raw, calibrated }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use proptest::prelude::*;

    /// Outcomes whose true log-odds are `slope * s + shift`.
    fn world(n: usize, slope: f64, shift: f64, seed: u64) -> Vec<Sample> {
        let mut random = Random::new(seed);
        (0..n)
            .map(|_| {
                let log_odds = random.unit() * 5.0 - 3.5;
                Sample {
                    log_odds,
                    failed: random.unit() < sigmoid(slope * log_odds + shift),
                    weight: 1.0,
                }
            })
            .collect()
    }

    #[test]
    fn each_map_finds_a_line() {
        let samples = world(40_000, 0.6, -0.5, 1);
        for method in [Method::Platt, Method::Beta, Method::Isotonic] {
            let map = Map::fit(method, &samples, 20.0);
            for s in [-3.0, -1.0, 0.0, 1.0] {
                let found = sigmoid(map.apply(s));
                let truth = sigmoid(0.6 * s - 0.5);
                assert!((found - truth).abs() < 0.025, "{method:?} {s}: {found} {truth}");
            }
        }
    }

    #[test]
    fn few_outcomes_move_little() {
        let samples = vec![
            Sample {
                log_odds: -1.0,
                failed: true,
                weight: 1.0
            };
            3
        ];
        for method in [Method::Platt, Method::Beta] {
            let moved = Map::fit(method, &samples, 100.0).apply(-1.0) + 1.0;
            assert!((0.0..0.3).contains(&moved), "{moved}");
        }
        assert_eq!(Map::fit(Method::Beta, &[], 1.0), Map::Identity);
    }

    #[test]
    fn pooling_by_hand() {
        let told = [(-2.0, false), (-1.0, true), (0.0, false), (1.0, true)];
        let samples = told.map(|(log_odds, failed)| Sample {
            log_odds,
            failed,
            weight: 1.0,
        });
        // Steps: one of no failure, two with one of two, one of one; each smoothed by two outcomes of one half.
        let Map::Isotonic { raw, calibrated } = Map::fit(Method::Isotonic, &samples, 0.0) else {
            panic!()
        };
        assert_eq!(raw, [-2.0, -0.5, 1.0]);
        for (calibrated, p) in calibrated.iter().zip([1.0 / 3.0, 0.5, 2.0 / 3.0]) {
            assert!((sigmoid(*calibrated) - p).abs() < 1e-12);
        }
    }

    proptest! {
        #[test]
        fn no_map_turns_the_ranking_round(outcomes in prop::collection::vec((-4.0_f64..4.0, any::<bool>()), 1..60), a in -5.0_f64..5.0, b in -5.0_f64..5.0) {
            let samples: Vec<Sample> = outcomes.iter().map(|&(log_odds, failed)| Sample { log_odds, failed, weight: 1.0 }).collect();
            for method in [Method::Platt, Method::Beta, Method::Isotonic] {
                let map = Map::fit(method, &samples, 5.0);
                let (low, high) = (map.apply(a.min(b)), map.apply(a.max(b)));
                prop_assert!(low.is_finite() && high.is_finite());
                prop_assert!(low <= high + 1e-9, "{:?}", map);
            }
        }
    }
}
