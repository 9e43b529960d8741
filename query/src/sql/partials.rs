//! Sums of chunks, kept between queries.
//!
//! Pages ask the same groups of a large table again and again, while nearly all of its rows stand as they did. A sealed chunk in which no row has died since
//! gives the same partial aggregate as before, so of an aggregate that is asked a second time the partial of each sealed chunk is kept, and from then on only
//! chunks that changed are read. Where a filter on words leaves few rows of each chunk, to keep them costs more than to read them once more, so that is done from
//! the third time on, some chunks at a time. Nothing rests on what is kept: it is used where the rows are known to be the same, and may be forgotten at any time.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Volatility;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal,
    NegativeExpr, NotExpr, TryCastExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::udaf::AggregateFunctionExpr;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

use super::coded;
use super::portions;
use super::scan::{LiveScan, OfChunk};
use crate::live::Standing;

/// Sealed chunks from which keeping pays.
const CHUNKS: usize = 4;
/// Rows that a group of a chunk stands for at least; a chunk of few rows counts as one of so many.
const ROWS_PER_GROUP: usize = 8;
const FEW_ROWS: usize = 1 << 10;
/// Chunks of which a partition keeps the partial at one time, where that costs more than reading them.
const AT_A_TIME: usize = 8;
/// Aggregates that are remembered, with partials or as asked once.
const REMEMBERED: usize = 1 << 10;
/// Bytes of all partials.
const BYTES: usize = 128 << 20;
/// Aggregates whose partials are a few figures a group.
const FLAT: [&str; 3] = ["sum", "count", "avg"];

/// An aggregate over a table, whatever the rows. Holds none of them.
#[derive(Debug, Clone)]
struct Question {
    table: Arc<str>,
    /// From the aggregate down to the scan: what each node makes, and out of which expressions.
    nodes: Vec<(SchemaRef, Vec<Arc<dyn PhysicalExpr>>)>,
    groups: PhysicalGroupBy,
    functions: Vec<Arc<AggregateFunctionExpr>>,
    /// Few rows of each chunk are left by its filters.
    narrow: bool,
}

impl Question {
    /// Of an aggregate that adds up rows of a scan; none when anything but the rows has a say in it.
    fn of(aggregate: &AggregateExec) -> Option<Self> {
        // What is kept apart by `filter (where ...)` would have to be told from what is not.
        if aggregate.filter_expr().iter().any(Option::is_some) {
            return None;
        }
        let flat = aggregate.aggr_expr().iter().all(|function| {
            FLAT.contains(&function.fun().name())
                && !function.is_distinct()
                && !function.ignore_nulls()
                && function.order_bys().is_empty()
        });
        let plain = *aggregate.mode() == AggregateMode::Partial
            && aggregate.limit_options().is_none()
            && aggregate.dynamic_expressions_produced().is_empty();
        if !flat || !plain {
            return None;
        }
        let mut nodes = Vec::new();
        let mut node: &dyn ExecutionPlan = aggregate;
        loop {
            let mut roots = Vec::new();
            let mut known = true;
            let took = node.apply_expressions(&mut |root| {
                known &= is_known(root);
                roots.push(Arc::clone(root));
                Ok(TreeNodeRecursion::Continue)
            });
            if took.is_err() || !known {
                return None;
            }
            nodes.push((node.schema(), roots));
            if let Some(scan) = node.downcast_ref::<LiveScan>() {
                return Some(Self {
                    table: scan.plain()?.into(),
                    nodes,
                    groups: aggregate.group_expr().clone(),
                    functions: aggregate.aggr_expr().to_vec(),
                    narrow: scan.asks_dictionaries(),
                });
            }
            let through = node.is::<AggregateExec>() && nodes.len() == 1
                || node.is::<ProjectionExec>()
                || node.is::<CooperativeExec>();
            match node.children()[..] {
                [one] if through => node = one.as_ref(),
                _ => return None,
            }
        }
    }
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
            && self.nodes == other.nodes
            && self.groups == other.groups
            && self.functions == other.functions
    }
}

impl Eq for Question {}

impl Hash for Question {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.table.hash(state);
        for (schema, roots) in &self.nodes {
            schema.fields().len().hash(state);
            roots.hash(state);
        }
    }
}

/// Whether an expression is of kinds that say all they depend on.
fn is_known(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let known = expr.is::<Column>()
        || expr.is::<Literal>()
        || expr.is::<BinaryExpr>()
        || expr.is::<CaseExpr>()
        || expr.is::<CastExpr>()
        || expr.is::<TryCastExpr>()
        || expr.is::<InListExpr>()
        || expr.is::<IsNullExpr>()
        || expr.is::<IsNotNullExpr>()
        || expr.is::<LikeExpr>()
        || expr.is::<NotExpr>()
        || expr.is::<NegativeExpr>()
        || expr
            .downcast_ref::<ScalarFunctionExpr>()
            .is_some_and(|call| call.fun().signature().volatility == Volatility::Immutable);
    known && expr.children().into_iter().all(is_known)
}

