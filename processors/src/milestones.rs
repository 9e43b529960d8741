//! Milestones of orders, parcels, returns, refunds and exchanges: which an event reached, and what is told of them to whoever informs the customer.
//!
//! Each is told once, in the order of the log; an attempt at delivery is told once an attempt. News that comes after what follows it (a late word of authorisation
//! when the goods have arrived) is not told any more. Nothing is sent from here.

use eddy_events::Timestamp;
use eddy_events::output::Data;
use eddy_events::shipment::Leg;
use serde::Serialize;
use smol_str::SmolStr;

use crate::facts::{NO_TIME, standing};
use crate::fold::Owner;
use crate::interner::NO_KEY;
use crate::refunds::Kind as RefundKind;
use crate::returns::{Kind as Step, Return};
use crate::shipments::Status;
use crate::tables::key;
use crate::world::World;

/// A step reached for the first time in the order of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Milestone {
    /// Order, and the parcel that left first.
    OrderShipped(u32, u32),
    OutForDelivery(u32),
    DeliveryFailed(u32),
    OrderDelivered(u32),
    RtoDelivered(u32),
    /// Return, and which of [`RETURN_STEPS`].
    Return(u32, usize),
    Refund(u32, RefundKind),
    ExchangeCreated(u32),
}

// Bits of what was told.
const ORDER_DELIVERED: u8 = 1;
const ORDER_SHIPPED: u8 = 2;
const PARCEL_RTO: u8 = 1;
const PARCEL_SHIPPED: u8 = 2;

/// The milestones of a return; the bit of each is told by its place. The first five follow each other, a refusal stands beside them.
const RETURN_STEPS: [&str; 6] = [
    "return_requested",
    "return_authorised",
    "return_picked_up",
    "return_received",
    "return_inspected",
    "return_rejected",
];

/// The milestones that an event about `owner` reached.
pub(crate) fn reached(world: &mut World, owner: Owner, reached: &mut Vec<Milestone>) {
    match owner {
        Owner::Order(number) => {
            order_delivered(world, number, reached);
        }
        Owner::Shipment(number) => parcel(world, number, reached),
        Owner::Return(number) => {
            let returned = world.returns.get(number);
            let (told, step) = news(returned);
            if told != returned.told {
                world.returns.get_mut(number).told = told;
            }
            reached.extend(step.map(|step| Milestone::Return(number, step)));
        }
        Owner::Refund(number) => {
            let refund = world.refunds.get(number);
            let Some(kind) = refund.standing().map(|said| said.kind) else {
                return;
            };
            let bit = 1 << kind as u8;
            // Initiated is no news of a refund that failed before, which the bits of later kinds say.
            if refund.told & !(bit - 1) == 0 {
                world.refunds.get_mut(number).told |= bit;
                reached.push(Milestone::Refund(number, kind));
            }
        }
        Owner::Exchange(number) => {
            let exchange = &mut world.exchanges.entries.get_mut(number).value;
            if exchange.standing().is_some() && !std::mem::replace(&mut exchange.told, true) {
                reached.push(Milestone::ExchangeCreated(number));
            }
        }
        _ => {}
    }
}

fn parcel(world: &mut World, number: u32, reached: &mut Vec<Milestone>) {
    let parcel = world.shipments.get(number);
    let (order, status, attempts, told) = (
        parcel.order,
        parcel.state.status,
        parcel.state.attempts,
        parcel.told,
    );
    let forward = order != NO_KEY && parcel.leg() == Leg::Forward;
    if forward && status.moved() && told & PARCEL_SHIPPED == 0 {
        world.shipments.get_mut(number).told |= PARCEL_SHIPPED;
        let of = world.orders.get_mut(order);
        if of.told & (ORDER_SHIPPED | ORDER_DELIVERED) == 0 {
            of.told |= ORDER_SHIPPED;
            // A parcel known only by its end left long ago.
            if matches!(
                status,
                Status::PickedUp | Status::InTransit | Status::OutForDelivery | Status::DeliveryFailed
            ) {
                reached.push(Milestone::OrderShipped(order, number));
            }
        }
    }
    let (out, failed) = world.shipments.get(number).told_attempts;
    match status {
        Status::OutForDelivery if forward && attempts > out => {
            world.shipments.get_mut(number).told_attempts = (attempts, failed);
            reached.push(Milestone::OutForDelivery(number));
        }
        Status::DeliveryFailed if forward && attempts > failed => {
            world.shipments.get_mut(number).told_attempts = (out.max(attempts), attempts);
            reached.push(Milestone::DeliveryFailed(number));
        }
        Status::Delivered if order != NO_KEY => order_delivered(world, order, reached),
        Status::RtoDelivered if told & PARCEL_RTO == 0 => {
            world.shipments.get_mut(number).told |= PARCEL_RTO;
            reached.push(Milestone::RtoDelivered(number));
        }
        _ => {}
    }
}

fn order_delivered(world: &mut World, number: u32, reached: &mut Vec<Milestone>) {
    let order = world.orders.get(number);
    if order.told & ORDER_DELIVERED != 0 || order.first_shipment == NO_KEY || order.standing().is_none() {
        return;
    }
    if world.outcome(number).status == Some("delivered") {
        world.orders.get_mut(number).told |= ORDER_DELIVERED;
        reached.push(Milestone::OrderDelivered(number));
    }
}

/// Place of the receipt among [`RETURN_STEPS`].
const RECEIVED: usize = 3;
/// Place of the refusal.
const REJECTED: usize = 5;

