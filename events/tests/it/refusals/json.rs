//! What is no JSON, or no JSON that has one meaning.

use eddy_events::codec;

use super::{is, refusal};
use crate::DELIVERY_FAILED;

#[test]
fn malformed_json() {
    for raw in [
        "",
        " ",
        "nul",
        "[]",
        "7",
        "\"x\"",
        "{",
        "{\"id\"",
        "{\"id\":",
        "{\"id\":1",
        "{\"id\":1,",
        "{\"id\":1,}",
        "{id:1}",
        "{}{}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":+1}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":\"line\nfeed\"}",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":tru}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\" 1}",
        "{'a':1}",
        "\u{feff}{}",
    ] {
        is(raw, "malformed_json", "");
    }
    assert_eq!(refusal(b"{\"a\":\"\xff\"}").0, "malformed_json");
}

#[test]
fn a_truncated_event_is_malformed_wherever_it_ends() {
    for end in 0..DELIVERY_FAILED.len() {
        if DELIVERY_FAILED.is_char_boundary(end) {
            is(&DELIVERY_FAILED[..end], "malformed_json", "");
        }
    }
}

#[test]
fn a_key_that_stands_twice_is_malformed_at_any_depth() {
    is(
        &DELIVERY_FAILED.replace(r#""attempt_no":1"#, r#""attempt_no":1,"attempt_no":2"#),
        "malformed_json",
        "",
    );
    is(
        &DELIVERY_FAILED.replace(r#""call":false"#, r#""call":false,"\u0063all":true"#),
        "malformed_json",
        "",
    );
    is(
        &DELIVERY_FAILED.replace(r#""id":"7f1c""#, r#""id":"7f1c","id":"7f1c""#),
        "malformed_json",
        "",
    );
    is(
        &DELIVERY_FAILED.replace(r#""id":"7f1c""#, r#""id":"7f1c","ext":1,"ext":1"#),
        "malformed_json",
        "ext",
    );
    is(
        &DELIVERY_FAILED.replace(r#""attempt_no":1"#, r#""new":{"b":1,"a":2,"b":1}"#),
        "malformed_json",
        "",
    );
}

#[test]
fn an_extension_that_is_no_json_is_malformed_behind_a_canonical_envelope_too() {
    let line = |value: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"1","source":"s","type":"eddy.clock.ticked","time":"2026-11-02T10:00:00Z","ext":{value},"data":{{"at":"2026-11-02T10:00:00Z"}}}}"#
        )
    };
    for good in ["true", "-1.5e3", "\"a,}\"", "null"] {
        assert!(codec::decode(line(good).as_bytes()).is_ok(), "{good}");
    }
    for bad in ["zzz", "1.2.3", "", "-", "01", "\"\\q\""] {
        is(&line(bad), "malformed_json", "");
    }
    is(&line("[1]"), "wrong_type", "ext");
}
