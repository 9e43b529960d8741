//! Models that the log promoted: one that serves in the online learner's place, and one in its shadow, which scores beside it and is judged but never told.
//!
//! A `model.promoted` event with subject `ndr` names the one that serves, `ndr/shadow` the one in the shadow. Both are seen by their digest, and score
//! from this event on. The model that another replaces goes on in the shadow, so that going back is judged too; `online-1` is the online
//! learner, to go back to, and `none` empties the shadow. The learner learns on whoever serves.
//!
//! A promoted model tells of non-delivery alone; the next attempt stays the learner's. It sees each feature as the learner does (what is believed
//! of a key just then, in log-odds, or the value), so that training reads the very numbers that serving does. Its calibration goes on from the artefact's.

use bitcode::{Decode, Encode};
use eddy_events::Event;
use eddy_events::feedback::Published;
use eddy_models::artefact::Artefact;
use eddy_models::calibration::{self, Calibrator, Candidate, When};
use eddy_models::encoding;
use eddy_models::mapping::{Method, Sample};
use eddy_models::model::{Model, Score, Trained};
use eddy_models::schema::{Feature, Linear, Schema};

use super::FINAL;
use super::features::{FEATURES, N, Row};
use super::score::ONLINE;
use crate::interner::Symbols;

/// Subject of the model that serves.
pub const SERVING: &str = "ndr";
/// Subject of the model in the shadow.
pub const SHADOW: &str = "ndr/shadow";
/// Version that empties the shadow.
const NONE: &str = "none";

/// Numbers that a promoted model sees: the features, the learner's score, the stage.
pub(crate) const WIDTH: usize = N + 2;
/// Place of the learner's score.
pub const LEARNER: usize = N;
const STAGE: usize = N + 1;

const DENSE: [Feature; WIDTH] = {
    let plain = Feature {
        linear: Linear::Plain,
        ..Feature::EMPTY
    };
    let mut all = [plain; WIDTH];
    let mut i = 0;
    while i < N {
        all[i] = Feature {
            linear: Linear::Plain,
            ..FEATURES[i]
        };
        i += 1;
    }
    all[LEARNER] = Feature {
        name: "learner",
        meaning: "log-odds of the online learner",
        ..plain
    };
    all[STAGE] = Feature {
        name: "stage",
        meaning: "number of the stage",
        linear: Linear::Codes(5),
        ..plain
    };
    all
};

/// What a promoted model is trained on.
pub const SCHEMA: Schema = Schema {
    name: "ndr",
    features: &DENSE,
};

/// A row as a promoted model sees it. `adds` is what each term adds to the learner's log-odds, `raw` their sum.
pub(crate) fn dense(row: &Row, adds: &[[f64; 2]], raw: f64) -> [f32; WIDTH] {
    let mut x = [f32::NAN; WIDTH];
    for (term, add) in row.told().zip(adds) {
        let family = usize::from(term.family);
        x[family] = match row.keyed[family] {
            true if x[family].is_nan() => add[FINAL] as f32,
            true => x[family] + add[FINAL] as f32,
            false => term.value,
        };
    }
    x[LEARNER] = raw as f32;
    x[STAGE] = row.model as u8 as f32;
    x
}

/// A promoted model as it is kept.
#[derive(Clone, Debug, Encode, Decode)]
struct Promoted {
    /// Symbol of the version.
    version: u32,
    trained: Trained,
    /// By stage and payment mode.
    calibrator: Calibrator,
}

/// The models in force.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Models {
    /// Serving, in the shadow.
    slots: [Option<Promoted>; 2],
}

/// The same, ready to score.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    slots: [Option<Model>; 2],
}

/// What one promoted model says of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Beside {
    /// Symbol of the model's version.
    pub(crate) version: u32,
    /// Log-odds before calibration; NaN for the online learner, which keeps its own.
    pub(crate) raw: f64,
    /// Never delivered.
    pub(crate) probability: f64,
    /// Above the threshold in force.
    pub(crate) flagged: bool,
}

/// How calibration of a promoted model goes on.
pub(crate) fn calibration() -> calibration::Config {
    let candidate = |method, window| Candidate { method, window };
    calibration::Config {
        candidates: vec![candidate(Method::Level, 500), candidate(Method::Platt, 3_000)],
        every: 64,
        every_us: 86_400_000_000,
        groups: 20,
        ..calibration::Config::default()
    }
}

/// The calibrator's group of a row.
pub(crate) fn group(model: u8, payment: u8) -> u32 {
    u32::from(model) * 4 + u32::from(payment.min(3))
}

impl Models {
    /// Whether none is promoted.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// Symbol of the version that serves, unless it is the online learner.
    pub(crate) fn serving(&self) -> Option<u32> {
        self.slots[0].as_ref().map(|model| model.version)
    }

    /// Makes the models ready to score.
    pub(crate) fn compile(&self) -> Compiled {
        Compiled {
            slots: self.slots.each_ref().map(|slot| {
                slot.as_ref()
                    .map(|promoted| Model::new(&SCHEMA, &promoted.trained))
            }),
        }
    }

