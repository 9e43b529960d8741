//! `supplier_claims`: one row a claim against a supplier.

use super::{Writer, key};
use crate::rows::Kind::{Int, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::supplier_claims::Kind;
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "supplier_claims",
    schema_name: "",
    key: 1,
    comment: "One row a claim against a supplier.",
    columns: &[
        ("claim_id", Text, FULL, "Claim."),
        ("supplier_id", Text, NULL, "Supplier."),
        ("rma_id", Text, NULL, "Return behind it."),
        ("sku", Text, NULL, "Stock keeping unit."),
        (
            "status",
            Text,
            FULL,
            "filed, rejected or settled; once settled it stays so.",
        ),
        (
            "claimed_minor",
            Int,
            NULL,
            "Amount as last filed, in minor units of `currency`; null when the filing is not known.",
        ),
        (
            "settled_minor",
            Int,
            NULL,
            "Amount as last settled, in minor units of `currency`.",
        ),
        ("currency", Text, NULL, "ISO 4217 code of the tenant."),
        ("filed_at", Time, NULL, "When it was first filed."),
        ("settled_at", Time, NULL, "When it was first settled."),
        ("rejected_at", Time, NULL, "When it was first rejected."),
        ("due_at", Time, NULL, "Due by."),
    ],
};

pub(crate) fn write(world: &World, number: u32, rows: &mut Writer) {
    let claim = &world.supplier_claims.entries.get(number).value;
    let Some(said) = claim.standing() else {
        rows.deletes.text(claim.id.as_str());
        return;
    };
    let amount = |kind| claim.last(kind).map(|said| said.amount_minor);
    rows.upserts
        .text(claim.id.as_str())
        .text(world.symbols.word(said.supplier))
        .text(key(&world.return_keys, said.rma))
        .text(key(&world.sku_keys, said.sku))
        .text(said.kind.word())
        .int(amount(Kind::Filed))
        .int(amount(Kind::Settled))
        .text(world.symbols.word(world.currency))
        .time(claim.first(Kind::Filed))
        .time(claim.first(Kind::Settled))
        .time(claim.first(Kind::Rejected))
        .time(claim.due_at());
}
