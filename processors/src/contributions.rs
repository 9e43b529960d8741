//! What one order, parcel or return adds to the sums: customers, SKUs, lanes, facilities and return rates.
//!
//! Sums are never recomputed. When something that matters changes, the contribution as it was is noted; at the next flush the one as it
//! is now is reckoned, and only the difference is applied. So a sum is always the sum over its contributors, whatever the order in which
//! they became known.

use eddy_events::shipment::Leg;

use crate::courier_lanes::{Key as LaneKey, Parcel};
use crate::customers::Sums as CustomerSums;
use crate::facilities::Presence;
use crate::facts::NO_TIME;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::outcome::Outcome;
use crate::rates::sold::{Arrived, Sold, age_days, price_band};
use crate::returns::Kind;
use crate::shipments::Status;
use crate::skus::Sums as SkuSums;
use crate::world::World;

/// A part of a contribution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Delta {
    Customer {
        customer: u32,
        currency: u32,
        sums: CustomerSums,
    },
    Sku {
        sku: u32,
        sums: SkuSums,
    },
    Sold(Sold),
    Arrived(Arrived),
    Lane {
        key: LaneKey,
        parcel: Parcel,
    },
    Facility {
        facility: u32,
        presence: Presence,
    },
}

/// Microseconds of an hour.
const HOUR_MICROS: i64 = 3_600_000_000;

impl World {
    /// What an order adds, given what became of it.
    pub(crate) fn order_contribution(&self, number: u32, outcome: &Outcome, deltas: &mut Vec<Delta>) {
        let order = self.orders.get(number);
        let Some(placed) = order.standing() else { return };
        let value = placed.lines.iter().map(|line| line.value_of(line.qty)).sum();
        deltas.push(Delta::Customer {
            customer: placed.customer,
            currency: placed.currency,
            sums: CustomerSums {
                orders: 1,
                order_value_minor: value,
                ..CustomerSums::default()
            },
        });
        for (line, done) in placed.lines.iter().zip(&outcome.lines) {
            if done.delivered == 0 {
                continue;
            }
            let requested = done.requested.min(done.delivered);
            let received = done.received.min(done.delivered);
            deltas.push(Delta::Sku {
                sku: line.sku,
                sums: SkuSums {
                    delivered: i64::from(done.delivered),
                    ..SkuSums::default()
                },
            });
            let (style, category, size) = self.line_words(line);
            let delivered_on = self.zone.day(done.delivered_at);
            let age = |at: i64| (at != NO_TIME).then(|| age_days(done.delivered_at, at));
            deltas.push(Delta::Sold(Sold {
                id: (number, line.line),
                sku: line.sku,
                style,
                category,
                size,
                supplier: line.supplier,
                seller: line.seller,
                batch: line.batch,
                facility: done.facility,
                packer: done.packer,
                courier: done.courier,
                state: self.state_of(placed),
                group: done.group,
                currency: placed.currency,
                channel: placed.channel,
                zone: self.zone_of(placed),
                price_band: price_band(line.unit_price_minor),
                delivered_on,
                delivered: done.delivered,
                value_minor: line.value_of(done.delivered),
                requested,
                requested_value_minor: line.value_of(requested),
                requested_age: age(done.requested_at),
                received,
                received_age: age(done.received_at),
            }));
        }
    }

    /// What a parcel adds.
    pub(crate) fn shipment_contribution(&self, number: u32, deltas: &mut Vec<Delta>) {
        let parcel = self.shipments.get(number);
        let Some(manifest) = parcel.manifest().filter(|_| parcel.leg() == Leg::Forward) else {
            return;
        };
        let state = &parcel.state;
        let started = if state.picked_up_at == NO_TIME {
            manifest.stamp.at
        } else {
            state.picked_up_at
        };
        let transit_hours = if state.delivered_at == NO_TIME || state.delivered_at < started {
            -1
        } else {
            (state.delivered_at - started) / HOUR_MICROS
        };
        let is = |yes: bool| i64::from(yes);
        deltas.push(Delta::Lane {
            key: LaneKey {
                courier: state.courier,
                origin: manifest.origin_region,
                destination: manifest.destination_region,
                payment: self.payment_of(number),
            },
            parcel: Parcel {
                delivered: is(state.status == Status::Delivered),
                rto: is(matches!(
                    state.status,
                    Status::RtoInitiated | Status::RtoDelivered
                )),
                lost_or_damaged: is(matches!(state.status, Status::Lost | Status::Damaged)),
                attempts: i64::from(state.attempts),
                attempted: is(state.attempts > 0),
                first_attempt_success: is(state.first_attempt_success && state.status == Status::Delivered),
                transit_hours,
            },
        });
    }

