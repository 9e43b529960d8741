//! Operations: terms that pass (SLA), and what becomes best of an inspected line.
//!
//! `watch` hears every event that the folds have taken in, keeps one timer for each parcel, return, refund and supplier's claim that waits for something
//! ([`terms`] says for what and until when), and raises and resolves breaches. `advise` weighs the routes of a line when it is inspected ([`recovery`] has the
//! arithmetic), and learns what each route brings as the log tells it. [`policy`] holds every number.
//!
//! Breaches and advice are outputs: they follow the log and its clock, and never enter a projection. Nobody is called and nothing is moved from here.

mod advise;
mod output;
mod policy;
pub(crate) mod recovery;
pub(crate) mod terms;
mod timers;
pub(crate) mod watch;

use bitcode::{Decode, Encode};
use eddy_events::output::{Data, OutputType};
use eddy_events::{Body, Event};
use smol_str::SmolStr;

use crate::facts::NO_TIME;
use crate::fold::Owner;
use crate::interner::NO_SYMBOL;
use crate::ledger::Ledger;
use crate::slab::Paged;
use crate::world::World;
use advise::{Advice, AdviceKey};
use policy::Policy;
use recovery::Learned;
use terms::Subject;
use timers::Timers;
use watch::{Breach, BreachKey};

/// Small state, written whole into each snapshot.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Small {
    policy: Policy,
    timers: Timers,
    learned: Learned,
}

/// State of operations.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    pub(crate) small: Small,
    pub(crate) breaches: Ledger<BreachKey, Breach>,
    pub(crate) advice: Ledger<AdviceKey, Advice>,
    /// Outputs of the event being heard.
    pub(crate) told: Vec<(OutputType, (SmolStr, Data))>,
    dirty_breaches: Vec<u32>,
    dirty_advice: Vec<u32>,
}

impl Operations {
    /// All paged state, in a fixed order that snapshots rely on.
    pub(crate) fn slabs(&mut self) -> [&mut dyn Paged; 2] {
        [&mut self.breaches.entries, &mut self.advice.entries]
    }

    /// Builds the indexes again from the restored pages.
    pub(crate) fn reindex(&mut self) {
        self.breaches.reindex();
        self.advice.reindex();
    }

    /// Bytes held by indexes.
    pub(crate) fn index_bytes(&self) -> usize {
        self.breaches.index_bytes() + self.advice.index_bytes()
    }

    /// Breaches whose rows wait for the next flush.
    pub(crate) fn take_breaches(&mut self) -> Vec<u32> {
        let dirty = std::mem::take(&mut self.dirty_breaches);
        for number in &dirty {
            self.breaches.entries.get_mut(*number).value.dirty = false;
        }
        dirty
    }

    /// Advice whose rows wait for the next flush.
    pub(crate) fn take_advice(&mut self) -> Vec<u32> {
        let dirty = std::mem::take(&mut self.dirty_advice);
        for number in &dirty {
            self.advice.entries.get_mut(*number).value.dirty = false;
        }
        dirty
    }

    /// Hears an event that the folds have taken in. The error says in which member a policy cannot be read and why; the one before stays in force.
    pub(crate) fn hear(
        &mut self,
        world: &mut World,
        event: &Event,
        owner: Owner,
        clock: i64,
    ) -> Result<(), (&'static str, String)> {
        match owner {
            Owner::Shipment(number) => self.heard_parcel(world, number, event.envelope.time.micros, clock),
            Owner::Return(number) => {
                self.look(world, Subject::Return(number), event.envelope.time.micros, clock);
                self.heard_line(world, event, number, clock);
            }
            Owner::Refund(number) => {
                self.look(world, Subject::Refund(number), event.envelope.time.micros, clock)
            }
            Owner::SupplierClaim(number) => {
                self.look(world, Subject::Claim(number), event.envelope.time.micros, clock);
                self.heard_claim(world, event, number);
            }
            Owner::Governance => {
                if let Body::PolicyPublished(published) = &event.body
                    && let Some(body) = &published.body
                {
                    return self
                        .small
                        .policy
                        .take(body, &published.version, &mut world.symbols);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An event of `owner` was voided.
    pub(crate) fn voided(&mut self, world: &mut World, owner: Owner, clock: i64) {
        match owner {
            Owner::Shipment(number) => self.heard_parcel(world, number, clock, clock),
            Owner::Return(number) => {
                self.look(world, Subject::Return(number), clock, clock);
                self.line_voided(world, number);
            }
            Owner::Refund(number) => self.look(world, Subject::Refund(number), clock, clock),
            Owner::SupplierClaim(number) => self.look(world, Subject::Claim(number), clock, clock),
            _ => {}
        }
    }
}

/// A word that may be absent.
fn word(world: &World, symbol: u32) -> Option<&str> {
    if symbol == NO_SYMBOL {
        None
    } else {
        world.symbols.word(symbol)
    }
}

/// A time as it is told.
fn told_time(micros: i64) -> Option<String> {
    (micros != NO_TIME).then(|| eddy_events::Timestamp::utc(micros).to_string())
}
