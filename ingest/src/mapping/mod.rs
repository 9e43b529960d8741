//! Mappings: how rows of somebody's file become canonical events, written as data (TOML) so that a user can write one.
//!
//! This file holds the shape of a mapping and where mappings are found. [`parse`] reads the expressions inside, [`bind`] checks them
//! against the columns of real files, [`program`] runs them. What it deliberately has not: code for any particular data set. The
//! language is described for its users in `ingest/mappings/README.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub mod bind;
mod eval;
mod functions;
mod json;
mod ledger;
pub mod mapper;
mod names;
pub mod parse;
pub mod program;
pub mod row;
pub mod value;

/// What can be wrong with a mapping.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// No such mapping.
    #[error("unknown mapping `{name}`; known are {}, or give the path of your own .toml file", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The mapping's file cannot be read.
    #[error("cannot read the mapping {}: {source}", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Not TOML, or not the shape of a mapping.
    #[error("mapping {name}: {detail}")]
    Shape {
        /// The mapping.
        name: String,
        /// What is wrong, with its line.
        detail: String,
    },
    /// An expression that cannot be read.
    #[error("{place}: cannot read the expression `{text}`: {detail}")]
    Expression {
        /// Where in the mapping.
        place: String,
        /// The expression.
        text: String,
        /// What is wrong.
        detail: String,
    },
    /// A column that the file does not have.
    #[error("{place} names the column `{column}`, which {file} does not have; it has {}{}", columns.join(", "), hint.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default())]
    MissingColumn {
        /// Where in the mapping.
        place: String,
        /// What it names.
        column: String,
        /// The file.
        file: String,
        /// What the file has.
        columns: Vec<String>,
        /// The column that looks most like it.
        hint: Option<String>,
    },
    /// A name, function, input or table that the mapping does not define, or that cannot stand where it does.
    #[error("{place}: {detail}")]
    Meaning {
        /// Where in the mapping.
        place: String,
        /// What is wrong and what would be right.
        detail: String,
    },
}

/// A mapping as its file states it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Name, as in `eddy load --mapping NAME`.
    pub name: String,
    /// Version; goes to `mapping_version` of shipment events when the mapping says so.
    pub version: u32,
    /// What it maps, for people.
    #[serde(default)]
    pub about: String,
    /// The CloudEvents `source` of all its events.
    #[serde(default)]
    pub source: String,
    /// Zone of times that state none.
    #[serde(default = "utc")]
    pub zone: String,
    /// Rows already are CloudEvents: they are validated and passed on, and nothing below applies.
    #[serde(default)]
    pub canonical: bool,
    /// Files by name; `rows` is the driving one.
    #[serde(default, rename = "input")]
    pub inputs: BTreeMap<String, Input>,
    /// How rows form groups; without it each row is its own.
    pub group: Option<Group>,
    /// Lookup tables.
    #[serde(default, rename = "table")]
    pub tables: BTreeMap<String, BTreeMap<String, toml::Value>>,
    /// Named expressions.
    #[serde(default, rename = "let")]
    pub lets: BTreeMap<String, String>,
    /// Stateful matching of one row to an earlier one.
    #[serde(default, rename = "match")]
    pub matches: BTreeMap<String, Match>,
    /// Rows that make no event, and why.
    #[serde(default, rename = "dead_letter")]
    pub dead_letters: Vec<DeadLetterRule>,
    /// The events.
    #[serde(default, rename = "event")]
    pub events: Vec<EventRule>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// One file of the mapping.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Names of the file without its extension, the first that exists in the folder.
    #[serde(default)]
    pub file: Vec<String>,
    /// For webhooks: where in the document its rows are, e.g. `Shipment.Scans`.
    pub path: Option<String>,
    /// Expression over a driving row, or over a row of another joined file: the key looked for.
    pub on: Option<String>,
    /// Column of this input that holds the key. Several rows may have it: they form a set for `each`, `sum` and the like, and
    /// outside of those the first is read.
    pub key: Option<String>,
    /// Columns that may be absent; they read as null.
    #[serde(default)]
    pub optional: Vec<String>,
}

