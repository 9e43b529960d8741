//! What the tests share: an engine fed from events, and tables as maps from keys to rows of text.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use eddy_events::{Event, Position, codec};
use eddy_processors::{Change, Config, Emitted, Engine, Prepared};

/// A row: column name to value, null left out.
pub type Row = BTreeMap<String, String>;

/// Table name to key to row.
pub type Tables = BTreeMap<String, BTreeMap<Vec<String>, Row>>;

/// The tables without what repeats outputs, which follow the order of the log.
pub fn projections(tables: &Tables) -> Tables {
    let mut tables = tables.clone();
    tables.remove("ndr_scores");
    tables.remove("routing_decisions");
    tables.remove("threshold_curves");
    tables.remove("model_performance");
    tables.remove("fraud_alerts");
    tables.remove("return_scores");
    tables.remove("rates_now");
    tables.remove("return_forecast");
    tables.remove("anomalies");
    tables.remove("return_maturity");
    tables.remove("sla_breaches");
    tables.remove("dispositions");
    for row in tables
        .get_mut("customers")
        .into_iter()
        .flat_map(|rows| rows.values_mut())
    {
        row.remove("cluster_id");
    }
    for row in tables
        .get_mut("shipments")
        .into_iter()
        .flat_map(|rows| rows.values_mut())
    {
        row.remove("risk");
    }
    tables
}

/// Names and key widths of the tables, by number.
pub fn declared() -> Vec<(String, usize)> {
    eddy_processors::tables()
        .iter()
        .map(|schema| {
            let metadata = schema.metadata();
            (
                metadata["eddy.table"].clone(),
                metadata["eddy.key"].split(',').count(),
            )
        })
        .collect()
}

/// A column as text; times as microseconds.
fn texts(column: &ArrayRef) -> Vec<Option<String>> {
    let plain = match column.data_type() {
        DataType::Timestamp(..) => column
            .as_primitive::<TimestampMicrosecondType>()
            .reinterpret_cast::<Int64Type>(),
        _ => {
            let options = FormatOptions::default();
            let text = ArrayFormatter::try_new(column, &options).unwrap();
            return (0..column.len())
                .map(|row| (!column.is_null(row)).then(|| text.value(row).to_string()))
                .collect();
        }
    };
    plain
        .iter()
        .map(|micros| micros.map(|micros| micros.to_string()))
        .collect()
}

fn rows(batch: &RecordBatch) -> Vec<Vec<(String, Option<String>)>> {
    let schema = batch.schema();
    let columns: Vec<Vec<Option<String>>> = batch.columns().iter().map(texts).collect();
    (0..batch.num_rows())
        .map(|row| {
            schema
                .fields()
                .iter()
                .zip(&columns)
                .map(|(field, column)| (field.name().clone(), column[row].clone()))
                .collect()
        })
        .collect()
}

/// Applies a change as the live tables do.
pub fn apply(tables: &mut Tables, table: usize, change: &Change) {
    let declared = declared();
    let (name, width) = &declared[table];
    let of = tables.entry(name.clone()).or_default();
    let (batch, delete) = match change {
        Change::Upsert(batch) => (batch, false),
        Change::Delete(batch) => (batch, true),
    };
    for row in rows(batch) {
        let key = row[..*width]
            .iter()
            .map(|(_, value)| value.clone().expect("keys are not null"))
            .collect();
        if delete {
            of.remove(&key);
        } else {
            of.insert(
                key,
                row.into_iter()
                    .filter_map(|(name, value)| Some((name, value?)))
                    .collect(),
            );
        }
    }
}

/// The usual configuration, with few beliefs so that engines are quickly made and saved.
pub fn config() -> Config {
    Config {
        beliefs: 1 << 10,
        ..Config::default()
    }
}

/// An engine, the tables its changes make, and all it emitted.
pub struct Run {
    pub engine: Engine,
    pub tables: Tables,
    pub out: Emitted,
    next: u64,
}

impl Run {
    pub fn new() -> Self {
        Self::with(config())
    }

    pub fn with(config: Config) -> Self {
        Self::from(Engine::new(config).unwrap())
    }

    pub fn from(engine: Engine) -> Self {
        let next = engine.progress().sequence + 1;
        let mut run = Self {
            engine,
            tables: Tables::new(),
            out: Emitted::default(),
            next,
        };
        run.engine
            .scan(|table, rows| apply(&mut run.tables, table, &Change::Upsert(rows)));
        run
    }

    /// Folds one event, logged a little after it happened at the latest.
    pub fn feed(&mut self, event: &Event) {
        let line = codec::encode(event);
        let position = Position {
            sequence: self.next,
            index: 0,
        };
        self.next += 1;
        self.engine
            .apply(Prepared::decode(position, LOGGED_AT, &line), &mut self.out);
    }

    /// Folds an event that names an artefact, with what the store holds of it.
    pub fn feed_with(&mut self, event: &Event, artefact: Result<Vec<u8>, String>) {
        let position = Position {
            sequence: self.next,
            index: 0,
        };
        self.next += 1;
        let mut prepared = Prepared::decode(position, LOGGED_AT, &codec::encode(event));
        assert!(prepared.wants_artefact().is_some(), "it names no artefact");
        prepared.give_artefact(artefact);
        self.engine.apply(prepared, &mut self.out);
        self.flush();
    }

    /// Folds a line as it stands.
    pub fn feed_line(&mut self, line: &[u8], logged_at: i64) {
        let position = Position {
            sequence: self.next,
            index: 0,
        };
        self.next += 1;
        self.engine
            .apply(Prepared::decode(position, logged_at, line), &mut self.out);
    }

    /// Hands over the rows that wait.
    pub fn flush(&mut self) {
        for (table, change) in self.engine.take_changes() {
            apply(&mut self.tables, table, &change);
        }
        self.tables.retain(|_, rows| !rows.is_empty());
    }

    /// Folds events, handing over rows after every `batch`.
    pub fn play(&mut self, events: &[Event], batch: usize) -> &mut Self {
        for chunk in events.chunks(batch.max(1)) {
            chunk.iter().for_each(|event| self.feed(event));
            self.flush();
        }
        self
    }

    /// The tables as a full reading gives them.
    pub fn scanned(&mut self) -> Tables {
        let mut tables = Tables::new();
        self.engine
            .scan(|table, rows| apply(&mut tables, table, &Change::Upsert(rows)));
        tables
    }

    /// A row of a table.
    pub fn row(&self, table: &str, key: &[&str]) -> Option<&Row> {
        let key: Vec<String> = key.iter().map(ToString::to_string).collect();
        self.tables.get(table)?.get(&key)
    }

    /// A cell of a table; empty for null.
    pub fn cell(&self, table: &str, key: &[&str], column: &str) -> &str {
        let row = self
            .row(table, key)
            .unwrap_or_else(|| panic!("{table} has no row {key:?}"));
        row.get(column).map_or("", String::as_str)
    }
}

/// When the log took every event of the tests: after all of them happened.
pub const LOGGED_AT: i64 = 1_800_000_000_000_000;
