//! A day's look at all series: cases opened, carried on and closed, and their rows.

use eddy_events::feedback::AnomalyReviewed;
use eddy_events::output::OutputType;
use eddy_models::shift::WINDOW_DAYS;
use eddy_models::shift::family::Policy;
use smol_str::{SmolStr, format_smolstr};

use super::cells::View;
use super::desks::Desks;
use super::subject::{Dimension, KINDS, Subject};
use super::{HELD, HERE, Row, Small, TOLD_FROM, now};
use crate::anomalies::{Anomalies, output};
use crate::world::World;

/// Days after which causes are ranked anew.
const WEEK: i32 = 7;

/// Id of an anomaly by its number.
pub(crate) fn id_of(shard: u32, number: u32) -> SmolStr {
    format_smolstr!("AP{shard}-{:06}", number + 1)
}

/// Number of an anomaly of a shard by its id.
fn number_of(shard: u32, id: &str) -> Option<u32> {
    let (of, number) = id.strip_prefix("AP")?.split_once('-')?;
    (of.parse() == Ok(shard)).then_some(())?;
    number.parse::<u32>().ok()?.checked_sub(1)
}

impl Small {
    /// Looks at every series that stirs. Rows that changed, each with the output that tells of it.
    fn look(&mut self, day: i32, clock: i64) -> Vec<(u32, Option<OutputType>)> {
        let kinds = self.kinds.map(|(prior, spread)| (prior, spread.of_kind()));
        let began = self.began.unwrap_or(day) + TOLD_FROM;
        let view = View {
            today: day,
            days: (day - began + 1).min(WINDOW_DAYS),
            series: &self.series,
            cells: &self.cells,
            curve: now(),
            kinds: &kinds,
        };
        let mut volumes = [0.0; KINDS.len()];
        for of in &self.series {
            volumes[of.key.kind()] += of.series.volume();
        }
        let (mut alarms, mut tested) = (Vec::new(), 0);
        let least = Policy::default().least_observed;
        for (number, of) in (0_u32..).zip(&self.series) {
            let (kind, volume) = (of.key.kind(), of.series.volume());
            tested += u32::from(volume > 0.0);
            if volume < least && of.series.seen() < least {
                continue;
            }
            let prior = view.prior(number);
            let leads = self
                .cases
                .iter()
                .any(|case| case.resolved.is_none() && case.series == number);
            if !leads && !of.series.stirs(day, view.curve, prior.strength, prior.dispersion) {
                continue;
            }
            let evidence = of.series.evidence(day, view.curve, &prior);
            if let Some(evidence) = evidence.filter(|evidence| evidence.rises) {
                let share = KINDS[kind].2 * volume / volumes[kind];
                alarms.extend(self.cases.alarm(number, share, evidence));
            }
        }
        let changes = self.cases.close(day, alarms, &view);
        let (mut held, mut due) = (Vec::new(), Vec::new());
        let all = [&changes.opened, &changes.updated, &changes.resolved];
        for id in all.into_iter().flatten() {
            let Some(case) = self.cases.case(*id) else {
                continue;
            };
            let to = case.ended.map_or(i32::MAX, |end| end.saturating_add(HELD));
            held.push((case.series, case.onset - HELD, to));
            let opened = changes.opened.contains(id);
            let number = (*id - 1) as usize;
            if opened && self.rows.len() == number {
                self.rows.push(Row::default());
            }
            let Some(row) = self.rows.get_mut(number) else {
                continue;
            };
            let moved = row.series != case.series;
            let causes = (opened || moved || (day - case.opened) % WEEK == 0).then_some(|| view.causes(case));
            let new = (tested, clock, opened || moved);
            let tell = row.take(day, case, || view.stakes(case), causes, new);
            row.group = None;
            due.push((number as u32, tell));
        }
        for case in self.cases.iter() {
            let end = case.ended.map_or(i32::MAX, |end| end.saturating_add(HELD));
            let slice = (case.series, case.onset - HELD, end);
            self.explained.insert(case.id, slice);
        }
        self.explained
            .retain(|_, (_, _, to)| *to > day - WINDOW_DAYS - WEEK);
        for (series, from, to) in held {
            let of = &mut self.series[series as usize];
            of.series.hold(from, to);
            of.held = Some((from, to));
            hold(&mut self.desks, of.key.subject, of.key, (from, to));
        }
        due
    }
}

fn hold(desks: &mut Desks, subject: Subject, key: super::Key, (from, to): (i32, i32)) {
    if subject == Subject::Backlog && key.dimension == Dimension::Facility {
        desks.hold(key.value.0, from, to);
    }
}

impl Anomalies {
    /// Closes a day of what is watched besides return rates.
    pub(crate) fn close_process(&mut self, world: &mut World, day: i32, clock: i64) {
        if !self.small.process.take(world, day) {
            return;
        }
        for (number, tell) in self.small.process.look(day, clock) {
            self.dirty.push(number | HERE);
            if let Some(kind) = tell {
                self.tell_of(world, kind, number);
            }
        }
    }

    /// Numbers of all rows, of here and of return rates.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        let here = (0..self.small.process.rows.len()).map(|number| number as u32 | HERE);
        (0..self.small.rows.len() as u32).chain(here)
    }

    fn tell_of(&mut self, world: &World, kind: OutputType, number: u32) {
        let process = &self.small.process;
        let row = &process.rows[number as usize];
        let data = output::told(world, process, id_of(self.shard, number), row);
        self.told.push((kind, data));
    }

    /// Somebody spoke about an anomaly of here. `false` when there is none of this id.
    pub(crate) fn review_process(&mut self, world: &World, said: &AnomalyReviewed, at: i64) -> bool {
        let Some(number) = number_of(self.shard, &said.anomaly_id) else {
            return false;
        };
        let Some(row) = self.small.process.rows.get_mut(number as usize) else {
            return false;
        };
        row.review(said, at);
        self.dirty.push(number | HERE);
        self.tell_of(world, OutputType::AnomalyUpdated, number);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_number_and_is_none_of_return_rates() {
        for (shard, number) in [(0, 0), (3, 41)] {
            let id = id_of(shard, number);
            assert_eq!(number_of(shard, &id), Some(number), "{id}");
            assert_eq!(number_of(shard + 1, &id), None, "{id}");
        }
        assert_eq!(number_of(0, "AN0-000001"), None);
    }
}
