//! The functions of the mapping language that look at their arguments only. What needs the group or a table is in [`super::eval`].
//!
//! A function given null gives null; a value it cannot convert is an error of the row, never a silent null.

use std::borrow::Cow;

use eddy_events::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

use super::value::{Decimal, Value};

/// The zone of times that state none.
#[derive(Clone, Debug)]
pub enum Zone {
    /// UTC, the common case without a lookup.
    Utc,
    /// Any other.
    Named(TimeZone),
}

impl Zone {
    /// Reads `UTC`, `Asia/Kolkata`, `+05:30`.
    pub fn find(name: &str) -> Result<Self, String> {
        if matches!(name, "UTC" | "Z" | "+00:00") {
            return Ok(Self::Utc);
        }
        if let Some((hours, minutes)) = name.get(1..).and_then(|rest| rest.split_once(':')) {
            let sign = match name.as_bytes()[0] {
                b'+' => 1,
                b'-' => -1,
                _ => return Err(format!("`{name}` is no time zone")),
            };
            if let (Ok(hours), Ok(minutes)) = (hours.parse::<i32>(), minutes.parse::<i32>()) {
                let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60))
                    .map_err(|error| error.to_string())?;
                return Ok(Self::Named(TimeZone::fixed(offset)));
            }
        }
        TimeZone::get(name)
            .map(Self::Named)
            .map_err(|error| format!("`{name}` is no time zone known here: {error}"))
    }

    /// The moment at which clocks of this zone show it. In a gap of summer time the clock before it counts, in a fold the first.
    fn moment(&self, micros: i64) -> Option<Timestamp> {
        let zone = match self {
            Self::Utc => return Some(Timestamp::utc(micros)),
            Self::Named(zone) => zone,
        };
        let local = jiff::Timestamp::from_microsecond(micros)
            .ok()?
            .to_zoned(TimeZone::UTC)
            .datetime();
        let zoned = zone.to_ambiguous_zoned(local).compatible().ok()?;
        let offset = i16::try_from(zoned.offset().seconds() / 60).ok()?;
        Some(Timestamp {
            micros: zoned.timestamp().as_microsecond(),
            offset_minutes: offset,
        })
    }
}

/// What a function refuses: a sentence about the value.
pub type Outcome<'a> = Result<Value<'a>, String>;

/// A function of one argument.
pub type One = for<'a> fn(&Zone, Value<'a>) -> Outcome<'a>;
/// A function of two.
pub type Two = for<'a> fn(&Zone, Value<'a>, Value<'a>) -> Outcome<'a>;
/// A function of three.
pub type Three = for<'a> fn(&Zone, Value<'a>, Value<'a>, Value<'a>) -> Outcome<'a>;

/// Functions by name and number of arguments.
pub fn one(name: &str) -> Option<One> {
    Some(match name {
        "text" => text,
        "trim" => trim,
        "upper" => upper,
        "lower" => lower,
        "squash" => squash,
        "snake" => snake,
        "digits" => digits,
        "length" => length,
        "int" => int,
        "number" => number,
        "money" => money,
        "abs" => abs,
        "time" => time,
        "date" => date,
        _ => return None,
    })
}

/// The same for two arguments.
pub fn two(name: &str) -> Option<Two> {
    Some(match name {
        "money" => |_, value, digits| {
            let digits = digits
                .int()
                .and_then(|digits| u32::try_from(digits).ok())
                .ok_or("digits are a whole number")?;
            minor(value, digits)
        },
        "time" => time_with_format,
        "later" => later,
        "left" => |_, value, count| cut(value, count, true),
        "right" => |_, value, count| cut(value, count, false),
        "starts_with" => |_, value, part| compare_text(value, part, |text, part| text.starts_with(part)),
        "ends_with" => |_, value, part| compare_text(value, part, |text, part| text.ends_with(part)),
        "contains" => |_, value, part| compare_text(value, part, |text, part| text.contains(part)),
        "ceil_div" => |_, value, by| divide(value, by, true),
        "floor_div" => |_, value, by| divide(value, by, false),
        "least" => |_, left, right| pick(left, right, std::cmp::Ordering::Less),
        "greatest" => |_, left, right| pick(left, right, std::cmp::Ordering::Greater),
        "hash" => hash,
        _ => return None,
    })
}

