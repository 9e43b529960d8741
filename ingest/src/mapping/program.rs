//! A bound mapping at work: rows in, canonical lines and dead letters out, group by group.
//!
//! Groups are atomic: a row is accepted only when every event that speaks of it is valid, and a row that is refused takes part in no
//! event. Reading files and sending events is not done here.

use std::borrow::Cow;
use std::sync::Arc;

use eddy_events::codec;
use rustc_hash::FxHashMap;

use super::Scope;
use super::eval::{Bad, Frame, Node, Row, Rows, Scene};
use super::json::{Origins, Shape, write_text, write_time};
use super::ledger::Ledger;
use super::row::{Column, Table};
use super::value::Value;

/// A mapping bound to its files.
#[derive(Debug)]
pub struct Program {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) columns: Vec<String>,
    pub(super) scene: Scene,
    pub(super) group_by: Option<Node>,
    pub(super) open_for: usize,
    pub(super) matchings: Vec<Matching>,
    pub(super) dead_letters: Vec<DeadLetter>,
    pub(super) events: Vec<EventProgram>,
}

#[derive(Debug)]
pub(super) struct Matching {
    pub(super) offer_when: Node,
    pub(super) want_when: Node,
    pub(super) key: Node,
    pub(super) quantity: Node,
    pub(super) time: Node,
    pub(super) keep: Vec<Node>,
    pub(super) ledger: Ledger,
}

#[derive(Debug)]
pub(super) struct DeadLetter {
    pub(super) when: Node,
    pub(super) reason: String,
    pub(super) field: String,
    pub(super) detail: String,
}

#[derive(Debug)]
pub(super) struct EventProgram {
    pub(super) kind: Node,
    pub(super) scope: Scope,
    pub(super) when: Option<Node>,
    pub(super) id: Node,
    pub(super) subject: Node,
    pub(super) time: Node,
    pub(super) data: Shape,
}

/// A row that makes no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Row number in the driving file, from 0.
    pub row: u64,
    /// Stable code.
    pub reason: String,
    /// Column or field at fault.
    pub field: String,
    /// For people.
    pub detail: String,
    /// The row as it was read, as JSON.
    pub body: Vec<u8>,
}

/// What a group came to.
#[derive(Debug, Default)]
pub struct Mapped {
    /// Rows of the driving file in this group.
    pub rows: u64,
    /// Rows whose events are below.
    pub accepted: u64,
    /// Rows that make none.
    pub refused: Vec<Refused>,
    /// Canonical lines with the names they were given.
    pub lines: Vec<Vec<u8>>,
}

impl Program {
    /// Name of the mapping.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Source of its events.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether earlier rows bear on later ones, so that a resumed load must map from the beginning.
    pub fn is_stateful(&self) -> bool {
        !self.matchings.is_empty()
    }

    /// Maps a JSON document: the objects of the array at `path`, or the document itself. A member that a row lacks is looked for in the
    /// document.
    pub fn map_document(&mut self, document: &serde_json::Value, path: Option<&str>) -> Mapped {
        let rows: Vec<&serde_json::Value> = match path.map(|path| descend(document, path)) {
            None => vec![document],
            Some(Some(serde_json::Value::Array(rows))) => rows.iter().collect(),
            Some(Some(row)) => vec![row],
            Some(None) => Vec::new(),
        };
        let columns = self
            .columns
            .iter()
            .map(|name| {
                let cell = |row| {
                    descend(row, name)
                        .or_else(|| descend(document, name))
                        .cloned()
                        .unwrap_or_default()
                };
                Column::Json(rows.iter().map(|row| cell(row)).collect())
            })
            .collect();
        let table = Arc::new(Table {
            columns,
            len: rows.len(),
            faults: FxHashMap::default(),
        });
        let mut whole = Mapped::default();
        for at in 0..table.len {
            let mapped = self.map(
                vec![Row {
                    table: Arc::clone(&table),
                    at,
                    index: at as u64,
                }],
                true,
            );
            whole.rows += mapped.rows;
            whole.accepted += mapped.accepted;
            whole.refused.extend(mapped.refused);
            whole.lines.extend(mapped.lines);
        }
        whole
    }

    /// A row as JSON.
    pub(super) fn original(&self, row: &Row) -> Vec<u8> {
        if let Some(fault) = row.table.faults.get(&row.at) {
            return fault.body.clone();
        }
        let object: serde_json::Map<String, serde_json::Value> = self
            .columns
            .iter()
            .zip(&row.table.columns)
            .map(|(name, column)| (name.clone(), column.json(row.at)))
            .collect();
        serde_json::Value::Object(object).to_string().into_bytes()
    }

