//! Pattern 17. Return ring: accounts that share an address, a device or an instrument, and more among themselves, return in one burst. Innocent: an apartment block,
//! where people share a door and nothing else.

use crate::fraud::finding::{Finding, Subject, percent};
use crate::fraud::graph::Asked;
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::DAY_US;
use crate::interner::NO_KEY;

const ACCOUNTS: usize = 0;
const DAYS: usize = 1;
const DENSITY: usize = 2;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::ReturnRing,
    subject: Kind::Ring,
    precision: (6.0, 2.0),
    doubtful: (1.0, 9.0),
    parameters: &[
        ("accounts", 3.0, 2.0, 50.0),
        ("days", 14.0, 1.0, 30.0),
        ("density", 0.5, 0.0, 1.0),
    ],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    if known.customer == NO_KEY {
        return None;
    }
    let span = (known.number(Pattern::ReturnRing, DAYS) * DAY_US as f64) as i64;
    let least = known.number(Pattern::ReturnRing, ACCOUNTS) as usize;
    let at = known.request.stamp.at;
    let mut best: Option<Finding> = None;
    for number in &known.profile.values {
        let value = known.fraud.graph.value(*number);
        let Some(partners) = value.partners() else {
            continue;
        };
        let burst: Vec<&Asked> = partners
            .asked
            .iter()
            .filter(|asked| (asked.at - at).abs() <= span)
            .collect();
        let mut accounts: Vec<u32> = burst.iter().map(|asked| asked.customer).collect();
        accounts.sort_unstable();
        accounts.dedup();
        if accounts.len() < least || !accounts.contains(&known.customer) {
            continue;
        }
        // Who shares something else as well with another of them.
        let knit = |one: &u32| {
            accounts.iter().any(|other| {
                let profiles = &known.fraud.profiles;
                one != other
                    && known
                        .fraud
                        .graph
                        .common(profiles.get(*one), profiles.get(*other))
                        .any(|shared| shared != *number)
            })
        };
        let density = accounts.iter().filter(|one| knit(one)).count() as f64 / accounts.len() as f64;
        let sharing = value.customers().count();
        let quiet = sharing.saturating_sub(accounts.len());
        if density < known.number(Pattern::ReturnRing, DENSITY) {
            continue;
        }
        let names: Vec<&str> = accounts
            .iter()
            .map(|customer| known.world.customer_keys.get(*customer))
            .collect();
        let block = quiet > accounts.len() || value.capped();
        let strength = 0.45 + 0.06 * (accounts.len().min(8) as f64 - 3.0) + 0.2 * density;
        let finding = Finding::new(
            Pattern::ReturnRing,
            Subject::Ring(*number),
            strength,
            known.value_minor,
        )
        .says(format!(
            "{} accounts of one {} asked for {} returns within {:.0} days: {}",
            accounts.len(),
            value.shared.word(),
            burst.len(),
            known.number(Pattern::ReturnRing, DAYS),
            names.join(", ")
        ))
        .says(format!(
            "{} of them share something else with another of them",
            percent(density)
        ))
        .looked(
            "apartment block",
            block,
            format!(
                "{quiet} others of the same {} did not return{}",
                value.shared.word(),
                if value.capped() {
                    ", and more than are kept share it"
                } else {
                    ""
                }
            ),
        );
        if best.as_ref().is_none_or(|best| best.strength < finding.strength) {
            best = Some(finding);
        }
    }
    best
}
