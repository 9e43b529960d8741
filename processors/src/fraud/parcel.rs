//! What a parcel says: what was sent and by whom it was packed, who brought it and with which proof, what came of cash, and what came back on the way.

use eddy_events::order::PaymentMode;
use eddy_events::shipment::{DeliveryFailed, Leg, NdrReason};
use eddy_events::{Body, Event};

use super::case::{BY_CODE, BY_POSITION, BY_SIGNATURE, Sale, What};
use super::listen::fact;
use super::{Fraud, PARKED, hashed, within};
use crate::interner::NO_KEY;
use crate::ndr::Now;
use crate::world::{World, index_of};

/// Serial numbers kept of one sale.
const SERIALS_OF_SALE: usize = 64;

impl Fraud {
    pub(super) fn hear_parcel(&mut self, world: &mut World, event: &Event, parcel: u32, tie: u32, now: Now) {
        let Some(manifest) = world.shipments.get(parcel).manifest() else {
            // Scanned before it was manifested: what may belong to a return waits.
            if let Some(what) = on_the_way(world, &event.body)
                && (self.small.parked.len() < PARKED || self.small.parked.contains_key(&parcel))
            {
                let fact = fact(world, event, tie, what);
                self.small.parked.entry(parcel).or_default().push(fact);
            }
            return;
        };
        let (leg, rma, order) = (
            Leg::ALL.get(usize::from(manifest.leg)),
            manifest.rma,
            manifest.order,
        );
        match leg {
            Some(Leg::Reverse) if rma != NO_KEY => self.hear_way_back(world, event, (parcel, rma), tie, now),
            Some(Leg::Forward) => {
                self.small.parked.remove(&parcel);
                self.hear_forward(world, event, (parcel, order), now);
            }
            _ => {}
        }
    }

    fn hear_way_back(
        &mut self,
        world: &mut World,
        event: &Event,
        (parcel, rma): (u32, u32),
        tie: u32,
        now: Now,
    ) {
        let parked = self.small.parked.remove(&parcel).unwrap_or_default();
        let what = match &event.body {
            Body::ShipmentManifested(body) => Some(What::Sent {
                pincode: world.symbols.of(&body.destination_pincode),
                weight_g: body.weight_g.unwrap_or(0),
                courier: world.symbols.of(&body.courier),
            }),
            body => on_the_way(world, body),
        };
        let Some(what) = what else { return };
        let fact = fact(world, event, tie, what);
        self.cases.reserve(rma);
        let case = self.cases.get_mut(rma);
        parked.into_iter().for_each(|fact| case.tell(fact));
        case.tell(fact);
        self.assess(world, rma, now);
    }

    fn hear_forward(&mut self, world: &mut World, event: &Event, (parcel, order): (u32, u32), now: Now) {
        let at = event.envelope.time.micros;
        match &event.body {
            Body::ShipmentManifested(body) => {
                self.sales.reserve(order);
                let packer = body.packer.as_deref().map_or(0, |packer| {
                    within(world.symbols.of_option(body.facility.as_deref()), packer)
                });
                let sale = self.sales.get_mut(order);
                sale.outbound_g = sale.outbound_g.saturating_add(body.weight_g.unwrap_or(0));
                sale.packer = packer;
                for line in body.lines.iter().flatten() {
                    if let Some(serial) = &line.serial {
                        let id = world.symbols.of(&line.line_id);
                        self.serials.shows(hashed(serial), order);
                        let more = self.sales.get_mut(order).more();
                        if more.serials.len() < SERIALS_OF_SALE {
                            more.serials.push((id, serial.as_str().into()));
                        }
                    }
                }
            }
            Body::ShipmentDeliveryFailed(body) => {
                let courier = world.shipments.get(parcel).state.courier;
                self.attempted(order, parcel, courier, body);
                let (Some(agent), Some(proof)) = (&body.agent, &body.proof) else {
                    return;
                };
                let number = self.agents.number(&within(courier, agent));
                let bare = proof.call == Some(false)
                    && proof.gps == Some(false)
                    && proof.otp != Some(true)
                    && body.ndr_reason != NdrReason::CustomerRefused;
                let source = world.symbols.of(&event.envelope.source);
                let of = &mut self.agents.entries.get_mut(number).value;
                if of.name.is_empty() {
                    of.name = agent.to_string();
                    of.courier = courier;
                }
                of.failed(at, bare.then_some((source, event.envelope.id.as_str())));
                let peers = &mut self.small.peers.bare;
                peers.tries += 1.0;
                peers.hits += f64::from(u8::from(bare));
                if bare {
                    self.assess_agent(world, number, now);
                }
            }
            Body::ShipmentDelivered(body) => {
                self.sales.reserve(order);
                let sale = self.sales.get(order);
                if sale.counted && sale.awb == parcel {
                    return;
                }
                let courier = world.shipments.get(parcel).state.courier;
                let proof = body.proof.as_ref().map_or(0, |proof| {
                    let bit = |told: Option<bool>, bit: u8| if told == Some(true) { bit } else { 0 };
                    bit(proof.otp, BY_CODE) | bit(proof.gps, BY_POSITION) | bit(proof.signature, BY_SIGNATURE)
                });
                let sale = self.sales.get_mut(order);
                sale.counted = true;
                sale.awb = parcel;
                sale.proof = proof;
                sale.delivered_at = sale.delivered_at.max(at);
                sale.agent = body.agent.as_deref().map_or(0, |agent| within(courier, agent));
                let packer = sale.packer;
                if packer != 0 {
                    let number = self.packers.number(&packer);
                    self.packers.entries.get_mut(number).value.tries += 1.0;
                }
                self.bought(world, order, Some(parcel), at);
                self.cash_ended(world, order, false, at);
                for claim in self.sales.get(order).claims().to_vec() {
                    self.assess_claim(world, claim, now);
                }
                for rma in self.returns_of_order(world, order) {
                    self.assess(world, rma, now);
                }
            }
            Body::ShipmentRtoInitiated(_) => {
                let Some(customer) = self.cash_ended(world, order, self.refused(order, parcel), at) else {
                    return;
                };
                self.assess_refusals(world, order, customer, now);
            }
            _ => {}
        }
    }

