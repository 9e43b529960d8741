//! The log of Eddy on NATS JetStream: the supervised server, the streams, record batches in and out, durability, and
//! publishing that a crash can neither repeat nor skip.
//!
//! It carries lines and records; it does not know what an event means. Nothing home-made coordinates: order, durability,
//! deduplication of retries and fencing are JetStream's.
//!
//! Entry points: [`Server::start`] for a private server, [`Log::connect`] for any; from a [`Log`] come the
//! [`Appender`], the [`Reader`], the [`DerivedPublisher`] and the [`DeadLetters`].

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod access;
pub mod appender;
pub mod artefacts;
mod atomic;
pub mod binary;
mod chain;
mod connection;
pub mod dead_letters;
pub mod derived;
pub mod durability;
mod error;
pub mod log;
mod message;
mod metrics;
mod monitor;
pub mod range;
pub mod reader;
pub mod requests;
pub mod server;
mod streams;

pub use access::{Credentials, Tls};
pub use appender::{AppendAck, Appender, AppenderConfig};
pub use artefacts::Artefacts;
pub use dead_letters::{DeadLetter, DeadLetters};
pub use derived::DerivedPublisher;
pub use durability::{Durability, DurabilityReport};
pub use eddy_events::Framing;
pub use error::Error;
pub use log::{Log, LogConfig};
pub use message::LogMessage;
pub use metrics::Metrics;
pub use range::RangeReader;
pub use reader::Reader;
pub use requests::{Request, Requests};
pub use server::{Endpoint, Server, ServerConfig, ServerEvent};
