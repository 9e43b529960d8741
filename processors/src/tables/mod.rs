//! The tables: one file each, with the declaration and how a row follows from the state.
//!
//! A row is upserted whole, or deleted when nothing that counts speaks for it any more. Reading and storing them is `query`'s work.

mod anomalies;
mod courier_lanes;
mod customers;
pub(crate) mod dead_letters;
mod dispositions;
mod exchanges;
mod facilities;
mod fraud_alerts;
mod governance;
mod loyalty;
mod model_performance;
pub(crate) mod ndr_scores;
mod order_lines;
mod orders;
mod rates_now;
mod refunds;
mod return_forecast;
mod return_maturity;
mod return_scores;
mod returns;
pub(crate) mod routing_decisions;
mod shipments;
mod skus;
mod sla_breaches;
mod supplier_claims;
mod tariffs;
mod threshold_curves;

use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::anomalies::Anomalies;
use crate::fraud::Fraud;
use crate::governance::Kind as Governance;
use crate::interner::NO_KEY;
use crate::ndr::Ndr;
use crate::operations::Operations;
use crate::rates::Rates;
use crate::routing::Routing;
use crate::rows::{Rows, Schemas, Table};
use crate::world::{DirtyOrder, World};

/// The tables, in the order in which changes number them.
pub(crate) const TABLES: [&Table; 29] = [
    &orders::TABLE,
    &order_lines::TABLE,
    &shipments::TABLE,
    &returns::TABLE,
    &refunds::TABLE,
    &customers::TABLE,
    &skus::TABLE,
    &courier_lanes::TABLE,
    &facilities::TABLE,
    &rates_now::TABLE,
    &governance::POLICIES,
    &governance::MODELS,
    &governance::MAPPINGS,
    &dead_letters::TABLE,
    &ndr_scores::TABLE,
    &routing_decisions::TABLE,
    &model_performance::TABLE,
    &fraud_alerts::TABLE,
    &return_scores::TABLE,
    &threshold_curves::TABLE,
    &exchanges::TABLE,
    &loyalty::TABLE,
    &supplier_claims::TABLE,
    &sla_breaches::TABLE,
    &dispositions::TABLE,
    &return_maturity::TABLE,
    &anomalies::TABLE,
    &return_forecast::TABLE,
    &tariffs::TABLE,
];

/// Number of the table of rates as the last day left them.
const RATES_NOW: usize = 9;
/// Number of the table of dead letters.
pub const DEAD_LETTERS: usize = 13;
/// Number of the table of scores.
const NDR_SCORES: usize = 14;
/// Number of the table of decisions.
const ROUTING_DECISIONS: usize = 15;
/// Number of the table of how good scores turned out.
const MODEL_PERFORMANCE: usize = 16;
/// Number of the table of alerts.
const FRAUD_ALERTS: usize = 17;
/// Number of the table of returns' scores.
const RETURN_SCORES: usize = 18;

/// Number of the table of what thresholds would do.
const THRESHOLD_CURVES: usize = 19;
/// Number of the table of exchanges.
const EXCHANGES: usize = 20;
/// Number of the table of points.
const LOYALTY: usize = 21;
/// Number of the table of claims against suppliers.
const SUPPLIER_CLAIMS: usize = 22;
/// Number of the table of terms that passed.
const SLA_BREACHES: usize = 23;
/// Number of the table of advice on lines.
const DISPOSITIONS: usize = 24;

/// Number of the table of tariffs.
const TARIFFS: usize = 28;
/// Number of the table of how mature each day of delivery is.
const RETURN_MATURITY: usize = 25;
/// Number of the table of shifts of return rates.
const ANOMALIES: usize = 26;
/// Number of the table of arrivals to come.
const RETURN_FORECAST: usize = 27;

