//! What a merchandiser asks, while events arrive: the named queries of the pages Products, Product and Anomalies and of the rates, over a year of ten million order lines made by
//! number, parcels not scored (5,000 articles in 1,000 styles and 20 categories, eight lines an order, one in ten asked back), through `POST /v1/sql` with the answer read whole.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use eddy_models::random::Random;
use serde_json::json;

use crate::engine::Engine;
use crate::freshness::Writers;
use crate::http::Connection;
use crate::report::{figure, quantile};

const ORDERS: usize = 1_250_000;
const LINES: usize = 8;
const DAYS: usize = 365;
const SKUS: usize = 5_000;
/// Times each query is asked.
const ASKED: usize = 20;

/// Queries, and the parameters that differ from what a page starts with.
const QUERIES: [(&str, &[(&str, &str)]); 20] = [
    ("products", &[]),
    ("products_figures", &[]),
    ("products_values", &[]),
    ("products_anomalies", &[]),
    ("products_curves", &[("keys", "'{sku}', '{other}'")]),
    ("product", &[("product", "'{sku}'")]),
    ("product_anomalies", &[("product", "'{sku}'")]),
    ("product_cohorts", &[("product", "'{sku}'")]),
    ("product_differs", &[("product", "'{sku}'")]),
    ("product_ends", &[("product", "'{sku}'")]),
    ("product_forecast", &[("product", "'{sku}'")]),
    ("product_reasons", &[("product", "'{sku}'")]),
    ("product_returns", &[("product", "'{sku}'")]),
    ("product_sizes", &[("product", "'{sku}'")]),
    ("anomalies_figures", &[]),
    ("anomalies_queue", &[]),
    ("anomaly_series", &[("series", "'sku'"), ("of", "'{sku}'")]),
    ("return_rate_cohorts", &[]),
    ("return_rate_values", &[]),
    ("return_funnel", &[]),
];

fn sku(n: usize) -> String {
    format!("K{:04}-{}", n / 5, n % 5)
}

/// Writes the shop's year, a day after another.
fn shop(path: &Path) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut tell = |id: &str, kind: &str, day: usize, second: usize, data: &str| {
        let (date, clock) = (
            chrono_day(day),
            format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60),
        );
        writeln!(
            file,
            r#"{{"specversion":"1.0","id":"{id}","source":"urn:shop","type":"eddy.{kind}","time":"{date}T{clock}+05:30","data":{data}}}"#
        )
        .unwrap();
    };
    for n in 0..SKUS {
        let (sku, style, category) = (sku(n), n / 5, n / 5 % 20);
        tell(
            &format!("c-{n}"),
            "context.catalogue_item_updated",
            0,
            0,
            &format!(
                r#"{{"sku":"{sku}","style":"S{style}","category":"c{category}","size":"{}","price_minor":99900,"supplier_id":"sup{}"}}"#,
                n % 5,
                style % 50
            ),
        );
    }
    let mut random = Random::new(1);
    // By day: orders that arrive, and (order, line, article) asked back.
    let mut arrives: Vec<Vec<usize>> = vec![Vec::new(); DAYS + 40];
    let mut returns: Vec<Vec<(usize, usize, usize)>> = vec![Vec::new(); DAYS + 40];
    let articles = |order: usize| {
        let mut random = Random::new(order as u64 + 7);
        // The first articles sell most.
        std::array::from_fn::<usize, LINES, _>(|_| ((random.unit() * random.unit()) * SKUS as f64) as usize)
    };
    for day in 0..DAYS {
        for order in (0..ORDERS).skip(day).step_by(DAYS) {
            let mut lines = String::new();
            for (line, n) in articles(order).into_iter().enumerate() {
                let comma = if line == 0 { "" } else { "," };
                write!(
                    lines,
                    r#"{comma}{{"line_id":"{line}","sku":"{}","style":"S{}","category":"c{}","size":"{}","qty":1,"unit_price_minor":99900,"supplier_id":"sup{}"}}"#,
                    sku(n),
                    n / 5,
                    n / 5 % 20,
                    n % 5,
                    n / 5 % 50
                )
                .unwrap();
            }
            let second = order / DAYS * 20 % 86_400;
            let payment = if order % 2 == 0 { "cod" } else { "prepaid" };
            tell(
                &format!("o-{order}"),
                "order.placed",
                day,
                second,
                &format!(
                    r#"{{"order_id":"o{order}","customer_id":"c{}","lines":[{lines}],"payment_mode":"{payment}","channel":"app","destination_pincode":"56{:04}","destination_country":"IN"}}"#,
                    order % 300_000,
                    order % 500
                ),
            );
            tell(
                &format!("m-{order}"),
                "shipment.manifested",
                day,
                second,
                &format!(
                    r#"{{"awb":"a{order}","order_id":"o{order}","leg":"forward","courier":"k{}","origin_pincode":"110001","destination_pincode":"56{:04}","facility":"f{}","packer":"p{}"}}"#,
                    order % 8,
                    order % 500,
                    order % 6,
                    order % 60
                ),
            );
            arrives[day + 2 + order % 4].push(order);
        }
        for order in std::mem::take(&mut arrives[day]) {
            tell(
                &format!("d-{order}"),
                "shipment.delivered",
                day,
                order % 80_000,
                &format!(r#"{{"awb":"a{order}"}}"#),
            );
            for (line, n) in articles(order).into_iter().enumerate() {
                if random.unit() < 0.05 + 0.1 * (n % 7) as f64 / 6.0 {
                    let delay = 1 + (random.unit() * random.unit() * 25.0) as usize;
                    returns[day + delay].push((order, line, n));
                }
            }
        }
        for (order, line, n) in std::mem::take(&mut returns[day]) {
            let group = ["size_fit", "quality", "not_as_described", "changed_mind"][(order + line) % 4];
            tell(
                &format!("r-{order}-{line}"),
                "return.requested",
                day,
                80_000 + order % 6_000,
                &format!(
                    r#"{{"rma_id":"r{order}-{line}","order_id":"o{order}","lines":[{{"line_id":"{line}","sku":"{}","qty":1,"reason":"{group}","reason_group":"{group}"}}],"channel":"app","method":"pickup"}}"#,
                    sku(n)
                ),
            );
        }
    }
    file.flush().unwrap();
}