/// The same for three.
pub fn three(name: &str) -> Option<Three> {
    Some(match name {
        "replace" => |_, value, from, to| {
            let (Some(value), Some(from), Some(to)) = (value.into_text(), from.into_text(), to.into_text())
            else {
                return Ok(Value::Null);
            };
            Ok(Value::Text(Cow::Owned(value.replace(from.as_ref(), to.as_ref()))))
        },
        "pad_left" => |_, value, width, fill| {
            let Some(value) = value.into_text() else {
                return Ok(Value::Null);
            };
            let width = width
                .int()
                .and_then(|width| usize::try_from(width).ok())
                .filter(|width| *width <= 1024)
                .ok_or("the width is 0 to 1024")?;
            let fill = fill
                .into_text()
                .and_then(|fill| fill.chars().next())
                .unwrap_or(' ');
            let missing = width.saturating_sub(value.chars().count());
            if missing == 0 {
                return Ok(Value::Text(value));
            }
            let mut padded: String = std::iter::repeat_n(fill, missing).collect();
            padded.push_str(&value);
            Ok(Value::Text(Cow::Owned(padded)))
        },
        _ => return None,
    })
}

/// Names of all, for the message about an unknown one.
pub const NAMES: &str = "text, trim, upper, lower, squash, snake, digits, length, left, right, replace, pad_left, starts_with, ends_with, contains, hash, \
     int, number, money, abs, ceil_div, floor_div, least, greatest, time, date, later, if, coalesce, try, lookup, row_number, row_index, \
     occurrence, count, sum, min, max, any, all, first";

fn shown(value: &Value<'_>) -> String {
    let text = value.clone().into_text().unwrap_or_default();
    let short: String = text.chars().take(60).collect();
    format!("`{short}`")
}

fn text<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    Ok(value.into_text().map_or(Value::Null, Value::Text))
}

/// Runs on the text of a value; an empty result is null, as an empty cell of a CSV file is.
fn on_text<'a>(value: Value<'a>, change: impl FnOnce(Cow<'a, str>) -> Cow<'a, str>) -> Outcome<'a> {
    Ok(match value.into_text() {
        None => Value::Null,
        Some(text) => {
            let changed = change(text);
            if changed.is_empty() {
                Value::Null
            } else {
                Value::Text(changed)
            }
        }
    })
}

fn trim<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    on_text(value, |text| match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    })
}

fn upper<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    on_text(value, |text| {
        if text
            .bytes()
            .all(|byte| byte.is_ascii() && !byte.is_ascii_lowercase())
        {
            text
        } else {
            Cow::Owned(text.to_uppercase())
        }
    })
}

fn lower<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    on_text(value, |text| {
        if text
            .bytes()
            .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
        {
            text
        } else {
            Cow::Owned(text.to_lowercase())
        }
    })
}

/// White space trimmed, and each run of it inside made one blank.
fn squash<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    on_text(value, |text| {
        let clean = !text.starts_with(char::is_whitespace)
            && !text.ends_with(char::is_whitespace)
            && !text.contains("  ")
            && !text.contains(|c: char| c.is_whitespace() && c != ' ');
        if clean {
            text
        } else {
            Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "))
        }
    })
}

/// A lower-case code: `Changed my mind!` becomes `changed_my_mind`.
fn snake<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    on_text(value, |text| {
        let mut code = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_ascii_alphanumeric() {
                code.push(c.to_ascii_lowercase());
            } else if !code.is_empty() && !code.ends_with('_') {
                code.push('_');
            }
        }
        while code.ends_with('_') {
            code.pop();
        }
        Cow::Owned(code)
    })
}

fn digits<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    on_text(value, |text| {
        Cow::Owned(text.chars().filter(char::is_ascii_digit).collect())
    })
}

fn length<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    Ok(value.into_text().map_or(Value::Null, |text| {
        Value::Int(i64::try_from(text.chars().count()).unwrap_or(i64::MAX))
    }))
}

fn blank(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn int<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    if blank(&value) {
        return Ok(Value::Null);
    }
    value
        .int()
        .map(Value::Int)
        .ok_or_else(|| format!("{} is not a whole number", shown(&value)))
}

fn number<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    if blank(&value) {
        return Ok(Value::Null);
    }
    value
        .decimal()
        .map(Value::Dec)
        .ok_or_else(|| format!("{} is not a number", shown(&value)))
}

fn money<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    minor(value, 2)
}