/// What is kept of a question.
#[derive(Debug, Default)]
struct Answers {
    /// By place of the chunk in memory.
    of: Mutex<HashMap<usize, (Standing, RecordBatch, usize)>>,
    /// Its groups are too many for its rows.
    vain: AtomicBool,
    /// When it was asked last, and how often.
    asked: AtomicU64,
    times: AtomicU64,
}

impl Answers {
    fn get(&self, standing: &Standing) -> Option<RecordBatch> {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, batch, _) = of.get(&standing.place())?;
        (kept == standing).then(|| batch.clone())
    }

    fn bytes(&self) -> usize {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.values().map(|(_, _, bytes)| bytes).sum()
    }

    /// Keeps a partial, and forgets those of chunks that are gone.
    fn put(&self, standing: Standing, batch: RecordBatch) {
        let bytes = batch.get_array_memory_size() + standing.bytes();
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.retain(|_, (kept, _, _)| kept.exists());
        of.insert(standing.place(), (standing, batch, bytes));
    }

    /// Whether a chunk of so many rows is worth keeping in so many groups.
    fn judge(&self, rows: usize, groups: usize) -> bool {
        let worth = groups * ROWS_PER_GROUP <= rows.max(FEW_ROWS);
        if !worth {
            self.vain.store(true, Ordering::Relaxed);
            self.of.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        worth
    }
}

/// The rule, with what it keeps.
#[derive(Debug, Default)]
pub(crate) struct KeepPartials {
    known: Mutex<HashMap<Question, Arc<Answers>>>,
    clock: AtomicU64,
}

impl KeepPartials {
    /// What is kept of a question that was asked before and is worth it.
    fn answers(&self, question: &Question) -> Option<Arc<Answers>> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(question) {
            if known.len() >= REMEMBERED {
                forget_oldest(&mut known);
            }
            known.insert(question.clone(), Arc::new(Answers::default()));
        }
        let answers = Arc::clone(known.get(question)?);
        answers.asked.store(now, Ordering::Relaxed);
        let patience = if question.narrow { 2 } else { 1 };
        if answers.times.fetch_add(1, Ordering::Relaxed) < patience {
            return None;
        }
        while known.len() > 1 && known.values().map(|of| of.bytes()).sum::<usize>() > BYTES {
            forget_oldest(&mut known);
        }
        (!answers.vain.load(Ordering::Relaxed)).then_some(answers)
    }
}

fn forget_oldest(known: &mut HashMap<Question, Arc<Answers>>) {
    let oldest = known
        .iter()
        .min_by_key(|(_, of)| of.asked.load(Ordering::Relaxed));
    if let Some(oldest) = oldest.map(|(question, _)| question.clone()) {
        known.remove(&oldest);
    }
}

