//! The feed: coalescing, resuming, heartbeats, ending with the engine.

use std::time::{Duration, Instant};

use axum::body::BodyDataStream;
use axum::response::Response;
use futures::StreamExt;
use http::header;
use serde_json::Value;

use crate::world::{World, text};

#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

struct Stream(BodyDataStream, String);

impl Stream {
    fn of(response: Response) -> Self {
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self(response.into_body().into_data_stream(), String::new())
    }

    /// The next event, or nothing when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.1.find("\n\n") {
                let block: String = self.1.drain(..end + 2).collect();
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))
                        .map(|v| v.trim_start().to_owned())
                };
                return Some(Event {
                    name: field("event").unwrap_or_else(|| "message".into()),
                    id: field("id"),
                    data: serde_json::from_str(&field("data").unwrap_or_default()).unwrap_or_default(),
                });
            }
            let bytes = self.0.next().await?.unwrap();
            self.1.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

#[tokio::test]
async fn a_listener_hears_where_the_tables_stand_and_then_what_changes() {
    let world = World::new();
    world.apply(3, &["a"]);
    let mut stream = Stream::of(world.get("/v1/live", &[]).await);
    let first = stream.next().await.unwrap();
    assert_eq!(first.name, "message");
    assert_eq!(first.data["sequence"], 3);
    assert_eq!(first.data["event_time"], "2026-11-18T11:06:40Z");
    world.apply(4, &["b", "a"]);
    let next = stream.next().await.unwrap();
    assert_ne!(next.id, first.id);
    assert_eq!(next.data["sequence"], 4);
    assert_eq!(next.data["changed"]["things"], serde_json::json!(["a", "b"]));
}

#[tokio::test]
async fn many_applies_become_at_most_four_frames_a_second() {
    let world = World::new();
    let mut stream = Stream::of(world.get("/v1/live", &[]).await);
    stream.next().await.unwrap();
    let started = Instant::now();
    let mut applied = 0;
    let mut frames = 0;
    while frames < 5 {
        // An apply a millisecond, until the fifth frame is there.
        applied += 1;
        world.apply(applied, &["a"]);
        if let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(1), stream.next()).await {
            assert_eq!(event.name, "message");
            frames += 1;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    assert!(applied > 20, "{applied} applies made {frames} frames");
    assert!(
        f64::from(frames) <= seconds * 4.0 + 1.0,
        "{frames} frames in {seconds} s"
    );
}

#[tokio::test]
async fn many_keys_are_only_told_as_many() {
    let world = World::new();
    let mut stream = Stream::of(world.get("/v1/live", &[]).await);
    stream.next().await.unwrap();
    let names: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    world.apply(1, &names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(stream.next().await.unwrap().data["changed"]["things"], "many");
}

#[tokio::test]
async fn a_reader_resumes_after_its_last_event_by_header_or_by_address() {
    let world = World::new();
    let mut stream = Stream::of(world.get("/v1/live", &[]).await);
    stream.next().await.unwrap();
    let mut ids = Vec::new();
    for (sequence, name) in [(1, "a"), (2, "b"), (3, "c")] {
        world.apply(sequence, &[name]);
        ids.push(stream.next().await.unwrap().id.unwrap());
    }
    drop(stream);
    let address = format!("/v1/live?last_event_id={}", ids[0]);
    let mut by_header = Stream::of(world.get("/v1/live", &[("last-event-id", &ids[0])]).await);
    let mut by_address = Stream::of(world.get(&address, &[]).await);
    for stream in [&mut by_header, &mut by_address] {
        for name in ["b", "c"] {
            let next = stream.next().await.unwrap();
            assert_eq!(next.data["changed"]["things"], serde_json::json!([name]));
        }
    }
}

#[tokio::test]
async fn a_change_that_moves_no_sequence_is_resumed_too() {
    let world = World::new();
    let mut stream = Stream::of(world.get("/v1/live", &[]).await);
    let mut other = Stream::of(world.get("/v1/live", &[]).await);
    stream.next().await.unwrap();
    other.next().await.unwrap();
    world.apply(5, &["a"]);
    let last = stream.next().await.unwrap().id.unwrap();
    other.next().await.unwrap();
    drop(stream);
    world.apply(5, &["a letter beside the log"]);
    other.next().await.unwrap();
    let mut again = Stream::of(world.get("/v1/live", &[("last-event-id", &last)]).await);
    assert_eq!(
        again.next().await.unwrap().data["changed"]["things"],
        serde_json::json!(["a letter beside the log"])
    );
}

#[tokio::test]
async fn a_page_hears_what_changed_since_its_rows_were_read() {
    let world = World::new();
    let place = crate::pages::data(&text(world.get("/", &[]).await).await)["feed"]
        .as_str()
        .unwrap()
        .to_owned();
    world.apply(1, &["a"]);
    let mut stream = Stream::of(world.get(&format!("/v1/live?last_event_id={place}"), &[]).await);
    let mut changed = stream.next().await.unwrap().data["changed"].clone();
    if changed == serde_json::json!({}) {
        changed = stream.next().await.unwrap().data["changed"].clone();
    }
    assert_eq!(changed["things"], serde_json::json!(["a"]));
}

#[tokio::test]
async fn a_gap_that_cannot_be_filled_is_told_as_a_reset() {
    let world = World::new();
    world.apply(9, &["a"]);
    let mut first = Stream::of(world.get("/v1/live", &[]).await);
    let now = first.next().await.unwrap().id.unwrap();
    let (run, number) = now.split_once('-').unwrap();
    let ahead = format!("{run}-{}", number.parse::<u64>().unwrap() + 3);
    for last in ["00000000-2", &ahead, "12", "elsewhere"] {
        let mut stream = Stream::of(world.get("/v1/live", &[("last-event-id", last)]).await);
        let reset = stream.next().await.unwrap();
        assert_eq!(reset.name, "reset", "after {last}");
        assert_eq!(reset.id.as_deref(), Some(now.as_str()));
        assert_eq!(stream.next().await.unwrap().data["sequence"], 9);
    }
}

#[tokio::test]
async fn silence_is_broken_by_a_heartbeat_each_five_seconds() {
    let world = World::new();
    let mut stream = Stream::of(world.get("/v1/live", &[]).await);
    stream.next().await.unwrap();
    let started = Instant::now();
    assert_eq!(stream.next().await.unwrap().name, "heartbeat");
    assert!(started.elapsed() >= Duration::from_secs(5) && started.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn the_stream_ends_with_the_engine() {
    let world = World::new();
    let mut stream = Stream::of(world.get("/v1/live", &[]).await);
    stream.next().await.unwrap();
    world.shutdown.cancel();
    assert!(stream.next().await.is_none());
}
