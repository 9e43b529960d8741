//! False discoveries over the whole family of series: weighted e-LOND, stopped at any time, under any dependence.
//!
//! Each series has a share of the level, `sum <= 1`, fixed by its deliveries alone. With `R` cases discovered in the last year, series `i` opens the next one when
//!
//! ```text
//! e_i >= 1 / (level * share_i * (R + 1))
//! ```
//!
//! Of the discovered cases the expected share that is false is then at most the level: a null series that opens a case at `R_i` has `1 <= e_i * level * share_i * R_i`,
//! and `R_i <= R` at the end, so `E[false / R] <= level * sum share_i E[e_i] <= level`. No independence is asked for, which matters: parents and children
//! see the same returns. (Xu and Ramdas, "Online multiple testing with e-values", 2024; e-BH of Wang and Ramdas, 2022, is the same bound for one batch.) Within one
//! day the strongest goes first, so a day is a batch of e-BH. Series that are explained by a case that is open join it and are no discoveries: fewer of them can
//! only be false.

use bitcode::{Decode, Encode};

/// How false discoveries are controlled.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Policy {
    /// Expected share of false ones among the cases of a year.
    pub level: f64,
    /// Least expected returns that an alarm may rest upon; below it no series is heard.
    pub least_observed: f64,
    /// Days for which a resolved case still explains.
    pub memory_days: i32,
    /// Every e-value is multiplied by this. With one the bound above is proven; a larger one is an empirical calibration, for whoever has measured how much rarer large
    /// e-values are without changes than the bound says.
    pub calibration: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            level: 0.1,
            least_observed: 4.0,
            memory_days: 150,
            calibration: 1.0,
        }
    }
}

impl Policy {
    /// Equal shares for so many dimensions; within one, by volume.
    #[must_use]
    pub fn share_of_dimension(&self, dimensions: usize) -> f64 {
        1.0 / dimensions.max(1) as f64
    }

    /// The least `log_e` with which a series is a discovery: the smallest for which [`Policy::q_value`] is at most the level.
    #[must_use]
    pub fn bar(&self, share: f64, discoveries: usize) -> f64 {
        if share <= 0.0 {
            return f64::INFINITY;
        }
        // A hair below, so that rounding loses nothing.
        -(self.level.ln() + self.calibration.ln() + share.ln() + ((discoveries + 1) as f64).ln()) - 1e-9
    }

    /// The smallest level at which a series with this evidence is a discovery, `discoveries` being those before it.
    #[must_use]
    pub fn q_value(&self, log_e: f64, share: f64, discoveries: usize) -> f64 {
        if share <= 0.0 {
            return 1.0;
        }
        (-log_e - self.calibration.ln() - share.ln() - ((discoveries + 1) as f64).ln())
            .exp()
            .min(1.0)
    }
}
