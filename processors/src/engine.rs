//! The engine of one shard: events in, rows, outputs and dead letters out. A pure function of its log.
//!
//! For each event, in the order of the log: [`Engine::apply`]. Now and then [`Engine::take_changes`], which settles sums and
//! gives the rows that changed. How often it is called changes nothing but how many versions of a row are seen on the way. A snapshot
//! is [`Engine::begin_snapshot`], [`crate::snapshot::Job::write`] on any thread, [`Engine::finish_snapshot`].
//!
//! Deliberately absent: a clock, tokio, the network. What is read from disk (spilled state) was written by the engine itself.

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::RecordBatch;
use eddy_events::feedback::Published;
use eddy_events::output::{Output, OutputType};
use eddy_events::{Body, Cause, Event, Position, Reason, Rejection, Timestamp};
use eddy_log::DeadLetter;
use smol_str::SmolStr;

use crate::ahead::{GROUP, Near};
use crate::digest::{Chain, Digest};
use crate::error::Error;
use crate::facts::{NO_TIME, Stamp};
use crate::fold::{self, Milestone, Owner};
use crate::fraud::{self, Fraud};
use crate::milestones;
use crate::ndr::{self, Ndr, promoted};
use crate::progress::Progress;
use crate::routing::estimate::Candidate;
use crate::routing::{self, Routing};
use crate::seen::{Seen, key_of, print_of};
use crate::segments::Segments;
use crate::slab::{self, Paged};
use crate::snapshot::{self, Job, Written};
use crate::tables::{self, Change};
use crate::world::{KEY_SLABS, STRINGS, World};

/// What the engine is told at its start. Equal logs give equal results under equal configurations.
#[derive(Clone, Debug)]
pub struct Config {
    /// Shard of the log.
    pub shard: u32,
    /// Tenant, for outputs.
    pub tenant: SmolStr,
    /// IANA name of the tenant's time zone; days of cohorts are its days.
    pub zone: String,
    /// ISO 4217 code for money that names no currency.
    pub currency: String,
    /// Entity state that may stay in memory, in bytes. Needs a state folder; without one nothing is spilled.
    pub memory_bytes: usize,
    /// Indexes from keys to entities that may stay in memory, in bytes, besides those of keys that came since the last snapshot. Once
    /// the filters of spilled keys, 1.3 bytes each, fill it, an eighth of it is kept for keys all the same.
    pub index_bytes: usize,
    /// Identities of events that may wait in memory for the next snapshot.
    pub seen_in_memory: usize,
    /// Score parcels, decide about those at risk, and look for fraud. Without it the engine keeps projections and milestones alone.
    pub scores: bool,
    /// Of the scores, those of parcels, and the decisions about them. Without it fraud alone is looked for. Means nothing without `scores`.
    pub risk: bool,
    /// Keys of which the scores' learner keeps a belief, 28 bytes each, rounded up to a power of two.
    pub beliefs: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shard: 0,
            tenant: SmolStr::new_static(eddy_events::envelope::DEFAULT_TENANT),
            zone: "Asia/Kolkata".to_owned(),
            currency: "INR".to_owned(),
            memory_bytes: 2 << 30,
            index_bytes: 256 << 20,
            seen_in_memory: 2 << 20,
            scores: true,
            risk: true,
            beliefs: 1 << 19,
        }
    }
}

/// An event on its way into the engine, with all that another thread can reckon beforehand.
#[derive(Debug)]
pub struct Prepared {
    /// Place in the log.
    pub position: Position,
    /// When the log took it, in microseconds since 1970.
    pub logged_at: i64,
    fingerprint: u128,
    event: Result<Box<Known>, Box<Refused>>,
    /// What the store holds of an artefact that the event names.
    artefact: Option<Box<Artefact>>,
}

/// The bytes of an artefact, or why there are none.
type Artefact = Result<Vec<u8>, String>;

/// An event and its identity.
type Known = (Event, u128);

/// Why bytes are no event, and the bytes.
type Refused = (Rejection, Vec<u8>);

impl Prepared {
    /// Decodes a canonical line.
    #[must_use]
    pub fn decode(position: Position, logged_at: i64, line: &[u8]) -> Self {
        Self::new(position, logged_at, line, eddy_events::codec::decode(line))
    }

