//! What series are told at a day's close: new lines, lines that came back, what articles teach, and once what was not known of them before.
//!
//! The lines of a day are added up by series first, beside each other in memory, and each series is told once: thirteen series a line lie anywhere, and most lines go to few.

use std::collections::BTreeMap;
use std::hint::black_box;

use eddy_models::shift::GROUPS;
use rustc_hash::FxHashMap;

use super::baseline::{LAG, Level, Plan};
use super::lines::{DIMENSIONS, Dimension, Line, NO_SERIES, WATCHED};
use super::watch::{Key, Watched};
use super::{AHEAD, Anomalies};
use crate::ledger::Ledger;

/// How far ahead the series of lines are touched while others are told.
const LINES_AHEAD: u64 = 2;

/// What lines of one day tell one series.
#[derive(Debug)]
struct Told {
    series: u32,
    dimension: u8,
    /// Day of delivery, and category of the first line.
    day: i32,
    category: u32,
    /// As [`Watched::next`].
    next: u64,
    level: Level,
    mass: f64,
    weight: f64,
    mix: [f32; GROUPS],
}

/// Sums of the lines that are being told; empty in between.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    /// Place among `told` by series, one more; nought for none.
    places: Vec<u32>,
    told: Vec<Told>,
    /// Weights of further categories, by series and category.
    weights: FxHashMap<(u32, u32), f64>,
    plans: FxHashMap<(u32, u32), Plan>,
    /// Expected returns by category and day, of lines that no case explains.
    masses: BTreeMap<(u32, i32), f64>,
}

/// Whether a case explains a line.
fn explains(explained: &BTreeMap<u64, (Dimension, u32, i32, i32)>, line: &Line) -> bool {
    explained.values().any(|(dimension, series, from, to)| {
        (*from..*to).contains(&line.day) && line.series[*dimension as usize] == *series
    })
}

/// The level of a line's article, by its series.
fn level_of(of: &Ledger<Key, Watched>, series: &[u32; DIMENSIONS]) -> f64 {
    let level = |dimension: Dimension| match series[dimension as usize] {
        NO_SERIES => Level::default(),
        number => of.entries.get(number).value.level,
    };
    level(Dimension::Sku).of_sku(level(Dimension::Style).of_style())
}

/// Symbol of the size of a line, by its series.
fn size_of(series: &Ledger<Key, Watched>, line: &Line) -> u32 {
    match line.series[Dimension::CategorySize as usize] {
        NO_SERIES => crate::interner::NO_SYMBOL,
        number => series.entries.get(number).key.value.1,
    }
}

impl Anomalies {
    /// Where a series' sums stand.
    fn place(fresh: &mut Fresh, of: &Ledger<Key, Watched>, series: u32, line: &Line) -> usize {
        let at = &mut fresh.places[series as usize];
        if *at == 0 {
            let entry = of.entries.get(series);
            fresh.told.push(Told {
                series,
                dimension: entry.key.dimension as u8,
                day: line.day,
                category: line.category,
                next: entry.value.next,
                level: entry.value.level,
                mass: 0.0,
                weight: 0.0,
                mix: [0.0; GROUPS],
            });
            *at = fresh.told.len() as u32;
        }
        *at as usize - 1
    }

    /// Tells a series what was added up for it.
    fn pass_on(&mut self, at: usize, today: i32) {
        let told = &mut self.fresh.told[at];
        let of = &mut self.series.entries.get_mut(told.series).value;
        of.next = told.next;
        if usize::from(told.dimension) < WATCHED {
            of.weights.add(told.category, told.weight);
            if of.expects(told.mass)
                && let Some(asked) = &mut self.asked
            {
                asked.insert(told.series);
            }
            let which = (told.series, usize::from(told.dimension));
            let (series, large) = (&mut of.series, &mut of.large);
            self.small
                .volumes
                .deliver((series, large), which, (today, told.day), |series| {
                    series.delivered_together(told.day, told.mass, &told.mix);
                    told.mass
                });
        }
        (told.mass, told.weight, told.mix) = (0.0, 0.0, [0.0; GROUPS]);
    }

