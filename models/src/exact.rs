//! Numbers in an artefact: one string of decimals for a vector, read back to the very bits.
//!
//! The shortest decimal that Rust prints is parsed correctly rounded by Rust; a JSON parser in its fast mode may miss by the last bit.

use std::fmt::{Display, Write};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// As one string.
pub(crate) fn serialize<T: Display, S: Serializer>(numbers: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(numbers.len() * 8);
    for (i, number) in numbers.iter().enumerate() {
        if i > 0 {
            text.push(' ');
        }
        write!(text, "{number}").expect("a string takes what is written");
    }
    serializer.serialize_str(&text)
}

/// From one string.
pub(crate) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.split_ascii_whitespace()
        .map(|number| {
            number
                .parse()
                .map_err(|_| D::Error::custom(format!("{number:?} is no number")))
        })
        .collect()
}

/// The same for one number.
pub(crate) mod number {
    use super::{Deserialize, Deserializer, Error, Serializer};

    /// As a string.
    pub(crate) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    /// From a string.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format!("{text:?} is no number")))
    }
}
