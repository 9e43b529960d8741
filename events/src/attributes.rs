//! The envelope as text: brought into canonical order, and read back from it without a general JSON parser.
//!
//! Structure alone is settled here (which attributes, of which JSON type); values are checked in [`crate::codec`].

use std::borrow::Cow;

use serde::de::IgnoredAny;
use smol_str::SmolStr;

use crate::MAX_DEPTH;
use crate::canonical::{Flaw, Rewriter, plain_length, write_string};
use crate::diagnosis;
use crate::envelope::DEFAULT_TENANT;
use crate::rejection::{Reason, Rejection};
use crate::time::Timestamp;

/// The attributes of a canonical line, unescaped, and `data` as it stands.
#[derive(Debug)]
pub(crate) struct Attributes<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) source: Cow<'a, str>,
    pub(crate) kind: Cow<'a, str>,
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) time: Cow<'a, str>,
    pub(crate) tenant: Option<Cow<'a, str>>,
    pub(crate) dataversion: u16,
    pub(crate) traceparent: Option<Cow<'a, str>>,
    pub(crate) causationid: Option<Cow<'a, str>>,
    pub(crate) data: &'a str,
}

/// Reads a line whose envelope is in canonical form; `None` when it is not, which says nothing about whether it is valid.
pub(crate) fn read_canonical(line: &str) -> Option<Attributes<'_>> {
    let mut cursor = Cursor { text: line, at: 0 };
    cursor.take("{\"specversion\":\"1.0\",\"id\":")?;
    let id = cursor.string()?;
    cursor.take(",\"source\":")?;
    let source = cursor.string()?;
    cursor.take(",\"type\":")?;
    let kind = cursor.string()?;
    let subject = cursor.attribute(",\"subject\":")?;
    cursor.take(",\"time\":")?;
    let time = cursor.string()?;
    let _ = cursor.take(",\"datacontenttype\":\"application/json\"");
    let tenant = cursor.attribute(",\"tenantid\":")?;
    let dataversion = if cursor.take(",\"dataversion\":").is_some() {
        cursor.version()?
    } else {
        1
    };
    let traceparent = cursor.attribute(",\"traceparent\":")?;
    let causationid = cursor.attribute(",\"causationid\":")?;
    while cursor.take(",\"data\":").is_none() {
        cursor.extension()?;
    }
    let data = line[cursor.at..].strip_suffix('}')?;
    Some(Attributes {
        id,
        source,
        kind,
        subject,
        time,
        tenant,
        dataversion,
        traceparent,
        causationid,
        data,
    })
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, literal: &str) -> Option<()> {
        self.rest()
            .starts_with(literal.as_bytes())
            .then(|| self.at += literal.len())
    }

    /// A string attribute that may be absent; `None` when it is there and no string.
    fn attribute(&mut self, literal: &str) -> Option<Option<Cow<'a, str>>> {
        match self.take(literal) {
            Some(()) => self.string().map(Some),
            None => Some(None),
        }
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        self.take("\"")?;
        let mut escaped = false;
        loop {
            self.at += plain_length(self.rest());
            match self.rest().first()? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    // The byte after a backslash is ASCII in any string that the parser below accepts.
                    self.at += 2;
                }
                _ => return None,
            }
        }
        self.at += 1;
        if escaped {
            return serde_json::from_str(self.text.get(start..self.at)?)
                .ok()
                .map(Cow::Owned);
        }
        self.text.get(start + 1..self.at - 1).map(Cow::Borrowed)
    }

    /// A version too large for the type is the largest one, which no event type has.
    fn version(&mut self) -> Option<u16> {
        let digits = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let text = self.text.get(self.at..self.at + digits)?;
        self.at += digits;
        Some(text.parse().unwrap_or(u16::MAX))
    }

    /// Passes over an extension that Eddy does not read. A name it does read is out of order here.
    fn extension(&mut self) -> Option<()> {
        self.take(",")?;
        let name = self.string()?;
        if Attribute::from_word(&name).is_some() {
            return None;
        }
        self.take(":")?;
        match self.rest().first()? {
            b'"' => return self.string().map(|_| ()),
            b'[' | b'{' => return None,
            _ => {}
        }
        let length = self
            .rest()
            .iter()
            .take_while(|b| !matches!(b, b',' | b'}'))
            .count();
        let scalar = self.text.get(self.at..self.at + length)?;
        self.at += length;
        serde_json::from_str::<IgnoredAny>(scalar).ok().map(|_| ())
    }
}

vocabulary! {
    /// The attributes that Eddy reads, in canonical order.
    pub(crate) enum Attribute {
        /// Always `1.0`.
        Specversion = "specversion",
        /// Id.
        Id = "id",
        /// Source.
        Source = "source",
        /// Type.
        Type = "type",
        /// Entity.
        Subject = "subject",
        /// Moment.
        Time = "time",
        /// Always JSON.
        Datacontenttype = "datacontenttype",
        /// Tenant.
        Tenantid = "tenantid",
        /// Version of the shape of `data`.
        Dataversion = "dataversion",
        /// Trace context.
        Traceparent = "traceparent",
        /// Event that led to this one.
        Causationid = "causationid",
        /// What happened.
        Data = "data",
        /// The binary form of `data`, which Eddy does not take.
        DataBase64 = "data_base64",
    }
}

