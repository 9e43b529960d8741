//! What the risk of non-delivery is told from: each feature once, for live scoring, for training and for SQL.
//!
//! A feature is a term of a row: a key (this courier in this district), a value (days on the way), or both. Its prior says what is believed of a
//! weight before anything was seen, in log-odds for one unit. Nothing here is a protected attribute or a proxy of one.

use eddy_models::additive::{Prior, Term};
use eddy_models::random::mix;
use eddy_models::schema::{Feature, Linear, Schema, Unit};

use super::Stage;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident: $name:literal, $topic:literal, $unit:ident, ($mean:literal, $deviation:literal, $days:literal), $meaning:literal, $say:literal;)+) => {
        /// The features, in the order of the schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum F { $($(#[$doc])* $variant),+ }

        pub(crate) const FEATURES: &[Feature] = &[$(Feature {
            name: $name,
            meaning: $meaning,
            topic: $topic,
            unit: Unit::$unit,
            linear: Linear::Plain,
            monotone: 0,
            say: $say,
            plain: $meaning,
        }),+];

        /// What is believed of a weight of each feature beforehand.
        pub(crate) const PRIORS: &[Prior] = &[$(Prior { mean: $mean, deviation: $deviation, days: $days, joint: F::$variant.is_joint() }),+];
    };
}

impl F {
    /// Of few keys that most rows share: told apart with their covariance.
    const fn is_joint(self) -> bool {
        matches!(
            self,
            Self::Base
                | Self::Payment
                | Self::Confirmation
                | Self::Channel
                | Self::Hour
                | Self::First
                | Self::Value
                | Self::Category
                | Self::Quality
                | Self::Tier
                | Self::Courier
                | Self::Days
                | Self::Promised
                | Self::Weekday
                | Self::Attempt
                | Self::Door
                | Self::DoorPayment
        )
    }

    /// What the model of failures learns by itself. Of all else it knows what the model of the door does.
    const fn is_of_failures(self) -> bool {
        matches!(
            self,
            Self::Base
                | Self::Payment
                | Self::Attempt
                | Self::Reason
                | Self::Proof
                | Self::Action
                | Self::Lift
                | Self::Door
                | Self::DoorPayment
        )
    }

    /// What the model of the door knows of a parcel that came back from an attempt.
    const fn is_of_door(self) -> bool {
        !matches!(
            self,
            Self::Attempt
                | Self::Reason
                | Self::Proof
                | Self::Action
                | Self::Lift
                | Self::Door
                | Self::DoorPayment
        )
    }
}

