//! A log that is connected: streams checked, durability known. The way to everything else of this crate.

use std::time::{Duration, Instant};

use async_nats::jetstream::context::AccountErrorKind;
use async_nats::jetstream::{self, ErrorCode};
use eddy_events::subjects;

use crate::access::{Credentials, Tls, redacted};
use crate::appender::{Appender, AppenderConfig};
use crate::artefacts::Artefacts;
use crate::binary::Version;
use crate::connection::{Connection, chain};
use crate::dead_letters::DeadLetters;
use crate::derived::{DerivedPublisher, DerivedReader};
use crate::durability::{self, AckLatency, Durability, DurabilityReport, Holders};
use crate::message::LogMessage;
use crate::metrics::Metrics;
use crate::range::RangeReader;
use crate::reader::Reader;
use crate::requests::Requests;
use crate::{Endpoint, Error, streams};

/// Where the log is and how to use it.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Address, or several with commas between them; may hold `name:password@` or `token@`.
    pub url: String,
    /// How to prove who we are.
    pub credentials: Credentials,
    /// TLS.
    pub tls: Tls,
    /// Tenant whose events these are; a word of letters, digits, `-` and `_`.
    pub tenant: String,
    /// Number of shards, fixed when the log is created.
    pub shards: u32,
    /// What an acknowledgement should mean.
    pub durability: Durability,
    /// Replicas of each stream. `None`: one for a new stream, as it is for an existing one.
    pub replicas: Option<usize>,
    /// `http://host:8222` of the server, to ask what it really does; of a cluster all of them, with commas between.
    pub monitor_url: Option<String>,
}

impl LogConfig {
    /// A log at an address: default tenant, one shard, synced.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: Credentials::None,
            tls: Tls::default(),
            tenant: eddy_events::envelope::DEFAULT_TENANT.into(),
            shards: 1,
            durability: Durability::Synced,
            replicas: None,
            monitor_url: None,
        }
    }

    /// The log of a supervised server.
    pub fn of(endpoint: &Endpoint) -> Self {
        Self {
            credentials: Credentials::Token(endpoint.token.clone()),
            monitor_url: Some(endpoint.monitor_url.clone()),
            ..Self::new(endpoint.url.clone())
        }
    }

    fn check(&self) -> Result<(), Error> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if self.tenant.is_empty() || !self.tenant.bytes().all(word) {
            return Err(Error::Config(format!(
                "the tenant `{}` is not a word of letters, digits, `-` and `_`",
                self.tenant
            )));
        }
        if self.shards == 0 {
            return Err(Error::Config("a log has at least one shard".into()));
        }
        if self.replicas.is_some_and(|n| !matches!(n, 1 | 3 | 5)) {
            return Err(Error::Config("replicas are 1, 3 or 5".into()));
        }
        Ok(())
    }
}

/// Where a stream begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first sequence that exists; one more than `last` when the stream is empty.
    pub first: u64,
    /// The last sequence given out; 0 when there was none yet.
    pub last: u64,
    /// Messages between them.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A connected log. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    pub(crate) config: LogConfig,
    /// Publishing and reading have connections of their own, so that a reader that catches up does not stand between a
    /// publish and its acknowledgement.
    pub(crate) publishing: Connection,
    pub(crate) reading: Connection,
    pub(crate) metrics: Metrics,
    version: Version,
    report: DurabilityReport,
}

impl Log {
    /// Connects, refuses servers that are too old or have no JetStream, creates or checks the streams, and asks what
    /// an acknowledgement means.
    pub async fn connect(config: LogConfig, metrics: Metrics) -> Result<Log, Error> {
        config.check()?;
        let publishing = Connection::open(&config, "publishing", &metrics).await?;
        let version = publishing.check_version(&config.url)?;
        let reading = Connection::open(&config, "reading", &metrics).await?;
        has_jetstream(&publishing, &config.url).await?;
        streams::ensure(&publishing, config.replicas).await?;
        let holders = Holders::of(&publishing).await?;
        let report = match &config.monitor_url {
            Some(urls) => durability::ask(urls, &holders, config.durability).await,
            None => durability::untold(&holders, config.durability),
        };
        metrics.set_durability(report.actual);
        if !report.is_kept() {
            tracing::warn!(wanted = %report.wanted, actual = %report.actual, evidence = report.evidence, "durability is not as configured");
        }
        Ok(Log {
            config,
            publishing,
            reading,
            metrics,
            version,
            report,
        })
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.config.tenant
    }

    /// The number of shards.
    pub fn shards(&self) -> u32 {
        self.config.shards
    }

    /// Version of the server.
    pub fn server_version(&self) -> Version {
        self.version
    }

    /// What an acknowledgement means, and how that is known.
    pub fn durability(&self) -> &DurabilityReport {
        &self.report
    }

    /// Whether the server answers at this moment.
    pub async fn is_ready(&self) -> bool {
        let answer = tokio::time::timeout(Duration::from_secs(5), self.extent()).await;
        answer.is_ok_and(|extent| extent.is_ok())
    }

    /// Measures acknowledgements with two small temporary streams: a hint at what a server does that does not tell.
    pub async fn probe(&self) -> Result<AckLatency, Error> {
        durability::probe(&self.publishing.context, self.config.replicas.unwrap_or(1)).await
    }

    /// Group commit for one shard, with the limits of interactive use. Make one a shard and clone it.
    pub fn appender(&self, shard: u32) -> Result<Appender, Error> {
        self.appender_with(shard, AppenderConfig::default())
    }

    /// The same for loaders: larger batches, a longer queue.
    pub fn bulk_appender(&self, shard: u32) -> Result<Appender, Error> {
        self.appender_with(shard, AppenderConfig::bulk())
    }

