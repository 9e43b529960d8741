//! How good the scores turned out: figures by version of the model, stage, slice and week of the score, and alarms when outcomes drift away from them.
//!
//! The first score of each stage of a subject counts, once its outcome is known: whether it was ever delivered (of a pickup: ever made). Figures of a cell are
//! reckoned anew with each 64th part of outcomes more, so that a row costs a constant share of what it tells. Of cells the newest weeks are kept.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_events::output::Data;
use eddy_models::drift::Drift;
use eddy_models::tally::{Figures, Tally};
use serde::Serialize;
use smol_str::{SmolStr, format_smolstr};

use super::STAGES;
use crate::fold::payment_word;
use crate::interner::NO_SYMBOL;
use crate::world::World;

/// Cells kept; those of the oldest weeks go first.
const CELLS: usize = 20_000;
/// Weeks that a threshold curve is taken from.
const WEEKS: i32 = 13;
/// Series of drift kept; further ones are not watched.
const WATCHED: usize = 4_096;
/// Figures are reckoned anew when outcomes grew by this part.
const PART: u64 = 64;

/// Part of all scores of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Slice {
    All,
    /// Symbol.
    Courier(u32),
    /// Index of the payment mode.
    Payment(u8),
}

impl Slice {
    /// As it is told: `all`, `courier=swift`, `payment_mode=cod`.
    fn word(self, world: &World) -> Option<SmolStr> {
        match self {
            Self::All => Some(SmolStr::new_static("all")),
            Self::Courier(courier) => Some(format_smolstr!("courier={}", world.symbols.word(courier)?)),
            Self::Payment(payment) => Some(format_smolstr!("payment_mode={}", payment_word(payment)?)),
        }
    }
}

/// Symbol of the model's version, stage, slice.
type Series = (u32, u8, Slice);

/// First day of the week, then the series: the oldest come first.
pub(crate) type Place = (i32, Series);

#[derive(Clone, Debug, Default, Encode, Decode)]
struct Cell {
    tally: Tally,
    /// Metrics as they are shown.
    shown: Vec<f64>,
    /// Outcomes at which they are reckoned next.
    due: u64,
}

/// A score whose outcome is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) model: u32,
    pub(crate) stage: u8,
    pub(crate) courier: u32,
    pub(crate) payment: u8,
    pub(crate) probability: f64,
    pub(crate) flagged: bool,
    pub(crate) failed: bool,
    /// Event time of the score.
    pub(crate) scored_at: i64,
    /// Event time at which the outcome was known.
    pub(crate) known_at: i64,
}

/// An outcome, and the first character of the destination: what a backtest judges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    pub(crate) zone: u8,
    /// Number of the example, 0 for none.
    pub(crate) example: u32,
}

/// An alarm, the row of `model_performance` that it made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Drifted {
    place: Place,
    metric: usize,
    figure: f64,
}

/// All cells.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Performance {
    cells: BTreeMap<Place, Cell>,
    drifts: BTreeMap<Series, Drift>,
}

/// Names of the metrics, in the order in which cells keep them.
pub(crate) const METRICS: [&str; 13] = [
    "outcomes",
    "failure_rate",
    "predicted_rate",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "ece",
    "flag_rate",
    "precision",
    "recall",
    "drift_up",
    "drift_down",
];
const UP: usize = 11;
const DOWN: usize = 12;

