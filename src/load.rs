//! `eddy load`: finds the running engine's log and hands the file to the loader. Standard output gets one JSON line,
//! the reconciliation; everything else goes to standard error.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use eddy_ingest::load::{LoadConfig, Sink};
use eddy_log::{Credentials, Durability, Log, LogConfig};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, EngineArgs};

/// Flags of `eddy load`.
#[derive(Args)]
pub struct LoadArgs {
    /// A file (CSV, Parquet, NDJSON), or a folder where the mapping joins several
    path: PathBuf,
    /// Name of a mapping (amazon_india, uci_online_retail, olist, canonical), or a mapping file of your own
    #[arg(long, value_name = "NAME")]
    mapping: String,
    /// Folder that remembers how far a load came [default: `loads` in the engine's data folder]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// No progress
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// What the engine tells of its log to who may write to it anyway.
#[derive(Deserialize)]
struct LogAddress {
    url: String,
    token: Option<String>,
    credentials: Option<PathBuf>,
    ca: Option<PathBuf>,
    tenant: String,
    synced: bool,
    data_dir: PathBuf,
}

/// Runs the command.
pub async fn run(args: LoadArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.engine)?;
    let address: LogAddress = client.get("/v1/log").await?;
    let mut config = LogConfig::new(address.url);
    config.credentials = match (address.token, address.credentials) {
        (Some(token), _) => Credentials::Token(token),
        (None, Some(file)) => Credentials::File(file),
        (None, None) => Credentials::None,
    };
    config.tls.ca = address.ca;
    config.tenant = address.tenant;
    config.durability = if address.synced {
        Durability::Synced
    } else {
        Durability::Relaxed
    };
    let log = Log::connect(config, eddy_log::Metrics::unregistered())
        .await
        .context("the engine's log cannot be reached from here")?;
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                eprintln!("stopping after what is under way; the same command goes on from there");
                stop.cancel();
            }
        }
    });
    let load = LoadConfig {
        path: args.path,
        mapping: args.mapping,
        state_dir: args.state.unwrap_or_else(|| address.data_dir.join("loads")),
        progress: !args.quiet,
    };
    let metrics = eddy_ingest::Metrics::new()?;
    let report = eddy_ingest::load::run(load, Sink::Log(log), metrics, stop).await?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(ExitCode::SUCCESS)
}

/// A progress bar on a terminal, nothing elsewhere.
pub fn bar(total: u64, unit: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = format!("{{wide_bar}} {{human_pos}} of {{human_len}} {unit} {{per_sec}} {{eta}}");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}
