//! What huge series share with the series of known cases, by day of delivery: kept while lines are told, so that nobody walks the lines of a whole courier to ask what a case
//! leaves of it.
//!
//! Of each huge series, of the days since the onset of a case: sums of its lines that lie in a case's series, by day and by which cases these are. Whole numbers, so the same whatever the order in which lines,
//! cases and huge series came; hence derived state, and made anew after a restore. Series that are not huge are walked when asked for.

use std::collections::BTreeMap;

use eddy_models::shift::GROUPS;
use rustc_hash::FxHashMap;

use super::lines::{Dimension, Line, NO_SERIES, WATCHED};

/// Cases told apart; what is known beyond them is walked.
const CASES: usize = 64;
/// Times that a series is asked for on one day before it is followed from then on; till then it is walked.
const OFTEN: u32 = 4;
/// Expected returns are counted in parts of this size.
const PART: f64 = (1_u64 << 30) as f64;

fn parts(figure: f64) -> i64 {
    (figure * PART).round() as i64
}

/// Sums of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cell {
    mass: i64,
    plain: i64,
    returned: [i64; GROUPS],
}

/// What is told of it: expected as the series is told, expected of the articles' classes, returns by group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sum {
    pub(crate) mass: f64,
    pub(crate) plain: f64,
    pub(crate) returned: [u32; GROUPS],
}

/// The series of a case.
#[derive(Clone, Copy, Debug)]
struct Followed {
    series: u32,
    dimension: Dimension,
    /// First day of delivery that is kept.
    since: i32,
    /// First day that is told: what was kept of older ones for an earlier onset is not, so that a restored engine tells the same.
    told_from: i32,
}

/// The sums.
#[derive(Debug, Default)]
pub(crate) struct Overlaps {
    /// Series of known cases; the place is the number of the bit.
    cases: Vec<Option<Followed>>,
    /// Huge series, by day and cases of their lines.
    huge: FxHashMap<u32, BTreeMap<(i32, u64), Cell>>,
    /// First day that is kept.
    first: i32,
    /// How often series that are not followed were asked for today.
    asks: FxHashMap<u32, u32>,
}

impl Overlaps {
    /// Cases that a line lies in.
    pub(crate) fn mask(&self, line: &Line) -> u64 {
        let of = self.cases.iter().enumerate();
        of.fold(0, |mask, (bit, case)| {
            let lies = case
                .is_some_and(|of| line.day >= of.since && line.series[of.dimension as usize] == of.series);
            mask | u64::from(lies) << bit
        })
    }

    /// The bit of a series, if it is followed from a day on.
    pub(crate) fn bit(&self, series: u32, from: i32) -> Option<u64> {
        let from = from.max(self.first);
        let at = self
            .cases
            .iter()
            .position(|case| case.is_some_and(|of| of.series == series && of.told_from <= from));
        at.map(|at| 1 << at)
    }

    /// The same of one that may be asked for often, which is followed then; `lines` gives those of the series since a day.
    pub(crate) fn ask<'a, I: Iterator<Item = &'a Line>>(
        &mut self,
        (series, dimension): (u32, Dimension),
        from: i32,
        lines: impl Fn(u32, i32) -> I,
    ) -> Option<u64> {
        if let Some(bit) = self.bit(series, from) {
            return Some(bit);
        }
        let asks = self.asks.entry(series).or_default();
        *asks += 1;
        if *asks < OFTEN {
            return None;
        }
        self.add_case(series, dimension, from.max(self.first), lines);
        self.bit(series, from)
    }

    /// Whether a series is huge.
    pub(crate) fn is_huge(&self, series: u32) -> bool {
        self.huge.contains_key(&series)
    }

