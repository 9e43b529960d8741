//! Evidence that a series' return rate changed at some day of the window: an e-detector.
//!
//! **One onset, one factor.** Let `N` be the returns so far of the lines delivered from day `o` on, `E` what was expected of them by now, and let all
//! before speak for the series' own level: `r ~ Gamma(a, b)`, with `a` and `b` the prior's strength plus observed and expected returns before `o`. If the
//! level is multiplied by `f` from `o` on, the likelihood ratio against no change, `r` integrated out, is
//!
//! ```text
//! L(o, f) = f^N * ((b + E) / (b + f E))^(a + N)
//! ```
//!
//! Its mean under no change is one whatever the time at which one looks (returns of lines are at most as dispersed as Poisson counts with the same compensator, so
//! with `r` known `L` is a supermartingale). A new series with a vague baseline has a small `b`, and no ratio of it is large.
//!
//! **All onsets.** `sum over o of L(o)` is the Shiryaev-Roberts statistic; its mean after `h` days is at most `h`, so divided by the horizon it is an e-value for
//! "no change within the horizon", at any stopping time. It is an e-detector of Shin, Ramdas and Rinaldo (2023).
//!
//! **All kinds.** A weighted mean of e-values is one: factors on a grid, both directions, all reasons together or one reason group alone. One group alone
//! is by far the sharper where the excess has one reason.
//!
//! Over-dispersion takes its root: `L^(1/d)`, `d >= 1`, has a mean of at most one wherever `L` has.

use super::prior::Prior;
use super::series::{Curve, Series};
use super::{GROUPS, WINDOW_DAYS};

/// Days over which the level of false discoveries is meant.
pub const HORIZON_DAYS: f64 = 365.0;

/// Expected returns of the window below which fewer of them than expected never open a case: were none to come at all, the sum over onsets
/// would stay below `60 e^(0.65 E) / 365`, and a case needs an e-value of a hundred even at the whole level of its dimension.
pub const LEAST_FALL: f64 = 9.0;

/// Factors tried, with their weights, all reasons together; rises have two thirds of half the weight.
const RISES: [(f64, f64); 3] = [(1.4, 0.10), (2.0, 0.12), (3.2, 0.08)];
const FALLS: [(f64, f64); 2] = [(0.65, 0.07), (0.35, 0.13)];
/// Factors of one reason group, with weights that the groups in use share.
const GROUP_RISES: [(f64, f64); 3] = [(2.0, 0.15), (4.0, 0.20), (9.0, 0.15)];

/// What the weights of one onset add up to at most: all reasons together, which either rise or fall, and the groups, times those told over those in use.
pub(super) const KIND_WEIGHT: f64 = 0.30;
pub(super) const GROUP_WEIGHT: f64 = 0.50;

/// What speaks for a change in one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Natural logarithm of the e-value for "no change within the horizon".
    pub log_e: f64,
    /// Whether more comes back than before.
    pub rises: bool,
    /// The reason group in which, if one group alone says most.
    pub group: Option<usize>,
    /// First delivery day of the change, the likeliest one.
    pub onset: i32,
    /// Returns so far of the lines since then, of the group if there is one.
    pub observed: f64,
    /// Of these, expected by now at the series' own level.
    pub expected: f64,
    /// Logarithm of the likelihood ratio at the likeliest onset and factor.
    pub log_ratio: f64,
}

impl Evidence {
    /// Times as many as expected.
    #[must_use]
    pub fn factor(&self) -> f64 {
        (self.observed + 0.5) / (self.expected + 0.5)
    }
}

/// `ln L(o, f)`: see the module. `a` and `b` are what is known of the level before the onset.
#[inline]
#[must_use]
pub fn log_ratio(observed: f64, expected: f64, a: f64, b: f64, factor: f64) -> f64 {
    observed * factor.ln() - (a + observed) * ((b + factor * expected) / (b + expected)).ln()
}

/// The largest `ln L(o, f)` over factors above one, or below one.
#[must_use]
pub fn best_log_ratio(observed: f64, expected: f64, a: f64, b: f64, rises: bool) -> f64 {
    let factor = observed.max(1e-9) * b / (a * expected).max(1e-12);
    if (factor > 1.0) != rises {
        return 0.0;
    }
    if observed == 0.0 {
        return -a * (b / (b + expected)).ln();
    }
    log_ratio(observed, expected, a, b, factor)
}

/// Whether a ratio may be above `e`. No ratio is above the Poisson's, `N ln(N / m) - (N - m)`, which is at most `(N - m)^2 / 2m` for a rise and `(N - m)^2 / m` for a
/// fall; smaller ones add next to nothing and are left out, which keeps an e-value one.
#[inline]
fn may_tell(observed: f64, mean: f64) -> bool {
    let apart = observed - mean;
    apart * apart > if apart > 0.0 { 2.0 * mean } else { mean }
}

/// The kind that says most so far.
#[derive(Clone, Copy)]
struct Best {
    log: f64,
    rises: bool,
    group: Option<usize>,
    onset: i32,
    observed: f64,
    expected: f64,
}

struct Sum<'a> {
    sum: f64,
    dispersion: f64,
    best: Option<Best>,
    prior: &'a Prior,
}

impl Sum<'_> {
    /// Adds the ratios of one onset and stream; what is below one adds little and is left out, which keeps an e-value one.
    #[inline]
    fn add(&mut self, stream: (f64, f64, f64, f64), weight: f64, factors: &[(f64, f64)], as_if: Best) {
        let (observed, expected, a, b) = stream;
        for &(factor, share) in factors {
            let log = log_ratio(observed, expected, a, b, factor) / self.dispersion;
            if log > 0.0 {
                self.sum += weight * share * log.exp();
                if self.best.is_none_or(|best| log > best.log) {
                    self.best = Some(Best { log, ..as_if });
                }
            }
        }
    }
}

