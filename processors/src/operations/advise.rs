//! Advice on what becomes of an inspected line, and what was done afterwards.
//!
//! A line is advised on when it is inspected, and again when it is inspected again before it ended. The arithmetic is in [`super::recovery`].

use bitcode::{Decode, Encode};
use eddy_events::output::{Data, OutputType};
use eddy_events::returns::{Disposition, Grade, Inspected, Match};
use eddy_events::{Body, Event};

use super::Operations;
use super::recovery::{Ask, VENDOR, weigh};
use crate::facts::NO_TIME;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::returns::{Kind as Step, Line};
use crate::supplier_claims::Kind as Claim;
use crate::world::{World, index_of};

const DAY_US: f64 = 86_400_000_000.0;

/// Which line: number of the return, symbol of the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) struct AdviceKey {
    pub(crate) rma: u32,
    pub(crate) line: u32,
}

/// What was advised, as it was known then, and what was done.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Advice {
    pub(crate) order: u32,
    pub(crate) sku: u32,
    pub(crate) category: u32,
    pub(crate) facility: u32,
    pub(crate) currency: u32,
    pub(crate) policy: u32,
    pub(crate) qty: u32,
    pub(crate) value_minor: i64,
    pub(crate) delivered_at: i64,
    /// Index in `Grade::ALL`.
    pub(crate) grade: u8,
    /// Index in `Disposition::ALL`.
    pub(crate) route: u8,
    pub(crate) expected_minor: i64,
    pub(crate) alternatives: String,
    pub(crate) recommended_at: i64,
    pub(crate) done: Done,
    pub(crate) dirty: bool,
}

/// What was done with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Done {
    /// Index in `Disposition::ALL` plus one, 0 for none.
    pub(crate) decided: u8,
    pub(crate) decided_at: i64,
    pub(crate) end: Option<Step>,
    pub(crate) ended_at: i64,
    pub(crate) recovered_minor: Option<i64>,
}

impl Default for Done {
    fn default() -> Self {
        Self {
            decided: 0,
            decided_at: NO_TIME,
            end: None,
            ended_at: NO_TIME,
            recovered_minor: None,
        }
    }
}

impl Done {
    fn of(line: &Line) -> Self {
        Self {
            decided: line
                .disposition
                .map_or(0, |decided| index_of(Disposition::ALL, decided) + 1),
            decided_at: line.dispositioned_at,
            end: line.end,
            ended_at: line.ended_at,
            recovered_minor: line.recovered_minor,
        }
    }
}

impl Advice {
    pub(crate) fn grade_word(&self) -> &'static str {
        Grade::ALL[usize::from(self.grade)].as_str()
    }

    pub(crate) fn route_word(&self) -> &'static str {
        Disposition::ALL[usize::from(self.route)].as_str()
    }
}

/// The route that an end is.
fn route_of(body: &Body) -> Option<Disposition> {
    match body {
        Body::ReturnRestocked(_) => Some(Disposition::Restock),
        Body::ReturnRefurbished(_) => Some(Disposition::Refurbish),
        Body::ReturnLiquidated(_) => Some(Disposition::Liquidate),
        Body::ReturnScrapped(_) => Some(Disposition::Scrap),
        _ => None,
    }
}

impl Operations {
    /// A return was told of: advice where a line was inspected, and what was done where it was.
    pub(crate) fn heard_line(&mut self, world: &mut World, event: &Event, rma: u32, clock: i64) {
        let line = match &event.body {
            Body::ReturnInspected(body) | Body::ReturnReinspected(body) => {
                return self.advise(world, body, rma, clock);
            }
            Body::ReturnDispositioned(body) => world.symbols.of(&body.line_id),
            Body::ReturnRestocked(body)
            | Body::ReturnRefurbished(body)
            | Body::ReturnLiquidated(body)
            | Body::ReturnScrapped(body) => {
                let line = world.symbols.of(&body.line_id);
                let known = self.advice.find(&AdviceKey { rma, line });
                if let (Some(number), Some(route), Some(recovered)) =
                    (known, route_of(&event.body), body.recovered_minor)
                {
                    self.learn(world, number, route, recovered, event.envelope.time.micros);
                }
                line
            }
            _ => return,
        };
        self.did(world, rma, Some(line));
    }

    /// Something told of a return was voided.
    pub(crate) fn line_voided(&mut self, world: &World, rma: u32) {
        self.did(world, rma, None);
    }

    /// Takes over what was done with a line, or with all of a return.
    fn did(&mut self, world: &World, rma: u32, only: Option<u32>) {
        let (known, _) = world.returns.get(rma).possible_keys();
        let lines = world.return_lines(rma);
        for line in known
            .into_iter()
            .filter(|line| only.is_none_or(|only| only == *line))
        {
            let Some(number) = self.advice.find(&AdviceKey { rma, line }) else {
                continue;
            };
            let found = lines.iter().find(|found| found.line == line);
            let done = found.map_or_else(Done::default, Done::of);
            if self.advice.entries.get(number).value.done != done {
                self.touch_advice(number).done = done;
            }
        }
    }

    fn touch_advice(&mut self, number: u32) -> &mut Advice {
        let advice = &mut self.advice.entries.get_mut(number).value;
        if !std::mem::replace(&mut advice.dirty, true) {
            self.dirty_advice.push(number);
        }
        advice
    }

