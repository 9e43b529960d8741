//! Laws of the detector, the control and the cases, on seeded worlds of their own. The why has its tests in `why_tests.rs`.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::cases::{Alarm, Case, Cases, Changes, Known, Shared, Slices};
use super::evidence::{Evidence, log_ratio};
use super::family::Policy;
use super::prior::{Moments, Prior};
use super::series::{Curve, Series};
use super::{GROUPS, WINDOW_DAYS};
use crate::random::Random;

const MIX: [f32; GROUPS] = [0.3, 0.2, 0.15, 0.1, 0.1, 0.08, 0.05, 0.02];
/// Shares of returns by age that the worlds here follow.
const SHARES: [f64; 8] = [0.05, 0.25, 0.5, 0.7, 0.83, 0.92, 0.97, 1.0];

fn curve() -> Curve {
    Curve::new(&SHARES)
}

/// A line: delivery day, day of its return, group.
type Line = (i32, Option<(i32, usize)>);

/// Lines of one series; `rate` by delivery day, and the group that what is beyond `base` falls into.
fn lines(
    random: &mut Random,
    days: i32,
    a_day: usize,
    base: f64,
    rate: impl Fn(i32) -> f64,
    cause: usize,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for day in 0..days {
        for _ in 0..a_day {
            let p = rate(day);
            let u = random.unit();
            let came = (u < p).then(|| {
                let v = random.unit();
                let age = SHARES.iter().position(|&s| v < s).unwrap_or(7);
                let mut w = random.unit() as f32;
                let own = MIX.iter().position(|&share| {
                    w -= share;
                    w < 0.0
                });
                let group = if u < base { own.unwrap_or(7) } else { cause };
                (day + age as i32, group)
            });
            lines.push((day, came));
        }
    }
    lines
}

/// The series as it is known at a day's close.
fn told(lines: &[Line], today: i32, base: f64) -> Series {
    let mut series = Series::default();
    for &(day, came) in lines.iter().filter(|l| l.0 <= today) {
        series.delivered(day, base, &MIX);
        if let Some((_, group)) = came.filter(|(at, _)| *at <= today) {
            series.returned(day, group, 1);
        }
    }
    for day in 1..=today {
        series.advance(day);
    }
    series
}

fn evidence(lines: &[Line], today: i32, base: f64) -> Option<Evidence> {
    told(lines, today, base).evidence(today, &curve(), &Prior::default())
}

#[test]
fn without_a_change_e_values_are_at_most_one_on_average_also_when_one_stops_at_a_peak() {
    let mut random = Random::new(7);
    let (mut at_the_end, mut stopped) = (0.0, 0.0);
    let count = 300;
    for _ in 0..count {
        let level = 0.06 + 0.1 * random.unit();
        let lines = lines(&mut random, 130, 3, level, |_| level, 0);
        let mut peak: Option<f64> = None;
        let mut last = 0.0;
        for today in (60..130).step_by(5) {
            last = evidence(&lines, today, 0.1).map_or(0.0, |e| e.log_e.exp());
            if last > 1.0 {
                peak = peak.or(Some(last));
            }
        }
        at_the_end += last / f64::from(count);
        stopped += peak.unwrap_or(last) / f64::from(count);
    }
    assert!(at_the_end < 1.0 && stopped < 1.0, "{at_the_end} {stopped}");
}

#[test]
fn a_rise_and_a_fall_are_found_with_their_onset_within_days() {
    let mut random = Random::new(3);
    for (factor, days, rises) in [(3.0, 18, true), (0.2, 40, false)] {
        let lines = lines(
            &mut random,
            160,
            12,
            0.12,
            |d| if d < 110 { 0.12 } else { 0.12 * factor },
            1,
        );
        let found = evidence(&lines, 110 + days, 0.12).expect("evidence");
        assert!(found.log_e > 8.0 && found.rises == rises, "{found:?}");
        assert!((found.onset - 110).abs() <= 4, "{found:?}");
        assert_eq!(
            found.group,
            rises.then_some(1),
            "the reason of the excess is told: {found:?}"
        );
    }
}

#[test]
fn a_new_small_series_whose_level_is_not_known_does_not_alarm() {
    // Two of three came back in its first week, at a baseline of one in ten.
    let lines = [
        (100, Some((102, 1))),
        (101, Some((103, 1))),
        (103, None),
        (104, Some((105, 0))),
    ];
    let found = evidence(&lines, 108, 0.1);
    assert!(found.is_none_or(|e| e.log_e < 0.0), "{found:?}");
}

