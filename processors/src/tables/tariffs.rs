//! `tariffs`: what couriers charge between zones, as they published it.

use super::Writer;
use crate::rows::Kind::{Int, Small, Text, Time};
use crate::rows::{FULL, Table};
use crate::tariffs::Tariffs;
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "tariffs",
    schema_name: "",
    key: 4,
    comment: "Tariffs of couriers. In force for a parcel: of those with its zones the one that began last before its manifest.",
    columns: &[
        ("courier", Text, FULL, "Courier."),
        (
            "zone_from",
            Text,
            FULL,
            "Zone of pickup: a prefix of its postal codes.",
        ),
        ("zone_to", Text, FULL, "Zone of delivery."),
        ("valid_from", Time, FULL, "From when it holds."),
        (
            "base_minor",
            Int,
            FULL,
            "Price of the first 500 g, in minor units of the tenant's currency.",
        ),
        ("per_500g_minor", Int, FULL, "Price of each further 500 g begun."),
        ("cod_fee_minor", Int, FULL, "Fee for cash on delivery."),
        (
            "rto_fee_minor",
            Int,
            FULL,
            "Fee for the way back of a parcel that was not delivered.",
        ),
        ("transit_days", Small, FULL, "Days on the way."),
    ],
};

pub(crate) fn write(world: &World, tariffs: &Tariffs, rows: &mut Writer) {
    let text = |symbol: u32| world.symbols.text(symbol);
    for old in tariffs.gone() {
        rows.deletes
            .text(text(old.courier))
            .text(text(old.zone_from))
            .text(text(old.zone_to))
            .time(old.valid_from);
    }
    for one in tariffs.rows() {
        rows.upserts
            .text(text(one.courier))
            .text(text(one.zone_from))
            .text(text(one.zone_to))
            .time(one.valid_from)
            .int(one.base_minor)
            .int(one.per_500g_minor)
            .int(one.cod_fee_minor)
            .int(one.rto_fee_minor)
            .small(i32::from(one.transit_days));
    }
}
