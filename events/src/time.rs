//! A moment as events carry it: UTC microseconds and the offset the source wrote it in.
//!
//! No time zones, no calendar arithmetic, no clock. Parts of a microsecond are cut off.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::rejection::ParseError;

/// A moment. Ordered by the moment first, then by offset, so that order never depends on arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub micros: i64,
    /// Offset from UTC in minutes, as the source wrote it.
    pub offset_minutes: i16,
}

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

impl Timestamp {
    /// A moment written in UTC.
    pub const fn utc(micros: i64) -> Self {
        Self {
            micros,
            offset_minutes: 0,
        }
    }

    /// The moment, in whole milliseconds since 1970, rounded down.
    pub const fn millis(self) -> i64 {
        self.micros.div_euclid(1000)
    }

    /// Reads RFC 3339 (`2026-11-02T18:41:07.25+05:30`). An offset or `Z` is required; `t`, `z` and a space are accepted as RFC 3339 allows.
    pub fn parse(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        if b.len() < 20
            || b[4] != b'-'
            || b[7] != b'-'
            || b[13] != b':'
            || b[16] != b':'
            || !matches!(b[10], b'T' | b't' | b' ')
        {
            return None;
        }
        let year = i64::from(two(b, 0)?) * 100 + i64::from(two(b, 2)?);
        let (month, day) = (two(b, 5)?, two(b, 8)?);
        let (hour, minute, second) = (two(b, 11)?, two(b, 14)?, two(b, 17)?);
        if !(1..=12).contains(&month)
            || day == 0
            || day > days_in_month(year, month)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        let mut at = 19;
        let mut fraction: i64 = 0;
        if b[at] == b'.' {
            at += 1;
            let start = at;
            let mut scale = 100_000;
            while let Some(digit) = b.get(at).filter(|c| c.is_ascii_digit()) {
                fraction += i64::from(digit - b'0') * scale;
                scale /= 10;
                at += 1;
            }
            if at == start {
                return None;
            }
        }
        let offset_minutes = match b.get(at)? {
            b'Z' | b'z' if b.len() == at + 1 => 0,
            sign @ (b'+' | b'-') if b.len() == at + 6 && b[at + 3] == b':' => {
                let (hours, minutes) = (two(b, at + 1)?, two(b, at + 4)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let offset = (hours * 60 + minutes) as i16;
                if *sign == b'-' { -offset } else { offset }
            }
            _ => return None,
        };
        // A leap second is the last microsecond of its minute: it stays in order and in its day.
        let (second, fraction) = if second == 60 {
            (59, MICROS_PER_SECOND - 1)
        } else {
            (second, fraction)
        };
        let seconds = i64::from(hour * 3600 + minute * 60 + second) - i64::from(offset_minutes) * 60;
        Some(Self {
            micros: days_from_civil(year, month, day) * MICROS_PER_DAY
                + seconds * MICROS_PER_SECOND
                + fraction,
            offset_minutes,
        })
    }

    fn text(self) -> String {
        let mut text = Vec::with_capacity(32);
        self.write_to(&mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    /// Appends the canonical text: the source's offset (`Z` for none), and a fraction of three or six digits only if there is one.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let local = self
            .micros
            .saturating_add(i64::from(self.offset_minutes) * 60 * MICROS_PER_SECOND);
        let (days, rest) = (local.div_euclid(MICROS_PER_DAY), local.rem_euclid(MICROS_PER_DAY));
        let (year, month, day) = civil_from_days(days);
        let year = year.clamp(0, 9999) as u32;
        let (second, micros) = (
            (rest / MICROS_PER_SECOND) as u32,
            (rest % MICROS_PER_SECOND) as u32,
        );
        let mut b = *b"0000-00-00T00:00:00.000000";
        put(&mut b, 0, year / 100);
        put(&mut b, 2, year % 100);
        put(&mut b, 5, month);
        put(&mut b, 8, day);
        put(&mut b, 11, second / 3600);
        put(&mut b, 14, second / 60 % 60);
        put(&mut b, 17, second % 60);
        put(&mut b, 20, micros / 10_000);
        put(&mut b, 22, micros / 100 % 100);
        put(&mut b, 24, micros % 100);
        let length = if micros == 0 {
            19
        } else if micros.is_multiple_of(1000) {
            23
        } else {
            26
        };
        out.extend_from_slice(&b[..length]);
        if self.offset_minutes == 0 {
            out.push(b'Z');
        } else {
            let minutes = u32::from(self.offset_minutes.unsigned_abs());
            let mut o = *b"+00:00";
            if self.offset_minutes < 0 {
                o[0] = b'-';
            }
            put(&mut o, 1, minutes / 60 % 100);
            put(&mut o, 4, minutes % 60);
            out.extend_from_slice(&o);
        }
    }
}

fn two(b: &[u8], at: usize) -> Option<u32> {
    let (tens, ones) = (b.get(at)?.wrapping_sub(b'0'), b.get(at + 1)?.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

fn put(b: &mut [u8], at: usize, value: u32) {
    b[at] = b'0' + (value / 10) as u8;
    b[at + 1] = b'0' + (value % 10) as u8;
}

fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a Gregorian date; Howard Hinnant, "chrono-compatible low-level date algorithms".
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = i64::from((153 * ((month + 9) % 12) + 2) / 5 + day - 1);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse, from the same source.
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted + 2) / 5 + 1) as u32;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

impl FromStr for Timestamp {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text).ok_or_else(|| ParseError::Time(text.chars().take(64).collect()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time of RFC 3339")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
