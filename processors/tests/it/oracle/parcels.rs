//! Parcels as their facts say, and the table of shipments.

use eddy_events::order::PaymentMode;
use eddy_events::shipment::Leg;
use eddy_events::{Body, shipment};

use super::facts::Facts;
use super::{bump, row, text, time};
use crate::support::Tables;

/// A parcel as its facts say.
pub struct Parcel {
    pub awb: String,
    pub manifest: Option<(i64, shipment::Manifested)>,
    pub status: &'static str,
    pub courier: String,
    pub attempts: i64,
    pub reason: String,
    pub picked_up: Option<i64>,
    pub delivered: Option<i64>,
    pub first_try: bool,
    pub updated: i64,
}

impl Facts<'_> {
    pub fn parcel(&self, awb: &str) -> Parcel {
        let scans = self.select(|body| {
            (body.subject().is_some_and(|s| s == awb))
                .then_some(body)
                .filter(|b| b.type_name().starts_with("eddy.shipment."))
        });
        let of = |kinds: &[&str]| -> Vec<(i64, u32, &Body)> {
            scans
                .iter()
                .filter(|(_, _, b)| kinds.contains(&&b.type_name()["eddy.shipment.".len()..]))
                .map(|(a, t, b)| (*a, *t, *b))
                .collect()
        };
        let manifest = of(&["manifested"]).last().map(|(at, _, body)| match body {
            Body::ShipmentManifested(m) => (*at, m.as_ref().clone()),
            _ => unreachable!(),
        });
        let rto_leg = manifest.as_ref().is_some_and(|(_, m)| m.leg == Leg::Rto);
        // Later terminal facts win; facts of one time in the order of this list.
        let terminal = ["cancelled", "damaged", "lost", "delivered", "rto_delivered"];
        let transit = [
            "picked_up",
            "arrived_at_hub",
            "in_transit",
            "out_for_delivery",
            "delivery_failed",
        ];
        let latest = |kinds: &[&'static str]| {
            kinds
                .iter()
                .enumerate()
                .flat_map(|(rank, kind)| of(&[kind]).into_iter().map(move |(at, tie, _)| (at, rank, tie)))
                .max()
                .map(|(_, rank, _)| kinds[rank])
        };
        let mut status = match (latest(&terminal), latest(&transit)) {
            (Some(kind), _) => kind,
            (None, _) if !of(&["rto_initiated"]).is_empty() => "rto_initiated",
            (None, Some("arrived_at_hub")) => "in_transit",
            (None, Some(kind)) => kind,
            (None, None) if manifest.is_some() => "manifested",
            (None, None) => "",
        };
        let first = |kinds: &[&str]| of(kinds).first().map(|(at, ..)| *at);
        let delivered = first(&["delivered"]).filter(|_| status == "delivered" && !rto_leg);
        if rto_leg && status == "delivered" {
            status = "rto_delivered";
        }
        let fails = of(&["delivery_failed"]);
        let last_fail = fails.last().map(|(at, ..)| *at);
        let outs = of(&["out_for_delivery"]);
        let any_delivery = first(&["delivered"]);
        let open = any_delivery.is_some()
            || outs
                .iter()
                .any(|(at, ..)| last_fail.is_none_or(|fail| *at > fail));
        let named = outs.iter().chain(&fails).map(|(_, _, body)| match body {
            Body::ShipmentOutForDelivery(scan) => i64::from(scan.attempt_no.unwrap_or(0)),
            Body::ShipmentDeliveryFailed(fail) => i64::from(fail.attempt_no.unwrap_or(0)),
            _ => 0,
        });
        let attempts = (fails.len() as i64 + i64::from(open)).max(named.max().unwrap_or(0));
        let first_fail = first(&["delivery_failed"]);
        let mut couriers: Vec<(i64, u32, String)> = of(&["manifested"])
            .last()
            .map(|(at, tie, body)| match body {
                Body::ShipmentManifested(m) => (*at, *tie, text(&m.courier)),
                _ => unreachable!(),
            })
            .into_iter()
            .collect();
        couriers.extend(
            of(&["courier_assigned"])
                .iter()
                .map(|(at, tie, body)| match body {
                    Body::ShipmentCourierAssigned(c) => (*at, *tie, text(&c.courier)),
                    _ => unreachable!(),
                }),
        );
        let reason = match fails.last() {
            Some((_, _, Body::ShipmentDeliveryFailed(fail))) => text(fail.ndr_reason),
            _ => String::new(),
        };
        Parcel {
            awb: awb.to_owned(),
            status,
            courier: couriers
                .into_iter()
                .max_by_key(|(at, tie, _)| (*at, *tie))
                .map(|(_, _, c)| c)
                .unwrap_or_default(),
            attempts,
            reason,
            picked_up: first(&["picked_up"]),
            delivered,
            first_try: attempts == 1 && any_delivery.is_some_and(|d| first_fail.is_none_or(|f| f > d)),
            // Of the manifests the standing one alone counts as the latest word.
            updated: of(&["manifested"])
                .last()
                .map(|(at, ..)| *at)
                .into_iter()
                .chain(
                    scans
                        .iter()
                        .filter(|(_, _, b)| !matches!(b, Body::ShipmentManifested(_)))
                        .map(|(at, ..)| *at),
                )
                .max()
                .unwrap_or(0),
            manifest,
        }
    }

    pub fn parcels(&self) -> Vec<Parcel> {
        let awbs = self.ids(|body| {
            body.type_name()
                .starts_with("eddy.shipment.")
                .then(|| body.subject().map(|s| s.as_str()))?
        });
        awbs.iter().map(|awb| self.parcel(awb)).collect()
    }
}

