//! Pattern 6. Overstated quantity: fewer pieces came in than were asked back. Innocent: split parcels, of which the rest is still on its way.

use crate::fraud::finding::{Finding, percent};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::DAY_US;

const WAIT_DAYS: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::OverstatedQuantity,
    subject: Kind::Return,
    precision: (7.0, 3.0),
    doubtful: (1.0, 4.0),
    parameters: &[("wait_days", 4.0, 0.0, 30.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let asked = known.pieces();
    let mut got = 0_u32;
    let mut last = None;
    for (fact, receipt) in known.receipts() {
        got = receipt
            .lines
            .iter()
            .fold(got, |sum, line| sum.saturating_add(line.qty));
        last = last.max(Some((fact.at, fact.tie)));
    }
    let (at, _) = last.filter(|_| got < asked)?;
    // The rest may be in a second parcel.
    let wait = (known.number(Pattern::OverstatedQuantity, WAIT_DAYS) * DAY_US as f64) as i64;
    if !known.due(at.saturating_add(wait)) {
        return None;
    }
    let (fact, _) = known.receipts().last()?;
    let lost = f64::from(asked - got) / f64::from(asked.max(1));
    let weighed = known.weight_at_door();
    let whole = weighed.is_some_and(|(_, _, share)| share > 0.9);
    let mut finding = known
        .finds(Pattern::OverstatedQuantity, 0.6, lost)
        .shows(fact, format!("{got} of {asked} pieces came in"))
        .looked(
            "split parcels",
            false,
            "no further parcel of this return came in time",
        );
    if let Some((_, weight, share)) = weighed {
        finding = finding.looked(
            "a miscount at the facility",
            whole,
            format!("{weight} g came in, {} of what all pieces weigh", percent(share)),
        );
    }
    Some(finding)
}
