//! Fields for hashes refuse what looks like the datum itself.

use eddy_events::codec;
use serde_json::json;

fn outcome(field: &str, value: &str) -> Option<String> {
    let mut event = crate::golden("eddy.order.placed");
    event["data"][field] = json!(value);
    let rejection = codec::canonicalise(event.to_string().as_bytes()).err()?;
    assert_eq!(rejection.field, format!("data.{field}"));
    assert!(
        value.is_empty() || !rejection.detail.contains(value),
        "the datum must not travel on in the reason"
    );
    Some(rejection.reason.as_str().to_owned())
}

#[test]
fn raw_personal_data_in_hash_fields_is_refused() {
    for value in [
        "a.person@example.com",
        "+91 98450 12345",
        "9845012345",
        "(080) 2345-6789",
        "4111 1111 1111 1111",
        "4111111111111111",
        "10.1.2.3",
        "203.0.113.9",
        "2001:db8::1",
        "::1",
    ] {
        for field in [
            "address_hash",
            "phone_hash",
            "device_hash",
            "instrument_hash",
            "ip_hash",
        ] {
            assert_eq!(
                outcome(field, value).as_deref(),
                Some("personal_data"),
                "{field} {value}"
            );
        }
    }
}

#[test]
fn hashes_are_taken() {
    for value in [
        "h1_17c4e0b2a9d86f35",
        "9f86d081884c7d659a2feaa0c55ad015",
        "sha256:9f86d081",
        "ab12-cd34",
        "00000000000000000000000000000000",
        "phone_17",
        "YWJj+/==",
    ] {
        assert_eq!(outcome("phone_hash", value), None, "{value}");
    }
}

#[test]
fn an_empty_hash_is_a_mistake() {
    assert_eq!(outcome("phone_hash", "").as_deref(), Some("invalid_value"));
}
