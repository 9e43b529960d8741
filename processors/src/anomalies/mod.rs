//! Anomalies of return rates: thousands of series watched at each day's close, few false alarms, one row an anomaly, and its why.
//!
//! Lines are gathered as the folds learn of them; when the clock enters a new day of the tenant's, the day before is closed: lines are told to
//! their series in one order, whatever the order within the day, so that the same log gives the same anomalies. Detection, control of false discoveries and the
//! ranking of causes are `eddy_models::shift`'s; here is what they are told, and the life of the rows.
//!
//! Deliberately absent here: any series that is not of return rates; [`process`] watches those.

mod baseline;
mod delays;
pub(crate) mod lines;
mod look;
pub(crate) mod output;
pub(crate) mod process;
mod row;
mod volumes;
mod watch;
mod why;

use std::collections::BTreeMap;
use std::hint::black_box;

use bitcode::{Decode, Encode};
use eddy_events::feedback::AnomalyReviewed;
use eddy_events::output::{Data, OutputType};
use eddy_events::returns::REASON_GROUPS;
use eddy_models::shift::WINDOW_DAYS;
use eddy_models::shift::cases::Cases;
use eddy_models::shift::family::Policy;
use eddy_models::shift::prior::Prior;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::ledger::Ledger;
use crate::rates::sold::{Sold, net};
use crate::slab::Paged;
use crate::world::World;

use baseline::{Baseline, LAG, Level};
use delays::Delays;
use lines::{DIMENSIONS, Dimension, Line, Lines, NO_SERIES, WATCHED, kept_from};
pub(crate) use row::{Row, id_of};
use volumes::Volumes;
pub(crate) use watch::Key;
use watch::{Curves, Watched};

/// Days of the log after which lines are told to series, and after which alarms are raised.
const TOLD_FROM: i32 = 21;
const ALARMS_FROM: i32 = 60;
/// Days after which priors are learned anew, and causes ranked anew.
const WEEK: i32 = 7;
/// Days around a case's lines that are no baseline either.
const HELD: i32 = 3;
/// Shares of the level of false discoveries by dimension, in the order of [`Dimension::ALL`].
const SHARES: [f64; WATCHED] = [
    0.16, 0.14, 0.10, 0.06, 0.06, 0.10, 0.10, 0.10, 0.08, 0.04, 0.03, 0.03,
];
/// How far ahead series are touched while others are told.
const AHEAD: u64 = 4;
/// Growth of the excess at which an anomaly is told again.
const GROWN: f64 = 1.25;

/// What is small, or changes as a whole, and is written into each snapshot.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Small {
    /// The first day that was closed.
    began: Option<i32>,
    /// Lines put in (1) or taken out (-1) since the last close.
    today: Vec<(Sold, i64)>,
    lines: Lines,
    /// Number of the next line that its series are told of; `None` before the first are.
    told: Option<u64>,
    /// Number of the next line that teaches its article's level.
    taught: u64,
    baseline: Baseline,
    delays: Delays,
    priors: [Prior; WATCHED],
    primed: Option<i32>,
    /// What lines are held to expect by what is now known of their articles was put right, once, before the first alarm.
    restated: bool,
    cases: Cases<u32>,
    /// Lines that no baseline may learn from, by case: dimension, series, first day of delivery, day after the last.
    explained: BTreeMap<u64, (Dimension, u32, i32, i32)>,
    pub(crate) rows: Vec<Row>,
    pub(crate) process: process::Small,
    /// Series by dimension.
    values: [usize; DIMENSIONS],
    volumes: Volumes,
}

impl Default for Small {
    fn default() -> Self {
        Self {
            began: None,
            today: Vec::new(),
            lines: Lines::default(),
            told: None,
            taught: 0,
            baseline: Baseline::default(),
            delays: Delays::default(),
            priors: [Prior::default(); WATCHED],
            primed: None,
            restated: false,
            cases: Cases::new(Policy::default()),
            explained: BTreeMap::new(),
            rows: Vec::new(),
            process: process::Small::default(),
            values: [0; DIMENSIONS],
            volumes: Volumes::default(),
        }
    }
}

/// The state.
#[derive(Debug, Default)]
pub(crate) struct Anomalies {
    pub(crate) shard: u32,
    pub(crate) small: Small,
    pub(crate) series: Ledger<Key, Watched>,
    /// Outputs of the event under way.
    pub(crate) told: Vec<(OutputType, (SmolStr, Data))>,
    dirty: Vec<u32>,
    /// Numbers of series by their value, as they are asked for: the ledger has to look at a series to know it.
    numbers: [Vec<u32>; DIMENSIONS],
    pairs: [FxHashMap<(u32, u32), u32>; DIMENSIONS],
}

