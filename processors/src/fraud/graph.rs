//! Who is linked to whom. A phone or a payment instrument in common makes two accounts one cluster; an address or a device in common is only counted.
//!
//! Each value keeps a few partners and then no more: a value that many share, as the phone of a shop or the address of an office, says nothing about any two
//! of them, and stops to link (`capped`). A cluster keeps at most as many members as the policy says. So neither can merge a city. Network addresses
//! change hands within days; of those only the latest customer is kept, in a table of fixed size.
//!
//! A cluster never falls apart again: links are outputs' business and follow the log, like scores.

use bitcode::{Decode, Encode};

use super::policy::Links;
use super::profile::{DAY_US, Profile};
use super::recent::Recent;
use crate::interner::NO_KEY;
use crate::ledger::{Ledger, PAGE};
use crate::slab::{Paged, Slab};
use crate::world::World;

/// What is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Shared {
    #[default]
    Phone,
    Instrument,
    Address,
    Device,
}

impl Shared {
    /// In words.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Instrument => "instrument",
            Self::Address => "address",
            Self::Device => "device",
        }
    }

    /// Whether it makes two accounts one cluster.
    pub(crate) const fn hard(self) -> bool {
        matches!(self, Self::Phone | Self::Instrument)
    }
}

/// A return asked for by somebody who shares the value.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Asked {
    pub(crate) customer: u32,
    pub(crate) rma: u32,
    pub(crate) at: i64,
}

/// What is kept of a value once two share it.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Partners {
    /// All but the first.
    others: Vec<u32>,
    /// More came than are kept.
    pub(crate) capped: bool,
    /// Latest returns.
    pub(crate) asked: Vec<Asked>,
}

/// An identity value.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Value {
    pub(crate) shared: Shared,
    first: u32,
    partners: Option<Box<Partners>>,
}

impl Default for Value {
    fn default() -> Self {
        Self {
            shared: Shared::default(),
            first: NO_KEY,
            partners: None,
        }
    }
}

impl Value {
    /// Customers kept of it.
    pub(crate) fn customers(&self) -> impl Iterator<Item = u32> + '_ {
        let others = self
            .partners
            .as_ref()
            .map_or(&[][..], |partners| &partners.others);
        std::iter::once(self.first)
            .filter(|first| *first != NO_KEY)
            .chain(others.iter().copied())
    }

    /// What is kept once two share it.
    pub(crate) fn partners(&self) -> Option<&Partners> {
        self.partners.as_deref()
    }

    /// Whether it stopped to link.
    pub(crate) fn capped(&self) -> bool {
        self.partners.as_ref().is_some_and(|partners| partners.capped)
    }
}

/// Returns kept of a value.
const ASKED: usize = 16;
/// Days in which returns of one value are a burst at most.
const BURST_DAYS: i64 = 30;
/// Network addresses remembered.
const NETWORKS: u32 = 1 << 14;

/// All links.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) values: Ledger<u64, Value>,
    networks: Recent,
}

impl Default for Graph {
    fn default() -> Self {
        Self {
            values: Ledger::default(),
            networks: Recent::new(NETWORKS),
        }
    }
}

impl Graph {
    /// All paged state.
    pub(crate) fn slabs(&mut self) -> [&mut dyn Paged; 2] {
        [&mut self.values.entries, self.networks.paged()]
    }

    /// Builds the index again from the restored pages.
    pub(crate) fn reindex(&mut self) {
        self.values.reindex();
    }

    /// A value by number.
    pub(crate) fn value(&self, number: u32) -> &Value {
        &self.values.entries.get(number).value
    }

    /// The number of a value, if somebody showed it.
    pub(crate) fn find(&self, shared: Shared, hash: u64) -> Option<u32> {
        self.values.find(&key(shared, hash))
    }

