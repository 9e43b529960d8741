//! `returns`: one row a line of a return.

use eddy_events::order::Channel;
use eddy_events::returns::{Match, Method};
use smol_str::{SmolStr, format_smolstr};

use super::{Writer, count, key};
use crate::fold::payment_word;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::refunds::Kind as RefundKind;
use crate::returns::Kind;
use crate::rows::Kind::{Flag, Int, Small, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "returns",
    schema_name: "",
    key: 2,
    comment: "One row a line of a return.",
    columns: &[
        ("rma_id", Text, FULL, "Return."),
        (
            "line_id",
            Text,
            FULL,
            "Line of the order; `sku:` and the SKU for a line without receipt, until goods with a line id arrive.",
        ),
        ("order_id", Text, NULL, "Order, if the request names one."),
        (
            "sku",
            Text,
            NULL,
            "Stock keeping unit, as asked for, else as received.",
        ),
        (
            "category",
            Text,
            NULL,
            "Category of the order line; null when the line is not known.",
        ),
        (
            "customer_id",
            Text,
            NULL,
            "Buyer: as the request says, else of the order.",
        ),
        ("qty", Small, FULL, "Pieces: as received, else as asked for."),
        ("requested_qty", Small, FULL, "Pieces asked for."),
        ("received_qty", Small, FULL, "Pieces received."),
        ("reason", Text, NULL, "Why, in the shop's own words."),
        (
            "reason_group",
            Text,
            NULL,
            "Group the reason rolls up to, as stated.",
        ),
        ("channel", Text, NULL, "Where it was asked for."),
        (
            "method",
            Text,
            NULL,
            "How it comes back: pickup, drop_off, in_store, keep.",
        ),
        (
            "status",
            Text,
            FULL,
            "requested, authorised, rejected, cancelled, closed, reopened, pickup_scheduled, pickup_failed, picked_up; once goods are \
             there: received, inspected, dispositioned, restocked, refurbished, liquidated, scrapped.",
        ),
        ("requested_at", Time, NULL, "When it was asked for."),
        ("received_at", Time, NULL, "When the line was first received."),
        ("inspected_at", Time, NULL, "When it was first inspected."),
        ("inspections", Small, FULL, "How often it was inspected."),
        (
            "dispositioned_at",
            Time,
            NULL,
            "When it was last decided what becomes of it.",
        ),
        (
            "restocked_at",
            Time,
            NULL,
            "When it was first put back on the shelf.",
        ),
        ("facility", Text, NULL, "Where it was last handled."),
        (
            "grade",
            Text,
            NULL,
            "Condition by the latest inspection: a, b, c, d, reject.",
        ),
        (
            "disposition",
            Text,
            NULL,
            "Latest decision: restock, refurbish, liquidate, scrap, vendor.",
        ),
        (
            "refund_minor",
            Int,
            FULL,
            "Issued refunds of the return that name this line, or name no line when the return has one alone, in `currency`.",
        ),
        (
            "currency",
            Text,
            NULL,
            "ISO 4217 code of the order, else the tenant's.",
        ),
        (
            "value_minor",
            Int,
            NULL,
            "What the buyer paid for `qty` pieces of the line after its discount, in `currency`; null when the line is not known.",
        ),
        (
            "payment_mode",
            Text,
            NULL,
            "How the order is paid: cod or prepaid.",
        ),
        (
            "supplier_id",
            Text,
            NULL,
            "Who supplied it, as the order line says.",
        ),
        ("authorised_at", Time, NULL, "When it was first authorised."),
        (
            "picked_up_at",
            Time,
            NULL,
            "When it was first picked up, as told of the return; the scan of its parcel is in `shipments`.",
        ),
        ("pickup_failures", Small, FULL, "How often a pickup failed."),
        ("closed_at", Time, NULL, "When it was first closed."),
        (
            "first_grade",
            Text,
            NULL,
            "Condition by the first inspection: a, b, c, d, reject.",
        ),
        (
            "match",
            Text,
            NULL,
            "Whether it is what was sold, by the latest inspection that says: match, mismatch_class, mismatch_quantity, mismatch_serial, \
             parts_missing.",
        ),
        (
            "serial_seen",
            Flag,
            FULL,
            "A receipt of the line named a serial number.",
        ),
        (
            "ended_at",
            Time,
            NULL,
            "When it was first restocked, refurbished, liquidated or scrapped.",
        ),
        (
            "recovered_minor",
            Int,
            NULL,
            "What its ends brought back in `currency`, negative when disposal cost; null when none says.",
        ),
    ],
};

