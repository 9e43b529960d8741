//! The shell around the engine of one shard: reads the log, decodes, folds, publishes, hands on rows, snapshots.
//!
//! Four stages with short queues between them: a task reads messages, a thread decodes, a thread folds, a thread gives rows to the
//! sink; beside them a task publishes outputs and a thread writes snapshots. Outputs leave before rows, and no output waits for a sink that is
//! busy: rows are handed over when it has room, or when many are owed. Nothing waits for a snapshot. A snapshot becomes valid only when all outputs up to it are acknowledged, so a restart offers again at most what the stream holds
//! already, and the chained publisher leaves that out.
//!
//! The one place of this crate with a clock: for metrics, and for when to snapshot.

#![allow(clippy::disallowed_methods)]

mod stage;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eddy_events::Cause;
use eddy_log::{Log, LogMessage};
use tokio::sync::{mpsc as async_mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::decode;
use crate::digest::Digest;
use crate::engine::{Config, Emitted, Engine, Prepared};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::routing::estimate::Candidate;
use crate::segments::Segments;
use crate::snapshot::{Job, Written};
use crate::tables::{Change, dead_letters};
use stage::FoldStage;

/// What the driver works with.
#[derive(Clone)]
pub struct Deps {
    /// The log.
    pub log: Log,
    /// Where it counts.
    pub metrics: Metrics,
}

/// How the driver works.
#[derive(Clone, Debug)]
pub struct DriverConfig {
    /// What the engine is told.
    pub engine: Config,
    /// Folder for snapshots and spilled state, one a shard; without it every start replays the whole log.
    pub state_dir: Option<PathBuf>,
    /// A snapshot is made after this many events,
    pub snapshot_events: u64,
    /// or after this time, if anything happened.
    pub snapshot_every: Duration,
    /// Rows are handed over at the latest after this many events; sooner when the log gives no more. In a backlog, the more events, the
    /// fewer versions of a row are written.
    pub batch_events: usize,
}

impl DriverConfig {
    /// Usual sizes.
    #[must_use]
    pub fn new(engine: Config, state_dir: Option<PathBuf>) -> Self {
        Self {
            engine,
            state_dir,
            snapshot_events: 2_000_000,
            snapshot_every: Duration::from_secs(60),
            batch_events: 65_536,
        }
    }
}

/// Who takes the rows. Called on a thread of its own, in order; slowness pushes back on the fold once the rows of `batch_events` events are owed.
pub trait Sink: Send + 'static {
    /// Takes changes, which stand for all of the log up to `progress`. Changes of restored state come with a progress of sequence
    /// 0 until the last, which carries the sequence restored.
    fn apply(&mut self, changes: Vec<(usize, Change)>, progress: Progress);
}

impl<F: FnMut(Vec<(usize, Change)>, Progress) + Send + 'static> Sink for F {
    fn apply(&mut self, changes: Vec<(usize, Change)>, progress: Progress) {
        self(changes, progress);
    }
}

/// Questions to a running engine. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    fold: Arc<Mutex<Option<SyncSender<ToFold>>>>,
}

/// While it lives, questions can be asked.
struct Open(Control);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fold.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Control {
    fn open(&self, fold: SyncSender<ToFold>) -> Open {
        *self.fold.lock().unwrap_or_else(PoisonError::into_inner) = Some(fold);
        Open(self.clone())
    }

    /// Whether the engine is restored and follows the log.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.fold.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The digest of the running engine at its present sequence. The fold stands still while it is reckoned, which takes about a
    /// second for a million rows.
    ///
    /// # Errors
    /// When the engine does not run.
    pub async fn digest(&self) -> Result<Digest, Error> {
        self.ask(ToFold::Digest).await
    }

    /// What the engine thinks of a parcel under each courier just now; the inner error says what is missing.
    ///
    /// # Errors
    /// When the engine does not run.
    pub async fn estimate(&self, candidate: Candidate) -> Result<Result<serde_json::Value, String>, Error> {
        self.ask_engine(move |engine| engine.estimate(&candidate)).await
    }

    /// Asks the engine between two events: what it answers stands for all of the log up to there.
    ///
    /// # Errors
    /// When the engine does not run.
    pub async fn ask_engine<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.ask(|answer| {
            ToFold::Ask(Box::new(move |engine| {
                // Whoever asked may have gone.
                drop(answer.send(question(engine)));
            }))
        })
        .await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> ToFold) -> Result<T, Error> {
        let stopped = || Error::FoldStopped("it is not running".into());
        let sender = self
            .fold
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or_else(stopped)?;
        let (answer, told) = oneshot::channel();
        let question = question(answer);
        tokio::task::spawn_blocking(move || sender.send(question))
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(stopped)?;
        told.await.map_err(|_| stopped())
    }
}

