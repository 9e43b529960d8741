//! `sla_breaches`: terms that passed, and when what was awaited came. Repeats outputs.

use super::{Writer, key};
use crate::operations::Operations;
use crate::operations::terms::Subject;
use crate::rows::Kind::{Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "sla_breaches",
    schema_name: "",
    key: 4,
    comment: "Terms that passed, one row a breach; at most one of a subject and a term is open. Repeats the outputs of kind sla.",
    columns: &[
        (
            "subject_kind",
            Text,
            FULL,
            "Of whom something is awaited: shipment, return, refund, supplier_claim.",
        ),
        (
            "subject_id",
            Text,
            FULL,
            "Its id: awb, rma_id, refund_id, claim_id.",
        ),
        (
            "sla",
            Text,
            FULL,
            "What is awaited: pickup_stalled, missing_scan, receipt_missing, inspection_overdue, disposition_overdue, restock_overdue, \
             refund_overdue, claim_overdue.",
        ),
        ("due_at", Time, FULL, "By when it was awaited."),
        (
            "breached_at",
            Time,
            FULL,
            "The shard's clock when the breach was told.",
        ),
        (
            "resolved_at",
            Time,
            NULL,
            "Time of the event that ended it; before due_at when the work was in time and its report late. Null while open.",
        ),
        (
            "order_id",
            Text,
            NULL,
            "Order behind it, as known when it was told.",
        ),
        (
            "rma_id",
            Text,
            NULL,
            "Return behind it, as known when it was told.",
        ),
        (
            "facility",
            Text,
            NULL,
            "Where the goods were last handled, as known when it was told.",
        ),
        (
            "policy_version",
            Text,
            NULL,
            "Version of the policy that set the term.",
        ),
    ],
};

pub(crate) fn write(world: &World, operations: &Operations, number: u32, rows: &mut Writer) {
    let entry = operations.breaches.entries.get(number);
    let subject = Subject::of_key(entry.key.subject);
    for period in &entry.value.periods {
        rows.upserts
            .text(subject.kind())
            .text(subject.id(world))
            .text(entry.key.sla.word())
            .time(period.due_at)
            .time(period.breached_at)
            .time(period.resolved_at)
            .text(key(&world.order_keys, period.order))
            .text(key(&world.return_keys, period.rma))
            .text(key(&world.facility_keys, period.facility))
            .text(world.symbols.word(period.policy));
    }
}
