//! From an event to the fold that keeps it, and from a voided event to the entity it told of.
//!
//! Kinds of event that no projection of this version reads pass through; they stay in the log for later ones.

use eddy_events::order::PaymentMode;
use eddy_events::{Body, Event};

use crate::facts::{self, Stamp};
use crate::governance::{self, Published};
use crate::orders::{self, Change};
use crate::returns::{self, Kind as Step};
use crate::shipments::{self, Kind as Scan};
use crate::tariffs::Tariff;
use crate::world::World;
use crate::{exchanges, facilities, loyalty, pincodes, refunds, skus, supplier_claims};

/// Which entity an event told of. Kept with the identity of the event, so that voiding finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nothing that can be voided.
    None,
    /// The event was voided before it came.
    Void,
    Order(u32),
    Shipment(u32),
    Return(u32),
    Refund(u32),
    Sku(u32),
    Pincode(u32),
    Facility(u32),
    Governance,
    /// A claim, of which no projection tells but fraud does.
    Claim(u32),
    Exchange(u32),
    Loyalty(u32),
    SupplierClaim(u32),
}

/// Bits of an owner that number the entity: 268 million of each kind.
const NUMBER_BITS: u32 = 28;

impl Owner {
    /// As 32 bits.
    pub(crate) fn pack(self) -> u32 {
        let (tag, number) = match self {
            Self::None => (0, 0),
            Self::Void => (1, 0),
            Self::Order(number) => (2, number),
            Self::Shipment(number) => (3, number),
            Self::Return(number) => (4, number),
            Self::Refund(number) => (5, number),
            Self::Sku(number) => (6, number),
            Self::Pincode(number) => (7, number),
            Self::Facility(number) => (8, number),
            Self::Governance => (9, 0),
            Self::Claim(number) => (10, number),
            Self::Exchange(number) => (11, number),
            Self::Loyalty(number) => (12, number),
            Self::SupplierClaim(number) => (13, number),
        };
        assert!(
            number < 1 << NUMBER_BITS,
            "more entities of one kind than an engine numbers; use more shards"
        );
        tag << NUMBER_BITS | number
    }

    /// From 32 bits.
    pub(crate) fn unpack(bits: u32) -> Self {
        let number = bits & ((1 << NUMBER_BITS) - 1);
        match bits >> NUMBER_BITS {
            1 => Self::Void,
            2 => Self::Order(number),
            3 => Self::Shipment(number),
            4 => Self::Return(number),
            5 => Self::Refund(number),
            6 => Self::Sku(number),
            7 => Self::Pincode(number),
            8 => Self::Facility(number),
            9 => Self::Governance,
            10 => Self::Claim(number),
            11 => Self::Exchange(number),
            12 => Self::Loyalty(number),
            13 => Self::SupplierClaim(number),
            _ => Self::None,
        }
    }
}

