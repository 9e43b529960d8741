//! The life of anomalies: one case, one row, however many series see it.
//!
//! A series that crosses its bar opens a case only if it still does without the lines of the cases that are known: parents, children and neighbours that see the
//! same returns join instead. A case moves to a series that shares its lines and says more (the style when all its articles turn out to be bad, the
//! article when the others are well). Knows no lines: whoever has them answers through [`Slices`].

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};

use super::evidence::Evidence;
use super::family::Policy;

/// Days by which an onset or an end may be wrong when lines are set aside.
const MARGIN_DAYS: i32 = 5;
/// Share of lines from which one series counts as inside another.
const INSIDE: f64 = 0.75;
/// Logarithm of a likelihood ratio that is nothing, the largest of many.
const NOTHING: f64 = 4.0;
/// Logarithm of the evidence for an end.
const END: f64 = 6.0;
/// Days after which a resolved case is taken up again rather than followed by another.
const AGAIN_DAYS: i32 = 30;
/// A case open for so long is how things are now.
const LASTING_DAYS: i32 = 150;
/// Days of discoveries that share the level.
const YEAR_DAYS: i32 = 365;

/// An anomaly and its life.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Case<K> {
    /// Number, from 1 in the order of opening.
    pub id: u64,
    /// The series that says most.
    pub series: K,
    /// Whether more comes back than before.
    pub rises: bool,
    /// The reason group in which, if one.
    pub group: Option<usize>,
    /// First delivery day of the change.
    pub onset: i32,
    /// Returns so far of the lines since then, of the group if there is one.
    pub observed: f64,
    /// Of these, expected at the series' own level.
    pub expected: f64,
    /// Observed over expected when the evidence was strongest.
    pub factor: f64,
    /// Natural logarithm of the largest e-value.
    pub log_e: f64,
    /// Smallest q-value.
    pub q: f64,
    /// Day of opening.
    pub opened: i32,
    /// Day of the last change.
    pub updated: i32,
    /// Day on which the end was noticed.
    pub resolved: Option<i32>,
    /// First delivery day without the change.
    pub ended: Option<i32>,
    /// Other series that see it.
    pub members: Vec<K>,
}

impl<K> Case<K> {
    /// Excess of returns since the onset, negative where fewer come.
    #[must_use]
    pub fn excess(&self) -> f64 {
        self.observed - self.expected
    }

    /// First delivery day of the lines that it explains: its onset, and a margin.
    #[must_use]
    pub const fn explains_from(&self) -> i32 {
        self.onset - MARGIN_DAYS
    }

    /// The case as evidence, for [`super::series::Series::ended`].
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        Evidence {
            log_e: self.log_e,
            rises: self.rises,
            group: self.group,
            onset: self.onset,
            observed: self.observed,
            expected: self.expected,
            log_ratio: self.log_e,
        }
    }

    /// Least logarithm of evidence at which [`Slices::ended`] should say so.
    pub const END: f64 = END;
}

/// Lines that a known case explains: those of the series delivered in `from..to`.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a, K> {
    /// Series.
    pub series: &'a K,
    /// First delivery day.
    pub from: i32,
    /// Day after the last one; `i32::MAX` while open.
    pub to: i32,
}

/// What two series have in common, by expected returns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shared {
    /// Share of the first that lies in the second.
    pub of_a: f64,
    /// Share of the second that lies in the first.
    pub of_b: f64,
}

/// Answers about lines.
pub trait Slices<K> {
    /// Evidence of a series today without the lines of known cases (see [`super::series::Series::without`]).
    fn residual(&self, series: &K, known: &[Known<'_, K>]) -> Option<Evidence>;
    /// What two series share of the lines delivered from a day on.
    fn shared(&self, a: &K, b: &K, from: i32) -> Shared;
    /// The first delivery day without the change, by [`super::series::Series::ended`] with [`Case::END`].
    fn ended(&self, case: &Case<K>) -> Option<i32>;
}

/// A series that may open a case, or is the one of an open case.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm<K> {
    series: K,
    share: f64,
    evidence: Evidence,
}

/// What a day did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Numbers of new cases.
    pub opened: Vec<u64>,
    /// Cases that go on, with new figures or another series.
    pub updated: Vec<u64>,
    /// Cases whose excess is gone.
    pub resolved: Vec<u64>,
}

