//! Names of streams and subjects on NATS.
//!
//! Names only: streams are created and checked by the `log` crate.

use crate::output::OutputKind;

/// Stream of the events: ground state.
pub const EDDY_EVENTS: &str = "EDDY_EVENTS";
/// Stream of the engine's outputs: derived.
pub const EDDY_DERIVED: &str = "EDDY_DERIVED";
/// Stream of what was refused.
pub const EDDY_DEAD_LETTERS: &str = "EDDY_DEAD_LETTERS";

/// Subjects of all tenants and shards of [`EDDY_EVENTS`].
pub const ALL_EVENTS: &str = "eddy.events.>";
/// Subjects of all tenants, shards and kinds of [`EDDY_DERIVED`].
pub const ALL_DERIVED: &str = "eddy.derived.>";
/// Subjects of all tenants and origins of [`EDDY_DEAD_LETTERS`].
pub const ALL_DEAD_LETTERS: &str = "eddy.dead_letters.>";

const EVENTS: &str = "eddy.events.";
const DERIVED: &str = "eddy.derived.";
const DEAD_LETTERS: &str = "eddy.dead_letters.";

/// Header that tells how a message of events is framed.
pub const FRAMING_HEADER: &str = "Eddy-Framing";
/// Value of [`FRAMING_HEADER`]: each event stands on one line of its own, in canonical form.
pub const FRAMING_LINES: &str = "lines";

/// `eddy.events.<tenant>.<shard>`
pub fn events(tenant: &str, shard: u32) -> String {
    format!("{EVENTS}{tenant}.{shard}")
}

/// `eddy.derived.<tenant>.<shard>.<kind>`
pub fn derived(tenant: &str, shard: u32, kind: OutputKind) -> String {
    format!("{DERIVED}{tenant}.{shard}.{kind}")
}

/// `eddy.derived.<tenant>.<shard>.>`, all kinds of one shard.
pub fn derived_all(tenant: &str, shard: u32) -> String {
    format!("{DERIVED}{tenant}.{shard}.>")
}

/// `eddy.dead_letters.<tenant>.<origin>`, where the origin is the part of Eddy that refused (`gateway`, `loader`, `fold`).
pub fn dead_letters(tenant: &str, origin: &str) -> String {
    format!("{DEAD_LETTERS}{tenant}.{origin}")
}

/// `eddy.requests.<tenant>.<kind>`, where engines answer questions such as `scores`. No stream keeps them.
pub fn requests(tenant: &str, kind: &str) -> String {
    format!("eddy.requests.{tenant}.{kind}")
}

pub(crate) fn template_events() -> String {
    EVENTS.to_owned() + "{tenant}.{shard}"
}

pub(crate) fn template_derived() -> String {
    DERIVED.to_owned() + "{tenant}.{shard}.{kind}"
}

pub(crate) fn template_dead_letters() -> String {
    DEAD_LETTERS.to_owned() + "{tenant}.{origin}"
}
