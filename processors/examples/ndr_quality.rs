//! How good the live scores are in a simulated world, against its true probabilities. All figures are of simulated data.
//!
//! `cargo run --release -p eddy-processors --example ndr_quality -- [orders] [seed] [days]`

// It measures, so it asks a clock.
#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use eddy_events::output::OutputKind;
use eddy_events::{Body, Position};
use eddy_models::evaluation::{at_threshold, auc, calibration_error, log_loss};
use eddy_processors::{Config, Emitted, Engine, Prepared};
use eddy_simulator::truth::{Row, Shipment};
use eddy_simulator::{World, WorldConfig};

/// One score beside the truth.
struct Judged {
    stage: &'static str,
    cod: bool,
    courier: usize,
    p: f64,
    truth: f64,
    failed: bool,
}

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|arg| arg.parse::<u64>().expect("a number"));
    let orders = args.next().unwrap_or(100_000);
    let seed = args.next().unwrap_or(1);
    let days = args.next().unwrap_or(365) as u32;
    let config = WorldConfig {
        seed,
        orders,
        days,
        customers: (orders / 4).max(1_000),
        ..WorldConfig::default()
    };
    let warm = config.start.micros + i64::from(days) * 86_400_000_000 * 3 / 10;
    let world = World::new(config).expect("a world");
    let mut truths: HashMap<String, Box<Shipment>> = HashMap::new();
    let mut engine = Engine::new(Config::default()).expect("an engine");
    let mut out = Emitted::default();
    // Subject and stage, in the order told: the probability, when, and how often this stage was scored before.
    let mut scores: Vec<(String, String, f64, i64, usize)> = Vec::new();
    // Awb and time of each failed attempt.
    let mut failed_attempts: Vec<(String, i64)> = Vec::new();
    let mut count = 0_u64;
    let begin = Instant::now();
    let mut spent = 0.0;
    let rows = std::sync::Mutex::new(Vec::new());
    for delivered in world.events_with_truth(|row| rows.lock().unwrap().push(row)) {
        count += 1;
        let position = Position {
            sequence: count,
            index: 0,
        };
        if let Body::ShipmentDeliveryFailed(body) = &delivered.event.body {
            failed_attempts.push((body.awb.to_string(), delivered.event.envelope.time.micros));
        }
        let line = eddy_events::codec::encode(&delivered.event);
        let prepared = Prepared::new(position, delivered.arrival.micros, &line, Ok(delivered.event));
        let start = Instant::now();
        engine.apply(prepared, &mut out);
        if count.is_multiple_of(4096) {
            drop(engine.take_changes());
        }
        spent += start.elapsed().as_secs_f64();
        for (_, output) in out.outputs.drain(..) {
            if output.kind == OutputKind::NdrScore {
                let data = output.data.value();
                let stage = data["stage"].as_str().unwrap_or("").to_owned();
                let p = data["probability"].as_f64().unwrap_or(f64::NAN);
                scores.push((output.subject.to_string(), stage, p, output.time.micros, 0));
            }
        }
        for row in rows.lock().unwrap().drain(..) {
            if let Row::Shipment(shipment) = row {
                truths.insert(shipment.awb.to_string(), shipment);
            }
        }
    }
    println!(
        "simulated world {seed}: {orders} orders, {count} events, {} scores; engine {:.0} events/s, all {:.1} s",
        scores.len(),
        count as f64 / spent,
        begin.elapsed().as_secs_f64()
    );
    let by_order: HashMap<&str, &Shipment> = truths.values().map(|s| (s.order_id.as_str(), &**s)).collect();
    let mut failures: HashMap<String, usize> = HashMap::new();
    let mut judged: Vec<Judged> = Vec::new();
    for (subject, stage, p, at, _) in &scores {
        let (truth, stage, told) = match stage.as_str() {
            "placed" => match by_order.get(subject.as_str()) {
                Some(s) => (*s, "placed", s.placed[s.courier_index]),
                None => continue,
            },
            stage => {
                let Some(s) = truths.get(subject) else { continue };
                match stage {
                    "manifested" => (&**s, "manifested", s.manifested[s.courier_index]),
                    "out_for_delivery" if !failures.contains_key(subject) => {
                        (&**s, "out_for_delivery", s.out_for_delivery)
                    }
                    "attempt_failed" => {
                        let n = failures.entry(subject.clone()).or_insert(0);
                        *n += 1;
                        // Only the first score after each failure has its truth; later ones know of actions.
                        (
                            &**s,
                            "attempt_failed",
                            s.after_attempt.first().copied().filter(|_| *n == 1),
                        )
                    }
                    _ => continue,
                }
            }
        };
        let (Some(told), Some(failed)) = (told, truth.failed()) else {
            continue;
        };
        if *at < warm {
            continue;
        }
        judged.push(Judged {
            stage,
            cod: truth.payment_mode == "cod",
            courier: truth.courier_index,
            p: *p,
            truth: told,
            failed,
        });
    }
    println!(
        "{:<18} {:>8} {:>7} | {:>6} {:>6} {:>6} | {:>6} {:>6} {:>6} | logloss  ECE",
        "stage", "n", "rate", "truth", "ours", "share", "cod t", "ours", "share"
    );
    for stage in ["placed", "manifested", "out_for_delivery", "attempt_failed"] {
        let rows: Vec<&Judged> = judged.iter().filter(|j| j.stage == stage).collect();
        let cod: Vec<&Judged> = rows.iter().copied().filter(|j| j.cod).collect();
        let (all, cash) = (figures(&rows), figures(&cod));
        println!(
            "{stage:<18} {:>8} {:>7.4} | {:.4} {:.4} {:.4} | {:.4} {:.4} {:.4} | {:.4} {:.4} (truth {:.4} {:.4})",
            rows.len(),
            all.4,
            all.0,
            all.1,
            share(&all),
            cash.0,
            cash.1,
            share(&cash),
            all.2,
            all.3,
            all.5,
            all.6
        );
        // The truth's own error beside ours: so much is chance at these numbers.
        let (worst, chance) = (0..10)
            .map(|courier| {
                rows.iter()
                    .copied()
                    .filter(|j| j.courier == courier)
                    .collect::<Vec<_>>()
            })
            .filter(|rows| rows.len() > 500)
            .map(|rows| figures(&rows))
            .fold((0.0_f64, 0.0_f64), |worst, f| {
                (worst.0.max(f.3), worst.1.max(f.6))
            });
        let prepaid: Vec<&Judged> = rows.iter().copied().filter(|j| !j.cod).collect();
        println!(
            "   ECE: cod {:.4} (truth {:.4}), prepaid {:.4} (truth {:.4}), worst courier {worst:.4} (truth {chance:.4})",
            cash.3,
            cash.6,
            figures(&prepaid).3,
            figures(&prepaid).6,
        );
        let (p, failed): (Vec<f64>, Vec<bool>) = rows.iter().map(|j| (j.p, j.failed)).unzip();
        let at = at_threshold(&p, &failed, 0.8);
        println!("   at 0.8: {at:?}");
    }
    outages(&failed_attempts, &scores, &truths);
}

