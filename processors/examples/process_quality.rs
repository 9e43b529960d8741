//! Anomalies of how things run against simulated incidents: found how many, how soon, with which onset, and how many alarms where nothing happens.
//!
//! `cargo run --release -p eddy-processors --example process_quality -- [orders] [incidents] [seeds...]`
//!
//! Each seed is played twice through the engine: without shifts, outages and incidents, where every alarm is false, and with incidents alone. Judged are the outputs
//! `eddy.anomaly.detected`. An alarm is *true* when an incident of its subject was under way within the month before, and its slice is the incident's or holds or lies within
//! it (a lane and its courier). It *follows* from an incident when that is of another subject but of the same slice: parcels that lie fail more attempts.
//! Everything is simulated.

use std::collections::BTreeMap;

use eddy_events::Position;
use eddy_events::output::OutputType;
use eddy_processors::{Config, Emitted, Engine, Prepared};
use eddy_simulator::truth::Row;
use eddy_simulator::{World, WorldConfig};
use serde_json::Value;

const DAY: i64 = 86_400_000_000;
/// Days after its end within which an incident may be told.
const AFTER: i64 = 30;
const SUBJECTS: [&str; 7] = [
    "damage",
    "inspection_backlog",
    "refund_delay",
    "ndr",
    "missing_scans",
    "missing_refunds",
    "return_rate",
];

struct Incident {
    subject: &'static str,
    dimension: &'static str,
    value: String,
    onset: i64,
    to: i64,
    size: f64,
}

struct Alarm {
    subject: String,
    dimension: String,
    value: String,
    onset: i64,
    /// Day on which it was told.
    day: i64,
    text: String,
}

/// Days since 1970 of a calendar day as text.
fn day_of(text: &str) -> i64 {
    let day: jiff::civil::Date = text.parse().expect("a day");
    let epoch = jiff::civil::date(1970, 1, 1);
    i64::from(epoch.until(day).expect("a span").get_days())
}

impl Alarm {
    fn of(data: &Value, at: i64) -> Self {
        let text = |name: &str| data[name].as_str().unwrap_or("").to_owned();
        Self {
            subject: text("subject"),
            dimension: text("dimension"),
            value: text("value"),
            onset: day_of(&text("onset")),
            day: local_day(at),
            text: format!(
                "{:<18} {:>12} {:<22} onset {} told {} observed {} expected {} q {:.5}",
                text("subject"),
                text("dimension"),
                text("value"),
                text("onset"),
                text("detected_at").get(..10).unwrap_or(""),
                data["observed"],
                data["expected"],
                data["q_value"].as_f64().unwrap_or(1.0)
            ),
        }
    }

    /// Whether it is about the slice of an incident.
    fn within(&self, incident: &Incident) -> bool {
        let (a, b) = (self.value.as_str(), incident.value.as_str());
        let courier = |text: &str| text.split(',').next().unwrap_or("").to_owned();
        let couriers = self.dimension.starts_with("courier") && incident.dimension.starts_with("courier");
        let nested = couriers && courier(a) == courier(b) && (self.dimension != incident.dimension);
        (self.dimension == incident.dimension && a == b) || nested
    }

    fn during(&self, incident: &Incident) -> bool {
        (incident.onset..incident.to + AFTER).contains(&self.day)
    }
}

fn local_day(micros: i64) -> i64 {
    (micros + 19_800_000_000).div_euclid(DAY)
}

/// Plays a world; its alarms and its incidents.
fn play(config: WorldConfig) -> (Vec<Alarm>, Vec<Incident>) {
    let mut incidents = Vec::new();
    let world = World::new(config).expect("a world");
    let mut engine = Engine::new(Config {
        operations: false,
        ..Config::default()
    })
    .expect("an engine");
    let mut alarms = Vec::new();
    let mut out = Emitted::default();
    let mut sequence = 0;
    let mut truth = Vec::new();
    let events = world.events_with_truth(|row| {
        if matches!(row, Row::Incident { .. }) {
            truth.push(row);
        }
    });
    for delivered in events {
        sequence += 1;
        let line = eddy_events::codec::encode(&delivered.event);
        let position = Position { sequence, index: 0 };
        engine.apply(
            Prepared::decode(position, delivered.arrival.micros, &line),
            &mut out,
        );
        if sequence % 1_024 == 0 {
            drain(&mut out, &mut alarms);
            if sequence % (1 << 16) == 0 {
                engine.take_changes();
            }
        }
    }
    drain(&mut out, &mut alarms);
    for row in truth {
        if let Row::Incident {
            subject,
            dimension,
            value,
            onset,
            to,
            size,
            ..
        } = row
        {
            let (onset, to) = (local_day(onset.micros), local_day(to.micros));
            incidents.push(Incident {
                subject,
                dimension,
                value,
                onset,
                to,
                size,
            });
        }
    }
    (alarms, incidents)
}

