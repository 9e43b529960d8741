//! The detectors: one file a pattern, each a pure function from what is known of a case to a finding, or none.

pub(super) mod account_hopping;
mod bricking;
pub(crate) mod cod_refusal_abuse;
mod decoy;
mod double_dip;
mod employee_collusion;
mod empty_box;
pub(crate) mod fake_attempt;
pub(crate) mod false_damage_claim;
pub(crate) mod false_non_receipt;
pub(super) mod frequent_high_value_returns;
pub(crate) mod junk_address;
mod label_tampering;
mod no_matching_sale;
mod overstated_quantity;
mod price_arbitrage;
mod profile_mismatch;
mod receipt_reuse;
mod refund_before_receipt;
mod return_ring;
pub(super) mod serial_returner;
mod stolen_tender;
mod switch;
mod wardrobing;
pub(crate) mod window_gaming;

use super::Fraud;
use super::case::Claim;
use super::finding::{Evidence, Finding, percent};
use super::known::Known;
use super::pattern::{Definition, PATTERNS, Pattern};
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::world::World;

/// What defines each pattern, in the catalogue's order.
pub(crate) const DEFINITIONS: [&Definition; PATTERNS] = [
    &wardrobing::DEFINITION,
    &empty_box::DEFINITION,
    &decoy::DEFINITION,
    &switch::DEFINITION,
    &bricking::DEFINITION,
    &overstated_quantity::DEFINITION,
    &price_arbitrage::DEFINITION,
    &label_tampering::DEFINITION,
    &false_non_receipt::DEFINITION,
    &false_damage_claim::DEFINITION,
    &serial_returner::DEFINITION,
    &stolen_tender::DEFINITION,
    &no_matching_sale::DEFINITION,
    &receipt_reuse::DEFINITION,
    &employee_collusion::DEFINITION,
    &account_hopping::DEFINITION,
    &return_ring::DEFINITION,
    &cod_refusal_abuse::DEFINITION,
    &fake_attempt::DEFINITION,
    &junk_address::DEFINITION,
    &window_gaming::DEFINITION,
    &refund_before_receipt::DEFINITION,
    &double_dip::DEFINITION,
    &profile_mismatch::DEFINITION,
    &frequent_high_value_returns::DEFINITION,
];

type Detector = fn(&Known<'_>) -> Option<Finding>;

/// Those that look at a return, and what it says of its customer, its ring and its employee.
const OF_RETURN: [(Pattern, Detector); 20] = [
    (Pattern::Wardrobing, wardrobing::detect),
    (Pattern::EmptyBox, empty_box::detect),
    (Pattern::Decoy, decoy::detect),
    (Pattern::Switch, switch::detect),
    (Pattern::Bricking, bricking::detect),
    (Pattern::OverstatedQuantity, overstated_quantity::detect),
    (Pattern::PriceArbitrage, price_arbitrage::detect),
    (Pattern::LabelTampering, label_tampering::detect),
    (Pattern::SerialReturner, serial_returner::detect),
    (Pattern::StolenTender, stolen_tender::detect),
    (Pattern::NoMatchingSale, no_matching_sale::detect),
    (Pattern::ReceiptReuse, receipt_reuse::detect),
    (Pattern::EmployeeCollusion, employee_collusion::detect),
    (Pattern::AccountHopping, account_hopping::detect),
    (Pattern::ReturnRing, return_ring::detect),
    (Pattern::WindowGaming, window_gaming::detect),
    (Pattern::RefundBeforeReceipt, refund_before_receipt::detect),
    (Pattern::DoubleDip, double_dip::detect),
    (Pattern::ProfileMismatch, profile_mismatch::detect),
    (
        Pattern::FrequentHighValueReturns,
        frequent_high_value_returns::detect,
    ),
];

/// Everything found about a return that stands.
pub(crate) fn of_return(known: &Known<'_>) -> Vec<Finding> {
    if !known.stands() && known.refunds().is_empty() {
        return Vec::new();
    }
    let policy = &known.fraud.small.policy;
    OF_RETURN
        .iter()
        .filter(|(pattern, _)| policy.rule(*pattern).enabled)
        .filter_map(|(_, detect)| detect(known))
        .collect()
}

/// The event that submitted a claim, as evidence.
fn submitted(claim: &Claim, says: &str) -> Evidence {
    let (source, id) = &claim.event;
    Evidence {
        says: says.to_owned(),
        event: Some((*source, id.clone())),
    }
}

/// Whether what a claim is about breaks easily: the line it names, else anything of the order.
fn fragile(fraud: &Fraud, world: &World, claim: &Claim) -> bool {
    let placed = (claim.order != NO_KEY)
        .then(|| world.orders.get(claim.order).standing())
        .flatten();
    placed.is_some_and(|placed| {
        placed
            .lines
            .iter()
            .filter(|line| claim.line == NO_SYMBOL || claim.line == line.line)
            .any(|line| fraud.article(line.sku).fragile)
    })
}

/// Whether the parcel that went out weighed other than its goods: then the warehouse may have sent another thing.
fn sent_as_sold(known: &Known<'_>, tolerance: f64) -> (bool, String) {
    let unknown = (false, "the weight when sent is not known".to_owned());
    let (Some(sale), Some(placed)) = (known.sale, known.placed) else {
        return unknown;
    };
    let mut goods = 0_u32;
    for line in &placed.lines {
        let weight = known.fraud.article(line.sku).weight_g;
        if weight == 0 {
            return unknown;
        }
        goods = goods.saturating_add(weight.saturating_mul(line.qty));
    }
    if sale.outbound_g == 0 || goods == 0 {
        return unknown;
    }
    // A wrapping weighs something, so the parcel may be a little heavier than its goods.
    let off = (f64::from(sale.outbound_g) - f64::from(goods)) / f64::from(goods);
    let wrapping = 200.0 / f64::from(goods);
    let other = off < -tolerance || off > tolerance + wrapping.min(0.5);
    (
        other,
        format!(
            "{} g were sent, the goods weigh {goods} g ({} off)",
            sale.outbound_g,
            percent(off.abs())
        ),
    )
}

/// Whether whoever packed the order has had more mismatches than others.
fn careless_packer(known: &Known<'_>) -> (bool, String) {
    let of = known
        .sale
        .and_then(|sale| known.fraud.packers.find(&sale.packer))
        .map(|number| known.fraud.packers.entries.get(number).value);
    match of {
        Some(share) if share.tries >= 20.0 => {
            let usual = 0.005;
            let careless = super::profile::surprise((share.hits - 1.0).max(0.0), share.tries * usual) > 6.0;
            (
                careless,
                format!(
                    "{:.0} mismatches on {:.0} parcels of its packer",
                    share.hits, share.tries
                ),
            )
        }
        _ => (false, "too little is known of its packer".to_owned()),
    }
}
