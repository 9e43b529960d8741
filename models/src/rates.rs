//! Rates over nested keys, such as courier x lane x payment, courier x state x payment, courier, all: each shrunk towards the one above it.
//!
//! A caller gives the keys of one observation from the widest to the narrowest. Two time-scales are kept in each cell:
//!
//! - the *slow* rate forgets over weeks. Its posterior mean is `(failed + k * above) / (count + k)`, where `above` is the posterior
//!   of the level above and `k` the strength of the level: fixed, or learned as the one of a small grid whose one-step-ahead log-loss is
//!   least (empirical Bayes by prequential likelihood; Efron and Morris 1975 for the idea, Dawid 1984 for the criterion).
//! - the *recent* rate forgets within a day or two and answers one question: how much worse is it just now than the slow rates led one to
//!   expect? Each cell keeps what failed and what was expected to fail, so a change of mix is not mistaken for an outage. The answer is
//!   a lift in log-odds, added to the lift of the level above: an outage of a whole state shows on lanes that had no parcel yet.
//!
//! Time is event time and may run backwards: a late observation weighs what it would weigh had it come in time. Deliberately absent: any
//! knowledge of what a key means; keys are hashes of the caller's.

use bitcode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::random::mix;
use crate::table::Table;
use crate::{logit, sigmoid};

/// Most levels that a chain of keys may have.
pub const LEVELS_MAX: usize = 8;

/// Strengths among which a learned one is chosen, in observations.
pub const STRENGTHS: [f64; 6] = [2.0, 6.0, 20.0, 60.0, 200.0, 600.0];

/// Loss of a strength is forgotten over this many observations of its level.
const LOSS_MEMORY: f64 = 20_000.0;

/// Changes in log-odds that are thought possible; the logarithm of each one's share of the prior of a change (0.04, 0.08, 0.20, none, 0.24, 0.14, 0.10,
/// 0.08, 0.07, 0.05); and the factor it is of the odds.
const CHANGES: [(f64, f64, f64); 10] = [
    (-1.5, -3.2188758248682006, 0.22313016014842982),
    (-1.0, -2.5257286443082556, 0.36787944117144233),
    (-0.5, -1.6094379124341003, 0.6065306597126334),
    (0.0, 0.0, 1.0),
    (0.5, -1.4271163556401458, 1.6487212707001282),
    (1.0, -1.9661128563728327, std::f64::consts::E),
    (1.5, -2.3025850929940455, 4.4816890703380645),
    (2.0, -2.5257286443082556, 7.38905609893065),
    (2.75, -2.659260036932778, 15.642631884188171),
    (3.5, -2.995732273553991, 33.11545195869231),
];

/// How much an observation of a level counts against what is believed of the level above.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub enum Strength {
    /// As many observations as given.
    Fixed(f64),
    /// The best of [`STRENGTHS`] so far.
    Learned,
}

/// What rates are told at their start.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Config {
    /// Strength of each level, widest first.
    pub strengths: Vec<Strength>,
    /// Half-life of the slow rate, in microseconds of event time.
    pub slow_half_life_us: f64,
    /// Half-life of the recent rate, in microseconds of event time.
    pub recent_half_life_us: f64,
    /// Chance, before looking, that a level is just now not what the level above makes one expect.
    pub change: f64,
    /// Rate before anything was seen.
    pub prior: f64,
    /// Cells kept, over all levels.
    pub capacity: usize,
}

impl Config {
    /// Learned strengths, 60 days and 12 hours.
    #[must_use]
    pub fn new(levels: usize, prior: f64) -> Self {
        Self {
            strengths: vec![Strength::Learned; levels],
            slow_half_life_us: 60.0 * DAY_US,
            recent_half_life_us: 0.5 * DAY_US,
            change: 0.1,
            prior,
            capacity: 1 << 20,
        }
    }
}

/// Microseconds of a day.
pub const DAY_US: f64 = 86_400e6;

/// What is known at one level, forgotten up to the time of the cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
struct Cell {
    /// Event time, in microseconds since 1970.
    at: i64,
    count: f64,
    failed: f64,
    recent_count: f64,
    recent_failed: f64,
    /// What the slow rates, and the lifts below this level, expected of the recent ones.
    recent_expected: f64,
}

/// Log-loss of each strength at one level.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
struct Losses([f64; STRENGTHS.len()]);

