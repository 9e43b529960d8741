//! One order: what was placed, cancelled, confirmed and converted, and the lists of its parcels and returns.
//!
//! The latest placing stands; a conversion later than it sets the payment mode. How far the order has come depends on its parcels
//! and is reckoned in [`crate::outcome`].

use bitcode::{Decode, Encode};
use eddy_events::order::{self as events, Channel, PaymentMode};

use crate::facts::{NO_TIME, Stamp, latest, stamped, standing};
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::world::{World, index_of};

/// One line as placed. Words are symbols, the SKU is a key.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Line {
    pub(crate) line: u32,
    pub(crate) sku: u32,
    pub(crate) style: u32,
    pub(crate) category: u32,
    pub(crate) size: u32,
    pub(crate) supplier: u32,
    pub(crate) seller: u32,
    /// Production batch.
    pub(crate) batch: u32,
    pub(crate) qty: u32,
    pub(crate) unit_price_minor: i64,
    pub(crate) discount_minor: i64,
}

impl Line {
    /// What `qty` pieces of the line cost after its discount, which is spread evenly; rounded down.
    pub(crate) fn value_of(&self, qty: u32) -> i64 {
        let gross = i128::from(self.unit_price_minor) * i128::from(qty);
        let share = i128::from(self.discount_minor) * i128::from(qty) / i128::from(self.qty.max(1));
        i64::try_from(gross - share).unwrap_or(i64::MAX)
    }
}

/// What was placed.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Placed {
    pub(crate) stamp: Stamp,
    pub(crate) customer: u32,
    /// Key of the postal code.
    pub(crate) pincode: u32,
    /// Symbol as stated; the pincode directory fills the gap.
    pub(crate) state: u32,
    pub(crate) currency: u32,
    /// Index in `Channel::ALL`.
    pub(crate) channel: u8,
    /// Index in `PaymentMode::ALL`.
    pub(crate) payment: u8,
    pub(crate) promised_at: i64,
    pub(crate) shipping_fee_minor: i64,
    pub(crate) lines: Box<[Line]>,
}

/// The other things that happen to an order.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) enum Change {
    /// Lines cancelled; none means all.
    Cancelled(Box<[u32]>),
    CodConfirmed(bool),
    /// Index in `PaymentMode::ALL`.
    PaymentConverted(u8),
}

/// One of them.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Changed {
    pub(crate) stamp: Stamp,
    pub(crate) what: Change,
}

stamped!(Placed, Changed);

/// An order.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Order {
    pub(crate) placed: Vec<Placed>,
    pub(crate) changes: Vec<Changed>,
    pub(crate) first_shipment: u32,
    pub(crate) first_return: u32,
    /// Its contribution to sums is taken out, and its rows wait, until the next flush.
    pub(crate) open: bool,
    /// Its own facts, or words that its lines take from elsewhere, changed since the last flush.
    pub(crate) changed: bool,
    /// The milestones that were told, see [`crate::milestones`].
    pub(crate) told: u8,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            placed: Vec::new(),
            changes: Vec::new(),
            first_shipment: NO_KEY,
            first_return: NO_KEY,
            open: false,
            changed: false,
            told: 0,
        }
    }
}

impl Order {
    /// The placing that stands.
    pub(crate) fn standing(&self) -> Option<&Placed> {
        match self.placed.as_slice() {
            [one] if !one.stamp.voided => Some(one),
            many => latest(many),
        }
    }

    /// Whether any fact counts, that is, whether there is a row.
    pub(crate) fn exists(&self) -> bool {
        standing(&self.placed).next().is_some() || standing(&self.changes).next().is_some()
    }

    /// Index of the payment mode in force in `PaymentMode::ALL`.
    pub(crate) fn payment(&self) -> Option<u8> {
        let placed = self
            .standing()
            .map(|placed| (placed.stamp.at, placed.stamp.tie, placed.payment));
        if self.changes.is_empty() {
            return placed.map(|(_, _, mode)| mode);
        }
        let converted = standing(&self.changes)
            .filter_map(|changed| match changed.what {
                Change::PaymentConverted(to) => Some((changed.stamp.at, changed.stamp.tie, to)),
                _ => None,
            })
            .max();
        placed.max(converted).map(|(_, _, mode)| mode)
    }

