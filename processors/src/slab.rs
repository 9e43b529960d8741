//! Entities by dense number, in pages that can be snapshotted without stopping and spilled when cold.
//!
//! A page is a shared array: a snapshot takes a reference to each page changed since the last one and writes them elsewhere; a fold that
//! touches such a page meanwhile copies that page alone. A page that is unchanged since the last snapshot may be dropped from
//! memory, and is read back from the snapshot's segment when it is needed again. Numbers follow the order of arrival, so old entities
//! share pages and become cold together.
//!
//! Deliberately absent: knowledge of what an entity is, and any index from keys (see [`crate::interner`]).

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use bitcode::{DecodeOwned, Encode};

use crate::segments::{Location, Segments};

/// Whether a page differs from what the last snapshot wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Clean,
    /// Being written by a snapshot that has not ended.
    Pending,
    Dirty,
}

#[derive(Debug)]
struct Page<T> {
    hot: OnceCell<Arc<[T]>>,
    stored: Option<Location>,
    change: Change,
    touched: Cell<u32>,
}

/// Something a snapshot can turn into bytes on another thread.
pub(crate) trait PageBytes: Send + Sync {
    /// The encoded page.
    fn encode(&self) -> Vec<u8>;
}

struct Shared<T>(Arc<[T]>);

impl<T: Encode + Send + Sync> PageBytes for Shared<T> {
    fn encode(&self) -> Vec<u8> {
        bitcode::encode(&*self.0)
    }
}

/// What a snapshot needs of one slab: where each page stands already, and the pages to write.
pub(crate) struct SlabJob {
    /// Where each page stands; `None` when it is among `changed`.
    pub(crate) stored: Vec<Option<Location>>,
    /// Pages to write, with their numbers.
    pub(crate) changed: Vec<(u32, Box<dyn PageBytes>)>,
}

/// A slab as snapshots and the memory keeper see it, whatever its entities are.
pub(crate) trait Paged {
    /// References to what changed since the last snapshot.
    fn begin_snapshot(&mut self) -> SlabJob;
    /// The snapshot is durable: these are the places of all its pages.
    fn finish_snapshot(&mut self, locations: &[Location]);
    /// The snapshot failed: what it was to write is to be written again.
    fn abandon_snapshot(&mut self);
    /// Takes the places of a restored snapshot; pages are read when first needed.
    fn restore(&mut self, segments: &Arc<Segments>, locations: &[Location]);
    /// Where pages can be read back from.
    fn attach(&mut self, segments: &Arc<Segments>);
    /// Clean pages in memory: when last touched, and estimated bytes.
    fn evictable(&self) -> Vec<(u32, u32, usize)>;
    /// Drops one clean page from memory.
    fn evict(&mut self, page: u32);
    /// Estimated bytes in memory.
    fn hot_bytes(&self) -> usize;
    /// Starts a new age for the purpose of telling cold pages.
    fn age(&mut self);
}

/// Starts a new age, and drops pages not touched in this one, the coldest first, until the slabs fit `memory` bytes. Of pages of one age
/// those of the first `last` slabs go last.
pub(crate) fn spill(slabs: &mut [&mut dyn Paged], last: usize, memory: usize) {
    let hot: usize = slabs.iter().map(|slab| slab.hot_bytes()).sum();
    let Some(mut over) = hot.checked_sub(memory).filter(|over| *over > 0) else {
        return;
    };
    let mut cold: Vec<(u32, usize, u32, usize)> = Vec::new();
    for (at, slab) in slabs.iter_mut().enumerate() {
        slab.age();
        let pages = slab.evictable();
        cold.extend(
            pages
                .into_iter()
                .map(|(touched, page, bytes)| (touched, at, page, bytes)),
        );
    }
    cold.sort_unstable_by_key(|(touched, at, page, _)| (*touched, *at < last, *at, *page));
    for (_, at, page, bytes) in cold {
        slabs[at].evict(page);
        over = over.saturating_sub(bytes);
        if over == 0 {
            break;
        }
    }
}

/// Entities by dense number, `PAGE` to a page.
#[derive(Debug)]
pub(crate) struct Slab<T, const PAGE: usize> {
    pages: Vec<Page<T>>,
    segments: Option<Arc<Segments>>,
    epoch: u32,
}

impl<T, const PAGE: usize> Default for Slab<T, PAGE> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            segments: None,
            epoch: 1,
        }
    }
}

