//! Chained publishing: no output twice and none missing, whoever dies when.

use eddy_events::output::{Data, Output, OutputType};
use eddy_events::{Cause, Timestamp};
use eddy_log::{Durability, Error, Log, Server};

use crate::harness::{connect, connect_with, crash, start};

fn cause(shard: u32, sequence: u64, ordinal: u32, count: u32) -> Cause {
    Cause {
        shard,
        sequence,
        index: 0,
        ordinal,
        count,
    }
}

fn output(cause: Cause) -> (Cause, Output) {
    let time = Timestamp {
        micros: cause.sequence as i64,
        offset_minutes: 0,
    };
    let kind = if cause.sequence.is_multiple_of(2) {
        OutputType::SlaBreached
    } else {
        OutputType::MilestoneReached
    };
    (
        cause,
        Output::new(
            kind,
            cause,
            "AWB1",
            time,
            Data::of(&serde_json::json!({ "sequence": cause.sequence })),
        ),
    )
}

/// Two outputs for each input.
pub fn outputs(shard: u32, inputs: std::ops::Range<u64>) -> Vec<(Cause, Output)> {
    inputs
        .flat_map(|s| [output(cause(shard, s, 0, 2)), output(cause(shard, s, 1, 2))])
        .collect()
}

pub async fn published(log: &Log, shard: u32, count: usize) -> Vec<Cause> {
    let mut reader = log.derived_reader(shard, 0).unwrap();
    let mut found = Vec::new();
    while found.len() < count {
        found.extend(
            reader
                .next_chunk(1000)
                .await
                .unwrap()
                .into_iter()
                .map(|m| m.cause),
        );
    }
    assert_eq!(log.derived_extent().await.unwrap().messages as usize, count);
    found
}

pub fn causes(outputs: &[(Cause, Output)]) -> Vec<Cause> {
    outputs.iter().map(|(cause, _)| *cause).collect()
}

#[tokio::test]
async fn outputs_are_published_in_order_with_their_cause_and_found_on_opening() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let mut publisher = log.derived(0).await.unwrap();
    assert_eq!(publisher.last_cause(), None);
    publisher.publish(outputs(0, 1..2)).await.unwrap();
    publisher.publish(outputs(0, 2..1500)).await.unwrap();
    publisher
        .publish(vec![output(cause(0, 1500, 0, 2))])
        .await
        .unwrap();
    assert_eq!(
        log.derived(0).await.unwrap().last_cause(),
        Some(cause(0, 1500, 0, 2))
    );
    let found = published(&log, 0, 2999).await;
    assert_eq!(found[..2998], causes(&outputs(0, 1..1500)));
    let first = log
        .derived_reader(0, 0)
        .unwrap()
        .next_chunk(1)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(first.kind, "milestone");
    assert!(
        first
            .payload
            .starts_with(b"{\"specversion\":\"1.0\",\"id\":\"0-1-0-0\"")
    );
}

#[tokio::test]
async fn an_engine_that_stopped_midway_goes_on_exactly_after_its_last_output() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let all = outputs(0, 1..1001);
    for stop in [7, 500, 1003, 1999] {
        let mut publisher = log.derived(0).await.unwrap();
        publisher.publish(all[..stop].to_vec()).await.unwrap();
    }
    // Dropped in the middle of publishing: whatever got through, the next one goes on after it.
    let all = outputs(0, 1..4001);
    for _ in 0..20 {
        let mut publisher = log.derived(0).await.unwrap();
        let _ = tokio::time::timeout(
            std::time::Duration::from_millis(3),
            publisher.publish(all.clone()),
        )
        .await;
    }
    let mut publisher = log.derived(0).await.unwrap();
    publisher.publish(all).await.unwrap();
    let found = published(&log, 0, 8000).await;
    assert_eq!(found, causes(&outputs(0, 1..4001)));
}

