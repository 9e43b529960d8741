//! All state of the folds: entities, sums, and what waits for the next flush.
//!
//! The leaves know nothing of each other; here they are linked (a parcel and a return to their order, a refund to its return), and
//! here a contribution is taken out before anything it depends on changes. Order of use: `open_*` the contributions that a
//! change may touch, change, and in the end [`World::settle`], after which rows can be read.

use std::hint::black_box;
use std::ops::Range;

use eddy_events::order::PaymentMode;

use crate::ahead::Near;
use crate::contributions::Delta;
use crate::courier_lanes::{Key as LaneKey, Lane};
use crate::customers::Customer;
use crate::error::Error;
use crate::exchanges::Exchange;
use crate::facilities::Facility;
use crate::facts::earlier;
use crate::fraud::hashed;
use crate::governance::Register;
use crate::interner::{Interner, NO_KEY, NO_SYMBOL, Symbols};
use crate::key_index::{self, KeysJob, Size, Spilled};
use crate::ledger::{Ledger, PAGE};
use crate::loyalty::{Account, Key as AccountKey};
use crate::orders::{Line, Order, Placed};
use crate::outcome::Outcome;
use crate::pincodes::Pincode;
use crate::rates::sold::{Arrived, Sold};
use crate::refunds::Refund;
use crate::returns::Return;
use crate::shipments::Shipment;
use crate::skus::Sku;
use crate::slab::{self, Paged, Slab};
use crate::supplier_claims::SupplierClaim;
use crate::tariffs::Tariffs;
use crate::zone::Zone;

/// Entities with their keys.
macro_rules! entity {
    ($(#[$meta:meta])* $make:ident, $keys:ident, $slab:ident) => {
        $(#[$meta])*
        pub(crate) fn $make(&mut self, key: &str) -> u32 {
            let number = self.$keys.intern(key);
            self.$slab.reserve(number);
            number
        }
    };
}

/// How far ahead state is touched while sums are put back.
const AHEAD: usize = 8;
/// How many of the slabs hold strings; they come first.
pub(crate) const STRINGS: usize = 9;
/// Which of the slabs hold keys, in the order of [`World::keys`].
pub(crate) const KEY_SLABS: Range<usize> = 1..STRINGS;

/// Which contribution is taken out.
#[derive(Clone, Copy, Debug)]
enum Root {
    Order(u32),
    Shipment(u32),
    Return(u32),
}

/// A contribution that is taken out: its parts in the list of all, and what an order had come to.
#[derive(Debug)]
struct Opened {
    root: Root,
    from: usize,
    to: usize,
    outcome: Option<Outcome>,
}

impl Opened {
    fn near(&self) -> Near {
        match self.root {
            Root::Order(number) => Near::Order(number),
            Root::Shipment(number) => Near::Shipment(number),
            Root::Return(number) => Near::Return(number),
        }
    }
}

/// An order whose rows are due.
#[derive(Debug)]
pub(crate) struct DirtyOrder {
    pub(crate) number: u32,
    pub(crate) outcome: Outcome,
    /// Its own facts or its lines changed, so the rows of its lines are due as well.
    pub(crate) lines: bool,
}

/// Rows that wait for the next flush, by number.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    pub(crate) orders: Vec<DirtyOrder>,
    pub(crate) shipments: Vec<u32>,
    pub(crate) returns: Vec<u32>,
    pub(crate) refunds: Vec<u32>,
    pub(crate) customers: Vec<u32>,
    pub(crate) skus: Vec<u32>,
    pub(crate) lanes: Vec<u32>,
    pub(crate) facilities: Vec<u32>,
    pub(crate) exchanges: Vec<u32>,
    pub(crate) loyalty: Vec<u32>,
    pub(crate) supplier_claims: Vec<u32>,
    pub(crate) governance: bool,
    pub(crate) tariffs: bool,
}

/// The state.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) zone: Zone,
    /// Symbol of the tenant's currency.
    pub(crate) currency: u32,
    pub(crate) symbols: Symbols,
    pub(crate) order_keys: Interner,
    pub(crate) shipment_keys: Interner,
    pub(crate) return_keys: Interner,
    pub(crate) refund_keys: Interner,
    pub(crate) customer_keys: Interner,
    pub(crate) sku_keys: Interner,
    pub(crate) pincode_keys: Interner,
    pub(crate) facility_keys: Interner,
    pub(crate) orders: Slab<Order, PAGE>,
    pub(crate) shipments: Slab<Shipment, PAGE>,
    pub(crate) returns: Slab<Return, PAGE>,
    pub(crate) refunds: Slab<Refund, PAGE>,
    pub(crate) customers: Slab<Customer, PAGE>,
    pub(crate) skus: Slab<Sku, PAGE>,
    pub(crate) pincodes: Slab<Pincode, PAGE>,
    pub(crate) facilities: Slab<Facility, PAGE>,
    pub(crate) lanes: Ledger<LaneKey, Lane>,
    /// By the hash of their id.
    pub(crate) exchanges: Ledger<u64, Exchange>,
    pub(crate) loyalty: Ledger<AccountKey, Account>,
    /// By the hash of their id.
    pub(crate) supplier_claims: Ledger<u64, SupplierClaim>,
    pub(crate) governance: Register,
    pub(crate) tariffs: Tariffs,
    pub(crate) dirty: Dirty,
    /// Delivered lines put in (1) or taken out (-1), for the return rates to take.
    pub(crate) sold: Vec<(Sold, i64)>,
    /// Lines of returns that arrived, likewise.
    pub(crate) arrived: Vec<(Arrived, i64)>,
    open: Vec<Opened>,
    before: Vec<Delta>,
}

