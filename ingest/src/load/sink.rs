//! Where a load goes: the log, or memory when a mapping is only tried.
//!
//! Order is kept and several appends are under way at once; a chunk counts only when all of it is held durably.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use eddy_log::{AppendAck, Appender, DeadLetter, DeadLetters, Log};

use super::Error;

/// Appends under way at once.
const IN_FLIGHT: usize = 6;

type Pending = Pin<Box<dyn Future<Output = Result<AppendAck, eddy_log::Error>> + Send>>;

/// Where a load goes.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "one a load")]
pub enum Sink {
    /// The log of an engine, running or not.
    Log(Log),
    /// Memory: for trying a mapping and for tests.
    Memory(Arc<Mutex<Collected>>),
}

/// What a load into memory left.
#[derive(Debug, Default)]
pub struct Collected {
    /// Canonical lines in order.
    pub lines: Vec<Bytes>,
    /// Dead letters in order.
    pub dead_letters: Vec<DeadLetter>,
    /// Appends after which to fail, to see what an interruption leaves.
    pub fail_after: Option<usize>,
}

pub(super) enum Writer<T> {
    Log {
        appender: Appender,
        dead_letters: Box<DeadLetters>,
        pending: VecDeque<(Pending, T)>,
    },
    Memory(Arc<Mutex<Collected>>, VecDeque<T>),
}

impl<T> Writer<T> {
    pub(super) fn new(sink: &Sink) -> Result<Self, Error> {
        Ok(match sink {
            Sink::Log(log) => Self::Log {
                appender: log.bulk_appender(0)?,
                dead_letters: Box::new(log.dead_letters()),
                pending: VecDeque::new(),
            },
            Sink::Memory(collected) => Self::Memory(Arc::clone(collected), VecDeque::new()),
        })
    }

    /// Hands lines over; `note` comes back from [`Self::settled`] when they are held.
    pub(super) async fn send(
        &mut self,
        lines: Vec<Bytes>,
        letters: Vec<DeadLetter>,
        note: T,
    ) -> Result<(), Error> {
        match self {
            Self::Log {
                appender,
                dead_letters,
                pending,
            } => {
                if !letters.is_empty() {
                    dead_letters.publish(&letters).await?;
                }
                let future = appender.submit_waiting(lines).await?;
                pending.push_back((Box::pin(future), note));
            }
            Self::Memory(collected, notes) => {
                let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(left) = &mut collected.fail_after {
                    if *left == 0 {
                        return Err(Error::Interrupted);
                    }
                    *left -= 1;
                }
                collected.lines.extend(lines);
                collected.dead_letters.extend(letters);
                notes.push_back(note);
            }
        }
        Ok(())
    }

    /// The next chunk that is held, with the sequence of its last line; nothing if none needs to be waited for. With `all`, waits for
    /// whatever is under way.
    pub(super) async fn settled(&mut self, all: bool) -> Result<Option<(u64, T)>, Error> {
        match self {
            Self::Log { pending, .. } => {
                if pending.len() < IN_FLIGHT && !all {
                    return Ok(None);
                }
                let Some((future, note)) = pending.pop_front() else {
                    return Ok(None);
                };
                Ok(Some((future.await?.last_sequence(), note)))
            }
            Self::Memory(_, notes) => Ok(notes.pop_front().map(|note| (0, note))),
        }
    }
}
