//! A small world for the tests: two tables of made-up parcels and depots, and helpers to fill and ask them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use eddy_query::live::Options;
use eddy_query::{Limits, LiveTables, Offer, Progress, QueryEngine, View};

pub const PARCELS: usize = 0;
pub const DEPOTS: usize = 1;

fn schema(name: &str, key: &str, comment: &str, fields: Vec<(&str, DataType, bool, &str)>) -> SchemaRef {
    let fields: Vec<Field> = fields
        .into_iter()
        .map(|(name, data_type, nullable, comment)| {
            Field::new(name, data_type, nullable)
                .with_metadata(HashMap::from([("comment".to_owned(), comment.to_owned())]))
        })
        .collect();
    let metadata = [("eddy.table", name), ("eddy.key", key), ("comment", comment)];
    Arc::new(Schema::new_with_metadata(
        fields,
        metadata.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    ))
}

pub fn schemas() -> Vec<SchemaRef> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    vec![
        schema(
            "parcels",
            "awb",
            "a row a parcel",
            vec![
                ("awb", DataType::Utf8, false, "airway bill"),
                ("courier", DataType::Utf8, true, "who carries it"),
                ("status", DataType::Utf8, false, "where it is"),
                ("weight_g", DataType::Int64, false, "weight in grams"),
                ("risk", DataType::Float64, true, "probability of failure"),
                ("updated_at", time, false, "last change"),
            ],
        ),
        schema(
            "depots",
            "city, number",
            "a row a depot",
            vec![
                ("city", DataType::Utf8, false, "where it stands"),
                ("number", DataType::Int64, false, "which one there"),
                ("kind", DataType::Utf8, true, "what is done there"),
            ],
        ),
    ]
}

#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    pub awb: String,
    pub courier: Option<String>,
    pub status: String,
    pub weight_g: i64,
    pub risk: Option<f64>,
    pub updated_at: i64,
}

pub fn parcels(rows: &[Parcel]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.awb.as_str()))),
        Arc::new(rows.iter().map(|r| r.courier.as_deref()).collect::<StringArray>()),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|r| r.status.as_str()),
        )),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.weight_g))),
        Arc::new(rows.iter().map(|r| r.risk).collect::<Float64Array>()),
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.updated_at))
                .with_timezone("UTC"),
        ),
    ];
    RecordBatch::try_new(Arc::clone(&schemas()[PARCELS]), columns).unwrap()
}

pub fn depots(rows: &[(&str, i64, Option<&str>)]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.1))),
        Arc::new(rows.iter().map(|r| r.2).collect::<StringArray>()),
    ];
    RecordBatch::try_new(Arc::clone(&schemas()[DEPOTS]), columns).unwrap()
}

/// Parcel `n` of the world: every column follows from the number.
pub fn parcel(n: i64) -> Parcel {
    let couriers = ["bluedart", "delhivery", "ekart", "xpressbees"];
    let statuses = ["manifested", "in_transit", "delivered"];
    Parcel {
        awb: format!("AWB{n:08}"),
        courier: (n % 5 != 4).then(|| couriers[(n % 4) as usize].to_owned()),
        status: statuses[(n % 3) as usize].to_owned(),
        weight_g: 100 + n % 1_000,
        risk: (n % 2 == 0).then_some(n as f64 / 4.0 % 1.0),
        updated_at: 1_700_000_000_000_000 + n * 1_000_000,
    }
}

/// The first `count` parcels of the world, all of one weight.
pub fn weighing(weight_g: i64, count: i64) -> RecordBatch {
    let of = |n| Parcel {
        weight_g,
        ..parcel(n)
    };
    parcels(&(0..count).map(of).collect::<Vec<_>>())
}

pub fn progress(sequence: u64) -> Progress {
    Progress {
        shard: 0,
        sequence,
        event_time_micros: 1_700_000_000_000_000 + sequence as i64,
        logged_at_micros: 1_700_000_001_000_000,
        events: sequence * 10,
    }
}

/// Tables of small chunks, so that few rows already meet sealing, merging and compaction.
pub fn small() -> Options {
    Options {
        chunk_rows: 32,
        chunk_bytes: 1 << 20,
        merge_width: 3,
        compact_rows: 4,
    }
}

/// 1,000 parcels, each written twice (the first version with another status), and six depots.
pub fn world() -> Arc<LiveTables> {
    let tables = LiveTables::with_options(
        schemas(),
        Options {
            chunk_rows: 256,
            ..small()
        },
    )
    .unwrap();
    for (sequence, from) in (0..1_000).step_by(50).enumerate() {
        let rows: Vec<Parcel> = (from..from + 50)
            .map(|n| Parcel {
                status: "lost".into(),
                ..parcel(n)
            })
            .collect();
        tables
            .apply(vec![(PARCELS, parcels(&rows))], progress(sequence as u64 + 1))
            .unwrap();
    }
    for (sequence, from) in (0..1_000).step_by(100).enumerate() {
        let rows: Vec<Parcel> = (from..from + 100).map(parcel).collect();
        tables
            .apply(vec![(PARCELS, parcels(&rows))], progress(sequence as u64 + 21))
            .unwrap();
    }
    let rows = [
        ("delhi", 1, Some("hub")),
        ("delhi", 2, Some("returns")),
        ("mumbai", 1, Some("hub")),
        ("mumbai", 2, None),
        ("pune", 1, Some("returns")),
        ("pune", 2, Some("it's, \"odd\"")),
    ];
    tables.apply(vec![(DEPOTS, depots(&rows))], progress(31)).unwrap();
    tables.settle();
    tables
}

pub fn views() -> Vec<View> {
    vec![View {
        name: "delivered".into(),
        sql: "select awb, courier, weight_g from parcels where status = 'delivered'".into(),
        comment: "parcels that arrived".into(),
    }]
}

pub fn engine_with(limits: Limits) -> QueryEngine {
    let offer = Offer {
        views: views(),
        ..Offer::default()
    };
    QueryEngine::new(world(), offer, limits).unwrap()
}

pub fn engine() -> QueryEngine {
    engine_with(Limits {
        threads: 2,
        ..Limits::default()
    })
}

/// An answer as lines of text, columns between bars.
pub async fn lines(engine: &QueryEngine, sql: &str) -> Result<Vec<String>, eddy_query::sql::Error> {
    let batches = engine.sql(sql, Vec::new()).await?.collect().await?;
    let options = arrow::util::display::FormatOptions::new().with_null("NULL");
    let mut out = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|c| arrow::util::display::ArrayFormatter::try_new(c, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            out.push(
                columns
                    .iter()
                    .map(|c| c.value(row).to_string())
                    .collect::<Vec<_>>()
                    .join("|"),
            );
        }
    }
    Ok(out)
}
