//! The way back of a return: the courier chosen, pickups that fail or not, and scans up to the facility's door.
//!
//! Whether the pickup is ever made is drawn from the probability that the truth holds; what lies in the parcel is `marks.rs`'s.

use eddy_events::returns::Pickup;
use eddy_events::shipment::{Delivered, Leg, Manifested, Scan, Setback};
use eddy_events::{Body, SmolStr};
use smol_str::format_smolstr;

use crate::calendar::{self, DAY, HOUR, MINUTE};
use crate::chance::{Rng, sigmoid};
use crate::marks::{Way, When};
use crate::parcels::region;
use crate::refunds;
use crate::reverse::Tale;
use crate::risk::{self, Course};
use crate::truth::Row;
use crate::world::{Numbers, State, Voice, World, stamp};

/// The way back; `None` when the goods never reach the facility.
pub(crate) fn journey(
    world: &World,
    state: &mut State,
    t: &mut Tale<'_>,
    rng: &mut Rng,
    now: &mut i64,
    facility: u16,
) -> Option<i64> {
    let config = &world.config;
    let sold = &t.plan.sold;
    let couriers = &world.carriers.couriers;
    let prefix_index = world.geography.pincodes[sold.pincode as usize].prefix;
    let prefix = usize::from(prefix_index);
    let place = &world.geography.prefixes[prefix];
    let home = &world.geography.facilities[usize::from(facility)];
    if t.marks.reopened {
        // Nobody came, the return was closed, and the customer asked again.
        *now += rng.between(40, 110) * HOUR;
        let body = t.status("pickup_expired");
        state.tell(config, &mut t.oms, *now, Body::ReturnClosed(body));
        *now += rng.between(3, 40) * HOUR;
        let body = t.status("customer_request");
        state.tell(config, &mut t.oms, *now, Body::ReturnReopened(body));
    }
    let serves = |c: usize| world.carriers.serves(c, &world.geography, prefix).2;
    let chosen = world.draw_courier(rng, prefix_index, serves);
    let severity = calendar::spell(
        world.seed,
        region(&place.code),
        (world.day_of(*now) + 1).div_euclid(calendar::SPELL_DAYS),
    )
    .0;
    let chance = |c: usize| {
        let lane = world.carriers.lane(
            c,
            home.pincode.as_bytes()[0] - b'0',
            &world.geography,
            prefix,
            sold.cod,
        );
        sigmoid(
            -3.1 + 0.8 * lane
                + 0.4 * sold.customer.refusal
                + 0.5 * world.geography.reluctance(world.seed, sold.pincode)
                + 0.6 * severity,
        )
    };
    let mut course = Course::empty();
    let p = chance(chosen);
    risk::attempts(rng, p, &mut course, false);
    let never_handed = t.marks.way == Way::NeverHanded;
    if never_handed {
        course.attempts = vec![(1.0, true); 3];
    }
    let courier = &couriers[chosen];
    let awb = format_smolstr!("AWB{:09}", Numbers::next(&mut state.numbers.awb));
    let round = |p: f64| (p * 1e6).round() / 1e6;
    let picked = course.attempts.last().is_some_and(|a| !a.1);
    if !never_handed {
        state.truth.push(Row::ReversePickup {
            awb: awb.clone(),
            rma_id: t.rma.clone(),
            courier: courier.code.clone(),
            probability: (0..couriers.len())
                .map(|c| serves(c).then(|| round(chance(c))))
                .collect(),
            attempts: course.attempts.iter().map(|a| round(a.0)).collect(),
            picked_up: picked,
        });
    }
    let expected: u32 = 60
        + t.plan
            .lines
            .iter()
            .map(|l| world.goods.skus[sold.lines[l.index].sku as usize].weight_g * l.qty)
            .sum::<u32>();
    let noise = 1.0 + 0.025 * rng.gauss();
    let weighed = |factor: f64| Some((f64::from(expected) * factor * noise).max(20.0) as u32);
    let mut road = Voice::new(&courier.source, &awb);
    *now += rng.between(10, 90) * MINUTE;
    let manifested = Manifested {
        awb: awb.clone(),
        order_id: sold.id.clone().unwrap_or_default(),
        line_ids: Some(
            t.plan
                .lines
                .iter()
                .map(|l| sold.lines[l.index].id.clone())
                .collect(),
        ),
        leg: Leg::Reverse,
        rma_id: Some(t.rma.clone()),
        courier: courier.code.clone(),
        service: Some("reverse".into()),
        origin_pincode: world.geography.pincodes[sold.pincode as usize].code.clone(),
        destination_pincode: home.pincode.clone(),
        weight_g: Some(expected),
        declared_value_minor: Some((0..t.plan.lines.len()).map(|i| t.paid(i)).sum()),
        cod_amount_minor: None,
        promised_at: None,
        facility: Some(home.code.clone()),
        packer: None,
        lines: None,
    };
    let mut wms = Voice::new(&home.source, &awb);
    state.tell(
        config,
        &mut wms,
        *now,
        Body::ShipmentManifested(Box::new(manifested)),
    );
    let pickup = |scheduled: Option<i64>, reason: Option<&'static str>| Pickup {
        rma_id: t.rma.clone(),
        awb: Some(awb.clone()),
        courier: Some(courier.code.clone()),
        scheduled_for: scheduled.map(stamp),
        reason: reason.map(SmolStr::new_static),
    };
    let scan = |hub: Option<SmolStr>, weight_g: Option<u32>| Scan {
        awb: awb.clone(),
        courier: Some(courier.code.clone()),
        hub,
        pincode: None,
        agent: None,
        attempt_no: None,
        weight_g,
        raw_code: None,
        raw_text: None,
        mapping_version: None,
    };
    let scheduled = world.at(world.day_of(*now) + 1, rng.range(9.0, 12.0));
    state.tell(
        config,
        &mut t.oms,
        *now + MINUTE,
        Body::ReturnPickupScheduled(pickup(Some(scheduled), None)),
    );
    for (day, &(_, failed)) in (world.day_of(*now) + 1..).zip(&course.attempts) {
        let tried = world.at(day, rng.range(10.0, 19.5));
        *now = tried;
        if failed {
            let reason = [
                "customer_unavailable",
                "not_ready",
                "not_attempted",
                "address_issue",
            ][rng.weighted(&[45.0, 20.0, 25.0, 10.0])];
            let body = Scan {
                raw_text: Some(reason.into()),
                ..scan(None, None)
            };
            state.tell(config, &mut road, tried, Body::ShipmentPickupFailed(body));
            state.tell(
                config,
                &mut t.oms,
                tried + MINUTE,
                Body::ReturnPickupFailed(pickup(None, Some(reason))),
            );
        } else {
            let weight = weighed(t.marks.pickup_weight);
            state.tell(
                config,
                &mut road,
                tried,
                Body::ShipmentPickedUp(scan(None, weight)),
            );
            state.tell(
                config,
                &mut t.oms,
                tried + MINUTE,
                Body::ReturnPickedUp(pickup(None, None)),
            );
        }
    }
    if !picked {
        *now += rng.between(20, 60) * HOUR;
        let setback = Setback {
            awb: awb.clone(),
            reason: Some("pickup_failed".into()),
            pincode: None,
            hub: None,
            facility: None,
            raw_code: None,
            raw_text: None,
            mapping_version: None,
        };
        state.tell(config, &mut road, *now, Body::ShipmentCancelled(setback));
        if !never_handed {
            let body = t.status("pickup_failed");
            state.tell(config, &mut t.oms, *now + MINUTE, Body::ReturnCancelled(body));
        }
        return None;
    }
    if t.marks.when == When::PickedUp {
        refunds::pay(world, state, t, rng, *now + 30 * MINUTE);
    }
    let hub = format_smolstr!("HUB{}", place.code);
    state.tell(
        config,
        &mut road,
        *now + rng.between(60, 300) * MINUTE,
        Body::ShipmentArrivedAtHub(scan(Some(hub), None)),
    );
    let days = world
        .carriers
        .transit_days(chosen, world.geography.km(usize::from(facility), prefix), false)
        + rng.weighted(&[0.6, 0.25, 0.15]) as i64;
    let arrives = world.at(world.day_of(*now) + days.max(1), rng.range(9.0, 18.0));
    state.tell(
        config,
        &mut road,
        *now + (arrives - *now) / 2,
        Body::ShipmentInTransit(scan(None, None)),
    );
    if t.marks.way == Way::LostByCourier {
        let body = Setback {
            awb: awb.clone(),
            reason: Some("not_traced".into()),
            pincode: None,
            hub: None,
            facility: None,
            raw_code: None,
            raw_text: None,
            mapping_version: None,
        };
        *now = arrives + rng.between(8, 14) * DAY;
        state.tell(config, &mut road, *now, Body::ShipmentLost(body));
        refunds::pay(world, state, t, rng, *now + HOUR);
        return None;
    }
    let elsewhere = matches!(t.marks.way, Way::Elsewhere | Way::MisScan);
    let (scan_pin, scan_hub) = if elsewhere {
        let other = &world.geography.prefixes[rng.below(world.geography.prefixes.len())];
        (
            world.geography.pincodes[other.first_pincode as usize]
                .code
                .clone(),
            format_smolstr!("HUB{}", other.code),
        )
    } else {
        (home.pincode.clone(), format_smolstr!("HUB{}", &home.pincode[..3]))
    };
    let body = Delivered {
        awb: awb.clone(),
        proof: None,
        agent: None,
        pincode: Some(scan_pin),
        hub: Some(scan_hub),
        facility: (!elsewhere).then(|| home.code.clone()),
        weight_g: weighed(t.marks.received_weight),
        raw_code: Some("DL".into()),
        raw_text: None,
        mapping_version: Some(format_smolstr!("{}-1", courier.code)),
    };
    state.tell(config, &mut road, arrives, Body::ShipmentDelivered(body));
    if t.marks.way == Way::Elsewhere {
        *now = arrives;
        return None;
    }
    Some(arrives + rng.between(20, 200) * MINUTE)
}
