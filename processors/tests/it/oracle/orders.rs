//! The tables of orders and what they are made of, of the catalogue and of customers.

use eddy_events::shipment::{self, Leg};
use eddy_events::{Body, order};

use super::facts::Facts;
use super::parcels::Parcel;
use super::returns::Back;
use super::{bump, date, day, row, text, time};
use crate::support::Tables;

pub fn value(line: &order::Line, qty: i64) -> i64 {
    line.unit_price_minor * qty - line.discount_minor.unwrap_or(0) * qty / i64::from(line.qty)
}

pub fn matching(placed: &order::Placed, back: &Back) -> Option<usize> {
    match &back.line {
        Some(id) => placed.lines.iter().position(|line| line.line_id == id.as_str()),
        None => placed
            .lines
            .iter()
            .position(|line| Some(line.sku.as_str()) == back.sku.as_deref()),
    }
}

pub fn orders(facts: &Facts<'_>, parcels: &[Parcel], tables: &mut Tables) {
    for id in facts.ids(|body| {
        body.type_name()
            .starts_with("eddy.order.")
            .then(|| body.subject().map(|s| s.as_str()))?
    }) {
        let mine: Vec<&Parcel> = parcels
            .iter()
            .filter(|p| {
                p.manifest
                    .as_ref()
                    .is_some_and(|(_, m)| m.order_id == id && m.leg == Leg::Forward)
            })
            .collect();
        let any_cancel = facts
            .told
            .iter()
            .any(|t| matches!(t.body, Body::OrderCancelled(c) if c.order_id == id));
        let Some((at, placed)) = facts.order(&id) else {
            let status = if any_cancel { "cancelled" } else { "" };
            tables.entry("orders".into()).or_default().insert(
                vec![id],
                row([("status", status.into()), ("placed_at", String::new())]),
            );
            continue;
        };
        let (mut wanted, mut whole, mut some) = (0, 0, false);
        for line in &placed.lines {
            let mut deliveries: Vec<(i64, &str, &str, i64, &shipment::Manifested)> = Vec::new();
            for parcel in &mine {
                let (Some(when), Some((_, manifest))) = (parcel.delivered, &parcel.manifest) else {
                    continue;
                };
                let qty = match (&manifest.lines, &manifest.line_ids) {
                    (Some(pieces), _) => pieces
                        .iter()
                        .filter(|p| p.line_id == line.line_id)
                        .map(|p| i64::from(p.qty))
                        .sum(),
                    (None, Some(ids)) => {
                        if ids.contains(&line.line_id) {
                            i64::from(line.qty)
                        } else {
                            0
                        }
                    }
                    (None, None) => i64::from(line.qty),
                };
                if qty > 0 {
                    deliveries.push((when, &parcel.courier, &parcel.awb, qty, manifest));
                }
            }
            deliveries.sort_by_key(|(when, courier, awb, ..)| (*when, *courier, *awb));
            let first = deliveries.first();
            let qty = i64::from(line.qty);
            let delivered = deliveries
                .iter()
                .map(|(_, _, _, qty, _)| qty)
                .sum::<i64>()
                .min(qty);
            let (mut asked, mut got) = (0, 0);
            let mut asks: Vec<(i64, String)> = Vec::new();
            let mut came: Option<i64> = None;
            for rma in facts.rmas() {
                if facts
                    .request(&rma)
                    .is_none_or(|(_, r)| r.order_id.as_deref() != Some(&id))
                {
                    continue;
                }
                for back in facts.backs(&rma) {
                    if matching(placed, &back).is_some_and(|at| placed.lines[at].line_id == line.line_id) {
                        asked += if facts.stands(&rma) {
                            back.asked.max(back.got)
                        } else {
                            back.got
                        };
                        got += back.got;
                        let said = facts
                            .request(&rma)
                            .filter(|_| facts.stands(&rma) && back.asked > 0)
                            .map(|(at, _)| at);
                        if said.is_some() || back.got > 0 {
                            let at = said.into_iter().chain(back.received).min().unwrap();
                            asks.push((at, back.group.clone()));
                            came = came.into_iter().chain(back.received).min();
                        }
                    }
                }
            }
            asks.sort();
            let cancelled = facts.cancelled(&id, &line.line_id);
            if !cancelled || delivered > 0 {
                wanted += 1;
                whole += i64::from(delivered == qty);
                some |= delivered > 0;
            }
            let category = facts.category(line);
            let cells = row([
                ("sku", text(&line.sku)),
                ("qty", text(line.qty)),
                ("category", category.clone()),
                ("delivered_at", time(deliveries.first().map(|(at, ..)| *at))),
                ("delivered_qty", text(delivered)),
                ("requested_qty", text(asked)),
                ("returned_qty", text(got)),
                (
                    "courier",
                    first.map(|(_, courier, ..)| text(courier)).unwrap_or_default(),
                ),
                ("cancelled", text(cancelled)),
                ("seller_id", line.seller_id.as_ref().map(text).unwrap_or_default()),
                ("batch", line.batch.as_ref().map(text).unwrap_or_default()),
                ("channel", text(placed.channel)),
                ("payment_mode", facts.payment(&id).map(text).unwrap_or_default()),
                ("destination_state", facts.state(placed)),
                ("destination_tier", facts.tier(placed)),
                ("destination_zone", placed.destination_pincode[..1].to_owned()),
                (
                    "facility",
                    first
                        .and_then(|(.., manifest)| manifest.facility.as_ref())
                        .map(text)
                        .unwrap_or_default(),
                ),
                (
                    "packer",
                    first
                        .and_then(|(.., manifest)| manifest.packer.as_ref())
                        .map(text)
                        .unwrap_or_default(),
                ),
                ("ordered_on", date(day(at))),
                (
                    "delivered_on",
                    first.map(|(when, ..)| date(day(*when))).unwrap_or_default(),
                ),
                ("requested_at", time(asks.first().map(|(at, _)| *at))),
                (
                    "reason_group",
                    asks.first().map(|(_, group)| group.clone()).unwrap_or_default(),
                ),
                ("received_at", time(came)),
            ]);
            tables
                .entry("order_lines".into())
                .or_default()
                .insert(vec![id.clone(), text(&line.line_id)], cells);
            if delivered > 0 {
                bump(tables, "skus", &[&line.sku], &[("delivered", delivered)]);
            }
        }
        let live = mine.iter().filter(|p| p.status != "cancelled").count();
        let back = mine.iter().filter(|p| p.status.starts_with("rto_")).count();
        let lost = mine
            .iter()
            .filter(|p| ["lost", "damaged"].contains(&p.status))
            .count();
        let status = if wanted == 0 {
            "cancelled"
        } else if whole == wanted {
            "delivered"
        } else if some {
            "partly_delivered"
        } else if live > 0 && back == live {
            "rto"
        } else if live > 0 && lost == live {
            "lost"
        } else if mine
            .iter()
            .any(|p| !["manifested", "cancelled", ""].contains(&p.status))
        {
            "shipped"
        } else {
            "placed"
        };
        let worth = placed
            .lines
            .iter()
            .map(|line| value(line, i64::from(line.qty)))
            .sum::<i64>();
        let cells = row([
            ("status", status.into()),
            ("customer_id", text(&placed.customer_id)),
            ("value_minor", text(worth)),
            ("payment_mode", facts.payment(&id).map(text).unwrap_or_default()),
            ("destination_state", facts.state(placed)),
            ("placed_at", text(at)),
        ]);
        tables.entry("orders".into()).or_default().insert(vec![id], cells);
        bump(
            tables,
            "customers",
            &[&placed.customer_id],
            &[("orders", 1), ("returned_lines", 0), ("returned_units", 0)],
        );
    }
}

