//! How long learning and scoring take on one core.
//!
//! ```text
//! cargo run --release --example speed
//! ```

#![allow(clippy::disallowed_methods)]

use std::hint::black_box;
use std::time::Instant;

use eddy_models::arrivals::{HISTORY, forecast};
use eddy_models::boosting::{self, Params};
use eddy_models::data::Data;
use eddy_models::delay::{AGES, Curve};
use eddy_models::encoding::{Encoder, Row};
use eddy_models::explanation::{Topics, explain};
use eddy_models::ftrl::{self, Ftrl};
use eddy_models::model::{Model, Score, Trained};
use eddy_models::nowcast::{Cohort, nowcast};
use eddy_models::random::Random;
use eddy_models::rates::{Config, Rates};
use eddy_models::schema::{Feature, Linear, Schema};
use eddy_models::shrinkage::{Evidence, Level, prior};
use eddy_models::sigmoid;

const FEATURES: [Feature; 40] = {
    let one = Feature {
        name: "x",
        meaning: "a number",
        linear: Linear::Scaled {
            centre: 0.0,
            spread: 1.0,
        },
        say: "a number of {value}",
        ..Feature::EMPTY
    };
    [one; 40]
};
static SCHEMA: Schema = Schema {
    name: "speed",
    features: &FEATURES,
};

/// Median and 99th percentile of one call, in nanoseconds.
fn time(name: &str, n: usize, mut call: impl FnMut(usize)) {
    for i in 0..n / 10 {
        call(i);
    }
    let mut took: Vec<u64> = (0..n)
        .map(|i| {
            let start = Instant::now();
            call(i);
            start.elapsed().as_nanos() as u64
        })
        .collect();
    took.sort_unstable();
    println!("{name}: p50 {} ns, p99 {} ns", took[n / 2], took[n * 99 / 100]);
}

fn main() {
    nowcasts();
    let mut random = Random::new(1);
    let mut data = Data::new(40);
    for _ in 0..200_000 {
        let x: [f32; 40] = std::array::from_fn(|_| {
            if random.unit() < 0.05 {
                f32::NAN
            } else {
                random.unit() as f32
            }
        });
        let known = |i: usize| if x[i].is_nan() { 0.5 } else { f64::from(x[i]) };
        let log_odds: f64 = -2.5 + (0..10).map(|i| known(i) * 0.3).sum::<f64>() + known(10) * known(11);
        data.push(&x, random.unit() < sigmoid(log_odds), 1.0);
    }
    let rows = data.len();
    for depth in [4, 5, 6] {
        let start = Instant::now();
        let forest = boosting::fit(
            &data,
            &Params {
                depth,
                ..Params::default()
            },
        )
        .expect("two outcomes");
        println!(
            "depth {depth}: 200,000 x 40 x {} trees in {:.1} s",
            forest.trees.len(),
            start.elapsed().as_secs_f64()
        );
        let start = Instant::now();
        let model = Model::new(&SCHEMA, &Trained::Forest(forest));
        println!("compiled in {:.2} s", start.elapsed().as_secs_f64());
        let mut scratch = Row::new();
        let at = |i: usize| data.row(i * 7_919 % rows);
        time("score with contributions", 50_000, |i| {
            black_box(model.score(at(i), &mut scratch));
        });
        let topics = Topics::of(&SCHEMA);
        time("the same in words", 50_000, |i| {
            let score = model.score(at(i), &mut scratch);
            black_box(explain(&topics, at(i), &score, 5, |_, _| None));
        });
    }
    let encoder = Encoder::new(&SCHEMA);
    let mut learner = Ftrl::new(ftrl::Params::default(), encoder.slots(), 0.1, &[]);
    let mut row = Row::new();
    time("encode", 50_000, |i| {
        encoder.encode(black_box(data.row(i)), &mut row)
    });
    time("online: log-odds", 50_000, |_| {
        black_box(learner.log_odds(black_box(&row)));
    });
    time("online: score with contributions", 50_000, |_| {
        black_box(Score::linear(learner.linear(), &encoder, black_box(&row)));
    });
    time("online: encode and learn", 50_000, |i| {
        encoder.encode(data.row(i), &mut row);
        learner.learn(&row, data.outcomes()[i], 1.0);
    });
    let mut rates = Rates::new(Config::new(5, 0.2));
    let keys = |i: usize| {
        let n = i as u64 * 2_654_435_761 % 100_000;
        [0, n % 9, n % 270, n % 9_000, n]
    };
    time("rates: observe, 5 levels", 200_000, |i| {
        rates.observe(&keys(i), i as i64 * 1_000_000, i % 4 == 0, 1.0);
    });
    time("rates: read, 5 levels", 200_000, |i| {
        black_box(rates.read(&keys(i), 200_000_000_000));
    });
}

/// A thousand cohorts at once, as one is shorter than the clock can tell.
fn nowcasts() {
    let level = |returned, exposure, members| Level {
        evidence: Evidence::of(returned, exposure),
        members,
    };
    let chain = [
        level(90_000, 900_000.0, 30.0),
        level(9_000, 60_000.0, 80.0),
        level(260, 1_300.0, 200.0),
        level(30, 100.0, 500.0),
    ];
    time("a thousand beliefs and nowcasts", 2_000, |i| {
        for returned in 0..1_000 {
            let cohort = Cohort {
                delivered: 2_000.0,
                returned: f64::from(returned),
                exposure: 500.0 + i as f64 / 8.0,
                clump: 1.1,
            };
            let seen = Evidence {
                returned: cohort.returned,
                exposure: cohort.exposure,
            };
            black_box(nowcast(&cohort, &prior(black_box(&chain), seen)));
        }
    });
    let curve = Curve::default();
    let (returned, at_risk) = ([100; AGES], [10_000; AGES]);
    time("fit a curve", 20_000, |_| {
        black_box(Curve::fit(black_box(&returned), &at_risk, Some(&curve)));
    });
    let (delivered, arrived) = ([1_000; HISTORY], [100; HISTORY]);
    time("forecast arrivals", 2_000, |_| {
        black_box(forecast(black_box(&delivered), &arrived, &curve, 1.0));
    });
}