impl Performance {
    /// Tells an outcome. `changed` gets the cells whose rows changed and `gone` those that were let go.
    pub(crate) fn observe(
        &mut self,
        world: &World,
        outcome: Outcome,
        changed: &mut Vec<Place>,
        gone: &mut Vec<Place>,
        drifted: &mut Vec<Drifted>,
    ) {
        let slices = [
            Some(Slice::All),
            (outcome.courier != NO_SYMBOL).then_some(Slice::Courier(outcome.courier)),
            payment_word(outcome.payment).map(|_| Slice::Payment(outcome.payment)),
        ];
        let week = week_of(world.zone.day(outcome.scored_at));
        for slice in slices.into_iter().flatten() {
            let series = (outcome.model, outcome.stage, slice);
            let place = (week, series);
            let cell = self.cells.entry(place).or_default();
            cell.tally
                .observe(outcome.probability, outcome.flagged, outcome.failed);
            let outcomes = cell.tally.outcomes();
            if outcomes >= cell.due {
                let alarms = cell.shown.get(UP..).map(<[f64]>::to_vec);
                cell.shown = metrics(&cell.tally.figures());
                cell.shown.extend(alarms.unwrap_or(vec![f64::NAN; 2]));
                cell.due = outcomes + outcomes / PART + 1;
                changed.push(place);
            }
            let known = self.drifts.len() < WATCHED || self.drifts.contains_key(&series);
            let alarm = known
                .then(|| {
                    let drift = self.drifts.entry(series).or_default();
                    drift.observe(outcome.known_at, outcome.probability, outcome.failed)
                })
                .flatten();
            if let Some(alarm) = alarm {
                let metric = if alarm.shift > 0.0 { UP } else { DOWN };
                cell.shown[metric] = alarm.shift;
                changed.push(place);
                drifted.push(Drifted {
                    place,
                    metric,
                    figure: alarm.shift,
                });
            }
        }
        while self.cells.len() > CELLS
            && let Some((place, _)) = self.cells.pop_first()
        {
            gone.push(place);
        }
    }

    /// Every cell.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        self.cells.keys().copied()
    }

    /// All outcomes of a version and stage, of the newest weeks.
    pub(crate) fn recent(&self, model: u32, stage: u8) -> Tally {
        let newest = self.cells.last_key_value().map_or(0, |((week, _), _)| *week);
        let from = (newest - (WEEKS - 1) * 7, (0, 0, Slice::All));
        let mut sum = Tally::default();
        let of = (model, stage, Slice::All);
        for ((_, series), cell) in self.cells.range(from..) {
            if *series == of {
                sum.merge(&cell.tally);
            }
        }
        sum
    }

    /// The metrics of a cell; NaN is nothing to be said.
    pub(crate) fn shown(&self, place: Place) -> Option<&[f64]> {
        self.cells.get(&place).map(|cell| &cell.shown[..])
    }
}

/// Version of the model, stage, slice and first day of the week.
pub(crate) fn words(
    world: &World,
    (week, (model, stage, slice)): Place,
) -> Option<(&str, &'static str, SmolStr, i32)> {
    Some((
        world.symbols.word(model)?,
        STAGES[usize::from(stage)],
        slice.word(world)?,
        week,
    ))
}

/// The Monday of a day's week, both as days since 1970.
fn week_of(day: i32) -> i32 {
    day - (day + 3).rem_euclid(7)
}

fn metrics(figures: &Figures) -> Vec<f64> {
    vec![
        figures.outcomes as f64,
        figures.failure_rate,
        figures.predicted_rate,
        figures.roc_auc,
        figures.average_precision,
        figures.log_loss,
        figures.brier,
        figures.calibration_error,
        figures.flag_rate,
        figures.precision,
        figures.recall,
    ]
}

/// The row of an alarm, members in the order of their names.
#[derive(Serialize)]
struct Told<'a> {
    figure: f64,
    metric: &'static str,
    model_version: &'a str,
    slice: &'a str,
    stage: &'static str,
    window_start: String,
}

/// Subject and data of an alarm.
pub(crate) fn output(world: &World, drifted: Drifted) -> Option<(SmolStr, Data)> {
    let (model_version, stage, slice, week) = words(world, drifted.place)?;
    let told = Told {
        figure: drifted.figure,
        metric: METRICS[drifted.metric],
        model_version,
        slice: &slice,
        stage,
        window_start: date(week),
    };
    Some((
        format_smolstr!("{model_version}/{stage}/{slice}"),
        Data::of_ordered(&told),
    ))
}

/// A day since 1970 as a date.
fn date(day: i32) -> String {
    let micros = i64::from(day) * 86_400_000_000;
    let mut text = eddy_events::Timestamp::utc(micros).to_string();
    text.truncate(10);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday() {
        // 1970-01-01 was a Thursday.
        assert_eq!((week_of(0), week_of(4), week_of(10), week_of(11)), (-3, 4, 4, 11));
        assert_eq!(date(week_of(20_000)), "2024-09-30");
    }
}
