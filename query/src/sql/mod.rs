//! SQL over the live tables: one engine for all front ends.
//!
//! A query waits for its turn, pins the newest snapshot, is planned and run on the engine's own threads, which give way to
//! ingestion, and is bounded in time and memory. Dropping an answer stops its query. The engine only reads.

mod ahead;
mod answer;
mod around;
mod bare;
mod bounded;
mod brief;
mod catalog;
mod coded;
mod determined;
mod dynamic;
mod each_batch;
mod effort;
mod error;
mod family;
mod filter;
mod guard;
mod held;
mod lookup;
mod made;
mod memory;
mod meta;
mod operation;
mod partials;
mod pg_catalog;
mod portions;
mod prepared;
mod provider;
mod prune;
mod scan;
mod sizes;
mod sparing;
mod utc;
mod weight;
mod written_out;
mod yielding;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::common::ScalarValue;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, TaskContext};
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use futures::StreamExt;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout_at;

pub use answer::Answer;
pub use catalog::{Offer, View};
pub use error::{Error, Place};
pub use family::{Choice, Family, ViewOf};
pub use prepared::Prepared;
pub use provider::{Pin, pinned_sequence};

pub(crate) use meta::type_name;

use crate::live::{LiveTables, Snapshot};
use crate::metrics::{Front, QueryMetrics};
use answer::Part;
use memory::{Budget, QueryPool};

pub(crate) use memory::Lease;

/// Bounds of the engine.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time a query has, waiting for its turn included. A client may ask for less or, up to `time_max`, more.
    pub time: Duration,
    /// The most time a client can ask for.
    pub time_max: Duration,
    /// Memory of one query, in bytes.
    pub query_memory: usize,
    /// Memory of all queries together, in bytes.
    pub total_memory: usize,
    /// Queries that run at once.
    pub running: usize,
    /// Queries that wait for their turn; more are refused.
    pub waiting: usize,
    /// Longest SQL text, in bytes.
    pub sql_bytes: usize,
    /// Rows of a JSON answer, which is held in memory; other formats are streamed.
    pub json_rows: usize,
    /// Bytes of a JSON answer.
    pub json_bytes: usize,
    /// Threads that plan and run queries.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Limits {
            time: Duration::from_secs(30),
            time_max: Duration::from_secs(300),
            query_memory: 1 << 30,
            total_memory: 2 << 30,
            running: 2 * threads.max(2),
            waiting: 256,
            sql_bytes: 256 << 10,
            json_rows: 100_000,
            json_bytes: 64 << 20,
            threads,
        }
    }
}

/// Who asks, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// The front end, for metrics.
    pub front: Front,
    /// Time for this query, instead of the default.
    pub timeout: Option<Duration>,
}

impl Default for Ask {
    fn default() -> Ask {
        Ask {
            front: Front::Internal,
            timeout: None,
        }
    }
}

/// The engine. Cloning shares it.
#[derive(Clone)]
pub struct QueryEngine {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for QueryEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryEngine")
            .field("limits", &self.inner.limits)
            .finish_non_exhaustive()
    }
}

struct Inner {
    tables: Arc<LiveTables>,
    base: SessionState,
    limits: Limits,
    threads: Threads,
    prompt: Threads,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    memory: Arc<Budget>,
    /// For the statements that clients keep prepared.
    kept: Arc<Budget>,
    catalog_parser: PostgresCompatibilityParser,
    known: Mutex<HashMap<Box<str>, Arc<Prepared>>>,
    metrics: QueryMetrics,
}

/// Statements kept planned, and the longest text for which that is done.
const KNOWN: usize = 256;
const KNOWN_BYTES: usize = 8 << 10;
/// The largest plan that is kept so.
const KNOWN_PLAN: usize = 256 << 10;
/// Part of the memory of all queries that statements kept prepared may take.
const KEPT: usize = 8;

impl QueryEngine {
    /// Builds the catalogue once: live tables and views in schema `public`, further tables where they say, `eddy_meta`.
    pub fn new(tables: Arc<LiveTables>, offer: Offer, limits: Limits) -> Result<QueryEngine, Error> {
        let base = catalog::build(&tables, offer, limits.threads).map_err(|e| Error::planning(&e))?;
        let threads = Threads::start("eddy-query", limits.threads, NICE)?;
        let prompt = Threads::start("eddy-lookup", limits.threads, 0)?;
        let inner = Inner {
            tables,
            base,
            threads,
            prompt,
            turns: Arc::new(Semaphore::new(limits.running.max(1))),
            waiting: AtomicUsize::new(0),
            memory: Arc::new(Budget::new(limits.total_memory)),
            kept: Arc::new(Budget::new(limits.total_memory / KEPT)),
            catalog_parser: PostgresCompatibilityParser::new(),
            known: Mutex::default(),
            metrics: QueryMetrics::new(),
            limits,
        };
        Ok(QueryEngine {
            inner: Arc::new(inner),
        })
    }

