//! Bad input: each kind has a stable reason and names the field.

use eddy_events::{MAX_DEPTH, MAX_EVENT_BYTES, codec};
use serde_json::{Value, json};

use crate::DELIVERY_FAILED;

/// Reason and field, by both ways of reading.
fn refusal(raw: &[u8]) -> (String, String) {
    let rejection = codec::canonicalise(raw).expect_err(&String::from_utf8_lossy(&raw[..raw.len().min(500)]));
    assert_eq!(codec::decode(raw).expect_err("both refuse"), rejection);
    assert!(!rejection.detail.is_empty());
    (rejection.reason.as_str().to_owned(), rejection.field)
}

fn is(raw: &str, reason: &str, field: &str) {
    assert_eq!(
        refusal(raw.as_bytes()),
        (reason.to_owned(), field.to_owned()),
        "{raw}"
    );
}

/// The golden example of a type with one place of it changed.
fn changed(kind: &str, pointer: &str, value: Value) -> String {
    let mut event = crate::golden(kind);
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match event.pointer_mut(parent).expect("the parent is there") {
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        object => object[key] = value,
    }
    event.to_string()
}

fn without(kind: &str, pointer: &str) -> String {
    let mut event = crate::golden(kind);
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = event
        .pointer_mut(parent)
        .expect("the parent is there")
        .as_object_mut()
        .expect("an object");
    parent.remove(key).expect("the key is there");
    event.to_string()
}

const PLACED: &str = "eddy.order.placed";

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
fn missing_fields() {
    for attribute in ["specversion", "id", "source", "type", "time", "data"] {
        is(
            &without(PLACED, &format!("/{attribute}")),
            "missing_field",
            attribute,
        );
        is(
            &changed(PLACED, &format!("/{attribute}"), Value::Null),
            "missing_field",
            attribute,
        );
    }
    is("{}", "missing_field", "specversion");
    for field in [
        "order_id",
        "customer_id",
        "lines",
        "payment_mode",
        "channel",
        "destination_pincode",
    ] {
        is(
            &without(PLACED, &format!("/data/{field}")),
            "missing_field",
            &format!("data.{field}"),
        );
    }
    is(
        &without(PLACED, "/data/lines/0/sku"),
        "missing_field",
        "data.lines[0].sku",
    );
    let mut event = crate::golden(PLACED);
    event["data"]["lines"] =
        json!([event["data"]["lines"][0], event["data"]["lines"][0], {"line_id": "3", "sku": "S", "qty": 1}]);
    is(
        &event.to_string(),
        "missing_field",
        "data.lines[2].unit_price_minor",
    );
}

#[test]
fn wrong_types_name_the_field() {
    for (pointer, value, field) in [
        ("/id", json!(7), "id"),
        ("/source", json!(["s"]), "source"),
        ("/type", json!({}), "type"),
        ("/time", json!(1_762_000_000), "time"),
        ("/subject", json!(12), "subject"),
        ("/tenantid", json!(1), "tenantid"),
        ("/traceparent", json!(false), "traceparent"),
        ("/data", json!([]), "data"),
        ("/data", json!("{}"), "data"),
        ("/ext", json!({"a": 1}), "ext"),
        ("/data/order_id", json!(123), "data.order_id"),
        ("/data/lines", json!({}), "data.lines"),
        ("/data/lines/0", json!("x"), "data.lines[0]"),
        ("/data/lines/0/qty", json!("2"), "data.lines[0].qty"),
        ("/data/lines/0/qty", json!(1.5), "data.lines[0].qty"),
        ("/data/lines/0/qty", json!(null), "data.lines[0].qty"),
        ("/data/lines/0/qty", json!({"a": [1]}), "data.lines[0].qty"),
        ("/data/lines/0/qty", json!([3]), "data.lines[0].qty"),
        (
            "/data/lines/0/unit_price_minor",
            json!(true),
            "data.lines[0].unit_price_minor",
        ),
        (
            "/data/destination_pincode",
            json!(560_034),
            "data.destination_pincode",
        ),
        ("/data/gift", json!("yes"), "data.gift"),
        ("/data/payment_mode", json!({"cod": null}), "data.payment_mode"),
        ("/data/payment_mode", json!(1), "data.payment_mode"),
        ("/data/address_quality", json!("0.5"), "data.address_quality"),
        ("/data/promised_at", json!(1_762_000_000), "data.promised_at"),
    ] {
        is(&changed(PLACED, pointer, value), "wrong_type", field);
    }
    let proof = changed("eddy.shipment.delivered", "/data/proof/otp", json!("yes"));
    is(&proof, "wrong_type", "data.proof.otp");
}

