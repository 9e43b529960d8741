//! Pattern 24. Profile mismatch, no packaging: condition and contents are off the order, and the packaging is gone. Innocent: repacked at a store.

use eddy_events::returns::{Grade, Match, Packaging};

use crate::fraud::finding::Finding;
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::ProfileMismatch,
    subject: Kind::Return,
    precision: (7.0, 3.0),
    doubtful: (0.5, 9.5),
    parameters: &[],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let bare = known.packaging(Packaging::Missing)?;
    let off = known
        .matched(Match::PartsMissing)
        .or_else(|| known.matched(Match::MismatchClass));
    let poor = known.grade() >= Some(Grade::D);
    if off.is_none() && !poor {
        return None;
    }
    let strength = 0.45 + if off.is_some() { 0.2 } else { 0.0 } + if poor { 0.1 } else { 0.0 };
    let mut finding = known
        .finds(Pattern::ProfileMismatch, strength, 0.6)
        .shows(bare, "received without packaging");
    if let Some((fact, inspection)) = off {
        let word = Match::ALL
            .get(usize::from(inspection.matched))
            .map_or("?", |word| word.as_str());
        finding = finding.shows(fact, format!("inspected as {word}"));
    }
    if poor {
        finding = finding.says("graded d or rejected");
    }
    let repacked = known.at_counter();
    Some(finding.looked(
        "repacked at store",
        repacked,
        if repacked {
            "it was taken in at a counter"
        } else {
            "it came by courier"
        },
    ))
}
