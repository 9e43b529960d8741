//! What a world is made from. Every number here is an input of the seed's world: change one and it is another world.

use std::collections::BTreeSet;

use eddy_events::{SmolStr, Timestamp};

use crate::pattern::Pattern;

/// Parameters of a world.
#[derive(Clone, Debug, PartialEq)]
pub struct WorldConfig {
    /// Seed: the same configuration and seed give the same bytes.
    pub seed: u64,
    /// Orders of ordinary demand over all days; exchanges and scripted abuse add about one in a hundred.
    pub orders: u64,
    /// Days on which orders are placed. Deliveries and returns run on for some seventy days more.
    pub days: u32,
    /// First midnight, in the offset of India (+05:30).
    pub start: Timestamp,
    /// Stock keeping units in the catalogue.
    pub skus: u32,
    /// Customers who may order; activity is skewed, so fewer do.
    pub customers: u64,
    /// Couriers, 8 to 10.
    pub couriers: u8,
    /// Share of parcels paid on delivery.
    pub cod_share: f64,
    /// Mean probability that a cash parcel is never delivered.
    pub cod_failure: f64,
    /// The same for a prepaid parcel, losses and damages included.
    pub prepaid_failure: f64,
    /// Multiplies every category's return rate, in odds.
    pub return_scale: f64,
    /// Share of returns that are abusive.
    pub fraud_share: f64,
    /// Patterns of abuse that occur; an absent one leaves the rest as they are in kind and number.
    pub abuses: BTreeSet<Pattern>,
    /// Injected shifts in return or damage rates.
    pub shifts: u32,
    /// Injected outages of a courier in a stretch of country.
    pub outages: u32,
    /// Injected incidents: damage by a packer or on a lane, a slow inspection desk, refunds that hang, failing attempts, parcels that lie without a scan, refunds that nobody begins, each in turn.
    pub incidents: u32,
    /// Share of events that arrive hours or days late, and the most hours.
    pub late_rate: f64,
    /// The most hours an event may be late.
    pub late_max_hours: u32,
    /// Share of events delivered a second time.
    pub duplicate_rate: f64,
    /// Share of events held back by minutes, so that they overtake or are overtaken.
    pub disorder_rate: f64,
    /// The most minutes an event is held back by disorder.
    pub disorder_max_minutes: u32,
    /// Share of returns that an auditor looks at, whatever they look like.
    pub audit_rate: f64,
    /// Tenant of every event.
    pub tenant: SmolStr,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            orders: 100_000,
            days: 365,
            // 2025-01-01T00:00:00+05:30
            start: Timestamp {
                micros: 1_735_669_800_000_000,
                offset_minutes: 330,
            },
            skus: 5_000,
            customers: 25_000,
            couriers: 9,
            cod_share: 0.54,
            cod_failure: 0.26,
            prepaid_failure: 0.018,
            return_scale: 1.0,
            fraud_share: 0.012,
            abuses: Pattern::ALL.iter().copied().collect(),
            shifts: 16,
            outages: 10,
            incidents: 0,
            late_rate: 0.01,
            late_max_hours: 60,
            duplicate_rate: 0.01,
            disorder_rate: 0.02,
            disorder_max_minutes: 45,
            audit_rate: 0.02,
            tenant: SmolStr::new_static("default"),
        }
    }
}

/// A parameter that no world can be made from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {value}, but must be {allowed}; change it in the world's configuration")]
pub struct ConfigError {
    /// Name of the parameter.
    pub field: &'static str,
    /// What it was.
    pub value: String,
    /// What it may be.
    pub allowed: &'static str,
}

impl WorldConfig {
    /// Checks every parameter.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let fail = |field, value: String, allowed| {
            Err(ConfigError {
                field,
                value,
                allowed,
            })
        };
        let shares = [
            ("cod_share", self.cod_share),
            ("cod_failure", self.cod_failure),
            ("prepaid_failure", self.prepaid_failure),
        ];
        for (field, value) in shares {
            if !(0.001..=0.95).contains(&value) {
                return fail(field, value.to_string(), "between 0.001 and 0.95");
            }
        }
        let rates = [
            ("late_rate", self.late_rate),
            ("duplicate_rate", self.duplicate_rate),
            ("disorder_rate", self.disorder_rate),
            ("audit_rate", self.audit_rate),
            ("fraud_share", self.fraud_share),
        ];
        for (field, value) in rates {
            if !(0.0..=0.5).contains(&value) {
                return fail(field, value.to_string(), "between 0 and 0.5");
            }
        }
        if !(0.1..=5.0).contains(&self.return_scale) {
            return fail("return_scale", self.return_scale.to_string(), "between 0.1 and 5");
        }
        if !(8..=10).contains(&self.couriers) {
            return fail("couriers", self.couriers.to_string(), "8, 9 or 10");
        }
        if !(1..=3_660).contains(&self.days) {
            return fail("days", self.days.to_string(), "between 1 and 3660");
        }
        if !(1..=80_000_000).contains(&self.orders) {
            return fail("orders", self.orders.to_string(), "between 1 and 80000000");
        }
        if !(200..=1_000_000).contains(&self.skus) {
            return fail("skus", self.skus.to_string(), "between 200 and 1000000");
        }
        if !(100..=9_000_000).contains(&self.customers) {
            return fail("customers", self.customers.to_string(), "between 100 and 9000000");
        }
        if self.late_max_hours > 72 {
            return fail("late_max_hours", self.late_max_hours.to_string(), "at most 72");
        }
        if self.disorder_max_minutes > 240 {
            return fail(
                "disorder_max_minutes",
                self.disorder_max_minutes.to_string(),
                "at most 240",
            );
        }
        Ok(())
    }
}
