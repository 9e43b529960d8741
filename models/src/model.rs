//! A model that scores: what was trained, compiled for one schema, and the score it gives.

use bitcode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::encoding::{Encoder, Row};
use crate::forest::Forest;
use crate::linear::Linear;
use crate::schema::Schema;
use crate::shapley::Scorer;
use crate::sigmoid;

/// What training leaves behind.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trained {
    /// A linear model.
    Linear(Linear),
    /// Boosted trees.
    Forest(Forest),
    /// Both, averaged in log-odds.
    Blend {
        /// The linear model.
        linear: Linear,
        /// The trees.
        forest: Forest,
        /// Share of the trees, 0 to 1.
        #[serde(with = "crate::exact::number")]
        forest_share: f64,
    },
    /// Trees that correct a feature which is itself a score in log-odds, such as the online learner's.
    Over {
        /// Place of that feature in the schema.
        score: usize,
        /// The trees.
        forest: Forest,
    },
}

/// A trained model, ready to score.
#[derive(Clone, Debug)]
pub struct Model {
    encoder: Encoder,
    linear: Option<(f64, Linear)>,
    forest: Option<(f64, Scorer)>,
    /// Place of the score that the trees correct.
    over: Option<usize>,
}

/// One score: base, contributions and what calibration moves add up to the log-odds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Log-odds of an average row.
    pub base: f64,
    /// What each feature adds, in the order of the schema.
    pub contributions: Vec<f64>,
    /// What calibration adds.
    pub calibration: f64,
    /// Their sum.
    pub log_odds: f64,
    /// Its probability.
    pub probability: f64,
}

impl Score {
    /// A score that is not calibrated.
    #[must_use]
    pub fn new(base: f64, contributions: Vec<f64>) -> Self {
        let log_odds = base + contributions.iter().sum::<f64>();
        Self {
            base,
            contributions,
            calibration: 0.0,
            log_odds,
            probability: sigmoid(log_odds),
        }
    }

    /// A score of a linear model, such as the online learner's.
    #[must_use]
    pub fn linear(linear: &Linear, encoder: &Encoder, row: &Row) -> Self {
        let mut contributions = vec![0.0; encoder.features()];
        let base = linear.contributions(encoder, row, &mut contributions);
        Self::new(base, contributions)
    }

    /// Log-odds before calibration.
    #[must_use]
    pub fn raw(&self) -> f64 {
        self.log_odds - self.calibration
    }

    /// The score with these log-odds, the difference being what calibration adds.
    #[must_use]
    pub fn calibrated(self, log_odds: f64) -> Self {
        Self {
            calibration: log_odds - self.raw(),
            log_odds,
            probability: sigmoid(log_odds),
            ..self
        }
    }
}

impl Model {
    /// Compiles what was trained on a schema.
    ///
    /// # Panics
    /// When it does not fit the schema; [`crate::artefact::Artefact::open`] checks that.
    #[must_use]
    pub fn new(schema: &Schema, trained: &Trained) -> Self {
        let fault = trained.fault(schema);
        assert!(fault.is_none(), "{fault:?}");
        let (linear, forest) = match trained {
            Trained::Over { forest, .. } => (None, Some((1.0, Scorer::new(forest)))),
            Trained::Linear(linear) => (Some((1.0, linear.clone())), None),
            Trained::Forest(forest) => (None, Some((1.0, Scorer::new(forest)))),
            Trained::Blend {
                linear,
                forest,
                forest_share,
            } => (
                Some((1.0 - forest_share, linear.clone())),
                Some((*forest_share, Scorer::new(forest))),
            ),
        };
        Self {
            encoder: Encoder::new(schema),
            linear,
            forest,
            over: match trained {
                Trained::Over { score, .. } => Some(*score),
                _ => None,
            },
        }
    }

    /// Scores a vector. `row` is scratch space.
    ///
    /// # Panics
    /// When the vector has not the length of the schema.
    #[must_use]
    pub fn score(&self, x: &[f32], row: &mut Row) -> Score {
        let mut contributions = vec![0.0; self.encoder.features()];
        let mut base = 0.0;
        if let Some((share, linear)) = &self.linear {
            self.encoder.encode(x, row);
            base += share * linear.contributions(&self.encoder, row, &mut contributions);
            if *share != 1.0 {
                contributions
                    .iter_mut()
                    .for_each(|contribution| *contribution *= share);
            }
        }
        match &self.forest {
            Some((share, forest)) if *share == 1.0 => base += forest.contributions(x, &mut contributions),
            Some((share, forest)) => {
                let mut own = vec![0.0; contributions.len()];
                base += share * forest.contributions(x, &mut own);
                for (sum, own) in contributions.iter_mut().zip(own) {
                    *sum += share * own;
                }
            }
            None => {}
        }
        if let Some(score) = self.over {
            contributions[score] += f64::from(x[score]);
        }
        Score::new(base, contributions)
    }
}

