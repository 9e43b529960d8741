//! What is read from an event, and the canonical line it gets.

use eddy_events::shipment::NdrReason;
use eddy_events::{Body, codec, fingerprint};
use serde_json::json;

use crate::DELIVERY_FAILED;

fn line(raw: &str) -> String {
    let (_, line) =
        codec::canonicalise(raw.as_bytes()).unwrap_or_else(|rejection| panic!("{rejection}: {raw}"));
    String::from_utf8(line).expect("canonical lines are utf-8")
}

fn noted(extra: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"n1","source":"urn:desk","type":"eddy.note.added","time":"2026-11-02T10:00:00Z","data":{{"about":"R-1","actor":"u","text":"t"{extra}}}}}"#
    )
}

#[test]
fn the_example_of_the_contract_is_read() {
    let event = codec::decode(DELIVERY_FAILED.as_bytes()).expect("valid");
    assert_eq!(event.envelope.id, "7f1c");
    assert_eq!(event.envelope.source, "urn:courier:delhivery");
    assert_eq!(event.envelope.subject, "AWB000123");
    assert_eq!(event.envelope.tenant, "default");
    assert_eq!(event.envelope.dataversion, 1);
    assert_eq!(event.envelope.time.offset_minutes, 330);
    let Body::ShipmentDeliveryFailed(failed) = &event.body else {
        panic!("another type: {event:?}")
    };
    assert_eq!(failed.ndr_reason, NdrReason::CustomerUnavailable);
    assert_eq!(failed.proof.as_ref().and_then(|proof| proof.gps), Some(true));
    assert_eq!(failed.raw_code.as_deref(), Some("EOD-74"));
}

#[test]
fn the_canonical_line_has_a_fixed_order_and_no_white_space() {
    assert_eq!(
        line(DELIVERY_FAILED),
        concat!(
            r#"{"specversion":"1.0","id":"7f1c","source":"urn:courier:delhivery","type":"eddy.shipment.delivery_failed","#,
            r#""subject":"AWB000123","time":"2026-11-02T18:41:07+05:30","data":{"attempt_no":1,"awb":"AWB000123","#,
            r#""mapping_version":"delhivery-3","ndr_reason":"customer_unavailable","proof":{"call":false,"gps":true},"raw_code":"EOD-74"}}"#
        )
    );
}

#[test]
fn data_may_stand_before_the_type() {
    let raw = r#"{"data":{"at":"2026-11-02T10:00:00Z"},"time":"2026-11-02T10:00:00Z","type":"eddy.clock.ticked","source":"s","id":"1","specversion":"1.0"}"#;
    let event = codec::decode(raw.as_bytes()).expect("any order is fine");
    assert_eq!(event.body.type_name(), "eddy.clock.ticked");
    assert_eq!(event.envelope.subject, "clock");
}

