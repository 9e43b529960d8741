//! A return from request to shelf: authorisation, the way back, inspection, disposition and the closing audit.
//!
//! Why it happens was decided in `returns.rs`, what it shows in `marks.rs`; money is told by `refunds.rs`.

use eddy_events::feedback::AuditSampleReviewed;
use eddy_events::order::Channel;
use eddy_events::returns::{
    Authorised, Disposition, Dispositioned, Grade, Inspected, Match, Method, Processed, REASON_GROUPS,
    Received, ReceivedLine, Rejected, Requested, RequestedLine, StatusChanged,
};
use eddy_events::{Body, SmolStr};
use smol_str::format_smolstr;

use crate::abuse::clerk;
use crate::calendar::{DAY, HOUR, MINUTE};
use crate::chance::{Rng, hash};
use crate::goods::{CATEGORIES, REASONS};
use crate::marks::{self, Marks, SerialMark, When};
use crate::pattern::Pattern;
use crate::people::opaque;
use crate::refunds;
use crate::returns::ReturnPlan;
use crate::truth::Row;
use crate::world::{Numbers, State, Voice, World};

/// One return being told.
pub(crate) struct Tale<'a> {
    pub plan: &'a ReturnPlan,
    pub marks: Marks,
    pub rma: SmolStr,
    pub oms: Voice,
    pub agent: Option<SmolStr>,
    /// Facility that takes it back, once that is known.
    pub facility: Option<u16>,
}

impl Tale<'_> {
    /// Net price paid for the pieces of one returned line.
    pub(crate) fn paid(&self, i: usize) -> i64 {
        let asked = &self.plan.lines[i];
        let line = &self.plan.sold.lines[asked.index];
        (line.unit_price * i64::from(line.qty) - line.discount) * i64::from(asked.qty) / i64::from(line.qty)
    }

    pub(crate) fn status(&self, reason: &'static str) -> StatusChanged {
        StatusChanged {
            rma_id: self.rma.clone(),
            reason: (!reason.is_empty()).then(|| SmolStr::new_static(reason)),
        }
    }
}

/// Tells a return.
pub(crate) fn tell(world: &World, state: &mut State, plan: &ReturnPlan) {
    let number = Numbers::next(&mut state.numbers.rma);
    let mut rng = Rng::new(world.seed, 1001, &[number]);
    let rng = &mut rng;
    let sold = &plan.sold;
    let rma = format_smolstr!("R{}", 1_000_000 + number);
    let pattern = sold.strike.as_ref().filter(|_| plan.abusive).map(|s| s.pattern);
    let asked: Vec<(usize, u32, usize)> = plan.lines.iter().map(|l| (l.index, l.qty, l.reason)).collect();
    let mut marks = match pattern {
        Some(pattern) => marks::of_abuse(pattern, rng),
        None => marks::of_honesty(world, sold, &asked, plan.in_store.is_some(), plan.mispicked, rng),
    };
    if pattern.is_none() && sold.id.is_none() {
        marks.no_receipt = true;
        marks.innocent = Some("lost_receipt");
    }
    // One clerk in five does most of the work of a counter, honestly.
    let agent = plan
        .in_store
        .map(|f| match sold.strike.as_ref().and_then(|s| s.agent.clone()) {
            Some(agent) => agent,
            None => clerk(
                world,
                f,
                if rng.chance(0.55) {
                    0
                } else {
                    1 + rng.below(4) as u64
                },
            ),
        });
    let mut t = Tale {
        plan,
        marks,
        oms: Voice::new(&SmolStr::new_static("urn:oms:main"), &rma),
        rma,
        agent,
        facility: plan.in_store,
    };
    truth(state, &t, pattern);
    request(world, state, &mut t, rng);
    let end = run(world, state, &mut t, rng);
    if rng.chance(world.config.audit_rate) {
        let mut audit = Voice {
            told: 900,
            ..Voice::new(&SmolStr::new_static("urn:audit:desk"), &t.rma)
        };
        let body = AuditSampleReviewed {
            rma_id: t.rma.clone(),
            actor: format_smolstr!("auditor-{}", rng.below(4)),
            fraudulent: pattern.is_some(),
            pattern: pattern.map(|p| SmolStr::new_static(p.as_str())),
        };
        state.tell(
            &world.config,
            &mut audit,
            end + rng.between(3, 10) * DAY,
            Body::AuditSampleReviewed(body),
        );
    }
}

