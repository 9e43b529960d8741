//! What a claim says of its order, of its customer and of the image that came with it.

use eddy_events::Event;
use eddy_events::money::{Claim, ClaimKind};

use super::{Fraud, hashed, hashed_option};
use crate::interner::NO_SYMBOL;
use crate::ndr::Now;
use crate::world::{World, index_of};

/// Events kept of one claim.
const TOLD: usize = 16;

impl Fraud {
    pub(super) fn hear_claim(&mut self, world: &mut World, event: &Event, body: &Claim, tie: u32, now: Now) {
        let key = hashed(&body.claim_id);
        let number = self.claims.number(&key);
        let fresh = !self.claims.entries.get(number).value.stands();
        let order = world.order(&body.order_id);
        let customer = world.customer(&body.customer_id);
        if fresh {
            let image = hashed_option(body.image_hash.as_deref());
            let before = (image != 0).then(|| self.images.find(&image)).flatten();
            let before = before
                .map(|at| self.images.entries.get(at).value)
                .filter(|of| *of != number);
            if image != 0 && self.images.find(&image).is_none() {
                let at = self.images.number(&image);
                self.images.entries.get_mut(at).value = number;
            }
            let line = world.symbols.of_option(body.line_id.as_deref());
            let source = world.symbols.of(&event.envelope.source);
            let claim = &mut self.claims.entries.get_mut(number).value;
            claim.id = body.claim_id.to_string();
            claim.order = order;
            claim.line = line;
            claim.customer = customer;
            claim.kind = index_of(ClaimKind::ALL, body.kind);
            claim.amount_minor = body.amount_minor;
            claim.image = image;
            claim.same_image = before;
            claim.submitted_at = event.envelope.time.micros;
            claim.event = (source, event.envelope.id.to_string());
            self.sales.reserve(order);
            let more = self.sales.get_mut(order).more();
            if !more.claims.contains(&number) {
                more.claims.push(number);
            }
            self.count(world, number, event.envelope.time.micros, 1.0);
        }
        let rejected = body.outcome.as_deref() == Some("rejected");
        let told = &mut self.claims.entries.get_mut(number).value.told;
        if told.len() < TOLD {
            told.push((tie, rejected));
        }
        self.assess_claim(world, number, now);
        for rma in self.returns_of_order(world, order) {
            self.assess(world, rma, now);
        }
    }

    /// Counts a claim for its customer and among all, or takes it back with a `sign` of -1.
    fn count(&mut self, world: &World, number: u32, at: i64, sign: f32) {
        let claim = &self.claims.entries.get(number).value;
        let (order, line, customer, kind) = (claim.order, claim.line, claim.customer, claim.kind);
        let fragile = line != NO_SYMBOL && self.is_fragile(world, order, line);
        self.profiles.reserve(customer);
        let profile = self.profiles.get_mut(customer);
        profile.age(at);
        let peers = &mut self.small.peers;
        let (own, all) = match ClaimKind::ALL.get(usize::from(kind)) {
            Some(ClaimKind::Damaged) => (
                &mut profile.damages,
                &mut peers.damages[usize::from(!fragile)].hits,
            ),
            Some(ClaimKind::NotReceived) => (&mut profile.losses, &mut peers.losses.hits),
            _ => return,
        };
        // What faded of it meanwhile is not there to be taken back.
        *own = (*own + sign).max(0.0);
        *all = (*all + f64::from(sign)).max(0.0);
    }

    /// An event about a claim was voided. With the last of them the claim itself goes.
    pub(super) fn claim_voided(&mut self, world: &World, number: u32, tie: u32, now: Now) {
        let claim = &mut self.claims.entries.get_mut(number).value;
        let before = claim.told.len();
        claim.told.retain(|(of, _)| *of != tie);
        if claim.told.len() == before {
            return;
        }
        let submitted_at = claim.submitted_at;
        if !claim.stands() {
            self.count(world, number, submitted_at, -1.0);
        }
        self.assess_claim(world, number, now);
    }

    fn is_fragile(&self, world: &World, order: u32, line: u32) -> bool {
        let placed = world.orders.get(order).standing();
        placed
            .and_then(|placed| placed.lines.iter().find(|one| one.line == line))
            .is_some_and(|line| self.article(line.sku).fragile)
    }
}
