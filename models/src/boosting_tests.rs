//! Behaviour of boosting.

use super::*;

/// `log-odds = -1 + 2 (a > 0.3) + b * c`, where d says nothing and a third of the values of b is not known.
fn world(rows: usize, seed: u64) -> (Data, Vec<f64>) {
    let mut random = Random::new(seed);
    let mut data = Data::new(4);
    let mut truth = Vec::new();
    for _ in 0..rows {
        let mut x: [f32; 4] = std::array::from_fn(|_| (random.unit() * 2.0 - 1.0) as f32);
        let mut log_odds = -1.0 + if x[0] > 0.3 { 2.0 } else { 0.0 };
        if random.unit() < 1.0 / 3.0 {
            x[1] = f32::NAN;
            log_odds += 1.0;
        } else {
            log_odds += 1.5 * f64::from(x[1] * x[2]);
        }
        data.push(&x, random.unit() < sigmoid(log_odds), 1.0);
        truth.push(log_odds);
    }
    (data, truth)
}

fn error(forest: &Forest, data: &Data, truth: &[f64]) -> f64 {
    let squares =
        (0..data.len()).map(|i| (sigmoid(forest.log_odds(data.row(i))) - sigmoid(truth[i])).powi(2));
    (squares.sum::<f64>() / data.len() as f64).sqrt()
}

#[test]
fn it_finds_steps_products_and_what_is_not_known() {
    let (data, _) = world(20_000, 1);
    let forest = fit(
        &data,
        &Params {
            trees: 200,
            rate: 0.1,
            ..Params::default()
        },
    )
    .unwrap();
    let (fresh, truth) = world(5_000, 2);
    let found = error(&forest, &fresh, &truth);
    assert!(found < 0.055, "{found}");
}

#[test]
fn equal_seeds_give_equal_forests() {
    let (data, _) = world(2_000, 3);
    let params = Params {
        trees: 20,
        ..Params::default()
    };
    let forest = fit(&data, &params).unwrap();
    assert_eq!(forest, fit(&data, &params).unwrap());
    assert_ne!(forest, fit(&data, &Params { seed: 2, ..params }).unwrap());
}

#[test]
fn rows_held_back_stop_the_growth() {
    let (data, _) = world(1_500, 5);
    let greedy = Params {
        trees: 400,
        rate: 0.3,
        l2: 0.1,
        child_weight: 0.1,
        ..Params::default()
    };
    let stopped = fit(
        &data,
        &Params {
            held_back: 0.3,
            ..greedy.clone()
        },
    )
    .unwrap();
    let all = fit(&data, &greedy).unwrap();
    let (fresh, truth) = world(5_000, 6);
    assert!(stopped.trees.len() < 200);
    assert!(error(&stopped, &fresh, &truth) < error(&all, &fresh, &truth));
}

#[test]
fn a_weight_of_two_is_a_row_twice() {
    let (data, _) = world(500, 7);
    let (mut twice, mut heavy) = (Data::new(4), Data::new(4));
    for i in 0..data.len() {
        // So few values that each has a bin of its own however often it occurs.
        let x: Vec<f32> = data.row(i).iter().map(|x| (x * 10.0).round()).collect();
        heavy.push(&x, data.outcomes()[i], 2.0);
        twice.push(&x, data.outcomes()[i], 1.0);
        twice.push(&x, data.outcomes()[i], 1.0);
    }
    let params = Params {
        trees: 10,
        rows: 1.0,
        columns: 1.0,
        ..Params::default()
    };
    let (a, b) = (fit(&heavy, &params).unwrap(), fit(&twice, &params).unwrap());
    for i in 0..data.len() {
        assert!((a.log_odds(heavy.row(i)) - b.log_odds(heavy.row(i))).abs() < 1e-4);
    }
}

#[test]
fn a_constraint_holds_for_every_row() {
    let (data, _) = world(3_000, 8);
    for direction in [1, -1] {
        let params = Params {
            trees: 60,
            l2: 1.0,
            monotone: vec![0, direction, direction],
            ..Params::default()
        };
        let forest = fit(&data, &params).unwrap();
        let mut random = Random::new(1);
        for _ in 0..2_000 {
            let mut x: [f32; 4] = std::array::from_fn(|_| (random.unit() * 2.0 - 1.0) as f32);
            let before = forest.log_odds(&x);
            let feature = 1 + random.below(2);
            x[feature] += random.unit() as f32;
            let change = forest.log_odds(&x) - before;
            assert!(change * f64::from(direction) >= -1e-6, "{change}");
        }
    }
}

#[test]
fn the_kept_forest_is_the_grown_one() {
    let (data, _) = world(2_000, 9);
    let params = Params {
        trees: 30,
        ..Params::default()
    };
    let bins = Bins::new(&data);
    let mut grower = Grower::new(&data, &params, data.len(), &bins).unwrap();
    let mut random = Random::new(params.seed);
    let base = grower.log_odds[0] as f32;
    let trees: Vec<Tree> = (0..30).filter_map(|_| grower.grow(&mut random)).collect();
    let forest = Forest {
        features: 4,
        base,
        trees,
    };
    for i in 0..data.len() {
        assert!((forest.log_odds(data.row(i)) - grower.log_odds[i]).abs() < 1e-9);
    }
    assert_eq!(forest, fit(&data, &params).unwrap());
}

#[test]
fn straightening_respects_every_pair() {
    let mut random = Random::new(3);
    for _ in 0..200 {
        let mut steps: Vec<f64> = (0..32).map(|_| random.unit() - 0.5).collect();
        let sums: Vec<Sum> = (0..32).map(|_| [0.0, random.unit()]).collect();
        let directions = [1, -1, 0, 1, -1];
        straighten(&mut steps, &sums, &directions);
        for (level, &direction) in directions.iter().enumerate() {
            for leaf in (0..32).filter(|leaf| leaf >> level & 1 == 0) {
                assert!(f64::from(direction) * (steps[leaf | 1 << level] - steps[leaf]) >= -1e-9);
            }
        }
    }
}
