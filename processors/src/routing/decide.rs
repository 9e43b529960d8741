//! The choice: what can be done for a parcel at its stage, what each would cost by expectation, and whether changing anything is worth it.
//!
//! Expected cost = probability of never being delivered x cost of a failure + price + lateness + what the action itself costs. Before pickup
//! the candidates are couriers, each under its own predicted risk; afterwards they are actions.

use eddy_events::shipment::{NdrAction, NdrReason};
use eddy_models::sigmoid;
use serde::Serialize;

use super::hubs::{self, Hub};
use super::network::Network;
use super::policy::Policy;
use crate::facts::NO_TIME;
use crate::fold::payment_word;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::ndr::facts::{Way, way_of_parcel};
use crate::ndr::{FINAL, Ndr, Stage, Subject};
use crate::tables::key;
use crate::world::{World, index_of};

const DAY_US: i64 = 86_400_000_000;

/// Words of the contract.
pub(crate) const ACTIONS: [&str; 10] = [
    "none",
    "switch_courier",
    "reattempt",
    "reschedule",
    "fix_address",
    "convert_prepaid",
    "hold",
    "rto",
    "reassign_pickup",
    "divert_hub",
];

/// Position of an action among [`ACTIONS`].
pub(crate) fn action(word: &str) -> u8 {
    ACTIONS.iter().position(|action| *action == word).unwrap_or(0) as u8
}

/// One thing that might be done.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) action: u8,
    /// Symbol of the courier, 0 where it stays.
    pub(crate) courier: u32,
    /// Number of the facility that a return would go to, where that is known.
    pub(crate) hub: u32,
    pub(crate) risk: f64,
    pub(crate) price_minor: i64,
    pub(crate) late_days: f64,
    /// What it costs that the parcel is never delivered.
    pub(crate) failure_minor: i64,
    /// Expected, all in all.
    pub(crate) cost_minor: f64,
    /// The rule that excludes it.
    pub(crate) excluded: Option<&'static str>,
}

/// What is asked, and of whom.
pub(crate) struct Ask<'a> {
    pub(crate) world: &'a World,
    pub(crate) ndr: &'a Ndr,
    pub(crate) network: &'a Network,
    pub(crate) policy: &'a Policy,
    /// The shard's clock.
    pub(crate) now: i64,
}

/// What is known of a parcel or pickup beside its way.
#[derive(Clone, Copy, Debug)]
struct Load {
    value_minor: i64,
    weight_g: u32,
    cod: bool,
}

