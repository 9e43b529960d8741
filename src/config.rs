//! What an operator can set, and where each value comes from: command line, then `EDDY_...`
//! environment, then the configuration file, then the default. It reads files and checks values;
//! it opens nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;

/// Flags of `eddy up`; each has an environment twin and a key in the configuration file.
#[derive(Args, Debug, Clone, Default)]
pub struct UpArgs {
    /// Folder for the log, the snapshots and the history [default: ./data]
    #[arg(long, env = "EDDY_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// HTTP address: gateway, SQL, pages, metrics [default: 127.0.0.1:8080]
    #[arg(long, env = "EDDY_HTTP", value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// PostgreSQL wire address [default: 127.0.0.1:5433]
    #[arg(long, env = "EDDY_PG", value_name = "ADDR")]
    pub pg: Option<SocketAddr>,
    /// An existing nats-server or cluster instead of a private one; several addresses with commas between them
    #[arg(long, env = "EDDY_NATS", value_name = "URL", hide_env_values = true)]
    pub nats: Option<String>,
    /// Copies of each stream, on as many servers of the cluster that --nats names: 1, 3 or 5 [default: 1]
    #[arg(long, env = "EDDY_REPLICAS", value_name = "N")]
    pub replicas: Option<usize>,
    /// Configuration file (TOML)
    #[arg(long, env = "EDDY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What an acknowledgement means: "synced" (on disk) or "relaxed" (on disk within two minutes) [default: synced]
    #[arg(long, env = "EDDY_DURABILITY", value_name = "MODE")]
    pub durability: Option<String>,
    /// Token that HTTP callers must send as `Authorization: Bearer ...` and browsers sign in with; required off loopback
    #[arg(long, env = "EDDY_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Password of the PostgreSQL wire (user `eddy`); required off loopback
    #[arg(
        long,
        env = "EDDY_PG_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    pub pg_password: Option<String>,
}

/// The configuration file. Unknown keys are errors, so that a typing mistake is not a silent default.
#[derive(Deserialize, Debug, Clone, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    data_dir: Option<PathBuf>,
    http: Option<SocketAddr>,
    pg: Option<SocketAddr>,
    durability: Option<String>,
    token: Option<String>,
    pg_password: Option<String>,
    tenant: Option<String>,
    zone: Option<String>,
    scores: Option<bool>,
    risk: Option<bool>,
    anomalies: Option<bool>,
    operations: Option<bool>,
    otlp_endpoint: Option<String>,
    webhooks: Vec<PathBuf>,
    nats: NatsFile,
    limits: Limits,
    snapshots: Snapshots,
}

#[derive(Deserialize, Debug, Clone, Default)]
#[serde(deny_unknown_fields, default)]
struct NatsFile {
    url: Option<String>,
    credentials: Option<PathBuf>,
    token: Option<String>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    monitor: Option<String>,
    binary: Option<PathBuf>,
    replicas: Option<usize>,
}

/// Bounds that keep one caller from harming the others.
#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest body of `POST /v1/events`, bytes
    pub body_bytes: usize,
    /// Events a second the gateway takes before it answers 429; 0 is no bound
    pub events_per_second: u32,
    /// Seconds a query may run
    pub query_seconds: u64,
    /// Memory one query may hold, bytes
    pub query_memory_bytes: usize,
    /// Queries that run at once; others wait their turn
    pub concurrent_queries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            events_per_second: 0,
            query_seconds: 30,
            query_memory_bytes: 1 << 30,
            concurrent_queries: 16,
        }
    }
}

/// When the processors write their state down.
#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields, default)]
pub struct Snapshots {
    /// Events between two snapshots
    pub every_events: u64,
    /// Seconds between two snapshots while events arrive
    pub every_seconds: u64,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            every_events: 2_000_000,
            every_seconds: 60,
        }
    }
}

