//! The `eddy` command: reads the command line, calls one module a subcommand, and turns errors into
//! exit codes: 0 done, 1 failed, 2 wrong usage (clap's), 3 the engine cannot be reached.

mod alerts;
mod backtest;
mod client;
mod config;
mod dlq;
mod doctor;
mod events_table;
mod lightgbm;
mod load;
mod models;
mod nowcast_functions;
mod openapi;
mod publish;
mod readiness;
mod replay;
mod same_site;
mod scores;
mod serve;
mod sign_in;
mod simulate;
mod sql;
mod telemetry;
mod train;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The folds and tables allocate small things at a high rate from several threads, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    name = "eddy",
    version,
    about,
    arg_required_else_help = true,
    infer_subcommands = false
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the engine: log, gateway, processors, SQL and pages in one process
    Up(config::UpArgs),
    /// Load a file or folder (CSV, Parquet, NDJSON) through a mapping; resumes where it was interrupted
    Load(load::LoadArgs),
    /// Write a seeded world with known truth, as canonical events
    Simulate(simulate::SimulateArgs),
    /// Ask the running engine
    Sql(sql::SqlArgs),
    /// Rebuild everything from the log and print the digest
    Replay(replay::ReplayArgs),
    /// Judge the scores over the past log, and say what another policy would have done
    Backtest(backtest::BacktestArgs),
    /// Fit models to the past log, judge them on its later part, and keep the best as an artefact
    Train(train::TrainArgs),
    /// Models: which are in force, promote one, go back
    Models(models::ModelsArgs),
    /// Print the hash of all projections and outputs of the running engine at its sequence
    Digest(replay::DigestArgs),
    /// Dead letters: list, show, redrive
    Dlq(dlq::DlqArgs),
    /// Say what is wrong and how to mend it
    Doctor(doctor::DoctorArgs),
}

/// A first touch of a large page clears 2 MB at once, which holds a thread for 5 ms where the host gives the memory only then; small pages spread that out.
#[cfg(target_os = "linux")]
fn small_pages() {
    // Refused by kernels without large pages, where there is nothing to do.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(not(target_os = "linux"))]
fn small_pages() {}

fn main() -> ExitCode {
    small_pages();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("eddy: cannot start the runtime: {error}");
            return ExitCode::from(1);
        }
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Up(args) => up::run(args).await,
            Command::Load(args) => load::run(args).await,
            Command::Simulate(args) => simulate::run(args).await,
            Command::Sql(args) => sql::run(args).await,
            Command::Replay(args) => replay::run(args).await,
            Command::Backtest(args) => backtest::run(args).await,
            Command::Train(args) => train::run(args).await,
            Command::Models(args) => models::run(args).await,
            Command::Digest(args) => replay::digest(args).await,
            Command::Dlq(args) => dlq::run(args).await,
            Command::Doctor(args) => doctor::run(args).await,
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("eddy: {error:#}");
            ExitCode::from(if error.downcast_ref::<client::Unreachable>().is_some() {
                3
            } else {
                1
            })
        }
    }
}
