//! Return rates as they stand: what comes back of each article, style, supplier, lane, how mature that figure is, and how sure.
//!
//! Lines are put in and taken out as the folds learn of them ([`Rates::take`]): integers, in any order. When the clock enters a new day of the
//! tenant's, the days before it are closed ([`Rates::close`]): curves of delay are learned from the sums, and each value is left with its
//! rate, its interval and what it is held against. So a row is as of the end of a day and costs nothing in between; rates to the event are
//! made on read, by the view `return_rates`, from the same curves.
//!
//! Deliberately absent: which statement asks what, and the arithmetic of rates, which is `eddy_models`'.

mod ages;
pub(crate) mod closed;
pub(crate) mod forecast;
pub(crate) mod level;
pub(crate) mod sold;

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_events::returns::REASON_GROUPS;
use eddy_models::delay::{AGES, Curve};
use eddy_models::shrinkage::{Prior, Spread, between};
use rustc_hash::FxHashMap;

use crate::interner::NO_SYMBOL;
use crate::ledger::Ledger;
use crate::slab::Paged;
use crate::world::World;

pub(crate) use ages::Basis;
use ages::{Ages, Exposed};
use closed::{Closed, LATE, Seen, Sum, WINDOW};
use level::{Dimension, GROUPS, Key, Level, Ring, RingKey, first_day, share};
use sold::{Arrived, Sold, net};

/// Units that the mean of a group counts for about one member, until the members tell: categories of all, styles of a category, articles of a
/// style, values of any other dimension.
const ASSUMED: [f64; 4] = [20.0, 40.0, 150.0, 150.0];
/// Lines that may wait, for the close of a day or for somebody to look; more are added up before.
const WAITING: usize = 1 << 16;
/// Maturity from which a day of delivery counts as having spoken.
const SPOKEN: f64 = 0.8;

/// What is small and written whole into each snapshot.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Small {
    /// The last day that is closed; `None` before the first event.
    pub(crate) closed: Option<i32>,
    /// The days as of which curves were learned and values left with their rates: the last closed one, or one before.
    learned: Option<i32>,
    leveled: Option<i32>,
    /// What came since the last close.
    sold: Vec<(Sold, i64)>,
    arrived: Vec<(Arrived, i64)>,
    /// What came before it and is not in the rings yet.
    waiting: Vec<(Sold, i64)>,
    /// By symbol of the category, none for lines without one.
    ages: BTreeMap<u32, Ages>,
    /// Curves at the last close, by category and basis.
    pub(crate) curves: BTreeMap<u32, [Curve; 2]>,
    /// Arrivals at facilities, and what the last close left of them to forecast from.
    pub(crate) arrivals: forecast::Arrivals,
    /// Those of all lines, by basis; for a category that came since.
    pub(crate) wide: [Curve; 2],
}

/// The state.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    pub(crate) small: Small,
    pub(crate) rings: Ledger<RingKey, Ring>,
    pub(crate) levels: Ledger<Key, Level>,
    /// Levels whose rows are due.
    dirty: Vec<u32>,
    /// First day of maturity that has a row, once rows are due.
    pub(crate) matured_from: Option<i32>,
    maturity_due: bool,
    /// Keys of the rows of the forecast that were written last.
    pub(crate) forecast_rows: Vec<(u32, u32, i32)>,
    /// Number of a reason's group by its symbol.
    groups: FxHashMap<u32, u8>,
}

impl Rates {
    /// All paged state, in a fixed order that snapshots rely on.
    pub(crate) fn slabs(&mut self) -> [&mut dyn Paged; 2] {
        [&mut self.rings.entries, &mut self.levels.entries]
    }

    /// Builds the indexes again from the restored pages.
    pub(crate) fn reindex(&mut self) {
        self.rings.reindex();
        self.levels.reindex();
    }

    /// Bytes held by indexes, which are never spilled.
    pub(crate) fn index_bytes(&self) -> usize {
        self.rings.index_bytes() + self.levels.index_bytes()
    }

    /// Takes the lines that the folds put in or took out, and what arrived. They are added up when the day is closed: until then all stands as the last close left it.
    pub(crate) fn take(&mut self, world: &World) {
        self.small.sold.extend_from_slice(&world.sold);
        self.small.arrived.extend_from_slice(&world.arrived);
        if self.small.sold.len() + self.small.arrived.len() > WAITING {
            self.ensure(world);
            self.add_up();
            self.add_to_rings(world);
        }
    }

