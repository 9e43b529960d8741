//! The policy of fraud: which patterns are looked for, with which numbers, and what follows. It comes with `policy.published`, in the member `fraud`
//! of the body. What it leaves out is as the definitions say. The default action is review; blocking is turned on pattern by pattern.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use serde::Deserialize;

use super::detectors::DEFINITIONS;
use super::pattern::Pattern;
use super::profile::DAY_US;

/// What follows from an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Review,
    Block,
}

impl Action {
    /// The word of the table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Block => "block",
        }
    }
}

/// What holds for one pattern.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Rule {
    pub(crate) enabled: bool,
    pub(crate) action: Action,
    /// Score above which `block` is the action.
    pub(crate) block_above: f64,
    /// Score above which an alert is raised, where the pattern has its own.
    pub(crate) alert_above: Option<f64>,
    numbers: Vec<f64>,
}

/// How far identities are followed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Links {
    /// Customers who may share a phone or an instrument before it stops to link them.
    pub(crate) hard_partners: u16,
    /// Customers kept of a shared address or device.
    pub(crate) soft_partners: u16,
    /// Customers of one cluster.
    pub(crate) cluster_members: u16,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            hard_partners: 6,
            soft_partners: 12,
            cluster_members: 64,
        }
    }
}

/// When a return that is asked for is approved.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Returns {
    /// Days after delivery, where the catalogue says nothing.
    pub(crate) window_days: f64,
    /// Probability of abuse from which on somebody shall look.
    pub(crate) review_above: f64,
    /// Probability from which on it is declined; never, when left out.
    pub(crate) decline_above: Option<f64>,
}

impl Default for Returns {
    fn default() -> Self {
        Self {
            window_days: 30.0,
            review_above: 0.3,
            decline_above: None,
        }
    }
}

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Policy {
    /// Version as published; `default` before any was.
    pub(crate) version: String,
    pub(crate) enabled: bool,
    /// Score above which an alert is raised.
    pub(crate) alert_above: f64,
    /// The same while more alerts wait than reviewers get through in a week.
    pub(crate) alert_above_when_full: f64,
    pub(crate) reviews_per_day: u32,
    /// Days after which an alert that nobody decided runs out.
    pub(crate) expire_days: f64,
    /// Days in which a dismissed alert about a person is not raised again.
    pub(crate) quiet_days: f64,
    pub(crate) links: Links,
    pub(crate) returns: Returns,
    rules: Vec<Rule>,
}

impl Default for Policy {
    fn default() -> Self {
        let rules = DEFINITIONS.iter().map(|definition| Rule {
            enabled: true,
            action: Action::Review,
            block_above: 0.95,
            alert_above: None,
            numbers: definition
                .parameters
                .iter()
                .map(|(_, default, ..)| *default)
                .collect(),
        });
        Self {
            version: "default".to_owned(),
            enabled: true,
            alert_above: 0.15,
            alert_above_when_full: 0.5,
            reviews_per_day: 40,
            expire_days: 90.0,
            quiet_days: 90.0,
            links: Links::default(),
            returns: Returns::default(),
            rules: rules.collect(),
        }
    }
}

/// A policy as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    enabled: Option<bool>,
    alert_above: Option<f64>,
    alert_above_when_full: Option<f64>,
    reviews_per_day: Option<u32>,
    expire_days: Option<f64>,
    quiet_days: Option<f64>,
    #[serde(default)]
    links: Links,
    #[serde(default)]
    returns: Returns,
    #[serde(default)]
    patterns: BTreeMap<String, SaidOfPattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidOfPattern {
    enabled: Option<bool>,
    action: Option<Action>,
    block_above: Option<f64>,
    alert_above: Option<f64>,
    #[serde(default)]
    parameters: BTreeMap<String, f64>,
}

impl Policy {
    /// The policy of a body under a version, or what is wrong with it; none when it says nothing of fraud.
    pub(crate) fn of_body(body: &serde_json::Value, version: &str) -> Option<Result<Self, String>> {
        let said = match Said::deserialize(body.get("fraud")?) {
            Ok(said) => said,
            Err(error) => return Some(Err(error.to_string())),
        };
        Some(Self::check(said, version))
    }

