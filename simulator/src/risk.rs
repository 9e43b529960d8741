//! Non-delivery: the probability that a parcel is never delivered under each courier, and the honest draw of what happens.
//!
//! The order of draws is: the outcome of the confirmation call, the slip of the first attempt, the agent, loss on the way, then attempts. The
//! probability at each stage is the exact sum over what has not been drawn yet, so truth and outcome cannot drift apart.

use crate::calendar::{self, DayFacts, SPELL_DAYS};
use crate::carriers::{AGENTS, Carriers, FAKER_EFFECT};
use crate::chance::{Rng, sigmoid};
use crate::geography::Geography;

/// What is known of a parcel, apart from its courier.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub cod: bool,
    pub facility: u16,
    pub facility_zone: u8,
    pub prefix: u16,
    /// Day of manifest, since 1970.
    pub day: i64,
    pub same_day: bool,
    /// Log-odds that the buyer, the place, the goods and the hour add.
    pub common: f64,
}

/// Outcome of the confirmation call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    None = 0,
    Confirmed = 1,
    Unanswered = 2,
}

const CHECK_SHARE: [f64; 3] = [0.66, 0.26, 0.08];
const CHECK_EFFECT: [f64; 3] = [0.0, -0.45, 0.85];
/// Days by which the first attempt slips.
pub(crate) const SLIPS: [i64; 4] = [0, 1, 2, 4];
/// Log-odds that each day of delay of the first attempt adds, up to eight.
const DELAY_EFFECT: f64 = 0.115;

/// Probabilities of one courier for one parcel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    /// Before the confirmation call.
    pub placed: f64,
    /// After it, by its outcome.
    pub checked: [f64; 3],
    pub transit: i64,
    slip_share: [f64; 4],
    /// Log-odds by slip, before call and agent.
    eta: [f64; 4],
    faker: bool,
    loss: f64,
}

/// The drawn course of one parcel.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub slip: i64,
    pub agent: u64,
    pub fake_agent: bool,
    pub lost: bool,
    pub damaged: bool,
    /// Probability of never being delivered, known when it first goes out.
    pub at_door: f64,
    /// Failure probability of each attempt made, and whether it failed.
    pub attempts: Vec<(f64, bool)>,
    /// Never delivered after each failed attempt.
    pub after: Vec<f64>,
    /// The last attempt was refused for good.
    pub hard: bool,
    /// Somebody acted after the first failure.
    pub acted: bool,
}

impl Course {
    /// A course before its attempts.
    pub(crate) fn empty() -> Self {
        Self {
            slip: 0,
            agent: 0,
            fake_agent: false,
            lost: false,
            damaged: false,
            at_door: 0.0,
            attempts: Vec::new(),
            after: Vec::new(),
            hard: false,
            acted: false,
        }
    }

    pub(crate) fn delivered(&self) -> bool {
        !self.lost && !self.damaged && self.attempts.last().is_some_and(|a| !a.1)
    }
}

/// Share of failed attempts after which somebody at the seller's acts, and what that does to the rest.
const ACTED_SHARE: f64 = 0.45;
const ACTED_EFFECT: f64 = 0.84;
const HARD_SHARE: f64 = 0.25;

pub(crate) struct Risk<'a> {
    pub seed: u64,
    pub carriers: &'a Carriers,
    pub geography: &'a Geography,
    /// Intercepts: prepaid, cash.
    pub intercept: [f64; 2],
    pub days: &'a [DayFacts],
    pub first_day: i64,
}

