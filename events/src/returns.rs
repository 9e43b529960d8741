//! Events of a customer's return, from request to shelf. Subject: `rma_id`.
//!
//! A parcel that goes back undelivered (RTO) is no return; see [`crate::shipment`].

use crate::rule::{self, Checked, Fault};
use crate::{Minor, Timestamp, order};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Groups that reasons roll up to. The taxonomy is open: other words are accepted, these are the ones that tables know.
pub const REASON_GROUPS: [&str; 8] = [
    "size_fit",
    "defect",
    "not_as_described",
    "wrong_item",
    "damaged_in_transit",
    "changed_mind",
    "late",
    "other",
];

vocabulary! {
    /// How the goods come back.
    pub enum Method {
        /// A courier collects.
        Pickup = "pickup",
        /// The buyer brings them to a point.
        DropOff = "drop_off",
        /// The buyer brings them to a shop.
        InStore = "in_store",
        /// They stay with the buyer.
        Keep = "keep",
    }
}

vocabulary! {
    /// What sort of place handles returns.
    pub enum FacilityKind {
        /// A warehouse.
        Warehouse = "warehouse",
        /// A micro-fulfilment centre.
        DarkStore = "dark_store",
        /// A shop.
        Store = "store",
    }
}

vocabulary! {
    /// State of the packaging on arrival.
    pub enum Packaging {
        /// As sent.
        Intact = "intact",
        /// Damaged.
        Damaged = "damaged",
        /// None.
        Missing = "missing",
    }
}

vocabulary! {
    /// Condition found by inspection.
    pub enum Grade {
        /// As new.
        A = "a",
        /// Good.
        B = "b",
        /// Worn.
        C = "c",
        /// Poor.
        D = "d",
        /// Not acceptable as a return.
        Reject = "reject",
    }
}

vocabulary! {
    /// Whether the goods are those that were sold.
    pub enum Match {
        /// They are.
        Match = "match",
        /// Another article.
        MismatchClass = "mismatch_class",
        /// Another quantity.
        MismatchQuantity = "mismatch_quantity",
        /// Another piece of the same article.
        MismatchSerial = "mismatch_serial",
        /// Incomplete.
        PartsMissing = "parts_missing",
    }
}

vocabulary! {
    /// What becomes of a returned item.
    pub enum Disposition {
        /// Sold again as new.
        Restock = "restock",
        /// Made good, then sold.
        Refurbish = "refurbish",
        /// Sold off in bulk.
        Liquidate = "liquidate",
        /// Disposed of.
        Scrap = "scrap",
        /// Sent back to the supplier.
        Vendor = "vendor",
    }
}

/// One line that the buyer wants to return.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestedLine {
    /// Line of the order; absent without a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub line_id: Option<SmolStr>,
    /// Stock keeping unit.
    #[schemars(length(min = 1, max = 256))]
    pub sku: SmolStr,
    /// Pieces.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub qty: u32,
    /// Why, in the shop's own words.
    #[schemars(length(max = 4096))]
    pub reason: SmolStr,
    /// Group the reason rolls up to, see [`REASON_GROUPS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9_]{1,64}$"))]
    pub reason_group: Option<SmolStr>,
    /// Serial number claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub serial: Option<SmolStr>,
}

impl Checked for RequestedLine {
    fn check(&self) -> Result<(), Fault> {
        rule::text_if_given("line_id", &self.line_id, rule::id)?;
        rule::id("sku", &self.sku)?;
        rule::quantity("qty", self.qty)?;
        rule::text("reason", &self.reason)?;
        rule::text_if_given("reason_group", &self.reason_group, rule::code)?;
        rule::text_if_given("serial", &self.serial, rule::id)?;
        Ok(())
    }
}

