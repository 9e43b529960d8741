//! Shifts in return rates: thousands of series watched every day, few false alarms, and the why.
//!
//! It knows no event, no table and no clock: somebody tells it what was delivered and what came back, by series and day, and asks at each day's close.
//!
//! - [`series`]: what is kept of one series: cohorts of the last sixty delivery days, and a fading history.
//! - [`evidence`]: an e-detector over all onsets within the window, both directions, by reason group; Gamma-Poisson, so that what is not known of the
//!   baseline counts against an alarm.
//! - `screen`: which series cannot have evidence enough, for a tenth of the cost of reckoning it.
//! - [`prior`]: what is learned over all series of a dimension: how much they differ, and how over-dispersed they are.
//! - [`spread`]: how much wider than chance one series is by its own weeks, where counts hang together by day.
//! - [`common`]: what a whole category does at once: season, festival, sale.
//! - [`family`]: false discoveries over all series at a stated level under any dependence (weighted e-LOND), and q-values.
//! - [`cases`]: one anomaly, one row: opened, updated, resolved; what known anomalies explain opens none.
//! - [`why`]: causes ranked by the excess they explain, tested.
//!
//! What to call at a day's close, in this order:
//!
//! ```
//! use std::collections::BTreeMap;
//! use eddy_models::shift::cases::{Cases, Shared, Slices};
//! use eddy_models::shift::evidence::Evidence;
//! use eddy_models::shift::family::Policy;
//! use eddy_models::shift::prior::Prior;
//! use eddy_models::shift::series::{Curve, Series};
//!
//! // Whoever has the lines says what two series share. Here no two series share a line.
//! struct Apart;
//! impl Slices<u32> for Apart {
//!     fn residual(&self, _: &u32, known: &[eddy_models::shift::cases::Known<'_, u32>]) -> Option<Evidence> { let _ = known; None }
//!     fn shared(&self, a: &u32, b: &u32, _: i32) -> Shared { if a == b { Shared { of_a: 1.0, of_b: 1.0 } } else { Shared::default() } }
//!     fn ended(&self, _: &eddy_models::shift::cases::Case<u32>) -> Option<i32> { None }
//! }
//!
//! let curve = Curve::new(&[0.1, 0.4, 0.7, 0.9, 1.0]); // share of the returns that have come by age in days
//! let (prior, policy) = (Prior::default(), Policy::default());
//! let mut series: BTreeMap<u32, Series> = BTreeMap::new();
//! let mut cases: Cases<u32> = Cases::new(policy);
//! let mix = [0.5, 0.2, 0.1, 0.05, 0.05, 0.05, 0.03, 0.02]; // baseline shares of the reason groups
//! let mut opened = Vec::new();
//! for day in 0..120 {
//!     for sku in 0..20 {
//!         let one = series.entry(sku).or_default();
//!         one.delivered(day, 10.0 * 0.1, &mix); // ten lines, each expected to come back with probability 0.1 at the baseline
//!         if day > 2 {
//!             let group = (day % 2) as usize; // what came back today, of the lines delivered two days ago, by reason group
//!             one.returned(day - 2, group, if sku == 7 && day >= 90 { 3 } else { 1 });
//!         }
//!     }
//!     if day < 60 { continue; }
//!     let total: f64 = series.values().map(Series::volume).sum();
//!     let mut alarms = Vec::new();
//!     for (&key, one) in &mut series {
//!         one.advance(day);
//!         let Some(evidence) = one.evidence(day, &curve, &prior) else { continue };
//!         let share = policy.share_of_dimension(1) * one.volume() / total; // of the level, fixed before the returns are seen
//!         alarms.extend(cases.alarm(key, share, evidence));
//!     }
//!     let changes = cases.close(day, alarms, &Apart);
//!     opened.extend(changes.opened);
//! }
//! assert_eq!(opened.len(), 1);
//! let case = cases.case(opened[0]).unwrap();
//! assert_eq!(case.series, 7);
//! assert!(case.q < 0.1 && (86..=90).contains(&case.onset));
//! ```
//!
//! Sources: the Shiryaev-Roberts statistic (Shiryaev 1963; Roberts 1966); e-detectors (Shin, Ramdas, Rinaldo 2023); e-BH (Wang, Ramdas 2022); e-LOND (Xu, Ramdas
//! 2024); scan statistics with Gamma-Poisson evidence (Neill, Moore, Cooper 2005).

pub mod cases;
pub mod common;
pub mod evidence;
pub mod family;
pub mod prior;
mod screen;
pub mod series;
pub mod spread;
pub mod why;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod why_tests;

/// Groups of reasons that a series tells apart. The last one takes what is not known.
pub const GROUPS: usize = 8;

/// Delivery days within which an onset is looked for.
pub const WINDOW_DAYS: i32 = 60;