#[test]
fn what_is_over_dispersed_by_nature_says_less() {
    let mut random = Random::new(5);
    let lines = lines(&mut random, 130, 10, 0.1, |d| if d < 100 { 0.1 } else { 0.25 }, 0);
    let series = told(&lines, 125, 0.1);
    let plain = Prior::default();
    let wild = Prior {
        dispersion: 3.0,
        ..plain
    };
    let says = |prior: &Prior| {
        series
            .evidence(125, &curve(), prior)
            .map_or(f64::MIN, |e| e.log_e)
    };
    assert!(says(&wild) < says(&plain));
}

#[test]
fn levels_and_dispersion_of_a_dimension_are_learned() {
    let mut random = Random::new(11);
    let mut alike = Moments::default();
    let mut apart = Moments::default();
    for at in 0..300 {
        let level = if at % 2 == 0 { 0.05 } else { 0.15 };
        alike.observe(
            &told(&lines(&mut random, 80, 8, 0.1, |_| 0.1, 0), 79, 0.1),
            79,
            &curve(),
        );
        apart.observe(
            &told(&lines(&mut random, 80, 8, level, |_| level, 0), 79, 0.1),
            79,
            &curve(),
        );
    }
    let (alike, apart) = (alike.prior(), apart.prior());
    assert!(alike.strength > 20.0 * apart.strength, "{alike:?} {apart:?}");
    // Levels of half and one and a half have a variance of a quarter.
    assert!((2.5..6.0).contains(&apart.strength), "{apart:?}");
    assert!(alike.dispersion < 1.3 && apart.dispersion < 1.3);
}

#[test]
fn the_end_of_a_change_is_told_and_an_ongoing_one_has_none() {
    let mut random = Random::new(13);
    let lines = lines(
        &mut random,
        180,
        12,
        0.12,
        |d| if (100..140).contains(&d) { 0.36 } else { 0.12 },
        1,
    );
    let during = told(&lines, 130, 0.12);
    let case = during
        .evidence(130, &curve(), &Prior::default())
        .expect("evidence");
    assert_eq!(during.ended(130, &curve(), &case, 6.0), None);
    let after = told(&lines, 158, 0.12);
    let end = after.ended(158, &curve(), &case, 6.0).expect("an end");
    assert!((end - 140).abs() <= 4, "{end}");
}

/// Series that are sets of lines.
struct World {
    today: i32,
    lines: Vec<Line>,
    members: BTreeMap<u32, Vec<usize>>,
    base: f64,
}

impl World {
    fn series(&self, key: u32) -> Series {
        let own: Vec<Line> = self.members[&key].iter().map(|&at| self.lines[at]).collect();
        told(&own, self.today, self.base)
    }

    fn alarms(&self, cases: &Cases<u32>) -> Vec<Alarm<u32>> {
        let total: f64 = self.members.keys().map(|&key| self.series(key).volume()).sum();
        let mut alarms = Vec::new();
        for &key in self.members.keys() {
            let series = self.series(key);
            if let Some(evidence) = series.evidence(self.today, &curve(), &Prior::default()) {
                alarms.extend(cases.alarm(key, series.volume() / total, evidence));
            }
        }
        alarms
    }

    fn run(&mut self, days: std::ops::Range<i32>) -> (Cases<u32>, Vec<(i32, Changes)>) {
        let mut cases = Cases::new(Policy::default());
        let mut log = Vec::new();
        for day in days {
            self.today = day;
            let alarms = self.alarms(&cases);
            let changes = cases.close(day, alarms, self);
            if changes != Changes::default() {
                log.push((day, changes));
            }
        }
        (cases, log)
    }
}

