//! What can go wrong between Eddy and its log: one variant wherever a caller would act differently.
//! It does not decide what to do; the gateway, the loader and the driver do.

use std::path::PathBuf;
use std::time::Duration;

/// Any failure of the log or of the server under it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No nats-server binary could be found.
    #[error(
        "no nats-server found (looked at {}); run scripts/install-nats, or name one with EDDY_NATS_SERVER",
        list(.looked)
    )]
    ServerMissing {
        /// The places tried, in order.
        looked: Vec<PathBuf>,
    },
    /// The server is older than what Eddy can work with.
    #[error(
        "nats-server {found} at {at} is too old: 2.12 is the least and 2.14 or newer is wanted; \
         run scripts/install-nats, or name a newer one with EDDY_NATS_SERVER or --nats"
    )]
    ServerTooOld {
        /// The version it told.
        found: String,
        /// Its path or address.
        at: String,
    },
    /// `nats-server --version` did not answer as a nats-server does.
    #[error("{} does not answer --version like a nats-server (it said: {said}); name another with EDDY_NATS_SERVER", path.display())]
    ServerUnknown {
        /// The binary asked.
        path: PathBuf,
        /// Its answer or the reason it could not be run.
        said: String,
    },
    /// Another engine uses the data folder.
    #[error(
        "the data folder {} is in use by another eddy (process {pid}); stop it, or choose another with --data-dir",
        path.display()
    )]
    DataDirInUse {
        /// The data folder.
        path: PathBuf,
        /// The process that holds it, as far as known.
        pid: String,
    },
    /// A nats-server of an earlier run still writes the store.
    #[error(
        "a nats-server of an earlier run still uses {} (process {pid}); end it with `kill {pid}` and start again",
        path.display()
    )]
    StoreInUse {
        /// The data folder.
        path: PathBuf,
        /// The process that holds it, as far as known.
        pid: String,
    },
    /// The supervised server did not come up.
    #[error("nats-server did not start: {reason}; see {}", log.display())]
    ServerStart {
        /// What it said or what was missing.
        reason: String,
        /// Its log file.
        log: PathBuf,
    },
    /// A file of the data folder could not be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried, e.g. `write`.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// No connection to the server.
    #[error("cannot connect to nats at {url}: {reason}; {remedy}")]
    Connect {
        /// The address without secrets.
        url: String,
        /// The client's reason.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
    /// The account has no JetStream.
    #[error(
        "the server at {url} gives this account no JetStream ({reason}); enable it with `jetstream {{}}` in its configuration"
    )]
    NoJetStream {
        /// The address without secrets.
        url: String,
        /// The server's reason.
        reason: String,
    },
    /// The user may not do what Eddy needs.
    #[error("nats does not permit this user to {doing} ({reason}); {remedy}")]
    NotPermitted {
        /// What was tried.
        doing: String,
        /// The server's words.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
    /// The cluster has fewer servers than copies are wanted.
    #[error(
        "stream {stream} cannot have {replicas} replicas ({reason}); name a cluster of at least {replicas} servers with JetStream \
         with --nats, or set --replicas 1"
    )]
    TooFewServers {
        /// The stream.
        stream: String,
        /// The copies wanted.
        replicas: usize,
        /// The server's words.
        reason: String,
    },
    /// An existing stream is not the kind that Eddy's promises need.
    #[error(
        "stream {stream} exists with {setting} = {found}, but eddy needs {wanted}; change it with `nats stream edit {stream}`, \
         or use an account without it"
    )]
    StreamIncompatible {
        /// The stream.
        stream: String,
        /// The setting that differs.
        setting: &'static str,
        /// Its value on the server.
        found: String,
        /// The value needed.
        wanted: String,
    },
    /// More is waiting to be appended than the bound allows.
    #[error("the log cannot keep up: {queued_events} events ({queued_bytes} bytes) are waiting; try again in {} ms", retry_after.as_millis())]
    Overloaded {
        /// When room is to be expected.
        retry_after: Duration,
        /// Events waiting.
        queued_events: usize,
        /// Bytes waiting.
        queued_bytes: usize,
    },
    /// One line does not fit a message.
    #[error("an event of {bytes} bytes does not fit a log message of at most {limit} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest possible.
        limit: usize,
    },
    /// The server has no room left.
    #[error("the log has no room: {reason}; free disk space or raise the JetStream limits, nothing was lost")]
    StorageFull {
        /// The server's words.
        reason: String,
    },
    /// The server refused a request for another reason.
    #[error("nats refused to {doing}: {reason} (code {code})")]
    Refused {
        /// What was tried.
        doing: String,
        /// JetStream's error code, 0 if it gave none.
        code: u64,
        /// JetStream's words.
        reason: String,
    },
    /// The outcome of a publish is not known: the log may or may not hold it.
    #[error(
        "no acknowledgement within {} s ({reason}): the log may or may not hold these events; \
         send them again with the same source and id, a repeat does no harm",
        waited.as_secs_f32()
    )]
    Unconfirmed {
        /// How long it was tried.
        waited: Duration,
        /// The last failure.
        reason: String,
    },
    /// The server did not answer a request.
    #[error(
        "nats did not answer ({doing}): {reason}; see that it runs, and of a cluster more than half of the servers"
    )]
    Request {
        /// What was asked.
        doing: String,
        /// The client's reason.
        reason: String,
    },
    /// Messages that should be there are gone.
    #[error(
        "the log is cut: message {expected} is gone, the first after it is {first_available}; restore the stream from a backup, \
         or delete the snapshots and replay from what is left"
    )]
    LogCut {
        /// The next sequence that was due.
        expected: u64,
        /// The first one that exists.
        first_available: u64,
    },
    /// The log is shorter than what was already read from it.
    #[error(
        "the log ends at message {last} but {position} was read before: it is another log, or was set back; delete the snapshots and replay"
    )]
    LogBehind {
        /// The position that was reached.
        position: u64,
        /// The log's last sequence now.
        last: u64,
    },
    /// The stream was deleted and made anew while it was read.
    #[error(
        "stream {stream} was deleted and made anew after message {position} was read: it is another log; restore the old one from \
         a backup, or delete the snapshots and replay"
    )]
    LogReplaced {
        /// The stream.
        stream: &'static str,
        /// The position that was reached in the old one.
        position: u64,
    },
    /// No message at this sequence.
    #[error("the log has no message {sequence}")]
    NotFound {
        /// The sequence asked for.
        sequence: u64,
    },
    /// Somebody else publishes this chain now.
    #[error(
        "another engine publishes {subject} now (message {found}, this one knows up to {known}); this one must stop"
    )]
    Fenced {
        /// The chain's subjects.
        subject: String,
        /// The last sequence on the server.
        found: u64,
        /// The last sequence this publisher knows.
        known: u64,
    },
    /// The server lost more of the stream's end than is still known.
    #[error(
        "{subject} ends at message {found}, and {known} were acknowledged: the server lost outputs, by a power failure or by hand; start \
         eddy again, it makes them anew from the log"
    )]
    OutputsLost {
        /// The chain's subjects.
        subject: String,
        /// The last sequence on the server.
        found: u64,
        /// The last sequence this publisher knows.
        known: u64,
    },
    /// A stored message is not what Eddy writes there.
    #[error("message {sequence} of {stream} cannot be read: {reason}")]
    Malformed {
        /// The stream.
        stream: &'static str,
        /// Its sequence.
        sequence: u64,
        /// Why.
        reason: String,
    },
    /// An argument that cannot be.
    #[error("{0}")]
    Config(String),
    /// The appender, publisher or server was shut down.
    #[error("the log is shutting down; nothing was appended")]
    Closed,
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { doing, path, source }
    }

    pub(crate) fn request(doing: impl Into<String>, reason: impl std::fmt::Display) -> Error {
        Error::Request {
            doing: doing.into(),
            reason: reason.to_string(),
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|p| p.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
