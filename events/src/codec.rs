//! Reading and writing events: bytes to a typed event and back, and the canonical line.
//!
//! A canonical line reads `{"specversion":"1.0","id":…,"source":…,"type":…,"subject":…,"time":…,"tenantid":…,"dataversion":…,
//! "traceparent":…,"causationid":…,<other extensions, sorted>,"data":{…}}`. What says nothing is left out: `datacontenttype` (always JSON),
//! a `tenantid` of `default`, a `dataversion` of 1, attributes that are null. `time` is written as [`Timestamp`] writes it, everything
//! else as `canonical.rs` says. So two texts of one event have one line.
//!
//! Only JSON in CloudEvents' structured mode is read. Cutting batches is in [`crate::framing`].

use std::borrow::Cow;

use serde::de::DeserializeSeed;
use smol_str::SmolStr;

use crate::MAX_EVENT_BYTES;
use crate::attributes::{self, Attributes};
use crate::canonical::{Rewriter, write_string};
use crate::catalogue::{Body, EventType, SubjectRule};
use crate::diagnosis;
use crate::envelope::{DEFAULT_TENANT, Envelope, Event};
use crate::output::{self, Output};
use crate::rejection::{Reason, Rejection};
use crate::rule::{self, Fault};
use crate::time::Timestamp;
use crate::upcast;

pub use crate::framing::{join_lines, split_batch, split_lines, split_ndjson};

/// Reads one event in any form. A canonical line is read in one pass; anything else is brought to canonical form first, so this accepts
/// exactly what [`canonicalise`] accepts, but for one thing: in a line whose envelope is in canonical form, the members of `data` that the
/// catalogue does not know are passed over unread.
pub fn decode(line: &[u8]) -> Result<Event, Rejection> {
    if line.len() <= MAX_EVENT_BYTES
        && let Ok(text) = std::str::from_utf8(line)
        && let Some(attributes) = attributes::read_canonical(text)
        && let Ok(event) = typed(&attributes)
    {
        return Ok(event);
    }
    canonicalise(line).map(|(event, _)| event)
}

/// Validates an event in any form and writes its canonical line.
pub fn canonicalise(raw: &[u8]) -> Result<(Event, Vec<u8>), Rejection> {
    check_size(raw.len())?;
    let text = std::str::from_utf8(raw).map_err(|error| {
        Rejection::new(
            "",
            Reason::MalformedJson,
            format!("is not utf-8 at byte {}", error.valid_up_to()),
        )
    })?;
    let rewritten = attributes::rewrite(text)?;
    // The rewriter has written a canonical envelope; should the two ever disagree, that is a refusal and not a panic.
    let read = |line: &[u8]| -> Result<Event, Rejection> {
        let attributes = std::str::from_utf8(line)
            .ok()
            .and_then(attributes::read_canonical);
        let attributes =
            attributes.ok_or_else(|| Rejection::new("", Reason::MalformedJson, "has no canonical form"))?;
        typed(&attributes).map_err(|fault| {
            let rejection = Rejection::new(fault.field, fault.reason, fault.detail);
            rejection.named(
                &SmolStr::new(&attributes.id),
                &SmolStr::new(&attributes.source),
                &attributes.kind,
            )
        })
    };
    let event = read(rewritten.line())?;
    let line = rewritten.finish(&event.envelope.subject);
    check_size(line.len())
        .map_err(|r| r.named(&event.envelope.id, &event.envelope.source, event.body.type_name()))?;
    Ok((event, line))
}

fn check_size(bytes: usize) -> Result<(), Rejection> {
    if bytes <= MAX_EVENT_BYTES {
        return Ok(());
    }
    let detail = format!("the event has {bytes} bytes, at most {MAX_EVENT_BYTES} are taken");
    Err(Rejection::new("", Reason::TooLarge, detail))
}

/// From attributes to an event: values are checked here, once, whatever way they came.
fn typed(attributes: &Attributes<'_>) -> Result<Event, Fault> {
    rule::id("id", &attributes.id)?;
    rule::id("source", &attributes.source)?;
    let Some(kind) = EventType::from_name(&attributes.kind) else {
        let shown: String = attributes.kind.chars().take(64).collect();
        return Err(Fault::new(
            "type",
            Reason::UnknownType,
            format!("`{shown}` is not an event type of the catalogue"),
        ));
    };
    let Some(time) = Timestamp::parse(&attributes.time) else {
        let shown: String = attributes.time.chars().take(64).collect();
        return Err(Fault::new(
            "time",
            Reason::InvalidTime,
            format!("`{shown}` is not a time of RFC 3339 with an offset"),
        ));
    };
    rule::time("time", time)?;
    let tenant = match &attributes.tenant {
        Some(tenant) => {
            rule::tenant("tenantid", tenant)?;
            SmolStr::new(tenant)
        }
        None => SmolStr::new_static(DEFAULT_TENANT),
    };
    for (field, value) in [
        ("traceparent", &attributes.traceparent),
        ("causationid", &attributes.causationid),
    ] {
        if let Some(value) = value {
            rule::id(field, value)?;
        }
    }
    let latest = upcast::latest(kind);
    if attributes.dataversion == 0 || attributes.dataversion > latest {
        let detail = format!(
            "version {} of {kind} is not known here, the latest is {latest}",
            attributes.dataversion
        );
        return Err(Fault::new("dataversion", Reason::UnsupportedVersion, detail));
    }
    let data = upcast::to_latest(kind, attributes.dataversion, attributes.data);
    let body = read_data(kind, &data)?;
    let subject = subject_of(&body, kind, attributes.subject.as_deref())?;
    let envelope = Envelope {
        id: SmolStr::new(&attributes.id),
        source: SmolStr::new(&attributes.source),
        subject,
        time,
        tenant,
        dataversion: latest,
        traceparent: attributes.traceparent.as_deref().map(SmolStr::new),
        causationid: attributes.causationid.as_deref().map(SmolStr::new),
    };
    Ok(Event { envelope, body })
}

