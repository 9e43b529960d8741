//! Which plans can make large values out of the small ones in the tables: those that gather many values in one, and those with functions
//! that lengthen.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, SlidingAggregateWindowExpr};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::WindowExpr;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::udaf::AggregateFunctionExpr;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

use super::bounded;
use super::sizes;

/// Aggregates that give one of the values that went in.
const CHOOSING: [&str; 5] = ["min", "max", "first_value", "last_value", "nth_value"];
/// Constants up to this many bytes are short.
const SHORT: usize = 1 << 10;

/// Whether rows of the plan may hold large values that it has made.
pub(super) fn is_large(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let open = plan
        .schema()
        .fields()
        .iter()
        .any(|f| sizes::is_open(f.data_type()));
    open && plan.exists(|node| Ok(makes(node))).unwrap_or(true)
}

/// Whether a long constant is in the plan, which is written out for each row of a batch.
pub(super) fn has_long_constant(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let found = plan.exists(|node| {
        Ok(any(node, &|expr| {
            expr.downcast_ref::<Literal>()
                .is_some_and(|literal| length(literal.value()) > SHORT)
        }))
    });
    found.unwrap_or(true)
}

fn makes(node: &Arc<dyn ExecutionPlan>) -> bool {
    let gathers_groups = node
        .downcast_ref::<AggregateExec>()
        .is_some_and(|node| node.aggr_expr().iter().any(|aggregate| gathers(aggregate)));
    gathers_groups
        || windows(node)
            .iter()
            .any(|window| gathered(window.as_ref()).is_some())
        || any(node, &lengthens)
}

/// The expressions of a window node.
pub(super) fn windows(node: &Arc<dyn ExecutionPlan>) -> &[Arc<dyn WindowExpr>] {
    if let Some(node) = node.downcast_ref::<WindowAggExec>() {
        return node.window_expr();
    }
    node.downcast_ref::<BoundedWindowAggExec>()
        .map_or(&[], BoundedWindowAggExec::window_expr)
}

/// The aggregate of a window expression, if it has one.
pub(super) fn aggregate(window: &dyn WindowExpr) -> Option<&AggregateFunctionExpr> {
    let expr = window.as_any();
    expr.downcast_ref::<PlainAggregateWindowExpr>()
        .map(PlainAggregateWindowExpr::get_aggregate_expr)
        .or_else(|| {
            expr.downcast_ref::<SlidingAggregateWindowExpr>()
                .map(SlidingAggregateWindowExpr::get_aggregate_expr)
        })
}

/// The aggregate of a window expression that puts many values into each of its own.
pub(super) fn gathered(window: &dyn WindowExpr) -> Option<&AggregateFunctionExpr> {
    aggregate(window).filter(|aggregate| gathers(aggregate))
}

fn gathers(aggregate: &AggregateFunctionExpr) -> bool {
    sizes::is_open(aggregate.field().data_type()) && !CHOOSING.contains(&aggregate.fun().name())
}

fn lengthens(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let subquery = expr.downcast_ref::<ScalarSubqueryExpr>();
    let call = expr.downcast_ref::<ScalarFunctionExpr>();
    subquery.is_some_and(is_open) || call.is_some_and(|call| bounded::lengthens(call.fun().name()))
}

fn is_open(subquery: &ScalarSubqueryExpr) -> bool {
    let field = subquery.return_field(&Schema::empty());
    field.map_or(true, |field| sizes::is_open(field.data_type()))
}

/// Whether any expression of a node, or a part of one, is so.
fn any(node: &Arc<dyn ExecutionPlan>, so: &dyn Fn(&Arc<dyn PhysicalExpr>) -> bool) -> bool {
    let mut found = false;
    let walked = node.apply_expressions(&mut |expr| {
        found |= expr.exists(|part| Ok(so(part)))?;
        Ok(if found {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    });
    found || walked.is_err()
}

/// Bytes of a constant.
pub(super) fn length(value: &ScalarValue) -> usize {
    match value {
        ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text) => {
            text.as_ref().map_or(0, String::len)
        }
        ScalarValue::List(list) => list.values().get_array_memory_size(),
        other => other.size(),
    }
}
