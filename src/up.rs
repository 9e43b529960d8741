//! `eddy up`: starts the roles in order, waits for an interrupt or a failure, and stops them in the order of the flow:
//! front doors, fetching, draining, snapshot, log. It wires; it decides nothing about data.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use eddy_log::{Credentials, Durability, Endpoint, Log, LogConfig, Server, ServerConfig, ServerEvent, Tls};
use eddy_processors::driver::Driver;
use eddy_processors::{Change as RowChange, DriverConfig};
use eddy_query::{LiveTables, QueryEngine};
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Nats, UpArgs};
use crate::events_table::EventsTable;
use crate::readiness;
use crate::serve::{self, Engine};
use crate::telemetry;

/// How long the whole stop may take before what is left is given up.
const PATIENCE: Duration = Duration::from_millis(4_500);

/// Runs the engine until an interrupt.
pub async fn run(args: UpArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args)?;
    let telemetry = telemetry::start(config.otlp_endpoint.as_deref())?;
    // The ports first: a port in use is said before anything is started.
    let http = TcpListener::bind(config.http)
        .await
        .map_err(|e| busy(e, "--http", config.http))?;
    let pg_auth = eddy_query::pg::Auth {
        password: config.pg_password.clone(),
    };
    let pg = eddy_query::pg::listen(config.pg, pg_auth)
        .await
        .with_context(|| format!("--pg {} (EDDY_PG) cannot be used", config.pg))?;

    let registry = Registry::new();
    let server = start_server(&config).await?;
    let endpoint = server.as_ref().map(Server::endpoint);
    let log = connect(&config, endpoint.as_ref(), &registry).await?;
    let end_at_start = readiness::end_of_log(&log).await?;

    let tables = LiveTables::new(eddy_processors::tables())?;
    let query = query_engine(&config, &log, &tables)?;
    eddy_query::metrics::register(&registry, &query)?;

    let stop = CancellationToken::new();
    let (driver, control) = Driver::new(
        eddy_processors::driver::Deps {
            log: log.clone(),
            metrics: eddy_processors::Metrics::register(&registry)?,
        },
        driver_config(&config),
    );
    let sink = {
        let tables = tables.clone();
        move |changes: Vec<(usize, RowChange)>, progress: eddy_processors::Progress| {
            apply(&tables, changes, progress)
        }
    };
    let folding = CancellationToken::new();
    let mut processor = tokio::spawn({
        let folding = folding.clone();
        async move { driver.run(sink, folding).await }
    });

    let asked = log.requests("scores").await?;
    let answering = control.clone();
    let gateway = eddy_ingest::gateway::Gateway::start(serve::gateway_config(&config), &log, &registry)?;
    let engine = Arc::new(Engine {
        config: config.clone(),
        log: log.clone(),
        data_dir: config
            .data_dir
            .canonicalize()
            .context("the data folder cannot be found")?,
        private: endpoint,
        tables: tables.clone(),
        control,
        end_at_start,
        registry,
        stopping: stop.clone(),
    });
    let router = telemetry.traced(serve::router(engine, gateway, query.clone(), stop.clone())?);
    let tasks = TaskTracker::new();
    let http_addr = http.local_addr()?;
    let pg_addr = pg.addr();
    tasks.spawn({
        let stop = stop.clone();
        async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            let served = axum::serve(http, service)
                .with_graceful_shutdown(stop.cancelled_owned())
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the HTTP front door closed");
            }
        }
    });
    tasks.spawn(pg.serve(query, stop.clone()));
    tasks.spawn(crate::scores::answer(asked, answering, stop.clone()));
    if let Some(server) = &server {
        tasks.spawn(tell_server_events(server.events(), stop.clone()));
    }
    tracing::info!(http = %http_addr, pg = %pg_addr, data = %config.data_dir.display(), "eddy is up");
    announce(&config, http_addr, pg_addr);

    let failure = tokio::select! {
        signal = interrupted() => { signal?; None }
        ended = &mut processor => Some(match ended {
            Ok(Ok(())) => anyhow!("the processor ended by itself"),
            Ok(Err(error)) => anyhow::Error::new(error).context("the processor stopped"),
            Err(panic) => anyhow!("the processor broke: {panic}"),
        }),
    };
    tracing::info!("stopping");
    let stopped = async {
        stop.cancel();
        folding.cancel();
        tasks.close();
        if failure.is_none() {
            match (&mut processor).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "the processor did not stop well; the next start replays from the snapshot")
                }
                Err(panic) => tracing::error!(%panic, "the processor broke while it stopped"),
            }
        }
        tasks.wait().await;
        if let Some(server) = server {
            server.shutdown().await;
        }
    };
    if tokio::time::timeout(PATIENCE, stopped).await.is_err() {
        tracing::warn!(
            "not everything stopped in time; the log is safe, the next start replays what is missing"
        );
    }
    match failure {
        None => Ok(ExitCode::SUCCESS),
        Some(error) => Err(error),
    }
}

fn busy(error: std::io::Error, flag: &str, addr: std::net::SocketAddr) -> anyhow::Error {
    let way = if error.kind() == std::io::ErrorKind::AddrInUse {
        format!("{addr} is in use by another program; end it, or choose another address with {flag}")
    } else {
        format!("cannot listen on {addr}; choose another address with {flag}")
    };
    anyhow::Error::new(error).context(way)
}

async fn start_server(config: &Config) -> anyhow::Result<Option<Server>> {
    let Nats::Private { binary } = &config.nats else {
        // A private server makes the folder itself.
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("the data folder {} cannot be made", config.data_dir.display()))?;
        return Ok(None);
    };
    let server = ServerConfig {
        durability: durability(config),
        binary: binary.clone(),
        ..ServerConfig::new(&config.data_dir)
    };
    Ok(Some(Server::start(server).await?))
}

