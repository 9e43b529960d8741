//! The folds alone, in memory, on one core: a simulated world, decoded beforehand, through the engine to row batches.

use std::time::{Duration, Instant};

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
        let prepared: Vec<_> = decoded(&lines, logged_at).collect();
        let seconds = begin.elapsed().as_secs_f64();
        drop(prepared);
        lines.len() as f64 / seconds
    });
    figure(
        "fold",
        "decoding of canonical lines, with identity and fingerprint",
        decode,
        "events/s",
        &note,
    );
    for kind in [
        Kind::Projections,
        Kind::Operations,
        Kind::Anomalies,
        Kind::Abuse,
        Kind::All,
    ] {
        folds(&lines, logged_at, &note, kind);
    }
}

/// What is folded besides milestones.
#[derive(Clone, Copy)]
enum Kind {
    Projections,
    /// Terms watched, and advice on what becomes of inspected lines.
    Operations,
    /// Return rates watched for shifts.
    Anomalies,
    /// Returns scored for abuse, every detector on.
    Abuse,
    /// All of it: parcels and returns scored, decisions made.
    All,
}

fn folds(lines: &[Vec<u8>], logged_at: i64, note: &str, kind: Kind) {
    let what = |what: &str| match kind {
        Kind::Projections => what.to_owned(),
        Kind::Operations => format!("{what}, terms watched and dispositions advised"),
        Kind::Anomalies => format!("{what}, return rates watched"),
        Kind::Abuse => format!("{what}, every detector of abuse on"),
        Kind::All => format!("{what}, all of these, parcels scored and decided about"),
    };
    let mut with_rows = Vec::new();
    let folded = median_of(3, || {
        let prepared: Vec<_> = decoded(lines, logged_at).collect();
        let mut engine = Engine::new(Config {
            scores: matches!(kind, Kind::Abuse | Kind::All),
            risk: matches!(kind, Kind::All),
            anomalies: matches!(kind, Kind::Anomalies | Kind::All),
            operations: matches!(kind, Kind::Operations | Kind::All),
            ..Config::default()
        })
        .unwrap();
        let mut out = Emitted::default();
        let (mut rows, mut outputs) = (0, 0);
        let (mut folding, mut writing) = (Duration::ZERO, Duration::ZERO);
        for batch in prepared {
            let begin = Instant::now();
            engine.apply_all(batch, &mut out);
            engine.settle();
            folding += begin.elapsed();
            let begin = Instant::now();
            rows += engine.take_changes().len();
            outputs += std::mem::take(&mut out.outputs).len();
            writing += begin.elapsed();
        }
        assert!(rows > 0 && outputs > 0);
        with_rows.push(lines.len() as f64 / (folding + writing).as_secs_f64());
        lines.len() as f64 / folding.as_secs_f64()
    });
    figure(
        "fold",
        &what("in-memory folds of all projections"),
        folded,
        "events/s",
        note,
    );
    with_rows.sort_by(f64::total_cmp);
    figure(
        "fold",
        &what("the same, and the changed rows written as Arrow batches"),
        with_rows[with_rows.len() / 2],
        "events/s",
        note,
    );
}

/// Batches of decoded events, each decoded when it is asked for.
pub fn decoded(lines: &[Vec<u8>], logged_at: i64) -> impl Iterator<Item = Vec<Prepared>> {
    let position = |n: usize| Position {
        sequence: (n / 1000 + 1) as u64,
        index: (n % 1000) as u32,
    };
    lines.chunks(BATCH).enumerate().map(move |(batch, lines)| {
        let numbered = lines.iter().enumerate();
        numbered
            .map(|(n, line)| Prepared::decode(position(batch * BATCH + n), logged_at, line))
            .collect()
    })
}
