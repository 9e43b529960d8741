//! Chunks: up to 65,536 row slots whose positions never move, as pieces of columns and a bitmap of the rows that are alive.
//!
//! An open chunk is a short list of pieces that are merged as they pile up; a sealed one is a single compact piece.
//! Which row replaces which is decided elsewhere (`table.rs`); here rows are only stored, marked dead and read.

use std::sync::{Arc, Weak};

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::column::Column;
use super::inverted::{Asked, Inverted};

/// Rows laid side by side: one column each for the columns of the table.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Offset of the first row in the chunk.
    pub(crate) base: u32,
    pub(crate) rows: u32,
    pub(crate) columns: Vec<Column>,
    /// Smallest and largest value per column, of sealed pieces and of types that have an order worth pruning by.
    pub(crate) ranges: Vec<Option<Range>>,
    bytes: usize,
    level: u8,
    /// Of a sealed piece, by column.
    asked: Box<[Asked]>,
}

/// The smallest and the largest value of a column, dead rows included, and its number of nulls.
#[derive(Debug, Clone)]
pub(crate) struct Range {
    pub(crate) min: ScalarValue,
    pub(crate) max: ScalarValue,
    pub(crate) nulls: usize,
}

impl Piece {
    pub(crate) fn open(base: u32, columns: Vec<Column>) -> Piece {
        let rows = columns.first().map_or(0, Column::len) as u32;
        let bytes = columns.iter().map(Column::bytes).sum();
        Piece {
            base,
            rows,
            columns,
            ranges: Vec::new(),
            bytes,
            level: level(rows),
            asked: Box::default(),
        }
    }

    fn merge(parts: &[Arc<Piece>]) -> Result<Piece, arrow::error::ArrowError> {
        let width = parts[0].columns.len();
        let columns = (0..width)
            .map(|c| {
                let column: Vec<&Column> = parts.iter().map(|p| &p.columns[c]).collect();
                Column::concat(&column)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let highest = parts.iter().map(|p| p.level).max().unwrap_or(0);
        let mut whole = Piece::open(parts[0].base, columns);
        whole.level = whole.level.max(highest);
        Ok(whole)
    }

    /// One compact piece out of all pieces of a chunk.
    pub(crate) fn seal(parts: &[Arc<Piece>], types: &[DataType]) -> Result<Piece, arrow::error::ArrowError> {
        let merged = if let [only] = parts {
            // A lone piece may be a window on a larger batch: copied, so that the rest can go.
            let rows = UInt32Array::from_iter_values(0..only.rows);
            let columns = only
                .columns
                .iter()
                .map(|c| c.pick(&rows))
                .collect::<Result<Vec<_>, _>>()?;
            Piece::open(only.base, columns)
        } else {
            Piece::merge(parts)?
        };
        let ranges = merged.columns.iter().map(range).collect();
        let columns: Vec<Column> = merged.columns.iter().zip(types).map(|(c, t)| c.seal(t)).collect();
        let bytes = columns.iter().map(Column::bytes).sum();
        Ok(Piece {
            base: merged.base,
            rows: merged.rows,
            asked: columns.iter().map(|_| Asked::default()).collect(),
            columns,
            ranges,
            bytes,
            level: u8::MAX,
        })
    }

    /// The rows by word of a column of a sealed piece, once it was asked for often enough; to make them takes one of `budget`.
    pub(crate) fn inverted(&self, column: usize, budget: &mut usize) -> Option<&Inverted> {
        self.asked.get(column)?.of(&self.columns[column], budget)
    }

    /// Bytes this keeps alive.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.asked.iter().map(Asked::bytes).sum::<usize>()
    }
}

/// Sizes within a factor of eight are of one level.
fn level(rows: u32) -> u8 {
    (rows.max(1).ilog2() / 3) as u8
}

fn range(column: &Column) -> Option<Range> {
    let Column::Plain(array) = column else { return None };
    let (min, max) = extremes(array)?;
    Some(Range {
        min,
        max,
        nulls: array.null_count(),
    })
}

fn extremes(array: &ArrayRef) -> Option<(ScalarValue, ScalarValue)> {
    use arrow::compute::{max, min};
    use arrow::datatypes::*;
    macro_rules! of {
        ($t:ty) => {{
            let values = arrow::array::AsArray::as_primitive::<$t>(array);
            let scalar = |v| ScalarValue::new_primitive::<$t>(Some(v), array.data_type()).ok();
            (scalar(min(values)?)?, scalar(max(values)?)?)
        }};
    }
    Some(match array.data_type() {
        DataType::Int8 => of!(Int8Type),
        DataType::Int16 => of!(Int16Type),
        DataType::Int32 => of!(Int32Type),
        DataType::Int64 => of!(Int64Type),
        DataType::UInt8 => of!(UInt8Type),
        DataType::UInt16 => of!(UInt16Type),
        DataType::UInt32 => of!(UInt32Type),
        DataType::UInt64 => of!(UInt64Type),
        DataType::Date32 => of!(Date32Type),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of!(TimestampMicrosecondType),
        // NaN has no place between a smallest and a largest value, so floats are not pruned by.
        _ => return None,
    })
}

/// Which rows of a chunk are alive, one bit a slot.
#[derive(Debug, Clone)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    fn all(slots: u32) -> Bits {
        Bits {
            words: vec![u64::MAX; (slots as usize).div_ceil(64)],
        }
    }

    pub(crate) fn get(&self, row: u32) -> bool {
        self.words[row as usize / 64] >> (row % 64) & 1 == 1
    }

    fn clear(&mut self, row: u32) {
        self.words[row as usize / 64] &= !(1 << (row % 64));
    }

    fn window(&self, base: u32, rows: u32) -> BooleanBuffer {
        let (base, rows) = (base as usize, rows as usize);
        if base.is_multiple_of(64) {
            let first = base / 64;
            let words = &self.words[first..(base + rows).div_ceil(64)];
            let buffer = arrow::buffer::Buffer::from_slice_ref(words);
            return BooleanBuffer::new(buffer, 0, rows);
        }
        BooleanBuffer::collect_bool(rows, |i| self.get((base + i) as u32))
    }

    fn bytes(&self) -> usize {
        self.words.len() * 8
    }
}

