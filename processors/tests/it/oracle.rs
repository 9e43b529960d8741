//! The naive batch: all events at once, each figure by a search through all of them. Slow, plain, and written against the comments of
//! the tables, not against the folds.

mod facts;
mod orders;
mod parcels;
mod returns;
mod settlements;

use std::collections::{BTreeMap, BTreeSet};

use eddy_events::Event;

use crate::support::{Row, Tables};
use facts::Facts;
use orders::{catalogue, customers, orders};
use parcels::shipments;
use returns::{refunds, returned};
use settlements::settlements;

/// Fails unless `tables` has exactly the rows of `expected`, and in them the cells that `expected` names.
pub fn compare(tables: &Tables, expected: &Tables) {
    let names: BTreeSet<&String> = tables.keys().chain(expected.keys()).collect();
    let none = BTreeMap::new();
    for name in names {
        let (found, wanted) = (
            tables.get(name).unwrap_or(&none),
            expected.get(name).unwrap_or(&none),
        );
        let keys: BTreeSet<_> = found.keys().chain(wanted.keys()).collect();
        for key in keys {
            let (Some(found), Some(wanted)) = (found.get(key), wanted.get(key)) else {
                panic!(
                    "{name} {key:?}: found {:?}, expected {:?}",
                    found.get(key),
                    wanted.get(key)
                );
            };
            for (column, value) in wanted {
                assert_eq!(
                    found.get(column).map_or("", String::as_str),
                    value,
                    "{name} {key:?} {column}: {found:?} {wanted:?}"
                );
            }
        }
    }
}

fn text(value: impl ToString) -> String {
    value.to_string()
}

fn time(micros: Option<i64>) -> String {
    micros.map(text).unwrap_or_default()
}

fn row<const N: usize>(cells: [(&str, String); N]) -> Row {
    cells
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

const HOUR: i64 = 3_600_000_000;

/// Days since 1970 in India.
fn day(micros: i64) -> i64 {
    (micros + 11 * HOUR / 2).div_euclid(24 * HOUR)
}

fn date(days: i64) -> String {
    let date = jiff::civil::date(1970, 1, 1)
        .checked_add(jiff::Span::new().days(days))
        .unwrap();
    date.to_string()
}

fn add(row: &mut Row, column: &str, by: i64) {
    let cell = row.entry(column.to_owned()).or_insert_with(|| "0".into());
    *cell = text(cell.parse::<i64>().unwrap() + by);
}

/// The tables that the events must end in.
pub fn recompute(events: &[Event]) -> Tables {
    let facts = Facts::of(events);
    let parcels = facts.parcels();
    let mut tables = Tables::new();
    orders(&facts, &parcels, &mut tables);
    shipments(&facts, &parcels, &mut tables);
    returned(&facts, &mut tables);
    refunds(&facts, &mut tables);
    settlements(&facts, &mut tables);
    catalogue(&facts, &mut tables);
    customers(&facts, &mut tables);
    tables.retain(|_, rows| !rows.is_empty());
    tables
}

fn bump(tables: &mut Tables, table: &str, key: &[&str], sums: &[(&str, i64)]) {
    let key = key.iter().map(text).collect();
    let row = tables.entry(table.into()).or_default().entry(key).or_default();
    for (column, by) in sums {
        add(row, column, *by);
    }
}
