//! The world itself: what is settled before the first day, and the state that moves while days pass.
//!
//! [`World`] is fixed and shared; [`State`] moves. Days, context and arrival are in `telling.rs`, an order's life in `orders.rs`, a
//! return's in `returns.rs`.

use std::collections::BTreeMap;

use eddy_events::order::Channel;
use eddy_events::{Body, Envelope, Event, SmolStr, Timestamp};
use smol_str::format_smolstr;

use crate::abuse::Abuse;
use crate::calendar::{self, DAY, DayFacts, HOUR, MINUTE, SECOND};
use crate::carriers::Carriers;
use crate::chance::{Rng, logit, sigmoid};
use crate::config::{ConfigError, WorldConfig};
use crate::geography::Geography;
use crate::goods::Goods;
use crate::incidents::Incidents;
use crate::orders::OrderPlan;
use crate::people::People;
use crate::returns::ReturnPlan;
use crate::risk::{Parcel, Risk};
use crate::shifts::{self, Shift};
use crate::truth::Row;

/// India's offset.
pub(crate) const OFFSET_MINUTES: i16 = 330;
/// Days that deliveries and returns run on after the last order.
pub(crate) const TAIL_DAYS: i64 = 150;

/// What never changes in a world.
pub(crate) struct World {
    pub config: WorldConfig,
    pub seed: u64,
    pub geography: Geography,
    pub goods: Goods,
    pub people: People,
    pub carriers: Carriers,
    pub shifts: Vec<Shift>,
    pub incidents: Incidents,
    /// First day, counted from 1970 in local time.
    pub first_day: i64,
    pub days: Vec<DayFacts>,
    /// Orders expected each day.
    pub demand: Vec<f64>,
    pub parcels_a_day: f64,
    pub intercept: [f64; 2],
    pub cash_intercept: f64,
    /// Returns expected from an order.
    pub returns_per_order: f64,
}

impl World {
    pub(crate) fn new(config: WorldConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let seed = config.seed;
        let local = config.start.micros + i64::from(OFFSET_MINUTES) * MINUTE;
        let first_day = local.div_euclid(DAY);
        let days: Vec<DayFacts> = (0..i64::from(config.days) + TAIL_DAYS)
            .map(|d| calendar::facts(first_day + d))
            .collect();
        let span = config.days as usize;
        let weight: f64 = days[..span].iter().map(|d| d.demand).sum();
        let demand = days[..span]
            .iter()
            .map(|d| config.orders as f64 * d.demand / weight)
            .collect();
        let parcels_a_day = config.orders as f64 / f64::from(config.days);
        let geography = Geography::new(seed, parcels_a_day * 0.16);
        let goods = Goods::new(seed, config.skus, config.return_scale);
        let people = People::new(seed, config.customers);
        let fakers = config.abuses.contains(&crate::Pattern::FakeAttempt);
        let mut carriers = Carriers::new(
            seed,
            config.couriers,
            config.outages,
            first_day,
            i64::from(config.days),
            fakers,
        );
        let mut shifts = shifts::schedule(
            seed,
            &goods,
            config.shifts,
            carriers.couriers.len(),
            geography.warehouses,
            first_day,
            i64::from(config.days),
        );
        let incidents = Incidents::schedule(
            seed,
            config.incidents,
            (carriers.couriers.len(), geography.warehouses),
            first_day,
            i64::from(config.days),
        );
        shifts.extend(incidents.shifts(config.shifts));
        carriers.outages.extend(incidents.outages(config.outages));
        let mut world = Self {
            seed,
            geography,
            goods,
            people,
            carriers,
            shifts,
            incidents,
            first_day,
            days,
            demand,
            parcels_a_day,
            intercept: [logit(config.prepaid_failure), logit(config.cod_failure)],
            cash_intercept: logit(config.cod_share),
            returns_per_order: 0.16,
            config,
        };
        world.calibrate();
        Ok(world)
    }

