//! Values of an answer as JSON and as plain text (CSV).
//!
//! 64-bit integers and decimals are JSON numbers with all their digits: read them with a parser that keeps these. Times are RFC 3339
//! in UTC, also those without a zone, which mean UTC here. NaN and infinities are null in JSON.

use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Appends the value at `row` as JSON.
pub(crate) fn json(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    if array.is_null(row) {
        return out.extend_from_slice(b"null");
    }
    if number(array, row, out, b"null") {
        return;
    }
    match array.data_type() {
        DataType::Null => out.extend_from_slice(b"null"),
        DataType::Boolean => out.extend_from_slice(if array.as_boolean().value(row) {
            b"true"
        } else {
            b"false"
        }),
        DataType::Utf8View => string(array.as_string_view().value(row), out),
        DataType::Utf8 => string(array.as_string::<i32>().value(row), out),
        DataType::LargeUtf8 => string(array.as_string::<i64>().value(row), out),
        DataType::List(_) => list(&array.as_list::<i32>().value(row), out),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row), out),
        DataType::FixedSizeList(_, _) => list(&array.as_fixed_size_list().value(row), out),
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            out.push(b'{');
            for (i, field) in fields.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                string(field.name(), out);
                out.push(b':');
                json(columns.column(i), row, out);
            }
            out.push(b'}');
        }
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            json(
                dictionary.values().as_ref(),
                dictionary.normalized_keys()[row],
                out,
            );
        }
        DataType::Union(_, _) => {
            let union = array.as_union();
            json(union.child(union.type_id(row)), union.value_offset(row), out);
        }
        _ => {
            let mut plain = Vec::new();
            text(array, row, &mut plain);
            string(&String::from_utf8_lossy(&plain), out);
        }
    }
}

/// Appends the value at `row` as plain text; nothing for null.
pub(crate) fn text(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    if array.is_null(row) {
        return;
    }
    if number(array, row, out, b"NaN") {
        return;
    }
    let micros = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => array
            .as_primitive::<TimestampSecondType>()
            .value(row)
            .checked_mul(1_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => array
            .as_primitive::<TimestampMillisecondType>()
            .value(row)
            .checked_mul(1_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Some(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(
            array
                .as_primitive::<TimestampNanosecondType>()
                .value(row)
                .div_euclid(1_000),
        ),
        _ => None,
    };
    if let Some(micros) = micros {
        return time(micros, out);
    }
    match array.data_type() {
        DataType::Utf8View => out.extend_from_slice(array.as_string_view().value(row).as_bytes()),
        DataType::Utf8 => out.extend_from_slice(array.as_string::<i32>().value(row).as_bytes()),
        DataType::LargeUtf8 => out.extend_from_slice(array.as_string::<i64>().value(row).as_bytes()),
        DataType::Date32 => date(i64::from(array.as_primitive::<Date32Type>().value(row)), out),
        DataType::Date64 => date(
            array
                .as_primitive::<Date64Type>()
                .value(row)
                .div_euclid(86_400_000),
            out,
        ),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _) | DataType::Struct(_) => {
            json(array, row, out)
        }
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            text(
                dictionary.values().as_ref(),
                dictionary.normalized_keys()[row],
                out,
            );
        }
        DataType::Union(_, _) => {
            let union = array.as_union();
            text(union.child(union.type_id(row)), union.value_offset(row), out);
        }
        _ => {
            if let Ok(formatter) = ArrayFormatter::try_new(array, &FormatOptions::new()) {
                // Writing to memory does not fail.
                let _ = write!(out, "{}", formatter.value(row));
            }
        }
    }
}

fn number(array: &dyn Array, row: usize, out: &mut Vec<u8>, not_finite: &[u8]) -> bool {
    macro_rules! integer {
        ($t:ty) => {{
            let _ = write!(out, "{}", array.as_primitive::<$t>().value(row));
        }};
    }
    macro_rules! float {
        ($t:ty) => {{
            let value = array.as_primitive::<$t>().value(row);
            if value.is_finite() {
                let _ = write!(out, "{value}");
            } else if value.is_nan() || not_finite == b"null" {
                out.extend_from_slice(not_finite);
            } else {
                out.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
            }
        }};
    }
    match array.data_type() {
        DataType::Int8 => integer!(Int8Type),
        DataType::Int16 => integer!(Int16Type),
        DataType::Int32 => integer!(Int32Type),
        DataType::Int64 => integer!(Int64Type),
        DataType::UInt8 => integer!(UInt8Type),
        DataType::UInt16 => integer!(UInt16Type),
        DataType::UInt32 => integer!(UInt32Type),
        DataType::UInt64 => integer!(UInt64Type),
        DataType::Float32 => float!(Float32Type),
        DataType::Float64 => float!(Float64Type),
        DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => match ArrayFormatter::try_new(array, &FormatOptions::new()) {
            Ok(formatter) => drop(write!(out, "{}", formatter.value(row))),
            Err(_) => out.extend_from_slice(not_finite),
        },
        _ => return false,
    }
    true
}

fn list(values: &ArrayRef, out: &mut Vec<u8>) {
    out.push(b'[');
    for row in 0..values.len() {
        if row > 0 {
            out.push(b',');
        }
        json(values, row, out);
    }
    out.push(b']');
}

/// Appends a JSON string.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    // Serialising a str to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// RFC 3339 in UTC, with microseconds only where there are some.
fn time(micros: i64, out: &mut Vec<u8>) {
    let (days, rest) = (
        micros.div_euclid(86_400_000_000),
        micros.rem_euclid(86_400_000_000),
    );
    date(days, out);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let _ = write!(
        out,
        "T{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction % 1_000 != 0 {
        let _ = write!(out, ".{fraction:06}");
    } else if fraction != 0 {
        let _ = write!(out, ".{:03}", fraction / 1_000);
    }
    out.push(b'Z');
}

/// Civil date from days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn date(days: i64, out: &mut Vec<u8>) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}");
}

/// Appends a CSV field (RFC 4180). Null is empty; an empty text is `""`.
pub(crate) fn csv(array: &dyn Array, row: usize, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    scratch.clear();
    text(array, row, scratch);
    let empty_text = scratch.is_empty() && !array.is_null(row);
    csv_field(scratch, empty_text, out);
}

/// Appends bytes as a CSV field, quoted where needed.
pub(crate) fn csv_field(bytes: &[u8], force: bool, out: &mut Vec<u8>) {
    let quoted = force || bytes.iter().any(|b| matches!(b, b'"' | b',' | b'\n' | b'\r'));
    if !quoted {
        return out.extend_from_slice(bytes);
    }
    out.push(b'"');
    for byte in bytes {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        let cases: [(i64, &str); 6] = [
            (0, "1970-01-01T00:00:00Z"),
            (1_709_210_096_000_000, "2024-02-29T12:34:56Z"),
            (1_709_210_096_007_000, "2024-02-29T12:34:56.007Z"),
            (1_709_210_096_000_007, "2024-02-29T12:34:56.000007Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00Z"),
        ];
        for (micros, expected) in cases {
            let mut out = Vec::new();
            time(micros, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    #[test]
    fn csv_fields_are_quoted_only_where_needed() {
        let array = arrow::array::StringViewArray::from(vec![Some("a"), Some("a,\"b\""), None, Some("")]);
        let mut out = Vec::new();
        for row in 0..4 {
            csv(&array, row, &mut Vec::new(), &mut out);
            out.push(b'|');
        }
        assert_eq!(String::from_utf8_lossy(&out), "a|\"a,\"\"b\"\"\"||\"\"|");
    }
}
