//! `eddy doctor`: looks at each thing the engine stands on and says what is wrong and how to mend it.
//! It changes nothing.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::client::{Client, EngineArgs, Unreachable};

/// Flags of `eddy doctor`.
#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    engine: EngineArgs,
}

struct Finding {
    good: bool,
    what: &'static str,
    says: String,
}

fn good(what: &'static str, says: impl Into<String>) -> Finding {
    Finding {
        good: true,
        what,
        says: says.into(),
    }
}

fn bad(what: &'static str, says: impl Into<String>) -> Finding {
    Finding {
        good: false,
        what,
        says: says.into(),
    }
}

/// Runs the command: exit code 0 when all is well, 1 when something is to be mended.
pub async fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.engine)?;
    let findings = findings(&client).await?;
    for finding in &findings {
        println!(
            "{:<5} {:<18} {}",
            if finding.good { "ok" } else { "BAD" },
            finding.what,
            finding.says
        );
    }
    let all = findings.iter().all(|finding| finding.good);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn server_binary() -> Finding {
    let what = "nats-server";
    let path = match eddy_log::binary::find(None) {
        Ok(path) => path,
        Err(error) => return bad(what, error.to_string()),
    };
    match eddy_log::binary::version(&path).await {
        Ok(version) if version >= eddy_log::binary::Version::WANTED => {
            good(what, format!("{version} at {}", path.display()))
        }
        Ok(version) => bad(
            what,
            format!(
                "{version} at {} is older than {}; scripts/install-nats installs a good one",
                path.display(),
                eddy_log::binary::Version::WANTED
            ),
        ),
        Err(error) => bad(what, error.to_string()),
    }
}

async fn findings(client: &Client) -> anyhow::Result<Vec<Finding>> {
    let status: Value = match client.get("/v1/status").await {
        Ok(status) => status,
        Err(error) if error.downcast_ref::<Unreachable>().is_some() => {
            return Ok(vec![server_binary().await, bad("engine", error.to_string())]);
        }
        Err(error) => return Ok(vec![server_binary().await, bad("engine", format!("{error:#}"))]),
    };
    let private = status["nats"]["private"].as_bool().unwrap_or(true);
    let server = if private {
        server_binary().await
    } else {
        foreign_server(&status["nats"])
    };
    let version = status["version"].as_str().unwrap_or("?");
    let mut findings = vec![server, good("engine", format!("eddy {version} answers"))];
    findings.push(match client.ready_within(Duration::ZERO).await {
        Ok(()) => good("ready", "state restored, log answers"),
        Err(error) => bad("ready", format!("{error:#}")),
    });
    findings.push(durability(&status["durability"]));
    findings.push(lag(&status));
    if let Some(folder) = status["data_dir"].as_str() {
        findings.extend(space(folder, private));
    }
    findings.push(dead_letters(client).await);
    Ok(findings)
}

/// A server of the operator's: what is known of it comes through its clients' door.
fn foreign_server(nats: &Value) -> Finding {
    let version = nats["version"].as_str().unwrap_or("?");
    good(
        "nats-server",
        format!("{version}, run by somebody else; its disks and its backups cannot be seen from here"),
    )
}

fn durability(report: &Value) -> Finding {
    let text = |name: &str| report[name].as_str().unwrap_or("unknown");
    let says = format!(
        "wanted {}, found {}: {}",
        text("wanted"),
        text("actual"),
        text("evidence")
    );
    if report["kept"].as_bool().unwrap_or(false) {
        good("durability", says)
    } else {
        let remedy = if text("actual") == "unknown" {
            "name the monitoring addresses of all its servers as nats.monitor in the configuration, or accept it with --durability relaxed"
        } else {
            "set `sync_interval: always` in the jetstream block of each server, or accept it with --durability relaxed"
        };
        bad("durability", format!("{says}; {remedy}"))
    }
}

fn lag(status: &Value) -> Finding {
    let (at, end) = (
        status["sequence"].as_u64().unwrap_or(0),
        status["log_sequence"].as_u64().unwrap_or(0),
    );
    let behind = end.saturating_sub(at);
    let says = format!("at {at} of {end} messages");
    // A few messages are on their way at any time; thousands mean that the folds do not keep up.
    if behind <= 1_000 {
        good("projections", says)
    } else {
        bad(
            "projections",
            format!(
                "{says}, {behind} behind; they catch up by themselves unless more arrives than two cores can fold"
            ),
        )
    }
}

fn space(folder: &str, private: bool) -> Option<Finding> {
    let stat = nix::sys::statvfs::statvfs(folder).ok()?;
    let free = stat.blocks_available() as u64 * stat.fragment_size() as u64;
    let says = format!("{:.1} GiB free under {folder}", free as f64 / f64::from(1 << 30));
    let full = if private {
        "the log refuses events when it is full: free some, or move the data folder"
    } else {
        "snapshots cannot be written when it is full: free some, or move the data folder"
    };
    Some(if free > 2 << 30 {
        good("disk", says)
    } else {
        bad("disk", format!("{says}; {full}"))
    })
}

async fn dead_letters(client: &Client) -> Finding {
    let request = client
        .request(http::Method::POST, "/v1/sql")
        .json(&serde_json::json!({ "sql": "select reason, count(*) from dead_letters group by reason order by 2 desc" }));
    let answer: anyhow::Result<Value> = async { Ok(client.send(request).await?.json().await?) }.await;
    match answer {
        Ok(answer) => {
            let rows = answer["rows"].as_array().cloned().unwrap_or_default();
            if rows.is_empty() {
                return good("dead letters", "none");
            }
            let reasons: Vec<String> = rows
                .iter()
                .map(|row| format!("{} {}", row[1], row[0].as_str().unwrap_or("?")))
                .collect();
            good(
                "dead letters",
                format!("{}; `eddy dlq list` shows them", reasons.join(", ")),
            )
        }
        Err(error) => bad("dead letters", format!("{error:#}")),
    }
}
