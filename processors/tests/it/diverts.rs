//! Returns on their way to an overloaded hub: sent to one with room, when that is worth it.

use eddy_events::output::{OutputKind, OutputType};
use eddy_events::{Body, Event, Timestamp, context, returns, shipment};
use serde_json::Value;

use crate::history::*;
use crate::support::Run;

fn hub(name: &str, pincode: &str, kind: returns::FacilityKind, inspect_per_day: u32) -> Event {
    let place = context::FacilityUpdated {
        facility: name.into(),
        kind,
        pincode: pincode.into(),
        inspect_per_day: Some(inspect_per_day),
        restock_per_day: None,
    };
    event(&format!("hub-{name}"), 0, Body::ContextFacilityUpdated(place))
}

/// A courier that brings returns from 411 to anywhere.
fn road() -> Vec<Event> {
    let valid_from = Timestamp::utc(START - HOUR);
    let serves = context::ServiceabilityUpdated {
        courier: "swift".into(),
        pincode_prefix: "411".into(),
        cod: true,
        prepaid: true,
        reverse: true,
        max_weight_g: None,
        max_cod_minor: None,
        embargo: None,
        valid_from,
    };
    let mut told = vec![event("serves", 0, Body::ContextServiceabilityUpdated(serves))];
    for (zone, base_minor) in [("1", 5_000), ("5", 5_500)] {
        let charges = context::TariffPublished {
            courier: "swift".into(),
            zone_from: "4".into(),
            zone_to: zone.into(),
            base_minor,
            per_500g_minor: 1_000,
            cod_fee_minor: None,
            rto_fee_minor: None,
            transit_days: 3,
            valid_from,
        };
        told.push(event(
            &format!("to-{zone}"),
            0,
            Body::ContextTariffPublished(charges),
        ));
    }
    told
}

/// A bought article that is sent back to a hub; the pickup is due.
fn sent_back(id: &str, to: &str, hour: i64) -> Vec<Event> {
    let placed = placed(id, &format!("c-{id}"), vec![line("l1", "s1", 1, 90_000)]);
    let (awb, rma) = (format!("a-{id}"), format!("r-{id}"));
    let back = shipment::Manifested {
        leg: shipment::Leg::Reverse,
        rma_id: Some(rma.as_str().into()),
        origin_pincode: "411001".into(),
        destination_pincode: "110001".into(),
        facility: Some(to.into()),
        ..manifested(&format!("b-{id}"), id)
    };
    let pickup = returns::Pickup {
        rma_id: rma.as_str().into(),
        awb: Some(format!("b-{id}").into()),
        courier: Some("swift".into()),
        scheduled_for: None,
        reason: None,
    };
    let bodies = [
        Body::OrderPlaced(Box::new(placed)),
        Body::ShipmentManifested(Box::new(manifested(&awb, id))),
        Body::ShipmentDelivered(delivered(&awb)),
        Body::ReturnRequested(Box::new(requested(
            &rma,
            Some(id),
            vec![asked(Some("l1"), "s1", 1)],
        ))),
        Body::ShipmentManifested(Box::new(back)),
        Body::ReturnPickupScheduled(pickup),
    ];
    let told = bodies.into_iter().enumerate();
    told.map(|(n, body)| event(&format!("{id}-{n}"), hour + n as i64, body))
        .collect()
}

/// Returns that lie at a hub, a line each.
fn waiting(hub: &str, count: usize) -> Vec<Event> {
    (0..count)
        .map(|n| {
            let rma = format!("w-{hub}-{n}");
            event(
                &rma,
                1,
                Body::ReturnReceived(received(&rma, hub, &[("l1", "s1", 1)])),
            )
        })
        .collect()
}

/// Hub `full` inspects ten a day and has forty waiting; `near` does not work alike; `room` has little to do, `far` less but is dearer to reach.
fn network() -> Vec<Event> {
    use returns::FacilityKind::{Store, Warehouse};
    let mut told = road();
    told.extend([
        hub("full", "110001", Warehouse, 10),
        hub("near", "110002", Store, 10),
        hub("far", "560001", Warehouse, 10),
        hub("room", "122001", Warehouse, 10),
    ]);
    told.extend(waiting("full", 40));
    told.extend(waiting("room", 2));
    told
}

fn reroutes(run: &Run) -> Vec<(OutputType, Value)> {
    let outputs = run.out.outputs.iter();
    let told = outputs.filter(|(_, output)| output.kind == OutputKind::Reroute);
    told.map(|(_, output)| (output.type_name, output.data.value()))
        .collect()
}

#[test]
fn a_return_is_sent_to_a_hub_with_room_instead_of_an_overloaded_one_where_that_costs_least() {
    let mut run = Run::new();
    run.play(&network(), 7);
    run.play(&sent_back("o1", "full", 30), 1);
    let told = reroutes(&run);
    let [(OutputType::RerouteRecommended, decision)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        [
            &decision["action"],
            &decision["to_hub"],
            &decision["to_courier"],
            &decision["stage"]
        ],
        [
            &Value::from("divert_hub"),
            &"room".into(),
            &Value::Null,
            &"reverse_pickup".into()
        ]
    );
    // 3.8 days of waiting less, at 15 a day, less 20 for the change.
    assert_eq!(decision["expected_gain_minor"], 5_700 - 2_000);
    let hubs: Vec<&str> = decision["alternatives"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|told| told["action"] == "divert_hub")
        .map(|told| told["hub"].as_str().unwrap())
        .collect();
    assert_eq!(
        hubs,
        ["room", "far"],
        "those of another kind, or without room, are none"
    );
    let reason = decision["reason"].as_str().unwrap();
    assert!(
        reason.contains("at room 0.2 days of work wait against 4.0 at full"),
        "{reason}"
    );
    let id = decision["decision_id"].as_str().unwrap();
    assert_eq!(run.cell("routing_decisions", &[id], "to_hub"), "room");
}

#[test]
fn what_was_sent_there_counts_against_its_room() {
    let mut run = Run::new();
    run.play(&network(), 7);
    for n in 0..12 {
        run.play(&sent_back(&format!("o{n}"), "full", 30), 6);
    }
    let hubs: Vec<Value> = reroutes(&run)
        .iter()
        .map(|(_, told)| told["to_hub"].clone())
        .collect();
    // Room is less than half a day of work: five lines each, with what waits there.
    let at = |name: &str| hubs.iter().filter(|hub| **hub == name).count();
    assert_eq!((at("room"), at("far"), hubs.len()), (3, 5, 8), "{hubs:?}");
}

#[test]
fn where_nothing_is_overloaded_or_nothing_has_room_nothing_is_said() {
    let mut run = Run::new();
    run.play(&network(), 7);
    run.play(&sent_back("o1", "far", 30), 1);
    assert_eq!(reroutes(&run), []);
    run.play(&waiting("far", 5), 1);
    run.play(&waiting("room", 5), 1);
    // Queues are those with which the day began.
    run.play(&sent_back("o2", "full", 60), 1);
    assert_eq!(reroutes(&run), []);
}

#[test]
fn a_diversion_does_not_rest_on_when_rows_are_handed_over() {
    let mut events = network();
    for n in 0..12 {
        events.extend(sent_back(&format!("o{n}"), "full", 30));
    }
    let [mut one, mut all] = [Run::new(), Run::new()];
    one.play(&events, 1);
    all.play(&events, events.len());
    assert_eq!(one.out.outputs, all.out.outputs);
}
