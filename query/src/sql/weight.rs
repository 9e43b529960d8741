//! What a statement weighs before it runs.
//!
//! A few lines of SQL can stand for millions of tables to be read, when each `with` names the one before it twice, or for as many ways to
//! group, when a cube has some twenty columns, or for a type of as many parts, when each structure holds the one before it twice; and
//! planning has no place to stop at. A long constant is written out for each row of a
//! batch before any operator counts it. All are refused here.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{
    self, FunctionArguments, GroupByExpr, GroupByWithModifier, ObjectName, Query, Select, Visit, Visitor,
};

use super::{Error, made};

/// Tables and nested queries of a statement, each as often as it is read.
const READS: usize = 1_000;
/// Ways to group in one query, as many as PostgreSQL allows.
const SETS: u64 = 4_096;
/// Ways to go down into the types of structures. Planning takes each of them many times.
const WAYS: u64 = 1 << 14;
/// Functions that make structures.
const STRUCTURES: [&str; 6] = ["struct", "row", "named_struct", "arrays_zip", "map", "make_map"];
/// Constants up to this many bytes are not counted.
const SHORT: usize = 1 << 10;
/// Bytes of all other constants together; a batch has some eight thousand rows.
const CONSTANTS: usize = 64 << 10;
/// Bytes of a constant that a window writes into rows which have no other value for it.
const FILLING: usize = 64;
/// Rows that a window function may look back or ahead.
const AWAY: i64 = 100_000;

pub(crate) fn check_reads(statement: &ast::Statement) -> Result<(), Error> {
    match statement.visit(&mut Reads::default()) {
        ControlFlow::Break(()) => Err(Error::TooDeep),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Adds up what each query reads, inner ones first.
#[derive(Default)]
struct Reads {
    /// Of the queries that are being looked at, from the outermost on.
    open: Vec<usize>,
    /// Names of the queries after `with`, by place in memory until they have been looked at, then by name.
    names: HashMap<*const Query, String>,
    named: HashMap<String, usize>,
    /// Ways to go down into the types of all structures, as if each held those before it.
    ways: u64,
}

impl Reads {
    fn add(&mut self, reads: usize) -> ControlFlow<()> {
        let Some(open) = self.open.last_mut() else {
            return ControlFlow::Continue(());
        };
        *open += reads;
        if *open > READS {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl Visitor for Reads {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let named = query.with.iter().flat_map(|with| &with.cte_tables);
        self.names
            .extend(named.map(|cte| (&raw const *cte.query, cte.alias.name.value.to_lowercase())));
        self.open.push(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if groupings(&select.group_by) > SETS {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = match relation.0.as_slice() {
            [only] => only.as_ident().map(|name| name.value.to_lowercase()),
            _ => None,
        };
        let known = name.and_then(|name| self.named.get(&name).copied());
        self.add(known.unwrap_or(1))
    }

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<()> {
        let parts = match expr {
            ast::Expr::Tuple(parts) => parts
                .iter()
                .filter(|part| !matches!(part, ast::Expr::Value(_)))
                .count(),
            ast::Expr::Function(call) if makes_structure(call) => match &call.args {
                FunctionArguments::List(list) => list.args.len(),
                _ => 0,
            },
            _ => return ControlFlow::Continue(()),
        };
        self.ways = self.ways.max(1).saturating_mul(parts.max(1) as u64);
        if self.ways > WAYS {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let reads = self.open.pop().unwrap_or(0);
        if let Some(name) = self.names.remove(&(&raw const *query)) {
            // Of one name in several scopes the heaviest counts.
            let known = self.named.entry(name).or_default();
            *known = reads.max(*known);
        }
        self.add(reads)
    }
}

fn makes_structure(call: &ast::Function) -> bool {
    let name = call.name.0.last().and_then(|name| name.as_ident());
    name.is_some_and(|name| {
        STRUCTURES
            .iter()
            .any(|known| name.value.eq_ignore_ascii_case(known))
    })
}

/// In how many ways a query groups its rows: those of each part with those of all others.
fn groupings(group_by: &GroupByExpr) -> u64 {
    let product = |each: &mut dyn Iterator<Item = u64>| each.fold(1_u64, u64::saturating_mul);
    let (exprs, modifiers): (&[ast::Expr], _) = match group_by {
        GroupByExpr::All(modifiers) => (&[], modifiers),
        GroupByExpr::Expressions(exprs, modifiers) => (exprs, modifiers),
    };
    let modified = modifiers.iter().map(|modifier| match modifier {
        GroupByWithModifier::Cube => subsets(exprs.len()),
        GroupByWithModifier::Rollup => exprs.len() as u64 + 1,
        GroupByWithModifier::GroupingSets(expr) => sets(expr),
        GroupByWithModifier::Totals => 1,
    });
    product(&mut exprs.iter().map(sets)).saturating_mul(product(&mut modified.into_iter()))
}

fn sets(expr: &ast::Expr) -> u64 {
    match expr {
        ast::Expr::Cube(parts) => subsets(parts.len()),
        ast::Expr::Rollup(parts) => parts.len() as u64 + 1,
        ast::Expr::GroupingSets(all) => {
            let each = all
                .iter()
                .map(|set| set.iter().map(sets).fold(1_u64, u64::saturating_mul));
            each.fold(0, u64::saturating_add)
        }
        _ => 1,
    }
}

fn subsets(of: usize) -> u64 {
    1_u64
        .checked_shl(u32::try_from(of).unwrap_or(u32::MAX))
        .unwrap_or(u64::MAX)
}

pub(crate) fn check_constants(plan: &LogicalPlan) -> Result<(), Error> {
    let mut bytes = 0;
    let mut window = None;
    plan.apply_with_subqueries(|node| {
        // Each of these stands in one row alone.
        if matches!(node, LogicalPlan::Values(_)) {
            return Ok(TreeNodeRecursion::Continue);
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                match e {
                    Expr::Literal(value, _) => {
                        bytes += Some(made::length(value)).filter(|n| *n > SHORT).unwrap_or(0);
                    }
                    Expr::WindowFunction(call) if call.params.args.iter().skip(1).any(is_far) => {
                        window = Some(call.fun.name().to_owned());
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(|e| Error::planning(&e))?;
    if let Some(name) = window {
        return Err(Error::Memory(format!(
            "{name} over a window looks more than {AWAY} rows away or fills in more than {FILLING} bytes; look less far"
        )));
    }
    if bytes > CONSTANTS {
        return Err(Error::Memory(format!(
            "the statement's constants have {} KiB and the limit is {} KiB; build long texts out of columns",
            bytes >> 10,
            CONSTANTS >> 10
        )));
    }
    Ok(())
}

/// Whether an argument of a window function takes it far from its row, or has it write a long value.
fn is_far(argument: &Expr) -> bool {
    let Expr::Literal(value, _) = argument else {
        return false;
    };
    match value {
        ScalarValue::Int64(Some(rows)) => rows.unsigned_abs() > AWAY.unsigned_abs(),
        ScalarValue::Utf8(_)
        | ScalarValue::Utf8View(_)
        | ScalarValue::LargeUtf8(_)
        | ScalarValue::List(_) => made::length(value) > FILLING,
        _ => false,
    }
}
