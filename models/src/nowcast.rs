//! What a young cohort's return rate will be: what came, what is still expected, and how sure one can be.
//!
//! A unit of a cohort comes back with propensity `theta`, and if it does, has done so by now with the cohort's maturity `M` (of [`crate::delay`]). Of `D` units `n` are back.
//!
//! - **Propensity.** `theta` has a Gamma prior of mean `m` that counts for `s` units, and `n` is close to Poisson of `theta E`, where `E` is the sum of delivered units x maturity: so
//!   its mean is `(m s + n) / (s + E)` (Gamma-Poisson; Buehlmann's credibility). With `s = 0` this is the chain ladder, with infinite `s` the method of Bornhuetter and
//!   Ferguson (1972). A prior that the cohort contradicts is not defended: beyond two deviations its strength falls to what makes them two, so that a batch gone bad shows at once
//!   (limited translation: Efron and Morris 1971; strength by marginal moments, bounded). The variance is that of the censored binomial, `theta (1 - theta (s + E M) / (s + E)) / (s + E)`.
//! - **Still to come.** A unit not yet back comes with `q = theta (1 - M) / (1 - theta M)`, so `(D - n) q` more are expected: `adjusted = (n + (D - n) q) / D`. The variance is
//!   binomial plus what is not known of `theta` (delta method).
//! - **Interval.** Quantiles by Cornish and Fisher (1938) to the skewness, without a continuity correction: the interval then meets a count's *mid* tail probabilities, whose coverage is
//!   the stated one on average over cohorts, not at least (Lancaster 1961; Agresti and Gottard 2007). Never below what came, never above what was delivered.
//! - **Clumps.** Units come back several at once: pieces of a line, lines of a request, one customer's whole invoice. Requests are what is Poisson, so the variance of units is their mean
//!   times `clump`, the mean squared size over the mean size of what comes back as one (compound Poisson). All counts are divided by it, rates stay: twelve pieces always together tell
//!   no more than one. For money sizes are values. [`clump`] has it from two integer sums.
//!
//! Closed form; no iteration, no random numbers. Deliberately absent: from which sums a cohort is made.

use crate::shrinkage::Prior;

/// 95% point of the normal law: what lies between 5% and 95% is nine in ten.
const Z: f64 = 1.644_853_626_951_472_2;

/// Deviations from what a prior expects beyond which it is believed less. Chosen on the simulated world (seed 2).
const DISBELIEF: f64 = 1.5;

/// A cohort, or any sum of cohorts, as it is now. Units, or minor units of money.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cohort {
    /// Delivered.
    pub delivered: f64,
    /// Come back so far.
    pub returned: f64,
    /// Delivered x maturity, summed: what has lived through its returns. At most `delivered`.
    pub exposure: f64,
    /// Size of what comes back as one, of [`clump`]: 1 for single units.
    pub clump: f64,
}

impl Default for Cohort {
    fn default() -> Self {
        Self {
            delivered: 0.0,
            returned: 0.0,
            exposure: 0.0,
            clump: 1.0,
        }
    }
}

impl Cohort {
    /// Adds the units of one day of delivery, of which `share` of the returns has come ([`crate::delay::Curve::share`]).
    #[inline]
    #[allow(clippy::cast_precision_loss)]
    pub fn add(&mut self, delivered: u64, returned: u64, share: f64) {
        self.delivered += delivered as f64;
        self.returned += returned as f64;
        self.exposure += delivered as f64 * share;
    }
}

/// Requests that the assumed clump counts for.
const LENT_REQUESTS: f64 = 10.0;

/// Size of what comes back as one, from the units that came back in a group (or their value) and the sum of squares of how many came by each request.
///
/// `assumed` is that of a wider group, and counts for ten requests; 1, or the mean value of a line, where there is none.
///
/// ```
/// use eddy_models::nowcast::clump;
///
/// assert_eq!(clump(1_000.0, 1_000.0, 1.0), 1.0);
/// let by_threes = clump(3_000.0, 9_000.0, 1.0);
/// assert!(by_threes > 2.98 && by_threes < 3.0);
/// ```
#[must_use]
pub fn clump(units: f64, squares: f64, assumed: f64) -> f64 {
    let lent = LENT_REQUESTS * assumed;
    (squares + lent * assumed) / (units + lent)
}

/// A return rate, with what is to be known about it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Nowcast {
    /// Returned so far over delivered.
    pub raw: f64,
    /// Share of the returns that has come, by the delay curve.
    pub maturity: f64,
    /// Expected final rate.
    pub adjusted: f64,
    /// Final rate: 5% of cohorts end below.
    pub lower: f64,
    /// Final rate: 5% of cohorts end above.
    pub upper: f64,
    /// Rate that such goods would have over many cohorts.
    pub propensity: f64,
    /// Nineteen in twenty that the propensity is above: rank by it, and small lucky samples do not lead.
    pub propensity_lower: f64,
    /// Nineteen in twenty that it is below.
    pub propensity_upper: f64,
}

