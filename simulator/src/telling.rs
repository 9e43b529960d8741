//! The telling of a world, day by day: what is published about it, the orders of the day, and arrivals in order of time.
//!
//! Holds no world of its own; memory is what is under way.

use std::sync::Arc;

use eddy_events::context::{
    CalendarKind, CalendarPublished, CatalogueItemUpdated, CourierCapacityUpdated, FacilityUpdated,
    PincodePublished, ServiceabilityUpdated, TariffPublished, TrafficObserved, WeatherObserved,
};
use eddy_events::shipment::Leg;
use eddy_events::{Body, Event, SmolStr, Timestamp};
use smol_str::format_smolstr;

use crate::abuse::{self, Abuse, Strike};
use crate::calendar::{self, DAY, HOUR, MINUTE, SECOND, SPELL_DAYS};
use crate::chance::{Rng, pick_cumulative};
use crate::goods::CATEGORIES;
use crate::orders::{self, OrderPlan};
use crate::parcels::region;
use crate::pattern::Pattern;
use crate::reverse;
use crate::shifts::{style_code, supplier_code};
use crate::truth::Row;
use crate::world::{Item, Numbers, State, TAIL_DAYS, Voice, World, stamp};

/// An event with the moment it arrives.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// When it arrives, never before it happened.
    pub arrival: Timestamp,
    /// What arrives.
    pub event: Event,
}

/// Demand by hour of the day, from midnight.
const HOURS: [f64; 24] = [
    1.6, 0.9, 0.5, 0.3, 0.3, 0.5, 1.0, 1.8, 2.8, 3.8, 4.8, 5.4, 5.4, 5.0, 4.8, 4.8, 4.9, 5.1, 5.5, 6.2, 6.8,
    6.8, 5.4, 3.2,
];

/// Events of a world in order of arrival. Truth goes to the sink as it is settled.
pub struct Events<T> {
    world: Arc<World>,
    state: State,
    sink: T,
    /// Next day to be told, since 1970.
    day: i64,
    rng: Rng,
    hours: Vec<f64>,
    region_list: Vec<(u64, SmolStr)>,
    done: bool,
}

impl<T: FnMut(Row)> Events<T> {
    pub(crate) fn new(world: Arc<World>, sink: T) -> Self {
        let facilities = world.geography.facilities.len();
        let abuse = Abuse::new(&world);
        let mut sum = 0.0;
        let hours = HOURS
            .iter()
            .map(|h| {
                sum += h;
                sum
            })
            .collect();
        let mut region_list: Vec<(u64, SmolStr)> = Vec::new();
        for p in &world.geography.prefixes {
            let r = region(&p.code);
            if region_list.iter().all(|x| x.0 != r) {
                region_list.push((r, format_smolstr!("{r}")));
            }
        }
        let state = State {
            queue: crate::queue::Queue::new(),
            numbers: Numbers::default(),
            load: Default::default(),
            desk: vec![0; facilities],
            restock_desk: vec![0; facilities],
            seen: Vec::new(),
            noise: Rng::new(world.seed, 1101, &[]),
            truth: Vec::new(),
            abuse,
        };
        let rng = Rng::new(world.seed, 1102, &[]);
        let day = world.first_day;
        let mut events = Self {
            world,
            state,
            sink,
            day,
            rng,
            hours,
            region_list,
            done: false,
        };
        events.open();
        events
    }