/// The date of a day of the year before November 2026.
fn chrono_day(day: usize) -> String {
    const MONTHS: [(usize, usize, usize); 13] = [
        (2025, 11, 30),
        (2025, 12, 31),
        (2026, 1, 31),
        (2026, 2, 28),
        (2026, 3, 31),
        (2026, 4, 30),
        (2026, 5, 31),
        (2026, 6, 30),
        (2026, 7, 31),
        (2026, 8, 31),
        (2026, 9, 30),
        (2026, 10, 31),
        (2026, 11, 30),
    ];
    let mut left = day;
    for (year, month, days) in MONTHS {
        if left < days {
            return format!("{year}-{month:02}-{:02}", left + 1);
        }
        left -= days;
    }
    unreachable!("a day of the year")
}

/// A named query with its parameters bound as a page binds them.
fn bound(name: &str, given: &[(&str, &str)], article: usize) -> String {
    let query = eddy_dashboards::named_queries()
        .iter()
        .find(|query| query.name == name)
        .unwrap_or_else(|| panic!("no query {name}"));
    let (own, other) = (sku(article), sku(article / 2));
    // The longest name first: one may begin another.
    let mut params: Vec<(&String, &String)> = query.params.iter().collect();
    params.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut sql = query.sql.clone();
    for (name, usual) in params {
        let value = given
            .iter()
            .find(|(of, _)| of == name)
            .map_or(usual.clone(), |(_, value)| {
                value.replace("{sku}", &own).replace("{other}", &other)
            });
        sql = sql.replace(&format!("${name}"), &value);
    }
    sql
}

/// An engine that holds the shop's year.
fn shopkeeper() -> Engine {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.ndjson");
    shop(&path);
    let config = dir.path().join("eddy.toml");
    std::fs::write(&config, "scores = false\n").unwrap();
    let engine = Engine::start(&["--config", config.to_str().unwrap()]);
    let output = engine
        .command(&[
            "load",
            path.to_str().unwrap(),
            "--mapping",
            "canonical",
            "--quiet",
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    engine.settle();
    eprintln!("  loaded, {:.1} GB", engine.resident_bytes() as f64 / 1e9);
    engine
}

/// Loads the shop's year; with `EDDY_BENCH_HTTP=host:port` it asks the engine there, which holds it already.
pub fn run() {
    let kept = std::env::var("EDDY_BENCH_HTTP").ok();
    let engine = kept.is_none().then(shopkeeper);
    let http = kept.unwrap_or_else(|| {
        engine
            .as_ref()
            .map(|engine| engine.http.clone())
            .unwrap_or_default()
    });
    let writers = Writers::start(&http, 2_000, usize::MAX, None);
    let mut connection = Connection::open(&http).unwrap();
    let mut all = Vec::new();
    let mut random = Random::new(5);
    for (name, given) in QUERIES {
        let mut samples = Vec::new();
        for _ in 0..ASKED {
            // Articles as often as they sell.
            let article = (random.unit() * random.unit() * SKUS as f64) as usize;
            let body = json!({ "sql": bound(name, given, article) }).to_string();
            let begin = Instant::now();
            let (status, answer) = connection
                .post("/v1/sql", "application/json", body.as_bytes())
                .unwrap();
            let took = begin.elapsed().as_secs_f64() * 1e3;
            assert_eq!(status, 200, "{name}: {}", String::from_utf8_lossy(&answer));
            samples.push(took);
        }
        all.extend_from_slice(&samples);
        let note = format!("{ASKED} times, articles drawn as they sell");
        figure(
            "merchandise",
            &format!("{name}, p50"),
            quantile(&mut samples, 0.5),
            "ms",
            &note,
        );
        figure(
            "merchandise",
            &format!("{name}, p95"),
            quantile(&mut samples, 0.95),
            "ms",
            &note,
        );
    }
    writers.stop();
    let note = format!(
        "{} order lines, 2,000 events/s arriving, one client, {} queries of {} kinds; two cores",
        ORDERS * LINES,
        all.len(),
        QUERIES.len()
    );
    for q in [0.5, 0.95] {
        let what = format!("a merchandiser's query, p{:.0}", q * 100.0);
        figure("merchandise", &what, quantile(&mut all, q), "ms", &note);
    }
}
