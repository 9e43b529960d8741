//! How good return rates of young cohorts are in a simulated world, against what finally came. All figures are of simulated data.
//!
//! ```text
//! cargo run --release -p eddy-processors --example rates_quality -- [orders] [seed] [skus] [days]
//! ```
//!
//! Lines delivered and requests are summed naively here, from the events as they arrive; the mathematics and the judging are those of `models/`.

#![allow(clippy::disallowed_methods)]

#[path = "../../../models/examples/rates/mod.rs"]
mod rates;
mod world;

use rates::facts::Basis;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u64| args.get(at).map_or(or, |arg| arg.parse().expect("a number"));
    let (orders, seed, skus, days) = (number(0, 200_000), number(1, 2), number(2, 5_000), number(3, 365));
    let facts = world::facts(orders, seed, skus as u32, days as u32);
    println!(
        "simulated: {orders} orders in {days} days, seed {seed}, {skus} articles; {} lines delivered, {} requests, {} received",
        facts.lines.len(),
        facts.requested.len(),
        facts.received.len()
    );
    let first = facts.days / 3;
    for (name, basis) in [("requested", Basis::Requested), ("received", Basis::Received)] {
        println!("\narrivals, {name}");
        rates::coming::judge(&facts, (first..facts.days - 13).step_by(9), basis);
    }
    // Four days and seven have no common divisor, so every stage of a week is seen.
    let judged = rates::judge::judge(&facts, (first..facts.days).step_by(4), Basis::Requested);
    rates::report::print(&judged);
}
