//! One claim against a supplier: filed, settled or rejected. A settled claim stays settled; else the latest word stands.
//!
//! What a settlement names may be less than what was filed; both are kept.

use bitcode::{Decode, Encode};
use eddy_events::money::SupplierClaim as Event;

use crate::facts::{NO_TIME, Stamp, earlier, latest, stamped, standing};
use crate::interner::NO_KEY;
use crate::operations::watch::Watch;
use crate::world::World;

/// What a fact says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Kind {
    #[default]
    Filed,
    Rejected,
    Settled,
}

impl Kind {
    /// The word of the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Filed => "filed",
            Self::Rejected => "rejected",
            Self::Settled => "settled",
        }
    }
}

/// One word about the claim.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Said {
    pub(crate) stamp: Stamp,
    pub(crate) kind: Kind,
    /// Symbol of the supplier.
    pub(crate) supplier: u32,
    pub(crate) rma: u32,
    pub(crate) sku: u32,
    pub(crate) amount_minor: i64,
    pub(crate) due_at: i64,
}

stamped!(Said);

/// A claim.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct SupplierClaim {
    pub(crate) id: String,
    pub(crate) said: Vec<Said>,
    pub(crate) dirty: bool,
    /// Follows the log, like the fields of other entities of this name.
    pub(crate) watch: Watch,
}

impl SupplierClaim {
    /// The word whose fields stand: the latest settlement, else the latest of all.
    pub(crate) fn standing(&self) -> Option<&Said> {
        self.last(Kind::Settled).or_else(|| latest(&self.said))
    }

    /// The latest word of a kind.
    pub(crate) fn last(&self, kind: Kind) -> Option<&Said> {
        standing(&self.said)
            .filter(|said| said.kind == kind)
            .max_by_key(|said| (said.stamp.at, said.stamp.tie))
    }

    /// When it was first said to be so, or [`NO_TIME`].
    pub(crate) fn first(&self, kind: Kind) -> i64 {
        standing(&self.said)
            .filter(|said| said.kind == kind)
            .fold(NO_TIME, |first, said| earlier(first, said.stamp.at))
    }

    /// The latest that anyone said when it is due, or [`NO_TIME`].
    pub(crate) fn due_at(&self) -> i64 {
        standing(&self.said)
            .filter(|said| said.due_at != NO_TIME)
            .max_by_key(|said| (said.stamp.at, said.stamp.tie))
            .map_or(NO_TIME, |said| said.due_at)
    }
}

/// A word about a claim.
pub(crate) fn said(world: &mut World, stamp: Stamp, event: &Event, kind: Kind) -> u32 {
    let number = world.supplier_claim(&event.claim_id);
    let said = Said {
        stamp,
        kind,
        supplier: world.symbols.of(&event.supplier_id),
        rma: event.rma_id.as_deref().map_or(NO_KEY, |rma| world.rma(rma)),
        sku: world.sku(&event.sku),
        amount_minor: event.amount_minor,
        due_at: event.due_at.map_or(NO_TIME, |at| at.micros),
    };
    world
        .supplier_claims
        .entries
        .get_mut(number)
        .value
        .said
        .push(said);
    world.touch_supplier_claim(number);
    number
}
