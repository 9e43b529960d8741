//! Supervision: who may connect, what survives whom, and what is said when it does not work.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eddy_log::{
    Credentials, Durability, Endpoint, Error, Log, LogConfig, Metrics, Server, ServerConfig, ServerEvent,
};
use tempfile::TempDir;

use crate::harness::{accepts_connections, connect, crash, kill, lines, start, start_in, until};

#[tokio::test]
async fn a_stranger_without_the_token_is_refused() {
    let running = start(Durability::Relaxed).await;
    let stranger = LogConfig {
        credentials: Credentials::None,
        ..LogConfig::of(&running.server.endpoint())
    };
    let error = Log::connect(stranger, Metrics::unregistered())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    for name in ["nats.conf", "nats.endpoint.json"] {
        let mode = std::fs::metadata(running.folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{name} can be read by others");
    }
    assert!(running.server.url().starts_with("nats://127.0.0.1:"));
}

#[tokio::test]
async fn shutdown_ends_the_server_within_three_seconds() {
    let running = start(Durability::Relaxed).await;
    let url = running.server.url();
    let begun = Instant::now();
    running.server.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(!accepts_connections(&url).await);
    assert_eq!(Endpoint::read(running.folder.path()), None);
}

#[tokio::test]
async fn a_server_that_dies_is_restarted_at_the_same_address_with_its_data() {
    let running = start(Durability::Relaxed).await;
    let log = connect(&running.server).await;
    log.appender(0).unwrap().append(lines(0..3)).await.unwrap();
    let (url, pid) = (running.server.url(), running.server.endpoint().pid);
    let mut events = running.server.events();
    crash(&running.server);
    assert!(matches!(events.recv().await.unwrap(), ServerEvent::Exited { .. }));
    assert!(matches!(
        events.recv().await.unwrap(),
        ServerEvent::Restarted { .. }
    ));
    assert_eq!(running.server.url(), url);
    assert_ne!(running.server.endpoint().pid, pid);
    assert_eq!(connect(&running.server).await.last_sequence().await.unwrap(), 1);
}

#[tokio::test]
async fn the_death_of_the_guard_alone_leaves_one_server_running() {
    let running = start(Durability::Relaxed).await;
    let mut events = running.server.events();
    let pid = running.server.endpoint().pid;
    kill(parent_of(pid));
    assert!(matches!(events.recv().await.unwrap(), ServerEvent::Exited { .. }));
    assert!(matches!(
        events.recv().await.unwrap(),
        ServerEvent::Restarted { .. }
    ));
    assert!(!is_running(pid), "the server of the dead guard still runs");
    connect(&running.server).await;
}

/// Not a test of its own: the engine that the next test kills, run as a process.
#[tokio::test]
async fn engine_to_be_killed() {
    let Some(folder) = std::env::var_os("EDDY_TEST_ENGINE_FOLDER") else {
        return;
    };
    let _server = start_in(Path::new(&folder), Durability::Relaxed).await;
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn kill_9_of_the_engine_ends_its_server_within_two_seconds_and_frees_the_folder() {
    let folder = TempDir::new().unwrap();
    let mut engine = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "server::engine_to_be_killed", "--nocapture"])
        .env("EDDY_TEST_ENGINE_FOLDER", folder.path())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until(
        "the engine has started its server",
        Duration::from_secs(20),
        || async { Endpoint::read(folder.path()).is_some() },
    )
    .await;
    let endpoint = Endpoint::read(folder.path()).unwrap();
    assert!(accepts_connections(&endpoint.url).await);
    engine.kill().await.unwrap();
    let took = until("the server has gone", Duration::from_secs(2), || async {
        !is_running(endpoint.pid)
    })
    .await;
    println!("gone after {took:?}");
    start_in(folder.path(), Durability::Relaxed)
        .await
        .shutdown()
        .await;
}

#[tokio::test]
async fn a_restart_right_after_kill_9_waits_for_the_old_server() {
    let folder = TempDir::new().unwrap();
    let mut engine = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "server::engine_to_be_killed", "--nocapture"])
        .env("EDDY_TEST_ENGINE_FOLDER", folder.path())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until(
        "the engine has started its server",
        Duration::from_secs(20),
        || async { Endpoint::read(folder.path()).is_some() },
    )
    .await;
    let old = Endpoint::read(folder.path()).unwrap();
    engine.kill().await.unwrap();
    let server = start_in(folder.path(), Durability::Relaxed).await;
    assert!(!is_running(old.pid));
    assert_ne!(server.endpoint().pid, old.pid);
}

#[tokio::test]
async fn a_folder_in_use_is_refused_and_the_holder_named() {
    let running = start(Durability::Relaxed).await;
    let error = Server::start(ServerConfig::new(running.folder.path()))
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&error, Error::DataDirInUse { pid, .. } if *pid == std::process::id().to_string()),
        "{error}"
    );
    assert!(error.to_string().contains("--data-dir"));
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_with_its_version_and_the_remedy() {
    let error = start_fake("echo 'nats-server: v2.9.20'").await;
    assert!(
        matches!(&error, Error::ServerTooOld { found, .. } if found == "2.9.20"),
        "{error}"
    );
    assert!(error.to_string().contains("scripts/install-nats"));
}

#[tokio::test]
async fn a_binary_that_is_no_nats_server_is_refused() {
    let error = start_fake("echo hello").await;
    assert!(
        matches!(&error, Error::ServerUnknown { said, .. } if said == "hello"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_start_tells_why() {
    let error = start_fake(
        "[ \"$1\" = --version ] && echo 'nats-server: v2.15.1' && exit 0; echo 'no room for me' >&2; exit 1",
    )
    .await;
    assert!(
        matches!(&error, Error::ServerStart { reason, .. } if reason == "no room for me"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_binary_is_told_with_the_remedy() {
    let folder = TempDir::new().unwrap();
    let config = ServerConfig {
        binary: Some(PathBuf::from("/nowhere/nats-server")),
        ..ServerConfig::new(folder.path())
    };
    let error = Server::start(config).await.err().unwrap().to_string();
    assert!(
        error.contains("/nowhere/nats-server")
            && error.contains("scripts/install-nats")
            && error.contains("EDDY_NATS_SERVER"),
        "{error}"
    );
}

async fn start_fake(script: &str) -> Error {
    let folder = TempDir::new().unwrap();
    let binary = folder.path().join("fake");
    std::fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = ServerConfig {
        binary: Some(binary),
        ..ServerConfig::new(folder.path().join("data"))
    };
    Server::start(config).await.err().unwrap()
}

/// Whether a process exists and is no zombie.
fn is_running(pid: u32) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), None).is_ok()
        && field(pid, 0) != Some("Z".into())
}

fn parent_of(pid: u32) -> u32 {
    field(pid, 1).unwrap().parse().unwrap()
}

/// A field of the process table, as `ps` prints state and parent.
fn field(pid: u32, index: usize) -> Option<String> {
    let output = std::process::Command::new("ps")
        .args(["-o", "state=,ppid=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    String::from_utf8(output.stdout)
        .ok()?
        .split_whitespace()
        .nth(index)
        .map(str::to_owned)
}