    /// Truth and context known before the first order.
    fn open(&mut self) {
        let world = self.world.clone();
        let (w, state) = (&*world, &mut self.state);
        let names: Vec<SmolStr> = w.carriers.couriers.iter().map(|c| c.code.clone()).collect();
        let day_start = |day: i64| stamp(w.at(day, 0.0));
        state.truth.push(Row::World {
            seed: w.seed,
            couriers: names.clone(),
            start: w.config.start,
            days: w.config.days,
        });
        for o in &w.carriers.outages {
            state.truth.push(Row::Outage {
                id: o.id,
                courier: names[usize::from(o.courier)].clone(),
                destination_zone: o.zone,
                from: day_start(o.from),
                to: day_start(o.to + 1),
                severity: (o.severity * 1e3).round() / 1e3,
            });
        }
        for s in &w.shifts {
            let (dimension, value) = s.described(&w.goods, &names, &w.geography.facilities);
            state.truth.push(Row::Shift {
                id: s.id,
                dimension,
                value,
                onset: day_start(s.from),
                to: day_start(s.to + 1),
                factor: (s.factor * 1e3).round() / 1e3,
                reason_group: eddy_events::returns::REASON_GROUPS[s.reason],
            });
        }
        for i in w.incidents.iter() {
            let (subject, dimension, value) = i.described(&names, &w.geography.facilities);
            state.truth.push(Row::Incident {
                id: i.id,
                subject,
                dimension,
                value,
                onset: day_start(i.from),
                to: day_start(i.to + 1),
                size: (i.size * 1e3).round() / 1e3,
            });
        }
        for (c, courier) in names.iter().enumerate() {
            for p in 0..w.geography.prefixes.len() {
                if w.carriers.has_faker(c, p) {
                    let agent = w.carriers.agent_id(c, &w.geography, p, 0);
                    state.truth.push(Row::Agent {
                        agent,
                        courier: courier.clone(),
                        pattern: Pattern::FakeAttempt,
                    });
                }
            }
        }
        let start = w.at(w.first_day, 0.0);
        let oms = SmolStr::new_static("urn:oms:master");
        let tms = SmolStr::new_static("urn:tms:main");
        for f in &w.geography.facilities {
            let body = FacilityUpdated {
                facility: f.code.clone(),
                kind: f.kind,
                pincode: f.pincode.clone(),
                inspect_per_day: Some(f.inspect_per_day),
                restock_per_day: Some(f.restock_per_day),
            };
            state.tell(
                &w.config,
                &mut Voice::new(&oms, &f.code),
                start,
                Body::ContextFacilityUpdated(body),
            );
        }
        for p in &w.geography.pincodes {
            let prefix = &w.geography.prefixes[usize::from(p.prefix)];
            let body = PincodePublished {
                pincode: p.code.clone(),
                district: SmolStr::new_static(prefix.city_name),
                state: SmolStr::new_static(prefix.state),
                tier: Some(prefix.tier),
                lat: Some(prefix.lat),
                lon: Some(prefix.lon),
            };
            state.tell(
                &w.config,
                &mut Voice::new(&oms, &p.code),
                start,
                Body::ContextPincodePublished(body),
            );
        }
        for s in &w.goods.skus {
            let category = &CATEGORIES[usize::from(s.category)];
            let body = CatalogueItemUpdated {
                sku: s.code.clone(),
                style: Some(style_code(s.style)),
                category: SmolStr::new_static(category.name),
                size: Some(SmolStr::new_static(category.sizes[usize::from(s.size)])),
                price_minor: s.price,
                cost_minor: Some(s.cost),
                weight_g: Some(s.weight_g),
                fragile: Some(category.fragile),
                serialised: Some(category.serialised),
                returnable_days: Some(category.window_days),
                supplier_id: Some(supplier_code(s.supplier)),
            };
            state.tell(
                &w.config,
                &mut Voice::new(&oms, &s.code),
                start + SECOND,
                Body::ContextCatalogueItemUpdated(body),
            );
        }
        for (c, courier) in w.carriers.couriers.iter().enumerate() {
            let mut voice = Voice::new(&tms, &format_smolstr!("{}-s", courier.code));
            for (p, prefix) in w.geography.prefixes.iter().enumerate() {
                let (prepaid, cod, reverse) = w.carriers.serves(c, &w.geography, p);
                let body = ServiceabilityUpdated {
                    courier: courier.code.clone(),
                    pincode_prefix: prefix.code.clone(),
                    cod,
                    prepaid,
                    reverse,
                    max_weight_g: Some(courier.max_weight_g),
                    max_cod_minor: Some(courier.max_cod_minor),
                    embargo: None,
                    valid_from: stamp(start),
                };
                publish(
                    state,
                    w,
                    &mut voice,
                    &courier.code,
                    start,
                    Body::ContextServiceabilityUpdated(body),
                );
            }
        }
    }

