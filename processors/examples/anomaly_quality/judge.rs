//! What an alarm is worth against the truth, and when an oracle would have rejected.

use super::lines::{Told, Truth};

/// Share of the lines, or of the excess, from which an alarm is about a shift.
const MOST: f64 = 0.5;
/// Days around the dates of an alarm that still belong to it.
const MARGIN: i32 = 7;

/// An alarm of whoever raised it.
#[derive(Clone, Copy)]
pub struct Alarm {
    pub series: u32,
    pub rises: bool,
    /// First delivery day that it is about.
    pub from: i32,
    pub day: i32,
    /// Returns beyond those expected.
    pub excess: f64,
}

/// Lines by series.
pub struct Judge<'a> {
    pub told: &'a Told,
    members: Vec<Vec<u32>>,
}

impl<'a> Judge<'a> {
    pub fn new(told: &'a Told) -> Self {
        let mut members = vec![Vec::new(); told.names.len()];
        for (at, line) in told.lines.iter().enumerate() {
            for &id in &line.series {
                members[id as usize].push(at as u32);
            }
        }
        Self { told, members }
    }

    /// The shift that an alarm is about: of the same direction, and its slice is the cause, or consists mostly of lines that the shift touched, or most of
    /// the excess is of returns that the shift caused (for a fall: of returns that it kept away).
    pub fn about(&self, alarm: &Alarm) -> Option<&'a Truth> {
        let mut best: Option<(f64, &Truth)> = None;
        for shift in &self.told.shifts {
            let Some((_, cause)) = shift.series else { continue };
            if (shift.factor > 1.0) != alarm.rises || alarm.day < shift.onset || alarm.from >= shift.to {
                continue;
            }
            let (mut lines, mut touched, mut caused, mut returned) = (0.0, 0.0, 0.0, 0.0);
            for &at in &self.members[alarm.series as usize] {
                let line = &self.told.lines[at as usize];
                if line.known > alarm.day {
                    break;
                }
                if line.day < alarm.from - MARGIN {
                    continue;
                }
                lines += 1.0;
                let came = line.returned.is_some_and(|(day, _)| day <= alarm.day);
                if shift.touches(line) {
                    touched += 1.0;
                    returned += f64::from(u8::from(came));
                    caused += f64::from(u8::from(came && line.shift == Some(shift.id)));
                }
            }
            let part = if shift.factor > 1.0 {
                caused
            } else {
                returned * (1.0 / shift.factor - 1.0)
            } / alarm.excess.abs().max(1.0);
            let is = if cause == alarm.series { 1.0 } else { 0.0 };
            let worth = f64::max(is, f64::max(touched / f64::max(lines, 1.0), part));
            // A slice of which the shift touches something, but caused nothing, is not about it.
            if touched > 0.0 && worth >= MOST && best.is_none_or(|(most, _)| worth > most) {
                best = Some((worth, shift));
            }
        }
        best.map(|(_, shift)| shift)
    }

    /// Prints what a false alarm is made of.
    pub fn lines_of(&self, alarm: &Alarm, group: Option<usize>) {
        let mut by: std::collections::BTreeMap<(String, Option<u32>), usize> =
            std::collections::BTreeMap::new();
        for &at in &self.members[alarm.series as usize] {
            let line = &self.told.lines[at as usize];
            if line.day >= alarm.from
                && line
                    .returned
                    .is_some_and(|(day, of)| day <= alarm.day && group.is_none_or(|g| g == usize::from(of)))
            {
                for dimension in [5, 6, 7, 8, 1] {
                    let name = self.told.names[line.series[dimension] as usize].1.clone();
                    *by.entry((name, line.shift)).or_default() += 1;
                }
            }
        }
        let mut by: Vec<_> = by.into_iter().collect();
        by.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        println!("        {:?}", &by[..by.len().min(12)]);
    }

    /// Whether two series are the same lines, all year.
    pub fn same(&self, a: u32, b: u32) -> bool {
        a == b || self.members[a as usize] == self.members[b as usize]
    }

    /// Whether half of the lines of one series lie in another.
    pub fn overlap(&self, a: u32, b: u32) -> bool {
        let (a, b) = (&self.members[a as usize], &self.members[b as usize]);
        let (small, large) = if a.len() < b.len() { (a, b) } else { (b, a) };
        let mut both = 0;
        let mut at = 0;
        for line in small {
            while at < large.len() && large[at] < *line {
                at += 1;
            }
            both += usize::from(large.get(at) == Some(line));
        }
        2 * both >= small.len()
    }

    /// Returns over lines of a series outside its shift.
    pub fn rate(&self, series: u32, shift: Option<&Truth>) -> (f64, f64) {
        let (mut lines, mut came) = (0.0, 0.0);
        for &at in &self.members[series as usize] {
            let line = &self.told.lines[at as usize];
            if shift.is_some_and(|s| s.touches(line)) || line.day > self.told.days - 30 {
                continue;
            }
            lines += 1.0;
            came += f64::from(u8::from(line.returned.is_some()));
        }
        (lines, came)
    }

    /// Day on which an oracle that knows base rate, delays and onset rejects at a p-value, with the lines of the cause delivered from then on.
    pub fn oracle(&self, shift: &Truth, rate: f64, level: f64, shares: &[f64]) -> Option<i32> {
        let (_, series) = shift.series?;
        let lines: Vec<_> = self.members[series as usize]
            .iter()
            .map(|&at| &self.told.lines[at as usize])
            .filter(|line| shift.touches(line))
            .collect();
        (shift.onset..self.told.days.min(shift.to + 30)).find(|&today| {
            let (mut expected, mut observed) = (0.0, 0_u32);
            for line in &lines {
                if line.known <= today {
                    let age = (today - line.day).max(0) as usize;
                    expected += rate * shares.get(age).copied().unwrap_or(1.0);
                    observed += u32::from(line.returned.is_some_and(|(day, _)| day <= today));
                }
            }
            let p = if shift.factor > 1.0 {
                1.0 - below(observed, expected)
            } else {
                below(observed + 1, expected)
            };
            p <= level
        })
    }

    /// Share of returns by age, over all lines of the cause's series.
    pub fn shares(&self, series: u32) -> Vec<f64> {
        let mut counts = vec![0.0; 60];
        for &at in &self.members[series as usize] {
            let line = &self.told.lines[at as usize];
            if let Some((day, _)) = line.returned.filter(|_| line.day < self.told.days - 30) {
                counts[((day - line.day).max(0) as usize).min(59)] += 1.0;
            }
        }
        let sum: f64 = counts.iter().sum::<f64>().max(1.0);
        let mut so_far = 0.0;
        counts
            .iter()
            .map(|n| {
                so_far += n;
                so_far / sum
            })
            .collect()
    }
}

/// Probability of fewer than `n` by Poisson's law, summed so that tails of 1e-12 are right to a few digits.
pub fn below(n: u32, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut sum = 0.0;
    for k in 0..n {
        sum += term;
        term *= mean / f64::from(k + 1);
    }
    sum.min(1.0)
}
