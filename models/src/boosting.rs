//! The challenger: gradient boosting of symmetric trees on histograms, log-loss, deterministic.
//!
//! Why our own. linfa-ensemble votes hard and cannot rank; linfa-trees has no boosting. perpetual 2 and forust-ml 0.8 bring some sixty crates, with thread pools
//! and (perpetual) system inspection, and grow lopsided trees, whose exact Shapley contributions take some hundred thousand steps a row at 300 trees.
//! Symmetric trees (Prokhorenkova et al. 2018) give the contributions for nothing ([`crate::shapley`]), and as a strong regulariser
//! suit a signal as faint as this one.
//!
//! Newton steps with an L2 penalty (Chen and Guestrin 2016); each level takes the one question that gains most over all nodes, "not known"
//! to the side that gains more; the smaller side of a node is summed, the larger one is the difference. Rows are in the order of time and the
//! last of them choose the number of trees. Deliberately absent: categories without order (give a rate instead), threads, ranking.

use crate::binning::{BINS, Bins};
use crate::data::Data;
use crate::error::Error;
use crate::forest::{DEPTH_MAX, Forest, Split, Tree};
use crate::random::Random;
use crate::{logit, sigmoid};

/// Parameters of the fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// Most trees.
    pub trees: usize,
    /// Levels of a tree, at most [`DEPTH_MAX`].
    pub depth: usize,
    /// Share of a tree's step that is taken.
    pub rate: f64,
    /// L2 penalty on leaf values, in Hessian weight.
    pub l2: f64,
    /// Least Hessian weight of a side for its gain to count.
    pub child_weight: f64,
    /// Share of rows that a tree sees.
    pub rows: f64,
    /// Share of features that a tree may ask.
    pub columns: f64,
    /// Share of the latest rows that choose the number of trees; 0 grows them all.
    pub held_back: f64,
    /// Trees without a better log-loss on the rows held back, after which growing ends.
    pub patience: usize,
    /// Direction that a feature's effect may have: 1 up, -1 down, 0 free. Empty is all free.
    pub monotone: Vec<i8>,
    /// Seed of the draws of rows and columns.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            trees: 300,
            depth: 5,
            rate: 0.05,
            l2: 10.0,
            child_weight: 5.0,
            rows: 0.8,
            columns: 0.6,
            held_back: 0.0,
            patience: 40,
            monotone: Vec::new(),
            seed: 1,
        }
    }
}

/// What is summed over the rows of a node and bin: gradient and Hessian.
type Sum = [f64; 2];
type Histogram = [Sum; BINS];
const NOTHING: Histogram = [[0.0; 2]; BINS];

/// Fits a forest.
///
/// # Errors
/// [`Error::OneOutcome`] when the rows to learn from all have the same outcome.
pub fn fit(data: &Data, params: &Params) -> Result<Forest, Error> {
    fit_over(data, None, params)
}

/// Fits a forest that corrects another score: `log_odds`, one a row, is where each row starts, and the forest's own base is 0.
///
/// # Errors
/// As [`fit`].
///
/// # Panics
/// When there are not as many starts as rows.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
pub fn fit_over(data: &Data, log_odds: Option<&[f64]>, params: &Params) -> Result<Forest, Error> {
    let learned = data.len() - (data.len() as f64 * params.held_back) as usize;
    let bins = Bins::new(&data.slice(0..learned));
    let mut grower = Grower::new(data, params, learned, &bins)?;
    if let Some(log_odds) = log_odds {
        assert_eq!(log_odds.len(), data.len(), "starts of rows");
        grower.log_odds = log_odds.to_vec();
    }
    let own = grower.log_odds.first().filter(|_| log_odds.is_none());
    let mut forest = Forest {
        features: data.features(),
        base: own.map_or(0.0, |&base| base as f32),
        trees: Vec::new(),
    };
    let mut random = Random::new(params.seed);
    let (mut best, mut best_loss) = (0, grower.loss());
    for _ in 0..params.trees {
        // Where the columns drawn have nothing to ask, others may.
        let Some(tree) = grower.grow(&mut random) else {
            continue;
        };
        forest.trees.push(tree);
        if learned < data.len() {
            let loss = grower.loss();
            if loss < best_loss {
                (best, best_loss) = (forest.trees.len(), loss);
            } else if forest.trees.len() - best >= params.patience {
                break;
            }
        }
    }
    if learned < data.len() {
        forest.trees.truncate(best);
    }
    Ok(forest)
}

/// What grows trees.
struct Grower<'a> {
    data: &'a Data,
    params: &'a Params,
    bins: &'a Bins,
    codes: Vec<u8>,
    /// Rows to learn from; the rest is held back.
    learned: usize,
    log_odds: Vec<f64>,
    sums: Vec<Sum>,
}