    /// A line was told (1), or it lies elsewhere now (-1).
    fn add(&mut self, line: &Line, mask: u64, sign: i64, returned: bool) {
        if mask == 0 {
            return;
        }
        for dimension in Dimension::ALL.into_iter().take(WATCHED) {
            let series = line.series[dimension as usize];
            if series == NO_SERIES {
                continue;
            }
            if let Some(cells) = self.huge.get_mut(&series) {
                cells
                    .entry((line.day, mask))
                    .or_default()
                    .add(line, dimension, sign, returned);
            }
        }
    }

    /// A new line, whether it came back by now or not.
    pub(crate) fn delivered(&mut self, line: &Line) {
        self.add(line, self.mask(line), 1, false);
    }

    /// A line that was told came back.
    pub(crate) fn returned(&mut self, line: &Line) {
        let mask = self.mask(line);
        let Some((_, group)) = line.returned.filter(|_| mask > 0) else {
            return;
        };
        for series in &line.series[..WATCHED] {
            if let Some(cells) = self.huge.get_mut(series) {
                let cell = cells.entry((line.day, mask)).or_default();
                cell.returned[usize::from(group).min(GROUPS - 1)] += 1;
            }
        }
    }

    /// Whether anything is kept.
    pub(crate) fn is_idle(&self) -> bool {
        self.cases.is_empty() || self.huge.is_empty()
    }

    /// Follows what is known, each from its day on, and what is huge; `lines` gives those of a series since a day. Days before `first` are forgotten.
    pub(crate) fn follow<'a, I: Iterator<Item = &'a Line>>(
        &mut self,
        known: &BTreeMap<u32, (Dimension, i32)>,
        huge: impl Iterator<Item = u32>,
        first: i32,
        lines: impl Fn(u32, i32) -> I,
    ) {
        self.first = first;
        self.asks.clear();
        for bit in 0..self.cases.len() {
            let Some(of) = &mut self.cases[bit] else { continue };
            match known.get(&of.series) {
                Some((_, from)) if of.since <= first.max(*from) => of.told_from = first.max(*from),
                _ => {
                    self.cases[bit] = None;
                    self.huge.values_mut().for_each(|cells| drop_bit(cells, 1 << bit));
                }
            }
        }
        while self.cases.last().is_some_and(Option::is_none) {
            self.cases.pop();
        }
        let huge: Vec<u32> = huge.collect();
        self.huge.retain(|series, _| huge.binary_search(series).is_ok());
        for cells in self.huge.values_mut() {
            while let Some(old) = cells.first_entry().filter(|cell| cell.key().0 < first) {
                old.remove();
            }
        }
        // Before the first of these days no line lies in any: nobody is walked.
        let since = self.cases.iter().flatten().map(|of| of.since).min();
        for series in huge {
            if self.huge.contains_key(&series) {
                continue;
            }
            let mut cells = BTreeMap::<_, Cell>::new();
            for line in since
                .into_iter()
                .flat_map(|since| lines(series, since.max(first)))
            {
                let (mask, dimension) = (self.mask(line), dimension_of(line, series));
                if let Some(dimension) = dimension.filter(|_| mask > 0) {
                    cells
                        .entry((line.day, mask))
                        .or_default()
                        .add(line, dimension, 1, true);
                }
            }
            self.huge.insert(series, cells);
        }
        for (&series, &(dimension, from)) in known {
            if self.bit(series, from).is_none() {
                self.add_case(series, dimension, from.max(first), &lines);
            }
        }
        for cells in self.huge.values_mut() {
            cells.retain(|_, cell| *cell != Cell::default());
        }
    }

