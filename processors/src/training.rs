//! Training on the past log: its rows as a fresh engine meets them, models fitted to the earlier part and judged on the later one, in the order of time.
//!
//! A row holds what the log held before the scored event, and counts as known only from the moment its outcome came; a parcel still open is no row. The
//! candidates are a batch logistic regression, boosted trees that correct the online learner, and both averaged. The one with the least log-loss is
//! fitted again to all rows. It is kept as an artefact; whether it serves is for a `model.promoted` event to say.

use eddy_log::Log;
use eddy_models::artefact::{Artefact, Window};
use eddy_models::boosting::{self, Params};
use eddy_models::calibration::{Calibrator, When};
use eddy_models::data::Data;
use eddy_models::encoding::Encoder;
use eddy_models::evaluation::Metrics;
use eddy_models::logistic;
use eddy_models::mapping::Sample;
use eddy_models::model::{Model, Trained};
use eddy_models::prequential::{Step, steps};
use eddy_models::sigmoid;
use serde::Serialize;

use crate::engine::{Config, Engine};
use crate::error::Error;
use crate::ndr::STAGES;
use crate::ndr::examples::Example;
use crate::ndr::promoted::{WIDTH, calibration, group};
use crate::progress::Progress;
use crate::replay::through;

pub use crate::ndr::promoted::{LEARNER, SCHEMA, SERVING, SHADOW};

/// Version of the online learner, to go back to.
pub const LEARNER_VERSION: &str = crate::ndr::score::ONLINE;

/// Rows that the batch logistic regression is fitted to at most, evenly taken: it holds all of them in memory as a dense matrix.
const LOGISTIC_ROWS: usize = 150_000;
/// Share of the latest rows to learn from that choose the number of trees.
const HELD_BACK: f64 = 0.2;
/// The first part of the rows, one in so many, is not learned from.
const WARM_UP: i64 = 3;
/// Least rows to learn from, and least to judge by.
const LEAST: usize = 500;

/// Parameters of the trees: shallow, since they only correct.
fn trees() -> Params {
    Params {
        trees: 300,
        depth: 4,
        rate: 0.05,
        l2: 50.0,
        child_weight: 20.0,
        columns: 0.5,
        held_back: HELD_BACK,
        ..Params::default()
    }
}

/// One way to score, over the rows judged.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Stage, or `all`.
    pub stage: &'static str,
    /// `learner`, `logistic`, `trees` or `blend`.
    pub scorer: &'static str,
    /// Rows judged: the first score of each stage.
    pub outcomes: usize,
    /// Area under the ROC curve.
    pub roc_auc: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Mean log-loss, nats.
    pub log_loss: f64,
    /// Mean squared error.
    pub brier: f64,
    /// Expected calibration error, 15 bins of equal counts.
    pub ece: f64,
}

/// What training gave.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Log position it went to.
    pub sequence: u64,
    /// Event time there, in microseconds since 1970.
    #[serde(skip)]
    pub clock: i64,
    /// Event time from which rows were judged.
    pub judged_from: String,
    /// Rows learned from before that time.
    pub learned: usize,
    /// Each stage by each scorer.
    pub quality: Vec<Row>,
    /// The scorer that was kept.
    pub kept: &'static str,
    /// Its log-loss less that of the online learner, over all rows judged: below nought it is ahead.
    pub log_loss_difference: f64,
    /// Version of the artefact.
    pub version: String,
    /// Digest of the artefact.
    pub digest: String,
    /// Bytes of the artefact.
    #[serde(skip)]
    pub artefact: Vec<u8>,
}

/// Reads the log, fits and judges. `judged_from` is an event time in microseconds; without it, the latest three tenths of the rows are judged.
///
/// # Errors
/// When the log cannot be read, or holds too little.
pub async fn train(
    log: &Log,
    config: Config,
    to_sequence: u64,
    judged_from: Option<i64>,
    watch: impl FnMut(u64),
) -> Result<Report, Error> {
    let mut engine = Engine::new(Config {
        scores: true,
        ..config
    })?;
    engine.record_examples();
    let engine = through(log, engine, to_sequence, watch, |_| ()).await?;
    let progress = engine.progress();
    let rows = engine.examples().map_or(&[][..], |all| all.rows());
    tokio::task::block_in_place(|| fitted(rows, progress, judged_from))
}

/// A row of a score, for comparing learners outside of the engine.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    /// The numbers of [`SCHEMA`].
    pub x: &'a [f32],
    /// Event time of the score, in microseconds since 1970.
    pub scored_at: i64,
    /// Whether it failed, and the event time at which that was known.
    pub ended: Option<(bool, i64)>,
}

impl<'a> Scored<'a> {
    pub(crate) fn of(row: &'a Example) -> Self {
        Self {
            x: &row.x,
            scored_at: row.scored_at,
            ended: row.ended,
        }
    }
}

/// A row with its outcome.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) row: &'a Example,
    pub(crate) failed: bool,
    pub(crate) known_at: i64,
}

