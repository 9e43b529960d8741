//! How long it takes until a return is known, by category, in days of the calendar: from the day of delivery to the day at whose close it is known.
//!
//! The watch holds what came by a day's close against what should have come by then, so it learns its curves from just that. The curves of the rates are of elapsed time, as
//! though what is delivered in the course of a day were asked back in the course of one; where parcels come by day and are asked back in the evening, a cohort is half a
//! day ahead of them, which for a courier of thousands of lines a day is as loud as a shift.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_models::delay::{AGES, Curve};
use eddy_models::shift::{self, WINDOW_DAYS};

/// Sums of one category, or of all.
#[derive(Clone, Debug, Encode, Decode)]
struct Delay {
    /// Lines by day of delivery, and those that are older than any age told apart.
    delivered: BTreeMap<i32, u64>,
    older: u64,
    /// Lines that came back, by days until that was known.
    returned: [u64; AGES],
}

impl Default for Delay {
    fn default() -> Self {
        Self {
            delivered: BTreeMap::new(),
            older: 0,
            returned: [0; AGES],
        }
    }
}

impl Delay {
    /// Lines by the days of age that have ended for them, at the end of `today`.
    #[allow(clippy::cast_precision_loss)]
    fn watched(&mut self, today: i32) -> [f64; AGES] {
        let age = |day: i32| usize::try_from(today - day).unwrap_or(0);
        while let Some(first) = self.delivered.first_entry().filter(|of| age(*of.key()) >= AGES) {
            self.older += first.remove();
        }
        let mut watched = [0.0; AGES];
        for (day, lines) in &self.delivered {
            watched[age(*day)] += *lines as f64;
        }
        let mut sum = self.older as f64;
        for of in watched.iter_mut().rev() {
            sum += *of;
            *of = sum;
        }
        watched
    }
}

/// The sums, by symbol of the category.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Delays(BTreeMap<u32, Delay>);

impl Delays {
    /// Lines were delivered.
    pub(crate) fn delivered(&mut self, category: u32, day: i32, lines: u32) {
        let of = &mut self.0.entry(category).or_default().delivered;
        *of.entry(day).or_default() += u64::from(lines);
    }

    /// A line came back so many days after its delivery.
    pub(crate) fn returned(&mut self, category: u32, days: i32) {
        let days = usize::try_from(days).unwrap_or(0).min(AGES - 1);
        self.0.entry(category).or_default().returned[days] += 1;
    }

    /// Curves at the end of `today`.
    pub(crate) fn curves(&mut self, today: i32) -> BTreeMap<u32, shift::series::Curve> {
        let (mut returned, mut watched) = ([0; AGES], [0.0; AGES]);
        let of_each: Vec<_> = self
            .0
            .iter_mut()
            .map(|(category, delay)| (*category, delay.returned, delay.watched(today)))
            .collect();
        for (_, more, seen) in &of_each {
            returned.iter_mut().zip(more).for_each(|(sum, of)| *sum += of);
            watched.iter_mut().zip(seen).for_each(|(sum, of)| *sum += of);
        }
        let wide = Curve::fit_watched(&returned, &watched, None);
        of_each
            .into_iter()
            .map(|(category, returned, watched)| {
                let curve = Curve::fit_watched(&returned, &watched, Some(&wide));
                let shares: Vec<f64> = (0..=WINDOW_DAYS)
                    .map(|age| curve.share(f64::from(age) + 1.0))
                    .collect();
                (category, shift::series::Curve::new(&shares))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_back_in_the_evening_of_the_next_day_has_come_by_its_close() {
        let mut delays = Delays::default();
        for day in 0..100 {
            delays.delivered(1, day, 500);
            // Fifty ever: half on the next day, half on the third.
            (0..if day < 99 { 25 } else { 0 }).for_each(|_| delays.returned(1, 1));
            (0..if day < 97 { 25 } else { 0 }).for_each(|_| delays.returned(1, 3));
        }
        let curve = &delays.curves(99)[&1];
        let near = |age: i32, share: f32| (curve.at(age) - share).abs() < 0.02;
        assert!(
            near(0, 0.0) && near(1, 0.5) && near(2, 0.5) && near(3, 1.0),
            "{curve:?}"
        );
    }
}
