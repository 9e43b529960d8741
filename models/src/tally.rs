//! How good probabilities turned out, told one outcome at a time and kept in little room.
//!
//! Losses and what a threshold did are exact. For ranking and calibration probabilities fall into bins of a quarter in log-odds, whose members
//! tie: the area under the curve so moves by a few thousandths, measured against [`crate::evaluation`] in the tests.

use bitcode::{Decode, Encode};

use crate::evaluation::BINS;
use crate::logit;

/// Bins on each side of even odds.
const SIDE: f64 = 32.0;
/// Bins a unit of log-odds.
const GRAIN: f64 = 4.0;
/// Probabilities are kept this far off nought and one in the log-loss.
const CLIP: f64 = 1e-12;

#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
struct Bin {
    at: u8,
    count: u32,
    failed: u32,
    /// Sum of probabilities.
    expected: f64,
}

/// Outcomes of one slice.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Tally {
    /// Ascending; only those that hold something.
    bins: Vec<Bin>,
    loss: f64,
    brier: f64,
    flagged: u32,
    flagged_failed: u32,
}

/// What a tally comes to. NaN where nothing can be said: no failure, no success, nothing flagged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Outcomes.
    pub outcomes: u64,
    /// Share that failed.
    pub failure_rate: f64,
    /// Mean probability.
    pub predicted_rate: f64,
    /// Area under the ROC curve.
    pub roc_auc: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Mean log-loss, nats.
    pub log_loss: f64,
    /// Mean squared error.
    pub brier: f64,
    /// Expected calibration error over 15 bins of equal counts.
    pub calibration_error: f64,
    /// Share flagged.
    pub flag_rate: f64,
    /// Share of the flagged that failed.
    pub precision: f64,
    /// Share of failures that were flagged.
    pub recall: f64,
}

/// What a threshold would have done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Probabilities at or above it are flagged.
    pub threshold: f64,
    /// How many.
    pub flagged: u64,
    /// How many of these failed.
    pub flagged_failed: u64,
}

