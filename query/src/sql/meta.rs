//! Schema `eddy_meta`: what the tables and columns mean, how large they are, and how far the snapshot of the query has come.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray,
    UInt32Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::provider::pinned;
use crate::live::{LiveTables, Snapshot};

/// The schema's name.
pub const SCHEMA: &str = "eddy_meta";

/// What the catalogue knows of a table, whoever holds it.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) comment: Option<String>,
    pub(crate) columns: SchemaRef,
    pub(crate) key: Vec<usize>,
    /// Number among the live tables.
    pub(crate) live: Option<usize>,
}

type Compute = Box<dyn Fn(&Snapshot) -> Result<RecordBatch> + Send + Sync>;

/// A small table computed from the pinned snapshot.
pub(crate) struct Computed {
    schema: SchemaRef,
    tables: Arc<LiveTables>,
    compute: Compute,
}

impl std::fmt::Debug for Computed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Computed")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for Computed {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batch = (self.compute)(&pinned(state, &self.tables))?;
        Ok(MemorySourceConfig::try_new_exec(
            &[vec![batch]],
            Arc::clone(&self.schema),
            projection.cloned(),
        )?)
    }
}

fn field(name: &str, data_type: DataType, nullable: bool, comment: &str) -> Field {
    Field::new(name, data_type, nullable)
        .with_metadata(HashMap::from([("comment".to_owned(), comment.to_owned())]))
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn text<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringViewArray>())
}

/// `progress`: a row a shard.
pub(crate) fn progress(tables: &Arc<LiveTables>) -> (Computed, &'static str) {
    let schema = Arc::new(Schema::new(vec![
        field("shard", DataType::UInt32, false, "shard of the event log"),
        field(
            "sequence",
            DataType::Int64,
            false,
            "last sequence of the log that this snapshot holds",
        ),
        field(
            "event_time",
            time(),
            true,
            "largest event time applied: the shard's clock",
        ),
        field(
            "logged_at",
            time(),
            true,
            "when the log took the last message applied",
        ),
        field(
            "applied_at",
            time(),
            false,
            "when this snapshot was published, by the machine's clock",
        ),
        field(
            "events",
            DataType::Int64,
            false,
            "events applied since the beginning of the log",
        ),
        field(
            "rows",
            DataType::Int64,
            false,
            "live rows of all tables in this snapshot",
        ),
    ]));
    let of = Arc::clone(&schema);
    let compute = move |snapshot: &Snapshot| {
        let progress = &snapshot.progress;
        let rows: usize = snapshot.tables().iter().map(|t| t.rows()).sum();
        let known = |micros: i64| (micros != 0).then_some(micros);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from_iter_values(progress.iter().map(|p| p.shard))),
            Arc::new(Int64Array::from_iter_values(
                progress.iter().map(|p| p.sequence as i64),
            )),
            times(progress.iter().map(|p| known(p.event_time_micros))),
            times(progress.iter().map(|p| known(p.logged_at_micros))),
            times(progress.iter().map(|_| Some(snapshot.applied_at_micros))),
            Arc::new(Int64Array::from_iter_values(
                progress.iter().map(|p| p.events as i64),
            )),
            Arc::new(Int64Array::from_iter_values(progress.iter().map(|_| rows as i64))),
        ];
        Ok(RecordBatch::try_new(Arc::clone(&of), columns)?)
    };
    (
        Computed {
            schema,
            tables: Arc::clone(tables),
            compute: Box::new(compute),
        },
        "how far this snapshot has come, a row a shard",
    )
}

