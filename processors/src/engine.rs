//! The engine of one shard: events in, rows, outputs and dead letters out. A pure function of its log.
//!
//! For each event, in the order of the log: [`Engine::apply`]. Now and then [`Engine::take_changes`], which settles sums and
//! gives the rows that changed. How often it is called changes nothing but how many versions of a row are seen on the way. A snapshot
//! is [`Engine::begin_snapshot`], [`crate::snapshot::Job::write`] on any thread, [`Engine::finish_snapshot`].
//!
//! Deliberately absent: a clock, tokio, the network. What is read from disk (spilled state) was written by the engine itself.

mod config;
mod durable;
mod prepared;
mod questions;

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::RecordBatch;
use eddy_events::feedback::Published;
use eddy_events::output::{Output, OutputType};
use eddy_events::{Body, Cause, Event, Position, Reason, Timestamp};
use eddy_log::DeadLetter;

use crate::ahead::{GROUP, Near};
use crate::anomalies::{self, Anomalies};
use crate::digest::{Chain, Digest};
use crate::error::Error;
use crate::facts::{NO_TIME, Stamp};
use crate::fold::{self, Owner};
use crate::fraud::{self, Fraud};
use crate::milestones::{self, Milestone};
use crate::ndr::{self, Ndr, promoted};
use crate::operations::{self, Operations};
use crate::progress::Progress;
use crate::rates::{self, Rates};
use crate::routing::{self, Routing};
use crate::seen::{Seen, key_of, print_of};
use crate::segments::Segments;
use crate::slab::Paged;
use crate::tables::{self, Change};
use crate::world::World;

pub use config::Config;
pub use durable::Memory;
pub use prepared::Prepared;
use prepared::{Artefact, Refused};

/// What applying events gave besides rows, each with its cause and in the order of the log.
#[derive(Debug, Default)]
pub struct Emitted {
    /// Outputs for the derived stream.
    pub outputs: Vec<(Cause, Output)>,
    /// What the fold refused.
    pub dead_letters: Vec<(Cause, DeadLetter)>,
}

/// Counts since the beginning of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bitcode::Encode, bitcode::Decode)]
pub struct Counts {
    /// Events read, of any fate.
    pub events: u64,
    /// Events that repeated one folded before.
    pub duplicates: u64,
    /// Events refused.
    pub dead_letters: u64,
    /// Outputs.
    pub outputs: u64,
}

/// State that is small and written whole into each snapshot.
#[derive(Clone, Debug, bitcode::Encode, bitcode::Decode)]
pub(crate) struct Small {
    pub(crate) sequence: u64,
    pub(crate) clock: i64,
    pub(crate) logged_at: i64,
    pub(crate) counts: Counts,
    pub(crate) outputs: Chain,
    /// Where the last output came from.
    pub(crate) last_output: Option<OutputPlace>,
    pub(crate) governance: crate::governance::Register,
    pub(crate) tariffs: crate::tariffs::Tariffs,
    pub(crate) ndr: ndr::Small,
    pub(crate) routing: routing::Small,
    pub(crate) fraud: fraud::Small,
    pub(crate) rates: rates::Small,
    pub(crate) anomalies: anomalies::Small,
    pub(crate) operations: operations::Small,
}

/// Sequence, index and ordinal of an output's cause, which order the outputs of a shard.
type OutputPlace = (u64, u32, u32);

fn place_of(cause: Cause) -> OutputPlace {
    (cause.sequence, cause.index, cause.ordinal)
}

/// The engine of one shard.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    world: World,
    ndr: Ndr,
    routing: Routing,
    fraud: Fraud,
    rates: Rates,
    anomalies: Anomalies,
    operations: Operations,
    seen: Seen,
    sequence: u64,
    clock: i64,
    logged_at: i64,
    counts: Counts,
    outputs: Chain,
    last_output: Option<OutputPlace>,
    reached: Vec<Milestone>,
}

impl Engine {
    /// An engine before the first event.
    ///
    /// # Errors
    /// When the time zone is not known.
    pub fn new(config: Config) -> Result<Self, Error> {
        let world = World::new(&config.zone, &config.currency)?;
        Ok(Self {
            anomalies: Anomalies::new(config.shard),
            ndr: Ndr::new(config.beliefs),
            config,
            world,
            routing: Routing::default(),
            fraud: Fraud::default(),
            rates: Rates::default(),
            operations: Operations::default(),
            seen: Seen::default(),
            sequence: 0,
            clock: NO_TIME,
            logged_at: 0,
            counts: Counts::default(),
            outputs: Chain::default(),
            last_output: None,
            reached: Vec::new(),
        })
    }

