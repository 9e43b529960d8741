//! The alerts of a run, and how those of another policy differ from them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

/// An alert as it stood in the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Raised {
    pattern: String,
    customer: Option<String>,
    loss_minor: i64,
    status: String,
}

/// Alerts of one pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flagged {
    /// Alerts raised.
    pub alerts: u64,
    /// Expected loss of all, minor units.
    pub expected_loss_minor: i64,
    /// Confirmed in the end.
    pub confirmed: u64,
    /// Dismissed or overturned in the end.
    pub dismissed: u64,
    /// Taken back by later evidence.
    pub cleared: u64,
}

/// What another policy would have flagged otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Alerts that the policy of the log did not raise.
    pub more: u64,
    /// Alerts of the log that it would not have raised,
    pub fewer: u64,
    /// and of these, how many were confirmed.
    pub missed_confirmed: u64,
    /// Expected loss of those.
    pub missed_loss_minor: i64,
    /// Customers whose alerts in the log were dismissed or overturned, none confirmed, and who would have been hit again.
    pub known_good_hit: Vec<String>,
}

fn dismissed(status: &str) -> bool {
    matches!(status, "dismissed" | "overturned")
}

/// Takes an alert in as it is told.
pub(super) fn hear(raised: &mut BTreeMap<String, Raised>, data: &Value) {
    let word = |name: &str| data[name].as_str().map(ToOwned::to_owned);
    let Some(id) = word("alert_id") else { return };
    let alert = raised.entry(id).or_default();
    alert.pattern = word("pattern").unwrap_or_default();
    alert.customer = word("customer_id");
    alert.loss_minor = data["expected_loss_minor"].as_i64().unwrap_or(0);
    alert.status = word("status").unwrap_or_default();
}

pub(super) fn by_pattern(raised: &BTreeMap<String, Raised>) -> BTreeMap<String, Flagged> {
    let mut patterns: BTreeMap<String, Flagged> = BTreeMap::new();
    for alert in raised.values() {
        let of = patterns.entry(alert.pattern.clone()).or_default();
        of.alerts += 1;
        of.expected_loss_minor += alert.loss_minor;
        of.confirmed += u64::from(alert.status == "confirmed");
        of.dismissed += u64::from(dismissed(&alert.status));
        of.cleared += u64::from(alert.status == "cleared");
    }
    patterns
}

pub(super) fn difference(own: &BTreeMap<String, Raised>, other: &BTreeMap<String, Raised>) -> Difference {
    let customers = |of: fn(&str) -> bool| -> BTreeSet<&str> {
        let alerts = own.values().filter(|alert| of(&alert.status));
        alerts.filter_map(|alert| alert.customer.as_deref()).collect()
    };
    let (good, confirmed) = (customers(dismissed), customers(|status| status == "confirmed"));
    let hit: BTreeSet<&str> = other
        .values()
        .filter_map(|alert| alert.customer.as_deref())
        .filter(|customer| good.contains(customer) && !confirmed.contains(customer))
        .collect();
    let gone = || own.iter().filter(|(id, _)| !other.contains_key(*id));
    let missed = || gone().filter(|(_, alert)| alert.status == "confirmed");
    Difference {
        more: other.keys().filter(|id| !own.contains_key(*id)).count() as u64,
        fewer: gone().count() as u64,
        missed_confirmed: missed().count() as u64,
        missed_loss_minor: missed().map(|(_, alert)| alert.loss_minor).sum(),
        known_good_hit: hit.into_iter().map(ToOwned::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(alerts: &[(&str, &str, &str)]) -> BTreeMap<String, Raised> {
        let mut raised = BTreeMap::new();
        for (id, customer, status) in alerts {
            hear(
                &mut raised,
                &json!({ "alert_id": id, "pattern": "decoy", "customer_id": customer, "expected_loss_minor": 100, "status": status }),
            );
        }
        raised
    }

    #[test]
    fn whom_another_policy_would_miss_and_hit() {
        let own = run(&[
            ("a", "thief", "confirmed"),
            ("b", "good", "dismissed"),
            ("c", "both", "dismissed"),
            ("d", "both", "confirmed"),
        ]);
        let other = run(&[
            ("b", "good", "dismissed"),
            ("c", "both", "dismissed"),
            ("e", "new", "open"),
        ]);
        let told = difference(&own, &other);
        assert_eq!(
            (
                told.more,
                told.fewer,
                told.missed_confirmed,
                told.missed_loss_minor
            ),
            (1, 2, 2, 200)
        );
        assert_eq!(told.known_good_hit, ["good"]);
        assert_eq!(by_pattern(&own)["decoy"].alerts, 4);
    }
}
