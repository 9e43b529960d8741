//! How many returned units will come on each of the next days, and how far off that may be.
//!
//! Two rows of daily counts are all that is asked for, those delivered and those that came back, and the delay curve between them. What comes on a day is
//! `level x weekday x sum over cohorts of delivered x share of the curve that falls on the day`:
//!
//! - cohorts **already delivered** bring what is left of their curve, cohorts **to be delivered** are expected like the deliveries of late on the same weekday;
//! - the **level** is what came of late over what the curve made one expect. It takes up a rate that moves, and it makes the same formula serve a part: given a category's deliveries and the
//!   arrivals at one facility, the level is the facility's share;
//! - **quantiles** come from the forecast's own past: the same is done as of each day of the past weeks, and errors in units of the square root of what was expected are pooled by horizon (split
//!   conformal prediction in time: Vovk et al. 2005; over-dispersed counts, McCullagh and Nelder 1989, for the scale). With a short past they lean on the Poisson's, as far as
//!   the past does not contradict it.
//!
//! A pure function of the two rows, so nothing but counts is state. Deliberately absent: festivals to come, parcels under way.

use crate::delay::{AGES, Curve};
use crate::nowcast::quantiles;

/// Days ahead.
pub const AHEAD: usize = 14;

/// Days of history that are of use; older ones are ignored.
pub const HISTORY: usize = AGES + LOOK_BACK + AHEAD + ORIGINS;

/// Days over which level and weekdays are learned at most.
const LOOK_BACK: usize = 84;

/// Days as of which the forecast is done again to learn its errors.
const ORIGINS: usize = 84;

/// Half-life of what the level is learned from, in days.
const LEVEL_HALF_LIFE: f64 = 14.0;

/// Half-life of what deliveries to come are learned from, in days.
const DELIVERY_HALF_LIFE: f64 = 5.0;

/// Arrivals that count for the assumed level, and for all weekdays being alike.
const LENT: f64 = 20.0;

/// Past errors that those of a Poisson count for, where they are about as wide.
const LENT_ERRORS: f64 = 14.0;

/// Of so many past errors quantiles are twice as wide as seen. Chosen on the simulated world (seed 2).
const UNSURE: f64 = 4.0;

/// 90% point of the normal law.
const Z: f64 = 1.281_551_565_544_600_4;

/// What one day will bring, in units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Day {
    /// Mean.
    pub expected: f64,
    /// One day in ten brings less.
    pub p10: f64,
    /// Half of the days bring less.
    pub p50: f64,
    /// One day in ten brings more.
    pub p90: f64,
}

/// Arrivals on the days after the last one given, the next first.
///
/// `delivered` and `arrived`: units by day, oldest first, of the same length, ending with the last *whole* day; days without any are nought. [`HISTORY`] days are used. `curve` is that of the
/// category on the basis that `arrived` counts (requested or received). `share` is the part of the category's returns thought to arrive here before any did: 1 for all of it.
///
/// ```
/// use eddy_models::arrivals::forecast;
/// use eddy_models::delay::Curve;
///
/// let curve = Curve::default(); // one in ten comes back
/// let days = forecast(&[1_000; 200], &[100; 200], &curve, 1.0);
/// assert!((days[0].expected - 100.0).abs() < 1.0 && (days[13].expected - 100.0).abs() < 1.0);
/// assert!(days[0].p10 < days[0].p50 && days[0].p50 < days[0].p90);
/// let hub = forecast(&[1_000; 200], &[25; 200], &curve, 0.1);
/// assert!((hub[0].expected - 25.0).abs() < 1.0);
/// ```
///
/// # Panics
/// When the rows differ in length.
#[must_use]
pub fn forecast(delivered: &[u64], arrived: &[u64], curve: &Curve, share: f64) -> [Day; AHEAD] {
    let from = delivered.len().saturating_sub(HISTORY);
    assert_eq!(delivered.len(), arrived.len(), "one count of each a day");
    Deliveries::of(&delivered[from..], curve).forecast(&arrived[from..], share)
}

