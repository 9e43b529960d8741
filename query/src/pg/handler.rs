//! Queries of PostgreSQL clients, simple and prepared, given to the engine and their answers encoded row by row.

use std::sync::Arc;
use std::time::Duration;

use arrow_pg::datatypes::{arrow_schema_to_pg_fields, df, encode_recordbatch, into_pg_type};
use async_trait::async_trait;
use datafusion::common::{ParamValues, ScalarValue};
use futures::{Sink, StreamExt, stream};
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse, Response, Tag};
use pgwire::api::stmt::QueryParser;
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, Type};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::types::format::FormatOptions;

use super::session::{self, Command};
use crate::metrics::Front;
use crate::sql::{Answer, Ask, Error, Prepared, QueryEngine};

const TIMEOUT_MS: &str = "eddy.statement_timeout_ms";

/// Answers clients of all connections.
pub(super) struct Handler {
    engine: QueryEngine,
    parser: Arc<Parser>,
}

pub(super) struct Parser {
    engine: QueryEngine,
}

/// A parsed statement of the extended protocol.
#[derive(Debug, Clone)]
pub(super) enum Statement {
    Session(Command),
    Query(Arc<Prepared>),
}

impl Handler {
    pub(super) fn new(engine: QueryEngine) -> Handler {
        let parser = Arc::new(Parser {
            engine: engine.clone(),
        });
        Handler { engine, parser }
    }

    async fn one<C: ClientInfo + Send + Sync>(&self, client: &mut C, sql: &str) -> PgWireResult<Response> {
        if let Some(command) = session::command(sql) {
            return about_session(client, &command.map_err(invalid)?);
        }
        let answer = self
            .engine
            .ask(sql, Vec::new(), ask(client))
            .await
            .map_err(|e| refusal(&e, Some(sql)))?;
        respond(answer, &Format::UnifiedText, options(client)).await
    }
}

fn ask<C: ClientInfo>(client: &C) -> Ask {
    let timeout = client
        .metadata()
        .get(TIMEOUT_MS)
        .and_then(|ms| ms.parse().ok())
        .map(Duration::from_millis);
    Ask {
        front: Front::Postgres,
        timeout,
    }
}

fn options<C: ClientInfo>(client: &C) -> Arc<FormatOptions> {
    Arc::new(FormatOptions::from_client_metadata(client.metadata()))
}

/// The answer as rows. The first batch is waited for, so that a query can be cancelled, or fail, before a row is sent.
async fn respond(mut answer: Answer, format: &Format, options: Arc<FormatOptions>) -> PgWireResult<Response> {
    let fields = Arc::new(arrow_schema_to_pg_fields(answer.schema(), format, Some(options))?);
    let first = answer.next().await.transpose().map_err(|e| refusal(&e, None))?;
    let batches = stream::iter(first.map(Ok)).chain(answer);
    let of = Arc::clone(&fields);
    let rows = batches.flat_map(move |batch| match batch {
        Ok(batch) => stream::iter(encode_recordbatch(Arc::clone(&of), batch).collect::<Vec<_>>()),
        Err(error) => stream::iter(vec![Err(refusal(&error, None))]),
    });
    Ok(Response::Query(QueryResponse::new(fields, rows)))
}

fn about_session<C: ClientInfo>(client: &mut C, command: &Command) -> PgWireResult<Response> {
    Ok(match command {
        Command::Begin => Response::TransactionStart(Tag::new("BEGIN")),
        Command::Commit => Response::TransactionEnd(Tag::new("COMMIT")),
        Command::Rollback => Response::TransactionEnd(Tag::new("ROLLBACK")),
        Command::Accepted(tag) => Response::Execution(Tag::new(tag)),
        Command::Timeout(timeout) => {
            match timeout {
                Some(timeout) => client
                    .metadata_mut()
                    .insert(TIMEOUT_MS.into(), timeout.as_millis().to_string()),
                None => client.metadata_mut().remove(TIMEOUT_MS),
            };
            Response::Execution(Tag::new("SET"))
        }
        Command::ShowTimeout => {
            let value = client
                .metadata()
                .get(TIMEOUT_MS)
                .map_or_else(|| "0".to_owned(), |ms| format!("{ms}ms"));
            one_value("statement_timeout", value)?
        }
        Command::Show(name, value) => one_value(name, value.clone())?,
    })
}

fn shown(name: &str) -> FieldInfo {
    FieldInfo::new(name.to_owned(), None, None, Type::VARCHAR, FieldFormat::Text)
}

fn one_value(name: &str, value: String) -> PgWireResult<Response> {
    let fields = Arc::new(vec![shown(name)]);
    let mut encoder = DataRowEncoder::new(Arc::clone(&fields));
    encoder.encode_field(&Some(value))?;
    let row = encoder.take_row();
    Ok(Response::Query(QueryResponse::new(
        fields,
        stream::iter([Ok(row)]),
    )))
}

