//! The calibrator: the outcomes of late, by group (such as the payment mode), and the maps fitted to them.
//!
//! No one window suits a steady shop and one whose failures triple in a bad month, so several maps are kept, of several kinds and windows, "changes nothing"
//! among them, and averaged in log-odds with weights `exp(-loss)`, where the loss of each is its log-loss on the outcomes of late (the aggregating
//! forecaster with forgetting; Vovk 1990, Herbster and Warmuth 1998). Outcomes come days after scores, so each map is judged as it was when the row was
//! scored: judged as it is when the outcome comes, the most nervous map would look best.
//!
//! Every outcome goes into the window of all and into that of its group. A group's maps come after those of all and are drawn towards changing
//! nothing, so a group with few outcomes is calibrated as all are, and one with fewer than `least` has no map. Calibration moves a
//! score by its calibrated less its raw log-odds, one named contribution.

use bitcode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::exact;
use crate::mapping::{Map, Method, Sample};

/// A map to try.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Candidate {
    /// Its kind.
    pub method: Method,
    /// Outcomes that it is fitted to.
    pub window: usize,
}

/// What a calibrator is told at its start.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Config {
    /// Maps to try; changing nothing is always among them.
    pub candidates: Vec<Candidate>,
    /// Outcomes of a window after which its maps may be fitted anew; a map of more than eight times as many waits for an eighth of its own window.
    pub every: usize,
    /// Event time that must have passed as well, in microseconds.
    pub every_us: i64,
    /// Outcomes below which a window has no map.
    pub least: usize,
    /// Outcomes that "changes nothing" is worth in a fit.
    pub strength: f64,
    /// Outcomes after which a candidate's loss is half forgotten, about.
    pub memory: f64,
    /// Most groups; the outcomes of any further one count for all alone.
    pub groups: usize,
}

impl Default for Config {
    fn default() -> Self {
        let candidate = |method, window| Candidate { method, window };
        Self {
            candidates: vec![
                candidate(Method::Level, 300),
                candidate(Method::Platt, 1_000),
                candidate(Method::Beta, 8_000),
            ],
            every: 32,
            every_us: 6 * 3_600_000_000,
            least: 200,
            strength: 50.0,
            memory: 1_000.0,
            groups: 64,
        }
    }
}

impl Config {
    /// One kind of map on one window.
    #[must_use]
    pub fn only(method: Method, window: usize) -> Self {
        Self {
            candidates: vec![Candidate { method, window }],
            ..Self::default()
        }
    }
}

/// Fits whose maps are remembered, to judge them as they were: a month at the default pace.
const REMEMBERED: usize = 128;

/// One map of a mixture.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Part {
    /// Its share; shares add up to one.
    #[serde(with = "exact::number")]
    pub share: f64,
    /// The map.
    pub map: Map,
}

/// Maps averaged in log-odds. None at all changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Mixture(pub Vec<Part>);

impl Mixture {
    /// Calibrated log-odds.
    #[must_use]
    pub fn apply(&self, s: f64) -> f64 {
        // The difference is averaged, so that maps that change nothing leave the very bits.
        s + self
            .0
            .iter()
            .map(|part| part.share * (part.map.apply(s) - s))
            .sum::<f64>()
    }
}

/// Outcomes of late and their maps.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
struct Window {
    /// The oldest is overwritten first.
    samples: Vec<Sample>,
    next: usize,
    since: usize,
    /// Outcomes since the fit of each candidate.
    rested: Vec<usize>,
    /// The first part changes nothing, the others are the candidates; before the first fit, what was given at the start.
    mixture: Mixture,
    losses: Vec<f64>,
    /// Maps of the candidates by the time of their fit, ascending.
    fits: Vec<(i64, Vec<Map>)>,
}

/// When a row was scored and when its outcome was known, in microseconds of event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// The score.
    pub scored_at: i64,
    /// The outcome.
    pub known_at: i64,
}

