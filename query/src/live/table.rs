//! The writer's side of one table: rows in, older versions marked dead, half-dead chunks emptied.
//!
//! There is one writer. Readers see only what `TableSnapshot` holds, which shares the chunks with the writer until either changes.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};

use super::chunk::{Chunk, Piece};
use super::column::Column;
use super::index::{KeyIndex, Position};
use super::sealer::{Job, Sealer};
use super::snapshot::TableSnapshot;
use super::spec::{TableSpec, hash_key};
use super::{Error, Options};

pub(crate) struct Table {
    pub(crate) spec: Arc<TableSpec>,
    number: usize,
    options: Options,
    chunks: Vec<Option<Arc<Chunk>>>,
    open: Option<usize>,
    free: Vec<usize>,
    index: Arc<KeyIndex>,
    rows: usize,
    next_id: u64,
    half_dead: VecDeque<usize>,
    /// Changed since the last snapshot.
    pub(crate) dirty: bool,
}

impl Table {
    pub(crate) fn new(spec: Arc<TableSpec>, number: usize, options: Options) -> Table {
        Table {
            spec,
            number,
            options,
            chunks: Vec::new(),
            open: None,
            free: Vec::new(),
            index: Arc::new(KeyIndex::new()),
            rows: 0,
            next_id: 0,
            half_dead: VecDeque::new(),
            dirty: false,
        }
    }

    pub(crate) fn snapshot(&self, generation: u64) -> TableSnapshot {
        TableSnapshot {
            spec: Arc::clone(&self.spec),
            chunks: self.chunks.clone(),
            rows: self.rows,
            index: Arc::clone(&self.index),
            generation,
        }
    }

