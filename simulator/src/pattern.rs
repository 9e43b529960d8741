//! The catalogue of abuse: twenty-five patterns, numbered as the domain's catalogue numbers them.
//!
//! Names only; how each one behaves is in `abuse.rs` (who, when), `returns.rs` and `orders.rs` (what its events show).

use serde::{Serialize, Serializer};

/// A pattern of fraud or abuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// Worn for an occasion, then sent back late in the window.
    Wardrobing,
    /// The box comes back nearly empty.
    EmptyBox,
    /// Another, cheaper thing comes back.
    Decoy,
    /// An old piece of the same article comes back for the new one.
    Switch,
    /// Parts are taken out and a defect is claimed.
    Bricking,
    /// Fewer pieces come back than were claimed.
    OverstatedQuantity,
    /// The refund exceeds the paid line.
    PriceArbitrage,
    /// The label is altered: the return is scanned as delivered elsewhere.
    LabelTampering,
    /// A parcel handed over against proof is claimed as never received.
    FalseNonReceipt,
    /// Damage is claimed again and again, with the same picture.
    FalseDamageClaim,
    /// Most of what is bought is returned, fast.
    SerialReturner,
    /// The refund goes to another instrument than the payment's.
    StolenTender,
    /// A return without any sale behind it.
    NoMatchingSale,
    /// The same line is returned twice.
    ReceiptReuse,
    /// A clerk refunds friends without a receipt.
    EmployeeCollusion,
    /// A new account goes on where a burnt one ended.
    AccountHopping,
    /// Accounts at one address or device return in a burst.
    ReturnRing,
    /// Cash parcels are ordered and refused, across linked accounts.
    CodRefusalAbuse,
    /// A courier's agent reports attempts that were never made.
    FakeAttempt,
    /// Orders to addresses that cannot be found.
    JunkAddress,
    /// Requests at the deadline, closed and reopened.
    WindowGaming,
    /// Refunded at once, never handed over.
    RefundBeforeReceipt,
    /// Refund and exchange, or refund and chargeback, for one line.
    DoubleDip,
    /// Contents and condition off the order, packaging gone.
    ProfileMismatch,
    /// The dearest goods are bought and mostly returned.
    FrequentHighValueReturns,
}

impl Pattern {
    /// Every pattern, in the catalogue's order.
    pub const ALL: [Self; 25] = [
        Self::Wardrobing,
        Self::EmptyBox,
        Self::Decoy,
        Self::Switch,
        Self::Bricking,
        Self::OverstatedQuantity,
        Self::PriceArbitrage,
        Self::LabelTampering,
        Self::FalseNonReceipt,
        Self::FalseDamageClaim,
        Self::SerialReturner,
        Self::StolenTender,
        Self::NoMatchingSale,
        Self::ReceiptReuse,
        Self::EmployeeCollusion,
        Self::AccountHopping,
        Self::ReturnRing,
        Self::CodRefusalAbuse,
        Self::FakeAttempt,
        Self::JunkAddress,
        Self::WindowGaming,
        Self::RefundBeforeReceipt,
        Self::DoubleDip,
        Self::ProfileMismatch,
        Self::FrequentHighValueReturns,
    ];

    /// The name as it stands in truth rows and audits.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wardrobing => "wardrobing",
            Self::EmptyBox => "empty_box",
            Self::Decoy => "decoy",
            Self::Switch => "switch",
            Self::Bricking => "bricking",
            Self::OverstatedQuantity => "overstated_quantity",
            Self::PriceArbitrage => "price_arbitrage",
            Self::LabelTampering => "label_tampering",
            Self::FalseNonReceipt => "false_non_receipt",
            Self::FalseDamageClaim => "false_damage_claim",
            Self::SerialReturner => "serial_returner",
            Self::StolenTender => "stolen_tender",
            Self::NoMatchingSale => "no_matching_sale",
            Self::ReceiptReuse => "receipt_reuse",
            Self::EmployeeCollusion => "employee_collusion",
            Self::AccountHopping => "account_hopping",
            Self::ReturnRing => "return_ring",
            Self::CodRefusalAbuse => "cod_refusal_abuse",
            Self::FakeAttempt => "fake_attempt",
            Self::JunkAddress => "junk_address",
            Self::WindowGaming => "window_gaming",
            Self::RefundBeforeReceipt => "refund_before_receipt",
            Self::DoubleDip => "double_dip",
            Self::ProfileMismatch => "profile_mismatch",
            Self::FrequentHighValueReturns => "frequent_high_value_returns",
        }
    }

    /// The pattern of a name, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == word)
    }

    /// Number in the catalogue, from 1.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
