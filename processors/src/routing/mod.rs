//! What to do about a parcel at risk: the decision, what came of it, and the policy and network it rests on.
//!
//! A decision is sought when a score is above the policy's threshold. It is told once, as `reroute.recommended` or, when there is nothing worth
//! doing or a rule stands against it, as `reroute.suppressed`; either way with every candidate and the rule that excluded it.

pub(crate) mod decide;
pub(crate) mod estimate;
mod hubs;
mod network;
mod policy;

use bitcode::{Decode, Encode};
use eddy_events::feedback::RerouteFeedback;
use eddy_events::output::{Data, OutputType};
use eddy_events::{Body, Event, Position, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::{SmolStr, format_smolstr};

use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::ndr::case::End;
use crate::ndr::{Ndr, STAGES, Stage, Subject};
use crate::slab::{Paged, Slab};
use crate::tables::key;
use crate::tables::ndr_scores::ids;
use crate::world::World;
use decide::{ACTIONS, Ask, Candidate, action};
use network::Network;
use policy::Policy;

/// Decisions a page.
const PAGE: usize = 64;

/// What came of a decision, the latest word.
pub(crate) const OUTCOMES: [&str; 7] = [
    "",
    "accepted",
    "overridden",
    "executed",
    "failed",
    "delivered",
    "not_delivered",
];

/// Sequence and index of the event that brought a decision, and which of its decisions it is.
pub(crate) type Place = (u64, u32, u32);

/// A decision.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Decision {
    pub(crate) position: Place,
    /// Kind and number of the subject.
    about: (u8, u32),
    /// Number of the order as it was known.
    pub(crate) order: u32,
    pub(crate) stage: u8,
    pub(crate) action: u8,
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// Number of the facility that a return is sent to instead, or none.
    pub(crate) hub: u32,
    pub(crate) risk_before: f64,
    pub(crate) risk_after: f64,
    pub(crate) gain_minor: i64,
    pub(crate) alternatives: String,
    pub(crate) reason: String,
    pub(crate) propensity: f64,
    pub(crate) policy: String,
    /// Event time until which it holds.
    pub(crate) valid_until: i64,
    pub(crate) decided_at: i64,
    pub(crate) recommended: bool,
    pub(crate) outcome: u8,
    /// The decision about the same subject before.
    previous: Option<Place>,
    /// Day and place of the capacity it reserved.
    day: i32,
    place: String,
    /// What was last said of it before its parcel ended: an index of [`OUTCOMES`].
    carried: u8,
    /// Symbol of the model's version.
    pub(crate) model: u32,
    dirty: bool,
}

/// Small state, written whole into each snapshot.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Small {
    policy: Policy,
    network: Network,
    len: u32,
}

/// State of the decisions.
#[derive(Debug, Default)]
pub(crate) struct Routing {
    pub(crate) small: Small,
    pub(crate) decisions: Slab<Decision, PAGE>,
    /// Decided by the event being heard.
    pub(crate) decided: Vec<u32>,
    dirty: Vec<u32>,
    /// The policy stays, whatever the log publishes.
    held: bool,
}

impl Decision {
    /// The contract's id: where in the log it was decided.
    pub(crate) fn id(&self) -> SmolStr {
        format_smolstr!("D{}-{}-{}", self.position.0, self.position.1, self.position.2)
    }

    pub(crate) fn subject(&self) -> Subject {
        match self.about {
            (0, number) => Subject::Order(number),
            (1, number) => Subject::Parcel(number),
            (_, number) => Subject::Pickup(number),
        }
    }
}

fn position_of(id: &str) -> Option<Place> {
    let (sequence, rest) = id.strip_prefix('D')?.split_once('-')?;
    let (index, nth) = rest.split_once('-')?;
    Some((sequence.parse().ok()?, index.parse().ok()?, nth.parse().ok()?))
}

impl Routing {
    /// All paged state.
    pub(crate) fn slabs(&mut self) -> [&mut dyn Paged; 1] {
        [&mut self.decisions]
    }

    /// A day began, and all sums are settled.
    pub(crate) fn begin_day(&mut self, world: &World) {
        self.small.network.begin_day(world);
    }

    /// How many decisions there are.
    pub(crate) fn len(&self) -> u32 {
        self.small.len
    }

    /// Decisions whose rows wait.
    pub(crate) fn take_dirty(&mut self) -> Vec<u32> {
        let dirty = std::mem::take(&mut self.dirty);
        for number in &dirty {
            self.decisions.get_mut(*number).dirty = false;
        }
        dirty
    }

