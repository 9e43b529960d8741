//! What the watch over anomalies costs in a large shop in which nothing shifts, and what it says there: every case is false, but for those of one courier that is worse from a
//! day on, if that is asked for.
//!
//! `cargo run --release -p eddy-processors --example watch_speed -- [days] [orders a day] [days between two lines of figures] [day from which a courier is worse]`.
//!
//! Two engines fold the same days one after another, one with the watch and one without, so that other work on the machine meets both. The difference is what the watch
//! costs; the first event of a day closes the day before and is measured apart.

#![allow(clippy::disallowed_methods)]

mod shop;

use std::collections::BTreeMap;
use std::time::Instant;

use eddy_events::Position;
use eddy_events::output::OutputType;
use eddy_processors::{Config, Emitted, Engine, Prepared};
use shop::Shop;

/// Time that this thread spent on a core, so that other work on the machine does not count. Wall time where the kernel does not tell.
struct Stopwatch(f64, Instant);

impl Stopwatch {
    fn cpu() -> Option<f64> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(text.split(' ').next()?.parse::<f64>().ok()? / 1e9)
    }

    fn start() -> Self {
        Self(Self::cpu().unwrap_or(0.0), Instant::now())
    }

    fn seconds(&self) -> f64 {
        Self::cpu().map_or_else(|| self.1.elapsed().as_secs_f64(), |now| now - self.0)
    }
}

/// Seconds of folding.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    /// First events of the days.
    closing: f64,
    rest: f64,
}

impl Spent {
    fn all(self) -> f64 {
        self.closing + self.rest
    }
}

struct Folding {
    engine: Engine,
    spent: Spent,
    out: Emitted,
}

impl Folding {
    fn new(anomalies: bool) -> Self {
        let config = Config {
            scores: false,
            operations: false,
            anomalies,
            ..Config::default()
        };
        Self {
            engine: Engine::new(config).expect("a configuration"),
            spent: Spent::default(),
            out: Emitted::default(),
        }
    }

    fn fold(&mut self, mut events: Vec<Prepared>) {
        let rest = events.split_off(1);
        let at = Stopwatch::start();
        self.engine.apply_all(events, &mut self.out);
        self.spent.closing += at.seconds();
        let at = Stopwatch::start();
        self.engine.apply_all(rest, &mut self.out);
        self.spent.rest += at.seconds();
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let mut number = |or: usize| args.next().map_or(or, |arg| arg.parse().expect("a number"));
    let (days, orders, each, shifts) = (number(120), number(3_425), number(10), number(usize::MAX));
    let mut shop = Shop::new(orders, shifts);
    let (mut with, mut without) = (Folding::new(true), Folding::new(false));
    let (mut sequence, mut count, mut in_block) = (0, 0_u64, 0_u64);
    let mut open: BTreeMap<String, String> = BTreeMap::new();
    let (mut opened, mut before) = (0, (Spent::default(), Spent::default()));
    for day in 0..days {
        let lines = shop.next_day();
        let logged_at = shop.logged_at();
        let prepared = || -> Vec<Prepared> {
            let place = |k: usize| Position {
                sequence: sequence + k as u64 + 1,
                index: 0,
            };
            let lines = lines.iter().enumerate();
            lines
                .map(|(k, line)| Prepared::decode(place(k), logged_at, line))
                .collect()
        };
        without.fold(prepared());
        with.fold(prepared());
        sequence += lines.len() as u64;
        count += lines.len() as u64;
        in_block += lines.len() as u64;
        for (_, output) in std::mem::take(&mut with.out.outputs) {
            let id = output.subject.to_string();
            let row = output.data.value();
            let of = |key: &str| row[key].to_string().replace('"', "");
            let told = format!(
                "{} {} {} {} since {}, {} of {} expected, group {}, q {}, {}",
                id,
                of("dimension"),
                of("value"),
                of("direction"),
                of("onset"),
                of("observed"),
                of("expected"),
                of("reason_group"),
                of("q_value"),
                of("cause")
            );
            match output.type_name {
                OutputType::AnomalyDetected => {
                    opened += 1;
                    println!("    day {day}: {told}");
                    open.insert(id, told);
                }
                OutputType::AnomalyResolved => {
                    open.remove(&id);
                }
                _ => {}
            }
        }
        without.out.outputs.clear();
        if (day + 1) % each == 0 {
            let less = |a: Spent, b: Spent| Spent {
                closing: a.closing - b.closing,
                rest: a.rest - b.rest,
            };
            let (on, off) = (less(with.spent, before.0), less(without.spent, before.1));
            let per = 1e6 / in_block as f64;
            println!(
                "day {:>3}: {:>6} events a day; a day {:.3} s with, {:.3} s without; closing {:.1} and {:.1} ms a day; the watch {:.2} us an event, of which closing {:.2}; open {}, opened so far {opened}",
                day + 1,
                in_block / each as u64,
                on.all() / each as f64,
                off.all() / each as f64,
                on.closing / each as f64 * 1e3,
                off.closing / each as f64 * 1e3,
                (on.all() - off.all()) * per,
                (on.closing - off.closing) * per,
                open.len()
            );
            (before, in_block) = ((with.spent, without.spent), 0);
        }
    }
    let watch = with.spent.all() - without.spent.all();
    println!(
        "{count} events: {:.2} s with, {:.2} s without; the watch {:.2} us an event",
        with.spent.all(),
        without.spent.all(),
        watch * 1e6 / count as f64
    );
    println!("{:?}", with.engine.counts());
}