    /// All paged state, in a fixed order that snapshots rely on.
    fn slabs(&mut self) -> Vec<&mut dyn Paged> {
        let mut slabs: Vec<&mut dyn Paged> = self.world.slabs().into();
        slabs.extend(self.ndr.slabs());
        slabs.extend(self.routing.slabs());
        slabs.extend(self.fraud.slabs());
        slabs.extend(self.rates.slabs());
        slabs.extend(self.anomalies.slabs());
        slabs.extend(self.operations.slabs());
        slabs
    }

    /// Lets state be spilled to, and read back from, these segments.
    pub fn attach(&mut self, segments: &Arc<Segments>) {
        for slab in self.slabs() {
            slab.attach(segments);
        }
    }

    /// Folds events, as [`Engine::apply`] does one after another, and sooner.
    pub fn apply_all(&mut self, events: Vec<Prepared>, out: &mut Emitted) {
        let mut events = events.into_iter();
        while !events.as_slice().is_empty() {
            let group = events.as_slice();
            self.look_ahead(&group[..group.len().min(GROUP)]);
            for event in events.by_ref().take(GROUP) {
                self.apply(event, out);
            }
        }
    }

    fn look_ahead(&self, group: &[Prepared]) {
        let mut near = [Near::Nothing; GROUP];
        for (prepared, near) in group.iter().zip(&mut near) {
            if let Ok(known) = &prepared.event {
                let (event, identity) = &**known;
                black_box(self.seen.guess(key_of(*identity)));
                *near = Near::of(&self.world, event);
            }
        }
        let near = near.map(|near| near.touch(&self.world));
        for near in near {
            near.touch_order(&self.world);
        }
    }

    /// Folds one event. Events must come in the order of the log.
    pub fn apply(&mut self, prepared: Prepared, out: &mut Emitted) {
        self.counts.events += 1;
        self.sequence = self.sequence.max(prepared.position.sequence);
        self.logged_at = self.logged_at.max(prepared.logged_at);
        let Prepared {
            position,
            logged_at,
            fingerprint,
            event,
            artefact,
        } = prepared;
        // Events are large; they stay in their box.
        let boxed = match event {
            Ok(event) => event,
            Err(refused) => return self.refuse(position, logged_at, *refused, out),
        };
        let (event, identity) = &*boxed;
        let (key, print) = (key_of(*identity), print_of(fingerprint));
        let mut voided = false;
        let known = self.seen.find(key);
        if let Some(known) = known {
            // A tombstone says that the event was voided before it came, which it does now. A voiding itself cannot be voided.
            voided = Owner::unpack(known.owner) == Owner::Void;
            if !voided && known.print == print {
                self.counts.duplicates += 1;
                return;
            }
            if !voided {
                return self.refuse(position, logged_at, Prepared::conflict(event), out);
            }
        }
        if event.envelope.time.micros > self.clock {
            self.clock = event.envelope.time.micros;
            self.enter();
        }
        if self.config.operations {
            // Terms that passed before this event are told before it is taken in.
            self.operations.fire(&mut self.world, self.clock);
        }
        if let Body::EventVoided(void) = &event.body {
            self.void(eddy_events::identity(&void.source, &void.id), position);
            self.seen.insert(key, print, Owner::None);
            if self.has_told() {
                self.emit(position, event, out);
            }
            return;
        }
        let stamp = Stamp {
            at: event.envelope.time.micros,
            tie: tie_of(key),
            voided,
        };
        let owner = fold::fold(&mut self.world, stamp, event);
        let told = if self.config.scores {
            self.fraud.owner_of(&self.world, event, owner)
        } else {
            owner
        };
        match known {
            Some(_) => self.seen.insert(key, print, told),
            None => self.seen.insert_new(key, print, told),
        }
        milestones::reached(&mut self.world, owner, &mut self.reached);
        if self.config.scores {
            if self.config.risk
                && let Body::ModelPromoted(published) = &event.body
            {
                self.promote(position, logged_at, (event, published), artefact.as_deref(), out);
            }
            self.score(position, logged_at, event, (owner, stamp), out);
            if !voided {
                let process = &mut self.anomalies.small.process;
                process.hear(&mut self.world, &self.ndr, event, owner);
            }
        }
        if let Body::AnomalyReviewed(said) = &event.body
            && !voided
        {
            self.anomalies.review(&self.world, said, self.clock);
        }
        if self.config.operations && !voided {
            self.operate(position, logged_at, event, owner, out);
        }
        let told = !self.reached.is_empty() || !self.ndr.scored.is_empty() || !self.ndr.drifted.is_empty();
        if told || self.has_told() {
            self.emit(position, event, out);
        }
    }

