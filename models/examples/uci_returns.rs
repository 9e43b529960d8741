//! Real data: which customers of UCI Online Retail send something back within the next 90 days, from what the fraud profile keeps of a customer.
//!
//! `EDDY_DATA=FOLDER cargo run --release -p eddy-models --example uci_returns`, where the folder holds `uci_online_retail.parquet`.
//!
//! A return is a line of a `C` invoice for goods, matched to the latest purchase of the same article and customer with as many pieces; lines without one (sold before the file
//! begins, discounts, postage, manual) count for nothing, exact repeats once. Features are as of a date and labels of the 90 days after it; trees learn from dates whose labels
//! end before the date they are judged at.

#![allow(
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss
)]

#[path = "compare/table.rs"]
#[allow(dead_code)]
mod table;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use eddy_models::boosting::{self, Params};
use eddy_models::data::Data;
use eddy_models::evaluation::{auc, auc_difference};

use table::{DAY, rows};

/// Days ahead that are predicted.
const AHEAD: i64 = 90;
/// Days over which habits fade, as the profile's do.
const LONG: f64 = 90.0;
/// Lines that peers lend, as serial returner's rate has them.
const LENT: f64 = 2.0;
const DRAWS: usize = 2_000;

const NAMES: [&str; 13] = [
    "lines bought so far",
    "lines sent back so far",
    "lines bought, fading",
    "lines sent back, fading",
    "value bought, fading",
    "value sent back, fading",
    "lines that peers would send back, fading",
    "shrunken return rate",
    "shrunken return rate by value",
    "returns of late, fading in a week",
    "days since the last purchase",
    "days since the last return",
    "days since the first purchase",
];

/// A line as it happened.
struct Happened {
    at: i64,
    customer: u32,
    article: u32,
    pieces: i64,
    value: f64,
    back: bool,
}

/// What is kept of a customer.
#[derive(Clone, Default)]
struct Profile {
    at: i64,
    lines: f64,
    sent_back: f64,
    bought: f64,
    returned: f64,
    bought_value: f64,
    returned_value: f64,
    expected: f64,
    velocity: f64,
    first: i64,
    last: i64,
    last_back: Option<i64>,
}

impl Profile {
    fn age(&mut self, to: i64) {
        let days = (to - self.at).max(0) as f64 / DAY as f64;
        let long = (-days / LONG).exp();
        for count in [
            &mut self.bought,
            &mut self.returned,
            &mut self.bought_value,
            &mut self.returned_value,
            &mut self.expected,
        ] {
            *count *= long;
        }
        self.velocity *= (-days / 7.0).exp();
        self.at = to;
    }

    fn row(&self, to: i64) -> Vec<f32> {
        let mut now = self.clone();
        now.age(to);
        let days = |at: i64| (to - at) as f64 / DAY as f64;
        let peers = if now.bought > 0.0 {
            now.expected / now.bought
        } else {
            0.02
        };
        let rate = (now.returned + LENT * peers) / (now.bought.max(now.returned) + LENT);
        let lent = 20.0;
        let by_value =
            (now.returned_value + lent * peers) / (now.bought_value.max(now.returned_value) + lent);
        [
            now.lines,
            now.sent_back,
            now.bought,
            now.returned,
            now.bought_value,
            now.returned_value,
            now.expected,
            rate,
            by_value,
            now.velocity,
            days(now.last),
            now.last_back.map_or(1_000.0, days),
            days(now.first),
        ]
        .map(|figure| figure as f32)
        .to_vec()
    }
}

/// Purchases and matched returns in the order of time.
fn read(folder: &Path) -> Vec<Happened> {
    let mut articles: HashMap<String, u32> = HashMap::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut lines: Vec<(i64, bool, u32, u32, i64, f64)> = Vec::new();
    for row in rows(folder, "uci_online_retail") {
        let (invoice, code) = (row.text("InvoiceNo"), row.text("StockCode"));
        let pieces = row.number("Quantity") as i64;
        let (price, customer) = (f64::from(row.number("UnitPrice")), row.number("CustomerID"));
        let back = invoice.starts_with('C');
        let goods = code.starts_with(|first: char| first.is_ascii_digit());
        let Some(at) = row.time("InvoiceDate") else {
            continue;
        };
        if customer.is_nan() || !goods || price <= 0.0 || back != (pieces < 0) || pieces == 0 {
            continue;
        }
        if !seen.insert(format!("{invoice} {code} {pieces} {at} {price} {customer}")) {
            continue;
        }
        let next = articles.len() as u32;
        let article = *articles.entry(code).or_insert(next);
        lines.push((
            at,
            back,
            customer as u32,
            article,
            pieces.abs(),
            price * pieces.abs() as f64,
        ));
    }
    lines.sort_by_key(|line| (line.0, line.1));
    // Pieces of each purchase that have not come back.
    let mut open: HashMap<(u32, u32), Vec<i64>> = HashMap::new();
    let mut unmatched = 0;
    let mut happened = Vec::new();
    for (at, back, customer, article, pieces, value) in lines {
        let bought = open.entry((customer, article)).or_default();
        if back {
            let Some(fits) = bought.iter_mut().rev().find(|left| **left >= pieces) else {
                unmatched += 1;
                continue;
            };
            *fits -= pieces;
        } else {
            bought.push(pieces);
        }
        happened.push(Happened {
            at,
            customer,
            article,
            pieces,
            value,
            back,
        });
    }
    println!(
        "{} lines bought, {} sent back and matched, {unmatched} without a purchase left out, {} pieces in all",
        happened.iter().filter(|one| !one.back).count(),
        happened.iter().filter(|one| one.back).count(),
        happened.iter().map(|one| one.pieces).sum::<i64>()
    );
    happened
}

