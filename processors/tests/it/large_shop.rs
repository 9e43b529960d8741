//! The watch over anomalies in a shop of few couriers and facilities with very many lines each, whose articles all differ and whose customers ask at night.

use eddy_events::Position;
use eddy_events::output::OutputType;
use eddy_processors::{Config, Emitted, Engine, Prepared, Segments};

#[path = "../../examples/watch_speed/shop.rs"]
mod shop;

use shop::Shop;

fn config() -> Config {
    Config {
        scores: false,
        operations: false,
        ..Config::default()
    }
}

/// The events of each day.
fn days(orders_a_day: usize, shifts: usize, days: usize) -> Vec<(Vec<Vec<u8>>, i64)> {
    let mut shop = Shop::new(orders_a_day, shifts);
    (0..days).map(|_| (shop.next_day(), shop.logged_at())).collect()
}

fn fold(engine: &mut Engine, days: &[(Vec<Vec<u8>>, i64)], sequence: &mut u64) -> Emitted {
    let mut out = Emitted::default();
    for (lines, logged_at) in days {
        let prepared = lines.iter().map(|line| {
            *sequence += 1;
            let position = Position {
                sequence: *sequence,
                index: 0,
            };
            Prepared::decode(position, *logged_at, line)
        });
        engine.apply_all(prepared.collect(), &mut out);
    }
    out
}

fn detected(out: &Emitted) -> Vec<serde_json::Value> {
    let found = out.outputs.iter();
    found
        .filter(|(_, output)| output.type_name == OutputType::AnomalyDetected)
        .map(|(_, output)| output.data.value())
        .collect()
}

#[test]
fn where_articles_merely_differ_and_are_asked_back_at_night_nothing_is_an_anomaly() {
    let mut engine = Engine::new(config()).unwrap();
    let out = fold(&mut engine, &days(500, usize::MAX, 100), &mut 0);
    assert_eq!(detected(&out), Vec::<serde_json::Value>::new());
}

#[test]
fn a_worse_courier_is_one_case_and_a_snapshot_while_it_is_open_goes_on_alike() {
    let days = days(500, 70, 100);
    let dir = tempfile::tempdir().unwrap();
    let segments = Segments::open(dir.path()).unwrap();
    let mut live = Engine::new(config()).unwrap();
    live.attach(&segments);
    let mut sequence = 0;
    let found = detected(&fold(&mut live, &days[..88], &mut sequence));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0]["value"].as_str().unwrap().starts_with("k3"), "{found:?}");
    let job = live.begin_snapshot();
    let written = job.write(&segments).unwrap();
    live.finish_snapshot(written);
    let mut restored = Engine::restore(&config(), &segments).unwrap().unwrap();
    let mut again = sequence;
    let (rest, of_live) = (&days[88..], fold(&mut live, &days[88..], &mut sequence));
    let of_restored = fold(&mut restored, rest, &mut again);
    assert_eq!(detected(&of_live), detected(&of_restored));
    assert_eq!(of_live.outputs, of_restored.outputs);
    assert_eq!(live.digest(), restored.digest());
}
