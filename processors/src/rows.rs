//! Rows to Arrow: a table's declaration, and a builder that takes one row after another, cell by cell in the order of its columns.
//!
//! Text is `Utf8View`, times are UTC microseconds, money and counts are `Int64`. What a table holds is in [`crate::tables`].

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int32Builder, Int64Builder, RecordBatch,
    StringViewBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::facts::NO_TIME;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// 64 bits: money in minor units, sums.
    Int,
    /// 32 bits: small counts.
    Small,
    Float,
    Flag,
    /// An instant.
    Time,
    /// A day of the tenant's calendar.
    Day,
}

/// A column: name, type, whether it may be null, and what it means.
pub(crate) type Column = (&'static str, Kind, bool, &'static str);

/// A table as declared.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) schema_name: &'static str,
    /// How many leading columns are the key.
    pub(crate) key: usize,
    pub(crate) comment: &'static str,
    pub(crate) columns: &'static [Column],
}

/// The schemas of a table: of whole rows, and of keys alone.
#[derive(Debug)]
pub(crate) struct Schemas {
    pub(crate) whole: SchemaRef,
    pub(crate) key: SchemaRef,
}

impl Table {
    /// Both schemas.
    pub(crate) fn schemas(&self) -> Schemas {
        let whole = self.schema();
        let columns: Vec<usize> = (0..self.key).collect();
        let key = Arc::new(
            whole
                .project(&columns)
                .expect("the key is a prefix of the columns"),
        );
        Schemas { whole, key }
    }
}

/// Whether a column may be null.
pub(crate) const NULL: bool = true;
/// Whether a column may be null.
pub(crate) const FULL: bool = false;

impl Table {
    /// The Arrow schema, with the metadata that tables are built from.
    pub(crate) fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|(name, kind, null, comment)| {
                let metadata = HashMap::from([("comment".to_owned(), (*comment).to_owned())]);
                Field::new(*name, kind.arrow(), *null).with_metadata(metadata)
            })
            .collect();
        let key: Vec<&str> = self.columns[..self.key].iter().map(|(name, ..)| *name).collect();
        let mut metadata = HashMap::from([
            ("eddy.table".to_owned(), self.name.to_owned()),
            ("eddy.key".to_owned(), key.join(",")),
            ("comment".to_owned(), self.comment.to_owned()),
        ]);
        if !self.schema_name.is_empty() {
            metadata.insert("eddy.schema".to_owned(), self.schema_name.to_owned());
        }
        Arc::new(Schema::new_with_metadata(fields, metadata))
    }
}

impl Kind {
    fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8View,
            Self::Int => DataType::Int64,
            Self::Small => DataType::Int32,
            Self::Float => DataType::Float64,
            Self::Flag => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Day => DataType::Date32,
        }
    }

    fn builder(self, rows: usize) -> Builder {
        match self {
            Self::Text => Builder::Text(StringViewBuilder::with_capacity(rows)),
            Self::Int => Builder::Int(Int64Builder::with_capacity(rows)),
            Self::Small => Builder::Small(Int32Builder::with_capacity(rows)),
            Self::Float => Builder::Float(Float64Builder::with_capacity(rows)),
            Self::Flag => Builder::Flag(BooleanBuilder::with_capacity(rows)),
            Self::Time => {
                Builder::Time(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC"))
            }
            Self::Day => Builder::Day(Date32Builder::with_capacity(rows)),
        }
    }
}

#[derive(Debug)]
enum Builder {
    Text(StringViewBuilder),
    Int(Int64Builder),
    Small(Int32Builder),
    Float(Float64Builder),
    Flag(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Day(Date32Builder),
}

/// Rows of one table being written.
#[derive(Debug)]
pub(crate) struct Rows {
    schema: SchemaRef,
    columns: Vec<Builder>,
    at: usize,
    rows: usize,
}

/// Writing another type than declared is a mistake in a table's file, found by the first row of any test.
#[cold]
fn mismatch(column: usize, schema: &Schema) -> ! {
    panic!(
        "column {} of {:?} was given another type",
        schema.field(column).name(),
        schema.metadata().get("eddy.table")
    )
}

macro_rules! cell {
    ($(#[$meta:meta])* $name:ident, $variant:ident, $type:ty) => {
        $(#[$meta])*
        #[inline]
        pub(crate) fn $name(&mut self, value: impl Into<Option<$type>>) -> &mut Self {
            match &mut self.columns[self.at] {
                Builder::$variant(builder) => builder.append_option(value.into()),
                _ => mismatch(self.at, &self.schema),
            }
            self.next();
            self
        }
    };
}

impl Rows {
    /// Room for `rows` rows. With `key_only`, rows hold the key alone, for deletes.
    pub(crate) fn new(table: &Table, schemas: &Schemas, rows: usize, key_only: bool) -> Self {
        let schema = Arc::clone(if key_only { &schemas.key } else { &schemas.whole });
        let width = schema.fields().len();
        let columns = table.columns[..width]
            .iter()
            .map(|(_, kind, ..)| kind.builder(rows))
            .collect();
        Self {
            schema,
            columns,
            at: 0,
            rows: 0,
        }
    }

    fn next(&mut self) {
        self.at += 1;
        if self.at == self.columns.len() {
            self.at = 0;
            self.rows += 1;
        }
    }

    /// A text, or null.
    #[inline]
    pub(crate) fn text<'a>(&mut self, value: impl Into<Option<&'a str>>) -> &mut Self {
        match &mut self.columns[self.at] {
            Builder::Text(builder) => builder.append_option(value.into()),
            _ => mismatch(self.at, &self.schema),
        }
        self.next();
        self
    }

    cell!(
        /// A sum or an amount, or null.
        int, Int, i64
    );
    cell!(
        /// A small count, or null.
        small, Small, i32
    );
    cell!(
        /// A figure, or null.
        float, Float, f64
    );
    cell!(
        /// Yes, no or null.
        flag, Flag, bool
    );
    cell!(
        /// A day, or null.
        day, Day, i32
    );

    /// An instant; [`NO_TIME`] is null.
    #[inline]
    pub(crate) fn time(&mut self, micros: i64) -> &mut Self {
        match &mut self.columns[self.at] {
            Builder::Time(builder) => builder.append_option((micros != NO_TIME).then_some(micros)),
            _ => mismatch(self.at, &self.schema),
        }
        self.next();
        self
    }

    /// Whether no row was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How many rows were written.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// The rows as a batch.
    pub(crate) fn finish(self) -> RecordBatch {
        assert_eq!(
            self.at,
            0,
            "a row of {:?} was left unfinished",
            self.schema.metadata().get("eddy.table")
        );
        let columns: Vec<ArrayRef> = self
            .columns
            .into_iter()
            .map(|column| -> ArrayRef {
                match column {
                    Builder::Text(mut builder) => Arc::new(builder.finish()),
                    Builder::Int(mut builder) => Arc::new(builder.finish()),
                    Builder::Small(mut builder) => Arc::new(builder.finish()),
                    Builder::Float(mut builder) => Arc::new(builder.finish()),
                    Builder::Flag(mut builder) => Arc::new(builder.finish()),
                    Builder::Time(mut builder) => Arc::new(builder.finish()),
                    Builder::Day(mut builder) => Arc::new(builder.finish()),
                }
            })
            .collect();
        RecordBatch::try_new(self.schema, columns).expect("columns were built from the schema")
    }
}
