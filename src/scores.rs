//! `/v1/scores`: the latest scores of a parcel, an order or a return's pickup with their reasons; and what the engine thinks of a parcel
//! under each courier, just now. The latter is answered over NATS too, on `eddy.requests.<tenant>.scores`.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::util::display::array_value_to_string;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use datafusion::common::ScalarValue;
use eddy_log::Requests;
use eddy_processors::Candidate;
use eddy_processors::driver::Control;
use eddy_query::QueryEngine;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::serve::problem;

/// What the calls need.
struct Scores {
    query: QueryEngine,
    control: Control,
}

/// The routes.
pub fn router(query: QueryEngine, control: Control) -> Router {
    Router::new()
        .route("/v1/scores", post(estimate))
        .route("/v1/scores/{subject}", get(latest))
        .with_state(Arc::new(Scores { query, control }))
}

const SQL: &str = "select subject, stage, order_id, awb, rma_id, sequence, scored_at, probability, attempt_probability, threshold, \
                   model_version, contributions from ndr_scores where subject = $1 order by scored_at desc, sequence desc";

/// The latest score comes first.
async fn latest(State(scores): State<Arc<Scores>>, Path(subject): Path<String>) -> Response {
    let parameter = ScalarValue::Utf8(Some(subject.clone()));
    let answer = match scores.query.sql(SQL, vec![parameter]).await {
        Ok(answer) => answer,
        Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    };
    let sequence = HeaderValue::from(answer.sequence());
    let batches = match answer.collect().await {
        Ok(batches) => batches,
        Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    };
    let told: Vec<Value> = batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(|row| score(batch, row)))
        .collect();
    if told.is_empty() {
        let detail = format!(
            "nothing named {subject} was scored; give an awb, an order_id before its manifest, or an rma_id whose pickup is due"
        );
        return problem(StatusCode::NOT_FOUND, &detail);
    }
    let mut response = Json(json!({ "subject": subject, "scores": told })).into_response();
    response.headers_mut().insert("eddy-sequence", sequence);
    response
}

fn score(batch: &RecordBatch, row: usize) -> Value {
    let schema = batch.schema();
    let mut told = Map::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let value = if column.is_null(row) {
            Value::Null
        } else if let Some(figures) = column.as_primitive_opt::<Float64Type>() {
            json!(figures.value(row))
        } else if let Some(figures) = column.as_primitive_opt::<Int64Type>() {
            json!(figures.value(row))
        } else {
            let text = array_value_to_string(column, row).unwrap_or_default();
            match field.name().as_str() {
                "contributions" => serde_json::from_str(&text).unwrap_or_default(),
                _ => Value::String(text),
            }
        };
        told.insert(field.name().clone(), value);
    }
    Value::Object(told)
}

async fn estimate(
    State(scores): State<Arc<Scores>>,
    body: Result<Json<Candidate>, axum::extract::rejection::JsonRejection>,
) -> Response {
    let candidate = match body {
        Ok(Json(candidate)) => candidate,
        Err(error) => return problem(error.status(), &error.body_text()),
    };
    match scores.control.estimate(candidate).await {
        Ok(Ok(told)) => Json(told).into_response(),
        Ok(Err(missing)) => problem(StatusCode::UNPROCESSABLE_ENTITY, &missing),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// Questions that may be waited for at once; further ones wait in the connection.
const ASKED_AT_ONCE: usize = 64;

/// Answers over NATS what `POST /v1/scores` answers over HTTP: the same body, and the same answer or `{"error": ...}`.
pub async fn answer(mut requests: Requests, control: Control, stop: CancellationToken) {
    let turns = Arc::new(Semaphore::new(ASKED_AT_ONCE));
    loop {
        let request = tokio::select! {
            () = stop.cancelled() => return,
            request = requests.next() => request,
        };
        let (Some(request), Ok(turn)) = (request, Arc::clone(&turns).acquire_owned().await) else {
            return;
        };
        let control = control.clone();
        tokio::spawn(async move {
            let told = match serde_json::from_slice::<Candidate>(request.payload()) {
                Ok(candidate) => match control.estimate(candidate).await {
                    Ok(Ok(told)) => told,
                    Ok(Err(missing)) => json!({ "error": missing }),
                    Err(error) => json!({ "error": error.to_string() }),
                },
                Err(error) => json!({ "error": format!("the question cannot be read: {error}") }),
            };
            request.answer(told.to_string()).await;
            drop(turn);
        });
    }
}
