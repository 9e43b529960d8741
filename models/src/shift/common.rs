//! What many series do at once: the returns of a whole category against its baseline of late, as a festival or a sale moves them.
//!
//! A factor on what is expected of lines delivered now, so that a season is nobody's anomaly. It believes slowly and shrinks to one; for a category's own
//! series it must not be used, or a category could never be anomalous.

use bitcode::{Decode, Encode};

/// Days after which half is forgotten.
const DAYS: f64 = 10.0;
/// Expected returns that "as ever" is worth.
const STRENGTH: f64 = 200.0;

/// Observed against expected arrivals of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct Common {
    observed: f64,
    expected: f64,
}

impl Common {
    /// Hears of one day: returns requested, and as many as were expected without this factor.
    pub fn observe(&mut self, observed: f64, expected: f64) {
        let keep = (-1.0 / DAYS).exp2();
        self.observed = self.observed * keep + observed;
        self.expected = self.expected * keep + expected;
    }

    /// The factor, about one.
    #[must_use]
    pub fn factor(&self) -> f64 {
        (self.observed + STRENGTH) / (self.expected + STRENGTH)
    }
}
