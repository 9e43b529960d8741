//! Snapshots: all tables at one sequence, never changed once published.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::FilterBuilder;

use super::chunk::{Chunk, Piece};
use super::column::{Column, Kept, key_column};
use super::index::{KeyIndex, Lookup, Position};
use super::spec::{TableSpec, hash_key};
use super::{Error, Progress};

/// All tables as of one moment of the log.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts publications; 0 is the empty beginning.
    pub generation: u64,
    /// How far each shard has been applied.
    pub progress: Vec<Progress>,
    /// When this was published, in microseconds since 1970 by the machine's clock.
    pub applied_at_micros: i64,
    pub(crate) tables: Vec<Arc<TableSnapshot>>,
}

impl Snapshot {
    /// The last log sequence in this snapshot: the largest over the shards.
    pub fn sequence(&self) -> u64 {
        self.progress.iter().map(|p| p.sequence).max().unwrap_or(0)
    }

    /// The largest event time in this snapshot, in microseconds since 1970.
    pub fn event_time_micros(&self) -> Option<i64> {
        self.progress.iter().map(|p| p.event_time_micros).max()
    }

    /// A table by number, in the order the schemas were given.
    pub fn table(&self, number: usize) -> Option<&Arc<TableSnapshot>> {
        self.tables.get(number)
    }

    /// All tables, in the order the schemas were given.
    pub fn tables(&self) -> &[Arc<TableSnapshot>] {
        &self.tables
    }
}

/// One table as of one snapshot.
#[derive(Debug)]
pub struct TableSnapshot {
    pub(crate) spec: Arc<TableSpec>,
    pub(crate) chunks: Vec<Option<Arc<Chunk>>>,
    pub(crate) rows: usize,
    pub(crate) index: Arc<KeyIndex>,
    pub(crate) generation: u64,
}

impl TableSnapshot {
    /// What the table is.
    pub fn spec(&self) -> &Arc<TableSpec> {
        &self.spec
    }

    /// Live rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Row slots taken by replaced or deleted rows.
    pub fn dead(&self) -> usize {
        self.chunks().map(|c| (c.rows - c.live_rows) as usize).sum()
    }

    /// Bytes of rows, bitmaps and key index.
    pub fn bytes(&self) -> usize {
        self.chunks().map(|c| c.bytes()).sum::<usize>() + self.index.bytes()
    }

    /// Bytes of the key index alone.
    pub fn index_bytes(&self) -> usize {
        self.index.bytes()
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.chunks.iter().flatten()
    }

    /// All live rows under the schema SQL sees, a batch a piece.
    pub fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, Error>> {
        let pieces = self
            .chunks()
            .flat_map(|chunk| chunk.pieces.iter().map(move |piece| (chunk, piece)));
        pieces.map(|(chunk, piece)| {
            let live = chunk.live_mask(piece.base, piece.rows);
            let live = live.map(|mask| FilterBuilder::new(&mask).optimize().build());
            let columns = piece.columns.iter().map(|column| match &live {
                Some(live) => column.expose(Kept::Where(live)),
                None => column.expose(Kept::All),
            });
            let columns = columns.collect::<Result<Vec<_>, _>>().map_err(Error::Arrow)?;
            RecordBatch::try_new(Arc::clone(&self.spec.schema), columns).map_err(Error::Arrow)
        })
    }

    /// The rows with these keys (the key columns in key order, one key a row), found by the index; in no order.
    pub fn get(&self, keys: &[ArrayRef]) -> Result<RecordBatch, Error> {
        let mut rows = Vec::new();
        let found = match self.find(keys)? {
            Some(found) => found,
            None => self.find_by_scan(keys)?,
        };
        for position in found {
            let Some((piece, row)) = self.locate(position) else {
                continue;
            };
            let row = UInt32Array::from_value(row as u32, 1);
            let columns = piece
                .columns
                .iter()
                .map(|c| c.pick(&row)?.expose(Kept::All))
                .collect::<Result<Vec<_>, _>>();
            rows.push(
                RecordBatch::try_new(Arc::clone(&self.spec.schema), columns.map_err(Error::Arrow)?)
                    .map_err(Error::Arrow)?,
            );
        }
        arrow::compute::concat_batches(&self.spec.schema, &rows).map_err(Error::Arrow)
    }