impl PhysicalOptimizerRule for KeepPartials {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(aggregate) = node.downcast_ref::<AggregateExec>() else {
                return Ok(Transformed::no(node));
            };
            let aggregate = Arc::new(aggregate.clone());
            let enough = scan_of(aggregate.as_ref()).is_some_and(|scan| scan.sealed_chunks() >= CHUNKS);
            let question = if enough { Question::of(&aggregate) } else { None };
            let answers = question.and_then(|question| Some((self.answers(&question)?, question.narrow)));
            Ok(match answers {
                Some((answers, narrow)) => Transformed::yes(Arc::new(Kept {
                    child: node,
                    aggregate,
                    answers,
                    narrow,
                }) as _),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "keep_partials"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The scan at the end of a chain of nodes.
fn scan_of(node: &dyn ExecutionPlan) -> Option<&LiveScan> {
    match (node.downcast_ref::<LiveScan>(), &node.children()[..]) {
        (Some(scan), _) => Some(scan),
        (None, &[one]) => scan_of(one.as_ref()),
        _ => None,
    }
}

/// The same chain over another scan, and its groups by codes where that pays.
fn over(aggregate: &Arc<AggregateExec>, scan: LiveScan) -> Result<Arc<dyn ExecutionPlan>> {
    fn chain(node: &Arc<dyn ExecutionPlan>, scan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        match node.children().as_slice() {
            [] => Ok(scan),
            [one, ..] => {
                let below = chain(one, scan)?;
                let again = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
                Arc::clone(node).replace_children(vec![below], again)
            }
        }
    }
    let whole: Arc<dyn ExecutionPlan> = Arc::clone(aggregate) as _;
    coded::by_codes(chain(&whole, Arc::new(scan))?)
}

/// A partial aggregate, chunk by chunk.
#[derive(Debug)]
struct Kept {
    /// The aggregate as later rules leave it.
    child: Arc<dyn ExecutionPlan>,
    /// As it was asked, over the scan.
    aggregate: Arc<AggregateExec>,
    answers: Arc<Answers>,
    narrow: bool,
}

impl DisplayAs for Kept {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chunks = scan_of(self.aggregate.as_ref()).map_or_else(Vec::new, LiveScan::by_chunk);
        let known = |of: &&OfChunk| {
            of.standing
                .as_ref()
                .is_some_and(|of| self.answers.get(of).is_some())
        };
        let kept = chunks.iter().filter(known).count();
        write!(f, "KeptPartials: chunks={}, kept={kept}", chunks.len())
    }
}

impl ExecutionPlan for Kept {
    fn name(&self) -> &str {
        "KeptPartials"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.child.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.child]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Kept {
            child: children.pop().unwrap_or_else(|| Arc::clone(&self.child)),
            aggregate: Arc::clone(&self.aggregate),
            answers: Arc::clone(&self.answers),
            narrow: self.narrow,
        }))
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
        let Some(scan) = scan_of(self.aggregate.as_ref()) else {
            return self.child.execute(partition, context);
        };
        // Later rules may have put something between: then the plan is left to itself.
        if portions::rows_at_once(&self.child).is_some() {
            return self.child.execute(partition, context);
        }
        let partitions = self.properties().partitioning.partition_count();
        let mut mine: Vec<OfChunk> = scan.by_chunk();
        mine = mine.into_iter().skip(partition).step_by(partitions).collect();
        mine.reverse();
        let run = Run {
            left: mine,
            to_keep: if self.narrow { AT_A_TIME } else { usize::MAX },
            passed_over: Vec::new(),
            rest: None,
            scan: scan.clone(),
            aggregate: Arc::clone(&self.aggregate),
            answers: Arc::clone(&self.answers),
            context,
        };
        let batches = stream::try_unfold(run, |mut run| async move {
            Ok(run.next().await?.map(|batch| (batch, run)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

/// One partition under way.
struct Run {
    /// Chunks still to come, the next one last.
    left: Vec<OfChunk>,
    /// Chunks that may still be kept, and those that were not kept for that.
    to_keep: usize,
    passed_over: Vec<OfChunk>,
    /// Everything that is left, added up without being kept.
    rest: Option<SendableRecordBatchStream>,
    scan: LiveScan,
    aggregate: Arc<AggregateExec>,
    answers: Arc<Answers>,
    context: Arc<TaskContext>,
}

impl Run {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(rest) = &mut self.rest {
                return rest.next().await.transpose();
            }
            if self.answers.vain.load(Ordering::Relaxed) {
                self.passed_over.append(&mut self.left);
            }
            let Some(chunk) = self.left.pop() else {
                if self.passed_over.is_empty() {
                    return Ok(None);
                }
                let rest = self.scan.part(&std::mem::take(&mut self.passed_over));
                self.rest = Some(over(&self.aggregate, rest)?.execute(0, Arc::clone(&self.context))?);
                continue;
            };
            if let Some(batch) = chunk.standing.as_ref().and_then(|of| self.answers.get(of)) {
                return Ok(Some(batch));
            }
            if self.to_keep == 0 || chunk.standing.is_none() {
                self.passed_over.push(chunk);
                continue;
            }
            self.to_keep -= 1;
            let plan = over(&self.aggregate, self.scan.part(std::slice::from_ref(&chunk)))?;
            let schema = plan.schema();
            let batches: Vec<RecordBatch> = plan.execute(0, Arc::clone(&self.context))?.try_collect().await?;
            let batch = compact(&concat_batches(&schema, &batches)?)?;
            if let Some(standing) = chunk.standing
                && self.answers.judge(chunk.rows, batch.num_rows())
            {
                self.answers.put(standing, batch.clone());
            }
            return Ok(Some(batch));
        }
    }
}

/// The same rows without room for others.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let fit = |array: &ArrayRef| -> ArrayRef {
        match array.data_type() {
            DataType::Utf8View => Arc::new(array.as_string_view().gc()),
            _ => {
                let mut array = Arc::clone(array);
                if let Some(own) = Arc::get_mut(&mut array) {
                    own.shrink_to_fit();
                }
                array
            }
        }
    };
    Ok(RecordBatch::try_new(
        batch.schema(),
        batch.columns().iter().map(fit).collect(),
    )?)
}
