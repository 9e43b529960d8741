//! Cells of return rates: pieces and value delivered on one day, and how much of it was asked back and came back.
//!
//! A line belongs to the day it was delivered to the buyer, in the tenant's zone, whatever day it comes back. A line not known to be
//! delivered belongs nowhere yet; one that went back undelivered never does. Asked back and received are capped by what was delivered
//! of the line; what exceeds it stands in `excess_units`, visible, and lifts no rate. Coarser grains and rates are made on read, by the
//! view `return_rates`.

use bitcode::{Decode, Encode};

/// Which dimension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) enum Dimension {
    #[default]
    Sku,
    Category,
    Channel,
    State,
    Courier,
}

impl Dimension {
    /// The word of the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Sku => "sku",
            Self::Category => "category",
            Self::Channel => "channel",
            Self::State => "state",
            Self::Courier => "courier",
        }
    }
}

/// Which cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) struct Key {
    pub(crate) dimension: Dimension,
    /// Key of the SKU, symbol of the category, state or courier, index of the channel.
    pub(crate) value: u32,
    /// Days since 1970 in the tenant's zone.
    pub(crate) day: i32,
    pub(crate) currency: u32,
}

/// What lines add.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Sums {
    pub(crate) delivered_units: i64,
    pub(crate) delivered_value_minor: i64,
    pub(crate) requested_units: i64,
    pub(crate) requested_value_minor: i64,
    pub(crate) received_units: i64,
    pub(crate) received_value_minor: i64,
    pub(crate) excess_units: i64,
}

impl Sums {
    /// Adds `other`, `sign` times.
    pub(crate) fn add(&mut self, other: &Self, sign: i64) {
        self.delivered_units += sign * other.delivered_units;
        self.delivered_value_minor += sign * other.delivered_value_minor;
        self.requested_units += sign * other.requested_units;
        self.requested_value_minor += sign * other.requested_value_minor;
        self.received_units += sign * other.received_units;
        self.received_value_minor += sign * other.received_value_minor;
        self.excess_units += sign * other.excess_units;
    }
}

/// A cell.
#[derive(Clone, Copy, Debug, Default, Encode, Decode)]
pub(crate) struct Cell {
    pub(crate) sums: Sums,
    pub(crate) dirty: bool,
}
