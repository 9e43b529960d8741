//! Measures (temporary).
#![allow(missing_docs)]
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::collections::HashMap;
use arrow::array::*;
use arrow::datatypes::*;
use datafusion::common::ScalarValue;
use eddy_query::{Limits, LiveTables, Progress, QueryEngine};

fn time() -> DataType { DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())) }

fn schema(name: &str, key: &str, fields: Vec<(&str, DataType)>) -> SchemaRef {
    let fields: Vec<Field> = fields.into_iter().map(|(n, t)| Field::new(n, t, true)).collect();
    Arc::new(Schema::new_with_metadata(fields, HashMap::from([("eddy.table".into(), name.into()), ("eddy.key".into(), key.into())])))
}

fn shipments() -> SchemaRef {
    use DataType::*;
    schema("shipments", "awb", vec![
        ("awb", Utf8), ("order_id", Utf8), ("leg", Utf8), ("courier", Utf8), ("origin_pincode", Utf8), ("destination_pincode", Utf8),
        ("payment_mode", Utf8), ("status", Utf8), ("attempts", Int32), ("ndr_reason", Utf8), ("manifested_at", time()), ("promised_at", time()),
        ("delivered_at", time()), ("risk", Float64), ("updated_at", time()), ("weight_g", Int64), ("cod_minor", Int64),
    ])
}

fn narrow() -> SchemaRef { schema("narrow", "id", vec![("id", DataType::Int64), ("n", DataType::Int64), ("v", DataType::Float64)]) }

const COURIERS: [&str; 8] = ["bluedart", "delhivery", "ekart", "xpressbees", "dtdc", "shadowfax", "amazon_shipping", "ecom_express"];
const STATUS: [&str; 11] = ["manifested", "picked_up", "in_transit", "out_for_delivery", "delivery_failed", "delivered", "rto_initiated", "rto_delivered", "lost", "damaged", "cancelled"];

fn mix(n: u64) -> u64 { let mut h = n.wrapping_mul(0x9e3779b97f4a7c15); h ^= h >> 32; h = h.wrapping_mul(0xd6e8feb86659fd93); h ^ (h >> 32) }

fn ship_batch(schema: &SchemaRef, ids: impl Iterator<Item = u64> + Clone, version: u64) -> RecordBatch {
    let it = || ids.clone();
    let ts = |f: &dyn Fn(u64) -> Option<i64>| -> ArrayRef { Arc::new(it().map(f).collect::<TimestampMicrosecondArray>().with_timezone("UTC")) };
    let base = 1_700_000_000_000_000_i64;
    let cols: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(it().map(|n| format!("AWB{n:010}")))),
        Arc::new(StringArray::from_iter_values(it().map(|n| format!("402-{:07}-{:07}", n % 9999991, n / 3)))),
        Arc::new(StringArray::from_iter_values(it().map(|n| if mix(n).is_multiple_of(10) { "reverse" } else { "forward" }))),
        Arc::new(StringArray::from_iter_values(it().map(|n| COURIERS[(mix(n + 1) % 8) as usize]))),
        Arc::new(StringArray::from_iter_values(it().map(|n| format!("{:06}", 110001 + mix(n + 2) % 50)))),
        Arc::new(StringArray::from_iter_values(it().map(|n| format!("{:06}", 110001 + mix(n + 3) % 15000)))),
        Arc::new(StringArray::from_iter_values(it().map(|n| if mix(n + 4).is_multiple_of(3) { "prepaid" } else { "cod" }))),
        Arc::new(StringArray::from_iter_values(it().map(|n| STATUS[(mix(n + 5 + version) % 11) as usize]))),
        Arc::new(it().map(|n| Some((mix(n) % 4) as i32)).collect::<Int32Array>()),
        Arc::new(it().map(|n| mix(n + 6).is_multiple_of(5).then_some("customer_unavailable")).collect::<StringArray>()),
        ts(&|n| Some(base + n as i64 * 3_000_000)),
        ts(&|n| Some(base + n as i64 * 3_000_000 + 86_400_000_000 * 4)),
        ts(&|n| (n % 2 == 0).then_some(base + n as i64 * 3_000_000 + 86_400_000_000 * 3)),
        Arc::new(it().map(|n| Some((mix(n) % 1000) as f64 / 1000.0)).collect::<Float64Array>()),
        ts(&|n| Some(base + n as i64 * 3_000_000 + version as i64)),
        Arc::new(it().map(|n| Some((mix(n + 7) % 5000) as i64)).collect::<Int64Array>()),
        Arc::new(it().map(|n| Some((mix(n + 8) % 500000) as i64)).collect::<Int64Array>()),
    ];
    RecordBatch::try_new(Arc::clone(schema), cols).unwrap()
}

