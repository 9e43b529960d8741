//! The canonical form of JSON: one text for one value, written in a single pass over any text of it.
//!
//! - Object keys are sorted by the bytes of their canonical text, at every depth; a key that stands twice is refused.
//! - Strings hold UTF-8 as it is; only `"`, `\` and control characters are escaped, in the shortest way.
//! - Whole numbers are kept digit for digit, whatever their size. Numbers with a fraction or an exponent are IEEE doubles in shortest
//!   form, as whole numbers below 2^53 where they are whole; those beyond a double are refused.
//! - No white space.
//!
//! What the values mean is no matter here; see [`crate::codec`] for events.

use std::io::Write;

use crate::rejection::Reason;

/// Why a text has no canonical form: at which byte, and what.
#[derive(Debug)]
pub(crate) struct Flaw {
    pub(crate) reason: Reason,
    pub(crate) at: usize,
    pub(crate) detail: &'static str,
}

/// A member of an object as it stands in the output: `"key":value`, without commas around it.
#[derive(Clone, Copy)]
struct Member {
    start: usize,
    key_end: usize,
    end: usize,
}

/// A cursor over a JSON text that writes what it reads in canonical form.
pub(crate) struct Rewriter<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pub(crate) at: usize,
    pub(crate) out: Vec<u8>,
    /// Levels that may still be opened.
    levels: usize,
    /// Members of all objects that are open, innermost last.
    members: Vec<Member>,
    /// Where an object is put in order.
    scratch: Vec<u8>,
}

type Written = Result<(), Flaw>;

impl<'a> Rewriter<'a> {
    pub(crate) fn new(text: &'a str, levels: usize, out: Vec<u8>) -> Self {
        let bytes = text.as_bytes();
        Self {
            text,
            bytes,
            at: 0,
            out,
            levels,
            members: Vec::with_capacity(32),
            scratch: Vec::new(),
        }
    }

    #[cold]
    pub(crate) fn flaw(&self, detail: &'static str) -> Flaw {
        Flaw {
            reason: Reason::MalformedJson,
            at: self.at,
            detail,
        }
    }

    /// The next byte that is no white space; 0 at the end, which no JSON token starts with.
    pub(crate) fn peek(&mut self) -> u8 {
        while let Some(&b) = self.bytes.get(self.at) {
            if b > b' ' || !matches!(b, b' ' | b'\n' | b'\r' | b'\t') {
                return b;
            }
            self.at += 1;
        }
        0
    }

    pub(crate) fn expect(&mut self, byte: u8, detail: &'static str) -> Written {
        if self.peek() != byte {
            return Err(self.flaw(detail));
        }
        self.at += 1;
        Ok(())
    }

    pub(crate) fn expect_end(&mut self) -> Written {
        if self.peek() != 0 || self.at < self.bytes.len() {
            return Err(self.flaw("something follows the json value"));
        }
        Ok(())
    }

    pub(crate) fn value(&mut self) -> Written {
        match self.peek() {
            b'"' => self.string(),
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(self.flaw("a json value is expected here")),
        }
    }

    /// Enters one more level of nesting.
    pub(crate) fn nested(&mut self, read: fn(&mut Self) -> Written) -> Written {
        if self.levels == 0 {
            return Err(Flaw {
                reason: Reason::TooDeep,
                at: self.at,
                detail: "nested too deeply",
            });
        }
        self.levels -= 1;
        read(self)?;
        self.levels += 1;
        Ok(())
    }

