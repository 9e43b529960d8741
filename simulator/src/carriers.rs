//! Couriers: quality by lane, handling of cash, speed, losses, tariffs, serviceability, capacity, agents and outages.
//!
//! All of it is a function of the seed and the ids asked about. What a parcel's own facts add is in `risk.rs`.

use eddy_events::SmolStr;
use smol_str::format_smolstr;

use crate::chance::{Rng, gauss, hash, unit};
use crate::geography::Geography;

const NAMES: [&str; 10] = [
    "swiftleaf",
    "bluecrane",
    "marigold",
    "tridentx",
    "kesariya",
    "northgale",
    "palmroute",
    "quickheron",
    "saffronline",
    "ironwheel",
];

/// One courier.
#[derive(Clone, Debug)]
pub(crate) struct Courier {
    pub code: SmolStr,
    pub source: SmolStr,
    /// Log-odds of failure, main effect.
    pub main: f64,
    /// The same, for cash parcels alone.
    pub cash: f64,
    /// Multiplies transit days.
    pub pace: f64,
    /// Log-odds of being late.
    pub slack: f64,
    /// Probability that a parcel is lost or damaged on the way.
    pub loss: f64,
    /// How much weather hurts.
    pub exposure: f64,
    /// Share of demand by contract.
    pub share: f64,
    pub tariff: f64,
    pub max_weight_g: u32,
    pub max_cod_minor: i64,
}

/// A stretch of time and country where a courier hardly delivers.
#[derive(Clone, Debug)]
pub(crate) struct Outage {
    pub id: u32,
    pub courier: u8,
    /// First digit of the destination's prefix; 0 for all of them.
    pub zone: u8,
    /// Days since 1970, first and last.
    pub from: i64,
    pub to: i64,
    /// Added log-odds of failure.
    pub severity: f64,
}

#[derive(Debug)]
pub(crate) struct Carriers {
    seed: u64,
    pub couriers: Vec<Courier>,
    pub outages: Vec<Outage>,
    /// Whether agents who fake attempts exist.
    pub fakers: bool,
}

/// Agents of a courier in a prefix.
pub(crate) const AGENTS: u64 = 3;
/// Log-odds that an agent who fakes attempts adds.
pub(crate) const FAKER_EFFECT: f64 = 0.9;

impl Carriers {
    pub(crate) fn new(seed: u64, count: u8, outages: u32, first_day: i64, days: i64, fakers: bool) -> Self {
        let mut couriers: Vec<Courier> = (0..usize::from(count))
            .map(|c| {
                let mut rng = Rng::new(seed, 501, &[c as u64]);
                Courier {
                    code: SmolStr::new_static(NAMES[c]),
                    source: format_smolstr!("urn:courier:{}", NAMES[c]),
                    main: rng.gauss() * 0.33,
                    cash: rng.gauss() * 0.14,
                    pace: rng.range(0.85, 1.2),
                    slack: rng.gauss() * 0.4,
                    loss: (0.0035 * (rng.gauss() * 0.5).exp()).min(0.012),
                    exposure: rng.range(0.3, 0.9),
                    share: rng.range(0.5, 1.6),
                    tariff: rng.range(0.85, 1.2),
                    max_weight_g: [8_000, 15_000, 25_000, 30_000][rng.below(4)],
                    max_cod_minor: [2_500_000, 5_000_000, 5_000_000, 10_000_000][rng.below(4)],
                }
            })
            .collect();
        // The first two take everything that can be shipped, so that every parcel has a courier.
        for courier in couriers.iter_mut().take(2) {
            courier.max_weight_g = 60_000;
            courier.max_cod_minor = 100_000_000;
        }
        // Quality is spread evenly around nought: a draw of nine alike couriers would leave nothing to decide.
        let n = f64::from(count);
        let mean = couriers.iter().map(|c| c.main).sum::<f64>() / n;
        let sd = (couriers.iter().map(|c| (c.main - mean).powi(2)).sum::<f64>() / n)
            .sqrt()
            .max(0.05);
        for courier in &mut couriers {
            courier.main = (courier.main - mean) / sd * 0.27;
        }
        let total: f64 = couriers.iter().map(|c| c.share).sum();
        for courier in &mut couriers {
            courier.share /= total;
        }
        let outages = (0..outages)
            .map(|id| {
                let mut rng = Rng::new(seed, 502, &[u64::from(id)]);
                let length = rng.between(5, 14).min(days);
                let from = first_day + rng.between(days / 6, (days - length).max(days / 6));
                Outage {
                    id,
                    courier: rng.below(couriers.len()) as u8,
                    zone: rng.between(1, 8) as u8,
                    from,
                    to: from + length - 1,
                    severity: rng.range(1.8, 3.0),
                }
            })
            .collect();
        Self {
            seed,
            couriers,
            outages,
            fakers,
        }
    }

