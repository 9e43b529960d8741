//! The rows of a scan, one partition of it: window after window of the queue, a batch at a time, or the rows that the key index named.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::physical_plan::metrics::BaselineMetrics;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream;

use super::{LiveScan, Rows, Window};
use crate::live::{Column, Inverted, Kept, Position};
use crate::sql::filter::{Filter, Selected, Verdicts, select, select_among};

/// The batches of one partition.
pub(super) fn stream(
    scan: LiveScan,
    metrics: BaselineMetrics,
    memory: Arc<dyn MemoryPool>,
) -> SendableRecordBatchStream {
    let schema = Arc::clone(&scan.schema);
    let reader = Reader {
        left: scan.limit.unwrap_or(usize::MAX),
        reads: scan.reads(),
        scan,
        at: None,
        few: Vec::new(),
        ended: false,
        stride: BATCH,
        budget: BUDGET,
        metrics,
        memory,
    };
    let batches = stream::try_unfold(reader, |mut reader| async move {
        Ok(reader.next().await?.map(|batch| (batch, reader)))
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

impl LiveScan {
    /// Of each column of the table whether it is looked at; a filter of which nothing is known yet may look at any.
    fn reads(&self) -> Vec<bool> {
        let mut reads = vec![!self.dynamic.is_empty(); self.table.spec().schema.fields().len()];
        let looked = self.filters.iter().flat_map(|filter| filter.reads());
        for at in looked.chain(self.projection.iter()) {
            reads[*at] = true;
        }
        reads
    }

    /// Counts what is numbered against the memory of the query.
    fn charge(&self, memory: &Arc<dyn MemoryPool>) -> Result<()> {
        let mut numbered = self.numbered.values();
        numbered.try_for_each(|interner| interner.charge(memory))
    }

    /// The selected rows of a window, projected.
    fn project(
        &self,
        columns: &[Column],
        selected: Selected,
        numbers: &mut BTreeMap<usize, Vec<u32>>,
    ) -> Result<Option<RecordBatch>> {
        let kept = match &selected {
            Selected::None => return Ok(None),
            Selected::All => Kept::All,
            Selected::These(kept) => Kept::Where(kept),
            Selected::Rows(rows) => Kept::At(rows),
        };
        let rows = kept.count(columns.first().map_or(0, Column::len));
        let mut array = |(i, at): (usize, &usize)| -> Result<ArrayRef> {
            let column = &columns[*at];
            if let Some(interner) = self.numbered.get(&i) {
                let known = numbers.entry(i).or_insert_with(|| column.unmet());
                return Ok(column.numbered(kept, known, interner.as_ref())?);
            }
            Ok(column.expose(kept)?)
        };
        let arrays = self
            .projection
            .iter()
            .enumerate()
            .map(&mut array)
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(Some(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            arrays,
            &options,
        )?))
    }
}

struct Open {
    window: Window,
    /// The filters of the query, and those that it brought by the time the window was opened.
    filters: Vec<Filter>,
    verdicts: Verdicts,
    /// Numbers of the dictionary entries that were met in this piece, by numbered column.
    numbers: BTreeMap<usize, Vec<u32>>,
    at: u32,
    /// Rows of the piece among which all that is sought lies, where words tell, and how many of them were read.
    among: Option<(Vec<u32>, usize)>,
}

struct Reader {
    scan: LiveScan,
    /// Columns that are looked at at all.
    reads: Vec<bool>,
    at: Option<Open>,
    /// Batches of few rows each, to be given as one: whoever takes them pays for each batch.
    few: Vec<RecordBatch>,
    ended: bool,
    /// Rows that may still be read.
    left: usize,
    /// Rows that are looked at at once, by what came of those before: many where few of them pass.
    stride: u32,
    /// Columns of pieces whose rows may still be sorted by word for this.
    budget: usize,
    metrics: BaselineMetrics,
    memory: Arc<dyn MemoryPool>,
}

/// Rows a batch has at most: a batch and its decoded text stay in the second-level cache.
const BATCH: u32 = 8_192;
/// Batches of fewer rows wait for others, until they are so many together.
const ENOUGH: usize = 2_048;
/// Rows that are looked at at once where hardly any pass: the bits of so many are a few kilobytes.
const STRIDE: u32 = 65_536;
/// Columns of pieces whose rows a partition sorts by word at one time: some milliseconds.
const BUDGET: usize = 12;
/// Part of the rows up to which they are sought by word. Beyond it all are looked at, which takes less for each.
const PART: usize = 32;

impl Reader {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.left == 0 || self.ended {
                return self.together();
            }
            let step = {
                let timer = self.metrics.elapsed_compute().clone();
                let _timer = timer.timer();
                self.step()?
            };
            match step {
                Step::Done => self.ended = true,
                // Nothing passed: without this a long scan that finds nothing could not be cancelled.
                Step::Nothing => tokio::task::yield_now().await,
                Step::Batch(batch) => {
                    let batch = if batch.num_rows() > self.left {
                        batch.slice(0, self.left)
                    } else {
                        batch
                    };
                    self.left -= batch.num_rows();
                    self.metrics.record_output(batch.num_rows());
                    let waiting: usize = self.few.iter().map(RecordBatch::num_rows).sum();
                    if self.few.is_empty() && batch.num_rows() >= ENOUGH {
                        return Ok(Some(batch));
                    }
                    let enough = waiting + batch.num_rows() >= ENOUGH;
                    self.few.push(batch);
                    if enough {
                        return self.together();
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// The batches that wait, as one.
    fn together(&mut self) -> Result<Option<RecordBatch>> {
        let few = std::mem::take(&mut self.few);
        Ok(match few.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            many => Some(concat_batches(&self.scan.schema, many)?),
        })
    }

    fn step(&mut self) -> Result<Step> {
        let scan = &self.scan;
        let windows = match &scan.rows {
            Rows::Windows(windows) => windows,
            Rows::Found(found) => return self.by_key(&Arc::clone(found)),
        };
        if self.at.is_none() {
            let Some(window) = windows.get(scan.next.fetch_add(1, Ordering::Relaxed)) else {
                return Ok(Step::Done);
            };
            let unsure = scan.filters.iter().enumerate();
            let unsure = unsure.filter(|(at, _)| !window.is_sure_of(*at));
            let mut filters: Vec<Filter> = unsure.map(|(_, filter)| filter.clone()).collect();
            let among = among(window, &mut filters, &mut self.budget);
            if among.as_ref().is_some_and(Vec::is_empty) {
                return Ok(Step::Nothing);
            }
            let mut dynamic = Vec::new();
            for of in scan.dynamic.iter() {
                dynamic.extend(of.now(&scan.table.spec().schema)?);
            }
            let mut verdicts = Verdicts::new();
            if among.is_some() {
                filters.extend(dynamic);
            } else {
                let columns = &window.piece.columns;
                verdicts.extend(filters.iter().map(|filter| filter.verdicts(columns)));
                for filter in dynamic {
                    if let Some(of_window) = filter.verdicts(columns) {
                        filters.push(filter);
                        verdicts.push(Some(of_window));
                    }
                }
                if verdicts.iter().flatten().any(|entries| !entries.contains(&true)) {
                    return Ok(Step::Nothing);
                }
            }
            self.at = Some(Open {
                window: window.clone(),
                filters,
                verdicts,
                numbers: BTreeMap::new(),
                at: window.from,
                among: among.map(|rows| (rows, 0)),
            });
        }
        let Some(open) = self.at.as_mut() else {
            return Ok(Step::Done);
        };
        let Window {
            chunk,
            piece,
            from,
            rows,
            sure: _,
        } = &open.window;
        if let Some((among, read)) = &mut open.among {
            let until = among.len().min(*read + BATCH as usize);
            let rows = UInt32Array::from(among[*read..until].to_vec());
            *read = until;
            let ended = until == among.len();
            let selected = select_among(&piece.columns, rows, &open.filters)?;
            let batch = scan.project(&piece.columns, selected, &mut open.numbers)?;
            scan.charge(&self.memory)?;
            if ended {
                self.at = None;
            }
            return Ok(batch.map_or(Step::Nothing, Step::Batch));
        }
        let take = self.stride.min(from + rows - open.at);
        let columns = piece.columns.iter().zip(&self.reads).map(|(column, read)| {
            if *read {
                column.slice(open.at as usize, take as usize)
            } else {
                Column::Null(DataType::Null, take as usize)
            }
        });
        let columns: Vec<Column> = columns.collect();
        let live = chunk.live_mask(piece.base + open.at, take);
        let selected = select(&columns, live, &open.filters, &open.verdicts)?;
        let batch = scan.project(&columns, selected, &mut open.numbers)?;
        let passed = batch.as_ref().map_or(0, RecordBatch::num_rows) as u64;
        // So many that half a batch would pass, were the next as these.
        let next = u64::from(take) * u64::from(BATCH / 2) / (passed + 1);
        self.stride = next.clamp(u64::from(BATCH), u64::from(STRIDE)) as u32;
        scan.charge(&self.memory)?;
        open.at += take;
        if open.at == from + rows {
            self.at = None;
        }
        Ok(batch.map_or(Step::Nothing, Step::Batch))
    }

    fn by_key(&mut self, found: &[Position]) -> Result<Step> {
        let scan = &self.scan;
        let from = scan.next.load(Ordering::Relaxed);
        let Some(first) = found.get(from) else {
            return Ok(Step::Done);
        };
        let Some((piece, row)) = scan.table.locate(*first) else {
            scan.next.store(from + 1, Ordering::Relaxed);
            return Ok(Step::Nothing);
        };
        // Positions are sorted, so those of one piece are neighbours.
        let mut rows = vec![row as u32];
        for position in &found[from + 1..] {
            match scan.table.locate(*position) {
                Some((other, row)) if Arc::ptr_eq(other, piece) => rows.push(row as u32),
                _ => break,
            }
        }
        scan.next.store(from + rows.len(), Ordering::Relaxed);
        let rows = UInt32Array::from(rows);
        let columns = piece
            .columns
            .iter()
            .map(|c| c.pick(&rows))
            .collect::<Result<Vec<_>, _>>()?;
        let verdicts = vec![None; scan.filters.len()];
        let selected = select(&columns, None, &scan.filters, &verdicts)?;
        let batch = scan.project(&columns, selected, &mut BTreeMap::new())?;
        Ok(batch.map_or(Step::Nothing, Step::Batch))
    }
}

/// The living rows of a window that a filter by words leaves, where they are known and few. That filter is taken out then.
fn among(window: &Window, filters: &mut Vec<Filter>, budget: &mut usize) -> Option<Vec<u32>> {
    let piece = &window.piece;
    let mut fewest: Option<(usize, usize, &Inverted)> = None;
    for (at, filter) in filters.iter().enumerate() {
        let Some((column, words)) = filter.words() else {
            continue;
        };
        let Some(inverted) = piece.inverted(column, budget) else {
            continue;
        };
        let count = inverted.count(words);
        if fewest.is_none_or(|(_, least, _)| count < least) {
            fewest = Some((at, count, inverted));
        }
    }
    let (at, _, inverted) = fewest.filter(|(_, count, _)| count * PART <= piece.rows as usize)?;
    let filter = filters.remove(at);
    let mut rows = inverted.rows(filter.words()?.1);
    let within = window.from..window.from + window.rows;
    rows.retain(|row| within.contains(row) && window.chunk.is_live(piece.base + row));
    Some(rows)
}

enum Step {
    Batch(RecordBatch),
    Nothing,
    Done,
}
