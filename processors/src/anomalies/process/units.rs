//! From what the folds know to units: one first attempt, one inspected line, one refund due or never begun, each with its series, what was expected of it and what came of it.
//!
//! What an event touches is only noted ([`Heard`]); at the day's close each entity is read as it then stands, in the order of its number. So neither the order within
//! the day nor how often rows are asked for matters. A unit is told once: what is corrected later is not taken back, as with scores.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_events::shipment::Leg;
use eddy_events::{Body, Event};

use super::desks::Desks;
use super::owed::Owed;
use super::subject::{Dimension, Subject};
use crate::facts::{NO_TIME, earlier, standing};
use crate::fold::Owner;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::ndr::Ndr;
use crate::refunds::Kind as Word;
use crate::returns::Kind as Step;
use crate::shipments::{Kind as Scan, Shipment, Status};
use crate::world::World;

/// Days without a scan after which a parcel counts as silent: on its way, and on its way back, where scans are few.
const SILENT_DAYS: i32 = 3;
const SILENT_BACK_DAYS: i32 = 7;
/// Microseconds after which a refund is due when nobody said.
const REFUND_US: i64 = 7 * 86_400_000_000;
/// Days that are waited for words about a refund that come late.
const LATE_DAYS: i32 = 1;
/// Days since the delivery by which an inspected line's class is told apart: damage is told sooner than a change of mind.
const AGES: [i32; 3] = [7, 14, 21];
/// Group of reasons that is damage.
const DAMAGE: &str = "damaged_in_transit";
/// Defects that are damage.
const BROKEN: [&str; 6] = ["broken", "crushed", "damaged", "dented", "leaking", "shattered"];
/// Entities noted from which repeated ones are looked for.
const MANY: usize = 1 << 14;

/// Marks of a parcel: its first attempt was told.
const ATTEMPTED: u8 = 1;

/// No value of a dimension.
pub(super) type Value = Option<(Dimension, (u32, u32))>;

/// One thing that happened, or did not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub(super) subject: Subject,
    /// Day of the calendar that it belongs to.
    pub(super) day: i32,
    pub(super) values: [Value; 3],
    /// Units of one class have one rate.
    pub(super) class: u32,
    /// What it brings of its own expectation, as a factor on the rate of its class.
    pub(super) base: f64,
    pub(super) observed: bool,
    pub(super) value_minor: i64,
}

/// A received line that is asked for when it should have been inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
struct Waiting {
    rma: u32,
    line: u32,
    facility: u32,
    day: i32,
    /// Expected of ten thousand such lines to be still there.
    expected: u32,
}

/// What was touched since the last close, and what waits to be asked for.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Heard {
    attempted: Vec<u32>,
    scanned: Vec<u32>,
    inspected: Vec<(u32, u32)>,
    received: Vec<u32>,
    refunded: Vec<u32>,
    /// Parcels with the day of their last scan, lines and refunds, by the day at whose end they are asked for.
    silent: BTreeMap<i32, Vec<(u32, i32)>>,
    waiting: BTreeMap<i32, Vec<Waiting>>,
    due: BTreeMap<i32, Vec<u32>>,
    owed: Owed,
}

fn note<T: Ord>(list: &mut Vec<T>, entry: T) {
    if list.len() >= MANY && list.len() == list.capacity() {
        list.sort_unstable();
        list.dedup();
    }
    list.push(entry);
}

fn taken<T: Ord>(list: &mut Vec<T>) -> Vec<T> {
    let mut list = std::mem::take(list);
    list.sort_unstable();
    list.dedup();
    list
}

/// What was to be asked for by the end of a day.
pub(super) fn until<T: Ord>(waiting: &mut BTreeMap<i32, Vec<T>>, day: i32) -> Vec<T> {
    let mut list = Vec::new();
    while let Some(first) = waiting.first_entry().filter(|first| *first.key() <= day) {
        list.extend(first.remove());
    }
    list.sort_unstable();
    list.dedup();
    list
}

