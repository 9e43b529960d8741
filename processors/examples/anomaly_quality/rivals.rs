//! What is usually done: a z-score per series, CUSUM per series without control, and weekly Benjamini-Hochberg; each on the same expected arrivals.

use super::judge::{Alarm, Judge, below};
use super::lines::WATCHED;
use super::watch::ALARMS_FROM;

/// Days in which a series raises no second alarm.
const SILENT: i32 = 30;
/// Least returns an alarm rests upon.
const LEAST: f64 = 4.0;

/// Observed and expected arrivals by series and day; expected at the series' own level, learned until four weeks before.
pub fn levelled(arrivals: &[Vec<(f32, f32)>]) -> Vec<Vec<(f64, f64)>> {
    arrivals
        .iter()
        .map(|days| {
            let (mut observed, mut expected) = (8.0, 8.0);
            (0..days.len())
                .map(|day| {
                    if let Some(&(n, m)) = day.checked_sub(28).and_then(|before| days.get(before)) {
                        observed += f64::from(n);
                        expected += f64::from(m);
                    }
                    let (n, m) = days[day];
                    (f64::from(n), f64::from(m) * observed / expected)
                })
                .collect()
        })
        .collect()
}

fn window(days: &[(f64, f64)], day: usize, length: usize) -> (f64, f64) {
    days[(day + 1).saturating_sub(length)..=day]
        .iter()
        .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn alarm(series: usize, day: usize, from: usize, n: f64, m: f64) -> Alarm {
    Alarm {
        series: series as u32,
        rises: n > m,
        // Returns of the window are of lines delivered up to a week before it.
        from: from as i32 - 7,
        day: day as i32,
        excess: n - m,
    }
}

/// |z| of the last seven days' arrivals.
pub fn z_scores(days: &[Vec<(f64, f64)>], bar: f64) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    for (series, days) in days.iter().enumerate() {
        let mut silent = 0;
        for day in ALARMS_FROM as usize..days.len() {
            let (n, m) = window(days, day, 7);
            if n.max(m) >= LEAST && (n - m).abs() / m.sqrt() > bar && day as i32 >= silent {
                alarms.push(alarm(series, day, day - 7, n, m));
                silent = day as i32 + SILENT;
            }
        }
    }
    alarms
}

/// Poisson CUSUM towards twice and half as many.
pub fn cusums(days: &[Vec<(f64, f64)>], bar: f64) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    for (series, days) in days.iter().enumerate() {
        for factor in [2.0_f64, 0.5] {
            let (mut sum, mut from, mut n_sum, mut m_sum) = (0.0, 0, 0.0, 0.0);
            let mut silent = 0;
            for (day, &(n, m)) in days.iter().enumerate().skip(ALARMS_FROM as usize) {
                sum += n * factor.ln() - (factor - 1.0) * m;
                n_sum += n;
                m_sum += m;
                if sum <= 0.0 {
                    (sum, from, n_sum, m_sum) = (0.0, day, 0.0, 0.0);
                }
                if sum > bar && f64::max(n_sum, m_sum) >= LEAST {
                    if day as i32 >= silent {
                        alarms.push(alarm(series, day, from, n_sum, m_sum));
                        silent = day as i32 + SILENT;
                    }
                    (sum, from, n_sum, m_sum) = (0.0, day, 0.0, 0.0);
                }
            }
        }
    }
    alarms.sort_by_key(|a| (a.day, a.series));
    alarms
}

/// Every week, p-values of the last four weeks' arrivals, Benjamini-Hochberg over all series.
pub fn weekly(days: &[Vec<(f64, f64)>], level: f64) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    let mut silent = vec![0; days.len()];
    let last = days.iter().map(Vec::len).max().unwrap_or(0);
    for day in (ALARMS_FROM as usize..last).step_by(7) {
        let mut tests: Vec<(f64, usize, f64, f64)> = Vec::new();
        for (series, days) in days.iter().enumerate().filter(|(_, d)| d.len() > day) {
            let (n, m) = window(days, day, 28);
            if m < 0.01 {
                continue;
            }
            let n_whole = n as u32;
            let p = if n > m {
                1.0 - below(n_whole, m)
            } else {
                below(n_whole + 1, m)
            };
            tests.push(((2.0 * p).clamp(1e-15, 1.0), series, n, m));
        }
        tests.sort_by(|a, b| a.0.total_cmp(&b.0));
        let count = tests.len() as f64;
        let pass = tests
            .iter()
            .enumerate()
            .filter(|(at, t)| t.0 <= level * (*at as f64 + 1.0) / count)
            .map(|(at, _)| at + 1)
            .max()
            .unwrap_or(0);
        for &(_, series, n, m) in &tests[..pass] {
            if day as i32 >= silent[series] && n.max(m) >= LEAST {
                alarms.push(alarm(series, day, day - 28, n, m));
                silent[series] = day as i32 + SILENT;
            }
        }
    }
    alarms
}

/// What a method found, and its false alarms; false ones that share their lines within a month count once.
pub fn score(judge: &Judge<'_>, alarms: &[Alarm], oracle: &[(u32, i32)]) -> (usize, usize, usize) {
    let mut found: std::collections::BTreeMap<u32, i32> = std::collections::BTreeMap::new();
    let mut wrong: Vec<Alarm> = Vec::new();
    let mut right = 0;
    let mut sorted = alarms.to_vec();
    sorted.sort_by_key(|a| (a.day, a.series));
    for alarm in &sorted {
        if judge.told.names[alarm.series as usize].0 >= WATCHED {
            continue;
        }
        if let Some(shift) = judge.about(alarm) {
            found.entry(shift.id).or_insert(alarm.day);
            right += 1;
        } else if wrong.len() < 2_000
            && !wrong
                .iter()
                .rev()
                .take_while(|w| w.day > alarm.day - SILENT)
                .any(|w| w.rises == alarm.rises && judge.overlap(w.series, alarm.series))
        {
            wrong.push(*alarm);
        }
    }
    let in_time = oracle
        .iter()
        .filter(|(id, day)| found.get(id).is_some_and(|at| *at <= day + 7))
        .count();
    (in_time, wrong.len(), right)
}
