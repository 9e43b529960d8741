//! Pattern 14. Receipt reuse: more pieces of a line are given back than were sold. Innocent: a request sent twice by a client that tried again.

use crate::fraud::finding::Finding;
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};

const RETRY_MINUTES: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::ReceiptReuse,
    subject: Kind::Return,
    precision: (8.0, 2.0),
    doubtful: (0.5, 9.5),
    parameters: &[("retry_minutes", 15.0, 0.0, 1_440.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    known.placed?;
    let retry = (known.number(Pattern::ReceiptReuse, RETRY_MINUTES) * 60e6) as i64;
    for asked in &known.request.lines {
        let Some(line) = known.sold(asked) else { continue };
        let (mut others, mut paid, mut again) = (0_u32, false, None);
        for rma in known.siblings() {
            let Some(request) = known.world.returns.get(rma).request() else {
                continue;
            };
            // Whoever asked first is in the right.
            if (request.stamp.at, request.stamp.tie) > (known.request.stamp.at, known.request.stamp.tie) {
                continue;
            }
            let qty: u32 = request
                .lines
                .iter()
                .filter(|other| other.line == asked.line)
                .fold(0, |sum, other| sum.saturating_add(other.qty));
            if qty > 0 {
                others = others.saturating_add(qty);
                again = again.max(Some(request.stamp.at));
                paid |= known.fraud.cases.holds(rma) && known.fraud.cases.get(rma).was_refunded();
            }
        }
        if others == 0 || others.saturating_add(asked.qty) <= line.qty {
            continue;
        }
        let fact = known.asked()?;
        let ours = known.case.was_refunded();
        let strength = 0.4 + if paid { 0.2 } else { 0.0 } + if ours { 0.2 } else { 0.0 };
        let came = known.receipts().next().is_some();
        let tried_again = again.is_some_and(|at| known.request.stamp.at - at <= retry) && !ours;
        return Some(
            known
                .finds(Pattern::ReceiptReuse, strength, 1.0)
                .shows(
                    fact,
                    format!(
                        "{} pieces asked back of a line of {}, of which {others} were asked back before",
                        asked.qty, line.qty
                    ),
                )
                .says(match (paid, ours) {
                    (true, true) => "both were refunded",
                    (true, false) => "the earlier one was refunded",
                    (false, true) => "this one was refunded",
                    _ => "nothing was refunded yet",
                })
                .looked(
                    "retry duplicate",
                    tried_again,
                    if tried_again {
                        "asked within minutes of the other, and not refunded"
                    } else {
                        "it is no repetition within minutes"
                    },
                )
                .looked(
                    "a second piece exists",
                    came && !ours && !paid,
                    if came {
                        "goods were received for it"
                    } else {
                        "no goods were received for it"
                    },
                ),
        );
    }
    None
}
