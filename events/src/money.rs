//! Events of refunds, exchanges, points and claims. Amounts are integers of minor units.
//!
//! Reckoning what should be refunded is a processor's work, not this crate's.

use crate::rule::{self, Checked, Fault};
use crate::{Minor, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

vocabulary! {
    /// How money goes back.
    pub enum Tender {
        /// The way it was paid.
        Original = "original",
        /// A wallet.
        Wallet = "wallet",
        /// A bank account.
        Bank = "bank",
        /// Credit with the shop.
        StoreCredit = "store_credit",
        /// Cash.
        Cash = "cash",
    }
}

vocabulary! {
    /// What a buyer claims.
    pub enum ClaimKind {
        /// Never came.
        NotReceived = "not_received",
        /// Came damaged.
        Damaged = "damaged",
        /// Something else came.
        WrongItem = "wrong_item",
        /// Something was missing.
        MissingItem = "missing_item",
        /// The bank took the payment back.
        Chargeback = "chargeback",
    }
}

/// A refund: `initiated`, `issued`, `failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Refund {
    /// Refund: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub refund_id: SmolStr,
    /// Return it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: Option<SmolStr>,
    /// Order it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub order_id: Option<SmolStr>,
    /// Line it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub line_id: Option<SmolStr>,
    /// Pieces refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub qty: Option<u32>,
    /// Amount in minor units, positive towards the buyer.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub amount_minor: Minor,
    /// ISO 4217; the tenant's currency when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Z]{3}$"))]
    pub currency: Option<SmolStr>,
    /// Keyed hash of the instrument that is refunded to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub instrument_hash: Option<SmolStr>,
    /// How it goes back.
    pub tender: Tender,
    /// Due by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Employee who refunded, an opaque key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub agent: Option<SmolStr>,
    /// A receipt was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_shown: Option<bool>,
}

impl Checked for Refund {
    fn check(&self) -> Result<(), Fault> {
        rule::id("refund_id", &self.refund_id)?;
        rule::text_if_given("rma_id", &self.rma_id, rule::id)?;
        rule::text_if_given("order_id", &self.order_id, rule::id)?;
        rule::text_if_given("line_id", &self.line_id, rule::id)?;
        rule::if_given("qty", self.qty, rule::quantity)?;
        rule::amount("amount_minor", self.amount_minor)?;
        rule::text_if_given("currency", &self.currency, rule::currency)?;
        rule::text_if_given("instrument_hash", &self.instrument_hash, rule::hash)?;
        rule::if_given("due_at", self.due_at, rule::time)?;
        rule::text_if_given("agent", &self.agent, rule::id)?;
        Ok(())
    }
}

/// Goods are exchanged instead of refunded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExchangeCreated {
    /// Exchange: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub exchange_id: SmolStr,
    /// Return it belongs to.
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: SmolStr,
    /// Line exchanged.
    #[schemars(length(min = 1, max = 256))]
    pub line_id: SmolStr,
    /// Order of the replacement.
    #[schemars(length(min = 1, max = 256))]
    pub new_order_id: SmolStr,
    /// What the buyer pays more (positive) or less, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1_000_000_000_000_i64, max = 1_000_000_000_000_i64))]
    pub price_difference_minor: Option<Minor>,
}

impl Checked for ExchangeCreated {
    fn check(&self) -> Result<(), Fault> {
        rule::id("exchange_id", &self.exchange_id)?;
        rule::id("rma_id", &self.rma_id)?;
        rule::id("line_id", &self.line_id)?;
        rule::id("new_order_id", &self.new_order_id)?;
        rule::if_given(
            "price_difference_minor",
            self.price_difference_minor,
            rule::signed_amount,
        )?;
        Ok(())
    }
}

/// Loyalty points were given or taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoyaltyAdjusted {
    /// Buyer: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub customer_id: SmolStr,
    /// Points, negative when taken.
    #[schemars(range(min = -1_000_000_000_000_i64, max = 1_000_000_000_000_i64))]
    pub points: i64,
    /// Order behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub order_id: Option<SmolStr>,
    /// Return behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: Option<SmolStr>,
}

impl Checked for LoyaltyAdjusted {
    fn check(&self) -> Result<(), Fault> {
        rule::id("customer_id", &self.customer_id)?;
        rule::signed_amount("points", self.points)?;
        rule::text_if_given("order_id", &self.order_id, rule::id)?;
        rule::text_if_given("rma_id", &self.rma_id, rule::id)?;
        Ok(())
    }
}

/// A claim against a supplier: `filed`, `settled`, `rejected`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierClaim {
    /// Claim: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub claim_id: SmolStr,
    /// Supplier.
    #[schemars(length(min = 1, max = 256))]
    pub supplier_id: SmolStr,
    /// Return behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub rma_id: Option<SmolStr>,
    /// Stock keeping unit.
    #[schemars(length(min = 1, max = 256))]
    pub sku: SmolStr,
    /// Amount in minor units.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub amount_minor: Minor,
    /// To be filed or settled by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

impl Checked for SupplierClaim {
    fn check(&self) -> Result<(), Fault> {
        rule::id("claim_id", &self.claim_id)?;
        rule::id("supplier_id", &self.supplier_id)?;
        rule::text_if_given("rma_id", &self.rma_id, rule::id)?;
        rule::id("sku", &self.sku)?;
        rule::amount("amount_minor", self.amount_minor)?;
        rule::if_given("due_at", self.due_at, rule::time)?;
        Ok(())
    }
}

/// A claim of a buyer: `submitted`, `resolved`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// Claim: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub claim_id: SmolStr,
    /// Order.
    #[schemars(length(min = 1, max = 256))]
    pub order_id: SmolStr,
    /// Line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub line_id: Option<SmolStr>,
    /// Parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub awb: Option<SmolStr>,
    /// Buyer, an opaque key.
    #[schemars(length(min = 1, max = 256))]
    pub customer_id: SmolStr,
    /// What is claimed.
    pub kind: ClaimKind,
    /// Amount in minor units.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub amount_minor: Minor,
    /// Hash of the picture sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub image_hash: Option<SmolStr>,
    /// How it ended, when resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub outcome: Option<SmolStr>,
}

impl Checked for Claim {
    fn check(&self) -> Result<(), Fault> {
        rule::id("claim_id", &self.claim_id)?;
        rule::id("order_id", &self.order_id)?;
        rule::text_if_given("line_id", &self.line_id, rule::id)?;
        rule::text_if_given("awb", &self.awb, rule::id)?;
        rule::id("customer_id", &self.customer_id)?;
        rule::amount("amount_minor", self.amount_minor)?;
        rule::text_if_given("image_hash", &self.image_hash, rule::hash)?;
        rule::text_if_given("outcome", &self.outcome, rule::text)?;
        Ok(())
    }
}
