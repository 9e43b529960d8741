//! Resolving the names of a mapping against the columns of real files.
//!
//! Everything that can be wrong with a mapping is found here, before the first row: a missing column, an unknown function or table, a
//! definition that leads back to itself.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use super::eval::{Joined, Node, Scene, Set};
use super::functions::Zone;
use super::json::Shape;
use super::ledger::Ledger;
use super::parse::parse;
use super::program::{DeadLetter, EventProgram, Matching, Program};
use super::row::Table;
use super::value::Value;
use super::{Mapping, MappingError};

/// A file's name and its columns.
#[derive(Clone, Debug)]
pub struct Header {
    /// For messages.
    pub file: String,
    /// Column names in order.
    pub columns: Vec<String>,
}

impl Header {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

/// A joined file, read whole.
#[derive(Debug)]
pub struct Side {
    /// Name of the input in the mapping.
    pub name: String,
    /// Its columns.
    pub header: Header,
    /// Its rows.
    pub table: Table,
}

/// Binds a mapping to its files.
pub fn bind(mapping: &Mapping, driving: &Header, sides: Vec<Side>) -> Result<Program, MappingError> {
    bind_columns(mapping, Columns::Fixed(driving), sides)
}

/// Binds a mapping to JSON documents, which have no header: a column is a path of members, as `$"Shipment.AWB"`, and what a document
/// lacks reads as null.
pub fn bind_documents(mapping: &Mapping) -> Result<Program, MappingError> {
    bind_columns(mapping, Columns::Paths(RefCell::default()), Vec::new())
}

pub(super) enum Columns<'m> {
    Fixed(&'m Header),
    /// Grows as paths are met.
    Paths(RefCell<Vec<String>>),
}

fn bind_columns(mapping: &Mapping, driving: Columns<'_>, sides: Vec<Side>) -> Result<Program, MappingError> {
    let zone = Zone::find(&mapping.zone).map_err(|detail| MappingError::Meaning {
        place: "zone".to_owned(),
        detail,
    })?;
    let mut tables: Vec<(String, FxHashMap<String, Value<'static>>)> = Vec::new();
    for (name, entries) in &mapping.tables {
        let mut table = FxHashMap::default();
        for (key, value) in entries {
            let place = format!("table.{name}.{key}");
            table.insert(key.clone(), constant(&place, value)?);
        }
        tables.push((name.clone(), table));
    }
    let mut binder = Binder {
        mapping,
        driving,
        headers: sides
            .iter()
            .map(|side| (side.name.clone(), side.header.clone()))
            .collect(),
        lets: Vec::new(),
        let_names: FxHashMap::default(),
        open: Vec::new(),
        occurrences: Vec::new(),
    };
    let mut joined = Vec::new();
    for side in sides {
        joined.push(binder.join(side)?);
    }
    let group_by = mapping
        .group
        .as_ref()
        .map(|group| binder.expression("group.by", &group.by))
        .transpose()?;
    let mut matchings = Vec::new();
    for (name, rule) in &mapping.matches {
        let place = |part: &str| format!("match.{name}.{part}");
        matchings.push(Matching {
            offer_when: binder.expression(&place("offer_when"), &rule.offer_when)?,
            want_when: binder.expression(&place("want_when"), &rule.want_when)?,
            key: binder.expression(&place("key"), &rule.key)?,
            quantity: binder.expression(&place("quantity"), &rule.quantity)?,
            time: binder.expression(&place("time"), &rule.time)?,
            keep: rule
                .keep
                .iter()
                .map(|(field, text)| binder.expression(&place(&format!("keep.{field}")), text))
                .collect::<Result<_, _>>()?,
            ledger: Ledger::new(rule.prefer),
        });
    }
    let mut dead_letters = Vec::new();
    for (index, rule) in mapping.dead_letters.iter().enumerate() {
        dead_letters.push(DeadLetter {
            when: binder.expression(&format!("dead_letter[{}].when", index + 1), &rule.when)?,
            reason: rule.reason.clone(),
            field: rule.field.clone(),
            detail: rule.detail.clone(),
        });
    }
    let mut events = Vec::new();
    for (index, rule) in mapping.events.iter().enumerate() {
        let place = |part: &str| {
            format!(
                "event[{}] {}: {part}",
                index + 1,
                rule.kind.as_deref().unwrap_or("type_from")
            )
        };
        let kind = match (&rule.kind, &rule.type_from) {
            (Some(kind), None) if eddy_events::Body::TYPES.contains(&kind.as_str()) => {
                Node::Const(Value::Text(kind.clone().into()))
            }
            (Some(kind), None) => {
                return Err(MappingError::Meaning {
                    place: place("type"),
                    detail: format!("`{kind}` is no event type of the catalogue"),
                });
            }
            (None, Some(text)) => binder.expression(&place("type_from"), text)?,
            _ => {
                let detail = "an event has either `type`, or `type_from` with an expression".to_owned();
                return Err(MappingError::Meaning {
                    place: place("type"),
                    detail,
                });
            }
        };
        events.push(EventProgram {
            kind,
            scope: rule.scope,
            when: rule
                .when
                .as_ref()
                .map(|text| binder.expression(&place("when"), text))
                .transpose()?,
            id: binder.expression(&place("id"), &rule.id)?,
            subject: binder.expression(&place("subject"), &rule.subject)?,
            time: binder.expression(&place("time"), &rule.time)?,
            data: binder.object(&place("data"), &rule.data)?,
        });
    }
    let columns = match binder.driving {
        Columns::Fixed(header) => header.columns.clone(),
        Columns::Paths(paths) => paths.into_inner(),
    };
    let scene = Scene {
        zone,
        joined,
        lets: binder.lets,
        occurrences: binder.occurrences,
        tables,
    };
    Ok(Program {
        name: mapping.name.clone(),
        source: mapping.source.clone(),
        columns,
        scene,
        group_by,
        open_for: mapping.group.as_ref().map_or(0, |group| group.open_for),
        matchings,
        dead_letters,
        events,
    })
}

fn constant(place: &str, value: &toml::Value) -> Result<Value<'static>, MappingError> {
    Ok(match value {
        toml::Value::String(text) => Value::Text(text.clone().into()),
        toml::Value::Integer(value) => Value::Int(*value),
        toml::Value::Boolean(value) => Value::Bool(*value),
        toml::Value::Float(value) => Value::from_float(*value),
        _ => {
            return Err(MappingError::Meaning {
                place: place.to_owned(),
                detail: "a text, number or truth value is expected".to_owned(),
            });
        }
    })
}

pub(super) struct Binder<'m> {
    pub(super) mapping: &'m Mapping,
    pub(super) driving: Columns<'m>,
    pub(super) headers: Vec<(String, Header)>,
    pub(super) lets: Vec<Node>,
    pub(super) let_names: FxHashMap<String, usize>,
    /// Names of `[let]` being defined, to find circles.
    pub(super) open: Vec<String>,
    pub(super) occurrences: Vec<Node>,
}

