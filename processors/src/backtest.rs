//! What the scores were worth over the past log, and what a policy would have done: the log through a fresh engine, judged in the order of time.
//!
//! Scores are prequential: each was told from what the log held before, so all of them are judged, from a given time on. The plain rates beside them are
//! taken from outcomes known before that time, and models fitted in batches learn from rows whose outcome was known then. A parcel that is
//! still open counts nowhere.

mod flagged;
mod off_policy;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use eddy_events::output::OutputType;
use eddy_log::Log;
use eddy_models::model::Trained;
use eddy_models::tally::{Figures, Tally};
use serde::Serialize;
use serde_json::Value;

use crate::engine::{Config, Emitted, Engine};
use crate::error::Error;
use crate::ndr::STAGES;
use crate::ndr::performance::Judged;
use crate::replay::through;
use crate::routing::Logged;
use crate::training::{Known, calibrated, known, logistic, raw};
use flagged::Raised;

/// Outcomes that a wider rate is worth when a narrower one is told.
const STRENGTH: f64 = 20.0;

/// What is asked of the past.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Body of a `policy.published` event to be in force from the start in place of the log's own policies.
    pub policy: Option<Value>,
    /// Sequence to end at.
    pub to_sequence: u64,
    /// Event time from which scores are judged, in microseconds since 1970; without it, after three tenths of the log's time.
    pub judged_from: Option<i64>,
}

/// One stage of one way to score.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Stage of the score.
    pub stage: &'static str,
    /// `eddy`, `base_rate`, `lane_rate`, `logistic` (batch, by linfa) or `lightgbm`.
    pub scorer: &'static str,
    /// Outcomes judged.
    pub outcomes: u64,
    /// Share that failed.
    pub failure_rate: f64,
    /// Area under the ROC curve.
    pub roc_auc: Option<f64>,
    /// Average precision.
    pub average_precision: Option<f64>,
    /// Mean log-loss, nats.
    pub log_loss: f64,
    /// Mean squared error.
    pub brier: f64,
    /// Expected calibration error, 15 bins of equal counts.
    pub ece: f64,
    /// Share above the threshold.
    pub flag_rate: f64,
    /// Share of the flagged that failed.
    pub precision: Option<f64>,
    /// Share of failures that were flagged.
    pub recall: Option<f64>,
}

/// Decisions of one action.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Decided {
    /// How many.
    pub decisions: u64,
    /// Expected gain of all, minor units.
    pub expected_gain_minor: i64,
}

/// What came of a backtest.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Log position it went to.
    pub sequence: u64,
    /// Event time from which scores were judged.
    pub judged_from: String,
    /// Scores told.
    pub scores: u64,
    /// How good they were.
    pub quality: Vec<Row>,
    /// Decisions by stage and action; `suppressed` are those that found nothing worth doing.
    pub decisions: BTreeMap<String, Decided>,
    /// Alerts by pattern.
    pub alerts: BTreeMap<String, Flagged>,
    #[serde(skip)]
    logged: Vec<Logged>,
    #[serde(skip)]
    raised: BTreeMap<String, Raised>,
}

pub use flagged::{Difference, Flagged};
pub use off_policy::{Estimate, OffPolicy};

impl Report {
    /// What would have come of another policy, by the decisions of this one that were carried out and whose parcel ended.
    #[must_use]
    pub fn off_policy(&self, other: &Self) -> OffPolicy {
        off_policy::judge(&self.logged, &other.logged)
    }

    /// How the alerts of another policy differ from those of this one, and which customers known to be good they would hit.
    #[must_use]
    pub fn flagged_by(&self, other: &Self) -> Difference {
        flagged::difference(&self.raised, &other.raised)
    }
}

/// What would have come of the policy of another engine that heard the same log, by the decisions of this one that were carried out and whose parcel ended.
#[must_use]
pub fn off_policy(log: &Engine, other: &Engine) -> OffPolicy {
    off_policy::judge(&log.decisions(), &other.decisions())
}

/// Whether the body of a policy can be used, before anything is run.
///
/// # Errors
/// What is wrong with it.
pub fn check_policy(body: &Value) -> Result<(), Error> {
    let mut engine = Engine::new(Config::default())?;
    engine.hold_policy(body).map_err(Error::Policy)
}

