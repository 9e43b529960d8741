//! Drift: when outcomes are no longer what the probabilities told for them say, in either direction.
//!
//! Two risk-adjusted cumulative sums of log-likelihood ratios (Steiner, Cook, Farewell and Treasure 2000), one against odds that are twice as
//! high as told and one against half. Each is held at nought from below, so it forgets what was fine, and tells since when things went wrong.
//! In control, an alarm of one side comes after 14 nats of evidence, which by the martingale bound takes e^14, over a million outcomes on average.

use bitcode::{Decode, Encode};

/// Shift in log-odds that is looked for.
const SHIFT: f64 = std::f64::consts::LN_2;
/// Nats of evidence for an alarm.
const ALARM: f64 = 14.0;
/// Largest shift that is told.
const MOST: f64 = 3.0;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alarm {
    /// Log-odds by which failures are more frequent than told; negative where they are rarer.
    pub shift: f64,
    /// Since when, the time of the first outcome of the run.
    pub onset: i64,
    /// Outcomes since then.
    pub outcomes: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
struct Side {
    evidence: f64,
    onset: i64,
    outcomes: u32,
    /// Failures less those expected.
    excess: f64,
    /// Variance of that.
    information: f64,
}

impl Side {
    fn observe(&mut self, at: i64, p: f64, failed: bool, shift: f64) -> Option<Alarm> {
        if self.evidence == 0.0 {
            *self = Self {
                onset: at,
                ..Self::default()
            };
        }
        let y = f64::from(u8::from(failed));
        self.evidence += y * shift - (p * shift.exp_m1()).ln_1p();
        if self.evidence <= 0.0 {
            *self = Self::default();
            return None;
        }
        self.outcomes += 1;
        self.excess += y - p;
        self.information += p * (1.0 - p);
        if self.evidence < ALARM {
            return None;
        }
        let alarm = Alarm {
            shift: (self.excess / self.information.max(1e-9)).clamp(-MOST, MOST),
            onset: self.onset,
            outcomes: self.outcomes,
        };
        *self = Self::default();
        Some(alarm)
    }
}

/// What is believed of one stream of outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct Drift {
    up: Side,
    down: Side,
}

impl Drift {
    /// Tells the outcome of a probability. After an alarm the sum of its side starts anew.
    pub fn observe(&mut self, at: i64, p: f64, failed: bool) -> Option<Alarm> {
        let up = self.up.observe(at, p, failed, SHIFT);
        let down = self.down.observe(at, p, failed, -SHIFT);
        up.or(down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::{logit, sigmoid};

    /// Alarms of outcomes whose log-odds are off by `shift` from `from` on.
    fn alarms(n: i64, from: i64, shift: f64, seed: u64) -> Vec<(i64, Alarm)> {
        let mut random = Random::new(seed);
        let mut drift = Drift::default();
        (0..n)
            .filter_map(|at| {
                let p = 0.05 + 0.4 * random.unit();
                let off = if at >= from { shift } else { 0.0 };
                let failed = random.unit() < sigmoid(logit(p) + off);
                drift.observe(at, p, failed).map(|alarm| (at, alarm))
            })
            .collect()
    }

    #[test]
    fn probabilities_that_hold_raise_no_alarm() {
        for seed in 0..20 {
            assert_eq!(alarms(20_000, i64::MAX, 0.0, seed), []);
        }
    }

    #[test]
    fn a_shift_is_found_soon_with_its_direction_onset_and_size() {
        for seed in 0..20 {
            for shift in [0.8, -0.8] {
                let found = alarms(4_000, 2_000, shift, seed);
                let (at, alarm) = found.first().copied().unwrap();
                assert!((2_000..2_600).contains(&at), "{at}");
                assert!((1_800..2_300).contains(&alarm.onset), "{alarm:?}");
                assert!((alarm.shift - shift).abs() < 0.7, "{alarm:?}");
                assert_eq!(alarm.shift > 0.0, shift > 0.0);
            }
        }
    }
}