/// Whether a column repeats outputs, which follow the order of the log: it is no part of what all orders of arrival agree on.
pub(crate) fn repeats_output(table: usize, column: &str) -> bool {
    matches!(
        table,
        NDR_SCORES
            | ROUTING_DECISIONS
            | MODEL_PERFORMANCE
            | FRAUD_ALERTS
            | RETURN_SCORES
            | THRESHOLD_CURVES
            | RATES_NOW
            | RETURN_MATURITY
            | ANOMALIES
            | RETURN_FORECAST
            | SLA_BREACHES
            | DISPOSITIONS
    ) || matches!(
        (TABLES[table].name, column),
        ("shipments", "risk") | ("customers", "cluster_id")
    )
}

/// The schemas of all tables, in the order in which changes number them.
#[must_use]
pub fn tables() -> Vec<SchemaRef> {
    schemas()
        .iter()
        .map(|schemas| Arc::clone(&schemas.whole))
        .collect()
}

/// Schemas are built once; a batch of a few rows must not pay for their comments.
pub(crate) fn schemas() -> &'static [Schemas] {
    static SCHEMAS: OnceLock<Vec<Schemas>> = OnceLock::new();
    SCHEMAS.get_or_init(|| TABLES.iter().map(|table| table.schemas()).collect())
}

/// A change of one table.
#[derive(Clone, Debug)]
pub enum Change {
    /// Whole rows; a row replaces the one with its key.
    Upsert(RecordBatch),
    /// Keys whose rows go, if they are there.
    Delete(RecordBatch),
}

/// Upserts and deletes of one table being written.
pub(crate) struct Writer {
    table: usize,
    pub(crate) upserts: Rows,
    pub(crate) deletes: Rows,
}

impl Writer {
    fn new(table: usize, rows: usize) -> Self {
        let schemas = &schemas()[table];
        Self {
            table,
            upserts: Rows::new(TABLES[table], schemas, rows, false),
            deletes: Rows::new(TABLES[table], schemas, 0, true),
        }
    }

    fn finish(self, changes: &mut Vec<(usize, Change)>) {
        // Deletes first: a key that is both deleted and written in one flush ends as written.
        if !self.deletes.is_empty() {
            changes.push((self.table, Change::Delete(self.deletes.finish())));
        }
        if !self.upserts.is_empty() {
            changes.push((self.table, Change::Upsert(self.upserts.finish())));
        }
    }
}

