//! Bound expressions and their evaluation over one row of one group.
//!
//! Pure: the same group gives the same values. State across groups lives in [`super::ledger`] and arrives here as values of the group.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::functions::{One, Three, Two, Zone};
use super::parse::Operator;
use super::row::Table;
use super::value::{Decimal, Value};

/// An expression whose names are resolved.
#[derive(Debug)]
pub(super) enum Node {
    Const(Value<'static>),
    /// Cell of the driving row.
    Cell {
        column: usize,
        name: String,
    },
    /// Cell of a joined row.
    Joined {
        input: usize,
        column: usize,
        name: String,
    },
    /// What a want may read of its offer.
    Matched {
        ledger: usize,
        kept: usize,
    },
    Let(usize),
    One(One, Box<Node>),
    Two(Two, Box<Node>, Box<Node>),
    Three(Three, Box<Node>, Box<Node>, Box<Node>),
    Negate(Box<Node>),
    Not(Box<Node>),
    IsNull(Box<Node>, bool),
    /// Membership in a list of constants.
    In(Box<Node>, Vec<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Coalesce(Vec<Node>),
    Try(Box<Node>, Box<Node>),
    Lookup {
        table: usize,
        key: Box<Node>,
        default: Option<Box<Node>>,
    },
    RowNumber,
    RowIndex,
    Occurrence(usize),
    Fold {
        kind: Fold,
        set: Set,
        value: Option<Box<Node>>,
        when: Option<Box<Node>>,
    },
}

/// What is made of a set of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    Count,
    Sum,
    Min,
    Max,
    Any,
    All,
    First,
}

/// A set of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// The group's rows that are not dead letters.
    Rows,
    /// The rows of a joined input that fit.
    Input(usize),
}

/// Why a row makes no event.
#[derive(Clone, Debug)]
pub(super) struct Bad {
    /// Index in the group, if one row is at fault.
    pub(super) row: Option<usize>,
    pub(super) reason: Cow<'static, str>,
    pub(super) field: String,
    pub(super) detail: String,
}

pub(super) type Evaluated<'a> = Result<Value<'a>, Box<Bad>>;

/// A joined file, held in memory with an index from key to rows.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) table: Table,
    pub(super) index: FxHashMap<String, Vec<u32>>,
    /// The key looked for; it may itself read a joined file.
    pub(super) on: Node,
}

/// What expressions refer to by number.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) zone: Zone,
    pub(super) joined: Vec<Joined>,
    pub(super) lets: Vec<Node>,
    pub(super) occurrences: Vec<Node>,
    pub(super) tables: Vec<(String, FxHashMap<String, Value<'static>>)>,
}

/// One row of the driving file.
#[derive(Clone, Debug)]
pub struct Row {
    pub(super) table: Arc<Table>,
    pub(super) at: usize,
    /// Row number in the file, from 0.
    pub(super) index: u64,
}

/// Rows that belong together, with what was found for them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// Indices of rows that are not dead letters.
    pub(super) live: Vec<usize>,
    /// Per ledger and row: the values kept of the offer, if one fitted.
    pub(super) matched: Vec<FxHashMap<usize, Arc<[Value<'static>]>>>,
    pub(super) counted: Vec<OnceCell<Vec<i64>>>,
}

/// Where an expression is evaluated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) scene: &'a Scene,
    pub(super) group: &'a Rows,
    /// Index of the row in the group.
    pub(super) row: usize,
    /// The current row of a joined set, within `each` and the folds.
    pub(super) item: Option<(usize, usize)>,
}

impl<'a> Frame<'a> {
    fn bad(&self, field: impl Into<String>, detail: impl Into<String>) -> Box<Bad> {
        Box::new(Bad {
            row: Some(self.row),
            reason: Cow::Borrowed("invalid_value"),
            field: field.into(),
            detail: detail.into(),
        })
    }

