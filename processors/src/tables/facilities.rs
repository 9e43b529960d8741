//! `facilities`: one row a place that handles returns.

use eddy_events::returns::FacilityKind;

use super::Writer;
use crate::facts::NO_TIME;
use crate::rows::Kind::{Float, Int, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "facilities",
    schema_name: "",
    key: 1,
    comment: "One row a place that handles returns, with what waits there.",
    columns: &[
        ("facility", Text, FULL, "Facility."),
        (
            "kind",
            Text,
            NULL,
            "warehouse, dark_store or store: as described, else as a receipt said.",
        ),
        ("pincode", Text, NULL, "Postal code."),
        (
            "to_inspect",
            Int,
            FULL,
            "Lines of returns received and neither inspected nor decided.",
        ),
        (
            "to_restock",
            Int,
            FULL,
            "Lines to be restocked that are not on the shelf yet.",
        ),
        (
            "oldest_at",
            Time,
            NULL,
            "Since when the line waits that waits longest.",
        ),
        (
            "inspected_per_day",
            Float,
            NULL,
            "Lines inspected a day, over the seven days that end with the latest inspection.",
        ),
        (
            "inspect_capacity",
            Int,
            NULL,
            "Pieces it can inspect a day, as described.",
        ),
        (
            "restock_capacity",
            Int,
            NULL,
            "Pieces it can restock a day, as described.",
        ),
        (
            "oldest_to_inspect_at",
            Time,
            NULL,
            "Since when the line waits for inspection that waits longest.",
        ),
        (
            "oldest_to_restock_at",
            Time,
            NULL,
            "Since when the line waits for the shelf that waits longest.",
        ),
        (
            "restocked_per_day",
            Float,
            NULL,
            "Lines put on the shelf a day, over the seven days that end with the latest one.",
        ),
    ],
};

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let facility = world.facilities.get(number);
    let id = world.facility_keys.get(number);
    if !facility.exists() {
        rows.deletes.text(id);
        return;
    }
    let entry = facility.entry();
    let kind = entry
        .map(|entry| entry.kind)
        .or(facility.hint.as_ref().map(|hint| hint.kind));
    let capacity = |capacity: Option<u32>| capacity.filter(|capacity| *capacity != u32::MAX).map(i64::from);
    rows.upserts
        .text(id)
        .text(
            kind.and_then(|kind| FacilityKind::ALL.get(usize::from(kind)))
                .map(|kind| kind.as_str()),
        )
        .text(entry.and_then(|entry| world.symbols.word(entry.pincode)))
        .int(facility.to_inspect())
        .int(facility.to_restock())
        .time(facility.oldest_at().unwrap_or(NO_TIME))
        .float(facility.inspected_per_day())
        .int(capacity(entry.map(|entry| entry.inspect_per_day)))
        .int(capacity(entry.map(|entry| entry.restock_per_day)))
        .time(facility.oldest_to_inspect().unwrap_or(NO_TIME))
        .time(facility.oldest_to_restock().unwrap_or(NO_TIME))
        .float(facility.restocked_per_day());
}
