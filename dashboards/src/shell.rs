//! The shell of a page: frame, assets and the first rows as data, so that the page has figures before its first request.
//!
//! First rows are the answers of `POST /v1/sql` to the page's named queries, as far as they come within a short time; the page asks for the
//! rest. The frame is sent before they are asked for, so that the first paint waits for no query. The shell renders no figures itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Path};
use axum::response::{Html, IntoResponse, Response};
use eddy_query::QueryEngine;
use futures::future::join_all;
use futures::{StreamExt, stream};
use http::{HeaderMap, Request, StatusCode, Uri, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::assets::Manifest;
use crate::filters::{Zone, literals};
use crate::live::Feed;
use crate::named::{NamedQuery, named_queries};
use crate::{DashboardDeps, secure};

/// How long the shell waits for first rows.
const FIRST_ROWS: Duration = Duration::from_millis(120);
/// Longest answer that is put into the shell, in bytes.
const FIRST_ROWS_BYTES: usize = 256 << 10;

/// A page that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Overview,
    Products,
    Product,
    Anomalies,
    Routing,
    Decision,
    Alerts,
    Alert,
    Workbench,
    Health,
}

impl Page {
    pub(crate) const ALL: [Self; 10] = [
        Self::Overview,
        Self::Products,
        Self::Product,
        Self::Anomalies,
        Self::Routing,
        Self::Decision,
        Self::Alerts,
        Self::Alert,
        Self::Workbench,
        Self::Health,
    ];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Products => "/products",
            Self::Product => "/products/{product}",
            Self::Anomalies => "/anomalies",
            Self::Routing => "/routing",
            Self::Decision => "/decisions/{decision}",
            Self::Alerts => "/alerts",
            Self::Alert => "/alerts/{alert}",
            Self::Workbench => "/sql",
            Self::Health => "/health",
        }
    }

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Products => "products",
            Self::Product => "product",
            Self::Anomalies => "anomalies",
            Self::Routing => "routing",
            Self::Decision => "decision",
            Self::Alerts => "alerts",
            Self::Alert => "alert",
            Self::Workbench => "workbench",
            Self::Health => "health",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Products => "Products",
            Self::Product => "Product",
            Self::Anomalies => "Anomalies",
            Self::Routing => "Routing",
            Self::Decision => "Decision",
            Self::Alerts => "Alerts",
            Self::Alert => "Alert",
            Self::Workbench => "Workbench",
            Self::Health => "Health",
        }
    }

    /// What the part of its path names, as a parameter of its queries.
    fn subject(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Product => "product",
            _ => "decision",
        }
    }

    /// The queries behind the page, in the order of its cards.
    fn queries(self) -> &'static [&'static str] {
        match self {
            Self::Overview => &[
                "flow",
                "anomalies_figures",
                "adjusted_now",
                "orders_figures",
                "shipments_figures",
                "returns_figures",
                "refunds_figures",
                "return_rate_cohorts",
                "return_rate_values",
                "return_funnel",
                "dead_letters_by_reason",
                "visit_figures",
            ],
            Self::Products => &[
                "products",
                "products_figures",
                "products_values",
                "products_anomalies",
            ],
            Self::Product => &[
                "product",
                "product_cohorts",
                "product_anomalies",
                "product_reasons",
                "product_sizes",
                "product_differs",
                "product_ends",
                "product_forecast",
                "product_returns",
            ],
            Self::Anomalies => &["anomalies_figures", "anomalies_queue"],
            Self::Routing => &[
                "settled_scores",
                "routing_policies",
                "routing_effect",
                "routing_queue",
                "lane_risk",
                "courier_scorecards",
            ],
            Self::Decision => &["decision", "decision_score", "routing_policies"],
            Self::Alerts => &["alerts_health", "alerts_queue", "audit_samples"],
            Self::Alert => &[
                "alert",
                "alert_keys",
                "alert_score",
                "alert_peers",
                "alert_cluster",
            ],
            Self::Workbench => &["catalogue_tables", "catalogue_columns"],
            Self::Health => &[
                "dead_letters_by_reason",
                "dead_letters_recent",
                "returns_ageing",
                "progress_by_shard",
                "table_rows",
            ],
        }
    }

    /// Those that run only when asked: they read the log itself, or are about what the reader chose.
    fn asked(self) -> &'static [&'static str] {
        match self {
            Self::Products => &["products_curves"],
            Self::Anomalies => &["anomaly_series", "anomaly_nearby", "anomaly_past"],
            Self::Routing => &["attempts_without_proof"],
            Self::Decision => &["decision_events"],
            Self::Alerts => &["audits_reviewed"],
            Self::Alert => &["alert_events"],
            Self::Overview | Self::Product | Self::Workbench | Self::Health => &[],
        }
    }

    /// All of them, and on the workbench the worked questions, which run only when asked too.
    fn carried(self) -> impl Iterator<Item = &'static NamedQuery> {
        named_queries().iter().filter(move |q| {
            let name = q.name.as_str();
            self.queries().contains(&name)
                || self.asked().contains(&name)
                || (self == Self::Workbench && q.role.is_some())
        })
    }
}

