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
    /// An existing nats-server or cluster instead of a private one
    #[arg(long, env = "EDDY_NATS", value_name = "URL")]
    pub nats: Option<String>,
    /// Configuration file (TOML)
    #[arg(long, env = "EDDY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What an acknowledgement means: "synced" (on disk) or "relaxed" (on disk within two minutes) [default: synced]
    #[arg(long, env = "EDDY_DURABILITY", value_name = "MODE")]
    pub durability: Option<String>,
    /// Token that HTTP callers must send as `Authorization: Bearer ...`; required off loopback
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
        /// `nats://` or `tls://`
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
            replicas: file.nats.replicas.unwrap_or(1),
            synced,
            token: args.token.clone().or(file.token),
            pg_password: args.pg_password.clone().or(file.pg_password),
            tenant: file.tenant.unwrap_or_else(|| "default".into()),
            zone: file.zone.unwrap_or_else(|| "Asia/Kolkata".into()),
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
        jiff::tz::TimeZone::get(&self.zone).with_context(|| {
            format!(
                "zone \"{}\" is not known; use an IANA name such as Asia/Kolkata",
                self.zone
            )
        })?;
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
        assert!(parse("http = \"0.0.0.0:8080\"\ntoken = \"t\"").is_ok());
        let error = parse("pg = \"0.0.0.0:5433\"").unwrap_err().to_string();
        assert!(error.contains("EDDY_PG_PASSWORD"), "{error}");
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
}