#[tokio::test]
async fn a_server_that_dies_midway_costs_no_output_and_repeats_none() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let mut publisher = log.derived(0).await.unwrap();
    let mut events = running.server.events();
    for round in 0..4u64 {
        let batch = outputs(0, round * 3000 + 1..(round + 1) * 3000 + 1);
        let (outcome, ()) = tokio::join!(publisher.publish(batch), async {
            tokio::time::sleep(std::time::Duration::from_millis(5 * (round + 1))).await;
            crash(&running.server);
        });
        outcome.unwrap();
        events.recv().await.unwrap();
        events.recv().await.unwrap();
    }
    let found = published(&log, 0, 24_000).await;
    assert_eq!(found, causes(&outputs(0, 1..12_001)));
}

#[tokio::test]
async fn a_zombie_is_fenced_and_adds_nothing() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let mut zombie = log.derived(0).await.unwrap();
    zombie.publish(outputs(0, 1..3)).await.unwrap();
    let mut heir = log.derived(0).await.unwrap();
    heir.publish(outputs(0, 3..5)).await.unwrap();
    // The same outputs, for both are the same function of the same log, and more.
    for attempt in [outputs(0, 3..4), outputs(0, 3..9)] {
        let error = zombie.publish(attempt).await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::Fenced {
                    found: 8,
                    known: 4,
                    ..
                }
            ),
            "{error}"
        );
    }
    heir.publish(outputs(0, 5..6)).await.unwrap();
    assert_eq!(published(&log, 0, 10).await, causes(&outputs(0, 1..6)));
}

#[tokio::test]
async fn shards_chain_apart_in_one_stream() {
    let running = start(Durability::Relaxed).await;
    let log = connect_with(&running.server, |config| eddy_log::LogConfig {
        shards: 12,
        ..config
    })
    .await;
    // Shard 1 is a prefix of shard 11 as text.
    let (mut one, mut eleven) = (log.derived(1).await.unwrap(), log.derived(11).await.unwrap());
    for round in 0..20u64 {
        let (a, b) = tokio::join!(
            one.publish(outputs(1, round * 10 + 1..round * 10 + 11)),
            eleven.publish(outputs(11, round * 5 + 1..round * 5 + 6))
        );
        a.unwrap();
        b.unwrap();
    }
    assert_eq!(
        log.derived(1).await.unwrap().last_cause(),
        Some(cause(1, 200, 1, 2))
    );
    assert_eq!(
        log.derived(11).await.unwrap().last_cause(),
        Some(cause(11, 100, 1, 2))
    );
    assert!(one.publish(outputs(11, 900..901)).await.is_err());
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

#[tokio::test]
async fn outputs_that_the_server_lost_are_published_again() {
    let running = start(Durability::Synced).await;
    let log = connect(&running.server).await;
    let mut publisher = log.derived(0).await.unwrap();
    publisher.publish(outputs(0, 1..101)).await.unwrap();
    lose_last(&running.server, 51).await;
    publisher.publish(outputs(0, 101..102)).await.unwrap();
    assert_eq!(published(&log, 0, 202).await, causes(&outputs(0, 1..102)));

    lose_last(&running.server, 202).await;
    publisher.publish(outputs(0, 102..103)).await.unwrap();
    assert_eq!(published(&log, 0, 204).await, causes(&outputs(0, 1..103)));
}

#[tokio::test]
async fn a_publisher_that_no_longer_knows_what_was_lost_says_so() {
    let running = start(Durability::Synced).await;
    let log = connect(&running.server).await;
    log.derived(0)
        .await
        .unwrap()
        .publish(outputs(0, 1..101))
        .await
        .unwrap();
    let mut heir = log.derived(0).await.unwrap();
    lose_last(&running.server, 10).await;
    let refused = heir.publish(outputs(0, 101..102)).await.unwrap_err();
    assert!(matches!(refused, Error::OutputsLost { .. }), "{refused}");
}
