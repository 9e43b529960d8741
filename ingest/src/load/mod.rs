//! The file loader behind `eddy load`: a file, or a folder of files that belong together, through a mapping into the log.
//!
//! Three stages run side by side: reading and mapping on a thread of their own, appending with several batches under way, and the
//! checkpoint behind them. Every row of the driving file is accounted for: accepted, duplicate, or dead letter with a reason. It
//! does not decide what a column means; that is the mapping's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use eddy_events::{Reason, Rejection};
use eddy_log::{DeadLetter, Log};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::mapping::bind::{Side, bind};
use crate::mapping::mapper::Mapper;
use crate::mapping::program::Mapped;
use crate::mapping::{self, Loaded, MappingError};
use crate::metrics::Metrics;

mod canonical;
mod checkpoint;
mod progress;
mod read;
mod sink;

pub use checkpoint::Report;
pub use sink::{Collected, Sink};

use checkpoint::{Checkpoint, Store};
use progress::Progress;
use read::Source;
use sink::Writer;

/// What can stop a load. Whatever was acknowledged before stays, and the same command goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The mapping is unknown or does not fit the file.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Nothing of that name.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// An extension that is not read here.
    #[error("{}: the format is not known by its extension; .parquet, .csv, .ndjson and .jsonl are read", path.display())]
    UnknownFormat {
        /// The path.
        path: PathBuf,
    },
    /// A Parquet file without a whole footer.
    #[error("{}: damaged or truncated parquet ({detail}); fetch the file again and check its size", path.display())]
    Damaged {
        /// The path.
        path: PathBuf,
        /// What the reader says.
        detail: String,
    },
    /// Reading stopped in the middle.
    #[error("{}: {detail}; what was read before is kept, mend the file and load it again", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the reader says.
        detail: String,
    },
    /// A file that the mapping joins is not there.
    #[error("the mapping needs a file for `{input}` beside the others in {}: {} with one of .parquet, .csv, .ndjson, .jsonl", folder.display(), names.join(" or "))]
    MissingInput {
        /// The input of the mapping.
        input: String,
        /// Where it was looked for.
        folder: PathBuf,
        /// The names looked for.
        names: Vec<String>,
    },
    /// The checkpoint cannot be kept.
    #[error("cannot keep the state of the load in {}: {source}; choose another folder with --state", path.display())]
    State {
        /// The path.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The log refused or went away.
    #[error("the log stopped the load: {0}; run the same command again to go on")]
    Log(#[from] eddy_log::Error),
    /// The user ended it.
    #[error("the load was interrupted; run the same command again to go on")]
    Interrupted,
}

/// What to load and how.
#[derive(Clone, Debug)]
pub struct LoadConfig {
    /// A file, or a folder where the mapping joins several.
    pub path: PathBuf,
    /// Name of a mapping, or path of a `.toml` file.
    pub mapping: String,
    /// Folder of the checkpoints.
    pub state_dir: PathBuf,
    /// Show progress on standard error.
    pub progress: bool,
}

/// What goes from the mapping thread to the appending task.
pub(super) struct Chunk {
    pub(super) report: Report,
    pub(super) lines: Vec<Bytes>,
    pub(super) letters: Vec<DeadLetter>,
    /// The first row not in this chunk or an earlier one.
    pub(super) next_row: u64,
}

/// Loads, and tells what became of every row. An interruption by `shutdown` stops after what is under way is acknowledged.
pub async fn run(
    config: LoadConfig,
    sink: Sink,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<Report, Error> {
    let loaded = mapping::find(&config.mapping)?;
    let inputs = Inputs::find(&loaded, &config.path)?;
    let paths = inputs.paths();
    let digest = tokio::task::spawn_blocking(move || checkpoint::digest(&paths))
        .await
        .map_err(|_| Error::Interrupted)??;
    let store = Store::new(&config.state_dir, &loaded.mapping.name, &digest)?;
    let earlier = match store.load() {
        Some(earlier)
            if earlier.mapping_digest == loaded.digest
                && earlier.file_digest == digest
                && holds(&sink, &earlier).await =>
        {
            Some(earlier)
        }
        _ => None,
    };
    if let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.complete) {
        return Ok(all_duplicates(&earlier.report));
    }
    let mut state = earlier.unwrap_or_else(|| Checkpoint {
        mapping: loaded.mapping.name.clone(),
        mapping_digest: loaded.digest.clone(),
        file_digest: digest,
        next_row: 0,
        complete: false,
        report: Report::default(),
        sequence: 0,
        fingerprint: String::new(),
    });
    let mut progress = Progress::new(config.progress, &loaded.mapping.name, state.report.read);
    let (to_append, mut chunks) = mpsc::channel::<Result<Chunk, Error>>(4);
    let from = state.next_row;
    let (total, total_rows) = tokio::sync::watch::channel(None);
    let stop = shutdown.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let outcome = if loaded.mapping.canonical {
            canonical::read(&inputs.driving, from, &to_append, &stop)
        } else {
            map(&loaded, &inputs, from, &total, &to_append, &stop)
        };
        if let Err(error) = outcome {
            // The appending task may have gone first; then its own error is the one to tell.
            let _ = to_append.blocking_send(Err(error));
        }
    });
    let mut writer: Writer<(Report, u64, Option<Bytes>)> = Writer::new(&sink)?;
    let mut failure = None;
    let mut saved = std::time::Instant::now();
    loop {
        let next = tokio::select! {
            biased;
            () = shutdown.cancelled() => { failure = Some(Error::Interrupted); break }
            next = chunks.recv() => next,
        };
        match next {
            None => break,
            Some(Err(error)) => {
                failure = Some(error);
                break;
            }
            Some(Ok(chunk)) => {
                progress.total(*total_rows.borrow());
                metrics.loader_rows.inc_by(chunk.report.read);
                metrics.loader_events.inc_by(chunk.report.events);
                let last = chunk.lines.last().cloned();
                if let Err(error) = writer
                    .send(chunk.lines, chunk.letters, (chunk.report, chunk.next_row, last))
                    .await
                {
                    failure = Some(error);
                    break;
                }
                match writer.settled(false).await {
                    Ok(None) => {}
                    Ok(Some(settled)) => {
                        take(&mut state, settled, &mut progress);
                        if saved.elapsed().as_millis() > 500 {
                            store.save(&state)?;
                            saved = std::time::Instant::now();
                        }
                    }
                    Err(error) => {
                        failure = Some(error);
                        break;
                    }
                }
            }
        }
    }
    chunks.close();
    drop(chunks);
    // What was handed over is acknowledged before the checkpoint is left; the first failure is the one to tell.
    loop {
        match writer.settled(true).await {
            Ok(None) => break,
            Ok(Some(settled)) => take(&mut state, settled, &mut progress),
            Err(error) => {
                failure.get_or_insert(error);
                break;
            }
        }
    }
    if reading.await.is_err() {
        failure.get_or_insert(Error::Interrupted);
    }
    state.complete = failure.is_none();
    store.save(&state)?;
    progress.finish(&state.report, state.complete);
    match failure {
        Some(error) => Err(error),
        None => Ok(state.report),
    }
}

