//! Which terms run for a parcel, a return, a refund or a supplier's claim: what is awaited, and until when. A pure function of what the folds know and of the policy.
//!
//! Of a return with several lines the one that is due first sets the term.

use bitcode::{Decode, Encode};
use eddy_events::returns::{Disposition, Method};
use eddy_events::shipment::Leg;
use smallvec::SmallVec;

use super::policy::Hours;
use crate::facts::{NO_TIME, earlier, standing};
use crate::interner::NO_KEY;
use crate::returns::{Kind as Step, Return};
use crate::shipments::{Kind as Scan, Status};
use crate::world::{World, index_of};
use crate::{refunds, supplier_claims};

/// Of whom something is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Subject {
    Parcel(u32),
    Return(u32),
    Refund(u32),
    Claim(u32),
}

impl Subject {
    /// The word of the table.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Parcel(_) => "shipment",
            Self::Return(_) => "return",
            Self::Refund(_) => "refund",
            Self::Claim(_) => "supplier_claim",
        }
    }

    /// Kind and number, as a key.
    pub(crate) fn key(self) -> (u8, u32) {
        match self {
            Self::Parcel(number) => (0, number),
            Self::Return(number) => (1, number),
            Self::Refund(number) => (2, number),
            Self::Claim(number) => (3, number),
        }
    }

    /// From kind and number.
    pub(crate) fn of_key((kind, number): (u8, u32)) -> Self {
        match kind {
            0 => Self::Parcel(number),
            1 => Self::Return(number),
            2 => Self::Refund(number),
            _ => Self::Claim(number),
        }
    }

    /// Its id.
    pub(crate) fn id(self, world: &World) -> &str {
        match self {
            Self::Parcel(number) => world.shipment_keys.get(number),
            Self::Return(number) => world.return_keys.get(number),
            Self::Refund(number) => world.refund_keys.get(number),
            Self::Claim(number) => &world.supplier_claims.entries.get(number).value.id,
        }
    }

    /// The terms that can run for it.
    pub(crate) fn slas(self) -> &'static [Sla] {
        match self {
            Self::Parcel(_) => &[Sla::PickupStalled, Sla::MissingScan],
            Self::Return(_) => &[
                Sla::PickupStalled,
                Sla::ReceiptMissing,
                Sla::InspectionOverdue,
                Sla::DispositionOverdue,
                Sla::RestockOverdue,
            ],
            Self::Refund(_) => &[Sla::RefundOverdue],
            Self::Claim(_) => &[Sla::ClaimOverdue],
        }
    }
}

/// What is awaited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Sla {
    #[default]
    PickupStalled,
    MissingScan,
    ReceiptMissing,
    InspectionOverdue,
    DispositionOverdue,
    RestockOverdue,
    RefundOverdue,
    ClaimOverdue,
}

impl Sla {
    /// The word of the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::PickupStalled => "pickup_stalled",
            Self::MissingScan => "missing_scan",
            Self::ReceiptMissing => "receipt_missing",
            Self::InspectionOverdue => "inspection_overdue",
            Self::DispositionOverdue => "disposition_overdue",
            Self::RestockOverdue => "restock_overdue",
            Self::RefundOverdue => "refund_overdue",
            Self::ClaimOverdue => "claim_overdue",
        }
    }
}

/// A term that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) sla: Sla,
    pub(crate) due_at: i64,
}

/// The terms that run for one subject.
pub(crate) type Terms = SmallVec<[Term; 4]>;

/// The terms that run for a subject now.
pub(crate) fn running(world: &World, hours: &Hours, subject: Subject) -> Terms {
    let mut terms = Terms::new();
    match subject {
        Subject::Parcel(number) => parcel(world, hours, number, &mut terms),
        Subject::Return(number) => returned(world, hours, number, &mut terms),
        Subject::Refund(number) => {
            let refund = world.refunds.get(number);
            let open = refund
                .standing()
                .is_some_and(|said| said.kind != refunds::Kind::Issued);
            if open {
                let due = refund.due_at();
                let since = match refund.first(refunds::Kind::Initiated) {
                    NO_TIME => refund.first(refunds::Kind::Failed),
                    at => at,
                };
                stated(&mut terms, Sla::RefundOverdue, due, since, hours.refund);
            }
        }
        Subject::Claim(number) => {
            let claim = &world.supplier_claims.entries.get(number).value;
            let open = claim
                .standing()
                .is_some_and(|said| said.kind == supplier_claims::Kind::Filed);
            if open {
                let since = claim.first(supplier_claims::Kind::Filed);
                stated(&mut terms, Sla::ClaimOverdue, claim.due_at(), since, hours.claim);
            }
        }
    }
    terms
}

