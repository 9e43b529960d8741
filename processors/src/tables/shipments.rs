//! `shipments`: one row a parcel, on whichever leg.

use super::{Writer, key};
use crate::facts::NO_TIME;
use crate::fold::payment_word;
use crate::interner::NO_KEY;
use crate::rows::Kind::{Float, Int, Small, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "shipments",
    schema_name: "",
    key: 1,
    comment: "One row a parcel. Fields of the manifest are null while only scans are known.",
    columns: &[
        ("awb", Text, FULL, "Air waybill number."),
        ("order_id", Text, NULL, "Order it carries."),
        (
            "leg",
            Text,
            NULL,
            "forward (seller to buyer), reverse (buyer to seller), rto (back to the origin, undelivered).",
        ),
        (
            "courier",
            Text,
            NULL,
            "Courier: as manifested, or as assigned later.",
        ),
        ("origin_pincode", Text, NULL, "Postal code of pickup."),
        ("destination_pincode", Text, NULL, "Postal code of delivery."),
        (
            "payment_mode",
            Text,
            NULL,
            "Of the order: cod or prepaid; cod when the order is not known and the manifest collects cash.",
        ),
        (
            "status",
            Text,
            NULL,
            "manifested, picked_up, in_transit, out_for_delivery, delivery_failed, delivered, rto_initiated, rto_delivered, lost, \
             damaged, cancelled. Among terminal ones the latest by event time stands; later scans reopen nothing.",
        ),
        (
            "attempts",
            Small,
            FULL,
            "Attempts: failures and the delivery or departure after them, or the courier's own count if higher.",
        ),
        ("ndr_reason", Text, NULL, "Reason of the latest failed attempt."),
        ("manifested_at", Time, NULL, "When it was manifested."),
        ("promised_at", Time, NULL, "Delivery promised by this time."),
        ("picked_up_at", Time, NULL, "When it was first picked up."),
        (
            "delivered_at",
            Time,
            NULL,
            "When it was first delivered, if that is where it stands.",
        ),
        (
            "rto_at",
            Time,
            NULL,
            "When it came back to the origin, if that is where it stands.",
        ),
        ("rma_id", Text, NULL, "Return it serves, on the reverse leg."),
        ("facility", Text, NULL, "Where it was packed."),
        (
            "declared_value_minor",
            Int,
            NULL,
            "Declared value in minor units of `currency`.",
        ),
        ("weight_g", Int, NULL, "Weight in grams, as manifested."),
        (
            "currency",
            Text,
            NULL,
            "ISO 4217 code of the order, else the tenant's.",
        ),
        (
            "risk",
            Float,
            NULL,
            "Probability, 0 to 1, that the parcel is never delivered (RTO, lost or damaged); null until scored.",
        ),
        (
            "updated_at",
            Time,
            FULL,
            "Time of the latest event of the parcel.",
        ),
    ],
};

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let parcel = world.shipments.get(number);
    let awb = world.shipment_keys.get(number);
    if !parcel.exists() {
        if !parcel.manifests.is_empty() || !parcel.scans.is_empty() {
            rows.deletes.text(awb);
        }
        return;
    }
    let state = &parcel.state;
    let manifest = parcel.manifest();
    let word = |symbol: u32| world.symbols.word(symbol);
    let order = (parcel.order != NO_KEY).then(|| world.orders.get(parcel.order));
    let currency = order
        .and_then(|order| order.standing())
        .map_or(world.currency, |placed| placed.currency);
    rows.upserts
        .text(awb)
        .text(key(&world.order_keys, parcel.order))
        .text(manifest.map(|_| parcel.leg().as_str()))
        .text(word(state.courier))
        .text(manifest.and_then(|manifest| word(manifest.origin)))
        .text(manifest.and_then(|manifest| word(manifest.destination)))
        .text(payment_word(world.payment_of(number)))
        .text(state.status.word())
        .small(i32::from(state.attempts))
        .text(parcel.ndr_reason())
        .time(manifest.map_or(NO_TIME, |manifest| manifest.stamp.at))
        .time(manifest.map_or(NO_TIME, |manifest| manifest.promised_at))
        .time(state.picked_up_at)
        .time(state.delivered_at)
        .time(state.rto_at)
        .text(manifest.and_then(|manifest| key(&world.return_keys, manifest.rma)))
        .text(manifest.and_then(|manifest| word(manifest.facility)))
        .int(manifest.and_then(|manifest| {
            (manifest.declared_value_minor >= 0).then_some(manifest.declared_value_minor)
        }))
        .int(
            manifest
                .and_then(|manifest| (manifest.weight_g != u32::MAX).then_some(i64::from(manifest.weight_g))),
        )
        .text(word(currency))
        .float((!parcel.risk.is_nan()).then_some(parcel.risk))
        .time(state.updated_at);
}