impl Window {
    fn observe(&mut self, sample: Sample, when: When, config: &Config, before: impl Fn(f64) -> f64) {
        let s = before(sample.log_odds);
        if !self.losses.is_empty() {
            let fit = self.fits.partition_point(|(at, _)| *at < when.scored_at);
            let none = [];
            let maps = fit.checked_sub(1).map_or(&none[..], |fit| &self.fits[fit].1);
            for (i, loss) in self.losses.iter_mut().enumerate() {
                let map = i.checked_sub(1).and_then(|candidate| maps.get(candidate));
                let s = map.map_or(s, |map| map.apply(s));
                let wrong = if sample.failed { -s } else { s };
                *loss +=
                    sample.weight * (wrong.max(0.0) + (-wrong.abs()).exp().ln_1p()) - *loss / config.memory;
            }
        }
        let most = config
            .candidates
            .iter()
            .map(|candidate| candidate.window)
            .max()
            .unwrap_or(0);
        if self.samples.len() < most {
            self.samples.push(sample);
        } else if most > 0 {
            self.samples[self.next] = sample;
            self.next = (self.next + 1) % most;
        }
        self.since += 1;
        let rested = self
            .fits
            .last()
            .is_none_or(|(at, _)| when.known_at >= at.saturating_add(config.every_us));
        if self.samples.len() >= config.least && self.since >= config.every && rested {
            self.fit(when.known_at, config, before);
            self.since = 0;
        }
        self.weigh();
    }

    fn fit(&mut self, at: i64, config: &Config, before: impl Fn(f64) -> f64) {
        if self.losses.is_empty() {
            self.losses = vec![0.0; config.candidates.len() + 1];
            self.rested = vec![usize::MAX; config.candidates.len()];
            self.mixture = Mixture(vec![Part::default(); config.candidates.len() + 1]);
        }
        let n = self.samples.len();
        let latest = (0..n).map(|back| self.samples[(self.next + n - 1 - back) % n]);
        let samples: Vec<Sample> = latest
            .map(|sample| Sample {
                log_odds: before(sample.log_odds),
                ..sample
            })
            .collect();
        let parts = self.mixture.0[1..].iter_mut().zip(&mut self.rested);
        for ((part, rested), candidate) in parts.zip(&config.candidates) {
            let samples = &samples[..candidate.window.min(n)];
            *rested = rested.saturating_add(self.since);
            if *rested < samples.len() / 8 {
                continue;
            }
            *rested = 0;
            part.map = Map::fit_from(candidate.method, samples, config.strength, &part.map);
        }
        if self.fits.len() == REMEMBERED {
            self.fits.remove(0);
        }
        self.fits.push((
            at,
            self.mixture.0[1..].iter().map(|part| part.map.clone()).collect(),
        ));
    }

    fn weigh(&mut self) {
        let least = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
        let sum: f64 = self.losses.iter().map(|loss| (least - loss).exp()).sum();
        for (part, loss) in self.mixture.0.iter_mut().zip(&self.losses) {
            part.share = (least - loss).exp() / sum;
        }
    }
}

/// Calibrates log-odds by the outcomes of late.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Calibrator {
    config: Config,
    all: Window,
    /// Ascending by key.
    groups: Vec<(u32, Window)>,
}

impl Calibrator {
    /// A calibrator that changes nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::from_maps(config, &Maps::default())
    }

    /// A calibrator that starts from maps fitted elsewhere, until its own windows suffice.
    #[must_use]
    pub fn from_maps(config: Config, maps: &Maps) -> Self {
        let window = |mixture: &Mixture| Window {
            mixture: mixture.clone(),
            ..Window::default()
        };
        Self {
            config,
            all: window(&maps.all),
            groups: maps
                .groups
                .iter()
                .map(|(key, mixture)| (*key, window(mixture)))
                .collect(),
        }
    }

    /// Tells one outcome, in the order in which outcomes are known.
    pub fn observe(&mut self, group: u32, sample: Sample, when: When) {
        self.all.observe(sample, when, &self.config, |s| s);
        let at = match self.groups.binary_search_by_key(&group, |(key, _)| *key) {
            Ok(at) => at,
            Err(_) if self.groups.len() >= self.config.groups => return,
            Err(at) => {
                self.groups.insert(at, (group, Window::default()));
                at
            }
        };
        let all = &self.all.mixture;
        self.groups[at]
            .1
            .observe(sample, when, &self.config, |s| all.apply(s));
    }

    /// Calibrated log-odds.
    #[must_use]
    pub fn calibrate(&self, group: u32, log_odds: f64) -> f64 {
        let all = self.all.mixture.apply(log_odds);
        match self.groups.binary_search_by_key(&group, |(key, _)| *key) {
            Ok(at) => self.groups[at].1.mixture.apply(all),
            Err(_) => all,
        }
    }

    /// The maps as they are now.
    #[must_use]
    pub fn maps(&self) -> Maps {
        Maps {
            all: self.all.mixture.clone(),
            groups: self
                .groups
                .iter()
                .map(|(key, window)| (*key, window.mixture.clone()))
                .collect(),
        }
    }
}

