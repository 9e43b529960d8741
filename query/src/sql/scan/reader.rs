//! The rows of a scan, one partition of it: window after window of the queue, a batch at a time, or the rows that the key index named.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::physical_plan::metrics::BaselineMetrics;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream;

use super::{LiveScan, Rows, Window};
use crate::live::{Column, Position};
use crate::sql::filter::{Filter, Selected, Verdicts, select};

/// The batches of one partition.
pub(super) fn stream(
    scan: LiveScan,
    metrics: BaselineMetrics,
    memory: Arc<dyn MemoryPool>,
) -> SendableRecordBatchStream {
    let schema = Arc::clone(&scan.schema);
    let reader = Reader {
        left: scan.limit.unwrap_or(usize::MAX),
        scan,
        at: None,
        metrics,
        memory,
    };
    let batches = stream::try_unfold(reader, |mut reader| async move {
        Ok(reader.next().await?.map(|batch| (batch, reader)))
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

impl LiveScan {
    /// The selected rows of a window, projected.
    fn project(
        &self,
        columns: &[Column],
        selected: Selected,
        numbers: &BTreeMap<usize, Vec<u32>>,
    ) -> Result<Option<RecordBatch>> {
        let mask = match selected {
            Selected::None => return Ok(None),
            Selected::All => None,
            Selected::These(mask) => Some(mask),
        };
        let rows = mask
            .as_ref()
            .map_or(columns.first().map_or(0, Column::len), BooleanArray::true_count);
        let array = |(i, at): (usize, &usize)| -> Result<ArrayRef> {
            let column = &columns[*at];
            if let Some(interner) = self.numbered.get(&i) {
                let known = numbers.get(&i).map_or(&[][..], Vec::as_slice);
                return Ok(column.numbered(mask.as_ref(), known, |text| interner.number(text))?);
            }
            Ok(match &mask {
                Some(mask) => column.expose_where(mask)?,
                None => column.expose()?,
            })
        };
        let arrays = self
            .projection
            .iter()
            .enumerate()
            .map(array)
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
    /// Numbers of the dictionary entries, for numbered columns that have a dictionary here.
    numbers: BTreeMap<usize, Vec<u32>>,
    at: u32,
}

struct Reader {
    scan: LiveScan,
    at: Option<Open>,
    left: usize,
    metrics: BaselineMetrics,
    memory: Arc<dyn MemoryPool>,
}

/// Rows a batch has at most: a batch and its decoded text stay in the second-level cache.
const BATCH: u32 = 8_192;

impl Reader {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.left == 0 {
                return Ok(None);
            }
            let step = {
                let timer = self.metrics.elapsed_compute().clone();
                let _timer = timer.timer();
                self.step()?
            };
            match step {
                Step::Done => return Ok(None),
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
                    return Ok(Some(batch));
                }
            }
        }
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
            let mut filters: Vec<Filter> = scan.filters.to_vec();
            let mut verdicts: Verdicts = filters
                .iter()
                .map(|f| f.verdicts(&window.piece.columns))
                .collect();
            for dynamic in scan.dynamic.iter() {
                for filter in dynamic.now(&scan.table.spec().schema)? {
                    if let Some(of_window) = filter.verdicts(&window.piece.columns) {
                        filters.push(filter);
                        verdicts.push(Some(of_window));
                    }
                }
            }
            if verdicts.iter().flatten().any(|entries| !entries.contains(&true)) {
                return Ok(Step::Nothing);
            }
            let numbers = scan.numbered.iter().filter_map(|(i, interner)| {
                let dictionary = window.piece.columns[scan.projection[*i]].dictionary()?;
                Some((*i, interner.translate(dictionary)))
            });
            let numbers = numbers.collect();
            self.at = Some(Open {
                window: window.clone(),
                filters,
                verdicts,
                numbers,
                at: window.from,
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
        } = &open.window;
        let take = BATCH.min(from + rows - open.at);
        let columns: Vec<Column> = piece
            .columns
            .iter()
            .map(|c| c.slice(open.at as usize, take as usize))
            .collect();
        let live = chunk.live_mask(piece.base + open.at, take);
        let selected = select(&columns, live, &open.filters, &open.verdicts)?;
        let batch = scan.project(&columns, selected, &open.numbers)?;
        for interner in scan.numbered.values() {
            interner.charge(&self.memory)?;
        }
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
        let batch = scan.project(&columns, selected, &BTreeMap::new())?;
        Ok(batch.map_or(Step::Nothing, Step::Batch))
    }
}

enum Step {
    Batch(RecordBatch),
    Nothing,
    Done,
}
