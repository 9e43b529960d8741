//! `POST /v1/sql`: SQL in, JSON, CSV or an Arrow stream out, by `Accept`.
//!
//! JSON answers are gathered before they are sent, so that their errors have a status; they are bounded. CSV and Arrow are streamed
//! batch by batch; an error in the middle breaks the connection off, which every HTTP client reports. Authentication is the caller's.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use datafusion::common::ScalarValue;
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::metrics::Front;
use crate::render;
use crate::sql::{Answer, Ask, Error, QueryEngine, type_name};

const ARROW: &str = "application/vnd.apache.arrow.stream";
const CSV: &str = "text/csv";
const JSON: &str = "application/json";

/// Routes of the SQL front end.
pub fn router(engine: QueryEngine) -> Router {
    // JSON escapes can double a text; parameters come on top.
    let limit = 2 * engine.limits().sql_bytes + (1 << 20);
    Router::new()
        .route("/v1/sql", post(answer).fallback(only_post))
        .layer(DefaultBodyLimit::max(limit))
        .with_state(engine)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    sql: String,
    #[serde(default)]
    params: Vec<serde_json::Value>,
    #[serde(default)]
    timeout_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    Arrow,
}

async fn answer(
    State(engine): State<QueryEngine>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    match try_answer(&engine, &headers, body).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn try_answer(
    engine: &QueryEngine,
    headers: &HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|e| {
        let limit = 2 * engine.limits().sql_bytes + (1 << 20);
        Problem::new(
            e.status(),
            "body",
            format!(
                "the body cannot be read: {}; the limit is {limit} bytes",
                e.body_text().to_lowercase()
            ),
        )
    })?;
    let format = format(headers)?;
    let request = request(headers, &body)?;
    let params = request
        .params
        .into_iter()
        .map(parameter)
        .collect::<Result<Vec<_>, _>>()?;
    let ask = Ask {
        front: Front::Http,
        timeout: request.timeout_ms.map(Duration::from_millis),
    };
    let answer = engine.ask(&request.sql, params, ask).await?;
    let sequence = HeaderValue::from(answer.sequence());
    let mut response = match format {
        Format::Json => json(answer, engine).await?,
        Format::Csv => streamed(answer, CSV, csv_head, csv_batch).await?,
        Format::Arrow => arrow(answer).await?,
    };
    response.headers_mut().insert("eddy-sequence", sequence);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn only_post() -> Response {
    let mut response = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "send the statement with POST: {\"sql\": \"select ...\"}".into(),
    )
    .into_response();
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let accepted: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .collect();
    if accepted.is_empty() {
        return Ok(Format::Json);
    }
    let known = accepted
        .iter()
        .find_map(|range| match range.split(';').next().unwrap_or_default().trim() {
            ARROW => Some(Format::Arrow),
            CSV => Some(Format::Csv),
            JSON | "application/*" | "*/*" => Some(Format::Json),
            "text/*" => Some(Format::Csv),
            _ => None,
        });
    known.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_ACCEPTABLE,
            "accept",
            format!("an answer can be {JSON}, {CSV} or {ARROW}; ask for one of them in Accept"),
        )
    })
}

fn request(headers: &HeaderMap, body: &[u8]) -> Result<Request, Problem> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or(JSON);
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    if matches!(content_type, "application/sql" | "text/plain") {
        let sql =
            std::str::from_utf8(body).map_err(|e| Problem::bad(format!("the body is not UTF-8: {e}")))?;
        return Ok(Request {
            sql: sql.to_owned(),
            params: Vec::new(),
            timeout_ms: None,
        });
    }
    serde_json::from_slice(body).map_err(|e| {
        Problem::bad(format!(
            "the body is not {{\"sql\": \"select ...\", \"params\": [...], \"timeout_ms\": 1000}}: {e}"
        ))
    })
}

fn parameter(value: serde_json::Value) -> Result<ScalarValue, Problem> {
    use serde_json::Value;
    Ok(match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(b) => ScalarValue::Boolean(Some(b)),
        Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(i), _) => ScalarValue::Int64(Some(i)),
            (None, Some(f)) => ScalarValue::Float64(Some(f)),
            (None, None) => return Err(Problem::bad(format!("parameter {n} is not a 64-bit number"))),
        },
        Value::String(s) => ScalarValue::Utf8View(Some(s)),
        other => {
            return Err(Problem::bad(format!(
                "a parameter is null, a boolean, a number or a text, not {other}"
            )));
        }
    })
}

async fn json(mut answer: Answer, engine: &QueryEngine) -> Result<Response, Problem> {
    let limits = engine.limits();
    let mut out = Vec::with_capacity(4 << 10);
    out.extend_from_slice(b"{\"columns\":[");
    for (i, field) in answer.schema().fields().iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"name\":");
        render::string(field.name(), &mut out);
        out.extend_from_slice(b",\"type\":");
        render::string(&type_name(field.data_type()), &mut out);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"rows\":[");
    let mut rows = 0;
    while let Some(batch) = answer.next().await {
        let batch = batch?;
        if rows + batch.num_rows() > limits.json_rows {
            return Err(Error::TooLarge {
                limit: limits.json_rows,
                unit: "rows",
            }
            .into());
        }
        for row in 0..batch.num_rows() {
            if rows > 0 {
                out.push(b',');
            }
            rows += 1;
            out.push(b'[');
            for (i, column) in batch.columns().iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                render::json(column, row, &mut out);
            }
            out.push(b']');
            if out.len() > limits.json_bytes {
                return Err(Error::TooLarge {
                    limit: limits.json_bytes,
                    unit: "bytes",
                }
                .into());
            }
        }
    }
    let elapsed_ms = answer.elapsed().as_micros() as f64 / 1_000.0;
    out.extend_from_slice(
        format!(
            "],\"sequence\":{},\"elapsed_ms\":{elapsed_ms}}}",
            answer.sequence()
        )
        .as_bytes(),
    );
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(JSON))], out).into_response())
}