/// Which rows of the driving file belong together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Expression; equal values belong together.
    pub by: String,
    /// A group stays open until so many rows of others have passed; 0 when its rows stand together.
    #[serde(default)]
    pub open_for: usize,
}

/// A ledger of offers and the wants that consume them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Which rows are offers.
    pub offer_when: String,
    /// Which rows want one.
    pub want_when: String,
    /// Key that both share; a null key matches nothing.
    pub key: String,
    /// Quantity offered or wanted, positive.
    pub quantity: String,
    /// When; a want takes only offers of its own time or before.
    pub time: String,
    /// Which of the offers that still hold enough.
    #[serde(default)]
    pub prefer: Prefer,
    /// What the want may read of the offer, as `$purchase.order_id`.
    pub keep: BTreeMap<String, String>,
}

/// Choice among several offers that fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefer {
    /// The latest.
    #[default]
    Latest,
    /// The earliest.
    Earliest,
}

/// Rows for which this holds make no event.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterRule {
    /// Condition on a row.
    pub when: String,
    /// Stable code.
    pub reason: String,
    /// Column at fault.
    #[serde(default)]
    pub field: String,
    /// For people.
    #[serde(default)]
    pub detail: String,
}

/// One event per row or group.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRule {
    /// Event type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The event type as an expression, where a column decides; null makes no event.
    pub type_from: Option<String>,
    /// `row` or `group`.
    #[serde(default, rename = "for")]
    pub scope: Scope,
    /// Condition; always when absent.
    pub when: Option<String>,
    /// Id, unique within the source and the same on every load.
    pub id: String,
    /// Subject.
    pub subject: String,
    /// When it happened.
    pub time: String,
    /// Fields.
    pub data: toml::Table,
}

/// What a rule runs over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Each row.
    #[default]
    Row,
    /// Each group of rows; columns then read the group's first row.
    Group,
}

/// The mappings that come with Eddy: name and text.
pub const EMBEDDED: [(&str, &str); 4] = [
    ("amazon_india", include_str!("../../mappings/amazon_india.toml")),
    ("canonical", include_str!("../../mappings/canonical.toml")),
    ("olist", include_str!("../../mappings/olist.toml")),
    (
        "uci_online_retail",
        include_str!("../../mappings/uci_online_retail.toml"),
    ),
];

/// The webhook mappings that come with Eddy.
pub const WEBHOOKS: [(&str, &str); 1] = [(
    "delhivery",
    include_str!("../../mappings/webhooks/delhivery.toml"),
)];

/// A mapping with the digest of its text.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The mapping.
    pub mapping: Mapping,
    /// SHA-256 of its text, hexadecimal; a checkpoint of another text does not count.
    pub digest: String,
}

/// Finds a mapping by name, or reads a user's own when the name is a path to a `.toml` file.
pub fn find(name: &str) -> Result<Loaded, MappingError> {
    if let Some((_, text)) = EMBEDDED.iter().find(|(known, _)| *known == name) {
        return read(name, text);
    }
    let path = Path::new(name);
    if path.extension().is_some_and(|extension| extension == "toml") {
        let text = std::fs::read_to_string(path).map_err(|source| MappingError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        return read(name, &text);
    }
    Err(MappingError::Unknown {
        name: name.to_owned(),
        known: EMBEDDED.iter().map(|(name, _)| *name).collect(),
    })
}

/// Reads the text of a mapping.
pub fn read(name: &str, text: &str) -> Result<Loaded, MappingError> {
    let shape = |detail: String| MappingError::Shape {
        name: name.to_owned(),
        detail,
    };
    let mapping: Mapping = toml::from_str(text).map_err(|error| shape(error.to_string()))?;
    if !mapping.canonical {
        if mapping.source.is_empty() {
            return Err(shape(
                "`source` is missing; it names the producing system, e.g. urn:shop:mine".to_owned(),
            ));
        }
        if mapping.events.is_empty() {
            return Err(shape(
                "no [[event]] is defined, so that it would load nothing".to_owned(),
            ));
        }
    }
    Ok(Loaded {
        mapping,
        digest: hex(text.as_bytes()),
    })
}

/// SHA-256 as hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    use std::fmt::Write;
    sha2::Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