    /// The clock went on: closes the days before the one it is in, as the events before this one left them.
    fn enter(&mut self) {
        let day = self.world.zone.day(self.clock);
        if self.rates.enters(day) {
            self.settle();
            self.routing.begin_day(&self.world);
            self.rates.close(&self.world, day);
            if self.config.anomalies {
                self.anomalies.close(&self.world, day - 1, self.clock);
                self.anomalies.close_process(&mut self.world, day - 1, self.clock);
            }
        }
    }

    /// Watches terms, and advises on lines.
    fn operate(
        &mut self,
        position: Position,
        logged_at: i64,
        event: &Event,
        owner: Owner,
        out: &mut Emitted,
    ) {
        let heard = self.operations.hear(&mut self.world, event, owner, self.clock);
        if let Err((field, slip)) = heard {
            let detail =
                format!("the policy of operations cannot be read, the one before stays in force: {slip}");
            let refused = Prepared::refused(event, field, Reason::InvalidValue, detail);
            self.refuse(position, logged_at, refused, out);
        }
    }

    /// Puts a model in force, or says why not: a dead letter, and what was in force stays so.
    fn promote(
        &mut self,
        position: Position,
        logged_at: i64,
        (event, published): (&Event, &Published),
        artefact: Option<&Artefact>,
        out: &mut Emitted,
    ) {
        let Some(slot) = promoted::slot_of(event) else {
            return;
        };
        if let Err((field, slip)) = self.ndr.promote(&mut self.world, slot, published, artefact) {
            let detail = format!("the model cannot be promoted, the one before stays in force: {slip}");
            let refused = Prepared::refused(event, field, Reason::InvalidValue, detail);
            self.refuse(position, logged_at, refused, out);
        }
    }

    /// Learns what the event tells, scores what it asks for, and decides about what is at risk.
    fn score(
        &mut self,
        position: Position,
        logged_at: i64,
        event: &Event,
        (owner, stamp): (Owner, Stamp),
        out: &mut Emitted,
    ) {
        let now = ndr::Now {
            clock: self.clock,
            sequence: position.sequence,
        };
        if self.config.risk {
            self.risk(position, logged_at, event, owner, now, out);
        }
        if stamp.voided {
            // It was taken back before it came; it only moves the clock.
            return self.fraud.fire(&self.world, now);
        }
        let heard = fraud::hear(&mut self.fraud, &mut self.world, event, (owner, stamp.tie), now);
        if let Err(slip) = heard {
            let detail = format!("the fraud policy cannot be read, the one before stays in force: {slip}");
            let refused = Prepared::refused(event, "data.body.fraud", Reason::InvalidValue, detail);
            self.refuse(position, logged_at, refused, out);
        }
    }

    /// What it means for parcels.
    fn risk(
        &mut self,
        position: Position,
        logged_at: i64,
        event: &Event,
        owner: Owner,
        now: ndr::Now,
        out: &mut Emitted,
    ) {
        if let Err(slip) = self.routing.hear(&mut self.world, &mut self.ndr, event) {
            let detail = format!("the routing policy cannot be read, the one before stays in force: {slip}");
            let refused = Prepared::refused(event, "data.body.ndr", Reason::InvalidValue, detail);
            self.refuse(position, logged_at, refused, out);
        }
        ndr::hear(&mut self.ndr, &mut self.world, event, owner, now);
        for subject in std::mem::take(&mut self.ndr.ended) {
            self.routing.ended(&self.ndr, subject);
        }
        for at in 0..self.ndr.scored.len() {
            let scored = self.ndr.scored[at];
            self.routing
                .consider(&self.world, &mut self.ndr, scored, position, self.clock);
        }
    }

    fn void(&mut self, identity: u128, position: Position) {
        let key = key_of(identity);
        let Some(known) = self.seen.find(key) else {
            self.seen.insert(key, 0, Owner::Void);
            return;
        };
        let (owner, tie) = (Owner::unpack(known.owner), tie_of(key));
        let touched = self.fraud.touched_by(&self.world, owner);
        fold::void(&mut self.world, owner, tie);
        if self.config.scores {
            let now = ndr::Now {
                clock: self.clock,
                sequence: position.sequence,
            };
            self.fraud.voided(&self.world, (owner, &touched), tie, now);
        }
        if self.config.operations {
            self.operations.voided(&mut self.world, owner, self.clock);
        }
    }

    fn refuse(&mut self, position: Position, logged_at: i64, refused: Refused, out: &mut Emitted) {
        self.counts.dead_letters += 1;
        let (rejection, body) = refused;
        out.dead_letters.push((
            self.cause(position, 0, 1),
            DeadLetter::new("fold", logged_at, &rejection, &body),
        ));
    }

    fn cause(&self, position: Position, ordinal: u32, count: u32) -> Cause {
        Cause {
            shard: self.config.shard,
            sequence: position.sequence,
            index: position.index,
            ordinal,
            count,
        }
    }

