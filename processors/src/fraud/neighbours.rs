//! Who is linked to a customer and by what, as a picture needs it: identity values, whether each links or is shared by too many, and who else has them.

use serde_json::{Value, json};

use super::Fraud;
use crate::world::World;

/// Customers drawn at most.
const CUSTOMERS: usize = 40;

impl Fraud {
    /// Nodes and edges around a customer; none when the customer is not known. A value shared by too many is a node without further customers.
    pub(crate) fn neighbours(&self, world: &World, customer: &str) -> Option<Value> {
        let center = world
            .customer_keys
            .find(customer)
            .filter(|number| self.profiles.holds(*number))?;
        let mut customers = vec![center];
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        let mut known: Vec<u32> = Vec::new();
        let mut next = 0;
        while next < customers.len() {
            let of = customers[next];
            next += 1;
            for number in &self.profile(of).values {
                let entry = self.graph.values.entries.get(*number);
                let value = &entry.value;
                let (kind, id) = (value.shared.word(), format!("{:016x}", entry.key));
                let partners = value.customers().count();
                // What only one has shows nothing of others, unless the customer asked about has it.
                if partners < 2 && of != center {
                    continue;
                }
                if !known.contains(number) {
                    known.push(*number);
                    let capped = value.capped();
                    nodes.push(json!({
                        "kind": kind, "id": id, "partners": partners, "capped": capped, "hard": value.shared.hard(),
                    }));
                    for other in value.customers().filter(|_| !capped) {
                        if !customers.contains(&other) && customers.len() < CUSTOMERS {
                            customers.push(other);
                        }
                    }
                }
                edges.push(json!({
                    "customer": world.customer_keys.get(of), "value": id, "kind": kind, "hard": value.shared.hard(),
                }));
            }
        }
        nodes.extend(customers.iter().map(|number| {
            json!({
                "kind": "customer",
                "id": world.customer_keys.get(*number),
                "partners": 0,
                "capped": false,
                "confirmed": self.profile(*number).confirmed,
                "center": *number == center,
            })
        }));
        Some(json!({ "customer_id": customer, "nodes": nodes, "edges": edges }))
    }

    /// Where an alert stands: what a reviewer must have seen to decide about it.
    pub(crate) fn standing(&self, id: &str) -> Option<Standing> {
        let number = super::alerts::key_of(id).and_then(|key| self.alerts.find(&key))?;
        let alert = &self.alerts.entries.get(number).value;
        Some(Standing {
            status: alert.status.as_str(),
            updated_at: eddy_events::Timestamp::utc(alert.updated_at).to_string(),
            actor: alert.actor.clone(),
            reason: alert.reason.clone(),
        })
        .filter(|standing| !standing.status.is_empty())
    }
}

/// Where an alert stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Word of the table.
    pub status: &'static str,
    /// Event time of the latest change, RFC 3339.
    pub updated_at: String,
    /// Whoever spoke last.
    pub actor: String,
    /// And why.
    pub reason: String,
}
