//! Real data with injected shifts: the return share of twenty stock codes of UCI Online Retail is tripled from a known date; how many are found, and how well is the date told?
//!
//! `EDDY_DATA=FOLDER cargo run --release -p eddy-models --example uci_shifts [seed]`, where the folder holds `uci_online_retail.parquet`.
//!
//! Returns are lines of `C` invoices matched to the latest fitting purchase, as in `uci_returns`. What is counted are requests: the pieces of one request come back together, and
//! a request for 600 pieces is no more news than one for six. The exposure is pieces sold. Injected is by seed, from a date of its own in June to August 2011 on, in two ways:
//! each piece sold comes back with twice its code's share of pieces besides what came back anyway, on its own; or, harder, requests as large as those seen are copied, so that both pieces and
//! requests triple. Delays are drawn from those observed. The detector sees every day what was known that day, of all codes.

#![allow(
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]

#[path = "compare/table.rs"]
#[allow(dead_code)]
mod table;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use eddy_models::random::Random;
use eddy_models::shift::cases::{Case, Cases, Known, Shared, Slices};
use eddy_models::shift::evidence::Evidence;
use eddy_models::shift::family::Policy;
use eddy_models::shift::prior::{Moments, Prior};
use eddy_models::shift::series::{Curve, Series};

use table::{DAY, rows};

/// Pieces a month from which a code may be chosen, and how many are.
const PIECES: i64 = 300;
const CHOSEN: usize = 20;
/// Least share of pieces that came back anyway: three times nearly nothing is nothing.
const SHARE: f64 = 0.01;
/// And most: one code was ordered and sent back whole, and cannot be tripled.
const MOST: f64 = 0.2;
/// Days of learning, and ages that are told apart.
const WARM: i32 = 120;
const AGES: usize = 90;

/// A purchase, with what came back of it.
struct Sale {
    day: i32,
    code: u32,
    pieces: i64,
    /// Day and pieces of each request.
    requests: Vec<(i32, i64)>,
}

fn read(folder: &Path) -> (Vec<Sale>, usize) {
    let mut codes: HashMap<String, u32> = HashMap::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut lines: Vec<(i64, bool, u32, u32, i64)> = Vec::new();
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
        let next = codes.len() as u32;
        let code = *codes.entry(code).or_insert(next);
        lines.push((at, back, customer as u32, code, pieces.abs()));
    }
    lines.sort_unstable();
    let first = lines[0].0;
    let mut sales: Vec<Sale> = Vec::new();
    let mut open: HashMap<(u32, u32), Vec<(usize, i64)>> = HashMap::new();
    for (at, back, customer, code, pieces) in lines {
        let day = ((at - first) / DAY) as i32;
        let bought = open.entry((customer, code)).or_default();
        if back {
            let Some((sale, left)) = bought.iter_mut().rev().find(|(_, left)| *left >= pieces) else {
                continue;
            };
            *left -= pieces;
            sales[*sale].requests.push((day, pieces));
        } else {
            bought.push((sales.len(), pieces));
            sales.push(Sale {
                day,
                code,
                pieces,
                requests: Vec::new(),
            });
        }
    }
    (sales, codes.len())
}

