//! `ndr_scores`: the latest score of each stage of an order, a parcel or a return's pickup. Repeats outputs.

use super::{Writer, key};
use crate::ndr::{Ndr, STAGES, Subject};
use crate::rows::Kind::{Float, Int, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "ndr_scores",
    schema_name: "",
    key: 2,
    comment: "The latest score of each stage: risk that a parcel is never delivered, and that the next attempt fails. Repeats the outputs of kind ndr_score.",
    columns: &[
        (
            "subject",
            Text,
            FULL,
            "What was scored: the order before its manifest, then the parcel (awb), or the return (rma_id) whose pickup is due.",
        ),
        (
            "stage",
            Text,
            FULL,
            "placed, manifested, out_for_delivery, attempt_failed, reverse_pickup.",
        ),
        ("order_id", Text, NULL, "Order."),
        ("awb", Text, NULL, "Parcel; null before manifest and for pickups."),
        ("rma_id", Text, NULL, "Return whose pickup was scored."),
        (
            "sequence",
            Int,
            FULL,
            "Log position of the event that brought the score.",
        ),
        (
            "scored_at",
            Time,
            FULL,
            "Event time of the shard's clock when it was scored.",
        ),
        (
            "probability",
            Float,
            FULL,
            "Probability, 0 to 1, that the parcel is never delivered (RTO, lost or damaged); at reverse_pickup, that the pickup is never made.",
        ),
        (
            "attempt_probability",
            Float,
            FULL,
            "Probability, 0 to 1, that the next attempt fails.",
        ),
        (
            "threshold",
            Float,
            FULL,
            "Probability above which the policy in force acts.",
        ),
        ("model_version", Text, FULL, "Version of the model."),
        (
            "contributions",
            Text,
            FULL,
            "JSON array of reasons, in log-odds of `probability`; they add up to its log-odds. Each has topic, contribution, words, and feature and value where one speaks.",
        ),
    ],
};

/// The ids of a subject: subject, parcel, return.
type Ids<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

pub(crate) fn ids(world: &World, subject: Subject) -> Ids<'_> {
    match subject {
        Subject::Order(number) => (world.order_keys.get(number), None, None),
        Subject::Parcel(number) => {
            let awb = world.shipment_keys.get(number);
            (awb, Some(awb), None)
        }
        Subject::Pickup(number) => {
            let rma = world.return_keys.get(number);
            (rma, None, Some(rma))
        }
    }
}

/// All stages, as bits.
pub(crate) const EVERY: u8 = u8::MAX;

/// Writes the rows of a subject of these stages.
pub(crate) fn write(world: &World, ndr: &Ndr, (subject, stages): (Subject, u8), rows: &mut Writer) {
    let (subject_id, awb, rma) = ids(world, subject);
    let shown = ndr.case(subject).shown.iter();
    for shown in shown.filter(|shown| stages & (1 << shown.stage) != 0) {
        rows.upserts
            .text(subject_id)
            .text(STAGES[usize::from(shown.stage)])
            .text(key(&world.order_keys, shown.order))
            .text(awb)
            .text(rma)
            .int(i64::try_from(shown.sequence).unwrap_or(i64::MAX))
            .time(shown.scored_at)
            .float(shown.probability)
            .float(shown.attempt_probability)
            .float(shown.threshold)
            .text(world.symbols.text(shown.model))
            .text(shown.contributions.as_str());
    }
}

/// Everything that may have been scored.
pub(crate) fn subjects(world: &World) -> impl Iterator<Item = Subject> + use<> {
    let (orders, parcels, pickups) = (
        world.order_keys.len(),
        world.shipment_keys.len(),
        world.return_keys.len(),
    );
    (0..orders)
        .map(Subject::Order)
        .chain((0..parcels).map(Subject::Parcel))
        .chain((0..pickups).map(Subject::Pickup))
}