#[derive(Template)]
#[template(path = "shell.html")]
struct Frame<'a> {
    page: &'a str,
    title: &'a str,
    theme: &'a str,
    nonce: &'a str,
    style: &'a str,
    icon: &'a str,
    script: &'a str,
    preload: &'a [String],
}

#[derive(Template)]
#[template(path = "shell_end.html")]
struct End<'a> {
    worker: &'a str,
    data: &'a str,
}

/// Serves the shells.
pub(crate) struct Shell {
    deps: DashboardDeps,
    zone: Zone,
    manifest: Manifest,
    feed: Arc<Feed>,
    sql: Router,
}

impl Shell {
    pub(crate) fn new(deps: DashboardDeps, zone: Zone, manifest: Manifest, feed: Arc<Feed>) -> Self {
        let sql = eddy_query::http::router(QueryEngine::clone(&deps.query));
        Self {
            deps,
            zone,
            manifest,
            feed,
            sql,
        }
    }

    /// The page: its frame at once, then the rows its address asks for.
    pub(crate) async fn serve(self: Arc<Self>, page: Page, request: Request<Body>) -> Response {
        let nonce = secure::nonce();
        let frame = match self.frame(page, theme(request.headers()), &nonce) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::error!(%error, page = page.id(), "the frame of a page cannot be rendered");
                return (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the page cannot be rendered; the engine's log says why",
                )
                    .into_response();
            }
        };
        let (mut parts, _) = request.into_parts();
        // What the page is about stands in its path; other pages have no such part.
        let subject = Path::<String>::from_request_parts(&mut parts, &()).await.ok();
        let end = async move { self.end(page, &parts.uri, subject.map(|path| path.0)).await };
        let body = stream::once(async { Ok(frame) }).chain(stream::once(end));
        let mut response = Html(Body::from_stream(body)).into_response();
        secure::page(response.headers_mut(), &nonce);
        response
    }

    fn frame(&self, page: Page, theme: &str, nonce: &str) -> Result<String, askama::Error> {
        let entry = &self.manifest.pages[page.id()];
        let frame = Frame {
            page: page.id(),
            title: page.title(),
            theme,
            nonce,
            style: &self.manifest.style,
            icon: &self.manifest.icon,
            script: &entry.script,
            preload: &entry.preload,
        };
        frame.render()
    }

    async fn end(&self, page: Page, address: &Uri, subject: Option<String>) -> Result<String, askama::Error> {
        // Before the rows are read: what changes while they are is told to the page.
        let place = self.feed.place();
        let mut pairs: Vec<(String, String)> = axum::extract::Query::try_from_uri(address)
            .map(|q| q.0)
            .unwrap_or_default();
        pairs.extend(subject.map(|id| (page.subject().to_owned(), id)));
        let literals = literals(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())), &self.zone);
        let answers = page
            .queries()
            .iter()
            .filter_map(|name| named_queries().iter().find(|q| q.name == *name))
            .map(|query| {
                let sql = query.bind(&literals);
                async move { Some((query.name.as_str(), self.first_rows(sql).await?)) }
            });
        let results: BTreeMap<&str, Value> = join_all(answers).await.into_iter().flatten().collect();

        let snapshot = self.deps.tables.snapshot();
        let data = json!({
            "page": page.id(),
            "zone": self.deps.zone,
            "queries": page.carried().collect::<Vec<_>>(),
            "results": results,
            "sequence": snapshot.sequence(),
            "event_time": snapshot.event_time_micros().and_then(utc),
            "limits": {"seconds": self.deps.query_seconds, "memory_bytes": self.deps.query_memory_bytes},
            "pg": self.deps.pg,
            "guarded": self.deps.guarded,
            "feed": place,
        });
        // The data stands in a script element: nothing in it may end that element.
        let data = data.to_string().replace('<', "\\u003c");
        let end = End {
            worker: &self.manifest.worker,
            data: &data,
        };
        end.render()
    }

    /// The answer of `POST /v1/sql`, if it comes in time and is small.
    async fn first_rows(&self, sql: String) -> Option<Value> {
        let request = Request::post("/v1/sql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .body(Body::from(json!({ "sql": sql }).to_string()))
            .ok()?;
        let answer = async {
            let response = self.sql.clone().oneshot(request).await.ok()?;
            if response.status() != StatusCode::OK {
                return None;
            }
            let bytes = to_bytes(response.into_body(), FIRST_ROWS_BYTES).await.ok()?;
            let mut value: Value = serde_json::from_slice(&bytes).ok()?;
            value.as_object_mut()?.insert("sql".into(), Value::String(sql));
            Some(value)
        };
        tokio::time::timeout(FIRST_ROWS, answer).await.ok().flatten()
    }
}

/// The theme the reader chose, from the cookie the page set: known before the first paint.
pub(crate) fn theme(headers: &HeaderMap) -> &'static str {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'));
    cookies
        .filter_map(|c| c.trim().strip_prefix("eddy_theme="))
        .find_map(|theme| ["light", "dark"].into_iter().find(|t| *t == theme))
        .unwrap_or("")
}

/// An instant in RFC 3339, of microseconds since 1970; zero is no instant.
pub(crate) fn utc(micros: i64) -> Option<String> {
    if micros == 0 {
        return None;
    }
    Timestamp::from_microsecond(micros).ok().map(|t| t.to_string())
}
