//! What is kept of a customer, and of everybody together to compare with. Counts fade with a time constant, so that they are windows without a list.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};

use crate::facts::NO_TIME;
use crate::interner::NO_KEY;

pub(crate) const DAY_US: i64 = 86_400_000_000;
/// Days over which habits fade.
const LONG: f64 = 90.0;
/// Days over which velocity fades.
const SHORT: f64 = 7.0;
/// Identity values kept of a customer, the first ones.
const VALUES: usize = 12;

/// A customer.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Profile {
    /// When the fading counts were brought up to date.
    at: i64,
    /// Lines delivered, and what they cost.
    pub(crate) bought: f32,
    pub(crate) bought_minor: f32,
    /// Lines and value that peers would have sent back of those.
    pub(crate) expected: f32,
    pub(crate) expected_minor: f32,
    pub(crate) returned: f32,
    pub(crate) returned_minor: f32,
    /// Lines asked back lately.
    pub(crate) velocity: f32,
    /// Cash parcels that ended, and those refused at the door against proof.
    pub(crate) cash: f32,
    pub(crate) refused: f32,
    /// Claims by kind of damage or of non-receipt.
    pub(crate) damages: f32,
    pub(crate) losses: f32,
    /// Returns that played with the window.
    pub(crate) deadlines: f32,
    /// Articles bought, as a Bloom filter.
    articles: u64,
    /// Confirmed alerts about the customer or their returns.
    pub(crate) confirmed: u16,
    /// The return asked for last.
    pub(crate) last_return: u32,
    /// Cluster: its number, which is that of its first customer, and the next member in the circle.
    pub(crate) cluster: u32,
    pub(crate) next: u32,
    /// Members, kept at the first customer.
    pub(crate) members: u16,
    /// Numbers of identity values.
    pub(crate) values: Vec<u32>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            at: NO_TIME,
            bought: 0.0,
            bought_minor: 0.0,
            expected: 0.0,
            expected_minor: 0.0,
            returned: 0.0,
            returned_minor: 0.0,
            velocity: 0.0,
            cash: 0.0,
            refused: 0.0,
            damages: 0.0,
            losses: 0.0,
            deadlines: 0.0,
            articles: 0,
            confirmed: 0,
            last_return: NO_KEY,
            cluster: NO_KEY,
            next: NO_KEY,
            members: 1,
            values: Vec::new(),
        }
    }
}

impl Profile {
    /// Brings the fading counts to a time.
    pub(crate) fn age(&mut self, to: i64) {
        if self.at == NO_TIME {
            self.at = to;
        }
        if to <= self.at {
            return;
        }
        let days = (to - self.at) as f64 / DAY_US as f64;
        let (long, short) = ((-days / LONG).exp() as f32, (-days / SHORT).exp() as f32);
        for count in [
            &mut self.bought,
            &mut self.bought_minor,
            &mut self.expected,
            &mut self.expected_minor,
            &mut self.returned,
            &mut self.returned_minor,
            &mut self.cash,
            &mut self.refused,
            &mut self.damages,
            &mut self.losses,
            &mut self.deadlines,
        ] {
            *count *= long;
        }
        self.velocity *= short;
        self.at = to;
    }

    /// Remembers an article.
    pub(crate) fn buys(&mut self, sku: u32) {
        self.articles |= bits(sku);
    }

    /// Whether the article was probably bought; false is certain.
    pub(crate) fn may_have_bought(&self, sku: u32) -> bool {
        self.articles & bits(sku) == bits(sku)
    }

    /// Takes an identity value in. Whether it is new here.
    pub(crate) fn has_value(&mut self, value: u32) -> bool {
        if self.values.contains(&value) {
            return false;
        }
        if self.values.len() < VALUES {
            self.values.push(value);
        }
        true
    }
}

/// Three bits of 64.
fn bits(sku: u32) -> u64 {
    let mixed = eddy_models::random::mix(u64::from(sku) + 1);
    1 << (mixed & 63) | 1 << ((mixed >> 8) & 63) | 1 << ((mixed >> 16) & 63)
}

/// How many times as often as expected, as surprise in nats: a likelihood ratio of Poisson counts. 0 when not more often.
pub(crate) fn surprise(seen: f64, expected: f64) -> f64 {
    let expected = expected.max(0.05);
    if seen <= expected {
        0.0
    } else {
        seen * (seen / expected).ln() - (seen - expected)
    }
}

/// Successes of tries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Share {
    pub(crate) hits: f64,
    pub(crate) tries: f64,
}

impl Share {
    /// The share, drawn towards `prior` as if `weight` tries had been seen.
    pub(crate) fn rate(&self, prior: f64, weight: f64) -> f64 {
        (self.hits + prior * weight) / (self.tries + weight)
    }
}

/// Everybody together.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Peers {
    /// Lines returned of lines delivered, by category's symbol.
    pub(crate) returns: BTreeMap<u32, Share>,
    /// Cash parcels refused.
    pub(crate) refusals: Share,
    /// Failed attempts without any proof.
    pub(crate) bare: Share,
    /// Refunds by employees without a receipt.
    pub(crate) unreceipted: Share,
    /// Deliveries claimed damaged: fragile goods and others.
    pub(crate) damages: [Share; 2],
    /// Deliveries claimed not received.
    pub(crate) losses: Share,
}