impl Slices<u32> for World {
    fn residual(&self, series: &u32, known: &[Known<'_, u32>]) -> Option<Evidence> {
        let explained = self.members[series].iter().filter(|at| {
            known.iter().any(|case| {
                (case.from..case.to).contains(&self.lines[**at].0) && self.members[case.series].contains(at)
            })
        });
        let explained = explained.map(|&at| {
            let (day, came) = self.lines[at];
            (
                day,
                self.base,
                came.filter(|(on, _)| *on <= self.today).map(|(_, g)| g),
            )
        });
        self.series(*series)
            .without(explained)
            .evidence(self.today, &curve(), &Prior::default())
    }

    fn shared(&self, a: &u32, b: &u32, from: i32) -> Shared {
        let recent = |key: &u32| -> Vec<usize> {
            let own = self.members[key].iter();
            own.copied()
                .filter(|&at| (from..=self.today).contains(&self.lines[at].0))
                .collect()
        };
        let (a, b) = (recent(a), recent(b));
        let both = a.iter().filter(|at| b.contains(at)).count() as f64;
        Shared {
            of_a: both / a.len().max(1) as f64,
            of_b: both / b.len().max(1) as f64,
        }
    }

    fn ended(&self, case: &Case<u32>) -> Option<i32> {
        self.series(case.series)
            .ended(self.today, &curve(), &case.evidence(), Case::<u32>::END)
    }
}

/// Five articles of one style (key 100) and of a shop (key 200); of some of them more comes back on some days.
fn family(bad: &[u32], from: i32, to: i32, seed: u64) -> World {
    let mut random = Random::new(seed);
    let mut world = World {
        today: 0,
        lines: Vec::new(),
        members: BTreeMap::new(),
        base: 0.12,
    };
    for sku in 0..10 {
        let rate = |day: i32| {
            if bad.contains(&sku) && (from..to).contains(&day) {
                0.4
            } else {
                0.12
            }
        };
        for line in lines(&mut random, 200, 6, 0.12, rate, 1) {
            let at = world.lines.len();
            world.lines.push(line);
            world.members.entry(sku).or_default().push(at);
            world.members.entry(200).or_default().push(at);
            if sku < 5 {
                world.members.entry(100).or_default().push(at);
            }
        }
    }
    world
}

#[test]
fn parents_and_children_see_the_same_returns_and_open_one_case() {
    let mut world = family(&[2], 100, 200, 1);
    let (cases, log) = world.run(95..135);
    let opened: usize = log.iter().map(|(_, c)| c.opened.len()).sum();
    assert_eq!(opened, 1, "{log:?}");
    let case = cases.iter().next().expect("a case");
    assert_eq!(case.series, 2, "the article, not its style: {case:?}");
    assert!(case.q <= 0.1 && (case.onset - 100).abs() <= 5, "{case:?}");
}

#[test]
fn a_case_of_articles_becomes_one_of_their_style() {
    let mut world = family(&[0, 1, 2, 3, 4], 100, 200, 2);
    let (cases, log) = world.run(95..130);
    let open: Vec<_> = cases.iter().filter(|c| c.resolved.is_none()).collect();
    assert_eq!(open.len(), 1, "{log:?}");
    assert_eq!(open[0].series, 100, "{open:?}");
}

#[test]
fn a_case_is_opened_updated_and_resolved_once_and_its_end_is_no_anomaly() {
    let mut world = family(&[2], 100, 130, 3);
    let (cases, log) = world.run(95..185);
    let count = |of: fn(&Changes) -> usize| log.iter().map(|(_, c)| of(c)).sum::<usize>();
    assert_eq!(count(|c| c.opened.len()), 1, "{log:?}");
    assert_eq!(count(|c| c.resolved.len()), 1, "{log:?}");
    assert!(count(|c| c.updated.len()) > 3);
    let case = cases.iter().next().expect("it still explains");
    let ended = case.ended.expect("an end");
    assert!((ended - 130).abs() <= 6, "{case:?}");
}

#[test]
fn a_quiet_family_opens_nothing() {
    let mut world = family(&[], 0, 0, 4);
    let (_, log) = world.run(60..160);
    assert!(log.is_empty(), "{log:?}");
}

#[test]
fn the_order_of_the_series_changes_nothing() {
    let mut world = family(&[2, 8], 100, 200, 5);
    world.today = 125;
    let cases = Cases::new(Policy::default());
    let alarms = world.alarms(&cases);
    let mut backwards = alarms.clone();
    backwards.reverse();
    let (mut one, mut other) = (cases.clone(), cases);
    assert_eq!(
        one.close(125, alarms, &world),
        other.close(125, backwards, &world)
    );
    assert_eq!(one, other);
    assert!(one.iter().count() >= 1);
}

#[test]
fn copies_of_a_series_help_nobody_over_the_level() {
    let mut world = family(&[2], 100, 200, 6);
    let (alone, _) = world.run(100..118);
    let copy = world.members[&2].clone();
    for key in 300..305 {
        world.members.insert(key, copy.clone());
    }
    let (copied, _) = world.run(100..118);
    assert_eq!(
        copied.iter().count(),
        1,
        "copies see one case: {:?}",
        copied.iter().collect::<Vec<_>>()
    );
    assert_eq!(copied.discoveries(), 1);
    let q = |cases: &Cases<u32>| cases.iter().next().map_or(1.0, |c| c.q);
    assert!(q(&copied) >= q(&alone), "{} {}", q(&copied), q(&alone));
}

#[test]
fn more_evidence_a_larger_share_and_more_discoveries_lower_q() {
    let policy = Policy::default();
    let q = policy.q_value(7.0, 0.01, 0);
    assert!((q - 100.0 * (-7.0_f64).exp()).abs() < 1e-12);
    assert!(policy.q_value(8.0, 0.01, 0) < q);
    assert!(policy.q_value(7.0, 0.02, 0) < q);
    assert!((policy.q_value(7.0, 0.01, 1) - q / 2.0).abs() < 1e-12);
    assert_eq!(policy.q_value(-3.0, 0.01, 0), 1.0);
    assert_eq!(policy.q_value(50.0, 0.0, 0), 1.0);
}

#[test]
fn what_left_the_window_is_history_but_not_what_is_held() {
    let mut series = Series::default();
    for day in 0..100 {
        series.delivered(day, 1.0, &MIX);
        series.returned(day, 0, 1);
    }
    series.hold(20, 30);
    series.advance(99);
    // Faded since they left.
    let left = (0..40).filter(|day| !(20..30).contains(day));
    let kept: f64 = left.map(|day| (-f64::from(39 - day) / 180.0).exp2()).sum();
    assert!((series.history().expected - kept).abs() < 1e-3);
    assert!((series.history().all() - kept).abs() < 1e-3);
    assert_eq!(series.cohorts().count(), WINDOW_DAYS as usize);
}

#[test]
fn days_that_were_left_out_are_made_up_for() {
    let (mut daily, mut seldom) = (Series::default(), Series::default());
    for day in 0..150 {
        daily.advance(day);
        if day % 20 != 0 {
            continue;
        }
        seldom.advance(day);
        for series in [&mut daily, &mut seldom] {
            series.delivered(day, 2.0, &MIX);
            series.returned(day, 1, 1);
        }
    }
    daily.advance(150);
    seldom.advance(150);
    assert!((daily.history().expected - seldom.history().expected).abs() < 1e-6);
    assert!((daily.history().all() - seldom.history().all()).abs() < 1e-6);
    assert!(daily.cohorts().eq(seldom.cohorts()));
}

#[test]
fn a_series_is_some_bytes_and_its_cohorts() {
    assert!(size_of::<Series>() <= 160, "{}", size_of::<Series>());
    assert!(size_of::<super::series::Cohort>() <= 24);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_likelihood_ratio_has_a_mean_of_one_whatever_is_known(a in 1.0..20.0_f64, b in 5.0..60.0_f64, expected in 0.1..10.0_f64, factor in 0.3..3.0_f64) {
        // N is negative binomial: Poisson(r E) with r from Gamma(a, b).
        let p = expected / (b + expected);
        let mut mass = (a * (1.0 - p).ln()).exp();
        let mut mean = 0.0;
        for n in 0..4_000 {
            if mass < 1e-200 {
                break;
            }
            let n = f64::from(n);
            mean += mass * log_ratio(n, expected, a, b, factor).exp();
            mass *= p * (a + n) / (n + 1.0);
        }
        prop_assert!((mean - 1.0).abs() < 1e-3, "{mean}");
    }

    #[test]
    fn the_order_in_which_lines_are_told_does_not_matter(mut days in prop::collection::vec((0..50_i32, 0..GROUPS), 1..60)) {
        let tell = |days: &[(i32, usize)]| {
            let mut series = Series::default();
            for &(day, group) in days {
                series.delivered(day, 0.5, &MIX);
                series.returned(day, group, 1);
            }
            series.advance(49);
            series
        };
        let one = tell(&days);
        days.reverse();
        let other = tell(&days);
        let (one, other) = (one.evidence(49, &curve(), &Prior::default()), other.evidence(49, &curve(), &Prior::default()));
        match (one, other) {
            (Some(one), Some(other)) => {
                prop_assert!((one.log_e - other.log_e).abs() < 1e-3);
                prop_assert!(one.log_e.is_finite());
            }
            (one, other) => prop_assert_eq!(one.is_some(), other.is_some()),
        }
    }
}
