//! The folds alone, in memory, on one core: a simulated world, decoded beforehand, through the engine to row batches.

use std::time::Instant;

use eddy_events::Position;
use eddy_processors::{Config, Emitted, Engine, Prepared};

use crate::report::{figure, median_of};
use crate::world;

const BATCH: usize = 16_384;

pub fn run() {
    let lines: Vec<Vec<u8>> = world::lines(100_000).collect();
    let logged_at = 1_900_000_000_000_000;
    let note = format!(
        "{} events of a simulated world, one core, rows handed over every {BATCH} events",
        lines.len()
    );
    let decode = median_of(3, || {
        let begin = Instant::now();
        let prepared = decoded(&lines, logged_at);
        prepared.len() as f64 / begin.elapsed().as_secs_f64()
    });
    figure(
        "fold",
        "decoding of canonical lines, with identity and fingerprint",
        decode,
        "events/s",
        &note,
    );
    let folded = median_of(3, || {
        let prepared = decoded(&lines, logged_at);
        let count = prepared.len();
        let mut engine = Engine::new(Config::default()).unwrap();
        let mut out = Emitted::default();
        let (mut rows, mut outputs) = (0, 0);
        let begin = Instant::now();
        for (n, event) in prepared.into_iter().enumerate() {
            engine.apply(event, &mut out);
            if n % BATCH == BATCH - 1 {
                rows += engine.take_changes().len();
                outputs += std::mem::take(&mut out.outputs).len();
            }
        }
        rows += engine.take_changes().len();
        let seconds = begin.elapsed().as_secs_f64();
        assert!(rows > 0 && outputs > 0);
        count as f64 / seconds
    });
    figure(
        "fold",
        "in-memory folds of all projections",
        folded,
        "events/s",
        &note,
    );
}

fn decoded(lines: &[Vec<u8>], logged_at: i64) -> Vec<Prepared> {
    let position = |n: usize| Position {
        sequence: (n / 1000 + 1) as u64,
        index: (n % 1000) as u32,
    };
    lines
        .iter()
        .enumerate()
        .map(|(n, line)| Prepared::decode(position(n), logged_at, line))
        .collect()
}
