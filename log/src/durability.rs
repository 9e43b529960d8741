//! What an acknowledgement of the server means, as far as the server lets itself be asked.
//!
//! A private server tells its settings on its monitoring address; a shared one does so when its monitoring address is
//! configured. Otherwise the answer is an honest "unknown" beside a measurement of how long acknowledgements take, which
//! is a hint and no proof.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Error;

/// When a message counts as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// It is on disk (fsync) before it is acknowledged: survives a power cut.
    Synced,
    /// The operating system has it when it is acknowledged, the disk a while later: survives the death of the server, not a
    /// power cut.
    Relaxed,
    /// The server does not tell.
    Unknown,
}

impl Durability {
    /// As in the configuration and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Durability::Synced => "synced",
            Durability::Relaxed => "relaxed",
            Durability::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Durability {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "synced" => Ok(Durability::Synced),
            "relaxed" => Ok(Durability::Relaxed),
            other => Err(Error::Config(format!(
                "durability is `synced` or `relaxed`, not `{other}`"
            ))),
        }
    }
}

/// What was asked for, what the server does, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DurabilityReport {
    /// As configured.
    pub wanted: Durability,
    /// As the server really does.
    pub actual: Durability,
    /// One sentence for `eddy doctor`.
    pub evidence: String,
}

impl DurabilityReport {
    /// Whether acknowledgements mean at least what was asked for, as far as known.
    pub fn is_kept(&self) -> bool {
        self.wanted != Durability::Synced || self.actual == Durability::Synced
    }
}

/// Asks a monitoring address what the server does.
pub(crate) async fn ask(monitor_url: &str, wanted: Durability) -> DurabilityReport {
    match varz(monitor_url).await {
        Ok(settings) => {
            let every = Duration::from_nanos(settings.sync_interval);
            let (actual, words) = if settings.sync_always {
                (Durability::Synced, "sync_interval: always".to_string())
            } else {
                (
                    Durability::Relaxed,
                    format!("sync_interval: {} s", every.as_secs_f64()),
                )
            };
            let evidence = format!(
                "nats-server {} says {words} ({monitor_url}/varz)",
                settings.version
            );
            DurabilityReport {
                wanted,
                actual,
                evidence,
            }
        }
        Err(error) => DurabilityReport {
            wanted,
            actual: Durability::Unknown,
            evidence: error.to_string(),
        },
    }
}

pub(crate) fn untold(wanted: Durability) -> DurabilityReport {
    DurabilityReport {
        wanted,
        actual: Durability::Unknown,
        evidence:
            "the server's monitoring address is not configured, and NATS tells its sync settings nowhere else"
                .into(),
    }
}

struct Settings {
    version: String,
    sync_always: bool,
    sync_interval: u64,
}

async fn varz(monitor_url: &str) -> Result<Settings, Error> {
    #[derive(Deserialize)]
    struct Varz {
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
        version: varz.version,
        sync_always: varz.jetstream.config.sync_always,
        sync_interval: varz.jetstream.config.sync_interval,
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

/// Median acknowledgement times of one small message, in a stream of files and in one of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AckLatency {
    /// With file storage.
    pub file: Duration,
    /// With memory storage: the round trip alone.
    pub memory: Duration,
}

impl fmt::Display for AckLatency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "acknowledgements take {:.2} ms from file storage and {:.2} ms from memory",
            self.file.as_secs_f64() * 1e3,
            self.memory.as_secs_f64() * 1e3
        )
    }
}

/// Measures how long acknowledgements take, with two small streams that are deleted afterwards.
pub(crate) async fn probe(context: &jetstream::Context, replicas: usize) -> Result<AckLatency, Error> {
    let mut medians = [Duration::ZERO; 2];
    for (median, storage) in medians.iter_mut().zip([
        jetstream::stream::StorageType::File,
        jetstream::stream::StorageType::Memory,
    ]) {
        let name = format!(
            "EDDY_PROBE_{}",
            context
                .client()
                .new_inbox()
                .rsplit('.')
                .next()
                .unwrap_or_default()
        );
        let config = jetstream::stream::Config {
            name: name.clone(),
            subjects: vec![format!("eddy.probe.{name}")],
            storage,
            num_replicas: replicas,
            ..Default::default()
        };
        context
            .create_stream(config)
            .await
            .map_err(|e| Error::request(format!("create {name}"), e))?;
        let measured = measure(context, &format!("eddy.probe.{name}")).await;
        context
            .delete_stream(&name)
            .await
            .map_err(|e| Error::request(format!("delete {name}"), e))?;
        *median = measured?;
    }
    Ok(AckLatency {
        file: medians[0],
        memory: medians[1],
    })
}

async fn measure(context: &jetstream::Context, subject: &str) -> Result<Duration, Error> {
    let mut times = Vec::with_capacity(31);
    for _ in 0..31 {
        let begun = Instant::now();
        let ack = context.publish(subject.to_string(), vec![b'.'; 256].into()).await;
        let stored = match ack {
            Ok(ack) => ack.await,
            Err(error) => Err(error),
        };
        stored.map_err(|e| Error::request("publish a probe", e))?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times[times.len() / 2])
}
