//! How good probabilities are: ranking, loss, calibration, and what a threshold would do.
//!
//! All take probabilities (or any score, for the ranking) and outcomes, side by side. What cannot be reckoned (no failure, no row) is NaN.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// Bins of the expected calibration error.
pub const BINS: usize = 15;

/// Probabilities are kept this far off nought and one in the log-loss.
const CLIP: f64 = 1e-12;

/// Indices by ascending score; equal scores keep their order.
fn ascending(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    order
}

/// ROC AUC: the chance that a failure scores above a success; a tie is half.
#[must_use]
pub fn auc(scores: &[f64], failed: &[bool]) -> f64 {
    Ranking::new(scores).auc(|i| (f64::from(u8::from(failed[i])), 1.0))
}

/// An order of scores, kept so that many weightings can be judged by it.
struct Ranking {
    order: Vec<usize>,
    /// Whether the score of this place in the order equals that before.
    tied: Vec<bool>,
}

impl Ranking {
    fn new(scores: &[f64]) -> Self {
        let order = ascending(scores);
        let tied = (0..order.len())
            .map(|i| i > 0 && scores[order[i]] == scores[order[i - 1]])
            .collect();
        Self { order, tied }
    }

    /// AUC where `row` gives for each index its weighted failures and its weight.
    fn auc(&self, row: impl Fn(usize) -> (f64, f64)) -> f64 {
        let (mut below, mut pairs, mut failures) = (0.0, 0.0, 0.0);
        let (mut tied_failures, mut tied_successes) = (0.0, 0.0);
        for (&i, &tied) in self.order.iter().zip(&self.tied) {
            if !tied {
                pairs += tied_failures * (below + tied_successes / 2.0);
                below += tied_successes;
                (tied_failures, tied_successes) = (0.0, 0.0);
            }
            let (failed, all) = row(i);
            tied_failures += failed;
            tied_successes += all - failed;
            failures += failed;
        }
        pairs += tied_failures * (below + tied_successes / 2.0);
        below += tied_successes;
        pairs / (failures * below)
    }
}

/// Average precision: precision at each failure in descending order of score, averaged; equal scores come in together.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn average_precision(scores: &[f64], failed: &[bool]) -> f64 {
    let order = ascending(scores);
    let (mut sum, mut seen, mut hits) = (0.0, 0.0, 0.0);
    let mut rest = &order[..];
    while let Some(&last) = rest.last() {
        let first = rest.partition_point(|&i| scores[i] < scores[last]);
        let tie = &rest[first..];
        let new = tie.iter().filter(|&&i| failed[i]).count() as f64;
        seen += tie.len() as f64;
        hits += new;
        sum += new * hits / seen;
        rest = &rest[..first];
    }
    sum / hits
}

/// Mean log-loss, in nats.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn log_loss(p: &[f64], failed: &[bool]) -> f64 {
    let losses = p.iter().zip(failed).map(|(&p, &failed)| {
        let p = p.clamp(CLIP, 1.0 - CLIP);
        -(if failed { p } else { 1.0 - p }).ln()
    });
    losses.sum::<f64>() / p.len() as f64
}

/// Mean squared error.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn brier(p: &[f64], failed: &[bool]) -> f64 {
    let errors = p
        .iter()
        .zip(failed)
        .map(|(&p, &failed)| (p - f64::from(u8::from(failed))).powi(2));
    errors.sum::<f64>() / p.len() as f64
}

/// Expected calibration error over [`BINS`] bins of equal counts: how far mean probability and share of failures are apart, weighted by count.
/// Equal probabilities may fall into neighbouring bins, in the order given.
#[must_use]
pub fn calibration_error(p: &[f64], failed: &[bool]) -> f64 {
    let n: f64 = reliability(p, failed).map(|bin| bin.count).sum();
    reliability(p, failed)
        .map(|bin| bin.count * (bin.predicted - bin.observed).abs())
        .sum::<f64>()
        / n
}

