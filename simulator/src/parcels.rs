//! A parcel on the road: the courier chosen, its scans, attempts, and what it ends as.
//!
//! The probability is `risk.rs`'s; here it is drawn once and told.

use std::sync::Arc;

use eddy_events::returns::FacilityKind;
use eddy_events::shipment::{
    Delivered, DeliveryFailed, Leg, Line, Manifested, NdrAction, NdrActionRequested, NdrReason, Proof, Scan,
    Setback,
};
use eddy_events::{Body, SmolStr};
use smol_str::format_smolstr;

use crate::calendar::{HOUR, MINUTE};
use crate::chance::Rng;
use crate::orders::Sold;
use crate::pattern::Pattern;
use crate::returns;
use crate::risk::{Check, Course, Odds, Parcel};
use crate::shifts::packer_code;
use crate::truth::{Row, Shipment};
use crate::world::{Numbers, State, Voice, World, stamp};

/// A parcel ready to go.
pub(crate) struct Dispatch {
    pub sold: Sold,
    pub parcel: Parcel,
    pub check: Check,
    pub manifest: i64,
    pub packer: u16,
    pub cancel_at: Option<i64>,
    pub promised: i64,
}

/// A parcel that arrived, for those who ask what follows.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub awb: SmolStr,
    pub sold: Arc<Sold>,
    pub facility: u16,
    pub packer: u16,
    pub courier: u8,
    pub at: i64,
    pub late: bool,
    /// The wrong article was packed.
    pub mispicked: bool,
    /// Handed over without any proof, to nobody.
    pub false_proof: bool,
}

pub(crate) fn weight(world: &World, sold: &Sold) -> u32 {
    80 + sold
        .lines
        .iter()
        .map(|l| world.goods.skus[l.sku as usize].weight_g * l.qty)
        .sum::<u32>()
}

/// Chooses a courier, draws the course and tells it.
pub(crate) fn send(world: &World, state: &mut State, rng: &mut Rng, mut d: Dispatch) {
    let couriers = &world.carriers.couriers;
    let n = couriers.len();
    let prefix = usize::from(d.parcel.prefix);
    let weight_g = weight(world, &d.sold);
    let value: i64 = d
        .sold
        .lines
        .iter()
        .map(|l| l.unit_price * i64::from(l.qty) - l.discount)
        .sum();
    let fits = |c: usize| {
        let (prepaid, cash, _) = world.carriers.serves(c, &world.geography, prefix);
        let courier = &couriers[c];
        weight_g <= courier.max_weight_g
            && if d.parcel.cod {
                cash && value <= courier.max_cod_minor
            } else {
                prepaid
            }
    };
    // Where every courier is full the parcel waits for the next day.
    let mut loads = [0.0; 10];
    for wait in 0.. {
        let day = d.parcel.day;
        let taken = state.load.entry(day).or_insert_with(|| vec![0; n]);
        let mut open = false;
        for c in 0..n {
            let capacity = world
                .carriers
                .capacity(c, day.div_euclid(7), world.parcels_a_day, false);
            loads[c] = f64::from(taken[c]) / f64::from(capacity);
            open |= fits(c) && taken[c] < capacity;
        }
        if open || wait == 10 {
            break;
        }
        d.parcel.day += 1;
        d.manifest += 24 * HOUR;
        d.cancel_at = d.cancel_at.map(|at| at + 24 * HOUR);
    }
    let able = |c: usize| fits(c) && loads[c] < 1.0;
    let risk = world.risk();
    let odds: Vec<Option<Odds>> = (0..n)
        .map(|c| fits(c).then(|| risk.odds(&d.parcel, c, loads[c])))
        .collect();
    let mut chosen = world.draw_courier(rng, d.parcel.prefix, able);
    if odds[chosen].is_none() {
        chosen = (0..n).find(|&c| odds[c].is_some()).unwrap_or(0);
    }
    let Some(own) = odds[chosen] else { return };
    if let Some(taken) = state.load.get_mut(&d.parcel.day) {
        taken[chosen] += 1;
    }
    let course = own.draw(rng, d.check);
    let awb = format_smolstr!("AWB{:09}", Numbers::next(&mut state.numbers.awb));
    let round = |p: f64| (p * 1e6).round() / 1e6;
    let cancelled = d.cancel_at.is_some();
    let zone = world.geography.prefixes[prefix].code.as_bytes()[0] - b'0';
    let first_out = d.parcel.day + own.transit + course.slip;
    let outcome = match () {
        () if cancelled => "cancelled",
        () if course.lost => "lost",
        () if course.damaged => "damaged",
        () if course.delivered() => "delivered",
        () => "rto",
    };
    let went = !cancelled && !course.lost && !course.damaged;
    state.truth.push(Row::Shipment(Box::new(Shipment {
        awb: awb.clone(),
        order_id: d.sold.id.clone().unwrap_or_default(),
        payment_mode: if d.sold.cod { "cod" } else { "prepaid" },
        courier: couriers[chosen].code.clone(),
        courier_index: chosen,
        manifested_at: stamp(d.manifest),
        placed: odds.iter().map(|o| o.map(|o| round(o.placed))).collect(),
        manifested: odds
            .iter()
            .map(|o| o.map(|o| round(o.checked[d.check as usize])))
            .collect(),
        out_for_delivery: went.then(|| round(course.at_door)),
        attempts: if went {
            course.attempts.iter().map(|a| round(a.0)).collect()
        } else {
            Vec::new()
        },
        after_attempt: if went {
            course.after.iter().map(|&a| round(a)).collect()
        } else {
            Vec::new()
        },
        outcome,
        outage: world.carriers.outage(chosen, zone, first_out).map(|o| o.id),
    })));
    tell(
        world,
        state,
        rng,
        &d,
        chosen,
        &awb,
        &course,
        (weight_g, value, first_out),
    );
}

