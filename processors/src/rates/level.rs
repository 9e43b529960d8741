//! What is counted of one value of one dimension: pieces by day of delivery while they are young, sums of all time, and how the last
//! closed day left it.
//!
//! A value that spans categories (a supplier, a lane) keeps a ring for each, since delays and rates differ by category.

use bitcode::{Decode, Encode};
use eddy_models::delay::{AGES, Curve};
use eddy_models::shrinkage::Evidence;

use super::closed::Closed;
use super::sold::Sold;

/// Dimensions whose values are watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub(crate) enum Dimension {
    /// Everything.
    #[default]
    All,
    Category,
    Style,
    Sku,
    CategorySize,
    Supplier,
    Seller,
    Facility,
    Packer,
    Courier,
    Lane,
    State,
    Channel,
    PriceBand,
}

impl Dimension {
    pub(crate) const ALL: [Self; 14] = [
        Self::All,
        Self::Category,
        Self::Style,
        Self::Sku,
        Self::CategorySize,
        Self::Supplier,
        Self::Seller,
        Self::Facility,
        Self::Packer,
        Self::Courier,
        Self::Lane,
        Self::State,
        Self::Channel,
        Self::PriceBand,
    ];

    /// The word of the tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Category => "category",
            Self::Style => "style",
            Self::Sku => "sku",
            Self::CategorySize => "category,size",
            Self::Supplier => "supplier",
            Self::Seller => "seller",
            Self::Facility => "facility",
            Self::Packer => "packer",
            Self::Courier => "courier",
            Self::Lane => "courier,zone",
            Self::State => "state",
            Self::Channel => "channel",
            Self::PriceBand => "price_band",
        }
    }

    /// Whether a value of it lies in one category.
    pub(crate) fn lies_in_a_category(self) -> bool {
        matches!(
            self,
            Self::Category | Self::Style | Self::Sku | Self::CategorySize
        )
    }

    /// Value of a line; `None` when nobody told it.
    pub(crate) fn of(self, sold: &Sold) -> Option<(u32, u32)> {
        let told = |symbol: u32| (symbol != crate::interner::NO_SYMBOL).then_some((symbol, 0));
        match self {
            Self::All => Some((0, 0)),
            Self::Category => told(sold.category),
            Self::Style => told(sold.style),
            Self::Sku => Some((sold.sku, 0)),
            Self::CategorySize => told(sold.category)
                .and(told(sold.size))
                .map(|(size, _)| (sold.category, size)),
            Self::Supplier => told(sold.supplier),
            Self::Seller => told(sold.seller),
            Self::Facility => told(sold.facility),
            Self::Packer => told(sold.packer),
            Self::Courier => told(sold.courier),
            Self::Lane => told(sold.courier)
                .filter(|_| sold.zone != 0)
                .map(|(courier, _)| (courier, u32::from(sold.zone))),
            Self::State => told(sold.state),
            Self::Channel => Some((u32::from(sold.channel), 0)),
            Self::PriceBand => Some((u32::from(sold.price_band), 0)),
        }
    }
}

/// Which value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub(crate) struct Key {
    pub(crate) dimension: Dimension,
    /// Symbol, key of the SKU, or index.
    pub(crate) value: (u32, u32),
}

/// Which ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) struct RingKey {
    pub(crate) key: Key,
    /// Symbol, none for lines without one.
    pub(crate) category: u32,
}

/// One day of delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Day {
    pub(crate) day: i32,
    pub(crate) delivered: i64,
    /// Of those asked back.
    pub(crate) requested: i64,
    pub(crate) value_minor: i64,
    pub(crate) requested_value_minor: i64,
}

impl Day {
    fn add(&mut self, sold: &Sold, sign: i64) {
        self.delivered += sign * i64::from(sold.delivered);
        self.requested += sign * i64::from(sold.requested);
        self.value_minor += sign * sold.value_minor;
        self.requested_value_minor += sign * sold.requested_value_minor;
    }

    fn is_empty(&self) -> bool {
        (self.delivered, self.requested, self.value_minor) == (0, 0, 0)
    }
}

/// Groups of reasons that are told apart: the eight of the contract, and all others.
pub(crate) const GROUPS: usize = 9;

/// Lines of one value and one category.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Ring {
    /// Days of delivery not older than [`AGES`] when they were last looked at, in order.
    pub(crate) days: Vec<Day>,
    /// Pieces of all time.
    pub(crate) delivered: i64,
    pub(crate) requested: i64,
    /// Pieces asked back of all time, by group of the reason.
    pub(crate) groups: [i64; GROUPS],
}

impl Ring {
    /// Puts a line in (1) or takes it out (-1). `first` is the first day that is kept.
    pub(crate) fn add(&mut self, sold: &Sold, group: usize, sign: i64, first: i32) {
        self.delivered += sign * i64::from(sold.delivered);
        self.requested += sign * i64::from(sold.requested);
        self.groups[group] += sign * i64::from(sold.requested);
        if sold.delivered_on < first {
            return;
        }
        let at = self.days.partition_point(|day| day.day < sold.delivered_on);
        if self.days.get(at).is_none_or(|day| day.day != sold.delivered_on) {
            self.days.insert(
                at,
                Day {
                    day: sold.delivered_on,
                    ..Day::default()
                },
            );
        }
        self.days[at].add(sold, sign);
        if self.days[at].is_empty() {
            self.days.remove(at);
        }
    }

    /// Forgets days before `first`, whose returns have all come.
    pub(crate) fn forget(&mut self, first: i32) {
        let old = self.days.partition_point(|day| day.day < first);
        self.days.drain(..old);
    }

    /// All that was seen until the end of `now`: what is older than the ring counts whole.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn evidence(&self, curve: &Curve, now: i32) -> Evidence {
        let (mut young, mut lived) = (0, 0.0);
        for day in &self.days {
            young += day.delivered;
            lived += day.delivered as f64 * share(curve, now, day.day);
        }
        Evidence {
            returned: self.requested.max(0) as f64,
            exposure: (self.delivered - young).max(0) as f64 + lived,
        }
    }
}

/// First day of delivery whose returns are still to come when `now` is the last closed day.
pub(crate) fn first_day(now: i32) -> i32 {
    now.saturating_sub(AGES as i32 - 1)
}

/// Maturity at the end of `now` of what was delivered in the course of `day`.
pub(crate) fn share(curve: &Curve, now: i32, day: i32) -> f64 {
    curve.share(f64::from(now.saturating_sub(day)) + 0.5)
}

/// One value of one dimension.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Level {
    /// Its rings, by category.
    pub(crate) rings: Vec<u32>,
    /// Of an article, symbol of its style as last told; none for the rest.
    pub(crate) parent: u32,
    /// How the last closed day left it; `None` when nothing was delivered in the window.
    pub(crate) closed: Option<Closed>,
}
