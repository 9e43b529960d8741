//! Where a return could go instead: hubs of the kind of the one that awaits it, with room, when more than a day of work waits there. The bounds are those of
//! the view `facility_queues`. Which of them is worth it is not decided here.

use std::cmp::Reverse;

use super::network::Network;
use crate::facilities::Facility;
use crate::interner::NO_KEY;
use crate::world::World;

/// Days of work above which a hub is overloaded.
const OVERLOADED: f64 = 1.0;
/// Days of work below which a hub has room.
const ROOM: f64 = 0.5;
/// Hubs that are thought of.
const MOST: usize = 4;

/// A hub, and the days of work that wait there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hub {
    /// Number of the facility.
    pub(crate) number: u32,
    pub(crate) days: f64,
}

/// The facility that awaits what a parcel of the reverse leg brings, as its manifest tells.
pub(crate) fn awaiting(world: &World, parcel: u32, network: &Network, day: i32) -> Option<Hub> {
    let manifest = (parcel != NO_KEY)
        .then(|| world.shipments.get(parcel).manifest())
        .flatten()?;
    let number = world.facility_keys.find(world.symbols.word(manifest.facility)?)?;
    Some(hub(number, network, day))
}

/// Hubs with room instead of an overloaded one, the nearest first and of equally near ones that with the least work; none where it is not overloaded.
pub(crate) fn instead(world: &World, of: Hub, network: &Network, day: i32) -> Vec<Hub> {
    let kind = |facility: &Facility| {
        facility
            .entry()
            .map(|entry| entry.kind)
            .or_else(|| facility.hint.as_ref().map(|hint| hint.kind))
    };
    let at = world.facilities.get(of.number);
    let Some(home) = at.entry().filter(|_| of.days > OVERLOADED) else {
        return Vec::new();
    };
    let home = world.symbols.text(home.pincode);
    let mut hubs: Vec<(usize, Hub)> = (0..world.facility_keys.len())
        .filter(|number| *number != of.number)
        .filter_map(|number| {
            let other = world.facilities.get(number);
            let entry = other.entry().filter(|_| kind(other) == kind(at))?;
            let near = world.symbols.text(entry.pincode);
            let shared = [3, 1]
                .into_iter()
                .find(|length| near.get(..*length) == home.get(..*length));
            let hub = hub(number, network, day);
            (hub.days < ROOM).then_some((shared.unwrap_or(0), hub))
        })
        .collect();
    hubs.sort_by(|(near, a), (other, b)| {
        let order = Reverse(near).cmp(&Reverse(other));
        order
            .then(a.days.total_cmp(&b.days))
            .then(a.number.cmp(&b.number))
    });
    hubs.into_iter().map(|(_, hub)| hub).take(MOST).collect()
}

/// A facility with its queues as the day began and what decisions of the day send there.
fn hub(number: u32, network: &Network, day: i32) -> Hub {
    let promised = network.diverted(number, day);
    Hub {
        number,
        days: network.queue(number).days(promised),
    }
}
