//! `dispositions`: what was advised for each inspected line, and what was done. Repeats outputs.

use eddy_events::returns::Disposition;

use super::{Writer, count, key};
use crate::operations::Operations;
use crate::returns::Status;
use crate::rows::Kind::{Int, Small, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "dispositions",
    schema_name: "",
    key: 2,
    comment: "Latest advice on what becomes of an inspected line, with its alternatives, and what was done. Repeats the outputs of kind disposition.",
    columns: &[
        ("rma_id", Text, FULL, "Return."),
        ("line_id", Text, FULL, "Line of the order."),
        ("order_id", Text, NULL, "Order, as known then."),
        ("sku", Text, NULL, "Stock keeping unit."),
        ("category", Text, NULL, "Category."),
        ("facility", Text, NULL, "Where it was inspected."),
        ("qty", Small, FULL, "Pieces."),
        ("grade", Text, FULL, "Condition by that inspection."),
        (
            "recommended",
            Text,
            FULL,
            "Route that brings most by expectation: restock, refurbish, liquidate, scrap, vendor.",
        ),
        (
            "expected_recovery_minor",
            Int,
            FULL,
            "What it brings by expectation, its cost taken off, in minor units of `currency`.",
        ),
        ("currency", Text, NULL, "ISO 4217 code."),
        (
            "value_minor",
            Int,
            FULL,
            "What the buyer paid for the pieces, else the catalogue's price.",
        ),
        (
            "alternatives",
            Text,
            FULL,
            "JSON: value_minor, age_days, kept (share of the value left at that age), and of each route base_minor, share, learned_from, \
             cost_minor, expected_minor and, if it is not open to the line, excluded.",
        ),
        ("policy_version", Text, NULL, "Version of the policy."),
        (
            "recommended_at",
            Time,
            FULL,
            "The shard's clock when it was told.",
        ),
        ("decided", Text, NULL, "What was decided in the end."),
        ("decided_at", Time, NULL, "When."),
        (
            "done",
            Text,
            NULL,
            "How it ended: restocked, refurbished, liquidated, scrapped.",
        ),
        ("done_at", Time, NULL, "When."),
        (
            "recovered_minor",
            Int,
            NULL,
            "What it brought, in minor units of `currency`; null when nobody told.",
        ),
    ],
};

pub(crate) fn write(world: &World, operations: &Operations, number: u32, rows: &mut Writer) {
    let entry = operations.advice.entries.get(number);
    let (of, advice) = (entry.key, &entry.value);
    let done = &advice.done;
    let word = |symbol: u32| world.symbols.word(symbol);
    rows.upserts
        .text(world.return_keys.get(of.rma))
        .text(world.symbols.text(of.line))
        .text(key(&world.order_keys, advice.order))
        .text(key(&world.sku_keys, advice.sku))
        .text(word(advice.category))
        .text(key(&world.facility_keys, advice.facility))
        .small(count(advice.qty))
        .text(advice.grade_word())
        .text(advice.route_word())
        .int(advice.expected_minor)
        .text(word(advice.currency))
        .int(advice.value_minor)
        .text(advice.alternatives.as_str())
        .text(word(advice.policy))
        .time(advice.recommended_at)
        .text(
            usize::from(done.decided)
                .checked_sub(1)
                .map(|at| Disposition::ALL[at].as_str()),
        )
        .time(done.decided_at)
        .text(done.end.map(|end| Status::Step(end).word()))
        .time(done.ended_at)
        .int(done.recovered_minor);
}