impl Binder<'_> {
    pub(super) fn expression(&mut self, place: &str, text: &str) -> Result<Node, MappingError> {
        let expr = parse(place, text)?;
        self.node(place, &expr)
    }

    fn join(&mut self, side: Side) -> Result<Joined, MappingError> {
        let place = format!("input.{}", side.name);
        let meaning = |detail: &str| MappingError::Meaning {
            place: place.clone(),
            detail: detail.to_owned(),
        };
        let input = self
            .mapping
            .inputs
            .get(&side.name)
            .ok_or_else(|| meaning("is not defined"))?;
        let (Some(on), Some(key)) = (&input.on, &input.key) else {
            return Err(meaning(
                "a joined file needs `on` (expression over the driving row) and `key` (its own column)",
            ));
        };
        let column = side
            .header
            .find(key)
            .ok_or_else(|| missing(&format!("{place}.key"), key, &side.header))?;
        let mut index: FxHashMap<String, Vec<u32>> = FxHashMap::default();
        for row in 0..side.table.len {
            if let Some(text) = side.table.columns[column].cell(row).into_text() {
                let row =
                    u32::try_from(row).map_err(|_| meaning("has more rows than a joined file may have"))?;
                index.entry(text.into_owned()).or_default().push(row);
            }
        }
        let on = self.expression(&format!("{place}.on"), on)?;
        Ok(Joined {
            table: side.table,
            index,
            on,
        })
    }

    pub(super) fn input(&self, place: &str, name: &str) -> Result<usize, MappingError> {
        self.headers
            .iter()
            .position(|(known, _)| known == name)
            .ok_or_else(|| MappingError::Meaning {
                place: place.to_owned(),
                detail: format!(
                    "there is no joined input `{name}`; there are {}",
                    self.headers
                        .iter()
                        .map(|(name, _)| name.as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            })
    }

    fn object(&mut self, place: &str, table: &toml::Table) -> Result<Shape, MappingError> {
        let mut fields = Vec::with_capacity(table.len());
        for (name, value) in table {
            let shape = self.shape(&format!("{place}.{name}"), value)?;
            fields.push((name.clone(), shape));
        }
        fields.sort_by(|left, right| left.0.cmp(&right.0));
        let quoted = |name: String| {
            let mut text = serde_json::Value::String(name).to_string();
            text.push(':');
            text
        };
        Ok(Shape::Object(
            fields
                .into_iter()
                .map(|(name, shape)| (quoted(name), shape))
                .collect(),
        ))
    }

    fn shape(&mut self, place: &str, value: &toml::Value) -> Result<Shape, MappingError> {
        Ok(match value {
            toml::Value::String(text) => Shape::Value(self.expression(place, text)?),
            toml::Value::Array(items) => {
                let items = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| self.shape(&format!("{place}[{at}]"), item));
                Shape::List(items.collect::<Result<_, _>>()?)
            }
            toml::Value::Table(table) if table.contains_key("each") => self.each(place, table)?,
            toml::Value::Table(table) => self.object(place, table)?,
            other => Shape::Value(Node::Const(constant(place, other)?)),
        })
    }

    fn each(&mut self, place: &str, table: &toml::Table) -> Result<Shape, MappingError> {
        let meaning = |detail: String| MappingError::Meaning {
            place: place.to_owned(),
            detail,
        };
        let set = table
            .get("each")
            .and_then(toml::Value::as_str)
            .ok_or_else(|| meaning("`each` names a set: rows, or a joined input".to_owned()))?;
        let set = self.set(place, set)?;
        let when = match table.get("when") {
            None => None,
            Some(toml::Value::String(text)) => Some(self.expression(&format!("{place}.when"), text)?),
            Some(_) => return Err(meaning("`when` is an expression".to_owned())),
        };
        let item = table
            .get("item")
            .ok_or_else(|| meaning("`each` needs `item`, the fields of one entry".to_owned()))?;
        let item = Box::new(self.shape(&format!("{place}.item"), item)?);
        if let Some(other) = table
            .keys()
            .find(|key| !matches!(key.as_str(), "each" | "when" | "item"))
        {
            return Err(meaning(format!(
                "`{other}` is not part of a list; its parts are each, when and item"
            )));
        }
        Ok(Shape::Each { set, when, item })
    }

    pub(super) fn set(&self, place: &str, name: &str) -> Result<Set, MappingError> {
        if name == "rows" {
            Ok(Set::Rows)
        } else {
            self.input(place, name).map(Set::Input)
        }
    }
}

pub(super) fn missing(place: &str, column: &str, header: &Header) -> MappingError {
    let plain = |text: &str| {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase()
    };
    let hint = header
        .columns
        .iter()
        .find(|known| plain(known) == plain(column))
        .cloned();
    MappingError::MissingColumn {
        place: place.to_owned(),
        column: column.to_owned(),
        file: header.file.clone(),
        columns: header.columns.iter().map(|name| format!("`{name}`")).collect(),
        hint,
    }
}