/// Folds one event that is new. `stamp.voided` says that it was voided before it came.
pub(crate) fn fold(world: &mut World, stamp: Stamp, event: &Event) -> Owner {
    let scan = |world: &mut World, awb: &str, kind: Scan, attempt: Option<u16>| {
        Owner::Shipment(shipments::scanned(world, stamp, awb, kind, attempt))
    };
    let step =
        |world: &mut World, rma: &str, kind: Step| Owner::Return(returns::stepped(world, stamp, rma, kind));
    match &event.body {
        Body::OrderPlaced(body) => Owner::Order(orders::placed(world, stamp, body)),
        Body::OrderCancelled(body) => {
            let change = orders::cancelled(world, body);
            Owner::Order(orders::changed(world, stamp, &body.order_id, change))
        }
        Body::OrderCodConfirmed(body) => Owner::Order(orders::changed(
            world,
            stamp,
            &body.order_id,
            Change::CodConfirmed(body.confirmed),
        )),
        Body::OrderPaymentConverted(body) => Owner::Order(orders::changed(
            world,
            stamp,
            &body.order_id,
            orders::converted(body.to),
        )),
        Body::ShipmentManifested(body) => Owner::Shipment(shipments::manifested(world, stamp, body)),
        Body::ShipmentCourierAssigned(body) => Owner::Shipment(shipments::assigned(world, stamp, body)),
        Body::ShipmentPickupFailed(body) => scan(world, &body.awb, Scan::PickupFailed, None),
        Body::ShipmentPickedUp(body) => scan(world, &body.awb, Scan::PickedUp, None),
        Body::ShipmentArrivedAtHub(body) => scan(world, &body.awb, Scan::ArrivedAtHub, None),
        Body::ShipmentInTransit(body) => scan(world, &body.awb, Scan::InTransit, None),
        Body::ShipmentOutForDelivery(body) => scan(world, &body.awb, Scan::OutForDelivery, body.attempt_no),
        Body::ShipmentDeliveryFailed(body) => Owner::Shipment(shipments::failed(world, stamp, body)),
        Body::ShipmentNdrActionRequested(body) => scan(world, &body.awb, Scan::Remark, None),
        Body::ShipmentDelivered(body) => scan(world, &body.awb, Scan::Delivered, None),
        Body::ShipmentRtoInitiated(body) => scan(world, &body.awb, Scan::RtoInitiated, None),
        Body::ShipmentRtoDelivered(body) => scan(world, &body.awb, Scan::RtoDelivered, None),
        Body::ShipmentLost(body) => scan(world, &body.awb, Scan::Lost, None),
        Body::ShipmentDamaged(body) => scan(world, &body.awb, Scan::Damaged, None),
        Body::ShipmentCancelled(body) => scan(world, &body.awb, Scan::Cancelled, None),
        Body::NdrReasonDisputed(body) => scan(world, &body.awb, Scan::Remark, None),
        Body::ReturnRequested(body) => Owner::Return(returns::requested(world, stamp, body)),
        Body::ReturnAuthorised(body) => step(world, &body.rma_id, Step::Authorised),
        Body::ReturnRejected(body) => step(world, &body.rma_id, Step::Rejected),
        Body::ReturnCancelled(body) => step(world, &body.rma_id, Step::Cancelled),
        Body::ReturnClosed(body) => step(world, &body.rma_id, Step::Closed),
        Body::ReturnReopened(body) => step(world, &body.rma_id, Step::Reopened),
        Body::ReturnPickupScheduled(body) => step(world, &body.rma_id, Step::PickupScheduled),
        Body::ReturnPickupFailed(body) => step(world, &body.rma_id, Step::PickupFailed),
        Body::ReturnPickedUp(body) => step(world, &body.rma_id, Step::PickedUp),
        Body::ReturnReceived(body) => Owner::Return(returns::received(world, stamp, body)),
        Body::ReturnInspected(body) => Owner::Return(returns::inspected(world, stamp, body, Step::Inspected)),
        Body::ReturnReinspected(body) => {
            Owner::Return(returns::inspected(world, stamp, body, Step::Reinspected))
        }
        Body::ReturnDispositioned(body) => Owner::Return(returns::dispositioned(world, stamp, body)),
        Body::ReturnRestocked(body) => Owner::Return(returns::processed(world, stamp, body, Step::Restocked)),
        Body::ReturnRefurbished(body) => {
            Owner::Return(returns::processed(world, stamp, body, Step::Refurbished))
        }
        Body::ReturnLiquidated(body) => {
            Owner::Return(returns::processed(world, stamp, body, Step::Liquidated))
        }
        Body::ReturnScrapped(body) => Owner::Return(returns::processed(world, stamp, body, Step::Scrapped)),
        Body::RefundInitiated(body) => {
            Owner::Refund(refunds::said(world, stamp, body, refunds::Kind::Initiated))
        }
        Body::RefundIssued(body) => Owner::Refund(refunds::said(world, stamp, body, refunds::Kind::Issued)),
        Body::RefundFailed(body) => Owner::Refund(refunds::said(world, stamp, body, refunds::Kind::Failed)),
        Body::ExchangeCreated(body) => Owner::Exchange(exchanges::created(world, stamp, body)),
        Body::LoyaltyAdjusted(body) => Owner::Loyalty(loyalty::adjusted(world, stamp, body)),
        Body::SupplierClaimFiled(body) => claim(world, stamp, body, supplier_claims::Kind::Filed),
        Body::SupplierClaimSettled(body) => claim(world, stamp, body, supplier_claims::Kind::Settled),
        Body::SupplierClaimRejected(body) => claim(world, stamp, body, supplier_claims::Kind::Rejected),
        Body::ContextCatalogueItemUpdated(body) => Owner::Sku(skus::catalogued(world, stamp, body)),
        Body::ContextPincodePublished(body) => Owner::Pincode(pincodes::published(world, stamp, body)),
        Body::ContextFacilityUpdated(body) => Owner::Facility(facilities::described(world, stamp, body)),
        Body::ContextTariffPublished(body) => {
            let tariff = Tariff::of(&mut world.symbols, stamp, body);
            world.tariffs.told.push(tariff);
            world.dirty.tariffs = true;
            Owner::Governance
        }
        Body::PolicyPublished(body) => publish(world, stamp, governance::Kind::Policy, event, body),
        Body::ModelPromoted(body) => publish(world, stamp, governance::Kind::Model, event, body),
        Body::MappingPublished(body) => publish(world, stamp, governance::Kind::Mapping, event, body),
        _ => Owner::None,
    }
}

