//! The series, and what is asked of their lines at a day's close.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_models::shift::WINDOW_DAYS;
use eddy_models::shift::cases::{Case, Known, Shared, Slices};
use eddy_models::shift::evidence::Evidence;
use eddy_models::shift::prior::Prior;
use eddy_models::shift::series::{Curve, Series};
use rustc_hash::FxHashMap;

use super::baseline::Level;
use super::lines::{DIMENSIONS, Dimension, Line, Lines, WATCHED};
use super::look::LEAST_ASKED;
use super::overlaps::Overlaps;
use super::row::Counted;
use crate::ledger::Ledger;

/// Which series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub(crate) struct Key {
    pub(crate) dimension: Dimension,
    pub(crate) value: (u32, u32),
}

/// One series.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Watched {
    pub(crate) series: Series,
    /// Of an article or a style.
    pub(crate) level: Level,
    /// Expected returns by category of its lines.
    pub(crate) weights: Weights,
    /// Number of the last line that it was told of, and one more; each line knows the one before.
    pub(crate) next: u64,
    /// Its expected returns, those of long ago included, are no more.
    pub(crate) most: f64,
    /// Whether it is among those with much to see.
    pub(crate) large: bool,
}

impl Watched {
    /// So much more is expected of it. Whether it is now, and was not, among those of which priors are learned.
    pub(super) fn expects(&mut self, more: f64) -> bool {
        let before = self.most;
        self.most += more;
        before < LEAST_ASKED && self.most >= LEAST_ASKED
    }
}

/// Weights by category. Most series have one, which then stands with the rest of it.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) enum Weights {
    #[default]
    None,
    One(u32, f64),
    /// In the order of the categories.
    Many(Vec<(u32, f64)>),
}

impl Weights {
    pub(crate) fn add(&mut self, category: u32, weight: f64) {
        match self {
            Self::None => *self = Self::One(category, weight),
            Self::One(of, sum) if *of == category => *sum += weight,
            Self::One(of, sum) => {
                let mut both = vec![(*of, *sum), (category, weight)];
                both.sort_unstable_by_key(|(of, _)| *of);
                *self = Self::Many(both);
            }
            Self::Many(all) => match all.binary_search_by_key(&category, |(of, _)| *of) {
                Ok(at) => all[at].1 += weight,
                Err(at) => all.insert(at, (category, weight)),
            },
        }
    }

    /// The category with most, of equals the first.
    fn most(&self) -> Option<u32> {
        match self {
            Self::None => None,
            Self::One(of, _) => Some(*of),
            Self::Many(all) => {
                let order = |a: &&(u32, f64), b: &&(u32, f64)| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0));
                all.iter().max_by(order).map(|(of, _)| *of)
            }
        }
    }
}

/// What a day's close looks at.
pub(crate) struct View<'a> {
    pub(crate) today: i32,
    pub(crate) series: &'a Ledger<Key, Watched>,
    pub(crate) lines: &'a Lines,
    pub(crate) overlaps: &'a RefCell<Overlaps>,
    pub(crate) curves: &'a Curves<'a>,
    pub(crate) priors: &'a [Prior; WATCHED],
    /// Series by dimension.
    pub(crate) values: [usize; DIMENSIONS],
    /// Expected of the lines of a series since a day, as far as it was asked.
    pub(crate) expected: RefCell<FxHashMap<(u32, i32), f64>>,
}

impl<'a> View<'a> {
    pub(crate) fn dimension(&self, series: u32) -> Dimension {
        self.series.entries.get(series).key.dimension
    }

