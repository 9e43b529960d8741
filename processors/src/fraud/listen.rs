//! What each event means for fraud: which fact it adds to which case, what it says of its customer and their links, and what is to be looked at because of it.

use eddy_events::money;
use eddy_events::order::{Channel, Placed};
use eddy_events::returns::{Grade, Match, Packaging};
use eddy_events::{Body, Event};

use super::case::{Article, Fact, Got, Inspection, Payback, Receipt, What, flag};
use super::detectors::window_gaming;
use super::graph::{Asked, Shared};
use super::known::Known;
use super::policy::Policy;
use super::review::Word;
use super::timers::Due;
use super::{Fraud, hashed, hashed_option};
use crate::fold::Owner;
use crate::interner::NO_KEY;
use crate::ndr::Now;
use crate::world::{World, index_of};

/// Hears an event that the other folds have taken in; it told of `owner` and is known to facts by `tie`. The error says why a policy cannot be read; the one before
/// stays in force.
pub(crate) fn hear(
    fraud: &mut Fraud,
    world: &mut World,
    event: &Event,
    (owner, tie): (Owner, u32),
    now: Now,
) -> Result<(), String> {
    let mut slip = Ok(());
    match owner {
        Owner::Order(number) => fraud.hear_order(world, event, number, now),
        Owner::Shipment(number) => fraud.hear_parcel(world, event, number, tie, now),
        Owner::Return(number) => fraud.hear_return(world, event, number, tie, now),
        Owner::Refund(number) => fraud.hear_refund(world, event, number, tie, now),
        Owner::Sku(number) => fraud.hear_article(event, number),
        Owner::Governance => {
            if let Body::PolicyPublished(published) = &event.body
                && !fraud.held
                && let Some(body) = &published.body
            {
                match Policy::of_body(body, &published.version) {
                    Some(Ok(policy)) => fraud.small.policy = policy,
                    Some(Err(error)) => slip = Err(error),
                    None => {}
                }
            }
        }
        Owner::None | Owner::Exchange(_) => fraud.hear_other(world, event, tie, now),
        _ => {}
    }
    fraud.fire(world, now);
    slip
}

impl Fraud {
    /// What was due is done. Its cause is the event that moved the clock there.
    pub(crate) fn fire(&mut self, world: &World, now: Now) {
        while let Some(due) = self.small.timers.take(now.clock) {
            match due {
                Due::Return(rma) => {
                    self.cases.get_mut(rma).wake_at = crate::facts::NO_TIME;
                    self.assess(world, rma, now);
                }
                Due::Alert(number) => self.expire(world, number, now.clock),
            }
        }
    }

    /// Of what an event told that no projection keeps but fraud does, so that voiding it finds it.
    pub(crate) fn owner_of(&mut self, world: &World, event: &Event, owner: Owner) -> Owner {
        match &event.body {
            Body::ClaimSubmitted(body) | Body::ClaimResolved(body) => {
                Owner::Claim(self.claims.number(&hashed(&body.claim_id)))
            }
            Body::AuditSampleReviewed(body) => world
                .return_keys
                .find(&body.rma_id)
                .map_or(Owner::None, Owner::Return),
            _ => owner,
        }
    }

    /// An event was voided: what it told of returns and claims is forgotten. Counts that it moved, of what a customer bought or an employee refunded, stay: they
    /// fade. Verdicts stay until another word takes them back.
    pub(crate) fn voided(&mut self, world: &World, (owner, touched): (Owner, &[u32]), tie: u32, now: Now) {
        if let Owner::Claim(number) = owner {
            self.claim_voided(world, number, tie, now);
        }
        for rma in touched {
            if self.cases.holds(*rma) {
                self.audit_voided(*rma, tie);
                self.cases.get_mut(*rma).void(tie);
                self.assess(world, *rma, now);
            }
        }
        self.fire(world, now);
    }

