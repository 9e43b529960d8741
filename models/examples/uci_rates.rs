//! Real data: return rates of young cohorts of UCI Online Retail, by price band and by stock code, against what finally came; and arrivals in total.
//!
//! `EDDY_DATA=FOLDER cargo run --release -p eddy-models --example uci_rates`, where the folder holds `uci_online_retail.parquet`.
//!
//! Delivered is the invoice date. A return is a line of a `C` invoice for goods, matched to the latest purchases of the same article and customer with pieces left (over several, where
//! one has too few); what finds none was sold before the file begins, or is no return of goods. Lines without a customer cannot be matched and are left out, exact repeats count
//! once, lines of more than 500 pieces are left out: a single one is a tenth of all pieces returned. A return counts when it comes within 120 days; frozen are days with as many after them.

#![allow(
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss
)]

mod rates;
#[path = "compare/table.rs"]
#[allow(dead_code)]
mod table;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use eddy_models::delay::AGES;
use rates::facts::{Back, Basis, Facts, Line, Sku};
use table::{DAY, rows};

/// Pieces of a line that is still retail.
const PIECES_MAX: i64 = 500;

/// Upper ends of the price bands, in pounds.
const BANDS: [f32; 6] = [0.85, 1.25, 1.95, 2.95, 4.95, f32::INFINITY];

/// A row of goods.
struct Row {
    invoice: String,
    at: i64,
    back: bool,
    customer: u32,
    code: String,
    pieces: i64,
    price: f32,
}

fn read(folder: &Path) -> Vec<Row> {
    let mut seen: HashSet<String> = HashSet::new();
    let mut goods = Vec::new();
    for row in rows(folder, "uci_online_retail") {
        let (invoice, code) = (row.text("InvoiceNo"), row.text("StockCode"));
        let pieces = row.number("Quantity") as i64;
        let (price, customer) = (row.number("UnitPrice"), row.number("CustomerID"));
        let back = invoice.starts_with('C');
        let of_goods = code.starts_with(|first: char| first.is_ascii_digit());
        let Some(at) = row.time("InvoiceDate") else {
            continue;
        };
        if customer.is_nan() || !of_goods || price <= 0.0 || back != (pieces < 0) || pieces == 0 {
            continue;
        }
        if pieces.abs() > PIECES_MAX
            || !seen.insert(format!("{invoice} {code} {pieces} {at} {price} {customer}"))
        {
            continue;
        }
        goods.push(Row {
            invoice,
            at,
            back,
            customer: customer as u32,
            code,
            pieces: pieces.abs(),
            price,
        });
    }
    goods.sort_by_key(|row| (row.at, row.back));
    goods
}

/// Facts in pieces, or in lines, where whatever comes back of a line counts for all of it.
fn facts(goods: &[Row], in_lines: bool) -> Facts {
    let begin = goods[0].at.div_euclid(DAY) * DAY;
    let days = |at: i64| (at - begin) as f64 / DAY as f64;
    let mut facts = Facts {
        days: days(goods[goods.len() - 1].at) as usize + 1,
        categories: BANDS.iter().map(|to| format!("up to {to}")).collect(),
        places: 1,
        ..Facts::default()
    };
    let mut codes: HashMap<String, usize> = HashMap::new();
    let mut requests: HashMap<String, usize> = HashMap::new();
    // Lines of a customer and article with pieces left.
    let mut open: HashMap<(u32, usize), Vec<(usize, i64)>> = HashMap::new();
    let (mut matched, mut unmatched, mut old) = (0, 0, 0);
    for row in goods {
        let next = codes.len();
        let sku = *codes.entry(row.code.clone()).or_insert(next);
        if sku == facts.skus.len() {
            let band = BANDS
                .iter()
                .position(|to| row.price <= *to)
                .expect("the last has no end");
            facts.skus.push(Sku {
                category: band,
                style: sku,
            });
        }
        let at = days(row.at);
        let bought = open.entry((row.customer, sku)).or_default();
        if !row.back {
            bought.push((facts.lines.len(), row.pieces));
            facts.lines.push(Line {
                sku,
                at,
                known: at,
                units: if in_lines { 1 } else { row.pieces as u32 },
            });
            continue;
        }
        let next = requests.len();
        let request = *requests.entry(row.invoice.clone()).or_insert(next);
        let mut pieces = row.pieces;
        while pieces > 0 {
            let whole = bought.iter().rposition(|(_, left)| *left >= pieces);
            let Some(from) = whole.or(bought.len().checked_sub(1)) else {
                unmatched += 1;
                break;
            };
            let (line, left) = bought.remove(from);
            let back = pieces.min(left);
            pieces -= back;
            if !in_lines && left > back {
                bought.insert(from, (line, left - back));
            }
            if at - facts.lines[line].at >= AGES as f64 {
                old += 1;
                continue;
            }
            matched += 1;
            facts.requested.push(Back {
                line,
                request,
                at,
                known: at,
                units: if in_lines { 1 } else { back as u32 },
                place: 0,
            });
        }
    }
    facts.styles = facts.skus.len();
    println!(
        "{} lines, {} {}; {matched} returns matched, {old} older than {AGES} days, {unmatched} without a purchase left out; {} stock codes, {} days",
        facts.lines.len(),
        facts.lines.iter().map(|line| u64::from(line.units)).sum::<u64>(),
        if in_lines { "lines" } else { "pieces" },
        facts.skus.len(),
        facts.days
    );
    facts
}

fn main() {
    let Some(folder) = std::env::var_os("EDDY_DATA") else {
        println!("skipped: EDDY_DATA names no folder of Parquet files");
        return;
    };
    let goods = read(Path::new(&folder));
    for in_lines in [false, true] {
        let facts = facts(&goods, in_lines);
        let (all, _) = facts.curves(facts.days, Basis::Requested);
        let shares =
            [1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0].map(|age| format!("{:.2} at {age}", all.share(age)));
        println!(
            "{:.2}% come back; share come by days: {}",
            100.0 * all.ever,
            shares.join(", ")
        );
        rates::coming::judge(&facts, (150..facts.days - 14).step_by(7), Basis::Requested);
        let judged = rates::judge::judge(&facts, (90..facts.days - AGES).step_by(4), Basis::Requested);
        rates::report::print(&judged);
    }
}
