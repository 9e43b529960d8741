//! One probability out of all that was found about a return, and how often findings turned out right.
//!
//! Each kind of finding has a belief: how many such were confirmed and dismissed, beginning with what its definition thinks. Findings add up in log-odds,
//! each with what its own precision says beyond the base rate; the strongest counts whole, the next by half, and so on, since signs of one act are not independent. How
//! odd a return is beyond all rules, and whether its customer was confirmed before, are signs with beliefs of their own.
//!
//! What findings add up to is brought in line with how often such returns turned out abusive, by reviews of returns and by audits, and by nothing else. Both look at
//! returns chosen by their score or by chance, never by what they are, so no weights are needed. What a taken-back verdict told the calibrator stays until it is
//! outnumbered.

use bitcode::{Decode, Encode};
use eddy_models::calibration::{Calibrator, Candidate, Config, When};
use eddy_models::mapping::{Method, Sample};
use eddy_models::{logit, sigmoid};

use super::case::Held;
use super::detectors::DEFINITIONS;
use super::pattern::PATTERNS;

/// A share as a Beta belief.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Belief {
    right: f64,
    wrong: f64,
}

impl Belief {
    const fn new((right, wrong): (f64, f64)) -> Self {
        Self { right, wrong }
    }

    pub(crate) fn mean(self) -> f64 {
        (self.right / (self.right + self.wrong)).clamp(0.0005, 0.995)
    }

    fn learn(&mut self, right: bool, weight: f64) {
        if right {
            self.right += weight;
        } else {
            self.wrong += weight;
        }
    }
}

/// Log-odds between a weak sign and a strong one.
const SLOPE: f64 = 3.0;
/// Strength at which a belief stands for itself.
const PLAIN: f64 = 0.55;
/// What each further finding counts beside the one before.
const FURTHER: f64 = 0.5;
/// Bounds of rarity: rows rarer than each.
const RARE: [f64; 3] = [0.005, 0.02, 0.1];

/// All beliefs.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Beliefs {
    /// By pattern: without and with an innocent explanation.
    findings: Vec<[Belief; 2]>,
    /// Nothing was found.
    nothing: Belief,
    /// By rarity, of returns of which nothing was found.
    odd: [Belief; RARE.len() + 1],
    /// The customer, or one of the cluster, was confirmed before.
    known: [Belief; 2],
    calibrator: Calibrator,
}

/// Outcomes are few, a hundredth of what parcels give, and come over months.
fn calibrator() -> Calibrator {
    let candidate = |method, window| Candidate { method, window };
    Calibrator::new(Config {
        candidates: vec![
            candidate(Method::Level, 500),
            candidate(Method::Platt, 1_000),
            candidate(Method::Beta, 2_000),
        ],
        every: 16,
        least: 80,
        strength: 20.0,
        memory: 1_000.0,
        groups: 0,
        ..Config::default()
    })
}

impl Default for Beliefs {
    fn default() -> Self {
        Self {
            findings: DEFINITIONS
                .iter()
                .map(|definition| {
                    [
                        Belief::new(definition.precision),
                        Belief::new(definition.doubtful),
                    ]
                })
                .collect(),
            nothing: Belief::new((0.8, 199.2)),
            odd: [
                Belief::new((0.6, 19.4)),
                Belief::new((0.4, 19.6)),
                Belief::new((0.2, 19.8)),
                Belief::new((0.06, 19.94)),
            ],
            known: [Belief::new((1.5, 6.0)), Belief::new((1.0, 9.0))],
            calibrator: calibrator(),
        }
    }
}

/// What was found about a return, as far as its score goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs<'a> {
    pub(crate) found: &'a [Held],
    pub(crate) rarity: f32,
    /// The customer was confirmed before; else somebody of the cluster was.
    pub(crate) known: Option<usize>,
}

fn band(rarity: f32) -> usize {
    RARE.iter()
        .position(|bound| f64::from(rarity) < *bound)
        .unwrap_or(RARE.len())
}

