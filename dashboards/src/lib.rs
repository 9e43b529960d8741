//! Pages and the live feed: a static bundle, the shell that carries the first rows, and one stream of server-sent events.
//!
//! Every figure on a page is a named query of `queries/`, run through the same `POST /v1/sql` that everybody has. Nothing here reads
//! tables by another way, writes anything, or needs Node.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod assets;
mod filters;
mod live;
mod named;
mod secure;
mod shell;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use eddy_query::{LiveTables, QueryEngine};
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;

pub use filters::Zone;
pub use named::{NamedQuery, named_queries};
pub use sign_in::{SignIn, SignInPage};

/// What can keep the pages from being served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The zone has no such name.
    #[error("there is no time zone `{0}`; use a name of the IANA database such as Asia/Kolkata")]
    UnknownZone(String),
    /// The built bundle lacks a part.
    #[error("the embedded bundle lacks {0}; run `make web` and build again")]
    Bundle(String),
}

/// What the pages need from the rest of the engine.
#[derive(Clone)]
pub struct DashboardDeps {
    /// The tables, for the live feed.
    pub tables: Arc<LiveTables>,
    /// The engine that answers the pages' queries.
    pub query: Arc<QueryEngine>,
    /// The tenant's time zone: the zone of every day and time shown.
    pub zone: String,
    /// Address of the PostgreSQL wire, as the copy buttons name it.
    pub pg: Option<String>,
    /// Time a query may take, in seconds, as the workbench tells it.
    pub query_seconds: u64,
    /// Memory a query may take, in bytes, as the workbench tells it.
    pub query_memory_bytes: u64,
    /// Whether callers must show a token, so that a reader can sign out.
    pub guarded: bool,
    /// Ends the event streams, which would otherwise keep a graceful shutdown waiting.
    pub shutdown: CancellationToken,
}

/// The pages `/`, `/products`, `/products/{sku}`, `/anomalies`, `/routing`, `/decisions/{id}`, `/alerts`, `/alerts/{id}`, `/sql`, `/health`, and `GET /v1/live`.
///
/// # Errors
/// When the zone is unknown or the bundle lacks a part.
pub fn router(deps: DashboardDeps) -> Result<Router, Error> {
    let zone = Zone::named(&deps.zone)?;
    let manifest = assets::Manifest::embedded()?;
    let feed = live::Feed::new(Arc::clone(&deps.tables), deps.shutdown.clone());
    let shell = Arc::new(shell::Shell::new(deps, zone, manifest, Arc::clone(&feed)));
    let pages = shell::Page::ALL.into_iter().fold(Router::new(), |router, page| {
        let shell = Arc::clone(&shell);
        router.route(
            page.path(),
            get(move |request| Arc::clone(&shell).serve(page, request)),
        )
    });
    let stream = Router::new()
        .route("/v1/live", get(live::stream))
        .with_state(feed);
    Ok(pages.layer(CompressionLayer::new()).merge(stream))
}

/// The files of the bundle under `/assets/`: the same for everybody, and without a figure.
pub fn assets() -> Router {
    Router::new()
        .route("/assets/{file}", get(assets::serve))
        .layer(CompressionLayer::new())
}
