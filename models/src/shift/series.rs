//! What is kept of one series: what was delivered and what came back of it, by delivery day, for sixty days, and a fading history before them.
//!
//! Counts lines, not pieces: the pieces of a line come back together. Holds no key and no category: whoever owns it knows both.

use std::collections::VecDeque;
use std::sync::LazyLock;

use bitcode::{Decode, Encode};

use super::{GROUPS, WINDOW_DAYS};

/// Days after which half of the history is forgotten.
const HISTORY_DAYS: f64 = 180.0;

/// Share of the returns that have come by age, in days since the delivery; one beyond the last age.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    share: Vec<f32>,
}

impl Curve {
    /// From shares by age 0, 1, 2, ... days, not falling, the last one about one.
    #[must_use]
    pub fn new(share: &[f64]) -> Self {
        Self {
            share: share.iter().map(|&s| s.clamp(0.0, 1.0) as f32).collect(),
        }
    }

    /// The curve of a series that holds goods of several: weights need not add up to one.
    #[must_use]
    pub fn blend<'a>(parts: impl IntoIterator<Item = (f64, &'a Self)>) -> Self {
        let mut share = [0.0_f64; WINDOW_DAYS as usize + 1];
        let mut sum = 0.0;
        for (weight, curve) in parts {
            sum += weight;
            let known = curve.share.len().min(share.len());
            let (within, beyond) = share.split_at_mut(known);
            for (s, of) in within.iter_mut().zip(&curve.share) {
                *s += weight * f64::from(*of);
            }
            for s in beyond {
                *s += weight;
            }
        }
        Self {
            share: share
                .into_iter()
                .map(|s| if sum > 0.0 { (s / sum) as f32 } else { 1.0 })
                .collect(),
        }
    }

    /// Share that has come at an age.
    #[inline]
    #[must_use]
    pub fn at(&self, age: i32) -> f32 {
        usize::try_from(age).map_or(0.0, |age| self.share.get(age).copied().unwrap_or(1.0))
    }
}

/// The lines delivered on one day.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Cohort {
    /// Delivery day.
    pub day: i32,
    /// Returns that would ever come at the baseline: the sum of the lines' probabilities.
    pub expected: f32,
    /// Returns so far, by reason group.
    pub returned: [u16; GROUPS],
}

/// Expected and observed returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct Tally {
    /// Expected at the baseline.
    pub expected: f64,
    /// Observed, by reason group.
    pub observed: [f64; GROUPS],
}

impl Tally {
    /// Observed in all groups.
    #[must_use]
    pub fn all(&self) -> f64 {
        self.observed.iter().sum()
    }
}

/// What is left of the history after so many days. Asked for each series that is touched, so reckoned once for each number of days.
fn faded(days: i32) -> f64 {
    static FADED: LazyLock<[f64; 128]> = LazyLock::new(|| std::array::from_fn(|days| reckoned(days as i32)));
    fn reckoned(days: i32) -> f64 {
        (-f64::from(days) / HISTORY_DAYS).exp2()
    }
    let known = usize::try_from(days).ok().and_then(|days| FADED.get(days));
    known.copied().unwrap_or_else(|| reckoned(days))
}

/// One series.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Series {
    pub(super) cohorts: VecDeque<Cohort>,
    /// Cohorts that left the window, fading.
    pub(super) history: Tally,
    /// Expected by reason group, fading; only the proportions are used.
    pub(super) mix: [f32; GROUPS],
    today: i32,
    /// Delivery days that are no baseline: an anomaly's.
    held: Option<(i32, i32)>,
}

impl Series {
    /// Lines were delivered. `expected` is the sum of their probabilities of ever coming back at the baseline as known on that day, `mix` the baseline
    /// shares of the reason groups. The order of calls is free within the window; what is older counts as history.
    pub fn delivered(&mut self, day: i32, expected: f64, mix: &[f32; GROUPS]) {
        for (sum, share) in self.mix.iter_mut().zip(mix) {
            *sum += share * expected as f32;
        }
        if let Some(at) = self.place(day) {
            self.cohorts[at].expected += expected as f32;
        } else {
            self.history.expected += expected;
        }
    }

    /// Several lines at once, as [`Series::delivered`]: `mix` is the sum of what is expected by reason group.
    pub fn delivered_together(&mut self, day: i32, expected: f64, mix: &[f32; GROUPS]) {
        for (sum, more) in self.mix.iter_mut().zip(mix) {
            *sum += more;
        }
        if let Some(at) = self.place(day) {
            self.cohorts[at].expected += expected as f32;
        } else {
            self.history.expected += expected;
        }
    }

    /// Of the lines delivered on a day, `lines` more came back. Groups beyond the last count as the last.
    pub fn returned(&mut self, delivered: i32, group: usize, lines: u16) {
        let group = group.min(GROUPS - 1);
        if let Some(at) = self.place(delivered) {
            let count = &mut self.cohorts[at].returned[group];
            *count = count.saturating_add(lines);
        } else {
            self.history.observed[group] += f64::from(lines);
        }
    }

    /// Moves to a day: cohorts that leave the window become history. Days may be left out: the next one makes up for them, so that a series costs nothing
    /// on days on which nobody looks at it.
    pub fn advance(&mut self, today: i32) {
        let days = today - self.today;
        if days <= 0 {
            return;
        }
        if self.today > 0 {
            let keep = faded(days);
            self.history.expected *= keep;
            self.history.observed.iter_mut().for_each(|n| *n *= keep);
            self.mix.iter_mut().for_each(|n| *n *= keep as f32);
        }
        self.today = today;
        while self.cohorts.front().is_some_and(|c| c.day <= today - WINDOW_DAYS) {
            let Some(old) = self.cohorts.pop_front() else {
                break;
            };
            if !self.held.is_some_and(|(from, to)| (from..to).contains(&old.day)) {
                let keep = faded(today - WINDOW_DAYS - old.day);
                self.history.expected += keep * f64::from(old.expected);
                for (sum, &n) in self.history.observed.iter_mut().zip(&old.returned) {
                    *sum += keep * f64::from(n);
                }
            }
        }
    }

