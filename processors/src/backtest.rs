//! What the scores were worth over the past log, and what a policy would have done: the log through a fresh engine, judged in the order of time.
//!
//! Scores are prequential: each was told from what the log held before, so all of them are judged, from a given time on. The plain rates beside them are
//! taken from outcomes known before that time. A parcel that is still open counts nowhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use eddy_events::output::OutputType;
use eddy_log::Log;
use eddy_models::tally::{Figures, Tally};
use serde::Serialize;
use serde_json::Value;

use crate::engine::{Config, Emitted, Engine};
use crate::error::Error;
use crate::ndr::STAGES;
use crate::ndr::performance::Judged;
use crate::replay::through;

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
    /// `eddy`, `base_rate` or `lane_rate`.
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
}

/// Whether the body of a policy can be used, before anything is run.
///
/// # Errors
/// What is wrong with it.
pub fn check_policy(body: &Value) -> Result<(), Error> {
    let mut engine = Engine::new(Config::default())?;
    engine.hold_policy(body).map_err(Error::Policy)
}

/// Runs the log through a fresh engine and judges it.
///
/// # Errors
/// When the log cannot be read, or the policy has a slip.
pub async fn backtest(
    log: &Log,
    config: Config,
    question: Question,
    watch: impl FnMut(u64),
) -> Result<Report, Error> {
    let config = Config {
        scores: true,
        ..config
    };
    let mut engine = Engine::new(config)?;
    engine.record_outcomes();
    if let Some(policy) = &question.policy {
        engine.hold_policy(policy).map_err(Error::Policy)?;
    }
    let seen = Arc::new(Mutex::new((0_u64, BTreeMap::<String, Decided>::new())));
    let see = {
        let seen = Arc::clone(&seen);
        move |out: &Emitted| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let (scores, decisions) = &mut *seen;
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
    let (scores, decisions) = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Report {
        sequence: engine.progress().sequence,
        judged_from: if judged.is_empty() {
            String::new()
        } else {
            eddy_events::Timestamp::utc(from).to_string()
        },
        scores,
        quality: quality(judged, from, engine.threshold()),
        decisions,
    })
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

/// Each stage by each scorer, over scores told from `from` on.
fn quality(judged: &[Judged], from: i64, threshold: f64) -> Vec<Row> {
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
        for Judged { outcome, zone } in of_stage().filter(|judged| judged.outcome.known_at < from) {
            base.tell(outcome.failed);
            let courier = (outcome.courier, outcome.payment);
            couriers.entry(courier).or_default().tell(outcome.failed);
            let lane = (outcome.courier, outcome.payment, *zone);
            lanes.entry(lane).or_default().tell(outcome.failed);
        }
        let rate = base.drawn_to(0.5);
        let mut tallies = [Tally::default(), Tally::default(), Tally::default()];
        for Judged { outcome, zone } in of_stage().filter(|judged| judged.outcome.scored_at >= from) {
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
        }
        let scorers = ["eddy", "base_rate", "lane_rate"];
        for (scorer, tally) in scorers.into_iter().zip(&tallies) {
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
