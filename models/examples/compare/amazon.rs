//! Amazon India, merchant rows: was the parcel returned to the seller or lost?
//!
//! Leaking columns are not read at all. One date stands for everything, so an outcome is taken to be known ten days after its order.

use std::collections::HashMap;
use std::path::Path;

use eddy_models::data::Data;
use eddy_models::prequential::{Step, steps};
use eddy_models::rates::{Config, DAY_US, Rates};
use eddy_models::schema::{Feature, Linear, Schema, Unit};
use eddy_models::{boosting, ftrl, logistic};

use crate::set::Set;
use crate::table::{DAY, key, rows};

const DELAY: i64 = 10 * DAY;
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

const fn count(name: &'static str, meaning: &'static str) -> Feature {
    Feature {
        name,
        meaning,
        unit: Unit::Count,
        linear: Linear::Log {
            centre: 2.0,
            spread: 1.5,
        },
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
    rate("state_rate", "failures in the state"),
    rate("prefix_rate", "failures in the pincode's first three digits"),
    rate("pincode_rate", "failures in the pincode"),
    rate("district_rate", "failures in the district"),
    rate("city_rate", "failures in the city"),
    rate("category_rate", "failures of the category"),
    rate("style_rate", "failures of the style"),
    rate("sku_rate", "failures of the article"),
    rate("size_rate", "failures of the size within the category"),
    rate("state_category_rate", "failures of the category in the state"),
    other(
        "recent_lift",
        "how much worse the state is of late",
        Unit::LogOdds,
        Linear::Plain,
    ),
    count("pincode_orders", "orders from the pincode so far"),
    count("prefix_orders", "orders from the prefix so far"),
    count("city_orders", "orders from the city so far"),
    count("style_orders", "orders of the style so far"),
    other(
        "amount",
        "amount of the line",
        Unit::Money,
        Linear::Log {
            centre: 6.4,
            spread: 0.5,
        },
    ),
    other(
        "order_lines",
        "lines of the order",
        Unit::Count,
        Linear::Ranges(&[1.5, 2.5]),
    ),
    other(
        "category",
        "category of the article",
        Unit::Code,
        Linear::Codes(10),
    ),
    other("size", "size, ascending", Unit::Number, Linear::Codes(12)),
    other("business", "bought by a business", Unit::Flag, Linear::Plain),
    other("weekday", "day of the week", Unit::Code, Linear::Codes(7)),
    other(
        "month_day",
        "day of the month",
        Unit::Number,
        Linear::Scaled {
            centre: 15.0,
            spread: 9.0,
        },
    ),
    other("latitude", "degrees north", Unit::Number, Linear::Absent),
    other("longitude", "degrees east", Unit::Number, Linear::Absent),
    other(
        "post_offices",
        "post offices of the pincode",
        Unit::Count,
        Linear::Log {
            centre: 1.5,
            spread: 1.0,
        },
    ),
];

const SIZES: [&str; 11] = [
    "Free", "XS", "S", "M", "L", "XL", "XXL", "3XL", "4XL", "5XL", "6XL",
];
const CATEGORIES: [&str; 8] = [
    "set",
    "kurta",
    "western dress",
    "top",
    "ethnic dress",
    "blouse",
    "bottom",
    "saree",
];

/// A state's one spelling.
fn state(said: &str) -> String {
    let said = said.trim().to_uppercase();
    match said.as_str() {
        "ORISSA" => "ODISHA",
        "PONDICHERRY" => "PUDUCHERRY",
        "NEW DELHI" => "DELHI",
        "RJ" | "RAJSHTHAN" | "RAJSTHAN" => "RAJASTHAN",
        "PB" | "PUNJAB/MOHALI/ZIRAKPUR" => "PUNJAB",
        "AR" => "ARUNACHAL PRADESH",
        "NL" => "NAGALAND",
        other => other,
    }
    .to_owned()
}

struct Place {
    district: String,
    latitude: f32,
    longitude: f32,
    offices: f32,
}

fn places(folder: &Path) -> HashMap<i64, Place> {
    let mut places: HashMap<i64, Place> = HashMap::new();
    for row in rows(folder, "india_post_offices_pincode") {
        let place = places
            .entry(row.number("pincode") as i64)
            .or_insert_with(|| Place {
                district: row.text("district"),
                latitude: row.number("lat_e5") / 1e5,
                longitude: row.number("lon_e5") / 1e5,
                offices: 0.0,
            });
        place.offices += 1.0;
    }
    places
}

/// Reads the set.
pub fn read(folder: &Path) -> Set {
    let places = places(folder);
    let all = rows(folder, "amazon_india_sale_report");
    // Lines that were cancelled later belonged to the order when it was placed.
    let mut orders: HashMap<String, f32> = HashMap::new();
    for row in &all {
        *orders.entry(row.text("Order ID")).or_default() += 1.0;
    }
    let mut lines: Vec<_> = all
        .into_iter()
        .filter(|row| row.text("Fulfilment") == "Merchant")
        .filter_map(|row| {
            let status = row.text("Status");
            let failed = ["Return", "Rejected", "Lost", "Damaged"]
                .iter()
                .any(|word| status.contains(word));
            (failed || status.contains("Delivered to Buyer")).then_some((row, failed))
        })
        .collect();
    // The file runs backwards and has no hour; within a day any order is as good.
    lines.sort_by_key(|(row, _)| (row.time("Date"), row.text("Order ID"), row.text("SKU")));
    let last = lines
        .iter()
        .filter_map(|(row, _)| row.time("Date"))
        .max()
        .expect("rows");
    let end = 19_163 * DAY; // 2022-06-20: the file ends on the 29th, its last ten days are censored.
    assert!(last < end + 11 * DAY);
    lines.retain(|(row, _)| row.time("Date").is_some_and(|at| at < end));
    let at: Vec<i64> = lines
        .iter()
        .map(|(row, _)| row.time("Date").expect("dated"))
        .collect();
    let known_at: Vec<Option<i64>> = at.iter().map(|at| Some(at + DELAY)).collect();

    let rates = |levels| {
        Rates::new(Config {
            recent_half_life_us: 4.0 * DAY_US,
            ..Config::new(levels, 0.08)
        })
    };
    let (mut place, mut district, mut city) = (rates(4), rates(3), rates(3));
    let (mut goods, mut size, mut mix) = (rates(4), rates(3), rates(3));
    let mut orders_of = Rates::new(Config::new(1, 0.5));
    let keys: Vec<_> = lines
        .iter()
        .map(|(row, _)| {
            let state = state(&row.text("ship-state"));
            let pincode = row.number("ship-postal-code");
            let pin = format!("{pincode:.0}");
            let prefix = pin.get(..3).unwrap_or("").to_owned();
            let city = row.text("ship-city").trim().to_uppercase();
            let found = places.get(&(pincode as i64));
            let area = found.map_or("", |place| place.district.as_str()).to_owned();
            let category = row.text("Category").to_lowercase();
            let (style, sku, fit) = (row.text("Style"), row.text("SKU"), row.text("Size"));
            (
                [0, key(&[&state]), key(&[&prefix]), key(&[&pin])],
                [0, key(&[&state]), key(&[&state, &area])],
                [0, key(&[&state]), key(&[&state, &city])],
                [0, key(&[&category]), key(&[&style]), key(&[&sku])],
                [0, key(&[&fit]), key(&[&category, &fit])],
                [0, key(&[&state]), key(&[&state, &category])],
            )
        })
        .collect();
    let mut data = Data::new(FEATURES.len());
    for step in steps(&at, &known_at) {
        match step {
            Step::Score(i) => {
                let (row, failed) = &lines[i];
                let (p, d, c, g, s, m) = &keys[i];
                let (now, order) = (at[i], orders[&row.text("Order ID")]);
                let places_read: Vec<_> = place.read_levels(p, now).collect();
                let goods_read: Vec<_> = goods.read_levels(g, now).collect();
                let found = places.get(&(row.number("ship-postal-code") as i64));
                let index = |all: &[&str], word: &str| {
                    all.iter()
                        .position(|known| *known == word)
                        .map_or(f32::NAN, |i| i as f32)
                };
                let seen = |key: u64| orders_of.read(&[key], now).count as f32;
                let x = [
                    places_read[1].rate as f32,
                    places_read[2].rate as f32,
                    places_read[3].rate as f32,
                    district.read(d, now).rate as f32,
                    city.read(c, now).rate as f32,
                    goods_read[1].rate as f32,
                    goods_read[2].rate as f32,
                    goods_read[3].rate as f32,
                    size.read(s, now).rate as f32,
                    mix.read(m, now).rate as f32,
                    places_read[1].lift as f32,
                    seen(p[3]),
                    seen(p[2]),
                    seen(c[2]),
                    seen(g[2]),
                    row.number("Amount"),
                    order,
                    index(&CATEGORIES, &row.text("Category").to_lowercase()),
                    index(&SIZES, &row.text("Size")),
                    row.number("B2B"),
                    ((now / DAY + 3) % 7) as f32,
                    // Days of the three months, from 31 March: 30 in April, 31 in May.
                    match now / DAY - 19_083 {
                        day @ 0..30 => (day + 1) as f32,
                        day @ 30..61 => (day - 29) as f32,
                        day @ 61.. => (day - 60) as f32,
                        _ => 31.0,
                    },
                    found.map_or(f32::NAN, |place| place.latitude),
                    found.map_or(f32::NAN, |place| place.longitude),
                    found.map_or(f32::NAN, |place| place.offices),
                ];
                data.push(&x, *failed, 1.0);
                for key in [p[3], p[2], c[2], g[2]] {
                    orders_of.observe(&[key], now, false, 1.0);
                }
            }
            Step::Learn(i) => {
                let (p, d, c, g, s, m) = &keys[i];
                // By the time of the order: what came in time weighs like what came late.
                let (then, failed) = (at[i], lines[i].1);
                place.observe(p, then, failed, 1.0);
                district.observe(d, then, failed, 1.0);
                city.observe(c, then, failed, 1.0);
                goods.observe(g, then, failed, 1.0);
                size.observe(s, then, failed, 1.0);
                mix.observe(m, then, failed, 1.0);
            }
        }
    }
    println!(
        "strengths learned: place {:?}, goods {:?}, city {:?}",
        place.strengths(),
        goods.strengths(),
        city.strengths()
    );
    Set {
        name: "amazon",
        schema: Schema {
            name: "amazon",
            features: FEATURES,
        },
        data,
        at,
        known_at,
        split: 19_135 * DAY, // 2022-05-23
        end,
        lane: "pincode_rate",
        prior: 0.08,
        online: ftrl::Params {
            alpha: 0.01,
            beta: 1.0,
            l1: 0.0,
            l2: 10.0,
        },
        batch: logistic::Params {
            l2: 1000.0,
            ..logistic::Params::default()
        },
        trees: boosting::Params {
            depth: 2,
            l2: 5.0,
            ..crate::set::trees()
        },
    }
}
