//! The detector over a year of lines, day by day, as the engine would call it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use eddy_models::shift::WINDOW_DAYS;
use eddy_models::shift::cases::{Case, Cases, Known, Shared, Slices};
use eddy_models::shift::evidence::{Evidence, LEAST_FALL};
use eddy_models::shift::family::Policy;
use eddy_models::shift::prior::{Moments, Prior};
use eddy_models::shift::series::{Curve, Series};

use super::baseline::{Baseline, Expected};
use super::lines::{ACROSS, CATEGORY, Line, Told, WATCHED};
use super::why;

/// Days from which lines are told to series, and from which alarms are raised.
pub const TOLD_FROM: i32 = 21;
pub const ALARMS_FROM: i32 = 60;

/// A case as it stood on a day.
#[derive(Clone)]
pub struct Heard {
    pub day: i32,
    pub opened: bool,
    pub case: Case<u32>,
}

/// What a cause was thought to be.
pub struct Named {
    pub case: u64,
    pub day: i32,
    /// Ranked series.
    pub causes: Vec<u32>,
}

/// What came out.
#[derive(Default)]
pub struct Outcome {
    pub heard: Vec<Heard>,
    pub named: Vec<Named>,
    /// Arrivals observed and expected by watched series and day, for the rivals.
    pub arrivals: Vec<Vec<(f32, f32)>>,
    /// Largest logarithm of an e-value, by series.
    pub largest: Vec<f64>,
    pub looked: u64,
    pub spent: Duration,
    /// Series and days that the engine asks, those of them that its screen lets pass, and alarms of the others, which it does not see.
    pub asked: u64,
    pub passed: u64,
    pub unseen: u64,
    /// Series of which a return became known today.
    stirred: BTreeSet<u32>,
}

/// All that is known at a day's close.
pub struct Watch<'a> {
    pub told: &'a Told,
    pub today: i32,
    pub series: Vec<Series>,
    /// Lines by series, in the order in which they became known.
    pub members: Vec<Vec<u32>>,
    /// What was expected of each line: plain, class, article.
    pub expected: Vec<[f32; 3]>,
    pub mixes: Vec<[f32; 8]>,
    /// Series by dimension that were heard of.
    pub sizes: [usize; 13],
    /// Slices of all cases so far: dimension, series, first day, day after the last.
    explained: BTreeMap<u64, (usize, u32, i32, i32)>,
    curves: Vec<Curve>,
    slots: Vec<usize>,
    weights: Vec<Vec<f64>>,
    priors: Vec<Prior>,
}

impl<'a> Watch<'a> {
    fn new(told: &'a Told) -> Self {
        let n = told.names.len();
        Self {
            told,
            today: 0,
            series: vec![Series::default(); n],
            members: vec![Vec::new(); n],
            expected: vec![[0.0; 3]; told.lines.len()],
            mixes: vec![[0.0; 8]; told.lines.len()],
            sizes: [0; 13],
            explained: BTreeMap::new(),
            curves: vec![Curve::new(&[1.0]); n],
            slots: vec![0; n],
            weights: vec![Vec::new(); n],
            priors: vec![Prior::default(); WATCHED],
        }
    }

    /// What a line's share in a series of a dimension expects.
    pub fn mass(&self, line: usize, dimension: usize) -> f64 {
        let at = match dimension {
            CATEGORY => 0,
            d if d >= ACROSS => 2,
            _ => 1,
        };
        f64::from(self.expected[line][at])
    }

    pub fn dimension(&self, series: u32) -> usize {
        self.told.names[series as usize].0
    }

    pub fn curve(&self, series: u32) -> &Curve {
        &self.curves[series as usize]
    }

    /// Lines of a series delivered from a day on, latest known first.
    pub fn lines_since(&self, series: u32, from: i32) -> impl Iterator<Item = (usize, &Line)> {
        self.members[series as usize]
            .iter()
            .rev()
            .map(|&at| (at as usize, &self.told.lines[at as usize]))
            .take_while(move |(_, line)| line.known >= from)
            .filter(move |(_, line)| line.day >= from)
    }

    /// Whether a case explains a line: no baseline may learn from it.
    fn explains(&self, line: &Line) -> bool {
        self.explained.values().any(|&(dimension, series, from, to)| {
            (from..to).contains(&line.day) && line.series[dimension] == series
        })
    }

    fn returned_by_now(&self, line: &Line) -> Option<usize> {
        line.returned
            .filter(|(day, _)| *day <= self.today)
            .map(|(_, group)| usize::from(group))
    }

