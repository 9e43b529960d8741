//! Looks at what an event touched: lets the detectors see it, adds up what they found, and raises, updates or clears alerts.

use crate::facts::NO_TIME;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::ndr::Now;
use crate::world::World;

use super::Fraud;
use super::alerts::About;
use super::case::{Held, What};
use super::detectors::{
    self, cod_refusal_abuse, fake_attempt, false_damage_claim, false_non_receipt, junk_address,
};
use super::finding::{Finding, Subject};
use super::graph::members;
use super::known::Known;
use super::oddness;
use super::pattern::Pattern;
use super::score::Signs;
use super::timers::Due;

/// Returns looked at again because of one event.
const AGAIN: usize = 64;
/// Change of a score that makes a new row.
const CHANGE: f64 = 1e-6;

impl Fraud {
    /// Looks at a return, and then at those whose score rests on the same findings.
    pub(super) fn assess(&mut self, world: &World, rma: u32, now: Now) {
        self.look(world, rma, now);
        self.look_again(world, now);
    }

    /// Looks at the returns that were put down to be looked at again.
    pub(super) fn look_again(&mut self, world: &World, now: Now) {
        let mut seen = 0;
        while seen < self.again.len() && seen < AGAIN {
            let rma = self.again[seen];
            self.look(world, rma, now);
            seen += 1;
        }
        self.again.clear();
    }

    /// Puts a return down to be looked at again.
    pub(super) fn also(&mut self, rma: u32) {
        if self.again.len() < AGAIN && !self.again.contains(&rma) {
            self.again.push(rma);
        }
    }

    fn look(&mut self, world: &World, rma: u32, now: Now) {
        self.cases.reserve(rma);
        let (findings, wake_at, row, about, stake) = match Known::of(self, world, rma, now.clock) {
            Some(known) => {
                let findings = detectors::of_return(&known);
                let about = About {
                    customer: known.customer,
                    rma,
                    order: known.order,
                    currency: known.placed.map_or(world.currency, |placed| placed.currency),
                    ..About::default()
                };
                let row = oddness::row(&known);
                (findings, known.wake_at(), Some(row), about, known.value_minor)
            }
            None => (Vec::new(), NO_TIME, None, About::default(), 0),
        };
        self.wake(rma, wake_at);
        let rarity = row.as_ref().map_or(1.0, |row| self.small.oddness.of(row));
        if let Some(row) = &row
            && !self.cases.get(rma).learned
            && self
                .cases
                .get(rma)
                .facts
                .iter()
                .any(|fact| matches!(fact.what, What::Received(_)))
        {
            self.small.oddness.learn(row);
            self.cases.get_mut(rma).learned = true;
        }
        let mut found: Vec<Held> = findings.iter().map(held).collect();
        for held in &mut found {
            held.probability = self.small.beliefs.of(held) as f32;
        }
        let score = self.small.beliefs.score(&Signs {
            found: &found,
            rarity,
            known: self.known_before(about.customer, rma),
        });
        // Without a finding a third of the value is at stake: nobody knows what else it would be.
        let loss = found
            .iter()
            .map(|held| held.loss_minor)
            .max()
            .unwrap_or(stake / 3);
        let loss = (score * loss as f64).round() as i64;
        self.raise_all(world, rma, &findings, score, &about, now);
        let case = self.cases.get(rma);
        if row.is_none() && case.scored_at == NO_TIME {
            return;
        }
        let same = (case.score - score).abs() < CHANGE
            && case.loss_minor == loss
            && case.scored_at != NO_TIME
            && case.found.len() == found.len()
            && case
                .found
                .iter()
                .zip(&found)
                .all(|(a, b)| (a.pattern, a.doubtful) == (b.pattern, b.doubtful));
        if same {
            return;
        }
        let case = self.cases.get_mut(rma);
        case.found = found;
        case.rarity = rarity;
        case.currency = about.currency;
        case.score = score;
        case.loss_minor = loss;
        case.scored_at = now.clock;
        case.sequence = now.sequence;
        if !std::mem::replace(&mut case.dirty, true) {
            self.dirty_scores.push(rma);
        }
    }

    /// Sets or moves the timer of a return.
    fn wake(&mut self, rma: u32, at: i64) {
        let before = self.cases.get(rma).wake_at;
        if before == at {
            return;
        }
        if before != NO_TIME {
            self.small.timers.unset(before, Due::Return(rma));
        }
        if at != NO_TIME {
            self.small.timers.set(at, Due::Return(rma));
        }
        self.cases.get_mut(rma).wake_at = at;
    }

    /// Whether the customer, or else somebody of the cluster, was confirmed by something other than this return.
    pub(super) fn known_before(&self, customer: u32, rma: u32) -> Option<usize> {
        if customer == NO_KEY {
            return None;
        }
        let profile = self.profile(customer);
        let here = u16::from(self.cases.get(rma).confirmed);
        if profile.confirmed > here {
            return Some(0);
        }
        if profile.cluster == NO_KEY {
            return None;
        }
        let linked = members(&self.profiles, customer);
        linked[1..]
            .iter()
            .any(|member| self.profile(*member).confirmed > 0)
            .then_some(1)
    }