/// The rows that wait, as changes. The world must be settled.
pub(crate) fn changes(
    world: &mut World,
    ndr: &mut Ndr,
    routing: &mut Routing,
    fraud: &mut Fraud,
    rates: &mut Rates,
    anomalies: &mut Anomalies,
) -> Vec<(usize, Change)> {
    let mut changes = Vec::new();
    let dirty = std::mem::take(&mut world.dirty);
    if !dirty.orders.is_empty() {
        let mut orders = Writer::new(0, dirty.orders.len());
        let mut lines = Writer::new(1, dirty.orders.len() * 2);
        for DirtyOrder {
            number,
            outcome,
            lines: due,
        } in &dirty.orders
        {
            orders::write(world, *number, outcome, &mut orders);
            if *due {
                order_lines::write(world, *number, outcome, &mut lines);
            }
        }
        orders.finish(&mut changes);
        lines.finish(&mut changes);
    }
    each(&mut changes, 2, &dirty.shipments, |number, rows| {
        world.shipments.get_mut(number).dirty = false;
        shipments::write(world, number, rows);
    });
    each(&mut changes, 3, &dirty.returns, |number, rows| {
        returns::write(world, number, rows)
    });
    each(&mut changes, 4, &dirty.refunds, |number, rows| {
        world.refunds.get_mut(number).dirty = false;
        refunds::write(world, number, rows);
    });
    each(&mut changes, 5, &dirty.customers, |number, rows| {
        world.customers.get_mut(number).dirty = false;
        customers::write(world, number, rows);
    });
    each(&mut changes, 6, &dirty.skus, |number, rows| {
        world.skus.get_mut(number).dirty = false;
        skus::write(world, number, rows);
    });
    each(&mut changes, 7, &dirty.lanes, |number, rows| {
        world.lanes.entries.get_mut(number).value.dirty = false;
        courier_lanes::write(world, number, rows);
    });
    each(&mut changes, 8, &dirty.facilities, |number, rows| {
        world.facilities.get_mut(number).dirty = false;
        facilities::write(world, number, rows);
    });
    each(&mut changes, EXCHANGES, &dirty.exchanges, |number, rows| {
        world.exchanges.entries.get_mut(number).value.dirty = false;
        exchanges::write(world, number, rows);
    });
    each(&mut changes, LOYALTY, &dirty.loyalty, |number, rows| {
        world.loyalty.entries.get_mut(number).value.dirty = false;
        loyalty::write(world, number, rows);
    });
    each(
        &mut changes,
        SUPPLIER_CLAIMS,
        &dirty.supplier_claims,
        |number, rows| {
            world.supplier_claims.entries.get_mut(number).value.dirty = false;
            supplier_claims::write(world, number, rows);
        },
    );
    if dirty.governance {
        write_governance(world, &mut changes);
    }
    if dirty.tariffs {
        write_tariffs(world, &mut changes);
    }
    let scored = ndr.take_dirty();
    if !scored.is_empty() {
        let mut writer = Writer::new(NDR_SCORES, scored.len());
        for waiting in scored {
            ndr_scores::write(world, ndr, waiting, &mut writer);
        }
        writer.finish(&mut changes);
    }
    let (judged, gone) = ndr.take_judged();
    if !judged.is_empty() || !gone.is_empty() {
        let mut writer = Writer::new(MODEL_PERFORMANCE, judged.len() * 8);
        for place in gone {
            model_performance::delete(world, place, &mut writer);
        }
        for place in &judged {
            model_performance::write(world, ndr, *place, &mut writer);
        }
        writer.finish(&mut changes);
        let mut writer = Writer::new(THRESHOLD_CURVES, 64);
        for of in threshold_curves::of(judged.into_iter()) {
            threshold_curves::write(world, ndr, of, &mut writer);
        }
        writer.finish(&mut changes);
    }
    each(
        &mut changes,
        ROUTING_DECISIONS,
        &routing.take_dirty(),
        |number, rows| {
            routing_decisions::write(world, routing, number, rows);
        },
    );
    each(
        &mut changes,
        FRAUD_ALERTS,
        &fraud.take_alerts(),
        |number, rows| {
            fraud_alerts::write(world, fraud, number, rows);
        },
    );
    each(&mut changes, RETURN_SCORES, &fraud.take_scored(), |rma, rows| {
        return_scores::write(world, fraud, rma, rows);
    });
    each(&mut changes, RATES_NOW, &rates.take_dirty(), |number, rows| {
        rates_now::write(world, rates, number, rows);
    });
    if rates.take_maturity() {
        let mut writer = Writer::new(RETURN_MATURITY, 4_096);
        return_maturity::write(world, rates, &mut writer);
        writer.finish(&mut changes);
        let mut writer = Writer::new(RETURN_FORECAST, 4_096);
        return_forecast::write(world, rates, &mut writer);
        writer.finish(&mut changes);
    }
    each(
        &mut changes,
        ANOMALIES,
        &anomalies.take_dirty(),
        |number, rows| {
            anomalies::write(world, anomalies, number, rows);
        },
    );
    changes
}

/// The rows of operations that wait, as changes.
pub(crate) fn changes_of_operations(
    world: &World,
    operations: &mut Operations,
    changes: &mut Vec<(usize, Change)>,
) {
    let breaches = operations.take_breaches();
    each(changes, SLA_BREACHES, &breaches, |number, rows| {
        sla_breaches::write(world, operations, number, rows);
    });
    let advice = operations.take_advice();
    each(changes, DISPOSITIONS, &advice, |number, rows| {
        dispositions::write(world, operations, number, rows);
    });
}

