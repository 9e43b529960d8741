//! What DataFusion notes about which columns determine which, held to what is so.
//!
//! DataFusion (55.2) notes that the key of a table determines its columns, and uses it: what a key determines may be selected beside it, and an outer `group by`, a `distinct` or a join that adds
//! nothing goes. Of groups over a join it notes too much, that the key of one input determines all groups, those of the other input included; of an unnested list, that the key determines the one
//! element. An outer `group by` then lost columns and added up rows that are not alike.
//!
//! So what a derived relation determines is not told to the statement around it ([`Opaque`]; PostgreSQL tells it of tables alone as well), and groups over a join or a list have names that no input
//! has, with their own again above ([`NamedGroups`]): then all of them together determine a row, and nothing less is noted to.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRewriter};
use datafusion::common::{Column, DFSchema, Result, get_required_group_by_exprs_indices};
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan, LogicalPlanBuilder, Projection};
use datafusion::logical_expr::{SubqueryAlias, expr_fn};
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::sql::sqlparser::ast::TableFactor;

/// Relations that tell nothing of what determines what in them, but for tables.
#[derive(Debug)]
pub(crate) struct Opaque;

thread_local! {
    /// Whether the relation that is planned next comes from [`Opaque`] itself.
    static OWN: Cell<bool> = const { Cell::new(false) };
}

impl RelationPlanner for Opaque {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let is_relation = matches!(relation, TableFactor::Table { .. } | TableFactor::Derived { .. });
        if OWN.replace(false) || !is_relation {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        }
        OWN.set(true);
        let plan = context.plan(relation);
        OWN.set(false);
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation {
            plan: opaque(plan?)?,
            alias: None,
        })))
    }
}

fn opaque(plan: LogicalPlan) -> Result<LogicalPlan> {
    if plan.schema().functional_dependencies().is_empty() || is_table(&plan) {
        return Ok(plan);
    }
    match plan {
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => {
            let input = opaque(Arc::unwrap_or_clone(input))?;
            Ok(LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(
                Arc::new(input),
                alias,
            )?))
        }
        LogicalPlan::Projection(Projection {
            expr, input, schema, ..
        }) => silent(expr, input, &schema),
        plan => {
            let columns = plan.schema().columns().into_iter().map(Expr::Column);
            let (columns, schema) = (columns.collect(), Arc::clone(plan.schema()));
            silent(columns, Arc::new(plan), &schema)
        }
    }
}

fn is_table(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => is_table(&alias.input),
        plan => matches!(plan, LogicalPlan::TableScan(_)),
    }
}

/// A projection that notes nothing.
fn silent(columns: Vec<Expr>, input: Arc<LogicalPlan>, schema: &DFSchema) -> Result<LogicalPlan> {
    let fields = schema.iter().map(|(of, field)| (of.cloned(), Arc::clone(field)));
    let schema = DFSchema::new_with_metadata(fields.collect(), schema.metadata().clone())?;
    let projection = Projection::try_new_with_schema(columns, input, Arc::new(schema))?;
    Ok(LogicalPlan::Projection(projection))
}

/// All rules of the analyser. Others note anew what is determined, within derived relations too, and come after.
pub(crate) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules = Analyzer::new().rules;
    rules.insert(0, Arc::new(NamedGroups));
    rules
}

/// Groups over a join or a list under names of their own.
#[derive(Debug)]
struct NamedGroups;

impl AnalyzerRule for NamedGroups {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let mut rewriter = Naming::default();
        Ok(plan.rewrite_with_subqueries(&mut rewriter)?.data)
    }

    fn name(&self) -> &'static str {
        "named_groups"
    }
}

#[derive(Default)]
struct Naming {
    changed: bool,
}

impl TreeNodeRewriter for Naming {
    type Node = LogicalPlan;

    fn f_down(&mut self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Projection(projection) = &plan else {
            return Ok(Transformed::no(plan));
        };
        let mut used = Some(HashSet::new());
        use_columns(&mut used, &projection.expr)?;
        let Some(input) = without_unused_groups(&projection.input, &mut used)? else {
            return Ok(Transformed::no(plan));
        };
        let projection = Projection::try_new(projection.expr.clone(), Arc::new(input))?;
        Ok(Transformed::yes(LogicalPlan::Projection(projection)))
    }

