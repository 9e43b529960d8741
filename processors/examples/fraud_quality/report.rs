//! The tables.

use std::collections::{BTreeMap, HashMap, HashSet};

use eddy_models::evaluation::{auc, calibration_error, reliability};
use eddy_simulator::Pattern;

use crate::case::{Alert, Case, DAY, Truth};
use crate::forest;

/// Precision, and recall of loss, in the first hundredth by a ranking.
fn first(case: &Case, rank: impl Fn(&str) -> f64) -> (f64, f64, f64) {
    let mut ranked: Vec<(&String, &Truth, f64)> = case
        .returns
        .iter()
        .map(|(rma, truth)| (rma, truth, rank(rma)))
        .collect();
    ranked.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(b.0)));
    let top = ranked.len() / 100;
    let right = ranked[..top]
        .iter()
        .filter(|(_, truth, _)| truth.pattern.is_some())
        .count();
    let loss =
        |rows: &[(&String, &Truth, f64)]| rows.iter().map(|(_, truth, _)| truth.loss_minor).sum::<i64>();
    let (scores, labels): (Vec<f64>, Vec<bool>) = ranked
        .iter()
        .map(|(_, truth, score)| (*score, truth.pattern.is_some()))
        .unzip();
    (
        right as f64 / top as f64,
        loss(&ranked[..top]) as f64 / loss(&ranked) as f64,
        auc(&scores, &labels),
    )
}

