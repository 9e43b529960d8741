//! From log messages to prepared events. Bad bytes stop here and go on as rejections; nothing is dropped. What an event names by
//! digest is fetched here, so that the fold finds it beside the event.

use std::time::Duration;

use eddy_events::{Position, codec};
use eddy_log::{Artefacts, Framing, LogMessage};
use tokio::runtime::Handle;

use crate::engine::Prepared;

/// Times that a store is asked which does not answer, a second apart.
const TRIES: u32 = 60;

/// Fetches what events name, from a thread that may wait.
pub(crate) struct Fetch {
    pub(crate) artefacts: Artefacts,
    pub(crate) runtime: Handle,
}

impl Fetch {
    /// Gives each event the artefact it names. One that the store does not hold is said to be missing, which is for ever: another replay shall find the
    /// same, so an artefact goes into the store before the event that names it.
    ///
    /// # Panics
    /// When the store does not answer for a minute: to go on without the artefact would be to fold another log.
    pub(crate) fn attach(&self, events: &mut [Prepared]) {
        for event in events {
            let Some(digest) = event.wants_artefact().map(ToOwned::to_owned) else {
                continue;
            };
            event.give_artefact(self.get(&digest));
        }
    }

    fn get(&self, digest: &str) -> Result<Vec<u8>, String> {
        let mut last = String::new();
        for _ in 0..TRIES {
            match self.runtime.block_on(self.artefacts.get(digest)) {
                Ok(Some(bytes)) => return Ok(bytes),
                Ok(None) => {
                    return Err(format!(
                        "the object store {} holds no artefact {digest}; put it there first, as `eddy train` does, then publish the event again",
                        eddy_log::artefacts::BUCKET
                    ));
                }
                Err(error @ eddy_log::Error::TooLarge { .. }) => return Err(error.to_string()),
                Err(error) => last = error.to_string(),
            }
            tracing::warn!(digest, error = last, "an artefact cannot be read yet");
            std::thread::sleep(Duration::from_secs(1));
        }
        panic!("artefact {digest} cannot be read: {last}");
    }
}

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
