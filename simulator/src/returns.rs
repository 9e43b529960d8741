//! What follows a delivery: claims, and whether, when and why lines come back.
//!
//! A return decided here is told by `reverse.rs` when its day comes.

use std::sync::Arc;

use eddy_events::Body;
use eddy_events::money::{Claim, ClaimKind};
use smol_str::{SmolStr, format_smolstr};

use crate::abuse;
use crate::calendar::{DAY, HOUR, MINUTE};
use crate::chance::{Rng, hash, sigmoid};
use crate::goods::CATEGORIES;
use crate::orders::Sold;
use crate::parcels::Arrived;
use crate::pattern::Pattern;
use crate::people::opaque;
use crate::shifts::Touch;
use crate::truth::Row;
use crate::world::{Item, Numbers, State, Voice, World};

/// A line that comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReturnLine {
    /// Index into the lines sold.
    pub index: usize,
    pub qty: u32,
    /// Index into the groups of reasons.
    pub reason: usize,
}

/// A return about to be requested.
#[derive(Clone, Debug)]
pub(crate) struct ReturnPlan {
    pub at: i64,
    pub sold: Arc<Sold>,
    pub lines: Vec<ReturnLine>,
    pub abusive: bool,
    pub shift: Option<u32>,
    /// At this shop's counter.
    pub in_store: Option<u16>,
    /// After the window.
    pub late_request: bool,
    pub mispicked: bool,
    /// The second return of the same line.
    pub again: bool,
}

/// Goods bought in a shop may come back to it.
pub(crate) fn after_store_sale(world: &World, state: &mut State, rng: &mut Rng, sold: Sold, at: i64) {
    let facility = world.geography.store_of
        [usize::from(world.geography.pincodes[sold.pincode as usize].prefix)]
    .unwrap_or(0);
    let arrived = Arrived {
        awb: SmolStr::default(),
        sold: Arc::new(sold),
        facility,
        packer: u16::MAX,
        courier: u8::MAX,
        at,
        late: false,
        mispicked: false,
        false_proof: false,
    };
    consider(world, state, rng, &arrived, -0.9);
}

/// A parcel arrived.
pub(crate) fn after_delivery(world: &World, state: &mut State, rng: &mut Rng, arrived: Arrived) {
    let sold = arrived.sold.clone();
    if let Some(strike) = sold.strike.as_ref().filter(|s| s.hit) {
        let kind = match strike.pattern {
            Pattern::FalseNonReceipt => Some(ClaimKind::NotReceived),
            Pattern::FalseDamageClaim => Some(ClaimKind::Damaged),
            _ => None,
        };
        if let Some(kind) = kind {
            claim(world, state, rng, &arrived, kind, 0, Some(strike.pattern));
        } else {
            strike_back(world, state, rng, &arrived, strike.pattern);
        }
        return;
    }
    if arrived.false_proof {
        claim(world, state, rng, &arrived, ClaimKind::NotReceived, 0, None);
        return;
    }
    if arrived.mispicked && rng.chance(0.3) {
        claim(world, state, rng, &arrived, ClaimKind::WrongItem, 0, None);
        return;
    }
    for i in 0..sold.lines.len() {
        let fragile = CATEGORIES[usize::from(world.goods.skus[sold.lines[i].sku as usize].category)].fragile;
        let care = world
            .goods
            .packer_care(u64::from(arrived.facility), u64::from(arrived.packer))
            .exp();
        let kind = match rng.unit() {
            u if u < if fragile { 0.018 * care } else { 0.0012 * care } => ClaimKind::Damaged,
            u if u > 0.9996 => ClaimKind::NotReceived,
            u if u > 0.9988 => ClaimKind::MissingItem,
            u if u > 0.9985 => ClaimKind::Chargeback,
            _ => continue,
        };
        claim(world, state, rng, &arrived, kind, i, None);
        return;
    }
    consider(world, state, rng, &arrived, 0.0);
}

