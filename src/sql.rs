//! `eddy sql`: sends one query to the running engine and prints the answer as a table, CSV or JSON.

use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::Value;

use crate::client::{Client, EngineArgs};

/// How an answer is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// Aligned columns
    Table,
    /// Comma-separated values with a header
    Csv,
    /// The engine's JSON
    Json,
}

/// Flags of `eddy sql`.
#[derive(Args)]
pub struct SqlArgs {
    /// The query; read from standard input when it is `-` or left out
    query: Option<String>,
    #[command(flatten)]
    engine: EngineArgs,
    /// Output format [default: table on a terminal, csv into a pipe]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Wait up to so many seconds for the engine to be ready first
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
}

/// Asks one question and prints the answer as `eddy sql` does.
pub async fn ask(engine: EngineArgs, query: &str) -> anyhow::Result<ExitCode> {
    run(SqlArgs {
        query: Some(query.to_owned()),
        engine,
        format: None,
        wait: 0,
    })
    .await
}

#[derive(Deserialize)]
struct Answer {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    sequence: u64,
    elapsed_ms: f64,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Runs the command.
pub async fn run(args: SqlArgs) -> anyhow::Result<ExitCode> {
    let query = match args.query.as_deref() {
        None | Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the query")?;
            text
        }
        Some(text) => text.to_owned(),
    };
    let client = Client::new(&args.engine)?;
    if args.wait > 0 {
        client.ready_within(Duration::from_secs(args.wait)).await?;
    }
    let format = args.format.unwrap_or(if std::io::stdout().is_terminal() {
        Format::Table
    } else {
        Format::Csv
    });
    let accept = match format {
        Format::Csv => "text/csv",
        Format::Table | Format::Json => "application/json",
    };
    let request = client
        .request(http::Method::POST, "/v1/sql")
        .header("accept", accept)
        .json(&serde_json::json!({ "sql": query }));
    let body = client
        .send(request)
        .await?
        .bytes()
        .await
        .context("the answer broke off")?;
    let mut out = std::io::stdout().lock();
    match format {
        Format::Csv | Format::Json => {
            out.write_all(&body)?;
            if !body.ends_with(b"\n") {
                writeln!(out)?;
            }
        }
        Format::Table => {
            let answer: Answer =
                serde_json::from_slice(&body).context("the answer is not the expected JSON")?;
            write_table(&mut out, &answer)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_table(out: &mut impl Write, answer: &Answer) -> std::io::Result<()> {
    let cells: Vec<Vec<String>> = answer
        .rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect();
    let numeric: Vec<bool> = answer.columns.iter().map(|c| is_number(&c.kind)).collect();
    let widths: Vec<usize> = answer
        .columns
        .iter()
        .enumerate()
        .map(|(i, c)| {
            cells
                .iter()
                .map(|row| row[i].chars().count())
                .chain([c.name.chars().count()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |values: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (i, value) in values.enumerate() {
            let pad = " ".repeat(widths[i].saturating_sub(value.chars().count()));
            if i > 0 {
                text.push_str("  ");
            }
            if numeric[i] {
                text.push_str(&pad);
                text.push_str(value);
            } else {
                text.push_str(value);
                text.push_str(&pad);
            }
        }
        text.trim_end().to_owned()
    };
    writeln!(
        out,
        "{}",
        line(&mut answer.columns.iter().map(|c| c.name.as_str()))
    )?;
    writeln!(
        out,
        "{}",
        widths
            .iter()
            .map(|w| "-".repeat(*w))
            .collect::<Vec<_>>()
            .join("  ")
    )?;
    for row in &cells {
        writeln!(out, "{}", line(&mut row.iter().map(String::as_str)))?;
    }
    let rows = answer.rows.len();
    writeln!(
        out,
        "({rows} {}, sequence {}, {:.1} ms)",
        if rows == 1 { "row" } else { "rows" },
        answer.sequence,
        answer.elapsed_ms
    )
}

fn is_number(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    [
        "int", "uint", "float", "double", "decimal", "bigint", "smallint", "real", "numeric",
    ]
    .iter()
    .any(|prefix| kind.starts_with(prefix))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
