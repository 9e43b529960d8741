//! Pattern 20. Junk address: an address that cannot be found, with a state that is not its postal code's. Innocent: an address in plain local words, to which parcels
//! have come before.

use crate::fraud::Fraud;
use crate::fraud::finding::{Finding, Subject, percent};
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::interner::NO_SYMBOL;
use crate::world::World;

const QUALITY: usize = 0;
const LOSS: usize = 1;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::JunkAddress,
    subject: Kind::Order,
    precision: (4.0, 3.0),
    doubtful: (0.5, 4.5),
    parameters: &[("quality", 0.25, 0.0, 1.0), ("loss_minor", 18_000.0, 0.0, 1e9)],
};

pub(crate) fn detect(fraud: &Fraud, world: &World, order: u32, quality: f64) -> Option<Finding> {
    let placed = world.orders.get(order).standing()?;
    if quality < 0.0 || quality > fraud.small.policy.number(Pattern::JunkAddress, QUALITY) {
        return None;
    }
    let directory = world.pincodes.get(placed.pincode).state();
    let stated = placed.state;
    let elsewhere = directory != NO_SYMBOL && stated != NO_SYMBOL && {
        let words = (world.symbols.text(directory), world.symbols.text(stated));
        !words.0.eq_ignore_ascii_case(words.1)
    };
    let strength = 0.4 + if elsewhere { 0.3 } else { 0.0 } + (0.25 - quality).max(0.0);
    let loss = fraud.small.policy.number(Pattern::JunkAddress, LOSS) as i64;
    let came = fraud.profile(placed.customer).bought >= 1.0;
    let mut finding = Finding::new(Pattern::JunkAddress, Subject::Order(order), strength, loss)
        .says(format!("address quality {}", percent(quality)));
    if elsewhere {
        finding = finding.says(format!(
            "the address says {}, its postal code lies in {}",
            world.symbols.text(stated),
            world.symbols.text(directory)
        ));
    }
    Some(finding.looked(
        "vernacular address",
        came && !elsewhere,
        if came {
            "parcels have come to this customer before"
        } else {
            "no parcel has come to this customer before"
        },
    ))
}
