//! An engine on a nats-server of the operator's: it works, keeps the login to itself, and says what it can verify there and what not.

use std::process::{Child, Command, Stdio};

use crate::engine::{Engine, eddy, text, within};
use crate::ports::free_port;
use crate::post::placed;

/// A nats-server that asks for a login, with nothing of Eddy in its configuration.
struct Foreign {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    monitor: u16,
}

impl Foreign {
    fn start(sync: &str) -> Foreign {
        let folder = tempfile::tempdir().unwrap();
        let (port, monitor) = (free_port(), free_port());
        let conf = folder.path().join("nats.conf");
        let store = folder.path().join("store");
        let settings = format!(
            "listen: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\nserver_name: theirs\n\
             jetstream {{ store_dir: \"{}\"{sync} }}\nauthorization {{ user: eddy, password: \"s3cret\" }}\n",
            store.display()
        );
        std::fs::write(&conf, settings).unwrap();
        let binary = eddy_log::binary::find(None).unwrap_or_else(|error| panic!("{error}"));
        let child = Command::new(binary)
            .arg("-c")
            .arg(&conf)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Foreign {
            child,
            folder,
            port,
            monitor,
        };
        within(20, "the server listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        server
    }

    /// An engine on it, with more in its configuration.
    fn engine(&self, more: &str) -> Engine {
        let config = self.folder.path().join("eddy.toml");
        let url = format!("nats://eddy:s3cret@127.0.0.1:{}", self.port);
        std::fs::write(&config, format!("[nats]\nurl = \"{url}\"\n{more}\n")).unwrap();
        Engine::with(&["--config", config.to_str().unwrap()])
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn doctor(engine: &Engine) -> (bool, String) {
    let output = engine.command(&["doctor"]).output().unwrap();
    (output.status.success(), text(&output))
}

/// The line of a finding.
fn finding<'a>(said: &'a str, what: &str) -> &'a str {
    let found = said
        .lines()
        .find(|line| line.get(6..).is_some_and(|rest| rest.starts_with(what)));
    found.unwrap_or_else(|| panic!("nothing about {what}: {said}"))
}

#[test]
fn what_cannot_be_verified_is_said_to_be_unknown_with_the_way_to_know_it() {
    let server = Foreign::start("");
    let engine = server.engine("");
    let (status, said) = engine.post(
        "application/cloudevents+json",
        placed("O1", "S1").to_string().as_bytes(),
    );
    assert_eq!(status, 202, "{said}");
    engine.settle();
    assert_eq!(engine.number("select count(*) from orders"), 1);
    let (well, said) = doctor(&engine);
    assert!(!well, "{said}");
    let durability = finding(&said, "durability");
    for word in ["BAD", "found unknown", "theirs", "nats.monitor"] {
        assert!(durability.contains(word), "{durability}");
    }
    let theirs = finding(&said, "nats-server");
    assert!(
        theirs.starts_with("ok") && theirs.contains("cannot be seen from here"),
        "{theirs}"
    );
    assert!(!engine.log().contains("s3cret"), "{}", engine.log());
    assert!(engine.nats_servers().is_empty(), "none of its own");
}

#[test]
fn what_the_server_tells_at_its_monitoring_address_is_believed() {
    let lax = Foreign::start("");
    let monitored = |server: &Foreign| format!("monitor = \"http://127.0.0.1:{}\"", server.monitor);
    let engine = lax.engine(&monitored(&lax));
    let (_, said) = doctor(&engine);
    let durability = finding(&said, "durability");
    assert!(
        durability.contains("BAD") && durability.contains("sync_interval: 120 s"),
        "{durability}"
    );
    let strict = Foreign::start(", sync_interval: always");
    let engine = strict.engine(&monitored(&strict));
    let (_, said) = doctor(&engine);
    let durability = finding(&said, "durability");
    assert!(durability.starts_with("ok"), "{durability}");
}

#[test]
fn more_replicas_than_servers_are_refused_with_the_remedy() {
    let server = Foreign::start("");
    let folder = tempfile::tempdir().unwrap();
    let listen = || format!("127.0.0.1:{}", free_port());
    let output = eddy()
        .args([
            "up",
            "--replicas",
            "3",
            "--http",
            &listen(),
            "--pg",
            &listen(),
            "--data-dir",
        ])
        .arg(folder.path())
        .args(["--nats", &format!("nats://eddy:s3cret@127.0.0.1:{}", server.port)])
        .output()
        .unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("--replicas 1") && !said.contains("s3cret"),
        "{said}"
    );
}
