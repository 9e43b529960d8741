//! Inspected lines for which nobody begins a refund: asked for once, days after the inspection.
//!
//! A refund of the line, or of its return without naming a line, answers it whenever it began, also before the inspection; so does an exchange, for its return as a
//! whole, even one that was taken back. Lines of one method, grade and match have one rate, so that goods a shop does not pay back are expected to stay unpaid.
//! Parcels that never arrived and orders cancelled after they were paid are not asked for: no inspection says when.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};
use eddy_events::returns::Grade;

use super::subject::{Dimension, Subject};
use super::units::{Unit, until, value_of};
use crate::facts::NO_TIME;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::orders::Order;
use crate::refunds::Kind as Word;
use crate::returns::Line;
use crate::world::{World, index_of};

/// Days after the inspection by whose end a refund has begun.
const DAYS: i32 = 3;

/// Return and line, by the day at whose end they are asked for.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(super) struct Owed(BTreeMap<i32, Vec<(u32, u32)>>);

impl Owed {
    /// A line was inspected for the first time.
    pub(super) fn wait(&mut self, world: &World, (rma, line): (u32, u32), day: i32) {
        let lines = world.return_lines(rma);
        let Some(of) = lines.iter().find(|of| of.line == line) else {
            return;
        };
        if of.inspected_at != NO_TIME {
            let asked = world.zone.day(of.inspected_at).saturating_add(DAYS);
            self.0.entry(asked.max(day)).or_default().push((rma, line));
        }
    }

    /// What is to be told by the end of a day.
    pub(super) fn units(&mut self, world: &World, day: i32, units: &mut Vec<Unit>) {
        for (rma, line) in until(&mut self.0, day) {
            let lines = world.return_lines(rma);
            let of = lines.iter().find(|of| of.line == line);
            units.extend(of.and_then(|line| unit(world, rma, line)));
        }
    }
}

fn unit(world: &World, rma: u32, line: &Line) -> Option<Unit> {
    if line.inspected_at == NO_TIME {
        return None;
    }
    let returned = world.returns.get(rma);
    let order = (returned.order != NO_KEY).then(|| world.orders.get(returned.order));
    let payment = order.and_then(Order::payment);
    let method = returned
        .request()
        .map_or(0, |request| u32::from(request.method) + 1);
    let grade = line
        .first_grade
        .map_or(0, |grade| u32::from(index_of(Grade::ALL, grade)) + 1);
    Some(Unit {
        subject: Subject::Owed,
        day: world.zone.day(line.inspected_at),
        values: [
            (line.facility != NO_KEY).then_some((Dimension::Facility, (line.facility, 0))),
            payment.map(|mode| (Dimension::Payment, (u32::from(mode), 0))),
            None,
        ],
        class: method << 16 | grade << 8 | u32::from(line.matched),
        base: 1.0,
        observed: !returned.exchanged && !begun(world, returned.first_refund, line.line),
        value_minor: value_of(world, rma, line),
    })
}

/// Whether one of a return's refunds answers a line.
fn begun(world: &World, mut number: u32, line: u32) -> bool {
    while number != NO_KEY {
        let refund = world.refunds.get(number);
        let told = [Word::Initiated, Word::Issued]
            .into_iter()
            .any(|word| refund.first(word) != NO_TIME);
        let about = refund
            .standing()
            .is_some_and(|said| said.line == NO_SYMBOL || said.line == line);
        if told && about {
            return true;
        }
        number = refund.next;
    }
    false
}
