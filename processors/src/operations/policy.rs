//! The policy of operations: how long each step may take, and what routes cost and bring. It comes with `policy.published`, in the members `sla` and `dispositions` of the
//! body. What it leaves out is as here.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_events::returns::{Disposition, Grade};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::interner::Symbols;

const HOUR_US: f64 = 3_600_000_000.0;
/// Longest term, a year.
const MOST_HOURS: f64 = 8_784.0;

/// Lengths of the terms in hours; `null` turns a term off.
#[derive(Clone, Debug, PartialEq, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
struct Sla {
    enabled: bool,
    pickup_hours: Option<f64>,
    scan_hours: Option<f64>,
    receipt_hours: Option<f64>,
    inspection_hours: Option<f64>,
    disposition_hours: Option<f64>,
    restock_hours: Option<f64>,
    refund_hours: Option<f64>,
    claim_hours: Option<f64>,
    /// By the clock, for a term that had passed when it was first heard of.
    grace_hours: f64,
}

impl Default for Sla {
    fn default() -> Self {
        Self {
            enabled: true,
            pickup_hours: Some(48.0),
            scan_hours: Some(120.0),
            receipt_hours: Some(240.0),
            inspection_hours: Some(48.0),
            disposition_hours: Some(48.0),
            restock_hours: Some(72.0),
            refund_hours: Some(168.0),
            claim_hours: Some(720.0),
            grace_hours: 1.0,
        }
    }
}

/// Lengths of the terms in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Hours {
    pub(crate) pickup: Option<i64>,
    pub(crate) scan: Option<i64>,
    pub(crate) receipt: Option<i64>,
    pub(crate) inspection: Option<i64>,
    pub(crate) disposition: Option<i64>,
    pub(crate) restock: Option<i64>,
    pub(crate) refund: Option<i64>,
    pub(crate) claim: Option<i64>,
}

impl Hours {
    fn of(said: &Sla) -> Self {
        let of = |hours: Option<f64>| hours.filter(|_| said.enabled).map(micros);
        Self {
            pickup: of(said.pickup_hours),
            scan: of(said.scan_hours),
            receipt: of(said.receipt_hours),
            inspection: of(said.inspection_hours),
            disposition: of(said.disposition_hours),
            restock: of(said.restock_hours),
            refund: of(said.refund_hours),
            claim: of(said.claim_hours),
        }
    }
}

fn micros(hours: f64) -> i64 {
    (hours * HOUR_US).round() as i64
}

/// What one route costs and brings.
#[derive(Clone, Debug, PartialEq, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Route {
    pub(crate) enabled: bool,
    /// What the route costs a piece in minor units, besides what `recovered_minor` nets.
    pub(crate) cost_minor: i64,
    /// Share of today's value that comes back, by grade from `a` to `reject`, before anything was learned.
    pub(crate) shares: [f64; 5],
}

impl Default for Route {
    fn default() -> Self {
        Self {
            enabled: true,
            cost_minor: 0,
            shares: [0.0; 5],
        }
    }
}

/// A change of a route, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidOfRoute {
    enabled: Option<bool>,
    cost_minor: Option<i64>,
    shares: Option<BTreeMap<String, f64>>,
}

/// A policy of routes, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidOfRoutes {
    enabled: Option<bool>,
    depreciation_per_month: Option<f64>,
    #[serde(default)]
    depreciation_by_category: BTreeMap<String, f64>,
    least_kept: Option<f64>,
    restock_grades: Option<Vec<String>>,
    vendor_reasons: Option<Vec<String>>,
    vendor_days: Option<f64>,
    cost_share: Option<f64>,
    prior_lines: Option<f64>,
    #[serde(default)]
    routes: BTreeMap<String, SaidOfRoute>,
}

/// The numbers of routes.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Routes {
    version: String,
    pub(crate) enabled: bool,
    /// Share of its value that an article loses in thirty days after delivery.
    depreciation_per_month: f64,
    depreciation_by_category: BTreeMap<String, f64>,
    /// Share of its value below which it never falls.
    pub(crate) least_kept: f64,
    /// Whether a grade may go back on the shelf.
    pub(crate) restock: [bool; 5],
    /// Groups of reasons for which a supplier answers.
    pub(crate) vendor_reasons: Vec<String>,
    /// Days after delivery in which a supplier answers.
    pub(crate) vendor_days: f64,
    /// Cost as a share of the price, where the catalogue does not say.
    pub(crate) cost_share: f64,
    /// Lines that weigh as much as what is assumed.
    pub(crate) prior_lines: f64,
    /// In the order of `Disposition::ALL`. The share of the vendor is of the cost, not of today's value.
    pub(crate) routes: [Route; 5],
}

