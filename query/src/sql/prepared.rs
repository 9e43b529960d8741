//! A statement planned once and run many times, each time on the snapshot of its moment.
//!
//! What is kept is the optimised logical plan, placeholders included. It names tables, not their contents, so that nothing of an older
//! snapshot can stay in it; only the physical plan, which reads statistics and looks keys up, is made anew.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement;

use super::brief::is_brief;
use super::{Error, ahead, family, weight, written_out};

/// A planned statement.
#[derive(Debug)]
pub struct Prepared {
    plan: LogicalPlan,
    /// Missing where the plan holds what must be computed at each execution, such as `now()`.
    optimised: Option<LogicalPlan>,
    /// Where parts of it are answered first and nothing is bound: what is left to optimise with those answers.
    analysed: Option<LogicalPlan>,
    parameters: Vec<Option<DataType>>,
    schema: SchemaRef,
    bytes: usize,
    brief: bool,
    /// Whether parts of it are answered before it is planned.
    asks: bool,
}

impl Prepared {
    pub(super) async fn new(statement: Statement, state: &SessionState) -> Result<Prepared, Error> {
        let plan = state
            .statement_to_plan(statement)
            .await
            .map_err(|e| Error::planning(&e))?;
        let only_reads = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        if only_reads.verify_plan(&plan).is_err() {
            return Err(Error::NotReadOnly {
                what: plan.display().to_string(),
            });
        }
        written_out::check(&plan)?;
        let parameters = parameter_types(&plan)?;
        // Where the optimiser cannot work around a placeholder, or the plan is not worth keeping, it runs at each execution.
        let waits = !parameters.is_empty() && family::is_read(&plan);
        // Nor is one kept of which parts are answered first: it is optimised with their values.
        let asks = ahead::asks(&plan);
        let keep = !matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_))
            && is_lasting(&plan)
            && !waits
            && !asks;
        let optimised = if keep { state.optimize(&plan).ok() } else { None };
        let analysed = match &optimised {
            Some(_) => None,
            None => analysed(&plan, state),
        };
        let known = optimised.as_ref().or(analysed.as_ref()).unwrap_or(&plan);
        let schema = Arc::clone(known.schema().inner());
        let analysed = analysed.filter(|_| asks && parameters.is_empty());
        let bytes = bytes(&plan) + optimised.as_ref().or(analysed.as_ref()).map_or(0, bytes);
        let brief = optimised.as_ref().is_some_and(is_brief);
        Ok(Prepared {
            plan,
            optimised,
            analysed,
            parameters,
            schema,
            bytes,
            brief,
            asks,
        })
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it reads one row by its key.
    pub fn is_brief(&self) -> bool {
        self.brief
    }

    /// Types of `$1`, `$2`, ... where the statement tells them.
    pub fn parameters(&self) -> &[Option<DataType>] {
        &self.parameters
    }

    /// Names and types of the answer's columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) async fn plan(
        &self,
        params: Vec<ScalarValue>,
        state: &SessionState,
        context: &Arc<TaskContext>,
    ) -> Result<Arc<dyn ExecutionPlan>, Error> {
        let values = self.values(params)?;
        let bind = |plan: &LogicalPlan| -> Result<LogicalPlan, Error> {
            if values.is_empty() {
                return Ok(plan.clone());
            }
            let bound = plan
                .clone()
                .replace_params_with_values(&ParamValues::from(values.clone()));
            bound.map_err(|e| Error::Parameters(e.strip_backtrace()))
        };
        let ready = match &self.optimised {
            Some(optimised) => bind(optimised)?,
            None => {
                let plan = match &self.analysed {
                    Some(analysed) => analysed.clone(),
                    None => bind(&self.plan)?,
                };
                let plan = if self.asks {
                    let answered = ahead::answered(plan, state, context).await;
                    answered.map_err(|e| Error::running(&e))?
                } else {
                    plan
                };
                let optimised = match &self.analysed {
                    Some(_) => state.optimizer().optimize(plan, state, |_, _| {}),
                    None => state.optimize(&plan),
                };
                optimised.map_err(|e| Error::planning(&e))?
            }
        };
        weight::check_constants(&ready)?;
        state
            .query_planner()
            .create_physical_plan(&ready, state)
            .await
            .map_err(|e| Error::planning(&e))
    }

    /// The parameters under the types the statement expects.
    fn values(&self, params: Vec<ScalarValue>) -> Result<Vec<ScalarValue>, Error> {
        if params.len() != self.parameters.len() {
            return Err(Error::Parameters(format!(
                "the statement has {} parameters and {} came",
                self.parameters.len(),
                params.len()
            )));
        }
        let cast = |(i, (value, expected)): (usize, (ScalarValue, &Option<DataType>))| match expected {
            Some(expected) if value.data_type() != *expected => value.cast_to(expected).map_err(|_| {
                Error::Parameters(format!(
                    "parameter ${} is not a {}",
                    i + 1,
                    super::type_name(expected)
                ))
            }),
            _ => Ok(value),
        };
        params
            .into_iter()
            .zip(&self.parameters)
            .enumerate()
            .map(cast)
            .collect()
    }
}