#[test]
fn a_missing_subject_is_filled_from_the_data() {
    let event = codec::decode(noted("").as_bytes()).expect("valid");
    assert_eq!(event.envelope.subject, "R-1");
    assert!(line(&noted("")).contains(r#""type":"eddy.note.added","subject":"R-1","time""#));
    let given = noted("").replace(r#""time""#, r#""subject":"R-1","time""#);
    assert_eq!(line(&given), line(&noted("")));
}

#[test]
fn what_says_nothing_leaves_no_trace_in_the_line() {
    let spelled_out = noted("").replace(
        r#""time""#,
        r#""datacontenttype":"application/json; charset=utf-8","tenantid":"default","dataversion":1,"traceparent":null,"x":null,"time""#,
    );
    assert_eq!(line(&spelled_out), line(&noted("")));
}

#[test]
fn one_moment_in_one_offset_has_one_text() {
    let with = |time: &str| line(&noted("").replace("2026-11-02T10:00:00Z", time));
    assert_eq!(with("2026-11-02T10:00:00.000Z"), with("2026-11-02T10:00:00Z"));
    assert_eq!(
        with("2026-11-02t10:00:00.000000999+00:00"),
        with("2026-11-02T10:00:00Z")
    );
    assert_ne!(
        with("2026-11-02T15:30:00+05:30"),
        with("2026-11-02T10:00:00Z"),
        "the offset is kept"
    );
}

#[test]
fn unknown_fields_and_extensions_are_kept_in_the_line() {
    let raw = noted(r#","zeta":{"b":[1,{"d":1,"c":2}],"a":null},"alpha":true"#)
        .replace(r#""time""#, r#""partitionkey":"k","comexampleother":7,"time""#);
    let line = line(&raw);
    assert!(
        line.contains(r#","comexampleother":7,"partitionkey":"k","data":{"about""#),
        "{line}"
    );
    assert!(line.ends_with(r#""data":{"about":"R-1","actor":"u","alpha":true,"text":"t","zeta":{"a":null,"b":[1,{"c":2,"d":1}]}}}"#), "{line}");
    let event = codec::decode(line.as_bytes()).expect("its own line is read");
    assert_eq!(event, codec::decode(raw.as_bytes()).expect("valid"));
}

#[test]
fn integers_of_any_size_are_kept_digit_for_digit() {
    let line = line(&noted(
        r#","n":[123456789012345678901234567890,-18446744073709551616,9007199254740993,-0]"#,
    ));
    assert!(
        line.contains("[123456789012345678901234567890,-18446744073709551616,9007199254740993,0]"),
        "{line}"
    );
}

#[test]
fn fractions_are_doubles_in_shortest_form() {
    let line = line(&noted(
        r#","n":[1.50,2.0,1e2,1E-7,0.1,-0.0,12345678901234567890.0,1e300]"#,
    ));
    assert!(
        line.contains("[1.5,2,100,1e-7,0.1,0,1.2345678901234567e19,1e300]"),
        "{line}"
    );
}

#[test]
fn strings_have_one_spelling() {
    let escaped = noted(r#","s":"\u0041\/\u00e9\ud83d\ude00\u000a\u001f\"\\""#);
    assert!(
        line(&escaped).contains("\"s\":\"A/é😀\\n\\u001f\\\"\\\\\""),
        "{}",
        line(&escaped)
    );
}

#[test]
fn an_escaped_attribute_is_the_same_as_a_plain_one() {
    let escaped = noted("").replace(r#""id":"n1""#, r#""\u0069d":"\u006e1""#);
    assert_eq!(line(&escaped), line(&noted("")));
    let quoted = noted("").replace(r#""id":"n1""#, r#""id":"n\"1\\""#);
    let event = codec::decode(line(&quoted).as_bytes()).expect("valid");
    assert_eq!(event.envelope.id, "n\"1\\");
    assert_eq!(codec::encode(&event), line(&quoted).into_bytes());
}

#[test]
fn whole_numbers_may_be_written_with_a_fraction_of_zero() {
    let mut event = crate::golden("eddy.order.placed");
    event["data"]["lines"][0]["qty"] = json!(2.0);
    assert!(codec::decode(event.to_string().as_bytes()).is_ok());
}

#[test]
fn a_null_is_the_same_as_an_absent_field_for_a_reader() {
    let mut event = crate::golden("eddy.order.placed");
    event["data"]["currency"] = json!(null);
    let event = codec::decode(event.to_string().as_bytes()).expect("optional");
    let Body::OrderPlaced(placed) = event.body else {
        panic!("another type")
    };
    assert_eq!(placed.currency, None);
}

#[test]
fn other_countries_have_other_postal_codes() {
    for (country, code) in [
        ("BR", "01310"),
        ("GB", "SW1A 1AA"),
        ("United Kingdom", "EC1"),
        ("US", "94103-1234"),
    ] {
        let mut event = crate::golden("eddy.order.placed");
        event["data"]["destination_country"] = json!(country);
        event["data"]["destination_pincode"] = json!(code);
        assert!(
            codec::decode(event.to_string().as_bytes()).is_ok(),
            "{country} {code}"
        );
    }
}

#[test]
fn other_tenants_are_read_and_written() {
    let raw = noted("").replace(r#""time""#, r#""tenantid":"acme-in","time""#);
    assert_eq!(
        codec::decode(raw.as_bytes()).expect("valid").envelope.tenant,
        "acme-in"
    );
    assert!(line(&raw).contains(r#""time":"2026-11-02T10:00:00Z","tenantid":"acme-in","data""#));
}

#[test]
fn fingerprints_differ_where_a_known_or_unknown_field_does() {
    let of = |extra: &str| fingerprint(line(&noted(extra)).as_bytes());
    assert_eq!(of(""), of(""));
    assert_ne!(of(""), of(r#","extra":1"#));
    assert_ne!(of(r#","extra":1"#), of(r#","extra":2"#));
}

#[test]
fn an_event_far_ahead_of_its_logging_is_refused_there_and_nowhere_else() {
    let event = codec::decode(noted("").as_bytes()).expect("valid");
    let day = 24 * 3600 * 1_000_000;
    assert!(event.check_logged_at(event.envelope.time.micros).is_ok());
    assert!(event.check_logged_at(event.envelope.time.micros - day).is_ok());
    let rejection = event
        .check_logged_at(event.envelope.time.micros - day - 1)
        .expect_err("ahead");
    assert_eq!(
        (rejection.reason.as_str(), rejection.field.as_str()),
        ("time_in_future", "time")
    );
    assert_eq!(rejection.id.as_deref(), Some("n1"));
}
