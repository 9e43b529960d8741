//! A score as an output: the row of `ndr_scores`, with the reasons as JSON.

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::{Ndr, STAGES, Stage, Subject};
use crate::tables::key;
use crate::tables::ndr_scores::ids;
use crate::world::World;

/// Subject and data of the latest score of a stage.
pub(crate) fn output(
    ndr: &Ndr,
    world: &World,
    subject: Subject,
    stage: Stage,
    contributions: Value,
) -> Option<(SmolStr, Value)> {
    let shown = ndr
        .case(subject)
        .shown
        .iter()
        .find(|shown| shown.stage == stage as u8)?;
    let (id, awb, rma) = ids(world, subject);
    let order = key(&world.order_keys, shown.order);
    let scored_at = eddy_events::Timestamp::utc(shown.scored_at).to_string();
    let data = json!({
        "subject": id,
        "stage": STAGES[stage as usize],
        "order_id": order,
        "awb": awb,
        "rma_id": rma,
        "sequence": shown.sequence,
        "scored_at": scored_at,
        "probability": shown.probability,
        "attempt_probability": shown.attempt_probability,
        "threshold": shown.threshold,
        "model_version": world.symbols.text(shown.model),
        "contributions": contributions,
    });
    Some((SmolStr::new(id), data))
}
