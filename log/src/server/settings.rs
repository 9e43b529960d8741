//! The configuration file and the endpoint file of the supervised server. Writes and reads them, starts nothing.

use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ServerConfig;
use crate::{Durability, Error};

/// Largest message of the supervised server. NATS advises against more.
const MAX_PAYLOAD: usize = 8 * 1024 * 1024;

/// How to reach a supervised server. Kept in the data folder, readable by its owner alone, so that other commands of
/// the same user find the running engine's log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `nats://127.0.0.1:port`
    pub url: String,
    /// `http://127.0.0.1:port`, for the server's own figures.
    pub monitor_url: String,
    /// The secret that keeps other local users out.
    pub token: String,
    /// Process id of the server.
    pub pid: u32,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The endpoint that a running engine left in this data folder, if any. It may be stale: connecting tells.
    pub fn read(data_dir: &Path) -> Option<Endpoint> {
        serde_json::from_slice(&std::fs::read(path_of(data_dir)).ok()?).ok()
    }

    pub(super) fn write(&self, data_dir: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::Config(e.to_string()))?;
        write_private(&path_of(data_dir), &text)
    }

    pub(super) fn remove(data_dir: &Path) {
        // Absent is as good as removed.
        let _ = std::fs::remove_file(path_of(data_dir));
    }
}

fn path_of(data_dir: &Path) -> PathBuf {
    data_dir.join("nats.endpoint.json")
}

/// Ports the server was given, or should have again after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub client: u16,
    pub monitor: u16,
}

/// A secret of 192 bits from the operating system.
pub(super) fn random_token() -> Result<String, Error> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0u8; 24];
    std::fs::File::open(path)
        .and_then(|mut f| f.read_exact(&mut bytes))
        .map_err(Error::io("read", path))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// Writes the configuration, readable by its owner alone, and returns its path.
pub(super) fn write_config(
    config: &ServerConfig,
    token: &str,
    ports: Option<Ports>,
) -> Result<PathBuf, Error> {
    let dir = quoted(&config.data_dir)?;
    let port = |p: Option<u16>| p.map_or_else(|| "-1".to_string(), |p| p.to_string());
    let sync = match config.durability {
        Durability::Synced => "\n  sync_interval: always",
        // The server's own default: every two minutes.
        _ => "",
    };
    let max_store = config
        .max_store_bytes
        .map(|b| format!("\n  max_file_store: {b}"))
        .unwrap_or_default();
    let text = format!(
        r#"# Written by eddy at each start; changes are lost.
server_name: eddy
listen: "127.0.0.1:{client}"
http: "127.0.0.1:{monitor}"
ports_file_dir: {dir}
pid_file: {pid}
log_file: {log}
logfile_size_limit: 8MB
logfile_max_num: 3
max_payload: {MAX_PAYLOAD}
# A reader that catches up may have this much on its way.
max_pending: 256MB
authorization {{ token: "{token}" }}
jetstream {{
  store_dir: {dir}
  max_memory_store: 256MB{sync}{max_store}
}}
"#,
        client = port(ports.map(|p| p.client)),
        monitor = port(ports.map(|p| p.monitor)),
        pid = quoted(&config.data_dir.join("nats.pid"))?,
        log = quoted(&config.data_dir.join("nats.log"))?,
    );
    let path = config.data_dir.join("nats.conf");
    write_private(&path, text.as_bytes())?;
    Ok(path)
}

/// A path as a string of the server's configuration language.
fn quoted(path: &Path) -> Result<String, Error> {
    match path.to_str() {
        Some(text) if !text.contains(['"', '\\', '\n', '\r']) => Ok(format!("\"{text}\"")),
        _ => Err(Error::Config(format!(
            "the data folder {} has a character that nats-server cannot read; choose another with --data-dir",
            path.display()
        ))),
    }
}

fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    // Written beside and renamed, so that a reader never sees half of it, and created with its mode.
    let new = path.with_extension("new");
    let _ = std::fs::remove_file(&new);
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| std::fs::rename(&new, path))
        .map_err(Error::io("write", path))
}

/// Reads the ports file of the process `pid`, once it is complete.
pub(super) fn read_ports(data_dir: &Path) -> Option<(u32, Ports)> {
    #[derive(Deserialize)]
    struct File {
        nats: Vec<String>,
        monitoring: Vec<String>,
    }
    let port = |urls: &[String]| urls.first()?.rsplit(':').next()?.parse().ok();
    // Named <binary>_<pid>.ports; stale ones are removed before each start.
    for entry in std::fs::read_dir(data_dir).ok()?.flatten() {
        let name = entry.file_name();
        let Some(pid) = name
            .to_str()
            .and_then(|n| n.strip_suffix(".ports")?.rsplit('_').next()?.parse().ok())
        else {
            continue;
        };
        let file: File = serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok()?;
        return Some((
            pid,
            Ports {
                client: port(&file.nats)?,
                monitor: port(&file.monitoring)?,
            },
        ));
    }
    None
}

pub(super) fn remove_ports(data_dir: &Path) {
    for entry in std::fs::read_dir(data_dir).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|e| e == "ports") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