    /// Alerts for all findings, and no longer for what is not found any more.
    fn raise_all(
        &mut self,
        world: &World,
        rma: u32,
        findings: &[Finding],
        score: f64,
        about: &About,
        now: Now,
    ) {
        let mut raised = 0;
        for finding in findings {
            let own = matches!(finding.subject, Subject::Return(_));
            let score = if own {
                score
            } else {
                self.small.beliefs.of(&held(finding))
            };
            let told = self.told.len();
            let stands = self.alert(world, finding, score, about.clone(), now.clock);
            if own && stands {
                raised |= finding.pattern.bit();
            }
            // What is now known of somebody changes the scores of the other returns.
            if !own && self.told.len() > told {
                self.spread(finding, rma);
            }
        }
        let gone = self.cases.get(rma).raised & !raised;
        for pattern in Pattern::ALL {
            if gone & pattern.bit() != 0 {
                self.clear(world, Subject::Return(rma), pattern as u8, now.clock);
            }
        }
        if self.cases.get(rma).raised != raised {
            self.cases.get_mut(rma).raised = raised;
        }
    }

    /// The other returns that a finding about somebody touches.
    fn spread(&mut self, finding: &Finding, rma: u32) {
        let others: Vec<u32> = match finding.subject {
            Subject::Customer(customer) => self.returns_of(customer).take(12).collect(),
            Subject::Ring(value) => self
                .graph
                .value(value)
                .partners()
                .map(|partners| partners.asked.iter().map(|asked| asked.rma).collect())
                .unwrap_or_default(),
            Subject::Employee(number) => {
                let customers: Vec<u32> = self
                    .employees
                    .entries
                    .get(number)
                    .value
                    .pairs
                    .iter()
                    .filter(|(_, count)| *count > 1)
                    .map(|(customer, _)| *customer)
                    .collect();
                customers
                    .into_iter()
                    .flat_map(|customer| self.returns_of(customer).take(4).collect::<Vec<_>>())
                    .collect()
            }
            _ => Vec::new(),
        };
        for other in others {
            if other != rma {
                self.also(other);
            }
        }
    }

    /// Looks at a claim.
    pub(super) fn assess_claim(&mut self, world: &World, number: u32, now: Now) {
        let enabled = |pattern| self.small.policy.rule(pattern).enabled;
        let claim = &self.claims.entries.get(number).value;
        let kind = eddy_events::money::ClaimKind::ALL
            .get(usize::from(claim.kind))
            .filter(|_| claim.stands());
        let finding = match kind {
            Some(eddy_events::money::ClaimKind::NotReceived) if enabled(Pattern::FalseNonReceipt) => {
                false_non_receipt::detect(self, world, number)
            }
            Some(eddy_events::money::ClaimKind::Damaged) if enabled(Pattern::FalseDamageClaim) => {
                false_damage_claim::detect(self, world, number)
            }
            _ => None,
        };
        let about = About {
            customer: claim.customer,
            order: claim.order,
            claim: claim.id.clone(),
            currency: currency_of(world, claim.order),
            ..About::default()
        };
        let raised = claim.raised;
        let stands = finding
            .as_ref()
            .is_some_and(|finding| self.raise(world, finding, about, now));
        let now_raised = finding
            .filter(|_| stands)
            .map_or(0, |finding| finding.pattern.bit());
        for pattern in [Pattern::FalseNonReceipt, Pattern::FalseDamageClaim] {
            if raised & !now_raised & pattern.bit() != 0 {
                self.clear(world, Subject::Claim(number), pattern as u8, now.clock);
            }
        }
        if raised != now_raised {
            self.claims.entries.get_mut(number).value.raised = now_raised;
        }
    }

    /// Looks at the address of an order.
    pub(super) fn assess_order(&mut self, world: &World, order: u32, quality: Option<f64>, now: Now) {
        if !self.small.policy.rule(Pattern::JunkAddress).enabled {
            return;
        }
        let Some(finding) = quality.and_then(|quality| junk_address::detect(self, world, order, quality))
        else {
            return;
        };
        let placed = world.orders.get(order).standing();
        let about = About {
            customer: placed.map_or(NO_KEY, |placed| placed.customer),
            order,
            currency: currency_of(world, order),
            ..About::default()
        };
        self.raise(world, &finding, about, now);
    }

    /// Looks at what a customer refused.
    pub(super) fn assess_refusals(&mut self, world: &World, order: u32, customer: u32, now: Now) {
        if !self.small.policy.rule(Pattern::CodRefusalAbuse).enabled {
            return;
        }
        let Some(finding) = cod_refusal_abuse::detect(self, world, customer) else {
            return;
        };
        let about = About {
            customer,
            order,
            currency: currency_of(world, order),
            ..About::default()
        };
        self.raise(world, &finding, about, now);
    }

    /// Looks at a courier's agent.
    pub(super) fn assess_agent(&mut self, world: &World, number: u32, now: Now) {
        if !self.small.policy.rule(Pattern::FakeAttempt).enabled {
            return;
        }
        let Some(finding) = fake_attempt::detect(self, number) else {
            return;
        };
        let about = About {
            currency: world.currency,
            ..About::default()
        };
        self.raise(world, &finding, about, now);
    }

    /// Raises or updates an alert that rests on one finding alone.
    fn raise(&mut self, world: &World, finding: &Finding, about: About, now: Now) -> bool {
        let score = self.small.beliefs.of(&held(finding));
        self.alert(world, finding, score, about, now.clock)
    }
}

fn currency_of(world: &World, order: u32) -> u32 {
    let placed = (order != NO_KEY)
        .then(|| world.orders.get(order).standing())
        .flatten();
    placed
        .map(|placed| placed.currency)
        .filter(|currency| *currency != NO_SYMBOL)
        .unwrap_or(world.currency)
}

/// A finding as the score counts it.
pub(super) fn held(finding: &Finding) -> Held {
    Held {
        pattern: finding.pattern as u8,
        doubtful: finding.doubtful(),
        strength: finding.strength as f32,
        probability: 0.0,
        loss_minor: finding.loss_minor,
    }
}
