//! The HTTP gateway: events in by CloudEvents or webhook, an answer only when the log holds them, dead letters to browse and send again.
//!
//! Every bound is explicit: body, batch, depth, rate, bytes held at once; who comes too fast is told when to come back. It keeps no
//! queue of its own, and does not know what an event means.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use eddy_log::{Appender, DeadLetters, Log};
use prometheus::Registry;

use crate::metrics::Metrics;

mod body;
mod dead_letters;
mod events;
mod limits;
mod problem;
mod store;
mod webhooks;

pub use problem::Problem;
pub use store::Held;

use limits::{Bucket, Budget, Recent};
use store::Store;

/// What can keep a gateway from starting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Anyone who reaches the address could write.
    #[error(
        "{address} is not loopback and no token is configured: anyone who reaches it could write; set a token, or listen on 127.0.0.1"
    )]
    Unguarded {
        /// The address.
        address: SocketAddr,
    },
    /// The log gives no appender.
    #[error(transparent)]
    Log(#[from] eddy_log::Error),
    /// The metrics are entered twice.
    #[error("the gateway's metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    /// A webhook's mapping is wrong.
    #[error(transparent)]
    Mapping(#[from] crate::mapping::MappingError),
}

/// Bounds of the gateway.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Largest body in bytes.
    pub max_body_bytes: usize,
    /// Most events in one request.
    pub max_batch_events: usize,
    /// Bytes of bodies held at once, over all requests.
    pub max_held_bytes: usize,
    /// Events a second over all clients; no bound when absent.
    pub events_per_second: Option<u32>,
    /// Events remembered to recognise repeats.
    pub remembered_events: usize,
    /// Bearer tokens of which one must be sent; empty when whoever mounts the router guards it.
    pub tokens: Vec<String>,
    /// Paths of webhook mappings besides those that come with Eddy.
    pub webhooks: Vec<std::path::PathBuf>,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            max_body_bytes: 16 << 20,
            max_batch_events: 50_000,
            max_held_bytes: 256 << 20,
            events_per_second: None,
            remembered_events: 200_000,
            tokens: Vec::new(),
            webhooks: Vec::new(),
        }
    }
}

/// Refuses an address that others reach when no token guards it.
pub fn check_listen(address: SocketAddr, token: Option<&str>) -> Result<(), Error> {
    if address.ip().is_loopback() || token.is_some_and(|token| !token.is_empty()) {
        Ok(())
    } else {
        Err(Error::Unguarded { address })
    }
}

/// The gateway. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    config: GatewayConfig,
    store: Store,
    metrics: Metrics,
    bucket: Option<Bucket>,
    budget: Arc<Budget>,
    recent: Recent,
    webhooks: webhooks::Webhooks,
}

impl Gateway {
    /// A gateway to a log.
    pub fn start(config: GatewayConfig, log: &Log, registry: &Registry) -> Result<Self, Error> {
        let metrics = Metrics::register(registry)?;
        Self::with(config, Store::log(log.appender(0)?, log.dead_letters()), metrics)
    }

    /// A gateway that writes by an appender and to dead letters of the caller's making.
    pub fn with_log(
        config: GatewayConfig,
        appender: Appender,
        dead_letters: DeadLetters,
        metrics: Metrics,
    ) -> Result<Self, Error> {
        Self::with(config, Store::log(appender, dead_letters), metrics)
    }

    /// A gateway to memory, to try what it does with a request.
    pub fn to_memory(
        config: GatewayConfig,
        held: Arc<std::sync::Mutex<Held>>,
        metrics: Metrics,
    ) -> Result<Self, Error> {
        Self::with(config, Store::Memory(held), metrics)
    }

    fn with(config: GatewayConfig, store: Store, metrics: Metrics) -> Result<Self, Error> {
        let inner = Inner {
            bucket: config.events_per_second.map(Bucket::new),
            budget: Budget::new(config.max_held_bytes.max(config.max_body_bytes)),
            recent: Recent::new(config.remembered_events),
            webhooks: webhooks::Webhooks::new(&config.webhooks)?,
            config,
            store,
            metrics,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        let router = Router::new()
            .route("/v1/events", post(events::post))
            .route("/v1/webhooks/{source}", post(webhooks::post))
            .route("/v1/dead-letters", get(dead_letters::browse))
            .route("/v1/dead-letters/redrive", post(dead_letters::redrive))
            .layer(middleware::from_fn_with_state(self.clone(), watched));
        router.with_state(self.clone())
    }
}

/// Counts the request, and asks for the token if there is one.
async fn watched(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let inner = &gateway.inner;
    let route = match request.uri().path() {
        "/v1/events" => "events",
        "/v1/dead-letters" => "dead_letters",
        "/v1/dead-letters/redrive" => "redrive",
        _ => "webhooks",
    };
    inner.metrics.in_flight.inc();
    let guard = InFlight(&inner.metrics);
    let response = if authorised(&inner.config.tokens, &request) {
        next.run(request).await
    } else {
        let problem = Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "send a token of this engine as `Authorization: Bearer ...`",
        );
        let mut response = problem.into_response();
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            header::HeaderValue::from_static("Bearer"),
        );
        response
    };
    drop(guard);
    inner
        .metrics
        .requests
        .with_label_values(&[route, response.status().as_str()])
        .inc();
    response
}

/// Ends the count of a request under way, even when its client has gone.
struct InFlight<'a>(&'a Metrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.dec();
    }
}

fn authorised(tokens: &[String], request: &Request) -> bool {
    if tokens.is_empty() {
        return true;
    }
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(header::HeaderValue::as_bytes);
    let given = given
        .and_then(|value| value.strip_prefix(b"Bearer "))
        .unwrap_or_default();
    // All are looked at, so that the time tells nothing.
    tokens
        .iter()
        .fold(false, |found, token| found | same(given, token.as_bytes()))
}

/// Compares in a time that depends on the length alone.
fn same(given: &[u8], wanted: &[u8]) -> bool {
    if given.len() != wanted.len() {
        return false;
    }
    given
        .iter()
        .zip(wanted)
        .fold(0u8, |difference, (a, b)| difference | (a ^ b))
        == 0
}

impl Inner {
    /// The rate, before anything is read.
    fn admit(&self) -> Result<(), Problem> {
        let Some(bucket) = &self.bucket else { return Ok(()) };
        bucket.check(Instant::now()).map_err(|wait| {
            self.metrics.throttled.with_label_values(&["rate"]).inc();
            let rate = self.config.events_per_second.unwrap_or_default();
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", format!("more than {rate} events a second came in; wait as Retry-After says, and send more events in one request"))
                .retry_after(wait)
        })
    }
}
