//! One refund: initiated, issued, failed. The latest word stands, except that an issued refund stays issued.
//!
//! Whether it should have been paid is not judged here.

use bitcode::{Decode, Encode};
use eddy_events::money::{self as events, Tender};

use crate::facts::{NO_TIME, Stamp, earlier, latest, stamped, standing};
use crate::interner::NO_KEY;
use crate::operations::watch::Watch;
use crate::world::{World, index_of};

/// What a fact says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Kind {
    #[default]
    Initiated,
    Failed,
    Issued,
}

impl Kind {
    /// The word of the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Failed => "failed",
            Self::Issued => "issued",
        }
    }
}

/// One word about the refund.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Said {
    pub(crate) stamp: Stamp,
    pub(crate) kind: Kind,
    /// Index in `Tender::ALL`.
    pub(crate) tender: u8,
    pub(crate) rma: u32,
    pub(crate) order: u32,
    pub(crate) line: u32,
    pub(crate) currency: u32,
    pub(crate) amount_minor: i64,
    pub(crate) due_at: i64,
}

stamped!(Said);

/// A refund.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Refund {
    pub(crate) said: Vec<Said>,
    /// The return whose list this refund is on.
    pub(crate) rma: u32,
    /// The next refund of that return.
    pub(crate) next: u32,
    pub(crate) dirty: bool,
    /// The milestones that were told, see [`crate::milestones`].
    pub(crate) told: u8,
    /// The term that runs for it. Follows the log.
    pub(crate) watch: Watch,
    /// It was told to the watch over how things run. Follows the log.
    pub(crate) watched: bool,
}

impl Default for Refund {
    fn default() -> Self {
        Self {
            said: Vec::new(),
            rma: NO_KEY,
            next: NO_KEY,
            dirty: false,
            told: 0,
            watch: Watch::default(),
            watched: false,
        }
    }
}

impl Refund {
    /// The word whose fields stand: the latest issue, else the latest of all.
    pub(crate) fn standing(&self) -> Option<&Said> {
        standing(&self.said)
            .filter(|said| said.kind == Kind::Issued)
            .max_by_key(|said| (said.stamp.at, said.stamp.tie))
            .or_else(|| latest(&self.said))
    }

    /// When it was first said to be so, or [`NO_TIME`].
    pub(crate) fn first(&self, kind: Kind) -> i64 {
        standing(&self.said)
            .filter(|said| said.kind == kind)
            .fold(NO_TIME, |first, said| earlier(first, said.stamp.at))
    }

    /// The latest that anyone said when it is due.
    pub(crate) fn due_at(&self) -> i64 {
        standing(&self.said)
            .filter(|said| said.due_at != NO_TIME)
            .max_by_key(|said| (said.stamp.at, said.stamp.tie))
            .map_or(NO_TIME, |said| said.due_at)
    }

    /// The return it answers, as the latest word that names one says.
    pub(crate) fn answers(&self) -> u32 {
        standing(&self.said)
            .filter(|said| said.rma != NO_KEY)
            .max_by_key(|said| (said.stamp.at, said.stamp.tie))
            .map_or(NO_KEY, |said| said.rma)
    }
}

/// A word about a refund.
pub(crate) fn said(world: &mut World, stamp: Stamp, event: &events::Refund, kind: Kind) -> u32 {
    let number = world.refund(&event.refund_id);
    let said = Said {
        stamp,
        kind,
        tender: index_of(Tender::ALL, event.tender),
        rma: event.rma_id.as_deref().map_or(NO_KEY, |rma| world.rma(rma)),
        order: event
            .order_id
            .as_deref()
            .map_or(NO_KEY, |order| world.order(order)),
        line: world.symbols.of_option(event.line_id.as_deref()),
        currency: event
            .currency
            .as_deref()
            .map_or(world.currency, |currency| world.symbols.of(currency)),
        amount_minor: event.amount_minor,
        due_at: event.due_at.map_or(NO_TIME, |at| at.micros),
    };
    open(world, number);
    world.refunds.get_mut(number).said.push(said);
    relink(world, number);
    number
}

/// Opens the return that reads a refund.
pub(crate) fn open(world: &mut World, number: u32) {
    world.touch_refund(number);
    let rma = world.refunds.get(number).rma;
    world.open_return(rma);
}

/// Puts the refund on the list of the return it answers.
pub(crate) fn relink(world: &mut World, number: u32) {
    let rma = world.refunds.get(number).answers();
    world.open_return(rma);
    world.link_refund(number, rma);
}
