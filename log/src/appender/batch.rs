//! Record batches: which appends share a message, its bytes, and where each line of an append came to stand. Values only;
//! nothing is sent here.

use std::collections::VecDeque;

use bytes::Bytes;
use eddy_events::Position;
use tokio::sync::oneshot;

use crate::Error;

/// Consecutive events of one append in one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Sequence of the message.
    pub sequence: u64,
    /// Index of the first event in it.
    pub index: u32,
    /// How many events.
    pub count: u32,
}

/// Where the lines of an append stand in the log, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendAck {
    /// One run, or several when the lines did not fit one message.
    pub runs: Vec<Run>,
}

impl AppendAck {
    /// The position of each line.
    pub fn positions(&self) -> impl Iterator<Item = Position> + '_ {
        self.runs.iter().flat_map(|run| {
            (0..run.count).map(|i| Position {
                sequence: run.sequence,
                index: run.index + i,
            })
        })
    }

    /// The sequence of the last line; 0 when nothing was appended.
    pub fn last_sequence(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.sequence)
    }
}

/// An append in the queue.
pub(super) struct Waiting {
    pub lines: Vec<Bytes>,
    pub bytes: usize,
    pub done: oneshot::Sender<Result<AppendAck, Error>>,
}

/// Takes whole appends as far as they fit one message, at least one if there is any.
pub(super) fn take(waiting: &mut VecDeque<Waiting>, max_events: usize, max_bytes: usize) -> Vec<Waiting> {
    let (mut events, mut bytes) = (0, 0);
    let fitting = waiting
        .iter()
        .take_while(|w| {
            events += w.lines.len();
            bytes += w.bytes;
            events <= max_events && bytes <= max_bytes
        })
        .count()
        .max(1)
        .min(waiting.len());
    waiting.drain(..fitting).collect()
}

/// `[` + lines with `,\n` between them + `]`: a JSON array that splits at its newlines.
pub(super) fn join<'a>(lines: impl IntoIterator<Item = &'a Bytes>, bytes: usize) -> Bytes {
    let mut payload = Vec::with_capacity(bytes + 2);
    payload.push(b'[');
    for line in lines {
        if payload.len() > 1 {
            payload.extend_from_slice(b",\n");
        }
        payload.extend_from_slice(line);
    }
    payload.push(b']');
    payload.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(lines: usize, bytes: usize) -> Waiting {
        Waiting {
            lines: vec![Bytes::from(vec![b'x'; bytes]); lines],
            bytes: lines * (bytes + 2),
            done: oneshot::channel().0,
        }
    }

    #[test]
    fn a_batch_takes_whole_appends_up_to_its_limits() {
        let mut queue: VecDeque<_> = [waiting(4, 8), waiting(6, 8), waiting(1, 8)].into();
        assert_eq!(take(&mut queue, 10, 1000).len(), 2);
        assert_eq!(take(&mut queue, 10, 1000).len(), 1);
        assert!(take(&mut queue, 10, 1000).is_empty());
    }

    #[test]
    fn an_append_larger_than_a_batch_is_taken_alone() {
        let mut queue: VecDeque<_> = [waiting(30, 8), waiting(1, 8)].into();
        assert_eq!(take(&mut queue, 10, 1000).len(), 1);
    }

    #[test]
    fn the_framing_is_a_json_array_with_an_event_a_line() {
        let lines = [Bytes::from_static(b"{\"a\":1}"), Bytes::from_static(b"{\"b\":2}")];
        assert_eq!(&join(&lines, 20)[..], b"[{\"a\":1},\n{\"b\":2}]");
    }
}
