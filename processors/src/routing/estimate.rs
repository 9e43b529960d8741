//! What the engine thinks of a parcel under each courier, asked for just now. Nothing is kept and nothing is told to the log.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Routing;
use super::decide::Ask;
use crate::ndr::Ndr;
use crate::ndr::facts::{Way, way_of_order, way_of_parcel};
use crate::world::World;

/// A parcel to think of: one that is manifested (`awb`), or one that an order would make.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Parcel in the log.
    #[serde(default)]
    pub awb: Option<String>,
    /// Order in the log, of a parcel that is not manifested yet.
    #[serde(default)]
    pub order_id: Option<String>,
    /// Where it would be picked up; needed with `order_id`.
    #[serde(default)]
    pub origin_pincode: Option<String>,
    /// Its weight in grams.
    #[serde(default)]
    pub weight_g: Option<u32>,
}

/// Risk, price, lateness and expected cost of each courier; the error says what is missing.
pub(crate) fn estimate(
    world: &World,
    ndr: &Ndr,
    routing: &Routing,
    candidate: &Candidate,
    now: i64,
) -> Result<Value, String> {
    let ask = Ask {
        world,
        ndr,
        network: &routing.small.network,
        policy: &routing.small.policy,
        now,
    };
    if ask.network.couriers.is_empty() {
        return Err(
            "no courier is known; send context.serviceability_updated and context.tariff_published"
                .to_owned(),
        );
    }
    let (way, weight_g) = match (&candidate.awb, &candidate.order_id) {
        (Some(awb), _) => {
            let number = world
                .shipment_keys
                .find(awb)
                .ok_or_else(|| format!("no parcel {awb} is in the log"))?;
            let way = way_of_parcel(world, number);
            let known = ndr.holds(crate::ndr::Subject::Parcel(number));
            (
                way,
                if known {
                    ndr.parcels.get(number).weight_g
                } else {
                    0
                },
            )
        }
        (None, Some(order)) => {
            let number = world
                .order_keys
                .find(order)
                .ok_or_else(|| format!("no order {order} is in the log"))?;
            let way = way_of_order(world, number).ok_or_else(|| format!("order {order} was not placed"))?;
            let origin = candidate
                .origin_pincode
                .as_deref()
                .ok_or("say where it would be picked up: origin_pincode")?;
            (Way { origin, ..way }, 0)
        }
        (None, None) => {
            return Err("name a parcel (awb) or an order (order_id with origin_pincode)".to_owned());
        }
    };
    let candidates = ask.couriers(&way, candidate.weight_g.unwrap_or(weight_g), now);
    Ok(json!({
        "awb": candidate.awb,
        "order_id": candidate.order_id,
        "threshold": ask.policy.threshold,
        "policy_version": ask.policy.version,
        "couriers": ask.tell(&candidates),
    }))
}