    /// Lines of an order came to their customer; all of them, or those that a parcel holds.
    pub(super) fn bought(&mut self, world: &World, order: u32, parcel: Option<u32>, at: i64) {
        let Some(placed) = world.orders.get(order).standing() else {
            return;
        };
        let held = parcel.and_then(|parcel| world.shipments.get(parcel).manifest());
        let held = held.map_or(&[][..], |manifest| &manifest.lines);
        self.profiles.reserve(placed.customer);
        self.profiles.get_mut(placed.customer).age(at);
        for line in &placed.lines {
            if !held.is_empty() && held.iter().all(|(id, _)| *id != line.line) {
                continue;
            }
            let (_, category, _) = world.line_words(line);
            let value = line.value_of(line.qty) as f64;
            let rate = self.small.peers.returned(category);
            let fragile = self.article(line.sku).fragile;
            let profile = self.profiles.get_mut(placed.customer);
            profile.bought += 1.0;
            profile.bought_minor += value as f32;
            profile.expected += rate as f32;
            profile.expected_minor += (rate * value) as f32;
            profile.buys(line.sku);
            let peers = &mut self.small.peers;
            peers.returns.entry(category).or_default().tries += 1.0;
            peers.damages[usize::from(!fragile)].tries += 1.0;
            peers.losses.tries += 1.0;
        }
    }

    /// Whether the last attempt was a refusal at the door that the courier can prove, and that nobody known for false reports told of.
    fn refused(&self, order: u32, parcel: u32) -> bool {
        let told = self.sale(order).and_then(Sale::refusal);
        let Some((_, agent)) = told.filter(|(of, _)| *of == parcel) else {
            return false;
        };
        let faker = self
            .agents
            .find(&agent)
            .is_some_and(|number| self.agents.entries.get(number).value.surprise(&self.small.peers) >= 6.0);
        !faker
    }

    /// What the latest attempt said of a refusal.
    fn attempted(&mut self, order: u32, parcel: u32, courier: u32, body: &DeliveryFailed) {
        let proof = body.proof.as_ref();
        let proven = proof.is_some_and(|proof| proof.call == Some(true) || proof.gps == Some(true));
        let refused = proven && body.ndr_reason == NdrReason::CustomerRefused;
        self.sales.reserve(order);
        if refused || self.sales.get(order).refusal().is_some() {
            let agent = body.agent.as_deref().map_or(0, |agent| within(courier, agent));
            self.sales.get_mut(order).more().refusal = refused.then_some((parcel, agent));
        }
    }

    /// A parcel to be paid in cash ended. Its customer, if it was one.
    fn cash_ended(&mut self, world: &World, order: u32, refused: bool, at: i64) -> Option<u32> {
        let cod = index_of(PaymentMode::ALL, PaymentMode::Cod);
        let of = world.orders.get(order);
        let customer = of.standing()?.customer;
        if of.payment() != Some(cod) {
            return None;
        }
        let hit = f32::from(u8::from(refused));
        self.small.peers.refusals.tries += 1.0;
        self.small.peers.refusals.hits += f64::from(hit);
        self.profiles.reserve(customer);
        let profile = self.profiles.get_mut(customer);
        profile.age(at);
        profile.cash += 1.0;
        profile.refused += hit;
        Some(customer)
    }
}

/// What a scan on the way back says.
fn on_the_way(world: &mut World, body: &Body) -> Option<What> {
    match body {
        Body::ShipmentPickedUp(scan) => Some(What::Handed {
            weight_g: scan.weight_g.unwrap_or(0),
        }),
        Body::ShipmentDelivered(body) => Some(What::Arrived {
            pincode: world.symbols.of_option(body.pincode.as_deref()),
            weight_g: body.weight_g.unwrap_or(0),
        }),
        Body::ShipmentLost(_) | Body::ShipmentDamaged(_) => Some(What::Lost),
        _ => None,
    }
}
