//! Frames: which keys changed with an apply, for the live feed. Bounded: many changes are only counted.

use std::sync::Arc;

use super::column::Column;

/// Keys listed per table and frame at most.
const LISTED: usize = 1_000;

/// What one apply changed.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Shard of the log.
    pub shard: u32,
    /// Last sequence of the shard in the snapshot that came with this frame.
    pub sequence: u64,
    /// Largest event time of the shard, in microseconds since 1970.
    pub event_time_micros: i64,
    /// The tables that changed.
    pub changed: Vec<Changed>,
}

/// The changed rows of one table.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Number of the table.
    pub table: usize,
    /// Name of the table.
    pub name: Arc<str>,
    /// Which rows.
    pub keys: Keys,
}

/// Keys of changed rows; a key may be listed twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// At most 1,000 keys, each as the text of its key columns.
    Some(Vec<Vec<String>>),
    /// More: so many changes.
    Many(usize),
}

pub(crate) fn note(changed: &mut Vec<Changed>, table: usize, name: &Arc<str>, key: &[Column], rows: usize) {
    if rows == 0 {
        return;
    }
    let at = changed.iter().position(|c| c.table == table).unwrap_or_else(|| {
        changed.push(Changed {
            table,
            name: Arc::clone(name),
            keys: Keys::Some(Vec::new()),
        });
        changed.len() - 1
    });
    let keys = &mut changed[at].keys;
    match keys {
        Keys::Many(count) => *count += rows,
        Keys::Some(listed) if listed.len() + rows > LISTED => *keys = Keys::Many(listed.len() + rows),
        Keys::Some(listed) => {
            listed.extend((0..rows).map(|row| key.iter().map(|c| c.display_at(row)).collect()))
        }
    }
}