/// The final rate of a cohort.
///
/// ```
/// use eddy_models::nowcast::{Cohort, nowcast};
/// use eddy_models::shrinkage::Prior;
///
/// let young = Cohort { delivered: 200.0, returned: 12.0, exposure: 50.0, clump: 1.0 };
/// let rate = nowcast(&young, &Prior { mean: 0.15, strength: 300.0 });
/// assert_eq!((rate.raw, rate.maturity), (0.06, 0.25));
/// assert!((rate.adjusted - 0.18).abs() < 0.005);
/// assert!(rate.lower < 0.15 && rate.upper > 0.21);
/// ```
#[must_use]
pub fn nowcast(cohort: &Cohort, prior: &Prior) -> Nowcast {
    let clump = cohort.clump.max(f64::MIN_POSITIVE);
    let (delivered, returned) = (cohort.delivered / clump, cohort.returned / clump);
    let exposure = (cohort.exposure / clump).min(delivered);
    let strength = believed(prior, returned, exposure);
    let weight = strength + exposure;
    let theta = if weight > 0.0 {
        ((prior.mean * strength + returned) / weight).clamp(0.0, 1.0)
    } else {
        prior.mean
    };
    let maturity = if delivered > 0.0 {
        exposure / delivered
    } else {
        0.0
    };
    let matured = if weight > 0.0 {
        (strength + exposure * maturity) / weight
    } else {
        0.0
    };
    let unsure = theta * (1.0 - theta * matured) / weight.max(f64::MIN_POSITIVE);
    let (propensity_lower, propensity_upper) = gamma_bounds(theta, unsure);
    let mut rate = Nowcast {
        maturity,
        propensity: theta,
        propensity_lower,
        propensity_upper,
        ..Nowcast::default()
    };
    if delivered <= 0.0 {
        (rate.adjusted, rate.lower, rate.upper) = (theta, propensity_lower, propensity_upper);
        return rate;
    }
    // More may be back than was delivered (a line returned twice): then nothing is to come.
    let left = (delivered - returned).max(0.0);
    let alive = (1.0 - theta * maturity).max(f64::EPSILON);
    let chance = (theta * (1.0 - maturity) / alive).min(1.0);
    let slope = left * (1.0 - maturity) / (alive * alive);
    let to_come = left * chance;
    let variance = to_come * (1.0 - chance) + slope * slope * unsure;
    let (low, high) = count_bounds(to_come, variance);
    rate.raw = returned / delivered;
    rate.adjusted = (returned + to_come) / delivered;
    rate.lower = (returned + low.clamp(0.0, to_come)) / delivered;
    rate.upper = (returned + high.clamp(to_come, left)) / delivered;
    rate
}

/// Strength that is left of a prior which the cohort contradicts.
///
/// What came is expected to be `m E`, give or take the root of `m E (1 + E / s)`. Beyond [`DISBELIEF`] deviations the strength is the one that puts it just there.
fn believed(prior: &Prior, returned: f64, exposure: f64) -> f64 {
    let expected = prior.mean * exposure;
    if expected <= 0.0 {
        return prior.strength;
    }
    // A single clump more contradicts nothing.
    let off = ((returned - expected).abs() - 1.0).max(0.0) / DISBELIEF;
    let beyond = off * off / expected - 1.0;
    if beyond > 0.0 {
        prior.strength.min(exposure / beyond)
    } else {
        prior.strength
    }
}

/// 5% and 95% of a count of a mean and a variance, by their mid tail probabilities. The skewness `(2 v / m - 1) / sqrt(v)` is that of the binomial, the Poisson and the
/// negative binomial alike.
pub(crate) fn count_bounds(mean: f64, variance: f64) -> (f64, f64) {
    quantiles(mean, variance, Z)
}

/// The same at any distance `z` of the normal law, below and above.
pub(crate) fn quantiles(mean: f64, variance: f64, z: f64) -> (f64, f64) {
    if mean <= 0.0 || variance <= 0.0 {
        return (mean, mean);
    }
    let deviation = variance.sqrt();
    // The expansion is of no use where next to nothing is expected; there its shift fades with the deviation.
    let shift = (2.0 * variance / mean - 1.0) * (z * z - 1.0) / 6.0 * (deviation / 0.3).min(1.0);
    (mean - z * deviation + shift, mean + z * deviation + shift)
}

/// 5% and 95% of a Gamma law of a mean and a variance (Wilson and Hilferty 1931), within `0..=1`.
fn gamma_bounds(mean: f64, variance: f64) -> (f64, f64) {
    if mean <= 0.0 || variance <= 0.0 {
        return (mean, mean);
    }
    let ninth = variance / (9.0 * mean * mean);
    let at = |z: f64| mean * z.mul_add(ninth.sqrt(), 1.0 - ninth).max(0.0).powi(3);
    (at(-Z).min(mean), at(Z).clamp(mean, 1.0))
}

#[cfg(test)]
#[path = "nowcast_tests.rs"]
mod tests;
