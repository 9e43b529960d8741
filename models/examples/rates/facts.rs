//! What was delivered and what came back, line by line, and the sums a reader has at a past moment. Knows nothing of where the lines are from.

use std::collections::BTreeMap;

use eddy_models::delay::{AGES, Curve};
use eddy_models::nowcast::clump;

/// An article: where it belongs.
pub struct Sku {
    pub category: usize,
    pub style: usize,
}

/// A line delivered.
pub struct Line {
    pub sku: usize,
    /// Days since the first midnight.
    pub at: f64,
    /// When it was heard of.
    pub known: f64,
    pub units: u32,
}

/// Units of a line that came back.
pub struct Back {
    pub line: usize,
    /// Lines of one request come back together.
    pub request: usize,
    pub at: f64,
    pub known: f64,
    pub units: u32,
    pub place: usize,
}

/// Everything that ever happened.
#[derive(Default)]
pub struct Facts {
    /// Whole days on which something may be delivered.
    pub days: usize,
    pub categories: Vec<String>,
    pub styles: usize,
    pub skus: Vec<Sku>,
    pub places: usize,
    pub lines: Vec<Line>,
    /// Requests.
    pub requested: Vec<Back>,
    /// Goods received.
    pub received: Vec<Back>,
}

/// What comes back, counted when it is asked for or when it is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    Requested,
    Received,
}

impl Facts {
    pub fn backs(&self, basis: Basis) -> &[Back] {
        match basis {
            Basis::Requested => &self.requested,
            Basis::Received => &self.received,
        }
    }

    pub fn category(&self, line: usize) -> usize {
        self.skus[self.lines[line].sku].category
    }

    /// Size of what comes back as one in each category: of the category, and of one article.
    pub fn clumps(&self, now: usize, basis: Basis) -> Vec<[f64; 2]> {
        let mut sizes: BTreeMap<(usize, usize, Option<usize>), f64> = BTreeMap::new();
        for back in self.backs(basis) {
            if back.known < now as f64 {
                let (category, sku) = (self.category(back.line), self.lines[back.line].sku);
                for sku in [None, Some(sku)] {
                    *sizes.entry((back.request, category, sku)).or_default() += f64::from(back.units);
                }
            }
        }
        let mut sums = vec![[(0.0, 0.0); 2]; self.categories.len() + 1];
        for ((_, category, sku), units) in sizes {
            for group in [category, self.categories.len()] {
                let (all, squares) = &mut sums[group][usize::from(sku.is_some())];
                *all += units;
                *squares += units * units;
            }
        }
        let all = sums
            .pop()
            .expect("one of all")
            .map(|(units, squares)| clump(units, squares, 1.0));
        sums.into_iter()
            .map(|sums| std::array::from_fn(|of| clump(sums[of].0, sums[of].1, all[of])))
            .collect()
    }

    /// Delivered units of each category by day, as known after `now` whole days.
    pub fn delivered(&self, now: usize) -> Vec<Vec<u64>> {
        let mut delivered = vec![vec![0; now]; self.categories.len()];
        for (at, line) in self.lines.iter().enumerate() {
            if line.known < now as f64 {
                delivered[self.category(at)][line.at as usize] += u64::from(line.units);
            }
        }
        delivered
    }

    /// The curve of all and of each category, as known after `now` whole days.
    pub fn curves(&self, now: usize, basis: Basis) -> (Curve, Vec<Curve>) {
        let count = self.categories.len();
        let mut by_age = vec![[0_u64; AGES]; count];
        for back in self.backs(basis) {
            if back.known < now as f64 {
                let age = (back.at - self.lines[back.line].at).max(0.0) as usize;
                by_age[self.category(back.line)][age.min(AGES - 1)] += u64::from(back.units);
            }
        }
        let mut at_risk = vec![[0_u64; AGES]; count];
        for (category, delivered) in self.delivered(now).iter().enumerate() {
            for (day, units) in delivered.iter().enumerate() {
                for at_risk in &mut at_risk[category][..(now - day).min(AGES)] {
                    *at_risk += units;
                }
            }
        }
        let sum = |rows: &[[u64; AGES]]| std::array::from_fn(|age| rows.iter().map(|row| row[age]).sum());
        let all = Curve::fit(&sum(&by_age), &sum(&at_risk), None);
        let own = by_age.iter().zip(&at_risk);
        let own = own.map(|(by_age, at_risk)| Curve::fit(by_age, at_risk, Some(&all)));
        let own = own.collect();
        (all, own)
    }
}