/// Begins a format: what it keeps between batches, and its first bytes.
type Head<T> = fn(&SchemaRef) -> Result<(T, Vec<u8>), Error>;

/// Waits for the first batch, so that what fails early has a status, then streams.
async fn streamed<T: Send + 'static>(
    mut answer: Answer,
    content_type: &'static str,
    head: Head<T>,
    batch: fn(&mut T, Option<&RecordBatch>) -> Result<Vec<u8>, Error>,
) -> Result<Response, Problem> {
    let (state, mut begin) = head(answer.schema())?;
    let mut state = state;
    let ended = match answer.next().await.transpose()? {
        Some(first) => {
            begin.extend(batch(&mut state, Some(&first))?);
            false
        }
        None => {
            begin.extend(batch(&mut state, None)?);
            true
        }
    };
    let rest = rest(answer, state, batch, ended);
    let body = Body::from_stream(stream::once(async move { Ok::<_, Error>(Bytes::from(begin)) }).chain(rest));
    Ok((
        [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))],
        body,
    )
        .into_response())
}

fn rest<T: Send + 'static>(
    answer: Answer,
    state: T,
    batch: fn(&mut T, Option<&RecordBatch>) -> Result<Vec<u8>, Error>,
    ended: bool,
) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    stream::try_unfold(
        (answer, state, ended),
        move |(mut answer, mut state, ended)| async move {
            if ended {
                return Ok(None);
            }
            let next = answer.next().await.transpose()?;
            let bytes = batch(&mut state, next.as_ref())?;
            Ok(Some((Bytes::from(bytes), (answer, state, next.is_none()))))
        },
    )
}

fn csv_head(schema: &SchemaRef) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let mut out = Vec::new();
    for (i, field) in schema.fields().iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        render::csv_field(field.name().as_bytes(), false, &mut out);
    }
    out.extend_from_slice(b"\r\n");
    Ok((Vec::new(), out))
}

fn csv_batch(scratch: &mut Vec<u8>, batch: Option<&RecordBatch>) -> Result<Vec<u8>, Error> {
    let Some(batch) = batch else { return Ok(Vec::new()) };
    let mut out = Vec::with_capacity(batch.num_rows() * batch.num_columns() * 8);
    for row in 0..batch.num_rows() {
        for (i, column) in batch.columns().iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            render::csv(column, row, scratch, &mut out);
        }
        out.extend_from_slice(b"\r\n");
    }
    Ok(out)
}

async fn arrow(answer: Answer) -> Result<Response, Problem> {
    streamed(answer, ARROW, arrow_head, arrow_batch).await
}

struct ArrowOut {
    writer: StreamWriter<Vec<u8>>,
    schema: SchemaRef,
}

/// Views share the buffers of a whole chunk, which would all be sent along; plain strings are also what every client reads.
fn portable(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

fn arrow_head(schema: &SchemaRef) -> Result<(ArrowOut, Vec<u8>), Error> {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|f| f.as_ref().clone().with_data_type(portable(f.data_type())))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let mut writer =
        StreamWriter::try_new(Vec::new(), &schema).map_err(|e| Error::Internal(e.to_string()))?;
    let head = std::mem::take(writer.get_mut());
    Ok((ArrowOut { writer, schema }, head))
}

fn arrow_batch(out: &mut ArrowOut, batch: Option<&RecordBatch>) -> Result<Vec<u8>, Error> {
    let internal = |e: arrow::error::ArrowError| Error::Internal(e.to_string());
    match batch {
        Some(batch) => {
            let columns: Vec<ArrayRef> = batch
                .columns()
                .iter()
                .zip(out.schema.fields())
                .map(|(column, field)| cast(column, field.data_type()))
                .collect::<Result<_, _>>()
                .map_err(internal)?;
            let batch = RecordBatch::try_new(Arc::clone(&out.schema), columns).map_err(internal)?;
            out.writer.write(&batch).map_err(internal)?;
        }
        None => out.writer.finish().map_err(internal)?,
    }
    Ok(std::mem::take(out.writer.get_mut()))
}

/// An error as RFC 9457 has it.
#[derive(Debug, Serialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
}

#[derive(Debug, Serialize)]
struct Position {
    line: u64,
    column: u64,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, detail: String) -> Problem {
        let title = status.canonical_reason().unwrap_or("Error");
        Problem {
            kind: format!("urn:eddy:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail,
            position: None,
        }
    }

    fn bad(detail: String) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "body", detail)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let status = match &error {
            Error::NotReadOnly { .. } => StatusCode::FORBIDDEN,
            Error::TooLong { .. } | Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::Memory(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            Error::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        let position = error.place().map(|p| Position {
            line: p.line,
            column: p.column,
        });
        Problem {
            position,
            ..Problem::new(status, &format!("sql:{}", error.kind()), error.to_string())
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (
            status,
            [(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/problem+json"),
            )],
            body,
        )
            .into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