#[allow(clippy::too_many_arguments)]
fn tell(
    world: &World,
    state: &mut State,
    rng: &mut Rng,
    d: &Dispatch,
    chosen: usize,
    awb: &SmolStr,
    course: &Course,
    (weight_g, value, first_out): (u32, i64, i64),
) {
    let courier = &world.carriers.couriers[chosen];
    let facility = &world.geography.facilities[usize::from(d.parcel.facility)];
    let prefix = usize::from(d.parcel.prefix);
    let place = &world.geography.prefixes[prefix];
    let config = &world.config;
    let mispicked = rng.chance(0.006);
    // Another article weighs otherwise: the parcel's own weight gives a mis-pick away.
    let true_weight = (f64::from(weight_g)
        * if mispicked {
            rng.range(0.5, 1.8)
        } else {
            1.0 + 0.03 * rng.gauss()
        }) as u32;
    let mut wms = Voice::new(&facility.source, awb);
    let mut road = Voice::new(&courier.source, awb);
    let destination = world.geography.pincodes[d.sold.pincode as usize].code.clone();
    let manifested = Manifested {
        awb: awb.clone(),
        order_id: d.sold.id.clone().unwrap_or_default(),
        line_ids: Some(d.sold.lines.iter().map(|l| l.id.clone()).collect()),
        leg: Leg::Forward,
        rma_id: None,
        courier: courier.code.clone(),
        service: Some(SmolStr::new_static(if d.parcel.same_day {
            "same_day"
        } else {
            "surface"
        })),
        origin_pincode: facility.pincode.clone(),
        destination_pincode: destination.clone(),
        weight_g: Some(true_weight),
        declared_value_minor: Some(value),
        cod_amount_minor: d.sold.cod.then_some(value),
        promised_at: Some(stamp(d.promised)),
        facility: Some(facility.code.clone()),
        packer: Some(packer_code(&facility.code, d.packer)),
        lines: Some(
            d.sold
                .lines
                .iter()
                .map(|l| Line {
                    line_id: l.id.clone(),
                    sku: world.goods.skus[l.sku as usize].code.clone(),
                    qty: l.qty,
                    serial: l.serial.clone(),
                    batch: Some(world.goods.batch_code(l.sku, l.batch)),
                })
                .collect(),
        ),
    };
    let mut at = d.manifest;
    state.tell(
        config,
        &mut wms,
        at,
        Body::ShipmentManifested(Box::new(manifested)),
    );
    let setback = |reason: &'static str, hub: Option<SmolStr>| Setback {
        awb: awb.clone(),
        reason: Some(SmolStr::new_static(reason)),
        pincode: None,
        hub,
        facility: None,
        raw_code: None,
        raw_text: None,
        mapping_version: None,
    };
    if let Some(cancel) = d.cancel_at {
        state.tell(
            config,
            &mut wms,
            cancel.max(at + MINUTE),
            Body::ShipmentCancelled(setback("order_cancelled", None)),
        );
        return;
    }
    let out_at = |day: i64, rng: &mut Rng| world.at(day, rng.range(8.0, 10.5));
    // The first attempt goes out in the morning; a dark store's within the hour.
    let mut out = if d.parcel.same_day && course.slip == 0 {
        at + rng.between(25, 80) * MINUTE
    } else {
        out_at(first_out, rng)
    };
    let span = (out - at).max(40 * MINUTE);
    // Where parcels lie, everything after the pickup comes days later.
    let zone = place.code.as_bytes()[0] - b'0';
    let lies = world.incidents.lies(
        world.seed,
        (chosen as u8, zone, d.parcel.facility),
        d.parcel.day,
        state.numbers.awb,
    ) * 24
        * HOUR;
    out += lies;
    let step = |share: f64| at + (span as f64 * share) as i64 + if share > 0.2 { lies } else { 0 };
    let scan = |hub: Option<SmolStr>| Scan {
        awb: awb.clone(),
        courier: Some(courier.code.clone()),
        hub,
        pincode: None,
        agent: None,
        attempt_no: None,
        weight_g: None,
        raw_code: None,
        raw_text: None,
        mapping_version: None,
    };
    let origin_hub = format_smolstr!("HUB{}", &facility.pincode[..3]);
    let hub = format_smolstr!("HUB{}", place.code);
    let dark = facility.kind == FacilityKind::DarkStore;
    if rng.chance(0.02) && !dark {
        state.tell(
            config,
            &mut road,
            step(0.06),
            Body::ShipmentPickupFailed(scan(None)),
        );
    }
    let picked = Scan {
        weight_g: rng.chance(0.7).then_some(true_weight),
        ..scan(None)
    };
    state.tell(config, &mut road, step(0.15), Body::ShipmentPickedUp(picked));
    if !dark {
        // One scan in twenty-five is forgotten.
        if rng.chance(0.96) {
            state.tell(
                config,
                &mut road,
                step(0.3),
                Body::ShipmentArrivedAtHub(scan(Some(origin_hub.clone()))),
            );
        }
        if course.damaged {
            state.tell(
                config,
                &mut road,
                step(0.6),
                Body::ShipmentDamaged(setback("damaged_at_hub", Some(origin_hub))),
            );
            return;
        }
        if rng.chance(0.96) {
            state.tell(config, &mut road, step(0.45), Body::ShipmentInTransit(scan(None)));
        }
    }
    if course.lost || course.damaged {
        let found = if course.lost {
            at + rng.between(10 * 24, 18 * 24) * HOUR
        } else {
            step(0.7)
        };
        let body = if course.lost {
            Body::ShipmentLost(setback("not_traced", None))
        } else {
            Body::ShipmentDamaged(setback("damaged_on_the_way", None))
        };
        state.tell(config, &mut road, found, body);
        return;
    }
    if !dark && rng.chance(0.96) {
        state.tell(
            config,
            &mut road,
            step(0.85),
            Body::ShipmentArrivedAtHub(scan(Some(hub.clone()))),
        );
    }
    let agent = world
        .carriers
        .agent_id(chosen, &world.geography, prefix, course.agent);
    let refuser = d
        .sold
        .strike
        .as_ref()
        .is_some_and(|s| s.pattern == Pattern::CodRefusalAbuse);
    let severe = crate::calendar::spell(
        world.seed,
        region(&place.code),
        first_out.div_euclid(crate::calendar::SPELL_DAYS),
    )
    .0;
    for (i, &(_, failed)) in course.attempts.iter().enumerate() {
        let attempt_no = Some(i as u16 + 1);
        let going = Scan {
            agent: Some(agent.clone()),
            attempt_no,
            hub: Some(hub.clone()),
            ..scan(None)
        };
        state.tell(config, &mut road, out, Body::ShipmentOutForDelivery(going));
        at = out
            + if dark {
                rng.between(15, 70) * MINUTE
            } else {
                rng.between(40, 600) * MINUTE
            };
        if !failed {
            break;
        }
        let last = i + 1 == course.attempts.len();
        let hard = course.hard && last;
        let faked = course.fake_agent && !hard && rng.chance(0.7);
        let reason = if hard {
            NdrReason::CustomerRefused
        } else {
            draw_reason(rng, &d.sold, severe, refuser)
        };
        let reason = if faked {
            NdrReason::CustomerUnavailable
        } else {
            reason
        };
        let proof = if faked {
            state.truth.push(Row::FakeAttempt {
                awb: awb.clone(),
                attempt_no: i as u16 + 1,
                agent: agent.clone(),
            });
            Proof {
                call: Some(false),
                gps: Some(false),
                otp: Some(false),
                signature: None,
            }
        } else {
            // An honest agent mostly proves it; phones fail too.
            Proof {
                call: Some(rng.chance(0.85)),
                gps: Some(rng.chance(0.94)),
                otp: Some(hard && rng.chance(0.5)),
                signature: None,
            }
        };
        if faked {
            // Reported in a batch, soon after leaving.
            at = out + rng.between(8, 25) * MINUTE;
        }
        let body = DeliveryFailed {
            awb: awb.clone(),
            attempt_no,
            ndr_reason: reason,
            agent: Some(agent.clone()),
            proof: Some(proof),
            raw_code: Some(format_smolstr!("N{:02}", reason as u8)),
            raw_text: None,
            mapping_version: Some(format_smolstr!("{}-1", courier.code)),
        };
        state.tell(config, &mut road, at, Body::ShipmentDeliveryFailed(body));
        if last {
            break;
        }
        if i == 0 && course.acted {
            let action = match reason {
                NdrReason::AddressIssue => NdrAction::FixAddress,
                NdrReason::Rescheduled => NdrAction::Reschedule,
                _ => NdrAction::Reattempt,
            };
            let mut oms = Voice {
                told: 50,
                ..Voice::new(&SmolStr::new_static("urn:oms:main"), awb)
            };
            let body = NdrActionRequested {
                awb: awb.clone(),
                action,
                scheduled_for: None,
                address_hash: None,
                hub: None,
                decision_id: None,
            };
            state.tell(
                config,
                &mut oms,
                at + rng.between(15, 180) * MINUTE,
                Body::ShipmentNdrActionRequested(body),
            );
        }
        out = out_at(
            world.day_of(at) + if reason == NdrReason::Rescheduled { 2 } else { 1 },
            rng,
        );
    }
    if course.delivered() {
        let false_proof = rng.chance(0.0012);
        let proven = d
            .sold
            .strike
            .as_ref()
            .is_some_and(|s| s.pattern == Pattern::FalseNonReceipt);
        let otp = !false_proof && (proven || value > 500_000 || rng.chance(0.35));
        let body = Delivered {
            awb: awb.clone(),
            proof: Some(Proof {
                call: None,
                gps: Some(!false_proof && rng.chance(0.97)),
                otp: Some(otp),
                signature: Some(!false_proof && rng.chance(0.5)),
            }),
            agent: Some(agent),
            pincode: Some(destination),
            hub: Some(hub),
            facility: None,
            weight_g: None,
            raw_code: Some(SmolStr::new_static("DL")),
            raw_text: None,
            mapping_version: Some(format_smolstr!("{}-1", courier.code)),
        };
        state.tell(config, &mut road, at, Body::ShipmentDelivered(body));
        let arrived = Arrived {
            awb: awb.clone(),
            late: at > d.promised,
            sold: Arc::new(d.sold.clone()),
            facility: d.parcel.facility,
            packer: d.packer,
            courier: chosen as u8,
            at,
            mispicked,
            false_proof,
        };
        returns::after_delivery(world, state, rng, arrived);
        return;
    }
    let initiated = at + rng.between(3, 30) * HOUR;
    state.tell(
        config,
        &mut road,
        initiated,
        Body::ShipmentRtoInitiated(setback(
            if course.hard {
                "refused"
            } else {
                "attempts_exhausted"
            },
            Some(hub.clone()),
        )),
    );
    let back = initiated + rng.between(2 * 24, 7 * 24) * HOUR;
    if rng.chance(0.6) {
        state.tell(
            config,
            &mut road,
            initiated + (back - initiated) / 2,
            Body::ShipmentInTransit(scan(None)),
        );
    }
    let home = Setback {
        facility: Some(facility.code.clone()),
        pincode: Some(facility.pincode.clone()),
        reason: None,
        ..setback("", None)
    };
    state.tell(config, &mut road, back, Body::ShipmentRtoDelivered(home));
}

