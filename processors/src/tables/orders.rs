//! `orders`: one row an order.

use eddy_events::order::Channel;

use super::{Writer, key};
use crate::facts::NO_TIME;
use crate::fold::payment_word;
use crate::outcome::Outcome;
use crate::rows::Kind::{Flag, Int, Small, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "orders",
    schema_name: "",
    key: 1,
    comment: "One row an order. Fields of the placing are null while only other events of the order are known.",
    columns: &[
        ("order_id", Text, FULL, "Order."),
        ("customer_id", Text, NULL, "Buyer, an opaque key."),
        (
            "channel",
            Text,
            NULL,
            "Where it was placed: web, app, store, marketplace, phone.",
        ),
        (
            "payment_mode",
            Text,
            NULL,
            "How it is paid: cod or prepaid; the latest conversion counts.",
        ),
        ("destination_pincode", Text, NULL, "Postal code of delivery."),
        (
            "destination_state",
            Text,
            NULL,
            "State of delivery: as stated, else by the pincode directory.",
        ),
        (
            "status",
            Text,
            NULL,
            "placed, shipped (a forward parcel moved), partly_delivered, delivered (every line that was not cancelled), rto (all live \
             forward parcels go or went back), lost (all lost or damaged), cancelled.",
        ),
        (
            "value_minor",
            Int,
            NULL,
            "Value of all lines after discounts, in minor units of `currency`; without shipping fee.",
        ),
        ("currency", Text, NULL, "ISO 4217 code."),
        ("placed_at", Time, NULL, "When it was placed."),
        ("lines", Small, NULL, "Lines."),
        ("units", Int, NULL, "Pieces."),
        (
            "shipping_fee_minor",
            Int,
            NULL,
            "Shipping fee in minor units of `currency`.",
        ),
        ("promised_at", Time, NULL, "Delivery promised by this time."),
        (
            "delivered_at",
            Time,
            NULL,
            "When its last line was delivered; null until all are.",
        ),
        ("cancelled_at", Time, NULL, "When the last cancellation was told."),
        (
            "cod_confirmed",
            Flag,
            NULL,
            "The buyer's last word on whether the cash order stands.",
        ),
        (
            "updated_at",
            Time,
            NULL,
            "Time of the latest event of the order itself, not of its parcels.",
        ),
    ],
};

pub(crate) fn write(world: &World, number: u32, outcome: &Outcome, rows: &mut Writer) {
    let order = world.orders.get(number);
    let order_id = world.order_keys.get(number);
    if !order.exists() {
        if !order.placed.is_empty() || !order.changes.is_empty() {
            rows.deletes.text(order_id);
        }
        return;
    }
    let placed = order.standing();
    let rows = &mut rows.upserts;
    rows.text(order_id)
        .text(placed.map(|placed| world.customer_keys.get(placed.customer)))
        .text(
            placed
                .and_then(|placed| Channel::ALL.get(usize::from(placed.channel)))
                .map(|channel| channel.as_str()),
        )
        .text(order.payment().and_then(payment_word))
        .text(placed.and_then(|placed| key(&world.pincode_keys, placed.pincode)))
        .text(placed.and_then(|placed| world.symbols.word(world.state_of(placed))))
        .text(outcome.status)
        .int(placed.map(|placed| {
            placed
                .lines
                .iter()
                .map(|line| line.value_of(line.qty))
                .sum::<i64>()
        }))
        .text(placed.and_then(|placed| world.symbols.word(placed.currency)))
        .time(placed.map_or(NO_TIME, |placed| placed.stamp.at))
        .small(placed.map(|placed| placed.lines.len() as i32))
        .int(placed.map(|placed| placed.lines.iter().map(|line| i64::from(line.qty)).sum::<i64>()))
        .int(placed.map(|placed| placed.shipping_fee_minor))
        .time(placed.map_or(NO_TIME, |placed| placed.promised_at))
        .time(outcome.delivered_at)
        .time(order.cancelled_at().unwrap_or(NO_TIME))
        .flag(order.cod_confirmed())
        .time(order.updated_at().unwrap_or(NO_TIME));
}
