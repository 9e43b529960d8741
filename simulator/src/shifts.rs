//! Shifts: from a known day on, the goods of one batch, size, style, supplier, seller, packer or lane come back more (or less) than before.
//!
//! Only the schedule and whether it touches a line; orders and returns ask.

use crate::chance::Rng;
use crate::goods::{CATEGORIES, Goods, SELLERS, SUPPLIERS};

/// What a shift is the cause of, and in which dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Sku(u32),
    Style(u32),
    /// One size of a style: mis-cut.
    Size(u32),
    Batch(u32, u32),
    Supplier(u16),
    Seller(u16),
    /// Facility and packer: damage.
    Packer(u16, u16),
    /// Courier and first digit of the destination: damage.
    Lane(u8, u8),
    Category(u8),
}

#[derive(Clone, Debug)]
pub(crate) struct Shift {
    pub id: u32,
    pub cause: Cause,
    /// Days since 1970: lines delivered from here on are touched.
    pub from: i64,
    pub to: i64,
    /// Multiplies the probability of a return.
    pub factor: f64,
    /// Index into the groups of reasons.
    pub reason: usize,
}

/// Facts of a delivered line that a cause may name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch {
    pub sku: u32,
    pub style: u32,
    pub batch: u32,
    pub supplier: u16,
    pub seller: u16,
    pub category: u8,
    pub facility: u16,
    pub packer: u16,
    pub courier: u8,
    pub zone: u8,
    pub day: i64,
}

impl Shift {
    pub(crate) fn touches(&self, t: &Touch) -> bool {
        (self.from..=self.to).contains(&t.day)
            && match self.cause {
                Cause::Sku(s) | Cause::Size(s) => s == t.sku,
                Cause::Style(s) => s == t.style,
                Cause::Batch(s, b) => s == t.sku && b == t.batch,
                Cause::Supplier(s) => s == t.supplier,
                Cause::Seller(s) => s == t.seller,
                Cause::Packer(f, p) => f == t.facility && p == t.packer,
                Cause::Lane(c, z) => c == t.courier && z == t.zone,
                Cause::Category(c) => c == t.category,
            }
    }

    /// Dimension and value as the truth tells them.
    pub(crate) fn described(
        &self,
        goods: &Goods,
        names: &[eddy_events::SmolStr],
        facilities: &[crate::geography::Facility],
    ) -> (&'static str, String) {
        match self.cause {
            Cause::Sku(s) => ("sku", goods.skus[s as usize].code.to_string()),
            Cause::Style(s) => ("style", style_code(s).to_string()),
            Cause::Size(s) => {
                let sku = &goods.skus[s as usize];
                let category = &CATEGORIES[usize::from(sku.category)];
                (
                    "style,size",
                    format!(
                        "{},{}",
                        style_code(sku.style),
                        category.sizes[usize::from(sku.size)]
                    ),
                )
            }
            Cause::Batch(s, b) => ("batch", goods.batch_code(s, b).to_string()),
            Cause::Supplier(s) => ("supplier", supplier_code(s).to_string()),
            Cause::Seller(s) => ("seller", seller_code(s).to_string()),
            Cause::Packer(f, p) => (
                "packer",
                packer_code(&facilities[usize::from(f)].code, p).to_string(),
            ),
            Cause::Lane(c, z) => ("lane", format!("{},{z}", names[usize::from(c)])),
            Cause::Category(c) => ("category", CATEGORIES[usize::from(c)].name.to_owned()),
        }
    }
}

pub(crate) fn style_code(style: u32) -> eddy_events::SmolStr {
    smol_str::format_smolstr!("T{style:06}")
}
pub(crate) fn supplier_code(supplier: u16) -> eddy_events::SmolStr {
    smol_str::format_smolstr!("SUP{supplier:03}")
}
pub(crate) fn seller_code(seller: u16) -> eddy_events::SmolStr {
    smol_str::format_smolstr!("SEL{seller:03}")
}
pub(crate) fn packer_code(facility: &str, packer: u16) -> eddy_events::SmolStr {
    smol_str::format_smolstr!("PK{facility}-{packer:02}")
}

/// Packers of a facility.
pub(crate) const PACKERS: usize = 8;

/// Draws the schedule: causes that matter, in goods that sell.
pub(crate) fn schedule(
    seed: u64,
    goods: &Goods,
    count: u32,
    couriers: usize,
    warehouses: usize,
    first_day: i64,
    days: i64,
) -> Vec<Shift> {
    // Only articles among the best sellers: a shift in what nobody buys is no shift.
    let mut best: Vec<u32> = (0..goods.skus.len() as u32).collect();
    best.sort_by(|&a, &b| goods.share(b).total_cmp(&goods.share(a)).then(a.cmp(&b)));
    best.truncate((goods.skus.len() / 40).max(20));
    let sized: Vec<u32> = best
        .iter()
        .copied()
        .filter(|&s| {
            CATEGORIES[usize::from(goods.skus[s as usize].category)]
                .sizes
                .len()
                > 1
        })
        .collect();
    let mut taken = Vec::new();
    (0..count)
        .map(|id| {
            let mut rng = Rng::new(seed, 601, &[u64::from(id)]);
            let from = first_day + rng.between(days / 4, (days * 4 / 5).max(days / 4));
            let length = rng.between(30, 90);
            let mut article = |rng: &mut Rng, from: &[u32]| {
                for _ in 0..50 {
                    let s = from[rng.below(from.len())];
                    if !taken.contains(&goods.skus[s as usize].style) {
                        taken.push(goods.skus[s as usize].style);
                        return s;
                    }
                }
                from[rng.below(from.len())]
            };
            let (cause, reason, factor) = match id % 9 {
                0 => (Cause::Sku(article(&mut rng, &best)), 1, rng.range(2.0, 3.5)),
                1 => (Cause::Size(article(&mut rng, &sized)), 0, rng.range(2.2, 3.5)),
                2 => (
                    Cause::Style(goods.skus[article(&mut rng, &best) as usize].style),
                    2,
                    rng.range(1.9, 3.0),
                ),
                3 => {
                    let s = article(&mut rng, &best);
                    (
                        Cause::Batch(s, goods.batch(s, from + crate::goods::BATCH_DAYS / 2)),
                        1,
                        rng.range(2.5, 4.0),
                    )
                }
                4 => (
                    Cause::Supplier(rng.below(SUPPLIERS as usize) as u16),
                    1,
                    rng.range(1.7, 2.4),
                ),
                5 => (
                    Cause::Seller(rng.below(SELLERS as usize) as u16),
                    3,
                    rng.range(1.7, 2.4),
                ),
                6 => (
                    Cause::Packer(rng.below(warehouses) as u16, rng.below(PACKERS) as u16),
                    4,
                    rng.range(1.8, 2.6),
                ),
                7 => (
                    Cause::Lane(rng.below(couriers) as u8, rng.between(1, 8) as u8),
                    4,
                    rng.range(1.7, 2.4),
                ),
                _ if rng.chance(0.5) => (
                    Cause::Style(goods.skus[article(&mut rng, &best) as usize].style),
                    5,
                    rng.range(0.25, 0.45),
                ),
                _ => (
                    Cause::Category(rng.below(CATEGORIES.len()) as u8),
                    5,
                    rng.range(1.3, 1.6),
                ),
            };
            // A bad batch begins when it is first sold.
            let from = if let Cause::Batch(s, b) = cause {
                goods.batch_start(s, b)
            } else {
                from
            };
            Shift {
                id,
                cause,
                from,
                to: from + length - 1,
                factor,
                reason,
            }
        })
        .collect()
}
