//! Pattern 3. Decoy or counterfeit: another thing came back than was sold. Innocent: the warehouse had sent another thing, which its weight on the way out, the
//! buyer's own complaint, or the packer's other mistakes give away.

use eddy_events::returns::Match;

use super::sent_as_sold;
use crate::fraud::finding::Finding;
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};

const MISPICK_WEIGHT: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::Decoy,
    subject: Kind::Return,
    precision: (8.0, 2.0),
    doubtful: (0.5, 19.5),
    parameters: &[("mispick_weight_share", 0.15, 0.02, 0.9)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let (fact, _) = known.matched(Match::MismatchClass)?;
    let mut finding = known
        .finds(Pattern::Decoy, 0.6, 1.0)
        .shows(fact, "inspected as another article than was sold");
    if let Some((fact, sent, got)) = super::switch::other_serial(known) {
        finding = finding.shows(fact, format!("serial {got} came back, {sent} was sent"));
        finding.strength = 0.8;
    }
    let complained = known.reason("wrong_item");
    finding = finding.looked(
        "warehouse mis-pick: complaint",
        complained,
        if complained {
            "the buyer said from the first that it was the wrong article"
        } else {
            "the buyer never said that the wrong article had come"
        },
    );
    let (found, says) = sent_as_sold(known, known.number(Pattern::Decoy, MISPICK_WEIGHT));
    finding = finding.looked("warehouse mis-pick: weight when sent", found, says);
    let (found, says) = super::careless_packer(known);
    Some(finding.looked("warehouse mis-pick: packer", found, says))
}
