//! What each event means for the scores: what it tells of context, which outcome it is, and which score it asks for.

use eddy_events::order::Channel;
use eddy_events::shipment::{Leg, NdrAction, NdrReason, Proof};
use eddy_events::{Body, Event};
use eddy_models::additive::{self, Term};
use eddy_models::calibration::When;
use eddy_models::mapping::Sample;

use super::case::{Case, End, Kept, Placing};
use super::facts::{Way, way_of_order, way_of_parcel, word};
use super::features::{F, PRIORS, Row};
use super::performance::{Judged, Outcome};
use super::promoted;
use super::score::Moment;
use super::{ATTEMPT, FINAL, Ndr, Stage, Subject};
use crate::facts::NO_TIME;
use crate::fold::Owner;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::world::{World, index_of};

const DAY_US: i64 = 86_400_000_000;
/// Days on the way that are thought before any parcel was seen.
const DAYS: f64 = 3.0;

/// Where the log is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// The shard's clock.
    pub(crate) clock: i64,
    pub(crate) sequence: u64,
}

/// Hears an event that the other folds have taken in; it told of `owner`.
pub(crate) fn hear(ndr: &mut Ndr, world: &mut World, event: &Event, owner: Owner, now: Now) {
    match owner {
        Owner::Order(number) => ndr.hear_order(world, event, number, now),
        Owner::Shipment(number) if world.shipments.get(number).leg() == Leg::Forward => {
            ndr.hear_parcel(world, event, number, now);
        }
        Owner::Return(number) => ndr.hear_return(world, event, number, now),
        Owner::None => ndr.small.context.hear(&mut world.symbols, &event.body),
        _ => {}
    }
}

