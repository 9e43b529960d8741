//! What is due when, to the minute: each minute has the list of those whose term ends in it. Driven by the shard's clock, which events move, `clock.ticked` among them.
//!
//! A timer is never moved: whoever waits longer is asked again when it fires, and one that was overtaken by an earlier one is passed over. So a scan of a parcel costs
//! no search here, and there are at most as many timers as were set within the longest term.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};

use super::terms::Subject;

/// Microseconds of a minute.
const MINUTE_US: i64 = 60_000_000;

/// The minute in which `at` lies, rounded up: what is due then has passed once the clock reaches it.
pub(crate) fn minute(at: i64) -> u32 {
    let minute = at.div_euclid(MINUTE_US) + i64::from(at.rem_euclid(MINUTE_US) != 0);
    u32::try_from(minute.max(1)).unwrap_or(u32::MAX)
}

/// All timers by minute.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Timers {
    waiting: BTreeMap<u32, Vec<Subject>>,
    /// When the first of them is due: every event asks.
    next_at: i64,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            next_at: i64::MAX,
        }
    }
}

impl Timers {
    /// Asks for `subject` in `minute`.
    pub(crate) fn set(&mut self, minute: u32, subject: Subject) {
        self.waiting.entry(minute).or_default().push(subject);
        self.next_at = self.next_at.min(i64::from(minute) * MINUTE_US);
    }

    /// The first minute that the clock has reached, with its subjects in the order in which they asked.
    pub(crate) fn take(&mut self, clock: i64) -> Option<(u32, Vec<Subject>)> {
        if self.next_at > clock {
            return None;
        }
        let first = self.waiting.pop_first();
        let next = self.waiting.first_key_value();
        self.next_at = next.map_or(i64::MAX, |(minute, _)| i64::from(*minute) * MINUTE_US);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_by_the_minute_and_not_before_its_time() {
        let mut timers = Timers::default();
        timers.set(minute(3 * MINUTE_US), Subject::Parcel(2));
        timers.set(minute(MINUTE_US + 1), Subject::Parcel(1));
        timers.set(minute(2 * MINUTE_US), Subject::Return(1));
        assert_eq!(timers.take(2 * MINUTE_US - 1), None);
        let due = timers.take(9 * MINUTE_US);
        assert_eq!(due, Some((2, vec![Subject::Parcel(1), Subject::Return(1)])));
        assert_eq!(timers.take(9 * MINUTE_US), Some((3, vec![Subject::Parcel(2)])));
        assert_eq!(timers.take(9 * MINUTE_US), None);
    }
}
