//! Risk of non-delivery: a score at each stage, told from what the log held before, and learned from each outcome as it comes.
//!
//! `listen` hears every new event in the order of the log: it tells outcomes to what learns, and asks for scores. `facts` writes the row of
//! features of a subject, `score` turns it into probabilities with reasons. Scores are outputs: they follow the log, not the set of events, and voiding an
//! event takes back nothing that was learned from it.
//!
//! Two probabilities are told: that the parcel is never delivered, and that the next attempt fails (of a return's pickup: never made, next one fails).

pub(crate) mod case;
mod context;
pub(crate) mod examples;
pub(crate) mod facts;
pub(crate) mod features;
mod listen;
mod output;
pub(crate) mod performance;
pub(crate) mod promoted;
pub(crate) mod score;
mod transit;

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_events::feedback::Published;
use eddy_models::additive::{Bucket, Room as Learning, Store, WAYS};
use eddy_models::calibration::{self, Calibrator, Candidate};
use eddy_models::joint::Joint;
use eddy_models::mapping::Method;
use eddy_models::regime::Regime;

use crate::interner::NO_KEY;
use crate::ledger::PAGE;
use crate::slab::{Paged, Slab};
use crate::world::World;
use case::{Case, OrderCase, Placing};
use context::Context;
use examples::Examples;
use performance::{Drifted, Judged, Performance, Place};
use promoted::{Compiled, Models};
use transit::Transit;

pub(crate) use listen::{Now, hear};
pub(crate) use output::output;

/// When a score is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Placed,
    Manifested,
    OutForDelivery,
    AttemptFailed,
    ReversePickup,
}

impl Stage {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 5] = [
        Self::Placed,
        Self::Manifested,
        Self::OutForDelivery,
        Self::AttemptFailed,
        Self::ReversePickup,
    ];
}

/// The words of the contract.
pub(crate) const STAGES: [&str; 5] = [
    "placed",
    "manifested",
    "out_for_delivery",
    "attempt_failed",
    "reverse_pickup",
];

/// Never delivered: the target of `probability`.
pub(crate) const FINAL: usize = 0;
/// The next attempt fails: the target of `attempt_probability`.
pub(crate) const ATTEMPT: usize = 1;

/// Probability above which a parcel is at risk, while no policy says otherwise.
const THRESHOLD: f64 = 0.8;
/// Buckets a page.
const BUCKET_PAGE: usize = 64;

/// Whom a score is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Order(u32),
    Parcel(u32),
    Pickup(u32),
}

/// What small state there is, written whole into each snapshot.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Small {
    context: Context,
    transit: Transit,
    /// How lanes (courier's symbol, first character of the destination) do just now.
    regimes: BTreeMap<(u32, u8), Regime>,
    /// Beliefs that most rows share, by stage.
    joints: Vec<Joint>,
    /// By stage and target.
    calibrators: Vec<Calibrator>,
    /// Day and parcels manifested on it, by courier's symbol and place whose capacity was told.
    today: BTreeMap<u32, BTreeMap<String, (i32, u32)>>,
    /// How good scores turned out.
    pub(crate) performance: Performance,
    /// Probability above which the policy in force acts.
    pub(crate) threshold: f64,
    /// Models that the log promoted.
    pub(crate) models: Models,
}

/// What a courier takes on a day: everywhere, or to one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'a> {
    /// Prefix of pincodes; empty for everywhere.
    pub(crate) place: &'a str,
    /// Parcels a day.
    pub(crate) capacity: f64,
    /// Parcels manifested on the day.
    pub(crate) taken: u32,
}

