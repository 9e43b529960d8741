//! Money after a return: refunds by tender, exchanges, chargebacks, points and suppliers' claims.
//!
//! When each falls due is told in `reverse.rs`.

use eddy_events::money::{Claim, ClaimKind, ExchangeCreated, LoyaltyAdjusted, Refund, SupplierClaim, Tender};
use eddy_events::{Body, SmolStr};
use smol_str::format_smolstr;

use crate::calendar::{DAY, HOUR, MINUTE};
use crate::chance::Rng;
use crate::orders::OrderPlan;
use crate::pattern::Pattern;
use crate::people::{Kind, opaque};
use crate::reverse::Tale;
use crate::shifts::supplier_code;
use crate::truth::Row;
use crate::world::{Item, Numbers, State, Voice, World, stamp};

/// Pays back every line, or exchanges it.
pub(crate) fn pay(world: &World, state: &mut State, t: &mut Tale<'_>, rng: &mut Rng, at: i64) {
    let sold = &t.plan.sold;
    for i in 0..t.plan.lines.len() {
        let paid = t.paid(i);
        let share = match t.marks.exchange_and_refund {
            Some(share) => {
                exchange(world, state, t, rng, i, at);
                share
            }
            None if t.marks.exchange && i == 0 => {
                exchange(world, state, t, rng, i, at);
                continue;
            }
            None => t.marks.refund_factor,
        };
        refund(world, state, t, rng, i, (paid as f64 * share).round() as i64, at);
    }
    if t.marks.chargeback {
        chargeback(world, state, t, rng, at);
    }
    if sold.customer.kind == Kind::Loyal && sold.id.is_some() {
        let net: i64 = (0..t.plan.lines.len()).map(|i| t.paid(i)).sum();
        let mut shop = Voice {
            told: 0,
            ..Voice::new(&SmolStr::new_static("urn:shop:loyalty"), &sold.customer.id)
        };
        // The customer's points have one voice; the return's number keeps its ids apart.
        shop.told = Numbers::next(&mut state.numbers.other) as u32;
        let body = LoyaltyAdjusted {
            customer_id: sold.customer.id.clone(),
            points: -(net / 10_000),
            order_id: sold.id.clone(),
            rma_id: Some(t.rma.clone()),
        };
        state.tell(
            &world.config,
            &mut shop,
            at + 20 * MINUTE,
            Body::LoyaltyAdjusted(body),
        );
    }
}

fn refund(world: &World, state: &mut State, t: &Tale<'_>, rng: &mut Rng, i: usize, amount: i64, at: i64) {
    let sold = &t.plan.sold;
    let asked = &t.plan.lines[i];
    let line = &sold.lines[asked.index];
    let number = Numbers::next(&mut state.numbers.refund);
    if world
        .incidents
        .forgets(world.config.seed, t.facility, world.day_of(at), number)
    {
        return;
    }
    let id = format_smolstr!("RF{}", 1_000_000 + number);
    let counter = t.plan.in_store.is_some();
    let gift = t.marks.other_instrument && sold.gift;
    let tender = match () {
        () if t.marks.no_receipt => [Tender::Cash, Tender::StoreCredit][rng.below(2)],
        () if gift => [Tender::StoreCredit, Tender::Wallet][rng.below(2)],
        () if t.marks.other_instrument => [Tender::Bank, Tender::Wallet][rng.below(2)],
        () if sold.cod => [Tender::Bank, Tender::Wallet][usize::from(rng.chance(0.35))],
        () if counter && rng.chance(0.2) => Tender::StoreCredit,
        () => Tender::Original,
    };
    let instrument = match () {
        () if t.marks.other_instrument => Some(opaque('i', rng.next())),
        () if sold.cod && tender == Tender::Bank => Some(opaque('i', sold.customer.instrument)),
        () if tender == Tender::Original => Some(opaque('i', sold.customer.instrument)),
        () => None,
    };
    let due = at + 5 * DAY;
    let body = Refund {
        refund_id: id.clone(),
        rma_id: Some(t.rma.clone()),
        order_id: sold.id.clone(),
        line_id: sold.id.is_some().then(|| line.id.clone()),
        qty: Some(asked.qty),
        amount_minor: amount.max(0),
        currency: Some(SmolStr::new_static("INR")),
        instrument_hash: instrument,
        tender,
        due_at: Some(stamp(due)),
        agent: t.agent.clone(),
        receipt_shown: counter
            .then_some(!t.marks.no_receipt && (t.plan.again || sold.id.is_some() && !rng.chance(0.01))),
    };
    let mut desk = Voice::new(&SmolStr::new_static("urn:oms:refunds"), &id);
    state.tell(
        &world.config,
        &mut desk,
        at,
        Body::RefundInitiated(Box::new(body.clone())),
    );
    let late = world
        .incidents
        .refund_late(0.06, t.facility, tender, world.day_of(at));
    let mut issued = match () {
        () if counter => at + rng.between(1, 6) * MINUTE,
        // One in sixteen misses its promise.
        () if rng.chance(late) => due + rng.between(4, 140) * HOUR,
        () => at + rng.between(2, 80) * HOUR,
    };
    if !counter && rng.chance(0.015) {
        state.tell(
            &world.config,
            &mut desk,
            issued,
            Body::RefundFailed(Box::new(body.clone())),
        );
        issued += rng.between(20, 70) * HOUR;
    }
    state.tell(
        &world.config,
        &mut desk,
        issued,
        Body::RefundIssued(Box::new(body)),
    );
}