impl<'a> Grower<'a> {
    fn new(data: &'a Data, params: &'a Params, learned: usize, bins: &'a Bins) -> Result<Self, Error> {
        let rows = data.outcomes()[..learned].iter().zip(data.weights());
        let (mut failed, mut all) = (0.0, 0.0);
        for (&outcome, &weight) in rows {
            failed += f64::from(u8::from(outcome)) * f64::from(weight);
            all += f64::from(weight);
        }
        if failed <= 0.0 || failed >= all {
            return Err(Error::OneOutcome { rows: learned });
        }
        Ok(Self {
            data,
            params,
            bins,
            codes: bins.codes(data),
            learned,
            // Rounded, since the forest keeps it so.
            log_odds: vec![f64::from(logit(failed / all) as f32); data.len()],
            sums: vec![[0.0; 2]; learned],
        })
    }

    /// Log-loss of the rows held back.
    fn loss(&self) -> f64 {
        let rows = self.learned..self.data.len();
        rows.map(|i| {
            let signed = if self.data.outcomes()[i] {
                -self.log_odds[i]
            } else {
                self.log_odds[i]
            };
            f64::from(self.data.weights()[i]) * (signed.max(0.0) + (-signed.abs()).exp().ln_1p())
        })
        .sum()
    }

    fn code(&self, row: usize, feature: usize) -> usize {
        usize::from(self.codes[row * self.data.features() + feature])
    }

    #[allow(clippy::cast_possible_truncation)]
    fn grow(&mut self, random: &mut Random) -> Option<Tree> {
        for i in 0..self.learned {
            let p = sigmoid(self.log_odds[i]);
            let weight = f64::from(self.data.weights()[i]);
            let failed = f64::from(u8::from(self.data.outcomes()[i]));
            self.sums[i] = [(p - failed) * weight, p * (1.0 - p) * weight];
        }
        let rows = (0..self.learned as u32).filter(|_| random.unit() < self.params.rows);
        let mut nodes: Vec<Vec<u32>> = vec![rows.collect()];
        let columns = self.columns(random);
        let mut histograms = vec![self.histogram(&nodes[0], &columns)];
        let mut cuts: Vec<Cut> = Vec::new();
        while cuts.len() < self.params.depth.min(DEPTH_MAX) {
            let Some(cut) = self.best(&histograms, &columns) else {
                break;
            };
            let last = cuts.len() + 1 == self.params.depth;
            cuts.push(cut);
            let (mut above, mut below) = (Vec::new(), Vec::new());
            for node in &nodes {
                let (yes, no): (Vec<u32>, Vec<u32>) = node
                    .iter()
                    .partition(|&&row| cut.above(self.code(row as usize, cut.feature)));
                above.push(yes);
                below.push(no);
            }
            if !last {
                histograms = self.halves(histograms, &below, &above, &columns);
            }
            below.append(&mut above);
            nodes = below;
        }
        if cuts.is_empty() {
            return None;
        }
        let tree = self.tree(&cuts, &nodes);
        for i in 0..self.data.len() {
            let answers = cuts.iter().enumerate();
            let leaf: usize = answers
                .map(|(level, cut)| usize::from(cut.above(self.code(i, cut.feature))) << level)
                .sum();
            self.log_odds[i] += f64::from(tree.values[leaf]);
        }
        Some(tree)
    }

    /// The features that a tree may ask, ascending: a fixed number of those that vary.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )]
    fn columns(&self, random: &mut Random) -> Vec<usize> {
        let mut columns: Vec<usize> = (0..self.data.features())
            .filter(|&feature| !self.bins.edges[feature].is_empty())
            .collect();
        let kept = ((columns.len() as f64 * self.params.columns).ceil() as usize).min(columns.len());
        for i in 0..kept {
            let other = i + random.below(columns.len() - i);
            columns.swap(i, other);
        }
        columns.truncate(kept);
        columns.sort_unstable();
        columns
    }

    fn histogram(&self, rows: &[u32], columns: &[usize]) -> Vec<Histogram> {
        let mut histogram = vec![NOTHING; columns.len()];
        let features = self.data.features();
        for &row in rows {
            let row = row as usize;
            let [gradient, hessian] = self.sums[row];
            let codes = &self.codes[row * features..(row + 1) * features];
            for (bins, &column) in histogram.iter_mut().zip(columns) {
                let sum = &mut bins[usize::from(codes[column]) % BINS];
                sum[0] += gradient;
                sum[1] += hessian;
            }
        }
        histogram
    }

    /// Histograms of the sides of all nodes, those below first, as the leaves are numbered.
    fn halves(
        &self,
        parents: Vec<Vec<Histogram>>,
        below: &[Vec<u32>],
        above: &[Vec<u32>],
        columns: &[usize],
    ) -> Vec<Vec<Histogram>> {
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        for ((mut rest, below), above) in parents.into_iter().zip(below).zip(above) {
            let small = self.histogram(if below.len() <= above.len() { below } else { above }, columns);
            for (rest, small) in rest.iter_mut().flatten().zip(small.iter().flatten()) {
                rest[0] -= small[0];
                rest[1] -= small[1];
            }
            let (no, yes) = if below.len() <= above.len() {
                (small, rest)
            } else {
                (rest, small)
            };
            lower.push(no);
            upper.push(yes);
        }
        lower.append(&mut upper);
        lower
    }