    /// The bounds in force.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The tables asked.
    pub fn tables(&self) -> &Arc<LiveTables> {
        &self.inner.tables
    }

    /// The engine's metrics, to be registered by `metrics::register`.
    pub fn metrics(&self) -> &QueryMetrics {
        &self.inner.metrics
    }

    /// Answers one statement. `params` stand for `$1`, `$2`, ...
    pub async fn sql(&self, text: &str, params: Vec<ScalarValue>) -> Result<Answer, Error> {
        self.ask(text, params, Ask::default()).await
    }

    /// As `sql`, for a front end.
    pub async fn ask(&self, text: &str, params: Vec<ScalarValue>, ask: Ask) -> Result<Answer, Error> {
        let question = match self.inner.known(text) {
            Some(known) => Question::Prepared(known),
            None => Question::Text(text.into()),
        };
        self.start(question, params, ask).await
    }

    /// Runs a prepared statement on the newest snapshot.
    pub async fn execute(
        &self,
        prepared: &Arc<Prepared>,
        params: Vec<ScalarValue>,
        ask: Ask,
    ) -> Result<Answer, Error> {
        self.start(Question::Prepared(Arc::clone(prepared)), params, ask)
            .await
    }

    /// Plans a statement once, for many executions.
    pub async fn prepare(&self, text: &str) -> Result<Arc<Prepared>, Error> {
        if let Some(known) = self.inner.known(text) {
            return Ok(known);
        }
        let permit = self
            .turn(
                tokio::time::Instant::now() + self.inner.limits.time,
                self.inner.limits.time,
            )
            .await?;
        let inner = Arc::clone(&self.inner);
        let text: Box<str> = text.into();
        let task = self.inner.threads.spawn(async move {
            let prepared = inner.prepare(&text).await;
            drop(permit);
            prepared
        });
        task.await.map_err(|e| Error::Internal(e.to_string()))?
    }

    /// Counts a prepared statement that a client keeps, until the lease ends.
    pub(crate) fn keep(&self, prepared: &Prepared) -> Result<Lease, Error> {
        self.inner.kept.lease(prepared.bytes()).ok_or_else(|| {
            Error::Memory(format!(
                "statements that clients keep prepared need more than {} MiB of memory; close some, or ask without preparing",
                (self.inner.limits.total_memory / KEPT) >> 20
            ))
        })
    }

    async fn start(&self, question: Question, params: Vec<ScalarValue>, ask: Ask) -> Result<Answer, Error> {
        let started = Instant::now();
        let answer = self.run(question, params, ask, started).await;
        if let Err(error) = &answer {
            self.inner.metrics.failed(ask.front, error, started.elapsed());
        }
        answer
    }

    async fn run(
        &self,
        question: Question,
        params: Vec<ScalarValue>,
        ask: Ask,
        started: Instant,
    ) -> Result<Answer, Error> {
        let limits = &self.inner.limits;
        let time = ask.timeout.unwrap_or(limits.time).min(limits.time_max);
        let deadline = tokio::time::Instant::now() + time;
        let permit = self.turn(deadline, time).await?;
        let snapshot = self.inner.tables.snapshot();
        let (schema_to, schema_from) = oneshot::channel();
        let (to, batches) = mpsc::channel(4);
        let inner = Arc::clone(&self.inner);
        let pinned = Arc::clone(&snapshot);
        let running = self.inner.metrics.running();
        let threads = if question.is_brief() {
            &self.inner.prompt
        } else {
            &self.inner.threads
        };
        let task = threads.spawn(async move {
            // Held until the query has really ended, so that one that does not stop keeps its place.
            let turn = (permit, running);
            let run = inner.stream(question, params, pinned, schema_to, &to);
            let last = match timeout_at(deadline, run).await {
                Ok(Ok(())) => Part::End,
                Ok(Err(error)) => Part::Failed(error),
                Err(_) => Part::Failed(Error::TimedOut(time)),
            };
            // A client that has stopped reading waits for its last part without holding up others.
            drop(turn);
            // No one left to tell is no matter.
            drop(to.send(last).await);
        });
        let mut answer = Answer::new(batches, task, snapshot, started, deadline, time);
        // Planning has no place to stop at, so the deadline is watched from here too.
        match timeout_at(deadline, schema_from).await {
            Ok(Ok(schema)) => answer.begin(schema, self.inner.metrics.clone(), ask.front),
            Ok(Err(_)) => match answer.next().await {
                Some(Err(error)) => return Err(error),
                _ => return Err(Error::Internal("the query ended without an answer".into())),
            },
            Err(_) => return Err(Error::TimedOut(time)),
        }
        Ok(answer)
    }

