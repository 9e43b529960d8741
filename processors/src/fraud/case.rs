//! What is kept of a return and of a sale so that detectors can look at them: facts as events told them, each with the event's identity.
//!
//! Facts are a set: order of arrival does not matter to whoever reads them, and one that was voided is removed.

use bitcode::{Decode, Encode};

use crate::facts::NO_TIME;
use crate::interner::NO_KEY;

/// "Not told" among flags that may be told.
pub(crate) const UNTOLD: u8 = 2;

/// A flag that may be absent, as a byte.
pub(crate) fn flag(told: Option<bool>) -> u8 {
    told.map_or(UNTOLD, u8::from)
}

/// What an event told of a return.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) enum What {
    /// Asked for; what for is with the return itself.
    Requested {
        image: u64,
        agent: u64,
    },
    /// The parcel back was manifested: symbol of the postal code it goes to, declared weight, symbol of the courier.
    Sent {
        pincode: u32,
        weight_g: u32,
        courier: u32,
    },
    /// The courier took it, and weighed it if `weight_g` is not 0.
    Handed {
        weight_g: u32,
    },
    /// A pickup was tried in vain.
    NotHanded,
    /// The courier says it was delivered: symbol of the postal code, or none.
    Arrived {
        pincode: u32,
        weight_g: u32,
    },
    /// The courier lost or damaged it.
    Lost,
    Received(Box<Receipt>),
    Inspected(Inspection),
    Refunded(Box<Payback>),
    Exchanged {
        line: u32,
    },
    /// Cancelled or refused.
    Ended,
    Closed,
    Reopened,
}

/// Goods that came in.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Receipt {
    pub(crate) facility: u32,
    pub(crate) lines: Vec<Got>,
    pub(crate) weight_g: u32,
    /// Index in `Packaging::ALL`, or 255.
    pub(crate) packaging: u8,
}

/// One line of a receipt.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Got {
    pub(crate) line: u32,
    pub(crate) sku: u32,
    pub(crate) qty: u32,
    /// Empty when not told.
    pub(crate) serial: String,
}

/// What an inspection found.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Inspection {
    pub(crate) line: u32,
    /// Index in `Grade::ALL`.
    pub(crate) grade: u8,
    /// Index in `Match::ALL`, or 255.
    pub(crate) matched: u8,
    pub(crate) worn: u8,
    pub(crate) tags: u8,
    /// Defects were found.
    pub(crate) defects: bool,
}

/// Money that goes back.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Payback {
    pub(crate) refund: u32,
    pub(crate) line: u32,
    pub(crate) amount_minor: i64,
    pub(crate) instrument: u64,
    /// Index in `Tender::ALL`.
    pub(crate) tender: u8,
    pub(crate) receipt: u8,
    pub(crate) agent: u64,
}

/// One fact of a return and the event that told it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Fact {
    pub(crate) at: i64,
    pub(crate) tie: u32,
    /// Symbol.
    pub(crate) source: u32,
    pub(crate) id: Box<str>,
    pub(crate) what: What,
}

/// A finding as it stands in the score of a return.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Held {
    pub(crate) pattern: u8,
    pub(crate) doubtful: bool,
    pub(crate) strength: f32,
    /// That it is right, as thought when it was scored.
    pub(crate) probability: f32,
    pub(crate) loss_minor: i64,
}

/// What an auditor found, and what was known when it taught.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Audit {
    pub(crate) tie: u32,
    pub(crate) fraudulent: bool,
    pub(crate) found: Vec<Held>,
    pub(crate) rarity: f32,
    pub(crate) known: Option<u8>,
    pub(crate) customer: u32,
}

/// A return as the detectors see it.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct ReturnCase {
    pub(crate) facts: Vec<Fact>,
    pub(crate) found: Vec<Held>,
    /// Patterns of which an alert about this return stands, as bits.
    pub(crate) raised: u32,
    /// When it is to be looked at again.
    pub(crate) wake_at: i64,
    /// Whose list it is on.
    pub(crate) customer: u32,
    /// The return of that customer before.
    pub(crate) previous: u32,
    pub(crate) score: f64,
    pub(crate) loss_minor: i64,
    /// Symbol.
    pub(crate) currency: u32,
    pub(crate) scored_at: i64,
    pub(crate) sequence: u64,
    /// Share of returns that were as odd, 1 when nothing can be said.
    pub(crate) rarity: f32,
    /// Confirmations that this return itself brought its customer. They say nothing more about it.
    pub(crate) confirmed: u8,
    /// What an auditor found, drawn by chance.
    pub(crate) audit: Option<Box<Audit>>,
    /// The outlier model has learned from it.
    pub(crate) learned: bool,
    pub(crate) dirty: bool,
}

