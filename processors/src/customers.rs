//! One customer: sums over orders and returns.
//!
//! `first_seen_at` is the earliest time at which any placing or request named the customer, also one that was voided or overruled
//! later: a minimum cannot be taken back, and this one need not.

use bitcode::{Decode, Encode};

use crate::facts::NO_TIME;
use crate::interner::NO_KEY;

/// What one order or return adds, in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Sums {
    pub(crate) orders: i64,
    pub(crate) order_value_minor: i64,
    pub(crate) returned_lines: i64,
    pub(crate) returned_units: i64,
    pub(crate) return_value_minor: i64,
}

impl Sums {
    /// Adds `other`, `sign` times.
    pub(crate) fn add(&mut self, other: &Self, sign: i64) {
        self.orders += sign * other.orders;
        self.order_value_minor += sign * other.order_value_minor;
        self.returned_lines += sign * other.returned_lines;
        self.returned_units += sign * other.returned_units;
        self.return_value_minor += sign * other.return_value_minor;
    }
}

/// A customer.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Customer {
    /// Sums by currency symbol; nearly always one.
    pub(crate) sums: Vec<(u32, Sums)>,
    pub(crate) first_seen_at: i64,
    /// The first customer of the cluster of linked identities, none when not linked. Repeats what follows the log.
    pub(crate) cluster: u32,
    pub(crate) dirty: bool,
}

impl Default for Customer {
    fn default() -> Self {
        Self {
            sums: Vec::new(),
            first_seen_at: NO_TIME,
            cluster: NO_KEY,
            dirty: false,
        }
    }
}

impl Customer {
    /// Adds to the sums of one currency; sums that come to nothing are forgotten.
    pub(crate) fn add(&mut self, currency: u32, sums: &Sums, sign: i64) {
        if let Some(at) = self.sums.iter().position(|(of, _)| *of == currency) {
            self.sums[at].1.add(sums, sign);
            if self.sums[at].1 == Sums::default() {
                self.sums.swap_remove(at);
            }
        } else {
            let mut fresh = Sums::default();
            fresh.add(sums, sign);
            self.sums.push((currency, fresh));
        }
    }
}
