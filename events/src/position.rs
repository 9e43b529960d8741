//! Where an event stands in the log, and which event caused an output.
//!
//! Values only; reading and writing the log is the `log` crate's work.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::rejection::ParseError;

/// Place of an event in the log of its shard: the stream sequence of the message and the index in its batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Stream sequence of the message, from 1.
    pub sequence: u64,
    /// Index of the event in the message, from 0.
    pub index: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.sequence, self.index)
    }
}

/// Header `Eddy-Cause` of a derived message: the event behind it, and which of how many outputs of that event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cause {
    /// Shard of the log.
    pub shard: u32,
    /// Stream sequence of the message.
    pub sequence: u64,
    /// Index of the event in the message.
    pub index: u32,
    /// Which output of this event, from 0.
    pub ordinal: u32,
    /// How many outputs the event has.
    pub count: u32,
}

impl Cause {
    /// Name of the header.
    pub const HEADER: &'static str = "Eddy-Cause";

    /// Position of the event behind the output.
    pub const fn position(self) -> Position {
        Position {
            sequence: self.sequence,
            index: self.index,
        }
    }

    /// Whether this is the last output of its event.
    pub const fn is_last(self) -> bool {
        self.ordinal + 1 == self.count
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}/{}",
            self.shard, self.sequence, self.index, self.ordinal, self.count
        )
    }
}

impl FromStr for Cause {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        fn number<T: FromStr>(part: Option<&str>) -> Option<T> {
            // `u64::from_str` takes a leading plus, which the header does not.
            part.filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?
                .parse()
                .ok()
        }
        let read = || {
            let mut parts = text.split('/');
            let cause = Self {
                shard: number(parts.next())?,
                sequence: number(parts.next())?,
                index: number(parts.next())?,
                ordinal: number(parts.next())?,
                count: number(parts.next())?,
            };
            (parts.next().is_none() && cause.ordinal < cause.count).then_some(cause)
        };
        read().ok_or_else(|| ParseError::Cause(text.chars().take(128).collect()))
    }
}
