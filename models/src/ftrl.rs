//! The online learner: logistic regression by FTRL-Proximal (McMahan et al. 2013), one outcome at a time, serving from the first event.
//!
//! linfa-ftrl has the same update and is this one's oracle in a test. It does not serve here because each step allocates three arrays and takes all
//! weights anew, probabilities are `f32`, it starts from random weights, and it knows neither sparse rows nor sample weights.
//! Here the constant is a slot that is not regularised, and a step touches the slots of its row alone, apart from the running means.

use bitcode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::encoding::Row;
use crate::exact;
use crate::linear::Linear;
use crate::sigmoid;

/// Parameters of the learner.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Params {
    /// Learning rate of a slot before its gradients slow it.
    pub alpha: f64,
    /// Slows the first steps.
    pub beta: f64,
    /// Keeps weights at nought.
    pub l1: f64,
    /// Keeps weights small.
    pub l2: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            beta: 1.0,
            l1: 0.0,
            l2: 1.0,
        }
    }
}

/// Means forget over this many outcomes.
const STEPS_OF_MEANS: f64 = 20_000.0;

/// The state of the learner.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Ftrl {
    params: Params,
    #[serde(with = "exact")]
    z: Vec<f64>,
    #[serde(with = "exact")]
    n: Vec<f64>,
    linear: Linear,
    steps: u64,
}

impl Ftrl {
    /// A learner that gives `prior` for everything until it is told otherwise. `starts` are weights of slots believed beforehand, such as 1 for
    /// the log-odds of a rate.
    #[must_use]
    pub fn new(params: Params, slots: usize, prior: f64, starts: &[(usize, f64)]) -> Self {
        let mut learner = Self {
            params,
            z: vec![0.0; slots],
            n: vec![0.0; slots],
            linear: Linear::new(slots),
            steps: 0,
        };
        learner.start(0, crate::logit(prior));
        for &(slot, weight) in starts {
            learner.start(slot, weight);
        }
        learner
    }

    /// The `z` that gives a weight before any gradient.
    fn start(&mut self, slot: usize, weight: f64) {
        let (l1, l2) = self.regularisation(slot);
        self.z[slot] = -weight * (self.params.beta / self.params.alpha + l2) - l1 * weight.signum();
        self.linear.weights[slot] = self.weight(slot);
    }

    /// The constant is not regularised.
    const fn regularisation(&self, slot: usize) -> (f64, f64) {
        if slot == 0 {
            (0.0, 0.0)
        } else {
            (self.params.l1, self.params.l2)
        }
    }

    #[inline]
    fn weight(&self, slot: usize) -> f64 {
        let (l1, l2) = self.regularisation(slot);
        let z = self.z[slot];
        if z.abs() <= l1 {
            return 0.0;
        }
        -(z - z.signum() * l1) / ((self.params.beta + self.n[slot].sqrt()) / self.params.alpha + l2)
    }

    /// Outcomes learned from.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The scorer as it is now.
    #[must_use]
    pub const fn linear(&self) -> &Linear {
        &self.linear
    }

    /// Log-odds of a row.
    #[inline]
    #[must_use]
    pub fn log_odds(&self, row: &Row) -> f64 {
        self.linear.log_odds(row)
    }