impl Small {
    /// The capacities that a parcel to a pincode counts against.
    pub(crate) fn rooms<'a>(
        &'a self,
        courier: u32,
        pincode: &'a str,
        at: i64,
        day: i32,
    ) -> impl Iterator<Item = Room<'a>> {
        let held = self.context.capacities(courier, pincode, at);
        held.into_iter().flatten().filter_map(move |(length, capacity)| {
            let place = pincode.get(..length)?;
            Some(Room {
                place,
                capacity,
                taken: self.taken(courier, place, day),
            })
        })
    }

    fn taken(&self, courier: u32, place: &str, day: i32) -> u32 {
        let counts = self.today.get(&courier).and_then(|places| places.get(place));
        counts.filter(|(of, _)| *of == day).map_or(0, |(_, count)| *count)
    }

    /// A parcel to a pincode was manifested with a courier, or given to it.
    pub(crate) fn take(&mut self, courier: u32, pincode: &str, at: i64, day: i32) {
        let held = self.context.capacities(courier, pincode, at);
        let places = self.today.entry(courier).or_default();
        for (length, _) in held.into_iter().flatten() {
            let place = pincode.get(..length).unwrap_or_default();
            // The name is written only once a place.
            if !places.contains_key(place) {
                places.insert(place.to_owned(), (day, 0));
            }
            if let Some(today) = places.get_mut(place) {
                if today.0 < day {
                    *today = (day, 0);
                }
                today.1 += u32::from(today.0 == day);
            }
        }
    }
}

/// Beliefs in pages that snapshots and spilling see.
#[derive(Debug, Default)]
pub(crate) struct Beliefs {
    pages: Slab<Bucket, BUCKET_PAGE>,
    buckets: usize,
}

impl Store for Beliefs {
    fn buckets(&self) -> usize {
        self.buckets
    }

    fn bucket(&self, at: usize) -> &Bucket {
        self.pages.get(at as u32)
    }

    fn bucket_mut(&mut self, at: usize) -> &mut Bucket {
        self.pages.get_mut(at as u32)
    }
}

/// State of the scores.
#[derive(Debug)]
pub(crate) struct Ndr {
    pub(crate) small: Small,
    beliefs: Beliefs,
    pub(crate) orders: Slab<OrderCase, PAGE>,
    pub(crate) parcels: Slab<Case, PAGE>,
    pub(crate) pickups: Slab<Case, PAGE>,
    /// Scored by the event being heard.
    pub(crate) scored: Vec<(Subject, Stage)>,
    /// Ended by the event being heard.
    pub(crate) ended: Vec<Subject>,
    /// Alarms of the event being heard.
    pub(crate) drifted: Vec<Drifted>,
    /// Outcomes since the start, where a backtest asks for them.
    pub(crate) recorded: Option<Vec<Judged>>,
    /// Rows to train on, where training asks for them.
    pub(crate) examples: Option<Examples>,
    /// The promoted models, ready to score.
    pub(crate) compiled: Compiled,
    /// Subjects whose rows wait for the next flush.
    pub(crate) dirty: Vec<Subject>,
    /// Cells of performance whose rows wait, and those that go.
    judged: (Vec<Place>, Vec<Place>),
    contributions: Vec<[f64; 2]>,
    learning: Learning,
}

impl Ndr {
    /// Nothing heard yet. At most `beliefs` keys are kept; the number is rounded up to a power of two.
    pub(crate) fn new(beliefs: usize) -> Self {
        let candidate = |method, window| Candidate { method, window };
        // The learner follows the level by itself. A map of few outcomes follows their noise: with the level of the last 500 among the candidates the
        // share of the truth's AUC among cash parcels was 0.01 lower at the door, 0.02 after a failure.
        // A line through 8,000 lies nearer to the truth than one through 4,000 at every stage, and costs as much an outcome.
        let calibration = calibration::Config {
            candidates: vec![candidate(Method::Platt, 8_000)],
            every: 64,
            every_us: 86_400_000_000,
            strength: 200.0,
            groups: 4,
            ..calibration::Config::default()
        };
        let buckets = beliefs.div_ceil(WAYS).next_power_of_two().max(BUCKET_PAGE);
        let mut beliefs = Beliefs {
            pages: Slab::default(),
            buckets,
        };
        beliefs.pages.reserve(buckets as u32 - 1);
        Self {
            small: Small {
                context: Context::default(),
                transit: Transit::default(),
                regimes: BTreeMap::new(),
                joints: vec![Joint::default(); STAGES.len()],
                calibrators: vec![Calibrator::new(calibration); STAGES.len() * 2],
                today: BTreeMap::new(),
                performance: Performance::default(),
                threshold: THRESHOLD,
                models: Models::default(),
            },
            beliefs,
            orders: Slab::default(),
            parcels: Slab::default(),
            pickups: Slab::default(),
            scored: Vec::new(),
            ended: Vec::new(),
            drifted: Vec::new(),
            recorded: None,
            examples: None,
            compiled: Compiled::default(),
            dirty: Vec::new(),
            judged: Default::default(),
            contributions: Vec::new(),
            learning: Learning::default(),
        }
    }

