//! The vocabulary of Eddy: the canonical events of the log, their envelope and codec, identities, positions, subjects and the
//! engine's outputs.
//!
//! Everything here is a value or a pure function. Deliberately absent: I/O, a clock, state, and any opinion on what an event means;
//! meaning is the processors' work.
//!
//! Entry points: [`codec::canonicalise`] for what comes from outside, [`codec::decode`] for what is read back, [`codec::encode`] for
//! what is made here, [`Body`] for the catalogue.

#![warn(clippy::print_stdout, clippy::print_stderr)]

/// Units of money: an integer count of minor units (paise for INR).
pub type Minor = i64;

#[macro_use]
mod vocabulary;

mod attributes;
mod canonical;
pub mod catalogue;
pub mod codec;
pub mod context;
mod diagnosis;
pub mod envelope;
pub mod feedback;
pub mod framing;
pub mod identity;
pub mod money;
pub mod order;
pub mod output;
pub mod position;
pub mod rejection;
pub mod returns;
pub mod row;
mod rule;
pub mod schema;
pub mod shipment;
pub mod subjects;
pub mod time;
pub mod upcast;

pub use catalogue::Body;
pub use envelope::{Envelope, Event};
pub use framing::Framing;
pub use identity::{fingerprint, identity};
pub use position::{Cause, Position};
pub use rejection::{Reason, Rejection};
pub use time::Timestamp;

/// Strings of events: short ones are kept in place, without an allocation.
pub use smol_str::SmolStr;

/// Largest event accepted, in bytes of JSON.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// Deepest nesting accepted, counting the event itself as 1.
pub const MAX_DEPTH: usize = 32;