#[async_trait]
impl SimpleQueryHandler for Handler {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if query.len() > self.engine.limits().sql_bytes {
            let limit = self.engine.limits().sql_bytes;
            return Err(refusal(
                &Error::TooLong {
                    bytes: query.len(),
                    limit,
                },
                None,
            ));
        }
        let mut responses = Vec::new();
        for statement in session::split(query) {
            responses.push(self.one(client, statement).await?);
        }
        Ok(responses)
    }
}

#[async_trait]
impl ExtendedQueryHandler for Handler {
    type Statement = Statement;
    type QueryParser = Parser;

    fn query_parser(&self) -> Arc<Parser> {
        Arc::clone(&self.parser)
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Statement>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Statement>,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let prepared = match &portal.statement.statement {
            Statement::Session(command) => return about_session(client, command),
            Statement::Query(prepared) => prepared,
        };
        let params = parameters(portal, prepared)?;
        let answer = self
            .engine
            .execute(prepared, params, ask(client))
            .await
            .map_err(|e| refusal(&e, None))?;
        respond(answer, &portal.result_column_format, options(client)).await
    }
}

fn parameters(portal: &Portal<Statement>, prepared: &Prepared) -> PgWireResult<Vec<ScalarValue>> {
    if portal.parameter_len() == 0 {
        return Ok(Vec::new());
    }
    let expected: Vec<_> = prepared.parameters().iter().map(Option::as_ref).collect();
    let wire = wire_types(prepared)?;
    let wire: Vec<Option<&Type>> = wire.iter().map(Some).collect();
    match df::deserialize_parameters_with_server_types(portal, &expected, &wire)? {
        ParamValues::List(values) => Ok(values.into_iter().map(|v| v.value().clone()).collect()),
        ParamValues::Map(_) => Err(invalid("parameters are given by position".into())),
    }
}

fn wire_types(prepared: &Prepared) -> PgWireResult<Vec<Type>> {
    // A parameter whose type nothing tells is text, as in PostgreSQL.
    prepared
        .parameters()
        .iter()
        .map(|t| t.as_ref().map_or(Ok(Type::TEXT), into_pg_type))
        .collect()
}

#[async_trait]
impl QueryParser for Parser {
    type Statement = Statement;

    async fn parse_sql<C>(
        &self,
        _client: &C,
        sql: &str,
        _types: &[Option<Type>],
    ) -> PgWireResult<Option<Statement>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        if let Some(command) = session::command(sql) {
            return command.map(|c| Some(Statement::Session(c))).map_err(invalid);
        }
        match self.engine.prepare(sql).await {
            Ok(prepared) => Ok(Some(Statement::Query(prepared))),
            // Nothing but comments.
            Err(Error::Empty) => Ok(None),
            Err(error) => Err(refusal(&error, Some(sql))),
        }
    }

    fn get_parameter_types(&self, statement: &Statement) -> PgWireResult<Vec<Type>> {
        match statement {
            Statement::Session(_) => Ok(Vec::new()),
            Statement::Query(prepared) => wire_types(prepared),
        }
    }

    fn get_result_schema(
        &self,
        statement: &Statement,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        match statement {
            Statement::Session(Command::Show(name, _)) => Ok(vec![shown(name)]),
            Statement::Session(Command::ShowTimeout) => Ok(vec![shown("statement_timeout")]),
            Statement::Session(_) => Ok(Vec::new()),
            Statement::Query(prepared) => {
                arrow_schema_to_pg_fields(prepared.schema(), format.unwrap_or(&Format::UnifiedText), None)
            }
        }
    }
}

fn invalid(message: String) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".into(), "22023".into(), message)))
}

/// The engine's error with PostgreSQL's code for it, and the place in the text where that is known.
fn refusal(error: &Error, sql: Option<&str>) -> PgWireError {
    let code = match error {
        Error::Empty | Error::Several { .. } | Error::Syntax { .. } => "42601",
        Error::TooLong { .. } | Error::TooDeep => "54001",
        Error::NotReadOnly { .. } => "25006",
        Error::Plan { .. } => "42000",
        Error::Unknown { table: true, .. } => "42P01",
        Error::Unknown { table: false, .. } => "42703",
        Error::Parameters(_) => "22023",
        Error::TimedOut(_) | Error::Cancelled => "57014",
        Error::Memory(_) => "53200",
        Error::Busy { .. } => "53300",
        Error::TooLarge { .. } => "54000",
        Error::Run(_) => "22000",
        Error::Internal(_) => "XX000",
    };
    let mut info = ErrorInfo::new("ERROR".into(), code.into(), error.to_string());
    if let (Some(place), Some(sql)) = (error.place(), sql) {
        let before: usize = sql
            .split_inclusive('\n')
            .take((place.line as usize).saturating_sub(1))
            .map(|l| l.chars().count())
            .sum();
        info.position = Some((before + place.column as usize).to_string());
    }
    PgWireError::UserError(Box::new(info))
}
