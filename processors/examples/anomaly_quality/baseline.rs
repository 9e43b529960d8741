//! The baseline of the example: what a line delivered today is expected to do, from what was known. The engine has its own.

use eddy_models::shift::GROUPS;
use eddy_models::shift::common::Common;
use eddy_models::shift::series::Curve;

use super::lines::{CATEGORY, CLASS, Line, SKU, STYLE, Told};

/// Ages that are looked at.
const AGES: usize = 45;
/// Days after which a line teaches the level of its article: a shift is not absorbed at once.
const LAG: i32 = 30;

/// Returns and lines.
#[derive(Clone, Copy, Default)]
struct Level {
    expected: f64,
    observed: f64,
}

pub struct Baseline {
    /// Lines delivered by series of category or class and day.
    delivered: Vec<Vec<f32>>,
    /// Returns by category, delivery day and age.
    ages: Vec<Vec<[u16; AGES]>>,
    returns: Vec<f64>,
    groups: Vec<[f64; GROUPS]>,
    /// Expected without what is common, by category and day.
    masses: Vec<Vec<f32>>,
    pub curves: Vec<Curve>,
    rates: Vec<f64>,
    mixes: Vec<[f32; GROUPS]>,
    levels: Vec<Level>,
    common: Vec<Common>,
    whole: Common,
    today: Vec<f64>,
    slots: Vec<usize>,
    count: usize,
}

/// What is expected of a line.
pub struct Expected {
    /// By its class and what the whole shop does; for the series of a category.
    pub plain: f64,
    /// And by what its category does; for articles.
    pub class: f64,
    /// And by its article's own level; for what cuts across articles.
    pub article: f64,
    pub mix: [f32; GROUPS],
}

impl Baseline {
    pub fn new(told: &Told) -> Self {
        let mut slots = vec![usize::MAX; told.names.len()];
        let mut count = 0;
        for (at, (dimension, _)) in told.names.iter().enumerate() {
            if [CATEGORY, CLASS].contains(dimension) {
                slots[at] = count;
                count += 1;
            }
        }
        Self {
            delivered: vec![Vec::new(); count],
            ages: vec![Vec::new(); count],
            returns: vec![0.0; count],
            groups: vec![[0.0; GROUPS]; count],
            masses: vec![Vec::new(); count],
            curves: vec![Curve::new(&[1.0]); count],
            rates: vec![0.1; count],
            mixes: vec![[1.0 / GROUPS as f32; GROUPS]; count],
            levels: vec![Level::default(); told.names.len()],
            common: vec![Common::default(); count],
            whole: Common::default(),
            today: vec![0.0; count],
            slots,
            count,
        }
    }

    pub fn slot(&self, series: u32) -> usize {
        self.slots[series as usize]
    }

    pub fn delivered(&mut self, line: &Line) {
        for dimension in [CATEGORY, CLASS] {
            add(
                &mut self.delivered[self.slots[line.series[dimension] as usize]],
                line.day,
                1.0,
            );
        }
    }

    /// A return; what a known case explained when the line was delivered says nothing about what is common.
    pub fn returned(&mut self, line: &Line, today: i32, group: u8, explained: bool) {
        for dimension in [CATEGORY, CLASS] {
            let slot = self.slots[line.series[dimension] as usize];
            self.returns[slot] += 1.0;
            self.groups[slot][usize::from(group)] += 1.0;
        }
        let slot = self.slots[line.series[CATEGORY] as usize];
        let day = line.day.max(0) as usize;
        let ages = &mut self.ages[slot];
        if ages.len() <= day {
            ages.resize(day + 1, [0; AGES]);
        }
        ages[day][((today - line.day).max(0) as usize).min(AGES - 1)] += 1;
        self.today[slot] += f64::from(u8::from(!explained));
    }

    pub fn expect(&mut self, line: &Line, explained: bool) -> Expected {
        let (category, class) = (self.slot(line.series[CATEGORY]), self.slot(line.series[CLASS]));
        let rate = self.rates[class];
        let common = if explained { 0.0 } else { rate as f32 };
        add(&mut self.masses[category], line.day, common);
        let plain = rate * self.whole.factor();
        let of_class = plain * self.common[category].factor();
        let level = |series: u32, strength: f64, parent: f64| {
            let level = self.levels[series as usize];
            (strength * parent + level.observed) / (strength + level.expected)
        };
        let style = level(line.series[STYLE], 8.0, 1.0);
        Expected {
            plain,
            class: of_class,
            article: of_class * level(line.series[SKU], 25.0, style),
            mix: self.mixes[class],
        }
    }

