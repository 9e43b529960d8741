//! What the log carries on this machine, against a real nats-server: `cargo bench -p eddy-log`. It prints figures; it
//! judges none, for they depend on the disk.

use std::time::{Duration, Instant};

use bytes::Bytes;
use eddy_events::output::{Data, Output, OutputType};
use eddy_events::{Cause, Timestamp};
use eddy_log::{AppenderConfig, Durability, Log, LogConfig, Metrics, Server, ServerConfig};
use tempfile::TempDir;

#[tokio::main]
async fn main() {
    println!("| what | synced | relaxed |");
    println!("|---|---|---|");
    type Measure = (
        &'static str,
        fn(Log) -> std::pin::Pin<Box<dyn Future<Output = String>>>,
    );
    // Reading is the same whatever an acknowledgement means; a synced backlog of small messages takes minutes to write.
    let reads = |name: &str| name.starts_with("read");
    let measures: [Measure; 11] = [
        ("append, one event at a time", |log| Box::pin(append_alone(log))),
        ("append, 32 clients, one event each", |log| {
            Box::pin(append_together(log, 32))
        }),
        ("append, 512 clients, one event each", |log| {
            Box::pin(append_together(log, 512))
        }),
        ("bulk append, 2,000 events of 512 B a message", |log| {
            Box::pin(append_bulk(log))
        }),
        ("read a backlog, 256 B a message", |log| {
            Box::pin(read_backlog(log, 1, 256, 300_000))
        }),
        ("read a backlog, 1,000 events of 512 B a message", |log| {
            Box::pin(read_backlog(log, 1000, 512, 1_000_000))
        }),
        ("acknowledged to read, idle machine", |log| {
            Box::pin(read_live(log))
        }),
        ("outputs, sets of 1", |log| Box::pin(derive(log, 1, 2_000))),
        ("outputs, sets of 10", |log| Box::pin(derive(log, 10, 10_000))),
        ("outputs, sets of 100", |log| Box::pin(derive(log, 100, 50_000))),
        ("outputs, sets of 5,000", |log| {
            Box::pin(derive(log, 5_000, 200_000))
        }),
    ];
    let only = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    for (name, measure) in measures {
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let mut cells = Vec::new();
        for durability in [Durability::Synced, Durability::Relaxed] {
            if durability == Durability::Synced && reads(name) {
                cells.push("as relaxed".to_string());
                continue;
            }
            // A folder of the working directory: a temporary one may lie in memory.
            let folder = TempDir::new_in(".").expect("a folder");
            let server = Server::start(ServerConfig {
                durability,
                ..ServerConfig::new(folder.path())
            })
            .await
            .expect("a server");
            let config = LogConfig {
                durability,
                ..LogConfig::of(&server.endpoint())
            };
            let log = Log::connect(config, Metrics::unregistered())
                .await
                .expect("a log");
            cells.push(measure(log).await);
            server.shutdown().await;
        }
        println!("| {name} | {} |", cells.join(" | "));
    }
}

fn lines(count: usize, bytes: usize) -> Vec<Bytes> {
    (0..count)
        .map(|n| Bytes::from(format!("{{\"n\":\"{n:0width$}\"}}", width = bytes - 8)))
        .collect()
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let ms = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p99 {:.2} ms", ms(0.5), ms(0.99))
}