fn truth(state: &mut State, t: &Tale<'_>, pattern: Option<Pattern>) {
    let sold = &t.plan.sold;
    let value: i64 = (0..t.plan.lines.len()).map(|i| t.paid(i)).sum();
    state.truth.push(Row::Return {
        rma_id: t.rma.clone(),
        order_id: sold.id.clone(),
        customer_id: sold.customer.id.clone(),
        customer_kind: sold.customer.kind.as_str(),
        abusive: pattern.is_some(),
        pattern,
        episode: sold
            .strike
            .as_ref()
            .filter(|_| pattern.is_some())
            .map(|s| s.episode),
        loss_minor: if pattern.is_some() {
            (value as f64 * t.marks.loss).round() as i64
        } else {
            0
        },
        innocent: t.marks.innocent,
        shift: t.plan.shift,
        agent: t
            .agent
            .clone()
            .filter(|_| pattern == Some(Pattern::EmployeeCollusion)),
    });
}

fn request(world: &World, state: &mut State, t: &mut Tale<'_>, rng: &mut Rng) {
    let sold = &t.plan.sold;
    let lines = t
        .plan
        .lines
        .iter()
        .map(|l| {
            let line = &sold.lines[l.index];
            RequestedLine {
                line_id: sold.id.is_some().then(|| line.id.clone()),
                sku: world.goods.skus[line.sku as usize].code.clone(),
                qty: l.qty,
                reason: SmolStr::new_static(
                    REASONS[l.reason][if l.reason == 0 {
                        usize::from(line.sku % 2 == 1)
                    } else {
                        usize::from(rng.chance(0.4))
                    }],
                ),
                reason_group: Some(SmolStr::new_static(REASON_GROUPS[l.reason])),
                serial: None,
            }
        })
        .collect();
    let pictured = t.plan.lines.iter().any(|l| matches!(l.reason, 1 | 3 | 4));
    let in_store = t.plan.in_store.is_some();
    let body = Requested {
        rma_id: t.rma.clone(),
        order_id: sold.id.clone(),
        customer_id: Some(sold.customer.id.clone()),
        lines,
        channel: if in_store { Channel::Store } else { sold.channel },
        method: if in_store { Method::InStore } else { Method::Pickup },
        comment_hash: None,
        image_hash: (pictured && !in_store).then(|| opaque('m', rng.next())),
        device_hash: (!in_store && !matches!(sold.channel, Channel::Phone | Channel::Marketplace))
            .then(|| opaque('d', sold.customer.device)),
        agent: t.agent.clone(),
    };
    if t.marks.repeated_request {
        // A client that retried under another event id.
        state.tell(
            &world.config,
            &mut t.oms,
            t.plan.at + 7_000_000,
            Body::ReturnRequested(Box::new(body.clone())),
        );
    }
    state.tell(
        &world.config,
        &mut t.oms,
        t.plan.at,
        Body::ReturnRequested(Box::new(body)),
    );
}

/// Everything after the request; gives the time of its end.
fn run(world: &World, state: &mut State, t: &mut Tale<'_>, rng: &mut Rng) -> i64 {
    let config = &world.config;
    let at = t.plan.at;
    let honest = !t.plan.abusive;
    if t.plan.late_request && rng.chance(0.85) {
        let body = Rejected {
            rma_id: t.rma.clone(),
            reason: "window_expired".into(),
            policy_version: Some("p1".into()),
        };
        let end = at + rng.between(2, 200) * MINUTE;
        state.tell(config, &mut t.oms, end, Body::ReturnRejected(body));
        return end;
    }
    let mut now = at
        + if t.plan.in_store.is_some() {
            rng.between(1, 4)
        } else {
            rng.between(2, 240)
        } * MINUTE;
    let body = Authorised {
        rma_id: t.rma.clone(),
        policy_version: Some("p1".into()),
        by: Some(
            if t.plan.in_store.is_some() {
                "store"
            } else {
                "rules"
            }
            .into(),
        ),
    };
    state.tell(config, &mut t.oms, now, Body::ReturnAuthorised(body));
    if honest && t.plan.in_store.is_none() && rng.chance(0.035) {
        let end = now + rng.between(1, 20) * HOUR;
        let body = t.status("customer_changed_mind");
        state.tell(config, &mut t.oms, end, Body::ReturnCancelled(body));
        return end;
    }
    if t.marks.when == When::Authorised {
        refunds::pay(world, state, t, rng, now + 10 * MINUTE);
    }
    let facility = match t.plan.in_store {
        Some(facility) => facility,
        None => {
            let prefix = usize::from(world.geography.pincodes[t.plan.sold.pincode as usize].prefix);
            let facility = match world.geography.dark_store_of[prefix] {
                Some(dark) if rng.chance(0.2) => dark,
                _ => u16::from(world.geography.nearest[prefix][0]),
            };
            match crate::journey::journey(world, state, t, rng, &mut now, facility) {
                Some(arrived) => now = arrived,
                None => return now,
            }
            facility
        }
    };
    receive(world, state, t, rng, &mut now, facility)
}

