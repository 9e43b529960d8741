//! Rows written member by member, for those that are written for each event: no serializer between the values and the text.
//!
//! What is written is the canonical form, so members come in the order of their names; debug builds check that.

use crate::canonical::{write_double, write_string};
use crate::output::Data;

/// An object being written.
#[derive(Debug)]
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    last: &'static str,
}

impl Object<'_> {
    fn name(&mut self, name: &'static str) {
        debug_assert!(self.last < name, "`{name}` comes before `{}`", self.last);
        if !self.last.is_empty() {
            self.out.push(b',');
        }
        self.last = name;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A figure; null for one that is not finite.
    pub fn number(&mut self, name: &'static str, value: f64) {
        self.name(name);
        if value.is_finite() {
            // Memory takes all that is written.
            let _ = write_double(self.out, value);
        } else {
            self.out.extend_from_slice(b"null");
        }
    }

    /// A whole number.
    pub fn whole(&mut self, name: &'static str, value: u64) {
        self.name(name);
        self.out
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A text.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        write_string(self.out, value);
    }

    /// A text, or null.
    pub fn maybe(&mut self, name: &'static str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.written(name, "null"),
        }
    }

    /// Canonical JSON that was written before.
    pub fn written(&mut self, name: &'static str, json: &str) {
        self.name(name);
        self.out.extend_from_slice(json.as_bytes());
    }
}

fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    write(&mut Object { out, last: "" });
    out.push(b'}');
}

impl Data {
    /// A row, with room for so many bytes at first.
    pub fn object(room: usize, write: impl FnOnce(&mut Object<'_>)) -> Self {
        let mut out = Vec::with_capacity(room);
        object(&mut out, write);
        Self::of_written(out)
    }

    /// A list of rows, with room for so many bytes at first.
    pub fn list<T>(
        room: usize,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Object<'_>, T),
    ) -> Self {
        let mut out = Vec::with_capacity(room);
        out.push(b'[');
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            object(&mut out, |object| write(object, item));
        }
        out.push(b']');
        Self::of_written(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_member_is_what_a_serializer_writes() {
        let written = Data::list(0, [0.0, -1.5, 0.1 + 0.2, f64::NAN], |row, figure| {
            row.number("figure", figure);
            row.maybe("none", None);
            row.text("text", "a \"quote\", a \\ and\na line\u{1}");
            row.whole("whole", u64::MAX);
            row.written("written", "[1,2]");
        });
        let rows: Vec<_> = [0.0, -1.5, 0.1 + 0.2, f64::NAN]
            .map(|figure| {
                serde_json::json!({"figure": figure, "none": null, "text": "a \"quote\", a \\ and\na line\u{1}",
                    "whole": u64::MAX, "written": [1, 2]})
            })
            .into();
        assert_eq!(written, Data::of(&rows));
        assert_eq!(Data::object(9, |_| {}).as_str(), "{}");
    }
}
