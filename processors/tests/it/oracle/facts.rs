//! The events as told facts: which of them count, and what they say of an order.

use std::collections::{BTreeSet, HashSet};

use eddy_events::order::PaymentMode;
use eddy_events::{Body, Event, identity, order};

use super::text;

/// An event that counts, with its rank among events of one time.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    pub at: i64,
    pub tie: u32,
    pub body: &'a Body,
}

/// All events, without repeats and voidings.
pub struct Facts<'a> {
    pub told: Vec<Told<'a>>,
    /// Also what was voided.
    pub all: Vec<Told<'a>>,
}

impl<'a> Facts<'a> {
    pub fn of(events: &'a [Event]) -> Self {
        let name = |event: &Event| identity(&event.envelope.source, &event.envelope.id);
        let mut seen = HashSet::new();
        let all: Vec<&Event> = events.iter().filter(|event| seen.insert(name(event))).collect();
        let voids: HashSet<u128> = all
            .iter()
            .filter_map(|event| match &event.body {
                Body::EventVoided(void) => Some(identity(&void.source, &void.id)),
                _ => None,
            })
            .collect();
        let told = |event: &&'a Event| Told {
            at: event.envelope.time.micros,
            tie: (name(event) as u64 >> 32) as u32,
            body: &event.body,
        };
        Self {
            told: all
                .iter()
                .filter(|event| !voids.contains(&name(event)))
                .map(told)
                .collect(),
            all: all.iter().map(told).collect(),
        }
    }

    pub fn select<T>(&self, pick: impl Fn(&'a Body) -> Option<T>) -> Vec<(i64, u32, T)> {
        let mut found: Vec<(i64, u32, T)> = self
            .told
            .iter()
            .filter_map(|t| Some((t.at, t.tie, pick(t.body)?)))
            .collect();
        found.sort_by_key(|(at, tie, _)| (*at, *tie));
        found
    }

    pub fn ids(&self, subject: impl Fn(&'a Body) -> Option<&'a str>) -> BTreeSet<String> {
        self.told
            .iter()
            .filter_map(|t| subject(t.body))
            .map(text)
            .collect()
    }

    pub fn order(&self, id: &str) -> Option<(i64, &'a order::Placed)> {
        let placed = self.select(|body| match body {
            Body::OrderPlaced(placed) if placed.order_id == id => Some(placed.as_ref()),
            _ => None,
        });
        placed.last().map(|(at, _, placed)| (*at, *placed))
    }

    pub fn payment(&self, order: &str) -> Option<PaymentMode> {
        let modes = self.select(|body| match body {
            Body::OrderPlaced(placed) if placed.order_id == order => Some((0, placed.payment_mode)),
            Body::OrderPaymentConverted(to) if to.order_id == order => Some((1, to.to)),
            _ => None,
        });
        // Only the latest placing counts among placings.
        let placing = modes.iter().rfind(|(_, _, (kind, _))| *kind == 0);
        let converting = modes.iter().rfind(|(_, _, (kind, _))| *kind == 1);
        [placing, converting]
            .into_iter()
            .flatten()
            .max_by_key(|(at, tie, _)| (*at, *tie))
            .map(|(_, _, (_, mode))| *mode)
    }

    pub fn cancelled(&self, order: &str, line: &str) -> bool {
        self.told.iter().any(|t| match t.body {
            Body::OrderCancelled(c) => {
                c.order_id == order
                    && c.line_ids
                        .as_ref()
                        .is_none_or(|ids| ids.is_empty() || ids.iter().any(|id| id == line))
            }
            _ => false,
        })
    }

    pub fn category(&self, line: &order::Line) -> String {
        let of_catalogue = || {
            let items = self.select(|body| match body {
                Body::ContextCatalogueItemUpdated(item) if item.sku == line.sku => {
                    Some(item.category.clone())
                }
                _ => None,
            });
            items.last().map(|(_, _, category)| text(category))
        };
        line.category
            .as_ref()
            .map(text)
            .or_else(of_catalogue)
            .unwrap_or_default()
    }

    pub fn tier(&self, placed: &order::Placed) -> String {
        let entries = self.select(|body| match body {
            Body::ContextPincodePublished(entry) if entry.pincode == placed.destination_pincode => {
                Some(entry.tier)
            }
            _ => None,
        });
        entries
            .last()
            .and_then(|(_, _, tier)| *tier)
            .map(text)
            .unwrap_or_default()
    }

    pub fn state(&self, placed: &order::Placed) -> String {
        let of_directory = || {
            let entries = self.select(|body| match body {
                Body::ContextPincodePublished(entry) if entry.pincode == placed.destination_pincode => {
                    Some(entry.state.clone())
                }
                _ => None,
            });
            entries.last().map(|(_, _, state)| text(state))
        };
        placed
            .destination_state
            .as_ref()
            .map(text)
            .or_else(of_directory)
            .unwrap_or_default()
    }
}
