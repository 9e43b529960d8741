//! Groups by the codes of dictionary columns instead of their text.
//!
//! A physical optimiser rule: where an aggregate reads a live scan directly and groups by text columns that are mostly stored as
//! codes, the scan gives small numbers for them, the aggregate groups by numbers, and the few groups get their text back. Dictionaries differ from
//! piece to piece, so each is translated once into the numbers of this query. The plan above sees the same columns as before.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{SchemaRef, UInt32Type};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::ReplaceChildrenOptions;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::StreamExt;

use super::scan::LiveScan;

/// Text values of one column in one query, numbered as they appear.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    ids: HashMap<Arc<str>, u32>,
    values: Vec<Arc<str>>,
}

impl Known {
    fn id(&mut self, value: &str) -> u32 {
        if let Some(id) = self.ids.get(value) {
            return *id;
        }
        let id = self.values.len() as u32;
        let value: Arc<str> = value.into();
        self.values.push(Arc::clone(&value));
        self.ids.insert(value, id);
        id
    }
}

impl Interner {
    /// The number of each dictionary entry.
    pub(crate) fn translate(&self, dictionary: &StringViewArray) -> Vec<u32> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        dictionary
            .iter()
            .map(|value| known.id(value.unwrap_or_default()))
            .collect()
    }

    /// The number of each row of plain text.
    pub(crate) fn number(&self, text: &StringArray) -> UInt32Array {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        text.iter()
            .map(|value| value.map(|value| known.id(value)))
            .collect()
    }

    fn values(&self) -> StringViewArray {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        StringViewArray::from_iter_values(known.values.iter())
    }
}

/// The rule.
#[derive(Debug)]
pub(crate) struct GroupByCodes;

impl PhysicalOptimizerRule for GroupByCodes {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(rewrite).data()
    }

    fn name(&self) -> &str {
        "group_by_codes"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn rewrite(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(aggregate) = node.downcast_ref::<AggregateExec>() else {
        return Ok(Transformed::no(node));
    };
    let first = matches!(
        aggregate.mode(),
        AggregateMode::Partial | AggregateMode::Single | AggregateMode::SinglePartitioned
    );
    if !first || !aggregate.group_expr().is_single() || !aggregate.dynamic_expressions_produced().is_empty() {
        return Ok(Transformed::no(node));
    }
    let Some((scan, cooperative)) = scan_below(aggregate.input()) else {
        return Ok(Transformed::no(node));
    };
    let coded = coded_columns(aggregate, scan);
    if coded.is_empty() {
        return Ok(Transformed::no(node));
    }
    let (scan, interners) = scan.with_codes(&coded)?;
    let mut input: Arc<dyn ExecutionPlan> = Arc::new(scan);
    if cooperative {
        input = Arc::new(CooperativeExec::new(input));
    }
    let decode = aggregate.group_expr().expr().iter().map(|(expr, _)| {
        let column = expr.downcast_ref::<Column>()?;
        interners.get(&column.index()).cloned()
    });
    let decode: Vec<_> = decode.collect();
    let schema = input.schema();
    let by_code = AggregateExec::try_new(
        *aggregate.mode(),
        aggregate.group_expr().clone(),
        aggregate.aggr_expr().to_vec(),
        aggregate.filter_expr().to_vec(),
        input,
        schema,
    )?;
    let by_code = by_code.with_limit_options(aggregate.limit_options());
    Ok(Transformed::yes(Arc::new(Decode::new(
        Arc::new(by_code),
        decode,
        aggregate.schema(),
    ))))
}

fn scan_below(input: &Arc<dyn ExecutionPlan>) -> Option<(&LiveScan, bool)> {
    if let Some(scan) = input.downcast_ref::<LiveScan>() {
        return Some((scan, false));
    }
    let cooperative = input.downcast_ref::<CooperativeExec>()?;
    Some((cooperative.input().downcast_ref::<LiveScan>()?, true))
}

/// Group columns that the scan has codes for and that nothing else in the aggregate reads.
fn coded_columns(aggregate: &AggregateExec, scan: &LiveScan) -> BTreeSet<usize> {
    let mut coded = BTreeSet::new();
    let mut read: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
    for (expr, _) in aggregate.group_expr().expr() {
        match expr.downcast_ref::<Column>() {
            Some(column) if scan.is_coded(column.index()) => drop(coded.insert(column.index())),
            Some(_) => {}
            None => read.push(Arc::clone(expr)),
        }
    }
    for function in aggregate.aggr_expr() {
        read.extend(function.expressions());
        read.extend(function.order_bys().iter().map(|o| Arc::clone(&o.expr)));
    }
    read.extend(aggregate.filter_expr().iter().flatten().cloned());
    for expr in &read {
        for column in collect_columns(expr) {
            coded.remove(&column.index());
        }
    }
    coded
}

/// Gives numbered group columns their text back.
#[derive(Debug)]
struct Decode {
    input: Arc<dyn ExecutionPlan>,
    columns: Vec<Option<Arc<Interner>>>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl Decode {
    fn new(input: Arc<dyn ExecutionPlan>, columns: Vec<Option<Arc<Interner>>>, schema: SchemaRef) -> Decode {
        let from = input.properties();
        let partitions = from.partitioning.partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            datafusion::physical_plan::Partitioning::UnknownPartitioning(partitions),
            from.emission_type,
            from.boundedness,
        );
        Decode {
            input,
            columns,
            schema,
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for Decode {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .columns
            .iter()
            .zip(self.schema.fields())
            .filter(|(c, _)| c.is_some())
            .map(|(_, f)| f.name().as_str())
            .collect();
        write!(f, "Decode: columns=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for Decode {
    fn name(&self) -> &str {
        "Decode"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Decode::new(
            input,
            self.columns.clone(),
            Arc::clone(&self.schema),
        )))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(
            datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute,
        );
        self.replace_children(children, options)
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let columns = self.columns.clone();
        let schema = Arc::clone(&self.schema);
        let stream = input.map(move |batch| decode(&batch?, &columns, &schema));
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            stream,
        )))
    }
}

fn decode(batch: &RecordBatch, columns: &[Option<Arc<Interner>>], schema: &SchemaRef) -> Result<RecordBatch> {
    let arrays = batch
        .columns()
        .iter()
        .enumerate()
        .map(|(i, array)| -> Result<ArrayRef> {
            match columns.get(i).and_then(Option::as_ref) {
                Some(interner) => Ok(take(
                    &interner.values(),
                    array.as_primitive::<UInt32Type>(),
                    None,
                )?),
                None => Ok(Arc::clone(array)),
            }
        });
    Ok(RecordBatch::try_new(
        Arc::clone(schema),
        arrays.collect::<Result<Vec<_>>>()?,
    )?)
}
