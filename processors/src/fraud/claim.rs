//! What a claim says of its order, of its customer and of the image that came with it.

use eddy_events::Event;
use eddy_events::money::{Claim, ClaimKind};

use super::{Fraud, hashed, hashed_option};
use crate::interner::NO_SYMBOL;
use crate::ndr::Now;
use crate::world::{World, index_of};

impl Fraud {
    pub(super) fn hear_claim(&mut self, world: &mut World, event: &Event, body: &Claim, now: Now) {
        let key = hashed(&body.claim_id);
        let fresh = self.claims.find(&key).is_none();
        let number = self.claims.number(&key);
        let order = world.order(&body.order_id);
        let customer = world.customer(&body.customer_id);
        if fresh {
            let image = hashed_option(body.image_hash.as_deref());
            let before = (image != 0).then(|| self.images.find(&image)).flatten();
            let before = before.map(|at| self.images.entries.get(at).value);
            if image != 0 && before.is_none() {
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
            self.sales.get_mut(order).more().claims.push(number);
            self.profiles.reserve(customer);
            let profile = self.profiles.get_mut(customer);
            profile.age(event.envelope.time.micros);
            match body.kind {
                ClaimKind::Damaged => profile.damages += 1.0,
                ClaimKind::NotReceived => profile.losses += 1.0,
                _ => {}
            }
            match body.kind {
                ClaimKind::Damaged => {
                    let fragile = line != NO_SYMBOL && self.is_fragile(world, order, line);
                    self.small.peers.damages[usize::from(!fragile)].hits += 1.0;
                }
                ClaimKind::NotReceived => self.small.peers.losses.hits += 1.0,
                _ => {}
            }
        }
        if body.outcome.as_deref() == Some("rejected") {
            self.claims.entries.get_mut(number).value.rejected = true;
        }
        self.assess_claim(world, number, now);
        for rma in self.returns_of_order(world, order) {
            self.assess(world, rma, now);
        }
    }

    fn is_fragile(&self, world: &World, order: u32, line: u32) -> bool {
        let placed = world.orders.get(order).standing();
        placed
            .and_then(|placed| placed.lines.iter().find(|one| one.line == line))
            .is_some_and(|line| self.article(line.sku).fragile)
    }
}
