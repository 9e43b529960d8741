//! A score as an output: the row of `ndr_scores`, with the reasons as JSON.

use eddy_events::Timestamp;
use eddy_events::output::Data;
use serde::Serialize;
use smol_str::SmolStr;

use super::{Ndr, STAGES, Stage, Subject};
use crate::tables::key;
use crate::tables::ndr_scores::ids;
use crate::world::World;

/// Members before the reasons, in the order of their names.
#[derive(Serialize)]
struct Before<'a> {
    attempt_probability: f64,
    awb: Option<&'a str>,
}

/// Members after them.
#[derive(Serialize)]
struct After<'a> {
    model_version: &'a str,
    order_id: Option<&'a str>,
    probability: f64,
    rma_id: Option<&'a str>,
    scored_at: Timestamp,
    sequence: u64,
    stage: &'a str,
    subject: &'a str,
    threshold: f64,
}

/// Subject and data of the latest score of a stage.
pub(crate) fn output(ndr: &Ndr, world: &World, subject: Subject, stage: Stage) -> Option<(SmolStr, Data)> {
    let shown = ndr
        .case(subject)
        .shown
        .iter()
        .find(|shown| shown.stage == stage as u8)?;
    let (id, awb, rma_id) = ids(world, subject);
    let before = Before {
        attempt_probability: shown.attempt_probability,
        awb,
    };
    let after = After {
        subject: id,
        stage: STAGES[stage as usize],
        order_id: key(&world.order_keys, shown.order),
        rma_id,
        sequence: shown.sequence,
        scored_at: Timestamp::utc(shown.scored_at),
        probability: shown.probability,
        threshold: shown.threshold,
        model_version: world.symbols.text(shown.model),
    };
    let data = Data::of_ordered_around(&before, ("contributions", &shown.contributions), &after);
    Some((SmolStr::new(id), data))
}
