//! What all series of a dimension tell about one of them: how far their levels lie apart, and how over-dispersed their counts are.
//!
//! Moments, not likelihoods: they are cheap, and a few anomalous series among thousands must not matter, so each is cut off.

use bitcode::{Decode, Encode};

use super::series::{Curve, Series};

/// What is thought of a series before it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Prior {
    /// Expected returns that the belief "as the baseline says" is worth: `1 / variance` of the levels between series.
    pub strength: f64,
    /// The same for one reason group.
    pub group_strength: f64,
    /// Variance over that of a Poisson count, at least one.
    pub dispersion: f64,
}

impl Default for Prior {
    fn default() -> Self {
        Self {
            strength: 8.0,
            group_strength: 3.0,
            dispersion: 1.0,
        }
    }
}

/// Learns a [`Prior`] from the series of one dimension; to be made anew now and then, for instance weekly.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    expected: f64,
    squares: f64,
    group_expected: f64,
    group_squares: f64,
    /// Series by the mean size of their blocks' deviations, in steps of [`STEP`].
    sizes: [u32; STEPS],
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            expected: 0.0,
            squares: 0.0,
            group_expected: 0.0,
            group_squares: 0.0,
            sizes: [0; STEPS],
        }
    }
}

/// Deviations are cut off here, so that anomalies do not pass for the usual.
const CUT: f64 = 4.0;
/// Expected returns that a series must have to be asked.
pub const LEAST: f64 = 2.0;
/// Mean size of the deviation of a Poisson count, in standard deviations.
const SIZE: f64 = 0.79;
const STEP: f64 = 0.1;
const STEPS: usize = 41;

impl Moments {
    /// Hears of one series.
    pub fn observe(&mut self, series: &Series, today: i32, curve: &Curve) {
        let all = series.since(today - super::WINDOW_DAYS, i32::MAX, today, curve);
        let expected = all.expected + series.history.expected;
        if expected < LEAST {
            return;
        }
        let observed = all.all() + series.history.all();
        self.expected += expected;
        self.squares += cut(observed, expected) - 1.0;
        for (group, share) in series.shares().into_iter().enumerate() {
            let of_group = expected * share;
            if of_group >= LEAST {
                self.group_expected += of_group;
                let n = all.observed[group] + series.history.observed[group];
                self.group_squares += cut(n, of_group) - 1.0;
            }
        }
        self.disperse(series, today, curve, (observed + 8.0) / (expected + 8.0));
    }

    /// Deviations of blocks of days from the series' own level. By their size and not its square, and the median of the series: an anomaly is no dispersion.
    fn disperse(&mut self, series: &Series, today: i32, curve: &Curve, level: f64) {
        let (mut expected, mut observed) = (0.0, 0.0);
        let (mut blocks, mut sizes) = (0.0, 0.0);
        for cohort in series.cohorts().filter(|c| today - c.day >= 14) {
            expected += f64::from(cohort.expected) * f64::from(curve.at(today - cohort.day)) * level;
            observed += cohort.returned.iter().map(|&n| f64::from(n)).sum::<f64>();
            if expected >= LEAST {
                blocks += 1.0;
                sizes += ((observed - expected).abs() / expected.sqrt()).min(CUT);
                (expected, observed) = (0.0, 0.0);
            }
        }
        if blocks > 0.0 {
            let step = (sizes / blocks / STEP) as usize;
            self.sizes[step.min(STEPS - 1)] += 1;
        }
    }

    /// Twenty series of a Poisson kind are thrown in.
    fn median_size(&self) -> f64 {
        const USUAL: u32 = 20;
        let half = f64::from(self.sizes.iter().sum::<u32>() + USUAL) / 2.0;
        let mut below = 0.0;
        for (step, &count) in self.sizes.iter().enumerate() {
            let usual = (step == (SIZE / STEP) as usize).then_some(USUAL);
            let count = f64::from(count + usual.unwrap_or(0));
            if below + count >= half {
                return (step as f64 + (half - below) / count.max(1.0)) * STEP;
            }
            below += count;
        }
        SIZE
    }

    /// What was learned, between bounds; where little was heard, about the default.
    #[must_use]
    pub fn prior(&self) -> Prior {
        let default = Prior::default();
        // Each series says (N - E)^2 / E = 1 + E / strength on average.
        let strength = |squares: f64, expected: f64, default: f64| {
            let variance = (squares + 20.0 / default) / (expected + 20.0);
            (1.0 / variance.max(1e-4)).clamp(0.5, 2_000.0)
        };
        Prior {
            strength: strength(self.squares, self.expected, default.strength),
            group_strength: strength(self.group_squares, self.group_expected, default.group_strength),
            dispersion: (self.median_size() / SIZE).powi(2).clamp(1.0, 6.0),
        }
    }
}

fn cut(observed: f64, expected: f64) -> f64 {
    // Levels within a factor of three and some noise are believed.
    let far = CUT * expected.sqrt() + 2.0 * expected;
    let d = (observed - expected).clamp(-far, far);
    d * d / expected
}
