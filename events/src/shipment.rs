//! Events of one parcel, on whichever leg it travels. Subject: `awb`.
//!
//! Couriers' own codes stay on the event as they came; mapping them to canonical events is data in `ingest`, not code here.

use crate::rule::{self, Checked, Fault};
use crate::{Minor, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

vocabulary! {
    /// Which way a parcel travels.
    pub enum Leg {
        /// Seller to buyer.
        Forward = "forward",
        /// Buyer to seller.
        Reverse = "reverse",
        /// Back to the origin, undelivered.
        Rto = "rto",
    }
}

vocabulary! {
    /// Why a delivery attempt failed, the canon of non-delivery reasons.
    pub enum NdrReason {
        /// Not told.
        Unknown = "unknown",
        /// Nobody there.
        CustomerUnavailable = "customer_unavailable",
        /// Refused at the door.
        CustomerRefused = "customer_refused",
        /// The buyer asked for another day.
        Rescheduled = "rescheduled",
        /// The courier did not try.
        NotAttempted = "not_attempted",
        /// No answer by phone.
        Unreachable = "unreachable",
        /// Address wrong or incomplete.
        AddressIssue = "address_issue",
        /// Cash not ready, or payment failed.
        PaymentIssue = "payment_issue",
        /// Beyond the courier's area.
        OutOfArea = "out_of_area",
        /// The order was cancelled before.
        AlreadyCancelled = "already_cancelled",
        /// The buyer fetches it.
        SelfCollect = "self_collect",
        /// Held by an authority.
        Seized = "seized",
        /// No entry, for instance a guarded estate.
        RestrictedEntry = "restricted_entry",
        /// Shop or office closed.
        PremisesClosed = "premises_closed",
        /// The buyer wanted to open it first.
        OpenDeliveryDemand = "open_delivery_demand",
        /// Weather, strike or the like.
        WeatherOrDisruption = "weather_or_disruption",
    }
}

vocabulary! {
    /// What to do after a failed attempt.
    pub enum NdrAction {
        /// Try again.
        Reattempt = "reattempt",
        /// Try again on an agreed day.
        Reschedule = "reschedule",
        /// Correct the address first.
        FixAddress = "fix_address",
        /// Ask for payment in advance.
        ConvertPrepaid = "convert_prepaid",
        /// Keep it at the hub.
        Hold = "hold",
        /// Send it back.
        Rto = "rto",
        /// Send it to another hub.
        DivertHub = "divert_hub",
    }
}

/// What speaks for an attempt or a delivery. Absent means not told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// A call was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<bool>,
    /// The position matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gps: Option<bool>,
    /// A one-time code was exchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otp: Option<bool>,
    /// Somebody signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<bool>,
}

impl Checked for Proof {
    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// One line inside a parcel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Line of the order.
    #[schemars(length(min = 1, max = 256))]
    pub line_id: SmolStr,
    /// Stock keeping unit.
    #[schemars(length(min = 1, max = 256))]
    pub sku: SmolStr,
    /// Pieces in this parcel.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub qty: u32,
    /// Serial number of the piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub serial: Option<SmolStr>,
    /// Production batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub batch: Option<SmolStr>,
}

impl Checked for Line {
    fn check(&self) -> Result<(), Fault> {
        rule::id("line_id", &self.line_id)?;
        rule::id("sku", &self.sku)?;
        rule::quantity("qty", self.qty)?;
        rule::text_if_given("serial", &self.serial, rule::id)?;
        rule::text_if_given("batch", &self.batch, rule::id)?;
        Ok(())
    }
}

/// A parcel was handed to a courier's system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifested {
    /// Air waybill number of the parcel: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub awb: SmolStr,
    /// Order it carries.
    #[schemars(length(min = 1, max = 256))]
    pub order_id: SmolStr,
    /// Lines it carries; absent means all of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_ids: Option<Vec<SmolStr>>,
    /// Which way it travels.
    pub leg: Leg,
    /// Return it serves, on the reverse leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: Option<SmolStr>,
    /// Courier.
    #[schemars(length(min = 1, max = 256))]
    pub courier: SmolStr,
    /// The courier's service, for instance surface or air.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub service: Option<SmolStr>,
    /// Postal code of pickup.
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub origin_pincode: SmolStr,
    /// Postal code of delivery.
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub destination_pincode: SmolStr,
    /// Weight in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// Declared value in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub declared_value_minor: Option<Minor>,
    /// Cash to collect in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub cod_amount_minor: Option<Minor>,
    /// Delivery promised by this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_at: Option<Timestamp>,
    /// Where it was packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub facility: Option<SmolStr>,
    /// Who packed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub packer: Option<SmolStr>,
    /// What is inside, piece by piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10_000))]
    pub lines: Option<Vec<Line>>,
}

