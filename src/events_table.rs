//! `events` in SQL: the log itself, read on demand up to the sequence the query has pinned, so that it agrees with the
//! projections beside it. Bounds on `sequence` become the range that is read; everything else is a scan. It keeps
//! nothing and indexes nothing.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Builder, Int64Builder, RecordBatch, StringViewBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use eddy_events::{Framing, Timestamp};
use eddy_log::{Log, LogMessage};
use eddy_query::sql::Pin;
use futures::stream;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The log as a table.
pub struct EventsTable {
    log: Log,
    tables: Arc<eddy_query::LiveTables>,
    schema: SchemaRef,
}

impl EventsTable {
    /// A table over one log; `tables` says how far a query may see.
    pub fn new(log: Log, tables: Arc<eddy_query::LiveTables>) -> Self {
        Self {
            log,
            tables,
            schema: schema(),
        }
    }
}

impl fmt::Debug for EventsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventsTable")
    }
}

fn schema() -> SchemaRef {
    let utc = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let field = |name: &str, kind: DataType, nullable: bool, comment: &str| {
        Field::new(name, kind, nullable).with_metadata([("comment".to_owned(), comment.to_owned())].into())
    };
    Arc::new(Schema::new_with_metadata(
        vec![
            field(
                "sequence",
                DataType::Int64,
                false,
                "Stream sequence of the message that holds the event",
            ),
            field(
                "index",
                DataType::Int32,
                false,
                "Index of the event in its message, from 0",
            ),
            field("logged_at", utc(), false, "When the log took the message"),
            field("time", utc(), true, "When it happened, in UTC"),
            field(
                "source",
                DataType::Utf8View,
                true,
                "URI reference of the producing system",
            ),
            field(
                "id",
                DataType::Utf8View,
                true,
                "With source, the name of the event for ever",
            ),
            field(
                "type",
                DataType::Utf8View,
                true,
                "CloudEvents type, eddy.<family>.<event>",
            ),
            field("subject", DataType::Utf8View, true, "Id of the entity"),
            field("tenant", DataType::Utf8View, true, "Tenant"),
            field(
                "data",
                DataType::Utf8View,
                true,
                "What happened, as JSON; unknown fields included",
            ),
        ],
        [
            ("eddy.table".to_owned(), "events".to_owned()),
            ("eddy.key".to_owned(), "sequence,index".to_owned()),
            (
                "comment".to_owned(),
                "The log itself. Filter on sequence to read a part of it".to_owned(),
            ),
        ]
        .into(),
    ))
}

#[async_trait]
impl TableProvider for EventsTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let pinned = match state.config().get_extension::<Pin>() {
            Some(pin) => pin.0.sequence(),
            None => self.tables.snapshot().sequence(),
        };
        let mut range = Range { from: 1, to: pinned };
        for filter in filters {
            range.narrow(filter);
        }
        let part = Arc::new(Part {
            log: self.log.clone(),
            schema: self.schema.clone(),
            range,
        });
        StreamingTable::try_new(self.schema.clone(), vec![part])?
            .scan(state, projection, &[], limit)
            .await
    }
}

/// Sequences to read, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    from: u64,
    to: u64,
}

impl Range {
    /// Takes in what a conjunct says of `sequence`; what it does not understand changes nothing.
    fn narrow(&mut self, filter: &Expr) {
        match filter {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::And,
                right,
            }) => {
                self.narrow(left);
                self.narrow(right);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (sequence(left), number(right)) {
                (true, Some(n)) => self.bound(*op, n),
                _ => {
                    if let (Some(n), true) = (number(left), sequence(right))
                        && let Some(op) = op.swap()
                    {
                        self.bound(op, n);
                    }
                }
            },
            Expr::Between(between) if !between.negated && sequence(&between.expr) => {
                if let (Some(low), Some(high)) = (number(&between.low), number(&between.high)) {
                    self.bound(Operator::GtEq, low);
                    self.bound(Operator::LtEq, high);
                }
            }
            _ => {}
        }
    }

    fn bound(&mut self, op: Operator, n: i64) {
        let at = |n: i64| u64::try_from(n).unwrap_or(0);
        match op {
            Operator::Eq => {
                self.from = self.from.max(at(n));
                self.to = self.to.min(at(n));
            }
            Operator::Gt => self.from = self.from.max(at(n.saturating_add(1))),
            Operator::GtEq => self.from = self.from.max(at(n)),
            Operator::Lt => self.to = self.to.min(at(n.saturating_sub(1))),
            Operator::LtEq => self.to = self.to.min(at(n)),
            _ => {}
        }
    }
}

