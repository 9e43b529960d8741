//! Histories of orders, parcels and returns: plausible ones with gaps, corrections, ties in time, repeats and voidings.

use eddy_events::{
    Body, Envelope, Event, SmolStr, Timestamp, context, feedback, money, order, returns, shipment,
};

/// A small generator of numbers, so that a history is a function of its seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.roll(at as u64 + 1) as usize);
        }
    }
}

/// Midnight UTC of 1 November 2026, in hours.
pub const START: i64 = 1_793_491_200_000_000;
pub const HOUR: i64 = 3_600_000_000;

/// An event of a test: `hour` after the start.
pub fn event(id: &str, hour: i64, body: Body) -> Event {
    let subject = body.subject().cloned().unwrap_or_else(|| SmolStr::new("subject"));
    Event {
        envelope: Envelope {
            id: id.into(),
            source: "urn:test".into(),
            subject,
            time: Timestamp::utc(START + hour * HOUR),
            tenant: "default".into(),
            dataversion: 1,
            traceparent: None,
            causationid: None,
        },
        body,
    }
}

pub fn line(line_id: &str, sku: &str, qty: u32, price: i64) -> order::Line {
    order::Line {
        line_id: line_id.into(),
        sku: sku.into(),
        style: None,
        category: None,
        size: None,
        qty,
        unit_price_minor: price,
        discount_minor: None,
        supplier_id: None,
        seller_id: None,
        batch: None,
    }
}

pub fn placed(order: &str, customer: &str, lines: Vec<order::Line>) -> order::Placed {
    order::Placed {
        order_id: order.into(),
        customer_id: customer.into(),
        lines,
        payment_mode: order::PaymentMode::Cod,
        channel: order::Channel::Web,
        destination_pincode: "411001".into(),
        destination_state: None,
        destination_country: None,
        address_hash: None,
        address_quality: None,
        phone_hash: None,
        device_hash: None,
        instrument_hash: None,
        ip_hash: None,
        gift: None,
        shipping_fee_minor: None,
        tax_minor: None,
        promised_at: None,
        currency: None,
    }
}

pub fn manifested(awb: &str, order: &str) -> shipment::Manifested {
    shipment::Manifested {
        awb: awb.into(),
        order_id: order.into(),
        line_ids: None,
        leg: shipment::Leg::Forward,
        rma_id: None,
        courier: "swift".into(),
        service: None,
        origin_pincode: "110001".into(),
        destination_pincode: "411001".into(),
        weight_g: None,
        declared_value_minor: None,
        cod_amount_minor: None,
        promised_at: None,
        facility: Some(format!("dc-{}", awb.len()).into()),
        packer: Some(format!("pk-{awb}").into()),
        lines: None,
    }
}

pub fn scan(awb: &str) -> shipment::Scan {
    shipment::Scan {
        awb: awb.into(),
        courier: None,
        hub: None,
        pincode: None,
        agent: None,
        attempt_no: None,
        weight_g: None,
        raw_code: None,
        raw_text: None,
        mapping_version: None,
    }
}

pub fn delivered(awb: &str) -> shipment::Delivered {
    shipment::Delivered {
        awb: awb.into(),
        proof: None,
        agent: None,
        pincode: None,
        hub: None,
        facility: None,
        weight_g: None,
        raw_code: None,
        raw_text: None,
        mapping_version: None,
    }
}

/// A parcel arrives at an hour.
pub fn arrived_by(id: &str, awb: &str, hour: i64) -> Event {
    event(id, hour, Body::ShipmentDelivered(delivered(awb)))
}

pub fn setback(awb: &str) -> shipment::Setback {
    shipment::Setback {
        awb: awb.into(),
        reason: None,
        pincode: None,
        hub: None,
        facility: None,
        raw_code: None,
        raw_text: None,
        mapping_version: None,
    }
}

pub fn failed(awb: &str, reason: shipment::NdrReason) -> shipment::DeliveryFailed {
    shipment::DeliveryFailed {
        awb: awb.into(),
        attempt_no: None,
        ndr_reason: reason,
        agent: None,
        proof: None,
        raw_code: None,
        raw_text: None,
        mapping_version: None,
    }
}