impl Checked for Manifested {
    fn check(&self) -> Result<(), Fault> {
        rule::id("awb", &self.awb)?;
        rule::id("order_id", &self.order_id)?;
        if let Some(value) = &self.line_ids {
            rule::ids("line_ids", value)?;
        }
        rule::text_if_given("rma_id", &self.rma_id, rule::id)?;
        rule::id("courier", &self.courier)?;
        rule::text_if_given("service", &self.service, rule::id)?;
        rule::pincode("origin_pincode", &self.origin_pincode)?;
        rule::pincode("destination_pincode", &self.destination_pincode)?;
        rule::if_given("declared_value_minor", self.declared_value_minor, rule::amount)?;
        rule::if_given("cod_amount_minor", self.cod_amount_minor, rule::amount)?;
        rule::if_given("promised_at", self.promised_at, rule::time)?;
        rule::text_if_given("facility", &self.facility, rule::id)?;
        rule::text_if_given("packer", &self.packer, rule::id)?;
        if let Some(value) = &self.lines {
            rule::list("lines", value)?;
        }
        Ok(())
    }
}

/// The parcel goes by this courier from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CourierAssigned {
    /// Air waybill number of the parcel: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub awb: SmolStr,
    /// The courier from now on.
    #[schemars(length(min = 1, max = 256))]
    pub courier: SmolStr,
    /// The courier before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub previous_courier: Option<SmolStr>,
    /// The routing decision that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub decision_id: Option<SmolStr>,
}

impl Checked for CourierAssigned {
    fn check(&self) -> Result<(), Fault> {
        rule::id("awb", &self.awb)?;
        rule::id("courier", &self.courier)?;
        rule::text_if_given("previous_courier", &self.previous_courier, rule::id)?;
        rule::text_if_given("decision_id", &self.decision_id, rule::id)?;
        Ok(())
    }
}

/// The parcel was seen on its way: `pickup_failed`, `picked_up`, `arrived_at_hub`, `in_transit`, `out_for_delivery`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scan {
    /// Air waybill number of the parcel: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub awb: SmolStr,
    /// Courier that scanned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub courier: Option<SmolStr>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub hub: Option<SmolStr>,
    /// Postal code of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub pincode: Option<SmolStr>,
    /// Agent of the courier, an opaque key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub agent: Option<SmolStr>,
    /// Which attempt, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub attempt_no: Option<u16>,
    /// Weight measured, in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// The courier's own status code, kept for remapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub raw_code: Option<SmolStr>,
    /// The courier's own wording, kept for remapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub raw_text: Option<SmolStr>,
    /// Name and version of the mapping that read the raw code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub mapping_version: Option<SmolStr>,
}

impl Checked for Scan {
    fn check(&self) -> Result<(), Fault> {
        rule::id("awb", &self.awb)?;
        rule::text_if_given("courier", &self.courier, rule::id)?;
        rule::text_if_given("hub", &self.hub, rule::id)?;
        rule::text_if_given("pincode", &self.pincode, rule::pincode)?;
        rule::text_if_given("agent", &self.agent, rule::id)?;
        rule::if_given("attempt_no", self.attempt_no, rule::nth)?;
        rule::text_if_given("raw_code", &self.raw_code, rule::text)?;
        rule::text_if_given("raw_text", &self.raw_text, rule::text)?;
        rule::text_if_given("mapping_version", &self.mapping_version, rule::id)?;
        Ok(())
    }
}

/// An attempt to deliver (or, on the reverse leg, to collect) failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryFailed {
    /// Air waybill number of the parcel: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub awb: SmolStr,
    /// Which attempt, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub attempt_no: Option<u16>,
    /// Why.
    pub ndr_reason: NdrReason,
    /// Agent of the courier, an opaque key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub agent: Option<SmolStr>,
    /// What speaks for the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// The courier's own status code, kept for remapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub raw_code: Option<SmolStr>,
    /// The courier's own wording, kept for remapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub raw_text: Option<SmolStr>,
    /// Name and version of the mapping that read the raw code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub mapping_version: Option<SmolStr>,
}

