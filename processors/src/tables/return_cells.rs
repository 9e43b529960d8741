//! `return_cells`: one row a dimension, value, delivery day and currency; the ground of the view `return_rates`.

use eddy_events::order::Channel;

use super::Writer;
use crate::return_cells::{Dimension, Sums};
use crate::rows::Kind::{Day, Int, Text};
use crate::rows::{FULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "return_cells",
    schema_name: "",
    key: 4,
    comment: "Delivered and returned pieces and value by delivery day, for each value of five dimensions: the counts behind `return_rates`. \
              RTO is never in it.",
    columns: &[
        (
            "dimension",
            Text,
            FULL,
            "sku, category, channel, state or courier. Each delivered line is in one cell of each dimension.",
        ),
        (
            "value",
            Text,
            FULL,
            "Value of the dimension; `unknown` when nobody told it.",
        ),
        (
            "day",
            Day,
            FULL,
            "Day of delivery to the buyer, in the tenant's time zone.",
        ),
        ("currency", Text, FULL, "ISO 4217 code of the values."),
        ("delivered_units", Int, FULL, "Pieces delivered."),
        (
            "delivered_value_minor",
            Int,
            FULL,
            "What they cost, in minor units of `currency`.",
        ),
        (
            "requested_units",
            Int,
            FULL,
            "Of those, pieces asked back in requests that stand, or that came back.",
        ),
        ("requested_value_minor", Int, FULL, "What these cost."),
        (
            "received_units",
            Int,
            FULL,
            "Of those delivered, pieces that came back.",
        ),
        ("received_value_minor", Int, FULL, "What these cost."),
        (
            "excess_units",
            Int,
            FULL,
            "Pieces asked back or received beyond what was delivered of their line; in no rate.",
        ),
    ],
};

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let entry = world.cells.entries.get(number);
    let (key, sums) = (&entry.key, &entry.value.sums);
    let value = match key.dimension {
        Dimension::Sku => world.sku_keys.get(key.value),
        Dimension::Channel => Channel::ALL
            .get(key.value as usize)
            .map_or("unknown", |channel| channel.as_str()),
        Dimension::Category | Dimension::State | Dimension::Courier => world.symbols.text(key.value),
    };
    let currency = world.symbols.text(key.currency);
    if *sums == Sums::default() {
        rows.deletes
            .text(key.dimension.word())
            .text(value)
            .day(key.day)
            .text(currency);
        return;
    }
    rows.upserts
        .text(key.dimension.word())
        .text(value)
        .day(key.day)
        .text(currency)
        .int(sums.delivered_units)
        .int(sums.delivered_value_minor)
        .int(sums.requested_units)
        .int(sums.requested_value_minor)
        .int(sums.received_units)
        .int(sums.received_value_minor)
        .int(sums.excess_units);
}
