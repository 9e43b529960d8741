//! `eddy_meta.policies`, `eddy_meta.models`, `eddy_meta.mappings`: what was published, and what is in force.

use super::Writer;
use crate::facts::standing;
use crate::governance::{Kind, Register};
use crate::rows::Kind::{Flag, Text, Time};
use crate::rows::{Column, FULL, NULL, Table};

const COLUMNS: &[Column] = &[
    (
        "subject",
        Text,
        FULL,
        "What it is published for, by its producer's own name.",
    ),
    ("version", Text, FULL, "Version."),
    ("digest", Text, FULL, "Digest of body or artefact."),
    ("artefact", Text, NULL, "Where the artefact is."),
    ("body", Text, NULL, "Body as JSON."),
    ("published_at", Time, FULL, "When it was published."),
    (
        "in_force",
        Flag,
        FULL,
        "It is the latest of its subject by event time.",
    ),
];

pub(crate) const POLICIES: Table = Table {
    name: "policies",
    schema_name: "eddy_meta",
    key: 2,
    comment: "Policies as the log published them.",
    columns: COLUMNS,
};

pub(crate) const MODELS: Table = Table {
    name: "models",
    comment: "Models as the log promoted them.",
    ..POLICIES
};

pub(crate) const MAPPINGS: Table = Table {
    name: "mappings",
    comment: "Mappings as the log published them.",
    ..POLICIES
};

pub(crate) fn write(register: &Register, kind: Kind, rows: &mut Writer) {
    let shown = register.rows(kind);
    for old in register
        .published
        .iter()
        .filter(|old| old.kind == kind && old.stamp.voided)
    {
        if !standing(&register.published)
            .any(|one| one.kind == kind && one.subject == old.subject && one.version == old.version)
        {
            rows.deletes.text(old.subject.as_str()).text(old.version.as_str());
        }
    }
    for row in shown {
        let one = row.published;
        rows.upserts
            .text(one.subject.as_str())
            .text(one.version.as_str())
            .text(one.digest.as_str())
            .text(one.artefact.as_deref())
            .text(one.body.as_deref())
            .time(one.stamp.at)
            .flag(row.in_force);
    }
}
