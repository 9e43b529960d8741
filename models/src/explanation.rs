//! A score in words: its contributions by topic, greatest first, adding up to the log-odds.
//!
//! Features of one topic (the rate of a lane, its lift, its count) are one reason: their contributions are added, and the member that
//! moves most in the direction of the sum gives the words. Numbers and names that are no features ("24 of 78 parcels", the courier's name) come from the
//! caller, who knows them; where it does not, the plain words are used.

use std::borrow::Cow;

use serde::Serialize;

use crate::model::Score;
use crate::schema::{Feature, Schema, Unit};

/// Name of what calibration adds.
pub const CALIBRATION: &str = "calibration";
/// Name of all that is too small to be listed.
pub const REST: &str = "other";

/// One reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// Topic, [`CALIBRATION`] or [`REST`].
    pub topic: &'static str,
    /// The feature that gave the words; empty where none did.
    pub feature: &'static str,
    /// Its value; none where it is not known.
    pub value: Option<f32>,
    /// What the topic adds to the log-odds.
    pub contribution: f64,
    /// In words.
    pub words: String,
}

/// Why a score is what it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Log-odds of an average row.
    pub base: f64,
    /// Greatest first; the rest and calibration last. Base and contributions add up to the log-odds.
    pub reasons: Vec<Reason>,
    /// The sum.
    pub log_odds: f64,
}

/// A schema whose features are told by topic: which features each has, worked out once.
#[derive(Clone, Debug)]
pub struct Topics {
    schema: &'static Schema,
    /// Name and features of each, in the order of the schema.
    topics: Vec<(&'static str, Vec<usize>)>,
}

impl Topics {
    /// Those of a schema. A feature without a topic is one of its own.
    #[must_use]
    pub fn of(schema: &'static Schema) -> Self {
        let mut topics: Vec<(&'static str, Vec<usize>)> = Vec::new();
        for (at, feature) in schema.features.iter().enumerate() {
            let name = if feature.topic.is_empty() {
                feature.name
            } else {
                feature.topic
            };
            match topics.iter_mut().find(|(known, _)| *known == name) {
                Some((_, members)) => members.push(at),
                None => topics.push((name, vec![at])),
            }
        }
        Self { schema, topics }
    }
}

/// Explains a score with at most `most` topics. `words` gives what stands for a `{word}` of a feature's phrase.
///
/// # Panics
/// When vector and score have not the length of the schema.
#[must_use]
pub fn explain<'w>(
    Topics { schema, topics }: &Topics,
    x: &[f32],
    score: &Score,
    most: usize,
    words: impl Fn(&Feature, &str) -> Option<Cow<'w, str>>,
) -> Explanation {
    assert!(
        x.len() == schema.len() && score.contributions.len() == schema.len(),
        "features of a score"
    );
    let sum = |members: &[usize]| members.iter().map(|&i| score.contributions[i]).sum::<f64>();
    let mut order: Vec<(usize, f64)> = topics
        .iter()
        .map(|(_, members)| sum(members))
        .enumerate()
        .collect();
    // Equal ones keep the order of the schema.
    order.sort_unstable_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    let listed = order
        .iter()
        .take(most)
        .filter(|(_, contribution)| *contribution != 0.0);
    let mut reasons: Vec<Reason> = listed
        .map(|&(at, contribution)| {
            let (topic, members) = &topics[at];
            let pull = |i: usize| score.contributions[i] * contribution.signum();
            let speaker = members
                .iter()
                .copied()
                .max_by(|&a, &b| pull(a).total_cmp(&pull(b)).then(b.cmp(&a)));
            let speaker = speaker.expect("a topic has a member");
            Reason {
                topic,
                feature: schema.features[speaker].name,
                value: Some(x[speaker]).filter(|value| !value.is_nan()),
                contribution,
                words: phrase(&schema.features[speaker], x[speaker], &words),
            }
        })
        .collect();
    let told: f64 = reasons.iter().map(|reason| reason.contribution).sum();
    let lump = |topic, contribution, words: &str| Reason {
        topic,
        feature: "",
        value: None,
        contribution,
        words: words.to_owned(),
    };
    let rest = score.log_odds - score.base - score.calibration - told;
    if topics.len() > reasons.len() {
        reasons.push(lump(REST, rest, "everything else together"));
    }
    if score.calibration != 0.0 {
        reasons.push(lump(
            CALIBRATION,
            score.calibration,
            "calibration by the outcomes of late",
        ));
    }
    Explanation {
        base: score.base,
        reasons,
        log_odds: score.log_odds,
    }
}

/// The words of one feature.
fn phrase<'w>(
    feature: &Feature,
    value: f32,
    words: &impl Fn(&Feature, &str) -> Option<Cow<'w, str>>,
) -> String {
    let fallback = || {
        let words = if feature.plain.is_empty() {
            feature.meaning
        } else {
            feature.plain
        };
        fill(feature, words, value, words_of_nobody).unwrap_or_else(|| words.to_owned())
    };
    let name = if feature.meaning.is_empty() {
        feature.name
    } else {
        feature.meaning
    };
    match feature.unit {
        _ if value.is_nan() => format!("{name}: not known"),
        Unit::Flag if value < 0.5 => fallback(),
        _ => fill(feature, feature.say, value, words)
            .filter(|said| !said.is_empty())
            .unwrap_or_else(fallback),
    }
}

