//! Servers of an operator's: configured by a test, not supervised. They end with the value.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::until;
use crate::ports::free_port;

/// A running nats-server.
pub struct External {
    child: Option<Child>,
    pub folder: TempDir,
    pub port: u16,
    pub monitor: u16,
}

/// What most tests want besides a login.
pub const JETSTREAM: &str = "jetstream { store_dir: \"{dir}\", max_file_store: 1GB }";

impl External {
    /// Starts a server with these settings; `{dir}` in them is its folder.
    pub async fn start(settings: &str) -> External {
        let folder = TempDir::new().unwrap();
        Self::start_in(folder, settings).await
    }

    /// The same in a folder that holds files for it already.
    pub async fn start_in(folder: TempDir, settings: &str) -> External {
        let mut server = Self::prepare(folder, settings);
        server.run();
        server.wait().await;
        server
    }

    /// Everything but the start.
    pub fn prepare(folder: TempDir, settings: &str) -> External {
        let server = External {
            child: None,
            folder,
            port: free_port(),
            monitor: free_port(),
        };
        server.configure(settings);
        server
    }

    /// Writes the configuration; a running server takes it with [`External::reload`].
    pub fn configure(&self, settings: &str) {
        let settings = settings.replace("{dir}", self.folder.path().to_str().unwrap());
        let (port, monitor) = (self.port, self.monitor);
        let text = format!("listen: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\n{settings}\n");
        std::fs::write(self.conf(), text).unwrap();
    }

    fn conf(&self) -> PathBuf {
        self.path("nats.conf")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it, for the first time or again.
    pub fn run(&mut self) {
        let binary = eddy_log::binary::find(None).unwrap_or_else(|error| panic!("{error}"));
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("nats.log"))
            .unwrap();
        let child = Command::new(binary)
            .arg("-c")
            .arg(self.conf())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Until it is healthy, its part in a cluster included.
    pub async fn wait(&self) {
        let healthy = until("the server is healthy", Duration::from_secs(60), || async {
            get(self.monitor, "/healthz").await.is_some()
        });
        healthy.await;
    }

    /// Makes a running server read its configuration again.
    pub async fn reload(&self) {
        let before = self.load_time().await;
        let pid = self.child.as_ref().unwrap().id();
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid as i32),
            nix::sys::signal::Signal::SIGHUP,
        )
        .unwrap();
        until("the settings are loaded", Duration::from_secs(10), || async {
            self.load_time().await != before
        })
        .await;
    }

    async fn load_time(&self) -> serde_json::Value {
        let text = get(self.monitor, "/varz").await.unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["config_load_time"].clone()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The address with a login in it.
    pub fn url_of(&self, login: &str) -> String {
        format!("nats://{login}@127.0.0.1:{}", self.port)
    }

    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("nats.log")).unwrap_or_default()
    }
}

impl Drop for External {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(20).collect();
            eprintln!(
                "the end of {}:\n{}",
                self.path("nats.log").display(),
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
    }
}

/// Servers that form one cluster.
pub struct Cluster {
    pub servers: Vec<External>,
}

impl Cluster {
    /// Servers `n1` to `n<count>` with JetStream, in which all are current.
    pub async fn start(count: usize) -> Cluster {
        let routes: Vec<u16> = (0..count).map(|_| free_port()).collect();
        let all = routes
            .iter()
            .map(|port| format!("\"nats://127.0.0.1:{port}\""))
            .collect::<Vec<_>>()
            .join(", ");
        let mut servers = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let settings = format!(
                "server_name: n{}\n{JETSTREAM}\ncluster {{ name: test, listen: \"127.0.0.1:{route}\", routes: [{all}] }}",
                index + 1
            );
            let mut server = External::prepare(TempDir::new().unwrap(), &settings);
            server.run();
            servers.push(server);
        }
        for server in &servers {
            server.wait().await;
        }
        Cluster { servers }
    }

    /// The addresses of all.
    pub fn url(&self) -> String {
        self.servers
            .iter()
            .map(External::url)
            .collect::<Vec<_>>()
            .join(",")
    }

    pub fn monitor_url(&self) -> String {
        self.servers
            .iter()
            .map(External::monitor_url)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Which server leads a stream.
    pub async fn leader(&self, stream: &str) -> usize {
        let mut found = None;
        until("the stream has a leader", Duration::from_secs(30), || async {
            self.ask_leader(stream).await.is_some()
        })
        .await;
        while found.is_none() {
            found = self.ask_leader(stream).await;
        }
        found.unwrap()
    }

    async fn ask_leader(&self, stream: &str) -> Option<usize> {
        for (index, server) in self.servers.iter().enumerate() {
            let Some(text) = get(server.monitor, "/jsz?streams=1&accounts=1").await else {
                continue;
            };
            let value: serde_json::Value = serde_json::from_str(&text).ok()?;
            let details = value["account_details"][0]["stream_detail"].as_array()?;
            let detail = details.iter().find(|detail| detail["name"] == stream)?;
            let own = format!("n{}", index + 1);
            if detail["cluster"]["leader"] == own.as_str() {
                return Some(index);
            }
        }
        None
    }

    /// Kills the leader of a stream, and says which it was.
    pub async fn kill_leader(&mut self, stream: &str) -> usize {
        let leader = self.leader(stream).await;
        self.servers[leader].kill();
        leader
    }

    /// Starts a server again, and waits until it has caught up.
    pub async fn restart(&mut self, index: usize) {
        self.servers[index].run();
        self.servers[index].wait().await;
    }
}

/// The body of a monitoring page, if it is there and well.
pub async fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.contains(" 200").then(|| body.to_owned())
}

/// A client of the server that is not Eddy's.
pub async fn client(url: &str) -> async_nats::jetstream::Context {
    let addresses: Vec<async_nats::ServerAddr> = url.split(',').map(|one| one.parse().unwrap()).collect();
    async_nats::jetstream::new(async_nats::connect(addresses).await.unwrap())
}

/// Writes a file for a server or a client.
pub fn write(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}
