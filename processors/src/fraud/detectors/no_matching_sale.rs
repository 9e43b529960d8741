//! Pattern 13. No matching sale: a return of something that no known order sold. Innocent: the order's event is late, or the receipt was lost.

use crate::fraud::finding::{Finding, money};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::DAY_US;
use crate::interner::NO_KEY;

const WAIT_DAYS: usize = 0;
const VALUE: usize = 1;
/// Returns of the same customer looked at.
const BACK: usize = 12;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::NoMatchingSale,
    subject: Kind::Return,
    precision: (4.0, 6.0),
    doubtful: (0.5, 9.5),
    parameters: &[
        ("wait_days", 3.0, 0.0, 30.0),
        ("value_minor", 200_000.0, 0.0, 1e12),
    ],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let named = known.order != NO_KEY;
    let unsold = |known: &Known<'_>| {
        known
            .request
            .lines
            .iter()
            .any(|asked| known.sold(asked).is_none())
    };
    if known.placed.is_some() && !unsold(known) {
        return None;
    }
    let fact = known.asked()?;
    // An order that is named may still arrive.
    let wait = (known.number(Pattern::NoMatchingSale, WAIT_DAYS) * DAY_US as f64) as i64;
    if named && !known.due(fact.at.saturating_add(wait)) {
        return None;
    }
    let says = match (named, known.placed.is_some()) {
        (true, true) => "asks back an article that its order never sold",
        (true, false) => "names an order that nobody placed",
        _ => "names no order",
    };
    let before = known
        .fraud
        .returns_of(known.customer)
        .take(BACK)
        .filter(|rma| *rma != known.rma && known.world.returns.get(*rma).order == NO_KEY)
        .count();
    let dear = known.value_minor as f64 >= known.number(Pattern::NoMatchingSale, VALUE);
    let mut strength: f64 = if named { 0.6 } else { 0.35 };
    strength += if dear { 0.2 } else { 0.0 } + if before > 0 { 0.35 } else { 0.0 };
    let bought = known
        .request
        .lines
        .iter()
        .all(|asked| known.profile.may_have_bought(asked.sku));
    let paid = known.refunds().iter().any(|(_, payback)| payback.receipt == 0);
    let mut finding = known
        .finds(Pattern::NoMatchingSale, strength, 1.0)
        .shows(fact, format!("{says}, for goods of {}", money(known.value_minor)));
    if paid {
        finding = finding.says("refunded although no receipt was shown");
    }
    if before > 0 {
        finding = finding.says(format!("{before} more returns of this customer named no order"));
    }
    Some(
        finding
            .looked("late order event", false, "no order came in time")
            .looked(
                "lost receipt",
                bought && known.customer != NO_KEY,
                if bought {
                    "an earlier purchase of the article by this customer may exist"
                } else {
                    "this customer never bought the article"
                },
            ),
    )
}
