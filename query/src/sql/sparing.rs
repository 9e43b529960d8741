//! The library's rules with two kept from plans that they get wrong.
//!
//! DataFusion (55.2) notes which columns of a plan determine which, and notes too much (`determined.rs`): it took out of an `order by` what columns before it were said to determine, so that rows came in
//! the wrong order, and took out the join with an unnested list whose key was said to stand once. The rest of both rules goes on.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};

type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// Which plans a rule leaves alone.
type Spares = fn(&LogicalPlan) -> Result<bool>;

/// By name of the rule.
const SPARED: [(&str, Spares); 2] = [
    ("eliminate_duplicated_expr", |plan| {
        Ok(matches!(plan, LogicalPlan::Sort(_)))
    }),
    ("eliminate_join", unnests),
];

/// Whether a plan, or a subquery in it, unnests a list.
fn unnests(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|plan| {
        found = matches!(plan, LogicalPlan::Unnest(_));
        Ok(if found {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    })?;
    Ok(found)
}

/// A rule that leaves some plans alone.
#[derive(Debug)]
struct Sparing(Rule, Spares);

impl OptimizerRule for Sparing {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if self.1(&plan)? {
            return Ok(Transformed::no(plan));
        }
        self.0.rewrite(plan, config)
    }
}

/// All rules of the optimiser.
pub(crate) fn optimizer_rules() -> Vec<Rule> {
    let rules = Optimizer::new().rules.into_iter();
    rules
        .map(|rule| {
            let spared = SPARED.iter().find(|(name, _)| *name == rule.name());
            match spared {
                Some((_, spares)) => Arc::new(Sparing(rule, *spares)) as Rule,
                None => rule,
            }
        })
        .collect()
}
