//! One postal code: the state it lies in, its tier, and the orders that go there.
//!
//! There is no table of postal codes; they fill `orders.destination_state`, and the state and tier of
//! lines.

use bitcode::{Decode, Encode};
use eddy_events::context::PincodePublished;

use crate::facts::{Stamp, latest, stamped};
use crate::world::World;

/// What the directory said.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Entry {
    pub(crate) stamp: Stamp,
    pub(crate) state: u32,
    /// Symbol.
    pub(crate) district: u32,
    /// 1 to 4, 0 when not told.
    pub(crate) tier: u8,
}

stamped!(Entry);

/// A postal code.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Pincode {
    pub(crate) entries: Vec<Entry>,
    /// Orders that go there: the tier is the directory's to say, and the state when the order does not.
    pub(crate) askers: Vec<u32>,
}

fn state(entries: &[Entry]) -> u32 {
    latest(entries).map_or(0, |entry| entry.state)
}

fn tier(entries: &[Entry]) -> u8 {
    latest(entries).map_or(0, |entry| entry.tier)
}

impl Pincode {
    /// Symbol of the state, or none.
    pub(crate) fn state(&self) -> u32 {
        state(&self.entries)
    }

    /// Tier of the city, 0 when not told.
    pub(crate) fn tier(&self) -> u8 {
        tier(&self.entries)
    }

    /// Symbol of the district and tier of the city, each 0 when not told.
    pub(crate) fn district(&self) -> (u32, u8) {
        latest(&self.entries).map_or((0, 0), |entry| (entry.district, entry.tier))
    }
}

/// The directory has a new entry.
pub(crate) fn published(world: &mut World, stamp: Stamp, event: &PincodePublished) -> u32 {
    let number = world.pincode(&event.pincode);
    let state = world.symbols.of(&event.state);
    let district = world.symbols.of(&event.district);
    let tier = event.tier.unwrap_or(0);
    let entry = Entry {
        stamp,
        state,
        district,
        tier,
    };
    change(world, number, |entries| entries.push(entry));
    number
}

/// Changes the entries; when another state or tier stands afterwards, every order that goes there is opened before.
pub(crate) fn change(world: &mut World, number: u32, change: impl FnOnce(&mut Vec<Entry>)) {
    let pincode = world.pincodes.get(number);
    let (old, mut entries) = ((pincode.state(), pincode.tier()), pincode.entries.clone());
    change(&mut entries);
    if (state(&entries), tier(&entries)) != old {
        for order in world.pincodes.get(number).askers.clone() {
            world.open_case(order);
        }
    }
    world.pincodes.get_mut(number).entries = entries;
}
