//! What one order, parcel or return adds to the sums: customers, SKUs, lanes, facilities and cells of return rates.
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
use crate::return_cells::{Dimension, Key as CellKey, Sums as CellSums};
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
    Cohort(Cohort),
    Lane {
        key: LaneKey,
        parcel: Parcel,
    },
    Facility {
        facility: u32,
        presence: Presence,
    },
}

/// A delivered line: one cell in each dimension.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cohort {
    sku: u32,
    category: u32,
    channel: u8,
    state: u32,
    courier: u32,
    currency: u32,
    day: i32,
    sums: CellSums,
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
            deltas.push(Delta::Cohort(Cohort {
                sku: line.sku,
                category: self.line_words(line).1,
                channel: placed.channel,
                state: self.state_of(placed),
                courier: done.courier,
                currency: placed.currency,
                day: self.zone.day(done.delivered_at),
                sums: CellSums {
                    delivered_units: i64::from(done.delivered),
                    delivered_value_minor: line.value_of(done.delivered),
                    requested_units: i64::from(requested),
                    requested_value_minor: line.value_of(requested),
                    received_units: i64::from(received),
                    received_value_minor: line.value_of(received),
                    excess_units: i64::from(done.requested.max(done.received) - requested.max(received)),
                },
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
            Delta::Cohort(cohort) => self.apply_cohort(cohort, sign),
        }
    }

    fn apply_cohort(&mut self, cohort: &Cohort, sign: i64) {
        let named = |symbol: u32| if symbol == NO_SYMBOL { self.unknown } else { symbol };
        let cells = [
            (Dimension::Sku, cohort.sku),
            (Dimension::Category, named(cohort.category)),
            (Dimension::Channel, u32::from(cohort.channel)),
            (Dimension::State, named(cohort.state)),
            (Dimension::Courier, named(cohort.courier)),
        ];
        for (dimension, value) in cells {
            let key = CellKey {
                dimension,
                value,
                day: cohort.day,
                currency: cohort.currency,
            };
            let number = self.cells.number(&key);
            let cell = &mut self.cells.entries.get_mut(number).value;
            cell.sums.add(&cohort.sums, sign);
            if !cell.dirty {
                cell.dirty = true;
                self.dirty.cells.push(number);
            }
        }
    }
}
