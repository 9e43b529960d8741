//! Group-by and key lookup over ten million rows while 2,000 rows a second are replaced, against DuckDB on the same rows, idle,
//! in its own process, with as many threads.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use eddy_query::{Change, Limits, LiveTables, Offer, QueryEngine};
use parquet::arrow::ArrowWriter;

use crate::report::{figure, quantile};
use crate::tables::progress;

const ROWS: usize = 10_000_000;
const BATCH: usize = 16_384;
const RUNS: usize = 9;

const QUERIES: [(&str, &str); 4] = [
    (
        "by courier and status",
        "select courier, status, count(*) as n, sum(attempts) as attempts from shipments group by courier, status",
    ),
    (
        "by destination",
        "select destination_pincode, count(*) as n, sum(attempts) as attempts from shipments group by destination_pincode",
    ),
    (
        "delivered by courier and day",
        "select courier, date_trunc('day', delivered_at) as day, count(*) as n from shipments where status = 'delivered' group by 1, 2",
    ),
    (
        "count of one status",
        "select count(*) as n from shipments where status = 'rto_delivered'",
    ),
];

/// Number and schema of the shipments table.
pub fn shipments_table() -> (usize, SchemaRef) {
    let schemas = eddy_processors::tables();
    let number = schemas
        .iter()
        .position(|s| s.metadata().get("eddy.table").is_some_and(|n| n == "shipments"))
        .unwrap();
    (number, schemas[number].clone())
}

