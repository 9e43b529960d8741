//! How good fraud detection is in a simulated world, against its truth. All figures are of simulated data.
//!
//! ```text
//! cargo run --release -p eddy-processors --example fraud_quality -- [orders] [seed] [reviews a day]          # all tables
//! cargo run --release -p eddy-processors --example fraud_quality -- [orders] [seed] [reviews a day] without  # worlds without each abuse
//! ```
//!
//! Reviews are answered in the loop: each day a desk of bounded capacity takes the alerts with the largest expected loss that have waited two days, and says what the truth
//! says. The simulator's own audits of 2% of the returns are in the log. Ranked are all returns by their last `return_scores.score`.

// It measures, so it asks a clock.
#![allow(clippy::disallowed_methods)]

mod case;
mod forest;
mod report;

use std::collections::HashMap;
use std::time::Instant;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use eddy_events::feedback::{AlertReview, Verdict};
use eddy_events::{Body, Envelope, Event, Position, Timestamp};
use eddy_models::random::Random;
use eddy_processors::{Change, Config, Emitted, Engine, Prepared};
use eddy_simulator::{Pattern, World, WorldConfig};

use case::{Alert, Case, DAY};

fn scores(rows: &RecordBatch, into: &mut HashMap<String, (f64, f64, String)>) {
    let column = |name: &str| rows.column_by_name(name).expect("a column of the contract");
    let ids = column("rma_id").as_string_view();
    let patterns = column("patterns").as_string_view();
    let (score, rarity) = (
        column("score").as_primitive::<Float64Type>(),
        column("rarity").as_primitive::<Float64Type>(),
    );
    for at in 0..rows.num_rows() {
        let rare = if rarity.is_null(at) { 1.0 } else { rarity.value(at) };
        let patterns = patterns.value(at).to_owned();
        into.insert(ids.value(at).to_owned(), (score.value(at), rare, patterns));
    }
}

/// Patterns left out one by one.
const LEFT_OUT: [Pattern; 10] = [
    Pattern::Wardrobing,
    Pattern::EmptyBox,
    Pattern::LabelTampering,
    Pattern::FalseNonReceipt,
    Pattern::SerialReturner,
    Pattern::EmployeeCollusion,
    Pattern::AccountHopping,
    Pattern::ReturnRing,
    Pattern::CodRefusalAbuse,
    Pattern::FakeAttempt,
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u64| args.get(at).map_or(or, |arg| arg.parse().expect("a number"));
    let (orders, seed, capacity) = (number(0, 100_000), number(1, 2), number(2, 40));
    if args.get(3).is_none_or(|word| word != "without") {
        report::report(&play(orders, seed, capacity, None), seed);
        return;
    }
    let whole = play(orders, seed, capacity, None);
    println!("alerts of a pattern and how many were wrong: with the abuse, and in a world without it");
    for pattern in LEFT_OUT {
        let without = play(orders, seed, capacity, Some(pattern));
        let (raised, wrong) = report::raised(&whole, pattern);
        let (still, false_ones) = report::raised(&without, pattern);
        println!(
            "    {:<28} with {raised:>4}, wrong {wrong:>3}; without {still:>4}, wrong {false_ones:>3}",
            pattern.as_str()
        );
    }
}