    /// A customer showed a value. Values, and clusters if it is a hard one, take it in.
    pub(crate) fn meet(
        &mut self,
        world: &mut World,
        profiles: &mut Slab<Profile, PAGE>,
        limits: Links,
        customer: u32,
        (shared, hash): (Shared, u64),
    ) {
        let number = self.values.number(&key(shared, hash));
        if !profiles.get_mut(customer).has_value(number) {
            return;
        }
        let value = self.value(number);
        if value.customers().any(|known| known == customer) {
            return;
        }
        let first = value.first;
        let value = &mut self.values.entries.get_mut(number).value;
        value.shared = shared;
        if first == NO_KEY {
            value.first = customer;
            return;
        }
        let kept = if shared.hard() {
            limits.hard_partners
        } else {
            limits.soft_partners
        };
        let partners = value.partners.get_or_insert_default();
        if partners.others.len() + 1 >= usize::from(kept) {
            partners.capped = true;
            return;
        }
        partners.others.push(customer);
        if shared.hard() {
            join(world, profiles, limits, first, customer);
        }
    }

    /// A customer used a network address: who used it before, if that was somebody else.
    pub(crate) fn network(&mut self, customer: u32, hash: u64) -> Option<u32> {
        let before = self.networks.who(hash);
        self.networks.shows(hash, customer);
        before.filter(|before| *before != customer)
    }

    /// A customer asked for a return; every value shared with others remembers it.
    pub(crate) fn asked(&mut self, profile: &Profile, asked: Asked) {
        for number in &profile.values {
            if self.value(*number).partners.is_none() {
                continue;
            }
            let value = &mut self.values.entries.get_mut(*number).value;
            let partners = value.partners.get_or_insert_default();
            partners
                .asked
                .retain(|old| asked.at - old.at < BURST_DAYS * DAY_US && old.rma != asked.rma);
            if partners.asked.len() == ASKED {
                partners.asked.remove(0);
            }
            partners.asked.push(asked);
        }
    }

    /// The values that two customers share.
    pub(crate) fn common(&self, a: &Profile, b: &Profile) -> impl Iterator<Item = u32> {
        let shared: Vec<u32> = a
            .values
            .iter()
            .copied()
            .filter(|value| b.values.contains(value))
            .collect();
        shared.into_iter()
    }

    /// Why two customers are linked: the shortest way from one to the other, each step with the values that both ends share.
    pub(crate) fn why(
        &self,
        profiles: &Slab<Profile, PAGE>,
        from: u32,
        to: u32,
    ) -> Option<Vec<(u32, u32, Vec<u32>)>> {
        let mut reached: Vec<(u32, usize)> = vec![(from, 0)];
        let mut at = 0;
        while at < reached.len() && reached.len() < 512 {
            let (customer, _) = reached[at];
            if customer == to {
                break;
            }
            for number in &profiles.get(customer).values {
                let value = self.value(*number);
                if value.capped() {
                    continue;
                }
                for partner in value.customers() {
                    if reached.iter().all(|(known, _)| *known != partner) {
                        reached.push((partner, at));
                    }
                }
            }
            at += 1;
        }
        let mut at = reached.iter().position(|(customer, _)| *customer == to)?;
        let mut steps = Vec::new();
        while at != 0 {
            let (customer, before) = reached[at];
            let other = reached[before].0;
            let shared = self.common(profiles.get(other), profiles.get(customer));
            steps.push((other, customer, shared.collect()));
            at = before;
        }
        steps.reverse();
        Some(steps)
    }
}

fn key(shared: Shared, hash: u64) -> u64 {
    eddy_models::random::mix(hash.wrapping_add(shared as u64))
}

/// The members of the cluster of a customer, who comes first.
pub(crate) fn members(profiles: &Slab<Profile, PAGE>, customer: u32) -> Vec<u32> {
    let mut members = vec![customer];
    let mut next = profiles.get(customer).next;
    while next != NO_KEY && next != customer {
        members.push(next);
        next = profiles.get(next).next;
    }
    members
}