/// The rows of a sealed chunk as one snapshot sees them. Two are equal where the same rows are alive: whoever holds one makes the writer mark
/// its next dead row in a copy, and a piece never changes.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    piece: Weak<Piece>,
    live: Option<Arc<Bits>>,
}

impl Standing {
    /// Where the piece lies, which no other piece does while this is held.
    pub(crate) fn place(&self) -> usize {
        self.piece.as_ptr() as usize
    }

    /// Whether the piece is still there.
    pub(crate) fn exists(&self) -> bool {
        self.piece.strong_count() > 0
    }

    /// Bytes this may keep alive.
    pub(crate) fn bytes(&self) -> usize {
        self.live.as_ref().map_or(0, |bits| bits.bytes())
    }
}

impl PartialEq for Standing {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.live, &other.live) {
            (None, None) => true,
            (Some(own), Some(of)) => Arc::ptr_eq(own, of),
            _ => false,
        };
        same && self.piece.ptr_eq(&other.piece)
    }
}

/// A chunk as one snapshot sees it. Cloning costs a pointer a piece.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    /// Never used twice, so that a sealed piece finds the chunk it was made for.
    pub(crate) id: u64,
    pub(crate) pieces: Vec<Arc<Piece>>,
    /// Nothing while every row is alive.
    live: Option<Arc<Bits>>,
    pub(crate) rows: u32,
    pub(crate) live_rows: u32,
    slots: u32,
    pub(crate) sealed: bool,
}

impl Chunk {
    pub(crate) fn new(id: u64, slots: u32) -> Chunk {
        Chunk {
            id,
            pieces: Vec::new(),
            live: None,
            rows: 0,
            live_rows: 0,
            slots,
            sealed: false,
        }
    }

    /// Appends rows behind the last one. Adjacent pieces of one size are merged once `width` of them lie there, so that each row
    /// is copied a few times and a scan meets few pieces.
    pub(crate) fn append(
        &mut self,
        columns: Vec<Column>,
        width: usize,
    ) -> Result<(), arrow::error::ArrowError> {
        let piece = Piece::open(self.rows, columns);
        self.rows += piece.rows;
        self.live_rows += piece.rows;
        self.pieces.push(Arc::new(piece));
        while let Some(last) = self.pieces.last() {
            let level = last.level;
            let alike = self.pieces.iter().rev().take_while(|p| p.level <= level).count();
            if alike < width {
                break;
            }
            let from = self.pieces.len() - alike;
            let merged = Piece::merge(&self.pieces[from..])?;
            let grew = merged.level > level;
            self.pieces.truncate(from);
            self.pieces.push(Arc::new(merged));
            if !grew {
                break;
            }
        }
        Ok(())
    }

    /// Marks a row dead; false when it was dead already.
    pub(crate) fn kill(&mut self, row: u32) -> bool {
        let bits = self.live.get_or_insert_with(|| Arc::new(Bits::all(self.slots)));
        if !bits.get(row) {
            return false;
        }
        // The first change after a snapshot copies 8 kB, the following ones are in place.
        Arc::make_mut(bits).clear(row);
        self.live_rows -= 1;
        true
    }

    pub(crate) fn is_live(&self, row: u32) -> bool {
        row < self.rows && self.live.as_ref().is_none_or(|bits| bits.get(row))
    }

    /// The piece that holds `row` and the row's place in it.
    pub(crate) fn locate(&self, row: u32) -> Option<(&Arc<Piece>, usize)> {
        if row >= self.rows {
            return None;
        }
        let at = self.pieces.partition_point(|p| p.base <= row).checked_sub(1)?;
        let piece = &self.pieces[at];
        Some((piece, (row - piece.base) as usize))
    }

    /// The live rows among `rows` from `base` on, or nothing when the whole chunk is alive.
    pub(crate) fn live_mask(&self, base: u32, rows: u32) -> Option<BooleanArray> {
        let bits = self.live.as_ref()?;
        Some(BooleanArray::new(bits.window(base, rows), None))
    }

    /// The rows of a sealed chunk; none of one that still grows.
    pub(crate) fn standing(&self) -> Option<Standing> {
        let [piece] = self.pieces.as_slice() else {
            return None;
        };
        self.sealed.then(|| Standing {
            piece: Arc::downgrade(piece),
            live: self.live.clone(),
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.pieces.iter().map(|p| p.bytes()).sum::<usize>() + self.live.as_ref().map_or(0, |b| b.bytes())
    }
}