    fn worth(&self, sum: Sum) -> f64 {
        sum[0] * sum[0] / (sum[1] + self.params.l2 + 1e-9)
    }

    fn step(&self, sum: Sum) -> f64 {
        -sum[0] / (sum[1] + self.params.l2 + 1e-9)
    }

    /// The question that gains most, if one gains.
    fn best(&self, histograms: &[Vec<Histogram>], columns: &[usize]) -> Option<Cut> {
        let mut best: Option<(f64, Cut)> = None;
        for (column, &feature) in columns.iter().enumerate() {
            let cuts = self.bins.edges[feature].len();
            let sign = f64::from(self.params.monotone.get(feature).copied().unwrap_or(0));
            // Gain by "not known" below or above, and by the last bin below.
            let mut gains = [[0.0; BINS]; 2];
            for node in histograms {
                let bins = &node[column];
                let all = bins.iter().fold([0.0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
                let whole = self.worth(all);
                let missing = bins[0];
                let mut below = [0.0; 2];
                for bin in 1..=cuts {
                    below = [below[0] + bins[bin][0], below[1] + bins[bin][1]];
                    for (side, gains) in gains.iter_mut().enumerate() {
                        let no = if side == 0 {
                            [below[0] + missing[0], below[1] + missing[1]]
                        } else {
                            below
                        };
                        let yes = [all[0] - no[0], all[1] - no[1]];
                        if no[1] < self.params.child_weight
                            || yes[1] < self.params.child_weight
                            || sign * (self.step(yes) - self.step(no)) < 0.0
                        {
                            continue;
                        }
                        gains[bin] += self.worth(no) + self.worth(yes) - whole;
                    }
                }
            }
            for (side, gains) in gains.iter().enumerate() {
                for (bin, &gain) in gains.iter().enumerate().take(cuts + 1).skip(1) {
                    if gain > best.as_ref().map_or(1e-9, |(gain, _)| *gain) {
                        let missing_above = side == 1;
                        best = Some((
                            gain,
                            Cut {
                                feature,
                                bin,
                                missing_above,
                            },
                        ));
                    }
                }
            }
        }
        best.map(|(_, cut)| cut)
    }

    #[allow(clippy::cast_possible_truncation)]
    fn tree(&self, cuts: &[Cut], nodes: &[Vec<u32>]) -> Tree {
        let sums: Vec<Sum> = nodes
            .iter()
            .map(|rows| {
                let sums = rows.iter().map(|&row| self.sums[row as usize]);
                sums.fold([0.0; 2], |a, b| [a[0] + b[0], a[1] + b[1]])
            })
            .collect();
        let mut steps: Vec<f64> = sums.iter().map(|&sum| self.step(sum)).collect();
        let directions: Vec<i8> = cuts
            .iter()
            .map(|cut| self.params.monotone.get(cut.feature).copied().unwrap_or(0))
            .collect();
        straighten(&mut steps, &sums, &directions);
        let cover = nodes.iter().map(|rows| {
            rows.iter()
                .map(|&row| self.data.weights()[row as usize])
                .sum::<f32>()
        });
        Tree {
            splits: cuts
                .iter()
                .map(|cut| Split {
                    feature: cut.feature as u16,
                    threshold: self.bins.edges[cut.feature][cut.bin - 1],
                    missing_above: cut.missing_above,
                })
                .collect(),
            cover: cover.collect(),
            values: steps
                .iter()
                .map(|step| (step * self.params.rate) as f32)
                .collect(),
        }
    }
}

/// A question in terms of bins.
#[derive(Clone, Copy, Debug)]
struct Cut {
    feature: usize,
    /// Last bin that answers no.
    bin: usize,
    missing_above: bool,
}

impl Cut {
    #[inline]
    const fn above(self, code: usize) -> bool {
        if code == 0 {
            self.missing_above
        } else {
            code > self.bin
        }
    }
}

/// Brings leaf values into the directions asked for: pairs that differ in one answer and stand the wrong way round are averaged, a few
/// times over, and what little is left is lifted to the highest value below it.
fn straighten(steps: &mut [f64], sums: &[Sum], directions: &[i8]) {
    if directions.iter().all(|&direction| direction == 0) {
        return;
    }
    for pass in 0..=32 {
        for (level, &direction) in directions
            .iter()
            .enumerate()
            .filter(|(_, direction)| **direction != 0)
        {
            for leaf in (0..steps.len()).filter(|leaf| leaf >> level & 1 == 0) {
                let (no, yes) = (leaf, leaf | 1 << level);
                if f64::from(direction) * (steps[yes] - steps[no]) >= 0.0 {
                    continue;
                }
                if pass == 32 {
                    let (low, high) = if direction > 0 { (no, yes) } else { (yes, no) };
                    steps[high] = steps[low];
                    continue;
                }
                let (a, b) = (sums[no][1] + 1e-9, sums[yes][1] + 1e-9);
                let mean = (steps[no] * a + steps[yes] * b) / (a + b);
                (steps[no], steps[yes]) = (mean, mean);
            }
        }
    }
}

#[cfg(test)]
#[path = "boosting_tests.rs"]
mod tests;
