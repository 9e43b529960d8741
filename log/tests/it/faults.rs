//! Faults of networks and of operators: lost acknowledgements, cut lines, settings that change, streams and consumers that are
//! deleted underneath.

use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use bytes::Bytes;
use eddy_events::{Reason, Rejection};
use eddy_log::{AppenderConfig, DeadLetter, Error, Log, LogConfig, Metrics};

use crate::derived::{causes, outputs, published};
use crate::external::{External, JETSTREAM, client};
use crate::harness::{lines, numbers, until};
use crate::proxy::Proxy;

async fn connect(url: String) -> Log {
    connect_to(LogConfig::new(url)).await
}

async fn connect_to(config: LogConfig) -> Log {
    Log::connect(config, Metrics::unregistered())
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn through_proxy() -> (External, Proxy, Log) {
    let server = External::start(JETSTREAM).await;
    let proxy = Proxy::to(server.port).await;
    let log = connect(format!("nats://127.0.0.1:{}", proxy.port)).await;
    (server, proxy, log)
}

async fn all_numbers(log: &Log) -> Vec<usize> {
    let stored = log.read_range(0, 1, u64::MAX).unwrap().collect().await.unwrap();
    stored.iter().flat_map(|m| numbers(&m.payload)).collect()
}

#[tokio::test]
async fn a_lookup_whose_answer_is_lost_is_made_again() {
    let (_server, proxy, log) = through_proxy().await;
    proxy.deaf(true);
    let (extent, ()) = tokio::join!(log.extent(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        proxy.deaf(false);
    });
    assert_eq!(extent.unwrap().last, 0);
}

#[tokio::test]
async fn an_append_whose_acknowledgement_is_lost_is_stored_once() {
    let (server, proxy, log) = through_proxy().await;
    let direct = connect(server.url()).await;
    let limits = AppenderConfig {
        ack_timeout: Duration::from_millis(200),
        ..AppenderConfig::default()
    };
    let appender = log.appender_with(0, limits).unwrap();
    appender.append(lines(0..1)).await.unwrap();
    for round in 1..6 {
        proxy.deaf(true);
        let pending = appender.submit(lines(round..round + 1)).unwrap();
        until("the server has stored it", Duration::from_secs(5), || async {
            direct.last_sequence().await.unwrap() == round as u64 + 1
        })
        .await;
        proxy.deaf(false);
        proxy.cut();
        assert_eq!(pending.await.unwrap().last_sequence(), round as u64 + 1);
    }
    assert_eq!(all_numbers(&direct).await, (0..6).collect::<Vec<_>>());
    assert_eq!(direct.last_sequence().await.unwrap(), 6);
}

#[tokio::test]
async fn lines_cut_at_any_byte_cost_no_append_and_repeat_none() {
    let (_server, proxy, log) = through_proxy().await;
    let appender = log.appender(0).unwrap();
    let mut next = 0;
    for bytes in [1, 60, 400, 3_000, 20_000, 60_000] {
        proxy.cut_after(bytes);
        let pending: Vec<_> = (0..20)
            .map(|_| {
                next += 500;
                appender.submit(lines(next - 500..next)).unwrap()
            })
            .collect();
        for outcome in pending {
            outcome.await.unwrap();
        }
    }
    assert_eq!(all_numbers(&log).await, (0..next).collect::<Vec<_>>());
}

#[tokio::test]
async fn lines_cut_in_the_middle_of_outputs_cost_none_and_repeat_none() {
    let (_server, proxy, log) = through_proxy().await;
    let mut publisher = log.derived(0).await.unwrap();
    let mut end = 0;
    for bytes in [1, 700, 20_000, 100_000, 250_000] {
        proxy.cut_after(bytes);
        publisher.publish(outputs(0, end + 1..end + 501)).await.unwrap();
        end += 500;
    }
    let found = published(&log, 0, 2 * end as usize).await;
    assert_eq!(found, causes(&outputs(0, 1..end + 1)));
}

#[tokio::test]
async fn lines_cut_in_the_middle_of_a_batch_of_dead_letters_cost_none_and_repeat_none() {
    let (_server, proxy, log) = through_proxy().await;
    let letters = log.dead_letters();
    let mut expected = Vec::new();
    for bytes in [1, 700, 20_000, 60_000] {
        proxy.cut_after(bytes);
        let batch: Vec<_> = (0..300)
            .map(|n| {
                let n = expected.len() + n;
                let rejection = Rejection::new("data.awb", Reason::MissingField, format!("letter {n}"));
                DeadLetter::new("gateway", n as i64, &rejection, b"{}")
            })
            .collect();
        letters.publish(&batch).await.unwrap();
        expected.extend(batch);
    }
    let stored = letters.range(1, u64::MAX).await.unwrap();
    assert_eq!(stored.into_iter().map(|s| s.letter).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_server_that_takes_smaller_messages_from_now_on_gets_smaller_messages() {
    let settings = |bytes: usize| format!("{JETSTREAM}\nmax_payload: {bytes}");
    let server = External::start(&settings(1 << 20)).await;
    let log = connect(server.url()).await;
    let appender = log.appender(0).unwrap();
    let large = |n: usize| Bytes::from(format!("{{\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(20_000)));
    let most = appender.max_line_bytes();
    appender.append((0..40).map(large).collect()).await.unwrap();
    server.configure(&settings(64 << 10));
    server.reload().await;
    // The server ends a connection that sends more than it takes; whether it was stored is then not known.
    let begun = Instant::now();
    let mut sent = 0;
    let ack = loop {
        match appender.append((40..80).map(large).collect()).await {
            Ok(ack) => break ack,
            Err(error) => assert!(matches!(error, Error::Unconfirmed { .. }), "{error}"),
        }
        sent += 1;
        assert!(sent < 3, "it is never told");
    };
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "took {:?}",
        begun.elapsed()
    );
    assert!(ack.runs.len() >= 10, "{} messages", ack.runs.len());
    assert!(appender.max_line_bytes() < 64 << 10);
    let shared: Vec<_> = (80..120)
        .map(|n| appender.submit(vec![large(n)]).unwrap())
        .collect();
    for outcome in shared {
        outcome.await.unwrap();
    }
    let huge = appender.append(vec![Bytes::from(vec![b'x'; 100_000])]).await;
    assert!(matches!(huge, Err(Error::TooLarge { .. })), "{huge:?}");
    assert_eq!(all_numbers(&log).await, (0..120).collect::<Vec<_>>());

    // And larger ones again.
    server.configure(&settings(1 << 20));
    server.reload().await;
    let reconnected = connect(server.url()).await;
    assert_eq!(reconnected.appender(0).unwrap().max_line_bytes(), most);
}

async fn events_of(server: &External) -> async_nats::jetstream::stream::Stream {
    client(&server.url())
        .await
        .get_stream("EDDY_EVENTS")
        .await
        .unwrap()
}

#[tokio::test]
async fn a_reader_whose_consumer_is_deleted_goes_on_where_it_was() {
    use futures::TryStreamExt;
    let server = External::start(JETSTREAM).await;
    let log = connect(server.url()).await;
    let appender = log.appender(0).unwrap();
    let mut reader = log.reader(0, 0).unwrap();
    let stream = events_of(&server).await;
    for n in 0..5 {
        appender.append(lines(n..n + 1)).await.unwrap();
        let chunk = reader.next_chunk(10).await.unwrap();
        assert_eq!(numbers(&chunk[0].payload), [n]);
        let names: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
        assert_eq!(names.len(), 1, "one consumer at a time");
        stream.delete_consumer(&names[0]).await.unwrap();
    }
}

#[tokio::test]
async fn a_log_made_anew_under_a_reader_is_not_taken_for_the_old_one() {
    let server = External::start(JETSTREAM).await;
    let log = connect(server.url()).await;
    let appender = log.appender(0).unwrap();
    for n in 0..3 {
        appender.append(lines(n..n + 1)).await.unwrap();
    }
    let mut reader = log.reader(0, 0).unwrap();
    while reader.position() < 3 {
        reader.next_chunk(10).await.unwrap();
    }
    let context = client(&server.url()).await;
    context.delete_stream("EDDY_EVENTS").await.unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(300), reader.next_chunk(10))
            .await
            .is_err(),
        "it may be restored from a backup"
    );
    connect(server.url()).await;
    for n in 100..110 {
        appender.append(lines(n..n + 1)).await.unwrap();
    }
    let error = reader.next_chunk(10).await.unwrap_err();
    assert!(error.to_string().contains("anew"), "{error}");
}

#[tokio::test]
async fn an_append_without_a_stream_names_what_is_missing() {
    let server = External::start(JETSTREAM).await;
    let log = connect(server.url()).await;
    client(&server.url())
        .await
        .delete_stream("EDDY_EVENTS")
        .await
        .unwrap();
    let limits = AppenderConfig {
        give_up: Duration::from_millis(300),
        ..AppenderConfig::default()
    };
    let error = log
        .appender_with(0, limits)
        .unwrap()
        .append(lines(0..1))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("EDDY_EVENTS"), "{error}");
    assert!(!log.is_ready().await);
}

#[tokio::test]
async fn a_message_deleted_among_those_of_other_shards_is_an_error() {
    let server = External::start(JETSTREAM).await;
    let log = connect_to(LogConfig {
        shards: 2,
        ..LogConfig::new(server.url())
    })
    .await;
    let (zero, one) = (log.appender(0).unwrap(), log.appender(1).unwrap());
    for n in 0..5 {
        zero.append(lines(n..n + 1)).await.unwrap();
        one.append(lines(n..n + 1)).await.unwrap();
    }
    events_of(&server).await.delete_message(5).await.unwrap();
    let error = log.reader(0, 2).unwrap().next_chunk(100).await.unwrap_err();
    assert!(matches!(error, Error::LogCut { expected: 5, .. }), "{error}");
    // What was read before it was deleted is no loss to this reader.
    let chunk = log.reader(0, 5).unwrap().next_chunk(1).await.unwrap();
    assert_eq!(chunk[0].sequence, 7);
}

#[tokio::test]
async fn a_subject_that_another_stream_holds_is_told() {
    let server = External::start(JETSTREAM).await;
    let other = Config {
        name: "OTHER".into(),
        subjects: vec!["eddy.>".into()],
        ..Default::default()
    };
    client(&server.url()).await.create_stream(other).await.unwrap();
    let error = Log::connect(LogConfig::new(server.url()), Metrics::unregistered())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("eddy.events.>") && error.contains("overlap"),
        "{error}"
    );
}
