//! Bounds of size and depth.

use eddy_events::{MAX_DEPTH, MAX_EVENT_BYTES, codec};
use serde_json::json;

use super::{PLACED, changed, is, refusal};

#[test]
fn too_large() {
    let raw = changed(PLACED, "/data/padding", json!("x".repeat(MAX_EVENT_BYTES)));
    is(&raw, "too_large", "");
    // Within the bound as sent and beyond it in canonical form.
    let raw = changed(PLACED, "/data/padding", json!("HERE"))
        .replace("\"HERE\"", &format!("[{}0]", "1e15,".repeat(40_000)));
    assert!(raw.len() < MAX_EVENT_BYTES);
    is(&raw, "too_large", "");
    let just_fits = changed(PLACED, "/data/padding", json!("x".repeat(MAX_EVENT_BYTES - 3000)));
    assert!(codec::canonicalise(just_fits.as_bytes()).is_ok());
}

#[test]
fn nesting_is_bounded_and_hostile_depths_are_refused_at_once() {
    let nested = |levels: usize| {
        let deep = "[".repeat(levels) + &"]".repeat(levels);
        changed(PLACED, "/data/deep", json!("HERE")).replace("\"HERE\"", &deep)
    };
    assert!(codec::canonicalise(nested(MAX_DEPTH - 2).as_bytes()).is_ok());
    let (reason, field) = refusal(nested(MAX_DEPTH - 1).as_bytes());
    assert_eq!(reason, "too_deep");
    assert!(field.starts_with("data.deep"), "{field}");
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        let bottomless = open.repeat(200_000 / open.len());
        assert_eq!(
            refusal(bottomless.as_bytes()).0,
            if open.starts_with('[') {
                "malformed_json"
            } else {
                "too_deep"
            }
        );
        let inside = changed(PLACED, "/data/deep", json!("HERE")).replace("\"HERE\"", &bottomless);
        assert_eq!(refusal(inside.as_bytes()).0, "too_deep");
        // The same behind an envelope in canonical order, where `data` is read first.
        let canonical = format!(
            r#"{{"specversion":"1.0","id":"1","source":"s","type":"eddy.policy.published","time":"2026-11-02T10:00:00Z","data":{{"version":"1","digest":"d","body":{bottomless}}}}}"#
        );
        assert_eq!(refusal(canonical.as_bytes()).0, "too_deep");
    }
}

#[test]
fn a_huge_wrong_value_makes_no_huge_refusal() {
    let long = "x".repeat(100_000);
    for pointer in [
        "/data/gift",
        "/data/channel",
        "/data/currency",
        "/data/destination_pincode",
        "/type",
        "/time",
        "/id",
        "/tenantid",
    ] {
        let rejection =
            codec::canonicalise(changed(PLACED, pointer, json!(long)).as_bytes()).expect_err("refused");
        assert!(
            rejection.detail.len() < 1500,
            "{pointer}: {} bytes",
            rejection.detail.len()
        );
    }
    let mut event = crate::golden(PLACED);
    event["data"][long.as_str()] = json!({"a": "HERE"});
    let rejection =
        codec::canonicalise(event.to_string().replace("\"HERE\"", "1e999").as_bytes()).expect_err("refused");
    assert!(rejection.field.len() < 200, "{}", rejection.field);
}
