//! Pattern 21. Window gaming: asked for at the deadline, or closed and opened again, time after time. Innocent: a pickup that came too late.

use crate::fraud::case::What;
use crate::fraud::finding::Finding;
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};

const HOURS: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::WindowGaming,
    subject: Kind::Return,
    precision: (4.0, 4.0),
    doubtful: (0.3, 9.7),
    parameters: &[("deadline_hours", 6.0, 0.0, 240.0)],
};

/// Whether it was asked for within the last hours of its window.
pub(crate) fn at_deadline(known: &Known<'_>) -> Option<f64> {
    let (late, days) = (known.lateness()?, known.window_days()?);
    let left = (1.0 - late) * days * 24.0;
    (0.0..=known.number(Pattern::WindowGaming, HOURS))
        .contains(&left)
        .then_some(left)
}

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    let left = at_deadline(known);
    let reopened = known.last(|what| matches!(what, What::Reopened));
    let asked = known.asked()?;
    let repeated = f64::from(known.profile.deadlines) >= 1.5;
    if left.is_none() && !(reopened.is_some() && repeated) {
        return None;
    }
    let strength = 0.3
        + if reopened.is_some() { 0.25 } else { 0.0 }
        + if repeated { 0.25 } else { 0.0 }
        + if left.is_some() { 0.1 } else { 0.0 };
    let mut finding = known.finds(Pattern::WindowGaming, strength, 0.3);
    if let Some(left) = left {
        finding = finding.shows(
            asked,
            format!("asked for {left:.1} hours before the window closed"),
        );
    }
    if let Some(fact) = reopened {
        finding = finding.shows(fact, "closed, and opened again");
    }
    if repeated {
        finding = finding.says(format!(
            "about {:.0} returns of this customer at their deadline of late",
            known.profile.deadlines
        ));
    }
    let slow = reopened.is_some() && left.is_none();
    let once = !repeated && reopened.is_none();
    Some(
        finding
            .looked(
                "slow pickup",
                slow,
                if slow {
                    "opened again after a pickup that never came"
                } else {
                    "a slow pickup does not explain when it was asked for"
                },
            )
            .looked(
                "somebody who decided late, once",
                once,
                if once {
                    "it happened once"
                } else {
                    "it is not the only sign"
                },
            ),
    )
}