    fn learn(&mut self, world: &World, number: u32, route: Disposition, recovered_minor: i64, at: i64) {
        let advice = &self.advice.entries.get(number).value;
        let days = days_since(advice.delivered_at, at);
        let category = world.symbols.word(advice.category).unwrap_or_default();
        let kept = self.small.policy.routes.kept(category, days.unwrap_or(0.0));
        let today = (advice.value_minor as f64 * kept).round() as i64;
        let of = (advice.category, advice.grade, index_of(Disposition::ALL, route));
        self.small.learned.brought(of, recovered_minor, today);
    }

    /// A supplier's claim was answered for the first time.
    pub(crate) fn heard_claim(&mut self, world: &World, event: &Event, number: u32) {
        let answered = match &event.body {
            Body::SupplierClaimSettled(body) => body.amount_minor,
            Body::SupplierClaimRejected(_) => 0,
            _ => return,
        };
        let claim = &world.supplier_claims.entries.get(number).value;
        let answers = claim.said.iter().filter(|said| said.kind != Claim::Filed);
        let filed = claim.last(Claim::Filed);
        if let Some(filed) = filed.filter(|_| answers.count() == 1) {
            self.small
                .learned
                .settled(filed.supplier, answered, filed.amount_minor);
        }
    }

    fn advise(&mut self, world: &mut World, body: &Inspected, rma: u32, clock: i64) {
        if !self.small.policy.routes.enabled {
            return;
        }
        let symbol = world.symbols.of(&body.line_id);
        let lines = world.return_lines(rma);
        let Some(line) = lines.iter().find(|line| line.line == symbol) else {
            return;
        };
        let Some(grade) = line.grade.filter(|_| line.end.is_none()) else {
            return;
        };
        let policy = self.small.policy.routes.version(&mut world.symbols);
        let number_of_order = world.returns.get(rma).order;
        let order = (number_of_order != NO_KEY).then(|| world.orders.get(number_of_order));
        let placed = order.and_then(|order| order.standing());
        let at = order.and_then(|order| world.line_of(order, line));
        let sold = at.zip(placed).map(|(at, placed)| &placed.lines[at]);
        let sku = match line.sku {
            NO_KEY => sold.map_or(NO_KEY, |sold| sold.sku),
            sku => sku,
        };
        let entry = (sku != NO_KEY)
            .then(|| world.skus.get(sku))
            .and_then(|sku| sku.entry());
        let category = match sold {
            Some(sold) => world.line_words(sold).1,
            None => entry.map_or(NO_SYMBOL, |entry| entry.category),
        };
        let qty = line.qty().max(1);
        let value_minor = match (sold, entry) {
            (Some(sold), _) => sold.value_of(qty),
            (None, Some(entry)) => entry.price_minor.saturating_mul(i64::from(qty)),
            (None, None) => return,
        };
        let delivered_at = at.map_or(NO_TIME, |at| {
            world.outcome(number_of_order).lines[at].delivered_at
        });
        let supplier = sold
            .map(|sold| sold.supplier)
            .filter(|supplier| *supplier != NO_SYMBOL)
            .or_else(|| entry.map(|entry| entry.supplier))
            .filter(|supplier| *supplier != NO_SYMBOL);
        let routes = &self.small.policy.routes;
        let reason = world.symbols.word(line.group).unwrap_or_default();
        let faulty = routes.vendor_reasons.iter().any(|group| group == reason)
            || body.defects.as_ref().is_some_and(|defects| !defects.is_empty())
                && body.matched.is_none_or(|matched| matched == Match::Match);
        let ask = Ask {
            category,
            category_word: world.symbols.word(category).unwrap_or_default(),
            grade: index_of(Grade::ALL, grade),
            qty,
            value_minor,
            cost_minor: entry
                .map(|entry| entry.cost_minor)
                .filter(|cost| *cost >= 0)
                .map(|cost| cost.saturating_mul(i64::from(qty))),
            age_days: days_since(delivered_at, clock),
            supplier,
            faulty,
        };
        let (weighing, best) = weigh(routes, &self.small.learned, &ask);
        debug_assert!(best <= VENDOR, "a route is one of five");
        let advice = Advice {
            order: number_of_order,
            sku,
            category,
            facility: line.facility,
            currency: placed.map_or(world.currency, |placed| placed.currency),
            policy,
            qty,
            value_minor,
            delivered_at,
            grade: ask.grade,
            route: best as u8,
            expected_minor: weighing.routes[best].expected_minor,
            alternatives: Data::of_ordered(&weighing).into_text(),
            recommended_at: clock,
            done: Done::of(line),
            dirty: self.advice_is_dirty(rma, symbol),
        };
        let key = AdviceKey { rma, line: symbol };
        let told = super::output::advice(world, key, &advice);
        let number = self.advice.number(&key);
        self.advice.entries.get_mut(number).value = advice;
        self.touch_advice(number);
        self.told.push((OutputType::DispositionRecommended, told));
    }

    fn advice_is_dirty(&self, rma: u32, line: u32) -> bool {
        let known = self.advice.find(&AdviceKey { rma, line });
        known.is_some_and(|number| self.advice.entries.get(number).value.dirty)
    }
}

/// Days from one time to another, none when the first is not known.
fn days_since(from: i64, to: i64) -> Option<f64> {
    (from != NO_TIME).then(|| (to - from).max(0) as f64 / DAY_US)
}