/// Runs the driver of one shard until `shutdown`; see [`Driver::run`].
///
/// # Errors
/// As [`Driver::run`].
pub async fn run(
    deps: Deps,
    config: DriverConfig,
    sink: impl Sink,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    Driver::new(deps, config).0.run(sink, shutdown).await
}

/// A driver that has not started yet.
pub struct Driver {
    deps: Deps,
    config: DriverConfig,
    control: Control,
}

/// Messages asked of the log at once.
const CHUNK_MESSAGES: usize = 2048;
/// Events a decoded batch has at least, if there are as many.
const DECODED_EVENTS: usize = 2048;
/// Batches that wait between two stages.
const QUEUE: usize = 4;

/// Handings-over of outputs that may wait for the server. The server takes about 30,000 outputs a second, a backlog can give more for a
/// while; rows shall not wait for that, snapshots do.
const OUTPUTS: usize = 96;
/// Outputs that are published together, if so many wait.
const AT_ONCE: usize = 1024;

/// Events of whole messages.
struct Batch {
    events: Vec<Prepared>,
    sequence: u64,
    logged_at: i64,
}

enum ToFold {
    Batch(Batch),
    Digest(oneshot::Sender<Digest>),
    Ask(Box<dyn FnOnce(&Engine) + Send>),
    End,
}

enum ToSink {
    Rows(Vec<(usize, Change)>, Progress),
    /// Rows that stand beside the log.
    Beside((usize, Change)),
}

/// Outputs of some batches, numbered so that a snapshot can wait for them.
struct ToPublish {
    number: u64,
    emitted: Emitted,
}

impl Driver {
    /// A driver, and the handle for questions to it.
    #[must_use]
    pub fn new(deps: Deps, config: DriverConfig) -> (Self, Control) {
        let control = Control { fold: Arc::default() };
        (
            Self {
                deps,
                config,
                control: control.clone(),
            },
            control,
        )
    }

    /// Restores, then follows the log until `shutdown`; then drains, snapshots and returns.
    ///
    /// # Errors
    /// When the log is cut or behind the snapshot, when another engine has taken over the shard, or when state is lost.
    pub async fn run(self, mut sink: impl Sink, shutdown: CancellationToken) -> Result<(), Error> {
        let Self {
            deps,
            config,
            control,
        } = self;
        let shard = config.engine.shard;
        let segments = config.state_dir.as_deref().map(Segments::open).transpose()?;
        let publisher = deps.log.derived(shard).await?;
        let published = (publisher.last_cause(), deps.log.last_sequence().await?);
        let (engine, sink) = {
            let (config, segments) = (config.engine.clone(), segments.clone());
            blocking(move || {
                let engine = restore(&config, segments.as_ref(), published, &mut sink)?;
                Ok((engine, sink))
            })
            .await?
        };
        let restored = engine.progress();
        let mut reader = deps.log.reader(shard, restored.sequence)?;
        let letters = deps.log.dead_letters().of_fold(shard).await?;
        let beside = deps.log.dead_letters().reader(0);

        let (raw, to_decode) = mpsc::sync_channel::<Vec<LogMessage>>(QUEUE);
        let (fold, to_fold) = mpsc::sync_channel::<ToFold>(QUEUE);
        let (rows, to_sink) = mpsc::sync_channel::<ToSink>(QUEUE);
        let (outputs, to_publish) = async_mpsc::channel::<ToPublish>(OUTPUTS);
        let (published, acknowledged) = watch::channel(0_u64);
        let (jobs, to_write) = mpsc::sync_channel::<(Job, u64)>(1);
        let (results, written) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let open = control.open(fold.clone());

        let metrics = deps.metrics.clone();
        let decoder = spawn("eddy-decode", {
            let (fold, metrics) = (fold.clone(), metrics.clone());
            let fetch = decode::Fetch {
                artefacts: deps.log.artefacts(),
                runtime: tokio::runtime::Handle::current(),
            };
            move || decode_all(&to_decode, &fold, &fetch, &metrics)
        })?;
        let writer = spawn("eddy-snapshot", {
            let (segments, runtime) = (segments.clone(), tokio::runtime::Handle::current());
            move || write_snapshots(&to_write, &results, segments.as_deref(), acknowledged, &runtime)
        })?;
        let folder = spawn("eddy-fold", {
            let jobs = segments.is_some().then_some(jobs);
            let stage = FoldStage {
                engine,
                config,
                metrics: metrics.clone(),
                rows: rows.clone(),
                waiting: waiting.clone(),
                outputs,
                jobs,
                written,
            };
            move || stage.run(&to_fold)
        })?;
        let tables = spawn("eddy-rows", {
            let metrics = metrics.clone();
            move || feed(&to_sink, sink, restored, &waiting, &metrics)
        })?;
        let stop = CancellationToken::new();
        let following = tokio::spawn(follow(beside, rows, stop.clone()));
        let stopping = stop.drop_guard();

        // Dropping this future is a kill: every stage ends, and no snapshot is made.
        let reading = read_all(&mut reader, &raw, &metrics, &shutdown);
        let publishing = publish(to_publish, publisher, letters, published, metrics.clone());
        tokio::pin!(publishing);
        let mut ended = None;
        let read = tokio::select! {
            read = reading => read,
            result = &mut publishing => {
                ended = Some(result);
                Ok(())
            }
        };

        // Stop in the order of the flow: decoder, fold (with its last snapshot), writer, tables; the publisher goes on until the fold ends.
        drop(stopping);
        drop(raw);
        drop(open);
        let joining = blocking(move || {
            let mut first = None;
            let mut join = |name: &str, thread: thread::JoinHandle<()>| {
                if let Err(panic) = thread.join() {
                    let text = panic.downcast_ref::<String>().cloned();
                    let text = text
                        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                        .unwrap_or_default();
                    first.get_or_insert(Error::FoldStopped(format!("{name}: {text}")));
                }
            };
            join("decoding", decoder);
            let _ = fold.send(ToFold::End);
            drop(fold);
            join("folding", folder);
            join("snapshots", writer);
            Ok((first, tables))
        });
        let finishing = async {
            match ended {
                Some(result) => result,
                None => publishing.await,
            }
        };
        let (joined, published) = tokio::join!(joining, finishing);
        let _ = following.await;
        let (first, tables) = joined?;
        let tables = blocking(move || {
            tables
                .join()
                .map_err(|_| Error::FoldStopped("the tables refused rows".into()))
        })
        .await;
        // The cause comes first: a stage that was stopped by another says less.
        read.and(published).and(first.map_or(Ok(()), Err)).and(tables)
    }
}

