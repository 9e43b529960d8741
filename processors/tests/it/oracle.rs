//! The naive batch: all events at once, each figure by a search through all of them. Slow, plain, and written against the comments of
//! the tables, not against the folds.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use eddy_events::order::PaymentMode;
use eddy_events::returns::Disposition;
use eddy_events::shipment::Leg;
use eddy_events::{Body, Event, identity, order, returns, shipment};

use crate::support::{Row, Tables};

/// Fails unless `tables` has exactly the rows of `expected`, and in them the cells that `expected` names.
pub fn compare(tables: &Tables, expected: &Tables) {
    let names: BTreeSet<&String> = tables.keys().chain(expected.keys()).collect();
    let none = BTreeMap::new();
    for name in names {
        let (found, wanted) = (
            tables.get(name).unwrap_or(&none),
            expected.get(name).unwrap_or(&none),
        );
        let keys: BTreeSet<_> = found.keys().chain(wanted.keys()).collect();
        for key in keys {
            let (Some(found), Some(wanted)) = (found.get(key), wanted.get(key)) else {
                panic!(
                    "{name} {key:?}: found {:?}, expected {:?}",
                    found.get(key),
                    wanted.get(key)
                );
            };
            for (column, value) in wanted {
                assert_eq!(
                    found.get(column).map_or("", String::as_str),
                    value,
                    "{name} {key:?} {column}: {found:?} {wanted:?}"
                );
            }
        }
    }
}

/// An event that counts, with its rank among events of one time.
#[derive(Clone, Copy)]
struct Told<'a> {
    at: i64,
    tie: u32,
    body: &'a Body,
}

/// All events, without repeats and voidings.
struct Facts<'a> {
    told: Vec<Told<'a>>,
    /// Also what was voided.
    all: Vec<Told<'a>>,
}

fn text(value: impl ToString) -> String {
    value.to_string()
}

fn time(micros: Option<i64>) -> String {
    micros.map(text).unwrap_or_default()
}

