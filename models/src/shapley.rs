//! The compiled scorer of a forest: log-odds with exact Shapley contributions (path-dependent, Lundberg et al. 2018), two microseconds a row.
//!
//! In a symmetric tree the leaf tells every answer, so the contributions of a tree are a function of the leaf alone. They are computed
//! once for every leaf of every tree when a forest is compiled; a score then is, for each tree, its comparisons, and one row of a table
//! added to the contributions. Exactness costs nothing at the time of scoring, and an approximation (Saabas) would not be faster.

use crate::forest::{DEPTH_MAX, Forest, Split, Tree};

/// A compiled forest: every tree padded to the depth of the deepest, so that no loop has a length to guess.
#[derive(Clone, Debug, Default)]
pub struct Scorer {
    features: usize,
    base: f64,
    depth: usize,
    /// Place of each question's value in the doubled vector.
    places: Vec<u16>,
    thresholds: Vec<f32>,
    /// Features of the tables' columns; a padded column adds nothing to a place of its own.
    columns: Vec<u16>,
    /// Tree by tree, leaf by leaf, one number a column.
    tables: Vec<f32>,
}

impl Scorer {
    /// Compiles a forest: some tenths of a second for 300 trees of depth 6.
    ///
    /// # Panics
    /// When the forest contradicts itself; ask [`Forest::fault`] before.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn new(forest: &Forest) -> Self {
        let fault = forest.fault();
        assert!(fault.is_none(), "{fault:?}");
        let mut scorer = Self {
            features: forest.features,
            base: f64::from(forest.base),
            depth: forest
                .trees
                .iter()
                .map(|tree| tree.splits.len())
                .max()
                .unwrap_or(0)
                .max(1),
            ..Self::default()
        };
        for tree in &forest.trees {
            let columns = columns(tree);
            scorer.base += expectation(tree, &columns, 0, 0);
            for leaf in 0..1 << scorer.depth {
                // A padded question is never answered yes, so leaves beyond the tree's own are never reached.
                let padding = if leaf < tree.values.len() {
                    scorer
                        .tables
                        .extend(contributions(tree, &columns, leaf).map(|c| c as f32));
                    scorer.depth - columns.len()
                } else {
                    scorer.depth
                };
                scorer.tables.extend(std::iter::repeat_n(0.0, padding));
            }
            let missing = |split: &Split| {
                if split.missing_above {
                    scorer.features as u16
                } else {
                    0
                }
            };
            let padding = scorer.depth - tree.splits.len();
            scorer
                .places
                .extend(tree.splits.iter().map(|split| split.feature + missing(split)));
            scorer.places.extend(std::iter::repeat_n(0, padding));
            scorer
                .thresholds
                .extend(tree.splits.iter().map(|split| split.threshold));
            scorer
                .thresholds
                .extend(std::iter::repeat_n(f32::INFINITY, padding));
            let padding = scorer.depth - columns.len();
            scorer.columns.extend(columns);
            scorer
                .columns
                .extend(std::iter::repeat_n(forest.features as u16, padding));
        }
        scorer
    }

    /// Adds the contribution of each feature to `contributions` and gives the base; together they are the log-odds.
    ///
    /// # Panics
    /// When the vectors have not the length of the schema.
    pub fn contributions(&self, x: &[f32], contributions: &mut [f64]) -> f64 {
        assert!(
            x.len() == self.features && contributions.len() == self.features,
            "features of a vector"
        );
        // "Not known" is below every threshold in the first half and above every one in the second.
        let mut doubled = Vec::with_capacity(2 * x.len());
        doubled.extend(x.iter().map(|&x| if x.is_nan() { f32::NEG_INFINITY } else { x }));
        doubled.extend(x.iter().map(|&x| if x.is_nan() { f32::INFINITY } else { x }));
        let mut sums = vec![0.0; x.len() + 1];
        match self.depth {
            1 => self.add::<1>(&doubled, &mut sums),
            2 => self.add::<2>(&doubled, &mut sums),
            3 => self.add::<3>(&doubled, &mut sums),
            4 => self.add::<4>(&doubled, &mut sums),
            5 => self.add::<5>(&doubled, &mut sums),
            _ => self.add::<DEPTH_MAX>(&doubled, &mut sums),
        }
        for (contribution, sum) in contributions.iter_mut().zip(&sums) {
            *contribution += sum;
        }
        self.base
    }

    fn add<const DEPTH: usize>(&self, x: &[f32], sums: &mut [f64]) {
        let places = self.places.as_chunks::<DEPTH>().0;
        let thresholds = self.thresholds.as_chunks::<DEPTH>().0;
        let columns = self.columns.as_chunks::<DEPTH>().0;
        let leaves = self.tables.as_chunks::<DEPTH>().0.chunks_exact(1 << DEPTH);
        for (((places, thresholds), columns), leaves) in
            places.iter().zip(thresholds).zip(columns).zip(leaves)
        {
            let mut leaf = 0;
            for level in 0..DEPTH {
                leaf |= usize::from(x[usize::from(places[level])] > thresholds[level]) << level;
            }
            for (&column, &value) in columns.iter().zip(&leaves[leaf]) {
                sums[usize::from(column)] += f64::from(value);
            }
        }
    }
}

