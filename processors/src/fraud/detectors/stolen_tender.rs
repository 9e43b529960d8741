//! Pattern 12. Stolen tender: the money goes to another instrument than the one that paid. Innocent: a present that its receiver gives back, or another card of
//! the same buyer.

use eddy_events::money::Tender;

use crate::fraud::finding::Finding;
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::StolenTender,
    subject: Kind::Return,
    precision: (8.0, 2.0),
    doubtful: (0.5, 19.5),
    parameters: &[],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let sale = known.sale.filter(|sale| sale.instrument != 0)?;
    let (fact, payback) = known
        .refunds()
        .into_iter()
        .find(|(_, payback)| payback.instrument != 0 && payback.instrument != sale.instrument)?;
    let tender = Tender::ALL.get(usize::from(payback.tender)).copied();
    let credit = tender == Some(Tender::StoreCredit);
    let own = known.fraud.instrument_of(payback.instrument, known.customer);
    let mut finding = known
        .finds(Pattern::StolenTender, if credit { 0.4 } else { 0.7 }, 0.0)
        .shows(
            fact,
            format!(
                "refunded by {} to an instrument that did not pay",
                tender.map_or("?", |tender| tender.as_str())
            ),
        )
        .looked(
            "gift return",
            sale.gift,
            if sale.gift {
                "the order was a present"
            } else {
                "the order was no present"
            },
        )
        .looked(
            "another instrument of the buyer",
            own,
            if own {
                "the buyer, or somebody of one cluster, has paid with it before"
            } else {
                "the buyer has never paid with it"
            },
        );
    finding.loss_minor = payback.amount_minor;
    Some(finding)
}
