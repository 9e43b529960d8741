//! Who abuses, when and in company with whom: scripts of a few accounts and orders, launched so that their share stays what was asked for.
//!
//! Three scripts in five use customers who already shop here, so that a young account is no proof. What a hit looks like is in `marks.rs`.

use std::sync::Arc;

use eddy_events::SmolStr;
use eddy_events::order::Channel;
use smol_str::format_smolstr;

use crate::calendar::{DAY, HOUR, MINUTE};
use crate::chance::{Rng, hash};
use crate::goods::CATEGORIES;
use crate::orders::{OrderPlan, Sold, SoldLine};
use crate::pattern::Pattern;
use crate::people::Kind;
use crate::returns::{ReturnLine, ReturnPlan};
use crate::truth::Row;
use crate::world::{Item, State, World};

/// The part an order or return has in a script.
#[derive(Clone, Debug)]
pub(crate) struct Strike {
    pub pattern: Pattern,
    pub episode: u64,
    /// Abusive itself, or cover.
    pub hit: bool,
    /// Categories wanted; empty for anything.
    pub wanted: &'static [usize],
    pub qty: u32,
    pub cod: Option<bool>,
    /// Log-odds of refusing the parcel.
    pub refusal: f64,
    pub agent: Option<SmolStr>,
}

/// Shape of a script.
struct Script {
    accounts: usize,
    hits: usize,
    covers: usize,
    days: i64,
    wanted: &'static [usize],
    qty: u32,
}

const fn script(
    accounts: usize,
    hits: usize,
    covers: usize,
    days: i64,
    wanted: &'static [usize],
    qty: u32,
) -> Script {
    Script {
        accounts,
        hits,
        covers,
        days,
        wanted,
        qty,
    }
}

// Indexes into the categories.
const FINERY: &[usize] = &[0, 4, 7];
const SMALL_AND_DEAR: &[usize] = &[8, 10, 11, 7];
const SERIALISED: &[usize] = &[8, 10, 11];
const COSTLY: &[usize] = &[8, 9, 4, 11];
const CLOTHES: &[usize] = &[0, 1, 2, 3, 6];
const CHEAP: &[usize] = &[2, 5, 13];
const FRAGILE: &[usize] = &[12];
const ANY: &[usize] = &[];

fn shape(pattern: Pattern) -> Script {
    use Pattern as P;
    match pattern {
        P::Wardrobing => script(1, 3, 1, 60, FINERY, 1),
        P::EmptyBox => script(1, 2, 2, 30, SMALL_AND_DEAR, 1),
        P::Decoy => script(1, 2, 2, 30, &[8, 6, 7, 10], 1),
        P::Switch => script(1, 2, 2, 30, SERIALISED, 1),
        P::Bricking => script(1, 2, 1, 30, &[8, 9, 11], 1),
        P::OverstatedQuantity => script(1, 2, 2, 30, CHEAP, 3),
        P::PriceArbitrage => script(1, 2, 2, 30, ANY, 1),
        P::LabelTampering => script(1, 2, 1, 30, SMALL_AND_DEAR, 1),
        P::FalseNonReceipt => script(1, 3, 1, 45, SMALL_AND_DEAR, 1),
        P::FalseDamageClaim => script(1, 3, 1, 45, FRAGILE, 1),
        P::SerialReturner => script(1, 8, 1, 45, CLOTHES, 1),
        P::StolenTender => script(1, 2, 0, 15, SMALL_AND_DEAR, 1),
        P::NoMatchingSale => script(1, 2, 1, 40, SMALL_AND_DEAR, 1),
        P::ReceiptReuse => script(1, 2, 1, 40, CLOTHES, 1),
        P::EmployeeCollusion => script(2, 5, 0, 50, SMALL_AND_DEAR, 1),
        P::AccountHopping => script(3, 5, 1, 70, SMALL_AND_DEAR, 1),
        P::ReturnRing => script(7, 7, 0, 7, SMALL_AND_DEAR, 1),
        P::CodRefusalAbuse => script(3, 8, 0, 40, ANY, 1),
        P::JunkAddress => script(1, 2, 0, 10, ANY, 1),
        P::WindowGaming => script(1, 3, 1, 70, CLOTHES, 1),
        P::RefundBeforeReceipt => script(1, 2, 1, 30, SMALL_AND_DEAR, 1),
        P::DoubleDip => script(1, 2, 2, 30, CLOTHES, 1),
        P::ProfileMismatch => script(1, 2, 2, 30, SMALL_AND_DEAR, 1),
        P::FrequentHighValueReturns => script(1, 5, 2, 50, COSTLY, 1),
        // Agents are part of the world from its start.
        P::FakeAttempt => script(0, 0, 0, 1, ANY, 1),
    }
}

