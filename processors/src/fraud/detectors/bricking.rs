//! Pattern 5. Bricking: a defect is claimed and parts are gone. Innocent: a true defect, with the parts still there.

use eddy_events::returns::Match;

use crate::fraud::finding::{Finding, percent};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};

const LIGHT: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::Bricking,
    subject: Kind::Return,
    precision: (7.0, 3.0),
    doubtful: (0.5, 9.5),
    parameters: &[("light_share", 0.95, 0.5, 1.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    if !known.reason("defect") {
        return None;
    }
    let (fact, inspection) = known.matched(Match::PartsMissing)?;
    let weighed = known.weight_at_pickup().or_else(|| known.weight_at_door());
    // Handed over whole and emptied on the way.
    if let (Some((_, _, before)), Some((_, _, after))) = (known.weight_at_pickup(), known.weight_at_door())
        && before > after * 1.6
    {
        return None;
    }
    let light = weighed.filter(|(_, _, share)| *share < known.number(Pattern::Bricking, LIGHT));
    let strength = if inspection.grade >= 3 { 0.65 } else { 0.45 } + if light.is_some() { 0.15 } else { 0.0 };
    let mut finding = known
        .finds(Pattern::Bricking, strength, 0.7)
        .shows(fact, "a defect was claimed; inspected with parts missing");
    if let Some((fact, weight, share)) = light {
        finding = finding.shows(
            fact,
            format!("{weight} g, {} of what it should weigh", percent(share)),
        );
    }
    let whole = weighed.is_some() && light.is_none();
    finding = finding.looked(
        "true defect: weight",
        whole,
        if whole {
            "its weight is whole, nothing was taken out"
        } else {
            "its weight does not speak for a whole piece"
        },
    );
    Some(finding.looked(
        "true defect: inspection",
        inspection.defects,
        if inspection.defects {
            "the inspection found the defect"
        } else {
            "the inspection found no defect"
        },
    ))
}