impl Default for Routes {
    fn default() -> Self {
        let route = |cost_minor, shares| Route {
            enabled: true,
            cost_minor,
            shares,
        };
        Self {
            version: "default".to_owned(),
            enabled: true,
            depreciation_per_month: 0.05,
            depreciation_by_category: BTreeMap::new(),
            least_kept: 0.2,
            restock: [true, true, false, false, false],
            vendor_reasons: ["defect", "not_as_described", "wrong_item"]
                .map(str::to_owned)
                .to_vec(),
            vendor_days: 90.0,
            cost_share: 0.6,
            prior_lines: 20.0,
            routes: [
                route(3_000, [0.90, 0.75, 0.40, 0.10, 0.0]),
                route(15_000, [0.70, 0.65, 0.50, 0.25, 0.0]),
                route(2_000, [0.35, 0.30, 0.22, 0.12, 0.03]),
                route(1_500, [0.0; 5]),
                route(6_000, [0.70; 5]),
            ],
        }
    }
}

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Policy {
    version: String,
    enabled: bool,
    hours: Hours,
    grace_us: i64,
    pub(crate) routes: Routes,
}

impl Default for Policy {
    fn default() -> Self {
        Self::of(&Sla::default(), "default", Routes::default())
    }
}

impl Policy {
    fn of(sla: &Sla, version: &str, routes: Routes) -> Self {
        Self {
            version: version.to_owned(),
            enabled: sla.enabled,
            hours: Hours::of(sla),
            grace_us: micros(sla.grace_hours),
            routes,
        }
    }

    /// Takes what a published body says of operations. The error says in which member and what is wrong; then nothing of it is taken.
    pub(crate) fn take(
        &mut self,
        body: &serde_json::Value,
        version: &str,
        symbols: &mut Symbols,
    ) -> Result<(), (&'static str, String)> {
        let sla: Option<Sla> = read(body, "sla").map_err(|slip| ("data.body.sla", slip))?;
        let routes: Option<SaidOfRoutes> =
            read(body, "dispositions").map_err(|slip| ("data.body.dispositions", slip))?;
        let routes = routes
            .map(|said| Routes::of(said, version))
            .transpose()
            .map_err(|slip| ("data.body.dispositions", slip))?;
        if let Some(sla) = sla {
            check(&sla).map_err(|slip| ("data.body.sla", slip))?;
            symbols.of(version);
            let before = std::mem::take(&mut self.routes);
            *self = Self::of(&sla, version, before);
        }
        if let Some(routes) = routes {
            self.routes = routes;
        }
        Ok(())
    }

    /// Whether terms run at all.
    pub(crate) fn enabled(&self) -> bool {
        self.enabled
    }

    pub(crate) fn hours(&self) -> &Hours {
        &self.hours
    }

    pub(crate) fn grace_us(&self) -> i64 {
        self.grace_us
    }

    /// Symbol of the version of the terms.
    pub(crate) fn version(&self, symbols: &mut Symbols) -> u32 {
        symbols.of(&self.version)
    }
}

fn read<T: DeserializeOwned>(body: &serde_json::Value, member: &str) -> Result<Option<T>, String> {
    let said = body.get(member).map(T::deserialize).transpose();
    said.map_err(|error| error.to_string())
}

fn check(sla: &Sla) -> Result<(), String> {
    let terms = [
        ("pickup_hours", sla.pickup_hours),
        ("scan_hours", sla.scan_hours),
        ("receipt_hours", sla.receipt_hours),
        ("inspection_hours", sla.inspection_hours),
        ("disposition_hours", sla.disposition_hours),
        ("restock_hours", sla.restock_hours),
        ("refund_hours", sla.refund_hours),
        ("claim_hours", sla.claim_hours),
        ("grace_hours", Some(sla.grace_hours)),
    ];
    for (name, hours) in terms {
        let least = if name == "grace_hours" { 0.0 } else { 0.25 };
        if hours.is_some_and(|hours| !(least..=MOST_HOURS).contains(&hours)) {
            return Err(format!("{name} must be between {least} and {MOST_HOURS}"));
        }
    }
    Ok(())
}