/// Reads until shutdown, an error of the log, or the end of the next stage.
async fn read_all(
    reader: &mut eddy_log::Reader,
    raw: &SyncSender<Vec<LogMessage>>,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    loop {
        let chunk = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            chunk = reader.next_chunk(CHUNK_MESSAGES) => chunk?,
        };
        metrics
            .lag_messages
            .set(i64::try_from(reader.pending()).unwrap_or(i64::MAX));
        let sent = match raw.try_send(chunk) {
            Ok(()) => true,
            // The fold is behind: the log waits.
            Err(mpsc::TrySendError::Full(chunk)) => {
                let raw = raw.clone();
                tokio::task::spawn_blocking(move || raw.send(chunk).is_ok())
                    .await
                    .unwrap_or(false)
            }
            Err(mpsc::TrySendError::Disconnected(_)) => false,
        };
        if !sent {
            return Ok(());
        }
    }
}

/// Rows of dead letters, which come from a stream of their own.
async fn follow(
    mut letters: eddy_log::dead_letters::DeadLetterReader,
    rows: SyncSender<ToSink>,
    stop: CancellationToken,
) {
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => return,
            next = letters.next_chunk(512) => next,
        };
        let change = match next {
            Ok(next) => dead_letters::change(&next),
            Err(error) => {
                tracing::warn!(%error, "dead letters cannot be followed; their table stands still until a restart");
                return;
            }
        };
        let rows = rows.clone();
        let sent = tokio::task::spawn_blocking(move || rows.send(ToSink::Beside(change)).is_ok()).await;
        if !sent.unwrap_or(false) {
            return;
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| Error::FoldStopped(format!("a thread cannot be started: {error}")))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::FoldStopped(error.to_string())))
}

