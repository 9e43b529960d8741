//! `eddy train`: fits models to the past log, judges them on its later part, and keeps the best one in the object store of the log.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use eddy_events::Timestamp;
use eddy_processors::training::{self, Report, Row, SERVING, SHADOW};
use serde_json::json;

use crate::config::{Config, UpArgs};
use crate::models;
use crate::replay::open;
use crate::up::engine_config;

/// Flags of `eddy train`.
#[derive(Args)]
pub struct TrainArgs {
    /// Where the log is: the same flags as of `eddy up`
    #[command(flatten)]
    up: UpArgs,
    /// Go up to this sequence [default: the end of the log]
    #[arg(long, value_name = "SEQUENCE")]
    to: Option<u64>,
    /// Judge rows scored from this time on, RFC 3339 [default: the latest three tenths of the rows]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Let it serve, if it is ahead of the online learner
    #[arg(long, conflicts_with = "shadow")]
    promote: bool,
    /// Let it score in the shadow: judged in model_performance, never told
    #[arg(long)]
    shadow: bool,
    /// Promote it even when the online learner is ahead
    #[arg(long, requires = "promote")]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Trains.
pub async fn run(args: TrainArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.up)?;
    let judged_from = match &args.from {
        Some(text) => {
            let time =
                Timestamp::parse(text).with_context(|| format!("--from {text}: not an RFC 3339 time"))?;
            Some(time.micros)
        }
        None => None,
    };
    let (server, log) = open(&config).await?;
    let to = match args.to {
        Some(to) => to,
        None => log.last_sequence().await?,
    };
    let bar = crate::load::bar(to, "messages");
    let report = training::train(&log, engine_config(&config), to, judged_from, |at| {
        bar.set_position(at);
    })
    .await;
    bar.finish_and_clear();
    let report = report?;
    log.artefacts().put(&report.digest, &report.artefact).await?;
    print(&report, args.json);
    let ahead = report.log_loss_difference < 0.0;
    if args.promote && !ahead && !args.force {
        bail!(
            "the online learner is ahead by {:.5} of log-loss, so it goes on serving; --shadow lets {} score beside it, --force promotes it all the same",
            report.log_loss_difference,
            report.version
        );
    }
    let subject = match (args.promote, args.shadow) {
        (true, _) => Some(SERVING),
        (_, true) => Some(SHADOW),
        _ => None,
    };
    if let Some(subject) = subject {
        let at = Timestamp::utc(report.clock);
        models::publish(&log, subject, (&report.version, &report.digest), at).await?;
    } else if !args.json {
        println!(
            "kept. `eddy models promote {} --digest {}` lets it serve, with --shadow it scores beside the learner",
            report.version, report.digest
        );
    }
    if let Some(server) = server {
        server.shutdown().await;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(report: &Report, as_json: bool) {
    if as_json {
        println!("{}", json!(report));
        return;
    }
    println!(
        "log position {}, {} rows learned from, judged from {}",
        report.sequence, report.learned, report.judged_from
    );
    println!(
        "{:<18} {:<9} {:>9} {:>8} {:>8} {:>9} {:>8} {:>7}",
        "stage", "scorer", "outcomes", "roc_auc", "avg_pr", "log_loss", "brier", "ece"
    );
    for Row {
        stage,
        scorer,
        outcomes,
        roc_auc,
        average_precision,
        log_loss,
        brier,
        ece,
    } in &report.quality
    {
        println!(
            "{stage:<18} {scorer:<9} {outcomes:>9} {roc_auc:>8.4} {average_precision:>8.4} {log_loss:>9.5} {brier:>8.4} {ece:>7.4}"
        );
    }
    println!(
        "{}: log-loss {:+.5} against the online learner's; digest {}",
        report.version, report.log_loss_difference, report.digest
    );
}
