//! Whether a series may have as much evidence as would count, told for a tenth of what reckoning it costs.
//!
//! No ratio of [`super::evidence`] is above the Poisson's, `N ln(N / m) - (N - m)` with `m` expected at the series' own level, and that is at most `(N - m)^2 / 2m` for a rise and
//! `(N - m)^2 / m` for a fall. A sum over onsets of weighted ratios that all lie below a bound lies below that bound times the weights. So a screen that multiplies and
//! compares tells nearly every series that is as ever, and what it passes over changes nothing: its evidence would have been below the bar.
//!
//! Deliberately absent: any opinion of its own. It has no false negatives, and what it lets pass is reckoned as before.

use super::evidence::{GROUP_WEIGHT, HORIZON_DAYS, KIND_WEIGHT};
use super::prior::Prior;
use super::series::{Curve, Series};
use super::{GROUPS, WINDOW_DAYS};

/// For the rounding of sums that are made in another order here.
const MARGIN: f64 = 1e-3;

/// Onsets that are bounded together before one of them is looked at.
const BLOCK: usize = 4;

/// Whether a Poisson's ratio is above a bound.
fn tells(observed: f64, mean: f64, bound: f64) -> bool {
    let log = if observed > 0.0 {
        observed * (observed / mean).ln()
    } else {
        0.0
    };
    log - (observed - mean) > bound
}

/// Counts of one stream: since the onset, and what is known of the level before it.
#[derive(Clone, Copy)]
struct Stream {
    observed: f64,
    expected: f64,
    a: f64,
    b: f64,
}

impl Stream {
    /// Whether its squared deviation, all multiplied by `b` so that nothing is divided, leaves it possible that a rise's ratio is above a bound.
    #[inline]
    fn may_rise(self, bound: f64) -> bool {
        let mean = self.expected * self.a;
        let apart = self.observed * self.b - mean;
        apart > 0.0 && apart * apart > 2.0 * bound * mean * self.b
    }

    /// The same for a fall.
    #[inline]
    fn may_fall(self, bound: f64) -> bool {
        let mean = self.expected * self.a;
        let apart = self.observed * self.b - mean;
        apart < 0.0 && apart * apart > bound * mean * self.b
    }

    fn tells(self, bound: f64) -> bool {
        tells(self.observed, self.expected * self.a / self.b, bound)
    }
}

