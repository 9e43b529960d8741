//! An order from checkout to its parcels: what is bought, how it is paid, which facility and courier send it.
//!
//! What a parcel does on the road is in `parcels.rs`.

use eddy_events::order::{self, CancelledBy, Channel, PaymentMode};
use eddy_events::{Body, SmolStr};
use smol_str::format_smolstr;

use crate::abuse::Strike;
use crate::calendar::{DAY, HOUR, MINUTE};
use crate::chance::{Rng, hash, sigmoid};
use crate::goods::{CATEGORIES, serial};
use crate::parcels;
use crate::pattern::Pattern;
use crate::people::{Customer, Kind, opaque};
use crate::returns;
use crate::risk::{Check, Parcel};
use crate::shifts::{PACKERS, seller_code, style_code, supplier_code};
use crate::truth::Row;
use crate::world::{Numbers, State, Voice, World, stamp};

/// An order about to be placed.
#[derive(Clone, Debug)]
pub(crate) struct OrderPlan {
    pub at: i64,
    pub customer: Customer,
    pub number: Option<u64>,
    pub strike: Option<Strike>,
    /// Replaces an article in an exchange: the article, and no further exchange.
    pub instead: Option<u32>,
}

impl OrderPlan {
    pub(crate) fn ordinary(at: i64, customer: Customer) -> Self {
        Self {
            at,
            customer,
            number: None,
            strike: None,
            instead: None,
        }
    }
}

/// A line before it has an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    pub sku: u32,
    pub qty: u32,
    /// One of several sizes bought to keep one.
    pub bracketed: bool,
}

/// A line as sold.
#[derive(Clone, Debug)]
pub(crate) struct SoldLine {
    pub id: SmolStr,
    pub sku: u32,
    pub qty: u32,
    pub unit_price: i64,
    pub discount: i64,
    pub batch: u32,
    pub serial: Option<SmolStr>,
    pub bracketed: bool,
}

/// An order as its parcels and returns remember it.
#[derive(Clone, Debug)]
pub(crate) struct Sold {
    /// `None` for goods that were never sold here.
    pub id: Option<SmolStr>,
    pub customer: Customer,
    pub channel: Channel,
    pub cod: bool,
    pub gift: bool,
    pub pincode: u32,
    pub lines: Vec<SoldLine>,
    pub strike: Option<Strike>,
    pub exchange: bool,
}