/// Alerts raised of a pattern, and how many of them are wrong.
pub fn raised(case: &Case, pattern: Pattern) -> (usize, usize) {
    let of = |alert: &&Alert| alert.pattern == pattern.as_str();
    let raised = case.alerts.values().filter(of);
    let wrong = raised.clone().filter(|alert| !case.is_so(alert)).count();
    (raised.count(), wrong)
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

pub fn report(case: &Case, seed: u64) {
    let ours = |rma: &str| case.scores.get(rma).map_or(0.0, |(score, ..)| *score);
    rankings(case, seed, ours);
    let mut ranked: Vec<f64> = case.returns.keys().map(|rma| ours(rma)).collect();
    ranked.sort_by(|a, b| b.total_cmp(a));
    let bar = ranked[ranked.len() / 100];
    println!("score at 1%: {bar:.4}");
    patterns(case, |rma| ours(rma) > bar);
    others(case);
    calibration(case, ours);
    tiers(case, |rma| ours(rma) > bar);
    delays(case);
    innocent(case, |rma| ours(rma) > bar);
    look_alikes(case);
}

fn rankings(case: &Case, seed: u64, ours: impl Fn(&str) -> f64) {
    let odd = |rma: &str| case.scores.get(rma).map_or(0.0, |(_, rarity, _)| 1.0 - rarity);
    let count = |rma: &str| case.counts.get(rma).copied().unwrap_or(0.0);
    let mut with: Vec<(&str, &[f32])> = case
        .figures
        .iter()
        .map(|(rma, row)| (rma.as_str(), row.as_slice()))
        .collect();
    with.sort_unstable_by_key(|(rma, _)| *rma);
    let rows: Vec<&[f32]> = with.iter().map(|(_, row)| *row).collect();
    let alone = forest::scores(&rows, seed);
    let alone: HashMap<&str, f64> = with.iter().map(|(rma, _)| *rma).zip(alone).collect();
    let forest = |rma: &str| alone.get(rma).copied().unwrap_or(0.0);
    println!("{:<36} precision at 1%  recall of loss at 1%  AUC", "ranking");
    for (name, (precision, recall, auc)) in [
        ("score", first(case, ours)),
        ("isolation forest, over all at once", first(case, forest)),
        ("half-space trees, in the stream", first(case, odd)),
        ("returns of the customer so far", first(case, count)),
    ] {
        println!("{name:<36} {precision:<16.3} {recall:<21.3} {auc:.3}");
    }
}

fn patterns(case: &Case, top: impl Fn(&str) -> bool) {
    println!(
        "{:<28} returns  recall at 1%  of loss  with an alert | alerts  right  precision",
        "pattern"
    );
    let told: HashSet<&str> = case.alerts.values().map(|alert| alert.rma.as_str()).collect();
    let people: HashSet<&str> = case
        .alerts
        .values()
        .filter(|alert| alert.kind == "customer" || alert.kind == "ring")
        .map(|alert| alert.customer.as_str())
        .collect();
    for pattern in Pattern::ALL {
        let of: Vec<(&String, &Truth)> = case
            .returns
            .iter()
            .filter(|(_, truth)| truth.pattern == Some(pattern))
            .collect();
        let high: Vec<&(&String, &Truth)> = of.iter().filter(|(rma, _)| top(rma)).collect();
        let loss: i64 = of.iter().map(|(_, truth)| truth.loss_minor).sum();
        let found: i64 = high.iter().map(|(_, truth)| truth.loss_minor).sum();
        let alerted = of
            .iter()
            .filter(|(rma, truth)| told.contains(rma.as_str()) || people.contains(truth.customer.as_str()))
            .count();
        let (raised, wrong) = raised(case, pattern);
        println!(
            "    {:<24} {:>7}  {:>12.2}  {:>7.2}  {:>13.2} | {raised:>6}  {:>5}  {:>9.2}",
            pattern.as_str(),
            of.len(),
            share(high.len(), of.len()),
            found as f64 / loss.max(1) as f64,
            share(alerted, of.len()),
            raised - wrong,
            share(raised - wrong, raised),
        );
    }
}

/// What is not of returns: claims, orders, couriers' agents, clerks, and those who refuse.
fn others(case: &Case) {
    let of_kind = |kind: &str| -> HashSet<&str> {
        let alerts = case.alerts.values().filter(|alert| alert.kind == kind);
        alerts.map(|alert| alert.subject.as_str()).collect()
    };
    let refusers: Vec<&String> = case
        .abusers
        .iter()
        .filter(|(_, pattern)| **pattern == Pattern::CodRefusalAbuse)
        .map(|(customer, _)| customer)
        .collect();
    let found = |all: Vec<&String>, kind: &str| {
        let told = of_kind(kind);
        (
            all.iter().filter(|id| told.contains(id.as_str())).count(),
            all.len(),
        )
    };
    let claims = case
        .claims
        .iter()
        .filter(|(_, abusive)| **abusive)
        .map(|(id, _)| id);
    for (name, (found, all)) in [
        ("abusive claims", found(claims.collect(), "claim")),
        ("junk orders", found(case.orders.iter().collect(), "order")),
        (
            "fake attempts' agents",
            found(case.agents.iter().collect(), "courier_agent"),
        ),
        (
            "clerks in collusion",
            found(case.clerks.iter().collect(), "employee"),
        ),
        ("refusers of cash, themselves named", found(refusers, "customer")),
    ] {
        println!("    {name:<36} {found:>4} of {all:>4} with an alert");
    }
}

fn calibration(case: &Case, ours: impl Fn(&str) -> f64) {
    let mut rows: Vec<(&String, f64, bool)> = case
        .returns
        .iter()
        .map(|(rma, truth)| (rma, ours(rma), truth.pattern.is_some()))
        .collect();
    rows.sort_unstable_by_key(|(rma, ..)| *rma);
    let told = |rows: &[(&String, f64, bool)]| -> (Vec<f64>, Vec<bool>) {
        rows.iter().map(|(_, score, abusive)| (*score, *abusive)).unzip()
    };
    let (p, abusive) = told(&rows);
    let found: Vec<_> = rows
        .iter()
        .filter(|(_, score, _)| *score >= 0.02)
        .copied()
        .collect();
    let (high, truly) = told(&found);
    println!(
        "calibration error of the score, 15 bins of equal counts: {:.4} over {} returns, mean told {:.4}, true {:.4}; {:.3} over the {} with a score of 0.02 or more:",
        calibration_error(&p, &abusive),
        p.len(),
        p.iter().sum::<f64>() / p.len() as f64,
        share(abusive.iter().filter(|is| **is).count(), abusive.len()),
        calibration_error(&high, &truly),
        high.len(),
    );
    for bin in reliability(&high, &truly) {
        println!(
            "    {:>4.0} told {:.3} true {:.3}",
            bin.count, bin.predicted, bin.observed
        );
    }
}

fn tiers(case: &Case, top: impl Fn(&str) -> bool) {
    println!("tier      returns  abusive  flagged  precision  honest flagged");
    let mut by: BTreeMap<u8, [usize; 4]> = BTreeMap::new();
    for (rma, truth) in &case.returns {
        let counts = by.entry(case.tier(rma)).or_default();
        let (abusive, flagged) = (truth.pattern.is_some(), top(rma));
        counts[0] += 1;
        counts[1] += usize::from(abusive);
        counts[2] += usize::from(flagged);
        counts[3] += usize::from(flagged && abusive);
    }
    for (tier, [all, abusive, flagged, right]) in by {
        let name = if tier == 0 {
            "unknown".to_owned()
        } else {
            tier.to_string()
        };
        println!(
            "    {name:<8} {all:>4}  {:>6.2}%  {:>6.2}%  {:>9.3}  {:>13.3}%",
            share(abusive, all) * 100.0,
            share(flagged, all) * 100.0,
            share(right, flagged),
            share(flagged - right, all - abusive) * 100.0
        );
    }
}

fn delays(case: &Case) {
    let mut by: BTreeMap<&str, BTreeMap<_, usize>> = BTreeMap::new();
    let mut all: BTreeMap<_, usize> = BTreeMap::new();
    for alert in case.alerts.values() {
        if let Some(delay) = alert.delay {
            *by.entry(&alert.pattern).or_default().entry(delay).or_default() += 1;
            *all.entry(delay).or_default() += 1;
        }
    }
    println!("what raised an alert: {all:?}");
    for (pattern, of) in by {
        println!("    {pattern:<28} {of:?}");
    }
}

fn innocent(case: &Case, top: impl Fn(&str) -> bool) {
    let mut explained: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut found: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for (rma, truth) in case.returns.iter().filter(|(_, truth)| truth.pattern.is_none()) {
        let innocent = truth.innocent.unwrap_or("-");
        let entry = explained.entry(innocent).or_default();
        entry.0 += 1;
        entry.1 += usize::from(top(rma));
        if let Some((_, _, patterns)) = case.scores.get(rma).filter(|(.., patterns)| patterns != "[]") {
            let entry = found.entry((patterns.as_str(), innocent)).or_default();
            entry.0 += 1;
            entry.1 += usize::from(top(rma));
        }
    }
    println!("honest returns, and how many are in the first 1%, by innocent case: {explained:?}");
    for ((patterns, innocent), (count, high)) in found.iter().filter(|(_, (_, high))| *high > 0) {
        println!("    {count:>4} {high:>3} in the first 1%  {innocent:<20} {patterns}");
    }
}

fn look_alikes(case: &Case) {
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for kind in case.honest.values() {
        kinds.entry(kind).or_default().0 += 1;
    }
    let mut flagged: HashSet<(&str, i64)> = HashSet::new();
    for alert in case.alerts.values() {
        if let Some(kind) = case.honest.get(&alert.customer)
            && !case.abusers.contains_key(&alert.customer)
            && flagged.insert((&alert.customer, alert.raised_at / (30 * DAY)))
        {
            kinds.entry(kind).or_default().1 += 1;
        }
    }
    println!("look-alikes flagged, a month of them:");
    let mut all = (0, 0);
    for (kind, (people, flagged)) in &kinds {
        all = (all.0 + people, all.1 + flagged);
        println!(
            "    {kind:<16} {people:>6} people, {flagged:>4} flagged, {:.3}% a month",
            *flagged as f64 / *people as f64 / 12.0 * 100.0
        );
    }
    println!(
        "    all {:.3}% a month",
        all.1 as f64 / all.0 as f64 / 12.0 * 100.0
    );
}
