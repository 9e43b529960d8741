//! Anomalies of how things run: damage by packer and lane, backlogs at inspection desks, refunds that are late or that nobody begins, attempts that fail, parcels that nobody scans.
//!
//! [`units`] says what happened, [`subject`] what is watched and by what; here units are told to their series at the day's close, in one order, with what was expected
//! of them: the rate of their class so far (of a first attempt its own score, of a line at a desk what that desk used to take), moved by what all of the subject's series do
//! at once. Detection, false discoveries and the life of cases are `eddy_models::shift`'s, as for return rates, in a family of its own; [`cells`] answers its questions.
//!
//! Deliberately absent: falls. That fewer things go wrong raises no alarm here.

mod cells;
mod desks;
mod look;
mod owed;
mod subject;
mod units;

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_events::Event;
use eddy_models::shift::cases::Cases;
use eddy_models::shift::common::Common;
use eddy_models::shift::family::Policy;
use eddy_models::shift::prior::{Moments, Prior};
use eddy_models::shift::series::Curve;
use eddy_models::shift::spread::{BLOCK_DAYS, Spread};
use eddy_models::shift::{GROUPS, WINDOW_DAYS};

use super::output::Named;
use super::row::Row;
use crate::fold::Owner;
use crate::ndr::Ndr;
use crate::world::World;

use cells::{Cell, Cells, NO_SERIES, Place, Watched};
use desks::Desks;
pub(crate) use look::id_of;
use subject::{KINDS, Key, SUBJECTS, Subject};
use units::{Heard, Unit, Value};

/// Days of the log after which units are told to series, and after which alarms are raised.
const TOLD_FROM: i32 = 14;
const ALARMS_FROM: i32 = 45;
/// Units that the assumed rate of a subject counts for.
const ASSUMED: f64 = 20.0;
/// Units of a class that the rate of its subject counts for.
const LENT: f64 = 50.0;
/// Days after which half of what a class taught is forgotten.
const HALF_DAYS: f64 = 180.0;
/// Days around a case's units that are no baseline either.
const HELD: i32 = 3;
/// Marks numbers of rows that are of here.
pub(crate) const HERE: u32 = 1 << 31;

/// Observed and expected, of a class or a subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
struct Rate {
    observed: f64,
    base: f64,
}

impl Rate {
    fn of(&self, strength: f64, parent: f64) -> f64 {
        (self.observed + strength * parent) / (self.base + strength)
    }

    fn add(&mut self, other: &Self) {
        self.observed += other.observed;
        self.base += other.base;
    }
}

/// The state, written whole into each snapshot: it grows with couriers, lanes, packers and desks, not with orders.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Small {
    /// The first day that was closed.
    began: Option<i32>,
    heard: Heard,
    desks: Desks,
    subjects: [Rate; SUBJECTS],
    classes: BTreeMap<(Subject, u32), Rate>,
    common: [Common; SUBJECTS],
    cells: Cells,
    numbers: BTreeMap<Key, u32>,
    series: Vec<Watched>,
    /// By kind of series.
    kinds: [(Prior, Spread); KINDS.len()],
    primed: Option<i32>,
    cases: Cases<u32>,
    /// Units that no rate may learn from, by case: series, first day, day after the last.
    explained: BTreeMap<u64, (u32, i32, i32)>,
    pub(crate) rows: Vec<Row>,
}

impl Default for Small {
    fn default() -> Self {
        Self {
            began: None,
            heard: Heard::default(),
            desks: Desks::default(),
            subjects: [Rate::default(); SUBJECTS],
            classes: BTreeMap::new(),
            common: [Common::default(); SUBJECTS],
            cells: Cells::default(),
            numbers: BTreeMap::new(),
            series: Vec::new(),
            kinds: [(Prior::default(), Spread::default()); KINDS.len()],
            primed: None,
            cases: Cases::new(Policy::default()),
            explained: BTreeMap::new(),
            rows: Vec::new(),
        }
    }
}

/// Everything is known when it is told.
fn now() -> &'static Curve {
    static NOW: std::sync::OnceLock<Curve> = std::sync::OnceLock::new();
    NOW.get_or_init(|| Curve::new(&[1.0]))
}

/// All of it in one group: reasons are not told apart.
const MIX: [f32; GROUPS] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

impl Small {
    /// Notes what an event touched, after the folds and the scores heard it.
    pub(crate) fn hear(&mut self, world: &mut World, ndr: &Ndr, event: &Event, owner: Owner) {
        self.heard.hear(world, ndr, event, owner);
    }

    /// Tells a day's units to their series. Whether alarms may be raised.
    fn take(&mut self, world: &mut World, day: i32) -> bool {
        let began = *self.began.get_or_insert(day);
        let units = self.heard.units(world, &mut self.desks, day);
        self.desks.close(day);
        self.tell(&units, day - began >= TOLD_FROM);
        if day - began < TOLD_FROM {
            return false;
        }
        for of in &mut self.series {
            of.series.advance(day);
        }
        if self.primed.is_none_or(|primed| day - primed >= BLOCK_DAYS) {
            self.prime(day);
        }
        self.cells.forget(day);
        day - began >= ALARMS_FROM
    }

