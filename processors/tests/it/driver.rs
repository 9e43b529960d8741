//! The driver on a real nats-server: live equals replay, restarts anywhere, outputs neither repeated nor skipped.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use eddy_events::{Body, Event, codec};
use eddy_log::{Log, LogConfig, Server, ServerConfig};
use eddy_processors::{Change, Deps, DriverConfig, Metrics, Progress};
use prometheus::Registry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::history::{Dice, event, history, line, placed};
use crate::laws::same;
use crate::support::{self, Run, config};

const PATIENCE: Duration = Duration::from_secs(30);

struct World {
    server: Server,
    log: Log,
    dir: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(ServerConfig::new(dir.path().join("nats")))
            .await
            .unwrap();
        let log = Log::connect(
            LogConfig::of(&server.endpoint()),
            eddy_log::Metrics::unregistered(),
        )
        .await
        .unwrap();
        Self { server, log, dir }
    }

    async fn append(&self, events: &[Event], batch: usize) {
        let appender = self.log.appender(0).unwrap();
        for chunk in events.chunks(batch) {
            appender
                .append(
                    chunk
                        .iter()
                        .map(|event| Bytes::from(codec::encode(event)))
                        .collect(),
                )
                .await
                .unwrap();
        }
    }

    fn config(&self) -> DriverConfig {
        DriverConfig::new(config(), Some(self.dir.path().join("state")))
    }
}

/// Tables as the sink sees them, and a way to wait for a sequence.
#[derive(Clone, Default)]
struct Seen(Arc<(Mutex<(support::Tables, Progress)>, Condvar)>);

impl Seen {
    fn wait(&self, sequence: u64) -> support::Tables {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap();
        let (state, timeout) = changed
            .wait_timeout_while(state, PATIENCE, |(_, progress)| progress.sequence < sequence)
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "the tables stand at {:?}, not at {sequence}",
            state.1
        );
        state.0.clone()
    }

    fn wait_rows(&self, table: &str, rows: usize) -> support::Tables {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap();
        let missing = |tables: &support::Tables| tables.get(table).map_or(0, |table| table.len()) < rows;
        let (state, timeout) = changed
            .wait_timeout_while(state, PATIENCE, |(tables, _)| missing(tables))
            .unwrap();
        assert!(!timeout.timed_out(), "{table} has {:?}", state.0.get(table));
        state.0.clone()
    }
}

struct Running {
    seen: Seen,
    control: eddy_processors::driver::Control,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), eddy_processors::Error>>,
}

impl Running {
    fn start(log: &Log, config: DriverConfig) -> Self {
        let seen = Seen::default();
        let sink = {
            let seen = seen.clone();
            move |changes: Vec<(usize, Change)>, progress: Progress| {
                let (state, changed) = &*seen.0;
                let mut state = state.lock().unwrap();
                for (table, change) in &changes {
                    support::apply(&mut state.0, *table, change);
                }
                state.1 = progress;
                changed.notify_all();
            }
        };
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let shutdown = CancellationToken::new();
        let (driver, control) = eddy_processors::driver::Driver::new(
            Deps {
                log: log.clone(),
                metrics,
            },
            config,
        );
        let task = tokio::spawn(driver.run(sink, shutdown.clone()));
        Self {
            seen,
            control,
            shutdown,
            task,
        }
    }

    /// Ends it without a word, and waits until its last thread is gone.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        let begun = std::time::Instant::now();
        while Arc::strong_count(&self.seen.0) > 1 {
            assert!(begun.elapsed() < PATIENCE, "its threads go on");
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("it stops in time")
            .unwrap()
            .unwrap();
    }
}

/// Outputs as subscribers see them: cause and bytes.
async fn derived(log: &Log) -> Vec<(String, Bytes)> {
    let last = log.derived_extent().await.unwrap();
    let mut reader = log.derived_reader(0, 0).unwrap();
    let mut found = Vec::new();
    while (found.len() as u64) < last.messages {
        found.extend(
            reader
                .next_chunk(100)
                .await
                .unwrap()
                .into_iter()
                .map(|m| (m.cause.to_string(), m.payload)),
        );
    }
    found
}