    /// Reads what [`Series::advance`] and what follows it begin with. Asked for some series ahead, it is at hand by then; the answer means nothing.
    #[inline]
    #[must_use]
    pub fn touch(&self) -> i32 {
        self.cohorts
            .back()
            .map_or(self.today, |last| last.day ^ self.today)
    }

    /// Deliveries in `from..to` never become baseline: they belong to an anomaly. With `i32::MAX` as long as it is open.
    pub const fn hold(&mut self, from: i32, to: i32) {
        self.held = Some((from, to));
    }

    /// Expected returns of the window: how much of it there is to see. Follows from deliveries alone, so a share of the level may go by it.
    #[must_use]
    pub fn volume(&self) -> f64 {
        self.cohorts.iter().map(|c| f64::from(c.expected)).sum()
    }

    /// Returns of the window so far.
    #[must_use]
    pub fn seen(&self) -> f64 {
        self.cohorts.iter().flat_map(|c| c.returned).map(f64::from).sum()
    }

    /// The last delivery day of the window.
    #[must_use]
    pub fn last(&self) -> Option<i32> {
        self.cohorts.back().map(|cohort| cohort.day)
    }

    /// The cohorts of the window, oldest first.
    pub fn cohorts(&self) -> impl Iterator<Item = &Cohort> {
        self.cohorts.iter()
    }

    /// The fading history before the window.
    #[must_use]
    pub const fn history(&self) -> &Tally {
        &self.history
    }

    /// Baseline shares of the reason groups: they add up to one.
    #[must_use]
    pub fn shares(&self) -> [f64; GROUPS] {
        let sum: f64 = self.mix.iter().map(|&m| f64::from(m)).sum();
        self.mix.map(|m| {
            if sum > 0.0 {
                f64::from(m) / sum
            } else {
                1.0 / GROUPS as f64
            }
        })
    }

    /// Expected by now and observed of the lines delivered in `from..to`, within the window.
    #[must_use]
    pub fn since(&self, from: i32, to: i32, today: i32, curve: &Curve) -> Tally {
        let mut tally = Tally::default();
        for c in self.cohorts.iter().filter(|c| (from..to).contains(&c.day)) {
            tally.expected += f64::from(c.expected) * f64::from(curve.at(today - c.day));
            for (sum, &n) in tally.observed.iter_mut().zip(&c.returned) {
                *sum += f64::from(n);
            }
        }
        tally
    }

    /// This series less some lines: for what known anomalies leave unexplained. Each line is its delivery day, its expectation and, if it came back,
    /// the reason group.
    #[must_use]
    pub fn without(&self, lines: impl IntoIterator<Item = (i32, f64, Option<usize>)>) -> Self {
        let mut rest = self.clone();
        for (day, expected, returned) in lines {
            let Ok(at) = rest.cohorts.binary_search_by_key(&day, |c| c.day) else {
                continue;
            };
            let cohort = &mut rest.cohorts[at];
            cohort.expected = (cohort.expected - expected as f32).max(0.0);
            if let Some(group) = returned {
                let count = &mut cohort.returned[group.min(GROUPS - 1)];
                *count = count.saturating_sub(1);
            }
        }
        rest.cohorts.retain(|c| c.expected > 1e-6);
        rest
    }

    /// This series less sums of lines: by delivery day what was expected of them, and what came back of them by reason group.
    #[must_use]
    pub fn less(&self, days: impl IntoIterator<Item = (i32, f64, [u32; GROUPS])>) -> Self {
        let mut rest = self.clone();
        for (day, expected, returned) in days {
            let Ok(at) = rest.cohorts.binary_search_by_key(&day, |c| c.day) else {
                continue;
            };
            let cohort = &mut rest.cohorts[at];
            let left = f64::from(cohort.expected) - expected;
            // What is left of a day of which nothing is left is rounding.
            cohort.expected = if left < 1e-5 * expected { 0.0 } else { left as f32 };
            for (count, n) in cohort.returned.iter_mut().zip(returned) {
                *count = count.saturating_sub(u16::try_from(n).unwrap_or(u16::MAX));
            }
        }
        rest.cohorts.retain(|c| c.expected > 1e-6);
        rest
    }

    /// This series less all lines delivered in `from..to`.
    #[must_use]
    pub fn clear(&self, from: i32, to: i32) -> Self {
        let mut rest = self.clone();
        rest.cohorts.retain(|c| !(from..to).contains(&c.day));
        rest
    }

    /// Where the cohort of a day is or now is; `None` before the window.
    fn place(&mut self, day: i32) -> Option<usize> {
        if self.today > 0 && day <= self.today - WINDOW_DAYS {
            return None;
        }
        let empty = Cohort {
            day,
            expected: 0.0,
            returned: [0; GROUPS],
        };
        match self.cohorts.back() {
            Some(last) if last.day == day => return Some(self.cohorts.len() - 1),
            Some(last) if last.day > day => {}
            _ => {
                self.cohorts.push_back(empty);
                return Some(self.cohorts.len() - 1);
            }
        }
        match self.cohorts.binary_search_by_key(&day, |c| c.day) {
            Ok(at) => Some(at),
            Err(at) => {
                self.cohorts.insert(at, empty);
                Some(at)
            }
        }
    }
}
