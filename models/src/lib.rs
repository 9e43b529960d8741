//! Models of Eddy: from feature vectors to calibrated, explained probabilities, and how they learn.
//!
//! A pure library. It knows no event and no clock; the folds of `processors/` own its instances as state and say when what happened.
//!
//! - [`rates`] remembers outcomes by nested keys, for features; [`regime`] tells when something is just now worse than usual.
//! - [`schema`] says what a feature vector means, [`encoding`] how a linear model sees it.
//! - [`additive`] learns beliefs about hashed keys from each outcome and serves from the first event; [`ftrl`] learns from each outcome as it comes, [`logistic`] from a batch, [`boosting`] grows the challenger; [`linear`], [`forest`] and
//!   [`shapley`] are what they leave behind.
//! - [`outlier`] tells how unlike the others a row is, without labels.
//! - [`shift`] watches return rates of many series for changes, with few false alarms, and says why.
//! - [`model`] scores: contributions, [`calibration`] (by [`mapping`]), probability. [`explanation`] says it in words.
//! - [`delay`] learns when returns come, [`nowcast`] what a young cohort's rate will be, [`shrinkage`] what to believe before it speaks, [`arrivals`] how many units come back on the next days.
//! - [`evaluation`] and [`prequential`] judge a whole set, [`tally`] and [`drift`] what comes one by one. [`artefact`] keeps a trained model with its digest.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod additive;
pub mod arrivals;
pub mod artefact;
mod binning;
pub mod boosting;
pub mod calibration;
pub mod data;
pub mod delay;
pub mod drift;
pub mod encoding;
mod error;
pub mod evaluation;
mod exact;
pub mod explanation;
pub mod forest;
pub mod ftrl;
pub mod joint;
pub mod linear;
pub mod logistic;
pub mod mapping;
pub mod model;
pub mod nowcast;
pub mod outlier;
pub mod prequential;
pub mod random;
pub mod rates;
pub mod regime;
pub mod schema;
pub mod shapley;
pub mod shift;
pub mod shrinkage;
mod table;
pub mod tally;

pub use error::Error;

/// Probability of log-odds.
#[inline]
#[must_use]
pub fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Log-odds of a probability.
#[inline]
#[must_use]
pub fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// Log-odds in single precision.
#[inline]
pub(crate) fn logit_f32(p: f32) -> f32 {
    (p / (1.0 - p)).ln()
}