impl Risk<'_> {
    /// Odds of one courier. `load` is its parcels of the day over its capacity.
    pub(crate) fn odds(&self, parcel: &Parcel, courier: usize, load: f64) -> Odds {
        let prefix = usize::from(parcel.prefix);
        let place = &self.geography.prefixes[prefix];
        let zone = place.code.as_bytes()[0] - b'0';
        let region = u64::from(zone) * 10 + u64::from(place.code.as_bytes()[1] - b'0');
        let transit = self.carriers.transit_days(
            courier,
            self.geography.km(usize::from(parcel.facility), prefix),
            parcel.same_day,
        );
        let base = self.intercept[usize::from(parcel.cod)]
            + parcel.common * if parcel.cod { 1.0 } else { 0.85 }
            + self
                .carriers
                .lane(courier, parcel.facility_zone, self.geography, prefix, parcel.cod)
            + (load - 0.8).clamp(0.0, 0.3);
        let late = sigmoid(self.carriers.lateness(courier, prefix));
        let slip_share = [1.0 - late, late * 0.55, late * 0.3, late * 0.15];
        let exposure = self.carriers.couriers[courier].exposure;
        let mut eta = [0.0; 4];
        for (e, slip) in eta.iter_mut().zip(SLIPS) {
            let day = parcel.day + transit + slip;
            let (severity, _) = calendar::spell(self.seed, region, day.div_euclid(SPELL_DAYS));
            let outage = self
                .carriers
                .outage(courier, zone, day)
                .map_or(0.0, |o| o.severity);
            let facts = &self.days[(day - self.first_day).clamp(0, self.days.len() as i64 - 1) as usize];
            let traffic = if place.tier == 1 {
                0.3 * (calendar::congestion(self.seed, u64::from(parcel.prefix), day, facts.demand) - 0.35)
            } else {
                0.0
            };
            *e = base
                + facts.absence
                + traffic
                + DELAY_EFFECT * ((transit + slip).min(8) as f64 - 3.0)
                + exposure * severity
                + outage;
        }
        let faker = self.carriers.has_faker(courier, prefix);
        let mut odds = Odds {
            placed: 0.0,
            checked: [0.0; 3],
            transit,
            slip_share,
            eta,
            faker,
            loss: self.carriers.couriers[courier].loss,
        };
        let calls = if parcel.cod { 3 } else { 1 };
        for (check, effect) in CHECK_EFFECT.into_iter().enumerate().take(calls) {
            odds.checked[check] = odds.given_check(effect);
        }
        odds.placed = if parcel.cod {
            (0..3).map(|c| CHECK_SHARE[c] * odds.checked[c]).sum()
        } else {
            odds.checked[0]
        };
        odds
    }

    pub(crate) fn draw_check(&self, rng: &mut Rng, cod: bool) -> Check {
        match rng.weighted(&CHECK_SHARE) {
            _ if !cod => Check::None,
            1 => Check::Confirmed,
            2 => Check::Unanswered,
            _ => Check::None,
        }
    }
}

impl Odds {
    fn given_check(&self, shift: f64) -> f64 {
        let fake_share = if self.faker { 1.0 / AGENTS as f64 } else { 0.0 };
        let mut p = 0.0;
        for (share, eta) in self.slip_share.iter().zip(self.eta) {
            let honest = sigmoid(eta + shift);
            let mean = if self.faker {
                honest * (1.0 - fake_share) + sigmoid(eta + shift + FAKER_EFFECT) * fake_share
            } else {
                honest
            };
            p += share * mean;
        }
        self.loss + (1.0 - self.loss) * p
    }

    /// Draws what happens.
    pub(crate) fn draw(&self, rng: &mut Rng, check: Check) -> Course {
        let which = rng.weighted(&self.slip_share);
        let agent = rng.below(AGENTS as usize) as u64;
        let fake_agent = self.faker && agent == 0;
        let p = sigmoid(
            self.eta[which] + CHECK_EFFECT[check as usize] + if fake_agent { FAKER_EFFECT } else { 0.0 },
        );
        let mut course = Course {
            slip: SLIPS[which],
            agent,
            fake_agent,
            at_door: p,
            ..Course::empty()
        };
        if rng.chance(self.loss) {
            course.lost = rng.chance(0.65);
            course.damaged = !course.lost;
            return course;
        }
        attempts(rng, p, &mut course, true);
        course
    }
}

/// Three attempts whose joint probability of failing for good is exactly `p`: `p` is cut into `q1 * rest`, and the rest into a hard refusal or two
/// more attempts, and so on.
pub(crate) fn attempts(rng: &mut Rng, p: f64, course: &mut Course, refusals: bool) {
    let hard_share = if refusals { HARD_SHARE } else { 0.0 };
    let q1 = p.powf(0.66);
    let rest = p / q1;
    if !step(rng, course, q1) {
        return;
    }
    let hard = hard_share * rest;
    if rng.chance(hard) {
        course.hard = true;
        course.after.push(1.0);
        return;
    }
    let mut soft = (rest - hard) / (1.0 - hard);
    course.after.push(soft);
    // Acting helps, not acting hurts by as much as keeps the mean.
    let idle = (1.0 - ACTED_SHARE * ACTED_EFFECT) / (1.0 - ACTED_SHARE);
    course.acted = rng.chance(ACTED_SHARE);
    if soft * idle < 1.0 {
        soft *= if course.acted { ACTED_EFFECT } else { idle };
    }
    let q2 = soft.powf(0.55);
    let rest = soft / q2;
    if !step(rng, course, q2) {
        return;
    }
    let hard = hard_share * rest;
    if rng.chance(hard) {
        course.hard = true;
        course.after.push(1.0);
        return;
    }
    let q3 = (rest - hard) / (1.0 - hard);
    course.after.push(q3);
    if step(rng, course, q3) {
        course.after.push(1.0);
    }
}

fn step(rng: &mut Rng, course: &mut Course, q: f64) -> bool {
    let failed = rng.chance(q);
    course.attempts.push((q, failed));
    failed
}