    /// Tells the series of lines that they have not heard of, and of returns. Which of them had a return.
    pub(super) fn tell(&mut self, returned: Vec<u64>, today: i32) -> Vec<u32> {
        // The first time all that is kept is told; later on what came today.
        let first = self.small.told.is_none();
        let from = self.small.told.unwrap_or_else(|| self.small.lines.first());
        self.fresh.places.resize(self.series.len() as usize, 0);
        for number in from..self.small.lines.next() {
            self.touch_line(number + LINES_AHEAD);
            self.tell_line(number, today);
        }
        for at in 0..self.fresh.told.len() {
            if let Some(next) = self.fresh.told.get(at + AHEAD as usize) {
                black_box(self.series.entries.get(next.series).value.series.touch());
            }
            self.pass_on(at, today);
        }
        let fresh = &mut self.fresh;
        for told in fresh.told.drain(..) {
            fresh.places[told.series as usize] = 0;
        }
        let mut weights: Vec<_> = fresh.weights.drain().collect();
        weights.sort_unstable_by_key(|(of, _)| *of);
        for ((series, category), weight) in weights {
            self.series
                .entries
                .get_mut(series)
                .value
                .weights
                .add(category, weight);
        }
        fresh.plans.clear();
        for ((category, day), mass) in std::mem::take(&mut fresh.masses) {
            self.small.baseline.expects(category, day, mass);
        }
        let overlaps = self.overlaps.get_mut();
        if !overlaps.is_idle() {
            for number in from..self.small.lines.next() {
                if let Some(line) = self.small.lines.get(number) {
                    overlaps.delivered(line);
                }
            }
        }
        self.small.told = Some(self.small.lines.next());
        self.tell_returns(first, returned, today)
    }

    /// Reads what telling a line begins with, so that it is at hand by then.
    fn touch_line(&self, number: u64) {
        let Some(line) = self.small.lines.get(number) else {
            return;
        };
        for of in line.series {
            if of != NO_SERIES && self.fresh.places[of as usize] == 0 {
                black_box(self.series.entries.get(of).value.next);
            }
        }
    }

    fn tell_line(&mut self, number: u64, today: i32) {
        let Some(line) = self.small.lines.get(number) else {
            return;
        };
        let explained = explains(&self.small.explained, line);
        let (fresh, series) = (&mut self.fresh, &self.series);
        let mut places = [usize::MAX; DIMENSIONS];
        for (place, of) in places.iter_mut().zip(line.series) {
            if of != NO_SERIES {
                *place = Self::place(fresh, series, of, line);
            }
        }
        let level = |dimension: Dimension| {
            let told = fresh.told.get(places[dimension as usize]);
            told.map_or_else(Level::default, |told| told.level)
        };
        let level = level(Dimension::Sku).of_sku(level(Dimension::Style).of_style());
        let class = (line.category, size_of(series, line));
        let plan = fresh
            .plans
            .entry(class)
            .or_insert_with(|| self.small.baseline.plan(class));
        let expected = plan.times(level);
        let mix = plan.mix;
        if !explained {
            *fresh.masses.entry((line.category, line.day)).or_default() += plan.rate;
        }
        let Some(line) = self.small.lines.get_mut(number) else {
            return;
        };
        (line.expected, line.mix, line.explained) = (expected, mix, explained);
        let (day, category) = (line.day, line.category);
        let masses = Dimension::ALL.map(|dimension| line.mass(dimension));
        for (dimension, at) in Dimension::ALL.into_iter().zip(places) {
            let Some(told) = self.fresh.told.get_mut(at) else {
                continue;
            };
            self.small.lines.follows(number, dimension, told.next);
            told.next = number + 1;
        }
        for at in places {
            if self.fresh.told.get(at).is_some_and(|told| told.day != day) {
                self.pass_on(at, today);
                self.fresh.told[at].day = day;
            }
        }
        for (at, mass) in places.into_iter().zip(masses).take(WATCHED) {
            let Some(told) = self.fresh.told.get_mut(at) else {
                continue;
            };
            told.mass += mass;
            for (sum, share) in told.mix.iter_mut().zip(mix) {
                *sum += share * mass as f32;
            }
            if told.category == category {
                told.weight += f64::from(expected[0]);
            } else {
                let key = (told.series, category);
                *self.fresh.weights.entry(key).or_default() += f64::from(expected[0]);
            }
        }
    }

