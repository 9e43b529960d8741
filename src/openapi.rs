//! `GET /openapi.json`: the OpenAPI 3.1 document of this process, made from one list of calls and from the schemas of the
//! canonical events. A call that is served and not listed, or listed and not served, fails a test of the whole system.

use serde_json::{Map, Value, json};

/// One call: method, path, what it does, media types of its body, media types of its answer, success code.
struct Call {
    method: &'static str,
    path: &'static str,
    does: &'static str,
    takes: &'static [&'static str],
    gives: &'static [&'static str],
    code: &'static str,
    query: &'static [(&'static str, &'static str)],
}

const JSON: &str = "application/json";

const CALLS: &[Call] = &[
    Call {
        method: "post",
        path: "/v1/events",
        does: "Take events. Answers when the log holds them as durably as configured. Bad events are named in `rejected` and kept as dead letters; their neighbours are accepted.",
        takes: &[
            "application/cloudevents+json",
            "application/cloudevents-batch+json",
            "application/x-ndjson",
        ],
        gives: &[JSON],
        code: "202",
        query: &[],
    },
    Call {
        method: "post",
        path: "/v1/webhooks/{source}",
        does: "Take a courier's or shop's own payload, through its mapping.",
        takes: &[JSON],
        gives: &[JSON],
        code: "202",
        query: &[],
    },
    Call {
        method: "post",
        path: "/v1/sql",
        does: "Read-only SQL on one snapshot of all tables; its sequence is in `Eddy-Sequence`. 64-bit integers are JSON numbers.",
        takes: &[JSON],
        gives: &[JSON, "text/csv", "application/vnd.apache.arrow.stream"],
        code: "200",
        query: &[],
    },
    Call {
        method: "get",
        path: "/v1/scores/{subject}",
        does: "The scores of a parcel (awb), an order before its manifest (order_id) or the pickup of a return (rma_id), the latest first, each with its reasons.",
        takes: &[],
        gives: &[JSON],
        code: "200",
        query: &[],
    },
    Call {
        method: "post",
        path: "/v1/scores",
        does: "What the engine thinks of a parcel under each courier just now: risk, price, lateness, expected cost, and the rule that excludes one. Body: `awb`, or `order_id` with `origin_pincode`; `weight_g` if known. Nothing is kept.",
        takes: &[JSON],
        gives: &[JSON],
        code: "200",
        query: &[],
    },
    Call {
        method: "post",
        path: "/v1/alerts/{id}/review",
        does: "A verdict on an alert: `confirmed`, `dismissed`, `needs_more`, `appealed` or `overturned`, with `actor` and `reason`; `loss_minor` where one was found. With `expected_status` and `expected_updated_at` it is refused (409) when somebody else spoke meanwhile. Answers once the fold has heard it.",
        takes: &[JSON],
        gives: &[JSON],
        code: "202",
        query: &[],
    },
    Call {
        method: "get",
        path: "/v1/customers/{id}/links",
        does: "The identity values around a customer and who shares them: hard ones link, soft ones count, those shared by too many are marked and link nobody.",
        takes: &[],
        gives: &[JSON],
        code: "200",
        query: &[],
    },
    Call {
        method: "post",
        path: "/v1/returns/assess",
        does: "Whether a return may be authorised: approve, review or decline, each reason with its rule, by the policy in force. Body: `order_id`, `lines` of `line_id` and `qty`; `customer_id`, `instrument_hash` and `at` where known. Nothing is kept.",
        takes: &[JSON],
        gives: &[JSON],
        code: "200",
        query: &[],
    },
    Call {
        method: "get",
        path: "/v1/live",
        does: "Server-sent events: frames with sequence, event time and changed keys, at most four a second. Resumes by `Last-Event-ID`.",
        takes: &[],
        gives: &["text/event-stream"],
        code: "200",
        query: &[("last_event_id", "Where to go on, when the header cannot be sent")],
    },
    Call {
        method: "get",
        path: "/v1/dead-letters",
        does: "Browse what was refused, newest first.",
        takes: &[],
        gives: &[JSON],
        code: "200",
        query: &[
            ("reason", "Only this reason"),
            ("source", "Only from this source"),
            ("origin", "Only refused by the gateway, the loader or the fold"),
            ("since", "Only received since this time"),
            ("q", "Only with this text"),
            ("sequence", "Only this one"),
            ("cursor", "Where the page before ended"),
            ("limit", "At most so many"),
        ],
    },
    Call {
        method: "post",
        path: "/v1/dead-letters/redrive",
        does: "Validate again and append what is good now.",
        takes: &[JSON],
        gives: &[JSON],
        code: "200",
        query: &[],
    },
    Call {
        method: "get",
        path: "/v1/status",
        does: "Where log and projections stand, durability as verified, sizes of tables.",
        takes: &[],
        gives: &[JSON],
        code: "200",
        query: &[],
    },
    Call {
        method: "get",
        path: "/v1/digest",
        does: "Hash of all projections and of all outputs at the present sequence.",
        takes: &[],
        gives: &[JSON],
        code: "200",
        query: &[],
    },
    Call {
        method: "get",
        path: "/v1/log",
        does: "How a loader on this machine reaches the log.",
        takes: &[],
        gives: &[JSON],
        code: "200",
        query: &[],
    },
    Call {
        method: "get",
        path: "/healthz",
        does: "The process answers.",
        takes: &[],
        gives: &["text/plain"],
        code: "200",
        query: &[],
    },
    Call {
        method: "get",
        path: "/readyz",
        does: "The tables hold what the log held at the start, and the log answers.",
        takes: &[],
        gives: &[JSON],
        code: "200",
        query: &[],
    },
    Call {
        method: "get",
        path: "/metrics",
        does: "Prometheus exposition.",
        takes: &[],
        gives: &["text/plain"],
        code: "200",
        query: &[],
    },
    Call {
        method: "get",
        path: "/openapi.json",
        does: "This document.",
        takes: &[],
        gives: &[JSON],
        code: "200",
        query: &[],
    },
];

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for call in CALLS {
        let entry = paths.entry(call.path).or_insert_with(|| json!({}));
        entry[call.method] = operation(call);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Eddy",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Returns and courier events in, projections and SQL out. Errors are application/problem+json (RFC 9457) and say what to do.",
        },
        "paths": paths,
        "components": { "schemas": schemas(), "securitySchemes": {
            "token": { "type": "http", "scheme": "bearer", "description": "The engine's token, when it was started with one" },
            "session": { "type": "apiKey", "in": "cookie", "name": "eddy_session", "description": "A browser's, from /sign-in; changes only from pages of the engine" },
        } },
        "security": [{}, { "token": [] }, { "session": [] }],
    })
}