    /// Maps one group. With `write` unset only the state is brought forward, as for rows that an earlier run has sent.
    pub(super) fn map(&mut self, rows: Vec<Row>, write: bool) -> Mapped {
        let mut refused: FxHashMap<usize, Bad> = FxHashMap::default();
        let mut group = Rows {
            live: Vec::new(),
            matched: Vec::new(),
            counted: Vec::new(),
            rows,
        };
        group
            .counted
            .resize_with(self.scene.occurrences.len(), Default::default);
        group.matched.resize_with(self.matchings.len(), Default::default);
        for row in 0..group.rows.len() {
            let frame = Frame {
                scene: &self.scene,
                group: &group,
                row,
                item: None,
            };
            let verdict = self
                .dead_letters
                .iter()
                .find_map(|rule| match rule.when.eval(frame) {
                    Ok(value) if value.holds() => Some(Bad {
                        row: Some(row),
                        reason: Cow::Owned(rule.reason.clone()),
                        field: rule.field.clone(),
                        detail: rule.detail.clone(),
                    }),
                    Ok(_) => None,
                    Err(bad) => Some(*bad),
                });
            match verdict {
                Some(bad) => {
                    refused.insert(row, bad);
                }
                None => group.live.push(row),
            }
        }
        self.settle(&mut group, &mut refused);
        let mut lines = Vec::new();
        if write {
            // Each round refuses at least one row more, so it ends.
            while !group.live.is_empty() {
                lines.clear();
                let Err(bad) = self.write(&group, &mut lines) else {
                    break;
                };
                lines.clear();
                match bad.row.filter(|row| group.live.contains(row)) {
                    Some(row) => {
                        group.live.retain(|live| *live != row);
                        refused.insert(row, bad);
                    }
                    None => {
                        for row in std::mem::take(&mut group.live) {
                            refused.insert(row, bad.clone());
                        }
                    }
                }
            }
        }
        let mut refused: Vec<_> = refused.into_iter().collect();
        refused.sort_by_key(|(row, _)| *row);
        Mapped {
            rows: group.rows.len() as u64,
            accepted: group.live.len() as u64,
            refused: refused
                .into_iter()
                .map(|(row, bad)| Refused {
                    row: group.rows[row].index,
                    reason: bad.reason.into_owned(),
                    field: bad.field,
                    detail: bad.detail,
                    body: if write {
                        self.original(&group.rows[row])
                    } else {
                        Vec::new()
                    },
                })
                .collect(),
            lines,
        }
    }

    /// Enters offers and finds them for wants.
    fn settle(&mut self, group: &mut Rows, refused: &mut FxHashMap<usize, Bad>) {
        for at in 0..self.matchings.len() {
            for row in group.live.clone() {
                let matching = &self.matchings[at];
                let frame = Frame {
                    scene: &self.scene,
                    group,
                    row,
                    item: None,
                };
                match matching.read(frame) {
                    Ok(None) => {}
                    Ok(Some(Deal::Offer {
                        key,
                        time,
                        quantity,
                        kept,
                    })) => {
                        self.matchings[at].ledger.offer(&key, time, quantity, kept);
                    }
                    Ok(Some(Deal::Want { key, time, quantity })) => {
                        if let Some(kept) = self.matchings[at].ledger.want(&key, time, quantity) {
                            group.matched[at].insert(row, kept);
                        }
                    }
                    Err(bad) => {
                        group.live.retain(|live| *live != row);
                        refused.insert(row, *bad);
                    }
                }
            }
        }
    }

    fn write(&self, group: &Rows, lines: &mut Vec<Vec<u8>>) -> Result<(), Bad> {
        for event in &self.events {
            let first = group.live.first().copied().unwrap_or_default();
            let one = [first];
            let rows: &[usize] = match event.scope {
                Scope::Group => &one,
                Scope::Row => &group.live,
            };
            for row in rows {
                let frame = Frame {
                    scene: &self.scene,
                    group,
                    row: *row,
                    item: None,
                };
                let mut origins = Origins::new();
                match self.event(event, frame, &mut origins) {
                    Ok(None) => {}
                    Ok(Some(line)) => match checked(line) {
                        Ok(line) => lines.push(line),
                        Err(rejection) => {
                            let row = match event.scope {
                                Scope::Row => Some(*row),
                                Scope::Group => culprit(&rejection.field, &origins),
                            };
                            return Err(Bad {
                                row,
                                reason: Cow::Borrowed(rejection.reason.as_str()),
                                field: rejection.field,
                                detail: format!(
                                    "{}: {}",
                                    rejection.kind.as_deref().unwrap_or("event"),
                                    rejection.detail
                                ),
                            });
                        }
                    },
                    Err(bad) => {
                        // A row read by itself is at fault; the first row read for all is not alone.
                        let row =
                            if event.scope == Scope::Row || bad.row != Some(first) || group.live.len() == 1 {
                                bad.row
                            } else {
                                None
                            };
                        return Err(Bad { row, ..*bad });
                    }
                }
            }
        }
        Ok(())
    }