fn narrow_batch(schema: &SchemaRef, ids: impl Iterator<Item = u64> + Clone) -> RecordBatch {
    let cols: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids.clone().map(|n| n as i64))),
        Arc::new(Int64Array::from_iter_values(ids.clone().map(|n| (mix(n) % 1000) as i64))),
        Arc::new(Float64Array::from_iter_values(ids.map(|n| n as f64))),
    ];
    RecordBatch::try_new(Arc::clone(schema), cols).unwrap()
}

fn p(seq: u64) -> Progress { Progress { shard: 0, sequence: seq, event_time_micros: 1, logged_at_micros: 1, events: seq } }

fn quantiles(name: &str, mut v: Vec<f64>) {
    v.sort_by(f64::total_cmp);
    let q = |x: f64| v[((v.len() - 1) as f64 * x) as usize];
    println!("{name}: p50 {:.3} ms p99 {:.3} ms max {:.3} ms n {}", q(0.5), q(0.99), q(1.0), v.len());
}

fn main() {
    let rows: u64 = std::env::args().nth(1).map_or(1_000_000, |a| a.parse().unwrap());
    let (s, n) = (shipments(), narrow());
    // upserts
    for size in [100_u64, 1_000, 10_000] {
        let tables = LiveTables::new(vec![s.clone(), n.clone()]).unwrap();
        let total = 1_000_000;
        for (table, name) in [(0, "shipments"), (1, "narrow")] {
            for round in ["insert", "update"] {
                let batches: Vec<RecordBatch> = (0..total / size).map(|b| {
                    let ids = (b * size)..((b + 1) * size);
                    if round == "insert" { if table == 0 { ship_batch(&s, ids, 0) } else { narrow_batch(&n, ids) } }
                    else { let ids = ids.map(move |i| mix(i) % total); if table == 0 { ship_batch(&s, ids, 1) } else { narrow_batch(&n, ids) } }
                }).collect();
                let mut lat = Vec::new();
                let start = Instant::now();
                for (i, b) in batches.into_iter().enumerate() {
                    let t = Instant::now();
                    tables.apply(vec![(table, b)], p(i as u64 + 1)).unwrap();
                    lat.push(t.elapsed().as_secs_f64() * 1e3);
                }
                let took = start.elapsed().as_secs_f64();
                println!("{name} {round} batch {size}: {:.0} rows/s", total as f64 / took);
                quantiles("   apply", lat);
            }
        }
        tables.settle();
        let snap = tables.snapshot();
        for t in snap.tables() {
            println!("  {}: rows {} dead {} bytes/row {:.1} (index {:.1})", t.spec().name, t.rows(), t.dead(), t.bytes() as f64 / t.rows() as f64, t.index_bytes() as f64 / t.rows() as f64);
        }
    }
    // big table
    let tables = LiveTables::new(vec![s.clone(), n.clone()]).unwrap();
    let start = Instant::now();
    for b in 0..rows / 10_000 {
        tables.apply(vec![(0, ship_batch(&s, (b * 10_000)..((b + 1) * 10_000), 0))], p(b + 1)).unwrap();
    }
    tables.settle();
    let snap = tables.snapshot();
    let t = snap.table(0).unwrap();
    println!("big: {} rows in {:.1}s, {:.1} bytes/row (index {:.1})", t.rows(), start.elapsed().as_secs_f64(), t.bytes() as f64 / t.rows() as f64, t.index_bytes() as f64 / t.rows() as f64);
    drop(snap);
    let engine = QueryEngine::new(tables.clone(), vec![], vec![], Limits::default()).unwrap();
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    for ingesting in [false, true] {
        let writer = ingesting.then(|| {
            let (tables, s, stop) = (tables.clone(), s.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut seq = 1_000_000;
                let mut lat = Vec::new();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    seq += 1;
                    let b = ship_batch(&s, (0..10).map(move |i| mix(seq * 10 + i) % rows), seq);
                    let t = Instant::now();
                    tables.apply(vec![(0, b)], p(seq)).unwrap();
                    lat.push(t.elapsed().as_secs_f64() * 1e3);
                    std::thread::sleep(Duration::from_millis(5));
                }
                quantiles("apply while asked", lat);
            })
        });
        println!("--- ingesting: {ingesting}");
        rt.block_on(async {
            for sql in [
                "select count(*) from shipments",
                "select status, count(*) from shipments group by status",
                "select status, count(*), sum(cod_minor) from shipments group by status",
                "select courier, status, count(*), avg(risk) from shipments group by courier, status",
                "select destination_pincode, count(*) c from shipments group by 1 order by 2 desc limit 10",
                "select date_trunc('day', manifested_at) d, count(*) from shipments group by 1 order by 1 limit 5",
                "select attempts, count(*), sum(weight_g) from shipments group by attempts",
                "select sum(cod_minor) from shipments where status = 'delivered' and courier = 'ekart'",
                "select count(distinct order_id) from shipments",
                "select count(*) from shipments where order_id like '%123%'",
            ] {
                let mut best = f64::MAX; let mut all = Vec::new();
                for _ in 0..5 {
                    let t = Instant::now();
                    let b = engine.sql(sql, vec![]).await.unwrap().collect().await.unwrap();
                    assert!(!b.is_empty());
                    let ms = t.elapsed().as_secs_f64() * 1e3; best = best.min(ms); all.push(ms);
                }
                all.sort_by(f64::total_cmp);
                println!("{:8.1} ms best {:8.1} median  {sql}", best, all[2]);
            }
            let prepared = engine.prepare("select awb, status, courier, updated_at from shipments where awb = $1").await.unwrap();
            let mut lat = Vec::new();
            for i in 0..2000_u64 {
                let v = ScalarValue::Utf8(Some(format!("AWB{:010}", mix(i) % rows)));
                let t = Instant::now();
                let b = engine.execute(&prepared, vec![v], Default::default()).await.unwrap().collect().await.unwrap();
                lat.push(t.elapsed().as_secs_f64() * 1e3);
                assert_eq!(b[0].num_rows(), 1);
            }
            quantiles("lookup engine", lat);
            let listener = eddy_query::pg::listen("127.0.0.1:0".parse().unwrap(), Default::default()).await.unwrap();
            let addr = listener.addr();
            let down = tokio_util::sync::CancellationToken::new();
            let server = tokio::spawn(listener.serve(engine.clone(), down.clone()));
            let (client, conn) = tokio_postgres::Config::new().host("127.0.0.1").port(addr.port()).user("x").dbname("eddy").connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(conn);
            let st = client.prepare("select awb, status, courier, updated_at::text from shipments where awb = $1").await.unwrap();
            let mut lat = Vec::new();
            for i in 0..3000_u64 {
                let key = format!("AWB{:010}", mix(i + 7) % rows);
                let t = Instant::now();
                let r = client.query(&st, &[&key]).await.unwrap();
                lat.push(t.elapsed().as_secs_f64() * 1e3);
                assert_eq!(r.len(), 1);
            }
            quantiles("lookup pgwire", lat);
            down.cancel();
            server.await.unwrap();
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Some(w) = writer { w.join().unwrap(); }
    }
}