    /// Rows of a joined input that fit the current row.
    pub(super) fn fitting(self, input: usize) -> Result<&'a [u32], Box<Bad>> {
        let joined = &self.scene.joined[input];
        let key = match joined.on.eval(self)? {
            Value::Null => return Ok(&[]),
            Value::Text(text) => text,
            other => other.into_text().unwrap_or_default(),
        };
        Ok(joined.index.get(key.as_ref()).map_or(&[], Vec::as_slice))
    }

    fn joined_row(self, input: usize) -> Result<Option<usize>, Box<Bad>> {
        if let Some((current, row)) = self.item
            && current == input
        {
            return Ok(Some(row));
        }
        Ok(self.fitting(input)?.first().map(|row| *row as usize))
    }

    /// Calls for every member of a set until told to stop.
    pub(super) fn each(
        self,
        set: Set,
        mut visit: impl FnMut(Frame<'a>) -> Result<bool, Box<Bad>>,
    ) -> Result<(), Box<Bad>> {
        match set {
            Set::Rows => {
                for row in &self.group.live {
                    if !visit(Frame {
                        row: *row,
                        item: None,
                        ..self
                    })? {
                        break;
                    }
                }
            }
            Set::Input(input) => {
                for row in self.fitting(input)? {
                    if !visit(Frame {
                        item: Some((input, *row as usize)),
                        ..self
                    })? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Node {
    /// The column it reads, or what else it may be called in a message.
    fn label(&self) -> String {
        match self {
            Self::Cell { name, .. } | Self::Joined { name, .. } => name.clone(),
            Self::One(_, inner)
            | Self::Two(_, inner, _)
            | Self::Three(_, inner, _, _)
            | Self::Negate(inner) => inner.label(),
            Self::Lookup { key, .. } => key.label(),
            _ => String::new(),
        }
    }

    pub(super) fn eval<'a>(&'a self, frame: Frame<'a>) -> Evaluated<'a> {
        Ok(match self {
            Self::Const(value) => borrowed(value),
            Self::Cell { column, .. } => {
                let row = &frame.group.rows[frame.row];
                row.table.columns[*column].cell(row.at)
            }
            Self::Joined { input, column, .. } => match frame.joined_row(*input)? {
                Some(row) => frame.scene.joined[*input].table.columns[*column].cell(row),
                None => Value::Null,
            },
            Self::Matched { ledger, kept } => frame
                .group
                .matched
                .get(*ledger)
                .and_then(|found| found.get(&frame.row))
                .map_or(Value::Null, |kept_values| borrowed(&kept_values[*kept])),
            Self::Let(index) => frame.scene.lets[*index].eval(frame)?,
            Self::One(function, a) => function(&frame.scene.zone, a.eval(frame)?)
                .map_err(|detail| frame.bad(self.label(), detail))?,
            Self::Two(function, a, b) => function(&frame.scene.zone, a.eval(frame)?, b.eval(frame)?)
                .map_err(|detail| frame.bad(self.label(), detail))?,
            Self::Three(function, a, b, c) => {
                function(&frame.scene.zone, a.eval(frame)?, b.eval(frame)?, c.eval(frame)?)
                    .map_err(|detail| frame.bad(self.label(), detail))?
            }
            Self::Negate(a) => match a.eval(frame)? {
                Value::Null => Value::Null,
                Value::Int(value) => Value::Int(
                    value
                        .checked_neg()
                        .ok_or_else(|| frame.bad(self.label(), "the number is too large"))?,
                ),
                other => match other.decimal() {
                    Some(decimal) => Value::Dec(Decimal {
                        mantissa: -decimal.mantissa,
                        ..decimal
                    }),
                    None => return Err(frame.bad(self.label(), "is not a number")),
                },
            },
            Self::Not(a) => Value::Bool(!a.eval(frame)?.holds()),
            Self::IsNull(a, negated) => Value::Bool(a.eval(frame)?.is_null() != *negated),
            Self::In(a, list) => {
                let value = a.eval(frame)?;
                let mut found = false;
                for item in list {
                    if value
                        .compare(&item.eval(frame)?)
                        .is_some_and(std::cmp::Ordering::is_eq)
                    {
                        found = true;
                        break;
                    }
                }
                Value::Bool(found)
            }
            Self::Binary(operator, a, b) => self.binary(*operator, a, b, frame)?,
            Self::If(condition, a, b) => {
                if condition.eval(frame)?.holds() {
                    a.eval(frame)?
                } else {
                    b.eval(frame)?
                }
            }
            Self::Coalesce(list) => {
                for item in list {
                    let value = item.eval(frame)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Value::Null
            }
            Self::Try(a, b) => match a.eval(frame) {
                Ok(value) => value,
                Err(_) => b.eval(frame)?,
            },
            Self::Lookup { table, key, default } => {
                let Some(text) = key.eval(frame)?.into_text() else {
                    return Ok(Value::Null);
                };
                let (name, entries) = &frame.scene.tables[*table];
                match (entries.get(text.as_ref()), default) {
                    (Some(value), _) => borrowed(value),
                    (None, Some(default)) => default.eval(frame)?,
                    (None, None) => {
                        let short: String = text.chars().take(60).collect();
                        return Err(frame.bad(key.label(), format!("`{short}` is not in the table `{name}`")));
                    }
                }
            }
            Self::RowNumber => Value::Int(i64::try_from(frame.row).unwrap_or(i64::MAX) + 1),
            Self::RowIndex => {
                Value::Int(i64::try_from(frame.group.rows[frame.row].index).unwrap_or(i64::MAX))
            }
            Self::Occurrence(index) => {
                let counts = match frame.group.counted[*index].get() {
                    Some(counts) => counts,
                    None => {
                        let counts = occurrences(&frame.scene.occurrences[*index], frame)?;
                        frame.group.counted[*index].get_or_init(|| counts)
                    }
                };
                Value::Int(counts[frame.row])
            }
            Self::Fold {
                kind,
                set,
                value,
                when,
            } => fold(*kind, *set, value.as_deref(), when.as_deref(), frame)?,
        })
    }

    fn binary<'a>(&'a self, operator: Operator, a: &'a Node, b: &'a Node, frame: Frame<'a>) -> Evaluated<'a> {
        let left = a.eval(frame)?;
        match operator {
            Operator::And if !left.holds() => return Ok(Value::Bool(false)),
            Operator::Or if left.holds() => return Ok(Value::Bool(true)),
            _ => {}
        }
        let right = b.eval(frame)?;
        Ok(match operator {
            Operator::And | Operator::Or => Value::Bool(right.holds()),
            Operator::Join => {
                let (Some(left), Some(right)) = (left.into_text(), right.into_text()) else {
                    return Ok(Value::Null);
                };
                let mut joined = String::with_capacity(left.len() + right.len());
                joined.push_str(&left);
                joined.push_str(&right);
                Value::Text(Cow::Owned(joined))
            }
            Operator::Equal
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => {
                let Some(order) = left.compare(&right) else {
                    return Ok(Value::Bool(false));
                };
                Value::Bool(match operator {
                    Operator::Equal => order.is_eq(),
                    Operator::NotEqual => order.is_ne(),
                    Operator::Less => order.is_lt(),
                    Operator::LessOrEqual => order.is_le(),
                    Operator::Greater => order.is_gt(),
                    _ => order.is_ge(),
                })
            }
            Operator::Add | Operator::Subtract | Operator::Multiply => {
                if left.is_null() || right.is_null() {
                    return Ok(Value::Null);
                }
                if let (Value::Int(left), Value::Int(right)) = (&left, &right) {
                    let result = match operator {
                        Operator::Add => left.checked_add(*right),
                        Operator::Subtract => left.checked_sub(*right),
                        _ => left.checked_mul(*right),
                    };
                    return result
                        .map(Value::Int)
                        .ok_or_else(|| frame.bad(a.label(), "the number is too large"));
                }
                let (Some(left), Some(right)) = (left.decimal(), right.decimal()) else {
                    return Err(frame.bad(a.label(), "is not a number"));
                };
                let result = match operator {
                    Operator::Add => left.plus(right),
                    Operator::Subtract => left.plus(Decimal {
                        mantissa: -right.mantissa,
                        ..right
                    }),
                    _ => left.times(right),
                };
                Value::Dec(result.ok_or_else(|| frame.bad(a.label(), "the number is too large"))?)
            }
        })
    }
}

/// A value that borrows from one that is kept.
pub(super) fn borrowed<'a>(value: &'a Value<'static>) -> Value<'a> {
    match value {
        Value::Text(text) => Value::Text(Cow::Borrowed(text.as_ref())),
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(*value),
        Value::Int(value) => Value::Int(*value),
        Value::Dec(value) => Value::Dec(*value),
        Value::Time(value) => Value::Time(*value),
        Value::Local(value) => Value::Local(*value),
    }
}

/// For each row of the group, how many rows up to it have the same value. Dead rows count: whether a row is refused must not rename
/// its neighbours.
fn occurrences(node: &Node, frame: Frame<'_>) -> Result<Vec<i64>, Box<Bad>> {
    let mut seen: FxHashMap<String, i64> = FxHashMap::default();
    (0..frame.group.rows.len())
        .map(|row| {
            let value = node.eval(Frame {
                row,
                item: None,
                ..frame
            })?;
            let count = seen
                .entry(value.into_text().unwrap_or_default().into_owned())
                .or_default();
            *count += 1;
            Ok(*count)
        })
        .collect()
}

fn fold<'a>(
    kind: Fold,
    set: Set,
    value: Option<&'a Node>,
    when: Option<&'a Node>,
    frame: Frame<'a>,
) -> Evaluated<'a> {
    let mut result = match kind {
        Fold::Count => Value::Int(0),
        Fold::Any => Value::Bool(false),
        Fold::All => Value::Bool(true),
        _ => Value::Null,
    };
    frame.each(set, |member| {
        if let Some(when) = when
            && !when.eval(member)?.holds()
        {
            return Ok(true);
        }
        let current = match value {
            Some(value) => value.eval(member)?,
            None => Value::Null,
        };
        let taken = std::mem::replace(&mut result, Value::Null);
        result = match (kind, taken) {
            (Fold::Count, Value::Int(count)) => Value::Int(count + 1),
            (Fold::Any, before) => Value::Bool(before.holds() || current.holds()),
            (Fold::All, before) => Value::Bool(before.holds() && current.holds()),
            (_, before) if current.is_null() => before,
            (_, Value::Null) => current,
            (Fold::First, before) => before,
            (Fold::Sum, Value::Int(before)) if matches!(current, Value::Int(_)) => {
                let Value::Int(current) = current else {
                    return Ok(true);
                };
                Value::Int(
                    before
                        .checked_add(current)
                        .ok_or_else(|| member.bad("", "the sum is too large"))?,
                )
            }
            (Fold::Sum, before) => {
                let sum = before
                    .decimal()
                    .zip(current.decimal())
                    .and_then(|(before, current)| before.plus(current));
                Value::Dec(sum.ok_or_else(|| member.bad("", "the sum takes numbers"))?)
            }
            (kind, before) => {
                let order = current
                    .compare(&before)
                    .ok_or_else(|| member.bad("", "values of one kind are compared"))?;
                let better = if kind == Fold::Min {
                    order.is_lt()
                } else {
                    order.is_gt()
                };
                if better { current } else { before }
            }
        };
        let decided = matches!(
            (kind, &result),
            (Fold::Any, Value::Bool(true)) | (Fold::All, Value::Bool(false))
        ) || (kind == Fold::First && !result.is_null());
        Ok(!decided)
    })?;
    Ok(result)
}
