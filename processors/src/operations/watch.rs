//! Breaches: raised when the clock passes a term, resolved when what was awaited comes, late or not.
//!
//! A subject has one timer, set for the first of its terms. A term that had passed already when it was first heard of (a log of the past, read in whatever order) is
//! given the policy's grace by the clock before it is told, so that what was only told late is no breach. At most one breach of a subject and a term is
//! open at a time.

use bitcode::{Decode, Encode};
use eddy_events::output::OutputType;
use eddy_events::shipment::Leg;

use super::Operations;
use super::terms::{Sla, Subject, Term, running};
use super::timers::minute;
use crate::facts::NO_TIME;
use crate::interner::NO_KEY;
use crate::world::World;

/// What is kept with each subject itself, where it costs no search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Watch {
    /// The minute for which its timer is set, 0 for none.
    wake: u32,
    /// Breaches of it that are open.
    open: u8,
}

/// Which breaches: kind and number of the subject, and the term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) struct BreachKey {
    pub(crate) subject: (u8, u32),
    pub(crate) sla: Sla,
}

/// The breaches of one subject and term, one after another.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Breach {
    pub(crate) periods: Vec<Period>,
    pub(crate) dirty: bool,
}

/// One of them. Where it belongs is as it was known when it was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Period {
    pub(crate) due_at: i64,
    pub(crate) breached_at: i64,
    pub(crate) resolved_at: i64,
    pub(crate) order: u32,
    pub(crate) rma: u32,
    pub(crate) facility: u32,
    /// Symbol of the policy's version.
    pub(crate) policy: u32,
}

fn watch_of(world: &World, subject: Subject) -> Watch {
    match subject {
        Subject::Parcel(number) => world.shipments.get(number).watch,
        Subject::Return(number) => world.returns.get(number).watch,
        Subject::Refund(number) => world.refunds.get(number).watch,
        Subject::Claim(number) => world.supplier_claims.entries.get(number).value.watch,
    }
}

fn set_watch(world: &mut World, subject: Subject, watch: Watch) {
    match subject {
        Subject::Parcel(number) => world.shipments.get_mut(number).watch = watch,
        Subject::Return(number) => world.returns.get_mut(number).watch = watch,
        Subject::Refund(number) => world.refunds.get_mut(number).watch = watch,
        Subject::Claim(number) => world.supplier_claims.entries.get_mut(number).value.watch = watch,
    }
}

/// Order, return and facility that a subject belongs to.
fn place_of(world: &World, subject: Subject) -> (u32, u32, u32) {
    let of_return = |rma: u32| {
        if rma == NO_KEY {
            return (NO_KEY, NO_KEY, NO_KEY);
        }
        let returned = world.returns.get(rma);
        let facility = returned
            .steps
            .iter()
            .rev()
            .find(|step| !step.stamp.voided && step.facility != NO_KEY);
        (returned.order, rma, facility.map_or(NO_KEY, |step| step.facility))
    };
    match subject {
        Subject::Parcel(number) => {
            let parcel = world.shipments.get(number);
            let rma = parcel.manifest().map_or(NO_KEY, |manifest| manifest.rma);
            let (_, rma, facility) = of_return(rma);
            (parcel.order, rma, facility)
        }
        Subject::Return(number) => of_return(number),
        Subject::Refund(number) => {
            let refund = world.refunds.get(number);
            let (order, rma, facility) = of_return(refund.rma);
            let stated = refund.standing().map_or(NO_KEY, |said| said.order);
            (if order == NO_KEY { stated } else { order }, rma, facility)
        }
        Subject::Claim(number) => {
            let claim = &world.supplier_claims.entries.get(number).value;
            of_return(claim.standing().map_or(NO_KEY, |said| said.rma))
        }
    }
}

impl Operations {
    /// A parcel was told of. One that brings a return back is the return's pickup as well.
    pub(crate) fn heard_parcel(&mut self, world: &mut World, number: u32, at: i64, clock: i64) {
        let watch = world.shipments.get(number).watch;
        // Most events are scans of a parcel that waits already, and put its term off: its timer asks again when it fires.
        let hours = self.small.policy.hours();
        let least = hours.scan.into_iter().chain(hours.pickup).min();
        let later = least.is_some_and(|least| minute(at.saturating_add(least)) >= watch.wake);
        if watch.open > 0 || watch.wake == 0 || !later {
            self.look(world, Subject::Parcel(number), at, clock);
        }
        let parcel = world.shipments.get(number);
        if parcel.leg() != Leg::Reverse || !parcel.state.status.moved() {
            return;
        }
        let (rma, left_at) = (
            parcel.manifest().map_or(NO_KEY, |manifest| manifest.rma),
            match parcel.state.picked_up_at {
                NO_TIME => parcel.state.updated_at,
                at => at,
            },
        );
        if rma != NO_KEY && world.returns.get(rma).parcel_left_at == NO_TIME {
            world.returns.get_mut(rma).parcel_left_at = left_at;
            self.look(world, Subject::Return(rma), at, clock);
        }
    }

