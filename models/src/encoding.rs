//! From a feature vector to the sparse row that a linear model multiplies: slots and values.
//!
//! Slot 0 is the constant, always 1. Each feature then has one slot for "not known" and as many as its [`Linear`] asks for.
//! An encoder is derived from its schema and is no state.

use crate::logit_f32;
use crate::schema::{Linear, Schema};

/// Values beyond this many spreads count as this many.
const SPREADS_MAX: f32 = 4.0;
/// Shares are kept this far off nought and one.
const SHARE_MIN: f32 = 1e-4;

/// Slots and values of one row; a slot occurs once.
pub type Row = Vec<(u32, f32)>;

/// Turns feature vectors of one schema into sparse rows.
#[derive(Clone, Debug)]
pub struct Encoder {
    features: Vec<(u32, Linear)>,
    /// Feature of each slot; the constant has none.
    owners: Vec<u16>,
}

/// Owner of the constant.
const NOBODY: u16 = u16::MAX;

impl Encoder {
    /// The encoder of a schema.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn new(schema: &Schema) -> Self {
        let mut owners = vec![NOBODY];
        let features = schema.features.iter().enumerate().map(|(i, feature)| {
            let first = owners.len() as u32;
            let slots = match feature.linear {
                Linear::Absent => 0,
                Linear::Plain | Linear::Scaled { .. } | Linear::Log { .. } | Linear::LogOdds { .. } => 2,
                Linear::Ranges(edges) => edges.len() + 2,
                Linear::Codes(n) => usize::from(n) + 1,
            };
            owners.extend(std::iter::repeat_n(i as u16, slots));
            (first, feature.linear)
        });
        let features = features.collect();
        Self { features, owners }
    }

    /// Number of slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.owners.len()
    }

    /// Number of features.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features.len()
    }

    /// The feature that a slot belongs to; none for the constant.
    #[must_use]
    pub fn owner(&self, slot: usize) -> Option<usize> {
        let owner = self.owners[slot];
        (owner != NOBODY).then_some(usize::from(owner))
    }

    /// Writes the row of a vector into `row`.
    ///
    /// # Panics
    /// When the vector has not the length of the schema.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn encode(&self, x: &[f32], row: &mut Row) {
        assert_eq!(x.len(), self.features.len(), "features of a vector");
        row.clear();
        row.push((0, 1.0));
        for (&x, &(first, linear)) in x.iter().zip(&self.features) {
            let scaled =
                |x: f32, centre: f32, spread: f32| ((x - centre) / spread).clamp(-SPREADS_MAX, SPREADS_MAX);
            let (slot, value) = match linear {
                Linear::Absent => continue,
                _ if x.is_nan() => (0, 1.0),
                Linear::Plain => (1, x),
                Linear::Scaled { centre, spread } => (1, scaled(x, centre, spread)),
                Linear::Log { centre, spread } => (1, scaled(x.max(0.0).ln_1p(), centre, spread)),
                Linear::LogOdds { centre } => (1, logit_f32(x.clamp(SHARE_MIN, 1.0 - SHARE_MIN)) - centre),
                Linear::Ranges(edges) => (1 + edges.partition_point(|&edge| edge <= x) as u32, 1.0),
                Linear::Codes(n) => (1 + (x.max(0.0) as u32).min(u32::from(n) - 1), 1.0),
            };
            if value != 0.0 {
                row.push((first + slot, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Feature;

    const FEATURES: &[Feature] = &[
        Feature {
            name: "flag",
            linear: Linear::Plain,
            ..Feature::EMPTY
        },
        Feature {
            name: "trees",
            linear: Linear::Absent,
            ..Feature::EMPTY
        },
        Feature {
            name: "value",
            linear: Linear::Log {
                centre: 6.0,
                spread: 1.0,
            },
            ..Feature::EMPTY
        },
        Feature {
            name: "hour",
            linear: Linear::Ranges(&[6.0, 12.0]),
            ..Feature::EMPTY
        },
        Feature {
            name: "kind",
            linear: Linear::Codes(3),
            ..Feature::EMPTY
        },
    ];

    fn encode(x: [f32; 5]) -> Row {
        let encoder = Encoder::new(&Schema {
            name: "test",
            features: FEATURES,
        });
        assert_eq!(encoder.slots(), 1 + 2 + 2 + 4 + 4);
        let mut row = Row::new();
        encoder.encode(&x, &mut row);
        row
    }

    #[test]
    fn each_kind_has_its_slots() {
        assert_eq!(
            encode([1.0, 9.0, 6.0_f32.exp() - 1.0, 12.0, 7.0]),
            [(0, 1.0), (2, 1.0), (8, 1.0), (12, 1.0)]
        );
        assert_eq!(
            encode([0.0, 9.0, 1e9, 3.0, 0.0]),
            [(0, 1.0), (4, 4.0), (6, 1.0), (10, 1.0)]
        );
    }

    #[test]
    fn not_known_has_a_slot_of_its_own() {
        let nan = f32::NAN;
        assert_eq!(
            encode([nan; 5]),
            [(0, 1.0), (1, 1.0), (3, 1.0), (5, 1.0), (9, 1.0)]
        );
    }
}
