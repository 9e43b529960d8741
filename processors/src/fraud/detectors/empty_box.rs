//! Pattern 2. Empty box: what came in weighs far less than what went out. Innocent: pilferage on the way, when the courier's own weight at pickup was whole.

use eddy_events::returns::Match;

use crate::fraud::finding::{Finding, percent};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};

const WEIGHT_SHARE: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::EmptyBox,
    subject: Kind::Return,
    precision: (8.0, 2.0),
    doubtful: (1.0, 4.0),
    parameters: &[("weight_share", 0.45, 0.05, 0.9)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let (fact, weight, share) = known.weight_at_door()?;
    let limit = known.number(Pattern::EmptyBox, WEIGHT_SHARE);
    if share >= limit {
        return None;
    }
    let pickup = known.weight_at_pickup();
    // Fault elsewhere first: handed over whole, it was emptied on the way, and the buyer has no part in it.
    if pickup.is_some_and(|(_, _, before)| before > share * 1.6 && before >= limit) {
        return None;
    }
    // Inspected and found whole: the scales were wrong.
    let inspected = known.inspections();
    if !inspected.is_empty()
        && known.matched(Match::Match).is_some()
        && known.matched(Match::PartsMissing).is_none()
    {
        return None;
    }
    let expected = known.expected_g().unwrap_or(0);
    let missing = known.matched(Match::PartsMissing);
    let strength = if missing.is_some() { 0.8 } else { 0.5 } + if share < limit / 2.0 { 0.1 } else { 0.0 };
    let mut finding = known.finds(Pattern::EmptyBox, strength, 1.0).shows(
        fact,
        format!("{weight} g came in of {expected} g expected ({})", percent(share)),
    );
    if let Some((fact, _)) = missing {
        finding = finding.shows(fact, "inspected with parts missing");
    }
    let counter = known.at_counter();
    let says = match pickup {
        Some((_, weight, before)) => {
            format!(
                "the courier weighed {weight} g at pickup already ({})",
                percent(before)
            )
        }
        None if counter => "handed in at a counter, no courier had it".to_owned(),
        None => "the courier did not weigh it at pickup, so it may have been emptied on the way".to_owned(),
    };
    Some(finding.looked("courier pilferage", pickup.is_none() && !counter, says))
}
