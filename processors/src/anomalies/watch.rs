//! The series, and what is asked of their lines at a day's close.

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
    /// By category.
    pub(crate) curves: &'a BTreeMap<u32, Curve>,
    /// Of series that hold several.
    pub(crate) blended: &'a BTreeMap<u32, Curve>,
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
        curve_of(self.series, self.curves, self.blended, series)
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

/// The curve of a series: of its category, or of the mix of its categories.
pub(crate) fn curve_of<'a>(
    series: &Ledger<Key, Watched>,
    curves: &'a BTreeMap<u32, Curve>,
    blended: &'a BTreeMap<u32, Curve>,
    number: u32,
) -> &'a Curve {
    static NOW: std::sync::OnceLock<Curve> = std::sync::OnceLock::new();
    if let Some(curve) = blended.get(&number) {
        return curve;
    }
    let weights = &series.entries.get(number).value.weights;
    let most = weights
        .iter()
        .max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)));
    most.and_then(|(category, _)| curves.get(category))
        .unwrap_or_else(|| NOW.get_or_init(|| Curve::new(&[1.0])))
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
