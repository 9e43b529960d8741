//! The table of candidates for a case, counted over its lines, and its ranking.

use bitcode::{Decode, Encode};
use eddy_models::shift::cases::Case;
use eddy_models::shift::why::{Anomaly, Candidate, rank};
use rustc_hash::FxHashMap;

use super::lines::{DIMENSIONS, Dimension, Line, NO_SERIES};
use super::watch::View;

/// Values of a dimension that are asked, those with the most excess.
const ASKED: usize = 4;
/// Days by which a batch may begin before or after the excess.
const BEGINS_DAYS: i32 = 7;
/// Days before the onset from which a batch's own lines count.
const BATCH_DAYS: i32 = 60;
/// Expected returns that any expectation rests on.
const KNOWN: f64 = 30.0;
/// Of it, for one group of reasons.
const OF_A_GROUP: f64 = 0.3;
/// Lines of a case that are counted; of more, each so-manieth.
const COUNTED: usize = 1 << 14;

#[derive(Clone, Copy, Default)]
struct Count {
    observed: f64,
    expected: f64,
    /// Expected as the series are told it.
    mass: f64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.observed += other.observed;
        self.expected += other.expected;
        self.mass += other.mass;
    }
}

/// A cause that was found.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Cause {
    pub(crate) series: u32,
    pub(crate) evidence: f64,
    pub(crate) share: f64,
    pub(crate) factor: f64,
    pub(crate) observed: f64,
    pub(crate) expected: f64,
}

/// Observed and expected of a line, of the case's reason group.
fn count(view: &View<'_>, line: &Line, group: Option<usize>) -> Count {
    let share = group.map_or(1.0, |group| f64::from(line.mix[group]));
    let came = line
        .returned
        .is_some_and(|(_, of)| group.is_none_or(|group| group == usize::from(of)));
    let lived = view
        .curves
        .by_category
        .get(&line.category)
        .map_or(1.0, |curve| f64::from(curve.at(view.today - line.day)));
    Count {
        observed: f64::from(u8::from(came)),
        expected: f64::from(line.expected[2]) * share * lived,
        mass: share * lived,
    }
}

/// The same as [`since`] of a huge series, from its days; `beside` are lines of it, which tell how what is expected of their articles is to what the series was told.
fn of_days(view: &View<'_>, series: u32, from: i32, group: Option<usize>, beside: Count) -> (Count, f64) {
    let ratio = if beside.mass > 0.0 {
        beside.expected / beside.mass
    } else {
        1.0
    };
    let of = &view.series.entries.get(series).value.series;
    let (curve, share) = (view.curve(series), group.map_or(1.0, |group| of.shares()[group]));
    let (mut sum, mut before) = (Count::default(), 0.0);
    for cohort in of.cohorts() {
        let expected = f64::from(cohort.expected) * ratio;
        if cohort.day >= from {
            sum.expected += expected * share * f64::from(curve.at(view.today - cohort.day));
            sum.observed += match group {
                Some(group) => f64::from(cohort.returned[group]),
                None => cohort.returned.iter().map(|&n| f64::from(n)).sum(),
            };
        } else {
            before += expected * group.map_or(1.0, |_| OF_A_GROUP);
        }
    }
    (sum, before)
}

/// Of the lines of a series delivered from a day on, and what was expected of those before.
fn since(view: &View<'_>, series: u32, from: i32, group: Option<usize>) -> (Count, f64) {
    let (mut sum, mut before) = (Count::default(), 0.0);
    for line in view.lines_since(series, i32::MIN) {
        if line.day >= from {
            sum.add(count(view, line, group));
        } else {
            before += f64::from(line.expected[2]) * group.map_or(1.0, |_| OF_A_GROUP);
        }
    }
    (sum, before)
}

/// Ranked causes of a case.
pub(crate) fn causes(view: &View<'_>, case: &Case<u32>) -> Vec<Cause> {
    let (onset, group) = (case.onset, case.group);
    let mut own = Count::default();
    let mut by_value: Vec<FxHashMap<u32, Count>> = vec![FxHashMap::default(); DIMENSIONS];
    let lines: Vec<&Line> = view.lines_since(case.series, onset).collect();
    for line in lines.iter().step_by(lines.len() / COUNTED + 1) {
        let one = count(view, line, group);
        own.add(one);
        for (dimension, values) in Dimension::ALL.into_iter().zip(&mut by_value) {
            let series = line.series[dimension as usize];
            if series != NO_SERIES {
                let mass = one.mass * line.mass(dimension);
                values.entry(series).or_default().add(Count { mass, ..one });
            }
        }
    }
    let anomaly = Anomaly {
        observed: own.observed,
        expected: own.expected,
        rises: case.rises,
    };
    let sign = if case.rises { 1.0 } else { -1.0 };
    let mut asked: Vec<(u32, Count)> = Vec::new();
    let mut table = Vec::new();
    for (dimension, values) in Dimension::ALL.into_iter().zip(&by_value) {
        let mut values: Vec<_> = values.iter().collect();
        values.sort_by(|a, b| {
            let excess = |count: &Count| sign * (count.observed - count.expected);
            excess(b.1).total_cmp(&excess(a.1)).then(a.0.cmp(b.0))
        });
        for (&series, shared) in values.into_iter().take(ASKED) {
            // A batch brings its own onset: all of its lines count.
            let (whole, before, begins) = if dimension == Dimension::Batch {
                let days = view.lines_since(series, i32::MIN).map(|line| line.day);
                let first = days.min().unwrap_or(onset);
                let whole = since(view, series, first.max(onset - BATCH_DAYS), group);
                (whole.0, 0.0, (first - onset).abs() <= BEGINS_DAYS)
            } else {
                let (whole, before) = if view.is_huge(series) {
                    of_days(view, series, onset, group, *shared)
                } else {
                    since(view, series, onset, group)
                };
                (whole, before, false)
            };
            asked.push((series, whole));
            table.push(Candidate {
                dimension: String::new(),
                value: String::new(),
                observed: whole.observed,
                expected: whole.expected,
                known: KNOWN + before,
                shared_observed: shared.observed,
                shared_expected: shared.expected,
                values: view.values[dimension as usize],
                begins,
                parents: Vec::new(),
            });
        }
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
                observed: whole.observed,
                expected: whole.expected,
            }
        })
        .collect()
}
