//! Outputs of the engine: what it computed or recommends, as CloudEvents on the derived stream.
//!
//! Only the envelope is typed. The data is the row of the SQL table of the same kind, and its shape belongs to whoever computes it.

use smol_str::SmolStr;

use crate::position::Cause;
use crate::time::Timestamp;

vocabulary! {
    /// Kinds of output; the last token of the subject.
    pub enum OutputKind {
        /// Probability that a delivery fails.
        NdrScore = "ndr_score",
        /// Suspicion of fraud.
        FraudAlert = "fraud_alert",
        /// A figure out of its usual range.
        Anomaly = "anomaly",
        /// Advice on the courier or the next action.
        Reroute = "reroute",
        /// Advice on what becomes of an item.
        Disposition = "disposition",
        /// A term that passed.
        Sla = "sla",
        /// State of a model.
        Model = "model",
        /// A step worth telling the buyer.
        Milestone = "milestone",
    }
}

vocabulary! {
    /// Types of output, as CloudEvents name them.
    pub enum OutputType {
        /// A score was computed.
        NdrScoreComputed = "eddy.ndr_score.computed",
        /// An alert was raised.
        FraudAlertRaised = "eddy.fraud_alert.raised",
        /// An alert changed.
        FraudAlertUpdated = "eddy.fraud_alert.updated",
        /// An alert was cleared by later events.
        FraudAlertCleared = "eddy.fraud_alert.cleared",
        /// An alert ran out of time.
        FraudAlertExpired = "eddy.fraud_alert.expired",
        /// An anomaly was found.
        AnomalyDetected = "eddy.anomaly.detected",
        /// An anomaly changed.
        AnomalyUpdated = "eddy.anomaly.updated",
        /// An anomaly is over.
        AnomalyResolved = "eddy.anomaly.resolved",
        /// A rerouting is recommended.
        RerouteRecommended = "eddy.reroute.recommended",
        /// A rerouting was considered and held back.
        RerouteSuppressed = "eddy.reroute.suppressed",
        /// A disposition is recommended.
        DispositionRecommended = "eddy.disposition.recommended",
        /// A term passed.
        SlaBreached = "eddy.sla.breached",
        /// A model drifts.
        ModelDriftDetected = "eddy.model.drift_detected",
        /// A milestone was reached.
        MilestoneReached = "eddy.milestone.reached",
    }
}

impl OutputType {
    /// The kind it belongs to.
    pub const fn kind(self) -> OutputKind {
        match self {
            Self::NdrScoreComputed => OutputKind::NdrScore,
            Self::FraudAlertRaised
            | Self::FraudAlertUpdated
            | Self::FraudAlertCleared
            | Self::FraudAlertExpired => OutputKind::FraudAlert,
            Self::AnomalyDetected | Self::AnomalyUpdated | Self::AnomalyResolved => OutputKind::Anomaly,
            Self::RerouteRecommended | Self::RerouteSuppressed => OutputKind::Reroute,
            Self::DispositionRecommended => OutputKind::Disposition,
            Self::SlaBreached => OutputKind::Sla,
            Self::ModelDriftDetected => OutputKind::Model,
            Self::MilestoneReached => OutputKind::Milestone,
        }
    }
}

/// One output of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Kind: the last token of the subject it is published under.
    pub kind: OutputKind,
    /// CloudEvents type.
    pub type_name: OutputType,
    /// Derived from the cause, see [`Output::id_of`]: the same log gives the same ids.
    pub id: SmolStr,
    /// CloudEvents subject: the entity it is about.
    pub subject: SmolStr,
    /// Event time of the shard's clock when it was computed.
    pub time: Timestamp,
    /// Tenant.
    pub tenant: SmolStr,
    /// Id of the event behind it.
    pub causation_id: Option<SmolStr>,
    /// The row.
    pub data: Data,
}

/// The row of an output: JSON text in canonical form, written once for all who pass it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data(Box<str>);

impl Data {
    /// Writes a row.
    pub fn of(row: &impl serde::Serialize) -> Self {
        Self(crate::codec::canonical(row).into_boxed_str())
    }

    /// Writes a row whose type declares its members in the order of their names, which spares putting them in order.
    pub fn of_ordered(row: &impl serde::Serialize) -> Self {
        Self(crate::canonical::ordered(row).into_boxed_str())
    }

    /// Canonical text that is written already; debug builds check that.
    pub(crate) fn of_written(text: Vec<u8>) -> Self {
        let text = String::from_utf8(text).unwrap_or_default();
        debug_assert!(crate::canonical::is_canonical(&text), "not canonical: {text}");
        Self(text.into_boxed_str())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, to be kept.
    pub fn into_text(self) -> String {
        self.0.into_string()
    }

    /// The row as a value, for those who look into it.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// `source` of every output.
pub const SOURCE: &str = "urn:eddy:engine";

impl Output {
    /// The output that stands at `cause`, of the default tenant and without the id of its event. The count of the cause does not
    /// matter here, so an output can be made before it is known how many there are.
    pub fn new(
        type_name: OutputType,
        cause: Cause,
        subject: impl Into<SmolStr>,
        time: Timestamp,
        data: Data,
    ) -> Self {
        let tenant = SmolStr::new_static(crate::envelope::DEFAULT_TENANT);
        let id = Self::id_of(cause);
        Self {
            kind: type_name.kind(),
            type_name,
            id,
            subject: subject.into(),
            time,
            tenant,
            causation_id: None,
            data,
        }
    }

    /// The id of the output at `cause`: the cause without its count.
    pub fn id_of(cause: Cause) -> SmolStr {
        let mut digits = itoa::Buffer::new();
        let mut id = String::with_capacity(32);
        id.push_str(digits.format(cause.shard));
        for part in [cause.sequence, u64::from(cause.index), u64::from(cause.ordinal)] {
            id.push('-');
            id.push_str(digits.format(part));
        }
        id.into()
    }

    /// The CloudEvent in canonical form, as one line without its end.
    pub fn encode(&self) -> Vec<u8> {
        crate::codec::encode_output(self)
    }
}