#[test]
fn invalid_values_name_the_field() {
    for (kind, pointer, value, field) in [
        (PLACED, "/specversion", json!("0.3"), "specversion"),
        (PLACED, "/id", json!(""), "id"),
        (PLACED, "/id", json!("x".repeat(257)), "id"),
        (PLACED, "/id", json!("a\u{0}b"), "id"),
        (PLACED, "/source", json!(""), "source"),
        (PLACED, "/tenantid", json!("Acme"), "tenantid"),
        (PLACED, "/tenantid", json!("a.b"), "tenantid"),
        (PLACED, "/tenantid", json!(""), "tenantid"),
        (PLACED, "/tenantid", json!("x".repeat(33)), "tenantid"),
        (PLACED, "/datacontenttype", json!("text/xml"), "datacontenttype"),
        (PLACED, "/dataversion", json!(0), "dataversion"),
        (PLACED, "/dataversion", json!(-1), "dataversion"),
        (PLACED, "/dataversion", json!("one"), "dataversion"),
        (PLACED, "/data/order_id", json!(""), "data.order_id"),
        (PLACED, "/data/lines", json!([]), "data.lines"),
        (PLACED, "/data/lines/0/qty", json!(0), "data.lines[0].qty"),
        (PLACED, "/data/lines/0/qty", json!(-1), "data.lines[0].qty"),
        (PLACED, "/data/lines/0/qty", json!(1_000_001), "data.lines[0].qty"),
        (
            PLACED,
            "/data/lines/0/qty",
            json!(5_000_000_000_u64),
            "data.lines[0].qty",
        ),
        (
            PLACED,
            "/data/lines/0/unit_price_minor",
            json!(-1),
            "data.lines[0].unit_price_minor",
        ),
        (
            PLACED,
            "/data/lines/0/unit_price_minor",
            json!(1_000_000_000_001_i64),
            "data.lines[0].unit_price_minor",
        ),
        (
            PLACED,
            "/data/lines/0/unit_price_minor",
            json!(u64::MAX),
            "data.lines[0].unit_price_minor",
        ),
        (
            PLACED,
            "/data/lines/0/discount_minor",
            json!(-5),
            "data.lines[0].discount_minor",
        ),
        (
            PLACED,
            "/data/shipping_fee_minor",
            json!(-5),
            "data.shipping_fee_minor",
        ),
        (PLACED, "/data/payment_mode", json!("COD"), "data.payment_mode"),
        (PLACED, "/data/channel", json!("fax"), "data.channel"),
        (PLACED, "/data/currency", json!("inr"), "data.currency"),
        (PLACED, "/data/currency", json!("XXX"), "data.currency"),
        (PLACED, "/data/currency", json!("RS"), "data.currency"),
        (
            PLACED,
            "/data/destination_pincode",
            json!("5600"),
            "data.destination_pincode",
        ),
        (
            PLACED,
            "/data/destination_pincode",
            json!("060034"),
            "data.destination_pincode",
        ),
        (
            PLACED,
            "/data/destination_pincode",
            json!("560034 "),
            "data.destination_pincode",
        ),
        (
            PLACED,
            "/data/destination_pincode",
            json!("sw1a 1aa"),
            "data.destination_pincode",
        ),
        (
            PLACED,
            "/data/destination_pincode",
            json!(""),
            "data.destination_pincode",
        ),
        (
            PLACED,
            "/data/address_quality",
            json!(1.01),
            "data.address_quality",
        ),
        (
            PLACED,
            "/data/address_quality",
            json!(-0.1),
            "data.address_quality",
        ),
        (
            "eddy.shipment.delivery_failed",
            "/data/ndr_reason",
            json!("dog"),
            "data.ndr_reason",
        ),
        (
            "eddy.shipment.delivery_failed",
            "/data/attempt_no",
            json!(0),
            "data.attempt_no",
        ),
        (
            "eddy.shipment.manifested",
            "/data/origin_pincode",
            json!("?"),
            "data.origin_pincode",
        ),
        (
            "eddy.shipment.manifested",
            "/data/line_ids",
            json!(["1", ""]),
            "data.line_ids[1]",
        ),
        (
            "eddy.shipment.manifested",
            "/data/lines/0/qty",
            json!(0),
            "data.lines[0].qty",
        ),
        (
            "eddy.shipment.in_transit",
            "/data/weight_g",
            json!(-3),
            "data.weight_g",
        ),
        ("eddy.return.inspected", "/data/grade", json!("z"), "data.grade"),
        (
            "eddy.return.inspected",
            "/data/defects",
            json!(["Big hole"]),
            "data.defects[0]",
        ),
        (
            "eddy.return.received",
            "/data/lines/0/qty",
            json!(-2),
            "data.lines[0].qty",
        ),
        (
            "eddy.refund.issued",
            "/data/amount_minor",
            json!(-100),
            "data.amount_minor",
        ),
        (
            "eddy.context.pincode_published",
            "/data/lat",
            json!(91),
            "data.lat",
        ),
        (
            "eddy.context.pincode_published",
            "/data/tier",
            json!(5),
            "data.tier",
        ),
        (
            "eddy.context.weather_observed",
            "/data/valid_to",
            json!("2026-11-01T00:00:00Z"),
            "data.valid_to",
        ),
    ] {
        is(&changed(kind, pointer, value), "invalid_value", field);
    }
    let mut binary = crate::golden(PLACED);
    binary.as_object_mut().expect("an object").remove("data");
    binary["data_base64"] = json!("e30=");
    is(&binary.to_string(), "invalid_value", "data_base64");
}

