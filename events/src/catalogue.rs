//! The catalogue: every event type with its payload and the rule for its subject, in one table.
//!
//! The table is the only place that lists event types; names, decoding, subjects, schemas and the AsyncAPI document follow from it. What
//! the payloads hold is in [`crate::order`], [`crate::shipment`], [`crate::returns`], [`crate::money`], [`crate::context`] and [`crate::feedback`].

use serde::de::{Deserialize, DeserializeSeed, Deserializer};
use serde::{Serialize, Serializer};
use smol_str::SmolStr;

use crate::rule::{Checked, Fault};
use crate::{context, feedback, money, order, returns, shipment};

/// What `subject` must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectRule {
    /// The value of this field of `data`.
    Field(&'static str),
    /// Free; this when absent.
    Free(&'static str),
}

/// A row reads: `Variant = "type": payload, subject is field;` or `..., subject free "when absent";`. Payloads of more than about
/// 300 bytes are boxed, so that every [`Body`] stays small.
macro_rules! catalogue {
    ($($variant:ident = $word:literal: $payload:ty, subject $rule:tt $subject:tt;)+) => {
        /// What happened: one variant an event type.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Body {
            $(#[doc = concat!("`", $word, "`")] $variant($payload),)+
        }

        vocabulary! {
            /// The event types.
            pub enum EventType {
                $(#[doc = concat!("`", $word, "`")] $variant = $word,)+
            }
        }

        impl Body {
            /// Every event type, in the order of the catalogue.
            pub const TYPES: &'static [&'static str] = &[$($word),+];

            /// The type of the event.
            pub const fn event_type(&self) -> EventType {
                match self {
                    $(Self::$variant(_) => EventType::$variant,)+
                }
            }

            /// The type of the event as it stands in the envelope.
            pub const fn type_name(&self) -> &'static str {
                self.event_type().as_str()
            }

            /// The id of the entity that `data` names; `None` where the subject is free.
            pub fn subject(&self) -> Option<&SmolStr> {
                match self {
                    $(Self::$variant(payload) => subject_of!(payload, $rule $subject),)+
                }
            }

            pub(crate) fn check(&self) -> Result<(), Fault> {
                match self {
                    $(Self::$variant(payload) => payload.check(),)+
                }
            }
        }

        impl Serialize for Body {
            /// Writes `data` alone; the type stands in the envelope.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(payload) => payload.serialize(serializer),)+
                }
            }
        }

        impl<'de> DeserializeSeed<'de> for EventType {
            type Value = Body;

            /// Reads `data` of this type.
            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Body, D::Error> {
                match self {
                    $(Self::$variant => Deserialize::deserialize(deserializer).map(Body::$variant),)+
                }
            }
        }

        impl EventType {
            /// What `subject` must be.
            pub const fn subject_rule(self) -> SubjectRule {
                match self {
                    $(Self::$variant => subject_rule!($rule $subject),)+
                }
            }

            pub(crate) fn payload_schema(self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                match self {
                    $(Self::$variant => generator.subschema_for::<$payload>(),)+
                }
            }
        }
    };
}

macro_rules! subject_of {
    ($payload:ident, is $field:ident) => {
        Some(&$payload.$field)
    };
    ($payload:ident, free $default:literal) => {{
        let _ = $payload;
        None
    }};
}

macro_rules! subject_rule {
    (is $field:ident) => {
        SubjectRule::Field(stringify!($field))
    };
    (free $default:literal) => {
        SubjectRule::Free($default)
    };
}