/// Features of each customer as of a day, and whether something came back, and was bought, in the days after.
fn snapshot(happened: &[Happened], day: i64) -> Vec<(Vec<f32>, bool, bool)> {
    let mut profiles: BTreeMap<u32, Profile> = BTreeMap::new();
    let mut peers: HashMap<u32, (f64, f64)> = HashMap::new();
    let mut later: HashMap<u32, (bool, bool)> = HashMap::new();
    for one in happened {
        if one.at >= day {
            if one.at < day + AHEAD * DAY {
                let after = later.entry(one.customer).or_default();
                after.0 |= one.back;
                after.1 |= !one.back;
            }
            continue;
        }
        let profile = profiles.entry(one.customer).or_insert_with(|| Profile {
            at: one.at,
            first: one.at,
            ..Profile::default()
        });
        profile.age(one.at);
        let article = peers.entry(one.article).or_default();
        if one.back {
            profile.sent_back += 1.0;
            profile.returned += 1.0;
            profile.returned_value += one.value;
            profile.velocity += 1.0;
            profile.last_back = Some(one.at);
            article.0 += 1.0;
        } else {
            profile.expected += (article.0 + 0.02 * 50.0) / (article.1 + 50.0);
            profile.lines += 1.0;
            profile.bought += 1.0;
            profile.bought_value += one.value;
            profile.last = one.at;
            article.1 += 1.0;
        }
    }
    profiles
        .into_iter()
        .map(|(customer, profile)| {
            let (back, buys) = later.get(&customer).copied().unwrap_or_default();
            (profile.row(day), back, buys)
        })
        .collect()
}

fn main() {
    let Some(folder) = std::env::var_os("EDDY_DATA") else {
        println!("skipped: EDDY_DATA names no folder of Parquet files");
        return;
    };
    let happened = read(Path::new(&folder));
    let begin = happened[0].at;
    let end = happened[happened.len() - 1].at;
    let judged = end - AHEAD * DAY;
    // Every two weeks from three months in, as long as the labels are known by the date that is judged.
    let learned = (0..)
        .map(|k| begin + (91 + 14 * k) * DAY)
        .take_while(|day| day + AHEAD * DAY <= judged);
    let mut train = Data::new(NAMES.len());
    let mut buying = Data::new(NAMES.len());
    for day in learned {
        for (row, back, buys) in snapshot(&happened, day) {
            train.push(&row, back, 1.0);
            if buys {
                buying.push(&row, back, 1.0);
            }
        }
    }
    let test = snapshot(&happened, judged);
    for (what, train, only_buyers) in [
        ("all customers", &train, false),
        ("customers who buy in those days", &buying, true),
    ] {
        let rows: Vec<_> = test.iter().filter(|(_, _, buys)| !only_buyers || *buys).collect();
        let labels: Vec<bool> = rows.iter().map(|(_, back, _)| *back).collect();
        let params = Params {
            trees: 150,
            depth: 3,
            ..Params::default()
        };
        let forest = boosting::fit(train, &params).expect("both outcomes");
        let ours: Vec<f64> = rows.iter().map(|(row, ..)| forest.log_odds(row)).collect();
        let by = |at: usize| -> Vec<f64> { rows.iter().map(|(row, ..)| f64::from(row[at])).collect() };
        let lines = by(0);
        let difference = auc_difference(&ours, &lines, &labels, DRAWS, 1);
        println!(
            "{what}: {} judged, {:.1}% send something back; learned from {} rows",
            rows.len(),
            labels.iter().filter(|back| **back).count() as f64 / rows.len() as f64 * 100.0,
            train.len()
        );
        println!(
            "    AUC {:.3} by the profile, {:.3} by past lines: {:+.3} ({:+.3} to {:+.3})",
            auc(&ours, &labels),
            auc(&lines, &labels),
            difference.mean,
            difference.low,
            difference.high
        );
        for (at, name) in NAMES.iter().enumerate() {
            let alone = auc(&by(at), &labels);
            println!("        {:.3} {name} alone", alone.max(1.0 - alone));
        }
    }
}