/// Makes two clusters one, unless it would grow beyond its bound.
fn join(world: &mut World, profiles: &mut Slab<Profile, PAGE>, limits: Links, a: u32, b: u32) {
    let root = |profiles: &Slab<Profile, PAGE>, of: u32| match profiles.get(of).cluster {
        NO_KEY => of,
        root => root,
    };
    let (a, b) = (root(profiles, a), root(profiles, b));
    if a == b {
        return;
    }
    // The cluster is known by whoever came first.
    let (first, second) = (a.min(b), a.max(b));
    let members_of = |of: u32| profiles.get(of).members;
    let together = members_of(first).saturating_add(members_of(second));
    if together > limits.cluster_members {
        return;
    }
    let renamed = members(profiles, second);
    for member in renamed.iter().copied().chain([first]) {
        profiles.get_mut(member).cluster = first;
        world.customers.get_mut(member).cluster = first;
        world.touch_customer(member);
    }
    // Two circles become one when two of their links are exchanged.
    let closed = |next: u32, of: u32| if next == NO_KEY { of } else { next };
    let after_first = closed(profiles.get(first).next, first);
    let after_second = closed(profiles.get(second).next, second);
    profiles.get_mut(first).next = after_second;
    profiles.get_mut(second).next = after_first;
    profiles.get_mut(first).members = together;
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Town {
        world: World,
        graph: Graph,
        profiles: Slab<Profile, PAGE>,
    }

    impl Town {
        fn of(customers: u32) -> Self {
            let mut world = World::new("UTC", "INR").unwrap();
            let mut profiles = Slab::default();
            for number in 0..customers {
                world.customer(&format!("c{number}"));
                profiles.reserve(number);
            }
            Self {
                world,
                graph: Graph::default(),
                profiles,
            }
        }

        fn meet(&mut self, customer: u32, shared: Shared, hash: u64) {
            self.graph.meet(
                &mut self.world,
                &mut self.profiles,
                Links::default(),
                customer,
                (shared, hash),
            );
        }

        fn cluster(&self, customer: u32) -> u32 {
            self.profiles.get(customer).cluster
        }
    }

    #[test]
    fn a_phone_merges_and_an_address_does_not() {
        let mut town = Town::of(4);
        town.meet(0, Shared::Phone, 7);
        town.meet(1, Shared::Phone, 7);
        town.meet(2, Shared::Address, 9);
        town.meet(3, Shared::Address, 9);
        assert_eq!((town.cluster(0), town.cluster(1)), (0, 0));
        assert_eq!((town.cluster(2), town.cluster(3)), (NO_KEY, NO_KEY));
        assert_eq!(members(&town.profiles, 1), [1, 0]);
    }

    #[test]
    fn a_value_that_many_share_stops_to_link() {
        let mut town = Town::of(300);
        for customer in 0..300 {
            town.meet(customer, Shared::Phone, 7);
        }
        assert_eq!(members(&town.profiles, 0).len(), 6);
        assert_eq!(town.cluster(299), NO_KEY);
        assert!(
            town.graph.why(&town.profiles, 0, 1).is_none(),
            "a capped value explains nothing"
        );
    }

    #[test]
    fn a_cluster_stays_within_its_bound_and_two_become_one() {
        let mut town = Town::of(300);
        for customer in 0..299 {
            town.meet(customer, Shared::Phone, u64::from(customer) + 1_000);
            town.meet(customer + 1, Shared::Phone, u64::from(customer) + 1_000);
        }
        assert!(members(&town.profiles, 0).len() <= 64);
        let mut town = Town::of(6);
        for (a, b, hash) in [(0, 1, 1), (2, 3, 2), (4, 5, 3), (1, 2, 4), (3, 4, 5)] {
            town.meet(a, Shared::Instrument, hash);
            town.meet(b, Shared::Instrument, hash);
        }
        let mut all = members(&town.profiles, 3);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        assert!((0..6).all(|customer| town.cluster(customer) == 0));
    }

    #[test]
    fn a_link_is_explained_by_the_shortest_way() {
        let mut town = Town::of(4);
        town.meet(0, Shared::Phone, 1);
        town.meet(1, Shared::Phone, 1);
        town.meet(1, Shared::Device, 2);
        town.meet(2, Shared::Device, 2);
        let way = town.graph.why(&town.profiles, 0, 2).unwrap();
        let steps: Vec<(u32, u32)> = way.iter().map(|(a, b, _)| (*a, *b)).collect();
        assert_eq!(steps, [(0, 1), (1, 2)]);
        assert_eq!(town.graph.value(way[1].2[0]).shared, Shared::Device);
        assert!(town.graph.why(&town.profiles, 0, 3).is_none());
    }
}
