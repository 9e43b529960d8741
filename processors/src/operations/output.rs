//! Breaches and advice as outputs: the rows of `sla_breaches` and `dispositions`.

use eddy_events::output::Data;
use serde::Serialize;
use serde_json::value::RawValue;
use smol_str::{SmolStr, format_smolstr};

use super::advise::{Advice, AdviceKey};
use super::terms::Subject;
use super::watch::{BreachKey, Period};
use super::{told_time, word};
use crate::tables::key;
use crate::world::World;

/// A breach as it is told, members in the order of their names.
#[derive(Serialize)]
struct Breached<'a> {
    breached_at: Option<String>,
    due_at: Option<String>,
    facility: Option<&'a str>,
    order_id: Option<&'a str>,
    policy_version: Option<&'a str>,
    resolved_at: Option<String>,
    rma_id: Option<&'a str>,
    sla: &'static str,
    subject_id: &'a str,
    subject_kind: &'static str,
}

/// Subject and data of a breach.
pub(crate) fn breach(world: &World, of: &BreachKey, period: &Period) -> (SmolStr, Data) {
    let subject = Subject::of_key(of.subject);
    let id = subject.id(world);
    let told = Breached {
        breached_at: told_time(period.breached_at),
        due_at: told_time(period.due_at),
        facility: key(&world.facility_keys, period.facility),
        order_id: key(&world.order_keys, period.order),
        policy_version: word(world, period.policy),
        resolved_at: told_time(period.resolved_at),
        rma_id: key(&world.return_keys, period.rma),
        sla: of.sla.word(),
        subject_id: id,
        subject_kind: subject.kind(),
    };
    (SmolStr::new(id), Data::of_ordered(&told))
}

/// Advice as it is told, members in the order of their names.
#[derive(Serialize)]
struct Advised<'a> {
    alternatives: Option<&'a RawValue>,
    category: Option<&'a str>,
    currency: Option<&'a str>,
    expected_recovery_minor: i64,
    facility: Option<&'a str>,
    grade: &'static str,
    line_id: &'a str,
    order_id: Option<&'a str>,
    policy_version: Option<&'a str>,
    qty: u32,
    recommended: &'static str,
    recommended_at: Option<String>,
    rma_id: &'a str,
    sku: Option<&'a str>,
}

/// Subject and data of advice: the return and its line.
pub(crate) fn advice(world: &World, of: AdviceKey, advice: &Advice) -> (SmolStr, Data) {
    let rma_id = world.return_keys.get(of.rma);
    let line_id = world.symbols.text(of.line);
    let told = Advised {
        alternatives: serde_json::from_str(&advice.alternatives).ok(),
        category: word(world, advice.category),
        currency: word(world, advice.currency),
        expected_recovery_minor: advice.expected_minor,
        facility: key(&world.facility_keys, advice.facility),
        grade: advice.grade_word(),
        line_id,
        order_id: key(&world.order_keys, advice.order),
        policy_version: word(world, advice.policy),
        qty: advice.qty,
        recommended: advice.route_word(),
        recommended_at: told_time(advice.recommended_at),
        rma_id,
        sku: key(&world.sku_keys, advice.sku),
    };
    (format_smolstr!("{rma_id}/{line_id}"), Data::of_ordered(&told))
}
