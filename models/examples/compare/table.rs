//! Published tables, row by row.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

/// A row by column name.
pub struct Row(HashMap<String, Field>);

/// All rows of a file, in its order.
pub fn rows(folder: &Path, name: &str) -> Vec<Row> {
    let path = folder.join(format!("{name}.parquet"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = SerializedFileReader::new(file).expect("a Parquet file");
    let rows = reader.get_row_iter(None).expect("rows");
    rows.map(|row| {
        let row = row.expect("a row");
        Row(row
            .get_column_iter()
            .map(|(name, field)| (name.clone(), field.clone()))
            .collect())
    })
    .collect()
}

impl Row {
    /// Text, empty where there is none.
    pub fn text(&self, column: &str) -> String {
        match &self.0[column] {
            Field::Str(text) => text.clone(),
            Field::Null => String::new(),
            other => other.to_string(),
        }
    }

    /// A number, NaN where there is none.
    pub fn number(&self, column: &str) -> f32 {
        match &self.0[column] {
            Field::Int(n) => *n as f32,
            Field::Long(n) => *n as f32,
            Field::Double(n) => *n as f32,
            Field::Bool(b) => f32::from(u8::from(*b)),
            _ => f32::NAN,
        }
    }

    /// Microseconds since 1970.
    pub fn time(&self, column: &str) -> Option<i64> {
        match &self.0[column] {
            Field::Date(days) => Some(i64::from(*days) * DAY),
            Field::TimestampMillis(ms) => Some(ms * 1_000),
            Field::TimestampMicros(us) => Some(*us),
            _ => None,
        }
    }
}

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// A key of several words.
pub fn key(words: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for word in words {
        for byte in word.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}
