//! Pattern 9. False non-receipt: a parcel handed over against proof is claimed as never received. Innocent: a proof that the courier made up.

use crate::fraud::Fraud;
use crate::fraud::case::{BY_CODE, BY_POSITION, BY_SIGNATURE};
use crate::fraud::finding::{Finding, Subject};
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::surprise;
use crate::interner::NO_KEY;
use crate::world::World;

const AGENT_SURPRISE: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::FalseNonReceipt,
    subject: Kind::Claim,
    precision: (3.0, 5.0),
    doubtful: (0.3, 9.7),
    parameters: &[("agent_surprise", 6.0, 0.5, 100.0)],
};

pub(crate) fn detect(fraud: &Fraud, world: &World, number: u32) -> Option<Finding> {
    let claim = &fraud.claims.entries.get(number).value;
    let sale = fraud.sale(claim.order)?;
    let code = sale.proof & BY_CODE != 0;
    let seen = sale.proof & BY_POSITION != 0 && sale.proof & BY_SIGNATURE != 0;
    if !code && !seen {
        return None;
    }
    let profile = fraud.profile(claim.customer);
    let peers = fraud.small.peers.losses.rate(0.002, 500.0);
    let surprise = surprise(f64::from(profile.losses), f64::from(profile.bought) * peers);
    let often = profile.losses >= 1.6;
    let strength = if code { 0.4 } else { 0.25 } + if often { 0.35 } else { 0.0 };
    let proof = match (code, seen) {
        (true, true) => "a one-time code, a signature and the position",
        (true, false) => "a one-time code",
        _ => "a signature and the position",
    };
    let awb = if sale.awb == NO_KEY {
        "?"
    } else {
        world.shipment_keys.get(sale.awb)
    };
    let agent = fraud
        .agents
        .find(&sale.agent)
        .map(|number| &fraud.agents.entries.get(number).value);
    let faker = agent.is_some_and(|agent| {
        agent.surprise(&fraud.small.peers)
            >= fraud
                .small
                .policy
                .number(Pattern::FalseNonReceipt, AGENT_SURPRISE)
    });
    let mut finding = Finding::new(
        Pattern::FalseNonReceipt,
        Subject::Claim(number),
        strength,
        claim.amount_minor,
    );
    finding
        .evidence
        .push(super::submitted(claim, "claimed as not received"));
    finding = finding.says(format!("parcel {awb} was handed over against {proof}"));
    if often {
        finding = finding.says(format!(
            "about {:.0} such claims of this customer of late, where {:.2} are usual",
            profile.losses,
            f64::from(profile.bought) * peers
        ));
        finding.strength += (surprise / 60.0).min(0.15);
    }
    Some(finding.looked(
        "fake proof of delivery",
        faker && !code,
        if faker {
            "the agent who delivered it has reported attempts without any proof"
        } else {
            "the agent who delivered it is not known for false reports"
        },
    ))
}