    /// Looks at a subject of which something was told at `at`: resolves what is awaited no more, and sets its timer.
    pub(crate) fn look(&mut self, world: &mut World, subject: Subject, at: i64, clock: i64) {
        let mut watch = watch_of(world, subject);
        let policy = &self.small.policy;
        if !policy.enabled() && watch.open == 0 {
            return;
        }
        let terms = running(world, policy.hours(), subject);
        let before = watch;
        if watch.open > 0 {
            for sla in subject.slas() {
                let waits = terms.iter().any(|term| term.sla == *sla && term.due_at <= clock);
                if !waits && self.resolve(subject, *sla, at) {
                    watch.open -= 1;
                }
            }
        }
        let grace = clock.saturating_add(self.small.policy.grace_us());
        for term in &terms {
            let late = term.due_at <= clock;
            if watch.open > 0 && late && self.is_open(subject, term.sla) {
                continue;
            }
            self.wake(subject, &mut watch, if late { grace } else { term.due_at });
        }
        if watch != before {
            set_watch(world, subject, watch);
        }
    }

    fn wake(&mut self, subject: Subject, watch: &mut Watch, at: i64) {
        let minute = minute(at);
        if watch.wake == 0 || minute < watch.wake {
            watch.wake = minute;
            self.small.timers.set(minute, subject);
        }
    }

    /// What was due at `clock` is told. Its cause is the event that moved the clock there, which the folds have not taken in yet.
    pub(crate) fn fire(&mut self, world: &mut World, clock: i64) {
        while let Some((minute, subjects)) = self.small.timers.take(clock) {
            for subject in subjects {
                let mut watch = watch_of(world, subject);
                // Overtaken by an earlier one, which did what was to be done.
                if watch.wake != minute {
                    continue;
                }
                watch.wake = 0;
                for term in running(world, self.small.policy.hours(), subject) {
                    if term.due_at > clock {
                        self.wake(subject, &mut watch, term.due_at);
                    } else if self.raise(world, subject, term, clock) {
                        watch.open += 1;
                    }
                }
                set_watch(world, subject, watch);
            }
        }
    }

    fn period(&self, subject: Subject, sla: Sla) -> Option<(u32, Period)> {
        let subject = subject.key();
        let number = self.breaches.find(&BreachKey { subject, sla })?;
        let last = self.breaches.entries.get(number).value.periods.last()?;
        Some((number, *last))
    }

    fn is_open(&self, subject: Subject, sla: Sla) -> bool {
        self.period(subject, sla)
            .is_some_and(|(_, period)| period.resolved_at == NO_TIME)
    }

    fn touch(&mut self, number: u32) -> &mut Breach {
        let breach = &mut self.breaches.entries.get_mut(number).value;
        if !std::mem::replace(&mut breach.dirty, true) {
            self.dirty_breaches.push(number);
        }
        breach
    }

    /// Resolves the open breach, if there is one.
    fn resolve(&mut self, subject: Subject, sla: Sla, at: i64) -> bool {
        let Some((number, period)) = self.period(subject, sla) else {
            return false;
        };
        if period.resolved_at != NO_TIME {
            return false;
        }
        if let Some(last) = self.touch(number).periods.last_mut() {
            last.resolved_at = at;
        }
        true
    }

    /// Raises a breach, unless one is open. Whether one was opened.
    fn raise(&mut self, world: &mut World, subject: Subject, term: Term, clock: i64) -> bool {
        if let Some((number, last)) = self.period(subject, term.sla) {
            if last.resolved_at == NO_TIME {
                return false;
            }
            let periods = &self.breaches.entries.get(number).value.periods;
            if let Some(at) = periods.iter().position(|period| period.due_at == term.due_at) {
                // What resolved it was taken back: it is the same breach, and was told.
                let periods = &mut self.touch(number).periods;
                let mut again = periods.remove(at);
                again.resolved_at = NO_TIME;
                periods.push(again);
                return true;
            }
        }
        let key = BreachKey {
            subject: subject.key(),
            sla: term.sla,
        };
        let (order, rma, facility) = place_of(world, subject);
        let period = Period {
            due_at: term.due_at,
            breached_at: clock,
            resolved_at: NO_TIME,
            order,
            rma,
            facility,
            policy: self.small.policy.version(&mut world.symbols),
        };
        let number = self.breaches.number(&key);
        self.touch(number).periods.push(period);
        let told = super::output::breach(world, &key, &period);
        self.told.push((OutputType::SlaBreached, told));
        true
    }
}
