//! Fields that are missing, of the wrong type, or of a value that cannot be.

use serde_json::{Value, json};

use super::{PLACED, changed, is, without};

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
