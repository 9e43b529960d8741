//! Matching: rows that offer (a purchase) and rows that want (a return), joined by a key, a time and what is left.
//!
//! The only state that lives longer than a group. It is rebuilt by mapping the file from its beginning, so nothing of it is saved.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Prefer;
use super::value::Value;

/// Offers of all keys.
#[derive(Debug)]
pub(super) struct Ledger {
    prefer: Prefer,
    offers: FxHashMap<String, Vec<Offer>>,
}

#[derive(Debug)]
struct Offer {
    time: i64,
    left: i64,
    kept: Arc<[Value<'static>]>,
}

impl Ledger {
    pub(super) fn new(prefer: Prefer) -> Self {
        Self {
            prefer,
            offers: FxHashMap::default(),
        }
    }

    /// Adds an offer.
    pub(super) fn offer(&mut self, key: &str, time: i64, quantity: i64, kept: Arc<[Value<'static>]>) {
        let offer = Offer {
            time,
            left: quantity,
            kept,
        };
        match self.offers.get_mut(key) {
            Some(offers) => offers.push(offer),
            None => {
                self.offers.insert(key.to_owned(), vec![offer]);
            }
        }
    }

    /// Takes `quantity` from the preferred offer that is not younger than `time` and holds enough; among offers of one time the later
    /// row counts as the later offer.
    pub(super) fn want(&mut self, key: &str, time: i64, quantity: i64) -> Option<Arc<[Value<'static>]>> {
        let offers = self.offers.get_mut(key)?;
        let fits = |offer: &&mut Offer| offer.time <= time && offer.left >= quantity;
        let offer = match self.prefer {
            Prefer::Latest => offers.iter_mut().filter(fits).max_by_key(|offer| offer.time),
            Prefer::Earliest => offers.iter_mut().filter(fits).min_by_key(|offer| offer.time),
        }?;
        offer.left -= quantity;
        Some(Arc::clone(&offer.kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &'static str) -> Arc<[Value<'static>]> {
        Arc::new([Value::text(name)])
    }

    #[test]
    fn a_return_takes_from_the_latest_purchase_that_still_holds_enough() {
        let mut ledger = Ledger::new(Prefer::Latest);
        ledger.offer("c|s", 10, 5, kept("first"));
        ledger.offer("c|s", 20, 2, kept("second"));
        ledger.offer("c|s", 40, 9, kept("after the return"));
        assert_eq!(ledger.want("c|s", 30, 2).as_deref(), Some(&*kept("second")));
        assert_eq!(ledger.want("c|s", 30, 1).as_deref(), Some(&*kept("first")));
        assert_eq!(ledger.want("c|s", 30, 5), None);
        assert_eq!(ledger.want("other|s", 30, 1), None);
        assert_eq!(ledger.want("c|s", 5, 1), None);
    }
}
