//! What the numbers of a feature vector mean: name, unit, how a linear model sees them, how a person hears of them.
//!
//! A vector is a slice of `f32`, one number a feature in the order of the schema; NaN is "not known". Deliberately absent: where a
//! value comes from. That is the fold's business.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

/// Unit of a feature's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 0 or 1.
    Flag,
    /// Between 0 and 1; said as a percentage.
    Share,
    /// Natural logarithm of odds.
    LogOdds,
    /// A number of things.
    Count,
    /// Days.
    Days,
    /// Hours.
    Hours,
    /// Money, in whole units of the currency (not minor ones: a feature is a measure, not an account).
    Money,
    /// Grams.
    Grams,
    /// Kilometres.
    Kilometres,
    /// A code without order.
    Code,
    /// A pure number.
    Number,
}

impl Unit {
    const fn word(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Share => "share",
            Self::LogOdds => "log_odds",
            Self::Count => "count",
            Self::Days => "days",
            Self::Hours => "hours",
            Self::Money => "money",
            Self::Grams => "grams",
            Self::Kilometres => "kilometres",
            Self::Code => "code",
            Self::Number => "number",
        }
    }

    /// A value as a person reads it.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn say(self, value: f32) -> String {
        let mut said = String::new();
        self.say_to(value, &mut said);
        said
    }

    /// Says a value behind what was said before.
    pub(crate) fn say_to(self, value: f32, said: &mut String) {
        // Memory takes all that is written.
        let _ = match self {
            _ if value.is_nan() => said.write_str("unknown"),
            Self::Flag => said.write_str(if value > 0.5 { "yes" } else { "no" }),
            Self::Share if value < 0.1 => write!(said, "{:.1}%", value * 100.0),
            Self::Share => write!(said, "{:.0}%", value * 100.0),
            Self::LogOdds | Self::Number => write!(said, "{value:.2}"),
            Self::Count | Self::Code | Self::Money => write!(said, "{value:.0}"),
            Self::Days => plural(said, value, "day"),
            Self::Hours => plural(said, value, "hour"),
            Self::Grams if value >= 1_000.0 => write!(said, "{:.1} kg", value / 1_000.0),
            Self::Grams => write!(said, "{value:.0} g"),
            Self::Kilometres => write!(said, "{value:.0} km"),
        };
    }
}

fn plural(said: &mut String, value: f32, word: &str) -> fmt::Result {
    let rounded = (value * 10.0).round() / 10.0;
    let s = if (rounded.abs() - 1.0).abs() < 0.05 {
        ""
    } else {
        "s"
    };
    write!(said, "{rounded} {word}{s}")
}

/// How a linear model sees a feature. Whatever it is, "not known" has a weight of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Linear {
    /// Not at all: for trees alone.
    Absent,
    /// As it is.
    Plain,
    /// `(x - centre) / spread`, cut at four spreads.
    Scaled {
        /// Taken away first.
        centre: f32,
        /// Then the divisor.
        spread: f32,
    },
    /// `ln(1 + x)`, then as `Scaled`.
    Log {
        /// Taken away first.
        centre: f32,
        /// Then the divisor.
        spread: f32,
    },
    /// Log-odds of a share, less the centre.
    LogOdds {
        /// Log-odds taken away.
        centre: f32,
    },
    /// One weight for each range between these ascending edges; an edge belongs to the range above it.
    Ranges(&'static [f32]),
    /// One weight for each code below this number; higher codes share the last.
    Codes(u16),
}

/// One feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feature {
    /// Snake-case name, the column of the table.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Features of one topic are explained together.
    pub topic: &'static str,
    /// Unit of the value.
    pub unit: Unit,
    /// How a linear model sees it.
    pub linear: Linear,
    /// 1: a higher value may never lower the risk; -1: never raise it; 0: free. For trees.
    pub monotone: i8,
    /// Words of a reason. `{value}` is the value with its unit; any other `{word}` is asked of the caller.
    pub say: &'static str,
    /// Words where `say` does not fit: a flag that is not set, or a `{word}` that the caller does not know.
    pub plain: &'static str,
}

impl Feature {
    /// A feature without ambitions, to be changed by struct update.
    pub const EMPTY: Self = Self {
        name: "",
        meaning: "",
        topic: "",
        unit: Unit::Number,
        linear: Linear::Absent,
        monotone: 0,
        say: "",
        plain: "",
    };
}

/// The features of one kind of score, in their order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schema {
    /// Name, such as `ndr`.
    pub name: &'static str,
    /// Features in the order of the vector.
    pub features: &'static [Feature],
}

impl Schema {
    /// Number of features.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there is no feature.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// Where a feature stands.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|feature| feature.name == name)
    }

    /// Constraints for trees, one a feature.
    #[must_use]
    pub fn monotone(&self) -> Vec<i8> {
        self.features.iter().map(|feature| feature.monotone).collect()
    }

    /// SHA-256, in hex, of what a trained model depends on: names, units, encodings and their order. Words may change freely.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.name);
        for feature in self.features {
            hash.update(format!(
                "\n{} {} {:?}",
                feature.name,
                feature.unit.word(),
                feature.linear
            ));
        }
        hex(&hash.finalize())
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_said_with_their_units() {
        let said = [
            (Unit::Share, 0.31, "31%"),
            (Unit::Share, 0.0184, "1.8%"),
            (Unit::Days, 1.0, "1 day"),
            (Unit::Days, 2.5, "2.5 days"),
            (Unit::Grams, 1_250.0, "1.2 kg"),
            (Unit::Flag, 1.0, "yes"),
            (Unit::Money, f32::NAN, "unknown"),
        ];
        for (unit, value, words) in said {
            assert_eq!(unit.say(value), words);
        }
    }

    #[test]
    fn the_digest_follows_meaning_and_not_words() {
        const A: &[Feature] = &[Feature {
            name: "cod",
            unit: Unit::Flag,
            ..Feature::EMPTY
        }];
        const B: &[Feature] = &[Feature {
            name: "cod",
            unit: Unit::Flag,
            say: "cash",
            ..Feature::EMPTY
        }];
        const C: &[Feature] = &[Feature {
            name: "cod",
            unit: Unit::Count,
            ..Feature::EMPTY
        }];
        let digest = |features| Schema { name: "s", features }.digest();
        assert_eq!(digest(A), digest(B));
        assert_ne!(digest(A), digest(C));
    }
}
