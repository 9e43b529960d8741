//! What people say: verdicts on alerts, and audits of returns drawn by chance. They set where an alert stands, teach how often findings are right, and tell whose
//! accounts were abused before.
//!
//! The latest word of the log stands. A word that changes takes back what the one before taught.

use eddy_events::feedback::{AlertReview, AuditSampleReviewed, Verdict};
use eddy_events::output::OutputType;
use eddy_models::calibration::When;

use crate::interner::NO_KEY;
use crate::ndr::Now;
use crate::world::World;

use super::Fraud;
use super::alerts::{Alert, Status, key_of};
use super::case::Audit;
use super::finding::Subject;
use super::graph::members;
use super::pattern::Kind;
use super::score::Signs;

/// Returns of one customer looked at again after a verdict.
const BACK: usize = 12;

/// What somebody did with an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Assigned,
    Reviewed,
    Appealed,
    Overturned,
}

impl Fraud {
    /// Somebody spoke about an alert.
    pub(super) fn spoke(&mut self, world: &World, body: &AlertReview, word: Word, now: Now) {
        let Some(number) = key_of(&body.alert_id).and_then(|key| self.alerts.find(&key)) else {
            return;
        };
        let before = self.alerts.entries.get(number).value.status;
        let (status, teaches) = match (word, body.verdict) {
            (Word::Assigned, _) if before.waits() => (Status::Assigned, None),
            (Word::Reviewed, Some(Verdict::Confirmed)) => (Status::Confirmed, Some(true)),
            (Word::Reviewed, Some(Verdict::Dismissed)) => (Status::Dismissed, Some(false)),
            (Word::Reviewed, Some(Verdict::NeedsMore)) => (Status::NeedsMore, None),
            (Word::Appealed, _) => (Status::Appealed, self.alerts.entries.get(number).value.learned),
            (Word::Overturned, _) => (Status::Overturned, Some(false)),
            _ => return,
        };
        let alert = &mut self.alerts.entries.get_mut(number).value;
        alert.actor = body.actor.to_string();
        alert.reason = body.reason.as_deref().unwrap_or_default().to_owned();
        if let Some(loss) = body.loss_minor {
            alert.confirmed_loss_minor = loss;
        }
        alert.updated_at = now.clock;
        alert.decided_at = now.clock;
        self.turn(number, status);
        if word != Word::Assigned {
            if word == Word::Reviewed {
                self.judge(number, teaches, now);
            }
            self.teach(number, teaches);
        }
        self.tell(world, number, OutputType::FraudAlertUpdated);
        self.look_again(world, now);
    }

    /// The first verdict on an alert about a return is an outcome of the return's score.
    fn judge(&mut self, number: u32, verdict: Option<bool>, now: Now) {
        let alert = &self.alerts.entries.get(number).value;
        let (rma, first) = (alert.about.rma, alert.learned.is_none());
        let of_return = alert.definition().subject == Kind::Return;
        if let Some(abusive) = verdict.filter(|_| first && of_return && rma != NO_KEY) {
            self.turned_out(rma, abusive, now);
        }
    }

    /// Somebody looked at a return: its score is judged.
    fn turned_out(&mut self, rma: u32, abusive: bool, now: Now) {
        let case = self.cases.get(rma);
        let signs = Signs {
            found: &case.found,
            rarity: case.rarity,
            known: self.known_before(case.customer, rma),
        };
        let when = When {
            scored_at: case.scored_at,
            known_at: now.clock,
        };
        self.small.beliefs.turned_out(&signs, abusive, when);
    }

    /// Learns a verdict, and takes back what the one before taught.
    fn teach(&mut self, number: u32, teaches: Option<bool>) {
        let alert = &self.alerts.entries.get(number).value;
        let (before, held) = (alert.learned, alert.held());
        if before == teaches {
            return;
        }
        let alert = alert.clone();
        self.alerts.entries.get_mut(number).value.learned = teaches;
        for (verdict, sign) in [(before, -1.0), (teaches, 1.0)] {
            if let Some(right) = verdict {
                self.small.beliefs.reviewed(&held, right, sign);
            }
        }
        if Self::accuses(&alert) {
            match (before == Some(true), teaches == Some(true)) {
                (false, true) => self.confirm(&alert, true),
                (true, false) => self.confirm(&alert, false),
                _ => {}
            }
        }
    }