fn each(
    changes: &mut Vec<(usize, Change)>,
    table: usize,
    numbers: &[u32],
    mut write: impl FnMut(u32, &mut Writer),
) {
    if numbers.is_empty() {
        return;
    }
    let mut writer = Writer::new(table, numbers.len());
    for number in numbers {
        write(*number, &mut writer);
    }
    writer.finish(changes);
}

fn write_governance(world: &World, changes: &mut Vec<(usize, Change)>) {
    for (table, kind) in [
        (10, Governance::Policy),
        (11, Governance::Model),
        (12, Governance::Mapping),
    ] {
        let mut writer = Writer::new(table, 4);
        governance::write(&world.governance, kind, &mut writer);
        writer.finish(changes);
    }
}

fn write_tariffs(world: &World, changes: &mut Vec<(usize, Change)>) {
    let mut writer = Writer::new(TARIFFS, world.tariffs.told.len());
    tariffs::write(world, &world.tariffs, &mut writer);
    writer.finish(changes);
}

/// Rows of a full reading that are handed over together.
const SCAN_ROWS: usize = 16_384;

/// Every row of every projection, in batches; only upserts. State is spilled again on the way, so that reading all of it does not bring
/// all of it into memory.
pub(crate) fn scan(
    world: &mut World,
    ndr: &mut Ndr,
    routing: &Routing,
    fraud: &mut Fraud,
    (rates, anomalies): (&Rates, &Anomalies),
    memory: usize,
    mut give: impl FnMut(usize, RecordBatch),
) {
    let (mut orders, mut lines) = (Writer::new(0, SCAN_ROWS), Writer::new(1, SCAN_ROWS));
    for number in 0..world.order_keys.len() {
        let outcome = world.outcome(number);
        orders::write(world, number, &outcome, &mut orders);
        order_lines::write(world, number, &outcome, &mut lines);
        give_full(world, memory, &mut orders, &mut give);
        give_full(world, memory, &mut lines, &mut give);
    }
    give_rest(orders, &mut give);
    give_rest(lines, &mut give);
    let mut all = |world: &mut World, table: usize, count: u32, write: fn(&World, u32, &mut Writer)| {
        let mut writer = Writer::new(table, SCAN_ROWS);
        for number in 0..count {
            write(world, number, &mut writer);
            give_full(world, memory, &mut writer, &mut give);
        }
        give_rest(writer, &mut give);
    };
    all(world, 2, world.shipment_keys.len(), shipments::write);
    all(world, 3, world.return_keys.len(), returns::write);
    all(world, 4, world.refund_keys.len(), refunds::write);
    all(world, 5, world.customer_keys.len(), customers::write);
    all(world, 6, world.sku_keys.len(), skus::write);
    all(world, 7, world.lanes.len(), courier_lanes::write);
    all(world, 8, world.facility_keys.len(), facilities::write);
    all(world, EXCHANGES, world.exchanges.len(), exchanges::write);
    all(world, LOYALTY, world.loyalty.len(), loyalty::write);
    all(
        world,
        SUPPLIER_CLAIMS,
        world.supplier_claims.len(),
        supplier_claims::write,
    );
    let mut scores = Writer::new(NDR_SCORES, SCAN_ROWS);
    for subject in ndr_scores::subjects(world) {
        if ndr.holds(subject) {
            ndr_scores::write(world, ndr, (subject, ndr_scores::EVERY), &mut scores);
            if scores.upserts.len() >= SCAN_ROWS {
                ndr.spill(memory);
            }
            give_full(world, memory, &mut scores, &mut give);
        }
    }
    give_rest(scores, &mut give);
    let mut decisions = Writer::new(ROUTING_DECISIONS, SCAN_ROWS);
    for number in 0..routing.len() {
        routing_decisions::write(world, routing, number, &mut decisions);
        give_full(world, memory, &mut decisions, &mut give);
    }
    give_rest(decisions, &mut give);
    let mut judged = Writer::new(MODEL_PERFORMANCE, SCAN_ROWS);
    for place in ndr.small.performance.places() {
        model_performance::write(world, ndr, place, &mut judged);
        give_full(world, memory, &mut judged, &mut give);
    }
    give_rest(judged, &mut give);
    let mut curves = Writer::new(THRESHOLD_CURVES, 1_024);
    for of in threshold_curves::of(ndr.small.performance.places()) {
        threshold_curves::write(world, ndr, of, &mut curves);
    }
    give_rest(curves, &mut give);
    let mut alerts = Writer::new(FRAUD_ALERTS, SCAN_ROWS);
    for number in 0..fraud.alerts.len() {
        fraud_alerts::write(world, fraud, number, &mut alerts);
        give_full(world, memory, &mut alerts, &mut give);
    }
    give_rest(alerts, &mut give);
    let mut scores = Writer::new(RETURN_SCORES, SCAN_ROWS);
    for rma in (0..world.return_keys.len())
        .filter(|rma| fraud.cases.holds(*rma))
        .collect::<Vec<_>>()
    {
        return_scores::write(world, fraud, rma, &mut scores);
        if scores.upserts.len() >= SCAN_ROWS {
            fraud.spill(memory);
        }
        give_full(world, memory, &mut scores, &mut give);
    }
    give_rest(scores, &mut give);
    let mut now = Writer::new(RATES_NOW, SCAN_ROWS);
    for number in 0..rates.levels.len() {
        rates_now::write(world, rates, number, &mut now);
        give_full(world, memory, &mut now, &mut give);
    }
    give_rest(now, &mut give);
    let mut maturity = Writer::new(RETURN_MATURITY, 4_096);
    return_maturity::scan(world, rates, &mut maturity);
    give_rest(maturity, &mut give);
    let mut ahead = Writer::new(RETURN_FORECAST, 4_096);
    return_forecast::scan(world, rates, &mut ahead);
    give_rest(ahead, &mut give);
    let mut found = Writer::new(ANOMALIES, 256);
    for number in anomalies.numbers() {
        anomalies::write(world, anomalies, number, &mut found);
    }
    give_rest(found, &mut give);
    let mut changes = Vec::new();
    write_governance(world, &mut changes);
    write_tariffs(world, &mut changes);
    for (table, change) in changes {
        if let Change::Upsert(rows) = change {
            give(table, rows);
        }
    }
}

