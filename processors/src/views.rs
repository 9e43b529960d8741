//! Views over the tables: SQL text with a name and a comment, for `query` to register.

/// A view.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Name in SQL.
    pub name: &'static str,
    /// The query.
    pub sql: &'static str,
    /// What it means.
    pub comment: &'static str,
}

/// The views, in an order in which each may use the ones before.
#[must_use]
pub fn views() -> &'static [View] {
    VIEWS
}

/// A view whose query stands in a file of its name.
macro_rules! view {
    ($name:literal, $comment:literal) => {
        View {
            name: $name,
            sql: include_str!(concat!("../views/", $name, ".sql")),
            comment: $comment,
        }
    };
}

const VIEWS: &[View] = &[
    view!(
        "return_steps",
        "Lines of returns with the time of each step of the way back; a pickup is told by the return or by the scan of its parcel, whichever is earlier."
    ),
    view!(
        "sla_terms",
        "Hours that each step may take by the policy in force; null where a term is off."
    ),
    view!(
        "return_funnel",
        "Initiated, picked up, received, inspected, restocked: lines that entered and reached each step, conversion from the step before, share of those initiated, and \
         dwell in hours (median and 90th percentile). One row a step for all, for each channel (month null), and for each channel and month of initiation. Not every line is \
         meant for the shelf, so the last conversion is no failure."
    ),
    view!(
        "pickups_over_48h",
        "Pickups of returns by payment mode: how many took, or have waited, over 48 hours since they were authorised."
    ),
    view!(
        "reprocessed_share",
        "Lines inspected more than once, by facility and category."
    ),
    view!(
        "missed_reorder",
        "Lines graded sellable that were not restocked within the term of restock_overdue, by facility and category, with the value of those that still wait."
    ),
    view!(
        "limbo_stock",
        "Goods received and neither restocked nor gone another way, by facility, what they wait for, and age, with their value at the price paid."
    ),
    view!(
        "facility_queues",
        "Inspection and restock queues per facility: depth in lines, age in hours of the oldest, throughput a day, days of work, whether overloaded (over a day of work), and to \
         which of the same kind with room (under half a day) to divert: the nearest by postal code, then the least loaded."
    ),
    view!(
        "cycle_times",
        "Hours from request to the end of a line and to the first refund of its return, by channel."
    ),
    view!(
        "inspection_accuracy",
        "First-pass inspection accuracy by facility: lines whose first grade still stands, of all and of those that were inspected again."
    ),
    view!(
        "refund_sla",
        "Refunds in time, late and overdue by tender and month in which they fall due; adherence is the share in time of those issued or overdue."
    ),
    view!(
        "supplier_recovery",
        "Claims against suppliers: claimed, settled, rejected, open, and the share of answered claims' value that was paid."
    ),
    view!(
        "refund_checks",
        "Issued refund of each return line against what was paid for the pieces, with a verdict: as_expected, above, below, refunded_and_exchanged, pending, not_allocated, \
         line_not_known. One that differs is an exception."
    ),
    view!(
        "exchange_checks",
        "Stated price difference of each exchange against new order less returned line, with a verdict."
    ),
    view!(
        "loyalty_checks",
        "Points taken back for a return against its share of the order's points, with a verdict; given_not_known where no points were told to be given."
    ),
    view!(
        "exceptions",
        "Exceptions on the way back, one row each: pickup_failed, missing_scan, receipt_missing, quantity_mismatch, serial_missing, inspection_overdue, refund_overdue, \
         disposition_overdue, claim_overdue, and refund_differs; with facility and family (category of the goods). Those of terms repeat sla_breaches."
    ),
    view!(
        "exception_counts",
        "Exceptions by category, facility and family: how many, how many open, and since when."
    ),
    view!(
        "order_timeline",
        "What happened to an order across channels: placed, parcels, returns (also in a shop), exchanges, refunds, terms that passed. Ask by order_id."
    ),
    view!(
        "kpis",
        "Figures of operations by month: return_cycle_time_p50 and _p90, share_received, pickups_over_48h, inspection_dwell_p50, first_pass_inspection_accuracy, \
         reprocessed_share, refund_sla_adherence, supplier_recovery_rate, sla_breaches, disposition_advice_followed."
    ),
];