/// First two digits of a prefix, as a number.
pub(crate) fn region(prefix: &str) -> u64 {
    let b = prefix.as_bytes();
    u64::from(b[0] - b'0') * 10 + u64::from(b[1] - b'0')
}

fn draw_reason(rng: &mut Rng, sold: &Sold, severe: f64, refuser: bool) -> NdrReason {
    use NdrReason as R;
    let cash = if sold.cod { 1.0 } else { 0.2 };
    let vague = ((0.75 - sold.customer.address_quality) * 60.0).max(0.0);
    let reasons = [
        (R::CustomerUnavailable, 34.0),
        (R::CustomerRefused, if refuser { 160.0 } else { 9.0 * cash }),
        (R::Rescheduled, 13.0),
        (R::NotAttempted, 8.0),
        (R::Unreachable, 12.0),
        (R::AddressIssue, 4.0 + vague),
        (R::PaymentIssue, 7.0 * cash),
        (R::OutOfArea, 1.0),
        (R::SelfCollect, 1.0),
        (R::RestrictedEntry, 1.5),
        (R::PremisesClosed, 4.0),
        (R::OpenDeliveryDemand, 2.0 * cash),
        (R::WeatherOrDisruption, 1.0 + 30.0 * severe),
        (R::Unknown, 2.0),
    ];
    reasons[rng.weighted(&reasons.map(|r| r.1))].0
}
