//! Queries of PostgreSQL clients, simple and prepared, given to the engine and their answers encoded row by row.

use std::sync::Arc;
use std::time::Duration;

use arrow_pg::datatypes::{arrow_schema_to_pg_fields, df, into_pg_type};
use async_trait::async_trait;
use datafusion::common::{ParamValues, ScalarValue};
use futures::{Sink, SinkExt, StreamExt, stream};
use pgwire::api::portal::{Format, Portal, PortalExecutionState};
use pgwire::api::query::{
    ExtendedQueryHandler, SimpleQueryHandler, send_execution_response, send_query_response,
    send_ready_for_query,
};
use pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse, Response, Tag};
use pgwire::api::stmt::QueryParser;
use pgwire::api::store::{Entry, PortalStore};
use pgwire::api::{
    ClientInfo, ClientPortalStore, ConnectionHandle, DEFAULT_NAME, PgWireConnectionState, Type,
};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::extendedquery::{Execute, PortalSuspended};
use pgwire::messages::response::EmptyQueryResponse;
use pgwire::messages::simplequery::Query;
use pgwire::types::format::FormatOptions;
use tokio_util::sync::CancellationToken;

use super::session::{self, Command};
use super::wire;
use crate::metrics::Front;
use crate::sql::{Answer, Ask, Error, Lease, Prepared, QueryEngine};

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
    Query(
        Arc<Prepared>,
        #[allow(dead_code, reason = "held, not read")] Arc<Lease>,
    ),
}

impl Handler {
    pub(super) fn new(engine: QueryEngine) -> Handler {
        let parser = Arc::new(Parser {
            engine: engine.clone(),
        });
        Handler { engine, parser }
    }

    async fn one<C: ClientInfo + Send + Sync>(
        &self,
        client: &mut C,
        sql: &str,
        stop: &CancellationToken,
    ) -> PgWireResult<Response> {
        if let Some(command) = session::command(sql) {
            return about_session(client, &command.map_err(invalid)?);
        }
        let answer = self
            .engine
            .ask(sql, Vec::new(), ask(client))
            .await
            .map_err(|e| refusal(&e, Some(sql)))?;
        let rows = respond(answer, &Format::UnifiedText, options(client), stop.clone()).await?;
        Ok(Response::Query(rows))
    }

