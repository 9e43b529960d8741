//! Cutting a stream of rows into groups, in bounded memory, in the order in which the groups begin.
//!
//! What a group comes to is decided by [`super::program`]; a row that arrives after its group has ended is refused and told, never
//! made a second group of the same name.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::eval::{Frame, Row, Rows};
use super::program::{Mapped, Program, Refused};
use super::row::Table;

/// Cuts a stream of rows into groups and maps them, in the order in which groups began.
#[derive(Debug)]
pub struct Mapper {
    program: Program,
    open: VecDeque<Open>,
    by_key: FxHashMap<String, u64>,
    /// Number of the first open group, so that a number finds its place in the queue.
    first: u64,
    closed: FxHashSet<u64>,
    next_row: u64,
    write_from: u64,
}

#[derive(Debug)]
struct Open {
    key: String,
    rows: Vec<Row>,
    last: u64,
}

impl Mapper {
    /// Starts at the beginning of a file. Groups that begin before `write_from` only bring the state forward.
    pub fn new(program: Program, first_row: u64, write_from: u64) -> Self {
        Self {
            program,
            open: VecDeque::new(),
            by_key: FxHashMap::default(),
            first: 0,
            closed: FxHashSet::default(),
            next_row: first_row,
            write_from,
        }
    }

    /// The mapping at work.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The first row that has not left in a group: where a resumed run goes on.
    pub fn low_water(&self) -> u64 {
        self.open
            .front()
            .and_then(|open| open.rows.first())
            .map_or(self.next_row, |row| row.index)
    }

    /// Takes rows and gives what the groups they close came to.
    pub fn push(&mut self, table: &Arc<Table>, mut emit: impl FnMut(Mapped)) {
        for at in 0..table.len {
            let row = Row {
                table: Arc::clone(table),
                at,
                index: self.next_row,
            };
            self.next_row += 1;
            if let Some(fault) = table.faults.get(&at) {
                emit(self.refuse(&row, fault.reason, "", &fault.detail));
                continue;
            }
            let Some(node) = &self.program.group_by else {
                self.give(vec![row], &mut emit);
                continue;
            };
            let probe = Rows {
                rows: vec![row],
                live: vec![0],
                ..Rows::default()
            };
            let frame = Frame {
                scene: &self.program.scene,
                group: &probe,
                row: 0,
                item: None,
            };
            let key = node
                .eval(frame)
                .map(|value| value.into_text().map(Cow::into_owned));
            let Some(row) = probe.rows.into_iter().next() else {
                continue;
            };
            match key {
                Ok(Some(key)) => self.join(key, row, &mut emit),
                // A row without a key stands alone.
                Ok(None) => {
                    self.open.push_back(Open {
                        key: String::new(),
                        last: row.index,
                        rows: vec![row],
                    });
                }
                Err(bad) => emit(self.refuse(&row, &bad.reason, &bad.field, &bad.detail)),
            }
            self.close_until(self.next_row, &mut emit);
        }
    }

    fn join(&mut self, key: String, row: Row, emit: &mut impl FnMut(Mapped)) {
        if let Some(number) = self.by_key.get(&key) {
            let open = &mut self.open[usize::try_from(number - self.first).unwrap_or_default()];
            open.last = row.index;
            open.rows.push(row);
            return;
        }
        if self.closed.contains(&hash(&key)) {
            let detail = format!(
                "the group `{}` ended {} or more rows earlier; raise group.open_for in the mapping",
                key.chars().take(60).collect::<String>(),
                self.program.open_for
            );
            emit(self.refuse(&row, "group_split", "group.by", &detail));
            return;
        }
        self.by_key
            .insert(key.clone(), self.first + self.open.len() as u64);
        self.open.push_back(Open {
            key,
            last: row.index,
            rows: vec![row],
        });
    }

    fn refuse(&self, row: &Row, reason: &str, field: &str, detail: &str) -> Mapped {
        if row.index < self.write_from {
            return Mapped::default();
        }
        Mapped {
            rows: 1,
            refused: vec![Refused {
                row: row.index,
                reason: reason.to_owned(),
                field: field.to_owned(),
                detail: detail.to_owned(),
                body: self.program.original(row),
            }],
            ..Mapped::default()
        }
    }

    /// Maps the groups at the head of the queue that have waited long enough. Only the head is looked at, so that groups leave in the
    /// order in which they began and a resume point is one row number.
    fn close_until(&mut self, now: u64, emit: &mut impl FnMut(Mapped)) {
        let patience = self.program.open_for as u64;
        while self
            .open
            .front()
            .is_some_and(|open| open.last + 1 + patience < now || (patience == 0 && open.last + 1 < now))
        {
            self.close_one(emit);
        }
    }

    fn close_one(&mut self, emit: &mut impl FnMut(Mapped)) {
        let Some(open) = self.open.pop_front() else { return };
        self.first += 1;
        if !open.key.is_empty() {
            self.by_key.remove(&open.key);
            self.closed.insert(hash(&open.key));
        }
        self.give(open.rows, emit);
    }

    fn give(&mut self, rows: Vec<Row>, emit: &mut impl FnMut(Mapped)) {
        let write = rows.first().is_some_and(|row| row.index >= self.write_from);
        let mapped = self.program.map(rows, write);
        if write {
            emit(mapped);
        }
    }

    /// Maps what is still open at the end of the file.
    pub fn finish(&mut self, mut emit: impl FnMut(Mapped)) {
        while !self.open.is_empty() {
            self.close_one(&mut emit);
        }
    }
}

fn hash(key: &str) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "64 of 128 bits tell keys apart well enough"
    )]
    let short = eddy_events::fingerprint(key.as_bytes()) as u64;
    short
}
