//! What couriers can do and take: serviceability, limits, embargoes, tariffs, and the capacity that is left. All of it from events.
//!
//! The entry of the longest prefix of the pincode stands. Of entries with a future `valid_from`, the latest that has begun counts.

use std::collections::{BTreeMap, BTreeSet};

use bitcode::{Decode, Encode};
use eddy_events::context::{ServiceabilityUpdated, TariffPublished};

use crate::facilities::Queue;
use crate::interner::Symbols;
use crate::world::World;

/// Entries kept of one key: the one in force, one before, and what is announced.
const ENTRIES: usize = 4;

/// Service of a courier at a place.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Service {
    from: i64,
    pub(crate) cod: bool,
    pub(crate) prepaid: bool,
    pub(crate) reverse: bool,
    pub(crate) embargo: bool,
    /// `u32::MAX` for no limit.
    pub(crate) max_weight_g: u32,
    /// `i64::MAX` for no limit.
    pub(crate) max_cod_minor: i64,
}

/// Price of a courier between zones, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Tariff {
    from: i64,
    base_minor: i64,
    per_500g_minor: i64,
    cod_fee_minor: i64,
    pub(crate) rto_fee_minor: i64,
}

impl Tariff {
    /// Price of a parcel, without its way back.
    pub(crate) fn price_minor(&self, weight_g: u32, cod: bool) -> i64 {
        let steps = i64::from(weight_g.max(1).div_ceil(500) - 1);
        self.base_minor + self.per_500g_minor * steps + if cod { self.cod_fee_minor } else { 0 }
    }
}

/// The network. Couriers are symbols, places prefixes of pincodes.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Network {
    /// Every courier that was told of, in the order of symbols.
    pub(crate) couriers: BTreeSet<u32>,
    services: BTreeMap<(u32, String), Vec<Service>>,
    tariffs: BTreeMap<(u32, String, String), Vec<Tariff>>,
    /// Longest prefixes told of.
    longest: (usize, usize),
    /// Parcels that decisions promised to a courier on a day and no event has moved yet.
    reserved: BTreeMap<(u32, i32, String), u32>,
    /// By number of a facility: returns that decisions of a day sent there.
    diverted: BTreeMap<u32, (i32, u32)>,
    /// Queues of the facilities, by number, when the day began.
    queues: Vec<Queue>,
}

fn in_force<T: Copy>(entries: &[T], at: i64, from: impl Fn(&T) -> i64) -> Option<T> {
    entries
        .iter()
        .filter(|entry| from(entry) <= at)
        .max_by_key(|entry| from(entry))
        .copied()
}

fn enter<T>(entries: &mut Vec<T>, entry: T, from: impl Fn(&T) -> i64) {
    entries.retain(|old| from(old) != from(&entry));
    entries.push(entry);
    entries.sort_by_key(|entry| from(entry));
    if entries.len() > ENTRIES {
        entries.remove(0);
    }
}

impl Network {
    pub(crate) fn serves(&mut self, symbols: &mut Symbols, told: &ServiceabilityUpdated) {
        let courier = symbols.of(&told.courier);
        self.couriers.insert(courier);
        self.longest.0 = self.longest.0.max(told.pincode_prefix.len());
        let service = Service {
            from: told.valid_from.micros,
            cod: told.cod,
            prepaid: told.prepaid,
            reverse: told.reverse,
            embargo: told.embargo == Some(true),
            max_weight_g: told.max_weight_g.unwrap_or(u32::MAX),
            max_cod_minor: told.max_cod_minor.unwrap_or(i64::MAX),
        };
        let entries = self
            .services
            .entry((courier, told.pincode_prefix.to_string()))
            .or_default();
        enter(entries, service, |entry| entry.from);
    }

    pub(crate) fn charges(&mut self, symbols: &mut Symbols, told: &TariffPublished) {
        let courier = symbols.of(&told.courier);
        self.couriers.insert(courier);
        self.longest.1 = self.longest.1.max(told.zone_from.len()).max(told.zone_to.len());
        let tariff = Tariff {
            from: told.valid_from.micros,
            base_minor: told.base_minor,
            per_500g_minor: told.per_500g_minor,
            cod_fee_minor: told.cod_fee_minor.unwrap_or(0),
            rto_fee_minor: told.rto_fee_minor.unwrap_or(0),
        };
        let key = (courier, told.zone_from.to_string(), told.zone_to.to_string());
        enter(self.tariffs.entry(key).or_default(), tariff, |entry| entry.from);
    }

    /// What a courier does at a pincode.
    pub(crate) fn service(&self, courier: u32, pincode: &str, at: i64) -> Option<Service> {
        let length = self.longest.0.min(pincode.len());
        (1..=length).rev().find_map(|length| {
            let key = (courier, pincode.get(..length)?.to_owned());
            in_force(self.services.get(&key)?, at, |entry| entry.from)
        })
    }

    /// What a courier charges from one pincode to another.
    pub(crate) fn tariff(&self, courier: u32, from: &str, to: &str, at: i64) -> Option<Tariff> {
        let length = self.longest.1.min(from.len()).min(to.len());
        (1..=length).rev().find_map(|length| {
            let key = (
                courier,
                from.get(..length)?.to_owned(),
                to.get(..length)?.to_owned(),
            );
            in_force(self.tariffs.get(&key)?, at, |entry| entry.from)
        })
    }

    /// Parcels promised to a courier on a day, everywhere (an empty place) or to a place.
    pub(crate) fn reserved(&self, courier: u32, day: i32, place: &str) -> u32 {
        let key = (courier, day, place.to_owned());
        self.reserved.get(&key).copied().unwrap_or(0)
    }

    /// Promises a parcel to a courier: it counts everywhere and at its place. Days before the last two are forgotten.
    pub(crate) fn reserve(&mut self, courier: u32, day: i32, place: &str) {
        self.reserved.retain(|(_, reserved, _), _| *reserved >= day - 2);
        for place in levels(place) {
            *self.reserved.entry((courier, day, place.to_owned())).or_default() += 1;
        }
    }

    /// A day began: queues are those of its beginning until the next, so that no event waits for sums.
    pub(crate) fn begin_day(&mut self, world: &World) {
        let numbers = 0..world.facility_keys.len();
        self.queues = numbers
            .map(|number| world.facilities.get(number).queue())
            .collect();
    }

    /// Queues of a facility when the day began.
    pub(crate) fn queue(&self, facility: u32) -> Queue {
        self.queues.get(facility as usize).copied().unwrap_or_default()
    }

    /// Returns that decisions of a day sent to a facility.
    pub(crate) fn diverted(&self, facility: u32, day: i32) -> u32 {
        self.diverted
            .get(&facility)
            .filter(|(of, _)| *of == day)
            .map_or(0, |(_, returns)| *returns)
    }

    /// A decision of a day sends a return to a facility.
    pub(crate) fn divert(&mut self, facility: u32, day: i32) {
        let (of, returns) = self.diverted.entry(facility).or_default();
        if *of != day {
            (*of, *returns) = (day, 0);
        }
        *returns += 1;
    }

    /// The promised parcel was moved, or will not be.
    pub(crate) fn release(&mut self, courier: u32, day: i32, place: &str) {
        for place in levels(place) {
            if let Some(count) = self.reserved.get_mut(&(courier, day, place.to_owned())) {
                *count = count.saturating_sub(1);
            }
        }
    }
}

/// Everywhere, and the place where it is another.
fn levels(place: &str) -> impl Iterator<Item = &str> {
    std::iter::once("").chain(Some(place).filter(|place| !place.is_empty()))
}
