//! Bad input: each kind has a stable reason and names the field.

mod bounds;
mod envelope;
mod fields;
mod json;

use eddy_events::codec;
use serde_json::Value;

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
