//! Pattern 16. Account hopping: a new account goes on where one with a confirmed alert ended. Innocent: a family, a hostel, an office that has long shared things.

use crate::facts::NO_TIME;
use crate::fraud::finding::{Finding, Subject};
use crate::fraud::graph::members;
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::DAY_US;
use crate::interner::NO_KEY;

const NEW_DAYS: usize = 0;
const SOFT: usize = 1;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::AccountHopping,
    subject: Kind::Customer,
    precision: (4.0, 3.0),
    doubtful: (1.0, 9.0),
    parameters: &[("new_days", 75.0, 1.0, 1_000.0), ("soft_links", 2.0, 1.0, 10.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    if known.customer == NO_KEY || known.profile.values.is_empty() {
        return None;
    }
    let profiles = &known.fraud.profiles;
    let mut burnt: Option<(u32, Vec<u32>, bool)> = None;
    for member in members(profiles, known.customer).into_iter().skip(1) {
        if profiles.get(member).confirmed > 0 {
            burnt = Some((member, Vec::new(), true));
        }
    }
    if burnt.is_none() {
        for number in &known.profile.values {
            let value = known.fraud.graph.value(*number);
            if value.capped() {
                continue;
            }
            for partner in value.customers() {
                if partner == known.customer || profiles.get(partner).confirmed == 0 {
                    continue;
                }
                let shared: Vec<u32> = known
                    .fraud
                    .graph
                    .common(known.profile, profiles.get(partner))
                    .collect();
                if burnt
                    .as_ref()
                    .is_none_or(|(_, known, _)| known.len() < shared.len())
                {
                    burnt = Some((partner, shared, false));
                }
            }
        }
    }
    let (other, mut shared, hard) = burnt?;
    if hard {
        shared = known
            .fraud
            .graph
            .common(known.profile, profiles.get(other))
            .collect();
    }
    // A device alone speaks, an address alone does not.
    let device = shared
        .iter()
        .any(|value| known.fraud.graph.value(*value).shared == crate::fraud::graph::Shared::Device);
    if !hard && !device && (shared.len() as f64) < known.number(Pattern::AccountHopping, SOFT) {
        return None;
    }
    let first = known.world.customers.get(known.customer).first_seen_at;
    let burnt_first = known.world.customers.get(other).first_seen_at;
    let age = (known.request.stamp.at - first) as f64 / DAY_US as f64;
    let new = first != NO_TIME && age <= known.number(Pattern::AccountHopping, NEW_DAYS);
    let after = first >= burnt_first;
    if !new || !after {
        return None;
    }
    let words: Vec<&str> = shared
        .iter()
        .map(|value| known.fraud.graph.value(*value).shared.word())
        .collect();
    let strength = 0.45 + if hard { 0.15 } else { 0.0 } + 0.08 * shared.len().min(3) as f64;
    let settled = f64::from(known.profile.bought) - f64::from(known.profile.returned) >= 4.0;
    Some(
        Finding::new(
            Pattern::AccountHopping,
            Subject::Customer(known.customer),
            strength,
            known.value_minor,
        )
        .says(format!(
            "account of {age:.0} days, linked to {} with a confirmed alert by {}",
            known.world.customer_keys.get(other),
            if words.is_empty() {
                "a chain of phones and instruments".to_owned()
            } else {
                words.join(" and ")
            }
        ))
        .looked(
            "family, hostel or office",
            settled,
            if settled {
                "the account keeps most of what it buys, as another member of a household would"
            } else {
                "the account has hardly kept anything"
            },
        ),
    )
}
