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
    &[View {
        name: "return_rates",
        sql: include_str!("../views/return_rates.sql"),
        comment: "Return rates by delivery cohort, for sku, category, channel, state and courier, by day, week (from Monday) and month of the \
                  tenant's calendar, in units and in value, on the basis of requests and of receipts. Only raw rates so far: maturity, \
                  adjusted_rate, lower and upper are null until the maturity model comes. RTO is in no numerator and no denominator.",
    }]
}
