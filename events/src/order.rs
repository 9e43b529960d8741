//! Events of an order, from checkout to the buyer's change of mind. Subject: `order_id`.
//!
//! What a parcel does is in [`crate::shipment`]; what comes back is in [`crate::returns`].

use crate::rule::{self, Checked, Fault};
use crate::{Minor, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

vocabulary! {
    /// How the buyer pays.
    pub enum PaymentMode {
        /// Cash on delivery.
        Cod = "cod",
        /// Paid before dispatch.
        Prepaid = "prepaid",
    }
}

vocabulary! {
    /// Where the buyer acted.
    pub enum Channel {
        /// The web shop.
        Web = "web",
        /// The mobile application.
        App = "app",
        /// A shop of bricks.
        Store = "store",
        /// Somebody else's market place.
        Marketplace = "marketplace",
        /// A call.
        Phone = "phone",
    }
}

vocabulary! {
    /// Who cancelled.
    pub enum CancelledBy {
        /// The buyer.
        Customer = "customer",
        /// The seller.
        Seller = "seller",
        /// A rule, for instance a payment that never came.
        System = "system",
    }
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Line, unique within the order.
    #[schemars(length(min = 1, max = 256))]
    pub line_id: SmolStr,
    /// Stock keeping unit.
    #[schemars(length(min = 1, max = 256))]
    pub sku: SmolStr,
    /// Style the SKU belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub style: Option<SmolStr>,
    /// Category of the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub category: Option<SmolStr>,
    /// Size as sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub size: Option<SmolStr>,
    /// Pieces ordered, at least one.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub qty: u32,
    /// Price of one piece in minor units.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub unit_price_minor: Minor,
    /// Discount for the whole line in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub discount_minor: Option<Minor>,
    /// Who supplied the goods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub supplier_id: Option<SmolStr>,
    /// Who sold them, on a market place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub seller_id: Option<SmolStr>,
    /// Production batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub batch: Option<SmolStr>,
}

impl Checked for Line {
    fn check(&self) -> Result<(), Fault> {
        rule::id("line_id", &self.line_id)?;
        rule::id("sku", &self.sku)?;
        rule::text_if_given("style", &self.style, rule::id)?;
        rule::text_if_given("category", &self.category, rule::id)?;
        rule::text_if_given("size", &self.size, rule::id)?;
        rule::quantity("qty", self.qty)?;
        rule::amount("unit_price_minor", self.unit_price_minor)?;
        rule::if_given("discount_minor", self.discount_minor, rule::amount)?;
        rule::text_if_given("supplier_id", &self.supplier_id, rule::id)?;
        rule::text_if_given("seller_id", &self.seller_id, rule::id)?;
        rule::text_if_given("batch", &self.batch, rule::id)?;
        Ok(())
    }
}

/// An order was placed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Placed {
    /// Order: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub order_id: SmolStr,
    /// Buyer, an opaque key.
    #[schemars(length(min = 1, max = 256))]
    pub customer_id: SmolStr,
    /// What was bought, at least one line.
    #[schemars(length(min = 1, max = 10_000))]
    pub lines: Vec<Line>,
    /// How the buyer pays.
    pub payment_mode: PaymentMode,
    /// Where the order was placed.
    pub channel: Channel,
    /// Postal code of delivery; six digits unless `destination_country` names another country than India.
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub destination_pincode: SmolStr,
    /// State or province of delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub destination_state: Option<SmolStr>,
    /// Country of delivery, ISO 3166 alpha-2 by preference; absent means India.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub destination_country: Option<SmolStr>,
    /// Keyed hash of the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub address_hash: Option<SmolStr>,
    /// How well the address can be found, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub address_quality: Option<f64>,
    /// Keyed hash of the phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub phone_hash: Option<SmolStr>,
    /// Keyed hash of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub device_hash: Option<SmolStr>,
    /// Keyed hash of the payment instrument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub instrument_hash: Option<SmolStr>,
    /// Keyed hash of the network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub ip_hash: Option<SmolStr>,
    /// Bought for somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift: Option<bool>,
    /// Shipping fee in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub shipping_fee_minor: Option<Minor>,
    /// Tax in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub tax_minor: Option<Minor>,
    /// Delivery promised by this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_at: Option<Timestamp>,
    /// ISO 4217; the tenant's currency when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Z]{3}$"))]
    pub currency: Option<SmolStr>,
}

impl Checked for Placed {
    fn check(&self) -> Result<(), Fault> {
        rule::id("order_id", &self.order_id)?;
        rule::id("customer_id", &self.customer_id)?;
        rule::list("lines", &self.lines)?;
        rule::pincode("destination_pincode", &self.destination_pincode)?;
        rule::text_if_given("destination_state", &self.destination_state, rule::text)?;
        rule::text_if_given("destination_country", &self.destination_country, rule::text)?;
        rule::text_if_given("address_hash", &self.address_hash, rule::hash)?;
        rule::if_given("address_quality", self.address_quality, rule::fraction)?;
        rule::text_if_given("phone_hash", &self.phone_hash, rule::hash)?;
        rule::text_if_given("device_hash", &self.device_hash, rule::hash)?;
        rule::text_if_given("instrument_hash", &self.instrument_hash, rule::hash)?;
        rule::text_if_given("ip_hash", &self.ip_hash, rule::hash)?;
        rule::if_given("shipping_fee_minor", self.shipping_fee_minor, rule::amount)?;
        rule::if_given("tax_minor", self.tax_minor, rule::amount)?;
        rule::if_given("promised_at", self.promised_at, rule::time)?;
        rule::text_if_given("currency", &self.currency, rule::currency)?;
        rule::indian_pincode(
            "destination_pincode",
            &self.destination_pincode,
            self.destination_country.as_deref(),
        )?;
        Ok(())
    }
}

/// An order, or some of its lines, was cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cancelled {
    /// Order: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub order_id: SmolStr,
    /// Lines cancelled; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_ids: Option<Vec<SmolStr>>,
    /// Who cancelled.
    pub by: CancelledBy,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub reason: Option<SmolStr>,
}

impl Checked for Cancelled {
    fn check(&self) -> Result<(), Fault> {
        rule::id("order_id", &self.order_id)?;
        if let Some(value) = &self.line_ids {
            rule::ids("line_ids", value)?;
        }
        rule::text_if_given("reason", &self.reason, rule::text)?;
        Ok(())
    }
}

/// The buyer was asked whether the cash-on-delivery order stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CodConfirmed {
    /// Order: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub order_id: SmolStr,
    /// Whether it stands.
    pub confirmed: bool,
}

impl Checked for CodConfirmed {
    fn check(&self) -> Result<(), Fault> {
        rule::id("order_id", &self.order_id)?;
        Ok(())
    }
}

/// The payment mode changed, as a rule from cash to prepaid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentConverted {
    /// Order: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub order_id: SmolStr,
    /// The mode from now on.
    pub to: PaymentMode,
}

impl Checked for PaymentConverted {
    fn check(&self) -> Result<(), Fault> {
        rule::id("order_id", &self.order_id)?;
        Ok(())
    }
}
