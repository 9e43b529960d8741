//! What can go wrong around the folds. The folds themselves do not fail.

use std::path::{Path, PathBuf};

/// An error of snapshots, spilled state, or the driver.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the state folder could not be used.
    #[error("cannot {action} {}: {source}; see that the disk is neither full nor read-only", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of the state folder is not what was written.
    #[error("{} is damaged: {what}; remove it, and the engine rebuilds from an older snapshot or from the log", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        what: &'static str,
    },
    /// The time zone of the configuration is not known.
    #[error("time zone {zone:?} is not known; use an IANA name such as Asia/Kolkata")]
    UnknownZone {
        /// The name as given.
        zone: String,
    },
    /// The log failed.
    #[error("log: {0}")]
    Log(#[from] eddy_log::Error),
    /// A policy cannot be read.
    #[error("the policy cannot be used: {0}")]
    Policy(String),
    /// There is nothing to train on, or nothing to judge by.
    #[error("nothing can be trained: {0}")]
    Training(String),
    /// A log message is neither an event nor a batch.
    #[error("the fold stopped: {0}; restart the engine, which goes on from its last snapshot")]
    FoldStopped(String),
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }
}
