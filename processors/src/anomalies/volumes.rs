//! How much there is to see: expected returns of the window by dimension, how many series have any, and which of them have much. Kept as lines are told, so
//! that a day's close asks only the series that may alarm.

use std::collections::{BTreeMap, BTreeSet};

use bitcode::{Decode, Encode};
use eddy_models::shift::WINDOW_DAYS;
use eddy_models::shift::evidence::LEAST_FALL;
use eddy_models::shift::series::Series;

use super::lines::WATCHED;

/// The sums.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Volumes {
    /// Expected returns by day of delivery.
    expected: [BTreeMap<i32, f64>; WATCHED],
    /// Series by their last day of delivery.
    last: BTreeMap<i32, u32>,
    /// Series of [`LEAST_FALL`] expected returns and more, when they were last looked at.
    large: BTreeSet<u32>,
}

impl Volumes {
    /// Tells a series of a delivered line, and notes it. The series stands at the end of `today`.
    pub(crate) fn deliver(
        &mut self,
        series: &mut Series,
        (number, dimension): (u32, usize),
        (today, day): (i32, i32),
        tell: impl FnOnce(&mut Series) -> f64,
    ) {
        series.advance(today);
        let before = series.last();
        let mass = tell(series);
        let after = series.last();
        if before != after {
            for (day, by) in [(before, -1), (after, 1)] {
                if let Some(day) = day {
                    let of = self.last.entry(day).or_default();
                    *of = of.saturating_add_signed(by);
                }
            }
        }
        if day > today - WINDOW_DAYS {
            *self.expected[dimension].entry(day).or_default() += mass;
        }
        if !self.large.contains(&number) && series.volume() >= LEAST_FALL {
            self.large.insert(number);
        }
    }

    /// Forgets what leaves the window at the end of `today`.
    pub(crate) fn advance(&mut self, today: i32) {
        for days in &mut self.expected {
            days.retain(|day, _| *day > today - WINDOW_DAYS);
        }
        self.last.retain(|day, _| *day > today - WINDOW_DAYS);
    }

    /// Expected returns of the window, of each dimension.
    pub(crate) fn of_dimensions(&self) -> [f64; WATCHED] {
        std::array::from_fn(|at| self.expected[at].values().sum())
    }

    /// Series with any.
    pub(crate) fn series(&self) -> u32 {
        self.last.values().sum()
    }

    /// Series with much, in order.
    pub(crate) fn large(&self) -> impl Iterator<Item = u32> {
        self.large.iter().copied()
    }

    /// A series has less now.
    pub(crate) fn is_small(&mut self, number: u32) {
        self.large.remove(&number);
    }
}
