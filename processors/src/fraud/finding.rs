//! What a detector says: how plainly the sign shows, what is at stake, what shows it, and which innocent explanations were looked for.

use serde::Serialize;

use super::case::Fact;
use super::pattern::Pattern;
use crate::world::World;

/// Whom a finding is about, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Return(u32),
    Customer(u32),
    Order(u32),
    Claim(u32),
    /// The identity value that the ring shares.
    Ring(u32),
    Agent(u32),
    Employee(u32),
}

/// One thing that shows it: in words, and the event behind them where one was kept.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) says: String,
    /// Symbol of the source and id of the event.
    pub(crate) event: Option<(u32, String)>,
}

/// An innocent explanation that was looked for.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    pub(crate) looked_for: &'static str,
    pub(crate) found: bool,
    pub(crate) says: String,
}

/// A sign of a pattern.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) pattern: Pattern,
    pub(crate) subject: Subject,
    /// How plainly it shows, 0 to 1; 0.5 is a plain case.
    pub(crate) strength: f64,
    /// What would be lost if it is so.
    pub(crate) loss_minor: i64,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) counter: Vec<Counter>,
}

impl Finding {
    pub(crate) fn new(pattern: Pattern, subject: Subject, strength: f64, loss_minor: i64) -> Self {
        Self {
            pattern,
            subject,
            strength: strength.clamp(0.0, 1.0),
            loss_minor: loss_minor.max(0),
            evidence: Vec::new(),
            counter: Vec::new(),
        }
    }

    /// An event shows it.
    pub(crate) fn shows(mut self, fact: &Fact, says: impl Into<String>) -> Self {
        self.evidence.push(Evidence {
            says: says.into(),
            event: Some((fact.source, fact.id.to_string())),
        });
        self
    }

    /// A figure shows it.
    pub(crate) fn says(mut self, says: impl Into<String>) -> Self {
        self.evidence.push(Evidence {
            says: says.into(),
            event: None,
        });
        self
    }

    /// An innocent explanation was looked for.
    pub(crate) fn looked(mut self, looked_for: &'static str, found: bool, says: impl Into<String>) -> Self {
        self.counter.push(Counter {
            looked_for,
            found,
            says: says.into(),
        });
        self
    }

    /// Whether an innocent explanation was found.
    pub(crate) fn doubtful(&self) -> bool {
        self.counter.iter().any(|counter| counter.found)
    }

    /// The evidence as JSON.
    pub(crate) fn evidence_json(&self, world: &World) -> String {
        #[derive(Serialize)]
        struct Told<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a str>,
            says: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            source: Option<&'a str>,
        }
        let told = self.evidence.iter().map(|evidence| Told {
            id: evidence.event.as_ref().map(|(_, id)| id.as_str()),
            says: &evidence.says,
            source: evidence
                .event
                .as_ref()
                .map(|(source, _)| world.symbols.text(*source)),
        });
        text(&told.collect::<Vec<_>>())
    }

    /// The counter-evidence as JSON.
    pub(crate) fn counter_json(&self) -> String {
        #[derive(Serialize)]
        struct Told<'a> {
            found: bool,
            looked_for: &'a str,
            says: &'a str,
        }
        let told = self.counter.iter().map(|counter| Told {
            found: counter.found,
            looked_for: counter.looked_for,
            says: &counter.says,
        });
        text(&told.collect::<Vec<_>>())
    }
}

fn text(told: &impl Serialize) -> String {
    serde_json::to_string(told).unwrap_or_default()
}

/// An amount in words: 1234.50.
pub(crate) fn money(minor: i64) -> String {
    let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

/// A share in words.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}
