//! From a row of features to two probabilities with reasons.

use std::borrow::Cow;
use std::sync::LazyLock;

use eddy_events::output::Data;
use eddy_events::shipment::{NdrAction, NdrReason};
use eddy_models::additive;
use eddy_models::explanation::{Explanation, Reason, Topics, explain};
use eddy_models::model::Score;
use eddy_models::schema::Feature;
use eddy_models::sigmoid;

use super::case::{Kept, Shown, Told};
use super::examples::Example;
use super::facts::{Way, channel};
use super::features::{self, F, N, PRIORS, Row, SCHEMA};
use super::promoted::{self, Beside};
use super::{ATTEMPT, FINAL, Ndr, Stage, Subject};
use crate::fold::payment_word;
use crate::interner::NO_KEY;
use crate::world::World;

/// Version of the learner that serves while no model is promoted.
pub(crate) const ONLINE: &str = "online-1";
/// What reasons are told of.
static TOPICS: LazyLock<Topics> = LazyLock::new(|| Topics::of(&SCHEMA));
/// Reasons listed one by one; the rest is one more.
const REASONS: usize = 5;
/// Bytes of most lists of reasons.
const ROOM: usize = 1024;

/// When a score is told, and of which attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Event time of the attempt that is thought of.
    pub(crate) eta: i64,
    /// The shard's clock.
    pub(crate) now: i64,
    /// Stream sequence of the event behind it.
    pub(crate) sequence: u64,
}

/// Log-odds of a row, for each target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weighed {
    pub(crate) raw: [f64; 2],
    /// That the next attempt fails, were the lane as usual.
    pub(crate) calm: f64,
    /// After calibration, by the model that serves.
    pub(crate) told: [f64; 2],
    /// Never delivered, after calibration, by the online learner.
    pub(crate) online: f64,
}

impl Ndr {
    /// Scores a row of a subject, keeps it until its outcome is known, and shows the score.
    pub(crate) fn score(
        &mut self,
        world: &mut World,
        subject: Subject,
        stage: Stage,
        mut row: Row,
        moment: Moment,
    ) {
        let online = world.symbols.of(ONLINE);
        let Some(way) = self.way(world, subject) else {
            return;
        };
        let Moment { eta, now, sequence } = moment;
        let mut adds = std::mem::take(&mut self.contributions);
        let Weighed {
            raw,
            calm,
            told,
            online: own,
        } = self.weigh(&way, &mut row, eta, now, &mut adds);
        let mut contributions = vec![0.0; N];
        let (mut base, mut apart) = (0.0, calm);
        for (term, add) in row.told().zip(&adds) {
            if features::is_of_courier(term.family) {
                apart -= add[ATTEMPT];
            }
            if usize::from(term.family) == F::Base as usize {
                base += add[FINAL];
            } else {
                contributions[usize::from(term.family)] += add[FINAL];
            }
        }
        let models = &self.small.models;
        let dense =
            (!models.is_empty() || self.examples.is_some()).then(|| promoted::dense(&row, &adds, raw[FINAL]));
        self.contributions = adds;
        let (mut model, mut beside) = (online, Vec::new());
        if let Some(x) = dense.as_ref().filter(|_| !models.is_empty()) {
            let group = promoted::group(row.model as u8, way.payment);
            beside = self.compiled.all(models, x, group, self.small.threshold);
            if let Some((version, score, _)) = self.compiled.served(models, x, group) {
                model = version;
                (base, contributions) = promoted::shared_out(&score, base, &contributions);
                let probability = sigmoid(own);
                beside.push(Beside {
                    version: online,
                    raw: f64::NAN,
                    probability,
                    flagged: probability > self.small.threshold,
                });
            }
        }
        let score = Score::new(base, contributions).calibrated(told[FINAL]);
        let words = |feature: &Feature, word: &str| self.word(world, subject, &way, feature, word);
        let why = explain(&TOPICS, &row.values, &score, REASONS, words);
        let shown = Shown {
            stage: stage as u8,
            scored_at: now,
            sequence,
            probability: score.probability,
            attempt_probability: sigmoid(told[ATTEMPT]),
            threshold: self.small.threshold,
            order: way.order,
            model,
            contributions: text_of(&why),
        };
        let told = Told {
            version: model,
            stage: stage as u8,
            courier: way.courier,
            probability: shown.probability,
            flagged: shown.probability > shown.threshold,
        };
        let first = !self.case(subject).was_scored(stage as u8);
        let example = match (&mut self.examples, dense) {
            (Some(examples), Some(x)) => examples.scored(Example {
                stage: stage as u8,
                model: row.model as u8,
                payment: way.payment,
                first,
                scored_at: now,
                told: sigmoid(own),
                x,
                ended: None,
            }),
            _ => 0,
        };
        let kept = Kept {
            beside,
            example,
            told: first.then_some(told),
            model: row.model as u8,
            payment: way.payment,
            attempt_open: true,
            scored_at: now,
            raw,
            calm,
            apart,
            // Without room for more: many wait for their outcome.
            terms: row.terms.as_slice().into(),
        };
        let risk = shown.probability;
        let case = self.case_mut(subject);
        case.keep(kept);
        case.show(shown);
        self.scored.push((subject, stage));
        let case = self.case_mut(subject);
        let waits = case.dirty != 0;
        case.dirty |= 1 << stage as u8;
        if !waits {
            self.dirty.push(subject);
        }
        if let Subject::Parcel(number) = subject {
            world.shipments.get_mut(number).risk = risk;
            world.touch_shipment(number);
        }
    }

