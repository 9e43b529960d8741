//! The library's rules with one kept from sorts.
//!
//! DataFusion (55.2) notes which columns of a plan determine which, and takes out of an `order by` what columns before it determine. Of groups over a join it notes that the key of one input determines
//! all groups, those of the other input included, so that rows came in the wrong order. The rest of that rule, which takes out columns that are named twice, goes on.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};

/// Name of the rule.
const TWICE: &str = "eliminate_duplicated_expr";

type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// A rule that leaves sorts alone.
#[derive(Debug)]
struct ButSorts(Rule);

impl OptimizerRule for ButSorts {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if matches!(plan, LogicalPlan::Sort(_)) {
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
            if rule.name() == TWICE {
                Arc::new(ButSorts(rule)) as Rule
            } else {
                rule
            }
        })
        .collect()
}
