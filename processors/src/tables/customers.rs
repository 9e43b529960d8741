//! `customers`: one row a customer.

use super::{Writer, key};
use crate::customers::Sums;
use crate::rows::Kind::{Int, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "customers",
    schema_name: "",
    key: 1,
    comment: "One row a customer, with sums over orders and returns.",
    columns: &[
        ("customer_id", Text, FULL, "Customer, an opaque key."),
        ("orders", Int, FULL, "Orders placed."),
        (
            "order_value_minor",
            Int,
            FULL,
            "Value of those orders in `currency`.",
        ),
        (
            "returned_lines",
            Int,
            FULL,
            "Lines asked back in requests that stand, or that came back.",
        ),
        ("returned_units", Int, FULL, "Pieces of those lines."),
        (
            "return_value_minor",
            Int,
            FULL,
            "What those pieces cost, in minor units of `currency`; lines without a known order add nothing.",
        ),
        (
            "currency",
            Text,
            FULL,
            "ISO 4217 code of the two values: the tenant's if the customer ever used it, else the first by alphabet. Values in other \
             currencies are not in the row.",
        ),
        (
            "first_seen_at",
            Time,
            NULL,
            "Earliest time at which any order or return named the customer, also one voided later.",
        ),
        (
            "cluster_id",
            Text,
            NULL,
            "Cluster of identities linked by phone or payment instrument, known by its first customer; null when nobody is linked. Follows the order of the log.",
        ),
    ],
};

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let customer = world.customers.get(number);
    let customer_id = world.customer_keys.get(number);
    let by_name = |(currency, _): &&(u32, Sums)| (*currency != world.currency, world.symbols.text(*currency));
    let Some((currency, value)) = customer.sums.iter().min_by_key(by_name) else {
        rows.deletes.text(customer_id);
        return;
    };
    let mut counts = Sums::default();
    for (_, sums) in &customer.sums {
        counts.add(sums, 1);
    }
    rows.upserts
        .text(customer_id)
        .int(counts.orders)
        .int(value.order_value_minor)
        .int(counts.returned_lines)
        .int(counts.returned_units)
        .int(value.return_value_minor)
        .text(world.symbols.text(*currency))
        .time(customer.first_seen_at)
        .text(key(&world.customer_keys, customer.cluster));
}
