//! Writing events as JSON text, keys already in canonical order, without building a tree of values.

use eddy_events::Timestamp;

use super::eval::{Bad, Frame, Node, Set};
use super::value::Value;

/// What a field of an event is made of.
#[derive(Debug)]
pub(super) enum Shape {
    Value(Node),
    /// Keys sorted, as JSON text with quotes and colon.
    Object(Vec<(String, Shape)>),
    List(Vec<Shape>),
    /// One entry per member of a set.
    Each {
        set: Set,
        when: Option<Node>,
        item: Box<Shape>,
    },
}

/// Which rows of the group the entries of each list came from, so that a fault in `lines[3]` is told of its row.
pub(super) type Origins = Vec<(String, Vec<usize>)>;

impl Shape {
    /// Appends the JSON; returns whether there was anything but null.
    pub(super) fn write<'a>(
        &'a self,
        frame: Frame<'a>,
        key: &str,
        out: &mut Vec<u8>,
        origins: &mut Origins,
    ) -> Result<bool, Box<Bad>> {
        match self {
            Self::Value(node) => {
                let value = node.eval(frame)?;
                if value.is_null() {
                    return Ok(false);
                }
                write_value(&value, out);
            }
            Self::Object(fields) => {
                out.push(b'{');
                let empty = out.len();
                for (name, shape) in fields {
                    let before = out.len();
                    if before > empty {
                        out.push(b',');
                    }
                    out.extend_from_slice(name.as_bytes());
                    if !shape.write(frame, name, out, origins)? {
                        out.truncate(before);
                    }
                }
                out.push(b'}');
            }
            Self::List(items) => {
                out.push(b'[');
                let empty = out.len();
                for item in items {
                    let before = out.len();
                    if before > empty {
                        out.push(b',');
                    }
                    if !item.write(frame, key, out, origins)? {
                        out.truncate(before);
                    }
                }
                out.push(b']');
            }
            Self::Each { set, when, item } => {
                out.push(b'[');
                let empty = out.len();
                let mut rows = Vec::new();
                frame.each(*set, |member| {
                    if let Some(when) = when
                        && !when.eval(member)?.holds()
                    {
                        return Ok(true);
                    }
                    let before = out.len();
                    if before > empty {
                        out.push(b',');
                    }
                    if item.write(member, key, out, origins)? {
                        rows.push(member.row);
                    } else {
                        out.truncate(before);
                    }
                    Ok(true)
                })?;
                out.push(b']');
                if *set == Set::Rows {
                    origins.push((key.trim_matches(['"', ':']).to_owned(), rows));
                }
            }
        }
        Ok(true)
    }
}

pub(super) fn write_value(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Dec(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Text(text) => write_text(text, out),
        Value::Time(moment) => write_time(*moment, out),
        Value::Local(_) => {
            if let Some(text) = value.clone().into_text() {
                write_text(&text, out);
            }
        }
    }
}

pub(super) fn write_time(moment: Timestamp, out: &mut Vec<u8>) {
    out.push(b'"');
    moment.write_to(out);
    out.push(b'"');
}

/// A JSON string; what needs no escape is copied as it stands.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    if text
        .bytes()
        .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
    {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Cannot fail: a string into a vector.
        let _ = serde_json::to_writer(out, text);
    }
}
