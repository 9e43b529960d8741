//! Alerts: raised once for each subject and pattern, updated when the evidence changes, cleared when it is taken back, run out when nobody decides.
//!
//! The id follows from pattern and subject, so the same log gives the same ids, and evidence that comes back raises the same alert again. A dismissed alert about a
//! return, a claim or an order stays dismissed: its facts were looked at. One about a person may be raised again after the policy's quiet days.

use bitcode::{Decode, Encode};
use eddy_events::output::OutputType;
use smol_str::{SmolStr, format_smolstr};
use twox_hash::XxHash3_64;

use super::Fraud;
use super::case::Held;
use super::detectors::DEFINITIONS;
use super::finding::{Finding, Subject};
use super::output;
use super::pattern::{Definition, Kind};
use super::policy::Action;
use super::timers::Due;
use crate::facts::NO_TIME;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::world::World;

/// Where an alert stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Status {
    /// Never raised.
    #[default]
    None,
    Open,
    Assigned,
    Confirmed,
    Dismissed,
    NeedsMore,
    Appealed,
    Overturned,
    Cleared,
    Expired,
}

impl Status {
    /// The word of the table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Open => "open",
            Self::Assigned => "assigned",
            Self::Confirmed => "confirmed",
            Self::Dismissed => "dismissed",
            Self::NeedsMore => "needs_more",
            Self::Appealed => "appealed",
            Self::Overturned => "overturned",
            Self::Cleared => "cleared",
            Self::Expired => "expired",
        }
    }

    /// Whether somebody is still to decide.
    pub(crate) const fn waits(self) -> bool {
        matches!(self, Self::Open | Self::Assigned | Self::NeedsMore)
    }
}

/// An alert.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Alert {
    pub(crate) pattern: u8,
    pub(crate) subject: String,
    pub(crate) about: About,
    pub(crate) score: f64,
    pub(crate) loss_minor: i64,
    pub(crate) evidence: String,
    pub(crate) counter: String,
    pub(crate) status: Status,
    pub(crate) block: bool,
    pub(crate) policy: String,
    pub(crate) raised_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) decided_at: i64,
    /// Whoever spoke last, and why.
    pub(crate) actor: String,
    pub(crate) reason: String,
    /// As a review put it, negative when it did not.
    pub(crate) confirmed_loss_minor: i64,
    /// The finding as the score counted it, for what its review teaches.
    pub(crate) doubtful: bool,
    pub(crate) strength: f32,
    /// What was learned from it.
    pub(crate) learned: Option<bool>,
    pub(crate) dirty: bool,
}

/// What an alert hangs on, by number.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct About {
    pub(crate) customer: u32,
    pub(crate) rma: u32,
    pub(crate) order: u32,
    pub(crate) claim: String,
    /// Symbol.
    pub(crate) courier: u32,
    pub(crate) agent: String,
    /// Symbol.
    pub(crate) currency: u32,
}

impl Default for About {
    fn default() -> Self {
        Self {
            customer: NO_KEY,
            rma: NO_KEY,
            order: NO_KEY,
            claim: String::new(),
            courier: NO_SYMBOL,
            agent: String::new(),
            currency: NO_SYMBOL,
        }
    }
}

impl Alert {
    /// What defines its pattern.
    pub(crate) fn definition(&self) -> &'static Definition {
        DEFINITIONS[usize::from(self.pattern)]
    }

    /// The finding as the score counted it.
    pub(crate) fn held(&self) -> Held {
        Held {
            pattern: self.pattern,
            doubtful: self.doubtful,
            strength: self.strength,
            probability: 0.0,
            loss_minor: self.loss_minor,
        }
    }

    pub(crate) fn action(&self) -> Action {
        if self.block { Action::Block } else { Action::Review }
    }
}

/// The id of an alert by its key.
pub(crate) fn id_of(key: u64) -> SmolStr {
    format_smolstr!("FA{key:016x}")
}

/// The key of an alert by its id.
pub(crate) fn key_of(id: &str) -> Option<u64> {
    let hex = id.strip_prefix("FA").filter(|hex| hex.len() == 16)?;
    u64::from_str_radix(hex, 16).ok()
}

/// Change of the score that is worth telling.
const TELLING: f64 = 0.1;

impl Fraud {
    /// The word that names a subject.
    fn subject_id(&self, world: &World, subject: Subject) -> String {
        match subject {
            Subject::Return(number) => world.return_keys.get(number).to_owned(),
            Subject::Customer(number) => world.customer_keys.get(number).to_owned(),
            Subject::Order(number) => world.order_keys.get(number).to_owned(),
            Subject::Claim(number) => self.claims.entries.get(number).value.id.clone(),
            Subject::Ring(number) => {
                let entry = self.graph.values.entries.get(number);
                format!("{}-{:016x}", entry.value.shared.word(), entry.key)
            }
            Subject::Agent(number) => self.agents.entries.get(number).value.name.clone(),
            Subject::Employee(number) => self.employees.entries.get(number).value.name.clone(),
        }
    }

