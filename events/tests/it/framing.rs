//! Cutting batches into events.

use eddy_events::Framing;
use eddy_events::codec::{join_lines, split_batch, split_lines, split_ndjson};

#[test]
fn joined_lines_are_a_json_array_and_are_cut_again_into_the_same_lines() {
    let lines: [&[u8]; 3] = [br#"{"a":"x,y]"}"#, br#"{"b":[1,2]}"#, br#"{"c":3}"#];
    let payload = join_lines(lines);
    assert_eq!(payload, b"[{\"a\":\"x,y]\"},\n{\"b\":[1,2]},\n{\"c\":3}]");
    assert_eq!(split_lines(&payload).collect::<Vec<_>>(), lines);
    assert_eq!(split_batch(&payload).expect("an array").len(), 3);
}

#[test]
fn a_message_is_cut_as_it_is_framed() {
    let cut = |framing: Framing, payload: &'static [u8]| -> Vec<&[u8]> {
        framing.split(payload).expect("events").collect()
    };
    assert_eq!(
        cut(Framing::Lines, b"[{\"a\":1},\n{\"b\":2}]"),
        [b"{\"a\":1}", b"{\"b\":2}"]
    );
    assert_eq!(
        cut(Framing::Batch, b" [ {\"a\":1} , {\"b\":2}]"),
        [b"{\"a\":1}", b"{\"b\":2}"]
    );
    assert_eq!(cut(Framing::Single, b" {\"a\":1}\n"), [b" {\"a\":1}\n"]);
    assert!(Framing::Batch.split(b"{}").is_err());
}

#[test]
fn a_batch_of_one_and_of_none() {
    assert_eq!(split_lines(&join_lines([b"{}"])).collect::<Vec<_>>(), [b"{}"]);
    assert_eq!(join_lines::<&[u8]>([]), b"[]");
    assert_eq!(split_lines(b"[]").count(), 0);
    assert_eq!(split_lines(b"").count(), 0);
}

#[test]
fn a_batch_that_is_no_array_is_refused_as_a_whole() {
    let rejection = split_batch(b"{\"a\":1}").expect_err("an object is no batch");
    assert_eq!(rejection.reason.as_str(), "malformed_json");
    assert!(split_batch(b"[{\"a\":1},").is_err());
    assert!(split_batch(&b"[".repeat(100_000)).is_err());
}

#[test]
fn ndjson_skips_blank_lines_and_carriage_returns() {
    assert_eq!(
        split_ndjson(b"{\"a\":1}\r\n\n  \n{\"b\":2}").collect::<Vec<_>>(),
        [b"{\"a\":1}", b"{\"b\":2}"]
    );
}