const ATTRIBUTES: usize = Attribute::ALL.len();

/// A line in canonical order, and where `subject` belongs if the sender left it out.
pub(crate) struct Rewritten {
    line: Vec<u8>,
    gap: Option<usize>,
}

impl Rewritten {
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    /// The line with `subject` filled in.
    pub(crate) fn finish(mut self, subject: &str) -> Vec<u8> {
        if let Some(gap) = self.gap {
            let mut member = b",\"subject\":".to_vec();
            write_string(&mut member, subject);
            self.line.splice(gap..gap, member);
        }
        self.line
    }
}

/// Values of the envelope as they stand in the rewriter's output.
struct Parts {
    out: Vec<u8>,
    known: [Option<(usize, usize)>; ATTRIBUTES],
    /// Start of the name, start of the value, end.
    extensions: Vec<(usize, usize, usize)>,
}

/// Brings an event of any form into canonical order. Values are kept but for the time, which is written in canonical form.
pub(crate) fn rewrite(text: &str) -> Result<Rewritten, Rejection> {
    let mut parts = Parts {
        out: Vec::new(),
        known: [None; ATTRIBUTES],
        extensions: Vec::new(),
    };
    let mut rewriter = Rewriter::new(text, MAX_DEPTH - 1, Vec::with_capacity(text.len() + 16));
    let read = read_members(&mut rewriter, &mut parts);
    parts.out = std::mem::take(&mut rewriter.out);
    match read {
        Ok(()) => parts
            .assemble()
            .map_err(|(field, reason, detail)| parts.reject(field, reason, detail)),
        Err(flaw) => {
            let field = match flaw.reason {
                Reason::MalformedJson => String::new(),
                _ => diagnosis::path_at(text, flaw.at),
            };
            let detail = match flaw.reason {
                Reason::TooDeep => format!("nested more than {MAX_DEPTH} levels deep"),
                _ => format!("{} (byte {})", flaw.detail, flaw.at),
            };
            Err(parts.reject(field, flaw.reason, detail))
        }
    }
}

fn read_members(rewriter: &mut Rewriter<'_>, parts: &mut Parts) -> Result<(), Flaw> {
    rewriter.expect(b'{', "an event is a json object")?;
    if rewriter.peek() == b'}' {
        rewriter.at += 1;
        return rewriter.expect_end();
    }
    loop {
        if rewriter.peek() != b'"' {
            return Err(rewriter.flaw("a key in quotes is expected here"));
        }
        let name = rewriter.out.len();
        rewriter.string()?;
        let start = rewriter.out.len();
        rewriter.expect(b':', "a colon is expected here")?;
        rewriter.value()?;
        let end = rewriter.out.len();
        let word = rewriter
            .out
            .get(name + 1..start - 1)
            .and_then(|word| std::str::from_utf8(word).ok());
        match word.and_then(Attribute::from_word) {
            Some(attribute) => {
                let place = &mut parts.known[attribute as usize];
                if place.is_some() {
                    return Err(rewriter.flaw("an attribute stands twice"));
                }
                *place = Some((start, end));
            }
            None => parts.extensions.push((name, start, end)),
        }
        match rewriter.peek() {
            b',' => rewriter.at += 1,
            b'}' => break,
            _ => return Err(rewriter.flaw("a comma or } is expected here")),
        }
    }
    rewriter.at += 1;
    rewriter.expect_end()
}

type Refusal = (String, Reason, String);

impl Parts {
    /// The canonical text of an attribute; null is the same as absent.
    fn value(&self, attribute: Attribute) -> Option<&[u8]> {
        let (start, end) = self.known[attribute as usize]?;
        Some(&self.out[start..end]).filter(|value| *value != b"null")
    }

    fn string(&self, attribute: Attribute) -> Result<Option<&[u8]>, Refusal> {
        match self.value(attribute) {
            Some(value) if value[0] != b'"' => Err((
                attribute.to_string(),
                Reason::WrongType,
                "must be a string".to_owned(),
            )),
            value => Ok(value),
        }
    }

    fn required(&self, attribute: Attribute) -> Result<&[u8], Refusal> {
        self.string(attribute)?.ok_or_else(|| missing(attribute))
    }

    fn reject(&self, field: impl Into<String>, reason: Reason, detail: impl Into<String>) -> Rejection {
        let name = |attribute| {
            let value: String = serde_json::from_slice(self.value(attribute)?).ok()?;
            Some(SmolStr::new(value.chars().take(256).collect::<String>()))
        };
        Rejection {
            id: name(Attribute::Id),
            source: name(Attribute::Source),
            kind: name(Attribute::Type),
            ..Rejection::new(field, reason, detail)
        }
    }

