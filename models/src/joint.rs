//! Beliefs that most rows share, with how their errors hang together: a Gaussian with its full covariance over a few dozen keys of one model.
//!
//! The level, the payment mode, the hour stand in every row, and what one explains another does not. Told apart as if their errors were independent each
//! of them answers to every surprise, so together they answer too much, and what belongs to the level is booked on rarer keys. With the
//! covariance each surprise is shared out as it should be (the Kalman filter of a logistic regression; compare Fahrmeir 1992). It
//! costs the square of the number of keys an outcome, so only [`SLOTS`] keys are held so; any further one is told apart like the rest.
//!
//! Beliefs fade to their prior as those of [`crate::additive`] do, once a day of event time.

use bitcode::{Decode, Encode};

use crate::additive::{Prior, TARGETS};
use crate::random::mix;

/// Keys held together.
pub const SLOTS: usize = 64;
/// Places to find a key's slot by: twice as many as slots, so that few are tried.
const PLACES: usize = 2 * SLOTS;

/// The keys of one model that are held together.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Joint {
    /// By slot, in the order in which keys were first learned.
    keys: Vec<u64>,
    family: Vec<u16>,
    /// Slot plus one by place; 0 for none.
    places: Vec<u8>,
    mean: [Vec<f64>; TARGETS],
    /// Rows of [`SLOTS`] numbers, one a slot.
    covariance: [Vec<f64>; TARGETS],
    /// Day since 1970 to which the beliefs have faded.
    day: i32,
}

impl Joint {
    /// The slot of a key, where it has one.
    #[must_use]
    pub fn find(&self, key: u64) -> Option<usize> {
        if self.keys.is_empty() {
            return None;
        }
        let mut place = mix(key) as usize % PLACES;
        loop {
            let slot = usize::from(self.places[place]).checked_sub(1)?;
            if self.keys[slot] == key {
                return Some(slot);
            }
            place = (place + 1) % PLACES;
        }
    }

    /// The slot of a key; a new one takes the next, while there are any.
    pub(crate) fn slot(&mut self, key: u64, family: u16, prior: &Prior) -> Option<usize> {
        if let Some(slot) = self.find(key) {
            return Some(slot);
        }
        let slot = self.keys.len();
        if slot == SLOTS {
            return None;
        }
        self.places.resize(PLACES, 0);
        let mut place = mix(key) as usize % PLACES;
        while self.places[place] != 0 {
            place = (place + 1) % PLACES;
        }
        self.places[place] = slot as u8 + 1;
        self.keys.push(key);
        self.family.push(family);
        for target in 0..TARGETS {
            self.mean[target].push(f64::from(prior.mean));
            self.covariance[target].resize((slot + 1) * SLOTS, 0.0);
            self.covariance[target][slot * SLOTS + slot] = f64::from(prior.deviation).powi(2);
        }
        Some(slot)
    }

    /// Mean of a slot's weight, for each target.
    #[must_use]
    pub fn mean(&self, slot: usize) -> [f64; TARGETS] {
        [self.mean[0][slot], self.mean[1][slot]]
    }

    /// Lets beliefs fade to a day.
    pub(crate) fn fade(&mut self, priors: &[Prior], day: i32) {
        if self.keys.is_empty() || day <= self.day {
            self.day = self.day.max(day);
            return;
        }
        let days = f64::from(day - self.day);
        self.day = day;
        let of = |family: &u16| &priors[usize::from(*family)];
        let keep: Vec<f64> = self
            .family
            .iter()
            .map(|family| (-days / f64::from(of(family).days)).exp())
            .collect();
        for target in 0..TARGETS {
            for (slot, family) in self.family.iter().enumerate() {
                let prior = of(family);
                let start = f64::from(prior.mean);
                let mean = &mut self.mean[target][slot];
                *mean = start + (*mean - start) * keep[slot];
                let row = &mut self.covariance[target][slot * SLOTS..][..keep.len()];
                for (covariance, other) in row.iter_mut().zip(&keep) {
                    *covariance *= keep[slot] * other;
                }
                row[slot] += f64::from(prior.deviation).powi(2) * (1.0 - keep[slot] * keep[slot]);
            }
        }
    }

