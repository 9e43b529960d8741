//! What a returned line brings by each route: the arithmetic, and what is learned from what lines brought.
//!
//! Today's value is what the buyer paid times what is kept of it at its age (depreciation). A route brings a share of it, less its cost a piece. The share is the
//! policy's, moved by what was learned: the mean over lines of category, grade and route, shrunken towards the mean of grade and route over all categories, and
//! that towards the policy's share, each as if `prior_lines` lines had spoken for what stands above it (an empirical mean with a conjugate prior's weight). A
//! supplier pays a share of the cost, learned in the same way by supplier from claims that were settled or rejected.
//!
//! Only what the log held before is used. What was learned from an event that is voided later stays: a line in thousands moves nothing.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_events::returns::Disposition;
use serde::Serialize;

use super::policy::Routes;

/// How many routes there are.
pub(crate) const ROUTES: usize = 5;
/// The vendor among the routes.
pub(crate) const VENDOR: usize = 4;

/// A mean of shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
struct Mean {
    lines: f64,
    sum: f64,
}

impl Mean {
    fn shrunken(self, towards: f64, prior_lines: f64) -> f64 {
        (prior_lines * towards + self.sum) / (prior_lines + self.lines)
    }
}

/// What was learned.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Learned {
    /// By grade and route, over all categories.
    all: BTreeMap<(u8, u8), Mean>,
    /// By symbol of the category, grade and route.
    by_category: BTreeMap<(u32, u8, u8), Mean>,
    /// Of claims, over all suppliers.
    claims: Mean,
    /// By symbol of the supplier.
    by_supplier: BTreeMap<u32, Mean>,
}

/// Share of a value, kept within what a told figure can mean.
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64).clamp(-1.0, 1.5))
}

impl Learned {
    /// A line of a category and grade, worth `value_minor` at its end, brought `recovered_minor` by a route.
    pub(crate) fn brought(
        &mut self,
        (category, grade, route): (u32, u8, u8),
        recovered_minor: i64,
        value_minor: i64,
    ) {
        let Some(share) = share(recovered_minor, value_minor) else {
            return;
        };
        let means = [
            self.all.entry((grade, route)).or_default(),
            self.by_category.entry((category, grade, route)).or_default(),
        ];
        for mean in means {
            mean.lines += 1.0;
            mean.sum += share;
        }
    }

    /// A supplier paid `settled_minor` of a claim.
    pub(crate) fn settled(&mut self, supplier: u32, settled_minor: i64, claimed_minor: i64) {
        let Some(share) = share(settled_minor, claimed_minor) else {
            return;
        };
        for mean in [&mut self.claims, self.by_supplier.entry(supplier).or_default()] {
            mean.lines += 1.0;
            mean.sum += share;
        }
    }

    /// Share that a route brings, and how many lines of the category spoke for it.
    fn share(&self, routes: &Routes, of: &Ask<'_>, route: usize) -> (f64, f64) {
        let prior = routes.prior_lines;
        let assumed = routes.routes[route].shares[usize::from(of.grade)];
        let (all, own) = if route == VENDOR {
            let own = of.supplier.and_then(|supplier| self.by_supplier.get(&supplier));
            (self.claims, own.copied().unwrap_or_default())
        } else {
            let of_all = self.all.get(&(of.grade, route as u8));
            let own = self.by_category.get(&(of.category, of.grade, route as u8));
            (
                of_all.copied().unwrap_or_default(),
                own.copied().unwrap_or_default(),
            )
        };
        (own.shrunken(all.shrunken(assumed, prior), prior), own.lines)
    }
}

/// What is known of a line that was inspected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) category: u32,
    pub(crate) category_word: &'a str,
    /// Index in `Grade::ALL`.
    pub(crate) grade: u8,
    pub(crate) qty: u32,
    /// What the buyer paid for the pieces, in minor units.
    pub(crate) value_minor: i64,
    /// What they cost, where the catalogue says.
    pub(crate) cost_minor: Option<i64>,
    /// Days since delivery, where it is known.
    pub(crate) age_days: Option<f64>,
    /// Symbol of the supplier, none when not known.
    pub(crate) supplier: Option<u32>,
    /// The supplier answers for what is wrong with it.
    pub(crate) faulty: bool,
}

/// One route as it is told, members in the order of their names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Weighed {
    /// Of what the share is taken, in minor units.
    pub(crate) base_minor: i64,
    pub(crate) cost_minor: i64,
    pub(crate) excluded: Option<&'static str>,
    pub(crate) expected_minor: i64,
    /// Lines, or claims, of its own that the share was learned from.
    pub(crate) learned_from: i64,
    pub(crate) route: &'static str,
    pub(crate) share: f64,
}

/// All of it as it is told, members in the order of their names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Weighing {
    pub(crate) age_days: Option<f64>,
    /// Share of its value that is left at this age.
    pub(crate) kept: f64,
    pub(crate) routes: Vec<Weighed>,
    pub(crate) value_minor: i64,
}

fn rounded(figure: f64) -> f64 {
    (figure * 10_000.0).round() / 10_000.0
}

