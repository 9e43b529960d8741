//! What a return shows: the signs of each pattern of abuse, and the innocent cases that show some of the same.
//!
//! Signs only. `reverse.rs` turns them into weights, serials, scans, grades and refunds.

use eddy_events::returns::{Grade, Match, Packaging};

use crate::chance::Rng;
use crate::goods::CATEGORIES;
use crate::orders::Sold;
use crate::pattern::Pattern;
use crate::world::World;

/// How the received serial relates to the sold one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SerialMark {
    Same,
    Other,
    /// Two digits swapped at capture.
    Typo,
}

/// What becomes of the parcel on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Normal,
    /// Scanned as delivered somewhere else; the facility never sees it.
    Elsewhere,
    /// Scanned somewhere else by mistake; it arrives all the same.
    MisScan,
    /// The customer never hands it over.
    NeverHanded,
    LostByCourier,
}

/// When the money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Authorised,
    PickedUp,
    Inspected,
}

/// Signs of one return.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    /// Weight over what it should be, at pickup and at receipt.
    pub pickup_weight: f64,
    pub received_weight: f64,
    pub matched: Match,
    pub serial: SerialMark,
    pub worn: bool,
    pub tags: bool,
    pub packaging: Packaging,
    pub grade: Option<Grade>,
    pub missing_pieces: u32,
    pub second_parcel: bool,
    pub refund_factor: f64,
    pub when: When,
    pub other_instrument: bool,
    pub way: Way,
    pub reopened: bool,
    pub exchange: bool,
    /// A refund beside the exchange: full, or the difference alone.
    pub exchange_and_refund: Option<f64>,
    pub chargeback: bool,
    pub no_receipt: bool,
    pub repeated_request: bool,
    /// Share of the goods' value lost.
    pub loss: f64,
    pub innocent: Option<&'static str>,
}

impl Marks {
    fn plain(rng: &mut Rng) -> Self {
        let instant = rng.chance(0.08);
        Self {
            pickup_weight: 1.0,
            received_weight: 1.0,
            matched: Match::Match,
            serial: SerialMark::Same,
            worn: rng.chance(0.012),
            tags: !rng.chance(0.02),
            packaging: if rng.chance(0.05) {
                Packaging::Damaged
            } else {
                Packaging::Intact
            },
            grade: None,
            missing_pieces: 0,
            second_parcel: false,
            refund_factor: 1.0,
            when: if instant { When::PickedUp } else { When::Inspected },
            other_instrument: false,
            way: Way::Normal,
            reopened: false,
            exchange: false,
            exchange_and_refund: None,
            chargeback: false,
            no_receipt: false,
            repeated_request: false,
            loss: 0.0,
            innocent: None,
        }
    }
}

/// Signs of an abusive return. Nobody shows every sign every time.
pub(crate) fn of_abuse(pattern: Pattern, rng: &mut Rng) -> Marks {
    use Pattern as P;
    let mut m = Marks::plain(rng);
    m.loss = 1.0;
    match pattern {
        P::Wardrobing => {
            m.worn = rng.chance(0.85);
            m.tags = m.worn && rng.chance(0.3);
            m.grade = Some(Grade::C);
            m.loss = 0.5;
        }
        P::EmptyBox => {
            m.pickup_weight = rng.range(0.06, 0.3);
            m.received_weight = m.pickup_weight;
            m.matched = Match::PartsMissing;
            m.grade = Some(Grade::Reject);
        }
        P::Decoy => {
            m.matched = Match::MismatchClass;
            m.serial = SerialMark::Other;
            m.grade = Some(Grade::Reject);
            m.pickup_weight = rng.range(0.5, 1.3);
            m.received_weight = m.pickup_weight;
        }
        P::Switch => {
            m.matched = if rng.chance(0.9) {
                Match::MismatchSerial
            } else {
                Match::Match
            };
            m.serial = SerialMark::Other;
            m.grade = Some(Grade::C);
            m.worn = rng.chance(0.6);
            m.loss = 0.6;
        }
        P::Bricking => {
            m.matched = Match::PartsMissing;
            m.grade = Some(Grade::D);
            m.received_weight = rng.range(0.75, 0.93);
            m.pickup_weight = m.received_weight;
            m.loss = 0.7;
        }
        P::OverstatedQuantity => {
            m.matched = Match::MismatchQuantity;
            m.missing_pieces = 1 + rng.below(2) as u32;
            m.received_weight = 0.55;
            m.pickup_weight = 0.55;
            m.loss = 0.5;
        }
        P::PriceArbitrage => {
            m.refund_factor = rng.range(1.2, 1.7);
            m.loss = m.refund_factor - 1.0;
        }
        P::LabelTampering => {
            m.way = Way::Elsewhere;
            m.when = When::PickedUp;
        }
        P::StolenTender => m.other_instrument = true,
        P::NoMatchingSale => m.no_receipt = true,
        P::EmployeeCollusion => m.no_receipt = true,
        P::ReceiptReuse => m.no_receipt = false,
        P::AccountHopping | P::ReturnRing => match rng.below(3) {
            0 => {
                m.pickup_weight = rng.range(0.08, 0.35);
                m.received_weight = m.pickup_weight;
                m.matched = Match::PartsMissing;
                m.grade = Some(Grade::Reject);
            }
            1 => {
                m.matched = Match::MismatchClass;
                m.serial = SerialMark::Other;
                m.grade = Some(Grade::Reject);
            }
            _ => m.loss = 0.4,
        },
        P::WindowGaming => {
            m.reopened = rng.chance(0.7);
            m.worn = rng.chance(0.35);
            m.loss = 0.3;
        }
        P::RefundBeforeReceipt => {
            m.when = When::Authorised;
            m.way = Way::NeverHanded;
        }
        P::DoubleDip => {
            if rng.chance(0.5) {
                m.exchange_and_refund = Some(1.0);
            } else {
                m.chargeback = true;
            }
        }
        P::ProfileMismatch => {
            m.packaging = Packaging::Missing;
            m.matched = if rng.chance(0.5) {
                Match::PartsMissing
            } else {
                Match::MismatchClass
            };
            m.grade = Some(Grade::D);
            m.received_weight = rng.range(0.55, 0.9);
            m.pickup_weight = m.received_weight;
            m.loss = 0.6;
        }
        P::SerialReturner => m.loss = 0.25,
        P::FrequentHighValueReturns => m.loss = 0.15,
        P::FalseNonReceipt | P::FalseDamageClaim | P::CodRefusalAbuse | P::FakeAttempt | P::JunkAddress => {}
    }
    m
}

