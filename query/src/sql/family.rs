//! A family of views under one name: which of them answers is told by the statement's filters on the columns of choice.
//!
//! One view over every dimension would read every row once a dimension. Here `where dimension = 'sku'` plans the one query that groups by SKU, and a
//! column that is left open stands for each of its words. The statement sees one table; its other filters are pushed into the queries as into any view.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError, Result, ScalarValue, plan_err};
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Operator, TableProviderFilterPushDown, TableType,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_plan::ExecutionPlan;

/// A column whose words choose among the views.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Its name.
    pub column: &'static str,
    /// The words that it stands for when a statement leaves it open. None where one view answers for all of them: it is that of the empty word then, and of one word where
    /// a statement names one.
    pub words: Vec<&'static str>,
}

/// The view that a word of each choice makes, in the order of the choices; none for words that make none.
pub type ViewOf = fn(&[&str]) -> Option<String>;

/// Views under one name.
#[derive(Debug, Clone)]
pub struct Family {
    /// Name in schema `public`.
    pub name: String,
    /// What it shows.
    pub comment: String,
    /// The columns of choice.
    pub choices: Vec<Choice>,
    /// Its queries, over the tables.
    pub sql: ViewOf,
}

/// Views that one statement may ask at once.
const AT_ONCE: usize = 128;
/// Plans that are kept.
const KEPT: usize = 1 << 10;

/// The family as a table.
#[derive(Debug)]
pub(crate) struct FamilyTable {
    family: Family,
    schema: SchemaRef,
    /// Plans queries; its catalogue has the tables and no family.
    state: SessionState,
    plans: Mutex<HashMap<Vec<String>, LogicalPlan>>,
}

impl FamilyTable {
    pub(crate) fn new(family: Family, state: SessionState) -> Result<Self> {
        let table = Self {
            schema: Arc::new(Schema::empty()),
            state,
            plans: Mutex::default(),
            family,
        };
        let words: Vec<String> = table
            .family
            .choices
            .iter()
            .map(|choice| choice.words.first().copied().unwrap_or("").to_owned())
            .collect();
        let Some(plan) = table.plan(&words)? else {
            return plan_err!("the family `{}` has no first view", table.family.name);
        };
        let schema = Arc::new(plan.schema().as_arrow().clone());
        Ok(Self { schema, ..table })
    }

    /// The plan of one view, analysed and optimised.
    fn plan(&self, words: &[String]) -> Result<Option<LogicalPlan>> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(words) {
            return Ok(Some(plan.clone()));
        }
        let borrowed: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some(sql) = (self.family.sql)(&borrowed) else {
            return Ok(None);
        };
        // Planning computes and waits for nothing, so it can be driven to its end right here.
        let plan = futures::executor::block_on(self.state.create_logical_plan(&sql))
            .map_err(|e| e.context(format!("view `{}` of {words:?}", self.family.name)))?;
        let plan = self.state.optimize(&plan)?;
        if plans.len() < KEPT {
            plans.insert(words.to_vec(), plan.clone());
        }
        Ok(Some(plan))
    }

    /// The views that the filters choose, as one plan.
    fn chosen(&self, filters: &[Expr]) -> Result<Option<LogicalPlan>> {
        let mut all: Vec<Vec<String>> = vec![Vec::new()];
        for choice in &self.family.choices {
            let mut words: Option<BTreeSet<String>> = None;
            for told in filters
                .iter()
                .filter_map(|filter| words_of(filter, choice.column))
            {
                words = Some(match words {
                    Some(before) => before.intersection(&told).cloned().collect(),
                    None => told,
                });
            }
            let words: Vec<String> = match words {
                None if choice.words.is_empty() => vec![String::new()],
                Some(words) if choice.words.is_empty() && words.len() > 1 => vec![String::new()],
                Some(words) => words.into_iter().collect(),
                None => choice.words.iter().map(|word| (*word).to_owned()).collect(),
            };
            all = all
                .iter()
                .flat_map(|before| {
                    words.iter().map(|word| {
                        let mut next = before.clone();
                        next.push(word.clone());
                        next
                    })
                })
                .collect();
            if all.len() > AT_ONCE {
                let columns: Vec<&str> = self.family.choices.iter().map(|choice| choice.column).collect();
                return plan_err!(
                    "too many views of `{}` at once; say which {} with `=` or `in`",
                    self.family.name,
                    columns.join(", ")
                );
            }
        }
        let mut union: Option<LogicalPlanBuilder> = None;
        for words in &all {
            if let Some(plan) = self.plan(words)? {
                union = Some(match union {
                    Some(union) => union.union(plan)?,
                    None => LogicalPlanBuilder::from(plan),
                });
            }
        }
        union.map(LogicalPlanBuilder::build).transpose()
    }
}

