//! Goods: categories, styles, sizes and stock keeping units, and how likely each is to come back.
//!
//! Holds what is true of an article before anybody buys it; shifts that begin at a date are in `shifts.rs`.

use eddy_events::SmolStr;
use smol_str::format_smolstr;

use crate::chance::{Rng, gauss, hash, logit, pick_cumulative};

/// One category.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Category {
    pub name: &'static str,
    /// Share of demand.
    pub share: f64,
    /// Share of the catalogue.
    pub range: f64,
    /// Return rate of an average article.
    pub returns: f64,
    /// Days from delivery to request: median and deviation of the logarithm.
    pub delay: (f64, f64),
    pub window_days: u16,
    /// Price: median in rupees and deviation of the logarithm.
    pub price: (f64, f64),
    /// Weight: median in grams.
    pub weight: f64,
    pub sizes: &'static [&'static str],
    pub fragile: bool,
    pub serialised: bool,
    /// Weights of the reasons, in the order of `REASONS`.
    pub reasons: [f64; 8],
    /// Log-odds of refusal at the door.
    pub refusal: f64,
    /// Demand by quarter.
    pub season: [f64; 4],
}

/// Reason words by group: `size_fit, defect, not_as_described, wrong_item, damaged_in_transit, changed_mind, late, other`.
pub(crate) const REASONS: [[&str; 2]; 8] = [
    ["too_small", "too_large"],
    ["defective", "stopped_working"],
    ["not_as_described", "colour_differs"],
    ["wrong_item", "wrong_variant"],
    ["damaged_in_transit", "broken_on_arrival"],
    ["changed_mind", "better_price_elsewhere"],
    ["arrived_late", "no_longer_needed"],
    ["other", "other"],
];

const WEAR: &[&str] = &["S", "M", "L", "XL", "XXL"];
const FEET: &[&str] = &["6", "7", "8", "9", "10"];
const KIDS: &[&str] = &["2Y", "4Y", "6Y", "8Y"];
const ONE: &[&str] = &["ONE"];

const CLOTHES: [f64; 8] = [46.0, 8.0, 14.0, 4.0, 2.0, 19.0, 4.0, 3.0];
const THINGS: [f64; 8] = [1.0, 38.0, 18.0, 6.0, 12.0, 16.0, 5.0, 4.0];