/// Outages: how far the mean risk at out-for-delivery is from the truth, a day after the first fifty failed attempts.
fn outages(
    failed_attempts: &[(String, i64)],
    scores: &[(String, String, f64, i64, usize)],
    truths: &HashMap<String, Box<Shipment>>,
) {
    let outage = |awb: &str| truths.get(awb).and_then(|truth| truth.outage);
    let mut failures: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for (awb, at) in failed_attempts {
        if let Some(id) = outage(awb) {
            failures.entry(id).or_default().push(*at);
        }
    }
    println!("outages, scores at the first out-for-delivery from a day after the fiftieth failed attempt on");
    for (id, mut times) in failures {
        times.sort_unstable();
        let Some(from) = times.get(49).map(|at| at + 86_400_000_000) else {
            println!("   outage {id}: {} failed attempts only", times.len());
            continue;
        };
        let mut seen = std::collections::HashSet::new();
        let told: Vec<(f64, f64)> = scores
            .iter()
            .filter(|(awb, stage, _, at, _)| {
                stage == "out_for_delivery"
                    && *at >= from
                    && outage(awb) == Some(id)
                    && seen.insert(awb.clone())
            })
            .filter_map(|(awb, _, p, _, _)| Some((*p, truths.get(awb)?.out_for_delivery?)))
            .collect();
        let n = told.len() as f64;
        let (ours, truth) = told
            .iter()
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0 / n, sum.1 + one.1 / n));
        println!(
            "   outage {id}: {} failed attempts, {n} scores after, mean risk {ours:.3}, truth {truth:.3}, off by {:.3}",
            times.len(),
            (ours - truth).abs()
        );
    }
}

fn share(f: &(f64, f64, f64, f64, f64, f64, f64)) -> f64 {
    (f.1 - 0.5) / (f.0 - 0.5)
}

/// AUC of the truth, of ours; log-loss and expected calibration error of ours; rate; log-loss and calibration error of the truth.
fn figures(rows: &[&Judged]) -> (f64, f64, f64, f64, f64, f64, f64) {
    let p: Vec<f64> = rows.iter().map(|j| j.p).collect();
    let truth: Vec<f64> = rows.iter().map(|j| j.truth).collect();
    let failed: Vec<bool> = rows.iter().map(|j| j.failed).collect();
    let rate = failed.iter().filter(|f| **f).count() as f64 / failed.len().max(1) as f64;
    (
        auc(&truth, &failed),
        auc(&p, &failed),
        log_loss(&p, &failed),
        calibration_error(&p, &failed),
        rate,
        log_loss(&truth, &failed),
        calibration_error(&truth, &failed),
    )
}
