//! `loyalty_adjustments`: one row a buyer, order and return that points were adjusted for.

use super::{Writer, key};
use crate::rows::Kind::{Int, Small, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "loyalty_adjustments",
    schema_name: "",
    key: 3,
    comment: "Points given and taken, one row a buyer, order and return. What should have been taken back is in the view loyalty_checks.",
    columns: &[
        ("customer_id", Text, FULL, "Buyer."),
        (
            "order_id",
            Text,
            FULL,
            "Order behind it; empty when none was named.",
        ),
        (
            "rma_id",
            Text,
            FULL,
            "Return behind it; empty when none was named.",
        ),
        ("adjustments", Small, FULL, "How many adjustments."),
        ("points_given", Int, FULL, "Points given."),
        ("points_taken", Int, FULL, "Points taken, as a positive count."),
        ("first_at", Time, NULL, "The first adjustment."),
        ("last_at", Time, NULL, "The latest adjustment."),
    ],
};

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let entry = world.loyalty.entries.get(number);
    let of = entry.key;
    let ids = [
        world.customer_keys.get(of.customer),
        key(&world.order_keys, of.order).unwrap_or_default(),
        key(&world.return_keys, of.rma).unwrap_or_default(),
    ];
    let Some(sums) = entry.value.sums() else {
        rows.deletes.text(ids[0]).text(ids[1]).text(ids[2]);
        return;
    };
    rows.upserts
        .text(ids[0])
        .text(ids[1])
        .text(ids[2])
        .small(super::count(sums.adjustments))
        .int(sums.given)
        .int(sums.taken)
        .time(sums.first_at)
        .time(sums.last_at);
}
