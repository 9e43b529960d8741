//! `exchanges`: one row an exchange.

use super::{Writer, key};
use crate::rows::Kind::{Int, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "exchanges",
    schema_name: "",
    key: 1,
    comment: "One row an exchange. What the difference should be is in the view exchange_checks.",
    columns: &[
        ("exchange_id", Text, FULL, "Exchange."),
        ("rma_id", Text, NULL, "Return it answers."),
        ("line_id", Text, NULL, "Line of the order that comes back."),
        ("new_order_id", Text, NULL, "Order of the replacement."),
        (
            "price_difference_minor",
            Int,
            NULL,
            "What the buyer pays more (positive) or less, in minor units of `currency`, as stated.",
        ),
        ("currency", Text, NULL, "ISO 4217 code of the tenant."),
        ("created_at", Time, NULL, "When it was first told."),
    ],
};

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let exchange = &world.exchanges.entries.get(number).value;
    let Some(said) = exchange.standing() else {
        rows.deletes.text(exchange.id.as_str());
        return;
    };
    rows.upserts
        .text(exchange.id.as_str())
        .text(key(&world.return_keys, said.rma))
        .text(world.symbols.word(said.line))
        .text(key(&world.order_keys, said.new_order))
        .int(said.difference_minor)
        .text(world.symbols.word(world.currency))
        .time(exchange.created_at());
}
