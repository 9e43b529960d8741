//! Pattern 18. COD refusal abuse: cash parcels are ordered and refused at the door, again and again, by one buyer or by linked ones. Innocent: the courier's fault,
//! so only refusals count that the courier can prove.

use crate::fraud::Fraud;
use crate::fraud::finding::{Finding, Subject, percent};
use crate::fraud::graph::members;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::surprise;
use crate::interner::NO_KEY;
use crate::world::World;

const REFUSED: usize = 0;
const RATE: usize = 1;
const SURPRISE: usize = 2;
const LOSS: usize = 3;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::CodRefusalAbuse,
    subject: Kind::Customer,
    precision: (4.0, 4.0),
    doubtful: (0.5, 9.5),
    parameters: &[
        ("refused", 3.0, 1.0, 100.0),
        ("rate", 0.5, 0.0, 1.0),
        ("surprise", 3.5, 0.5, 100.0),
        ("loss_minor", 18_000.0, 0.0, 1e9),
    ],
};

pub(crate) fn detect(fraud: &Fraud, world: &World, customer: u32) -> Option<Finding> {
    if customer == NO_KEY || fraud.profile(customer).refused < 0.5 {
        return None;
    }
    let number = |at| fraud.small.policy.number(Pattern::CodRefusalAbuse, at);
    // The hard cluster, and whoever shares both address and device.
    let mut linked = members(&fraud.profiles, customer);
    let own = fraud.profile(customer);
    for value in &own.values {
        for partner in fraud.graph.value(*value).customers() {
            if linked.contains(&partner) || linked.len() >= 64 {
                continue;
            }
            if fraud.graph.common(own, fraud.profile(partner)).count() >= 2 {
                linked.push(partner);
            }
        }
    }
    let (mut refused, mut cash) = (0.0, 0.0);
    let mut refusers = 0;
    for of in &linked {
        let profile = fraud.profile(*of);
        refused += f64::from(profile.refused);
        cash += f64::from(profile.cash);
        refusers += u32::from(profile.refused >= 0.5);
    }
    let peers = fraud.small.peers.refusals.rate(0.06, 100.0);
    let surprise = surprise(refused, cash * peers);
    let rate = refused / cash.max(1.0);
    if refused < number(REFUSED) * 0.85 || rate < number(RATE) || surprise < number(SURPRISE) {
        return None;
    }
    let strength = 0.45 + (refused / 30.0).min(0.25) + if refusers > 1 { 0.15 } else { 0.0 };
    let loss = (number(LOSS) * refused) as i64;
    let names: Vec<&str> = linked.iter().map(|of| world.customer_keys.get(*of)).collect();
    // One alert for a cluster: it is known by its first customer.
    let subject = match own.cluster {
        NO_KEY => customer,
        cluster => cluster,
    };
    Some(
        Finding::new(
            Pattern::CodRefusalAbuse,
            Subject::Customer(subject),
            strength,
            loss,
        )
        .says(format!(
            "about {refused:.0} of {cash:.0} cash parcels of late were refused at the door ({}), usual is {}",
            percent(rate),
            percent(peers)
        ))
        .says(format!("accounts: {}", names.join(", ")))
        .looked(
            "courier fault",
            false,
            "only refusals with a call or a position count, and none by agents known for false reports",
        ),
    )
}
