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
mod overlaps;
pub(crate) mod process;
mod row;
mod tell;
mod volumes;
mod watch;
mod why;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

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

use baseline::Baseline;
use delays::Delays;
use lines::{DIMENSIONS, Dimension, Line, Lines, NO_SERIES, WATCHED, kept_from};
use overlaps::Overlaps;
pub(crate) use row::{Row, id_of};
use tell::Fresh;
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
    /// Series of which so many lines are kept that nobody should walk them, as of the last priming.
    huge: BTreeSet<u32>,
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
            huge: BTreeSet::new(),
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
    overlaps: RefCell<Overlaps>,
    fresh: Fresh,
    /// Series of which priors are learned, once they were sought among all.
    asked: Option<BTreeSet<u32>>,
    pairs: [FxHashMap<(u32, u32), u32>; DIMENSIONS],
}

fn class_of(line: &Sold) -> (u32, u32) {
    (line.category, line.size)
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
        self.small.lines.forget(kept_from(day));
    }

    /// Lines that are new, and numbers of those of which it became known today that they come back.
    fn gather(&mut self, world: &World, day: i32) -> Vec<u64> {
        let mut returned = Vec::new();
        let mut today = std::mem::take(&mut self.small.today);
        // In the order of the lines; what was told of one stays in the order in which it was.
        let mut order: Vec<((u32, u32), usize)> =
            today.iter().enumerate().map(|(at, of)| (of.0.id, at)).collect();
        order.sort_unstable();
        let mut delivered = FxHashMap::<((u32, u32), i32), u32>::default();
        for of_line in order.chunk_by(|a, b| a.0 == b.0) {
            let several: Vec<(Sold, i64)>;
            let (before, sold) = match of_line {
                [(_, at)] if today[*at].1 > 0 => (None, &today[*at].0),
                _ => {
                    several = of_line.iter().map(|(_, at)| today[*at].clone()).collect();
                    let (before, now) = net(&several);
                    let Some(sold) = now.last() else { continue };
                    (before.first().map(|line| line.requested > 0), *sold)
                }
            };
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
                    *delivered.entry((class_of(sold), sold.delivered_on)).or_default() += 1;
                    Some(small.lines.push(Line {
                        id,
                        series,
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
        for ((class, day), lines) in delivered {
            self.small.baseline.delivered(class, day, lines);
            self.small.delays.delivered(class.0, day, lines);
        }
        today.clear();
        self.small.today = today;
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
