//! The plan node that reads one table of one snapshot, window by window.
//!
//! Its partitions take windows from one queue, so that none waits for a slower one. It never reads anything but the snapshot it was planned with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::stream;

use super::coded::Interner;
use super::filter::{Filter, Selected, Verdicts, select};
use super::prune;
use crate::live::{Chunk, Column, Piece, Position, TableSnapshot};

/// Rows taken from the queue at once: enough to make the queue cheap, few enough to share a small table.
const WINDOW: u32 = 32_768;

#[derive(Debug, Clone)]
struct Window {
    chunk: Arc<Chunk>,
    piece: Arc<Piece>,
    from: u32,
    rows: u32,
}

#[derive(Debug, Clone)]
enum Rows {
    /// Rows found by the key index.
    Found(Arc<Vec<Position>>),
    Windows(Arc<Vec<Window>>),
}

/// Reads a table of a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct LiveScan {
    table: Arc<TableSnapshot>,
    rows: Rows,
    pieces: usize,
    projection: Arc<Vec<usize>>,
    schema: SchemaRef,
    filters: Arc<Vec<Filter>>,
    /// Columns (by place in the projection) given as numbers instead of text.
    numbered: Arc<BTreeMap<usize, Arc<Interner>>>,
    limit: Option<usize>,
    properties: Arc<PlanProperties>,
    next: Arc<AtomicUsize>,
    metrics: ExecutionPlanMetricsSet,
}

