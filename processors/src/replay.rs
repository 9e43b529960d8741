//! Rebuilding from the log: the same decoding and the same engine as live, without tables or snapshots.

use std::sync::mpsc;
use std::thread;

use eddy_log::{Log, LogMessage};

use crate::decode;
use crate::digest::Digest;
use crate::engine::{Config, Emitted, Engine, Prepared};
use crate::error::Error;
use crate::tables::Change;

/// Messages asked for at once.
const CHUNK: usize = 1024;

/// Reads the log from its start to `to_sequence`, and gives the digest there. `watch` is told after each chunk which sequence was read.
///
/// # Errors
/// When the log cannot be read, or its beginning was cut off.
pub async fn replay(
    log: &Log,
    config: Config,
    to_sequence: u64,
    watch: impl FnMut(u64),
) -> Result<Digest, Error> {
    let mut engine = through(log, Engine::new(config)?, to_sequence, watch, |_| ()).await?;
    Ok(engine.digest())
}

/// Reads the log from its start to `to_sequence` through an engine, and gives the engine. `see` is shown what each batch emitted.
pub(crate) async fn through(
    log: &Log,
    engine: Engine,
    to_sequence: u64,
    mut watch: impl FnMut(u64),
    see: impl FnMut(&Emitted) + Send + 'static,
) -> Result<Engine, Error> {
    let mut reader = log.reader(engine.shard(), 0)?;
    let (raw, inbox) = mpsc::sync_channel::<Vec<LogMessage>>(2);
    let (prepared, events) = mpsc::sync_channel::<(Vec<Prepared>, u64, i64)>(2);
    let fetch = decode::Fetch {
        artefacts: log.artefacts(),
        runtime: tokio::runtime::Handle::current(),
    };
    let decoder = thread::spawn(move || {
        for chunk in inbox {
            let mut batch = Vec::with_capacity(chunk.len() * 4);
            chunk
                .iter()
                .for_each(|message| decode::message(message, &mut batch));
            fetch.attach(&mut batch);
            let last = chunk
                .last()
                .map_or((0, 0), |message| (message.sequence, message.logged_at_micros));
            if prepared.send((batch, last.0, last.1)).is_err() {
                return;
            }
        }
    });
    let folder = thread::spawn(move || fold(engine, &events, see));
    while reader.position() < to_sequence {
        let mut chunk = reader.next_chunk(CHUNK).await?;
        chunk.retain(|message| message.sequence <= to_sequence);
        watch(chunk.last().map_or(to_sequence, |message| message.sequence));
        // A worker that is gone has left a panic behind, which joining it reports. The queue is short, so this waits for the fold.
        let sent = tokio::task::block_in_place(|| raw.send(chunk));
        if sent.is_err() {
            break;
        }
    }
    drop(raw);
    tokio::task::spawn_blocking(move || {
        decoder
            .join()
            .map_err(|_| Error::FoldStopped("the decoder stopped".into()))?;
        folder
            .join()
            .map_err(|_| Error::FoldStopped("the replay stopped".into()))
    })
    .await
    .map_err(|_| Error::FoldStopped("the replay was given up".into()))?
}

fn fold(
    mut engine: Engine,
    events: &mpsc::Receiver<(Vec<Prepared>, u64, i64)>,
    mut see: impl FnMut(&Emitted),
) -> Engine {
    let mut out = Emitted::default();
    while let Ok((batch, sequence, logged_at)) = events.recv() {
        for event in batch {
            engine.apply(event, &mut out);
        }
        engine.passed(sequence, logged_at);
        see(&out);
        out.outputs.clear();
        out.dead_letters.clear();
        drop::<Vec<(usize, Change)>>(engine.take_changes());
    }
    engine
}
