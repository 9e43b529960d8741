//! Returns as their facts say, and the tables of returns and refunds.

use std::collections::{BTreeMap, BTreeSet};

use eddy_events::returns::Disposition;
use eddy_events::{Body, returns};

use super::facts::{Facts, Told};
use super::orders::{matching, value};
use super::{bump, row, text, time};
use crate::support::Tables;

/// A line of a return as its facts say.
pub struct Back {
    pub key: String,
    pub line: Option<String>,
    pub sku: Option<String>,
    pub asked: i64,
    pub got: i64,
    pub status: &'static str,
    pub received: Option<i64>,
    pub inspected: Option<i64>,
    pub decided: Option<(i64, Disposition)>,
    pub end: Option<&'static str>,
    pub facility: Option<String>,
    pub grade: String,
    pub group: String,
    pub first_grade: String,
    pub matched: String,
    pub serial: bool,
    pub ended: Option<i64>,
    pub restocked: bool,
    pub recovered: Option<i64>,
}

impl<'a> Facts<'a> {
    pub fn request(&self, rma: &str) -> Option<(i64, &'a returns::Requested)> {
        let requests = self.select(|body| match body {
            Body::ReturnRequested(request) if request.rma_id == rma => Some(request.as_ref()),
            _ => None,
        });
        requests.last().map(|(at, _, request)| (*at, *request))
    }

    pub fn header(&self, rma: &str) -> &'static str {
        let kinds = [
            "authorised",
            "pickup_scheduled",
            "pickup_failed",
            "reopened",
            "picked_up",
            "rejected",
            "cancelled",
            "closed",
        ];
        let of = |t: &&Told<'_>| t.body.subject().is_some_and(|s| s == rma);
        self.told
            .iter()
            .filter(of)
            .filter_map(|t| {
                Some((
                    t.at,
                    kinds
                        .iter()
                        .position(|kind| t.body.type_name() == format!("eddy.return.{kind}"))?,
                    t.tie,
                ))
            })
            .max()
            .map_or("requested", |(_, rank, _)| kinds[rank])
    }

    pub fn backs(&self, rma: &str) -> Vec<Back> {
        let order = [
            "received",
            "inspected",
            "reinspected",
            "dispositioned",
            "restocked",
            "refurbished",
            "liquidated",
            "scrapped",
        ];
        let mut steps: Vec<(i64, usize, u32, &Body)> = self
            .told
            .iter()
            .filter(|t| t.body.subject().is_some_and(|s| s == rma))
            .filter_map(|t| {
                Some((
                    t.at,
                    order
                        .iter()
                        .position(|kind| t.body.type_name() == format!("eddy.return.{kind}"))?,
                    t.tie,
                    t.body,
                ))
            })
            .collect();
        steps.sort_by_key(|(at, rank, tie, _)| (*at, *rank, *tie));
        let mut found: BTreeMap<String, Back> = BTreeMap::new();
        let fresh = |line: &str| Back {
            key: line.to_owned(),
            line: Some(line.to_owned()),
            sku: None,
            asked: 0,
            got: 0,
            status: "",
            received: None,
            inspected: None,
            decided: None,
            end: None,
            facility: None,
            grade: String::new(),
            group: String::new(),
            first_grade: String::new(),
            matched: String::new(),
            serial: false,
            ended: None,
            restocked: false,
            recovered: None,
        };
        for (at, rank, _, body) in steps {
            match body {
                Body::ReturnReceived(r) => {
                    for piece in &r.lines {
                        let back = found
                            .entry(text(&piece.line_id))
                            .or_insert_with(|| fresh(&piece.line_id));
                        back.got += i64::from(piece.qty);
                        back.sku = Some(text(&piece.sku));
                        back.facility = Some(text(&r.facility));
                        back.received.get_or_insert(at);
                        back.serial |= piece.serial.is_some();
                    }
                }
                Body::ReturnInspected(i) | Body::ReturnReinspected(i) => {
                    let back = found.entry(text(&i.line_id)).or_insert_with(|| fresh(&i.line_id));
                    back.inspected.get_or_insert(at);
                    back.grade = text(i.grade);
                    if back.first_grade.is_empty() {
                        back.first_grade = text(i.grade);
                    }
                    if let Some(matched) = i.matched {
                        back.matched = text(matched);
                    }
                    back.facility = i.facility.as_ref().map(text).or(back.facility.take());
                }
                Body::ReturnDispositioned(d) => {
                    let back = found.entry(text(&d.line_id)).or_insert_with(|| fresh(&d.line_id));
                    back.decided = Some((at, d.disposition));
                }
                Body::ReturnRestocked(p)
                | Body::ReturnRefurbished(p)
                | Body::ReturnLiquidated(p)
                | Body::ReturnScrapped(p) => {
                    let back = found.entry(text(&p.line_id)).or_insert_with(|| fresh(&p.line_id));
                    back.end = Some(order[rank]);
                    back.ended.get_or_insert(at);
                    back.restocked |= order[rank] == "restocked";
                    if let Some(recovered) = p.recovered_minor {
                        back.recovered = Some(back.recovered.unwrap_or(0) + recovered);
                    }
                    back.sku = Some(text(&p.sku));
                    back.facility = Some(text(&p.facility));
                }
                _ => {}
            }
        }
        let mut backs: Vec<Back> = found.into_values().collect();
        if let Some((_, request)) = self.request(rma) {
            for asked in &request.lines {
                let named = |line: &str| {
                    request
                        .lines
                        .iter()
                        .any(|other| other.line_id.as_deref() == Some(line))
                };
                let at = match &asked.line_id {
                    Some(id) => backs.iter().position(|back| back.line.as_deref() == Some(id)),
                    // The line without an id first, if an earlier one of the request made it; else the first received one of the SKU.
                    None => backs
                        .iter()
                        .position(|back| back.line.is_none() && back.sku.as_deref() == Some(&asked.sku))
                        .or_else(|| {
                            let same = |back: &Back| {
                                back.sku.as_deref() == Some(&asked.sku)
                                    && back.line.as_deref().is_some_and(|l| !named(l))
                            };
                            let best = backs
                                .iter()
                                .filter(|back| same(back))
                                .min_by_key(|back| back.line.clone())?
                                .line
                                .clone();
                            backs.iter().position(|back| back.line == best)
                        }),
                };
                let at = at.unwrap_or_else(|| {
                    let mut back = fresh(asked.line_id.as_deref().unwrap_or(""));
                    if asked.line_id.is_none() {
                        back.key = format!("sku:{}", asked.sku);
                        back.line = None;
                    }
                    backs.push(back);
                    backs.len() - 1
                });
                backs[at].asked += i64::from(asked.qty);
                backs[at].sku = Some(text(&asked.sku));
                let reason = asked.reason.as_str();
                backs[at].group = match &asked.reason_group {
                    Some(group) => text(group),
                    None if returns::REASON_GROUPS.contains(&reason) => reason.to_owned(),
                    None => String::new(),
                };
            }
        }
        let header = self.header(rma);
        for back in &mut backs {
            back.status = back.end.unwrap_or(if back.decided.is_some() {
                "dispositioned"
            } else if back.inspected.is_some() {
                "inspected"
            } else if back.received.is_some() {
                "received"
            } else {
                header
            });
        }
        backs
    }

    pub fn rmas(&self) -> BTreeSet<String> {
        self.ids(|body| {
            body.type_name()
                .starts_with("eddy.return.")
                .then(|| body.subject().map(|s| s.as_str()))?
        })
    }

    /// When an event of a type was first told of a subject, and how often it was.
    pub fn first(&self, subject: &str, kind: &str) -> (Option<i64>, usize) {
        let at = self
            .told
            .iter()
            .filter(|t| t.body.type_name() == kind && t.body.subject().is_some_and(|s| s == subject))
            .map(|t| t.at);
        (at.clone().min(), at.count())
    }

    pub fn stands(&self, rma: &str) -> bool {
        !["cancelled", "rejected"].contains(&self.header(rma))
    }
}

