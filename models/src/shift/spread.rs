//! How much more than by chance the counts of a series vary from week to week: days of rain, a strike, a hub that is full.
//!
//! Counts of things that hang together by day (parcels of one van, lines of one desk) are wider than Poisson, and the wider the larger the series is: if the level
//! of a week itself varies with a variance of `t`, a week's count of mean `E` has the variance `E + t E^2`, so a dispersion of `1 + t E`. `t` is
//! learned from whole weeks of the series' own past and shrunk to that of its kind. Moments, cut off, so that a shift does not pass for
//! the usual; weeks that belong to a case are for the caller to leave out.
//!
//! Deliberately absent: a trend. What drifts by less than the smallest factor that is tried is how things are.

use bitcode::{Decode, Encode};

use super::series::{Curve, Series};

/// Days of a block.
pub const BLOCK_DAYS: i32 = 7;
/// Expected in a week from which it says anything.
const LEAST: f64 = 0.25;
/// Standard deviations at which a week is cut off.
const CUT: f64 = 3.0;
/// Weeks after which half is forgotten.
const WEEKS: f64 = 26.0;
/// Squared expectations that the kind's own figure counts for, in weeks of the series.
const LENT_WEEKS: f64 = 12.0;
/// What is assumed of a kind before any week: a fifth up or down.
const ASSUMED: f64 = 0.04;
/// Squared expectations which that counts for.
const ASSUMED_MASS: f64 = 4_000.0;

/// Sums over weeks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct Spread {
    /// Squares beyond those of chance.
    squares: f64,
    /// Squared expectations.
    masses: f64,
}

impl Spread {
    /// Hears of one week: counted, expected at the series' level, and the variance of the level that is thought usual.
    pub fn observe(&mut self, observed: f64, expected: f64, usual: f64) {
        if expected < LEAST {
            return;
        }
        let most = CUT * CUT * (expected + usual * expected * expected);
        let square = (observed - expected).powi(2).min(most);
        self.squares += square - expected;
        self.masses += expected * expected;
    }

    /// Adds the sums of another one.
    pub fn add(&mut self, other: &Self) {
        self.squares += other.squares;
        self.masses += other.masses;
    }

    /// A week goes by.
    pub fn fade(&mut self) {
        let keep = (-1.0 / WEEKS).exp2();
        self.squares *= keep;
        self.masses *= keep;
    }

    /// Variance of the level of a kind of series, by the sums of all of them.
    #[must_use]
    pub fn of_kind(&self) -> f64 {
        ((self.squares + ASSUMED * ASSUMED_MASS) / (self.masses + ASSUMED_MASS)).max(0.0)
    }

    /// Variance of the level of one series with about `weekly` expected a week, shrunk to that of its kind.
    #[must_use]
    pub fn of_series(&self, kind: f64, weekly: f64) -> f64 {
        let lent = LENT_WEEKS * weekly.max(1.0).powi(2);
        ((self.squares + lent * kind) / (self.masses + lent)).max(0.0)
    }
}

impl Series {
    /// Whether a look may be worth its cost: some suffix of the window is further above the series' own level than chance often brings. Costs a few
    /// operations a cohort, where [`Series::evidence`] costs hundreds; a series that it passes over has no evidence that counts.
    #[must_use]
    pub fn stirs(&self, today: i32, curve: &Curve, strength: f64, dispersion: f64) -> bool {
        /// Squared standard deviations.
        const FAR: f64 = 5.0;
        let all = self.since(today - super::WINDOW_DAYS, i32::MAX, today, curve);
        let (total_expected, total) = (
            strength + all.expected + self.history.expected,
            strength + all.all() + self.history.all(),
        );
        let (mut expected, mut observed) = (0.0, 0.0);
        self.cohorts
            .iter()
            .rev()
            .take_while(|c| c.day > today - super::WINDOW_DAYS)
            .any(|c| {
                expected += f64::from(c.expected) * f64::from(curve.at(today - c.day));
                observed += c.returned.iter().map(|&n| f64::from(n)).sum::<f64>();
                let mean = expected * (total - observed).max(0.5) / (total_expected - expected).max(1e-9);
                let beyond = observed - mean;
                beyond > 0.0 && beyond * beyond > FAR * dispersion * (mean + 0.5)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_that_vary_with_chance_alone_leave_no_spread() {
        let mut spread = Spread::default();
        // Two points of a Poisson-like square: one standard deviation above and below.
        for week in 0..400 {
            let off = if week % 2 == 0 { 10.0 } else { -10.0 };
            spread.observe(100.0 + off, 100.0, 0.04);
        }
        assert!(spread.of_kind() < 1e-3, "{}", spread.of_kind());
    }

    #[test]
    fn a_level_that_wanders_is_measured_and_shrinks_to_its_kind() {
        let (mut own, mut kind) = (Spread::default(), Spread::default());
        for week in 0..200 {
            let level = if week % 2 == 0 { 1.3 } else { 0.7 };
            kind.observe(100.0 * level, 100.0, 0.04);
            if week < 8 {
                own.observe(100.0, 100.0, 0.04);
            }
        }
        assert!((kind.of_kind() - 0.09).abs() < 0.015, "{}", kind.of_kind());
        let shrunk = own.of_series(kind.of_kind(), 100.0);
        assert!(shrunk < kind.of_kind() && shrunk > 0.0, "{shrunk}");
    }

    #[test]
    fn a_series_as_ever_does_not_stir_and_one_that_doubles_does() {
        let curve = Curve::new(&[1.0]);
        let mut mix = [0.0; super::super::GROUPS];
        mix[0] = 1.0;
        let (mut usual, mut double) = (Series::default(), Series::default());
        for day in 1..=50 {
            for (series, late) in [(&mut usual, 3), (&mut double, 7)] {
                series.delivered(day, 3.0, &mix);
                series.returned(day, 0, if day > 44 { late } else { 3 });
                series.advance(day);
            }
        }
        assert!(!usual.stirs(50, &curve, 8.0, 1.0));
        assert!(double.stirs(50, &curve, 8.0, 1.0));
    }
}
