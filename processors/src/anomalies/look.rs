//! The look at the series at a day's close: priors once a week, then evidence of those that may alarm, cases, and the rows that are due.
//!
//! What a series is told, and the why, are elsewhere.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hint::black_box;

use eddy_models::shift::WINDOW_DAYS;
use eddy_models::shift::evidence::LEAST_FALL;
use eddy_models::shift::family::Policy;
use eddy_models::shift::prior::{LEAST, Moments};

use super::lines::{WATCHED, kept_from};
use super::watch::{Curves, View, numbered};
use super::{AHEAD, Anomalies, HELD, Row, SHARES, WEEK, id_of, output, why};
use crate::world::World;

/// Less than what [`Moments`] asks a series to have, by more than rounding. Most have too little, and are not read at all.
pub(super) const LEAST_ASKED: f64 = 0.999 * LEAST;

/// Expected returns of the window from which a series is huge, and half of which it must keep to stay so.
const HUGE: f64 = 400.0;
/// Series that [`super::overlaps`] tells apart: those of cases first, then huge ones that see the same.
const FOLLOWED: usize = 64;

impl Anomalies {
    /// Learns over all series of each dimension how far they lie apart.
    pub(super) fn prime(&mut self, day: i32, curves: &Curves<'_>) {
        let mut moments = [Moments::default(); WATCHED];
        let most = |of: &Self, number| of.series.entries.get(number).value.most;
        let asked = self.asked.take().unwrap_or_else(|| {
            let all = 0..self.series.len();
            all.filter(|number| most(self, *number) >= LEAST_ASKED).collect()
        });
        for number in &asked {
            let entry = self.series.entries.get_mut(*number);
            let Some(of) = moments.get_mut(entry.key.dimension as usize) else {
                continue;
            };
            entry.value.series.advance(day);
            let volume = entry.value.series.volume();
            entry.value.most = volume + entry.value.series.history().expected;
            if volume >= HUGE {
                self.small.huge.insert(*number);
            } else if volume < HUGE / 2.0 {
                self.small.huge.remove(number);
            }
            let series = &self.series.entries.get(*number).value.series;
            of.observe(series, day, curves.of(&self.series, *number));
        }
        let kept = asked
            .into_iter()
            .filter(|number| most(self, *number) >= LEAST_ASKED);
        self.asked = Some(kept.collect());
        self.small.priors = moments.map(|of| of.prior());
        self.small.primed = Some(day);
    }

    /// Looks at every series that may alarm, and opens, carries on and closes cases.
    pub(super) fn look(
        &mut self,
        world: &World,
        day: i32,
        curves: &Curves<'_>,
        stirred: Vec<u32>,
        clock: i64,
    ) {
        let small = &mut self.small;
        let open = small.cases.iter().filter(|case| case.resolved.is_none());
        // The rest heard nothing that speaks for a rise, and expect too little for a fall.
        let heads: Vec<u32> = open.map(|case| case.series).collect();
        let mut looked = stirred;
        looked.extend(&heads);
        looked.extend(small.volumes.large());
        looked.sort_unstable();
        looked.dedup();
        for (at, number) in looked.iter().enumerate() {
            if let Some(next) = looked.get(at + AHEAD as usize) {
                black_box(self.series.entries.get(*next).value.series.touch());
            }
            let of = &mut self.series.entries.get_mut(*number).value;
            of.series.advance(day);
            if of.large && of.series.volume() < LEAST_FALL {
                of.large = false;
                small.volumes.is_small(*number);
            }
        }
        let known = small.cases.iter().map(|case| (case.series, case.explains_from()));
        let open = small.cases.iter().filter(|case| case.resolved.is_none());
        let beside = open.flat_map(|case| case.members.iter().map(|of| (*of, case.explains_from())));
        let mut followed = BTreeMap::new();
        for (number, from) in known.chain(beside.filter(|(number, _)| small.huge.contains(number))) {
            if followed.len() < FOLLOWED || followed.contains_key(&number) {
                let dimension = self.series.entries.get(number).key.dimension;
                let (_, since) = followed.entry(number).or_insert((dimension, from));
                *since = from.min(*since);
            }
        }
        let first = day - WINDOW_DAYS + 1;
        // Without a case as well: on the day of the first one nobody should walk a huge series either.
        let (series, lines) = (&self.series, &small.lines);
        self.overlaps
            .get_mut()
            .follow(&followed, small.huge.iter().copied(), first, |number, since| {
                numbered(series, lines, number, since).map(|(_, line)| line)
            });
        let view = View {
            overlaps: &self.overlaps,
            today: day,
            series: &self.series,
            lines: &small.lines,
            curves,
            priors: &small.priors,
            values: small.values,
            expected: RefCell::default(),
        };
        let (volumes, tested) = (small.volumes.of_dimensions(), small.volumes.series());
        let least = Policy::default().least_observed;
        let mut alarms = Vec::new();
        for number in looked {
            let entry = self.series.entries.get(number);
            let at = entry.key.dimension as usize;
            let volume = entry.value.series.volume();
            // Most are too small for an alarm, which is told sooner than their evidence.
            if volume < least && entry.value.series.seen() < least {
                continue;
            }
            let (series, curve, prior) = (&entry.value.series, view.curve(number), &small.priors[at]);
            let share = SHARES[at] * volume / volumes[at];
            // Nearly all of the rest are as ever, which is told sooner as well.
            if !heads.contains(&number) && !series.may_reach(day, curve, prior, small.cases.bar(share)) {
                continue;
            }
            if let Some(evidence) = series.evidence(day, curve, prior) {
                alarms.extend(small.cases.alarm(number, share, evidence));
            }
        }
        let changes = small.cases.close(day, alarms, &view);
        let mut held = Vec::new();
        let mut due = Vec::new();
        for id in changes
            .opened
            .iter()
            .chain(&changes.updated)
            .chain(&changes.resolved)
        {
            let Some(case) = small.cases.case(*id) else {
                continue;
            };
            let to = case.ended.map_or(i32::MAX, |end| end.saturating_add(HELD));
            held.push((case.series, case.onset - HELD, to));
            let opened = changes.opened.contains(id);
            let number = (*id - 1) as usize;
            if opened && small.rows.len() == number {
                small.rows.push(Row::default());
            }
            let Some(row) = small.rows.get_mut(number) else {
                continue;
            };
            let moved = row.series != case.series;
            let causes =
                (opened || moved || (day - case.opened) % WEEK == 0).then_some(|| why::causes(&view, case));
            let counted = row.counted();
            let tell = row.take(
                day,
                case,
                || view.stakes(case, counted),
                causes,
                (tested, clock, opened || moved),
            );
            due.push((number as u32, tell));
        }
        for case in small.cases.iter() {
            let end = case.ended.map_or(i32::MAX, |end| end.saturating_add(HELD));
            let slice = (view.dimension(case.series), case.series, case.onset - HELD, end);
            small.explained.insert(case.id, slice);
        }
        small.explained.retain(|_, (_, _, _, to)| *to > kept_from(day));
        for (series, from, to) in held {
            self.series.entries.get_mut(series).value.series.hold(from, to);
        }
        for (number, tell) in due {
            self.dirty.push(number);
            if let Some(kind) = tell {
                let row = &self.small.rows[number as usize];
                let data = output::told(world, &self.series, id_of(self.shard, number), row);
                self.told.push((kind, data));
            }
        }
    }
}