impl Series {
    /// Evidence at the close of a day. `None` when nothing speaks for a change. `O(cohorts of the window)`.
    #[must_use]
    pub fn evidence(&self, today: i32, curve: &Curve, prior: &Prior) -> Option<Evidence> {
        let all = self.since(today - WINDOW_DAYS, i32::MAX, today, curve);
        let (total_expected, total) = (
            all.expected + self.history.expected,
            all.all() + self.history.all(),
        );
        let shares = self.shares();
        let mut sum = Sum {
            sum: 0.0,
            dispersion: prior.dispersion.max(1.0),
            best: None,
            prior,
        };
        let (mut expected, mut observed) = (0.0, [0.0; GROUPS]);
        for (at, cohort) in self.cohorts.iter().enumerate().rev() {
            if cohort.day <= today - WINDOW_DAYS {
                break;
            }
            expected += f64::from(cohort.expected) * f64::from(curve.at(today - cohort.day));
            for (n, &more) in observed.iter_mut().zip(&cohort.returned) {
                *n += f64::from(more);
            }
            // An onset on any of the days without deliveries before this cohort is the same onset.
            let gap = at
                .checked_sub(1)
                .map_or(1, |before| cohort.day - self.cohorts[before].day);
            self.one_onset(
                &mut sum,
                cohort.day,
                f64::from(gap.clamp(1, 14)),
                (expected, &observed),
                (total_expected, total, &all.observed, &shares),
            );
        }
        let best = sum.best?;
        let log_e = (sum.sum / HORIZON_DAYS).ln();
        Some(Evidence {
            log_e,
            rises: best.rises,
            group: best.group,
            onset: best.onset,
            observed: best.observed,
            expected: best.expected,
            log_ratio: best.log,
        })
    }

    #[inline]
    fn one_onset(
        &self,
        sum: &mut Sum<'_>,
        onset: i32,
        weight: f64,
        (expected, observed): (f64, &[f64; GROUPS]),
        (total_expected, total, totals, shares): (f64, f64, &[f64; GROUPS], &[f64; GROUPS]),
    ) {
        let count: f64 = observed.iter().sum();
        let prior = sum.prior;
        let a = prior.strength + total - count;
        let b = prior.strength + total_expected - expected;
        let mean = expected * a / b;
        let rises = count > mean;
        let kind = Best {
            log: 0.0,
            rises,
            group: None,
            onset,
            observed: count,
            expected: mean,
        };
        let factors: &[(f64, f64)] = if rises { &RISES } else { &FALLS };
        if may_tell(count, mean) {
            sum.add((count, expected, a, b), weight, factors, kind);
        }
        let used = shares.iter().filter(|&&share| share > 1e-3).count().max(1);
        for group in 0..GROUPS {
            let n = observed[group];
            if n < 2.0 {
                continue;
            }
            let expected = expected * shares[group];
            let a = prior.group_strength + totals[group] + self.history.observed[group] - n;
            let b = prior.group_strength + total_expected * shares[group] - expected;
            let mean = expected * a / b;
            if n <= 1.2 * mean || !may_tell(n, mean) {
                continue;
            }
            let kind = Best {
                log: 0.0,
                rises: true,
                group: Some(group),
                onset,
                observed: n,
                expected: mean,
            };
            sum.add((n, expected, a, b), weight / used as f64, &GROUP_RISES, kind);
        }
    }

    /// The first delivery day from which the excess of an anomaly is gone, if by now that is likelier than that it goes on, by a factor of `e^evidence`.
    #[must_use]
    pub fn ended(&self, today: i32, curve: &Curve, case: &Evidence, evidence: f64) -> Option<i32> {
        // What is left of it is weighed against a milder factor than was seen when it was noticed, since that one was seen because it was large.
        let seen = (case.observed + 1.0) / (case.expected + 1.0);
        let factor = if case.rises {
            (0.7 * seen).max(1.3)
        } else {
            (seen / 0.7).min(0.77)
        };
        let shares = self.shares();
        let before = self.since(today - WINDOW_DAYS, case.onset, today, curve);
        let part = |tally: &super::series::Tally| {
            case.group.map_or((tally.all(), tally.expected), |g| {
                (tally.observed[g], tally.expected * shares[g])
            })
        };
        let history = part(&self.history);
        let before = part(&before);
        // The own level before the anomaly, softly one where little is known.
        let level = (10.0 + before.0 + history.0) / (10.0 + before.1 + history.1);
        let (mut expected, mut observed) = (0.0, 0.0);
        let mut best: Option<(f64, i32)> = None;
        for cohort in self.cohorts.iter().rev().take_while(|c| c.day > case.onset) {
            let share = case.group.map_or(1.0, |g| shares[g]);
            expected += f64::from(cohort.expected) * f64::from(curve.at(today - cohort.day)) * share * level;
            observed += case.group.map_or_else(
                || cohort.returned.iter().map(|&n| f64::from(n)).sum::<f64>(),
                |g| f64::from(cohort.returned[g]),
            );
            let log = (factor - 1.0) * expected - observed * factor.ln();
            if best.is_none_or(|(most, _)| log > most) {
                best = Some((log, cohort.day));
            }
        }
        best.filter(|(log, _)| *log >= evidence).map(|(_, day)| day)
    }
}
