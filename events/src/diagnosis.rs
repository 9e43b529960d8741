//! From the parser's complaint to a field and a reason. Runs only for events that are refused.
//!
//! serde tells where in the text it stopped, not at which field; the field is found by walking the text up to that byte. That spares a
//! second, path-keeping copy of all readers.

use crate::rejection::Reason;
use crate::rule::Fault;

/// What was wrong with `data`.
pub(crate) fn of_data(data: &str, error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message);
    let path = path_at(data, error.column());
    let under = |path: &str| {
        if path.is_empty() {
            "data".to_owned()
        } else {
            format!("data.{path}")
        }
    };
    if !error.is_data() {
        return Fault::new(&under(&path), Reason::MalformedJson, message);
    }
    if let Some(field) = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next())
    {
        let path = if path.is_empty() {
            field.to_owned()
        } else {
            format!("{path}.{field}")
        };
        return Fault::new(&under(&path), Reason::MissingField, "is required");
    }
    let reason = if message.starts_with("invalid type") {
        Reason::WrongType
    } else if message.contains("is not a time of RFC 3339") {
        Reason::InvalidTime
    } else if message.starts_with("duplicate field") {
        Reason::MalformedJson
    } else {
        Reason::InvalidValue
    };
    Fault::new(&under(&path), reason, plain_words(message))
}

/// Names of Rust's types mean nothing to a sender, and neither does a value that fills a page.
fn plain_words(message: &str) -> String {
    const SHOWN: usize = 300;
    if message.chars().nth(SHOWN).is_some() {
        return message.chars().take(SHOWN).chain(std::iter::once('…')).collect();
    }
    const WORDS: &[(&str, &str)] = &[
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected i64", "expected a whole number of at most 19 digits"),
        ("expected f64", "expected a number"),
    ];
    let word = WORDS.iter().find(|(rust, _)| message.ends_with(rust));
    word.map_or_else(
        || message.to_owned(),
        |(rust, plain)| message.replace(rust, plain),
    )
}

/// A step into the text: the key of a member, or the index of an element.
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Path of the innermost value that begins, ends or goes on at byte `at`, such as `lines[2].qty`; empty for the outermost. The text need
/// be correct only up to that byte. Walks without recursion, for the text may be hostile.
pub(crate) fn path_at(text: &str, at: usize) -> String {
    let bytes = text.as_bytes();
    let mut path: Vec<Step<'_>> = Vec::new();
    let mut here = 0;
    while let Some(&byte) = bytes.get(here) {
        match byte {
            b'{' | b'[' => {
                if here >= at {
                    break;
                }
                path.push(if byte == b'{' {
                    Step::Key("")
                } else {
                    Step::Index(0)
                });
                here += 1;
            }
            b'}' | b']' => {
                path.pop();
                here += 1;
                if here >= at {
                    break;
                }
            }
            b',' => {
                here += 1;
                if let Some(Step::Index(index)) = path.last_mut() {
                    *index += 1;
                }
            }
            b'"' => {
                let end = string_end(bytes, here);
                let after = bytes[end..]
                    .iter()
                    .position(|b| !b.is_ascii_whitespace())
                    .map_or(end, |n| end + n);
                if let Some(Step::Key(key)) = path.last_mut()
                    && bytes.get(after) == Some(&b':')
                {
                    *key = text.get(here + 1..end - 1).unwrap_or_default();
                    here = after + 1;
                    continue;
                }
                here = end;
                if here >= at {
                    break;
                }
            }
            b if b.is_ascii_whitespace() || b == b':' => here += 1,
            _ => {
                let length = bytes[here..].iter().position(|b| b",]}\" \t\r\n".contains(b));
                here += length.unwrap_or(bytes.len() - here).max(1);
                if here >= at {
                    break;
                }
            }
        }
    }
    shown(&path)
}

fn shown(path: &[Step<'_>]) -> String {
    // A path is for people; of a hostile depth the beginning is enough.
    const LEVELS: usize = 40;
    let mut out = String::new();
    for step in path.iter().take(LEVELS) {
        match step {
            Step::Key("") => {}
            Step::Key(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.extend(key.chars().take(64));
            }
            Step::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    out
}

/// The byte after the closing quote, or the end of the text.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}