impl World {
    /// An empty world.
    pub(crate) fn new(zone: &str, currency: &str) -> Result<Self, Error> {
        let mut symbols = Symbols::default();
        let currency = symbols.of(currency);
        Ok(Self {
            zone: Zone::named(zone)?,
            currency,
            symbols,
            order_keys: Interner::default(),
            shipment_keys: Interner::default(),
            return_keys: Interner::default(),
            refund_keys: Interner::default(),
            customer_keys: Interner::default(),
            sku_keys: Interner::default(),
            pincode_keys: Interner::default(),
            facility_keys: Interner::default(),
            orders: Slab::default(),
            shipments: Slab::default(),
            returns: Slab::default(),
            refunds: Slab::default(),
            customers: Slab::default(),
            skus: Slab::default(),
            pincodes: Slab::default(),
            facilities: Slab::default(),
            lanes: Ledger::default(),
            exchanges: Ledger::default(),
            loyalty: Ledger::default(),
            supplier_claims: Ledger::default(),
            governance: Register::default(),
            tariffs: Tariffs::default(),
            dirty: Dirty::default(),
            sold: Vec::new(),
            arrived: Vec::new(),
            open: Vec::new(),
            before: Vec::new(),
        })
    }

    entity!(
        /// The number of an order.
        order, order_keys, orders
    );
    entity!(
        /// The number of a parcel.
        shipment, shipment_keys, shipments
    );
    entity!(
        /// The number of a return.
        rma, return_keys, returns
    );
    entity!(
        /// The number of a refund.
        refund, refund_keys, refunds
    );
    entity!(
        /// The number of a customer.
        customer, customer_keys, customers
    );
    entity!(
        /// The number of a SKU.
        sku, sku_keys, skus
    );
    entity!(
        /// The number of a postal code.
        pincode, pincode_keys, pincodes
    );
    entity!(
        /// The number of a facility.
        facility, facility_keys, facilities
    );

    /// The number of an exchange.
    pub(crate) fn exchange(&mut self, id: &str) -> u32 {
        let number = self.exchanges.number(&hashed(id));
        let exchange = &mut self.exchanges.entries.get_mut(number).value;
        if exchange.id.is_empty() {
            id.clone_into(&mut exchange.id);
        }
        number
    }

    /// The number of a claim against a supplier.
    pub(crate) fn supplier_claim(&mut self, id: &str) -> u32 {
        let number = self.supplier_claims.number(&hashed(id));
        let claim = &mut self.supplier_claims.entries.get_mut(number).value;
        if claim.id.is_empty() {
            id.clone_into(&mut claim.id);
        }
        number
    }