    /// What is published on a day, and its orders.
    fn begin_day(&mut self) {
        let world = self.world.clone();
        let (w, day) = (&*world, self.day);
        let start = w.at(day, 0.0);
        let since = day - w.first_day;
        let state = &mut self.state;
        let tms = SmolStr::new_static("urn:tms:main");
        state.load.retain(|&d, _| d >= day - 1);
        if since % 180 == 0 {
            for (c, courier) in w.carriers.couriers.iter().enumerate() {
                let mut voice = Voice::new(&tms, &format_smolstr!("{}-t{since}", courier.code));
                for from in 1..=8 {
                    for to in 1..=8 {
                        let [base, per, cod, rto] = w.carriers.tariff(c, from, to, since / 180);
                        let body = TariffPublished {
                            courier: courier.code.clone(),
                            zone_from: format_smolstr!("{from}"),
                            zone_to: format_smolstr!("{to}"),
                            base_minor: base,
                            per_500g_minor: per,
                            cod_fee_minor: Some(cod),
                            rto_fee_minor: Some(rto),
                            transit_days: w.carriers.promised_days(c, from, to),
                            valid_from: stamp(start),
                        };
                        publish(
                            state,
                            w,
                            &mut voice,
                            &courier.code,
                            start,
                            Body::ContextTariffPublished(body),
                        );
                    }
                }
            }
        }
        self.capacities(start);
        self.calendar_and_sky(start);
        if since < i64::from(w.config.days) {
            self.orders_of_day(since as usize);
        }
        self.day += 1;
    }

    /// Capacities, by the week.
    fn capacities(&mut self, start: i64) {
        let world = self.world.clone();
        let (w, day) = (&*world, self.day);
        let since = day - w.first_day;
        let state = &mut self.state;
        let tms = SmolStr::new_static("urn:tms:main");
        if since == 0 || day.rem_euclid(7) == 0 {
            let week = day.div_euclid(7);
            for (c, courier) in w.carriers.couriers.iter().enumerate() {
                for (leg, reverse) in [(Leg::Forward, false), (Leg::Reverse, true)] {
                    let body = CourierCapacityUpdated {
                        courier: courier.code.clone(),
                        pincode_prefix: None,
                        leg,
                        capacity: w.carriers.capacity(c, week, w.parcels_a_day, reverse),
                        valid_from: stamp(w.at(week * 7, 0.0)),
                        valid_to: stamp(w.at(week * 7 + 7, 0.0)),
                    };
                    let mut voice = Voice::new(
                        &tms,
                        &format_smolstr!("{}-c{week}{}", courier.code, if reverse { "r" } else { "f" }),
                    );
                    publish(
                        state,
                        w,
                        &mut voice,
                        &courier.code,
                        start,
                        Body::ContextCourierCapacityUpdated(body),
                    );
                }
            }
        }
    }

    fn calendar_and_sky(&mut self, start: i64) {
        let world = self.world.clone();
        let (w, day) = (&*world, self.day);
        let state = &mut self.state;
        let met = SmolStr::new_static("urn:met:observer");
        let (year, month, date) = calendar::civil(day);
        // The year's calendar is known a fortnight ahead at least: it is published in December and at the start.
        let mut years = Vec::new();
        if day == w.first_day {
            years.push(year);
        }
        if (month, date) == (12, 10) || day == w.first_day && (month, date) > (12, 10) {
            years.push(year + 1);
        }
        for year in years {
            for s in calendar::spans(year) {
                let first = (day - 370..day + 760)
                    .find(|&d| calendar::civil(d) == (year, s.month, s.day))
                    .unwrap_or(day);
                let name = format_smolstr!("{}-{year}", s.name);
                let body = CalendarPublished {
                    name: name.clone(),
                    kind: if s.sale {
                        CalendarKind::Sale
                    } else {
                        CalendarKind::Festival
                    },
                    valid_from: stamp(w.at(first, 0.0)),
                    valid_to: stamp(w.at(first + i64::from(s.length), 0.0)),
                    pincode_prefix: None,
                };
                state.tell(
                    &w.config,
                    &mut Voice::new(&SmolStr::new_static("urn:oms:calendar"), &name),
                    start,
                    Body::ContextCalendarPublished(body),
                );
            }
        }
        // Spells of weather are known a day ahead.
        if (day + 1).rem_euclid(SPELL_DAYS) == 0 || day == w.first_day {
            let spell = (day + 1).div_euclid(SPELL_DAYS);
            for (number, code) in &self.region_list {
                let (severity, condition) = calendar::spell(w.seed, *number, spell);
                if severity <= 0.0 {
                    continue;
                }
                let body = WeatherObserved {
                    pincode_prefix: code.clone(),
                    condition: SmolStr::new_static(condition),
                    severity,
                    valid_from: stamp(w.at(spell * SPELL_DAYS, 0.0)),
                    valid_to: stamp(w.at((spell + 1) * SPELL_DAYS, 0.0)),
                };
                let mut voice = Voice::new(&met, &format_smolstr!("{code}-{spell}"));
                publish(
                    state,
                    w,
                    &mut voice,
                    code,
                    start + 6 * HOUR,
                    Body::ContextWeatherObserved(body),
                );
            }
        }
        for (p, prefix) in w
            .geography
            .prefixes
            .iter()
            .enumerate()
            .filter(|(_, p)| p.tier == 1)
        {
            let body = TrafficObserved {
                pincode_prefix: prefix.code.clone(),
                congestion: calendar::congestion(w.seed, p as u64, day, w.facts(day).demand),
                valid_from: stamp(start),
                valid_to: stamp(start + DAY),
            };
            let mut voice = Voice::new(
                &SmolStr::new_static("urn:traffic:feed"),
                &format_smolstr!("{}-{day}", prefix.code),
            );
            publish(
                state,
                w,
                &mut voice,
                &prefix.code,
                start + 5 * MINUTE,
                Body::ContextTrafficObserved(body),
            );
        }
    }

