//! A delivered line with all that return rates are asked by. Sums over lines are kept by whoever takes them; a line is put in and taken out whole.

use bitcode::{Decode, Encode};

/// A delivered line. Words are symbols, none for what nobody told; ages are whole days since delivery.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Sold {
    /// Order, and symbol of the line.
    pub(crate) id: (u32, u32),
    pub(crate) sku: u32,
    pub(crate) style: u32,
    pub(crate) category: u32,
    pub(crate) size: u32,
    pub(crate) supplier: u32,
    pub(crate) seller: u32,
    pub(crate) batch: u32,
    pub(crate) facility: u32,
    pub(crate) packer: u32,
    pub(crate) courier: u32,
    pub(crate) state: u32,
    /// Group of the reason first given.
    pub(crate) group: u32,
    pub(crate) currency: u32,
    /// Index in `Channel::ALL`.
    pub(crate) channel: u8,
    /// First character of the destination.
    pub(crate) zone: u8,
    /// Index in [`PRICE_BANDS`].
    pub(crate) price_band: u8,
    /// Days since 1970.
    pub(crate) delivered_on: i32,
    /// Pieces; of those asked back or received none exceeds it.
    pub(crate) delivered: u32,
    pub(crate) value_minor: i64,
    pub(crate) requested: u32,
    pub(crate) requested_value_minor: i64,
    pub(crate) requested_age: Option<u16>,
    pub(crate) received: u32,
    pub(crate) received_age: Option<u16>,
}

impl Sold {
    /// Whether all but what came back of it is as in `other`.
    pub(crate) fn lies_with(&self, other: &Self) -> bool {
        let alike = Self {
            group: other.group,
            requested: other.requested,
            requested_value_minor: other.requested_value_minor,
            requested_age: other.requested_age,
            received: other.received,
            received_age: other.received_age,
            ..self.clone()
        };
        alike == *other
    }

    /// Whether as much was asked back of it, for the same reason.
    pub(crate) fn rings_as(&self, other: &Self) -> bool {
        (self.group, self.requested, self.requested_value_minor)
            == (other.group, other.requested, other.requested_value_minor)
    }
}

/// What a line was and what it is, of all that was taken out (-1) and put in (1) of it in the meantime, in any order: what cancels is left out. As a rule at
/// most one of each.
pub(crate) fn net(of_line: &[(Sold, i64)]) -> (Vec<&Sold>, Vec<&Sold>) {
    let mut left: Vec<&(Sold, i64)> = Vec::with_capacity(of_line.len());
    for entry in of_line {
        let (line, sign) = entry;
        match left.iter().position(|(other, of)| *of == -sign && other == line) {
            Some(at) => {
                left.remove(at);
            }
            None => left.push(entry),
        }
    }
    let with = |wanted: i64| {
        let of = left.iter().filter(move |(_, sign)| *sign == wanted);
        of.map(|(line, _)| line).collect()
    };
    (with(-1), with(1))
}

/// Pieces of a return that arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Arrived {
    pub(crate) facility: u32,
    /// Symbol, none when nobody told it.
    pub(crate) category: u32,
    pub(crate) day: i32,
    pub(crate) units: u32,
}

/// Whole days from a delivery to what came of it; 0 when it is told to have come before.
pub(crate) fn age_days(delivered_at: i64, at: i64) -> u16 {
    u16::try_from(at.saturating_sub(delivered_at).max(0) / DAY_MICROS).unwrap_or(u16::MAX)
}

const DAY_MICROS: i64 = 86_400_000_000;

/// Bands of the price of one piece, in major units of the currency: from the first figure to below the second.
pub(crate) const PRICE_BANDS: [&str; 20] = [
    "0-1",
    "1-2",
    "2-5",
    "5-10",
    "10-20",
    "20-50",
    "50-100",
    "100-200",
    "200-500",
    "500-1000",
    "1000-2000",
    "2000-5000",
    "5000-10000",
    "10000-20000",
    "20000-50000",
    "50000-100000",
    "100000-200000",
    "200000-500000",
    "500000-1000000",
    "1000000-",
];

/// Which of [`PRICE_BANDS`] a price in minor units is in.
pub(crate) fn price_band(unit_price_minor: i64) -> u8 {
    let mut bound = 100_i64;
    for band in 0..PRICE_BANDS.len() - 1 {
        if unit_price_minor < bound {
            return band as u8;
        }
        bound = match band % 3 {
            1 => bound / 2 * 5,
            _ => bound * 2,
        };
    }
    (PRICE_BANDS.len() - 1) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_lies_in_the_band_that_names_it() {
        for (minor, band) in [
            (0, "0-1"),
            (99, "0-1"),
            (100, "1-2"),
            (499, "2-5"),
            (500, "5-10"),
            (74_900, "500-1000"),
            (129_900, "1000-2000"),
            (200_000_000, "1000000-"),
            (i64::MAX, "1000000-"),
        ] {
            assert_eq!(PRICE_BANDS[usize::from(price_band(minor))], band, "{minor}");
        }
        for (at, pair) in PRICE_BANDS.windows(2).enumerate() {
            let bound: i64 = pair[1].split('-').next().unwrap().parse().unwrap();
            assert_eq!(usize::from(price_band(bound * 100)), at + 1);
            assert_eq!(usize::from(price_band(bound * 100 - 1)), at);
        }
    }
}