fn take(state: &mut Checkpoint, settled: (u64, (Report, u64, Option<Bytes>)), progress: &mut Progress) {
    let (sequence, (report, next_row, last)) = settled;
    state.report.add(&report);
    state.next_row = next_row;
    if let Some(last) = last {
        state.sequence = sequence;
        state.fingerprint = format!("{:032x}", eddy_events::fingerprint(&last));
    }
    progress.advance(&state.report);
}

/// A file loaded before, into this log, by this mapping: each row that made events is a duplicate, the others are refused as before.
fn all_duplicates(earlier: &Report) -> Report {
    Report {
        read: earlier.read,
        accepted: 0,
        duplicates: earlier.accepted + earlier.duplicates,
        dead_letters: earlier.dead_letters.clone(),
        events: 0,
    }
}

/// Whether the event a checkpoint speaks of still stands in this log; another log, or one that was emptied, has not seen the load.
async fn holds(sink: &Sink, checkpoint: &Checkpoint) -> bool {
    let Sink::Log(log) = sink else { return true };
    if checkpoint.sequence == 0 {
        return checkpoint.next_row == 0;
    }
    match message_holds(log, checkpoint).await {
        Ok(holds) => holds,
        Err(error) => {
            tracing::warn!(%error, "cannot tell whether the log is the one of the last load; loading from the beginning");
            false
        }
    }
}

async fn message_holds(log: &Log, checkpoint: &Checkpoint) -> Result<bool, eddy_log::Error> {
    let extent = log.extent().await?;
    if extent.messages == 0 || extent.last < checkpoint.sequence {
        return Ok(false);
    }
    if extent.first > checkpoint.sequence {
        // Retention took it; the sequences go on, so it is the same log.
        return Ok(true);
    }
    let message = log.message(checkpoint.sequence).await?;
    let found = eddy_events::codec::split_lines(&message.payload)
        .any(|line| format!("{:032x}", eddy_events::fingerprint(line)) == checkpoint.fingerprint);
    Ok(found)
}

/// The files of a load.
struct Inputs {
    driving: PathBuf,
    sides: Vec<(String, PathBuf)>,
}