fn receive(
    world: &World,
    state: &mut State,
    t: &mut Tale<'_>,
    rng: &mut Rng,
    now: &mut i64,
    facility: u16,
) -> i64 {
    t.facility = Some(facility);
    let config = &world.config;
    let sold = &t.plan.sold;
    let home = &world.geography.facilities[usize::from(facility)];
    let in_store = t.plan.in_store.is_some();
    let mut wms = Voice {
        told: 300,
        ..Voice::new(&home.source, &t.rma)
    };
    let mut total = 60.0;
    let mut received = Vec::new();
    for l in &t.plan.lines {
        let line = &sold.lines[l.index];
        total += f64::from(world.goods.skus[line.sku as usize].weight_g * l.qty);
        let serial = line.serial.clone().map(|s| match t.marks.serial {
            SerialMark::Same => s,
            SerialMark::Other => format_smolstr!("SN{:011}", rng.next() % 100_000_000_000),
            SerialMark::Typo => swapped(&s),
        });
        let qty = l.qty.saturating_sub(t.marks.missing_pieces).max(1);
        received.push(ReceivedLine {
            line_id: line.id.clone(),
            sku: world.goods.skus[line.sku as usize].code.clone(),
            qty,
            serial,
            batch: Some(world.goods.batch_code(line.sku, line.batch)),
        });
    }
    let factor = t.marks.received_weight * (1.0 + 0.025 * rng.gauss());
    let body = Received {
        rma_id: t.rma.clone(),
        facility: home.code.clone(),
        facility_kind: Some(home.kind),
        lines: received.clone(),
        weight_g: Some((total * factor).max(20.0) as u32),
        packaging: Some(t.marks.packaging),
    };
    state.tell(config, &mut wms, *now, Body::ReturnReceived(body.clone()));
    let short = t.plan.lines.iter().zip(&received).any(|(l, r)| r.qty < l.qty);
    if t.marks.second_parcel && short {
        let mut rest = body;
        for (r, l) in rest.lines.iter_mut().zip(&t.plan.lines) {
            r.qty = l.qty - r.qty;
        }
        rest.lines.retain(|r| r.qty > 0);
        rest.weight_g = None;
        state.tell(
            config,
            &mut wms,
            *now + rng.between(10, 60) * HOUR,
            Body::ReturnReceived(rest),
        );
    }
    // Limbo: received, and then nothing.
    if !t.plan.abusive && !in_store && rng.chance(0.015) {
        let paid = *now + rng.between(6, 20) * DAY;
        refunds::pay(world, state, t, rng, paid);
        return *now;
    }
    let desk = usize::from(facility);
    let mut inspected = *now;
    for i in 0..t.plan.lines.len() {
        // The desk works off its queue in order, by day.
        let slot = if in_store {
            *now
        } else {
            state.desk[desk].max(*now + HOUR)
        };
        let slower = world.incidents.desk(facility, world.day_of(slot));
        state.desk[desk] = slot + (DAY as f64 * slower) as i64 / i64::from(home.inspect_per_day);
        inspected = slot + rng.between(10, 50) * MINUTE;
        if !in_store && world.hour_of(inspected) < 8 {
            inspected += 8 * HOUR;
        }
        inspect(world, state, t, rng, &mut wms, facility, i, inspected);
    }
    if t.marks.when == When::Inspected {
        let paid = inspected + rng.between(5, 300) * MINUTE;
        refunds::pay(world, state, t, rng, paid);
    }
    let end = inspected + rng.between(24, 90) * HOUR;
    let body = t.status("");
    state.tell(config, &mut t.oms, end, Body::ReturnClosed(body));
    end
}