    /// The same with limits of one's own.
    pub fn appender_with(&self, shard: u32, limits: AppenderConfig) -> Result<Appender, Error> {
        self.check_shard(shard)?;
        Ok(Appender::start(
            self.publishing.clone(),
            subjects::events(self.tenant(), shard),
            limits,
            self.metrics.clone(),
        ))
    }

    /// Reads one shard in order, beginning after a sequence (0: from the start).
    pub fn reader(&self, shard: u32, after_sequence: u64) -> Result<Reader, Error> {
        self.check_shard(shard)?;
        let subject = subjects::events(self.tenant(), shard);
        Ok(Reader::new(
            self.reading.clone(),
            subjects::EDDY_EVENTS,
            subject,
            after_sequence,
            self.metrics.clone(),
        ))
    }

    /// Reads the messages `from..=to` of a shard once, without a consumer on the server. `to` beyond the end is the end.
    pub fn read_range(&self, shard: u32, from: u64, to: u64) -> Result<RangeReader, Error> {
        self.check_shard(shard)?;
        let subject = subjects::events(self.tenant(), shard);
        Ok(RangeReader::new(
            self.reading.clone(),
            subjects::EDDY_EVENTS,
            subject,
            from,
            to,
        ))
    }

    /// One message of any shard.
    pub async fn message(&self, sequence: u64) -> Result<LogMessage, Error> {
        crate::range::message(&self.reading, subjects::EDDY_EVENTS, sequence).await
    }

    /// The last sequence of the events.
    pub async fn last_sequence(&self) -> Result<u64, Error> {
        Ok(self.extent().await?.last)
    }

    /// The first sequence of the events that still exists.
    pub async fn first_sequence(&self) -> Result<u64, Error> {
        Ok(self.extent().await?.first)
    }

    /// Where the events begin and end.
    pub async fn extent(&self) -> Result<Extent, Error> {
        extent(&self.publishing, subjects::EDDY_EVENTS).await
    }

    /// Where the outputs begin and end.
    pub async fn derived_extent(&self) -> Result<Extent, Error> {
        extent(&self.publishing, subjects::EDDY_DERIVED).await
    }

    /// Where the dead letters begin and end.
    pub async fn dead_letter_extent(&self) -> Result<Extent, Error> {
        extent(&self.publishing, subjects::EDDY_DEAD_LETTERS).await
    }

    /// Publishes the outputs of a shard, going on after its last one.
    pub async fn derived(&self, shard: u32) -> Result<DerivedPublisher, Error> {
        self.check_shard(shard)?;
        DerivedPublisher::open(
            self.publishing.clone(),
            self.tenant(),
            shard,
            self.metrics.clone(),
        )
        .await
    }

    /// Hears questions of a kind, such as `scores`, on `eddy.requests.<tenant>.<kind>`.
    pub async fn requests(&self, kind: &str) -> Result<Requests, Error> {
        let subject = eddy_events::subjects::requests(self.tenant(), kind);
        Requests::open(self.publishing.client.clone(), subject).await
    }

    /// Reads the outputs of a shard, beginning after a sequence of the derived stream.
    pub fn derived_reader(&self, shard: u32, after_sequence: u64) -> Result<DerivedReader, Error> {
        self.check_shard(shard)?;
        let subject = subjects::derived_all(self.tenant(), shard);
        Ok(DerivedReader::new(Reader::new(
            self.reading.clone(),
            subjects::EDDY_DERIVED,
            subject,
            after_sequence,
            self.metrics.clone(),
        )))
    }

    /// Artefacts that events name by digest.
    pub fn artefacts(&self) -> Artefacts {
        Artefacts::new(self.publishing.clone(), self.config.replicas.unwrap_or(1))
    }

    /// The dead letters of the tenant.
    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(self.clone())
    }

    fn check_shard(&self, shard: u32) -> Result<(), Error> {
        if shard < self.config.shards {
            return Ok(());
        }
        Err(Error::Config(format!(
            "there is no shard {shard}: this log has {}, counted from 0",
            self.config.shards
        )))
    }
}

/// A cluster that has just started has nobody to ask for a while.
const SETTLING: Duration = Duration::from_secs(15);

async fn has_jetstream(connection: &Connection, url: &str) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        let asked = connection.permitted(
            "use JetStream",
            "$JS.API.INFO",
            connection.context.query_account(),
        );
        let Err(error) = asked.await? else { return Ok(()) };
        let unsettled = match error.kind() {
            AccountErrorKind::JetStream(reason) => reason.error_code() == ErrorCode::CLUSTER_NOT_AVAILABLE,
            AccountErrorKind::TimedOut => true,
            _ => false,
        };
        if !unsettled {
            return Err(Error::NoJetStream {
                url: redacted(url),
                reason: chain(&error),
            });
        }
        if begun.elapsed() > SETTLING {
            return Err(Error::request(
                format!("JetStream of {}", redacted(url)),
                format!("{}; in a cluster most of the servers must run", chain(&error)),
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(crate) async fn extent(connection: &Connection, stream: &str) -> Result<Extent, Error> {
    let state = state(connection, stream).await?;
    Ok(Extent {
        first: state.first_sequence.max(1),
        last: state.last_sequence,
        messages: state.messages,
        bytes: state.bytes,
    })
}

pub(crate) async fn state(connection: &Connection, stream: &str) -> Result<jetstream::stream::State, Error> {
    Ok(info(connection, stream).await?.state)
}

/// What the leader of a stream says of it.
pub(crate) async fn info(connection: &Connection, stream: &str) -> Result<jetstream::stream::Info, Error> {
    let stream = connection
        .stream(stream)
        .await?
        .map_err(|e| Error::request(format!("look up {stream}"), chain(&e)))?;
    Ok(stream.cached_info().clone())
}