    /// The curve of a series.
    pub(crate) fn curve(&self, series: u32) -> &'a Curve {
        self.curves.of(self.series, series)
    }

    /// Lines of a case delivered since its onset, and what they are worth. Of what was counted before of the same lines, only the new ones are.
    pub(crate) fn stakes(&self, case: &Case<u32>, before: Counted) -> Counted {
        let same = before.next > 0 && (before.series, before.from) == (case.series, case.onset);
        let mut counted = Counted {
            next: self.lines.next(),
            ..if same { before } else { Counted::default() }
        };
        (counted.series, counted.from) = (case.series, case.onset);
        let known = if same { before.next } else { 0 };
        let new = self.numbered(case.series, case.onset);
        for (_, line) in new.take_while(|(number, _)| *number >= known) {
            counted.lines += 1;
            counted.value_minor = counted.value_minor.saturating_add(line.value_minor);
        }
        counted
    }

    /// Lines of a series delivered from a day on, latest known first.
    pub(crate) fn lines_since(&self, series: u32, from: i32) -> impl Iterator<Item = &'a Line> {
        self.numbered(series, from).map(|(_, line)| line)
    }

    /// What was expected of them, and a hair, so that it may divide. Asked of one series and day many times over; of a huge one as its days were told.
    fn expected_since(&self, series: u32, from: i32) -> f64 {
        if self.is_huge(series) {
            return self.mass_since(series, from);
        }
        if let Some(known) = self.expected.borrow().get(&(series, from)) {
            return *known;
        }
        let of = |line: &Line| f64::from(line.expected[1]);
        let sum = self
            .lines_since(series, from)
            .fold(1e-9, |sum, line| sum + of(line));
        self.expected.borrow_mut().insert((series, from), sum);
        sum
    }

    /// Expected of the days of a series, and a hair.
    fn mass_since(&self, series: u32, from: i32) -> f64 {
        let cohorts = self.series.entries.get(series).value.series.cohorts();
        cohorts
            .filter(|cohort| cohort.day >= from)
            .fold(1e-9, |sum, cohort| sum + f64::from(cohort.expected))
    }

    /// The same with their numbers.
    fn numbered(&self, series: u32, from: i32) -> impl Iterator<Item = (u64, &'a Line)> {
        numbered(self.series, self.lines, series, from)
    }

    /// Whether nobody should walk the lines of a series.
    pub(crate) fn is_huge(&self, series: u32) -> bool {
        self.overlaps.borrow().is_huge(series)
    }

    /// The bit of a case's series in the sums that are kept.
    fn followed(&self, series: u32, from: i32) -> Option<u64> {
        let of = (series, self.dimension(series));
        let lines = |series, since| self.lines_since(series, since);
        self.overlaps.borrow_mut().ask(of, from, lines)
    }

    /// Shares of a huge series and of one that is a known case's, from sums that are kept.
    fn kept(&self, series: u32, (case, bit): (u32, Option<u64>), from: i32) -> Option<(f64, f64)> {
        let bit = bit?;
        let overlaps = self.overlaps.borrow();
        let within = |day: i32, mask: u64| day >= from && mask & bit > 0;
        let both = overlaps.of(series, within);
        let mass: f64 = both.iter().map(|(_, sum)| sum.mass).sum();
        let plain: f64 = both.iter().map(|(_, sum)| sum.plain).sum();
        let all = overlaps.of(case, within);
        let all = all.iter().fold(1e-9, |all, (_, sum)| all + sum.plain);
        Some((mass / self.mass_since(series, from), plain / all))
    }

    /// What known cases leave of a huge series: sums for those that are followed, lines for the rest.
    fn left(&self, series: u32, known: &[(usize, u32, i32, i32)]) -> Series {
        let dimension = self.dimension(series);
        let (mut followed, mut walked) = (Vec::new(), Vec::new());
        for case in known {
            match self.followed(case.1, case.2) {
                Some(bit) => followed.push((bit, case.2, case.3)),
                None => walked.push(*case),
            }
        }
        let overlaps = self.overlaps.borrow();
        let is_told = |day: i32, mask: u64| {
            followed
                .iter()
                .any(|(bit, from, to)| mask & bit > 0 && (*from..*to).contains(&day))
        };
        let mut lines: Vec<(u64, &Line)> = Vec::new();
        for case in &walked {
            let of_case = self.numbered(case.1, case.2.max(self.today - WINDOW_DAYS));
            lines.extend(of_case.filter(|(_, line)| {
                line.series[dimension as usize] == series
                    && within(line, *case)
                    && !is_told(line.day, overlaps.mask(line))
            }));
        }
        lines.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
        lines.dedup_by_key(|(number, _)| *number);
        let sums = overlaps.of(series, is_told);
        let own = &self.series.entries.get(series).value.series;
        let rest = own.less(sums.into_iter().map(|(day, sum)| (day, sum.mass, sum.returned)));
        if lines.is_empty() {
            return rest;
        }
        rest.without(lines.into_iter().map(|(_, line)| told(line, dimension)))
    }
}

/// A line as [`Series::without`] takes it.
fn told(line: &Line, dimension: Dimension) -> (i32, f64, Option<usize>) {
    let group = line.returned.map(|(_, group)| usize::from(group));
    (line.day, line.mass(dimension), group)
}

/// Whether a line lies in a case: dimension, series, first day, day after the last.
fn within(line: &Line, (at, case, from, to): (usize, u32, i32, i32)) -> bool {
    (from..to).contains(&line.day) && line.series[at] == case
}