    /// The customers of an alert are known to have abused, or no longer.
    fn confirm(&mut self, alert: &Alert, confirmed: bool) {
        let mut customers = vec![alert.about.customer];
        if alert.definition().subject == Kind::Ring {
            // All who took part are meant.
            let values = &self.profile(alert.about.customer).values;
            let ring = values
                .iter()
                .find(|value| self.subject_is(Subject::Ring(**value), &alert.subject));
            if let Some(partners) = ring.and_then(|value| self.graph.value(*value).partners()) {
                customers.extend(partners.asked.iter().map(|asked| asked.customer));
                customers.sort_unstable();
                customers.dedup();
            }
        }
        for customer in customers {
            self.mark(customer, alert.about.rma, confirmed);
        }
    }

    /// Marks a customer as confirmed by a return, and puts down whatever that touches.
    fn mark(&mut self, customer: u32, rma: u32, confirmed: bool) {
        if customer == NO_KEY {
            return;
        }
        self.profiles.reserve(customer);
        let profile = self.profiles.get_mut(customer);
        let count = &mut profile.confirmed;
        *count = if confirmed {
            count.saturating_add(1)
        } else {
            count.saturating_sub(1)
        };
        if rma != NO_KEY && self.cases.get(rma).customer == customer {
            let here = &mut self.cases.get_mut(rma).confirmed;
            *here = if confirmed {
                here.saturating_add(1)
            } else {
                here.saturating_sub(1)
            };
        }
        let mut touched = members(&self.profiles, customer);
        for value in &self.profiles.get(customer).values {
            let value = self.graph.value(*value);
            if !value.capped() {
                touched.extend(value.customers());
            }
        }
        touched.sort_unstable();
        touched.dedup();
        let mut returns: Vec<u32> = self.returns_of(customer).take(BACK).collect();
        for other in touched {
            returns.extend(self.returns_of(other).take(4));
        }
        returns.into_iter().for_each(|rma| self.also(rma));
    }

    /// Somebody looked at a return that was drawn by chance. The latest audit of a return stands.
    pub(super) fn audited(&mut self, world: &World, body: &AuditSampleReviewed, tie: u32, now: Now) {
        let Some(rma) = world
            .return_keys
            .find(&body.rma_id)
            .filter(|rma| self.cases.holds(*rma))
        else {
            return;
        };
        if self.cases.get(rma).audit.is_none() {
            self.turned_out(rma, body.fraudulent, now);
        }
        self.unlearn_audit(rma);
        let case = self.cases.get(rma);
        let (found, rarity, customer) = (case.found.clone(), case.rarity, case.customer);
        let known = self.known_before(customer, rma).map(|which| which as u8);
        let audit = Audit {
            tie,
            fraudulent: body.fraudulent,
            found,
            rarity,
            known,
            customer,
        };
        self.learn_audit(&audit, rma, 1.0);
        self.cases.get_mut(rma).audit = Some(Box::new(audit));
        self.look_again(world, now);
    }

    /// The event of an audit was voided.
    pub(super) fn audit_voided(&mut self, rma: u32, tie: u32) {
        let audit = self.cases.get(rma).audit.as_ref();
        if audit.is_some_and(|audit| audit.tie == tie) {
            self.unlearn_audit(rma);
        }
    }

    fn unlearn_audit(&mut self, rma: u32) {
        if self.cases.get(rma).audit.is_some()
            && let Some(audit) = self.cases.get_mut(rma).audit.take()
        {
            self.learn_audit(&audit, rma, -1.0);
        }
    }

    fn learn_audit(&mut self, audit: &Audit, rma: u32, sign: f64) {
        let signs = Signs {
            found: &audit.found,
            rarity: audit.rarity,
            known: audit.known.map(usize::from),
        };
        let beliefs = &mut self.small.beliefs;
        beliefs.labelled(&signs, audit.fraudulent, true, sign);
        for held in &audit.found {
            beliefs.reviewed(held, audit.fraudulent, sign);
        }
        if audit.fraudulent {
            self.mark(audit.customer, rma, sign > 0.0);
        }
    }
}
