//! Olist: will the parcel reach the buyer after the day that was promised? Known at the time of purchase.
//!
//! Approval, handover and delivery come later and are no features. An outcome is known on delivery, or on the day after the promise at the latest.

use std::collections::HashMap;
use std::path::Path;

use eddy_models::data::Data;
use eddy_models::prequential::{Step, steps};
use eddy_models::rates::{Config, DAY_US, Rates};
use eddy_models::schema::{Feature, Linear, Schema, Unit};
use eddy_models::{boosting, ftrl, logistic};

use crate::set::Set;
use crate::table::{DAY, Row, key, rows};

const CENTRE: Linear = Linear::LogOdds { centre: -2.6 };

const fn rate(name: &'static str, meaning: &'static str) -> Feature {
    Feature {
        name,
        meaning,
        unit: Unit::Share,
        linear: CENTRE,
        ..Feature::EMPTY
    }
}

const fn lift(name: &'static str, meaning: &'static str) -> Feature {
    Feature {
        name,
        meaning,
        unit: Unit::LogOdds,
        linear: Linear::Plain,
        ..Feature::EMPTY
    }
}

const fn other(name: &'static str, meaning: &'static str, unit: Unit, linear: Linear) -> Feature {
    Feature {
        name,
        meaning,
        unit,
        linear,
        ..Feature::EMPTY
    }
}

const FEATURES: &[Feature] = &[
    rate("state_rate", "late parcels to the state"),
    rate("zip_rate", "late parcels to the first digits of the postal code"),
    rate("route_rate", "late parcels from state to state"),
    rate("seller_rate", "late parcels of the seller"),
    rate("category_rate", "late parcels of the category"),
    rate("recent_rate", "late parcels of late"),
    lift("recent_lift", "how much later parcels are of late"),
    lift("state_lift", "how much later parcels to the state are of late"),
    other(
        "slow_rate",
        "parcels to the state that took over half of what was promised",
        Unit::Share,
        Linear::LogOdds { centre: -0.5 },
    ),
    lift("slow_lift", "how much slower parcels are of late"),
    lift(
        "slow_state_lift",
        "how much slower parcels to the state are of late",
    ),
    other(
        "seller_slow_rate",
        "parcels of the seller that took over half of what was promised",
        Unit::Share,
        Linear::LogOdds { centre: -0.5 },
    ),
    other(
        "promised_days",
        "days promised",
        Unit::Days,
        Linear::Scaled {
            centre: 24.0,
            spread: 8.0,
        },
    ),
    other(
        "usual_days",
        "days that the route takes",
        Unit::Days,
        Linear::Scaled {
            centre: 12.0,
            spread: 5.0,
        },
    ),
    other(
        "slack_days",
        "days promised beyond what the route takes",
        Unit::Days,
        Linear::Scaled {
            centre: 12.0,
            spread: 6.0,
        },
    ),
    other(
        "slack_share",
        "days that the route takes over days promised",
        Unit::Number,
        Linear::Scaled {
            centre: 0.5,
            spread: 0.2,
        },
    ),
    other(
        "price",
        "price of the goods",
        Unit::Money,
        Linear::Log {
            centre: 4.5,
            spread: 1.0,
        },
    ),
    other(
        "freight",
        "price of the carriage",
        Unit::Money,
        Linear::Log {
            centre: 2.9,
            spread: 0.6,
        },
    ),
    other(
        "items",
        "items of the order",
        Unit::Count,
        Linear::Ranges(&[1.5, 2.5]),
    ),
    other(
        "weight",
        "weight",
        Unit::Grams,
        Linear::Log {
            centre: 6.7,
            spread: 1.3,
        },
    ),
    other(
        "volume",
        "volume in litres",
        Unit::Number,
        Linear::Log {
            centre: 2.3,
            spread: 1.1,
        },
    ),
    other(
        "same_state",
        "seller and buyer in one state",
        Unit::Flag,
        Linear::Plain,
    ),
    other(
        "instalments",
        "instalments",
        Unit::Count,
        Linear::Log {
            centre: 1.0,
            spread: 0.6,
        },
    ),
    other("payment", "kind of payment", Unit::Code, Linear::Codes(4)),
    other("weekday", "day of the week", Unit::Code, Linear::Codes(7)),
    other(
        "hour",
        "hour of the day",
        Unit::Number,
        Linear::Ranges(&[6.0, 12.0, 18.0]),
    ),
    other(
        "seller_orders",
        "orders of the seller so far",
        Unit::Count,
        Linear::Log {
            centre: 1.5,
            spread: 1.3,
        },
    ),
];

/// The mean of a quantity by key, forgotten by half in 45 days.
#[derive(Default)]
struct Means(HashMap<u64, (i64, f64, f64)>);