features! {
    Base: "base", "base", Number, (-1.2, 2.0, 36500.0), "what is usual at this stage", "";
    Payment: "payment", "payment", Code, (0.0, 2.0, 36500.0), "how it is paid", "{payment}";
    Confirmation: "confirmation", "payment", Code, (0.0, 0.8, 36500.0), "answer to the confirmation call", "{confirmation}";
    Channel: "channel", "order", Code, (0.0, 0.25, 36500.0), "where it was ordered", "ordered by {channel}";
    Hour: "hour", "order", Code, (0.0, 0.25, 36500.0), "hour of the order", "ordered about {hour}:00";
    First: "first_order", "customer", Flag, (0.0, 0.4, 36500.0), "first order of the customer", "first order of this customer";
    Gift: "gift", "order", Flag, (0.0, 0.3, 3650.0), "a gift to somebody else's door", "a gift to somebody else's door";
    Free: "replacement", "order", Flag, (0.0, 0.5, 3650.0), "replaces an article, nothing to pay", "replaces an article, nothing to pay";
    Value: "value", "value", Money, (0.0, 0.5, 36500.0), "value of the order", "worth {money}";
    Category: "category", "goods", Code, (0.0, 0.25, 36500.0), "category of the goods", "{category}";
    Customer: "customer", "customer", Code, (0.0, 0.45, 1500.0), "parcels of this customer before", "earlier parcels of this customer";
    Address: "address", "customer", Code, (0.0, 0.12, 1500.0), "parcels to this address before", "earlier parcels to this address";
    Quality: "address_quality", "address", Share, (0.0, 2.5, 36500.0), "how well the address can be found", "address quality {value}";
    Tier: "tier", "place", Code, (0.0, 0.4, 36500.0), "tier of the city", "tier {tier} city";
    District: "district", "place", Code, (0.0, 0.18, 3650.0), "deliveries to this district before", "earlier parcels to {district}";
    Prefix: "prefix", "place", Code, (0.0, 0.12, 3650.0), "deliveries to this sorting district before", "earlier parcels to pincodes {prefix}...";
    Pincode: "pincode", "place", Code, (0.0, 0.16, 3650.0), "deliveries to this pincode before", "earlier parcels to pincode {pincode}";
    Courier: "courier", "courier", Code, (0.0, 0.35, 36500.0), "this courier's parcels before", "{courier}";
    CourierPayment: "courier_payment", "courier", Code, (0.0, 0.15, 3650.0), "this courier's parcels of this payment mode", "{courier}, {payment}";
    CourierOrigin: "courier_origin", "lane", Code, (0.0, 0.13, 3650.0), "this courier from this zone", "{courier} from zone {origin_zone}";
    CourierZone: "courier_zone", "lane", Code, (0.0, 0.3, 3650.0), "this courier to this zone", "{courier} to zone {zone}";
    CourierDistrict: "courier_district", "lane", Code, (0.0, 0.2, 3650.0), "this courier to this district", "{courier} to {district}";
    CourierPrefix: "courier_prefix", "lane", Code, (0.0, 0.12, 3650.0), "this courier to this sorting district", "{courier} to pincodes {prefix}...";
    CourierLane: "courier_lane", "lane", Code, (0.0, 0.1, 3650.0), "this courier on this lane", "{courier} from zone {origin_zone} to pincodes {prefix}...";
    Lift: "lane_now", "lane_now", LogOdds, (1.3, 0.005, 3650.0), "how much worse than usual this courier does in this zone just now", "{courier} in zone {zone} does not as usual just now";
    Load: "courier_load", "courier", Share, (0.0, 0.6, 3650.0), "parcels of the day over the courier's capacity", "{courier} is at {value} of its capacity";
    Days: "days", "delay", Days, (0.0, 0.15, 36500.0), "days from manifest to the next attempt", "{value} from manifest to the attempt";
    Promised: "promised_slack", "delay", Days, (0.0, 0.08, 36500.0), "days until the promised date", "promised within {value}";
    Weather: "weather", "weather", Share, (0.0, 0.5, 3650.0), "severity of the weather on the day", "weather of severity {value}";
    CourierWeather: "courier_weather", "weather", Share, (0.0, 0.25, 3650.0), "what weather does to this courier", "weather of severity {value} and {courier}";
    Traffic: "traffic", "traffic", Share, (0.0, 0.3, 3650.0), "congestion on the day", "congestion {value}";
    Calendar: "calendar", "calendar", Code, (0.0, 0.35, 3650.0), "festival or holiday on the day", "{calendar}";
    Weekday: "weekday", "calendar", Code, (0.0, 0.08, 36500.0), "day of the week", "on a {weekday}";
    Agent: "agent", "agent", Code, (0.0, 0.3, 365.0), "this agent's attempts before", "earlier attempts of this agent";
    Attempt: "attempt", "attempt", Code, (0.0, 1.0, 36500.0), "number of the attempt", "attempt {attempt}";
    Reason: "ndr_reason", "reason", Code, (0.0, 1.5, 3650.0), "why the attempt failed", "{reason}";
    Proof: "proof", "proof", Code, (0.0, 0.6, 3650.0), "proof of the failed attempt", "{proof}";
    Action: "action", "action", Code, (0.0, 0.5, 3650.0), "what was asked for since", "{action} was asked for";
    Door: "door", "door", LogOdds, (0.6, 0.3, 36500.0), "risk as it was at the door, before any failure", "risk at the door";
    DoorPayment: "door_payment", "door", LogOdds, (0.0, 0.4, 36500.0), "risk at the door, by how it is paid", "risk at the door";
}