fn words_of_nobody(_: &Feature, _: &str) -> Option<Cow<'static, str>> {
    None
}

/// A phrase with its `{words}` filled in; none when one is not known.
fn fill<'w>(
    feature: &Feature,
    phrase: &str,
    value: f32,
    words: impl Fn(&Feature, &str) -> Option<Cow<'w, str>>,
) -> Option<String> {
    let mut said = String::with_capacity(phrase.len() + 16);
    let mut rest = phrase;
    while let Some((before, after)) = rest.split_once('{') {
        let (word, after) = after.split_once('}')?;
        said.push_str(before);
        match word {
            "value" => feature.unit.say_to(value, &mut said),
            _ => said.push_str(&words(feature, word)?),
        }
        rest = after;
    }
    said.push_str(rest);
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FEATURES: &[Feature] = &[
        Feature {
            name: "cod",
            meaning: "payment on delivery",
            unit: Unit::Flag,
            say: "cash on delivery",
            plain: "paid beforehand",
            ..Feature::EMPTY
        },
        Feature {
            name: "lane_rate",
            meaning: "failures of the courier on the lane",
            topic: "lane",
            unit: Unit::Share,
            say: "courier {courier} fails {value} on this lane ({failed} of {count} parcels)",
            plain: "the courier fails {value} on this lane",
            ..Feature::EMPTY
        },
        Feature {
            name: "lane_lift",
            topic: "lane",
            unit: Unit::LogOdds,
            say: "worse of late",
            ..Feature::EMPTY
        },
        Feature {
            name: "age",
            meaning: "days since manifest",
            unit: Unit::Days,
            say: "{value} on the road",
            ..Feature::EMPTY
        },
    ];
    static SCHEMA: Schema = Schema {
        name: "test",
        features: FEATURES,
    };

    fn knows(_: &Feature, word: &str) -> Option<Cow<'static, str>> {
        let known = match word {
            "courier" => "blue",
            "failed" => "24",
            "count" => "78",
            _ => return None,
        };
        Some(known.into())
    }

    fn topics() -> Topics {
        Topics::of(&SCHEMA)
    }

    #[test]
    fn reasons_are_ranked_and_said() {
        let score = Score::new(-1.0, vec![0.4, 0.5, 0.2, -0.1]).calibrated(0.25);
        let explanation = explain(&topics(), &[1.0, 0.31, 0.2, 1.0], &score, 5, knows);
        let said: Vec<&str> = explanation
            .reasons
            .iter()
            .map(|reason| reason.words.as_str())
            .collect();
        assert_eq!(
            said,
            [
                "courier blue fails 31% on this lane (24 of 78 parcels)",
                "cash on delivery",
                "1 day on the road",
                "calibration by the outcomes of late",
            ]
        );
        assert!((explanation.reasons[0].contribution - 0.7).abs() < 1e-12);
    }

    #[test]
    fn what_the_caller_does_not_know_is_said_plainly() {
        let score = Score::new(-1.0, vec![-0.4, 0.5, 0.0, 0.3]);
        let explanation = explain(
            &topics(),
            &[0.0, 0.31, f32::NAN, f32::NAN],
            &score,
            5,
            words_of_nobody,
        );
        let said: Vec<&str> = explanation
            .reasons
            .iter()
            .map(|reason| reason.words.as_str())
            .collect();
        assert_eq!(
            said,
            [
                "the courier fails 31% on this lane",
                "paid beforehand",
                "days since manifest: not known"
            ]
        );
    }

    proptest! {
        #[test]
        fn base_and_reasons_add_up_to_the_log_odds(
            contributions in prop::collection::vec(-3.0_f64..3.0, 4),
            calibrated in -4.0_f64..4.0,
            most in 0_usize..5,
        ) {
            let score = Score::new(-1.0, contributions).calibrated(calibrated);
            let explanation = explain(&topics(), &[1.0, 0.2, 0.3, 4.0], &score, most, knows);
            let sum: f64 = explanation.reasons.iter().map(|reason| reason.contribution).sum();
            prop_assert!((explanation.base + sum - calibrated).abs() < 1e-9);
        }
    }
}
