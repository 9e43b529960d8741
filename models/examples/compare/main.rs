//! Compares the learners on real data, by what was known at the time of each row.
//!
//! `EDDY_DATA` is the folder of the Parquet files, `EDDY_PYTHON` a Python with numpy and lightgbm; without the latter its line is left out.
//!
//! ```text
//! cargo run --release --example compare              # the table: fitted before the split, judged after it
//! cargo run --release --example compare -- tune      # parameters, judged on three later slices of the rows before the split
//! ```

#![allow(
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss
)]

mod amazon;
mod olist;
mod set;
mod table;
mod tune;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use eddy_models::calibration::{Calibrator, Config, When};
use eddy_models::encoding::{Encoder, Row};
use eddy_models::evaluation::{Metrics, auc_difference};
use eddy_models::forest::Forest;
use eddy_models::ftrl::{self, Ftrl};
use eddy_models::mapping::{Method, Sample};
use eddy_models::prequential::{Step, steps};
use eddy_models::{boosting, logistic, logit, sigmoid};

use set::Set;

const DRAWS: usize = 2_000;

fn main() {
    let Some(folder) = std::env::var_os("EDDY_DATA") else {
        println!("skipped: EDDY_DATA names no folder of Parquet files");
        return;
    };
    let folder = Path::new(&folder);
    for set in [amazon::read(folder), olist::read(folder)] {
        if std::env::args().nth(1).as_deref() == Some("tune") {
            tune::tune(&set);
        } else {
            compare(&set);
        }
    }
}

/// Raw log-odds of every row by the online learner, each before its outcome was known.
fn online(set: &Set, params: ftrl::Params) -> Vec<f64> {
    let encoder = Encoder::new(&set.schema);
    // The lane's rate is believed from the first event: its weight starts at 1.
    let lane = set.schema.index_of(set.lane).expect("the lane's rate");
    let slot = (1..encoder.slots())
        .filter(|&slot| encoder.owner(slot) == Some(lane))
        .nth(1);
    let mut learner = Ftrl::new(
        params,
        encoder.slots(),
        set.prior,
        &[(slot.expect("a slot"), 1.0)],
    );
    let mut rows: Vec<Row> = vec![Row::new(); set.at.len()];
    let mut scores = vec![0.0; set.at.len()];
    for step in steps(&set.at, &set.known_at) {
        match step {
            Step::Score(i) => {
                encoder.encode(set.data.row(i), &mut rows[i]);
                scores[i] = learner.log_odds(&rows[i]);
            }
            Step::Learn(i) => {
                learner.learn(&rows[i], set.data.outcomes()[i], 1.0);
            }
        }
    }
    scores
}

/// Fits with the latest fifth held back for the number of trees, then with all rows.
fn challenger(set: &Set, train: &[usize], params: &boosting::Params) -> (Forest, Forest) {
    let data = set.pick(train);
    let first = boosting::fit(
        &data,
        &boosting::Params {
            held_back: 0.2,
            ..params.clone()
        },
    )
    .expect("two outcomes");
    let trees = first.trees.len();
    let all = boosting::fit(
        &data,
        &boosting::Params {
            trees,
            held_back: 0.0,
            ..params.clone()
        },
    );
    (first, all.expect("two outcomes"))
}

/// Calibrates raw log-odds of scored rows with the outcomes known before each.
fn calibrated(set: &Set, config: Config, rows: &[usize], raw: &[f64]) -> Vec<f64> {
    // One group would be calibrated twice over by the same outcomes.
    let mut calibrator = Calibrator::new(Config { groups: 0, ..config });
    let at: Vec<i64> = rows.iter().map(|&i| set.at[i]).collect();
    let known_at: Vec<Option<i64>> = rows.iter().map(|&i| set.known_at[i]).collect();
    let mut out = vec![0.0; rows.len()];
    for step in steps(&at, &known_at) {
        match step {
            Step::Score(i) => out[i] = calibrator.calibrate(0, raw[i]),
            Step::Learn(i) => {
                let sample = Sample {
                    log_odds: raw[i],
                    failed: set.data.outcomes()[rows[i]],
                    weight: 1.0,
                };
                let when = When {
                    scored_at: at[i],
                    known_at: known_at[i].expect("known"),
                };
                calibrator.observe(0, sample, when);
            }
        }
    }
    out
}