pub fn catalogue(facts: &Facts<'_>, tables: &mut Tables) {
    let items = facts.select(|body| match body {
        Body::ContextCatalogueItemUpdated(item) => Some(item),
        _ => None,
    });
    for (_, _, item) in items {
        let row = tables
            .entry("skus".into())
            .or_default()
            .entry(vec![text(&item.sku)])
            .or_default();
        row.insert("category".into(), text(&item.category));
        row.insert("price_minor".into(), text(item.price_minor));
        row.insert("cost_minor".into(), item.cost_minor.map(text).unwrap_or_default());
        row.insert("serialised".into(), item.serialised.map(text).unwrap_or_default());
    }
    for t in &facts.told {
        if let Body::ContextFacilityUpdated(facility) = t.body {
            bump(
                tables,
                "facilities",
                &[&facility.facility],
                &[("to_inspect", 0), ("to_restock", 0)],
            );
        }
    }
}

pub fn customers(facts: &Facts<'_>, tables: &mut Tables) {
    for (key, row) in tables.entry("customers".into()).or_default() {
        // What was voided still was seen.
        let named = facts.all.iter().filter(|t| match t.body {
            Body::OrderPlaced(placed) => placed.customer_id == key[0].as_str(),
            Body::ReturnRequested(request) => request.customer_id.as_deref() == Some(&key[0]),
            _ => false,
        });
        row.insert("first_seen_at".into(), time(named.map(|t| t.at).min()));
    }
}