impl Routes {
    fn of(said: SaidOfRoutes, version: &str) -> Result<Self, String> {
        let default = Self::default();
        let share = |name: &str, value: Option<f64>, or: f64| match value {
            Some(value) if !(0.0..=1.0).contains(&value) => Err(format!("{name} must be between 0 and 1")),
            value => Ok(value.unwrap_or(or)),
        };
        let mut routes = Self {
            version: version.to_owned(),
            enabled: said.enabled.unwrap_or(true),
            depreciation_per_month: share(
                "depreciation_per_month",
                said.depreciation_per_month,
                default.depreciation_per_month,
            )?,
            least_kept: share("least_kept", said.least_kept, default.least_kept)?,
            cost_share: share("cost_share", said.cost_share, default.cost_share)?,
            vendor_reasons: said.vendor_reasons.unwrap_or(default.vendor_reasons),
            vendor_days: said.vendor_days.unwrap_or(default.vendor_days),
            prior_lines: said.prior_lines.unwrap_or(default.prior_lines),
            depreciation_by_category: said.depreciation_by_category,
            ..default
        };
        for (category, value) in &routes.depreciation_by_category {
            share(category, Some(*value), 0.0)?;
        }
        if !(1.0..=100_000.0).contains(&routes.prior_lines) || !(0.0..=3_650.0).contains(&routes.vendor_days)
        {
            return Err(
                "prior_lines must be between 1 and 100000, vendor_days between 0 and 3650".to_owned(),
            );
        }
        if let Some(grades) = said.restock_grades {
            routes.restock = [false; 5];
            for grade in grades {
                routes.restock[grade_of(&grade)?] = true;
            }
        }
        for (name, said) in said.routes {
            let at = Disposition::ALL.iter().position(|route| route.as_str() == name);
            let at = at.ok_or_else(|| {
                let known: Vec<&str> = Disposition::ALL.iter().map(|route| route.as_str()).collect();
                format!("routes: no route `{name}`, there are {}", known.join(", "))
            })?;
            let route = &mut routes.routes[at];
            route.enabled = said.enabled.unwrap_or(route.enabled);
            route.cost_minor = said.cost_minor.unwrap_or(route.cost_minor);
            for (grade, share) in said.shares.unwrap_or_default() {
                if !(-1.0..=1.5).contains(&share) {
                    return Err(format!("{name}: shares must be between -1 and 1.5"));
                }
                route.shares[grade_of(&grade)?] = share;
            }
        }
        Ok(routes)
    }

    /// Symbol of the version.
    pub(crate) fn version(&self, symbols: &mut Symbols) -> u32 {
        symbols.of(&self.version)
    }

    /// Share of its value that an article of a category keeps `days` after its delivery.
    pub(crate) fn kept(&self, category: &str, days: f64) -> f64 {
        let lost = self
            .depreciation_by_category
            .get(category)
            .copied()
            .unwrap_or(self.depreciation_per_month);
        (1.0 - lost).powf(days.max(0.0) / 30.0).max(self.least_kept)
    }
}

fn grade_of(word: &str) -> Result<usize, String> {
    Grade::ALL
        .iter()
        .position(|grade| grade.as_str() == word)
        .ok_or_else(|| format!("no grade `{word}`, there are a, b, c, d, reject"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: serde_json::Value) -> Result<Policy, (&'static str, String)> {
        let mut policy = Policy::default();
        policy.take(&body, "v2", &mut Symbols::default())?;
        Ok(policy)
    }

    #[test]
    fn a_policy_says_what_it_changes_and_keeps_the_rest() {
        let body = json!({"sla": {"inspection_hours": 24, "claim_hours": null},
            "dispositions": {"routes": {"scrap": {"cost_minor": 9}, "liquidate": {"shares": {"c": 0.5}}}, "restock_grades": ["a"]}});
        let policy = read(body).unwrap();
        let default = Policy::default();
        assert_eq!(policy.version, "v2");
        assert_eq!(policy.hours.inspection, Some(micros(24.0)));
        assert_eq!(
            (policy.hours.claim, policy.hours.pickup),
            (None, default.hours.pickup)
        );
        assert_eq!(policy.routes.routes[3].cost_minor, 9);
        assert_eq!(policy.routes.routes[2].shares, [0.35, 0.30, 0.5, 0.12, 0.03]);
        assert_eq!(policy.routes.restock, [true, false, false, false, false]);
        assert_eq!(read(json!({"ndr": {}})).unwrap(), default);
        let off = read(json!({"sla": {"enabled": false}})).unwrap();
        assert_eq!(off.hours, Hours::default());
    }

    #[test]
    fn a_slip_is_told_with_where_it_is() {
        let slips = [
            (json!({"sla": {"inspection_hour": 24}}), "sla", "inspection_hours"),
            (json!({"sla": {"scan_hours": 0}}), "sla", "between"),
            (
                json!({"dispositions": {"routes": {"burn": {}}}}),
                "dispositions",
                "scrap",
            ),
            (
                json!({"dispositions": {"restock_grades": ["e"]}}),
                "dispositions",
                "reject",
            ),
            (
                json!({"dispositions": {"least_kept": 2}}),
                "dispositions",
                "between",
            ),
            (
                json!({"dispositions": {"routes": {"restock": {"shares": {"a": 9}}}}}),
                "dispositions",
                "between",
            ),
        ];
        for (body, member, words) in slips {
            let (field, slip) = read(body).unwrap_err();
            assert!(field.ends_with(member) && slip.contains(words), "{field} {slip}");
        }
    }

    #[test]
    fn an_article_loses_value_with_its_age_and_by_category() {
        let mut routes = Routes::default();
        routes.depreciation_by_category.insert("phones".into(), 0.2);
        assert_eq!(routes.kept("saree", 0.0), 1.0);
        assert!((routes.kept("saree", 30.0) - 0.95).abs() < 1e-12);
        assert!((routes.kept("phones", 60.0) - 0.64).abs() < 1e-12);
        assert_eq!(routes.kept("phones", 3_000.0), 0.2);
    }
}