    /// What a return adds.
    pub(crate) fn return_contribution(&self, number: u32, deltas: &mut Vec<Delta>) {
        let returned = self.returns.get(number);
        let stands = returned.stands();
        let order = (returned.order != NO_KEY).then(|| self.orders.get(returned.order));
        let placed = order.and_then(|order| order.standing());
        let customer = match returned.request().map_or(NO_KEY, |request| request.customer) {
            NO_KEY => placed.map_or(NO_KEY, |placed| placed.customer),
            customer => customer,
        };
        let currency = placed.map_or(self.currency, |placed| placed.currency);
        let mut sums = CustomerSums::default();
        for line in self.return_lines(number) {
            if line.sku != NO_KEY {
                let requested = if stands {
                    line.requested_qty.max(line.received_qty)
                } else {
                    line.received_qty
                };
                let restocked = if line.end == Some(Kind::Restocked) {
                    line.qty()
                } else {
                    0
                };
                deltas.push(Delta::Sku {
                    sku: line.sku,
                    sums: SkuSums {
                        delivered: 0,
                        requested: i64::from(requested),
                        received: i64::from(line.received_qty),
                        restocked: i64::from(restocked),
                    },
                });
            }
            if stands || line.received_qty > 0 {
                sums.returned_lines += 1;
                sums.returned_units += i64::from(line.qty());
                if let Some((order, placed)) = order.zip(placed)
                    && let Some(at) = self.line_of(order, &line)
                {
                    sums.return_value_minor += placed.lines[at].value_of(line.qty());
                }
            }
            if line.facility != NO_KEY && line.received_at != NO_TIME {
                let of_order = order.zip(placed).and_then(|(order, placed)| {
                    let at = self.line_of(order, &line)?;
                    Some(self.line_words(&placed.lines[at]).1)
                });
                deltas.push(Delta::Arrived(Arrived {
                    facility: line.facility,
                    // Of the order alone: the catalogue does not tell returns that it changed.
                    category: of_order.unwrap_or(NO_SYMBOL),
                    day: self.zone.day(line.received_at),
                    units: line.received_qty,
                }));
            }
            if line.facility != NO_KEY {
                let inspected = line.inspected_at != NO_TIME;
                let waits_inspection = line.received_at != NO_TIME
                    && !inspected
                    && line.dispositioned_at == NO_TIME
                    && line.end.is_none();
                let waits_shelf = line.disposition == Some(eddy_events::returns::Disposition::Restock)
                    && line.end.is_none();
                deltas.push(Delta::Facility {
                    facility: line.facility,
                    presence: Presence {
                        to_inspect: if waits_inspection {
                            line.received_at
                        } else {
                            NO_TIME
                        },
                        to_restock: if waits_shelf {
                            line.dispositioned_at
                        } else {
                            NO_TIME
                        },
                        inspected_on: if inspected {
                            self.zone.day(line.inspected_at)
                        } else {
                            i32::MIN
                        },
                        restocked_on: if line.restocked_at == NO_TIME {
                            i32::MIN
                        } else {
                            self.zone.day(line.restocked_at)
                        },
                    },
                });
            }
        }
        if customer != NO_KEY && sums != CustomerSums::default() {
            deltas.push(Delta::Customer {
                customer,
                currency,
                sums,
            });
        }
    }

    /// Adds a part to the sums, or takes it back.
    pub(crate) fn apply_delta(&mut self, delta: &Delta, sign: i64) {
        match delta {
            Delta::Customer {
                customer,
                currency,
                sums,
            } => {
                let of = self.customers.get_mut(*customer);
                of.add(*currency, sums, sign);
                if !of.dirty {
                    of.dirty = true;
                    self.dirty.customers.push(*customer);
                }
            }
            Delta::Sku { sku, sums } => {
                let of = self.skus.get_mut(*sku);
                of.sums.add(sums, sign);
                if !of.dirty {
                    of.dirty = true;
                    self.dirty.skus.push(*sku);
                }
            }
            Delta::Lane { key, parcel } => {
                let number = self.lanes.number(key);
                let of = &mut self.lanes.entries.get_mut(number).value;
                of.add(parcel, sign);
                if !of.dirty {
                    of.dirty = true;
                    self.dirty.lanes.push(number);
                }
            }
            Delta::Facility { facility, presence } => {
                self.facilities.get_mut(*facility).add(presence, sign);
                self.touch_facility(*facility);
            }
            Delta::Sold(sold) => self.sold.push((sold.clone(), sign)),
            Delta::Arrived(arrived) => self.arrived.push((*arrived, sign)),
        }
    }
}
