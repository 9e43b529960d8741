//! The three streams: created when absent, checked when present. It changes an existing stream only by switching on what
//! does no harm (direct reads, atomic batches); anything else is told and left to its owner.

use std::time::Duration;

use async_nats::jetstream::{
    self, ErrorCode,
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType},
};
use eddy_events::subjects;

use crate::Error;
use crate::connection::{Connection, chain};

/// Retries of a publish come with the same message id within this window; see [`crate::appender`].
pub(crate) const DUPLICATE_WINDOW: Duration = Duration::from_secs(60);

const ALL: [(&str, &str, &str); 3] = [
    (
        subjects::EDDY_EVENTS,
        subjects::ALL_EVENTS,
        "Eddy: the events, ground state",
    ),
    (
        subjects::EDDY_DERIVED,
        subjects::ALL_DERIVED,
        "Eddy: outputs, derived from the events",
    ),
    (
        subjects::EDDY_DEAD_LETTERS,
        subjects::ALL_DEAD_LETTERS,
        "Eddy: what was refused, with the reason",
    ),
];

pub(crate) async fn ensure(connection: &Connection, replicas: Option<usize>) -> Result<(), Error> {
    for (name, subject, description) in ALL {
        ensure_one(connection, name, subject, description, replicas).await?;
    }
    Ok(())
}

async fn ensure_one(
    connection: &Connection,
    name: &'static str,
    subject: &str,
    description: &str,
    replicas: Option<usize>,
) -> Result<(), Error> {
    let wanted = Config {
        name: name.into(),
        subjects: vec![subject.into()],
        description: Some(description.into()),
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        // Without room the newest is refused, never the oldest dropped.
        discard: DiscardPolicy::New,
        num_replicas: replicas.unwrap_or(1),
        duplicate_window: window(name),
        allow_direct: true,
        // A stream is either persisted lazily or takes atomic batches.
        allow_atomic_publish: name != subjects::EDDY_EVENTS && !lazily_persisted(name, replicas),
        persist_mode: lazily_persisted(name, replicas).then_some(PersistenceMode::Async),
        ..Default::default()
    };
    let context = &connection.context;
    let looking = format!("look up stream {name}");
    let existing = match connection.stream(name).await? {
        Ok(stream) => stream.cached_info().config.clone(),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(reason) if reason.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                return match create(connection, wanted, subject).await {
                    // Another engine was faster: look at what it made.
                    Err(Error::Refused { code, .. }) if code == ErrorCode::STREAM_NAME_EXIST.0 => {
                        Box::pin(ensure_one(connection, name, subject, description, replicas)).await
                    }
                    outcome => outcome,
                };
            }
            GetStreamErrorKind::JetStream(reason) => return Err(refused(looking, &error, Some(reason))),
            _ => return Err(refused(looking, &error, None)),
        },
    };
    if let Some((setting, found, wanted)) = incompatible(&existing, subject, window(name), replicas) {
        return Err(Error::StreamIncompatible {
            stream: name.into(),
            setting,
            found,
            wanted,
        });
    }
    let additions = Config {
        allow_direct: true,
        allow_atomic_publish: existing.allow_atomic_publish
            || (name != subjects::EDDY_EVENTS && existing.persist_mode != Some(PersistenceMode::Async)),
        ..existing.clone()
    };
    if additions != existing {
        tracing::info!(
            stream = name,
            "switching on direct reads and atomic batches of an existing stream"
        );
        let (updating, update) = (
            format!("update stream {name}"),
            format!("$JS.API.STREAM.UPDATE.{name}"),
        );
        connection
            .insist(&updating, &update, || context.update_stream(additions.clone()))
            .await?
            .map_err(|e| refused(updating, &e, None))?;
    }
    Ok(())
}

async fn create(connection: &Connection, wanted: Config, subject: &str) -> Result<(), Error> {
    let (name, replicas) = (wanted.name.clone(), wanted.num_replicas);
    let creating = format!("create stream {name} of {subject}");
    let request = format!("$JS.API.STREAM.CREATE.{name}");
    let made = || connection.context.create_stream(wanted.clone());
    let error = match connection.insist(&creating, &request, made).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error,
        Err(Error::NotPermitted { doing, reason, .. }) => {
            let remedy = "grant it, or start eddy once as a user who may: then the streams exist".into();
            return Err(Error::NotPermitted {
                doing,
                reason,
                remedy,
            });
        }
        Err(error) => return Err(error),
    };
    match error.kind() {
        CreateStreamErrorKind::JetStream(reason)
            if replicas > 1
                && matches!(
                    reason.error_code(),
                    ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED | ErrorCode::CLUSTER_NO_PEERS
                ) =>
        {
            Err(Error::TooFewServers {
                stream: name,
                replicas,
                reason: reason.to_string(),
            })
        }
        CreateStreamErrorKind::JetStream(reason) => Err(refused(creating, &error, Some(reason))),
        _ => Err(refused(creating, &error, None)),
    }
}