    /// All paged state, in a fixed order that snapshots rely on.
    pub(crate) fn slabs(&mut self) -> [&mut dyn Paged; 21] {
        [
            &mut self.symbols.0.pages,
            &mut self.order_keys.pages,
            &mut self.shipment_keys.pages,
            &mut self.return_keys.pages,
            &mut self.refund_keys.pages,
            &mut self.customer_keys.pages,
            &mut self.sku_keys.pages,
            &mut self.pincode_keys.pages,
            &mut self.facility_keys.pages,
            &mut self.orders,
            &mut self.shipments,
            &mut self.returns,
            &mut self.refunds,
            &mut self.customers,
            &mut self.skus,
            &mut self.pincodes,
            &mut self.facilities,
            &mut self.lanes.entries,
            &mut self.exchanges.entries,
            &mut self.loyalty.entries,
            &mut self.supplier_claims.entries,
        ]
    }

    /// The keys of all entities, in the order of their slabs.
    pub(crate) fn keys(&mut self) -> [&mut Interner; KEY_SLABS.end - KEY_SLABS.start] {
        [
            &mut self.order_keys,
            &mut self.shipment_keys,
            &mut self.return_keys,
            &mut self.refund_keys,
            &mut self.customer_keys,
            &mut self.sku_keys,
            &mut self.pincode_keys,
            &mut self.facility_keys,
        ]
    }

    /// Builds the indexes again from the restored pages.
    pub(crate) fn reindex(&mut self) {
        self.symbols.0.reindex();
        self.keys().into_iter().for_each(Interner::reindex);
        self.lanes.reindex();
        self.exchanges.reindex();
        self.loyalty.reindex();
        self.supplier_claims.reindex();
    }

    /// What a snapshot is to do with the keys for their indexes to fit `bound` bytes.
    pub(crate) fn begin_keys(&mut self, bound: usize) -> Vec<KeysJob> {
        let keys = self.keys();
        let sizes: Vec<Size> = keys.iter().map(|keys| keys.size()).collect();
        let plan = key_index::plan(bound, &sizes);
        keys.iter()
            .zip(plan)
            .map(|(keys, until)| keys.begin_snapshot(until))
            .collect()
    }

    /// The snapshot is durable: keys it spilled leave memory.
    pub(crate) fn finish_keys(&mut self, spilled: Vec<Spilled>, bound: usize) {
        let mut keys = self.keys();
        for (keys, spilled) in keys.iter_mut().zip(spilled) {
            keys.finish_snapshot(spilled);
        }
        if key_index::over(bound, &keys.each_ref().map(|keys| keys.size())) {
            keys.into_iter().for_each(Interner::trim);
        }
    }

    /// Starts a new age, and drops pages not touched in this one, the coldest first, until the state fits `memory` bytes. Pages that no
    /// snapshot holds stay.
    pub(crate) fn spill(&mut self, memory: usize) {
        slab::spill(&mut self.slabs(), STRINGS, memory);
    }

    /// Bytes held by indexes. Those of the keys are bounded by [`World::begin_keys`]; symbols and lanes are few, and so are
    /// exchanges, adjustments of points and claims.
    pub(crate) fn index_bytes(&mut self) -> usize {
        self.keys().iter().map(|keys| keys.index_bytes()).sum::<usize>()
            + self.symbols.0.index_bytes()
            + self.lanes.index_bytes()
            + self.exchanges.index_bytes()
            + self.loyalty.index_bytes()
            + self.supplier_claims.index_bytes()
    }

    // --- taking contributions out and putting them back -------------------------------------------------------------------

    /// Takes out what an order adds, and marks its rows.
    pub(crate) fn open_order(&mut self, number: u32) {
        if number == NO_KEY || self.orders.get(number).open {
            return;
        }
        let outcome = self.outcome(number);
        let from = self.before.len();
        let mut before = std::mem::take(&mut self.before);
        self.order_contribution(number, &outcome, &mut before);
        self.before = before;
        self.open.push(Opened {
            root: Root::Order(number),
            from,
            to: self.before.len(),
            outcome: Some(outcome),
        });
        self.orders.get_mut(number).open = true;
    }