/// Whether honest buyers send lines back, and when.
fn consider(world: &World, state: &mut State, rng: &mut Rng, arrived: &Arrived, mood: f64) {
    let sold = &arrived.sold;
    let day = world.day_of(arrived.at);
    let zone = world.geography.prefix_of(sold.pincode).code.as_bytes()[0] - b'0';
    let mut lines = Vec::new();
    let mut shift = None;
    let mut delay: Option<i64> = None;
    let mut late_request = false;
    for (index, line) in sold.lines.iter().enumerate() {
        let sku = &world.goods.skus[line.sku as usize];
        let category = &CATEGORIES[usize::from(sku.category)];
        let odds = f64::from(sku.propensity)
            + sold.customer.returning
            + mood
            + if line.bracketed || sold.lines.iter().any(|o| o.bracketed && o.sku != line.sku) {
                0.6
            } else {
                0.0
            }
            + if arrived.late { 0.25 } else { 0.0 }
            + if arrived.mispicked { 3.0 } else { 0.0 }
            - if sold.exchange { 0.8 } else { 0.0 };
        let base = sigmoid(odds);
        let touch = Touch {
            sku: line.sku,
            style: sku.style,
            batch: line.batch,
            supplier: sku.supplier,
            seller: sku.seller,
            category: sku.category,
            facility: arrived.facility,
            packer: arrived.packer,
            courier: arrived.courier,
            zone,
            day,
        };
        let touching = world.shifts.iter().find(|s| s.touches(&touch));
        let p = touching.map_or(base, |s| (base * s.factor).min(0.9));
        if !rng.chance(p) {
            continue;
        }
        let added = touching.filter(|s| s.factor > 1.0 && rng.chance(1.0 - base / p));
        if let Some(s) = touching {
            shift = added.map(|_| s.id).or(shift);
        }
        let reason = match added {
            _ if arrived.mispicked => 3,
            Some(s) => s.reason,
            None => {
                let mut weights = category.reasons;
                weights[0] *= (f64::from(sku.misfit) * 2.0).exp();
                weights[6] *= if arrived.late { 6.0 } else { 0.6 };
                rng.weighted(&weights)
            }
        };
        // The delay has one law per category; what would fall outside the window mostly never happens.
        let days = rng.log_normal(category.delay.0, category.delay.1).max(0.1);
        if days > f64::from(category.window_days) {
            if !rng.chance(0.12) {
                continue;
            }
            late_request = true;
        }
        let own = (days * DAY as f64) as i64;
        delay = Some(delay.map_or(own, |d| d.max(own)));
        let qty = if line.qty > 1 && rng.chance(0.6) {
            1 + rng.below(line.qty as usize) as u32
        } else {
            line.qty
        };
        lines.push(ReturnLine {
            index,
            qty: qty.min(line.qty),
            reason,
        });
    }
    let Some(delay) = delay else { return };
    let at = awake(world, rng, arrived.at + delay);
    let store = world.geography.store_of[usize::from(world.geography.pincodes[sold.pincode as usize].prefix)];
    let in_store = match store {
        Some(f) if arrived.awb.is_empty() || rng.chance(0.14) => Some(f),
        _ => None,
    };
    let at = if in_store.is_some() {
        world
            .at(world.day_of(at), rng.range(10.5, 20.5))
            .max(arrived.at + HOUR)
    } else {
        at
    };
    let plan = ReturnPlan {
        at,
        sold: sold.clone(),
        lines,
        abusive: false,
        shift,
        in_store,
        late_request,
        mispicked: arrived.mispicked,
        again: false,
    };
    state.queue.push(plan.at, Item::Return(Box::new(plan)));
}

/// People ask by day: a request in the small hours waits for the morning.
fn awake(world: &World, rng: &mut Rng, at: i64) -> i64 {
    if world.hour_of(at) < 6 {
        at + rng.between(5 * 60, 9 * 60) * MINUTE
    } else {
        at
    }
}

