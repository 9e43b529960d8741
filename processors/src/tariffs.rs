//! What couriers charge between zones, as their tariffs told: kept whole, so that what a parcel cost can be asked for later. Routing keeps what it needs of
//! them itself.

use bitcode::{Decode, Encode};
use eddy_events::context::TariffPublished;

use crate::facts::{Stamp, stamped, standing};
use crate::interner::Symbols;

/// One tariff. Courier and zones are symbols; money is in minor units.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Tariff {
    pub(crate) stamp: Stamp,
    pub(crate) courier: u32,
    pub(crate) zone_from: u32,
    pub(crate) zone_to: u32,
    pub(crate) valid_from: i64,
    pub(crate) base_minor: i64,
    pub(crate) per_500g_minor: i64,
    pub(crate) cod_fee_minor: i64,
    pub(crate) rto_fee_minor: i64,
    pub(crate) transit_days: u16,
}

stamped!(Tariff);

/// All tariffs; there are few.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Tariffs {
    pub(crate) told: Vec<Tariff>,
}

impl Tariff {
    pub(crate) fn of(symbols: &mut Symbols, stamp: Stamp, told: &TariffPublished) -> Self {
        Self {
            stamp,
            courier: symbols.of(&told.courier),
            zone_from: symbols.of(&told.zone_from),
            zone_to: symbols.of(&told.zone_to),
            valid_from: told.valid_from.micros,
            base_minor: told.base_minor,
            per_500g_minor: told.per_500g_minor,
            cod_fee_minor: told.cod_fee_minor.unwrap_or(0),
            rto_fee_minor: told.rto_fee_minor.unwrap_or(0),
            transit_days: told.transit_days,
        }
    }

    /// What tells one row from another.
    fn key(&self) -> (u32, u32, u32, i64) {
        (self.courier, self.zone_from, self.zone_to, self.valid_from)
    }
}

impl Tariffs {
    /// The tariffs that stand: of those for one courier, road and beginning the one told last.
    pub(crate) fn rows(&self) -> Vec<&Tariff> {
        let mut rows: Vec<&Tariff> = standing(&self.told).collect();
        rows.sort_by_key(|one| (one.key(), std::cmp::Reverse((one.stamp.at, one.stamp.tie))));
        rows.dedup_by_key(|one| one.key());
        rows
    }

    /// Voided ones that left no other in their place.
    pub(crate) fn gone(&self) -> impl Iterator<Item = &Tariff> {
        let gone = self.told.iter().filter(|old| old.stamp.voided);
        gone.filter(|old| !standing(&self.told).any(|one| one.key() == old.key()))
    }
}
