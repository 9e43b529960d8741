//! Resolving the names inside expressions: columns, `[let]`, tables, sets and functions.

use super::MappingError;
use super::bind::{Binder, Columns, missing};
use super::eval::{Fold, Node};
use super::functions;
use super::parse::Expr;
use super::value::{Decimal, Value};

impl Binder<'_> {
    pub(super) fn node(&mut self, place: &str, expr: &Expr) -> Result<Node, MappingError> {
        let boxed = |binder: &mut Self, expr: &Expr| binder.node(place, expr).map(Box::new);
        Ok(match expr {
            Expr::Null => Node::Const(Value::Null),
            Expr::Bool(value) => Node::Const(Value::Bool(*value)),
            Expr::Int(value) => Node::Const(Value::Int(*value)),
            Expr::Text(text) => Node::Const(Value::Text(text.clone().into())),
            Expr::Number(text) => Node::Const(Value::Dec(Decimal::parse(text).ok_or_else(|| {
                MappingError::Meaning {
                    place: place.to_owned(),
                    detail: format!("`{text}` is not a number"),
                }
            })?)),
            Expr::Column { input: None, name } => self.cell(place, name)?,
            Expr::Column {
                input: Some(input),
                name,
            } => self.joined_cell(place, input, name)?,
            Expr::Name(name) => self.named(place, name)?,
            Expr::Negate(a) => Node::Negate(boxed(self, a)?),
            Expr::Not(a) => Node::Not(boxed(self, a)?),
            Expr::IsNull(a, negated) => Node::IsNull(boxed(self, a)?, *negated),
            Expr::In(a, list) => Node::In(
                boxed(self, a)?,
                list.iter()
                    .map(|item| self.node(place, item))
                    .collect::<Result<_, _>>()?,
            ),
            Expr::Binary(operator, a, b) => Node::Binary(*operator, boxed(self, a)?, boxed(self, b)?),
            Expr::Call { name, arguments } => self.call(place, name, arguments)?,
        })
    }

    fn cell(&self, place: &str, name: &str) -> Result<Node, MappingError> {
        let header = match &self.driving {
            Columns::Fixed(header) => header,
            Columns::Paths(paths) => {
                let mut paths = paths.borrow_mut();
                let column = paths.iter().position(|known| known == name).unwrap_or_else(|| {
                    paths.push(name.to_owned());
                    paths.len() - 1
                });
                return Ok(Node::Cell {
                    column,
                    name: name.to_owned(),
                });
            }
        };
        if let Some(column) = header.find(name) {
            return Ok(Node::Cell {
                column,
                name: name.to_owned(),
            });
        }
        let optional = self
            .mapping
            .inputs
            .get("rows")
            .is_some_and(|input| input.optional.iter().any(|column| column == name));
        if optional {
            Ok(Node::Const(Value::Null))
        } else {
            Err(missing(place, name, header))
        }
    }

    fn joined_cell(&self, place: &str, input: &str, name: &str) -> Result<Node, MappingError> {
        if let Some(ledger) = self.mapping.matches.keys().position(|known| known == input) {
            let keep = &self.mapping.matches[input].keep;
            let kept = keep
                .keys()
                .position(|known| known == name)
                .ok_or_else(|| MappingError::Meaning {
                    place: place.to_owned(),
                    detail: format!(
                        "match `{input}` keeps no `{name}`; it keeps {}",
                        keep.keys().cloned().collect::<Vec<_>>().join(", ")
                    ),
                })?;
            return Ok(Node::Matched { ledger, kept });
        }
        let at = self.input(place, input)?;
        let header = &self.headers[at].1;
        match header.find(name) {
            Some(column) => Ok(Node::Joined {
                input: at,
                column,
                name: name.to_owned(),
            }),
            None if self
                .mapping
                .inputs
                .get(input)
                .is_some_and(|input| input.optional.iter().any(|column| column == name)) =>
            {
                Ok(Node::Const(Value::Null))
            }
            None => Err(missing(place, name, header)),
        }
    }

    fn named(&mut self, place: &str, name: &str) -> Result<Node, MappingError> {
        if let Some(index) = self.let_names.get(name) {
            return Ok(Node::Let(*index));
        }
        let meaning = |detail: String| MappingError::Meaning {
            place: place.to_owned(),
            detail,
        };
        let Some(text) = self.mapping.lets.get(name) else {
            return Err(meaning(format!(
                "`{name}` is not defined under [let]; a column is written ${name}, a text '{name}'"
            )));
        };
        if self.open.iter().any(|open| open == name) {
            return Err(meaning(format!(
                "`{name}` leads back to itself ({})",
                self.open.join(" -> ")
            )));
        }
        self.open.push(name.to_owned());
        let text = text.clone();
        let node = self.expression(&format!("let.{name}"), &text)?;
        self.open.pop();
        self.lets.push(node);
        let index = self.lets.len() - 1;
        self.let_names.insert(name.to_owned(), index);
        Ok(Node::Let(index))
    }

    fn call(&mut self, place: &str, name: &str, arguments: &[Expr]) -> Result<Node, MappingError> {
        let wrong = |detail: String| MappingError::Meaning {
            place: place.to_owned(),
            detail,
        };
        match (name, arguments) {
            ("row_number", []) => return Ok(Node::RowNumber),
            ("row_index", []) => return Ok(Node::RowIndex),
            ("occurrence", [value]) => {
                let node = self.node(place, value)?;
                self.occurrences.push(node);
                return Ok(Node::Occurrence(self.occurrences.len() - 1));
            }
            ("lookup", [Expr::Name(table), key, rest @ ..]) if rest.len() <= 1 => {
                let at = self
                    .mapping
                    .tables
                    .keys()
                    .position(|known| known == table)
                    .ok_or_else(|| {
                        wrong(format!(
                            "there is no table `{table}`; there are {}",
                            self.mapping.tables.keys().cloned().collect::<Vec<_>>().join(", ")
                        ))
                    })?;
                let key = Box::new(self.node(place, key)?);
                let default = rest
                    .first()
                    .map(|default| self.node(place, default))
                    .transpose()?
                    .map(Box::new);
                return Ok(Node::Lookup {
                    table: at,
                    key,
                    default,
                });
            }
            ("lookup", _) => {
                return Err(wrong(
                    "lookup takes a table, a key and, if a key may be absent, a default".to_owned(),
                ));
            }
            _ => {}
        }
        let fold = match name {
            "count" => Some(Fold::Count),
            "sum" => Some(Fold::Sum),
            "min" => Some(Fold::Min),
            "max" => Some(Fold::Max),
            "any" => Some(Fold::Any),
            "all" => Some(Fold::All),
            "first" => Some(Fold::First),
            _ => None,
        };
        if let Some(kind) = fold {
            let Some((Expr::Name(set), rest)) = arguments.split_first() else {
                return Err(wrong(format!(
                    "{name} takes a set first: rows, or a joined input"
                )));
            };
            let set = self.set(place, set)?;
            let mut rest = rest
                .iter()
                .map(|argument| self.node(place, argument).map(Box::new));
            let (value, when) = if kind == Fold::Count {
                (None, rest.next())
            } else {
                (rest.next(), rest.next())
            };
            if kind != Fold::Count && value.is_none() {
                return Err(wrong(format!("{name} takes a set and what to make of its rows")));
            }
            return Ok(Node::Fold {
                kind,
                set,
                value: value.transpose()?,
                when: when.transpose()?,
            });
        }
        let mut nodes = arguments
            .iter()
            .map(|argument| self.node(place, argument))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter();
        let count = arguments.len();
        let mut next = || {
            nodes
                .next()
                .map(Box::new)
                .ok_or_else(|| wrong(format!("{name} lacks an argument")))
        };
        match (name, count) {
            ("if", 3) => return Ok(Node::If(next()?, next()?, next()?)),
            ("try", 2) => return Ok(Node::Try(next()?, next()?)),
            ("coalesce", 1..) => return Ok(Node::Coalesce(nodes.collect())),
            _ => {}
        }
        if let (1, Some(function)) = (count, functions::one(name)) {
            return Ok(Node::One(function, next()?));
        }
        if let (2, Some(function)) = (count, functions::two(name)) {
            return Ok(Node::Two(function, next()?, next()?));
        }
        if let (3, Some(function)) = (count, functions::three(name)) {
            return Ok(Node::Three(function, next()?, next()?, next()?));
        }
        let known = functions::NAMES.split(", ").any(|known| known.trim() == name);
        Err(wrong(if known {
            format!("{name} does not take {count} arguments")
        } else {
            format!("there is no function `{name}`; there are {}", functions::NAMES)
        }))
    }
}
