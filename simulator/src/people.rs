//! People: customers of several kinds, each computed from its number, so that millions cost no memory.
//!
//! A customer's kind decides what it shares (phone, address, instrument), how it pays, refuses and returns. Ids do not tell kinds apart.

use eddy_events::SmolStr;
use smol_str::format_smolstr;

use crate::chance::{Rng, gauss, hash, unit};
use crate::geography::Geography;

/// Kinds of customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing special.
    Ordinary,
    /// Buys and returns much, at an ordinary rate.
    Loyal,
    /// Three people with one address, often one phone and one card.
    Family,
    /// About twenty-five people at one address.
    Hostel,
    /// About forty people at one address.
    Office,
    /// Sends presents to others.
    GiftSender,
    /// Buys what breaks.
    FragileBuyer,
}

impl Kind {
    /// The word of truth rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Loyal => "loyal",
            Self::Family => "family",
            Self::Hostel => "hostel",
            Self::Office => "office",
            Self::GiftSender => "gift_sender",
            Self::FragileBuyer => "fragile_buyer",
        }
    }
}

/// One customer.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub index: u64,
    pub id: SmolStr,
    pub kind: Kind,
    pub pincode: u32,
    /// How well the address can be found, 0 to 1.
    pub address_quality: f64,
    pub address: u64,
    pub phone: u64,
    pub device: u64,
    pub instrument: u64,
    /// Log-odds of refusing a parcel.
    pub refusal: f64,
    /// Log-odds of returning a line.
    pub returning: f64,
    /// Log-odds of paying on delivery.
    pub cash: f64,
}

/// A prime above every customer number: multiplying by a constant modulo it shuffles ids without a table.
const PRIME: u64 = 9_999_991;

pub(crate) fn customer_id(seed: u64, index: u64) -> SmolStr {
    let shuffled = (index % PRIME * 7_368_787 + hash(seed, 401, &[]) % PRIME) % PRIME;
    format_smolstr!("C{:07}", shuffled)
}

/// A keyed hash of a personal datum, as a producer would send it. The letter keeps it from reading as a number.
pub(crate) fn opaque(letter: char, value: u64) -> SmolStr {
    format_smolstr!("{letter}h{value:016x}")
}

pub(crate) struct People {
    seed: u64,
    customers: u64,
}

impl People {
    pub(crate) fn new(seed: u64, customers: u64) -> Self {
        Self { seed, customers }
    }

    /// Who orders next: a few order often, most now and then.
    pub(crate) fn draw(&self, rng: &mut Rng) -> u64 {
        ((rng.unit().powf(1.4) * self.customers as f64) as u64).min(self.customers - 1)
    }

    /// A customer by number; numbers beyond the configured count are accounts opened by a script.
    pub(crate) fn customer(&self, geography: &Geography, index: u64) -> Customer {
        let h = |tag: u32| hash(self.seed, tag, &[index]);
        let u = unit(h(410));
        let rank = index as f64 / self.customers as f64;
        let kind = match u {
            u if u < 0.14 => Kind::Family,
            u if u < 0.165 => Kind::Hostel,
            u if u < 0.20 => Kind::Office,
            u if u < 0.23 => Kind::GiftSender,
            u if u < 0.26 => Kind::FragileBuyer,
            _ if rank < 0.03 => Kind::Loyal,
            _ => Kind::Ordinary,
        };
        let household = |size: f64, share: f64| {
            let groups = (self.customers as f64 * share / size).ceil().max(1.0) as u64;
            h(411) % groups
        };
        // Strangers never share; a group shares its address, a family mostly phone and card as well.
        let group = match kind {
            Kind::Family => Some((412, household(3.0, 0.14))),
            Kind::Hostel => Some((413, household(25.0, 0.025))),
            Kind::Office => Some((414, household(40.0, 0.035))),
            _ => None,
        };
        let (place, address) = match group {
            Some((tag, g)) => (hash(self.seed, tag, &[g]), hash(self.seed, tag + 10, &[g])),
            None => (h(415), h(425)),
        };
        let mut rng = Rng::new(place, 416, &[]);
        let pincode = geography.place(&mut rng);
        let tier = geography.prefix_of(pincode).tier;
        let quality_mean = [0.80, 0.77, 0.72, 0.67][usize::from(tier - 1)];
        let address_quality = ((quality_mean + 0.16 * rng.gauss()).clamp(0.28, 1.0) * 100.0).round() / 100.0;
        let shared = |tag: u32, p: f64, own: u64| match (kind, group) {
            (Kind::Family, Some((_, g))) if unit(h(tag)) < p => hash(self.seed, tag + 20, &[g]),
            _ => own,
        };
        Customer {
            index,
            id: customer_id(self.seed, index),
            kind,
            pincode,
            address_quality,
            address,
            phone: shared(430, 0.6, h(460)),
            device: shared(431, 0.3, h(461)),
            instrument: shared(432, 0.4, h(462)),
            refusal: gauss(h(463)) * 0.31,
            returning: gauss(h(464)) * 0.42 - if kind == Kind::Loyal { 0.1 } else { 0.0 },
            cash: gauss(h(465)) * 1.0 + [-0.45, -0.05, 0.35, 0.6][usize::from(tier - 1)]
                - if kind == Kind::Loyal { 0.5 } else { 0.0 },
        }
    }
}