impl Inputs {
    fn find(loaded: &Loaded, path: &Path) -> Result<Self, Error> {
        let metadata = std::fs::metadata(path).map_err(|source| Error::Open {
            path: path.to_owned(),
            source,
        })?;
        let folder = if metadata.is_dir() {
            path
        } else {
            path.parent().unwrap_or(Path::new("."))
        };
        let mapping = &loaded.mapping;
        let driving = if metadata.is_dir() {
            let names = mapping
                .inputs
                .get("rows")
                .map(|input| input.file.clone())
                .unwrap_or_default();
            if names.is_empty() {
                only_file(folder)?
            } else {
                beside(folder, "rows", &names)?
            }
        } else {
            path.to_owned()
        };
        let sides = mapping
            .inputs
            .iter()
            .filter(|(name, _)| name.as_str() != "rows")
            .map(|(name, input)| Ok((name.clone(), beside(folder, name, &input.file)?)))
            .collect::<Result<_, Error>>()?;
        Ok(Self { driving, sides })
    }

    fn paths(&self) -> Vec<PathBuf> {
        std::iter::once(&self.driving)
            .chain(self.sides.iter().map(|(_, path)| path))
            .cloned()
            .collect()
    }
}

fn beside(folder: &Path, input: &str, names: &[String]) -> Result<PathBuf, Error> {
    names
        .iter()
        .flat_map(|name| {
            read::EXTENSIONS
                .iter()
                .map(move |extension| folder.join(format!("{name}.{extension}")))
        })
        .find(|path| path.is_file())
        .ok_or_else(|| Error::MissingInput {
            input: input.to_owned(),
            folder: folder.to_owned(),
            names: names.to_vec(),
        })
}

/// For mappings that name no file: the folder must hold just one that can be read.
fn only_file(folder: &Path) -> Result<PathBuf, Error> {
    let open = |source| Error::Open {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(open)? {
        let path = entry.map_err(open)?.path();
        if path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| read::EXTENSIONS.contains(&extension))
        {
            found.push(path);
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        count => Err(Error::Unreadable {
            path: folder.to_owned(),
            detail: format!("holds {count} files that could be meant; name one"),
        }),
    }
}

/// Reads, maps and hands over chunk by chunk.
fn map(
    loaded: &Loaded,
    inputs: &Inputs,
    from: u64,
    total: &tokio::sync::watch::Sender<Option<u64>>,
    to_append: &mpsc::Sender<Result<Chunk, Error>>,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let optional = |name: &str| {
        loaded
            .mapping
            .inputs
            .get(name)
            .map(|input| input.optional.clone())
            .unwrap_or_default()
    };
    let mut sides = Vec::new();
    for (name, path) in &inputs.sides {
        let source = Source::open(path, &optional(name))?;
        let header = source.header.clone();
        sides.push(Side {
            name: name.clone(),
            header,
            table: source.read_whole()?,
        });
    }
    let mut source = Source::open(&inputs.driving, &optional("rows"))?;
    let program = bind(&loaded.mapping, &source.header, sides)?;
    total.send_replace(source.rows);
    let mut mapper = Mapper::new(program, 0, from);
    let mut next_row = from;
    while let Some(table) = source.next()? {
        if stop.is_cancelled() {
            return Ok(());
        }
        let mut pending = Pending::default();
        mapper.push(&Arc::new(table), |mapped| pending.add(mapped));
        next_row = next_row.max(mapper.low_water());
        if !pending.send(next_row, to_append) {
            return Ok(());
        }
    }
    let mut pending = Pending::default();
    mapper.finish(|mapped| pending.add(mapped));
    next_row = next_row.max(mapper.low_water());
    pending.send(next_row, to_append);
    Ok(())
}

#[derive(Default)]
struct Pending {
    report: Report,
    lines: Vec<Bytes>,
    letters: Vec<DeadLetter>,
}

impl Pending {
    fn add(&mut self, mapped: Mapped) {
        self.report.read += mapped.rows;
        self.report.accepted += mapped.accepted;
        self.report.events += mapped.lines.len() as u64;
        self.lines.extend(mapped.lines.into_iter().map(Bytes::from));
        for refused in mapped.refused {
            self.letters.push(letter(
                &refused.reason,
                &refused.field,
                &format!("row {}: {}", refused.row + 1, refused.detail),
                &refused.body,
            ));
            *self.report.dead_letters.entry(refused.reason).or_default() += 1;
        }
    }

    fn send(self, next_row: u64, to_append: &mpsc::Sender<Result<Chunk, Error>>) -> bool {
        if self.report.read == 0 {
            return true;
        }
        let chunk = Chunk {
            report: self.report,
            lines: self.lines,
            letters: self.letters,
            next_row,
        };
        to_append.blocking_send(Ok(chunk)).is_ok()
    }
}

/// A dead letter of the loader. A mapping's own reasons are no codes of the events crate, so the code is set by name.
pub(super) fn letter(reason: &str, field: &str, detail: &str, body: &[u8]) -> DeadLetter {
    let rejection = Rejection::new(field, Reason::InvalidValue, detail);
    let mut letter = DeadLetter::new("loader", crate::now_micros(), &rejection, body);
    reason.clone_into(&mut letter.reason);
    letter
}