    fn touch(&mut self, number: u32) {
        let decision = self.decisions.get_mut(number);
        if !decision.dirty {
            decision.dirty = true;
            self.dirty.push(number);
        }
    }

    /// The decision at a position; they ascend.
    fn find(&self, position: Place) -> Option<u32> {
        let (mut low, mut high) = (0, self.small.len);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.decisions.get(middle).position < position {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.small.len && self.decisions.get(low).position == position).then_some(low)
    }

    /// Puts a policy in force for good; its threshold, or none when it says nothing of risk.
    pub(crate) fn hold(&mut self, body: &serde_json::Value) -> Result<Option<f64>, String> {
        let Some(policy) = Policy::of_body(body, "held").transpose()? else {
            return Ok(None);
        };
        self.held = true;
        self.small.policy = policy;
        Ok(Some(self.small.policy.threshold))
    }

    /// Takes in what an event tells of policy, network and the fate of decisions. The error says why a policy cannot be read; the one before stays
    /// in force.
    pub(crate) fn hear(&mut self, world: &mut World, ndr: &mut Ndr, event: &Event) -> Result<(), String> {
        match &event.body {
            Body::PolicyPublished(_) if self.held => {}
            Body::PolicyPublished(published) => match Policy::published(published) {
                Some(Ok(policy)) => {
                    ndr.small.threshold = policy.threshold;
                    self.small.policy = policy;
                }
                Some(Err(error)) => return Err(error),
                None => {}
            },
            Body::ContextServiceabilityUpdated(told) => self.small.network.serves(&mut world.symbols, told),
            Body::ContextTariffPublished(told) => self.small.network.charges(&mut world.symbols, told),
            Body::RerouteAccepted(told) => self.came(told, 1),
            Body::RerouteOverridden(told) => self.came(told, 2),
            Body::RerouteExecuted(told) => self.came(told, 3),
            Body::RerouteFailed(told) => self.came(told, 4),
            _ => {}
        }
        Ok(())
    }

    fn came(&mut self, told: &RerouteFeedback, outcome: u8) {
        let Some(number) = position_of(&told.decision_id).and_then(|position| self.find(position)) else {
            return;
        };
        let decision = self.decisions.get_mut(number);
        if decision.outcome >= 5 {
            return;
        }
        decision.outcome = outcome;
        decision.carried = outcome;
        // Executed, the parcel itself counts at its courier; overridden or failed, it never will.
        if outcome != 1 && decision.to != NO_SYMBOL {
            let (to, day, place) = (decision.to, decision.day, &decision.place);
            self.small.network.release(to, day, place);
        }
        self.touch(number);
    }

    /// A subject ended: every decision about it has its outcome.
    pub(crate) fn ended(&mut self, ndr: &Ndr, subject: Subject) {
        let case = ndr.case(subject);
        let outcome = match case.end {
            End::Delivered => 5,
            End::Failed => 6,
            _ => return,
        };
        let mut next = case.decision;
        while let Some(number) = next.and_then(|position| self.find(position)) {
            let decision = self.decisions.get_mut(number);
            decision.outcome = outcome;
            next = decision.previous;
            self.touch(number);
        }
    }