/// Weighs the routes, in the order of `Disposition::ALL`, and says which is best: the first with the highest expectation of those that are open to it.
pub(crate) fn weigh(routes: &Routes, learned: &Learned, of: &Ask<'_>) -> (Weighing, usize) {
    let kept = routes.kept(of.category_word, of.age_days.unwrap_or(0.0));
    let today = (of.value_minor as f64 * kept).round() as i64;
    let weighed: Vec<Weighed> = (0..ROUTES)
        .map(|at| {
            let route = &routes.routes[at];
            let (share, lines) = learned.share(routes, of, at);
            let base_minor = if at == VENDOR {
                of.cost_minor
                    .unwrap_or((of.value_minor as f64 * routes.cost_share).round() as i64)
            } else {
                today
            };
            let cost_minor = route.cost_minor.saturating_mul(i64::from(of.qty));
            Weighed {
                base_minor,
                cost_minor,
                excluded: excluded(routes, of, at),
                expected_minor: (share * base_minor as f64).round() as i64 - cost_minor,
                learned_from: lines as i64,
                route: Disposition::ALL[at].as_str(),
                share: rounded(share),
            }
        })
        .collect();
    let mut best = None;
    for (at, route) in weighed.iter().enumerate() {
        let better = |best: usize| weighed[best].expected_minor < route.expected_minor;
        if route.excluded.is_none() && best.is_none_or(better) {
            best = Some(at);
        }
    }
    let weighing = Weighing {
        age_days: of.age_days.map(|days| (days * 10.0).round() / 10.0),
        kept: rounded(kept),
        routes: weighed,
        value_minor: of.value_minor,
    };
    // Disposal is open to everything, unless a policy closes all.
    (weighing, best.unwrap_or(3))
}

/// Why a route is not open to a line.
fn excluded(routes: &Routes, of: &Ask<'_>, route: usize) -> Option<&'static str> {
    if !routes.routes[route].enabled {
        return Some("switched off by the policy");
    }
    match Disposition::ALL[route] {
        Disposition::Restock if !routes.restock[usize::from(of.grade)] => Some("the grade is not sellable"),
        Disposition::Vendor if of.supplier.is_none() => Some("the supplier is not known"),
        Disposition::Vendor if !of.faulty => Some("the supplier does not answer for the reason"),
        Disposition::Vendor if of.age_days.is_some_and(|days| days > routes.vendor_days) => {
            Some("the supplier's term is over")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: Ask<'static> = Ask {
        category: 7,
        category_word: "kurta",
        grade: 0,
        qty: 1,
        value_minor: 100_000,
        cost_minor: Some(50_000),
        age_days: Some(30.0),
        supplier: Some(3),
        faulty: false,
    };

    #[test]
    fn the_route_that_brings_most_is_best_and_the_arithmetic_adds_up() {
        let (weighing, best) = weigh(&Routes::default(), &Learned::default(), &ASK);
        assert_eq!(best, 0);
        let restock = &weighing.routes[0];
        assert_eq!((restock.base_minor, restock.cost_minor), (95_000, 3_000));
        assert_eq!(restock.expected_minor, 85_500 - 3_000);
        assert_eq!(
            weighing.routes[VENDOR].excluded,
            Some("the supplier does not answer for the reason")
        );
    }

    #[test]
    fn a_cheap_worn_piece_is_not_worth_its_repair() {
        let routes = Routes::default();
        let worn = Ask { grade: 2, ..ASK };
        assert_eq!(weigh(&routes, &Learned::default(), &worn).1, 1);
        let cheap = Ask {
            value_minor: 30_000,
            ..worn
        };
        assert_eq!(weigh(&routes, &Learned::default(), &cheap).1, 2);
        let nothing = Ask {
            grade: 4,
            value_minor: 1_000,
            ..ASK
        };
        assert_eq!(weigh(&routes, &Learned::default(), &nothing).1, 3);
    }

    #[test]
    fn a_supplier_answers_for_a_fault_within_its_term() {
        let routes = Routes::default();
        let faulty = Ask {
            grade: 3,
            faulty: true,
            ..ASK
        };
        let (weighing, best) = weigh(&routes, &Learned::default(), &faulty);
        assert_eq!(best, VENDOR);
        assert_eq!(weighing.routes[VENDOR].expected_minor, 35_000 - 6_000);
        let late = Ask {
            age_days: Some(91.0),
            ..faulty
        };
        assert_ne!(weigh(&routes, &Learned::default(), &late).1, VENDOR);
    }

    #[test]
    fn what_lines_bring_moves_the_share_and_other_categories_less() {
        let routes = Routes::default();
        let mut learned = Learned::default();
        for _ in 0..200 {
            learned.brought((7, 0, 0), 10_000, 100_000);
        }
        let (own, lines) = learned.share(&routes, &ASK, 0);
        assert_eq!(lines, 200.0);
        assert!((0.1..0.13).contains(&own), "{own}");
        let other = Ask { category: 8, ..ASK };
        let (other, lines) = learned.share(&routes, &other, 0);
        assert_eq!(lines, 0.0);
        assert!(own < other && other < 0.2, "{other}");
        learned.settled(3, 0, 100);
        assert!(learned.share(&routes, &ASK, VENDOR).0 < 0.7);
    }
}
