//! Statistics of a world, from its truth and its events: what its realism is judged by.
//!
//! Exact where cheap; areas under the curve by rank, ties halved.

use std::collections::BTreeMap;

use eddy_events::shipment::Leg;
use eddy_events::{Body, Event, SmolStr};

use crate::truth::{Row, Shipment};

/// Counters over one telling.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Events by type, repeats included.
    pub events: BTreeMap<&'static str, u64>,
    /// Probability at placing under its courier, whether it failed, whether it was cash.
    pub parcels: Vec<(f64, bool, bool)>,
    /// Returns of any kind.
    pub returns: u64,
    /// Returns that are abusive.
    pub abusive: u64,
    /// Abusive returns, claims and orders by pattern.
    pub patterns: BTreeMap<&'static str, u64>,
    /// Returns by what looks odd about them.
    pub innocent: BTreeMap<&'static str, u64>,
    /// Pieces delivered or sold over the counter, and pieces asked back, by category.
    pub by_category: BTreeMap<SmolStr, (u64, u64)>,
    /// Cash parcels and failures by days from manifest to the first attempt.
    pub by_delay: BTreeMap<i64, (u64, u64)>,
    /// Loss to abusive returns in minor units.
    pub loss_minor: i64,
    /// Sum of probabilities at placing and their number, by courier.
    pub couriers: Vec<(f64, u64)>,
    /// Every row of a forward parcel, for judgements of decisions.
    pub shipments: Vec<Shipment>,
    orders: BTreeMap<SmolStr, Vec<(SmolStr, SmolStr, u32)>>,
    /// Order and city, lines, day of manifest, day of the first attempt, cash.
    open: BTreeMap<SmolStr, Open>,
    /// Cash parcels and failures by state and by first two digits of the destination.
    pub by_region: BTreeMap<SmolStr, (u64, u64)>,
}

#[derive(Clone, Debug)]
struct Open {
    order: SmolStr,
    lines: Vec<SmolStr>,
    manifested: i64,
    first_out: Option<i64>,
    cash: bool,
    region: SmolStr,
}

impl Stats {
    /// Takes one row of truth.
    pub fn truth(&mut self, row: &Row) {
        match row {
            Row::Shipment(s) => self.shipment(s),
            Row::Return {
                abusive,
                pattern,
                innocent,
                loss_minor,
                ..
            } => {
                self.returns += 1;
                self.abusive += u64::from(*abusive);
                self.loss_minor += loss_minor;
                if let Some(p) = pattern {
                    *self.patterns.entry(p.as_str()).or_default() += 1;
                }
                if let Some(i) = innocent {
                    *self.innocent.entry(i).or_default() += 1;
                }
            }
            Row::Claim { pattern: Some(p), .. } | Row::Order { pattern: p, .. } => {
                *self.patterns.entry(p.as_str()).or_default() += 1
            }
            Row::FakeAttempt { .. } => *self.patterns.entry("fake_attempt").or_default() += 1,
            _ => {}
        }
    }

    fn shipment(&mut self, s: &Shipment) {
        if let Some(failed) = s.failed() {
            self.shipments.push(s.clone());
            self.parcels
                .push((s.probability(), failed, s.payment_mode == "cod"));
            self.couriers.resize(s.placed.len(), (0.0, 0));
            for (sum, p) in self.couriers.iter_mut().zip(&s.placed) {
                if let Some(p) = p {
                    sum.0 += p;
                    sum.1 += 1;
                }
            }
        }
    }