    /// Adds what came to ages and arrivals; rings wait until somebody looks.
    fn add_up(&mut self) {
        // In one order, however the day was cut.
        self.small.sold.sort_by_key(|(line, _)| line.id);
        for (line, sign) in &self.small.sold {
            let ages = self.small.ages.entry(line.category).or_default();
            ages.add(line, *sign);
        }
        self.small.waiting.append(&mut self.small.sold);
        for (arrived, sign) in std::mem::take(&mut self.small.arrived) {
            self.small.arrivals.add(&arrived, sign);
        }
    }

    /// Adds what waits to the rings: of each line what it was and what it is, whatever it was in between.
    fn add_to_rings(&mut self, world: &World) {
        let mut waiting = std::mem::take(&mut self.small.waiting);
        for (line, _) in waiting.iter().filter(|(_, sign)| *sign > 0) {
            self.lies_in(line);
        }
        waiting.sort_by_key(|(line, _)| line.id);
        let mut changes = Vec::with_capacity(waiting.len());
        for of_line in waiting.chunk_by(|(a, _), (b, _)| a.id == b.id) {
            let (before, now) = net(of_line);
            let mut part = |line| (line, self.group(world, line));
            match (&before[..], &now[..]) {
                ([before], [now]) if now.lies_with(before) => {
                    if !now.rings_as(before) {
                        let (now, before) = (Some(part(*now)), Some(part(*before)));
                        changes.push(Change { before, now });
                    }
                }
                _ => {
                    for line in before {
                        let before = Some(part(line));
                        changes.push(Change { before, now: None });
                    }
                    for line in now {
                        let now = Some(part(line));
                        changes.push(Change { before: None, now });
                    }
                }
            }
        }
        let first = self.small.closed.map_or(i32::MIN, first_day);
        // One dimension after another: most have few values, which then stay at hand.
        for dimension in Dimension::ALL {
            for change in &changes {
                self.change(dimension, change, first);
            }
        }
    }

    /// An article lies in the style that was told last.
    fn lies_in(&mut self, line: &Sold) {
        let dimension = Dimension::Sku;
        let Some(value) = dimension.of(line) else { return };
        let level = self.levels.number(&Key { dimension, value });
        if self.levels.entries.get(level).value.parent != line.style {
            self.levels.entries.get_mut(level).value.parent = line.style;
        }
    }

    /// Number of the group of a line's reason.
    fn group(&mut self, world: &World, line: &Sold) -> usize {
        let of = self.groups.entry(line.group).or_insert_with(|| {
            let word = world.symbols.text(line.group);
            let at = REASON_GROUPS.iter().position(|group| *group == word);
            at.unwrap_or(GROUPS - 1) as u8
        });
        usize::from(*of)
    }

    fn change(&mut self, dimension: Dimension, change: &Change<'_>, first: i32) {
        let Some((line, _)) = change.now.or(change.before) else {
            return;
        };
        let Some(value) = dimension.of(line) else { return };
        let key = Key { dimension, value };
        let known = self.rings.len();
        let number = self.rings.number(&RingKey {
            key,
            category: line.category,
        });
        if number == known {
            let level = self.levels.number(&key);
            // In the order of their categories: which ring came first depends on when lines were put in, and sums must not.
            let of = |ring: &u32| self.rings.entries.get(*ring).key.category < line.category;
            let at = self.levels.entries.get(level).value.rings.partition_point(of);
            let level = &mut self.levels.entries.get_mut(level).value;
            level.rings.insert(at, number);
        }
        let ring = &mut self.rings.entries.get_mut(number).value;
        // What is put in first keeps the day that the other is taken out of.
        if let Some((now, group)) = change.now {
            ring.add(now, group, 1, first);
        }
        if let Some((before, group)) = change.before {
            ring.add(before, group, -1, first);
        }
    }

    /// Whether an event of this day enters a day that is not begun.
    pub(crate) fn enters(&self, day: i32) -> bool {
        self.small
            .closed
            .is_none_or(|closed| day > closed.saturating_add(1))
    }

    /// Closes all days before `day`, which the clock has entered. The sums must be settled and taken.
    pub(crate) fn close(&mut self, world: &World, day: i32) {
        self.add_up();
        if self.small.waiting.len() > WAITING {
            self.add_to_rings(world);
        }
        self.small.closed = Some(day.saturating_sub(1));
        self.maturity_due = true;
    }

    /// Learns the curves as of the last close, unless that is done.
    fn ensure_learned(&mut self) {
        if let Some(day) = self
            .small
            .closed
            .filter(|_| self.small.learned != self.small.closed)
        {
            self.learn(day);
            self.small.learned = Some(day);
        }
    }

