//! `dead_letters`: what was refused, read from the stream of dead letters. Not a projection of the log, and in no digest.

use eddy_log::dead_letters::StoredDeadLetter;

use super::{Change, DEAD_LETTERS, schemas};
use crate::rows::Kind::{Int, Text, Time};
use crate::rows::{FULL, NULL, Rows, Table};

pub(crate) const TABLE: Table = Table {
    name: "dead_letters",
    schema_name: "",
    key: 1,
    comment: "Events and rows that were refused, with the reason and the bytes they came in.",
    columns: &[
        ("sequence", Int, FULL, "Sequence in the stream of dead letters."),
        ("received_at", Time, FULL, "When it was refused."),
        (
            "origin",
            Text,
            FULL,
            "Who refused it: the gateway, a loader, or the engine.",
        ),
        (
            "source",
            Text,
            NULL,
            "Source of the event, as far as it could be read.",
        ),
        ("id", Text, NULL, "Id of the event, as far as it could be read."),
        (
            "type",
            Text,
            NULL,
            "Type of the event, as far as it could be read.",
        ),
        ("reason", Text, FULL, "Stable code of the reason."),
        ("field", Text, NULL, "Field that was wrong."),
        ("detail", Text, NULL, "What was wrong with it."),
        (
            "body",
            Text,
            NULL,
            "The bytes as text, or their first 4,096; the stream keeps 64 kB, see `eddy dlq show`.",
        ),
        ("bytes", Int, FULL, "How many bytes there were."),
        (
            "cause",
            Text,
            NULL,
            "Position of the event in the log, when the fold refused it.",
        ),
    ],
};

/// Rows of dead letters.
pub(crate) fn change(letters: &[StoredDeadLetter]) -> (usize, Change) {
    let mut rows = Rows::new(&TABLE, &schemas()[DEAD_LETTERS], letters.len(), false);
    for stored in letters {
        let letter = &stored.letter;
        let cause = stored.cause.map(|cause| cause.position().to_string());
        rows.int(i64::try_from(stored.sequence).unwrap_or(i64::MAX))
            .time(letter.received_at_micros)
            .text(letter.origin.as_str())
            .text(letter.source.as_deref())
            .text(letter.id.as_deref())
            .text(letter.kind.as_deref())
            .text(letter.reason.as_str())
            .text(letter.field.as_str())
            .text(letter.detail.as_str())
            .text(beginning(&letter.body))
            .int(i64::try_from(letter.bytes_total).unwrap_or(i64::MAX))
            .text(cause.as_deref());
    }
    (DEAD_LETTERS, Change::Upsert(rows.finish()))
}

/// Bytes of a body that the table shows.
const SHOWN: usize = 4096;

fn beginning(body: &str) -> &str {
    body.get(..body.floor_char_boundary(SHOWN)).unwrap_or(body)
}