pub fn returned(facts: &Facts<'_>, tables: &mut Tables) {
    for rma in facts.rmas() {
        let request = facts.request(&rma);
        let order = request.and_then(|(_, r)| r.order_id.clone());
        let placed = order
            .as_ref()
            .and_then(|order| facts.order(order))
            .map(|(_, placed)| placed);
        let currency = placed.and_then(|p| p.currency.as_deref()).unwrap_or("INR");
        let customer = request
            .and_then(|(_, r)| r.customer_id.clone())
            .or(placed.map(|p| p.customer_id.clone()));
        let backs = facts.backs(&rma);
        for back in &backs {
            let line = placed
                .and_then(|placed| matching(placed, back))
                .map(|at| &placed.unwrap().lines[at]);
            let sku = back.sku.clone().or(line.map(|line| text(&line.sku)));
            let qty = if back.got > 0 { back.got } else { back.asked };
            let mut refunded = 0;
            for id in facts.ids(|body| match body {
                Body::RefundInitiated(r) | Body::RefundIssued(r) | Body::RefundFailed(r) => {
                    Some(&r.refund_id)
                }
                _ => None,
            }) {
                let issued = facts.select(|body| match body {
                    Body::RefundIssued(r) if r.refund_id == id => Some(r.as_ref()),
                    _ => None,
                });
                if let Some((_, _, r)) = issued.last() {
                    let mine = match &r.line_id {
                        Some(line) => back.line.as_deref() == Some(line),
                        None => backs.len() == 1,
                    };
                    if r.rma_id.as_deref() == Some(&rma)
                        && mine
                        && r.currency.as_deref().unwrap_or("INR") == currency
                    {
                        refunded += r.amount_minor;
                    }
                }
            }
            let cells = row([
                ("order_id", order.as_ref().map(text).unwrap_or_default()),
                ("sku", sku.unwrap_or_default()),
                (
                    "category",
                    line.map(|line| facts.category(line)).unwrap_or_default(),
                ),
                ("customer_id", customer.as_ref().map(text).unwrap_or_default()),
                ("qty", text(qty)),
                ("requested_qty", text(back.asked)),
                ("received_qty", text(back.got)),
                ("status", back.status.into()),
                ("received_at", time(back.received)),
                ("inspected_at", time(back.inspected)),
                ("facility", back.facility.clone().unwrap_or_default()),
                ("grade", back.grade.clone()),
                (
                    "disposition",
                    back.decided.map(|(_, d)| text(d)).unwrap_or_default(),
                ),
                ("refund_minor", text(refunded)),
                ("currency", currency.into()),
                (
                    "value_minor",
                    line.map(|line| text(value(line, qty))).unwrap_or_default(),
                ),
                (
                    "payment_mode",
                    order
                        .as_ref()
                        .and_then(|order| facts.payment(order))
                        .map(text)
                        .unwrap_or_default(),
                ),
                (
                    "supplier_id",
                    line.and_then(|line| line.supplier_id.as_ref())
                        .map(text)
                        .unwrap_or_default(),
                ),
                (
                    "authorised_at",
                    time(facts.first(&rma, "eddy.return.authorised").0),
                ),
                ("picked_up_at", time(facts.first(&rma, "eddy.return.picked_up").0)),
                (
                    "pickup_failures",
                    text(facts.first(&rma, "eddy.return.pickup_failed").1),
                ),
                ("closed_at", time(facts.first(&rma, "eddy.return.closed").0)),
                ("first_grade", back.first_grade.clone()),
                ("match", back.matched.clone()),
                ("serial_seen", text(back.serial)),
                ("ended_at", time(back.ended)),
                ("recovered_minor", time(back.recovered)),
            ]);
            tables
                .entry("returns".into())
                .or_default()
                .insert(vec![rma.clone(), back.key.clone()], cells);
            let stands = facts.stands(&rma);
            let asked = if stands {
                back.asked.max(back.got)
            } else {
                back.got
            };
            if let Some(sku) = back
                .sku
                .as_ref()
                .filter(|_| asked + back.got > 0 || back.end == Some("restocked") && qty > 0)
            {
                bump(
                    tables,
                    "skus",
                    &[sku],
                    &[("requested", asked), ("returned", back.got)],
                );
            }
            if let Some(customer) = customer.as_ref().filter(|_| stands || back.got > 0) {
                bump(
                    tables,
                    "customers",
                    &[customer],
                    &[("returned_lines", 1), ("returned_units", qty), ("orders", 0)],
                );
            }
            if let Some(facility) = &back.facility {
                let waits = back.received.is_some()
                    && back.inspected.is_none()
                    && back.decided.is_none()
                    && back.end.is_none();
                let shelf =
                    back.decided.is_some_and(|(_, d)| d == Disposition::Restock) && back.end.is_none();
                if waits || shelf || back.inspected.is_some() || back.restocked {
                    let sums = [("to_inspect", i64::from(waits)), ("to_restock", i64::from(shelf))];
                    bump(tables, "facilities", &[facility], &sums);
                }
            }
        }
    }
}

