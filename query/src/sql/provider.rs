//! A live table as DataFusion sees it. The one place that meets DataFusion's table API.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{
    Constraint, Constraints, DFSchema, DFSchemaRef, DataFusionError, Result, ScalarValue,
};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_plan::ExecutionPlan;

use super::filter::Filter;
use super::lookup;
use super::scan::LiveScan;
use crate::live::{LiveTables, Snapshot, TableSpec};

/// The snapshot a query reads, carried by its session so that every part of the plan reads the same one.
#[derive(Debug)]
pub struct Pin(pub Arc<Snapshot>);

/// One live table.
#[derive(Debug)]
pub(crate) struct LiveTable {
    tables: Arc<LiveTables>,
    number: usize,
    spec: Arc<TableSpec>,
    constraints: Constraints,
}

impl LiveTable {
    pub(crate) fn new(tables: &Arc<LiveTables>, number: usize) -> LiveTable {
        let spec = Arc::clone(&tables.specs()[number]);
        let constraints = Constraints::new_unverified(vec![Constraint::PrimaryKey(spec.key.clone())]);
        LiveTable {
            tables: Arc::clone(tables),
            number,
            spec,
            constraints,
        }
    }
}

/// The filters with their constants computed: a prepared statement's parameters come in only now.
fn folded(state: &dyn Session, schema: &DFSchemaRef, filters: &[Expr]) -> Result<Vec<Expr>> {
    if filters.is_empty() {
        return Ok(Vec::new());
    }
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(schema))
        .with_config_options(Arc::clone(state.config().options()))
        .with_query_execution_start_time(state.execution_props().query_execution_start_time)
        .build();
    let simplifier = ExprSimplifier::new(context);
    let simplified = filters.iter().map(|f| simplifier.simplify(f.clone()));
    // What holds for every row is no filter.
    simplified
        .filter(|filter| !matches!(filter, Ok(Expr::Literal(ScalarValue::Boolean(Some(true)), _))))
        .collect()
}

/// The snapshot the session has pinned.
pub(crate) fn pinned(state: &dyn Session, tables: &LiveTables) -> Arc<Snapshot> {
    match state.config().get_extension::<Pin>() {
        Some(pin) => Arc::clone(&pin.0),
        None => tables.snapshot(),
    }
}

/// The last log sequence a query may see: for tables of the caller that read the log itself.
pub fn pinned_sequence(state: &dyn Session, tables: &LiveTables) -> u64 {
    pinned(state, tables).sequence()
}

#[async_trait]
impl TableProvider for LiveTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.spec.schema)
    }

    fn constraints(&self) -> Option<&Constraints> {
        Some(&self.constraints)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // All of them are applied in the scan, on every row it gives.
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let snapshot = pinned(state, &self.tables);
        let table = snapshot.table(self.number).ok_or_else(|| {
            DataFusionError::Internal(format!("table {} is not in the snapshot", self.spec.name))
        })?;
        let schema = Arc::new(DFSchema::try_from(Arc::clone(&self.spec.schema))?);
        let filters = &folded(state, &schema, filters)?;
        let found = match lookup::keys(&self.spec, filters)? {
            Some(keys) => table
                .find(&keys)
                .map_err(|e| DataFusionError::External(Box::new(e)))?,
            None => None,
        };
        let compile =
            |f: &Expr| Filter::new(state.create_physical_expr(f.clone(), &schema)?, &self.spec.schema);
        let compiled = filters.iter().map(compile).collect::<Result<Vec<_>>>()?;
        let projection = projection
            .cloned()
            .unwrap_or_else(|| (0..self.spec.schema.fields().len()).collect());
        let partitions = state.config().target_partitions();
        Ok(Arc::new(LiveScan::new(
            Arc::clone(table),
            found,
            projection,
            compiled,
            limit,
            partitions,
        )?))
    }
}