pub fn asked(line_id: Option<&str>, sku: &str, qty: u32) -> returns::RequestedLine {
    returns::RequestedLine {
        line_id: line_id.map(SmolStr::new),
        sku: sku.into(),
        qty,
        reason: "size_fit".into(),
        reason_group: None,
        serial: None,
    }
}

pub fn requested(rma: &str, order: Option<&str>, lines: Vec<returns::RequestedLine>) -> returns::Requested {
    returns::Requested {
        rma_id: rma.into(),
        order_id: order.map(SmolStr::new),
        customer_id: None,
        lines,
        channel: order::Channel::App,
        method: returns::Method::Pickup,
        comment_hash: None,
        image_hash: None,
        device_hash: None,
        agent: None,
    }
}

pub fn received(rma: &str, facility: &str, lines: &[(&str, &str, u32)]) -> returns::Received {
    returns::Received {
        rma_id: rma.into(),
        facility: facility.into(),
        facility_kind: None,
        lines: lines
            .iter()
            .map(|(line_id, sku, qty)| returns::ReceivedLine {
                line_id: (*line_id).into(),
                sku: (*sku).into(),
                qty: *qty,
                serial: None,
                batch: None,
            })
            .collect(),
        weight_g: None,
        packaging: None,
    }
}

pub fn inspected(
    rma: &str,
    line_id: &str,
    facility: Option<&str>,
    grade: returns::Grade,
) -> returns::Inspected {
    returns::Inspected {
        rma_id: rma.into(),
        line_id: line_id.into(),
        facility: facility.map(SmolStr::new),
        grade,
        defects: None,
        matched: None,
        worn: None,
        tags_present: None,
        inspector: None,
        confidence: None,
    }
}

pub fn processed(rma: &str, line_id: &str, sku: &str, qty: u32) -> returns::Processed {
    returns::Processed {
        rma_id: rma.into(),
        line_id: line_id.into(),
        facility: "hub-1".into(),
        sku: sku.into(),
        qty,
        recovered_minor: None,
    }
}

pub fn refund(refund_id: &str, rma: Option<&str>, line_id: Option<&str>, amount: i64) -> money::Refund {
    money::Refund {
        refund_id: refund_id.into(),
        rma_id: rma.map(SmolStr::new),
        order_id: None,
        line_id: line_id.map(SmolStr::new),
        qty: None,
        amount_minor: amount,
        currency: None,
        instrument_hash: None,
        tender: money::Tender::Original,
        due_at: None,
        agent: None,
        receipt_shown: None,
    }
}

pub fn catalogue(sku: &str, category: &str, price: i64) -> context::CatalogueItemUpdated {
    context::CatalogueItemUpdated {
        sku: sku.into(),
        style: None,
        category: category.into(),
        size: None,
        price_minor: price,
        cost_minor: None,
        weight_g: None,
        fragile: None,
        serialised: None,
        returnable_days: None,
        supplier_id: None,
    }
}

pub fn pincode(pincode: &str, state: &str) -> context::PincodePublished {
    context::PincodePublished {
        pincode: pincode.into(),
        district: "d".into(),
        state: state.into(),
        tier: None,
        lat: None,
        lon: None,
    }
}

pub fn voided(id: &str) -> feedback::EventVoided {
    feedback::EventVoided {
        source: "urn:test".into(),
        id: id.into(),
        reason: "mapping".into(),
    }
}

/// Collects events with ids that count up.
struct Scribe {
    dice: Dice,
    events: Vec<Event>,
}

impl Scribe {
    fn tell(&mut self, hour: i64, body: Body) {
        let id = format!("e{}", self.events.len());
        self.events.push(event(&id, hour, body));
    }

    /// An hour from a few, so that many events share one.
    fn hour(&mut self, from: u64) -> i64 {
        (from + self.dice.roll(40) * 6) as i64
    }
}

const SKUS: [&str; 5] = ["s0", "s1", "s2", "s3", "s4"];
const PINCODES: [&str; 4] = ["411001", "411002", "560001", "700001"];
const COURIERS: [&str; 3] = ["swift", "steady", "slow"];
const FACILITIES: [&str; 2] = ["hub-1", "hub-2"];