/// Where the log is.
#[derive(Debug, Clone)]
pub enum Nats {
    /// A private server that Eddy starts and ends
    Private {
        /// The nats-server program, when not found by itself
        binary: Option<PathBuf>,
    },
    /// A server or cluster of the operator's
    External {
        /// `nats://` or `tls://`, several with commas between them; may hold `name:password@` or `token@`
        url: String,
        /// A `.creds` file
        credentials: Option<PathBuf>,
        /// A token
        token: Option<String>,
        /// A certificate authority's certificates
        ca: Option<PathBuf>,
        /// The client's certificate
        certificate: Option<PathBuf>,
        /// The client's key
        key: Option<PathBuf>,
        /// Monitoring addresses (`http://host:8222`) of all its servers, with commas between them
        monitor: Option<String>,
    },
}

/// Everything `eddy up` runs by.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder for everything that is kept
    pub data_dir: PathBuf,
    /// HTTP address
    pub http: SocketAddr,
    /// PostgreSQL wire address
    pub pg: SocketAddr,
    /// The log's server
    pub nats: Nats,
    /// Copies of each stream
    pub replicas: usize,
    /// `true`: fsync before acknowledgement
    pub synced: bool,
    /// HTTP token
    pub token: Option<String>,
    /// PostgreSQL password
    pub pg_password: Option<String>,
    /// The tenant whose log this is
    pub tenant: String,
    /// The tenant's time zone: the zone of its days
    pub zone: String,
    /// Score parcels, decide about those at risk, and look for fraud
    pub scores: bool,
    /// Of the scores, those of parcels and the decisions about them; off, fraud alone is looked for
    pub risk: bool,
    /// Watch return rates for shifts
    pub anomalies: bool,
    /// Watch terms, and advise on what becomes of inspected lines
    pub operations: bool,
    /// OpenTelemetry collector, when traces are wanted
    pub otlp_endpoint: Option<String>,
    /// Mapping files of webhooks besides those that come with Eddy
    pub webhooks: Vec<PathBuf>,
    /// Bounds
    pub limits: Limits,
    /// Snapshot intervals
    pub snapshots: Snapshots,
}

/// The default HTTP address, also where the other commands look for the engine.
pub const DEFAULT_HTTP: &str = "127.0.0.1:8080";

/// Characters of a token that others than this machine can try.
const TOKEN_CHARACTERS: usize = 16;

