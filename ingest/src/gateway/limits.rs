//! What keeps the gateway bounded: a rate, the bytes held at once, and the memory of what was seen shortly before.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

/// A token bucket in events. Who finds it empty is sent away; what was begun may overdraw it, so that one large batch passes.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: f64,
    most: f64,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self {
            per_second,
            most: per_second,
            state: Mutex::new((per_second, Instant::now())),
        }
    }

    /// Whether there is anything left, and if not, how long until there is.
    pub(super) fn check(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, then) = *state;
        let left =
            (left + now.saturating_duration_since(then).as_secs_f64() * self.per_second).min(self.most);
        *state = (left, now.max(then));
        if left >= 1.0 {
            Ok(())
        } else {
            Err(Duration::from_secs_f64(
                ((1.0 - left) / self.per_second).min(3600.0),
            ))
        }
    }

    pub(super) fn take(&self, events: usize) {
        #[expect(clippy::cast_precision_loss, reason = "counts of events in a request")]
        let events = events as f64;
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 -= events;
    }
}

/// Bytes of bodies held at once, over all requests.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicUsize,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(bytes),
        })
    }

    /// Takes a share, given back when the share is dropped.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        self.left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
                left.checked_sub(bytes)
            })
            .ok()?;
        Some(Share {
            budget: Arc::clone(self),
            bytes,
        })
    }
}

#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

/// Names and bodies of the last events appended, in two generations of which the older is forgotten whole. What it knows is right;
/// what it does not know may still be a repeat, and the fold decides.
#[derive(Debug)]
pub(super) struct Recent {
    most: usize,
    state: Mutex<(FxHashMap<u128, u64>, FxHashMap<u128, u64>)>,
}

/// What is known of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Never,
    Same,
    Different,
}

impl Recent {
    pub(super) fn new(events: usize) -> Self {
        Self {
            most: events.div_ceil(2).max(1),
            state: Mutex::default(),
        }
    }

    pub(super) fn look(&self, identity: u128, body: u64) -> Seen {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.0.get(&identity).or_else(|| state.1.get(&identity)) {
            None => Seen::Never,
            Some(known) if *known == body => Seen::Same,
            Some(_) => Seen::Different,
        }
    }

    pub(super) fn remember(&self, events: impl IntoIterator<Item = (u128, u64)>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (identity, body) in events {
            if state.0.len() >= self.most {
                let full = std::mem::take(&mut state.0);
                state.1 = full;
            }
            // The first body stands, as in the log.
            state.0.entry(identity).or_insert(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_tells_when_to_come_back_and_refills() {
        let bucket = Bucket::new(10);
        let start = Instant::now();
        assert!(bucket.check(start).is_ok());
        bucket.take(30);
        let wait = bucket.check(start).expect_err("empty");
        assert!(
            wait > Duration::from_millis(1900) && wait < Duration::from_millis(2300),
            "{wait:?}"
        );
        assert!(bucket.check(start + wait + Duration::from_millis(1)).is_ok());
    }

    #[test]
    fn a_budget_gives_back_what_was_taken() {
        let budget = Budget::new(10);
        let share = budget.take(8).expect("room");
        assert!(budget.take(3).is_none());
        drop(share);
        assert!(budget.take(10).is_some());
    }

    #[test]
    fn the_memory_of_recent_events_is_bounded_and_never_wrong() {
        let recent = Recent::new(4);
        recent.remember((0..100).map(|id| (id, 1)));
        assert_eq!(recent.look(99, 1), Seen::Same);
        assert_eq!(recent.look(99, 2), Seen::Different);
        assert_eq!(recent.look(0, 1), Seen::Never);
    }
}