pub fn shipments(facts: &Facts<'_>, parcels: &[Parcel], tables: &mut Tables) {
    for parcel in parcels {
        let order = parcel.manifest.as_ref().map(|(_, m)| text(&m.order_id));
        let cod = parcel
            .manifest
            .as_ref()
            .is_some_and(|(_, m)| m.cod_amount_minor.is_some_and(|amount| amount > 0));
        let mode = order
            .as_deref()
            .and_then(|order| facts.payment(order))
            .or(cod.then_some(PaymentMode::Cod));
        let cells = row([
            ("status", parcel.status.into()),
            ("order_id", order.unwrap_or_default()),
            (
                "leg",
                parcel
                    .manifest
                    .as_ref()
                    .map(|(_, m)| text(m.leg))
                    .unwrap_or_default(),
            ),
            ("courier", parcel.courier.clone()),
            ("attempts", text(parcel.attempts)),
            ("ndr_reason", parcel.reason.clone()),
            ("payment_mode", mode.map(text).unwrap_or_default()),
            ("manifested_at", time(parcel.manifest.as_ref().map(|(at, _)| *at))),
            ("picked_up_at", time(parcel.picked_up)),
            ("delivered_at", time(parcel.delivered)),
            ("updated_at", text(parcel.updated)),
        ]);
        tables
            .entry("shipments".into())
            .or_default()
            .insert(vec![parcel.awb.clone()], cells);
        if let Some((_, m)) = parcel.manifest.as_ref().filter(|(_, m)| m.leg == Leg::Forward) {
            let is = |yes: bool| i64::from(yes);
            let mode = mode.map_or("unknown", |mode| mode.as_str());
            let key = [
                parcel.courier.as_str(),
                &m.origin_pincode[..3],
                &m.destination_pincode[..3],
                mode,
            ];
            let sums = [
                ("shipments", 1),
                ("delivered", is(parcel.status == "delivered")),
                ("rto", is(parcel.status.starts_with("rto_"))),
                ("attempts", parcel.attempts),
                ("attempted", is(parcel.attempts > 0)),
                (
                    "first_attempts_delivered",
                    is(parcel.first_try && parcel.status == "delivered"),
                ),
            ];
            bump(tables, "courier_lanes", &key, &sums);
        }
    }
}