    fn check(said: Said, version: &str) -> Result<Self, String> {
        let default = Self::default();
        let mut policy = Self {
            version: version.to_owned(),
            enabled: said.enabled.unwrap_or(true),
            alert_above: share("alert_above", said.alert_above)?.unwrap_or(default.alert_above),
            alert_above_when_full: share("alert_above_when_full", said.alert_above_when_full)?
                .unwrap_or(default.alert_above_when_full),
            reviews_per_day: said.reviews_per_day.unwrap_or(default.reviews_per_day),
            expire_days: days("expire_days", said.expire_days)?.unwrap_or(default.expire_days),
            quiet_days: days("quiet_days", said.quiet_days)?.unwrap_or(default.quiet_days),
            links: said.links,
            returns: said.returns,
            ..default
        };
        days("returns: window_days", Some(said.returns.window_days))?;
        share("returns: review_above", Some(said.returns.review_above))?;
        share("returns: decline_above", said.returns.decline_above)?;
        let links = policy.links;
        if !(2..=32).contains(&links.hard_partners)
            || !(2..=64).contains(&links.soft_partners)
            || !(2..=256).contains(&links.cluster_members)
        {
            return Err(
                "links: hard_partners must be 2 to 32, soft_partners 2 to 64, cluster_members 2 to 256"
                    .to_owned(),
            );
        }
        for (name, said) in said.patterns {
            let pattern = Pattern::from_word(&name).ok_or_else(|| {
                let known: Vec<&str> = Pattern::ALL.iter().map(|pattern| pattern.as_str()).collect();
                format!("patterns: no pattern `{name}`, there are {}", known.join(", "))
            })?;
            let rule = &mut policy.rules[pattern as usize];
            rule.enabled = said.enabled.unwrap_or(rule.enabled);
            rule.action = said.action.unwrap_or(rule.action);
            rule.block_above = share("block_above", said.block_above)?.unwrap_or(rule.block_above);
            rule.alert_above = share("alert_above", said.alert_above)?;
            let parameters = DEFINITIONS[pattern as usize].parameters;
            for (word, number) in said.parameters {
                let Some(at) = parameters.iter().position(|(known, ..)| *known == word) else {
                    let known: Vec<&str> = parameters.iter().map(|(name, ..)| *name).collect();
                    return Err(format!(
                        "{name}: no parameter `{word}`, there are {}",
                        known.join(", ")
                    ));
                };
                let (_, _, least, most) = parameters[at];
                if !(least..=most).contains(&number) {
                    return Err(format!("{name}: {word} must be between {least} and {most}"));
                }
                rule.numbers[at] = number;
            }
        }
        Ok(policy)
    }

    /// What holds for a pattern.
    pub(crate) fn rule(&self, pattern: Pattern) -> &Rule {
        &self.rules[pattern as usize]
    }

    /// A number of a pattern's detector, by its place in the definition.
    pub(crate) fn number(&self, pattern: Pattern, at: usize) -> f64 {
        self.rules[pattern as usize].numbers[at]
    }

    /// Score above which an alert is raised while `open` wait.
    pub(crate) fn bar(&self, pattern: Pattern, open: u32) -> f64 {
        let bar = self.rule(pattern).alert_above.unwrap_or(self.alert_above);
        if open > self.reviews_per_day.saturating_mul(7) {
            bar.max(self.alert_above_when_full)
        } else {
            bar
        }
    }

    pub(crate) fn expire_us(&self) -> i64 {
        (self.expire_days * DAY_US as f64) as i64
    }

    pub(crate) fn quiet_us(&self) -> i64 {
        (self.quiet_days * DAY_US as f64) as i64
    }
}

fn share(name: &str, value: Option<f64>) -> Result<Option<f64>, String> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => Err(format!("{name} must be between 0 and 1")),
        value => Ok(value),
    }
}

fn days(name: &str, value: Option<f64>) -> Result<Option<f64>, String> {
    match value {
        Some(value) if !(1.0..=3_650.0).contains(&value) => Err(format!("{name} must be between 1 and 3650")),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fraud::pattern::PATTERNS;
    use serde_json::json;

    fn read(fraud: serde_json::Value) -> Result<Policy, String> {
        Policy::of_body(&json!({ "fraud": fraud }), "v2").unwrap()
    }

    #[test]
    fn a_policy_says_what_it_changes_and_keeps_the_rest() {
        let policy = read(
            json!({"patterns": {"empty_box": {"action": "block", "parameters": {"weight_share": 0.3}}}}),
        )
        .unwrap();
        assert_eq!(policy.version, "v2");
        assert_eq!(policy.number(Pattern::EmptyBox, 0), 0.3);
        assert_eq!(policy.rule(Pattern::EmptyBox).action, Action::Block);
        assert_eq!(
            policy.rule(Pattern::Decoy),
            Policy::default().rule(Pattern::Decoy)
        );
        assert!(Policy::of_body(&json!({"ndr": {}}), "v2").is_none());
    }

    #[test]
    fn a_slip_is_told_with_what_there_is() {
        let slips = [
            json!({"patterns": {"empty_boks": {}}}),
            json!({"patterns": {"empty_box": {"parameters": {"weight": 0.3}}}}),
            json!({"patterns": {"empty_box": {"parameters": {"weight_share": 3}}}}),
            json!({"alert_abov": 0.2}),
            json!({"alert_above": 20}),
            json!({"links": {"hard_partners": 1}}),
        ];
        let words = [
            "empty_box",
            "weight_share",
            "between",
            "alert_above",
            "between",
            "links",
        ];
        for (slip, word) in slips.into_iter().zip(words) {
            let told = read(slip).unwrap_err();
            assert!(told.contains(word), "{told}");
        }
    }

    #[test]
    fn definitions_stand_in_the_order_of_the_catalogue() {
        assert_eq!(DEFINITIONS.len(), PATTERNS);
        for (at, definition) in DEFINITIONS.iter().enumerate() {
            assert_eq!(definition.pattern as usize, at);
            for (name, default, least, most) in definition.parameters {
                assert!((least..=most).contains(&default), "{name}");
            }
        }
    }
}