    /// Waits for a turn; first come, first served.
    async fn turn(
        &self,
        deadline: tokio::time::Instant,
        time: Duration,
    ) -> Result<tokio::sync::OwnedSemaphorePermit, Error> {
        if let Ok(permit) = Arc::clone(&self.inner.turns).try_acquire_owned() {
            return Ok(permit);
        }
        let waiting = Waiting::new(&self.inner.waiting);
        if waiting.before >= self.inner.limits.waiting {
            return Err(Error::Busy {
                running: self.inner.limits.running,
                waiting: waiting.before,
            });
        }
        match timeout_at(deadline, Arc::clone(&self.inner.turns).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Error::Cancelled),
            Err(_) => Err(Error::TimedOut(time)),
        }
    }
}

struct Waiting<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl Waiting<'_> {
    fn new(count: &AtomicUsize) -> Waiting<'_> {
        Waiting {
            count,
            before: count.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

enum Question {
    Text(Box<str>),
    Prepared(Arc<Prepared>),
}

impl Question {
    fn is_brief(&self) -> bool {
        matches!(self, Self::Prepared(prepared) if prepared.is_brief())
    }
}

impl Inner {
    fn known(&self, text: &str) -> Option<Arc<Prepared>> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(text)
            .cloned()
    }

    async fn prepare(&self, text: &str) -> Result<Arc<Prepared>, Error> {
        if let Some(known) = self.known(text) {
            return Ok(known);
        }
        let statement = guard::parse(text, self.limits.sql_bytes, &self.catalog_parser)?;
        let state = self.session(self.tables.snapshot());
        let prepared = Arc::new(Prepared::new(statement, &state).await?);
        if text.len() <= KNOWN_BYTES && prepared.bytes() <= KNOWN_PLAN {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= KNOWN
                && let Some(any) = known.keys().next().cloned()
            {
                known.remove(&any);
            }
            known.insert(text.into(), Arc::clone(&prepared));
        }
        Ok(prepared)
    }

    /// The base session with a snapshot pinned.
    fn session(&self, snapshot: Arc<Snapshot>) -> SessionState {
        let mut state = self.base.clone();
        state.mark_start_execution();
        state.config_mut().set_extension(Arc::new(Pin(snapshot)));
        state
    }

    async fn stream(
        &self,
        question: Question,
        params: Vec<ScalarValue>,
        snapshot: Arc<Snapshot>,
        schema_to: oneshot::Sender<arrow::datatypes::SchemaRef>,
        to: &mpsc::Sender<Part>,
    ) -> Result<(), Error> {
        let prepared = match question {
            Question::Prepared(prepared) => prepared,
            Question::Text(text) => self.prepare(&text).await?,
        };
        let state = self.session(snapshot);
        let pool = QueryPool::new(self.limits.query_memory, Arc::clone(&self.memory));
        let pool: Arc<dyn MemoryPool> = Arc::new(pool);
        let environment = RuntimeEnvBuilder::from_runtime_env(state.runtime_env())
            .with_memory_pool(Arc::clone(&pool))
            .build_arc()
            .map_err(|e| Error::running(&e))?;
        let context = |config| {
            let context = TaskContext::from(&state).with_session_config(config);
            Arc::new(context.with_runtime(Arc::clone(&environment)))
        };
        let config = state.config().clone();
        let physical = prepared.plan(params, &state, &context(config.clone())).await?;
        let context = context(match portions::rows_at_once(&physical) {
            Some(rows) => config.with_batch_size(rows),
            None => config,
        });
        let mut stream =
            datafusion::physical_plan::execute_stream(physical, context).map_err(|e| Error::running(&e))?;
        if schema_to.send(stream.schema()).is_err() {
            return Err(Error::Cancelled);
        }
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|e| Error::running(&e))?;
            for piece in answer::pieces(&batch, &pool)? {
                if to.send(piece).await.is_err() {
                    return Err(Error::Cancelled);
                }
            }
        }
        Ok(())
    }
}

/// The threads queries run on: their own, so that a bad query holds up no one else, and behind ingestion in the machine's queue. Rows
/// asked for by their keys have threads that are ingestion's equals.
struct Threads {
    runtime: Option<tokio::runtime::Runtime>,
}

/// Plans are walked recursively; deep ones need a deep stack, of which only what is used takes memory.
const STACK: usize = 64 << 20;
/// Added to the niceness of threads that may take long, so that ingestion goes first.
const NICE: i32 = 5;

impl Threads {
    fn start(name: &'static str, threads: usize, nice: i32) -> Result<Threads, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name(name)
            .thread_stack_size(STACK)
            .on_thread_start(move || {
                // Without the right to do so the threads stay equals, which is slower and not wrong.
                if nice != 0 {
                    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), nice);
                }
            })
            .enable_time()
            .build()
            .map_err(|e| Error::Internal(format!("query threads cannot be started: {e}")))?;
        Ok(Threads {
            runtime: Some(runtime),
        })
    }

    fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        match &self.runtime {
            Some(runtime) => runtime.spawn(task),
            // Only while being dropped, when no one can ask any more.
            None => tokio::spawn(task),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting here would block, and may be called from async code.
            runtime.shutdown_background();
        }
    }
}