/// One bin of equal count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Rows in it.
    pub count: f64,
    /// Mean probability.
    pub predicted: f64,
    /// Share of failures.
    pub observed: f64,
}

/// Predicted against observed in bins of equal count, ascending.
#[allow(clippy::cast_precision_loss)]
pub fn reliability(p: &[f64], failed: &[bool]) -> impl Iterator<Item = Bin> {
    let order = ascending(p);
    (0..BINS).filter_map(move |bin| {
        let rows = &order[bin * order.len() / BINS..(bin + 1) * order.len() / BINS];
        let count = rows.len() as f64;
        (!rows.is_empty()).then(|| Bin {
            count,
            predicted: rows.iter().map(|&i| p[i]).sum::<f64>() / count,
            observed: rows.iter().filter(|&&i| failed[i]).count() as f64 / count,
        })
    })
}

/// What acting above a threshold would have done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtThreshold {
    /// The threshold; what is above it is flagged.
    pub threshold: f64,
    /// Share of rows flagged.
    pub flag_rate: f64,
    /// Share of the flagged that failed.
    pub precision: f64,
    /// Share of failures that were flagged.
    pub recall: f64,
}

/// Judges a threshold.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn at_threshold(p: &[f64], failed: &[bool], threshold: f64) -> AtThreshold {
    let flagged = p.iter().filter(|&&p| p > threshold).count() as f64;
    let hits = p
        .iter()
        .zip(failed)
        .filter(|&(&p, &failed)| p > threshold && failed)
        .count() as f64;
    let failures = failed.iter().filter(|&&failed| failed).count() as f64;
    AtThreshold {
        threshold,
        flag_rate: flagged / p.len() as f64,
        precision: hits / flagged,
        recall: hits / failures,
    }
}

/// All of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Rows judged.
    pub rows: usize,
    /// Of these, failures.
    pub failures: usize,
    /// See [`auc`].
    pub auc: f64,
    /// See [`average_precision`].
    pub average_precision: f64,
    /// See [`log_loss`].
    pub log_loss: f64,
    /// See [`brier`].
    pub brier: f64,
    /// See [`calibration_error`].
    pub calibration_error: f64,
}

impl Metrics {
    /// Judges probabilities.
    #[must_use]
    pub fn new(p: &[f64], failed: &[bool]) -> Self {
        Self {
            rows: p.len(),
            failures: failed.iter().filter(|&&failed| failed).count(),
            auc: auc(p, failed),
            average_precision: average_precision(p, failed),
            log_loss: log_loss(p, failed),
            brier: brier(p, failed),
            calibration_error: calibration_error(p, failed),
        }
    }
}

/// A difference with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// First less second.
    pub mean: f64,
    /// 2.5% of draws lie below.
    pub low: f64,
    /// 2.5% of draws lie above.
    pub high: f64,
}

/// AUC of the first less that of the second, with a paired bootstrap interval (percentiles; Efron and Tibshirani 1993). Draws without a failure
/// or without a success are left out.
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
pub fn auc_difference(first: &[f64], second: &[f64], failed: &[bool], draws: usize, seed: u64) -> Difference {
    let (a, b) = (Ranking::new(first), Ranking::new(second));
    let mut random = Random::new(seed);
    let mut found = Vec::with_capacity(draws);
    let mut counts = vec![0.0; failed.len()];
    for _ in 0..draws {
        counts.fill(0.0);
        for _ in 0..failed.len() {
            counts[random.below(failed.len())] += 1.0;
        }
        let row = |i: usize| (if failed[i] { counts[i] } else { 0.0 }, counts[i]);
        let difference = a.auc(row) - b.auc(row);
        if difference.is_finite() {
            found.push(difference);
        }
    }
    found.sort_by(f64::total_cmp);
    let at = |share: f64| found.get((share * (found.len().max(1) - 1) as f64).round() as usize);
    Difference {
        mean: auc(first, failed) - auc(second, failed),
        low: at(0.025).copied().unwrap_or(f64::NAN),
        high: at(0.975).copied().unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
#[path = "evaluation_tests.rs"]
mod tests;
