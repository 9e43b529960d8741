//! Pattern 15. Employee collusion: an employee pays refunds without a receipt, again and again to the same few. Innocent: somebody who simply serves most people.

use crate::fraud::case::What;
use crate::fraud::finding::{Finding, Subject, percent};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::surprise;
use crate::interner::NO_KEY;

const PAIR: usize = 0;
const SURPRISE: usize = 1;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::EmployeeCollusion,
    subject: Kind::Employee,
    precision: (6.0, 2.0),
    doubtful: (1.0, 4.0),
    parameters: &[("pair", 2.0, 1.0, 100.0), ("surprise", 5.0, 0.5, 100.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let (fact, payback) = known
        .refunds()
        .into_iter()
        .find(|(_, payback)| payback.agent != 0 && payback.receipt == 0)?;
    let number = known.fraud.employees.find(&payback.agent)?;
    let of = &known.fraud.employees.entries.get(number).value;
    let peers = known.fraud.small.peers.unreceipted.rate(0.03, 50.0);
    let surprise = surprise(of.unreceipted, of.refunds * peers);
    let pair = if known.customer == NO_KEY {
        0
    } else {
        of.pair(known.customer)
    };
    let paired = f64::from(pair) >= known.number(Pattern::EmployeeCollusion, PAIR);
    let often = surprise >= known.number(Pattern::EmployeeCollusion, SURPRISE);
    let without_sale = often && known.order == NO_KEY;
    if !paired && !without_sale {
        return None;
    }
    let share = of.unreceipted / of.refunds.max(1.0);
    let strength = match (paired, often) {
        (true, true) => 0.8,
        (true, false) => 0.6,
        _ => 0.3,
    };
    let took = known.last(|what| matches!(what, What::Requested { agent, .. } if *agent == payback.agent));
    let subject = Subject::Employee(number);
    let mut finding = Finding::new(Pattern::EmployeeCollusion, subject, strength, known.value_minor)
        .shows(fact, "refunded although no receipt was shown")
        .says(format!(
            "about {:.0} of the {:.0} refunds of the last 90 days without a receipt ({}), colleagues {}",
            of.unreceipted,
            of.refunds,
            percent(share),
            percent(peers)
        ))
        .says(format!("{pair} of them to this customer"));
    if let Some(fact) = took {
        finding = finding.shows(fact, "the same employee took the request");
    }
    let busy = !paired && share < 2.0 * peers;
    Some(finding.looked(
        "busy associate",
        busy,
        "the share of refunds without a receipt was compared, not their number",
    ))
}
