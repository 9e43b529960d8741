//! `eddy models`: which models the log promoted, and promoting one. A promotion is an event like any other.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use eddy_events::Timestamp;
use eddy_log::Log;
use eddy_processors::training::{LEARNER_VERSION, SERVING, SHADOW};
use serde_json::json;

use crate::client::EngineArgs;
use crate::config::{Config, UpArgs};
use crate::replay::open;

/// Flags of `eddy models`.
#[derive(Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Subcommand)]
enum ModelsCommand {
    /// What the log promoted, and what is in force
    List {
        #[command(flatten)]
        engine: EngineArgs,
    },
    /// Let a model serve. `online-1` goes back to the online learner; with --shadow, `none` empties the shadow
    Promote {
        /// Where the log is: the same flags as of `eddy up`
        #[command(flatten)]
        up: Box<UpArgs>,
        /// Version, as people call it
        version: String,
        /// Digest of its artefact, as `eddy train` told it; not needed to go back
        #[arg(long)]
        digest: Option<String>,
        /// Let it score in the shadow instead
        #[arg(long)]
        shadow: bool,
        /// Event time of the promotion, RFC 3339; give one where the log is of the past, whose clock would jump [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
}

const LIST: &str =
    "select subject, version, digest, published_at, in_force from eddy_meta.models order by published_at";

/// Runs it.
pub async fn run(args: ModelsArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        ModelsCommand::List { engine } => crate::sql::ask(engine, LIST).await,
        ModelsCommand::Promote {
            up,
            version,
            digest,
            shadow,
            at,
        } => {
            let config = Config::load(&up)?;
            let retreat = [LEARNER_VERSION, "none"].contains(&version.as_str());
            let digest = match digest {
                Some(digest) => digest,
                None if retreat => version.clone(),
                None => bail!("name the artefact with --digest; `eddy models list` and `eddy train` tell it"),
            };
            let at = match at {
                Some(text) => {
                    Timestamp::parse(&text).with_context(|| format!("--at {text}: not an RFC 3339 time"))?
                }
                None => Timestamp::utc(jiff::Timestamp::now().as_microsecond()),
            };
            let (server, log) = open(&config).await?;
            if !retreat && !log.artefacts().holds(&digest).await? {
                bail!("the object store holds no artefact {digest}; `eddy train` puts one there");
            }
            let subject = if shadow { SHADOW } else { SERVING };
            publish(&log, subject, (&version, &digest), at).await?;
            if let Some(server) = server {
                server.shutdown().await;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Publishes the promotion of a version and its digest.
pub async fn publish(
    log: &Log,
    subject: &str,
    (version, digest): (&str, &str),
    at: Timestamp,
) -> anyhow::Result<()> {
    // Going back and forth are events of their own, even within one event time.
    let id = format!("{subject}-{version}-{}", jiff::Timestamp::now().as_microsecond());
    let event = json!({
        "specversion": "1.0",
        "id": id,
        "source": "urn:eddy:models",
        "type": "eddy.model.promoted",
        "subject": subject,
        "time": at.to_string(),
        "datacontenttype": "application/json",
        "tenantid": log.tenant(),
        "data": {"version": version, "digest": digest, "artefact": format!("{}/{digest}", eddy_log::artefacts::BUCKET)},
    });
    let sequence = crate::publish::event(log, &event).await?;
    eprintln!("{subject}: {version} from log position {sequence} on");
    Ok(())
}
