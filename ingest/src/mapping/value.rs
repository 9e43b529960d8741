//! The values that mapping expressions compute with, and exact decimals.
//!
//! There are no floats here: a double read from a file becomes the shortest decimal that reads back as that double, which is what
//! its writer printed. Money therefore never sees binary rounding.

use std::borrow::Cow;
use std::cmp::Ordering;

use eddy_events::Timestamp;

/// A value of an expression. Text borrows from the row it was read from.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing there.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact decimal.
    Dec(Decimal),
    /// A text.
    Text(Cow<'a, str>),
    /// A moment.
    Time(Timestamp),
    /// A date or time without a zone, in microseconds since 1970 on its own clock; `time()` gives it the mapping's zone.
    Local(i64),
}

/// `mantissa / 10^scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// Digits with sign.
    pub mantissa: i128,
    /// Digits after the point.
    pub scale: u32,
}

/// Most digits after the point that are kept; more means the number is no price, weight or count.
const SCALE_MAX: u32 = 18;

impl Decimal {
    /// A whole number.
    pub fn from_int(value: i64) -> Self {
        Self {
            mantissa: i128::from(value),
            scale: 0,
        }
    }

    /// The shortest decimal that reads back as this double; nothing for NaN and infinities.
    pub fn from_float(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        // Most figures are whole or have two digits: v / 100 is correctly rounded, so equality proves the digits.
        if value.abs() < 1e13 {
            let hundredfold = (value * 100.0).round();
            if hundredfold / 100.0 == value {
                #[expect(clippy::cast_possible_truncation, reason = "below 1e15, an exact integer")]
                return Some(Self {
                    mantissa: hundredfold as i128,
                    scale: 2,
                });
            }
        }
        Self::parse(&format!("{value}"))
    }

    /// Reads `12`, `-3.50`, `+1,234.5`; thousands separators are commas between digits.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let mut mantissa: i128 = 0;
        let mut scale = 0u32;
        let mut seen = false;
        let mut point = false;
        for byte in digits.bytes() {
            match byte {
                b'0'..=b'9' => {
                    seen = true;
                    if point {
                        scale += 1;
                        if scale > SCALE_MAX {
                            return None;
                        }
                    }
                    mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                }
                b'.' if !point => point = true,
                b',' if seen && !point => {}
                _ => return None,
            }
        }
        seen.then_some(Self {
            mantissa: if negative { -mantissa } else { mantissa },
            scale,
        })
    }

    /// Whole units of `10^-digits`, half away from zero: `money(12.345)` with two digits is 1235.
    pub fn minor(self, digits: u32) -> Option<i64> {
        if self.scale <= digits {
            let factor = 10i128.checked_pow(digits - self.scale)?;
            return i64::try_from(self.mantissa.checked_mul(factor)?).ok();
        }
        let divisor = 10i128.checked_pow(self.scale - digits)?;
        let quotient = self.mantissa / divisor;
        let rest = (self.mantissa % divisor).abs();
        let rounded = if rest * 2 >= divisor {
            quotient + self.mantissa.signum()
        } else {
            quotient
        };
        i64::try_from(rounded).ok()
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let left = self
            .mantissa
            .checked_mul(10i128.checked_pow(scale - self.scale)?)?;
        let right = other
            .mantissa
            .checked_mul(10i128.checked_pow(scale - other.scale)?)?;
        Some((left, right, scale))
    }

    /// Sum.
    pub fn plus(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        Some(Self {
            mantissa: left.checked_add(right)?,
            scale,
        })
    }

    /// Product.
    pub fn times(self, other: Self) -> Option<Self> {
        Some(
            Self {
                mantissa: self.mantissa.checked_mul(other.mantissa)?,
                scale: self.scale + other.scale,
            }
            .trimmed(),
        )
    }

    /// Order of size.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        let (left, right, _) = self.aligned(other)?;
        Some(left.cmp(&right))
    }

    fn trimmed(mut self) -> Self {
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let this = self.trimmed();
        if this.scale == 0 {
            return write!(f, "{}", this.mantissa);
        }
        let digits = format!("{:0width$}", this.mantissa.abs(), width = this.scale as usize + 1);
        let (whole, part) = digits.split_at(digits.len() - this.scale as usize);
        let sign = if this.mantissa < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{part}")
    }
}

