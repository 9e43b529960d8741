//! A private nats-server: configured, started, watched, restarted and stopped with the engine.
//!
//! It listens on loopback alone, asks for a token that only the data folder's owner can read, and ends within two
//! seconds of its engine however that one dies (see `server/guard.sh`). It does not create streams and does not connect;
//! [`crate::Log`] does. Clusters and shared servers are somebody else's to run: connect to them by address.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal;
use nix::unistd::Pid;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::binary::{self, Version};
use crate::{Durability, Error};

mod lock;
mod settings;

pub use settings::Endpoint;
use settings::Ports;

const GUARD: &str = include_str!("server/guard.sh");

/// How long the guard gives the server before it kills it is 1.5 s; this is a little more than that.
const STOP_PATIENCE: Duration = Duration::from_millis(2500);

/// How often the server is asked whether it can write.
const HEALTH_EVERY: Duration = Duration::from_secs(1);

/// What the supervised server needs to know.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Folder of the store (`jetstream/` in it), the log, the configuration and the locks. Created when absent.
    pub data_dir: PathBuf,
    /// [`Durability::Synced`]: fsync before every acknowledgement. Anything else: the server's default of two minutes.
    pub durability: Durability,
    /// The binary; `None` looks for one as [`binary::find`] says.
    pub binary: Option<PathBuf>,
    /// Bound of the store; `None` is three quarters of the free disk, as the server counts it.
    pub max_store_bytes: Option<u64>,
    /// How long a start may take, recovery of the store included.
    pub start_timeout: Duration,
}

impl ServerConfig {
    /// Synced, binary as found, a minute to start.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            durability: Durability::Synced,
            binary: None,
            max_store_bytes: None,
            start_timeout: Duration::from_secs(60),
        }
    }
}

/// What happened to the server by itself. A stop that was asked for makes no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// The process ended, or was ended because it called itself ill, as on a full disk.
    Exited {
        /// Its exit status in words, e.g. `exit status: 137`, or what was wrong with it.
        status: String,
        /// When it is started again.
        restart_in: Duration,
    },
    /// A restart did not succeed; it is tried again.
    RestartFailed {
        /// Why.
        reason: String,
        /// When it is tried again.
        restart_in: Duration,
    },
    /// It runs again, at the same address.
    Restarted {
        /// How long the log was away.
        away: Duration,
    },
}

