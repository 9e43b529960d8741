//! How far a shard has come. A value; who publishes it is elsewhere.

/// How far a shard of the log has been applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Shard of the log.
    pub shard: u32,
    /// Last stream sequence applied.
    pub sequence: u64,
    /// Largest event time, in microseconds since 1970.
    pub event_time_micros: i64,
    /// When the log took the last message, in microseconds since 1970.
    pub logged_at_micros: i64,
    /// Events applied since the beginning of the log.
    pub events: u64,
}
