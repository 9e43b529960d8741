//! An anomaly as an output: the row of `anomalies`, with its ranked causes as JSON.

use eddy_events::Timestamp;
use eddy_events::output::Data;
use eddy_events::returns::REASON_GROUPS;
use serde::Serialize;
use smol_str::SmolStr;

use super::Row;
use super::lines::Dimension;
use super::watch::{Key, Watched};
use crate::ledger::Ledger;
use crate::world::World;

/// A cause, members in the order of their names.
#[derive(Serialize)]
struct Cause {
    dimension: &'static str,
    evidence: f64,
    expected: f64,
    factor: f64,
    observed: f64,
    share: f64,
    value: String,
}

/// A series of the case besides its own.
#[derive(Serialize)]
struct Member {
    dimension: &'static str,
    value: String,
}

/// Members in the order of their names.
#[derive(Serialize)]
struct Told<'a> {
    anomaly_id: &'a str,
    at_stake_minor: i64,
    cause: Vec<Cause>,
    currency: &'a str,
    delivered: u32,
    detected_at: String,
    dimension: &'static str,
    direction: &'static str,
    expected: f64,
    members: Vec<Member>,
    observed: f64,
    onset: String,
    q_value: f64,
    reason_group: Option<&'a str>,
    status: &'a str,
    subject: &'static str,
    tested: u32,
    updated_at: String,
    value: String,
    window_end: String,
    window_start: String,
}

/// Rounded to four digits behind the point: more would be noise.
pub(crate) fn rounded(figure: f64) -> f64 {
    (figure * 1e4).round() / 1e4
}

/// A day of the calendar as text.
pub(crate) fn day_text(day: i32) -> String {
    let epoch = jiff::civil::date(1970, 1, 1);
    let span = jiff::Span::new().try_days(i64::from(day)).unwrap_or_default();
    epoch.checked_add(span).unwrap_or(epoch).to_string()
}

/// The word of a series' value.
pub(crate) fn value_of(world: &World, key: &Key) -> String {
    let (a, b) = key.value;
    let text = |symbol: u32| world.symbols.text(symbol).to_owned();
    match key.dimension {
        Dimension::Sku => world.sku_keys.get(a).to_owned(),
        Dimension::StyleSize | Dimension::CategorySize => format!("{},{}", text(a), text(b)),
        Dimension::Lane => format!("{},{}", text(a), char::from(b as u8)),
        _ => text(a),
    }
}

/// Series by their numbers, in words.
pub(crate) trait Named {
    /// What it counts.
    fn subject(&self, series: u32) -> &'static str;
    /// What it is of.
    fn dimension(&self, series: u32) -> &'static str;
    /// Which one.
    fn value(&self, world: &World, series: u32) -> String;
}

impl Named for Ledger<Key, Watched> {
    fn subject(&self, _: u32) -> &'static str {
        "return_rate"
    }

    fn dimension(&self, series: u32) -> &'static str {
        self.entries.get(series).key.dimension.word()
    }

    fn value(&self, world: &World, series: u32) -> String {
        value_of(world, &self.entries.get(series).key)
    }
}

/// The causes of a row as JSON.
pub(crate) fn causes_text(world: &World, series: &impl Named, row: &Row) -> String {
    serde_json::to_string(&causes(world, series, row)).unwrap_or_default()
}

/// The other series of a row as JSON.
pub(crate) fn members_text(world: &World, series: &impl Named, row: &Row) -> String {
    serde_json::to_string(&members(world, series, row)).unwrap_or_default()
}

fn causes(world: &World, series: &impl Named, row: &Row) -> Vec<Cause> {
    row.causes
        .iter()
        .map(|cause| Cause {
            dimension: series.dimension(cause.series),
            evidence: rounded(cause.evidence),
            expected: rounded(cause.expected),
            factor: rounded(cause.factor),
            observed: cause.observed,
            share: rounded(cause.share),
            value: series.value(world, cause.series),
        })
        .collect()
}

fn members(world: &World, series: &impl Named, row: &Row) -> Vec<Member> {
    row.members
        .iter()
        .map(|member| Member {
            dimension: series.dimension(*member),
            value: series.value(world, *member),
        })
        .collect()
}

/// Subject and data of an anomaly.
pub(crate) fn told(world: &World, series: &impl Named, id: SmolStr, row: &Row) -> (SmolStr, Data) {
    let told = Told {
        anomaly_id: &id,
        at_stake_minor: row.at_stake_minor,
        cause: causes(world, series, row),
        currency: world.symbols.text(world.currency),
        delivered: row.delivered,
        detected_at: Timestamp::utc(row.detected_at).to_string(),
        dimension: series.dimension(row.series),
        direction: direction(row),
        expected: rounded(row.expected),
        members: members(world, series, row),
        observed: row.observed,
        onset: day_text(row.onset),
        q_value: row.q,
        reason_group: row
            .group
            .and_then(|group| REASON_GROUPS.get(usize::from(group)).copied()),
        status: row.status(),
        subject: series.subject(row.series),
        tested: row.tested,
        updated_at: Timestamp::utc(row.updated_at).to_string(),
        value: series.value(world, row.series),
        window_end: day_text(row.until),
        window_start: day_text(row.onset),
    };
    let data = Data::of_ordered(&told);
    (id, data)
}

/// More comes back than expected, or less.
pub(crate) fn direction(row: &Row) -> &'static str {
    if row.rises { "up" } else { "down" }
}
