//! How often an address may be wrong: some tries at once, then one in a few seconds. It knows no clock.
//!
//! Only sign-in is held back by it. A right token in `Authorization` always passes, so that nobody can shut out the API clients that share an
//! address with a guesser.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Wrong tokens at once.
const BURST: u32 = 8;
/// Time after which one is forgotten.
const FORGET: Duration = Duration::from_secs(5);
/// Addresses known at once.
const MOST: usize = 4096;

/// The addresses that gave wrong tokens, each with the instant at which all are forgotten.
#[derive(Debug, Default)]
pub struct Attempts(HashMap<IpAddr, Instant>);

/// Who has one address of a network of version 6 has all of it.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        },
    }
}

impl Attempts {
    /// Whether the address may try now; else the seconds to wait.
    pub fn may_try(&self, address: IpAddr, now: Instant) -> Result<(), u64> {
        let Some(forgotten) = self.0.get(&network(address)) else {
            return Ok(());
        };
        let over = forgotten
            .saturating_duration_since(now)
            .saturating_sub(FORGET * (BURST - 1));
        if over.is_zero() {
            Ok(())
        } else {
            Err(over.as_secs().max(1))
        }
    }

    /// Notes a wrong token.
    pub fn wrong(&mut self, address: IpAddr, now: Instant) {
        let address = network(address);
        if self.0.len() >= MOST && !self.0.contains_key(&address) {
            self.0.retain(|_, forgotten| *forgotten > now);
            while self.0.len() >= MOST
                && let Some(least) = self.0.iter().min_by_key(|(_, at)| **at).map(|(a, _)| *a)
            {
                self.0.remove(&least);
            }
        }
        let forgotten = self.0.entry(address).or_insert(now);
        *forgotten = (*forgotten).max(now) + FORGET;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn after_a_burst_of_wrong_tokens_an_address_waits_and_others_do_not() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        let guesser = address("192.0.2.7");
        for _ in 0..BURST {
            assert_eq!(attempts.may_try(guesser, now), Ok(()));
            attempts.wrong(guesser, now);
        }
        assert_eq!(attempts.may_try(guesser, now), Err(FORGET.as_secs()));
        assert_eq!(attempts.may_try(address("192.0.2.8"), now), Ok(()));
        assert_eq!(attempts.may_try(guesser, now + FORGET), Ok(()));
        attempts.wrong(guesser, now + FORGET);
        assert!(attempts.may_try(guesser, now + FORGET).is_err());
    }

    #[test]
    fn a_network_of_version_6_counts_as_one_address() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..BURST {
            attempts.wrong(address("2001:db8::1"), now);
        }
        assert!(attempts.may_try(address("2001:db8::2"), now).is_err());
        assert!(attempts.may_try(address("2001:db8:1::2"), now).is_ok());
    }

    #[test]
    fn no_more_addresses_are_known_than_the_bound() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for n in 0..MOST as u32 + 10 {
            attempts.wrong(IpAddr::V4(n.into()), now);
        }
        assert_eq!(attempts.0.len(), MOST);
    }
}