/// Maps without the outcomes they were fitted to: what an artefact keeps.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Maps {
    /// The maps of all.
    pub all: Mixture,
    /// Those of the groups, ascending by key; each comes after those of all.
    pub groups: Vec<(u32, Mixture)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::sigmoid;

    /// Random outcomes, one an hour.
    #[derive(Clone)]
    struct Told {
        random: Random,
        clock: i64,
    }

    impl Told {
        fn new(seed: u64) -> Self {
            Self {
                random: Random::new(seed),
                clock: 0,
            }
        }
    }

    fn tell(calibrator: &mut Calibrator, random: &mut Told, n: usize, group: u32, shift: f64) {
        for _ in 0..n {
            let known_at = random.clock;
            random.clock += 3_600_000_000;
            let when = When {
                scored_at: known_at - 1,
                known_at,
            };
            let random = &mut random.random;
            let log_odds = random.unit() * 3.0 - 2.5;
            let failed = random.unit() < sigmoid(log_odds + shift);
            calibrator.observe(
                group,
                Sample {
                    log_odds,
                    failed,
                    weight: 1.0,
                },
                when,
            );
        }
    }

    fn off(calibrator: &Calibrator, group: u32, shift: f64) -> f64 {
        let errors = (-25..5).map(|s| {
            let s = f64::from(s) / 10.0;
            (sigmoid(calibrator.calibrate(group, s)) - sigmoid(s + shift)).abs()
        });
        errors.sum::<f64>() / 30.0
    }

    #[test]
    fn each_group_gets_its_own_map_and_a_small_one_that_of_all() {
        for method in [Method::Platt, Method::Beta, Method::Isotonic] {
            let mut calibrator = Calibrator::new(Config::only(method, 8_000));
            let mut random = Told::new(1);
            for _ in 0..40 {
                tell(&mut calibrator, &mut random, 200, 0, 0.8);
                tell(&mut calibrator, &mut random, 200, 1, -0.8);
                tell(&mut calibrator, &mut random, 2, 2, 0.0);
            }
            assert!(off(&calibrator, 0, 0.8) < 0.03, "{method:?}");
            assert!(off(&calibrator, 1, -0.8) < 0.03, "{method:?}");
            assert_eq!(calibrator.calibrate(2, -1.0), calibrator.calibrate(7, -1.0));
        }
    }

    #[test]
    fn a_drift_is_followed() {
        let mut calibrator = Calibrator::new(Config::default());
        let mut random = Told::new(2);
        tell(&mut calibrator, &mut random, 10_000, 0, 0.0);
        assert!(off(&calibrator, 0, 0.0) < 0.02);
        tell(&mut calibrator, &mut random, 1_500, 0, 1.0);
        assert!(off(&calibrator, 0, 1.0) < 0.05);
    }

    #[test]
    fn before_enough_outcomes_nothing_changes() {
        let mut calibrator = Calibrator::new(Config::default());
        tell(&mut calibrator, &mut Told::new(3), 199, 0, 2.0);
        assert_eq!(calibrator.calibrate(0, -1.25), -1.25);
    }

    #[test]
    fn a_snapshot_goes_on_as_the_whole() {
        let mut whole = Calibrator::new(Config {
            groups: 1,
            ..Config::default()
        });
        let mut random = Told::new(4);
        tell(&mut whole, &mut random, 777, 0, 0.5);
        let mut restored: Calibrator = bitcode::decode(&bitcode::encode(&whole)).unwrap();
        let mut again = random.clone();
        tell(&mut whole, &mut random, 500, 1, 0.5);
        tell(&mut restored, &mut again, 500, 1, 0.5);
        assert_eq!(bitcode::encode(&whole), bitcode::encode(&restored));
    }
}
