//! Fraud: what speaks for it, what speaks against it, how likely it is, and whom to tell.
//!
//! `listen`, with `parcel` and `claim`, hears every new event in the order of the log and keeps what it says as facts of a return ([`case`]), of its customer ([`profile`]) and of who is linked to
//! whom ([`graph`]). `assess` lets the detectors ([`detectors`], one file a pattern) look at what the event touched, adds their findings up to one
//! probability ([`score`]), and raises, updates or clears alerts ([`alerts`]). `review` learns from people's verdicts. `timers` wake cases whose sign is
//! absence.
//!
//! Fault elsewhere comes first: each detector looks for its innocent explanation before it names a customer, and says which it looked for. No feature is a protected
//! attribute or stands for one: no name, age, sex, language or region. Scores and alerts are outputs: they follow the log and never enter a projection.

pub(crate) mod alerts;
mod assess;
pub(crate) mod case;
mod claim;
mod detectors;
pub(crate) mod eligibility;
mod finding;
mod graph;
mod known;
mod listen;
pub(crate) mod neighbours;
mod oddness;
mod output;
mod parcel;
pub(crate) mod pattern;
mod policy;
mod profile;
mod recent;
mod review;
mod score;
mod timers;

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_events::output::{Data, OutputType};
use smol_str::SmolStr;
use twox_hash::XxHash3_64;

use crate::interner::NO_KEY;
use crate::ledger::{Ledger, PAGE};
use crate::slab::{Paged, Slab};
use crate::world::World;
use alerts::Alert;
use case::{Article, Claim, Fact, ReturnCase, Sale};
use graph::{Graph, Shared};
use known::Known;
use oddness::Oddness;
use policy::Policy;
use profile::{Agent, Employee, Peers, Profile, Share};
use recent::Recent;
use score::Beliefs;
use timers::Timers;

pub(crate) use listen::hear;
pub(crate) use output::given;

/// Serial numbers remembered with the order they were sent with.
const SERIALS: u32 = 1 << 16;
/// Parcels whose scans came before their manifest, and wait for it.
const PARKED: usize = 4_096;

/// What small state there is, written whole into each snapshot.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Small {
    policy: Policy,
    peers: Peers,
    beliefs: Beliefs,
    oddness: Oddness,
    timers: Timers,
    /// Alerts that wait for a verdict.
    open: u32,
    parked: BTreeMap<u32, Vec<Fact>>,
}

/// State of fraud.
#[derive(Debug)]
pub(crate) struct Fraud {
    pub(crate) small: Small,
    pub(crate) cases: Slab<ReturnCase, PAGE>,
    sales: Slab<Sale, PAGE>,
    articles: Slab<Article, PAGE>,
    profiles: Slab<Profile, PAGE>,
    claims: Ledger<u64, Claim>,
    /// The first claim that showed an image.
    images: Ledger<u64, u32>,
    agents: Ledger<u64, Agent>,
    employees: Ledger<u64, Employee>,
    /// Mismatches on parcels, by who packed them.
    packers: Ledger<u64, Share>,
    pub(crate) alerts: Ledger<u64, Alert>,
    graph: Graph,
    serials: Recent,
    /// Whoever is not known.
    nobody: Profile,
    /// Outputs of the event being heard.
    pub(crate) told: Vec<(OutputType, (SmolStr, Data))>,
    /// Returns to look at again because of the event being heard.
    again: Vec<u32>,
    dirty_scores: Vec<u32>,
    dirty_alerts: Vec<u32>,
    /// The policy stays, whatever the log publishes.
    held: bool,
}

impl Default for Fraud {
    fn default() -> Self {
        Self {
            small: Small::default(),
            cases: Slab::default(),
            sales: Slab::default(),
            articles: Slab::default(),
            profiles: Slab::default(),
            claims: Ledger::default(),
            images: Ledger::default(),
            agents: Ledger::default(),
            employees: Ledger::default(),
            packers: Ledger::default(),
            alerts: Ledger::default(),
            graph: Graph::default(),
            serials: Recent::new(SERIALS),
            nobody: Profile::default(),
            told: Vec::new(),
            again: Vec::new(),
            dirty_scores: Vec::new(),
            dirty_alerts: Vec::new(),
            held: false,
        }
    }
}

/// Hash of a word that stands for somebody or something.
pub(crate) fn hashed(word: &str) -> u64 {
    XxHash3_64::oneshot(word.as_bytes()).max(1)
}

/// Hash of a word that may be absent, 0 for none.
fn hashed_option(word: Option<&str>) -> u64 {
    word.map_or(0, hashed)
}

/// Key of a courier's agent, or of a facility's packer: names are given within a house.
fn within(house: u32, who: &str) -> u64 {
    eddy_models::random::mix(hashed(who) ^ u64::from(house))
}

impl Fraud {
    /// Puts a policy in force for good. Whether it says anything of fraud.
    pub(crate) fn hold(&mut self, body: &serde_json::Value) -> Result<bool, String> {
        let policy = Policy::of_body(body, "held").transpose()?;
        self.held = policy.is_some();
        self.small.policy = policy.unwrap_or_default();
        Ok(self.held)
    }

