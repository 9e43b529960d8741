//! What people and the engine say about what was computed: reviews, notes, corrections, policies, versions.
//!
//! Feedback is an event like any other; nothing is changed in place.

use crate::rule::{self, Checked, Fault};
use crate::{Minor, Timestamp, shipment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

vocabulary! {
    /// Judgement on an alert.
    pub enum Verdict {
        /// It was right.
        Confirmed = "confirmed",
        /// It was wrong.
        Dismissed = "dismissed",
        /// Not yet to be decided.
        NeedsMore = "needs_more",
    }
}

vocabulary! {
    /// Judgement on an anomaly.
    pub enum AnomalyVerdict {
        /// Seen.
        Acknowledged = "acknowledged",
        /// Not worth a look.
        Dismissed = "dismissed",
        /// Later.
        Snoozed = "snoozed",
        /// Part of another.
        Merged = "merged",
    }
}

/// An alert was handled: `assigned`, `reviewed`, `appealed`, `overturned`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertReview {
    /// Alert: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub alert_id: SmolStr,
    /// Who acted, an opaque key.
    #[schemars(length(min = 1, max = 256))]
    pub actor: SmolStr,
    /// Judgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub reason: Option<SmolStr>,
    /// Loss found, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub loss_minor: Option<Minor>,
}

impl Checked for AlertReview {
    fn check(&self) -> Result<(), Fault> {
        rule::id("alert_id", &self.alert_id)?;
        rule::id("actor", &self.actor)?;
        rule::text_if_given("reason", &self.reason, rule::text)?;
        rule::if_given("loss_minor", self.loss_minor, rule::amount)?;
        Ok(())
    }
}

/// An anomaly was handled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnomalyReviewed {
    /// Anomaly: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub anomaly_id: SmolStr,
    /// Who acted, an opaque key.
    #[schemars(length(min = 1, max = 256))]
    pub actor: SmolStr,
    /// Judgement.
    pub verdict: AnomalyVerdict,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub reason: Option<SmolStr>,
    /// Anomaly it was merged into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub into: Option<SmolStr>,
}

impl Checked for AnomalyReviewed {
    fn check(&self) -> Result<(), Fault> {
        rule::id("anomaly_id", &self.anomaly_id)?;
        rule::id("actor", &self.actor)?;
        rule::text_if_given("reason", &self.reason, rule::text)?;
        rule::text_if_given("into", &self.into, rule::id)?;
        Ok(())
    }
}

/// A note on any entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoteAdded {
    /// Entity: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub about: SmolStr,
    /// Who acted, an opaque key.
    #[schemars(length(min = 1, max = 256))]
    pub actor: SmolStr,
    /// The note.
    #[schemars(length(min = 1, max = 16384))]
    pub text: SmolStr,
}

impl Checked for NoteAdded {
    fn check(&self) -> Result<(), Fault> {
        rule::id("about", &self.about)?;
        rule::id("actor", &self.actor)?;
        rule::long_text("text", &self.text)?;
        Ok(())
    }
}

/// A return drawn at random was looked at closely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditSampleReviewed {
    /// Return: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Who acted, an opaque key.
    #[schemars(length(min = 1, max = 256))]
    pub actor: SmolStr,
    /// Whether it was fraud.
    pub fraudulent: bool,
    /// Pattern of the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9_]{1,64}$"))]
    pub pattern: Option<SmolStr>,
}

impl Checked for AuditSampleReviewed {
    fn check(&self) -> Result<(), Fault> {
        rule::id("rma_id", &self.rma_id)?;
        rule::id("actor", &self.actor)?;
        rule::text_if_given("pattern", &self.pattern, rule::code)?;
        Ok(())
    }
}

/// What became of a routing decision: `accepted`, `overridden`, `executed`, `failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RerouteFeedback {
    /// Decision: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub decision_id: SmolStr,
    /// Parcel.
    #[schemars(length(min = 1, max = 256))]
    pub awb: SmolStr,
    /// Who acted, an opaque key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub actor: Option<SmolStr>,
    /// Courier taken in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub courier: Option<SmolStr>,
    /// Action taken in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9_]{1,64}$"))]
    pub action: Option<SmolStr>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub reason: Option<SmolStr>,
}

impl Checked for RerouteFeedback {
    fn check(&self) -> Result<(), Fault> {
        rule::id("decision_id", &self.decision_id)?;
        rule::id("awb", &self.awb)?;
        rule::text_if_given("actor", &self.actor, rule::id)?;
        rule::text_if_given("courier", &self.courier, rule::id)?;
        rule::text_if_given("action", &self.action, rule::code)?;
        rule::text_if_given("reason", &self.reason, rule::text)?;
        Ok(())
    }
}

/// Somebody says that the courier's reason is not the true one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NdrReasonDisputed {
    /// Parcel: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub awb: SmolStr,
    /// Which attempt, from 1.
    #[schemars(range(min = 1))]
    pub attempt_no: u16,
    /// Who acted, an opaque key.
    #[schemars(length(min = 1, max = 256))]
    pub actor: SmolStr,
    /// The true reason, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub true_reason: Option<shipment::NdrReason>,
}

impl Checked for NdrReasonDisputed {
    fn check(&self) -> Result<(), Fault> {
        rule::id("awb", &self.awb)?;
        rule::nth("attempt_no", self.attempt_no)?;
        rule::id("actor", &self.actor)?;
        Ok(())
    }
}

/// An event is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventVoided {
    /// Source of the event taken back.
    #[schemars(length(min = 1, max = 256))]
    pub source: SmolStr,
    /// Id of the event taken back: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub id: SmolStr,
    /// Why.
    #[schemars(length(max = 4096))]
    pub reason: SmolStr,
}

impl Checked for EventVoided {
    fn check(&self) -> Result<(), Fault> {
        rule::id("source", &self.source)?;
        rule::id("id", &self.id)?;
        rule::text("reason", &self.reason)?;
        Ok(())
    }
}

/// A policy, model or mapping takes effect: `policy.published`, `model.promoted`, `mapping.published`. The subject
/// names it and is free.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Published {
    /// Version.
    #[schemars(length(min = 1, max = 256))]
    pub version: SmolStr,
    /// Digest of the body or artefact.
    #[schemars(length(min = 1, max = 256))]
    pub digest: SmolStr,
    /// The thing itself, when small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    /// Where the thing is, when large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub artefact: Option<SmolStr>,
}

impl Checked for Published {
    fn check(&self) -> Result<(), Fault> {
        rule::id("version", &self.version)?;
        rule::id("digest", &self.digest)?;
        rule::text_if_given("artefact", &self.artefact, rule::id)?;
        Ok(())
    }
}

/// Time passed while nothing happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClockTicked {
    /// The time.
    pub at: Timestamp,
}

impl Checked for ClockTicked {
    fn check(&self) -> Result<(), Fault> {
        rule::time("at", self.at)?;
        Ok(())
    }
}

/// An engine of this version goes on from here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EngineStarted {
    /// Version of the engine.
    #[schemars(length(min = 1, max = 256))]
    pub version: SmolStr,
    /// Build of the engine.
    #[schemars(length(min = 1, max = 256))]
    pub build: SmolStr,
}

impl Checked for EngineStarted {
    fn check(&self) -> Result<(), Fault> {
        rule::id("version", &self.version)?;
        rule::id("build", &self.build)?;
        Ok(())
    }
}