fn claim(
    world: &mut World,
    stamp: Stamp,
    body: &eddy_events::money::SupplierClaim,
    kind: supplier_claims::Kind,
) -> Owner {
    Owner::SupplierClaim(supplier_claims::said(world, stamp, body, kind))
}

fn publish(
    world: &mut World,
    stamp: Stamp,
    kind: governance::Kind,
    event: &Event,
    body: &eddy_events::feedback::Published,
) -> Owner {
    world.governance.published.push(Published {
        stamp,
        kind,
        subject: event.envelope.subject.to_string(),
        version: body.version.to_string(),
        digest: body.digest.to_string(),
        artefact: body.artefact.as_ref().map(ToString::to_string),
        body: body.body.as_ref().map(ToString::to_string),
    });
    world.dirty.governance = true;
    Owner::Governance
}

/// Voids what the event behind `tie` told of its owner.
pub(crate) fn void(world: &mut World, owner: Owner, tie: u32) {
    match owner {
        Owner::None | Owner::Void | Owner::Claim(_) => {}
        Owner::Order(number) => {
            world.open_case(number);
            let order = world.orders.get_mut(number);
            facts::void(&mut order.placed, tie);
            facts::void(&mut order.changes, tie);
        }
        Owner::Shipment(number) => {
            let parcel = world.shipments.get_mut(number);
            facts::void(&mut parcel.manifests, tie);
            facts::void(&mut parcel.scans, tie);
            shipments::settle(world, number);
        }
        Owner::Return(number) => {
            returns::open(world, number);
            let returned = world.returns.get_mut(number);
            facts::void(&mut returned.requests, tie);
            facts::void(&mut returned.steps, tie);
            returns::relink(world, number);
        }
        Owner::Refund(number) => {
            refunds::open(world, number);
            facts::void(&mut world.refunds.get_mut(number).said, tie);
            refunds::relink(world, number);
        }
        Owner::Exchange(number) => {
            facts::void(&mut world.exchanges.entries.get_mut(number).value.said, tie);
            world.touch_exchange(number);
        }
        Owner::Loyalty(number) => {
            facts::void(&mut world.loyalty.entries.get_mut(number).value.adjusted, tie);
            world.touch_loyalty(number);
        }
        Owner::SupplierClaim(number) => {
            facts::void(&mut world.supplier_claims.entries.get_mut(number).value.said, tie);
            world.touch_supplier_claim(number);
        }
        Owner::Sku(number) => skus::change(world, number, |entries| facts::void(entries, tie)),
        Owner::Pincode(number) => pincodes::change(world, number, |entries| facts::void(entries, tie)),
        Owner::Facility(number) => {
            facts::void(&mut world.facilities.get_mut(number).entries, tie);
            world.touch_facility(number);
        }
        Owner::Governance => {
            facts::void(&mut world.governance.published, tie);
            facts::void(&mut world.tariffs.told, tie);
            world.dirty.governance = true;
            world.dirty.tariffs = true;
        }
    }
}

/// The word of a payment mode by its index.
pub(crate) fn payment_word(index: u8) -> Option<&'static str> {
    PaymentMode::ALL.get(usize::from(index)).map(|mode| mode.as_str())
}