    /// Follows the series of a case from a day on, or from an earlier one than before, if there is room.
    fn add_case<'a, I: Iterator<Item = &'a Line>>(
        &mut self,
        series: u32,
        dimension: Dimension,
        since: i32,
        lines: impl Fn(u32, i32) -> I,
    ) {
        let own = |case: &Option<Followed>| case.is_some_and(|of| of.series == series);
        let own = self.cases.iter().position(own);
        let bit = own.or_else(|| self.cases.iter().position(Option::is_none));
        let bit = bit.unwrap_or(self.cases.len());
        if bit >= CASES {
            return;
        }
        // Days that are kept already stay as they are.
        let to = own.and_then(|at| self.cases[at]).map_or(i32::MAX, |of| of.since);
        for line in lines(series, since).filter(|line| line.day < to) {
            let before = self.mask(line);
            self.add(line, before, -1, true);
            self.add(line, before | 1 << bit, 1, true);
        }
        if bit == self.cases.len() {
            self.cases.push(None);
        }
        self.cases[bit] = Some(Followed {
            series,
            dimension,
            since: since.min(to),
            told_from: since,
        });
    }

    /// Sums by day of the lines of a huge series that lie in a case whose bit and days `within` has, and how a day's are told to be so.
    pub(crate) fn of(&self, series: u32, within: impl Fn(i32, u64) -> bool) -> Vec<(i32, Sum)> {
        let mut days: Vec<(i32, Cell)> = Vec::new();
        for ((day, mask), cell) in self.huge.get(&series).into_iter().flatten() {
            if !within(*day, *mask) {
                continue;
            }
            match days.last_mut() {
                Some((last, sum)) if last == day => sum.join(cell),
                _ => days.push((*day, *cell)),
            }
        }
        days.into_iter().map(|(day, cell)| (day, cell.sum())).collect()
    }
}

/// The dimension in which a line lies in a series.
fn dimension_of(line: &Line, series: u32) -> Option<Dimension> {
    let mut all = Dimension::ALL.into_iter().take(WATCHED);
    all.find(|dimension| line.series[*dimension as usize] == series)
}

fn drop_bit(cells: &mut BTreeMap<(i32, u64), Cell>, bit: u64) {
    let with: Vec<(i32, u64)> = cells.keys().filter(|(_, mask)| mask & bit > 0).copied().collect();
    for (day, mask) in with {
        let Some(cell) = cells.remove(&(day, mask)) else {
            continue;
        };
        if mask != bit {
            cells.entry((day, mask & !bit)).or_default().join(&cell);
        }
    }
}

impl Cell {
    fn add(&mut self, line: &Line, dimension: Dimension, sign: i64, returned: bool) {
        self.mass += sign * parts(line.mass(dimension));
        self.plain += sign * parts(f64::from(line.expected[1]));
        if let Some((_, group)) = line.returned.filter(|_| returned) {
            self.returned[usize::from(group).min(GROUPS - 1)] += sign;
        }
    }

    fn join(&mut self, other: &Self) {
        self.mass += other.mass;
        self.plain += other.plain;
        for (sum, more) in self.returned.iter_mut().zip(other.returned) {
            *sum += more;
        }
    }

