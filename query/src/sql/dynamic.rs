//! Filters that are known only while a query runs: what the smaller side of a join turned out to hold, or what the best rows so far leave possible. A scan asks them
//! of dictionaries, where they cost next to nothing; a piece without one is read whole. Whoever made such a filter applies it again, so nothing rests on it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_expr::expressions::{Column as ColumnExpr, DynamicFilterTracking};
use datafusion::physical_expr::{PhysicalExpr, split_conjunction};
use datafusion::physical_expr_common::physical_expr::snapshot_physical_expr;

use super::filter::Filter;

/// One filter of a query that runs, over the whole table schema.
#[derive(Debug, Clone)]
pub(crate) struct Dynamic(Arc<dyn PhysicalExpr>);

impl Dynamic {
    /// Of a filter over the columns of a projection; none when it will not change while the query runs.
    pub(crate) fn of(
        filter: &Arc<dyn PhysicalExpr>,
        projection: &[usize],
        table: &SchemaRef,
    ) -> Result<Option<Self>> {
        if !DynamicFilterTracking::classify(filter).contains_dynamic_filter() {
            return Ok(None);
        }
        let whole = Arc::clone(filter).transform(|expr| {
            let Some(column) = expr.downcast_ref::<ColumnExpr>() else {
                return Ok(Transformed::no(expr));
            };
            let at = projection[column.index()];
            Ok(Transformed::yes(
                Arc::new(ColumnExpr::new(table.field(at).name(), at)) as _,
            ))
        });
        Ok(Some(Self(whole.data()?)))
    }

    /// The filter itself.
    pub(crate) fn expr(&self) -> &Arc<dyn PhysicalExpr> {
        &self.0
    }

    /// What it says by now, as filters that dictionaries can answer.
    pub(crate) fn now(&self, table: &SchemaRef) -> Result<Vec<Filter>> {
        let now = snapshot_physical_expr(Arc::clone(&self.0))?;
        split_conjunction(&now)
            .into_iter()
            .map(|conjunct| Filter::new(Arc::clone(conjunct), table))
            .filter(|filter| filter.as_ref().map_or(true, Filter::is_by_dictionary))
            .collect()
    }
}