    /// Takes out what a parcel adds.
    pub(crate) fn open_shipment(&mut self, number: u32) {
        if self.shipments.get(number).open {
            return;
        }
        let from = self.before.len();
        let mut before = std::mem::take(&mut self.before);
        self.shipment_contribution(number, &mut before);
        self.before = before;
        self.open.push(Opened {
            root: Root::Shipment(number),
            from,
            to: self.before.len(),
            outcome: None,
        });
        self.shipments.get_mut(number).open = true;
        self.touch_shipment(number);
    }

    /// Takes out what a return adds, and marks its rows.
    pub(crate) fn open_return(&mut self, number: u32) {
        if number == NO_KEY || self.returns.get(number).open {
            return;
        }
        let from = self.before.len();
        let mut before = std::mem::take(&mut self.before);
        self.return_contribution(number, &mut before);
        self.before = before;
        self.open.push(Opened {
            root: Root::Return(number),
            from,
            to: self.before.len(),
            outcome: None,
        });
        self.returns.get_mut(number).open = true;
    }

    /// Takes out what an order and all that hangs on it add: something they all read is about to change.
    pub(crate) fn open_case(&mut self, order: u32) {
        self.open_order(order);
        self.orders.get_mut(order).changed = true;
        let mut parcel = self.orders.get(order).first_shipment;
        while parcel != NO_KEY {
            self.open_shipment(parcel);
            parcel = self.shipments.get(parcel).next;
        }
        let mut rma = self.orders.get(order).first_return;
        while rma != NO_KEY {
            self.open_return(rma);
            rma = self.returns.get(rma).next;
        }
    }

    /// Marks the row of a parcel.
    pub(crate) fn touch_shipment(&mut self, number: u32) {
        let parcel = self.shipments.get_mut(number);
        if !parcel.dirty {
            parcel.dirty = true;
            self.dirty.shipments.push(number);
        }
    }

    /// Marks the row of a refund.
    pub(crate) fn touch_refund(&mut self, number: u32) {
        let refund = self.refunds.get_mut(number);
        if !refund.dirty {
            refund.dirty = true;
            self.dirty.refunds.push(number);
        }
    }

    /// Marks the row of a facility.
    pub(crate) fn touch_facility(&mut self, number: u32) {
        let facility = self.facilities.get_mut(number);
        if !facility.dirty {
            facility.dirty = true;
            self.dirty.facilities.push(number);
        }
    }

    /// Marks the row of a SKU.
    pub(crate) fn touch_sku(&mut self, number: u32) {
        let sku = self.skus.get_mut(number);
        if !sku.dirty {
            sku.dirty = true;
            self.dirty.skus.push(number);
        }
    }

    /// Marks the row of a customer.
    pub(crate) fn touch_customer(&mut self, number: u32) {
        let customer = self.customers.get_mut(number);
        if !customer.dirty {
            customer.dirty = true;
            self.dirty.customers.push(number);
        }
    }

    /// Marks the row of an exchange.
    pub(crate) fn touch_exchange(&mut self, number: u32) {
        let exchange = &mut self.exchanges.entries.get_mut(number).value;
        if !std::mem::replace(&mut exchange.dirty, true) {
            self.dirty.exchanges.push(number);
        }
    }

    /// Marks the row of an account of points.
    pub(crate) fn touch_loyalty(&mut self, number: u32) {
        let account = &mut self.loyalty.entries.get_mut(number).value;
        if !std::mem::replace(&mut account.dirty, true) {
            self.dirty.loyalty.push(number);
        }
    }

    /// Marks the row of a claim against a supplier.
    pub(crate) fn touch_supplier_claim(&mut self, number: u32) {
        let claim = &mut self.supplier_claims.entries.get_mut(number).value;
        if !std::mem::replace(&mut claim.dirty, true) {
            self.dirty.supplier_claims.push(number);
        }
    }

    /// A placing or request named the customer at `at`.
    pub(crate) fn first_seen(&mut self, customer: u32, at: i64) {
        let of = self.customers.get_mut(customer);
        let first = earlier(of.first_seen_at, at);
        if first != of.first_seen_at {
            of.first_seen_at = first;
            self.touch_customer(customer);
        }
    }