fn rate(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

async fn append_alone(log: Log) -> String {
    let appender = log.appender(0).expect("an appender");
    let mut times = Vec::new();
    for _ in 0..1000 {
        let begun = Instant::now();
        appender.append(lines(1, 512)).await.expect("appended");
        times.push(begun.elapsed());
    }
    quantiles(times)
}

async fn append_together(log: Log, clients: usize) -> String {
    let appender = log.appender(0).expect("an appender");
    let begun = Instant::now();
    let each = 100_000 / clients;
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let appender = appender.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                for _ in 0..each {
                    let begun = Instant::now();
                    appender.append(lines(1, 512)).await.expect("appended");
                    times.push(begun.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("a client"));
    }
    format!(
        "{:.0} events/s, {}",
        rate(clients * each, begun),
        quantiles(times)
    )
}

async fn append_bulk(log: Log) -> String {
    let appender = log.bulk_appender(0).expect("an appender");
    let set = lines(2_000, 512);
    let begun = Instant::now();
    let mut pending = Vec::new();
    for _ in 0..500 {
        pending.push(appender.submit_waiting(set.clone()).await.expect("room"));
    }
    for outcome in pending {
        outcome.await.expect("appended");
    }
    format!("{:.0} events/s", rate(1_000_000, begun))
}

async fn read_backlog(log: Log, each: usize, bytes: usize, events: usize) -> String {
    let limits = AppenderConfig {
        max_batch_events: each,
        ..AppenderConfig::bulk()
    };
    if each == 1 {
        // Messages of one event by another way than the appender, which sends one at a time.
        fill(&log, bytes, events).await;
    } else {
        let appender = log.appender_with(0, limits).expect("an appender");
        let set = lines(each, bytes);
        let mut pending = Vec::new();
        for _ in 0..events / each {
            pending.push(appender.submit_waiting(set.clone()).await.expect("room"));
        }
        for outcome in pending {
            outcome.await.expect("appended");
        }
    }
    let mut reader = log.reader(0, 0).expect("a reader");
    let (begun, mut messages, mut size) = (Instant::now(), 0, 0);
    while messages < events / each {
        let chunk = reader.next_chunk(4096).await.expect("a chunk");
        messages += chunk.len();
        size += chunk.iter().map(|m| m.payload.len()).sum::<usize>();
    }
    format!(
        "{:.0} messages/s, {:.0} MB/s",
        rate(messages, begun),
        rate(size, begun) / 1e6
    )
}

async fn fill(log: &Log, bytes: usize, messages: usize) {
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let limits = AppenderConfig {
                max_batch_events: 1,
                ..AppenderConfig::bulk()
            };
            let appender = log.appender_with(0, limits).expect("an appender");
            tokio::spawn(async move { appender.append(lines(messages / 16, bytes)).await.map(|_| ()) })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task").expect("appended");
    }
}

async fn read_live(log: Log) -> String {
    let appender = log.appender(0).expect("an appender");
    let mut reader = log.reader(0, 0).expect("a reader");
    let (read, mut times_read) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(chunk) = reader.next_chunk(100).await {
            for _ in chunk {
                if read.send(Instant::now()).is_err() {
                    return;
                }
            }
        }
    });
    let mut times = Vec::new();
    for n in 0..1000 {
        appender.append(lines(1, 512)).await.expect("appended");
        let acknowledged = Instant::now();
        let read = times_read.recv().await.expect("read");
        if n > 0 {
            times.push(read.saturating_duration_since(acknowledged));
        }
    }
    quantiles(times)
}

async fn derive(log: Log, set: usize, outputs: usize) -> String {
    let mut publisher = log.derived(0).await.expect("a publisher");
    let begun = Instant::now();
    let mut times = Vec::new();
    for from in (0..outputs).step_by(set) {
        let one = (from..from + set).map(|n| {
            let cause = Cause {
                shard: 0,
                sequence: n as u64 + 1,
                index: 0,
                ordinal: 0,
                count: 1,
            };
            let time = Timestamp {
                micros: n as i64,
                offset_minutes: 0,
            };
            let data =
                serde_json::json!({ "awb": "AWB000123", "probability": 0.25, "stage": "manifested", "n": n });
            (
                cause,
                Output::new(
                    OutputType::NdrScoreComputed,
                    cause,
                    "AWB000123",
                    time,
                    Data::of(&data),
                ),
            )
        });
        let begun = Instant::now();
        publisher.publish(one.collect()).await.expect("published");
        times.push(begun.elapsed());
    }
    format!("{:.0} outputs/s, {}", rate(outputs, begun), quantiles(times))
}
