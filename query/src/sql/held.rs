//! What windows hold, counted against the memory of the query.
//!
//! DataFusion counts nothing of it. A frame that ends with its partition needs all rows before it gives the first, and an aggregate that
//! gathers puts as many values into each row as there are before it. Windows that look a little way around each row hold little and are
//! left alone.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch};
use arrow::compute::SortColumn;
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::utils::evaluate_partition_ranges;
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, WindowExpr};
use futures::{StreamExt, TryStreamExt, stream};

use super::made;
use super::sizes;

/// Rows around each that a window may look at without being counted.
const NEAR: u64 = 100_000;
/// Aggregates that keep a number or a value, however many rows they have seen.
const FLAT: [&str; 24] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "first_value",
    "last_value",
    "nth_value",
    "bool_and",
    "bool_or",
    "bit_and",
    "bit_or",
    "bit_xor",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "var",
    "var_pop",
    "var_samp",
    "corr",
    "covar_pop",
    "covar_samp",
    "grouping",
    "regr_slope",
];
/// Bytes that the value of a window takes in a row, and what the row itself adds.
const VALUE: u64 = 24;

/// The rule.
#[derive(Debug)]
pub(crate) struct Held;

impl PhysicalOptimizerRule for Held {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(needs) = Needs::of(&node) else {
                return Ok(Transformed::no(node));
            };
            let account = Arc::new(Account::default());
            let part = |input: &Arc<dyn ExecutionPlan>, needs| -> Arc<dyn ExecutionPlan> {
                Arc::new(Counted {
                    input: Arc::clone(input),
                    account: Arc::clone(&account),
                    needs,
                })
            };
            let rows = node
                .children()
                .into_iter()
                .map(|input| part(input, Some(Arc::clone(&needs))));
            let again = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            let window = Arc::clone(&node).replace_children(rows.collect(), again)?;
            Ok(Transformed::yes(part(&window, None)))
        })
        .data()
    }

    fn name(&self) -> &str {
        "held"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What a window node needs memory for.
#[derive(Debug)]
struct Needs {
    /// Whether the node keeps its rows.
    keeps: bool,
    windows: Vec<Arc<dyn WindowExpr>>,
}

impl Needs {
    fn of(node: &Arc<dyn ExecutionPlan>) -> Option<Arc<Needs>> {
        let windows = made::windows(node);
        let keeps = node.is::<WindowAggExec>() || windows.iter().any(|window| !is_flat(window.as_ref()));
        let open = windows.iter().any(|window| is_open(window.as_ref()));
        let needs = !windows.is_empty() && (keeps || open);
        needs.then(|| {
            let windows = windows.to_vec();
            Arc::new(Needs { keeps, windows })
        })
    }
}

fn is_open(window: &dyn WindowExpr) -> bool {
    window
        .field()
        .map_or(true, |field| sizes::is_open(field.data_type()))
}

/// Whether a window that gives its values as rows come holds next to nothing.
fn is_flat(window: &dyn WindowExpr) -> bool {
    let flat = match made::aggregate(window) {
        Some(aggregate) => !aggregate.is_distinct() && FLAT.contains(&aggregate.fun().name()),
        None => true,
    };
    let frame = window.get_window_frame();
    flat && (frame.start_bound.is_unbounded() || reach(frame).is_some_and(|rows| rows <= NEAR))
}

/// Rows of a frame, where it is so many of them.
fn reach(frame: &WindowFrame) -> Option<u64> {
    let rows = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => Some(0),
        WindowFrameBound::Preceding(rows) | WindowFrameBound::Following(rows) => match rows {
            ScalarValue::UInt64(rows) => *rows,
            _ => None,
        },
    };
    if frame.units != WindowFrameUnits::Rows {
        return None;
    }
    let (before, after) = (rows(&frame.start_bound)?, rows(&frame.end_bound)?);
    Some(before.saturating_add(after).saturating_add(1))
}

/// The reservation of a window node while it runs. All its partitions share it.
#[derive(Debug, Default)]
struct Account(Mutex<Weak<MemoryReservation>>);

impl Account {
    fn open(&self, context: &TaskContext) -> Arc<MemoryReservation> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.upgrade().unwrap_or_else(|| {
            let new = Arc::new(MemoryConsumer::new("windows").register(context.memory_pool()));
            *open = Arc::downgrade(&new);
            new
        })
    }
}