    /// Raises or updates the alert of a finding. Whether one stands now that somebody is to decide or has confirmed.
    pub(super) fn alert(
        &mut self,
        world: &World,
        finding: &Finding,
        score: f64,
        mut about: About,
        now: i64,
    ) -> bool {
        let policy = &self.small.policy;
        let rule = policy.rule(finding.pattern);
        let subject = self.subject_id(world, finding.subject);
        if let Subject::Agent(number) = finding.subject {
            // Agents are named within their courier.
            let agent = &self.agents.entries.get(number).value;
            (about.courier, about.agent) = (agent.courier, agent.name.clone());
        }
        if let Subject::Employee(_) = finding.subject {
            about.agent.clone_from(&subject);
        }
        let key = XxHash3_64::oneshot(
            format!(
                "{}\0{subject}\0{}",
                finding.pattern.as_str(),
                world.symbols.word(about.courier).unwrap_or("")
            )
            .as_bytes(),
        );
        let known = self.alerts.find(&key);
        let status = known.map_or(Status::None, |number| {
            self.alerts.entries.get(number).value.status
        });
        let kind = DEFINITIONS[finding.pattern as usize].subject;
        let fresh = match status {
            Status::None | Status::Cleared | Status::Expired => true,
            Status::Dismissed | Status::Overturned => {
                let decided =
                    known.map_or(NO_TIME, |number| self.alerts.entries.get(number).value.decided_at);
                !kind.retracts() && now - decided > policy.quiet_us()
            }
            _ => false,
        };
        if fresh && (!policy.enabled || score < policy.bar(finding.pattern, self.small.open)) {
            return false;
        }
        if !fresh && matches!(status, Status::Dismissed | Status::Overturned) {
            return false;
        }
        let told = (finding.evidence_json(world), finding.counter_json());
        let number = self.alerts.number(&key);
        let alert = &self.alerts.entries.get(number).value;
        let changed = told.0 != alert.evidence || told.1 != alert.counter;
        if !fresh && (!alert.status.waits() || (!changed && (score - alert.score).abs() < TELLING)) {
            return true;
        }
        let (expire, version) = (policy.expire_us(), policy.version.clone());
        let block = rule.action == Action::Block && score >= rule.block_above;
        let alert = &mut self.alerts.entries.get_mut(number).value;
        alert.pattern = finding.pattern as u8;
        alert.subject = subject;
        alert.about = about;
        alert.score = score;
        alert.loss_minor = (score * finding.loss_minor as f64).round() as i64;
        (alert.evidence, alert.counter) = told;
        alert.block = block;
        alert.policy = version;
        alert.doubtful = finding.doubtful();
        alert.strength = finding.strength as f32;
        alert.updated_at = now;
        if fresh {
            alert.raised_at = now;
            alert.expires_at = now.saturating_add(expire);
            alert.decided_at = NO_TIME;
            alert.confirmed_loss_minor = -1;
            alert.learned = None;
            alert.actor = String::new();
            alert.reason = String::new();
            let expires = alert.expires_at;
            self.small.timers.set(expires, Due::Alert(number));
            self.turn(number, Status::Open);
            self.tell(world, number, OutputType::FraudAlertRaised);
        } else {
            self.tell(world, number, OutputType::FraudAlertUpdated);
        }
        true
    }

    /// The evidence of a pattern about a return, claim or order is gone.
    pub(super) fn clear(&mut self, world: &World, subject: Subject, pattern: u8, now: i64) {
        let subject = self.subject_id(world, subject);
        let name = DEFINITIONS[usize::from(pattern)].pattern.as_str();
        let key = XxHash3_64::oneshot(format!("{name}\0{subject}\0").as_bytes());
        let Some(number) = self.alerts.find(&key) else {
            return;
        };
        let alert = &self.alerts.entries.get(number).value;
        if !alert.status.waits() && alert.status != Status::Appealed {
            return;
        }
        self.close(world, number, Status::Cleared, OutputType::FraudAlertCleared, now);
    }

    /// An alert nobody decided has had its time.
    pub(super) fn expire(&mut self, world: &World, number: u32, now: i64) {
        let alert = &self.alerts.entries.get(number).value;
        if alert.status.waits() && alert.expires_at <= now {
            self.close(world, number, Status::Expired, OutputType::FraudAlertExpired, now);
        }
    }

    fn close(&mut self, world: &World, number: u32, status: Status, kind: OutputType, now: i64) {
        let alert = &mut self.alerts.entries.get_mut(number).value;
        alert.updated_at = now;
        self.turn(number, status);
        self.tell(world, number, kind);
    }

    /// Gives an alert a status, and keeps count and timer with it.
    pub(super) fn turn(&mut self, number: u32, status: Status) {
        let alert = &mut self.alerts.entries.get_mut(number).value;
        let before = std::mem::replace(&mut alert.status, status);
        let expires = alert.expires_at;
        match (before.waits(), status.waits()) {
            (false, true) => self.small.open += 1,
            (true, false) => {
                self.small.open = self.small.open.saturating_sub(1);
                self.small.timers.unset(expires, Due::Alert(number));
            }
            _ => {}
        }
    }

    /// Tells an alert as it stands, as output and as row.
    pub(super) fn tell(&mut self, world: &World, number: u32, kind: OutputType) {
        let entry = self.alerts.entries.get_mut(number);
        if !std::mem::replace(&mut entry.value.dirty, true) {
            self.dirty_alerts.push(number);
        }
        let entry = self.alerts.entries.get(number);
        self.told
            .push((kind, output::told(world, entry.key, &entry.value)));
    }

    /// Whether a word names a subject.
    pub(super) fn subject_is(&self, subject: Subject, word: &str) -> bool {
        match subject {
            Subject::Ring(number) => {
                let entry = self.graph.values.entries.get(number);
                word.ends_with(&format!("-{:016x}", entry.key))
            }
            _ => false,
        }
    }

    /// Whether an alert is about what somebody did with goods of theirs, so that it says something of that customer.
    pub(super) fn accuses(alert: &Alert) -> bool {
        alert.about.customer != NO_KEY && alert.definition().subject != Kind::CourierAgent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_finds_its_alert_again() {
        for key in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(key_of(&id_of(key)), Some(key));
        }
        assert_eq!(key_of("FA12"), None);
        assert_eq!(key_of("D1-2-3"), None);
    }
}
