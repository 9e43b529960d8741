//! The linear scorer that both the online and the batch learner give: weights by slot, log-odds, contributions by feature.
//!
//! A contribution is `weight * (value - mean)`, the exact Shapley value of a linear model with independent features (Štrumbelj and
//! Kononenko 2014), so the base is what an average parcel scores and "prepaid" counts for something too.

use bitcode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::encoding::{Encoder, Row};
use crate::exact;

/// Weights of a logistic model.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Linear {
    /// Weight of each slot; slot 0 is the constant.
    #[serde(with = "exact")]
    pub weights: Vec<f64>,
    /// Mean value of each slot over what was learned from.
    #[serde(with = "exact")]
    pub means: Vec<f64>,
}

impl Linear {
    /// Weights of nought.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            weights: vec![0.0; slots],
            means: vec![0.0; slots],
        }
    }

    /// Log-odds of a row.
    #[inline]
    #[must_use]
    pub fn log_odds(&self, row: &Row) -> f64 {
        row.iter()
            .map(|&(slot, value)| self.weights[slot as usize] * f64::from(value))
            .sum()
    }

    /// Adds the contribution of each feature to `contributions` and gives the base; together they are the log-odds.
    ///
    /// # Panics
    /// When the encoder is not the one that the weights were learned with.
    pub fn contributions(&self, encoder: &Encoder, row: &Row, contributions: &mut [f64]) -> f64 {
        assert_eq!(encoder.slots(), self.weights.len(), "slots of a linear model");
        let mut base = self.weights[0];
        for slot in 1..self.weights.len() {
            let offset = self.weights[slot] * self.means[slot];
            base += offset;
            if let Some(owner) = encoder.owner(slot) {
                contributions[owner] -= offset;
            }
        }
        for &(slot, value) in row {
            if let Some(owner) = encoder.owner(slot as usize) {
                contributions[owner] += self.weights[slot as usize] * f64::from(value);
            }
        }
        base
    }
}