impl Heard {
    /// Notes what an event touched, after the folds and the scores heard it.
    pub(super) fn hear(&mut self, world: &mut World, ndr: &Ndr, event: &Event, owner: Owner) {
        match (owner, &event.body) {
            (Owner::Shipment(number), body) => {
                match body {
                    Body::ShipmentManifested(_)
                    | Body::ShipmentCourierAssigned(_)
                    | Body::ShipmentOutForDelivery(_) => {
                        if let Some(odds) = ndr.first_attempt(number) {
                            world.shipments.get_mut(number).attempt_odds = odds as f32;
                        }
                    }
                    Body::ShipmentDeliveryFailed(_) | Body::ShipmentDelivered(_) => {
                        note(&mut self.attempted, number);
                    }
                    _ => {}
                }
                if !matches!(
                    body,
                    Body::ShipmentManifested(_) | Body::ShipmentDelivered(_) | Body::ShipmentRtoDelivered(_)
                ) {
                    note(&mut self.scanned, number);
                }
            }
            (Owner::Return(number), Body::ReturnReceived(_)) => note(&mut self.received, number),
            (Owner::Return(number), Body::ReturnInspected(body)) => {
                let line = world.symbols.of(&body.line_id);
                let broken = body
                    .defects
                    .iter()
                    .flatten()
                    .any(|defect| BROKEN.contains(&defect.as_str()));
                if broken && let Some(step) = world.returns.get_mut(number).steps.last_mut() {
                    step.broken = true;
                }
                note(&mut self.inspected, (number, line));
            }
            (Owner::Refund(number), _) => note(&mut self.refunded, number),
            _ => {}
        }
    }

    /// What is to be told of a day that ends.
    pub(super) fn units(&mut self, world: &mut World, desks: &mut Desks, day: i32) -> Vec<Unit> {
        let mut units = Vec::new();
        for number in taken(&mut self.attempted) {
            units.extend(attempt(world, number));
        }
        self.silence(world, day, &mut units);
        let mut done = Vec::new();
        for (rma, line) in taken(&mut self.inspected) {
            if heard(world, (rma, line), Step::Inspected) {
                continue;
            }
            self.owed.wait(world, (rma, line), day);
            units.extend(inspected(world, desks, (rma, line), &mut done));
        }
        done.sort_unstable();
        units.extend(done.into_iter().filter_map(|done| paced(world, desks, done)));
        self.backlog(world, desks, day, &mut units);
        self.refunds(world, day, &mut units);
        self.owed.units(world, day, &mut units);
        units
    }

    fn silence(&mut self, world: &World, day: i32, units: &mut Vec<Unit>) {
        for number in taken(&mut self.scanned) {
            let parcel = world.shipments.get(number);
            let Some((at, days)) = under_way(parcel) else {
                continue;
            };
            let scanned = world.zone.day(at);
            if scanned + days > day {
                self.silent
                    .entry(scanned + days)
                    .or_default()
                    .push((number, scanned));
            }
        }
        for (number, scanned) in until(&mut self.silent, day) {
            let parcel = world.shipments.get(number);
            let Some(manifest) = parcel.manifest() else {
                continue;
            };
            let courier = parcel.state.courier;
            let lane = lane(world, parcel.order, courier);
            let last = under_way(parcel).map(|(at, _)| world.zone.day(at));
            let back = u32::from(day - scanned >= SILENT_BACK_DAYS);
            // Where it was when it was last scanned, as far as that says how long the next one takes.
            let before = standing(&parcel.scans)
                .filter(|scan| world.zone.day(scan.stamp.at) <= scanned && moves(scan.kind))
                .max_by_key(|scan| (scan.stamp.at, scan.kind, scan.stamp.tie));
            let before = before.map_or(0, |scan| scan.kind as u32);
            units.push(Unit {
                subject: Subject::Scans,
                day: scanned,
                values: [
                    told(Dimension::Courier, courier),
                    lane,
                    told(Dimension::Origin, manifest.facility),
                ],
                class: u32::from(manifest.leg) << 8 | before << 1 | back,
                base: 1.0,
                observed: last == Some(scanned),
                value_minor: manifest.declared_value_minor.max(0),
            });
        }
    }

    fn backlog(&mut self, world: &mut World, desks: &Desks, day: i32, units: &mut Vec<Unit>) {
        for rma in taken(&mut self.received) {
            for line in world.return_lines(rma) {
                if line.facility == NO_KEY || line.received_at == NO_TIME || line.line == NO_SYMBOL {
                    continue;
                }
                if heard(world, (rma, line.line), Step::Received) {
                    continue;
                }
                let received = world.zone.day(line.received_at);
                let (days, share) = desks.term(line.facility);
                if received + days < day {
                    continue;
                }
                self.waiting.entry(received + days).or_default().push(Waiting {
                    rma,
                    line: line.line,
                    facility: line.facility,
                    day: received,
                    expected: (share * 1e4).round() as u32,
                });
            }
        }
        for of in until(&mut self.waiting, day) {
            let lines = world.return_lines(of.rma);
            let Some(line) = lines.iter().find(|line| line.line == of.line) else {
                continue;
            };
            let waits = [line.inspected_at, line.dispositioned_at, line.ended_at]
                .into_iter()
                .all(|at| at == NO_TIME);
            units.push(Unit {
                subject: Subject::Backlog,
                day: of.day,
                values: [Some((Dimension::Facility, (of.facility, 0))), None, None],
                class: 0,
                base: f64::from(of.expected) / 1e4,
                observed: waits,
                value_minor: value_of(world, of.rma, line),
            });
        }
    }