/// Made rows of shipments, from a number on; `version` changes what a later scan would.
pub fn shipments(schema: &SchemaRef, from: usize, count: usize, version: usize) -> RecordBatch {
    let mix = |n: usize, salt: usize| {
        (n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(salt.wrapping_mul(0xD1B5_4A32_D192_ED03)))
            >> 24
    };
    let rows = || from..from + count;
    let text = |value: &dyn Fn(usize) -> Option<String>| -> ArrayRef {
        Arc::new(rows().map(value).collect::<StringViewArray>())
    };
    const COURIERS: [&str; 9] = [
        "blue", "swift", "garuda", "metro", "north", "coastal", "rapid", "prime", "village",
    ];
    const STATUS: [&str; 8] = [
        "delivered",
        "delivered",
        "delivered",
        "delivered",
        "in_transit",
        "out_for_delivery",
        "delivery_failed",
        "rto_delivered",
    ];
    let day = 86_400_000_000_i64;
    let manifested = |n: usize| {
        1_735_669_800_000_000 + (mix(n, 5) % 365) as i64 * day + (mix(n, 6) % 86_400) as i64 * 1_000_000
    };
    let columns = schema
        .fields()
        .iter()
        .map(|field| match (field.name().as_str(), field.data_type()) {
            ("awb", _) => text(&|n| Some(format!("AWB{n:09}"))),
            ("order_id", _) => text(&|n| Some(format!("O{:08}", n * 4 / 5))),
            ("leg", _) => text(&|n| {
                Some(
                    if mix(n, 1).is_multiple_of(8) {
                        "reverse"
                    } else {
                        "forward"
                    }
                    .into(),
                )
            }),
            ("courier", _) => text(&|n| Some(COURIERS[mix(n, 2) % 9].into())),
            ("origin_pincode", _) => text(&|n| Some(format!("11{:04}", mix(n, 3) % 40))),
            ("destination_pincode", _) => {
                text(&|n| Some(format!("{:06}", 110_001 + mix(n, 4) % 19_000 * 37)))
            }
            ("payment_mode", _) => text(&|n| {
                Some(
                    if mix(n, 7).is_multiple_of(2) {
                        "cod"
                    } else {
                        "prepaid"
                    }
                    .into(),
                )
            }),
            ("status", _) => text(&|n| Some(STATUS[(mix(n, 8) + version) % 8].into())),
            ("ndr_reason", _) => text(&|n| (mix(n, 9) % 5 == 0).then(|| "customer_unavailable".into())),
            ("currency", _) => text(&|_| Some("INR".into())),
            ("facility", _) => text(&|n| Some(format!("WH{:02}", mix(n, 10) % 12))),
            ("delivered_at", _) => Arc::new(
                rows()
                    .map(|n| (mix(n, 8) % 8 < 4).then(|| manifested(n) + day * (1 + (mix(n, 11) % 6) as i64)))
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            ),
            ("manifested_at" | "picked_up_at" | "promised_at" | "updated_at", _) => Arc::new(
                rows()
                    .map(|n| Some(manifested(n)))
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            ),
            (_, DataType::Timestamp(..)) => Arc::new(
                rows()
                    .map(|_| None)
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            ),
            (_, DataType::Utf8View) => text(&|_| None),
            (_, DataType::Int32) => Arc::new(
                rows()
                    .map(|n| Some((mix(n, 12) % 4) as i32))
                    .collect::<Int32Array>(),
            ) as ArrayRef,
            (_, DataType::Int64) => Arc::new(
                rows()
                    .map(|n| Some((mix(n, 13) % 500_000) as i64))
                    .collect::<Int64Array>(),
            ),
            (_, DataType::Float64) => Arc::new(rows().map(|_| None).collect::<Float64Array>()),
            (name, other) => {
                panic!("shipments has a column {name} of a type this measurement does not know: {other}")
            }
        });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

pub fn run() {
    let (number, schema) = shipments_table();
    let tables = LiveTables::new(eddy_processors::tables()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let parquet = dir.path().join("shipments.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&parquet).unwrap(), schema.clone(), None).unwrap();
    for (n, from) in (0..ROWS).step_by(BATCH).enumerate() {
        let rows = shipments(&schema, from, BATCH.min(ROWS - from), 0);
        writer.write(&rows).unwrap();
        tables
            .apply(vec![(number, Change::Upsert(rows))], progress(n))
            .unwrap();
    }
    writer.close().unwrap();
    tables.settle();
    let bytes = tables.snapshot().table(number).unwrap().bytes();
    figure(
        "scan",
        "live table memory at 10M rows",
        bytes as f64 / ROWS as f64,
        "bytes a row",
        "shipments with key index",
    );

    let engine = QueryEngine::new(tables.clone(), Offer::default(), Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let idle: Vec<f64> = QUERIES
        .iter()
        .map(|(_, sql)| ours(&runtime, &engine, sql))
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let feeder = feed(&tables, number, &schema, stop.clone());
    let busy: Vec<f64> = QUERIES
        .iter()
        .map(|(_, sql)| ours(&runtime, &engine, sql))
        .collect();
    stop.store(true, Ordering::Relaxed);
    feeder.join().unwrap();
    let Some(theirs) = duckdb(&parquet) else { return };
    for (n, (name, _)) in QUERIES.iter().enumerate() {
        let note = format!(
            "{name}; median of {RUNS}; DuckDB {:.1} ms, Eddy idle {:.1} ms",
            theirs[n], idle[n]
        );
        figure(
            "scan",
            &format!("group-by over 10M rows while ingesting, {name}"),
            busy[n],
            "ms",
            &note,
        );
        figure(
            "scan",
            &format!("group-by over 10M rows while ingesting, ratio to DuckDB idle, {name}"),
            busy[n] / theirs[n],
            "x",
            &note,
        );
    }
}

fn ours(runtime: &tokio::runtime::Runtime, engine: &QueryEngine, sql: &str) -> f64 {
    let mut samples: Vec<f64> = (0..RUNS)
        .map(|_| {
            let begin = Instant::now();
            let rows = runtime.block_on(async {
                engine
                    .sql(sql, Vec::new())
                    .await
                    .unwrap()
                    .collect()
                    .await
                    .unwrap()
            });
            assert!(rows.iter().map(RecordBatch::num_rows).sum::<usize>() > 0);
            begin.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    quantile(&mut samples, 0.5)
}

/// Replaces 2,000 rows a second in a hundred small batches, as a live engine would.
fn feed(
    tables: &Arc<LiveTables>,
    number: usize,
    schema: &SchemaRef,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    let (tables, schema) = (tables.clone(), schema.clone());
    std::thread::spawn(move || {
        let mut n = ROWS / BATCH + 1;
        while !stop.load(Ordering::Relaxed) {
            let rows = shipments(&schema, n * 104_729 % (ROWS - 20), 20, 1);
            tables
                .apply(vec![(number, Change::Upsert(rows))], progress(n))
                .unwrap();
            n += 1;
            std::thread::sleep(Duration::from_millis(10));
        }
    })
}

/// The same queries by DuckDB on the same rows, held in its own table; milliseconds.
fn duckdb(parquet: &Path) -> Option<Vec<f64>> {
    let python = std::env::var("EDDY_BENCH_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = r#"
import duckdb, json, os, statistics, sys, time
db = duckdb.connect()
db.execute("set threads = %d" % os.cpu_count())
db.execute("set timezone = 'UTC'")
db.execute("set enable_progress_bar = false")
db.execute("create table shipments as select * from read_parquet('%s')" % sys.argv[1])
times = []
for sql in json.loads(sys.argv[2]):
    samples = []
    for _ in range(int(sys.argv[3])):
        begin = time.perf_counter()
        db.execute(sql).fetchall()
        samples.append((time.perf_counter() - begin) * 1e3)
    times.append(statistics.median(samples))
print(json.dumps(times))
"#;
    let queries: Vec<&str> = QUERIES.iter().map(|(_, sql)| *sql).collect();
    let output = Command::new(python)
        .args([
            "-c",
            script,
            parquet.to_str()?,
            &serde_json::to_string(&queries).ok()?,
            &RUNS.to_string(),
        ])
        .output()
        .inspect_err(|error| eprintln!("  skipped: DuckDB: {error}"))
        .ok()?;
    let times = serde_json::from_slice(&output.stdout);
    if !output.status.success() || times.is_err() {
        let (said, failed) = (output.stdout, output.stderr);
        eprintln!(
            "  skipped: DuckDB: {} {}{}",
            output.status,
            String::from_utf8_lossy(&said),
            String::from_utf8_lossy(&failed)
        );
    }
    times.ok()
}
