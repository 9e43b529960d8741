//! Cutting messages and bodies into events, and joining lines into a message.
//!
//! Cutting looks at no event's content; a bad event is found when it is decoded, and its neighbours stay whole.

use serde_json::value::RawValue;

use crate::rejection::{Reason, Rejection};

/// How the events of a message are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One canonical event a line; see [`split_lines`].
    Lines,
    /// A JSON array, to be parsed in full and canonicalised.
    Batch,
    /// One JSON event, to be parsed in full and canonicalised.
    Single,
}

impl Framing {
    /// The events of a message in the order of their indexes, each as its bytes. A batch that is no array of events is refused as a
    /// whole; then the message stands for one bad event, with index 0.
    pub fn split(self, payload: &[u8]) -> Result<Events<'_>, Rejection> {
        Ok(Events(match self {
            Framing::Lines => Cut::Lines(split_lines(payload)),
            Framing::Batch => Cut::Batch(split_batch(payload)?.into_iter()),
            Framing::Single => Cut::Single(Some(payload)),
        }))
    }
}

/// The events of a message; see [`Framing::split`].
#[derive(Clone, Debug)]
pub struct Events<'a>(Cut<'a>);

#[derive(Clone, Debug)]
enum Cut<'a> {
    Lines(Lines<'a>),
    Batch(std::vec::IntoIter<&'a RawValue>),
    Single(Option<&'a [u8]>),
}

impl<'a> Iterator for Events<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        match &mut self.0 {
            Cut::Lines(lines) => lines.next(),
            Cut::Batch(batch) => batch.next().map(|raw| raw.get().as_bytes()),
            Cut::Single(event) => event.take(),
        }
    }
}

/// Events of a message in line framing: `[`, lines joined by `,` and a line feed, `]`. Canonical lines hold no line feed, so cutting is
/// a search for one.
pub fn split_lines(payload: &[u8]) -> Lines<'_> {
    let inner = payload.strip_prefix(b"[").unwrap_or(payload);
    Lines {
        rest: inner.strip_suffix(b"]").unwrap_or(inner),
    }
}

/// The lines of a message; see [`split_lines`].
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = match memchr::memchr(b'\n', self.rest) {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        Some(line.strip_suffix(b",").unwrap_or(line))
    }
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