pub fn refunds(facts: &Facts<'_>, tables: &mut Tables) {
    let said = |body: &Body| match body {
        Body::RefundInitiated(r) => Some((0, r.as_ref().clone())),
        Body::RefundFailed(r) => Some((1, r.as_ref().clone())),
        Body::RefundIssued(r) => Some((2, r.as_ref().clone())),
        _ => None,
    };
    let all = facts.select(said);
    for id in all
        .iter()
        .map(|(_, _, (_, r))| text(&r.refund_id))
        .collect::<BTreeSet<_>>()
    {
        let mine: Vec<_> = all
            .iter()
            .filter(|(_, _, (_, r))| r.refund_id == id.as_str())
            .collect();
        let issued = mine.iter().rfind(|(_, _, (kind, _))| *kind == 2);
        let (_, _, (kind, standing)) = issued.or(mine.last()).unwrap();
        let due = mine.iter().rev().find_map(|(_, _, (_, r))| r.due_at);
        let cells = row([
            ("amount_minor", text(standing.amount_minor)),
            ("status", ["initiated", "failed", "issued"][*kind].into()),
            (
                "issued_at",
                time(
                    mine.iter()
                        .find(|(_, _, (kind, _))| *kind == 2)
                        .map(|(at, ..)| *at),
                ),
            ),
            ("due_at", time(due.map(|due| due.micros))),
            ("tender", text(standing.tender)),
        ]);
        tables
            .entry("refunds".into())
            .or_default()
            .insert(vec![id], cells);
    }
}
