//! How good fraud detection is in a simulated world, against its truth. All figures are of simulated data.
//!
//! `cargo run --release -p eddy-processors --example fraud_quality -- [orders] [seed] [pattern left out, or -] [reviews a day]`
//!
//! Reviews are answered in the loop: each day a desk of bounded capacity takes the alerts with the largest expected loss that have waited two days, and says what the truth
//! says. The simulator's own audits of 2% of the returns are in the log. Ranked are all returns by their last `return_scores.score`.

// It measures, so it asks a clock.
#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use eddy_events::feedback::{AlertReview, Verdict};
use eddy_events::output::OutputKind;
use eddy_events::{Body, Envelope, Event, Position, Timestamp};
use eddy_models::evaluation::auc;
use eddy_models::random::Random;
use eddy_processors::{Change, Config, Emitted, Engine, Prepared};
use eddy_simulator::truth::Row;
use eddy_simulator::{Pattern, World, WorldConfig};

const DAY: i64 = 86_400_000_000;

/// A return as it is true.
struct Truth {
    kind: &'static str,
    pattern: Option<Pattern>,
    loss_minor: i64,
    innocent: Option<&'static str>,
}

/// An alert as the desk sees it.
struct Alert {
    pattern: String,
    kind: String,
    subject: String,
    customer: String,
    rma: String,
    loss_minor: i64,
    raised_at: i64,
    waits: bool,
}

/// All that is true and all that was told.
#[derive(Default)]
struct Case {
    returns: HashMap<String, Truth>,
    claims: HashMap<String, bool>,
    orders: HashSet<String>,
    agents: HashSet<String>,
    clerks: HashSet<String>,
    abusers: HashMap<String, Pattern>,
    honest: HashMap<String, &'static str>,
    alerts: BTreeMap<String, Alert>,
    /// Score, rarity by return.
    scores: HashMap<String, (f64, f64, String)>,
    /// Returns asked for before by the customer, at the time of each return.
    counts: HashMap<String, f64>,
}

impl Case {
    fn tell(&mut self, row: Row) {
        match row {
            Row::Return {
                rma_id,
                customer_kind,
                pattern,
                loss_minor,
                innocent,
                agent,
                ..
            } => {
                self.clerks.extend(agent.map(|agent| agent.to_string()));
                let truth = Truth {
                    kind: customer_kind,
                    pattern,
                    loss_minor,
                    innocent,
                };
                self.returns.insert(rma_id.to_string(), truth);
            }
            Row::Claim {
                claim_id, abusive, ..
            } => {
                self.claims.insert(claim_id.to_string(), abusive);
            }
            Row::Order { order_id, .. } => {
                self.orders.insert(order_id.to_string());
            }
            Row::Agent { agent, .. } => {
                self.agents.insert(agent.to_string());
            }
            Row::Customer {
                customer_id,
                customer_kind,
                pattern,
                ..
            } => {
                if let Some(pattern) = pattern {
                    self.abusers.insert(customer_id.to_string(), pattern);
                } else {
                    self.honest.insert(customer_id.to_string(), customer_kind);
                }
            }
            _ => {}
        }
    }

    /// What a reviewer who sees everything says.
    fn is_so(&self, alert: &Alert) -> bool {
        match alert.kind.as_str() {
            "return" => self
                .returns
                .get(&alert.subject)
                .is_some_and(|truth| truth.pattern.is_some()),
            "claim" => self.claims.get(&alert.subject).copied().unwrap_or(false),
            "order" => self.orders.contains(&alert.subject),
            "courier_agent" => self.agents.contains(&alert.subject),
            "employee" => self.clerks.contains(&alert.subject),
            _ => self.abusers.contains_key(&alert.customer),
        }
    }

    fn hear(&mut self, out: &mut Emitted) {
        for (_, output) in out.outputs.drain(..) {
            if output.kind != OutputKind::FraudAlert {
                continue;
            }
            let data = output.data.value();
            let text = |name: &str| data[name].as_str().unwrap_or("").to_owned();
            let waits = ["open", "assigned", "needs_more"].contains(&text("status").as_str());
            let alert = Alert {
                pattern: text("pattern"),
                kind: text("subject_kind"),
                subject: text("subject_id"),
                customer: text("customer_id"),
                rma: text("rma_id"),
                loss_minor: data["expected_loss_minor"].as_i64().unwrap_or(0),
                raised_at: text("raised_at").parse::<Timestamp>().map_or(0, |at| at.micros),
                waits,
            };
            self.alerts.insert(text("alert_id"), alert);
        }
    }
}

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

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u64| args.get(at).map_or(or, |arg| arg.parse().expect("a number"));
    let (orders, seed, capacity) = (number(0, 100_000), number(1, 2), number(3, 40));
    let left_out = args.get(2).and_then(|word| Pattern::from_word(word));
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
    let mut engine = Engine::new(Config::default()).expect("an engine");
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
            case.hear(&mut out);
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
    report(&case);
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