/// What deliveries and their curve make one expect on each day, reckoned once for all places among which the arrivals are parted.
#[derive(Clone, Debug)]
pub struct Deliveries {
    /// Arrivals by deliveries and curve alone.
    by_curve: Vec<f64>,
    /// The same of the days ahead, as of the beginning of day `first + n`: cohorts known by then, and those thought to follow.
    to_come: Vec<[f64; AHEAD]>,
    first: usize,
    /// Weight of a day by how long ago it is, for the level.
    weights: [f64; LOOK_BACK],
}

impl Deliveries {
    /// From units delivered by day, as [`forecast`] takes them.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn of(delivered: &[u64], curve: &Curve) -> Self {
        // At the end of its day a cohort is half a day old, a day later one and a half.
        let age = |days: usize| days as f64 - 0.5;
        let by_age: [f64; AGES + 1] =
            std::array::from_fn(|days| curve.ever * (curve.share(age(days + 1)) - curve.share(age(days))));
        let delivered: Vec<f64> = delivered.iter().map(|units| *units as f64).collect();
        let first = delivered.len().saturating_sub(ORIGINS + 2 * AHEAD);
        let weights = fading(DELIVERY_HALF_LIFE);
        let mut by_curve = Vec::with_capacity(delivered.len());
        let mut to_come = Vec::with_capacity(ORIGINS + 2 * AHEAD + 1);
        // What the cohorts so far bring on each day from this one on.
        let mut known = [0.0; AGES + 2];
        for day in 0..=delivered.len() {
            if day >= first {
                let usual = pattern(&delivered, None, day, &weights, (0.0, 0.0));
                let new: [f64; AHEAD] = std::array::from_fn(|ahead| usual.of(day + ahead));
                to_come.push(std::array::from_fn(|ahead| {
                    let of_new: f64 = (0..=ahead).map(|age| new[ahead - age] * by_age[age]).sum();
                    known[ahead] + of_new
                }));
            }
            let Some(units) = delivered.get(day) else { break };
            by_curve.push(units.mul_add(by_age[0], known[0]));
            for ahead in 0..AGES {
                known[ahead] = units.mul_add(by_age[ahead + 1], known[ahead + 1]);
            }
            known[AGES] = 0.0;
        }
        Self {
            by_curve,
            to_come,
            first,
            weights: fading(LEVEL_HALF_LIFE),
        }
    }

    /// Arrivals on the days after the last one given. `arrived` begins on the same day as the deliveries and ends with them, or up to [`AHEAD`] days before.
    ///
    /// # Panics
    /// When it is longer than the deliveries, or ends sooner.
    #[must_use]
    pub fn forecast(&self, arrived: &[u64], share: f64) -> [Day; AHEAD] {
        let [days] = self.forecasts(arrived, share, [0]);
        days
    }

    /// The forecasts as of the last day given and as of so many days before it, each the same as if nothing were known of the days since. Past forecasts by which errors are judged are made once
    /// for all of them.
    ///
    /// # Panics
    /// As [`Deliveries::forecast`], for the earliest.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn forecasts<const N: usize>(
        &self,
        arrived: &[u64],
        share: f64,
        back: [usize; N],
    ) -> [[Day; AHEAD]; N] {
        let known = self.by_curve.len();
        let ends = back.map(|back| arrived.len().saturating_sub(back));
        assert!(
            arrived.len() <= known && ends.iter().all(|end| end + AHEAD >= known.min(AHEAD)),
            "one count of each a day"
        );
        let arrived: Vec<f64> = arrived.iter().map(|units| *units as f64).collect();
        // Before a fortnight there is nothing to judge by.
        let origins = |end: usize| end.saturating_sub(ORIGINS + AHEAD).max(14)..end;
        let first = ends
            .iter()
            .map(|end| origins(*end).start.min(*end))
            .min()
            .unwrap_or(0);
        let expected: Vec<[f64; AHEAD]> = (first..=ends.into_iter().max().unwrap_or(0))
            .map(|now| self.expected(&arrived[..now], now, share))
            .collect();
        ends.map(|end| {
            // By week ahead, those of one origin together.
            let mut errors = [const { Errors::new() }; 2];
            for origin in origins(end) {
                let expected = &expected[origin - first];
                for (week, errors) in errors.iter_mut().enumerate() {
                    errors.begin();
                    for (ahead, expected) in expected.iter().enumerate().skip(7 * week).take(7) {
                        let root = expected.sqrt();
                        if let Some(came) = arrived[..end].get(origin + ahead).filter(|_| root > 0.0) {
                            errors.add((came - expected) / root);
                        }
                    }
                }
            }
            let bands = errors.map(Band::of);
            let expected = &expected[end - first];
            std::array::from_fn(|ahead| bands[ahead / 7].around(expected[ahead]))
        })
    }

    /// What days `now..` bring, known days `..now`.
    fn expected(&self, arrived: &[f64], now: usize, share: f64) -> [f64; AHEAD] {
        let level = pattern(arrived, Some(&self.by_curve), now, &self.weights, (LENT, share));
        let to_come = &self.to_come[now - self.first];
        std::array::from_fn(|ahead| to_come[ahead] * level.of(now + ahead))
    }
}