    /// The returns that a voided event of `owner` may touch. Asked before the event is voided.
    pub(crate) fn touched_by(&self, world: &World, owner: Owner) -> Vec<u32> {
        let one = |rma: u32| if rma == NO_KEY { Vec::new() } else { vec![rma] };
        match owner {
            Owner::Return(rma) => one(rma),
            Owner::Refund(number) => one(world.refunds.get(number).rma),
            Owner::Shipment(number) => one(rma_of(world, number)),
            Owner::Order(order) => self.returns_of_order(world, order),
            Owner::Exchange(number) => crate::exchanges::returns_of(world, number),
            Owner::Claim(number) => {
                let order = self.claims.entries.get(number).value.order;
                let known = order != NO_KEY && !self.claims.entries.get(number).value.told.is_empty();
                if known {
                    self.returns_of_order(world, order)
                } else {
                    Vec::new()
                }
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn returns_of_order(&self, world: &World, order: u32) -> Vec<u32> {
        let mut returns = Vec::new();
        let mut next = world.orders.get(order).first_return;
        while next != NO_KEY && returns.len() < 64 {
            returns.push(next);
            next = world.returns.get(next).next;
        }
        returns
    }

    fn hear_order(&mut self, world: &mut World, event: &Event, order: u32, now: Now) {
        self.sales.reserve(order);
        if let Body::OrderPlaced(body) = &event.body
            && let Some(placed) = world.orders.get(order).standing()
        {
            let customer = placed.customer;
            let sale = self.sales.get_mut(order);
            sale.instrument = hashed_option(body.instrument_hash.as_deref());
            sale.gift = body.gift == Some(true);
            self.profiles.reserve(customer);
            self.meet(world, customer, body);
            if body.channel == Channel::Store
                && !std::mem::replace(&mut self.sales.get_mut(order).counted, true)
            {
                self.sales.get_mut(order).delivered_at = event.envelope.time.micros;
                self.bought(world, order, None, event.envelope.time.micros);
            }
            self.assess_order(world, order, body.address_quality, now);
        }
        for rma in self.returns_of_order(world, order) {
            self.assess(world, rma, now);
        }
    }

    /// A customer showed who they are.
    fn meet(&mut self, world: &mut World, customer: u32, body: &Placed) {
        let links = self.small.policy.links;
        let values = [
            (Shared::Phone, &body.phone_hash),
            (Shared::Instrument, &body.instrument_hash),
            // A present goes to somebody else's door.
            (
                Shared::Address,
                if body.gift == Some(true) {
                    &None
                } else {
                    &body.address_hash
                },
            ),
            (Shared::Device, &body.device_hash),
        ];
        for (shared, value) in values {
            if let Some(value) = value {
                let value = (shared, hashed(value));
                self.graph.meet(world, &mut self.profiles, links, customer, value);
            }
        }
        if let Some(network) = &body.ip_hash {
            self.graph.network(customer, hashed(network));
        }
    }

    fn hear_return(&mut self, world: &mut World, event: &Event, rma: u32, tie: u32, now: Now) {
        let what = match &event.body {
            Body::ReturnRequested(body) => Some(What::Requested {
                image: hashed_option(body.image_hash.as_deref()),
                agent: hashed_option(body.agent.as_deref()),
            }),
            Body::ReturnPickedUp(_) => Some(What::Handed { weight_g: 0 }),
            Body::ReturnPickupFailed(_) => Some(What::NotHanded),
            Body::ReturnReceived(body) => Some(What::Received(Box::new(Receipt {
                facility: world.facility(&body.facility),
                lines: body
                    .lines
                    .iter()
                    .map(|line| Got {
                        line: world.symbols.of(&line.line_id),
                        sku: world.sku(&line.sku),
                        qty: line.qty,
                        serial: line.serial.as_deref().unwrap_or_default().to_owned(),
                    })
                    .collect(),
                weight_g: body.weight_g.unwrap_or(0),
                packaging: body
                    .packaging
                    .map_or(u8::MAX, |state| index_of(Packaging::ALL, state)),
            }))),
            Body::ReturnInspected(body) | Body::ReturnReinspected(body) => {
                Some(What::Inspected(Inspection {
                    line: world.symbols.of(&body.line_id),
                    grade: index_of(Grade::ALL, body.grade),
                    matched: body.matched.map_or(u8::MAX, |found| index_of(Match::ALL, found)),
                    worn: flag(body.worn),
                    tags: flag(body.tags_present),
                    defects: body.defects.as_ref().is_some_and(|defects| !defects.is_empty()),
                }))
            }
            Body::ReturnCancelled(_) | Body::ReturnRejected(_) => Some(What::Ended),
            Body::ReturnClosed(_) => Some(What::Closed),
            Body::ReturnReopened(_) => Some(What::Reopened),
            // What follows on the shelf says nothing new.
            _ => None,
        };
        let Some(what) = what else { return };
        self.cases.reserve(rma);
        let mismatched = matches!(&what, What::Inspected(found)
            if found.matched == index_of(Match::ALL, Match::MismatchClass));
        let fact = fact(world, event, tie, what);
        self.cases.get_mut(rma).tell(fact);
        if let Body::ReturnRequested(body) = &event.body {
            self.asked(world, rma, body.device_hash.as_deref(), now);
        }
        if matches!(event.body, Body::ReturnCancelled(_) | Body::ReturnRejected(_)) {
            self.called_off(world, rma);
        }
        let order = world.returns.get(rma).order;
        if mismatched
            && let Some(packer) = self
                .sale(order)
                .map(|sale| sale.packer)
                .filter(|packer| *packer != 0)
        {
            let number = self.packers.number(&packer);
            self.packers.entries.get_mut(number).value.hits += 1.0;
        }
        self.assess(world, rma, now);
    }

    /// A return was asked for: once it counts for its customer.
    fn asked(&mut self, world: &mut World, rma: u32, device: Option<&str>, now: Now) {
        let Some(known) = Known::of(self, world, rma, now.clock) else {
            return;
        };
        let (customer, at, value) = (known.customer, known.request.stamp.at, known.value_minor);
        let lines = known.request.lines.len() as f32;
        let deadline = window_gaming::at_deadline(&known).is_some();
        let categories: Vec<u32> = known
            .request
            .lines
            .iter()
            .filter_map(|asked| Some(world.line_words(known.sold(asked)?).1))
            .collect();
        if customer == NO_KEY || self.cases.get(rma).customer != NO_KEY {
            return;
        }
        self.profiles.reserve(customer);
        if let Some(device) = device {
            let links = self.small.policy.links;
            let value = (Shared::Device, hashed(device));
            self.graph.meet(world, &mut self.profiles, links, customer, value);
        }
        for category in categories {
            self.small.peers.returns.entry(category).or_default().hits += 1.0;
        }
        let profile = self.profiles.get_mut(customer);
        profile.age(at);
        profile.returned += lines;
        profile.returned_minor += value as f32;
        profile.velocity += lines;
        profile.deadlines += f32::from(u8::from(deadline));
        let previous = std::mem::replace(&mut profile.last_return, rma);
        let case = self.cases.get_mut(rma);
        case.customer = customer;
        case.previous = previous;
        let asked = Asked { customer, rma, at };
        self.graph.asked(self.profiles.get(customer), asked);
        // What this return completes may be a burst to which the others belong.
        let profile = self.profiles.get(customer);
        let burst: Vec<u32> = profile
            .values
            .iter()
            .filter_map(|value| self.graph.value(*value).partners())
            .flat_map(|partners| partners.asked.iter().map(|asked| asked.rma))
            .filter(|other| *other != rma)
            .take(16)
            .collect();
        burst.into_iter().for_each(|other| self.also(other));
    }

    /// A return was cancelled or refused: it was none.
    fn called_off(&mut self, world: &World, rma: u32) {
        let Some(request) = world.returns.get(rma).request() else {
            return;
        };
        let lines = request.lines.len() as f32;
        let customer = self.cases.get(rma).customer;
        if customer != NO_KEY {
            let profile = self.profiles.get_mut(customer);
            profile.returned = (profile.returned - lines).max(0.0);
            profile.velocity = (profile.velocity - lines).max(0.0);
        }
    }

    fn hear_refund(&mut self, world: &mut World, event: &Event, number: u32, tie: u32, now: Now) {
        let (Body::RefundInitiated(body) | Body::RefundIssued(body)) = &event.body else {
            return;
        };
        let rma = world.refunds.get(number).rma;
        if rma == NO_KEY {
            return;
        }
        let agent = hashed_option(body.agent.as_deref());
        let payback = Payback {
            refund: number,
            line: world.symbols.of_option(body.line_id.as_deref()),
            amount_minor: body.amount_minor,
            instrument: hashed_option(body.instrument_hash.as_deref()),
            tender: index_of(money::Tender::ALL, body.tender),
            receipt: flag(body.receipt_shown),
            agent,
        };
        self.cases.reserve(rma);
        let first = !self
            .cases
            .get(rma)
            .facts
            .iter()
            .any(|fact| matches!(&fact.what, What::Refunded(known) if known.refund == number));
        let fact = fact(world, event, tie, What::Refunded(Box::new(payback)));
        self.cases.get_mut(rma).tell(fact);
        if let Some(name) = body.agent.as_deref().filter(|_| first) {
            let bare = body.receipt_shown == Some(false);
            let customer = self.cases.get(rma).customer;
            let of = self.employees.number(&agent);
            let of = &mut self.employees.entries.get_mut(of).value;
            if of.name.is_empty() {
                name.clone_into(&mut of.name);
            }
            of.refunded(event.envelope.time.micros, customer, bare);
            self.small.peers.unreceipted.tries += 1.0;
            self.small.peers.unreceipted.hits += f64::from(u8::from(bare));
        }
        self.assess(world, rma, now);
    }

    fn hear_article(&mut self, event: &Event, sku: u32) {
        if let Body::ContextCatalogueItemUpdated(body) = &event.body {
            self.articles.reserve(sku);
            *self.articles.get_mut(sku) = Article {
                weight_g: body.weight_g.unwrap_or(0),
                returnable_days: body.returnable_days.unwrap_or(0),
                fragile: body.fragile == Some(true),
            };
        }
    }

    fn hear_other(&mut self, world: &mut World, event: &Event, tie: u32, now: Now) {
        match &event.body {
            Body::ClaimSubmitted(body) | Body::ClaimResolved(body) => {
                self.hear_claim(world, event, body, tie, now)
            }
            Body::ExchangeCreated(body) => {
                let rma = world.rma(&body.rma_id);
                let line = world.symbols.of(&body.line_id);
                let fact = fact(world, event, tie, What::Exchanged { line });
                self.cases.reserve(rma);
                self.cases.get_mut(rma).tell(fact);
                self.assess(world, rma, now);
            }
            Body::AlertAssigned(body) => self.spoke(world, body, Word::Assigned, now),
            Body::AlertReviewed(body) => self.spoke(world, body, Word::Reviewed, now),
            Body::AlertAppealed(body) => self.spoke(world, body, Word::Appealed, now),
            Body::AlertOverturned(body) => self.spoke(world, body, Word::Overturned, now),
            Body::AuditSampleReviewed(body) => self.audited(world, body, tie, now),
            _ => {}
        }
    }
}

/// The return that a parcel brings back.
fn rma_of(world: &World, parcel: u32) -> u32 {
    world
        .shipments
        .get(parcel)
        .manifest()
        .map_or(NO_KEY, |manifest| manifest.rma)
}

pub(super) fn fact(world: &mut World, event: &Event, tie: u32, what: What) -> Fact {
    Fact {
        at: event.envelope.time.micros,
        tie,
        source: world.symbols.of(&event.envelope.source),
        id: event.envelope.id.as_str().into(),
        what,
    }
}