/// The rows whose outcome is known.
pub(crate) fn known(rows: &[Example]) -> Vec<Known<'_>> {
    rows.iter()
        .filter_map(|row| {
            let (failed, known_at) = row.ended?;
            Some(Known {
                row,
                failed,
                known_at,
            })
        })
        .collect()
}

fn fitted(rows: &[Example], progress: Progress, judged_from: Option<i64>) -> Result<Report, Error> {
    let all = known(rows);
    let (Some(first), Some(last)) = (all.first(), all.last()) else {
        return Err(Error::Training(
            "the log holds no scored parcel whose end is known".to_owned(),
        ));
    };
    let from = judged_from.unwrap_or(all[all.len() / 10 * 7].row.scored_at);
    // What the learner believed of keys it had hardly met says little of what it will believe of those it knows.
    let warm = first.row.scored_at + (from - first.row.scored_at) / WARM_UP;
    let useful = |one: &Known<'_>| one.row.scored_at >= warm;
    let learned = all
        .iter()
        .copied()
        .filter(|one| useful(one) && one.known_at < from);
    let learned: Vec<Known<'_>> = learned.collect();
    let judged: Vec<Known<'_>> = all
        .iter()
        .copied()
        .filter(|one| one.row.scored_at >= from)
        .collect();
    if learned.len() < LEAST || judged.len() < LEAST {
        return Err(Error::Training(format!(
            "{} rows to learn from and {} to judge by, at least {LEAST} of each are needed; wait for more parcels to end, or choose another --from",
            learned.len(),
            judged.len()
        )));
    }
    let (early, held) = learned.split_at(learned.len() - (learned.len() as f64 * HELD_BACK) as usize);
    let before = candidates(early)?;
    let candidates = candidates(&learned)?;
    let judged_with: Vec<Known<'_>> = held.iter().chain(&judged).copied().collect();
    let mut quality = Vec::new();
    let told: Vec<f64> = judged.iter().map(|one| one.row.told).collect();
    let learner = judge(&judged, &told, "learner", &mut quality);
    let mut best: Option<(f64, &'static str, Calibrator)> = None;
    for ((name, trained), (_, before)) in candidates.iter().zip(&before) {
        // Calibration starts from rows that the model at hand has not seen.
        let mut raw_of = raw(before, held);
        raw_of.extend(raw(trained, &judged));
        let (told, calibrator) = calibrated(&judged_with, &raw_of);
        let loss = judge(&judged, &told[held.len()..], name, &mut quality);
        if best.as_ref().is_none_or(|(least, ..)| loss < *least) {
            best = Some((loss, name, calibrator));
        }
    }
    let (loss, kept, calibrator) =
        best.ok_or_else(|| Error::Training("no candidate was fitted".to_owned()))?;
    let useful: Vec<Known<'_>> = all.iter().copied().filter(useful).collect();
    let model = refit(&useful, &candidates, kept)?;
    let metrics = quality
        .iter()
        .filter(|row| row.scorer == kept)
        .flat_map(|row| {
            [
                (format!("{}.roc_auc", row.stage), row.roc_auc),
                (format!("{}.log_loss", row.stage), row.log_loss),
                (format!("{}.ece", row.stage), row.ece),
            ]
        })
        .filter(|(_, figure)| figure.is_finite())
        .collect();
    let to = eddy_events::Timestamp::utc(last.row.scored_at).to_string();
    let version = format!("{kept}-{}", to.get(..10).unwrap_or(&to));
    let artefact = Artefact {
        version: version.clone(),
        schema: SCHEMA.name.to_owned(),
        schema_digest: SCHEMA.digest(),
        window: Window {
            from: first.row.scored_at,
            to: last.row.scored_at,
            rows: useful.len() as u64,
        },
        metrics,
        model,
        calibration: calibrator.maps(),
    };
    let (artefact, digest) = artefact
        .write()
        .map_err(|error| Error::Training(error.to_string()))?;
    Ok(Report {
        sequence: progress.sequence,
        clock: progress.event_time_micros,
        judged_from: eddy_events::Timestamp::utc(from).to_string(),
        learned: learned.len(),
        quality,
        kept,
        log_loss_difference: loss - learner,
        version: format!("{version}-{}", digest.get(..8).unwrap_or(&digest)),
        digest,
        artefact,
    })
}

/// All candidates, fitted.
fn candidates(rows: &[Known<'_>]) -> Result<Vec<(&'static str, Trained)>, Error> {
    let linear = logistic(rows)?;
    let forest = boosted(rows, None)?;
    let blend = Trained::Blend {
        linear: linear.clone(),
        forest: boosted(rows, Some(&trees_alone()))?,
        forest_share: 0.5,
    };
    Ok(vec![
        ("logistic", Trained::Linear(linear)),
        (
            "trees",
            Trained::Over {
                score: LEARNER,
                forest,
            },
        ),
        ("blend", blend),
    ])
}

/// Trees that stand for themselves.
fn trees_alone() -> Params {
    Params { depth: 5, ..trees() }
}

fn refit(
    rows: &[Known<'_>],
    candidates: &[(&'static str, Trained)],
    kept: &'static str,
) -> Result<Trained, Error> {
    let found = candidates.iter().find(|(name, _)| *name == kept);
    let grown = |forest: &eddy_models::forest::Forest, params: Params| Params {
        trees: forest.trees.len().max(1),
        held_back: 0.0,
        ..params
    };
    let refitted = match found.map(|(_, trained)| trained) {
        Some(Trained::Over { score, forest }) => Trained::Over {
            score: *score,
            forest: fit_trees(rows, true, &grown(forest, trees()))?,
        },
        Some(Trained::Blend {
            forest, forest_share, ..
        }) => Trained::Blend {
            linear: logistic(rows)?,
            forest: fit_trees(rows, false, &grown(forest, trees_alone()))?,
            forest_share: *forest_share,
        },
        _ => Trained::Linear(logistic(rows)?),
    };
    Ok(refitted)
}

/// A batch logistic regression by linfa.
pub(crate) fn logistic(rows: &[Known<'_>]) -> Result<eddy_models::linear::Linear, Error> {
    let every = rows.len().div_ceil(LOGISTIC_ROWS).max(1);
    let data = data(rows.iter().step_by(every));
    logistic::fit(&Encoder::new(&SCHEMA), &data, logistic::Params::default())
        .map_err(|error| Error::Training(error.to_string()))
}

/// Trees over the online learner, or with parameters given, alone.
pub(crate) fn boosted(
    rows: &[Known<'_>],
    alone: Option<&Params>,
) -> Result<eddy_models::forest::Forest, Error> {
    fit_trees(rows, alone.is_none(), alone.unwrap_or(&trees()))
}

fn fit_trees(rows: &[Known<'_>], over: bool, params: &Params) -> Result<eddy_models::forest::Forest, Error> {
    let starts: Vec<f64> = rows.iter().map(|one| f64::from(one.row.x[LEARNER])).collect();
    boosting::fit_over(&data(rows.iter()), over.then_some(&starts[..]), params)
        .map_err(|error| Error::Training(error.to_string()))
}

fn data<'a>(rows: impl Iterator<Item = &'a Known<'a>>) -> Data {
    let mut data = Data::new(WIDTH);
    for one in rows {
        data.push(&one.row.x, one.failed, 1.0);
    }
    data
}

/// Log-odds of rows, before calibration.
pub(crate) fn raw(trained: &Trained, rows: &[Known<'_>]) -> Vec<f64> {
    let model = Model::new(&SCHEMA, trained);
    let mut scratch = eddy_models::encoding::Row::new();
    rows.iter()
        .map(|one| model.score(&one.row.x, &mut scratch).log_odds)
        .collect()
}

/// Probabilities, each calibrated by the outcomes known before it, as live ones are; and the calibrator in the end.
pub(crate) fn calibrated(rows: &[Known<'_>], raw: &[f64]) -> (Vec<f64>, Calibrator) {
    let mut calibrator = Calibrator::new(calibration());
    let at: Vec<i64> = rows.iter().map(|one| one.row.scored_at).collect();
    let known_at: Vec<Option<i64>> = rows.iter().map(|one| Some(one.known_at)).collect();
    let mut told = vec![0.0; rows.len()];
    for step in steps(&at, &known_at) {
        match step {
            Step::Score(i) => {
                let group = group(rows[i].row.model, rows[i].row.payment);
                told[i] = sigmoid(calibrator.calibrate(group, raw[i]));
            }
            Step::Learn(i) => {
                let one = &rows[i];
                let sample = Sample {
                    log_odds: raw[i],
                    failed: one.failed,
                    weight: 1.0,
                };
                let when = When {
                    scored_at: one.row.scored_at,
                    known_at: one.known_at,
                };
                calibrator.observe(group(one.row.model, one.row.payment), sample, when);
            }
        }
    }
    (told, calibrator)
}

/// Judges the first scores of each stage, and gives the log-loss over all.
fn judge(rows: &[Known<'_>], told: &[f64], scorer: &'static str, quality: &mut Vec<Row>) -> f64 {
    let mut loss = f64::NAN;
    for (number, stage) in std::iter::once((None, "all")).chain(
        STAGES
            .iter()
            .enumerate()
            .map(|(number, stage)| (Some(number), *stage)),
    ) {
        let of = rows.iter().zip(told).filter(|(one, _)| {
            one.row.first && number.is_none_or(|number| usize::from(one.row.stage) == number)
        });
        let (p, failed): (Vec<f64>, Vec<bool>) = of.map(|(one, p)| (*p, one.failed)).unzip();
        if p.is_empty() {
            continue;
        }
        let metrics = Metrics::new(&p, &failed);
        if number.is_none() {
            loss = metrics.log_loss;
        }
        quality.push(Row {
            stage,
            scorer,
            outcomes: p.len(),
            roc_auc: metrics.auc,
            average_precision: metrics.average_precision,
            log_loss: metrics.log_loss,
            brier: metrics.brier,
            ece: metrics.calibration_error,
        });
    }
    loss
}
