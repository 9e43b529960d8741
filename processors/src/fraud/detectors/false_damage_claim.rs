//! Pattern 10. False damage claim: damage is claimed again and again, or with a picture that was shown before. Innocent: goods that break.

use crate::fraud::Fraud;
use crate::fraud::finding::{Finding, Subject};
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::surprise;
use crate::world::World;

const SURPRISE: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::FalseDamageClaim,
    subject: Kind::Claim,
    precision: (7.0, 2.0),
    doubtful: (1.0, 4.0),
    parameters: &[("surprise", 3.0, 0.5, 100.0)],
};

pub(crate) fn detect(fraud: &Fraud, world: &World, number: u32) -> Option<Finding> {
    let claim = &fraud.claims.entries.get(number).value;
    let profile = fraud.profile(claim.customer);
    let fragile = super::fragile(fraud, world, claim);
    let peers =
        fraud.small.peers.damages[usize::from(!fragile)].rate(if fragile { 0.02 } else { 0.002 }, 200.0);
    let usual = (f64::from(profile.bought) * peers).max(0.05);
    let surprise = surprise(f64::from(profile.damages), usual);
    let often =
        profile.damages >= 1.6 && surprise >= fraud.small.policy.number(Pattern::FalseDamageClaim, SURPRISE);
    let before = claim
        .same_image
        .map(|before| &fraud.claims.entries.get(before).value)
        .filter(|before| before.stands());
    if before.is_none() && !often {
        return None;
    }
    let strength = if before.is_some() { 0.7 } else { 0.3 } + if often { 0.15 } else { 0.0 };
    let mut finding = Finding::new(
        Pattern::FalseDamageClaim,
        Subject::Claim(number),
        strength,
        claim.amount_minor,
    );
    finding
        .evidence
        .push(super::submitted(claim, "claimed as damaged"));
    if let Some(before) = before {
        finding = finding.says(format!("the picture was shown before, with claim {}", before.id));
    }
    if often {
        finding = finding.says(format!(
            "about {:.0} damage claims of late on {:.0} lines, where {usual:.2} are usual",
            profile.damages, profile.bought
        ));
    }
    let breaks = fragile && before.is_none();
    Some(finding.looked(
        "fragile goods",
        breaks,
        if fragile {
            "the article breaks easily"
        } else {
            "the article does not break easily"
        },
    ))
}