catalogue! {
    OrderPlaced = "eddy.order.placed": Box<order::Placed>, subject is order_id;
    OrderCancelled = "eddy.order.cancelled": order::Cancelled, subject is order_id;
    OrderCodConfirmed = "eddy.order.cod_confirmed": order::CodConfirmed, subject is order_id;
    OrderPaymentConverted = "eddy.order.payment_converted": order::PaymentConverted, subject is order_id;
    ShipmentManifested = "eddy.shipment.manifested": Box<shipment::Manifested>, subject is awb;
    ShipmentCourierAssigned = "eddy.shipment.courier_assigned": shipment::CourierAssigned, subject is awb;
    ShipmentPickupFailed = "eddy.shipment.pickup_failed": shipment::Scan, subject is awb;
    ShipmentPickedUp = "eddy.shipment.picked_up": shipment::Scan, subject is awb;
    ShipmentArrivedAtHub = "eddy.shipment.arrived_at_hub": shipment::Scan, subject is awb;
    ShipmentInTransit = "eddy.shipment.in_transit": shipment::Scan, subject is awb;
    ShipmentOutForDelivery = "eddy.shipment.out_for_delivery": shipment::Scan, subject is awb;
    ShipmentDeliveryFailed = "eddy.shipment.delivery_failed": shipment::DeliveryFailed, subject is awb;
    ShipmentNdrActionRequested = "eddy.shipment.ndr_action_requested": shipment::NdrActionRequested, subject is awb;
    ShipmentDelivered = "eddy.shipment.delivered": shipment::Delivered, subject is awb;
    ShipmentRtoInitiated = "eddy.shipment.rto_initiated": shipment::Setback, subject is awb;
    ShipmentRtoDelivered = "eddy.shipment.rto_delivered": shipment::Setback, subject is awb;
    ShipmentLost = "eddy.shipment.lost": shipment::Setback, subject is awb;
    ShipmentDamaged = "eddy.shipment.damaged": shipment::Setback, subject is awb;
    ShipmentCancelled = "eddy.shipment.cancelled": shipment::Setback, subject is awb;
    ReturnRequested = "eddy.return.requested": Box<returns::Requested>, subject is rma_id;
    ReturnAuthorised = "eddy.return.authorised": returns::Authorised, subject is rma_id;
    ReturnRejected = "eddy.return.rejected": returns::Rejected, subject is rma_id;
    ReturnCancelled = "eddy.return.cancelled": returns::StatusChanged, subject is rma_id;
    ReturnClosed = "eddy.return.closed": returns::StatusChanged, subject is rma_id;
    ReturnReopened = "eddy.return.reopened": returns::StatusChanged, subject is rma_id;
    ReturnPickupScheduled = "eddy.return.pickup_scheduled": returns::Pickup, subject is rma_id;
    ReturnPickupFailed = "eddy.return.pickup_failed": returns::Pickup, subject is rma_id;
    ReturnPickedUp = "eddy.return.picked_up": returns::Pickup, subject is rma_id;
    ReturnReceived = "eddy.return.received": returns::Received, subject is rma_id;
    ReturnInspected = "eddy.return.inspected": returns::Inspected, subject is rma_id;
    ReturnReinspected = "eddy.return.reinspected": returns::Inspected, subject is rma_id;
    ReturnDispositioned = "eddy.return.dispositioned": returns::Dispositioned, subject is rma_id;
    ReturnRestocked = "eddy.return.restocked": returns::Processed, subject is rma_id;
    ReturnRefurbished = "eddy.return.refurbished": returns::Processed, subject is rma_id;
    ReturnLiquidated = "eddy.return.liquidated": returns::Processed, subject is rma_id;
    ReturnScrapped = "eddy.return.scrapped": returns::Processed, subject is rma_id;
    RefundInitiated = "eddy.refund.initiated": Box<money::Refund>, subject is refund_id;
    RefundIssued = "eddy.refund.issued": Box<money::Refund>, subject is refund_id;
    RefundFailed = "eddy.refund.failed": Box<money::Refund>, subject is refund_id;
    ExchangeCreated = "eddy.exchange.created": money::ExchangeCreated, subject is exchange_id;
    LoyaltyAdjusted = "eddy.loyalty.adjusted": money::LoyaltyAdjusted, subject is customer_id;
    SupplierClaimFiled = "eddy.supplier_claim.filed": money::SupplierClaim, subject is claim_id;
    SupplierClaimSettled = "eddy.supplier_claim.settled": money::SupplierClaim, subject is claim_id;
    SupplierClaimRejected = "eddy.supplier_claim.rejected": money::SupplierClaim, subject is claim_id;
    ClaimSubmitted = "eddy.claim.submitted": money::Claim, subject is claim_id;
    ClaimResolved = "eddy.claim.resolved": money::Claim, subject is claim_id;
    ContextWeatherObserved = "eddy.context.weather_observed": context::WeatherObserved, subject is pincode_prefix;
    ContextTrafficObserved = "eddy.context.traffic_observed": context::TrafficObserved, subject is pincode_prefix;
    ContextCourierCapacityUpdated = "eddy.context.courier_capacity_updated": context::CourierCapacityUpdated, subject is courier;
    ContextServiceabilityUpdated = "eddy.context.serviceability_updated": context::ServiceabilityUpdated, subject is courier;
    ContextTariffPublished = "eddy.context.tariff_published": context::TariffPublished, subject is courier;
    ContextCalendarPublished = "eddy.context.calendar_published": context::CalendarPublished, subject is name;
    ContextCatalogueItemUpdated = "eddy.context.catalogue_item_updated": context::CatalogueItemUpdated, subject is sku;
    ContextPincodePublished = "eddy.context.pincode_published": context::PincodePublished, subject is pincode;
    ContextFacilityUpdated = "eddy.context.facility_updated": context::FacilityUpdated, subject is facility;
    AlertAssigned = "eddy.alert.assigned": feedback::AlertReview, subject is alert_id;
    AlertReviewed = "eddy.alert.reviewed": feedback::AlertReview, subject is alert_id;
    AlertAppealed = "eddy.alert.appealed": feedback::AlertReview, subject is alert_id;
    AlertOverturned = "eddy.alert.overturned": feedback::AlertReview, subject is alert_id;
    AnomalyReviewed = "eddy.anomaly.reviewed": feedback::AnomalyReviewed, subject is anomaly_id;
    NoteAdded = "eddy.note.added": feedback::NoteAdded, subject is about;
    AuditSampleReviewed = "eddy.audit_sample.reviewed": feedback::AuditSampleReviewed, subject is rma_id;
    RerouteAccepted = "eddy.reroute.accepted": feedback::RerouteFeedback, subject is decision_id;
    RerouteOverridden = "eddy.reroute.overridden": feedback::RerouteFeedback, subject is decision_id;
    RerouteExecuted = "eddy.reroute.executed": feedback::RerouteFeedback, subject is decision_id;
    RerouteFailed = "eddy.reroute.failed": feedback::RerouteFeedback, subject is decision_id;
    NdrReasonDisputed = "eddy.ndr_reason.disputed": feedback::NdrReasonDisputed, subject is awb;
    EventVoided = "eddy.event.voided": feedback::EventVoided, subject is id;
    PolicyPublished = "eddy.policy.published": feedback::Published, subject free "policy";
    ModelPromoted = "eddy.model.promoted": feedback::Published, subject free "model";
    MappingPublished = "eddy.mapping.published": feedback::Published, subject free "mapping";
    ClockTicked = "eddy.clock.ticked": feedback::ClockTicked, subject free "clock";
    EngineStarted = "eddy.engine.started": feedback::EngineStarted, subject free "engine";
}