#[allow(clippy::too_many_arguments)]
fn inspect(
    world: &World,
    state: &mut State,
    t: &mut Tale<'_>,
    rng: &mut Rng,
    wms: &mut Voice,
    facility: u16,
    i: usize,
    at: i64,
) {
    let config = &world.config;
    let asked = &t.plan.lines[i];
    let line = &t.plan.sold.lines[asked.index];
    let sku = &world.goods.skus[line.sku as usize];
    let category = &CATEGORIES[usize::from(sku.category)];
    let home = &world.geography.facilities[usize::from(facility)];
    let grade = t
        .marks
        .grade
        .unwrap_or_else(|| [Grade::A, Grade::B, Grade::C, Grade::D][rng.weighted(&[0.68, 0.2, 0.09, 0.03])]);
    let wearable = category.sizes.len() > 1;
    let matched = if i == 0 { t.marks.matched } else { Match::Match };
    let defects = match asked.reason {
        1 if matched == Match::Match => Some(vec![SmolStr::new_static(
            ["stitching", "not_working", "stain", "crack"][rng.below(4)],
        )]),
        4 => Some(vec![SmolStr::new_static("broken")]),
        _ => None,
    };
    let body = Inspected {
        rma_id: t.rma.clone(),
        line_id: line.id.clone(),
        facility: Some(home.code.clone()),
        grade,
        defects,
        matched: Some(matched),
        worn: wearable.then_some(t.marks.worn),
        tags_present: wearable.then_some(t.marks.tags),
        inspector: Some(format_smolstr!("INS{}-{}", home.code, rng.below(6))),
        confidence: Some((rng.range(0.7, 1.0) * 100.0).round() / 100.0),
    };
    state.tell(config, wms, at, Body::ReturnInspected(body.clone()));
    let mut now = at;
    if rng.chance(0.04) {
        now += rng.between(4, 30) * HOUR;
        let again = if grade == Grade::A && rng.chance(0.5) {
            Grade::B
        } else {
            grade
        };
        state.tell(
            config,
            wms,
            now,
            Body::ReturnReinspected(Inspected { grade: again, ..body }),
        );
    }
    let disposition = match grade {
        Grade::A => Disposition::Restock,
        Grade::B if rng.chance(0.7) => Disposition::Restock,
        Grade::B => Disposition::Refurbish,
        Grade::C if category.serialised => Disposition::Refurbish,
        Grade::C => Disposition::Liquidate,
        Grade::D if asked.reason == 1 => Disposition::Vendor,
        Grade::D => Disposition::Liquidate,
        Grade::Reject => Disposition::Scrap,
    };
    let share = match disposition {
        Disposition::Restock => 0.92,
        Disposition::Refurbish => 0.6,
        Disposition::Liquidate => 0.3,
        Disposition::Vendor => 0.75,
        Disposition::Scrap => 0.02,
    };
    let worth = |rng: &mut Rng| (sku.cost as f64 * f64::from(asked.qty) * share * rng.range(0.9, 1.1)) as i64;
    now += rng.between(20, 300) * MINUTE;
    let body = Dispositioned {
        rma_id: t.rma.clone(),
        line_id: line.id.clone(),
        disposition,
        expected_recovery_minor: Some(worth(rng)),
    };
    state.tell(config, wms, now, Body::ReturnDispositioned(body));
    if disposition == Disposition::Vendor {
        refunds::supplier_claim(world, state, t, rng, i, now);
        return;
    }
    // Graded sellable and forgotten: one in twenty-five.
    if disposition == Disposition::Restock && rng.chance(0.04) {
        return;
    }
    let desk = usize::from(facility);
    let slot = state.restock_desk[desk].max(now + HOUR);
    state.restock_desk[desk] = slot + DAY / i64::from(home.restock_per_day);
    let done = slot
        + match disposition {
            Disposition::Restock => rng.between(2, 30) * HOUR,
            _ => rng.between(24, 200) * HOUR,
        };
    let body = Processed {
        rma_id: t.rma.clone(),
        line_id: line.id.clone(),
        facility: home.code.clone(),
        sku: sku.code.clone(),
        qty: asked
            .qty
            .saturating_sub(if t.marks.second_parcel {
                0
            } else {
                t.marks.missing_pieces
            })
            .max(1),
        recovered_minor: Some(worth(rng)),
    };
    let body = match disposition {
        Disposition::Restock => Body::ReturnRestocked(body),
        Disposition::Refurbish => Body::ReturnRefurbished(body),
        Disposition::Liquidate => Body::ReturnLiquidated(body),
        _ => Body::ReturnScrapped(body),
    };
    state.tell(config, wms, done, body);
}

/// Two neighbouring digits swapped, as a tired hand does.
fn swapped(serial: &str) -> SmolStr {
    let mut b: Vec<char> = serial.chars().collect();
    let n = b.len();
    let at = 3 + (hash(0, 1002, &[n as u64, b[n - 1] as u64]) as usize % n.saturating_sub(5).max(1));
    b.swap(at, at + 1);
    b.into_iter().collect()
}
