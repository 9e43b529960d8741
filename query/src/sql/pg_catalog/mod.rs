//! `pg_catalog`, as PostgreSQL clients read it: a library's tables with what we know put in, which is owner, comments, sizes and the
//! texts of views.
//!
//! Nothing joins the catalogue once it is built, so the tables that list it are read once. That also settles the numbers (oids) by
//! which objects go.

pub(crate) mod dialect;
mod functions;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, MemTable, SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::execution::SessionState;
use datafusion::physical_plan::collect;
use datafusion::prelude::SessionContext;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::{PgCatalogContextProvider, Role};
use datafusion_postgres::datafusion_pg_catalog::setup_pg_catalog;

use super::catalog::{CATALOG, PUBLIC, View};
use super::meta::Described;
use crate::live::LiveTables;

const SCHEMA: &str = "pg_catalog";
/// The one role: it owns everything, and everyone who connects is it.
const OWNER: &str = "eddy";
const OWNER_OID: i32 = 10;
/// The number of `pg_class` itself: a comment that bears it is about a table.
const CLASS_OID: i32 = 1259;

/// Columns that are lists in PostgreSQL and texts in the library, with nothing in any of them here.
const NO_LISTS: [(&str, &str); 10] = [
    ("pg_class", "relacl"),
    ("pg_class", "reloptions"),
    ("pg_namespace", "nspacl"),
    ("pg_proc", "proacl"),
    ("pg_type", "typacl"),
    ("pg_language", "lanacl"),
    ("pg_tablespace", "spcacl"),
    ("pg_tablespace", "spcoptions"),
    ("pg_default_acl", "defaclacl"),
    ("pg_db_role_setting", "setconfig"),
];

/// What is told of tables by number.
#[derive(Debug)]
struct Facts {
    /// By table and column from 1; 0 is the table itself.
    comments: HashMap<(i64, i64), String>,
    views: HashMap<i64, String>,
    live: HashMap<i64, usize>,
    tables: Arc<LiveTables>,
}

impl Facts {
    fn comment(&self, table: i64, column: i64) -> Option<String> {
        self.comments.get(&(table, column)).cloned()
    }

    fn size(&self, table: i64) -> i64 {
        let number = self.live.get(&table);
        let snapshot = self.tables.snapshot();
        number
            .and_then(|n| snapshot.table(*n))
            .map_or(0, |table| table.bytes() as i64)
    }

    fn size_of_all(&self) -> i64 {
        self.tables
            .snapshot()
            .tables()
            .iter()
            .map(|t| t.bytes() as i64)
            .sum()
    }
}

#[derive(Debug, Clone)]
struct Roles;

#[async_trait]
impl PgCatalogContextProvider for Roles {
    async fn roles(&self) -> Vec<String> {
        vec![OWNER.into()]
    }

    async fn role(&self, name: &str) -> Option<Role> {
        (name == OWNER).then(|| Role {
            name: OWNER.into(),
            is_superuser: false,
            can_login: true,
            can_create_db: false,
            can_create_role: false,
            can_create_user: false,
            can_replication: false,
            grants: Vec::new(),
            inherited_roles: Vec::new(),
        })
    }
}

pub(crate) fn register(
    context: &SessionContext,
    catalog: &dyn CatalogProvider,
    described: &[Described],
    views: &[View],
    tables: &Arc<LiveTables>,
) -> Result<()> {
    setup_pg_catalog(context, CATALOG, Roles).map_err(|e| *e)?;
    let rest = catalog
        .schema(SCHEMA)
        .ok_or_else(|| internal_datafusion_err!("{SCHEMA} is missing"))?;
    let state = context.state();
    let read = |name: &str| read(rest.as_ref(), name, &state);
    let no_list = |name: &str| Field::new(name, DataType::new_list(DataType::Utf8, true), true);
    let none = |field: Field, batch: &RecordBatch| {
        let nulls = new_null_array(field.data_type(), batch.num_rows());
        put(batch, field, nulls)
    };
    let owner = |field: &str, batch: &RecordBatch| {
        let owners = Int32Array::from_value(OWNER_OID, batch.num_rows());
        put(batch, Field::new(field, DataType::Int32, false), Arc::new(owners))
    };

    let mut lists = HashMap::new();
    for (table, column) in NO_LISTS {
        let batch = match lists.remove(table) {
            Some(batch) => batch,
            None => read(table)?,
        };
        lists.insert(table, none(no_list(column), &batch)?);
    }
    let mut bare = |table: &str| lists.remove(table).map_or_else(|| read(table), Ok);
    let class = owner("relowner", &bare("pg_class")?)?;
    let namespace = bare("pg_namespace")?;
    let roles = owner("oid", &read("pg_roles")?)?;
    let listed = read("pg_tables")?;
    let owners = StringArray::from_iter_values(std::iter::repeat_n(OWNER, listed.num_rows()));
    let listed = put(
        &listed,
        Field::new("tableowner", DataType::Utf8, false),
        Arc::new(owners),
    )?;
    // The library always adds one named postgres.
    let databases = read("pg_database")?;
    let names = column(&databases, "datname")?.as_string::<i32>();
    let databases = filter_record_batch(
        &databases,
        &names.iter().map(|n| Some(n == Some(CATALOG))).collect(),
    )?;
    let facts = facts(&class, &namespace, described, views, tables)?;
    let description = described_by(&facts, &read("pg_description")?)?;

    let frozen = [
        ("pg_class", class),
        ("pg_namespace", namespace),
        ("pg_roles", roles),
        ("pg_tables", listed),
        ("pg_description", description),
        ("pg_attribute", read("pg_attribute")?),
        ("pg_database", databases),
    ];
    let mut ours: HashMap<&'static str, Arc<dyn TableProvider>> = HashMap::new();
    for (name, batch) in lists.into_iter().chain(frozen) {
        ours.insert(
            name,
            Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?),
        );
    }
    catalog.register_schema(SCHEMA, Arc::new(Catalogue { ours, rest }))?;
    functions::register(context, &Arc::new(facts));
    Ok(())
}

