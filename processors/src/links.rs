//! Lists that hang one entity on another: parcels and returns on their order, refunds on their return. A list is threaded through
//! its entities, so it costs four bytes each; its order is that of arrival and must not reach a row.

use crate::interner::NO_KEY;
use crate::world::World;

impl World {
    /// Puts a parcel on the list of the order that its standing manifest names. Both orders must be open.
    pub(crate) fn link_shipment(&mut self, number: u32, order: u32) {
        let old = self.shipments.get(number).order;
        if old == order {
            return;
        }
        if old != NO_KEY {
            let next = self.shipments.get(number).next;
            let first = self.orders.get(old).first_shipment;
            if first == number {
                self.orders.get_mut(old).first_shipment = next;
            } else {
                let mut at = first;
                while self.shipments.get(at).next != number {
                    at = self.shipments.get(at).next;
                }
                self.shipments.get_mut(at).next = next;
            }
        }
        let mut first = NO_KEY;
        if order != NO_KEY {
            first = std::mem::replace(&mut self.orders.get_mut(order).first_shipment, number);
        }
        let parcel = self.shipments.get_mut(number);
        parcel.order = order;
        parcel.next = first;
    }

    /// Puts a return on the list of the order that its standing request names. Both orders must be open.
    pub(crate) fn link_return(&mut self, number: u32, order: u32) {
        let old = self.returns.get(number).order;
        if old == order {
            return;
        }
        if old != NO_KEY {
            let next = self.returns.get(number).next;
            let first = self.orders.get(old).first_return;
            if first == number {
                self.orders.get_mut(old).first_return = next;
            } else {
                let mut at = first;
                while self.returns.get(at).next != number {
                    at = self.returns.get(at).next;
                }
                self.returns.get_mut(at).next = next;
            }
        }
        let mut first = NO_KEY;
        if order != NO_KEY {
            first = std::mem::replace(&mut self.orders.get_mut(order).first_return, number);
        }
        let returned = self.returns.get_mut(number);
        returned.order = order;
        returned.next = first;
    }

    /// Puts a refund on the list of the return it answers. Both returns must be open.
    pub(crate) fn link_refund(&mut self, number: u32, rma: u32) {
        let old = self.refunds.get(number).rma;
        if old == rma {
            return;
        }
        if old != NO_KEY {
            let next = self.refunds.get(number).next;
            let first = self.returns.get(old).first_refund;
            if first == number {
                self.returns.get_mut(old).first_refund = next;
            } else {
                let mut at = first;
                while self.refunds.get(at).next != number {
                    at = self.refunds.get(at).next;
                }
                self.refunds.get_mut(at).next = next;
            }
        }
        let mut first = NO_KEY;
        if rma != NO_KEY {
            first = std::mem::replace(&mut self.returns.get_mut(rma).first_refund, number);
        }
        let refund = self.refunds.get_mut(number);
        refund.rma = rma;
        refund.next = first;
    }
}