/// A running supervised server. Dropping it stops the process too, without waiting.
pub struct Server {
    endpoint: Arc<Mutex<Endpoint>>,
    version: Version,
    binary: PathBuf,
    data_dir: PathBuf,
    events: broadcast::Sender<ServerEvent>,
    stop: CancellationToken,
    supervisor: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts the server and returns when it accepts connections.
    pub async fn start(config: ServerConfig) -> Result<Server, Error> {
        let binary = binary::find(config.binary.as_deref())?;
        let version = binary::version(&binary).await?;
        binary::check_version(version, &binary.display().to_string())?;
        let mut config = config;
        std::fs::create_dir_all(&config.data_dir).map_err(Error::io("create", &config.data_dir))?;
        // The server resolves relative paths against its own folder.
        config.data_dir = config
            .data_dir
            .canonicalize()
            .map_err(Error::io("find", &config.data_dir))?;
        let data_dir = config.data_dir.clone();

        let engine_lock = lock::engine(&data_dir)?;
        let store_lock = lock::store(&data_dir, Duration::from_secs(5)).await?;
        let token = settings::random_token()?;
        let mut launcher = Launcher {
            config,
            binary: binary.clone(),
            token,
            ports: None,
            store_lock,
            _engine_lock: engine_lock,
        };
        let (guard, first) = launcher.launch().await?;
        tracing::info!(url = first.url, pid = first.pid, %version, "nats-server started");

        let endpoint = Arc::new(Mutex::new(first));
        let (events, _) = broadcast::channel(64);
        let stop = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(
            launcher,
            guard,
            endpoint.clone(),
            events.clone(),
            stop.clone(),
        ));
        Ok(Server {
            endpoint,
            version,
            binary,
            data_dir,
            events,
            stop,
            supervisor: Some(supervisor),
        })
    }

    /// `nats://127.0.0.1:port`; the same for the life of this value.
    pub fn url(&self) -> String {
        self.endpoint().url
    }

    /// How to reach it, the token included. The process id changes with a restart.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The binary's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The binary that runs.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The server's log file.
    pub fn log_file(&self) -> PathBuf {
        self.data_dir.join("nats.log")
    }

    /// What happens to the server from now on.
    pub fn events(&self) -> broadcast::Receiver<ServerEvent> {
        self.events.subscribe()
    }

    /// Stops the server and returns when it is gone, within 3 s.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(supervisor) = self.supervisor.take()
            && let Err(error) = supervisor.await
        {
            tracing::warn!(%error, "the supervisor of nats-server ended badly");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Everything needed to start the server once more.
struct Launcher {
    config: ServerConfig,
    binary: PathBuf,
    token: String,
    ports: Option<Ports>,
    store_lock: File,
    _engine_lock: File,
}

impl Launcher {
    /// Starts the guard and its server, and waits until it accepts connections. The first start takes free ports, later
    /// ones take the same again.
    async fn launch(&mut self) -> Result<(Guard, Endpoint), Error> {
        let data_dir = &self.config.data_dir;
        let conf = settings::write_config(&self.config, &self.token, self.ports)?;
        settings::remove_ports(data_dir);
        let complaints = data_dir.join("nats.stderr");
        let stderr = File::create(&complaints).map_err(Error::io("write", &complaints))?;
        // Standard output carries the lock to whoever outlives us; nothing is printed there.
        let stdout = self.store_lock.try_clone().map_err(Error::io("lock", data_dir))?;
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(GUARD)
            .arg("eddy-guard")
            .arg(&self.binary)
            .arg("-c")
            .arg(&conf)
            .stdin(Stdio::piped())
            .stdout(Stdio::from(stdout))
            .stderr(Stdio::from(stderr))
            // Its own group: Ctrl-C in the terminal is for the engine, which stops the server when it has drained.
            .process_group(0)
            .spawn()
            .map_err(Error::io("run", "/bin/sh"))?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw);
        // Taken out of the child, because waiting for the child would close it.
        let alive = child.stdin.take();
        let mut guard = Guard { child, alive, group };

        let begun = Instant::now();
        loop {
            if let Some((pid, ports)) = settings::read_ports(data_dir)
                && tokio::net::TcpStream::connect(("127.0.0.1", ports.client))
                    .await
                    .is_ok()
            {
                self.ports = Some(ports);
                let endpoint = Endpoint {
                    url: format!("nats://127.0.0.1:{}", ports.client),
                    monitor_url: format!("http://127.0.0.1:{}", ports.monitor),
                    token: self.token.clone(),
                    pid,
                };
                endpoint.write(data_dir)?;
                return Ok((guard, endpoint));
            }
            let ended = guard.child.try_wait().map_err(Error::io("watch", &self.binary))?;
            if ended.is_some() || begun.elapsed() > self.config.start_timeout {
                let reason = match ended {
                    Some(status) => self.complaint(&complaints, status),
                    None => format!("not ready within {} s", self.config.start_timeout.as_secs()),
                };
                guard.stop().await;
                return Err(Error::ServerStart {
                    reason,
                    log: data_dir.join("nats.log"),
                });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The last thing the server said before it gave up.
    fn complaint(&self, complaints: &Path, status: ExitStatus) -> String {
        let last = |path: &Path, wanted: &str| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.lines()
                .rev()
                .find(|l| l.contains(wanted) && !l.trim().is_empty())
                .map(str::to_owned)
        };
        last(complaints, "")
            .or_else(|| last(&self.config.data_dir.join("nats.log"), "[FTL]"))
            .unwrap_or_else(|| status.to_string())
    }
}

/// The guard process. Closing its standard input ends it and the server.
struct Guard {
    child: Child,
    /// The guard ends the server when this is closed.
    alive: Option<ChildStdin>,
    /// The process group of guard, watcher and server.
    group: Option<Pid>,
}

impl Guard {
    async fn stop(&mut self) {
        drop(self.alive.take());
        if tokio::time::timeout(STOP_PATIENCE, self.child.wait())
            .await
            .is_ok()
        {
            return;
        }
        self.kill_group();
        let _ = self.child.wait().await;
    }

    /// When the guard itself is stuck, stopped or dead, the whole group goes.
    fn kill_group(&self) {
        if let Some(group) = self.group {
            let _ = signal::killpg(group, signal::Signal::SIGKILL);
        }
    }

    /// After the guard's end: makes sure that the server has gone too, which it has unless somebody killed only the guard.
    async fn bury(&mut self, server: u32) {
        drop(self.alive.take());
        let Ok(server) = i32::try_from(server) else { return };
        let begun = Instant::now();
        while signal::kill(Pid::from_raw(server), None).is_ok() && begun.elapsed() < STOP_PATIENCE {
            self.kill_group();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn supervise(
    mut launcher: Launcher,
    mut guard: Guard,
    endpoint: Arc<Mutex<Endpoint>>,
    events: broadcast::Sender<ServerEvent>,
    stop: CancellationToken,
) {
    let mut failures: u32 = 0;
    let mut alive_since = Instant::now();
    loop {
        let monitor_url = endpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .monitor_url
            .clone();
        let status = tokio::select! {
            () = stop.cancelled() => {
                guard.stop().await;
                Endpoint::remove(&launcher.config.data_dir);
                return;
            }
            status = guard.child.wait() => status.map_or_else(|e| e.to_string(), |s| s.to_string()),
            reason = ill(&monitor_url) => {
                guard.stop().await;
                reason
            }
        };
        let server = endpoint.lock().unwrap_or_else(PoisonError::into_inner).pid;
        guard.bury(server).await;
        let died = Instant::now();
        // A server that lived for a while starts at once; one that dies on start is given time.
        failures = if alive_since.elapsed() > Duration::from_secs(30) {
            0
        } else {
            failures + 1
        };
        let mut wait = backoff(failures);
        tracing::error!(
            status,
            restart_ms = wait.as_millis() as u64,
            "nats-server ended by itself"
        );
        let _ = events.send(ServerEvent::Exited {
            status,
            restart_in: wait,
        });
        guard = loop {
            tokio::select! {
                () = stop.cancelled() => {
                    Endpoint::remove(&launcher.config.data_dir);
                    return;
                }
                () = tokio::time::sleep(wait) => {}
            }
            let launched = tokio::select! {
                () = stop.cancelled() => {
                    // The half-started guard is dropped here, which closes its input.
                    Endpoint::remove(&launcher.config.data_dir);
                    return;
                }
                launched = launcher.launch() => launched,
            };
            match launched {
                Ok((guard, now)) => {
                    *endpoint.lock().unwrap_or_else(PoisonError::into_inner) = now;
                    break guard;
                }
                Err(error) => {
                    failures += 1;
                    wait = backoff(failures);
                    tracing::error!(%error, restart_ms = wait.as_millis() as u64, "nats-server did not restart");
                    let _ = events.send(ServerEvent::RestartFailed {
                        reason: error.to_string(),
                        restart_in: wait,
                    });
                }
            }
        };
        alive_since = Instant::now();
        tracing::warn!(
            away_ms = died.elapsed().as_millis() as u64,
            "nats-server restarted"
        );
        let _ = events.send(ServerEvent::Restarted { away: died.elapsed() });
    }
}

/// Waits until the server runs but calls itself ill: after a failed write, for instance on a full disk, it takes no more
/// messages into that stream, and only a restart undoes it.
async fn ill(monitor_url: &str) -> String {
    let mut complaints = 0;
    loop {
        tokio::time::sleep(HEALTH_EVERY).await;
        match crate::monitor::get(monitor_url, "/healthz").await {
            Ok(_) => complaints = 0,
            Err(_) if complaints < 2 => complaints += 1,
            Err(error) => return format!("it calls itself ill ({error})"),
        }
    }
}

/// 50 ms after the first death in a row, doubling to 10 s.
fn backoff(failures: u32) -> Duration {
    Duration::from_millis(50 << failures.saturating_sub(1).min(8)).min(Duration::from_secs(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_and_is_bounded() {
        assert_eq!(backoff(1), Duration::from_millis(50));
        assert_eq!(backoff(2), Duration::from_millis(100));
        assert_eq!(backoff(40), Duration::from_secs(10));
    }
}