/// The engine of the newest sound snapshot whose outputs are all published, with its rows given to the sink; else one before the first event.
fn restore(
    config: &Config,
    segments: Option<&Arc<Segments>>,
    (last_output, end_of_log): (Option<Cause>, u64),
    sink: &mut impl Sink,
) -> Result<Engine, Error> {
    let Some(segments) = segments else {
        return Engine::new(config.clone());
    };
    let begun = Instant::now();
    let Some(mut engine) = Engine::restore_published(config, segments, last_output, end_of_log)? else {
        let mut engine = Engine::new(config.clone())?;
        engine.attach(segments);
        return Ok(engine);
    };
    let partial = Progress {
        shard: config.shard,
        ..Progress::default()
    };
    // Pages are read and rows are stored side by side; the queue is short, so that only a few batches wait.
    thread::scope(|scope| {
        let (give, given) = mpsc::sync_channel(4);
        let sink = &mut *sink;
        let storing = scope.spawn(move || {
            for (table, rows) in given {
                sink.apply(vec![(table, Change::Upsert(rows))], partial);
            }
        });
        // Whoever takes the rows is only gone when it broke, which joining it tells.
        engine.scan(|table, rows| drop(give.send((table, rows))));
        drop(give);
        storing.join()
    })
    .map_err(|_| Error::FoldStopped("restored rows were not taken".into()))?;
    let progress = engine.progress();
    sink.apply(Vec::new(), progress);
    tracing::info!(
        sequence = progress.sequence,
        events = progress.events,
        seconds = begun.elapsed().as_secs_f64(),
        "restored"
    );
    Ok(engine)
}

fn decode_all(
    inbox: &mpsc::Receiver<Vec<LogMessage>>,
    fold: &SyncSender<ToFold>,
    fetch: &decode::Fetch,
    metrics: &Metrics,
) {
    for chunk in inbox {
        let mut begun = Instant::now();
        let mut events = Vec::with_capacity(DECODED_EVENTS);
        let last = chunk.len().saturating_sub(1);
        for (at, message) in chunk.iter().enumerate() {
            decode::message(message, &mut events);
            if events.len() >= DECODED_EVENTS || at == last {
                metrics.decode_seconds.observe(begun.elapsed().as_secs_f64());
                let mut events = std::mem::replace(&mut events, Vec::with_capacity(DECODED_EVENTS));
                fetch.attach(&mut events);
                let batch = Batch {
                    events,
                    sequence: message.sequence,
                    logged_at: message.logged_at_micros,
                };
                if fold.send(ToFold::Batch(batch)).is_err() {
                    return;
                }
                begun = Instant::now();
            }
        }
    }
}

/// Gives rows to the sink. What stands beside the log leaves the progress where it was: at first, where the state was restored.
fn feed(
    inbox: &mpsc::Receiver<ToSink>,
    mut sink: impl Sink,
    restored: Progress,
    waiting: &AtomicUsize,
    metrics: &Metrics,
) {
    let mut last = restored;
    for message in inbox {
        let begun = Instant::now();
        match message {
            ToSink::Rows(changes, progress) => {
                waiting.fetch_sub(1, Ordering::Relaxed);
                last = progress;
                sink.apply(changes, progress);
                let now = micros_now();
                metrics
                    .visible_seconds
                    .observe((now - progress.logged_at_micros).max(0) as f64 / 1e6);
            }
            ToSink::Beside(change) => sink.apply(vec![change], last),
        }
        metrics.sink_seconds.observe(begun.elapsed().as_secs_f64());
    }
}

fn micros_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

async fn publish(
    mut inbox: async_mpsc::Receiver<ToPublish>,
    mut publisher: eddy_log::DerivedPublisher,
    mut letters: eddy_log::dead_letters::FoldDeadLetters,
    published: watch::Sender<u64>,
    metrics: Metrics,
) -> Result<(), Error> {
    while let Some(ToPublish {
        mut number,
        mut emitted,
    }) = inbox.recv().await
    {
        // What came while the last were on their way goes together: the server answers once a set.
        while emitted.outputs.len() < AT_ONCE
            && let Ok(mut next) = inbox.try_recv()
        {
            number = next.number;
            emitted.outputs.append(&mut next.emitted.outputs);
            emitted.dead_letters.append(&mut next.emitted.dead_letters);
        }
        let begun = Instant::now();
        if !emitted.outputs.is_empty() {
            publisher.publish(emitted.outputs).await?;
        }
        if !emitted.dead_letters.is_empty() {
            letters.publish(&emitted.dead_letters).await?;
        }
        metrics.publish_seconds.observe(begun.elapsed().as_secs_f64());
        published.send_replace(number);
    }
    Ok(())
}

fn write_snapshots(
    inbox: &mpsc::Receiver<(Job, u64)>,
    results: &mpsc::Sender<Result<Written, Error>>,
    segments: Option<&Segments>,
    mut acknowledged: watch::Receiver<u64>,
    runtime: &tokio::runtime::Handle,
) {
    for (job, outputs) in inbox {
        let Some(segments) = segments else { return };
        let ready = runtime
            .block_on(acknowledged.wait_for(|done| *done >= outputs))
            .is_ok();
        let written = if ready {
            job.write(segments)
        } else {
            Err(Error::FoldStopped("its outputs were not published".into()))
        };
        if results.send(written).is_err() {
            return;
        }
    }
}
