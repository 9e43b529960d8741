//! `skus`: one row a SKU that the catalogue or a delivery or return named.

use super::Writer;
use crate::rows::Kind::{Flag, Int, Text};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "skus",
    schema_name: "",
    key: 1,
    comment: "One row a SKU that is in the catalogue, was delivered, or came back.",
    columns: &[
        ("sku", Text, FULL, "Stock keeping unit."),
        ("style", Text, NULL, "Style, by the catalogue."),
        ("category", Text, NULL, "Category, by the catalogue."),
        ("size", Text, NULL, "Size, by the catalogue."),
        (
            "price_minor",
            Int,
            NULL,
            "Price by the catalogue, in minor units of `currency`.",
        ),
        (
            "currency",
            Text,
            FULL,
            "ISO 4217 code of the tenant, in which the catalogue is kept.",
        ),
        ("supplier_id", Text, NULL, "Supplier, by the catalogue."),
        ("delivered", Int, FULL, "Pieces delivered to buyers."),
        (
            "requested",
            Int,
            FULL,
            "Pieces asked back in requests that stand, or that came back, with or without a known order.",
        ),
        (
            "returned",
            Int,
            FULL,
            "Pieces that came back, with or without a known order. For rates see `return_rates`.",
        ),
        (
            "restocked",
            Int,
            FULL,
            "Pieces of returns that went back on the shelf.",
        ),
        (
            "cost_minor",
            Int,
            NULL,
            "What a piece cost by the catalogue, in `currency`.",
        ),
        (
            "serialised",
            Flag,
            NULL,
            "Whether pieces carry serial numbers, by the catalogue.",
        ),
    ],
};

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let sku = world.skus.get(number);
    let id = world.sku_keys.get(number);
    if !sku.exists() {
        rows.deletes.text(id);
        return;
    }
    let entry = sku.entry();
    let word = |symbol: Option<u32>| symbol.and_then(|symbol| world.symbols.word(symbol));
    rows.upserts
        .text(id)
        .text(word(entry.map(|entry| entry.style)))
        .text(word(entry.map(|entry| entry.category)))
        .text(word(entry.map(|entry| entry.size)))
        .int(entry.map(|entry| entry.price_minor))
        .text(world.symbols.text(world.currency))
        .text(word(entry.map(|entry| entry.supplier)))
        .int(sku.sums.delivered)
        .int(sku.sums.requested)
        .int(sku.sums.received)
        .int(sku.sums.restocked)
        .int(entry.map(|entry| entry.cost_minor).filter(|cost| *cost >= 0))
        .flag(entry.and_then(|entry| entry.serialised));
}
