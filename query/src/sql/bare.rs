//! A table of the caller, with a schema of names and types alone.
//!
//! Where rows of several tables meet, DataFusion makes one map of the metadata of their schemas; what is in it then depends on the
//! order in which they meet, and a plan that another order changes is refused. What a table means is for the catalogue to say
//! (`meta.rs`), so it does not travel with the rows. Metadata of the columns travels with them and does no harm.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Constraints, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::each_batch::EachBatch;

/// The same columns, without metadata of the whole.
pub(crate) fn schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().clone()))
}

/// The table, if need be in a wrapper.
pub(crate) fn table(table: Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
    let of = table.schema();
    if of.metadata().is_empty() {
        return table;
    }
    Arc::new(Bare {
        schema: schema(&of),
        table,
    })
}

#[derive(Debug)]
struct Bare {
    table: Arc<dyn TableProvider>,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for Bare {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.table.constraints()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = self.table.scan(state, projection, filters, limit).await?;
        let bare = schema(&scan.schema());
        let of = Arc::clone(&bare);
        let turn = move |batch: RecordBatch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let (_, columns, _) = batch.into_parts();
            Ok(RecordBatch::try_new_with_options(
                Arc::clone(&of),
                columns,
                &options,
            )?)
        };
        Ok(EachBatch::over(scan, bare, "Bare".into(), turn))
    }
}