/// All cases that are open or still explain.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Cases<K> {
    policy: Policy,
    cases: BTreeMap<u64, Case<K>>,
    /// Days of opening within a year.
    opened: Vec<i32>,
    next: u64,
}

impl<K: Clone + Ord> Cases<K> {
    /// None yet.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            cases: BTreeMap::new(),
            opened: Vec::new(),
            next: 1,
        }
    }

    /// A case by its number, as long as it is open or explains.
    #[must_use]
    pub fn case(&self, id: u64) -> Option<&Case<K>> {
        self.cases.get(&id)
    }

    /// Cases that are open or still explain, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Case<K>> {
        self.cases.values()
    }

    /// Discoveries of the last year.
    #[must_use]
    pub fn discoveries(&self) -> usize {
        self.opened.len()
    }

    /// The alarm of a series, if it has to be looked at: nearly all have none. `share` is its share of the level, see [`super::family`].
    #[must_use]
    pub fn alarm(&self, series: K, share: f64, evidence: Evidence) -> Option<Alarm<K>> {
        // Others may open cases on the same day and lower the bar.
        let near = self
            .policy
            .q_value(evidence.log_e, share, self.discoveries() + 10)
            <= self.policy.level;
        let heads = self
            .cases
            .values()
            .any(|c| c.resolved.is_none() && c.series == series);
        (near || heads).then_some(Alarm {
            series,
            share,
            evidence,
        })
    }

    /// The least `log_e` with which [`Cases::alarm`] gives an alarm to a series that is not the one of an open case, which always has one.
    #[must_use]
    pub fn bar(&self, share: f64) -> f64 {
        self.policy.bar(share, self.discoveries() + 10)
    }

    /// Closes a day. The order of the alarms does not matter.
    pub fn close(&mut self, day: i32, mut alarms: Vec<Alarm<K>>, slices: &impl Slices<K>) -> Changes {
        let mut changes = Changes::default();
        self.opened.retain(|&opened| opened > day - YEAR_DAYS);
        let memory = day - self.policy.memory_days;
        self.cases
            .retain(|_, c| c.resolved.is_none_or(|resolved| resolved > memory));
        alarms.sort_by(|a, b| {
            score(b)
                .total_cmp(&score(a))
                .then_with(|| a.series.cmp(&b.series))
        });
        // Cases first hear of themselves, then others may explain, join or take over.
        alarms.retain(|alarm| !self.goes_on(day, alarm, slices, &mut changes));
        for alarm in alarms {
            self.hear(day, &alarm, slices, &mut changes);
        }
        for case in self.cases.values_mut().filter(|c| c.resolved.is_none()) {
            let end = slices
                .ended(case)
                .or_else(|| (day - case.opened > LASTING_DAYS).then_some(day));
            if let Some(end) = end {
                (case.resolved, case.ended, case.updated) = (Some(day), Some(end), day);
                changes.resolved.push(case.id);
            }
        }
        changes.updated.sort_unstable();
        changes.updated.dedup();
        changes
            .updated
            .retain(|id| !changes.opened.contains(id) && !changes.resolved.contains(id));
        changes
    }

    /// The series of an open case brings it up to date, with what the other cases leave of it.
    fn goes_on(
        &mut self,
        day: i32,
        alarm: &Alarm<K>,
        slices: &impl Slices<K>,
        changes: &mut Changes,
    ) -> bool {
        let Some(id) = self
            .cases
            .values()
            .find(|c| c.resolved.is_none() && c.series == alarm.series && c.rises == alarm.evidence.rises)
            .map(|c| c.id)
        else {
            return false;
        };
        let others = self.known(&[id]);
        let evidence = if others.is_empty() {
            Some(alarm.evidence)
        } else {
            slices.residual(&alarm.series, &others)
        };
        if let Some(evidence) = evidence.filter(|e| e.rises == alarm.evidence.rises) {
            let q = self.q(&evidence, alarm.share, self.opened.len().saturating_sub(1));
            if let Some(case) = self.cases.get_mut(&id) {
                case.take(day, &evidence, q);
                changes.updated.push(id);
            }
        }
        true
    }

    fn q(&self, evidence: &Evidence, share: f64, discoveries: usize) -> f64 {
        self.policy.q_value(evidence.log_e, share, discoveries)
    }

    /// The q-value of a discovery.
    fn passes(&self, evidence: &Evidence, share: f64) -> Option<f64> {
        let q = self.q(evidence, share, self.opened.len());
        (q <= self.policy.level && evidence.observed.max(evidence.expected) >= self.policy.least_observed)
            .then_some(q)
    }

    /// What is known but for some cases.
    fn known(&self, but: &[u64]) -> Vec<Known<'_, K>> {
        self.cases
            .values()
            .filter(|c| !but.contains(&c.id))
            .map(known)
            .collect()
    }

    fn hear(&mut self, day: i32, alarm: &Alarm<K>, slices: &impl Slices<K>, changes: &mut Changes) {
        let (series, share) = (&alarm.series, alarm.share);
        if self.passes(&alarm.evidence, share).is_none() {
            return;
        }
        let rest = if self.cases.is_empty() {
            Some(alarm.evidence)
        } else {
            slices.residual(series, &self.known(&[]))
        };
        let beside = rest.and_then(|rest| self.passes(&rest, share).map(|q| (rest, q)));
        let Some((rest, q)) = beside else {
            if !self.narrows(day, alarm, slices, changes) {
                self.join(series, slices, day);
            }
            return;
        };
        // Cases of the same kind that it contains are parts of it: beside them it still says enough.
        let parts: Vec<u64> = self
            .cases
            .values()
            .filter(|c| c.resolved.is_none() && c.rises == rest.rises && c.group == rest.group)
            .filter(|c| slices.shared(series, &c.series, c.onset).of_b >= INSIDE)
            .map(|c| c.id)
            .collect();
        if let Some((&first, others)) = parts.split_first() {
            let whole = slices.residual(series, &self.known(&parts)).unwrap_or(rest);
            self.take_over(day, first, alarm, &whole, changes);
            for &id in others {
                if let Some(case) = self.cases.get_mut(&id) {
                    (case.resolved, case.ended, case.updated) = (Some(day), Some(case.onset), day);
                    changes.resolved.push(id);
                }
            }
        } else if let Some(id) = self.again(series, &rest, slices, day) {
            if let Some(case) = self.cases.get_mut(&id) {
                (case.resolved, case.ended) = (None, None);
                case.take(day, &rest, q);
            }
            changes.updated.push(id);
        } else {
            let id = self.open(day, series.clone(), &rest, q);
            changes.opened.push(id);
        }
    }

    /// Whether a series is where all of an open case's excess is: then it is the series of that case.
    fn narrows(
        &mut self,
        day: i32,
        alarm: &Alarm<K>,
        slices: &impl Slices<K>,
        changes: &mut Changes,
    ) -> bool {
        let within = self.cases.values().find(|c| {
            if c.resolved.is_some() || c.rises != alarm.evidence.rises {
                return false;
            }
            let shared = slices.shared(&alarm.series, &c.series, c.onset);
            if shared.of_a < INSIDE || shared.of_b >= INSIDE {
                return false;
            }
            let mut known = self.known(&[c.id]);
            known.push(Known {
                series: &alarm.series,
                from: c.onset - MARGIN_DAYS,
                to: i32::MAX,
            });
            // Without the narrower one nothing speaks for the wider.
            slices
                .residual(&c.series, &known)
                .is_none_or(|left| left.log_ratio < NOTHING || left.rises != c.rises)
        });
        let Some(id) = within.map(|c| c.id) else {
            return false;
        };
        let Some(evidence) = slices.residual(&alarm.series, &self.known(&[id])) else {
            return false;
        };
        self.take_over(day, id, alarm, &evidence, changes);
        true
    }

    fn take_over(&mut self, day: i32, id: u64, alarm: &Alarm<K>, evidence: &Evidence, changes: &mut Changes) {
        let q = self.q(evidence, alarm.share, self.opened.len().saturating_sub(1));
        if let Some(case) = self.cases.get_mut(&id) {
            let before = std::mem::replace(&mut case.series, alarm.series.clone());
            case.join(before);
            case.members.retain(|member| *member != alarm.series);
            case.log_e = f64::NEG_INFINITY;
            case.take(day, evidence, q);
            changes.updated.push(id);
        }
    }

    /// A case resolved of late that this alarm goes on with: its end was no end.
    fn again(&self, series: &K, evidence: &Evidence, slices: &impl Slices<K>, day: i32) -> Option<u64> {
        let mut late = self.cases.values().rev().filter(|c| {
            c.rises == evidence.rises && c.resolved.is_some_and(|resolved| resolved > day - AGAIN_DAYS)
        });
        late.find(|c| {
            let shared = slices.shared(series, &c.series, c.onset);
            c.series == *series || (shared.of_a >= INSIDE && shared.of_b >= INSIDE)
        })
        .map(|c| c.id)
    }

    fn open(&mut self, day: i32, series: K, evidence: &Evidence, q: f64) -> u64 {
        let id = self.next;
        self.next += 1;
        self.opened.push(day);
        let mut case = Case {
            id,
            series,
            rises: evidence.rises,
            group: evidence.group,
            onset: evidence.onset,
            observed: evidence.observed,
            expected: evidence.expected,
            factor: evidence.factor(),
            log_e: f64::NEG_INFINITY,
            q: 1.0,
            opened: day,
            updated: day,
            resolved: None,
            ended: None,
            members: Vec::new(),
        };
        case.take(day, evidence, q);
        self.cases.insert(id, case);
        id
    }

    /// The explained series becomes a member of the open case that shares most with it.
    fn join(&mut self, series: &K, slices: &impl Slices<K>, day: i32) {
        let most = self
            .cases
            .values()
            .filter(|c| c.resolved.is_none())
            .map(|c| {
                let shared = slices.shared(series, &c.series, c.onset);
                (shared.of_a.max(shared.of_b), c.id)
            })
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        if let Some(case) = most.and_then(|(_, id)| self.cases.get_mut(&id))
            && !case.members.contains(series)
        {
            case.join(series.clone());
            case.updated = day;
        }
    }
}

impl<K: Clone + Ord> Case<K> {
    fn take(&mut self, day: i32, evidence: &Evidence, q: f64) {
        (self.observed, self.expected) = (evidence.observed, evidence.expected);
        if evidence.log_e >= self.log_e {
            (self.log_e, self.onset, self.group) = (evidence.log_e, evidence.onset, evidence.group);
            self.factor = evidence.factor();
        }
        self.q = self.q.min(q);
        self.updated = day;
    }

    fn join(&mut self, series: K) {
        /// Members named; a category's case could have thousands.
        const NAMED: usize = 32;
        if self.members.len() < NAMED {
            self.members.push(series);
        }
    }
}

fn score<K>(alarm: &Alarm<K>) -> f64 {
    alarm.evidence.log_e + alarm.share.max(1e-300).ln()
}

fn known<K>(case: &Case<K>) -> Known<'_, K> {
    Known {
        series: &case.series,
        from: case.explains_from(),
        to: case.ended.map_or(i32::MAX, |end| end + MARGIN_DAYS),
    }
}