impl Tally {
    /// Tells the outcome of a probability, and whether it was above the threshold when it was told.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn observe(&mut self, p: f64, flagged: bool, failed: bool) {
        let kept = p.clamp(CLIP, 1.0 - CLIP);
        let at = (logit(kept) * GRAIN + SIDE).clamp(0.0, 2.0 * SIDE - 1.0) as u8;
        let place = self.bins.partition_point(|bin| bin.at < at);
        if self.bins.get(place).is_none_or(|bin| bin.at != at) {
            let empty = Bin {
                at,
                count: 0,
                failed: 0,
                expected: 0.0,
            };
            self.bins.insert(place, empty);
        }
        let bin = &mut self.bins[place];
        bin.count += 1;
        bin.failed += u32::from(failed);
        bin.expected += p;
        self.loss -= (if failed { kept } else { 1.0 - kept }).ln();
        self.brier += (p - f64::from(u8::from(failed))).powi(2);
        self.flagged += u32::from(flagged);
        self.flagged_failed += u32::from(flagged && failed);
    }

    /// Outcomes told.
    #[must_use]
    pub fn outcomes(&self) -> u64 {
        self.bins.iter().map(|bin| u64::from(bin.count)).sum()
    }

    /// What it comes to.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn figures(&self) -> Figures {
        let outcomes = self.outcomes();
        let n = outcomes as f64;
        let failures: f64 = self.bins.iter().map(|bin| f64::from(bin.failed)).sum();
        Figures {
            outcomes,
            failure_rate: failures / n,
            predicted_rate: self.bins.iter().map(|bin| bin.expected).sum::<f64>() / n,
            roc_auc: self.roc_auc(failures, n - failures),
            average_precision: self.average_precision(failures),
            log_loss: self.loss / n,
            brier: self.brier / n,
            calibration_error: self.calibration_error(n),
            flag_rate: f64::from(self.flagged) / n,
            precision: f64::from(self.flagged_failed) / f64::from(self.flagged),
            recall: f64::from(self.flagged_failed) / failures,
        }
    }

    /// Adds what another tally was told.
    pub fn merge(&mut self, other: &Self) {
        for bin in &other.bins {
            let place = self.bins.partition_point(|own| own.at < bin.at);
            match self.bins.get_mut(place).filter(|own| own.at == bin.at) {
                Some(own) => {
                    own.count += bin.count;
                    own.failed += bin.failed;
                    own.expected += bin.expected;
                }
                None => self.bins.insert(place, *bin),
            }
        }
        self.loss += other.loss;
        self.brier += other.brier;
        self.flagged += other.flagged;
        self.flagged_failed += other.flagged_failed;
    }

    /// What each threshold of a fixed grid, a quarter of log-odds apart, would have flagged: ascending.
    #[must_use]
    pub fn curve(&self) -> Vec<Point> {
        let mut above = (0, 0);
        let mut points: Vec<Point> = (1..(2.0 * SIDE) as u8)
            .rev()
            .map(|at| {
                if let Ok(place) = self.bins.binary_search_by_key(&at, |bin| bin.at) {
                    above.0 += u64::from(self.bins[place].count);
                    above.1 += u64::from(self.bins[place].failed);
                }
                Point {
                    threshold: crate::sigmoid((f64::from(at) - SIDE) / GRAIN),
                    flagged: above.0,
                    flagged_failed: above.1,
                }
            })
            .collect();
        points.reverse();
        points
    }

    /// Failures told.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.bins.iter().map(|bin| u64::from(bin.failed)).sum()
    }

    fn roc_auc(&self, failures: f64, successes: f64) -> f64 {
        let (mut below, mut pairs) = (0.0, 0.0);
        for bin in &self.bins {
            let failed = f64::from(bin.failed);
            let fine = f64::from(bin.count) - failed;
            pairs += failed * (below + fine / 2.0);
            below += fine;
        }
        pairs / (failures * successes)
    }

    fn average_precision(&self, failures: f64) -> f64 {
        let (mut seen, mut hits, mut sum) = (0.0, 0.0, 0.0);
        for bin in self.bins.iter().rev() {
            seen += f64::from(bin.count);
            hits += f64::from(bin.failed);
            sum += f64::from(bin.failed) * hits / seen;
        }
        sum / failures
    }

    /// Bins are cut where groups of equal count end, each part taking its share of all that the bin holds.
    #[allow(clippy::cast_precision_loss)]
    fn calibration_error(&self, n: f64) -> f64 {
        let size = n / BINS as f64;
        let (mut room, mut gap, mut sum) = (size, 0.0_f64, 0.0);
        for bin in &self.bins {
            let count = f64::from(bin.count);
            let per = (bin.expected - f64::from(bin.failed)) / count;
            let mut left = count;
            while left > 1e-9 {
                let part = left.min(room);
                gap += part * per;
                left -= part;
                room -= part;
                if room <= 1e-9 {
                    sum += gap.abs();
                    (room, gap) = (size, 0.0);
                }
            }
        }
        (sum + gap.abs()) / n
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation;
    use crate::random::Random;
    use crate::sigmoid;

    #[test]
    fn a_tally_says_what_all_the_rows_say() {
        let mut random = Random::new(5);
        let (mut tally, mut p, mut failed) = (Tally::default(), Vec::new(), Vec::new());
        for _ in 0..20_000 {
            let s = random.unit() * 6.0 - 4.0;
            let told = sigmoid(s);
            let fails = random.unit() < sigmoid(0.7 * s - 0.3);
            tally.observe(told, told > 0.6, fails);
            p.push(told);
            failed.push(fails);
        }
        let figures = tally.figures();
        let near = |ours: f64, whole: f64, by: f64| assert!((ours - whole).abs() < by, "{ours} {whole}");
        near(figures.roc_auc, evaluation::auc(&p, &failed), 0.002);
        near(
            figures.average_precision,
            evaluation::average_precision(&p, &failed),
            0.01,
        );
        near(figures.log_loss, evaluation::log_loss(&p, &failed), 1e-9);
        near(figures.brier, evaluation::brier(&p, &failed), 1e-9);
        near(
            figures.calibration_error,
            evaluation::calibration_error(&p, &failed),
            0.004,
        );
        let at = evaluation::at_threshold(&p, &failed, 0.6);
        assert_eq!(figures.flag_rate, at.flag_rate);
        assert_eq!((figures.precision, figures.recall), (at.precision, at.recall));
    }

    #[test]
    fn a_curve_counts_what_each_threshold_flags_and_parts_add_up() {
        let mut random = Random::new(6);
        let (mut whole, mut parts, mut told) =
            (Tally::default(), [(); 3].map(|()| Tally::default()), Vec::new());
        for i in 0..3_000 {
            let p = random.unit();
            let failed = random.unit() < p;
            whole.observe(p, p > 0.5, failed);
            parts[i % 3].observe(p, p > 0.5, failed);
            told.push((p, failed));
        }
        let mut sum = Tally::default();
        parts.iter().for_each(|part| sum.merge(part));
        assert_eq!(sum.curve(), whole.curve());
        assert_eq!(sum.figures().flag_rate, whole.figures().flag_rate);
        for point in whole.curve() {
            let above = told.iter().filter(|(p, _)| *p >= point.threshold);
            let failed = above.clone().filter(|(_, failed)| *failed).count() as u64;
            assert_eq!(
                (point.flagged, point.flagged_failed),
                (above.count() as u64, failed)
            );
        }
    }

    #[test]
    fn what_cannot_be_said_is_not_a_number() {
        let mut tally = Tally::default();
        tally.observe(0.2, false, false);
        let figures = tally.figures();
        assert_eq!((figures.outcomes, figures.failure_rate), (1, 0.0));
        assert!(figures.roc_auc.is_nan() && figures.precision.is_nan() && figures.recall.is_nan());
        tally.observe(1.0, true, true);
        tally.observe(0.0, false, false);
        assert!(tally.figures().log_loss.is_finite());
    }
}
