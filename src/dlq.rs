//! `eddy dlq`: browse dead letters, show one with its bytes, and redrive those that are good now.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, EngineArgs};

/// Flags of `eddy dlq`.
#[derive(Args)]
pub struct DlqArgs {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Subcommand)]
enum Action {
    /// List the newest dead letters
    List {
        /// Only those with this reason
        #[arg(long)]
        reason: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one whole, with its bytes
    Show {
        /// Its sequence in the dead letter stream
        sequence: u64,
    },
    /// Validate again and append those that are good now
    Redrive {
        /// Sequences; all of a reason when --reason is given instead
        sequences: Vec<u64>,
        /// All with this reason
        #[arg(long)]
        reason: Option<String>,
    },
}

/// Runs the command.
pub async fn run(args: DlqArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.engine)?;
    match args.action {
        Action::List { reason, limit } => {
            let mut path = format!("/v1/dead-letters?limit={limit}");
            if let Some(reason) = reason {
                path.push_str(&format!("&reason={reason}"));
            }
            let page: Value = client.get(&path).await?;
            let letters = page["dead_letters"].as_array().cloned().unwrap_or_default();
            for letter in &letters {
                println!(
                    "{:>8}  {}  {:<20}  {:<24}  {}  {}",
                    letter["sequence"],
                    text(&letter["received_at"]),
                    text(&letter["reason"]),
                    text(&letter["field"]),
                    text(&letter["source"]),
                    text(&letter["id"]),
                );
            }
            if letters.is_empty() {
                eprintln!("no dead letters");
            }
        }
        Action::Show { sequence } => {
            let page: Value = client
                .get(&format!("/v1/dead-letters?sequence={sequence}"))
                .await?;
            match page["dead_letters"]
                .as_array()
                .and_then(|letters| letters.first())
            {
                Some(letter) => println!("{}", serde_json::to_string_pretty(letter)?),
                None => bail!("there is no dead letter {sequence}; `eddy dlq list` shows which there are"),
            }
        }
        Action::Redrive { sequences, reason } => {
            let body = match (sequences.is_empty(), reason) {
                (true, Some(reason)) => json!({ "reason": reason }),
                (false, None) => json!({ "sequences": sequences }),
                _ => bail!("name sequences, or --reason, and not both"),
            };
            let request = client
                .request(http::Method::POST, "/v1/dead-letters/redrive")
                .json(&body);
            let answer: Value = client.send(request).await?.json().await?;
            println!("{answer}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("–")
}
