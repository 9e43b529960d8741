//! `anomalies`: one row a shift, with its life and its ranked causes.

use eddy_events::returns::REASON_GROUPS;

use super::Writer;
use crate::anomalies::output::{Named, causes_text, direction, members_text, rounded};
use crate::anomalies::{Anomalies, Row, id_of, process};
use crate::facts::NO_TIME;
use crate::rows::Kind::{Day, Float, Int, Small, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "anomalies",
    schema_name: "",
    key: 1,
    comment: "Shifts of return rates and of how things run, found at the close of each day among all series of each subject. One anomaly is one row, however many series see it. Of those \
              opened in a year the expected share that is false is at most one in ten among those of return rates, and one in ten among the others (weighted e-LOND).",
    columns: &[
        ("anomaly_id", Text, FULL, "Anomaly."),
        (
            "subject",
            Text,
            FULL,
            "What shifted: return_rate, damage (of inspected lines), inspection_backlog, refund_delay, ndr (first attempts that fail), missing_scans or missing_refunds (of inspected lines).",
        ),
        (
            "dimension",
            Text,
            FULL,
            "Of return rates sku, style, `style,size`, category, `category,size`, supplier, seller, packer, `courier,zone`, courier, facility or state. Of the other subjects courier, \
             `courier,zone`, packer, facility, tender or payment_mode.",
        ),
        (
            "value",
            Text,
            FULL,
            "Value of the dimension, pairs as `T000012,L`.",
        ),
        (
            "reason_group",
            Text,
            NULL,
            "Group of reasons in which the shift is; null for all of them.",
        ),
        (
            "direction",
            Text,
            FULL,
            "up: more comes back than expected; down: less.",
        ),
        (
            "onset",
            Day,
            FULL,
            "First day of the shift, the likeliest one: of delivery for return rates and damage, of receipt, refund's begin, first attempt, last scan or inspection for the others.",
        ),
        ("window_start", Day, FULL, "First day that is counted: the onset."),
        ("window_end", Day, FULL, "Last day that was looked at."),
        (
            "delivered",
            Small,
            FULL,
            "What the window holds: delivered lines, inspected lines, received lines, refunds, first attempts, parcels scanned, lines inspected.",
        ),
        (
            "observed",
            Float,
            FULL,
            "Of those, how many were asked back until now (of the reason group if there is one), damaged, left waiting, late, failed, silent, without a refund begun within three days.",
        ),
        (
            "expected",
            Float,
            FULL,
            "How many would have been by now without a shift.",
        ),
        ("factor", Float, FULL, "observed / expected."),
        (
            "q_value",
            Float,
            FULL,
            "Smallest level of false discoveries at which it is one.",
        ),
        (
            "at_stake_minor",
            Int,
            FULL,
            "Value of what is beyond expectation, in minor units; negative when less comes back.",
        ),
        ("currency", Text, FULL, "ISO 4217 code, the tenant's."),
        (
            "cause",
            Text,
            FULL,
            "Slices that explain the excess, best first, as JSON: dimension, value, share of the excess, factor, evidence (logarithm of the likelihood ratio less what \
             looking cost), observed and expected lines.",
        ),
        (
            "members",
            Text,
            FULL,
            "Other series that see the same shift, as JSON.",
        ),
        ("tested", Small, FULL, "Series that were tested on the last day."),
        (
            "status",
            Text,
            FULL,
            "open, acknowledged, dismissed, snoozed (until the excess grows by a quarter), merged or resolved.",
        ),
        ("actor", Text, NULL, "Who spoke last."),
        ("reason", Text, NULL, "Why."),
        ("merged_into", Text, NULL, "Anomaly it was merged into."),
        ("detected_at", Time, FULL, "When it was found."),
        (
            "updated_at",
            Time,
            FULL,
            "When it was last looked at or spoken of.",
        ),
        ("resolved_at", Time, NULL, "When the excess was found gone."),
        ("ended", Day, NULL, "First day of delivery without the shift."),
    ],
};

/// A text, or null when empty.
fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

pub(crate) fn write(world: &World, anomalies: &Anomalies, number: u32, rows: &mut Writer) {
    let (of, number) = (number & process::HERE != 0, number & !process::HERE);
    if of {
        let process = &anomalies.small.process;
        if let Some(row) = process.rows.get(number as usize) {
            let id = process::id_of(anomalies.shard, number);
            write_row(world, process, &id, row, rows);
        }
    } else if let Some(row) = anomalies.small.rows.get(number as usize) {
        let id = id_of(anomalies.shard, number);
        write_row(world, &anomalies.series, &id, row, rows);
    }
}

fn write_row(world: &World, series: &impl Named, id: &str, row: &Row, rows: &mut Writer) {
    let review = row.review.as_ref();
    rows.upserts
        .text(id)
        .text(series.subject(row.series))
        .text(series.dimension(row.series))
        .text(&*series.value(world, row.series))
        .text(
            row.group
                .and_then(|group| REASON_GROUPS.get(usize::from(group)).copied()),
        )
        .text(direction(row))
        .day(row.onset)
        .day(row.onset)
        .day(row.until)
        .small(super::count(row.delivered))
        .float(row.observed)
        .float(rounded(row.expected))
        .float(rounded((row.observed + 0.5) / (row.expected + 0.5)))
        .float(row.q)
        .int(row.at_stake_minor)
        .text(world.symbols.text(world.currency))
        .text(&*causes_text(world, series, row))
        .text(&*members_text(world, series, row))
        .small(super::count(row.tested))
        .text(row.status())
        .text(review.and_then(|review| given(&review.actor)))
        .text(review.and_then(|review| given(&review.reason)))
        .text(review.and_then(|review| given(&review.into)))
        .time(row.detected_at)
        .time(row.updated_at)
        .time(row.resolved_at.unwrap_or(NO_TIME))
        .day(row.ended);
}
