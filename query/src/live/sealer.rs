//! Sealing in the background: a full chunk becomes one compact piece without the writer waiting for it.
//!
//! The thread only computes; the writer puts the result in place at its next turn. Positions and contents are the same before and after.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::chunk::Piece;
use super::spec::TableSpec;

/// Chunks waiting at most; beyond that the writer waits, so that loading cannot outrun sealing without bound.
const WAITING: usize = 8;

pub(crate) struct Job {
    pub(crate) table: usize,
    pub(crate) slot: usize,
    pub(crate) id: u64,
    pub(crate) pieces: Vec<Arc<Piece>>,
    pub(crate) spec: Arc<TableSpec>,
}

pub(crate) struct Sealed {
    pub(crate) table: usize,
    pub(crate) slot: usize,
    pub(crate) id: u64,
    pub(crate) piece: Piece,
}

pub(crate) struct Sealer {
    jobs: SyncSender<Job>,
    done: Receiver<Sealed>,
    under_way: Arc<AtomicUsize>,
}

impl Sealer {
    pub(crate) fn start() -> std::io::Result<Sealer> {
        let (jobs, queue) = sync_channel::<Job>(WAITING);
        let (finished, done) = channel();
        let under_way = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&under_way);
        std::thread::Builder::new()
            .name("eddy-seal".into())
            .spawn(move || run(&queue, &finished, &count))?;
        Ok(Sealer {
            jobs,
            done,
            under_way,
        })
    }

    pub(crate) fn send(&self, job: Job) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        // The thread ends only with this sender; if it died, the chunk stays open for good, which costs memory and nothing else.
        if self.jobs.send(job).is_err() {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn finished(&self) -> Option<Sealed> {
        self.done.try_recv().ok()
    }

    /// Waits for the next finished piece; nothing when none is under way.
    pub(crate) fn wait(&self) -> Option<Sealed> {
        loop {
            if let Some(sealed) = self.finished() {
                return Some(sealed);
            }
            if self.under_way.load(Ordering::Acquire) == 0 {
                return self.finished();
            }
            if let Ok(sealed) = self.done.recv_timeout(std::time::Duration::from_millis(5)) {
                return Some(sealed);
            }
        }
    }
}

fn run(queue: &Receiver<Job>, finished: &Sender<Sealed>, under_way: &AtomicUsize) {
    while let Ok(job) = queue.recv() {
        match Piece::seal(&job.pieces, &job.spec.types) {
            Ok(piece) => {
                let sealed = Sealed {
                    table: job.table,
                    slot: job.slot,
                    id: job.id,
                    piece,
                };
                let gone = finished.send(sealed).is_err();
                under_way.fetch_sub(1, Ordering::Release);
                if gone {
                    return;
                }
            }
            Err(error) => {
                under_way.fetch_sub(1, Ordering::Release);
                tracing::error!(table = %job.spec.name, %error, "a chunk could not be sealed and stays open");
            }
        }
    }
}