impl Beliefs {
    /// Probability that one finding is right.
    pub(crate) fn of(&self, held: &Held) -> f64 {
        let belief = self.findings[usize::from(held.pattern)][usize::from(held.doubtful)];
        sigmoid(logit(belief.mean()) + SLOPE * (f64::from(held.strength) - PLAIN))
    }

    /// Probability that the return is abusive.
    pub(crate) fn score(&self, signs: &Signs<'_>) -> f64 {
        sigmoid(self.calibrator.calibrate(0, self.sum(signs))).clamp(1e-5, 0.999)
    }

    /// A return that was looked at turned out so: what the signs add up to is judged by it.
    pub(crate) fn turned_out(&mut self, signs: &Signs<'_>, abusive: bool, when: When) {
        let sample = Sample {
            log_odds: self.sum(signs),
            failed: abusive,
            weight: 1.0,
        };
        self.calibrator.observe(0, sample, when);
    }

    /// Log-odds to which the signs add up.
    fn sum(&self, signs: &Signs<'_>) -> f64 {
        let base = logit(self.nothing.mean());
        let mut gains: Vec<f64> = signs
            .found
            .iter()
            .map(|held| (logit(self.of(held)) - base).max(0.0))
            .collect();
        if let Some(which) = signs.known {
            gains.push((logit(self.known[which].mean()) - base).max(0.0));
        }
        gains.sort_unstable_by(|a, b| b.total_cmp(a));
        let mut weight = 1.0;
        let mut sum = base;
        for gain in gains {
            sum += weight * gain;
            weight *= FURTHER;
        }
        // Oddness speaks mostly where nothing else does.
        sum + weight * (logit(self.odd[band(signs.rarity)].mean()) - base)
    }

    /// A review of a finding.
    pub(crate) fn reviewed(&mut self, held: &Held, right: bool, sign: f64) {
        self.findings[usize::from(held.pattern)][usize::from(held.doubtful)].learn(right, sign);
    }

    /// What a return turned out to be. `random` when it was drawn by chance, and so stands for all; a
    /// `sign` of -1 takes it back.
    pub(crate) fn labelled(&mut self, signs: &Signs<'_>, abusive: bool, random: bool, sign: f64) {
        if let Some(which) = signs.known {
            self.known[which].learn(abusive, sign);
        }
        if signs.found.is_empty() && random {
            self.nothing.learn(abusive, sign);
            self.odd[band(signs.rarity)].learn(abusive, sign);
        }
    }
}

const _: () = assert!(PATTERNS == 25, "beliefs are kept by pattern");

#[cfg(test)]
mod tests {
    use super::*;

    fn held(pattern: u8, strength: f32, doubtful: bool) -> Held {
        Held {
            pattern,
            doubtful,
            strength,
            probability: 0.0,
            loss_minor: 100,
        }
    }

    fn score(beliefs: &Beliefs, found: &[Held]) -> f64 {
        beliefs.score(&Signs {
            found,
            rarity: 0.5,
            known: None,
        })
    }

    #[test]
    fn more_signs_and_plainer_ones_score_higher_and_an_explanation_lowers() {
        let beliefs = Beliefs::default();
        let (weak, strong) = (held(1, 0.4, false), held(1, 0.8, false));
        assert!(score(&beliefs, &[]) < 0.02);
        assert!(score(&beliefs, &[weak]) < score(&beliefs, &[strong]));
        assert!(score(&beliefs, &[strong]) < score(&beliefs, &[strong, held(2, 0.6, false)]));
        assert!(score(&beliefs, &[held(1, 0.8, true)]) < score(&beliefs, &[weak]));
    }

    #[test]
    fn dismissals_teach_that_a_pattern_is_often_wrong() {
        let mut beliefs = Beliefs::default();
        let plain = held(1, 0.55, false);
        let before = score(&beliefs, &[plain]);
        (0..30).for_each(|_| beliefs.reviewed(&plain, false, 1.0));
        assert!(score(&beliefs, &[plain]) < before / 3.0);
        (0..30).for_each(|_| beliefs.reviewed(&plain, false, -1.0));
        assert!(
            (score(&beliefs, &[plain]) - before).abs() < 1e-9,
            "a verdict can be taken back"
        );
    }
}