/// The line as the table names it.
fn line_id(world: &World, line: u32, sku: u32) -> SmolStr {
    match world.symbols.word(line) {
        Some(line) => SmolStr::new(line),
        None => format_smolstr!("sku:{}", world.sku_keys.get(sku)),
    }
}

/// Issued refunds of a return for one of its lines.
fn refunded(world: &World, first: u32, line: u32, alone: bool, currency: u32) -> i64 {
    let mut sum = 0;
    let mut number = first;
    while number != NO_KEY {
        let refund = world.refunds.get(number);
        if let Some(said) = refund.standing().filter(|said| said.kind == RefundKind::Issued)
            && said.currency == currency
            && ((said.line == NO_SYMBOL && alone) || (said.line != NO_SYMBOL && said.line == line))
        {
            sum += said.amount_minor;
        }
        number = refund.next;
    }
    sum
}

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let returned = world.returns.get(number);
    let rma_id = world.return_keys.get(number);
    let lines = world.return_lines(number);
    let (old_lines, old_skus) = returned.possible_keys();
    for old in old_lines {
        if !lines.iter().any(|line| line.line == old) {
            rows.deletes.text(rma_id).text(world.symbols.text(old));
        }
    }
    for old in old_skus {
        if !lines.iter().any(|line| line.line == NO_SYMBOL && line.sku == old) {
            rows.deletes
                .text(rma_id)
                .text(line_id(world, NO_SYMBOL, old).as_str());
        }
    }
    let request = returned.request();
    let order = (returned.order != NO_KEY).then(|| world.orders.get(returned.order));
    let placed = order.and_then(|order| order.standing());
    let currency = placed.map_or(world.currency, |placed| placed.currency);
    let customer = match request.map_or(NO_KEY, |request| request.customer) {
        NO_KEY => placed.map_or(NO_KEY, |placed| placed.customer),
        customer => customer,
    };
    let [authorised_at, picked_up_at, closed_at] =
        [Kind::Authorised, Kind::PickedUp, Kind::Closed].map(|kind| returned.first(kind));
    let pickup_failures = i32::try_from(returned.pickup_failures()).unwrap_or(i32::MAX);
    for line in &lines {
        let of = order
            .and_then(|order| world.line_of(order, line))
            .and_then(|at| placed.map(|placed| &placed.lines[at]));
        let sku = if line.sku == NO_KEY {
            of.map_or(NO_KEY, |of| of.sku)
        } else {
            line.sku
        };
        rows.upserts
            .text(rma_id)
            .text(line_id(world, line.line, line.sku).as_str())
            .text(key(&world.order_keys, returned.order))
            .text(key(&world.sku_keys, sku))
            .text(of.and_then(|of| world.symbols.word(world.line_words(of).1)))
            .text(key(&world.customer_keys, customer))
            .small(count(line.qty()))
            .small(count(line.requested_qty))
            .small(count(line.received_qty))
            .text(world.symbols.word(line.reason))
            .text(world.symbols.word(line.group))
            .text(
                request
                    .and_then(|request| Channel::ALL.get(usize::from(request.channel)))
                    .map(|word| word.as_str()),
            )
            .text(
                request
                    .and_then(|request| Method::ALL.get(usize::from(request.method)))
                    .map(|word| word.as_str()),
            )
            .text(line.status.word())
            .time(request.map_or(crate::facts::NO_TIME, |request| request.stamp.at))
            .time(line.received_at)
            .time(line.inspected_at)
            .small(count(line.inspections))
            .time(line.dispositioned_at)
            .time(line.restocked_at)
            .text(key(&world.facility_keys, line.facility))
            .text(line.grade.map(|grade| grade.as_str()))
            .text(line.disposition.map(|disposition| disposition.as_str()))
            .int(refunded(
                world,
                returned.first_refund,
                line.line,
                lines.len() == 1,
                currency,
            ))
            .text(world.symbols.word(currency))
            .int(of.map(|of| of.value_of(line.qty())))
            .text(order.and_then(|order| order.payment()).and_then(payment_word))
            .text(of.and_then(|of| world.symbols.word(of.supplier)))
            .time(authorised_at)
            .time(picked_up_at)
            .small(pickup_failures)
            .time(closed_at)
            .text(line.first_grade.map(|grade| grade.as_str()))
            .text(
                usize::from(line.matched)
                    .checked_sub(1)
                    .and_then(|at| Match::ALL.get(at))
                    .map(|matched| matched.as_str()),
            )
            .flag(line.serial_seen)
            .time(line.ended_at)
            .int(line.recovered_minor);
    }
}