    fn assemble(&self) -> Result<Rewritten, Refusal> {
        match self.required(Attribute::Specversion)? {
            b"\"1.0\"" => {}
            other => {
                let detail = format!(
                    "{} is not a version of cloudevents read here; send \"1.0\"",
                    lossy(other)
                );
                return Err(("specversion".to_owned(), Reason::InvalidValue, detail));
            }
        }
        let mut line = Vec::with_capacity(self.out.len() + 64);
        line.extend_from_slice(b"{\"specversion\":\"1.0\",\"id\":");
        line.extend_from_slice(self.required(Attribute::Id)?);
        write(&mut line, Attribute::Source, self.required(Attribute::Source)?);
        write(&mut line, Attribute::Type, self.required(Attribute::Type)?);
        let mut gap = None;
        match self.string(Attribute::Subject)? {
            Some(subject) => write(&mut line, Attribute::Subject, subject),
            None => gap = Some(line.len()),
        }
        line.extend_from_slice(b",\"time\":");
        let time = self.required(Attribute::Time)?;
        match std::str::from_utf8(&time[1..time.len() - 1])
            .ok()
            .and_then(Timestamp::parse)
        {
            Some(time) => {
                line.push(b'"');
                time.write_to(&mut line);
                line.push(b'"');
            }
            // Left as it is, for the check of values to complain about.
            None => line.extend_from_slice(time),
        }
        self.check_content_type()?;
        if let Some(tenant) = self.string(Attribute::Tenantid)?
            && &tenant[1..tenant.len() - 1] != DEFAULT_TENANT.as_bytes()
        {
            write(&mut line, Attribute::Tenantid, tenant);
        }
        if let Some(version) = self.value(Attribute::Dataversion) {
            let digits = version
                .strip_prefix(b"\"")
                .and_then(|v| v.strip_suffix(b"\""))
                .unwrap_or(version);
            if digits.is_empty() || digits[0] == b'0' || !digits.iter().all(u8::is_ascii_digit) {
                let detail = "must be a whole number from 1".to_owned();
                return Err(("dataversion".to_owned(), Reason::InvalidValue, detail));
            }
            if digits != b"1" {
                write(&mut line, Attribute::Dataversion, digits);
            }
        }
        for attribute in [Attribute::Traceparent, Attribute::Causationid] {
            if let Some(value) = self.string(attribute)? {
                write(&mut line, attribute, value);
            }
        }
        self.write_extensions(&mut line)?;
        line.extend_from_slice(b",\"data\":");
        line.extend_from_slice(self.data()?);
        line.push(b'}');
        Ok(Rewritten { line, gap })
    }

    fn check_content_type(&self) -> Result<(), Refusal> {
        let Some(content) = self.string(Attribute::Datacontenttype)? else {
            return Ok(());
        };
        let content = lossy(&content[1..content.len() - 1]).to_ascii_lowercase();
        let kind = content.split(';').next().unwrap_or_default().trim();
        if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
            return Ok(());
        }
        let detail = "data is read as json alone; send application/json or leave it out".to_owned();
        Err(("datacontenttype".to_owned(), Reason::InvalidValue, detail))
    }

    fn write_extensions(&self, line: &mut Vec<u8>) -> Result<(), Refusal> {
        let mut extensions = self.extensions.clone();
        // Names are compared without their closing quote, as in any object.
        let name = |&(name, start, _): &(usize, usize, usize)| &self.out[name..start - 1];
        extensions.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        for (index, extension) in extensions.iter().enumerate() {
            let shown = lossy(&name(extension)[1..]).into_owned();
            if index > 0 && name(&extensions[index - 1]) == name(extension) {
                return Err((
                    shown,
                    Reason::MalformedJson,
                    "an attribute stands twice".to_owned(),
                ));
            }
            let value = &self.out[extension.1..extension.2];
            match value[0] {
                b'{' | b'[' => {
                    let detail =
                        "an extension attribute is a string, a number or a boolean; put the rest into data";
                    return Err((shown, Reason::WrongType, detail.to_owned()));
                }
                b'n' => continue,
                _ => {}
            }
            line.push(b',');
            line.extend_from_slice(&self.out[extension.0..extension.1]);
            line.push(b':');
            line.extend_from_slice(value);
        }
        Ok(())
    }

    fn data(&self) -> Result<&[u8], Refusal> {
        match self.value(Attribute::Data) {
            Some(data) if data[0] == b'{' => Ok(data),
            Some(_) => Err((
                "data".to_owned(),
                Reason::WrongType,
                "must be an object".to_owned(),
            )),
            None if self.value(Attribute::DataBase64).is_some() => {
                let detail = "is not read here; send data as json".to_owned();
                Err(("data_base64".to_owned(), Reason::InvalidValue, detail))
            }
            None => Err(missing(Attribute::Data)),
        }
    }
}

fn write(line: &mut Vec<u8>, attribute: Attribute, value: &[u8]) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(attribute.as_str().as_bytes());
    line.extend_from_slice(b"\":");
    line.extend_from_slice(value);
}

fn missing(attribute: Attribute) -> Refusal {
    (
        attribute.to_string(),
        Reason::MissingField,
        "is required".to_owned(),
    )
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&bytes[..bytes.len().min(64)])
}
