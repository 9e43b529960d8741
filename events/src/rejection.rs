//! Why an event was refused, in terms its sender can act on.
//!
//! A rejection names the field and a stable code; the detail is for people and may change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

vocabulary! {
    /// Stable codes of refusal, as they stand in `dead_letters.reason` and in answers to senders.
    pub enum Reason {
        /// Not JSON, or JSON that names a key twice.
        MalformedJson = "malformed_json",
        /// A required field is absent.
        MissingField = "missing_field",
        /// A field holds another JSON type than the contract says.
        WrongType = "wrong_type",
        /// The event type is not in the catalogue.
        UnknownType = "unknown_type",
        /// The type is right and the value is not: out of range, not in a vocabulary, or against a pattern.
        InvalidValue = "invalid_value",
        /// A time that cannot be: unparsable, before 2000 or after 2199.
        InvalidTime = "invalid_time",
        /// More than 24 hours ahead of the moment it was logged.
        TimeInFuture = "time_in_future",
        /// `subject` is not the id that `data` names.
        SubjectMismatch = "subject_mismatch",
        /// More bytes than one event may have.
        TooLarge = "too_large",
        /// Nested more deeply than allowed.
        TooDeep = "too_deep",
        /// A field for hashes holds what looks like raw personal data.
        PersonalData = "personal_data",
        /// `dataversion` is newer than this engine knows.
        UnsupportedVersion = "unsupported_version",
        /// The same `source` and `id` were seen before with another body.
        IdConflict = "id_conflict",
    }
}

/// One refused event. `id`, `source` and `kind` are given as far as they could be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejection {
    /// Id of the event, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SmolStr>,
    /// Source of the event, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SmolStr>,
    /// Type of the event, if it could be read.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<SmolStr>,
    /// Path of the field, for instance `data.lines[2].qty`; empty when the event as a whole is meant.
    pub field: String,
    /// Stable code.
    pub reason: Reason,
    /// What was wrong and what would be right.
    pub detail: String,
}

impl Rejection {
    /// A rejection of an event of which nothing could be read.
    pub fn new(field: impl Into<String>, reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            id: None,
            source: None,
            kind: None,
            field: field.into(),
            reason,
            detail: detail.into(),
        }
    }

    /// The same, with the names of the event.
    pub fn named(mut self, id: &SmolStr, source: &SmolStr, kind: &str) -> Self {
        self.id = Some(id.clone());
        self.source = Some(source.clone());
        self.kind = Some(SmolStr::new(kind));
        self
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.reason)?;
        if !self.field.is_empty() {
            write!(f, " at `{}`", self.field)?;
        }
        write!(f, ": {}", self.detail)
    }
}

// Written by hand: thiserror would take the field `source` for the cause of the error.
impl std::error::Error for Rejection {}

/// A text that is none of the words, times or causes it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not in the vocabulary.
    #[error("`{word}` is not one of {}", allowed.join(", "))]
    UnknownWord {
        /// What was read.
        word: String,
        /// What could have been.
        allowed: &'static [&'static str],
    },
    /// Not a time as RFC 3339 writes it.
    #[error("`{0}` is not a time of RFC 3339 with an offset, for instance 2026-11-02T18:41:07+05:30")]
    Time(String),
    /// Not a cause.
    #[error("`{0}` is not a cause; it reads shard/sequence/index/ordinal/count, for instance 0/12/3/0/2")]
    Cause(String),
    /// Not a subject of Eddy.
    #[error("`{0}` is not a subject of eddy, for instance eddy.events.default.0")]
    Subject(String),
}