fn row<const N: usize>(cells: [(&str, String); N]) -> Row {
    cells
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

const HOUR: i64 = 3_600_000_000;

/// Days since 1970 in India.
fn day(micros: i64) -> i64 {
    (micros + 11 * HOUR / 2).div_euclid(24 * HOUR)
}

fn date(days: i64) -> String {
    let date = jiff::civil::date(1970, 1, 1)
        .checked_add(jiff::Span::new().days(days))
        .unwrap();
    date.to_string()
}

fn add(row: &mut Row, column: &str, by: i64) {
    let cell = row.entry(column.to_owned()).or_insert_with(|| "0".into());
    *cell = text(cell.parse::<i64>().unwrap() + by);
}

/// A parcel as its facts say.
struct Parcel {
    awb: String,
    manifest: Option<(i64, shipment::Manifested)>,
    status: &'static str,
    courier: String,
    attempts: i64,
    reason: String,
    picked_up: Option<i64>,
    delivered: Option<i64>,
    first_try: bool,
    updated: i64,
}

/// A line of a return as its facts say.
struct Back {
    key: String,
    line: Option<String>,
    sku: Option<String>,
    asked: i64,
    got: i64,
    status: &'static str,
    received: Option<i64>,
    inspected: Option<i64>,
    decided: Option<(i64, Disposition)>,
    end: Option<&'static str>,
    facility: Option<String>,
    grade: String,
}

impl<'a> Facts<'a> {
    fn of(events: &'a [Event]) -> Self {
        let name = |event: &Event| identity(&event.envelope.source, &event.envelope.id);
        let mut seen = HashSet::new();
        let all: Vec<&Event> = events.iter().filter(|event| seen.insert(name(event))).collect();
        let voids: HashSet<u128> = all
            .iter()
            .filter_map(|event| match &event.body {
                Body::EventVoided(void) => Some(identity(&void.source, &void.id)),
                _ => None,
            })
            .collect();
        let told = |event: &&'a Event| Told {
            at: event.envelope.time.micros,
            tie: (name(event) as u64 >> 32) as u32,
            body: &event.body,
        };
        Self {
            told: all
                .iter()
                .filter(|event| !voids.contains(&name(event)))
                .map(told)
                .collect(),
            all: all.iter().map(told).collect(),
        }
    }

    fn select<T>(&self, pick: impl Fn(&'a Body) -> Option<T>) -> Vec<(i64, u32, T)> {
        let mut found: Vec<(i64, u32, T)> = self
            .told
            .iter()
            .filter_map(|t| Some((t.at, t.tie, pick(t.body)?)))
            .collect();
        found.sort_by_key(|(at, tie, _)| (*at, *tie));
        found
    }

    fn ids(&self, subject: impl Fn(&'a Body) -> Option<&'a str>) -> BTreeSet<String> {
        self.told
            .iter()
            .filter_map(|t| subject(t.body))
            .map(text)
            .collect()
    }

    fn order(&self, id: &str) -> Option<(i64, &'a order::Placed)> {
        let placed = self.select(|body| match body {
            Body::OrderPlaced(placed) if placed.order_id == id => Some(placed.as_ref()),
            _ => None,
        });
        placed.last().map(|(at, _, placed)| (*at, *placed))
    }

    fn payment(&self, order: &str) -> Option<PaymentMode> {
        let modes = self.select(|body| match body {
            Body::OrderPlaced(placed) if placed.order_id == order => Some((0, placed.payment_mode)),
            Body::OrderPaymentConverted(to) if to.order_id == order => Some((1, to.to)),
            _ => None,
        });
        // Only the latest placing counts among placings.
        let placing = modes.iter().rfind(|(_, _, (kind, _))| *kind == 0);
        let converting = modes.iter().rfind(|(_, _, (kind, _))| *kind == 1);
        [placing, converting]
            .into_iter()
            .flatten()
            .max_by_key(|(at, tie, _)| (*at, *tie))
            .map(|(_, _, (_, mode))| *mode)
    }

    fn cancelled(&self, order: &str, line: &str) -> bool {
        self.told.iter().any(|t| match t.body {
            Body::OrderCancelled(c) => {
                c.order_id == order
                    && c.line_ids
                        .as_ref()
                        .is_none_or(|ids| ids.is_empty() || ids.iter().any(|id| id == line))
            }
            _ => false,
        })
    }

    fn category(&self, line: &order::Line) -> String {
        let of_catalogue = || {
            let items = self.select(|body| match body {
                Body::ContextCatalogueItemUpdated(item) if item.sku == line.sku => {
                    Some(item.category.clone())
                }
                _ => None,
            });
            items.last().map(|(_, _, category)| text(category))
        };
        line.category
            .as_ref()
            .map(text)
            .or_else(of_catalogue)
            .unwrap_or_default()
    }

    fn state(&self, placed: &order::Placed) -> String {
        let of_directory = || {
            let entries = self.select(|body| match body {
                Body::ContextPincodePublished(entry) if entry.pincode == placed.destination_pincode => {
                    Some(entry.state.clone())
                }
                _ => None,
            });
            entries.last().map(|(_, _, state)| text(state))
        };
        placed
            .destination_state
            .as_ref()
            .map(text)
            .or_else(of_directory)
            .unwrap_or_default()
    }

    fn parcel(&self, awb: &str) -> Parcel {
        let scans = self.select(|body| {
            (body.subject().is_some_and(|s| s == awb))
                .then_some(body)
                .filter(|b| b.type_name().starts_with("eddy.shipment."))
        });
        let of = |kinds: &[&str]| -> Vec<(i64, u32, &Body)> {
            scans
                .iter()
                .filter(|(_, _, b)| kinds.contains(&&b.type_name()["eddy.shipment.".len()..]))
                .map(|(a, t, b)| (*a, *t, *b))
                .collect()
        };
        let manifest = of(&["manifested"]).last().map(|(at, _, body)| match body {
            Body::ShipmentManifested(m) => (*at, m.as_ref().clone()),
            _ => unreachable!(),
        });
        let rto_leg = manifest.as_ref().is_some_and(|(_, m)| m.leg == Leg::Rto);
        // Later terminal facts win; facts of one time in the order of this list.
        let terminal = ["cancelled", "damaged", "lost", "delivered", "rto_delivered"];
        let transit = [
            "picked_up",
            "arrived_at_hub",
            "in_transit",
            "out_for_delivery",
            "delivery_failed",
        ];
        let latest = |kinds: &[&'static str]| {
            kinds
                .iter()
                .enumerate()
                .flat_map(|(rank, kind)| of(&[kind]).into_iter().map(move |(at, tie, _)| (at, rank, tie)))
                .max()
                .map(|(_, rank, _)| kinds[rank])
        };
        let mut status = match (latest(&terminal), latest(&transit)) {
            (Some(kind), _) => kind,
            (None, _) if !of(&["rto_initiated"]).is_empty() => "rto_initiated",
            (None, Some("arrived_at_hub")) => "in_transit",
            (None, Some(kind)) => kind,
            (None, None) if manifest.is_some() => "manifested",
            (None, None) => "",
        };
        let first = |kinds: &[&str]| of(kinds).first().map(|(at, ..)| *at);
        let delivered = first(&["delivered"]).filter(|_| status == "delivered" && !rto_leg);
        if rto_leg && status == "delivered" {
            status = "rto_delivered";
        }
        let fails = of(&["delivery_failed"]);
        let last_fail = fails.last().map(|(at, ..)| *at);
        let outs = of(&["out_for_delivery"]);
        let any_delivery = first(&["delivered"]);
        let open = any_delivery.is_some()
            || outs
                .iter()
                .any(|(at, ..)| last_fail.is_none_or(|fail| *at > fail));
        let named = outs.iter().chain(&fails).map(|(_, _, body)| match body {
            Body::ShipmentOutForDelivery(scan) => i64::from(scan.attempt_no.unwrap_or(0)),
            Body::ShipmentDeliveryFailed(fail) => i64::from(fail.attempt_no.unwrap_or(0)),
            _ => 0,
        });
        let attempts = (fails.len() as i64 + i64::from(open)).max(named.max().unwrap_or(0));
        let first_fail = first(&["delivery_failed"]);
        let mut couriers: Vec<(i64, u32, String)> = of(&["manifested"])
            .last()
            .map(|(at, tie, body)| match body {
                Body::ShipmentManifested(m) => (*at, *tie, text(&m.courier)),
                _ => unreachable!(),
            })
            .into_iter()
            .collect();
        couriers.extend(
            of(&["courier_assigned"])
                .iter()
                .map(|(at, tie, body)| match body {
                    Body::ShipmentCourierAssigned(c) => (*at, *tie, text(&c.courier)),
                    _ => unreachable!(),
                }),
        );
        let reason = match fails.last() {
            Some((_, _, Body::ShipmentDeliveryFailed(fail))) => text(fail.ndr_reason),
            _ => String::new(),
        };
        Parcel {
            awb: awb.to_owned(),
            status,
            courier: couriers
                .into_iter()
                .max_by_key(|(at, tie, _)| (*at, *tie))
                .map(|(_, _, c)| c)
                .unwrap_or_default(),
            attempts,
            reason,
            picked_up: first(&["picked_up"]),
            delivered,
            first_try: attempts == 1 && any_delivery.is_some_and(|d| first_fail.is_none_or(|f| f > d)),
            // Of the manifests the standing one alone counts as the latest word.
            updated: of(&["manifested"])
                .last()
                .map(|(at, ..)| *at)
                .into_iter()
                .chain(
                    scans
                        .iter()
                        .filter(|(_, _, b)| !matches!(b, Body::ShipmentManifested(_)))
                        .map(|(at, ..)| *at),
                )
                .max()
                .unwrap_or(0),
            manifest,
        }
    }

    fn parcels(&self) -> Vec<Parcel> {
        let awbs = self.ids(|body| {
            body.type_name()
                .starts_with("eddy.shipment.")
                .then(|| body.subject().map(|s| s.as_str()))?
        });
        awbs.iter().map(|awb| self.parcel(awb)).collect()
    }

    fn request(&self, rma: &str) -> Option<(i64, &'a returns::Requested)> {
        let requests = self.select(|body| match body {
            Body::ReturnRequested(request) if request.rma_id == rma => Some(request.as_ref()),
            _ => None,
        });
        requests.last().map(|(at, _, request)| (*at, *request))
    }

    fn header(&self, rma: &str) -> &'static str {
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

    fn backs(&self, rma: &str) -> Vec<Back> {
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
                    }
                }
                Body::ReturnInspected(i) | Body::ReturnReinspected(i) => {
                    let back = found.entry(text(&i.line_id)).or_insert_with(|| fresh(&i.line_id));
                    back.inspected.get_or_insert(at);
                    back.grade = text(i.grade);
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

    fn rmas(&self) -> BTreeSet<String> {
        self.ids(|body| {
            body.type_name()
                .starts_with("eddy.return.")
                .then(|| body.subject().map(|s| s.as_str()))?
        })
    }

    fn stands(&self, rma: &str) -> bool {
        !["cancelled", "rejected"].contains(&self.header(rma))
    }
}

fn value(line: &order::Line, qty: i64) -> i64 {
    line.unit_price_minor * qty - line.discount_minor.unwrap_or(0) * qty / i64::from(line.qty)
}

fn matching(placed: &order::Placed, back: &Back) -> Option<usize> {
    match &back.line {
        Some(id) => placed.lines.iter().position(|line| line.line_id == id.as_str()),
        None => placed
            .lines
            .iter()
            .position(|line| Some(line.sku.as_str()) == back.sku.as_deref()),
    }
}

/// The tables that the events must end in.
pub fn recompute(events: &[Event]) -> Tables {
    let facts = Facts::of(events);
    let parcels = facts.parcels();
    let mut tables = Tables::new();
    orders(&facts, &parcels, &mut tables);
    shipments(&facts, &parcels, &mut tables);
    returned(&facts, &mut tables);
    refunds(&facts, &mut tables);
    catalogue(&facts, &mut tables);
    customers(&facts, &mut tables);
    tables.retain(|_, rows| !rows.is_empty());
    tables
}

fn bump(tables: &mut Tables, table: &str, key: &[&str], sums: &[(&str, i64)]) {
    let key = key.iter().map(text).collect();
    let row = tables.entry(table.into()).or_default().entry(key).or_default();
    for (column, by) in sums {
        add(row, column, *by);
    }
}

fn orders(facts: &Facts<'_>, parcels: &[Parcel], tables: &mut Tables) {
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
            let mut deliveries: Vec<(i64, &str, i64)> = Vec::new();
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
                    deliveries.push((when, &parcel.courier, qty));
                }
            }
            deliveries.sort();
            let qty = i64::from(line.qty);
            let delivered = deliveries.iter().map(|(_, _, qty)| qty).sum::<i64>().min(qty);
            let (mut asked, mut got) = (0, 0);
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
                    }
                }
            }
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
                    deliveries
                        .first()
                        .map(|(_, courier, _)| text(courier))
                        .unwrap_or_default(),
                ),
                ("cancelled", text(cancelled)),
            ]);
            tables
                .entry("order_lines".into())
                .or_default()
                .insert(vec![id.clone(), text(&line.line_id)], cells);
            if delivered > 0 {
                bump(tables, "skus", &[&line.sku], &[("delivered", delivered)]);
                let day = date(day(deliveries[0].0));
                let currency = placed.currency.as_deref().unwrap_or("INR");
                let known = |word: &str| {
                    if word.is_empty() {
                        "unknown".to_owned()
                    } else {
                        word.to_owned()
                    }
                };
                let (asked_in, got_in) = (asked.min(delivered), got.min(delivered));
                for (dimension, of) in [
                    ("sku", text(&line.sku)),
                    ("category", known(&category)),
                    ("channel", text(placed.channel)),
                    ("state", known(&facts.state(placed))),
                    ("courier", known(deliveries[0].1)),
                ] {
                    let sums = [
                        ("delivered_units", delivered),
                        ("delivered_value_minor", value(line, delivered)),
                        ("requested_units", asked_in),
                        ("requested_value_minor", value(line, asked_in)),
                        ("received_units", got_in),
                        ("received_value_minor", value(line, got_in)),
                        ("excess_units", asked.max(got) - asked_in.max(got_in)),
                    ];
                    bump(tables, "return_cells", &[dimension, &of, &day, currency], &sums);
                }
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

fn shipments(facts: &Facts<'_>, parcels: &[Parcel], tables: &mut Tables) {
    for parcel in parcels {
        let order = parcel.manifest.as_ref().map(|(_, m)| text(&m.order_id));
        let cod = parcel
            .manifest
            .as_ref()
            .is_some_and(|(_, m)| m.cod_amount_minor.is_some_and(|amount| amount > 0));
        let mode = order
            .as_deref()
            .and_then(|order| facts.payment(order))
            .or(cod.then_some(PaymentMode::Cod));
        let cells = row([
            ("status", parcel.status.into()),
            ("order_id", order.unwrap_or_default()),
            (
                "leg",
                parcel
                    .manifest
                    .as_ref()
                    .map(|(_, m)| text(m.leg))
                    .unwrap_or_default(),
            ),
            ("courier", parcel.courier.clone()),
            ("attempts", text(parcel.attempts)),
            ("ndr_reason", parcel.reason.clone()),
            ("payment_mode", mode.map(text).unwrap_or_default()),
            ("manifested_at", time(parcel.manifest.as_ref().map(|(at, _)| *at))),
            ("picked_up_at", time(parcel.picked_up)),
            ("delivered_at", time(parcel.delivered)),
            ("updated_at", text(parcel.updated)),
        ]);
        tables
            .entry("shipments".into())
            .or_default()
            .insert(vec![parcel.awb.clone()], cells);
        if let Some((_, m)) = parcel.manifest.as_ref().filter(|(_, m)| m.leg == Leg::Forward) {
            let is = |yes: bool| i64::from(yes);
            let mode = mode.map_or("unknown", |mode| mode.as_str());
            let key = [
                parcel.courier.as_str(),
                &m.origin_pincode[..3],
                &m.destination_pincode[..3],
                mode,
            ];
            let sums = [
                ("shipments", 1),
                ("delivered", is(parcel.status == "delivered")),
                ("rto", is(parcel.status.starts_with("rto_"))),
                ("attempts", parcel.attempts),
                ("attempted", is(parcel.attempts > 0)),
                (
                    "first_attempts_delivered",
                    is(parcel.first_try && parcel.status == "delivered"),
                ),
            ];
            bump(tables, "courier_lanes", &key, &sums);
        }
    }
}

fn returned(facts: &Facts<'_>, tables: &mut Tables) {
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
                if waits || shelf || back.inspected.is_some() {
                    let sums = [("to_inspect", i64::from(waits)), ("to_restock", i64::from(shelf))];
                    bump(tables, "facilities", &[facility], &sums);
                }
            }
        }
    }
}

fn refunds(facts: &Facts<'_>, tables: &mut Tables) {
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

fn catalogue(facts: &Facts<'_>, tables: &mut Tables) {
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

fn customers(facts: &Facts<'_>, tables: &mut Tables) {
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
