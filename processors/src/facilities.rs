//! One facility: what it is, what waits there, and how fast it inspects.
//!
//! A line waits for inspection from its receipt until it is inspected, decided or ended; and for the shelf from the decision to restock
//! until it ends.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_events::context::FacilityUpdated;
use eddy_events::returns::FacilityKind;

use crate::facts::{NO_TIME, Stamp, latest, stamped};
use crate::world::{World, index_of};

/// What the operator said of it.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Entry {
    pub(crate) stamp: Stamp,
    /// Index in `FacilityKind::ALL`.
    pub(crate) kind: u8,
    /// Symbol of the postal code.
    pub(crate) pincode: u32,
    /// Capacity, `u32::MAX` when not told.
    pub(crate) inspect_per_day: u32,
    /// Capacity, `u32::MAX` when not told.
    pub(crate) restock_per_day: u32,
}

stamped!(Entry);

/// What a receipt said of its kind, when nobody else did.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Hint {
    pub(crate) stamp: Stamp,
    pub(crate) kind: u8,
}

/// What one return line adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Presence {
    /// Since when it waits for inspection.
    pub(crate) to_inspect: i64,
    /// Since when it waits for the shelf.
    pub(crate) to_restock: i64,
    /// Day of its first inspection, `i32::MIN` for none.
    pub(crate) inspected_on: i32,
    /// Day on which it was first put on the shelf, `i32::MIN` for none.
    pub(crate) restocked_on: i32,
}

/// A facility.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Facility {
    pub(crate) entries: Vec<Entry>,
    /// The latest receipt that named the kind, voided or not: a maximum, kept for places that no entry describes.
    pub(crate) hint: Option<Hint>,
    to_inspect: BTreeMap<i64, i64>,
    to_restock: BTreeMap<i64, i64>,
    inspected: BTreeMap<i32, i64>,
    restocked: BTreeMap<i32, i64>,
    pub(crate) dirty: bool,
}

/// Days over which the pace is averaged.
const PACE_DAYS: i32 = 7;

impl Facility {
    /// The entry that stands.
    pub(crate) fn entry(&self) -> Option<&Entry> {
        latest(&self.entries)
    }

    /// Adds or takes back one line.
    pub(crate) fn add(&mut self, line: &Presence, sign: i64) {
        bump(&mut self.to_inspect, line.to_inspect, NO_TIME, sign);
        bump(&mut self.to_restock, line.to_restock, NO_TIME, sign);
        bump(&mut self.inspected, line.inspected_on, i32::MIN, sign);
        bump(&mut self.restocked, line.restocked_on, i32::MIN, sign);
    }

    /// Lines that wait for inspection.
    pub(crate) fn to_inspect(&self) -> i64 {
        self.to_inspect.values().sum()
    }

    /// Lines that wait for the shelf.
    pub(crate) fn to_restock(&self) -> i64 {
        self.to_restock.values().sum()
    }

    /// Since when the line waits for inspection that waits longest.
    pub(crate) fn oldest_to_inspect(&self) -> Option<i64> {
        self.to_inspect.keys().next().copied()
    }

    /// Since when the line waits for the shelf that waits longest.
    pub(crate) fn oldest_to_restock(&self) -> Option<i64> {
        self.to_restock.keys().next().copied()
    }

    /// Since when the line waits that waits longest.
    pub(crate) fn oldest_at(&self) -> Option<i64> {
        let (inspect, restock) = (self.oldest_to_inspect(), self.oldest_to_restock());
        inspect.into_iter().chain(restock).min()
    }

    /// Lines inspected a day, over the seven days that end with the latest inspection.
    pub(crate) fn inspected_per_day(&self) -> Option<f64> {
        pace(&self.inspected)
    }

    /// Lines put on the shelf a day, over the seven days that end with the latest one.
    pub(crate) fn restocked_per_day(&self) -> Option<f64> {
        pace(&self.restocked)
    }

    /// Its queues as they stand.
    pub(crate) fn queue(&self) -> Queue {
        let told = |capacity: u32| (capacity != u32::MAX).then_some(f64::from(capacity));
        let (inspect, restock) = self.entry().map_or((None, None), |entry| {
            (told(entry.inspect_per_day), told(entry.restock_per_day))
        });
        Queue {
            to_inspect: self.to_inspect(),
            inspect_per_day: inspect.or_else(|| self.inspected_per_day()).unwrap_or(0.0),
            restock_days: days(
                self.to_restock(),
                restock.or_else(|| self.restocked_per_day()).unwrap_or(0.0),
            ),
        }
    }

    /// Whether there is a row.
    pub(crate) fn exists(&self) -> bool {
        self.entry().is_some()
            || !self.to_inspect.is_empty()
            || !self.to_restock.is_empty()
            || !self.inspected.is_empty()
            || !self.restocked.is_empty()
    }
}

/// Queues of a facility at some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Queue {
    to_inspect: i64,
    /// As described, else of late; 0 where neither is known.
    inspect_per_day: f64,
    restock_days: f64,
}

impl Queue {
    /// Days of work that wait, the longer of the two queues; `coming` lines are on their way to inspection besides.
    pub(crate) fn days(&self, coming: u32) -> f64 {
        days(self.to_inspect + i64::from(coming), self.inspect_per_day).max(self.restock_days)
    }
}

/// Days that lines take at a pace; 0 where it is not known.
fn days(lines: i64, per_day: f64) -> f64 {
    if per_day > 0.0 {
        lines as f64 / per_day
    } else {
        0.0
    }
}

fn pace(days: &BTreeMap<i32, i64>) -> Option<f64> {
    let last = *days.keys().next_back()?;
    let lines: i64 = days.range(last - PACE_DAYS + 1..).map(|(_, lines)| lines).sum();
    Some(lines as f64 / f64::from(PACE_DAYS))
}

fn bump<K: Ord + Copy>(counts: &mut BTreeMap<K, i64>, key: K, none: K, sign: i64) {
    if key == none {
        return;
    }
    let count = counts.entry(key).or_insert(0);
    *count += sign;
    if *count == 0 {
        counts.remove(&key);
    }
}

/// The operator described a facility.
pub(crate) fn described(world: &mut World, stamp: Stamp, event: &FacilityUpdated) -> u32 {
    let number = world.facility(&event.facility);
    let entry = Entry {
        stamp,
        kind: index_of(FacilityKind::ALL, event.kind),
        pincode: world.symbols.of(&event.pincode),
        inspect_per_day: event.inspect_per_day.unwrap_or(u32::MAX),
        restock_per_day: event.restock_per_day.unwrap_or(u32::MAX),
    };
    world.facilities.get_mut(number).entries.push(entry);
    world.touch_facility(number);
    number
}