    /// All paged state, in a fixed order that snapshots rely on.
    pub(crate) fn slabs(&mut self) -> Vec<&mut dyn Paged> {
        let mut slabs: Vec<&mut dyn Paged> = vec![
            &mut self.cases,
            &mut self.sales,
            &mut self.articles,
            &mut self.profiles,
            &mut self.claims.entries,
            &mut self.images.entries,
            &mut self.agents.entries,
            &mut self.employees.entries,
            &mut self.packers.entries,
            &mut self.alerts.entries,
            self.serials.paged(),
        ];
        slabs.extend(self.graph.slabs());
        slabs
    }

    /// Builds the indexes again from the restored pages.
    pub(crate) fn reindex(&mut self) {
        self.claims.reindex();
        self.images.reindex();
        self.agents.reindex();
        self.employees.reindex();
        self.packers.reindex();
        self.alerts.reindex();
        self.graph.reindex();
    }

    /// Bytes held by indexes.
    pub(crate) fn index_bytes(&self) -> usize {
        self.claims.index_bytes()
            + self.images.index_bytes()
            + self.agents.index_bytes()
            + self.employees.index_bytes()
            + self.packers.index_bytes()
            + self.alerts.index_bytes()
            + self.graph.values.index_bytes()
    }

    /// Drops cold pages until what is left fits `memory` bytes.
    pub(crate) fn spill(&mut self, memory: usize) {
        crate::slab::spill(&mut self.slabs(), 0, memory);
    }

    /// Returns whose scores wait for the next flush.
    pub(crate) fn take_scored(&mut self) -> Vec<u32> {
        let dirty = std::mem::take(&mut self.dirty_scores);
        for rma in &dirty {
            self.cases.get_mut(*rma).dirty = false;
        }
        dirty
    }

    /// Alerts whose rows wait for the next flush.
    pub(crate) fn take_alerts(&mut self) -> Vec<u32> {
        let dirty = std::mem::take(&mut self.dirty_alerts);
        for number in &dirty {
            self.alerts.entries.get_mut(*number).value.dirty = false;
        }
        dirty
    }

    fn profile(&self, customer: u32) -> &Profile {
        if customer != NO_KEY && self.profiles.holds(customer) {
            self.profiles.get(customer)
        } else {
            &self.nobody
        }
    }

    fn sale(&self, order: u32) -> Option<&Sale> {
        (order != NO_KEY && self.sales.holds(order)).then(|| self.sales.get(order))
    }

    fn article(&self, sku: u32) -> Article {
        if self.articles.holds(sku) {
            *self.articles.get(sku)
        } else {
            Article::default()
        }
    }

    /// Returns of a customer, the latest first.
    fn returns_of(&self, customer: u32) -> impl Iterator<Item = u32> + '_ {
        let mut next = self.profile(customer).last_return;
        std::iter::from_fn(move || {
            let of = (next != NO_KEY).then_some(next)?;
            next = self.cases.get(of).previous;
            Some(of)
        })
    }

    /// Whether a customer, or somebody of the cluster, has paid with an instrument.
    fn instrument_of(&self, instrument: u64, customer: u32) -> bool {
        if customer == NO_KEY {
            return false;
        }
        let cluster = self.profile(customer).cluster;
        let known = self.graph.find(Shared::Instrument, instrument);
        known.is_some_and(|number| {
            self.graph.value(number).customers().any(|other| {
                other == customer || (cluster != NO_KEY && self.profile(other).cluster == cluster)
            })
        })
    }

    /// The row that the outlier model sees of a return.
    pub(crate) fn figures_of(&self, world: &World, rma: &str, clock: i64) -> Option<Vec<f32>> {
        let rma = world.return_keys.find(rma).filter(|rma| self.cases.holds(*rma))?;
        Some(oddness::row(&Known::of(self, world, rma, clock)?).to_vec())
    }

    /// Why two customers are linked, as JSON: each step with both ends and what they share.
    pub(crate) fn why_linked(&self, world: &World, from: &str, to: &str) -> Option<serde_json::Value> {
        let number = |id: &str| world.customer_keys.find(id).filter(|of| self.profiles.holds(*of));
        let steps = self.graph.why(&self.profiles, number(from)?, number(to)?)?;
        let name = |of: u32| world.customer_keys.get(of);
        let steps = steps.into_iter().map(|(a, b, values)| {
            let shared: Vec<serde_json::Value> = values
                .into_iter()
                .map(|value| {
                    let value = self.graph.value(value);
                    serde_json::json!({
                        "kind": value.shared.word(),
                        "capped": value.capped(),
                        "customers": value.customers().count(),
                        "merges": value.shared.hard(),
                    })
                })
                .collect();
            serde_json::json!({ "from": name(a), "to": name(b), "shared": shared })
        });
        Some(steps.collect())
    }
}
