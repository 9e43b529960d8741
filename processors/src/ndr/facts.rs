//! From what is known of a subject to its row of features. Only what the log held before the scored event, and the event itself, is read here.

use std::hash::Hasher;

use eddy_events::order::Channel;
use rustc_hash::FxHasher;

use super::case::{Case, Placing};
use super::features::{F, Row};
use super::transit::{Lane, lane};
use super::{Ndr, Stage};
use crate::facts::NO_TIME;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::world::World;

/// Bits of a proof that say that the buyer gave a code: what was said at the door is his word. Call and position tell of the agent.
const CODE: u64 = 0b11_0000;
const DAY_US: i64 = 86_400_000_000;

/// A key of several parts.
pub(crate) fn key(parts: &[u64]) -> u64 {
    let mut hasher = FxHasher::default();
    for part in parts {
        hasher.write_u64(*part);
    }
    hasher.finish()
}

/// A word that is no symbol, such as an agent or an address.
pub(crate) fn word(text: &str) -> u64 {
    twox_hash::XxHash3_64::oneshot(text.as_bytes())
}

/// The first characters of a pincode as a number.
pub(crate) fn prefix(pincode: &str, length: usize) -> u32 {
    pincode
        .bytes()
        .take(length)
        .fold(1, |sum, byte| sum << 8 | u32::from(byte))
        & 0x3FFF_FFFF
}

/// Where a parcel goes and how, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    /// Number of the order.
    pub(crate) order: u32,
    pub(crate) payment: u8,
    pub(crate) destination: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) courier: u32,
    pub(crate) promised_at: i64,
}

impl Way<'_> {
    /// The lane for transit times.
    pub(crate) fn lane(&self) -> Lane {
        lane(
            self.courier,
            (prefix(self.origin, 1), prefix(self.destination, 1)),
            (prefix(self.origin, 3), prefix(self.destination, 3)),
        )
    }

    /// The lane whose present state is watched.
    pub(crate) fn watched(&self) -> (u32, u8) {
        (self.courier, self.destination.bytes().next().unwrap_or(0))
    }
}

/// The way of an order that has no parcel yet.
pub(crate) fn way_of_order(world: &World, order: u32) -> Option<Way<'_>> {
    let of = world.orders.get(order);
    let placed = of.standing()?;
    Some(Way {
        order,
        payment: of.payment().unwrap_or(u8::MAX),
        destination: world.pincode_keys.get(placed.pincode),
        origin: "",
        courier: NO_SYMBOL,
        promised_at: placed.promised_at,
    })
}

/// The way of a parcel.
pub(crate) fn way_of_parcel(world: &World, parcel: u32) -> Way<'_> {
    let of = world.shipments.get(parcel);
    let manifest = of.manifest();
    let placed = (of.order != NO_KEY)
        .then(|| world.orders.get(of.order))
        .and_then(|order| order.standing());
    let destination = manifest.map_or("", |manifest| world.symbols.text(manifest.destination));
    Way {
        order: of.order,
        payment: world.payment_of(parcel),
        destination: match placed {
            Some(placed) if destination.is_empty() => world.pincode_keys.get(placed.pincode),
            _ => destination,
        },
        origin: manifest.map_or("", |manifest| world.symbols.text(manifest.origin)),
        courier: of.state.courier,
        promised_at: manifest
            .map(|manifest| manifest.promised_at)
            .filter(|at| *at != NO_TIME)
            .or_else(|| placed.map(|placed| placed.promised_at))
            .unwrap_or(NO_TIME),
    }
}

impl Ndr {
    /// Features of the order: the buyer, the place, the goods, the payment.
    pub(crate) fn order_features(&self, world: &World, way: &Way<'_>, row: &mut Row) {
        row.keyed(F::Payment, u64::from(way.payment));
        if way.order == NO_KEY {
            return;
        }
        let order = world.orders.get(way.order);
        if let Some(confirmed) = order.cod_confirmed() {
            row.keyed(F::Confirmation, 1 + u64::from(confirmed));
        } else {
            row.keyed(F::Confirmation, u64::from(way.payment) << 8);
        }
        if let Some(placed) = order.standing() {
            row.keyed(F::Customer, u64::from(placed.customer));
            let pincode = world.pincodes.get(placed.pincode);
            let (district, tier) = pincode.district();
            if district != NO_SYMBOL {
                row.keyed(F::District, u64::from(district));
            }
            if tier != 0 {
                row.keyed(F::Tier, u64::from(tier));
            }
            row.keyed(F::Pincode, u64::from(placed.pincode));
        }
        if !way.destination.is_empty() {
            row.keyed(F::Prefix, u64::from(prefix(way.destination, 3)));
        }
        if let Some(placing) = self.placing(way.order) {
            placing_features(placing, row);
        }
    }

