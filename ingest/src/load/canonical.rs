//! NDJSON of canonical CloudEvents: validated line by line and passed on, without a mapping.
//!
//! An event that stands twice in the file is one event; with another body the second is a dead letter. The file is looked through for
//! such pairs as far as memory allows; beyond that the fold still decides.

use std::collections::hash_map::Entry;
use std::path::Path;

use bytes::Bytes;
use eddy_events::{Reason, codec};
use rustc_hash::FxHashMap;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::read::{EXTENSIONS, LINE_BYTES_MAX, Lines};
use super::{Chunk, Error, Report, letter};

/// Events whose names are remembered; 24 bytes each.
const REMEMBERED_MAX: usize = 8_000_000;
const LINES_AT_ONCE: usize = 4096;
const BYTES_AT_ONCE: usize = 2 << 20;

pub(super) fn read(
    path: &Path,
    from: u64,
    to_append: &mpsc::Sender<Result<Chunk, Error>>,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    if !EXTENSIONS[2..].contains(&extension) && extension != "json" {
        return Err(Error::Unreadable {
            path: path.to_owned(),
            detail: "the mapping `canonical` reads .ndjson and .jsonl, one CloudEvent a line".to_owned(),
        });
    }
    let mut lines = Lines::open(path)?;
    let failed = |error: std::io::Error| Error::Unreadable {
        path: path.to_owned(),
        detail: error.to_string(),
    };
    let mut seen: FxHashMap<u128, u64> = FxHashMap::default();
    let mut row = 0;
    loop {
        let mut chunk = Chunk {
            report: Report::default(),
            lines: Vec::with_capacity(LINES_AT_ONCE),
            letters: Vec::new(),
            next_row: 0,
        };
        let mut bytes = 0;
        let mut ended = false;
        while chunk.lines.len() < LINES_AT_ONCE
            && bytes < BYTES_AT_ONCE
            && chunk.letters.len() < LINES_AT_ONCE
        {
            let Some(line) = lines.next().map_err(failed)? else {
                ended = true;
                break;
            };
            row += 1;
            bytes += line.len();
            let verdict = verdict(&line, &mut seen);
            if row <= from {
                // Sent by an earlier run; only what it says of later lines counts.
                continue;
            }
            chunk.report.read += 1;
            match verdict {
                Ok(Some(canonical)) => {
                    chunk.report.accepted += 1;
                    chunk.report.events += 1;
                    chunk.lines.push(Bytes::from(canonical));
                }
                Ok(None) => chunk.report.duplicates += 1,
                Err(rejection) => {
                    let mut dead = letter(
                        rejection.reason.as_str(),
                        &rejection.field,
                        &format!("line {row}: {}", rejection.detail),
                        &line,
                    );
                    dead.id = rejection.id.as_ref().map(ToString::to_string);
                    dead.source = rejection.source.as_ref().map(ToString::to_string);
                    dead.kind = rejection.kind.as_ref().map(ToString::to_string);
                    *chunk
                        .report
                        .dead_letters
                        .entry(rejection.reason.as_str().to_owned())
                        .or_default() += 1;
                    chunk.letters.push(dead);
                }
            }
        }
        chunk.next_row = row;
        if stop.is_cancelled()
            || (chunk.report.read > 0 && to_append.blocking_send(Ok(chunk)).is_err())
            || ended
        {
            return Ok(());
        }
    }
}

/// The canonical line; nothing for a repeat.
fn verdict(line: &[u8], seen: &mut FxHashMap<u128, u64>) -> Result<Option<Vec<u8>>, eddy_events::Rejection> {
    if line.len() > LINE_BYTES_MAX {
        return Err(eddy_events::Rejection::new(
            "",
            Reason::TooLarge,
            "the line is longer than an event may be",
        ));
    }
    let (event, canonical) = codec::canonicalise(line)?;
    event.check_logged_at(crate::now_micros())?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "64 of 128 bits tell two bodies of one event apart"
    )]
    let body = eddy_events::fingerprint(&canonical) as u64;
    let full = seen.len() >= REMEMBERED_MAX;
    match seen.entry(event.identity()) {
        Entry::Occupied(known) if *known.get() == body => Ok(None),
        Entry::Occupied(_) => {
            let detail = "an event of this source and id stands earlier in the file with another body; the first counts";
            Err(
                eddy_events::Rejection::new("id", Reason::IdConflict, detail).named(
                    &event.envelope.id,
                    &event.envelope.source,
                    event.body.type_name(),
                ),
            )
        }
        Entry::Vacant(place) => {
            if !full {
                place.insert(body);
            }
            Ok(Some(canonical))
        }
    }
}
