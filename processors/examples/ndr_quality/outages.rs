//! Outages: how far the mean risk at out-for-delivery is from the truth, a day after the first fifty failed attempts.

use std::collections::{BTreeMap, HashSet};

use crate::{DAY_US, Run};

/// Prints a line an outage.
pub fn judge(run: &Run) {
    let outage = |awb: &str| run.truths.get(awb).and_then(|truth| truth.outage);
    let mut failures: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for (awb, at) in &run.failed_attempts {
        if let Some(id) = outage(awb) {
            failures.entry(id).or_default().push(*at);
        }
    }
    println!("outages, scores at the first out-for-delivery from a day after the fiftieth failed attempt on");
    for (id, mut times) in failures {
        times.sort_unstable();
        let Some(from) = times.get(49).map(|at| at + DAY_US) else {
            println!("   outage {id}: {} failed attempts only", times.len());
            continue;
        };
        let mut seen = HashSet::new();
        let told: Vec<(f64, f64)> = run
            .scores
            .iter()
            .filter(|told| {
                told.stage == "out_for_delivery"
                    && told.at >= from
                    && outage(&told.subject) == Some(id)
                    && seen.insert(told.subject.clone())
            })
            .filter_map(|told| Some((told.p, run.truths.get(&told.subject)?.out_for_delivery?)))
            .collect();
        let n = told.len() as f64;
        let (ours, truth) = told
            .iter()
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0 / n, sum.1 + one.1 / n));
        println!(
            "   outage {id}: {} failed attempts, {n} scores after, mean risk {ours:.3}, truth {truth:.3}, off by {:.3}",
            times.len(),
            (ours - truth).abs()
        );
    }
}
