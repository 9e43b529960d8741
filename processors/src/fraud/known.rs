//! All that is known of a return just now, as its detectors ask for it. Nothing is changed here.

use std::cell::Cell;

use eddy_events::returns::{Grade, Match, Method, Packaging};

use super::Fraud;
use super::case::{Fact, Inspection, Payback, Receipt, ReturnCase, Sale, What};
use super::finding::{Finding, Subject};
use super::pattern::Pattern;
use super::profile::{DAY_US, Profile};
use crate::facts::{NO_TIME, earlier};
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::orders::{Line, Placed};
use crate::returns::{Request, RequestedLine};
use crate::world::World;

/// What a parcel weighs besides the goods.
const WRAPPING_G: u32 = 60;

/// A return, with what it hangs on.
pub(crate) struct Known<'a> {
    pub(crate) world: &'a World,
    pub(crate) fraud: &'a Fraud,
    pub(crate) rma: u32,
    pub(crate) case: &'a ReturnCase,
    pub(crate) request: &'a Request,
    /// The order named, known or not.
    pub(crate) order: u32,
    pub(crate) placed: Option<&'a Placed>,
    pub(crate) sale: Option<&'a Sale>,
    pub(crate) customer: u32,
    pub(crate) profile: &'a Profile,
    /// What the goods asked back cost.
    pub(crate) value_minor: i64,
    pub(crate) now: i64,
    wake: Cell<i64>,
}

impl<'a> Known<'a> {
    /// What is known of a return, once it was asked for.
    pub(crate) fn of(fraud: &'a Fraud, world: &'a World, rma: u32, now: i64) -> Option<Self> {
        let request = world.returns.get(rma).request()?;
        Some(Self::about(
            fraud,
            world,
            (rma, fraud.cases.get(rma)),
            request,
            now,
        ))
    }

    /// A return that nobody has asked for yet. Only detectors that look at its customer may see it.
    pub(crate) fn imagined(
        fraud: &'a Fraud,
        world: &'a World,
        case: &'a ReturnCase,
        request: &'a Request,
        now: i64,
    ) -> Self {
        Self::about(fraud, world, (NO_KEY, case), request, now)
    }

    fn about(
        fraud: &'a Fraud,
        world: &'a World,
        (rma, case): (u32, &'a ReturnCase),
        request: &'a Request,
        now: i64,
    ) -> Self {
        let order = request.order;
        let placed = (order != NO_KEY)
            .then(|| world.orders.get(order).standing())
            .flatten();
        let sale = (order != NO_KEY && fraud.sales.holds(order)).then(|| fraud.sales.get(order));
        let customer = match request.customer {
            NO_KEY => placed.map_or(NO_KEY, |placed| placed.customer),
            customer => customer,
        };
        let mut known = Self {
            world,
            fraud,
            rma,
            case,
            request,
            order,
            placed,
            sale,
            customer,
            profile: fraud.profile(customer),
            value_minor: 0,
            now,
            wake: Cell::new(NO_TIME),
        };
        known.value_minor = request
            .lines
            .iter()
            .map(|line| known.value_of(line))
            .fold(0, i64::saturating_add);
        known
    }

    /// A number of the policy.
    pub(crate) fn number(&self, pattern: Pattern, at: usize) -> f64 {
        self.fraud.small.policy.number(pattern, at)
    }

    /// A finding about this return, of which `share` of the value would be lost.
    pub(crate) fn finds(&self, pattern: Pattern, strength: f64, share: f64) -> Finding {
        let loss = (self.value_minor as f64 * share).round() as i64;
        Finding::new(pattern, Subject::Return(self.rma), strength, loss)
    }

    /// Asks to be looked at again at `at`, when something is still to come until then. Whether it is past.
    pub(crate) fn due(&self, at: i64) -> bool {
        if at > self.now {
            self.wake.set(earlier(self.wake.get(), at));
        }
        at <= self.now
    }

    /// When it is to be looked at again.
    pub(crate) fn wake_at(&self) -> i64 {
        self.wake.get()
    }

    /// The line of the order that a line of the request names.
    pub(crate) fn sold(&self, asked: &RequestedLine) -> Option<&'a Line> {
        let lines = &self.placed?.lines;
        lines
            .iter()
            .find(|line| line.line == asked.line && asked.line != NO_SYMBOL)
            .or_else(|| lines.iter().find(|line| line.sku == asked.sku))
    }

