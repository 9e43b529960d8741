//! Filters inside a scan: evaluated before anything is decoded, on dictionaries where a column has one.
//!
//! A filter sees live rows only, since a dead version of a row may hold values on which an expression fails. Key lookups and
//! the skipping of whole chunks are found in `lookup.rs` and `prune.rs`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions,
    UInt32Array,
};
use arrow::compute::{FilterBuilder, FilterPredicate, and, prep_null_mask_filter};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column as ColumnExpr, InListExpr, Literal};
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};

use crate::live::{Column, Kept};

/// One conjunct, over the few columns it reads.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// Over the whole table schema.
    pub(crate) whole: Arc<dyn PhysicalExpr>,
    /// Over the columns of `reads` alone.
    expr: Arc<dyn PhysicalExpr>,
    reads: Vec<usize>,
    schema: SchemaRef,
    by_dictionary: bool,
    /// The words that its column may be, if it asks that and nothing else; no two alike.
    words: Option<Arc<[String]>>,
}

impl Filter {
    pub(crate) fn new(whole: Arc<dyn PhysicalExpr>, table: &SchemaRef) -> Result<Filter> {
        let mut reads: Vec<usize> = collect_columns(&whole).iter().map(|c| c.index()).collect();
        reads.sort_unstable();
        // A dictionary is asked what it says of null as well, whether the column holds any or not.
        let fields = reads
            .iter()
            .map(|at| table.field(*at).clone().with_nullable(true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let expr = reassign_expr_columns(Arc::clone(&whole), &schema)?;
        let by_dictionary = reads.len() == 1 && *schema.field(0).data_type() == DataType::Utf8View;
        let words = words(&whole).filter(|_| by_dictionary).map(|mut words| {
            words.sort_unstable();
            words.dedup();
            words.into()
        });
        Ok(Filter {
            whole,
            expr,
            reads,
            schema,
            by_dictionary,
            words,
        })
    }

    /// The column that must be one of some words, and these.
    pub(crate) fn words(&self) -> Option<(usize, &[String])> {
        Some((*self.reads.first()?, self.words.as_deref()?))
    }

    /// Dictionary filters cost next to nothing, so they go first.
    pub(crate) fn cost(&self) -> usize {
        if self.by_dictionary {
            0
        } else {
            self.reads.len().max(1)
        }
    }

    /// The columns of the table that it reads.
    pub(crate) fn reads(&self) -> &[usize] {
        &self.reads
    }

    /// Whether a dictionary can answer it.
    pub(crate) fn is_by_dictionary(&self) -> bool {
        self.by_dictionary
    }

    fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<BooleanArray> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        let verdict = self.expr.evaluate(&batch)?.into_array(rows)?;
        let verdict = verdict.as_boolean();
        Ok(if verdict.null_count() > 0 {
            prep_null_mask_filter(verdict)
        } else {
            verdict.clone()
        })
    }

    /// The verdict on each dictionary entry and, last, on null. Nothing when there is no dictionary, or when some entry (perhaps of a dead row) fails.
    pub(crate) fn verdicts(&self, columns: &[Column]) -> Option<Vec<bool>> {
        if !self.by_dictionary {
            return None;
        }
        let values = columns[self.reads[0]].dictionary()?;
        let with_null =
            arrow::compute::concat(&[values, &arrow::array::new_null_array(&DataType::Utf8View, 1)]).ok()?;
        let verdict = self.evaluate(vec![with_null], values.len() + 1).ok()?;
        Some(verdict.values().iter().collect())
    }

    /// Narrows the selected rows (nothing means all).
    fn narrow(
        &self,
        columns: &[Column],
        verdicts: Option<&[bool]>,
        selected: Option<BooleanArray>,
    ) -> Result<BooleanArray> {
        let rows = columns.first().map_or(0, Column::len);
        if let Some(verdicts) = verdicts
            && let Some(mask) = columns[self.reads[0]].spread(verdicts)
        {
            return Ok(match selected {
                Some(selected) => and(&selected, &mask)?,
                None => mask,
            });
        }
        let Some(selected) = selected else {
            let arrays = self
                .reads
                .iter()
                .map(|c| columns[*c].expose(Kept::All))
                .collect::<Result<Vec<_>, _>>()?;
            return self.evaluate(arrays, rows);
        };
        let kept = FilterBuilder::new(&selected).optimize().build();
        let arrays = self
            .reads
            .iter()
            .map(|c| columns[*c].expose(Kept::Where(&kept)))
            .collect::<Result<Vec<_>, _>>()?;
        let kept = self.evaluate(arrays, kept.count())?;
        let mut mask = BooleanBufferBuilder::new(rows);
        mask.append_n(rows, false);
        for (nth, row) in selected.values().set_indices().enumerate() {
            if kept.value(nth) {
                mask.set_bit(row, true);
            }
        }
        Ok(BooleanArray::new(mask.finish(), None))
    }
}

/// The words that an expression wants a column to be one of; none of any other expression.
fn words(expr: &Arc<dyn PhysicalExpr>) -> Option<Vec<String>> {
    let word = |expr: &Arc<dyn PhysicalExpr>| {
        let literal = expr.downcast_ref::<Literal>()?;
        literal.value().try_as_str()?.map(str::to_owned)
    };
    if let Some(list) = expr.downcast_ref::<InListExpr>() {
        let plain = !list.negated() && list.expr().is::<ColumnExpr>();
        return list
            .list()
            .iter()
            .filter(|_| plain)
            .map(word)
            .collect::<Option<Vec<_>>>()
            .filter(|_| plain);
    }
    let binary = expr.downcast_ref::<BinaryExpr>()?;
    let (left, right) = (binary.left(), binary.right());
    match binary.op() {
        Operator::Eq if left.is::<ColumnExpr>() => Some(vec![word(right)?]),
        Operator::Eq if right.is::<ColumnExpr>() => Some(vec![word(left)?]),
        Operator::Or => {
            let mut either = words(left)?;
            either.extend(words(right)?);
            Some(either)
        }
        _ => None,
    }
}

/// The verdicts of all filters on the dictionaries of one piece.
pub(crate) type Verdicts = Vec<Option<Vec<bool>>>;

/// Rows of a window.
pub(crate) enum Selected {
    None,
    All,
    These(FilterPredicate),
    /// By number, in their order.
    Rows(UInt32Array),
}

/// The rows of `columns` that live and pass all filters.
pub(crate) fn select(
    columns: &[Column],
    live: Option<BooleanArray>,
    filters: &[Filter],
    verdicts: &Verdicts,
) -> Result<Selected> {
    let rows = columns.first().map_or(0, Column::len);
    let mut selected = live;
    for (filter, verdicts) in filters.iter().zip(verdicts) {
        if selected.as_ref().is_some_and(|s| !s.has_true()) {
            break;
        }
        selected = Some(filter.narrow(columns, verdicts.as_deref(), selected)?);
    }
    Ok(match selected {
        None if rows == 0 => Selected::None,
        None => Selected::All,
        Some(mask) => match mask.true_count() {
            0 => Selected::None,
            count if count == rows => Selected::All,
            _ => Selected::These(FilterBuilder::new(&mask).optimize().build()),
        },
    })
}

/// Those of some rows of `columns`, of which each lives, that pass all filters.
pub(crate) fn select_among(
    columns: &[Column],
    mut rows: UInt32Array,
    filters: &[Filter],
) -> Result<Selected> {
    for filter in filters {
        if rows.is_empty() {
            return Ok(Selected::None);
        }
        let kept = Kept::At(&rows);
        let arrays = filter.reads.iter().map(|c| columns[*c].expose(kept));
        let verdict = filter.evaluate(arrays.collect::<Result<Vec<_>, _>>()?, rows.len())?;
        if verdict.has_false() {
            rows = arrow::compute::filter(&rows, &verdict)?.as_primitive().clone();
        }
    }
    Ok(if rows.is_empty() {
        Selected::None
    } else {
        Selected::Rows(rows)
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use arrow::datatypes::Field;
    use datafusion::common::ScalarValue;
    use datafusion::physical_expr::expressions::{binary, col, in_list, lit};

    use super::*;

    #[test]
    fn a_dictionary_is_asked_whether_the_column_may_hold_nulls_or_not() {
        for nullable in [false, true] {
            let field = Field::new("sku", DataType::Utf8View, nullable);
            let schema: SchemaRef = Arc::new(Schema::new(vec![field]));
            let text = (0..100).map(|n| Some(["a", "b", "c"][n % 3]));
            let column = Column::Text(text.collect::<StringArray>()).seal(&DataType::Utf8View);
            let b = lit(ScalarValue::Utf8View(Some("b".into())));
            let is_b = binary(col("sku", &schema).unwrap(), Operator::Eq, b, &schema).unwrap();
            let filter = Filter::new(is_b, &schema).unwrap();
            let verdicts = filter.verdicts(&[column]);
            assert_eq!(
                verdicts,
                Some(vec![false, true, false, false]),
                "nullable: {nullable}"
            );
        }
    }

    #[test]
    fn the_words_that_a_column_may_be_are_known_where_nothing_else_is_asked() {
        let fields = ["sku", "style"].map(|name| Field::new(name, DataType::Utf8View, true));
        let schema: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
        let sku = || col("sku", &schema).unwrap();
        let word = |word: &str| lit(ScalarValue::Utf8View(Some(word.into())));
        let of = |left, op, right| binary(left, op, right, &schema).unwrap();
        let is = |name: &str| of(sku(), Operator::Eq, word(name));
        let some = |words: &[&str], negated: &bool| {
            let list = words.iter().map(|name| word(name)).collect();
            in_list(sku(), list, negated, &schema).unwrap()
        };
        let null = lit(ScalarValue::Utf8View(None));
        let cases = [
            (is("a"), Some(vec!["a"])),
            (of(word("a"), Operator::Eq, sku()), Some(vec!["a"])),
            (
                of(is("b"), Operator::Or, of(is("a"), Operator::Or, is("b"))),
                Some(vec!["a", "b"]),
            ),
            (
                some(&["c", "a", "b", "d"], &false),
                Some(vec!["a", "b", "c", "d"]),
            ),
            (some(&["c", "a", "b", "d"], &true), None),
            (of(sku(), Operator::NotEq, word("a")), None),
            (of(sku(), Operator::Lt, word("a")), None),
            (of(sku(), Operator::Eq, null), None),
            (of(is("a"), Operator::And, is("b")), None),
            (
                of(
                    is("a"),
                    Operator::Or,
                    of(col("style", &schema).unwrap(), Operator::Eq, word("a")),
                ),
                None,
            ),
        ];
        for (expr, expected) in cases {
            let filter = Filter::new(Arc::clone(&expr), &schema).unwrap();
            let words = filter.words().map(|(at, words)| (at, words.to_vec()));
            assert_eq!(
                words,
                expected.map(|words| (0, words.into_iter().map(str::to_owned).collect())),
                "{expr}"
            );
        }
    }
}