    fn refunds(&mut self, world: &mut World, day: i32, units: &mut Vec<Unit>) {
        for number in taken(&mut self.refunded) {
            let refund = world.refunds.get(number);
            let due = due_at(refund);
            if due == NO_TIME || refund.watched {
                continue;
            }
            world.refunds.get_mut(number).watched = true;
            let asked = world.zone.day(due) + LATE_DAYS;
            self.due.entry(asked.max(day)).or_default().push(number);
        }
        for number in until(&mut self.due, day) {
            units.extend(refund(world, number));
        }
    }
}

fn told(dimension: Dimension, symbol: u32) -> Value {
    (symbol != NO_SYMBOL).then_some((dimension, (symbol, 0)))
}

/// The lane of a parcel of an order: its courier, and where the customer is.
fn lane(world: &World, order: u32, courier: u32) -> Value {
    if order == NO_KEY || courier == NO_SYMBOL {
        return None;
    }
    let placed = world.orders.get(order).standing()?;
    let zone = world.zone_of(placed);
    (zone != 0).then_some((Dimension::Lane, (courier, u32::from(zone))))
}

/// Whether a scan says that the parcel moves.
fn moves(kind: Scan) -> bool {
    !matches!(kind, Scan::Remark | Scan::CourierAssigned | Scan::PickupFailed)
}

/// When a parcel under way was last scanned, and the days after which it is asked for.
fn under_way(parcel: &Shipment) -> Option<(i64, i32)> {
    let days = match parcel.state.status {
        Status::PickedUp | Status::InTransit | Status::OutForDelivery | Status::DeliveryFailed => SILENT_DAYS,
        Status::RtoInitiated => SILENT_BACK_DAYS,
        _ => return None,
    };
    let last = standing(&parcel.scans)
        .filter(|scan| moves(scan.kind))
        .fold(NO_TIME, |last, scan| last.max(scan.stamp.at));
    (last != NO_TIME).then_some((last, days))
}

/// The first attempt of a parcel, once its outcome is known.
fn attempt(world: &mut World, number: u32) -> Option<Unit> {
    let parcel = world.shipments.get(number);
    if parcel.watched & ATTEMPTED != 0 || parcel.leg() != Leg::Forward {
        return None;
    }
    let manifest = parcel.manifest()?;
    let (mut failed, mut delivered) = (NO_TIME, NO_TIME);
    for scan in standing(&parcel.scans) {
        match scan.kind {
            Scan::DeliveryFailed => failed = earlier(failed, scan.stamp.at),
            Scan::Delivered => delivered = earlier(delivered, scan.stamp.at),
            _ => {}
        }
    }
    let at = earlier(failed, delivered);
    if at == NO_TIME {
        return None;
    }
    let courier = parcel.state.courier;
    let odds = f64::from(parcel.attempt_odds);
    // What its score said but for its courier, whose level the series have themselves; without a score the rate of its kind of payment.
    let scored = !odds.is_nan();
    let base = if scored { 1.0 / (1.0 + (-odds).exp()) } else { 0.2 };
    let unit = Unit {
        subject: Subject::Ndr,
        day: world.zone.day(at),
        values: [
            told(Dimension::Courier, courier),
            lane(world, parcel.order, courier),
            None,
        ],
        class: u32::from(world.payment_of(number)) << 1 | u32::from(scored),
        base,
        observed: failed == at,
        value_minor: manifest.declared_value_minor.max(0),
    };
    world.shipments.get_mut(number).watched |= ATTEMPTED;
    Some(unit)
}

/// Whether steps of a kind about a line were heard before. They are from now on.
fn heard(world: &mut World, (rma, line): (u32, u32), kind: Step) -> bool {
    let mut before = false;
    for step in &mut world.returns.get_mut(rma).steps {
        if step.kind == kind && step.line == line {
            before |= std::mem::replace(&mut step.heard, true);
        }
    }
    before
}

/// What the order's line of a return line cost.
pub(super) fn value_of(world: &World, rma: u32, line: &crate::returns::Line) -> i64 {
    let order = world.returns.get(rma).order;
    if order == NO_KEY {
        return 0;
    }
    let order = world.orders.get(order);
    match (order.standing(), world.line_of(order, line)) {
        (Some(placed), Some(at)) => placed.lines[at].value_of(line.qty()),
        _ => 0,
    }
}