    fn deliver(&mut self, at: usize, expected: &Expected) {
        let line = &self.told.lines[at];
        self.expected[at] = [expected.plain, expected.class, expected.article].map(|e| e as f32);
        self.mixes[at] = expected.mix;
        for (dimension, &id) in line.series.iter().enumerate() {
            if self.members[id as usize].is_empty() {
                self.sizes[dimension] += 1;
            }
            self.members[id as usize].push(at as u32);
            if dimension < WATCHED {
                let mass = self.mass(at, dimension);
                self.series[id as usize].delivered(line.day, mass, &expected.mix);
            }
        }
    }

    fn learn_priors(&mut self) {
        let mut moments = [Moments::default(); WATCHED];
        for (id, series) in self.series.iter().enumerate() {
            let dimension = self.told.names[id].0;
            if dimension < WATCHED {
                moments[dimension].observe(series, self.today, &self.curves[id]);
            }
        }
        self.priors = moments.iter().map(Moments::prior).collect();
    }

    fn learn_curves(&mut self, baseline: &Baseline) {
        for id in 0..self.series.len() {
            let weights = &self.weights[id];
            if weights.is_empty() {
                continue;
            }
            self.curves[id] = if self.told.names[id].0 < ACROSS {
                baseline.curves[self.slots[id]].clone()
            } else {
                Curve::blend(
                    weights
                        .iter()
                        .enumerate()
                        .filter(|(_, w)| **w > 0.0)
                        .map(|(slot, &w)| (w, &baseline.curves[slot])),
                )
            };
        }
    }
}

impl Slices<u32> for Watch<'_> {
    fn residual(&self, series: &u32, known: &[Known<'_, u32>]) -> Option<Evidence> {
        let dimension = self.dimension(*series);
        let own = &self.series[*series as usize];
        let explained: Vec<_> = self
            .lines_since(*series, self.today - WINDOW_DAYS)
            .filter(|(_, line)| {
                known.iter().any(|case| {
                    (case.from..case.to).contains(&line.day)
                        && line.series[self.dimension(*case.series)] == *case.series
                })
            })
            .map(|(at, line)| (line.day, self.mass(at, dimension), self.returned_by_now(line)))
            .collect();
        own.without(explained).evidence(
            self.today,
            &self.curves[*series as usize],
            &self.priors[dimension],
        )
    }

    fn shared(&self, a: &u32, b: &u32, from: i32) -> Shared {
        let sum = |series: u32, other: u32| {
            let other_dimension = self.dimension(other);
            let (mut both, mut all) = (0.0, 1e-9);
            for (at, line) in self.lines_since(series, from) {
                let mass = f64::from(self.expected[at][1]);
                all += mass;
                both += if line.series[other_dimension] == other {
                    mass
                } else {
                    0.0
                };
            }
            both / all
        };
        Shared {
            of_a: sum(*a, *b),
            of_b: sum(*b, *a),
        }
    }

    fn ended(&self, case: &Case<u32>) -> Option<i32> {
        self.series[case.series as usize].ended(
            self.today,
            &self.curves[case.series as usize],
            &case.evidence(),
            Case::<u32>::END,
        )
    }
}

/// Watches a year.
pub fn watch(told: &Told, policy: Policy, shares: &[f64; WATCHED], keep_arrivals: bool) -> Outcome {
    let mut watch = Watch::new(told);
    let mut baseline = Baseline::new(told);
    let mut cases: Cases<u32> = Cases::new(policy);
    let mut out = Outcome {
        largest: vec![f64::NEG_INFINITY; told.names.len()],
        ..Outcome::default()
    };
    if keep_arrivals {
        out.arrivals = vec![Vec::new(); told.names.len()];
    }
    let last = told.days;
    let mut returns: Vec<Vec<u32>> = vec![Vec::new(); last as usize + 1];
    for (at, line) in told.lines.iter().enumerate() {
        if let Some((day, _)) = line.returned.filter(|(day, _)| *day <= last) {
            returns[day.max(0) as usize].push(at as u32);
        }
    }
    let (mut next, mut taught) = (0, 0);
    let mut explained = vec![false; told.lines.len()];
    for today in 0..=last {
        watch.today = today;
        let from = next;
        while next < told.lines.len() && told.lines[next].known <= today {
            baseline.delivered(&told.lines[next]);
            next += 1;
        }
        for &at in &returns[today as usize] {
            let line = &told.lines[at as usize];
            if let Some((_, group)) = line.returned {
                baseline.returned(line, today, group, explained[at as usize]);
            }
        }
        if today < TOLD_FROM {
            baseline.close(today);
            baseline.borrow_curves(told);
            continue;
        }
        let from = if today == TOLD_FROM { 0 } else { from };
        for (at, known) in explained.iter_mut().enumerate().take(next).skip(from) {
            let line = &told.lines[at];
            *known = watch.explains(line);
            let expected = baseline.expect(line, *known);
            let category = baseline.slot(line.series[CATEGORY]);
            for &id in &line.series[..WATCHED] {
                watch.slots[id as usize] = category;
                let weights = &mut watch.weights[id as usize];
                weights.resize(baseline.curves.len(), 0.0);
                weights[category] += expected.plain;
            }
            watch.deliver(at, &expected);
        }
        let begin = if today == TOLD_FROM { 0 } else { today };
        out.stirred.clear();
        for day in begin..=today {
            for &at in &returns[day as usize] {
                let line = &told.lines[at as usize];
                let Some((_, group)) = line.returned else { continue };
                for &id in &line.series[..WATCHED] {
                    watch.series[id as usize].returned(line.day, usize::from(group), 1);
                    out.stirred.insert(id);
                }
            }
        }
        while taught < next && told.lines[taught].known <= today - Baseline::LAG {
            let expected = f64::from(watch.expected[taught][1]);
            if !watch.explains(&told.lines[taught]) {
                baseline.teach(&told.lines[taught], today, expected);
            }
            taught += 1;
        }
        baseline.close(today);
        baseline.borrow_curves(told);
        if today % 7 == 0 || today == TOLD_FROM {
            watch.learn_curves(&baseline);
            watch.learn_priors();
        }
        close(&mut watch, &mut cases, shares, &mut out, keep_arrivals);
        if keep_arrivals {
            for &at in &returns[today as usize] {
                for &id in &told.lines[at as usize].series[..WATCHED] {
                    out.arrivals[id as usize][today as usize].0 += 1.0;
                }
            }
        }
    }
    if std::env::var_os("EDDY_PRIORS").is_some() {
        for (dimension, prior) in watch.priors.iter().enumerate() {
            println!(
                "    prior of {}: {prior:.2?}",
                super::lines::DIMENSIONS[dimension]
            );
        }
    }
    out
}

