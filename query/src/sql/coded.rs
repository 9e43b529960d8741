//! Groups by the codes of dictionary columns instead of their text.
//!
//! A physical optimiser rule: where an aggregate reads a live scan directly and groups by text columns that are mostly stored as
//! codes, the scan gives small numbers for them, the aggregate groups by numbers, and the few groups get their text back. Dictionaries differ from
//! piece to piece, so those entries of each that are met are translated once into the numbers of this query. The plan above sees the same columns as before.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, StringViewArray, UInt32Array};
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coop::CooperativeExec;
use hashbrown::HashMap;

use super::each_batch::EachBatch;
use super::scan::LiveScan;
use crate::live::Numbering;

/// Text values of one column in one query, numbered as they appear.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    ids: HashMap<Arc<str>, u32>,
    values: Vec<Arc<str>>,
    bytes: usize,
    held: Option<MemoryReservation>,
}

/// What a value takes besides its text: two pointers, its number, and their places in the map.
const BESIDES: usize = 64;

impl Known {
    fn id(&mut self, value: &str) -> u32 {
        if let Some(id) = self.ids.get(value) {
            return *id;
        }
        let id = self.values.len() as u32;
        let value: Arc<str> = value.into();
        self.bytes += value.len() + BESIDES;
        self.values.push(Arc::clone(&value));
        self.ids.insert(value, id);
        id
    }
}

impl Numbering for Interner {
    fn entries(&self, dictionary: &StringViewArray, codes: &[u32]) -> Vec<u32> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let text = codes.iter().map(|code| dictionary.value(*code as usize));
        text.map(|text| known.id(text)).collect()
    }

    fn rows(&self, text: &StringArray) -> UInt32Array {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        text.iter()
            .map(|value| value.map(|value| known.id(value)))
            .collect()
    }
}

impl Interner {
    /// Counts what is kept here against the memory of the query.
    pub(crate) fn charge(&self, pool: &Arc<dyn MemoryPool>) -> Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = known.bytes;
        let held = known
            .held
            .get_or_insert_with(|| MemoryConsumer::new("numbered text").register(pool));
        held.try_resize(bytes)
    }

    /// The text of each number.
    fn text(&self, numbers: &UInt32Array) -> StringViewArray {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        numbers
            .iter()
            .map(|number| number.map(|number| &*known.values[number as usize]))
            .collect()
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
        by_codes(plan)
    }

    fn name(&self) -> &str {
        "group_by_codes"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A plan whose groups are numbers where that pays.
pub(crate) fn by_codes(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(rewrite).data()
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
    // A limit by some order is a hint alone, and numbers are not in the order of their text.
    let unordered = aggregate
        .limit_options()
        .filter(|limit| limit.descending().is_none());
    let by_code = by_code.with_limit_options(unordered);
    Ok(Transformed::yes(decoded(
        Arc::new(by_code),
        decode,
        aggregate.schema(),
    )))
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
fn decoded(
    input: Arc<dyn ExecutionPlan>,
    columns: Vec<Option<Arc<Interner>>>,
    schema: SchemaRef,
) -> Arc<dyn ExecutionPlan> {
    let names: Vec<&str> = columns
        .iter()
        .zip(schema.fields())
        .filter(|(column, _)| column.is_some())
        .map(|(_, field)| field.name().as_str())
        .collect();
    let label = format!("Decode: columns=[{}]", names.join(", "));
    let of = Arc::clone(&schema);
    EachBatch::over(input, schema, label, move |batch| decode(&batch, &columns, &of))
}

fn decode(batch: &RecordBatch, columns: &[Option<Arc<Interner>>], schema: &SchemaRef) -> Result<RecordBatch> {
    let arrays = batch
        .columns()
        .iter()
        .enumerate()
        .map(|(i, array)| -> Result<ArrayRef> {
            match columns.get(i).and_then(Option::as_ref) {
                Some(interner) => Ok(Arc::new(interner.text(array.as_primitive()))),
                None => Ok(Arc::clone(array)),
            }
        });
    Ok(RecordBatch::try_new(
        Arc::clone(schema),
        arrays.collect::<Result<Vec<_>>>()?,
    )?)
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    use super::*;

    #[test]
    fn numbered_text_counts_against_the_memory_of_the_query() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(4 << 10));
        let interner = Interner::default();
        let number = |n: usize| interner.rows(&StringArray::from_iter_values((0..n).map(|n| n.to_string())));
        assert_eq!(number(20), number(20));
        assert!(interner.charge(&pool).is_ok());
        number(200);
        assert!(interner.charge(&pool).is_err());
        drop(interner);
        assert_eq!(pool.reserved(), 0);
    }
}