fn compare(set: &Set) {
    let train = set.known(set.split);
    let test = set.scored(set.split, set.end);
    let held = &train[train.len() - train.len() / 5..];
    let failed = set.outcomes(&test);
    // Scored out of sample: the latest rows before the split by the model that did not see them, those among them whose outcome was not known then, and the test rows.
    let judged = set.scored(set.at[held[0]], set.end);
    let waiting: Vec<usize> = judged
        .iter()
        .copied()
        .filter(|i| set.at[*i] < set.split && held.binary_search(i).is_err())
        .collect();
    let mut entries: Vec<(String, Vec<f64>)> = Vec::new();
    let base = train.iter().filter(|&&i| set.data.outcomes()[i]).count() as f64 / train.len() as f64;
    entries.push(("base rate".into(), vec![logit(base); judged.len()]));
    let lane = set.schema.index_of(set.lane).expect("the lane's rate");
    let lane_rate = |&i: &usize| logit(f64::from(set.data.row(i)[lane]));
    entries.push(("lane rate".into(), judged.iter().map(lane_rate).collect()));
    let start = Instant::now();
    let online = online(set, set.online);
    println!("online: {:.2} s", start.elapsed().as_secs_f64());
    entries.push(("online FTRL".into(), judged.iter().map(|&i| online[i]).collect()));
    let encoder = Encoder::new(&set.schema);
    let fit = |rows: &[usize]| logistic::fit(&encoder, &set.pick(rows), set.batch);
    let early = &train[..train.len() - held.len()];
    let (before, after) = (fit(early).expect("a fit"), fit(&train).expect("a fit"));
    let mut row = Row::new();
    let linear = |&i: &usize| {
        encoder.encode(set.data.row(i), &mut row);
        if set.at[i] < set.split {
            before.log_odds(&row)
        } else {
            after.log_odds(&row)
        }
    };
    entries.push((
        "batch logistic (linfa)".into(),
        judged.iter().map(linear).collect(),
    ));
    let start = Instant::now();
    let (first, all) = challenger(set, &train, &set.trees);
    println!(
        "boosting: {} trees in {:.1} s",
        all.trees.len(),
        start.elapsed().as_secs_f64()
    );
    let trees = |&i: &usize| {
        let forest = if set.at[i] < set.split { &first } else { &all };
        forest.log_odds(set.data.row(i))
    };
    entries.push((
        "boosted symmetric trees".into(),
        judged.iter().map(trees).collect(),
    ));
    let blend = |name: &str, parts: &[usize], entries: &mut Vec<(String, Vec<f64>)>| {
        let mean = |i| parts.iter().map(|&part| entries[part].1[i]).sum::<f64>() / parts.len() as f64;
        let mean = (0..judged.len()).map(mean).collect();
        entries.push((name.into(), mean));
    };
    blend("trees and logistic, averaged", &[3, 4], &mut entries);
    blend("trees and online, averaged", &[2, 4], &mut entries);
    let reference = lightgbm(set, early, held, &waiting, &test).map(|scores| {
        let all = || held.iter().chain(&waiting).chain(&test);
        let place = |i: &usize| all().position(|j| j == i).expect("scored");
        entries.push((
            "LightGBM".into(),
            judged.iter().map(|i| scores[place(i)]).collect(),
        ));
        entries.len() - 1
    });
    let from = judged
        .iter()
        .position(|&i| set.at[i] >= set.split)
        .expect("test rows");
    let rate = failed.iter().filter(|&&f| f).count() as f64 / failed.len() as f64;
    println!(
        "\n### {}: {} training rows ({:.1}% failed), {} test rows ({:.1}% failed)\n",
        set.name,
        train.len(),
        base * 100.0,
        test.len(),
        rate * 100.0
    );
    println!(
        "| model | AUC | less LightGBM's (95%) | average precision | log-loss raw | log-loss | ECE raw | ECE | Platt | beta | isotonic |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, raw) in &entries {
        let probabilities = |raw: &[f64]| -> Vec<f64> { raw.iter().map(|&s| sigmoid(s)).collect() };
        let plain = Metrics::new(&probabilities(&raw[from..]), &failed);
        let only = |method| Config::only(method, 8_000);
        let configs = [
            Config::default(),
            only(Method::Platt),
            only(Method::Beta),
            only(Method::Isotonic),
        ];
        let methods = configs.map(|config| {
            Metrics::new(
                &probabilities(&calibrated(set, config, &judged, raw)[from..]),
                &failed,
            )
        });
        let difference = reference.map_or("-".to_owned(), |lightgbm| {
            let d = auc_difference(&raw[from..], &entries[lightgbm].1[from..], &failed, DRAWS, 1);
            format!("{:+.4} ({:+.4} to {:+.4})", d.mean, d.low, d.high)
        });
        let [mixture, platt, beta, isotonic] = methods.map(|m| m.calibration_error);
        println!(
            "| {name} | {:.4} | {difference} | {:.4} | {:.5} | {:.5} | {:.4} | {mixture:.4} | {platt:.4} | {beta:.4} | {isotonic:.4} |",
            plain.auc, plain.average_precision, plain.log_loss, methods[0].log_loss, plain.calibration_error
        );
    }
    println!();
}

/// Raw log-odds of LightGBM for the rows held back, those that wait for their outcome, and the test rows.
fn lightgbm(
    set: &Set,
    early: &[usize],
    held: &[usize],
    waiting: &[usize],
    test: &[usize],
) -> Option<Vec<f64>> {
    let Some(python) = std::env::var_os("EDDY_PYTHON") else {
        println!("LightGBM left out: EDDY_PYTHON names no Python that has it");
        return None;
    };
    let folder = std::env::temp_dir().join(format!("eddy-compare-{}-{}", set.name, std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut csv = String::new();
    for (part, rows) in [early, held, waiting, test].into_iter().enumerate() {
        for &i in rows {
            write!(csv, "{part},{}", u8::from(set.data.outcomes()[i])).expect("text");
            for x in set.data.row(i) {
                if x.is_nan() {
                    csv.push(',')
                } else {
                    write!(csv, ",{x}").expect("text")
                }
            }
            csv.push('\n');
        }
    }
    std::fs::write(folder.join("rows.csv"), csv).expect("rows written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/compare/lightgbm_baseline.py");
    let done = Command::new(python)
        .arg(script)
        .arg(&folder)
        .status()
        .expect("Python runs");
    assert!(done.success(), "LightGBM failed");
    let text = std::fs::read_to_string(folder.join("predictions.csv")).expect("predictions");
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    Some(text.lines().map(|line| line.parse().expect("a number")).collect())
}
