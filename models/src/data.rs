//! Rows to learn from, in the order of time: feature vectors side by side, outcomes, weights.

/// Rows to learn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data {
    features: usize,
    values: Vec<f32>,
    outcomes: Vec<bool>,
    weights: Vec<f32>,
}

impl Data {
    /// No rows yet, of so many features.
    #[must_use]
    pub fn new(features: usize) -> Self {
        Self {
            features,
            ..Self::default()
        }
    }

    /// Adds a row; rows come in the order of time.
    ///
    /// # Panics
    /// When the vector has another length.
    pub fn push(&mut self, x: &[f32], failed: bool, weight: f32) {
        assert_eq!(x.len(), self.features, "features of a row");
        self.values.extend_from_slice(x);
        self.outcomes.push(failed);
        self.weights.push(weight);
    }

    /// Number of features.
    #[must_use]
    pub const fn features(&self) -> usize {
        self.features
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// One feature vector.
    #[must_use]
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.features..(i + 1) * self.features]
    }

    /// Outcomes: true is a failure.
    #[must_use]
    pub fn outcomes(&self) -> &[bool] {
        &self.outcomes
    }

    /// Weights of the rows.
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The rows of a range.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        Self {
            features: self.features,
            values: self.values[range.start * self.features..range.end * self.features].to_vec(),
            outcomes: self.outcomes[range.clone()].to_vec(),
            weights: self.weights[range].to_vec(),
        }
    }
}
