//! Lines that were delivered lately, each with the series it belongs to: what a case's why is counted from.
//!
//! Bounded by time: a line is forgotten when no onset can lie before it any more.

use std::collections::{BTreeMap, VecDeque};

use bitcode::{Decode, Encode};
use eddy_models::shift::{GROUPS, WINDOW_DAYS};

use crate::interner::NO_SYMBOL;
use crate::rates::sold::Sold;

/// Dimensions of the series; the last is a candidate cause only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub(crate) enum Dimension {
    #[default]
    Sku,
    Style,
    StyleSize,
    Category,
    CategorySize,
    Supplier,
    Seller,
    Packer,
    Lane,
    Courier,
    Facility,
    State,
    Batch,
}

/// How many dimensions there are, and how many of them are watched.
pub(crate) const DIMENSIONS: usize = 13;
pub(crate) const WATCHED: usize = DIMENSIONS - 1;
/// The first dimension that cuts across articles.
const ACROSS: usize = Dimension::Supplier as usize;

impl Dimension {
    pub(crate) const ALL: [Self; DIMENSIONS] = [
        Self::Sku,
        Self::Style,
        Self::StyleSize,
        Self::Category,
        Self::CategorySize,
        Self::Supplier,
        Self::Seller,
        Self::Packer,
        Self::Lane,
        Self::Courier,
        Self::Facility,
        Self::State,
        Self::Batch,
    ];

    /// The word of the tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Sku => "sku",
            Self::Style => "style",
            Self::StyleSize => "style,size",
            Self::Category => "category",
            Self::CategorySize => "category,size",
            Self::Supplier => "supplier",
            Self::Seller => "seller",
            Self::Packer => "packer",
            Self::Lane => "courier,zone",
            Self::Courier => "courier",
            Self::Facility => "facility",
            Self::State => "state",
            Self::Batch => "batch",
        }
    }

    /// Whether its values hold articles of several kinds.
    pub(crate) fn cuts_across(self) -> bool {
        self as usize >= ACROSS
    }

    /// Whether a value of it is two symbols.
    pub(crate) fn is_pair(self) -> bool {
        matches!(self, Self::StyleSize | Self::CategorySize | Self::Lane)
    }

    /// Value of a line; `None` when nobody told it.
    pub(crate) fn of(self, sold: &Sold) -> Option<(u32, u32)> {
        let told = |symbol: u32| (symbol != NO_SYMBOL).then_some((symbol, 0));
        let pair = |a: u32, b: u32| (a != NO_SYMBOL && b != NO_SYMBOL).then_some((a, b));
        match self {
            Self::Sku => Some((sold.sku, 0)),
            Self::Style => told(sold.style),
            Self::StyleSize => pair(sold.style, sold.size),
            Self::Category => told(sold.category),
            Self::CategorySize => pair(sold.category, sold.size),
            Self::Supplier => told(sold.supplier),
            Self::Seller => told(sold.seller),
            Self::Packer => told(sold.packer),
            Self::Lane => {
                (sold.courier != NO_SYMBOL && sold.zone != 0).then_some((sold.courier, u32::from(sold.zone)))
            }
            Self::Courier => told(sold.courier),
            Self::Facility => told(sold.facility),
            Self::State => told(sold.state),
            Self::Batch => told(sold.batch),
        }
    }
}

/// No series: the line has no such value.
pub(crate) const NO_SERIES: u32 = u32::MAX;

/// One delivered line.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Line {
    /// Order and symbol of the line.
    pub(crate) id: (u32, u32),
    pub(crate) series: [u32; DIMENSIONS],
    /// By how much the number of the line that each series was told of before is less; nought when there was none.
    pub(crate) before: [u32; DIMENSIONS],
    /// Symbol.
    pub(crate) category: u32,
    /// Day of delivery, and the day at whose end it was known.
    pub(crate) day: i32,
    pub(crate) known: i32,
    /// Index of the day at whose end its return was known, and group of the reason.
    pub(crate) returned: Option<(i32, u8)>,
    pub(crate) value_minor: i64,
    /// A case that was known when it was delivered explains it.
    pub(crate) explained: bool,
    /// Expected to come back: by its class, by what its category does of late, and by its article's own level.
    pub(crate) expected: [f32; 3],
    /// Shares of the groups of reasons in that.
    pub(crate) mix: [f32; GROUPS],
}

impl Line {
    /// What it adds to a series of a dimension.
    pub(crate) fn mass(&self, dimension: Dimension) -> f64 {
        let at = match dimension {
            Dimension::Category => 0,
            dimension if dimension.cuts_across() => 2,
            _ => 1,
        };
        f64::from(self.expected[at])
    }
}

/// Days beyond the window for which a line is kept: the margin by which an onset may be wrong.
const MARGIN_DAYS: i32 = 6;

/// First day of knowledge that is kept at the end of `today`.
pub(crate) fn kept_from(today: i32) -> i32 {
    today - WINDOW_DAYS - MARGIN_DAYS
}

/// The lines, by their number; numbers rise in the order in which lines became known.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Lines {
    lines: VecDeque<Line>,
    /// Number of the first one.
    first: u64,
    /// Number by order and symbol of the line.
    numbers: BTreeMap<(u32, u32), u64>,
}

impl Lines {
    pub(crate) fn push(&mut self, line: Line) -> u64 {
        let number = self.first + self.lines.len() as u64;
        self.numbers.insert(line.id, number);
        self.lines.push_back(line);
        number
    }

    /// The number of the next one.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Line> {
        let at = number.checked_sub(self.first)?;
        self.lines.get(usize::try_from(at).ok()?)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Line> {
        let at = number.checked_sub(self.first)?;
        self.lines.get_mut(usize::try_from(at).ok()?)
    }

    pub(crate) fn find(&self, id: (u32, u32)) -> Option<u64> {
        self.numbers.get(&id).copied()
    }

    /// The first number that is kept.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Forgets the lines that were known before `day`.
    pub(crate) fn forget(&mut self, day: i32) {
        let old = self.lines.iter().take_while(|line| line.known < day);
        let mut many = 0;
        for (line, number) in old.zip(self.first..) {
            if self.numbers.get(&line.id) == Some(&number) {
                self.numbers.remove(&line.id);
            }
            many += 1;
        }
        self.lines.drain(..many);
        self.first += many as u64;
    }
}
