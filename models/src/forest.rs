//! Boosted symmetric trees as they are kept: every level of a tree asks one question of all its nodes.
//!
//! A row's leaf is the number whose bits are the answers, first question lowest. That makes the scorer ([`crate::shapley`]) a few comparisons
//! and one table a tree. See [`crate::boosting`] for how they grow.

use bitcode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::exact;

/// Most levels of a tree.
pub const DEPTH_MAX: usize = 6;

/// The question of one level: is the value above the threshold?
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Split {
    /// Index of the feature.
    pub feature: u16,
    /// Values above it answer yes.
    pub threshold: f32,
    /// "Not known" answers yes.
    pub missing_above: bool,
}

impl Split {
    /// The answer.
    #[inline]
    #[must_use]
    pub fn above(&self, x: &[f32]) -> bool {
        let value = x[usize::from(self.feature)];
        value > self.threshold || (self.missing_above && value.is_nan())
    }
}

/// One symmetric tree.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Tree {
    /// Questions, at most [`DEPTH_MAX`].
    pub splits: Vec<Split>,
    /// Log-odds that each leaf adds, learning rate included.
    #[serde(with = "exact")]
    pub values: Vec<f32>,
    /// Weight of training rows in each leaf.
    #[serde(with = "exact")]
    pub cover: Vec<f32>,
}

impl Tree {
    /// The leaf of a row.
    #[inline]
    #[must_use]
    pub fn leaf(&self, x: &[f32]) -> usize {
        let bits = self.splits.iter().enumerate();
        bits.map(|(level, split)| usize::from(split.above(x)) << level)
            .sum()
    }
}

/// Boosted symmetric trees.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Forest {
    /// Number of features.
    pub features: usize,
    /// Log-odds before any tree.
    pub base: f32,
    /// Trees in the order in which they grew.
    pub trees: Vec<Tree>,
}

impl Forest {
    /// Log-odds of a row, the plain way.
    #[must_use]
    pub fn log_odds(&self, x: &[f32]) -> f64 {
        let added = self.trees.iter().map(|tree| f64::from(tree.values[tree.leaf(x)]));
        f64::from(self.base) + added.sum::<f64>()
    }

    /// What contradicts itself, if anything: for forests that come from outside.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.trees.iter().enumerate().find_map(|(i, tree)| {
            let depth = tree.splits.len();
            let leaves = 1_usize << depth.min(DEPTH_MAX + 1);
            if depth > DEPTH_MAX || tree.values.len() != leaves || tree.cover.len() != leaves {
                return Some(format!(
                    "tree {i} has {depth} levels, {} values and {} covers",
                    tree.values.len(),
                    tree.cover.len()
                ));
            }
            let far = tree
                .splits
                .iter()
                .find(|split| usize::from(split.feature) >= self.features)?;
            Some(format!(
                "tree {i} asks feature {} of {}",
                far.feature, self.features
            ))
        })
    }
}
