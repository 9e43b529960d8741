//! JSON Schemas and the AsyncAPI document, generated from the types.
//!
//! They describe what [`crate::codec`] accepts and are not used to validate: a few rules (a pincode of India, the subject, personal data)
//! have no form in JSON Schema.

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::catalogue::{EventType, SubjectRule};
use crate::output::OutputType;
use crate::position::Cause;
use crate::rejection::Reason;
use crate::{subjects, upcast};

/// The JSON Schema (2020-12) of a whole event for each event type, by type name.
pub fn schemas() -> BTreeMap<&'static str, Value> {
    EventType::ALL
        .iter()
        .map(|kind| (kind.as_str(), event_schema(*kind)))
        .collect()
}

fn event_schema(kind: EventType) -> Value {
    let mut generator = SchemaGenerator::default();
    let data = kind.payload_schema(&mut generator);
    let subject = match kind.subject_rule() {
        SubjectRule::Field(field) => format!("Equal to data.{field}; may be left out."),
        SubjectRule::Free(word) => format!("Free; `{word}` when left out."),
    };
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:eddy:schema:{kind}"),
        "title": kind.as_str(),
        "type": "object",
        "properties": envelope(kind.as_str(), &subject),
        "required": ["specversion", "id", "source", "type", "time", "data"],
    });
    schema["properties"]["dataversion"] =
        json!({ "type": "integer", "minimum": 1, "maximum": upcast::latest(kind), "default": 1 });
    schema["properties"]["data"] = data.to_value();
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema["$defs"] = Value::Object(definitions.into_iter().collect());
    }
    schema
}

fn envelope(kind: &str, subject: &str) -> Value {
    let name = |description: &str| json!({ "type": "string", "minLength": 1, "maxLength": 256, "description": description });
    json!({
        "specversion": { "const": "1.0" },
        "id": name("With source, the name of the event for ever."),
        "source": name("URI reference of the producing system."),
        "type": { "const": kind },
        "subject": name(subject),
        "time": { "type": "string", "format": "date-time", "description": "When it happened, with an offset." },
        "datacontenttype": { "type": "string", "default": "application/json" },
        "tenantid": { "type": "string", "pattern": "^[a-z0-9_-]{1,32}$", "default": "default" },
        "traceparent": name("W3C trace context."),
        "causationid": name("Id of the event that led to this one."),
    })
}

/// The AsyncAPI 3 document of the NATS subjects. Payloads refer to the files of [`schemas`] beside it.
pub fn asyncapi() -> Value {
    let mut messages = Map::new();
    let mut of_events = Map::new();
    for kind in EventType::ALL {
        let payload = json!({ "$ref": format!("./{kind}.json") });
        let title = format!("{kind}, version {}", upcast::latest(*kind));
        messages.insert(
            kind.to_string(),
            json!({ "name": kind.as_str(), "title": title, "payload": payload }),
        );
        of_events.insert(
            kind.to_string(),
            json!({ "$ref": format!("#/components/messages/{kind}") }),
        );
    }
    let mut of_outputs = Map::new();
    for kind in OutputType::ALL {
        let data = "The row of the SQL table of the same kind.";
        let mut properties = envelope(kind.as_str(), "Id of the entity it is about.");
        properties["data"] = json!({ "type": "object", "description": data });
        let payload = json!({ "type": "object", "properties": properties, "required": ["specversion", "id", "source", "type", "time", "data"] });
        let headers = json!({ "$ref": "#/components/schemas/CauseHeader" });
        let message = json!({ "name": kind.as_str(), "title": kind.kind().as_str(), "headers": headers, "payload": payload });
        messages.insert(kind.to_string(), message);
        of_outputs.insert(
            kind.to_string(),
            json!({ "$ref": format!("#/components/messages/{kind}") }),
        );
    }
    let reasons: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Eddy",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Returns and courier events, and what Eddy makes of them, on NATS JetStream.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "events": {
                "address": subjects::template_events(),
                "title": subjects::EDDY_EVENTS,
                "description": format!(
                    "The log. A message is a batch of one or many events (application/cloudevents-batch+json), or a single event. With header \
                     {}: {} each event stands on one line in canonical form.",
                    subjects::FRAMING_HEADER,
                    subjects::FRAMING_LINES
                ),
                "parameters": { "tenant": {}, "shard": { "description": "From 0." } },
                "messages": of_events,
            },
            "derived": {
                "address": subjects::template_derived(),
                "title": subjects::EDDY_DERIVED,
                "description": "What the engine computed, one output a message.",
                "parameters": {
                    "tenant": {},
                    "shard": { "description": "From 0." },
                    "kind": { "enum": crate::output::OutputKind::ALL },
                },
                "messages": of_outputs,
            },
            "dead_letters": {
                "address": subjects::template_dead_letters(),
                "title": subjects::EDDY_DEAD_LETTERS,
                "description": format!("What was refused, with the reason: {}.", reasons.join(", ")),
                "parameters": { "tenant": {}, "origin": { "description": "The part of Eddy that refused." } },
            },
        },
        "operations": {
            "append": { "action": "receive", "channel": { "$ref": "#/channels/events" }, "summary": "Producers append to the log." },
            "publish": { "action": "send", "channel": { "$ref": "#/channels/derived" }, "summary": "The engine publishes what it computed." },
            "refuse": { "action": "send", "channel": { "$ref": "#/channels/dead_letters" }, "summary": "What cannot be taken is set aside." },
        },
        "components": {
            "messages": messages,
            "schemas": {
                "CauseHeader": {
                    "type": "object",
                    "properties": {
                        Cause::HEADER: {
                            "type": "string",
                            "pattern": "^[0-9]+(/[0-9]+){4}$",
                            "description": "shard/sequence/index/ordinal/count of the event behind the output.",
                        },
                    },
                },
            },
        },
    })
}
