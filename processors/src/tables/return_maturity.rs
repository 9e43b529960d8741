//! `return_maturity`: how much of the returns of each day's deliveries has come, by category and basis; the ground of the adjusted rates of `return_rates`.

use eddy_models::delay::{AGES, Curve};

use super::Writer;
use crate::rates::{Basis, Rates};
use crate::rows::Kind::{Day, Float, Text};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "return_maturity",
    schema_name: "",
    key: 3,
    comment: "Share of the returns of each day's deliveries that has come by the day under way, by category: learned from the log, right-censoring handled \
              (Kaplan and Meier). Days that are older than 120 days are mature and have no row.",
    columns: &[
        (
            "category",
            Text,
            FULL,
            "Category; empty for lines without one, `*` for one that came since the last day was closed.",
        ),
        ("basis", Text, FULL, "requested or received."),
        ("delivered_on", Day, FULL, "Day of delivery."),
        (
            "maturity",
            Float,
            FULL,
            "Share of its returns that has come, 0 to 1.",
        ),
        (
            "ever_rate",
            Float,
            NULL,
            "Share of what is delivered of the category that ever comes back.",
        ),
    ],
};

/// Age in days, at the middle of the day under way, of what was delivered in the course of `day`.
fn age(today: i32, day: i32) -> f64 {
    if today == day {
        0.25
    } else {
        f64::from(today - day)
    }
}

/// Writes all rows, and takes back those of days that are mature now.
pub(crate) fn write(world: &World, rates: &mut Rates, rows: &mut Writer) {
    let days = rates.maturing();
    if let Some(from) = rates.matured_from {
        // No window is longer than the ages that are told apart, however long the log was silent.
        let old = from..(*days.start()).min(from.saturating_add(2 * AGES as i32));
        let words = rates.categories().map(|category| {
            let gone = !rates.small.curves.contains_key(&category);
            (world.symbols.text(category), gone)
        });
        for (category, gone) in words.chain([("*", false)]) {
            let until = if gone { *days.end() } else { old.end - 1 };
            for day in old.start..=until {
                for basis in Basis::ALL {
                    rows.deletes.text(category).text(basis.word()).day(day);
                }
            }
        }
    }
    scan(world, rates, rows);
    rates.matured_from = Some(*days.start());
}

/// Writes all rows.
pub(crate) fn scan(world: &World, rates: &Rates, rows: &mut Writer) {
    let days = rates.maturing();
    for (category, curves) in curves(world, rates) {
        for basis in Basis::ALL {
            let curve = &curves[basis as usize];
            for day in days.clone() {
                rows.upserts
                    .text(category)
                    .text(basis.word())
                    .day(day)
                    .float(curve.share(age(*days.end(), day)))
                    .float(curve.ever);
            }
        }
    }
}

/// The curves by the word of their category.
fn curves<'a>(world: &'a World, rates: &'a Rates) -> impl Iterator<Item = (&'a str, &'a [Curve; 2])> {
    let own = rates.small.curves.iter();
    own.map(|(category, curves)| (world.symbols.text(*category), curves))
        .chain(rates.small.closed.map(|_| ("*", &rates.small.wide)))
}
