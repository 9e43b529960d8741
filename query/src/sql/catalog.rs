//! The catalogue, built once: live tables, views, further tables, `eddy_meta`, `information_schema` and `pg_catalog`.

use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemorySchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{ScalarUDF, TableType};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::bare;
use super::bounded;
use super::coded::GroupByCodes;
use super::determined::{self, Opaque};
use super::family::{Choose, Family, FamilyTable};
use super::guard::DIALECT;
use super::held::Held;
use super::meta::{self, Described};
use super::partials::KeepPartials;
use super::pg_catalog;
use super::portions::Portions;
use super::provider::LiveTable;
use super::sparing;
use super::utc;
use super::yielding::Yielding;
use crate::live::LiveTables;

/// Name of the one catalogue, which PostgreSQL clients see as the database.
pub(crate) const CATALOG: &str = "eddy";
pub(crate) const PUBLIC: &str = "public";

/// A view: a name for a query.
#[derive(Debug, Clone)]
pub struct View {
    /// Name in schema `public`.
    pub name: String,
    /// Its query. A view may use the tables and the views before it.
    pub sql: String,
    /// What it shows.
    pub comment: String,
}

/// What a catalogue offers besides the live tables.
#[derive(Debug, Default)]
pub struct Offer {
    /// Views in schema `public`.
    pub views: Vec<View>,
    /// Families of views in schema `public`.
    pub families: Vec<Family>,
    /// Functions of the caller.
    pub functions: Vec<ScalarUDF>,
    /// Further tables, each with its schema and name.
    pub extra: Vec<(String, String, Arc<dyn TableProvider>)>,
}

pub(crate) fn build(tables: &Arc<LiveTables>, offer: Offer, partitions: usize) -> Result<SessionState> {
    let Offer {
        views,
        families,
        functions,
        extra,
    } = offer;
    let state = SessionStateBuilder::new()
        .with_config(config(partitions))
        .with_runtime_env(Arc::new(runtime()?))
        .with_default_features()
        .with_relation_planners(vec![Arc::new(Opaque)])
        .with_analyzer_rules(determined::analyzer_rules())
        .with_optimizer_rules(sparing::optimizer_rules())
        .with_optimizer_rule(Arc::new(Choose))
        .with_physical_optimizer_rule(Arc::new(KeepPartials::default()))
        .with_physical_optimizer_rule(Arc::new(GroupByCodes))
        .with_physical_optimizer_rule(Arc::new(Yielding))
        .with_physical_optimizer_rule(Arc::new(Held))
        .with_physical_optimizer_rule(Arc::new(Portions))
        .build();
    let context = SessionContext::new_with_state(state);
    let catalog = context
        .catalog(CATALOG)
        .ok_or_else(|| DataFusionError::Internal("the default catalogue is missing".into()))?;
    let mut described = Vec::new();
    for (number, spec) in tables.specs().iter().enumerate() {
        let schema = spec.schema_name.as_deref().unwrap_or(PUBLIC);
        add(
            catalog.as_ref(),
            schema,
            &spec.name,
            Arc::new(LiveTable::new(tables, number)),
        )?;
        described.push(Described {
            schema: schema.into(),
            name: spec.name.to_string(),
            kind: "live",
            comment: spec.comment.clone(),
            columns: Arc::clone(&spec.schema),
            key: spec.key.clone(),
            live: Some(number),
        });
    }
    for (schema, name, provider) in extra {
        let columns = provider.schema();
        let kind = if provider.table_type() == TableType::View {
            "view"
        } else {
            "external"
        };
        let comment = columns.metadata().get("comment").cloned();
        add(catalog.as_ref(), &schema, &name, bare::table(provider))?;
        described.push(Described {
            schema,
            name,
            kind,
            comment,
            columns,
            key: Vec::new(),
            live: None,
        });
    }
    register_functions(&context, &functions)?;
    // Views may ask how far the tables are: the clock of what is due.
    let progress = Arc::new(meta::progress(tables).0);
    add(catalog.as_ref(), meta::SCHEMA, "progress", progress)?;
    for view in &views {
        // Planning computes and waits for nothing, so it can be driven to its end right here.
        let plan = futures::executor::block_on(context.state().create_logical_plan(&view.sql))
            .map_err(|e| e.context(format!("view `{}`", view.name)))?;
        let provider = Arc::new(ViewTable::new(plan, Some(view.sql.clone())));
        let columns = provider.schema();
        add(catalog.as_ref(), PUBLIC, &view.name, provider)?;
        let comment = Some(view.comment.clone());
        described.push(Described {
            schema: PUBLIC.into(),
            name: view.name.clone(),
            kind: "view",
            comment,
            columns,
            key: Vec::new(),
            live: None,
        });
    }
    for family in families {
        let (name, comment) = (family.name.clone(), Some(family.comment.clone()));
        let provider = Arc::new(FamilyTable::new(family, apart(tables, &functions, partitions)?)?);
        let columns = provider.schema();
        add(catalog.as_ref(), PUBLIC, &name, provider)?;
        described.push(Described {
            schema: PUBLIC.into(),
            name,
            kind: "view",
            comment,
            columns,
            key: Vec::new(),
            live: None,
        });
    }
    add_meta(catalog.as_ref(), tables, &mut described)?;
    pg_catalog::register(&context, catalog.as_ref(), &described, &views, tables)?;
    bounded::register(&context)?;
    Ok(context.state())
}

