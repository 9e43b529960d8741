//! What a line delivered today is expected to do, from what was known: by its class (category and size), by what the whole shop and its category do of late, and by
//! the level of its article, which learns a month behind so that a shift is not absorbed at once.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_models::shift::GROUPS;
use eddy_models::shift::common::Common;
use eddy_models::shift::series::Curve;

/// Days after which a line teaches the level of its article.
pub(crate) const LAG: i32 = 30;
/// Days of delivery whose returns are still to come.
const YOUNG: i32 = 60;
/// What counts as known of an article's level before it is seen: expected returns of its style, of itself.
const STYLE_STRENGTH: f64 = 8.0;
const SKU_STRENGTH: f64 = 25.0;

/// Days after which half is forgotten of how the lines of a class that taught their articles fared, and what "as expected" counts for.
const HINDSIGHT_DAYS: f64 = 14.0;
const HINDSIGHT_STRENGTH: f64 = 25.0;

/// Rate of a class that came today.
const UNKNOWN: f64 = 0.1;

/// Returns of lines of a class, and what they are reckoned from.
#[derive(Clone, Debug, Default, Encode, Decode)]
struct Class {
    /// Lines by day of delivery, while young.
    delivered: BTreeMap<i32, f64>,
    /// Lines whose returns have all come.
    matured: f64,
    returned: f64,
    groups: [f64; GROUPS],
    rate: f64,
    mix: [f32; GROUPS],
    /// Of the lines that taught their articles of late.
    taught: Level,
}

impl Class {
    fn learn(&mut self, today: i32, curve: &Curve) {
        let keep = (-1.0 / HINDSIGHT_DAYS).exp2();
        self.taught.expected *= keep;
        self.taught.observed *= keep;
        while let Some(first) = self
            .delivered
            .first_entry()
            .filter(|of| *of.key() <= today - YOUNG)
        {
            self.matured += first.remove();
        }
        let exposed: f64 = self
            .delivered
            .iter()
            .map(|(day, lines)| lines * f64::from(curve.at(today - day)))
            .sum();
        self.rate = (self.returned + 1.0) / (self.matured + exposed + 10.0);
        let sum: f64 = self.groups.iter().sum();
        for (mix, n) in self.mix.iter_mut().zip(&self.groups) {
            *mix = ((n + 0.5) / (sum + 0.5 * GROUPS as f64)) as f32;
        }
    }
}

/// What a category does besides.
#[derive(Clone, Debug, Default, Encode, Decode)]
struct Moving {
    /// Expected returns without what is common, by day of delivery.
    masses: BTreeMap<i32, f64>,
    /// Returns that became known today.
    today: f64,
    common: Common,
}

/// Observed and expected returns of an article or a style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Level {
    pub(crate) expected: f64,
    pub(crate) observed: f64,
}

impl Level {
    /// Times the expectation, shrunk to `parent`.
    fn factor(self, strength: f64, parent: f64) -> f64 {
        (strength * parent + self.observed) / (strength + self.expected)
    }

    pub(crate) fn of_style(self) -> f64 {
        self.factor(STYLE_STRENGTH, 1.0)
    }

    pub(crate) fn of_sku(self, style: f64) -> f64 {
        self.factor(SKU_STRENGTH, style)
    }
}

/// What is expected of a line of a class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Of the class, without anything common.
    pub(crate) rate: f64,
    plain: f64,
    moved: f64,
    pub(crate) mix: [f32; GROUPS],
}

impl Plan {
    /// Expected of a line, whose article is at `level` times its class: by its class, by what its category does of late, and by its article's own level.
    pub(crate) fn times(&self, level: f64) -> [f32; 3] {
        [self.plain as f32, self.moved as f32, (self.moved * level) as f32]
    }
}

/// The baseline.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Baseline {
    /// By category and size.
    classes: BTreeMap<(u32, u32), Class>,
    /// By category.
    moving: BTreeMap<u32, Moving>,
    whole: Common,
}

impl Baseline {
    pub(crate) fn delivered(&mut self, class: (u32, u32), day: i32, lines: u32) {
        let of = self.classes.entry(class).or_default();
        *of.delivered.entry(day).or_default() += f64::from(lines);
    }

    /// A line came back. What a known case explained when it was delivered says nothing of what is common.
    pub(crate) fn returned(&mut self, class: (u32, u32), group: u8, explained: bool) {
        let of = self.classes.entry(class).or_default();
        of.returned += 1.0;
        of.groups[usize::from(group).min(GROUPS - 1)] += 1.0;
        if !explained {
            self.moving.entry(class.0).or_default().today += 1.0;
        }
    }

    /// Lines of a class teach their articles.
    pub(crate) fn taught(&mut self, class: (u32, u32), lines: Level) {
        let of = &mut self.classes.entry(class).or_default().taught;
        of.expected += lines.expected;
        of.observed += lines.observed;
    }

    /// Times as many of a class that teaches now came back as were expected when they were delivered. An article's level is what it does beside that: what its whole class
    /// was thought to do and did not is put right in the rate of the class, and would be put right twice.
    pub(crate) fn in_hindsight(&self, class: (u32, u32)) -> f64 {
        self.classes
            .get(&class)
            .map_or(1.0, |of| of.taught.factor(HINDSIGHT_STRENGTH, 1.0))
    }

    /// What is expected of a line of a class.
    pub(crate) fn plan(&self, class: (u32, u32)) -> Plan {
        let of = self.classes.get(&class).filter(|of| of.rate > 0.0);
        let rate = of.map_or(UNKNOWN, |of| of.rate);
        let common = self.moving.get(&class.0).map_or(1.0, |of| of.common.factor());
        let plain = rate * self.whole.factor();
        Plan {
            rate,
            plain,
            moved: plain * common,
            mix: of.map_or([1.0 / GROUPS as f32; GROUPS], |of| of.mix),
        }
    }

    /// So much was expected of the lines of a category and a day by their classes. Those that a known case explains teach nothing common.
    pub(crate) fn expects(&mut self, category: u32, day: i32, mass: f64) {
        let moving = self.moving.entry(category).or_default();
        *moving.masses.entry(day).or_default() += mass;
    }

    /// Closes a day: what is common, and the rates.
    pub(crate) fn close(&mut self, today: i32, curves: &BTreeMap<u32, Curve>) {
        let (mut observed, mut expected) = (0.0, 0.0);
        let whole = self.whole.factor();
        for (category, moving) in &mut self.moving {
            while let Some(first) = moving
                .masses
                .first_entry()
                .filter(|of| *of.key() <= today - YOUNG)
            {
                first.remove();
            }
            let came = std::mem::take(&mut moving.today);
            let Some(curve) = curves.get(category).filter(|_| !moving.masses.is_empty()) else {
                continue;
            };
            let due: f64 = moving
                .masses
                .iter()
                .map(|(day, mass)| {
                    let age = today - day;
                    mass * f64::from(curve.at(age) - curve.at(age - 1))
                })
                .sum();
            observed += came;
            expected += due;
            moving.common.observe(came, due * whole);
        }
        if expected > 0.0 {
            self.whole.observe(observed, expected);
        }
        for ((category, _), class) in &mut self.classes {
            if let Some(curve) = curves.get(category) {
                class.learn(today, curve);
            }
        }
    }
}
