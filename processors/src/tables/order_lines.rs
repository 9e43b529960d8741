//! `order_lines`: one row a line of an order as it was last placed.

use super::{Writer, count};
use crate::outcome::Outcome;
use crate::rows::Kind::{Flag, Int, Small, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "order_lines",
    schema_name: "",
    key: 2,
    comment: "One row a line of an order.",
    columns: &[
        ("order_id", Text, FULL, "Order."),
        ("line_id", Text, FULL, "Line, unique within the order."),
        ("sku", Text, FULL, "Stock keeping unit."),
        (
            "style",
            Text,
            NULL,
            "Style: as stated on the line, else by the catalogue.",
        ),
        (
            "category",
            Text,
            NULL,
            "Category: as stated on the line, else by the catalogue.",
        ),
        (
            "size",
            Text,
            NULL,
            "Size: as stated on the line, else by the catalogue.",
        ),
        ("qty", Small, FULL, "Pieces ordered."),
        (
            "unit_price_minor",
            Int,
            FULL,
            "Price of one piece in minor units of `currency`.",
        ),
        (
            "discount_minor",
            Int,
            FULL,
            "Discount for the whole line in minor units of `currency`.",
        ),
        ("currency", Text, NULL, "ISO 4217 code."),
        ("supplier_id", Text, NULL, "Who supplied it."),
        (
            "delivered_at",
            Time,
            NULL,
            "When the first piece was delivered to the buyer.",
        ),
        ("delivered_qty", Small, FULL, "Pieces delivered to the buyer."),
        (
            "requested_qty",
            Small,
            FULL,
            "Pieces asked back in requests that stand, or that came back.",
        ),
        (
            "returned_qty",
            Small,
            FULL,
            "Pieces that came back. May exceed `delivered_qty` when more was found than was sold.",
        ),
        ("courier", Text, NULL, "Courier that delivered the first piece."),
        ("cancelled", Flag, FULL, "The line was cancelled."),
    ],
};

pub(crate) fn write(world: &World, number: u32, outcome: &Outcome, rows: &mut Writer) {
    let order = world.orders.get(number);
    let order_id = world.order_keys.get(number);
    let placed = order.standing();
    let lines = placed.map_or(&[][..], |placed| &placed.lines);
    if order.placed.len() > 1 || placed.is_none() {
        // Lines of placings that were overruled or voided go.
        for old in order.placed.iter().flat_map(|placed| &placed.lines) {
            if !lines.iter().any(|line| line.line == old.line) {
                rows.deletes.text(order_id).text(world.symbols.text(old.line));
            }
        }
    }
    let Some(placed) = placed else { return };
    for (line, done) in lines.iter().zip(&outcome.lines) {
        let (style, category, size) = world.line_words(line);
        rows.upserts
            .text(order_id)
            .text(world.symbols.text(line.line))
            .text(world.sku_keys.get(line.sku))
            .text(world.symbols.word(style))
            .text(world.symbols.word(category))
            .text(world.symbols.word(size))
            .small(count(line.qty))
            .int(line.unit_price_minor)
            .int(line.discount_minor)
            .text(world.symbols.word(placed.currency))
            .text(world.symbols.word(line.supplier))
            .time(done.delivered_at)
            .small(count(done.delivered))
            .small(count(done.requested))
            .small(count(done.received))
            .text(world.symbols.word(done.courier))
            .flag(done.cancelled);
    }
}