impl Series {
    /// Whether [`Series::evidence`] may have a `log_e` of `least` or more: when this says no it has not.
    #[must_use]
    pub fn may_reach(&self, today: i32, curve: &Curve, prior: &Prior, least: f64) -> bool {
        let from = today - WINDOW_DAYS;
        let mut all = [0_u32; GROUPS];
        let mut due = [0.0_f64; WINDOW_DAYS as usize];
        let (mut in_window, mut weights, mut before) = (0.0, 0.0, None::<i32>);
        for (at, cohort) in self.cohorts.iter().enumerate() {
            if cohort.day > from {
                let Some(slot) = due.get_mut(at) else { return true };
                *slot = f64::from(cohort.expected) * f64::from(curve.at(today - cohort.day));
                in_window += *slot;
                for (sum, n) in all.iter_mut().zip(cohort.returned) {
                    *sum += u32::from(n);
                }
                weights += before.map_or(1.0, |before| f64::from((cohort.day - before).clamp(1, 14)));
            }
            before = Some(cohort.day);
        }
        let shares = self.shares();
        let used = shares.iter().filter(|&&share| share > 1e-3).count().max(1);
        let ways = KIND_WEIGHT + GROUP_WEIGHT * GROUPS as f64 / used as f64;
        let bound = (least + HORIZON_DAYS.ln() - (weights * ways).ln()) * prior.dispersion.max(1.0) - MARGIN;
        if bound.is_nan() || bound <= 0.0 {
            return true;
        }
        let total_expected = in_window + self.history.expected;
        let total: f64 = all.iter().map(|&n| f64::from(n)).sum::<f64>() + self.history.all();
        let a: [f64; GROUPS] = std::array::from_fn(|group| {
            prior.group_strength + f64::from(all[group]) + self.history.observed[group]
        });
        let b: [f64; GROUPS] =
            std::array::from_fn(|group| prior.group_strength + total_expected * shares[group]);
        let may = |expected: f64, seen: &[u32; GROUPS], falls: (f64, u32)| {
            let whole = |expected: f64, count: u32| {
                let count = f64::from(count);
                Stream {
                    observed: count,
                    expected,
                    a: prior.strength + total - count,
                    b: prior.strength + total_expected - expected,
                }
            };
            let (rise, fall) = (whole(expected, seen.iter().sum()), whole(falls.0, falls.1));
            if rise.may_rise(bound) && rise.tells(bound) || fall.may_fall(bound) && fall.tells(bound) {
                return true;
            }
            let of = |group: usize| {
                let (observed, expected) = (f64::from(seen[group]), expected * shares[group]);
                Stream {
                    observed,
                    expected,
                    a: a[group] - observed,
                    b: b[group] - expected,
                }
            };
            // All at once, without a branch; then those that may.
            let may: [bool; GROUPS] = std::array::from_fn(|group| of(group).may_rise(bound));
            may.iter().any(|may| *may)
                && (0..GROUPS).any(|group| may[group] && seen[group] > 1 && of(group).tells(bound))
        };
        let first = self.cohorts.partition_point(|cohort| cohort.day <= from);
        let (mut expected, mut seen) = (0.0, [0_u32; GROUPS]);
        let mut until = self.cohorts.len();
        while until > first {
            let begin = until.saturating_sub(BLOCK).max(first);
            // Of a block of onsets: a rise may at most have what the oldest saw where the newest expected it, a fall the reverse.
            let (mut oldest, mut all_seen) = (expected, seen);
            let mut newest = (0.0, 0);
            for at in (begin..until).rev() {
                oldest += due[at];
                for (sum, n) in all_seen.iter_mut().zip(self.cohorts[at].returned) {
                    *sum += u32::from(n);
                }
                if at + 1 == until {
                    newest = (oldest, all_seen.iter().sum::<u32>());
                }
            }
            if may(newest.0, &all_seen, (oldest, newest.1)) {
                for at in (begin..until).rev() {
                    expected += due[at];
                    for (sum, n) in seen.iter_mut().zip(self.cohorts[at].returned) {
                        *sum += u32::from(n);
                    }
                    if may(expected, &seen, (expected, seen.iter().sum())) {
                        return true;
                    }
                }
            }
            (expected, seen) = (oldest, all_seen);
            until = begin;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn what_it_passes_over_has_no_such_evidence(
            days in prop::collection::vec((0..60_i32, 0.01..6.0_f64, prop::collection::vec(0..4_u16, GROUPS)), 0..60),
            history in (0.0..40.0_f64, 0..30_u16),
            level in 0.0..1.5_f64,
            dispersion in 0.8..3.0_f64,
            slope in 0.02..1.0_f64,
        ) {
            let curve = Curve::new(&std::array::from_fn::<f64, 61, _>(|age| 1.0 - (-slope * (age as f64 + 0.5)).exp()));
            let prior = Prior { dispersion, ..Prior::default() };
            let mut series = Series::default();
            let mix = [0.4, 0.3, 0.1, 0.1, 0.05, 0.05, 0.0, 0.0];
            series.delivered(1, history.0, &mix);
            series.returned(1, 0, history.1);
            series.advance(100);
            for (day, expected, came) in days {
                series.delivered(41 + day, expected, &mix);
                for (group, n) in came.into_iter().enumerate() {
                    let n = (f64::from(n) * level) as u16;
                    series.returned(41 + day, group, n);
                }
            }
            let found = series.evidence(100, &curve, &prior);
            for least in [-2.0, 0.0, 1.0, 3.0, 6.0, 10.0, 20.0] {
                if !series.may_reach(100, &curve, &prior, least) {
                    prop_assert!(found.is_none_or(|found| found.log_e < least), "{least} {found:?}");
                }
            }
        }
    }

    #[test]
    fn a_series_as_ever_is_passed_over_and_one_that_doubles_is_not() {
        let curve = Curve::new(&[1.0]);
        let mut mix = [0.0; GROUPS];
        mix[0] = 1.0;
        let (mut usual, mut double) = (Series::default(), Series::default());
        for day in 1..=50 {
            for (series, late) in [(&mut usual, 3), (&mut double, 7)] {
                series.delivered(day, 3.0, &mix);
                series.returned(day, 0, if day > 40 { late } else { 3 });
                series.advance(day);
            }
        }
        assert!(!usual.may_reach(50, &curve, &Prior::default(), 7.0));
        assert!(double.may_reach(50, &curve, &Prior::default(), 7.0));
    }
}