impl Default for ReturnCase {
    fn default() -> Self {
        Self {
            facts: Vec::new(),
            found: Vec::new(),
            raised: 0,
            wake_at: NO_TIME,
            customer: NO_KEY,
            previous: NO_KEY,
            score: 0.0,
            loss_minor: 0,
            currency: 0,
            scored_at: NO_TIME,
            sequence: 0,
            rarity: 1.0,
            confirmed: 0,
            audit: None,
            learned: false,
            dirty: false,
        }
    }
}

/// Facts kept of one return. A runaway sender must not fill the memory.
const FACTS: usize = 64;

impl ReturnCase {
    /// Takes a fact in.
    pub(crate) fn tell(&mut self, fact: Fact) {
        if self.facts.len() < FACTS {
            self.facts.push(fact);
        }
    }

    /// Forgets what a voided event told. Whether it had told anything.
    pub(crate) fn void(&mut self, tie: u32) -> bool {
        let before = self.facts.len();
        self.facts.retain(|fact| fact.tie != tie);
        self.facts.len() < before
    }
}

/// A sale as the detectors see it.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Sale {
    /// Hash of what it was paid with, 0 when not told.
    pub(crate) instrument: u64,
    pub(crate) delivered_at: i64,
    /// What the parcels weighed when sent, 0 when not told.
    pub(crate) outbound_g: u32,
    /// Proof of delivery: code, position, signature as bits.
    pub(crate) proof: u8,
    pub(crate) gift: bool,
    /// A delivery has been counted for its customer.
    pub(crate) counted: bool,
    /// The parcel that was delivered.
    pub(crate) awb: u32,
    /// Hash of courier and agent that delivered it.
    pub(crate) agent: u64,
    /// Hash of facility and packer that packed it.
    pub(crate) packer: u64,
    more: Option<Box<More>>,
}

/// What few sales have.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct More {
    /// Serial numbers sent, by line.
    pub(crate) serials: Vec<(u32, Box<str>)>,
    /// Claims about it.
    pub(crate) claims: Vec<u32>,
    /// The latest attempt was a refusal that the courier can prove: the parcel, and hash of courier and agent, 0 when not told.
    pub(crate) refusal: Option<(u32, u64)>,
}

impl Sale {
    pub(crate) fn serials(&self) -> &[(u32, Box<str>)] {
        self.more.as_ref().map_or(&[], |more| &more.serials)
    }

    pub(crate) fn claims(&self) -> &[u32] {
        self.more.as_ref().map_or(&[], |more| &more.claims)
    }

    pub(crate) fn refusal(&self) -> Option<(u32, u64)> {
        self.more.as_ref()?.refusal
    }

    /// To be changed, and there from now on.
    pub(crate) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }
}

/// Bits of [`Sale::proof`].
pub(crate) const BY_CODE: u8 = 1;
pub(crate) const BY_POSITION: u8 = 2;
pub(crate) const BY_SIGNATURE: u8 = 4;

impl Default for Sale {
    fn default() -> Self {
        Self {
            instrument: 0,
            delivered_at: NO_TIME,
            outbound_g: 0,
            proof: 0,
            gift: false,
            counted: false,
            awb: NO_KEY,
            agent: 0,
            packer: 0,
            more: None,
        }
    }
}

/// What the catalogue says of an article that only fraud asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Article {
    /// 0 when not told.
    pub(crate) weight_g: u32,
    /// Days in which it may come back, 0 when not told.
    pub(crate) returnable_days: u16,
    pub(crate) fragile: bool,
}

/// A claim.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Claim {
    pub(crate) id: String,
    pub(crate) order: u32,
    pub(crate) line: u32,
    pub(crate) customer: u32,
    /// Index in `ClaimKind::ALL`.
    pub(crate) kind: u8,
    pub(crate) amount_minor: i64,
    pub(crate) image: u64,
    /// The image was used before: by which claim, by number.
    pub(crate) same_image: Option<u32>,
    pub(crate) submitted_at: i64,
    /// Events that told of it, and whether each said that it was refused.
    pub(crate) told: Vec<(u32, bool)>,
    /// Symbol of the source and id of the event that submitted it.
    pub(crate) event: (u32, String),
    pub(crate) raised: u32,
}

impl Claim {
    /// Refused by whoever resolved it.
    pub(crate) fn rejected(&self) -> bool {
        self.told.iter().any(|(_, rejected)| *rejected)
    }

    /// Whether it was made, and not taken back.
    pub(crate) fn stands(&self) -> bool {
        !self.told.is_empty()
    }
}

impl ReturnCase {
    /// Whether money went back for it.
    pub(crate) fn was_refunded(&self) -> bool {
        self.facts
            .iter()
            .any(|fact| matches!(fact.what, What::Refunded(_)))
    }
}
