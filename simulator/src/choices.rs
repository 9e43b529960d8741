//! Choices behind an order: what is bought, how it is paid, from where and by whom it is sent, and what that adds to the risk.
//!
//! Draws and sums only; nothing is told here, so that the calibration of a world uses the same code as its telling.

use eddy_events::order::Channel;

use crate::chance::{Rng, hash, unit};
use crate::goods::CATEGORIES;
use crate::orders::{Draft, OrderPlan};
use crate::people::{Customer, Kind};
use crate::risk::Parcel;
use crate::world::World;

impl World {
    /// What a customer buys on a day, and its value in minor units.
    pub(crate) fn draw_lines(&self, rng: &mut Rng, plan: &OrderPlan, day: i64) -> (Vec<Draft>, i64) {
        let month = self.facts(day).month;
        if let Some(sku) = plan.instead {
            return (
                vec![Draft {
                    sku,
                    qty: 1,
                    bracketed: false,
                }],
                self.goods.skus[sku as usize].price,
            );
        }
        let mut lines = Vec::new();
        if let Some(strike) = plan.strike.as_ref().filter(|s| !s.wanted.is_empty()) {
            let category = strike.wanted[rng.below(strike.wanted.len())];
            // Abusers look for what is worth it: the dearest of a few.
            let sku = (0..4)
                .map(|_| self.goods.draw(rng, category))
                .max_by_key(|&s| self.goods.skus[s as usize].price)
                .unwrap_or(0);
            lines.push(Draft {
                sku,
                qty: strike.qty,
                bracketed: false,
            });
        } else {
            let count = 1 + rng.weighted(&[0.72, 0.20, 0.08]);
            while lines.len() < count {
                let category = if plan.customer.kind == Kind::FragileBuyer && rng.chance(0.6) {
                    12
                } else {
                    self.goods.draw_category(rng, month, plan.customer.index)
                };
                let sku = self.goods.draw(rng, category);
                if lines.iter().any(|l: &Draft| l.sku == sku) {
                    continue;
                }
                let sized = CATEGORIES[category].sizes.len() > 1;
                let qty = if rng.chance(0.07) && !CATEGORIES[category].serialised {
                    2 + rng.below(2) as u32
                } else {
                    1
                };
                lines.push(Draft {
                    sku,
                    qty,
                    bracketed: false,
                });
                if sized && qty == 1 && rng.chance(0.06) {
                    let other = self.goods.other_size(rng, sku);
                    if lines.iter().all(|l| l.sku != other) {
                        lines.push(Draft {
                            sku: other,
                            qty: 1,
                            bracketed: true,
                        });
                    }
                }
            }
        }
        let value = lines
            .iter()
            .map(|l| self.goods.skus[l.sku as usize].price * i64::from(l.qty))
            .sum();
        (lines, value)
    }

    /// Log-odds of cash, before the intercept: taste, and dear things are paid ahead.
    pub(crate) fn cash_odds(&self, customer: &Customer, value: i64) -> f64 {
        customer.cash - 0.35 * (value as f64 / 120_000.0).ln().clamp(-1.5, 3.5)
    }

    /// Log-odds of failure that do not depend on the courier.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn common_odds(
        &self,
        rng: &mut Rng,
        plan: &OrderPlan,
        lines: &[Draft],
        value: i64,
        hour: i64,
        channel: Option<Channel>,
        first: bool,
    ) -> f64 {
        let customer = &plan.customer;
        let category = &CATEGORIES[usize::from(self.goods.skus[lines[0].sku as usize].category)];
        customer.refusal
            + self.geography.reluctance(self.seed, customer.pincode)
            - 2.4 * (customer.address_quality - 0.74)
            + 0.26 * (value as f64 / 120_000.0).ln().clamp(-1.6, 2.0)
            + 1.2 * category.refusal
            + if hour < 5 { 0.30 } else { 0.0 }
            + match channel {
                Some(Channel::Phone) => 0.25,
                Some(Channel::App) => -0.08,
                _ => 0.0,
            }
            + if first { 0.35 } else { 0.0 }
            + plan.strike.as_ref().map_or(0.0, |s| s.refusal)
            - if plan.instead.is_some() { 0.6 } else { 0.0 }
            // What nobody can know.
            + 0.15 * rng.gauss()
    }

    pub(crate) fn draw_facility(&self, rng: &mut Rng, prefix: u16, lines: &[Draft]) -> usize {
        let p = usize::from(prefix);
        let light = lines
            .iter()
            .all(|l| self.goods.skus[l.sku as usize].weight_g < 1_500);
        if let Some(dark) = self.geography.dark_store_of[p].filter(|_| light && rng.chance(0.14)) {
            return usize::from(dark);
        }
        match rng.unit() {
            u if u < 0.55 => usize::from(self.geography.nearest[p][0]),
            u if u < 0.75 => usize::from(self.geography.nearest[p][1]),
            _ => rng.below(self.geography.warehouses),
        }
    }

    /// The seller's standing allocation: by contract and habit, blind to risk. Zero weight where `can` says no.
    pub(crate) fn draw_courier(&self, rng: &mut Rng, prefix: u16, can: impl Fn(usize) -> bool) -> usize {
        let mut weights = [0.0; 10];
        for (c, courier) in self.carriers.couriers.iter().enumerate() {
            if can(c) {
                weights[c] =
                    courier.share * (0.5 + unit(hash(self.seed, 702, &[c as u64, u64::from(prefix)])));
            }
        }
        rng.weighted(&weights[..self.carriers.couriers.len()])
    }

    pub(crate) fn parcel(&self, facility: usize, prefix: u16, day: i64, common: f64) -> Parcel {
        let f = &self.geography.facilities[facility];
        let dark = facility >= self.geography.warehouses;
        Parcel {
            cod: false,
            facility: facility as u16,
            facility_zone: f.pincode.as_bytes()[0] - b'0',
            prefix,
            day,
            same_day: dark,
            common,
        }
    }
}
