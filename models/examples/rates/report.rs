//! Tables of how nowcasts turned out.

use super::judge::{GRAINS, Judged, Kind};

const BANDS: [(f64, f64); 7] = [
    (0.0, 0.1),
    (0.1, 0.2),
    (0.2, 0.3),
    (0.3, 0.5),
    (0.5, 0.7),
    (0.7, 0.9),
    (0.9, 0.99),
];

/// Cohorts that one line of a table is about.
pub const CLASSES: [(&str, Kind, f64, f64); 6] = [
    ("category", Kind::Category, 1.0, f64::INFINITY),
    ("sku, 1,000 units or more", Kind::Sku, 1_000.0, f64::INFINITY),
    ("sku, 200 units or more", Kind::Sku, 200.0, f64::INFINITY),
    ("sku, 50 to 199", Kind::Sku, 50.0, 200.0),
    ("sku, 10 to 49", Kind::Sku, 10.0, 50.0),
    ("sku, 1 to 9", Kind::Sku, 1.0, 10.0),
];

/// Error of one of the rates, in points.
type Error = fn(&[&Judged], fn(&Judged) -> f64) -> f64;

fn root_mean_square(judged: &[&Judged], of: fn(&Judged) -> f64) -> f64 {
    let sum: f64 = judged.iter().map(|one| (of(one) - one.end).powi(2)).sum();
    100.0 * (sum / judged.len() as f64).sqrt()
}

fn mean_absolute(judged: &[&Judged], of: fn(&Judged) -> f64) -> f64 {
    100.0 * judged.iter().map(|one| (of(one) - one.end).abs()).sum::<f64>() / judged.len() as f64
}

fn line(what: &str, judged: &[&Judged]) {
    if judged.is_empty() {
        return;
    }
    let share = |when: &dyn Fn(&Judged) -> bool| {
        100.0 * judged.iter().filter(|one| when(one)).count() as f64 / judged.len() as f64
    };
    let slack = 1e-9;
    let of = |error: Error| {
        let rates: [fn(&Judged) -> f64; 3] = [|one| one.adjusted, |one| one.raw, |one| one.ladder];
        let [adjusted, raw, ladder] = rates.map(|rate| error(judged, rate));
        format!("{adjusted:.2} / {raw:.2} / {ladder:.2} ({:.2})", adjusted / raw)
    };
    println!(
        "| {what} | {} | {:.1}% | {:.1}% | {:.1}% | {:.0}% | {:+.2} | {} | {} |",
        judged.len(),
        share(&|one| one.end >= one.lower - slack && one.end <= one.upper + slack),
        share(&|one| one.end < one.lower - slack),
        share(&|one| one.end > one.upper + slack),
        share(&|one| one.end <= one.raw + slack),
        100.0 * judged.iter().map(|one| one.adjusted - one.end).sum::<f64>() / judged.len() as f64,
        of(root_mean_square),
        of(mean_absolute),
    );
}

/// Coverage and errors by class, maturity and grain.
pub fn print(judged: &[Judged]) {
    let heading = |what: &str| {
        println!(
            "\n| {what} | cohorts | end within 90% | below | above | nothing more came | bias, points | root mean square error, points: adjusted / raw / chain ladder (adjusted over raw) | mean absolute error |\n|---|---|---|---|---|---|---|---|---|"
        );
    };
    for (what, kind, least, most) in CLASSES {
        let class: Vec<&Judged> = judged
            .iter()
            .filter(|one| one.kind == kind && one.delivered >= least && one.delivered < most)
            .collect();
        if class.is_empty() {
            continue;
        }
        heading(what);
        for (from, to) in BANDS {
            let band: Vec<&Judged> = class
                .iter()
                .filter(|one| one.maturity >= from && one.maturity < to)
                .copied()
                .collect();
            line(&format!("maturity {from} to {to}"), &band);
        }
        for (grain, (name, _)) in GRAINS.iter().enumerate() {
            for (from, to) in [(0.2, 0.3), (0.0, 0.99)] {
                let of: Vec<&Judged> = class
                    .iter()
                    .filter(|one| one.grain == grain && one.maturity >= from && one.maturity < to)
                    .copied()
                    .collect();
                line(&format!("{name}, {from} to {to}"), &of);
            }
        }
        let all: Vec<&Judged> = class.iter().filter(|one| one.maturity < 0.99).copied().collect();
        line("all below 0.99", &all);
    }
}
