//! Prints the statistics of worlds: `cargo run --example world -- ORDERS SEED...`; with `speed` for ORDERS' place, only counts and times the telling.
//!
//! For people who judge a world, not for programs.

use std::time::Instant;

use eddy_simulator::stats::Stats;
use eddy_simulator::truth::Row;
use eddy_simulator::{World, WorldConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let orders: u64 = arguments.next().as_deref().unwrap_or("20000").parse()?;
    let seeds: Vec<u64> = arguments.map(|s| s.parse()).collect::<Result<_, _>>()?;
    for seed in if seeds.is_empty() { vec![1] } else { seeds } {
        report(orders, seed)?;
    }
    Ok(())
}

fn report(orders: u64, seed: u64) -> Result<(), Box<dyn std::error::Error>> {
    let config = WorldConfig {
        seed,
        orders,
        customers: (orders / 4).max(100),
        ..WorldConfig::default()
    };
    let started = Instant::now();
    let world = World::new(config)?;
    let settled = started.elapsed();
    let started = Instant::now();
    let count = world.events().count();
    let elapsed = started.elapsed().as_secs_f64();
    let mut rows: Vec<Row> = Vec::new();
    let mut stats = Stats::default();
    for delivered in world.events_with_truth(|row| rows.push(row)) {
        stats.event(&delivered.event);
    }
    rows.iter().for_each(|row| stats.truth(row));
    println!(
        "== seed {seed}: {orders} orders, {count} events ({:.1} an order), settled in {settled:?}, {:.0} events/s",
        count as f64 / orders as f64,
        count as f64 / elapsed
    );
    println!(
        "auc all {:.3} cash {:.3}; failure cash {:.4} prepaid {:.4}; cash share {:.3}; calibration {:.2} se",
        stats.auc(false),
        stats.auc(true),
        stats.failure_rate(true),
        stats.failure_rate(false),
        stats.cash_share(),
        stats.calibration()
    );
    println!(
        "returns {} ({:.3} an order), abusive {:.4}, loss {} rupees",
        stats.returns,
        stats.returns as f64 / orders as f64,
        stats.fraud_share(),
        stats.loss_minor / 100
    );
    let rate = |(n, f): &(u64, u64)| *f as f64 / (*n).max(1) as f64;
    print!("cash failure by day of first attempt:");
    stats
        .by_delay
        .iter()
        .for_each(|(d, x)| print!(" {d}: {:.3} ({})", rate(x), x.0));
    for (name, days) in [("1-2", 1..=2), ("3-5", 3..=5), (">5", 6..=40)] {
        let sum = stats
            .by_delay
            .iter()
            .filter(|(d, _)| days.contains(*d))
            .fold((0, 0), |a, (_, x)| (a.0 + x.0, a.1 + x.1));
        print!("; {name} {:.3}", rate(&sum));
    }
    println!();
    let mut regions: Vec<f64> = stats
        .by_region
        .values()
        .filter(|x| x.0 >= 100)
        .map(rate)
        .collect();
    regions.sort_by(f64::total_cmp);
    println!(
        "cash failure by region: {:.3} .. {:.3}",
        regions.first().unwrap_or(&0.0),
        regions.last().unwrap_or(&0.0)
    );
    print!("return rate by category:");
    stats
        .by_category
        .iter()
        .for_each(|(c, x)| print!(" {c} {:.3}", rate(x)));
    println!();
    print!("mean probability by courier:");
    stats
        .couriers
        .iter()
        .for_each(|(s, n)| print!(" {:.3}", s / *n as f64));
    println!();
    oracle(&stats);
    println!("patterns {:?}", stats.patterns);
    println!("innocent {:?}", stats.innocent);
    println!("mix {:?}", stats.events);
    Ok(())
}

fn oracle(stats: &Stats) {
    let mut order: Vec<usize> = (0..stats.couriers.len()).collect();
    let mean = |c: usize| stats.couriers[c].0 / stats.couriers[c].1.max(1) as f64;
    order.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
    for threshold in [0.0, 0.5, 0.8] {
        let (mut now, mut best, mut average, mut n) = (0.0, 0.0, 0.0, 0);
        for s in stats.shipments.iter().filter(|s| s.probability() > threshold) {
            n += 1;
            now += s.probability();
            best += s.placed.iter().flatten().copied().fold(1.0, f64::min);
            average += order.iter().find_map(|&c| s.placed[c]).unwrap_or(1.0);
        }
        println!(
            "over {threshold}: {n} parcels, oracle cuts {:.3}, best courier on average {:.3}",
            1.0 - best / now,
            1.0 - average / now
        );
    }
}
