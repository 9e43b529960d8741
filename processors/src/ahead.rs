//! Looking ahead: touches state that events to come will need, so that the processor fetches many cache lines at once instead of waiting
//! for each in its turn.
//!
//! It only reads, and what it finds is a guess by the event's subject that nothing relies on. A group is walked in passes, each of which follows one
//! pointer of every event. Measured: see `benches/`.

use std::hint::black_box;

use eddy_events::Event;

use crate::interner::{Interner, NO_KEY};
use crate::world::World;

/// Events looked at together: enough to keep the memory busy, few enough to stay in the nearest cache until they are folded.
pub(crate) const GROUP: usize = 24;

/// What an event is probably about.
#[derive(Clone, Copy)]
pub(crate) enum Near {
    Order(u32),
    Shipment(u32),
    Return(u32),
    Nothing,
}

impl Near {
    /// By the subject; touches the index.
    pub(crate) fn of(world: &World, event: &Event) -> Self {
        let find = |keys: &Interner, near: fn(u32) -> Self| {
            keys.guess(&event.envelope.subject).map_or(Self::Nothing, near)
        };
        let kind = event.body.type_name();
        match kind.get(5..8) {
            Some("shi") => find(&world.shipment_keys, Self::Shipment),
            Some("ord") => find(&world.order_keys, Self::Order),
            Some("ret") => find(&world.return_keys, Self::Return),
            _ => Self::Nothing,
        }
    }

    /// Touches the entity and its key; gives the order it hangs on.
    pub(crate) fn touch(self, world: &World) -> Self {
        let (order, seen) = match self {
            Self::Shipment(number) => {
                let parcel = world.shipments.get(number);
                let last = parcel.scans.last().map_or(0, |scan| scan.attempt_no);
                let manifest = parcel.manifests.first().map_or(0, |manifest| manifest.courier);
                black_box((last, manifest));
                (parcel.order, world.shipment_keys.get(number).len())
            }
            Self::Return(number) => {
                let returned = world.returns.get(number);
                (returned.order, world.return_keys.get(number).len())
            }
            Self::Order(number) => (number, world.order_keys.get(number).len()),
            Self::Nothing => return self,
        };
        black_box(seen);
        if order == NO_KEY {
            Self::Nothing
        } else {
            Self::Order(order)
        }
    }

    /// Touches an order, and the first parcel of it.
    pub(crate) fn touch_order(self, world: &World) {
        if let Self::Order(number) = self {
            let order = world.orders.get(number);
            black_box(order.placed.first().map(|placed| placed.customer));
            if order.first_shipment != NO_KEY {
                black_box(world.shipments.get(order.first_shipment).next);
            }
        }
    }
}