    /// Finds the intercepts at which the means are those of the configuration, on parcels drawn apart from the world's own.
    fn calibrate(&mut self) {
        let mut rng = Rng::new(self.seed, 801, &[]);
        let mut parcels = Vec::new();
        let (mut cash, mut returns) = (Vec::new(), 0.0);
        let sample = 5_000;
        for _ in 0..sample {
            let day = self.first_day + rng.below(self.config.days as usize) as i64;
            let customer = self.people.customer(&self.geography, self.people.draw(&mut rng));
            let plan = OrderPlan::ordinary(0, customer);
            let (lines, value) = self.draw_lines(&mut rng, &plan, day);
            cash.push(self.cash_odds(&plan.customer, value));
            let mut none = 1.0;
            for line in &lines {
                let p = sigmoid(
                    f64::from(self.goods.skus[line.sku as usize].propensity) + plan.customer.returning,
                );
                none *= 1.0 - p;
            }
            returns += 1.0 - none;
            let channel = if rng.chance(0.05) {
                Channel::Phone
            } else {
                [Channel::Web, Channel::App][rng.below(2)]
            };
            let hour = if rng.chance(0.045) { 2 } else { 14 };
            // First orders are the more, the fewer orders a customer has.
            let first_share = (self.config.customers as f64 / self.config.orders as f64 * 0.8).min(0.9);
            let first = rng.chance(first_share);
            let common = self.common_odds(&mut rng, &plan, &lines, value, hour, Some(channel), first);
            let prefix = self.geography.pincodes[plan.customer.pincode as usize].prefix;
            let facility = self.draw_facility(&mut rng, prefix, &lines);
            let courier = self.draw_courier(&mut rng, prefix, |_| true);
            parcels.push((self.parcel(facility, prefix, day, common), courier));
        }
        self.cash_intercept = solve(self.config.cod_share, |x| {
            cash.iter().map(|c| sigmoid(x + c)).sum::<f64>() / cash.len() as f64
        });
        // Each parcel counts in either mode by its chance of being paid so.
        let chance: Vec<f64> = cash.iter().map(|c| sigmoid(self.cash_intercept + c)).collect();
        for (mode, target) in [(0, self.config.prepaid_failure), (1, self.config.cod_failure)] {
            let world = &*self;
            let mean = |x: f64| {
                let mut intercept = world.intercept;
                intercept[mode] = x;
                let risk = Risk {
                    intercept,
                    ..world.risk()
                };
                let (mut sum, mut weight) = (0.0, 0.0);
                for ((parcel, courier), &c) in parcels.iter().zip(&chance) {
                    let w = if mode == 1 { c } else { 1.0 - c };
                    let parcel = Parcel {
                        cod: mode == 1,
                        ..parcel.clone()
                    };
                    sum += w * risk.odds(&parcel, *courier, 0.7).placed;
                    weight += w;
                }
                sum / weight
            };
            let x = solve(target, mean);
            self.intercept[mode] = x;
        }
        let delivered = 1.0
            - self.config.cod_share * self.config.cod_failure
            - (1.0 - self.config.cod_share) * self.config.prepaid_failure;
        // Some parcels are cancelled, and some requests would come after the window and never do.
        self.returns_per_order = returns / f64::from(sample) * delivered * 0.90;
    }

    pub(crate) fn risk(&self) -> Risk<'_> {
        Risk {
            seed: self.seed,
            carriers: &self.carriers,
            geography: &self.geography,
            intercept: self.intercept,
            days: &self.days,
            first_day: self.first_day,
        }
    }

    /// Facts of a day since 1970; days beyond the end are as the last.
    pub(crate) fn facts(&self, day: i64) -> &DayFacts {
        &self.days[(day - self.first_day).clamp(0, self.days.len() as i64 - 1) as usize]
    }

    /// Day since 1970, in local time, of a moment.
    pub(crate) fn day_of(&self, at: i64) -> i64 {
        (at + i64::from(OFFSET_MINUTES) * MINUTE).div_euclid(DAY)
    }

    /// The moment of an hour of a local day.
    pub(crate) fn at(&self, day: i64, hours: f64) -> i64 {
        day * DAY - i64::from(OFFSET_MINUTES) * MINUTE + (hours * HOUR as f64) as i64
    }

    /// Hour of the local day, 0 to 23.
    pub(crate) fn hour_of(&self, at: i64) -> i64 {
        (at + i64::from(OFFSET_MINUTES) * MINUTE).rem_euclid(DAY) / HOUR
    }
}

