//! A trained model as a file: one line of JSON with a header, the content, and the SHA-256 of the content.
//!
//! The digest is of the content's very bytes, so it can be checked before anything in it is believed; it is what `model.promoted` names.
//! Deliberately absent: where files are kept, and when a model was trained by the clock: only the event times it was trained on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::calibration::Maps;
use crate::error::Error;
use crate::model::Trained;
use crate::schema::{Schema, hex};

/// Format that this program writes and reads.
pub const FORMAT: u32 = 1;

/// Event times and rows that a model was trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First event time, in microseconds since 1970.
    pub from: i64,
    /// Last event time.
    pub to: i64,
    /// Rows.
    pub rows: u64,
}

/// A trained model and what is to be known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artefact {
    /// Version, as people call it.
    pub version: String,
    /// Name of the schema.
    pub schema: String,
    /// Digest of the schema.
    pub schema_digest: String,
    /// What it was trained on.
    pub window: Window,
    /// Figures of its evaluation, by name.
    pub metrics: BTreeMap<String, f64>,
    /// The model.
    pub model: Trained,
    /// Its calibration, to start from; where the model serves it goes on learning.
    pub calibration: Maps,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct File<'a> {
    format: u32,
    digest: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

impl Artefact {
    /// The file's bytes and the digest of its content.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a figure cannot be written as JSON.
    pub fn write(&self) -> Result<(Vec<u8>, String), Error> {
        let content = serde_json::value::to_raw_value(self).map_err(Error::Malformed)?;
        let digest = digest(content.get());
        let file = File {
            format: FORMAT,
            digest: digest.clone(),
            content: &content,
        };
        Ok((serde_json::to_vec(&file).map_err(Error::Malformed)?, digest))
    }

    /// Reads a file for a schema. `wanted` is the digest that a promotion names, where there is one.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Format`], [`Error::Digest`], [`Error::Another`], [`Error::Schema`] or [`Error::Broken`], each with what to
    /// do about it.
    pub fn open(bytes: &[u8], schema: &Schema, wanted: Option<&str>) -> Result<Self, Error> {
        let file: File<'_> = serde_json::from_slice(bytes).map_err(Error::Malformed)?;
        if file.format != FORMAT {
            return Err(Error::Format {
                found: file.format,
                known: FORMAT,
            });
        }
        let actual = digest(file.content.get());
        if actual != file.digest {
            return Err(Error::Digest {
                stated: file.digest,
                actual,
            });
        }
        let artefact: Self = serde_json::from_str(file.content.get()).map_err(Error::Malformed)?;
        let version = || artefact.version.clone();
        if let Some(wanted) = wanted.filter(|wanted| *wanted != actual) {
            return Err(Error::Another {
                version: version(),
                found: actual,
                wanted: wanted.to_owned(),
            });
        }
        if artefact.schema != schema.name || artefact.schema_digest != schema.digest() {
            return Err(Error::Schema {
                version: version(),
                found: format!("{} {}", artefact.schema, artefact.schema_digest),
                wanted: format!("{} {}", schema.name, schema.digest()),
            });
        }
        match artefact.model.fault(schema) {
            Some(what) => Err(Error::Broken {
                version: version(),
                what,
            }),
            None => Ok(artefact),
        }
    }
}

fn digest(content: &str) -> String {
    hex(&Sha256::digest(content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boosting;
    use crate::calibration::{Calibrator, Config, When};
    use crate::data::Data;
    use crate::linear::Linear;
    use crate::mapping::Sample;
    use crate::random::Random;
    use crate::schema::{Feature, Linear as Kind};

    const FEATURES: &[Feature] = &[
        Feature {
            name: "a",
            linear: Kind::Plain,
            ..Feature::EMPTY
        },
        Feature {
            name: "b",
            linear: Kind::Plain,
            ..Feature::EMPTY
        },
    ];
    const SCHEMA: Schema = Schema {
        name: "test",
        features: FEATURES,
    };

    fn artefact() -> Artefact {
        let mut data = Data::new(2);
        let mut random = Random::new(1);
        let mut calibrator = Calibrator::new(Config::default());
        for i in 0..600 {
            let x = [random.unit() as f32, random.unit() as f32];
            let failed = random.unit() < f64::from(x[0]);
            data.push(&x, failed, 1.0);
            let when = When {
                scored_at: i,
                known_at: i,
            };
            calibrator.observe(
                0,
                Sample {
                    log_odds: f64::from(x[1]) / 3.0,
                    failed,
                    weight: 1.0,
                },
                when,
            );
        }
        let forest = boosting::fit(
            &data,
            &boosting::Params {
                trees: 20,
                ..Default::default()
            },
        )
        .unwrap();
        let linear = Linear {
            weights: (0..5).map(|_| random.unit() / 3.0).collect(),
            means: (0..5).map(|_| random.unit()).collect(),
        };
        Artefact {
            version: "2026-11-22.1".to_owned(),
            schema: SCHEMA.name.to_owned(),
            schema_digest: SCHEMA.digest(),
            window: Window {
                from: 1,
                to: 2,
                rows: 600,
            },
            metrics: BTreeMap::from([("auc".to_owned(), 0.71)]),
            model: Trained::Blend {
                linear,
                forest,
                forest_share: 0.5,
            },
            calibration: calibrator.maps(),
        }
    }

    #[test]
    fn what_is_read_is_what_was_written_to_the_bit() {
        let artefact = artefact();
        let (bytes, digest) = artefact.write().unwrap();
        let read = Artefact::open(&bytes, &SCHEMA, Some(&digest)).unwrap();
        assert!(
            bitcode::encode(&read.model) == bitcode::encode(&artefact.model),
            "the model differs"
        );
        assert!(
            read.write().unwrap() == (bytes, digest),
            "written again it differs"
        );
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let (bytes, _) = artefact().write().unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let open = |text: &str, schema: &Schema, wanted| {
            Artefact::open(text.as_bytes(), schema, wanted).unwrap_err()
        };
        let other = Schema {
            name: "test",
            features: &FEATURES[..1],
        };
        let refusals = [
            (open("{}", &SCHEMA, None), "train one"),
            (
                open(&text.replace("\"format\":1", "\"format\":9"), &SCHEMA, None),
                "train the model again",
            ),
            (
                open(&text.replace("0.71", "0.99"), &SCHEMA, None),
                "fetch the file again",
            ),
            (open(&text, &SCHEMA, Some("ab")), "promote the digest"),
            (open(&text, &other, None), "train it again"),
        ];
        for (error, advice) in refusals {
            assert!(error.to_string().contains(advice), "{error}");
        }
    }
}
