//! Group commit: what an acknowledgement means, where lines stand, and what happens when the log cannot.

use std::time::Duration;

use bytes::Bytes;
use eddy_events::Position;
use eddy_log::{AppenderConfig, Durability, Error, ServerEvent};
use futures::future::join_all;

use crate::harness::{connect, crash, lines, numbers, start};

#[tokio::test]
async fn an_acknowledged_append_survives_kill_9_of_the_server() {
    let running = start(Durability::Synced).await;
    let log = connect(&running.server).await;
    let appender = log.appender(0).unwrap();
    let mut events = running.server.events();
    for round in 0..5 {
        let ack = appender.append(lines(round..round + 1)).await.unwrap();
        crash(&running.server);
        events.recv().await.unwrap();
        events.recv().await.unwrap();
        let message = log.message(ack.last_sequence()).await.unwrap();
        assert_eq!(numbers(&message.payload), [round]);
    }
    assert_eq!(log.last_sequence().await.unwrap(), 5);
}

#[tokio::test]
async fn what_arrives_while_a_publish_is_in_flight_shares_the_next_message_in_order() {
    let running = start(Durability::Synced).await;
    let log = connect(&running.server).await;
    let appender = log.appender(0).unwrap();
    let pending: Vec<_> = (0..500)
        .map(|n| appender.submit(lines(n * 2..n * 2 + 2)).unwrap())
        .collect();
    let acks: Vec<_> = join_all(pending).await.into_iter().map(Result::unwrap).collect();
    let extent = log.extent().await.unwrap();
    assert!(
        extent.messages < 100,
        "{} messages for 500 appends",
        extent.messages
    );
    let mut positions: Vec<Position> = acks
        .iter()
        .flat_map(|a| a.positions().collect::<Vec<_>>())
        .collect();
    assert_eq!(positions.len(), 1000);
    assert!(positions.is_sorted(), "order of appends is order in the log");
    positions.dedup();
    assert_eq!(positions.len(), 1000);
    let stored = log.read_range(0, 1, u64::MAX).unwrap().collect().await.unwrap();
    let found: Vec<_> = stored.iter().flat_map(|m| numbers(&m.payload)).collect();
    assert_eq!(found, (0..1000).collect::<Vec<_>>());
    for (n, position) in positions.iter().enumerate() {
        let message = &stored[position.sequence as usize - 1];
        assert_eq!(numbers(&message.payload)[position.index as usize], n);
        assert_eq!(
            message.header("Eddy-Count"),
            Some(&*numbers(&message.payload).len().to_string())
        );
    }
}

#[tokio::test]
async fn an_append_larger_than_a_message_is_cut_and_every_line_has_its_position() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let limits = AppenderConfig {
        max_batch_events: 64,
        max_batch_bytes: 500,
        ..AppenderConfig::default()
    };
    let ack = log
        .appender_with(0, limits)
        .unwrap()
        .append(lines(0..200))
        .await
        .unwrap();
    assert!(ack.runs.len() > 3);
    let stored = log.read_range(0, 1, u64::MAX).unwrap().collect().await.unwrap();
    assert!(stored.iter().all(|m| m.payload.len() <= 502));
    for (n, position) in ack.positions().enumerate() {
        assert_eq!(
            numbers(&stored[position.sequence as usize - 1].payload)[position.index as usize],
            n
        );
    }
}

#[tokio::test]
async fn no_lines_are_acknowledged_without_a_message() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    assert!(
        log.appender(0)
            .unwrap()
            .append(Vec::new())
            .await
            .unwrap()
            .runs
            .is_empty()
    );
    assert_eq!(log.last_sequence().await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_tells_when_to_come_back() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let limits = AppenderConfig {
        max_queue_events: 10,
        ..AppenderConfig::default()
    };
    let appender = log.appender_with(0, limits).unwrap();
    // Nothing is published before this task yields, so the queue fills.
    let first = appender.submit(lines(0..8)).unwrap();
    let error = appender.submit(lines(8..16)).err().unwrap();
    assert!(
        matches!(error, Error::Overloaded { retry_after, queued_events: 8, .. } if retry_after > Duration::ZERO),
        "{error}"
    );
    // A loader waits instead.
    let second = appender.submit_waiting(lines(8..16)).await.unwrap();
    first.await.unwrap();
    second.await.unwrap();
    let third = appender.append(lines(16..40)).await.unwrap();
    assert_eq!(
        third.positions().count(),
        24,
        "alone it is let through whatever its size"
    );
}

#[tokio::test]
async fn a_line_that_fits_no_message_is_refused_alone() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let appender = log.appender(0).unwrap();
    let huge = Bytes::from(vec![b'x'; appender.max_line_bytes() + 1]);
    assert!(matches!(
        appender.append(vec![huge]).await,
        Err(Error::TooLarge { .. })
    ));
    appender.append(lines(0..1)).await.unwrap();
    let largest = Bytes::from(vec![b'x'; appender.max_line_bytes()]);
    appender.append(vec![largest]).await.unwrap();
}

