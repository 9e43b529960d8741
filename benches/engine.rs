//! A release `eddy up` of its own, on free loopback ports and in a temporary folder.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::Connection;

/// A running engine; ends with the value.
pub struct Engine {
    child: Child,
    pub dir: std::path::PathBuf,
    _temporary: Option<tempfile::TempDir>,
    pub http: String,
    pub pg: String,
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A configuration file in a folder that turns scores off.
pub fn without_scores(dir: &std::path::Path) -> String {
    let path = dir.join("eddy.toml");
    std::fs::write(&path, "scores = false\n").unwrap();
    path.to_str().unwrap().to_owned()
}

impl Engine {
    /// Starts on a fresh folder, log synced unless the flags say otherwise.
    pub fn start(args: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().to_owned();
        Self::spawn(dir, Some(temporary), args)
    }

    /// Starts on a fresh folder, with projections alone: nothing is scored.
    pub fn unscored(args: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().to_owned();
        let config = without_scores(&dir);
        Self::spawn(dir, Some(temporary), &[args, &["--config", &config]].concat())
    }

    /// Starts on a folder that stays.
    pub fn on(dir: std::path::PathBuf, args: &[&str]) -> Self {
        Self::spawn(dir, None, args)
    }

    fn spawn(dir: std::path::PathBuf, temporary: Option<tempfile::TempDir>, args: &[&str]) -> Self {
        let http = format!("127.0.0.1:{}", free_port());
        let pg = format!("127.0.0.1:{}", free_port());
        let log = std::fs::File::create(dir.join("eddy.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_eddy"))
            .args([
                "up",
                "--data-dir",
                dir.to_str().unwrap(),
                "--http",
                &http,
                "--pg",
                &pg,
            ])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut engine = Self {
            child,
            dir,
            _temporary: temporary,
            http,
            pg,
        };
        engine.wait_ready(Duration::from_secs(900));
        engine
    }

    fn wait_ready(&mut self, wait: Duration) {
        let end = Instant::now() + wait;
        loop {
            if Connection::open(&self.http)
                .ok()
                .and_then(|mut c| c.get("/readyz").ok())
                .is_some_and(|(status, _)| status == 200)
            {
                return;
            }
            let log = || std::fs::read_to_string(self.dir.join("eddy.log")).unwrap_or_default();
            assert!(Instant::now() < end, "the engine is not ready:\n{}", log());
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "the engine ended:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A subcommand pointed at this engine.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
        command.args(args).env("EDDY_HTTP", &self.http);
        command
    }

    /// The state of the log and the projections.
    pub fn status(&self) -> Value {
        let (status, body) = Connection::open(&self.http).unwrap().get("/v1/status").unwrap();
        assert_eq!(status, 200);
        serde_json::from_slice(&body).unwrap()
    }

    /// Waits until the projections are at the end of the log.
    pub fn settle(&self) {
        loop {
            let status = self.status();
            if status["sequence"].as_u64() >= status["log_sequence"].as_u64() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Resident memory, bytes.
    pub fn resident_bytes(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Ends it as Ctrl-C does.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        let _ = self.child.wait();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            self.end();
        }
    }
}