/// Weights that halve in so many days, by days ago.
#[allow(clippy::cast_precision_loss)]
fn fading(half_life: f64) -> [f64; LOOK_BACK] {
    std::array::from_fn(|ago| (-(ago as f64) / half_life).exp2())
}

/// Level and weekdays of a row in the days before `now`, against what was expected of it or against its own mean. As many units as `lent` are thought to have come
/// at the assumed level before.
fn pattern(
    row: &[f64],
    against: Option<&[f64]>,
    now: usize,
    weights: &[f64; LOOK_BACK],
    (lent, assumed): (f64, f64),
) -> Pattern {
    let days = now.saturating_sub(LOOK_BACK)..now;
    let row = &row[days.clone()];
    let expected = |at: usize| against.map_or(1.0, |against| against[days.start + at]);
    let begins = days.start % 7;
    // By weekday counted from the first of these days.
    let (mut came, mut due) = ([0.0; 7], [0.0; 7]);
    for (week, units) in row.chunks(7).enumerate() {
        for (at, units) in units.iter().enumerate() {
            came[at] += units;
            due[at] += expected(7 * week + at);
        }
    }
    let (all_came, all_due): (f64, f64) = (came.iter().sum(), due.iter().sum());
    let usual = if all_due > 0.0 { all_came / all_due } else { 0.0 };
    let factors: [f64; 7] = std::array::from_fn(|at| {
        let by_chance = usual * due[at];
        if by_chance > 0.0 {
            (came[at] + LENT) / (by_chance + LENT)
        } else {
            1.0
        }
    });
    // Of late, the weekdays taken out.
    let (mut came, mut due) = (lent * assumed, lent);
    let weights = &weights[..row.len()];
    let mut ago = row.len();
    for (week, units) in row.chunks(7).enumerate() {
        for (at, units) in units.iter().enumerate() {
            ago -= 1;
            came += weights[ago] * units;
            due += weights[ago] * expected(7 * week + at) * factors[at];
        }
    }
    let level = if due > 0.0 { came / due } else { 0.0 };
    Pattern {
        level,
        weekdays: std::array::from_fn(|day| factors[(day + 7 - begins) % 7]),
    }
}

/// A level, and what each day of the week is of it.
struct Pattern {
    level: f64,
    weekdays: [f64; 7],
}

impl Pattern {
    fn of(&self, day: usize) -> f64 {
        self.level * self.weekdays[day % 7]
    }
}

/// Errors of the past, in square roots of what was expected.
struct Band {
    /// Independent days they are worth.
    count: f64,
    /// Their mean square: one for a Poisson.
    square: f64,
    p10: f64,
    p50: f64,
    p90: f64,
}