/// Places an order and tells all of its parcels' lives.
pub(crate) fn place(world: &World, state: &mut State, plan: OrderPlan) {
    let number = plan
        .number
        .unwrap_or_else(|| Numbers::next(&mut state.numbers.order));
    let mut rng = Rng::new(world.seed, 701, &[number]);
    let rng = &mut rng;
    let customer = &plan.customer;
    let day = world.day_of(plan.at);
    let first = introduce(state, &plan);
    let (drafts, value) = world.draw_lines(rng, &plan, day);
    let prefix = world.geography.pincodes[customer.pincode as usize].prefix;
    let strike_channel = plan
        .strike
        .as_ref()
        .is_some_and(|s| s.pattern == Pattern::ReceiptReuse);
    let channel = match rng.weighted(&[0.42, 0.24, 0.22, 0.07, 0.05]) {
        0 => Channel::App,
        2 => Channel::Marketplace,
        3 if world.geography.store_of[usize::from(prefix)].is_some()
            && !strike_channel
            && plan.instead.is_none() =>
        {
            Channel::Store
        }
        4 => Channel::Phone,
        _ => Channel::Web,
    };
    let wants_cash = rng.chance(sigmoid(
        world.cash_intercept
            + world.cash_odds(customer, value)
            + if channel == Channel::Phone { 0.8 } else { 0.0 },
    ));
    let cod = match (&plan.strike, plan.instead, channel) {
        (_, Some(_), _) | (_, _, Channel::Store) => false,
        (Some(strike), _, _) => strike.cod.unwrap_or(wants_cash),
        _ => wants_cash,
    };
    let gift = channel != Channel::Store
        && plan.strike.is_none()
        && rng.chance(if customer.kind == Kind::GiftSender {
            0.5
        } else {
            0.01
        });
    let mut plan = plan.clone();
    if gift {
        // Somebody else's door.
        let other = rng.next();
        plan.customer.pincode = world.geography.place(rng);
        plan.customer.address = other;
        plan.customer.address_quality =
            ((plan.customer.address_quality - 0.05).max(0.3) * 100.0).round() / 100.0;
    } else if plan.strike.is_none() && rng.chance(0.08) {
        plan.customer.address = hash(customer.address, 703, &[customer.index]);
    }
    let customer = &plan.customer;
    let sale = world.facts(day).sale;
    let id = format_smolstr!("O{}", 1_000_000 + number);
    let lines: Vec<SoldLine> = drafts
        .iter()
        .enumerate()
        .map(|(i, d)| {
            let sku = &world.goods.skus[d.sku as usize];
            let gross = sku.price * i64::from(d.qty);
            let off = if rng.chance(if sale { 0.75 } else { 0.3 }) {
                rng.between(1, if sale { 8 } else { 5 }) * 5
            } else {
                0
            };
            SoldLine {
                id: format_smolstr!("{}", i + 1),
                sku: d.sku,
                qty: d.qty,
                unit_price: sku.price,
                discount: gross * off / 100,
                batch: world.goods.batch(d.sku, day),
                serial: CATEGORIES[usize::from(sku.category)]
                    .serialised
                    .then(|| serial(world.seed, number, i as u64)),
                bracketed: d.bracketed,
            }
        })
        .collect();
    let mut sold = Sold {
        id: Some(id.clone()),
        customer: customer.clone(),
        channel,
        cod,
        gift,
        pincode: customer.pincode,
        lines,
        strike: plan.strike.clone(),
        exchange: plan.instead.is_some(),
    };
    let source = match channel {
        Channel::Web => "urn:shop:web",
        Channel::App => "urn:shop:app",
        Channel::Store => "urn:shop:pos",
        Channel::Marketplace => "urn:shop:market",
        Channel::Phone => "urn:shop:phone",
    };
    let mut shop = Voice::new(&SmolStr::new_static(source), &id);
    let mut oms = Voice::new(&SmolStr::new_static("urn:oms:main"), &id);
    let promised = world.at(day + 6, 21.0);
    let placed = placed_event(world, rng, &sold, promised);
    state.tell(
        &world.config,
        &mut shop,
        plan.at,
        Body::OrderPlaced(Box::new(placed)),
    );
    if let Some(strike) = plan
        .strike
        .as_ref()
        .filter(|s| s.hit && matches!(s.pattern, Pattern::CodRefusalAbuse | Pattern::JunkAddress))
    {
        state.truth.push(Row::Order {
            order_id: id.clone(),
            customer_id: customer.id.clone(),
            pattern: strike.pattern,
            episode: strike.episode,
            loss_minor: 18_000,
        });
    }
    if channel == Channel::Store {
        returns::after_store_sale(world, state, rng, sold, plan.at);
        return;
    }
    if cod && rng.chance(0.02) {
        sold.cod = false;
        let body = order::PaymentConverted {
            order_id: id.clone(),
            to: PaymentMode::Prepaid,
        };
        state.tell(
            &world.config,
            &mut shop,
            plan.at + rng.between(10, 90) * MINUTE,
            Body::OrderPaymentConverted(body),
        );
    }
    // Whether it is cancelled comes first: among parcels that go, the call's outcomes then have the shares that the probabilities assume.
    let cancels = plan.strike.is_none() && rng.chance(if sold.cod { 0.045 } else { 0.028 });
    let check = if cancels && sold.cod && rng.chance(0.35) {
        Check::Unanswered
    } else {
        world.risk().draw_check(rng, sold.cod)
    };
    let mut ready = plan.at + rng.between(20, 150) * MINUTE;
    if check != Check::None {
        let body = order::CodConfirmed {
            order_id: id.clone(),
            confirmed: check == Check::Confirmed,
        };
        state.tell(&world.config, &mut oms, ready, Body::OrderCodConfirmed(body));
        ready += rng.between(5, 60) * MINUTE;
    }
    let after_manifest = cancels && rng.chance(0.3);
    if cancels && !after_manifest {
        let (by, reason) = if rng.chance(0.7) {
            (CancelledBy::Customer, "changed_mind")
        } else {
            (CancelledBy::Seller, "out_of_stock")
        };
        let body = order::Cancelled {
            order_id: id,
            line_ids: None,
            by,
            reason: Some(reason.into()),
        };
        state.tell(
            &world.config,
            &mut oms,
            ready + rng.between(5, 400) * MINUTE,
            Body::OrderCancelled(body),
        );
        return;
    }
    if sold.lines.len() > 1 && rng.chance(0.02) {
        let gone = sold.lines.remove(rng.below(sold.lines.len()));
        let body = order::Cancelled {
            order_id: id.clone(),
            line_ids: Some(vec![gone.id]),
            by: CancelledBy::Seller,
            reason: Some("out_of_stock".into()),
        };
        state.tell(&world.config, &mut oms, ready, Body::OrderCancelled(body));
        ready += 5 * MINUTE;
    }
    let hour = world.hour_of(plan.at);
    let common = world.common_odds(rng, &plan, &drafts, value, hour, Some(channel), first);
    let split = sold.lines.len() > 1 && rng.chance(0.1);
    let mut parts = vec![sold.clone()];
    if split {
        let mut rest = sold.clone();
        rest.lines = sold.lines[1..].to_vec();
        parts[0].lines.truncate(1);
        parts.push(rest);
    }
    for part in parts {
        let facility = world.draw_facility(
            rng,
            world.geography.pincodes[part.pincode as usize].prefix,
            &drafts,
        );
        let dark = facility >= world.geography.warehouses;
        // Packed the same day until five, else next morning; a dark store packs at once and in the morning.
        let manifest = if dark {
            if hour >= 17 {
                world.at(day + 1, 8.0) + rng.between(0, 60) * MINUTE
            } else {
                ready.max(world.at(day, 8.0)) + rng.between(5, 40) * MINUTE
            }
        } else {
            let packed = ready + rng.between(120, 900) * MINUTE;
            if world.hour_of(packed) < 7 {
                packed + 6 * HOUR
            } else {
                packed
            }
        };
        let parcel = world.parcel(
            facility,
            world.geography.pincodes[part.pincode as usize].prefix,
            world.day_of(manifest),
            common,
        );
        let parcel = Parcel {
            cod: part.cod,
            ..parcel
        };
        let packer = rng.below(PACKERS) as u16;
        let cancel_at = after_manifest.then(|| manifest + rng.between(10, 90) * MINUTE);
        if cancel_at.is_some() {
            let body = order::Cancelled {
                order_id: id.clone(),
                line_ids: Some(part.lines.iter().map(|l| l.id.clone()).collect()),
                by: CancelledBy::Customer,
                reason: Some("changed_mind".into()),
            };
            state.tell(
                &world.config,
                &mut oms,
                manifest + 8 * MINUTE,
                Body::OrderCancelled(body),
            );
        }
        parcels::send(
            world,
            state,
            rng,
            parcels::Dispatch {
                sold: part,
                parcel,
                check,
                manifest,
                packer,
                cancel_at,
                promised,
            },
        );
    }
}

