//! How good anomalies of return rates are in a simulated world, against its truth. All figures are of simulated data.
//!
//! ```text
//! cargo run --release -p eddy-processors --example anomaly_quality -- [orders] [seed] [shifts] [rivals] [calibration]
//! ```
//!
//! Plays the world's events, counts lines by series and day, watches every day as the engine would, and judges the cases against `Row::Shift`. The same world without
//! shifts gives the false alarms of a year without any, and, told again with other customers, the base rates that the oracle knows.

// It measures, so it asks a clock.
#![allow(
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

mod baseline;
mod judge;
mod lines;
mod rivals;
mod watch;
mod why;

use std::collections::BTreeMap;

use eddy_models::shift::family::Policy;
use eddy_simulator::WorldConfig;

use judge::{Alarm, Judge};
use lines::{DIMENSIONS, Told, Truth, WATCHED, tell};
use watch::{Heard, Outcome, watch};

/// Shares of the level by dimension, in the order of `DIMENSIONS`.
const SHARES: [f64; WATCHED] = [
    0.16, 0.14, 0.10, 0.06, 0.06, 0.10, 0.10, 0.10, 0.08, 0.04, 0.03, 0.03,
];
/// Level at which the oracle rejects, and days that the detector may be later.
const ORACLE: f64 = 2e-5;
const LATER: i32 = 7;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u64| args.get(at).map_or(or, |arg| arg.parse().expect("a number"));
    let (orders, seed, shifts, with_rivals) =
        (number(0, 200_000), number(1, 2), number(2, 16), number(3, 1) > 0);
    let config = WorldConfig {
        seed,
        orders,
        shifts: shifts as u32,
        customers: (orders / 4).max(1_000),
        ..WorldConfig::default()
    };
    let told = tell(config.clone());
    println!(
        "simulated: {orders} orders, seed {seed}, {} shifts, {} lines delivered, {:.1}% returned, {} series",
        told.shifts.len(),
        told.lines.len(),
        told.lines.iter().filter(|line| line.returned.is_some()).count() as f64 / told.lines.len() as f64
            * 100.0,
        told.names
            .iter()
            .filter(|(dimension, _)| *dimension < WATCHED)
            .count()
    );
    let policy = Policy {
        calibration: number(4, 1) as f64,
        ..Policy::default()
    };
    let out = watch(&told, policy, &SHARES, with_rivals);
    println!(
        "{:.2} us a series and day, {} looked at, of which the engine asks {} and reckons {}; alarms of the rest {}",
        out.spent.as_secs_f64() * 1e6 / out.looked as f64,
        out.looked,
        out.asked,
        out.passed,
        out.unseen
    );
    let quiet: Vec<Told> = (0..3)
        .map(|more| {
            tell(WorldConfig {
                shifts: 0,
                customers: config.customers + more,
                ..config.clone()
            })
        })
        .collect();
    for one in &quiet[..2] {
        let without = watch(one, policy, &SHARES, false);
        largest(&without);
        let opened: Vec<_> = without.heard.iter().filter(|h| h.opened).collect();
        println!(
            "without shifts: {} alarms in {} days",
            opened.len(),
            one.days - watch::ALARMS_FROM
        );
        for heard in opened {
            show(one, heard, None);
        }
    }
    let judge = Judge::new(&told);
    let quiet: Vec<Judge<'_>> = quiet.iter().map(Judge::new).collect();
    let oracle = oracle(&judge, &quiet);
    report(&judge, &out, &oracle);
    if with_rivals {
        compare(&judge, &out, &oracle);
    }
}

/// Days on which the oracle rejects, by shift.
fn oracle(judge: &Judge<'_>, quiet: &[Judge<'_>]) -> BTreeMap<u32, i32> {
    let mut days = BTreeMap::new();
    for shift in &judge.told.shifts {
        let Some((_, series)) = shift.series else { continue };
        let (mut lines, mut came) = judge.rate(series, Some(shift));
        for one in quiet {
            if let Some((_, series)) = one.told.find(shift.dimension, &shift.value) {
                let (more, of_them) = one.rate(series, None);
                (lines, came) = (lines + more, came + of_them);
            }
        }
        let rate = came / f64::max(lines, 1.0);
        if let Some(day) = judge.oracle(shift, rate, ORACLE, &judge.shares(series)) {
            days.insert(shift.id, day);
        }
    }
    days
}

/// How often the largest e-value of a year exceeds a bar, against what is promised.
fn largest(out: &Outcome) {
    for bar in [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] {
        let over = out.largest.iter().filter(|&&log| log >= bar).count();
        let all = out.largest.iter().filter(|log| log.is_finite()).count();
        println!(
            "    ln e over {bar}: {over} of {all} series, at most {:.1} promised",
            all as f64 * (-bar).exp()
        );
    }
}

fn alarm(heard: &Heard) -> Alarm {
    Alarm {
        series: heard.case.series,
        rises: heard.case.rises,
        from: heard.case.onset,
        day: heard.day,
        excess: heard.case.excess(),
    }
}

fn show(told: &Told, heard: &Heard, about: Option<&Truth>) {
    let case = &heard.case;
    let (dimension, value) = &told.names[case.series as usize];
    println!(
        "    day {:>3} {} {} {value}: {} onset {}, {:.0} of {:.1} expected, ln e {:.1}, q {:.4}, group {:?}{}",
        heard.day,
        case.id,
        DIMENSIONS[*dimension],
        if case.rises { "more" } else { "fewer" },
        case.onset,
        case.observed,
        case.expected,
        case.log_e,
        case.q,
        case.group,
        about.map_or(String::from(" FALSE"), |s| format!(" = shift {}", s.id))
    );
}

