//! How good the choice of a courier before pickup is in a simulated world, against its true probabilities under every courier. All figures are of simulated data.
//!
//! `cargo run --release -p eddy-processors --example routing_quality -- [orders] [seed] [days] [weights]`, weights as `1.5,2,3`.
//!
//! Each parcel manifested in the last seven tenths of the time is asked about at its manifest. The expected-money policy takes the feasible courier of least expected cost
//! as the engine tells it, and, as the policy's `failure_weight` would, with failures that weigh more, among those that are expected to cost no more than leaving it. The oracle
//! takes the least cost by the true probabilities, and is asked with the same weights as well; further choosers are the courier that is best on average and the plain rate of courier, payment mode and zone,
//! both with the same prices. Nothing is moved in the world: each choice is judged by the true probability of the courier chosen.

use std::collections::HashMap;

use eddy_events::output::OutputKind;
use eddy_events::{Body, Position};
use eddy_processors::{Candidate, Config, Emitted, Engine, Prepared};
use eddy_simulator::truth::{Row, Shipment};
use eddy_simulator::{World, WorldConfig};
use serde_json::Value;

/// Outcomes that a wider rate is worth.
const STRENGTH: f64 = 20.0;

/// A courier as it was told at the manifest.
struct Choice {
    courier: String,
    risk: f64,
    /// Expected cost less the part that follows from the risk.
    fixed: f64,
    /// Cost of a failure.
    failure: f64,
    feasible: bool,
}

/// A parcel at its manifest.
struct Asked {
    options: Vec<Choice>,
    zone: u8,
}

