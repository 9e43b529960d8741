//! One SKU: what the catalogue says of it, and how many pieces were delivered and came back.
//!
//! The latest catalogue entry stands. Orders whose lines leave the category, style or size open are remembered, because the catalogue
//! decides for them.

use bitcode::{Decode, Encode};
use eddy_events::context::CatalogueItemUpdated;

use crate::facts::{Stamp, latest, stamped};
use crate::world::World;

/// One entry of the catalogue. Words are symbols.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Entry {
    pub(crate) stamp: Stamp,
    pub(crate) style: u32,
    pub(crate) category: u32,
    pub(crate) size: u32,
    pub(crate) supplier: u32,
    pub(crate) price_minor: i64,
    /// What it cost, -1 when not told.
    pub(crate) cost_minor: i64,
    /// Pieces carry serial numbers.
    pub(crate) serialised: Option<bool>,
}

stamped!(Entry);

/// A SKU.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Sku {
    pub(crate) entries: Vec<Entry>,
    /// Orders that asked the catalogue.
    pub(crate) askers: Vec<u32>,
    pub(crate) sums: Sums,
    pub(crate) dirty: bool,
}

/// Pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Sums {
    pub(crate) delivered: i64,
    pub(crate) requested: i64,
    pub(crate) received: i64,
    pub(crate) restocked: i64,
}

impl Sums {
    /// Adds `other`, `sign` times.
    pub(crate) fn add(&mut self, other: &Self, sign: i64) {
        self.delivered += sign * other.delivered;
        self.requested += sign * other.requested;
        self.received += sign * other.received;
        self.restocked += sign * other.restocked;
    }
}

fn words(entries: &[Entry]) -> (u32, u32, u32) {
    latest(entries).map_or((0, 0, 0), |entry| (entry.style, entry.category, entry.size))
}

impl Sku {
    /// The entry that stands.
    pub(crate) fn entry(&self) -> Option<&Entry> {
        latest(&self.entries)
    }

    /// Style, category and size as the catalogue has them.
    pub(crate) fn words(&self) -> (u32, u32, u32) {
        words(&self.entries)
    }

    /// Whether there is a row.
    pub(crate) fn exists(&self) -> bool {
        self.entry().is_some() || self.sums != Sums::default()
    }
}

/// The catalogue has a new entry.
pub(crate) fn catalogued(world: &mut World, stamp: Stamp, event: &CatalogueItemUpdated) -> u32 {
    let number = world.sku(&event.sku);
    let symbols = &mut world.symbols;
    let entry = Entry {
        stamp,
        style: symbols.of_option(event.style.as_deref()),
        category: symbols.of(&event.category),
        size: symbols.of_option(event.size.as_deref()),
        supplier: symbols.of_option(event.supplier_id.as_deref()),
        price_minor: event.price_minor,
        cost_minor: event.cost_minor.unwrap_or(-1),
        serialised: event.serialised,
    };
    change(world, number, |entries| entries.push(entry));
    number
}

/// Changes the entries; when other words stand afterwards, every order that asked for them is opened before.
pub(crate) fn change(world: &mut World, number: u32, change: impl FnOnce(&mut Vec<Entry>)) {
    let sku = world.skus.get(number);
    let (old, mut entries) = (words(&sku.entries), sku.entries.clone());
    change(&mut entries);
    if words(&entries) != old {
        for order in world.skus.get(number).askers.clone() {
            world.open_case(order);
        }
    }
    world.skus.get_mut(number).entries = entries;
    world.touch_sku(number);
}
