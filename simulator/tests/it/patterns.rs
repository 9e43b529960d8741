//! Abuse: each pattern can be alone, shows its signs, and none is there when none is asked for.

use std::collections::{BTreeSet, HashMap, HashSet};

use eddy_events::Body;
use eddy_events::returns::Match;
use eddy_simulator::truth::Row;
use eddy_simulator::{Pattern, WorldConfig};

use crate::{told, year};

fn world(abuses: &[Pattern], seed: u64) -> WorldConfig {
    WorldConfig {
        abuses: abuses.iter().copied().collect(),
        fraud_share: 0.05,
        skus: 1_000,
        ..year(seed, 3_000)
    }
}

fn patterns(truth: &[Row]) -> BTreeSet<&'static str> {
    truth
        .iter()
        .filter_map(|row| match row {
            Row::Return { pattern: Some(p), .. }
            | Row::Claim { pattern: Some(p), .. }
            | Row::Order { pattern: p, .. } => Some(p.as_str()),
            Row::FakeAttempt { .. } => Some("fake_attempt"),
            _ => None,
        })
        .collect()
}

#[test]
fn every_pattern_can_be_the_only_one() {
    for pattern in Pattern::ALL {
        let (_, truth) = told(world(&[pattern], 21));
        assert_eq!(patterns(&truth), BTreeSet::from([pattern.as_str()]));
    }
}

#[test]
fn a_world_without_abuse_has_none_and_still_has_the_innocent() {
    let (_, truth) = told(WorldConfig {
        abuses: BTreeSet::new(),
        ..year(22, 8_000)
    });
    assert!(patterns(&truth).is_empty());
    let innocent: HashSet<_> = truth
        .iter()
        .filter_map(|r| {
            if let Row::Return { innocent, .. } = r {
                *innocent
            } else {
                None
            }
        })
        .collect();
    for case in [
        "mis_pick",
        "gift_return",
        "split_parcels",
        "mis_scan",
        "courier_loss",
        "repacked_at_store",
        "promotion_allocation",
    ] {
        assert!(innocent.contains(case), "{case} is missing");
    }
}

#[test]
fn signs_are_on_the_events_of_the_returns_that_truth_names() {
    let (events, truth) = told(WorldConfig {
        orders: 8_000,
        ..world(&Pattern::ALL, 23)
    });
    let mut by: HashMap<_, Pattern> = HashMap::new();
    for row in &truth {
        if let Row::Return {
            rma_id,
            pattern: Some(p),
            ..
        } = row
        {
            by.insert(rma_id.clone(), *p);
        }
    }
    let of = |rma: &eddy_events::SmolStr| by.get(rma).copied();
    let mut received = HashSet::new();
    let (mut mismatches, mut refunds_without_receipt, mut elsewhere) = (0, 0, 0);
    for d in &events {
        match &d.event.body {
            Body::ReturnReceived(r) => {
                received.insert(r.rma_id.clone());
            }
            Body::ReturnInspected(i) => match of(&i.rma_id) {
                Some(Pattern::Decoy) => {
                    assert_eq!(i.matched, Some(Match::MismatchClass));
                    mismatches += 1;
                }
                Some(Pattern::OverstatedQuantity) => assert_eq!(i.matched, Some(Match::MismatchQuantity)),
                Some(Pattern::Bricking) => assert_eq!(i.matched, Some(Match::PartsMissing)),
                _ => {}
            },
            Body::RefundIssued(r) => match r.rma_id.as_ref().and_then(of) {
                Some(Pattern::EmployeeCollusion) => {
                    assert_eq!((r.receipt_shown, r.agent.is_some()), (Some(false), true));
                    refunds_without_receipt += 1;
                }
                Some(Pattern::NoMatchingSale) => assert!(r.order_id.is_none()),
                Some(Pattern::RefundBeforeReceipt | Pattern::LabelTampering) => elsewhere += 1,
                _ => {}
            },
            _ => {}
        }
    }
    assert!(mismatches > 0 && refunds_without_receipt > 0 && elsewhere > 0);
    for (rma, pattern) in by {
        if matches!(pattern, Pattern::RefundBeforeReceipt | Pattern::LabelTampering) {
            assert!(!received.contains(&rma), "{rma} was received");
        }
    }
}

#[test]
fn a_ring_shares_its_address_and_hopping_accounts_share_a_device() {
    let (events, truth) = told(world(&[Pattern::ReturnRing, Pattern::AccountHopping], 24));
    let mut members: HashMap<(Pattern, u64), HashSet<_>> = HashMap::new();
    for row in &truth {
        if let Row::Return {
            customer_id,
            pattern: Some(p),
            episode: Some(e),
            ..
        } = row
        {
            members.entry((*p, *e)).or_default().insert(customer_id.clone());
        }
    }
    let mut hashes: HashMap<_, (HashSet<_>, HashSet<_>)> = HashMap::new();
    for d in &events {
        if let Body::OrderPlaced(o) = &d.event.body {
            let h = hashes.entry(o.customer_id.clone()).or_default();
            h.0.extend(o.address_hash.clone());
            h.1.extend(o.device_hash.clone());
        }
    }
    let mut rings = 0;
    for ((pattern, _), customers) in members {
        if pattern == Pattern::ReturnRing {
            let addresses: HashSet<_> = customers.iter().flat_map(|c| hashes[c].0.clone()).collect();
            assert_eq!(addresses.len(), 1);
            rings += usize::from(customers.len() >= 4);
        } else {
            let devices: HashSet<_> = customers.iter().flat_map(|c| hashes[c].1.clone()).collect();
            assert!(devices.len() <= 1);
        }
    }
    assert!(rings > 0);
}
