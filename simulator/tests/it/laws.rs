//! What holds in every world, whatever its seed.

use std::collections::{BTreeMap, HashMap, HashSet};

use eddy_events::shipment::Leg;
use eddy_events::{Body, codec};
use eddy_simulator::truth::{JsonLines, Row};
use eddy_simulator::{ConfigError, World, WorldConfig};

use crate::{told, year};

const HOUR: i64 = 3_600_000_000;

#[test]
fn same_seed_tells_the_same_bytes_and_another_seed_does_not() {
    let bytes = |seed: u64| {
        let mut truth = JsonLines::new(Vec::new());
        let mut lines = Vec::new();
        let world = World::new(year(seed, 1_500)).unwrap();
        for d in world.events_with_truth(|row| truth.write(&row)) {
            lines.extend_from_slice(d.arrival.to_string().as_bytes());
            lines.extend_from_slice(&codec::encode(&d.event));
        }
        (lines, truth.finish().unwrap())
    };
    let first = bytes(7);
    assert_eq!(first, bytes(7));
    assert_ne!(first, bytes(8));
}

#[test]
fn every_event_passes_the_codec_and_reads_back_the_same() {
    for d in World::new(year(11, 3_000)).unwrap().events() {
        let line = codec::encode(&d.event);
        match codec::canonicalise(&line) {
            Ok((event, canonical)) => {
                assert_eq!(event, d.event);
                assert_eq!(canonical, line, "{}", String::from_utf8_lossy(&line));
            }
            Err(rejection) => panic!("{rejection:?}: {}", String::from_utf8_lossy(&line)),
        }
    }
}

#[test]
fn arrivals_are_in_order_and_follow_their_events_by_days_at_most() {
    let config = year(12, 3_000);
    let most = i64::from(config.late_max_hours) * HOUR + 7 * HOUR;
    let mut last = i64::MIN;
    for d in World::new(config).unwrap().events() {
        assert!(d.arrival.micros >= last);
        last = d.arrival.micros;
        let late = d.arrival.micros - d.event.envelope.time.micros;
        assert!((0..=most).contains(&late), "{late} µs late");
    }
}

#[test]
fn an_id_names_one_event_and_repeats_are_as_rare_as_configured() {
    let (events, _) = told(year(13, 4_000));
    let mut seen = HashMap::new();
    let (mut repeats, mut late) = (0.0, 0.0);
    for d in &events {
        let line = codec::encode(&d.event);
        match seen.insert(d.event.identity(), line.clone()) {
            None => {
                if d.arrival.micros - d.event.envelope.time.micros > HOUR {
                    late += 1.0;
                }
            }
            Some(before) => {
                assert_eq!(before, line, "one id, two bodies");
                repeats += 1.0;
            }
        }
    }
    let n = seen.len() as f64;
    assert!((repeats / n - 0.01).abs() < 0.002, "repeats {}", repeats / n);
    assert!((late / n - 0.01).abs() < 0.003, "late {}", late / n);
}

#[test]
fn without_noise_each_entity_is_told_in_the_order_of_time_and_once() {
    let config = WorldConfig {
        late_rate: 0.0,
        duplicate_rate: 0.0,
        disorder_rate: 0.0,
        ..year(14, 3_000)
    };
    let (mut last, mut seen) = (HashMap::new(), HashSet::new());
    for d in World::new(config).unwrap().events() {
        assert!(seen.insert(d.event.identity()));
        assert!(d.arrival.micros - d.event.envelope.time.micros < 3_000_000);
        let Body::ShipmentDelivered(_) = d.event.body else {
            last.insert(d.event.envelope.subject.clone(), d.event.envelope.time);
            continue;
        };
        // Nothing of a parcel comes before what happened earlier to it.
        assert!(
            last.get(&d.event.envelope.subject)
                .is_some_and(|t| *t < d.event.envelope.time)
        );
    }
}

#[test]
fn ids_refer_to_what_was_told() {
    let (events, _) = told(year(15, 5_000));
    let (mut orders, mut awbs, mut rmas, mut skus, mut pincodes, mut facilities) = (
        HashMap::new(),
        HashMap::new(),
        HashSet::new(),
        HashSet::new(),
        HashSet::new(),
        HashSet::new(),
    );
    for d in &events {
        match &d.event.body {
            Body::OrderPlaced(o) => {
                orders.insert(
                    o.order_id.clone(),
                    o.lines.iter().map(|l| l.line_id.clone()).collect::<HashSet<_>>(),
                );
            }
            Body::ShipmentManifested(m) => {
                assert!(m.awb.len() <= 14);
                awbs.insert(m.awb.clone(), m.order_id.clone());
            }
            Body::ReturnRequested(r) => {
                rmas.insert(r.rma_id.clone());
            }
            Body::ContextCatalogueItemUpdated(c) => {
                skus.insert(c.sku.clone());
            }
            Body::ContextPincodePublished(p) => {
                pincodes.insert(p.pincode.clone());
            }
            Body::ContextFacilityUpdated(f) => {
                facilities.insert(f.facility.clone());
            }
            _ => {}
        }
    }
    for d in &events {
        let subject = &d.event.envelope.subject;
        match &d.event.body {
            Body::OrderPlaced(o) => {
                assert!(pincodes.contains(&o.destination_pincode));
                assert!(o.lines.iter().all(|l| skus.contains(&l.sku)));
            }
            Body::OrderCancelled(o) => assert!(orders.contains_key(&o.order_id)),
            Body::ShipmentManifested(m) => {
                let lines = &orders[&m.order_id];
                assert!(m.line_ids.iter().flatten().all(|l| lines.contains(l)));
                assert!(m.leg == Leg::Forward || m.rma_id.as_ref().is_some_and(|r| rmas.contains(r)));
                assert!(m.facility.as_ref().is_some_and(|f| facilities.contains(f)));
            }
            Body::ShipmentDelivered(_)
            | Body::ShipmentDeliveryFailed(_)
            | Body::ShipmentRtoDelivered(_)
            | Body::ShipmentPickedUp(_) => {
                assert!(awbs.contains_key(subject), "{subject}");
            }
            Body::ReturnRequested(r) => {
                if let Some(order) = &r.order_id {
                    let lines = &orders[order];
                    assert!(
                        r.lines
                            .iter()
                            .all(|l| l.line_id.as_ref().is_some_and(|id| lines.contains(id)))
                    );
                }
            }
            Body::ReturnReceived(r) => assert!(rmas.contains(&r.rma_id) && facilities.contains(&r.facility)),
            Body::RefundIssued(r) => assert!(r.rma_id.as_ref().is_some_and(|r| rmas.contains(r))),
            Body::ExchangeCreated(x) => assert!(orders.contains_key(&x.new_order_id), "{}", x.new_order_id),
            Body::ClaimSubmitted(c) => assert!(orders.contains_key(&c.order_id)),
            _ => {}
        }
    }
}

