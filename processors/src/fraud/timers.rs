//! What is due when: looks at cases whose sign is absence, and ends of alerts. Driven by the shard's clock, which events move, `clock.ticked` among them.
//!
//! Bounded by what is open: a case waits at most once, an alert at most once.

use std::collections::BTreeSet;

use bitcode::{Decode, Encode};

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Due {
    /// Look at a return again.
    Return(u32),
    /// An alert runs out.
    Alert(u32),
}

/// All timers, the next one first.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Timers {
    waiting: BTreeSet<(i64, Due)>,
}

impl Timers {
    /// Asks for `due` at `at`.
    pub(crate) fn set(&mut self, at: i64, due: Due) {
        self.waiting.insert((at, due));
    }

    /// Takes it back.
    pub(crate) fn unset(&mut self, at: i64, due: Due) {
        self.waiting.remove(&(at, due));
    }

    /// The next that is due at `clock`.
    pub(crate) fn take(&mut self, clock: i64) -> Option<Due> {
        let (at, due) = *self.waiting.first()?;
        if at > clock {
            return None;
        }
        self.waiting.pop_first();
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_order_and_not_before_its_time() {
        let mut timers = Timers::default();
        timers.set(20, Due::Alert(1));
        timers.set(10, Due::Return(2));
        timers.set(10, Due::Return(1));
        timers.unset(10, Due::Return(2));
        assert_eq!(timers.take(9), None);
        assert_eq!(timers.take(30), Some(Due::Return(1)));
        assert_eq!(timers.take(30), Some(Due::Alert(1)));
        assert_eq!(timers.take(30), None);
    }
}