/// Lines of a series delivered from a day on with their numbers, latest known first.
pub(crate) fn numbered<'a>(
    series: &Ledger<Key, Watched>,
    lines: &'a Lines,
    number: u32,
    from: i32,
) -> impl Iterator<Item = (u64, &'a Line)> + use<'a> {
    let entry = series.entries.get(number);
    let back = lines.back(entry.key.dimension, entry.value.next);
    back.take_while(move |(_, line)| line.known >= from)
        .filter(move |(_, line)| line.day >= from)
}

/// The curves of a day: of the categories, and of the mix of categories of each series that cuts across them, made when first asked for.
pub(crate) struct Curves<'a> {
    pub(crate) by_category: &'a BTreeMap<u32, Curve>,
    mixed: Vec<OnceCell<Curve>>,
    now: Curve,
}

impl<'a> Curves<'a> {
    /// For so many series.
    pub(crate) fn new(by_category: &'a BTreeMap<u32, Curve>, series: u32) -> Self {
        Self {
            by_category,
            mixed: vec![OnceCell::new(); series as usize],
            now: Curve::new(&[1.0]),
        }
    }

    /// The curve of a series.
    pub(crate) fn of(&self, series: &Ledger<Key, Watched>, number: u32) -> &Curve {
        let entry = series.entries.get(number);
        let weights = &entry.value.weights;
        if let Weights::Many(weights) = weights
            && entry.key.dimension.cuts_across()
        {
            let of = |(category, weight): &(u32, f64)| Some((*weight, self.by_category.get(category)?));
            return self.mixed[number as usize].get_or_init(|| Curve::blend(weights.iter().filter_map(of)));
        }
        weights
            .most()
            .and_then(|category| self.by_category.get(&category))
            .unwrap_or(&self.now)
    }
}

impl Slices<u32> for View<'_> {
    fn residual(&self, series: &u32, known: &[Known<'_, u32>]) -> Option<Evidence> {
        let dimension = self.dimension(*series);
        let first = self.today - WINDOW_DAYS;
        let of_case: Vec<(usize, u32, i32, i32)> = known
            .iter()
            .filter(|case| case.to > first)
            .map(|case| {
                let at = self.dimension(*case.series) as usize;
                (at, *case.series, case.from, case.to)
            })
            .collect();
        if self.is_huge(*series) {
            return self.left(*series, &of_case).evidence(
                self.today,
                self.curve(*series),
                &self.priors[dimension as usize],
            );
        }
        // Lines of the cases or of the series, whichever are fewer; in one order.
        let volume = |series: u32| self.series.entries.get(series).value.series.volume();
        let mut shared: Vec<(u64, &Line)> = Vec::new();
        if of_case.iter().map(|case| volume(case.1)).sum::<f64>() < volume(*series) {
            for case in &of_case {
                let lines = self.numbered(case.1, first.max(case.2));
                shared.extend(
                    lines.filter(|(_, line)| {
                        line.series[dimension as usize] == *series && within(line, *case)
                    }),
                );
            }
            shared.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
            shared.dedup_by_key(|(number, _)| *number);
        } else {
            let lines = self.numbered(*series, first);
            shared.extend(lines.filter(|(_, line)| of_case.iter().any(|case| within(line, *case))));
        }
        let explained = shared.into_iter().map(|(_, line)| told(line, dimension));
        let own = &self.series.entries.get(*series).value.series;
        own.without(explained)
            .evidence(self.today, self.curve(*series), &self.priors[dimension as usize])
    }

    fn shared(&self, a: &u32, b: &u32, from: i32) -> Shared {
        // Told from the one with fewer lines; the sum runs over the same lines either way.
        let fewer = |of: u32| self.series.entries.get(of).value.series.volume();
        let (narrow, wide) = if fewer(*a) <= fewer(*b) {
            (*a, *b)
        } else {
            (*b, *a)
        };
        if self.is_huge(narrow) && self.is_huge(wide) {
            // The second is the one of a case.
            if let Some((of_a, of_b)) = self.kept(*a, (*b, self.followed(*b, from)), from) {
                return Shared { of_a, of_b };
            }
            let other = self.overlaps.borrow().bit(*a, from);
            if let Some((of_b, of_a)) = self.kept(*b, (*a, other), from) {
                return Shared { of_a, of_b };
            }
        }
        let at = self.dimension(wide) as usize;
        let both: f64 = self
            .lines_since(narrow, from)
            .filter(|line| line.series[at] == wide)
            .map(|line| f64::from(line.expected[1]))
            .sum();
        Shared {
            of_a: both / self.expected_since(*a, from),
            of_b: both / self.expected_since(*b, from),
        }
    }

    fn ended(&self, case: &Case<u32>) -> Option<i32> {
        let own = &self.series.entries.get(case.series).value.series;
        own.ended(
            self.today,
            self.curve(case.series),
            &case.evidence(),
            Case::<u32>::END,
        )
    }
}