    fn event<'a>(
        &'a self,
        event: &'a EventProgram,
        frame: Frame<'a>,
        origins: &mut Origins,
    ) -> Result<Option<Vec<u8>>, Box<Bad>> {
        if let Some(when) = &event.when
            && !when.eval(frame)?.holds()
        {
            return Ok(None);
        }
        let Some(kind) = event.kind.eval(frame)?.into_text() else {
            return Ok(None);
        };
        let mut line = Vec::with_capacity(512);
        line.extend_from_slice(b"{\"specversion\":\"1.0\"");
        if let Some(id) = event.id.eval(frame)?.into_text() {
            line.extend_from_slice(b",\"id\":");
            write_text(&id, &mut line);
        }
        line.extend_from_slice(b",\"source\":");
        write_text(&self.source, &mut line);
        line.extend_from_slice(b",\"type\":");
        write_text(&kind, &mut line);
        if let Some(subject) = event.subject.eval(frame)?.into_text() {
            line.extend_from_slice(b",\"subject\":");
            write_text(&subject, &mut line);
        }
        match event.time.eval(frame)? {
            Value::Null => {}
            Value::Time(moment) => {
                line.extend_from_slice(b",\"time\":");
                write_time(moment, &mut line);
            }
            other => {
                return Err(Box::new(Bad {
                    row: Some(frame.row),
                    reason: Cow::Borrowed("invalid_time"),
                    field: "time".to_owned(),
                    detail: format!(
                        "`{}` is no moment; use time()",
                        other.into_text().unwrap_or_default()
                    ),
                }));
            }
        }
        line.extend_from_slice(b",\"data\":");
        event.data.write(frame, "", &mut line, origins)?;
        line.push(b'}');
        Ok(Some(line))
    }
}

/// Validates. Lines are written in canonical form, so that decoding is enough; a text with escapes is left to the codec.
fn checked(line: Vec<u8>) -> Result<Vec<u8>, eddy_events::Rejection> {
    if memchr::memchr(b'\\', &line).is_some() {
        return codec::canonicalise(&line).map(|(_, line)| line);
    }
    let event = codec::decode(&line)?;
    event.check_logged_at(crate::now_micros())?;
    Ok(line)
}

/// The row behind `data.lines[3].qty`.
fn culprit(field: &str, origins: &Origins) -> Option<usize> {
    let (list, rest) = field.strip_prefix("data.")?.split_once('[')?;
    let index: usize = rest.split_once(']')?.0.parse().ok()?;
    origins
        .iter()
        .find(|(name, _)| name == list)?
        .1
        .get(index)
        .copied()
}

/// A member by its path, `Shipment.Scans.0.Status`.
fn descend<'a>(value: &'a serde_json::Value, path: &str) -> Option<&'a serde_json::Value> {
    path.split('.').try_fold(value, |value, part| match value {
        serde_json::Value::Object(members) => members.get(part),
        serde_json::Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

enum Deal {
    Offer {
        key: String,
        time: i64,
        quantity: i64,
        kept: Arc<[Value<'static>]>,
    },
    Want {
        key: String,
        time: i64,
        quantity: i64,
    },
}

impl Matching {
    fn read(&self, frame: Frame<'_>) -> Result<Option<Deal>, Box<Bad>> {
        let offers = self.offer_when.eval(frame)?.holds();
        if !offers && !self.want_when.eval(frame)?.holds() {
            return Ok(None);
        }
        let Some(key) = self.key.eval(frame)?.into_text() else {
            return Ok(None);
        };
        let (Value::Time(time), Some(quantity)) = (self.time.eval(frame)?, self.quantity.eval(frame)?.int())
        else {
            return Ok(None);
        };
        if !offers {
            return Ok(Some(Deal::Want {
                key: key.into_owned(),
                time: time.micros,
                quantity,
            }));
        }
        let kept = self
            .keep
            .iter()
            .map(|node| node.eval(frame).map(Value::into_owned))
            .collect::<Result<Arc<[_]>, _>>()?;
        Ok(Some(Deal::Offer {
            key: key.into_owned(),
            time: time.micros,
            quantity,
            kept,
        }))
    }
}