    /// Log-odds of a row, to which what is known of the lane just now is added. `adds` is what each term of [`Row::told`] adds.
    pub(crate) fn weigh(
        &self,
        way: &Way<'_>,
        row: &mut Row,
        eta: i64,
        now: i64,
        adds: &mut Vec<[f64; 2]>,
    ) -> Weighed {
        let joints = &self.small.joints;
        let mut beneath = Vec::new();
        if row.model == Stage::AttemptFailed {
            // What the model of the door says of the same facts is one term; what that is made of is told in its place.
            let joint = &joints[Stage::OutForDelivery as usize];
            let door = additive::score(&self.beliefs, joint, PRIORS, &row.beneath, now, &mut beneath)[FINAL];
            row.valued_by(F::Door, row.why, door);
            row.valued_by(F::DoorPayment, u64::from(way.payment), door);
        }
        let joint = &joints[row.model as usize];
        let mut raw = additive::score(&self.beliefs, joint, PRIORS, &row.terms, now, adds);
        let calm = raw[ATTEMPT];
        if !beneath.is_empty() {
            // The slope is the sum of that by reason and that by payment.
            let doors = row.terms.len() - 2..row.terms.len();
            let mut slope = [0.0; 2];
            for term in &row.terms[doors.clone()] {
                let part = additive::weight(&self.beliefs, joint, PRIORS, term, now);
                slope = [slope[0] + part[0], slope[1] + part[1]];
            }
            adds[doors].fill([0.0; 2]);
            beneath = beneath
                .iter()
                .map(|add| slope.map(|slope| slope * add[FINAL]))
                .collect();
        }
        if let Some(regime) = self.small.regimes.get(&way.watched()) {
            let lift = regime.lift(eta.max(now), calm);
            row.valued(F::Lift, lift, lift);
            let term = row.terms[row.terms.len() - 1];
            let added = additive::weight(&self.beliefs, joint, PRIORS, &term, now).map(|mean| mean * lift);
            raw = [raw[0] + added[0], raw[1] + added[1]];
            adds.push(added);
        }
        adds.append(&mut beneath);
        let of = |target: usize| &self.small.calibrators[row.model as usize * 2 + target];
        let group = u32::from(way.payment);
        let mut told = [FINAL, ATTEMPT].map(|target| of(target).calibrate(group, raw[target]));
        let online = told[FINAL];
        let models = &self.small.models;
        if models.serving().is_some() {
            let x = promoted::dense(row, adds, raw[FINAL]);
            let group = promoted::group(row.model as u8, way.payment);
            if let Some((_, _, calibrated)) = self.compiled.served(models, &x, group) {
                told[FINAL] = calibrated;
            }
        }
        Weighed {
            raw,
            calm,
            told,
            online,
        }
    }

