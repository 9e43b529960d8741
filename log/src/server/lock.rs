//! Locks of the data folder. They say who uses it; they guard no file format.
//!
//! Two of them: `eddy.lock` is held by the engine, `nats.lock` by the engine and, because an open file description is
//! inherited, by its guard and its nats-server. So a new engine can tell "another eddy runs" (final) from "the server of
//! a killed eddy is still ending" (a matter of two seconds).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Error;

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(Error::io("open", path))
}

/// Takes the lock or tells who has it. The holder's process id is written into the file for that message alone.
fn attempt(path: &Path) -> Result<Result<File, String>, Error> {
    let mut file = open(path)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).map_err(Error::io("write", path))?;
            write!(file, "{}", std::process::id()).map_err(Error::io("write", path))?;
            Ok(Ok(file))
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.rewind()
                .and_then(|()| file.read_to_string(&mut holder))
                .map_err(Error::io("read", path))?;
            Ok(Err(if holder.is_empty() {
                "unknown".into()
            } else {
                holder
            }))
        }
        Err(TryLockError::Error(source)) => Err(Error::io("lock", path)(source)),
    }
}

/// The engine's own lock: refused at once when another engine has it.
pub(super) fn engine(data_dir: &Path) -> Result<File, Error> {
    attempt(&data_dir.join("eddy.lock"))?.map_err(|pid| Error::DataDirInUse {
        path: data_dir.to_path_buf(),
        pid,
    })
}

/// The store's lock: waits for the server of an earlier, killed engine to end.
pub(super) async fn store(data_dir: &Path, patience: Duration) -> Result<File, Error> {
    let path = data_dir.join("nats.lock");
    let begun = Instant::now();
    loop {
        match attempt(&path)? {
            Ok(file) => return Ok(file),
            Err(holder) if begun.elapsed() > patience => {
                let pid = std::fs::read_to_string(data_dir.join("nats.pid"))
                    .map_or(holder, |pid| pid.trim().to_string());
                return Err(Error::StoreInUse {
                    path: data_dir.to_path_buf(),
                    pid,
                });
            }
            // A file lock cannot be awaited without a thread; this runs at most once a start.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
