//! Milestones as outputs: what whoever informs the customer waits for.

use eddy_events::output::Data;
use serde::Serialize;
use smol_str::SmolStr;

use crate::fold::Milestone;
use crate::tables::key;
use crate::world::World;

/// A milestone as it is told, members in the order of their names.
#[derive(Serialize)]
#[serde(untagged)]
enum Told<'a> {
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
    ReturnReceived {
        milestone: &'static str,
        order_id: Option<&'a str>,
        rma_id: &'a str,
    },
    RefundIssued {
        amount_minor: Option<i64>,
        currency: Option<&'a str>,
        milestone: &'static str,
        refund_id: &'a str,
        rma_id: Option<&'a str>,
    },
}

/// Subject and data of a milestone.
pub(crate) fn output(world: &World, milestone: Milestone) -> (SmolStr, Data) {
    let (subject, told) = match milestone {
        Milestone::OrderDelivered(number) => {
            let order_id = world.order_keys.get(number);
            let placed = world.orders.get(number).standing();
            let told = Told::OrderDelivered {
                customer_id: placed.map(|placed| world.customer_keys.get(placed.customer)),
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
        Milestone::ReturnReceived(number) => {
            let rma_id = world.return_keys.get(number);
            let told = Told::ReturnReceived {
                milestone: "return_received",
                order_id: key(&world.order_keys, world.returns.get(number).order),
                rma_id,
            };
            (rma_id, told)
        }
        Milestone::RefundIssued(number) => {
            let refund_id = world.refund_keys.get(number);
            let refund = world.refunds.get(number);
            let said = refund.standing();
            let told = Told::RefundIssued {
                amount_minor: said.map(|said| said.amount_minor),
                currency: said.and_then(|said| world.symbols.word(said.currency)),
                milestone: "refund_issued",
                refund_id,
                rma_id: key(&world.return_keys, refund.rma),
            };
            (refund_id, told)
        }
    };
    (SmolStr::new(subject), Data::of_ordered(&told))
}