/// An abuser's return.
fn strike_back(world: &World, state: &mut State, rng: &mut Rng, arrived: &Arrived, pattern: Pattern) {
    let sold = &arrived.sold;
    if matches!(
        pattern,
        Pattern::CodRefusalAbuse | Pattern::JunkAddress | Pattern::FakeAttempt
    ) {
        return;
    }
    let line = &sold.lines[0];
    let category = &CATEGORIES[usize::from(world.goods.skus[line.sku as usize].category)];
    let delay = abuse::request_delay(pattern, category.window_days, rng);
    let reason = match pattern {
        Pattern::Bricking | Pattern::Decoy | Pattern::EmptyBox | Pattern::Switch => 1,
        Pattern::Wardrobing | Pattern::SerialReturner => [0, 5][rng.below(2)],
        _ => [1, 2, 5][rng.below(3)],
    };
    let plan = ReturnPlan {
        at: arrived.at + delay,
        sold: sold.clone(),
        lines: vec![ReturnLine {
            index: 0,
            qty: line.qty,
            reason,
        }],
        abusive: true,
        shift: None,
        in_store: None,
        late_request: false,
        mispicked: false,
        again: false,
    };
    if pattern == Pattern::ReceiptReuse {
        // First an ordinary return, then the same receipt again at a counter.
        let counter = world.geography.store_of
            [usize::from(world.geography.pincodes[sold.pincode as usize].prefix)]
        .unwrap_or((world.geography.warehouses + world.geography.dark_stores) as u16);
        let again = ReturnPlan {
            at: plan.at + rng.between(2, 9) * DAY,
            in_store: Some(counter),
            again: true,
            ..plan.clone()
        };
        state.queue.push(again.at, Item::Return(Box::new(again)));
        let first = ReturnPlan {
            abusive: false,
            ..plan
        };
        state.queue.push(first.at, Item::Return(Box::new(first)));
        return;
    }
    state.queue.push(plan.at, Item::Return(Box::new(plan)));
}

/// A claim and its resolution.
pub(crate) fn claim(
    world: &World,
    state: &mut State,
    rng: &mut Rng,
    arrived: &Arrived,
    kind: ClaimKind,
    index: usize,
    pattern: Option<Pattern>,
) {
    let sold = &arrived.sold;
    let Some(order_id) = sold.id.clone() else { return };
    let line = &sold.lines[index];
    let amount = line.unit_price * i64::from(line.qty) - line.discount;
    let id = format_smolstr!("CL{}", 100_000 + Numbers::next(&mut state.numbers.claim));
    let pictured = matches!(kind, ClaimKind::Damaged | ClaimKind::WrongItem);
    let image = match (&sold.strike, pattern) {
        (Some(strike), Some(_)) => hash(world.seed, 910, &[strike.episode]),
        _ => hash(world.seed, 911, &[state.numbers.claim]),
    };
    let wait = match kind {
        ClaimKind::NotReceived => rng.between(20, 96),
        ClaimKind::Chargeback => rng.between(200, 700),
        _ => rng.between(2, 60),
    };
    let at = awake(world, rng, arrived.at + wait * HOUR);
    let mut shop = Voice::new(&SmolStr::new_static("urn:oms:claims"), &id);
    let mut body = Claim {
        claim_id: id.clone(),
        order_id,
        line_id: (kind != ClaimKind::NotReceived).then(|| line.id.clone()),
        awb: Some(arrived.awb.clone()),
        customer_id: sold.customer.id.clone(),
        kind,
        amount_minor: amount,
        image_hash: pictured.then(|| opaque('m', image)),
        outcome: None,
    };
    state.tell(&world.config, &mut shop, at, Body::ClaimSubmitted(body.clone()));
    let settled = at + rng.between(30, 150) * HOUR;
    let outcome = if rng.chance(0.75) {
        ["refunded", "replaced"][rng.below(2)]
    } else {
        "rejected"
    };
    body.outcome = Some(SmolStr::new_static(outcome));
    state.tell(&world.config, &mut shop, settled, Body::ClaimResolved(body));
    state.truth.push(Row::Claim {
        claim_id: id,
        customer_id: sold.customer.id.clone(),
        abusive: pattern.is_some(),
        pattern,
        loss_minor: if pattern.is_some() { amount } else { 0 },
    });
}
