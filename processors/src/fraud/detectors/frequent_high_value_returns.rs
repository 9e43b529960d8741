//! Pattern 25. Frequent high-value returns: of what is spent, much more goes back than with peers who buy such goods. Innocent: an expensive category, of which
//! everybody sends back more.

use crate::fraud::finding::{Finding, Subject, money, percent};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::surprise;
use crate::interner::NO_KEY;

const VALUE: usize = 0;
const RATE: usize = 1;
const LINES: usize = 2;
const SURPRISE: usize = 3;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::FrequentHighValueReturns,
    subject: Kind::Customer,
    precision: (4.0, 4.0),
    doubtful: (0.5, 9.5),
    parameters: &[
        ("value_minor", 1_500_000.0, 0.0, 1e13),
        ("rate", 0.5, 0.1, 1.0),
        ("lines", 3.0, 1.0, 100.0),
        ("surprise", 3.0, 0.5, 50.0),
    ],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let of = known.profile;
    let number = |at| known.number(Pattern::FrequentHighValueReturns, at);
    let (returned, lines) = (f64::from(of.returned_minor), f64::from(of.returned));
    if known.customer == NO_KEY || returned < number(VALUE) || lines < number(LINES) * 0.85 {
        return None;
    }
    let (bought, expected) = (f64::from(of.bought_minor), f64::from(of.expected_minor));
    let peers = if bought > 0.0 { expected / bought } else { 0.1 };
    // Peers lend a third of the sum that counts as high.
    let lent = number(VALUE) / 3.0;
    let rate = (returned + lent * peers) / (bought.max(returned) + lent);
    let surprise = surprise(lines, f64::from(of.expected).max(0.1));
    if rate < number(RATE) || surprise < number(SURPRISE) || rate < 2.0 * peers {
        return None;
    }
    let strength =
        0.4 + ((surprise - number(SURPRISE)) / 20.0).min(0.3) + (returned / number(VALUE) / 40.0).min(0.2);
    let loss = (known.value_minor as f64 * 0.15) as i64;
    let usual = rate < 3.0 * peers;
    Some(
        Finding::new(
            Pattern::FrequentHighValueReturns,
            Subject::Customer(known.customer),
            strength,
            loss,
        )
        .says(format!(
            "goods of {} came back of {} bought within about 90 days ({}); of such goods peers send back {}",
            money(returned as i64),
            money(bought as i64),
            percent(rate),
            percent(peers)
        ))
        .looked(
            "expensive category",
            usual,
            format!("peers who buy the same categories send back {}", percent(peers)),
        ),
    )
}
