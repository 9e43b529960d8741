//! How long the inspection desk of each facility takes as a rule: the days after which a line should long have been inspected, and the share that is not; and, since a long queue excuses
//! neither, the time from one line to the next while another waits.
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
/// Bins of the time from one line to the next: the first is a minute, each of the others a quarter longer than the one before, the last all beyond three weeks.
const BINS: usize = 48;
const FIRST: f64 = 6e7;
const LONGER: f64 = 1.25;
/// Share of lines that may take longer than a desk's pace.
const SLOW: f64 = 0.1;
/// Bins beyond its pace from which a desk is slow: about half as long again, and more.
const APART: usize = 2;
/// Least share of them that is expected, and lines from which a desk has a pace.
const SLOW_AT_LEAST: f64 = 0.02;
const PACED: f64 = 20.0;
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
    /// Lines by the bin of their pace, apart where no night lay between and where one did: desks rest at night.
    paces: [Vec<f32>; 2],
    /// The same by day of inspection, of the last month: whether a night lay between, and the bin.
    late_paces: BTreeMap<i32, BTreeMap<(bool, u8), u32>>,
    /// When the last line was inspected, and on which day.
    last: Option<(i64, i32)>,
}

/// The bin of a time in microseconds.
fn bin(took: i64) -> u8 {
    let bins = ((took.max(1) as f64 / FIRST).ln() / LONGER.ln()).ceil();
    bins.clamp(0.0, BINS as f64 - 1.0) as u8
}

impl Desk {
    /// The bin in which the pace lies, and the share of lines that take longer than what is slow.
    fn pace(&self, night: bool) -> Option<(usize, f64)> {
        let paces = &self.paces[usize::from(night)];
        let sum: f64 = paces.iter().copied().map(f64::from).sum();
        if sum < PACED {
            return None;
        }
        let beyond = |bin: usize| paces[bin + 1..].iter().copied().map(f64::from).sum::<f64>() / sum;
        let pace = (0..BINS - APART).find(|bin| beyond(*bin) <= SLOW)?;
        Some((pace, beyond((pace + APART).min(BINS - 1)).max(SLOW_AT_LEAST)))
    }
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

    /// A line that was received at one time was inspected at another, after all that were told before. Where it waited when the one before was done: whether the desk was slow with it, and the
    /// share of lines with which it is so as a rule, once that is known.
    pub(super) fn paced(
        &mut self,
        facility: u32,
        (received, inspected): (i64, i64),
        day: i32,
    ) -> Option<(bool, f64)> {
        let desk = self.desks.entry(facility).or_default();
        let now = (inspected, day);
        let (before, day_before) = desk.last.replace(desk.last.map_or(now, |last| last.max(now)))?;
        if received >= before || inspected <= before {
            return None;
        }
        let (night, bin) = (day_before != day, bin(inspected - before));
        let lines = desk.late_paces.entry(day).or_default();
        *lines.entry((night, bin)).or_default() += 1;
        let (pace, share) = desk.pace(night)?;
        Some((usize::from(bin) > pace + APART, share))
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
            desk.paces.iter_mut().flatten().for_each(|lines| *lines *= keep);
            while let Some(first) = desk
                .late_paces
                .first_entry()
                .filter(|of| *of.key() <= today - LAG)
            {
                let (on, lines) = first.remove_entry();
                if desk.held.is_some_and(|(from, to)| (from..to).contains(&on)) {
                    continue;
                }
                for ((night, bin), lines) in lines {
                    let paces = &mut desk.paces[usize::from(night)];
                    paces.resize(BINS, 0.0);
                    paces[usize::from(bin)] += lines as f32;
                }
            }
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
    fn a_line_takes_a_desk_as_long_as_the_one_before_was_done_whatever_the_queue() {
        const HOUR: i64 = 3_600_000_000;
        let mut desks = Desks::default();
        let (mut at, mut closed, mut slow) = (0, 0, Vec::new());
        for line in 0..555_i64 {
            // Three hours a line, four days behind; from the five hundredth on twelve. That is learned a month later.
            at += if line < 500 { 3 } else { 12 } * HOUR;
            let day = (at / (24 * HOUR)) as i32;
            let told = desks.paced(1, (at - 96 * HOUR, at), day);
            if let Some((is_slow, share)) = told {
                assert!(
                    share <= SLOW && is_slow == (line >= 500),
                    "line {line}: {is_slow} {share}"
                );
                slow.push(is_slow);
            }
            if day > closed {
                closed = day;
                desks.close(day - 1);
            }
        }
        assert!(slow.len() > 200 && slow.iter().filter(|slow| **slow).count() == 55);
        assert_eq!(
            desks.paced(1, (at + HOUR, at + 30 * HOUR), 60),
            None,
            "the desk had nothing to do"
        );
        assert_eq!(desks.paced(2, (0, HOUR), 60), None, "another desk");
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
