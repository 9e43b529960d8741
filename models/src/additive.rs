//! The online additive learner: logistic regression whose weights are beliefs, each with a mean and a variance, kept by hashed key.
//!
//! A row is a list of terms: a key (this courier in this district, the slope of the address's quality) and a value. The log-odds are the sum of
//! mean x value. An outcome moves each belief by as much as it was unsure (the extended Kalman filter of a logistic regression; compare
//! Graepel et al. 2010, Bayesian click-through-rate prediction). So a key with two outcomes behind it hardly moves a
//! score, which is hierarchical shrinkage without a rate to shrink: districts, prefixes and postal codes are terms of one row, each
//! explaining what the wider ones do not. The few keys that most rows share are held with their covariance (`joint.rs`), all others with a variance alone.
//!
//! Beliefs fade to their family's prior with the age of what they rest on (an Ornstein-Uhlenbeck process). Every key is learned for two related targets that
//! share rows, and an outcome of the second moves what is believed for the first by the same surprise: what makes an attempt fail makes the parcel come
//! back. Memory is bounded: keys share buckets of a fixed table, and a full bucket forgets the key that was not told of for longest.
//!
//! Time is event time. Deliberately absent: what a term means, and where cells are kept ([`Store`] is the caller's).

use bitcode::{Decode, Encode};

use crate::joint::Joint;
use crate::random::mix;
use crate::sigmoid;

/// Targets that are learned side by side.
pub const TARGETS: usize = 2;
/// Cells of a bucket.
pub const WAYS: usize = 4;
/// What an outcome of each target tells of.
const TELLS: [&[usize]; TARGETS] = [&[0], &[1, 0]];
/// What an outcome counts. Most terms of a row are told apart as if their errors were independent, which they are not, and one parcel is told by its
/// attempts and by its end; taken whole, outcomes would be believed too much (measured in simulated worlds: 1, 0.7, 0.5, 0.35 and 0.25 were tried).
const WORTH: f64 = 0.25;
/// Microseconds of an hour, the grain of a cell's age.
const HOUR_US: i64 = 3_600_000_000;

/// What is believed of a kind of key before anything was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Mean of a weight, for each target.
    pub mean: f32,
    /// Standard deviation of weights.
    pub deviation: f32,
    /// Days after which a belief has faded to 1/e of what set it apart from the prior.
    pub days: f32,
    /// Few keys, in most rows: held with their covariance, while there is room.
    pub joint: bool,
}

/// One term of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct Term {
    /// Which belief; a hash.
    pub key: u64,
    /// What it is multiplied by.
    pub value: f32,
    /// Whose prior it has; an index into the priors given to each call.
    pub family: u16,
}

/// What is believed of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct Cell {
    /// Rest of the key's hash; 0 marks an empty cell.
    tag: u32,
    /// Event time of the latest outcome, in hours since 1970.
    hour: i32,
    mean: [f32; TARGETS],
    variance: [f32; TARGETS],
}

/// The cells that keys with one beginning share.
pub type Bucket = [Cell; WAYS];

/// Where buckets are kept.
pub trait Store {
    /// How many buckets there are, a power of two.
    fn buckets(&self) -> usize;
    /// A bucket.
    fn bucket(&self, at: usize) -> &Bucket;
    /// A bucket, to be changed.
    fn bucket_mut(&mut self, at: usize) -> &mut Bucket;
}

impl Store for Vec<Bucket> {
    fn buckets(&self) -> usize {
        self.len()
    }

    fn bucket(&self, at: usize) -> &Bucket {
        &self[at]
    }

    fn bucket_mut(&mut self, at: usize) -> &mut Bucket {
        &mut self[at]
    }
}

/// Mean and variance of a weight at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// Mean, for each target.
    pub mean: [f64; TARGETS],
    /// Variance, for each target.
    pub variance: [f64; TARGETS],
}

impl Belief {
    fn of_prior(prior: &Prior) -> Self {
        Self {
            mean: [f64::from(prior.mean); TARGETS],
            variance: [f64::from(prior.deviation).powi(2); TARGETS],
        }
    }
}

