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

/// Views under one name, told apart by the words of some columns.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Name in SQL.
    pub name: &'static str,
    /// What it means.
    pub comment: &'static str,
    /// The columns, each with the words that it stands for when a statement leaves it open.
    pub choices: &'static [(&'static str, &'static [&'static str])],
    /// The query that a word of each column makes, in their order; none for words that make none.
    pub sql: fn(&[&str]) -> Option<String>,
}

/// The families of views.
#[must_use]
pub fn families() -> &'static [Family] {
    &[Family {
        name: "return_rates",
        comment: "Return rates by cohort of delivery or of order, by day, week (from Monday) and month of the tenant's calendar, in units and in value, on the basis of \
                  requests and of receipts. Dimensions: sku, style, category, size, reason_group, channel, state, tier, courier, seller, supplier, facility, price_band; asked \
                  for by name also all, packer, zone, payment_mode, batch and any pair, as `category,size`. raw_rate is what has come back; maturity the share of the returns that \
                  has come; adjusted_rate the expected final rate, and nine in ten cohorts end between lower and upper. Say dimension, cohort_by and grain with `=`: each is \
                  another query. RTO is in no numerator and no denominator.",
        choices: &[
            ("dimension", &RATE_DIMENSIONS),
            ("cohort_by", &["delivered", "ordered"]),
            ("grain", &["day", "week", "month"]),
        ],
        sql: return_rates,
    }]
}

/// Dimensions of the contract, which a statement that names none is about.
const RATE_DIMENSIONS: [&str; 13] = [
    "sku",
    "style",
    "category",
    "size",
    "reason_group",
    "channel",
    "state",
    "tier",
    "courier",
    "seller",
    "supplier",
    "facility",
    "price_band",
];

/// The column of `order_lines` that a dimension groups by.
fn column_of(dimension: &str) -> Option<&'static str> {
    Some(match dimension {
        "all" => "'all'",
        "sku" => "sku",
        "style" => "style",
        "category" => "category",
        "size" => "size",
        "channel" => "channel",
        "state" => "destination_state",
        "tier" => "cast(destination_tier as varchar)",
        "zone" => "destination_zone",
        "courier" => "courier",
        "seller" => "seller_id",
        "supplier" => "supplier_id",
        "facility" => "facility",
        "packer" => "packer",
        "price_band" => "price_band",
        "payment_mode" => "payment_mode",
        "batch" => "batch",
        _ => return None,
    })
}

/// Units that the rate of its mix of categories counts for about a value of which nothing else is believed.
const PRIOR_STRENGTH: &str = "150.0";

/// One view of `return_rates`.
fn return_rates(words: &[&str]) -> Option<String> {
    let &[dimension, cohort_by, grain] = words else {
        return None;
    };
    let day = match cohort_by {
        "delivered" => "delivered_on",
        "ordered" => "ordered_on",
        _ => return None,
    };
    let cohort_start = match grain {
        "day" => day.to_owned(),
        "week" | "month" => format!("cast(date_trunc('{grain}', {day}) as date)"),
        _ => return None,
    };
    let parts: Vec<&str> = dimension.split(',').collect();
    if parts.len() > 2 || (parts.len() == 2 && parts[0] == parts[1]) {
        return None;
    }
    const REASON: &str = "reason_group";
    let unknown = |column: &str| format!("coalesce({column}, 'unknown')");
    let others: Vec<String> = parts
        .iter()
        .filter(|part| **part != REASON)
        .map(|part| column_of(part).map(unknown))
        .collect::<Option<_>>()?;
    let value = match others.as_slice() {
        [] => "''".to_owned(),
        [one] => one.clone(),
        [first, second, ..] => format!("concat({first}, ',', {second})"),
    };
    // A reason is told of what came back alone: its rate is over all that was delivered, so each cohort has a cell for each reason.
    let by_reason = parts.contains(&REASON);
    let named = match parts.as_slice() {
        [REASON] => "r.reason",
        [REASON, _] => "concat(r.reason, ',', t.value)",
        _ => "concat(t.value, ',', r.reason)",
    };
    let cells = if by_reason {
        format!(
            "select {named} as value, t.category, t.delivered_on, t.cohort_start, t.currency, t.delivered_units, t.delivered_value, t.unit_squares, t.value_squares, \
             coalesce(l.requested_units, 0) as requested_units, coalesce(l.received_units, 0) as received_units, \
             coalesce(l.requested_value, 0) as requested_value, coalesce(l.received_value, 0) as received_value \
             from (select value, category, delivered_on, cohort_start, currency, cast(sum(delivered_units) as bigint) as delivered_units, \
             cast(sum(delivered_value) as bigint) as delivered_value, sum(unit_squares) as unit_squares, sum(value_squares) as value_squares \
             from lines group by 1, 2, 3, 4, 5) t \
             cross join (select distinct reason from lines where reason <> '') r \
             left join lines l on l.value = t.value and l.category = t.category and l.delivered_on = t.delivered_on \
             and l.cohort_start = t.cohort_start and l.currency = t.currency and l.reason = r.reason"
        )
    } else {
        "select * from lines".to_owned()
    };
    let reason = if by_reason {
        "case when requested_qty > 0 then coalesce(reason_group, 'unknown') else '' end"
    } else {
        "''"
    };
    let text = include_str!("../views/return_rates.sql")
        .replace("{dimension}", dimension)
        .replace("{cohort_by}", cohort_by)
        .replace("{grain}", grain)
        .replace("{cohort_start}", &cohort_start)
        .replace("{value}", &value)
        .replace("{reason}", reason)
        .replace("{cells}", &cells)
        // Of one reason among several less is expected than of all.
        .replace("{prior_scale}", if by_reason { "0.125" } else { "1.0" })
        .replace("{prior_strength}", PRIOR_STRENGTH);
    Some(text)
}
