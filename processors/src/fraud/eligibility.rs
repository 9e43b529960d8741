//! A return that is about to be authorised: approve, review or decline, and why. The answer follows from what the log told so far and from the policy in
//! force; nothing is kept of the question, and whoever runs the orders decides.
//!
//! Rules decline (window, quantity left); doubt asks for a review (an order not known, goods not delivered, another instrument, risk). Risk declines only where
//! the policy says from which probability on.

use eddy_events::Timestamp;
use eddy_events::returns::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::case::ReturnCase;
use super::detectors::{account_hopping, frequent_high_value_returns, serial_returner};
use super::finding::{Finding, money, percent};
use super::graph::members;
use super::known::Known;
use super::pattern::Pattern;
use super::profile::DAY_US;
use super::score::Signs;
use super::{Fraud, hashed};
use crate::facts::Stamp;
use crate::fraud::assess::held;
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::returns::{Request, RequestedLine};
use crate::world::{World, index_of};

/// Lines of one question.
const LINES: usize = 200;

/// A return that somebody asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Order.
    pub order_id: String,
    /// Who asks, where it is known.
    #[serde(default)]
    pub customer_id: Option<String>,
    /// What is to come back.
    pub lines: Vec<AppliedLine>,
    /// Instrument that the money is to go to.
    #[serde(default)]
    pub instrument_hash: Option<String>,
    /// When it is asked for, RFC 3339; the log's clock when left out.
    #[serde(default)]
    pub at: Option<String>,
}

/// One line of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppliedLine {
    /// Line of the order.
    pub line_id: String,
    /// Pieces.
    pub qty: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Approve,
    Review,
    Decline,
}

/// Why, rule by rule.
#[derive(Debug, Serialize)]
struct Reason {
    rule: &'static str,
    decision: Decision,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_id: Option<String>,
}

impl Fraud {
    /// Answers a question at the shard's clock. The error says what is wrong with the question.
    pub(crate) fn eligible(&self, world: &World, asked: &Application, clock: i64) -> Result<Value, String> {
        if asked.lines.is_empty() || asked.lines.len() > LINES {
            return Err(format!("name 1 to {LINES} lines: lines: [{{line_id, qty}}]"));
        }
        if let Some(line) = asked.lines.iter().find(|line| line.qty == 0) {
            return Err(format!("line {}: qty must be 1 or more", line.line_id));
        }
        let at = match &asked.at {
            Some(text) => {
                Timestamp::parse(text)
                    .ok_or_else(|| format!("at: {text} is not an RFC 3339 time"))?
                    .micros
            }
            None => clock,
        };
        let mut reasons = Vec::new();
        let order = world.order_keys.find(&asked.order_id);
        let placed = order.and_then(|order| world.orders.get(order).standing());
        let (Some(order), Some(placed)) = (order, placed) else {
            let says = format!(
                "order {} is not known; it may still be on its way",
                asked.order_id
            );
            return Ok(self.answer(
                0.0,
                0,
                world.currency,
                world,
                vec![review("order", says)],
                Vec::new(),
            ));
        };
        let own = asked.customer_id.as_deref();
        if own.is_some_and(|own| world.customer_keys.find(own) != Some(placed.customer)) {
            reasons.push(review(
                "customer",
                "the order was placed by somebody else".to_owned(),
            ));
        }
        let outcome = world.outcome(order);
        let mut lines: Vec<RequestedLine> = Vec::new();
        for asked in &asked.lines {
            let of_line = |rule, decision, says| Reason {
                rule,
                decision,
                says,
                line_id: Some(asked.line_id.clone()),
            };
            let found = placed
                .lines
                .iter()
                .zip(&outcome.lines)
                .find(|(line, _)| world.symbols.text(line.line) == asked.line_id);
            let Some((line, done)) = found else {
                let says = "the order has no such line".to_owned();
                reasons.push(of_line("line", Decision::Review, says));
                continue;
            };
            let before = lines.iter().filter(|known| known.line == line.line);
            let taken = before
                .map(|known| known.qty)
                .fold(done.requested.max(done.received), u32::saturating_add);
            lines.push(RequestedLine {
                line: line.line,
                sku: line.sku,
                qty: asked.qty,
                reason: NO_SYMBOL,
                group: NO_SYMBOL,
            });
            if done.delivered == 0 {
                let says = "it is not delivered as far as is known".to_owned();
                reasons.push(of_line("delivered", Decision::Review, says));
                continue;
            }
            let left = done.delivered.saturating_sub(taken);
            if asked.qty > left {
                let says = format!(
                    "{} asked for, {left} left to return: {} delivered, {taken} asked back before",
                    asked.qty, done.delivered
                );
                reasons.push(of_line("quantity", Decision::Decline, says));
            }
            let told = self.article(line.sku).returnable_days;
            let days = if told > 0 {
                f64::from(told)
            } else {
                self.small.policy.returns.window_days
            };
            let until = done.delivered_at.saturating_add((days * DAY_US as f64) as i64);
            if at > until {
                let says = format!(
                    "it could come back until {}, {days:.0} days after delivery",
                    Timestamp::utc(until)
                );
                reasons.push(of_line("window", Decision::Decline, says));
            }
        }
        if let Some(reason) = self.other_instrument(order, placed.customer, asked) {
            reasons.push(reason);
        }
        let customer = placed.customer;
        let request = Request {
            stamp: Stamp::default(),
            order,
            customer,
            channel: 0,
            method: index_of(Method::ALL, Method::Pickup),
            lines: lines.into(),
        };
        let case = ReturnCase::default();
        let known = Known::imagined(self, world, &case, &request, clock);
        let (risk, findings) = self.risk_of(&known);
        let bounds = self.small.policy.returns;
        let decline = bounds.decline_above.is_some_and(|above| risk >= above);
        if decline || risk >= bounds.review_above {
            reasons.push(Reason {
                rule: "risk",
                decision: if decline {
                    Decision::Decline
                } else {
                    Decision::Review
                },
                says: format!("abuse is suspected with a probability of {}", percent(risk)),
                line_id: None,
            });
        }
        let told = findings.iter().map(|finding| told(finding, world)).collect();
        let currency = if placed.currency == NO_SYMBOL {
            world.currency
        } else {
            placed.currency
        };
        Ok(self.answer(risk, known.value_minor, currency, world, reasons, told))
    }