/// A session with the tables alone, to plan the views of a family: a family that held the catalogue it stands in would never be freed.
fn apart(tables: &Arc<LiveTables>, functions: &[ScalarUDF], partitions: usize) -> Result<SessionState> {
    let state = SessionStateBuilder::new()
        .with_config(config(partitions))
        .with_default_features()
        .with_relation_planners(vec![Arc::new(Opaque)])
        .with_analyzer_rules(determined::analyzer_rules())
        .with_optimizer_rules(sparing::optimizer_rules())
        .build();
    let context = SessionContext::new_with_state(state);
    let catalog = context
        .catalog(CATALOG)
        .ok_or_else(|| DataFusionError::Internal("the default catalogue is missing".into()))?;
    for (number, spec) in tables.specs().iter().enumerate() {
        let schema = spec.schema_name.as_deref().unwrap_or(PUBLIC);
        add(
            catalog.as_ref(),
            schema,
            &spec.name,
            Arc::new(LiveTable::new(tables, number)),
        )?;
    }
    register_functions(&context, functions)?;
    Ok(context.state())
}

fn register_functions(context: &SessionContext, functions: &[ScalarUDF]) -> Result<()> {
    register_json(context)?;
    utc::register(context)?;
    functions
        .iter()
        .for_each(|function| context.register_udf(function.clone()));
    Ok(())
}

fn register_json(context: &SessionContext) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    datafusion_functions_json::register_all(&mut *state)
}

fn add_meta(
    catalog: &dyn CatalogProvider,
    tables: &Arc<LiveTables>,
    described: &mut Vec<Described>,
) -> Result<()> {
    let of = |name: &str, (table, comment): &(meta::Computed, &'static str)| Described {
        schema: meta::SCHEMA.into(),
        name: name.into(),
        kind: "view",
        comment: Some((*comment).into()),
        columns: table.schema(),
        key: Vec::new(),
        live: None,
    };
    let progress = meta::progress(tables);
    described.push(of("progress", &progress));
    described.push(of("tables", &meta::tables(tables, Vec::new())));
    described.push(of("columns", &meta::columns(tables, &[])?));
    let columns = meta::columns(tables, described)?;
    let all = meta::tables(tables, described.clone());
    add(catalog, meta::SCHEMA, "columns", Arc::new(columns.0))?;
    add(catalog, meta::SCHEMA, "tables", Arc::new(all.0))
}

fn add(catalog: &dyn CatalogProvider, schema: &str, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
    let place = match catalog.schema(schema) {
        Some(place) => place,
        None => {
            let place = Arc::new(MemorySchemaProvider::new());
            catalog.register_schema(schema, Arc::clone(&place) as _)?;
            place
        }
    };
    if place.table_exist(name) {
        return Err(DataFusionError::Plan(format!(
            "table {schema}.{name} is declared twice"
        )));
    }
    place.register_table(name.to_owned(), table)?;
    Ok(())
}

fn config(partitions: usize) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, PUBLIC)
        .with_create_default_catalog_and_schema(true)
        .with_information_schema(true)
        .with_target_partitions(partitions.max(1));
    let options = config.options_mut();
    options.sql_parser.dialect = DIALECT;
    options.sql_parser.collect_spans = true;
    options.execution.time_zone = Some("UTC".into());
    config
}

fn runtime() -> Result<datafusion::execution::runtime_env::RuntimeEnv> {
    let no_disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    RuntimeEnvBuilder::new()
        .with_disk_manager_builder(no_disk)
        .build()
}