/// What was told of a return once its news is told, and the news.
fn news(returned: &Return) -> (u8, Option<usize>) {
    let told = returned.told;
    let (mut furthest, mut rejected) = (returned.request().map(|_| 0), false);
    for step in standing(&returned.steps) {
        let at = match step.kind {
            Step::Authorised => 1,
            Step::PickedUp => 2,
            Step::Received => RECEIVED,
            Step::Inspected | Step::Reinspected => 4,
            Step::Rejected => {
                rejected = true;
                continue;
            }
            _ => continue,
        };
        furthest = furthest.max(Some(at));
    }
    let refused = told & (1 << REJECTED) != 0;
    let before = (0..REJECTED).rev().find(|at| told & (1 << at) != 0);
    if furthest > before {
        let at = furthest.unwrap_or(0);
        // With a step all before it are told.
        let after = told | ((2 << at) - 1);
        return (after, (!refused || at >= RECEIVED).then_some(at));
    }
    if rejected && !refused {
        let news = furthest.max(before) < Some(RECEIVED);
        return (told | 1 << REJECTED, news.then_some(REJECTED));
    }
    (told, None)
}

/// A milestone as it is told, members in the order of their names.
#[derive(Serialize)]
#[serde(untagged)]
enum Told<'a> {
    OrderShipped {
        awb: &'a str,
        courier: Option<&'a str>,
        customer_id: Option<&'a str>,
        milestone: &'static str,
        order_id: &'a str,
        promised_at: Option<String>,
    },
    Attempt {
        attempt_no: u16,
        awb: &'a str,
        courier: Option<&'a str>,
        milestone: &'static str,
        ndr_reason: Option<&'static str>,
        order_id: Option<&'a str>,
    },
    OrderDelivered {
        customer_id: Option<&'a str>,
        milestone: &'static str,
        order_id: &'a str,
    },
    RtoDelivered {
        awb: &'a str,
        milestone: &'static str,
        order_id: Option<&'a str>,
    },
    Return {
        milestone: &'static str,
        order_id: Option<&'a str>,
        rma_id: &'a str,
    },
    Refund {
        amount_minor: Option<i64>,
        currency: Option<&'a str>,
        milestone: &'static str,
        refund_id: &'a str,
        rma_id: Option<&'a str>,
    },
    ExchangeCreated {
        exchange_id: &'a str,
        milestone: &'static str,
        new_order_id: Option<&'a str>,
        rma_id: Option<&'a str>,
    },
}

/// Subject and data of a milestone.
pub(crate) fn output(world: &World, milestone: Milestone) -> (SmolStr, Data) {
    let customer = |order: u32| {
        let placed = world.orders.get(order).standing();
        placed.map(|placed| world.customer_keys.get(placed.customer))
    };
    let (subject, told) = match milestone {
        Milestone::OrderShipped(number, parcel) => {
            let order_id = world.order_keys.get(number);
            let of = world.shipments.get(parcel);
            let promised = of.manifest().map_or(NO_TIME, |manifest| manifest.promised_at);
            let told = Told::OrderShipped {
                awb: world.shipment_keys.get(parcel),
                courier: world.symbols.word(of.state.courier),
                customer_id: customer(number),
                milestone: "order_shipped",
                order_id,
                promised_at: (promised != NO_TIME).then(|| Timestamp::utc(promised).to_string()),
            };
            (order_id, told)
        }
        Milestone::OutForDelivery(number) | Milestone::DeliveryFailed(number) => {
            let parcel = world.shipments.get(number);
            let awb = world.shipment_keys.get(number);
            let failed = matches!(milestone, Milestone::DeliveryFailed(_));
            let told = Told::Attempt {
                attempt_no: parcel.state.attempts,
                awb,
                courier: world.symbols.word(parcel.state.courier),
                milestone: if failed {
                    "delivery_failed"
                } else {
                    "out_for_delivery"
                },
                ndr_reason: parcel.ndr_reason().filter(|_| failed),
                order_id: key(&world.order_keys, parcel.order),
            };
            (awb, told)
        }
        Milestone::OrderDelivered(number) => {
            let order_id = world.order_keys.get(number);
            let told = Told::OrderDelivered {
                customer_id: customer(number),
                milestone: "order_delivered",
                order_id,
            };
            (order_id, told)
        }
        Milestone::RtoDelivered(number) => {
            let awb = world.shipment_keys.get(number);
            let told = Told::RtoDelivered {
                awb,
                milestone: "rto_delivered",
                order_id: key(&world.order_keys, world.shipments.get(number).order),
            };
            (awb, told)
        }
        Milestone::Return(number, step) => {
            let rma_id = world.return_keys.get(number);
            let told = Told::Return {
                milestone: RETURN_STEPS[step],
                order_id: key(&world.order_keys, world.returns.get(number).order),
                rma_id,
            };
            (rma_id, told)
        }
        Milestone::Refund(number, kind) => {
            let refund_id = world.refund_keys.get(number);
            let refund = world.refunds.get(number);
            let said = refund.standing();
            let told = Told::Refund {
                amount_minor: said.map(|said| said.amount_minor),
                currency: said.and_then(|said| world.symbols.word(said.currency)),
                milestone: match kind {
                    RefundKind::Initiated => "refund_initiated",
                    RefundKind::Failed => "refund_failed",
                    RefundKind::Issued => "refund_issued",
                },
                refund_id,
                rma_id: key(&world.return_keys, refund.rma),
            };
            (refund_id, told)
        }
        Milestone::ExchangeCreated(number) => {
            let exchange = &world.exchanges.entries.get(number).value;
            let said = exchange.standing();
            let told = Told::ExchangeCreated {
                exchange_id: &exchange.id,
                milestone: "exchange_created",
                new_order_id: said.and_then(|said| key(&world.order_keys, said.new_order)),
                rma_id: said.and_then(|said| key(&world.return_keys, said.rma)),
            };
            (exchange.id.as_str(), told)
        }
    };
    (SmolStr::new(subject), Data::of_ordered(&told))
}