impl Losses {
    fn best(&self) -> f64 {
        let mut best = 2;
        for (i, loss) in self.0.iter().enumerate() {
            if *loss < self.0[best] {
                best = i;
            }
        }
        STRENGTHS[best]
    }
}

/// Answer to a question about one chain of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Posterior mean of the slow rate.
    pub rate: f64,
    /// The same, moved by [`Self::lift`].
    pub recent: f64,
    /// How much worse it is just now, in log-odds.
    pub lift: f64,
    /// Observations at this level, after forgetting.
    pub count: f64,
    /// Of these, failures.
    pub failed: f64,
    /// Recent observations at this level, after forgetting.
    pub recent_count: f64,
    /// Of these, failures.
    pub recent_failed: f64,
}

/// Rates by nested keys.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Rates {
    config: Config,
    table: Table<Cell>,
    losses: Vec<Losses>,
    /// Latest event time seen.
    latest: i64,
}

/// Posterior means and lifts down a chain.
#[derive(Clone, Copy, Default)]
struct Level {
    above: f64,
    rate: f64,
    lift: f64,
    cell: Cell,
}

impl Level {
    fn reading(&self) -> Reading {
        Reading {
            rate: self.rate,
            recent: sigmoid(logit(self.rate) + self.lift),
            lift: self.lift,
            count: self.cell.count,
            failed: self.cell.failed,
            recent_count: self.cell.recent_count,
            recent_failed: self.cell.recent_failed,
        }
    }
}

impl Rates {
    /// Empty rates.
    ///
    /// # Panics
    /// When there is no level, more than [`LEVELS_MAX`], or a prior outside of `0..1`.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let levels = config.strengths.len();
        assert!((1..=LEVELS_MAX).contains(&levels), "{levels} levels of rates");
        assert!(config.prior > 0.0 && config.prior < 1.0, "prior {}", config.prior);
        Self {
            table: Table::new(config.capacity),
            losses: vec![Losses::default(); levels],
            config,
            latest: i64::MIN,
        }
    }

    /// Cells in use.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nothing was observed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The strength that each level has now.
    #[must_use]
    pub fn strengths(&self) -> Vec<f64> {
        (0..self.losses.len()).map(|level| self.strength(level)).collect()
    }

    /// Tells one outcome. `keys` from the widest to the narrowest, one a level.
    ///
    /// # Panics
    /// When the number of keys is not the number of levels.
    pub fn observe(&mut self, keys: &[u64], at: i64, failed: bool, weight: f64) {
        let (levels, n) = self.descend(keys, at);
        self.latest = self.latest.max(at);
        let y = f64::from(u8::from(failed));
        // A level is to explain what the levels below do not: else one bad lane would show on all its sisters.
        let narrowest = logit(levels[n - 1].rate) + levels[n - 1].lift;
        let latest = self.latest;
        let config = &self.config;
        for (i, level) in levels[..n].iter().enumerate() {
            if matches!(config.strengths[i], Strength::Learned) {
                for (loss, k) in self.losses[i].0.iter_mut().zip(STRENGTHS) {
                    let p = posterior(level.cell.failed, level.cell.count, k, level.above);
                    *loss += weight * -(if failed { p } else { 1.0 - p }).ln() - *loss / LOSS_MEMORY;
                }
            }
            let expected = sigmoid(narrowest - level.lift);
            let half_life = config.slow_half_life_us;
            let worth = |cell: &Cell| cell.count * fade(latest - cell.at, half_life);
            let cell = self.table.entry(salted(keys[i], i), worth);
            // A late observation fades by what it is late; an early one fades the cell.
            let new = cell.count == 0.0;
            let (old, fresh) = if new {
                (0, 0)
            } else {
                ((at - cell.at).max(0), (cell.at - at).max(0))
            };
            let (slow, slow_new) = (fade(old, half_life), fade(fresh, half_life) * weight);
            let (fast, fast_new) = (
                fade(old, config.recent_half_life_us),
                fade(fresh, config.recent_half_life_us) * weight,
            );
            *cell = Cell {
                at: if new { at } else { cell.at.max(at) },
                count: cell.count * slow + slow_new,
                failed: cell.failed * slow + slow_new * y,
                recent_count: cell.recent_count * fast + fast_new,
                recent_failed: cell.recent_failed * fast + fast_new * y,
                recent_expected: cell.recent_expected * fast + fast_new * expected,
            };
        }
    }

    /// What is believed of a chain of keys at a time.
    ///
    /// # Panics
    /// When the number of keys is not the number of levels.
    #[must_use]
    pub fn read(&self, keys: &[u64], at: i64) -> Reading {
        let (levels, n) = self.descend(keys, at);
        levels[n - 1].reading()
    }

    /// The same for every level on the way, widest first.
    ///
    /// # Panics
    /// When the number of keys is not the number of levels.
    pub fn read_levels(&self, keys: &[u64], at: i64) -> impl Iterator<Item = Reading> + use<> {
        let (levels, n) = self.descend(keys, at);
        levels.into_iter().take(n).map(|level| level.reading())
    }

    fn strength(&self, level: usize) -> f64 {
        match self.config.strengths[level] {
            Strength::Fixed(k) => k,
            Strength::Learned => self.losses[level].best(),
        }
    }

    fn descend(&self, keys: &[u64], at: i64) -> ([Level; LEVELS_MAX], usize) {
        assert_eq!(keys.len(), self.losses.len(), "one key a level");
        let mut levels = [Level::default(); LEVELS_MAX];
        let (mut above, mut lift) = (self.config.prior, 0.0);
        for (i, &key) in keys.iter().enumerate() {
            let mut cell = self.table.get(salted(key, i)).copied().unwrap_or_default();
            let age = if cell.count > 0.0 {
                (at - cell.at).max(0)
            } else {
                0
            };
            let slow = fade(age, self.config.slow_half_life_us);
            let fast = fade(age, self.config.recent_half_life_us);
            cell.count *= slow;
            cell.failed *= slow;
            cell.recent_count *= fast;
            cell.recent_failed *= fast;
            cell.recent_expected *= fast;
            let rate = posterior(cell.failed, cell.count, self.strength(i), above);
            if cell.recent_count > 0.5 {
                lift += self.change(&cell, lift);
            }
            levels[i] = Level {
                above,
                rate,
                lift,
                cell,
            };
            above = rate;
        }
        (levels, keys.len())
    }
}

