//! Scalar subqueries of filters and of what is selected, answered before the statement is planned.
//!
//! `where category = (select category from skus where sku = 'A1')` is a filter that no scan can ask of its dictionaries, and prunes nothing, as long as the value is not known. Where the
//! subquery depends on no row of the statement and reads little, it is run first, on the same snapshot, and its value stands in the plan as a constant. All others are left as they are.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;

use super::scan::LiveScan;

/// Subqueries of a statement that are answered ahead; more are left to the plan.
const MOST: usize = 16;

fn is_alone(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::ScalarSubquery(subquery) if subquery.outer_ref_columns.is_empty() => Some(subquery),
        _ => None,
    }
}

/// Whether the subqueries of a node are answered ahead.
const fn is_heard(node: &LogicalPlan) -> bool {
    matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Projection(_))
}

/// The subqueries in filters and projections that depend on nothing around them.
fn asked(plan: &LogicalPlan) -> Vec<Arc<LogicalPlan>> {
    let mut found = Vec::new();
    // Nothing here fails.
    let _ = plan.apply_with_subqueries(|node| {
        if is_heard(node) {
            node.apply_expressions(|expr| {
                expr.apply(|expr| {
                    found.extend(is_alone(expr).map(|subquery| Arc::clone(&subquery.subquery)));
                    Ok(TreeNodeRecursion::Continue)
                })
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// Whether a statement has any.
pub(super) fn asks(plan: &LogicalPlan) -> bool {
    !asked(plan).is_empty()
}

/// The statement with the values of those that read little.
pub(super) async fn answered(
    plan: LogicalPlan,
    state: &SessionState,
    context: &Arc<TaskContext>,
) -> Result<LogicalPlan> {
    let mut known: HashMap<Arc<LogicalPlan>, ScalarValue> = HashMap::new();
    for subquery in asked(&plan).into_iter().take(MOST) {
        if !known.contains_key(&subquery)
            && let Some(value) = value_of(&subquery, state, context).await?
        {
            known.insert(subquery, value);
        }
    }
    if known.is_empty() {
        return Ok(plan);
    }
    plan.transform_down_with_subqueries(|node| {
        if !is_heard(&node) {
            return Ok(Transformed::no(node));
        }
        // What is selected keeps the name that it has by its subquery.
        let names = NamePreserver::new(&node);
        let replaced = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform(|expr| {
                let value = is_alone(&expr).and_then(|subquery| known.get(&subquery.subquery));
                Ok(match value {
                    Some(value) => Transformed::yes(Expr::Literal(value.clone(), None)),
                    None => Transformed::no(expr),
                })
            })?;
            Ok(replaced.update_data(|expr| name.restore(expr)))
        })?;
        replaced.map_data(LogicalPlan::recompute_schema)
    })
    .data()
}

/// The value of a subquery that reads little; null where it has no row. Nothing where it reads much, or has several rows, which the plan then tells.
async fn value_of(
    subquery: &LogicalPlan,
    state: &SessionState,
    context: &Arc<TaskContext>,
) -> Result<Option<ScalarValue>> {
    let optimised = state.optimize(subquery)?;
    let physical = state
        .query_planner()
        .create_physical_plan(&optimised, state)
        .await?;
    if physical.schema().fields().len() != 1 {
        return Ok(None);
    }
    let declared = subquery.schema().field(0);
    let null = ScalarValue::try_from(declared.data_type())?;
    if !reads_little(&physical) {
        return Ok(None);
    }
    let mut value = None;
    let mut batches = execute_stream(physical, Arc::clone(context))?;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            if value.is_some() {
                return Ok(None);
            }
            let found = ScalarValue::try_from_array(batch.column(0), row)?;
            value = Some(if found.data_type() == *declared.data_type() {
                found
            } else {
                found.cast_to(declared.data_type())?
            });
        }
    }
    Ok(Some(value.unwrap_or(null)))
}

/// Whether all that a plan reads of live tables is a few rows.
fn reads_little(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let much = plan.exists(|node| {
        Ok(node
            .downcast_ref::<LiveScan>()
            .is_some_and(|scan| !scan.is_short()))
    });
    !much.unwrap_or(true)
}