    /// Seeks a decision for a subject that was just scored.
    pub(crate) fn consider(
        &mut self,
        world: &World,
        ndr: &mut Ndr,
        (subject, stage): (Subject, Stage),
        position: Position,
        now: i64,
    ) {
        let policy = &self.small.policy;
        let case = ndr.case(subject);
        let Some(shown) = case.shown.iter().find(|shown| shown.stage == stage as u8) else {
            return;
        };
        let (risk, order, model) = (shown.probability, shown.order, shown.model);
        let previous = case.decision;
        // A decision of the same stage is not asked again within the cooldown: a parcel does not bounce.
        let (decided_at, decided_stage) = case.decided;
        if decided_stage == stage as u8 && now.saturating_sub(decided_at) < policy.cooldown_us() {
            return;
        }
        let ask = Ask {
            world,
            ndr,
            network: &self.small.network,
            policy,
            now,
        };
        // A return that is on its way to an overloaded hub is thought of whatever the risk of its pickup.
        if self.small.network.couriers.is_empty() || risk <= policy.threshold && !ask.could_divert(subject) {
            return;
        }
        let Some(candidates) = ask.candidates(subject, stage) else {
            return;
        };
        let alternatives = Data::of_ordered(&ask.tell(&candidates)).into_text();
        let Some(chosen) = choose(policy, &candidates, position) else {
            return;
        };
        let stays = &candidates[0];
        let best = &candidates[chosen.at];
        let recommended = policy.enabled && chosen.at != 0;
        let reason = reason(world, policy, stays, best, &chosen);
        let day = world.zone.day(now);
        let to = if recommended && best.courier != stays.courier {
            best.courier
        } else {
            NO_SYMBOL
        };
        let hub = if recommended && best.action == action("divert_hub") {
            best.hub
        } else {
            NO_KEY
        };
        let destination = ndr.way(world, subject).map_or("", |way| way.destination);
        let rooms = ndr.small.rooms(to, destination, now, day);
        let place = rooms.map(|room| room.place).last().unwrap_or_default().to_owned();
        let decision = Decision {
            position: (position.sequence, position.index, self.decided.len() as u32),
            about: match subject {
                Subject::Order(number) => (0, number),
                Subject::Parcel(number) => (1, number),
                Subject::Pickup(number) => (2, number),
            },
            order,
            stage: stage as u8,
            action: if recommended { best.action } else { action("none") },
            from: stays.courier,
            to,
            hub,
            risk_before: risk,
            risk_after: if recommended { best.risk } else { risk },
            gain_minor: (stays.cost_minor - best.cost_minor).round() as i64,
            alternatives,
            reason,
            propensity: chosen.propensity,
            policy: policy.version.clone(),
            valid_until: now.saturating_add(policy.valid_us()),
            decided_at: now,
            recommended,
            outcome: 0,
            previous,
            day,
            place,
            carried: 0,
            model,
            dirty: false,
        };
        let number = self.small.len;
        self.small.len += 1;
        if decision.to != NO_SYMBOL {
            self.small.network.reserve(decision.to, day, &decision.place);
        }
        if decision.hub != NO_KEY {
            self.small.network.divert(decision.hub, day);
        }
        ndr.decided(subject, (now, stage as u8), decision.position);
        self.decisions.reserve(number);
        *self.decisions.get_mut(number) = decision;
        self.touch(number);
        self.decided.push(number);
    }

    /// Every decision, with what came of it.
    pub(crate) fn logged(&self, world: &World) -> Vec<Logged> {
        let decisions = (0..self.small.len).map(|number| self.decisions.get(number));
        decisions
            .map(|decision| {
                let courier = if decision.to == NO_SYMBOL {
                    decision.from
                } else {
                    decision.to
                };
                let word = world.symbols.word(courier);
                let carried = decision.action == action("none") || matches!(decision.carried, 1 | 3);
                let told: Vec<Alternative> = serde_json::from_str(&decision.alternatives).unwrap_or_default();
                let chosen = told.into_iter().find(|told| {
                    told.action == ACTIONS[usize::from(decision.action)]
                        && (told.courier.is_none() || told.courier.as_deref() == word)
                        && (decision.hub == NO_KEY
                            || told.hub.as_deref() == key(&world.facility_keys, decision.hub))
                });
                let failed = match decision.outcome {
                    5 => Some(false),
                    6 => Some(true),
                    _ => None,
                };
                let costs = chosen.map(|chosen| (chosen.price_minor, chosen.failure_cost_minor));
                Logged {
                    place: decision.position,
                    choice: (
                        decision.action,
                        if decision.hub == NO_KEY {
                            decision.to
                        } else {
                            decision.hub
                        },
                    ),
                    propensity: decision.propensity,
                    came: failed
                        .zip(costs)
                        .filter(|_| carried)
                        .map(|(failed, (price, failure))| Came {
                            failed,
                            cost_minor: (price + if failed { failure } else { 0 }) as f64,
                        }),
                }
            })
            .collect()
    }

    /// A decision as an output.
    pub(crate) fn output(&self, world: &World, number: u32) -> (OutputType, (SmolStr, Data)) {
        let decision = self.decisions.get(number);
        let kind = if decision.recommended {
            OutputType::RerouteRecommended
        } else {
            OutputType::RerouteSuppressed
        };
        let (id, awb, rma_id) = ids(world, decision.subject());
        let data = Told {
            decision_id: &decision.id(),
            order_id: key(&world.order_keys, decision.order),
            awb,
            rma_id,
            stage: STAGES[usize::from(decision.stage)],
            action: ACTIONS[usize::from(decision.action)],
            from_courier: world.symbols.word(decision.from),
            to_courier: world.symbols.word(decision.to),
            to_hub: key(&world.facility_keys, decision.hub),
            risk_before: decision.risk_before,
            risk_after: decision.risk_after,
            expected_gain_minor: decision.gain_minor,
            alternatives: serde_json::from_str(&decision.alternatives).ok(),
            reason: &decision.reason,
            propensity: decision.propensity,
            policy_version: &decision.policy,
            model_version: world.symbols.text(decision.model),
            valid_until: Timestamp::utc(decision.valid_until).to_string(),
            decided_at: Timestamp::utc(decision.decided_at).to_string(),
        };
        (kind, (SmolStr::new(id), Data::of_ordered(&data)))
    }
}

