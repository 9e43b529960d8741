//! Scores beside the truth: shares of the true probabilities' AUC, calibration with what of it is chance, and both by quarter of a year.

use std::collections::HashMap;

use eddy_models::evaluation::{BINS, at_threshold, auc, calibration_error, log_loss};
use eddy_models::random::Random;
use eddy_simulator::truth::Shipment;

use crate::{DAY_US, Run};

/// Stages that are judged.
pub const STAGES: [&str; 4] = ["placed", "manifested", "out_for_delivery", "attempt_failed"];
/// Worlds drawn from the scores themselves, to learn what chance does.
const DRAWS: usize = 40;
/// Days of a quarter.
const QUARTER: i64 = 91;
/// Scores of a courier below which it is not judged.
const LEAST: usize = 500;

/// One score beside the truth.
pub struct Judged {
    /// Number of the score, in the order told.
    pub number: usize,
    pub stage: &'static str,
    pub cod: bool,
    pub courier: usize,
    /// Event time of the score.
    pub at: i64,
    pub p: f64,
    pub truth: f64,
    pub failed: bool,
}

/// The scores that have a truth to stand beside: of each stage the first, of those after a failure the first after the first failure.
pub fn judged(run: &Run) -> Vec<Judged> {
    let by_order: HashMap<&str, &Shipment> =
        run.truths.values().map(|s| (s.order_id.as_str(), &**s)).collect();
    let mut failures: HashMap<&str, usize> = HashMap::new();
    let mut judged = Vec::new();
    for (number, told) in run.scores.iter().enumerate() {
        let subject = told.subject.as_str();
        let (truth, stage, known) = match told.stage.as_str() {
            "placed" => match by_order.get(subject) {
                Some(s) => (*s, "placed", s.placed[s.courier_index]),
                None => continue,
            },
            stage => {
                let Some(s) = run.truths.get(subject) else {
                    continue;
                };
                match stage {
                    "manifested" => (&**s, "manifested", s.manifested[s.courier_index]),
                    "out_for_delivery" if !failures.contains_key(subject) => {
                        (&**s, "out_for_delivery", s.out_for_delivery)
                    }
                    "attempt_failed" => {
                        let n = failures.entry(subject).or_insert(0);
                        *n += 1;
                        // Only the first score after each failure has its truth; later ones know of actions.
                        let known = s.after_attempt.first().copied().filter(|_| *n == 1);
                        (&**s, "attempt_failed", known)
                    }
                    _ => continue,
                }
            }
        };
        if let (Some(known), Some(failed)) = (known, truth.failed()) {
            judged.push(Judged {
                number,
                stage,
                cod: truth.payment_mode == "cod",
                courier: truth.courier_index,
                at: told.at,
                p: told.p,
                truth: known,
                failed,
            });
        }
    }
    judged
}

/// Figures of some scores.
struct Figures {
    /// AUC of the truth, and ours.
    aucs: (f64, f64),
    rate: f64,
    /// Log-loss of ours, and of the truth.
    losses: (f64, f64),
    /// Calibration error of ours, and of the truth.
    errors: (f64, f64),
}

impl Figures {
    fn new(rows: &[&Judged]) -> Self {
        let (p, failed): (Vec<f64>, Vec<bool>) = rows.iter().map(|j| (j.p, j.failed)).unzip();
        let truth: Vec<f64> = rows.iter().map(|j| j.truth).collect();
        Self {
            aucs: (auc(&truth, &failed), auc(&p, &failed)),
            rate: failed.iter().filter(|f| **f).count() as f64 / failed.len().max(1) as f64,
            losses: (log_loss(&p, &failed), log_loss(&truth, &failed)),
            errors: (calibration_error(&p, &failed), calibration_error(&truth, &failed)),
        }
    }

    /// Share of what the truth's AUC has above one half.
    fn share(&self) -> f64 {
        share(self.aucs)
    }
}

/// Share of what the truth's AUC has above one half that another has.
pub fn share((truth, ours): (f64, f64)) -> f64 {
    (ours - 0.5) / (truth - 0.5)
}

/// How far mean probability and mean true probability are apart, in bins as those of the calibration error: without the chance of outcomes.
fn off_truth(rows: &[&Judged]) -> f64 {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.p.total_cmp(&b.p));
    let n = sorted.len();
    let bins = (0..BINS).map(|bin| &sorted[bin * n / BINS..(bin + 1) * n / BINS]);
    let apart = bins.map(|bin| bin.iter().map(|j| j.p - j.truth).sum::<f64>().abs());
    apart.sum::<f64>() / n as f64
}