    async fn answer<C: ClientInfo + Sync>(
        &self,
        client: &C,
        portal: &Portal<Statement>,
        prepared: &Arc<Prepared>,
        stop: CancellationToken,
    ) -> PgWireResult<QueryResponse> {
        let params = parameters(portal, prepared)?;
        let answer = self
            .engine
            .execute(prepared, params, ask(client))
            .await
            .map_err(|e| refusal(&e, None))?;
        respond(answer, &portal.result_column_format, options(client), stop).await
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

/// The answer as rows. The first batch is waited for, so that a query can fail before a row is sent; `stop` ends the others.
async fn respond(
    mut answer: Answer,
    format: &Format,
    options: Arc<FormatOptions>,
    stop: CancellationToken,
) -> PgWireResult<QueryResponse> {
    let schema = wire::schema(answer.schema());
    let fields = Arc::new(arrow_schema_to_pg_fields(&schema, format, Some(options))?);
    let first = answer.next().await.transpose().map_err(|e| refusal(&e, None))?;
    let batches = stream::iter(first.map(Ok)).chain(answer);
    let of = Arc::clone(&fields);
    let rows = batches.flat_map(move |batch| {
        let rows = batch
            .map_err(|e| refusal(&e, None))
            .and_then(|batch| wire::rows(&batch, &schema, &of));
        let (rows, error) = match rows {
            Ok(rows) => (rows, None),
            Err(error) => (Vec::new(), Some(Err(error))),
        };
        stream::iter(rows.into_iter().map(Ok).chain(error))
    });
    let stopped = stop.clone();
    let last = stream::once(async move { stopped.is_cancelled() })
        .filter_map(async |stopped| stopped.then(|| Err(refusal(&Error::Cancelled, None))));
    let rows = rows.take_until(stop.cancelled_owned()).chain(last);
    Ok(QueryResponse::new(fields, rows))
}

/// From now on a cancel request of the client stops `stop`, and nothing else.
async fn listen<C: ClientInfo>(client: &C, stop: CancellationToken) {
    let Some(handle) = client.session_extensions().get::<Arc<ConnectionHandle>>() else {
        return;
    };
    let request = handle.start_query().await;
    tokio::spawn(async move {
        // Without a request this ends with the connection or the next statement.
        if request.await.is_ok() {
            stop.cancel();
        }
    });
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
    /// Answers statement after statement, so that only one answer is held at a time. The library's own way is to begin all first.
    async fn on_query<C>(&self, client: &mut C, query: Query) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if !matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            return Err(PgWireError::NotReadyForQuery);
        }
        client.set_state(PgWireConnectionState::QueryInProgress);
        let sql = query.query;
        let limit = self.engine.limits().sql_bytes;
        if sql.len() > limit {
            let bytes = sql.len();
            return Err(refusal(&Error::TooLong { bytes, limit }, None));
        }
        let mut status = client.transaction_status();
        let stop = CancellationToken::new();
        listen(client, stop.clone()).await;
        let mut statements = session::split(&sql);
        statements.retain(|part| {
            !part
                .trim_matches(|c: char| c == ';' || c.is_whitespace())
                .is_empty()
        });
        if statements.is_empty() {
            let nothing = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
            client.feed(nothing).await?;
        }
        for statement in statements {
            let response = tokio::select! {
                response = self.one(client, statement, &stop) => response?,
                () = stop.cancelled() => return Err(refusal(&Error::Cancelled, None)),
            };
            match response {
                Response::Query(rows) => send_query_response(client, rows, true).await?,
                Response::TransactionStart(tag) => {
                    send_execution_response(client, tag).await?;
                    status = status.to_in_transaction_state();
                }
                Response::TransactionEnd(tag) => {
                    send_execution_response(client, tag).await?;
                    status = status.to_idle_state();
                }
                Response::Execution(tag) => send_execution_response(client, tag).await?,
                // Nothing here answers otherwise.
                _ => {}
            }
        }
        client.set_state(PgWireConnectionState::ReadyForQuery);
        client.set_transaction_status(status);
        send_ready_for_query(client, status).await
    }

    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let answer = self.one(client, query, &CancellationToken::new()).await?;
        Ok(vec![answer])
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
        match &portal.statement.statement {
            Statement::Session(command) => about_session(client, command),
            Statement::Query(prepared, _) => {
                let answer = self.answer(client, portal, prepared, CancellationToken::new());
                Ok(Response::Query(answer.await?))
            }
        }
    }

    /// Sends each row as it comes. The library's own way is to gather all that are asked for first, and most clients ask for all.
    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Statement>,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let Some(Entry::Value(portal)) = client.portal_store().get_portal(name) else {
            return self._on_execute(client, message).await;
        };
        let Statement::Query(prepared, _) = &portal.statement.statement else {
            return self._on_execute(client, message).await;
        };
        if !matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            return Err(PgWireError::NotReadyForQuery);
        }
        client.set_state(PgWireConnectionState::QueryInProgress);
        let state = portal.state();
        let mut state = state.lock().await;
        if let PortalExecutionState::Initial = *state {
            let stop = CancellationToken::new();
            listen(client, stop.clone()).await;
            let answer = tokio::select! {
                answer = self.answer(client, &portal, prepared, stop.clone()) => answer,
                () = stop.cancelled() => Err(refusal(&Error::Cancelled, None)),
            };
            *state = PortalExecutionState::Suspended(answer?);
        }
        let most = usize::try_from(message.max_rows)
            .ok()
            .filter(|most| *most > 0)
            .unwrap_or(usize::MAX);
        let last = match &mut *state {
            PortalExecutionState::Suspended(answer) => send(client, answer, most).await?,
            _ => Some(Tag::new("SELECT").with_rows(0)),
        };
        let end = match last {
            Some(tag) => {
                *state = PortalExecutionState::Finished;
                PgWireBackendMessage::CommandComplete(tag.into())
            }
            None => PgWireBackendMessage::PortalSuspended(PortalSuspended::new()),
        };
        client.send(end).await?;
        client.set_state(PgWireConnectionState::ReadyForQuery);
        Ok(())
    }
}

/// Sends at most so many rows; the tag when none are left.
async fn send<C>(client: &mut C, answer: &mut QueryResponse, most: usize) -> PgWireResult<Option<Tag>>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    for sent in 0..most {
        match answer.data_rows().next().await {
            Some(row) => client.feed(PgWireBackendMessage::DataRow(row?)).await?,
            None => return Ok(Some(Tag::new(answer.command_tag()).with_rows(sent))),
        }
    }
    Ok(None)
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
            Ok(prepared) => {
                let lease = self.engine.keep(&prepared).map_err(|e| refusal(&e, None))?;
                Ok(Some(Statement::Query(prepared, Arc::new(lease))))
            }
            // Nothing but comments.
            Err(Error::Empty) => Ok(None),
            Err(error) => Err(refusal(&error, Some(sql))),
        }
    }

    fn get_parameter_types(&self, statement: &Statement) -> PgWireResult<Vec<Type>> {
        match statement {
            Statement::Session(_) => Ok(Vec::new()),
            Statement::Query(prepared, _) => wire_types(prepared),
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
            Statement::Query(prepared, _) => arrow_schema_to_pg_fields(
                &wire::schema(prepared.schema()),
                format.unwrap_or(&Format::UnifiedText),
                None,
            ),
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