    /// Puts a model in force.
    ///
    /// # Errors
    /// The field that is wrong, and why.
    pub(crate) fn promote(
        &mut self,
        world: &mut World,
        slot: usize,
        published: &Published,
        artefact: Option<&Result<Vec<u8>, String>>,
    ) -> Result<(), (&'static str, String)> {
        let models = &mut self.small.models;
        models.promote(&mut world.symbols, slot, published, artefact)?;
        self.compiled = models.compile();
        Ok(())
    }

    /// Small state as a snapshot kept it.
    pub(crate) fn restore(&mut self, small: Small) {
        self.compiled = small.models.compile();
        self.small = small;
    }

    /// All paged state, in a fixed order that snapshots rely on.
    pub(crate) fn slabs(&mut self) -> [&mut dyn Paged; 4] {
        [
            &mut self.beliefs.pages,
            &mut self.orders,
            &mut self.parcels,
            &mut self.pickups,
        ]
    }

    /// The case of a subject.
    pub(crate) fn case(&self, subject: Subject) -> &Case {
        match subject {
            Subject::Order(number) => &self.orders.get(number).case,
            Subject::Parcel(number) => self.parcels.get(number),
            Subject::Pickup(number) => self.pickups.get(number),
        }
    }

    /// Whether there is a case of a subject.
    pub(crate) fn holds(&self, subject: Subject) -> bool {
        match subject {
            Subject::Order(number) => self.orders.holds(number),
            Subject::Parcel(number) => self.parcels.holds(number),
            Subject::Pickup(number) => self.pickups.holds(number),
        }
    }

    /// Log-odds that the first attempt of a parcel fails, by all but its courier: what is believed of that follows a shift within weeks. `None` when that is
    /// not asked any more, or was never scored.
    pub(crate) fn first_attempt(&self, parcel: u32) -> Option<f64> {
        let case = self.parcels.holds(parcel).then(|| self.parcels.get(parcel))?;
        let last = case.kept.last().filter(|kept| kept.attempt_open)?;
        (case.end == case::End::Open && case.failures == 0).then_some(last.apart)
    }

    /// Subjects whose rows wait, and of which stages, as bits.
    pub(crate) fn take_dirty(&mut self) -> Vec<(Subject, u8)> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty
            .into_iter()
            .map(|subject| (subject, std::mem::take(&mut self.case_mut(subject).dirty)))
            .collect()
    }

    /// Cells of performance whose rows wait, each once, and those that go.
    pub(crate) fn take_judged(&mut self) -> (Vec<Place>, Vec<Place>) {
        let (mut changed, gone) = std::mem::take(&mut self.judged);
        changed.sort_unstable();
        changed.dedup();
        (changed, gone)
    }

    /// A decision was made about a subject.
    pub(crate) fn decided(&mut self, subject: Subject, decided: (i64, u8), decision: (u64, u32, u32)) {
        let case = self.case_mut(subject);
        case.decided = decided;
        case.decision = Some(decision);
    }

    /// Drops cold pages until what is left fits `memory` bytes.
    pub(crate) fn spill(&mut self, memory: usize) {
        crate::slab::spill(&mut self.slabs(), 0, memory);
    }

    /// What the placing of an order told, if it was heard.
    pub(crate) fn placing(&self, order: u32) -> Option<&Placing> {
        (order != NO_KEY && self.orders.holds(order))
            .then(|| &self.orders.get(order).placing)
            .filter(|placing| placing.known)
    }

    fn case_mut(&mut self, subject: Subject) -> &mut Case {
        match subject {
            Subject::Order(number) => {
                self.orders.reserve(number);
                &mut self.orders.get_mut(number).case
            }
            Subject::Parcel(number) => {
                self.parcels.reserve(number);
                self.parcels.get_mut(number)
            }
            Subject::Pickup(number) => {
                self.pickups.reserve(number);
                self.pickups.get_mut(number)
            }
        }
    }
}
