//! Live tables alone: upserts a second on one core, and the memory of a row with its key index.

use std::time::Instant;

use eddy_query::{Change, LiveTables, Progress};

use crate::report::{figure, median_of};
use crate::scan::{shipments, shipments_table};

const ROWS: usize = 1_000_000;
const BATCH: usize = 4_096;

pub fn run() {
    let (number, schema) = shipments_table();
    let schemas = eddy_processors::tables();
    let fresh: Vec<_> = (0..ROWS)
        .step_by(BATCH)
        .map(|from| shipments(&schema, from, BATCH.min(ROWS - from), 0))
        .collect();
    // Every row once more, in another order, as parcels are scanned again.
    let again: Vec<_> = (0..ROWS / BATCH)
        .map(|n| shipments(&schema, (n * 7919 % (ROWS / BATCH)) * BATCH, BATCH, 1))
        .collect();
    let note = format!(
        "shipments, {} columns, batches of {BATCH} rows, one core, a snapshot after each batch",
        schema.fields().len()
    );
    let mut bytes = 0;
    let inserts = median_of(3, || {
        let tables = LiveTables::new(schemas.clone()).unwrap();
        let begin = Instant::now();
        for (n, rows) in fresh.iter().enumerate() {
            tables
                .apply(vec![(number, Change::Upsert(rows.clone()))], progress(n))
                .unwrap();
        }
        let rate = ROWS as f64 / begin.elapsed().as_secs_f64();
        tables.settle();
        bytes = tables.snapshot().table(number).unwrap().bytes();
        rate
    });
    figure("tables", "inserts", inserts, "rows/s", &note);
    figure(
        "tables",
        "live table memory, shipments with key index, sealed",
        bytes as f64 / ROWS as f64,
        "bytes a row",
        &note,
    );
    let updates = median_of(3, || {
        let tables = LiveTables::new(schemas.clone()).unwrap();
        for (n, rows) in fresh.iter().enumerate() {
            tables
                .apply(vec![(number, Change::Upsert(rows.clone()))], progress(n))
                .unwrap();
        }
        tables.settle();
        let begin = Instant::now();
        for (n, rows) in again.iter().enumerate() {
            tables
                .apply(
                    vec![(number, Change::Upsert(rows.clone()))],
                    progress(fresh.len() + n),
                )
                .unwrap();
        }
        let rate = (again.len() * BATCH) as f64 / begin.elapsed().as_secs_f64();
        tables.settle();
        bytes = tables.snapshot().table(number).unwrap().bytes();
        rate
    });
    figure("tables", "upserts of existing rows", updates, "rows/s", &note);
    figure(
        "tables",
        "live table memory after every row was replaced once",
        bytes as f64 / ROWS as f64,
        "bytes a row",
        &note,
    );
}

/// Progress of the n-th batch.
pub fn progress(n: usize) -> Progress {
    Progress {
        sequence: n as u64 + 1,
        events: n as u64 + 1,
        ..Progress::default()
    }
}
