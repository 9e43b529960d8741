//! Pattern 22. Refund before receipt: the money went back at once, and the goods were never handed over. Innocent: the courier has them, and lost them.

use crate::fraud::case::What;
use crate::fraud::finding::{Finding, money};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::DAY_US;

const WAIT_DAYS: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::RefundBeforeReceipt,
    subject: Kind::Return,
    precision: (8.0, 2.0),
    doubtful: (0.5, 9.5),
    parameters: &[("wait_days", 7.0, 0.0, 90.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    if known.at_counter() || known.receipts().next().is_some() {
        return None;
    }
    let refunds = known.refunds();
    let (fact, _) = refunds.iter().min_by_key(|(fact, _)| (fact.at, fact.tie))?;
    let wait = (known.number(Pattern::RefundBeforeReceipt, WAIT_DAYS) * DAY_US as f64) as i64;
    if !known.due(fact.at.saturating_add(wait)) {
        return None;
    }
    // Delivered somewhere: that is another pattern's matter.
    if known.last(|what| matches!(what, What::Arrived { .. })).is_some() {
        return None;
    }
    let paid = refunds.iter().fold(0_i64, |sum, (_, payback)| {
        sum.saturating_add(payback.amount_minor)
    });
    let handed = known.handed().is_some() || known.lost().is_some();
    let tries = known
        .case
        .facts
        .iter()
        .filter(|fact| matches!(fact.what, What::NotHanded))
        .count();
    let mut finding = known
        .finds(
            Pattern::RefundBeforeReceipt,
            if tries > 1 { 0.75 } else { 0.6 },
            0.0,
        )
        .shows(
            fact,
            format!("{} went back, and nothing was received since", money(paid)),
        );
    if tries > 0 {
        finding = finding.says(format!("{tries} pickups were tried in vain"));
    }
    finding.loss_minor = paid;
    Some(finding.looked(
        "courier loss",
        handed,
        if handed {
            "the courier took it over"
        } else {
            "the courier never had it"
        },
    ))
}
