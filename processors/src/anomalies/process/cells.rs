//! Units of the last sixty days, added up by day and by the series that they share: what one series is without another is counted from, and what a case's why is.
//!
//! Bounded by days and by combinations of series, however many units there are.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_models::shift::WINDOW_DAYS;
use eddy_models::shift::cases::{Case, Known, Shared, Slices};
use eddy_models::shift::evidence::Evidence;
use eddy_models::shift::prior::Prior;
use eddy_models::shift::series::{Curve, Series};
use eddy_models::shift::spread::Spread;
use eddy_models::shift::why::{Anomaly, Candidate, rank};

use super::subject::{KINDS, Key};
use crate::anomalies::row::Counted;
use crate::anomalies::why::Cause;

/// Days beyond the window for which cells are kept.
const MARGIN_DAYS: i32 = 6;
/// Units that any expectation rests on, in expected ones.
const KNOWN: f64 = 30.0;
/// By how much the variance of weeks is taken as larger than it was.
const WIDER: f64 = 1.5;
/// Days of a week.
const WEEK: f64 = 7.0;

/// No series.
pub(super) const NO_SERIES: u32 = u32::MAX;

/// Which cell: day, and the series that its units belong to.
pub(super) type Place = (i32, [u32; 3]);

/// Units added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(super) struct Cell {
    pub(super) units: u32,
    pub(super) observed: u32,
    pub(super) expected: f64,
    pub(super) value_minor: i64,
}

impl Cell {
    pub(super) fn add(&mut self, other: &Self) {
        self.units = self.units.saturating_add(other.units);
        self.observed = self.observed.saturating_add(other.observed);
        self.expected += other.expected;
        self.value_minor = self.value_minor.saturating_add(other.value_minor);
    }
}

/// All cells of the window.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Cells {
    cells: BTreeMap<Place, Cell>,
}

impl Cells {
    pub(super) fn add(&mut self, place: Place, cell: &Cell) {
        self.cells.entry(place).or_default().add(cell);
    }

    /// Forgets what no onset can lie in any more.
    pub(super) fn forget(&mut self, today: i32) {
        let first = today - WINDOW_DAYS - MARGIN_DAYS;
        self.cells = self.cells.split_off(&(first, [0; 3]));
    }

    /// Cells of a series from a day on.
    pub(super) fn since(&self, series: u32, from: i32) -> impl Iterator<Item = (&Place, &Cell)> {
        self.cells
            .range((from, [0; 3])..)
            .filter(move |((_, of), _)| of.contains(&series))
    }

    fn sum(&self, series: u32, from: i32) -> Cell {
        let mut sum = Cell::default();
        for (_, cell) in self.since(series, from) {
            sum.add(cell);
        }
        sum
    }
}

/// One series.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Watched {
    pub(super) key: Key,
    pub(super) series: Series,
    pub(super) spread: Spread,
    /// Days that belong to a case.
    pub(super) held: Option<(i32, i32)>,
}

/// What a day's close looks at.
pub(super) struct View<'a> {
    pub(super) today: i32,
    /// Days of the window of which there are units.
    pub(super) days: i32,
    pub(super) series: &'a [Watched],
    pub(super) cells: &'a Cells,
    pub(super) curve: &'a Curve,
    /// By kind: what is thought of a series, and how its level varies from week to week.
    pub(super) kinds: &'a [(Prior, f64); KINDS.len()],
}

impl View<'_> {
    pub(super) fn of(&self, series: u32) -> &Watched {
        &self.series[series as usize]
    }

    /// What is thought of a series before its onset is looked for, its own dispersion included.
    pub(super) fn prior(&self, series: u32) -> Prior {
        let of = self.of(series);
        let (prior, usual) = self.kinds[of.key.kind()];
        let weekly = of.series.volume() * WEEK / f64::from(self.days.max(7));
        let varies = of.spread.of_series(usual, weekly);
        Prior {
            dispersion: 1.0 + WIDER * varies * weekly,
            ..prior
        }
    }

    /// Units since the onset, and what they are worth.
    pub(super) fn stakes(&self, case: &Case<u32>) -> Counted {
        let sum = self.cells.sum(case.series, case.onset);
        Counted {
            lines: sum.units,
            value_minor: sum.value_minor,
            ..Counted::default()
        }
    }

    /// Ranked causes of a case: slices of the same units.
    pub(super) fn causes(&self, case: &Case<u32>) -> Vec<Cause> {
        let own = self.cells.sum(case.series, case.onset);
        let anomaly = Anomaly {
            observed: f64::from(own.observed),
            expected: own.expected,
            rises: case.rises,
        };
        let mut shared: BTreeMap<u32, Cell> = BTreeMap::new();
        for ((_, series), cell) in self.cells.since(case.series, case.onset) {
            for series in series.iter().filter(|series| **series != NO_SERIES) {
                shared.entry(*series).or_default().add(cell);
            }
        }
        let mut values = [0_usize; KINDS.len()];
        for of in self.series {
            values[of.key.kind()] += 1;
        }
        let (mut asked, mut table) = (Vec::new(), Vec::new());
        for (series, shared) in shared {
            let whole = self.cells.sum(series, case.onset);
            let before = self.cells.sum(series, i32::MIN).expected - whole.expected;
            asked.push((series, whole));
            table.push(Candidate {
                dimension: String::new(),
                value: String::new(),
                observed: f64::from(whole.observed),
                expected: whole.expected,
                known: KNOWN + before.max(0.0),
                shared_observed: f64::from(shared.observed),
                shared_expected: shared.expected,
                values: values[self.of(series).key.kind()],
                begins: false,
                parents: Vec::new(),
            });
        }
        rank(&anomaly, &table)
            .into_iter()
            .map(|cause| {
                let (series, whole) = asked[cause.row];
                Cause {
                    series,
                    evidence: cause.evidence,
                    share: cause.share,
                    factor: cause.factor,
                    observed: f64::from(whole.observed),
                    expected: whole.expected,
                }
            })
            .collect()
    }
}

impl Slices<u32> for View<'_> {
    fn residual(&self, series: &u32, known: &[Known<'_, u32>]) -> Option<Evidence> {
        let explained = self
            .cells
            .since(*series, self.today - WINDOW_DAYS)
            .filter(|((day, of), _)| {
                known
                    .iter()
                    .any(|case| (case.from..case.to).contains(day) && of.contains(case.series))
            })
            .flat_map(|((day, _), cell)| {
                let came = (0..cell.observed).map(move |_| (*day, 0.0, Some(0)));
                std::iter::once((*day, cell.expected, None)).chain(came)
            });
        let own = &self.of(*series).series;
        own.without(explained)
            .evidence(self.today, self.curve, &self.prior(*series))
            .filter(|evidence| evidence.rises)
    }

    fn shared(&self, a: &u32, b: &u32, from: i32) -> Shared {
        let share = |series: u32, other: u32| {
            let (mut both, mut all) = (0.0, 1e-9);
            for ((_, of), cell) in self.cells.since(series, from) {
                all += cell.expected;
                if of.contains(&other) {
                    both += cell.expected;
                }
            }
            both / all
        };
        Shared {
            of_a: share(*a, *b),
            of_b: share(*b, *a),
        }
    }

    fn ended(&self, case: &Case<u32>) -> Option<i32> {
        let own = &self.of(case.series).series;
        own.ended(self.today, self.curve, &case.evidence(), Case::<u32>::END)
    }
}