    /// Puts back every contribution that was taken out, as it is now. Afterwards `dirty` names all rows that changed.
    pub(crate) fn settle(&mut self) {
        let open = std::mem::take(&mut self.open);
        let mut before = std::mem::take(&mut self.before);
        let mut after = Vec::with_capacity(16);
        for (
            at,
            Opened {
                root,
                from,
                to,
                outcome: old,
            },
        ) in open.iter().enumerate()
        {
            if let Some(far) = open.get(at + 2 * AHEAD) {
                black_box(far.near().touch(self));
            }
            if let Some(soon) = open.get(at + AHEAD) {
                soon.near().touch(self).touch_order(self);
            }
            after.clear();
            match *root {
                Root::Order(number) => {
                    let outcome = self.outcome(number);
                    self.order_contribution(number, &outcome, &mut after);
                    let order = self.orders.get_mut(number);
                    order.open = false;
                    let changed = std::mem::take(&mut order.changed);
                    let old = old.as_ref().filter(|_| !changed);
                    if old != Some(&outcome) {
                        let lines = old.is_none_or(|old| old.lines != outcome.lines);
                        self.dirty.orders.push(DirtyOrder {
                            number,
                            outcome,
                            lines,
                        });
                    }
                }
                Root::Shipment(number) => {
                    self.shipment_contribution(number, &mut after);
                    self.shipments.get_mut(number).open = false;
                }
                Root::Return(number) => {
                    self.return_contribution(number, &mut after);
                    self.returns.get_mut(number).open = false;
                    self.dirty.returns.push(number);
                }
            }
            let before = &before[*from..*to];
            // Parts come in the same order before and after as a rule, so a change costs only the parts that changed.
            for at in 0..before.len().max(after.len()) {
                match (before.get(at), after.get(at)) {
                    (Some(old), Some(new)) if old == new => {}
                    (old, new) => {
                        if let Some(old) = old {
                            self.apply_delta(old, -1);
                        }
                        if let Some(new) = new {
                            self.apply_delta(new, 1);
                        }
                    }
                }
            }
        }
        before.clear();
        self.before = before;
        let mut open = open;
        open.clear();
        self.open = open;
    }

    // --- reading across leaves -------------------------------------------------------------------------------------------

    /// Style, category and size of a line: its own words, else the catalogue's.
    pub(crate) fn line_words(&self, line: &Line) -> (u32, u32, u32) {
        if line.style != NO_SYMBOL && line.category != NO_SYMBOL && line.size != NO_SYMBOL {
            return (line.style, line.category, line.size);
        }
        let or = |own: u32, other: u32| if own == NO_SYMBOL { other } else { own };
        let (style, category, size) = self.skus.get(line.sku).words();
        (
            or(line.style, style),
            or(line.category, category),
            or(line.size, size),
        )
    }

    /// Destination state of an order: its own word, else the directory's.
    pub(crate) fn state_of(&self, placed: &Placed) -> u32 {
        if placed.state == NO_SYMBOL {
            self.pincodes.get(placed.pincode).state()
        } else {
            placed.state
        }
    }

    /// First character of the destination, by which couriers' lanes are told apart; 0 when there is none.
    pub(crate) fn zone_of(&self, placed: &Placed) -> u8 {
        if placed.pincode == NO_KEY {
            return 0;
        }
        self.pincode_keys.get(placed.pincode).bytes().next().unwrap_or(0)
    }

    /// How the order of a parcel is paid: the order's own word, else cash if the manifest collects some. 255 when not told.
    pub(crate) fn payment_of(&self, shipment: u32) -> u8 {
        let parcel = self.shipments.get(shipment);
        let order = (parcel.order != NO_KEY).then(|| self.orders.get(parcel.order));
        if let Some(mode) = order.and_then(Order::payment) {
            return mode;
        }
        match parcel.manifest() {
            Some(manifest) if manifest.cod => index_of(PaymentMode::ALL, PaymentMode::Cod),
            _ => u8::MAX,
        }
    }
}

/// The place of a word in its vocabulary.
pub(crate) fn index_of<T: PartialEq>(all: &[T], word: T) -> u8 {
    all.iter()
        .position(|other| *other == word)
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(u8::MAX)
}