fn operation(call: &Call) -> Value {
    let media = |types: &[&str], schema: &Value| -> Value {
        types
            .iter()
            .map(|kind| ((*kind).to_owned(), json!({ "schema": schema })))
            .collect::<Map<_, _>>()
            .into()
    };
    let (takes, gives) = match call.path {
        "/v1/events" => (
            json!({ "$ref": "#/components/schemas/Events" }),
            json!({ "$ref": "#/components/schemas/Accepted" }),
        ),
        "/v1/sql" => (
            json!({ "$ref": "#/components/schemas/Query" }),
            json!({ "$ref": "#/components/schemas/Answer" }),
        ),
        _ => (json!({}), json!({})),
    };
    let problem =
        json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    let mut operation = json!({
        "summary": call.does,
        "responses": {
            (call.code): { "description": "Done", "content": media(call.gives, &gives) },
            "default": { "description": "What was wrong and what to do", "content": problem },
        },
    });
    if !call.takes.is_empty() {
        operation["requestBody"] = json!({ "required": true, "content": media(call.takes, &takes) });
    }
    if !call.query.is_empty() {
        let parameters = call.query.iter().map(|(name, says)| {
            json!({ "name": name, "in": "query", "description": says, "schema": { "type": "string" } })
        });
        operation["parameters"] = parameters.collect();
    }
    operation
}

fn schemas() -> Value {
    json!({
        "Event": {
            "type": "object",
            "description": "A CloudEvent 1.0; `data` by `type`, see events/schemas in the source",
            "required": ["specversion", "id", "source", "type", "time", "data"],
            "properties": {
                "specversion": { "const": "1.0" },
                "id": { "type": "string", "maxLength": 256 },
                "source": { "type": "string", "maxLength": 256 },
                "type": { "enum": eddy_events::Body::TYPES },
                "subject": { "type": "string" },
                "time": { "type": "string", "format": "date-time" },
                "data": { "type": "object" },
            },
        },
        "Events": {
            "oneOf": [
                { "$ref": "#/components/schemas/Event" },
                { "type": "array", "items": { "$ref": "#/components/schemas/Event" } },
            ],
        },
        "Accepted": {
            "type": "object",
            "required": ["accepted", "duplicates", "rejected"],
            "properties": {
                "accepted": { "type": "integer" },
                "duplicates": { "type": "integer", "description": "Best knowledge of the gateway; the fold decides" },
                "rejected": { "type": "array", "items": {
                    "type": "object",
                    "required": ["index", "reason"],
                    "properties": {
                        "index": { "type": "integer" },
                        "id": { "type": ["string", "null"] },
                        "field": { "type": "string" },
                        "reason": { "type": "string" },
                    },
                } },
            },
        },
        "Query": {
            "type": "object",
            "required": ["sql"],
            "properties": {
                "sql": { "type": "string" },
                "params": { "type": "array", "description": "Values of $1, $2, ..." },
                "timeout_ms": { "type": "integer" },
            },
        },
        "Answer": {
            "type": "object",
            "required": ["columns", "rows", "sequence", "elapsed_ms"],
            "properties": {
                "columns": { "type": "array", "items": {
                    "type": "object",
                    "properties": { "name": { "type": "string" }, "type": { "type": "string" } },
                } },
                "rows": { "type": "array", "items": { "type": "array" } },
                "sequence": { "type": "integer" },
                "elapsed_ms": { "type": "number" },
            },
        },
        "Problem": {
            "type": "object",
            "required": ["title", "status"],
            "properties": {
                "type": { "type": "string" },
                "title": { "type": "string" },
                "status": { "type": "integer" },
                "detail": { "type": "string" },
            },
        },
    })
}