fn close(
    watch: &mut Watch<'_>,
    cases: &mut Cases<u32>,
    shares: &[f64; WATCHED],
    out: &mut Outcome,
    keep_arrivals: bool,
) {
    let today = watch.today;
    let mut volumes = [0.0; WATCHED];
    for (id, series) in watch.series.iter_mut().enumerate() {
        series.advance(today);
        let dimension = watch.told.names[id].0;
        if dimension < WATCHED {
            volumes[dimension] += series.volume();
        }
        if keep_arrivals && dimension < WATCHED {
            let curve = &watch.curves[id];
            let due: f64 = series
                .cohorts()
                .map(|c| {
                    f64::from(c.expected) * f64::from(curve.at(today - c.day) - curve.at(today - c.day - 1))
                })
                .sum();
            let days = &mut out.arrivals[id];
            days.resize(today as usize + 1, (0.0, 0.0));
            days[today as usize].1 = due as f32;
        }
    }
    if today < ALARMS_FROM {
        return;
    }
    let begin = Instant::now();
    let mut alarms = Vec::new();
    for (id, series) in watch.series.iter().enumerate() {
        let dimension = watch.told.names[id].0;
        if dimension >= WATCHED {
            continue;
        }
        out.looked += 1;
        let (curve, prior) = (&watch.curves[id], &watch.priors[dimension]);
        let share = shares[dimension] * series.volume() / volumes[dimension];
        // The engine asks fewer series, and reckons the evidence of fewer still.
        let heads = cases
            .iter()
            .any(|c| c.resolved.is_none() && c.series == id as u32);
        let asks = heads || series.volume() >= LEAST_FALL || out.stirred.contains(&(id as u32));
        let passes = asks && (heads || series.may_reach(today, curve, prior, cases.bar(share)));
        out.asked += u64::from(asks);
        out.passed += u64::from(passes);
        let Some(evidence) = series.evidence(today, curve, prior) else {
            continue;
        };
        out.largest[id] = out.largest[id].max(evidence.log_e);
        let alarm = cases.alarm(id as u32, share, evidence);
        if passes {
            alarms.extend(alarm);
        } else {
            out.unseen += u64::from(alarm.is_some());
        }
    }
    out.spent += begin.elapsed();
    let changes = cases.close(today, alarms, watch);
    for id in changes
        .opened
        .iter()
        .chain(&changes.updated)
        .chain(&changes.resolved)
    {
        let Some(case) = cases.case(*id) else { continue };
        watch.series[case.series as usize].hold(case.onset - 3, case.ended.map_or(i32::MAX, |end| end + 3));
        out.heard.push(Heard {
            day: today,
            opened: changes.opened.contains(id),
            case: case.clone(),
        });
    }
    for case in cases.iter() {
        let end = case.ended.map_or(i32::MAX, |end| end + 3);
        let slice = (watch.dimension(case.series), case.series, case.onset - 3, end);
        watch.explained.insert(case.id, slice);
    }
    for case in cases.iter().filter(|c| c.resolved.is_none()) {
        if (today - case.opened) % 7 == 0 {
            out.named.push(Named {
                case: case.id,
                day: today,
                causes: why::causes(watch, case),
            });
        }
    }
}