/// Calibration error that the same probabilities would have, were they exactly right: the mean of worlds drawn from them, and what nineteen of twenty stay
/// below. Of several groups the worst of each world counts.
fn chance(groups: &[Vec<&Judged>]) -> (f64, f64) {
    let mut random = Random::new(1);
    let mut errors: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let worst = groups.iter().map(|rows| {
                let p: Vec<f64> = rows.iter().map(|j| j.p).collect();
                let failed: Vec<bool> = p.iter().map(|p| random.unit() < *p).collect();
                calibration_error(&p, &failed)
            });
            worst.fold(0.0, f64::max)
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    let mean = errors.iter().sum::<f64>() / DRAWS as f64;
    (mean, errors[DRAWS * 19 / 20 - 1])
}

/// All stages, with cash, prepaid and each courier apart.
pub fn table(judged: &[&Judged]) {
    println!(
        "{:<18} {:>8} {:>7} | {:>6} {:>6} {:>6} | {:>6} {:>6} {:>6} | logloss (truth)",
        "stage", "n", "rate", "truth", "ours", "share", "cod t", "ours", "share"
    );
    for stage in STAGES {
        let rows: Vec<&Judged> = judged.iter().copied().filter(|j| j.stage == stage).collect();
        let cod: Vec<&Judged> = rows.iter().copied().filter(|j| j.cod).collect();
        let prepaid: Vec<&Judged> = rows.iter().copied().filter(|j| !j.cod).collect();
        if cod.is_empty() || prepaid.is_empty() {
            continue;
        }
        let (all, cash) = (Figures::new(&rows), Figures::new(&cod));
        println!(
            "{stage:<18} {:>8} {:>7.4} | {:.4} {:.4} {:.4} | {:.4} {:.4} {:.4} | {:.4} ({:.4})",
            rows.len(),
            all.rate,
            all.aucs.0,
            all.aucs.1,
            all.share(),
            cash.aucs.0,
            cash.aucs.1,
            cash.share(),
            all.losses.0,
            all.losses.1
        );
        let couriers: Vec<Vec<&Judged>> = (0..10)
            .map(|courier| rows.iter().copied().filter(|j| j.courier == courier).collect())
            .filter(|rows: &Vec<&Judged>| rows.len() > LEAST)
            .collect();
        let worst = couriers
            .iter()
            .map(|rows| Figures::new(rows).errors)
            .fold((0.0_f64, 0.0_f64), |worst, of| {
                (worst.0.max(of.0), worst.1.max(of.1))
            });
        let apart = [
            ("all", all.errors, vec![rows.clone()]),
            ("cash", cash.errors, vec![cod]),
            ("prepaid", Figures::new(&prepaid).errors, vec![prepaid]),
            ("worst courier", worst, couriers),
        ];
        for (name, (ours, truth), groups) in apart {
            let (mean, most) = chance(&groups);
            let off = groups.iter().map(|rows| off_truth(rows)).fold(0.0, f64::max);
            println!(
                "   ECE {name:<14} {ours:.4} (the truth's {truth:.4}; were ours right {mean:.4}, nineteen of twenty below {most:.4}); against the truth {off:.4}"
            );
        }
        let (p, failed): (Vec<f64>, Vec<bool>) = rows.iter().map(|j| (j.p, j.failed)).unzip();
        println!("   at 0.8: {:?}", at_threshold(&p, &failed, 0.8));
    }
}

/// Shares by quarter of a year, so that it is seen how they grow.
pub fn quarters(judged: &[Judged], start: i64, days: u32) {
    println!("share of the truth's AUC by quarter of a year, all / cash");
    for stage in STAGES {
        let last = i64::from(days) / QUARTER;
        let told: Vec<String> = (0..last)
            .map(|quarter| {
                let from = start + quarter * QUARTER * DAY_US;
                let to = from + QUARTER * DAY_US;
                let rows: Vec<&Judged> = judged
                    .iter()
                    .filter(|j| j.stage == stage && (from..to).contains(&j.at))
                    .collect();
                let cod: Vec<&Judged> = rows.iter().copied().filter(|j| j.cod).collect();
                format!(
                    "{:.3} / {:.3}",
                    Figures::new(&rows).share(),
                    Figures::new(&cod).share()
                )
            })
            .collect();
        println!("   {stage:<18} {}", told.join("   "));
    }
}