/// A line that a desk is done with: when it was received and inspected, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Done {
    inspected_at: i64,
    received_at: i64,
    facility: u32,
    value_minor: i64,
}

/// A line for which others had to wait, or did not.
fn paced(world: &World, desks: &mut Desks, done: Done) -> Option<Unit> {
    let day = world.zone.day(done.inspected_at);
    let (slow, share) = desks.paced(done.facility, (done.received_at, done.inspected_at), day)?;
    Some(Unit {
        subject: Subject::Backlog,
        day,
        values: [Some((Dimension::Facility, (done.facility, 0))), None, None],
        class: 1,
        base: share,
        observed: slow,
        value_minor: done.value_minor,
    })
}

/// An inspected line: who packed it and who carried it, and whether it is damaged. Desks learn how long it took.
fn inspected(world: &World, desks: &mut Desks, (rma, line): (u32, u32), all: &mut Vec<Done>) -> Option<Unit> {
    let returned = world.returns.get(rma);
    let order = returned.order;
    let lines = world.return_lines(rma);
    let line = lines.iter().find(|of| of.line == line)?;
    if line.inspected_at == NO_TIME {
        return None;
    }
    if line.facility != NO_KEY && line.received_at != NO_TIME {
        let (from, to) = (
            world.zone.day(line.received_at),
            world.zone.day(line.inspected_at),
        );
        desks.inspected(line.facility, from, to);
        all.push(Done {
            inspected_at: line.inspected_at,
            received_at: line.received_at,
            facility: line.facility,
            value_minor: value_of(world, rma, line),
        });
    }
    if order == NO_KEY {
        return None;
    }
    let of = world.orders.get(order);
    let at = world.line_of(of, line)?;
    let placed = of.standing()?;
    let outcome = world.outcome(order);
    let done = outcome.lines.get(at).filter(|done| done.delivered > 0)?;
    let day = world.zone.day(done.delivered_at);
    let age = world.zone.day(line.inspected_at) - day;
    let age = AGES.iter().filter(|bound| age >= **bound).count() as u32;
    let (_, category, _) = world.line_words(&placed.lines[at]);
    let broken = standing(&returned.steps).any(|step| step.broken && step.line == line.line);
    let claimed = line.group != NO_SYMBOL && world.symbols.text(line.group) == DAMAGE;
    Some(Unit {
        subject: Subject::Damage,
        day,
        values: [
            told(Dimension::Packer, done.packer),
            lane(world, order, done.courier),
            None,
        ],
        class: category.wrapping_mul(8).wrapping_add(age),
        base: 1.0,
        observed: broken || claimed,
        value_minor: placed.lines[at].value_of(line.qty()),
    })
}

/// When a refund is due.
fn due_at(refund: &crate::refunds::Refund) -> i64 {
    match (refund.due_at(), refund.first(Word::Initiated)) {
        (NO_TIME, NO_TIME) => NO_TIME,
        (NO_TIME, at) => at.saturating_add(REFUND_US),
        (due, _) => due,
    }
}

/// A refund that is due.
fn refund(world: &World, number: u32) -> Option<Unit> {
    let refund = world.refunds.get(number);
    let said = refund.standing()?;
    let due = due_at(refund);
    let issued = refund.first(Word::Issued);
    let began = match refund.first(Word::Initiated) {
        NO_TIME => due,
        at => at,
    };
    let (mut facility, mut courier) = (NO_KEY, NO_SYMBOL);
    if refund.rma != NO_KEY {
        let returned = world.returns.get(refund.rma);
        let place = standing(&returned.steps).rfind(|step| step.facility != NO_KEY);
        facility = place.map_or(NO_KEY, |step| step.facility);
        let mut parcel = if returned.order == NO_KEY {
            NO_KEY
        } else {
            world.orders.get(returned.order).first_shipment
        };
        while parcel != NO_KEY {
            let of = world.shipments.get(parcel);
            if of.manifest().is_some_and(|manifest| manifest.rma == refund.rma) {
                courier = of.state.courier;
            }
            parcel = of.next;
        }
    }
    Some(Unit {
        subject: Subject::Refund,
        day: world.zone.day(began),
        values: [
            (facility != NO_KEY).then_some((Dimension::Facility, (facility, 0))),
            Some((Dimension::Tender, (u32::from(said.tender), 0))),
            told(Dimension::Courier, courier),
        ],
        class: u32::from(said.tender),
        base: 1.0,
        observed: issued == NO_TIME || issued > due,
        value_minor: said.amount_minor,
    })
}
