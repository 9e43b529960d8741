//! Tables small enough to read, an engine over them, and the router under test.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::response::Response;
use eddy_dashboards::{DashboardDeps, assets, router};
use eddy_query::{Limits, LiveTables, Offer, Progress, QueryEngine};
use http::Request;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub struct World {
    pub tables: Arc<LiveTables>,
    pub router: Router,
    pub shutdown: CancellationToken,
}

fn schema() -> SchemaRef {
    let fields = vec![
        Field::new("name", DataType::Utf8View, false),
        Field::new("n", DataType::Int64, false),
    ];
    let metadata = HashMap::from([
        ("eddy.table".to_owned(), "things".to_owned()),
        ("eddy.key".to_owned(), "name".to_owned()),
    ]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

impl World {
    pub fn new() -> Self {
        let tables = LiveTables::new(vec![schema()]).unwrap();
        let query = QueryEngine::new(Arc::clone(&tables), Offer::default(), Limits::default()).unwrap();
        let shutdown = CancellationToken::new();
        let deps = DashboardDeps {
            tables: Arc::clone(&tables),
            query: Arc::new(query),
            zone: "Asia/Kolkata".into(),
            pg: Some("127.0.0.1:5433".into()),
            query_seconds: 30,
            query_memory_bytes: 1 << 30,
            guarded: false,
            shutdown: shutdown.clone(),
        };
        Self {
            tables,
            router: router(deps).unwrap().merge(assets()),
            shutdown,
        }
    }

    /// Applies one batch of rows at a sequence.
    pub fn apply(&self, sequence: u64, names: &[&str]) {
        let columns: Vec<arrow::array::ArrayRef> = vec![
            Arc::new(StringViewArray::from_iter_values(names)),
            Arc::new(Int64Array::from_iter_values(
                names.iter().map(|_| sequence as i64),
            )),
        ];
        let rows = RecordBatch::try_new(schema(), columns).unwrap();
        let progress = Progress {
            shard: 0,
            sequence,
            event_time_micros: 1_795_000_000_000_000,
            logged_at_micros: 1_795_000_000_100_000,
            events: sequence * 10,
        };
        self.tables.apply(vec![(0, rows)], progress).unwrap();
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    }
}

pub async fn text(response: Response) -> String {
    let bytes: Bytes = to_bytes(response.into_body(), 4 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
