//! Pattern 1. Wardrobing: asked for late in the window, and what came back was worn or has lost its tags. Innocent: a genuine fit trial.

use eddy_events::returns::Grade;

use crate::fraud::finding::{Finding, percent};
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};

const LATE: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::Wardrobing,
    subject: Kind::Return,
    precision: (3.0, 3.0),
    doubtful: (0.5, 9.5),
    parameters: &[("late_share", 0.78, 0.0, 1.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let late = known
        .lateness()
        .filter(|late| *late >= known.number(Pattern::Wardrobing, LATE))?;
    let (fact, inspection) = known
        .inspections()
        .into_iter()
        .find(|(_, inspection)| inspection.worn == 1 || inspection.tags == 0)?;
    let (worn, untagged) = (inspection.worn == 1, inspection.tags == 0);
    let soiled = known.grade() >= Some(Grade::C);
    let strength = if worn && untagged { 0.7 } else { 0.4 } + if soiled { 0.2 } else { 0.0 };
    let what = match (worn, untagged) {
        (true, true) => "worn, and its tags are gone",
        (true, false) => "worn",
        _ => "without its tags",
    };
    // A tag gets lost in a trial, but a trial leaves no stain.
    let tried = !(soiled || worn && untagged);
    Some(
        known
            .finds(Pattern::Wardrobing, strength, 0.5)
            .says(format!("asked for after {} of the window", percent(late)))
            .shows(fact, format!("inspected as {what}"))
            .looked(
                "genuine fit trial",
                tried,
                if tried {
                    "one sign alone, and the grade is as good as new"
                } else {
                    "the piece is past being sold as new"
                },
            ),
    )
}