/// What of an alternative a backtest needs.
#[derive(Deserialize)]
struct Alternative {
    action: String,
    courier: Option<String>,
    #[serde(default)]
    hub: Option<String>,
    price_minor: i64,
    failure_cost_minor: i64,
}

/// A decision as a backtest sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logged {
    pub(crate) place: Place,
    /// Action, and courier or hub.
    pub(crate) choice: (u8, u32),
    pub(crate) propensity: f64,
    /// What came of it, where it was carried out and its parcel ended.
    pub(crate) came: Option<Came>,
}

/// What came of a decision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    pub(crate) failed: bool,
    pub(crate) cost_minor: f64,
}

/// A decision as it is told, members in the order of their names.
#[derive(Serialize)]
struct Told<'a> {
    action: &'a str,
    alternatives: Option<&'a RawValue>,
    awb: Option<&'a str>,
    decided_at: String,
    decision_id: &'a str,
    expected_gain_minor: i64,
    from_courier: Option<&'a str>,
    model_version: &'a str,
    order_id: Option<&'a str>,
    policy_version: &'a str,
    propensity: f64,
    reason: &'a str,
    risk_after: f64,
    risk_before: f64,
    rma_id: Option<&'a str>,
    stage: &'a str,
    to_courier: Option<&'a str>,
    to_hub: Option<&'a str>,
    valid_until: String,
}

/// Which candidate, and how probable that choice was.
struct Chosen {
    at: usize,
    propensity: f64,
    explored: bool,
}

/// The feasible candidate of least cost whose gain is worth a change, failures weighed as the policy says; with exploration on, now and then another feasible one.
fn choose(policy: &Policy, candidates: &[Candidate], position: Position) -> Option<Chosen> {
    let feasible: Vec<usize> = (0..candidates.len())
        .filter(|&at| candidates[at].excluded.is_none())
        .collect();
    // What failures weigh beyond their cost turns the choice among those that are worth a change, never towards one that is not.
    let weighed = |at: usize| {
        let candidate = &candidates[at];
        candidate.cost_minor + (policy.failure_weight - 1.0) * candidate.risk * candidate.failure_minor as f64
    };
    let worth = |at: usize| {
        let gain = candidates[0].cost_minor - candidates[at].cost_minor;
        at == 0 || gain >= policy.least_gain_minor as f64
    };
    feasible.first()?;
    let best = feasible
        .iter()
        .copied()
        .filter(|&at| worth(at))
        .min_by(|&a, &b| weighed(a).total_cmp(&weighed(b)))
        .unwrap_or(0);
    let share = policy.exploration / feasible.len() as f64;
    let propensity = |at: usize| share + if at == best { 1.0 - policy.exploration } else { 0.0 };
    // Drawn from the position: the same log draws the same.
    let mut random = eddy_models::random::Random::new(position.sequence << 20 ^ u64::from(position.index));
    let explored = policy.exploration > 0.0 && random.unit() < policy.exploration;
    let at = if explored {
        feasible[random.below(feasible.len())]
    } else {
        best
    };
    Some(Chosen {
        at,
        propensity: propensity(at),
        explored,
    })
}