    /// Takes one event, as it arrives; a repeat counts in the mix alone.
    pub fn event(&mut self, event: &Event) {
        *self.events.entry(event.body.type_name()).or_default() += 1;
        let day = (event.envelope.time.micros + i64::from(event.envelope.time.offset_minutes) * 60_000_000)
            .div_euclid(86_400_000_000);
        match &event.body {
            Body::OrderPlaced(o) => {
                let lines = o
                    .lines
                    .iter()
                    .map(|l| (l.line_id.clone(), l.category.clone().unwrap_or_default(), l.qty))
                    .collect();
                self.orders.insert(o.order_id.clone(), lines);
            }
            Body::ShipmentManifested(m) if m.leg == Leg::Forward => {
                self.open.insert(
                    m.awb.clone(),
                    Open {
                        order: m.order_id.clone(),
                        lines: m.line_ids.clone().unwrap_or_default(),
                        manifested: day,
                        first_out: None,
                        cash: m.cod_amount_minor.is_some(),
                        region: SmolStr::new(&m.destination_pincode[..2]),
                    },
                );
            }
            Body::ShipmentOutForDelivery(s) if s.attempt_no == Some(1) => {
                if let Some(open) = self.open.get_mut(&s.awb) {
                    open.first_out = Some(day);
                }
            }
            Body::ShipmentDelivered(d) => self.ended(&d.awb, false),
            Body::ShipmentRtoDelivered(s) | Body::ShipmentLost(s) | Body::ShipmentDamaged(s) => {
                self.ended(&s.awb, true)
            }
            Body::ReturnRequested(r) => {
                let Some(lines) = r.order_id.as_ref().and_then(|o| self.orders.get(o)) else {
                    return;
                };
                for asked in &r.lines {
                    if let Some((_, category, _)) =
                        lines.iter().find(|l| Some(&l.0) == asked.line_id.as_ref())
                    {
                        self.by_category.entry(category.clone()).or_default().1 += u64::from(asked.qty);
                    }
                }
            }
            _ => {}
        }
    }

    fn ended(&mut self, awb: &SmolStr, failed: bool) {
        let Some(open) = self.open.remove(awb) else { return };
        if open.cash {
            if let Some(first) = open.first_out {
                let e = self.by_delay.entry(first - open.manifested).or_default();
                *e = (e.0 + 1, e.1 + u64::from(failed));
            }
            let e = self.by_region.entry(open.region).or_default();
            *e = (e.0 + 1, e.1 + u64::from(failed));
        }
        if failed {
            return;
        }
        for (line, category, qty) in self.orders.get(&open.order).into_iter().flatten() {
            if open.lines.contains(line) {
                self.by_category.entry(category.clone()).or_default().0 += u64::from(*qty);
            }
        }
    }

    /// Area under the curve of the true probabilities: over all parcels, or over cash alone.
    pub fn auc(&self, cash_only: bool) -> f64 {
        let chosen: Vec<(f64, bool)> = self
            .parcels
            .iter()
            .filter(|p| !cash_only || p.2)
            .map(|p| (p.0, p.1))
            .collect();
        auc(chosen)
    }

    /// Share never delivered, by payment mode.
    pub fn failure_rate(&self, cash: bool) -> f64 {
        let (n, f) = self
            .parcels
            .iter()
            .filter(|p| p.2 == cash)
            .fold((0u64, 0u64), |(n, f), p| (n + 1, f + u64::from(p.1)));
        f as f64 / n.max(1) as f64
    }

    /// Share of parcels paid in cash.
    pub fn cash_share(&self) -> f64 {
        self.parcels.iter().filter(|p| p.2).count() as f64 / self.parcels.len().max(1) as f64
    }

    /// Share of returns that are abusive.
    pub fn fraud_share(&self) -> f64 {
        self.abusive as f64 / self.returns.max(1) as f64
    }

    /// Number of events, repeats included.
    pub fn total(&self) -> u64 {
        self.events.values().sum()
    }

    /// Greatest gap between mean probability and failure rate over tenths of parcels, in standard errors.
    pub fn calibration(&self) -> f64 {
        let mut sorted = self.parcels.clone();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let size = (sorted.len() / 10).max(1);
        sorted
            .chunks(size)
            .filter(|c| c.len() > 50)
            .map(|c| {
                let expected: f64 = c.iter().map(|p| p.0).sum();
                let variance: f64 = c.iter().map(|p| p.0 * (1.0 - p.0)).sum();
                let seen = c.iter().filter(|p| p.1).count() as f64;
                ((seen - expected) / variance.sqrt().max(1e-9)).abs()
            })
            .fold(0.0, f64::max)
    }
}

/// Area under the receiver's curve by the rank sum, ties halved.
pub fn auc(mut scored: Vec<(f64, bool)>) -> f64 {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = scored.iter().filter(|s| s.1).count() as f64;
    let negatives = scored.len() as f64 - positives;
    let (mut sum, mut i) = (0.0, 0);
    while i < scored.len() {
        let mut j = i;
        while j < scored.len() && scored[j].0 == scored[i].0 {
            j += 1;
        }
        let rank = (i + j + 1) as f64 / 2.0;
        sum += rank * scored[i..j].iter().filter(|s| s.1).count() as f64;
        i = j;
    }
    if positives == 0.0 || negatives == 0.0 {
        0.5
    } else {
        (sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
    }
}
