//! Where the gateway writes: the log, or memory in tests.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use eddy_log::dead_letters::StoredDeadLetter;
use eddy_log::{Appender, DeadLetter, DeadLetters, Error};

pub(super) enum Store {
    Log {
        appender: Appender,
        dead_letters: Box<DeadLetters>,
    },
    Memory(Arc<Mutex<Held>>),
}

/// What a gateway to memory holds.
#[derive(Debug, Default)]
pub struct Held {
    /// Canonical lines in order.
    pub lines: Vec<Bytes>,
    /// Dead letters in order.
    pub dead_letters: Vec<DeadLetter>,
    /// Answer the next appends as a log that is full of work.
    pub overloaded: bool,
}

impl Store {
    pub(super) fn log(appender: Appender, dead_letters: DeadLetters) -> Self {
        Self::Log {
            appender,
            dead_letters: Box::new(dead_letters),
        }
    }

    /// Returns when the lines are held durably.
    pub(super) async fn append(&self, lines: Vec<Bytes>) -> Result<(), Error> {
        match self {
            Self::Log { appender, .. } => appender.append(lines).await.map(drop),
            Self::Memory(held) => {
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                if held.overloaded {
                    let retry_after = std::time::Duration::from_millis(1500);
                    return Err(Error::Overloaded {
                        retry_after,
                        queued_events: held.lines.len(),
                        queued_bytes: 0,
                    });
                }
                held.lines.extend(lines);
                Ok(())
            }
        }
    }

    pub(super) async fn bury(&self, letters: &[DeadLetter]) -> Result<(), Error> {
        match self {
            Self::Log { dead_letters, .. } => dead_letters.publish(letters).await,
            Self::Memory(held) => {
                held.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .dead_letters
                    .extend_from_slice(letters);
                Ok(())
            }
        }
    }

    /// First and last sequence of the dead letters; last below first when there are none.
    pub(super) async fn extent(&self) -> Result<(u64, u64), Error> {
        match self {
            Self::Log { dead_letters, .. } => dead_letters
                .extent()
                .await
                .map(|extent| (extent.first.max(1), extent.last)),
            Self::Memory(held) => Ok((
                1,
                held.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .dead_letters
                    .len() as u64,
            )),
        }
    }

    /// Dead letters `from..=to` that still exist.
    pub(super) async fn letters(&self, from: u64, to: u64) -> Result<Vec<StoredDeadLetter>, Error> {
        match self {
            Self::Log { dead_letters, .. } => dead_letters.range(from, to).await,
            Self::Memory(held) => {
                let held = held.lock().unwrap_or_else(PoisonError::into_inner);
                let numbered = (1u64..)
                    .zip(&held.dead_letters)
                    .filter(|(sequence, _)| (from..=to).contains(sequence));
                Ok(numbered
                    .map(|(sequence, letter)| StoredDeadLetter {
                        sequence,
                        logged_at_micros: letter.received_at_micros,
                        cause: None,
                        letter: letter.clone(),
                    })
                    .collect())
            }
        }
    }
}
