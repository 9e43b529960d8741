//! A made history for measurements: about eight events an order, of which many orders are under way at a time. No figure of it means
//! anything; it only has the shape of real traffic.

use eddy_events::{Body, Envelope, Event, Timestamp, codec, money, order, returns, shipment};

pub const START: i64 = 1_750_000_000_000_000;
pub const HOUR: i64 = 3_600_000_000;

fn event(id: String, at: i64, body: Body) -> Event {
    let subject = body.subject().cloned().unwrap_or_default();
    let source = if subject.starts_with('A') {
        "urn:courier:swift"
    } else {
        "urn:shop"
    };
    Event {
        envelope: Envelope {
            id: id.into(),
            source: source.into(),
            subject,
            time: Timestamp {
                micros: START + at,
                offset_minutes: 330,
            },
            tenant: "default".into(),
            dataversion: 1,
            traceparent: None,
            causationid: None,
        },
        body,
    }
}

/// Hash of a number, as dice.
fn mix(n: u64) -> u64 {
    let z = (n ^ (n >> 30))
        .wrapping_mul(0xBF58_476D_1CE4_E5B9)
        .wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn story(n: u64, orders: u64) -> Vec<(i64, Body)> {
    let dice = mix(n);
    let at = n as i64 * HOUR / 400;
    let order_id: eddy_events::SmolStr = format!("OD{n:09}").into();
    let awb: eddy_events::SmolStr = format!("AW{n:010}").into();
    let line = |k: u64| {
        let sku = mix(dice ^ k) % 2_000;
        order::Line {
            line_id: format!("{}", k + 1).into(),
            sku: format!("SKU-{sku:05}").into(),
            style: Some(format!("ST-{}", sku / 5).into()),
            category: Some(["kurta", "saree", "jeans", "shirt", "shoes"][(sku % 5) as usize].into()),
            size: Some(["S", "M", "L"][(sku % 3) as usize].into()),
            qty: 1 + u32::from(mix(sku ^ n).is_multiple_of(8)),
            unit_price_minor: 49_900 + (sku as i64) * 100,
            discount_minor: None,
            supplier_id: None,
            seller_id: None,
            batch: None,
        }
    };
    let lines: Vec<order::Line> = (0..1 + dice % 2).map(line).collect();
    let pincode = format!("{}", 110_001 + mix(dice) % 700_000);
    let courier = ["delhivery", "bluedart", "shadowfax", "xpressbees"][(dice >> 8) as usize % 4];
    let placed = order::Placed {
        order_id: order_id.clone(),
        customer_id: format!("CU{:08}", mix(dice) % (orders / 3 + 1)).into(),
        lines: lines.clone(),
        payment_mode: order::PaymentMode::ALL[(dice >> 9) as usize % 2],
        channel: order::Channel::ALL[(dice >> 10) as usize % 5],
        destination_pincode: pincode.as_str().into(),
        destination_state: Some(
            ["Maharashtra", "Karnataka", "Delhi", "Tamil Nadu"][(dice >> 12) as usize % 4].into(),
        ),
        destination_country: None,
        address_hash: None,
        address_quality: Some(0.5),
        phone_hash: None,
        device_hash: None,
        instrument_hash: None,
        ip_hash: None,
        gift: None,
        shipping_fee_minor: None,
        tax_minor: None,
        promised_at: None,
        currency: None,
    };
    let manifest = shipment::Manifested {
        awb: awb.clone(),
        order_id: order_id.clone(),
        line_ids: None,
        leg: shipment::Leg::Forward,
        rma_id: None,
        courier: courier.into(),
        service: None,
        origin_pincode: "560001".into(),
        destination_pincode: pincode.as_str().into(),
        weight_g: Some(500),
        declared_value_minor: None,
        cod_amount_minor: None,
        promised_at: None,
        facility: None,
        packer: None,
        lines: None,
    };
    let scan = || shipment::Scan {
        awb: awb.clone(),
        courier: Some(courier.into()),
        hub: Some("HUB-7".into()),
        pincode: None,
        agent: None,
        attempt_no: None,
        weight_g: None,
        raw_code: Some("X-UCI".into()),
        raw_text: None,
        mapping_version: Some("m-1".into()),
    };
    let mut told = vec![
        (at, Body::OrderPlaced(Box::new(placed))),
        (at + 8 * HOUR, Body::ShipmentManifested(Box::new(manifest))),
        (at + 14 * HOUR, Body::ShipmentPickedUp(scan())),
        (at + 20 * HOUR, Body::ShipmentInTransit(scan())),
        (at + 38 * HOUR, Body::ShipmentArrivedAtHub(scan())),
        (at + 60 * HOUR, Body::ShipmentOutForDelivery(scan())),
    ];
    if (dice >> 20) % 100 < 22 {
        told.push((
            at + 66 * HOUR,
            Body::ShipmentDeliveryFailed(shipment::DeliveryFailed {
                awb: awb.clone(),
                attempt_no: Some(1),
                ndr_reason: shipment::NdrReason::CustomerUnavailable,
                agent: None,
                proof: None,
                raw_code: Some("EOD-74".into()),
                raw_text: None,
                mapping_version: None,
            }),
        ));
        told.push((at + 84 * HOUR, Body::ShipmentOutForDelivery(scan())));
    }
    let delivered = shipment::Delivered {
        awb: awb.clone(),
        proof: None,
        agent: None,
        pincode: None,
        hub: None,
        facility: None,
        weight_g: None,
        raw_code: Some("EOD-38".into()),
        raw_text: None,
        mapping_version: None,
    };
    if (dice >> 24) % 100 < 14 {
        let setback = || shipment::Setback {
            awb: awb.clone(),
            reason: None,
            pincode: None,
            hub: None,
            facility: None,
            raw_code: None,
            raw_text: None,
            mapping_version: None,
        };
        told.push((at + 96 * HOUR, Body::ShipmentRtoInitiated(setback())));
        told.push((at + 200 * HOUR, Body::ShipmentRtoDelivered(setback())));
        return told;
    }
    told.push((at + 90 * HOUR, Body::ShipmentDelivered(delivered)));
    if (dice >> 28) % 100 < 18 {
        let rma_id: eddy_events::SmolStr = format!("RM{n:09}").into();
        let first = &lines[0];
        let back = |qty| returns::ReceivedLine {
            line_id: first.line_id.clone(),
            sku: first.sku.clone(),
            qty,
            serial: None,
            batch: None,
        };
        told.push((
            at + 140 * HOUR,
            Body::ReturnRequested(Box::new(returns::Requested {
                rma_id: rma_id.clone(),
                order_id: Some(order_id.clone()),
                customer_id: None,
                lines: vec![returns::RequestedLine {
                    line_id: Some(first.line_id.clone()),
                    sku: first.sku.clone(),
                    qty: 1,
                    reason: "too_small".into(),
                    reason_group: Some("size_fit".into()),
                    serial: None,
                }],
                channel: order::Channel::App,
                method: returns::Method::Pickup,
                comment_hash: None,
                image_hash: None,
                device_hash: None,
                agent: None,
            })),
        ));
        told.push((
            at + 190 * HOUR,
            Body::ReturnReceived(returns::Received {
                rma_id: rma_id.clone(),
                facility: "hub-1".into(),
                facility_kind: None,
                lines: vec![back(1)],
                weight_g: None,
                packaging: None,
            }),
        ));
        told.push((
            at + 200 * HOUR,
            Body::ReturnInspected(returns::Inspected {
                rma_id: rma_id.clone(),
                line_id: first.line_id.clone(),
                facility: None,
                grade: returns::Grade::A,
                defects: None,
                matched: None,
                worn: None,
                tags_present: None,
                inspector: None,
                confidence: None,
            }),
        ));
        told.push((
            at + 210 * HOUR,
            Body::RefundIssued(Box::new(money::Refund {
                refund_id: format!("RF{n:09}").into(),
                rma_id: Some(rma_id),
                order_id: None,
                line_id: None,
                qty: None,
                amount_minor: first.unit_price_minor,
                currency: None,
                instrument_hash: None,
                tender: money::Tender::Original,
                due_at: None,
                agent: None,
                receipt_shown: None,
            })),
        ));
    }
    told
}

/// The canonical lines of a history, in order of time.
pub fn lines(orders: u64) -> Vec<Vec<u8>> {
    let mut told: Vec<(i64, u64, Body)> = (0..orders)
        .flat_map(|n| story(n, orders).into_iter().map(move |(at, body)| (at, n, body)))
        .collect();
    told.sort_by_key(|(at, n, _)| (*at, *n));
    told.into_iter()
        .enumerate()
        .map(|(k, (at, _, body))| codec::encode(&event(format!("{k:010x}"), at, body)))
        .collect()
}