const SLOTS: usize = 256;
const FREE: u8 = u8::MAX;

/// Where the search for a name begins. The last eight bytes and the length tell nearly all types apart.
const fn slot(name: &[u8]) -> usize {
    let n = name.len();
    if n < 8 {
        return 0;
    }
    let end = [
        name[n - 8],
        name[n - 7],
        name[n - 6],
        name[n - 5],
        name[n - 4],
        name[n - 3],
        name[n - 2],
        name[n - 1],
    ];
    let mixed = (u64::from_le_bytes(end) ^ n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize
}

/// Index into [`EventType::ALL`] by slot, filled when the crate is compiled.
static BY_NAME: [u8; SLOTS] = {
    let mut table = [FREE; SLOTS];
    let mut index = 0;
    while index < EventType::ALL.len() {
        let mut at = slot(EventType::ALL[index].as_str().as_bytes());
        while table[at] != FREE {
            at = (at + 1) % SLOTS;
        }
        table[at] = index as u8;
        index += 1;
    }
    table
};

impl EventType {
    /// The type of this name. The same as [`EventType::from_word`] in constant time; it is looked up for every event.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut at = slot(name.as_bytes());
        loop {
            let kind = *Self::ALL.get(usize::from(BY_NAME[at]))?;
            if kind.as_str() == name {
                return Some(kind);
            }
            at = (at + 1) % SLOTS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_no_other() {
        for kind in EventType::ALL {
            assert_eq!(EventType::from_name(kind.as_str()), Some(*kind));
            assert_eq!(EventType::from_name(&kind.as_str()[1..]), None);
        }
        assert_eq!(EventType::from_name(""), None);
        assert_eq!(EventType::from_name("placed"), None);
    }
}
