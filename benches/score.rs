//! One score in memory, one core, no network. Each event goes through two engines that differ in the risk of parcels alone: the difference is what the score costs. And
//! through one with all that is computed, as it runs in service.

use std::time::Instant;

use eddy_events::output::OutputKind;
use eddy_processors::{Config, Emitted, Engine, Prepared};

use crate::fold::decoded;
use crate::report::{figure, quantile};
use crate::world;

/// An engine, and what it emits.
struct Timed {
    engine: Engine,
    out: Emitted,
}

impl Timed {
    fn new(config: Config) -> Self {
        Self {
            engine: Engine::new(config).unwrap(),
            out: Emitted::default(),
        }
    }

    /// Takes a batch: of each event the microseconds it takes, and whether it brought one output that is a score.
    fn apply(&mut self, batch: Vec<Prepared>) -> Vec<(f64, bool)> {
        let times = batch.into_iter().map(|event| {
            let begin = Instant::now();
            self.engine.apply(event, &mut self.out);
            let took = begin.elapsed().as_secs_f64() * 1e6;
            let one = matches!(&self.out.outputs[..], [(_, output)] if output.kind == OutputKind::NdrScore);
            self.out.outputs.clear();
            (took, one)
        });
        let times = times.collect();
        drop(self.engine.take_changes());
        times
    }
}

pub fn run() {
    let lines: Vec<Vec<u8>> = world::lines(100_000).collect();
    let warm = lines.len() / 3;
    let bare = Config {
        operations: false,
        anomalies: false,
        ..Config::default()
    };
    let mut all = Timed::new(Config::default());
    let mut with = Timed::new(bare.clone());
    let mut without = Timed::new(Config { risk: false, ..bare });
    let (mut alone, mut whole, mut at) = (Vec::new(), Vec::new(), 0);
    let batches = || decoded(&lines, 1_900_000_000_000_000);
    for ((to_all, to_with), to_without) in batches().zip(batches()).zip(batches()) {
        let (a, b, c) = (all.apply(to_all), with.apply(to_with), without.apply(to_without));
        for (((took, one), (scored, scores)), (unscored, _)) in a.into_iter().zip(b).zip(c) {
            at += 1;
            if one && scores && at > warm {
                whole.push(took);
                alone.push(scored - unscored);
            }
        }
    }
    let events = whole.len();
    let says = [
        (
            "one score with explanation",
            &mut alone,
            "what the risk of parcels adds to an event that brings one score and no decision: learning from what it ends, features looked up, score, explanation, output text",
        ),
        (
            "the same with all that its event brings",
            &mut whole,
            "identity, projections, operations, fraud, rates, anomalies and score",
        ),
    ];
    for (what, samples, note) in says {
        for (name, q) in [("p50", 0.50), ("p99", 0.99)] {
            let note = format!("{note}; {events} events of a simulated world");
            figure(
                "score",
                &format!("{what}, {name}"),
                quantile(samples, q),
                "us",
                &note,
            );
        }
    }
}