/// A return was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Requested {
    /// Number of the return: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Order; absent without a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub order_id: Option<SmolStr>,
    /// Buyer, an opaque key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub customer_id: Option<SmolStr>,
    /// What comes back, at least one line.
    #[schemars(length(min = 1, max = 10_000))]
    pub lines: Vec<RequestedLine>,
    /// Where it was asked for.
    pub channel: order::Channel,
    /// How the goods come back.
    pub method: Method,
    /// Keyed hash of the buyer's comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub comment_hash: Option<SmolStr>,
    /// Hash of the picture sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub image_hash: Option<SmolStr>,
    /// Keyed hash of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub device_hash: Option<SmolStr>,
    /// Employee who took the request, an opaque key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub agent: Option<SmolStr>,
}

impl Checked for Requested {
    fn check(&self) -> Result<(), Fault> {
        rule::id("rma_id", &self.rma_id)?;
        rule::text_if_given("order_id", &self.order_id, rule::id)?;
        rule::text_if_given("customer_id", &self.customer_id, rule::id)?;
        rule::list("lines", &self.lines)?;
        rule::text_if_given("comment_hash", &self.comment_hash, rule::hash)?;
        rule::text_if_given("image_hash", &self.image_hash, rule::hash)?;
        rule::text_if_given("device_hash", &self.device_hash, rule::hash)?;
        rule::text_if_given("agent", &self.agent, rule::id)?;
        Ok(())
    }
}

/// The return may come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Authorised {
    /// Number of the return: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Policy that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub policy_version: Option<SmolStr>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub by: Option<SmolStr>,
}

impl Checked for Authorised {
    fn check(&self) -> Result<(), Fault> {
        rule::id("rma_id", &self.rma_id)?;
        rule::text_if_given("policy_version", &self.policy_version, rule::id)?;
        rule::text_if_given("by", &self.by, rule::id)?;
        Ok(())
    }
}

/// The return was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// Number of the return: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Why.
    #[schemars(length(max = 4096))]
    pub reason: SmolStr,
    /// Policy that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub policy_version: Option<SmolStr>,
}

impl Checked for Rejected {
    fn check(&self) -> Result<(), Fault> {
        rule::id("rma_id", &self.rma_id)?;
        rule::text("reason", &self.reason)?;
        rule::text_if_given("policy_version", &self.policy_version, rule::id)?;
        Ok(())
    }
}

/// The return was ended or taken up again: `cancelled`, `closed`, `reopened`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusChanged {
    /// Number of the return: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub reason: Option<SmolStr>,
}

impl Checked for StatusChanged {
    fn check(&self) -> Result<(), Fault> {
        rule::id("rma_id", &self.rma_id)?;
        rule::text_if_given("reason", &self.reason, rule::text)?;
        Ok(())
    }
}

/// The pickup at the buyer's: `pickup_scheduled`, `pickup_failed`, `picked_up`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pickup {
    /// Number of the return: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Parcel on the reverse leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub awb: Option<SmolStr>,
    /// Courier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub courier: Option<SmolStr>,
    /// For when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub reason: Option<SmolStr>,
}

impl Checked for Pickup {
    fn check(&self) -> Result<(), Fault> {
        rule::id("rma_id", &self.rma_id)?;
        rule::text_if_given("awb", &self.awb, rule::id)?;
        rule::text_if_given("courier", &self.courier, rule::id)?;
        rule::if_given("scheduled_for", self.scheduled_for, rule::time)?;
        rule::text_if_given("reason", &self.reason, rule::text)?;
        Ok(())
    }
}

/// One line found in the parcel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReceivedLine {
    /// Line of the order.
    #[schemars(length(min = 1, max = 256))]
    pub line_id: SmolStr,
    /// Stock keeping unit found.
    #[schemars(length(min = 1, max = 256))]
    pub sku: SmolStr,
    /// Pieces found.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub qty: u32,
    /// Serial number found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub serial: Option<SmolStr>,
    /// Production batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub batch: Option<SmolStr>,
}

impl Checked for ReceivedLine {
    fn check(&self) -> Result<(), Fault> {
        rule::id("line_id", &self.line_id)?;
        rule::id("sku", &self.sku)?;
        rule::quantity("qty", self.qty)?;
        rule::text_if_given("serial", &self.serial, rule::id)?;
        rule::text_if_given("batch", &self.batch, rule::id)?;
        Ok(())
    }
}

