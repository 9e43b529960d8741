//! Parameters judged where they may be judged: on three slices before the split, each fitted on what was known before it.

use eddy_models::boosting::{self, Params};
use eddy_models::calibration::Config;
use eddy_models::encoding::{Encoder, Row};
use eddy_models::evaluation::{auc, calibration_error, log_loss};
use eddy_models::mapping::Method;
use eddy_models::{ftrl, logistic, sigmoid};

use crate::set::Set;
use crate::{calibrated, challenger, online};

/// AUC and log-loss, averaged over the slices.
struct Judge<'a> {
    set: &'a Set,
    slices: Vec<(i64, i64)>,
}

impl Judge<'_> {
    fn judge(&self, name: &str, mut score: impl FnMut(i64, &[usize]) -> Vec<f64>) {
        let (mut ranking, mut loss, mut error) = (0.0, 0.0, 0.0);
        for &(from, to) in &self.slices {
            let rows = self.set.scored(from, to);
            let failed = self.set.outcomes(&rows);
            let p: Vec<f64> = score(from, &rows).into_iter().map(sigmoid).collect();
            ranking += auc(&p, &failed) / self.slices.len() as f64;
            error += calibration_error(&p, &failed);
            loss += log_loss(&p, &failed) / self.slices.len() as f64;
        }
        error /= self.slices.len() as f64;
        println!(
            "{:8} {name:60} AUC {ranking:.4} log-loss {loss:.5} ECE {error:.4}",
            self.set.name
        );
    }
}

/// Prints how parameters do.
pub fn tune(set: &Set) {
    let start = set.at[0];
    let at = |share: f64| start + ((set.split - start) as f64 * share) as i64;
    let slices = vec![(at(0.52), at(0.68)), (at(0.68), at(0.84)), (at(0.84), set.split)];
    let judge = Judge { set, slices };
    let lane = set.schema.index_of(set.lane).expect("the lane's rate");
    judge.judge("lane rate", |_, rows| {
        rows.iter()
            .map(|&i| eddy_models::logit(f64::from(set.data.row(i)[lane])))
            .collect()
    });
    for alpha in [0.005, 0.01, 0.02, 0.05, 0.1] {
        for l2 in [1.0, 10.0, 50.0] {
            let scores = online(
                set,
                ftrl::Params {
                    alpha,
                    beta: 1.0,
                    l1: 0.0,
                    l2,
                },
            );
            judge.judge(&format!("online alpha {alpha} l2 {l2}"), |_, rows| {
                rows.iter().map(|&i| scores[i]).collect()
            });
        }
    }
    // Calibration is judged on the online learner's scores, which are out of sample throughout.
    let rows = set.scored(start, set.split);
    let raw: Vec<f64> = online(set, set.online).into_iter().take(rows.len()).collect();
    let candidates = [Method::Level, Method::Platt, Method::Beta, Method::Isotonic]
        .into_iter()
        .flat_map(|method| {
            [300, 1_000, 8_000].map(|window| {
                (
                    format!("calibration {method:?} {window}"),
                    Config::only(method, window),
                )
            })
        });
    judge.judge("calibration none", |_, rows| {
        rows.iter().map(|&i| raw[i]).collect()
    });
    let memory = |memory| {
        (
            format!("calibration mixed, memory {memory}"),
            Config {
                memory,
                ..Config::default()
            },
        )
    };
    for (name, config) in candidates.chain([300.0, 1_000.0, 3_000.0].map(memory)) {
        let scores = calibrated(set, config, &rows, &raw);
        judge.judge(&name, |_, rows| rows.iter().map(|&i| scores[i]).collect());
    }
    let encoder = Encoder::new(&set.schema);
    for l2 in [3.0, 30.0, 100.0, 300.0, 1_000.0] {
        judge.judge(&format!("logistic l2 {l2}"), |from, rows| {
            let data = set.pick(&set.known(from));
            let linear = logistic::fit(
                &encoder,
                &data,
                logistic::Params {
                    l2,
                    ..Default::default()
                },
            )
            .expect("a fit");
            let mut row = Row::new();
            let score = |&i: &usize| {
                encoder.encode(set.data.row(i), &mut row);
                linear.log_odds(&row)
            };
            rows.iter().map(score).collect()
        });
    }
    let trees = |name: &str, params: Params| {
        judge.judge(name, |from, rows| {
            let (_, forest) = challenger(set, &set.known(from), &params);
            rows.iter().map(|&i| forest.log_odds(set.data.row(i))).collect()
        });
    };
    trees("trees as chosen", set.trees.clone());
    for depth in [1, 2, 3, 4, 6] {
        for l2 in [5.0, 20.0, 80.0] {
            trees(
                &format!("trees depth {depth} l2 {l2}"),
                Params {
                    depth,
                    l2,
                    ..set.trees.clone()
                },
            );
        }
    }
    trees(
        "trees rate 0.02",
        Params {
            rate: 0.02,
            ..set.trees.clone()
        },
    );
    trees(
        "trees columns 0.3",
        Params {
            columns: 0.3,
            ..set.trees.clone()
        },
    );
    trees(
        "trees rows 0.5",
        Params {
            rows: 0.5,
            ..set.trees.clone()
        },
    );
    trees(
        "trees child weight 20",
        Params {
            child_weight: 20.0,
            ..set.trees.clone()
        },
    );
    for count in [40, 80, 120, 200] {
        judge.judge(&format!("{count} trees"), |from, rows| {
            let data = set.pick(&set.known(from));
            let forest = boosting::fit(
                &data,
                &Params {
                    trees: count,
                    ..set.trees.clone()
                },
            )
            .expect("a fit");
            rows.iter().map(|&i| forest.log_odds(set.data.row(i))).collect()
        });
    }
}
