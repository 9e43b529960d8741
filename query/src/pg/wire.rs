//! Answers in the types that the PostgreSQL wire has. What it has no type for (JSON values, maps, lists of lists) goes as text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_pg::datatypes::{encode_recordbatch, into_pg_type};
use pgwire::api::results::FieldInfo;
use pgwire::error::PgWireResult;
use pgwire::messages::data::DataRow;

use crate::render;

/// The columns of an answer as clients are told of them.
pub(super) fn schema(answer: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| Field::clone(field).with_data_type(wire_type(field.data_type()));
    Arc::new(Schema::new(answer.fields().iter().map(field).collect::<Vec<_>>()))
}

fn wire_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Float16 => DataType::Float32,
        other if into_pg_type(other).is_err() => DataType::Utf8,
        other => other.clone(),
    }
}

/// The rows of a batch, or why one of them cannot be sent: the encoder gives its error again and again instead of ending.
pub(super) fn rows(
    batch: &RecordBatch,
    schema: &SchemaRef,
    fields: &Arc<Vec<FieldInfo>>,
) -> PgWireResult<Vec<DataRow>> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: Result<Vec<ArrayRef>, _> = columns
        .map(|(column, field)| match field.data_type() {
            same if same == column.data_type() => Ok(Arc::clone(column)),
            DataType::Utf8 => Ok(written(column)),
            other => cast(column, other),
        })
        .collect();
    let batch = columns.and_then(|columns| RecordBatch::try_new(Arc::clone(schema), columns));
    let batch = batch.map_err(|e| pgwire::error::PgWireError::ApiError(Box::new(e)))?;
    encode_recordbatch(Arc::clone(fields), batch).collect()
}

fn written(column: &ArrayRef) -> ArrayRef {
    let nulls = column.logical_nulls();
    let value = |row| {
        let mut out = Vec::new();
        render::text(column, row, &mut out);
        let known = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        known.then(|| String::from_utf8_lossy(&out).into_owned())
    };
    Arc::new((0..column.len()).map(value).collect::<StringArray>())
}