/// Rows for a learner outside of the engine, in the order of time: features, and whether it failed.
#[derive(Debug, Default)]
pub struct Rows<'a> {
    /// To learn from.
    pub learned: Vec<(&'a [f32], bool)>,
    /// To be judged.
    pub judged: Vec<&'a [f32]>,
}

/// Learns from rows and gives log-odds of those to be judged, where it can.
pub type Peer = dyn Fn(&Rows<'_>) -> Option<Vec<f64>> + Sync;

/// Runs the log through a fresh engine and judges it. `peer` is another learner to stand beside it, by the name `lightgbm`.
///
/// # Errors
/// When the log cannot be read, or the policy has a slip.
pub async fn backtest(
    log: &Log,
    config: Config,
    question: Question,
    peer: Option<&Peer>,
    watch: impl FnMut(u64),
) -> Result<Report, Error> {
    let config = Config {
        scores: true,
        ..config
    };
    let mut engine = Engine::new(config)?;
    engine.record_outcomes();
    engine.record_examples();
    if let Some(policy) = &question.policy {
        engine.hold_policy(policy).map_err(Error::Policy)?;
    }
    let seen = Arc::new(Mutex::new(Seen::default()));
    let see = {
        let seen = Arc::clone(&seen);
        move |out: &Emitted| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let Seen {
                scores,
                decisions,
                raised,
            } = &mut *seen;
            for (_, output) in &out.outputs {
                match output.type_name {
                    OutputType::NdrScoreComputed => *scores += 1,
                    OutputType::RerouteRecommended => {
                        let data = output.data.value();
                        let word = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
                        count(decisions, format!("{} {}", word("stage"), word("action")), &data);
                    }
                    OutputType::RerouteSuppressed => {
                        let data = output.data.value();
                        let stage = data["stage"].as_str().unwrap_or_default();
                        count(decisions, format!("{stage} suppressed"), &data);
                    }
                    OutputType::FraudAlertRaised
                    | OutputType::FraudAlertUpdated
                    | OutputType::FraudAlertCleared
                    | OutputType::FraudAlertExpired => flagged::hear(raised, &output.data.value()),
                    _ => {}
                }
            }
        }
    };
    let engine = through(log, engine, question.to_sequence, watch, see).await?;
    let judged = engine.outcomes();
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for outcome in judged {
        first = first.min(outcome.outcome.scored_at);
        last = last.max(outcome.outcome.scored_at);
    }
    let from = question
        .judged_from
        .unwrap_or_else(|| first.saturating_add((last.saturating_sub(first)) / 10 * 3));
    let peers = tokio::task::block_in_place(|| peers(&engine, from, peer));
    let Seen {
        scores,
        decisions,
        raised,
    } = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Report {
        sequence: engine.progress().sequence,
        judged_from: if judged.is_empty() {
            String::new()
        } else {
            eddy_events::Timestamp::utc(from).to_string()
        },
        scores,
        quality: quality(judged, from, engine.threshold(), &peers),
        decisions,
        alerts: flagged::by_pattern(&raised),
        logged: engine.decisions(),
        raised,
    })
}

/// What a run told.
#[derive(Default)]
struct Seen {
    scores: u64,
    decisions: BTreeMap<String, Decided>,
    raised: BTreeMap<String, Raised>,
}

fn count(decisions: &mut BTreeMap<String, Decided>, what: String, data: &Value) {
    let decided = decisions.entry(what).or_default();
    decided.decisions += 1;
    decided.expected_gain_minor += data["expected_gain_minor"].as_i64().unwrap_or(0);
}

/// Failures and outcomes.
#[derive(Clone, Copy, Default)]
struct Rate {
    failed: f64,
    all: f64,
}

impl Rate {
    fn tell(&mut self, failed: bool) {
        self.failed += f64::from(u8::from(failed));
        self.all += 1.0;
    }

    fn drawn_to(self, wider: f64) -> f64 {
        (self.failed + STRENGTH * wider) / (self.all + STRENGTH)
    }
}