fn read(schema: &dyn SchemaProvider, name: &str, state: &SessionState) -> Result<RecordBatch> {
    let batches = async {
        let table = schema
            .table(name)
            .await?
            .ok_or_else(|| internal_datafusion_err!("{SCHEMA}.{name} is missing"))?;
        let plan = table.scan(state, None, &[], None).await?;
        let batches = collect(plan, state.task_ctx()).await?;
        Ok::<_, DataFusionError>(concat_batches(&table.schema(), &batches)?)
    };
    // The catalogue lies in memory, so nothing here is waited for.
    futures::executor::block_on(batches)
}

/// The batch with this column in the place of the one of its name, or at the end.
fn put(batch: &RecordBatch, field: Field, column: ArrayRef) -> Result<RecordBatch> {
    let mut fields: Vec<Field> = batch
        .schema()
        .fields()
        .iter()
        .map(|f| f.as_ref().clone())
        .collect();
    let mut columns = batch.columns().to_vec();
    match fields.iter().position(|f| f.name() == field.name()) {
        Some(at) => {
            fields[at] = field.with_metadata(fields[at].metadata().clone());
            columns[at] = column;
        }
        None => {
            fields.push(field);
            columns.push(column);
        }
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch
        .column_by_name(name)
        .ok_or_else(|| internal_datafusion_err!("column {name} is missing in {SCHEMA}"))
}

fn facts(
    class: &RecordBatch,
    namespace: &RecordBatch,
    described: &[Described],
    views: &[View],
    tables: &Arc<LiveTables>,
) -> Result<Facts> {
    let oid_of_schema = column(namespace, "oid")?.as_primitive::<Int32Type>();
    let schema = column(namespace, "nspname")?.as_string::<i32>();
    let schemas: HashMap<i32, &str> = oid_of_schema
        .iter()
        .zip(schema)
        .filter_map(|(oid, name)| oid.zip(name))
        .collect();
    let oid = column(class, "oid")?.as_primitive::<Int32Type>();
    let name = column(class, "relname")?.as_string::<i32>();
    let within = column(class, "relnamespace")?.as_primitive::<Int32Type>();
    let mut facts = Facts {
        comments: HashMap::new(),
        views: HashMap::new(),
        live: HashMap::new(),
        tables: Arc::clone(tables),
    };
    for row in 0..class.num_rows() {
        let Some(schema) = schemas.get(&within.value(row)) else {
            continue;
        };
        let (oid, name) = (i64::from(oid.value(row)), name.value(row));
        let known = described.iter().find(|d| d.schema == *schema && d.name == name);
        let Some(known) = known else { continue };
        facts
            .comments
            .extend(known.comment.clone().map(|c| ((oid, 0), c)));
        for (i, field) in known.columns.fields().iter().enumerate() {
            let comment = field.metadata().get("comment");
            facts
                .comments
                .extend(comment.map(|c| ((oid, i as i64 + 1), c.clone())));
        }
        facts.live.extend(known.live.map(|number| (oid, number)));
        let view = views.iter().find(|v| *schema == PUBLIC && v.name == name);
        facts.views.extend(view.map(|v| (oid, v.sql.clone())));
    }
    Ok(facts)
}

/// `pg_description`: the library's rows, which are about functions and types, and ours behind them.
fn described_by(facts: &Facts, stock: &RecordBatch) -> Result<RecordBatch> {
    let mut comments: Vec<_> = facts.comments.iter().collect();
    comments.sort();
    let numbers = |of: &dyn Fn(&(i64, i64)) -> i32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(comments.iter().map(|(k, _)| of(k))))
    };
    let schema = stock.schema();
    let columns = schema.fields().iter().map(|field| {
        let values = match field.name().as_str() {
            "objoid" => numbers(&|k| k.0 as i32),
            "classoid" => numbers(&|_| CLASS_OID),
            "objsubid" => numbers(&|k| k.1 as i32),
            _ => Arc::new(StringArray::from_iter_values(comments.iter().map(|(_, c)| c))),
        };
        Ok(cast(&values, field.data_type())?)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let ours = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Ok(concat_batches(&schema, [stock, &ours])?)
}

/// The library's schema with our tables in the place of its own.
#[derive(Debug)]
struct Catalogue {
    ours: HashMap<&'static str, Arc<dyn TableProvider>>,
    rest: Arc<dyn SchemaProvider>,
}

#[async_trait]
impl SchemaProvider for Catalogue {
    fn table_names(&self) -> Vec<String> {
        self.rest.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.ours.get(name.to_ascii_lowercase().as_str()) {
            Some(table) => Ok(Some(Arc::clone(table))),
            None => self.rest.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.rest.table_exist(name)
    }
}