    /// Covariance times a row of (slot, value), into `gains`; returns the variance of their sum.
    pub(crate) fn gains(&self, target: usize, row: &[(usize, f64)], gains: &mut Vec<f64>) -> f64 {
        let n = self.keys.len();
        gains.clear();
        gains.resize(n, 0.0);
        for (slot, value) in row {
            let of_slot = &self.covariance[target][slot * SLOTS..][..n];
            for (gain, covariance) in gains.iter_mut().zip(of_slot) {
                *gain += covariance * value;
            }
        }
        row.iter().map(|(slot, value)| gains[*slot] * value).sum()
    }

    /// Moves the means by `step` times the gains, and takes what was learned off the covariance: `shrink` times their outer product.
    pub(crate) fn move_by(&mut self, target: usize, gains: &[f64], step: f64, shrink: f64) {
        for (slot, gain) in gains.iter().enumerate() {
            self.mean[target][slot] += gain * step;
            let scaled = gain * shrink;
            let row = &mut self.covariance[target][slot * SLOTS..][..gains.len()];
            for (covariance, other) in row.iter_mut().zip(gains) {
                *covariance -= scaled * other;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIOR: Prior = Prior {
        mean: 0.5,
        deviation: 2.0,
        days: 100.0,
        joint: true,
    };

    #[test]
    fn keys_are_found_again_and_further_ones_have_no_slot() {
        let mut joint = Joint::default();
        assert_eq!(joint.find(7), None);
        for key in 0..SLOTS as u64 {
            assert_eq!(joint.slot(key * 64, 0, &PRIOR), Some(key as usize));
        }
        assert_eq!(joint.slot(9, 0, &PRIOR), None);
        for key in 0..SLOTS as u64 {
            assert_eq!(joint.find(key * 64), Some(key as usize));
        }
        assert_eq!(joint.find(9), None);
    }

    #[test]
    fn what_two_keys_always_do_together_is_learned_of_their_sum_alone() {
        let mut joint = Joint::default();
        let (a, b) = (
            joint.slot(1, 0, &PRIOR).unwrap(),
            joint.slot(2, 0, &PRIOR).unwrap(),
        );
        let row = [(a, 1.0), (b, 1.0)];
        let mut gains = Vec::new();
        for _ in 0..200 {
            // An observation of the sum with a variance of one.
            let spread = joint.gains(0, &row, &mut gains);
            let seen = 3.0 - joint.mean(a)[0] - joint.mean(b)[0];
            joint.move_by(0, &gains, seen / (1.0 + spread), 1.0 / (1.0 + spread));
        }
        assert!((joint.mean(a)[0] + joint.mean(b)[0] - 3.0).abs() < 0.01);
        // 1 / (1/8 + 200), and each alone is still as good as unknown.
        let sum = joint.gains(0, &row, &mut gains);
        assert!((sum - 1.0 / 200.125).abs() < 1e-6, "{sum}");
        assert!((joint.gains(0, &row[..1], &mut gains) - 2.0).abs() < 0.01);
    }

    #[test]
    fn beliefs_fade_to_their_prior() {
        let mut joint = Joint::default();
        joint.fade(&[PRIOR], 10);
        let a = joint.slot(1, 0, &PRIOR).unwrap();
        let mut gains = Vec::new();
        let spread = joint.gains(1, &[(a, 1.0)], &mut gains);
        joint.move_by(1, &gains, 1.0 / spread, 0.9 / spread);
        assert!((joint.mean(a)[1] - 1.5).abs() < 1e-9);
        joint.fade(&[PRIOR], 110);
        assert!((joint.mean(a)[1] - 0.5 - (-1.0_f64).exp()).abs() < 1e-9);
        joint.fade(&[PRIOR], 5_000);
        assert!((joint.mean(a)[1] - 0.5).abs() < 1e-6);
        assert!((joint.gains(1, &[(a, 1.0)], &mut gains) - 4.0).abs() < 1e-6);
    }
}
