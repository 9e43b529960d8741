//! `courier_lanes`: one row a courier, origin region, destination region and payment mode.

use super::Writer;
use crate::fold::payment_word;
use crate::rows::Kind::{Float, Int, Text};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "courier_lanes",
    schema_name: "",
    key: 4,
    comment: "One row a lane of a courier, over parcels of the forward leg.",
    columns: &[
        ("courier", Text, FULL, "Courier."),
        (
            "origin",
            Text,
            FULL,
            "Region of origin: the first three characters of its postal code.",
        ),
        (
            "destination",
            Text,
            FULL,
            "Region of destination: the first three characters of its postal code.",
        ),
        (
            "payment_mode",
            Text,
            FULL,
            "cod or prepaid; unknown while the order is not known.",
        ),
        ("shipments", Int, FULL, "Parcels manifested."),
        ("delivered", Int, FULL, "Parcels delivered."),
        ("rto", Int, FULL, "Parcels that go or went back undelivered."),
        ("lost_or_damaged", Int, FULL, "Parcels lost or damaged."),
        ("attempts", Int, FULL, "Attempts over all parcels."),
        ("attempted", Int, FULL, "Parcels with at least one attempt."),
        (
            "first_attempts_delivered",
            Int,
            FULL,
            "Parcels delivered at the first attempt.",
        ),
        (
            "transit_hours_p50",
            Float,
            NULL,
            "Median hours from pickup (else manifest) to delivery, from a histogram: to the hour up to two days, to six hours up to a \
             fortnight, to a day beyond.",
        ),
        (
            "first_attempt_success",
            Float,
            NULL,
            "Share of `attempted` that the first attempt delivered, 0 to 1.",
        ),
    ],
};

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let entry = world.lanes.entries.get(number);
    let (key, lane) = (&entry.key, &entry.value);
    let courier = world.symbols.text(key.courier);
    let origin = world.symbols.text(key.origin);
    let destination = world.symbols.text(key.destination);
    let payment = payment_word(key.payment).unwrap_or("unknown");
    if lane.shipments == 0 {
        rows.deletes
            .text(courier)
            .text(origin)
            .text(destination)
            .text(payment);
        return;
    }
    rows.upserts
        .text(courier)
        .text(origin)
        .text(destination)
        .text(payment)
        .int(lane.shipments)
        .int(lane.delivered)
        .int(lane.rto)
        .int(lane.lost_or_damaged)
        .int(lane.attempts)
        .int(lane.attempted)
        .int(lane.first_attempt_success)
        .float(lane.transit_hours_p50())
        .float(lane.first_attempt_share());
}
