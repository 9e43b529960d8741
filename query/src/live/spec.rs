//! What a table is: read once from an Arrow schema with metadata (`eddy.table`, `eddy.key`, `comment`, and
//! `eddy.schema` where the SQL schema is not `public`).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::Error;
use super::column::{Column, can_be_key, exposed_type};

/// A table's name, columns and key, checked.
#[derive(Debug)]
pub struct TableSpec {
    /// Name in SQL.
    pub name: Arc<str>,
    /// What the table means, for catalogues.
    pub comment: Option<String>,
    /// Schema of SQL it stands in, where that is not `public`.
    pub schema_name: Option<String>,
    /// The columns SQL sees: the declared ones, with every string type as `Utf8View`. Without metadata of the whole, which must not
    /// travel with the rows.
    pub schema: SchemaRef,
    /// Places of the key columns in the schema.
    pub key: Vec<usize>,
    pub(crate) types: Vec<DataType>,
}

impl TableSpec {
    /// Reads a declared schema.
    pub fn new(declared: &Schema) -> Result<TableSpec, Error> {
        let name = declared
            .metadata()
            .get("eddy.table")
            .ok_or_else(|| Error::Schema {
                table: "?".into(),
                problem: "schema metadata `eddy.table` with the table's name is missing".into(),
            })?;
        let wrong = |problem: String| Error::Schema {
            table: name.clone(),
            problem,
        };
        let keys = declared
            .metadata()
            .get("eddy.key")
            .ok_or_else(|| wrong("schema metadata `eddy.key` is missing".into()))?;
        let types: Vec<DataType> = declared
            .fields()
            .iter()
            .map(|f| exposed_type(f.data_type()))
            .collect();
        let mut key = Vec::new();
        for column in keys.split(',').map(str::trim).filter(|c| !c.is_empty()) {
            let at = declared
                .index_of(column)
                .map_err(|_| wrong(format!("key column `{column}` is not in the schema")))?;
            if !can_be_key(&types[at]) {
                return Err(wrong(format!(
                    "key column `{column}` has type {}, which cannot be a key",
                    types[at]
                )));
            }
            key.push(at);
        }
        if key.is_empty() {
            return Err(wrong("`eddy.key` names no column".into()));
        }
        let fields: Vec<Field> = declared
            .fields()
            .iter()
            .zip(&types)
            .map(|(f, t)| f.as_ref().clone().with_data_type(t.clone()))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(TableSpec {
            name: name.as_str().into(),
            comment: declared.metadata().get("comment").cloned(),
            schema_name: declared.metadata().get("eddy.schema").cloned(),
            schema,
            key,
            types,
        })
    }

    /// The columns of an incoming batch in their open form.
    pub(crate) fn open(&self, batch: &RecordBatch) -> Result<Vec<Column>, Error> {
        if batch.num_columns() != self.types.len() {
            return Err(self.mismatch(format!(
                "{} columns came, {} are declared",
                batch.num_columns(),
                self.types.len()
            )));
        }
        let columns = batch.columns().iter().zip(&self.types).zip(self.schema.fields());
        columns
            .map(|((array, exposed), field)| {
                Column::open(array, exposed)
                    .map_err(|e| self.mismatch(format!("column `{}`: {e}", field.name())))
            })
            .collect()
    }

    /// The key columns of a batch that holds only these, in key order, or the whole row.
    pub(crate) fn open_keys(&self, batch: &RecordBatch) -> Result<Vec<Column>, Error> {
        let whole = batch.num_columns() == self.types.len();
        if !whole && batch.num_columns() != self.key.len() {
            return Err(self.mismatch(format!(
                "{} columns came, the key has {}",
                batch.num_columns(),
                self.key.len()
            )));
        }
        let column = |(i, at): (usize, &usize)| {
            let array = batch.column(if whole { *at } else { i });
            Column::open(array, &self.types[*at]).map_err(|e| self.mismatch(e.to_string()))
        };
        self.key.iter().enumerate().map(column).collect()
    }

    fn mismatch(&self, problem: String) -> Error {
        Error::Batch {
            table: self.name.to_string(),
            problem,
        }
    }
}

/// The hash of the key at `row`, over key columns in key order.
pub(crate) fn hash_key<'a>(key: impl Iterator<Item = &'a Column>, row: usize, seed: u64) -> u64 {
    key.fold(seed, |hash, column| column.hash_at(row, hash))
}
