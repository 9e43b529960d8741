//! Rules for the values of fields, shared by all payloads: what a type alone cannot say.
//!
//! A rule names the field and says what would be right. Rules that need another event, a clock or a tenant are not here.

use std::net::IpAddr;

use smol_str::SmolStr;

use crate::Minor;
use crate::rejection::Reason;
use crate::time::Timestamp;

/// Most pieces on a line. With [`MAX_AMOUNT`] it keeps quantity times price within 64 bits.
pub(crate) const MAX_QUANTITY: u32 = 1_000_000;
/// Largest amount of money in minor units, either way.
pub(crate) const MAX_AMOUNT: Minor = 1_000_000_000_000;
const MAX_LIST: usize = 10_000;
/// 2000-01-01 and 2200-01-01: what lies outside is a mistake of a clock or a unit.
const EARLIEST: i64 = 946_684_800_000_000;
const LATEST: i64 = 7_258_118_400_000_000;

/// A broken rule, with the path of the field inside `data`.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) field: String,
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

impl Fault {
    #[cold]
    pub(crate) fn new(field: &str, reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            reason,
            detail: detail.into(),
        }
    }

    #[cold]
    fn value(field: &str, detail: impl Into<String>) -> Self {
        Self::new(field, Reason::InvalidValue, detail)
    }

    /// The same, seen from the object that holds `parent`.
    #[cold]
    pub(crate) fn under(mut self, parent: &str) -> Self {
        self.field = format!("{parent}.{}", self.field);
        self
    }

    #[cold]
    fn within(mut self, list: &str, index: usize) -> Self {
        self.field = format!("{list}[{index}].{}", self.field);
        self
    }
}

/// Something whose fields obey rules.
pub(crate) trait Checked {
    fn check(&self) -> Result<(), Fault>;
}

type Outcome = Result<(), Fault>;

/// Applies a rule to an optional text.
pub(crate) fn text_if_given(
    field: &str,
    value: &Option<SmolStr>,
    rule: impl FnOnce(&str, &str) -> Outcome,
) -> Outcome {
    value.as_ref().map_or(Ok(()), |value| rule(field, value))
}

/// Applies a rule to an optional number or time.
pub(crate) fn if_given<T>(field: &str, value: Option<T>, rule: impl FnOnce(&str, T) -> Outcome) -> Outcome {
    value.map_or(Ok(()), |value| rule(field, value))
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

fn length(field: &str, value: &str, least: usize, most: usize) -> Outcome {
    if value.len() < least {
        return Err(Fault::value(field, "is empty"));
    }
    if value.len() > most {
        return Err(Fault::value(
            field,
            format!("has {} bytes, at most {most} are taken", value.len()),
        ));
    }
    Ok(())
}

/// An id or a name: 1 to 256 bytes without control characters.
pub(crate) fn id(field: &str, value: &str) -> Outcome {
    length(field, value, 1, 256)?;
    if value.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err(Fault::value(field, "holds a control character"));
    }
    Ok(())
}

/// A tenant, which also is a token of a NATS subject.
pub(crate) fn tenant(field: &str, value: &str) -> Outcome {
    if matches!(value.len(), 1..=32)
        && value
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
    {
        return Ok(());
    }
    Err(Fault::value(
        field,
        format!(
            "`{}` is not a tenant: lower-case letters, digits, _ and -, 1 to 32",
            shown(value)
        ),
    ))
}

pub(crate) fn text(field: &str, value: &str) -> Outcome {
    length(field, value, 0, 4096)
}

pub(crate) fn long_text(field: &str, value: &str) -> Outcome {
    length(field, value, 1, 16_384)
}

pub(crate) fn code(field: &str, value: &str) -> Outcome {
    if matches!(value.len(), 1..=64)
        && value
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    {
        return Ok(());
    }
    Err(Fault::value(
        field,
        format!(
            "`{}` is not a code: lower-case letters, digits and _, 1 to 64",
            shown(value)
        ),
    ))
}

pub(crate) fn ids(field: &str, values: &[SmolStr]) -> Outcome {
    each(field, values, id)
}

pub(crate) fn codes(field: &str, values: &[SmolStr]) -> Outcome {
    each(field, values, code)
}

fn each(field: &str, values: &[SmolStr], rule: fn(&str, &str) -> Outcome) -> Outcome {
    if values.len() > MAX_LIST {
        return Err(Fault::value(
            field,
            format!("has {} entries, at most {MAX_LIST} are taken", values.len()),
        ));
    }
    for (index, value) in values.iter().enumerate() {
        rule("", value).map_err(|fault| Fault {
            field: format!("{field}[{index}]"),
            ..fault
        })?;
    }
    Ok(())
}

pub(crate) fn list<T: Checked>(field: &str, values: &[T]) -> Outcome {
    if values.is_empty() {
        return Err(Fault::value(field, "is empty, at least one line is needed"));
    }
    if values.len() > MAX_LIST {
        return Err(Fault::value(
            field,
            format!("has {} lines, at most {MAX_LIST} are taken", values.len()),
        ));
    }
    for (index, value) in values.iter().enumerate() {
        value.check().map_err(|fault| fault.within(field, index))?;
    }
    Ok(())
}

