//! The catalogue of fraud and abuse: twenty-five patterns, numbered as the domain's catalogue numbers them, and what defines each besides its code.

use bitcode::{Decode, Encode};

/// A pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Pattern {
    Wardrobing,
    EmptyBox,
    Decoy,
    Switch,
    Bricking,
    OverstatedQuantity,
    PriceArbitrage,
    LabelTampering,
    FalseNonReceipt,
    FalseDamageClaim,
    SerialReturner,
    StolenTender,
    NoMatchingSale,
    ReceiptReuse,
    EmployeeCollusion,
    AccountHopping,
    ReturnRing,
    CodRefusalAbuse,
    FakeAttempt,
    JunkAddress,
    WindowGaming,
    RefundBeforeReceipt,
    DoubleDip,
    ProfileMismatch,
    FrequentHighValueReturns,
}

/// How many there are.
pub(crate) const PATTERNS: usize = 25;

impl Pattern {
    /// Every pattern, in the catalogue's order.
    pub(crate) const ALL: [Self; PATTERNS] = [
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

    /// The name in alerts, policies and audits.
    pub(crate) const fn as_str(self) -> &'static str {
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

    /// The pattern of a name.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pattern| pattern.as_str() == word)
    }

    /// As a bit.
    pub(crate) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Whom an alert of the pattern is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Kind {
    Customer,
    Return,
    Claim,
    Order,
    Ring,
    CourierAgent,
    Employee,
}

impl Kind {
    /// The word of the table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Return => "return",
            Self::Claim => "claim",
            Self::Order => "order",
            Self::Ring => "ring",
            Self::CourierAgent => "courier_agent",
            Self::Employee => "employee",
        }
    }

    /// Whether an alert goes when its finding does. A return, a claim or an order is what its facts say; what somebody did repeatedly is not undone
    /// by doing it less, so those alerts run out of time instead.
    pub(crate) const fn retracts(self) -> bool {
        matches!(self, Self::Return | Self::Claim | Self::Order)
    }
}

/// A number of a detector that a policy may set: name, default, least and most.
pub(crate) type Parameter = (&'static str, f64, f64, f64);

/// What defines a pattern besides its code.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) pattern: Pattern,
    pub(crate) subject: Kind,
    /// How often such a finding is right, as thought before any review: confirmed and dismissed.
    pub(crate) precision: (f64, f64),
    /// The same when an innocent explanation was found.
    pub(crate) doubtful: (f64, f64),
    pub(crate) parameters: &'static [Parameter],
}
