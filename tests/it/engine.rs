//! The harness: an `eddy up` of its own for each test, on free loopback ports and in a temporary folder.
//! Everything it starts ends with it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ports::free_port;

/// A running engine.
pub struct Engine {
    child: Option<Child>,
    dir: PathBuf,
    _temporary: Option<tempfile::TempDir>,
    pub http: String,
    pub pg: String,
    args: Vec<String>,
}

pub fn eddy() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    for name in [
        "EDDY_HTTP",
        "EDDY_PG",
        "EDDY_NATS",
        "EDDY_DATA_DIR",
        "EDDY_CONFIG",
        "EDDY_TOKEN",
    ] {
        command.env_remove(name);
    }
    command.env("EDDY_LOG", "info").env("NO_COLOR", "1");
    command
}

/// Where the real sets are, or a line that says why a test is skipped.
pub fn real_data(file: &str) -> Option<PathBuf> {
    let root = std::env::var_os("EDDY_TEST_DATA")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"))
                .join("../shared/data")
        });
    let path = root.join(file);
    if path.exists() {
        return Some(path);
    }
    println!(
        "skipped: {} is not there; EDDY_TEST_DATA names the folder of the real sets",
        path.display()
    );
    None
}

/// Waits for a condition, at most `seconds`.
pub fn within<T>(seconds: u64, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {seconds} s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Engine {
    /// A fresh engine with relaxed durability: the tests that are about durability say `synced`.
    pub fn start() -> Self {
        Self::with(&["--durability", "relaxed"])
    }

    /// A fresh engine with further flags.
    pub fn with(args: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().to_owned();
        let mut engine = Self {
            child: None,
            dir,
            _temporary: Some(temporary),
            http: format!("127.0.0.1:{}", free_port()),
            pg: format!("127.0.0.1:{}", free_port()),
            args: args.iter().map(|a| (*a).to_owned()).collect(),
        };
        engine.up();
        engine
    }

    /// Starts it (again) on the same folder and waits until it is ready.
    pub fn up(&mut self) {
        self.spawn();
        let mut first = !self.log().contains("eddy is up");
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if self.ask_ready().is_some_and(|(status, _)| status == 200) {
                return;
            }
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                // A port that was free a moment ago may have gone to another test meanwhile.
                if first && self.log().contains("in use by another program") {
                    first = false;
                    self.http = format!("127.0.0.1:{}", free_port());
                    self.pg = format!("127.0.0.1:{}", free_port());
                    self.spawn();
                    continue;
                }
                panic!("eddy up ended with {status}:\n{}", self.log());
            }
            assert!(
                Instant::now() < deadline,
                "no engine at {} within 60 s:\n{}",
                self.http,
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts it without waiting.
    pub fn spawn(&mut self) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.join("eddy.log"))
            .unwrap();
        let child = eddy()
            .args([
                "up",
                "--data-dir",
                self.dir.to_str().unwrap(),
                "--http",
                &self.http,
                "--pg",
                &self.pg,
            ])
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("eddy.log")).unwrap_or_default()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// What Ctrl-C sends; returns how long the end took.
    pub fn interrupt(&mut self) -> Duration {
        let mut child = self.child.take().unwrap();
        let begin = Instant::now();
        let sent = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        within(15, "end after an interrupt", || child.try_wait().unwrap());
        begin.elapsed()
    }

    /// An `eddy` subcommand pointed at this engine.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = eddy();
        command
            .args(args)
            .env("EDDY_HTTP", &self.http)
            .stdin(Stdio::null());
        command
    }

    /// Runs a subcommand to its end, which must be success.
    pub fn run(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert!(
            output.status.success(),
            "eddy {args:?}: {}\n{}",
            text(&output),
            self.log_tail()
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        log.lines()
            .rev()
            .take(15)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// A request; status and body.
    pub fn request(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> (u16, String) {
        self.try_request(method, path, content_type, body)
            .expect("the engine answers")
    }

    /// What `/readyz` says; nothing while the door is closed.
    pub fn ask_ready(&self) -> Option<(u16, String)> {
        self.try_get("/readyz")
    }

    fn try_get(&self, path: &str) -> Option<(u16, String)> {
        self.try_request("GET", path, "", b"")
    }

    fn try_request(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Option<(u16, String)> {
        let url = format!("http://{}{path}", self.http);
        let method = method.parse().unwrap();
        let (content_type, body) = (content_type.to_owned(), body.to_vec());
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(async move {
                    let client = reqwest::Client::builder().no_proxy().build().unwrap();
                    let mut request = client.request(method, url).body(body);
                    if !content_type.is_empty() {
                        request = request.header("content-type", content_type);
                    }
                    let response = request.send().await.ok()?;
                    Some((response.status().as_u16(), response.text().await.ok()?))
                })
        })
        .join()
        .unwrap()
    }

    /// A request with headers, whose redirects are not followed: status, headers and body of the answer.
    pub fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, reqwest::header::HeaderMap, String) {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let url = format!("http://{}{path}", self.http);
        let mut request = client.request(method.parse().unwrap(), url).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let response = request.send().await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            (status, headers, response.text().await.unwrap())
        })
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        self.try_get(path).expect("the engine answers")
    }

    /// Posts events; status and answer.
    pub fn post(&self, content_type: &str, body: &[u8]) -> (u16, Value) {
        let (status, text) = self.request("POST", "/v1/events", content_type, body);
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Rows of a query.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        let (status, text) = self.sql(sql);
        assert_eq!(status, 200, "{sql}: {text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_array().unwrap().clone())
            .collect()
    }

    /// A query's status and raw answer.
    pub fn sql(&self, sql: &str) -> (u16, String) {
        let body = json!({ "sql": sql }).to_string();
        self.request("POST", "/v1/sql", "application/json", body.as_bytes())
    }

    /// The single number of a query.
    pub fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0][0]
            .as_i64()
            .unwrap_or_else(|| panic!("{sql}: not a number"))
    }

    /// Waits until the projections have reached the end of the log as it is now.
    pub fn settle(&self) {
        within(400, "projections reach the end of the log", || {
            let (status, text) = self.get("/v1/digest");
            assert_eq!(status, 200, "{text}");
            let digest: Value = serde_json::from_str(&text).unwrap();
            (digest["sequence"].as_u64()? >= digest["log_sequence"].as_u64()?).then_some(())
        });
        // The fold is there; its rows follow it.
        within(60, "rows follow the fold", || {
            let status: Value = serde_json::from_str(&self.get("/v1/status").1).ok()?;
            (status["sequence"].as_u64()? >= status["log_sequence"].as_u64()?).then_some(())
        });
    }

    /// The digest at the end of the log.
    pub fn digest(&self) -> Value {
        self.settle();
        serde_json::from_str(&self.run(&["digest"])).unwrap()
    }

    /// Process ids of nats-servers whose command line names this engine's folder.
    pub fn nats_servers(&self) -> Vec<u32> {
        nats_servers(&self.dir)
    }
}

/// Process ids of nats-servers whose command line names the folder.
pub fn nats_servers(dir: &Path) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        let program = line.split('\0').next().unwrap_or_default();
        if program.ends_with("nats-server") && line.contains(dir.to_str().unwrap()) {
            found.push(pid);
        }
    }
    found
}

/// What a command printed.
pub fn text(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            let mut child = child;
            let _ = Command::new("kill")
                .args(["-TERM", &child.id().to_string()])
                .status();
            for _ in 0..300 {
                if child.try_wait().ok().flatten().is_some() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