fn sequence(expr: &Expr) -> bool {
    match expr {
        Expr::Column(column) => column.name == "sequence",
        Expr::Cast(cast) => sequence(&cast.expr),
        _ => false,
    }
}

fn number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64).ok()? {
            ScalarValue::Int64(n) => n,
            _ => None,
        },
        Expr::Cast(cast) => number(&cast.expr),
        _ => None,
    }
}

struct Part {
    log: Log,
    schema: SchemaRef,
    range: Range,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log {}..={}", self.range.from, self.range.to)
    }
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = self.schema.clone();
        if self.range.from > self.range.to {
            return Box::pin(RecordBatchStreamAdapter::new(schema, stream::empty()));
        }
        let reader = self.log.read_range(0, self.range.from, self.range.to);
        let batches = stream::try_unfold((Some(reader), schema.clone()), |(reader, schema)| async move {
            let mut reader = match reader {
                Some(reader) => reader.map_err(external)?,
                None => return Ok(None),
            };
            let messages = reader.next_chunk().await.map_err(external)?;
            if messages.is_empty() {
                return Ok(None);
            }
            let batch = batch(&schema, &messages)?;
            Ok(Some((batch, (Some(Ok(reader)), schema))))
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

fn external(error: eddy_log::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// What the table shows of an event. A line that is not one still has its position.
#[derive(Deserialize, Default)]
struct Line<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tenantid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

fn batch(schema: &SchemaRef, messages: &[LogMessage]) -> Result<RecordBatch> {
    let mut sequence = Int64Builder::new();
    let mut index = Int32Builder::new();
    let mut logged_at = TimestampMicrosecondBuilder::new().with_timezone("UTC");
    let mut time = TimestampMicrosecondBuilder::new().with_timezone("UTC");
    let mut texts: [StringViewBuilder; 6] = std::array::from_fn(|_| StringViewBuilder::new());
    for message in messages {
        // A batch that is no array is one bad event to the folds, and one row here.
        let events = message
            .events()
            .or_else(|_| Framing::Single.split(&message.payload).map_err(Box::new));
        for (at, event) in events.into_iter().flatten().enumerate() {
            let line: Line<'_> = serde_json::from_slice(event).unwrap_or_default();
            sequence.append_value(i64::try_from(message.sequence).unwrap_or(i64::MAX));
            index.append_value(i32::try_from(at).unwrap_or(i32::MAX));
            logged_at.append_value(message.logged_at_micros);
            time.append_option(
                line.time
                    .and_then(|t| t.parse::<Timestamp>().ok())
                    .map(|t| t.micros),
            );
            let tenant = line
                .tenantid
                .unwrap_or(Cow::Borrowed(eddy_events::envelope::DEFAULT_TENANT));
            texts[0].append_option(line.source);
            texts[1].append_option(line.id);
            texts[2].append_option(line.kind);
            texts[3].append_option(line.subject);
            texts[4].append_value(tenant);
            texts[5].append_option(line.data.map(RawValue::get));
        }
    }
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(sequence.finish()),
        Arc::new(index.finish()),
        Arc::new(logged_at.finish()),
        Arc::new(time.finish()),
    ];
    columns.extend(texts.iter_mut().map(|text| Arc::new(text.finish()) as ArrayRef));
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn narrowed(filter: &Expr) -> (u64, u64) {
        let mut range = Range { from: 1, to: 100 };
        range.narrow(filter);
        (range.from, range.to)
    }

    #[test]
    fn bounds_on_the_sequence_become_the_range() {
        assert_eq!(
            narrowed(
                &col("sequence")
                    .gt(lit(10_i64))
                    .and(col("sequence").lt_eq(lit(20_i64)))
            ),
            (11, 20)
        );
        assert_eq!(narrowed(&lit(10_i64).gt(col("sequence"))), (1, 9));
        assert_eq!(narrowed(&col("sequence").eq(lit(7_i64))), (7, 7));
        assert_eq!(narrowed(&col("sequence").between(lit(3_i64), lit(5_i64))), (3, 5));
    }

    #[test]
    fn what_is_not_a_bound_leaves_the_range() {
        assert_eq!(narrowed(&col("subject").eq(lit("O1"))), (1, 100));
        assert_eq!(
            narrowed(&col("sequence").gt(lit(10_i64)).or(col("index").eq(lit(0)))),
            (1, 100)
        );
        assert_eq!(narrowed(&col("sequence").lt(lit(-5_i64))).1, 0);
    }
}