#[derive(Default)]
struct Rates(HashMap<(String, &'static str, u8), (f64, f64)>);

impl Rates {
    fn tell(&mut self, courier: &str, mode: &'static str, zone: u8, failed: bool) {
        for key in [
            (String::new(), "", 0),
            (courier.to_owned(), "", 0),
            (courier.to_owned(), mode, 0),
            (courier.to_owned(), mode, zone),
        ] {
            let rate = self.0.entry(key).or_default();
            rate.0 += f64::from(u8::from(failed));
            rate.1 += 1.0;
        }
    }

    fn drawn(&self, key: (String, &'static str, u8), wider: f64) -> f64 {
        let (failed, all) = self.0.get(&key).copied().unwrap_or_default();
        (failed + STRENGTH * wider) / (all + STRENGTH)
    }

    fn courier(&self, courier: &str) -> f64 {
        let base = self.drawn((String::new(), "", 0), 0.2);
        self.drawn((courier.to_owned(), "", 0), base)
    }

    fn lane(&self, courier: &str, mode: &'static str, zone: u8) -> f64 {
        let wide = self.drawn((courier.to_owned(), mode, 0), self.courier(courier));
        self.drawn((courier.to_owned(), mode, zone), wide)
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: u64| {
        args.get(at)
            .map_or(usual, |arg| arg.parse().expect("a whole number"))
    };
    let (orders, seed, days) = (number(0, 100_000), number(1, 1), number(2, 365) as u32);
    let weights: Vec<f64> = args
        .get(3)
        .map_or("1.5,2", String::as_str)
        .split(',')
        .map(|weight| weight.parse().expect("a weight"))
        .collect();
    let config = WorldConfig {
        seed,
        orders,
        days,
        customers: (orders / 4).max(1_000),
        ..WorldConfig::default()
    };
    let warm = config.start.micros + i64::from(days) * 86_400_000_000 * 3 / 10;
    let world = World::new(config).expect("a world");
    let mut engine = Engine::new(Config::default()).expect("an engine");
    let (mut out, mut count) = (Emitted::default(), 0_u64);
    let mut asked: HashMap<String, Asked> = HashMap::new();
    let mut truths: HashMap<String, Box<Shipment>> = HashMap::new();
    let rows = std::sync::Mutex::new(Vec::new());
    let mut decisions: HashMap<String, (String, f64)> = HashMap::new();
    for delivered in world.events_with_truth(|row| rows.lock().unwrap().push(row)) {
        count += 1;
        let position = Position {
            sequence: count,
            index: 0,
        };
        let line = eddy_events::codec::encode(&delivered.event);
        let manifested = match &delivered.event.body {
            Body::ShipmentManifested(body) if delivered.event.envelope.time.micros >= warm => Some((
                body.awb.to_string(),
                body.destination_pincode.as_bytes().first().copied().unwrap_or(0),
            )),
            _ => None,
        };
        engine.apply(
            Prepared::new(position, delivered.arrival.micros, &line, Ok(delivered.event)),
            &mut out,
        );
        if count.is_multiple_of(4096) {
            drop(engine.take_changes());
        }
        for (_, output) in out.outputs.drain(..) {
            if output.kind == OutputKind::Reroute {
                let data = output.data.value();
                if data["stage"] == "manifested" {
                    let to = data["to_courier"].as_str().unwrap_or("").to_owned();
                    decisions.insert(
                        output.subject.to_string(),
                        (to, data["risk_before"].as_f64().unwrap_or(0.0)),
                    );
                }
            }
        }
        if let Some((awb, zone)) = manifested {
            let candidate = Candidate {
                awb: Some(awb.clone()),
                ..Candidate::default()
            };
            if let Ok(told) = engine.estimate(&candidate) {
                asked.insert(
                    awb,
                    Asked {
                        options: options(&told),
                        zone,
                    },
                );
            }
        }
        for row in rows.lock().unwrap().drain(..) {
            if let Row::Shipment(shipment) = row {
                truths.insert(shipment.awb.to_string(), shipment);
            }
        }
    }
    println!("simulated world {seed}: {orders} orders, {days} days");
    judge(&asked, &truths, &decisions, &weights, warm);
}

fn options(told: &Value) -> Vec<Choice> {
    let couriers = told["couriers"].as_array().expect("an array");
    let figure = |value: &Value| value.as_f64().unwrap_or(0.0);
    couriers
        .iter()
        .map(|one| {
            let (risk, failure) = (figure(&one["risk"]), figure(&one["failure_cost_minor"]));
            Choice {
                courier: one["courier"].as_str().unwrap_or("").to_owned(),
                risk,
                fixed: figure(&one["expected_cost_minor"]) - risk * failure,
                failure,
                feasible: one["feasible"].as_bool().unwrap_or(false),
            }
        })
        .collect()
}

/// What a chooser came to among parcels of a true risk above a bound.
#[derive(Clone, Copy, Default)]
struct Sum {
    parcels: f64,
    before: f64,
    after: f64,
    cost_before: f64,
    cost_after: f64,
}

/// Least by a price, which may be infinite; `own` where nothing is open.
fn least<'a>(open: &[&'a Choice], own: &'a Choice, price: impl Fn(&Choice) -> f64) -> &'a Choice {
    open.iter()
        .copied()
        .min_by(|a, b| price(a).total_cmp(&price(b)))
        .unwrap_or(own)
}

fn judge(
    asked: &HashMap<String, Asked>,
    truths: &HashMap<String, Box<Shipment>>,
    decisions: &HashMap<String, (String, f64)>,
    weights: &[f64],
    warm: i64,
) {
    let index: HashMap<&str, usize> = truths
        .values()
        .map(|t| (t.courier.as_str(), t.courier_index))
        .collect();
    // The rates of the time before: a plain rule that is fixed once.
    let mut rates = Rates::default();
    let mut sorted: Vec<&Shipment> = truths.values().map(|t| &**t).collect();
    sorted.sort_by(|a, b| (a.manifested_at.micros, &a.awb).cmp(&(b.manifested_at.micros, &b.awb)));
    for truth in sorted.iter().filter(|truth| truth.manifested_at.micros < warm) {
        // The zone of a parcel of the warm-up was not asked for: lanes are learned from all that were, below.
        if let Some(failed) = truth.failed() {
            rates.tell(&truth.courier, truth.payment_mode, 0, failed);
        }
    }
    let fixed = [
        "expected money",
        "oracle",
        "least true risk",
        "best courier on average",
        "lane rate",
        "decided at 0.8",
    ];
    let mut names: Vec<String> = fixed.map(ToOwned::to_owned).to_vec();
    for weight in weights {
        names.push(format!("failures weigh {weight}"));
        names.push(format!("oracle, they weigh {weight}"));
    }
    let bounds = [0.8, 0.5, 0.0];
    let mut sums = vec![[Sum::default(); 3]; names.len()];
    let mut seen = 0;
    let mut broken = 0;
    let mut failure_minor = 0.0;
    // Paired differences in true failures and costs between a chooser and the lane's rate.
    let mut paired: Vec<Vec<(f64, f64)>> = vec![Vec::new(); names.len()];
    for truth in &sorted {
        let Some(one) = asked.get(truth.awb.as_str()) else {
            continue;
        };
        let true_risk = |option: &Choice| {
            index
                .get(option.courier.as_str())
                .and_then(|&at| truth.manifested.get(at).copied().flatten())
        };
        let own = &one.options[0];
        let Some(own_risk) = true_risk(own) else { continue };
        let feasible: Vec<&Choice> = one.options.iter().filter(|option| option.feasible).collect();
        broken += feasible
            .iter()
            .filter(|option| true_risk(option).is_none())
            .count();
        let open: Vec<&Choice> = feasible
            .into_iter()
            .filter(|option| true_risk(option).is_some())
            .collect();
        let cost = |option: &Choice, risk: f64| option.fixed + risk * option.failure;
        let choose = |price: &dyn Fn(&Choice) -> f64| least(&open, own, price);
        let risk_of = |option: &Choice| true_risk(option).unwrap_or(1.0);
        let true_cost = |option: &Choice| cost(option, risk_of(option));
        let decided = decisions
            .get(truth.awb.as_str())
            .and_then(|(to, _)| one.options.iter().find(|option| option.courier == *to))
            .unwrap_or(own);
        // As the policy's `failure_weight` does: only couriers that are expected to cost no more than the one in place.
        let weighed = |weight: f64, risk: &dyn Fn(&Choice) -> f64| {
            least(&open, own, |o| {
                if cost(o, risk(o)) > cost(own, risk(own)) {
                    f64::INFINITY
                } else {
                    cost(o, risk(o) * weight)
                }
            })
        };
        let lane = choose(&|o| cost(o, rates.lane(&o.courier, truth.payment_mode, one.zone)));
        let mut chosen = vec![
            choose(&|o| cost(o, o.risk)),
            choose(&true_cost),
            choose(&risk_of),
            choose(&|o| cost(o, rates.courier(&o.courier))),
            lane,
            decided,
        ];
        for weight in weights {
            chosen.push(weighed(*weight, &|o| o.risk));
            chosen.push(weighed(*weight, &risk_of));
        }
        seen += 1;
        failure_minor += own.failure;
        for (paired, chosen) in paired.iter_mut().zip(&chosen) {
            paired.push((
                risk_of(chosen) - risk_of(lane),
                true_cost(chosen) - true_cost(lane),
            ));
        }
        for (sum, chosen) in sums.iter_mut().zip(chosen) {
            for (sum, bound) in sum.iter_mut().zip(bounds) {
                if own_risk > bound {
                    sum.parcels += 1.0;
                    sum.before += own_risk;
                    sum.after += risk_of(chosen);
                    sum.cost_before += true_cost(own);
                    sum.cost_after += true_cost(chosen);
                }
            }
        }
        if let Some(failed) = truth.failed() {
            rates.tell(&truth.courier, truth.payment_mode, one.zone, failed);
        }
    }
    println!(
        "{seen} parcels judged, {broken} feasible in the engine and not in the world; a failure costs {:.0} minor units on average",
        failure_minor / f64::from(seen)
    );
    for (at, bound) in bounds.iter().enumerate() {
        let oracle = sums[1][at];
        println!(
            "true risk above {bound}: {} parcels, mean risk {:.4}",
            oracle.parcels,
            oracle.before / oracle.parcels
        );
        for (name, sum) in names.iter().zip(&sums) {
            let sum = sum[at];
            println!(
                "   {name:<24} failures cut {:>6.2}%  share of the oracle's cut {:>6.3}  cost {:>6.0} -> {:>6.0} a parcel, oracle {:>6.0}",
                100.0 * (sum.before - sum.after) / sum.before,
                (sum.before - sum.after) / (oracle.before - oracle.after),
                sum.cost_before / sum.parcels,
                sum.cost_after / sum.parcels,
                oracle.cost_after / sum.parcels
            );
        }
    }
    println!("less the lane's rate, all parcels, a parcel, with paired 95% intervals:");
    for (name, pairs) in names.iter().zip(&paired) {
        let (failures, money): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let ((low, mean, high), (cheap, cost, dear)) = (interval(&failures), interval(&money));
        println!(
            "   {name:<24} failures {mean:>8.5} ({low:.5} to {high:.5})  cost {cost:>7.1} ({cheap:.1} to {dear:.1})"
        );
    }
}

/// Mean of differences with its 95% interval: lower end, mean, upper end.
fn interval(differences: &[f64]) -> (f64, f64, f64) {
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
    let half = 1.96 * (variance / n).sqrt();
    (mean - half, mean, mean + half)
}