#[test]
fn truth_of_a_parcel_is_what_its_events_show() {
    let (events, truth) = told(year(16, 5_000));
    let mut ends: BTreeMap<_, HashSet<&str>> = BTreeMap::new();
    let mut failures: HashMap<_, HashSet<u16>> = HashMap::new();
    for d in &events {
        let end = match &d.event.body {
            Body::ShipmentDelivered(_) => "delivered",
            Body::ShipmentRtoDelivered(_) => "rto",
            Body::ShipmentLost(_) => "lost",
            Body::ShipmentDamaged(_) => "damaged",
            Body::ShipmentCancelled(_) => "cancelled",
            Body::ShipmentDeliveryFailed(f) => {
                failures.entry(f.awb.clone()).or_default().extend(f.attempt_no);
                continue;
            }
            _ => continue,
        };
        ends.entry(d.event.envelope.subject.clone())
            .or_default()
            .insert(end);
    }
    let mut parcels = 0;
    for row in &truth {
        let Row::Shipment(s) = row else { continue };
        parcels += 1;
        assert_eq!(ends[&s.awb], HashSet::from([s.outcome]), "{}", s.awb);
        let failed = failures.get(&s.awb).map_or(0, HashSet::len);
        assert_eq!(
            failed,
            s.attempts.len() - usize::from(s.outcome == "delivered"),
            "{}",
            s.awb
        );
        for p in s
            .placed
            .iter()
            .chain(&s.manifested)
            .flatten()
            .chain(&s.attempts)
            .chain(&s.after_attempt)
        {
            assert!((0.0..=1.0).contains(p));
        }
    }
    assert!(parcels > 4_500);
}

#[test]
fn no_courier_carries_more_than_its_published_capacity() {
    let (events, _) = told(year(17, 8_000));
    let mut capacities = Vec::new();
    let mut carried: HashMap<_, (u32, i64)> = HashMap::new();
    let mut seen = HashSet::new();
    for d in &events {
        match &d.event.body {
            Body::ContextCourierCapacityUpdated(c) if c.leg == Leg::Forward => capacities.push(c.clone()),
            Body::ShipmentManifested(m) if m.leg == Leg::Forward && seen.insert(m.awb.clone()) => {
                let at = d.event.envelope.time.micros;
                let day = (at + 330 * 60_000_000).div_euclid(24 * HOUR);
                carried.entry((m.courier.clone(), day)).or_insert((0, at)).0 += 1;
            }
            _ => {}
        }
    }
    for ((courier, _), (count, at)) in carried {
        let capacity = capacities
            .iter()
            .find(|c| c.courier == courier && (c.valid_from.micros..c.valid_to.micros).contains(&at))
            .unwrap();
        assert!(
            count <= capacity.capacity,
            "{courier} carried {count} of {}",
            capacity.capacity
        );
    }
}

#[test]
fn a_world_that_cannot_be_is_refused_with_the_parameter_named() {
    let refused = |config: WorldConfig| World::new(config).err().map(|ConfigError { field, .. }| field);
    assert_eq!(
        refused(WorldConfig {
            couriers: 3,
            ..WorldConfig::default()
        }),
        Some("couriers")
    );
    assert_eq!(
        refused(WorldConfig {
            days: 0,
            ..WorldConfig::default()
        }),
        Some("days")
    );
    assert_eq!(
        refused(WorldConfig {
            cod_share: f64::NAN,
            ..WorldConfig::default()
        }),
        Some("cod_share")
    );
    assert_eq!(
        refused(WorldConfig {
            late_max_hours: 500,
            ..WorldConfig::default()
        }),
        Some("late_max_hours")
    );
}

#[test]
fn a_short_world_of_one_order_ends() {
    let (events, truth) = told(WorldConfig {
        orders: 1,
        days: 1,
        customers: 100,
        skus: 200,
        ..year(18, 1)
    });
    assert_eq!(
        events
            .iter()
            .filter(|d| matches!(d.event.body, Body::OrderPlaced(_)))
            .map(|d| d.event.identity())
            .collect::<HashSet<_>>()
            .len(),
        1
    );
    assert!(matches!(truth.first(), Some(Row::World { .. })));
}