    /// Log-odds of failure of a courier on a lane, cash handling included: crossed random effects, each smaller than the one before.
    pub(crate) fn lane(
        &self,
        courier: usize,
        facility_zone: u8,
        geography: &Geography,
        prefix: usize,
        cod: bool,
    ) -> f64 {
        let (c, p) = (courier as u64, prefix as u64);
        let place = &geography.prefixes[prefix];
        let effect = |tag: u32, parts: &[u64]| gauss(hash(self.seed, tag, parts));
        let zone = u64::from(place.code.as_bytes()[0]);
        let own = &self.couriers[courier];
        own.main
            + if cod { own.cash } else { 0.0 }
            + 0.24 * effect(510, &[c, zone])
            + 0.20 * effect(511, &[c, u64::from(place.city)])
            + 0.12 * effect(512, &[c, p])
            + 0.12 * effect(513, &[c, u64::from(facility_zone)])
            + 0.10 * effect(514, &[c, u64::from(facility_zone), p])
    }

    /// Log-odds that a courier is late on a lane.
    pub(crate) fn lateness(&self, courier: usize, prefix: usize) -> f64 {
        -1.5 + self.couriers[courier].slack
            + 0.3 * gauss(hash(self.seed, 515, &[courier as u64, prefix as u64]))
    }

    /// Days from manifest to the first attempt when nothing goes wrong.
    pub(crate) fn transit_days(&self, courier: usize, km: f64, same_day: bool) -> i64 {
        if same_day {
            0
        } else {
            ((0.9 + km / 400.0) * self.couriers[courier].pace)
                .round()
                .clamp(1.0, 8.0) as i64
        }
    }

    /// Serves prepaid, cash, reverse.
    pub(crate) fn serves(&self, courier: usize, geography: &Geography, prefix: usize) -> (bool, bool, bool) {
        if courier < 2 {
            return (true, true, true);
        }
        let tier = usize::from(geography.prefixes[prefix].tier) - 1;
        let draw = |tag| unit(hash(self.seed, tag, &[courier as u64, prefix as u64]));
        let prepaid = draw(520) < [1.0, 0.97, 0.88, 0.72][tier];
        (prepaid, prepaid && draw(521) < 0.93, prepaid && draw(522) < 0.85)
    }

    /// Severity of the outage that covers a courier, a destination and a day.
    pub(crate) fn outage(&self, courier: usize, zone: u8, day: i64) -> Option<&Outage> {
        self.outages.iter().find(|o| {
            usize::from(o.courier) == courier
                && (o.zone == zone || o.zone == crate::incidents::EVERYWHERE)
                && (o.from..=o.to).contains(&day)
        })
    }

    /// Whether the first agent of a courier in a prefix fakes attempts.
    pub(crate) fn has_faker(&self, courier: usize, prefix: usize) -> bool {
        self.fakers && unit(hash(self.seed, 530, &[courier as u64, prefix as u64])) < 0.05
    }

    pub(crate) fn agent_id(
        &self,
        courier: usize,
        geography: &Geography,
        prefix: usize,
        agent: u64,
    ) -> SmolStr {
        format_smolstr!("AG{}{}-{agent}", courier, geography.prefixes[prefix].code)
    }

    /// Parcels a day that a courier takes in a week, by leg.
    pub(crate) fn capacity(&self, courier: usize, week: i64, parcels_a_day: f64, reverse: bool) -> u32 {
        let wobble =
            1.0 + 0.15 * gauss(hash(self.seed, 540, &[courier as u64, week as u64])).clamp(-1.5, 1.5);
        let scale = if reverse { 0.3 } else { 1.7 };
        (parcels_a_day * self.couriers[courier].share * scale * wobble)
            .ceil()
            .max(3.0) as u32
    }

    /// Base, per 500 g, cash fee, fee of a return to origin, all in minor units, from zone to zone.
    pub(crate) fn tariff(&self, courier: usize, from: u8, to: u8, revision: i64) -> [i64; 4] {
        let distance = f64::from(from.abs_diff(to)).min(5.0);
        let lane = 1.0
            + 0.06
                * gauss(hash(
                    self.seed,
                    541,
                    &[courier as u64, u64::from(from), u64::from(to)],
                ));
        let scale = self.couriers[courier].tariff * lane * (1.0 + 0.04 * revision as f64);
        let minor = |rupees: f64| (rupees * scale).round() as i64 * 100;
        [
            minor(38.0 + 7.0 * distance),
            minor(17.0 + 4.0 * distance),
            minor(32.0),
            minor(42.0 + 7.0 * distance),
        ]
    }

    /// Days that a courier promises from zone to zone.
    pub(crate) fn promised_days(&self, courier: usize, from: u8, to: u8) -> u16 {
        ((1.5 + f64::from(from.abs_diff(to)).min(5.0) * 0.7) * self.couriers[courier].pace).ceil() as u16
    }
}