    fn sum(&self) -> Sum {
        Sum {
            mass: self.mass as f64 / PART,
            plain: self.plain as f64 / PART,
            returned: self.returned.map(|n| u32::try_from(n).unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::DIMENSIONS;
    use super::*;

    /// Line `n` of a made-up shop: three couriers, two facilities, delivered one a day in turn.
    fn line(n: u32) -> Line {
        let mut series = [NO_SERIES; DIMENSIONS];
        series[Dimension::Courier as usize] = n % 3;
        series[Dimension::Facility as usize] = 10 + n % 2;
        Line {
            id: (n, 0),
            series,
            category: 0,
            day: (n / 40) as i32,
            known: (n / 40) as i32,
            returned: n.is_multiple_of(7).then_some((9, (n % 4) as u8)),
            value_minor: 0,
            explained: false,
            expected: [0.1, 0.11 + n as f32 / 1e4, 0.12],
            mix: [0.0; GROUPS],
        }
    }

    fn dimension(series: u32) -> Dimension {
        if series < 10 {
            Dimension::Courier
        } else {
            Dimension::Facility
        }
    }

    fn of(all: &[Line], series: u32, since: i32) -> impl Iterator<Item = &Line> {
        let of = move |line: &&Line| line.day >= since && dimension_of(line, series).is_some();
        all.iter().filter(of)
    }

    fn follow(overlaps: &mut Overlaps, all: &[Line], known: &[(u32, i32)], huge: &[u32], first: i32) {
        let known = known
            .iter()
            .map(|(series, from)| (*series, (dimension(*series), *from)));
        let lines = |series, since| of(all, series, since);
        overlaps.follow(&known.collect(), huge.iter().copied(), first, lines);
    }

    #[test]
    fn what_is_kept_does_not_depend_on_when_cases_and_lines_came() {
        let all: Vec<Line> = (0..400).map(line).collect();
        let mut grown = Overlaps::default();
        follow(&mut grown, &all[..100], &[(1, 0)], &[0, 1, 10], 0);
        for line in &all[100..250] {
            let mut fresh = line.clone();
            let returned = fresh.returned.take();
            grown.delivered(&fresh);
            fresh.returned = returned;
            grown.returned(&fresh);
        }
        follow(
            &mut grown,
            &all[..250],
            &[(1, 4), (2, 1), (10, 5)],
            &[1, 10, 11],
            0,
        );
        for line in &all[250..] {
            grown.delivered(line);
            grown.returned(line);
        }
        // One that was kept from day 0 on is told from day 4, one of day 5 anew from day 4.
        follow(&mut grown, &all, &[(1, 4), (10, 4)], &[1, 10, 11], 3);
        let mut anew = Overlaps::default();
        follow(&mut anew, &all, &[(1, 4), (10, 4)], &[1, 10, 11], 3);
        for case in [1, 10] {
            assert!(grown.bit(case, 3).is_none() && anew.bit(case, 3).is_none());
            for series in [1, 10, 11] {
                agree(&all, [&grown, &anew], (series, case), 4);
            }
        }
        assert!(grown.bit(2, 4).is_none() && !grown.is_huge(0));
    }

    /// Whether both tell of a case within a series, from a day on, what the lines do.
    fn agree(all: &[Line], both: [&Overlaps; 2], (series, case): (u32, u32), from: i32) {
        let sums = both.map(|of| {
            let bit = of.bit(case, from).unwrap();
            of.of(series, |day, mask| day >= from && mask & bit > 0)
        });
        assert_eq!(sums[0], sums[1], "{case} within {series}");
        let plain = of(all, series, from).filter(|line| dimension_of(line, case).is_some());
        let came = plain.filter(|line| line.returned.is_some()).count();
        let told: u32 = sums[1].iter().flat_map(|(_, sum)| sum.returned).sum();
        assert_eq!(told as usize, came, "{case} within {series}");
    }

    #[test]
    fn what_is_asked_for_often_is_followed_from_then_on() {
        let all: Vec<Line> = (0..400).map(line).collect();
        let lines = |series, since| of(&all, series, since);
        let mut asked = Overlaps::default();
        follow(&mut asked, &all, &[(1, 6)], &[1, 10, 11], 2);
        for time in 1..=OFTEN {
            let bit = asked.ask((10, Dimension::Facility), 4, lines);
            assert_eq!(bit.is_some(), time == OFTEN);
        }
        for _ in 0..OFTEN {
            asked.ask((1, Dimension::Courier), 3, lines);
        }
        let mut anew = Overlaps::default();
        follow(&mut anew, &all, &[(1, 3), (10, 4)], &[1, 10, 11], 2);
        for series in [1, 10, 11] {
            agree(&all, [&asked, &anew], (series, 10), 4);
            agree(&all, [&asked, &anew], (series, 1), 3);
        }
        // The day after, what is not known is not followed.
        follow(&mut asked, &all, &[(1, 5)], &[1, 10, 11], 3);
        assert!(asked.bit(10, 8).is_none() && asked.bit(1, 4).is_none() && asked.bit(1, 5).is_some());
    }
}
