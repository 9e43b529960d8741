//! What the watch of return rates adds to an event: two engines side by side that differ in it alone, batch after batch, so that both are as fast as the machine happens to be just then.

use std::time::{Duration, Instant};

use eddy_processors::{Config, Emitted, Engine};

use crate::fold::decoded;
use crate::report::{figure, quantile};
use crate::world;

/// Orders of a year, and how often it is folded.
const SHOPS: [(u64, usize, &str); 2] = [(100_000, 3, "an ordinary shop"), (400_000, 1, "a large shop")];

pub fn run() {
    for (orders, runs, shop) in SHOPS {
        let lines: Vec<Vec<u8>> = world::lines(orders).collect();
        let mut of_runs: Vec<f64> = (0..runs).map(|_| adds(&lines)).collect();
        figure(
            "watch",
            &format!("what the watch of return rates adds to an event, {shop}"),
            quantile(&mut of_runs, 0.5),
            "us",
            &format!(
                "{} events of a simulated year of {orders} orders, one core; two engines fold each batch in turn",
                lines.len()
            ),
        );
    }
}

/// Microseconds an event.
fn adds(lines: &[Vec<u8>]) -> f64 {
    let mut engines = [false, true].map(|anomalies| {
        let config = Config {
            scores: false,
            risk: false,
            anomalies,
            operations: false,
            ..Config::default()
        };
        (Engine::new(config).unwrap(), Duration::ZERO)
    });
    let mut out = Emitted::default();
    let batches = || decoded(lines, 1_900_000_000_000_000);
    for (n, (one, other)) in batches().zip(batches()).enumerate() {
        let mut batches = [Some(one), Some(other)];
        // Who is first finds less at hand.
        for at in [n % 2, 1 - n % 2] {
            let (engine, took) = &mut engines[at];
            let Some(batch) = batches[at].take() else { continue };
            let begin = Instant::now();
            engine.apply_all(batch, &mut out);
            engine.settle();
            *took += begin.elapsed();
            drop(engine.take_changes());
            drop(std::mem::take(&mut out.outputs));
        }
    }
    let [without, with] = engines.map(|(_, took)| took.as_secs_f64());
    (with - without) * 1e6 / lines.len() as f64
}