#[rustfmt::skip]
pub(crate) const CATEGORIES: &[Category] = &[
    Category { name: "dress", share: 0.09, range: 0.13, returns: 0.23, delay: (3.6, 0.75), window_days: 14, price: (1_300.0, 0.5), weight: 380.0, sizes: WEAR, fragile: false, serialised: false, reasons: CLOTHES, refusal: 0.18, season: [0.9, 1.0, 0.9, 1.25] },
    Category { name: "kurta", share: 0.12, range: 0.13, returns: 0.17, delay: (3.8, 0.75), window_days: 14, price: (750.0, 0.45), weight: 350.0, sizes: WEAR, fragile: false, serialised: false, reasons: CLOTHES, refusal: 0.12, season: [0.9, 0.9, 1.0, 1.3] },
    Category { name: "shirt", share: 0.11, range: 0.12, returns: 0.14, delay: (4.0, 0.75), window_days: 14, price: (850.0, 0.45), weight: 300.0, sizes: WEAR, fragile: false, serialised: false, reasons: CLOTHES, refusal: 0.10, season: [1.0; 4] },
    Category { name: "jeans", share: 0.08, range: 0.10, returns: 0.20, delay: (3.7, 0.75), window_days: 14, price: (1_250.0, 0.4), weight: 620.0, sizes: WEAR, fragile: false, serialised: false, reasons: CLOTHES, refusal: 0.10, season: [1.0, 0.9, 1.0, 1.1] },
    Category { name: "jacket", share: 0.03, range: 0.06, returns: 0.20, delay: (4.2, 0.75), window_days: 14, price: (2_300.0, 0.45), weight: 900.0, sizes: WEAR, fragile: false, serialised: false, reasons: CLOTHES, refusal: 0.10, season: [1.2, 0.2, 0.4, 2.2] },
    Category { name: "kidswear", share: 0.05, range: 0.08, returns: 0.12, delay: (5.0, 0.8), window_days: 14, price: (600.0, 0.4), weight: 220.0, sizes: KIDS, fragile: false, serialised: false, reasons: CLOTHES, refusal: 0.0, season: [1.0; 4] },
    Category { name: "footwear", share: 0.10, range: 0.11, returns: 0.18, delay: (3.2, 0.7), window_days: 10, price: (1_500.0, 0.55), weight: 850.0, sizes: FEET, fragile: false, serialised: false, reasons: [55.0, 9.0, 10.0, 4.0, 2.0, 15.0, 3.0, 2.0], refusal: 0.15, season: [1.0; 4] },
    Category { name: "jewellery", share: 0.05, range: 0.05, returns: 0.09, delay: (3.0, 0.8), window_days: 10, price: (1_100.0, 0.8), weight: 90.0, sizes: ONE, fragile: false, serialised: false, reasons: [3.0, 14.0, 34.0, 6.0, 5.0, 30.0, 4.0, 4.0], refusal: 0.20, season: [0.9, 0.9, 0.9, 1.5] },
    Category { name: "phone", share: 0.04, range: 0.02, returns: 0.05, delay: (3.0, 0.7), window_days: 10, price: (16_500.0, 0.55), weight: 420.0, sizes: ONE, fragile: false, serialised: true, reasons: THINGS, refusal: -0.10, season: [0.9, 0.9, 1.1, 1.5] },
    Category { name: "laptop", share: 0.012, range: 0.01, returns: 0.05, delay: (4.0, 0.7), window_days: 10, price: (48_000.0, 0.35), weight: 2_400.0, sizes: ONE, fragile: true, serialised: true, reasons: THINGS, refusal: -0.25, season: [1.0, 1.1, 1.0, 1.1] },
    Category { name: "headphones", share: 0.07, range: 0.03, returns: 0.09, delay: (4.5, 0.8), window_days: 10, price: (1_700.0, 0.7), weight: 230.0, sizes: ONE, fragile: false, serialised: true, reasons: THINGS, refusal: 0.05, season: [1.0; 4] },
    Category { name: "small_appliance", share: 0.05, range: 0.03, returns: 0.08, delay: (5.0, 0.8), window_days: 10, price: (2_900.0, 0.6), weight: 2_300.0, sizes: ONE, fragile: false, serialised: true, reasons: THINGS, refusal: -0.05, season: [1.0, 1.0, 1.0, 1.3] },
    Category { name: "glassware", share: 0.03, range: 0.03, returns: 0.08, delay: (2.2, 0.7), window_days: 7, price: (900.0, 0.5), weight: 1_300.0, sizes: ONE, fragile: true, serialised: false, reasons: [1.0, 10.0, 14.0, 5.0, 52.0, 12.0, 3.0, 3.0], refusal: 0.0, season: [0.9, 0.9, 1.0, 1.4] },
    Category { name: "home_linen", share: 0.06, range: 0.05, returns: 0.07, delay: (5.0, 0.8), window_days: 10, price: (950.0, 0.5), weight: 1_100.0, sizes: ONE, fragile: false, serialised: false, reasons: [8.0, 14.0, 36.0, 6.0, 4.0, 24.0, 4.0, 4.0], refusal: 0.0, season: [1.0, 0.9, 1.0, 1.3] },
    Category { name: "beauty", share: 0.08, range: 0.03, returns: 0.025, delay: (4.0, 0.8), window_days: 7, price: (520.0, 0.5), weight: 180.0, sizes: ONE, fragile: false, serialised: false, reasons: [0.5, 16.0, 24.0, 14.0, 22.0, 14.0, 5.0, 4.0], refusal: -0.15, season: [1.0; 4] },
    Category { name: "books_toys", share: 0.038, range: 0.02, returns: 0.03, delay: (6.0, 0.8), window_days: 10, price: (450.0, 0.5), weight: 500.0, sizes: ONE, fragile: false, serialised: false, reasons: [0.5, 18.0, 22.0, 14.0, 18.0, 18.0, 5.0, 4.0], refusal: -0.12, season: [1.0, 1.0, 1.0, 1.2] },
];

