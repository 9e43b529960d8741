//! The table of candidates for a case, counted over its lines, and its ranking.

use std::collections::BTreeMap;

use eddy_models::shift::cases::Case;
use eddy_models::shift::why::{Anomaly, Candidate, rank};

use super::lines::{BATCH, DIMENSIONS, Line};
use super::watch::Watch;

/// Values of a dimension that are asked, those with the most excess.
const ASKED: usize = 4;

#[derive(Clone, Copy, Default)]
struct Count {
    observed: f64,
    expected: f64,
}

/// Observed and expected of a line, of the case's reason group.
fn count(watch: &Watch<'_>, at: usize, line: &Line, group: Option<usize>) -> Count {
    let share = group.map_or(1.0, |g| f64::from(watch.mixes[at][g]));
    let curve = watch.curve(line.series[0]);
    let came = line
        .returned
        .is_some_and(|(day, of)| day <= watch.today && group.is_none_or(|g| g == usize::from(of)));
    Count {
        observed: f64::from(u8::from(came)),
        expected: f64::from(watch.expected[at][2]) * share * f64::from(curve.at(watch.today - line.day)),
    }
}

fn sum<'a>(watch: &Watch<'_>, lines: impl Iterator<Item = (usize, &'a Line)>, group: Option<usize>) -> Count {
    lines.fold(Count::default(), |sum, (at, line)| {
        let one = count(watch, at, line, group);
        Count {
            observed: sum.observed + one.observed,
            expected: sum.expected + one.expected,
        }
    })
}

/// Ranked causes of a case, as series.
pub fn causes(watch: &Watch<'_>, case: &Case<u32>) -> Vec<u32> {
    let (onset, group) = (case.onset, case.group);
    let own = sum(watch, watch.lines_since(case.series, onset), group);
    let anomaly = Anomaly {
        observed: own.observed,
        expected: own.expected,
        rises: case.rises,
    };
    let mut by_value: Vec<BTreeMap<u32, Count>> = vec![BTreeMap::new(); DIMENSIONS.len()];
    for (at, line) in watch.lines_since(case.series, onset) {
        let one = count(watch, at, line, group);
        for (dimension, &id) in line.series.iter().enumerate() {
            let of = by_value[dimension].entry(id).or_default();
            of.observed += one.observed;
            of.expected += one.expected;
        }
    }
    let mut ids = Vec::new();
    let mut table = Vec::new();
    for (dimension, values) in by_value.iter().enumerate() {
        let sign = if case.rises { 1.0 } else { -1.0 };
        let mut values: Vec<_> = values.iter().collect();
        values.sort_by(|a, b| {
            let excess = |c: &Count| sign * (c.observed - c.expected);
            excess(b.1).total_cmp(&excess(a.1)).then(a.0.cmp(b.0))
        });
        for (&id, shared) in values.into_iter().take(ASKED) {
            // A batch brings its own onset: all of its lines count.
            let lines = &watch.members[id as usize];
            let first = watch.told.lines[lines[0] as usize].day;
            let (from, begins) = if dimension == BATCH {
                (first.max(onset - 60), (first - onset).abs() <= 7)
            } else {
                (onset, false)
            };
            let whole = sum(watch, watch.lines_since(id, from), group);
            let share = group.map_or(1.0, |_| 0.3);
            let before: f64 = if dimension == BATCH {
                0.0
            } else {
                lines
                    .iter()
                    .map(|&at| at as usize)
                    .take_while(|&at| watch.told.lines[at].day < onset)
                    .map(|at| f64::from(watch.expected[at][2]) * share)
                    .sum()
            };
            ids.push(id);
            table.push(Candidate {
                dimension: DIMENSIONS[dimension].to_owned(),
                value: watch.told.names[id as usize].1.clone(),
                observed: whole.observed,
                expected: whole.expected,
                known: 30.0 + before,
                shared_observed: shared.observed,
                shared_expected: shared.expected,
                values: watch.sizes[dimension],
                begins,
                parents: Vec::new(),
            });
        }
    }
    rank(&anomaly, &table)
        .into_iter()
        .map(|cause| ids[cause.row])
        .collect()
}
