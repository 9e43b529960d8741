//! What all facts of an entity share: when it happened, which event told it, and whether that event was voided.
//!
//! An entity is the *set* of facts that events told about it; its state and rows are pure functions of that set. So the order of
//! arrival, repetition and a voiding that comes first cannot matter. Facts compare by event time, then by the hash of the event's
//! identity: a tie that is the same in every order of arrival. Two facts of one entity with equal time and equal 32-bit hash would be
//! told apart by arrival; for two given events the odds are 1 in 4 billion.

use bitcode::{Decode, Encode};

/// "Not told" among times.
pub(crate) const NO_TIME: i64 = i64::MIN;

/// When a fact happened and which event told it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) struct Stamp {
    /// Event time in microseconds since 1970.
    pub(crate) at: i64,
    /// Part of the identity of the event.
    pub(crate) tie: u32,
    /// The event was declared void; the fact is kept, so that rows it once made can be taken back, and counts for nothing.
    pub(crate) voided: bool,
}

/// Something told by an event.
pub(crate) trait Fact {
    /// Its stamp.
    fn stamp(&self) -> &Stamp;
    /// Its stamp, to void it.
    fn stamp_mut(&mut self) -> &mut Stamp;
}

/// Says that a struct's field `stamp` is its stamp.
macro_rules! stamped {
    ($($fact:ty),+) => {$(
        impl $crate::facts::Fact for $fact {
            fn stamp(&self) -> &$crate::facts::Stamp {
                &self.stamp
            }
            fn stamp_mut(&mut self) -> &mut $crate::facts::Stamp {
                &mut self.stamp
            }
        }
    )+};
}
pub(crate) use stamped;

/// The facts that count.
pub(crate) fn standing<F: Fact>(facts: &[F]) -> impl DoubleEndedIterator<Item = &F> {
    facts.iter().filter(|fact| !fact.stamp().voided)
}

/// The latest fact that counts.
pub(crate) fn latest<F: Fact>(facts: &[F]) -> Option<&F> {
    standing(facts).max_by_key(|fact| (fact.stamp().at, fact.stamp().tie))
}

/// Voids the facts that one event told.
pub(crate) fn void<F: Fact>(facts: &mut [F], tie: u32) {
    for fact in facts {
        if fact.stamp().tie == tie {
            fact.stamp_mut().voided = true;
        }
    }
}

/// The earlier of two times that may be absent.
pub(crate) fn earlier(a: i64, b: i64) -> i64 {
    match (a, b) {
        (NO_TIME, b) => b,
        (a, NO_TIME) => a,
        (a, b) => a.min(b),
    }
}
