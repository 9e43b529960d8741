//! `eddy simulate`: tells a simulated world to the running engine, or to a file, at a rate or as fast as the log takes it.
//! The truth goes to a file of its own and never to the log.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use eddy_events::Timestamp;
use eddy_events::codec;
use eddy_simulator::truth::JsonLines;
use eddy_simulator::{Delivered, World, WorldConfig};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::client::{Client, EngineArgs};

/// Events of one request when there is no rate.
const BATCH: usize = 2_000;
const DAY_MICROS: i64 = 86_400_000_000;

/// Flags of `eddy simulate`.
#[derive(Args)]
pub struct SimulateArgs {
    #[command(flatten)]
    engine: EngineArgs,
    /// The world's seed; the same flags give the same events
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Orders in the world
    #[arg(long, default_value_t = 20_000)]
    orders: u64,
    /// Days over which they are placed
    #[arg(long, default_value_t = 120)]
    days: u32,
    /// SKUs in the catalogue
    #[arg(long, default_value_t = 2_000)]
    skus: u32,
    /// Customers who may order [default: a quarter of the orders]
    #[arg(long)]
    customers: Option<u64>,
    /// Incidents of how the shop runs: damage by a packer or on a lane, a slow inspection desk, late refunds, failing attempts, parcels without scans, refunds that nobody begins, each in turn
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    incidents: u32,
    /// First day of the world [default: so that it ends today]
    #[arg(long, value_name = "DATE")]
    start: Option<jiff::civil::Date>,
    /// Events a second; as fast as the log takes them when left out
    #[arg(long, value_name = "EVENTS")]
    rate: Option<f64>,
    /// With --rate: tell the first so many days as fast as possible
    #[arg(long, value_name = "DAYS", requires = "rate")]
    fast_days: Option<u32>,
    /// Write the truth (who abuses, what would have failed) to this file
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Write the events as NDJSON to this file instead of the engine (`-`: standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// No progress
    #[arg(long)]
    quiet: bool,
}

/// Runs the command.
pub async fn run(args: SimulateArgs) -> anyhow::Result<ExitCode> {
    if args.rate.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
        bail!("--rate must be above 0");
    }
    let config = WorldConfig {
        seed: args.seed,
        orders: args.orders,
        days: args.days,
        skus: args.skus,
        customers: args.customers.unwrap_or((args.orders / 4).max(50)),
        start: start(&args)?,
        incidents: args.incidents,
        ..WorldConfig::default()
    };
    let world = World::new(config)?;
    let mut sink = match &args.out {
        Some(path) => Sink::file(path)?,
        None => Sink::engine(&args.engine).await?,
    };
    let mut truth = args.truth.as_deref().map(open_truth).transpose()?;
    let progress = bar(&args);
    let begin = Instant::now();
    let mut told = Told {
        pace: Pace::new(&args, world.config().start),
        ..Told::default()
    };
    let mut rows = Vec::new();
    {
        let collected = std::cell::RefCell::new(&mut rows);
        let keep = truth.is_some();
        let mut events = world.events_with_truth(|row| {
            if keep {
                collected.borrow_mut().push(row);
            }
        });
        for delivered in &mut events {
            told.take(delivered, &mut sink, &progress).await?;
            if let Some(truth) = &mut truth {
                collected.borrow_mut().drain(..).for_each(|row| truth.write(&row));
            }
        }
    }
    if let Some(mut truth) = truth {
        rows.iter().for_each(|row| truth.write(row));
        truth
            .finish()
            .context("cannot write the truth")?
            .flush()
            .context("cannot write the truth")?;
    }
    told.send(&mut sink).await?;
    sink.finish()?;
    progress.finish_and_clear();
    let seconds = begin.elapsed().as_secs_f64();
    if !args.quiet {
        eprintln!(
            "{} events in {seconds:.1} s, {:.0} a second",
            told.events,
            told.events as f64 / seconds
        );
    }
    if told.rejected > 0 {
        bail!(
            "{} events were refused; `eddy dlq list` shows them",
            told.rejected
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn start(args: &SimulateArgs) -> anyhow::Result<Timestamp> {
    let zone =
        jiff::tz::TimeZone::fixed(jiff::tz::offset(5).saturating_add(jiff::SignedDuration::from_mins(30)));
    let first = match args.start {
        Some(date) => date,
        None => {
            // Deliveries and returns run on after the last order; nothing may lie in the future.
            let back = jiff::Span::new().days(i64::from(args.days) + 75);
            jiff::Zoned::now()
                .with_time_zone(zone.clone())
                .date()
                .checked_sub(back)
                .context("too many days")?
        }
    };
    let midnight = first.to_zoned(zone).context("there is no such day")?;
    Ok(Timestamp {
        micros: midnight.timestamp().as_microsecond(),
        offset_minutes: 330,
    })
}

fn open_truth(path: &Path) -> anyhow::Result<JsonLines<BufWriter<File>>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(JsonLines::new(BufWriter::new(file)))
}

fn bar(args: &SimulateArgs) -> ProgressBar {
    let piped = args.out.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if args.quiet || piped || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {human_pos} events  {per_sec}  {msg}");
    ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

/// When the next event is due.
#[derive(Default)]
struct Pace {
    gap: Option<Duration>,
    paced_from: i64,
    begun: Option<Instant>,
    paced: u32,
}

impl Pace {
    fn new(args: &SimulateArgs, start: Timestamp) -> Self {
        let days = i64::from(args.fast_days.unwrap_or(0));
        Self {
            gap: args.rate.map(|rate| Duration::from_secs_f64(1.0 / rate)),
            paced_from: start.micros + days * DAY_MICROS,
            ..Self::default()
        }
    }

    /// How long to wait before this arrival; `None` when it may go with the batch.
    fn wait(&mut self, arrival: i64) -> Option<Duration> {
        let gap = self.gap.filter(|_| arrival >= self.paced_from)?;
        let begun = *self.begun.get_or_insert_with(Instant::now);
        self.paced += 1;
        Some((begun + gap * self.paced).saturating_duration_since(Instant::now()))
    }
}

#[derive(Default)]
struct Told {
    lines: Vec<u8>,
    pending: usize,
    events: u64,
    rejected: u64,
    pace: Pace,
}

impl Told {
    async fn take(
        &mut self,
        delivered: Delivered,
        sink: &mut Sink,
        progress: &ProgressBar,
    ) -> anyhow::Result<()> {
        if let Some(wait) = self.pace.wait(delivered.arrival.micros)
            && wait > Duration::from_millis(1)
        {
            self.send(sink).await?;
            tokio::time::sleep(wait).await;
        }
        self.lines.extend_from_slice(&codec::encode(&delivered.event));
        self.lines.push(b'\n');
        self.pending += 1;
        self.events += 1;
        if self.pending >= BATCH {
            self.send(sink).await?;
            progress.set_position(self.events);
            progress.set_message(delivered.arrival.to_string());
        }
        Ok(())
    }

    async fn send(&mut self, sink: &mut Sink) -> anyhow::Result<()> {
        if self.pending > 0 {
            self.rejected += sink.send(std::mem::take(&mut self.lines)).await?;
            self.pending = 0;
        }
        Ok(())
    }
}

enum Sink {
    Engine(Box<Client>),
    File(Box<dyn Write + Send>),
}

impl Sink {
    fn file(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self::File(Box::new(BufWriter::new(std::io::stdout()))));
        }
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self::File(Box::new(BufWriter::new(file))))
    }

    async fn engine(args: &EngineArgs) -> anyhow::Result<Self> {
        let client = Client::new(args)?;
        client.ready_within(Duration::from_secs(5)).await?;
        Ok(Self::Engine(Box::new(client)))
    }

    /// Sends lines; returns how many the engine refused. A full log is waited for.
    async fn send(&mut self, lines: Vec<u8>) -> anyhow::Result<u64> {
        match self {
            Self::File(file) => {
                file.write_all(&lines).context("cannot write the events")?;
                Ok(0)
            }
            Self::Engine(client) => {
                let answer: Value = client
                    .post_waiting("/v1/events", "application/x-ndjson", lines.into())
                    .await?;
                Ok(answer["rejected"]
                    .as_array()
                    .map_or(0, |rejected| rejected.len() as u64))
            }
        }
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        match self {
            Self::File(file) => file.flush().context("cannot write the events"),
            Self::Engine(_) => Ok(()),
        }
    }
}
