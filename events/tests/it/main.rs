//! Tests of the vocabulary from outside: what a producer sends and a reader gets.

mod decoding;
mod framing;
mod golden;
mod personal_data;
mod properties;
mod refusals;
mod schemas;
mod values;

/// A valid event of a type, as its golden file has it.
pub fn golden(kind: &str) -> serde_json::Value {
    serde_json::from_str(&golden::text(kind)).expect("golden files are json")
}

/// A delivery failure as a courier's adapter sends it.
pub const DELIVERY_FAILED: &str = r#"{"specversion":"1.0","id":"7f1c","source":"urn:courier:delhivery","type":"eddy.shipment.delivery_failed","subject":"AWB000123","time":"2026-11-02T18:41:07+05:30",
 "data":{"awb":"AWB000123","attempt_no":1,"ndr_reason":"customer_unavailable","raw_code":"EOD-74","mapping_version":"delhivery-3","proof":{"call":false,"gps":true}}}"#;
