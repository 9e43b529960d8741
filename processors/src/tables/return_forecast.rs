//! `return_forecast`: units of returns that will arrive on each of the next fourteen days, and what a fortnight ago was forecast of the last fourteen.

use super::Writer;
use crate::interner::NO_KEY;
use crate::rates::Rates;
use crate::rates::forecast::{ALL, Forecast, forecasts, keys};
use crate::rows::Kind::{Day, Float, Int, Small, Text};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "return_forecast",
    schema_name: "",
    key: 3,
    comment: "Units of returns that will arrive, by facility and category, on each of the next 14 days, as of the end of the last closed day; and of the last 14 days what \
              was to be forecast a fortnight ago, beside what came. A facility and a category together where 60 units arrived in twelve weeks.",
    columns: &[
        ("facility", Text, FULL, "Facility at which they arrive; `all`."),
        ("category", Text, FULL, "Category; `all`."),
        ("day", Day, FULL, "Day of arrival, in the tenant's time zone."),
        ("made_on", Day, FULL, "Day as of whose end it is forecast."),
        ("horizon_days", Small, FULL, "Days from then."),
        ("expected", Float, FULL, "Mean."),
        ("p10", Float, FULL, "One day in ten brings less."),
        ("p50", Float, FULL, "Half of the days bring less."),
        ("p90", Float, FULL, "One day in ten brings more."),
        ("actual", Int, NULL, "Units that came, once the day is closed."),
    ],
};

/// Writes all rows, and takes back those of before.
pub(crate) fn write(world: &World, rates: &mut Rates, rows: &mut Writer) {
    let made = forecasts(&rates.small);
    for (facility, category, day) in std::mem::replace(&mut rates.forecast_rows, keys(&made)) {
        rows.deletes
            .text(facility_word(world, facility))
            .text(category_word(world, category))
            .day(day);
    }
    each(world, &made, rows);
}

/// Writes all rows.
pub(crate) fn scan(world: &World, rates: &Rates, rows: &mut Writer) {
    each(world, &forecasts(&rates.small), rows);
}

fn facility_word(world: &World, facility: u32) -> &str {
    if facility == NO_KEY {
        "all"
    } else {
        world.facility_keys.get(facility)
    }
}

fn category_word(world: &World, category: u32) -> &str {
    if category == ALL {
        "all"
    } else {
        world.symbols.text(category)
    }
}

fn each(world: &World, made: &[Forecast], rows: &mut Writer) {
    for of in made {
        for (ahead, day) in of.days.iter().enumerate() {
            let horizon = ahead as i32 + 1;
            rows.upserts
                .text(facility_word(world, of.facility))
                .text(category_word(world, of.category))
                .day(of.made_on + horizon)
                .day(of.made_on)
                .small(horizon)
                .float(day.expected)
                .float(day.p10)
                .float(day.p50)
                .float(day.p90)
                .int(of.actual.map(|actual| i64::from(actual[ahead])));
        }
    }
}
