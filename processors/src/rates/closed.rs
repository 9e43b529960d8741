//! How a closed day leaves one value of one dimension: its rate of the last 90 days of delivery, how sure it is, and what it is held against.
//!
//! Figures are as of the end of the day and follow from sums alone; nothing is carried from one day to the next.

use bitcode::{Decode, Encode};
use eddy_models::nowcast::{Cohort, Nowcast, nowcast};
use eddy_models::shrinkage::{Evidence, Prior};

use super::level::GROUPS;
use crate::interner::NO_SYMBOL;

/// Days of delivery that a rate of now looks back on.
pub(crate) const WINDOW: i32 = 90;
/// Days of delivery that its trend tells from those before.
pub(crate) const LATE: i32 = 28;
/// Units that the past of a value counts for about its next cohort: one month of an article differs from the next.
const NEXT_COHORT: f64 = 800.0;

/// What was delivered in some days, as it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sum {
    pub(crate) delivered: i64,
    pub(crate) requested: i64,
    pub(crate) value_minor: i64,
    pub(crate) requested_value_minor: i64,
    /// Delivered x maturity.
    pub(crate) exposure: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.requested += other.requested;
        self.value_minor += other.value_minor;
        self.requested_value_minor += other.requested_value_minor;
        self.exposure += other.exposure;
    }

    #[allow(clippy::cast_precision_loss)]
    fn cohort(&self, clump: f64) -> Cohort {
        Cohort {
            delivered: self.delivered.max(0) as f64,
            returned: self.requested.max(0) as f64,
            exposure: self.exposure,
            clump,
        }
    }

    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn evidence(&self) -> Evidence {
        Evidence {
            returned: self.requested.max(0) as f64,
            exposure: self.exposure,
        }
    }
}

/// The rings of one value, added up over its categories.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// All that was seen.
    pub(crate) ever: Evidence,
    /// Of it, what has come nearly whole: no cohort that is still to speak is in it.
    pub(crate) matured: Evidence,
    pub(crate) window: Sum,
    /// The last [`LATE`] days of the window.
    pub(crate) late: Sum,
    /// What as many lines of the same categories would bring, over the window: the rate is the peers'.
    pub(crate) peers: f64,
    /// Pieces asked back, of all time, by group of the reason.
    pub(crate) groups: [i64; GROUPS],
}

/// How a day left it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Closed {
    /// The day, by whose end all of it is.
    pub(crate) day: i32,
    /// Symbols of its category, where it lies in one, and of an article's style.
    pub(crate) category: u32,
    pub(crate) style: u32,
    /// Place of the group of reasons most often given, and its share of the pieces asked back; `None` when none was.
    pub(crate) top: Option<(u8, f64)>,
    pub(crate) delivered: i64,
    pub(crate) requested: i64,
    pub(crate) value_minor: i64,
    pub(crate) requested_value_minor: i64,
    pub(crate) maturity: f64,
    pub(crate) adjusted: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) propensity: f64,
    pub(crate) propensity_lower: f64,
    pub(crate) propensity_upper: f64,
    /// Rate of its peers: of its category, or of the mix of categories.
    pub(crate) peers: f64,
    /// Adjusted rate of the last 28 days less that of the 62 before, as a share; `None` where either had no delivery.
    pub(crate) trend: Option<f64>,
    /// Belief about a cohort of it that has not spoken.
    pub(crate) prior_mean: f64,
    pub(crate) prior_strength: f64,
}

impl Closed {
    /// From what was seen, and what its parents lead one to believe. `None` when nothing was delivered in the window.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn of(day: i32, seen: &Seen, parents: Prior, clump: f64) -> Option<Self> {
        let window = &seen.window;
        if window.delivered <= 0 {
            return None;
        }
        let prior = parents.told(seen.matured).member(NEXT_COHORT);
        let past = parents
            .told(seen.ever.without(window.evidence()))
            .member(NEXT_COHORT);
        let rate: Nowcast = nowcast(&window.cohort(clump), &past);
        let early = Sum {
            delivered: window.delivered - seen.late.delivered,
            requested: window.requested - seen.late.requested,
            exposure: window.exposure - seen.late.exposure,
            ..Sum::default()
        };
        let trend = if seen.late.delivered > 0 && early.delivered > 0 {
            let of = |sum: &Sum| nowcast(&sum.cohort(clump), &past).adjusted;
            Some(of(&seen.late) - of(&early))
        } else {
            None
        };
        let pieces: i64 = seen.groups.iter().sum();
        // Of equals the first in the order of the contract.
        let top = (0..GROUPS).rev().max_by_key(|at| seen.groups[*at]);
        let top = top.filter(|at| seen.groups[*at] > 0);
        Some(Self {
            day,
            category: NO_SYMBOL,
            style: NO_SYMBOL,
            top: top.map(|at| (at as u8, seen.groups[at] as f64 / pieces as f64)),
            delivered: window.delivered,
            requested: window.requested,
            value_minor: window.value_minor,
            requested_value_minor: window.requested_value_minor,
            maturity: rate.maturity,
            adjusted: rate.adjusted,
            lower: rate.lower,
            upper: rate.upper,
            propensity: rate.propensity,
            propensity_lower: rate.propensity_lower,
            propensity_upper: rate.propensity_upper,
            peers: seen.peers / window.delivered as f64,
            trend,
            prior_mean: prior.mean,
            prior_strength: prior.strength,
        })
    }
}