fn minor(value: Value<'_>, digits: u32) -> Outcome<'_> {
    if blank(&value) {
        return Ok(Value::Null);
    }
    value
        .decimal()
        .and_then(|decimal| decimal.minor(digits))
        .map(Value::Int)
        .ok_or_else(|| format!("{} is not an amount of money", shown(&value)))
}

fn abs<'a>(_: &Zone, value: Value<'a>) -> Outcome<'a> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Int(value) => value
            .checked_abs()
            .map(Value::Int)
            .ok_or_else(|| "the number is too large".to_owned()),
        other => other
            .decimal()
            .map(|decimal| {
                Value::Dec(Decimal {
                    mantissa: decimal.mantissa.abs(),
                    ..decimal
                })
            })
            .ok_or_else(|| format!("{} is not a number", shown(&other))),
    }
}

fn divide<'a>(value: Value<'a>, by: Value<'a>, up: bool) -> Outcome<'a> {
    if value.is_null() || by.is_null() {
        return Ok(Value::Null);
    }
    let (Some(left), Some(right)) = (value.int(), by.int()) else {
        return Err("ceil_div and floor_div take whole numbers".to_owned());
    };
    let quotient = left.checked_div_euclid(right).ok_or("division by 0")?;
    let rest = left.checked_rem_euclid(right).ok_or("division by 0")?;
    Ok(Value::Int(if up && rest != 0 { quotient + 1 } else { quotient }))
}

fn pick<'a>(left: Value<'a>, right: Value<'a>, wanted: std::cmp::Ordering) -> Outcome<'a> {
    if left.is_null() {
        return Ok(right);
    }
    if right.is_null() {
        return Ok(left);
    }
    match left.compare(&right) {
        Some(order) => Ok(if order == wanted || order.is_eq() {
            left
        } else {
            right
        }),
        None => Err(format!(
            "{} and {} cannot be compared",
            shown(&left),
            shown(&right)
        )),
    }
}

fn cut<'a>(value: Value<'a>, count: Value<'a>, left: bool) -> Outcome<'a> {
    let count = count
        .int()
        .and_then(|count| usize::try_from(count).ok())
        .ok_or("the number of characters is a whole number")?;
    on_text(value, |text| {
        let total = text.chars().count();
        if total <= count {
            return text;
        }
        let chars = text.chars();
        Cow::Owned(if left {
            chars.take(count).collect()
        } else {
            chars.skip(total - count).collect()
        })
    })
}

fn compare_text<'a>(value: Value<'a>, part: Value<'a>, test: impl FnOnce(&str, &str) -> bool) -> Outcome<'a> {
    Ok(match (value.into_text(), part.into_text()) {
        (Some(value), Some(part)) => Value::Bool(test(&value, &part)),
        _ => Value::Bool(false),
    })
}

/// A keyed hash: SHA-256 of key, NUL, value; 32 hexadecimal digits of it.
fn hash<'a>(_: &Zone, key: Value<'a>, value: Value<'a>) -> Outcome<'a> {
    let Some(value) = value.into_text() else {
        return Ok(Value::Null);
    };
    let key = key
        .into_text()
        .filter(|key| !key.is_empty())
        .ok_or("the key of hash is empty")?;
    let mut digest = super::hex(format!("{key}\0{value}").as_bytes());
    digest.truncate(32);
    Ok(Value::Text(Cow::Owned(digest)))
}

fn time<'a>(zone: &Zone, value: Value<'a>) -> Outcome<'a> {
    if blank(&value) {
        return Ok(Value::Null);
    }
    match &value {
        Value::Time(_) => Ok(value),
        Value::Local(micros) => zone
            .moment(*micros)
            .map(Value::Time)
            .ok_or_else(|| format!("{} is no time", shown(&value))),
        Value::Text(text) => {
            let text = text.trim();
            if let Some(moment) = Timestamp::parse(text) {
                return Ok(Value::Time(moment));
            }
            // ISO without a zone, or a date alone.
            let local = text
                .parse::<civil::DateTime>()
                .ok()
                .or_else(|| text.parse::<civil::Date>().ok().map(|date| date.at(0, 0, 0, 0)));
            local
                .and_then(|local| local_micros(zone, local))
                .map(Value::Time)
                .ok_or_else(|| {
                    format!(
                        "{} is not an ISO 8601 time; give its format as time($column, '%d/%m/%Y %H:%M')",
                        shown(&value)
                    )
                })
        }
        _ => Err(format!("{} is no time", shown(&value))),
    }
}