impl Means {
    fn observe(&mut self, key: u64, at: i64, value: f64) {
        let (last, n, sum) = self.0.entry(key).or_insert((at, 0.0, 0.0));
        let fade = (-((at - *last).max(0) as f64) / (45.0 * DAY_US)).exp2();
        (*last, *n, *sum) = ((*last).max(at), *n * fade + 1.0, *sum * fade + value);
    }

    fn read(&self, keys: [u64; 3]) -> f64 {
        keys.into_iter().fold(12.0, |above, key| {
            let (_, n, sum) = self.0.get(&key).copied().unwrap_or_default();
            (sum + 10.0 * above) / (n + 10.0)
        })
    }
}

fn by<T>(folder: &Path, name: &str, column: &str, take: impl Fn(&Row) -> T) -> HashMap<String, T> {
    rows(folder, name)
        .iter()
        .map(|row| (row.text(column), take(row)))
        .collect()
}

/// What an order holds.
#[derive(Default)]
struct Basket {
    items: f32,
    price: f32,
    freight: f32,
    weight: f32,
    volume: f32,
    seller: String,
    category: String,
}

/// Reads the set.
pub fn read(folder: &Path) -> Set {
    let places = by(folder, "olist_sample_customers", "customer_id", |row| {
        (
            row.text("customer_state"),
            format!("{:0>5}", row.text("customer_zip_code_prefix")),
        )
    });
    let sellers = by(folder, "olist_sellers", "seller_id", |row| {
        row.text("seller_state")
    });
    let products = by(folder, "olist_products", "product_id", |row| {
        let side = |column| row.number(column);
        let volume = side("product_length_cm") * side("product_height_cm") * side("product_width_cm") / 1e3;
        (
            row.text("product_category_name"),
            row.number("product_weight_g"),
            volume,
        )
    });
    let mut payments: HashMap<String, (f32, f32)> = HashMap::new();
    for row in rows(folder, "olist_order_payments") {
        let kinds = ["credit_card", "boleto", "voucher", "debit_card"];
        let kind = kinds.iter().position(|kind| *kind == row.text("payment_type"));
        let entry = payments.entry(row.text("order_id")).or_insert((f32::NAN, 0.0));
        if entry.0.is_nan() {
            entry.0 = kind.map_or(f32::NAN, |kind| kind as f32);
        }
        entry.1 = entry.1.max(row.number("payment_installments"));
    }
    let mut baskets: HashMap<String, Basket> = HashMap::new();
    for row in rows(folder, "olist_sample_order_items") {
        let basket = baskets.entry(row.text("order_id")).or_default();
        let empty = (String::new(), f32::NAN, f32::NAN);
        let (category, weight, volume) = products.get(&row.text("product_id")).unwrap_or(&empty);
        basket.items += 1.0;
        basket.price += row.number("price");
        basket.freight += row.number("freight_value");
        basket.weight += weight;
        basket.volume += volume;
        basket.seller = row.text("seller_id");
        basket.category.clone_from(category);
    }
    let mut orders: Vec<(i64, i64, i64, Row)> = rows(folder, "olist_sample_orders")
        .into_iter()
        .filter(|row| row.text("order_status") == "delivered")
        .filter_map(|row| {
            let delivered = row.time("order_delivered_customer_date")?;
            let promised = row.time("order_estimated_delivery_date")?;
            Some((row.time("order_purchase_timestamp")?, delivered, promised, row))
        })
        .collect();
    orders.sort_by_key(|(bought, .., row)| (*bought, row.text("order_id")));
    let at: Vec<i64> = orders.iter().map(|order| order.0).collect();
    let late: Vec<bool> = orders
        .iter()
        .map(|o| o.1.div_euclid(DAY) > o.2.div_euclid(DAY))
        .collect();
    let known_at: Vec<Option<i64>> = orders
        .iter()
        .map(|o| Some(o.1.min((o.2.div_euclid(DAY) + 1) * DAY).max(o.0)))
        .collect();

    let rates = |levels, prior| {
        Rates::new(Config {
            recent_half_life_us: 10.0 * DAY_US,
            ..Config::new(levels, prior)
        })
    };
    let (mut place, mut route, mut seller) = (rates(3, 0.07), rates(2, 0.07), rates(3, 0.07));
    let (mut category, mut slow, mut seller_slow) = (rates(2, 0.07), rates(2, 0.4), rates(3, 0.4));
    let mut seen = Rates::new(Config::new(1, 0.5));
    let mut days = Means::default();
    let basketless = Basket::default();
    let keys: Vec<_> = orders
        .iter()
        .map(|(.., row)| {
            let (state, zip) = &places[&row.text("customer_id")];
            let basket = baskets.get(&row.text("order_id")).unwrap_or(&basketless);
            let from = sellers.get(&basket.seller).cloned().unwrap_or_default();
            (
                [0, key(&[state]), key(&[&zip[..2]])],
                [0, key(&[&from, state])],
                [0, key(&[&from]), key(&[&basket.seller])],
                [0, key(&[&basket.category])],
                f32::from(u8::from(from == *state)),
            )
        })
        .collect();
    let mut data = Data::new(FEATURES.len());
    // Slow parcels are known to be slow when half the time is over or they have come.
    let slow_of = |i: usize| {
        let (bought, delivered, promised, _) = &orders[i];
        let half = bought + (promised - bought) / 2;
        (*delivered > half, half.min(*delivered).max(*bought))
    };
    let mut slow_order: Vec<(i64, usize)> = (0..orders.len()).map(|i| (slow_of(i).1, i)).collect();
    slow_order.sort_unstable();
    let mut slow_next = 0;
    let mut came: Vec<(i64, usize)> = orders.iter().enumerate().map(|(i, o)| (o.1, i)).collect();
    came.sort_unstable();
    let mut came_next = 0;
    for step in steps(&at, &known_at) {
        match step {
            Step::Score(i) => {
                let now = at[i];
                while slow_order.get(slow_next).is_some_and(|(when, _)| *when < now) {
                    let (when, j) = slow_order[slow_next];
                    slow.observe(&keys[j].0[..2], when, slow_of(j).0, 1.0);
                    seller_slow.observe(&keys[j].2, when, slow_of(j).0, 1.0);
                    slow_next += 1;
                }
                while came.get(came_next).is_some_and(|(when, _)| *when < now) {
                    let (when, j) = came[came_next];
                    let took = (when - at[j]) as f64 / DAY_US;
                    for key in [0, keys[j].0[1], keys[j].1[1]] {
                        days.observe(key, when, took);
                    }
                    came_next += 1;
                }
                let (p, r, s, c, same) = &keys[i];
                let (bought, _, promised, row) = &orders[i];
                let basket = baskets.get(&row.text("order_id")).unwrap_or(&basketless);
                let payment = payments
                    .get(&row.text("order_id"))
                    .copied()
                    .unwrap_or((f32::NAN, f32::NAN));
                let read: Vec<_> = place.read_levels(p, now).collect();
                let slow_read: Vec<_> = slow.read_levels(&p[..2], now).collect();
                let promised_days = ((promised - bought) as f64 / DAY_US) as f32;
                let usual = days.read([0, p[1], r[1]]) as f32;
                let x = [
                    read[1].rate as f32,
                    read[2].rate as f32,
                    route.read(r, now).rate as f32,
                    seller.read(s, now).rate as f32,
                    category.read(c, now).rate as f32,
                    read[0].recent as f32,
                    read[0].lift as f32,
                    read[1].lift as f32,
                    slow_read[1].rate as f32,
                    slow_read[0].lift as f32,
                    slow_read[1].lift as f32,
                    seller_slow.read(s, now).rate as f32,
                    promised_days,
                    usual,
                    promised_days - usual,
                    usual / promised_days,
                    basket.price,
                    basket.freight,
                    basket.items,
                    basket.weight,
                    basket.volume,
                    *same,
                    payment.1,
                    payment.0,
                    ((now / DAY + 3) % 7) as f32,
                    (now % DAY / (DAY / 24)) as f32,
                    seen.read(&s[2..], now).count as f32,
                ];
                data.push(&x, late[i], 1.0);
                seen.observe(&s[2..], now, false, 1.0);
            }
            Step::Learn(i) => {
                let (p, r, s, c, _) = &keys[i];
                let (when, late) = (known_at[i].expect("known"), late[i]);
                place.observe(p, when, late, 1.0);
                route.observe(r, when, late, 1.0);
                seller.observe(s, when, late, 1.0);
                category.observe(c, when, late, 1.0);
            }
        }
    }
    println!(
        "strengths learned: place {:?}, seller {:?}, route {:?}",
        place.strengths(),
        seller.strengths(),
        route.strengths()
    );
    Set {
        name: "olist",
        schema: Schema {
            name: "olist",
            features: FEATURES,
        },
        end: at.last().copied().unwrap_or(0) + 1,
        data,
        at,
        known_at,
        split: 17_652 * DAY, // 2018-05-01
        lane: "route_rate",
        prior: 0.07,
        online: ftrl::Params {
            alpha: 0.1,
            beta: 1.0,
            l1: 0.0,
            l2: 10.0,
        },
        batch: logistic::Params {
            l2: 100.0,
            ..logistic::Params::default()
        },
        trees: boosting::Params {
            depth: 1,
            l2: 20.0,
            ..crate::set::trees()
        },
    }
}