/// A keyed hash: an id that does not look like what it should hide. A key of digits alone is refused too, for so are phone and card numbers.
pub(crate) fn hash(field: &str, value: &str) -> Outcome {
    id(field, value)?;
    let what = if looks_like_email(value) {
        "an email address"
    } else if looks_like_number(value) {
        "a phone, card or account number"
    } else if value.contains(['.', ':']) && value.parse::<IpAddr>().is_ok() {
        "a network address"
    } else {
        return Ok(());
    };
    Err(Fault::new(
        field,
        Reason::PersonalData,
        format!("looks like {what}; send a keyed hash of it"),
    ))
}

fn looks_like_email(value: &str) -> bool {
    value
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

fn looks_like_number(value: &str) -> bool {
    let mut digits = 0;
    for b in value.bytes() {
        match b {
            b'0'..=b'9' => digits += 1,
            b' ' | b'-' | b'+' | b'(' | b')' | b'.' | b'/' => {}
            _ => return false,
        }
    }
    (7..=19).contains(&digits)
}

/// A postal code of any country, or the beginning of one: 1 to 12 of `A-Z`, `0-9`, space and hyphen, starting with a letter or digit.
pub(crate) fn pincode(field: &str, value: &str) -> Outcome {
    let well_formed = |b: &[u8]| {
        b.len() <= 12
            && b.first().is_some_and(u8::is_ascii_alphanumeric)
            && b.iter()
                .all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'-'))
    };
    if well_formed(value.as_bytes()) {
        return Ok(());
    }
    Err(Fault::value(
        field,
        format!(
            "`{}` is not a postal code: 1 to 12 of A-Z, 0-9, space and hyphen",
            shown(value)
        ),
    ))
}

/// Six digits, not starting with 0, unless the country is another one than India. An absent country means India.
pub(crate) fn indian_pincode(field: &str, value: &str, country: Option<&str>) -> Outcome {
    let indian = country.is_none_or(|c| {
        ["IN", "IND", "INDIA"]
            .iter()
            .any(|name| c.eq_ignore_ascii_case(name))
    });
    let b = value.as_bytes();
    if !indian || (b.len() == 6 && b[0] != b'0' && b.iter().all(u8::is_ascii_digit)) {
        return Ok(());
    }
    let detail = format!(
        "`{}` is not a pincode: six digits, the first not 0; for another country set destination_country",
        shown(value)
    );
    Err(Fault::value(field, detail))
}

/// Active codes of ISO 4217, with the special ones for tests and metals left out.
const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF CLP \
     CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR \
     ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN \
     NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP \
     SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

pub(crate) fn currency(field: &str, value: &str) -> Outcome {
    if value == "INR" || (value.len() == 3 && CURRENCIES.split_ascii_whitespace().any(|code| code == value)) {
        return Ok(());
    }
    Err(Fault::value(
        field,
        format!(
            "`{}` is not a currency of ISO 4217, for instance INR",
            shown(value)
        ),
    ))
}

pub(crate) fn quantity(field: &str, value: u32) -> Outcome {
    within(field, i64::from(value), 1, i64::from(MAX_QUANTITY))
}

pub(crate) fn nth(field: &str, value: u16) -> Outcome {
    within(field, i64::from(value), 1, i64::from(u16::MAX))
}

pub(crate) fn tier(field: &str, value: u8) -> Outcome {
    within(field, i64::from(value), 1, 4)
}

pub(crate) fn amount(field: &str, value: Minor) -> Outcome {
    within(field, value, 0, MAX_AMOUNT)
}

pub(crate) fn signed_amount(field: &str, value: Minor) -> Outcome {
    within(field, value, -MAX_AMOUNT, MAX_AMOUNT)
}

fn within(field: &str, value: i64, least: i64, most: i64) -> Outcome {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Fault::value(
        field,
        format!("{value} is out of range, {least} to {most} is taken"),
    ))
}

pub(crate) fn fraction(field: &str, value: f64) -> Outcome {
    between(field, value, 0.0, 1.0)
}

pub(crate) fn latitude(field: &str, value: f64) -> Outcome {
    between(field, value, -90.0, 90.0)
}

pub(crate) fn longitude(field: &str, value: f64) -> Outcome {
    between(field, value, -180.0, 180.0)
}

fn between(field: &str, value: f64, least: f64, most: f64) -> Outcome {
    // Written so that a value that is no number fails.
    if value >= least && value <= most {
        return Ok(());
    }
    Err(Fault::value(
        field,
        format!("{value} is out of range, {least} to {most} is taken"),
    ))
}

pub(crate) fn time(field: &str, value: Timestamp) -> Outcome {
    if (EARLIEST..LATEST).contains(&value.micros) {
        return Ok(());
    }
    Err(Fault::new(
        field,
        Reason::InvalidTime,
        format!("{value} is not between 2000 and 2199; check the clock and the unit of the source"),
    ))
}

/// A period that ends before it begins is refused.
pub(crate) fn window(field: &str, from: Timestamp, to: Timestamp) -> Outcome {
    if to.micros >= from.micros {
        return Ok(());
    }
    Err(Fault::value(field, format!("{to} is before valid_from, {from}")))
}