/// Plays a world, with its reviews.
fn play(orders: u64, seed: u64, capacity: u64, left_out: Option<Pattern>) -> Case {
    let mut config = WorldConfig {
        seed,
        orders,
        customers: (orders / 4).max(1_000),
        ..WorldConfig::default()
    };
    if let Some(pattern) = left_out {
        config.abuses.remove(&pattern);
    }
    let world = World::new(config).expect("a world");
    let mut engine = Engine::new(Config {
        risk: false,
        ..Config::default()
    })
    .expect("an engine");
    let table = eddy_processors::tables()
        .iter()
        .position(|schema| schema.metadata()["eddy.table"] == "return_scores")
        .expect("a table of the contract");
    let rows = std::sync::Mutex::new(Vec::new());
    let mut case = Case::default();
    let mut out = Emitted::default();
    let mut dice = Random::new(seed);
    let mut asked: HashMap<String, f64> = HashMap::new();
    let (mut sequence, mut day, mut reviews, mut spent, mut busy) = (0_u64, 0_i64, 0_u64, 0.0, 0);
    let begin = Instant::now();
    for delivered in world.events_with_truth(|row| rows.lock().unwrap().push(row)) {
        for row in rows.lock().unwrap().drain(..) {
            case.tell(row);
        }
        let arrival = delivered.arrival.micros;
        let mut due = vec![delivered.event];
        if arrival / DAY > day {
            day = arrival / DAY;
            let mut queue: Vec<(&String, &Alert)> = case
                .alerts
                .iter()
                .filter(|(_, alert)| alert.waits && arrival - alert.raised_at > 2 * DAY)
                .collect();
            queue.sort_by_key(|(id, alert)| (std::cmp::Reverse(alert.loss_minor), (*id).clone()));
            busy += u64::from(queue.len() as u64 > capacity);
            for (id, alert) in queue.into_iter().take(capacity as usize) {
                // One verdict in fifty is wrong.
                let right = case.is_so(alert) != (dice.unit() < 0.02);
                reviews += 1;
                due.push(review(id, right, reviews, arrival));
            }
        }
        for event in due {
            if let Body::ReturnRequested(body) = &event.body {
                let customer = body.customer_id.as_deref().unwrap_or("").to_owned();
                let count = asked.entry(customer).or_default();
                *count += 1.0;
                case.counts.entry(body.rma_id.to_string()).or_insert(*count);
            }
            sequence += 1;
            case.note(&event, sequence);
            let about = case.told_at.get(event.envelope.id.as_str());
            let about = about.map_or(String::new(), |(_, about)| about.clone());
            let position = Position { sequence, index: 0 };
            let line = eddy_events::codec::encode(&event);
            let prepared = Prepared::new(position, arrival, &line, Ok(event));
            let start = Instant::now();
            engine.apply(prepared, &mut out);
            if sequence.is_multiple_of(4096) {
                for (of, change) in engine.take_changes() {
                    if let (true, Change::Upsert(rows)) = (of == table, &change) {
                        scores(rows, &mut case.scores);
                    }
                }
            }
            spent += start.elapsed().as_secs_f64();
            case.hear(&mut out, &about);
            if let Some(figures) = engine.figures_of(&about) {
                case.figures.insert(about, figures);
            }
        }
    }
    for row in rows.lock().unwrap().drain(..) {
        case.tell(row);
    }
    for (of, change) in engine.take_changes() {
        if let (true, Change::Upsert(rows)) = (of == table, &change) {
            scores(rows, &mut case.scores);
        }
    }
    println!(
        "simulated world {seed}: {orders} orders, {sequence} events, {} returns, {} abusive, {} alerts, {reviews} reviews, desk full on {busy} days; engine {:.0} events/s, all {:.0} s; memory {:?}",
        case.returns.len(),
        case.returns
            .values()
            .filter(|truth| truth.pattern.is_some())
            .count(),
        case.alerts.len(),
        sequence as f64 / spent,
        begin.elapsed().as_secs_f64(),
        engine.memory(),
    );
    case
}

fn review(alert: &str, right: bool, number: u64, at: i64) -> Event {
    let body = AlertReview {
        alert_id: alert.into(),
        actor: "desk".into(),
        verdict: Some(if right {
            Verdict::Confirmed
        } else {
            Verdict::Dismissed
        }),
        reason: None,
        loss_minor: None,
    };
    Event {
        envelope: Envelope {
            id: format!("rv{number}").into(),
            source: "urn:desk".into(),
            subject: alert.into(),
            time: Timestamp::utc(at),
            tenant: "default".into(),
            dataversion: 1,
            traceparent: None,
            causationid: None,
        },
        body: Body::AlertReviewed(body),
    }
}
