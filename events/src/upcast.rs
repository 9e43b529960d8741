//! Older shapes of `data`, brought to the latest one.
//!
//! A change to the contract adds a row here and a golden file, and leaves the old golden file as it is: what was once written stays readable
//! for ever. Nothing in the log is rewritten; an event is lifted each time it is read.

use std::borrow::Cow;

use serde_json::Value;

use crate::catalogue::EventType;

/// One step: from version `from` of a type to the next.
struct Step {
    kind: EventType,
    from: u16,
    lift: fn(&mut Value),
}

/// All steps. Empty as long as every type is at its first version.
const STEPS: &[Step] = &[];

/// The latest version of a type.
pub fn latest(kind: EventType) -> u16 {
    latest_by(STEPS, kind)
}

/// `data` of version `version` in the latest shape. Unparsable data is returned as it is, for the reader to complain about.
pub(crate) fn to_latest(kind: EventType, version: u16, data: &str) -> Cow<'_, str> {
    lift_by(STEPS, kind, version, data)
}

fn latest_by(steps: &[Step], kind: EventType) -> u16 {
    1 + steps
        .iter()
        .filter(|step| step.kind == kind)
        .map(|step| step.from)
        .max()
        .unwrap_or(0)
}

fn lift_by<'a>(steps: &[Step], kind: EventType, version: u16, data: &'a str) -> Cow<'a, str> {
    let latest = latest_by(steps, kind);
    if version >= latest {
        return Cow::Borrowed(data);
    }
    let Ok(mut value) = serde_json::from_str::<Value>(data) else {
        return Cow::Borrowed(data);
    };
    for at in version..latest {
        for step in steps.iter().filter(|step| step.kind == kind && step.from == at) {
            (step.lift)(&mut value);
        }
    }
    Cow::Owned(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &[Step] = &[
        Step {
            kind: EventType::ClockTicked,
            from: 1,
            lift: |data| data["b"] = data["a"].take(),
        },
        Step {
            kind: EventType::ClockTicked,
            from: 2,
            lift: |data| data["c"] = Value::from(3),
        },
    ];

    #[test]
    fn every_step_from_the_given_version_on_is_taken_in_order() {
        assert_eq!(latest_by(EXAMPLE, EventType::ClockTicked), 3);
        assert_eq!(latest_by(EXAMPLE, EventType::EngineStarted), 1);
        assert_eq!(
            lift_by(EXAMPLE, EventType::ClockTicked, 1, r#"{"a":1}"#),
            r#"{"a":null,"b":1,"c":3}"#
        );
        assert_eq!(
            lift_by(EXAMPLE, EventType::ClockTicked, 2, r#"{"b":1}"#),
            r#"{"b":1,"c":3}"#
        );
        assert_eq!(
            lift_by(EXAMPLE, EventType::ClockTicked, 3, r#"{"x":1}"#),
            r#"{"x":1}"#
        );
    }
}
