//! Pattern 7. Price arbitrage: more is refunded than was paid for the line. Innocent: how a promotion was spread over the
//! lines, or a shop that paid twice.

use crate::fraud::finding::{Finding, money, percent};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::interner::NO_SYMBOL;

const TOLERANCE: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::PriceArbitrage,
    subject: Kind::Return,
    precision: (8.0, 2.0),
    doubtful: (1.0, 3.0),
    parameters: &[("tolerance", 0.1, 0.0, 2.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let placed = known.placed?;
    let tolerance = known.number(Pattern::PriceArbitrage, TOLERANCE);
    for asked in &known.request.lines {
        let Some(line) = known.sold(asked) else { continue };
        let paid = line.value_of(asked.qty);
        let alone = known.request.lines.len() == 1;
        let mut refunded = 0_i64;
        let (mut last, mut payments) = (None, 0);
        for (fact, payback) in known.refunds() {
            if payback.line == asked.line || (payback.line == NO_SYMBOL && alone) {
                refunded = refunded.saturating_add(payback.amount_minor);
                last = Some(fact);
                payments += 1;
            }
        }
        let over = refunded
            .saturating_sub(paid)
            .saturating_sub(placed.shipping_fee_minor);
        let Some(fact) = last.filter(|_| paid > 0 && over as f64 > paid as f64 * tolerance) else {
            continue;
        };
        let share = over as f64 / paid as f64;
        let gross = line.unit_price_minor.saturating_mul(i64::from(asked.qty));
        // Refunded at the list price: the discount was put on another line, or forgotten.
        let listed = line.discount_minor > 0 && (refunded - gross).abs() as f64 <= gross as f64 * 0.01;
        let mut finding = known
            .finds(Pattern::PriceArbitrage, 0.45 + share.min(1.0) * 0.4, 0.0)
            .shows(
                fact,
                format!(
                    "{} was refunded for a line that cost {} ({} more)",
                    money(refunded),
                    money(paid),
                    percent(share)
                ),
            );
        finding.loss_minor = over;
        finding = finding.looked(
            "promotion allocation",
            listed,
            if listed {
                "the refund is the list price without the line's discount".to_owned()
            } else {
                format!(
                    "the line's discount of {} does not explain it",
                    money(line.discount_minor)
                )
            },
        );
        let twice = payments > 1;
        return Some(finding.looked(
            "paid twice by the shop",
            twice,
            format!("{payments} refunds make up the sum"),
        ));
    }
    None
}
