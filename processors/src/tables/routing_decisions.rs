//! `routing_decisions`: what was recommended or held back, why, and what came of it. Repeats outputs.

use super::{Writer, key, ndr_scores::ids};
use crate::ndr::STAGES;
use crate::routing::decide::ACTIONS;
use crate::routing::{OUTCOMES, Routing};
use crate::rows::Kind::{Flag, Float, Int, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "routing_decisions",
    schema_name: "",
    key: 1,
    comment: "Decisions about parcels at risk: recommended, or suppressed with the reason. Repeats the outputs of kind reroute.",
    columns: &[
        (
            "decision_id",
            Text,
            FULL,
            "D, then sequence and index of the event that brought it, and which of its decisions it is.",
        ),
        ("order_id", Text, NULL, "Order."),
        ("awb", Text, NULL, "Parcel; null for the pickup of a return."),
        ("rma_id", Text, NULL, "Return whose pickup it is about."),
        (
            "stage",
            Text,
            FULL,
            "Stage of the parcel: manifested, attempt_failed, reverse_pickup.",
        ),
        (
            "action",
            Text,
            FULL,
            "switch_courier, reattempt, reschedule, fix_address, convert_prepaid, hold, rto, reassign_pickup, divert_hub, none.",
        ),
        (
            "recommended",
            Flag,
            FULL,
            "Recommended; false: suppressed, and action is none.",
        ),
        ("from_courier", Text, NULL, "Courier in place."),
        ("to_courier", Text, NULL, "Courier recommended."),
        ("to_hub", Text, NULL, "Facility that a return is sent to instead."),
        (
            "risk_before",
            Float,
            FULL,
            "Probability of never being delivered as it stands.",
        ),
        ("risk_after", Float, FULL, "The same under the action."),
        (
            "expected_gain_minor",
            Int,
            FULL,
            "Expected cost as it stands less that of the best feasible choice, in minor units of the tariff's currency.",
        ),
        (
            "alternatives",
            Text,
            FULL,
            "JSON array of all candidates: action, courier, hub, risk, price_minor, late_days (behind the promise; of a return, days of work at the hub), expected_cost_minor, failure_cost_minor, feasible, rule that excluded it.",
        ),
        ("reason", Text, FULL, "Why, in words."),
        (
            "propensity",
            Float,
            FULL,
            "Probability with which the policy made this choice; 1 without exploration.",
        ),
        ("policy_version", Text, FULL, "Version of the policy."),
        ("model_version", Text, FULL, "Version of the model."),
        ("valid_until", Time, FULL, "Event time until which it holds."),
        (
            "outcome",
            Text,
            NULL,
            "Latest word: accepted, overridden, executed, failed; in the end delivered or not_delivered.",
        ),
        (
            "decided_at",
            Time,
            FULL,
            "Event time of the shard's clock when it was decided.",
        ),
    ],
};

pub(crate) fn write(world: &World, routing: &Routing, number: u32, rows: &mut Writer) {
    let decision = routing.decisions.get(number);
    let (_, awb, rma) = ids(world, decision.subject());
    let outcome = OUTCOMES[usize::from(decision.outcome)];
    rows.upserts
        .text(decision.id().as_str())
        .text(key(&world.order_keys, decision.order))
        .text(awb)
        .text(rma)
        .text(STAGES[usize::from(decision.stage)])
        .text(ACTIONS[usize::from(decision.action)])
        .flag(decision.recommended)
        .text(world.symbols.word(decision.from))
        .text(world.symbols.word(decision.to))
        .text(key(&world.facility_keys, decision.hub))
        .float(decision.risk_before)
        .float(decision.risk_after)
        .int(decision.gain_minor)
        .text(decision.alternatives.as_str())
        .text(decision.reason.as_str())
        .float(decision.propensity)
        .text(decision.policy.as_str())
        .text(world.symbols.text(decision.model))
        .time(decision.valid_until)
        .text((!outcome.is_empty()).then_some(outcome))
        .time(decision.decided_at);
}
