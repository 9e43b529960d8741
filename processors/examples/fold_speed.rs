//! How fast the folds are in memory, on one core: decoding, folding from decoded events (projections alone, and with operations, anomalies, fraud, all), building rows, snapshot and restore.
//!
//! `cargo run --release -p eddy-processors --example fold_speed -- [orders] [events between two handings-over] [story or world] [only this: projections, operations, anomalies, fraud, all]`.
//!
//! `story` is a made history without identities, `world` the simulated one, in which identities, claims and abuse keep every detector busy.

#![allow(clippy::disallowed_methods)]

#[path = "story/mod.rs"]
mod story;

use std::time::Instant;

use eddy_events::Position;
use eddy_processors::{Change, Config, Emitted, Engine, Prepared, Segments};
use eddy_simulator::{World, WorldConfig};
use story::{HOUR, START};

/// Time that this thread spent on a core, so that other work on the machine does not count. Wall time where the kernel does not tell.
struct Stopwatch(f64, Instant);

impl Stopwatch {
    fn cpu() -> Option<f64> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(text.split(' ').next()?.parse::<f64>().ok()? / 1e9)
    }

    fn start() -> Self {
        Self(Self::cpu().unwrap_or(0.0), Instant::now())
    }

    fn seconds(&self) -> f64 {
        Self::cpu().map_or_else(|| self.1.elapsed().as_secs_f64(), |now| now - self.0)
    }
}

/// Canonical lines, and when the log took them.
fn lines(orders: u64, world: bool) -> (Vec<Vec<u8>>, i64) {
    if !world {
        return (story::lines(orders), START + 20_000 * HOUR);
    }
    let config = WorldConfig {
        orders,
        customers: (orders / 4).max(1_000),
        ..WorldConfig::default()
    };
    let mut logged_at = 0;
    let lines = World::new(config).expect("a world").events().map(|delivered| {
        logged_at = logged_at.max(delivered.arrival.micros);
        eddy_events::codec::encode(&delivered.event)
    });
    (lines.collect(), logged_at)
}

fn prepared(lines: &[Vec<u8>], logged_at: i64) -> Vec<Prepared> {
    let position = |k: usize| Position {
        sequence: k as u64 + 1,
        index: 0,
    };
    lines
        .iter()
        .enumerate()
        .map(|(k, line)| Prepared::decode(position(k), logged_at, line))
        .collect()
}

/// Folds everything, and gives the engine as it is then, with outputs, seconds of folding and of rows, rows by table, and the worst batch.
struct Folded {
    engine: Engine,
    outputs: usize,
    folding: f64,
    rows_time: f64,
    rows: Vec<usize>,
    worst: f64,
}

fn fold(mut engine: Engine, events: Vec<Prepared>, batch: usize) -> Folded {
    let mut out = Emitted::default();
    let (mut folding, mut rows_time, mut worst) = (0.0, 0.0, 0.0_f64);
    let mut rows = vec![0; eddy_processors::tables().len()];
    let mut events = events.into_iter();
    loop {
        let some: Vec<Prepared> = events.by_ref().take(batch).collect();
        if some.is_empty() {
            break;
        }
        let at = Stopwatch::start();
        engine.apply_all(some, &mut out);
        let folded = at.seconds();
        folding += folded;
        let changes = engine.take_changes();
        for (table, change) in &changes {
            if let Change::Upsert(batch) = change {
                rows[*table] += batch.num_rows();
            }
        }
        drop(changes);
        rows_time += at.seconds() - folded;
        worst = worst.max(at.seconds());
    }
    Folded {
        engine,
        outputs: out.outputs.len(),
        folding,
        rows_time,
        rows,
        worst,
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or| {
        args.get(at)
            .map_or(or, |arg| arg.parse::<u64>().expect("a number"))
    };
    let (orders, batch) = (number(0, 150_000), number(1, 16_384) as usize);
    let (lines, logged_at) = lines(orders, args.get(2).is_some_and(|of| of == "world"));
    let bytes: usize = lines.iter().map(Vec::len).sum();
    let count = lines.len();
    println!("{count} events, {} bytes each", bytes / count);
    let rate = |seconds: f64| count as f64 / seconds / 1e6;

    let begun = Stopwatch::start();
    let mut events = prepared(&lines, logged_at);
    println!("decode             {:.2} M events/s", rate(begun.seconds()));

    for (name, config) in [
        (
            "projections alone",
            Config {
                scores: false,
                operations: false,
                anomalies: false,
                ..Config::default()
            },
        ),
        (
            "with operations",
            Config {
                scores: false,
                anomalies: false,
                ..Config::default()
            },
        ),
        (
            "with anomalies",
            Config {
                scores: false,
                operations: false,
                ..Config::default()
            },
        ),
        (
            "with fraud",
            Config {
                risk: false,
                operations: false,
                anomalies: false,
                ..Config::default()
            },
        ),
    ] {
        if args.get(3).is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let engine = Engine::new(config).expect("a configuration");
        let folded = fold(engine, std::mem::take(&mut events), batch);
        println!(
            "{name:<18} fold {:.3} M events/s, sums and rows {:.3}, both {:.3}",
            rate(folded.folding),
            rate(folded.rows_time),
            rate(folded.folding + folded.rows_time)
        );
        drop(folded);
        events = prepared(&lines, logged_at);
    }

    if args.get(3).is_some_and(|only| only != "all") {
        return;
    }
    let dir = std::env::temp_dir().join(format!("eddy-fold-speed-{}", std::process::id()));
    let segments = Segments::open(&dir).expect("a temporary folder");
    let mut engine = Engine::new(Config::default()).expect("the default configuration");
    engine.attach(&segments);
    let Folded {
        mut engine,
        outputs,
        folding,
        rows_time,
        rows,
        worst,
    } = fold(engine, events, batch);
    println!(
        "with all           fold {:.3} M events/s, sums and rows {:.3}, both {:.3}, worst batch {:.1} ms",
        rate(folding),
        rate(rows_time),
        rate(folding + rows_time),
        worst * 1e3
    );
    let all: usize = rows.iter().sum();
    println!(
        "rows               {all}, {:.2} M rows/s",
        all as f64 / rows_time / 1e6
    );
    println!("outputs            {outputs}");
    for (schema, rows) in eddy_processors::tables()
        .iter()
        .zip(rows)
        .filter(|(_, rows)| *rows > 0)
    {
        println!("    {:<16} {rows} rows", schema.metadata()["eddy.table"]);
    }
    println!("memory             {:?}", engine.memory());

    let at = Stopwatch::start();
    let digest = engine.digest();
    println!("digest             {:.2} s {}", at.seconds(), digest.projections);
    let at = Stopwatch::start();
    let job = engine.begin_snapshot();
    println!("snapshot begin     {:.2} ms", at.seconds() * 1e3);
    let at = Stopwatch::start();
    let written = job.write(&segments).expect("a snapshot");
    println!(
        "snapshot write     {:.2} s, {} MB of pages",
        at.seconds(),
        written.bytes >> 20
    );
    engine.finish_snapshot(written);
    let at = Stopwatch::start();
    let mut again = Engine::restore(&Config::default(), &segments)
        .expect("the folder")
        .expect("the snapshot");
    let restored = at.seconds();
    let mut rows = 0;
    again.scan(|_, batch| rows += batch.num_rows());
    println!(
        "restore            {restored:.2} s, with all {rows} rows {:.2} s",
        at.seconds()
    );
    assert_eq!(again.digest(), digest);
    let _ = std::fs::remove_dir_all(&dir);
}