    /// Whether a line was cancelled.
    pub(crate) fn cancelled(&self, line: u32) -> bool {
        standing(&self.changes).any(|changed| match &changed.what {
            Change::Cancelled(lines) => lines.is_empty() || lines.contains(&line),
            _ => false,
        })
    }

    /// When the last cancellation was told.
    pub(crate) fn cancelled_at(&self) -> Option<i64> {
        standing(&self.changes)
            .filter(|changed| matches!(changed.what, Change::Cancelled(_)))
            .map(|changed| changed.stamp.at)
            .max()
    }

    /// The buyer's last word on paying cash.
    pub(crate) fn cod_confirmed(&self) -> Option<bool> {
        standing(&self.changes)
            .filter_map(|changed| match changed.what {
                Change::CodConfirmed(confirmed) => Some((changed.stamp.at, changed.stamp.tie, confirmed)),
                _ => None,
            })
            .max()
            .map(|(_, _, confirmed)| confirmed)
    }

    /// The time of the latest fact.
    pub(crate) fn updated_at(&self) -> Option<i64> {
        let placed = standing(&self.placed).map(|placed| placed.stamp.at).max();
        placed.max(standing(&self.changes).map(|changed| changed.stamp.at).max())
    }
}

/// An order was placed, or placed again with a correction.
pub(crate) fn placed(world: &mut World, stamp: Stamp, event: &events::Placed) -> u32 {
    let number = world.order(&event.order_id);
    let customer = world.customer(&event.customer_id);
    let pincode = world.pincode(&event.destination_pincode);
    let state = world.symbols.of_option(event.destination_state.as_deref());
    let mut asks = false;
    let mut lines = Vec::with_capacity(event.lines.len());
    for line in &event.lines {
        let sku = world.sku(&line.sku);
        let symbols = &mut world.symbols;
        let line = Line {
            line: symbols.of(&line.line_id),
            sku,
            style: symbols.of_option(line.style.as_deref()),
            category: symbols.of_option(line.category.as_deref()),
            size: symbols.of_option(line.size.as_deref()),
            supplier: symbols.of_option(line.supplier_id.as_deref()),
            seller: symbols.of_option(line.seller_id.as_deref()),
            batch: symbols.of_option(line.batch.as_deref()),
            qty: line.qty,
            unit_price_minor: line.unit_price_minor,
            discount_minor: line.discount_minor.unwrap_or(0),
        };
        asks |= line.style == NO_SYMBOL || line.category == NO_SYMBOL || line.size == NO_SYMBOL;
        // A line id twice in one order would be two rows of one key; the first stands.
        if !lines.iter().any(|other: &Line| other.line == line.line) {
            lines.push(line);
        }
    }
    world.open_case(number);
    if asks {
        for line in &lines {
            if line.style == NO_SYMBOL || line.category == NO_SYMBOL || line.size == NO_SYMBOL {
                world.skus.get_mut(line.sku).askers.push(number);
            }
        }
    }
    world.pincodes.get_mut(pincode).askers.push(number);
    world.first_seen(customer, stamp.at);
    let placed = Placed {
        stamp,
        customer,
        pincode,
        state,
        currency: event
            .currency
            .as_deref()
            .map_or(world.currency, |currency| world.symbols.of(currency)),
        channel: index_of(Channel::ALL, event.channel),
        payment: index_of(PaymentMode::ALL, event.payment_mode),
        promised_at: event.promised_at.map_or(NO_TIME, |at| at.micros),
        shipping_fee_minor: event.shipping_fee_minor.unwrap_or(0),
        lines: lines.into(),
    };
    world.orders.get_mut(number).placed.push(placed);
    number
}

/// Something else happened to an order.
pub(crate) fn changed(world: &mut World, stamp: Stamp, order: &str, what: Change) -> u32 {
    let number = world.order(order);
    world.open_case(number);
    world.orders.get_mut(number).changes.push(Changed { stamp, what });
    number
}

/// The change that a cancellation is.
pub(crate) fn cancelled(world: &mut World, event: &events::Cancelled) -> Change {
    let lines = event
        .line_ids
        .iter()
        .flatten()
        .map(|line| world.symbols.of(line))
        .collect();
    Change::Cancelled(lines)
}

/// The change that a conversion is.
pub(crate) fn converted(to: PaymentMode) -> Change {
    Change::PaymentConverted(index_of(PaymentMode::ALL, to))
}
