//! How much there is to see: expected returns of the window by dimension, how many series have any, and which of them have much. Kept as lines are told, so
//! that a day's close asks only the series that may alarm.

use std::collections::BTreeSet;

use bitcode::{Decode, Encode};
use eddy_models::shift::WINDOW_DAYS;
use eddy_models::shift::evidence::LEAST_FALL;
use eddy_models::shift::series::Series;

use super::lines::WATCHED;

/// A figure for each day of the window, which ends at `until`.
#[derive(Clone, Debug, Encode, Decode)]
struct Days<T> {
    until: i32,
    slots: [T; WINDOW_DAYS as usize],
}

impl<T: Copy + Default> Default for Days<T> {
    fn default() -> Self {
        Self {
            until: i32::MIN,
            slots: [T::default(); WINDOW_DAYS as usize],
        }
    }
}

impl<T: Copy + Default> Days<T> {
    /// Moves the window to end at `today`.
    fn advance(&mut self, today: i32) {
        for day in self.until.saturating_add(1).max(today - WINDOW_DAYS + 1)..=today {
            *self.of(day) = T::default();
        }
        self.until = self.until.max(today);
    }

    /// The figure of a day of the window.
    fn of(&mut self, day: i32) -> &mut T {
        &mut self.slots[day.rem_euclid(WINDOW_DAYS) as usize]
    }

    /// All figures, the oldest day first.
    fn all(&self) -> impl Iterator<Item = T> {
        let first = self.until.saturating_add(1).rem_euclid(WINDOW_DAYS) as usize;
        let (late, early) = self.slots.split_at(first);
        early.iter().chain(late).copied()
    }
}

/// The sums.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Volumes {
    /// Expected returns by day of delivery.
    expected: [Days<f64>; WATCHED],
    /// Series by their last day of delivery.
    last: Days<u32>,
    /// Series of [`LEAST_FALL`] expected returns and more, when they were last looked at.
    large: BTreeSet<u32>,
}

impl Volumes {
    /// Moves the window to end at `today`, before anything is told of that day.
    pub(crate) fn advance(&mut self, today: i32) {
        self.expected.iter_mut().for_each(|days| days.advance(today));
        self.last.advance(today);
    }

    /// Tells a series, which is known as `large` or not, of a delivered line, and notes it.
    pub(crate) fn deliver(
        &mut self,
        (series, large): (&mut Series, &mut bool),
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
                    let of = self.last.of(day);
                    *of = of.saturating_add_signed(by);
                }
            }
        }
        if day > today - WINDOW_DAYS {
            *self.expected[dimension].of(day) += mass;
        }
        if !*large && series.volume() >= LEAST_FALL {
            *large = true;
            self.large.insert(number);
        }
    }

    /// A line of a series of a dimension is expected to bring so many more.
    pub(crate) fn restate(&mut self, dimension: usize, day: i32, more: f64) {
        let of = &mut self.expected[dimension];
        if day > of.until - WINDOW_DAYS {
            *of.of(day) += more;
        }
    }

    /// Expected returns of the window, of each dimension.
    pub(crate) fn of_dimensions(&self) -> [f64; WATCHED] {
        std::array::from_fn(|at| self.expected[at].all().sum())
    }

    /// Series with any.
    pub(crate) fn series(&self) -> u32 {
        self.last.all().sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_window_is_forgotten_and_the_rest_stands_in_the_order_of_days() {
        let mut days = Days::<u32>::default();
        for today in 100..170 {
            days.advance(today);
            *days.of(today) += today as u32;
        }
        assert!(days.all().eq(110..170));
        days.advance(228);
        let left: Vec<u32> = days.all().filter(|of| *of > 0).collect();
        assert_eq!(left, [169]);
        days.advance(1_000);
        assert_eq!(days.all().sum::<u32>(), 0);
    }
}
