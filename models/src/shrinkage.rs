//! What is believed of a propensity before its own cohort speaks: the past of the article, of its style, of its category, each for what it is worth.
//!
//! A belief is a mean and a strength, the number of units it counts for: the variance of a propensity `theta` is `mean / strength` (Gamma). Two steps make any hierarchy
//! (Buehlmann and Straub 1970; Jewell 1975 for the tree):
//!
//! - [`Prior::told`]: evidence of the group itself sharpens the belief, `(m s + n) / (s + E)`, strength `s + E`;
//! - [`Prior::member`]: of a member of the group one knows less: members differ by `mean / between`, so the inverse strengths add.
//!
//! [`prior`] walks down a chain of them, widest group first, each told without what the narrower one tells: that counts once.
//!
//! ```
//! use eddy_models::shrinkage::{Evidence, Level, prior};
//!
//! let level = |returned, exposure, members| Level { evidence: Evidence::of(returned, exposure), members };
//! let belief = prior(
//!     &[
//!         level(90_000, 900_000.0, 30.0), // of all; a category differs as thirty units do
//!         level(9_000, 60_000.0, 80.0),   // of the category, all included; its styles differ less
//!         level(260, 1_300.0, 200.0),     // of the style; its articles differ less still
//!         level(30, 100.0, 500.0),        // of the article; one month of it from the next
//!     ],
//!     Evidence::of(8, 20.0), // this month, which is to speak for itself
//! );
//! assert!(belief.mean > 0.19 && belief.mean < 0.22);
//! assert!(belief.strength > 100.0 && belief.strength < 500.0);
//! ```
//!
//! How much members differ is learned by [`Spread`] and [`between`], from the sums of the members as they stand. Deliberately absent: which levels there are.

/// Rate before anything was seen, as if of one unit.
const ASSUMED: f64 = 0.1;

/// A belief about a propensity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Expected rate.
    pub mean: f64,
    /// Units (in clumps, see [`crate::nowcast::Cohort::clump`]) that it counts for.
    pub strength: f64,
}

/// What was seen of a group: returned units, and delivered units x maturity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Returned so far.
    pub returned: f64,
    /// Delivered x maturity.
    pub exposure: f64,
}

impl Evidence {
    /// Of sums.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub const fn of(returned: u64, exposure: f64) -> Self {
        Self {
            returned: returned as f64,
            exposure,
        }
    }

    /// Adds units delivered, of which `share` of the returns has come, with a weight: below one for what is old.
    pub fn add(&mut self, delivered: f64, returned: f64, share: f64, weight: f64) {
        self.returned += weight * returned;
        self.exposure += weight * delivered * share;
    }

    /// What the rest of a group says that a part is not asked for.
    #[must_use]
    pub const fn without(self, part: Self) -> Self {
        Self {
            returned: (self.returned - part.returned).max(0.0),
            exposure: (self.exposure - part.exposure).max(0.0),
        }
    }
}

/// A group on the way from all to the one in question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// What was seen of the group, that of narrower groups and of the cohort included.
    pub evidence: Evidence,
    /// Units that the group counts for about one of its members, from [`between`]; of the last level: about one cohort of it.
    pub members: f64,
}

/// What is believed of a cohort before it speaks, from groups that hold it, widest first.
#[must_use]
pub fn prior(levels: &[Level], cohort: Evidence) -> Prior {
    let narrower = levels.iter().skip(1).map(|level| level.evidence);
    let narrower = narrower.chain(std::iter::once(cohort));
    levels
        .iter()
        .zip(narrower)
        .fold(Prior::new(ASSUMED, 1.0), |belief, (level, narrower)| {
            belief
                .told(level.evidence.without(narrower))
                .member(level.members)
        })
}

impl Prior {
    /// A belief out of the blue.
    #[must_use]
    pub const fn new(mean: f64, strength: f64) -> Self {
        Self { mean, strength }
    }

    /// After evidence of the same group.
    #[must_use]
    pub fn told(self, evidence: Evidence) -> Self {
        let strength = self.strength + evidence.exposure;
        if strength <= 0.0 {
            return self;
        }
        Self {
            mean: ((self.mean * self.strength + evidence.returned) / strength).min(1.0),
            strength,
        }
    }

    /// Of one member, when members count for `between` units: infinite when all are alike.
    #[must_use]
    pub fn member(self, between: f64) -> Self {
        Self {
            mean: self.mean,
            strength: 1.0 / (1.0 / self.strength + 1.0 / between),
        }
    }
}

/// How much the members of a group differ, from their sums.
///
/// Moments after Buehlmann and Straub: between members of one propensity, `sum E (n/E - m)^2` would be `(members - 1) m (1 - m)` for chance alone; what is more is of the
/// members. Add them in any order; the sums are of floats, so a caller that must be exact to the bit adds them in one order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    members: f64,
    returned: f64,
    exposure: f64,
    exposure_squared: f64,
    returned_squared: f64,
}

impl Spread {
    /// Adds one member. One without exposure tells nothing.
    pub fn add(&mut self, member: Evidence) {
        if member.exposure <= 0.0 {
            return;
        }
        self.members += 1.0;
        self.returned += member.returned;
        self.exposure += member.exposure;
        self.exposure_squared += member.exposure * member.exposure;
        self.returned_squared += member.returned * member.returned / member.exposure;
    }

    /// Rate of all members together, nought without any.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.exposure > 0.0 {
            self.returned / self.exposure
        } else {
            0.0
        }
    }

    /// Units that the mean of the group counts for about one member, for [`Prior::member`]: [`between`] of this group alone.
    #[must_use]
    pub fn between(&self, assumed: f64) -> f64 {
        between(std::iter::once(self), assumed)
    }

    /// Squares beyond those of chance over the mean, and the exposure they are seen in.
    fn excess(&self) -> Option<(f64, f64)> {
        let mean = self.mean();
        let seen_in = self.exposure - self.exposure_squared / self.exposure;
        if self.members < 2.0 || mean <= 0.0 || seen_in <= 0.0 {
            return None;
        }
        let seen = self.returned_squared - mean * self.returned;
        let chance = (self.members - 1.0) * mean * (1.0 - mean);
        Some(((seen - chance) / mean, seen_in))
    }
}

/// Units that the mean of a group counts for about one of its members, learned over many groups (styles of each category) whose members differ around means of their own.
///
/// Few members hardly tell, so `assumed` is mixed in as if learned from ten. Kept within 5 and 100,000.
#[must_use]
pub fn between<'a>(groups: impl IntoIterator<Item = &'a Spread>, assumed: f64) -> f64 {
    let (mut members, mut excess, mut exposure) = (0.0, 0.0, 0.0);
    for group in groups {
        if let Some((more, seen_in)) = group.excess() {
            members += group.members - 1.0;
            excess += more;
            exposure += seen_in;
        }
    }
    if exposure <= 0.0 {
        return assumed;
    }
    // What adds up is the inverse of strength, the variance over the mean.
    let inverse = (members * (excess / exposure).max(0.0) + 10.0 / assumed) / (members + 10.0);
    (1.0 / inverse).clamp(5.0, 100_000.0)
}

#[cfg(test)]
#[path = "shrinkage_tests.rs"]
mod tests;
