//! Types, versions and subjects, and what a refusal tells of the event it refuses.

use eddy_events::codec;
use serde_json::{Value, json};

use super::{PLACED, changed, is};

#[test]
fn unknown_types_and_versions() {
    for kind in [
        "eddy.order.placedd",
        "order.placed",
        "",
        "eddy.ndr_score.computed",
        "EDDY.ORDER.PLACED",
    ] {
        is(&changed(PLACED, "/type", json!(kind)), "unknown_type", "type");
    }
    is(
        &changed(PLACED, "/dataversion", json!(2)),
        "unsupported_version",
        "dataversion",
    );
    is(
        &changed(PLACED, "/dataversion", json!("3")),
        "unsupported_version",
        "dataversion",
    );
    is(
        &changed(PLACED, "/dataversion", json!(99_999_999_u64)),
        "unsupported_version",
        "dataversion",
    );
}

#[test]
fn a_subject_that_is_not_the_entity_of_the_data_is_refused() {
    is(
        &changed(PLACED, "/subject", json!("O-other")),
        "subject_mismatch",
        "subject",
    );
    is(
        &changed(PLACED, "/subject", json!("")),
        "subject_mismatch",
        "subject",
    );
    is(
        &changed("eddy.engine.started", "/subject", json!("")),
        "invalid_value",
        "subject",
    );
}

#[test]
fn a_refusal_names_the_event_as_far_as_it_could_be_read() {
    let rejection = codec::canonicalise(changed(PLACED, "/data/lines/0/qty", json!(-1)).as_bytes())
        .expect_err("negative");
    assert_eq!(rejection.id.as_deref(), Some("evt-0001"));
    assert_eq!(rejection.source.as_deref(), Some("urn:shop:web"));
    assert_eq!(rejection.kind.as_deref(), Some(PLACED));
    let rejection = codec::canonicalise(br#"{"id":"half","source":"s","data":{"#).expect_err("cut off");
    assert_eq!(
        (rejection.id.as_deref(), rejection.kind.as_deref()),
        (Some("half"), None)
    );
    assert_eq!(
        rejection.to_string(),
        "malformed_json: a key in quotes is expected here (byte 34)"
    );
}

#[test]
fn details_speak_to_the_sender() {
    let detail = |pointer: &str, value: Value| {
        codec::canonicalise(changed(PLACED, pointer, value).as_bytes())
            .expect_err("refused")
            .to_string()
    };
    assert_eq!(
        detail("/data/lines/0/qty", json!(-1)),
        "invalid_value at `data.lines[0].qty`: invalid value: integer `-1`, expected a whole number from 0 to 4294967295"
    );
    assert_eq!(
        detail("/subject", json!("O-other")),
        "subject_mismatch at `subject`: `O-other` is not data.order_id, which is `O-2026-11-000123`; leave subject out or make them equal"
    );
    assert_eq!(
        detail("/type", json!("eddy.x")),
        "unknown_type at `type`: `eddy.x` is not an event type of the catalogue"
    );
}
