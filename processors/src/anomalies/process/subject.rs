//! What is watched besides return rates, by which dimensions, and how the level of false discoveries is shared out.

use bitcode::{Decode, Encode};
use eddy_events::money::Tender;
use eddy_events::order::PaymentMode;

use crate::world::World;

/// What a series counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Subject {
    /// Inspected lines that are damaged.
    #[default]
    Damage,
    /// Received lines that wait for inspection longer than they used to, or that a desk with others waiting took longer for.
    Backlog,
    /// Refunds not paid when they were due.
    Refund,
    /// First attempts that fail.
    Ndr,
    /// Parcels that nobody scanned for days.
    Scans,
    /// Inspected lines for which nobody began a refund.
    Owed,
}

/// How many there are.
pub(crate) const SUBJECTS: usize = 6;

impl Subject {
    /// The word of the tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Damage => "damage",
            Self::Backlog => "inspection_backlog",
            Self::Refund => "refund_delay",
            Self::Ndr => "ndr",
            Self::Scans => "missing_scans",
            Self::Owed => "missing_refunds",
        }
    }

    /// Whether what all of its series do at once is nobody's anomaly: a festival fails attempts everywhere. Of desks and instruments there are too few for that.
    pub(crate) fn is_common(self) -> bool {
        matches!(self, Self::Damage | Self::Ndr | Self::Scans)
    }

    /// Share of units that is assumed before any were seen. Where a unit brings its own expectation this is a factor on it.
    pub(crate) fn assumed(self) -> f64 {
        match self {
            Self::Damage => 0.1,
            Self::Refund => 0.06,
            Self::Scans => 0.03,
            Self::Owed => 0.02,
            Self::Ndr | Self::Backlog => 1.0,
        }
    }
}

/// What a series is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Dimension {
    /// Symbol.
    #[default]
    Courier,
    /// Symbol of the courier, first character of the customer's pincode.
    Lane,
    /// Symbol.
    Packer,
    /// Number of a facility.
    Facility,
    /// Symbol of the facility that a manifest names.
    Origin,
    /// Index in `Tender::ALL`.
    Tender,
    /// Index in `PaymentMode::ALL`.
    Payment,
}

impl Dimension {
    /// The word of the tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Courier => "courier",
            Self::Lane => "courier,zone",
            Self::Packer => "packer",
            Self::Facility | Self::Origin => "facility",
            Self::Tender => "tender",
            Self::Payment => "payment_mode",
        }
    }
}

/// Which series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) struct Key {
    pub(crate) subject: Subject,
    pub(crate) dimension: Dimension,
    pub(crate) value: (u32, u32),
}

/// Kinds of series, with their shares of the level. They add up to one.
pub(crate) const KINDS: [(Subject, Dimension, f64); 13] = [
    (Subject::Damage, Dimension::Packer, 0.15),
    (Subject::Damage, Dimension::Lane, 0.10),
    (Subject::Backlog, Dimension::Facility, 0.09),
    (Subject::Refund, Dimension::Facility, 0.06),
    (Subject::Refund, Dimension::Tender, 0.04),
    (Subject::Refund, Dimension::Courier, 0.05),
    (Subject::Ndr, Dimension::Courier, 0.08),
    (Subject::Ndr, Dimension::Lane, 0.17),
    (Subject::Scans, Dimension::Courier, 0.06),
    (Subject::Scans, Dimension::Lane, 0.10),
    (Subject::Scans, Dimension::Origin, 0.06),
    (Subject::Owed, Dimension::Facility, 0.02),
    (Subject::Owed, Dimension::Payment, 0.02),
];

impl Key {
    /// Its kind, by index.
    pub(crate) fn kind(&self) -> usize {
        KINDS
            .iter()
            .position(|(subject, dimension, _)| (*subject, *dimension) == (self.subject, self.dimension))
            .unwrap_or(0)
    }

    /// The word of its value.
    pub(crate) fn value_text(&self, world: &World) -> String {
        let (a, b) = self.value;
        match self.dimension {
            Dimension::Courier | Dimension::Packer | Dimension::Origin => world.symbols.text(a).to_owned(),
            Dimension::Lane => format!("{},{}", world.symbols.text(a), char::from(b as u8)),
            Dimension::Facility => world.facility_keys.get(a).to_owned(),
            Dimension::Tender => {
                let tender = Tender::ALL.get(a as usize);
                tender.map_or("", |tender| tender.as_str()).to_owned()
            }
            Dimension::Payment => {
                let mode = PaymentMode::ALL.get(a as usize);
                mode.map_or("", |mode| mode.as_str()).to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_the_level_add_up_to_one() {
        let sum: f64 = KINDS.iter().map(|(_, _, share)| share).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}
