//! The views, as SQL and text: each file under `sql/` holds queries and the answers they must have over one small story, told below.
//!
//! A block is `query` (or `query sorted`, where the order is not the query's to say), the statement, `----`, and the rows with bars between the columns.

#[allow(dead_code)]
#[path = "../../../processors/tests/it/history.rs"]
mod history;
#[path = "../../../src/nowcast_functions.rs"]
mod nowcast_functions;
mod rates;
mod story;

use std::path::Path;
use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use eddy_events::{Event, Position, codec};
use eddy_processors::{Change, Config, Emitted, Engine, Prepared};
use eddy_query::{Choice, Family, Limits, LiveTables, Offer, Progress, QueryEngine, View};

/// When the log took every event: after all of them happened.
const LOGGED_AT: i64 = 1_800_000_000_000_000;

fn engine(events: &[Event]) -> QueryEngine {
    let mut engine = Engine::new(Config {
        scores: false,
        beliefs: 1 << 10,
        ..Config::default()
    })
    .unwrap();
    let mut out = Emitted::default();
    for (at, event) in events.iter().enumerate() {
        let position = Position {
            sequence: at as u64 + 1,
            index: 0,
        };
        let prepared = Prepared::decode(position, LOGGED_AT, &codec::encode(event));
        engine.apply(prepared, &mut out);
    }
    assert!(out.dead_letters.is_empty(), "{:?}", out.dead_letters);
    let tables = LiveTables::new(eddy_processors::tables()).unwrap();
    let changes = engine.take_changes().into_iter().map(|(table, change)| {
        let change = match change {
            Change::Upsert(rows) => eddy_query::Change::Upsert(rows),
            Change::Delete(keys) => eddy_query::Change::Delete(keys),
        };
        (table, change)
    });
    let progress = Progress {
        shard: 0,
        sequence: events.len() as u64,
        event_time_micros: engine.progress().event_time_micros,
        logged_at_micros: LOGGED_AT,
        events: events.len() as u64,
    };
    tables.apply(changes.collect(), progress).unwrap();
    query_engine(tables)
}

fn query_engine(tables: Arc<LiveTables>) -> QueryEngine {
    let views = eddy_processors::views().iter().map(|view| View {
        name: view.name.into(),
        sql: view.sql.into(),
        comment: view.comment.into(),
    });
    let limits = Limits {
        threads: 2,
        ..Limits::default()
    };
    let families = eddy_processors::families().iter().map(|family| Family {
        name: family.name.into(),
        comment: family.comment.into(),
        choices: family
            .choices
            .iter()
            .map(|(column, words)| Choice {
                column,
                words: words.to_vec(),
            })
            .collect(),
        sql: family.sql,
    });
    let offer = Offer {
        views: views.collect(),
        families: families.collect(),
        functions: nowcast_functions::all(),
        ..Offer::default()
    };
    QueryEngine::new(tables, offer, limits).unwrap()
}

/// An answer as lines of text, columns between bars.
async fn lines(engine: &QueryEngine, sql: &str) -> Result<Vec<String>, eddy_query::sql::Error> {
    let batches = engine.sql(sql, Vec::new()).await?.collect().await?;
    let options = FormatOptions::new().with_null("NULL");
    let mut out = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| column.value(row).to_string())
                .collect();
            out.push(cells.join("|"));
        }
    }
    Ok(out)
}

#[tokio::test]
async fn every_query_file_gives_its_answers() {
    let engine = engine(&story::events());
    // Asked when it runs: clones may share one build.
    let folder =
        Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"))
            .join("tests/it/views/sql");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut failures = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let blocks = text.split("\n\n").map(str::trim);
        for block in blocks.filter(|block| !block.is_empty() && !block.starts_with('#')) {
            let (head, rest) = block.split_once('\n').unwrap_or((block, ""));
            let (sql, expected) = rest.split_once("----").unwrap_or((rest, ""));
            let expected: Vec<&str> = expected.trim().lines().map(str::trim_end).collect();
            match lines(&engine, sql).await {
                Ok(mut rows) => {
                    if head == "query sorted" {
                        rows.sort();
                    }
                    if rows != expected {
                        failures.push(format!("{sql}----\n{}", rows.join("\n")));
                    }
                }
                Err(error) => failures.push(format!("{sql}failed: {error}")),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test]
async fn every_view_is_asked_whole_and_says_what_it_means() {
    let engines = [engine(&story::events()), engine(&[])];
    for view in eddy_processors::views() {
        assert!(view.comment.len() > 20, "{}", view.name);
        assert!(
            view.sql.starts_with("--"),
            "{} says in its file what it is",
            view.name
        );
        for engine in &engines {
            let answer = lines(engine, &format!("select * from {}", view.name)).await;
            assert!(
                answer.is_ok(),
                "{}: {:?}",
                view.name,
                answer.err().map(|e| e.to_string())
            );
        }
    }
}
