//! Who showed a value last, for values that pass from hand to hand or that are only worth a while: a table of fixed size in which the new replaces the old.

use bitcode::{Decode, Encode};

use crate::slab::{Paged, Slab};

/// Slots a page.
const PAGE: usize = 1024;

/// A value, by part of its hash, and who showed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
struct Slot {
    tag: u32,
    who: u32,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Recent {
    slots: Slab<Slot, PAGE>,
    len: u32,
}

impl Recent {
    /// Room for `len` values.
    pub(crate) fn new(len: u32) -> Self {
        Self {
            slots: Slab::default(),
            len,
        }
    }

    /// Its pages.
    pub(crate) fn paged(&mut self) -> &mut dyn Paged {
        &mut self.slots
    }

    /// Who showed the value last, if that is remembered.
    pub(crate) fn who(&self, hash: u64) -> Option<u32> {
        let at = self.place(hash);
        let slot = self.slots.holds(at).then(|| self.slots.get(at))?;
        (slot.tag == tag(hash)).then_some(slot.who)
    }

    /// `who` shows the value now.
    pub(crate) fn shows(&mut self, hash: u64, who: u32) {
        let slot = Slot { tag: tag(hash), who };
        let at = self.place(hash);
        self.slots.reserve(at);
        if *self.slots.get(at) != slot {
            *self.slots.get_mut(at) = slot;
        }
    }

    fn place(&self, hash: u64) -> u32 {
        (hash % u64::from(self.len)) as u32
    }
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32 | 1
}
