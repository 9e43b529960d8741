//! One score in memory: an event that brings a score, through fold, features, score with explanation and the output's text; one core, no network.

use std::time::Instant;

use eddy_events::output::OutputKind;
use eddy_processors::{Config, Emitted, Engine};

use crate::fold::decoded;
use crate::report::{figure, quantile};
use crate::world;

pub fn run() {
    let lines: Vec<Vec<u8>> = world::lines(100_000).collect();
    let warm = lines.len() / 3;
    let mut engine = Engine::new(Config::default()).unwrap();
    let mut out = Emitted::default();
    let (mut samples, mut at) = (Vec::new(), 0);
    for batch in decoded(&lines, 1_900_000_000_000_000) {
        for event in batch {
            at += 1;
            let begin = Instant::now();
            engine.apply(event, &mut out);
            let took = begin.elapsed();
            let one = matches!(&out.outputs[..], [(_, output)] if output.kind == OutputKind::NdrScore);
            if one && at > warm {
                samples.push(took.as_secs_f64() * 1e6);
            }
            out.outputs.clear();
        }
        drop(engine.take_changes());
    }
    let note = format!(
        "an event of a simulated world that brings one score and no decision: fold, learning from what it ends, features looked up, score, explanation, output text; {} events",
        samples.len()
    );
    for (name, q) in [("p50", 0.50), ("p99", 0.99)] {
        figure(
            "score",
            &format!("one score with explanation, {name}"),
            quantile(&mut samples, q),
            "us",
            &note,
        );
    }
}
