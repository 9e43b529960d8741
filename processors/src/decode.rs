//! From log messages to prepared events. Bad bytes stop here and go on as rejections; nothing is dropped.

use eddy_events::{Position, codec};
use eddy_log::{Framing, LogMessage};

use crate::engine::Prepared;

/// Appends the events of a message in their order.
pub(crate) fn message(message: &LogMessage, events: &mut Vec<Prepared>) {
    let logged_at = message.logged_at_micros;
    let position = |index: usize| Position {
        sequence: message.sequence,
        index: u32::try_from(index).unwrap_or(u32::MAX),
    };
    let lines = match message.framing.split(&message.payload) {
        Ok(lines) => lines,
        Err(rejection) => {
            let refused = Prepared::new(position(0), logged_at, &message.payload, Err(rejection));
            return events.push(refused);
        }
    };
    let prepare = match message.framing {
        Framing::Lines => Prepared::decode,
        Framing::Batch | Framing::Single => foreign,
    };
    events.extend(
        lines
            .enumerate()
            .map(|(index, line)| prepare(position(index), logged_at, line)),
    );
}

/// An event of another producer: canonicalised first, so that repeats are told from conflicts by content.
fn foreign(position: Position, logged_at: i64, raw: &[u8]) -> Prepared {
    match codec::canonicalise(raw) {
        Ok((event, line)) => Prepared::new(position, logged_at, &line, Ok(event)),
        Err(rejection) => Prepared::new(position, logged_at, raw, Err(rejection)),
    }
}