    fn has_told(&self) -> bool {
        !(self.fraud.told.is_empty() && self.operations.told.is_empty() && self.anomalies.told.is_empty())
    }

    fn emit(&mut self, position: Position, event: &Event, out: &mut Emitted) {
        let reached = std::mem::take(&mut self.reached);
        let mut scored = std::mem::take(&mut self.ndr.scored);
        let decided = std::mem::take(&mut self.routing.decided);
        let drifted = std::mem::take(&mut self.ndr.drifted);
        let milestones = reached.iter().map(|milestone| {
            (
                OutputType::MilestoneReached,
                milestones::output(&self.world, *milestone),
            )
        });
        let scores = scored
            .drain(..)
            .filter_map(|(subject, stage)| ndr::output(&self.ndr, &self.world, subject, stage))
            .map(|told| (OutputType::NdrScoreComputed, told));
        let decisions = decided
            .iter()
            .map(|number| self.routing.output(&self.world, *number));
        let alarms = drifted
            .iter()
            .filter_map(|drifted| ndr::performance::output(&self.world, *drifted))
            .map(|told| (OutputType::ModelDriftDetected, told));
        let alerts = std::mem::take(&mut self.fraud.told);
        let outputs: Vec<_> = milestones
            .chain(scores)
            .chain(decisions)
            .chain(alarms)
            .chain(alerts)
            .chain(std::mem::take(&mut self.operations.told))
            .chain(std::mem::take(&mut self.anomalies.told))
            .collect();
        let count = outputs.len() as u32;
        for (ordinal, (kind, (subject, data))) in outputs.into_iter().enumerate() {
            let cause = self.cause(position, ordinal as u32, count);
            let time = Timestamp::utc(self.clock);
            let mut output = Output::new(kind, cause, subject, time, data);
            output.tenant = self.config.tenant.clone();
            output.causation_id = Some(event.envelope.id.clone());
            self.outputs.extend(cause, &output);
            self.last_output = Some(place_of(cause));
            self.counts.outputs += 1;
            out.outputs.push((cause, output));
        }
        self.reached = reached;
        self.reached.clear();
        self.ndr.scored = scored;
        self.routing.decided = decided;
        self.routing.decided.clear();
    }

    /// The message at `sequence` was read to its end, also when it held no event.
    pub fn passed(&mut self, sequence: u64, logged_at: i64) {
        self.sequence = self.sequence.max(sequence);
        self.logged_at = self.logged_at.max(logged_at);
    }

    /// Settles the sums, which [`Engine::take_changes`] does as well.
    pub fn settle(&mut self) {
        self.world.settle();
        self.rates.take(&self.world);
        if self.config.anomalies {
            self.anomalies.take(&self.world.sold, self.rates.small.closed);
        }
        self.world.sold.clear();
        self.world.arrived.clear();
    }

    /// Settles the sums and gives the rows that changed since the last call, by number of their table.
    pub fn take_changes(&mut self) -> Vec<(usize, Change)> {
        self.settle();
        self.rates.ensure(&self.world);
        let mut changes = tables::changes(
            &mut self.world,
            &mut self.ndr,
            &mut self.routing,
            &mut self.fraud,
            &mut self.rates,
            &mut self.anomalies,
        );
        tables::changes_of_operations(&self.world, &mut self.operations, &mut changes);
        changes
    }

    /// Every row of every projection, in batches by number of their table.
    pub fn scan(&mut self, mut give: impl FnMut(usize, RecordBatch)) {
        self.settle();
        self.rates.ensure(&self.world);
        tables::scan(
            &mut self.world,
            &mut self.ndr,
            &self.routing,
            &mut self.fraud,
            (&self.rates, &self.anomalies),
            self.config.memory_bytes,
            &mut give,
        );
        tables::scan_operations(&mut self.world, &self.operations, self.config.memory_bytes, give);
    }

    /// How far the engine is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            shard: self.config.shard,
            sequence: self.sequence,
            event_time_micros: if self.clock == NO_TIME { 0 } else { self.clock },
            logged_at_micros: self.logged_at,
            events: self.counts.events,
        }
    }

    /// Counts since the beginning of the log.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The digest at this point of the log.
    #[must_use]
    pub fn digest(&mut self) -> Digest {
        self.settle();
        self.rates.ensure(&self.world);
        Digest::of(self.sequence, &self.outputs, |give| {
            tables::scan(
                &mut self.world,
                &mut self.ndr,
                &self.routing,
                &mut self.fraud,
                (&self.rates, &self.anomalies),
                self.config.memory_bytes,
                give,
            )
        })
    }

    // --- snapshots and memory --------------------------------------------------------------------------------------------
}

fn tie_of(key: u64) -> u32 {
    (key >> 32) as u32
}