    /// The positions of the rows with these keys (key columns in key order, one key a row), each at most once; nothing when this
    /// snapshot is too old for the index to tell.
    pub(crate) fn find(&self, keys: &[ArrayRef]) -> Result<Option<Vec<Position>>, Error> {
        let (columns, rows) = self.key_columns(keys)?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let hash = hash_key(columns.iter(), row, self.index.seed);
            match self
                .index
                .get(hash, self.generation, |p| self.is_live_key(p, &columns, row))
            {
                Lookup::Found(position) => found.push(position),
                Lookup::Absent => {}
                Lookup::TooOld => return Ok(None),
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(Some(found))
    }

    /// As `find`, slowly, whatever the age.
    fn find_by_scan(&self, keys: &[ArrayRef]) -> Result<Vec<Position>, Error> {
        let (columns, rows) = self.key_columns(keys)?;
        let mut found = Vec::new();
        for (slot, chunk) in self.chunks.iter().enumerate() {
            let Some(chunk) = chunk else { continue };
            let hits = (0..chunk.rows).filter(|at| {
                chunk.is_live(*at) && rows.iter().any(|row| self.has_key(chunk, *at, &columns, *row))
            });
            found.extend(hits.map(|at| Position::new(slot, at)));
        }
        Ok(found)
    }

    /// Keys in their stored form, and which of them can stand for a row: equality with null is never true in SQL.
    fn key_columns(&self, keys: &[ArrayRef]) -> Result<(Vec<Column>, Vec<usize>), Error> {
        let columns = keys
            .iter()
            .zip(&self.spec.key)
            .map(|(array, at)| key_column(array, &self.spec.types[*at]))
            .collect::<Result<Vec<_>, _>>()?;
        let rows = 0..keys.first().map_or(0, |a| a.len());
        let whole = rows.filter(|row| keys.iter().all(|k| k.is_valid(*row)));
        Ok((columns, whole.collect()))
    }

    /// The piece a position lies in, and the row in it.
    pub(crate) fn locate(&self, position: Position) -> Option<(&Arc<Piece>, usize)> {
        self.chunks.get(position.slot())?.as_ref()?.locate(position.row())
    }

    fn is_live_key(&self, position: Position, key: &[Column], row: usize) -> bool {
        let Some(Some(chunk)) = self.chunks.get(position.slot()) else {
            return false;
        };
        chunk.is_live(position.row()) && self.has_key(chunk, position.row(), key, row)
    }

    fn has_key(&self, chunk: &Chunk, at: u32, key: &[Column], row: usize) -> bool {
        let Some((piece, at)) = chunk.locate(at) else {
            return false;
        };
        self.spec
            .key
            .iter()
            .zip(key)
            .all(|(k, column)| piece.columns[*k].same(at, column, row))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::array::StringArray;
    use arrow::datatypes::{Field, Schema};

    use super::super::{LiveTables, Progress};
    use super::*;

    #[test]
    fn snapshot_too_old_for_the_index_still_finds_its_rows() {
        let metadata = [("eddy.table", "parcels"), ("eddy.key", "awb")].map(|(k, v)| (k.into(), v.into()));
        let fields = vec![Field::new("awb", arrow::datatypes::DataType::Utf8, false)];
        let schema = Arc::new(Schema::new_with_metadata(fields, HashMap::from(metadata)));
        let tables = LiveTables::new(vec![Arc::clone(&schema)]).unwrap();
        let key: ArrayRef = Arc::new(StringArray::from(vec!["AWB1"]));
        let row = RecordBatch::try_new(schema, vec![Arc::clone(&key)]).unwrap();
        let replace = || tables.apply(vec![(0, row.clone())], Progress::default()).unwrap();
        replace();
        let old = tables.snapshot();
        (0..1_000).for_each(|_| replace());
        let new = tables.snapshot();
        let keys = [key];
        assert!(old.table(0).unwrap().find(&keys).unwrap().is_none());
        assert_eq!(new.table(0).unwrap().find(&keys).unwrap().unwrap().len(), 1);
        for snapshot in [old, new] {
            assert_eq!(snapshot.table(0).unwrap().get(&keys).unwrap().num_rows(), 1);
        }
    }
}