fn exchange(world: &World, state: &mut State, t: &Tale<'_>, rng: &mut Rng, i: usize, at: i64) {
    let sold = &t.plan.sold;
    let line = &sold.lines[t.plan.lines[i].index];
    let instead = world.goods.other_size(rng, line.sku);
    let number = Numbers::next(&mut state.numbers.order);
    let id = format_smolstr!("X{}", 100_000 + Numbers::next(&mut state.numbers.other));
    let mut oms = Voice::new(&SmolStr::new_static("urn:oms:main"), &id);
    let body = ExchangeCreated {
        exchange_id: id,
        rma_id: t.rma.clone(),
        line_id: line.id.clone(),
        new_order_id: format_smolstr!("O{}", 1_000_000 + number),
        price_difference_minor: Some(world.goods.skus[instead as usize].price - line.unit_price),
    };
    state.tell(&world.config, &mut oms, at, Body::ExchangeCreated(body));
    let mut customer = sold.customer.clone();
    customer.pincode = sold.pincode;
    let plan = OrderPlan {
        at: at + 5 * MINUTE,
        customer,
        number: Some(number),
        strike: None,
        instead: Some(instead),
    };
    state.queue.push(plan.at, Item::Order(Box::new(plan)));
}

fn chargeback(world: &World, state: &mut State, t: &Tale<'_>, rng: &mut Rng, at: i64) {
    let sold = &t.plan.sold;
    let Some(order_id) = sold.id.clone() else { return };
    let id = format_smolstr!("CL{}", 100_000 + Numbers::next(&mut state.numbers.claim));
    let mut voice = Voice::new(&SmolStr::new_static("urn:oms:claims"), &id);
    let line = &sold.lines[t.plan.lines[0].index];
    let mut body = Claim {
        claim_id: id.clone(),
        order_id,
        line_id: Some(line.id.clone()),
        awb: None,
        customer_id: sold.customer.id.clone(),
        kind: ClaimKind::Chargeback,
        amount_minor: t.paid(0),
        image_hash: None,
        outcome: None,
    };
    let submitted = at + rng.between(30, 300) * HOUR;
    state.tell(
        &world.config,
        &mut voice,
        submitted,
        Body::ClaimSubmitted(body.clone()),
    );
    body.outcome = Some(SmolStr::new_static("refunded"));
    state.tell(
        &world.config,
        &mut voice,
        submitted + rng.between(72, 240) * HOUR,
        Body::ClaimResolved(body),
    );
    state.truth.push(Row::Claim {
        claim_id: id,
        customer_id: sold.customer.id.clone(),
        abusive: true,
        pattern: Some(Pattern::DoubleDip),
        loss_minor: t.paid(0),
    });
}

/// A claim against the supplier for goods sent back to it.
pub(crate) fn supplier_claim(
    world: &World,
    state: &mut State,
    t: &Tale<'_>,
    rng: &mut Rng,
    i: usize,
    at: i64,
) {
    let asked = &t.plan.lines[i];
    let sku = &world.goods.skus[t.plan.sold.lines[asked.index].sku as usize];
    let id = format_smolstr!("SC{}", 100_000 + Numbers::next(&mut state.numbers.other));
    let mut voice = Voice::new(&SmolStr::new_static("urn:oms:suppliers"), &id);
    let mut body = SupplierClaim {
        claim_id: id,
        supplier_id: supplier_code(sku.supplier),
        rma_id: Some(t.rma.clone()),
        sku: sku.code.clone(),
        amount_minor: sku.cost * i64::from(asked.qty),
        due_at: Some(stamp(at + 30 * DAY)),
    };
    let filed = at + rng.between(1, 72) * HOUR;
    state.tell(
        &world.config,
        &mut voice,
        filed,
        Body::SupplierClaimFiled(body.clone()),
    );
    let answered = filed + rng.between(5 * 24, 28 * 24) * HOUR;
    match rng.unit() {
        u if u < 0.68 => {
            body.amount_minor = (body.amount_minor as f64 * rng.range(0.6, 1.0)) as i64;
            state.tell(
                &world.config,
                &mut voice,
                answered,
                Body::SupplierClaimSettled(body),
            );
        }
        u if u < 0.88 => state.tell(
            &world.config,
            &mut voice,
            answered,
            Body::SupplierClaimRejected(body),
        ),
        // The rest is never answered.
        _ => {}
    }
}
