//! Whether a statement asks for one row by its key. Such a one is answered beside ingestion; what may take longer goes behind it.

use datafusion::common::{Column, Constraint};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, TableScan};

/// Whether a plan reads one row of one table by its key and does nothing with it that takes long.
pub(super) fn is_brief(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => {
            projection.expr.iter().all(is_plain) && is_brief(&projection.input)
        }
        LogicalPlan::SubqueryAlias(alias) => is_brief(&alias.input),
        LogicalPlan::Limit(limit) => is_brief(&limit.input),
        LogicalPlan::TableScan(scan) => names_its_key(scan),
        _ => false,
    }
}

/// A column, perhaps under another name or type.
fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Literal(..) => true,
        Expr::Alias(alias) => is_plain(&alias.expr),
        Expr::Cast(cast) => is_plain(&cast.expr),
        _ => false,
    }
}

/// Whether each column of the primary key must equal one value.
fn names_its_key(scan: &TableScan) -> bool {
    let Some(constraints) = scan.source.constraints() else {
        return false;
    };
    let key = constraints.iter().find_map(|constraint| match constraint {
        Constraint::PrimaryKey(columns) => Some(columns),
        Constraint::Unique(_) => None,
    });
    let schema = scan.source.schema();
    key.is_some_and(|key| {
        key.iter().all(|&at| {
            let name = schema.field(at).name();
            scan.filters.iter().any(|filter| pins(filter, name))
        })
    })
}

fn pins(filter: &Expr, column: &str) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else {
        return false;
    };
    let is_column = |expr: &Expr| matches!(expr, Expr::Column(Column { name, .. }) if name == column);
    match op {
        Operator::And => pins(left, column) || pins(right, column),
        Operator::Eq => is_column(left) && is_value(right) || is_column(right) && is_value(left),
        _ => false,
    }
}

fn is_value(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(..) | Expr::Placeholder(_) => true,
        Expr::Alias(alias) => is_value(&alias.expr),
        Expr::Cast(cast) => is_value(&cast.expr),
        _ => false,
    }
}
