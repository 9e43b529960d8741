//! What a statement weighs before it runs.
//!
//! A few lines of SQL can stand for millions of tables to be read, when each `with` names the one before it twice, and planning has no
//! place to stop at. A long constant is written out for each row of a batch before any operator counts it. Both are refused here.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{self, ObjectName, Query, Visit, Visitor};

use super::Error;

/// Tables and nested queries of a statement, each as often as it is read.
const READS: usize = 1_000;
/// Constants up to this many bytes are not counted.
const SHORT: usize = 1 << 10;
/// Bytes of all other constants together; a batch has some eight thousand rows.
const CONSTANTS: usize = 64 << 10;

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

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = match relation.0.as_slice() {
            [only] => only.as_ident().map(|name| name.value.to_lowercase()),
            _ => None,
        };
        let known = name.and_then(|name| self.named.get(&name).copied());
        self.add(known.unwrap_or(1))
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let reads = self.open.pop().unwrap_or(0);
        if let Some(name) = self.names.remove(&(&raw const *query)) {
            self.named.insert(name, reads);
        }
        self.add(reads)
    }
}

pub(crate) fn check_constants(plan: &LogicalPlan) -> Result<(), Error> {
    let mut bytes = 0;
    plan.apply_with_subqueries(|node| {
        // Each of these stands in one row alone.
        if matches!(node, LogicalPlan::Values(_)) {
            return Ok(TreeNodeRecursion::Continue);
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if let Expr::Literal(value, _) = e {
                    bytes += Some(length(value)).filter(|n| *n > SHORT).unwrap_or(0);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(|e| Error::planning(&e))?;
    if bytes > CONSTANTS {
        return Err(Error::Memory(format!(
            "the statement's constants have {} KiB and the limit is {} KiB; build long texts out of columns",
            bytes >> 10,
            CONSTANTS >> 10
        )));
    }
    Ok(())
}

fn length(value: &ScalarValue) -> usize {
    match value {
        ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text) => {
            text.as_ref().map_or(0, String::len)
        }
        ScalarValue::List(list) => list.values().get_array_memory_size(),
        other => other.size(),
    }
}
