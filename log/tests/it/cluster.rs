//! Three replicas on three servers: what a killed leader costs, what a lagging follower must not cost, and what is known of
//! durability.

use std::time::Duration;

use eddy_log::{AppenderConfig, Durability, Error, Log, LogConfig, Metrics};

use crate::derived::{causes, outputs, published};
use crate::external::{Cluster, External, JETSTREAM};
use crate::harness::{lines, numbers, until};

fn replicated(url: String) -> LogConfig {
    LogConfig {
        replicas: Some(3),
        ..LogConfig::new(url)
    }
}

async fn connect(config: LogConfig) -> Log {
    Log::connect(config, Metrics::unregistered())
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn a_killed_leader_costs_no_event_and_repeats_none_and_the_reader_goes_on() {
    const ROUNDS: usize = 3;
    const EACH: usize = 3000;
    let mut cluster = Cluster::start(3).await;
    let log = connect(replicated(cluster.url())).await;
    let mut reader = log.reader(0, 0).unwrap();
    let reading = tokio::spawn(async move {
        let mut found = Vec::new();
        while found.len() < ROUNDS * EACH {
            let chunk = reader.next_chunk(100).await.unwrap();
            found.extend(chunk.iter().flat_map(|m| numbers(&m.payload)));
        }
        found
    });
    let limits = AppenderConfig {
        max_batch_events: 5,
        ..AppenderConfig::default()
    };
    let appender = log.appender_with(0, limits).unwrap();
    for round in 0..ROUNDS {
        let mut pending = Vec::new();
        for n in 0..EACH {
            let n = round * EACH + n;
            pending.push(appender.submit_waiting(lines(n..n + 1)).await.unwrap());
        }
        let halfway = pending.split_off(EACH / 2);
        for outcome in pending {
            outcome.await.unwrap();
        }
        let killed = cluster.kill_leader("EDDY_EVENTS").await;
        for outcome in halfway {
            outcome.await.unwrap();
        }
        cluster.restart(killed).await;
    }
    let all: Vec<_> = (0..ROUNDS * EACH).collect();
    let stored = log.read_range(0, 1, u64::MAX).unwrap().collect().await.unwrap();
    let found: Vec<_> = stored.iter().flat_map(|m| numbers(&m.payload)).collect();
    assert_eq!(found, all);
    assert_eq!(reading.await.unwrap(), all);
}

#[tokio::test]
async fn outputs_are_chained_through_the_deaths_of_leaders() {
    let mut cluster = Cluster::start(3).await;
    let log = connect(replicated(cluster.url())).await;
    let mut publisher = log.derived(0).await.unwrap();
    for round in 0..3u64 {
        let leader = cluster.leader("EDDY_DERIVED").await;
        let batch = outputs(0, round * 1500 + 1..(round + 1) * 1500 + 1);
        let (outcome, ()) = tokio::join!(publisher.publish(batch), async {
            tokio::task::yield_now().await;
            cluster.servers[leader].kill();
        });
        outcome.unwrap();
        cluster.restart(leader).await;
    }
    let found = published(&log, 0, 9000).await;
    assert_eq!(found, causes(&outputs(0, 1..4501)));
}

/// An engine in the middle of a burst, and another that takes over meanwhile, again and again.
async fn zombies_and_heirs(replicas: usize) {
    let cluster = Cluster::start(3).await;
    let log = connect(LogConfig {
        replicas: Some(replicas),
        ..LogConfig::new(cluster.url())
    })
    .await;
    let mut end = 0;
    for round in 0..30u64 {
        let mut zombie = log.derived(0).await.unwrap();
        let burst = outputs(0, end + 1..end + 1001);
        let bursting = tokio::spawn(async move { zombie.publish(burst).await });
        // A cluster that elects a leader meanwhile may end the burst; its heir goes on from there all the same.
        until(
            "a part of the burst is stored",
            Duration::from_secs(60),
            || async {
                bursting.is_finished()
                    || log
                        .derived_extent()
                        .await
                        .is_ok_and(|extent| extent.messages >= 2 * end + 50 * round)
            },
        )
        .await;
        let mut heir = log.derived(0).await.unwrap();
        // Either may win, and the other is fenced; what counts is what the stream holds.
        let outcomes = (
            heir.publish(outputs(0, end + 1..end + 1051)).await,
            bursting.await.unwrap(),
        );
        assert!(outcomes.0.is_ok() || outcomes.1.is_ok(), "{outcomes:?}");
        end = log.derived(0).await.unwrap().last_cause().unwrap().sequence;
    }
    let found = published(&log, 0, 2 * end as usize).await;
    assert_eq!(found, causes(&outputs(0, 1..end + 1)));
}

#[tokio::test]
async fn a_zombie_in_the_middle_of_a_burst_repeats_nothing_of_its_heir() {
    zombies_and_heirs(1).await;
}

#[tokio::test]
async fn a_zombie_repeats_nothing_of_its_heir_in_a_stream_with_copies() {
    zombies_and_heirs(3).await;
}

#[tokio::test]
async fn what_is_acknowledged_is_read_at_once_from_any_server() {
    let cluster = Cluster::start(3).await;
    connect(replicated(cluster.url())).await;
    for server in &cluster.servers {
        let log = connect(replicated(server.url())).await;
        let appender = log.appender(0).unwrap();
        for n in 0..200 {
            let ack = appender.append(lines(n..n + 1)).await.unwrap();
            let sequence = ack.last_sequence();
            let message = log.message(sequence).await.unwrap();
            assert_eq!(numbers(&message.payload), [n]);
            let range = log.read_range(0, sequence, sequence).unwrap();
            assert_eq!(range.collect().await.unwrap().len(), 1);
            let open = log.read_range(0, sequence, u64::MAX).unwrap();
            assert_eq!(open.collect().await.unwrap().len(), 1);
        }
    }
}

async fn refused(config: LogConfig) -> String {
    let error = Log::connect(config, Metrics::unregistered()).await.err().unwrap();
    assert!(
        matches!(error, Error::TooFewServers { replicas: 3, .. }),
        "{error}"
    );
    error.to_string()
}

#[tokio::test]
async fn more_replicas_than_servers_are_refused_with_the_remedy() {
    let alone = External::start(JETSTREAM).await;
    let said = refused(replicated(alone.url())).await;
    assert!(
        said.contains("--replicas 1") && said.contains("cluster"),
        "{said}"
    );
    let pair = Cluster::start(2).await;
    let said = refused(replicated(pair.url())).await;
    assert!(said.contains("3 servers"), "{said}");
}

#[tokio::test]
async fn streams_with_other_replicas_are_refused_when_a_number_is_asked_for() {
    let cluster = Cluster::start(3).await;
    connect(LogConfig::new(cluster.url())).await;
    let error = Log::connect(replicated(cluster.url()), Metrics::unregistered())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(
            &error,
            Error::StreamIncompatible {
                setting: "num_replicas",
                ..
            }
        ),
        "{error}"
    );
    connect(LogConfig::new(cluster.url())).await;
}

#[tokio::test]
async fn durability_of_a_cluster_is_known_when_all_that_hold_the_log_were_asked() {
    let cluster = Cluster::start(3).await;
    let untold = connect(replicated(cluster.url())).await;
    let report = untold.durability();
    assert_eq!(report.actual, Durability::Unknown);
    for word in ["n1", "n2", "n3", "nats.monitor", "3 copies"] {
        assert!(report.evidence.contains(word), "{}", report.evidence);
    }
    let relaxed = LogConfig {
        monitor_url: Some(cluster.monitor_url()),
        ..replicated(cluster.url())
    };
    let report = connect(relaxed).await.durability().clone();
    assert_eq!(report.actual, Durability::Relaxed, "{}", report.evidence);
    // One is not asked.
    let some = LogConfig {
        monitor_url: Some(cluster.servers[0].monitor_url()),
        ..replicated(cluster.url())
    };
    let report = connect(some).await.durability().clone();
    assert_eq!(report.actual, Durability::Relaxed, "one that is lax is enough");
}
