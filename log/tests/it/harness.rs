//! A private server in a temporary folder, and small things to append.

use std::future::Future;
use std::time::{Duration, Instant};

use bytes::Bytes;
use eddy_log::{Durability, Log, LogConfig, Metrics, Server, ServerConfig};
use tempfile::TempDir;

/// A server with its folder; the folder goes last.
pub struct Running {
    pub server: Server,
    pub folder: TempDir,
}

pub async fn start(durability: Durability) -> Running {
    let folder = TempDir::new().unwrap();
    let server = start_in(folder.path(), durability).await;
    Running { server, folder }
}

pub async fn start_in(folder: &std::path::Path, durability: Durability) -> Server {
    let config = ServerConfig {
        durability,
        ..ServerConfig::new(folder)
    };
    // Its message names scripts/install-nats when there is no binary.
    Server::start(config)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

pub async fn connect(server: &Server) -> Log {
    connect_with(server, |config| config).await
}

pub async fn connect_with(server: &Server, change: impl FnOnce(LogConfig) -> LogConfig) -> Log {
    Log::connect(change(LogConfig::of(&server.endpoint())), Metrics::unregistered())
        .await
        .unwrap()
}

/// Small events, each on its line, numbered.
pub fn lines(numbers: std::ops::Range<usize>) -> Vec<Bytes> {
    numbers.map(|n| Bytes::from(format!("{{\"n\":{n}}}"))).collect()
}

/// The numbers of the events in a message.
pub fn numbers(payload: &[u8]) -> Vec<usize> {
    #[derive(serde::Deserialize)]
    struct Event {
        n: usize,
    }
    serde_json::from_slice::<Vec<Event>>(payload)
        .unwrap()
        .into_iter()
        .map(|e| e.n)
        .collect()
}

/// SIGKILL to the server's process, as a crash would be.
pub fn crash(server: &Server) {
    kill(server.endpoint().pid);
}

pub fn kill(pid: u32) {
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid as i32),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
}

/// Waits until a condition holds, and fails after `patience`.
pub async fn until<F: Future<Output = bool>>(
    what: &str,
    patience: Duration,
    mut holds: impl FnMut() -> F,
) -> Duration {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < patience, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

pub async fn accepts_connections(url: &str) -> bool {
    tokio::net::TcpStream::connect(url.trim_start_matches("nats://"))
        .await
        .is_ok()
}
