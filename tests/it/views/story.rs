//! The story that the queries are asked about: three orders, four returns, and what went wrong with them. Hours count from the first of November 2026, UTC.

use eddy_events::returns::{Disposition, FacilityKind, Grade, Method};
use eddy_events::{Body, Event, Timestamp, context, feedback, money, order, returns};

use super::history::*;

fn hub(facility: &str, pincode: &str, per_day: u32) -> Event {
    let body = context::FacilityUpdated {
        facility: facility.into(),
        kind: FacilityKind::Warehouse,
        pincode: pincode.into(),
        inspect_per_day: Some(per_day),
        restock_per_day: Some(per_day),
    };
    event(&format!("hub-{facility}"), 0, Body::ContextFacilityUpdated(body))
}

fn ordered(id: &str, channel: order::Channel, lines: &[(&str, &str, u32, i64)]) -> Vec<Event> {
    let lines = lines.iter().map(|(line_id, sku, qty, price)| {
        let mut one = line(line_id, sku, *qty, *price);
        one.category = Some(if *sku == "phone" { "electronics" } else { "kurta" }.into());
        one.supplier_id = Some("v1".into());
        one
    });
    let mut placed = placed(id, "c1", lines.collect());
    placed.channel = channel;
    placed.payment_mode = if id == "o1" {
        order::PaymentMode::Cod
    } else {
        order::PaymentMode::Prepaid
    };
    let awb = format!("a-{id}");
    vec![
        event(&format!("p-{id}"), 0, Body::OrderPlaced(Box::new(placed))),
        event(
            &format!("m-{id}"),
            4,
            Body::ShipmentManifested(Box::new(manifested(&awb, id))),
        ),
        event(&format!("u-{id}"), 6, Body::ShipmentPickedUp(scan(&awb))),
        event(&format!("d-{id}"), 50, Body::ShipmentDelivered(delivered(&awb))),
    ]
}

fn asked_back(rma: &str, order: &str, hour: i64, method: Method, lines: &[(&str, &str, u32)]) -> Vec<Event> {
    let lines = lines.iter().map(|(line, sku, qty)| asked(Some(line), sku, *qty));
    let mut request = requested(rma, Some(order), lines.collect());
    request.method = method;
    if method == Method::InStore {
        request.channel = order::Channel::Store;
    }
    let authorised = returns::Authorised {
        rma_id: rma.into(),
        policy_version: None,
        by: None,
    };
    vec![
        event(
            &format!("q-{rma}"),
            hour,
            Body::ReturnRequested(Box::new(request)),
        ),
        event(&format!("ok-{rma}"), hour + 1, Body::ReturnAuthorised(authorised)),
    ]
}

fn pickup(rma: &str) -> returns::Pickup {
    returns::Pickup {
        rma_id: rma.into(),
        awb: None,
        courier: None,
        scheduled_for: None,
        reason: None,
    }
}

fn paid(id: &str, rma: &str, line: &str, amount: i64, hour: i64) -> Vec<Event> {
    let mut refund = refund(id, Some(rma), Some(line), amount);
    refund.due_at = Some(Timestamp::utc(START + (hour + 100) * HOUR));
    vec![
        event(
            &format!("ri-{id}"),
            hour,
            Body::RefundInitiated(Box::new(refund.clone())),
        ),
        event(
            &format!("rp-{id}"),
            hour + 20,
            Body::RefundIssued(Box::new(refund)),
        ),
    ]
}

fn decided(rma: &str, line: &str, hour: i64, disposition: Disposition) -> Event {
    let body = returns::Dispositioned {
        rma_id: rma.into(),
        line_id: line.into(),
        disposition,
        expected_recovery_minor: None,
    };
    event(&format!("dp-{rma}-{line}"), hour, Body::ReturnDispositioned(body))
}

fn points(id: &str, hour: i64, points: i64, rma: Option<&str>) -> Event {
    let body = money::LoyaltyAdjusted {
        customer_id: "c1".into(),
        points,
        order_id: Some("o1".into()),
        rma_id: rma.map(Into::into),
    };
    event(id, hour, Body::LoyaltyAdjusted(body))
}