    /// What was paid for a line asked back; by the catalogue where no sale is known.
    pub(crate) fn value_of(&self, asked: &RequestedLine) -> i64 {
        match self.sold(asked) {
            Some(line) => line.value_of(asked.qty),
            None => {
                let entry = self.world.skus.get(asked.sku).entry();
                entry
                    .map_or(0, |entry| entry.price_minor)
                    .saturating_mul(i64::from(asked.qty))
            }
        }
    }

    /// Pieces asked back.
    pub(crate) fn pieces(&self) -> u32 {
        self.request
            .lines
            .iter()
            .fold(0, |sum, line| sum.saturating_add(line.qty))
    }

    /// Whether a line gives a reason of this group.
    pub(crate) fn reason(&self, group: &str) -> bool {
        let says = |symbol| self.world.symbols.word(symbol) == Some(group);
        self.request.lines.iter().any(|line| says(line.group))
    }

    /// The event that asked for it.
    pub(crate) fn asked(&self) -> Option<&'a Fact> {
        self.last(|what| matches!(what, What::Requested { .. }))
    }

    /// Whether it was brought to a counter.
    pub(crate) fn at_counter(&self) -> bool {
        Method::ALL.get(usize::from(self.request.method)) == Some(&Method::InStore)
    }

    /// Whether it stands: neither cancelled nor refused.
    pub(crate) fn stands(&self) -> bool {
        self.world.returns.get(self.rma).stands()
    }

    /// The latest fact of a kind.
    pub(crate) fn last(&self, of: impl Fn(&What) -> bool) -> Option<&'a Fact> {
        let facts = self.case.facts.iter().filter(|fact| of(&fact.what));
        facts.max_by_key(|fact| (fact.at, fact.tie))
    }

    /// The earliest fact of a kind.
    pub(crate) fn first(&self, of: impl Fn(&What) -> bool) -> Option<&'a Fact> {
        let facts = self.case.facts.iter().filter(|fact| of(&fact.what));
        facts.min_by_key(|fact| (fact.at, fact.tie))
    }

    /// When the courier took it.
    pub(crate) fn handed(&self) -> Option<&'a Fact> {
        self.first(|what| matches!(what, What::Handed { .. }))
    }

    /// The courier's own report of loss or damage.
    pub(crate) fn lost(&self) -> Option<&'a Fact> {
        self.first(|what| matches!(what, What::Lost))
    }

    /// Receipts at facilities.
    pub(crate) fn receipts(&self) -> impl Iterator<Item = (&'a Fact, &'a Receipt)> {
        self.case.facts.iter().filter_map(|fact| match &fact.what {
            What::Received(receipt) => Some((fact, &**receipt)),
            _ => None,
        })
    }

    /// Refunds, the latest word of each.
    pub(crate) fn refunds(&self) -> Vec<(&'a Fact, &'a Payback)> {
        let mut refunds: Vec<(&Fact, &Payback)> = Vec::new();
        for fact in &self.case.facts {
            let What::Refunded(payback) = &fact.what else {
                continue;
            };
            match refunds
                .iter_mut()
                .find(|(_, known)| known.refund == payback.refund)
            {
                Some(known) if (known.0.at, known.0.tie) < (fact.at, fact.tie) => *known = (fact, payback),
                Some(_) => {}
                None => refunds.push((fact, payback)),
            }
        }
        refunds
    }

    /// Inspections, the latest of each line.
    pub(crate) fn inspections(&self) -> Vec<(&'a Fact, Inspection)> {
        let mut found: Vec<(&Fact, Inspection)> = Vec::new();
        for fact in &self.case.facts {
            let What::Inspected(inspection) = fact.what else {
                continue;
            };
            match found.iter_mut().find(|(_, known)| known.line == inspection.line) {
                Some(known) if (known.0.at, known.0.tie) < (fact.at, fact.tie) => {
                    *known = (fact, inspection);
                }
                Some(_) => {}
                None => found.push((fact, inspection)),
            }
        }
        found
    }

    /// An inspection that found the goods to be this.
    pub(crate) fn matched(&self, as_what: Match) -> Option<(&'a Fact, Inspection)> {
        self.inspections()
            .into_iter()
            .find(|(_, inspection)| Match::ALL.get(usize::from(inspection.matched)) == Some(&as_what))
    }

    /// Packaging as it came in.
    pub(crate) fn packaging(&self, state: Packaging) -> Option<&'a Fact> {
        self.receipts()
            .find(|(_, receipt)| Packaging::ALL.get(usize::from(receipt.packaging)) == Some(&state))
            .map(|(fact, _)| fact)
    }

    /// What the goods should weigh: as the catalogue says, else as declared for the way back.
    pub(crate) fn expected_g(&self) -> Option<u32> {
        let mut sum = WRAPPING_G;
        for line in &self.request.lines {
            let weight = self.fraud.article(line.sku).weight_g;
            if weight == 0 {
                let sent = self.last(|what| matches!(what, What::Sent { weight_g, .. } if *weight_g > 0));
                return sent.and_then(|fact| match fact.what {
                    What::Sent { weight_g, .. } => Some(weight_g),
                    _ => None,
                });
            }
            sum = sum.saturating_add(weight.saturating_mul(line.qty));
        }
        Some(sum)
    }

    /// What the courier weighed when it took the parcel, as a share of what it should weigh.
    pub(crate) fn weight_at_pickup(&self) -> Option<(&'a Fact, u32, f64)> {
        let expected = self.expected_g()?;
        let fact = self.first(|what| matches!(what, What::Handed { weight_g } if *weight_g > 0))?;
        let What::Handed { weight_g } = fact.what else {
            return None;
        };
        Some((fact, weight_g, f64::from(weight_g) / f64::from(expected)))
    }

    /// What came in weighed: at the facility, else by the courier at its door.
    pub(crate) fn weight_at_door(&self) -> Option<(&'a Fact, u32, f64)> {
        let expected = f64::from(self.expected_g()?);
        let mut received: Option<(&Fact, u32)> = None;
        for (fact, receipt) in self.receipts().filter(|(_, receipt)| receipt.weight_g > 0) {
            let sum = received
                .map_or(0, |(_, sum)| sum)
                .saturating_add(receipt.weight_g);
            received = Some((received.map_or(fact, |(first, _)| first), sum));
        }
        if let Some((fact, weight)) = received {
            return Some((fact, weight, f64::from(weight) / expected));
        }
        let fact = self.first(|what| matches!(what, What::Arrived { weight_g, .. } if *weight_g > 0))?;
        match fact.what {
            What::Arrived { weight_g, .. } => Some((fact, weight_g, f64::from(weight_g) / expected)),
            _ => None,
        }
    }

    /// Days in which the goods may come back, the shortest of the lines.
    pub(crate) fn window_days(&self) -> Option<f64> {
        self.request
            .lines
            .iter()
            .map(|line| self.fraud.article(line.sku).returnable_days)
            .filter(|days| *days > 0)
            .min()
            .map(f64::from)
    }

    /// Share of the window that had passed when it was asked for.
    pub(crate) fn lateness(&self) -> Option<f64> {
        let delivered = self.sale?.delivered_at;
        if delivered == NO_TIME {
            return None;
        }
        let days = (self.request.stamp.at - delivered) as f64 / DAY_US as f64;
        Some(days / self.window_days()?)
    }

    /// The worst grade given.
    pub(crate) fn grade(&self) -> Option<Grade> {
        self.inspections()
            .iter()
            .map(|(_, inspection)| inspection.grade)
            .max()
            .and_then(|grade| Grade::ALL.get(usize::from(grade)).copied())
    }

    /// The other returns of the same order that stand.
    pub(crate) fn siblings(&self) -> impl Iterator<Item = u32> + '_ {
        let first = match self.order {
            NO_KEY => NO_KEY,
            order => self.world.orders.get(order).first_return,
        };
        let mut next = first;
        std::iter::from_fn(move || {
            let of = (next != NO_KEY).then_some(next)?;
            next = self.world.returns.get(of).next;
            Some(of)
        })
        .filter(|of| *of != self.rma && self.world.returns.get(*of).stands())
        .take(64)
    }
}