/// Errors of a week ahead, by the day as of which it was forecast.
struct Errors {
    all: Vec<f64>,
    /// Where those of each day begin.
    begins: Vec<usize>,
}

impl Errors {
    const fn new() -> Self {
        Self {
            all: Vec::new(),
            begins: Vec::new(),
        }
    }

    /// What follows is of another day.
    fn begin(&mut self) {
        self.begins.push(self.all.len());
    }

    fn add(&mut self, error: f64) {
        self.all.push(error);
    }

    fn weeks(&self) -> impl Iterator<Item = &[f64]> {
        let ends = self.begins.iter().skip(1).copied().chain([self.all.len()]);
        self.begins
            .iter()
            .zip(ends)
            .map(|(begin, end)| &self.all[*begin..end])
    }
}

impl Band {
    /// From the errors of a week ahead as of each day.
    #[allow(clippy::cast_precision_loss)]
    fn of(mut errors: Errors) -> Self {
        let square = mean_square(&errors.all);
        let count = effective(&errors, square);
        // Quantiles of so few are drawn in: those of Student's law are wider by `1.2 / count`. The middle is unsure as well, and levels that are missed outlast a week, so that
        // fewer days are known than are counted.
        let wider = 1.0 + UNSURE / count.max(2.0);
        let p50 = quantile(&mut errors.all, 0.5);
        let mut from_middle = |share: f64| wider.mul_add(quantile(&mut errors.all, share) - p50, p50);
        Self {
            count,
            square,
            p10: from_middle(0.1),
            p50,
            p90: from_middle(0.9),
        }
    }

    fn around(&self, expected: f64) -> Day {
        let (low, high) = quantiles(expected, expected, Z);
        let (middle, _) = quantiles(expected, expected, 0.0);
        let root = expected.sqrt();
        let mixed = |own: f64, poisson: f64, lent: f64| {
            let own = own.mul_add(root, expected);
            ((own * self.count + poisson * lent) / (self.count + lent)).max(0.0)
        };
        // What is wider than a Poisson by its own past is no Poisson: orders come in sales, and all days of one move together.
        let lent = LENT_ERRORS / self.square.max(1.0);
        let p50 = mixed(self.p50, middle, LENT_ERRORS);
        Day {
            expected,
            p10: mixed(self.p10, low, lent).min(p50),
            p50,
            p90: mixed(self.p90, high, lent).max(p50),
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn mean_square(errors: &[f64]) -> f64 {
    errors.iter().map(|error| error * error).sum::<f64>() / errors.len().max(1) as f64
}

/// Days that the errors are worth: those of one week move together when a level is missed.
#[allow(clippy::cast_precision_loss)]
fn effective(errors: &Errors, single: f64) -> f64 {
    let means: Vec<f64> = errors
        .weeks()
        .filter(|week| !week.is_empty())
        .map(|week| week.iter().sum::<f64>() / week.len() as f64)
        .collect();
    let mean = mean_square(&means);
    let together = if single > 0.0 {
        ((mean - single / 7.0) / (single - single / 7.0)).clamp(0.0, 1.0)
    } else {
        0.0
    };
    means.len() as f64 / (1.0 + 6.0 * together)
}

/// Of numbers, which are put into another order, straight between two; nought of none.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn quantile(numbers: &mut [f64], share: f64) -> f64 {
    let Some(last) = numbers.len().checked_sub(1) else {
        return 0.0;
    };
    let place = share
        .mul_add(numbers.len() as f64 + 1.0, -1.0)
        .clamp(0.0, last as f64);
    let (_, below, after) = numbers.select_nth_unstable_by(place as usize, f64::total_cmp);
    let below = *below;
    let above = match place.fract() {
        0.0 => below,
        _ => after.iter().copied().min_by(f64::total_cmp).unwrap_or(below),
    };
    (above - below).mul_add(place.fract(), below)
}

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
