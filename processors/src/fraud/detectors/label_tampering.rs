//! Pattern 8. Label tampering: the courier delivered the parcel somewhere else, and the facility never received it. Innocent: a mis-scan, after which it turns up.

use crate::fraud::case::What;
use crate::fraud::finding::Finding;
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};
use crate::fraud::profile::DAY_US;
use crate::interner::NO_SYMBOL;

const WAIT_DAYS: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::LabelTampering,
    subject: Kind::Return,
    precision: (8.0, 1.5),
    doubtful: (1.0, 3.0),
    parameters: &[("wait_days", 4.0, 0.0, 30.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    if known.receipts().next().is_some() || known.lost().is_some() {
        return None;
    }
    let arrived = known.last(|what| matches!(what, What::Arrived { .. }))?;
    let sent = known.last(|what| matches!(what, What::Sent { .. }))?;
    let (What::Arrived { pincode: at, .. }, What::Sent { pincode: to, .. }) = (&arrived.what, &sent.what)
    else {
        return None;
    };
    if *at == NO_SYMBOL || at == to {
        return None;
    }
    let wait = (known.number(Pattern::LabelTampering, WAIT_DAYS) * DAY_US as f64) as i64;
    if !known.due(arrived.at.saturating_add(wait)) {
        return None;
    }
    let word = |symbol: u32| known.world.symbols.text(symbol);
    Some(
        known
            .finds(Pattern::LabelTampering, 0.8, 1.0)
            .shows(sent, format!("labelled for {}", word(*to)))
            .shows(arrived, format!("scanned as delivered in {}", word(*at)))
            .looked("mis-scan", false, "no facility received it since")
            .looked("courier loss", false, "the courier reports no loss"),
    )
}