/// Above a window node: keeps the account as long as the node gives rows, and cuts what it gives to the usual number of them. Below it:
/// counts the rows that go in.
struct Counted {
    input: Arc<dyn ExecutionPlan>,
    account: Arc<Account>,
    needs: Option<Arc<Needs>>,
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted")
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for Counted {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ExecutionPlan for Counted {
    fn name(&self) -> &str {
        if self.needs.is_some() { "Counted" } else { "Held" }
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Counted {
            input,
            account: Arc::clone(&self.account),
            needs: self.needs.clone(),
        }))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let most = context.session_config().batch_size();
        let account = self.account.open(&context);
        let input = self.input.execute(partition, context)?;
        let Some(needs) = self.needs.clone() else {
            let rows = input
                .map_ok(move |batch| {
                    // Moved in, so that it is given back when the last row has been taken.
                    let _account = &account;
                    stream::iter(cut(&batch, most).into_iter().map(Ok))
                })
                .try_flatten();
            return Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)));
        };
        let mut count = Count::new(needs, most);
        let rows = input.map(move |batch| {
            let batch = batch?;
            account.try_grow(count.more(&batch)?)?;
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

fn cut(batch: &RecordBatch, most: usize) -> Vec<RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(most.max(1));
    starts
        .map(|from| batch.slice(from, most.min(batch.num_rows() - from)))
        .collect()
}

/// Bytes that the rows of one partition of the plan need, from batch to batch.
struct Count {
    needs: Arc<Needs>,
    batch_rows: u64,
    counted: u64,
    rows: u64,
    kept: u64,
    buffers: HashSet<usize>,
    results: Vec<Results>,
}

/// What one window has given so far, where its values can be of any length.
#[derive(Default)]
struct Results {
    widest: u64,
    /// Of a window that gathers: bytes of its finished partitions, and rows and bytes of the one that has begun.
    finished: u64,
    rows: u64,
    bytes: u64,
    key: Vec<ScalarValue>,
}

impl Count {
    fn new(needs: Arc<Needs>, batch_rows: usize) -> Count {
        let results = needs.windows.iter().map(|_| Results::default()).collect();
        Count {
            needs,
            batch_rows: batch_rows as u64,
            counted: 0,
            rows: 0,
            kept: 0,
            buffers: HashSet::new(),
            results,
        }
    }

    /// Bytes by which the need has grown with this batch.
    fn more(&mut self, batch: &RecordBatch) -> Result<usize> {
        self.rows += batch.num_rows() as u64;
        let needs = Arc::clone(&self.needs);
        if needs.keeps {
            for column in batch.columns() {
                self.kept += unseen(&column.to_data(), &mut self.buffers);
            }
        }
        // Those that hold their rows give all values at once, the others batch by batch.
        let at_once = if needs.keeps {
            self.rows
        } else {
            self.rows.min(2 * self.batch_rows)
        };
        let mut need = self.kept + at_once * VALUE * (needs.windows.len() as u64);
        for (window, results) in needs.windows.iter().zip(&mut self.results) {
            let window = window.as_ref();
            if !is_open(window) {
                continue;
            }
            let wide = results.widen(window, batch)?;
            need = need.saturating_add(if made::gathered(window).is_some() {
                results.gather(window, batch, &wide)?
            } else {
                at_once.saturating_mul(results.widest)
            });
        }
        let more = need.saturating_sub(self.counted);
        self.counted += more;
        Ok(usize::try_from(more).unwrap_or(usize::MAX))
    }
}

impl Results {
    /// The arguments, which tell how wide a value gets.
    fn widen(&mut self, window: &dyn WindowExpr, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let arguments = window.evaluate_args(batch)?;
        let wide = arguments.iter().map(sizes::widest).sum();
        self.widest = self.widest.max(wide);
        Ok(arguments)
    }

    /// Bytes of all values, each of which holds those of its frame.
    fn gather(
        &mut self,
        window: &dyn WindowExpr,
        batch: &RecordBatch,
        arguments: &[ArrayRef],
    ) -> Result<u64> {
        let by = window.partition_by().iter();
        let by = by.map(|expr| expr.evaluate(batch)?.into_array(batch.num_rows()));
        let by = by.collect::<Result<Vec<_>>>()?;
        let columns: Vec<SortColumn> = by
            .iter()
            .map(|values| SortColumn {
                values: Arc::clone(values),
                options: None,
            })
            .collect();
        let reach = reach(window.get_window_frame()).unwrap_or(u64::MAX);
        for range in evaluate_partition_ranges(batch.num_rows(), &columns)? {
            let key = by
                .iter()
                .map(|values| ScalarValue::try_from_array(values, range.start));
            let key = key.collect::<Result<Vec<_>>>()?;
            if key != self.key {
                self.finished = self.finished.saturating_add(self.begun(reach));
                (self.rows, self.bytes, self.key) = (0, 0, key);
            }
            let rows = range.len() as u64;
            let bytes = arguments
                .iter()
                .map(|values| sizes::size(&values.slice(range.start, range.len())));
            self.bytes += bytes.sum::<u64>() + rows * VALUE;
            self.rows += rows;
        }
        Ok(self.finished.saturating_add(self.begun(reach)))
    }

    fn begun(&self, reach: u64) -> u64 {
        let each = self.bytes.min(reach.saturating_mul(self.widest + VALUE));
        // Once value by value, once in one array.
        self.rows.saturating_mul(each).saturating_mul(2)
    }
}

/// Bytes of the buffers that have not been seen, twice where they are joined into one before the window is computed.
fn unseen(data: &ArrayData, seen: &mut HashSet<usize>) -> u64 {
    let shared = match data.data_type() {
        DataType::Utf8View | DataType::BinaryView => 1,
        _ => usize::MAX,
    };
    let own = data.buffers().iter().enumerate().map(|(i, buffer)| {
        let times = if i < shared { 2 } else { 1 };
        (
            buffer.data_ptr().as_ptr() as usize,
            times * buffer.capacity() as u64,
        )
    });
    let nulls = data.nulls().map(|nulls| {
        let buffer = nulls.buffer();
        (buffer.data_ptr().as_ptr() as usize, 2 * buffer.capacity() as u64)
    });
    let new = own
        .chain(nulls)
        .filter(|(at, _)| seen.insert(*at))
        .map(|(_, bytes)| bytes);
    let new: u64 = new.sum();
    new + data
        .child_data()
        .iter()
        .map(|child| unseen(child, seen))
        .sum::<u64>()
}