/// Patterns that show in claims or orders, not in returns.
fn aside(pattern: Pattern) -> bool {
    matches!(
        pattern,
        Pattern::FalseNonReceipt
            | Pattern::FalseDamageClaim
            | Pattern::CodRefusalAbuse
            | Pattern::JunkAddress
            | Pattern::FakeAttempt
    )
}

/// Abusive claims and orders, per order.
const ASIDE_SHARE: f64 = 0.003;

/// What is owed, and the next scripts.
pub(crate) struct Abuse {
    owed: [f64; 2],
    cycle: [Vec<Pattern>; 2],
    turn: [usize; 2],
    episodes: u64,
    accounts: u64,
    rng: Rng,
}

impl Abuse {
    pub(crate) fn new(world: &World) -> Self {
        let enabled = |which: bool| -> Vec<Pattern> {
            world
                .config
                .abuses
                .iter()
                .copied()
                .filter(|&p| aside(p) == which && shape(p).accounts > 0)
                .collect()
        };
        Self {
            owed: [0.0; 2],
            cycle: [enabled(false), enabled(true)],
            turn: [0; 2],
            episodes: 0,
            accounts: world.config.customers,
            rng: Rng::new(world.seed, 901, &[]),
        }
    }
}

/// An ordinary order was placed: abuse grows with it.
pub(crate) fn accrue(world: &World, state: &mut State, at: i64) {
    let share = world.config.fraud_share;
    if share <= 0.0 {
        return;
    }
    let growth = [
        world.returns_per_order * share / (1.0 - share),
        ASIDE_SHARE * share / 0.012,
    ];
    for (which, grown) in growth.into_iter().enumerate() {
        let n = state.abuse.cycle[which].len();
        if n == 0 {
            continue;
        }
        state.abuse.owed[which] += grown;
        if state.abuse.owed[which] < 1.0 {
            continue;
        }
        // Each round takes the patterns in another order.
        if state.abuse.turn[which].is_multiple_of(n) {
            for i in (1..n).rev() {
                let j = state.abuse.rng.below(i + 1);
                state.abuse.cycle[which].swap(i, j);
            }
        }
        let pattern = state.abuse.cycle[which][state.abuse.turn[which] % n];
        state.abuse.turn[which] += 1;
        // About one hit in six comes to nothing: a parcel that never arrives, or a world that ends first.
        state.abuse.owed[which] -= shape(pattern).hits as f64 * if which == 0 { 0.83 } else { 1.0 };
        launch(world, state, pattern, at);
    }
}

fn launch(world: &World, state: &mut State, pattern: Pattern, at: i64) {
    let shape = shape(pattern);
    state.abuse.episodes += 1;
    let episode = state.abuse.episodes;
    let mut rng = Rng::new(world.seed, 902, &[episode]);
    let rng = &mut rng;
    let linked = matches!(
        pattern,
        Pattern::AccountHopping | Pattern::ReturnRing | Pattern::CodRefusalAbuse
    );
    let known = !linked && rng.chance(0.6);
    let base = world
        .people
        .customer(&world.geography, rng.next() % world.config.customers);
    let mut accounts = Vec::new();
    for k in 0..shape.accounts {
        let mut customer = if known {
            let mut found = world.people.customer(&world.geography, world.people.draw(rng));
            for _ in 0..20 {
                if found.kind == Kind::Ordinary {
                    break;
                }
                found = world.people.customer(&world.geography, world.people.draw(rng));
            }
            found
        } else {
            state.abuse.accounts += 1;
            world.people.customer(&world.geography, state.abuse.accounts)
        };
        if !known {
            customer.kind = Kind::Ordinary;
        }
        if linked {
            let s = |tag: u64| hash(world.seed, 903, &[episode, tag]);
            customer.pincode = base.pincode;
            match pattern {
                Pattern::AccountHopping => {
                    customer.device = s(1);
                    if k % 2 == 0 {
                        customer.instrument = s(2);
                    } else {
                        customer.phone = s(3);
                    }
                    customer.address = hash(s(4), 904, &[k as u64 / 2]);
                }
                Pattern::ReturnRing => {
                    customer.address = s(1);
                    customer.device = hash(s(2), 904, &[k as u64 / 3]);
                    customer.instrument = hash(s(3), 904, &[k as u64 / 2]);
                }
                _ => {
                    customer.address = s(1);
                    customer.phone = if k < 2 { s(2) } else { customer.phone };
                    customer.device = s(3);
                }
            }
        }
        if pattern == Pattern::JunkAddress {
            customer.address_quality = (rng.range(0.04, 0.22) * 100.0).round() / 100.0;
        }
        state.truth.push(Row::Customer {
            customer_id: customer.id.clone(),
            customer_kind: customer.kind.as_str(),
            pattern: Some(pattern),
            episode: Some(episode),
        });
        accounts.push(customer);
    }
    let strike = |hit: bool| Strike {
        pattern,
        episode,
        hit,
        wanted: if hit { shape.wanted } else { ANY },
        qty: shape.qty,
        cod: match pattern {
            Pattern::CodRefusalAbuse | Pattern::JunkAddress => Some(true),
            _ if hit => Some(false),
            _ => None,
        },
        refusal: match pattern {
            Pattern::CodRefusalAbuse => 2.2,
            Pattern::JunkAddress => 0.6,
            _ if hit => -1.5,
            _ => 0.0,
        },
        agent: None,
    };
    let total = shape.hits + shape.covers;
    for i in 0..total {
        // Cover comes first, then hits, spread over the days of the script.
        let hit = i >= shape.covers;
        let day = shape.days * i as i64 / total as i64 + rng.between(0, (shape.days / total as i64).max(1));
        let when = world.at(world.day_of(at) + 1 + day, rng.range(9.0, 23.0));
        let account = match pattern {
            // One account after another.
            Pattern::AccountHopping => i * accounts.len() / total,
            _ => i % accounts.len(),
        };
        let customer = accounts[account].clone();
        if hit && matches!(pattern, Pattern::NoMatchingSale | Pattern::EmployeeCollusion) {
            let plan = without_sale(world, rng, customer, strike(true), when);
            state.queue.push(plan.at, Item::Return(Box::new(plan)));
        } else {
            let plan = OrderPlan {
                at: when,
                customer,
                number: None,
                strike: Some(strike(hit)),
                instead: None,
            };
            state.queue.push(when, Item::Order(Box::new(plan)));
        }
    }
}

