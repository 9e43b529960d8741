//! Outside world to log: the HTTP gateway, the file loader, and the mappings that turn somebody's rows into canonical events.
//!
//! Entry points: [`gateway::Gateway`] for HTTP, [`load::run`] for a file, [`mapping::find`] for a mapping. It validates and appends; what an event means is decided
//! by the processors behind the log.

#![warn(clippy::print_stdout, clippy::print_stderr)]
#![expect(
    clippy::result_large_err,
    reason = "a rejection is made once a bad event, and moved, not copied"
)]

pub mod gateway;
pub mod load;
pub mod mapping;
pub mod metrics;

pub use metrics::Metrics;

/// The moment, in microseconds since 1970.
pub(crate) fn now_micros() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
