//! Reading: every message once and in order, whatever happens to the server; a gap is never passed over.

use std::time::Duration;

use eddy_log::{AppenderConfig, Durability, Error, Framing, Log};

use crate::harness::{connect, connect_with, crash, lines, numbers, start};

async fn raw(log: &eddy_log::LogConfig) -> async_nats::jetstream::Context {
    let eddy_log::Credentials::Token(token) = &log.credentials else {
        panic!("a token")
    };
    let client = async_nats::ConnectOptions::with_token(token.clone())
        .connect(&log.url)
        .await
        .unwrap();
    async_nats::jetstream::new(client)
}

/// Appends messages of one event each.
async fn fill(log: &Log, numbers: std::ops::Range<usize>) {
    let limits = AppenderConfig {
        max_batch_events: 1,
        ..AppenderConfig::default()
    };
    log.appender_with(0, limits)
        .unwrap()
        .append(lines(numbers))
        .await
        .unwrap();
}

#[tokio::test]
async fn reads_from_any_position_and_waits_at_the_end() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    fill(&log, 0..20).await;
    let mut reader = log.reader(0, 5).unwrap();
    let mut found = Vec::new();
    while found.len() < 15 {
        let chunk = reader.next_chunk(4).await.unwrap();
        assert!((1..=4).contains(&chunk.len()));
        assert!(
            chunk
                .iter()
                .all(|m| m.framing == Framing::Lines && m.logged_at_micros > 1_600_000_000_000_000)
        );
        found.extend(chunk.iter().flat_map(|m| numbers(&m.payload)));
    }
    assert_eq!(found, (5..20).collect::<Vec<_>>());
    assert_eq!((reader.position(), reader.pending()), (20, 0));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), reader.next_chunk(4))
            .await
            .is_err()
    );
    // The dropped wait has lost nothing.
    fill(&log, 20..21).await;
    assert_eq!(numbers(&reader.next_chunk(4).await.unwrap()[0].payload), [20]);
}

#[tokio::test]
async fn goes_on_without_gap_or_repeat_when_the_server_dies() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let mut reader = log.reader(0, 0).unwrap();
    let mut events = running.server.events();
    let writing = {
        let log = log.clone();
        tokio::spawn(async move {
            for round in 0..60 {
                fill(&log, round * 50..round * 50 + 50).await;
            }
        })
    };
    let mut found: Vec<usize> = Vec::new();
    let mut crashes = 0;
    while found.len() < 3000 {
        let chunk = reader.next_chunk(100).await.unwrap();
        found.extend(chunk.iter().flat_map(|m| numbers(&m.payload)));
        if found.len() > crashes * 1000 + 300 && crashes < 3 {
            crash(&running.server);
            events.recv().await.unwrap();
            events.recv().await.unwrap();
            crashes += 1;
        }
    }
    writing.await.unwrap();
    assert_eq!(crashes, 3);
    assert_eq!(found, (0..3000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cut_at_the_beginning_is_an_error_with_both_ends() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    fill(&log, 0..10).await;
    let context = raw(&eddy_log::LogConfig::of(&running.server.endpoint())).await;
    context
        .get_stream("EDDY_EVENTS")
        .await
        .unwrap()
        .purge()
        .sequence(6)
        .await
        .unwrap();
    let error = log.reader(0, 2).unwrap().next_chunk(10).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::LogCut {
                expected: 3,
                first_available: 6
            }
        ),
        "{error}"
    );
    assert_eq!(
        log.reader(0, 5).unwrap().next_chunk(10).await.unwrap()[0].sequence,
        6
    );
    assert_eq!(log.first_sequence().await.unwrap(), 6);
}

