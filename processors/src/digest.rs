//! Two hashes that say whether two engines agree.
//!
//! `projections` covers the rows of all projection tables and nothing of the log: each row is brought into Arrow's order-preserving row
//! format, without columns that repeat outputs, and hashed with XXH3-128, the hashes of a table are added modulo 2^128, and SHA-256 is taken over name, row count and sum of
//! every table. So order and batching of rows do not matter. It finds faults, not forgers: XXH3 is no cryptographic hash.
//!
//! `outputs` is a SHA-256 chain over the derived outputs in the order of the log: cause, type, id, subject, time, causing event, data.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::row::{RowConverter, SortField};
use bitcode::{Decode, Encode};
use eddy_events::Cause;
use eddy_events::output::Output;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use twox_hash::XxHash3_128;

use crate::tables::{TABLES, repeats_output};

/// A running hash over outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Chain {
    hash: [u8; 32],
}

impl Chain {
    /// Takes the next output in.
    pub(crate) fn extend(&mut self, cause: Cause, output: &Output) {
        let mut hasher = Sha256::new();
        let mut bytes = Vec::with_capacity(256 + output.data.as_str().len());
        bytes.extend_from_slice(&self.hash);
        for number in [
            cause.sequence,
            u64::from(cause.shard),
            u64::from(cause.index),
            u64::from(cause.ordinal),
            u64::from(cause.count),
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&output.time.micros.to_le_bytes());
        for text in [
            output.type_name.as_str(),
            &output.id,
            &output.subject,
            &output.tenant,
            output.causation_id.as_deref().unwrap_or(""),
        ] {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        bytes.extend_from_slice(output.data.as_str().as_bytes());
        hasher.update(&bytes);
        self.hash = hasher.finalize().into();
    }
}

/// The digest of an engine at a sequence of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// Last stream sequence applied.
    pub sequence: u64,
    /// Hash of all rows of all projections, in hexadecimal.
    pub projections: String,
    /// Hash of all outputs in the order of the log, in hexadecimal.
    pub outputs: String,
}

impl Digest {
    /// Digests the rows that `scan` gives.
    pub(crate) fn of(
        sequence: u64,
        outputs: &Chain,
        scan: impl FnOnce(&mut dyn FnMut(usize, RecordBatch)),
    ) -> Self {
        let mut sums: BTreeMap<&str, (u64, u128)> = BTreeMap::new();
        let mut converters: BTreeMap<usize, RowConverter> = BTreeMap::new();
        scan(&mut |table, rows| {
            let schema = rows.schema();
            let (fields, columns): (Vec<_>, Vec<_>) = schema
                .fields()
                .iter()
                .zip(rows.columns())
                .filter(|(field, _)| !repeats_output(table, field.name()))
                .map(|(field, column)| (SortField::new(field.data_type().clone()), Arc::clone(column)))
                .unzip();
            if fields.is_empty() {
                return;
            }
            let converter = converters
                .entry(table)
                .or_insert_with(|| RowConverter::new(fields).expect("columns of projections have an order"));
            let encoded = converter
                .convert_columns(&columns)
                .expect("rows have the columns of their table");
            let sum = sums.entry(TABLES[table].name).or_default();
            for row in &encoded {
                sum.0 += 1;
                sum.1 = sum.1.wrapping_add(XxHash3_128::oneshot(row.as_ref()));
            }
        });
        let mut hasher = Sha256::new();
        for (table, (rows, sum)) in sums {
            hasher.update(table);
            hasher.update([0]);
            hasher.update(rows.to_le_bytes());
            hasher.update(sum.to_le_bytes());
        }
        Self {
            sequence,
            projections: hex(&hasher.finalize()),
            outputs: hex(&outputs.hash),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