fn reason(world: &World, policy: &Policy, stays: &Candidate, best: &Candidate, chosen: &Chosen) -> String {
    let percent = |risk: f64| format!("{:.0}%", risk * 100.0);
    let money = |minor: f64| format!("{:.0}", minor / 100.0);
    if chosen.at == 0 {
        return format!(
            "nothing feasible is cheaper by {} or more than leaving it, at a risk of {}",
            money(policy.least_gain_minor as f64),
            percent(stays.risk)
        );
    }
    let gain = money(stays.cost_minor - best.cost_minor);
    let what = match world.symbols.word(best.courier) {
        _ if best.action == action("divert_hub") => {
            let hub = |candidate: &Candidate| key(&world.facility_keys, candidate.hub).unwrap_or("there");
            let gain = format!("and costs {gain} less by expectation");
            let (there, here) = (hub(best), hub(stays));
            return match policy.enabled {
                false => format!("decisions are switched off by the policy; {there} has room"),
                true => format!(
                    "at {there} {:.1} days of work wait against {:.1} at {here}, {gain}",
                    best.late_days, stays.late_days
                ),
            };
        }
        Some(courier) => format!("{courier} has a risk of {} here", percent(best.risk)),
        None => format!(
            "to {} brings the risk to {}",
            ACTIONS[usize::from(best.action)].replace('_', " "),
            percent(best.risk)
        ),
    };
    let what = format!(
        "{what} against {}, and costs {gain} less by expectation",
        percent(stays.risk)
    );
    match (policy.enabled, chosen.explored) {
        (false, _) => format!("decisions are switched off by the policy; {what}"),
        (true, true) => format!("drawn to learn from; {what}"),
        (true, false) => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(cost_minor: f64, excluded: Option<&'static str>) -> Candidate {
        Candidate {
            action: 1,
            courier: 1,
            hub: NO_KEY,
            risk: 0.5,
            price_minor: 0,
            late_days: 0.0,
            failure_minor: 0,
            cost_minor,
            excluded,
        }
    }

    const AT: Position = Position {
        sequence: 9,
        index: 3,
    };

    #[test]
    fn the_cheapest_feasible_one_is_chosen_if_it_is_worth_it() {
        let policy = Policy::default();
        let all = [
            candidate(9_000.0, None),
            candidate(2_000.0, Some("too heavy")),
            candidate(6_000.0, None),
        ];
        let chosen = choose(&policy, &all, AT).unwrap();
        assert_eq!((chosen.at, chosen.propensity), (2, 1.0));
        let close = [candidate(9_000.0, None), candidate(8_500.0, None)];
        assert_eq!(choose(&policy, &close, AT).unwrap().at, 0);
    }

    #[test]
    fn failures_that_weigh_more_turn_the_choice_among_those_worth_a_change() {
        let of = |risk: f64, cost_minor: f64| Candidate {
            risk,
            failure_minor: 20_000,
            ..candidate(cost_minor, None)
        };
        let all = [
            of(0.8, 20_000.0),
            of(0.5, 14_000.0),
            of(0.3, 15_000.0),
            of(0.1, 19_500.0),
        ];
        let at = |failure_weight: f64| {
            let policy = Policy {
                failure_weight,
                ..Policy::default()
            };
            choose(&policy, &all, AT).unwrap().at
        };
        // The last costs hardly less than leaving it, so it is no choice at any weight.
        assert_eq!([1.0, 1.5, 9.0].map(at), [1, 2, 2]);
    }

    #[test]
    fn while_no_policy_is_published_a_failure_counts_more_than_its_money() {
        let of = |risk: f64, cost_minor: f64| Candidate {
            risk,
            failure_minor: 30_000,
            ..candidate(cost_minor, None)
        };
        let all = [of(0.6, 24_000.0), of(0.4, 16_000.0), of(0.3, 18_000.0)];
        assert_eq!(choose(&Policy::default(), &all, AT).unwrap().at, 2);
        // What is dearer than leaving it stays out, however safe.
        let dear = [of(0.6, 24_000.0), of(0.0, 24_500.0)];
        assert_eq!(choose(&Policy::default(), &dear, AT).unwrap().at, 0);
    }

    #[test]
    fn exploration_draws_as_often_as_it_says() {
        let policy = Policy {
            exploration: 0.3,
            ..Policy::default()
        };
        let all = [
            candidate(9_000.0, None),
            candidate(2_000.0, None),
            candidate(6_000.0, None),
        ];
        let mut counts = [0.0; 3];
        let mut said = [0.0; 3];
        for index in 0..30_000 {
            let chosen = choose(&policy, &all, Position { sequence: 5, index }).unwrap();
            counts[chosen.at] += 1.0 / 30_000.0;
            said[chosen.at] = chosen.propensity;
        }
        for (count, said) in counts.into_iter().zip(said) {
            assert!((count - said).abs() < 0.01, "{count} {said}");
        }
    }

    #[test]
    fn an_id_is_read_back() {
        let decision = Decision {
            position: (77, 4, 1),
            ..Decision::default()
        };
        assert_eq!(position_of(&decision.id()), Some((77, 4, 1)));
        assert_eq!(position_of("D7-1"), None);
    }
}