/// Bytes of a plan's nodes, of their columns and of the parts of their expressions, as measured on some.
fn bytes(plan: &LogicalPlan) -> usize {
    const NODE: usize = 1 << 10;
    const COLUMN: usize = 256;
    const PART: usize = 320;
    let mut bytes = 0;
    // Nothing here fails.
    let _ = plan.apply_with_subqueries(|node| {
        bytes += NODE + COLUMN * node.schema().fields().len();
        node.apply_expressions(|expr| {
            expr.apply(|_| {
                bytes += PART;
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    bytes
}

/// The plan with its types settled: before it, a union has those of its first part. Nothing for a plan that shows another one, and for one that cannot be analysed.
fn analysed(plan: &LogicalPlan, state: &SessionState) -> Option<LogicalPlan> {
    if matches!(plan, LogicalPlan::Explain(_)) {
        return None;
    }
    let analysed = state
        .analyzer()
        .execute_and_check(plan.clone(), state.config_options(), |_, _| {});
    analysed.ok()
}

/// The types of `$1`, `$2`, ... in order; the one of a cast where nothing else tells.
fn parameter_types(plan: &LogicalPlan) -> Result<Vec<Option<DataType>>, Error> {
    let mut types = plan.get_parameter_types().map_err(|e| Error::planning(&e))?;
    if types.is_empty() {
        return Ok(Vec::new());
    }
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if let Expr::Cast(cast) = e
                    && let Expr::Placeholder(placeholder) = cast.expr.as_ref()
                    && let Some(unknown @ None) = types.get_mut(&placeholder.id)
                {
                    *unknown = Some(cast.field.data_type().clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(|e| Error::planning(&e))?;
    let highest = types
        .keys()
        .map(|id| number(id))
        .try_fold(0, |most, n| n.map(|n| most.max(n)));
    let highest = highest.ok_or_else(|| Error::Parameters("parameters are written $1, $2, ...".into()))?;
    if highest > 1_000 {
        return Err(Error::Parameters(format!(
            "parameter ${highest} is beyond the limit of 1000"
        )));
    }
    Ok((1..=highest)
        .map(|n| types.get(&format!("${n}")).cloned().flatten())
        .collect())
}

fn number(id: &str) -> Option<usize> {
    id.strip_prefix('$')?.parse().ok().filter(|n| *n > 0)
}

/// Whether the plan can be optimised before it is run: every function gives the same whenever it runs, and no limit waits for a
/// parameter, which only the optimiser turns into a number.
fn is_lasting(plan: &LogicalPlan) -> bool {
    let mut lasting = true;
    let walked = plan.apply_with_subqueries(|node| {
        let is_limit = matches!(node, LogicalPlan::Limit(_));
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                let waits = match e {
                    Expr::ScalarFunction(call) => call.func.signature().volatility != Volatility::Immutable,
                    Expr::Placeholder(_) => is_limit,
                    _ => false,
                };
                lasting &= !waits;
                Ok(if waits {
                    TreeNodeRecursion::Stop
                } else {
                    TreeNodeRecursion::Continue
                })
            })
        })
    });
    lasting && walked.is_ok()
}
