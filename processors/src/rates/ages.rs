//! How long returns take, by category: sums that a delay curve is learned from.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_models::delay::{AGES, Curve};

use super::sold::Sold;

/// What counts as come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Basis {
    /// Asked back.
    Requested,
    /// Arrived at a facility.
    Received,
}

impl Basis {
    pub(crate) const ALL: [Self; 2] = [Self::Requested, Self::Received];

    /// The word of the tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Received => "received",
        }
    }
}

/// Pieces by age, and delivered by day. Integers, so that lines may be put in and taken out in any order.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Ages {
    delivered: BTreeMap<i32, i64>,
    /// By basis and whole days since delivery, older ones in the last.
    returned: [[i64; AGES]; 2],
}

impl Default for Ages {
    fn default() -> Self {
        Self {
            delivered: BTreeMap::new(),
            returned: [[0; AGES]; 2],
        }
    }
}

impl Ages {
    /// Puts a line in (1) or takes it out (-1).
    pub(crate) fn add(&mut self, sold: &Sold, sign: i64) {
        let of = self.delivered.entry(sold.delivered_on).or_default();
        *of += sign * i64::from(sold.delivered);
        if *of == 0 {
            self.delivered.remove(&sold.delivered_on);
        }
        let of = [
            (sold.requested, sold.requested_age),
            (sold.received, sold.received_age),
        ];
        for (bins, (pieces, age)) in self.returned.iter_mut().zip(of) {
            if let Some(age) = age {
                bins[usize::from(age).min(AGES - 1)] += sign * i64::from(pieces);
            }
        }
    }

    /// Pieces delivered on each of `days`.
    pub(crate) fn delivered_on(&self, days: std::ops::RangeInclusive<i32>) -> Vec<u32> {
        let mut counts = vec![0; usize::try_from(days.end() - days.start() + 1).unwrap_or(0)];
        for (day, pieces) in self.delivered.range(days.clone()) {
            counts[(day - days.start()) as usize] = u32::try_from(*pieces).unwrap_or(0);
        }
        counts
    }

    /// Whether no line is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.delivered.is_empty()
    }

    /// What curves are learned from at the end of `day`.
    pub(crate) fn exposed(&self, day: i32) -> Exposed {
        let mut by_age = [0; AGES];
        for (on, pieces) in self.delivered.range(..=day) {
            let age = usize::try_from(i64::from(day) - i64::from(*on)).unwrap_or(0);
            by_age[age.min(AGES - 1)] += pieces;
        }
        Exposed {
            by_age,
            returned: self.returned,
        }
    }
}

/// Pieces by age, of one category or of several.
#[derive(Clone, Debug)]
pub(crate) struct Exposed {
    /// Delivered, as old as that, older ones in the last.
    by_age: [i64; AGES],
    returned: [[i64; AGES]; 2],
}

impl Default for Exposed {
    fn default() -> Self {
        Self {
            by_age: [0; AGES],
            returned: [[0; AGES]; 2],
        }
    }
}

impl Exposed {
    /// Adds all of another category.
    pub(crate) fn merge(&mut self, other: &Self) {
        let bins = self.by_age.iter_mut().zip(&other.by_age);
        for (bin, other) in bins.chain(
            self.returned
                .iter_mut()
                .flatten()
                .zip(other.returned.iter().flatten()),
        ) {
            *bin += other;
        }
    }

    /// The curve of a basis.
    pub(crate) fn curve(&self, basis: Basis, prior: Option<&Curve>) -> Curve {
        let count = |pieces: i64| u64::try_from(pieces).unwrap_or(0);
        let returned = self.returned[basis as usize].map(count);
        let mut at_risk = self.by_age.map(count);
        // At least so old: what is older was as old once.
        let mut older = 0;
        for at in at_risk.iter_mut().rev() {
            *at += older;
            older = *at;
        }
        Curve::fit(&returned, &at_risk, prior)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sold(day: i32, delivered: u32, back: Option<u16>) -> Sold {
        Sold {
            delivered_on: day,
            delivered,
            requested: back.map_or(0, |_| 1),
            requested_age: back,
            ..Sold::default()
        }
    }

    #[test]
    fn a_line_put_in_and_taken_out_leaves_nothing() {
        let mut ages = Ages::default();
        ages.add(&sold(100, 1, Some(3)), 1);
        assert_ne!(ages, Ages::default());
        ages.add(&sold(100, 1, Some(3)), -1);
        assert_eq!(ages, Ages::default());
    }

    #[test]
    fn what_is_too_young_to_have_come_back_is_not_held_against_the_rate() {
        let mut ages = Ages::default();
        for line in 0..1_000 {
            // One in ten comes back on its fifth day; half of all were delivered yesterday, and could not yet.
            ages.add(&sold(0, 1, (line % 10 == 0).then_some(4)), 1);
            ages.add(&sold(99, 1, None), 1);
        }
        let curve = ages.exposed(100).curve(Basis::Requested, None);
        assert!((curve.ever - 0.1).abs() < 0.003, "{}", curve.ever);
        assert!(curve.share(3.0) < 0.1 && curve.share(5.0) > 0.9);
    }
}
