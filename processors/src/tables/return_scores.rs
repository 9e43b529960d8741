//! `return_scores`: how likely each return is to be abusive, as far as is known. Follows the order of the log.

use super::Writer;
use crate::facts::NO_TIME;
use crate::fraud::Fraud;
use crate::fraud::pattern::Pattern;
use crate::rows::Kind::{Float, Int, Text, Time};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;

pub(crate) const TABLE: Table = Table {
    name: "return_scores",
    schema_name: "",
    key: 1,
    comment: "One row a return: probability that it is abusive, scored when asked for and again as evidence arrives. Follows the order of the log, like an output.",
    columns: &[
        ("rma_id", Text, FULL, "Return."),
        (
            "score",
            Float,
            FULL,
            "Probability, 0 to 1, that the return is abusive: all findings, oddness and what is known of the customer together.",
        ),
        (
            "expected_loss_minor",
            Int,
            FULL,
            "Score times the largest loss among the findings; without one, a third of the value.",
        ),
        ("currency", Text, FULL, "ISO 4217 code."),
        (
            "patterns",
            Text,
            FULL,
            "JSON array of the patterns found, the strongest first; empty when there is none.",
        ),
        (
            "contributions",
            Text,
            FULL,
            "JSON array, one a finding: pattern, probability that this finding is right, strength, explained (an innocent explanation was found).",
        ),
        (
            "rarity",
            Float,
            NULL,
            "Share of earlier returns that were as odd, by a model without labels; null until it has seen enough.",
        ),
        (
            "sequence",
            Int,
            FULL,
            "Log position of the event that brought the score.",
        ),
        (
            "scored_at",
            Time,
            FULL,
            "Event time of the shard's clock when it was scored.",
        ),
    ],
};

pub(crate) fn write(world: &World, fraud: &Fraud, rma: u32, rows: &mut Writer) {
    let case = fraud.cases.get(rma);
    if case.scored_at == NO_TIME {
        return;
    }
    let (mut patterns, mut contributions) = ("[]".to_owned(), "[]".to_owned());
    if !case.found.is_empty() {
        let mut found = case.found.clone();
        found.sort_by(|a, b| {
            let order = b.probability.total_cmp(&a.probability);
            order.then(a.pattern.cmp(&b.pattern))
        });
        let name = |pattern: u8| Pattern::ALL[usize::from(pattern)].as_str();
        let names: Vec<&str> = found.iter().map(|held| name(held.pattern)).collect();
        patterns = serde_json::to_string(&names).unwrap_or_default();
        let told: Vec<serde_json::Value> = found
            .iter()
            .map(|held| {
                serde_json::json!({
                    "pattern": name(held.pattern),
                    "probability": rounded(held.probability),
                    "strength": rounded(held.strength),
                    "explained": held.doubtful,
                })
            })
            .collect();
        contributions = serde_json::to_string(&told).unwrap_or_default();
    }
    rows.upserts
        .text(world.return_keys.get(rma))
        .float(case.score)
        .int(case.loss_minor)
        .text(world.symbols.text(case.currency))
        .text(patterns.as_str())
        .text(contributions.as_str())
        .float((case.rarity < 1.0).then_some(f64::from(case.rarity)))
        .int(i64::try_from(case.sequence).unwrap_or(i64::MAX))
        .time(case.scored_at);
}

fn rounded(share: f32) -> f64 {
    (f64::from(share) * 1000.0).round() / 1000.0
}