/// One stock keeping unit.
#[derive(Clone, Debug)]
pub(crate) struct Sku {
    pub code: SmolStr,
    pub style: u32,
    pub category: u8,
    pub size: u8,
    pub supplier: u16,
    pub seller: u16,
    /// Minor units.
    pub price: i64,
    pub cost: i64,
    pub weight_g: u32,
    /// Log-odds of return, category and article together.
    pub propensity: f32,
    /// Of that, what misfit adds.
    pub misfit: f32,
}

#[derive(Debug)]
pub(crate) struct Goods {
    pub skus: Vec<Sku>,
    /// First sku of each category, with one more at the end.
    first: Vec<usize>,
    /// Running sums of popularity within the category.
    popularity: Vec<f64>,
    seed: u64,
}

pub(crate) const SUPPLIERS: u64 = 60;
pub(crate) const SELLERS: u64 = 40;
/// A production batch lasts this long.
pub(crate) const BATCH_DAYS: i64 = 45;

impl Goods {
    pub(crate) fn new(seed: u64, count: u32, return_scale: f64) -> Self {
        let (mut skus, mut first, mut popularity, mut style) = (Vec::new(), vec![0], Vec::new(), 0u32);
        for (c, category) in CATEGORIES.iter().enumerate() {
            let last = c + 1 == CATEGORIES.len();
            let wanted = if last {
                count as usize
            } else {
                (skus.len() + (f64::from(count) * category.range) as usize).min(count as usize)
            };
            let mut sum = 0.0;
            let start = skus.len();
            while skus.len() < wanted.max(start + 1) {
                style += 1;
                let mut rng = Rng::new(seed, 301, &[u64::from(style)]);
                let rank = (style as usize * 7 % 400 + 1) as f64;
                let appeal = rank.powf(-0.7) * rng.log_normal(1.0, 0.6);
                let rupees = rng.log_normal(category.price.0, category.price.1).max(99.0);
                let price = ((rupees / 50.0).round().max(2.0) * 50.0 - 1.0) as i64 * 100;
                let weight = rng.log_normal(category.weight, 0.25).max(30.0);
                let own = rng.gauss() * 0.38;
                let dear = ((price as f64 / 100.0 / category.price.0).ln() * 0.12).clamp(-0.2, 0.3);
                let supplier = rng.below(SUPPLIERS as usize) as u16;
                let seller = rng.below(SELLERS as usize) as u16;
                // Some styles run small: the misfit grows towards the small sizes; others run large.
                let lean = if rng.chance(0.3) { rng.gauss() * 0.28 } else { 0.0 };
                let n = category.sizes.len();
                for (size, word) in category.sizes.iter().enumerate() {
                    let centre = (n as f64 - 1.0) / 2.0;
                    let offset = size as f64 - centre;
                    let misfit = if n == 1 {
                        0.0
                    } else {
                        offset.abs() * 0.07 - offset * lean
                    };
                    let propensity = logit(category.returns)
                        + return_scale.ln()
                        + own
                        + dear
                        + misfit
                        + rng.gauss() * 0.12
                        - 0.12;
                    let share = if n == 1 {
                        1.0
                    } else {
                        [1.0, 0.75, 0.4][(offset.abs().round() as usize).min(2)]
                    };
                    sum += appeal * share;
                    popularity.push(sum);
                    skus.push(Sku {
                        code: if n == 1 {
                            format_smolstr!("S{style:06}")
                        } else {
                            format_smolstr!("S{style:06}-{word}")
                        },
                        style,
                        category: c as u8,
                        size: size as u8,
                        supplier,
                        seller,
                        price,
                        cost: (price as f64 * rng.range(0.42, 0.68)) as i64,
                        weight_g: (weight * (1.0 + offset * 0.02)) as u32,
                        propensity: propensity as f32,
                        misfit: misfit as f32,
                    });
                    if skus.len() >= wanted {
                        break;
                    }
                }
            }
            first.push(skus.len());
        }
        Self {
            skus,
            first,
            popularity,
            seed,
        }
    }

