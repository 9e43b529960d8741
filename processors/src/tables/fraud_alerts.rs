//! `fraud_alerts`: who or what is suspected of which pattern, what shows it and what speaks against it, and where it stands. Repeats outputs.

use super::{Writer, key};
use crate::fraud::Fraud;
use crate::fraud::alerts::{Status, id_of};
use crate::rows::Kind::{Float, Int, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "fraud_alerts",
    schema_name: "",
    key: 1,
    comment: "Suspicions of fraud, one for each subject and pattern, with evidence and with the innocent explanations looked for. Repeats the outputs of kind fraud_alert.",
    columns: &[
        (
            "alert_id",
            Text,
            FULL,
            "FA and 16 hexadecimal digits that follow from pattern and subject.",
        ),
        (
            "pattern",
            Text,
            FULL,
            "Pattern of the catalogue, for instance empty_box.",
        ),
        (
            "subject_kind",
            Text,
            FULL,
            "Whom it is about: customer, return, claim, order, ring, courier_agent, employee.",
        ),
        (
            "subject_id",
            Text,
            FULL,
            "Id of the subject. A ring is named by the kind and key of the identity value that it shares.",
        ),
        (
            "customer_id",
            Text,
            NULL,
            "Customer of the return, claim or order behind it; null for courier agents.",
        ),
        ("rma_id", Text, NULL, "Return behind it."),
        ("order_id", Text, NULL, "Order behind it."),
        ("claim_id", Text, NULL, "Claim behind it."),
        ("courier", Text, NULL, "Courier of the agent."),
        ("agent", Text, NULL, "Courier's agent or employee, an opaque key."),
        (
            "score",
            Float,
            FULL,
            "Probability, 0 to 1, that it is so: of a return all findings together, else of this finding.",
        ),
        (
            "expected_loss_minor",
            Int,
            FULL,
            "Score times what would be lost, in minor units of `currency`. The order of the queue.",
        ),
        ("currency", Text, FULL, "ISO 4217 code."),
        (
            "evidence",
            Text,
            FULL,
            "JSON array of what shows it: says, and source and id of the event where one does.",
        ),
        (
            "counter_evidence",
            Text,
            FULL,
            "JSON array of the innocent explanations looked for: looked_for, found, says.",
        ),
        (
            "status",
            Text,
            FULL,
            "open, assigned, confirmed, dismissed, needs_more, appealed, overturned, cleared, expired.",
        ),
        (
            "action",
            Text,
            FULL,
            "What the policy asks for: review, or block where a tenant turned it on.",
        ),
        ("actor", Text, NULL, "Who spoke last about it."),
        ("reason", Text, NULL, "Why, in their words."),
        (
            "confirmed_loss_minor",
            Int,
            NULL,
            "Loss as a review put it, in minor units of `currency`.",
        ),
        ("policy_version", Text, FULL, "Version of the policy."),
        (
            "raised_at",
            Time,
            FULL,
            "Event time of the shard's clock when it was raised.",
        ),
        ("updated_at", Time, FULL, "The same of its latest change."),
        ("expires_at", Time, FULL, "When it runs out if nobody decides."),
    ],
};

pub(crate) fn write(world: &World, fraud: &Fraud, number: u32, rows: &mut Writer) {
    let entry = fraud.alerts.entries.get(number);
    let (id, alert) = (id_of(entry.key), &entry.value);
    if alert.status == Status::None {
        return;
    }
    let about = &alert.about;
    let text = crate::fraud::given;
    rows.upserts
        .text(id.as_str())
        .text(alert.definition().pattern.as_str())
        .text(alert.definition().subject.as_str())
        .text(alert.subject.as_str())
        .text(key(&world.customer_keys, about.customer))
        .text(key(&world.return_keys, about.rma))
        .text(key(&world.order_keys, about.order))
        .text(text(&about.claim))
        .text(world.symbols.word(about.courier))
        .text(text(&about.agent))
        .float(alert.score)
        .int(alert.loss_minor)
        .text(world.symbols.text(about.currency))
        .text(alert.evidence.as_str())
        .text(alert.counter.as_str())
        .text(alert.status.as_str())
        .text(alert.action().as_str())
        .text(text(&alert.actor))
        .text(text(&alert.reason))
        .int((alert.confirmed_loss_minor >= 0).then_some(alert.confirmed_loss_minor))
        .text(alert.policy.as_str())
        .time(alert.raised_at)
        .time(alert.updated_at)
        .time(alert.expires_at);
}