#[allow(clippy::cast_possible_truncation)]
fn hour_of(at: i64) -> i32 {
    at.div_euclid(HOUR_US)
        .clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

fn place(store: &impl Store, key: u64) -> (usize, u32) {
    let hash = mix(key);
    let tag = (hash >> 32) as u32;
    (hash as usize & (store.buckets() - 1), tag.max(1))
}

fn faded(cell: &Cell, prior: &Prior, hour: i32) -> Belief {
    let start = Belief::of_prior(prior);
    let age = f64::from(hour.saturating_sub(cell.hour).max(0)) / 24.0;
    let share = age / f64::from(prior.days);
    // Most ages are small against the memory; the series is exact to nine digits there.
    let keep = if share < 0.01 {
        1.0 - share * (1.0 - share * (0.5 - share / 6.0))
    } else {
        (-share).exp()
    };
    let mut belief = start;
    for t in 0..TARGETS {
        belief.mean[t] += (f64::from(cell.mean[t]) - start.mean[t]) * keep;
        belief.variance[t] += (f64::from(cell.variance[t]) - start.variance[t]) * keep * keep;
    }
    belief
}

fn read(store: &impl Store, prior: &Prior, key: u64, hour: i32) -> Belief {
    let (bucket, tag) = place(store, key);
    match store.bucket(bucket).iter().find(|cell| cell.tag == tag) {
        Some(cell) => faded(cell, prior, hour),
        None => Belief::of_prior(prior),
    }
}

/// What is believed of a term's weight at a time, for each target.
#[must_use]
pub fn weight(store: &impl Store, joint: &Joint, priors: &[Prior], term: &Term, at: i64) -> [f64; TARGETS] {
    let prior = &priors[usize::from(term.family)];
    match prior.joint.then(|| joint.find(term.key)).flatten() {
        Some(slot) => joint.mean(slot),
        None => read(store, prior, term.key, hour_of(at)).mean,
    }
}

/// Looks at the cells of a row once before they are read one by one: they lie anywhere, and so memory is waited for once and not for each.
fn touch(store: &impl Store, priors: &[Prior], terms: &[Term]) {
    let apart = terms
        .iter()
        .filter(|term| !priors[usize::from(term.family)].joint);
    let seen = apart.fold(0, |seen, term| {
        let (bucket, _) = place(store, term.key);
        seen ^ store.bucket(bucket)[0].tag
    });
    std::hint::black_box(seen);
}

/// Log-odds of a row for each target, and what each term adds; `contributions` has the order of the terms.
pub fn score(
    store: &impl Store,
    joint: &Joint,
    priors: &[Prior],
    terms: &[Term],
    at: i64,
    contributions: &mut Vec<[f64; TARGETS]>,
) -> [f64; TARGETS] {
    contributions.clear();
    touch(store, priors, terms);
    let mut sum = [0.0; TARGETS];
    for term in terms {
        let adds = weight(store, joint, priors, term, at).map(|mean| mean * f64::from(term.value));
        for (sum, adds) in sum.iter_mut().zip(adds) {
            *sum += adds;
        }
        contributions.push(adds);
    }
    sum
}

/// Room for what was believed before an outcome, kept from call to call.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// Of the terms told apart: place among the terms, and belief.
    apart: Vec<(usize, Belief)>,
    /// Of the terms held together: slot and value.
    together: Vec<(usize, f64)>,
    gains: Vec<f64>,
}

/// Learns the outcome of one target for a row, at the time the outcome is known.
pub fn learn(
    store: &mut impl Store,
    joint: &mut Joint,
    priors: &[Prior],
    terms: &[Term],
    (target, failed): (usize, bool),
    at: i64,
    room: &mut Room,
) {
    let hour = hour_of(at);
    joint.fade(priors, hour.div_euclid(24));
    let Room {
        apart,
        together,
        gains,
    } = room;
    apart.clear();
    together.clear();
    touch(store, priors, terms);
    let mut log_odds = 0.0;
    for (index, term) in terms.iter().enumerate() {
        let prior = &priors[usize::from(term.family)];
        let value = f64::from(term.value);
        let slot = if prior.joint {
            joint.slot(term.key, term.family, prior)
        } else {
            None
        };
        let mean = match slot {
            Some(slot) => {
                together.push((slot, value));
                joint.mean(slot)
            }
            None => {
                let belief = read(store, prior, term.key, hour);
                apart.push((index, belief));
                belief.mean
            }
        };
        log_odds += mean[target] * value;
    }
    let p = sigmoid(log_odds);
    let surprise = (f64::from(u8::from(failed)) - p) * WORTH;
    let information = (p * (1.0 - p)).max(1e-6) * WORTH;
    for &told in TELLS[target] {
        let mut spread = joint.gains(told, together, gains);
        for (index, belief) in apart.iter() {
            spread += belief.variance[told] * f64::from(terms[*index].value).powi(2);
        }
        let step = surprise / (1.0 + information * spread);
        let shrink = information / (1.0 + information * spread);
        joint.move_by(told, gains, step, shrink);
        for (index, belief) in apart.iter_mut() {
            let gain = belief.variance[told] * f64::from(terms[*index].value);
            belief.mean[told] += gain * step;
            belief.variance[told] -= gain * gain * shrink;
        }
    }
    for (index, belief) in apart.iter() {
        let (bucket, tag) = place(store, terms[*index].key);
        let cell = slot(store.bucket_mut(bucket), tag, hour);
        cell.mean = belief.mean.map(|mean| mean as f32);
        cell.variance = belief.variance.map(|variance| variance.max(0.0) as f32);
        cell.hour = cell.hour.max(hour);
    }
}

