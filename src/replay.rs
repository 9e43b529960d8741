//! `eddy replay` and `eddy digest`: the proof that the running state equals what the log says.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use eddy_log::{Endpoint, Log, Server, ServerConfig};
use serde_json::{Value, json};

use crate::client::{Client, EngineArgs};
use crate::config::{Config, Nats, UpArgs};
use crate::up::{engine_config, log_config};

/// Flags of `eddy replay`.
#[derive(Args)]
pub struct ReplayArgs {
    /// Where the log is: the same flags as of `eddy up`
    #[command(flatten)]
    up: UpArgs,
    /// Replay up to this sequence [default: the end of the log]
    #[arg(long, value_name = "SEQUENCE")]
    to: Option<u64>,
}

/// Flags of `eddy digest`.
#[derive(Args)]
pub struct DigestArgs {
    #[command(flatten)]
    engine: EngineArgs,
}

/// Reads the log from its start through fresh folds and prints the digest. Uses the running engine's
/// server when there is one, and a server of its own otherwise.
pub async fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.up)?;
    let (server, log) = open(&config).await?;
    let end = match args.to {
        Some(to) => to,
        None => log.last_sequence().await?,
    };
    let bar = crate::load::bar(end, "messages");
    let digest =
        eddy_processors::replay(&log, engine_config(&config), end, |at| bar.set_position(at)).await?;
    bar.finish_and_clear();
    print(digest.sequence, &digest.projections, &digest.outputs);
    if let Some(server) = server {
        server.shutdown().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// The log: of the running engine's server when there is one, and of a server of its own otherwise, which is to be shut down in the end.
pub async fn open(config: &Config) -> anyhow::Result<(Option<Server>, Log)> {
    let running = match config.nats {
        Nats::Private { .. } => Endpoint::read(&config.data_dir),
        Nats::External { .. } => None,
    };
    let (server, endpoint) = match (&config.nats, running) {
        (Nats::External { .. }, _) => (None, None),
        (Nats::Private { .. }, Some(endpoint)) => (None, Some(endpoint)),
        (Nats::Private { binary }, None) => {
            let own = ServerConfig {
                binary: binary.clone(),
                ..ServerConfig::new(&config.data_dir)
            };
            let server = Server::start(own)
                .await
                .context("the log's server cannot be started")?;
            let endpoint = server.endpoint();
            (Some(server), Some(endpoint))
        }
    };
    let log = Log::connect(
        log_config(config, endpoint.as_ref())?,
        eddy_log::Metrics::unregistered(),
    )
    .await?;
    Ok((server, log))
}

/// Asks the running engine for its digest.
pub async fn digest(args: DigestArgs) -> anyhow::Result<ExitCode> {
    let answer: Value = Client::new(&args.engine)?.get("/v1/digest").await?;
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    print(
        answer["sequence"].as_u64().unwrap_or(0),
        &text("projections"),
        &text("outputs"),
    );
    Ok(ExitCode::SUCCESS)
}

fn print(sequence: u64, projections: &str, outputs: &str) {
    println!(
        "{}",
        json!({ "sequence": sequence, "projections": projections, "outputs": outputs })
    );
}
