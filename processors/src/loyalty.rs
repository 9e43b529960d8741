//! Points given to and taken from one buyer for one order and one return. Adjustments carry no id of their own, so those with the same three are one account.
//!
//! What should have been taken back is not reckoned here but on read, by the view `loyalty_checks`.

use bitcode::{Decode, Encode};
use eddy_events::money::LoyaltyAdjusted;

use crate::facts::{NO_TIME, Stamp, earlier, stamped, standing};
use crate::interner::NO_KEY;
use crate::world::World;

/// Which account: numbers of the customer, the order and the return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) struct Key {
    pub(crate) customer: u32,
    pub(crate) order: u32,
    pub(crate) rma: u32,
}

/// One adjustment.
#[derive(Clone, Copy, Debug, Default, Encode, Decode)]
pub(crate) struct Adjusted {
    pub(crate) stamp: Stamp,
    pub(crate) points: i64,
}

stamped!(Adjusted);

/// An account.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Account {
    pub(crate) adjusted: Vec<Adjusted>,
    pub(crate) dirty: bool,
}

/// What the adjustments of an account come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) adjustments: u32,
    pub(crate) given: i64,
    pub(crate) taken: i64,
    pub(crate) first_at: i64,
    pub(crate) last_at: i64,
}

impl Account {
    /// The sums of what counts; none when nothing does.
    pub(crate) fn sums(&self) -> Option<Sums> {
        let mut sums = Sums {
            adjustments: 0,
            given: 0,
            taken: 0,
            first_at: NO_TIME,
            last_at: NO_TIME,
        };
        for adjusted in standing(&self.adjusted) {
            sums.adjustments += 1;
            sums.given += adjusted.points.max(0);
            sums.taken += (-adjusted.points).max(0);
            sums.first_at = earlier(sums.first_at, adjusted.stamp.at);
            sums.last_at = sums.last_at.max(adjusted.stamp.at);
        }
        (sums.adjustments > 0).then_some(sums)
    }
}

/// Points were given or taken.
pub(crate) fn adjusted(world: &mut World, stamp: Stamp, event: &LoyaltyAdjusted) -> u32 {
    let key = Key {
        customer: world.customer(&event.customer_id),
        order: event.order_id.as_deref().map_or(NO_KEY, |id| world.order(id)),
        rma: event.rma_id.as_deref().map_or(NO_KEY, |id| world.rma(id)),
    };
    let number = world.loyalty.number(&key);
    let points = event.points;
    let account = &mut world.loyalty.entries.get_mut(number).value;
    account.adjusted.push(Adjusted { stamp, points });
    world.touch_loyalty(number);
    number
}