fn projections_of(tables: &support::Tables) -> support::Tables {
    tables
        .iter()
        .filter(|(name, _)| *name != "dead_letters")
        .map(|(name, rows)| (name.clone(), rows.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_equals_replay_and_a_restart_repeats_and_skips_nothing() {
    let world = World::new().await;
    let mut events = history(42, 60);
    events.extend(events.clone().into_iter().step_by(4));
    Dice::new(1).shuffle(&mut events);
    let (first, rest) = events.split_at(events.len() / 2);

    world.append(first, 7).await;
    let running = Running::start(&world.log, world.config());
    let half = world.log.last_sequence().await.unwrap();
    running.seen.wait(half);
    running.stop().await;

    // Killed in the middle: no snapshot of what follows.
    let running = Running::start(
        &world.log,
        DriverConfig {
            snapshot_every: Duration::from_secs(3600),
            ..world.config()
        },
    );
    world.append(rest, 3).await;
    let last = world.log.last_sequence().await.unwrap();
    running.seen.wait(half + (last - half) / 2);
    running.kill().await;

    let running = Running::start(&world.log, world.config());
    let tables = running.seen.wait(last);
    let live = running.control.digest().await.unwrap();
    running.stop().await;

    let mut whole = Run::new();
    whole.play(&events, 100);
    // Positions in the log differ, so what repeats outputs is compared by the outputs themselves.
    same(
        "driver",
        &support::projections(&projections_of(&tables)),
        &support::projections(&whole.tables),
    );
    let replayed = eddy_processors::replay(&world.log, config(), last, |_| {})
        .await
        .unwrap();
    assert_eq!(live, replayed);
    assert_eq!(live.projections, whole.engine.digest().projections);

    let published = derived(&world.log).await;
    let causes: Vec<&String> = published.iter().map(|(cause, _)| cause).collect();
    assert_eq!(published.len(), whole.out.outputs.len(), "{causes:?}");
    let wanted: Vec<_> = whole
        .out
        .outputs
        .iter()
        .map(|(_, output)| output.subject.clone())
        .collect();
    for ((_, bytes), subject) in published.iter().zip(&wanted) {
        assert!(String::from_utf8_lossy(bytes).contains(subject.as_str()));
    }
    world.server.shutdown().await;
}

/// What a power failure does to a stream that is persisted lazily: it ends before its last messages.
async fn lose_last(server: &Server, messages: u64) {
    let endpoint = server.endpoint();
    let client = async_nats::ConnectOptions::with_token(endpoint.token)
        .connect(&endpoint.url)
        .await
        .unwrap();
    let context = async_nats::jetstream::new(client);
    let stream = context.get_stream("EDDY_DERIVED").await.unwrap();
    let info = stream.cached_info().clone();
    let mut kept = Vec::new();
    for sequence in 1..=info.state.last_sequence - messages {
        kept.push(stream.get_raw_message(sequence).await.unwrap());
    }
    context.delete_stream("EDDY_DERIVED").await.unwrap();
    context.create_stream(info.config).await.unwrap();
    for message in kept {
        let mut headers = async_nats::HeaderMap::new();
        for name in ["Eddy-Cause", "Eddy-Writer", "Content-Type"] {
            headers.insert(name, message.headers.get(name).unwrap().as_str());
        }
        let stored = context
            .publish_with_headers(message.subject, headers, message.payload)
            .await
            .unwrap();
        stored.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_lost_by_the_server_are_made_again_from_the_log() {
    let world = World::new().await;
    world.append(&history(7, 40), 20).await;
    let last = world.log.last_sequence().await.unwrap();
    let running = Running::start(&world.log, world.config());
    running.seen.wait(last);
    running.stop().await;
    let before = derived(&world.log).await;

    lose_last(&world.server, before.len() as u64 / 2).await;
    assert!(derived(&world.log).await.len() < before.len());

    let running = Running::start(&world.log, world.config());
    running.seen.wait(last);
    running.stop().await;
    assert_eq!(derived(&world.log).await, before);
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_leave_while_the_tables_stand_still_and_no_row_is_left_behind() {
    let world = World::new().await;
    let events = history(11, 40);
    let mut whole = Run::new();
    whole.play(&events, 100);
    let wanted = whole.out.outputs.len() as u64;
    let running = Running::start(&world.log, world.config());
    world.append(&events[..1], 1).await;
    running.seen.wait(1);

    let standing = Arc::clone(&running.seen.0);
    let (held, holds) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let holder = std::thread::spawn(move || {
        let tables = standing.0.lock().unwrap();
        held.send(()).unwrap();
        let _ = released.recv_timeout(PATIENCE);
        tables.1.sequence
    });
    holds.recv().unwrap();
    // Many handings-over, far more than wait for the tables at once.
    world.append(&events[1..], 3).await;
    let begun = std::time::Instant::now();
    while world.log.derived_extent().await.unwrap().messages < wanted {
        assert!(begun.elapsed() < PATIENCE / 2, "outputs wait for the tables");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    release.send(()).unwrap();
    assert_eq!(holder.join().unwrap(), 1);

    let tables = running.seen.wait(world.log.last_sequence().await.unwrap());
    same(
        "driver",
        &support::projections(&projections_of(&tables)),
        &support::projections(&whole.tables),
    );
    running.stop().await;
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_fold_refuses_reaches_the_table_of_dead_letters_once() {
    let world = World::new().await;
    let order =
        |customer: &str| Body::OrderPlaced(Box::new(placed("o1", customer, vec![line("l1", "s1", 1, 100)])));
    world
        .append(&[event("1", 0, order("c1")), event("1", 0, order("c2"))], 1)
        .await;
    for _ in 0..2 {
        let running = Running::start(
            &world.log,
            DriverConfig {
                state_dir: None,
                ..world.config()
            },
        );
        let tables = running.seen.wait_rows("dead_letters", 1);
        let (_, row) = tables["dead_letters"].first_key_value().unwrap();
        assert_eq!(
            (
                row["reason"].as_str(),
                row["origin"].as_str(),
                row["cause"].as_str()
            ),
            ("id_conflict", "fold", "2/0")
        );
        running.stop().await;
    }
    assert_eq!(world.log.dead_letters().extent().await.unwrap().messages, 1);
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_ends_before_the_snapshot_is_refused() {
    let world = World::new().await;
    world.append(&history(3, 4), 2).await;
    let running = Running::start(&world.log, world.config());
    running.seen.wait(world.log.last_sequence().await.unwrap());
    running.stop().await;
    let other = World::new().await;
    other.append(&history(3, 1), 50).await;
    let state: &Path = &world.dir.path().join("state");
    let config = DriverConfig {
        state_dir: Some(state.to_path_buf()),
        ..world.config()
    };
    let running = Running::start(&other.log, config);
    let ended = tokio::time::timeout(PATIENCE, running.task)
        .await
        .expect("it ends")
        .unwrap();
    assert!(
        matches!(
            ended,
            Err(eddy_processors::Error::Log(eddy_log::Error::LogBehind { .. }))
        ),
        "{ended:?}"
    );
    world.server.shutdown().await;
    other.server.shutdown().await;
}
