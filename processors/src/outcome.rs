//! The join of an order with its parcels and returns: what became of each line, and of the order as a whole.
//!
//! A pure function of the leaves. Where several parcels carry a line, the earliest delivery sets its time and courier (parcels
//! delivered at one moment are told apart by the names of courier and parcel) and quantities add up to what was ordered at most.

use eddy_events::shipment::Leg;
use smallvec::SmallVec;

use crate::facts::{NO_TIME, earlier};
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::orders::Order;
use crate::shipments::Status;
use crate::world::World;

/// What became of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineOutcome {
    pub(crate) delivered: u32,
    pub(crate) delivered_at: i64,
    /// Symbols of the courier that delivered it first, the facility it came from, and who packed it there.
    pub(crate) courier: u32,
    pub(crate) facility: u32,
    pub(crate) packer: u32,
    /// Pieces asked back, uncapped.
    pub(crate) requested: u32,
    /// Pieces that came back, uncapped.
    pub(crate) received: u32,
    /// When a piece was first asked back, or came back unasked.
    pub(crate) requested_at: i64,
    /// When a piece first came back.
    pub(crate) received_at: i64,
    /// Symbol of the group of the reason then given, or none.
    pub(crate) group: u32,
    pub(crate) cancelled: bool,
}

/// What became of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) lines: SmallVec<[LineOutcome; 3]>,
    pub(crate) status: Option<&'static str>,
    /// When the last line was delivered, once all are.
    pub(crate) delivered_at: i64,
}

/// How far parcels of the forward leg have come.
#[derive(Default)]
struct Parcels {
    live: u32,
    moved: bool,
    back: u32,
    lost: u32,
}

impl World {
    /// What became of an order, as far as is known now.
    pub(crate) fn outcome(&self, number: u32) -> Outcome {
        let order = self.orders.get(number);
        let placed = order.standing();
        let lines = placed.map_or(&[][..], |placed| &placed.lines);
        let mut outcome = Outcome {
            delivered_at: NO_TIME,
            ..Outcome::default()
        };
        outcome.lines.extend(lines.iter().map(|line| LineOutcome {
            delivered: 0,
            delivered_at: NO_TIME,
            courier: NO_SYMBOL,
            facility: NO_SYMBOL,
            packer: NO_SYMBOL,
            requested: 0,
            received: 0,
            requested_at: NO_TIME,
            received_at: NO_TIME,
            group: NO_SYMBOL,
            cancelled: !order.changes.is_empty() && order.cancelled(line.line),
        }));
        let parcels = self.deliver(order, &mut outcome);
        let mut rma = order.first_return;
        while rma != NO_KEY {
            let of = self.returns.get(rma);
            if placed.is_some() {
                self.send_back(rma, order, &mut outcome);
            }
            rma = of.next;
        }
        conclude(order, &parcels, &mut outcome);
        outcome
    }

    fn deliver(&self, order: &Order, outcome: &mut Outcome) -> Parcels {
        let lines = order.standing().map_or(&[][..], |placed| &placed.lines);
        let mut parcels = Parcels::default();
        let (mut number, mut firsts) = (order.first_shipment, SmallVec::<[u32; 3]>::new());
        firsts.resize(lines.len(), NO_KEY);
        while number != NO_KEY {
            let (this, parcel) = (number, self.shipments.get(number));
            number = parcel.next;
            let Some(manifest) = parcel.manifest().filter(|_| parcel.leg() == Leg::Forward) else {
                continue;
            };
            let state = &parcel.state;
            parcels.live += u32::from(state.status != Status::Cancelled);
            parcels.moved |= state.status.moved();
            parcels.back += u32::from(matches!(
                state.status,
                Status::RtoInitiated | Status::RtoDelivered
            ));
            parcels.lost += u32::from(matches!(state.status, Status::Lost | Status::Damaged));
            if state.status != Status::Delivered {
                continue;
            }
            for ((line, done), by) in lines.iter().zip(&mut outcome.lines).zip(&mut firsts) {
                let qty = if manifest.lines.is_empty() {
                    line.qty
                } else {
                    match manifest.lines.iter().find(|(id, _)| *id == line.line) {
                        Some((_, 0)) => line.qty,
                        Some((_, qty)) => *qty,
                        None => continue,
                    }
                };
                done.delivered = done.delivered.saturating_add(qty).min(line.qty);
                let named = |courier, parcel| (self.symbols.text(courier), self.shipment_keys.get(parcel));
                let first = done.delivered_at == NO_TIME
                    || state.delivered_at < done.delivered_at
                    || (state.delivered_at == done.delivered_at
                        && named(state.courier, this) < named(done.courier, *by));
                if first {
                    done.delivered_at = state.delivered_at;
                    done.courier = state.courier;
                    done.facility = manifest.facility;
                    done.packer = manifest.packer;
                    *by = this;
                }
            }
        }
        parcels
    }

