//! The policy of routing: every number that a decision depends on, with its version. It comes with `policy.published`, in the member `ndr` of the body.

use bitcode::{Decode, Encode};
use eddy_events::feedback::Published;
use serde::Deserialize;

const HOUR_US: i64 = 3_600_000_000;

/// The numbers. What a published policy leaves out is as here.
#[derive(Clone, Debug, PartialEq, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Policy {
    /// Version as published; `default` before any was.
    #[serde(skip)]
    pub(crate) version: String,
    /// Off: decisions are told as suppressed, nothing is recommended.
    pub(crate) enabled: bool,
    /// Probability above which a decision is sought.
    pub(crate) threshold: f64,
    /// What a parcel that comes back costs besides the courier's fee, in minor units.
    pub(crate) failure_cost_minor: i64,
    /// And as a share of its value: what lies still or is spoilt.
    pub(crate) failure_share: f64,
    /// What a day behind the promise costs, in minor units.
    pub(crate) late_day_minor: i64,
    /// What asking the buyer costs (a call, a message), in minor units.
    pub(crate) contact_minor: i64,
    /// What another attempt costs, in minor units.
    pub(crate) attempt_minor: i64,
    /// What a day of waiting for inspection costs, a return, in minor units.
    pub(crate) wait_day_minor: i64,
    /// What it costs to send a return to another hub than told, besides the tariff, in minor units.
    pub(crate) divert_minor: i64,
    /// What a failure weighs in the choice, as a multiple of its cost. Above 1 a dearer courier is taken for less risk, though never one that is
    /// expected to cost more than leaving it as it is; 1 takes the least expected cost. What lies above 1 stands for what a failure costs beyond its
    /// direct money: at 2.5, a buyer who never got the parcel is worth one and a half times that.
    pub(crate) failure_weight: f64,
    /// Gain below which nothing is changed, in minor units.
    pub(crate) least_gain_minor: i64,
    /// Hours after a decision in which the parcel is left alone.
    pub(crate) cooldown_hours: i64,
    /// Hours for which a recommendation holds.
    pub(crate) valid_hours: i64,
    /// Share of decisions that are drawn among the feasible ones, to learn from. 0 is off.
    pub(crate) exploration: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: "default".to_owned(),
            enabled: true,
            threshold: 0.8,
            failure_cost_minor: 12_000,
            failure_share: 0.05,
            late_day_minor: 1_500,
            contact_minor: 500,
            attempt_minor: 2_000,
            wait_day_minor: 1_500,
            divert_minor: 2_000,
            failure_weight: 2.5,
            least_gain_minor: 1_000,
            cooldown_hours: 24,
            valid_hours: 12,
            exploration: 0.0,
        }
    }
}

impl Policy {
    /// The policy of a publication, or what is wrong with it; none when it says nothing of routing.
    pub(crate) fn published(event: &Published) -> Option<Result<Self, String>> {
        Self::of_body(event.body.as_ref()?, &event.version)
    }

    /// The policy of a body under a version.
    pub(crate) fn of_body(body: &serde_json::Value, version: &str) -> Option<Result<Self, String>> {
        let body = body.get("ndr")?;
        let policy = Self::deserialize(body).map_err(|error| error.to_string());
        Some(policy.and_then(|policy| {
            let within = (0.0..=1.0).contains(&policy.threshold) && (0.0..=1.0).contains(&policy.exploration);
            if !within {
                return Err("threshold and exploration must be between 0 and 1".to_owned());
            }
            if !(1.0..=10.0).contains(&policy.failure_weight) {
                return Err("failure_weight must be between 1 and 10".to_owned());
            }
            Ok(Self {
                version: version.to_owned(),
                ..policy
            })
        }))
    }

    /// What it costs that a parcel is never delivered, the courier's fee for the way back included.
    pub(crate) fn failure_minor(&self, value_minor: i64, rto_fee_minor: i64) -> f64 {
        (self.failure_cost_minor + rto_fee_minor) as f64 + self.failure_share * value_minor.max(0) as f64
    }

    pub(crate) fn cooldown_us(&self) -> i64 {
        self.cooldown_hours.saturating_mul(HOUR_US)
    }

    pub(crate) fn valid_us(&self) -> i64 {
        self.valid_hours.saturating_mul(HOUR_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn publish(body: serde_json::Value) -> Option<Result<Policy, String>> {
        Policy::published(&Published {
            version: "v7".into(),
            digest: "d".into(),
            body: Some(body),
            artefact: None,
        })
    }

    #[test]
    fn a_policy_says_what_it_changes_and_keeps_the_rest() {
        let policy = publish(json!({"ndr": {"threshold": 0.6}})).unwrap().unwrap();
        assert_eq!((policy.version.as_str(), policy.threshold), ("v7", 0.6));
        assert_eq!(policy.valid_hours, Policy::default().valid_hours);
        assert!(publish(json!({"fraud": {}})).is_none());
    }

    #[test]
    fn a_slip_in_a_policy_is_told() {
        let unknown = publish(json!({"ndr": {"treshold": 0.6}})).unwrap().unwrap_err();
        assert!(
            unknown.contains("treshold") && unknown.contains("threshold"),
            "{unknown}"
        );
        assert!(publish(json!({"ndr": {"threshold": 80}})).unwrap().is_err());
    }
}