/// Triples the share of some codes; gives their dates.
fn inject(sales: &mut [Sale], codes: usize, seed: u64, copied: bool) -> BTreeMap<u32, i32> {
    let mut random = Random::new(seed);
    let last = sales.iter().map(|s| s.day).max().unwrap_or(0);
    let mut sold = vec![(0_i64, 0_i64); codes];
    let mut seen: HashMap<u32, Vec<i64>> = HashMap::new();
    let mut delays = Vec::new();
    for sale in sales.iter() {
        sold[sale.code as usize].0 += sale.pieces;
        for &(day, pieces) in &sale.requests {
            sold[sale.code as usize].1 += pieces;
            seen.entry(sale.code).or_default().push(pieces);
            delays.push(day - sale.day);
        }
    }
    let months = i64::from(last) / 30;
    let mut fit: Vec<u32> = (0..codes as u32)
        .filter(|&c| {
            let (all, back) = sold[c as usize];
            let share = back as f64 / all as f64;
            all >= PIECES * months && (SHARE..MOST).contains(&share)
        })
        .collect();
    let eligible = fit.len();
    let mut dates = BTreeMap::new();
    while dates.len() < CHOSEN {
        let code = fit.swap_remove(random.below(fit.len()));
        dates.insert(code, 182 + random.below(90) as i32);
    }
    let mut added = 0;
    for sale in sales.iter_mut() {
        let Some(&date) = dates.get(&sale.code) else {
            continue;
        };
        if sale.day < date {
            continue;
        }
        let (all, back) = sold[sale.code as usize];
        let share = 2.0 * back as f64 / all as f64;
        let sizes = &seen[&sale.code];
        let mean = sizes.iter().sum::<i64>() as f64 / sizes.len() as f64;
        for _ in 0..sale.pieces {
            if random.unit() < if copied { share / mean } else { share } {
                let pieces = if copied {
                    sizes[random.below(sizes.len())]
                } else {
                    1
                };
                let day = sale.day + delays[random.below(delays.len())];
                sale.requests.push((day, pieces.min(sale.pieces)));
                added += 1;
            }
        }
    }
    println!(
        "{eligible} codes have {PIECES} pieces a month and a share of {SHARE} to {MOST} back; {added} requests injected"
    );
    for (&code, date) in &dates {
        let (all, back) = sold[code as usize];
        if std::env::var_os("EDDY_LIFE").is_some() {
            println!(
                "    code {code} from {date}: {all} pieces a year, {back} back in {} requests",
                seen[&code].len()
            );
        }
    }
    dates
}

/// Codes share no lines; a code's own cases explain it.
struct Codes<'a> {
    today: i32,
    series: &'a [Series],
    curve: &'a Curve,
    prior: &'a Prior,
}

impl Slices<u32> for Codes<'_> {
    fn residual(&self, series: &u32, known: &[Known<'_, u32>]) -> Option<Evidence> {
        let own = &self.series[*series as usize];
        let mut rest = own.clone();
        for case in known.iter().filter(|case| case.series == series) {
            rest = rest.clear(case.from, case.to);
        }
        rest.evidence(self.today, self.curve, self.prior)
    }

    fn shared(&self, a: &u32, b: &u32, _: i32) -> Shared {
        let same = f64::from(u8::from(a == b));
        Shared {
            of_a: same,
            of_b: same,
        }
    }

    fn ended(&self, case: &Case<u32>) -> Option<i32> {
        self.series[case.series as usize].ended(self.today, self.curve, &case.evidence(), Case::<u32>::END)
    }
}

/// Chain ladder over all codes.
fn curve(sales: &[Sale], today: i32) -> Curve {
    let mut into = [(0.5_f64, 1.0_f64); AGES];
    for sale in sales {
        let mut ages = [0.0; AGES + 1];
        for &(day, _) in sale.requests.iter().filter(|(day, _)| *day <= today) {
            ages[((day - sale.day).max(0) as usize).min(AGES)] += 1.0;
        }
        let mut sum = 0.0;
        for age in 0..AGES {
            sum += ages[age];
            if today - sale.day < age as i32 + 1 || sum + ages[age + 1] == 0.0 {
                break;
            }
            into[age].0 += sum;
            into[age].1 += sum + ages[age + 1];
        }
    }
    let mut share = [1.0_f64; AGES + 1];
    for age in (0..AGES).rev() {
        share[age] = share[age + 1] * into[age].0 / into[age].1.max(into[age].0);
    }
    Curve::new(&share)
}

