//! The tables of exchanges, points and claims against suppliers.

use std::collections::BTreeSet;

use eddy_events::Body;

use super::facts::Facts;
use super::{row, text, time};
use crate::support::Tables;

pub fn settlements(facts: &Facts<'_>, tables: &mut Tables) {
    exchanges(facts, tables);
    loyalty(facts, tables);
    supplier_claims(facts, tables);
}

fn exchanges(facts: &Facts<'_>, tables: &mut Tables) {
    let all = facts.select(|body| match body {
        Body::ExchangeCreated(exchange) => Some(exchange),
        _ => None,
    });
    for (_, _, last) in &all {
        let mine = || all.iter().filter(|(_, _, e)| e.exchange_id == last.exchange_id);
        let (_, _, standing) = mine().next_back().unwrap();
        let cells = row([
            ("rma_id", text(&standing.rma_id)),
            ("line_id", text(&standing.line_id)),
            ("new_order_id", text(&standing.new_order_id)),
            ("price_difference_minor", time(standing.price_difference_minor)),
            ("created_at", time(mine().next().map(|(at, ..)| *at))),
        ]);
        let key = vec![text(&last.exchange_id)];
        tables.entry("exchanges".into()).or_default().insert(key, cells);
    }
}

fn loyalty(facts: &Facts<'_>, tables: &mut Tables) {
    let all = facts.select(|body| match body {
        Body::LoyaltyAdjusted(adjusted) => Some(adjusted),
        _ => None,
    });
    let key = |of: &eddy_events::money::LoyaltyAdjusted| {
        let or_none = |id: &Option<eddy_events::SmolStr>| id.as_ref().map(text).unwrap_or_default();
        vec![text(&of.customer_id), or_none(&of.order_id), or_none(&of.rma_id)]
    };
    for (_, _, of) in &all {
        let mine: Vec<_> = all.iter().filter(|(_, _, other)| key(other) == key(of)).collect();
        let points = |sign: i64| {
            let sum = mine.iter().map(|(_, _, of)| (of.points * sign).max(0));
            text(sum.sum::<i64>())
        };
        let cells = row([
            ("adjustments", text(mine.len())),
            ("points_given", points(1)),
            ("points_taken", points(-1)),
            ("first_at", time(mine.first().map(|(at, ..)| *at))),
            ("last_at", time(mine.last().map(|(at, ..)| *at))),
        ]);
        tables
            .entry("loyalty_adjustments".into())
            .or_default()
            .insert(key(of), cells);
    }
}

fn supplier_claims(facts: &Facts<'_>, tables: &mut Tables) {
    let all = facts.select(|body| match body {
        Body::SupplierClaimFiled(claim) => Some(("filed", claim)),
        Body::SupplierClaimRejected(claim) => Some(("rejected", claim)),
        Body::SupplierClaimSettled(claim) => Some(("settled", claim)),
        _ => None,
    });
    let ids: BTreeSet<String> = all.iter().map(|(_, _, (_, c))| text(&c.claim_id)).collect();
    for id in ids {
        let mine: Vec<_> = all
            .iter()
            .filter(|(_, _, (_, c))| c.claim_id == id.as_str())
            .collect();
        let last = |kind: &str| mine.iter().rfind(|(_, _, (of, _))| *of == kind);
        let first = |kind: &str| {
            let found = mine.iter().find(|(_, _, (of, _))| *of == kind);
            time(found.map(|(at, ..)| *at))
        };
        let amount = |kind: &str| time(last(kind).map(|(_, _, (_, c))| c.amount_minor));
        let (_, _, (status, standing)) = last("settled").or(mine.last()).unwrap();
        let due = mine.iter().rev().find_map(|(_, _, (_, c))| c.due_at);
        let cells = row([
            ("supplier_id", text(&standing.supplier_id)),
            ("rma_id", standing.rma_id.as_ref().map(text).unwrap_or_default()),
            ("sku", text(&standing.sku)),
            ("status", text(status)),
            ("claimed_minor", amount("filed")),
            ("settled_minor", amount("settled")),
            ("filed_at", first("filed")),
            ("settled_at", first("settled")),
            ("rejected_at", first("rejected")),
            ("due_at", time(due.map(|due| due.micros))),
        ]);
        tables
            .entry("supplier_claims".into())
            .or_default()
            .insert(vec![id], cells);
    }
}