    /// Features of the courier on its lane, for an attempt at `eta`.
    pub(crate) fn courier_features(&self, world: &World, way: &Way<'_>, at: i64, row: &mut Row) {
        let courier = u64::from(way.courier);
        if way.courier == NO_SYMBOL {
            return;
        }
        row.keyed(F::Courier, courier);
        row.keyed(F::CourierPayment, key(&[courier, u64::from(way.payment)]));
        let (zone, region) = (
            u64::from(prefix(way.destination, 1)),
            u64::from(prefix(way.destination, 3)),
        );
        let origin = u64::from(prefix(way.origin, 1));
        row.keyed(F::CourierOrigin, key(&[courier, origin]));
        row.keyed(F::CourierZone, key(&[courier, zone]));
        row.keyed(F::CourierPrefix, key(&[courier, region]));
        row.keyed(F::CourierLane, key(&[courier, origin, region]));
        if way.order != NO_KEY
            && let Some(placed) = world.orders.get(way.order).standing()
        {
            let (district, _) = world.pincodes.get(placed.pincode).district();
            if district != NO_SYMBOL {
                row.keyed(F::CourierDistrict, key(&[courier, u64::from(district)]));
            }
        }
        let day = world.zone.day(at);
        let rooms = self.small.rooms(way.courier, way.destination, at, day);
        let load = rooms.map(|room| f64::from(room.taken) / room.capacity.max(1.0));
        if let Some(load) = load.reduce(f64::max).filter(|load| *load > 0.0) {
            row.valued(F::Load, (load - 0.8).clamp(0.0, 0.5), load);
        }
    }

    /// Features of the day of the attempt.
    pub(crate) fn day_features(&self, world: &World, way: &Way<'_>, eta: i64, row: &mut Row) {
        let context = &self.small.context;
        if let Some(severity) = context
            .weather(way.destination, eta)
            .filter(|severity| *severity > 0.0)
        {
            row.valued(F::Weather, severity, severity);
            if way.courier != NO_SYMBOL {
                row.both(F::CourierWeather, u64::from(way.courier), severity, severity);
            }
        }
        if let Some(congestion) = context.traffic(way.destination, eta) {
            row.valued(F::Traffic, congestion - 0.35, congestion);
        }
        if let Some(name) = context.calendar(way.destination, eta) {
            row.keyed(F::Calendar, u64::from(name));
        }
        row.keyed(
            F::Weekday,
            u64::from((world.zone.day(eta) + 3).rem_euclid(7) as u32),
        );
        if way.promised_at != NO_TIME {
            let slack = (way.promised_at - eta) as f64 / DAY_US as f64;
            row.valued(F::Promised, slack.clamp(-5.0, 5.0), slack);
        }
    }

    /// Days from manifest to the attempt.
    pub(crate) fn delay_features(&self, days: f64, row: &mut Row) {
        row.valued(F::Days, days.clamp(0.0, 8.0) - 3.0, days);
    }

    /// Features of the attempts so far.
    pub(crate) fn attempt_features(&self, case: &Case, stage: Stage, payment: u8, agent: u64, row: &mut Row) {
        let out = u64::from(stage == Stage::OutForDelivery);
        // After a failure the ways of paying differ in how much worse it gets with each attempt.
        let payment = if case.failures > 0 {
            1 + u64::from(payment)
        } else {
            0
        };
        row.keyed(
            F::Attempt,
            payment << 8 | u64::from(case.failures.min(6)) << 1 | out,
        );
        if agent != 0 {
            row.keyed(F::Agent, agent);
        }
        if case.failures > 0 && case.reason != 0 {
            let (reason, proof) = (u64::from(case.reason), u64::from(case.proof));
            let code = u64::from(proof & CODE == CODE);
            row.why = reason;
            // A parcel that goes out again was not refused for good, whatever was said.
            row.keyed(
                F::Reason,
                key(&[reason, u64::from(case.failures.min(3)), out, code]),
            );
            row.keyed(F::Proof, proof & !CODE);
            row.keyed(F::Action, u64::from(case.action) << 1 | out);
        }
    }
}

fn placing_features(placing: &Placing, row: &mut Row) {
    row.keyed(F::Channel, u64::from(placing.channel));
    row.keyed(F::Hour, u64::from(placing.hour / 3));
    if placing.first {
        row.keyed(F::First, 0);
    }
    if placing.gift {
        row.keyed(F::Gift, 0);
    }
    if placing.free {
        row.keyed(F::Free, 0);
    }
    if placing.value_minor > 0 {
        let money = placing.value_minor as f64 / 100.0;
        row.valued(F::Value, (money / 1_200.0).ln().clamp(-3.0, 3.0), money);
    }
    if placing.category != NO_SYMBOL {
        row.keyed(F::Category, u64::from(placing.category));
    }
    if placing.address != 0 {
        row.keyed(F::Address, placing.address);
    }
    if placing.address_quality >= 0.0 {
        let quality = f64::from(placing.address_quality);
        row.valued(F::Quality, quality - 0.75, quality);
    }
}

/// Name of a channel.
pub(crate) fn channel(index: u8) -> Option<&'static str> {
    Channel::ALL
        .get(usize::from(index))
        .map(|channel| channel.as_str())
}
