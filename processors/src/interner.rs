//! Strings to dense numbers: each distinct string is stored once and named by a `u32` ever after.
//!
//! Numbers follow the order of the log, so they stay inside the engine: rows, outputs and digests only ever hold the strings. Strings are
//! paged like all state (see [`crate::slab`]); what stays in memory for good is eight bytes of index a string. Strings are never
//! removed.

use bitcode::{Decode, Encode};
use hashbrown::HashTable;
use twox_hash::XxHash3_64;

use crate::slab::Slab;

/// Strings a page.
const PAGE: u32 = 1024;

/// One page of strings, end to end.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct StringPage {
    text: String,
    ends: Vec<u32>,
}

impl StringPage {
    fn get(&self, index: usize) -> &str {
        let start = if index == 0 {
            0
        } else {
            self.ends[index - 1] as usize
        };
        &self.text[start..self.ends[index] as usize]
    }
}

/// An entry of the index: half of the string's hash, and its number.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    number: u32,
}

/// A set of strings with dense numbers.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    index: HashTable<Slot>,
    pub(crate) pages: Slab<StringPage, 1>,
    len: u32,
}

fn hash_of(text: &str) -> u64 {
    XxHash3_64::oneshot(text.as_bytes())
}

/// Spreads the stored half of a hash again, so that growing the index never reads a string.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Interner {
    /// The number of `text`, given now if it is new.
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        let half = hash_of(text) as u32;
        let pages = &self.pages;
        if let Some(slot) = self.index.find(spread(half), |slot| {
            slot.hash == half && string(pages, slot.number) == text
        }) {
            return slot.number;
        }
        let number = self.len;
        if number.is_multiple_of(PAGE) {
            self.pages.push(StringPage::default());
        }
        let page = self.pages.get_mut(number / PAGE);
        page.text.push_str(text);
        page.ends.push(page.text.len() as u32);
        self.len += 1;
        self.index
            .insert_unique(spread(half), Slot { hash: half, number }, |slot| {
                spread(slot.hash)
            });
        number
    }

    /// The number that `text` probably has: only half of its hash is compared.
    pub(crate) fn guess(&self, text: &str) -> Option<u32> {
        let half = hash_of(text) as u32;
        self.index
            .find(spread(half), |slot| slot.hash == half)
            .map(|slot| slot.number)
    }

    /// The string of a number.
    pub(crate) fn get(&self, number: u32) -> &str {
        string(&self.pages, number)
    }

    /// How many strings there are.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Builds the index again from the restored pages.
    pub(crate) fn reindex(&mut self) {
        self.len = 0;
        self.index.clear();
        let index = &mut self.index;
        let len = &mut self.len;
        self.pages.for_each(|_, page| {
            for at in 0..page.ends.len() {
                let half = hash_of(page.get(at)) as u32;
                index.insert_unique(
                    spread(half),
                    Slot {
                        hash: half,
                        number: *len,
                    },
                    |slot| spread(slot.hash),
                );
                *len += 1;
            }
        });
    }

    /// Bytes held by the index, which is never spilled.
    pub(crate) fn index_bytes(&self) -> usize {
        self.index.allocation_size()
    }
}

fn string(pages: &Slab<StringPage, 1>, number: u32) -> &str {
    pages.get(number / PAGE).get((number % PAGE) as usize)
}

/// The number that stands for "not told" among symbols.
pub(crate) const NO_SYMBOL: u32 = 0;

/// The number that stands for "no such entity" among keys.
pub(crate) const NO_KEY: u32 = u32::MAX;

/// Words that repeat: couriers, categories, states, sizes, line ids. Number 0 is the empty string and means "not told".
#[derive(Debug)]
pub(crate) struct Symbols(pub(crate) Interner);

impl Default for Symbols {
    fn default() -> Self {
        let mut interner = Interner::default();
        interner.intern("");
        Self(interner)
    }
}

impl Symbols {
    /// The symbol of a word.
    pub(crate) fn of(&mut self, word: &str) -> u32 {
        self.0.intern(word)
    }

    /// The symbol of a word that may be absent.
    pub(crate) fn of_option(&mut self, word: Option<&str>) -> u32 {
        word.map_or(NO_SYMBOL, |word| self.0.intern(word))
    }

    /// The word, or `None` for "not told".
    pub(crate) fn word(&self, symbol: u32) -> Option<&str> {
        (symbol != NO_SYMBOL).then(|| self.0.get(symbol))
    }

    /// The word, empty for "not told".
    pub(crate) fn text(&self, symbol: u32) -> &str {
        self.0.get(symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_keeps_its_number_across_many_pages() {
        let mut interner = Interner::default();
        for n in 0..5_000 {
            assert_eq!(interner.intern(&format!("key-{n}")), n);
        }
        for n in (0..5_000).rev() {
            assert_eq!(interner.intern(&format!("key-{n}")), n);
            assert_eq!(interner.get(n), format!("key-{n}"));
        }
        interner.reindex();
        assert_eq!(interner.len(), 5_000);
        assert_eq!(interner.intern("key-4321"), 4_321);
    }

    #[test]
    fn symbol_zero_means_not_told() {
        let mut symbols = Symbols::default();
        assert_eq!(symbols.of_option(None), NO_SYMBOL);
        assert_eq!(symbols.of(""), NO_SYMBOL);
        let symbol = symbols.of("delhivery");
        assert_eq!(symbols.word(symbol), Some("delhivery"));
        assert_eq!(symbols.word(NO_SYMBOL), None);
    }
}