    fn literal(&mut self, word: &'static str) -> Written {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.flaw("a json value is expected here"));
        }
        self.at += word.len();
        self.out.extend_from_slice(word.as_bytes());
        Ok(())
    }

    fn array(&mut self) -> Written {
        self.at += 1;
        self.out.push(b'[');
        if self.peek() == b']' {
            self.at += 1;
            self.out.push(b']');
            return Ok(());
        }
        loop {
            self.value()?;
            match self.peek() {
                b',' => self.out.push(b','),
                b']' => {
                    self.at += 1;
                    self.out.push(b']');
                    return Ok(());
                }
                _ => return Err(self.flaw("a comma or ] is expected here")),
            }
            self.at += 1;
        }
    }

    fn object(&mut self) -> Written {
        self.at += 1;
        self.out.push(b'{');
        if self.peek() == b'}' {
            self.at += 1;
            self.out.push(b'}');
            return Ok(());
        }
        let base = self.members.len();
        let mut sorted = true;
        loop {
            let start = self.out.len();
            if self.peek() != b'"' {
                return Err(self.flaw("a key in quotes is expected here"));
            }
            self.string()?;
            let key_end = self.out.len();
            self.expect(b':', "a colon is expected here")?;
            self.out.push(b':');
            self.value()?;
            let end = self.out.len();
            if self.members.len() > base {
                let last = self.members[self.members.len() - 1];
                sorted &= self.out[last.start..last.key_end - 1] < self.out[start..key_end - 1];
            }
            self.members.push(Member { start, key_end, end });
            match self.peek() {
                b',' => self.out.push(b','),
                b'}' => break,
                _ => return Err(self.flaw("a comma or } is expected here")),
            }
            self.at += 1;
        }
        self.at += 1;
        if !sorted {
            self.sort_members(base)?;
        }
        self.members.truncate(base);
        self.out.push(b'}');
        Ok(())
    }

    /// Puts the members that were written last in order of their keys. Keys are compared without their closing quote, so that a key
    /// comes before those it begins.
    fn sort_members(&mut self, base: usize) -> Written {
        let out = &mut self.out;
        let members = &mut self.members[base..];
        let start = members[0].start;
        members.sort_unstable_by(|a, b| out[a.start..a.key_end - 1].cmp(&out[b.start..b.key_end - 1]));
        if members
            .windows(2)
            .any(|w| out[w[0].start..w[0].key_end] == out[w[1].start..w[1].key_end])
        {
            return Err(Flaw {
                reason: Reason::MalformedJson,
                at: self.at,
                detail: "a key stands twice in one object",
            });
        }
        self.scratch.clear();
        for member in members.iter() {
            if !self.scratch.is_empty() {
                self.scratch.push(b',');
            }
            self.scratch.extend_from_slice(&out[member.start..member.end]);
        }
        out.truncate(start);
        out.extend_from_slice(&self.scratch);
        Ok(())
    }

    /// A string, with its quotes.
    pub(crate) fn string(&mut self) -> Written {
        self.out.push(b'"');
        self.at += 1;
        loop {
            let start = self.at;
            let length = plain_length(&self.bytes[start..]);
            self.out.extend_from_slice(&self.bytes[start..start + length]);
            self.at += length;
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    self.out.push(b'"');
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => {
                    return Err(self.flaw("a control character stands in a string, it must be escaped"));
                }
                None => return Err(self.flaw("a string does not end")),
            }
        }
    }

    fn escape(&mut self) -> Written {
        let Some(&code) = self.bytes.get(self.at + 1) else {
            return Err(self.flaw("a string does not end"));
        };
        self.at += 2;
        let plain = match code {
            b'"' | b'\\' | b'/' => code,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let c = self.unicode()?;
                let mut buffer = [0; 4];
                write_escaped(&mut self.out, c.encode_utf8(&mut buffer));
                return Ok(());
            }
            _ => return Err(self.flaw("an escape that json does not know")),
        };
        write_escaped_byte(&mut self.out, plain);
        Ok(())
    }

    /// What follows `\u`, both halves of a surrogate pair.
    fn unicode(&mut self) -> Result<char, Flaw> {
        let first = self.hex4()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return Err(self.flaw("half of a surrogate pair"));
                }
                self.at += 2;
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.flaw("half of a surrogate pair"));
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| self.flaw("half of a surrogate pair"))
    }

    fn hex4(&mut self) -> Result<u32, Flaw> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.bytes.get(self.at).and_then(|b| char::from(*b).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.flaw("four hexadecimal digits are expected after \\u"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Written {
        let start = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        let whole = self.digits()?;
        if whole > 1 && self.bytes[self.at - whole] == b'0' {
            return Err(self.flaw("a number starts with 0"));
        }
        let mut fractional = false;
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
            fractional = true;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
            fractional = true;
        }
        let token = &self.text[start..self.at];
        if fractional {
            let value: f64 = token.parse().map_err(|_| self.flaw("not a number"))?;
            if !value.is_finite() {
                return Err(Flaw {
                    reason: Reason::InvalidValue,
                    at: start,
                    detail: "a number too large for a double",
                });
            }
            // Memory takes all that is written.
            let _ = write_double(&mut self.out, value);
        } else if token == "-0" {
            self.out.push(b'0');
        } else {
            self.out.extend_from_slice(token.as_bytes());
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<usize, Flaw> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.flaw("a digit is expected here"));
        }
        Ok(self.at - start)
    }
}