    fn orders_of_day(&mut self, since: usize) {
        let world = self.world.clone();
        let w = &*world;
        let sofar = |d: usize| w.demand[..d].iter().sum::<f64>();
        // Rounding is carried over, so that the year adds up to the orders asked for.
        let count = sofar(since + 1).round() as u64 - sofar(since).round() as u64;
        for _ in 0..count {
            let hour = pick_cumulative(&self.hours, self.rng.unit());
            let at = w.at(self.day, hour as f64) + (self.rng.unit() * HOUR as f64) as i64;
            let customer = w.people.customer(&w.geography, w.people.draw(&mut self.rng));
            self.state
                .queue
                .push(at, Item::Order(Box::new(OrderPlan::ordinary(at, customer))));
        }
    }

    fn act(&mut self, item: Item) -> Option<Event> {
        let world = self.world.clone();
        let w = &*world;
        match item {
            Item::Event(event) => return Some(event),
            Item::Order(plan) => {
                let plan = *plan;
                let last = w.at(w.first_day + i64::from(w.config.days), 0.0);
                if plan.strike.is_none() && plan.instead.is_none() {
                    abuse::accrue(w, &mut self.state, plan.at);
                    self.lost_receipt(&plan);
                }
                // Scripts end with the world's last day; an exchange that was promised is still sent.
                if plan.at < last || plan.instead.is_some() {
                    orders::place(w, &mut self.state, plan);
                }
            }
            Item::Return(plan) => reverse::tell(w, &mut self.state, &plan),
        }
        for row in self.state.truth.drain(..) {
            (self.sink)(row);
        }
        None
    }

    /// Now and then somebody honest brings something back without a receipt.
    fn lost_receipt(&mut self, plan: &OrderPlan) {
        if !self.rng.chance(0.0006) {
            return;
        }
        let strike = Strike {
            pattern: Pattern::NoMatchingSale,
            episode: self.rng.next(),
            hit: false,
            wanted: &[],
            qty: 1,
            cod: None,
            refusal: 0.0,
            agent: None,
        };
        let made = abuse::without_sale(&self.world, &mut self.rng, plan.customer.clone(), strike, plan.at);
        self.state.queue.push(made.at, Item::Return(Box::new(made)));
    }
}

/// Tells under a subject that is not the voice's own: ids stay unique where one courier has many publications.
fn publish(state: &mut State, world: &World, voice: &mut Voice, subject: &SmolStr, at: i64, body: Body) {
    state.tell_about(&world.config, voice, subject, at, body);
}

impl<T: FnMut(Row)> Iterator for Events<T> {
    type Item = Delivered;

    fn next(&mut self) -> Option<Delivered> {
        loop {
            let end = self.world.at(self.day, 0.0);
            if let Some((at, item)) = self.state.queue.pop_before(end) {
                if let Some(event) = self.act(item) {
                    return Some(Delivered {
                        arrival: stamp(at),
                        event,
                    });
                }
                continue;
            }
            let last = self.world.first_day + i64::from(self.world.config.days);
            if self.done || (self.day >= last && self.state.queue.is_empty()) || self.day > last + TAIL_DAYS {
                self.done = true;
                for row in self.state.truth.drain(..) {
                    (self.sink)(row);
                }
                return None;
            }
            if self.day < last {
                self.begin_day();
            } else {
                // Only what is under way goes on; the sky is still observed for it.
                let start = self.world.at(self.day, 0.0);
                self.capacities(start);
                self.calendar_and_sky(start);
                self.day += 1;
            }
        }
    }
}