fn report(judge: &Judge<'_>, out: &Outcome, oracle: &BTreeMap<u32, i32>) {
    let told = judge.told;
    let mut found: BTreeMap<u32, (i32, u64)> = BTreeMap::new();
    let (mut opened, mut wrong) = (0, 0);
    for heard in &out.heard {
        let about = judge.about(&alarm(heard));
        if heard.opened {
            opened += 1;
            wrong += usize::from(about.is_none());
            show(told, heard, about);
            if about.is_none() {
                judge.lines_of(&alarm(heard), heard.case.group);
            }
        } else if std::env::var_os("EDDY_LIFE").is_some() {
            print!("        {:?}", heard.case.resolved);
            show(told, heard, about);
        }
        if let Some(shift) = about
            && heard.case.resolved.is_none()
        {
            found.entry(shift.id).or_insert((heard.day, heard.case.id));
        }
    }
    let (mut in_time, mut first, mut first_late, mut any) = (0, 0, 0, 0);
    for shift in &told.shifts {
        let day = oracle.get(&shift.id);
        let at = found.get(&shift.id);
        let ok = day.is_some_and(|day| at.is_some_and(|(at, _)| *at <= day + LATER));
        in_time += usize::from(ok);
        let mut causes = String::new();
        if let Some((at, case)) = at {
            any += 1;
            let named: Vec<_> = out
                .named
                .iter()
                .filter(|n| n.case == *case && n.day >= *at)
                .collect();
            let is_right = |named: &watch::Named| {
                named
                    .causes
                    .first()
                    .is_some_and(|&top| shift.series.is_some_and(|(_, s)| judge.same(top, s)))
            };
            let week = named.iter().find(|n| n.day >= at + LATER).or(named.last());
            first += usize::from(named.first().is_some_and(|n| is_right(n)));
            first_late += usize::from(week.is_some_and(|n| is_right(n)));
            if let Some(named) = week {
                let name = |id: &u32| {
                    let (dimension, value) = &told.names[*id as usize];
                    format!("{} {value}", DIMENSIONS[*dimension])
                };
                causes = format!(
                    "; why: {}",
                    named
                        .causes
                        .iter()
                        .take(3)
                        .map(name)
                        .collect::<Vec<_>>()
                        .join(" > ")
                );
            }
        }
        let (lines, touched) = shift.series.map_or((0.0, 0), |(_, series)| {
            let all = judge.rate(series, None);
            (
                all.0,
                told.lines.iter().filter(|line| shift.touches(line)).count(),
            )
        });
        let largest = shift
            .series
            .map_or(f64::NEG_INFINITY, |(_, series)| out.largest[series as usize]);
        println!(
            "    shift {:>2} {} {} x{:.2} {} days {}-{} ({lines:.0} lines a year, {touched} touched, largest ln e {largest:.1}): oracle {:?}, found {:?}{}{causes}",
            shift.id,
            shift.dimension,
            shift.value,
            shift.factor,
            shift.group,
            shift.onset,
            shift.to,
            day,
            at.map(|(at, _)| at),
            if day.is_none() {
                ""
            } else if ok {
                " ok"
            } else {
                " LATE"
            }
        );
    }
    println!(
        "{opened} cases, {wrong} false ({:.1}%); oracle rejects {} of {} shifts; {in_time} of these found by {LATER} days later ({:.0}%); {any} found at all",
        wrong as f64 / f64::max(opened as f64, 1.0) * 100.0,
        oracle.len(),
        told.shifts.len(),
        in_time as f64 / f64::max(oracle.len() as f64, 1.0) * 100.0
    );
    println!(
        "true cause first: {first} of {any} on the first ranking, {first_late} of {any} a week later ({:.0}%)",
        first_late as f64 / f64::max(f64::from(any), 1.0) * 100.0
    );
}

/// Rivals at several bars, and at the largest power for as many false alarms.
fn compare(judge: &Judge<'_>, out: &Outcome, oracle: &BTreeMap<u32, i32>) {
    let days = rivals::levelled(&out.arrivals);
    let oracle: Vec<_> = oracle.iter().map(|(&id, &day)| (id, day)).collect();
    let steps = |from: f64, by: f64, n: u32| (0..n).map(move |k| from + by * f64::from(k));
    type Rival = fn(&[Vec<(f64, f64)>], f64) -> Vec<Alarm>;
    let methods: [(&str, Rival, Vec<f64>); 3] = [
        ("z-score over", rivals::z_scores, steps(3.0, 0.5, 12).collect()),
        ("CUSUM over", rivals::cusums, steps(5.0, 1.0, 12).collect()),
        (
            "weekly BH, ln level",
            |days, bar| rivals::weekly(days, bar.exp()),
            steps(-2.3, -1.15, 9).collect(),
        ),
    ];
    for (what, method, bars) in methods {
        let scores: Vec<_> = bars
            .iter()
            .map(|&bar| (bar, rivals::score(judge, &method(&days, bar), &oracle)))
            .collect();
        for (bar, (found, wrong, right)) in &scores {
            println!(
                "    {what} {bar:.2}: {found} of {} in time, {wrong} false, {right} true alarms",
                oracle.len()
            );
        }
        for most in [0, 1, 2, 5, 10, 20, 50, 100] {
            let best = scores.iter().filter(|(_, s)| s.1 <= most).map(|(_, s)| s.0).max();
            println!("    {what}: with at most {most} false at best {best:?}");
        }
    }
}
