//! Arrivals of returns at facilities, and what is forecast of them: by facility, by category, and by both where enough arrives.
//!
//! Counts stand as the last close of a day left them; the forecast is reckoned from them once rows are due. So it costs nothing while a backlog is read, and is the same whenever it is asked for.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_models::arrivals::{AHEAD, Day, Deliveries, HISTORY};

use super::ages::Basis;
use super::sold::Arrived;
use super::{Small, share_of};
use crate::interner::NO_KEY;

/// Arrivals in the last twelve weeks from which a facility and a category are forecast together.
const ENOUGH: u64 = 60;
/// Days of these weeks.
const LATELY: usize = 84;

/// Days of history, and as many as are forecast again to tell how good that was.
const DAYS: usize = HISTORY + AHEAD;

/// Every category.
pub(crate) const ALL: u32 = u32::MAX;

/// Units by day.
type ByDay = BTreeMap<i32, i64>;

/// Counts by facility and category.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Arrivals {
    by_place: BTreeMap<(u32, u32), ByDay>,
}

/// One forecast.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Forecast {
    /// Key of the facility, [`NO_KEY`] for all; symbol of the category, [`ALL`] for all.
    pub(crate) facility: u32,
    pub(crate) category: u32,
    /// The day as of whose end it is made.
    pub(crate) made_on: i32,
    /// The days after it.
    pub(crate) days: [Day; AHEAD],
    /// What came on them, where that is known.
    pub(crate) actual: Option<[u32; AHEAD]>,
}

impl Arrivals {
    /// Puts an arrival in (1) or takes it out (-1).
    pub(crate) fn add(&mut self, arrived: &Arrived, sign: i64) {
        let days = self
            .by_place
            .entry((arrived.facility, arrived.category))
            .or_default();
        let of = days.entry(arrived.day).or_default();
        *of += sign * i64::from(arrived.units);
        if *of == 0 {
            days.remove(&arrived.day);
        }
    }
}

/// Units by day as a row of the last [`DAYS`] until `day`.
fn row(counts: &ByDay, day: i32) -> Vec<u32> {
    let days = day - DAYS as i32 + 1..=day;
    let mut row = vec![0; DAYS];
    for (at, units) in counts.range(days.clone()) {
        row[(at - days.start()) as usize] = u32::try_from(*units).unwrap_or(0);
    }
    row
}

fn add(sum: &mut [u64], row: &[u32]) {
    for (sum, of) in sum.iter_mut().zip(row) {
        *sum += u64::from(*of);
    }
}

/// All forecasts as of the last close.
pub(crate) fn forecasts(small: &Small) -> Vec<Forecast> {
    let Some(last) = small.closed else {
        return Vec::new();
    };
    let days = last - DAYS as i32 + 1..=last;
    let mut all_delivered = vec![0_u64; DAYS];
    let mut delivered: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (category, ages) in small.ages.iter().filter(|(_, ages)| !ages.is_empty()) {
        let row = ages.delivered_on(days.clone());
        add(&mut all_delivered, &row);
        add(delivered.entry(*category).or_insert_with(|| vec![0; DAYS]), &row);
    }
    let mut arrived: BTreeMap<(u32, u32), Vec<u64>> = BTreeMap::new();
    for ((facility, category), counts) in &small.arrivals.by_place {
        if counts.range(days.clone()).next().is_none() {
            continue;
        }
        let row = row(counts, last);
        for place in [
            (NO_KEY, ALL),
            (*facility, ALL),
            (NO_KEY, *category),
            (*facility, *category),
        ] {
            add(arrived.entry(place).or_insert_with(|| vec![0; DAYS]), &row);
        }
    }
    let received = Basis::Received as usize;
    let all = Deliveries::of(&all_delivered, &small.wide[received]);
    let of_category: BTreeMap<u32, Deliveries> = delivered
        .iter()
        .filter_map(|(category, row)| {
            let curves = small.curves.get(category)?;
            Some((*category, Deliveries::of(row, &curves[received])))
        })
        .collect();
    let mut made = Vec::new();
    for ((facility, category), row) in &arrived {
        let lately: u64 = row[DAYS - LATELY..].iter().sum();
        if *facility != NO_KEY && *category != ALL && lately < ENOUGH {
            continue;
        }
        let given = if *category == ALL {
            Some(&all)
        } else {
            of_category.get(category)
        };
        let Some(given) = given else { continue };
        let whole = if *facility == NO_KEY {
            lately
        } else {
            arrived[&(NO_KEY, *category)][DAYS - LATELY..].iter().sum()
        };
        let share = share_of(lately, whole);
        let back = [0, AHEAD];
        for (back, days) in back.into_iter().zip(given.forecasts(row, share, back)) {
            let actual = (back == AHEAD).then(|| {
                std::array::from_fn(|ahead| u32::try_from(row[DAYS - back + ahead]).unwrap_or(u32::MAX))
            });
            made.push(Forecast {
                facility: *facility,
                category: *category,
                made_on: last - back as i32,
                days,
                actual,
            });
        }
    }
    made
}

/// Facility, category and day of each row.
pub(crate) fn keys(made: &[Forecast]) -> Vec<(u32, u32, i32)> {
    made.iter()
        .flat_map(|of| (1..=AHEAD as i32).map(|ahead| (of.facility, of.category, of.made_on + ahead)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rates::ages::Ages;
    use crate::rates::sold::Sold;

    #[test]
    fn what_arrives_each_day_is_expected_to_go_on_and_the_past_fortnight_is_held_against_it() {
        let mut small = Small::default();
        let mut ages = Ages::default();
        for day in 0..400 {
            let line = Sold {
                delivered_on: day,
                delivered: 100,
                received: 10,
                received_age: Some(5),
                ..Sold::default()
            };
            ages.add(&line, 1);
            if day >= 5 {
                let arrived = Arrived {
                    facility: 3,
                    category: 0,
                    day,
                    units: 10,
                };
                small.arrivals.add(&arrived, 1);
            }
        }
        let curve = ages.exposed(399).curve(Basis::Received, None);
        small.wide = [curve.clone(), curve.clone()];
        small.curves.insert(0, [curve.clone(), curve]);
        small.ages.insert(0, ages);
        small.closed = Some(399);
        let made = forecasts(&small);
        let places: Vec<(u32, u32)> = made.iter().map(|of| (of.facility, of.category)).collect();
        assert_eq!(
            places,
            [
                (3, 0),
                (3, 0),
                (3, ALL),
                (3, ALL),
                (NO_KEY, 0),
                (NO_KEY, 0),
                (NO_KEY, ALL),
                (NO_KEY, ALL)
            ]
        );
        for of in &made {
            assert!(
                of.days.iter().all(|day| (day.expected - 10.0).abs() < 0.5),
                "{of:?}"
            );
            assert!(of.days.iter().all(|day| day.p10 <= day.p50 && day.p50 <= day.p90));
        }
        assert_eq!((made[0].made_on, made[0].actual), (399, None));
        assert_eq!((made[1].made_on, made[1].actual), (385, Some([10; AHEAD])));
    }
}