/// The events in the order of their time.
pub fn events() -> Vec<Event> {
    let mut log = vec![
        hub("hub-1", "411001", 1),
        hub("hub-2", "411002", 50),
        hub("hub-3", "560001", 50),
    ];
    let mut phone = catalogue("phone", "electronics", 90_000);
    phone.serialised = Some(true);
    log.push(event("cat", 0, Body::ContextCatalogueItemUpdated(phone)));
    log.extend(ordered(
        "o1",
        order::Channel::Web,
        &[("l1", "kurta-m", 1, 100_000), ("l2", "kurta-l", 1, 50_000)],
    ));
    log.extend(ordered("o2", order::Channel::App, &[("l1", "phone", 1, 80_000)]));
    log.extend(ordered(
        "o3",
        order::Channel::Web,
        &[("l1", "kurta-m", 3, 20_000)],
    ));

    // Picked up late, inspected twice with another grade, restocked, paid back in time and to the rupee; the other line exchanged.
    log.extend(asked_back(
        "r1",
        "o1",
        100,
        Method::Pickup,
        &[("l1", "kurta-m", 1), ("l2", "kurta-l", 1)],
    ));
    log.push(event("up-r1", 160, Body::ReturnPickedUp(pickup("r1"))));
    let both = received("r1", "hub-1", &[("l1", "kurta-m", 1), ("l2", "kurta-l", 1)]);
    log.push(event("g-r1", 180, Body::ReturnReceived(both)));
    let seen = |line, grade| inspected("r1", line, Some("hub-1"), grade);
    log.push(event("i-r1", 190, Body::ReturnInspected(seen("l1", Grade::A))));
    log.push(event("i2-r1", 195, Body::ReturnReinspected(seen("l1", Grade::B))));
    log.push(decided("r1", "l1", 200, Disposition::Restock));
    let mut shelf = processed("r1", "l1", "kurta-m", 1);
    shelf.recovered_minor = Some(70_000);
    log.push(event("s-r1", 230, Body::ReturnRestocked(shelf)));
    log.extend(paid("f1", "r1", "l1", 100_000, 200));
    let exchange = money::ExchangeCreated {
        exchange_id: "x1".into(),
        rma_id: "r1".into(),
        line_id: "l2".into(),
        new_order_id: "o4".into(),
        price_difference_minor: Some(10_000),
    };
    log.push(event("x1", 200, Body::ExchangeCreated(exchange)));
    let swap = placed("o4", "c1", vec![line("l1", "kurta-xl", 1, 60_000)]);
    log.push(event("p-o4", 201, Body::OrderPlaced(Box::new(swap))));
    log.push(points("pt", 51, 150, None));
    log.push(points("pt-r1", 210, -100, Some("r1")));

    // Bought in the app, returned in a shop, without the serial number, and paid back too much.
    log.extend(asked_back(
        "r2",
        "o2",
        120,
        Method::InStore,
        &[("l1", "phone", 1)],
    ));
    let mut counter = received("r2", "shop-1", &[("l1", "phone", 1)]);
    counter.facility_kind = Some(FacilityKind::Store);
    log.push(event("g-r2", 121, Body::ReturnReceived(counter)));
    log.extend(paid("f2", "r2", "l1", 90_000, 122));

    // Two of three pieces came after a pickup that failed once, and wait.
    log.extend(asked_back(
        "r3",
        "o3",
        130,
        Method::Pickup,
        &[("l1", "kurta-m", 3)],
    ));
    log.push(event("pf-r3", 140, Body::ReturnPickupFailed(pickup("r3"))));
    log.push(event("up-r3", 150, Body::ReturnPickedUp(pickup("r3"))));
    let two = received("r3", "hub-1", &[("l1", "kurta-m", 2)]);
    log.push(event("g-r3", 170, Body::ReturnReceived(two)));

    let claim = money::SupplierClaim {
        claim_id: "sc1".into(),
        supplier_id: "v1".into(),
        rma_id: Some("r1".into()),
        sku: "kurta-m".into(),
        amount_minor: 100,
        due_at: None,
    };
    let settled = money::SupplierClaim {
        amount_minor: 60,
        ..claim.clone()
    };
    log.push(event("scf", 240, Body::SupplierClaimFiled(claim)));
    log.push(event("scs", 260, Body::SupplierClaimSettled(settled)));
    let at = Timestamp::utc(START + 410 * HOUR);
    log.push(event(
        "tick",
        410,
        Body::ClockTicked(feedback::ClockTicked { at }),
    ));
    log.sort_by_key(|event| event.envelope.time.micros);
    log
}