/// A history of some orders. In no order in particular: what a log might hold, as a set.
pub fn history(seed: u64, orders: usize) -> Vec<Event> {
    let mut s = Scribe {
        dice: Dice::new(seed),
        events: Vec::new(),
    };
    for number in 0..orders {
        order_story(&mut s, number, orders);
    }
    for _ in 0..s.dice.roll(4) {
        let (sku, hour) = (*s.dice.pick(&SKUS), s.hour(0));
        let mut item = catalogue(
            sku,
            ["kurta", "jeans"][s.dice.roll(2) as usize],
            100 + s.dice.roll(5) as i64,
        );
        item.weight_g = Some(700);
        item.returnable_days = Some(3);
        item.cost_minor = s.dice.chance(50).then(|| 50 + s.dice.roll(40) as i64);
        item.serialised = s.dice.chance(50).then(|| s.dice.chance(50));
        s.tell(hour, Body::ContextCatalogueItemUpdated(item));
        let (code, hour) = (*s.dice.pick(&PINCODES), s.hour(0));
        let place = pincode(code, ["Maharashtra", "Karnataka"][s.dice.roll(2) as usize]);
        s.tell(hour, Body::ContextPincodePublished(place));
    }
    if s.dice.chance(40) {
        let hour = s.hour(0);
        let place = context::FacilityUpdated {
            facility: "hub-1".into(),
            kind: returns::FacilityKind::DarkStore,
            pincode: "411001".into(),
            inspect_per_day: Some(50),
            restock_per_day: None,
        };
        s.tell(hour, Body::ContextFacilityUpdated(place));
    }
    let told = s.events.len() as u64;
    for _ in 0..s.dice.roll(1 + told / 12) {
        let id = format!("e{}", s.dice.roll(told + 2));
        let hour = s.hour(0);
        s.tell(hour, Body::EventVoided(voided(&id)));
    }
    s.events
}

fn order_story(s: &mut Scribe, number: usize, orders: usize) {
    let order_id = format!("o{number}");
    let lines = 1 + s.dice.roll(3);
    for _ in 0..if s.dice.chance(12) {
        2
    } else {
        u64::from(s.dice.chance(95))
    } {
        let mut all = Vec::new();
        for at in 0..lines {
            let sku = *s.dice.pick(&SKUS);
            let mut one = line(
                &format!("l{at}"),
                sku,
                1 + s.dice.roll(3) as u32,
                1000 * (1 + s.dice.roll(4) as i64),
            );
            one.category = s.dice.chance(50).then(|| "saree".into());
            one.discount_minor = s.dice.chance(30).then_some(101);
            one.supplier_id = s.dice.chance(50).then(|| "v1".into());
            all.push(one);
        }
        let customer = format!("c{}", s.dice.roll(3));
        let mut order = placed(&order_id, &customer, all);
        order.destination_pincode = (*s.dice.pick(&PINCODES)).into();
        order.destination_state = s.dice.chance(40).then(|| "Goa".into());
        order.payment_mode = *s.dice.pick(order::PaymentMode::ALL);
        order.channel = *s.dice.pick(order::Channel::ALL);
        order.currency = s.dice.chance(10).then(|| "USD".into());
        order.phone_hash = s.dice.chance(60).then(|| format!("ph-{}", s.dice.roll(3)).into());
        order.device_hash = s.dice.chance(60).then(|| format!("dh-{}", s.dice.roll(3)).into());
        order.instrument_hash = s.dice.chance(60).then(|| format!("ih-{}", s.dice.roll(4)).into());
        order.address_quality = s.dice.chance(60).then(|| s.dice.roll(10) as f64 / 10.0);
        let hour = s.hour(0);
        s.tell(hour, Body::OrderPlaced(Box::new(order)));
    }
    if s.dice.chance(15) {
        let line_ids = s
            .dice
            .chance(60)
            .then(|| vec![SmolStr::new(format!("l{}", s.dice.roll(lines)))]);
        let hour = s.hour(20);
        let by = order::CancelledBy::Customer;
        let order_id = SmolStr::new(&order_id);
        s.tell(
            hour,
            Body::OrderCancelled(order::Cancelled {
                order_id,
                line_ids,
                by,
                reason: None,
            }),
        );
    }
    if s.dice.chance(20) {
        let hour = s.hour(5);
        let to = *s.dice.pick(order::PaymentMode::ALL);
        s.tell(
            hour,
            Body::OrderPaymentConverted(order::PaymentConverted {
                order_id: (&order_id).into(),
                to,
            }),
        );
    }
    for parcel in 0..s.dice.roll(4) {
        parcel_story(s, &order_id, &format!("a{number}-{parcel}"), lines, orders);
    }
    for back in 0..s.dice.roll(3) {
        return_story(s, &order_id, &format!("r{number}-{back}"), lines);
    }
    if s.dice.chance(40) {
        claim_story(s, &order_id, number);
    }
}

