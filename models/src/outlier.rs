//! How unlike the others a row is, learned from the stream itself: streaming half-space trees (Tan, Ting and Liu, IJCAI 2011), and how rare
//! such a figure has been so far.
//!
//! Ours, since the kept crates hold isolation forests for batches: they draw from entropy or a thread's generator, are rebuilt from a window of kept
//! rows, and cannot be part of a snapshot that must go on byte for byte. Here a tree halves its space without looking at a row, so that its shape is
//! a function of the seed; what is learned is only how many rows fell into each node, in the window before and in the one being filled.

use bitcode::{Decode, Encode};

use crate::random::Random;

/// Levels of a tree below its root.
const DEPTH: usize = 7;
/// Nodes of a tree.
const NODES: usize = (1 << (DEPTH + 1)) - 1;
/// Nodes with fewer rows than this end the search: what lies below is chance.
const FEW: u16 = 8;
/// Steps in which rarity is counted.
const STEPS: usize = 128;

/// The question of an inner node.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
struct Split {
    feature: u8,
    at: f32,
}

/// Rows in a node: of the window before, and of the one being filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
struct Mass {
    before: u16,
    now: u16,
}

/// Half-space trees over rows whose values lie between 0 and 1.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct HalfSpaceTrees {
    splits: Vec<Split>,
    masses: Vec<Mass>,
    trees: usize,
    window: u32,
    rows: u32,
    /// A window was filled, so that there is something to compare with.
    ready: bool,
}

impl HalfSpaceTrees {
    /// Nothing seen. `window` rows are one view of what is usual.
    ///
    /// # Panics
    /// When there are no features, more than 255, or a window beyond 65,535 rows.
    #[must_use]
    pub fn new(features: usize, trees: usize, window: u32, seed: u64) -> Self {
        assert!((1..=255).contains(&features) && (1..=u32::from(u16::MAX)).contains(&window));
        let mut random = Random::new(seed);
        let inner = (1 << DEPTH) - 1;
        let mut splits = Vec::with_capacity(trees * inner);
        for _ in 0..trees {
            // Each feature's work range lies askew around a random middle, so that trees cut in different places.
            let mut ranges = Vec::with_capacity(features);
            for _ in 0..features {
                let middle = random.unit();
                let half = 2.0 * middle.max(1.0 - middle);
                ranges.push((middle - half, middle + half));
            }
            let mut spaces = vec![ranges];
            for node in 0..inner {
                let mut space = spaces[node].clone();
                let feature = random.below(features);
                let (low, high) = space[feature];
                let at = f64::midpoint(low, high);
                splits.push(Split {
                    feature: feature as u8,
                    at: at as f32,
                });
                let mut upper = space.clone();
                space[feature] = (low, at);
                upper[feature] = (at, high);
                spaces.push(space);
                spaces.push(upper);
            }
        }
        Self {
            splits,
            masses: vec![Mass::default(); trees * NODES],
            trees,
            window,
            rows: 0,
            ready: false,
        }
    }

    /// How alone a row stands, 0 (in the thick of it) to 1; `None` until a first window was seen.
    #[must_use]
    pub fn score(&self, row: &[f32]) -> Option<f64> {
        if !self.ready {
            return None;
        }
        let mut sum = 0.0;
        for tree in 0..self.trees {
            let masses = &self.masses[tree * NODES..][..NODES];
            let mut node = 0;
            let mut depth = 0;
            while depth < DEPTH && masses[node].before > FEW {
                node = self.child(tree, node, row);
                depth += 1;
            }
            // The mass that a whole window spread evenly would leave at this depth is window / 2^depth.
            sum += f64::from(masses[node].before) * f64::from(1_u32 << depth) / f64::from(self.window);
        }
        let mean = sum / self.trees as f64;
        Some(1.0 / (1.0 + mean))
    }

    /// Takes a row in.
    pub fn learn(&mut self, row: &[f32]) {
        for tree in 0..self.trees {
            let mut node = 0;
            for depth in 0..=DEPTH {
                let mass = &mut self.masses[tree * NODES + node].now;
                *mass = mass.saturating_add(1);
                if depth < DEPTH {
                    node = self.child(tree, node, row);
                }
            }
        }
        self.rows += 1;
        if self.rows == self.window {
            self.rows = 0;
            self.ready = true;
            for mass in &mut self.masses {
                mass.before = std::mem::take(&mut mass.now);
            }
        }
    }

    fn child(&self, tree: usize, node: usize, row: &[f32]) -> usize {
        let split = self.splits[tree * ((1 << DEPTH) - 1) + node];
        2 * node + 1 + usize::from(row[usize::from(split.feature)] >= split.at)
    }
}

/// How rare a figure between 0 and 1 has been.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Rarity {
    counts: Vec<f64>,
    total: f64,
    keep: f64,
}

impl Rarity {
    /// Nothing seen; about the latest `memory` figures count.
    #[must_use]
    pub fn new(memory: f64) -> Self {
        Self {
            counts: vec![0.0; STEPS],
            total: 0.0,
            keep: memory,
        }
    }

    /// Share of the figures before that were as high or higher.
    #[must_use]
    pub fn of(&self, figure: f64) -> f64 {
        let above: f64 = self.counts[step(figure)..].iter().sum();
        (above + 1.0) / (self.total + 1.0)
    }

    /// Takes a figure in.
    pub fn learn(&mut self, figure: f64) {
        self.counts[step(figure)] += 1.0;
        self.total += 1.0;
        if self.total >= 2.0 * self.keep {
            self.counts.iter_mut().for_each(|count| *count *= 0.5);
            self.total = self.counts.iter().sum();
        }
    }
}

fn step(figure: f64) -> usize {
    ((figure.clamp(0.0, 1.0) * STEPS as f64) as usize).min(STEPS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(random: &mut Random) -> [f32; 3] {
        let spread = |random: &mut Random| (0.4 + 0.1 * random.unit()) as f32;
        [spread(random), spread(random), spread(random)]
    }

    #[test]
    fn what_lies_apart_scores_higher() {
        let mut random = Random::new(5);
        let mut trees = HalfSpaceTrees::new(3, 25, 256, 1);
        assert_eq!(trees.score(&[0.0; 3]), None);
        for _ in 0..600 {
            trees.learn(&usual(&mut random));
        }
        let inside: Vec<f64> = (0..100)
            .filter_map(|_| trees.score(&usual(&mut random)))
            .collect();
        let apart = trees.score(&[0.95, 0.02, 0.9]).unwrap();
        let above = inside.iter().filter(|score| **score >= apart).count();
        assert!(above < 3, "{above} of 100 usual rows score above the odd one");
    }

    #[test]
    fn the_same_rows_give_the_same_trees() {
        let fill = || {
            let mut random = Random::new(8);
            let mut trees = HalfSpaceTrees::new(3, 10, 64, 3);
            (0..150).for_each(|_| trees.learn(&usual(&mut random)));
            trees
        };
        assert_eq!(fill(), fill());
    }

    #[test]
    fn rarity_is_the_share_that_was_as_high() {
        let mut rarity = Rarity::new(1_000.0);
        for n in 0..100 {
            rarity.learn(f64::from(n) / 100.0);
        }
        assert!((rarity.of(0.9) - 0.11).abs() < 0.03, "{}", rarity.of(0.9));
        assert!(rarity.of(0.0) > 0.99);
    }
}