impl Ask<'_> {
    /// What could be done for a subject; the first candidate is to leave it as it is. None where nothing can be decided at this stage.
    pub(crate) fn candidates(&self, subject: Subject, stage: Stage) -> Option<Vec<Candidate>> {
        match (subject, stage) {
            (Subject::Parcel(number), Stage::Manifested) => self.before_pickup(number),
            (Subject::Parcel(number), Stage::AttemptFailed) => Some(self.after_attempt(number)),
            (Subject::Pickup(number), Stage::ReversePickup) => self.pickup(number),
            _ => None,
        }
    }

    fn load(&self, way: &Way<'_>, weight_g: u32) -> Load {
        let placing = self.ndr.placing(way.order);
        Load {
            value_minor: placing.map_or(0, |placing| placing.value_minor),
            weight_g,
            cod: payment_word(way.payment) == Some("cod"),
        }
    }

    fn before_pickup(&self, number: u32) -> Option<Vec<Candidate>> {
        let parcel = self.world.shipments.get(number);
        let case = self.ndr.parcels.get(number);
        let way = way_of_parcel(self.world, number);
        if parcel.state.picked_up_at != NO_TIME || case.went_out || way.courier == NO_SYMBOL {
            return None;
        }
        Some(self.couriers(&way, case.weight_g, case.manifested_at.max(self.now - DAY_US)))
    }

    /// Every courier for a parcel that is or would be manifested at `start`; the one in place first, if there is one.
    pub(crate) fn couriers(&self, way: &Way<'_>, weight_g: u32, start: i64) -> Vec<Candidate> {
        let load = self.load(way, weight_g);
        let own = (way.courier != NO_SYMBOL).then_some(way.courier);
        let others = self
            .network
            .couriers
            .iter()
            .copied()
            .filter(|courier| Some(*courier) != own);
        let day = self.world.zone.day(self.now);
        let candidates = own.into_iter().chain(others).map(|courier| {
            let way = Way { courier, ..*way };
            let (mut row, eta) = self.ndr.row_before_attempt(self.world, &way, start, self.now);
            let weighed = self.ndr.weigh(&way, &mut row, eta, self.now, &mut Vec::new());
            let stays = Some(courier) == own;
            let excluded = if stays {
                None
            } else {
                self.excluded(courier, &way, load, day, false)
            };
            self.priced(
                &way,
                load,
                sigmoid(weighed.told[FINAL]),
                eta,
                if stays { "none" } else { "switch_courier" },
                excluded,
            )
        });
        candidates.collect()
    }

    /// The hub that awaits a return, and those with room where it is overloaded.
    fn hubs(&self, number: u32) -> (Option<Hub>, Vec<Hub>) {
        let day = self.world.zone.day(self.now);
        let parcel = self.ndr.pickups.get(number).parcel;
        let awaits = hubs::awaiting(self.world, parcel, self.network, day);
        let instead = awaits.map(|hub| hubs::instead(self.world, hub, self.network, day));
        (awaits, instead.unwrap_or_default())
    }

    /// Whether a return is on its way to an overloaded hub while another has room.
    pub(crate) fn could_divert(&self, subject: Subject) -> bool {
        matches!(subject, Subject::Pickup(number) if !self.hubs(number).1.is_empty())
    }

    fn pickup(&self, number: u32) -> Option<Vec<Candidate>> {
        let way = self.ndr.way(self.world, Subject::Pickup(number))?;
        let own = way.courier;
        let load = self.load(&way, 0);
        let day = self.world.zone.day(self.now);
        let (awaits, instead) = self.hubs(number);
        let to = |hub: Hub| {
            let entry = self.world.facilities.get(hub.number).entry();
            entry.map(|entry| self.world.symbols.text(entry.pincode))
        };
        // The road of a return is from the buyer to the hub.
        let road = |courier: u32, hub: Option<Hub>| Way {
            courier,
            destination: hub.and_then(to).unwrap_or(way.destination),
            origin: way.destination,
            ..way
        };
        let waiting = |mut candidate: Candidate, hub: Option<Hub>| {
            if let Some(hub) = hub {
                candidate.hub = hub.number;
                candidate.late_days = hub.days;
                candidate.cost_minor += hub.days * self.policy.wait_day_minor as f64;
            }
            candidate
        };
        let others = self
            .network
            .couriers
            .iter()
            .copied()
            .filter(|courier| *courier != own);
        let candidates = std::iter::once(own).chain(others).map(|courier| {
            let way = Way { courier, ..way };
            let mut row = self
                .ndr
                .row_of_pickup(self.world, number, &way, self.now, self.now + DAY_US);
            let weighed = self
                .ndr
                .weigh(&way, &mut row, self.now + DAY_US, self.now, &mut Vec::new());
            let stays = courier == own;
            let excluded = if stays {
                None
            } else {
                self.excluded(courier, &way, load, day, true)
            };
            let word = if stays { "none" } else { "reassign_pickup" };
            let risk = sigmoid(weighed.told[FINAL]);
            let candidate = self.priced(&road(courier, awaits), load, risk, self.now, word, excluded);
            waiting(candidate, awaits)
        });
        let mut candidates: Vec<Candidate> = candidates.collect();
        let risk = candidates[0].risk;
        candidates.extend(instead.into_iter().map(|hub| {
            let candidate = self.priced(&road(own, Some(hub)), load, risk, self.now, "divert_hub", None);
            let cost_minor = candidate.cost_minor + self.policy.divert_minor as f64;
            waiting(
                Candidate {
                    cost_minor,
                    ..candidate
                },
                Some(hub),
            )
        }));
        Some(candidates)
    }

    /// The rule that excludes a courier.
    fn excluded(
        &self,
        courier: u32,
        way: &Way<'_>,
        load: Load,
        day: i32,
        reverse: bool,
    ) -> Option<&'static str> {
        let Some(service) = self.network.service(courier, way.destination, self.now) else {
            return Some("not known to serve the place");
        };
        let mut rooms = self.ndr.small.rooms(courier, way.destination, self.now, day);
        let full = rooms.find(|room| {
            let taken = room.taken + self.network.reserved(courier, day, room.place);
            f64::from(taken) + 1.0 > room.capacity
        });
        match () {
            () if service.embargo => Some("embargo"),
            () if reverse && !service.reverse => Some("takes no returns there"),
            () if !reverse && load.cod && !service.cod => Some("takes no cash there"),
            () if !reverse && !load.cod && !service.prepaid => Some("does not serve the place"),
            () if load.weight_g > service.max_weight_g => Some("too heavy"),
            () if !reverse && load.cod && load.value_minor > service.max_cod_minor => {
                Some("more cash than it takes")
            }
            () if !reverse && full.is_some_and(|room| room.place.is_empty()) => {
                Some("no capacity left today")
            }
            () if !reverse && full.is_some() => Some("no capacity left there today"),
            () => None,
        }
    }

    fn priced(
        &self,
        way: &Way<'_>,
        load: Load,
        risk: f64,
        eta: i64,
        word: &str,
        excluded: Option<&'static str>,
    ) -> Candidate {
        let tariff = self
            .network
            .tariff(way.courier, way.origin, way.destination, self.now);
        let price_minor = tariff.map_or(0, |tariff| tariff.price_minor(load.weight_g, load.cod));
        let rto_fee = tariff.map_or(0, |tariff| tariff.rto_fee_minor);
        let late_days = if way.promised_at == NO_TIME {
            0.0
        } else {
            ((eta - way.promised_at) as f64 / DAY_US as f64).max(0.0)
        };
        let failure = self.policy.failure_minor(load.value_minor, rto_fee);
        let cost = risk * failure + price_minor as f64 + late_days * self.policy.late_day_minor as f64;
        Candidate {
            action: action(word),
            courier: way.courier,
            hub: NO_KEY,
            risk,
            price_minor,
            late_days,
            failure_minor: failure.round() as i64,
            cost_minor: cost,
            excluded: excluded.or((tariff.is_none() && word != "none").then_some("no tariff known")),
        }
    }

    fn after_attempt(&self, number: u32) -> Vec<Candidate> {
        let way = way_of_parcel(self.world, number);
        let case = self.ndr.parcels.get(number);
        let load = self.load(&way, case.weight_g);
        let tariff = self
            .network
            .tariff(way.courier, way.origin, way.destination, self.now);
        let failure = self
            .policy
            .failure_minor(load.value_minor, tariff.map_or(0, |tariff| tariff.rto_fee_minor));
        let reason = case
            .reason
            .checked_sub(1)
            .and_then(|index| NdrReason::ALL.get(usize::from(index)))
            .copied();
        use NdrReason as R;
        let away = matches!(
            reason,
            Some(
                R::CustomerUnavailable
                    | R::Rescheduled
                    | R::Unreachable
                    | R::PremisesClosed
                    | R::RestrictedEntry
            )
        );
        let lost = matches!(reason, Some(R::AddressIssue | R::OutOfArea | R::Unreachable));
        let stopped = matches!(
            reason,
            Some(R::WeatherOrDisruption | R::RestrictedEntry | R::Seized)
        );
        let rule = |holds: bool, rule: &'static str| (!holds).then_some(rule);
        let (contact, attempt) = (self.policy.contact_minor, self.policy.attempt_minor);
        let options = [
            ("none", None, attempt, None),
            ("reattempt", Some(NdrAction::Reattempt), attempt + contact, None),
            (
                "reschedule",
                Some(NdrAction::Reschedule),
                attempt + contact,
                rule(away, "the buyer was not away"),
            ),
            (
                "fix_address",
                Some(NdrAction::FixAddress),
                attempt + contact,
                rule(lost, "the address was found"),
            ),
            (
                "convert_prepaid",
                Some(NdrAction::ConvertPrepaid),
                attempt + contact,
                rule(load.cod, "it is paid"),
            ),
            (
                "hold",
                Some(NdrAction::Hold),
                attempt,
                rule(stopped, "nothing stands in the way"),
            ),
        ];
        let mut candidates: Vec<Candidate> = options
            .into_iter()
            .map(|(word, asked, cost, excluded)| {
                let mut then = case.bare();
                then.action = asked.map_or(0, |asked| index_of(NdrAction::ALL, asked) + 1);
                let (mut row, eta) =
                    self.ndr
                        .row_of_attempt(self.world, &way, &then, Stage::AttemptFailed, self.now);
                let weighed = self.ndr.weigh(&way, &mut row, eta, self.now, &mut Vec::new());
                let risk = sigmoid(weighed.told[FINAL]);
                Candidate {
                    action: action(word),
                    courier: NO_SYMBOL,
                    hub: NO_KEY,
                    risk,
                    price_minor: cost,
                    late_days: 0.0,
                    failure_minor: failure.round() as i64,
                    cost_minor: risk * failure + cost as f64,
                    excluded,
                }
            })
            .collect();
        candidates.push(Candidate {
            action: action("rto"),
            courier: NO_SYMBOL,
            hub: NO_KEY,
            risk: 1.0,
            price_minor: 0,
            late_days: 0.0,
            failure_minor: failure.round() as i64,
            cost_minor: failure,
            excluded: None,
        });
        candidates
    }

    /// The candidates as they are told.
    pub(crate) fn tell(&self, candidates: &[Candidate]) -> Vec<Told<'_>> {
        candidates
            .iter()
            .map(|candidate| Told {
                action: ACTIONS[usize::from(candidate.action)],
                courier: self.world.symbols.word(candidate.courier),
                expected_cost_minor: candidate.cost_minor.round() as i64,
                failure_cost_minor: candidate.failure_minor,
                feasible: candidate.excluded.is_none(),
                hub: key(&self.world.facility_keys, candidate.hub),
                late_days: (candidate.late_days * 100.0).round() / 100.0,
                price_minor: candidate.price_minor,
                risk: (candidate.risk * 1e6).round() / 1e6,
                rule: candidate.excluded,
            })
            .collect()
    }
}

/// A candidate as it is told.
#[derive(Debug, Serialize)]
pub(crate) struct Told<'a> {
    action: &'static str,
    courier: Option<&'a str>,
    expected_cost_minor: i64,
    failure_cost_minor: i64,
    feasible: bool,
    hub: Option<&'a str>,
    late_days: f64,
    price_minor: i64,
    risk: f64,
    rule: Option<&'static str>,
}
