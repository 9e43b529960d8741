//! How good the live scores are in a simulated world, against its true probabilities. All figures are of simulated data.
//!
//! ```text
//! cargo run --release -p eddy-processors --example ndr_quality -- [orders] [seed] [days] [customers] [judged from day]           # all tables
//! cargo run --release -p eddy-processors --example ndr_quality -- [orders] [seed] [days] [customers] [judged from day] lightgbm  # and LightGBM beside them
//! ```
//!
//! Without their number there is a customer for every four orders; without a day, the last seven tenths of the time are judged. A log of more than a year has
//! as many outages and shifts a year as one of a year has. LightGBM needs a Python that has it, named by `EDDY_PYTHON`.

// It measures, so it asks a clock.
#![allow(clippy::disallowed_methods)]

mod judge;
mod outages;
mod peer;

use std::collections::HashMap;
use std::time::Instant;

use eddy_events::output::OutputKind;
use eddy_events::{Body, Position};
use eddy_processors::{Config, Emitted, Engine, Prepared};
use eddy_simulator::truth::{Row, Shipment};
use eddy_simulator::{World, WorldConfig};

use judge::Judged;

const DAY_US: i64 = 86_400_000_000;

/// A score as it was told.
struct Told {
    /// Order or parcel.
    subject: String,
    stage: String,
    p: f64,
    /// Event time.
    at: i64,
}

/// What a run told, and what was the case.
struct Run {
    start: i64,
    days: u32,
    /// In the order told.
    scores: Vec<Told>,
    truths: HashMap<String, Box<Shipment>>,
    /// Parcel and time of each failed attempt.
    failed_attempts: Vec<(String, i64)>,
}

fn main() {
    let (words, numbers): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|arg| arg.parse::<u64>().is_err());
    let number = |at: usize| numbers.get(at).map(|arg| arg.parse::<u64>().expect("a number"));
    let orders = number(0).unwrap_or(100_000);
    let days = number(2).unwrap_or(365) as u32;
    let times = days.max(365);
    let usual = WorldConfig::default();
    let config = WorldConfig {
        seed: number(1).unwrap_or(1),
        orders,
        days,
        customers: number(3).unwrap_or((orders / 4).max(1_000)),
        shifts: usual.shifts * times / 365,
        outages: usual.outages * times / 365,
        ..usual
    };
    let from = number(4).map_or(i64::from(days) * DAY_US * 3 / 10, |day| day as i64 * DAY_US);
    let warm = config.start.micros + from;
    let with_peer = words.iter().any(|word| word == "lightgbm");
    let mut engine = Engine::new(Config::default()).expect("an engine");
    if with_peer {
        engine.record_rows();
    }
    let run = run(config, &mut engine);
    let judged = judge::judged(&run);
    let late: Vec<&Judged> = judged.iter().filter(|judged| judged.at >= warm).collect();
    judge::table(&late);
    judge::quarters(&judged, run.start, run.days);
    outages::judge(&run);
    if with_peer {
        let rows: Vec<_> = engine.rows().collect();
        assert_eq!(rows.len(), run.scores.len(), "a row a score");
        peer::judge(&rows, &judged, warm);
    }
}

/// Tells a world to an engine.
fn run(config: WorldConfig, engine: &mut Engine) -> Run {
    let (seed, orders, customers) = (config.seed, config.orders, config.customers);
    let (start, days) = (config.start.micros, config.days);
    let world = World::new(config).expect("a world");
    let mut run = Run {
        start,
        days,
        scores: Vec::new(),
        truths: HashMap::new(),
        failed_attempts: Vec::new(),
    };
    let mut out = Emitted::default();
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
            let at = delivered.event.envelope.time.micros;
            run.failed_attempts.push((body.awb.to_string(), at));
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
                run.scores.push(Told {
                    subject: output.subject.to_string(),
                    stage: data["stage"].as_str().unwrap_or("").to_owned(),
                    p: data["probability"].as_f64().unwrap_or(f64::NAN),
                    at: output.time.micros,
                });
            }
        }
        for row in rows.lock().unwrap().drain(..) {
            if let Row::Shipment(shipment) = row {
                run.truths.insert(shipment.awb.to_string(), shipment);
            }
        }
    }
    println!(
        "simulated world {seed}: {orders} orders, {days} days, {customers} customers, {count} events, {} scores; engine {:.0} events/s, all {:.1} s",
        run.scores.len(),
        count as f64 / spent,
        begin.elapsed().as_secs_f64()
    );
    run
}
