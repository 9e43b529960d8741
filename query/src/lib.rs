//! Live tables and SQL over them: HTTP, the PostgreSQL wire, and in process.
//!
//! Knows no table by name: tables come as Arrow schemas with metadata, views as SQL text, further tables as providers. Nothing here
//! is durable and nothing here writes to the log.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod http;
pub mod live;
pub mod metrics;
pub mod pg;
mod render;
pub mod sql;

pub use live::{Change, Frame, LiveTables, Progress, Snapshot};
pub use sql::{Answer, Choice, Family, Limits, Offer, QueryEngine, View, pinned_sequence};
