//! `eddy backtest`: what the scores were worth over the past log, and what another policy would have done.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use eddy_events::Timestamp;
use eddy_processors::backtest::{Decided, Difference, Estimate, OffPolicy, Peer, Question, Report, Row};
use serde_json::{Value, json};

use crate::config::{Config, UpArgs};
use crate::replay::open;
use crate::up::engine_config;

/// Flags of `eddy backtest`.
#[derive(Args)]
pub struct BacktestArgs {
    /// Where the log is: the same flags as of `eddy up`
    #[command(flatten)]
    up: UpArgs,
    /// A policy to try beside the one of the log: JSON as in the body of `policy.published`, such as {"ndr": {"threshold": 0.6}}
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Go up to this sequence [default: the end of the log]
    #[arg(long, value_name = "SEQUENCE")]
    to: Option<u64>,
    /// Judge scores told from this time on, RFC 3339 [default: after three tenths of the log's time]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Minutes that a reviewer takes for one alert
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    review_minutes: f64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the log through a fresh engine, and once more under the policy to try.
pub async fn run(args: BacktestArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.up)?;
    let policy = args.policy.as_deref().map(read).transpose()?;
    if let Some(policy) = &policy {
        eddy_processors::backtest::check_policy(policy)?;
    }
    let judged_from = match &args.from {
        Some(text) => {
            let time =
                Timestamp::parse(text).with_context(|| format!("--from {text}: not an RFC 3339 time"))?;
            Some(time.micros)
        }
        None => None,
    };
    let (server, log) = open(&config).await?;
    let to_sequence = match args.to {
        Some(to) => to,
        None => log.last_sequence().await?,
    };
    let mut reports = Vec::new();
    for (name, policy) in [("policy of the log", None), ("policy to try", policy)] {
        if name == "policy to try" && policy.is_none() {
            continue;
        }
        let question = Question {
            policy,
            to_sequence,
            judged_from,
        };
        let bar = crate::load::bar(to_sequence, "messages");
        let config = engine_config(&config);
        let peer = question
            .policy
            .is_none()
            .then_some(&crate::lightgbm::fit as &Peer);
        let watch = |at| bar.set_position(at);
        let report = eddy_processors::backtest::backtest(&log, config, question, peer, watch).await;
        bar.finish_and_clear();
        reports.push((name, report?));
    }
    if let Some(server) = server {
        server.shutdown().await;
    }
    if reports[0].1.scores == 0 {
        bail!("nothing in the log was scored: it holds no orders, parcels or pickups");
    }
    let (compared, flagged) = match &reports[..] {
        [(_, own), (_, other)] => (Some(own.off_policy(other)), Some(own.flagged_by(other))),
        _ => (None, None),
    };
    if args.json {
        let mut told: serde_json::Map<String, Value> = reports
            .iter()
            .map(|(name, report)| (name.replace(' ', "_"), json!(report)))
            .collect();
        told.extend(compared.map(|compared| ("off_policy".to_owned(), json!(compared))));
        told.extend(flagged.map(|flagged| ("alerts_compared".to_owned(), json!(flagged))));
        println!("{}", Value::Object(told));
    } else {
        for (name, report) in &reports {
            print(name, report, args.review_minutes);
        }
        if let Some(flagged) = &flagged {
            print_flagged(flagged);
        }
        if let Some(compared) = &compared {
            print_off_policy(compared);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}

fn print(name: &str, report: &Report, review_minutes: f64) {
    println!(
        "{name}: log position {}, {} scores, judged from {}",
        report.sequence, report.scores, report.judged_from
    );
    println!(
        "{:<18} {:<10} {:>9} {:>7} {:>7} {:>7} {:>8} {:>7} {:>7} {:>8} {:>9} {:>7}",
        "stage",
        "scorer",
        "outcomes",
        "failed",
        "roc_auc",
        "avg_pr",
        "log_loss",
        "brier",
        "ece",
        "flagged",
        "precision",
        "recall"
    );
    for row in &report.quality {
        print_row(row);
    }
    println!(
        "{:<34} {:>10} {:>22}",
        "decisions", "count", "expected gain, minor"
    );
    for (
        what,
        Decided {
            decisions,
            expected_gain_minor,
        },
    ) in &report.decisions
    {
        println!("{what:<34} {decisions:>10} {expected_gain_minor:>22}");
    }
    if !report.alerts.is_empty() {
        println!(
            "{:<34} {:>10} {:>22} {:>10} {:>10} {:>8}",
            "alerts", "count", "expected loss, minor", "confirmed", "dismissed", "cleared"
        );
    }
    for (pattern, of) in &report.alerts {
        println!(
            "{pattern:<34} {:>10} {:>22} {:>10} {:>10} {:>8}",
            of.alerts, of.expected_loss_minor, of.confirmed, of.dismissed, of.cleared
        );
    }
    let alerts: u64 = report.alerts.values().map(|of| of.alerts).sum();
    println!(
        "{alerts} alerts, {:.1} hours of review",
        alerts as f64 * review_minutes / 60.0
    );
    println!();
}

/// Customers named at most.
const NAMED: usize = 20;

fn print_flagged(flagged: &Difference) {
    println!(
        "policy to try raises {} alerts more and {} fewer; of those, {} were confirmed, of {} minor units of expected loss",
        flagged.more, flagged.fewer, flagged.missed_confirmed, flagged.missed_loss_minor
    );
    let hit = &flagged.known_good_hit;
    let named: Vec<&str> = hit.iter().take(NAMED).map(String::as_str).collect();
    println!(
        "it hits {} customers whose alerts were dismissed and none confirmed{}{}",
        hit.len(),
        if named.is_empty() { "" } else { ": " },
        named.join(", ")
    );
}

fn print_off_policy(compared: &OffPolicy) {
    println!(
        "policy to try against the policy of the log, over {} decisions that were carried out and whose parcel ended; it would have done the same in {}, worth {:.0}",
        compared.decisions, compared.matched, compared.effective
    );
    let line = |what: &str, own: &Estimate, other: Option<&Estimate>, digits: usize| {
        let said = |it: &Estimate| {
            format!(
                "{:.digits$} ({:.digits$} to {:.digits$})",
                it.mean, it.lower, it.upper
            )
        };
        let other = other.map_or_else(|| "nothing is known".to_owned(), said);
        println!("{what:<28} {:>32} {other:>32}", said(own));
    };
    line(
        "failed",
        &compared.failure_rate,
        compared.failure_rate_other.as_ref(),
        4,
    );
    line(
        "cost a decision, minor",
        &compared.cost_minor,
        compared.cost_minor_other.as_ref(),
        0,
    );
}

fn print_row(row: &Row) {
    let said = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.4}"));
    println!(
        "{:<18} {:<10} {:>9} {:>7.4} {:>7} {:>7} {:>8.4} {:>7.4} {:>7.4} {:>8.4} {:>9} {:>7}",
        row.stage,
        row.scorer,
        row.outcomes,
        row.failure_rate,
        said(row.roc_auc),
        said(row.average_precision),
        row.log_loss,
        row.brier,
        row.ece,
        row.flag_rate,
        said(row.precision),
        said(row.recall)
    );
}