/// Whether a family of terms is about who carries the parcel.
pub(crate) fn is_of_courier(family: u16) -> bool {
    const OF_COURIER: [F; 9] = [
        F::Courier,
        F::CourierPayment,
        F::CourierOrigin,
        F::CourierZone,
        F::CourierDistrict,
        F::CourierPrefix,
        F::CourierLane,
        F::CourierWeather,
        F::Agent,
    ];
    OF_COURIER.iter().any(|of| *of as u16 == family)
}

/// The schema.
pub(crate) static SCHEMA: Schema = Schema {
    name: "ndr",
    features: FEATURES,
};

/// Number of features.
pub(crate) const N: usize = FEATURES.len();

/// A row being written: terms for the learner, and values for the explanation.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Why the latest attempt failed: by reason the risk at the door says more or less of what comes.
    pub(crate) why: u64,
    /// Whose model is asked. A parcel that is out again after a failure is asked of the model of failures: what is known is the same.
    pub(crate) model: Stage,
    pub(crate) terms: Vec<Term>,
    /// Of the model of failures: the same facts as the model of the door sees them. Its log-odds are one term here, the door's.
    pub(crate) beneath: Vec<Term>,
    /// Value of each feature, NaN where it is not known.
    pub(crate) values: [f32; N],
    /// Features that are told by a key rather than by a value alone.
    pub(crate) keyed: [bool; N],
}

impl Row {
    /// A row for the model of a stage, with its base.
    pub(crate) fn new(model: Stage) -> Self {
        let mut row = Self {
            why: 0,
            model,
            terms: Vec::with_capacity(N),
            beneath: Vec::new(),
            values: [f32::NAN; N],
            keyed: [false; N],
        };
        row.keyed(F::Base, 0);
        row
    }

    /// The terms that a score is told from: the model's own, then those beneath.
    pub(crate) fn told(&self) -> impl Iterator<Item = &Term> {
        self.terms.iter().chain(&self.beneath)
    }

    /// A key as a feature.
    pub(crate) fn keyed(&mut self, feature: F, key: u64) {
        self.both(feature, key, 1.0, 1.0);
    }

    /// A value as a feature: `scaled` is what the learner multiplies with, `value` what a person reads.
    pub(crate) fn valued(&mut self, feature: F, scaled: f64, value: f64) {
        self.push(feature, 0, scaled, value);
    }

    /// A value as a feature, with a weight of its own for each key that it does not tell of.
    pub(crate) fn valued_by(&mut self, feature: F, key: u64, value: f64) {
        self.push(feature, key, value, value);
    }

    /// A value with a weight of its own for each key.
    pub(crate) fn both(&mut self, feature: F, key: u64, scaled: f64, value: f64) {
        self.keyed[feature as usize] = true;
        self.push(feature, key, scaled, value);
    }

    fn push(&mut self, feature: F, key: u64, scaled: f64, value: f64) {
        self.values[feature as usize] = value as f32;
        let of_failures = self.model == Stage::AttemptFailed;
        if of_failures && feature.is_of_door() {
            self.beneath
                .push(term(Stage::OutForDelivery, feature, key, scaled));
        }
        if !of_failures || feature.is_of_failures() {
            self.terms.push(term(self.model, feature, key, scaled));
        }
    }
}

/// A term of a stage's model.
pub(crate) fn term(model: Stage, feature: F, key: u64, scaled: f64) -> Term {
    Term {
        key: mix(key) ^ mix((model as u64 + 1) << 32 | (feature as u64 + 1)),
        value: scaled as f32,
        family: feature as u16,
    }
}
