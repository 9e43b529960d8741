//! Skips sealed pieces whose smallest and largest values cannot meet the filters, and filters that a piece meets with every value.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::SchemaRef;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, IsNotNullExpr};
use datafusion::physical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;

use super::filter::Filter;
use crate::live::{Piece, Range};

struct Ranges<'a> {
    schema: &'a SchemaRef,
    pieces: &'a [Arc<Piece>],
}

impl Ranges<'_> {
    fn of(&self, column: &Column, get: impl Fn(&Range) -> ScalarValue) -> Option<ArrayRef> {
        let at = self.schema.index_of(&column.name).ok()?;
        let none = ScalarValue::try_from(self.schema.field(at).data_type()).ok()?;
        let values = self.pieces.iter().map(|p| {
            p.ranges
                .get(at)
                .and_then(Option::as_ref)
                .map_or_else(|| none.clone(), &get)
        });
        ScalarValue::iter_to_array(values).ok()
    }
}

impl PruningStatistics for Ranges<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, |r| r.min.clone())
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, |r| r.max.clone())
    }

    fn num_containers(&self) -> usize {
        self.pieces.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let at = self.schema.index_of(&column.name).ok()?;
        let nulls = self
            .pieces
            .iter()
            .map(|p| p.ranges.get(at).and_then(Option::as_ref).map(|r| r.nulls as u64));
        Some(Arc::new(nulls.collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(
            self.pieces.iter().map(|p| u64::from(p.rows)),
        )))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// Which pieces may hold rows that pass; nothing when that cannot be told.
pub(crate) fn keep(filters: &[Filter], schema: &SchemaRef, pieces: &[Arc<Piece>]) -> Option<Vec<bool>> {
    if filters.is_empty() || pieces.len() < 2 {
        return None;
    }
    let all = conjunction(filters.iter().map(|f| Arc::clone(&f.whole)));
    let predicate = PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(schema))
        .try_build(all)
        .ok()?;
    predicate.prune(&Ranges { schema, pieces }).ok()
}

/// In which pieces every row passes a filter, as far as can be told without looking at rows: all values lie within, and none is null.
pub(crate) fn sure(filter: &Filter, schema: &SchemaRef, pieces: &[Arc<Piece>]) -> Vec<bool> {
    let unsure = || vec![false; pieces.len()];
    let &[column] = filter.reads() else {
        return unsure();
    };
    // Of floats the smallest and the largest do not tell of NaN; words are asked of dictionaries.
    let of = schema.field(column).data_type();
    if !(of.is_integer() || of.is_temporal()) {
        return unsure();
    }
    let whole = |piece: &Piece| {
        let range = piece.ranges.get(column).and_then(Option::as_ref);
        range.is_some_and(|range| range.nulls == 0)
    };
    if filter.whole.is::<IsNotNullExpr>() {
        return pieces.iter().map(|piece| whole(piece)).collect();
    }
    let compared = filter.whole.downcast_ref::<BinaryExpr>();
    let Some((compared, fails)) = compared
        .filter(|compared| {
            matches!(
                compared.op(),
                Operator::Lt
                    | Operator::LtEq
                    | Operator::Gt
                    | Operator::GtEq
                    | Operator::Eq
                    | Operator::NotEq
            )
        })
        .and_then(|compared| Some((compared, compared.op().negate()?)))
    else {
        return unsure();
    };
    let fails = BinaryExpr::new(Arc::clone(compared.left()), fails, Arc::clone(compared.right()));
    let predicate = PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(schema))
        .try_build(Arc::new(fails));
    let may_fail = predicate.and_then(|predicate| predicate.prune(&Ranges { schema, pieces }));
    let Ok(may_fail) = may_fail else {
        return unsure();
    };
    let pieces = pieces.iter().zip(may_fail);
    pieces
        .map(|(piece, may_fail)| !may_fail && whole(piece))
        .collect()
}