#[tokio::test]
async fn publishes_whose_acknowledgement_is_lost_are_stored_once() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let appender = log.appender(0).unwrap();
    let mut events = running.server.events();
    let mut expected = 0;
    for _ in 0..6 {
        // Busy while the server dies at an arbitrary moment.
        let mut pending = Vec::new();
        for _ in 0..200 {
            pending.push(
                appender
                    .submit_waiting(lines(expected..expected + 5))
                    .await
                    .unwrap(),
            );
            expected += 5;
            tokio::task::yield_now().await;
        }
        crash(&running.server);
        for outcome in join_all(pending).await {
            outcome.unwrap();
        }
        events.recv().await.unwrap();
        events.recv().await.unwrap();
    }
    let stored = log.read_range(0, 1, u64::MAX).unwrap().collect().await.unwrap();
    let found: Vec<_> = stored.iter().flat_map(|m| numbers(&m.payload)).collect();
    assert_eq!(found.len(), expected);
    assert_eq!(found, (0..expected).collect::<Vec<_>>(), "each once and in order");
}

#[tokio::test]
async fn a_log_without_a_server_gives_up_and_says_the_outcome() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let limits = AppenderConfig {
        ack_timeout: Duration::from_millis(100),
        give_up: Duration::from_millis(300),
        ..AppenderConfig::default()
    };
    let appender = log.appender_with(0, limits).unwrap();
    appender.append(lines(0..1)).await.unwrap();
    running.server.shutdown().await;
    let error = appender.append(lines(1..2)).await.unwrap_err();
    assert!(matches!(error, Error::Unconfirmed { .. }), "{error}");
}

#[tokio::test]
async fn a_full_store_is_told_and_nothing_acknowledged_is_lost() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = eddy_log::ServerConfig {
        max_store_bytes: Some(1 << 20),
        durability: Durability::Relaxed,
        ..eddy_log::ServerConfig::new(folder.path())
    };
    let server = eddy_log::Server::start(config).await.unwrap();
    let log = connect(&server).await;
    let appender = log.appender(0).unwrap();
    let mut stored = 0;
    let error = loop {
        match appender.append(vec![Bytes::from(vec![b'7'; 100_000])]).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 100, "the bound does not hold");
    };
    assert!(matches!(error, Error::StorageFull { .. }), "{error}");
    assert_eq!(log.last_sequence().await.unwrap(), stored);
}

#[tokio::test]
async fn the_rest_of_the_queue_is_written_when_the_last_appender_goes() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let appender = log.appender(0).unwrap();
    let pending: Vec<_> = (0..10)
        .map(|n| appender.submit(lines(n..n + 1)).unwrap())
        .collect();
    drop(appender);
    for outcome in join_all(pending).await {
        outcome.unwrap();
    }
}

/// A small file system of its own, where the machine lets us make one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn make() -> Option<SmallDisk> {
        let folder = tempfile::TempDir::new().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(SmallDisk(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .status();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_loses_nothing_and_is_survived() {
    let Some(disk) = SmallDisk::make() else {
        println!("skipped: this user may not mount a small file system");
        return;
    };
    let server = crate::harness::start_in(disk.0.path(), Durability::Synced).await;
    let log = connect(&server).await;
    let limits = AppenderConfig {
        ack_timeout: Duration::from_secs(1),
        give_up: Duration::from_secs(1),
        ..AppenderConfig::default()
    };
    let appender = log.appender_with(0, limits).unwrap();
    let mut acknowledged = 0;
    for n in 0..10 {
        appender.append(lines(n..n + 1)).await.unwrap();
        acknowledged += 1;
    }
    let mut events = server.events();
    // Somebody else fills the disk to its last byte.
    let filler = disk.0.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    for chunk in [1 << 20, 4096, 1] {
        while std::io::Write::write_all(&mut file, &vec![0; chunk]).is_ok() {}
    }
    drop(file);
    let large = || {
        vec![Bytes::from(format!(
            "{{\"n\":77,\"pad\":\"{}\"}}",
            "x".repeat(200_000)
        ))]
    };
    let error = appender.append(large()).await.unwrap_err();
    println!("{error}");
    let text = error.to_string();
    assert!(
        text.contains("disk space") || text.contains("the log may or may not hold"),
        "{text}"
    );
    let ServerEvent::Exited { status, .. } = events.recv().await.unwrap() else {
        panic!("the server is ill")
    };
    assert!(status.contains("no space left on device"), "{status}");
    std::fs::remove_file(&filler).unwrap();
    let took = crate::harness::until("the log takes events again", Duration::from_secs(30), || async {
        appender.append(lines(100..101)).await.is_ok()
    })
    .await;
    println!("again after {took:?}");
    let stored = log.read_range(0, 1, u64::MAX).unwrap().collect().await.unwrap();
    let found: Vec<_> = stored.iter().flat_map(|m| numbers(&m.payload)).collect();
    assert_eq!(found[..acknowledged], (0..acknowledged).collect::<Vec<_>>());
    assert!(found.contains(&100));
}
