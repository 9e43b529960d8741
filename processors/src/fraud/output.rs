//! An alert as an output: the row of `fraud_alerts`, with evidence and counter-evidence as JSON.

use eddy_events::Timestamp;
use eddy_events::output::Data;
use serde::Serialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::alerts::{Alert, id_of};
use crate::tables::key;
use crate::world::World;

/// Members in the order of their names.
#[derive(Serialize)]
struct Told<'a> {
    action: &'a str,
    actor: Option<&'a str>,
    agent: Option<&'a str>,
    alert_id: &'a str,
    claim_id: Option<&'a str>,
    confirmed_loss_minor: Option<i64>,
    counter_evidence: Option<&'a RawValue>,
    courier: Option<&'a str>,
    currency: &'a str,
    customer_id: Option<&'a str>,
    evidence: Option<&'a RawValue>,
    expected_loss_minor: i64,
    expires_at: String,
    order_id: Option<&'a str>,
    pattern: &'a str,
    policy_version: &'a str,
    raised_at: String,
    reason: Option<&'a str>,
    rma_id: Option<&'a str>,
    score: f64,
    status: &'a str,
    subject_id: &'a str,
    subject_kind: &'a str,
    updated_at: String,
}

/// A text, or none when empty.
pub(crate) fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Subject and data of an alert.
pub(crate) fn told(world: &World, number: u64, alert: &Alert) -> (SmolStr, Data) {
    let id = id_of(number);
    let about = &alert.about;
    let told = Told {
        action: alert.action().as_str(),
        actor: given(&alert.actor),
        agent: given(&about.agent),
        alert_id: &id,
        claim_id: given(&about.claim),
        confirmed_loss_minor: (alert.confirmed_loss_minor >= 0).then_some(alert.confirmed_loss_minor),
        counter_evidence: serde_json::from_str(&alert.counter).ok(),
        courier: world.symbols.word(about.courier),
        currency: world.symbols.text(about.currency),
        customer_id: key(&world.customer_keys, about.customer),
        evidence: serde_json::from_str(&alert.evidence).ok(),
        expected_loss_minor: alert.loss_minor,
        expires_at: Timestamp::utc(alert.expires_at).to_string(),
        order_id: key(&world.order_keys, about.order),
        pattern: alert.definition().pattern.as_str(),
        policy_version: &alert.policy,
        raised_at: Timestamp::utc(alert.raised_at).to_string(),
        reason: given(&alert.reason),
        rma_id: key(&world.return_keys, about.rma),
        score: alert.score,
        status: alert.status.as_str(),
        subject_id: &alert.subject,
        subject_kind: alert.definition().subject.as_str(),
        updated_at: Timestamp::utc(alert.updated_at).to_string(),
    };
    let data = Data::of_ordered(&told);
    (id, data)
}
