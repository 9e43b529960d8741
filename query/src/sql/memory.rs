//! Memory bounds: one for each query, one for all of them together. Nothing is spilled to disk; a query over its bound ends with an error.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryLimit, MemoryPool, MemoryReservation};

/// Bytes taken out of a bound.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    limit: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Budget {
        Budget {
            used: AtomicUsize::new(0),
            limit,
        }
    }

    fn take(&self, bytes: usize) -> bool {
        let more = |used: usize| used.checked_add(bytes).filter(|n| *n <= self.limit);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    fn force(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes that are given back when the lease ends; nothing if there are too few.
    pub(crate) fn lease(self: &Arc<Self>, bytes: usize) -> Option<Lease> {
        // Made only once the bytes are taken: it gives them back in any case.
        self.take(bytes).then(|| Lease {
            budget: Arc::clone(self),
            bytes,
        })
    }
}

/// Bytes held out of a bound.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

/// The pool of one query.
#[derive(Debug)]
pub(crate) struct QueryPool {
    own: Budget,
    all: Arc<Budget>,
}

impl QueryPool {
    pub(crate) fn new(limit: usize, all: Arc<Budget>) -> QueryPool {
        QueryPool {
            own: Budget::new(limit),
            all,
        }
    }
}

impl fmt::Display for QueryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query pool of {} bytes", self.own.limit)
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        "query"
    }

    fn grow(&self, _reservation: &MemoryReservation, additional: usize) {
        self.own.force(additional);
        self.all.force(additional);
    }

    fn shrink(&self, _reservation: &MemoryReservation, shrink: usize) {
        self.own.give_back(shrink);
        self.all.give_back(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if !self.own.take(additional) {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "the query needs more than its {} MiB of memory (in {}); narrow it with where or limit, or group by fewer values",
                self.own.limit >> 20,
                reservation.consumer().name(),
            )));
        }
        if !self.all.take(additional) {
            self.own.give_back(additional);
            return Err(DataFusionError::ResourcesExhausted(format!(
                "all queries together need more than {} MiB of memory; try again when others have finished",
                self.all.limit >> 20
            )));
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.own.used()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.own.limit)
    }
}

impl Drop for QueryPool {
    fn drop(&mut self) {
        // Reservations give back what they hold; what a leak kept must not count against later queries.
        self.all.give_back(self.own.used());
    }
}
