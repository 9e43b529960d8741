//! `model_performance`: how good the scores of a week turned out, one row a figure.

use super::Writer;
use crate::ndr::Ndr;
use crate::ndr::performance::{METRICS, Place, words};
use crate::rows::Kind::{Day, Float, Text};
use crate::rows::{FULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "model_performance",
    schema_name: "",
    key: 5,
    comment: "How good scores turned out, by version of the model, stage, slice and week. The first score of each stage counts once its outcome is known; \
              parcels that are still open count nowhere. Figures follow with each 64th part of outcomes more.",
    columns: &[
        ("model_version", Text, FULL, "Version of the model that scored."),
        (
            "stage",
            Text,
            FULL,
            "placed, manifested, out_for_delivery, attempt_failed, reverse_pickup.",
        ),
        ("slice", Text, FULL, "all, courier=..., payment_mode=..."),
        (
            "window_start",
            Day,
            FULL,
            "Monday of the week in which it was scored, in the tenant's time zone.",
        ),
        (
            "metric",
            Text,
            FULL,
            "outcomes, failure_rate, predicted_rate, roc_auc, average_precision, log_loss (nats), brier, ece (15 bins of equal counts), flag_rate, precision and recall \
             at the threshold that was in force; drift_up and drift_down (log-odds by which failures are more or less frequent than told, the latest alarm of the week).",
        ),
        ("figure", Float, FULL, "Its value."),
    ],
};

pub(crate) fn write(world: &World, ndr: &Ndr, place: Place, rows: &mut Writer) {
    let (Some((model, stage, slice, week)), Some(shown)) =
        (words(world, place), ndr.small.performance.shown(place))
    else {
        return;
    };
    for (metric, figure) in METRICS.into_iter().zip(shown) {
        if !figure.is_nan() {
            rows.upserts
                .text(model)
                .text(stage)
                .text(slice.as_str())
                .day(week)
                .text(metric)
                .float(*figure);
        }
    }
}

pub(crate) fn delete(world: &World, place: Place, rows: &mut Writer) {
    let Some((model, stage, slice, week)) = words(world, place) else {
        return;
    };
    for metric in METRICS {
        rows.deletes
            .text(model)
            .text(stage)
            .text(slice.as_str())
            .day(week)
            .text(metric);
    }
}