    /// Takes a line that was decoded. `line` must be canonical, since its hash tells repeats from conflicts.
    #[must_use]
    pub fn new(position: Position, logged_at: i64, line: &[u8], decoded: Result<Event, Rejection>) -> Self {
        let early = decoded
            .as_ref()
            .ok()
            .and_then(|event| event.check_logged_at(logged_at).err());
        match early.map_or(decoded, Err) {
            Ok(event) => {
                let identity = event.identity();
                let fingerprint = eddy_events::fingerprint(line);
                Self {
                    position,
                    logged_at,
                    fingerprint,
                    event: Ok(Box::new((event, identity))),
                    artefact: None,
                }
            }
            Err(rejection) => Self {
                position,
                logged_at,
                fingerprint: 0,
                event: Err(Box::new((rejection, line.to_vec()))),
                artefact: None,
            },
        }
    }

    /// Digest of the artefact that must be given before the event is folded.
    #[must_use]
    pub fn wants_artefact(&self) -> Option<&str> {
        let (event, _) = &**self.event.as_ref().ok()?;
        match &event.body {
            Body::ModelPromoted(published) => promoted::wanted(event, published),
            _ => None,
        }
    }

    /// Gives the artefact, or says why there is none.
    pub fn give_artefact(&mut self, artefact: Result<Vec<u8>, String>) {
        self.artefact = Some(Box::new(artefact));
    }

    /// Keeps the bytes of an event that turned out to conflict.
    fn conflict(event: &Event) -> Refused {
        let detail = "an event of this source and id was folded before with another body; the first stands";
        Self::refused(event, "id", Reason::IdConflict, detail.to_owned())
    }

    /// Keeps the bytes of an event that is wrong in a field.
    fn refused(event: &Event, field: &str, reason: Reason, detail: String) -> Refused {
        let rejection = Rejection {
            id: Some(event.envelope.id.clone()),
            source: Some(event.envelope.source.clone()),
            kind: Some(SmolStr::new_static(event.body.type_name())),
            field: field.to_owned(),
            reason,
            detail,
        };
        (rejection, eddy_events::codec::encode(event))
    }
}

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
    pub(crate) ndr: ndr::Small,
    pub(crate) routing: routing::Small,
    pub(crate) fraud: fraud::Small,
}