fn durability(config: &Config) -> Durability {
    if config.synced {
        Durability::Synced
    } else {
        Durability::Relaxed
    }
}

/// How the log of a configuration is reached; `private` is the endpoint of the server beside the data.
pub fn log_config(config: &Config, private: Option<&Endpoint>) -> anyhow::Result<LogConfig> {
    let mut log = match (&config.nats, private) {
        (Nats::Private { .. }, Some(endpoint)) => LogConfig::of(endpoint),
        (Nats::Private { .. }, None) => bail!(
            "the private nats-server of {} does not run",
            config.data_dir.display()
        ),
        (
            Nats::External {
                url,
                credentials,
                token,
                ca,
                certificate,
                key,
                monitor,
            },
            _,
        ) => {
            let identity = match (certificate, key) {
                (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
                (None, None) => None,
                _ => bail!("nats.certificate and nats.key go together; set both or neither"),
            };
            let proof = match (credentials, token) {
                (Some(_), Some(_)) => bail!("nats.credentials and nats.token exclude each other; set one"),
                (Some(file), None) => Credentials::File(file.clone()),
                (None, Some(token)) => Credentials::Token(token.clone()),
                (None, None) => Credentials::None,
            };
            LogConfig {
                credentials: proof,
                tls: Tls {
                    required: ca.is_some() || identity.is_some(),
                    ca: ca.clone(),
                    identity,
                },
                monitor_url: monitor.clone(),
                ..LogConfig::new(url.clone())
            }
        }
    };
    log.tenant.clone_from(&config.tenant);
    log.durability = durability(config);
    log.replicas = (config.replicas > 1).then_some(config.replicas);
    Ok(log)
}

async fn connect(config: &Config, private: Option<&Endpoint>, registry: &Registry) -> anyhow::Result<Log> {
    let metrics = eddy_log::Metrics::register(registry)?;
    let log = Log::connect(log_config(config, private)?, metrics).await?;
    let report = log.durability();
    tracing::info!(wanted = %report.wanted, actual = %report.actual, evidence = %report.evidence, "durability of the log");
    Ok(log)
}

fn query_engine(config: &Config, log: &Log, tables: &Arc<LiveTables>) -> anyhow::Result<QueryEngine> {
    let views = eddy_processors::views()
        .iter()
        .map(|view| eddy_query::View {
            name: view.name.into(),
            sql: view.sql.into(),
            comment: view.comment.into(),
        })
        .collect();
    let families = eddy_processors::families()
        .iter()
        .map(|family| eddy_query::Family {
            name: family.name.into(),
            comment: family.comment.into(),
            choices: family
                .choices
                .iter()
                .map(|(column, words)| eddy_query::Choice {
                    column,
                    words: words.to_vec(),
                })
                .collect(),
            sql: family.sql,
        })
        .collect();
    let events = EventsTable::new(log.clone(), tables.clone());
    let limits = eddy_query::Limits {
        time: Duration::from_secs(config.limits.query_seconds),
        query_memory: config.limits.query_memory_bytes,
        running: config.limits.concurrent_queries,
        ..eddy_query::Limits::default()
    };
    let extra = vec![("public".to_owned(), "events".to_owned(), Arc::new(events) as _)];
    let offer = eddy_query::Offer {
        views,
        families,
        functions: crate::nowcast_functions::all(),
        extra,
    };
    Ok(QueryEngine::new(tables.clone(), offer, limits)?)
}

/// What the processor runs by; also what a replay must use to reach the same digest.
pub fn engine_config(config: &Config) -> eddy_processors::Config {
    eddy_processors::Config {
        tenant: config.tenant.as_str().into(),
        zone: config.zone.clone(),
        scores: config.scores,
        risk: config.risk,
        anomalies: config.anomalies,
        operations: config.operations,
        ..eddy_processors::Config::default()
    }
}

fn driver_config(config: &Config) -> DriverConfig {
    let mut driver = DriverConfig::new(engine_config(config), Some(config.data_dir.join("state")));
    driver.snapshot_events = config.snapshots.every_events;
    driver.snapshot_every = Duration::from_secs(config.snapshots.every_seconds);
    driver
}

fn apply(tables: &LiveTables, changes: Vec<(usize, RowChange)>, progress: eddy_processors::Progress) {
    let changes = changes
        .into_iter()
        .map(|(table, change)| {
            let change = match change {
                RowChange::Upsert(rows) => eddy_query::Change::Upsert(rows),
                RowChange::Delete(keys) => eddy_query::Change::Delete(keys),
            };
            (table, change)
        })
        .collect();
    let progress = eddy_query::Progress {
        shard: progress.shard,
        sequence: progress.sequence,
        event_time_micros: progress.event_time_micros,
        logged_at_micros: progress.logged_at_micros,
        events: progress.events,
    };
    if let Err(error) = tables.apply(changes, progress) {
        // Rows that do not fit their own schema are a defect; serving on would serve wrong answers.
        panic!("the live tables refused rows of the processor: {error}");
    }
}

async fn tell_server_events(
    mut events: tokio::sync::broadcast::Receiver<ServerEvent>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            event = events.recv() => match event {
                Ok(event) => tracing::warn!(?event, "nats-server"),
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            },
        }
    }
}

fn announce(config: &Config, http: std::net::SocketAddr, pg: std::net::SocketAddr) {
    println!("eddy {} is up", env!("CARGO_PKG_VERSION"));
    println!("  pages    http://{http}/");
    println!("  SQL      psql -h {} -p {} -U eddy eddy", pg.ip(), pg.port());
    println!("  metrics  http://{http}/metrics");
    println!("  data     {}", config.data_dir.display());
}

async fn interrupted() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done.context("cannot listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}