#[tokio::test]
async fn a_message_deleted_in_the_middle_is_an_error_after_what_came_before_it() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    fill(&log, 0..10).await;
    let context = raw(&eddy_log::LogConfig::of(&running.server.endpoint())).await;
    context
        .get_stream("EDDY_EVENTS")
        .await
        .unwrap()
        .delete_message(4)
        .await
        .unwrap();
    let mut reader = log.reader(0, 0).unwrap();
    let mut last = 0;
    let error = loop {
        match reader.next_chunk(100).await {
            Ok(chunk) => last = chunk.last().unwrap().sequence,
            Err(error) => break error,
        }
    };
    assert_eq!(last, 3);
    assert!(
        matches!(
            error,
            Error::LogCut {
                expected: 4,
                first_available: 5
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_position_beyond_the_end_is_an_error() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    fill(&log, 0..3).await;
    let error = log.reader(0, 7).unwrap().next_chunk(1).await.unwrap_err();
    assert!(
        matches!(error, Error::LogBehind { position: 7, last: 3 }),
        "{error}"
    );
}

#[tokio::test]
async fn shards_share_a_stream_and_are_read_apart() {
    let running = start(Durability::Relaxed).await;
    let log = connect_with(&running.server, |config| eddy_log::LogConfig {
        shards: 2,
        ..config
    })
    .await;
    let (zero, one) = (log.appender(0).unwrap(), log.appender(1).unwrap());
    let mut reader = log.reader(1, 0).unwrap();
    for n in 0..10 {
        zero.append(lines(n..n + 1)).await.unwrap();
        one.append(lines(100 + n..101 + n)).await.unwrap();
    }
    let mut found = Vec::new();
    while found.len() < 10 {
        found.extend(
            reader
                .next_chunk(100)
                .await
                .unwrap()
                .iter()
                .flat_map(|m| numbers(&m.payload)),
        );
    }
    assert_eq!(found, (100..110).collect::<Vec<_>>());
    let range = log.read_range(0, 5, 9).unwrap().collect().await.unwrap();
    assert_eq!(range.iter().map(|m| m.sequence).collect::<Vec<_>>(), [5, 7, 9]);
    assert!(log.appender(2).is_err() && log.reader(2, 0).is_err());
}

#[tokio::test]
async fn a_reader_of_one_shard_notices_a_second_one_that_begins_later() {
    let running = start(Durability::Relaxed).await;
    let log = connect_with(&running.server, |config| eddy_log::LogConfig {
        shards: 2,
        ..config
    })
    .await;
    let (zero, one) = (log.appender(0).unwrap(), log.appender(1).unwrap());
    let mut reader = log.reader(0, 0).unwrap();
    zero.append(lines(0..1)).await.unwrap();
    assert_eq!(reader.next_chunk(10).await.unwrap().len(), 1);
    one.append(lines(0..1)).await.unwrap();
    zero.append(lines(1..2)).await.unwrap();
    assert_eq!(reader.next_chunk(10).await.unwrap()[0].sequence, 3);
}

#[tokio::test]
async fn ranges_are_read_page_by_page_and_end_with_the_stream() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    fill(&log, 0..2500).await;
    let mut range = log.read_range(0, 11, 2300).unwrap();
    let mut found = Vec::new();
    loop {
        let page = range.next_chunk().await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 1024);
        found.extend(page.into_iter().map(|m| m.sequence));
    }
    assert_eq!(found, (11..=2300).collect::<Vec<_>>());
    assert_eq!(
        log.read_range(0, 2400, u64::MAX)
            .unwrap()
            .collect()
            .await
            .unwrap()
            .len(),
        101
    );
    assert!(
        log.read_range(0, 9000, 9001)
            .unwrap()
            .collect()
            .await
            .unwrap()
            .is_empty()
    );
    assert!(matches!(
        log.message(9000).await,
        Err(Error::NotFound { sequence: 9000 })
    ));
    let one = log.message(42).await.unwrap();
    let same = &log.reader(0, 41).unwrap().next_chunk(1).await.unwrap()[0];
    assert_eq!(
        (one.sequence, one.logged_at_micros, &one.payload, one.framing),
        (same.sequence, same.logged_at_micros, &same.payload, same.framing)
    );
}

#[tokio::test]
async fn messages_of_other_producers_keep_their_framing() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let context = raw(&eddy_log::LogConfig::of(&running.server.endpoint())).await;
    let subject = "eddy.events.default.0";
    context
        .publish(subject, "{}".into())
        .await
        .unwrap()
        .await
        .unwrap();
    context
        .publish(subject, "[{}]".into())
        .await
        .unwrap()
        .await
        .unwrap();
    let mut reader = log.reader(0, 0).unwrap();
    let mut framings = Vec::new();
    while framings.len() < 2 {
        framings.extend(reader.next_chunk(2).await.unwrap().into_iter().map(|m| m.framing));
    }
    assert_eq!(framings, [Framing::Single, Framing::Batch]);
}
