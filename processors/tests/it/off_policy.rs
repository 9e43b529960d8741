//! What a log with exploration tells of a policy that it did not follow, against the truth of a simulated world.

#[path = "../../examples/off_policy/explored.rs"]
mod explored;

use eddy_simulator::WorldConfig;
use serde_json::json;

#[test]
fn the_interval_of_a_policy_that_was_not_followed_holds_its_true_failures() {
    let policy = |more: serde_json::Value| {
        let mut numbers = json!({"threshold": 0, "least_gain_minor": 1, "cooldown_hours": 10_000});
        for (name, value) in more.as_object().unwrap() {
            numbers[name.as_str()] = value.clone();
        }
        json!({ "ndr": numbers })
    };
    let config = WorldConfig {
        seed: 1,
        orders: 4_000,
        days: 40,
        customers: 1_000,
        skus: 500,
        ..WorldConfig::default()
    };
    let found = explored::explore(
        config,
        &policy(json!({"failure_weight": 1, "exploration": 0.5})),
        &policy(json!({"failure_weight": 10})),
    );
    let (told, (own, other)) = (found.told, found.truth);
    let estimate = told.failure_rate_other.unwrap();
    assert!(
        told.decisions > 3_000 && found.same < 0.7,
        "{told:?} {}",
        found.same
    );
    assert!(
        told.failure_rate.lower < own && own < told.failure_rate.upper,
        "{told:?} {own}"
    );
    assert!(
        estimate.lower < other && other < estimate.upper,
        "{told:?} {other}"
    );
    assert!(estimate.upper - estimate.lower < 0.1, "{estimate:?}");
    // It is another policy: what it comes to is not what the log's own comes to.
    assert!(own - other > 0.005, "{own} {other}");
}