fn drain(out: &mut Emitted, alarms: &mut Vec<Alarm>) {
    for (_, output) in out.outputs.drain(..) {
        if output.type_name == OutputType::AnomalyDetected {
            let data: Value = serde_json::from_str(output.data.as_str()).expect("data");
            alarms.push(Alarm::of(&data, output.time.micros));
        }
    }
    out.dead_letters.clear();
}

/// Of one subject, over all seeds.
#[derive(Default)]
struct Sum {
    quiet: usize,
    injected: usize,
    found: usize,
    delays: Vec<i64>,
    onsets: Vec<i64>,
    follows: usize,
    wrong: usize,
    told: usize,
}

fn median(values: &mut [i64]) -> String {
    values.sort_unstable();
    values
        .get(values.len() / 2)
        .map_or("-".to_owned(), ToString::to_string)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| {
        let said = arguments.next().and_then(|text| text.parse().ok());
        said.unwrap_or(default)
    };
    let (orders, count) = (number(200_000), number(18));
    let mut seeds: Vec<u64> = std::iter::from_fn(|| Some(number(0)).filter(|seed| *seed > 0)).collect();
    if seeds.is_empty() {
        seeds = vec![1, 2, 11];
    }
    let mut sums: BTreeMap<&str, Sum> = SUBJECTS.iter().map(|s| (*s, Sum::default())).collect();
    for seed in &seeds {
        let config = WorldConfig {
            seed: *seed,
            orders,
            customers: (orders / 4).max(1_000),
            shifts: 0,
            outages: 0,
            ..WorldConfig::default()
        };
        let (alarms, _) = play(config.clone());
        println!(
            "seed {seed}, quiet: {} alarms in 365 days and the tail",
            alarms.len()
        );
        for alarm in &alarms {
            println!("  false   {}", alarm.text);
            sums.entry(subject(&alarm.subject)).or_default().quiet += 1;
        }
        let incidents = u32::try_from(count).unwrap_or(18);
        let (alarms, incidents) = play(WorldConfig { incidents, ..config });
        println!(
            "seed {seed}, {} incidents: {} alarms",
            incidents.len(),
            alarms.len()
        );
        judge(&alarms, &incidents, &mut sums);
    }
    println!("\n{orders} orders, {count} incidents a world, seeds {seeds:?}, simulated");
    println!(
        "| subject | injected | found | days to the alarm, median | onset off by days, median | alarms | of these false | follow from another incident | alarms in quiet worlds |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (subject, sum) in &mut sums {
        println!(
            "| {subject} | {} | {} | {} | {} | {} | {} | {} | {} |",
            sum.injected,
            sum.found,
            median(&mut sum.delays),
            median(&mut sum.onsets),
            sum.told,
            sum.wrong,
            sum.follows,
            sum.quiet
        );
    }
}

fn subject(word: &str) -> &'static str {
    SUBJECTS
        .iter()
        .find(|of| **of == word)
        .copied()
        .unwrap_or("return_rate")
}

fn judge(alarms: &[Alarm], incidents: &[Incident], sums: &mut BTreeMap<&str, Sum>) {
    for alarm in alarms {
        let about = incidents.iter().any(|of| {
            let same =
                of.subject == alarm.subject || (of.subject == "damage" && alarm.subject == "return_rate");
            same && alarm.within(of) && alarm.during(of)
        });
        // Whoever lets parcels lie fails more of them, and an order late comes back more.
        let follows = incidents.iter().any(|of| {
            alarm.during(of)
                && (alarm.within(of) || (alarm.subject == "return_rate" && of.subject == "damage"))
        });
        let sum = sums.entry(subject(&alarm.subject)).or_default();
        sum.told += 1;
        let word = match (about, follows) {
            (true, _) => "true   ",
            (false, true) => {
                sum.follows += 1;
                "follows"
            }
            _ => {
                sum.wrong += 1;
                "false  "
            }
        };
        println!("  {word} {}", alarm.text);
    }
    for incident in incidents {
        let sum = sums.entry(incident.subject).or_default();
        sum.injected += 1;
        let first = alarms
            .iter()
            .filter(|alarm| {
                alarm.subject == incident.subject && alarm.within(incident) && alarm.during(incident)
            })
            .min_by_key(|alarm| alarm.day);
        if let Some(alarm) = first {
            sum.found += 1;
            sum.delays.push(alarm.day - incident.onset);
            sum.onsets.push((alarm.onset - incident.onset).abs());
        } else {
            println!(
                "  missed  {} {} {} from {} for {} days, size {}",
                incident.subject,
                incident.dimension,
                incident.value,
                incident.onset,
                incident.to - incident.onset,
                incident.size
            );
        }
    }
}