impl Config {
    /// Joins flags, environment and file.
    pub fn load(args: &UpArgs) -> anyhow::Result<Self> {
        let file = match &args.config {
            Some(path) => read(path)?,
            None => File::default(),
        };
        let durability = args
            .durability
            .clone()
            .or(file.durability)
            .unwrap_or_else(|| "synced".into());
        let synced = match durability.as_str() {
            "synced" => true,
            "relaxed" => false,
            other => bail!("durability is \"{other}\"; it must be \"synced\" or \"relaxed\""),
        };
        let nats = match args.nats.clone().or(file.nats.url) {
            Some(url) => Nats::External {
                url,
                credentials: file.nats.credentials,
                token: file.nats.token,
                ca: file.nats.ca,
                certificate: file.nats.certificate,
                key: file.nats.key,
                monitor: file.nats.monitor,
            },
            None => Nats::Private {
                binary: file.nats.binary,
            },
        };
        let config = Self {
            data_dir: args
                .data_dir
                .clone()
                .or(file.data_dir)
                .unwrap_or_else(|| "data".into()),
            http: args
                .http
                .or(file.http)
                .unwrap_or_else(|| DEFAULT_HTTP.parse().expect("a constant")),
            pg: args
                .pg
                .or(file.pg)
                .unwrap_or_else(|| "127.0.0.1:5433".parse().expect("a constant")),
            nats,
            replicas: args.replicas.or(file.nats.replicas).unwrap_or(1),
            synced,
            token: args.token.clone().or(file.token),
            pg_password: args.pg_password.clone().or(file.pg_password),
            tenant: file.tenant.unwrap_or_else(|| "default".into()),
            zone: file.zone.unwrap_or_else(|| "Asia/Kolkata".into()),
            scores: file.scores.unwrap_or(true),
            risk: file.risk.unwrap_or(true),
            anomalies: file.anomalies.unwrap_or(true),
            operations: file.operations.unwrap_or(true),
            otlp_endpoint: file
                .otlp_endpoint
                .or_else(|| std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok()),
            webhooks: file.webhooks,
            limits: file.limits,
            snapshots: file.snapshots,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        if let Some(token) = &self.token {
            self.check_token(token)?;
        }
        if !self.http.ip().is_loopback() && self.token.is_none() {
            bail!(
                "--http {} is not loopback and no token is set: anyone who reaches it could write; set --token (EDDY_TOKEN), or listen on 127.0.0.1",
                self.http
            );
        }
        if !self.pg.ip().is_loopback() && self.pg_password.is_none() {
            bail!(
                "--pg {} is not loopback and no password is set: set --pg-password (EDDY_PG_PASSWORD), or listen on 127.0.0.1",
                self.pg
            );
        }
        if !matches!(self.replicas, 1 | 3 | 5) {
            bail!("--replicas {} cannot be: use 1, 3 or 5", self.replicas);
        }
        if self.replicas > 1 && matches!(self.nats, Nats::Private { .. }) {
            bail!(
                "--replicas {0} needs {0} servers, and the private nats-server is one: name a cluster with --nats (EDDY_NATS)",
                self.replicas
            );
        }
        jiff::tz::TimeZone::get(&self.zone).with_context(|| {
            format!(
                "zone \"{}\" is not known; use an IANA name such as Asia/Kolkata",
                self.zone
            )
        })?;
        Ok(())
    }

    fn check_token(&self, token: &str) -> anyhow::Result<()> {
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            bail!(
                "the token (--token, EDDY_TOKEN) is empty or has a character that no header can carry; make one with `openssl rand -hex 32`"
            );
        }
        if !self.http.ip().is_loopback() && token.len() < TOKEN_CHARACTERS {
            bail!(
                "--http {} is not loopback and the token is short enough to guess: give it at least {TOKEN_CHARACTERS} characters, for instance by `openssl rand -hex 32`",
                self.http
            );
        }
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("the configuration {} is not right", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("eddy.toml");
        std::fs::write(&path, text)?;
        Config::load(&UpArgs {
            config: Some(path),
            ..UpArgs::default()
        })
    }

    #[test]
    fn defaults_are_loopback_and_synced() {
        let config = Config::load(&UpArgs::default()).unwrap();
        assert!(config.synced && config.http.ip().is_loopback() && config.pg.ip().is_loopback());
    }

    #[test]
    fn another_address_without_a_token_is_refused() {
        let error = parse("http = \"0.0.0.0:8080\"").unwrap_err().to_string();
        assert!(error.contains("EDDY_TOKEN"), "{error}");
        assert!(parse("http = \"0.0.0.0:8080\"\ntoken = \"0123456789abcdef\"").is_ok());
        let error = parse("pg = \"0.0.0.0:5433\"").unwrap_err().to_string();
        assert!(error.contains("EDDY_PG_PASSWORD"), "{error}");
    }

    #[test]
    fn a_token_that_shuts_out_nobody_is_refused() {
        for token in ["", " ", "two words", "\u{e9}"] {
            let error = parse(&format!("token = \"{token}\"")).unwrap_err().to_string();
            assert!(error.contains("EDDY_TOKEN"), "{token:?}: {error}");
        }
        assert!(parse("token = \"t\"").is_ok(), "on loopback it may be short");
        let error = parse("http = \"0.0.0.0:8080\"\ntoken = \"t\"")
            .unwrap_err()
            .to_string();
        assert!(error.contains("16 characters"), "{error}");
    }

    #[test]
    fn a_mistyped_key_is_named() {
        let error = format!("{:#}", parse("durabilty = \"synced\"").unwrap_err());
        assert!(error.contains("durabilty"), "{error}");
    }

    #[test]
    fn an_unknown_zone_or_durability_is_refused() {
        assert!(parse("zone = \"Asia/Calcuttta\"").is_err());
        assert!(parse("durability = \"maybe\"").is_err());
    }

    #[test]
    fn replicas_need_a_cluster() {
        let error = parse("nats.replicas = 3").unwrap_err().to_string();
        assert!(error.contains("--nats"), "{error}");
        assert!(parse("nats.url = \"nats://host\"\nnats.replicas = 2").is_err());
        let config = parse("nats.url = \"nats://host\"\nnats.replicas = 3").unwrap();
        assert_eq!(config.replicas, 3);
    }
}