    /// The outcome of a row is known.
    pub(crate) fn learn(&mut self, beside: &Beside, group: u32, failed: bool, when: When) {
        let mut slots = self.slots.iter_mut().flatten();
        if let Some(model) = slots.find(|model| model.version == beside.version) {
            let sample = Sample {
                log_odds: beside.raw,
                failed,
                weight: 1.0,
            };
            model.calibrator.observe(group, sample, when);
        }
    }

    /// Takes a promotion in; `artefact` is what the store holds under its digest, or why there is nothing.
    ///
    /// # Errors
    /// The field that is wrong, and why. What was in force stays so.
    pub(crate) fn promote(
        &mut self,
        symbols: &mut Symbols,
        slot: usize,
        published: &Published,
        artefact: Option<&Result<Vec<u8>, String>>,
    ) -> Result<(), (&'static str, String)> {
        let version = symbols.of(&published.version);
        let retreat = if slot == 0 { ONLINE } else { NONE };
        if published.version == retreat {
            if slot == 0 {
                self.slots[1] = self.slots[0].take().or(self.slots[1].take());
            } else {
                self.slots[1] = None;
            }
            return Ok(());
        }
        if [ONLINE, NONE].contains(&published.version.as_str()) {
            let what = format!(
                "{} is no version that can stand here; {retreat} goes back",
                published.version
            );
            return Err(("data.version", what));
        }
        // What was in the shadow goes on as it is.
        let known = self.slots[1].take_if(|shadow| slot == 0 && shadow.version == version);
        let next = match known {
            Some(shadow) => shadow,
            None => read(version, published, artefact)?,
        };
        let former = self.slots[slot].replace(next);
        if slot == 0
            && let Some(former) = former.filter(|former| former.version != version)
        {
            self.slots[1] = Some(former);
        }
        Ok(())
    }
}

fn read(
    version: u32,
    published: &Published,
    artefact: Option<&Result<Vec<u8>, String>>,
) -> Result<Promoted, (&'static str, String)> {
    let bytes = match artefact {
        Some(Ok(bytes)) => bytes,
        Some(Err(missing)) => return Err(("data.digest", missing.clone())),
        None => return Err(("data.digest", "its artefact was not looked up".to_owned())),
    };
    let artefact = Artefact::open(bytes, &SCHEMA, Some(&published.digest))
        .map_err(|error| ("data.digest", error.to_string()))?;
    Ok(Promoted {
        version,
        trained: artefact.model,
        calibrator: Calibrator::from_maps(calibration(), &artefact.calibration),
    })
}

/// The slot that a promotion is for; none when it is for something else than risk.
pub(crate) fn slot_of(event: &Event) -> Option<usize> {
    match event.envelope.subject.as_str() {
        SERVING => Some(0),
        SHADOW => Some(1),
        _ => None,
    }
}

/// The digest whose artefact a promotion needs.
pub(crate) fn wanted<'a>(event: &Event, published: &'a Published) -> Option<&'a str> {
    let named = ![ONLINE, NONE].contains(&published.version.as_str());
    (named && slot_of(event).is_some()).then_some(&*published.digest)
}

impl Compiled {
    /// What the model that serves says of a row: its score, and its calibrated log-odds.
    pub(crate) fn served(&self, models: &Models, x: &[f32; WIDTH], group: u32) -> Option<(u32, Score, f64)> {
        self.say(models, 0, x, group)
    }

    fn say(&self, models: &Models, slot: usize, x: &[f32; WIDTH], group: u32) -> Option<(u32, Score, f64)> {
        let (model, promoted) = (self.slots[slot].as_ref()?, models.slots[slot].as_ref()?);
        let score = model.score(x, &mut encoding::Row::new());
        let calibrated = promoted.calibrator.calibrate(group, score.log_odds);
        Some((promoted.version, score, calibrated))
    }

    /// What each says of a row.
    pub(crate) fn all(&self, models: &Models, x: &[f32; WIDTH], group: u32, threshold: f64) -> Vec<Beside> {
        let said = (0..2).filter_map(|slot| self.say(models, slot, x, group));
        said.map(|(version, score, calibrated)| {
            let probability = eddy_models::sigmoid(calibrated);
            Beside {
                version,
                raw: score.log_odds,
                probability,
                flagged: probability > threshold,
            }
        })
        .collect()
    }
}

/// Contributions of a model to the learner's features: what it makes of the learner's score is shared out as the score itself is, and the
/// stage goes to the base. What it makes of the score as a whole, beyond the score, is left to calibration.
pub(crate) fn shared_out(score: &Score, base: f64, learner: &[f64]) -> (f64, Vec<f64>) {
    let own = &score.contributions;
    let contributions = learner.iter().zip(own).map(|(learner, own)| learner + own);
    (base + score.base + own[STAGE], contributions.collect())
}