/// The words to which a filter holds a column; nothing when it does not hold it to some.
fn words_of(filter: &Expr, column: &str) -> Option<BTreeSet<String>> {
    let is_it = |expr: &Expr| matches!(expr, Expr::Column(of) if of.name == column);
    let word = |expr: &Expr| match expr {
        Expr::Literal(value, _) => text(value),
        _ => None,
    };
    match filter {
        Expr::BinaryExpr(binary) => match binary.op {
            Operator::Eq if is_it(&binary.left) => word(&binary.right).map(|word| BTreeSet::from([word])),
            Operator::Eq if is_it(&binary.right) => word(&binary.left).map(|word| BTreeSet::from([word])),
            Operator::Or => {
                let mut words = words_of(&binary.left, column)?;
                words.extend(words_of(&binary.right, column)?);
                Some(words)
            }
            Operator::And => match (words_of(&binary.left, column), words_of(&binary.right, column)) {
                (Some(left), Some(right)) => Some(left.intersection(&right).cloned().collect()),
                (left, right) => left.or(right),
            },
            _ => None,
        },
        Expr::InList(list) if !list.negated && is_it(&list.expr) => list.list.iter().map(word).collect(),
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<String> {
    value.try_as_str().flatten().map(str::to_owned)
}

#[async_trait]
impl TableProvider for FamilyTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // They stay above as well, and go on into the views from there.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Err(DataFusionError::Internal(format!(
            "the family `{}` was not replaced by its views",
            self.family.name
        )))
    }
}

/// The family behind a scan.
fn family(plan: &LogicalPlan) -> Option<Arc<dyn TableProvider>> {
    let LogicalPlan::TableScan(scan) = plan else {
        return None;
    };
    let provider = source_as_provider(&scan.source).ok()?;
    provider
        .downcast_ref::<FamilyTable>()
        .is_some()
        .then_some(provider)
}

/// Whether a plan reads a family, so that values of its parameters decide which views it reads.
pub(crate) fn is_read(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let walked = plan.apply_with_subqueries(|node| {
        found |= family(node).is_some();
        Ok(if found {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    });
    found || walked.is_err()
}

/// Replaces a family by the views that are chosen. It runs last: the filters have reached the scan by then, and the next round takes them into the views.
#[derive(Debug)]
pub(crate) struct Choose;

impl OptimizerRule for Choose {
    fn name(&self) -> &'static str {
        "choose_views"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let Some(provider) = family(&plan) else {
            return Ok(Transformed::no(plan));
        };
        let LogicalPlan::TableScan(scan) = &plan else {
            return Ok(Transformed::no(plan));
        };
        let Some(of) = provider.downcast_ref::<FamilyTable>() else {
            return Ok(Transformed::no(plan));
        };
        let Some(views) = of.chosen(&scan.filters)? else {
            let empty = LogicalPlan::EmptyRelation(datafusion::logical_expr::EmptyRelation {
                produce_one_row: false,
                schema: Arc::clone(&scan.projected_schema),
            });
            return Ok(Transformed::yes(empty));
        };
        let columns: Vec<Expr> = scan
            .projected_schema
            .fields()
            .iter()
            .map(|field| Expr::Column(Column::from_name(field.name())))
            .collect();
        let plan = LogicalPlanBuilder::from(views)
            .alias("views")?
            .project(columns)?
            .alias(scan.table_name.clone())?
            .build()?;
        Ok(Transformed::yes(plan))
    }
}