/// The goods arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Received {
    /// Number of the return: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Where.
    #[schemars(length(min = 1, max = 256))]
    pub facility: SmolStr,
    /// What sort of place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility_kind: Option<FacilityKind>,
    /// What was found.
    #[schemars(length(min = 1, max = 10_000))]
    pub lines: Vec<ReceivedLine>,
    /// Weight measured, in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// State of the packaging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging: Option<Packaging>,
}

impl Checked for Received {
    fn check(&self) -> Result<(), Fault> {
        rule::id("rma_id", &self.rma_id)?;
        rule::id("facility", &self.facility)?;
        rule::list("lines", &self.lines)?;
        Ok(())
    }
}

/// A line was inspected, for the first time or again: `inspected`, `reinspected`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Inspected {
    /// Number of the return: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Line of the order.
    #[schemars(length(min = 1, max = 256))]
    pub line_id: SmolStr,
    /// Where; absent when judged from afar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub facility: Option<SmolStr>,
    /// Condition.
    pub grade: Grade,
    /// Defects found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defects: Option<Vec<SmolStr>>,
    /// Whether it is what was sold.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<Match>,
    /// Signs of wear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worn: Option<bool>,
    /// Tags still on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags_present: Option<bool>,
    /// Who inspected, an opaque key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub inspector: Option<SmolStr>,
    /// How sure, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub confidence: Option<f64>,
}

impl Checked for Inspected {
    fn check(&self) -> Result<(), Fault> {
        rule::id("rma_id", &self.rma_id)?;
        rule::id("line_id", &self.line_id)?;
        rule::text_if_given("facility", &self.facility, rule::id)?;
        if let Some(value) = &self.defects {
            rule::codes("defects", value)?;
        }
        rule::text_if_given("inspector", &self.inspector, rule::id)?;
        rule::if_given("confidence", self.confidence, rule::fraction)?;
        Ok(())
    }
}

/// It was decided what becomes of a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dispositioned {
    /// Number of the return: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Line of the order.
    #[schemars(length(min = 1, max = 256))]
    pub line_id: SmolStr,
    /// What becomes of it.
    pub disposition: Disposition,
    /// Value expected back in minor units; negative when disposal costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1_000_000_000_000_i64, max = 1_000_000_000_000_i64))]
    pub expected_recovery_minor: Option<Minor>,
}

impl Checked for Dispositioned {
    fn check(&self) -> Result<(), Fault> {
        rule::id("rma_id", &self.rma_id)?;
        rule::id("line_id", &self.line_id)?;
        rule::if_given(
            "expected_recovery_minor",
            self.expected_recovery_minor,
            rule::signed_amount,
        )?;
        Ok(())
    }
}

/// A line reached its end: `restocked`, `refurbished`, `liquidated`, `scrapped`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Processed {
    /// Number of the return: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Line of the order.
    #[schemars(length(min = 1, max = 256))]
    pub line_id: SmolStr,
    /// Where.
    #[schemars(length(min = 1, max = 256))]
    pub facility: SmolStr,
    /// Stock keeping unit, as shelved.
    #[schemars(length(min = 1, max = 256))]
    pub sku: SmolStr,
    /// Pieces.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub qty: u32,
    /// Value recovered in minor units; negative when disposal cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1_000_000_000_000_i64, max = 1_000_000_000_000_i64))]
    pub recovered_minor: Option<Minor>,
}

impl Checked for Processed {
    fn check(&self) -> Result<(), Fault> {
        rule::id("rma_id", &self.rma_id)?;
        rule::id("line_id", &self.line_id)?;
        rule::id("facility", &self.facility)?;
        rule::id("sku", &self.sku)?;
        rule::quantity("qty", self.qty)?;
        rule::if_given("recovered_minor", self.recovered_minor, rule::signed_amount)?;
        Ok(())
    }
}