    fn f_up(&mut self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        // What stands above a plan that was changed notes anew what is determined.
        let plan = if self.changed {
            plan.recompute_schema()?
        } else {
            plan
        };
        let aggregate = match plan {
            LogicalPlan::Aggregate(aggregate) if needs_names(&aggregate) => aggregate,
            // As the optimiser would later on, when it is too late to look at it.
            LogicalPlan::Distinct(Distinct::All(input))
                if !input.schema().fields().is_empty() && mixes(&input)? =>
            {
                let columns = input.schema().columns().into_iter().map(Expr::Column);
                let columns = columns.collect();
                Aggregate::try_new(input, columns, Vec::new())?
            }
            plan => return Ok(Transformed::no(plan)),
        };
        if !mixes(&aggregate.input)? {
            return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
        }
        self.changed = true;
        Ok(Transformed::yes(named(&aggregate)?))
    }
}

/// Start of the names of groups.
const NAME: &str = "__group_";

fn needs_names(aggregate: &Aggregate) -> bool {
    let is_set = |expr: &Expr| matches!(expr, Expr::GroupingSet(_));
    let has_name = |expr: &Expr| matches!(expr, Expr::Alias(alias) if alias.name.starts_with(NAME));
    aggregate.group_expr.len() > 1
        && !aggregate
            .group_expr
            .iter()
            .any(|expr| is_set(expr) || has_name(expr))
}

/// Whether rows of a plan are made of several rows, or one row of its inputs makes several.
fn mixes(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|plan| Ok(matches!(plan, LogicalPlan::Join(_) | LogicalPlan::Unnest(_))))
}

/// The same aggregate with groups of other names, and with their own above.
fn named(aggregate: &Aggregate) -> Result<LogicalPlan> {
    let groups = aggregate.group_expr.iter().enumerate();
    let groups = groups.map(|(at, expr)| expr.clone().unalias().alias(format!("{NAME}{at}")));
    let columns = aggregate.schema.iter().enumerate().map(|(at, (of, field))| {
        if at < aggregate.group_expr.len() {
            let column = expr_fn::ident(format!("{NAME}{at}"));
            column.alias_qualified(of.cloned(), field.name())
        } else {
            Expr::Column(Column::new(of.cloned(), field.name()))
        }
    });
    let (columns, groups): (Vec<_>, Vec<_>) = (columns.collect(), groups.collect());
    let aggregate = Aggregate::try_new(Arc::clone(&aggregate.input), groups, aggregate.aggr_expr.clone())?;
    LogicalPlanBuilder::from(LogicalPlan::Aggregate(aggregate))
        .project(columns)?
        .build()
}

/// Adds the columns that expressions use; what a subquery uses of its surroundings is not looked at, so that then all may be used.
fn use_columns(used: &mut Option<HashSet<Column>>, exprs: &[Expr]) -> Result<()> {
    for expr in exprs {
        let asks = expr.exists(|expr| {
            Ok(matches!(
                expr,
                Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
            ))
        })?;
        if asks {
            *used = None;
        }
        if let Some(used) = used {
            used.extend(expr.column_refs().into_iter().cloned());
        }
    }
    Ok(())
}

/// Groups that others determine are added by the planner, all there are; those that nothing uses go. None where nothing goes.
fn without_unused_groups(
    plan: &LogicalPlan,
    used: &mut Option<HashSet<Column>>,
) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Filter(_) | LogicalPlan::Window(_) => {
            use_columns(used, &plan.expressions())?;
            let inputs = plan.inputs();
            let Some(input) = without_unused_groups(inputs[0], used)? else {
                return Ok(None);
            };
            plan.with_new_exprs(plan.expressions(), vec![input]).map(Some)
        }
        LogicalPlan::Aggregate(aggregate) if needs_names(aggregate) => {
            let Some(used) = used else { return Ok(None) };
            let of = aggregate.input.schema();
            // Whatever is not a column of the input is neither determined nor determines.
            let plain = aggregate.group_expr.iter().filter_map(|expr| match expr {
                Expr::Column(column) => Some(column.flat_name()),
                _ => None,
            });
            let plain: Vec<String> = plain.collect();
            let Some(needed) = get_required_group_by_exprs_indices(of, &plain) else {
                return Ok(None);
            };
            let needed: HashSet<&String> = needed.iter().map(|at| &plain[*at]).collect();
            let stays = |expr: &&Expr| match expr {
                Expr::Column(column) => used.contains(column) || needed.contains(&column.flat_name()),
                _ => true,
            };
            let groups: Vec<Expr> = aggregate.group_expr.iter().filter(stays).cloned().collect();
            if groups.len() == aggregate.group_expr.len() {
                return Ok(None);
            }
            let aggregate =
                Aggregate::try_new(Arc::clone(&aggregate.input), groups, aggregate.aggr_expr.clone())?;
            Ok(Some(LogicalPlan::Aggregate(aggregate)))
        }
        _ => Ok(None),
    }
}