/// Share of lines that come back, before any was seen.
const RETURNED: f64 = 0.12;

impl Peers {
    /// Share of a category's lines that come back.
    pub(crate) fn returned(&self, category: u32) -> f64 {
        self.returns
            .get(&category)
            .copied()
            .unwrap_or_default()
            .rate(RETURNED, 50.0)
            .clamp(0.005, 0.8)
    }
}

/// A courier's agent.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Agent {
    pub(crate) name: String,
    /// Symbol.
    pub(crate) courier: u32,
    at: i64,
    pub(crate) failed: f64,
    /// Of those, without call, position or code.
    pub(crate) bare: f64,
    /// The hour in which attempts failed last, and how many in it; the most in one hour.
    hour: i64,
    in_hour: u16,
    pub(crate) most_in_hour: u16,
    /// The latest bare attempts: symbol of the source and id of their events.
    pub(crate) recent: Vec<(u32, String)>,
}

/// Bare attempts kept of an agent.
const RECENT: usize = 6;

impl Agent {
    /// A failed attempt; `bare` is the event if nothing speaks for it.
    pub(crate) fn failed(&mut self, at: i64, bare: Option<(u32, &str)>) {
        if self.at == 0 {
            self.at = at;
        }
        if at > self.at {
            let fade = (-((at - self.at) as f64) / (LONG * DAY_US as f64)).exp();
            self.failed *= fade;
            self.bare *= fade;
            self.at = at;
        }
        self.failed += 1.0;
        let Some((source, id)) = bare else { return };
        self.bare += 1.0;
        let hour = at.div_euclid(3_600_000_000);
        if self.hour != hour {
            (self.hour, self.in_hour) = (hour, 0);
        }
        self.in_hour = self.in_hour.saturating_add(1);
        self.most_in_hour = self.most_in_hour.max(self.in_hour);
        if self.recent.len() == RECENT {
            self.recent.remove(0);
        }
        self.recent.push((source, id.to_owned()));
    }

    /// How surprising the bare attempts are.
    pub(crate) fn surprise(&self, peers: &Peers) -> f64 {
        surprise(self.bare, self.failed * peers.bare.rate(0.02, 200.0))
    }
}

/// An employee who pays refunds.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Employee {
    pub(crate) name: String,
    at: i64,
    pub(crate) refunds: f64,
    pub(crate) unreceipted: f64,
    /// Customers whose refunds lacked a receipt, with how many; the latest few.
    pub(crate) pairs: Vec<(u32, u16)>,
}

/// Customers kept of an employee.
const PAIRS: usize = 16;

impl Employee {
    /// A refund was paid.
    pub(crate) fn refunded(&mut self, at: i64, customer: u32, unreceipted: bool) {
        if self.at == 0 {
            self.at = at;
        }
        if at > self.at {
            let fade = (-((at - self.at) as f64) / (LONG * DAY_US as f64)).exp();
            self.refunds *= fade;
            self.unreceipted *= fade;
            self.at = at;
        }
        self.refunds += 1.0;
        if !unreceipted {
            return;
        }
        self.unreceipted += 1.0;
        if customer == NO_KEY {
            return;
        }
        match self.pairs.iter().position(|(of, _)| *of == customer) {
            Some(found) => {
                let (of, count) = self.pairs.remove(found);
                self.pairs.push((of, count.saturating_add(1)));
            }
            None => {
                if self.pairs.len() == PAIRS {
                    self.pairs.remove(0);
                }
                self.pairs.push((customer, 1));
            }
        }
    }

    /// Refunds without a receipt to one customer.
    pub(crate) fn pair(&self, customer: u32) -> u16 {
        self.pairs
            .iter()
            .find(|(of, _)| *of == customer)
            .map_or(0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fade_and_late_news_does_not_turn_the_clock_back() {
        let mut profile = Profile::default();
        profile.age(0);
        profile.returned = 4.0;
        profile.velocity = 4.0;
        profile.age(90 * DAY_US);
        assert!((profile.returned - 4.0 / std::f32::consts::E).abs() < 1e-4);
        assert!(profile.velocity < 0.001);
        let before = profile.returned;
        profile.age(DAY_US);
        assert_eq!(profile.returned.to_bits(), before.to_bits());
    }

    #[test]
    fn what_was_never_bought_is_mostly_known_as_such() {
        let mut profile = Profile::default();
        (0..5).for_each(|sku| profile.buys(sku));
        assert!((0..5).all(|sku| profile.may_have_bought(sku)));
        let wrong = (100..1_100).filter(|sku| profile.may_have_bought(*sku)).count();
        assert!(wrong < 60, "{wrong}");
    }

    #[test]
    fn surprise_grows_with_excess_alone() {
        assert_eq!(surprise(2.0, 3.0), 0.0);
        assert!(surprise(6.0, 1.0) > 5.0 && surprise(2.0, 1.0) < 0.5);
    }
}