/// A return of goods that were never sold, at a shop's counter.
pub(crate) fn without_sale(
    world: &World,
    rng: &mut Rng,
    customer: crate::people::Customer,
    mut strike: Strike,
    at: i64,
) -> ReturnPlan {
    let stores = world.geography.warehouses + world.geography.dark_stores..world.geography.facilities.len();
    let prefix = world.geography.pincodes[customer.pincode as usize].prefix;
    let facility = match world.geography.store_of[usize::from(prefix)] {
        Some(store) => store,
        // Whoever has no shop near travels to the same one each time.
        None => (stores.start as u64 + hash(world.seed, 905, &[strike.episode]) % stores.len() as u64) as u16,
    };
    let facility = if strike.pattern == Pattern::EmployeeCollusion {
        (stores.start as u64 + hash(world.seed, 905, &[strike.episode]) % stores.len() as u64) as u16
    } else {
        facility
    };
    if strike.pattern == Pattern::EmployeeCollusion {
        strike.agent = Some(clerk(
            world,
            facility,
            hash(world.seed, 906, &[strike.episode]) % 5,
        ));
    }
    let category = if strike.wanted.is_empty() {
        rng.below(CATEGORIES.len())
    } else {
        strike.wanted[rng.below(strike.wanted.len())]
    };
    let sku = world.goods.draw(rng, category);
    let line = SoldLine {
        id: SmolStr::new_static("1"),
        sku,
        qty: 1,
        unit_price: world.goods.skus[sku as usize].price,
        discount: 0,
        batch: world.goods.batch(sku, world.day_of(at)),
        serial: None,
        bracketed: false,
    };
    let pincode = customer.pincode;
    let sold = Sold {
        id: None,
        customer,
        channel: Channel::Store,
        cod: false,
        gift: false,
        pincode,
        lines: vec![line],
        strike: strike.hit.then(|| strike.clone()),
        exchange: false,
    };
    ReturnPlan {
        at: world
            .at(world.day_of(at), rng.range(10.5, 20.5))
            .max(at + 10 * MINUTE),
        sold: Arc::new(sold),
        lines: vec![ReturnLine {
            index: 0,
            qty: 1,
            reason: 5,
        }],
        abusive: strike.hit,
        shift: None,
        in_store: Some(facility),
        late_request: false,
        mispicked: false,
        again: false,
    }
}

/// A clerk of a store.
pub(crate) fn clerk(world: &World, facility: u16, number: u64) -> SmolStr {
    format_smolstr!(
        "EMP{}-{number}",
        world.geography.facilities[usize::from(facility)].code
    )
}

/// Hours before the end of the window at which a pattern asks, if it plays with the window.
pub(crate) fn request_delay(pattern: Pattern, window_days: u16, rng: &mut Rng) -> i64 {
    let window = i64::from(window_days) * DAY;
    match pattern {
        Pattern::Wardrobing => (window as f64 * rng.range(0.82, 0.98)) as i64,
        Pattern::WindowGaming => window - rng.between(20, 300) * MINUTE,
        Pattern::SerialReturner => rng.between(10, 60) * HOUR,
        Pattern::ReturnRing => rng.between(8, 40) * HOUR,
        _ => (rng.log_normal(3.5, 0.6).clamp(0.3, f64::from(window_days) - 0.5) * DAY as f64) as i64,
    }
}