    /// A line of [`LAG`] days ago teaches.
    pub fn teach(&mut self, line: &Line, today: i32, expected: f64) {
        let came = line.returned.is_some_and(|(day, _)| day <= today);
        for dimension in [SKU, STYLE] {
            let level = &mut self.levels[line.series[dimension] as usize];
            level.expected += expected;
            level.observed += f64::from(u8::from(came));
        }
    }

    pub const LAG: i32 = LAG;

    /// Closes a day: what is common, rates, and once a week the curves.
    pub fn close(&mut self, today: i32) {
        if !self.masses.iter().all(Vec::is_empty) {
            self.share(today);
        }
        self.today.fill(0.0);
        if today % 7 == 0 {
            self.learn_curves(today);
        }
        self.learn_rates(today);
    }

    fn share(&mut self, today: i32) {
        let (mut observed, mut expected) = (0.0, 0.0);
        let whole = self.whole.factor();
        for slot in 0..self.count {
            if self.ages[slot].is_empty() {
                continue;
            }
            let curve = &self.curves[slot];
            let due: f64 = self.masses[slot]
                .iter()
                .enumerate()
                .skip((today - 50).max(0) as usize)
                .map(|(day, &mass)| {
                    let age = today - day as i32;
                    f64::from(mass) * f64::from(curve.at(age) - curve.at(age - 1))
                })
                .sum();
            observed += self.today[slot];
            expected += due;
            self.common[slot].observe(self.today[slot], due * whole);
        }
        self.whole.observe(observed, expected);
    }

    fn learn_rates(&mut self, today: i32) {
        for slot in 0..self.count {
            let curve = &self.curves[slot];
            let exposed: f64 = self.delivered[slot]
                .iter()
                .enumerate()
                .map(|(day, &lines)| f64::from(lines) * f64::from(curve.at(today - day as i32)))
                .sum();
            self.rates[slot] = (self.returns[slot] + 1.0) / (exposed + 10.0);
            let sum: f64 = self.groups[slot].iter().sum();
            for (mix, &n) in self.mixes[slot].iter_mut().zip(&self.groups[slot]) {
                *mix = ((n + 0.5) / (sum + 0.5 * GROUPS as f64)) as f32;
            }
        }
    }

    /// Chain ladder: from age to age, by the cohorts that are old enough.
    fn learn_curves(&mut self, today: i32) {
        let mut pooled = [(0.0, 0.0); AGES];
        let mut own = vec![[(0.0, 0.0); AGES]; self.count];
        for (slot, ages) in self.ages.iter().enumerate() {
            for (day, counts) in ages.iter().enumerate() {
                let mut sum = 0.0;
                for age in 0..AGES - 1 {
                    sum += f64::from(counts[age]);
                    if today - (day as i32) < age as i32 + 2 {
                        break;
                    }
                    for into in [&mut own[slot][age], &mut pooled[age]] {
                        into.0 += sum;
                        into.1 += sum + f64::from(counts[age + 1]);
                    }
                }
            }
        }
        for (slot, own) in own.iter().enumerate() {
            let mut share = [1.0; AGES];
            for age in (0..AGES - 1).rev() {
                let of_all = (pooled[age].1 + 1.0) / (pooled[age].0 + 1.0);
                let factor = (own[age].1 + 30.0 * of_all) / (own[age].0 + 30.0);
                share[age] = share[age + 1] / factor.max(1.0);
            }
            self.curves[slot] = Curve::new(&share);
        }
    }

    /// Classes take the curves of their categories.
    pub fn borrow_curves(&mut self, told: &Told) {
        for (at, (dimension, value)) in told.names.iter().enumerate() {
            if *dimension == CLASS
                && let Some((_, category)) = value
                    .rsplit_once(',')
                    .and_then(|(category, _)| told.find("category", category))
            {
                let from = self.slots[category as usize];
                self.curves[self.slots[at]] = self.curves[from].clone();
            }
        }
    }
}

fn add(days: &mut Vec<f32>, day: i32, more: f32) {
    let day = day.max(0) as usize;
    if days.len() <= day {
        days.resize(day + 1, 0.0);
    }
    days[day] += more;
}