    /// Category of a line, by season and by what this buyer likes.
    pub(crate) fn draw_category(&self, rng: &mut Rng, month: u32, taste: u64) -> usize {
        let quarter = ((month - 1) / 3) as usize;
        // Two categories of a person's own, half of the time.
        if rng.chance(0.5) {
            let mut own = Rng::new(self.seed, 302, &[taste, rng.next() & 1]);
            let favourite = own.weighted(&CATEGORIES.iter().map(|c| c.share).collect::<Vec<_>>());
            if rng.chance(CATEGORIES[favourite].season[quarter] / 2.2) {
                return favourite;
            }
        }
        let mut weights = [0.0; 16];
        for (w, c) in weights.iter_mut().zip(CATEGORIES) {
            *w = c.share * c.season[quarter];
        }
        rng.weighted(&weights)
    }

    /// An article of a category, by popularity.
    pub(crate) fn draw(&self, rng: &mut Rng, category: usize) -> u32 {
        let (from, to) = (self.first[category], self.first[category + 1]);
        (from + pick_cumulative(&self.popularity[from..to], rng.unit())) as u32
    }

    /// Another size of the same style, if it has one.
    pub(crate) fn other_size(&self, rng: &mut Rng, sku: u32) -> u32 {
        let s = &self.skus[sku as usize];
        let mut from = sku as usize;
        while from > 0 && self.skus[from - 1].style == s.style {
            from -= 1;
        }
        let count = self.skus[from..]
            .iter()
            .take_while(|o| o.style == s.style)
            .count();
        (from + rng.below(count)) as u32
    }

    /// Batch an article is sold from on a day.
    pub(crate) fn batch(&self, sku: u32, day: i64) -> u32 {
        let phase = (hash(self.seed, 303, &[u64::from(sku)]) % BATCH_DAYS as u64) as i64;
        ((day + phase) / BATCH_DAYS) as u32
    }

    /// First day on which a batch is sold.
    pub(crate) fn batch_start(&self, sku: u32, batch: u32) -> i64 {
        let phase = (hash(self.seed, 303, &[u64::from(sku)]) % BATCH_DAYS as u64) as i64;
        i64::from(batch) * BATCH_DAYS - phase
    }

    /// Popularity of an article within its category, 0 to 1.
    pub(crate) fn share(&self, sku: u32) -> f64 {
        let category = usize::from(self.skus[sku as usize].category);
        let (from, to) = (self.first[category], self.first[category + 1]);
        let before = if sku as usize == from {
            0.0
        } else {
            self.popularity[sku as usize - 1]
        };
        (self.popularity[sku as usize] - before) / self.popularity[to - 1] * CATEGORIES[category].share
    }

    pub(crate) fn batch_code(&self, sku: u32, batch: u32) -> SmolStr {
        format_smolstr!("B{}-{batch}", &self.skus[sku as usize].code[1..])
    }

    /// How this packer breaks things, in log-odds around none.
    pub(crate) fn packer_care(&self, facility: u64, packer: u64) -> f64 {
        gauss(hash(self.seed, 304, &[facility, packer])) * 0.2
    }
}

/// Serial number of one sold piece.
pub(crate) fn serial(seed: u64, order: u64, line: u64) -> SmolStr {
    format_smolstr!("SN{:011}", hash(seed, 305, &[order, line]) % 100_000_000_000)
}