    /// Inserts rows or replaces those with the same key; of several rows with one key the last wins.
    pub(crate) fn upsert(
        &mut self,
        batch: &RecordBatch,
        generation: u64,
        sealer: &Sealer,
    ) -> Result<Vec<Column>, Error> {
        let columns = self.spec.open(batch)?;
        let key: Vec<Column> = self.spec.key.iter().map(|at| columns[*at].clone()).collect();
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(key);
        }
        self.dirty = true;
        let row_bytes = columns.iter().map(Column::bytes).sum::<usize>() / rows + 1;
        let mut from = 0;
        while from < rows {
            let (slot, room) = self.room(row_bytes, sealer);
            let take = room.min(rows - from);
            let base = self.append(slot, &columns, from, take)?;
            for i in 0..take {
                let hash = hash_key(key.iter(), from + i, self.index.seed);
                let position = Position::new(slot, base + i as u32);
                let before = self.index.put(
                    hash,
                    position,
                    generation,
                    |p| self.has_key(p, &key, from + i),
                    |p| self.hash_of(p),
                );
                match before {
                    Some(old) => self.kill(old),
                    None => self.rows += 1,
                }
            }
            from += take;
        }
        self.compact(self.options.compact_rows + 2 * rows, generation, sealer)?;
        Ok(key)
    }

    /// Removes the rows with these keys; keys that are not there are passed over.
    pub(crate) fn delete(
        &mut self,
        keys: &RecordBatch,
        generation: u64,
        sealer: &Sealer,
    ) -> Result<Vec<Column>, Error> {
        let key = self.spec.open_keys(keys)?;
        for row in 0..keys.num_rows() {
            let hash = hash_key(key.iter(), row, self.index.seed);
            if let Some(old) = self
                .index
                .remove(hash, generation, |p| self.has_key(p, &key, row))
            {
                self.kill(old);
                self.rows -= 1;
                self.dirty = true;
            }
        }
        self.compact(
            self.options.compact_rows + 2 * keys.num_rows(),
            generation,
            sealer,
        )?;
        Ok(key)
    }

    /// Puts a sealed piece in the place of the open ones it was made from.
    pub(crate) fn install(&mut self, slot: usize, id: u64, piece: Piece) {
        if let Some(Some(chunk)) = self.chunks.get_mut(slot)
            && chunk.id == id
        {
            let chunk = Arc::make_mut(chunk);
            chunk.pieces = vec![Arc::new(piece)];
            chunk.sealed = true;
            self.dirty = true;
        }
    }

    fn append(&mut self, slot: usize, columns: &[Column], from: usize, take: usize) -> Result<u32, Error> {
        let chunk = Arc::make_mut(
            self.chunks[slot]
                .as_mut()
                .ok_or(Error::Broken("the open chunk is missing"))?,
        );
        let base = chunk.rows;
        let part = columns.iter().map(|c| c.slice(from, take)).collect();
        chunk
            .append(part, self.options.merge_width)
            .map_err(Error::Arrow)?;
        Ok(base)
    }

    /// The open chunk and how many rows it still takes; a full one is closed first.
    fn room(&mut self, row_bytes: usize, sealer: &Sealer) -> (usize, usize) {
        if let Some(slot) = self.open
            && let Some(chunk) = self.chunks[slot].as_ref()
        {
            let by_rows = self.options.chunk_rows - chunk.rows as usize;
            let by_bytes = self.options.chunk_bytes.saturating_sub(chunk.bytes()) / row_bytes;
            let room = by_rows.min(by_bytes.max(usize::from(chunk.rows == 0)));
            if room > 0 {
                return (slot, room);
            }
            self.close(slot, sealer);
        }
        let chunk = Chunk::new(self.next_id, self.options.chunk_rows as u32);
        self.next_id += 1;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.chunks[slot] = Some(Arc::new(chunk));
                slot
            }
            None => {
                self.chunks.push(Some(Arc::new(chunk)));
                self.chunks.len() - 1
            }
        };
        self.open = Some(slot);
        (
            slot,
            self.options
                .chunk_rows
                .min((self.options.chunk_bytes / row_bytes).max(1)),
        )
    }

    fn close(&mut self, slot: usize, sealer: &Sealer) {
        self.open = None;
        let Some(chunk) = self.chunks[slot].as_ref() else {
            return;
        };
        if half_dead(chunk) {
            // Its live rows move on at once; sealing it would be for nothing.
            self.half_dead.push_back(slot);
        } else {
            sealer.send(Job {
                table: self.number,
                slot,
                id: chunk.id,
                pieces: chunk.pieces.clone(),
                spec: Arc::clone(&self.spec),
            });
        }
    }

    fn kill(&mut self, old: Position) {
        let Some(Some(chunk)) = self.chunks.get_mut(old.slot()) else {
            return;
        };
        let was = half_dead(chunk);
        Arc::make_mut(chunk).kill(old.row());
        if !was && half_dead(chunk) && self.open != Some(old.slot()) {
            self.half_dead.push_back(old.slot());
        }
    }

    /// Moves at most about `budget` live rows out of half-dead chunks into the open one, and drops the chunks that got empty.
    fn compact(&mut self, mut budget: usize, generation: u64, sealer: &Sealer) -> Result<(), Error> {
        while budget > 0
            && let Some(slot) = self.half_dead.front().copied()
        {
            let Some(chunk) = self.chunks[slot].clone() else {
                self.half_dead.pop_front();
                continue;
            };
            for piece in &chunk.pieces {
                let live = (0..piece.rows)
                    .filter(|r| chunk.is_live(piece.base + r))
                    .take(budget);
                let rows = UInt32Array::from_iter_values(live);
                budget -= rows.len();
                if !rows.is_empty() {
                    self.move_rows(slot, piece, &rows, generation, sealer)?;
                }
            }
            let emptied = self.chunks[slot].as_ref().is_none_or(|c| c.live_rows == 0);
            if emptied {
                self.chunks[slot] = None;
                self.free.push(slot);
                self.half_dead.pop_front();
            }
        }
        Ok(())
    }

    fn move_rows(
        &mut self,
        slot: usize,
        piece: &Piece,
        rows: &UInt32Array,
        generation: u64,
        sealer: &Sealer,
    ) -> Result<(), Error> {
        let columns = piece
            .columns
            .iter()
            .map(|c| c.pick(rows))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::Arrow)?;
        let row_bytes = columns.iter().map(Column::bytes).sum::<usize>() / rows.len() + 1;
        let mut from = 0;
        while from < rows.len() {
            let (to, room) = self.room(row_bytes, sealer);
            let take = room.min(rows.len() - from);
            let base = self.append(to, &columns, from, take)?;
            for i in 0..take {
                let old = Position::new(slot, piece.base + rows.value(from + i));
                let hash = hash_key(
                    self.spec.key.iter().map(|at| &columns[*at]),
                    from + i,
                    self.index.seed,
                );
                let new = Position::new(to, base + i as u32);
                self.index
                    .put(hash, new, generation, |p| p == old, |p| self.hash_of(p));
                if let Some(Some(chunk)) = self.chunks.get_mut(slot) {
                    Arc::make_mut(chunk).kill(old.row());
                }
            }
            from += take;
        }
        self.dirty = true;
        Ok(())
    }

    fn has_key(&self, position: Position, key: &[Column], row: usize) -> bool {
        let Some(Some(chunk)) = self.chunks.get(position.slot()) else {
            return false;
        };
        let Some((piece, at)) = chunk.locate(position.row()) else {
            return false;
        };
        self.spec
            .key
            .iter()
            .zip(key)
            .all(|(k, column)| piece.columns[*k].same(at, column, row))
    }

    fn hash_of(&self, position: Position) -> u64 {
        let Some((piece, at)) = self
            .chunks
            .get(position.slot())
            .and_then(|c| c.as_ref())
            .and_then(|c| c.locate(position.row()))
        else {
            return 0;
        };
        hash_key(
            self.spec.key.iter().map(|k| &piece.columns[*k]),
            at,
            self.index.seed,
        )
    }
}

fn half_dead(chunk: &Chunk) -> bool {
    chunk.live_rows * 2 <= chunk.rows
}