    fn send_back(&self, rma: u32, order: &Order, outcome: &mut Outcome) {
        let returned = self.returns.get(rma);
        let stands = returned.stands();
        let asked_at = returned.request().map_or(NO_TIME, |request| request.stamp.at);
        for back in self.return_lines(rma) {
            let Some(at) = self.line_of(order, &back) else {
                continue;
            };
            let done = &mut outcome.lines[at];
            // What came back was asked back, whether or not the request was heard of.
            let asked = if stands {
                back.requested_qty.max(back.received_qty)
            } else {
                back.received_qty
            };
            done.requested = done.requested.saturating_add(asked);
            done.received = done.received.saturating_add(back.received_qty);
            if asked == 0 {
                continue;
            }
            let asked_at = if stands && back.requested_qty > 0 {
                asked_at
            } else {
                NO_TIME
            };
            let at = earlier(asked_at, back.received_at);
            // Requests of one moment are told apart by the word of their reason.
            let word = |group| self.symbols.word(group);
            let first = done.requested_at == NO_TIME
                || at < done.requested_at
                || (at == done.requested_at && word(back.group) < word(done.group));
            if first {
                done.requested_at = at;
                done.group = back.group;
            }
            done.received_at = earlier(done.received_at, back.received_at);
        }
    }

    /// The lines of a return, see [`crate::returns::Return::lines`].
    pub(crate) fn return_lines(&self, rma: u32) -> Vec<crate::returns::Line> {
        self.returns
            .get(rma)
            .lines(|a, b| self.symbols.text(a) < self.symbols.text(b))
    }

    /// Which line of the order a return line answers: the one it names, else the first with its SKU.
    pub(crate) fn line_of(&self, order: &Order, back: &crate::returns::Line) -> Option<usize> {
        let lines = &order.standing()?.lines;
        if back.line == NO_SYMBOL {
            lines.iter().position(|line| line.sku == back.sku)
        } else {
            lines.iter().position(|line| line.line == back.line)
        }
    }
}

fn conclude(order: &Order, parcels: &Parcels, outcome: &mut Outcome) {
    let lines = order.standing().map_or(&[][..], |placed| &placed.lines);
    let (mut wanted, mut whole, mut some, mut last) = (0, 0, false, NO_TIME);
    for (line, done) in lines.iter().zip(&outcome.lines) {
        if done.cancelled && done.delivered == 0 {
            continue;
        }
        wanted += 1;
        whole += usize::from(done.delivered >= line.qty);
        some |= done.delivered > 0;
        last = last.max(done.delivered_at);
    }
    outcome.status = if lines.is_empty() {
        order.cancelled_at().map(|_| "cancelled")
    } else if wanted == 0 {
        Some("cancelled")
    } else if whole == wanted {
        outcome.delivered_at = last;
        Some("delivered")
    } else if some {
        Some("partly_delivered")
    } else if parcels.live > 0 && parcels.back == parcels.live {
        Some("rto")
    } else if parcels.live > 0 && parcels.lost == parcels.live {
        Some("lost")
    } else if parcels.moved {
        Some("shipped")
    } else {
        Some("placed")
    };
}