/// `tables`: a row a table or view.
pub(crate) fn tables(tables: &Arc<LiveTables>, described: Vec<Described>) -> (Computed, &'static str) {
    let schema = Arc::new(Schema::new(vec![
        field("schema", DataType::Utf8View, false, "schema of the table"),
        field("table", DataType::Utf8View, false, "name of the table"),
        field(
            "kind",
            DataType::Utf8View,
            false,
            "`live` (kept up to date in memory), `view`, or `external` (read from elsewhere)",
        ),
        field("comment", DataType::Utf8View, true, "what the table holds"),
        field(
            "key",
            DataType::Utf8View,
            true,
            "key columns; a lookup by all of them reads no other row",
        ),
        field(
            "rows",
            DataType::Int64,
            true,
            "rows in this snapshot, of live tables",
        ),
        field(
            "dead_rows",
            DataType::Int64,
            true,
            "replaced rows whose slots are not yet reclaimed, of live tables",
        ),
        field(
            "bytes",
            DataType::Int64,
            true,
            "memory with the key index, of live tables",
        ),
    ]));
    let of = Arc::clone(&schema);
    let compute = move |snapshot: &Snapshot| {
        let live = || described.iter().map(|d| d.live.and_then(|n| snapshot.table(n)));
        let keys: Vec<Option<String>> = described
            .iter()
            .map(|d| {
                let names: Vec<&str> = d
                    .key
                    .iter()
                    .map(|k| d.columns.field(*k).name().as_str())
                    .collect();
                (!names.is_empty()).then(|| names.join(", "))
            })
            .collect();
        let columns: Vec<ArrayRef> = vec![
            text(described.iter().map(|d| Some(d.schema.as_str()))),
            text(described.iter().map(|d| Some(d.name.as_str()))),
            text(described.iter().map(|d| Some(d.kind))),
            text(described.iter().map(|d| d.comment.as_deref())),
            text(keys.iter().map(Option::as_deref)),
            Arc::new(live().map(|t| t.map(|t| t.rows() as i64)).collect::<Int64Array>()),
            Arc::new(live().map(|t| t.map(|t| t.dead() as i64)).collect::<Int64Array>()),
            Arc::new(
                live()
                    .map(|t| t.map(|t| t.bytes() as i64))
                    .collect::<Int64Array>(),
            ),
        ];
        Ok(RecordBatch::try_new(Arc::clone(&of), columns)?)
    };
    (
        Computed {
            schema,
            tables: Arc::clone(tables),
            compute: Box::new(compute),
        },
        "every table and view, with its size in this snapshot",
    )
}

/// `columns`: a row a column.
pub(crate) fn columns(tables: &Arc<LiveTables>, described: &[Described]) -> Result<(Computed, &'static str)> {
    let schema = Arc::new(Schema::new(vec![
        field("schema", DataType::Utf8View, false, "schema of the table"),
        field("table", DataType::Utf8View, false, "name of the table"),
        field("column", DataType::Utf8View, false, "name of the column"),
        field("position", DataType::Int32, false, "place in the table, from 1"),
        field("type", DataType::Utf8View, false, "type in SQL"),
        field("nullable", DataType::Boolean, false, "whether it can be null"),
        field("comment", DataType::Utf8View, true, "what the column means"),
    ]));
    let all = || {
        described
            .iter()
            .flat_map(|d| d.columns.fields().iter().enumerate().map(move |(i, f)| (d, i, f)))
    };
    let types: Vec<String> = all().map(|(_, _, f)| type_name(f.data_type())).collect();
    let arrays: Vec<ArrayRef> = vec![
        text(all().map(|(d, _, _)| Some(d.schema.as_str()))),
        text(all().map(|(d, _, _)| Some(d.name.as_str()))),
        text(all().map(|(_, _, f)| Some(f.name().as_str()))),
        Arc::new(Int32Array::from_iter_values(all().map(|(_, i, _)| i as i32 + 1))),
        text(types.iter().map(|t| Some(t.as_str()))),
        Arc::new(
            all()
                .map(|(_, _, f)| Some(f.is_nullable()))
                .collect::<BooleanArray>(),
        ),
        text(all().map(|(_, _, f)| f.metadata().get("comment").map(String::as_str))),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    let computed = Computed {
        schema,
        tables: Arc::clone(tables),
        compute: Box::new(move |_| Ok(batch.clone())),
    };
    Ok((computed, "every column with its type and meaning"))
}

/// The SQL name of a type.
pub(crate) fn type_name(data_type: &DataType) -> String {
    use DataType::*;
    match data_type {
        Utf8 | LargeUtf8 | Utf8View => "text".into(),
        Boolean => "boolean".into(),
        Int8 | Int16 | UInt8 => "smallint".into(),
        Int32 | UInt16 => "integer".into(),
        Int64 | UInt32 => "bigint".into(),
        UInt64 => "numeric".into(),
        Float16 | Float32 => "real".into(),
        Float64 => "double precision".into(),
        Timestamp(_, Some(_)) => "timestamp with time zone".into(),
        Timestamp(_, None) => "timestamp".into(),
        Date32 | Date64 => "date".into(),
        Time32(_) | Time64(_) => "time".into(),
        Duration(_) | Interval(_) => "interval".into(),
        Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s) | Decimal256(p, s) => {
            format!("numeric({p},{s})")
        }
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => "bytea".into(),
        List(f) | LargeList(f) | FixedSizeList(f, _) | ListView(f) | LargeListView(f) => {
            format!("{}[]", type_name(f.data_type()))
        }
        Dictionary(_, value) => type_name(value),
        Null => "null".into(),
        other => other.to_string().to_lowercase(),
    }
}
