//! Finds out of a query's filters whether they name the keys of the rows: `key = value`, `key in (...)`, for every key column.
//!
//! The filters are still applied to the rows found; this only decides which rows are looked at.

use arrow::array::ArrayRef;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::live::TableSpec;

/// Keys looked up one by one; beyond this many a scan is cheaper.
const KEYS: usize = 4_096;

/// The keys the filters allow, column by column in key order, when they pin every key column down.
pub(crate) fn keys(spec: &TableSpec, filters: &[Expr]) -> Result<Option<Vec<ArrayRef>>> {
    let mut per_column: Vec<Vec<ScalarValue>> = Vec::with_capacity(spec.key.len());
    for at in &spec.key {
        let field = spec.schema.field(*at);
        let values = filters.iter().find_map(|f| allowed(f, field.name()));
        let Some(values) = values else { return Ok(None) };
        let cast: Option<Vec<ScalarValue>> = values.iter().map(|v| exactly(v, field.data_type())).collect();
        let Some(cast) = cast else { return Ok(None) };
        per_column.push(cast);
    }
    let count = per_column
        .iter()
        .try_fold(1_usize, |n, values| n.checked_mul(values.len()));
    let Some(count) = count.filter(|n| *n <= KEYS) else {
        return Ok(None);
    };
    // Every combination: column i repeats each value as often as the columns after it have combinations.
    let mut arrays = Vec::with_capacity(per_column.len());
    let mut after = count;
    for (values, at) in per_column.iter().zip(&spec.key) {
        if values.is_empty() {
            return Ok(Some(empty(spec)));
        }
        after /= values.len();
        let column = (0..count).map(|row| values[row / after % values.len()].clone());
        let array = if count == 0 {
            arrow::array::new_empty_array(spec.schema.field(*at).data_type())
        } else {
            ScalarValue::iter_to_array(column)?
        };
        arrays.push(array);
    }
    Ok(Some(arrays))
}

fn empty(spec: &TableSpec) -> Vec<ArrayRef> {
    spec.key
        .iter()
        .map(|at| arrow::array::new_empty_array(spec.schema.field(*at).data_type()))
        .collect()
}

/// The values a filter allows for a column, when it lists them.
fn allowed(filter: &Expr, column: &str) -> Option<Vec<ScalarValue>> {
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq,
            right,
        }) => {
            let value = if is_column(left, column) {
                constant(right)
            } else if is_column(right, column) {
                constant(left)
            } else {
                None
            };
            Some(vec![value?])
        }
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => {
            let mut values = allowed(left, column)?;
            values.extend(allowed(right, column)?);
            Some(values)
        }
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => allowed(left, column).or_else(|| allowed(right, column)),
        Expr::InList(list) if !list.negated && is_column(&list.expr, column) => {
            list.list.iter().map(constant).collect()
        }
        _ => None,
    }
}

fn is_column(expr: &Expr, column: &str) -> bool {
    matches!(expr, Expr::Column(Column { name, .. }) if name == column)
}

fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Alias(alias) => constant(&alias.expr),
        Expr::Cast(cast) => constant(&cast.expr)?.cast_to(cast.field.data_type()).ok(),
        _ => None,
    }
}

/// The value under the column's type, if nothing is lost on the way.
fn exactly(value: &ScalarValue, data_type: &arrow::datatypes::DataType) -> Option<ScalarValue> {
    if value.data_type() == *data_type {
        return Some(value.clone());
    }
    let cast = value.cast_to(data_type).ok()?;
    let back = cast.cast_to(&value.data_type()).ok()?;
    (back == *value).then_some(cast)
}
