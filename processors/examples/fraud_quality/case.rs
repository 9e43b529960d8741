//! What is true of a simulated world, and what was told of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use eddy_events::output::OutputKind;
use eddy_events::{Body, Event, Timestamp};
use eddy_processors::Emitted;
use eddy_simulator::Pattern;
use eddy_simulator::truth::Row;

pub const DAY: i64 = 86_400_000_000;

/// A return as it is true.
pub struct Truth {
    pub pattern: Option<Pattern>,
    pub loss_minor: i64,
    pub innocent: Option<&'static str>,
    pub customer: String,
}

/// An alert as the desk sees it.
pub struct Alert {
    pub pattern: String,
    pub kind: String,
    pub subject: String,
    pub customer: String,
    pub rma: String,
    pub loss_minor: i64,
    pub raised_at: i64,
    pub waits: bool,
    /// Events between the last of its evidence and the one that raised it, and whether that one was about another thing.
    pub delay: Option<Delay>,
}

/// How an alert came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delay {
    /// By the last event of its evidence.
    None,
    /// By an event about something else, of which the clock is part: its sign is absence.
    Clock,
    /// By a later event about the same return, claim or order.
    Later,
    /// By a verdict or an audit.
    Word,
    /// Its evidence names no event.
    Figures,
}

/// All that is true and all that was told.
#[derive(Default)]
pub struct Case {
    pub returns: HashMap<String, Truth>,
    pub claims: HashMap<String, bool>,
    pub orders: HashSet<String>,
    pub agents: HashSet<String>,
    pub clerks: HashSet<String>,
    pub abusers: HashMap<String, Pattern>,
    pub honest: HashMap<String, &'static str>,
    pub alerts: BTreeMap<String, Alert>,
    /// Score, rarity and patterns by return.
    pub scores: HashMap<String, (f64, f64, String)>,
    /// The figures by which oddness is judged, as they were when the return was last heard of.
    pub figures: HashMap<String, Vec<f32>>,
    /// Postal code by order, tier by postal code, order by return.
    pub pincodes: HashMap<String, String>,
    pub tiers: HashMap<String, u8>,
    pub sold_with: HashMap<String, String>,
    /// Position, and the return, claim or order told of, by id of each event.
    pub told_at: HashMap<String, (u64, String)>,
    /// Returns asked for before by the customer, at the time of each return.
    pub counts: HashMap<String, f64>,
}

impl Case {
    pub fn tell(&mut self, row: Row) {
        match row {
            Row::Return {
                rma_id,
                customer_id,
                pattern,
                loss_minor,
                innocent,
                agent,
                ..
            } => {
                self.clerks.extend(agent.map(|agent| agent.to_string()));
                let truth = Truth {
                    pattern,
                    loss_minor,
                    innocent,
                    customer: customer_id.to_string(),
                };
                self.returns.insert(rma_id.to_string(), truth);
            }
            Row::Claim {
                claim_id, abusive, ..
            } => {
                self.claims.insert(claim_id.to_string(), abusive);
            }
            Row::Order { order_id, .. } => {
                self.orders.insert(order_id.to_string());
            }
            Row::Agent { agent, .. } => {
                self.agents.insert(agent.to_string());
            }
            Row::Customer {
                customer_id,
                customer_kind,
                pattern,
                ..
            } => {
                if let Some(pattern) = pattern {
                    self.abusers.insert(customer_id.to_string(), pattern);
                } else {
                    self.honest.insert(customer_id.to_string(), customer_kind);
                }
            }
            _ => {}
        }
    }

    /// What a reviewer who sees everything says.
    pub fn is_so(&self, alert: &Alert) -> bool {
        match alert.kind.as_str() {
            "return" => self
                .returns
                .get(&alert.subject)
                .is_some_and(|truth| truth.pattern.is_some()),
            "claim" => self.claims.get(&alert.subject).copied().unwrap_or(false),
            "order" => self.orders.contains(&alert.subject),
            "courier_agent" => self.agents.contains(&alert.subject),
            "employee" => self.clerks.contains(&alert.subject),
            _ => self.abusers.contains_key(&alert.customer),
        }
    }

    /// Keeps what is to be known of an event later.
    pub fn note(&mut self, event: &Event, sequence: u64) {
        let about = match &event.body {
            Body::ContextPincodePublished(body) => {
                self.tiers
                    .insert(body.pincode.to_string(), body.tier.unwrap_or(0));
                return;
            }
            Body::OrderPlaced(body) => {
                self.pincodes
                    .insert(body.order_id.to_string(), body.destination_pincode.to_string());
                body.order_id.to_string()
            }
            Body::ReturnRequested(body) => {
                let order = body.order_id.as_deref().unwrap_or("").to_owned();
                self.sold_with.insert(body.rma_id.to_string(), order);
                body.rma_id.to_string()
            }
            Body::RefundInitiated(body) | Body::RefundIssued(body) => {
                body.rma_id.as_deref().unwrap_or("").to_owned()
            }
            Body::ExchangeCreated(body) => body.rma_id.to_string(),
            Body::ClaimSubmitted(body) | Body::ClaimResolved(body) => body.claim_id.to_string(),
            Body::AlertReviewed(_) | Body::AuditSampleReviewed(_) => "word".to_owned(),
            _ => event.envelope.subject.to_string(),
        };
        self.told_at
            .entry(event.envelope.id.to_string())
            .or_insert((sequence, about));
    }

    /// The tier of the city that a return's order went to, 0 when not known.
    pub fn tier(&self, rma: &str) -> u8 {
        let pincode = self.sold_with.get(rma).and_then(|order| self.pincodes.get(order));
        pincode
            .and_then(|pincode| self.tiers.get(pincode))
            .copied()
            .unwrap_or(0)
    }

    fn delay(&self, cause: u64, about: &str, data: &serde_json::Value) -> Delay {
        let evidence = data["evidence"].as_array().into_iter().flatten();
        let known = evidence.filter_map(|one| self.told_at.get(one["id"].as_str()?));
        let Some((last, subject)) = known.max_by_key(|(at, _)| *at) else {
            return Delay::Figures;
        };
        if *last == cause {
            Delay::None
        } else if about == "word" {
            Delay::Word
        } else if about == subject || about == data["rma_id"] || about == data["order_id"] {
            Delay::Later
        } else {
            Delay::Clock
        }
    }

    pub fn hear(&mut self, out: &mut Emitted, about: &str) {
        for (cause, output) in out.outputs.drain(..) {
            if output.kind != OutputKind::FraudAlert {
                continue;
            }
            let data = output.data.value();
            let text = |name: &str| data[name].as_str().unwrap_or("").to_owned();
            let waits = ["open", "assigned", "needs_more"].contains(&text("status").as_str());
            let id = text("alert_id");
            let delay = match self.alerts.get(&id) {
                Some(known) => known.delay,
                None => Some(self.delay(cause.sequence, about, &data)),
            };
            let alert = Alert {
                pattern: text("pattern"),
                kind: text("subject_kind"),
                subject: text("subject_id"),
                customer: text("customer_id"),
                rma: text("rma_id"),
                loss_minor: data["expected_loss_minor"].as_i64().unwrap_or(0),
                raised_at: text("raised_at").parse::<Timestamp>().map_or(0, |at| at.micros),
                waits,
                delay,
            };
            self.alerts.insert(id, alert);
        }
    }
}
