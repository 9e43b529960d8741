//! A state that jumps: how much worse than usual it is just now, in log-odds, told from a stream of outcomes.
//!
//! A hidden Markov model on a grid of changes. Most of the time the change is nought; now and then it jumps to another and stays for a while (an outage
//! of a courier in a zone). Each outcome is weighed against the odds that were expected of it without the change, so a change of mix is
//! no outage. The forward filter is exact for this model, and needs no window: with fifty outcomes a day it believes within the day, with two it
//! takes its time.

use bitcode::{Decode, Encode};

use crate::{logit, sigmoid};

/// Changes that are thought possible, in log-odds, with the share of time spent in each.
const GRID: [(f64, f64); 10] = [
    (-1.0, 0.010),
    (-0.5, 0.020),
    (0.0, 0.900),
    (0.5, 0.020),
    (1.0, 0.012),
    (1.5, 0.010),
    (2.0, 0.010),
    (2.5, 0.008),
    (3.0, 0.006),
    (3.5, 0.004),
];
/// Days after which a state is drawn anew, on average.
const DAYS: f64 = 12.0;
const DAY_US: f64 = 86_400e6;

/// What is believed of the change.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Regime {
    at: i64,
    share: [f32; GRID.len()],
}

impl Default for Regime {
    fn default() -> Self {
        Self {
            at: i64::MIN,
            share: GRID.map(|(_, share)| share as f32),
        }
    }
}

impl Regime {
    /// Shares at a time; a time before the latest outcome is taken for that.
    #[allow(clippy::cast_precision_loss)]
    fn shares(&self, at: i64) -> [f64; GRID.len()] {
        if self.at == i64::MIN {
            return GRID.map(|(_, share)| share);
        }
        let age = at.saturating_sub(self.at).max(0) as f64 / DAY_US;
        let keep = (-age / DAYS).exp();
        let mut shares = self.share.map(f64::from);
        for (share, (_, prior)) in shares.iter_mut().zip(GRID) {
            *share = *share * keep + prior * (1.0 - keep);
        }
        shares
    }

    /// Tells an outcome whose log-odds without the change were `expected`.
    pub fn observe(&mut self, at: i64, expected: f64, failed: bool) {
        let mut shares = self.shares(at);
        let mut sum = 0.0;
        for (share, (change, _)) in shares.iter_mut().zip(GRID) {
            let p = sigmoid(expected + change);
            *share *= if failed { p } else { 1.0 - p };
            sum += *share;
        }
        self.share = shares.map(|share| (share / sum) as f32);
        self.at = self.at.max(at);
    }

    /// By how much the change moves log-odds that would be `expected` without it.
    #[must_use]
    pub fn lift(&self, at: i64, expected: f64) -> f64 {
        let p: f64 = self
            .shares(at)
            .iter()
            .zip(GRID)
            .map(|(share, (change, _))| share * sigmoid(expected + change))
            .sum();
        logit(p.clamp(1e-9, 1.0 - 1e-9)) - expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn after(n: i64, per_day: i64, expected: f64, truth: f64, seed: u64) -> Regime {
        let mut random = Random::new(seed);
        let mut regime = Regime::default();
        for i in 0..n {
            let at = i * (DAY_US as i64) / per_day;
            regime.observe(at, expected, random.unit() < sigmoid(truth));
        }
        regime
    }

    #[test]
    fn an_outage_is_believed_after_fifty_attempts_of_a_day_and_a_calm_lane_is_left_alone() {
        let (usual, outage) = (logit(0.40), logit(0.40) + 2.4);
        let day = DAY_US as i64;
        let (mut error, mut calm) = (0.0, 0.0);
        for seed in 0..200 {
            let regime = after(60, 60, usual, outage, seed);
            error += (sigmoid(usual + regime.lift(day, usual)) - sigmoid(outage)).abs() / 200.0;
            calm += after(60, 60, usual, usual, seed).lift(day, usual).abs() / 200.0;
        }
        assert!(error < 0.05, "mean error {error}");
        assert!(calm < 0.12, "mean lift of calm lanes {calm}");
    }

    #[test]
    fn it_is_over_when_it_is_over() {
        let usual = logit(0.3);
        let mut regime = after(80, 40, usual, usual + 2.5, 3);
        let end = 2 * DAY_US as i64;
        assert!(regime.lift(end, usual) > 1.5);
        let later = regime.lift(end + 30 * DAY_US as i64, usual);
        assert!(later < 0.3, "after a silent month: {later}");
        let mut random = Random::new(9);
        for i in 0..40 {
            regime.observe(end + i * DAY_US as i64 / 40, usual, random.unit() < 0.3);
        }
        assert!(regime.lift(end + DAY_US as i64, usual) < 0.3);
    }
}