    fn other_instrument(&self, order: u32, customer: u32, asked: &Application) -> Option<Reason> {
        let instrument = hashed(asked.instrument_hash.as_deref()?);
        let sale = self.sale(order).filter(|sale| sale.instrument != 0)?;
        if sale.instrument == instrument || self.instrument_of(instrument, customer) {
            return None;
        }
        let mut reason = review(
            "instrument",
            "the money is to go to an instrument that did not pay".to_owned(),
        );
        if sale.gift {
            reason.decision = Decision::Approve;
            reason.says.push_str("; the order was a present");
        }
        Some(reason)
    }

    /// Probability of abuse by what is known of the customer, and what speaks for it.
    fn risk_of(&self, known: &Known<'_>) -> (f64, Vec<Finding>) {
        let rule = |pattern| self.small.policy.enabled && self.small.policy.rule(pattern).enabled;
        let findings: Vec<Finding> = [
            rule(Pattern::SerialReturner)
                .then(|| serial_returner::detect(known))
                .flatten(),
            rule(Pattern::AccountHopping)
                .then(|| account_hopping::detect(known))
                .flatten(),
            rule(Pattern::FrequentHighValueReturns)
                .then(|| frequent_high_value_returns::detect(known))
                .flatten(),
        ]
        .into_iter()
        .flatten()
        .collect();
        let found: Vec<_> = findings.iter().map(held).collect();
        let customer = known.customer;
        let confirmed = |of: u32| self.profile(of).confirmed > 0;
        let before = if customer == NO_KEY {
            None
        } else if confirmed(customer) {
            Some(0)
        } else if self.profile(customer).cluster == NO_KEY {
            None
        } else {
            members(&self.profiles, customer)[1..]
                .iter()
                .any(|member| confirmed(*member))
                .then_some(1)
        };
        let risk = self.small.beliefs.score(&Signs {
            found: &found,
            rarity: 1.0,
            known: before,
        });
        (risk, findings)
    }

    fn answer(
        &self,
        risk: f64,
        value_minor: i64,
        currency: u32,
        world: &World,
        reasons: Vec<Reason>,
        findings: Vec<Value>,
    ) -> Value {
        let decision = reasons
            .iter()
            .map(|reason| reason.decision)
            .max()
            .unwrap_or(Decision::Approve);
        json!({
            "decision": decision,
            "reasons": reasons,
            "risk": (risk * 1e6).round() / 1e6,
            "expected_loss_minor": (risk * value_minor as f64).round() as i64,
            "value_minor": value_minor,
            "value": money(value_minor),
            "currency": world.symbols.text(currency),
            "findings": findings,
            "policy_version": self.small.policy.version,
        })
    }
}

fn review(rule: &'static str, says: String) -> Reason {
    Reason {
        rule,
        decision: Decision::Review,
        says,
        line_id: None,
    }
}

fn told(finding: &Finding, world: &World) -> Value {
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap_or_default();
    json!({
        "pattern": finding.pattern.as_str(),
        "evidence": read(finding.evidence_json(world)),
        "counter_evidence": read(finding.counter_json()),
    })
}