/// Signs of an honest return, with the odd ones at the rates at which honest people and faulty hands make them.
pub(crate) fn of_honesty(
    world: &World,
    sold: &Sold,
    lines: &[(usize, u32, usize)],
    in_store: bool,
    mispicked: bool,
    rng: &mut Rng,
) -> Marks {
    let mut m = Marks::plain(rng);
    let category = &CATEGORIES[usize::from(world.goods.skus[sold.lines[lines[0].0].sku as usize].category)];
    let defect = lines.iter().any(|l| l.2 == 1 || l.2 == 4);
    let pieces: u32 = lines.iter().map(|l| l.1).sum();
    if defect {
        m.grade = Some([Grade::B, Grade::C, Grade::D][rng.below(3)]);
    }
    if mispicked {
        m.matched = Match::MismatchClass;
        m.serial = SerialMark::Other;
        m.innocent = Some("mis_pick");
    } else if sold.gift {
        m.other_instrument = rng.chance(0.6);
        m.innocent = Some("gift_return");
    } else if in_store && rng.chance(0.06) {
        m.packaging = Packaging::Missing;
        m.innocent = Some("repacked_at_store");
    } else if pieces > 1 && rng.chance(0.06) {
        m.missing_pieces = 1;
        m.second_parcel = true;
        m.innocent = Some("split_parcels");
    } else if category.serialised && rng.chance(0.012) {
        m.serial = SerialMark::Typo;
        m.matched = if rng.chance(0.3) {
            Match::MismatchSerial
        } else {
            Match::Match
        };
        m.innocent = Some("bad_serial_capture");
    } else if defect && rng.chance(0.01) {
        m.matched = Match::PartsMissing;
        m.innocent = Some("true_defect");
    } else {
        match rng.unit() {
            u if u < 0.0025 && !in_store => {
                // The customer handed it over whole.
                m.received_weight = rng.range(0.1, 0.5);
                m.matched = Match::PartsMissing;
                m.grade = Some(Grade::Reject);
                m.innocent = Some("courier_pilferage");
            }
            u if u < 0.0125 => {
                m.refund_factor = 1.0 + rng.range(-0.06, 0.06);
                m.innocent = Some("promotion_allocation");
            }
            u if u < 0.0165 && !in_store => {
                m.way = Way::MisScan;
                m.innocent = Some("mis_scan");
            }
            u if u < 0.0205 && !in_store => {
                m.way = Way::LostByCourier;
                m.innocent = Some("courier_loss");
            }
            u if u < 0.0235 => {
                m.repeated_request = true;
                m.innocent = Some("retry_duplicate");
            }
            u if u < 0.0285 && !in_store => {
                m.reopened = true;
                m.innocent = Some("slow_pickup");
            }
            u if u < 0.0305 => {
                m.exchange_and_refund = Some(rng.range(0.05, 0.2));
                m.innocent = Some("partial_refund");
            }
            _ => {}
        }
    }
    let fits = lines[0].2 == 0 && m.exchange_and_refund.is_none() && m.way == Way::Normal && !sold.exchange;
    m.exchange = fits && rng.chance(0.25);
    m
}
