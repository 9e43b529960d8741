//! `threshold_curves`: what each threshold would have flagged of late, by version of the model and stage.

use std::collections::BTreeSet;

use super::Writer;
use crate::ndr::performance::{Place, Slice};
use crate::ndr::{Ndr, STAGES};
use crate::rows::Kind::{Float, Int, Small, Text};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

/// Two-sided 95% of a normal distribution.
const Z: f64 = 1.96;

pub(crate) const TABLE: Table = Table {
    name: "threshold_curves",
    schema_name: "",
    key: 3,
    comment: "What each threshold would have flagged of the scores of the newest 13 weeks, by version of the model and stage. The first score of each stage counts \
              once its outcome is known. Thresholds stand a quarter of log-odds apart. Follows with each 64th part of outcomes more.",
    columns: &[
        ("model_version", Text, FULL, "Version of the model that scored."),
        (
            "stage",
            Text,
            FULL,
            "placed, manifested, out_for_delivery, attempt_failed, reverse_pickup.",
        ),
        ("point", Small, FULL, "Number of the threshold, ascending from 1."),
        (
            "threshold",
            Float,
            FULL,
            "Probabilities at or above it are flagged.",
        ),
        ("outcomes", Int, FULL, "Scores whose outcome is known."),
        ("failures", Int, FULL, "Of these, failed."),
        ("flagged", Int, FULL, "Of the outcomes, flagged."),
        ("flagged_failed", Int, FULL, "Of the flagged, failed."),
        ("flag_rate", Float, FULL, "flagged / outcomes."),
        ("precision", Float, NULL, "flagged_failed / flagged."),
        (
            "precision_lower",
            Float,
            NULL,
            "Lower end of its 95% interval (Wilson).",
        ),
        ("precision_upper", Float, NULL, "Upper end."),
        ("recall", Float, NULL, "flagged_failed / failures."),
        (
            "recall_lower",
            Float,
            NULL,
            "Lower end of its 95% interval (Wilson).",
        ),
        ("recall_upper", Float, NULL, "Upper end."),
    ],
};

/// Versions and stages whose curve follows from these cells, each once.
pub(crate) fn of(places: impl Iterator<Item = Place>) -> BTreeSet<(u32, u8)> {
    places
        .filter(|(_, (_, _, slice))| *slice == Slice::All)
        .map(|(_, (model, stage, _))| (model, stage))
        .collect()
}

pub(crate) fn write(world: &World, ndr: &Ndr, (model, stage): (u32, u8), rows: &mut Writer) {
    let Some(version) = world.symbols.word(model) else {
        return;
    };
    let tally = ndr.small.performance.recent(model, stage);
    let (outcomes, failures) = (tally.outcomes(), tally.failures());
    if outcomes == 0 {
        return;
    }
    for (number, point) in (1..).zip(tally.curve()) {
        let precision = wilson(point.flagged_failed, point.flagged);
        let recall = wilson(point.flagged_failed, failures);
        let row = rows
            .upserts
            .text(version)
            .text(STAGES[usize::from(stage)])
            .small(number)
            .float(point.threshold)
            .int(outcomes as i64)
            .int(failures as i64)
            .int(point.flagged as i64)
            .int(point.flagged_failed as i64)
            .float(point.flagged as f64 / outcomes as f64);
        [precision, recall].into_iter().fold(row, |row, share| {
            let of = |figure: fn(&(f64, f64, f64)) -> f64| share.as_ref().map(figure);
            row.float(of(|it| it.0)).float(of(|it| it.1)).float(of(|it| it.2))
        });
    }
}

/// A share and its interval (Wilson 1927); none of nothing.
fn wilson(hits: u64, all: u64) -> Option<(f64, f64, f64)> {
    if all == 0 {
        return None;
    }
    let n = all as f64;
    let share = hits as f64 / n;
    let centre = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some((share, (centre - half).max(0.0), (centre + half).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_its_share_and_narrows() {
        assert_eq!(wilson(0, 0), None);
        let (share, lower, upper) = wilson(8, 10).unwrap();
        // Reference: Wilson 95% of 8 in 10 is 0.4902 to 0.9433.
        assert_eq!(share, 0.8);
        assert!((lower - 0.4902).abs() < 1e-3 && (upper - 0.9433).abs() < 1e-3);
        let (_, narrow, _) = wilson(800, 1_000).unwrap();
        assert!(narrow > lower);
        assert_eq!(wilson(0, 5).unwrap().1, 0.0);
    }
}