impl Rates {
    /// Posterior mean of the change in log-odds that a level has of its own. "None" has most of the prior and the rest falls off with size on either
    /// side: a few failures move next to nothing, an outage is believed whole. (A single strength, as the slow rates have, would do neither.)
    fn change(&self, cell: &Cell, above: f64) -> f64 {
        let (n, failed) = (cell.recent_count, cell.recent_failed);
        let expected = logit((cell.recent_expected / n).clamp(1e-6, 1.0 - 1e-6)) + above;
        let odds = expected.exp();
        let (none, some) = ((1.0 - self.config.change).ln(), self.config.change.ln());
        let mut weights = [0.0; CHANGES.len()];
        let mut most = f64::NEG_INFINITY;
        for (weight, (change, share, factor)) in weights.iter_mut().zip(CHANGES) {
            let prior = if change == 0.0 { none } else { some + share };
            // Log-likelihood of the failures: failed * s - n * ln(1 + e^s).
            *weight = prior + failed * (expected + change) - n * (1.0 + odds * factor).ln();
            most = most.max(*weight);
        }
        let (mut sum, mut mean) = (0.0, 0.0);
        for (weight, (change, ..)) in weights.iter().zip(CHANGES) {
            let weight = (weight - most).exp();
            sum += weight;
            mean += weight * change;
        }
        mean / sum
    }
}

/// Posterior mean, kept off nought and one so that its log-odds are finite.
#[inline]
fn posterior(failed: f64, count: f64, k: f64, above: f64) -> f64 {
    ((failed + k * above) / (count + k)).clamp(1e-6, 1.0 - 1e-6)
}

/// Share that remains after an age.
#[inline]
#[allow(clippy::cast_precision_loss)]
fn fade(age_us: i64, half_life_us: f64) -> f64 {
    if age_us <= 0 {
        1.0
    } else {
        (-(age_us as f64) / half_life_us).exp2()
    }
}

/// Keys of levels must not meet in the one table.
#[inline]
const fn salted(key: u64, level: usize) -> u64 {
    mix(key ^ (level as u64 + 1).wrapping_mul(0xd6e8_feb8_6659_fd93))
}

#[cfg(test)]
#[path = "rates_tests.rs"]
mod tests;