/// Outputs can be made again from the log, so a server of its own need not sync each of them; see [`crate::chain`] for what it may lose. Copies
/// on several servers are as good as a sync, and such streams know no lazy way.
fn lazily_persisted(stream: &str, replicas: Option<usize>) -> bool {
    stream == subjects::EDDY_DERIVED && replicas.unwrap_or(1) == 1
}

/// Outputs are chained, not recognised by their ids, of which the server is to keep few.
fn window(stream: &str) -> Duration {
    if stream == subjects::EDDY_DERIVED {
        Duration::from_secs(1)
    } else {
        DUPLICATE_WINDOW
    }
}

/// The first setting that would break a promise, its value, and the value needed.
fn incompatible(
    found: &Config,
    subject: &str,
    window: Duration,
    replicas: Option<usize>,
) -> Option<(&'static str, String, String)> {
    let limited = |n: i64| n > 0 && found.discard == DiscardPolicy::Old;
    let checks: [(bool, &'static str, String, &str); 10] = [
        (
            found.storage != StorageType::File,
            "storage",
            "memory".into(),
            "file",
        ),
        (
            found.retention != RetentionPolicy::Limits,
            "retention",
            format!("{:?}", found.retention).to_lowercase(),
            "limits",
        ),
        (
            !found.max_age.is_zero(),
            "max_age",
            format!("{} s", found.max_age.as_secs()),
            "0, for events are kept",
        ),
        (
            limited(found.max_messages),
            "max_msgs",
            format!("{} with discard old", found.max_messages),
            "no limit, or discard new",
        ),
        (
            limited(found.max_bytes),
            "max_bytes",
            format!("{} with discard old", found.max_bytes),
            "no limit, or discard new",
        ),
        (
            found.max_messages_per_subject > 0,
            "max_msgs_per_subject",
            found.max_messages_per_subject.to_string(),
            "no limit",
        ),
        (
            !found.subjects.iter().any(|s| s == subject),
            "subjects",
            found.subjects.join(","),
            subject,
        ),
        (
            found.sealed || found.no_ack,
            "sealed or no_ack",
            "true".into(),
            "false",
        ),
        (
            found.persist_mode == Some(PersistenceMode::Async) && subject != subjects::ALL_DERIVED,
            "persist_mode",
            "async".into(),
            "default",
        ),
        (
            found.duplicate_window < window,
            "duplicate_window",
            format!("{} s", found.duplicate_window.as_secs()),
            "at least 60 s, within which publishes are repeated",
        ),
    ];
    if let Some((_, setting, found, wanted)) = checks.into_iter().find(|(wrong, ..)| *wrong) {
        return Some((setting, found, wanted.to_string()));
    }
    let replicas = replicas.filter(|wanted| *wanted != found.num_replicas)?;
    Some((
        "num_replicas",
        found.num_replicas.to_string(),
        replicas.to_string(),
    ))
}

fn refused(doing: String, error: &dyn std::error::Error, reason: Option<jetstream::Error>) -> Error {
    match reason {
        Some(reason) => Error::Refused {
            doing,
            code: reason.error_code().0,
            reason: reason.to_string(),
        },
        None => Error::request(doing, chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitting() -> Config {
        Config {
            subjects: vec![subjects::ALL_EVENTS.into()],
            num_replicas: 1,
            duplicate_window: DUPLICATE_WINDOW,
            ..Default::default()
        }
    }

    #[test]
    fn a_stream_that_forgets_is_incompatible() {
        let check = |config: &Config| {
            incompatible(config, subjects::ALL_EVENTS, DUPLICATE_WINDOW, Some(1)).map(|(setting, ..)| setting)
        };
        assert_eq!(check(&fitting()), None);
        assert_eq!(
            check(&Config {
                max_age: Duration::from_secs(1),
                ..fitting()
            }),
            Some("max_age")
        );
        assert_eq!(
            check(&Config {
                storage: StorageType::Memory,
                ..fitting()
            }),
            Some("storage")
        );
        assert_eq!(
            check(&Config {
                max_bytes: 1,
                ..fitting()
            }),
            Some("max_bytes")
        );
        assert_eq!(
            check(&Config {
                max_bytes: 1,
                discard: DiscardPolicy::New,
                ..fitting()
            }),
            None
        );
        assert_eq!(
            check(&Config {
                subjects: vec!["eddy.events.a.0".into()],
                ..fitting()
            }),
            Some("subjects")
        );
        assert_eq!(
            check(&Config {
                num_replicas: 3,
                ..fitting()
            }),
            Some("num_replicas")
        );
        assert_eq!(
            check(&Config {
                persist_mode: Some(PersistenceMode::Async),
                ..fitting()
            }),
            Some("persist_mode")
        );
    }
}