impl LiveScan {
    /// Plans a scan. `found` holds the rows the key index named, if the filters name keys.
    pub(crate) fn new(
        table: Arc<TableSnapshot>,
        found: Option<Vec<Position>>,
        projection: Vec<usize>,
        mut filters: Vec<Filter>,
        limit: Option<usize>,
        partitions: usize,
    ) -> Result<LiveScan> {
        let schema = Arc::new(table.spec().schema.project(&projection)?);
        filters.sort_by_key(Filter::cost);
        let (rows, pieces) = match found {
            Some(found) => (Rows::Found(Arc::new(found)), 0),
            None => {
                let (windows, pieces) = windows(&table, &filters);
                (Rows::Windows(Arc::new(windows)), pieces)
            }
        };
        let partitions = match &rows {
            Rows::Found(_) => 1,
            Rows::Windows(windows) => partitions.min(windows.len()).max(1),
        };
        Ok(LiveScan {
            table,
            rows,
            pieces,
            projection: Arc::new(projection),
            properties: properties(&schema, partitions),
            schema,
            filters: Arc::new(filters),
            numbered: Arc::default(),
            limit,
            next: Arc::default(),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

/// A column is worth numbering when a dictionary entry stands for at least this many rows.
const ROWS_PER_ENTRY: usize = 8;

impl LiveScan {
    /// Whether most rows of a column of the projection are stored as codes into small dictionaries.
    pub(crate) fn is_coded(&self, column: usize) -> bool {
        let (Rows::Windows(windows), Some(at)) = (&self.rows, self.projection.get(column)) else {
            return false;
        };
        if *self.schema.field(column).data_type() != DataType::Utf8View {
            return false;
        }
        let (mut rows, mut plain, mut entries) = (0, 0, 0);
        for window in windows.iter() {
            let stored = &window.piece.columns[*at];
            rows += window.rows as usize;
            plain += if stored.is_coded() {
                0
            } else {
                window.rows as usize
            };
            // A dictionary belongs to a piece, of which a window may be a part.
            entries += if window.from == 0 {
                stored.dictionary().map_or(0, |d| d.len())
            } else {
                0
            };
        }
        plain * 5 <= rows && entries * ROWS_PER_ENTRY <= rows
    }

    /// The same scan with these columns (by place in the projection) as numbers, and what the numbers mean.
    pub(crate) fn with_codes(
        &self,
        columns: &BTreeSet<usize>,
    ) -> Result<(LiveScan, BTreeMap<usize, Arc<Interner>>)> {
        let numbered: BTreeMap<usize, Arc<Interner>> = columns.iter().map(|c| (*c, Arc::default())).collect();
        let fields: Vec<Field> = self
            .schema
            .fields()
            .iter()
            .enumerate()
            .map(|(i, f)| {
                if numbered.contains_key(&i) {
                    Field::new(f.name(), DataType::UInt32, f.is_nullable())
                } else {
                    f.as_ref().clone()
                }
            })
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let mut scan = self.clone();
        scan.properties = properties(&schema, self.properties.partitioning.partition_count());
        scan.schema = schema;
        scan.numbered = Arc::new(numbered.clone());
        scan.next = Arc::default();
        Ok((scan, numbered))
    }

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

fn properties(schema: &SchemaRef, partitions: usize) -> Arc<PlanProperties> {
    Arc::new(PlanProperties::new(
        EquivalenceProperties::new(Arc::clone(schema)),
        Partitioning::UnknownPartitioning(partitions),
        EmissionType::Incremental,
        Boundedness::Bounded,
    ))
}

/// The windows a scan has to look at, and how many pieces they lie in.
fn windows(table: &TableSnapshot, filters: &[Filter]) -> (Vec<Window>, usize) {
    let mut of = Vec::new();
    let mut pieces = Vec::new();
    for chunk in table.chunks().filter(|c| c.live_rows > 0) {
        for piece in &chunk.pieces {
            of.push(chunk);
            pieces.push(Arc::clone(piece));
        }
    }
    let keep = prune::keep(filters, &table.spec().schema, &pieces);
    let kept = |i: usize| keep.as_ref().is_none_or(|k| k[i]);
    let mut windows = Vec::new();
    let mut count = 0;
    for (_, (chunk, piece)) in of.into_iter().zip(&pieces).enumerate().filter(|(i, _)| kept(*i)) {
        count += 1;
        for from in (0..piece.rows).step_by(WINDOW as usize) {
            let rows = WINDOW.min(piece.rows - from);
            windows.push(Window {
                chunk: Arc::clone(chunk),
                piece: Arc::clone(piece),
                from,
                rows,
            });
        }
    }
    (windows, count)
}

impl DisplayAs for LiveScan {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveScan: table={}", self.table.spec().name)?;
        match &self.rows {
            Rows::Found(found) => write!(f, ", by_key={}", found.len())?,
            Rows::Windows(_) => write!(f, ", pieces={}", self.pieces)?,
        }
        let names: Vec<&str> = self.schema.fields().iter().map(|f| f.name().as_str()).collect();
        write!(f, ", columns=[{}]", names.join(", "))?;
        if !self.filters.is_empty() {
            let filters: Vec<String> = self.filters.iter().map(|f| f.whole.to_string()).collect();
            write!(f, ", filters=[{}]", filters.join(", "))?;
        }
        if !self.numbered.is_empty() {
            let names: Vec<&str> = self
                .numbered
                .keys()
                .map(|i| self.schema.field(*i).name().as_str())
                .collect();
            write!(f, ", numbered=[{}]", names.join(", "))?;
        }
        match self.limit {
            Some(limit) => write!(f, ", limit={limit}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for LiveScan {
    fn name(&self) -> &str {
        "LiveScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let mut again = Arc::unwrap_or_clone(self);
        again.next = Arc::default();
        Ok(Arc::new(again))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for filter in self.filters.iter() {
            if f(&filter.whole)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let reader = Reader {
            scan: self.clone(),
            at: None,
            left: self.limit.unwrap_or(usize::MAX),
            metrics,
        };
        let stream = stream::try_unfold(reader, |mut reader| async move {
            Ok(reader.next().await?.map(|batch| (batch, reader)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            stream,
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        let rows = match &self.rows {
            Rows::Found(found) => found.len(),
            Rows::Windows(_) => self.table.rows(),
        };
        let exact = self.filters.is_empty() && self.limit.is_none() && args.partition().is_none();
        statistics.num_rows = if exact {
            Precision::Exact(rows)
        } else {
            // A fifth a filter, as the planner itself assumes of filters it knows nothing about.
            let share = match &self.rows {
                Rows::Found(_) => rows,
                Rows::Windows(_) => rows / 5_usize.pow(self.filters.len().min(4) as u32),
            };
            let share = match args.partition() {
                Some(_) => share / self.properties.partitioning.partition_count(),
                None => share,
            };
            Precision::Inexact(share.max(1).min(self.limit.unwrap_or(usize::MAX)))
        };
        Ok(Arc::new(statistics))
    }

    fn fetch(&self) -> Option<usize> {
        self.limit
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let mut limited = self.clone();
        limited.limit = limit;
        limited.next = Arc::default();
        Some(Arc::new(limited))
    }
}

struct Open {
    window: Window,
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
            let verdicts = scan
                .filters
                .iter()
                .map(|f| f.verdicts(&window.piece.columns))
                .collect();
            let numbers = scan.numbered.iter().filter_map(|(i, interner)| {
                let dictionary = window.piece.columns[scan.projection[*i]].dictionary()?;
                Some((*i, interner.translate(dictionary)))
            });
            let numbers = numbers.collect();
            self.at = Some(Open {
                window: window.clone(),
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
        let selected = select(&columns, live, &scan.filters, &open.verdicts)?;
        let batch = scan.project(&columns, selected, &open.numbers)?;
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