    /// Learns from one outcome, and gives the log-odds that were believed before.
    #[allow(clippy::cast_precision_loss)]
    pub fn learn(&mut self, row: &Row, failed: bool, weight: f64) -> f64 {
        let log_odds = self.linear.log_odds(row);
        let error = (sigmoid(log_odds) - f64::from(u8::from(failed))) * weight;
        for &(slot, value) in row {
            let slot = slot as usize;
            let gradient = error * f64::from(value);
            let n = self.n[slot] + gradient * gradient;
            let sigma = (n.sqrt() - self.n[slot].sqrt()) / self.params.alpha;
            self.z[slot] += gradient - sigma * self.linear.weights[slot];
            self.n[slot] = n;
            self.linear.weights[slot] = self.weight(slot);
        }
        self.steps += 1;
        let share = 1.0 / (self.steps as f64).min(STEPS_OF_MEANS);
        for mean in &mut self.linear.means {
            *mean -= *mean * share;
        }
        for &(slot, value) in row {
            self.linear.means[slot as usize] += f64::from(value) * share;
        }
        log_odds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use linfa::ParamGuard;
    use linfa::dataset::DatasetBase;
    use linfa::traits::FitWith;
    use ndarray::{Array1, Array2};

    fn row(random: &mut Random) -> Row {
        let mut row = Row::new();
        for slot in 1..6 {
            if random.unit() < 0.7 {
                row.push((slot, (random.unit() * 4.0 - 2.0) as f32));
            }
        }
        row
    }

    #[test]
    fn each_step_is_that_of_linfa() {
        let params = Params {
            alpha: 0.1,
            beta: 1.0,
            l1: 0.5,
            l2: 0.8,
        };
        let theirs = linfa_ftrl::Ftrl::<f64>::params()
            .alpha(0.1)
            .beta(1.0)
            .l1_ratio(0.5)
            .l2_ratio(0.8);
        let theirs = theirs.check().unwrap();
        // A row of noughts moves nothing and shows the random weights that linfa starts from; ours are given the same.
        let data = DatasetBase::new(Array2::zeros((1, 6)), Array1::from_elem(1, false));
        let mut oracle = theirs.fit_with(None, &data).unwrap();
        let mut ours = Ftrl::new(params, 6, 0.5, &[]);
        for slot in 1..6 {
            ours.z[slot] = oracle.z()[slot];
            ours.linear.weights[slot] = ours.weight(slot);
        }
        let mut random = Random::new(5);
        for step in 0..2_000 {
            let row = row(&mut random);
            let signal = row.first().map_or(0.0, |&(_, value)| f64::from(value));
            let failed = random.unit() < sigmoid(signal);
            let mut dense = Array2::zeros((1, 6));
            for &(slot, value) in &row {
                dense[[0, slot as usize]] = f64::from(value);
            }
            let data = DatasetBase::new(dense, Array1::from_elem(1, failed));
            oracle = theirs.fit_with(Some(oracle), &data).unwrap();
            ours.learn(&row, failed, 1.0);
            let weights = oracle.get_weights();
            for slot in 1..6 {
                let (a, b) = (ours.linear.weights[slot], weights[slot]);
                // linfa rounds probabilities to single precision.
                assert!((a - b).abs() < 1e-4, "step {step} slot {slot}: {a} {b}");
            }
        }
    }

    #[test]
    fn before_the_first_outcome_it_serves_what_was_believed() {
        let learner = Ftrl::new(Params::default(), 3, 0.2, &[(2, 1.0)]);
        assert!((sigmoid(learner.log_odds(&vec![(0, 1.0)])) - 0.2).abs() < 1e-12);
        let log_odds = learner.log_odds(&vec![(0, 1.0), (2, 0.5)]);
        assert!((log_odds - crate::logit(0.2) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn it_finds_the_weights_of_a_logistic_world() {
        let mut learner = Ftrl::new(
            Params {
                alpha: 0.1,
                ..Params::default()
            },
            3,
            0.5,
            &[],
        );
        let mut random = Random::new(9);
        for _ in 0..60_000 {
            let x = (random.unit() * 2.0 - 1.0) as f32;
            let flag = random.unit() < 0.5;
            let mut row = vec![(0, 1.0), (1, x)];
            if flag {
                row.push((2, 1.0));
            }
            let truth = -1.0 + 1.5 * f64::from(x) + if flag { 0.7 } else { 0.0 };
            learner.learn(&row, random.unit() < sigmoid(truth), 1.0);
        }
        for (weight, truth) in learner.linear().weights.iter().zip([-1.0, 1.5, 0.7]) {
            assert!((weight - truth).abs() < 0.12, "{weight} {truth}");
        }
    }
}
