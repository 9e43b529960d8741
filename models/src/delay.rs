//! How long returns take: the share of the units delivered that ever comes back, and how much of it has come at an age.
//!
//! A return rate is read long before its last return, so what is seen is censored on the right: of the units delivered yesterday nobody knows which will come back in a
//! week. Units that never come back are most of them, hence two parts: `ever`, the share that comes back at all, and a delay among those (a cure model: Boag 1949). Both come
//! from two rows of sums, returned units and units that have lived through each day of age.
//!
//! - **Age** is the time from delivery to return, in days; a count by age has it rounded down, so bin `a` is `[a, a+1)`. A unit that is `a` and a bit days old now has
//!   been watched through half of bin `a` on average (the life-table rule: Cutler and Ederer 1958), and a cohort delivered in the course of a day is as old as
//!   its middle: half a day at the end of its own.
//! - **Estimate.** Nothing leaves observation before now, so the share that returns in bin `a` is `returned[a] / watched[a]`, and `ever` is the sum. That is the estimate of
//!   Kaplan and Meier (1958): with `watched[a] * (1 - sum before)` at risk the product of `1 - hazard` telescopes to it.
//! - **Shrinkage.** A category with few returns leans on the curve of all: by age the returns are Poisson, their rates Gamma around `ever x delay of all`, so
//!   `(returned + k p) / (watched + k / ever)`, where `ever` is the Cape Cod estimate `returned / (watched x p)` of the category itself (Buehlmann and Stanard). It leans in shape
//!   and keeps its own level.
//! - **Plateau.** Windows close. A cohort counts as final at [`AGES`] days, or at [`Curve::final_days`] where next to nothing is left to come.
//!
//! Deliberately absent: drift (a caller who wants it gives the sums of late cohorts alone) and any notion of what is returned.

use bitcode::{Decode, Encode};

/// Days of age that are told apart; older returns count to the last.
pub const AGES: usize = 120;

/// Returns that the curve of all lends to a smaller one. Chosen on the simulated world (seed 2); 10 to 200 are alike.
pub const LENT: f64 = 50.0;

/// Returns that the assumption made before any were seen counts for.
const ASSUMED: f64 = 2.0;

/// Share of the returns to come that may be outstanding of a cohort taken as final.
const OUTSTANDING: f64 = 0.005;

/// When returns come, and how many.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Curve {
    /// Share of the units delivered that comes back at all (within [`AGES`] days), in `0..=1`.
    pub ever: f64,
    /// Returns it was learned from, those lent included: its weight of evidence.
    pub returns: f64,
    /// Share of the returns that have come by each whole day of age; nought at birth, one at [`AGES`].
    by_age: [f64; AGES + 1],
}

impl Default for Curve {
    /// What is assumed before any return: one unit in ten, after ten days on average.
    fn default() -> Self {
        let mut density = [0.0; AGES];
        let mut left = 0.1;
        for share in &mut density {
            *share = left * 0.1;
            left *= 0.9;
        }
        Self::of(&density, ASSUMED)
    }
}

impl Curve {
    /// Learns a curve.
    ///
    /// `returned_by_age[a]`: units returned at an age of `a` whole days, older ones in the last. `at_risk[a]`: units delivered that are at least `a` days old, returned or
    /// not, so it never rises. Units, any size; `prior` is the curve of a wider group, [`Curve::default`] stands in for none.
    ///
    /// ```
    /// use eddy_models::delay::{AGES, Curve};
    ///
    /// let (mut returned, mut at_risk) = ([0; AGES], [0; AGES]);
    /// (returned[2], returned[5]) = (60, 40); // a thousand units long ago: sixty back on the third day, forty on the sixth
    /// at_risk.fill(1_000);
    /// let all = Curve::fit(&returned, &at_risk, None);
    /// assert!((all.ever - 0.1).abs() < 0.003);
    /// assert!((all.share(3.0) - 0.6).abs() < 0.01);
    /// let few = Curve::fit(&[0; AGES], &[7; AGES], Some(&all));
    /// assert!((few.share(3.0) - all.share(3.0)).abs() < 1e-9, "knows nothing of its own");
    /// ```
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn fit(returned_by_age: &[u64; AGES], at_risk: &[u64; AGES], prior: Option<&Self>) -> Self {
        let watched = std::array::from_fn(|age| {
            let next = at_risk.get(age + 1).unwrap_or(&at_risk[age]);
            (at_risk[age] as f64 + *next as f64) / 2.0
        });
        Self::fit_watched(returned_by_age, &watched, prior)
    }

    /// Learns a curve of ages that are counted in days of the calendar and not rounded down: at the end of a day all that was delivered on one day is equally old, and
    /// was watched through the whole of its last day. `watched[a]`: units whose day of age `a` has ended; ask [`Curve::share`] for `a + 1` then.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn fit_watched(returned_by_age: &[u64; AGES], watched: &[f64; AGES], prior: Option<&Self>) -> Self {
        let assumed = Self::default();
        let (prior, lent) = prior.map_or((&assumed, ASSUMED), |prior| (prior, LENT));
        let (mut seen, mut matured) = (0.0, 0.0);
        for (age, returned) in returned_by_age.iter().enumerate() {
            seen += *returned as f64;
            matured += watched[age] * prior.density(age);
        }
        // One return's worth of the wider group keeps the level off nought.
        let level = (seen + 1.0) / (matured + 1.0 / prior.ever);
        let mut density = [0.0; AGES];
        for (age, share) in density.iter_mut().enumerate() {
            let returned = returned_by_age[age] as f64 + lent * prior.density(age);
            *share = returned / (watched[age] + lent / level);
        }
        Self::of(&density, seen + lent)
    }

    /// From the share of units that come back in each bin, none below nought and not all nought.
    fn of(density: &[f64; AGES], returns: f64) -> Self {
        let ever: f64 = density.iter().sum();
        let mut by_age = [0.0; AGES + 1];
        let mut sum = 0.0;
        for (age, share) in density.iter().enumerate() {
            sum += share;
            by_age[age + 1] = (sum / ever).min(1.0);
        }
        by_age[AGES] = 1.0;
        Self {
            ever: ever.min(1.0),
            returns,
            by_age,
        }
    }

    /// Share of the returns that comes in bin `age`.
    fn density(&self, age: usize) -> f64 {
        self.by_age[age + 1] - self.by_age[age]
    }

    /// Share of the returns that ever come which have come by an age in days: maturity, `0..=1`, never falling. Straight between whole days.
    ///
    /// For what was delivered in the course of a day give the age of its middle; at the end of day `t` a cohort of day `d` is `t - d + 0.5` days old.
    #[inline]
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    pub fn share(&self, age_days: f64) -> f64 {
        if age_days.is_nan() || age_days <= 0.0 {
            return 0.0;
        }
        let whole = age_days as usize;
        if whole >= AGES {
            return 1.0;
        }
        let (from, to) = (self.by_age[whole], self.by_age[whole + 1]);
        (to - from).mul_add(age_days - whole as f64, from)
    }

    /// Whole days after which a cohort is taken as final: at most one in two hundred of its returns is still to come.
    #[must_use]
    pub fn final_days(&self) -> usize {
        self.by_age
            .iter()
            .position(|share| *share >= 1.0 - OUTSTANDING)
            .unwrap_or(AGES)
    }
}

#[cfg(test)]
#[path = "delay_tests.rs"]
mod tests;
