//! Pattern 11. Serial returner: much more comes back than peers send back of the same goods, drawn towards the peers while little is known, and faster.
//! Innocent: a loyal buyer who buys much and keeps most.

use crate::fraud::finding::{Finding, Subject, percent};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::surprise;
use crate::interner::NO_KEY;

const SURPRISE: usize = 0;
const RATE: usize = 1;
const LINES: usize = 2;
/// Lines that peers lend to whoever has bought little.
const LENT: f64 = 2.0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::SerialReturner,
    subject: Kind::Customer,
    precision: (4.0, 4.0),
    doubtful: (0.5, 9.5),
    parameters: &[
        ("surprise", 4.0, 0.5, 50.0),
        ("rate", 0.5, 0.1, 1.0),
        ("lines", 4.0, 1.0, 100.0),
    ],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let of = known.profile;
    let returned = f64::from(of.returned);
    if known.customer == NO_KEY || returned < known.number(Pattern::SerialReturner, LINES) * 0.85 {
        return None;
    }
    let (bought, expected) = (f64::from(of.bought), f64::from(of.expected));
    let peers = if bought > 0.0 { expected / bought } else { 0.12 };
    let rate = (returned + LENT * peers) / (bought.max(returned) + LENT);
    let surprise = surprise(returned, expected.max(peers));
    let least = known.number(Pattern::SerialReturner, SURPRISE);
    if surprise < least || rate < known.number(Pattern::SerialReturner, RATE) {
        return None;
    }
    let velocity = f64::from(of.velocity);
    let strength = 0.4 + ((surprise - least) / 20.0).min(0.35) + if velocity >= 2.0 { 0.1 } else { 0.0 };
    let loss = (known.value_minor as f64 * 0.25) as i64;
    let kept = bought - returned;
    let loyal = kept > 2.0 * returned;
    Some(
        Finding::new(Pattern::SerialReturner, Subject::Customer(known.customer), strength, loss)
            .says(format!(
                "about {returned:.0} of {bought:.0} lines of the last 90 days came back ({}); of such goods peers send back {}",
                percent(rate),
                percent(peers)
            ))
            .says(format!("{velocity:.1} lines asked back within about a week"))
            .looked(
                "loyal buyer who spends much",
                loyal,
                format!("about {:.0} lines were kept", kept.max(0.0)),
            ),
    )
}
