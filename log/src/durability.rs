//! What an acknowledgement of the server means, as far as the server lets itself be asked.
//!
//! A private server tells its settings at its monitoring address; shared ones do so when their monitoring addresses are
//! configured, those of all servers that hold the log. Otherwise the answer is an honest "unknown" beside a measurement of how
//! long acknowledgements take, which is a hint and no proof.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use eddy_events::subjects;
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::connection::Connection;
use crate::log::info;
use crate::monitor::{self, Settings};

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

/// The servers that hold the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holders {
    /// Names, the leader's first.
    names: Vec<String>,
    /// Those of them that do not answer the leader.
    away: Vec<String>,
}

impl Holders {
    pub async fn of(connection: &Connection) -> Result<Holders, Error> {
        let cluster = info(connection, subjects::EDDY_EVENTS)
            .await?
            .cluster
            .unwrap_or_default();
        let leader = cluster
            .leader
            .unwrap_or_else(|| connection.client.server_info().server_name);
        let away = cluster.replicas.iter().filter(|peer| peer.offline);
        Ok(Holders {
            away: away.map(|peer| peer.name.clone()).collect(),
            names: std::iter::once(leader)
                .chain(cluster.replicas.into_iter().map(|peer| peer.name))
                .collect(),
        })
    }

    fn described(&self) -> String {
        let names = self.names.join(", ");
        let away = if self.away.is_empty() {
            String::new()
        } else {
            format!(" ({} away now)", self.away.join(", "))
        };
        match self.names.len() {
            1 => format!("the log has one copy, on {names}"),
            count => format!(
                "the log has {count} copies, on {names}{away}, and an acknowledgement means that most of them have it"
            ),
        }
    }
}

/// Asks the monitoring addresses, several with commas between them, what their servers do.
pub(crate) async fn ask(monitor_urls: &str, holders: &Holders, wanted: Durability) -> DurabilityReport {
    let urls = monitor_urls
        .split(',')
        .map(str::trim)
        .filter(|url| !url.is_empty());
    let told = join_all(urls.map(monitor::settings)).await;
    let mut known = Vec::new();
    let mut failed = Vec::new();
    for outcome in told {
        match outcome {
            Ok(settings) => known.push(settings),
            Err(error) => failed.push(error.to_string()),
        }
    }
    judge(holders, wanted, &known, failed)
}

/// One that is lax is enough to know the worst; to know the best, all must have told.
fn judge(holders: &Holders, wanted: Durability, told: &[Settings], failed: Vec<String>) -> DurabilityReport {
    let told: Vec<_> = told
        .iter()
        .filter(|one| holders.names.contains(&one.server))
        .collect();
    let silent: Vec<_> = holders
        .names
        .iter()
        .filter(|name| told.iter().all(|one| one.server != **name))
        .map(String::as_str)
        .collect();
    let actual = if told.iter().any(|one| !one.sync_always) {
        Durability::Relaxed
    } else if silent.is_empty() {
        Durability::Synced
    } else {
        Durability::Unknown
    };
    let mut sentences = vec![holders.described()];
    sentences.extend(told.iter().map(|one| {
        let says = if one.sync_always {
            "always".to_owned()
        } else {
            format!("{} s", one.sync_every.as_secs_f64())
        };
        format!(
            "{} (nats-server {}) says sync_interval: {says}",
            one.server, one.version
        )
    }));
    sentences.extend(failed);
    if !silent.is_empty() {
        sentences.push(format!(
            "what {} does is not known: NATS tells it at the monitoring address alone, and nats.monitor names none of it",
            silent.join(", ")
        ));
    }
    DurabilityReport {
        wanted,
        actual,
        evidence: sentences.join("; "),
    }
}

/// What is known without any monitoring address.
pub(crate) fn untold(holders: &Holders, wanted: Durability) -> DurabilityReport {
    judge(holders, wanted, &[], Vec::new())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn holders(names: &[&str]) -> Holders {
        Holders {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            away: Vec::new(),
        }
    }

    fn says(server: &str, sync_always: bool) -> Settings {
        Settings {
            server: server.into(),
            version: "2.15.1".into(),
            sync_always,
            sync_every: Duration::from_secs(120),
        }
    }

    fn judged(names: &[&str], told: &[Settings]) -> DurabilityReport {
        judge(&holders(names), Durability::Synced, told, Vec::new())
    }

    #[test]
    fn synced_is_what_every_holder_says() {
        let all = [says("n1", true), says("n2", true), says("n3", true)];
        assert_eq!(judged(&["n1", "n2", "n3"], &all).actual, Durability::Synced);
        let two = judged(&["n1", "n2", "n3"], &all[..2]);
        assert_eq!(two.actual, Durability::Unknown);
        assert!(
            two.evidence.contains("what n3 does is not known"),
            "{}",
            two.evidence
        );
    }

    #[test]
    fn one_lax_holder_makes_it_relaxed() {
        let report = judged(&["n1", "n2", "n3"], &[says("n2", false)]);
        assert_eq!(report.actual, Durability::Relaxed);
        assert!(
            report.evidence.contains("sync_interval: 120 s"),
            "{}",
            report.evidence
        );
    }

    #[test]
    fn servers_that_hold_nothing_say_nothing() {
        assert_eq!(judged(&["n1"], &[says("n2", false)]).actual, Durability::Unknown);
        assert_eq!(
            judged(&["n1"], &[says("n2", false), says("n1", true)]).actual,
            Durability::Synced
        );
    }
}
