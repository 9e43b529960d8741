//! What is kept of one subject of scores: the rows that wait for their outcome, and the latest score of each stage.

use bitcode::{Decode, Encode};
use eddy_models::additive::Term;

use super::Stage;
use super::features::{F, term};
use super::promoted::Beside;
use crate::facts::NO_TIME;
use crate::interner::NO_KEY;

/// Rows kept of one subject.
const KEPT: usize = 12;

/// A row as it was when it was scored.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Kept {
    /// Whose model scored it, a stage.
    pub(crate) model: u8,
    /// Index of the payment mode, 255 when not known: the calibrator's group.
    pub(crate) payment: u8,
    /// The next attempt has not been made.
    pub(crate) attempt_open: bool,
    pub(crate) scored_at: i64,
    /// The score as it was told, where it counts for performance.
    pub(crate) told: Option<Told>,
    /// Log-odds before calibration: never delivered, next attempt fails.
    pub(crate) raw: [f64; 2],
    /// Log-odds that the next attempt fails, were the lane as usual.
    pub(crate) calm: f64,
    /// The same without what is believed of the courier and its agents: what the parcel itself and the day bring.
    pub(crate) apart: f64,
    pub(crate) terms: Vec<Term>,
    /// What models said that did not serve, and the raw log-odds of the one that did, where it was promoted.
    pub(crate) beside: Vec<Beside>,
    /// Number of the example that it is, for training; 0 for none.
    pub(crate) example: u32,
}

impl Kept {
    /// The lane's present state is another than at the score.
    pub(crate) fn lifted(&mut self, lift: f64) {
        let lifted = term(Stage::ALL[usize::from(self.model)], F::Lift, 0, lift);
        match self.terms.iter_mut().find(|term| term.family == lifted.family) {
            Some(old) => *old = lifted,
            None => self.terms.push(lifted),
        }
    }
}

/// What performance is reckoned from.
#[derive(Clone, Copy, Debug, Default, Encode, Decode)]
pub(crate) struct Told {
    /// Symbol of the model's version.
    pub(crate) version: u32,
    pub(crate) stage: u8,
    /// Symbol.
    pub(crate) courier: u32,
    /// Never delivered.
    pub(crate) probability: f64,
    /// Above the threshold in force.
    pub(crate) flagged: bool,
}

/// A score as it is shown.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Shown {
    pub(crate) stage: u8,
    pub(crate) scored_at: i64,
    pub(crate) sequence: u64,
    pub(crate) probability: f64,
    pub(crate) attempt_probability: f64,
    pub(crate) threshold: f64,
    /// Number of the order as it was known, or none.
    pub(crate) order: u32,
    /// Symbol of the model's version.
    pub(crate) model: u32,
    /// The reasons as JSON.
    pub(crate) contributions: String,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) enum End {
    #[default]
    Open,
    Delivered,
    Failed,
    /// Cancelled: nobody knows how it would have ended.
    Dropped,
}

/// A subject: an order before its manifest, a parcel, or a return's pickup.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Case {
    pub(crate) kept: Vec<Kept>,
    pub(crate) shown: Vec<Shown>,
    pub(crate) end: End,
    /// Time of the latest event that was scored.
    pub(crate) latest_at: i64,
    /// When it was manifested.
    pub(crate) manifested_at: i64,
    /// Weight as manifested, 0 when not told.
    pub(crate) weight_g: u32,
    /// Time and stage of the latest decision about it.
    pub(crate) decided: (i64, u8),
    /// The latest decision about it.
    pub(crate) decision: Option<(u64, u32, u32)>,
    /// Failed attempts.
    pub(crate) failures: u8,
    /// The first attempt went out.
    pub(crate) went_out: bool,
    /// Of the latest failed attempt: index of the reason plus one, proof as bits, agent.
    pub(crate) reason: u8,
    pub(crate) proof: u8,
    pub(crate) agent: u64,
    /// Symbol of the courier that is to pick up a return.
    pub(crate) courier: u32,
    /// Number of the parcel that brings a return back, or none.
    pub(crate) parcel: u32,
    /// Index of the action asked for since, plus one.
    pub(crate) action: u8,
    /// Stages whose rows wait for the next flush, as bits.
    pub(crate) dirty: u8,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            shown: Vec::new(),
            end: End::Open,
            latest_at: NO_TIME,
            manifested_at: NO_TIME,
            weight_g: 0,
            decided: (NO_TIME, u8::MAX),
            decision: None,
            failures: 0,
            went_out: false,
            reason: 0,
            proof: 0,
            agent: 0,
            courier: 0,
            parcel: NO_KEY,
            action: 0,
            dirty: 0,
        }
    }
}

impl Case {
    /// Keeps a row until its outcome is known. One that a later score of its stage replaced is learned from as well: to leave it out would be
    /// to learn only from parcels of which nothing more was heard.
    pub(crate) fn keep(&mut self, row: Kept) {
        if self.kept.len() < KEPT {
            self.kept.push(row);
        }
    }

    /// The case without its rows and scores: what features are told from.
    pub(crate) fn bare(&self) -> Self {
        Self {
            kept: Vec::new(),
            shown: Vec::new(),
            ..*self
        }
    }

    /// Whether a stage was scored before.
    pub(crate) fn was_scored(&self, stage: u8) -> bool {
        self.shown.iter().any(|shown| shown.stage == stage)
    }

    /// Shows a score in place of the older one of its stage.
    pub(crate) fn show(&mut self, score: Shown) {
        self.shown.retain(|old| old.stage != score.stage);
        self.shown.push(score);
    }
}

/// What the placing of an order told that no other projection keeps.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Placing {
    pub(crate) known: bool,
    pub(crate) address: u64,
    /// Negative when not told.
    pub(crate) address_quality: f32,
    pub(crate) value_minor: i64,
    /// Symbol.
    pub(crate) category: u32,
    pub(crate) hour: u8,
    pub(crate) channel: u8,
    pub(crate) first: bool,
    pub(crate) gift: bool,
    /// Replaces an article.
    pub(crate) free: bool,
}

/// An order before its parcels.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct OrderCase {
    pub(crate) placing: Placing,
    pub(crate) case: Case,
    /// A parcel took the rows that wait.
    pub(crate) taken: bool,
}