impl Trained {
    /// Why this does not fit a schema, if it does not.
    #[must_use]
    pub fn fault(&self, schema: &Schema) -> Option<String> {
        let (linear, forest, share) = match self {
            Self::Linear(linear) => (Some(linear), None, 0.0),
            Self::Forest(forest) | Self::Over { forest, .. } => (None, Some(forest), 1.0),
            Self::Blend {
                linear,
                forest,
                forest_share,
            } => (Some(linear), Some(forest), *forest_share),
        };
        let slots = Encoder::new(schema).slots();
        let thin = linear.filter(|linear| linear.weights.len() != slots || linear.means.len() != slots);
        let thin = thin.map(|linear| format!("{} weights for {slots} slots", linear.weights.len()));
        let narrow = forest.filter(|forest| forest.features != schema.len());
        let narrow = narrow.map(|forest| {
            format!(
                "trees of {} features, schema of {}",
                forest.features,
                schema.len()
            )
        });
        let stray = match self {
            Self::Over { score, .. } if *score >= schema.len() => {
                Some(format!("it corrects feature {score} of {}", schema.len()))
            }
            _ => None,
        };
        let share = (!(0.0..=1.0).contains(&share)).then(|| format!("a share of {share}"));
        thin.or(narrow)
            .or(share)
            .or(stray)
            .or_else(|| forest.and_then(Forest::fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::{Split, Tree};
    use crate::schema::{Feature, Linear as Kind};
    use proptest::prelude::*;

    const FEATURES: &[Feature] = &[
        Feature {
            name: "a",
            linear: Kind::Plain,
            ..Feature::EMPTY
        },
        Feature {
            name: "b",
            linear: Kind::Ranges(&[0.0]),
            ..Feature::EMPTY
        },
    ];
    const SCHEMA: Schema = Schema {
        name: "test",
        features: FEATURES,
    };

    fn blend(weights: Vec<f64>, means: Vec<f64>, share: f64) -> Trained {
        let split = Split {
            feature: 1,
            threshold: 0.3,
            missing_above: true,
        };
        let tree = Tree {
            splits: vec![split],
            values: vec![-0.5, 1.0],
            cover: vec![3.0, 1.0],
        };
        Trained::Blend {
            linear: Linear { weights, means },
            forest: Forest {
                features: 2,
                base: -1.5,
                trees: vec![tree],
            },
            forest_share: share,
        }
    }

    #[test]
    fn trees_over_a_score_add_to_it() {
        let Trained::Blend { forest, .. } = blend(vec![0.0; 6], vec![0.0; 6], 1.0) else {
            unreachable!()
        };
        let trained = Trained::Over {
            score: 0,
            forest: forest.clone(),
        };
        let score = Model::new(&SCHEMA, &trained).score(&[-2.25, 0.7], &mut Row::new());
        assert!((score.log_odds - (-2.25 + forest.log_odds(&[-2.25, 0.7]))).abs() < 1e-6);
        assert_eq!(score.contributions[0], -2.25);
        let stray = Trained::Over { score: 2, forest };
        assert_eq!(
            stray.fault(&SCHEMA).as_deref(),
            Some("it corrects feature 2 of 2")
        );
    }

    proptest! {
        #[test]
        fn everything_adds_up_to_the_log_odds(
            weights in prop::collection::vec(-2.0_f64..2.0, 6),
            means in prop::collection::vec(0.0_f64..1.0, 6),
            share in 0.0_f64..1.0,
            x in prop::array::uniform2(prop_oneof![Just(f32::NAN), -2.0_f32..2.0]),
            calibrated in -5.0_f64..5.0,
        ) {
            let trained = blend(weights, means, share);
            let Trained::Blend { linear, forest, .. } = &trained else { unreachable!() };
            let mut row = Row::new();
            let score = Model::new(&SCHEMA, &trained).score(&x, &mut row);
            let plain = (1.0 - share) * linear.log_odds(&row) + share * forest.log_odds(&x);
            prop_assert!((score.log_odds - plain).abs() < 1e-6);
            let moved = score.clone().calibrated(calibrated);
            let sum = moved.base + moved.contributions.iter().sum::<f64>() + moved.calibration;
            prop_assert!((sum - calibrated).abs() < 1e-9);
            prop_assert!((moved.raw() - score.log_odds).abs() < 1e-9);
        }
    }

    #[test]
    fn a_misfit_is_told() {
        assert_eq!(blend(vec![0.0; 6], vec![0.0; 6], 0.5).fault(&SCHEMA), None);
        assert!(
            blend(vec![0.0; 5], vec![0.0; 5], 0.5)
                .fault(&SCHEMA)
                .unwrap()
                .contains("5 weights")
        );
        assert!(
            blend(vec![0.0; 6], vec![0.0; 6], 1.5)
                .fault(&SCHEMA)
                .unwrap()
                .contains("share")
        );
    }
}