impl Ndr {
    /// Where a subject goes and how.
    pub(crate) fn way<'a>(&self, world: &'a World, subject: Subject) -> Option<Way<'a>> {
        match subject {
            Subject::Order(number) => way_of_order(world, number),
            Subject::Parcel(number) => Some(way_of_parcel(world, number)),
            Subject::Pickup(number) => {
                let order = world.returns.get(number).order;
                let way = (order != NO_KEY).then(|| way_of_order(world, order)).flatten();
                let courier = self.pickups.get(number).courier;
                let destination = way.map_or("", |way| way.destination);
                Some(Way {
                    order,
                    payment: way.map_or(u8::MAX, |way| way.payment),
                    destination,
                    origin: destination,
                    courier,
                    promised_at: NO_TIME,
                })
            }
        }
    }

    fn hear_order(&mut self, world: &mut World, event: &Event, number: u32, now: Now) {
        self.orders.reserve(number);
        match &event.body {
            Body::OrderPlaced(body) => {
                if world.orders.get(number).standing().is_none() {
                    return;
                }
                let at = event.envelope.time;
                let value: i64 = body
                    .lines
                    .iter()
                    .map(|line| {
                        line.unit_price_minor.saturating_mul(i64::from(line.qty))
                            - line.discount_minor.unwrap_or(0)
                    })
                    .fold(0, i64::saturating_add);
                let first =
                    world.orders.get(number).standing().is_some_and(|placed| {
                        world.customers.get(placed.customer).first_seen_at == at.micros
                    });
                let local = (at.micros + i64::from(at.offset_minutes) * 60_000_000).rem_euclid(DAY_US);
                let category = body.lines.first().and_then(|line| line.category.as_deref());
                self.orders.get_mut(number).placing = Placing {
                    known: true,
                    address: body.address_hash.as_deref().map_or(0, word),
                    address_quality: body.address_quality.map_or(-1.0, |quality| quality as f32),
                    value_minor: value,
                    category: world.symbols.of_option(category),
                    hour: (local / 3_600_000_000) as u8,
                    channel: index_of(Channel::ALL, body.channel),
                    first,
                    gift: body.gift == Some(true),
                    free: value == 0,
                };
                if body.channel != Channel::Store {
                    self.score_order(world, number, at.micros, now);
                }
            }
            Body::OrderCodConfirmed(_) | Body::OrderPaymentConverted(_) => {
                let mut parcel = world.orders.get(number).first_shipment;
                if parcel == NO_KEY {
                    self.score_order(world, number, event.envelope.time.micros, now);
                }
                while parcel != NO_KEY {
                    self.score_before_attempt(world, parcel, event.envelope.time.micros, now);
                    parcel = world.shipments.get(parcel).next;
                }
            }
            Body::OrderCancelled(body) if body.line_ids.is_none() => {
                let order = self.orders.get_mut(number);
                if !order.taken {
                    order.case.end = End::Dropped;
                    order.case.kept = Vec::new();
                }
            }
            _ => {}
        }
    }

    fn score_order(&mut self, world: &mut World, number: u32, at: i64, now: Now) {
        let order = self.orders.get(number);
        let placing = &order.placing;
        let store = index_of(Channel::ALL, Channel::Store);
        if !placing.known || placing.channel == store || order.taken || order.case.end != End::Open {
            return;
        }
        let subject = Subject::Order(number);
        let Some(way) = self.way(world, subject) else {
            return;
        };
        let eta = at.saturating_add((DAYS * DAY_US as f64) as i64);
        let mut row = Row::new(Stage::Placed);
        self.order_features(world, &way, &mut row);
        self.day_features(world, &way, eta, &mut row);
        self.score(world, subject, Stage::Placed, row, moment(eta, now));
    }

    fn hear_parcel(&mut self, world: &mut World, event: &Event, number: u32, now: Now) {
        self.parcels.reserve(number);
        let at = event.envelope.time.micros;
        let open = self.parcels.get(number).end == End::Open;
        match &event.body {
            _ if !open => {}
            Body::ShipmentManifested(body) => {
                let of = world.shipments.get(number);
                let (order, courier) = (of.order, of.state.courier);
                let case = self.parcels.get_mut(number);
                let again = case.manifested_at != NO_TIME;
                case.manifested_at = at;
                case.weight_g = body.weight_g.unwrap_or(0);
                if order != NO_KEY && !again {
                    self.orders.reserve(order);
                    let order = self.orders.get_mut(order);
                    if !std::mem::replace(&mut order.taken, true) {
                        let kept = std::mem::take(&mut order.case.kept);
                        self.parcels.get_mut(number).kept = kept;
                    }
                }
                if courier != NO_SYMBOL && !again {
                    let day = world.zone.day(at);
                    self.small.take(courier, &body.destination_pincode, at, day);
                }
                self.score_before_attempt(world, number, at, now);
            }
            Body::ShipmentCourierAssigned(body) => {
                let courier = world.symbols.of(&body.courier);
                let destination = way_of_parcel(world, number).destination;
                self.small.take(courier, destination, at, world.zone.day(at));
                self.score_before_attempt(world, number, at, now);
            }
            Body::ShipmentOutForDelivery(body) => {
                let failures = u16::from(self.parcels.get(number).failures);
                if body.attempt_no.is_some_and(|attempt| attempt <= failures) {
                    return;
                }
                let way = way_of_parcel(world, number);
                let agent = body.agent.as_deref().map_or(0, word);
                let case = self.parcels.get_mut(number);
                let days = (at - case.manifested_at.max(at - 60 * DAY_US)) as f64 / DAY_US as f64;
                let days = (case.manifested_at != NO_TIME).then_some(days);
                case.agent = agent;
                if !std::mem::replace(&mut case.went_out, true)
                    && let Some(days) = days
                {
                    self.small.transit.observe(&way.lane(), days.max(0.0));
                }
                self.score_attempt(world, number, Stage::OutForDelivery, at, now);
            }
            Body::ShipmentDeliveryFailed(body) => {
                let failures = u16::from(self.parcels.get(number).failures);
                if body.attempt_no.is_some_and(|attempt| attempt <= failures) {
                    return;
                }
                self.attempted(world, Subject::Parcel(number), true, now);
                let case = self.parcels.get_mut(number);
                case.failures = case.failures.saturating_add(1);
                case.went_out = true;
                case.reason = index_of(NdrReason::ALL, body.ndr_reason) + 1;
                case.proof = body.proof.as_ref().map_or(0, proof_bits);
                case.action = 0;
                if let Some(agent) = body.agent.as_deref() {
                    case.agent = word(agent);
                }
                self.score_attempt(world, number, Stage::AttemptFailed, at, now);
            }
            Body::ShipmentNdrActionRequested(body) => {
                let case = self.parcels.get_mut(number);
                if case.failures > 0 {
                    case.action = index_of(NdrAction::ALL, body.action) + 1;
                    self.score_attempt(world, number, Stage::AttemptFailed, at, now);
                }
            }
            Body::ShipmentDelivered(_) => {
                self.attempted(world, Subject::Parcel(number), false, now);
                self.ended(world, Subject::Parcel(number), false, now);
            }
            Body::ShipmentRtoInitiated(_)
            | Body::ShipmentRtoDelivered(_)
            | Body::ShipmentLost(_)
            | Body::ShipmentDamaged(_) => self.ended(world, Subject::Parcel(number), true, now),
            Body::ShipmentCancelled(_) => {
                let case = self.parcels.get_mut(number);
                case.end = End::Dropped;
                case.kept = Vec::new();
            }
            _ => {}
        }
    }

    /// Scores a parcel that is manifested and has not gone out.
    fn score_before_attempt(&mut self, world: &mut World, number: u32, at: i64, now: Now) {
        self.parcels.reserve(number);
        let case = self.parcels.get(number);
        if case.end != End::Open || case.went_out || case.manifested_at == NO_TIME || at < case.latest_at {
            return;
        }
        let start = case.manifested_at;
        self.parcels.get_mut(number).latest_at = at;
        let way = way_of_parcel(world, number);
        let (row, eta) = self.row_before_attempt(world, &way, start, at);
        self.score(
            world,
            Subject::Parcel(number),
            Stage::Manifested,
            row,
            moment(eta, now),
        );
    }

    /// The row of a parcel manifested at `start` that has not gone out, and when it probably will.
    pub(crate) fn row_before_attempt(&self, world: &World, way: &Way<'_>, start: i64, at: i64) -> (Row, i64) {
        let days = self.small.transit.expect(&way.lane()).unwrap_or(DAYS);
        let eta = start.saturating_add((days * DAY_US as f64) as i64).max(at);
        let mut row = Row::new(Stage::Manifested);
        self.order_features(world, way, &mut row);
        self.courier_features(world, way, start, &mut row);
        self.day_features(world, way, eta, &mut row);
        self.delay_features(days, &mut row);
        (row, eta)
    }

    /// The row of a return whose pickup is due at `eta`.
    pub(crate) fn row_of_pickup(&self, world: &World, number: u32, way: &Way<'_>, at: i64, eta: i64) -> Row {
        let mut row = Row::new(Stage::ReversePickup);
        self.order_features(world, way, &mut row);
        self.courier_features(world, way, at, &mut row);
        self.day_features(world, way, eta, &mut row);
        self.attempt_features(
            self.pickups.get(number),
            Stage::ReversePickup,
            way.payment,
            0,
            &mut row,
        );
        row
    }

    /// The row of a parcel that is out or came back from an attempt, with the case as given.
    pub(crate) fn row_of_attempt(
        &self,
        world: &World,
        way: &Way<'_>,
        case: &Case,
        stage: Stage,
        at: i64,
    ) -> (Row, i64) {
        let eta = if stage == Stage::AttemptFailed {
            at.saturating_add(DAY_US)
        } else {
            at
        };
        let mut row = Row::new(if case.failures > 0 {
            Stage::AttemptFailed
        } else {
            stage
        });
        self.order_features(world, way, &mut row);
        self.courier_features(world, way, case.manifested_at.max(at - 60 * DAY_US), &mut row);
        self.day_features(world, way, eta, &mut row);
        if case.manifested_at != NO_TIME {
            self.delay_features((eta - case.manifested_at) as f64 / DAY_US as f64, &mut row);
        }
        self.attempt_features(case, stage, way.payment, case.agent, &mut row);
        (row, eta)
    }

    /// Scores a parcel that is out, or came back from an attempt.
    fn score_attempt(&mut self, world: &mut World, number: u32, stage: Stage, at: i64, now: Now) {
        let case = self.parcels.get(number);
        if at < case.latest_at {
            return;
        }
        self.parcels.get_mut(number).latest_at = at;
        let way = way_of_parcel(world, number);
        let (row, eta) = self.row_of_attempt(world, &way, self.parcels.get(number), stage, at);
        self.score(world, Subject::Parcel(number), stage, row, moment(eta, now));
    }

    fn hear_return(&mut self, world: &mut World, event: &Event, number: u32, now: Now) {
        let subject = Subject::Pickup(number);
        self.pickups.reserve(number);
        match &event.body {
            Body::ReturnPickupScheduled(body) | Body::ReturnPickupFailed(body) => {
                let failed = matches!(event.body, Body::ReturnPickupFailed(_));
                if self.pickups.get(number).end != End::Open {
                    return;
                }
                if failed {
                    self.attempted(world, subject, true, now);
                }
                let courier = world.symbols.of_option(body.courier.as_deref());
                let case = self.pickups.get_mut(number);
                case.failures = case.failures.saturating_add(u8::from(failed));
                if courier != NO_SYMBOL {
                    case.courier = courier;
                }
                let parcel = body.awb.as_deref().and_then(|awb| world.shipment_keys.find(awb));
                case.parcel = parcel.unwrap_or(case.parcel);
                self.score_pickup(
                    world,
                    number,
                    event.envelope.time.micros,
                    body.scheduled_for.map(|at| at.micros),
                    now,
                );
            }
            Body::ReturnPickedUp(_) | Body::ReturnReceived(_)
                if self.pickups.get(number).end == End::Open =>
            {
                self.attempted(world, subject, false, now);
                self.ended(world, subject, false, now);
            }
            Body::ReturnCancelled(_) | Body::ReturnClosed(_) | Body::ReturnRejected(_)
                if self.pickups.get(number).end == End::Open =>
            {
                self.ended(world, subject, true, now);
            }
            _ => {}
        }
    }

    fn score_pickup(&mut self, world: &mut World, number: u32, at: i64, scheduled: Option<i64>, now: Now) {
        let subject = Subject::Pickup(number);
        let Some(way) = self.way(world, subject) else {
            return;
        };
        let eta = scheduled.unwrap_or(at).max(at);
        let row = self.row_of_pickup(world, number, &way, at, eta);
        self.score(world, subject, Stage::ReversePickup, row, moment(eta, now));
    }

    /// An attempt was made: every row that waited for it learns.
    fn attempted(&mut self, world: &World, subject: Subject, failed: bool, now: Now) {
        let watched = self.way(world, subject).map(|way| way.watched());
        let mut kept = std::mem::take(&mut self.case_mut(subject).kept);
        let latest = kept.iter().rfind(|row| row.attempt_open);
        if let Some(row) = latest
            && let Some(watched) = watched
            && !matches!(subject, Subject::Pickup(_))
        {
            // Against what is believed by now: held against what was believed at the score, an outage would count twice, as the lane's present state and
            // in the beliefs that earlier outcomes moved since.
            let terms: Vec<Term> = row
                .terms
                .iter()
                .filter(|term| term.family != F::Lift as u16)
                .copied()
                .collect();
            let joint = &self.small.joints[usize::from(row.model)];
            let adds = &mut self.contributions;
            let calm = additive::score(&self.beliefs, joint, PRIORS, &terms, now.clock, adds)[ATTEMPT];
            let regime = self.small.regimes.entry(watched).or_default();
            // For the same reason rows learn beside the lift that is believed by now, but before this outcome: a lift that had heard it would foretell it.
            for row in kept.iter_mut().filter(|row| row.attempt_open) {
                row.lifted(regime.lift(now.clock, row.calm));
            }
            regime.observe(now.clock, calm, failed);
        }
        for row in kept.iter_mut().filter(|row| row.attempt_open) {
            row.attempt_open = false;
            self.learn(row, ATTEMPT, failed, now);
        }
        self.case_mut(subject).kept = kept;
    }

    /// It was delivered, or never will be: every row learns and is let go.
    fn ended(&mut self, world: &World, subject: Subject, failed: bool, now: Now) {
        let case = self.case_mut(subject);
        case.end = if failed { End::Failed } else { End::Delivered };
        if case.decision.is_some() {
            self.ended.push(subject);
        }
        let case = self.case_mut(subject);
        let kept = std::mem::take(&mut case.kept);
        for row in &kept {
            self.learn(row, FINAL, failed, now);
            let when = When {
                scored_at: row.scored_at,
                known_at: now.clock,
            };
            let group = promoted::group(row.model, row.payment);
            for beside in row.beside.iter().filter(|beside| !beside.raw.is_nan()) {
                self.small.models.learn(beside, group, failed, when);
            }
            if let Some(examples) = &mut self.examples {
                examples.ended(row.example, failed, now.clock);
            }
            self.judge(world, subject, row, failed, now);
        }
    }

    /// Counts a score whose outcome is known.
    fn judge(&mut self, world: &World, subject: Subject, row: &Kept, failed: bool, now: Now) {
        let Some(told) = row.told else { return };
        let outcome = Outcome {
            model: told.version,
            stage: told.stage,
            courier: told.courier,
            payment: row.payment,
            probability: told.probability,
            flagged: told.flagged,
            failed,
            scored_at: row.scored_at,
            known_at: now.clock,
        };
        if self.recorded.is_some() {
            let zone = self.way(world, subject).map_or(0, |way| way.watched().1);
            let recorded = self.recorded.iter_mut();
            recorded.for_each(|recorded| {
                recorded.push(Judged {
                    outcome,
                    zone,
                    example: row.example,
                });
            });
        }
        let (changed, gone) = &mut self.judged;
        let beside = row.beside.iter().filter(|beside| beside.version != told.version);
        let shadows = beside.map(|beside| Outcome {
            model: beside.version,
            probability: beside.probability,
            flagged: beside.flagged,
            ..outcome
        });
        for outcome in std::iter::once(outcome).chain(shadows) {
            self.small
                .performance
                .observe(world, outcome, changed, gone, &mut self.drifted);
        }
    }

    fn learn(&mut self, row: &Kept, target: usize, failed: bool, now: Now) {
        additive::learn(
            &mut self.beliefs,
            &mut self.small.joints[usize::from(row.model)],
            PRIORS,
            &row.terms,
            (target, failed),
            now.clock,
            &mut self.learning,
        );
        let sample = Sample {
            log_odds: row.raw[target],
            failed,
            weight: 1.0,
        };
        let when = When {
            scored_at: row.scored_at,
            known_at: now.clock,
        };
        self.small.calibrators[usize::from(row.model) * 2 + target].observe(
            u32::from(row.payment),
            sample,
            when,
        );
    }
}

fn moment(eta: i64, now: Now) -> Moment {
    Moment {
        eta,
        now: now.clock,
        sequence: now.sequence,
    }
}

/// Call, position and code as two bits each: told, and true.
fn proof_bits(proof: &Proof) -> u8 {
    let bits = |told: Option<bool>| told.map_or(0, |yes| 0b10 | u8::from(yes));
    bits(proof.call) | bits(proof.gps) << 2 | bits(proof.otp) << 4
}
