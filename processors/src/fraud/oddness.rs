//! How unlike other returns a return is, for what no rule names: a row of figures for [`eddy_models::outlier`].

use bitcode::{Decode, Encode};
use eddy_models::outlier::{HalfSpaceTrees, Rarity};

use super::known::Known;
use super::profile::DAY_US;
use crate::facts::NO_TIME;
use crate::interner::NO_KEY;

/// Figures of a row.
pub(crate) const FIGURES: usize = 11;
const TREES: usize = 20;
/// Returns that are one view of what is usual.
const WINDOW: u32 = 1_000;

/// The trees, and how rare their scores are.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Oddness {
    trees: HalfSpaceTrees,
    rarity: Rarity,
}

impl Default for Oddness {
    fn default() -> Self {
        Self {
            trees: HalfSpaceTrees::new(FIGURES, TREES, WINDOW, 0x0dd),
            rarity: Rarity::new(10_000.0),
        }
    }
}

impl Oddness {
    /// Share of returns that were as odd.
    pub(crate) fn of(&self, row: &[f32; FIGURES]) -> f32 {
        self.trees
            .score(row)
            .map_or(1.0, |score| self.rarity.of(score) as f32)
    }

    /// Takes a return in.
    pub(crate) fn learn(&mut self, row: &[f32; FIGURES]) {
        if let Some(score) = self.trees.score(row) {
            self.rarity.learn(score);
        }
        self.trees.learn(row);
    }
}

/// Brings a figure that is `usual` in the middle between 0 and 1.
fn squash(figure: f64, usual: f64) -> f32 {
    (figure.max(0.0) / (figure.max(0.0) + usual)) as f32
}

/// The figures of a return. What is not known stands in the middle.
pub(crate) fn row(known: &Known<'_>) -> [f32; FIGURES] {
    let profile = known.profile;
    let first = (known.customer != NO_KEY)
        .then(|| known.world.customers.get(known.customer).first_seen_at)
        .filter(|at| *at != NO_TIME);
    let age = first.map_or(60.0, |at| (known.request.stamp.at - at) as f64 / DAY_US as f64);
    let share = |part: f32, whole: f32| f64::from(part) / f64::from(whole.max(1.0));
    let refunded: f64 = known
        .refunds()
        .iter()
        .map(|(_, payback)| payback.amount_minor as f64)
        .sum();
    let got: u32 = known
        .receipts()
        .flat_map(|(_, receipt)| &receipt.lines)
        .map(|line| line.qty)
        .sum();
    [
        squash(known.value_minor as f64, 150_000.0),
        squash(age, 60.0),
        squash(share(profile.returned, profile.bought), 0.3),
        squash(f64::from(profile.velocity), 1.5),
        known.lateness().map_or(0.4, |late| late.clamp(0.0, 1.0) as f32),
        known
            .weight_at_door()
            .map_or(0.5, |(_, _, share)| squash(share, 1.0)),
        if got == 0 {
            0.5
        } else {
            squash(f64::from(got) / f64::from(known.pieces().max(1)), 1.0)
        },
        if refunded == 0.0 || known.value_minor == 0 {
            0.5
        } else {
            squash(refunded / known.value_minor as f64, 1.0)
        },
        squash(f64::from(profile.members) - 1.0, 3.0),
        if known.placed.is_some() { 0.2 } else { 0.8 },
        squash(f64::from(profile.damages + profile.losses), 1.0),
    ]
}
