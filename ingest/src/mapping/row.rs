//! Rows as the mapping sees them: typed columns of a file, or the members of a JSON document.
//!
//! Reading files is the loader's work; here is only what a cell holds.

use arrow::array::{
    Array, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use eddy_events::Timestamp;
use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use super::value::Value;

/// Rows that were read together. All tables of one file have the same columns.
#[derive(Debug)]
pub struct Table {
    /// The columns, in the order of the header.
    pub columns: Vec<Column>,
    /// Rows.
    pub len: usize,
    /// Rows that could not even be read, with what stood there.
    pub faults: FxHashMap<usize, Fault>,
}

/// A row that could not be read.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Stable code.
    pub reason: &'static str,
    /// For people.
    pub detail: String,
    /// What stood there.
    pub body: Vec<u8>,
}

/// One column.
#[derive(Debug)]
pub enum Column {
    /// Not in this file; reads as null.
    Absent,
    /// Texts.
    Text(StringArray),
    /// Whole numbers.
    Int(Int64Array),
    /// Doubles.
    Float(Float64Array),
    /// Truth values.
    Bool(BooleanArray),
    /// Dates without a zone.
    Date(Date32Array),
    /// Times; with a zone they are moments.
    Time(TimestampMicrosecondArray, bool),
    /// Members of JSON documents.
    Json(Vec<Json>),
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Column {
    /// What a cell holds.
    pub fn cell(&self, row: usize) -> Value<'_> {
        match self {
            Self::Absent => Value::Null,
            Self::Text(array) if array.is_valid(row) => Value::text(array.value(row)),
            Self::Int(array) if array.is_valid(row) => Value::Int(array.value(row)),
            Self::Float(array) if array.is_valid(row) => Value::from_float(array.value(row)),
            Self::Bool(array) if array.is_valid(row) => Value::Bool(array.value(row)),
            Self::Date(array) if array.is_valid(row) => {
                Value::Local(i64::from(array.value(row)) * MICROS_PER_DAY)
            }
            Self::Time(array, zoned) if array.is_valid(row) => {
                let micros = array.value(row);
                if *zoned {
                    Value::Time(Timestamp::utc(micros))
                } else {
                    Value::Local(micros)
                }
            }
            Self::Json(values) => values.get(row).map_or(Value::Null, from_json),
            _ => Value::Null,
        }
    }

    /// The cell as JSON, for a dead letter.
    pub fn json(&self, row: usize) -> Json {
        if let Self::Json(values) = self {
            return values.get(row).cloned().unwrap_or(Json::Null);
        }
        if let Self::Float(array) = self {
            return if array.is_valid(row) {
                Json::from(array.value(row))
            } else {
                Json::Null
            };
        }
        match self.cell(row) {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(value),
            Value::Int(value) => Json::from(value),
            other => other
                .into_text()
                .map_or(Json::Null, |text| Json::String(text.into_owned())),
        }
    }
}

/// A member of a JSON document; objects and arrays read as their JSON text.
pub fn from_json(value: &Json) -> Value<'_> {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number
            .as_i64()
            .map(Value::Int)
            .or_else(|| number.as_f64().map(Value::from_float))
            .unwrap_or(Value::Null),
        Json::String(text) => Value::text(text),
        other => Value::Text(other.to_string().into()),
    }
}
