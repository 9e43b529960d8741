//! The figures a world must show, on seeds 101 to 105, which were not looked at while it was built.

use eddy_simulator::World;
use eddy_simulator::stats::Stats;
use eddy_simulator::truth::Row;

use crate::year;

fn stats(seed: u64) -> Stats {
    let mut rows: Vec<Row> = Vec::new();
    let mut stats = Stats::default();
    for d in World::new(year(seed, 20_000))
        .unwrap()
        .events_with_truth(|row| rows.push(row))
    {
        stats.event(&d.event);
    }
    rows.iter().for_each(|row| stats.truth(row));
    stats
}

fn within(what: &str, seed: u64, value: f64, low: f64, high: f64) {
    assert!(
        (low..=high).contains(&value),
        "seed {seed}: {what} is {value:.4}, not in {low}..{high}"
    );
}

#[test]
fn held_out_seeds_show_the_rates_of_the_trade() {
    for seed in 101..=105 {
        let s = stats(seed);
        within("auc of truth", seed, s.auc(false), 0.80, 0.86);
        within("auc of truth over cash", seed, s.auc(true), 0.67, 0.77);
        within("cash failure", seed, s.failure_rate(true), 0.235, 0.285);
        within("prepaid failure", seed, s.failure_rate(false), 0.012, 0.023);
        within("cash share", seed, s.cash_share(), 0.45, 0.60);
        within("calibration in standard errors", seed, s.calibration(), 0.0, 4.0);
        within("returns an order", seed, s.returns as f64 / 20_000.0, 0.10, 0.20);
        within("fraud share", seed, s.fraud_share(), 0.008, 0.016);
        within("events an order", seed, s.total() as f64 / 20_000.0, 10.0, 14.0);
        let rate = |days: std::ops::RangeInclusive<i64>| {
            let (n, f) = s
                .by_delay
                .iter()
                .filter(|(d, _)| days.contains(*d))
                .fold((0, 0), |a, (_, x)| (a.0 + x.0, a.1 + x.1));
            f as f64 / n as f64
        };
        within(
            "cash failure, first attempt after 1 or 2 days",
            seed,
            rate(1..=2),
            0.20,
            0.265,
        );
        within(
            "cash failure, first attempt after 3 to 5 days",
            seed,
            rate(3..=5),
            0.24,
            0.32,
        );
        within(
            "cash failure, first attempt later",
            seed,
            rate(6..=30),
            0.29,
            0.43,
        );
        for (category, low, high) in [
            ("dress", 0.15, 0.33),
            ("kurta", 0.10, 0.25),
            ("beauty", 0.005, 0.05),
            ("phone", 0.02, 0.12),
        ] {
            let (delivered, returned) = s.by_category[category];
            within(category, seed, returned as f64 / delivered as f64, low, high);
        }
    }
}