/// Watches; gives the cases as they were opened, and the onset four weeks later.
fn watch(sales: &[Sale], codes: usize) -> Vec<(Case<u32>, i32)> {
    let last = sales.iter().map(|s| s.day).max().unwrap_or(0);
    let mut series = vec![Series::default(); codes];
    let mut cases: Cases<u32> = Cases::new(Policy::default());
    let mut requests: Vec<Vec<usize>> = vec![Vec::new(); last as usize + 1];
    for (at, sale) in sales.iter().enumerate() {
        for &(day, _) in sale.requests.iter().filter(|(day, _)| *day <= last) {
            requests[day as usize].push(at);
        }
    }
    let early: i64 = sales.iter().filter(|s| s.day < WARM).map(|s| s.pieces).sum();
    let came: usize = requests[..WARM as usize].iter().map(Vec::len).sum();
    // A line of more pieces is not as many chances as it has pieces: its exposure is what its size has been worth so far.
    let rate = came as f64 / early as f64;
    let mix = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let (mut delays, mut prior) = (curve(sales, WARM), Prior::default());
    let mut next = 0;
    let mut found: Vec<(Case<u32>, i32)> = Vec::new();
    for today in 0..=last {
        while next < sales.len() && sales[next].day <= today {
            let sale = &sales[next];
            series[sale.code as usize].delivered(today, rate * sale.pieces as f64, &mix);
            next += 1;
        }
        for &sale in &requests[today as usize] {
            series[sales[sale].code as usize].returned(sales[sale].day, 0, 1);
        }
        for one in &mut series {
            one.advance(today);
        }
        if today < WARM {
            continue;
        }
        if today % 7 == 0 {
            delays = curve(sales, today);
            let mut moments = Moments::default();
            for one in &series {
                moments.observe(one, today, &delays);
            }
            prior = moments.prior();
        }
        let total: f64 = series.iter().map(Series::volume).sum();
        let mut alarms = Vec::new();
        for (code, one) in series.iter().enumerate() {
            if let Some(evidence) = one.evidence(today, &delays, &prior) {
                alarms.extend(cases.alarm(code as u32, one.volume() / total, evidence));
            }
        }
        let codes = Codes {
            today,
            series: &series,
            curve: &delays,
            prior: &prior,
        };
        let changes = cases.close(today, alarms, &codes);
        for id in changes
            .opened
            .iter()
            .chain(&changes.updated)
            .chain(&changes.resolved)
        {
            let Some(case) = cases.case(*id) else { continue };
            series[case.series as usize].hold(case.onset, case.ended.unwrap_or(i32::MAX));
            if changes.opened.contains(id) {
                found.push((case.clone(), case.onset));
            } else if let Some(one) = found.iter_mut().find(|(c, _)| c.id == *id)
                && today <= one.0.opened + 28
            {
                one.1 = case.onset;
            }
        }
    }
    println!(
        "    {prior:.2?}; {:.0}% of the returns within 14 days",
        delays.at(14) * 100.0
    );
    found
}

fn main() {
    let Some(folder) = std::env::var_os("EDDY_DATA") else {
        println!("skipped: EDDY_DATA names no folder of Parquet files");
        return;
    };
    let seeds: Vec<u64> = std::env::args()
        .skip(1)
        .map(|a| a.parse().expect("a seed"))
        .collect();
    let (sales, codes) = read(Path::new(&folder));
    println!("{} purchases of {codes} codes", sales.len());
    let plain = watch(&sales, codes);
    println!("as it is: {} cases opened", plain.len());
    for seed in if seeds.is_empty() { vec![1, 2, 11] } else { seeds } {
        for copied in [false, true] {
            let (mut sales, codes) = read(Path::new(&folder));
            let dates = inject(&mut sales, codes, seed, copied);
            let found = watch(&sales, codes);
            let hits: Vec<_> = dates
                .iter()
                .filter_map(|(code, date)| {
                    let hit = |(case, _): &&(Case<u32>, i32)| {
                        case.series == *code && case.rises && case.opened >= *date
                    };
                    found.iter().find(hit).map(|(case, late)| (case, *late, *date))
                })
                .collect();
            let near = |days: i32| {
                hits.iter()
                    .filter(|(_, late, date)| (late - date).abs() <= days)
                    .count()
            };
            let mut waits: Vec<_> = hits.iter().map(|(case, _, date)| case.opened - date).collect();
            waits.sort_unstable();
            println!(
                "seed {seed}, {}: {} of {CHOSEN} found, onset within 3 days {}, within 7 days {}, within 14 days {}; days to alarm, median {:?}; {} other cases",
                if copied {
                    "requests copied"
                } else {
                    "pieces one by one"
                },
                hits.len(),
                near(3),
                near(7),
                near(14),
                waits.get(waits.len() / 2),
                found.len() - hits.len()
            );
            if std::env::var_os("EDDY_LIFE").is_some() {
                for (case, late, date) in &hits {
                    println!(
                        "    code {}: from {date}, opened {}, onset {} then {late}, {} of {:.1}, ln e {:.1}",
                        case.series, case.opened, case.onset, case.observed, case.expected, case.log_e
                    );
                }
            }
        }
    }
}
