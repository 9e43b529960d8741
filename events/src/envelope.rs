//! The envelope of an event: the CloudEvents attributes that Eddy reads.
//!
//! Extensions that Eddy does not read live on in the canonical line, not here.

use smol_str::SmolStr;

use crate::catalogue::Body;
use crate::rejection::{Reason, Rejection};
use crate::time::Timestamp;

/// Tenant of an event that names none.
pub const DEFAULT_TENANT: &str = "default";

/// How far ahead of the moment it was logged an event may be, in microseconds.
pub const MAX_AHEAD_MICROS: i64 = 24 * 3600 * 1_000_000;

/// The CloudEvents attributes that Eddy reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// With `source`, the name of the event for ever.
    pub id: SmolStr,
    /// URI reference of the producing system.
    pub source: SmolStr,
    /// Id of the entity; filled from the data when the sender left it out.
    pub subject: SmolStr,
    /// When it happened.
    pub time: Timestamp,
    /// Tenant, `default` when absent.
    pub tenant: SmolStr,
    /// Version of the shape of `data`, 1 when absent.
    pub dataversion: u16,
    /// W3C trace context.
    pub traceparent: Option<SmolStr>,
    /// Id of the event that led to this one.
    pub causationid: Option<SmolStr>,
}

/// One event: what it says and about what.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The attributes around it.
    pub envelope: Envelope,
    /// What happened.
    pub body: Body,
}

impl Event {
    /// Which event this is, see [`crate::identity()`].
    pub fn identity(&self) -> u128 {
        crate::identity::identity(&self.envelope.source, &self.envelope.id)
    }

    /// Refuses an event more than 24 hours ahead of the moment it was logged (in microseconds since 1970, as JetStream stamped the message).
    pub fn check_logged_at(&self, logged_at_micros: i64) -> Result<(), Rejection> {
        if self.envelope.time.micros <= logged_at_micros.saturating_add(MAX_AHEAD_MICROS) {
            return Ok(());
        }
        let detail = format!(
            "{} is more than 24 h ahead of {}, when it was logged; check the clock and the offset of the source",
            self.envelope.time,
            Timestamp::utc(logged_at_micros)
        );
        let rejection = Rejection::new("time", Reason::TimeInFuture, detail);
        Err(rejection.named(&self.envelope.id, &self.envelope.source, self.body.type_name()))
    }
}
