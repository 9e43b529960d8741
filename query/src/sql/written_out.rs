//! How long expressions get once the columns of nested queries are written out in those that use them.
//!
//! The optimiser does so when it moves a filter inwards. If each of forty queries uses the column of the one inside it twice, the filter on
//! the outermost has a million million parts, and planning has no place to stop at. The same goes for the types of structures.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};

use super::Error;

/// Parts of all expressions of one query. The longest text has room for nearly as many.
const PARTS: u64 = 150_000;
/// Expressions from which on their columns are worth an index.
const MANY: usize = 32;

/// Refuses a plan with expressions that get too long.
pub(super) fn check(plan: &LogicalPlan) -> Result<(), Error> {
    lengths(plan).map(drop)
}

/// Parts of each column that the plan gives.
fn lengths(plan: &LogicalPlan) -> Result<Vec<u64>, Error> {
    match plan {
        LogicalPlan::Projection(node) => Scope::of(&node.input)?.all(&node.expr),
        LogicalPlan::Aggregate(node) => {
            let scope = Scope::of(&node.input)?;
            scope.all(&node.aggr_expr)?;
            let groups = scope.all(&node.group_expr)?;
            let mut columns = types(plan.schema());
            // What stands for several sets of columns stays as it is.
            if groups.len() + node.aggr_expr.len() == columns.len() {
                columns[..groups.len()].copy_from_slice(&groups);
            }
            bounded(columns)
        }
        LogicalPlan::Distinct(Distinct::On(node)) => {
            let scope = Scope::of(&node.input)?;
            scope.all(&node.on_expr)?;
            scope.all(&node.select_expr)
        }
        LogicalPlan::Window(node) => {
            let scope = Scope::of(&node.input)?;
            scope.all(&node.window_expr)?;
            let mut columns = types(plan.schema());
            columns[..scope.columns.len()].copy_from_slice(&scope.columns);
            bounded(columns)
        }
        LogicalPlan::Union(node) => {
            let mut columns = types(plan.schema());
            for input in &node.inputs {
                for (column, length) in columns.iter_mut().zip(lengths(input)?) {
                    *column = length.max(*column);
                }
            }
            bounded(columns)
        }
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(Distinct::All(_))
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Join(_) => {
            let inputs = plan.inputs().into_iter().map(lengths);
            let inputs = inputs.collect::<Result<Vec<_>, _>>()?.concat();
            let mut columns = types(plan.schema());
            // Semi joins give the columns of one side.
            let known = columns.len().min(inputs.len());
            let from = match plan {
                LogicalPlan::Join(join) if columns.len() < inputs.len() && is_right(join) => {
                    inputs.len() - known
                }
                _ => 0,
            };
            columns[..known].copy_from_slice(&inputs[from..from + known]);
            check_expressions(plan, inputs)?;
            Ok(columns)
        }
        other => {
            let inputs = other.inputs().into_iter().map(lengths);
            check_expressions(other, inputs.collect::<Result<Vec<_>, _>>()?.concat())?;
            bounded(types(other.schema()))
        }
    }
}

fn check_expressions(plan: &LogicalPlan, inputs: Vec<u64>) -> Result<(), Error> {
    let mut exprs = Vec::new();
    let gathered = plan.apply_expressions(|expr| {
        exprs.push(expr.clone());
        Ok(TreeNodeRecursion::Continue)
    });
    gathered.map_err(|e| Error::planning(&e))?;
    Scope::new(plan.inputs(), inputs).all(&exprs).map(drop)
}

fn is_right(join: &datafusion::logical_expr::Join) -> bool {
    use datafusion::common::JoinType::{RightAnti, RightMark, RightSemi};
    matches!(join.join_type, RightAnti | RightMark | RightSemi)
}

fn bounded(columns: Vec<u64>) -> Result<Vec<u64>, Error> {
    let sum = columns.iter().copied().fold(0, u64::saturating_add);
    if sum > PARTS {
        Err(Error::TooDeep)
    } else {
        Ok(columns)
    }
}

/// Columns that are not written out count as much as there are parts in their types.
fn types(schema: &DFSchema) -> Vec<u64> {
    let fields = schema.fields().iter();
    fields.map(|field| type_parts(field.data_type(), 0)).collect()
}

/// Adds to `sum`, and breaks off beyond the bound.
fn type_parts(data_type: &DataType, sum: u64) -> u64 {
    let sum = sum + 1;
    if sum > PARTS {
        return sum;
    }
    match data_type {
        DataType::Struct(fields) => fields.iter().fold(sum, |sum, f| {
            if sum > PARTS {
                sum
            } else {
                type_parts(f.data_type(), sum)
            }
        }),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => type_parts(field.data_type(), sum),
        _ => sum,
    }
}

/// What the expressions of a node refer to.
struct Scope<'a> {
    inputs: Vec<&'a LogicalPlan>,
    columns: Vec<u64>,
}

impl<'a> Scope<'a> {
    fn of(input: &'a Arc<LogicalPlan>) -> Result<Scope<'a>, Error> {
        Ok(Scope::new(vec![input], lengths(input)?))
    }

    fn new(inputs: Vec<&'a LogicalPlan>, columns: Vec<u64>) -> Scope<'a> {
        Scope { inputs, columns }
    }

    fn all(&self, exprs: &[Expr]) -> Result<Vec<u64>, Error> {
        let names = || self.inputs.iter().flat_map(|input| input.schema().columns());
        let index: Option<HashMap<Column, usize>> =
            (exprs.len() > MANY).then(|| names().enumerate().map(|(at, column)| (column, at)).collect());
        let place = |wanted: &Column| match &index {
            Some(index) => index.get(wanted).copied(),
            None => self.place(wanted),
        };
        let longest = self.columns.iter().copied().max().unwrap_or(1);
        let length = |column: &Column| {
            let known = place(column).and_then(|at| self.columns.get(at));
            known.copied().unwrap_or(longest)
        };
        bounded(
            exprs
                .iter()
                .map(|expr| parts(expr, &length))
                .collect::<Result<_, _>>()?,
        )
    }

    fn place(&self, wanted: &Column) -> Option<usize> {
        let mut before = 0;
        for input in &self.inputs {
            if let Some(at) = input.schema().maybe_index_of_column(wanted) {
                return Some(before + at);
            }
            before += input.schema().fields().len();
        }
        None
    }
}

fn parts(expr: &Expr, length: &dyn Fn(&Column) -> u64) -> Result<u64, Error> {
    let mut sum = 0_u64;
    let mut refused = None;
    let walked = expr.apply(|part| {
        let own = match part {
            Expr::Column(column) => length(column),
            Expr::ScalarSubquery(subquery)
            | Expr::InSubquery(InSubquery { subquery, .. })
            | Expr::Exists(Exists { subquery, .. }) => match lengths(&subquery.subquery) {
                Ok(columns) => columns.into_iter().max().unwrap_or(1),
                Err(error) => {
                    refused = Some(error);
                    return Ok(TreeNodeRecursion::Stop);
                }
            },
            _ => 1,
        };
        sum = sum.saturating_add(own);
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(|e| Error::planning(&e))?;
    refused.map_or(Ok(sum), Err)
}