#[test]
fn without_a_country_a_pincode_is_an_indian_one() {
    let mut event = crate::golden(PLACED);
    event["data"]["destination_pincode"] = json!("01310");
    event["data"]
        .as_object_mut()
        .expect("an object")
        .remove("destination_country");
    is(&event.to_string(), "invalid_value", "data.destination_pincode");
}

#[test]
fn numbers_too_large_for_a_double_are_refused_with_their_path() {
    let raw = changed(PLACED, "/data/lines/0/note", json!("HERE")).replace("\"HERE\"", "1e999");
    is(&raw, "invalid_value", "data.lines[0].note");
}

#[test]
fn absurd_times() {
    for time in [
        "1999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "0000-00-00T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-02",
        "2026-11-02T10:00:00",
        "2026-11-02T24:00:00Z",
        "2026-11-02T10:60:00Z",
        "2026-11-02T10:00:00+5:30",
        "2026-11-02T10:00:00.Z",
        "2026-11-02T10:00:00+24:00",
        "02/11/2026 10:00:00Z",
        "now",
        "",
        "2026-11-02T10:00:00Zulu",
    ] {
        is(&changed(PLACED, "/time", json!(time)), "invalid_time", "time");
        is(
            &changed(PLACED, "/data/promised_at", json!(time)),
            "invalid_time",
            "data.promised_at",
        );
    }
}

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
