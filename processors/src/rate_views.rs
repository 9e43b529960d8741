//! Families of views: return rates by any dimension and pair, each a query of its own.

/// Views under one name, told apart by the words of some columns.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Name in SQL.
    pub name: &'static str,
    /// What it means.
    pub comment: &'static str,
    /// The columns, each with the words that it stands for when a statement leaves it open; without any where the view of the empty word answers for all.
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
            ("measure", &[]),
            ("basis", &[]),
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

/// The column of `order_lines` that a dimension groups by, as it stands there: groups of stored words cost less than those of words that are made.
fn column_of(dimension: &str) -> Option<&'static str> {
    Some(match dimension {
        "all" => "'all'",
        "sku" => "sku",
        "style" => "style",
        "category" => "category",
        "size" => "size",
        "channel" => "channel",
        "state" => "destination_state",
        "tier" => "destination_tier",
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

/// Figures of days, under the value that is asked for: those of one value are added up with the rest of its cohort later on,
const LINES: &str = "delivered_units, requested_units, received_units, delivered_value, requested_value, received_value, unit_squares, value_squares from days";

/// or before, where they are looked up by value and reason.
const LINES_ADDED_UP: &str = "cast(sum(delivered_units) as bigint) as delivered_units, cast(sum(requested_units) as bigint) as requested_units, \
    cast(sum(received_units) as bigint) as received_units, sum(delivered_value) as delivered_value, sum(requested_value) as requested_value, \
    sum(received_value) as received_value, sum(unit_squares) as unit_squares, sum(value_squares) as value_squares \
    from days group by 1, 2, 3, 4, 5, 6";

/// Units that the rate of its mix of categories counts for about a value of which nothing else is believed.
const PRIOR_STRENGTH: &str = "150.0";

/// One view of `return_rates`.
fn return_rates(words: &[&str]) -> Option<String> {
    let &[dimension, cohort_by, grain, measure, basis] = words else {
        return None;
    };
    // What is asked for by name is one measure of each cell; else each cell is four rows.
    let (measures, measure, currency) = match measure {
        "" => (
            "cross join (values ('units'), ('value')) as m (measure)",
            "m.measure",
            "case when m.measure = 'value' then cells.currency end",
        ),
        "units" => ("", "'units'", "cells.currency"),
        "value" => ("", "'value'", "cells.currency"),
        _ => return None,
    };
    let (bases, basis) = match basis {
        "" => (
            "cross join (values ('requested'), ('received')) as b (basis)",
            "b.basis",
        ),
        "requested" => ("", "'requested'"),
        "received" => ("", "'received'"),
        _ => return None,
    };
    // Cohorts are told apart by what differs among them and by nothing else.
    let (measure_of, basis_of) = (
        if measures.is_empty() { measure } else { "measure" },
        if bases.is_empty() { basis } else { "basis" },
    );
    let currency_of = if measure == "'units'" {
        "case when false then min(currency) end"
    } else {
        "currency"
    };
    let cohort: Vec<&str> = ["value", "cohort_start", measure_of, basis_of, currency_of]
        .into_iter()
        .filter(|of| !of.contains(['\'', ' ']))
        .collect();
    let (asked_join, asked_rate) = match basis {
        "'requested'" => ("", "own.ever_rate"),
        _ => (
            "left join return_maturity asked on asked.category = cells.category and asked.basis = 'requested' and asked.delivered_on = cells.delivered_on",
            "asked.ever_rate",
        ),
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
    let columns: Vec<&str> = parts
        .iter()
        .filter(|part| **part != REASON)
        .map(|part| column_of(part))
        .collect::<Option<_>>()?;
    let column = |at: usize| columns.get(at).copied().unwrap_or("''");
    let word = |at: usize| format!("coalesce(cast(word_{at} as varchar), 'unknown')");
    let value = match columns.len() {
        0 => "''".to_owned(),
        1 => word(0),
        _ => format!("concat({}, ',', {})", word(0), word(1)),
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
    let lines = if by_reason { LINES_ADDED_UP } else { LINES };
    let (reason_group, asked, reason) = if by_reason {
        let told = "case when asked then coalesce(reason_group, 'unknown') else '' end";
        ("reason_group", "requested_qty > 0", told)
    } else {
        ("''", "false", "''")
    };
    let text = include_str!("../views/return_rates.sql")
        .replace("{dimension}", dimension)
        .replace("{cohort_by}", cohort_by)
        .replace("{grain}", grain)
        .replace("{cohort_start}", &cohort_start)
        .replace(
            "{ordered_on}",
            if cohort_by == "ordered" {
                "ordered_on"
            } else {
                "delivered_on"
            },
        )
        .replace("{value}", &value)
        .replace("{word_0}", column(0))
        .replace("{word_1}", column(1))
        .replace("{reason_group}", reason_group)
        .replace("{asked}", asked)
        .replace("{reason}", reason)
        .replace("{cells}", &cells)
        .replace("{cohort}", &cohort.join(", "))
        .replace("{measure_of}", measure_of)
        .replace("{basis_of}", basis_of)
        .replace("{currency_of}", currency_of)
        .replace("{currency}", currency)
        .replace("{measures}", measures)
        .replace("{measure}", measure)
        .replace("{bases}", bases)
        .replace("{basis}", basis)
        .replace("{asked_join}", asked_join)
        .replace("{asked_rate}", asked_rate)
        .replace("{lines}", lines)
        // Of one reason among several less is expected than of all.
        .replace("{prior_scale}", if by_reason { "0.125" } else { "1.0" })
        .replace("{prior_strength}", PRIOR_STRENGTH);
    Some(text)
}
