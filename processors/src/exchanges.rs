//! One exchange: which line of a return is answered with which new order, and what the buyer is asked to pay for the difference. The latest word stands.
//!
//! What the difference should be is not reckoned here but on read, by the view `exchange_checks`.

use bitcode::{Decode, Encode};
use eddy_events::money::ExchangeCreated;

use crate::facts::{NO_TIME, Stamp, earlier, latest, stamped, standing};
use crate::world::World;

/// One word about the exchange.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Created {
    pub(crate) stamp: Stamp,
    pub(crate) rma: u32,
    /// Symbol of the line.
    pub(crate) line: u32,
    pub(crate) new_order: u32,
    pub(crate) difference_minor: Option<i64>,
}

stamped!(Created);

/// An exchange.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) said: Vec<Created>,
    pub(crate) dirty: bool,
    /// The milestone of its creation was told.
    pub(crate) told: bool,
}

impl Exchange {
    /// The word that stands.
    pub(crate) fn standing(&self) -> Option<&Created> {
        latest(&self.said)
    }

    /// When it was first told, or [`NO_TIME`].
    pub(crate) fn created_at(&self) -> i64 {
        standing(&self.said).fold(NO_TIME, |first, said| earlier(first, said.stamp.at))
    }
}

/// Goods are exchanged.
pub(crate) fn created(world: &mut World, stamp: Stamp, event: &ExchangeCreated) -> u32 {
    let number = world.exchange(&event.exchange_id);
    let said = Created {
        stamp,
        rma: world.rma(&event.rma_id),
        line: world.symbols.of(&event.line_id),
        new_order: world.order(&event.new_order_id),
        difference_minor: event.price_difference_minor,
    };
    world.returns.get_mut(said.rma).exchanged = true;
    world.exchanges.entries.get_mut(number).value.said.push(said);
    world.touch_exchange(number);
    number
}

/// The returns that an exchange was ever said to answer.
pub(crate) fn returns_of(world: &World, number: u32) -> Vec<u32> {
    let exchange = &world.exchanges.entries.get(number).value;
    let mut returns: Vec<u32> = exchange.said.iter().map(|said| said.rma).collect();
    returns.sort_unstable();
    returns.dedup();
    returns
}
