//! The plan node that reads one table of one snapshot: which rows, which columns, in which form. How they are read is in `reader.rs`.
//!
//! Its partitions take windows from one queue, so that none waits for a slower one. It never reads anything but the snapshot it was planned with.

mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};

use super::coded::Interner;
use super::dynamic::Dynamic;
use super::filter::Filter;
use super::prune;
use crate::live::{Chunk, Piece, Position, Standing, TableSnapshot};

/// Rows taken from the queue at once: enough to make the queue cheap, few enough to share a small table. Of a table of many pieces a piece, whose dictionaries are then asked
/// once.
const WINDOW: u32 = 32_768;
const MANY_PIECES: usize = 32;

#[derive(Debug, Clone)]
struct Window {
    chunk: Arc<Chunk>,
    piece: Arc<Piece>,
    from: u32,
    rows: u32,
    /// Filters that every row of the piece passes, a bit each.
    sure: u64,
}

impl Window {
    /// Whether the filter at this place need not be asked here.
    fn is_sure_of(&self, filter: usize) -> bool {
        self.sure.checked_shr(filter as u32).unwrap_or(0) & 1 == 1
    }
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
    dynamic: Arc<Vec<Dynamic>>,
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
            dynamic: Arc::default(),
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
    let mut sure = vec![0_u64; pieces.len()];
    for (at, filter) in filters.iter().take(u64::BITS as usize).enumerate() {
        let of = prune::sure(filter, &table.spec().schema, &pieces);
        for (sure, of) in sure.iter_mut().zip(of) {
            *sure |= u64::from(of) << at;
        }
    }
    let window = if pieces.len() < MANY_PIECES {
        WINDOW
    } else {
        u32::MAX
    };
    let mut windows = Vec::new();
    let mut count = 0;
    for (i, (chunk, piece)) in of.into_iter().zip(&pieces).enumerate().filter(|(i, _)| kept(*i)) {
        count += 1;
        for from in (0..piece.rows).step_by(window as usize) {
            let rows = window.min(piece.rows - from);
            windows.push(Window {
                chunk: Arc::clone(chunk),
                piece: Arc::clone(piece),
                from,
                rows,
                sure: sure[i],
            });
        }
    }
    (windows, count)
}

/// The windows of one chunk.
#[derive(Debug, Clone)]
pub(crate) struct OfChunk {
    /// Its rows, when it is sealed.
    pub(crate) standing: Option<Standing>,
    pub(crate) rows: usize,
    windows: Range<usize>,
}

impl LiveScan {
    /// The name of the table, when nothing but its rows decides what the scan gives.
    pub(crate) fn plain(&self) -> Option<&str> {
        let plain = matches!(self.rows, Rows::Windows(_))
            && self.dynamic.is_empty()
            && self.numbered.is_empty()
            && self.limit.is_none();
        plain.then(|| &*self.table.spec().name)
    }

    /// Whether a filter is asked of dictionaries: few rows of each chunk are left then.
    pub(crate) fn asks_dictionaries(&self) -> bool {
        self.filters.iter().any(Filter::is_by_dictionary)
    }

    /// Whether few rows are read.
    pub(crate) fn is_short(&self) -> bool {
        match &self.rows {
            Rows::Found(_) => true,
            Rows::Windows(windows) => {
                windows.iter().map(|window| u64::from(window.rows)).sum::<u64>() <= u64::from(WINDOW)
            }
        }
    }

    /// How many sealed chunks are read.
    pub(crate) fn sealed_chunks(&self) -> usize {
        let Rows::Windows(windows) = &self.rows else {
            return 0;
        };
        let of = windows.chunk_by(|a, b| Arc::ptr_eq(&a.chunk, &b.chunk));
        of.filter(|of| of[0].chunk.sealed).count()
    }

    /// What is read, chunk by chunk.
    pub(crate) fn by_chunk(&self) -> Vec<OfChunk> {
        let Rows::Windows(windows) = &self.rows else {
            return Vec::new();
        };
        let mut from = 0;
        let of = windows.chunk_by(|a, b| Arc::ptr_eq(&a.chunk, &b.chunk));
        of.map(|of| {
            let windows = from..from + of.len();
            from = windows.end;
            OfChunk {
                standing: of[0].chunk.standing(),
                rows: of.iter().map(|window| window.rows as usize).sum(),
                windows,
            }
        })
        .collect()
    }

    /// The same scan of some chunks alone, in one partition.
    pub(crate) fn part(&self, chunks: &[OfChunk]) -> LiveScan {
        let mut scan = self.clone();
        if let Rows::Windows(windows) = &self.rows {
            let of = chunks
                .iter()
                .flat_map(|chunk| windows[chunk.windows.clone()].iter().cloned());
            scan.rows = Rows::Windows(Arc::new(of.collect()));
        }
        scan.properties = properties(&self.schema, 1);
        scan.next = Arc::default();
        scan.metrics = ExecutionPlanMetricsSet::new();
        scan
    }
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
        if !self.dynamic.is_empty() {
            let filters: Vec<String> = self.dynamic.iter().map(|f| f.expr().to_string()).collect();
            write!(f, ", dynamic=[{}]", filters.join(", "))?;
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
        let dynamic = self.dynamic.iter().map(Dynamic::expr);
        for filter in self.filters.iter().map(|filter| &filter.whole).chain(dynamic) {
            if f(filter)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        asked: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let mut scan = self.clone();
        if phase == FilterPushdownPhase::Post && matches!(self.rows, Rows::Windows(_)) {
            let table = &self.table.spec().schema;
            let known = asked.parent_filters.iter();
            let found = known.filter_map(|one| Dynamic::of(&one.filter, &self.projection, table).transpose());
            scan.dynamic = Arc::new(
                self.dynamic
                    .iter()
                    .cloned()
                    .map(Ok)
                    .chain(found)
                    .collect::<Result<_>>()?,
            );
            scan.next = Arc::default();
        }
        let changed = scan.dynamic.len() > self.dynamic.len();
        Ok(FilterPushdownPropagation {
            // A hint to the scan alone: whoever asks goes on filtering.
            filters: vec![PushedDown::No; asked.parent_filters.len()],
            updated_node: changed.then(|| Arc::new(scan) as _),
        })
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        Ok(reader::stream(
            self.clone(),
            metrics,
            Arc::clone(context.memory_pool()),
        ))
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