fn class_of(line: &Sold) -> (u32, u32) {
    (line.category, line.size)
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
    /// None yet.
    pub(crate) fn new(shard: u32) -> Self {
        Self {
            shard,
            ..Self::default()
        }
    }

    /// All paged state, in a fixed order that snapshots rely on.
    pub(crate) fn slabs(&mut self) -> [&mut dyn Paged; 1] {
        [&mut self.series.entries]
    }

    /// Takes the lines that the folds put in (1) or took out (-1) after `closed`, the last day that is closed.
    pub(crate) fn take(&mut self, sold: &[(Sold, i64)], closed: Option<i32>) {
        let old = closed.map_or(i32::MIN, |day| day - WINDOW_DAYS);
        let young = sold.iter().filter(|(line, _)| line.delivered_on > old);
        self.small.today.extend(young.cloned());
    }

    /// Closes a day.
    pub(crate) fn close(&mut self, world: &World, day: i32, clock: i64) {
        let began = *self.small.began.get_or_insert(day);
        let returned = self.gather(world, day);
        let tells = day - began >= TOLD_FROM;
        let mut stirred = Vec::new();
        if tells {
            self.small.volumes.advance(day);
            stirred = self.tell(returned, day);
            self.teach(day);
        }
        let curves = &self.small.delays.curves(day);
        self.small.baseline.close(day, curves);
        if !tells {
            return;
        }
        if day - began >= ALARMS_FROM && !self.small.restated {
            self.restate();
        }
        let curves = Curves::new(curves, self.series.len());
        if self.small.primed.is_none_or(|primed| day - primed >= WEEK) {
            self.prime(day, &curves);
        }
        if day - began >= ALARMS_FROM {
            self.look(world, day, &curves, stirred, clock);
        }
        while self.small.lines.forget(kept_from(day)).is_some() {}
    }

    /// Lines that are new, and numbers of those of which it became known today that they come back.
    fn gather(&mut self, world: &World, day: i32) -> Vec<u64> {
        let mut returned = Vec::new();
        let mut today = std::mem::take(&mut self.small.today);
        today.sort_by_key(|(line, _)| line.id);
        for of_line in today.chunk_by(|(a, _), (b, _)| a.id == b.id) {
            let (before, now) = net(of_line);
            let before = before.first().map(|line| line.requested > 0);
            let Some(sold) = now.last() else { continue };
            let id = sold.id;
            let group = (sold.requested > 0).then(|| {
                let word = world.symbols.text(sold.group);
                let at = REASON_GROUPS.iter().position(|group| *group == word);
                at.unwrap_or(REASON_GROUPS.len() - 1) as u8
            });
            let number = match before {
                Some(true) => continue,
                Some(false) => self.small.lines.find(id),
                None => {
                    let series = self.series_of(sold);
                    let small = &mut self.small;
                    small.baseline.delivered(class_of(sold), sold.delivered_on);
                    small.delays.delivered(sold.category, sold.delivered_on);
                    Some(small.lines.push(Line {
                        id,
                        series,
                        before: [0; DIMENSIONS],
                        category: sold.category,
                        day: sold.delivered_on,
                        known: day,
                        returned: None,
                        value_minor: sold.value_minor,
                        explained: false,
                        expected: [0.0; 3],
                        mix: [0.0; eddy_models::shift::GROUPS],
                    }))
                }
            };
            let Some(group) = group else { continue };
            let line = number.and_then(|number| self.small.lines.get(number));
            let explained = line.is_some_and(|line| line.explained);
            self.small.baseline.returned(class_of(sold), group, explained);
            if let Some(number) = number
                && let Some(line) = self.small.lines.get_mut(number)
            {
                line.returned = Some((day, group));
                self.small.delays.returned(sold.category, day - sold.delivered_on);
                returned.push(number);
            }
        }
        returned
    }

    fn series_of(&mut self, sold: &Sold) -> [u32; DIMENSIONS] {
        Dimension::ALL.map(|dimension| {
            let Some(value) = dimension.of(sold) else {
                return NO_SERIES;
            };
            let (at, which, pair) = (value.0 as usize, dimension as usize, dimension.is_pair());
            let known = if pair {
                self.pairs[which].get(&value).copied()
            } else {
                self.numbers[which].get(at).copied().filter(|of| *of != NO_SERIES)
            };
            if let Some(number) = known {
                return number;
            }
            let known = self.series.len();
            let number = self.series.number(&Key { dimension, value });
            if number == known {
                self.small.values[which] += 1;
            }
            if pair {
                self.pairs[which].insert(value, number);
            } else {
                let numbers = &mut self.numbers[which];
                if numbers.len() <= at {
                    numbers.resize(at + 1, NO_SERIES);
                }
                numbers[at] = number;
            }
            number
        })
    }

    /// Reads what a line will be told to, see [`Series::touch`].
    fn touch(&self, number: u64) -> i32 {
        let Some(line) = self.small.lines.get(number) else {
            return 0;
        };
        let known = line.series.iter().filter(|series| **series != NO_SERIES);
        known.fold(0, |sum, series| {
            sum ^ self.series.entries.get(*series).value.series.touch()
        })
    }

    /// Tells the series of lines that they have not heard of, and of returns. Which of them had a return.
    fn tell(&mut self, returned: Vec<u64>, today: i32) -> Vec<u32> {
        let mut stirred = Vec::new();
        // The first time all that is kept is told; later on what came today.
        let first = self.small.told.is_none();
        let from = self.small.told.unwrap_or_else(|| self.small.lines.first());
        for number in from..self.small.lines.next() {
            black_box(self.touch(number + AHEAD));
            let Some(line) = self.small.lines.get(number) else {
                continue;
            };
            let (series, day, class) = (
                line.series,
                line.day,
                (line.category, size_of(&self.series, line)),
            );
            let level = level_of(&self.series, &series);
            let explained = self
                .small
                .lines
                .get(number)
                .is_some_and(|line| explains(&self.small.explained, line));
            let expected = self.small.baseline.expect(class, day, level, explained);
            let small = &mut self.small;
            let Some(line) = small.lines.get_mut(number) else {
                continue;
            };
            (line.expected, line.mix, line.explained) = (expected.mass, expected.mix, explained);
            for (dimension, series) in Dimension::ALL.into_iter().zip(line.series) {
                if series == NO_SERIES {
                    continue;
                }
                let of = &mut self.series.entries.get_mut(series).value;
                let before = (number + 1).saturating_sub(of.next);
                line.before[dimension as usize] = if of.next == 0 {
                    0
                } else {
                    u32::try_from(before).unwrap_or(0)
                };
                of.next = number + 1;
                if (dimension as usize) < WATCHED {
                    of.weights.add(line.category, f64::from(line.expected[0]));
                    let (told, which) = ((&mut of.series, &mut of.large), (series, dimension as usize));
                    let mass = line.mass(dimension);
                    of.most += mass;
                    small.volumes.deliver(told, which, (today, line.day), |series| {
                        series.delivered(line.day, mass, &line.mix);
                        mass
                    });
                }
            }
        }
        self.small.told = Some(self.small.lines.next());
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
    fn teach(&mut self, day: i32) {
        let small = &mut self.small;
        let from = small.taught.max(small.lines.first());
        small.taught = from;
        while let Some(line) = small
            .lines
            .get(small.taught)
            .filter(|line| line.known <= day - LAG)
        {
            small.taught += 1;
            if !explains(&small.explained, line) {
                let class = (line.category, size_of(&self.series, line));
                small
                    .baseline
                    .taught(class, line.expected[1], line.returned.is_some());
            }
        }
        for number in from..small.taught {
            let Some(line) = small.lines.get(number) else {
                continue;
            };
            if explains(&small.explained, line) {
                continue;
            }
            let class = (line.category, size_of(&self.series, line));
            let expected = f64::from(line.expected[1]) * small.baseline.in_hindsight(class);
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
    fn restate(&mut self) {
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
                    of.most += more;
                    self.small.volumes.restate(dimension as usize, line.day, more);
                }
            }
        }
    }

    /// Somebody spoke about an anomaly. `false` when there is none of this id.
    pub(crate) fn review(&mut self, world: &World, said: &AnomalyReviewed, at: i64) -> bool {
        let Some(number) = row::number_of(self.shard, &said.anomaly_id) else {
            return self.review_process(world, said, at);
        };
        let Some(row) = self.small.rows.get_mut(number as usize) else {
            return false;
        };
        row.review(said, at);
        self.dirty.push(number);
        let row = &self.small.rows[number as usize];
        let data = output::told(world, &self.series, id_of(self.shard, number), row);
        self.told.push((OutputType::AnomalyUpdated, data));
        true
    }

    /// Rows that are due.
    pub(crate) fn take_dirty(&mut self) -> Vec<u32> {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        dirty.dedup();
        dirty
    }
}
