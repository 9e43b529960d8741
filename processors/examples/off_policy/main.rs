//! Whether what a log with exploration tells of another policy holds in a simulated world: the estimate's 95% interval beside the truth. All figures are of simulated data.
//!
//! `cargo run --release -p eddy-processors --example off_policy -- [orders] [days] [first seed] [seeds]`

mod explored;

use eddy_simulator::WorldConfig;
use serde_json::json;

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|arg| arg.parse::<u64>().expect("a number"));
    let mut number = |usual: u64| args.next().unwrap_or(usual);
    let (orders, days, first, seeds) = (number(20_000), number(90) as u32, number(1), number(4));
    let log = json!({"ndr": {"threshold": 0, "least_gain_minor": 1, "failure_weight": 1, "exploration": 0.5, "cooldown_hours": 10_000}});
    let others = [
        (
            "failures weigh 10",
            json!({"ndr": {"threshold": 0, "least_gain_minor": 1, "failure_weight": 10, "cooldown_hours": 10_000}}),
        ),
        (
            "all stays as it is",
            json!({"ndr": {"enabled": false, "cooldown_hours": 10_000}}),
        ),
        (
            "above 0.3 alone",
            json!({"ndr": {"threshold": 0.3, "least_gain_minor": 1, "failure_weight": 3, "cooldown_hours": 10_000}}),
        ),
    ];
    let (mut held, mut all) = (0, 0);
    for seed in first..first + seeds {
        for (name, other) in &others {
            let config = WorldConfig {
                seed,
                orders,
                days,
                customers: (orders / 4).max(1_000),
                ..WorldConfig::default()
            };
            let found = explored::explore(config, &log, other);
            let Some(other) = found.told.failure_rate_other else {
                println!("world {seed}, {name}: nothing matched");
                continue;
            };
            let own = found.told.failure_rate;
            let holds = (other.lower..=other.upper).contains(&found.truth.1);
            held += u32::from(holds);
            all += 1;
            println!(
                "world {seed}, {name:<18}: {} decisions, {:.2} the same, {} matched, worth {:.0}; failures of the log {:.4} ({:.4} to {:.4}), truth {:.4}; of the other {:.4} ({:.4} to {:.4}), truth {:.4}{}",
                found.told.decisions,
                found.same,
                found.told.matched,
                found.told.effective,
                own.mean,
                own.lower,
                own.upper,
                found.truth.0,
                other.mean,
                other.lower,
                other.upper,
                found.truth.1,
                if holds { "" } else { ", outside" }
            );
        }
    }
    println!("{held} of {all} intervals hold the truth");
}
