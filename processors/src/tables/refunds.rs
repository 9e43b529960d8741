//! `refunds`: one row a refund.

use eddy_events::money::Tender;

use super::{Writer, key};
use crate::refunds::Kind;
use crate::rows::Kind::{Int, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "refunds",
    schema_name: "",
    key: 1,
    comment: "One row a refund.",
    columns: &[
        ("refund_id", Text, FULL, "Refund."),
        ("rma_id", Text, NULL, "Return it answers."),
        ("order_id", Text, NULL, "Order it answers, as stated."),
        ("line_id", Text, NULL, "Line it answers."),
        ("amount_minor", Int, FULL, "Amount in minor units of `currency`."),
        ("currency", Text, NULL, "ISO 4217 code."),
        (
            "tender",
            Text,
            NULL,
            "How it goes back: original, wallet, bank, store_credit, cash.",
        ),
        (
            "status",
            Text,
            FULL,
            "initiated, issued or failed; once issued it stays so.",
        ),
        ("initiated_at", Time, NULL, "When it was first initiated."),
        ("issued_at", Time, NULL, "When it was first issued."),
        ("failed_at", Time, NULL, "When it first failed."),
        ("due_at", Time, NULL, "Due by."),
    ],
};

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let refund = world.refunds.get(number);
    let refund_id = world.refund_keys.get(number);
    let Some(said) = refund.standing() else {
        if !refund.said.is_empty() {
            rows.deletes.text(refund_id);
        }
        return;
    };

    rows.upserts
        .text(refund_id)
        .text(key(&world.return_keys, refund.rma))
        .text(key(&world.order_keys, said.order))
        .text(world.symbols.word(said.line))
        .int(said.amount_minor)
        .text(world.symbols.word(said.currency))
        .text(
            Tender::ALL
                .get(usize::from(said.tender))
                .map(|tender| tender.as_str()),
        )
        .text(said.kind.word())
        .time(refund.first(Kind::Initiated))
        .time(refund.first(Kind::Issued))
        .time(refund.first(Kind::Failed))
        .time(refund.due_at());
}