    /// Leaves every value its rate as of the last close, unless that is done. What stands then is what stood at the close, whenever this is asked for; a backlog
    /// pays only for the days after which somebody looked.
    pub(crate) fn ensure(&mut self, world: &World) {
        self.ensure_learned();
        if let Some(day) = self
            .small
            .closed
            .filter(|_| self.small.leveled != self.small.closed)
        {
            self.add_to_rings(world);
            self.level(day);
            self.small.leveled = Some(day);
        }
    }

    fn learn(&mut self, day: i32) {
        let mut all = Exposed::default();
        let of_each: Vec<(u32, Exposed)> = self
            .small
            .ages
            .iter()
            .filter(|(_, ages)| !ages.is_empty())
            .map(|(category, ages)| (*category, ages.exposed(day)))
            .collect();
        for (_, exposed) in &of_each {
            all.merge(exposed);
        }
        self.small.wide = Basis::ALL.map(|basis| all.curve(basis, None));
        let wide = &self.small.wide;
        self.small.curves = of_each
            .iter()
            .map(|(category, exposed)| {
                let of = |basis: Basis| exposed.curve(basis, Some(&wide[basis as usize]));
                (*category, Basis::ALL.map(of))
            })
            .collect();
    }

    /// What is seen of one value, and the category that has most of it.
    fn seen(&mut self, level: u32, day: i32, rates: &BTreeMap<u32, f64>) -> Seen {
        let mut seen = Seen::default();
        for at in 0..self.levels.entries.get(level).value.rings.len() {
            let ring = self.levels.entries.get(level).value.rings[at];
            let category = self.rings.entries.get(ring).key.category;
            let Some([curve, _]) = self.small.curves.get(&category) else {
                continue;
            };
            let first = first_day(day);
            if self
                .rings
                .entries
                .get(ring)
                .value
                .days
                .first()
                .is_some_and(|of| of.day < first)
            {
                self.rings.entries.get_mut(ring).value.forget(first);
            }
            let ring = &self.rings.entries.get(ring).value;
            let ever = ring.evidence(curve, day);
            for (sum, of) in seen.groups.iter_mut().zip(&ring.groups) {
                *sum += of;
            }
            seen.ever.returned += ever.returned;
            seen.ever.exposure += ever.exposure;
            let mut window = Sum::default();
            let mut unspoken = Sum::default();
            for of in ring.days.iter().filter(|of| of.day <= day) {
                let share = share(curve, day, of.day);
                let sum = Sum {
                    delivered: of.delivered,
                    requested: of.requested,
                    value_minor: of.value_minor,
                    requested_value_minor: of.requested_value_minor,
                    exposure: of.delivered as f64 * share,
                };
                if share < SPOKEN {
                    unspoken.add(&sum);
                }
                if of.day > day - WINDOW {
                    window.add(&sum);
                }
                if of.day > day - LATE {
                    seen.late.add(&sum);
                }
            }
            let matured = ever.without(unspoken.evidence());
            seen.matured.returned += matured.returned;
            seen.matured.exposure += matured.exposure;
            seen.peers += window.delivered as f64 * rates.get(&category).copied().unwrap_or(curve.ever);
            seen.window.add(&window);
        }
        seen
    }

