//! How many rows a plan handles at once, and how large a row may be where rows multiply.
//!
//! The memory pool counts what operators keep, not the batch in their hands. That batch is small while its values are: a join that puts a
//! list of a million names beside each of eight thousand rows writes the list out eight thousand times, in one piece and before anyone
//! counts it. So batches of every source are cut to the usual number of rows; where a plan multiplies what it has itself made, it goes
//! through it in fewer rows at once, and a row too large for that is refused.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{
    CardinalityEffect, ChildrenPropertiesMode, ReplaceChildrenOptions,
};
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;
use datafusion::physical_plan::statistics::StatisticsContext;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, StatisticsArgs,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::made;
use super::scan::LiveScan;
use super::sizes;

/// Rows at once where a plan multiplies rows that it has made.
const FEW: usize = 256;
/// Bytes of a row that may be multiplied, so that a batch of few rows stays in bounds.
const ROW: u64 = 512 << 10;
/// Bytes that the elements of one list may take with the rest of its row beside each.
const UNNESTED: u64 = 64 << 20;

/// The rule.
#[derive(Debug)]
pub(crate) struct Portions;

impl PhysicalOptimizerRule for Portions {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let checked = plan.transform_up(|node| {
            let children = node.children().into_iter().cloned().collect::<Vec<_>>();
            let checks = checks(&node, &children);
            if checks.iter().all(|check| *check == Check::Nothing) {
                return Ok(Transformed::no(node));
            }
            let checked = children
                .into_iter()
                .zip(checks)
                .map(|(child, check)| match check {
                    Check::Nothing => child,
                    check => Portioned::over(child, check),
                });
            let again = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            node.replace_children(checked.collect(), again)
                .map(Transformed::yes)
        });
        let plan = checked.data()?;
        let few = rows_at_once(&plan).is_some();
        plan.transform_up(|node| {
            // The live tables cut their batches to the usual number of rows themselves.
            let cuts = if node.is::<LiveScan>() {
                few
            } else {
                is_source(node.as_ref())
            };
            Ok(if cuts {
                Transformed::yes(Portioned::over(node, Check::Nothing))
            } else {
                Transformed::no(node)
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "portions"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// How many rows a plan should go through at once, if it is not the usual number: few where it multiplies rows that it has made, or
/// writes a long constant into each.
pub(crate) fn rows_at_once(plan: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    let checks = |node: &Arc<dyn ExecutionPlan>| {
        let portions = node.downcast_ref::<Portioned>();
        Ok(portions.is_some_and(|portions| portions.check != Check::Nothing))
    };
    let few = plan.exists(checks).unwrap_or(true) || made::has_long_constant(plan);
    few.then_some(FEW)
}

fn is_source(node: &dyn ExecutionPlan) -> bool {
    node.children().is_empty() && !matches!(node.name(), "EmptyExec" | "PlaceholderRowExec" | "WorkTableExec")
}

/// What is to be checked of each input of a node.
fn checks(node: &Arc<dyn ExecutionPlan>, children: &[Arc<dyn ExecutionPlan>]) -> Vec<Check> {
    let nothing = vec![Check::Nothing; children.len()];
    if let Some(unnest) = node.downcast_ref::<UnnestExec>() {
        let lists = unnest.list_column_indices().iter();
        let lists: Vec<usize> = lists.map(|list| list.index_in_input_schema).collect();
        return if lists.is_empty() {
            nothing
        } else {
            vec![Check::Lists(lists.into())]
        };
    }
    let subqueries = node.is::<ScalarSubqueryExec>();
    if !subqueries && !node.name().ends_with("JoinExec") {
        return nothing;
    }
    let large: Vec<bool> = children.iter().map(made::is_large).collect();
    if !large.contains(&true) {
        return nothing;
    }
    // What stands beside one row alone is not multiplied.
    let single: Vec<bool> = children.iter().map(is_single).collect();
    let check = |at: usize| {
        let beside = single.iter().enumerate().any(|(other, single)| match subqueries {
            // Subqueries stand beside the main input, which comes first.
            true => at > 0 && other == 0 && !single,
            false => at != other && !single,
        });
        if large[at] && beside {
            Check::Row
        } else {
            Check::Nothing
        }
    };
    (0..children.len()).map(check).collect()
}

/// Whether the plan is known to give one row at most.
fn is_single(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let known = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
    known.is_ok_and(|known| matches!(known.num_rows, Precision::Exact(0 | 1)))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Check {
    Nothing,
    /// Each row stays below a bound.
    Row,
    /// So does what becomes of a row once the lists of these columns are rows.
    Lists(Arc<[usize]>),
}

impl Check {
    /// Rows from `from` on that may go on together.
    fn next(&self, batch: &RecordBatch, from: usize, most: usize) -> Result<usize> {
        let rows = most.min(batch.num_rows() - from);
        match self {
            Check::Nothing => {}
            Check::Row => {
                let columns: Vec<usize> = (0..batch.num_columns()).collect();
                if sizes::of(batch, &columns, from, rows) > ROW {
                    let largest = (from..from + rows)
                        .map(|row| sizes::of(batch, &columns, row, 1))
                        .max();
                    if let Some(bytes) = largest.filter(|bytes| *bytes > ROW) {
                        return Err(too_large(bytes, ROW, "would be repeated in a join"));
                    }
                }
            }
            Check::Lists(lists) => {
                let most = (from..from + rows).map(|row| elements(batch, lists, row)).max();
                let columns: Vec<usize> = (0..batch.num_columns()).collect();
                let bytes = sizes::of(batch, &columns, from, rows);
                // Most batches are far from it.
                if most.unwrap_or(0).max(1).saturating_mul(bytes) <= UNNESTED {
                    return Ok(rows);
                }
                let mut sum = 0_u64;
                for row in from..from + rows {
                    let bytes = unnested(batch, lists, row);
                    if bytes > UNNESTED {
                        return Err(too_large(bytes, UNNESTED, "would come out of one list"));
                    }
                    sum += bytes;
                    if sum > UNNESTED {
                        return Ok(row - from);
                    }
                }
            }
        }
        Ok(rows)
    }
}

fn elements(batch: &RecordBatch, lists: &[usize], row: usize) -> u64 {
    let of = |at: &usize| sizes::leaves(batch.column(*at), row);
    lists.iter().map(of).max().unwrap_or(0)
}

/// Bytes of the rows that come out of one, which bear everything else of it again and again.
fn unnested(batch: &RecordBatch, lists: &[usize], row: usize) -> u64 {
    let elements = elements(batch, lists, row);
    let rest: Vec<usize> = (0..batch.num_columns())
        .filter(|at| !lists.contains(at))
        .collect();
    let own = sizes::of(batch, lists, row, 1);
    elements
        .saturating_mul(sizes::of(batch, &rest, row, 1))
        .saturating_add(own)
}

fn too_large(bytes: u64, limit: u64, what: &str) -> DataFusionError {
    DataFusionError::ResourcesExhausted(format!(
        "a row of {} KiB {what}; the limit is {} KiB: join before array_agg, string_agg and the like, or make their results smaller",
        bytes >> 10,
        limit >> 10,
    ))
}

/// Hands the batches of its input on in portions, and checks them.
struct Portioned {
    input: Arc<dyn ExecutionPlan>,
    check: Check,
}

impl Portioned {
    fn over(input: Arc<dyn ExecutionPlan>, check: Check) -> Arc<dyn ExecutionPlan> {
        Arc::new(Portioned { input, check })
    }
}

impl fmt::Debug for Portioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portioned")
            .field("check", &self.check)
            .field("input", &self.input)
            .finish()
    }
}

impl DisplayAs for Portioned {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.check {
            Check::Nothing => f.write_str("Portions"),
            Check::Row => f.write_str("Portions: of small rows"),
            Check::Lists(_) => f.write_str("Portions: of small lists"),
        }
    }
}

impl ExecutionPlan for Portioned {
    fn name(&self) -> &str {
        "Portions"
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

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(inputs
            .first()
            .map_or_else(|| Arc::new(Statistics::new_unknown(&self.schema())), Arc::clone))
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Portioned::over(input, self.check.clone()))
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
        let input = self.input.execute(partition, context)?;
        let check = self.check.clone();
        let portions = input
            .map(move |batch| cut(&batch?, most, &check))
            .map_ok(|portions| stream::iter(portions.into_iter().map(Ok)))
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), portions)))
    }
}

/// The batch in portions of at most so many rows.
fn cut(batch: &RecordBatch, most: usize, check: &Check) -> Result<Vec<RecordBatch>> {
    let mut portions = Vec::new();
    let mut from = 0;
    while from < batch.num_rows() {
        let rows = check.next(batch, from, most)?;
        portions.push(batch.slice(from, rows));
        from += rows;
    }
    Ok(portions)
}