/// Writes the truth about a customer at the first order; tells whether it is the first.
fn introduce(state: &mut State, plan: &OrderPlan) -> bool {
    let index = plan.customer.index as usize;
    if state.seen.len() <= index {
        state.seen.resize(index + 1, false);
    }
    let first = !std::mem::replace(&mut state.seen[index], true);
    if first && plan.strike.is_none() && plan.customer.kind != Kind::Ordinary {
        state.truth.push(Row::Customer {
            customer_id: plan.customer.id.clone(),
            customer_kind: plan.customer.kind.as_str(),
            pattern: None,
            episode: None,
        });
    }
    first
}

fn placed_event(world: &World, rng: &mut Rng, sold: &Sold, promised: i64) -> order::Placed {
    let customer = &sold.customer;
    let junk = sold
        .strike
        .as_ref()
        .is_some_and(|s| s.pattern == Pattern::JunkAddress);
    let market = sold.channel == Channel::Marketplace;
    let store = sold.channel == Channel::Store;
    let lines = sold
        .lines
        .iter()
        .map(|l| {
            let sku = &world.goods.skus[l.sku as usize];
            let category = &CATEGORIES[usize::from(sku.category)];
            order::Line {
                line_id: l.id.clone(),
                sku: sku.code.clone(),
                style: Some(style_code(sku.style)),
                category: Some(SmolStr::new_static(category.name)),
                size: Some(SmolStr::new_static(category.sizes[usize::from(sku.size)])),
                qty: l.qty,
                unit_price_minor: l.unit_price,
                discount_minor: (l.discount > 0).then_some(l.discount),
                supplier_id: Some(supplier_code(sku.supplier)),
                seller_id: Some(seller_code(sku.seller)),
                batch: Some(world.goods.batch_code(l.sku, l.batch)),
            }
        })
        .collect();
    let net: i64 = sold
        .lines
        .iter()
        .map(|l| l.unit_price * i64::from(l.qty) - l.discount)
        .sum();
    let prefix = world.geography.prefix_of(sold.pincode);
    // A junk address often names another state than its pincode's.
    let state_name = if junk && rng.chance(0.6) {
        world.geography.prefixes[rng.below(world.geography.prefixes.len())].state
    } else {
        prefix.state
    };
    order::Placed {
        order_id: sold.id.clone().unwrap_or_default(),
        customer_id: customer.id.clone(),
        lines,
        payment_mode: if sold.cod {
            PaymentMode::Cod
        } else {
            PaymentMode::Prepaid
        },
        channel: sold.channel,
        destination_pincode: world.geography.pincodes[sold.pincode as usize].code.clone(),
        destination_state: Some(SmolStr::new_static(state_name)),
        destination_country: None,
        address_hash: (!store).then(|| opaque('a', customer.address)),
        address_quality: (!store).then_some(customer.address_quality),
        phone_hash: Some(opaque('p', customer.phone)),
        device_hash: (!store && !market && sold.channel != Channel::Phone)
            .then(|| opaque('d', customer.device)),
        instrument_hash: (!sold.cod).then(|| opaque('i', customer.instrument)),
        // A network address is shared by whoever sits behind it that week.
        ip_hash: (!store).then(|| {
            opaque(
                'n',
                hash(
                    customer.device,
                    704,
                    &[(promised / (7 * DAY)) as u64, rng.next() % 2],
                ),
            )
        }),
        gift: sold.gift.then_some(true),
        shipping_fee_minor: (!store && net < 50_000).then_some(4_900),
        tax_minor: Some(net * 5 / 105),
        promised_at: (!store).then(|| stamp(promised)),
        currency: Some(SmolStr::new_static("INR")),
    }
}
