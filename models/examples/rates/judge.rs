//! Freezes the facts at past days, nowcasts every cohort and writes down what came of it.

use eddy_models::nowcast::{Cohort, nowcast};
use eddy_models::shrinkage::{Evidence, Level, Prior, Spread, between, prior};

use super::facts::{Basis, Facts, Sku};

/// Days of a cohort.
pub const GRAINS: [(&str, usize); 3] = [("day", 1), ("week", 7), ("month", 30)];

/// Units assumed to tell of a member of all, of a category, of a style, before the spread is learned.
const ASSUMED: [f64; 3] = [30.0, 60.0, 200.0];
/// Of one cohort of a group.
const ASSUMED_IN_TIME: f64 = 500.0;
/// Half-life of what a category's own past tells of it, in days. An article's counts whole: there is little of it.
const HALF_LIFE: f64 = 30.0;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Category,
    Sku,
}

/// A cohort as it was nowcast, and how it ended.
pub struct Judged {
    pub kind: Kind,
    pub grain: usize,
    pub delivered: f64,
    pub maturity: f64,
    pub raw: f64,
    pub adjusted: f64,
    pub ladder: f64,
    pub lower: f64,
    pub upper: f64,
    pub end: f64,
}

/// Sums of one group by day.
#[derive(Clone)]
struct Row {
    delivered: Vec<f64>,
    returned: Vec<f64>,
    exposure: Vec<f64>,
    end: Vec<f64>,
}

impl Row {
    fn new(days: usize) -> Self {
        let row = vec![0.0; days];
        Self {
            delivered: row.clone(),
            returned: row.clone(),
            exposure: row.clone(),
            end: row,
        }
    }

    fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.delivered, &other.delivered),
            (&mut self.returned, &other.returned),
            (&mut self.exposure, &other.exposure),
            (&mut self.end, &other.end),
        ];
        for (mine, other) in pairs {
            for (mine, other) in mine.iter_mut().zip(other) {
                *mine += other;
            }
        }
    }

    fn cohort(&self, from: usize, to: usize, clump: f64) -> (Cohort, f64) {
        let sum = |row: &[f64]| row[from..to].iter().sum();
        let cohort = Cohort {
            delivered: sum(&self.delivered),
            returned: sum(&self.returned),
            exposure: sum(&self.exposure),
            clump,
        };
        (cohort, sum(&self.end))
    }

    fn evidence(&self, from: usize, to: usize, clump: f64) -> Evidence {
        let (cohort, _) = self.cohort(from, to, clump);
        Evidence {
            returned: cohort.returned / clump,
            exposure: cohort.exposure / clump,
        }
    }
}

/// What each level knows, at one moment.
struct Frozen<'a> {
    facts: &'a Facts,
    now: usize,
    /// Of each category: of the whole, of one article.
    clumps: Vec<[f64; 2]>,
    all: Evidence,
    categories: Vec<(Row, Evidence)>,
    styles: Vec<Evidence>,
    skus: Vec<(Row, Evidence)>,
    /// Of categories, styles of a category, articles of a style.
    members: [f64; 3],
    /// By kind and grain.
    in_time: [[f64; GRAINS.len()]; 2],
}

fn spread(members: impl IntoIterator<Item = Evidence>) -> Spread {
    let mut spread = Spread::default();
    members.into_iter().for_each(|member| spread.add(member));
    spread
}

impl<'a> Frozen<'a> {
    fn new(facts: &'a Facts, now: usize, basis: Basis) -> Self {
        let (_, curves) = facts.curves(now, basis);
        let mut rows = vec![Row::new(now); facts.skus.len()];
        for (at, line) in facts.lines.iter().enumerate() {
            if line.known >= now as f64 {
                continue;
            }
            let (category, day, units) = (facts.category(at), line.at as usize, f64::from(line.units));
            rows[line.sku].delivered[day] += units;
            // At the end of its day a cohort is half a day old.
            let age = (now - day) as f64 - 0.5;
            rows[line.sku].exposure[day] += units * curves[category].share(age);
        }
        for back in facts.backs(basis) {
            let line = &facts.lines[back.line];
            if line.known >= now as f64 {
                continue;
            }
            let (row, day) = (&mut rows[line.sku], line.at as usize);
            row.end[day] += f64::from(back.units);
            if back.known < now as f64 {
                row.returned[day] += f64::from(back.units);
            }
        }
        let clumps = facts.clumps(now, basis);
        let mut categories = vec![Row::new(now); facts.categories.len()];
        let mut styles = vec![Evidence::default(); facts.styles];
        let mut of_style = vec![Vec::new(); facts.styles];
        let mut skus = Vec::new();
        for (row, sku) in rows.into_iter().zip(&facts.skus) {
            categories[sku.category].add(&row);
            let evidence = row.evidence(0, now, clumps[sku.category][1]);
            styles[sku.style].returned += evidence.returned;
            styles[sku.style].exposure += evidence.exposure;
            of_style[sku.style].push(evidence);
            skus.push((row, evidence));
        }
        let categories: Vec<(Row, Evidence)> = categories
            .into_iter()
            .zip(&clumps)
            .map(|(row, clump)| {
                let evidence = row.evidence(0, now, clump[0]);
                (row, evidence)
            })
            .collect();
        let mut of_category = vec![Vec::new(); facts.categories.len()];
        let mut seen = vec![false; facts.styles];
        for sku in &facts.skus {
            if !std::mem::replace(&mut seen[sku.style], true) {
                of_category[sku.category].push(styles[sku.style]);
            }
        }
        let all: Vec<Evidence> = categories.iter().map(|(_, evidence)| *evidence).collect();
        let members = [
            spread(all.iter().copied()).between(ASSUMED[0]),
            between(
                &of_category.into_iter().map(spread).collect::<Vec<_>>(),
                ASSUMED[1],
            ),
            between(&of_style.into_iter().map(spread).collect::<Vec<_>>(), ASSUMED[2]),
        ];
        let in_time = |rows: &[(Row, Evidence)], clump: &dyn Fn(usize) -> f64| {
            GRAINS.map(|(_, days)| {
                let spreads: Vec<Spread> = rows
                    .iter()
                    .enumerate()
                    .map(|(at, (row, _))| {
                        let cohorts =
                            (0..now / days).map(|k| row.evidence(k * days, (k + 1) * days, clump(at)));
                        spread(cohorts)
                    })
                    .collect();
                between(&spreads, ASSUMED_IN_TIME)
            })
        };
        let in_time = [
            in_time(&categories, &|at| clumps[at][0]),
            in_time(&skus, &|at| clumps[facts.skus[at].category][1]),
        ];
        Self {
            facts,
            now,
            all: Evidence {
                returned: all.iter().map(|one| one.returned).sum(),
                exposure: all.iter().map(|one| one.exposure).sum(),
            },
            clumps,
            categories,
            styles,
            skus,
            members,
            in_time,
        }
    }

