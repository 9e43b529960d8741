//! Dead letters: whole, in order, and from the fold once only.

use eddy_events::{Cause, Reason, Rejection};
use eddy_log::dead_letters::BODY_KEPT;
use eddy_log::{DeadLetter, Durability, Error};

use crate::harness::{connect, start};

fn letter(n: usize) -> DeadLetter {
    let rejection = Rejection::new("data.awb", Reason::MissingField, format!("letter {n}"));
    DeadLetter::new(
        "gateway",
        n as i64,
        &rejection,
        b"{\"type\":\"eddy.shipment.delivered\"}",
    )
}

fn cause(sequence: u64) -> Cause {
    Cause {
        shard: 0,
        sequence,
        index: 3,
        ordinal: 0,
        count: 1,
    }
}

#[tokio::test]
async fn dead_letters_are_read_back_as_they_were_written() {
    let running = start(Durability::Synced).await;
    let dead_letters = connect(&running.server).await.dead_letters();
    dead_letters.publish(&[]).await.unwrap();
    dead_letters.publish(&[letter(0)]).await.unwrap();
    let many: Vec<_> = (1..2500).map(letter).collect();
    dead_letters.publish(&many).await.unwrap();
    let stored = dead_letters.range(1, u64::MAX).await.unwrap();
    assert_eq!(stored.len(), 2500);
    for (n, stored) in stored.iter().enumerate() {
        assert_eq!(
            (stored.sequence, &stored.letter, stored.cause),
            (n as u64 + 1, &letter(n), None)
        );
    }
    assert_eq!(dead_letters.get(7).await.unwrap().letter, letter(6));
    let mut reader = dead_letters.reader(2498);
    assert_eq!(reader.next_chunk(10).await.unwrap()[0].letter, letter(2498));
}

#[tokio::test]
async fn a_long_body_is_kept_by_its_beginning_and_digest() {
    let running = start(Durability::Relaxed).await;
    let dead_letters = connect(&running.server).await.dead_letters();
    let body = vec![b'x'; 3 << 20];
    let rejection = Rejection::new("", Reason::TooLarge, "3 MB");
    dead_letters
        .publish(&[DeadLetter::new("gateway", 1, &rejection, &body)])
        .await
        .unwrap();
    let stored = dead_letters.get(1).await.unwrap().letter;
    assert_eq!(
        (stored.body.len(), stored.bytes_total, stored.is_whole()),
        (BODY_KEPT, 3 << 20, false)
    );
    assert_eq!(
        stored.digest,
        "3bea8a9a07c1e8dcaa4c1b816815c35a29b4fb585ba6ecc70ea44840a794cfb3"
    );
}

#[tokio::test]
async fn what_the_fold_refuses_is_stored_once_across_restarts() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    let dead_letters = log.dead_letters();
    let refused: Vec<_> = (1..2001).map(|n| (cause(n), letter(n as usize))).collect();
    let mut fold = dead_letters.of_fold(0).await.unwrap();
    fold.publish(&refused[..1500]).await.unwrap();
    // Restarted from a snapshot that is older than what was published.
    let mut again = dead_letters.of_fold(0).await.unwrap();
    assert_eq!(again.last_cause(), Some(cause(1500)));
    again.publish(&refused[1000..]).await.unwrap();
    assert!(matches!(
        fold.publish(&refused[1500..]).await,
        Err(Error::Fenced { .. })
    ));
    // Others publish to the same stream meanwhile, under their own subjects.
    dead_letters.publish(&[letter(9999)]).await.unwrap();
    let stored = dead_letters.range(1, u64::MAX).await.unwrap();
    assert_eq!(stored.len(), 2001);
    assert_eq!(
        stored.iter().filter_map(|s| s.cause).collect::<Vec<_>>(),
        (1..2001).map(cause).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn an_origin_that_is_no_word_is_refused() {
    let running = start(Durability::Relaxed).await;
    let dead_letters = connect(&running.server).await.dead_letters();
    for origin in ["", "a.b", ">", "fold"] {
        let letter = DeadLetter {
            origin: origin.into(),
            ..letter(0)
        };
        assert!(matches!(
            dead_letters.publish(&[letter]).await,
            Err(Error::Config(_))
        ));
    }
}