impl Checked for DeliveryFailed {
    fn check(&self) -> Result<(), Fault> {
        rule::id("awb", &self.awb)?;
        rule::if_given("attempt_no", self.attempt_no, rule::nth)?;
        rule::text_if_given("agent", &self.agent, rule::id)?;
        rule::text_if_given("raw_code", &self.raw_code, rule::text)?;
        rule::text_if_given("raw_text", &self.raw_text, rule::text)?;
        rule::text_if_given("mapping_version", &self.mapping_version, rule::id)?;
        Ok(())
    }
}

/// Somebody or the engine asked the courier for an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NdrActionRequested {
    /// Air waybill number of the parcel: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub awb: SmolStr,
    /// What was asked.
    pub action: NdrAction,
    /// For when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Timestamp>,
    /// Keyed hash of the corrected address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub address_hash: Option<SmolStr>,
    /// Hub to hold at or divert to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub hub: Option<SmolStr>,
    /// The routing decision that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub decision_id: Option<SmolStr>,
}

impl Checked for NdrActionRequested {
    fn check(&self) -> Result<(), Fault> {
        rule::id("awb", &self.awb)?;
        rule::if_given("scheduled_for", self.scheduled_for, rule::time)?;
        rule::text_if_given("address_hash", &self.address_hash, rule::hash)?;
        rule::text_if_given("hub", &self.hub, rule::id)?;
        rule::text_if_given("decision_id", &self.decision_id, rule::id)?;
        Ok(())
    }
}

/// The parcel was delivered where its leg ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivered {
    /// Air waybill number of the parcel: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub awb: SmolStr,
    /// What speaks for the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Agent of the courier, an opaque key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub agent: Option<SmolStr>,
    /// Postal code of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub pincode: Option<SmolStr>,
    /// Last hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub hub: Option<SmolStr>,
    /// Facility that took it, on the way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub facility: Option<SmolStr>,
    /// Weight measured, in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// The courier's own status code, kept for remapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub raw_code: Option<SmolStr>,
    /// The courier's own wording, kept for remapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub raw_text: Option<SmolStr>,
    /// Name and version of the mapping that read the raw code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub mapping_version: Option<SmolStr>,
}

impl Checked for Delivered {
    fn check(&self) -> Result<(), Fault> {
        rule::id("awb", &self.awb)?;
        rule::text_if_given("agent", &self.agent, rule::id)?;
        rule::text_if_given("pincode", &self.pincode, rule::pincode)?;
        rule::text_if_given("hub", &self.hub, rule::id)?;
        rule::text_if_given("facility", &self.facility, rule::id)?;
        rule::text_if_given("raw_code", &self.raw_code, rule::text)?;
        rule::text_if_given("raw_text", &self.raw_text, rule::text)?;
        rule::text_if_given("mapping_version", &self.mapping_version, rule::id)?;
        Ok(())
    }
}

/// The parcel left its good course: `rto_initiated`, `rto_delivered`, `lost`, `damaged`, `cancelled`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setback {
    /// Air waybill number of the parcel: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub awb: SmolStr,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub reason: Option<SmolStr>,
    /// Postal code of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub pincode: Option<SmolStr>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub hub: Option<SmolStr>,
    /// Facility that took it, on the way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub facility: Option<SmolStr>,
    /// The courier's own status code, kept for remapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub raw_code: Option<SmolStr>,
    /// The courier's own wording, kept for remapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub raw_text: Option<SmolStr>,
    /// Name and version of the mapping that read the raw code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub mapping_version: Option<SmolStr>,
}

impl Checked for Setback {
    fn check(&self) -> Result<(), Fault> {
        rule::id("awb", &self.awb)?;
        rule::text_if_given("reason", &self.reason, rule::text)?;
        rule::text_if_given("pincode", &self.pincode, rule::pincode)?;
        rule::text_if_given("hub", &self.hub, rule::id)?;
        rule::text_if_given("facility", &self.facility, rule::id)?;
        rule::text_if_given("raw_code", &self.raw_code, rule::text)?;
        rule::text_if_given("raw_text", &self.raw_text, rule::text)?;
        rule::text_if_given("mapping_version", &self.mapping_version, rule::id)?;
        Ok(())
    }
}
