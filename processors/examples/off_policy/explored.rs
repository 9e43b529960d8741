//! A simulated log whose decisions explored, and another policy judged from it beside the truth: whether the estimate's interval holds what the other policy really comes to.
//!
//! Orders, context and manifests are the world's. Each recommendation before pickup is carried out, and four days later the parcel is delivered or turns back, drawn
//! by its true probability under the courier that took it. Attempts and returns are left out.

use std::collections::{BTreeMap, HashMap, HashSet};

use eddy_events::feedback::RerouteFeedback;
use eddy_events::shipment::{CourierAssigned, Delivered, Leg, Setback};
use eddy_events::{Body, Envelope, Event, Position, SmolStr, Timestamp};
use eddy_models::random::Random;
use eddy_processors::backtest::{OffPolicy, off_policy};
use eddy_processors::{Config, Emitted, Engine, Prepared};
use eddy_simulator::truth::{Row, Shipment};
use eddy_simulator::{World, WorldConfig};
use serde_json::Value;

const DAY_US: i64 = 86_400_000_000;
/// From manifest to the end.
const WAY_US: i64 = 4 * DAY_US;

/// What was found.
pub struct Found {
    /// As the log tells it.
    pub told: OffPolicy,
    /// Mean true risk of the decisions under the policy of the log, and under the other.
    pub truth: (f64, f64),
    /// Share of decisions in which the other policy chose as the log's did.
    pub same: f64,
}

/// A decision before pickup: the parcel's courier, and the one decided for.
struct Decided {
    awb: String,
    from: String,
    to: Option<String>,
    id: String,
}

struct Play {
    engine: Engine,
    out: Emitted,
    sequence: u64,
}

impl Play {
    fn under(policy: &Value) -> Self {
        let mut engine = Engine::new(Config {
            anomalies: false,
            operations: false,
            ..Config::default()
        })
        .expect("an engine");
        engine.hold_policy(policy).expect("a policy");
        Self {
            engine,
            out: Emitted::default(),
            sequence: 0,
        }
    }

    fn tell(&mut self, event: Event, at: i64) -> Vec<Decided> {
        self.sequence += 1;
        let position = Position {
            sequence: self.sequence,
            index: 0,
        };
        let line = eddy_events::codec::encode(&event);
        self.engine
            .apply(Prepared::new(position, at, &line, Ok(event)), &mut self.out);
        if self.sequence.is_multiple_of(4096) {
            drop(self.engine.take_changes());
        }
        let told = self.out.outputs.drain(..).filter_map(|(_, output)| {
            let data = output.data.value();
            let word = |name: &str| data[name].as_str().map(ToOwned::to_owned);
            Some(Decided {
                awb: word("awb")?,
                from: word("from_courier")?,
                to: word("to_courier"),
                id: word("decision_id").filter(|_| data["stage"] == "manifested")?,
            })
        });
        told.collect()
    }
}