fn read_data(kind: EventType, data: &str) -> Result<Body, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(data);
    let body = kind
        .deserialize(&mut deserializer)
        .and_then(|body| deserializer.end().map(|()| body));
    let body = body.map_err(|error| diagnosis::of_data(data, &error))?;
    body.check().map_err(|fault| fault.under("data"))?;
    Ok(body)
}

fn subject_of(body: &Body, kind: EventType, given: Option<&str>) -> Result<SmolStr, Fault> {
    match (given, body.subject(), kind.subject_rule()) {
        (None, Some(named), _) => Ok(named.clone()),
        (Some(given), Some(named), _) if given == named => Ok(named.clone()),
        (Some(given), Some(named), rule) => {
            let field = if let SubjectRule::Field(field) = rule {
                field
            } else {
                ""
            };
            let given: String = given.chars().take(64).collect();
            let detail = format!(
                "`{given}` is not data.{field}, which is `{named}`; leave subject out or make them equal"
            );
            Err(Fault::new("subject", Reason::SubjectMismatch, detail))
        }
        (Some(given), None, _) => {
            rule::id("subject", given)?;
            Ok(SmolStr::new(given))
        }
        (None, None, SubjectRule::Free(word) | SubjectRule::Field(word)) => Ok(SmolStr::new_static(word)),
    }
}

/// Writes the canonical line of an event made here. The event is taken to be valid: nothing is checked, and a number that is none (NaN)
/// becomes null, which readers refuse.
pub fn encode(event: &Event) -> Vec<u8> {
    let envelope = &event.envelope;
    let mut line = Vec::with_capacity(512);
    line.extend_from_slice(b"{\"specversion\":\"1.0\",\"id\":");
    write_string(&mut line, &envelope.id);
    write_member(&mut line, "source", &envelope.source);
    write_member(&mut line, "type", event.body.type_name());
    write_member(&mut line, "subject", &envelope.subject);
    line.extend_from_slice(b",\"time\":\"");
    envelope.time.write_to(&mut line);
    line.push(b'"');
    if envelope.tenant != DEFAULT_TENANT {
        write_member(&mut line, "tenantid", &envelope.tenant);
    }
    if envelope.dataversion != 1 {
        line.extend_from_slice(format!(",\"dataversion\":{}", envelope.dataversion).as_bytes());
    }
    if let Some(traceparent) = &envelope.traceparent {
        write_member(&mut line, "traceparent", traceparent);
    }
    if let Some(causationid) = &envelope.causationid {
        write_member(&mut line, "causationid", causationid);
    }
    write_data(line, &event.body)
}

pub(crate) fn encode_output(output: &Output) -> Vec<u8> {
    let mut line = Vec::with_capacity(512);
    line.extend_from_slice(b"{\"specversion\":\"1.0\",\"id\":");
    write_string(&mut line, &output.id);
    write_member(&mut line, "source", output::SOURCE);
    write_member(&mut line, "type", output.type_name.as_str());
    write_member(&mut line, "subject", &output.subject);
    line.extend_from_slice(b",\"time\":\"");
    output.time.write_to(&mut line);
    line.push(b'"');
    if output.tenant != DEFAULT_TENANT {
        write_member(&mut line, "tenantid", &output.tenant);
    }
    if let Some(causationid) = &output.causation_id {
        write_member(&mut line, "causationid", causationid);
    }
    line.extend_from_slice(b",\"data\":");
    line.extend_from_slice(output.data.as_str().as_bytes());
    line.push(b'}');
    line
}

/// A value in canonical form.
pub(crate) fn canonical(value: &impl serde::Serialize) -> String {
    let line = canonical_into(Vec::new(), value);
    String::from_utf8(line).unwrap_or_else(|_| "null".to_owned())
}

fn write_member(line: &mut Vec<u8>, name: &str, value: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
    write_string(line, value);
}

/// Ends a line with its data. Values made here nest no deeper than what was read or written by hand, so the bound is only a guard against
/// running out of stack.
fn write_data(mut line: Vec<u8>, data: &impl serde::Serialize) -> Vec<u8> {
    line.extend_from_slice(b",\"data\":");
    let mut line = canonical_into(line, data);
    line.push(b'}');
    line
}

fn canonical_into(line: Vec<u8>, data: &impl serde::Serialize) -> Vec<u8> {
    const LEVELS: usize = 256;
    let start = line.len();
    let json = serde_json::to_string(data).map_or(Cow::Borrowed("null"), Cow::Owned);
    let mut rewriter = Rewriter::new(&json, LEVELS, line);
    let written = rewriter.value();
    let mut line = rewriter.out;
    if written.is_err() {
        line.truncate(start);
        line.extend_from_slice(json.as_bytes());
    }
    line
}
