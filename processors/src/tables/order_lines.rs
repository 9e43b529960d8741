//! `order_lines`: one row a line of an order as it was last placed.

use eddy_events::order::Channel;

use super::{Writer, count};
use crate::facts::NO_TIME;
use crate::fold::payment_word;
use crate::outcome::Outcome;
use crate::rates::sold::{PRICE_BANDS, price_band};
use crate::rows::Kind::{Day, Flag, Int, Small, Text, Time};
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
        ("seller_id", Text, NULL, "Who sells it."),
        ("batch", Text, NULL, "Production batch."),
        ("channel", Text, FULL, "web, app, store, marketplace or phone."),
        ("payment_mode", Text, NULL, "cod or prepaid, as in force now."),
        (
            "destination_state",
            Text,
            NULL,
            "State: as stated on the order, else by the directory.",
        ),
        (
            "destination_tier",
            Small,
            NULL,
            "Tier of the destination's city, 1 to 4, by the directory.",
        ),
        (
            "destination_zone",
            Text,
            FULL,
            "First character of the destination's postal code.",
        ),
        (
            "facility",
            Text,
            NULL,
            "Facility from which the first piece left that was delivered.",
        ),
        ("packer", Text, NULL, "Who packed it there."),
        (
            "price_band",
            Text,
            FULL,
            "Price of one piece in major units of `currency`: from the first figure to below the second.",
        ),
        (
            "reason_group",
            Text,
            NULL,
            "Group of the reason given when a piece was first asked back.",
        ),
        (
            "ordered_on",
            Day,
            FULL,
            "Day of the order, in the tenant's time zone.",
        ),
        (
            "delivered_on",
            Day,
            NULL,
            "Day on which the first piece was delivered, in the tenant's time zone.",
        ),
        (
            "requested_at",
            Time,
            NULL,
            "When a piece was first asked back, or came back unasked.",
        ),
        ("received_at", Time, NULL, "When a piece first came back."),
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
    // What the lines of an order share.
    let channel = Channel::ALL
        .get(usize::from(placed.channel))
        .map_or("unknown", |channel| channel.as_str());
    let payment = order.payment().and_then(payment_word);
    let state = world.state_of(placed);
    let tier = world.pincodes.get(placed.pincode).tier();
    let tier = (tier > 0).then_some(i32::from(tier));
    let zone = [world.zone_of(placed)];
    let zone = std::str::from_utf8(&zone).unwrap_or("").trim_matches('\0');
    let ordered_on = world.zone.day(placed.stamp.at);
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
            .flag(done.cancelled)
            .text(world.symbols.word(line.seller))
            .text(world.symbols.word(line.batch))
            .text(channel)
            .text(payment)
            .text(world.symbols.word(state))
            .small(tier)
            .text(zone)
            .text(world.symbols.word(done.facility))
            .text(world.symbols.word(done.packer))
            .text(PRICE_BANDS[usize::from(price_band(line.unit_price_minor))])
            .text(world.symbols.word(done.group))
            .day(ordered_on)
            .day((done.delivered_at != NO_TIME).then(|| world.zone.day(done.delivered_at)))
            .time(done.requested_at)
            .time(done.received_at);
    }
}
