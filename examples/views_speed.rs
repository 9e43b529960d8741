//! How long the views take, and what they answer: a history is folded into live tables, and each view is asked as an operator would.
//!
//! `cargo run --release --example views_speed -- [orders] [story or world] [rows shown of each view]`.
//!
//! `order_timeline` is asked for single orders, the others whole. Figures are of the machine at hand.

#![allow(clippy::disallowed_methods)]

#[path = "../processors/examples/story/mod.rs"]
mod story;

use std::time::Instant;

use arrow::util::pretty::pretty_format_batches;
use eddy_events::Position;
use eddy_processors::{Change, Config, Emitted, Engine, Prepared};
use eddy_query::{Limits, LiveTables, Offer, Progress, QueryEngine, View};
use eddy_simulator::{World, WorldConfig};
use story::{HOUR, START};

/// Events folded between two handings-over of rows.
const BATCH: usize = 16_384;

/// Canonical lines, and when the log took them.
fn lines(orders: u64, world: bool) -> Box<dyn Iterator<Item = (Vec<u8>, i64)>> {
    if !world {
        let at = START + 200_000 * HOUR;
        return Box::new(story::lines(orders).into_iter().map(move |line| (line, at)));
    }
    let config = WorldConfig {
        orders,
        customers: (orders / 4).max(1_000),
        ..WorldConfig::default()
    };
    let events = World::new(config).expect("a world").events();
    Box::new(events.map(|delivered| {
        (
            eddy_events::codec::encode(&delivered.event),
            delivered.arrival.micros,
        )
    }))
}

/// The tables as they are once all is folded.
fn folded(orders: u64, world: bool) -> std::sync::Arc<LiveTables> {
    let tables = LiveTables::new(eddy_processors::tables()).expect("the schemas");
    let config = Config {
        scores: false,
        ..Config::default()
    };
    let mut engine = Engine::new(config).expect("a configuration");
    let (mut out, mut sequence) = (Emitted::default(), 0);
    let mut waiting = lines(orders, world).peekable();
    while waiting.peek().is_some() {
        let some: Vec<Prepared> = waiting
            .by_ref()
            .take(BATCH)
            .map(|(line, at)| {
                sequence += 1;
                Prepared::decode(Position { sequence, index: 0 }, at, &line)
            })
            .collect();
        engine.apply_all(some, &mut out);
        out = Emitted::default();
        let changes = engine.take_changes().into_iter().map(|(table, change)| {
            let change = match change {
                Change::Upsert(rows) => eddy_query::Change::Upsert(rows),
                Change::Delete(keys) => eddy_query::Change::Delete(keys),
            };
            (table, change)
        });
        let progress = engine.progress();
        let progress = Progress {
            shard: progress.shard,
            sequence: progress.sequence,
            event_time_micros: progress.event_time_micros,
            logged_at_micros: progress.logged_at_micros,
            events: progress.events,
        };
        tables.apply(changes.collect(), progress).expect("rows fit");
    }
    tables.settle();
    println!("{sequence} events");
    tables
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u64| args.get(at).map_or(or, |arg| arg.parse().expect("a number"));
    let shown = number(2, 0) as usize;
    let tables = folded(number(0, 20_000), args.get(1).is_some_and(|of| of == "world"));
    let views = eddy_processors::views().iter().map(|view| View {
        name: view.name.into(),
        sql: view.sql.into(),
        comment: view.comment.into(),
    });
    let offer = Offer {
        views: views.collect(),
        ..Offer::default()
    };
    let engine = QueryEngine::new(tables, offer, Limits::default()).expect("the views");
    for view in eddy_processors::views() {
        if view.name == "order_timeline" {
            timelines(&engine).await;
            continue;
        }
        let sql = format!("select * from {}", view.name);
        let at = Instant::now();
        match ask(&engine, &sql).await {
            Ok(batches) => {
                let rows: usize = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
                println!(
                    "{:<22} {rows:>8} rows {:>9.1} ms",
                    view.name,
                    at.elapsed().as_secs_f64() * 1e3
                );
                show(&batches, shown);
            }
            Err(error) => println!("{:<22} {error}", view.name),
        }
    }
}

async fn ask(
    engine: &QueryEngine,
    sql: &str,
) -> Result<Vec<arrow::array::RecordBatch>, eddy_query::sql::Error> {
    engine.sql(sql, Vec::new()).await?.collect().await
}

fn show(batches: &[arrow::array::RecordBatch], rows: usize) {
    if let Some(first) = batches
        .iter()
        .find(|batch| batch.num_rows() > 0)
        .filter(|_| rows > 0)
    {
        let some = first.slice(0, rows.min(first.num_rows()));
        println!("{}", pretty_format_batches(&[some]).expect("text"));
    }
}

/// The timelines of a hundred orders that were returned, one query each.
async fn timelines(engine: &QueryEngine) {
    let sql = "select order_id from returns where order_id is not null group by order_id order by order_id limit 100";
    let batches = ask(engine, sql).await.expect("orders");
    let ids: Vec<String> = batches
        .iter()
        .flat_map(|batch| {
            let ids = batch.column(0);
            (0..batch.num_rows())
                .map(|row| arrow::util::display::array_value_to_string(ids, row).expect("text"))
                .collect::<Vec<_>>()
        })
        .collect();
    let mut times = Vec::new();
    for id in &ids {
        let at = Instant::now();
        let sql = format!("select * from order_timeline where order_id = '{id}' order by at");
        if let Err(error) = ask(engine, &sql).await {
            println!("order_timeline         {error}");
            return;
        }
        times.push(at.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        times
            .get(((times.len() as f64 - 1.0) * share) as usize)
            .copied()
            .unwrap_or(0.0)
    };
    println!(
        "order_timeline         {} orders, p50 {:.1} ms, p95 {:.1} ms, most {:.1} ms",
        ids.len(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
    if let Some(id) = ids.first() {
        let sql = format!(
            "select at, what, subject_id, channel, place, detail from order_timeline where order_id = '{id}' order by at"
        );
        show(&ask(engine, &sql).await.expect("a timeline"), 30);
    }
}