/// A learner's name, and what it says of each row by its number.
type Said = (&'static str, HashMap<u32, f64>);

/// What models fitted to the rows known at `from` say of those scored later, calibrated by outcomes as they come.
fn peers(engine: &Engine, from: i64, peer: Option<&Peer>) -> Vec<Said> {
    let Some(examples) = engine.examples() else {
        return Vec::new();
    };
    let mut learned = known(examples.rows());
    learned.retain(|one| one.known_at < from);
    let judged = engine.outcomes().iter();
    let mut judged: Vec<(u32, Known<'_>)> = judged
        .filter(|judged| judged.outcome.scored_at >= from)
        .filter_map(|judged| {
            let known = Known {
                row: examples.get(judged.example)?,
                failed: judged.outcome.failed,
                known_at: judged.outcome.known_at,
            };
            Some((judged.example, known))
        })
        .collect();
    judged.sort_by_key(|(number, one)| (one.row.scored_at, *number));
    let (numbers, judged): (Vec<u32>, Vec<Known<'_>>) = judged.into_iter().unzip();
    let mut said = Vec::new();
    let mut tell = |name, raw: &[f64]| {
        let (told, _) = calibrated(&judged, raw);
        said.push((name, numbers.iter().copied().zip(told).collect()));
    };
    // Without both outcomes before the cut nothing can be fitted, and nothing stands beside the scores.
    if let Ok(linear) = logistic(&learned) {
        tell("logistic", &raw(&Trained::Linear(linear), &judged));
    }
    let rows = Rows {
        learned: learned.iter().map(|one| (&one.row.x[..], one.failed)).collect(),
        judged: judged.iter().map(|one| &one.row.x[..]).collect(),
    };
    if let Some(raw) = peer
        .and_then(|peer| peer(&rows))
        .filter(|raw| raw.len() == judged.len())
    {
        tell("lightgbm", &raw);
    }
    said
}

/// Each stage by each scorer, over scores told from `from` on.
fn quality(judged: &[Judged], from: i64, threshold: f64, peers: &[Said]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, stage) in STAGES.into_iter().enumerate() {
        let of_stage = || {
            judged
                .iter()
                .filter(move |judged| usize::from(judged.outcome.stage) == number)
        };
        let mut base = Rate::default();
        let mut couriers: BTreeMap<(u32, u8), Rate> = BTreeMap::new();
        let mut lanes: BTreeMap<(u32, u8, u8), Rate> = BTreeMap::new();
        for Judged { outcome, zone, .. } in of_stage().filter(|judged| judged.outcome.known_at < from) {
            base.tell(outcome.failed);
            let courier = (outcome.courier, outcome.payment);
            couriers.entry(courier).or_default().tell(outcome.failed);
            let lane = (outcome.courier, outcome.payment, *zone);
            lanes.entry(lane).or_default().tell(outcome.failed);
        }
        let rate = base.drawn_to(0.5);
        let mut tallies = vec![Tally::default(); 3 + peers.len()];
        for Judged {
            outcome,
            zone,
            example,
        } in of_stage().filter(|judged| judged.outcome.scored_at >= from)
        {
            let courier = couriers
                .get(&(outcome.courier, outcome.payment))
                .map_or(rate, |courier| courier.drawn_to(rate));
            let lane = lanes
                .get(&(outcome.courier, outcome.payment, *zone))
                .map_or(courier, |lane| lane.drawn_to(courier));
            let told = [
                (outcome.probability, outcome.flagged),
                (rate, rate > threshold),
                (lane, lane > threshold),
            ];
            for (tally, (p, flagged)) in tallies.iter_mut().zip(told) {
                tally.observe(p, flagged, outcome.failed);
            }
            for (tally, (_, said)) in tallies[3..].iter_mut().zip(peers) {
                if let Some(p) = said.get(example) {
                    tally.observe(*p, *p > threshold, outcome.failed);
                }
            }
        }
        let scorers = ["eddy", "base_rate", "lane_rate"].into_iter();
        let scorers = scorers.chain(peers.iter().map(|(name, _)| *name));
        for (scorer, tally) in scorers.zip(&tallies) {
            if tally.outcomes() > 0 {
                rows.push(row(stage, scorer, &tally.figures()));
            }
        }
    }
    rows
}

fn row(stage: &'static str, scorer: &'static str, figures: &Figures) -> Row {
    let said = |figure: f64| (!figure.is_nan()).then_some(figure);
    Row {
        stage,
        scorer,
        outcomes: figures.outcomes,
        failure_rate: figures.failure_rate,
        roc_auc: said(figures.roc_auc),
        average_precision: said(figures.average_precision),
        log_loss: figures.log_loss,
        brier: figures.brier,
        ece: figures.calibration_error,
        flag_rate: figures.flag_rate,
        precision: said(figures.precision),
        recall: said(figures.recall),
    }
}
