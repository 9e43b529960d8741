//! How fast the folds are in memory, on one core: decoding, folding from decoded events, building rows, snapshot and restore.
//!
//! `cargo run --release -p eddy-processors --example fold_speed -- [orders] [events between two handings-over]`.

#![allow(clippy::disallowed_methods)]

#[path = "story/mod.rs"]
mod story;

use std::time::Instant;

use eddy_events::Position;
use eddy_processors::{Change, Config, Emitted, Engine, Prepared, Segments};
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

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|arg| arg.parse::<u64>().expect("arguments are numbers"));
    let orders = args.next().unwrap_or(150_000);
    let batch = args.next().unwrap_or(16_384) as usize;
    let lines = story::lines(orders);
    let bytes: usize = lines.iter().map(Vec::len).sum();
    let count = lines.len();
    println!("{count} events, {} bytes each", bytes / count);
    let rate = |begun: &Stopwatch| count as f64 / begun.seconds() / 1e6;

    let begun = Stopwatch::start();
    let prepared: Vec<Prepared> = lines
        .iter()
        .enumerate()
        .map(|(k, line)| {
            Prepared::decode(
                Position {
                    sequence: k as u64 + 1,
                    index: 0,
                },
                START + 20_000 * HOUR,
                line,
            )
        })
        .collect();
    println!("decode             {:.2} M events/s", rate(&begun));

    let dir = std::env::temp_dir().join(format!("eddy-fold-speed-{}", std::process::id()));
    let segments = Segments::open(&dir).expect("a temporary folder");
    let mut engine = Engine::new(Config::default()).expect("the default configuration");
    engine.attach(&segments);
    let mut out = Emitted::default();
    let (mut folding, mut rows_time, mut rows, mut worst) = (0.0, 0.0, 0, 0.0_f64);
    let mut by_table = vec![0; eddy_processors::tables().len()];
    let begun = Stopwatch::start();
    let mut waiting = 0;
    let mut iter = prepared.into_iter();
    loop {
        let at = Stopwatch::start();
        for event in iter.by_ref().take(batch) {
            engine.apply(event, &mut out);
            waiting += 1;
        }
        if waiting == 0 {
            break;
        }
        waiting = 0;
        let folded = at.seconds();
        folding += folded;
        let changes = engine.take_changes();
        for (table, change) in &changes {
            if let Change::Upsert(batch) = change {
                rows += batch.num_rows();
                by_table[*table] += batch.num_rows();
            }
        }
        drop(changes);
        rows_time += at.seconds() - folded;
        worst = worst.max(at.seconds());
    }
    println!(
        "fold               {:.2} M events/s",
        count as f64 / folding / 1e6
    );
    println!(
        "sums and rows      {:.2} M events/s, {:.2} M rows/s, {rows} rows",
        count as f64 / rows_time / 1e6,
        rows as f64 / rows_time / 1e6
    );
    println!(
        "fold, sums, rows   {:.2} M events/s, worst batch {:.1} ms",
        rate(&begun),
        worst * 1e3
    );
    println!("outputs            {}", out.outputs.len());
    for (schema, rows) in eddy_processors::tables()
        .iter()
        .zip(by_table)
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