/// Appends a string with quotes and escapes.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    loop {
        let length = plain_length(rest);
        out.extend_from_slice(&rest[..length]);
        let Some(&byte) = rest.get(length) else {
            return;
        };
        write_escaped_byte(out, byte);
        rest = &rest[length + 1..];
    }
}

fn write_escaped_byte(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0..0x20 => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
        _ => {
            out.push(byte);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Writes a finite double in canonical form.
pub(crate) fn write_double<W: ?Sized + Write>(out: &mut W, value: f64) -> std::io::Result<()> {
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    const MILLION: f64 = 1e6;
    if value.trunc() == value && value.abs() < WHOLE {
        return out.write_all(itoa::Buffer::new().format(value as i64).as_bytes());
    }
    // Six places are most of what is measured. A decimal of fifteen digits or fewer that reads as this double is its shortest text.
    let millionths = (value * MILLION).round();
    if (1e2..1e15).contains(&millionths.abs()) && millionths / MILLION == value {
        return write_millionths(out, value < 0.0, millionths.abs() as u64);
    }
    // `Display` never uses an exponent, `Debug` is the shortest text that reads back as the same double.
    write!(out, "{value:?}")
}

/// Writes millionths as a decimal fraction without zeros at its end.
fn write_millionths<W: ?Sized + Write>(out: &mut W, negative: bool, millionths: u64) -> std::io::Result<()> {
    let mut text = [0_u8; 24];
    let mut at = text.len();
    let mut digit = |digit: u8| {
        at -= 1;
        text[at] = digit;
    };
    let (mut whole, mut places, mut significant) = (millionths / 1_000_000, millionths % 1_000_000, false);
    for _ in 0..6 {
        significant |= !places.is_multiple_of(10);
        if significant {
            digit(b'0' + (places % 10) as u8);
        }
        places /= 10;
    }
    digit(b'.');
    loop {
        digit(b'0' + (whole % 10) as u8);
        whole /= 10;
        if whole == 0 {
            break;
        }
    }
    if negative {
        digit(b'-');
    }
    out.write_all(&text[at..])
}

/// Writes values whose members are declared in the order of their names straight in canonical form.
struct Ordered;

impl serde_json::ser::Formatter for Ordered {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> std::io::Result<()> {
        write_double(writer, value)
    }
}

/// Whether a text is the canonical form of what it says.
pub(crate) fn is_canonical(text: &str) -> bool {
    let mut again = Rewriter::new(text, 256, Vec::with_capacity(text.len()));
    again.value().is_ok() && again.out == text.as_bytes()
}

/// The canonical text of a type that declares its members in the order of their names; debug builds check that.
pub(crate) fn ordered(value: &impl serde::Serialize) -> String {
    let mut out = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Ordered);
    let text = match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8(out).unwrap_or_default(),
        Err(_) => "null".to_owned(),
    };
    debug_assert_eq!(text, crate::codec::canonical(value));
    text
}

/// How many bytes from the start stand in a JSON string as they are: up to a quote, a backslash, a control character or the end.
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // Eight bytes at a time: a byte is zero after `^ pattern` where it equals the pattern, and the borrow of a subtraction then sets
    // its high bit (Mycroft's test). False alarms come only after a true one, and the lowest is taken.
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        let word = u64::from_le_bytes(eight);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let special =
            has_zero(word ^ (ONES * u64::from(b'"'))) | has_zero(word ^ (ONES * u64::from(b'\\'))) | control;
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        at += 1;
    }
    at
}