/// The features that a tree asks, each once.
fn columns(tree: &Tree) -> Vec<u16> {
    let mut columns = Vec::with_capacity(DEPTH_MAX);
    for split in &tree.splits {
        if !columns.contains(&split.feature) {
            columns.push(split.feature);
        }
    }
    columns
}

/// Expected value of a tree when the features of the set are known to answer as the leaf says and the others as the training rows did
/// below the node at hand.
fn expectation(tree: &Tree, columns: &[u16], set: usize, leaf: usize) -> f64 {
    let depth = tree.splits.len();
    // Cover of each node, by level and by the answers so far.
    let mut values: Vec<f64> = tree.values.iter().map(|&value| f64::from(value)).collect();
    let mut cover: Vec<f64> = tree.cover.iter().map(|&cover| f64::from(cover)).collect();
    for level in (0..depth).rev() {
        let half = 1 << level;
        let column = columns
            .iter()
            .position(|&f| f == tree.splits[level].feature)
            .unwrap_or(0);
        let known = set >> column & 1 == 1;
        for node in 0..half {
            let (below, above) = (cover[node], cover[node + half]);
            let share = match () {
                () if known => (leaf >> level & 1) as f64,
                () if below + above > 0.0 => above / (below + above),
                () => 0.5,
            };
            values[node] = values[node] * (1.0 - share) + values[node + half] * share;
            cover[node] = below + above;
        }
    }
    values[0]
}

/// Shapley values of the features of a tree for one leaf.
fn contributions(tree: &Tree, columns: &[u16], leaf: usize) -> impl Iterator<Item = f64> {
    let n = columns.len();
    let worth: Vec<f64> = (0..1 << n)
        .map(|set| expectation(tree, columns, set, leaf))
        .collect();
    let mut factorial = [1.0; DEPTH_MAX + 1];
    for i in 1..=DEPTH_MAX {
        factorial[i] = factorial[i - 1] * i as f64;
    }
    (0..n).map(move |column| {
        let bit = 1_usize << column;
        let without = (0..1_usize << n).filter(|set| set & bit == 0);
        without
            .map(|set| {
                let size = set.count_ones() as usize;
                factorial[size] * factorial[n - size - 1] / factorial[n] * (worth[set | bit] - worth[set])
            })
            .sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(feature: u16, threshold: f32) -> Split {
        Split {
            feature,
            threshold,
            missing_above: feature.is_multiple_of(2),
        }
    }

    #[test]
    fn two_features_by_hand() {
        // Values by (a above, b above): 0 0 -> 1, 1 0 -> 2, 0 1 -> 4, 1 1 -> 8; a quarter of the rows in each.
        let tree = Tree {
            splits: vec![split(0, 0.5), split(1, 0.5)],
            values: vec![1.0, 2.0, 4.0, 8.0],
            cover: vec![1.0; 4],
        };
        let scorer = Scorer::new(&Forest {
            features: 2,
            base: 0.25,
            trees: vec![tree],
        });
        let mut contributions = [0.0; 2];
        let base = scorer.contributions(&[1.0, 1.0], &mut contributions);
        // Nothing known 3.75, a known 5, b known 6, both 8: a gets (1.25 + 2) / 2, b gets (2.25 + 3) / 2.
        assert_eq!((base, contributions), (4.0, [1.625, 2.625]));
    }

    fn forests() -> impl Strategy<Value = Forest> {
        let tree = (1_usize..=4).prop_flat_map(|depth| {
            (
                prop::collection::vec((0_u16..4, -1.0_f32..1.0), depth),
                prop::collection::vec(-2.0_f32..2.0, 1 << depth),
                prop::collection::vec((0_u8..5).prop_map(f32::from), 1 << depth),
            )
        });
        prop::collection::vec(tree, 0..6).prop_map(|trees| Forest {
            features: 4,
            base: -1.0,
            trees: trees
                .into_iter()
                .map(|(splits, values, cover)| Tree {
                    splits: splits.into_iter().map(|(f, t)| split(f, t)).collect(),
                    values,
                    cover,
                })
                .collect(),
        })
    }

    proptest! {
        #[test]
        fn contributions_add_up_to_the_log_odds(forest in forests(), x in prop::array::uniform4(prop_oneof![Just(f32::NAN), -1.0_f32..1.0])) {
            let mut contributions = [0.0; 4];
            let base = Scorer::new(&forest).contributions(&x, &mut contributions);
            prop_assert!((base + contributions.iter().sum::<f64>() - forest.log_odds(&x)).abs() < 1e-5);
        }

        #[test]
        fn a_feature_that_is_not_asked_contributes_nothing(forest in forests(), x in prop::array::uniform4(-1.0_f32..1.0)) {
            let mut contributions = [0.0; 4];
            Scorer::new(&forest).contributions(&x, &mut contributions);
            for feature in 0..4_u16 {
                let asked = forest.trees.iter().any(|tree| tree.splits.iter().any(|split| split.feature == feature));
                prop_assert!(asked || contributions[usize::from(feature)] == 0.0);
            }
        }
    }
}