impl<T: Clone + Default + Encode + DecodeOwned + Send + Sync + 'static, const PAGE: usize> Slab<T, PAGE> {
    /// Makes room for entity `number`, with default entities up to it.
    pub(crate) fn reserve(&mut self, number: u32) {
        while self.pages.len() <= number as usize / PAGE {
            let hot = OnceCell::new();
            let fresh: Arc<[T]> = (0..PAGE).map(|_| T::default()).collect();
            let _ = hot.set(fresh);
            self.pages.push(Page {
                hot,
                stored: None,
                change: Change::Dirty,
                touched: Cell::new(self.epoch),
            });
        }
    }

    /// Appends a page that begins with `first`; for slabs of one entity a page.
    pub(crate) fn push(&mut self, first: T) {
        let number = (self.pages.len() * PAGE) as u32;
        self.reserve(number);
        *self.get_mut(number) = first;
    }

    fn page(&self, number: usize) -> &Arc<[T]> {
        let page = &self.pages[number];
        if page.touched.get() != self.epoch {
            page.touched.set(self.epoch);
        }
        page.hot.get_or_init(|| self.load(page))
    }

    fn load(&self, page: &Page<T>) -> Arc<[T]> {
        let location = page.stored.expect("a page is in memory or in a segment");
        let segments = self.segments.as_ref().expect("a stored page has its segments");
        // A page that was checksummed when written and cannot be read now leaves no right state to go on from; the driver stops and a
        // restart falls back to an older snapshot or to the log.
        let bytes = segments
            .read(location)
            .unwrap_or_else(|error| panic!("state page lost: {error}"));
        let entities: Vec<T> =
            bitcode::decode(&bytes).unwrap_or_else(|error| panic!("state page unreadable: {error}"));
        entities.into()
    }

    /// Whether there is room for entity `number`, see [`Slab::reserve`].
    pub(crate) fn holds(&self, number: u32) -> bool {
        (number as usize) < self.pages.len() * PAGE
    }

    /// An entity.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> &T {
        &self.page(number as usize / PAGE)[number as usize % PAGE]
    }

    /// An entity, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> &mut T {
        let at = number as usize / PAGE;
        if self.pages[at].hot.get().is_none() {
            self.page(at);
        }
        let page = &mut self.pages[at];
        page.change = Change::Dirty;
        page.touched.set(self.epoch);
        let shared = page.hot.get_mut().expect("the page was just brought in");
        &mut Arc::make_mut(shared)[number as usize % PAGE]
    }

    /// Visits all entities by number. Spilled pages are read and not kept.
    pub(crate) fn for_each(&self, visit: impl FnMut(u32, &T)) {
        self.for_each_from(0, visit);
    }

    /// Visits the entities of page `first` and of all after it, and reads no page before.
    pub(crate) fn for_each_from(&self, first: u32, mut visit: impl FnMut(u32, &T)) {
        for (at, page) in self.pages.iter().enumerate().skip(first as usize) {
            let spilled;
            let entities: &[T] = match page.hot.get() {
                Some(hot) => hot,
                None => {
                    spilled = self.load(page);
                    &spilled
                }
            };
            for (offset, entity) in entities.iter().enumerate() {
                visit((at * PAGE + offset) as u32, entity);
            }
        }
    }

    /// Estimated bytes of one page: what it holds inline, and as much again behind pointers when it was never encoded.
    fn page_bytes(page: &Page<T>) -> usize {
        let inline = PAGE * size_of::<T>();
        inline + page.stored.map_or(inline, |location| location.bytes as usize * 2)
    }
}

impl<T: Clone + Default + Encode + DecodeOwned + Send + Sync + 'static, const PAGE: usize> Paged
    for Slab<T, PAGE>
{
    fn begin_snapshot(&mut self) -> SlabJob {
        let mut job = SlabJob {
            stored: Vec::with_capacity(self.pages.len()),
            changed: Vec::new(),
        };
        for (at, page) in self.pages.iter_mut().enumerate() {
            if page.change == Change::Dirty {
                page.change = Change::Pending;
                let shared = page.hot.get().expect("a changed page is in memory");
                job.changed
                    .push((at as u32, Box::new(Shared(Arc::clone(shared)))));
                job.stored.push(None);
            } else {
                job.stored.push(page.stored);
            }
        }
        job
    }

    fn finish_snapshot(&mut self, locations: &[Location]) {
        for (page, location) in self.pages.iter_mut().zip(locations) {
            page.stored = Some(*location);
            if page.change == Change::Pending {
                page.change = Change::Clean;
            }
        }
    }

    fn abandon_snapshot(&mut self) {
        for page in &mut self.pages {
            if page.change == Change::Pending {
                page.change = Change::Dirty;
            }
        }
    }

    fn restore(&mut self, segments: &Arc<Segments>, locations: &[Location]) {
        self.segments = Some(Arc::clone(segments));
        self.pages = locations
            .iter()
            .map(|location| Page {
                hot: OnceCell::new(),
                stored: Some(*location),
                change: Change::Clean,
                touched: Cell::new(0),
            })
            .collect();
    }

    fn attach(&mut self, segments: &Arc<Segments>) {
        self.segments = Some(Arc::clone(segments));
    }

    fn evictable(&self) -> Vec<(u32, u32, usize)> {
        self.pages
            .iter()
            .enumerate()
            .filter(|(_, page)| {
                page.change == Change::Clean && page.hot.get().is_some() && page.touched.get() < self.epoch
            })
            .map(|(at, page)| (page.touched.get(), at as u32, Self::page_bytes(page)))
            .collect()
    }

    fn evict(&mut self, page: u32) {
        let page = &mut self.pages[page as usize];
        assert!(
            page.change == Change::Clean && page.stored.is_some(),
            "only a stored page may be dropped"
        );
        page.hot.take();
    }

    fn hot_bytes(&self) -> usize {
        self.pages
            .iter()
            .filter(|page| page.hot.get().is_some())
            .map(Self::page_bytes)
            .sum()
    }

    fn age(&mut self) {
        self.epoch += 1;
    }
}