/// Sequence, index and ordinal of an output's cause, which order the outputs of a shard.
type OutputPlace = (u64, u32, u16);

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
            ndr: Ndr::new(config.beliefs),
            config,
            world,
            routing: Routing::default(),
            fraud: Fraud::default(),
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
        self.clock = self.clock.max(event.envelope.time.micros);
        if let Body::EventVoided(void) = &event.body {
            self.void(eddy_events::identity(&void.source, &void.id), position);
            self.seen.insert(key, print, Owner::None);
            if !self.fraud.told.is_empty() {
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
            self.fraud.owner_of(&mut self.world, event, owner)
        } else {
            owner
        };
        match known {
            Some(_) => self.seen.insert(key, print, told),
            None => self.seen.insert_new(key, print, told),
        }
        fold::milestones(&mut self.world, owner, &mut self.reached);
        if self.config.scores {
            if self.config.risk
                && let Body::ModelPromoted(published) = &event.body
            {
                self.promote(position, logged_at, (event, published), artefact.as_deref(), out);
            }
            self.score(position, logged_at, event, (owner, stamp), out);
        }
        let told = !self.reached.is_empty() || !self.ndr.scored.is_empty() || !self.ndr.drifted.is_empty();
        if told || !self.fraud.told.is_empty() {
            self.emit(position, event, out);
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
    }

    fn refuse(&mut self, position: Position, logged_at: i64, refused: Refused, out: &mut Emitted) {
        self.counts.dead_letters += 1;
        let (rejection, body) = refused;
        out.dead_letters.push((
            self.cause(position, 0, 1),
            DeadLetter::new("fold", logged_at, &rejection, &body),
        ));
    }

    fn cause(&self, position: Position, ordinal: u16, count: u16) -> Cause {
        Cause {
            shard: self.config.shard,
            sequence: position.sequence,
            index: position.index,
            ordinal,
            count,
        }
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
            .collect();
        let count = u16::try_from(outputs.len()).unwrap_or(u16::MAX);
        for (ordinal, (kind, (subject, data))) in outputs.into_iter().enumerate() {
            let cause = self.cause(position, ordinal as u16, count);
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
    }

    /// Settles the sums and gives the rows that changed since the last call, by number of their table.
    pub fn take_changes(&mut self) -> Vec<(usize, Change)> {
        self.world.settle();
        tables::changes(&mut self.world, &mut self.ndr, &mut self.routing, &mut self.fraud)
    }

    /// Every row of every projection, in batches by number of their table.
    pub fn scan(&mut self, give: impl FnMut(usize, RecordBatch)) {
        self.world.settle();
        tables::scan(
            &mut self.world,
            &mut self.ndr,
            &self.routing,
            &mut self.fraud,
            self.config.memory_bytes,
            give,
        );
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

    /// What is thought of a parcel under each courier just now.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn estimate(&self, candidate: &Candidate) -> Result<serde_json::Value, String> {
        routing::estimate::estimate(&self.world, &self.ndr, &self.routing, candidate, self.clock)
    }

    /// Why two customers are linked, as JSON: each step with both ends and what they share. None when nothing links them.
    #[must_use]
    pub fn why_linked(&self, from: &str, to: &str) -> Option<serde_json::Value> {
        self.fraud.why_linked(&self.world, from, to)
    }

    /// The figures by which the oddness of a return is judged, as they stand now; for comparing outlier models. None before it was asked for.
    #[must_use]
    pub fn figures_of(&self, rma: &str) -> Option<Vec<f32>> {
        self.fraud.figures_of(&self.world, rma, self.clock)
    }

    /// The shard it folds.
    pub(crate) fn shard(&self) -> u32 {
        self.config.shard
    }

    /// From now on every outcome of a score is kept; for backtests, since it grows with the log.
    pub(crate) fn record_outcomes(&mut self) {
        self.ndr.recorded = Some(Vec::new());
    }

    /// Keeps each row and its outcome from now on, for training.
    pub(crate) fn record_examples(&mut self) {
        self.ndr.examples = Some(ndr::examples::Examples::default());
    }

    /// The rows kept.
    pub(crate) fn examples(&self) -> Option<&ndr::examples::Examples> {
        self.ndr.examples.as_ref()
    }

    /// The outcomes kept.
    pub(crate) fn outcomes(&self) -> &[ndr::performance::Judged] {
        self.ndr.recorded.as_deref().unwrap_or_default()
    }

    /// Puts a policy in force and leaves out those that the log publishes.
    pub(crate) fn hold_policy(&mut self, body: &serde_json::Value) -> Result<(), String> {
        self.ndr.small.threshold = self.routing.hold(body)?;
        Ok(())
    }

    /// Every decision, with what came of it.
    pub(crate) fn decisions(&self) -> Vec<routing::Logged> {
        self.routing.logged(&self.world)
    }

    /// Probability above which the policy in force acts.
    pub(crate) fn threshold(&self) -> f64 {
        self.ndr.small.threshold
    }

    /// Counts since the beginning of the log.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The digest at this point of the log.
    #[must_use]
    pub fn digest(&mut self) -> Digest {
        self.world.settle();
        Digest::of(self.sequence, &self.outputs, |give| {
            tables::scan(
                &mut self.world,
                &mut self.ndr,
                &self.routing,
                &mut self.fraud,
                self.config.memory_bytes,
                give,
            )
        })
    }

    // --- snapshots and memory --------------------------------------------------------------------------------------------

    /// Whether so much waits in memory for a snapshot that one should be made now.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.seen.unsealed() >= self.config.seen_in_memory
    }

    /// Takes references to all that a snapshot must write. The next one may begin when this one was finished or abandoned.
    pub fn begin_snapshot(&mut self) -> Job {
        self.world.settle();
        let small = Small {
            sequence: self.sequence,
            clock: self.clock,
            logged_at: self.logged_at,
            counts: self.counts,
            outputs: self.outputs.clone(),
            last_output: self.last_output,
            governance: self.world.governance.clone(),
            ndr: self.ndr.small.clone(),
            routing: self.routing.small.clone(),
            fraud: self.fraud.small.clone(),
        };
        let slabs = self
            .slabs()
            .into_iter()
            .map(|slab| slab.begin_snapshot())
            .collect();
        let keys = self.world.begin_keys(self.config.index_bytes);
        Job::new(small, slabs, self.seen.begin_snapshot(), keys, self.config.seed())
    }

    /// The snapshot is durable: what it holds may leave memory.
    pub fn finish_snapshot(&mut self, written: Written) {
        for (slab, locations) in self.slabs().into_iter().zip(&written.slabs) {
            slab.finish_snapshot(locations);
            slab.age();
        }
        self.seen.finish_snapshot(written.sealed, written.runs);
        self.world.finish_keys(written.keys, self.config.index_bytes);
        let memory = self.config.memory_bytes;
        slab::spill(&mut self.slabs(), STRINGS, memory);
    }

    /// The snapshot failed; what it was to write goes into the next one.
    pub fn abandon_snapshot(&mut self) {
        for slab in self.slabs() {
            slab.abandon_snapshot();
        }
    }

    /// Estimated bytes in memory: entity state, indexes, identities.
    #[must_use]
    pub fn memory(&mut self) -> Memory {
        Memory {
            state_bytes: self.slabs().iter().map(|slab| slab.hot_bytes()).sum(),
            index_bytes: self.world.index_bytes() + self.fraud.index_bytes(),
            seen_bytes: self.seen.memory(),
            seen_events: self.seen.len(),
        }
    }

    /// The engine as it was at the newest sound snapshot, or `None` when there is none.
    ///
    /// # Errors
    /// When the folder cannot be read, or the time zone is not known. A damaged snapshot is no error: the one before is taken.
    pub fn restore(config: &Config, segments: &Arc<Segments>) -> Result<Option<Self>, Error> {
        Self::restore_unless(config, segments, |_| false)
    }

    /// As [`Engine::restore`], but no further than the outputs that are published: a snapshot beyond the last one was made before the server lost
    /// the end of the derived stream. It is removed, so that the engine makes those outputs again; unless the log itself, which ends at
    /// `end`, does not reach it, which is for the reader of the log to refuse.
    ///
    /// # Errors
    /// As [`Engine::restore`].
    pub fn restore_published(
        config: &Config,
        segments: &Arc<Segments>,
        last: Option<Cause>,
        end: u64,
    ) -> Result<Option<Self>, Error> {
        let last = last.map(place_of);
        Self::restore_unless(config, segments, |engine| {
            engine.sequence <= end && engine.last_output > last
        })
    }

    fn restore_unless(
        config: &Config,
        segments: &Arc<Segments>,
        beyond: impl Fn(&Self) -> bool,
    ) -> Result<Option<Self>, Error> {
        for candidate in snapshot::candidates(segments.dir())? {
            match Self::restore_from(config, segments, &candidate) {
                Ok(engine) if beyond(&engine) => {
                    tracing::warn!(snapshot = %candidate.display(), "the derived stream lost outputs that this snapshot holds as published; the one before is tried");
                    std::fs::remove_file(&candidate)
                        .map_err(|source| Error::io("remove", &candidate, source))?;
                }
                Ok(engine) => return Ok(Some(engine)),
                Err(error @ Error::UnknownZone { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, snapshot = %candidate.display(), "snapshot passed over; the one before is tried");
                }
            }
        }
        Ok(None)
    }

    fn restore_from(
        config: &Config,
        segments: &Arc<Segments>,
        path: &std::path::Path,
    ) -> Result<Self, Error> {
        let manifest = snapshot::Manifest::read(path, config.seed())?;
        manifest.check_pages(segments)?;
        let mut engine = Self::new(config.clone())?;
        let slabs = engine.slabs();
        if slabs.len() != manifest.slabs.len() || KEY_SLABS.len() != manifest.keys.len() {
            return Err(Error::Corrupt {
                path: path.to_path_buf(),
                what: "it is of another version of the engine",
            });
        }
        for (slab, locations) in slabs.into_iter().zip(&manifest.slabs) {
            slab.restore(segments, locations);
        }
        for (keys, named) in engine.world.keys().into_iter().zip(&manifest.keys) {
            keys.restore(segments.dir(), named)?;
        }
        engine.world.reindex();
        engine.seen = Seen::restore(segments.dir(), &manifest.runs)?;
        let small = manifest.small;
        engine.sequence = small.sequence;
        engine.clock = small.clock;
        engine.logged_at = small.logged_at;
        engine.counts = small.counts;
        engine.outputs = small.outputs;
        engine.last_output = small.last_output;
        engine.world.governance = small.governance;
        engine.ndr.restore(small.ndr);
        engine.routing.small = small.routing;
        engine.fraud.small = small.fraud;
        engine.fraud.reindex();
        Ok(engine)
    }
}

/// Where memory goes, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Entity state, spilled above the configured bound.
    pub state_bytes: usize,
    /// Indexes from keys to entities, spilled above the configured bound but for a filter.
    pub index_bytes: usize,
    /// Identities of events, spilled but for a filter.
    pub seen_bytes: usize,
    /// Events remembered.
    pub seen_events: u64,
}

impl Config {
    /// What a snapshot must share with its engine: results under another zone, currency or shard are other results.
    pub(crate) fn seed(&self) -> u64 {
        let text = format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n{}",
            self.shard, self.tenant, self.zone, self.currency, self.scores, self.risk, self.beliefs
        );
        eddy_events::fingerprint(text.as_bytes()) as u64
    }
}

fn tie_of(key: u64) -> u32 {
    (key >> 32) as u32
}