/// The cell of a key in its bucket; a new one takes an empty cell or that of the key not told of for longest, and is to be written whole.
fn slot(bucket: &mut Bucket, tag: u32, hour: i32) -> &mut Cell {
    let at = bucket.iter().position(|cell| cell.tag == tag).unwrap_or_else(|| {
        let oldest = (0..WAYS).min_by_key(|&at| (bucket[at].tag != 0, bucket[at].hour, at));
        let at = oldest.unwrap_or(0);
        bucket[at] = Cell {
            tag,
            hour,
            ..Cell::default()
        };
        at
    });
    &mut bucket[at]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const PRIORS: [Prior; 3] = [
        Prior {
            mean: 0.0,
            deviation: 3.0,
            days: 1e6,
            joint: false,
        },
        Prior {
            mean: 0.0,
            deviation: 0.3,
            days: 1e6,
            joint: false,
        },
        Prior {
            mean: 0.0,
            deviation: 1.0,
            days: 10.0,
            joint: false,
        },
    ];

    fn store() -> Vec<Bucket> {
        vec![Bucket::default(); 1 << 12]
    }

    fn term(family: u16, key: u64, value: f32) -> Term {
        Term {
            key: mix(u64::from(family) << 40 | key),
            value,
            family,
        }
    }

    /// Normal by the sum of twelve uniform draws.
    fn normal(random: &mut Random) -> f64 {
        (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
    }

    #[test]
    fn effects_of_many_keys_are_found_and_small_keys_are_shrunk() {
        let mut random = Random::new(7);
        let effects: Vec<f64> = (0..400).map(|_| normal(&mut random) * 0.3).collect();
        let mut store = store();
        let (mut ours, mut flat, mut n) = (0.0, 0.0, 0.0);
        for step in 0..60_000_i64 {
            // Skewed: the first keys occur a hundred times as often as the last.
            let key = (random.unit().powi(3) * 400.0) as usize;
            let x = normal(&mut random);
            let truth = -1.0 + effects[key] + 0.5 * x;
            let row = [term(0, 0, 1.0), term(1, key as u64, 1.0), term(0, 1, x as f32)];
            if step > 30_000 {
                let mut contributions = Vec::new();
                let s = score(&store, &Joint::default(), &PRIORS, &row, 0, &mut contributions);
                ours += (s[0] - truth).powi(2);
                flat += effects[key].powi(2);
                n += 1.0;
                assert!((contributions.iter().map(|c| c[0]).sum::<f64>() - s[0]).abs() < 1e-9);
            }
            learn(
                &mut store,
                &mut Joint::default(),
                &PRIORS,
                &row,
                (0, random.unit() < sigmoid(truth)),
                0,
                &mut Room::default(),
            );
        }
        let (ours, flat) = ((ours / n).sqrt(), (flat / n).sqrt());
        assert!(ours < 0.21, "error {ours}, without the keys {flat}");
        assert!(ours < flat * 0.7, "error {ours}, without the keys {flat}");
    }

    #[test]
    fn an_outcome_of_one_target_tells_of_the_other() {
        let mut store = store();
        let row = [term(0, 0, 1.0), term(1, 3, 1.0)];
        for _ in 0..50 {
            learn(
                &mut store,
                &mut Joint::default(),
                &PRIORS,
                &row,
                (1, true),
                0,
                &mut Room::default(),
            );
        }
        let s = score(&store, &Joint::default(), &PRIORS, &row, 0, &mut Vec::new());
        assert!(s[1] > 1.5 && s[0] > 0.5 * s[1] && s[0] <= s[1], "{s:?}");
        // Its own outcomes overrule that.
        for _ in 0..400 {
            learn(
                &mut store,
                &mut Joint::default(),
                &PRIORS,
                &row,
                (0, false),
                0,
                &mut Room::default(),
            );
        }
        let s = score(&store, &Joint::default(), &PRIORS, &row, 0, &mut Vec::new());
        assert!(s[0] < -1.5, "{s:?}");
    }

    #[test]
    fn a_belief_fades_to_its_prior() {
        let mut store = store();
        let row = [term(2, 5, 1.0)];
        for _ in 0..100 {
            learn(
                &mut store,
                &mut Joint::default(),
                &PRIORS,
                &row,
                (0, true),
                0,
                &mut Room::default(),
            );
        }
        let at = |days: i64| read(&store, &PRIORS[2], row[0].key, hour_of(days * 24 * HOUR_US));
        assert!(at(0).mean[0] > 1.5);
        assert!((at(10).mean[0] / at(0).mean[0] - (-1.0_f64).exp()).abs() < 0.01);
        assert!(at(200).mean[0].abs() < 1e-3 && (at(200).variance[0] - 1.0).abs() < 1e-3);
        // An outcome that comes late takes nothing back.
        assert_eq!(at(-5).mean[0], at(0).mean[0]);
    }

    #[test]
    fn a_full_table_forgets_the_oldest_and_never_grows() {
        let mut store = vec![Bucket::default(); 4];
        for key in 0..200_u64 {
            let at = key as i64 * HOUR_US;
            learn(
                &mut store,
                &mut Joint::default(),
                &PRIORS,
                &[term(1, key, 1.0)],
                (0, true),
                at,
                &mut Room::default(),
            );
        }
        let known = |key: u64| read(&store, &PRIORS[1], term(1, key, 1.0).key, 0).mean[0] != 0.0;
        assert!(known(199) && known(198));
        assert!((0..100).filter(|&key| known(key)).count() < 3);
    }
}