/// Every row of operations, as [`scan`] gives the others.
pub(crate) fn scan_operations(
    world: &mut World,
    operations: &Operations,
    memory: usize,
    mut give: impl FnMut(usize, RecordBatch),
) {
    let mut breaches = Writer::new(SLA_BREACHES, SCAN_ROWS);
    for number in 0..operations.breaches.len() {
        sla_breaches::write(world, operations, number, &mut breaches);
        give_full(world, memory, &mut breaches, &mut give);
    }
    give_rest(breaches, &mut give);
    let mut advice = Writer::new(DISPOSITIONS, SCAN_ROWS);
    for number in 0..operations.advice.len() {
        dispositions::write(world, operations, number, &mut advice);
        give_full(world, memory, &mut advice, &mut give);
    }
    give_rest(advice, &mut give);
}

/// Gives a batch once it is full, and brings the memory back within its bound.
fn give_full(
    world: &mut World,
    memory: usize,
    writer: &mut Writer,
    give: &mut impl FnMut(usize, RecordBatch),
) {
    if writer.upserts.len() >= SCAN_ROWS {
        let table = writer.table;
        let full = std::mem::replace(writer, Writer::new(table, SCAN_ROWS));
        give(table, full.upserts.finish());
        world.spill(memory);
    }
}

fn give_rest(writer: Writer, give: &mut impl FnMut(usize, RecordBatch)) {
    if !writer.upserts.is_empty() {
        give(writer.table, writer.upserts.finish());
    }
}

/// The key of an entity, or null for none.
pub(crate) fn key(keys: &crate::interner::Interner, number: u32) -> Option<&str> {
    (number != NO_KEY).then(|| keys.get(number))
}

/// A 32-bit count as a cell.
pub(crate) fn count(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