    fn tell(&mut self, units: &[Unit], tells: bool) {
        let mut rates: BTreeMap<(Subject, u32), Rate> = BTreeMap::new();
        let mut common = [(0.0, 0.0); SUBJECTS];
        let mut cells: BTreeMap<Place, Cell> = BTreeMap::new();
        for unit in units {
            let series = unit.values.map(|value| self.number(unit.subject, value));
            let at = unit.subject as usize;
            let plain = unit.base * self.rate(unit.subject, unit.class);
            let moved = if unit.subject.is_common() {
                plain * self.common[at].factor()
            } else {
                plain
            };
            let one = f64::from(u8::from(unit.observed));
            if !self.explains(unit.day, &series) {
                common[at].0 += one;
                common[at].1 += plain;
                rates.entry((unit.subject, unit.class)).or_default().add(&Rate {
                    observed: one,
                    base: unit.base,
                });
            }
            cells.entry((unit.day, series)).or_default().add(&Cell {
                units: 1,
                observed: u32::from(unit.observed),
                expected: moved.min(1.0),
                value_minor: unit.value_minor,
            });
        }
        let keep = (-1.0 / HALF_DAYS).exp2();
        for rate in self.subjects.iter_mut().chain(self.classes.values_mut()) {
            rate.observed *= keep;
            rate.base *= keep;
        }
        for ((subject, class), rate) in rates {
            self.subjects[subject as usize].add(&rate);
            self.classes.entry((subject, class)).or_default().add(&rate);
        }
        if !tells {
            return;
        }
        for (common, (observed, expected)) in self.common.iter_mut().zip(common) {
            if expected > 0.0 {
                common.observe(observed, expected);
            }
        }
        for (place, cell) in cells {
            let (day, series) = place;
            for series in series.into_iter().filter(|series| *series != NO_SERIES) {
                let of = &mut self.series[series as usize].series;
                of.delivered(day, cell.expected, &MIX);
                if cell.observed > 0 {
                    of.returned(day, 0, u16::try_from(cell.observed).unwrap_or(u16::MAX));
                }
            }
            self.cells.add(place, &cell);
        }
    }

    fn number(&mut self, subject: Subject, value: Value) -> u32 {
        let Some((dimension, value)) = value else {
            return NO_SERIES;
        };
        let key = Key {
            subject,
            dimension,
            value,
        };
        *self.numbers.entry(key).or_insert_with(|| {
            self.series.push(Watched {
                key,
                ..Watched::default()
            });
            (self.series.len() - 1) as u32
        })
    }

    /// The rate of a class so far.
    fn rate(&self, subject: Subject, class: u32) -> f64 {
        let parent = self.subjects[subject as usize].of(ASSUMED, subject.assumed());
        let of = self.classes.get(&(subject, class));
        of.map_or(parent, |of| of.of(LENT, parent))
    }

    fn explains(&self, day: i32, series: &[u32; 3]) -> bool {
        self.explained
            .values()
            .any(|(of, from, to)| (*from..*to).contains(&day) && series.contains(of))
    }

    /// Learns once a week how far series lie apart, and how they vary.
    fn prime(&mut self, day: i32) {
        self.primed = Some(day);
        let mut moments = [Moments::default(); KINDS.len()];
        let mut sums = [Spread::default(); KINDS.len()];
        let (from, to) = (day - 2 * BLOCK_DAYS + 1, day - BLOCK_DAYS + 1);
        for of in &mut self.series {
            let kind = of.key.kind();
            moments[kind].observe(&of.series, day, now());
            of.spread.fade();
            let held = of.held.is_some_and(|held| held.0 < to && held.1 > from);
            if !held {
                let week = of.series.since(from, to, day, now());
                let all = of.series.since(day - WINDOW_DAYS, i32::MAX, day, now());
                let history = of.series.history();
                let (prior, spread) = &self.kinds[kind];
                let level = (prior.strength + all.all() + history.all())
                    / (prior.strength + all.expected + history.expected);
                of.spread
                    .observe(week.all(), week.expected * level, spread.of_kind());
            }
            sums[kind].add(&of.spread);
        }
        for (kind, (moments, sum)) in self.kinds.iter_mut().zip(moments.iter().zip(sums)) {
            *kind = (moments.prior(), sum);
        }
    }
}

impl Named for Small {
    fn subject(&self, series: u32) -> &'static str {
        self.series[series as usize].key.subject.word()
    }

    fn dimension(&self, series: u32) -> &'static str {
        self.series[series as usize].key.dimension.word()
    }

    fn value(&self, world: &World, series: u32) -> String {
        self.series[series as usize].key.value_text(world)
    }
}