/// A term that runs from `since`; none when nobody told since when, or when the policy turns it off. Of several of one kind the first due stands.
fn run(terms: &mut Terms, sla: Sla, since: i64, length: Option<i64>) {
    let Some(length) = length.filter(|_| since != NO_TIME) else {
        return;
    };
    let due_at = since.saturating_add(length);
    match terms.iter_mut().find(|term| term.sla == sla) {
        Some(term) => term.due_at = term.due_at.min(due_at),
        None => terms.push(Term { sla, due_at }),
    }
}

/// A term whose end was stated; the policy's length where it was not.
fn stated(terms: &mut Terms, sla: Sla, due_at: i64, since: i64, length: Option<i64>) {
    if due_at == NO_TIME {
        run(terms, sla, since, length);
    } else if length.is_some() {
        terms.push(Term { sla, due_at });
    }
}

fn parcel(world: &World, hours: &Hours, number: u32, terms: &mut Terms) {
    let parcel = world.shipments.get(number);
    match parcel.state.status {
        Status::Manifested => {
            // The pickup of a return is awaited as the return's.
            let manifest = parcel
                .manifest()
                .filter(|manifest| parcel.leg() != Leg::Reverse || manifest.rma == NO_KEY);
            let since = manifest.map_or(NO_TIME, |manifest| manifest.stamp.at);
            run(terms, Sla::PickupStalled, since, hours.pickup);
        }
        Status::PickedUp
        | Status::InTransit
        | Status::OutForDelivery
        | Status::DeliveryFailed
        | Status::RtoInitiated => {
            let last = standing(&parcel.scans)
                .filter(|scan| {
                    !matches!(
                        scan.kind,
                        Scan::Remark | Scan::CourierAssigned | Scan::PickupFailed
                    )
                })
                .fold(NO_TIME, |last, scan| last.max(scan.stamp.at));
            run(terms, Sla::MissingScan, last, hours.scan);
        }
        _ => {}
    }
}

fn returned(world: &World, hours: &Hours, number: u32, terms: &mut Terms) {
    let returned = world.returns.get(number);
    let arrived = standing(&returned.steps).any(|step| step.kind >= Step::Received);
    if !arrived {
        return under_way(returned, hours, terms);
    }
    for line in world.return_lines(number) {
        if line.end.is_some() {
            continue;
        }
        if line.dispositioned_at != NO_TIME {
            if line.disposition == Some(Disposition::Restock) {
                run(terms, Sla::RestockOverdue, line.dispositioned_at, hours.restock);
            }
        } else if line.inspected_at != NO_TIME {
            run(
                terms,
                Sla::DispositionOverdue,
                line.inspected_at,
                hours.disposition,
            );
        } else {
            run(terms, Sla::InspectionOverdue, line.received_at, hours.inspection);
        }
    }
}

/// Before anything of it arrived.
fn under_way(returned: &Return, hours: &Hours, terms: &mut Terms) {
    let pickup = index_of(Method::ALL, Method::Pickup);
    let Some(request) = returned.request().filter(|request| request.method == pickup) else {
        return;
    };
    let over = [Step::Cancelled, Step::Rejected, Step::Closed];
    if !returned.stands() || over.iter().any(|kind| returned.header_is(*kind)) {
        return;
    }
    let picked_up_at = earlier(returned.first(Step::PickedUp), returned.parcel_left_at);
    if picked_up_at == NO_TIME {
        let since = match returned.first(Step::Authorised) {
            NO_TIME => request.stamp.at,
            at => at,
        };
        run(terms, Sla::PickupStalled, since, hours.pickup);
    } else {
        run(terms, Sla::ReceiptMissing, picked_up_at, hours.receipt);
    }
}
