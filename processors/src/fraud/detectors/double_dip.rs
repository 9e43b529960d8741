//! Pattern 23. Double dip: one line is paid for twice, by refund and exchange, or by refund and a claim or chargeback. Innocent: a partial refund of a difference.

use eddy_events::money::ClaimKind;

use crate::fraud::case::What;
use crate::fraud::finding::{Finding, money, percent};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::interner::NO_SYMBOL;

const PARTIAL: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::DoubleDip,
    subject: Kind::Return,
    precision: (8.0, 2.0),
    doubtful: (0.5, 19.5),
    parameters: &[("partial_share", 0.4, 0.0, 1.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    for asked in &known.request.lines {
        let alone = known.request.lines.len() == 1;
        let ours = |line: u32| line == asked.line || (line == NO_SYMBOL && alone);
        let paid = known.value_of(asked);
        let mut refunded = 0_i64;
        let mut last = None;
        for (fact, payback) in known.refunds() {
            if ours(payback.line) {
                refunded = refunded.saturating_add(payback.amount_minor);
                last = Some(fact);
            }
        }
        let Some(refund) = last.filter(|_| paid > 0) else {
            continue;
        };
        let share = refunded as f64 / paid as f64;
        let exchange = known.last(|what| matches!(what, What::Exchanged { line } if ours(*line)));
        let claim = known.sale.and_then(|sale| {
            sale.claims().iter().find_map(|number| {
                let claim = &known.fraud.claims.entries.get(*number).value;
                let same = claim.line == NO_SYMBOL || claim.line == asked.line;
                (same && claim.stands() && !claim.rejected()).then_some(claim)
            })
        });
        if exchange.is_none() && claim.is_none() {
            continue;
        }
        let partial = share <= known.number(Pattern::DoubleDip, PARTIAL);
        let chargeback = claim
            .is_some_and(|claim| ClaimKind::ALL.get(usize::from(claim.kind)) == Some(&ClaimKind::Chargeback));
        let strength = if chargeback || exchange.is_some() {
            0.75
        } else {
            0.5
        };
        let mut finding = known.finds(Pattern::DoubleDip, strength, 0.0).shows(
            refund,
            format!("{} refunded for a line of {}", money(refunded), money(paid)),
        );
        if let Some(fact) = exchange {
            finding = finding.shows(fact, "and the same line was exchanged");
        }
        if let Some(claim) = claim {
            let kind = ClaimKind::ALL
                .get(usize::from(claim.kind))
                .map_or("?", |kind| kind.as_str());
            finding = finding.says(format!(
                "and claim {} ({kind}) of {} for it",
                claim.id,
                money(claim.amount_minor)
            ));
        }
        finding.loss_minor = refunded;
        return Some(finding.looked(
            "partial refund",
            partial,
            format!("the refund is {} of what the line cost", percent(share)),
        ));
    }
    None
}
