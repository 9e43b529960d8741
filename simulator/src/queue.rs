//! A queue of what is still to come, in order of time.
//!
//! Buckets of an hour hold what lies ahead unsorted; only the current hour is a heap. So a push far ahead costs an append, and memory is what is
//! under way, not the whole world.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use crate::calendar::HOUR;

struct Entry<T> {
    at: i64,
    number: u64,
    item: Box<T>,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<T> Eq for Entry<T> {}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Entry<T> {
    // Reversed: the heap's greatest is the earliest. Equal times keep the order of pushing.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// Items by time, first come first served among equals.
pub(crate) struct Queue<T> {
    ahead: BTreeMap<i64, Vec<Entry<T>>>,
    now: BinaryHeap<Entry<T>>,
    /// The heap holds everything up to the end of this hour.
    hour: i64,
    pushed: u64,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self {
            ahead: BTreeMap::new(),
            now: BinaryHeap::new(),
            hour: i64::MIN,
            pushed: 0,
        }
    }

    pub(crate) fn push(&mut self, at: i64, item: T) {
        self.pushed += 1;
        let entry = Entry {
            at,
            number: self.pushed,
            item: Box::new(item),
        };
        let hour = at.div_euclid(HOUR);
        if hour <= self.hour {
            self.now.push(entry);
        } else {
            self.ahead.entry(hour).or_default().push(entry);
        }
    }

    /// The earliest item before `end`.
    pub(crate) fn pop_before(&mut self, end: i64) -> Option<(i64, T)> {
        while self.now.is_empty() {
            let (&hour, _) = self.ahead.first_key_value()?;
            if hour * HOUR >= end {
                return None;
            }
            self.hour = hour;
            self.now = self.ahead.pop_first()?.1.into();
        }
        if self.now.peek()?.at >= end {
            return None;
        }
        self.now.pop().map(|e| (e.at, *e.item))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.now.is_empty() && self.ahead.is_empty()
    }
}