/// Tells a world to an engine under one policy, and asks what would have come of another.
pub fn explore(config: WorldConfig, policy: &Value, other: &Value) -> Found {
    let (seed, world) = (config.seed, World::new(config).expect("a world"));
    let truths = truths(&world);
    let index: HashMap<&str, usize> = truths
        .values()
        .map(|truth| (truth.courier.as_str(), truth.courier_index))
        .collect();
    let risk = |awb: &str, courier: &str| {
        let truth = truths.get(awb)?;
        truth.manifested.get(*index.get(courier)?).copied().flatten()
    };
    let mut random = Random::new(seed);
    let mut play = Play::under(policy);
    let mut log: Vec<(Event, i64)> = Vec::new();
    // What is still to come, by time and number; and who carries each parcel.
    let mut due: BTreeMap<(i64, u64), Event> = BTreeMap::new();
    let mut carries: HashMap<String, String> = HashMap::new();
    let mut made: HashMap<String, (String, String)> = HashMap::new();
    let mut sent = HashSet::new();
    let mut number = 0;
    let mut events = world.events().peekable();
    loop {
        let next = events.peek().map(|next| next.arrival.micros);
        let first = due.keys().next().copied();
        let (event, at) = match (next, first) {
            (next, Some(key)) if next.is_none_or(|next| key.0 <= next) => match due.remove(&key) {
                Some(event) => (event, key.0),
                None => break,
            },
            (Some(_), _) => match events.next() {
                Some(next) if told(&next.event.body) => (next.event, next.arrival.micros),
                Some(_) => continue,
                None => break,
            },
            _ => break,
        };
        let manifested = match &event.body {
            Body::ShipmentManifested(body) => Some((body.awb.to_string(), body.courier.to_string())),
            _ => None,
        };
        log.push((event.clone(), at));
        let decisions = play.tell(event, at);
        let mut follow = Vec::new();
        for decided in decisions {
            // A courier that the world would not let take it is not taken, and one decision a parcel is enough.
            let to = decided.to.clone().unwrap_or_else(|| decided.from.clone());
            if made.contains_key(&decided.awb) || risk(&decided.awb, &to).is_none() {
                continue;
            }
            made.insert(decided.awb.clone(), (decided.from.clone(), to.clone()));
            if decided.to.is_some() {
                carries.insert(decided.awb.clone(), to.clone());
                follow.push(executed(&decided));
                follow.push(assigned(&decided, &to));
            }
        }
        for (subject, body) in follow {
            number += 1;
            due.insert((at, number), event_of(number, &subject, at, body));
        }
        // The world tells some events twice.
        if let Some((awb, own)) = manifested.filter(|(awb, _)| sent.insert(awb.clone())) {
            let courier = carries.get(&awb).cloned().unwrap_or(own);
            if let Some(risk) = risk(&awb, &courier) {
                number += 1;
                let end = at + WAY_US;
                let body = ended(&awb, random.unit() < risk);
                due.insert((end, number), event_of(number, &awb, end, body));
            }
        }
    }
    let mut beside = Play::under(other);
    let mut others: HashMap<String, String> = HashMap::new();
    for (event, at) in log {
        for decided in beside.tell(event, at) {
            let to = decided.to.unwrap_or(decided.from);
            others.entry(decided.awb).or_insert(to);
        }
    }
    let mut sums = (0.0, 0.0, 0.0, 0.0);
    for (awb, (from, to)) in &made {
        let other = others.get(awb).unwrap_or(from);
        if let (Some(risk), Some(under)) = (risk(awb, to), risk(awb, other)) {
            sums.0 += 1.0;
            sums.1 += risk;
            sums.2 += under;
            sums.3 += f64::from(u8::from(to == other));
        }
    }
    Found {
        told: off_policy(&play.engine, &beside.engine),
        truth: (sums.1 / sums.0, sums.2 / sums.0),
        same: sums.3 / sums.0,
    }
}

fn truths(world: &World) -> HashMap<String, Box<Shipment>> {
    let rows = std::sync::Mutex::new(HashMap::new());
    world
        .events_with_truth(|row| {
            if let Row::Shipment(shipment) = row {
                rows.lock().unwrap().insert(shipment.awb.to_string(), shipment);
            }
        })
        .for_each(drop);
    rows.into_inner().unwrap()
}

/// What of the world is told.
fn told(body: &Body) -> bool {
    match body {
        Body::ShipmentManifested(body) => body.leg == Leg::Forward,
        body => {
            let name = body.type_name();
            name.contains("order.") || name.contains("context.")
        }
    }
}

fn executed(decided: &Decided) -> (String, Body) {
    let body = RerouteFeedback {
        decision_id: decided.id.as_str().into(),
        awb: decided.awb.as_str().into(),
        actor: None,
        courier: None,
        action: None,
        reason: None,
    };
    (decided.id.clone(), Body::RerouteExecuted(body))
}

fn assigned(decided: &Decided, to: &str) -> (String, Body) {
    let body = CourierAssigned {
        awb: decided.awb.as_str().into(),
        courier: to.into(),
        previous_courier: Some(decided.from.as_str().into()),
        decision_id: Some(decided.id.as_str().into()),
    };
    (decided.awb.clone(), Body::ShipmentCourierAssigned(body))
}

fn ended(awb: &str, failed: bool) -> Body {
    let awb: SmolStr = awb.into();
    if failed {
        Body::ShipmentRtoInitiated(Setback {
            awb,
            reason: None,
            pincode: None,
            hub: None,
            facility: None,
            mapping_version: None,
            raw_code: None,
            raw_text: None,
        })
    } else {
        Body::ShipmentDelivered(Delivered {
            awb,
            proof: None,
            agent: None,
            pincode: None,
            hub: None,
            facility: None,
            weight_g: None,
            mapping_version: None,
            raw_code: None,
            raw_text: None,
        })
    }
}

fn event_of(number: u64, subject: &str, at: i64, body: Body) -> Event {
    Event {
        envelope: Envelope {
            id: format!("explored-{number}").into(),
            source: "urn:explored".into(),
            subject: subject.into(),
            time: Timestamp::utc(at),
            tenant: "default".into(),
            dataversion: 1,
            traceparent: None,
            causationid: None,
        },
        body,
    }
}