    /// Leaves each value with its rate.
    fn level(&mut self, day: i32) {
        let none = BTreeMap::new();
        let mut numbers: Vec<(Key, u32)> = (0..self.levels.len())
            .map(|number| (self.levels.entries.get(number).key, number))
            .collect();
        // As with rings: levels are numbered as lines were put in.
        numbers.sort_unstable();
        let of = |dimension| move |(key, _): &&(Key, u32)| key.dimension == dimension;
        // From the widest to the narrowest, so that each finds its parent.
        let all = numbers
            .iter()
            .find(of(Dimension::All))
            .map(|(_, number)| (*number, self.seen(*number, day, &none)));
        let Some((all_number, all)) = all else { return };
        let ever = Prior::new(0.1, 1.0).told(all.ever);
        self.leave(day, all_number, &all, Prior::new(0.1, 1.0));
        let mut rates = BTreeMap::new();
        let mut categories = BTreeMap::new();
        let mut spread = Spread::default();
        for (key, number) in numbers.iter().filter(of(Dimension::Category)) {
            let seen = self.seen(*number, day, &none);
            spread.add(seen.ever);
            categories.insert(key.value.0, (*number, seen));
        }
        let apart = between([&spread], ASSUMED[0]);
        let mut beliefs = BTreeMap::new();
        for (category, (number, seen)) in &mut categories {
            let parents = ever.member(apart);
            let belief = parents.told(seen.ever);
            rates.insert(*category, belief.mean);
            beliefs.insert(*category, belief);
            seen.peers = ever.mean * seen.window.delivered as f64;
            self.leave(day, *number, seen, parents);
        }
        let mut styles = BTreeMap::new();
        let mut by_category: BTreeMap<u32, Spread> = BTreeMap::new();
        for (key, number) in numbers.iter().filter(of(Dimension::Style)) {
            let seen = self.seen(*number, day, &rates);
            let category = self.category_of(*number);
            by_category.entry(category).or_default().add(seen.ever);
            styles.insert(key.value.0, (*number, seen, category));
        }
        let apart = between(by_category.values(), ASSUMED[1]);
        for (number, seen, category) in styles.values() {
            let parents = beliefs.get(category).unwrap_or(&ever).member(apart);
            self.leave(day, *number, seen, parents);
        }
        let mut skus = Vec::new();
        let mut by_style: BTreeMap<u32, Spread> = BTreeMap::new();
        for (key, number) in numbers.iter().filter(of(Dimension::Sku)) {
            let seen = self.seen(*number, day, &rates);
            let style = self.levels.entries.get(*number).value.parent;
            by_style.entry(style).or_default().add(seen.ever);
            skus.push((key.value.0, *number, seen, style));
        }
        let inside = between(by_style.values(), ASSUMED[2]);
        for (_, number, seen, style) in &skus {
            let parents = match styles.get(style) {
                Some((_, of_style, category)) => beliefs
                    .get(category)
                    .unwrap_or(&ever)
                    .member(apart)
                    .told(of_style.ever.without(seen.ever))
                    .member(inside),
                None => {
                    let category = self.category_of(*number);
                    beliefs.get(&category).unwrap_or(&ever).member(apart)
                }
            };
            self.leave(day, *number, seen, parents);
        }
        for dimension in &Dimension::ALL[4..] {
            let mut members = Vec::new();
            let mut spread = Spread::default();
            for (_, number) in numbers.iter().filter(of(*dimension)) {
                let seen = self.seen(*number, day, &rates);
                spread.add(seen.ever);
                members.push((*number, seen));
            }
            let apart = between([&spread], ASSUMED[3]);
            for (number, seen) in members {
                // Held against lines of the same categories.
                let mean = if seen.window.delivered > 0 {
                    seen.peers / seen.window.delivered as f64
                } else {
                    ever.mean
                };
                self.leave(day, number, &seen, Prior::new(mean, apart));
            }
        }
    }

    fn leave(&mut self, day: i32, number: u32, seen: &Seen, parents: Prior) {
        let mut closed = Closed::of(day, seen, parents, 1.0);
        let entry = self.levels.entries.get(number);
        if let Some(closed) = &mut closed {
            closed.style = entry.value.parent;
            if entry.key.dimension.lies_in_a_category() {
                closed.category = self.category_of(number);
            }
        }
        if closed != entry.value.closed {
            self.levels.entries.get_mut(number).value.closed = closed;
            self.dirty.push(number);
        }
    }

    /// The category that most of a value lies in.
    fn category_of(&self, number: u32) -> u32 {
        let rings = &self.levels.entries.get(number).value.rings;
        let largest = rings.iter().max_by_key(|ring| {
            let of = &self.rings.entries.get(**ring);
            (of.value.delivered, std::cmp::Reverse(of.key.category))
        });
        largest.map_or(NO_SYMBOL, |ring| self.rings.entries.get(*ring).key.category)
    }

    /// Levels whose rows are due.
    pub(crate) fn take_dirty(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.dirty)
    }

    /// Whether the rows of maturity and of the forecast are due.
    pub(crate) fn take_maturity(&mut self) -> bool {
        std::mem::take(&mut self.maturity_due)
    }

    /// After a restore: which rows stand in the tables, so that they can be taken back.
    pub(crate) fn remember_rows(&mut self) {
        self.matured_from = self.small.closed.map(|_| *self.maturing().start());
        self.ensure_learned();
        self.forecast_rows = forecast::keys(&forecast::forecasts(&self.small));
    }

    /// Categories that have or had lines.
    pub(crate) fn categories(&self) -> impl Iterator<Item = u32> {
        self.small.ages.keys().copied()
    }

    /// Days of delivery that have a row of maturity: those whose returns are still to come, and the one that is under way.
    pub(crate) fn maturing(&self) -> std::ops::RangeInclusive<i32> {
        match self.small.closed {
            Some(closed) => closed + 2 - AGES as i32..=closed + 1,
            #[allow(clippy::reversed_empty_ranges)]
            None => 1..=0,
        }
    }
}

/// A line as it was and as it is, each with the group of its reason; where it is both, nothing but what came back of it differs.
struct Change<'a> {
    before: Option<(&'a Sold, usize)>,
    now: Option<(&'a Sold, usize)>,
}

/// Part of a whole; all of it where there is none.
#[allow(clippy::cast_precision_loss)]
fn share_of(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}
