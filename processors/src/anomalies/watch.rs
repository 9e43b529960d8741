//! The series, and what is asked of their lines at a day's close.

use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};

use bitcode::{Decode, Encode};
use eddy_models::shift::WINDOW_DAYS;
use eddy_models::shift::cases::{Case, Known, Shared, Slices};
use eddy_models::shift::evidence::Evidence;
use eddy_models::shift::prior::Prior;
use eddy_models::shift::series::{Curve, Series};

use super::baseline::Level;
use super::lines::{DIMENSIONS, Dimension, Line, Lines, WATCHED};
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
    pub(crate) weights: BTreeMap<u32, f64>,
    /// Numbers of its lines, in order.
    pub(crate) members: VecDeque<u64>,
}

/// What a day's close looks at.
pub(crate) struct View<'a> {
    pub(crate) today: i32,
    pub(crate) series: &'a Ledger<Key, Watched>,
    pub(crate) lines: &'a Lines,
    pub(crate) curves: &'a Curves<'a>,
    pub(crate) priors: &'a [Prior; WATCHED],
    /// Series by dimension.
    pub(crate) values: [usize; DIMENSIONS],
}

impl<'a> View<'a> {
    pub(crate) fn dimension(&self, series: u32) -> Dimension {
        self.series.entries.get(series).key.dimension
    }

    /// The curve of a series.
    pub(crate) fn curve(&self, series: u32) -> &'a Curve {
        self.curves.of(self.series, series)
    }

    /// Lines of a case delivered since its onset, and what they are worth in minor units.
    pub(crate) fn stakes(&self, case: &Case<u32>) -> (u32, i128) {
        self.lines_since(case.series, case.onset)
            .fold((0, 0), |(lines, value), line| {
                (lines + 1, value + i128::from(line.value_minor))
            })
    }

    /// Lines of a series delivered from a day on, latest known first.
    pub(crate) fn lines_since(&self, series: u32, from: i32) -> impl Iterator<Item = &'a Line> {
        let lines = self.lines;
        self.series
            .entries
            .get(series)
            .value
            .members
            .iter()
            .rev()
            .filter_map(|number| lines.get(*number))
            .take_while(move |line| line.known >= from)
            .filter(move |line| line.day >= from)
    }
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
        if entry.key.dimension.cuts_across() && weights.len() > 1 {
            let of = |(category, weight): (&u32, &f64)| Some((*weight, self.by_category.get(category)?));
            return self.mixed[number as usize].get_or_init(|| Curve::blend(weights.iter().filter_map(of)));
        }
        let most = if weights.len() > 1 {
            let order = |a: &(&u32, &f64), b: &(&u32, &f64)| a.1.total_cmp(b.1).then(b.0.cmp(a.0));
            weights.iter().max_by(order)
        } else {
            weights.iter().next()
        };
        most.and_then(|(category, _)| self.by_category.get(category))
            .unwrap_or(&self.now)
    }
}

impl Slices<u32> for View<'_> {
    fn residual(&self, series: &u32, known: &[Known<'_, u32>]) -> Option<Evidence> {
        let dimension = self.dimension(*series);
        let of_case: Vec<(usize, u32, i32, i32)> = known
            .iter()
            .map(|case| {
                let at = self.dimension(*case.series) as usize;
                (at, *case.series, case.from, case.to)
            })
            .collect();
        let explained = self
            .lines_since(*series, self.today - WINDOW_DAYS)
            .filter(|line| {
                of_case
                    .iter()
                    .any(|(at, case, from, to)| (*from..*to).contains(&line.day) && line.series[*at] == *case)
            })
            .map(|line| {
                let group = line.returned.map(|(_, group)| usize::from(group));
                (line.day, line.mass(dimension), group)
            });
        let own = &self.series.entries.get(*series).value.series;
        own.without(explained)
            .evidence(self.today, self.curve(*series), &self.priors[dimension as usize])
    }

    fn shared(&self, a: &u32, b: &u32, from: i32) -> Shared {
        let sum = |series: u32, other: u32| {
            let at = self.dimension(other) as usize;
            let (mut both, mut all) = (0.0, 1e-9);
            for line in self.lines_since(series, from) {
                let mass = f64::from(line.expected[1]);
                all += mass;
                if line.series[at] == other {
                    both += mass;
                }
            }
            both / all
        };
        Shared {
            of_a: sum(*a, *b),
            of_b: sum(*b, *a),
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