/// Precision, and recall of loss, in the first hundredth by a ranking.
fn first(case: &Case, rank: impl Fn(&str) -> f64) -> (f64, f64, f64) {
    let mut ranked: Vec<(&String, &Truth, f64)> = case
        .returns
        .iter()
        .map(|(rma, truth)| (rma, truth, rank(rma)))
        .collect();
    ranked.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(b.0)));
    let top = ranked.len() / 100;
    let right = ranked[..top]
        .iter()
        .filter(|(_, truth, _)| truth.pattern.is_some())
        .count();
    let loss =
        |rows: &[(&String, &Truth, f64)]| rows.iter().map(|(_, truth, _)| truth.loss_minor).sum::<i64>();
    let (scores, labels): (Vec<f64>, Vec<bool>) = ranked
        .iter()
        .map(|(_, truth, score)| (*score, truth.pattern.is_some()))
        .unzip();
    (
        right as f64 / top as f64,
        loss(&ranked[..top]) as f64 / loss(&ranked) as f64,
        auc(&scores, &labels),
    )
}

fn report(case: &Case) {
    let ours = |rma: &str| case.scores.get(rma).map_or(0.0, |(score, ..)| *score);
    let odd = |rma: &str| case.scores.get(rma).map_or(0.0, |(_, rarity, _)| 1.0 - rarity);
    let count = |rma: &str| case.counts.get(rma).copied().unwrap_or(0.0);
    println!("{:<24} precision at 1%  recall of loss at 1%  AUC", "ranking");
    for (name, (precision, recall, auc)) in [
        ("score", first(case, ours)),
        ("half-space trees alone", first(case, odd)),
        ("returns of customer", first(case, count)),
    ] {
        println!("{name:<24} {precision:<16.3} {recall:<21.3} {auc:.3}");
    }
    let mut ranked: Vec<f64> = case.returns.keys().map(|rma| ours(rma)).collect();
    ranked.sort_by(|a, b| b.total_cmp(a));
    let bar = ranked[ranked.len() / 100];
    println!(
        "score at 1%: {bar:.4}; by pattern: returns, in the first 1%, with an alert; alerts raised, right"
    );
    for pattern in Pattern::ALL {
        let of: Vec<&String> = case
            .returns
            .iter()
            .filter(|(_, truth)| truth.pattern == Some(pattern))
            .map(|(rma, _)| rma)
            .collect();
        let top = of.iter().filter(|rma| ours(rma) > bar).count();
        let told: HashSet<&str> = case.alerts.values().map(|alert| alert.rma.as_str()).collect();
        let alerted = of.iter().filter(|rma| told.contains(rma.as_str())).count();
        let raised: Vec<&Alert> = case
            .alerts
            .values()
            .filter(|alert| alert.pattern == pattern.as_str())
            .collect();
        let right = raised.iter().filter(|alert| case.is_so(alert)).count();
        println!(
            "    {:<28} {:>4} {:>4} {:>4}   {:>4} {:>4}",
            pattern.as_str(),
            of.len(),
            top,
            alerted,
            raised.len(),
            right
        );
    }
    let mut honest: BTreeMap<&str, usize> = BTreeMap::new();
    let mut explained: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (rma, truth) in &case.returns {
        if truth.pattern.is_none() {
            let entry = explained.entry(truth.innocent.unwrap_or("-")).or_default();
            entry.0 += 1;
            if ours(rma) > bar {
                entry.1 += 1;
                *honest.entry(truth.kind).or_default() += 1;
            }
        }
    }
    println!(
        "honest returns in the first 1%, by kind of customer {honest:?}; by innocent case: {explained:?}"
    );
    println!("honest returns with something found, by what and by innocent case:");
    let mut found: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for (rma, truth) in case.returns.iter().filter(|(_, truth)| truth.pattern.is_none()) {
        if let Some((score, _, patterns)) = case.scores.get(rma).filter(|(.., patterns)| patterns != "[]") {
            let entry = found
                .entry((patterns.as_str(), truth.innocent.unwrap_or("-")))
                .or_default();
            entry.0 += 1;
            entry.1 += usize::from(*score > bar);
        }
    }
    for ((patterns, innocent), (count, high)) in
        found.iter().filter(|(_, (count, high))| *count > 3 || *high > 0)
    {
        println!("    {count:>4} {high:>3} in the first 1%  {innocent:<20} {patterns}");
    }
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for kind in case.honest.values() {
        kinds.entry(kind).or_default().0 += 1;
    }
    let mut flagged: HashSet<(&str, i64)> = HashSet::new();
    for alert in case.alerts.values() {
        if let Some(kind) = case.honest.get(&alert.customer)
            && !case.abusers.contains_key(&alert.customer)
            && flagged.insert((&alert.customer, alert.raised_at / (30 * DAY)))
        {
            kinds.entry(kind).or_default().1 += 1;
        }
    }
    println!("look-alikes flagged, a month of them:");
    let mut all = (0, 0);
    for (kind, (people, flagged)) in &kinds {
        all = (all.0 + people, all.1 + flagged);
        println!(
            "    {kind:<16} {people:>6} people, {flagged:>4} flagged, {:.3}% a month",
            *flagged as f64 / *people as f64 / 12.0 * 100.0
        );
    }
    println!(
        "    all {:.3}% a month",
        all.1 as f64 / all.0 as f64 / 12.0 * 100.0
    );
}