/// Bisection of a rising function.
fn solve(target: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-9.0, 5.0);
    for _ in 0..26 {
        let middle = (low + high) / 2.0;
        if f(middle) < target {
            low = middle
        } else {
            high = middle
        }
    }
    (low + high) / 2.0
}

/// Local time with its offset.
pub(crate) fn stamp(micros: i64) -> Timestamp {
    Timestamp {
        micros,
        offset_minutes: OFFSET_MINUTES,
    }
}

/// What the queue holds. The queue boxes its items, so the size of the largest does no harm.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Item {
    Event(Event),
    Order(Box<OrderPlan>),
    Return(Box<ReturnPlan>),
}

/// Numbers given out so far.
#[derive(Default)]
pub(crate) struct Numbers {
    pub order: u64,
    pub awb: u64,
    pub rma: u64,
    pub refund: u64,
    pub claim: u64,
    pub other: u64,
}

impl Numbers {
    pub(crate) fn next(counter: &mut u64) -> u64 {
        *counter += 1;
        *counter
    }
}

/// The moving state of one telling.
pub(crate) struct State {
    pub queue: crate::queue::Queue<Item>,
    pub numbers: Numbers,
    /// Forward parcels of each courier by day of manifest.
    pub load: BTreeMap<i64, Vec<u32>>,
    /// When each facility's inspection desk is free again.
    pub desk: Vec<i64>,
    pub restock_desk: Vec<i64>,
    /// Whether a customer has ordered.
    pub seen: Vec<bool>,
    pub noise: Rng,
    pub truth: Vec<Row>,
    pub abuse: Abuse,
}

/// Who speaks of one entity: numbers its events, so that ids are short and never repeat.
pub(crate) struct Voice {
    pub source: SmolStr,
    pub subject: SmolStr,
    pub told: u32,
}

impl Voice {
    pub(crate) fn new(source: &SmolStr, subject: &SmolStr) -> Self {
        Self {
            source: source.clone(),
            subject: subject.clone(),
            told: 0,
        }
    }
}

impl State {
    /// Sends an event on its way; it arrives soon, late, or twice.
    pub(crate) fn tell(&mut self, config: &WorldConfig, voice: &mut Voice, at: i64, body: Body) {
        let subject = voice.subject.clone();
        self.tell_about(config, voice, &subject, at, body);
    }

    /// The same, about another subject than the one that numbers the ids.
    pub(crate) fn tell_about(
        &mut self,
        config: &WorldConfig,
        voice: &mut Voice,
        subject: &SmolStr,
        at: i64,
        body: Body,
    ) {
        let id = format_smolstr!("{}.{}", voice.subject, voice.told);
        voice.told += 1;
        let event = Event {
            envelope: Envelope {
                id,
                source: voice.source.clone(),
                subject: subject.clone(),
                // Systems stamp milliseconds.
                time: stamp(at / 1000 * 1000),
                tenant: config.tenant.clone(),
                dataversion: 1,
                traceparent: None,
                causationid: None,
            },
            body,
        };
        self.send(config, at, event);
    }

    fn send(&mut self, config: &WorldConfig, at: i64, event: Event) {
        let n = &mut self.noise;
        let mut arrival = at + (n.range(0.2, 2.5) * SECOND as f64) as i64;
        let u = n.unit();
        if u < config.late_rate {
            let hours = 1.0 + n.unit() * n.unit() * (f64::from(config.late_max_hours) - 1.0).max(0.0);
            arrival += (hours.min(f64::from(config.late_max_hours)) * HOUR as f64) as i64;
        } else if u < config.late_rate + config.disorder_rate {
            arrival += (n.unit() * f64::from(config.disorder_max_minutes) * MINUTE as f64) as i64;
        }
        if n.unit() < config.duplicate_rate {
            let again = arrival + (n.exponential(1_200.0).min(21_600.0) * SECOND as f64) as i64 + SECOND;
            self.queue.push(again, Item::Event(event.clone()));
        }
        self.queue.push(arrival, Item::Event(event));
    }
}