/// A claim, and verdicts on alerts that may have been raised: their ids follow from pattern and subject.
fn claim_story(s: &mut Scribe, order_id: &str, number: usize) {
    let claim = money::Claim {
        claim_id: format!("cl{number}").into(),
        order_id: order_id.into(),
        line_id: None,
        awb: None,
        customer_id: format!("c{}", s.dice.roll(3)).into(),
        kind: *s.dice.pick(money::ClaimKind::ALL),
        amount_minor: 900,
        image_hash: s.dice.chance(60).then(|| "image".into()),
        outcome: None,
    };
    let hour = s.hour(60);
    s.tell(hour, Body::ClaimSubmitted(claim.clone()));
    if s.dice.chance(50) {
        let outcome = Some(["refunded", "rejected"][s.dice.roll(2) as usize].into());
        let hour = s.hour(80);
        s.tell(hour, Body::ClaimResolved(money::Claim { outcome, ..claim }));
    }
    if s.dice.chance(60) {
        let audit = feedback::AuditSampleReviewed {
            rma_id: format!("r{number}-0").into(),
            actor: "auditor".into(),
            fraudulent: s.dice.chance(50),
            pattern: None,
        };
        let hour = s.hour(150);
        s.tell(hour, Body::AuditSampleReviewed(audit));
    }
}

fn parcel_story(s: &mut Scribe, order_id: &str, awb: &str, lines: u64, orders: usize) {
    for correction in 0..if s.dice.chance(10) {
        2
    } else {
        u64::from(s.dice.chance(92))
    } {
        let mut parcel = manifested(awb, order_id);
        if correction > 0 && s.dice.chance(50) {
            parcel.order_id = format!("o{}", s.dice.roll(orders as u64)).into();
        }
        parcel.leg = if s.dice.chance(80) {
            shipment::Leg::Forward
        } else {
            *s.dice.pick(shipment::Leg::ALL)
        };
        parcel.courier = (*s.dice.pick(&COURIERS)).into();
        parcel.destination_pincode = (*s.dice.pick(&PINCODES)).into();
        parcel.cod_amount_minor = s.dice.chance(30).then_some(500);
        parcel.weight_g = s.dice.chance(50).then(|| 100 + s.dice.roll(900) as u32);
        parcel.rma_id = (parcel.leg == shipment::Leg::Reverse)
            .then(|| format!("r{}-0", s.dice.roll(orders as u64)).into());
        match s.dice.roll(4) {
            0 => parcel.line_ids = Some(vec![format!("l{}", s.dice.roll(lines)).into()]),
            1 => {
                let piece = |s: &mut Scribe| shipment::Line {
                    line_id: format!("l{}", s.dice.roll(lines)).into(),
                    sku: "s0".into(),
                    qty: 1 + s.dice.roll(2) as u32,
                    serial: None,
                    batch: None,
                };
                parcel.lines = Some(vec![piece(s), piece(s)]);
            }
            _ => {}
        }
        let hour = s.hour(10);
        s.tell(hour, Body::ShipmentManifested(Box::new(parcel)));
    }
    for _ in 0..s.dice.roll(9) {
        let hour = s.hour(20);
        let mut seen = scan(awb);
        seen.attempt_no = s.dice.chance(20).then(|| 1 + s.dice.roll(3) as u16);
        seen.weight_g = s.dice.chance(50).then(|| 100 + s.dice.roll(900) as u32);
        let body = match s.dice.roll(16) {
            0 => Body::ShipmentPickedUp(seen),
            1 => Body::ShipmentPickupFailed(seen),
            2 => Body::ShipmentArrivedAtHub(seen),
            3 => Body::ShipmentInTransit(seen),
            4 | 5 => Body::ShipmentOutForDelivery(seen),
            6 | 7 => Body::ShipmentDeliveryFailed(failed(awb, *s.dice.pick(shipment::NdrReason::ALL))),
            8..11 => Body::ShipmentDelivered(delivered(awb)),
            11 => Body::ShipmentRtoInitiated(setback(awb)),
            12 => Body::ShipmentRtoDelivered(setback(awb)),
            13 => Body::ShipmentLost(setback(awb)),
            14 => Body::ShipmentCancelled(setback(awb)),
            _ => Body::ShipmentCourierAssigned(shipment::CourierAssigned {
                awb: awb.into(),
                courier: (*s.dice.pick(&COURIERS)).into(),
                previous_courier: None,
                decision_id: None,
            }),
        };
        s.tell(hour, body);
    }
}