fn local_micros(zone: &Zone, local: civil::DateTime) -> Option<Timestamp> {
    zone.moment(local.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

fn time_with_format<'a>(zone: &Zone, value: Value<'a>, format: Value<'a>) -> Outcome<'a> {
    if blank(&value) {
        return Ok(Value::Null);
    }
    if matches!(value, Value::Time(_) | Value::Local(_)) {
        return time(zone, value);
    }
    let (Some(text), Some(format)) = (value.clone().into_text(), format.into_text()) else {
        return Ok(Value::Null);
    };
    let wrong = || format!("{} is not a time as {format} reads it", shown(&value));
    match format.as_ref() {
        "unix" | "unix_ms" => {
            let number = value.int().ok_or_else(wrong)?;
            let factor = if format == "unix" { 1_000_000 } else { 1000 };
            return number
                .checked_mul(factor)
                .map(|micros| Value::Time(Timestamp::utc(micros)))
                .ok_or_else(wrong);
        }
        _ => {}
    }
    let parsed = jiff::fmt::strtime::parse(format.as_bytes(), text.trim().as_bytes()).map_err(|_| wrong())?;
    if let Ok(moment) = parsed.to_timestamp() {
        return Ok(Value::Time(Timestamp::utc(moment.as_microsecond())));
    }
    let local = parsed
        .to_datetime()
        .or_else(|_| parsed.to_date().map(|date| date.at(0, 0, 0, 0)))
        .map_err(|_| wrong())?;
    local_micros(zone, local).map(Value::Time).ok_or_else(wrong)
}

/// The date on the source's own clock, `2022-04-30`.
fn date<'a>(zone: &Zone, value: Value<'a>) -> Outcome<'a> {
    match time(zone, value)? {
        Value::Time(moment) => {
            let mut text = moment.to_string();
            text.truncate(10);
            Ok(Value::Text(Cow::Owned(text)))
        }
        _ => Ok(Value::Null),
    }
}

fn later<'a>(zone: &Zone, value: Value<'a>, seconds: Value<'a>) -> Outcome<'a> {
    match (time(zone, value)?, seconds.int()) {
        (Value::Time(moment), Some(seconds)) => seconds
            .checked_mul(1_000_000)
            .and_then(|micros| moment.micros.checked_add(micros))
            .map(|micros| Value::Time(Timestamp { micros, ..moment }))
            .ok_or_else(|| "the time is out of range".to_owned()),
        (Value::Time(_), None) => Err("later takes whole seconds".to_owned()),
        _ => Ok(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &str, text: &'static str, format: Option<&'static str>) -> String {
        let zone = Zone::find(zone).expect("a zone");
        let value = match format {
            None => time(&zone, Value::text(text)),
            Some(format) => time_with_format(&zone, Value::text(text), Value::text(format)),
        };
        match value {
            Ok(Value::Time(moment)) => moment.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_time_without_a_zone_takes_that_of_the_mapping_and_keeps_its_offset() {
        assert_eq!(
            at("Asia/Kolkata", "2022-04-30", None),
            "2022-04-30T00:00:00+05:30"
        );
        assert_eq!(
            at("+05:30", "2022-04-30 10:00:00", None),
            "2022-04-30T10:00:00+05:30"
        );
        assert_eq!(
            at("UTC", "30/04/2022 08:26", Some("%d/%m/%Y %H:%M")),
            "2022-04-30T08:26:00Z"
        );
        assert_eq!(
            at("Asia/Kolkata", "2022-04-30T00:00:00Z", None),
            "2022-04-30T00:00:00Z"
        );
        assert_eq!(
            at("Europe/London", "1280000000", Some("unix")),
            "2010-07-24T19:33:20Z"
        );
    }

    #[test]
    fn a_midnight_that_summer_time_skips_is_still_a_moment() {
        assert_eq!(
            at("America/Sao_Paulo", "2017-10-15", None),
            "2017-10-15T01:00:00-02:00"
        );
    }

    #[test]
    fn what_cannot_be_converted_is_an_error_and_not_null() {
        let zone = Zone::Utc;
        assert!(time(&zone, Value::text("yesterday")).is_err());
        assert!(int(&zone, Value::text("3.5")).is_err());
        assert!(money(&zone, Value::text("free")).is_err());
        assert_eq!(money(&zone, Value::text(" ")), Ok(Value::Null));
        assert_eq!(
            snake(&zone, Value::text("Changed my mind!")),
            Ok(Value::text("changed_my_mind"))
        );
        assert_eq!(squash(&zone, Value::text(" a \t b ")), Ok(Value::text("a b")));
    }
}
