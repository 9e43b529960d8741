//! How long the inspection desk of each facility takes as a rule: the days after which a line should long have been inspected, and the share that is not.
//!
//! Learned from lines inspected a month ago and before, so that a desk that slows down does not make its slowness the rule before anybody noticed.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};

/// Days of waiting that are told apart.
const DAYS: usize = 31;
/// Days by which a desk learns behind.
const LAG: i32 = 30;
/// Share of lines that may wait longer than the term.
const TAIL: f64 = 0.02;
/// Days beyond that which make a backlog: queues have their busy weeks.
const GRACE: i32 = 2;
/// Fewest and most days of a term.
const LEAST: i32 = 2;
const MOST: i32 = 21;
/// Lines that the assumption counts for: three days for most.
const ASSUMED: f64 = 20.0;
/// Least share that is expected to wait: some goods are never looked at.
const FORGOTTEN: f64 = 0.01;
/// Days after which half is forgotten.
const HALF_DAYS: f64 = 60.0;

#[derive(Clone, Debug, Default, Encode, Decode)]
struct Desk {
    /// Lines by days of waiting.
    usual: [f32; DAYS],
    /// The same by day of inspection, of the last month.
    late: BTreeMap<i32, BTreeMap<u8, u32>>,
    /// Days within which nothing is learned: a case's.
    held: Option<(i32, i32)>,
}

/// All desks, by number of the facility.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Desks {
    desks: BTreeMap<u32, Desk>,
}

impl Desks {
    /// A line that was received on one day was inspected on another.
    pub(super) fn inspected(&mut self, facility: u32, received: i32, on: i32) {
        let days = u8::try_from((on - received).clamp(0, DAYS as i32 - 1)).unwrap_or(0);
        let desk = self.desks.entry(facility).or_default();
        *desk.late.entry(on).or_default().entry(days).or_default() += 1;
    }

    /// Lines received from a day until another belong to a case.
    pub(super) fn hold(&mut self, facility: u32, from: i32, to: i32) {
        self.desks.entry(facility).or_default().held = Some((from, to));
    }

    /// Closes a day.
    pub(super) fn close(&mut self, today: i32) {
        let keep = (-1.0 / HALF_DAYS).exp2() as f32;
        for desk in self.desks.values_mut() {
            desk.usual.iter_mut().for_each(|lines| *lines *= keep);
            while let Some(first) = desk.late.first_entry().filter(|of| *of.key() <= today - LAG) {
                let (on, lines) = first.remove_entry();
                for (days, lines) in lines {
                    let received = on - i32::from(days);
                    if !desk.held.is_some_and(|(from, to)| (from..to).contains(&received)) {
                        desk.usual[usize::from(days)] += lines as f32;
                    }
                }
            }
        }
    }

    /// Days after which nearly every line was inspected so far, and the share that was not.
    pub(super) fn term(&self, facility: u32) -> (i32, f64) {
        let assumed = |days: usize| match days {
            0..=2 => ASSUMED * 0.31,
            3..=6 => ASSUMED * 0.0175,
            _ => 0.0,
        };
        let desk = self.desks.get(&facility);
        let lines: Vec<f64> = (0..DAYS)
            .map(|days| assumed(days) + desk.map_or(0.0, |desk| f64::from(desk.usual[days])))
            .collect();
        let sum: f64 = lines.iter().sum();
        let mut rest = sum;
        for (days, n) in (0_i32..).zip(&lines) {
            rest -= n;
            let share = (rest / sum).max(0.0);
            if (days >= LEAST && share <= TAIL) || days == MOST {
                return (days + GRACE, share.max(FORGOTTEN));
            }
        }
        (MOST + GRACE, FORGOTTEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_that_takes_a_week_is_given_a_week_a_month_later() {
        let mut desks = Desks::default();
        let unknown = desks.term(1).0;
        for day in 0..90 {
            for days in 3..8 {
                desks.inspected(1, day - days, day);
                desks.inspected(1, day - days, day);
            }
            desks.close(day);
            if day == 29 {
                assert_eq!(desks.term(1).0, unknown, "learns a month behind");
            }
        }
        assert_eq!(desks.term(1).0, 7 + GRACE);
        assert_eq!(desks.term(2).0, unknown, "another desk");
    }

    #[test]
    fn what_a_case_explains_is_no_rule() {
        let mut desks = Desks::default();
        for day in 0..60 {
            for _ in 0..10 {
                desks.inspected(1, day - 1, day);
            }
            desks.close(day);
        }
        let before = desks.term(1);
        desks.hold(1, 59, i32::MAX);
        for day in 60..130 {
            for _ in 0..10 {
                desks.inspected(1, (day - 9).max(59), day);
            }
            desks.close(day);
        }
        assert_eq!(desks.term(1).0, before.0);
    }
}