fn return_story(s: &mut Scribe, order_id: &str, rma: &str, lines: u64) {
    for _ in 0..if s.dice.chance(10) {
        2
    } else {
        u64::from(s.dice.chance(92))
    } {
        let mut all = Vec::new();
        for at in 0..1 + s.dice.roll(2) {
            let id = s
                .dice
                .chance(75)
                .then(|| format!("l{}", (at + s.dice.roll(lines)) % 3));
            let sku = SKUS[s.dice.roll(5) as usize];
            all.push(asked(id.as_deref(), sku, 1 + s.dice.roll(3) as u32));
        }
        let mut request = requested(rma, s.dice.chance(90).then_some(order_id), all);
        request.customer_id = s.dice.chance(30).then(|| format!("c{}", s.dice.roll(4)).into());
        let hour = s.hour(80);
        s.tell(hour, Body::ReturnRequested(Box::new(request)));
    }
    for _ in 0..s.dice.roll(8) {
        let hour = s.hour(90);
        let line_id = format!("l{}", s.dice.roll(lines));
        let changed = || returns::StatusChanged {
            rma_id: rma.into(),
            reason: None,
        };
        let pickup = || returns::Pickup {
            rma_id: rma.into(),
            awb: None,
            courier: None,
            scheduled_for: None,
            reason: None,
        };
        let body = match s.dice.roll(15) {
            0 => Body::ReturnAuthorised(returns::Authorised {
                rma_id: rma.into(),
                policy_version: None,
                by: None,
            }),
            1 => Body::ReturnRejected(returns::Rejected {
                rma_id: rma.into(),
                reason: "late".into(),
                policy_version: None,
            }),
            2 => Body::ReturnCancelled(changed()),
            3 => Body::ReturnReopened(changed()),
            4 => match s.dice.roll(3) {
                0 => Body::ReturnPickupScheduled(pickup()),
                1 => Body::ReturnPickupFailed(pickup()),
                _ => Body::ReturnClosed(changed()),
            },
            5 => Body::ReturnPickedUp(pickup()),
            6..9 => {
                let (facility, sku, qty) = (
                    *s.dice.pick(&FACILITIES),
                    *s.dice.pick(&SKUS),
                    1 + s.dice.roll(3) as u32,
                );
                let mut receipt = received(rma, facility, &[(&line_id, sku, qty)]);
                receipt.weight_g = s.dice.chance(60).then(|| 50 + s.dice.roll(900) as u32);
                receipt.lines[0].serial = s.dice.chance(20).then(|| "SN1".into());
                receipt.packaging = s.dice.chance(30).then_some(returns::Packaging::Missing);
                Body::ReturnReceived(receipt)
            }
            9 | 10 => {
                let facility = s.dice.chance(50).then(|| *s.dice.pick(&FACILITIES));
                let grade = *s.dice.pick(returns::Grade::ALL);
                let mut seen = inspected(rma, &line_id, facility, grade);
                seen.matched = s.dice.chance(60).then(|| *s.dice.pick(returns::Match::ALL));
                seen.worn = s.dice.chance(40).then(|| s.dice.chance(50));
                Body::ReturnInspected(seen)
            }
            11 => Body::ReturnReinspected(inspected(rma, &line_id, None, returns::Grade::B)),
            12 | 13 => Body::ReturnDispositioned(returns::Dispositioned {
                rma_id: rma.into(),
                line_id: (&line_id).into(),
                disposition: *s.dice.pick(returns::Disposition::ALL),
                expected_recovery_minor: None,
            }),
            _ => {
                let (sku, qty) = (*s.dice.pick(&SKUS), 1);
                let mut end = processed(rma, &line_id, sku, qty);
                end.recovered_minor = s.dice.chance(60).then(|| 500 - s.dice.roll(700) as i64);
                match s.dice.roll(6) {
                    0 => Body::ReturnRefurbished(end),
                    1 => Body::ReturnLiquidated(end),
                    2 => Body::ReturnScrapped(end),
                    _ => Body::ReturnRestocked(end),
                }
            }
        };
        s.tell(hour, body);
    }
    if s.dice.chance(20) {
        let exchange = money::ExchangeCreated {
            exchange_id: format!("x-{rma}").into(),
            rma_id: rma.into(),
            line_id: format!("l{}", s.dice.roll(lines)).into(),
            new_order_id: format!("{order_id}-x").into(),
            price_difference_minor: s.dice.chance(50).then(|| s.dice.roll(200) as i64 - 100),
        };
        for _ in 0..1 + s.dice.roll(2) {
            let hour = s.hour(110);
            s.tell(hour, Body::ExchangeCreated(exchange.clone()));
        }
    }
    for _ in 0..s.dice.roll(3) {
        let adjusted = money::LoyaltyAdjusted {
            customer_id: format!("c{}", s.dice.roll(2)).into(),
            points: 40 - s.dice.roll(80) as i64,
            order_id: s.dice.chance(70).then(|| order_id.into()),
            rma_id: s.dice.chance(50).then(|| rma.into()),
        };
        let hour = s.hour(110);
        s.tell(hour, Body::LoyaltyAdjusted(adjusted));
    }
    if s.dice.chance(25) {
        for _ in 0..1 + s.dice.roll(3) {
            let claim = money::SupplierClaim {
                claim_id: format!("sc-{rma}").into(),
                supplier_id: format!("v{}", s.dice.roll(2)).into(),
                rma_id: s.dice.chance(80).then(|| rma.into()),
                sku: (*s.dice.pick(&SKUS)).into(),
                amount_minor: 100 + s.dice.roll(300) as i64,
                due_at: s
                    .dice
                    .chance(40)
                    .then(|| Timestamp::utc(START + s.dice.roll(200) as i64 * HOUR)),
            };
            let hour = s.hour(120);
            let body = match s.dice.roll(4) {
                0 => Body::SupplierClaimSettled(claim),
                1 => Body::SupplierClaimRejected(claim),
                _ => Body::SupplierClaimFiled(claim),
            };
            s.tell(hour, body);
        }
    }
    for number in 0..s.dice.roll(2) {
        for _ in 0..1 + s.dice.roll(2) {
            let line_id = s.dice.chance(50).then(|| format!("l{}", s.dice.roll(lines)));
            let mut paid = refund(
                &format!("f-{rma}-{number}"),
                Some(rma),
                line_id.as_deref(),
                100 + s.dice.roll(9) as i64,
            );
            paid.due_at = s
                .dice
                .chance(30)
                .then(|| Timestamp::utc(START + s.dice.roll(90) as i64 * HOUR));
            paid.agent = s.dice.chance(50).then(|| "clerk".into());
            paid.receipt_shown = s.dice.chance(50).then_some(false);
            paid.instrument_hash = s.dice.chance(50).then(|| format!("ih-{}", s.dice.roll(6)).into());
            let hour = s.hour(100);
            let paid = Box::new(paid);
            let body = match s.dice.roll(3) {
                0 => Body::RefundInitiated(paid),
                1 => Body::RefundIssued(paid),
                _ => Body::RefundFailed(paid),
            };
            s.tell(hour, body);
        }
    }
}