    fn tell_returns(&mut self, first: bool, returned: Vec<u64>, today: i32) -> Vec<u32> {
        let mut stirred = Vec::new();
        // A line that came back before it was told of counts as well.
        let earlier = (self.small.lines.first()..self.small.lines.next())
            .filter(|_| first)
            .filter(|number| {
                self.small
                    .lines
                    .get(*number)
                    .is_some_and(|line| line.returned.is_some())
            });
        let returned = if first { earlier.collect() } else { returned };
        for number in returned {
            let Some(line) = self.small.lines.get(number) else {
                continue;
            };
            let Some((_, group)) = line.returned else { continue };
            let overlaps = self.overlaps.get_mut();
            if !overlaps.is_idle() {
                overlaps.returned(line);
            }
            for series in &line.series[..WATCHED] {
                if *series != NO_SERIES {
                    let of = &mut self.series.entries.get_mut(*series).value;
                    of.series.advance(today);
                    of.series.returned(line.day, usize::from(group), 1);
                    stirred.push(*series);
                }
            }
        }
        stirred
    }

    /// Lines of a month ago teach the level of their articles.
    pub(super) fn teach(&mut self, day: i32) {
        let small = &mut self.small;
        let from = small.taught.max(small.lines.first());
        small.taught = from;
        let mut classes = FxHashMap::<(u32, u32), Level>::default();
        let mut teach = Vec::new();
        while let Some(line) = small
            .lines
            .get(small.taught)
            .filter(|line| line.known <= day - LAG)
        {
            small.taught += 1;
            if !explains(&small.explained, line) {
                let class = (line.category, size_of(&self.series, line));
                let of = classes.entry(class).or_default();
                of.expected += f64::from(line.expected[1]);
                of.observed += f64::from(u8::from(line.returned.is_some()));
                teach.push((small.taught - 1, class));
            }
        }
        let mut hindsight = FxHashMap::<(u32, u32), f64>::default();
        for (class, lines) in classes {
            small.baseline.taught(class, lines);
            hindsight.insert(class, small.baseline.in_hindsight(class));
        }
        for (at, (number, class)) in teach.iter().enumerate() {
            let ahead = teach.get(at + AHEAD as usize);
            if let Some(next) = ahead.and_then(|(number, _)| small.lines.get(*number)) {
                for dimension in [Dimension::Sku, Dimension::Style] {
                    let series = next.series[dimension as usize];
                    if series != NO_SERIES {
                        black_box(self.series.entries.get(series).value.level);
                    }
                }
            }
            let Some(line) = small.lines.get(*number) else {
                continue;
            };
            let expected = f64::from(line.expected[1]) * hindsight[class];
            for dimension in [Dimension::Sku, Dimension::Style] {
                let series = line.series[dimension as usize];
                if series != NO_SERIES {
                    let level = &mut self.series.entries.get_mut(series).value.level;
                    level.expected += expected;
                    level.observed += f64::from(u8::from(line.returned.is_some()));
                }
            }
        }
    }

    /// Tells the series that cut across articles once more what their lines are expected to do. When the first lines came nothing was known of the level of their articles, so
    /// that a supplier of good ones was below what was expected of it; as their levels are learned it would rise to it, which is no shift.
    pub(super) fn restate(&mut self) {
        self.small.restated = true;
        for number in self.small.lines.first()..self.small.lines.next() {
            let Some(line) = self.small.lines.get(number) else {
                continue;
            };
            let level = level_of(&self.series, &line.series);
            let Some(line) = self.small.lines.get_mut(number) else {
                continue;
            };
            let now = (f64::from(line.expected[1]) * level) as f32;
            let more = f64::from(now) - f64::from(line.expected[2]);
            line.expected[2] = now;
            for (dimension, series) in Dimension::ALL.into_iter().zip(line.series).take(WATCHED) {
                if series != NO_SERIES && dimension.cuts_across() {
                    let of = &mut self.series.entries.get_mut(series).value;
                    of.series.delivered(line.day, more, &line.mix);
                    if of.expects(more)
                        && let Some(asked) = &mut self.asked
                    {
                        asked.insert(series);
                    }
                    self.small.volumes.restate(dimension as usize, line.day, more);
                }
            }
        }
    }
}