    /// A word of a reason's phrase.
    fn word<'a>(
        &self,
        world: &'a World,
        subject: Subject,
        way: &Way<'a>,
        feature: &Feature,
        word: &str,
    ) -> Option<Cow<'a, str>> {
        let case = self.case(subject);
        let placing = self.placing(way.order);
        let order = || (way.order != NO_KEY).then(|| world.orders.get(way.order));
        let place = || order().and_then(|order| order.standing());
        let start = |length: usize| Some(Cow::Borrowed(way.destination.get(..length)?));
        let symbol = |symbol| world.symbols.word(symbol).map(Cow::Borrowed);
        match word {
            "payment" => Some(
                match payment_word(way.payment)? {
                    "cod" => "cash on delivery",
                    _ => "paid in advance",
                }
                .into(),
            ),
            "confirmation" => Some(
                match order()?.cod_confirmed() {
                    Some(true) => "confirmed when called",
                    Some(false) => "not confirmed when called",
                    None => "was not called to confirm",
                }
                .into(),
            ),
            "channel" => channel(placing?.channel).map(Cow::Borrowed),
            "hour" => Some((placing?.hour / 3 * 3).to_string().into()),
            "money" => {
                let currency = place().map_or(world.currency, |placed| placed.currency);
                let currency = world.symbols.text(currency);
                Some(format!("{} {currency}", placing?.value_minor / 100).into())
            }
            "category" => symbol(placing?.category),
            "courier" => symbol(way.courier),
            "zone" => start(1),
            "prefix" => start(3),
            "origin_zone" => way.origin.get(..1).map(Cow::Borrowed),
            "pincode" => Some(way.destination.into()),
            "tier" => Some(
                world
                    .pincodes
                    .get(place()?.pincode)
                    .district()
                    .1
                    .to_string()
                    .into(),
            ),
            "district" => symbol(world.pincodes.get(place()?.pincode).district().0),
            "attempt" => Some(
                (case.failures + u8::from(feature.name == "attempt"))
                    .to_string()
                    .into(),
            ),
            "reason" => {
                let reason = NdrReason::ALL.get(usize::from(case.reason.checked_sub(1)?))?;
                Some(reason.as_str().replace('_', " ").into())
            }
            "action" => {
                let action = NdrAction::ALL.get(usize::from(case.action.checked_sub(1)?))?;
                Some(action.as_str().replace('_', " ").into())
            }
            "proof" => Some(
                match case.proof {
                    0 => "no proof of the attempt told",
                    proof if proof & 0b0101 == 0 => "neither call nor position proves the attempt",
                    _ => "call or position prove the attempt",
                }
                .into(),
            ),
            _ => None,
        }
    }
}

/// The reasons as JSON, the base first.
fn text_of(why: &Explanation) -> String {
    let base = ("", "base", "what is usual at this stage", why.base, None);
    let reasons = why.reasons.iter().map(|reason| {
        let Reason {
            topic,
            feature,
            value,
            contribution,
            words,
        } = reason;
        (*feature, *topic, words.as_str(), *contribution, *value)
    });
    let told = std::iter::once(base).chain(reasons);
    Data::list(ROOM, told, |row, (feature, topic, words, contribution, value)| {
        row.number("contribution", six(contribution));
        if !feature.is_empty() {
            row.text("feature", feature);
        }
        row.text("topic", topic);
        if let Some(value) = value {
            row.number("value", six(f64::from(value)));
        }
        row.text("words", words);
    })
    .into_text()
}

/// A figure with six places.
fn six(figure: f64) -> f64 {
    (figure * 1e6).round() / 1e6
}
