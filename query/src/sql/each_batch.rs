//! The plan node that gives each batch of its input another schema, the rows and their order as they are.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::StreamExt;

type Turn = Arc<dyn Fn(RecordBatch) -> Result<RecordBatch> + Send + Sync>;

pub(crate) struct EachBatch {
    input: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    label: Arc<str>,
    turn: Turn,
    properties: Arc<PlanProperties>,
}

impl EachBatch {
    /// `turn` makes batches of `schema` out of those of `input`; `label` stands in the explained plan.
    pub(crate) fn over(
        input: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        label: String,
        turn: impl Fn(RecordBatch) -> Result<RecordBatch> + Send + Sync + 'static,
    ) -> Arc<dyn ExecutionPlan> {
        Arc::new(EachBatch::new(input, schema, label.into(), Arc::new(turn)))
    }

    fn new(input: Arc<dyn ExecutionPlan>, schema: SchemaRef, label: Arc<str>, turn: Turn) -> EachBatch {
        let from = input.properties();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(from.partitioning.partition_count()),
            from.emission_type,
            from.boundedness,
        );
        EachBatch {
            input,
            schema,
            label,
            turn,
            properties: Arc::new(properties),
        }
    }
}

impl fmt::Debug for EachBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EachBatch")
            .field("label", &self.label)
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for EachBatch {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl ExecutionPlan for EachBatch {
    fn name(&self) -> &str {
        "EachBatch"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(EachBatch::new(
            input,
            Arc::clone(&self.schema),
            Arc::clone(&self.label),
            Arc::clone(&self.turn),
        )))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let turn = Arc::clone(&self.turn);
        let stream = input.map(move |batch| turn(batch?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            stream,
        )))
    }
}
