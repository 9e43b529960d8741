//! What a server tells at its monitoring address, read with one plain request. It judges nothing.

use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Error;

/// Who answers, and when it syncs.
pub(crate) struct Settings {
    /// The server's name, unique in its cluster.
    pub server: String,
    pub version: String,
    pub sync_always: bool,
    pub sync_every: Duration,
}

pub(crate) async fn settings(monitor_url: &str) -> Result<Settings, Error> {
    #[derive(Deserialize)]
    struct Varz {
        server_name: String,
        version: String,
        jetstream: JetStream,
    }
    #[derive(Deserialize)]
    struct JetStream {
        #[serde(default)]
        config: Config,
    }
    #[derive(Default, Deserialize)]
    struct Config {
        #[serde(default)]
        sync_always: bool,
        #[serde(default)]
        sync_interval: u64,
    }
    let body = get(monitor_url, "/varz").await?;
    let varz: Varz = serde_json::from_slice(&body).map_err(|e| {
        Error::request(
            format!("{monitor_url}/varz"),
            format!("not the answer of a nats-server: {e}"),
        )
    })?;
    Ok(Settings {
        server: varz.server_name,
        version: varz.version,
        sync_always: varz.jetstream.config.sync_always,
        sync_every: Duration::from_nanos(varz.jetstream.config.sync_interval),
    })
}

/// One HTTP/1.0 request to a monitoring address; enough for a server that answers plainly and closes.
pub(crate) async fn get(monitor_url: &str, path: &str) -> Result<Vec<u8>, Error> {
    let doing = || format!("GET {monitor_url}{path}");
    let host = monitor_url
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'))
        .filter(|host| !host.is_empty() && !host.contains('/'))
        .ok_or_else(|| {
            Error::Config(format!(
                "a monitoring address looks like http://host:8222, not `{monitor_url}`"
            ))
        })?;
    let exchange = async {
        let mut stream = tokio::net::TcpStream::connect(host).await?;
        stream
            .write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())
            .await?;
        let mut answer = Vec::new();
        // Bounded: a stranger at this address must not fill the memory.
        stream.take(4 << 20).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(5), exchange)
        .await
        .map_err(|_| Error::request(doing(), "nothing within 5 s"))?
        .map_err(|e| Error::request(doing(), e))?;
    let split = answer
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .ok_or_else(|| Error::request(doing(), "no HTTP answer"))?;
    let status = String::from_utf8_lossy(&answer[..split.min(64)])
        .lines()
        .next()
        .unwrap_or_default()
        .to_string();
    if !status.contains(" 200") {
        let body: String = String::from_utf8_lossy(&answer[split + 4..])
            .chars()
            .take(300)
            .collect();
        return Err(Error::request(doing(), format!("{status} {body}")));
    }
    Ok(answer[split + 4..].to_vec())
}