    /// What is believed of a cohort before it speaks.
    fn prior(&self, kind: Kind, at: usize, grain: usize, cohort: (usize, usize)) -> Prior {
        let level = |evidence, members| Level { evidence, members };
        let all = level(self.all, self.members[0]);
        let in_time = self.in_time[usize::from(kind == Kind::Sku)][grain];
        if kind == Kind::Category {
            let past = self.past(&self.categories[at].0, self.clumps[at][0], cohort);
            // Faded, the category no longer holds all that is to be taken from the sum of all; next to it that is nothing.
            return prior(&[all, level(past, in_time)], Evidence::default());
        }
        let Sku { category, style } = self.facts.skus[at];
        let (row, own) = &self.skus[at];
        prior(
            &[
                all,
                level(self.categories[category].1, self.members[1]),
                level(self.styles[style], self.members[2]),
                level(*own, in_time),
            ],
            row.evidence(cohort.0, cohort.1, self.clumps[category][1]),
        )
    }

    /// A group's evidence but for one cohort's, fading.
    fn past(&self, row: &Row, clump: f64, (from, to): (usize, usize)) -> Evidence {
        let mut past = Evidence::default();
        for day in (0..from).chain(to..self.now) {
            let weight = (-((self.now - day) as f64) / HALF_LIFE).exp2() / clump;
            past.returned += weight * row.returned[day];
            past.exposure += weight * row.exposure[day];
        }
        past
    }

    fn judge(&self, kind: Kind, at: usize, into: &mut Vec<Judged>) {
        let (row, clump) = match kind {
            Kind::Category => (&self.categories[at].0, self.clumps[at][0]),
            Kind::Sku => (&self.skus[at].0, self.clumps[self.facts.skus[at].category][1]),
        };
        for (grain, (_, days)) in GRAINS.into_iter().enumerate() {
            // What is older has nothing to come.
            for from in (0..self.now).step_by(days).filter(|from| from + 90 > self.now) {
                let to = (from + days).min(self.now);
                let (cohort, end) = row.cohort(from, to, clump);
                if cohort.delivered == 0.0 {
                    continue;
                }
                let prior = self.prior(kind, at, grain, (from, to));
                let rate = nowcast(&cohort, &prior);
                into.push(Judged {
                    kind,
                    grain,
                    delivered: cohort.delivered,
                    maturity: rate.maturity,
                    raw: rate.raw,
                    adjusted: rate.adjusted,
                    ladder: (rate.raw / rate.maturity.max(1e-9)).min(1.0),
                    lower: rate.lower,
                    upper: rate.upper,
                    end: end / cohort.delivered,
                });
            }
        }
    }
}

/// Every cohort of every category and article, as of each of the days.
pub fn judge(facts: &Facts, days: impl IntoIterator<Item = usize>, basis: Basis) -> Vec<Judged> {
    let mut judged = Vec::new();
    for now in days {
        let frozen = Frozen::new(facts, now, basis);
        println!(
            "    day {now}: clumps {:.1?}; members count for {:.0} (category), {:.0} (style), {:.0} (sku); cohorts of a category for {:.0?}, of a sku for {:.0?}",
            frozen.clumps[0],
            frozen.members[0],
            frozen.members[1],
            frozen.members[2],
            frozen.in_time[0],
            frozen.in_time[1]
        );
        for at in 0..facts.categories.len() {
            frozen.judge(Kind::Category, at, &mut judged);
        }
        for at in 0..facts.skus.len() {
            frozen.judge(Kind::Sku, at, &mut judged);
        }
    }
    judged
}