impl<'a> Value<'a> {
    /// A text that borrows.
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// A double as it is met in files.
    pub fn from_float(value: f64) -> Self {
        Decimal::from_float(value).map_or(Self::Null, |decimal| {
            if decimal.scale == 2
                && decimal.mantissa % 100 == 0
                && let Ok(whole) = i64::try_from(decimal.mantissa / 100)
            {
                return Self::Int(whole);
            }
            Self::Dec(decimal)
        })
    }

    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether a condition holds; anything but `true` does not.
    pub fn holds(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// As a number, if it is one or reads as one.
    pub fn decimal(&self) -> Option<Decimal> {
        match self {
            Self::Int(value) => Some(Decimal::from_int(*value)),
            Self::Dec(value) => Some(*value),
            Self::Text(text) => Decimal::parse(text),
            _ => None,
        }
    }

    /// As a whole number; decimals with a fraction are not.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => {
                let decimal = self.decimal()?.trimmed();
                (decimal.scale == 0)
                    .then(|| i64::try_from(decimal.mantissa).ok())
                    .flatten()
            }
        }
    }

    /// As text; nothing stays nothing.
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text),
            Self::Int(value) => Some(Cow::Owned(value.to_string())),
            Self::Dec(value) => Some(Cow::Owned(value.to_string())),
            Self::Bool(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
            Self::Time(value) => Some(Cow::Owned(value.to_string())),
            Self::Local(micros) => {
                // Written as the moment of UTC with the same digits, without its `Z`.
                let mut text = Timestamp::utc(micros).to_string();
                text.pop();
                Some(Cow::Owned(
                    text.strip_suffix("T00:00:00").map(str::to_owned).unwrap_or(text),
                ))
            }
        }
    }

    /// The same, owning its text.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Dec(value) => Value::Dec(value),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Time(value) => Value::Time(value),
            Self::Local(value) => Value::Local(value),
        }
    }

    /// Order of two values of one kind; numbers compare by size whatever their form. Nothing compares with nothing.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.as_ref().cmp(right.as_ref())),
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(right)),
            (Self::Bool(left), Self::Bool(right)) => Some(left.cmp(right)),
            (Self::Time(left), Self::Time(right)) => Some(left.micros.cmp(&right.micros)),
            (Self::Local(left), Self::Local(right)) => Some(left.cmp(right)),
            (Self::Int(_) | Self::Dec(_), _) | (_, Self::Int(_) | Self::Dec(_)) => {
                self.decimal()?.compare(other.decimal()?)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_becomes_the_decimal_its_writer_printed() {
        for (double, text) in [
            (0.1, "0.1"),
            (647.62, "647.62"),
            (0.001, "0.001"),
            (1e21, "1000000000000000000000"),
            (2.675, "2.675"),
            (-11062.06, "-11062.06"),
            (4.0, "4"),
        ] {
            assert_eq!(Decimal::from_float(double).expect("finite").to_string(), text);
        }
        assert_eq!(Decimal::from_float(f64::NAN), None);
    }

    #[test]
    fn money_is_rounded_half_away_from_zero_on_the_decimal_not_on_the_double() {
        let minor = |text: &str| Decimal::parse(text).and_then(|decimal| decimal.minor(2));
        assert_eq!(minor("1.005"), Some(101));
        assert_eq!(minor("-1.005"), Some(-101));
        assert_eq!(minor("0.001"), Some(0));
        assert_eq!(minor("1,234.5"), Some(123_450));
        assert_eq!(minor("7"), Some(700));
        assert_eq!(minor("1e5"), None);
        assert_eq!(minor("999999999999999999999999"), None);
    }

    #[test]
    fn every_price_of_two_digits_survives_the_double() {
        for cents in (0..2_000_000i64).step_by(7) {
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let double = cents as f64 / 100.0;
            assert_eq!(
                Decimal::from_float(double).and_then(|decimal| decimal.minor(2)),
                Some(cents)
            );
        }
    }
}
