//! Policies, models and mappings in force, as the log published them.
//!
//! Each version of each kind is kept; the latest by event time is in force. Nothing here interprets a policy.

use bitcode::{Decode, Encode};

use crate::facts::{Stamp, stamped, standing};

/// What was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Kind {
    Policy,
    Model,
    Mapping,
}

/// One publication.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Published {
    pub(crate) stamp: Stamp,
    pub(crate) kind: Kind,
    pub(crate) subject: String,
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) artefact: Option<String>,
    /// The body as JSON.
    pub(crate) body: Option<String>,
}

stamped!(Published);

/// All publications; there are few.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Register {
    pub(crate) published: Vec<Published>,
}

/// One row: a version of a subject, and whether it is in force.
pub(crate) struct InForce<'a> {
    pub(crate) published: &'a Published,
    pub(crate) in_force: bool,
}

impl Register {
    /// The standing publication of each version of a kind.
    pub(crate) fn rows(&self, kind: Kind) -> Vec<InForce<'_>> {
        let mut rows: Vec<InForce<'_>> = Vec::new();
        let mut published: Vec<&Published> =
            standing(&self.published).filter(|one| one.kind == kind).collect();
        published.sort_by_key(|one| (one.stamp.at, one.stamp.tie));
        for one in published {
            for row in &mut rows {
                row.in_force &= row.published.subject != one.subject;
            }
            rows.retain(|row| row.published.subject != one.subject || row.published.version != one.version);
            rows.push(InForce {
                published: one,
                in_force: true,
            });
        }
        rows
    }
}
