//! Why: which one cause explains the excess of an anomaly best, from a plain table of candidates.
//!
//! A candidate is a slice of the lines: an article, a batch, a packer, a lane. As a hypothesis it says "this slice comes back `f` times as often from its onset on,
//! and nothing else does". Its evidence is the likelihood ratio of all its lines, in the anomaly or not: a slice that is too narrow leaves excess outside, one that is
//! too wide has clean lines inside, so of nested slices the right one is ahead by itself. From that goes what looking costs: the logarithm of the values in the dimension,
//! and of the onsets tried unless the slice brings its own (a batch begins when it begins).
//! If the anomaly is of one reason group, observed and expected should be of that group: a mis-cut size then stands out against the other sizes of its style.
//!
//! It names what goes together with the excess, and cannot know what cannot be told apart: two slices of the same lines are ranked by the rules above and then by order.

use super::WINDOW_DAYS;
use super::evidence::best_log_ratio;

/// A candidate cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Dimension, for instance `packer`.
    pub dimension: String,
    /// Value.
    pub value: String,
    /// Returns so far of all the slice's lines delivered since the onset (of the anomaly, or the slice's own).
    pub observed: f64,
    /// Of these, expected.
    pub expected: f64,
    /// Expected returns on which the expectation itself rests: infinite when it is known.
    pub known: f64,
    /// Observed in the lines that it shares with the anomalous slice.
    pub shared_observed: f64,
    /// Expected in them.
    pub shared_expected: f64,
    /// Values that the dimension has: so many were tried.
    pub values: usize,
    /// Whether the slice brings its own onset: its first line fell about on the day on which the excess begins.
    pub begins: bool,
    /// Rows of the table that contain this one: the style of an article, its category, its supplier.
    pub parents: Vec<usize>,
}

/// A cause that was tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cause {
    /// Row of the table.
    pub row: usize,
    /// Logarithm of the likelihood ratio, less what looking cost: above nought it is better than no cause.
    pub evidence: f64,
    /// Share of the anomaly's excess that lies in it.
    pub share: f64,
    /// Times as many as expected.
    pub factor: f64,
    /// A better-ranked row with which it is nested, if there is one: it then says the same again.
    pub explained_by: Option<usize>,
}

/// Excess of the anomalous slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anomaly {
    /// Returns since the onset.
    pub observed: f64,
    /// Of these, expected.
    pub expected: f64,
    /// Whether more comes back.
    pub rises: bool,
}

/// Least share of the excess that a cause explains.
const LEAST_SHARE: f64 = 0.2;

/// Ranks the candidates, best first; those that explain too little of the excess, or are no better than no cause, are left out.
#[must_use]
pub fn rank(anomaly: &Anomaly, candidates: &[Candidate]) -> Vec<Cause> {
    let excess = anomaly.observed - anomaly.expected;
    let mut causes: Vec<Cause> = candidates
        .iter()
        .enumerate()
        .filter_map(|(row, c)| {
            let share = (c.shared_observed - c.shared_expected) / excess;
            let known = c.known.min(1e9);
            let onsets = if c.begins { 1.0 } else { f64::from(WINDOW_DAYS) };
            let evidence = best_log_ratio(c.observed, c.expected, known, known, anomaly.rises)
                - (c.values.max(1) as f64).ln()
                - onsets.ln();
            (share >= LEAST_SHARE && evidence > 0.0).then_some(Cause {
                row,
                evidence,
                share: share.min(1.0),
                factor: (c.observed + 0.5) / (c.expected + 0.5),
                explained_by: None,
            })
        })
        .collect();
    causes.sort_by(|a, b| {
        b.evidence
            .total_cmp(&a.evidence)
            .then_with(|| candidates[a.row].values.cmp(&candidates[b.row].values))
            .then(a.row.cmp(&b.row))
    });
    for at in 1..causes.len() {
        let row = causes[at].row;
        causes[at].explained_by = causes[..at]
            .iter()
            .filter(|better| better.explained_by.is_none())
            .map(|better| better.row)
            .find(|&better| nested(candidates, row, better));
    }
    causes
}

fn nested(candidates: &[Candidate], a: usize, b: usize) -> bool {
    candidates[a].parents.contains(&b) || candidates[b].parents.contains(&a)
}
