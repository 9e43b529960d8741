//! A score as an output: the row of `ndr_scores`, with the reasons as JSON.

use eddy_events::Timestamp;
use eddy_events::output::Data;
use smol_str::SmolStr;

use super::{Ndr, STAGES, Stage, Subject};
use crate::tables::key;
use crate::tables::ndr_scores::ids;
use crate::world::World;

/// Bytes of a row beside its reasons, or a few less.
const ROOM: usize = 448;

/// Subject and data of the latest score of a stage.
pub(crate) fn output(ndr: &Ndr, world: &World, subject: Subject, stage: Stage) -> Option<(SmolStr, Data)> {
    let shown = ndr
        .case(subject)
        .shown
        .iter()
        .find(|shown| shown.stage == stage as u8)?;
    let (id, awb, rma_id) = ids(world, subject);
    let data = Data::object(ROOM + shown.contributions.len(), |row| {
        row.number("attempt_probability", shown.attempt_probability);
        row.maybe("awb", awb);
        row.written("contributions", &shown.contributions);
        row.text("model_version", world.symbols.text(shown.model));
        row.maybe("order_id", key(&world.order_keys, shown.order));
        row.number("probability", shown.probability);
        row.maybe("rma_id", rma_id);
        row.text("scored_at", &Timestamp::utc(shown.scored_at).to_string());
        row.whole("sequence", shown.sequence);
        row.text("stage", STAGES[stage as usize]);
        row.text("subject", id);
        row.number("threshold", shown.threshold);
    });
    Some((SmolStr::new(id), data))
}
