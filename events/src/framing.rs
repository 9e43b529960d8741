//! Cutting messages and bodies into events, and joining lines into a message.
//!
//! Cutting looks at no event's content; a bad event is found when it is decoded, and its neighbours stay whole.

use serde_json::value::RawValue;

use crate::rejection::{Reason, Rejection};

/// Events of a message in line framing: `[`, lines joined by `,` and a line feed, `]`. Canonical lines hold no line feed, so cutting is
/// a search for one.
pub fn split_lines(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inner = payload.strip_prefix(b"[").unwrap_or(payload);
    let inner = inner.strip_suffix(b"]").unwrap_or(inner);
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= inner.len() {
            return None;
        }
        let rest = &inner[at..];
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        at += end + 1;
        let line = &rest[..end];
        Some(line.strip_suffix(b",").unwrap_or(line))
    })
}

/// A message in line framing: a JSON array with each line on a line of its own.
pub fn join_lines<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) -> Vec<u8> {
    let mut payload = vec![b'['];
    for line in lines {
        if payload.len() > 1 {
            payload.extend_from_slice(b",\n");
        }
        payload.extend_from_slice(line.as_ref());
    }
    payload.push(b']');
    payload
}

/// Events of a JSON array, in any form.
pub fn split_batch(payload: &[u8]) -> Result<Vec<&RawValue>, Rejection> {
    serde_json::from_slice(payload).map_err(|error| {
        Rejection::new(
            "",
            Reason::MalformedJson,
            format!("the batch is not a json array of events: {error}"),
        )
    })
}

/// Events of a body with one JSON value a line; blank lines are skipped, a carriage return before the line feed is taken off.
pub fn split_ndjson(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    payload
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
}
